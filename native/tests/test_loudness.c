/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Loudness: arguments, values of a tone, what has no value, blocks of any size, broken samples. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "failing.h"
#include "loa_error.h"
#include "loa_loudness.h"

enum { RATE = 48000, SECONDS = 5, FRAMES = RATE * SECONDS };
static float sound[FRAMES * 6];
static uint64_t seed;

static void make_tone(int channels, double dbfs)
{
    double level = pow(10.0, dbfs / 20.0);
    for (int i = 0; i < FRAMES; i++)
        for (int k = 0; k < channels; k++)
            sound[i * channels + k] = (float)(level * sin(2.0 * 3.14159265358979 * i / 48.0));
}

static int near(double value, double expected, double tolerance)
{
    return fabs(value - expected) <= tolerance;
}

static void test_arguments(void)
{
    CHECK(!loa_loudness_create(0, RATE, 3) && !loa_loudness_create(7, RATE, 3));
    CHECK(!loa_loudness_create(1, 7999, 3) && !loa_loudness_create(1, 192001, 3));
    CHECK(!loa_loudness_create(1, RATE, 4) && !loa_loudness_create(1, RATE, -1));
    atomic_store(&failing_countdown, 1);
    CHECK(!loa_loudness_create(2, RATE, 3));
    atomic_store(&failing_countdown, 0);
    loa_loudness_destroy(NULL);
    loa_loudness *loudness = loa_loudness_create(1, RATE, 3);
    CHECK(loa_loudness_add(loudness, sound, -1) == LOA_EINVAL);
    CHECK(loa_loudness_add(loudness, sound, 0) == LOA_OK);
    loa_loudness_destroy(loudness);
}

static void test_tone(int channels)
{
    make_tone(channels, -23.0);
    loa_loudness *loudness = loa_loudness_create(channels, RATE, LOA_LOUDNESS_ALL);
    int64_t done = 0;
    while (done < FRAMES) {
        int64_t take = check_below(&seed, 3000);
        take = take < FRAMES - done ? take : FRAMES - done;
        CHECK(loa_loudness_add(loudness, sound + done * channels, take) == LOA_OK);
        done += take;
    }
    static const double expected[] = {-26.0, -23.0, -21.2, -19.2, -18.3, -18.3};
    loa_loudness_report report;
    CHECK(loa_loudness_read(loudness, &report) == LOA_OK);
    CHECK(near(report.integrated_lufs, expected[channels - 1], 0.1));
    CHECK(near(report.momentary_max_lufs, expected[channels - 1], 0.1));
    CHECK(near(report.short_term_max_lufs, expected[channels - 1], 0.1));
    CHECK(near(report.true_peak_dbtp, -23.0, 0.1));
    CHECK(near(report.range_lu, 0.0, 0.1));
    CHECK(report.frames == FRAMES);
    loa_loudness_destroy(loudness);
}

static void test_no_value(void)
{
    memset(sound, 0, sizeof sound);
    loa_loudness *loudness = loa_loudness_create(2, RATE, LOA_LOUDNESS_ALL);
    loa_loudness_report report;
    for (int i = 0; i < 2; i++) {
        CHECK(loa_loudness_read(loudness, &report) == LOA_OK);
        CHECK(report.integrated_lufs == -HUGE_VAL && report.true_peak_dbtp == -HUGE_VAL);
        CHECK(report.momentary_max_lufs == -HUGE_VAL && report.short_term_max_lufs == -HUGE_VAL);
        CHECK(report.range_lu == -HUGE_VAL);
        CHECK(loa_loudness_add(loudness, sound, FRAMES) == LOA_OK);
    }
    loa_loudness_destroy(loudness);
}

/* Any bits as floats, at any rate: values are numbers, or -HUGE_VAL. */
static void test_any_bits(void)
{
    for (int round = 0; round < 6; round++) {
        int channels = 1 + round % 6, rate = 8000 + check_below(&seed, 184001);
        for (size_t i = 0; i < sizeof sound / sizeof *sound / 4; i++) {
            uint32_t bits = check_random(&seed) << 1 ^ check_random(&seed);
            memcpy(&sound[i], &bits, sizeof bits);
        }
        loa_loudness *loudness = loa_loudness_create(channels, rate, LOA_LOUDNESS_ALL);
        CHECK(loa_loudness_add(loudness, sound, FRAMES * 6 / 4 / channels) == LOA_OK);
        loa_loudness_report report;
        CHECK(loa_loudness_read(loudness, &report) == LOA_OK);
        const double values[] = {report.integrated_lufs, report.momentary_max_lufs,
                                 report.short_term_max_lufs, report.range_lu,
                                 report.true_peak_dbtp};
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            CHECK(values[i] < 1000.0);
        loa_loudness_destroy(loudness);
    }
}

int main(void)
{
    seed = check_seed();
    test_arguments();
    for (int channels = 1; channels <= 6; channels++)
        test_tone(channels);
    test_no_value();
    test_any_bits();
    return check_result();
}
