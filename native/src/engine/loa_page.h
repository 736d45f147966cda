/* Ogg pages of the one timeline (RFC 3533, RFC 7845): what a page of n ticks looks like. */
#ifndef LOA_PAGE_H
#define LOA_PAGE_H

#include <stddef.h>
#include <stdint.h>

/* cffi:begin */
enum loa_page_limits {
    LOA_PAGE_MAX_PACKETS = 50,
    LOA_PAGE_HEADER = 27,
    LOA_PAGE_EOS = 4,       /* header flag of the last page */
    LOA_PAGE_SERIAL = 0x4C6F6121 /* of the one stream that every mount is; its header pages have it too */
};

/* Bytes that a page of these packets takes. */
size_t loa_page_size(const uint16_t *sizes, int count);

/* Writes a page with whole packets into out and returns its bytes, or LOA_EINVAL when count is not
 * 1..LOA_PAGE_MAX_PACKETS, more than 255 lacing values were needed, or capacity is short.
 * last_tick: the tick of the last packet; the granule is 960 * (last_tick + 1). sequence: that of the
 * full page in whose place this one stands (its last tick / ticks of a full page, modulo 2^32). */
int loa_page_write(uint8_t *out, size_t capacity, const uint8_t *const *packets,
                   const uint16_t *sizes, int count, int64_t last_tick, uint32_t sequence,
                   uint32_t serial, int flags);
/* cffi:end */

#endif
