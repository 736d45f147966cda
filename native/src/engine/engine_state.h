/* What the engine is made of: shared by what makes ticks (tick.c), what runs threads (threads.c) and
 * what callers see (loa_engine.c). */
#ifndef LOA_ENGINE_STATE_H
#define LOA_ENGINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "commands.h"
#include "events.h"
#include "fanout.h"
#include "loa_engine.h"
#include "table.h"
#include "workers.h"

enum {
    LOA_TICK_NS = 20000000,
    LOA_MARGIN_TICKS = 128, /* packets outlive their kept time by this, for threads that were stopped */
    LOA_MAX_FANOUTS = 32
};

typedef struct {
    loa_engine *engine;
    loa_fanout *fanout;
    pthread_t thread;
    int running;
} fanout_thread;

struct loa_engine {
    loa_engine_config config;
    loa_shared shared;
    loa_events events;
    loa_commands commands;
    loa_table table;
    loa_workers *workers;
    loa_programme **live;       /* the programmes that run in this tick */
    int64_t base_ns;            /* when start_tick is due */
    pthread_t thread;
    int running, stopped;
    atomic_int stopping;        /* the tick thread makes its last tick */
    atomic_int ending;          /* the fan-outs drain until drain_until_ns */
    _Atomic int64_t drain_until_ns;
    _Atomic uint32_t wake;      /* a futex: one step a tick */
    _Atomic int32_t mounts;
    _Atomic int64_t listener_ids;
    int halved;
    int fanouts;
    fanout_thread fanout[LOA_MAX_FANOUTS];

    _Atomic uint64_t ticks_made, ticks_late, ticks_skipped, refused, carriage_late;
    _Atomic int64_t worst_late_ns, worst_round_ns, cpu_ns;
};

static inline void loa_count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* --- tick.c: one tick, by the tick thread or, with a virtual clock, by whoever advances it */

void loa_tick_make(loa_engine *engine, int64_t tick);

/* The last one: silence on every mount. */
void loa_tick_make_final(loa_engine *engine, int64_t tick);

/* Ticks from..to - 1 are not made; live programmes are silent there. */
void loa_tick_skip(loa_engine *engine, int64_t from, int64_t to);

/* --- threads.c */

/* LOA_ESYS with errno when a thread cannot be had; those that run are ended by loa_threads_stop. */
int loa_threads_start(loa_engine *engine);

/* Makes the final tick, lets the fan-outs drain until drain_until_ns, and joins all threads. */
void loa_threads_stop(loa_engine *engine);

#endif
