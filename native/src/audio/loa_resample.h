/* A resampler for two clocks that should agree: 48 kHz to 48 kHz, off by at most +-1000 ppm.
 *
 * Every output is the input delayed by a fraction that drifts: a windowed sinc of 24 taps (Kaiser, beta 8) at
 * full bandwidth, from 128 phases with linear interpolation between them. As the two rates are all but equal,
 * nothing folds, so the filter needs no cut-off: at 0 ppm and a whole delay it passes samples on bit by bit.
 * A general converter (libsamplerate, SINC_FASTEST) costs six to eight times as much: a third of an Opus encode.
 *
 * Thread rule: one thread at a time. Nothing is allocated after create. */
#ifndef LOA_RESAMPLE_H
#define LOA_RESAMPLE_H

enum {
    LOA_RESAMPLE_BLOCK = 960,
    LOA_RESAMPLE_MAX_PPM = 1000,
    LOA_RESAMPLE_DELAY = 13,     /* outputs lag inputs by this many samples at first, then drift by the ppm */
    LOA_RESAMPLE_MOST_IN = 1000  /* no block needs more inputs */
};

typedef struct loa_resampler loa_resampler;

/* NULL when memory is short. */
loa_resampler *loa_resampler_create(void);
void loa_resampler_destroy(loa_resampler *resampler);

/* Inputs that the next block consumes if its correction ends at ppm (positive: the source is fast; clamped to
 * +-1000). At most LOA_RESAMPLE_MOST_IN. */
int loa_resampler_need(const loa_resampler *resampler, float ppm);

/* Makes 960 outputs from exactly need(ppm) inputs; the correction moves from the last block's ppm to this one
 * sample by sample. */
void loa_resampler_run(loa_resampler *resampler, const float *in, float ppm, float *out);

#endif
