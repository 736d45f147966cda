/* Carriage: what is planned replaces what was planned later, the history says what sounded as a plain
 * array does, says so when it has forgotten, and can be read while it is written. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "loa_error.h"
#include "mount.h"

enum { TICKS = 4000, PROGRAMMES = 12, BASE = 1000 };

static loa_programme *programmes[PROGRAMMES];
static loa_clip *clip;

static void check_plans(void)
{
    static loa_mount mount;
    for (int i = 0; i < LOA_MOUNT_PLANNED; i++)
        CHECK(loa_mount_plan(&mount, i, 10 * i) == LOA_OK);
    CHECK(loa_mount_plan(&mount, 99, 1000) == LOA_EFULL);
    CHECK(mount.planned_count == LOA_MOUNT_PLANNED);
    CHECK(loa_mount_plan(&mount, 50, 10 * (LOA_MOUNT_PLANNED - 1)) == LOA_OK);
    CHECK(mount.planned_count == LOA_MOUNT_PLANNED);
    CHECK(loa_mount_plan(&mount, 51, 15) == LOA_OK);
    CHECK(mount.planned_count == 3 && mount.planned[2].programme == 51);
    CHECK(loa_mount_plan(&mount, 52, INT64_MIN) == LOA_OK);
    CHECK(mount.planned_count == 1 && mount.planned[0].programme == 52);
}

/* What it carries at each tick, and whether that tick is silence for the splice's sake. */
static loa_programme *carried[TICKS];
static int gap[TICKS];

static int sounds_at(const loa_programme *programme, int64_t tick)
{
    return programme && loa_programme_covers(programme, tick);
}

static void check_history(uint64_t *seed)
{
    static loa_mount mount;
    memset(&mount, 0, sizeof mount);
    loa_programme *now = NULL;
    int changes = 0;
    int changed_at[TICKS];
    int often = 1 + check_below(seed, 40);
    for (int t = 0; t < TICKS; t++) {
        int64_t tick = BASE + t;
        carried[t] = now;
        gap[t] = 0;
        if (check_below(seed, often) == 0) {
            loa_programme *next = programmes[check_below(seed, PROGRAMMES)];
            if (check_below(seed, 4) == 0)
                next = NULL;
            if (next != now) {
                int sounded = sounds_at(now, tick - 1);
                int clean = (!now || now->clean_end <= tick) &&
                            (!next || !sounds_at(next, tick) || next->clean_start == tick);
                gap[t] = sounded && !clean;
                changed_at[changes++] = t;
            }
            loa_mount_carry(&mount, next, tick);
            carried[t] = now = next;
        }
        CHECK(loa_mount_carried(&mount) == now);

        int count = 1 + check_below(seed, 10);
        int first = t - count + 1 - check_below(seed, t + 1);
        loa_programme *found[10];
        memset(found, 0x55, sizeof found);
        int known = loa_mount_look_up(&mount, BASE + first, count, found);
        int64_t oldest = loa_mount_oldest(&mount);
        CHECK(known == (BASE + first >= oldest));
        CHECK((oldest == INT64_MIN) == (changes <= 120));
        if (oldest != INT64_MIN)
            CHECK(oldest == BASE + changed_at[changes - 120]);
        for (int i = 0; known && i < count; i++) {
            int at = first + i;
            loa_programme *expected = NULL;
            if (at >= 0 && !gap[at] && sounds_at(carried[at], BASE + at))
                expected = carried[at];
            CHECK(found[i] == expected);
        }
    }
}

/* A writer that changes at every tick, programme k at ticks with remainder k, and readers beside it. */
static loa_mount shared;
static _Atomic int64_t newest;

static void *read_beside(void *argument)
{
    uint64_t seed = (uint64_t)(uintptr_t)argument;
    int64_t tick;
    long known = 0;
    do {
        tick = atomic_load_explicit(&newest, memory_order_acquire);
        int64_t first = tick - 9 - check_below(&seed, 110);
        loa_programme *found[10];
        if (first < BASE || !loa_mount_look_up(&shared, first, 10, found))
            continue;
        known++;
        for (int i = 0; i < 10; i++)
            CHECK(found[i] == programmes[(first + i) % PROGRAMMES]);
    } while (tick < BASE + 50 * TICKS);
    CHECK(known > 0);
    return NULL;
}

int main(void)
{
    uint64_t seed = check_seed();
    static uint8_t data[3000];
    static uint16_t sizes[3000];
    for (int i = 0; i < 3000; i++)
        sizes[i] = 1;
    clip = loa_clip_create(data, sizeof data, sizes, 3000);
    check_plans();
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < PROGRAMMES; i++) {
            int offset = check_below(&seed, 2) ? 0 : check_below(&seed, 100);
            int count = 1 + check_below(&seed, 3000 - offset);
            programmes[i] = loa_programme_clip(clip, BASE - 500 + check_below(&seed, 4000), offset, count);
        }
        check_history(&seed);
        for (int i = 0; i < PROGRAMMES; i++)
            loa_programme_destroy(programmes[i]);
    }

    /* Programmes that have no ends, so that there is never a tick of silence: they never sound alone. */
    for (int i = 0; i < PROGRAMMES; i++) {
        programmes[i] = loa_programme_clip(clip, 0, 0, 3000);
        atomic_store(&programmes[i]->end, INT64_MAX);
        programmes[i]->clean_end = INT64_MIN;
    }
    atomic_store(&newest, BASE - 1);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, read_beside, (void *)(uintptr_t)(seed + (uint64_t)i));
    for (int64_t tick = BASE; tick <= BASE + 50 * TICKS; tick++) {
        programmes[tick % PROGRAMMES]->clean_start = tick;
        loa_mount_carry(&shared, programmes[tick % PROGRAMMES], tick);
        atomic_store_explicit(&newest, tick, memory_order_release);
        if (tick % 4 == 0)
            sched_yield();
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < PROGRAMMES; i++)
        loa_programme_destroy(programmes[i]);
    loa_clip_release(clip);
    return check_result();
}
