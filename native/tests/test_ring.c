/* The ring in simulation: sources of every clock error, jitter, burst and stall against a reader of 20 ms blocks, with a
 * 1 kHz sine, so that every delivered sample can be computed: each block without a fade in it is fitted and must
 * lie where the counters say, and no two neighbouring samples may differ by more than the sine's own slope.
 *
 * LOA_RING_SECONDS sets the simulated length of the long runs (300, 60 under a sanitizer; try 36000). */
/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing.h"
#include "loa_error.h"
#include "loa_resample.h"
#include "loa_ring.h"

enum { RATE = 48000, BLOCK = 960, PERIOD = 48, CHUNK_MAX = 48000 };
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
static const double USUAL_SECONDS = 60.0;
#else
static const double USUAL_SECONDS = 300.0;
#endif
static const double PI = 3.14159265358979323846;
static const double AMPLITUDE = 0.5;

static int failures;
#define CHECK(condition, ...)                                                  \
    do {                                                                       \
        if (!(condition)) {                                                    \
            failures++;                                                        \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #condition);             \
            printf(__VA_ARGS__);                                               \
            puts("");                                                          \
        }                                                                      \
    } while (0)

typedef struct {
    const char *name;
    loa_ring_config config;
    double ppm;        /* of the source's clock */
    int chunk;         /* samples in one write */
    double jitter_s;   /* each write is late by up to this */
    double stall_at_s, stall_s; /* nothing is delivered in this time; then all that was held is */
    double lost_s;     /* of what was held, this much never comes */
    double seconds;
    int speech;
    double settle_s;   /* from when the bounds below hold (and again this long after a stall) */
    uint64_t most_stalls;
    double least_fill_ms, most_fill_ms;
    double most_swing_ppm; /* of the correction around the true drift */
} run;

typedef struct {
    loa_ring_stats stats;
    double worst_db;    /* of a fitted block */
    double worst_shift; /* samples between where a block lies and where it should */
    double worst_jump;
    double least_fill_ms, most_fill_ms, mean_fill_ms, most_swing_ppm;
    long fitted, blocks;
    long blocks_to_trim; /* from the stall's end until the first trim; -1 if none */
} result;

static float sine(uint64_t index) { return (float)(AMPLITUDE * sin(2.0 * PI * (double)(index % PERIOD) / PERIOD)); }

static uint32_t random_state = 20200824;

static double random01(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) / 16777216.0;
}

/* Fits a sine at the stretched frequency; returns the residual in dB and the phase in samples. */
static double fit(const float *out, double ppm, double *phase)
{
    double w = 2.0 * PI / PERIOD * (1.0 + ppm * 1e-6), s = 0.0, c = 1.0, ds = sin(w), dc = cos(w);
    double ss = 0, sc = 0, cc = 0, ys = 0, yc = 0, yy = 0;
    for (int i = 0; i < BLOCK; i++) {
        double y = out[i];
        ss += s * s, sc += s * c, cc += c * c, ys += y * s, yc += y * c, yy += y * y;
        double next = s * dc + c * ds;
        c = c * dc - s * ds;
        s = next;
    }
    double det = ss * cc - sc * sc, a = (ys * cc - yc * sc) / det, b = (yc * ss - ys * sc) / det;
    double rest = yy - a * ys - b * yc;
    *phase = atan2(b, a) * PERIOD / (2.0 * PI);
    return 10.0 * log10(fmax(rest, 1e-12) / yy);
}

static result simulate(const run *r)
{
    static float chunk[CHUNK_MAX];
    static float table[PERIOD];
    for (int i = 0; i < PERIOD; i++)
        table[i] = sine((uint64_t)i);
    result got = {.worst_db = -200.0, .least_fill_ms = 1e9, .most_fill_ms = -1e9, .blocks_to_trim = -1};
    loa_ring *ring = loa_ring_create(&r->config);
    if (ring == NULL) {
        CHECK(0, "%s: no ring", r->name);
        return got;
    }
    double rate = RATE * (1.0 + r->ppm * 1e-6), due_s = r->chunk / rate, last_ppm = 0.0, sum_fill = 0.0;
    double phase_s = 0.0073; /* the two clocks do not tick together */
    uint64_t index = 0, before = 0, trimmed = 0;
    long summed = 0;
    float out[BLOCK], previous = 0.0f;
    int run_of = 0;
    for (long block = 0; (double)block * 0.02 < r->seconds; block++) {
        double now = (double)block * 0.02 + phase_s;
        for (;;) {
            double at = due_s;
            if (at >= r->stall_at_s && at < r->stall_at_s + r->stall_s)
                at = r->stall_at_s + r->stall_s;
            if (at > now)
                break;
            int lost = due_s >= r->stall_at_s && due_s < r->stall_at_s + r->lost_s;
            for (int i = 0; i < r->chunk; i++)
                chunk[i] = table[(index + (uint64_t)i) % PERIOD];
            if (!lost) {
                int took = loa_ring_write(ring, chunk, r->chunk, r->speech);
                index += (uint64_t)took;
                if (took < r->chunk)
                    break; /* paused: tried again with the next block */
            }
            due_s = (double)(index + (uint64_t)r->chunk) / rate + r->lost_s * (due_s >= r->stall_at_s)
                    + r->jitter_s * random01();
        }
        loa_ring_stats stats;
        loa_ring_read_stats(ring, &stats);
        double fill_ms = stats.fill_ms;
        int speech, state = loa_ring_read(ring, out, &speech);
        loa_ring_read_stats(ring, &stats);

        for (int i = 0; i < BLOCK; i++) {
            got.worst_jump = fmax(got.worst_jump, fabs((double)out[i] - (double)previous));
            previous = out[i];
        }
        run_of = state == LOA_RING_RUNNING && stats.trimmed == trimmed ? run_of + 1 : 0;
        if (stats.trimmed != trimmed && got.blocks_to_trim < 0)
            got.blocks_to_trim = lround((now - r->stall_at_s - r->stall_s) / 0.02);
        trimmed = stats.trimmed;
        if (run_of > 2) {
            double phase, mean_ppm = (last_ppm + (double)stats.drift_ppm) / 2.0;
            double db = fit(out, mean_ppm, &phase);
            /* The block before ended `before` samples into the source; outputs lag by 21, +-1. */
            double shift = phase - fmod((double)before - LOA_RESAMPLE_DELAY, PERIOD);
            shift -= PERIOD * floor(shift / PERIOD + 0.5);
            got.worst_db = fmax(got.worst_db, db);
            got.worst_shift = fmax(got.worst_shift, fabs(shift));
            got.fitted++;
        }
        before = stats.read + stats.trimmed;
        int settled = now > r->settle_s
                      && (now < r->stall_at_s || now > r->stall_at_s + r->stall_s + r->settle_s);
        if (settled) {
            got.least_fill_ms = fmin(got.least_fill_ms, fill_ms);
            got.most_fill_ms = fmax(got.most_fill_ms, fill_ms);
            got.most_swing_ppm = fmax(got.most_swing_ppm, fabs((double)stats.drift_ppm - r->ppm));
            sum_fill += fill_ms;
            summed++;
        }
        last_ppm = (double)stats.drift_ppm;
        got.blocks++;
    }
    got.mean_fill_ms = sum_fill / (double)(summed ? summed : 1);
    loa_ring_read_stats(ring, &got.stats);
    CHECK(got.stats.written == index, "%s: written", r->name);
    double fill = (double)(got.stats.written - got.stats.read - got.stats.trimmed);
    CHECK(fabs(fill / 48.0 - (double)got.stats.fill_ms) < 0.01, "%s: what is written is read, trimmed or there", r->name);
    loa_ring_destroy(ring);
    printf("%-34s %7.0f s: stalls %llu concealed %.0f ms trimmed %.0f ms refused %llu depth %.0f fill %.0f..%.0f mean %.1f "
           "swing %.0f ppm now %.1f, residual %.1f dB, shift %.2f, jump %.4f\n",
           r->name, r->seconds, (unsigned long long)got.stats.stalls, (double)got.stats.concealed / 48.0,
           (double)got.stats.trimmed / 48.0, (unsigned long long)got.stats.refused, (double)got.stats.depth_ms,
           got.least_fill_ms, got.most_fill_ms, got.mean_fill_ms, got.most_swing_ppm, (double)got.stats.drift_ppm,
           got.worst_db, got.worst_shift, got.worst_jump);
    return got;
}

static result expect(const run *r)
{
    result got = simulate(r);
    double slope = 2.0 * AMPLITUDE * sin(PI / PERIOD) * (1.0 + 1e-3);
    CHECK(got.fitted > 0, "%s: no block was checked", r->name);
    CHECK(got.worst_db < -80.0, "%s: residual %.1f dB", r->name, got.worst_db);
    CHECK(got.worst_shift < 1.25, "%s: a block lies off by %.2f samples", r->name, got.worst_shift);
    CHECK(got.worst_jump < slope * 1.05, "%s: a click, %.4f against %.4f", r->name, got.worst_jump, slope);
    CHECK(got.stats.stalls <= r->most_stalls, "%s: %llu stalls", r->name, (unsigned long long)got.stats.stalls);
    CHECK(got.least_fill_ms >= r->least_fill_ms, "%s: fill down to %.1f ms", r->name, got.least_fill_ms);
    CHECK(got.most_fill_ms <= r->most_fill_ms, "%s: fill up to %.1f ms", r->name, got.most_fill_ms);
    if (r->most_swing_ppm > 0.0)
        CHECK(got.most_swing_ppm <= r->most_swing_ppm, "%s: the correction swings by %.0f ppm", r->name,
              got.most_swing_ppm);
    return got;
}

static const loa_ring_config STUDIO = {40, 400, 2000, LOA_RING_TRIM};
static const loa_ring_config STREAM = {300, 1000, 4000, LOA_RING_PRESSURE};
static const double NEVER = 1e18;

static void test_drift(double seconds)
{
    const double errors[] = {0.0, 20.0, 300.0, -300.0, 1000.0};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        char name[64];
        snprintf(name, sizeof name, "studio %+.0f ppm", errors[i]);
        run r = {name, STUDIO, errors[i], 960, 0.002, NEVER, 0, 0, seconds, 1, 120.0, 0, 20.0, 110.0, 1000.0};
        expect(&r);
        snprintf(name, sizeof name, "stream %+.0f ppm", errors[i]);
        run s = {name, STREAM, errors[i], 1024, 0.005, NEVER, 0, 0, seconds, 1, 120.0, 0, 200.0, 400.0, 200.0};
        expect(&s);
    }
    /* At the bound there is nothing left to win lost depth back with: a few short stalls until it is deep enough. */
    run low = {"studio -1000 ppm", STUDIO, -1000.0, 960, 0.002, NEVER, 0, 0, seconds, 1, 400.0, 8, 20.0, 90.0, 1000.0};
    expect(&low);
    run stream = {"stream -1000 ppm", STREAM, -1000.0, 1024, 0.005, NEVER, 0, 0, seconds, 1, 120.0, 0, 200.0, 400.0, 200.0};
    expect(&stream);
}

static void test_bursts(double seconds)
{
    run r = {"studio, 200 ms bursts", STUDIO, 50.0, 9600, 0.0, NEVER, 0, 0, seconds, 1, 150.0, 3, 20.0, 450.0, 1000.0};
    expect(&r);
    run s = {"stream, 200 ms bursts", STREAM, -50.0, 9600, 0.01, NEVER, 0, 0, seconds, 1, 150.0, 0, 100.0, 500.0, 250.0};
    expect(&s);
    run t = {"stream, 1 s bursts", STREAM, 100.0, 48000, 0.05, NEVER, 0, 0, seconds, 1, 150.0, 2, 20.0, 1400.0, 400.0};
    expect(&t);
    run u = {"studio, 100 ms of jitter", STUDIO, 100.0, 960, 0.1, NEVER, 0, 0, seconds, 1, 200.0, 12, 20.0, 400.0, 500.0};
    expect(&u);
}

static void test_stalls(void)
{
    const double lengths[] = {0.03, 0.2, 1.0, 5.0, 60.0};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char name[64];
        for (int speech = 0; speech < 2; speech++) {
            snprintf(name, sizeof name, "studio stalls %.2f s%s", lengths[i], speech ? ", talking" : "");
            run r = {name, STUDIO, 30.0, 960, 0.0, 20.0, lengths[i], 0, 40.0 + lengths[i], speech, 4.0, 1, 20.0, 450.0, 0};
            result got = expect(&r);
            CHECK(lengths[i] < 0.2 || got.stats.trimmed > 0, "%s: came back late and was not trimmed", name);
            CHECK(got.blocks_to_trim < 150, "%s: late for %ld blocks", name, got.blocks_to_trim);
            CHECK(got.stats.concealed <= 2 * 80 * 48, "%s: concealed for too long", name);
        }
        /* Real-time audio that is lost, not late: nothing to trim. */
        snprintf(name, sizeof name, "studio loses %.2f s", lengths[i]);
        run l = {name, STUDIO, 30.0, 960, 0.0, 20.0, lengths[i], lengths[i], 40.0 + lengths[i], 1, 4.0, 1, 20.0, 450.0, 0};
        expect(&l);
        /* Under pressure nothing is lost: what was held comes late. */
        snprintf(name, sizeof name, "stream stalls %.2f s", lengths[i]);
        run s = {name, STREAM, 30.0, 1024, 0.0, 20.0, lengths[i], 0, 40.0 + lengths[i], 1, 4.0, 1, 20.0, 4000.0, 0};
        result got = expect(&s);
        CHECK(got.stats.trimmed == 0, "%s: trimmed under pressure", name);
    }
}

static void test_file_that_sends_too_fast(void)
{
    run r = {"file at ten times the speed", STREAM, 0, 4096, 0.0, NEVER, 0, 0, 120.0, 1, 10.0, 0, 3800.0, 4000.0, 1.0};
    r.ppm = 9e6;
    r.most_swing_ppm = 0.0;
    result got = expect(&r);
    CHECK(got.stats.refused > 0 && fabs((double)got.stats.drift_ppm) < 1.0, "a slave needs no correction");
}

static void test_states(void)
{
    loa_ring_config config = {40, 400, 1000, LOA_RING_TRIM};
    loa_ring *ring = loa_ring_create(&config);
    float in[BLOCK], out[BLOCK];
    int speech = 7;
    for (int i = 0; i < BLOCK; i++)
        in[i] = sine((uint64_t)i);
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_PRIMING && speech == 0, "empty");
    for (int i = 0; i < BLOCK; i++)
        CHECK(out[i] == 0.0f, "silence at %d", i);
    loa_ring_write(ring, in, BLOCK, 1);
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_PRIMING, "half its depth");
    loa_ring_write(ring, in, BLOCK, 1);
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_RUNNING && speech == 1, "its depth");
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_RUNNING, "the rest");
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_CONCEALING && speech == 0, "nothing left");
    int state = LOA_RING_CONCEALING, blocks = 1;
    while ((state = loa_ring_read(ring, out, &speech)) == LOA_RING_CONCEALING)
        blocks++;
    CHECK(state == LOA_RING_STARVED && blocks <= 5, "%d blocks made up", blocks);
    loa_ring_write(ring, in, 100, 0);
    loa_ring_finish(ring);
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_ENDED, "the rest comes with the end");
    double energy = 0.0;
    for (int i = 0; i < BLOCK; i++)
        energy += (double)out[i] * (double)out[i];
    CHECK(energy > 0.1, "the last 100 samples are heard");
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_ENDED, "it stays ended");
    loa_ring_reopen(ring);
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_PRIMING, "a studio came back");
    for (int i = 0; i < 10; i++)
        loa_ring_write(ring, in, BLOCK, 1);
    CHECK(loa_ring_read(ring, out, &speech) == LOA_RING_RUNNING, "and is heard");
    loa_ring_stats stats;
    loa_ring_read_stats(ring, &stats);
    CHECK(stats.stalls == 1 && stats.concealed > 0, "counted");
    loa_ring_destroy(ring);
}

static void test_bad_arguments(void)
{
    const loa_ring_config bad[] = {{0, 40, 60, 0},  {19, 40, 60, 0},    {40, 20, 60, 0},   {20, 60, 60, 0},
                                   {20, 40, 60001, 0}, {2001, 2001, 3000, 0}, {20, 40, 60, 2}, {20, 40, 60, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(loa_ring_create(&bad[i]) == NULL, "config %zu", i);
    CHECK(loa_ring_create(NULL) == NULL, "no config");
    loa_ring_config config = {20, 40, 60, LOA_RING_TRIM};
    loa_ring *ring = loa_ring_create(&config);
    CHECK(loa_ring_write(ring, NULL, 1, 0) == LOA_EINVAL, "no samples");
    float wild[BLOCK], out[BLOCK + 2];
    CHECK(loa_ring_write(ring, wild, -1, 0) == LOA_EINVAL, "fewer than none");
    CHECK(loa_ring_write(ring, wild, 0, 0) == 0, "none");
    for (int i = 0; i < BLOCK; i++)
        wild[i] = i % 4 == 0 ? NAN : i % 4 == 1 ? INFINITY : i % 4 == 2 ? -INFINITY : 3e38f;
    out[0] = out[BLOCK + 1] = 12345.0f;
    int speech;
    for (int i = 0; i < 40; i++) {
        loa_ring_write(ring, wild, BLOCK, 1);
        if (i % 7 == 0)
            loa_ring_read(ring, out + 1, &speech);
        for (int k = 1; k <= BLOCK; k++)
            CHECK(isfinite(out[k]) && fabsf(out[k]) < 100.0f, "sample %d is %f", k, (double)out[k]);
    }
    CHECK(out[0] == 12345.0f && out[BLOCK + 1] == 12345.0f, "a canary died");
    loa_ring_destroy(ring);
    loa_ring_destroy(NULL);
}

/* Writer and reader in threads of their own, as fast as they can, and a third that looks: for ThreadSanitizer. */
static atomic_int done;

static void *writer(void *argument)
{
    float in[480];
    for (int i = 0; i < 480; i++)
        in[i] = sine((uint64_t)i);
    for (int i = 0; i < 20000; i++) {
        loa_ring_write(argument, in, 480, i & 1);
        if (i % 5000 == 4000)
            loa_ring_finish(argument);
        if (i % 5000 == 4500)
            loa_ring_reopen(argument);
    }
    loa_ring_finish(argument);
    return NULL;
}

static void *looker(void *argument)
{
    loa_ring_stats stats;
    while (!atomic_load(&done)) {
        loa_ring_read_stats(argument, &stats);
        CHECK(stats.fill_ms >= 0.0f && loa_ring_space(argument) >= 0, "a fill below nothing");
    }
    return NULL;
}

static void test_threads(int policy)
{
    loa_ring_config config = {20, 100, 300, policy};
    loa_ring *ring = loa_ring_create(&config);
    pthread_t threads[2];
    atomic_store(&done, 0);
    pthread_create(&threads[0], NULL, writer, ring);
    pthread_create(&threads[1], NULL, looker, ring);
    float out[BLOCK];
    int speech, ended = 0;
    for (long i = 0; ended < 200 && i < 10000000; i++) {
        ended = loa_ring_read(ring, out, &speech) == LOA_RING_ENDED ? ended + 1 : 0;
        for (int k = 0; k < BLOCK; k++)
            if (!(fabsf(out[k]) <= 2.0f * (float)AMPLITUDE))
                CHECK(0, "sample %f", (double)out[k]);
    }
    pthread_join(threads[0], NULL);
    atomic_store(&done, 1);
    pthread_join(threads[1], NULL);
    loa_ring_destroy(ring);
}

/* Whichever allocation fails, there is no ring and nothing leaks; and once there is one, none is made. */
static void test_memory(void)
{
    int total = 0;
    for (int fail = 1; fail < 50; fail++) {
        atomic_store(&failing_countdown, fail);
        loa_ring *ring = loa_ring_create(&STUDIO);
        atomic_store(&failing_countdown, 0);
        if (ring != NULL) {
            total = fail - 1;
            loa_ring_destroy(ring);
            break;
        }
    }
    CHECK(total == 5, "%d allocations", total);
    loa_ring *ring = loa_ring_create(&STUDIO);
    int before = atomic_load(&failing_asked), speech;
    float block[BLOCK] = {0};
    for (int i = 0; i < 500; i++) {
        if (i % 97 < 60)
            loa_ring_write(ring, block, BLOCK, i & 1);
        loa_ring_read(ring, block, &speech);
    }
    CHECK(atomic_load(&failing_asked) == before, "it allocated");
    loa_ring_destroy(ring);
}

int main(void)
{
    const char *wanted = getenv("LOA_RING_SECONDS");
    double seconds = wanted != NULL ? atof(wanted) : USUAL_SECONDS;
    test_bad_arguments();
    test_states();
    test_memory();
    test_threads(LOA_RING_TRIM);
    test_threads(LOA_RING_PRESSURE);
    test_stalls();
    test_file_that_sends_too_fast();
    test_bursts(seconds);
    test_drift(seconds);
    return failures != 0;
}
