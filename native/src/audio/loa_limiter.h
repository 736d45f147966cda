/* A look-ahead true-peak limiter: 48 kHz, one channel, 3 ms of delay.
 *
 * Peaks between the samples are found by interpolation x4. The gain that they need is held over the
 * look-ahead and smoothed, so that it has arrived when the peak does; it comes back fast after a lone
 * peak and slowly after dense ones. The true peak of the output stays within 0.1 dB of the ceiling.
 *
 * Thread rule: one thread at a time. Nothing is allocated after create. */
#ifndef LOA_LIMITER_H
#define LOA_LIMITER_H

/* cffi:begin */
enum { LOA_LIMITER_DELAY = 144 };  /* samples between input and output */

typedef struct loa_limiter loa_limiter;

/* ceiling_dbtp -40..0. NULL when it is out of range or memory is short. */
loa_limiter *loa_limiter_create(float ceiling_dbtp);
void loa_limiter_destroy(loa_limiter *limiter);

/* Replaces the samples by those of 144 samples ago, limited. NaN and Inf count as 0. frames: any number
 * >= 0. Returns 0 or LOA_EINVAL. */
int loa_limiter_process(loa_limiter *limiter, float *samples, int frames);

/* Writes the 144 samples that are still inside and forgets everything. */
void loa_limiter_flush(loa_limiter *limiter, float *out);

/* Forgets everything. */
void loa_limiter_reset(loa_limiter *limiter);

/* Changes the ceiling for samples that come from now on; dBTP, clamped to -40..0. The gain stays smooth. */
void loa_limiter_set_ceiling(loa_limiter *limiter, float ceiling_dbtp);

/* The largest gain reduction of the last process, in dB, >= 0. */
float loa_limiter_reduction(const loa_limiter *limiter);
/* cffi:end */

#endif
