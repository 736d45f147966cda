#include "loa_crc.h"

#include <pthread.h>

/* Slice-by-8: table[k][b] is the CRC of byte b followed by k zero bytes. Filled once. */
static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x80000000U) ? (crc << 1) ^ 0x04C11DB7U : crc << 1;
        table[0][byte] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int byte = 0; byte < 256; byte++)
            table[k][byte] = (table[k - 1][byte] << 8) ^ table[0][table[k - 1][byte] >> 24];
}

uint32_t loa_crc_update(uint32_t crc, const uint8_t *bytes, size_t size)
{
    pthread_once(&once, fill);
    while (size >= 8) {
        crc ^= (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
        crc = table[7][crc >> 24] ^ table[6][(crc >> 16) & 255] ^ table[5][(crc >> 8) & 255] ^
              table[4][crc & 255] ^ table[3][bytes[4]] ^ table[2][bytes[5]] ^ table[1][bytes[6]] ^
              table[0][bytes[7]];
        bytes += 8;
        size -= 8;
    }
    while (size-- > 0)
        crc = (crc << 8) ^ table[0][(crc >> 24) ^ *bytes++];
    return crc;
}
