/* Opus around libopus: an encoder of 20 ms frames, one channel, and a decoder that conceals losses
 * and uses in-band FEC. 48 kHz float throughout.
 *
 * Thread rule: one thread at a time uses an encoder or a decoder. Each is one allocation, made in create. */
#ifndef LOA_OPUS_H
#define LOA_OPUS_H

#include <stddef.h>
#include <stdint.h>

/* cffi:begin */
enum loa_opus_limits {
    LOA_OPUS_FRAME = 960,        /* samples of the frames that the encoder makes: 20 ms */
    LOA_OPUS_MAX_FRAMES = 5760,  /* samples a channel that one packet can hold: 120 ms */
    LOA_OPUS_MAX_PACKET = 1275,  /* bytes that a packet of one frame can have */
    LOA_OPUS_LOOKAHEAD = 312     /* samples by which the encoder delays: 6.5 ms */
};

typedef struct loa_opus_encoder loa_opus_encoder;
typedef struct loa_opus_decoder loa_opus_decoder;

typedef struct {
    int32_t bitrate;        /* bit/s, 6000..128000; constrained VBR */
    int32_t complexity;     /* 0..10 */
    int32_t fec;            /* 1: in-band FEC; only for links that lose packets */
    int32_t loss_percent;   /* loss that the FEC is made for, 0..100 */
} loa_opus_config;

/* NULL when the config is out of range or memory is short. */
loa_opus_encoder *loa_opus_encoder_create(const loa_opus_config *config);
void loa_opus_encoder_destroy(loa_opus_encoder *encoder);

/* The largest packet that this encoder makes: three times its mean, at least 120 and at most 1275 bytes. */
size_t loa_opus_encoder_max_packet(const loa_opus_encoder *encoder);

/* Encodes exactly 960 samples to one packet of one frame; samples must be finite.
 * capacity must be at least max_packet. Returns the packet's bytes (>= 1), LOA_EINVAL or LOA_ECODEC. */
int loa_opus_encode(loa_opus_encoder *encoder, const float *samples, uint8_t *packet,
                    size_t capacity);

/* Encodes count blocks of 960 samples. The packets lie one behind the other in out, whose capacity
 * must be count * max_packet, and their sizes in sizes. Returns all bytes or an error. */
int64_t loa_opus_encode_many(loa_opus_encoder *encoder, const float *samples, int32_t count,
                             uint8_t *out, size_t capacity, uint16_t *sizes);

/* complexity is clamped to 0..10. */
void loa_opus_encoder_set_complexity(loa_opus_encoder *encoder, int complexity);

/* Forgets all audio, as if just made. */
void loa_opus_encoder_reset(loa_opus_encoder *encoder);

/* channels: 1 (stereo packets are mixed down) or 2. gain_q8: the output gain of OpusHead, dB * 256,
 * -32768..32767. NULL when an argument is out of range or memory is short. */
loa_opus_decoder *loa_opus_decoder_create(int channels, int gain_q8);
void loa_opus_decoder_destroy(loa_opus_decoder *decoder);

/* Decodes one packet into out, interleaved; capacity in samples a channel, LOA_OPUS_MAX_FRAMES is
 * always enough. Returns samples a channel, LOA_EFULL when capacity is short, or LOA_ECODEC for a
 * malformed packet, which leaves the decoder usable. */
int loa_opus_decode(loa_opus_decoder *decoder, const uint8_t *packet, size_t size, float *out,
                    int capacity);

/* Decodes count packets that lie one behind the other in data, each of sizes[i] bytes. Returns all
 * samples a channel, LOA_EINVAL when the sizes exceed data_size, or as loa_opus_decode. */
int64_t loa_opus_decode_many(loa_opus_decoder *decoder, const uint8_t *data, size_t data_size,
                             const uint16_t *sizes, int32_t count, float *out, size_t capacity);

/* Makes up samples for a lost packet; samples: a multiple of 120 (2.5 ms) up to 5760. Returns samples. */
int loa_opus_conceal(loa_opus_decoder *decoder, float *out, int samples);

/* Recovers the lost packet *before* this one from its FEC (concealing what has none); decode the packet
 * itself afterwards. samples: the lost packet's length. Returns samples or an error. */
int loa_opus_decode_fec(loa_opus_decoder *decoder, const uint8_t *packet, size_t size, float *out,
                        int samples);

void loa_opus_decoder_reset(loa_opus_decoder *decoder);

/* Samples a channel at 48 kHz that a packet holds, or LOA_ECODEC when it is malformed. */
int loa_opus_packet_samples(const uint8_t *packet, size_t size);
/* cffi:end */

#endif
