#include "loa_limiter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loa_error.h"
#include "loa_truepeak.h"

enum {
    CHUNK = 480,
    DELAY = LOA_LIMITER_DELAY,
    /* How the delay is spent: 12 samples for the interpolation, 128 for three moving averages in a row
     * (129 taps together), 4 in reserve, so that the gain rests at its lowest for 4 samples on either
     * side of a peak. A needed gain is therefore held for 129 + 4 + 1 + 4 samples. */
    RESERVE = 4,
    AVERAGES = 3,
    TAPS = DELAY - LOA_TRUEPEAK_AFTER - RESERVE + 1,
    HOLD = TAPS + 2 * RESERVE + 1,
    LONGEST = 44
};

static const int LENGTHS[AVERAGES] = {43, 44, 44};
_Static_assert(43 + 44 + 44 - (AVERAGES - 1) == TAPS, "the averages fill the look-ahead");

/* What is louder than this (60 dB over full scale) is nonsense. */
static const float LARGEST = 1000.0f;

/* After a lone peak the gain comes back with the fast time constant; where peaks are dense, only as far
 * as the mean that the slow one follows, and so moves little between them. Chosen on espeak's peaky voice:
 * 50, 150 and 600 ms take 4.2 dB of its loudness at 9 dB of reduction; these 2.3 dB less. */
static const float FAST_S = 0.02f, SLOW_S = 0.5f;

/* Nearer to 1 than this is 1 (0.00001 dB): the limiter rests, and costs nothing but the search. */
static const float RESTS = 1.0f - 1e-6f;

/* A moving average; the sum is exact enough for years, and is begun anew whenever the limiter rests. */
typedef struct {
    double sum;
    float past[LONGEST];
    int at;
} average;

struct loa_limiter {
    loa_truepeak filter;
    float ceiling;
    float fast, slow;                  /* per sample */
    float gain;                        /* after hold and release */
    float mean;                        /* what the gain returns to at once */
    int resting;                       /* samples for which gain has been 1, up to TAPS */
    float lowest;                      /* gain of the last process */
    average averages[AVERAGES];
    float input[DELAY + CHUNK];        /* the last DELAY samples, then the new ones */
    float needed[HOLD - 1 + CHUNK];    /* likewise the gains that their peaks need */
    float held[HOLD - 1 + CHUNK];
    float peaks[CHUNK];
};

static float per_sample(float seconds)
{
    return 1.0f - expf(-1.0f / (seconds * 48000.0f));
}

void loa_limiter_reset(loa_limiter *limiter)
{
    memset(limiter->input, 0, sizeof limiter->input);
    for (int i = 0; i < HOLD - 1 + CHUNK; i++)
        limiter->needed[i] = 1.0f;
    limiter->gain = limiter->mean = limiter->lowest = 1.0f;
    limiter->resting = TAPS;
}

loa_limiter *loa_limiter_create(float ceiling_dbtp)
{
    if (!(ceiling_dbtp >= -40.0f && ceiling_dbtp <= 0.0f))
        return NULL;
    loa_limiter *limiter = calloc(1, sizeof *limiter);
    if (!limiter)
        return NULL;
    loa_truepeak_design(&limiter->filter, 2);
    loa_limiter_set_ceiling(limiter, ceiling_dbtp);
    limiter->fast = per_sample(FAST_S);
    limiter->slow = per_sample(SLOW_S);
    loa_limiter_reset(limiter);
    return limiter;
}

void loa_limiter_destroy(loa_limiter *limiter)
{
    free(limiter);
}

void loa_limiter_set_ceiling(loa_limiter *limiter, float ceiling_dbtp)
{
    float bounded = ceiling_dbtp < -40.0f ? -40.0f : ceiling_dbtp > 0.0f ? 0.0f : ceiling_dbtp;
    limiter->ceiling = powf(10.0f, bounded / 20.0f);
}

/* Takes the new samples in; returns whether one of their peaks is over the ceiling. */
static int take_in(loa_limiter *limiter, const float *samples, int frames)
{
    float *input = limiter->input + DELAY;
    for (int i = 0; i < frames; i++) {
        /* A comparison with NaN is false: it becomes 0, as Inf does. */
        float finite = fabsf(samples[i]) < HUGE_VALF ? samples[i] : 0.0f;
        float bounded = finite < LARGEST ? finite : LARGEST;
        input[i] = bounded > -LARGEST ? bounded : -LARGEST;
    }
    loa_truepeak_scan(&limiter->filter, input - LOA_TRUEPEAK_AFTER, frames, limiter->ceiling,
                      limiter->peaks);
    float *needed = limiter->needed + HOLD - 1;
    const float ceiling = limiter->ceiling;
    float most = 0.0f;
    for (int i = 0; i < frames; i++)
        most = limiter->peaks[i] > most ? limiter->peaks[i] : most;
    for (int i = 0; i < frames; i++)
        needed[i] = 1.0f;
    if (most <= ceiling)
        return 0;
    for (int i = 0; i < frames; i++)
        if (limiter->peaks[i] > ceiling)
            needed[i] = ceiling / limiter->peaks[i];
    return 1;
}

/* held[i] becomes the least of needed[i] .. needed[i + HOLD - 1], by windows that double. */
static void hold(loa_limiter *limiter, int frames)
{
    float *held = limiter->held;
    int count = HOLD - 1 + frames, width = 1;
    memcpy(held, limiter->needed, (size_t)count * sizeof *held);
    for (; 2 * width <= HOLD; width *= 2)
        for (int i = 0; i + width < count; i++)
            held[i] = held[i + width] < held[i] ? held[i + width] : held[i];
    int rest = HOLD - width;
    for (int i = 0; i < frames; i++)
        held[i] = held[i + rest] < held[i] ? held[i + rest] : held[i];
}

/* Lets the gain follow down at once and come back slowly; the result lies in held. */
static void release(loa_limiter *limiter, int frames)
{
    float gain = limiter->gain, mean = limiter->mean;
    int resting = limiter->resting;
    for (int i = 0; i < frames; i++) {
        float wanted = limiter->held[i];
        mean += (wanted - mean) * limiter->slow;
        if (wanted <= gain)
            gain = wanted;
        else if (gain < mean)
            gain += ((mean < wanted ? mean : wanted) - gain) * limiter->fast;
        else
            gain += (wanted - gain) * limiter->slow;
        if (gain > RESTS && wanted >= 1.0f)
            gain = mean = 1.0f;
        resting = gain < 1.0f ? 0 : resting + 1;
        limiter->held[i] = gain;
    }
    limiter->gain = gain;
    limiter->mean = mean;
    limiter->resting = resting < TAPS ? resting : TAPS;
}

static void begin_average(average *one, int length)
{
    one->sum = length;
    one->at = 0;
    for (int i = 0; i < length; i++)
        one->past[i] = 1.0f;
}

static void run_average(average *one, int length, float *values, int count)
{
    const float scale = 1.0f / (float)length;
    double sum = one->sum;
    int at = one->at;
    for (int i = 0; i < count; i++) {
        sum += (double)values[i] - (double)one->past[at];
        one->past[at] = values[i];
        at = at + 1 < length ? at + 1 : 0;
        values[i] = (float)sum * scale;
    }
    one->sum = sum;
    one->at = at;
}

static void apply(loa_limiter *limiter, float *samples, int frames)
{
    for (int i = 0; i < AVERAGES; i++)
        run_average(&limiter->averages[i], LENGTHS[i], limiter->held, frames);
    float lowest = limiter->lowest;
    for (int i = 0; i < frames; i++) {
        lowest = limiter->held[i] < lowest ? limiter->held[i] : lowest;
        samples[i] = limiter->input[i] * limiter->held[i];
    }
    limiter->lowest = lowest;
}

static void process_chunk(loa_limiter *limiter, float *samples, int frames)
{
    int was_resting = limiter->resting == TAPS;
    int over = take_in(limiter, samples, frames);
    if (was_resting && !over) {
        memcpy(samples, limiter->input, (size_t)frames * sizeof *samples);
    } else {
        if (was_resting)
            for (int i = 0; i < AVERAGES; i++)
                begin_average(&limiter->averages[i], LENGTHS[i]);
        hold(limiter, frames);
        release(limiter, frames);
        apply(limiter, samples, frames);
    }
    memmove(limiter->input, limiter->input + frames, DELAY * sizeof *limiter->input);
    memmove(limiter->needed, limiter->needed + frames, (HOLD - 1) * sizeof *limiter->needed);
}

int loa_limiter_process(loa_limiter *limiter, float *samples, int frames)
{
    if (frames < 0)
        return LOA_EINVAL;
    limiter->lowest = 1.0f;
    for (int done = 0; done < frames; done += CHUNK)
        process_chunk(limiter, samples + done, frames - done < CHUNK ? frames - done : CHUNK);
    return LOA_OK;
}

void loa_limiter_flush(loa_limiter *limiter, float *out)
{
    memset(out, 0, DELAY * sizeof *out);
    process_chunk(limiter, out, DELAY);
    loa_limiter_reset(limiter);
}

float loa_limiter_reduction(const loa_limiter *limiter)
{
    return limiter->lowest < 1.0f ? -20.0f * log10f(limiter->lowest) : 0.0f;
}
