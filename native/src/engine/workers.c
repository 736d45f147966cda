#include "workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "clock.h"

struct loa_workers {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    uint64_t round;              /* under the lock, as are the next six */
    int open;                    /* the round may have work left: who wakes now joins in */
    int busy;                    /* workers that have joined in and not finished */
    int ending;
    loa_programme *const *programmes;
    int count;
    int64_t tick;
    atomic_int next;             /* the programme to be run next */
    _Atomic int64_t cpu_ns;
    int threads;
    pthread_t thread[];
};

static void run_some(loa_workers *workers)
{
    for (;;) {
        int mine = atomic_fetch_add_explicit(&workers->next, 1, memory_order_relaxed);
        if (mine >= workers->count)
            return;
        loa_programme_run(workers->programmes[mine], workers->tick);
    }
}

static void *work(void *argument)
{
    loa_workers *workers = argument;
    uint64_t seen = 0;
    int64_t cpu = 0;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (workers->round == seen && !workers->ending)
            pthread_cond_wait(&workers->work, &workers->lock);
        if (workers->ending)
            break;
        seen = workers->round;
        if (!workers->open)
            continue; /* it came too late; the others have done its part */
        workers->busy++;
        pthread_mutex_unlock(&workers->lock);
        run_some(workers);
        int64_t now = loa_clock_ns(CLOCK_THREAD_CPUTIME_ID);
        atomic_fetch_add_explicit(&workers->cpu_ns, now - cpu, memory_order_relaxed);
        cpu = now;
        pthread_mutex_lock(&workers->lock);
        if (--workers->busy == 0)
            pthread_cond_signal(&workers->done);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

loa_workers *loa_workers_create(int count)
{
    loa_workers *workers = calloc(1, sizeof *workers + (size_t)count * sizeof(pthread_t));
    if (!workers)
        return NULL;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work, NULL);
    pthread_cond_init(&workers->done, NULL);
    for (; workers->threads < count; workers->threads++) {
        if (pthread_create(&workers->thread[workers->threads], NULL, work, workers) != 0) {
            loa_workers_destroy(workers);
            return NULL;
        }
    }
    return workers;
}

void loa_workers_destroy(loa_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->ending = 1;
    pthread_cond_broadcast(&workers->work);
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < workers->threads; i++)
        pthread_join(workers->thread[i], NULL);
    pthread_cond_destroy(&workers->work);
    pthread_cond_destroy(&workers->done);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

void loa_workers_run(loa_workers *workers, loa_programme *const *programmes, int count, int64_t tick)
{
    if (count < 2 || workers->threads == 0) { /* not worth waking anyone */
        for (int i = 0; i < count; i++)
            loa_programme_run(programmes[i], tick);
        return;
    }
    pthread_mutex_lock(&workers->lock);
    workers->programmes = programmes;
    workers->count = count;
    workers->tick = tick;
    atomic_store_explicit(&workers->next, 0, memory_order_relaxed);
    workers->open = 1;
    workers->round++;
    pthread_cond_broadcast(&workers->work);
    pthread_mutex_unlock(&workers->lock);
    run_some(workers);
    pthread_mutex_lock(&workers->lock);
    workers->open = 0; /* the tick waits for who is in the middle of work, not for who sleeps still */
    while (workers->busy > 0)
        pthread_cond_wait(&workers->done, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
}

int64_t loa_workers_cpu_ns(const loa_workers *workers)
{
    return atomic_load_explicit(&workers->cpu_ns, memory_order_relaxed);
}
