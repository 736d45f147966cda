#include "loa_page.h"

#include <string.h>

#include "loa_crc.h"
#include "loa_error.h"

enum { SAMPLES_A_TICK = 960, CRC_AT = 22 };

static uint8_t *put(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

/* A packet of n bytes takes n / 255 values of 255 and one below. */
static int lacing_values(const uint16_t *sizes, int count)
{
    int values = 0;
    for (int i = 0; i < count; i++)
        values += sizes[i] / 255 + 1;
    return values;
}

size_t loa_page_size(const uint16_t *sizes, int count)
{
    size_t size = LOA_PAGE_HEADER + (size_t)lacing_values(sizes, count);
    for (int i = 0; i < count; i++)
        size += sizes[i];
    return size;
}

int loa_page_write(uint8_t *out, size_t capacity, const uint8_t *const *packets,
                   const uint16_t *sizes, int count, int64_t last_tick, uint32_t sequence,
                   uint32_t serial, int flags)
{
    if (count < 1 || count > LOA_PAGE_MAX_PACKETS)
        return LOA_EINVAL;
    int values = lacing_values(sizes, count);
    size_t size = loa_page_size(sizes, count);
    if (values > 255 || size > capacity)
        return LOA_EINVAL;

    uint8_t *at = out;
    memcpy(at, "OggS", 4);
    at = put(at + 4, 0, 1);
    at = put(at, (uint64_t)(unsigned)flags, 1);
    at = put(at, (uint64_t)(SAMPLES_A_TICK * (last_tick + 1)), 8);
    at = put(at, serial, 4);
    at = put(at, sequence, 4);
    at = put(at, 0, 4);
    at = put(at, (uint64_t)(unsigned)values, 1);
    for (int i = 0; i < count; i++) {
        int full = sizes[i] / 255;
        memset(at, 255, (size_t)full);
        at += full;
        *at++ = (uint8_t)(sizes[i] % 255);
    }
    for (int i = 0; i < count; i++) {
        memcpy(at, packets[i], sizes[i]);
        at += sizes[i];
    }
    put(out + CRC_AT, loa_crc_update(0, out, size), 4);
    return (int)size;
}
