#include "loa_truepeak.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { GROUP = 8, SPAN = GROUP + LOA_TRUEPEAK_BEFORE + LOA_TRUEPEAK_AFTER };

/* The window's side lobes: -50 dB, and the pass band ends at 20 kHz of 48 kHz. */
static const double KAISER_BETA = 4.5;

/* The modified Bessel function of the first kind, order 0, by its power series. */
static double bessel_i0(double x)
{
    double term = 1.0, sum = 1.0;
    for (int k = 1; term > sum * 1e-12; k++) {
        term *= x * x / (4.0 * k * k);
        sum += term;
    }
    return sum;
}

void loa_truepeak_design(loa_truepeak *filter)
{
    const double pi = 3.14159265358979323846;
    filter->gain = 1.0f;
    for (int phase = 0; phase < LOA_TRUEPEAK_PHASES; phase++) {
        double taps[LOA_TRUEPEAK_TAPS], sum = 0.0, magnitude = 0.0;
        for (int k = 0; k < LOA_TRUEPEAK_TAPS; k++) {
            double t = k - LOA_TRUEPEAK_BEFORE - (phase + 1) / 4.0;
            double across = t / (LOA_TRUEPEAK_TAPS / 2.0);
            taps[k] = sin(pi * t) / (pi * t) * bessel_i0(KAISER_BETA * sqrt(1.0 - across * across));
            sum += taps[k];
        }
        for (int k = 0; k < LOA_TRUEPEAK_TAPS; k++) {
            filter->taps[phase][k] = (float)(taps[k] / sum);
            magnitude += fabs(taps[k] / sum);
        }
        filter->gain = fmaxf(filter->gain, (float)magnitude);
    }
}

/* Four samples in one register of SSE2 or NEON; gcc and clang know how. */
typedef float four __attribute__((vector_size(16)));
typedef int32_t four_bits __attribute__((vector_size(16)));

static four load(const float *from)
{
    four value;
    memcpy(&value, from, sizeof value);
    return value;
}

static four magnitude_of(four value)
{
    return (four)((four_bits)value & 0x7fffffff);
}

static four larger(four a, four b)
{
    four_bits first = a > b;
    return (four)(((four_bits)a & first) | ((four_bits)b & ~first));
}

static void scan_group(const loa_truepeak *filter, const float *first, float *peaks)
{
    four a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, c0 = {0}, c1 = {0};
    const float *x = first - LOA_TRUEPEAK_BEFORE;
    for (int k = 0; k < LOA_TRUEPEAK_TAPS; k++) {
        four x0 = load(x + k), x1 = load(x + k + 4);
        a0 += filter->taps[0][k] * x0;
        a1 += filter->taps[0][k] * x1;
        b0 += filter->taps[1][k] * x0;
        b1 += filter->taps[1][k] * x1;
        c0 += filter->taps[2][k] * x0;
        c1 += filter->taps[2][k] * x1;
    }
    four low = larger(larger(magnitude_of(a0), magnitude_of(b0)), magnitude_of(c0));
    four high = larger(larger(magnitude_of(a1), magnitude_of(b1)), magnitude_of(c1));
    low = larger(low, magnitude_of(load(first)));
    high = larger(high, magnitude_of(load(first + 4)));
    memcpy(peaks, &low, sizeof low);
    memcpy(peaks + 4, &high, sizeof high);
}

static float largest_nearby(const float *first)
{
    const float *x = first - LOA_TRUEPEAK_BEFORE;
    four most = magnitude_of(load(x + SPAN - 4));
    for (int k = 0; k + 4 <= SPAN; k += 4)
        most = larger(most, magnitude_of(load(x + k)));
    float low = most[0] > most[1] ? most[0] : most[1];
    float high = most[2] > most[3] ? most[2] : most[3];
    return low > high ? low : high;
}

static void scan_or_skip(const loa_truepeak *filter, const float *first, float floor, float *peaks)
{
    if (largest_nearby(first) * filter->gain > floor)
        scan_group(filter, first, peaks);
    else
        for (int i = 0; i < GROUP; i++)
            peaks[i] = fabsf(first[i]);
}

void loa_truepeak_scan(const loa_truepeak *filter, const float *samples, int count, float floor,
                       float *peaks)
{
    int done = 0;
    for (; done + GROUP <= count; done += GROUP)
        scan_or_skip(filter, samples + done, floor, peaks + done);
    if (done < count) {
        float span[SPAN] = {0}, last[GROUP];
        size_t left = (size_t)(count - done);
        memcpy(span, samples + done - LOA_TRUEPEAK_BEFORE,
               (left + LOA_TRUEPEAK_BEFORE + LOA_TRUEPEAK_AFTER) * sizeof *span);
        scan_or_skip(filter, span + LOA_TRUEPEAK_BEFORE, floor, last);
        memcpy(peaks + done, last, left * sizeof *last);
    }
}
