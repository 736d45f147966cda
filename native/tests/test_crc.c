/* The CRC against its definition, bit by bit, in pieces of any size, first used by several threads. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "loa_crc.h"

static uint32_t by_definition(uint32_t crc, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x80000000U) ? (crc << 1) ^ 0x04C11DB7U : crc << 1;
    }
    return crc;
}

static void *first_use(void *bytes)
{
    CHECK(loa_crc_update(0, bytes, 9) == 0x89A1897FU); /* "123456789", as the catalogues have it */
    return NULL;
}

int main(void)
{
    uint64_t seed = check_seed();
    char digits[] = "123456789";
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, first_use, digits);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);

    uint8_t bytes[600];
    for (int round = 0; round < 2000; round++) {
        size_t size = (size_t)check_below(&seed, (int)sizeof bytes + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)check_random(&seed);
        uint32_t whole = loa_crc_update(0, bytes, size);
        CHECK(whole == by_definition(0, bytes, size));
        size_t cut = size ? (size_t)check_below(&seed, (int)size) : 0;
        CHECK(whole == loa_crc_update(loa_crc_update(0, bytes, cut), bytes + cut, size - cut));
    }
    CHECK(loa_crc_update(7, bytes, 0) == 7);
    return check_result();
}
