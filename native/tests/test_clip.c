/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Clips: what is refused, what is kept, references given back by many threads. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "failing.h"
#include "loa_clip.h"

static const uint16_t SIZES[] = {1, 1275, 3, 254, 255, 256};
enum { COUNT = 6, TOTAL = 1 + 1275 + 3 + 254 + 255 + 256 };
static uint8_t data[TOTAL + 1];

static void *use(void *clip)
{
    uint16_t size;
    for (int i = 0; i < 20000; i++) {
        loa_clip *mine = loa_clip_retain(clip);
        CHECK(loa_clip_packet(mine, i % COUNT, &size)[0] == data[0] || i % COUNT);
        loa_clip_release(mine);
    }
    loa_clip_release(clip);
    return NULL;
}

int main(void)
{
    uint64_t seed = check_seed();
    for (int i = 0; i <= TOTAL; i++)
        data[i] = (uint8_t)check_random(&seed);

    loa_clip *clip = NULL;
    int failed = 0;
    for (int nth = 1; !clip; nth++) {
        atomic_store(&failing_countdown, nth);
        clip = loa_clip_create(data, TOTAL, SIZES, COUNT);
        atomic_store(&failing_countdown, 0);
        failed += !clip;
    }
    CHECK(failed == 3);
    CHECK(loa_clip_count(clip) == COUNT);
    const uint8_t *expected = data;
    for (int i = 0; i < COUNT; i++) {
        uint16_t size;
        const uint8_t *packet = loa_clip_packet(clip, i, &size);
        CHECK(size == SIZES[i] && memcmp(packet, expected, size) == 0);
        expected += size;
    }

    static const uint16_t none[] = {3, 0}, large[] = {1276};
    CHECK(!loa_clip_create(data, TOTAL + 1, SIZES, COUNT));
    CHECK(!loa_clip_create(data, TOTAL - 1, SIZES, COUNT));
    CHECK(!loa_clip_create(data, 0, SIZES, 0));
    CHECK(!loa_clip_create(data, TOTAL, SIZES, -1));
    CHECK(!loa_clip_create(data, 3, none, 2));
    CHECK(!loa_clip_create(data, 1276, large, 1));
    CHECK(!loa_clip_create(data, (size_t)UINT32_MAX + 1, SIZES, COUNT));

    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, use, loa_clip_retain(clip));
    loa_clip_release(clip);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    loa_clip_release(NULL);
    return check_result();
}
