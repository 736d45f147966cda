/* See loa_ring.h. Positions are absolute sample counts, so that fill is a subtraction and nothing wraps. */
#include "loa_ring.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "loa_error.h"

enum { BLOCK = 960, SAMPLES_A_MS = 48 };

struct loa_ring {
    loa_ring_config config;
    uint64_t capacity;
    float *samples;
    uint8_t *speech;
    _Atomic uint64_t head; /* samples written; the writer's */
    _Atomic uint64_t tail; /* samples taken out; the reader's */
    _Atomic int finished;
    _Atomic int state;
    _Atomic uint64_t read, concealed, trimmed, refused, stalls;
};

static uint64_t samples_of(int32_t ms) { return (uint64_t)ms * SAMPLES_A_MS; }

loa_ring *loa_ring_create(const loa_ring_config *config)
{
    if (config == NULL || config->depth_ms < 20 || config->depth_ms > 2000
        || config->max_depth_ms < config->depth_ms || config->capacity_ms <= config->max_depth_ms
        || config->capacity_ms > 60000
        || (config->policy != LOA_RING_TRIM && config->policy != LOA_RING_PRESSURE))
        return NULL;
    loa_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return NULL;
    ring->config = *config;
    ring->capacity = samples_of(config->capacity_ms);
    ring->samples = calloc(ring->capacity, sizeof *ring->samples);
    ring->speech = calloc(ring->capacity, 1);
    if (ring->samples == NULL || ring->speech == NULL) {
        loa_ring_destroy(ring);
        return NULL;
    }
    return ring;
}

void loa_ring_destroy(loa_ring *ring)
{
    if (ring == NULL)
        return;
    free(ring->samples);
    free(ring->speech);
    free(ring);
}

int loa_ring_write(loa_ring *ring, const float *samples, int frames, int speech)
{
    if (samples == NULL || frames < 0)
        return LOA_EINVAL;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint64_t room = ring->capacity - (head - tail);
    uint64_t accepted = (uint64_t)frames < room ? (uint64_t)frames : room;
    for (uint64_t i = 0; i < accepted; i++) {
        uint64_t at = (head + i) % ring->capacity;
        ring->samples[at] = isfinite(samples[i]) ? samples[i] : 0.0f;
        ring->speech[at] = speech != 0;
    }
    atomic_store_explicit(&ring->head, head + accepted, memory_order_release);
    uint64_t left = (uint64_t)frames - accepted;
    if (ring->config.policy == LOA_RING_PRESSURE) {
        atomic_fetch_add_explicit(&ring->refused, left, memory_order_relaxed);
        return (int)accepted;
    }
    atomic_fetch_add_explicit(&ring->trimmed, left, memory_order_relaxed);
    return frames;
}

void loa_ring_finish(loa_ring *ring) { atomic_store_explicit(&ring->finished, 1, memory_order_release); }

void loa_ring_reopen(loa_ring *ring) { atomic_store_explicit(&ring->finished, 0, memory_order_release); }

int loa_ring_read(loa_ring *ring, float *out, int *speech)
{
    int finished = atomic_load_explicit(&ring->finished, memory_order_acquire);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t fill = head - tail;
    int state = atomic_load_explicit(&ring->state, memory_order_relaxed);
    int waiting = state == LOA_RING_PRIMING || state == LOA_RING_STARVED || state == LOA_RING_ENDED;

    memset(out, 0, BLOCK * sizeof *out);
    *speech = 0;
    if (finished)
        state = fill <= BLOCK ? LOA_RING_ENDED : LOA_RING_RUNNING;
    else if (fill < (waiting ? samples_of(ring->config.depth_ms) : BLOCK))
        state = waiting && state != LOA_RING_STARVED ? LOA_RING_PRIMING : LOA_RING_STARVED;
    else
        state = LOA_RING_RUNNING;

    if (state == LOA_RING_STARVED && !waiting)
        atomic_fetch_add_explicit(&ring->stalls, 1, memory_order_relaxed);
    if (state == LOA_RING_RUNNING || state == LOA_RING_ENDED) {
        uint64_t count = fill < BLOCK ? fill : BLOCK;
        uint64_t spoken = 0;
        for (uint64_t i = 0; i < count; i++) {
            out[i] = ring->samples[(tail + i) % ring->capacity];
            spoken += ring->speech[(tail + i) % ring->capacity];
        }
        *speech = 2 * spoken > count;
        atomic_store_explicit(&ring->tail, tail + count, memory_order_release);
        atomic_fetch_add_explicit(&ring->read, count, memory_order_relaxed);
    }
    atomic_store_explicit(&ring->state, state, memory_order_relaxed);
    return state;
}

int loa_ring_space(const loa_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t fill = head > tail ? head - tail : 0;
    return (int)(ring->capacity - fill);
}

void loa_ring_read_stats(const loa_ring *ring, loa_ring_stats *stats)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    stats->written = head;
    stats->read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    stats->concealed = atomic_load_explicit(&ring->concealed, memory_order_relaxed);
    stats->trimmed = atomic_load_explicit(&ring->trimmed, memory_order_relaxed);
    stats->refused = atomic_load_explicit(&ring->refused, memory_order_relaxed);
    stats->stalls = atomic_load_explicit(&ring->stalls, memory_order_relaxed);
    stats->fill_ms = head > tail ? (float)(head - tail) / SAMPLES_A_MS : 0.0f;
    stats->depth_ms = (float)ring->config.depth_ms;
    stats->drift_ppm = 0.0f;
    stats->state = atomic_load_explicit(&ring->state, memory_order_relaxed);
}
