/* The engine: one timeline, its programmes, mounts and listeners (docs/architecture.md).
 *
 * One tick thread makes a tick of 20 ms at absolute monotonic deadlines: it pulls each live
 * programme's ring, runs the chains on the workers, applies the carriage changes that are due, and
 * wakes the fan-out threads, each of which owns its listeners alone. Nothing here ever calls Python.
 *
 * Thread rule: every function may be called from any thread, except create, stop and destroy, which
 * the owner calls once; with a virtual clock nothing runs but inside loa_engine_advance. All may be
 * under way in other threads while stop is, none while destroy is.
 *
 * Who owns what, and how long it lives: programmes are made by any thread and freed by the tick thread
 * alone, under the table's lock, when they have ended, were released, and every fan-out's epoch is
 * past what a listener may look back. So the tick and the fan-outs hold no locks and count no
 * references; whoever else looks at a programme holds the table's lock. A mount's carriage and a
 * programme's packets are overwritten in place: readers look first and check a count afterwards
 * (loa_mount_look_up, pagecache.c). A listener and its pages belong to one fan-out thread. */
#ifndef LOA_ENGINE_H
#define LOA_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "loa_chain.h"
#include "loa_clip.h"
#include "loa_ring.h"

/* cffi:begin */
typedef struct loa_engine loa_engine;

typedef struct {
    int64_t start_tick;     /* the first tick that is made */
    int32_t virtual_clock;  /* 1: time passes only in loa_engine_advance, on the caller's thread */
    int32_t workers;        /* threads that run chains beside the tick thread; 0: none */
    int32_t fanouts;        /* fan-out threads, 1..32 */
    int32_t max_mounts;
    int32_t max_programmes;
    int32_t max_listeners;
    int32_t kept_ticks;     /* how far back packets and carriage are kept: 6000 is two minutes */
    int32_t phase_listeners; /* so many of a fan-out share a phase before the next one is begun: sends in a
                                row cost less, up to the time they take. 0 or 1: spread from the first on */
} loa_engine_config;

/* A listener as it joins. The engine takes the descriptor: it closes it whatever happens, unless
 * loa_engine_join returns an error.
 *
 * The descriptor is a stream socket that nobody else reads, writes or waits for any more. The engine
 * sets no options: SO_SNDBUF (what the kernel may hide of its lag), TCP_NODELAY and TCP_USER_TIMEOUT
 * are the caller's to set. What the peer sends is never read. */
typedef struct {
    int32_t fd;
    int32_t mount;
    int32_t cadence;        /* ticks in a page: 2 (low) or 10 (thrifty) */
    int32_t drop;           /* 1: dropped when it lags too far; 0: it skips to live */
    int32_t burst_ticks;    /* how much of the past it gets at once */
    int32_t max_lag_ticks;  /* lag beyond this (and beyond what it was given at joining) is too far */
    int64_t from_tick;      /* resume at this tick; < 0, in the future or no longer kept: live */
} loa_join;

enum loa_event_kind {
    LOA_EVENT_CARRIED = 1,   /* a mount carries id (0: silence) from tick; value 1: but that tick
                                is silent, between two that do not fade there by themselves */
    LOA_EVENT_STARTED = 2,   /* programme id made its first audio at tick */
    LOA_EVENT_ENDED = 3,     /* programme id ended; tick is the first without it */
    LOA_EVENT_STALLED = 4,   /* live programme id ran out of samples at tick */
    LOA_EVENT_RESUMED = 5,   /* and has them again */
    LOA_EVENT_LEFT = 6,      /* listener id left mount; value: enum loa_leave; bytes: sent to it */
    LOA_EVENT_SKIPPED = 7    /* the engine skipped value ticks, up to tick */
};

enum loa_leave {
    LOA_LEAVE_PEER = 1,      /* it closed, or its connection broke */
    LOA_LEAVE_LAG = 2,       /* too slow, and its policy is to be dropped */
    LOA_LEAVE_STOP = 3       /* the engine stopped */
};

typedef struct {
    int32_t kind;
    int32_t mount;
    int64_t tick;
    int64_t id;
    int64_t value;
    int64_t bytes;
} loa_event;

typedef struct {
    int64_t tick;               /* the newest tick that is complete */
    uint64_t ticks_made;
    uint64_t ticks_late;        /* made more than 20 ms after their deadline */
    uint64_t ticks_skipped;     /* after a stall of more than a second */
    int64_t worst_late_ns;      /* of a tick's completion behind its deadline, since the last read */
    int64_t worst_round_ns;     /* of a fan-out round's end behind the tick's deadline, likewise */
    uint64_t listeners;         /* now */
    uint64_t joins;
    uint64_t leaves_peer, leaves_lag, leaves_stop;
    uint64_t lag_skips;         /* gaps in what a listener got, because it skipped to live */
    uint64_t pages_built;
    uint64_t pages_sent;
    uint64_t partial_sends;
    uint64_t bytes_sent;
    uint64_t events_dropped;    /* the event ring was full */
    uint64_t commands_refused;  /* the command queue or a table was full */
    uint64_t carriage_late;     /* changes applied after the tick they were meant for */
    int64_t tick_cpu_ns;        /* CPU of the tick thread and its workers */
    int64_t fanout_cpu_ns;      /* CPU of the fan-out threads */
    int32_t programmes;         /* in the table, live, clips and ended ones still kept */
    int32_t mounts;
} loa_engine_stats;

typedef struct {
    int64_t start_tick;         /* first tick */
    int64_t end_tick;           /* first tick after it; INT64_MAX while open */
    int32_t live;               /* 1: it has a ring and a chain */
    loa_ring_stats ring;        /* zero for clips */
    loa_chain_meters meters;    /* zero for clips */
} loa_programme_stats;

/* NULL with errno when the config is out of range or something could not be had. With a real clock
 * the threads run when this returns, and the first tick is due 20 ms later. */
loa_engine *loa_engine_create(const loa_engine_config *config);

/* A graceful end: one last tick of silence, an EOS page to every listener, at most drain_ms for the
 * slow ones, threads joined. Idempotent. */
void loa_engine_stop(loa_engine *engine, int drain_ms);

/* Stops without grace if stop was not called, and frees everything. */
void loa_engine_destroy(loa_engine *engine);

/* Virtual clock only: makes ticks and lets the fan-outs send after each. */
int loa_engine_advance(loa_engine *engine, int ticks);

/* The newest complete tick. */
int64_t loa_engine_tick(const loa_engine *engine);

/* The CLOCK_MONOTONIC time in ns at which tick is (or was) due to be complete. */
int64_t loa_engine_deadline(const loa_engine *engine, int64_t tick);

/* An eventfd that is readable when events wait; owned by the engine. */
int loa_engine_event_fd(const loa_engine *engine);

/* Takes up to capacity events, oldest first within a thread; returns their number. */
int loa_engine_events(loa_engine *engine, loa_event *events, int capacity);

/* How many events were dropped so far, because the ring was full. */
uint64_t loa_engine_events_dropped(const loa_engine *engine);

/* Programmes: handles are positive and never reused; 0 is silence. Negative: enum loa_error.
 * A live programme's ring is not pulled before start_tick (past: the next tick). */
int64_t loa_engine_open_live(loa_engine *engine, const loa_chain_config *chain,
                             const loa_ring_config *ring, int64_t start_tick);

/* Plays packets offset .. offset + count of the clip from start_tick on, without encoding.
 * The engine takes its own reference to the clip. */
int64_t loa_engine_open_clip(loa_engine *engine, loa_clip *clip, int64_t start_tick, int32_t offset,
                             int32_t count);

/* The ring of a live programme, NULL otherwise; valid until loa_engine_release. */
loa_ring *loa_engine_ring(loa_engine *engine, int64_t programme);

/* Ends a programme at the next tick, a live one with a fade. To let a ring run out, finish the ring. */
int loa_engine_cut(loa_engine *engine, int64_t programme);

/* The owner needs the handle no more: the programme goes once it has ended and no kept tick of a
 * mount refers to it. */
int loa_engine_release(loa_engine *engine, int64_t programme);

int loa_engine_programme_stats(const loa_engine *engine, int64_t programme,
                               loa_programme_stats *stats);

/* Copies the packets of a programme as they went out, of the ticks from from_tick on: those that are
 * complete and still kept, at most max_packets of them, and as many as fit into capacity bytes (at least
 * LOA_OPUS_MAX_PACKET). They lie one behind the other in data, sizes[i] bytes each; a tick in which it was
 * silent (it was skipped) has the packet of silence. *first_tick is the tick of the first: later
 * than from_tick where the programme began later, or what was before is not kept any more.
 *
 * Returns the number of packets: 0 when there is nothing new, LOA_EGONE when the programme is gone. The
 * programme may be live. Any thread; the tick never waits for it (what it would have to wait for is
 * the table's lock, which it only tries). */
int loa_engine_packets(loa_engine *engine, int64_t programme, int64_t from_tick, int max_packets,
                       uint8_t *data, size_t capacity, uint16_t *sizes, int64_t *first_tick);

/* What mounts carried, for whoever sends it on by other means than listeners. ids gets, for each of the
 * mounts one behind the other, the programme that sounds in each of the ticks from_tick..from_tick + ticks
 * - 1, 0 where it is silence: what pages are made of. Mounts of the same ids have the same packets. A mount
 * whose carriage then is known no more gets -1 in all its ticks. LOA_EINVAL when a mount is none, LOA_EGONE
 * when a tick is not complete yet or not kept any more. Any thread; the tick never waits for it. */
int loa_engine_sounding(loa_engine *engine, const int32_t *mounts, int mount_count,
                        int64_t from_tick, int ticks, int64_t *ids);

/* Copies the packets of a mount as its listeners hear them, one a tick, those of silence included; sizes[i]
 * bytes each, into capacity bytes, of which each tick needs LOA_OPUS_MAX_PACKET. Otherwise as above. */
int loa_engine_mount_packets(loa_engine *engine, int mount, int64_t from_tick, int ticks,
                             uint8_t *data, size_t capacity, uint16_t *sizes);

/* A new mount, carrying silence; its number, 0 upwards, or LOA_EFULL. */
int loa_engine_open_mount(loa_engine *engine);

/* The mounts carry programme (0: silence) from tick on, the same tick for all. It replaces every
 * change at or after that tick that was asked for earlier. A tick that is past becomes the next one
 * that can be had. Returns the tick, which LOA_EVENT_CARRIED confirms, or an error. */
int64_t loa_engine_carry(loa_engine *engine, const int32_t *mounts, int count, int64_t programme,
                         int64_t tick);

/* Listeners on each of the first count mounts. */
int loa_engine_mount_listeners(const loa_engine *engine, int32_t *listeners, int count);

/* A listener: prefix (status line, headers, Ogg headers) is copied and sent first, then pages.
 * Returns its id (> 0) or an error, and then the descriptor is still the caller's. */
int64_t loa_engine_join(loa_engine *engine, const loa_join *join, const uint8_t *prefix,
                        size_t prefix_size);

void loa_engine_read_stats(loa_engine *engine, loa_engine_stats *stats);
/* cffi:end */

#endif
