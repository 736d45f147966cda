/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* The limiter: no peak over the ceiling whatever comes in blocks of whatever size, and no byte outside. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "failing.h"
#include "loa_error.h"
#include "loa_limiter.h"
#include "loa_truepeak.h"

enum { LONGEST = 3000, PAD = LOA_TRUEPEAK_TAPS, TOTAL = 200000 };
static uint64_t seed;
static float out[TOTAL + 2 * PAD];
static float peaks[TOTAL];

static float uniform(void)
{
    return (float)check_random(&seed) / 1073741824.0f - 1.0f;
}

/* Sounds that change character every so often. */
static void make(float *samples, int frames)
{
    int kind = check_below(&seed, 6);
    float level = powf(10.0f, 3.0f * uniform());
    for (int i = 0; i < frames; i++) {
        float value = 0.0f;
        if (kind == 1)
            value = uniform();
        else if (kind == 2)
            value = sinf((float)i * 0.05f);
        else if (kind == 3)
            value = check_below(&seed, 200) ? 0.0f : uniform();
        else if (kind == 4)
            value = i / 37 % 2 ? 1.0f : -1.0f;
        else if (kind == 5)
            value = 1.0f;
        samples[i] = value * level;
    }
}

static void test_ceiling(float ceiling_dbtp)
{
    loa_limiter *limiter = loa_limiter_create(ceiling_dbtp);
    int asked = atomic_load(&failing_asked);
    int done = 0;
    memset(out, 0, sizeof out);
    while (done < TOTAL - LONGEST - LOA_LIMITER_DELAY) {
        int frames = check_below(&seed, LONGEST);
        float *samples = out + PAD + done;
        make(samples, frames);
        samples[frames] = 12345.0f;
        CHECK(loa_limiter_process(limiter, samples, frames) == LOA_OK);
        CHECK(samples[frames] == 12345.0f);
        CHECK(loa_limiter_reduction(limiter) >= 0.0f && loa_limiter_reduction(limiter) < 200.0f);
        samples[frames] = 0.0f;
        done += frames;
    }
    loa_limiter_flush(limiter, out + PAD + done);
    done += LOA_LIMITER_DELAY;
    CHECK(atomic_load(&failing_asked) == asked); /* nothing is allocated after create */

    loa_truepeak filter;
    loa_truepeak_design(&filter, 2);
    loa_truepeak_scan(&filter, out + PAD, done, 0.0f, peaks);
    float most = 0.0f, allowed = powf(10.0f, (ceiling_dbtp + 0.1f) / 20.0f);
    for (int i = 0; i < done; i++)
        most = fmaxf(most, peaks[i]);
    CHECK(most <= allowed);
    CHECK(most >= powf(10.0f, (ceiling_dbtp - 0.5f) / 20.0f));
    loa_limiter_destroy(limiter);
}

/* The shortcut of the search: exact above the floor, never above it otherwise. */
static void test_search(void)
{
    loa_truepeak filter;
    loa_truepeak_design(&filter, 2);
    static float samples[1000 + 2 * PAD], all[1000], some[1001];
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
            samples[i] = uniform() * (check_below(&seed, 20) ? 0.1f : 1.0f);
        int count = check_below(&seed, 1001);
        float floor = 0.02f * (float)round;
        some[count] = 12345.0f;
        loa_truepeak_scan(&filter, samples + PAD, count, 0.0f, all);
        loa_truepeak_scan(&filter, samples + PAD, count, floor, some);
        CHECK(some[count] == 12345.0f);
        for (int i = 0; i < count; i++)
            CHECK(some[i] == all[i] || (all[i] <= floor && some[i] <= all[i]));
    }
}

static void test_any_bits(void)
{
    loa_limiter *limiter = loa_limiter_create(-3.0f);
    for (int round = 0; round < 100; round++) {
        float samples[960];
        for (int i = 0; i < 960; i++) {
            uint32_t bits = check_random(&seed) << 1 ^ check_random(&seed);
            memcpy(&samples[i], &bits, sizeof bits);
        }
        CHECK(loa_limiter_process(limiter, samples, 960) == LOA_OK);
        for (int i = 0; i < 960; i++)
            CHECK(fabsf(samples[i]) <= 0.71f);
        if (round % 10 == 9)
            loa_limiter_set_ceiling(limiter, -3.0f - (float)(round % 4));
    }
    loa_limiter_reset(limiter);
    float silence[500] = {0};
    CHECK(loa_limiter_process(limiter, silence, 500) == LOA_OK);
    for (int i = 0; i < 500; i++)
        CHECK(silence[i] == 0.0f);
    CHECK(loa_limiter_process(limiter, silence, -1) == LOA_EINVAL);
    loa_limiter_destroy(limiter);
}

int main(void)
{
    seed = check_seed();
    CHECK(!loa_limiter_create(0.1f) && !loa_limiter_create(-41.0f) && !loa_limiter_create(NAN));
    atomic_store(&failing_countdown, 1);
    CHECK(!loa_limiter_create(-3.0f));
    atomic_store(&failing_countdown, 0);
    loa_limiter_destroy(NULL);
    test_ceiling(-3.0f);
    test_ceiling(-1.0f);
    test_ceiling(0.0f);
    test_search();
    test_any_bits();
    return check_result();
}
