/* Carriage changes on their way from Python to the tick thread: a bounded queue that never makes the
 * tick wait. Producers take turns by a mutex; the one consumer takes none. */
#ifndef LOA_COMMANDS_H
#define LOA_COMMANDS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct {
    int64_t tick;
    int64_t programme;
    int32_t mount;
} loa_command;

typedef struct {
    loa_command *slots;
    uint32_t capacity; /* a power of two */
    _Atomic uint32_t head, tail;
    pthread_mutex_t writing;
} loa_commands;

int loa_commands_init(loa_commands *commands, uint32_t capacity);
void loa_commands_free(loa_commands *commands);

/* Puts all of them or none; they become visible together. LOA_EFULL when there is no room. */
int loa_commands_put(loa_commands *commands, const int32_t *mounts, int count, int64_t programme,
                     int64_t tick);

/* The oldest one; 0 when there is none. */
int loa_commands_take(loa_commands *commands, loa_command *out);

#endif
