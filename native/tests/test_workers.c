/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Workers: every programme runs once in each tick, however many threads there are. */
#include <string.h>

#include "check.h"
#include "failing.h"
#include "workers.h"

enum { PROGRAMMES = 9, TICKS = 120, START = 77 };

static const loa_chain_config CHAIN = {
    .bitrate = 24000, .complexity = 0, .level = 0, .target_lufs = -16, .ceiling_dbtp = -3};
static const loa_ring_config RING = {
    .depth_ms = 20, .max_depth_ms = 40, .capacity_ms = 5000, .policy = LOA_RING_PRESSURE};

static void run(int threads)
{
    loa_workers *workers = loa_workers_create(threads);
    CHECK(workers);
    loa_programme *programmes[PROGRAMMES];
    static float sound[960 * (TICKS + 10)];
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
        sound[i] = (float)(i % 97) / 200.0F - 0.25F;
    for (int i = 0; i < PROGRAMMES; i++) {
        programmes[i] = loa_programme_live(&CHAIN, &RING, START, 400);
        CHECK(programmes[i]);
        loa_ring_write(programmes[i]->ring, sound, 960 * (TICKS + 10), 1);
    }
    for (int tick = START; tick < START + TICKS; tick++) {
        loa_workers_run(workers, programmes, tick % 3 ? PROGRAMMES : 1, tick);
        if (tick % 3 == 0)
            loa_workers_run(workers, programmes + 1, PROGRAMMES - 1, tick);
        for (int i = 0; i < PROGRAMMES; i++)
            CHECK((programmes[i]->happened & LOA_NEWS_STARTED) == (tick == START));
        loa_workers_run(workers, programmes, 0, tick);
    }
    for (int i = 0; i < PROGRAMMES; i++) {
        for (int tick = START; tick < START + TICKS; tick++) {
            uint16_t size, first_size;
            const uint8_t *packet = loa_programme_packet(programmes[i], tick, &size);
            const uint8_t *first = loa_programme_packet(programmes[0], tick, &first_size);
            /* The same audio: the same packets, whoever made them. */
            CHECK(packet && size == first_size && memcmp(packet, first, size) == 0);
        }
    }
    for (int i = 0; i < PROGRAMMES; i++)
        loa_programme_destroy(programmes[i]);
    CHECK((loa_workers_cpu_ns(workers) > 0) <= (threads > 0));
    loa_workers_destroy(workers);
}

int main(void)
{
    atomic_store(&failing_countdown, 1);
    CHECK(!loa_workers_create(0));
    atomic_store(&failing_countdown, 0);
    loa_workers_destroy(NULL);

    /* Whichever allocation of a live programme fails, nothing is left of it. */
    loa_programme *programme = NULL;
    int failed = 0;
    for (int nth = 1; !programme; nth++) {
        atomic_store(&failing_countdown, nth);
        programme = loa_programme_live(&CHAIN, &RING, START, 400);
        atomic_store(&failing_countdown, 0);
        failed += !programme;
    }
    CHECK(failed >= 5);
    loa_programme_destroy(programme);

    for (int threads = 0; threads <= 3; threads++)
        run(threads);
    return check_result();
}
