/* A fading continuation of audio that has stopped: what was there goes on for 80 ms and dies away.
 *
 * The last 20 ms are taken apart by linear prediction (order 24); the residual's last pitch period is repeated through
 * the synthesis filter, whose memory is the real signal, so that the first made-up sample follows from the last
 * real one without a step.
 *
 * Thread rule: one thread at a time. Nothing is allocated after create. */
#ifndef LOA_CONCEAL_H
#define LOA_CONCEAL_H

enum {
    LOA_CONCEAL_HISTORY = 2048,   /* samples that start looks at */
    LOA_CONCEAL_LENGTH = 80 * 48, /* the longest continuation, fade included */
    LOA_CONCEAL_SHORT = 5 * 48    /* the fade at a known end */
};

typedef struct loa_concealer loa_concealer;

/* NULL when memory is short. */
loa_concealer *loa_concealer_create(void);
void loa_concealer_destroy(loa_concealer *concealer);

/* Begins a continuation of history[0 .. LOA_CONCEAL_HISTORY) that has died away after length samples. */
void loa_concealer_start(loa_concealer *concealer, const float *history, int length);

/* Makes the next samples; zeros once it has died away (and before any start). */
void loa_concealer_next(loa_concealer *concealer, float *out, int frames);

/* Samples until it has died away. */
int loa_concealer_left(const loa_concealer *concealer);

#endif
