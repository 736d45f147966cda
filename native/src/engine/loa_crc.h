/* The CRC-32 of Ogg pages (RFC 3533: polynomial 0x04C11DB7, not reflected, no inversion). */
#ifndef LOA_CRC_H
#define LOA_CRC_H

#include <stddef.h>
#include <stdint.h>

/* cffi:begin */
/* Continues crc (0 at the start) over the bytes. */
uint32_t loa_crc_update(uint32_t crc, const uint8_t *bytes, size_t size);
/* cffi:end */

#endif
