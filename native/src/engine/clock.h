/* Time for the engine's threads. */
#ifndef LOA_CLOCK_H
#define LOA_CLOCK_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

static inline int64_t loa_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Sleeps until the CLOCK_MONOTONIC time ns: an absolute deadline, so that delays never add up. */
static inline void loa_clock_sleep_until(int64_t ns)
{
    struct timespec until = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

#endif
