/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Events: in order within a thread, none lost while there is room, those that are lost counted, and a
 * reader that sleeps on the descriptor never waits in vain. */
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "events.h"
#include "failing.h"
#include "loa_error.h"

enum { PRODUCERS = 3, EACH = 30000, CAPACITY = 256 };
static loa_events events;
static atomic_int credit[PRODUCERS];

static int readable(int wait_ms)
{
    struct pollfd poll_fd = {.fd = events.fd, .events = POLLIN};
    return poll(&poll_fd, 1, wait_ms) == 1;
}

static void *produce(void *argument)
{
    int me = (int)(intptr_t)argument;
    for (int64_t i = 0; i < EACH; i++) {
        while (atomic_load(&credit[me]) == 0)
            sched_yield();
        atomic_fetch_sub(&credit[me], 1);
        loa_events_push(&events, me, (loa_event){.id = me, .tick = i});
    }
    return NULL;
}

int main(void)
{
    for (int nth = 1; nth <= 1 + PRODUCERS; nth++) {
        memset(&events, 0, sizeof events);
        events.fd = -1;
        atomic_store(&failing_countdown, nth);
        CHECK(loa_events_init(&events, PRODUCERS, CAPACITY) == LOA_ENOMEM);
        atomic_store(&failing_countdown, 0);
        loa_events_free(&events);
    }
    memset(&events, 0, sizeof events);
    events.fd = -1;
    CHECK(loa_events_init(&events, PRODUCERS, CAPACITY) == LOA_OK);

    static loa_event got[CAPACITY * PRODUCERS];
    CHECK(!readable(0));
    for (int i = 0; i < CAPACITY + 10; i++)
        loa_events_push(&events, 1, (loa_event){.id = 1, .tick = i});
    CHECK(readable(0));
    CHECK(loa_events_dropped(&events) == 10);
    CHECK(loa_events_take(&events, got, 100) == 100 && got[99].tick == 99);
    CHECK(readable(0)); /* there is more */
    CHECK(loa_events_take(&events, got, 0) == 0 && readable(0));
    CHECK(loa_events_take(&events, got, CAPACITY) == CAPACITY - 100);
    CHECK(!readable(0) && loa_events_take(&events, got, CAPACITY) == 0);

    pthread_t threads[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, produce, (void *)(intptr_t)i);
    int64_t next[PRODUCERS] = {0};
    static const int windows[PRODUCERS] = {1, 9, CAPACITY}; /* never more of them under way */
    for (int i = 0; i < PRODUCERS; i++)
        atomic_store(&credit[i], windows[i]);
    for (int total = 0; total < PRODUCERS * EACH;) {
        /* Producers go on only when their events have been read: a lost wake-up would stop all. */
        if (!readable(30000)) {
            CHECK(!"a wake-up was lost");
            return check_result();
        }
        int taken = loa_events_take(&events, got, total % 7 == 0 ? 1 : CAPACITY);
        for (int i = 0; i < taken; i++) {
            CHECK(got[i].tick == next[got[i].id]++);
            atomic_fetch_add(&credit[got[i].id], 1);
        }
        total += taken;
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(loa_events_dropped(&events) == 10);
    loa_events_free(&events);
    return check_result();
}
