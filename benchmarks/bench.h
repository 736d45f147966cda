/* What the programs of the benchmarks share: the clock, a histogram of durations, Ogg's CRC, and a
 * thread that measures how late this machine lets a bare timer fire. Header only, no dependencies. */
#ifndef LOA_BENCH_H
#define LOA_BENCH_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

enum { BENCH_TICK_NS = 20000000, BENCH_TICK_SAMPLES = 960 };

static inline int64_t bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void bench_sleep_until(int64_t when)
{
    const struct timespec at = {.tv_sec = when / 1000000000, .tv_nsec = when % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

/* CPU that this process has used, in ns. */
static inline int64_t bench_cpu(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* Durations in bins of 20 us up to 4 s; what is longer is counted in the last bin, and the true
 * maximum is kept beside. Written by one thread, read by another. */
enum { BENCH_BIN_NS = 20000, BENCH_BINS = 200000 };

typedef struct {
    _Atomic uint64_t count;
    _Atomic int64_t longest;
    _Atomic uint32_t bins[BENCH_BINS];
} bench_histogram;

static inline void bench_reset(bench_histogram *histogram)
{
    atomic_store(&histogram->count, 0);
    atomic_store(&histogram->longest, 0);
    for (size_t i = 0; i < BENCH_BINS; i++)
        atomic_store_explicit(&histogram->bins[i], 0, memory_order_relaxed);
}

static inline void bench_add(bench_histogram *histogram, int64_t duration)
{
    if (duration < 0)
        duration = 0;
    size_t bin = (size_t)(duration / BENCH_BIN_NS);
    if (bin >= BENCH_BINS)
        bin = BENCH_BINS - 1;
    atomic_fetch_add_explicit(&histogram->bins[bin], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->count, 1, memory_order_relaxed);
    if (duration > atomic_load_explicit(&histogram->longest, memory_order_relaxed))
        atomic_store_explicit(&histogram->longest, duration, memory_order_relaxed);
}

/* The duration in ms that part (0..1) of all durations do not exceed; nearest rank, upper edge of
 * the bin but never above the maximum. 0 when there are none. */
static inline double bench_percentile(const bench_histogram *histogram, double part)
{
    const uint64_t count = atomic_load(&histogram->count);
    const double longest = (double)atomic_load(&histogram->longest) / 1e6;
    if (count == 0)
        return 0.0;
    uint64_t rank = (uint64_t)(part * (double)count);
    if ((double)rank < part * (double)count)
        rank++;
    if (rank == 0)
        rank = 1;
    uint64_t seen = 0;
    for (size_t i = 0; i + 1 < BENCH_BINS; i++) {
        seen += atomic_load_explicit(&histogram->bins[i], memory_order_relaxed);
        if (seen >= rank) {
            const double edge = (double)(i + 1) * BENCH_BIN_NS / 1e6;
            return edge < longest ? edge : longest;
        }
    }
    return longest;
}

/* Durations of at least the given ns. */
static inline uint64_t bench_beyond(const bench_histogram *histogram, int64_t duration)
{
    uint64_t found = 0;
    for (size_t i = (size_t)(duration / BENCH_BIN_NS); i < BENCH_BINS; i++)
        found += atomic_load_explicit(&histogram->bins[i], memory_order_relaxed);
    return found;
}

/* RFC 3533: polynomial 0x04c11db7, no reflection, start and end at zero; the checksum's own four
 * bytes (22..25) count as zero. */
typedef struct {
    uint32_t table[256];
} bench_crc;

static inline void bench_crc_fill(bench_crc *crc)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i << 24;
        for (int bit = 0; bit < 8; bit++)
            value = (value << 1) ^ ((value & 0x80000000u) != 0 ? 0x04c11db7u : 0u);
        crc->table[i] = value;
    }
}

static inline uint32_t bench_crc_page(const bench_crc *crc, const uint8_t *page, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = i >= 22 && i < 26 ? 0 : page[i];
        value = (value << 8) ^ crc->table[(value >> 24) ^ byte];
    }
    return value;
}

static inline uint64_t bench_read_le(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--)
        value = (value << 8) | bytes[i];
    return value;
}

static inline void bench_write_le(uint8_t *bytes, uint64_t value, int count)
{
    for (int i = 0; i < count; i++, value >>= 8)
        bytes[i] = (uint8_t)(value & 0xff);
}

/* How late a bare timer fires on this machine at this moment: what nobody's server can beat. It
 * asks for the same 20 ms as a tick, at four phases of it. */
static inline void *bench_timer_thread(void *argument)
{
    bench_histogram *lateness = argument;
    int64_t due = bench_now();
    for (;;) {
        due += BENCH_TICK_NS / 4;
        bench_sleep_until(due);
        const int64_t late = bench_now() - due;
        bench_add(lateness, late);
        if (late > 1000000000)
            due = bench_now();
    }
    return NULL;
}

#endif
