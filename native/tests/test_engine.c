/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* The whole engine: memory that runs out anywhere, and every thread at once for a few seconds, which is
 * for the sanitizers to judge. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "failing.h"
#include "loa_engine.h"
#include "loa_error.h"
#include "loa_opus.h"

enum { START = 1000, MOUNTS = 6, PACKETS = 400 };

static const loa_chain_config CHAIN = {
    .bitrate = 24000, .complexity = 0, .level = 1, .target_lufs = -16, .ceiling_dbtp = -3};
static const loa_ring_config RING = {
    .depth_ms = 40, .max_depth_ms = 400, .capacity_ms = 2000, .policy = LOA_RING_TRIM};

static loa_engine_config config(int is_virtual)
{
    return (loa_engine_config){.start_tick = START, .virtual_clock = is_virtual, .workers = 2,
                               .fanouts = 2, .max_mounts = MOUNTS, .max_programmes = 64,
                               .max_listeners = 200, .kept_ticks = 50};
}

static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static loa_clip *make_clip(void)
{
    static uint8_t data[PACKETS * 30];
    static uint16_t sizes[PACKETS];
    for (int i = 0; i < PACKETS; i++)
        sizes[i] = 30;
    loa_clip *clip = loa_clip_create(data, sizeof data, sizes, PACKETS);
    CHECK(clip);
    return clip;
}

static void refuse_bad_configs(void)
{
    loa_engine_config bad[16];
    int count = 0;
    for (int i = 0; i < 16; i++)
        bad[i] = config(1);
    bad[count++].start_tick = -1;
    bad[count++].start_tick = INT64_MAX;
    bad[count++].workers = -1;
    bad[count++].workers = 100000;
    bad[count++].fanouts = 0;
    bad[count++].fanouts = 33;
    bad[count++].max_mounts = 0;
    bad[count++].max_mounts = INT32_MAX;
    bad[count++].max_programmes = 0;
    bad[count++].max_programmes = INT32_MAX;
    bad[count++].max_listeners = -1;
    bad[count++].kept_ticks = 9;
    bad[count++].kept_ticks = INT32_MAX;
    for (int i = 0; i < count; i++) {
        errno = 0;
        CHECK(!loa_engine_create(&bad[i]) && errno == EINVAL);
    }
}

static void create_without_memory(void)
{
    int before = descriptors();
    for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
        loa_engine_config wanted = config(is_virtual);
        loa_engine *engine = NULL;
        int failed = 0;
        for (int nth = 1; !engine; nth++) {
            atomic_store(&failing_countdown, nth);
            engine = loa_engine_create(&wanted);
            if (!engine)
                CHECK(errno == ENOMEM);
            atomic_store(&failing_countdown, 0);
            failed += !engine;
            if (!engine)
                CHECK(descriptors() == before);
        }
        CHECK(failed >= 10);
        loa_engine_destroy(engine);
        CHECK(descriptors() == before);
    }
    loa_engine_destroy(NULL);
}

/* Each allocation in turn fails while a little station runs: it loses a listener or a page, not its
 * head, and hears of nobody twice. */
static void run_without_memory(void)
{
    loa_clip *clip = make_clip();
    int before = descriptors();
    for (int nth = 1; nth < 60; nth++) {
        loa_engine_config wanted = config(1);
        loa_engine *engine = loa_engine_create(&wanted);
        int mounts[2] = {loa_engine_open_mount(engine), loa_engine_open_mount(engine)};
        int peers[6];
        atomic_store(&failing_countdown, nth);
        int64_t live = loa_engine_open_live(engine, &CHAIN, &RING, START);
        CHECK(live > 0 || live == LOA_ENOMEM);
        int64_t played = loa_engine_open_clip(engine, clip, START, 0, PACKETS);
        CHECK(played > 0 || played == LOA_ENOMEM);
        if (played > 0)
            CHECK(loa_engine_carry(engine, mounts, 2, played, START) == START);
        for (int i = 0; i < 6; i++) {
            int pair[2];
            CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
            loa_join join = {.fd = pair[0], .mount = mounts[i % 2], .cadence = i % 3 ? 2 : 10,
                             .burst_ticks = 10, .max_lag_ticks = 100, .from_tick = -1};
            int64_t id = loa_engine_join(engine, &join, (const uint8_t *)"prefix", 6);
            CHECK(id > 0 || id == LOA_ENOMEM);
            if (id < 0)
                close(pair[0]);
            peers[i] = pair[1];
        }
        CHECK(loa_engine_advance(engine, 40) == LOA_OK);
        atomic_store(&failing_countdown, 0);
        CHECK(loa_engine_advance(engine, 40) == LOA_OK);
        CHECK(loa_engine_tick(engine) == START + 79);
        loa_engine_stop(engine, 10);
        loa_engine_stats stats;
        loa_engine_read_stats(engine, &stats);
        CHECK(stats.listeners == 0 && stats.leaves_lag == 0);
        loa_event events[64];
        int left = 0, count = loa_engine_events(engine, events, 64);
        for (int i = 0; i < count; i++)
            left += events[i].kind == LOA_EVENT_LEFT;
        CHECK((uint64_t)left == stats.joins);
        loa_engine_destroy(engine);
        for (int i = 0; i < 6; i++)
            close(peers[i]);
        CHECK(descriptors() == before);
    }
    loa_clip_release(clip);
}

/* --- packets read back */

static int all_silent(const uint8_t *data, int count)
{
    static const uint8_t SILENT[3] = {0xF8, 0xFF, 0xFE};
    for (int i = 0; i < count; i++)
        if (memcmp(data + 3 * i, SILENT, 3) != 0)
            return 0;
    return 1;
}

/* Two mounts: one carries a clip throughout, the other only later; what both hear is told alike. */
static void tell_what_sounded(void)
{
    enum { TICKS = 12, ROOM = TICKS * LOA_OPUS_MAX_PACKET };
    static uint8_t out[ROOM + 1];
    uint16_t sizes[TICKS + 1];
    int64_t ids[2 * TICKS + 1];
    loa_clip *clip = make_clip();
    loa_engine_config wanted = config(1);
    loa_engine *one = loa_engine_create(&wanted);
    int32_t mounts[2] = {loa_engine_open_mount(one), loa_engine_open_mount(one)};
    const int32_t other = 2;
    int64_t handle = loa_engine_open_clip(one, clip, START + 4, 0, 100);
    loa_engine_carry(one, mounts, 1, handle, START + 4);
    loa_engine_carry(one, mounts + 1, 1, handle, START + 6);
    ids[2 * TICKS] = 77;
    out[ROOM] = 0xEE;
    sizes[TICKS] = 0xEEEE;

    CHECK(loa_engine_sounding(one, mounts, 2, START, 1, ids) == LOA_EGONE);
    loa_engine_advance(one, TICKS);
    CHECK(loa_engine_sounding(one, mounts, 2, START, TICKS, ids) == LOA_OK);
    for (int i = 0; i < TICKS; i++) {
        CHECK(ids[i] == (i < 4 ? 0 : handle));
        CHECK(ids[TICKS + i] == (i < 6 ? 0 : handle));
    }
    CHECK(ids[2 * TICKS] == 77);
    CHECK(loa_engine_sounding(one, mounts, 2, START, TICKS + 1, ids) == LOA_EGONE);
    CHECK(loa_engine_sounding(one, mounts, -1, START, 1, ids) == LOA_EINVAL);
    CHECK(loa_engine_sounding(one, &other, 1, START, 1, ids) == LOA_EINVAL);
    CHECK(loa_engine_sounding(one, mounts, 2, START, 0, ids) == LOA_EINVAL);
    CHECK(loa_engine_sounding(one, mounts, 2, START, 257, ids) == LOA_EINVAL);
    CHECK(loa_engine_sounding(one, mounts, 2, INT64_MIN, 1, ids) == LOA_EINVAL);

    CHECK(loa_engine_mount_packets(one, 0, START, TICKS, out, ROOM - 1, sizes) == LOA_EINVAL);
    CHECK(loa_engine_mount_packets(one, other, START, TICKS, out, ROOM, sizes) == LOA_EINVAL);
    CHECK(loa_engine_mount_packets(one, 0, START, TICKS + 1, out, sizeof out, sizes) == LOA_EINVAL);
    CHECK(loa_engine_mount_packets(one, 0, START + 1, TICKS, out, ROOM, sizes) == LOA_EGONE);
    CHECK(loa_engine_mount_packets(one, 1, START, TICKS, out, ROOM, sizes) == TICKS);
    CHECK(all_silent(out, 6) && sizes[5] == 3 && sizes[6] == 30 && sizes[TICKS - 1] == 30);
    CHECK(out[ROOM] == 0xEE && sizes[TICKS] == 0xEEEE);

    /* Two seconds are kept by this engine, not more. */
    loa_engine_advance(one, 60);
    CHECK(loa_engine_sounding(one, mounts, 2, START, TICKS, ids) == LOA_EGONE);
    CHECK(loa_engine_mount_packets(one, 0, START, TICKS, out, ROOM, sizes) == LOA_EGONE);
    CHECK(loa_engine_sounding(one, mounts, 2, loa_engine_tick(one) - 50, TICKS, ids) == LOA_OK);

    /* More changes than are remembered. */
    for (int i = 0; i < 130; i++) {
        loa_engine_carry(one, mounts, 1, i % 2 ? handle : 0, loa_engine_tick(one) + 1);
        loa_engine_advance(one, 1);
        if (i < 49)
            continue;
        CHECK(loa_engine_sounding(one, mounts, 1, loa_engine_tick(one) - 50, 1, ids) == LOA_OK);
        CHECK(ids[0] >= 0);
    }
    loa_engine_destroy(one);
    loa_clip_release(clip);
}

static void read_packets_back(void)
{
    enum { FEW = 20, ROOM = FEW * LOA_OPUS_MAX_PACKET };
    static uint8_t data[PACKETS * 30], out[ROOM + 16];
    uint16_t sizes[PACKETS], got[FEW + 1];
    int64_t first = -1;
    for (int i = 0; i < PACKETS; i++)
        sizes[i] = 30;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i / 30);
    loa_clip *played = loa_clip_create(data, sizeof data, sizes, PACKETS);
    loa_engine_config wanted = config(1);
    loa_engine *one = loa_engine_create(&wanted);
    int64_t handle = loa_engine_open_clip(one, played, START + 10, 5, 30);
    memset(out, 0xEE, sizeof out);
    got[FEW] = 0xEEEE;

    CHECK(loa_engine_packets(one, handle, START, FEW, out, LOA_OPUS_MAX_PACKET - 1, got, &first) ==
          LOA_EINVAL);
    CHECK(loa_engine_packets(one, handle, START, -1, out, ROOM, got, &first) == LOA_EINVAL);
    CHECK(loa_engine_packets(one, handle, INT64_MAX, FEW, out, ROOM, got, &first) == LOA_EINVAL);
    CHECK(loa_engine_packets(one, handle + 1, START, FEW, out, ROOM, got, &first) == LOA_EGONE);
    CHECK(loa_engine_packets(one, 0, START, FEW, out, ROOM, got, &first) == LOA_EGONE);
    CHECK(loa_engine_packets(one, handle, START, FEW, out, ROOM, got, &first) == 0);
    loa_engine_advance(one, 13); /* START .. START + 12 */
    CHECK(loa_engine_packets(one, handle, START, FEW, out, ROOM, got, &first) == 3);
    CHECK(first == START + 10 && out[0] == 5 && out[89] == 7 && out[90] == 0xEE && got[2] == 30);
    CHECK(loa_engine_packets(one, handle, START + 13, FEW, out, ROOM, got, &first) == 0);
    loa_engine_advance(one, 40);
    CHECK(loa_engine_packets(one, handle, START + 12, FEW, out, ROOM, got, &first) == FEW);
    CHECK(first == START + 12 && out[0] == 7 && out[30 * (FEW - 1)] == 26);
    CHECK(loa_engine_packets(one, handle, START + 12, FEW, out, LOA_OPUS_MAX_PACKET, got,
                             &first) == FEW);
    CHECK(loa_engine_packets(one, handle, START + 38, FEW, out, ROOM, got, &first) == 2);
    CHECK(loa_engine_packets(one, handle, START + 40, FEW, out, ROOM, got, &first) == 0);
    CHECK(loa_engine_packets(one, handle, START + 38, 1, out, ROOM, got, &first) == 1);

    /* What does not fit waits. */
    for (int i = 0; i < PACKETS; i++)
        sizes[i] = i < 6 ? 200 : 5;
    loa_clip *large = loa_clip_create(data, 6 * 200 + (PACKETS - 6) * 5, sizes, PACKETS);
    handle = loa_engine_open_clip(one, large, START + 53, 0, PACKETS);
    loa_engine_advance(one, 30);
    CHECK(loa_engine_packets(one, handle, START, FEW, out, LOA_OPUS_MAX_PACKET, got, &first) == FEW);
    CHECK(loa_engine_packets(one, handle, START, 4, out, LOA_OPUS_MAX_PACKET, got, &first) == 4);

    /* A live one begins with its sound; then comes what was made, and no more than is kept. */
    int64_t live = loa_engine_open_live(one, &CHAIN, &RING, START + 85);
    loa_ring *ring = loa_engine_ring(one, live);
    loa_engine_advance(one, 10);
    int waiting = loa_engine_packets(one, live, START, FEW, out, ROOM, got, &first);
    CHECK(waiting == 1 && first == loa_engine_tick(one) && all_silent(out, waiting));
    float block[960];
    for (int tick = 0; tick < 100; tick++) {
        for (int i = 0; i < 960; i++)
            block[i] = (float)((i * 37) % 100 - 50) / 200.0F;
        loa_ring_write(ring, block, 960, 1);
        loa_engine_advance(one, 1);
    }
    loa_programme_stats stats;
    loa_engine_programme_stats(one, live, &stats);
    int64_t now = loa_engine_tick(one);
    CHECK(loa_engine_packets(one, live, stats.start_tick, FEW, out, ROOM, got, &first) == FEW);
    CHECK(first == now - wanted.kept_ticks && first > stats.start_tick && !all_silent(out, FEW));
    CHECK(loa_engine_packets(one, live, now, FEW, out, ROOM, got, &first) == 1 && first == now);
    loa_engine_cut(one, live);
    loa_engine_advance(one, 5);
    loa_engine_programme_stats(one, live, &stats);
    CHECK(loa_engine_packets(one, live, now, FEW, out, ROOM, got, &first) == stats.end_tick - now);
    loa_engine_release(one, live);
    loa_engine_advance(one, 600);
    CHECK(loa_engine_packets(one, live, now, FEW, out, ROOM, got, &first) == LOA_EGONE);
    for (int i = 0; i < 16; i++)
        CHECK(out[ROOM + i] == 0xEE);
    CHECK(got[FEW] == 0xEEEE);
    loa_engine_destroy(one);
    loa_clip_release(played);
    loa_clip_release(large);
}

/* --- everything at once */

static loa_engine *engine;
static loa_clip *clip;
static atomic_int ending;
static _Atomic int64_t joined, left, refused, speaking, kept;

static void pause_us(long us)
{
    loa_clock_sleep_until(loa_clock_ns(CLOCK_MONOTONIC) + us * 1000);
}

static void *join_and_leave(void *argument)
{
    uint64_t seed = (uint64_t)(uintptr_t)argument;
    enum { MINE = 40 };
    int peers[MINE];
    memset(peers, -1, sizeof peers);
    for (int stopped = 0; !stopped;) {
        int which = check_below(&seed, MINE);
        if (peers[which] >= 0) {
            char bytes[65536];
            while (read(peers[which], bytes, sizeof bytes) > 0)
                ;
            if (check_below(&seed, 3) == 0) {
                close(peers[which]);
                peers[which] = -1;
            }
            continue;
        }
        int pair[2], small = 1;
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
        if (check_below(&seed, 2))
            setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        loa_join join = {.fd = pair[0], .mount = check_below(&seed, MOUNTS),
                         .cadence = check_below(&seed, 2) ? 2 : 10, .drop = check_below(&seed, 2),
                         .burst_ticks = check_below(&seed, 50),
                         .max_lag_ticks = 10 + check_below(&seed, 50),
                         .from_tick = loa_engine_tick(engine) - check_below(&seed, 60)};
        int64_t id = loa_engine_join(engine, &join, (const uint8_t *)"prefix", 6);
        if (id > 0) {
            atomic_fetch_add(&joined, 1);
            peers[which] = pair[1];
        } else {
            CHECK(id == LOA_EGONE || id == LOA_EFULL);
            atomic_fetch_add(&refused, 1);
            close(pair[0]);
            close(pair[1]);
            stopped = id == LOA_EGONE;
        }
        pause_us(200);
    }
    for (int i = 0; i < MINE; i++)
        if (peers[i] >= 0)
            close(peers[i]);
    return NULL;
}

static void *change_carriage(void *argument)
{
    uint64_t seed = (uint64_t)(uintptr_t)argument;
    int64_t opened[8] = {0};
    while (!atomic_load(&ending)) {
        int which = check_below(&seed, 8);
        int64_t now = loa_engine_tick(engine);
        opened[which] = loa_engine_open_clip(engine, clip, now - check_below(&seed, 20),
                                             check_below(&seed, 50), 1 + check_below(&seed, 60));
        int32_t mounts[MOUNTS] = {0, 1, 2, 3, 4, 5};
        if (opened[which] > 0)
            loa_engine_carry(engine, mounts, 1 + check_below(&seed, MOUNTS), opened[which],
                             now + check_below(&seed, 10));
        int64_t old = opened[check_below(&seed, 8)];
        loa_programme_stats stats;
        loa_engine_programme_stats(engine, old, &stats);
        if (check_below(&seed, 3) == 0)
            loa_engine_cut(engine, old);
        loa_engine_release(engine, opened[which]);
        pause_us(3000);
    }
    return NULL;
}

static void *speak(void *argument)
{
    uint64_t seed = (uint64_t)(uintptr_t)argument;
    float block[960];
    while (!atomic_load(&ending)) {
        int64_t live = loa_engine_open_live(engine, &CHAIN, &RING, 0);
        if (live < 0)
            continue;
        loa_ring *ring = loa_engine_ring(engine, live);
        int32_t mount = check_below(&seed, MOUNTS);
        loa_engine_carry(engine, &mount, 1, live, 0);
        atomic_store(&speaking, live);
        for (int i = 0; i < 40 && !atomic_load(&ending); i++) {
            for (int k = 0; k < 960; k++)
                block[k] = (float)check_below(&seed, 1000) / 2000.0F;
            loa_ring_write(ring, block, 960, 1);
            loa_programme_stats stats;
            CHECK(loa_engine_programme_stats(engine, live, &stats) == LOA_OK && stats.live);
            pause_us(i % 10 ? 5000 : 40000);
        }
        if (check_below(&seed, 2))
            loa_engine_cut(engine, live);
        loa_ring_finish(ring);
        loa_engine_release(engine, live);
    }
    return NULL;
}

/* Reads what is said while it is said, each tick once. */
static void *keep_packets(void *argument)
{
    static uint8_t data[50 * LOA_OPUS_MAX_PACKET];
    uint16_t sizes[50];
    int64_t of = 0, next = 0;
    (void)argument;
    while (!atomic_load(&ending)) {
        int64_t live = atomic_load(&speaking);
        if (live != of)
            next = 0;
        of = live;
        int64_t first;
        int count = loa_engine_packets(engine, of, next, 50, data, sizeof data, sizes, &first);
        if (count > 0) {
            CHECK(first >= next);
            next = first + count;
            size_t sum = 0;
            for (int i = 0; i < count; i++)
                sum += sizes[i];
            CHECK(sum >= (size_t)count && sum <= sizeof data);
            atomic_fetch_add(&kept, count);
        }
        pause_us(2000);
    }
    return NULL;
}

/* Reads what mounts carried, up to the newest tick and as far back as it is kept. */
static void *follow_mounts(void *argument)
{
    enum { TICKS = 10 };
    static uint8_t data[TICKS * LOA_OPUS_MAX_PACKET];
    uint64_t seed = (uint64_t)(uintptr_t)argument;
    const int32_t mounts[MOUNTS] = {0, 1, 2, 3, 4, 5};
    uint16_t sizes[TICKS];
    int64_t ids[MOUNTS * TICKS];
    while (!atomic_load(&ending)) {
        int64_t from = loa_engine_tick(engine) - TICKS + 1 - check_below(&seed, 42);
        int found = loa_engine_sounding(engine, mounts, MOUNTS, from, TICKS, ids);
        CHECK(found == LOA_OK || found == LOA_EGONE);
        for (int i = 0; found == LOA_OK && i < MOUNTS * TICKS; i++)
            CHECK(ids[i] >= -1);
        int count = loa_engine_mount_packets(engine, check_below(&seed, MOUNTS), from, TICKS, data,
                                             sizeof data, sizes);
        CHECK(count == TICKS || count == LOA_EGONE);
        for (int i = 0; i < count; i++)
            CHECK(sizes[i] >= 1 && sizes[i] <= LOA_OPUS_MAX_PACKET);
        pause_us(1000);
    }
    return NULL;
}

static void *look_on(void *argument)
{
    loa_event events[64];
    (void)argument;
    for (int more = 1; more;) {
        more = !atomic_load(&ending);
        struct pollfd readable = {.fd = loa_engine_event_fd(engine), .events = POLLIN};
        poll(&readable, 1, 20);
        int count;
        while ((count = loa_engine_events(engine, events, 64)) > 0)
            for (int i = 0; i < count; i++)
                atomic_fetch_add(&left, events[i].kind == LOA_EVENT_LEFT);
        loa_engine_stats stats;
        loa_engine_read_stats(engine, &stats);
        int32_t listeners[MOUNTS];
        CHECK(loa_engine_mount_listeners(engine, listeners, MOUNTS) == LOA_OK);
    }
    return NULL;
}

static void all_at_once(uint64_t seed)
{
    int before = descriptors();
    clip = make_clip();
    loa_engine_config wanted = config(0);
    engine = loa_engine_create(&wanted);
    CHECK(engine);
    for (int i = 0; i < MOUNTS; i++)
        CHECK(loa_engine_open_mount(engine) == i);
    CHECK(loa_engine_open_mount(engine) == LOA_EFULL);
    void *(*const work[])(void *) = {join_and_leave, join_and_leave, change_carriage, speak, speak,
                                     look_on, keep_packets, follow_mounts};
    enum { THREADS = sizeof work / sizeof *work };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work[i], (void *)(uintptr_t)(seed + (uint64_t)i));
    pause_us(3000000);
    loa_engine_stop(engine, 300); /* while all others go on */
    atomic_store(&ending, 1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    loa_engine_stats stats;
    loa_engine_read_stats(engine, &stats);
    printf("%lld ticks, %lld joins, %lld refused, %lld pages\n", (long long)stats.ticks_made,
           (long long)stats.joins, (long long)atomic_load(&refused), (long long)stats.pages_sent);
    CHECK(atomic_load(&kept) > 20);
    CHECK(stats.ticks_made > 20 && stats.joins > 20 && stats.pages_sent > 20);
    CHECK((int64_t)stats.joins == atomic_load(&joined) && atomic_load(&left) == atomic_load(&joined));
    CHECK(stats.leaves_peer + stats.leaves_lag + stats.leaves_stop == stats.joins);
    CHECK(stats.listeners == 0 && stats.events_dropped == 0);
    loa_engine_destroy(engine);
    loa_clip_release(clip);
    CHECK(descriptors() == before);
}

int main(void)
{
    uint64_t seed = check_seed();
    refuse_bad_configs();
    create_without_memory();
    run_without_memory();
    read_packets_back();
    tell_what_sounded();
    all_at_once(seed);
    return check_result();
}
