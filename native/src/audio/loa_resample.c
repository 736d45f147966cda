/* See loa_resample.h. */
#include "loa_resample.h"

#include <assert.h>
#include <math.h>
#include <samplerate.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = LOA_RESAMPLE_BLOCK, SPARE = 1, ROOM = 64, SETTLING = 480 };

struct loa_resampler {
    SRC_STATE *converter; /* has made all outputs that its inputs allow */
    float ppm, most_ppm;
    int ready;            /* outputs made beyond the last block: SPARE or one more, unless the correction leaps */
    float made[BLOCK + ROOM];
};

static void convert(loa_resampler *resampler, const float *in, int count, float ppm)
{
    SRC_DATA data = {
        .data_in = in,
        .input_frames = count,
        .data_out = resampler->made + resampler->ready,
        .output_frames = BLOCK + ROOM - resampler->ready,
        .src_ratio = 1.0 / (1.0 + 1e-6 * (double)ppm),
    };
    int error = src_process(resampler->converter, &data);
    assert(error == 0 && data.input_frames_used == count);
    (void)error;
    resampler->ready += (int)data.output_frames_gen;
    resampler->ppm = ppm;
}

loa_resampler *loa_resampler_create(void) { return loa_resampler_create_for(LOA_RESAMPLE_MAX_PPM); }

loa_resampler *loa_resampler_create_for(int32_t most_ppm)
{
    if (most_ppm < 1 || most_ppm > LOA_RESAMPLE_MOST_PPM)
        return NULL;
    loa_resampler *resampler = calloc(1, sizeof *resampler);
    if (resampler == NULL)
        return NULL;
    resampler->most_ppm = (float)most_ppm;
    int error;
    resampler->converter = src_new(SRC_SINC_FASTEST, 1, &error);
    if (resampler->converter == NULL) {
        free(resampler);
        return NULL;
    }
    /* The converter waits for half a filter before its first output: silence, so that the first block takes
     * no more than any other. */
    static const float silence[SETTLING];
    convert(resampler, silence, SETTLING, 0.0f);
    resampler->ready = SPARE;
    return resampler;
}

void loa_resampler_destroy(loa_resampler *resampler)
{
    if (resampler == NULL)
        return;
    src_delete(resampler->converter);
    free(resampler);
}

static float clamped(const loa_resampler *resampler, float ppm)
{
    return fminf(fmaxf(ppm, -resampler->most_ppm), resampler->most_ppm);
}

/* A converter that waits for its next input makes k outputs of k steps of input, rounded up. One output more is aimed
 * at, so that a rounding inside it cannot leave a block short. */
int loa_resampler_need(const loa_resampler *resampler, float ppm)
{
    double step = 1.0 + 1e-6 * (double)fmaxf(clamped(resampler, ppm), resampler->ppm);
    return (int)ceil((BLOCK + SPARE - resampler->ready) * step);
}

void loa_resampler_run(loa_resampler *resampler, const float *in, float ppm, float *out)
{
    convert(resampler, in, loa_resampler_need(resampler, ppm), clamped(resampler, ppm));
    assert(resampler->ready >= BLOCK);
    memcpy(out, resampler->made, BLOCK * sizeof *out);
    resampler->ready -= BLOCK;
    memmove(resampler->made, resampler->made + BLOCK, (size_t)resampler->ready * sizeof *out);
}
