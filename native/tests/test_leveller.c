/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* The leveller's promises, whatever it hears and however the speech flag flickers: range and rates, nothing
 * rises without speech, and after 5 s without any the room is not amplified. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "failing.h"
#include "loa_leveller.h"

enum { BLOCK = 960, TICKS = 50 * 180 };
static uint64_t seed;

static float uniform(void)
{
    return (float)check_random(&seed) / 1073741824.0f - 1.0f;
}

static void make(float *block, float level)
{
    for (int i = 0; i < BLOCK; i++)
        block[i] = level * (0.7f * sinf((float)i * 0.1f) + 0.3f * uniform());
}

static void test_promises(int with_heard)
{
    loa_leveller *leveller = loa_leveller_create(-16.0f);
    int asked = atomic_load(&failing_asked);
    float level = 0.05f, before = 0.0f;
    int speech = 0, silent = 0, left = 0;
    for (int tick = 0; tick < TICKS; tick++) {
        if (left-- == 0) {
            left = check_below(&seed, 500);
            level = powf(10.0f, -1.6f + 1.2f * uniform());
            speech = check_below(&seed, 3) > 0;
        }
        int flag = check_below(&seed, 10) ? speech : !speech && check_below(&seed, 2);
        float block[BLOCK];
        make(block, level);
        loa_leveller_process(leveller, block, flag);
        if (with_heard) {
            for (int i = 0; i < BLOCK; i++)
                block[i] = fminf(fmaxf(block[i], -0.2f), 0.2f);
            loa_leveller_heard(leveller, block);
        }
        for (int i = 0; i < BLOCK; i++)
            CHECK(isfinite(block[i]));
        loa_leveller_state state;
        loa_leveller_read(leveller, &state);
        float total = state.gain_db + state.makeup_db;
        CHECK(state.gain_db >= -20.0f && state.gain_db <= 30.0f);
        CHECK(state.makeup_db >= 0.0f && state.makeup_db <= 8.0f);
        CHECK(with_heard || state.makeup_db < 0.01f);
        silent = flag ? 0 : silent + 1;
        if (!flag)
            CHECK(total <= before + 1e-4f);
        if (silent > 50)
            CHECK(total >= before - 10.01f / 50.0f);
        if (silent > 50 * 11)
            CHECK(total <= 1e-4f);
        before = total;
    }
    CHECK(atomic_load(&failing_asked) == asked);
    loa_leveller_destroy(leveller);
}

/* A steady talker in words and pauses: the rate holds once the first 3 s of speech are over. */
static void test_rates(void)
{
    loa_leveller *leveller = loa_leveller_create(-16.0f);
    float before = 0.0f;
    int spoken = 0;
    for (int tick = 0; tick < 50 * 120; tick++) {
        static const float levels[] = {0.005f, 0.05f, 0.01f, 0.5f, 0.02f, 0.004f};
        int speech = tick % 40 < 32;
        float block[BLOCK];
        make(block, speech ? levels[tick / 1000] : 0.0002f);
        loa_leveller_process(leveller, block, speech);
        loa_leveller_state state;
        loa_leveller_read(leveller, &state);
        spoken += speech;
        if (spoken > 151) {
            CHECK(state.gain_db - before <= 3.01f / 50.0f);
            CHECK(state.gain_db - before >= -10.01f / 50.0f);
        }
        /* In the last second of each level it has arrived. */
        if (tick % 1000 >= 950 && speech)
            CHECK(fabsf(state.talker_lufs + state.gain_db + 16.0f) < 0.6f || state.gain_db > 29.9f);
        before = state.gain_db;
    }
    loa_leveller_destroy(leveller);
}

static void test_watching(void)
{
    loa_leveller *leveller = loa_leveller_create(-16.0f);
    loa_leveller_state state;
    loa_leveller_read(leveller, &state);
    CHECK(state.input_momentary_lufs == -HUGE_VALF && state.talker_lufs == -HUGE_VALF);
    for (int tick = 0; tick < 100; tick++) {
        float block[BLOCK];
        make(block, 0.1f);
        loa_leveller_watch(leveller, block);
        loa_leveller_heard(leveller, block);
    }
    loa_leveller_read(leveller, &state);
    CHECK(fabsf(state.input_momentary_lufs - state.output_momentary_lufs) < 0.01f);
    CHECK(fabsf(state.input_momentary_lufs + 23.0f) < 3.0f);
    CHECK(state.gain_db == 0.0f && state.makeup_db == 0.0f);
    loa_leveller_destroy(leveller);
}

int main(void)
{
    seed = check_seed();
    CHECK(!loa_leveller_create(0.5f) && !loa_leveller_create(-41.0f) && !loa_leveller_create(NAN));
    atomic_store(&failing_countdown, 1);
    CHECK(!loa_leveller_create(-16.0f));
    atomic_store(&failing_countdown, 0);
    loa_leveller_destroy(NULL);
    test_promises(0);
    test_promises(1);
    test_rates();
    test_watching();
    return check_result();
}
