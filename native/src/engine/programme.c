#include "programme.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 960 };

static loa_programme *create(int64_t start, int64_t end)
{
    loa_programme *programme = calloc(1, sizeof *programme);
    if (!programme)
        return NULL;
    atomic_init(&programme->start, start);
    atomic_init(&programme->end, end);
    programme->clean_start = INT64_MAX;
    programme->clean_end = INT64_MAX;
    programme->last_carried = INT64_MIN;
    return programme;
}

loa_programme *loa_programme_live(const loa_chain_config *chain, const loa_ring_config *ring,
                                  int64_t start, int32_t kept)
{
    loa_programme *programme = create(start, INT64_MAX);
    if (!programme)
        return NULL;
    programme->kept = kept;
    programme->complexity = programme->complexity_now = chain->complexity;
    programme->chain = loa_chain_create(chain);
    programme->ring = loa_ring_create(ring);
    if (programme->chain && programme->ring) {
        programme->slot_size = loa_chain_max_packet(programme->chain);
        programme->slots = calloc((size_t)kept, programme->slot_size);
        programme->sizes = calloc((size_t)kept, sizeof *programme->sizes);
    }
    if (!programme->slots || !programme->sizes) {
        loa_programme_destroy(programme);
        return NULL;
    }
    return programme;
}

loa_programme *loa_programme_clip(loa_clip *clip, int64_t start, int32_t offset, int32_t count)
{
    loa_programme *programme = create(start, start + count);
    if (!programme)
        return NULL;
    programme->clip = loa_clip_retain(clip);
    programme->offset = offset;
    /* A bulletin fades by itself at its own ends only, not where it was cut and goes on. */
    if (offset == 0)
        programme->clean_start = start;
    if (offset + count == loa_clip_count(clip))
        programme->clean_end = start + count;
    return programme;
}

void loa_programme_destroy(loa_programme *programme)
{
    if (!programme)
        return;
    loa_clip_release(programme->clip);
    if (programme->ring)
        loa_ring_destroy(programme->ring);
    if (programme->chain)
        loa_chain_destroy(programme->chain);
    free(programme->slots);
    free(programme->sizes);
    free(programme);
}

static int is_silent(const float *block)
{
    for (int i = 0; i < BLOCK; i++)
        if (block[i] != 0.0F)
            return 0;
    return 1;
}

static void end_at(loa_programme *programme, int64_t tick)
{
    atomic_store_explicit(&programme->end, tick, memory_order_relaxed);
    programme->clean_end = tick;
    programme->happened |= LOA_NEWS_ENDED;
}

static void make(loa_programme *programme, int64_t tick, const float *block, int speech, int fade)
{
    size_t slot = (size_t)(tick % programme->kept);
    int size = loa_chain_process(programme->chain, block, speech, fade,
                                 programme->slots + slot * programme->slot_size,
                                 programme->slot_size);
    programme->sizes[slot] = (uint16_t)(size > 0 ? size : 0);
}

void loa_programme_run(loa_programme *programme, int64_t tick)
{
    float block[BLOCK];
    int speech = 0;

    programme->happened = 0;
    programme->sizes[tick % programme->kept] = 0;
    /* Opened for a tick that was already being made. */
    if (!programme->started && tick > atomic_load_explicit(&programme->start, memory_order_relaxed))
        atomic_store_explicit(&programme->start, tick, memory_order_relaxed);

    if (programme->flushing) {
        /* The look-aheads of the chain still hold the end of the fade. */
        memset(block, 0, sizeof block);
        make(programme, tick, block, 0, LOA_FADE_NONE);
        end_at(programme, tick + 1);
        return;
    }

    int state = loa_ring_read(programme->ring, block, &speech);
    int cut = atomic_load_explicit(&programme->cut_asked, memory_order_relaxed);
    if (!programme->started) {
        if (cut || (state == LOA_RING_ENDED && is_silent(block))) {
            end_at(programme, tick);
            return;
        }
        if (state == LOA_RING_PRIMING)
            return;
        programme->started = 1;
        atomic_store_explicit(&programme->start, tick, memory_order_relaxed);
        programme->clean_start = tick;
        programme->happened |= LOA_NEWS_STARTED;
    }
    int stalled = state == LOA_RING_CONCEALING || state == LOA_RING_STARVED;
    if (state == LOA_RING_ENDED)
        stalled = programme->stalled; /* it has no more samples, it ends */
    if (stalled != programme->stalled)
        programme->happened |= stalled ? LOA_NEWS_STALLED : LOA_NEWS_RESUMED;
    programme->stalled = stalled;

    int last = cut || state == LOA_RING_ENDED;
    int first = (programme->happened & LOA_NEWS_STARTED) != 0;
    make(programme, tick, block, speech, last ? LOA_FADE_OUT : first ? LOA_FADE_IN : LOA_FADE_NONE);
    programme->flushing = last;
}

void loa_programme_skip(loa_programme *programme, int64_t from, int64_t to)
{
    if (to - from > programme->kept)
        from = to - programme->kept;
    for (int64_t tick = from; tick < to; tick++)
        programme->sizes[tick % programme->kept] = 0;
}

int loa_programme_covers(const loa_programme *programme, int64_t tick)
{
    return tick >= atomic_load_explicit(&programme->start, memory_order_relaxed) &&
           tick < atomic_load_explicit(&programme->end, memory_order_relaxed);
}

const uint8_t *loa_programme_packet(const loa_programme *programme, int64_t tick, uint16_t *size)
{
    if (!loa_programme_covers(programme, tick))
        return NULL;
    if (programme->clip)
        return loa_clip_packet(
            programme->clip,
            (int32_t)(tick - atomic_load_explicit(&programme->start, memory_order_relaxed)) +
                programme->offset,
            size);
    size_t slot = (size_t)(tick % programme->kept);
    *size = programme->sizes[slot];
    return *size ? programme->slots + slot * programme->slot_size : NULL;
}
