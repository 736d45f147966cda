/* The engine's programmes by handle. A slot is taken by any thread, emptied by the tick thread alone. */
#ifndef LOA_TABLE_H
#define LOA_TABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "programme.h"

typedef struct {
    _Atomic(loa_programme *) *slots;
    int32_t capacity;
    _Atomic int32_t used;      /* slots at and after this one are empty */
    int64_t made;              /* programmes so far: the high part of the next handle */
    pthread_mutex_t lock;      /* held by whoever uses a programme outside the tick, shortly */
} loa_table;

int loa_table_init(loa_table *table, int32_t capacity);

/* Destroys every programme that is left. */
void loa_table_free(loa_table *table);

/* Gives the programme its handle and returns it, or LOA_EFULL. */
int64_t loa_table_put(loa_table *table, loa_programme *programme);

/* The programme, or NULL when it is gone. Outside the tick thread: with the lock held. */
loa_programme *loa_table_find(const loa_table *table, int64_t handle);

#endif
