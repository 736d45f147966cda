/* Threads that run the chains of one tick beside the tick thread. */
#ifndef LOA_WORKERS_H
#define LOA_WORKERS_H

#include <stdint.h>

#include "programme.h"

typedef struct loa_workers loa_workers;

/* count may be 0. NULL when threads or memory cannot be had. */
loa_workers *loa_workers_create(int count);
void loa_workers_destroy(loa_workers *workers);

/* Runs every programme for this tick, on the workers and the calling thread; returns when all are done. */
void loa_workers_run(loa_workers *workers, loa_programme *const *programmes, int count, int64_t tick);

/* CPU of the worker threads so far. */
int64_t loa_workers_cpu_ns(const loa_workers *workers);

#endif
