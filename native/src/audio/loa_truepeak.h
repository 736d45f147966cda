/* True peak: the largest value between samples, by interpolation x4 (ITU-R BS.1770-4, annex 2).
 *
 * A polyphase filter of 24 taps (Kaiser-windowed sinc) gives three values between each two samples: within
 * 0.05 dB up to 0.42 of the sample rate (20 kHz at 48 kHz). Meters with shorter filters, like libebur128's
 * and the example in BS.1770, read up to 0.4 dB more where there is much above 20 kHz; a second filter of
 * 12 taps hears what they would. No state: the caller keeps the history. */
#ifndef LOA_TRUEPEAK_H
#define LOA_TRUEPEAK_H

enum {
    LOA_TRUEPEAK_FILTERS = 2,
    LOA_TRUEPEAK_PHASES = 3,  /* beside the sample itself */
    LOA_TRUEPEAK_TAPS = 24,
    LOA_TRUEPEAK_BEFORE = 11, /* samples that are read before the first */
    LOA_TRUEPEAK_AFTER = 12   /* and after the last */
};

typedef struct {
    float taps[LOA_TRUEPEAK_FILTERS][LOA_TRUEPEAK_PHASES][LOA_TRUEPEAK_TAPS];
    int filters;
    float gain;               /* no interpolated value exceeds this times the largest sample */
} loa_truepeak;

/* filters: 1 to measure, 2 to be safe from other meters too. */
void loa_truepeak_design(loa_truepeak *filter, int filters);

/* peaks[i] becomes the largest magnitude from samples[i] to just before samples[i + 1], for i in
 * 0..count-1; reads samples[-11] to samples[count + 11]. Where that cannot exceed floor (>= 0), peaks[i]
 * may be the sample's own magnitude instead, which saves most of the work. Samples must be finite. */
void loa_truepeak_scan(const loa_truepeak *filter, const float *samples, int count, float floor,
                       float *peaks);

#endif
