#include "loa_clip.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PACKET = 1275 };

struct loa_clip {
    atomic_int references;
    int32_t count;
    uint32_t *offsets; /* count + 1 of them */
    uint8_t *data;
};

loa_clip *loa_clip_create(const uint8_t *data, size_t data_size, const uint16_t *sizes, int32_t count)
{
    if (count < 1 || data_size > UINT32_MAX)
        return NULL;
    size_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        if (sizes[i] < 1 || sizes[i] > MAX_PACKET)
            return NULL;
        sum += sizes[i];
    }
    if (sum != data_size)
        return NULL;

    loa_clip *clip = calloc(1, sizeof *clip);
    if (!clip)
        return NULL;
    clip->offsets = malloc(((size_t)count + 1) * sizeof *clip->offsets);
    clip->data = malloc(data_size);
    if (!clip->offsets || !clip->data) {
        free(clip->offsets);
        free(clip->data);
        free(clip);
        return NULL;
    }
    atomic_init(&clip->references, 1);
    clip->count = count;
    clip->offsets[0] = 0;
    for (int32_t i = 0; i < count; i++)
        clip->offsets[i + 1] = clip->offsets[i] + sizes[i];
    memcpy(clip->data, data, data_size);
    return clip;
}

loa_clip *loa_clip_retain(loa_clip *clip)
{
    atomic_fetch_add_explicit(&clip->references, 1, memory_order_relaxed);
    return clip;
}

void loa_clip_release(loa_clip *clip)
{
    if (!clip || atomic_fetch_sub_explicit(&clip->references, 1, memory_order_acq_rel) > 1)
        return;
    free(clip->offsets);
    free(clip->data);
    free(clip);
}

int32_t loa_clip_count(const loa_clip *clip)
{
    return clip->count;
}

const uint8_t *loa_clip_packet(const loa_clip *clip, int32_t index, uint16_t *size)
{
    *size = (uint16_t)(clip->offsets[index + 1] - clip->offsets[index]);
    return clip->data + clip->offsets[index];
}
