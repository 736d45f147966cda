/* One programme on the timeline: where its packet of a tick is. Either a clip's packets lie ready,
 * or a ring and a chain make one packet a tick, which is kept for a while. */
#ifndef LOA_PROGRAMME_H
#define LOA_PROGRAMME_H

#include <stdatomic.h>
#include <stdint.h>

#include "loa_chain.h"
#include "loa_clip.h"
#include "loa_ring.h"

typedef struct loa_programme {
    int64_t handle;
    _Atomic int64_t start;       /* first tick */
    _Atomic int64_t end;         /* first tick after it; INT64_MAX while open */
    atomic_int cut_asked;
    atomic_int released;
    int64_t last_carried;        /* tick thread: newest tick at which a mount carried it */
    int64_t clean_start;         /* where it fades in and out by itself: a change there needs no */
    int64_t clean_end;           /* silence between; INT64_MAX: nowhere (yet) */

    loa_clip *clip;
    int32_t offset;

    loa_ring *ring;              /* live from here on */
    loa_chain *chain;
    uint8_t *slots;              /* kept packets, slot_size apart */
    uint16_t *sizes;             /* 0: silence */
    size_t slot_size;
    int32_t kept;
    int started, stalled, flushing;
    int complexity;              /* as configured */
    int complexity_now;
    int happened;                /* what the last run brought: bits of enum loa_programme_news */
} loa_programme;

enum loa_programme_news {
    LOA_NEWS_STARTED = 1,
    LOA_NEWS_ENDED = 2,
    LOA_NEWS_STALLED = 4,
    LOA_NEWS_RESUMED = 8
};

loa_programme *loa_programme_live(const loa_chain_config *chain, const loa_ring_config *ring,
                                  int64_t start, int32_t kept);
loa_programme *loa_programme_clip(loa_clip *clip, int64_t start, int32_t offset, int32_t count);
void loa_programme_destroy(loa_programme *programme);

/* Live only, by one worker: makes the packet of this tick; what happened is left in ->happened. */
void loa_programme_run(loa_programme *programme, int64_t tick);

/* The engine skipped these ticks: they are silence. */
void loa_programme_skip(loa_programme *programme, int64_t from, int64_t to);

/* The packet of a complete, kept tick and its size, or NULL: silence. */
const uint8_t *loa_programme_packet(const loa_programme *programme, int64_t tick, uint16_t *size);

/* Whether it sounds at this tick. */
int loa_programme_covers(const loa_programme *programme, int64_t tick);

#endif
