/* The characters to render: GB2312 level 1, ASCII, or a file of the user's. */
#include "glyph_priv.h"
#include "pixsweep/image.h"
#include "pixsweep/base/json.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CHARS_FILE ((size_t)16 << 20)

static bool is_space(uint32_t c) {
    return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200f) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

/* Rows 16 to 55 of GB2312, in the order of the standard; the last row ends at cell 89. */
static enum pxs_status from_gb2312(struct pxs_chars *chars, struct pxs_error *err) {
    iconv_t conv = iconv_open("UTF-32LE", "GB2312");
    if (conv == (iconv_t)-1)
        return pxs_fail(
            err, PXS_E_UNSUPPORTED,
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
                return pxs_fail(err, PXS_E_UNSUPPORTED,
                                "this system's iconv does not know GB2312 %d-%d", row, cell);
            }
            chars->code[chars->n++] = code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16;
        }
    iconv_close(conv);
    snprintf(chars->name, sizeof chars->name, "gb2312 level 1");
    return PXS_OK;
}

/* ---- a file of the user's ------------------------------------------------------------------- */

/* The characters so far: each once, in order of appearance. */
struct gathering {
    struct pxs_chars *chars;
    uint8_t *seen; /* a bit each */
};

static bool add_code(struct gathering *g, uint32_t c) {
    struct pxs_chars *chars = g->chars;
    if (is_space(c))
        return true;
    bool again = g->seen[c / 8] >> c % 8 & 1;
    g->seen[c / 8] |= (uint8_t)(1u << c % 8);
    chars->repeated += again;
    if (again)
        return true;
    if (chars->n == chars->cap) {
        size_t cap = chars->cap == 0 ? 1024 : 2 * chars->cap;
        uint32_t *code = realloc(chars->code, cap * sizeof *code);
        if (!code)
            return false;
        chars->code = code;
        chars->cap = cap;
    }
    chars->code[chars->n++] = c;
    return true;
}

static enum pxs_status add_text(struct gathering *g, const char *path, const uint8_t *text,
                                size_t bytes, struct pxs_error *err) {
    size_t line = 1;
    for (size_t at = 0; at < bytes;) {
        uint32_t c;
        int n = pxs_utf8_get(text + at, bytes - at, &c);
        if (n == 0)
            return pxs_fail(
                err, PXS_E_INVALID,
                "%s:%zu: not UTF-8 at byte %zu; save the file as UTF-8: `iconv -f GB18030 -t "
                "UTF-8 FILE > NEW` (or BIG5, SHIFT_JIS, whatever it is in)",
                path, line, at);
        at += (size_t)n;
        line += c == '\n';
        if (!add_code(g, c))
            return pxs_fail_nomem(err);
    }
    return PXS_OK;
}

/* Refuses "U+4E00", "0x4e00", "\u4e00" at the beginning: the number of a character in place of the
 * character. */
static enum pxs_status refuse_code_points(const char *path, const uint8_t *text, size_t bytes,
                                          struct pxs_error *err) {
    size_t digits = 0;
    while (bytes > 0 && isspace(*text))
        text++, bytes--;
    if (bytes < 6 || (memcmp(text, "U+", 2) != 0 && memcmp(text, "u+", 2) != 0 &&
                      memcmp(text, "0x", 2) != 0 && memcmp(text, "\\u", 2) != 0))
        return PXS_OK;
    while (2 + digits < bytes && isxdigit(text[2 + digits]))
        digits++;
    if (digits < 4 || digits > 6)
        return PXS_OK;
    return pxs_fail(err, PXS_E_INVALID,
                    "%s: it holds the numbers of characters (U+4E00); write the characters "
                    "themselves, as UTF-8 text or as JSON strings",
                    path);
}

/* All strings below a value, in order; keys are names of lists, not characters. */
static enum pxs_status add_json(struct gathering *g, struct pxs_json value, const char *path,
                                struct pxs_error *err) {
    enum pxs_json_type type = pxs_json_type(value);
    const char *text;
    struct pxs_json child;
    if (type == PXS_JSON_ARRAY || type == PXS_JSON_OBJECT) {
        for (bool more = pxs_json_first(value, &child); more; more = pxs_json_next(&child))
            PXS_TRY(add_json(g, child, path, err));
        return PXS_OK;
    }
    if (type != PXS_JSON_STRING)
        return pxs_json_fail(value, err,
                             "is %s; the characters must be strings, in lists or objects: "
                             "[\"\\u4e00\", \"\\u4e01\"]",
                             pxs_json_type_name(type));
    PXS_TRY(pxs_json_string(value, &text, err));
    PXS_TRY(refuse_code_points(path, (const uint8_t *)text, strlen(text), err));
    return add_text(g, path, (const uint8_t *)text, strlen(text), err);
}

/* JSON by its name, or by its beginning: a bracket and then another bracket, a quote or a number.
 * Plain text may begin with a bracket, too ("[]{}"). */
static bool looks_like_json(const char *path, const uint8_t *text, size_t bytes) {
    size_t length = strlen(path), at = 0;
    if (length > 5 && strcasecmp(path + length - 5, ".json") == 0)
        return true;
    while (at < bytes && isspace(text[at]))
        at++;
    if (at == bytes || (text[at] != '{' && text[at] != '['))
        return false;
    bool list = text[at] == '[';
    at++;
    while (at < bytes && isspace(text[at]))
        at++;
    return at < bytes && (text[at] == '"' || text[at] == '\'' ||
                          (list && (text[at] == '{' || isdigit(text[at]))));
}

/* Refuses what is not text by its name: a picture, a font, UTF-16, a web page. Unknown bytes are
 * left to the code that reads them as UTF-8. */
static enum pxs_status check_text(const char *path, const uint8_t *text, size_t bytes,
                                  struct pxs_error *err) {
    const char *name = pxs_sniff_name(text, bytes);
    bool control = false, utf8 = true;
    for (size_t i = 0; i < bytes; i++) /* 0x1a ends texts of DOS */
        control = control || (text[i] < 0x20 && text[i] != 0x1a && !isspace(text[i]));
    for (size_t at = 0; at < bytes && utf8;) {
        uint32_t c;
        const int n = pxs_utf8_get(text + at, bytes - at, &c);
        utf8 = n > 0;
        at += (size_t)n;
    }
    if (bytes == 0 || !name || strcmp(name, "plain text") == 0 || strcmp(name, "JSON text") == 0)
        return control ? pxs_fail(err, PXS_E_INVALID,
                                  "%s: a binary file, not a text of characters; save them as plain "
                                  "text in UTF-8",
                                  path)
                       : PXS_OK;
    if (!control && utf8 && !strstr(name, "HTML") && !strstr(name, "Git") && !strstr(name, "PDF") &&
        !strstr(name, "XML") && !strstr(name, "base64"))
        return PXS_OK; /* letters that happen to begin like a format */
    struct pxs_error why;
    (void)pxs_sniff_refuse(text, bytes, PXS_WANTED_TEXT, &why);
    return pxs_fail(err, PXS_E_INVALID, "%s: %s", path, why.message);
}

static enum pxs_status gather(struct gathering *g, const char *path, const uint8_t *text,
                              size_t bytes, struct pxs_error *err) {
    struct pxs_json_doc *doc = NULL;
    PXS_TRY(check_text(path, text, bytes, err));
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, bytes -= 3;
    if (!looks_like_json(path, text, bytes)) {
        PXS_TRY(refuse_code_points(path, text, bytes, err));
        return add_text(g, path, text, bytes, err);
    }
    struct pxs_error why;
    if (pxs_json_parse((const char *)text, bytes, path, &doc, &why) != PXS_OK)
        return pxs_fail(err, PXS_E_INVALID, "%s; mend it, or save the characters as plain text",
                        why.message);
    enum pxs_status status = add_json(g, pxs_json_root(doc), path, &why);
    pxs_json_destroy(&doc);
    return status == PXS_OK          ? PXS_OK
           : status == PXS_E_CORRUPT ? pxs_fail(err, PXS_E_INVALID, "%s", why.message)
                                     : pxs_fail(err, status, "%s", why.message);
}

static enum pxs_status from_file(struct pxs_chars *chars, const char *path, struct pxs_error *err) {
    char *text;
    size_t bytes;
    enum pxs_status status = pxs_read_file(path, MAX_CHARS_FILE, &text, &bytes, err);
    if (status == PXS_E_NOT_FOUND)
        return pxs_fail(err, status,
                        "no such characters: '%s' is neither gb2312 nor ascii nor a file", path);
    if (status != PXS_OK)
        return status;
    struct gathering g = {.chars = chars, .seen = calloc(PXS_UNICODE_END / 8, 1)};
    snprintf(chars->name, sizeof chars->name, "%s", path);
    status = !g.seen ? pxs_fail_nomem(err) : gather(&g, path, (uint8_t *)text, bytes, err);
    free(g.seen);
    free(text);
    if (status == PXS_OK && chars->n == 0)
        return pxs_fail(err, PXS_E_INVALID, "%s: holds no characters", path);
    return status;
}

enum pxs_status pxs_chars_init(struct pxs_chars *chars, const char *which, struct pxs_error *err) {
    const bool gb2312 = !which || strcmp(which, "gb2312") == 0;
    const bool ascii = !gb2312 && strcmp(which, "ascii") == 0;
    enum pxs_status status = PXS_OK;
    *chars = (struct pxs_chars){0};
    if (gb2312 || ascii) {
        chars->code = malloc(4096 * sizeof *chars->code);
        if (!chars->code)
            return pxs_fail_nomem(err);
    }
    if (ascii) {
        for (uint32_t c = 0x21; c <= 0x7e; c++)
            chars->code[chars->n++] = c;
        snprintf(chars->name, sizeof chars->name, "ascii");
    } else {
        status = gb2312 ? from_gb2312(chars, err) : from_file(chars, which, err);
    }
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
