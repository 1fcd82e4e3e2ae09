/* The characters to render: GB2312 level 1, ASCII, or a file of the user's. */
#include "glyph_priv.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHARS_FILE ((size_t)16 << 20)

static bool is_space(uint32_t c) {
    return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200f) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

/* Rows 16 to 55 of GB2312, in the order of the standard; the last row ends at cell 89. */
static enum pxs_status from_gb2312(struct pxs_chars *chars, struct pxs_error *err) {
    iconv_t conv = iconv_open("UTF-32LE", "GB2312");
    if (conv == (iconv_t)-1)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "this system's iconv does not know GB2312 (on newer Debian: install "
                        "libc-gconv-modules-extra); or name a file of characters with --chars FILE");
    for (int row = 16; row <= 55; row++)
        for (int cell = 1; cell <= (row == 55 ? 89 : 94); cell++) {
            char in[2] = {(char)(0xa0 + row), (char)(0xa0 + cell)}, *from = in;
            uint8_t code[4] = {0};
            char *to = (char *)code;
            size_t in_left = sizeof in, out_left = sizeof code;
            if (iconv(conv, &from, &in_left, &to, &out_left) == (size_t)-1 || out_left != 0) {
                iconv_close(conv);
                return pxs_fail(err, PXS_E_UNSUPPORTED, "this system's iconv does not know GB2312 %d-%d", row,
                                cell);
            }
            chars->code[chars->n++] = code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16;
        }
    iconv_close(conv);
    snprintf(chars->name, sizeof chars->name, "gb2312 level 1");
    return PXS_OK;
}

static enum pxs_status from_text(struct pxs_chars *chars, const char *path, const uint8_t *text, size_t bytes,
                                 struct pxs_error *err) {
    uint8_t *seen = calloc(PXS_UNICODE_END / 8, 1);
    if (seen == NULL)
        return pxs_fail_nomem(err);
    size_t line = 1;
    for (size_t at = 0; at < bytes;) {
        uint32_t c;
        int n = pxs_utf8_get(text + at, bytes - at, &c);
        if (n == 0) {
            free(seen);
            return pxs_fail(err, PXS_E_INVALID, "%s:%zu: not UTF-8 at byte %zu; save the file as UTF-8", path,
                            line, at);
        }
        at += (size_t)n;
        line += c == '\n';
        if (is_space(c))
            continue;
        bool again = seen[c / 8] >> c % 8 & 1;
        seen[c / 8] |= (uint8_t)(1u << c % 8);
        chars->repeated += again;
        if (!again)
            chars->code[chars->n++] = c;
    }
    free(seen);
    return PXS_OK;
}

static enum pxs_status from_file(struct pxs_chars *chars, const char *path, struct pxs_error *err) {
    char *text;
    size_t bytes;
    enum pxs_status status = pxs_read_file(path, MAX_CHARS_FILE, &text, &bytes, err);
    if (status == PXS_E_NOT_FOUND)
        return pxs_fail(err, status, "no such characters: '%s' is neither gb2312 nor ascii nor a file", path);
    if (status != PXS_OK)
        return status;
    snprintf(chars->name, sizeof chars->name, "%s", path);
    chars->code = malloc((bytes + 1) * sizeof *chars->code);
    status = chars->code == NULL ? pxs_fail_nomem(err) : from_text(chars, path, (uint8_t *)text, bytes, err);
    free(text);
    if (status == PXS_OK && chars->n == 0)
        return pxs_fail(err, PXS_E_INVALID, "%s: holds no characters", path);
    return status;
}

static enum pxs_status from_builtin(struct pxs_chars *chars, const char *which, struct pxs_error *err) {
    chars->code = malloc(4096 * sizeof *chars->code);
    if (chars->code == NULL)
        return pxs_fail_nomem(err);
    if (which == NULL || strcmp(which, "gb2312") == 0)
        return from_gb2312(chars, err);
    for (uint32_t c = 0x21; c <= 0x7e; c++)
        chars->code[chars->n++] = c;
    snprintf(chars->name, sizeof chars->name, "ascii");
    return PXS_OK;
}

enum pxs_status pxs_chars_init(struct pxs_chars *chars, const char *which, struct pxs_error *err) {
    *chars = (struct pxs_chars){0};
    bool builtin = which == NULL || strcmp(which, "gb2312") == 0 || strcmp(which, "ascii") == 0;
    enum pxs_status status = builtin ? from_builtin(chars, which, err) : from_file(chars, which, err);
    if (status != PXS_OK) {
        pxs_chars_finish(chars);
        return status;
    }
    struct pxs_sha256 h;
    pxs_sha256_init(&h);
    for (size_t i = 0; i < chars->n; i++) {
        char utf8[5];
        pxs_sha256_update(&h, utf8, (size_t)pxs_utf8_put(utf8, chars->code[i]));
    }
    pxs_sha256_hex(&h, chars->sha256);
    return PXS_OK;
}

void pxs_chars_finish(struct pxs_chars *chars) {
    free(chars->code);
    chars->code = NULL;
    chars->n = 0;
}
