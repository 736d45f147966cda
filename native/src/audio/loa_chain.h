/* The chain of one live programme: 20 ms of audio in, one Opus packet out.
 *
 *   block -> leveller (optional) -> fades at the programme's own start and end -> limiter -> Opus
 *
 * Thread rule: one thread at a time calls process, fade and set_complexity; meters may be read from any.
 * Nothing is allocated after create. */
#ifndef LOA_CHAIN_H
#define LOA_CHAIN_H

#include <stddef.h>
#include <stdint.h>

/* cffi:begin */
typedef struct loa_chain loa_chain;

typedef struct {
    int32_t bitrate;       /* bit/s, 6000..128000 */
    int32_t complexity;    /* Opus complexity, 0..10 */
    int32_t level;         /* 1: the leveller works; 0: the audio has its loudness already */
    float target_lufs;     /* what the leveller steers to, -16 */
    float ceiling_dbtp;    /* true-peak ceiling before the encoder, -3; 1.5 dB less where Opus codes music */
} loa_chain_config;

/* What the chain heard last; LUFS and dB, -HUGE_VALF where there is no value. */
typedef struct {
    float input_momentary_lufs;   /* over 400 ms, before the leveller */
    float output_momentary_lufs;  /* over 400 ms, after the limiter */
    float gain_db;                /* the leveller's gain now, without the limiter's make-up */
    float reduction_db;           /* the limiter's gain reduction in the last block, >= 0 */
    float peak_dbfs;              /* sample peak of the last input block */
    int32_t speech;               /* the speech flag of the last block */
} loa_chain_meters;

enum loa_fade { LOA_FADE_NONE = 0, LOA_FADE_IN = 1, LOA_FADE_OUT = 2 };

/* NULL when the config is out of range or memory is short. */
loa_chain *loa_chain_create(const loa_chain_config *config);
void loa_chain_destroy(loa_chain *chain);

/* The largest packet this chain makes, in bytes; capacity below must be at least that. */
size_t loa_chain_max_packet(const loa_chain *chain);

/* Processes exactly 960 samples, 48 kHz mono. NaN and Inf count as 0. speech: webrtcvad's flag.
 * fade: LOA_FADE_IN on the programme's first block, LOA_FADE_OUT on its last, or both in one. Each is 10 ms
 * of a raised cosine; the fade-out ends 9.5 ms before the block does, so that what limiter and encoder still
 * hold after this packet is silence.
 * Returns the packet's bytes (>= 1) or LOA_ECODEC. */
int loa_chain_process(loa_chain *chain, const float *block, int speech, int fade,
                      uint8_t *packet, size_t capacity);

/* Processes count blocks in one call. speech: one flag a block; fade: LOA_FADE_IN for the first,
 * LOA_FADE_OUT for the last, or both. The packets lie one behind the other in out (capacity count *
 * max_packet), their sizes in sizes. shaped and gains_db may be NULL, or get what the encoder was given (count
 * * 960 samples) and the leveller's gain after each block. Returns all bytes or an error. */
int64_t loa_chain_process_many(loa_chain *chain, const float *samples, const uint8_t *speech,
                               int32_t count, int fade, uint8_t *out, size_t capacity,
                               uint16_t *sizes, float *shaped, float *gains_db);

void loa_chain_set_complexity(loa_chain *chain, int complexity);

/* Safe from any thread while another processes; each value is of the newest block or the one before. */
void loa_chain_read_meters(const loa_chain *chain, loa_chain_meters *meters);
/* cffi:end */

#endif
