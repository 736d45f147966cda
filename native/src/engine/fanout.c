#include "fanout.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loa_error.h"
#include "loa_page.h"

enum {
    PHASES = 12,             /* 2 of the low cadence, then 10 of the thrifty one */
    JOINS_A_TICK = 256,      /* a herd that comes back must not delay those who are there */
    STUCK_TICKS = 30 * 50,   /* takes nothing at all for so long: gone, whatever its policy */
    LOOK_TICKS = 50,         /* the kernel's queue is looked at once a second */
    PREFETCH = 2             /* each send pushes the next listener out of the cache */
};

struct loa_listener {
    loa_listener *next;      /* in the inbox */
    int64_t id;
    int64_t cursor;          /* the first tick that it has not been given */
    int64_t allowed_lag;
    int64_t moved;           /* the tick at which its socket last took something */
    int64_t looked;          /* the tick at which its kernel queue was last looked at */
    int64_t queued;          /* ticks in that queue then, at least */
    int64_t mark_bytes;      /* when this much of the stream has arrived, */
    int64_t mark_cursor;     /* all before this tick has */
    int64_t bytes;
    loa_built *page;         /* being sent */
    uint32_t page_sent;
    int fd;
    int32_t mount;
    int32_t max_lag;
    int32_t burst;
    int64_t from;
    uint8_t cadence, phase, drop, finished;
    uint8_t skipped;         /* the next page begins after a skip */
    uint32_t prefix_size, prefix_sent;
    uint8_t prefix[];
};

typedef struct {
    loa_listener **listeners;
    int32_t count, room;
} phase_list;

struct loa_fanout {
    loa_shared *shared;
    int producer;
    loa_pagecache *pages;
    _Atomic(loa_listener *) inbox;   /* newest first */
    loa_listener *waiting;           /* taken from the inbox, oldest first */
    phase_list phases[PHASES];
    int64_t last_round;
    int64_t overdue;                 /* ticks by which this round is late, which is nobody's lag */
    loa_fanout_counters counters;
};

/* What lies in the inbox of a fan-out that takes nobody any more. */
static char closed_inbox;
#define CLOSED ((loa_listener *)(void *)&closed_inbox)

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    /* One writer: a plain load and store are enough and cost no bus lock. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

loa_fanout *loa_fanout_create(loa_shared *shared, int producer)
{
    loa_fanout *fanout = calloc(1, sizeof *fanout);
    if (!fanout)
        return NULL;
    fanout->shared = shared;
    fanout->producer = producer;
    fanout->last_round = shared->start_tick - 1;
    atomic_init(&fanout->counters.epoch, shared->start_tick - 1);
    fanout->pages = loa_pagecache_create(shared->max_mounts, &shared->making, shared->slots);
    if (!fanout->pages) {
        free(fanout);
        return NULL;
    }
    return fanout;
}

int loa_fanout_join(loa_fanout *fanout, const loa_join *join, int64_t id, const uint8_t *prefix,
                    size_t prefix_size)
{
    loa_listener *listener = calloc(1, sizeof *listener + prefix_size);
    if (!listener)
        return LOA_ENOMEM;
    listener->id = id;
    listener->fd = join->fd;
    listener->mount = join->mount;
    listener->max_lag = join->max_lag_ticks;
    listener->burst = join->burst_ticks;
    listener->from = join->from_tick;
    listener->cadence = (uint8_t)join->cadence;
    listener->drop = join->drop != 0;
    listener->prefix_size = (uint32_t)prefix_size;
    if (prefix_size > 0)
        memcpy(listener->prefix, prefix, prefix_size);
    atomic_fetch_add_explicit(&fanout->counters.listeners, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&fanout->shared->mounts[join->mount].listeners, 1,
                              memory_order_relaxed);
    listener->next = atomic_load_explicit(&fanout->inbox, memory_order_relaxed);
    while (listener->next != CLOSED)
        if (atomic_compare_exchange_weak_explicit(&fanout->inbox, &listener->next, listener,
                                                  memory_order_release, memory_order_relaxed))
            return LOA_OK;
    atomic_fetch_sub_explicit(&fanout->counters.listeners, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&fanout->shared->mounts[join->mount].listeners, 1,
                              memory_order_relaxed);
    free(listener);
    return LOA_EGONE;
}

static void leave(loa_fanout *fanout, loa_listener *listener, int reason)
{
    loa_shared *shared = fanout->shared;
    if (listener->page)
        loa_built_release(listener->page);
    if (reason == LOA_LEAVE_STOP) {
        /* Input that nobody read would turn the close into a reset, and the last pages be lost. */
        char unread[4096];
        int most = 256; /* a peer that never stops sending must not hold up the others */
        shutdown(listener->fd, SHUT_WR);
        while (most-- > 0 && recv(listener->fd, unread, sizeof unread, MSG_DONTWAIT) > 0)
            ;
    }
    close(listener->fd);
    count(&fanout->counters.leaves[reason], 1);
    atomic_fetch_sub_explicit(&fanout->counters.listeners, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&shared->mounts[listener->mount].listeners, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&shared->listeners, 1, memory_order_relaxed);
    loa_events_push(shared->events, fanout->producer,
                    (loa_event){.kind = LOA_EVENT_LEFT,
                                .mount = listener->mount,
                                .tick = listener->cursor,
                                .id = listener->id,
                                .value = reason,
                                .bytes = listener->bytes});
    free(listener);
}

/* The last tick of the full page of this listener's phase that holds tick. */
static int64_t boundary_of(const loa_listener *listener, int64_t tick)
{
    int64_t behind = (tick + 2 * listener->cadence - listener->phase) % listener->cadence;
    return behind == 0 ? tick : tick + listener->cadence - behind;
}

/* Where a page begins that is the first one wholly after tick. */
static int64_t page_after(const loa_listener *listener, int64_t tick)
{
    return boundary_of(listener, tick) + 1;
}

static int64_t oldest_kept(const loa_fanout *fanout, const loa_listener *listener, int64_t tick)
{
    const loa_shared *shared = fanout->shared;
    int64_t oldest = tick - shared->kept + 1;
    int64_t known = loa_mount_oldest(&shared->mounts[listener->mount]);
    if (known > oldest)
        oldest = known;
    return oldest > shared->start_tick ? oldest : shared->start_tick;
}

/* Where a page begins that is just complete, or else the next one to come. */
static int64_t live_cursor(const loa_listener *listener, int64_t tick)
{
    return page_after(listener, tick - listener->cadence);
}

/* Sends bytes; how many went, 0 when it would block, -1 when the connection is gone. */
static ssize_t push(loa_fanout *fanout, loa_listener *listener, const uint8_t *bytes, size_t size,
                    int64_t tick)
{
    ssize_t sent = send(listener->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        listener->moved = tick;
        listener->bytes += sent;
        count(&fanout->counters.bytes_sent, (uint64_t)sent);
        return sent;
    }
    if (sent == 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ||
        errno == ENOBUFS || errno == ENOMEM)
        return 0;
    return -1;
}

static void mark(loa_listener *listener, int64_t tick)
{
    listener->looked = tick;
    listener->mark_cursor = listener->cursor;
    listener->mark_bytes = listener->bytes + (listener->prefix_size - listener->prefix_sent);
    if (listener->page)
        listener->mark_bytes += listener->page->size - listener->page_sent;
}

/* How far behind the listener is, in ticks, with what the kernel still holds. That is bytes, and how
 * many ticks they are depends on what is on air (silence is a tenth of speech). So a mark is set
 * into the stream, and until it has been acknowledged, the listener is behind it. */
static int64_t lag_of(loa_listener *listener, int64_t tick)
{
    if (tick - listener->looked >= LOOK_TICKS) {
        int queued = 0;
        if (ioctl(listener->fd, SIOCOUTQ, &queued) < 0)
            queued = 0;
        if (listener->bytes - queued >= listener->mark_bytes) {
            /* What it was given at joining may be made up for, and is then not allowed again. */
            int64_t most = tick - listener->mark_cursor;
            if (most + listener->max_lag < listener->allowed_lag)
                listener->allowed_lag = most + listener->max_lag;
            listener->queued = 0;
            mark(listener, tick);
        } else {
            listener->queued = listener->cursor - listener->mark_cursor;
            listener->looked = tick;
        }
    }
    return tick - listener->cursor + listener->queued;
}

/* Brings one listener as far as its socket takes it. Returns a loa_leave reason, or 0: it stays. */
static int serve(loa_fanout *fanout, loa_listener *listener, int64_t tick)
{
    loa_shared *shared = fanout->shared;
    int64_t final = atomic_load_explicit(&shared->final_tick, memory_order_relaxed);

    while (listener->prefix_sent < listener->prefix_size) {
        ssize_t sent = push(fanout, listener, listener->prefix + listener->prefix_sent,
                            listener->prefix_size - listener->prefix_sent, tick);
        if (sent < 0)
            return LOA_LEAVE_PEER;
        if (sent == 0)
            return tick - listener->moved > STUCK_TICKS ? LOA_LEAVE_LAG : 0;
        listener->prefix_sent += (uint32_t)sent;
    }

    int64_t lag = lag_of(listener, tick);
    int too_far = lag - fanout->overdue > listener->allowed_lag;
    if (too_far && listener->drop)
        return LOA_LEAVE_LAG;

    for (;;) {
        if (listener->page) { /* a page once begun is always finished */
            const loa_built *page = listener->page;
            ssize_t sent = push(fanout, listener, page->bytes + listener->page_sent,
                                page->size - listener->page_sent, tick);
            if (sent < 0)
                return LOA_LEAVE_PEER;
            listener->page_sent += (uint32_t)sent;
            if (listener->page_sent < page->size)
                return tick - listener->moved > STUCK_TICKS ? LOA_LEAVE_LAG : 0;
            loa_built_release(listener->page);
            listener->page = NULL;
            count(&fanout->counters.pages_sent, 1);
        }
        if (listener->finished)
            return LOA_LEAVE_STOP;
        if (too_far || (tick - listener->cursor > 2 * LOA_MAX_CADENCE &&
                        listener->cursor < oldest_kept(fanout, listener, tick))) {
            /* Only the backlog of our own is skipped; the kernel's queue it must hear. */
            too_far = 0;
            int64_t live = live_cursor(listener, tick);
            if (live > listener->cursor) {
                listener->mark_cursor += live - listener->cursor;
                listener->cursor = live;
                listener->skipped = 1;
            }
        }
        if (listener->cursor > final) /* it waits for its first page: now for one with the last tick */
            listener->cursor = final;
        int64_t boundary = boundary_of(listener, listener->cursor);
        int64_t last = boundary;
        int flags = 0;
        if (last >= final) {
            last = final;
            flags = LOA_PAGE_EOS;
        }
        if (last > tick)
            return 0;
        loa_built *page = loa_pagecache_get(fanout->pages, listener->mount,
                                            &shared->mounts[listener->mount], listener->cursor,
                                            last, boundary, listener->cadence, flags);
        if (!page)
            return 0;
        ssize_t sent = push(fanout, listener, page->bytes, page->size, tick);
        if (sent < 0)
            return LOA_LEAVE_PEER;
        if (sent == 0)
            return tick - listener->moved > STUCK_TICKS ? LOA_LEAVE_LAG : 0;
        if (listener->skipped) { /* counted once, however often it has to be done again */
            listener->skipped = 0;
            count(&fanout->counters.lag_skips, 1);
        }
        listener->cursor = last + 1;
        listener->finished = flags != 0;
        if ((uint32_t)sent < page->size) {
            loa_built_retain(page);
            listener->page = page;
            listener->page_sent = (uint32_t)sent;
            count(&fanout->counters.partial_sends, 1);
        } else {
            count(&fanout->counters.pages_sent, 1);
        }
    }
}

static phase_list *list_of(loa_fanout *fanout, int cadence, int phase)
{
    return &fanout->phases[cadence == 2 ? phase : 2 + phase];
}

static int add(phase_list *list, loa_listener *listener)
{
    if (list->count == list->room) {
        int32_t room = list->room ? 2 * list->room : 64;
        loa_listener **grown = realloc(list->listeners, (size_t)room * sizeof(loa_listener *));
        if (!grown)
            return LOA_ENOMEM;
        list->listeners = grown;
        list->room = room;
    }
    list->listeners[list->count++] = listener;
    return LOA_OK;
}

static void serve_list(loa_fanout *fanout, phase_list *list, int64_t tick)
{
    for (int32_t i = 0; i < list->count;) {
        loa_listener *listener = list->listeners[i];
        if (i + PREFETCH < list->count) {
            const char *soon = (const char *)list->listeners[i + PREFETCH];
            __builtin_prefetch(soon, 1);
            __builtin_prefetch(soon + 64, 1);
        }
        int reason = serve(fanout, listener, tick);
        if (!reason) {
            i++;
            continue;
        }
        list->listeners[i] = list->listeners[--list->count];
        leave(fanout, listener, reason);
    }
}

/* The least loaded of the phases in use; a further one is begun when those are full. Sends in a row
 * find everything in the caches, so a phase of few listeners costs more for each of them. */
static int pick_phase(loa_fanout *fanout, int cadence)
{
    int32_t full = fanout->shared->phase_listeners > 0 ? fanout->shared->phase_listeners : 1;
    int32_t all = 0;
    for (int phase = 0; phase < cadence; phase++)
        all += list_of(fanout, cadence, phase)->count;
    int32_t in_use = all / full + 1;
    int best = 0;
    for (int phase = 1; phase < cadence && phase < in_use; phase++)
        if (list_of(fanout, cadence, phase)->count < list_of(fanout, cadence, best)->count)
            best = phase;
    return best;
}

/* Gives a new listener its phase and its place on the timeline. */
static void admit(loa_fanout *fanout, loa_listener *listener, int64_t tick)
{
    int best = pick_phase(fanout, listener->cadence);
    listener->phase = (uint8_t)best;

    int64_t oldest = oldest_kept(fanout, listener, tick);
    if (listener->from >= oldest && listener->from <= tick + 1) {
        listener->cursor = listener->from;
    } else {
        int64_t start = tick - listener->burst;
        if (start < oldest)
            start = oldest;
        listener->cursor = page_after(listener, start - 1);
    }
    listener->allowed_lag = tick - listener->cursor + listener->max_lag;
    if (listener->allowed_lag < listener->max_lag)
        listener->allowed_lag = listener->max_lag;
    listener->moved = tick;
    mark(listener, tick);
    count(&fanout->counters.joins, 1);
    int reason = serve(fanout, listener, tick);
    if (!reason && add(list_of(fanout, listener->cadence, best), listener) < 0)
        reason = LOA_LEAVE_PEER;
    if (reason)
        leave(fanout, listener, reason);
}

/* Empties the inbox; returns what was there, oldest first. */
static loa_listener *take_inbox(loa_fanout *fanout, loa_listener *leave_there)
{
    loa_listener *newest =
        atomic_exchange_explicit(&fanout->inbox, leave_there, memory_order_acquire);
    loa_listener *oldest = NULL;
    while (newest && newest != CLOSED) {
        loa_listener *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void admit_some(loa_fanout *fanout, int64_t tick, int most)
{
    while (most-- > 0) {
        if (!fanout->waiting)
            fanout->waiting = take_inbox(fanout, NULL);
        loa_listener *listener = fanout->waiting;
        if (!listener)
            return;
        fanout->waiting = listener->next;
        admit(fanout, listener, tick);
    }
}

void loa_fanout_round(loa_fanout *fanout, int64_t tick)
{
    atomic_store_explicit(&fanout->counters.epoch, tick, memory_order_release);
    loa_pagecache_sweep(fanout->pages, tick);
    int64_t first = fanout->last_round + 1;
    fanout->overdue = tick - first;
    if (tick - first >= LOA_MAX_CADENCE)
        first = tick - LOA_MAX_CADENCE + 1;
    for (int64_t due = tick - first > 1 ? tick - 1 : first; due <= tick; due++)
        serve_list(fanout, list_of(fanout, 2, (int)(due % 2)), tick);
    for (int64_t due = first; due <= tick; due++)
        serve_list(fanout, list_of(fanout, LOA_MAX_CADENCE, (int)(due % LOA_MAX_CADENCE)), tick);
    fanout->last_round = tick;
    /* A round that is late stands for several: on a busy machine a herd would wait for ever. */
    admit_some(fanout, tick, JOINS_A_TICK * (int)(tick - first + 1));
}

int loa_fanout_drain(loa_fanout *fanout)
{
    int64_t tick = atomic_load_explicit(&fanout->shared->tick, memory_order_acquire);
    int left = 0;
    fanout->overdue = 0;
    admit_some(fanout, tick, INT32_MAX);
    for (int i = 0; i < PHASES; i++) {
        serve_list(fanout, &fanout->phases[i], tick);
        left += fanout->phases[i].count;
    }
    return left;
}

static void turn_away(loa_fanout *fanout, loa_listener *listener)
{
    while (listener) {
        loa_listener *next = listener->next;
        leave(fanout, listener, LOA_LEAVE_STOP);
        listener = next;
    }
}

void loa_fanout_close_all(loa_fanout *fanout)
{
    turn_away(fanout, fanout->waiting);
    fanout->waiting = NULL;
    turn_away(fanout, take_inbox(fanout, CLOSED));
    for (int i = 0; i < PHASES; i++) {
        phase_list *list = &fanout->phases[i];
        while (list->count > 0)
            leave(fanout, list->listeners[--list->count], LOA_LEAVE_STOP);
    }
}

void loa_fanout_destroy(loa_fanout *fanout)
{
    if (!fanout)
        return;
    loa_fanout_close_all(fanout);
    for (int i = 0; i < PHASES; i++)
        free(fanout->phases[i].listeners);
    loa_pagecache_destroy(fanout->pages);
    free(fanout);
}

const loa_fanout_counters *loa_fanout_read(const loa_fanout *fanout)
{
    return &fanout->counters;
}

uint64_t loa_fanout_pages_built(const loa_fanout *fanout)
{
    return loa_pagecache_built(fanout->pages);
}

void loa_fanout_account(loa_fanout *fanout, int64_t cpu_ns)
{
    atomic_store_explicit(&fanout->counters.cpu_ns, cpu_ns, memory_order_relaxed);
}
