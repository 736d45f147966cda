/* Pages: every field where RFC 3533 has it, packets of every size, and not a byte beyond the buffer. */
#include <string.h>

#include "check.h"
#include "loa_crc.h"
#include "loa_error.h"
#include "loa_page.h"

enum { MOST = 70000, CANARY = 64 };
static uint8_t packets[LOA_PAGE_MAX_PACKETS][1275];
static uint8_t out[MOST + 2 * CANARY];

static uint64_t number(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static int canaries_live(size_t capacity)
{
    for (size_t i = 0; i < CANARY; i++)
        if (out[i] != 0xA5 || out[CANARY + capacity + i] != 0xA5)
            return 0;
    return 1;
}

static void check_page(const uint16_t *sizes, int count, int64_t last_tick, uint32_t sequence, int flags)
{
    const uint8_t *pointers[LOA_PAGE_MAX_PACKETS];
    for (int i = 0; i < count; i++)
        pointers[i] = packets[i];
    size_t size = loa_page_size(sizes, count);
    memset(out, 0xA5, sizeof out);
    CHECK(loa_page_write(out + CANARY, size - 1, pointers, sizes, count, last_tick, sequence,
                         LOA_PAGE_SERIAL, flags) == LOA_EINVAL);
    CHECK(canaries_live(0));
    CHECK(loa_page_write(out + CANARY, size, pointers, sizes, count, last_tick, sequence,
                         LOA_PAGE_SERIAL, flags) == (int)size);
    CHECK(canaries_live(size));

    uint8_t *page = out + CANARY;
    CHECK(memcmp(page, "OggS\0", 5) == 0 && page[5] == flags);
    CHECK((int64_t)number(page + 6, 8) == 960 * (last_tick + 1));
    CHECK(number(page + 14, 4) == LOA_PAGE_SERIAL && number(page + 18, 4) == sequence);
    uint32_t crc = (uint32_t)number(page + 22, 4);
    memset(page + 22, 0, 4);
    CHECK(crc == loa_crc_update(0, page, size));
    const uint8_t *lacing = page + 27, *body = page + 27 + page[26];
    for (int i = 0; i < count; i++) {
        size_t packet = 0;
        while (*lacing == 255)
            packet += *lacing++;
        packet += *lacing++;
        CHECK(packet == sizes[i] && memcmp(body, packets[i], packet) == 0);
        body += packet;
    }
    CHECK(lacing == page + 27 + page[26] && body == page + size);
}

int main(void)
{
    uint64_t seed = check_seed();
    for (int i = 0; i < LOA_PAGE_MAX_PACKETS; i++)
        for (size_t k = 0; k < sizeof packets[i]; k++)
            packets[i][k] = (uint8_t)check_random(&seed);

    uint16_t sizes[LOA_PAGE_MAX_PACKETS + 1] = {0};
    static const uint16_t edges[] = {0, 1, 2, 3, 254, 255, 256, 509, 510, 511, 765, 1274, 1275};
    for (int round = 0; round < 3000; round++) {
        int count = 1 + check_below(&seed, LOA_PAGE_MAX_PACKETS);
        int values = 0;
        for (int i = 0; i < count; i++) {
            sizes[i] = check_below(&seed, 4) ? (uint16_t)check_below(&seed, 200)
                                             : edges[check_below(&seed, 13)];
            values += sizes[i] / 255 + 1;
        }
        if (values <= 255)
            check_page(sizes, count, (int64_t)check_random(&seed) << (round % 20),
                       check_random(&seed), round % 3 ? 0 : LOA_PAGE_EOS);
    }
    check_page(edges, 1, 0, 0, 0);
    check_page(edges, 1, INT64_C(1) << 52, UINT32_MAX, 0);

    const uint8_t *pointers[LOA_PAGE_MAX_PACKETS + 1];
    for (int i = 0; i <= LOA_PAGE_MAX_PACKETS; i++) {
        pointers[i] = packets[0];
        sizes[i] = 1275; /* six lacing values: 42 of them fit, 43 do not */
    }
    CHECK(loa_page_write(out, MOST, pointers, sizes, 42, 0, 0, 0, 0) > 0);
    CHECK(loa_page_write(out, MOST, pointers, sizes, 43, 0, 0, 0, 0) == LOA_EINVAL);
    CHECK(loa_page_write(out, MOST, pointers, sizes, 0, 0, 0, 0, 0) == LOA_EINVAL);
    CHECK(loa_page_write(out, MOST, pointers, sizes, -1, 0, 0, 0, 0) == LOA_EINVAL);
    CHECK(loa_page_write(out, MOST, pointers, sizes, LOA_PAGE_MAX_PACKETS + 1, 0, 0, 0, 0) ==
          LOA_EINVAL);
    return check_result();
}
