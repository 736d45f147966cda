#include "loa_loudness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ebur128.h>

#include "loa_error.h"
#include "loa_kweight.h"
#include "loa_truepeak.h"

enum {
    MAX_CHANNELS = 6,
    STEPS_A_SECOND = 50,
    MOMENTARY_STEPS = 20,      /* 400 ms */
    SHORT_TERM_STEPS = 150,    /* 3 s */
    MAX_STEP = 192000 / STEPS_A_SECOND,
    HISTORY = LOA_TRUEPEAK_BEFORE + LOA_TRUEPEAK_AFTER
};

/* Larger samples are nonsense, and their squares must stay finite. */
static const float LARGEST = 1e6f;

/* Quieter than this is outside the absolute gate of BS.1770-4. */
static const double GATE_LUFS = -70.0;

/* What one channel needs of its past. */
typedef struct {
    double weight;             /* of its energy in the sum: 1, 1.41 for the surrounds, 0 for the LFE */
    loa_kweight kweight;
    float history[HISTORY];    /* the last samples, for the true peak */
} channel;

struct loa_loudness {
    ebur128_state *state;
    int channels;
    int rate;
    int parts;
    int64_t frames;
    int step;                  /* frames of a step */
    int in_step;               /* frames of it already added */
    int64_t steps;
    double in_energy;          /* weighted energy of the step so far */
    double energies[SHORT_TERM_STEPS];
    double momentary_max;      /* largest energy of a whole window */
    double short_term_max;
    loa_truepeak filter;
    float peak;
    channel each[MAX_CHANNELS];
    float clean[MAX_STEP * MAX_CHANNELS];
    float row[HISTORY + MAX_STEP];
    float peaks[MAX_STEP];
};

static const int CHANNEL_MAP[MAX_CHANNELS][MAX_CHANNELS] = {
    {EBUR128_LEFT},
    {EBUR128_LEFT, EBUR128_RIGHT},
    {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER},
    {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_LEFT_SURROUND, EBUR128_RIGHT_SURROUND},
    {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER, EBUR128_LEFT_SURROUND, EBUR128_RIGHT_SURROUND},
    {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER, EBUR128_UNUSED, EBUR128_LEFT_SURROUND,
     EBUR128_RIGHT_SURROUND},
};

static double weight_of(int place)
{
    if (place == EBUR128_UNUSED)
        return 0.0;
    return place == EBUR128_LEFT_SURROUND || place == EBUR128_RIGHT_SURROUND ? 1.41 : 1.0;
}

loa_loudness *loa_loudness_create(int channels, int rate, int parts)
{
    if (channels < 1 || channels > MAX_CHANNELS || rate < 8000 || rate > 192000 || parts < 0 ||
        parts > LOA_LOUDNESS_ALL)
        return NULL;
    loa_loudness *loudness = calloc(1, sizeof *loudness);
    if (!loudness)
        return NULL;
    int mode = EBUR128_MODE_I | (parts & LOA_LOUDNESS_WINDOWS ? EBUR128_MODE_LRA : 0);
    loudness->state = ebur128_init((unsigned)channels, (unsigned long)rate, mode);
    if (!loudness->state) {
        free(loudness);
        return NULL;
    }
    for (int i = 0; i < channels; i++) {
        int place = CHANNEL_MAP[channels - 1][i];
        (void)ebur128_set_channel(loudness->state, (unsigned)i, place);
        loudness->each[i].weight = weight_of(place);
        loa_kweight_start(&loudness->each[i].kweight, rate);
    }
    loudness->channels = channels;
    loudness->rate = rate;
    loudness->parts = parts;
    loudness->step = rate / STEPS_A_SECOND;
    loa_truepeak_design(&loudness->filter, 1);
    return loudness;
}

void loa_loudness_destroy(loa_loudness *loudness)
{
    if (!loudness)
        return;
    ebur128_destroy(&loudness->state);
    free(loudness);
}

static void clean(const float *samples, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        /* A comparison with NaN is false: it becomes 0, as Inf does. */
        float finite = fabsf(samples[i]) < HUGE_VALF ? samples[i] : 0.0f;
        float bounded = finite < LARGEST ? finite : LARGEST;
        out[i] = bounded > -LARGEST ? bounded : -LARGEST;
    }
}

/* Looks between the samples, 12 behind the newest, since the filter needs as many after them. */
static void hear_peak(loa_loudness *loudness, channel *one, const float *first, int frames)
{
    memcpy(loudness->row, one->history, sizeof one->history);
    for (int i = 0; i < frames; i++)
        loudness->row[HISTORY + i] = first[(size_t)i * (size_t)loudness->channels];
    loa_truepeak_scan(&loudness->filter, loudness->row + LOA_TRUEPEAK_BEFORE, frames,
                      loudness->peak, loudness->peaks);
    for (int i = 0; i < frames; i++)
        loudness->peak = loudness->peaks[i] > loudness->peak ? loudness->peaks[i] : loudness->peak;
    memcpy(one->history, loudness->row + frames, sizeof one->history);
}

static double window(const loa_loudness *loudness, int steps)
{
    double sum = 0.0;
    for (int64_t i = loudness->steps - steps; i < loudness->steps; i++)
        sum += loudness->energies[i % SHORT_TERM_STEPS];
    return sum / ((double)steps * loudness->step);
}

static void end_step(loa_loudness *loudness)
{
    loudness->energies[loudness->steps++ % SHORT_TERM_STEPS] = loudness->in_energy;
    loudness->in_energy = 0.0;
    loudness->in_step = 0;
    if (loudness->steps >= MOMENTARY_STEPS)
        loudness->momentary_max = fmax(loudness->momentary_max, window(loudness, MOMENTARY_STEPS));
    if (loudness->steps >= SHORT_TERM_STEPS)
        loudness->short_term_max =
            fmax(loudness->short_term_max, window(loudness, SHORT_TERM_STEPS));
}

static void hear(loa_loudness *loudness, int frames)
{
    for (int i = 0; i < loudness->channels; i++) {
        channel *one = &loudness->each[i];
        if (loudness->parts & LOA_LOUDNESS_PEAK)
            hear_peak(loudness, one, loudness->clean + i, frames);
        if ((loudness->parts & LOA_LOUDNESS_WINDOWS) && one->weight > 0.0)
            loudness->in_energy += one->weight * loa_kweight_energy(&one->kweight,
                                                                    loudness->clean + i, frames,
                                                                    loudness->channels);
    }
    loudness->frames += frames;
    loudness->in_step += frames;
    if (loudness->in_step == loudness->step)
        end_step(loudness);
}

int loa_loudness_add(loa_loudness *loudness, const float *samples, int64_t frames)
{
    if (frames < 0)
        return LOA_EINVAL;
    while (frames > 0) {
        int take = loudness->step - loudness->in_step;
        if (frames < take)
            take = (int)frames;
        size_t count = (size_t)take * (size_t)loudness->channels;
        clean(samples, count, loudness->clean);
        if (ebur128_add_frames_float(loudness->state, loudness->clean, (size_t)take) !=
            EBUR128_SUCCESS)
            return LOA_ENOMEM;
        hear(loudness, take);
        samples += count;
        frames -= take;
    }
    return LOA_OK;
}

/* The peak of what follows the newest samples when nothing more comes. */
static float last_peak(const loa_loudness *loudness)
{
    float most = loudness->peak;
    for (int i = 0; i < loudness->channels; i++) {
        float row[HISTORY + LOA_TRUEPEAK_AFTER] = {0}, peaks[LOA_TRUEPEAK_AFTER];
        memcpy(row, loudness->each[i].history, sizeof loudness->each[i].history);
        loa_truepeak_scan(&loudness->filter, row + LOA_TRUEPEAK_BEFORE, LOA_TRUEPEAK_AFTER, most,
                          peaks);
        for (int k = 0; k < LOA_TRUEPEAK_AFTER; k++)
            most = fmaxf(most, peaks[k]);
    }
    return most;
}

int loa_loudness_read(loa_loudness *loudness, loa_loudness_report *report)
{
    *report = (loa_loudness_report){
        .integrated_lufs = -HUGE_VAL,
        .short_term_max_lufs = loa_kweight_lufs(loudness->short_term_max),
        .momentary_max_lufs = loa_kweight_lufs(loudness->momentary_max),
        .range_lu = -HUGE_VAL,
        .true_peak_dbtp = -HUGE_VAL,
        .frames = loudness->frames,
    };
    if (ebur128_loudness_global(loudness->state, &report->integrated_lufs) != EBUR128_SUCCESS)
        return LOA_ENOMEM;
    /* libebur128 calls the range of nothing 0. */
    if (report->short_term_max_lufs > GATE_LUFS &&
        ebur128_loudness_range(loudness->state, &report->range_lu) != EBUR128_SUCCESS)
        return LOA_ENOMEM;
    if (loudness->parts & LOA_LOUDNESS_PEAK) {
        float peak = last_peak(loudness);
        report->true_peak_dbtp = peak > 0.0f ? 20.0 * log10(peak) : -HUGE_VAL;
    }
    return LOA_OK;
}
