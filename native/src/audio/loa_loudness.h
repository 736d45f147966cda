/* Loudness and true peak of audio per ITU-R BS.1770-4 and EBU R 128 (Tech 3341, 3342).
 *
 * Integrated loudness and range are libebur128's. True peak and the windows' maxima are our own (the
 * windows move by 20 ms): libebur128 takes three times the time for them; the tests compare the two.
 *
 * Channels, interleaved, in the order of WAVE and FFmpeg: 1 mono (counted once, not as dual mono),
 * 2 L R, 3 L R C, 4 L R Ls Rs, 5 L R C Ls Rs, 6 L R C LFE Ls Rs (the LFE counts for the peak alone).
 *
 * Thread rule: one thread at a time. libebur128 keeps 10 values a second of audio for the gate: about
 * 1 MB an hour; everything else is of fixed size. */
#ifndef LOA_LOUDNESS_H
#define LOA_LOUDNESS_H

#include <stdint.h>

/* cffi:begin */
typedef struct loa_loudness loa_loudness;

enum loa_loudness_parts {
    LOA_LOUDNESS_PEAK = 1,     /* true peak */
    LOA_LOUDNESS_WINDOWS = 2,  /* the maxima of the 400 ms and 3 s windows, and the range */
    LOA_LOUDNESS_ALL = 3       /* integrated loudness is always measured */
};

/* LUFS, LU and dBTP; -HUGE_VAL where there is no value: nothing was loud enough for the gate, the
 * audio is shorter than the window, or the part was not asked for. */
typedef struct {
    double integrated_lufs;
    double short_term_max_lufs;
    double momentary_max_lufs;
    double range_lu;
    double true_peak_dbtp;
    int64_t frames;
} loa_loudness_report;

/* channels 1..6, rate 8000..192000, parts a set of enum loa_loudness_parts. NULL when an argument is out
 * of range or memory is short. */
loa_loudness *loa_loudness_create(int channels, int rate, int parts);
void loa_loudness_destroy(loa_loudness *loudness);

/* Adds interleaved frames. NaN and Inf count as 0. Returns 0, LOA_EINVAL for a negative count, or
 * LOA_ENOMEM, after which the measurement is useless. */
int loa_loudness_add(loa_loudness *loudness, const float *samples, int64_t frames);

/* What has been heard so far; more may be added afterwards. Returns 0 or LOA_ENOMEM. */
int loa_loudness_read(loa_loudness *loudness, loa_loudness_report *report);
/* cffi:end */

#endif
