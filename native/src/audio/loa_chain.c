#include "loa_chain.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "loa_error.h"
#include "loa_float.h"
#include "loa_leveller.h"
#include "loa_limiter.h"
#include "loa_opus.h"

enum {
    BLOCK = LOA_OPUS_FRAME,
    FADE = 480,               /* 10 ms */
    /* What the limiter and the encoder still hold when the last packet is made is never heard: the
     * fade-out ends so much earlier, and the last packet decodes to its end. */
    UNHEARD = LOA_LIMITER_DELAY + LOA_OPUS_LOOKAHEAD
};

/* Measured at 24 kb/s: Opus gives back 0.7 to 2.2 dB of peak in its speech modes, up to 4 dB where it
 * codes music (CELT, configurations 16 to 31). There the ceiling is this much lower. */
static const float CELT_HEADROOM_DB = 1.5f;
enum { CELT_TOC = 16 << 3 };

/* Each is written by the one thread that processes and may be read from any. */
typedef struct {
    _Atomic float input_momentary_lufs, output_momentary_lufs, gain_db, reduction_db, peak_dbfs;
    _Atomic int32_t speech;
} meters;

struct loa_chain {
    loa_leveller *leveller;
    loa_limiter *limiter;
    loa_opus_encoder *encoder;
    int level;
    int celt;                 /* the last packet's mode */
    float ceiling_dbtp;
    meters meters;
    float fade[FADE];         /* a raised cosine, upwards */
    float work[BLOCK];
};

loa_chain *loa_chain_create(const loa_chain_config *config)
{
    if (!config || config->level < 0 || config->level > 1)
        return NULL;
    loa_chain *chain = calloc(1, sizeof *chain);
    if (!chain)
        return NULL;
    loa_opus_config opus = {.bitrate = config->bitrate, .complexity = config->complexity};
    chain->leveller = loa_leveller_create(config->target_lufs);
    chain->limiter = loa_limiter_create(config->ceiling_dbtp);
    chain->encoder = loa_opus_encoder_create(&opus);
    if (!chain->leveller || !chain->limiter || !chain->encoder) {
        loa_chain_destroy(chain);
        return NULL;
    }
    chain->level = config->level;
    chain->ceiling_dbtp = config->ceiling_dbtp;
    for (int i = 0; i < FADE; i++)
        chain->fade[i] = 0.5f - 0.5f * cosf(3.14159265f * ((float)i + 0.5f) / FADE);
    atomic_init(&chain->meters.input_momentary_lufs, -HUGE_VALF);
    atomic_init(&chain->meters.output_momentary_lufs, -HUGE_VALF);
    atomic_init(&chain->meters.peak_dbfs, -HUGE_VALF);
    return chain;
}

void loa_chain_destroy(loa_chain *chain)
{
    if (!chain)
        return;
    loa_leveller_destroy(chain->leveller);
    loa_limiter_destroy(chain->limiter);
    loa_opus_encoder_destroy(chain->encoder);
    free(chain);
}

size_t loa_chain_max_packet(const loa_chain *chain)
{
    return loa_opus_encoder_max_packet(chain->encoder);
}

/* Copies the block without NaN and Inf; returns its largest magnitude. */
static float take_in(float *work, const float *block)
{
    float peak = 0.0f;
    for (int i = 0; i < BLOCK; i++) {
        float magnitude = fabsf(block[i]);
        /* A comparison with NaN is false. */
        int finite = magnitude < HUGE_VALF;
        work[i] = finite ? block[i] : 0.0f;
        magnitude = finite ? magnitude : 0.0f;
        peak = magnitude > peak ? magnitude : peak;
    }
    return peak;
}

static void fade_in(const loa_chain *chain, float *work)
{
    for (int i = 0; i < FADE; i++)
        work[i] *= chain->fade[i];
}

static void fade_out(const loa_chain *chain, float *work)
{
    const int end = BLOCK - UNHEARD;
    for (int i = 0; i < FADE; i++)
        work[end - FADE + i] *= chain->fade[FADE - 1 - i];
    memset(work + end, 0, UNHEARD * sizeof *work);
}

static void put(_Atomic float *meter, float value)
{
    atomic_store_explicit(meter, value, memory_order_relaxed);
}

static void write_meters(loa_chain *chain, float peak, int speech)
{
    loa_leveller_state state;
    loa_leveller_read(chain->leveller, &state);
    put(&chain->meters.input_momentary_lufs, state.input_momentary_lufs);
    put(&chain->meters.output_momentary_lufs, state.output_momentary_lufs);
    put(&chain->meters.gain_db, state.gain_db);
    put(&chain->meters.reduction_db, loa_limiter_reduction(chain->limiter));
    put(&chain->meters.peak_dbfs, peak > 0.0f ? 20.0f * log10f(peak) : -HUGE_VALF);
    atomic_store_explicit(&chain->meters.speech, speech != 0, memory_order_relaxed);
}

/* Everything before the encoder. */
static void shape(loa_chain *chain, const float *block, int speech, int fade)
{
    float *work = chain->work;
    float peak = take_in(work, block);
    if (chain->level)
        loa_leveller_process(chain->leveller, work, speech);
    else
        loa_leveller_watch(chain->leveller, work);
    if (fade & LOA_FADE_IN)
        fade_in(chain, work);
    if (fade & LOA_FADE_OUT)
        fade_out(chain, work);
    (void)loa_limiter_process(chain->limiter, work, BLOCK);
    loa_leveller_heard(chain->leveller, work);
    write_meters(chain, peak, speech);
}

static void follow_mode(loa_chain *chain, int celt)
{
    if (celt == chain->celt)
        return;
    chain->celt = celt;
    loa_limiter_set_ceiling(chain->limiter,
                            chain->ceiling_dbtp - (celt ? CELT_HEADROOM_DB : 0.0f));
}

int loa_chain_process(loa_chain *chain, const float *block, int speech, int fade, uint8_t *packet,
                      size_t capacity)
{
    loa_float_mode before = loa_float_flush_denormals();
    shape(chain, block, speech, fade);
    int bytes = loa_opus_encode(chain->encoder, chain->work, packet, capacity);
    loa_float_restore(before);
    if (bytes > 0)
        follow_mode(chain, packet[0] >= CELT_TOC);
    return bytes;
}

int64_t loa_chain_process_many(loa_chain *chain, const float *samples, const uint8_t *speech,
                               int32_t count, int fade, uint8_t *out, size_t capacity,
                               uint16_t *sizes, float *shaped, float *gains_db)
{
    const size_t most = loa_chain_max_packet(chain);
    if (count < 0 || capacity / most < (size_t)count)
        return LOA_EINVAL;
    int64_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        int fades = (i == 0 ? fade & LOA_FADE_IN : 0) | (i == count - 1 ? fade & LOA_FADE_OUT : 0);
        int bytes = loa_chain_process(chain, samples + (size_t)i * BLOCK, speech[i], fades,
                                      out + total, most);
        if (bytes < 0)
            return bytes;
        sizes[i] = (uint16_t)bytes;
        total += bytes;
        if (shaped)
            memcpy(shaped + (size_t)i * BLOCK, chain->work, sizeof chain->work);
        if (gains_db)
            gains_db[i] = atomic_load_explicit(&chain->meters.gain_db, memory_order_relaxed);
    }
    return total;
}

void loa_chain_set_complexity(loa_chain *chain, int complexity)
{
    loa_opus_encoder_set_complexity(chain->encoder, complexity);
}

void loa_chain_read_meters(const loa_chain *chain, loa_chain_meters *out)
{
    const meters *from = &chain->meters;
    *out = (loa_chain_meters){
        .input_momentary_lufs =
            atomic_load_explicit(&from->input_momentary_lufs, memory_order_relaxed),
        .output_momentary_lufs =
            atomic_load_explicit(&from->output_momentary_lufs, memory_order_relaxed),
        .gain_db = atomic_load_explicit(&from->gain_db, memory_order_relaxed),
        .reduction_db = atomic_load_explicit(&from->reduction_db, memory_order_relaxed),
        .peak_dbfs = atomic_load_explicit(&from->peak_dbfs, memory_order_relaxed),
        .speech = atomic_load_explicit(&from->speech, memory_order_relaxed),
    };
}
