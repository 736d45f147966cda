/* How deep a ring is to be and how fast it is to be read: the control loop of loa_ring, without its samples.
 *
 * It is told the fill once for each block of 20 ms, just before the block is taken. The fill saws up and down with
 * the source's bursts; what is steered is its mean over seconds, by a PI loop so slow that jitter does not reach
 * the pitch: half a minute for a steady source, minutes for a bursty one. The depth aimed at is what the deepest dips of the last minute below
 * that mean asks for, never less than the configured depth; it grows at once and shrinks by 1 ms a second.
 *
 * A plain value: no allocation, no threads, no clock. */
#ifndef LOA_PACE_H
#define LOA_PACE_H

#include <stdint.h>

enum { LOA_PACE_DIPS = 32, LOA_PACE_LOWS = 10 };

typedef struct {
    float least_ms, most_ms; /* bounds of the depth */
    float depth_ms;          /* aimed at now */
    float ppm;               /* the correction now; positive: the source is fast */
    float learnt_ppm;        /* the integral part: the drift as far as it is known */
    float mean_ms, smooth_ms;
    uint32_t seen;           /* blocks since the audio began or began again */
    uint32_t waited;         /* blocks since the lows were forgotten */
    float dips_ms[LOA_PACE_DIPS]; /* deepest dip below the mean in each of the last 32 times 2 s */
    float lows_ms[LOA_PACE_LOWS]; /* least fill in each of the last tenths of a second */
} loa_pace;

void loa_pace_init(loa_pace *pace, float depth_ms, float max_depth_ms);

/* The audio begins, or begins again after a stall during which nothing arrived for missing_ms (0 at first). A stall
 * that a possible depth would have covered deepens it by half of what was missing, 10 to 40 ms; an outage does not. */
void loa_pace_begin(loa_pace *pace, float missing_ms);

/* One block is about to be taken. slave: the source follows our clock (it is held by back-pressure). */
void loa_pace_observe(loa_pace *pace, float fill_ms, int slave);

/* What has lain unused for a whole second beyond what the depth is for, in ms; 0 if that is no more than the slack. */
float loa_pace_excess(const loa_pace *pace, float slack_ms);

/* The ring was trimmed by ms. */
void loa_pace_trimmed(loa_pace *pace, float ms);

#endif
