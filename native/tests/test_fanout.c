/* link: -Wl,--wrap=send */
/* A fan-out whose sockets take what they like: nothing, a part, or all, with every passing error. Each
 * listener's bytes are still the prefix, then whole pages one behind the other. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fanout.h"
#include "loa_error.h"
#include "loa_page.h"

enum { MOST = 64, ROOM = 1 << 19, TICKS = 3000, START = 500, MAX_FD = 1024 };

static struct {
    uint8_t bytes[ROOM];
    size_t size;
    int stays;
} sink[MAX_FD];
static uint64_t seed;
static int mood; /* in a thousand: how often a socket takes all */

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
    CHECK((flags & MSG_DONTWAIT) && (flags & MSG_NOSIGNAL) && size > 0);
    static const int passing[] = {EAGAIN, EINTR, ENOBUFS, ENOMEM};
    if (check_below(&seed, 1000) >= mood) {
        if (check_below(&seed, 3)) {
            errno = passing[check_below(&seed, 4)];
            return -1;
        }
        size = (size_t)check_below(&seed, (int)size) + (size_t)check_below(&seed, 2);
        if (size == 0)
            return 0;
    }
    CHECK(sink[fd].size + size <= ROOM);
    memcpy(sink[fd].bytes + sink[fd].size, bytes, size);
    sink[fd].size += size;
    return (ssize_t)size;
}

static int64_t granule_of(const uint8_t *page)
{
    int64_t granule = 0;
    for (int i = 7; i >= 0; i--)
        granule = granule << 8 | page[6 + i];
    return granule;
}

/* Walks over the pages; returns how many gaps there are between them. */
static int check_stream(int fd, const char *prefix, int must_end)
{
    const uint8_t *at = sink[fd].bytes, *end = at + sink[fd].size;
    int gaps = 0, eos = 0;
    int64_t next = -1;
    size_t length = strlen(prefix);
    if (sink[fd].size < length) {
        CHECK(memcmp(at, prefix, sink[fd].size) == 0 && !must_end);
        return 0;
    }
    CHECK(memcmp(at, prefix, length) == 0);
    at += length;
    while (end - at >= LOA_PAGE_HEADER && end - at >= LOA_PAGE_HEADER + at[26]) {
        CHECK(memcmp(at, "OggS", 4) == 0 && !eos);
        long size = LOA_PAGE_HEADER + at[26];
        int packets = 0;
        for (int i = 0; i < at[26]; i++) {
            size += at[27 + i];
            packets += at[27 + i] < 255;
        }
        if (size > end - at)
            break;
        int64_t last = granule_of(at) / 960 - 1, first = last - packets + 1;
        CHECK(next < 0 || first >= next);
        gaps += next >= 0 && first > next;
        next = last + 1;
        eos = at[5] & LOA_PAGE_EOS;
        at += size;
    }
    if (must_end)
        CHECK(at == end && eos);
    return gaps;
}

static void run(int taking)
{
    static loa_mount mounts[2];
    loa_events events = {.fd = -1};
    memset(mounts, 0, sizeof mounts);
    memset(sink, 0, sizeof sink);
    loa_shared shared = {.mounts = mounts, .max_mounts = 2, .kept = 500, .slots = 756,
                         .start_tick = START, .events = &events};
    atomic_init(&shared.tick, START - 1);
    atomic_init(&shared.making, START - 1);
    atomic_init(&shared.final_tick, INT64_MAX);
    CHECK(loa_events_init(&events, 1, 4096) == LOA_OK);
    loa_fanout *fanout = loa_fanout_create(&shared, 0);
    CHECK(fanout);

    int fds[MOST], joined = 0, skips = 0;
    char prefixes[MOST][40];
    int64_t tick = START - 1;
    int spare = open("/dev/null", O_WRONLY);
    for (int round = 0; round < TICKS; round++) {
        mood = taking;
        if (joined < MOST && check_below(&seed, 20) == 0) {
            loa_join join = {.fd = open("/dev/null", O_WRONLY),
                             .mount = check_below(&seed, 2),
                             .cadence = check_below(&seed, 2) ? 2 : 10,
                             .drop = check_below(&seed, 4) == 0,
                             .burst_ticks = check_below(&seed, 100),
                             .max_lag_ticks = 10 + check_below(&seed, 200),
                             .from_tick = check_below(&seed, 2) ? -1 : tick - check_below(&seed, 600)};
            CHECK(join.fd >= 0 && join.fd < MAX_FD);
            snprintf(prefixes[joined], sizeof prefixes[joined], "prefix of listener %d\r\n", joined);
            sink[join.fd].size = 0;
            fds[joined] = join.fd;
            CHECK(loa_fanout_join(fanout, &join, joined + 1, (const uint8_t *)prefixes[joined],
                                  strlen(prefixes[joined])) == LOA_OK);
            joined++;
        }
        /* Mostly tick by tick, at times several at once as after a stall. */
        tick += check_below(&seed, 50) ? 1 : 1 + check_below(&seed, 40);
        atomic_store(&shared.making, tick);
        atomic_store(&shared.tick, tick);
        loa_fanout_round(fanout, tick);
        /* A descriptor that was closed is not used again, so that its bytes stay. */
        loa_event event;
        while (loa_events_take(&events, &event, 1))
            CHECK(dup2(spare, fds[event.id - 1]) >= 0 && event.kind == LOA_EVENT_LEFT &&
                  event.value == LOA_LEAVE_LAG &&
                  (size_t)event.bytes == sink[fds[event.id - 1]].size);
    }
    tick++;
    atomic_store(&shared.final_tick, tick);
    atomic_store(&shared.tick, tick);
    mood = 900;
    for (int i = 0; i < 1000 && loa_fanout_drain(fanout) > 0; i++)
        ;
    CHECK(atomic_load(&loa_fanout_read(fanout)->listeners) == 0);
    loa_fanout_close_all(fanout);
    loa_join late = {.fd = 0, .cadence = 2};
    CHECK(loa_fanout_join(fanout, &late, 1000, NULL, 0) == LOA_EGONE);
    CHECK(atomic_load(&mounts[0].listeners) == 0 && atomic_load(&mounts[1].listeners) == 0);

    uint64_t stopped = atomic_load(&loa_fanout_read(fanout)->leaves[LOA_LEAVE_STOP]);
    uint64_t lagged = atomic_load(&loa_fanout_read(fanout)->leaves[LOA_LEAVE_LAG]);
    CHECK(stopped + lagged == (uint64_t)joined);
    int ended = 0;
    for (int i = 0; i < joined; i++) {
        loa_event event;
        while (loa_events_take(&events, &event, 1))
            sink[fds[event.id - 1]].stays = event.value == LOA_LEAVE_STOP;
        int stays = sink[fds[i]].stays;
        ended += stays;
        skips += check_stream(fds[i], prefixes[i], stays);
    }
    CHECK((uint64_t)ended == stopped);
    /* A listener may have skipped before its first page, which leaves no gap in what it got. */
    uint64_t counted = atomic_load(&loa_fanout_read(fanout)->lag_skips);
    CHECK(counted >= (uint64_t)skips && counted <= (uint64_t)(skips + joined));
    printf("taking %d: joined %d, lagged out %d, gaps %d, partly sent %d\n", taking, joined,
           (int)lagged, skips, (int)atomic_load(&loa_fanout_read(fanout)->partial_sends));
    loa_fanout_destroy(fanout);
    loa_events_free(&events);
    close(spare);
    for (int i = 0; i < MAX_FD; i++)
        if (sink[i].size && fcntl(i, F_GETFD) >= 0)
            close(i);
}

int main(void)
{
    seed = check_seed();
    for (int taking = 0; taking <= 1000; taking += 125)
        run(taking);
    return check_result();
}
