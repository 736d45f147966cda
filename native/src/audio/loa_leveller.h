/* Live levelling: brings speech to a target loudness, 48 kHz, one channel, blocks of 20 ms, no delay.
 *
 * It listens to K-weighted blocks of 400 ms that are flagged as speech and loud enough, and takes the gated
 * mean (BS.1770-4) of the last 10 s of them for the talker's level. In the first 3 s of speech the gain
 * goes there at once; then at most 3 dB/s up, and only in blocks flagged as speech, and at most 10 dB/s
 * down. A talker who becomes 6 dB louder or quieter is noticed within 2 s. The gain stays in -20..+30 dB.
 * Without speech it never rises, comes down where other sound would be louder than the target, and
 * falls to 0 dB or less after 5 s; speech that comes after such a fall gets the gain back at once, up
 * to what it was.
 *
 * What a limiter behind it takes from the loudness it gives back: a make-up of 0..8 dB beside the gain,
 * learned from what loa_leveller_heard is told.
 *
 * Thread rule: one thread at a time. Nothing is allocated after create. */
#ifndef LOA_LEVELLER_H
#define LOA_LEVELLER_H

/* cffi:begin */
typedef struct loa_leveller loa_leveller;

/* What it measures and does; LUFS and dB, -HUGE_VALF where there is no value. */
typedef struct {
    float input_momentary_lufs;   /* over 400 ms, before the gain */
    float output_momentary_lufs;  /* over 400 ms, of what loa_leveller_heard was told */
    float talker_lufs;            /* the talker's level, before the gain */
    float gain_db;
    float makeup_db;
} loa_leveller_state;

/* target_lufs -40..0. NULL when it is out of range or memory is short. */
loa_leveller *loa_leveller_create(float target_lufs);
void loa_leveller_destroy(loa_leveller *leveller);

/* Levels exactly 960 finite samples in place. speech: webrtcvad's flag for them. */
void loa_leveller_process(loa_leveller *leveller, float *block, int speech);

/* Only measures 960 samples; the gain stays 0 dB. For audio that has its loudness already. */
void loa_leveller_watch(loa_leveller *leveller, const float *block);

/* Tells what became of the block last processed (960 samples, a few ms later): the limiter's output. */
void loa_leveller_heard(loa_leveller *leveller, const float *block);

void loa_leveller_read(const loa_leveller *leveller, loa_leveller_state *state);
/* cffi:end */

#endif
