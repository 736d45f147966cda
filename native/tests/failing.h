/* Allocation that fails when it is told to. A test that includes this is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. */
#ifndef FAILING_H
#define FAILING_H

#include <stdatomic.h>
#include <stddef.h>

static atomic_int failing_countdown; /* 1: the next allocation fails, and all after it; 0: none does */
static atomic_int failing_asked;     /* allocations so far */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static int fails_now(void)
{
    atomic_fetch_add(&failing_asked, 1);
    int left = atomic_load(&failing_countdown);
    if (left > 1)
        atomic_store(&failing_countdown, left - 1);
    return left == 1;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

#endif
