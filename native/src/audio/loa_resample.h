/* A resampler for two clocks that should agree: 48 kHz to 48 kHz, off by at most +-1000 ppm, or by as much as its owner
 * says where more than clocks is made good (a box that has to catch up).
 *
 * libsamplerate converts (SINC_FASTEST, the ratio gliding sample by sample); what is ours is the counting: a block is
 * always 960 outputs, however many inputs that takes. All inputs are converted as far as they go at once, and the few
 * outputs beyond the block wait for the next one, so nothing is guessed about the converter's inside and no
 * error adds up.
 *
 * Thread rule: one thread at a time. Nothing is allocated after create. */
#ifndef LOA_RESAMPLE_H
#define LOA_RESAMPLE_H

#include <stdint.h>

enum {
    LOA_RESAMPLE_BLOCK = 960,
    LOA_RESAMPLE_MAX_PPM = 1000,
    LOA_RESAMPLE_MOST_PPM = 20000,
    LOA_RESAMPLE_DELAY = 21,    /* a block's first output lags its first input by so many samples, +-1 */
    LOA_RESAMPLE_MOST_IN = 1000 /* no block needs more inputs */
};

/* cffi:begin */
typedef struct loa_resampler loa_resampler;

/* NULL when memory is short. Corrects by up to +-LOA_RESAMPLE_MAX_PPM. */
loa_resampler *loa_resampler_create(void);

/* Corrects by up to +-most_ppm, 1..20000. NULL for others, and when memory is short. */
loa_resampler *loa_resampler_create_for(int32_t most_ppm);
void loa_resampler_destroy(loa_resampler *resampler);

/* Inputs that the next block consumes if its correction ends at ppm (positive: the source is fast; clamped to
 * what it corrects by). At most LOA_RESAMPLE_MOST_IN. */
int loa_resampler_need(const loa_resampler *resampler, float ppm);

/* Makes 960 outputs from exactly need(ppm) inputs; the correction moves from the last block's ppm to this one
 * sample by sample. in and out do not overlap. */
void loa_resampler_run(loa_resampler *resampler, const float *in, float ppm, float *out);
/* cffi:end */

#endif
