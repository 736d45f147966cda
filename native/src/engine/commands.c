#include "commands.h"

#include <stdlib.h>

#include "loa_error.h"

int loa_commands_init(loa_commands *commands, uint32_t capacity)
{
    commands->slots = calloc(capacity, sizeof *commands->slots);
    if (!commands->slots)
        return LOA_ENOMEM;
    commands->capacity = capacity;
    pthread_mutex_init(&commands->writing, NULL);
    return LOA_OK;
}

void loa_commands_free(loa_commands *commands)
{
    if (!commands->slots)
        return;
    pthread_mutex_destroy(&commands->writing);
    free(commands->slots);
}

int loa_commands_put(loa_commands *commands, const int32_t *mounts, int count, int64_t programme,
                     int64_t tick)
{
    pthread_mutex_lock(&commands->writing);
    uint32_t head = atomic_load_explicit(&commands->head, memory_order_relaxed);
    uint32_t used = head - atomic_load_explicit(&commands->tail, memory_order_acquire);
    int result = LOA_EFULL;
    if ((uint32_t)count <= commands->capacity - used) {
        for (int i = 0; i < count; i++)
            commands->slots[head++ & (commands->capacity - 1)] =
                (loa_command){.tick = tick, .programme = programme, .mount = mounts[i]};
        atomic_store_explicit(&commands->head, head, memory_order_release);
        result = LOA_OK;
    }
    pthread_mutex_unlock(&commands->writing);
    return result;
}

int loa_commands_take(loa_commands *commands, loa_command *out)
{
    uint32_t tail = atomic_load_explicit(&commands->tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&commands->head, memory_order_acquire))
        return 0;
    *out = commands->slots[tail & (commands->capacity - 1)];
    atomic_store_explicit(&commands->tail, tail + 1, memory_order_release);
    return 1;
}
