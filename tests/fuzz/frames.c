#include "frames.h"

#include "../../src/record/records/record_priv.h"

static void put(unsigned char *out, uint32_t value) {
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

void fuzz_frames(struct fuzz_input in, uint32_t version, struct pxs_text *out) {
    unsigned char head[PXS_FILE_HEADER];
    pxs_frame_file_header(head);
    put(head + 8, version);
    put(head + 12, pxs_crc32c(0, head, 12));
    pxs_text_add_n(out, (const char *)head, sizeof head);
    while (in.left > 0) {
        uint32_t kind = fuzz_number(&in, 1);
        size_t n;
        const uint8_t *payload = fuzz_bytes(&in, fuzz_number(&in, 2), &n);
        put(head, 0x0A525850);
        put(head + 4, kind);
        put(head + 8, (uint32_t)n);
        put(head + 12, pxs_crc32c(pxs_crc32c(0, head + 4, 8), payload, n));
        if (kind != 255)
            pxs_text_add_n(out, (const char *)head, PXS_FRAME_HEADER);
        pxs_text_add_n(out, (const char *)payload, n);
    }
}
