#include "loa_truepeak.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    GROUP = 8,
    SPAN = GROUP + LOA_TRUEPEAK_BEFORE + LOA_TRUEPEAK_AFTER,
    SHORT_TAPS = 12,
    SHORT_FIRST = (LOA_TRUEPEAK_TAPS - SHORT_TAPS) / 2
};

/* The window's side lobes: -50 dB, and the pass band ends at 20 kHz of 48 kHz. */
static const double KAISER_BETA = 4.5;
static const double PI = 3.14159265358979323846;

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

static double kaiser(double t)
{
    double across = t / (LOA_TRUEPEAK_TAPS / 2.0);
    return bessel_i0(KAISER_BETA * sqrt(1.0 - across * across));
}

static double hann(double t)
{
    return fabs(t) < SHORT_TAPS / 2.0 ? 0.5 + 0.5 * cos(PI * t / (SHORT_TAPS / 2.0)) : 0.0;
}

/* Designs the filter for one place between two samples; returns its gain. */
static double design_phase(float *out, double place, double (*window)(double))
{
    double taps[LOA_TRUEPEAK_TAPS], sum = 0.0, gain = 0.0;
    for (int k = 0; k < LOA_TRUEPEAK_TAPS; k++) {
        double t = k - LOA_TRUEPEAK_BEFORE - place;
        taps[k] = sin(PI * t) / (PI * t) * window(t);
        sum += taps[k];
    }
    for (int k = 0; k < LOA_TRUEPEAK_TAPS; k++) {
        out[k] = (float)(taps[k] / sum);
        gain += fabs(taps[k] / sum);
    }
    return gain;
}

void loa_truepeak_design(loa_truepeak *filter, int filters)
{
    double gain = 1.0;
    for (int phase = 0; phase < LOA_TRUEPEAK_PHASES; phase++) {
        double place = (phase + 1) / 4.0;
        gain = fmax(gain, design_phase(filter->taps[0][phase], place, kaiser));
        gain = fmax(gain, design_phase(filter->taps[1][phase], place, hann));
    }
    filter->filters = filters;
    filter->gain = (float)gain;
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

/* Raises the eight peaks to what lies between the samples, by the taps first .. last - 1 of a filter. */
static void scan_group(const float taps[][LOA_TRUEPEAK_TAPS], int first, int last,
                       const float *samples, float *peaks)
{
    four a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, c0 = {0}, c1 = {0};
    const float *x = samples - LOA_TRUEPEAK_BEFORE;
    for (int k = first; k < last; k++) {
        four x0 = load(x + k), x1 = load(x + k + 4);
        a0 += taps[0][k] * x0;
        a1 += taps[0][k] * x1;
        b0 += taps[1][k] * x0;
        b1 += taps[1][k] * x1;
        c0 += taps[2][k] * x0;
        c1 += taps[2][k] * x1;
    }
    four low = larger(larger(magnitude_of(a0), magnitude_of(b0)), magnitude_of(c0));
    four high = larger(larger(magnitude_of(a1), magnitude_of(b1)), magnitude_of(c1));
    low = larger(low, load(peaks));
    high = larger(high, load(peaks + 4));
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
    for (int i = 0; i < GROUP; i++)
        peaks[i] = fabsf(first[i]);
    if (largest_nearby(first) * filter->gain <= floor)
        return;
    scan_group(filter->taps[0], 0, LOA_TRUEPEAK_TAPS, first, peaks);
    if (filter->filters > 1)
        scan_group(filter->taps[1], SHORT_FIRST, SHORT_FIRST + SHORT_TAPS, first, peaks);
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
