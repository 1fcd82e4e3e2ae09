/* How wide text is on a terminal, and how to make it fit. The tables are the blocks that Unicode calls wide, coarse on
 * purpose: a wrong guess costs an alignment, never a character. */
#include "report_priv.h"

#include <string.h>

struct range {
    int32_t first, last;
};

static const struct range zero_width[] = {
    {0x0300, 0x036f}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
    {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};
static const struct range two_wide[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
    {0xa000, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd},
};

static bool within(int32_t c, const struct range *ranges, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    }
    return false;
}

int32_t pxs_utf8_next(const char *text, size_t bytes, size_t *length) {
    uint32_t code;
    const size_t taken = pxs_utf8_decode(text, bytes, &code);
    *length = taken > 0 ? taken : 1;
    return taken > 0 ? (int32_t)code : -1;
}

static size_t width_of(int32_t c) {
    if (c >= 0 && within(c, zero_width, PXS_COUNT(zero_width)))
        return 0;
    return c >= 0 && within(c, two_wide, PXS_COUNT(two_wide)) ? 2 : 1;
}

size_t pxs_text_width(const char *text, size_t bytes) {
    size_t width = 0;
    for (size_t at = 0, length; at < bytes; at += length)
        width += width_of(pxs_utf8_next(text + at, bytes - at, &length));
    return width;
}

void pxs_text_add_clean(struct pxs_text *out, const char *text, size_t bytes) {
    for (size_t at = 0, length; at < bytes; at += length) {
        const int32_t c = pxs_utf8_next(text + at, bytes - at, &length);
        if (c < 0)
            pxs_text_add(out, "\xef\xbf\xbd");
        else if (c == '\n')
            pxs_text_add(out, "\\n");
        else if (c == '\t')
            pxs_text_add(out, "\\t");
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            pxs_text_addf(out, "\\x%02x", (unsigned)c);
        else
            pxs_text_add_n(out, text + at, length);
    }
}

/* Bytes of the longest beginning of `text` that takes at most `width` columns. */
static size_t head_bytes(const char *text, size_t bytes, size_t width) {
    size_t at = 0;
    while (at < bytes) {
        size_t length;
        const size_t w = width_of(pxs_utf8_next(text + at, bytes - at, &length));
        if (w > width)
            break;
        width -= w;
        at += length;
    }
    return at;
}

void pxs_text_add_short(struct pxs_text *out, const char *text, size_t width) {
    const size_t bytes = strlen(text), whole = pxs_text_width(text, bytes);
    if (whole <= width || width < 1) {
        pxs_text_add(out, text);
        return;
    }
    const size_t head = (width - 1) * 2 / 3, tail = width - 1 - head;
    pxs_text_add_n(out, text, head_bytes(text, bytes, head));
    pxs_text_add(out, "\xe2\x80\xa6");
    size_t from = bytes, left = tail;
    while (from > 0) {
        size_t start = from - 1, length;
        while (start > 0 && ((unsigned char)text[start] & 0xc0) == 0x80)
            start--;
        const size_t w = width_of(pxs_utf8_next(text + start, bytes - start, &length));
        if (w > left)
            break;
        left -= w;
        from = start;
    }
    pxs_text_add(out, text + from);
}
