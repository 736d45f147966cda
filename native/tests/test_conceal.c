/* The concealer: follows from what was heard without a step, sounds like it at first, dies away, and never blows up. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "loa_conceal.h"

static const double PI = 3.14159265358979323846;
enum { HISTORY = LOA_CONCEAL_HISTORY, LENGTH = LOA_CONCEAL_LENGTH };

static float history[HISTORY];
static float made[LENGTH + 100];

static double rms(const float *samples, int count)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += (double)samples[i] * (double)samples[i];
    return sqrt(sum / count);
}

static void conceal(loa_concealer *concealer, int length)
{
    loa_concealer_start(concealer, history, length);
    CHECK(loa_concealer_left(concealer) == length);
    int pieces[] = {1, 7, 480, 960, LENGTH + 100 - 1448}, at = 0;
    for (int i = 0; i < 5; at += pieces[i], i++)
        loa_concealer_next(concealer, made + at, pieces[i]);
    CHECK(loa_concealer_left(concealer) == 0);
    for (int i = length; i < LENGTH + 100; i++)
        CHECK(made[i] == 0.0f);
    CHECK(fabs((double)made[length - 1]) < 1e-4);
}

static void test_tones(loa_concealer *concealer)
{
    const double hertz[] = {60.0, 110.0, 233.3, 440.0, 1000.0, 3000.0};
    for (size_t h = 0; h < sizeof hertz / sizeof *hertz; h++) {
        double w = 2.0 * PI * hertz[h] / 48000.0;
        for (int i = 0; i < HISTORY; i++)
            history[i] = (float)(0.5 * sin(w * i) + 0.2 * sin(3.0 * w * i));
        double step = 0.0;
        for (int i = 1; i < HISTORY; i++)
            step = fmax(step, fabs((double)history[i] - (double)history[i - 1]));
        conceal(concealer, LENGTH);
        double worst = fabs((double)made[0] - (double)history[HISTORY - 1]);
        for (int i = 1; i < LENGTH; i++)
            worst = fmax(worst, fabs((double)made[i] - (double)made[i - 1]));
        if (worst > 1.1 * step)
            printf("%.1f Hz: a step of %.4f, the tone's own is %.4f\n", hertz[h], worst, step);
        CHECK(worst < 1.1 * step);
        double before = rms(history + HISTORY - 960, 960), after = rms(made, 480);
        if (after < 0.5 * before || after > 1.2 * before)
            printf("%.1f Hz: %.3f becomes %.3f\n", hertz[h], before, after);
        CHECK(after > 0.5 * before && after < 1.2 * before);
        CHECK(rms(made + LENGTH - 480, 480) < 0.1 * before);
    }
    conceal(concealer, LOA_CONCEAL_SHORT);
}

static void test_odd_sounds(loa_concealer *concealer)
{
    uint64_t seed = check_seed();
    for (int round = 0; round < 300; round++) {
        int kind = (int)(check_random(&seed) % 6);
        double level = pow(10.0, -(double)(check_random(&seed) % 120) / 20.0), peak = 0.0;
        for (int i = 0; i < HISTORY; i++) {
            double noise = (double)(check_random(&seed) % 20001) / 10000.0 - 1.0;
            double value = kind == 0   ? noise
                           : kind == 1 ? 0.0
                           : kind == 2 ? 1.0
                           : kind == 3 ? (i % 97 == 0)
                           : kind == 4 ? (i / 53 % 2 ? 32.0 : -32.0)
                                       : (i == HISTORY - 1 ? 1.0 : noise * 1e-6);
            history[i] = (float)(value * level);
            peak = fmax(peak, fabs((double)history[i]));
        }
        conceal(concealer, LENGTH);
        for (int i = 0; i < LENGTH; i++)
            CHECK(isfinite(made[i]) && fabs((double)made[i]) <= peak * 1.0001);
    }
}

int main(void)
{
    loa_concealer *concealer = loa_concealer_create();
    loa_concealer_next(concealer, made, 100);
    CHECK(rms(made, 100) == 0.0);
    test_tones(concealer);
    test_odd_sounds(concealer);
    loa_concealer_destroy(concealer);
    loa_concealer_destroy(NULL);
    return check_result();
}
