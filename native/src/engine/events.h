/* Events from the engine's threads to Python: one bounded ring a thread, read by one consumer. */
#ifndef LOA_EVENTS_H
#define LOA_EVENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "loa_engine.h"

typedef struct {
    loa_event *slots;
    uint32_t capacity; /* a power of two */
    _Atomic uint32_t head, tail;
    _Atomic uint64_t dropped;
} loa_event_ring;

typedef struct {
    int fd;                 /* eventfd: readable while something waits */
    atomic_int signalled;
    pthread_mutex_t reading;
    loa_event_ring *rings;
    int count;
} loa_events;

int loa_events_init(loa_events *events, int producers, uint32_t capacity);
void loa_events_free(loa_events *events);

/* Called by the ring's own thread only. A full ring drops the event and counts it. */
void loa_events_push(loa_events *events, int producer, loa_event event);

int loa_events_take(loa_events *events, loa_event *out, int capacity);
uint64_t loa_events_dropped(const loa_events *events);

#endif
