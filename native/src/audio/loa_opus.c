#include "loa_opus.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include <opus.h>

#include "loa_error.h"

enum { RATE = 48000, FRAMES_A_SECOND = 50, SMALLEST_LIMIT = 120 };

/* libopus's state lies behind ours in the same allocation, aligned for any type. */
struct loa_opus_encoder {
    size_t max_packet;
    _Alignas(max_align_t) unsigned char state[];
};

struct loa_opus_decoder {
    int channels;
    _Alignas(max_align_t) unsigned char state[];
};

static OpusEncoder *encoder_state(loa_opus_encoder *encoder)
{
    return (OpusEncoder *)(void *)encoder->state;
}

static OpusDecoder *decoder_state(loa_opus_decoder *decoder)
{
    return (OpusDecoder *)(void *)decoder->state;
}

static int within(int value, int low, int high)
{
    return value >= low && value <= high;
}

static int set_up(OpusEncoder *state, const loa_opus_config *config)
{
    return opus_encoder_init(state, RATE, 1, OPUS_APPLICATION_AUDIO) == OPUS_OK &&
           opus_encoder_ctl(state, OPUS_SET_BITRATE(config->bitrate)) == OPUS_OK &&
           opus_encoder_ctl(state, OPUS_SET_VBR(1)) == OPUS_OK &&
           opus_encoder_ctl(state, OPUS_SET_VBR_CONSTRAINT(1)) == OPUS_OK &&
           opus_encoder_ctl(state, OPUS_SET_COMPLEXITY(config->complexity)) == OPUS_OK &&
           opus_encoder_ctl(state, OPUS_SET_INBAND_FEC(config->fec)) == OPUS_OK &&
           opus_encoder_ctl(state, OPUS_SET_PACKET_LOSS_PERC(config->loss_percent)) == OPUS_OK &&
           opus_encoder_ctl(state, OPUS_SET_DTX(0)) == OPUS_OK;
}

loa_opus_encoder *loa_opus_encoder_create(const loa_opus_config *config)
{
    if (!config || !within(config->bitrate, 6000, 128000) || !within(config->complexity, 0, 10) ||
        !within(config->fec, 0, 1) || !within(config->loss_percent, 0, 100))
        return NULL;
    int size = opus_encoder_get_size(1);
    loa_opus_encoder *encoder = calloc(1, sizeof *encoder + (size_t)size);
    if (!encoder)
        return NULL;
    if (!set_up(encoder_state(encoder), config)) {
        free(encoder);
        return NULL;
    }
    size_t limit = 3 * (size_t)config->bitrate / (8 * FRAMES_A_SECOND);
    if (limit < SMALLEST_LIMIT)
        limit = SMALLEST_LIMIT;
    encoder->max_packet = limit < LOA_OPUS_MAX_PACKET ? limit : LOA_OPUS_MAX_PACKET;
    return encoder;
}

void loa_opus_encoder_destroy(loa_opus_encoder *encoder)
{
    free(encoder);
}

size_t loa_opus_encoder_max_packet(const loa_opus_encoder *encoder)
{
    return encoder->max_packet;
}

int loa_opus_encode(loa_opus_encoder *encoder, const float *samples, uint8_t *packet,
                    size_t capacity)
{
    if (capacity < encoder->max_packet)
        return LOA_EINVAL;
    int bytes = opus_encode_float(encoder_state(encoder), samples, LOA_OPUS_FRAME, packet,
                                  (opus_int32)encoder->max_packet);
    return bytes > 0 ? bytes : LOA_ECODEC;
}

int64_t loa_opus_encode_many(loa_opus_encoder *encoder, const float *samples, int32_t count,
                             uint8_t *out, size_t capacity, uint16_t *sizes)
{
    if (count < 0 || capacity / encoder->max_packet < (size_t)count)
        return LOA_EINVAL;
    int64_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        int bytes = loa_opus_encode(encoder, samples + (size_t)i * LOA_OPUS_FRAME, out + total,
                                    encoder->max_packet);
        if (bytes < 0)
            return bytes;
        sizes[i] = (uint16_t)bytes;
        total += bytes;
    }
    return total;
}

void loa_opus_encoder_set_complexity(loa_opus_encoder *encoder, int complexity)
{
    int wanted = complexity < 0 ? 0 : complexity > 10 ? 10 : complexity;
    int result = opus_encoder_ctl(encoder_state(encoder), OPUS_SET_COMPLEXITY(wanted));
    assert(result == OPUS_OK);
    (void)result;
}

void loa_opus_encoder_reset(loa_opus_encoder *encoder)
{
    (void)opus_encoder_ctl(encoder_state(encoder), OPUS_RESET_STATE);
}

loa_opus_decoder *loa_opus_decoder_create(int channels, int gain_q8)
{
    if (!within(channels, 1, 2) || !within(gain_q8, -32768, 32767))
        return NULL;
    int size = opus_decoder_get_size(channels);
    loa_opus_decoder *decoder = calloc(1, sizeof *decoder + (size_t)size);
    if (!decoder)
        return NULL;
    decoder->channels = channels;
    OpusDecoder *state = decoder_state(decoder);
    if (opus_decoder_init(state, RATE, channels) != OPUS_OK ||
        opus_decoder_ctl(state, OPUS_SET_GAIN(gain_q8)) != OPUS_OK) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void loa_opus_decoder_destroy(loa_opus_decoder *decoder)
{
    free(decoder);
}

static int decoded(int result)
{
    if (result > 0)
        return result;
    return result == OPUS_BUFFER_TOO_SMALL ? LOA_EFULL : LOA_ECODEC;
}

int loa_opus_decode(loa_opus_decoder *decoder, const uint8_t *packet, size_t size, float *out,
                    int capacity)
{
    /* libopus takes no data as "conceal"; a caller that means that says so. */
    if (size == 0 || size > INT32_MAX)
        return LOA_ECODEC;
    if (capacity <= 0)
        return LOA_EFULL;
    int most = capacity < LOA_OPUS_MAX_FRAMES ? capacity : LOA_OPUS_MAX_FRAMES;
    return decoded(
        opus_decode_float(decoder_state(decoder), packet, (opus_int32)size, out, most, 0));
}

int64_t loa_opus_decode_many(loa_opus_decoder *decoder, const uint8_t *data, size_t data_size,
                             const uint16_t *sizes, int32_t count, float *out, size_t capacity)
{
    int64_t total = 0;
    size_t at = 0;
    for (int32_t i = 0; i < count; i++) {
        if (sizes[i] > data_size - at)
            return LOA_EINVAL;
        size_t room = capacity - (size_t)total;
        int frames = loa_opus_decode(decoder, data + at, sizes[i],
                                     out + total * decoder->channels,
                                     room < LOA_OPUS_MAX_FRAMES ? (int)room : LOA_OPUS_MAX_FRAMES);
        if (frames < 0)
            return frames;
        at += sizes[i];
        total += frames;
    }
    return total;
}

int loa_opus_conceal(loa_opus_decoder *decoder, float *out, int samples)
{
    if (!within(samples, 120, LOA_OPUS_MAX_FRAMES) || samples % 120 != 0)
        return LOA_EINVAL;
    return decoded(opus_decode_float(decoder_state(decoder), NULL, 0, out, samples, 0));
}

int loa_opus_decode_fec(loa_opus_decoder *decoder, const uint8_t *packet, size_t size, float *out,
                        int samples)
{
    if (!within(samples, 120, LOA_OPUS_MAX_FRAMES) || samples % 120 != 0)
        return LOA_EINVAL;
    if (size == 0 || size > INT32_MAX)
        return LOA_ECODEC;
    return decoded(
        opus_decode_float(decoder_state(decoder), packet, (opus_int32)size, out, samples, 1));
}

void loa_opus_decoder_reset(loa_opus_decoder *decoder)
{
    (void)opus_decoder_ctl(decoder_state(decoder), OPUS_RESET_STATE);
}

int loa_opus_packet_samples(const uint8_t *packet, size_t size)
{
    if (size == 0 || size > INT32_MAX)
        return LOA_ECODEC;
    int samples = opus_packet_get_nb_samples(packet, (opus_int32)size, RATE);
    return samples > 0 ? samples : LOA_ECODEC;
}
