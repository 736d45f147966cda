/* See loa_conceal.h. */
#include "loa_conceal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    HISTORY = LOA_CONCEAL_HISTORY,
    ORDER = 24,
    WINDOW = 960,
    LEAST_PERIOD = 120, /* 400 Hz */
    MOST_PERIOD = 960,  /* 50 Hz */
    MATCH = 480,        /* samples that are compared to find the period */
    COARSE = 4
};

struct loa_concealer {
    float predictor[ORDER];
    float memory[ORDER]; /* newest last */
    float residual[MOST_PERIOD];
    float peak; /* nothing made up is louder than what was heard */
    int period;
    int at;
    int length;
};

loa_concealer *loa_concealer_create(void) { return calloc(1, sizeof(loa_concealer)); }

void loa_concealer_destroy(loa_concealer *concealer) { free(concealer); }

static double likeness(const float *history, int lag, int step)
{
    const float *end = history + HISTORY;
    double cross = 0.0, energy = 1e-9;
    for (int i = 1; i <= MATCH; i += step) {
        cross += (double)end[-i] * (double)end[-i - lag];
        energy += (double)end[-i - lag] * (double)end[-i - lag];
    }
    return cross <= 0.0 ? 0.0 : cross * cross / energy;
}

/* The lag at which the last 10 ms look most like what came before; coarse, then to the sample. */
static int find_period(const float *history)
{
    int best = LEAST_PERIOD;
    double most = -1.0;
    for (int lag = LEAST_PERIOD; lag <= MOST_PERIOD; lag += COARSE) {
        double value = likeness(history, lag, COARSE);
        if (value > most * 1.02) { /* of equals the shortest: a multiple of the period is no better */
            most = value;
            best = lag;
        }
    }
    int from = best - COARSE, to = best + COARSE;
    most = -1.0;
    for (int lag = from < LEAST_PERIOD ? LEAST_PERIOD : from; lag <= to && lag <= MOST_PERIOD; lag++) {
        double value = likeness(history, lag, 1);
        if (value > most) {
            most = value;
            best = lag;
        }
    }
    return best;
}

/* Linear prediction by autocorrelation and the Levinson-Durbin recursion (Makhoul, "Linear prediction: a tutorial
 * review", 1975), with a noise floor of -50 dB so that the synthesis filter stays well inside stability. */
static void find_predictor(const float *history, float predictor[ORDER])
{
    const double pi = 3.14159265358979323846;
    double windowed[WINDOW], r[ORDER + 1], a[ORDER + 1] = {1.0}, error;
    for (int i = 0; i < WINDOW; i++)
        windowed[i] = history[HISTORY - WINDOW + i] * (0.5 - 0.5 * cos(2.0 * pi * (i + 0.5) / WINDOW));
    for (int k = 0; k <= ORDER; k++) {
        r[k] = 0.0;
        for (int i = k; i < WINDOW; i++)
            r[k] += windowed[i] * windowed[i - k];
    }
    memset(predictor, 0, ORDER * sizeof *predictor);
    if (r[0] < 1e-9)
        return;
    error = r[0] *= 1.00001;
    for (int m = 1; m <= ORDER; m++) {
        double sum = r[m], previous[ORDER + 1];
        for (int k = 1; k < m; k++)
            sum += a[k] * r[m - k];
        double reflection = -sum / error;
        memcpy(previous, a, sizeof previous);
        for (int k = 1; k < m; k++)
            a[k] = previous[k] + reflection * previous[m - k];
        a[m] = reflection;
        error *= 1.0 - reflection * reflection;
    }
    for (int k = 0; k < ORDER; k++)
        predictor[k] = (float)a[k + 1];
}

void loa_concealer_start(loa_concealer *concealer, const float *history, int length)
{
    concealer->period = find_period(history);
    find_predictor(history, concealer->predictor);
    concealer->peak = 0.0f;
    for (int i = HISTORY - WINDOW; i < HISTORY; i++)
        concealer->peak = fmaxf(concealer->peak, fabsf(history[i]));
    for (int i = 0; i < concealer->period; i++) {
        const float *now = history + HISTORY - concealer->period + i;
        float sum = *now;
        for (int k = 0; k < ORDER; k++)
            sum += concealer->predictor[k] * now[-1 - k];
        concealer->residual[i] = sum;
    }
    memcpy(concealer->memory, history + HISTORY - ORDER, sizeof concealer->memory);
    concealer->at = 0;
    concealer->length = length;
}

void loa_concealer_next(loa_concealer *concealer, float *out, int frames)
{
    const float pi = 3.14159265f;
    int made = 0;
    for (; made < frames && concealer->at < concealer->length; made++, concealer->at++) {
        float sample = concealer->residual[concealer->at % concealer->period];
        for (int k = 0; k < ORDER; k++)
            sample -= concealer->predictor[k] * concealer->memory[ORDER - 1 - k];
        memmove(concealer->memory, concealer->memory + 1, (ORDER - 1) * sizeof *concealer->memory);
        concealer->memory[ORDER - 1] = sample;
        /* Only what is heard is bounded: a bound in the memory would be an impulse to the filter. */
        sample = fminf(fmaxf(sample, -concealer->peak), concealer->peak);
        float through = ((float)concealer->at + 1.0f) / (float)concealer->length;
        out[made] = sample * (0.5f + 0.5f * cosf(pi * through));
    }
    memset(out + made, 0, (size_t)(frames - made) * sizeof *out);
}

int loa_concealer_left(const loa_concealer *concealer) { return concealer->length - concealer->at; }
