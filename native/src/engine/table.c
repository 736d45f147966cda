#include "table.h"

#include <stdlib.h>

#include "loa_error.h"

enum { INDEX_BITS = 16 };

int loa_table_init(loa_table *table, int32_t capacity)
{
    table->slots = calloc((size_t)capacity, sizeof *table->slots);
    if (!table->slots)
        return LOA_ENOMEM;
    table->capacity = capacity;
    pthread_mutex_init(&table->lock, NULL);
    return LOA_OK;
}

void loa_table_free(loa_table *table)
{
    if (!table->slots)
        return;
    for (int32_t i = 0; i < table->capacity; i++)
        loa_programme_destroy(atomic_load_explicit(&table->slots[i], memory_order_relaxed));
    pthread_mutex_destroy(&table->lock);
    free(table->slots);
}

int64_t loa_table_put(loa_table *table, loa_programme *programme)
{
    int64_t handle = LOA_EFULL;
    pthread_mutex_lock(&table->lock);
    for (int32_t i = 0; i < table->capacity; i++) {
        if (atomic_load_explicit(&table->slots[i], memory_order_relaxed))
            continue;
        handle = (++table->made << INDEX_BITS) | i;
        programme->handle = handle;
        atomic_store_explicit(&table->slots[i], programme, memory_order_release);
        if (i >= atomic_load_explicit(&table->used, memory_order_relaxed))
            atomic_store_explicit(&table->used, i + 1, memory_order_release);
        break;
    }
    pthread_mutex_unlock(&table->lock);
    return handle;
}

loa_programme *loa_table_find(const loa_table *table, int64_t handle)
{
    int64_t index = handle & ((1 << INDEX_BITS) - 1);
    if (handle <= 0 || index >= table->capacity)
        return NULL;
    loa_programme *programme = atomic_load_explicit(&table->slots[index], memory_order_acquire);
    return programme && programme->handle == handle ? programme : NULL;
}
