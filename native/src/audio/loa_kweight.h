/* The K-weighting of ITU-R BS.1770-4 and the energy of what it lets through: one channel, no windows.
 *
 * Double precision: the high-pass's poles lie so near to 1 that float would add noise of its own. */
#ifndef LOA_KWEIGHT_H
#define LOA_KWEIGHT_H

typedef struct {
    double shelf_b[3], shelf_a[2];
    double pass_a[2];         /* the high-pass's numerator is 1, -2, 1 */
    double shelf[2], pass[2]; /* states, transposed direct form II */
} loa_kweight;

/* For rate in Hz; silence before. */
void loa_kweight_start(loa_kweight *filter, double rate);

/* Filters count samples, stride apart and finite, and returns the sum of their squares. */
double loa_kweight_energy(loa_kweight *filter, const float *samples, int count, int stride);

/* LUFS of a mean square (one channel, or channels summed with their weights); -HUGE_VAL for none. */
double loa_kweight_lufs(double mean_square);

#endif
