/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Opus: what is refused, that no call writes outside its buffer, and what any bytes do to a decoder. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "failing.h"
#include "loa_error.h"
#include "loa_opus.h"

enum { FRAME = LOA_OPUS_FRAME, CANARY = 64 };

static uint64_t seed;

static void make_tone(float *out, int at)
{
    for (int i = 0; i < FRAME; i++)
        out[i] = 0.3f * sinf((float)(at + i) * 0.0576f);
}

static int whole(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0xA5)
            return 0;
    return 1;
}

static void test_settings(void)
{
    static const loa_opus_config bad[] = {
        {5999, 10, 0, 0}, {128001, 10, 0, 0}, {24000, -1, 0, 0},  {24000, 11, 0, 0},
        {24000, 10, 2, 0}, {24000, 10, 0, -1}, {24000, 10, 0, 101},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!loa_opus_encoder_create(&bad[i]));
    CHECK(!loa_opus_encoder_create(NULL));
    CHECK(!loa_opus_decoder_create(0, 0) && !loa_opus_decoder_create(3, 0));
    CHECK(!loa_opus_decoder_create(1, 32768) && !loa_opus_decoder_create(1, -32769));

    loa_opus_config good = {24000, 10, 0, 0};
    atomic_store(&failing_countdown, 1);
    CHECK(!loa_opus_encoder_create(&good));
    atomic_store(&failing_countdown, 1);
    CHECK(!loa_opus_decoder_create(1, 0));
    atomic_store(&failing_countdown, 0);
    loa_opus_encoder_destroy(NULL);
    loa_opus_decoder_destroy(NULL);
}

static void test_bounds(int bitrate)
{
    loa_opus_config config = {bitrate, 3, 0, 0};
    loa_opus_encoder *encoder = loa_opus_encoder_create(&config);
    size_t most = loa_opus_encoder_max_packet(encoder);
    CHECK(most <= LOA_OPUS_MAX_PACKET);
    uint8_t buffer[LOA_OPUS_MAX_PACKET + CANARY];
    float sound[FRAME];
    int asked = atomic_load(&failing_asked);
    for (int i = 0; i < 100; i++) {
        make_tone(sound, i * FRAME);
        for (int k = 0; k < FRAME && i % 3 == 0; k++)
            sound[k] = (float)check_random(&seed) / 1.1e9f - 1.0f;
        memset(buffer, 0xA5, sizeof buffer);
        int size = loa_opus_encode(encoder, sound, buffer, most);
        CHECK(size >= 1 && (size_t)size <= most);
        CHECK((buffer[0] & 3) == 0);
        CHECK(whole(buffer + most, sizeof buffer - most));
        CHECK(loa_opus_packet_samples(buffer, (size_t)size) == FRAME);
        loa_opus_encoder_set_complexity(encoder, i % 13 - 1);
    }
    CHECK(atomic_load(&failing_asked) == asked); /* nothing is allocated after create */
    CHECK(loa_opus_encode(encoder, sound, buffer, most - 1) == LOA_EINVAL);
    loa_opus_encoder_destroy(encoder);
}

static void test_many(void)
{
    enum { COUNT = 10 };
    loa_opus_config config = {24000, 5, 0, 0};
    loa_opus_encoder *one = loa_opus_encoder_create(&config);
    loa_opus_encoder *many = loa_opus_encoder_create(&config);
    size_t most = loa_opus_encoder_max_packet(one);
    static float sound[COUNT * FRAME];
    static uint8_t all[COUNT * LOA_OPUS_MAX_PACKET];
    uint16_t sizes[COUNT + 1] = {0};
    sizes[COUNT] = 0xBEEF;
    for (int i = 0; i < COUNT; i++)
        make_tone(sound + i * FRAME, i * FRAME);
    int64_t total = loa_opus_encode_many(many, sound, COUNT, all, COUNT * most, sizes);
    CHECK(sizes[COUNT] == 0xBEEF);
    const uint8_t *at = all;
    for (int i = 0; i < COUNT; i++) {
        uint8_t packet[LOA_OPUS_MAX_PACKET];
        int size = loa_opus_encode(one, sound + i * FRAME, packet, sizeof packet);
        CHECK(size == sizes[i] && memcmp(packet, at, sizes[i]) == 0);
        at += sizes[i];
    }
    CHECK(at - all == total);
    CHECK(loa_opus_encode_many(many, sound, COUNT, all, COUNT * most - 1, sizes) == LOA_EINVAL);
    CHECK(loa_opus_encode_many(many, sound, -1, all, sizeof all, sizes) == LOA_EINVAL);
    CHECK(loa_opus_encode_many(many, sound, 0, all, 0, sizes) == 0);
    loa_opus_encoder_destroy(one);
    loa_opus_encoder_destroy(many);
}

/* Good packets, mutated ones and noise: samples or a documented error, and nothing outside the buffer. */
static void test_any_bytes(int channels)
{
    loa_opus_config config = {32000, 2, 1, 20};
    loa_opus_encoder *encoder = loa_opus_encoder_create(&config);
    loa_opus_decoder *decoder = loa_opus_decoder_create(channels, 256);
    static float out[LOA_OPUS_MAX_FRAMES * 2 + CANARY];
    float sound[FRAME];
    uint8_t packet[2000];
    for (int i = 0; i < 3000; i++) {
        size_t size = (size_t)check_below(&seed, (int)sizeof packet);
        if (i % 3) {
            make_tone(sound, i * FRAME);
            size = (size_t)loa_opus_encode(encoder, sound, packet, sizeof packet);
            for (int k = check_below(&seed, 4); k > 0 && i % 3 == 2; k--)
                packet[check_below(&seed, (int)size)] ^= (uint8_t)(1 << check_below(&seed, 8));
        } else {
            for (size_t k = 0; k < size; k++)
                packet[k] = (uint8_t)check_random(&seed);
        }
        int capacity = check_below(&seed, 4) ? LOA_OPUS_MAX_FRAMES : check_below(&seed, 2000);
        size_t bytes = (size_t)(capacity * channels) * sizeof *out;
        memset(out, 0xA5, sizeof out);
        int got = i % 7 ? loa_opus_decode(decoder, packet, size, out, capacity)
                        : loa_opus_decode_fec(decoder, packet, size, out, FRAME);
        if (i % 7 == 0)
            bytes = FRAME * (size_t)channels * sizeof *out;
        CHECK(got > 0 || got == LOA_ECODEC || got == LOA_EFULL);
        CHECK(whole((uint8_t *)out + bytes, sizeof out - bytes));
        for (int k = 0; k < got * channels; k++)
            CHECK(isfinite(out[k]));
        if (got < 0)
            CHECK(loa_opus_conceal(decoder, out, FRAME) == FRAME);
    }
    CHECK(loa_opus_decode(decoder, packet, 0, out, FRAME) == LOA_ECODEC);
    CHECK(loa_opus_decode_fec(decoder, packet, 0, out, FRAME) == LOA_ECODEC);
    CHECK(loa_opus_decode(decoder, packet, 10, out, 0) == LOA_EFULL);
    static const int lengths[] = {0, -120, 119, 121, 5880};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        CHECK(loa_opus_conceal(decoder, out, lengths[i]) == LOA_EINVAL);
        CHECK(loa_opus_decode_fec(decoder, packet, 10, out, lengths[i]) == LOA_EINVAL);
    }
    CHECK(loa_opus_packet_samples(packet, 0) == LOA_ECODEC);
    loa_opus_decoder_reset(decoder);
    loa_opus_encoder_reset(encoder);
    loa_opus_decoder_destroy(decoder);
    loa_opus_encoder_destroy(encoder);
}

int main(void)
{
    seed = check_seed();
    test_settings();
    test_bounds(6000);
    test_bounds(24000);
    test_bounds(128000);
    test_many();
    test_any_bytes(1);
    test_any_bytes(2);
    return check_result();
}
