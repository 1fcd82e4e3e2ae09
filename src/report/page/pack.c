/* Numbers and hashes as the text of a page. */
#include "page_priv.h"

#include <math.h>
#include <string.h>

void pxs_base64(struct pxs_text *out, const void *data, size_t bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = data;
    for (size_t i = 0; i < bytes; i += 3) {
        const size_t left = bytes - i;
        const unsigned bits = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                              (left > 2 ? (unsigned)in[i + 2] : 0);
        const char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                              left > 1 ? digits[bits >> 6 & 63] : '=',
                              left > 2 ? digits[bits & 63] : '='};
        pxs_text_add_n(out, four, 4);
    }
}

void pxs_pack_numbers(struct pxs_text *out, const double *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        /* The upper 24 bits, rounded half up in size: carries run into the exponent as they
         * should. */
        const float single = (float)values[i];
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        bits = isnan(single) ? 0x7fc000 : isinf(single) ? bits >> 8 : (bits + 0x80) >> 8;
        const unsigned char three[3] = {(unsigned char)(bits >> 16), (unsigned char)(bits >> 8),
                                        (unsigned char)bits};
        pxs_base64(out, three, 3);
    }
}

void pxs_csp_hash(struct pxs_text *out, const char *text, size_t bytes) {
    struct pxs_sha256 h;
    char hex[PXS_SHA256_HEX];
    unsigned char digest[32];
    pxs_sha256_init(&h);
    pxs_sha256_update(&h, text, bytes);
    pxs_sha256_hex(&h, hex);
    for (size_t i = 0; i < sizeof digest; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        digest[i] = (unsigned char)byte;
    }
    pxs_text_add(out, "'sha256-");
    pxs_base64(out, digest, sizeof digest);
    pxs_text_add(out, "'");
}
