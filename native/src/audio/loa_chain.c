#include "loa_chain.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "loa_error.h"
#include "loa_opus.h"

enum { BLOCK = LOA_OPUS_FRAME };

struct loa_chain {
    loa_opus_encoder *encoder;
    float ceiling;
    _Atomic float peak_dbfs;
    _Atomic int32_t speech;
    float work[BLOCK];
};

loa_chain *loa_chain_create(const loa_chain_config *config)
{
    if (!config || config->level < 0 || config->level > 1 ||
        !(config->target_lufs >= -40.0f && config->target_lufs <= 0.0f) ||
        !(config->ceiling_dbtp >= -40.0f && config->ceiling_dbtp <= 0.0f))
        return NULL;
    loa_chain *chain = calloc(1, sizeof *chain);
    if (!chain)
        return NULL;
    loa_opus_config opus = {.bitrate = config->bitrate, .complexity = config->complexity};
    chain->encoder = loa_opus_encoder_create(&opus);
    if (!chain->encoder) {
        free(chain);
        return NULL;
    }
    chain->ceiling = powf(10.0f, config->ceiling_dbtp / 20.0f);
    chain->peak_dbfs = -HUGE_VALF;
    return chain;
}

void loa_chain_destroy(loa_chain *chain)
{
    if (!chain)
        return;
    loa_opus_encoder_destroy(chain->encoder);
    free(chain);
}

size_t loa_chain_max_packet(const loa_chain *chain)
{
    return loa_opus_encoder_max_packet(chain->encoder);
}

int loa_chain_process(loa_chain *chain, const float *block, int speech, int fade,
                      uint8_t *packet, size_t capacity)
{
    float peak = 0.0f;
    for (int i = 0; i < BLOCK; i++) {
        float sample = isfinite(block[i]) ? block[i] : 0.0f;
        peak = fmaxf(peak, fabsf(sample));
        float ramp = 1.0f;
        if (fade == LOA_FADE_IN)
            ramp = (float)i / BLOCK;
        else if (fade == LOA_FADE_OUT)
            ramp = 1.0f - (float)(i + 1) / BLOCK;
        chain->work[i] = fminf(fmaxf(sample * ramp, -chain->ceiling), chain->ceiling);
    }
    atomic_store_explicit(&chain->peak_dbfs, peak > 0.0f ? 20.0f * log10f(peak) : -HUGE_VALF,
                          memory_order_relaxed);
    atomic_store_explicit(&chain->speech, speech != 0, memory_order_relaxed);
    return loa_opus_encode(chain->encoder, chain->work, packet, capacity);
}

void loa_chain_set_complexity(loa_chain *chain, int complexity)
{
    loa_opus_encoder_set_complexity(chain->encoder, complexity);
}

void loa_chain_read_meters(const loa_chain *chain, loa_chain_meters *meters)
{
    *meters = (loa_chain_meters){
        .input_momentary_lufs = -HUGE_VALF,
        .output_momentary_lufs = -HUGE_VALF,
        .peak_dbfs = atomic_load_explicit(&chain->peak_dbfs, memory_order_relaxed),
        .speech = atomic_load_explicit(&chain->speech, memory_order_relaxed),
    };
}
