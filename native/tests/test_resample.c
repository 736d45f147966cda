/* The resampler: bit by bit at 0 ppm; a tone at any correction stays a tone; what it needs is what it takes. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "loa_resample.h"

static const double PI = 3.14159265358979323846;
enum { BLOCK = LOA_RESAMPLE_BLOCK };

static void test_nothing_to_correct(void)
{
    loa_resampler *resampler = loa_resampler_create();
    float in[LOA_RESAMPLE_MOST_IN], out[BLOCK], kept[LOA_RESAMPLE_DELAY] = {0};
    for (int block = 0; block < 5; block++) {
        CHECK(loa_resampler_need(resampler, 0.0f) == BLOCK);
        for (int i = 0; i < BLOCK; i++)
            in[i] = (float)sin((double)(block * BLOCK + i) * 0.37) * 0.9f;
        loa_resampler_run(resampler, in, 0.0f, out);
        CHECK(memcmp(out, kept, sizeof kept) == 0);
        CHECK(memcmp(out + LOA_RESAMPLE_DELAY, in, (BLOCK - LOA_RESAMPLE_DELAY) * sizeof *in) == 0);
        memcpy(kept, in + BLOCK - LOA_RESAMPLE_DELAY, sizeof kept);
    }
    loa_resampler_destroy(resampler);
}

/* Feeds a tone at a steady correction; returns what is no such tone in the output, in dB. */
static double residual(double hertz, float ppm)
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
    CHECK(fabs(10.0 * log10(a * a + b * b)) < 0.01); /* flat */
    return 10.0 * log10((yy - a * ys - b * yc) / (a * ys + b * yc));
}

static void test_tones(void)
{
    const double hertz[] = {50.0, 440.0, 997.0, 4000.0, 8000.0, 12000.0, 16000.0, 18000.0};
    const float ppm[] = {0.5f, 100.0f, -100.0f, 1000.0f, -1000.0f};
    for (size_t h = 0; h < sizeof hertz / sizeof *hertz; h++)
        for (size_t p = 0; p < sizeof ppm / sizeof *ppm; p++) {
            double db = residual(hertz[h], ppm[p]);
            if (!(db < -80.0))
                printf("%.0f Hz at %+.1f ppm: %.1f dB\n", hertz[h], (double)ppm[p], db);
            CHECK(db < -80.0);
        }
}

/* Inputs and outputs keep step over twenty minutes, however the correction moves. */
static void test_count(void)
{
    loa_resampler *resampler = loa_resampler_create();
    static float in[LOA_RESAMPLE_MOST_IN], out[BLOCK];
    double due = 0.0, last = 0.0;
    long taken = 0;
    uint32_t seed = 7;
    for (long block = 0; block < 1200 * 50; block++) {
        seed = seed * 1664525u + 1013904223u;
        float ppm = (float)(seed >> 8) / 16777216.0f * 2400.0f - 1200.0f; /* beyond the bounds, too */
        double held = fmin(fmax((double)ppm, -1000.0), 1000.0);
        int need = loa_resampler_need(resampler, ppm);
        CHECK(need >= BLOCK - 2 && need <= BLOCK + 2 && need <= LOA_RESAMPLE_MOST_IN);
        loa_resampler_run(resampler, in, ppm, out);
        taken += need;
        due += BLOCK * (1.0 + 1e-6 * (last + (held - last) * (BLOCK + 1.0) / (2.0 * BLOCK)));
        last = held;
        CHECK(fabs((double)taken - due) < 1.5);
    }
    loa_resampler_destroy(resampler);
    loa_resampler_destroy(NULL);
}

int main(void)
{
    test_nothing_to_correct();
    test_tones();
    test_count();
    return check_result();
}
