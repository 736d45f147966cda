#include "loa_kweight.h"

#include <math.h>

/* BS.1770-4 tabulates both filters at 48 kHz; these analogue parameters give that table by the bilinear
 * transform, and so the filters at any rate. */
static const double SHELF_HZ = 1681.974450955533, SHELF_DB = 3.999843853973347;
static const double SHELF_Q = 0.7071752369554196, SHELF_SLOPE = 0.4996667741545416;
static const double PASS_HZ = 38.13547087602444, PASS_Q = 0.5003270373238773;
static const double PI = 3.14159265358979323846;

void loa_kweight_start(loa_kweight *filter, double rate)
{
    *filter = (loa_kweight){.shelf = {0.0, 0.0}};
    double k = tan(PI * SHELF_HZ / rate);
    double high = pow(10.0, SHELF_DB / 20.0), middle = pow(high, SHELF_SLOPE);
    double a0 = 1.0 + k / SHELF_Q + k * k;
    filter->shelf_b[0] = (high + middle * k / SHELF_Q + k * k) / a0;
    filter->shelf_b[1] = 2.0 * (k * k - high) / a0;
    filter->shelf_b[2] = (high - middle * k / SHELF_Q + k * k) / a0;
    filter->shelf_a[0] = 2.0 * (k * k - 1.0) / a0;
    filter->shelf_a[1] = (1.0 - k / SHELF_Q + k * k) / a0;
    k = tan(PI * PASS_HZ / rate);
    a0 = 1.0 + k / PASS_Q + k * k;
    filter->pass_a[0] = 2.0 * (k * k - 1.0) / a0;
    filter->pass_a[1] = (1.0 - k / PASS_Q + k * k) / a0;
}

/* Digital silence after what came before has rung out: most of what a silent source sends. */
static int is_silent(const loa_kweight *filter, const float *samples, int count, int stride)
{
    if (filter->shelf[0] != 0.0 || filter->shelf[1] != 0.0 || filter->pass[0] != 0.0 ||
        filter->pass[1] != 0.0)
        return 0;
    for (int i = 0; i < count; i++)
        if (samples[(long)i * stride] != 0.0f)
            return 0;
    return 1;
}

double loa_kweight_energy(loa_kweight *filter, const float *samples, int count, int stride)
{
    if (is_silent(filter, samples, count, stride))
        return 0.0;
    const double b0 = filter->shelf_b[0], b1 = filter->shelf_b[1], b2 = filter->shelf_b[2];
    const double a1 = filter->shelf_a[0], a2 = filter->shelf_a[1];
    const double c1 = filter->pass_a[0], c2 = filter->pass_a[1];
    double s1 = filter->shelf[0], s2 = filter->shelf[1];
    double p1 = filter->pass[0], p2 = filter->pass[1];
    double sum = 0.0;
    for (int i = 0; i < count; i++) {
        double x = samples[(long)i * stride];
        double y = b0 * x + s1;
        s1 = b1 * x - a1 * y + s2;
        s2 = b2 * x - a2 * y;
        double z = y + p1;
        p1 = p2 - 2.0 * y - c1 * z;
        p2 = y - c2 * z;
        sum += z * z;
    }
    /* What rings on after the audio has ended must not become denormal. */
    const double nothing = 1e-30;
    filter->shelf[0] = fabs(s1) > nothing ? s1 : 0.0;
    filter->shelf[1] = fabs(s2) > nothing ? s2 : 0.0;
    filter->pass[0] = fabs(p1) > nothing ? p1 : 0.0;
    filter->pass[1] = fabs(p2) > nothing ? p2 : 0.0;
    return sum;
}

double loa_kweight_lufs(double mean_square)
{
    return mean_square > 0.0 ? -0.691 + 10.0 * log10(mean_square) : -HUGE_VAL;
}
