/* The pages that one fan-out thread has in use: each is built when the first listener needs it and
 * shared by all whose ticks carry the same programmes. One thread only. */
#ifndef LOA_PAGECACHE_H
#define LOA_PAGECACHE_H

#include <stdint.h>

#include "mount.h"

enum { LOA_MAX_CADENCE = 10 };

typedef struct loa_built {
    struct loa_built *next;      /* in its hash chain */
    struct loa_built *younger;   /* in order of building */
    uint64_t hash;
    int64_t first;
    int64_t ids[LOA_MAX_CADENCE]; /* the programme of each tick; 0: silence */
    uint32_t sequence;
    int16_t count, cadence, flags;
    int32_t references;          /* listeners in the middle of it, and the cache itself */
    int64_t built_at;
    uint32_t size;
    uint8_t bytes[];
} loa_built;

typedef struct loa_pagecache loa_pagecache;

/* making: packets of ticks up to this one may be being written, over those of slots ticks before. */
loa_pagecache *loa_pagecache_create(int32_t max_mounts, const _Atomic int64_t *making,
                                    int32_t slots);
void loa_pagecache_destroy(loa_pagecache *cache);

/* The page of ticks first..last of a mount, which stands in the place of the full page that ends with
 * boundary; borrowed until the next call, unless retained. NULL when memory is short or what
 * was carried then is no longer kept. */
loa_built *loa_pagecache_get(loa_pagecache *cache, int32_t number, const loa_mount *mount,
                             int64_t first, int64_t last, int64_t boundary, int cadence, int flags);

void loa_built_retain(loa_built *page);
void loa_built_release(loa_built *page);

/* Forgets pages built a while before now; call it once a round. */
void loa_pagecache_sweep(loa_pagecache *cache, int64_t now);

uint64_t loa_pagecache_built(const loa_pagecache *cache);

#endif
