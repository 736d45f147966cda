#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "engine_state.h"
#include "loa_error.h"

enum { CATCH_UP_TICKS = 50 }; /* after a stall so many are made at once, the rest are skipped */

static void raise_to(_Atomic int64_t *most, int64_t value)
{
    int64_t now = atomic_load_explicit(most, memory_order_relaxed);
    while (value > now && !atomic_compare_exchange_weak_explicit(most, &now, value,
                                                                 memory_order_relaxed,
                                                                 memory_order_relaxed))
        ;
}

static void wake_fanouts(loa_engine *engine)
{
    atomic_fetch_add_explicit(&engine->wake, 1, memory_order_release);
    syscall(SYS_futex, &engine->wake, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void *tick_thread(void *argument)
{
    loa_engine *engine = argument;
    int64_t tick = engine->config.start_tick;
    for (;; tick++) {
        loa_clock_sleep_until(loa_engine_deadline(engine, tick));
        if (atomic_load_explicit(&engine->stopping, memory_order_acquire))
            break;
        int64_t late = loa_clock_ns(CLOCK_MONOTONIC) - loa_engine_deadline(engine, tick);
        int64_t behind = late / LOA_TICK_NS;
        if (behind > CATCH_UP_TICKS) {
            loa_tick_skip(engine, tick, tick + behind - CATCH_UP_TICKS);
            tick += behind - CATCH_UP_TICKS;
        }
        loa_tick_make(engine, tick);
        wake_fanouts(engine);
        late = loa_clock_ns(CLOCK_MONOTONIC) - loa_engine_deadline(engine, tick);
        if (late > LOA_TICK_NS)
            loa_count(&engine->ticks_late, 1);
        raise_to(&engine->worst_late_ns, late);
        atomic_store_explicit(&engine->cpu_ns, loa_clock_ns(CLOCK_THREAD_CPUTIME_ID),
                              memory_order_relaxed);
    }
    loa_tick_make_final(engine, tick);
    wake_fanouts(engine);
    return NULL;
}

static void *run_fanout(void *argument)
{
    fanout_thread *self = argument;
    loa_engine *engine = self->engine;
    uint32_t seen = 0;
    int64_t done = engine->config.start_tick - 1;
    while (!atomic_load_explicit(&engine->ending, memory_order_acquire)) {
        uint32_t now = atomic_load_explicit(&engine->wake, memory_order_acquire);
        if (now == seen) {
            syscall(SYS_futex, &engine->wake, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
            continue;
        }
        seen = now;
        int64_t tick = atomic_load_explicit(&engine->shared.tick, memory_order_acquire);
        if (tick == done)
            continue;
        loa_fanout_round(self->fanout, tick);
        done = tick;
        raise_to(&engine->worst_round_ns,
                 loa_clock_ns(CLOCK_MONOTONIC) - loa_engine_deadline(engine, tick));
        loa_fanout_account(self->fanout, loa_clock_ns(CLOCK_THREAD_CPUTIME_ID));
    }
    int64_t until = atomic_load_explicit(&engine->drain_until_ns, memory_order_relaxed);
    while (loa_fanout_drain(self->fanout) > 0) {
        int64_t now = loa_clock_ns(CLOCK_MONOTONIC);
        if (now >= until)
            break;
        loa_clock_sleep_until(now + LOA_TICK_NS / 2);
    }
    loa_fanout_close_all(self->fanout);
    loa_fanout_account(self->fanout, loa_clock_ns(CLOCK_THREAD_CPUTIME_ID));
    return NULL;
}

int loa_threads_start(loa_engine *engine)
{
    for (int i = 0; i < engine->fanouts; i++) {
        fanout_thread *fanout = &engine->fanout[i];
        if (pthread_create(&fanout->thread, NULL, run_fanout, fanout) != 0)
            return LOA_ESYS;
        fanout->running = 1;
    }
    if (pthread_create(&engine->thread, NULL, tick_thread, engine) != 0)
        return LOA_ESYS;
    engine->running = 1;
    return LOA_OK;
}

void loa_threads_stop(loa_engine *engine)
{
    if (engine->running)
        pthread_join(engine->thread, NULL);
    atomic_store_explicit(&engine->ending, 1, memory_order_release);
    wake_fanouts(engine);
    for (int i = 0; i < engine->fanouts; i++)
        if (engine->fanout[i].running)
            pthread_join(engine->fanout[i].thread, NULL);
}
