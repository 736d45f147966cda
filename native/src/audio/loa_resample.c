/* See loa_resample.h. */
#include "loa_resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TAPS = 24, PHASES = 128, BLOCK = LOA_RESAMPLE_BLOCK };

struct loa_resampler {
    double position; /* of the next output, in samples after the middle of the kept ones; 0..1 or little more */
    float ppm;
    float kept[TAPS + LOA_RESAMPLE_MOST_IN]; /* the last TAPS - 1 inputs, then the new ones */
    float rows[PHASES][2 * TAPS];            /* coefficients at a phase, then the way to the next phase */
};

/* Modified Bessel function of the first kind, order 0, by its power series. */
static double bessel0(double x)
{
    double sum = 1.0, term = 1.0;
    for (int k = 1; k < 40; k++) {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

/* The coefficient for an input that lies t samples after the output; Kaiser, "Nonrecursive digital filter
 * design using the I0-sinh window function", 1974. */
static double coefficient(double t)
{
    const double beta = 8.0, half = TAPS / 2.0, pi = 3.14159265358979323846;
    if (fabs(t) >= half)
        return 0.0;
    double window = bessel0(beta * sqrt(1.0 - (t / half) * (t / half))) / bessel0(beta);
    return t == 0.0 ? 1.0 : window * sin(pi * t) / (pi * t);
}

static void fill_row(double phase, double row[TAPS])
{
    double sum = 0.0;
    for (int k = 0; k < TAPS; k++) {
        double t = k - (TAPS / 2 - 1) - phase;
        /* At whole delays the sinc is exactly 0 or 1; sin() misses that by a rounding. */
        row[k] = t == floor(t) ? (t == 0.0 ? 1.0 : 0.0) : coefficient(t);
        sum += row[k];
    }
    for (int k = 0; k < TAPS; k++) /* gain 1 at DC for every phase, or DC would turn into a tone */
        row[k] /= sum;
}

loa_resampler *loa_resampler_create(void)
{
    loa_resampler *resampler = calloc(1, sizeof *resampler);
    if (resampler == NULL)
        return NULL;
    double here[TAPS], next[TAPS];
    fill_row(0.0, here);
    for (int p = 0; p < PHASES; p++) {
        fill_row((p + 1.0) / PHASES, next);
        for (int k = 0; k < TAPS; k++) {
            resampler->rows[p][k] = (float)here[k];
            resampler->rows[p][TAPS + k] = (float)(next[k] - here[k]);
        }
        memcpy(here, next, sizeof here);
    }
    return resampler;
}

void loa_resampler_destroy(loa_resampler *resampler) { free(resampler); }

static float clamped(float ppm)
{
    return fminf(fmaxf(ppm, -LOA_RESAMPLE_MAX_PPM), LOA_RESAMPLE_MAX_PPM);
}

/* Where output n lies; the step grows linearly from the old correction to the new one. */
static double position_of(const loa_resampler *resampler, float ppm, int n)
{
    double from = resampler->ppm * 1e-6, change = ((double)ppm - resampler->ppm) * 1e-6;
    return resampler->position + n + from * n + change * n * (n + 1.0) / (2.0 * BLOCK);
}

int loa_resampler_need(const loa_resampler *resampler, float ppm)
{
    return (int)position_of(resampler, clamped(ppm), BLOCK);
}

void loa_resampler_run(loa_resampler *resampler, const float *in, float ppm, float *out)
{
    ppm = clamped(ppm);
    double end = position_of(resampler, ppm, BLOCK);
    int count = (int)end;
    float *kept = resampler->kept;
    memcpy(kept + TAPS, in, (size_t)count * sizeof *in);
    for (int n = 0; n < BLOCK; n++) {
        double at = position_of(resampler, ppm, n);
        int whole = (int)at;
        float phase = (float)(at - whole) * PHASES;
        int p = phase < PHASES ? (int)phase : PHASES - 1;
        float mu = phase - (float)p;
        const float *x = kept + whole, *c = resampler->rows[p], *d = c + TAPS;
        float sums[8] = {0};
        for (int k = 0; k < TAPS; k += 8)
            for (int j = 0; j < 8; j++)
                sums[j] += x[k + j] * (c[k + j] + mu * d[k + j]);
        out[n] = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    }
    memmove(kept, kept + count, TAPS * sizeof *kept);
    resampler->position = end - count;
    resampler->ppm = ppm;
}
