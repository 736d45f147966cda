/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* The queue of carriage changes: in order, all of a call or none of it, seen together by the tick. */
#include <pthread.h>

#include "check.h"
#include "commands.h"
#include "failing.h"
#include "loa_error.h"

enum { CAPACITY = 64, BATCHES = 20000, PRODUCERS = 3 };
static loa_commands queue;

static void *produce(void *argument)
{
    int64_t me = (int64_t)(intptr_t)argument;
    int32_t mounts[5] = {0, 1, 2, 3, 4};
    for (int64_t i = 0; i < BATCHES;)
        if (loa_commands_put(&queue, mounts, 5, me, i) == LOA_OK)
            i++;
    return NULL;
}

int main(void)
{
    atomic_store(&failing_countdown, 1);
    CHECK(loa_commands_init(&queue, CAPACITY) == LOA_ENOMEM);
    atomic_store(&failing_countdown, 0);
    loa_commands_free(&queue);
    CHECK(loa_commands_init(&queue, CAPACITY) == LOA_OK);

    loa_command command;
    int32_t many[CAPACITY + 1] = {0};
    for (int round = 0; round < 5; round++) {
        CHECK(loa_commands_put(&queue, many, CAPACITY + 1, 1, 1) == LOA_EFULL);
        CHECK(!loa_commands_take(&queue, &command));
        CHECK(loa_commands_put(&queue, many, 0, 1, 1) == LOA_OK);
        CHECK(loa_commands_put(&queue, many, CAPACITY - 1, 1, round) == LOA_OK);
        CHECK(loa_commands_put(&queue, many, 2, 1, 1) == LOA_EFULL);
        CHECK(loa_commands_put(&queue, many, 1, 2, round) == LOA_OK);
        int taken = 0;
        while (loa_commands_take(&queue, &command)) {
            taken++;
            CHECK(command.tick == round && command.programme == (taken == CAPACITY ? 2 : 1));
        }
        CHECK(taken == CAPACITY);
    }

    pthread_t threads[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, produce, (void *)(intptr_t)i);
    int64_t next[PRODUCERS] = {0};
    for (int batches = 0; batches < PRODUCERS * BATCHES;) {
        if (!loa_commands_take(&queue, &command))
            continue;
        int64_t producer = command.programme, tick = command.tick;
        CHECK(command.mount == 0 && tick == next[producer]++);
        for (int mount = 1; mount < 5; mount++) {
            /* The rest of the batch is there already, and nobody else's lies between. */
            CHECK(loa_commands_take(&queue, &command));
            CHECK(command.mount == mount && command.programme == producer && command.tick == tick);
        }
        batches++;
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(!loa_commands_take(&queue, &command));
    loa_commands_free(&queue);
    return check_result();
}
