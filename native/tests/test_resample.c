/* The resampler: a tone at any correction stays a tone, as loud as it was and where the counts say; what it needs is
 * what it takes; after create it allocates nothing, and neither does the library under it. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "check.h"
#include "loa_resample.h"

static const double PI = 3.14159265358979323846;
enum { BLOCK = LOA_RESAMPLE_BLOCK, CANARIES = 16 };

/* A sanitizer has its own allocator; elsewhere ours stands before glibc's, for libsamplerate as well. */
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)
#define COUNTING 1
static atomic_int asked, countdown;
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

static int fails(void)
{
    atomic_fetch_add(&asked, 1);
    return atomic_load(&countdown) > 0 && atomic_fetch_sub(&countdown, 1) == 1;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
#endif

static void test_memory(void)
{
#ifdef COUNTING
    int total = 0;
    for (int fail = 1; fail < 20; fail++) {
        atomic_store(&countdown, fail);
        loa_resampler *resampler = loa_resampler_create();
        atomic_store(&countdown, 0);
        if (resampler != NULL) {
            total = fail - 1;
            loa_resampler_destroy(resampler);
            break;
        }
    }
    CHECK(total >= 2); /* ours, and at least one of the library's */
    loa_resampler *resampler = loa_resampler_create();
    int before = atomic_load(&asked);
    static float in[LOA_RESAMPLE_MOST_IN], out[BLOCK];
    for (int block = 0; block < 2000; block++)
        loa_resampler_run(resampler, in, (float)(block % 7 - 3) * 300.0f, out);
    CHECK(atomic_load(&asked) == before);
    loa_resampler_destroy(resampler);
#endif
}

/* Nothing to correct: the input, so many samples later. */
static void test_nothing_to_correct(void)
{
    loa_resampler *resampler = loa_resampler_create();
    float in[LOA_RESAMPLE_MOST_IN], out[BLOCK];
    for (int block = 0; block < 50; block++) {
        CHECK(loa_resampler_need(resampler, 0.0f) == BLOCK);
        for (int i = 0; i < BLOCK; i++)
            in[i] = (float)sin((double)(block * BLOCK + i) * 0.37) * 0.9f;
        loa_resampler_run(resampler, in, 0.0f, out);
        for (int i = 0; block > 0 && i < BLOCK; i++) {
            double due = sin((double)(block * BLOCK + i - LOA_RESAMPLE_DELAY) * 0.37) * 0.9;
            CHECK(fabs((double)out[i] - due) < 2e-4);
        }
    }
    loa_resampler_destroy(resampler);
}

/* Feeds a tone at a steady correction; returns what is no such tone in the output, in dB. */
static double residual(double hertz, float ppm, double *gain_db)
{
    loa_resampler *resampler = loa_resampler_create();
    float in[LOA_RESAMPLE_MOST_IN], out[BLOCK];
    double w = 2.0 * PI * hertz / 48000.0, w_out = w * (1.0 + (double)ppm * 1e-6);
    double ss = 0, sc = 0, cc = 0, ys = 0, yc = 0, yy = 0;
    long index = 0;
    for (long block = 0; block < 150; block++) {
        int need = loa_resampler_need(resampler, ppm);
        for (int i = 0; i < need; i++)
            in[i] = (float)sin(w * (double)(index + i));
        index += need;
        loa_resampler_run(resampler, in, ppm, out);
        for (int i = 0; block >= 3 && i < BLOCK; i++) {
            double at = w_out * (double)(block * BLOCK + i), s = sin(at), c = cos(at), y = out[i];
            ss += s * s, sc += s * c, cc += c * c, ys += y * s, yc += y * c, yy += y * y;
        }
    }
    loa_resampler_destroy(resampler);
    double det = ss * cc - sc * sc, a = (ys * cc - yc * sc) / det, b = (yc * ss - ys * sc) / det;
    *gain_db = 10.0 * log10(a * a + b * b);
    return 10.0 * log10(fmax(yy - a * ys - b * yc, 1e-9) / (a * ys + b * yc));
}

static void test_tones(void)
{
    const double hertz[] = {50.0, 440.0, 997.0, 4000.0, 8000.0, 12000.0, 15000.0, 16000.0};
    const float ppm[] = {0.0f, 0.5f, 100.0f, -100.0f, 1000.0f, -1000.0f};
    for (size_t h = 0; h < sizeof hertz / sizeof *hertz; h++)
        for (size_t p = 0; p < sizeof ppm / sizeof *ppm; p++) {
            double gain_db, db = residual(hertz[h], ppm[p], &gain_db);
            printf("%.0f Hz at %+.1f ppm: residual %.1f dB, gain %+.4f dB\n", hertz[h], (double)ppm[p], db, gain_db);
            CHECK(db < -80.0);
            CHECK(hertz[h] > 15000.0 || fabs(gain_db) < 0.05); /* flat */
        }
}

static float wandering(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 16777216.0f * 2400.0f - 1200.0f; /* beyond the bounds, too */
}

/* Inputs and outputs keep step over twenty minutes of a correction that wanders as fast as a ring's may. */
static void test_count(void)
{
    loa_resampler *resampler = loa_resampler_create();
    static float in[LOA_RESAMPLE_MOST_IN], out[BLOCK];
    double due = 0.0, worst = 0.0;
    float last = 0.0f;
    long taken = 0;
    uint32_t seed = 7;
    for (long block = 0; block < 1200 * 50; block++) {
        /* To one bound, some way back, to the other, with jitter. */
        float trend = block / 700 % 3 == 0 ? 4.0f : block / 700 % 3 == 1 ? -3.0f : -1.0f;
        float ppm = fminf(fmaxf(last + trend + 1e-3f * wandering(&seed), -1000.0f), 1000.0f);
        int need = loa_resampler_need(resampler, ppm);
        CHECK(need >= BLOCK - 2 && need <= BLOCK + 2);
        loa_resampler_run(resampler, in, ppm, out);
        taken += need;
        due += BLOCK * (1.0 + 1e-6 * ((double)last + (double)(ppm - last) / 2.0));
        last = ppm;
        worst = fmax(worst, fabs((double)taken - due));
    }
    printf("counts differ by %.3f at most\n", worst);
    CHECK(worst < 1.05);
    loa_resampler_destroy(resampler);
    loa_resampler_destroy(NULL);
}

/* Whatever the correction does, even from bound to bound, a tone has no step in it; two that are fed alike give
 * the same bits; and nothing is written beyond the block. */
static void test_steps(void)
{
    loa_resampler *one = loa_resampler_create(), *two = loa_resampler_create();
    float in[LOA_RESAMPLE_MOST_IN], out[BLOCK + CANARIES], other[BLOCK];
    double w = 2.0 * PI * 1000.0 / 48000.0, steepest = 2.0 * sin(w / 2.0) * 1.001;
    long index = 0;
    float previous = 0.0f;
    uint32_t seed = 11;
    for (int i = BLOCK; i < BLOCK + CANARIES; i++)
        out[i] = 12345.0f;
    for (int block = 0; block < 500; block++) {
        float ppm = wandering(&seed);
        int need = loa_resampler_need(one, ppm);
        CHECK(need > BLOCK - 8 && need < BLOCK + 8 && need <= LOA_RESAMPLE_MOST_IN);
        for (int i = 0; i < need; i++)
            in[i] = (float)sin(w * (double)(index + i));
        index += need;
        loa_resampler_run(one, in, ppm, out);
        loa_resampler_run(two, in, ppm, other);
        CHECK(memcmp(out, other, sizeof other) == 0);
        for (int i = 0; i < BLOCK; i++) {
            /* Where the tone sets in, the filter rings. */
            CHECK(block == 0 || fabs((double)out[i] - (double)previous) < steepest * 1.005);
            previous = out[i];
        }
    }
    for (int i = BLOCK; i < BLOCK + CANARIES; i++)
        CHECK(out[i] == 12345.0f);
    loa_resampler_destroy(one);
    loa_resampler_destroy(two);
}

/* One that corrects by 2 %: whatever leaps are asked of it, every block is whole, the counts fit, and a tone has no
 * step in it but what a leap of pitch itself makes. */
static void test_leaps(void)
{
    CHECK(loa_resampler_create_for(0) == NULL);
    CHECK(loa_resampler_create_for(-5) == NULL);
    CHECK(loa_resampler_create_for(LOA_RESAMPLE_MOST_PPM + 1) == NULL);
    loa_resampler *resampler = loa_resampler_create_for(LOA_RESAMPLE_MOST_PPM);
    static float in[LOA_RESAMPLE_MOST_IN];
    float out[BLOCK + CANARIES], previous = 0.0f;
    double w = 2.0 * PI * 1000.0 / 48000.0, steepest = 2.0 * sin(w * 1.02 / 2.0) * 1.01;
    double due = 0.0;
    float last = 0.0f;
    uint64_t seed = check_seed();
    long taken = 0;
    for (int i = BLOCK; i < BLOCK + CANARIES; i++)
        out[i] = 12345.0f;
    for (int block = 0; block < 2000; block++) {
        float ppm = (float)(check_below(&seed, 60001) - 30000), held = fminf(fmaxf(ppm, -20000.0f), 20000.0f);
        if (block % 3 == 0)
            ppm = held = block % 2 ? 20000.0f : -20000.0f;
        int need = loa_resampler_need(resampler, ppm);
        CHECK(need > 0 && need <= LOA_RESAMPLE_MOST_IN);
        for (int i = 0; i < need; i++)
            in[i] = (float)sin(w * (double)(taken + i));
        loa_resampler_run(resampler, in, ppm, out);
        taken += need;
        due += BLOCK * (1.0 + 1e-6 * ((double)last + (double)held) / 2.0);
        last = held;
        for (int i = 0; i < BLOCK; i++) {
            CHECK(block == 0 || fabs((double)out[i] - (double)previous) < steepest);
            previous = out[i];
        }
    }
    /* The converter glides between ratios, not steps: their mean differs by what is of second order, up to 400 ppm. */
    CHECK(fabs((double)taken - due) < 4e-4 * due);
    for (int i = BLOCK; i < BLOCK + CANARIES; i++)
        CHECK(out[i] == 12345.0f);
    loa_resampler_destroy(resampler);
}

int main(void)
{
    test_memory();
    test_leaps();
    test_nothing_to_correct();
    test_tones();
    test_count();
    test_steps();
    return check_result();
}
