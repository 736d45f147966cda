#include "loa_engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "engine_state.h"
#include "loa_error.h"
#include "loa_opus.h"

enum {
    EVENTS = 32768,
    MAX_MOUNTS = 65536,
    MAX_PROGRAMMES = 65535,
    MAX_WORKERS = 256,
    MAX_PREFIX = 65536,
    MAX_KEPT = 3600 * 50
};

static const int64_t FARTHEST_TICK = INT64_C(1) << 52;

/* --- life */

static int acceptable(const loa_engine_config *config)
{
    return config->start_tick >= 0 && config->start_tick <= FARTHEST_TICK && config->workers >= 0 && config->workers <= MAX_WORKERS &&
           config->fanouts >= 1 && config->fanouts <= LOA_MAX_FANOUTS && config->max_mounts >= 1 &&
           config->max_mounts <= MAX_MOUNTS && config->max_programmes >= 1 &&
           config->max_programmes <= MAX_PROGRAMMES && config->max_listeners >= 0 &&
           config->kept_ticks >= LOA_MAX_CADENCE && config->kept_ticks <= MAX_KEPT;
}

static uint32_t power_of_two(uint32_t least)
{
    uint32_t power = 1;
    while (power < least)
        power *= 2;
    return power;
}

static int prepare(loa_engine *engine, const loa_engine_config *config)
{
    engine->config = *config;
    engine->events.fd = -1;
    engine->base_ns = config->virtual_clock ? 0 : loa_clock_ns(CLOCK_MONOTONIC) + LOA_TICK_NS;
    engine->shared.max_mounts = config->max_mounts;
    engine->shared.phase_listeners = config->phase_listeners;
    engine->shared.kept = config->kept_ticks;
    engine->shared.slots = config->kept_ticks + 2 * LOA_MARGIN_TICKS;
    engine->shared.start_tick = config->start_tick;
    engine->shared.events = &engine->events;
    atomic_init(&engine->shared.tick, config->start_tick - 1);
    atomic_init(&engine->shared.making, config->start_tick - 1);
    atomic_init(&engine->shared.final_tick, INT64_MAX);
    engine->shared.mounts = calloc((size_t)config->max_mounts, sizeof(loa_mount));
    engine->live = calloc((size_t)config->max_programmes, sizeof(loa_programme *));
    int done = engine->shared.mounts && engine->live ? LOA_OK : LOA_ENOMEM;
    if (!done)
        done = loa_events_init(&engine->events, 1 + config->fanouts, EVENTS);
    if (!done)
        done = loa_commands_init(&engine->commands,
                                 power_of_two((uint32_t)config->max_mounts * LOA_MOUNT_PLANNED));
    if (!done)
        done = loa_table_init(&engine->table, config->max_programmes);
    if (!done) {
        engine->workers = loa_workers_create(config->virtual_clock ? 0 : config->workers);
        done = engine->workers ? LOA_OK : LOA_ENOMEM;
    }
    while (!done && engine->fanouts < config->fanouts) {
        fanout_thread *fanout = &engine->fanout[engine->fanouts];
        fanout->engine = engine;
        fanout->fanout = loa_fanout_create(&engine->shared, 1 + engine->fanouts);
        if (fanout->fanout)
            engine->fanouts++;
        else
            done = LOA_ENOMEM;
    }
    return done;
}

loa_engine *loa_engine_create(const loa_engine_config *config)
{
    if (!acceptable(config)) {
        errno = EINVAL;
        return NULL;
    }
    loa_engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        errno = ENOMEM;
        return NULL;
    }
    /* Signals are the caller's threads' business. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int done = prepare(engine, config);
    if (!done && !config->virtual_clock)
        done = loa_threads_start(engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (done) {
        int why = done == LOA_ENOMEM ? ENOMEM : errno ? errno : EAGAIN;
        loa_engine_destroy(engine);
        errno = why;
        return NULL;
    }
    return engine;
}

static void stop_virtual(loa_engine *engine, int64_t until)
{
    int64_t tick = loa_engine_tick(engine) + 1;
    loa_tick_make_final(engine, tick);
    for (int i = 0; i < engine->fanouts; i++) {
        loa_fanout *fanout = engine->fanout[i].fanout;
        while (loa_fanout_drain(fanout) > 0 && loa_clock_ns(CLOCK_MONOTONIC) < until)
            loa_clock_sleep_until(loa_clock_ns(CLOCK_MONOTONIC) + LOA_TICK_NS / 20);
        loa_fanout_close_all(fanout);
    }
}

void loa_engine_stop(loa_engine *engine, int drain_ms)
{
    if (engine->stopped)
        return;
    engine->stopped = 1;
    int64_t until = loa_clock_ns(CLOCK_MONOTONIC) + (int64_t)drain_ms * 1000000;
    atomic_store(&engine->drain_until_ns, until);
    atomic_store_explicit(&engine->stopping, 1, memory_order_release);
    if (engine->config.virtual_clock) {
        if (engine->fanouts == engine->config.fanouts)
            stop_virtual(engine, until);
        return;
    }
    loa_threads_stop(engine);
}

void loa_engine_destroy(loa_engine *engine)
{
    if (!engine)
        return;
    loa_engine_stop(engine, 0);
    for (int i = 0; i < engine->fanouts; i++)
        loa_fanout_destroy(engine->fanout[i].fanout);
    loa_workers_destroy(engine->workers);
    loa_table_free(&engine->table);
    loa_commands_free(&engine->commands);
    loa_events_free(&engine->events);
    free(engine->live);
    free(engine->shared.mounts);
    free(engine);
}

int loa_engine_advance(loa_engine *engine, int ticks)
{
    if (!engine->config.virtual_clock || engine->stopped || ticks < 0)
        return LOA_EINVAL;
    while (ticks-- > 0) {
        int64_t tick = loa_engine_tick(engine) + 1;
        loa_tick_make(engine, tick);
        for (int i = 0; i < engine->fanouts; i++)
            loa_fanout_round(engine->fanout[i].fanout, tick);
    }
    return LOA_OK;
}

/* --- what Python calls */

int64_t loa_engine_tick(const loa_engine *engine)
{
    return atomic_load_explicit(&engine->shared.tick, memory_order_acquire);
}

int64_t loa_engine_deadline(const loa_engine *engine, int64_t tick)
{
    return engine->base_ns + (tick - engine->config.start_tick) * LOA_TICK_NS;
}

int loa_engine_event_fd(const loa_engine *engine)
{
    return engine->events.fd;
}

int loa_engine_events(loa_engine *engine, loa_event *events, int capacity)
{
    return loa_events_take(&engine->events, events, capacity);
}

uint64_t loa_engine_events_dropped(const loa_engine *engine)
{
    return loa_events_dropped(&engine->events);
}

/* Far from where arithmetic on ticks and granules would overflow: three million years. */
static int on_timeline(int64_t tick)
{
    return tick >= -FARTHEST_TICK && tick <= FARTHEST_TICK;
}

static int64_t put_programme(loa_engine *engine, loa_programme *programme)
{
    if (!programme)
        return LOA_ENOMEM;
    int64_t handle = loa_table_put(&engine->table, programme);
    if (handle < 0) {
        loa_programme_destroy(programme);
        loa_count(&engine->refused, 1);
    }
    return handle;
}

int64_t loa_engine_open_live(loa_engine *engine, const loa_chain_config *chain,
                             const loa_ring_config *ring, int64_t start_tick)
{
    if (!on_timeline(start_tick))
        return LOA_EINVAL;
    return put_programme(engine,
                         loa_programme_live(chain, ring, start_tick, engine->shared.slots));
}

int64_t loa_engine_open_clip(loa_engine *engine, loa_clip *clip, int64_t start_tick, int32_t offset,
                             int32_t packets)
{
    if (!on_timeline(start_tick) || offset < 0 || packets < 1 ||
        offset > loa_clip_count(clip) - packets)
        return LOA_EINVAL;
    return put_programme(engine, loa_programme_clip(clip, start_tick, offset, packets));
}

loa_ring *loa_engine_ring(loa_engine *engine, int64_t programme)
{
    pthread_mutex_lock(&engine->table.lock);
    const loa_programme *found = loa_table_find(&engine->table, programme);
    loa_ring *ring = found ? found->ring : NULL;
    pthread_mutex_unlock(&engine->table.lock);
    return ring;
}

static int mark(loa_engine *engine, int64_t programme, int release)
{
    pthread_mutex_lock(&engine->table.lock);
    loa_programme *found = loa_table_find(&engine->table, programme);
    if (found)
        atomic_store_explicit(release ? &found->released : &found->cut_asked, 1,
                              memory_order_relaxed);
    pthread_mutex_unlock(&engine->table.lock);
    return found ? LOA_OK : LOA_EGONE;
}

int loa_engine_cut(loa_engine *engine, int64_t programme)
{
    return mark(engine, programme, 0);
}

int loa_engine_release(loa_engine *engine, int64_t programme)
{
    return mark(engine, programme, 1);
}

int loa_engine_programme_stats(const loa_engine *engine, int64_t programme,
                               loa_programme_stats *stats)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&engine->table.lock;
    memset(stats, 0, sizeof *stats);
    pthread_mutex_lock(lock);
    const loa_programme *found = loa_table_find(&engine->table, programme);
    if (found) {
        stats->start_tick = atomic_load_explicit(&found->start, memory_order_relaxed);
        stats->end_tick = atomic_load_explicit(&found->end, memory_order_relaxed);
        stats->live = found->chain != NULL;
        if (found->chain) {
            loa_ring_read_stats(found->ring, &stats->ring);
            loa_chain_read_meters(found->chain, &stats->meters);
        }
    }
    pthread_mutex_unlock(lock);
    return found ? LOA_OK : LOA_EGONE;
}

static const uint8_t SILENT_PACKET[3] = {0xF8, 0xFF, 0xFE};

/* A thread that was stopped for seconds may have read what was being overwritten. */
static int still_kept(const loa_engine *engine, int64_t from)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&engine->shared.making, memory_order_relaxed) - from <
           engine->shared.slots;
}

/* With the table's lock: nothing frees the programme, but a live one goes on writing. */
static int copy_packets(const loa_programme *programme, int64_t from, int64_t to, uint8_t *data,
                        size_t capacity, uint16_t *sizes)
{
    int count = 0;
    size_t used = 0;
    for (int64_t tick = from; tick < to; tick++) {
        uint16_t size = 0;
        const uint8_t *packet = loa_programme_packet(programme, tick, &size);
        if (!packet) {
            packet = SILENT_PACKET;
            size = sizeof SILENT_PACKET;
        }
        if (size > capacity - used)
            break;
        memcpy(data + used, packet, size);
        used += size;
        sizes[count++] = size;
    }
    return count;
}

int loa_engine_packets(loa_engine *engine, int64_t programme, int64_t from_tick, int max_packets,
                       uint8_t *data, size_t capacity, uint16_t *sizes, int64_t *first_tick)
{
    if (!on_timeline(from_tick) || max_packets < 0 || capacity < LOA_OPUS_MAX_PACKET)
        return LOA_EINVAL;
    pthread_mutex_lock(&engine->table.lock);
    const loa_programme *found = loa_table_find(&engine->table, programme);
    int count = LOA_EGONE;
    if (found) {
        int64_t now = loa_engine_tick(engine);
        int64_t from = atomic_load_explicit(&found->start, memory_order_relaxed);
        int64_t to = atomic_load_explicit(&found->end, memory_order_relaxed);
        if (from < from_tick)
            from = from_tick;
        /* A clip's packets lie ready; a live one's are overwritten after a while. */
        if (!found->clip && from < now - engine->shared.kept)
            from = now - engine->shared.kept;
        if (to > now + 1)
            to = now + 1;
        if (to > from + max_packets)
            to = from + max_packets;
        count = copy_packets(found, from, to, data, capacity, sizes);
        *first_tick = from;
        if (!found->clip && count > 0 && !still_kept(engine, from))
            count = 0;
    }
    pthread_mutex_unlock(&engine->table.lock);
    return count;
}

enum { SOUNDING_TICKS = 256 };

/* With the table's lock, by which no programme that was carried in a kept tick is freed. */
static int within_kept(const loa_engine *engine, int64_t from, int ticks)
{
    int64_t now = loa_engine_tick(engine);
    return from >= now - engine->shared.kept && from + ticks - 1 <= now;
}

static int are_mounts(const loa_engine *engine, const int32_t *mounts, int mount_count)
{
    int32_t open = atomic_load_explicit(&engine->mounts, memory_order_acquire);
    for (int i = 0; i < mount_count; i++)
        if (mounts[i] < 0 || mounts[i] >= open)
            return 0;
    return mount_count >= 0;
}

int loa_engine_sounding(loa_engine *engine, const int32_t *mounts, int mount_count,
                        int64_t from_tick, int ticks, int64_t *ids)
{
    loa_programme *programmes[SOUNDING_TICKS];
    if (!on_timeline(from_tick) || ticks < 1 || ticks > SOUNDING_TICKS ||
        !are_mounts(engine, mounts, mount_count))
        return LOA_EINVAL;
    pthread_mutex_lock(&engine->table.lock);
    int result = within_kept(engine, from_tick, ticks) ? LOA_OK : LOA_EGONE;
    for (int i = 0; i < mount_count && result == LOA_OK; i++) {
        int known =
            loa_mount_look_up(&engine->shared.mounts[mounts[i]], from_tick, ticks, programmes);
        for (int j = 0; j < ticks; j++)
            *ids++ = !known ? -1 : programmes[j] ? programmes[j]->handle : 0;
    }
    pthread_mutex_unlock(&engine->table.lock);
    return result;
}

int loa_engine_mount_packets(loa_engine *engine, int mount, int64_t from_tick, int ticks,
                             uint8_t *data, size_t capacity, uint16_t *sizes)
{
    loa_programme *programmes[SOUNDING_TICKS];
    if (!on_timeline(from_tick) || ticks < 1 || ticks > SOUNDING_TICKS ||
        capacity < (size_t)ticks * LOA_OPUS_MAX_PACKET || !are_mounts(engine, &mount, 1))
        return LOA_EINVAL;
    pthread_mutex_lock(&engine->table.lock);
    int result = LOA_EGONE;
    if (within_kept(engine, from_tick, ticks) &&
        loa_mount_look_up(&engine->shared.mounts[mount], from_tick, ticks, programmes)) {
        for (int i = 0; i < ticks; i++) {
            const uint8_t *packet = NULL;
            sizes[i] = 0;
            if (programmes[i])
                packet = loa_programme_packet(programmes[i], from_tick + i, &sizes[i]);
            if (!packet) {
                packet = SILENT_PACKET;
                sizes[i] = sizeof SILENT_PACKET;
            }
            memcpy(data, packet, sizes[i]);
            data += sizes[i];
        }
        if (still_kept(engine, from_tick))
            result = ticks;
    }
    pthread_mutex_unlock(&engine->table.lock);
    return result;
}

int loa_engine_open_mount(loa_engine *engine)
{
    int32_t number = atomic_load_explicit(&engine->mounts, memory_order_relaxed);
    do {
        if (number >= engine->config.max_mounts)
            return LOA_EFULL;
    } while (!atomic_compare_exchange_weak_explicit(&engine->mounts, &number, number + 1,
                                                    memory_order_release, memory_order_relaxed));
    return number;
}

int64_t loa_engine_carry(loa_engine *engine, const int32_t *mounts, int mount_count,
                         int64_t programme, int64_t tick)
{
    int32_t open = atomic_load_explicit(&engine->mounts, memory_order_acquire);
    if (mount_count < 0)
        return LOA_EINVAL;
    for (int i = 0; i < mount_count; i++)
        if (mounts[i] < 0 || mounts[i] >= open)
            return LOA_EINVAL;
    pthread_mutex_lock(&engine->table.lock);
    int known = programme == 0 || loa_table_find(&engine->table, programme);
    pthread_mutex_unlock(&engine->table.lock);
    if (!known)
        return LOA_EGONE;
    /* The next tick may be in the making; with a virtual clock nothing is. */
    int64_t soonest = loa_engine_tick(engine) + (engine->config.virtual_clock ? 1 : 2);
    if (tick < soonest)
        tick = soonest;
    if (loa_commands_put(&engine->commands, mounts, mount_count, programme, tick) < 0) {
        loa_count(&engine->refused, 1);
        return LOA_EFULL;
    }
    return tick;
}

int loa_engine_mount_listeners(const loa_engine *engine, int32_t *listeners, int mount_count)
{
    if (mount_count < 0 || mount_count > engine->config.max_mounts)
        return LOA_EINVAL;
    for (int i = 0; i < mount_count; i++)
        listeners[i] =
            atomic_load_explicit(&engine->shared.mounts[i].listeners, memory_order_relaxed);
    return LOA_OK;
}

int64_t loa_engine_join(loa_engine *engine, const loa_join *join, const uint8_t *prefix,
                        size_t prefix_size)
{
    if (join->fd < 0 || join->mount < 0 ||
        join->mount >= atomic_load_explicit(&engine->mounts, memory_order_acquire) ||
        (join->cadence != 2 && join->cadence != LOA_MAX_CADENCE) || join->burst_ticks < 0 ||
        join->burst_ticks > engine->shared.kept || join->max_lag_ticks < LOA_MAX_CADENCE ||
        prefix_size > MAX_PREFIX)
        return LOA_EINVAL;
    if (atomic_load_explicit(&engine->stopping, memory_order_relaxed))
        return LOA_EGONE;
    if (atomic_fetch_add(&engine->shared.listeners, 1) >= engine->config.max_listeners) {
        atomic_fetch_sub(&engine->shared.listeners, 1);
        return LOA_EFULL;
    }
    loa_fanout *least = engine->fanout[0].fanout;
    for (int i = 1; i < engine->fanouts; i++) {
        loa_fanout *fanout = engine->fanout[i].fanout;
        if (atomic_load_explicit(&loa_fanout_read(fanout)->listeners, memory_order_relaxed) <
            atomic_load_explicit(&loa_fanout_read(least)->listeners, memory_order_relaxed))
            least = fanout;
    }
    int64_t id = atomic_fetch_add_explicit(&engine->listener_ids, 1, memory_order_relaxed) + 1;
    int done = loa_fanout_join(least, join, id, prefix, prefix_size);
    if (done < 0) {
        atomic_fetch_sub(&engine->shared.listeners, 1);
        return done;
    }
    return id;
}

void loa_engine_read_stats(loa_engine *engine, loa_engine_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->tick = loa_engine_tick(engine);
    stats->ticks_made = atomic_load_explicit(&engine->ticks_made, memory_order_relaxed);
    stats->ticks_late = atomic_load_explicit(&engine->ticks_late, memory_order_relaxed);
    stats->ticks_skipped = atomic_load_explicit(&engine->ticks_skipped, memory_order_relaxed);
    stats->worst_late_ns = atomic_exchange(&engine->worst_late_ns, 0);
    stats->worst_round_ns = atomic_exchange(&engine->worst_round_ns, 0);
    stats->listeners = (uint64_t)atomic_load(&engine->shared.listeners);
    for (int i = 0; i < engine->fanouts; i++) {
        const loa_fanout_counters *c = loa_fanout_read(engine->fanout[i].fanout);
        stats->joins += atomic_load_explicit(&c->joins, memory_order_relaxed);
        stats->leaves_peer += atomic_load_explicit(&c->leaves[LOA_LEAVE_PEER], memory_order_relaxed);
        stats->leaves_lag += atomic_load_explicit(&c->leaves[LOA_LEAVE_LAG], memory_order_relaxed);
        stats->leaves_stop += atomic_load_explicit(&c->leaves[LOA_LEAVE_STOP], memory_order_relaxed);
        stats->lag_skips += atomic_load_explicit(&c->lag_skips, memory_order_relaxed);
        stats->pages_sent += atomic_load_explicit(&c->pages_sent, memory_order_relaxed);
        stats->partial_sends += atomic_load_explicit(&c->partial_sends, memory_order_relaxed);
        stats->bytes_sent += atomic_load_explicit(&c->bytes_sent, memory_order_relaxed);
        stats->fanout_cpu_ns += atomic_load_explicit(&c->cpu_ns, memory_order_relaxed);
        stats->pages_built += loa_fanout_pages_built(engine->fanout[i].fanout);
    }
    stats->events_dropped = loa_events_dropped(&engine->events);
    stats->commands_refused = atomic_load_explicit(&engine->refused, memory_order_relaxed);
    stats->carriage_late = atomic_load_explicit(&engine->carriage_late, memory_order_relaxed);
    stats->tick_cpu_ns = atomic_load_explicit(&engine->cpu_ns, memory_order_relaxed) +
                         loa_workers_cpu_ns(engine->workers);
    int32_t used = atomic_load_explicit(&engine->table.used, memory_order_acquire);
    for (int32_t i = 0; i < used; i++)
        if (atomic_load_explicit(&engine->table.slots[i], memory_order_relaxed))
            stats->programmes++;
    stats->mounts = atomic_load_explicit(&engine->mounts, memory_order_relaxed);
}
