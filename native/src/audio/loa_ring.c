/* See loa_ring.h.
 *
 * The reader composes one stream without a step in it (the source's samples, crossfades where it trims, a made-up
 * continuation where the source stalls, silence) and the resampler pulls from that stream. Positions are absolute
 * sample counts, so that the fill is a subtraction and nothing wraps.
 *
 * Under LOA_RING_TRIM the writer never looks at the reader: it overwrites what is oldest. The reader stays away from
 * what may be overwritten by a guard of up to an eighth of the capacity; should it be halted in the middle of a copy for
 * longer than that, it reads newer samples in place of older ones. Samples are therefore relaxed atomics. */
#include "loa_ring.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "loa_conceal.h"
#include "loa_error.h"
#include "loa_pace.h"
#include "loa_resample.h"

enum {
    SLACK = 40 * 48,               /* what may lie beyond the depth at the start; half of it stays */
    BLOCK = LOA_RESAMPLE_BLOCK,
    SAMPLES_A_MS = 48,
    HISTORY = LOA_CONCEAL_HISTORY,
    FADE = 5 * SAMPLES_A_MS,       /* into audio after a gap */
    SPLICE = 10 * SAMPLES_A_MS,    /* crossfade of a trim */
    SEARCH = 10 * SAMPLES_A_MS,    /* a trim may be this much shorter where the waveforms match better */
    PATIENCE = 50,                 /* blocks that a trim waits for a pause in speech */
    SLAVE = 250                    /* blocks for which a source that filled the ring counts as following us */
};
static const float LEAST_MISSING_MS = 20.0f;
static const float PAUSE_SLACK_MS = 20.0f, TALK_SLACK_MS = 60.0f; /* less is left to the resampler */
static const float LOUDEST = 32.0f; /* +30 dBFS: no audio is louder, and sums of squares stay finite */

struct loa_ring {
    loa_ring_config config;
    uint64_t capacity, guard;
    _Atomic float *samples;
    atomic_uchar *speech;
    _Atomic uint64_t head; /* samples written; the writer's */
    _Atomic uint64_t tail; /* samples taken out; the reader's */
    atomic_int finished, state;
    _Atomic uint64_t read, concealed, trimmed, refused, stalls;
    _Atomic float depth_ms, drift_ppm;
    /* The reader's own. */
    loa_resampler *resampler;
    loa_concealer *concealer;
    loa_pace pace;
    int begun, playing;
    int held;         /* blocks to wait still when enough is there: a stall leaves the ring deeper by a block */
    int fading;       /* samples of the fade into audio that are left */
    int patience;
    int slave;
    float missing_ms; /* how long nothing has come */
    float stream[HISTORY + LOA_RESAMPLE_MOST_IN]; /* composed: what was, then the new block */
    float splice[SPLICE + SEARCH];
};

static uint64_t samples_of(float ms) { return (uint64_t)(ms * SAMPLES_A_MS); }

static float ms_of(uint64_t samples) { return (float)samples / SAMPLES_A_MS; }

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

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
    ring->capacity = (uint64_t)config->capacity_ms * SAMPLES_A_MS;
    uint64_t spare = ring->capacity - (uint64_t)config->max_depth_ms * SAMPLES_A_MS;
    ring->guard = spare / 2 < ring->capacity / 8 ? spare / 2 : ring->capacity / 8;
    ring->samples = calloc(ring->capacity, sizeof *ring->samples);
    ring->speech = calloc(ring->capacity, sizeof *ring->speech);
    ring->resampler = loa_resampler_create();
    ring->concealer = loa_concealer_create();
    if (ring->samples == NULL || ring->speech == NULL || ring->resampler == NULL || ring->concealer == NULL) {
        loa_ring_destroy(ring);
        return NULL;
    }
    loa_pace_init(&ring->pace, (float)config->depth_ms, (float)config->max_depth_ms);
    atomic_store_explicit(&ring->depth_ms, ring->pace.depth_ms, memory_order_relaxed);
    return ring;
}

void loa_ring_destroy(loa_ring *ring)
{
    if (ring == NULL)
        return;
    loa_resampler_destroy(ring->resampler);
    loa_concealer_destroy(ring->concealer);
    free(ring->samples);
    free(ring->speech);
    free(ring);
}

/* --- the writer */

static float tame(float sample)
{
    return isfinite(sample) ? fminf(fmaxf(sample, -LOUDEST), LOUDEST) : 0.0f;
}

int loa_ring_write(loa_ring *ring, const float *samples, int frames, int speech)
{
    if (samples == NULL || frames < 0)
        return LOA_EINVAL;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t accepted = (uint64_t)frames;
    if (ring->config.policy == LOA_RING_PRESSURE) {
        uint64_t room = ring->capacity - (head - atomic_load_explicit(&ring->tail, memory_order_acquire));
        if (accepted > room) {
            count(&ring->refused, accepted - room);
            accepted = room;
        }
    }
    uint64_t at = head % ring->capacity;
    for (uint64_t i = 0; i < accepted; i++) {
        atomic_store_explicit(&ring->samples[at], tame(samples[i]), memory_order_relaxed);
        atomic_store_explicit(&ring->speech[at], speech != 0, memory_order_relaxed);
        at = at + 1 == ring->capacity ? 0 : at + 1;
    }
    atomic_store_explicit(&ring->head, head + accepted, memory_order_release);
    return (int)accepted;
}

void loa_ring_finish(loa_ring *ring) { atomic_store_explicit(&ring->finished, 1, memory_order_release); }

void loa_ring_reopen(loa_ring *ring) { atomic_store_explicit(&ring->finished, 0, memory_order_release); }

int loa_ring_space(const loa_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint64_t fill = atomic_load_explicit(&ring->head, memory_order_relaxed) - tail;
    return fill < ring->capacity ? (int)(ring->capacity - fill) : 0;
}

/* --- the reader */

typedef struct {
    uint64_t head, tail; /* what is there in this block */
    uint64_t taken, spoken, made;
    int finished;
} view;

/* Copies samples from an absolute position on; returns how many of them are speech. */
static uint64_t peek(const loa_ring *ring, uint64_t from, float *out, uint64_t frames)
{
    uint64_t spoken = 0, at = from % ring->capacity;
    for (uint64_t i = 0; i < frames; i++) {
        out[i] = atomic_load_explicit(&ring->samples[at], memory_order_relaxed);
        spoken += atomic_load_explicit(&ring->speech[at], memory_order_relaxed);
        at = at + 1 == ring->capacity ? 0 : at + 1;
    }
    return spoken;
}

static void take(loa_ring *ring, view *v, float *out, uint64_t frames)
{
    v->spoken += peek(ring, v->tail, out, frames);
    v->taken += frames;
    v->tail += frames;
}

static void drop(loa_ring *ring, view *v, uint64_t frames)
{
    v->tail += frames;
    count(&ring->trimmed, frames);
}

static void begin(loa_ring *ring, view *v)
{
    uint64_t fill = v->head - v->tail;
    uint64_t enough = samples_of(ring->pace.depth_ms) + SLACK / 2;
    /* What came before anyone listened only makes a studio late. */
    if (!ring->begun && !v->finished && ring->config.policy == LOA_RING_TRIM && fill > enough + SLACK / 2)
        drop(ring, v, fill - enough);
    loa_pace_begin(&ring->pace, ring->missing_ms);
    ring->missing_ms = 0.0f;
    ring->begun = ring->playing = 1;
    ring->fading = FADE;
    ring->patience = ring->held = 0;
}

/* The writer has come round, or will soon: what is oldest is lost, and the rest is too old. */
static void skip(loa_ring *ring, view *v)
{
    uint64_t depth = samples_of(ring->pace.depth_ms);
    drop(ring, v, v->head - v->tail - depth);
    if (ring->playing) {
        loa_concealer_start(ring->concealer, ring->stream, LOA_CONCEAL_LENGTH);
        ring->fading = FADE;
        loa_pace_begin(&ring->pace, 0.0f);
    }
}

/* How many samples to leave out, at most most, so that the two ends of the splice look alike. */
static uint64_t best_splice(loa_ring *ring, const view *v, uint64_t most, const float *end)
{
    uint64_t range = most < SEARCH ? most : SEARCH, best = most;
    double most_alike = -1.0;
    peek(ring, v->tail + most - range, ring->splice, SPLICE + range);
    for (uint64_t lag = 0; lag <= range; lag += 2) {
        double cross = 0.0, energy = 1e-9;
        for (int i = 0; i < SPLICE; i += 2) {
            double there = (double)ring->splice[lag + (uint64_t)i];
            cross += (double)end[i] * there;
            energy += there * there;
        }
        double alike = cross <= 0.0 ? 0.0 : cross * cross / energy;
        if (alike > most_alike) {
            most_alike = alike;
            best = most - range + lag;
        }
    }
    return best;
}

/* Trims what runs ahead, if it is time to; returns the samples composed, SPLICE or 0. */
static int trim(loa_ring *ring, view *v, float *to)
{
    if (ring->config.policy != LOA_RING_TRIM || v->finished || ring->fading > 0
        || loa_pace_excess(&ring->pace, PAUSE_SLACK_MS) <= 0.0f)
        return 0;
    int talking = 2 * peek(ring, v->tail, to, SPLICE) > SPLICE;
    float excess = loa_pace_excess(&ring->pace, talking ? TALK_SLACK_MS : PAUSE_SLACK_MS);
    uint64_t most = samples_of(excess);
    if (most == 0 || v->head - v->tail < most + BLOCK + SPLICE)
        return 0;
    if (talking && ring->patience++ < PATIENCE)
        return 0;
    ring->patience = 0;
    uint64_t left_out = best_splice(ring, v, most, to);
    drop(ring, v, left_out);
    take(ring, v, ring->splice, SPLICE);
    for (int i = 0; i < SPLICE; i++) {
        float new = ((float)i + 0.5f) / SPLICE;
        to[i] += new * (ring->splice[i] - to[i]);
    }
    loa_pace_trimmed(&ring->pace, ms_of(left_out));
    return SPLICE;
}

/* Mixes the continuation of what was before into the first samples after a gap. */
static void fade_in(loa_ring *ring, float *samples, int frames)
{
    float before[FADE];
    int fading = frames < ring->fading ? frames : ring->fading;
    loa_concealer_next(ring->concealer, before, fading);
    for (int i = 0; i < fading; i++) {
        float new = ((float)(FADE - ring->fading + i) + 0.5f) / FADE;
        samples[i] = before[i] + new * (samples[i] - before[i]);
    }
    ring->fading -= fading;
}

/* Makes the next samples of the stream, behind its history. */
static void compose(loa_ring *ring, view *v, int frames)
{
    float *to = ring->stream + HISTORY;
    int done = ring->playing ? trim(ring, v, to) : 0;
    if (ring->playing) {
        uint64_t there = v->head - v->tail;
        int here = there < (uint64_t)(frames - done) ? (int)there : frames - done;
        take(ring, v, to + done, (uint64_t)here);
        if (ring->fading > 0)
            fade_in(ring, to + done, here);
        done += here;
        if (done < frames) {
            loa_concealer_start(ring->concealer, ring->stream + done,
                                v->finished ? LOA_CONCEAL_SHORT : LOA_CONCEAL_LENGTH);
            ring->playing = 0;
            if (!v->finished) {
                count(&ring->stalls, 1);
                ring->missing_ms = LEAST_MISSING_MS;
                ring->held = 1;
            }
        }
    }
    if (done < frames) {
        int left = loa_concealer_left(ring->concealer);
        loa_concealer_next(ring->concealer, to + done, frames - done);
        v->made = (uint64_t)(left < frames - done ? left : frames - done);
    }
}

static int state_after(loa_ring *ring, const view *v)
{
    if (v->finished && v->head == v->tail && !ring->playing) {
        ring->begun = 0;
        ring->missing_ms = 0.0f;
        ring->held = 0;
        return LOA_RING_ENDED;
    }
    if (ring->playing)
        return LOA_RING_RUNNING;
    if (!ring->begun)
        return LOA_RING_PRIMING;
    return v->made > 0 ? LOA_RING_CONCEALING : LOA_RING_STARVED;
}

int loa_ring_read(loa_ring *ring, float *out, int *speech)
{
    view v = {.finished = atomic_load_explicit(&ring->finished, memory_order_acquire)};
    v.head = atomic_load_explicit(&ring->head, memory_order_acquire);
    v.tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t fill = v.head - v.tail;

    if (ring->config.policy == LOA_RING_TRIM && fill > ring->capacity - ring->guard)
        skip(ring, &v);
    if (!ring->playing) {
        if (v.finished ? fill > 0 : fill >= samples_of(ring->pace.depth_ms) && ring->held-- <= 0)
            begin(ring, &v);
        else if (ring->begun && fill < BLOCK)
            ring->missing_ms += ms_of(BLOCK);
    }
    if (ring->playing && !v.finished) {
        ring->slave = 4 * fill > 3 * ring->capacity ? SLAVE : ring->slave - (ring->slave > 0);
        loa_pace_observe(&ring->pace, ms_of(v.head - v.tail),
                         ring->config.policy == LOA_RING_PRESSURE && ring->slave > 0);
    }

    int need = loa_resampler_need(ring->resampler, ring->pace.ppm);
    compose(ring, &v, need);
    loa_resampler_run(ring->resampler, ring->stream + HISTORY, ring->pace.ppm, out);
    memmove(ring->stream, ring->stream + need, HISTORY * sizeof *ring->stream);
    *speech = 2 * v.spoken > v.taken;

    int state = state_after(ring, &v);
    atomic_store_explicit(&ring->tail, v.tail, memory_order_release);
    atomic_store_explicit(&ring->state, state, memory_order_relaxed);
    atomic_store_explicit(&ring->depth_ms, ring->pace.depth_ms, memory_order_relaxed);
    atomic_store_explicit(&ring->drift_ppm, ring->pace.ppm, memory_order_relaxed);
    count(&ring->read, v.taken);
    count(&ring->concealed, v.made);
    return state;
}

void loa_ring_read_stats(const loa_ring *ring, loa_ring_stats *stats)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t fill = head > tail ? head - tail : 0;
    stats->written = head;
    stats->read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    stats->concealed = atomic_load_explicit(&ring->concealed, memory_order_relaxed);
    stats->trimmed = atomic_load_explicit(&ring->trimmed, memory_order_relaxed);
    stats->refused = atomic_load_explicit(&ring->refused, memory_order_relaxed);
    stats->stalls = atomic_load_explicit(&ring->stalls, memory_order_relaxed);
    stats->fill_ms = ms_of(fill < ring->capacity ? fill : ring->capacity);
    stats->depth_ms = atomic_load_explicit(&ring->depth_ms, memory_order_relaxed);
    stats->drift_ppm = atomic_load_explicit(&ring->drift_ppm, memory_order_relaxed);
    stats->state = atomic_load_explicit(&ring->state, memory_order_relaxed);
}
