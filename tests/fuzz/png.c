/* Pictures. The first byte says what the rest is: 0 a file as it stands, 1 a file whose chunks get
 * right checksums, else a row of chunks (number of its type, length of two bytes, content) that
 * become a PNG; what is in an IDAT becomes zlib's stored block, so that any bytes are pixels. */
#include "picture.h"

#include <string.h>

static uint32_t crc_of(const uint8_t *data, size_t n) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_big(uint8_t *out, uint32_t value) {
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get_big(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void mend(uint8_t *png, size_t size) {
    for (size_t at = 8; size >= 12 && at <= size - 12;) {
        size_t length = get_big(png + at);
        if (length > size - 12 - at)
            return;
        put_big(png + at + 8 + length, crc_of(png + at + 4, length + 4));
        at += 12 + length;
    }
}

static void add_big(struct pxs_text *out, uint32_t value) {
    uint8_t bytes[4];
    put_big(bytes, value);
    pxs_text_add_n(out, (char *)bytes, 4);
}

static void add_chunk(struct pxs_text *out, const char *type, const void *content, size_t n) {
    add_big(out, (uint32_t)n);
    size_t begin = out->len;
    pxs_text_add_n(out, type, 4);
    pxs_text_add_n(out, content, n);
    add_big(out, crc_of((uint8_t *)out->text + begin, n + 4));
}

static void add_stored(struct pxs_text *out, const uint8_t *content, size_t n) {
    struct pxs_text z = {0};
    uint32_t a = 1, b = 0;
    const uint8_t head[] = {
        0x78, 0x01, 0x01, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
    pxs_text_add_n(&z, (const char *)head, sizeof head);
    pxs_text_add_n(&z, (const char *)content, n);
    for (size_t i = 0; i < n; i++) {
        a = (a + content[i]) % 65521;
        b = (b + a) % 65521;
    }
    add_big(&z, b << 16 | a);
    add_chunk(out, "IDAT", z.text, z.len);
    pxs_text_finish(&z);
}

static void build(struct fuzz_input in, struct pxs_text *out) {
    static const char types[][5] = {"IHDR", "IDAT", "PLTE", "tRNS", "IEND", "gAMA", "bKGD",
                                    "sBIT", "iCCP", "cHRM", "sRGB", "tEXt", "zTXt", "iTXt",
                                    "hIST", "pHYs", "tIME", "CgBI", "acTL", "sPLT"};
    pxs_text_add_n(out, "\x89PNG\r\n\x1a\n", 8);
    while (in.left > 0) {
        size_t type = fuzz_number(&in, 1) % PXS_COUNT(types), n;
        const uint8_t *content = fuzz_bytes(&in, fuzz_number(&in, 2), &n);
        if (type == 1)
            add_stored(out, content, n);
        else
            add_chunk(out, types[type], content, n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input in = {data, size};
    struct pxs_text png = {0};
    uint32_t kind = fuzz_number(&in, 1);
    if (kind > 1)
        build(in, &png);
    else
        pxs_text_add_n(&png, (const char *)in.at, in.left);
    if (kind == 1)
        mend((uint8_t *)png.text, png.len);
    fuzz_picture((const uint8_t *)pxs_text_str(&png), png.len);
    pxs_text_finish(&png);
    return 0;
}
