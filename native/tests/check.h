/* What the engine's C tests share: checks that say where they failed, and random numbers from a seed
 * that is logged. A test returns check_result(). */
#ifndef CHECK_H
#define CHECK_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_int check_failures;

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            atomic_fetch_add(&check_failures, 1);                             \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);    \
        }                                                                     \
    } while (0)

static inline int check_result(void)
{
    int failures = atomic_load(&check_failures);
    if (failures)
        printf("%d checks failed\n", failures);
    return failures != 0;
}

/* LOA_SEED repeats a run. */
static inline uint64_t check_seed(void)
{
    const char *given = getenv("LOA_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20200824;
    printf("seed %llu\n", (unsigned long long)seed);
    return seed;
}

static inline uint32_t check_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static inline int check_below(uint64_t *state, int bound)
{
    return (int)(check_random(state) % (uint32_t)bound);
}

#endif
