/* A mount's carriage: which programme it carries from which tick, what is planned, what was.
 *
 * Thread rule: the tick thread plans and applies; any thread looks complete ticks up, without locks,
 * as long as it holds programmes alive by its epoch (loa_engine.c). */
#ifndef LOA_MOUNT_H
#define LOA_MOUNT_H

#include <stdatomic.h>
#include <stdint.h>

#include "programme.h"

enum { LOA_MOUNT_HISTORY = 128, LOA_MOUNT_PLANNED = 8 };

typedef struct {
    _Atomic int64_t tick;
    _Atomic(loa_programme *) programme; /* NULL: silence */
    atomic_int gap;                     /* 1: its first tick is silence */
} loa_carriage;

typedef struct {
    int64_t tick;
    int64_t programme; /* a handle: it may be gone when the tick comes */
} loa_planned;

typedef struct {
    loa_carriage history[LOA_MOUNT_HISTORY];
    _Atomic uint32_t changes; /* so many were written; the newest LOA_MOUNT_HISTORY are there */
    loa_planned planned[LOA_MOUNT_PLANNED];
    int planned_count;
    _Atomic int32_t listeners;
} loa_mount;

/* Replaces every planned change at or after the tick. LOA_EFULL when too many lie before it. */
int loa_mount_plan(loa_mount *mount, int64_t programme, int64_t tick);

/* From tick on the mount carries programme (NULL: silence). Returns 1 when that tick itself is silent, to
 * take the click out of a splice; 0 too when nothing changes. */
int loa_mount_carry(loa_mount *mount, loa_programme *programme, int64_t tick);

/* What it carries now, for the tick thread. */
loa_programme *loa_mount_carried(const loa_mount *mount);

/* The oldest tick whose carriage is still known. */
int64_t loa_mount_oldest(const loa_mount *mount);

/* For each tick of first..first + count - 1 the programme that sounds, or NULL for silence.
 * 0 when the carriage of one of them is no longer known. */
int loa_mount_look_up(const loa_mount *mount, int64_t first, int count,
                      loa_programme **programmes);

#endif
