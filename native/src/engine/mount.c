#include "mount.h"

#include <stddef.h>

#include "loa_error.h"

/* An entry about to be overwritten must not be read: the newest few less than all are safe. */
enum { READABLE = LOA_MOUNT_HISTORY - 8 };

int loa_mount_plan(loa_mount *mount, int64_t programme, int64_t tick)
{
    while (mount->planned_count > 0 && mount->planned[mount->planned_count - 1].tick >= tick)
        mount->planned_count--;
    if (mount->planned_count == LOA_MOUNT_PLANNED)
        return LOA_EFULL;
    mount->planned[mount->planned_count++] = (loa_planned){.tick = tick, .programme = programme};
    return LOA_OK;
}

static const loa_carriage *newest(const loa_mount *mount, uint32_t changes)
{
    return changes ? &mount->history[(changes - 1) % LOA_MOUNT_HISTORY] : NULL;
}

loa_programme *loa_mount_carried(const loa_mount *mount)
{
    const loa_carriage *now =
        newest(mount, atomic_load_explicit(&mount->changes, memory_order_relaxed));
    return now ? atomic_load_explicit(&now->programme, memory_order_relaxed) : NULL;
}

/* Two programmes may touch without a gap only where one fades out and the other fades in; one tick
 * of silence between anything else takes the click out of a splice (DESIGN decision 2). */
static int needs_gap(const loa_programme *from, const loa_programme *to, int64_t tick)
{
    int was_silent = !from || !loa_programme_covers(from, tick - 1);
    int ends_itself = was_silent || from->clean_end <= tick;
    int starts_itself = !to || to->clean_start == tick || !loa_programme_covers(to, tick) ||
                        (to->chain && !to->started);
    return !was_silent && !(ends_itself && starts_itself);
}

int loa_mount_carry(loa_mount *mount, loa_programme *programme, int64_t tick)
{
    uint32_t changes = atomic_load_explicit(&mount->changes, memory_order_relaxed);
    loa_programme *before = loa_mount_carried(mount);
    if (before == programme)
        return 0;
    if (before)
        before->last_carried = tick;
    if (programme)
        programme->last_carried = tick;
    int gap = needs_gap(before, programme, tick);
    loa_carriage *entry = &mount->history[changes % LOA_MOUNT_HISTORY];
    atomic_thread_fence(memory_order_release); /* whoever sees the new entry sees the count before */
    atomic_store_explicit(&entry->tick, tick, memory_order_relaxed);
    atomic_store_explicit(&entry->programme, programme, memory_order_relaxed);
    atomic_store_explicit(&entry->gap, gap, memory_order_relaxed);
    atomic_store_explicit(&mount->changes, changes + 1, memory_order_release);
    return gap;
}

int64_t loa_mount_oldest(const loa_mount *mount)
{
    uint32_t changes = atomic_load_explicit(&mount->changes, memory_order_acquire);
    if (changes <= READABLE)
        return INT64_MIN;
    return atomic_load_explicit(&mount->history[(changes - READABLE) % LOA_MOUNT_HISTORY].tick,
                                memory_order_relaxed);
}

int loa_mount_look_up(const loa_mount *mount, int64_t first, int count, loa_programme **programmes)
{
    uint32_t changes = atomic_load_explicit(&mount->changes, memory_order_acquire);
    uint32_t oldest = changes > READABLE ? changes - READABLE : 0;
    int open = count; /* ticks first .. first + open - 1 are still to be found, from the end */

    for (uint32_t i = changes; i > oldest && open > 0; i--) {
        const loa_carriage *entry = &mount->history[(i - 1) % LOA_MOUNT_HISTORY];
        int64_t since = atomic_load_explicit(&entry->tick, memory_order_relaxed);
        loa_programme *programme = atomic_load_explicit(&entry->programme, memory_order_relaxed);
        int gap = atomic_load_explicit(&entry->gap, memory_order_relaxed);
        for (; open > 0 && first + open - 1 >= since; open--) {
            int64_t tick = first + open - 1;
            int sounds = programme && !(gap && tick == since) &&
                         loa_programme_covers(programme, tick);
            programmes[open - 1] = sounds ? programme : NULL;
        }
    }
    if (open > 0 && oldest > 0)
        return 0;
    while (open > 0)
        programmes[--open] = NULL;
    /* Was what was read overwritten meanwhile? */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&mount->changes, memory_order_relaxed) - oldest <
           LOA_MOUNT_HISTORY;
}
