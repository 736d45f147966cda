/* One fan-out thread's listeners: joined through an inbox, sent to in phases, left without a word to
 * anyone else. A round follows each tick. */
#ifndef LOA_FANOUT_H
#define LOA_FANOUT_H

#include <stdatomic.h>
#include <stdint.h>

#include "events.h"
#include "loa_engine.h"
#include "pagecache.h"

typedef struct loa_listener loa_listener;
typedef struct loa_fanout loa_fanout;

/* What all fan-outs share with the engine. */
typedef struct {
    loa_mount *mounts;
    int32_t max_mounts;
    int32_t phase_listeners;     /* see loa_engine_config */
    int32_t kept;                /* ticks that a listener may look back */
    int32_t slots;               /* ticks of which a live programme has the packets */
    int64_t start_tick;
    loa_events *events;
    _Atomic int64_t tick;        /* the newest complete one */
    _Atomic int64_t making;      /* packets of ticks up to this one may be being written */
    _Atomic int64_t final_tick;  /* INT64_MAX until the engine stops: the last tick there will be */
    _Atomic int64_t listeners;   /* of all fan-outs, those in inboxes included */
} loa_shared;

/* Written by the thread that runs the rounds, read by any. */
typedef struct {
    _Atomic uint64_t joins, leaves[4], lag_skips, pages_sent, partial_sends, bytes_sent;
    _Atomic int64_t cpu_ns;
    _Atomic int64_t listeners;
    _Atomic int64_t epoch;       /* nothing older than this tick's kept past is being looked at */
} loa_fanout_counters;

loa_fanout *loa_fanout_create(loa_shared *shared, int producer);

/* Closes what is left. */
void loa_fanout_destroy(loa_fanout *fanout);

/* Any thread. Takes the descriptor unless it returns an error: LOA_EGONE after close_all. */
int loa_fanout_join(loa_fanout *fanout, const loa_join *join, int64_t id, const uint8_t *prefix,
                    size_t prefix_size);

/* Sends what is due now that tick is complete. */
void loa_fanout_round(loa_fanout *fanout, int64_t tick);

/* After the final tick: sends what is missing and the EOS page to whoever can take it; returns how
 * many listeners are left. */
int loa_fanout_drain(loa_fanout *fanout);

/* Closes every listener that is left, those that are about to join too, and refuses new ones. */
void loa_fanout_close_all(loa_fanout *fanout);

const loa_fanout_counters *loa_fanout_read(const loa_fanout *fanout);
uint64_t loa_fanout_pages_built(const loa_fanout *fanout);
void loa_fanout_account(loa_fanout *fanout, int64_t cpu_ns);

#endif
