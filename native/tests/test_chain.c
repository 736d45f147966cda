/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* The chain: one packet for each block whatever it holds, nothing allocated, nothing written outside, meters
 * read by another thread meanwhile. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "failing.h"
#include "loa_chain.h"
#include "loa_error.h"
#include "loa_float.h"

enum { BLOCK = 960, CANARY = 64, LARGEST = 1275 };
static const loa_chain_config USUAL = {24000, 2, 1, -16.0f, -3.0f};
static uint64_t seed;

static void make_tone(float *block, int tick, float level)
{
    for (int i = 0; i < BLOCK; i++)
        block[i] = level * sinf((float)(tick * BLOCK + i) * 0.0576f);
}

static void test_settings(void)
{
    static const loa_chain_config bad[] = {
        {5999, 2, 1, -16, -3},  {24000, 11, 1, -16, -3}, {24000, 2, 2, -16, -3},
        {24000, 2, -1, -16, -3}, {24000, 2, 1, 1, -3},    {24000, 2, 1, -16, 1},
        {24000, 2, 1, -41, -3}, {24000, 2, 1, -16, -41}, {24000, 2, 1, NAN, -3},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!loa_chain_create(&bad[i]));
    CHECK(!loa_chain_create(NULL));
    loa_chain_destroy(NULL);

    loa_chain *chain = NULL;
    int failed = 0;
    for (int nth = 1; !chain; nth++) {
        atomic_store(&failing_countdown, nth);
        chain = loa_chain_create(&USUAL);
        atomic_store(&failing_countdown, 0);
        failed += !chain;
    }
    CHECK(failed == 4);
    loa_chain_destroy(chain);
}

static void test_any_blocks(void)
{
    loa_chain *chain = loa_chain_create(&USUAL);
    size_t most = loa_chain_max_packet(chain);
    CHECK(most <= 180);
    uint8_t packet[LARGEST + CANARY];
    int asked = atomic_load(&failing_asked);
    for (int tick = 0; tick < 1000; tick++) {
        float block[BLOCK];
        make_tone(block, tick, 0.1f);
        for (int i = 0; i < BLOCK && tick % 10 == 3; i++) {
            uint32_t bits = check_random(&seed) << 1 ^ check_random(&seed);
            memcpy(&block[i], &bits, sizeof bits);
        }
        for (int i = 0; i < BLOCK && tick % 10 == 5; i++)
            block[i] = i % 2 ? NAN : 1e-40f;
        memset(packet, 0xA5, sizeof packet);
        int size = loa_chain_process(chain, block, tick % 50 < 40, check_below(&seed, 20) ? 0 : tick % 4,
                                     packet, most);
        CHECK(size >= 3 && (size_t)size <= most && (packet[0] & 3) == 0);
        for (size_t i = most; i < sizeof packet; i++)
            CHECK(packet[i] == 0xA5);
        loa_chain_meters meters;
        loa_chain_read_meters(chain, &meters);
        CHECK(meters.gain_db >= -20.0f && meters.gain_db <= 30.0f);
        CHECK(meters.reduction_db >= 0.0f && meters.reduction_db < 200.0f);
        CHECK(!isnan(meters.input_momentary_lufs) && !isnan(meters.output_momentary_lufs));
        CHECK(meters.speech == (tick % 50 < 40));
        loa_chain_set_complexity(chain, check_below(&seed, 12) - 1);
    }
    float block[BLOCK] = {0};
    CHECK(loa_chain_process(chain, block, 0, 0, packet, most - 1) == LOA_EINVAL);
    CHECK(atomic_load(&failing_asked) == asked);
    loa_chain_destroy(chain);
}

static void test_many_is_one_by_one(void)
{
    enum { COUNT = 40 };
    loa_chain *one = loa_chain_create(&USUAL), *many = loa_chain_create(&USUAL);
    size_t most = loa_chain_max_packet(one);
    static float sound[COUNT * BLOCK], shaped[COUNT * BLOCK], gains[COUNT];
    static uint8_t all[COUNT * LARGEST], speech[COUNT];
    uint16_t sizes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        make_tone(sound + i * BLOCK, i, 0.02f);
        speech[i] = i % 10 != 0;
    }
    int64_t total = loa_chain_process_many(many, sound, speech, COUNT, LOA_FADE_IN | LOA_FADE_OUT, all,
                                           COUNT * most, sizes, shaped, gains);
    const uint8_t *at = all;
    for (int i = 0; i < COUNT; i++) {
        uint8_t packet[LARGEST];
        int fade = i == 0 ? LOA_FADE_IN : i == COUNT - 1 ? LOA_FADE_OUT : LOA_FADE_NONE;
        int size = loa_chain_process(one, sound + i * BLOCK, speech[i], fade, packet, sizeof packet);
        CHECK(size == sizes[i] && memcmp(packet, at, sizes[i]) == 0);
        at += sizes[i];
    }
    CHECK(at - all == total);
    CHECK(gains[COUNT - 1] > 5.0f);
    CHECK(shaped[COUNT * BLOCK - 1] == 0.0f);
    CHECK(loa_chain_process_many(many, sound, speech, COUNT, 0, all, COUNT * most - 1, sizes, NULL,
                                 NULL) == LOA_EINVAL);
    CHECK(loa_chain_process_many(many, sound, speech, -1, 0, all, sizeof all, sizes, NULL, NULL) ==
          LOA_EINVAL);
    loa_chain_destroy(one);
    loa_chain_destroy(many);
}

typedef struct {
    loa_chain *chain;
    atomic_int stop;
} reader;

static void *read_meters(void *argument)
{
    reader *mine = argument;
    while (!atomic_load(&mine->stop)) {
        loa_chain_meters meters;
        loa_chain_read_meters(mine->chain, &meters);
        CHECK(meters.gain_db >= -20.0f && meters.gain_db <= 30.0f);
    }
    return NULL;
}

static void test_meters_from_another_thread(void)
{
    reader mine = {.chain = loa_chain_create(&USUAL)};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, read_meters, &mine) == 0);
    for (int tick = 0; tick < 200; tick++) {
        float block[BLOCK];
        uint8_t packet[LARGEST];
        make_tone(block, tick, 0.3f);
        CHECK(loa_chain_process(mine.chain, block, 1, 0, packet, sizeof packet) > 0);
    }
    atomic_store(&mine.stop, 1);
    pthread_join(thread, NULL);
    loa_chain_meters meters;
    loa_chain_read_meters(mine.chain, &meters);
    CHECK(fabsf(meters.output_momentary_lufs + 16.0f) < 1.5f);
    CHECK(fabsf(meters.peak_dbfs + 10.5f) < 0.2f);
    loa_chain_destroy(mine.chain);
}

/* The thread's own floating-point mode is as it was. */
static void test_float_mode(void)
{
    loa_chain *chain = loa_chain_create(&USUAL);
    float block[BLOCK];
    uint8_t packet[LARGEST];
    volatile float small = 1e-38f, tenth = 0.01f;
    float expected = small * tenth;
    CHECK(expected > 0.0f);
    for (int i = 0; i < BLOCK; i++)
        block[i] = 1e-39f;
    for (int tick = 0; tick < 50; tick++)
        CHECK(loa_chain_process(chain, block, 0, 0, packet, sizeof packet) > 0);
    CHECK(small * tenth == expected);
    loa_float_mode before = loa_float_flush_denormals();
#if defined(__SSE2__) || defined(__aarch64__)
    CHECK(small * tenth == 0.0f);
#endif
    loa_float_restore(before);
    CHECK(small * tenth == expected);
    loa_chain_destroy(chain);
}

int main(void)
{
    seed = check_seed();
    test_settings();
    test_any_blocks();
    test_many_is_one_by_one();
    test_meters_from_another_thread();
    test_float_mode();
    return check_result();
}
