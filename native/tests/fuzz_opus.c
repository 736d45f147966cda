/* Invariant: any packets, decoded, recovered or concealed, give finite samples within the buffer or a documented
 * error, and never as many as the packet does not hold. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "loa_error.h"
#include "loa_opus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    int channels = 1 + (data[0] & 1);
    loa_opus_decoder *decoder = loa_opus_decoder_create(channels, 0);
    float *out = malloc(sizeof *out * LOA_OPUS_MAX_FRAMES * 2);
    demand(decoder && out);
    data++;
    size--;
    /* Each packet: a byte that says what is done, a byte of length, the bytes. */
    while (size >= 2) {
        int action = data[0] % 4;
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        const uint8_t *packet = data + 2;
        int held = loa_opus_packet_samples(packet, length);
        int got = LOA_OK;
        if (action <= 1)
            got = loa_opus_decode(decoder, packet, length, out, LOA_OPUS_MAX_FRAMES);
        else if (action == 2)
            got = loa_opus_decode_fec(decoder, packet, length, out, LOA_OPUS_FRAME);
        else
            got = loa_opus_conceal(decoder, out, 120 * (1 + (int)(length % 48)));
        demand(got > 0 || got == LOA_ECODEC || got == LOA_EFULL || got == LOA_EINVAL);
        demand(action > 1 || got < 0 || got == held);
        for (int i = 0; i < got * channels; i++)
            demand(isfinite(out[i]));
        data += 2 + length;
        size -= 2 + length;
    }
    free(out);
    loa_opus_decoder_destroy(decoder);
    return 0;
}
