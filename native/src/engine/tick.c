#include <pthread.h>
#include <string.h>

#include "engine_state.h"

enum {
    GC_TICKS = 50,
    ENCODES_A_CORE = 30, /* live programmes at full complexity; beyond it is halved */
    HALF_COMPLEXITY = 5
};

static void emit(loa_engine *engine, loa_event event)
{
    loa_events_push(&engine->events, 0, event);
}

static void take_commands(loa_engine *engine)
{
    loa_command command;
    while (loa_commands_take(&engine->commands, &command))
        if (loa_mount_plan(&engine->shared.mounts[command.mount], command.programme,
                           command.tick) < 0)
            loa_count(&engine->refused, 1);
}

static void adjust_complexity(loa_engine *engine, int live)
{
    int cores = engine->config.workers + 1;
    int halve = engine->halved ? live > cores * ENCODES_A_CORE * 4 / 5
                               : live > cores * ENCODES_A_CORE;
    engine->halved = halve;
    for (int i = 0; i < live; i++) {
        loa_programme *programme = engine->live[i];
        int complexity = programme->complexity;
        if (halve && complexity > HALF_COMPLEXITY)
            complexity = HALF_COMPLEXITY;
        if (complexity == programme->complexity_now)
            continue;
        programme->complexity_now = complexity;
        loa_chain_set_complexity(programme->chain, complexity);
    }
}

static void run_programmes(loa_engine *engine, int64_t tick)
{
    int live = 0;
    int32_t used = atomic_load_explicit(&engine->table.used, memory_order_acquire);
    for (int32_t i = 0; i < used; i++) {
        loa_programme *programme =
            atomic_load_explicit(&engine->table.slots[i], memory_order_acquire);
        if (programme && programme->chain && loa_programme_covers(programme, tick))
            engine->live[live++] = programme;
    }
    adjust_complexity(engine, live);
    loa_workers_run(engine->workers, engine->live, live, tick);
    for (int i = 0; i < live; i++) {
        const loa_programme *programme = engine->live[i];
        loa_event event = {.tick = tick, .id = programme->handle, .mount = -1};
        if (programme->happened & LOA_NEWS_STARTED) {
            event.kind = LOA_EVENT_STARTED;
            emit(engine, event);
        }
        if (programme->happened & LOA_NEWS_STALLED) {
            event.kind = LOA_EVENT_STALLED;
            emit(engine, event);
        }
        if (programme->happened & LOA_NEWS_RESUMED) {
            event.kind = LOA_EVENT_RESUMED;
            emit(engine, event);
        }
        if (programme->happened & LOA_NEWS_ENDED) {
            event.kind = LOA_EVENT_ENDED;
            event.tick = programme->clean_end;
            emit(engine, event);
        }
    }
}

/* Clips end by their length or because they were cut; both are told in the tick of their end. */
static void end_clips(loa_engine *engine, int64_t tick)
{
    int32_t used = atomic_load_explicit(&engine->table.used, memory_order_acquire);
    for (int32_t i = 0; i < used; i++) {
        loa_programme *programme =
            atomic_load_explicit(&engine->table.slots[i], memory_order_acquire);
        if (!programme || !programme->clip || programme->flushing)
            continue;
        int64_t end = atomic_load_explicit(&programme->end, memory_order_relaxed);
        if (end > tick && atomic_load_explicit(&programme->cut_asked, memory_order_relaxed)) {
            end = tick;
            atomic_store_explicit(&programme->end, end, memory_order_relaxed);
            if (programme->clean_end > end)
                programme->clean_end = INT64_MAX;
        }
        if (end <= tick) {
            programme->flushing = 1; /* told */
            emit(engine, (loa_event){.kind = LOA_EVENT_ENDED,
                                     .tick = end,
                                     .id = programme->handle,
                                     .mount = -1});
        }
    }
}

static void apply_carriage(loa_engine *engine, int64_t tick)
{
    int32_t mounts = atomic_load_explicit(&engine->mounts, memory_order_acquire);
    for (int32_t i = 0; i < mounts; i++) {
        loa_mount *mount = &engine->shared.mounts[i];
        if (mount->planned_count == 0 || mount->planned[0].tick > tick)
            continue;
        int due = 1; /* of several the last one counts */
        while (due < mount->planned_count && mount->planned[due].tick <= tick)
            due++;
        loa_planned change = mount->planned[due - 1];
        mount->planned_count -= due;
        memmove(mount->planned, mount->planned + due,
                (size_t)mount->planned_count * sizeof change);
        loa_programme *programme = loa_table_find(&engine->table, change.programme);
        int gap = loa_mount_carry(mount, programme, tick);
        if (change.tick < tick)
            loa_count(&engine->carriage_late, 1);
        emit(engine, (loa_event){.kind = LOA_EVENT_CARRIED,
                                 .mount = i,
                                 .tick = tick,
                                 .id = programme ? programme->handle : 0,
                                 .value = gap});
    }
}

/* Frees what has ended, is not asked for any more, and is out of every listener's reach. */
static void collect(loa_engine *engine, int64_t tick)
{
    int32_t mounts = atomic_load_explicit(&engine->mounts, memory_order_acquire);
    for (int32_t i = 0; i < mounts; i++) {
        loa_programme *carried = loa_mount_carried(&engine->shared.mounts[i]);
        if (carried)
            carried->last_carried = tick;
    }
    int64_t seen = tick;
    for (int i = 0; i < engine->fanouts; i++) {
        int64_t epoch = atomic_load_explicit(&loa_fanout_read(engine->fanout[i].fanout)->epoch,
                                             memory_order_acquire);
        if (epoch < seen)
            seen = epoch;
    }
    int64_t out_of_reach = seen - engine->shared.kept - LOA_MARGIN_TICKS;
    if (pthread_mutex_trylock(&engine->table.lock) != 0)
        return; /* the tick waits for nobody; next time */
    int32_t used = 0;
    int32_t all = atomic_load_explicit(&engine->table.used, memory_order_relaxed);
    for (int32_t i = 0; i < all; i++) {
        loa_programme *programme =
            atomic_load_explicit(&engine->table.slots[i], memory_order_relaxed);
        if (!programme)
            continue;
        int gone = atomic_load_explicit(&programme->released, memory_order_relaxed) &&
                   atomic_load_explicit(&programme->end, memory_order_relaxed) < out_of_reach &&
                   programme->last_carried < out_of_reach;
        if (gone) {
            atomic_store_explicit(&engine->table.slots[i], NULL, memory_order_relaxed);
            loa_programme_destroy(programme);
        } else {
            used = i + 1;
        }
    }
    atomic_store_explicit(&engine->table.used, used, memory_order_release);
    pthread_mutex_unlock(&engine->table.lock);
}

/* Said before packets are overwritten, so that a fan-out can tell afterwards whether it read any. */
static void begin_making(loa_engine *engine, int64_t tick)
{
    atomic_store_explicit(&engine->shared.making, tick, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

void loa_tick_make(loa_engine *engine, int64_t tick)
{
    begin_making(engine, tick);
    take_commands(engine);
    run_programmes(engine, tick);
    apply_carriage(engine, tick);
    end_clips(engine, tick + 1);
    if (tick % GC_TICKS == 0)
        collect(engine, tick);
    loa_count(&engine->ticks_made, 1);
    atomic_store_explicit(&engine->shared.tick, tick, memory_order_release);
}

void loa_tick_make_final(loa_engine *engine, int64_t tick)
{
    int32_t mounts = atomic_load_explicit(&engine->mounts, memory_order_acquire);
    for (int32_t i = 0; i < mounts; i++)
        loa_mount_carry(&engine->shared.mounts[i], NULL, tick);
    loa_count(&engine->ticks_made, 1);
    atomic_store_explicit(&engine->shared.final_tick, tick, memory_order_relaxed);
    atomic_store_explicit(&engine->shared.tick, tick, memory_order_release);
}

void loa_tick_skip(loa_engine *engine, int64_t from, int64_t to)
{
    begin_making(engine, to);
    int32_t used = atomic_load_explicit(&engine->table.used, memory_order_acquire);
    for (int32_t i = 0; i < used; i++) {
        loa_programme *programme =
            atomic_load_explicit(&engine->table.slots[i], memory_order_acquire);
        if (programme && programme->chain)
            loa_programme_skip(programme, from, to);
    }
    loa_count(&engine->ticks_skipped, (uint64_t)(to - from));
    emit(engine, (loa_event){.kind = LOA_EVENT_SKIPPED, .mount = -1, .tick = to, .value = to - from});
}
