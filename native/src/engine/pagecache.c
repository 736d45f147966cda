#include "pagecache.h"

#include <stdlib.h>
#include <string.h>

#include "loa_page.h"

enum { BUCKETS = 4096, MAX_PAGES = 65536, LIVES_TICKS = 15, CADENCES = 2 };

static const uint8_t SILENCE[3] = {0xF8, 0xFF, 0xFE};

/* What a mount's listeners wanted last: nearly always the next one wants it too. */
typedef struct {
    uint64_t generation; /* it is known only as long as nothing has been forgotten */
    int64_t first, last, boundary;
    int flags;
    loa_built *page;
} recent_page;

struct loa_pagecache {
    loa_built *buckets[BUCKETS];
    loa_built *oldest, *youngest;
    int32_t pages;
    _Atomic uint64_t built;
    int64_t now;
    uint64_t generation;
    recent_page *recent; /* of each mount at each cadence */
    const _Atomic int64_t *making;
    int32_t slots;
};

loa_pagecache *loa_pagecache_create(int32_t max_mounts, const _Atomic int64_t *making, int32_t slots)
{
    loa_pagecache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->recent = calloc((size_t)max_mounts * CADENCES, sizeof *cache->recent);
    if (!cache->recent) {
        free(cache);
        return NULL;
    }
    cache->generation = 1;
    cache->making = making;
    cache->slots = slots;
    return cache;
}

void loa_built_retain(loa_built *page)
{
    page->references++;
}

void loa_built_release(loa_built *page)
{
    if (--page->references == 0)
        free(page);
}

static void forget_oldest(loa_pagecache *cache)
{
    loa_built *page = cache->oldest;
    cache->oldest = page->younger;
    if (!cache->oldest)
        cache->youngest = NULL;
    loa_built **link = &cache->buckets[page->hash % BUCKETS];
    while (*link != page)
        link = &(*link)->next;
    *link = page->next;
    cache->pages--;
    cache->generation++;
    loa_built_release(page);
}

void loa_pagecache_destroy(loa_pagecache *cache)
{
    if (!cache)
        return;
    while (cache->oldest)
        forget_oldest(cache);
    free(cache->recent);
    free(cache);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= 0x9E3779B97F4A7C15U;
    return hash ^ (hash >> 29);
}

static int is_it(const loa_built *page, const loa_built *key)
{
    return page->hash == key->hash && page->first == key->first && page->count == key->count &&
           page->cadence == key->cadence && page->flags == key->flags &&
           page->sequence == key->sequence &&
           memcmp(page->ids, key->ids, sizeof key->ids) == 0;
}

static loa_built *build(loa_pagecache *cache, const loa_built *key,
                        loa_programme *const *programmes)
{
    const uint8_t *packets[LOA_MAX_CADENCE];
    uint16_t sizes[LOA_MAX_CADENCE];
    for (int i = 0; i < key->count; i++) {
        packets[i] = NULL;
        if (programmes[i])
            packets[i] = loa_programme_packet(programmes[i], key->first + i, &sizes[i]);
        if (!packets[i]) {
            packets[i] = SILENCE;
            sizes[i] = sizeof SILENCE;
        }
    }
    size_t size = loa_page_size(sizes, key->count);
    loa_built *page = malloc(sizeof *page + size);
    if (!page)
        return NULL;
    *page = *key;
    page->size = (uint32_t)size;
    loa_page_write(page->bytes, size, packets, sizes, key->count, key->first + key->count - 1,
                   key->sequence, LOA_PAGE_SERIAL, key->flags);
    /* A thread that was stopped for seconds may have read packets that were being overwritten. */
    atomic_thread_fence(memory_order_acquire);
    int64_t making = atomic_load_explicit(cache->making, memory_order_relaxed);
    if (making - key->first >= cache->slots) {
        free(page);
        return NULL;
    }
    return page;
}

static void keep(loa_pagecache *cache, loa_built *page)
{
    if (cache->pages == MAX_PAGES)
        forget_oldest(cache);
    page->references = 1;
    page->built_at = cache->now;
    page->younger = NULL;
    page->next = cache->buckets[page->hash % BUCKETS];
    cache->buckets[page->hash % BUCKETS] = page;
    if (cache->youngest)
        cache->youngest->younger = page;
    else
        cache->oldest = page;
    cache->youngest = page;
    cache->pages++;
    uint64_t built = atomic_load_explicit(&cache->built, memory_order_relaxed);
    atomic_store_explicit(&cache->built, built + 1, memory_order_relaxed);
}

loa_built *loa_pagecache_get(loa_pagecache *cache, int32_t number, const loa_mount *mount,
                             int64_t first, int64_t last, int64_t boundary, int cadence, int flags)
{
    recent_page *recent = &cache->recent[number * CADENCES + (cadence == LOA_MAX_CADENCE)];
    if (recent->generation == cache->generation && recent->first == first &&
        recent->last == last && recent->boundary == boundary && recent->flags == flags)
        return recent->page;

    loa_programme *programmes[LOA_MAX_CADENCE];
    loa_built key = {.first = first,
                     .sequence = (uint32_t)(uint64_t)(boundary / cadence),
                     .count = (int16_t)(last - first + 1),
                     .cadence = (int16_t)cadence,
                     .flags = (int16_t)flags};
    if (!loa_mount_look_up(mount, first, key.count, programmes))
        return NULL;
    key.hash = mix(mix((uint64_t)first, (uint64_t)key.count), (uint64_t)(cadence * 8 + flags));
    for (int i = 0; i < key.count; i++) {
        key.ids[i] = programmes[i] ? programmes[i]->handle : 0;
        key.hash = mix(key.hash, (uint64_t)key.ids[i]);
    }
    loa_built *page = cache->buckets[key.hash % BUCKETS];
    while (page && !is_it(page, &key))
        page = page->next;
    if (!page) {
        page = build(cache, &key, programmes);
        if (!page)
            return NULL;
        keep(cache, page);
    }
    *recent = (recent_page){cache->generation, first, last, boundary, flags, page};
    return page;
}

void loa_pagecache_sweep(loa_pagecache *cache, int64_t now)
{
    cache->now = now;
    while (cache->oldest && now - cache->oldest->built_at > LIVES_TICKS)
        forget_oldest(cache);
}

uint64_t loa_pagecache_built(const loa_pagecache *cache)
{
    return atomic_load_explicit(&cache->built, memory_order_relaxed);
}
