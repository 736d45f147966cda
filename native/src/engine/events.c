#include "events.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loa_error.h"

int loa_events_init(loa_events *events, int producers, uint32_t capacity)
{
    events->count = 0;
    events->rings = calloc((size_t)producers, sizeof *events->rings);
    if (!events->rings)
        return LOA_ENOMEM;
    pthread_mutex_init(&events->reading, NULL);
    events->count = producers;
    for (int i = 0; i < producers; i++) {
        events->rings[i].capacity = capacity;
        events->rings[i].slots = calloc(capacity, sizeof(loa_event));
        if (!events->rings[i].slots)
            return LOA_ENOMEM;
    }
    events->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return events->fd < 0 ? LOA_ESYS : LOA_OK;
}

void loa_events_free(loa_events *events)
{
    if (events->fd >= 0)
        close(events->fd);
    for (int i = 0; i < events->count; i++)
        free(events->rings[i].slots);
    if (events->rings)
        pthread_mutex_destroy(&events->reading);
    free(events->rings);
}

void loa_events_push(loa_events *events, int producer, loa_event event)
{
    loa_event_ring *ring = &events->rings[producer];
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == ring->capacity) {
        atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
        return;
    }
    ring->slots[head & (ring->capacity - 1)] = event;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    /* One write of the eventfd for as many events as come before the reader looks. */
    if (!atomic_exchange(&events->signalled, 1)) {
        uint64_t one = 1;
        ssize_t done = write(events->fd, &one, sizeof one);
        (void)done;
    }
}

int loa_events_take(loa_events *events, loa_event *out, int capacity)
{
    int taken = 0;
    pthread_mutex_lock(&events->reading);
    uint64_t waiting;
    ssize_t done = read(events->fd, &waiting, sizeof waiting);
    (void)done;
    /* An exchange, not a store: a producer that found 1 here has made its event visible to us. */
    (void)atomic_exchange(&events->signalled, 0);
    for (int i = 0; i < events->count; i++) {
        loa_event_ring *ring = &events->rings[i];
        uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
        uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
        while (tail != head && taken < capacity)
            out[taken++] = ring->slots[tail++ & (ring->capacity - 1)];
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
    }
    /* What did not fit must not wait for the next event to be seen. */
    if (taken == capacity && !atomic_exchange(&events->signalled, 1)) {
        uint64_t one = 1;
        done = write(events->fd, &one, sizeof one);
        (void)done;
    }
    pthread_mutex_unlock(&events->reading);
    return taken;
}

uint64_t loa_events_dropped(const loa_events *events)
{
    uint64_t dropped = 0;
    for (int i = 0; i < events->count; i++)
        dropped += atomic_load_explicit(&events->rings[i].dropped, memory_order_relaxed);
    return dropped;
}
