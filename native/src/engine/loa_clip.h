/* A clip: the Opus packets of a bulletin or file, immutable, shared by every programme that plays it. */
#ifndef LOA_CLIP_H
#define LOA_CLIP_H

#include <stddef.h>
#include <stdint.h>

/* cffi:begin */
typedef struct loa_clip loa_clip;

/* Copies count packets that lie one behind the other in data, each of sizes[i] bytes (1..1275).
 * NULL when a size is out of range, they do not add up to data_size, or memory is short.
 * The caller holds one reference. */
loa_clip *loa_clip_create(const uint8_t *data, size_t data_size, const uint16_t *sizes,
                          int32_t count);

loa_clip *loa_clip_retain(loa_clip *clip);

/* Gives one reference back; the last one frees. Any thread. NULL is nothing. */
void loa_clip_release(loa_clip *clip);

int32_t loa_clip_count(const loa_clip *clip);

/* The packet's bytes (owned by the clip) and size. index must be in range. */
const uint8_t *loa_clip_packet(const loa_clip *clip, int32_t index, uint16_t *size);
/* cffi:end */

#endif
