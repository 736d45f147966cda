/* A ring between two clocks: a source writes samples at its pace, a reader pulls 20 ms at its own.
 *
 * The ring absorbs jitter, conceals a stall, corrects drift with a variable-ratio resampler (at most
 * +-1000 ppm, never by jumps) and adapts its depth. 48 kHz, one channel, float.
 *
 * Thread rule: one writer thread and one reader thread at a time, without locks; stats from any. */
#ifndef LOA_RING_H
#define LOA_RING_H

#include <stdint.h>

/* cffi:begin */
typedef struct loa_ring loa_ring;

enum loa_ring_policy {
    LOA_RING_TRIM = 0,     /* a source that runs ahead (a studio after a stall) is trimmed back to the depth */
    LOA_RING_PRESSURE = 1  /* write accepts what fits; the caller pauses the source */
};

typedef struct {
    int32_t depth_ms;      /* the least depth to hold, 20..2000; adapts upwards with the source's jitter */
    int32_t max_depth_ms;  /* where adaption ends */
    int32_t capacity_ms;   /* room in all, > max_depth_ms, <= 60000 */
    int32_t policy;        /* enum loa_ring_policy */
} loa_ring_config;

enum loa_ring_state {
    LOA_RING_PRIMING = 0,    /* waiting for the first depth_ms; read gives silence */
    LOA_RING_RUNNING = 1,
    LOA_RING_CONCEALING = 2, /* the source stalls; read gives a fading continuation */
    LOA_RING_STARVED = 3,    /* concealment has ended; read gives silence until depth_ms are there again */
    LOA_RING_ENDED = 4       /* loa_ring_finish was called and everything has been read */
};

typedef struct {
    uint64_t written;      /* samples accepted */
    uint64_t read;         /* samples delivered from the source's audio */
    uint64_t concealed;    /* samples made up, fade included */
    uint64_t trimmed;      /* samples dropped because the source ran ahead */
    uint64_t refused;      /* samples that write did not accept */
    uint64_t stalls;       /* times that RUNNING was left for want of samples */
    float fill_ms;         /* now */
    float depth_ms;        /* aimed at now */
    float drift_ppm;       /* the correction now; positive: the source is fast */
    int32_t state;
} loa_ring_stats;

loa_ring *loa_ring_create(const loa_ring_config *config);
void loa_ring_destroy(loa_ring *ring);

/* Writes samples; speech is webrtcvad's flag for all of them. NaN and Inf become 0.
 * Returns the number accepted, 0..frames: under LOA_RING_TRIM it is always frames (what nobody reads is overwritten,
 * oldest first), or LOA_EINVAL. */
int loa_ring_write(loa_ring *ring, const float *samples, int frames, int speech);

/* Says that nothing more comes: the reader plays the rest without priming and then sees ENDED. */
void loa_ring_finish(loa_ring *ring);

/* Says that the writer was exchanged (a studio came back): a finished ring runs again. */
void loa_ring_reopen(loa_ring *ring);

/* Reads exactly 960 samples into out, with their speech flag (that of most of them; 0 for what is made up). Returns
 * enum loa_ring_state. LOA_RING_ENDED comes with the block that holds the last samples; 5 ms of continuation die
 * away behind them. There is no step in what one read after the other delivers, whatever happens. */
int loa_ring_read(loa_ring *ring, float *out, int *speech);

/* Frames that write would accept now under LOA_RING_PRESSURE. */
int loa_ring_space(const loa_ring *ring);

void loa_ring_read_stats(const loa_ring *ring, loa_ring_stats *stats);
/* cffi:end */

#endif
