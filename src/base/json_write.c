/* Writing JSON into a text, value by value. */
#include "pixsweep/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void add_quoted(struct pxs_text *out, const char *s) {
    size_t left = strlen(s);
    pxs_text_add(out, "\"");
    while (left > 0) {
        size_t n = pxs_utf8_decode(s, left, NULL);
        unsigned char c = (unsigned char)*s;
        if (n == 0)
            pxs_text_add(out, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            pxs_text_addf(out, "\\%c", c);
        else if (c == '\n')
            pxs_text_add(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            pxs_text_addf(out, "\\u%04x", c);
        else
            pxs_text_add_n(out, s, n);
        n = n ? n : 1;
        s += n;
        left -= n;
    }
    pxs_text_add(out, "\"");
}

static void new_line(struct pxs_json_writer *w) {
    if (w->indent > 0)
        pxs_text_addf(w->out, "\n%*s", w->indent * w->depth, "");
}

/* Writes what stands in front of a value: comma, line end, key. False where no value may come. */
static bool begin_value(struct pxs_json_writer *w, const char *key) {
    bool in_object = w->depth > 0 && w->open[w->depth - 1] == '{';
    if (w->misused || w->done || in_object != (key != NULL)) {
        w->misused = true;
        return false;
    }
    if (w->depth > 0) {
        if (w->some[w->depth - 1])
            pxs_text_add(w->out, ",");
        w->some[w->depth - 1] = true;
        new_line(w);
    }
    if (key) {
        add_quoted(w->out, key);
        pxs_text_add(w->out, w->indent > 0 ? ": " : ":");
    }
    w->done = w->depth == 0;
    return true;
}

static void begin(struct pxs_json_writer *w, const char *key, char open) {
    if (w->depth >= PXS_JSON_DEPTH)
        w->misused = true;
    if (!begin_value(w, key))
        return;
    w->done = false;
    pxs_text_add_n(w->out, &open, 1);
    w->open[w->depth] = open;
    w->some[w->depth] = false;
    w->depth++;
}

void pxs_json_put_object(struct pxs_json_writer *w, const char *key) {
    begin(w, key, '{');
}

void pxs_json_put_array(struct pxs_json_writer *w, const char *key) {
    begin(w, key, '[');
}

void pxs_json_end(struct pxs_json_writer *w) {
    if (w->misused || w->depth == 0) {
        w->misused = true;
        return;
    }
    w->depth--;
    if (w->some[w->depth])
        new_line(w);
    pxs_text_add(w->out, w->open[w->depth] == '{' ? "}" : "]");
    w->done = w->depth == 0;
}

static void put_word(struct pxs_json_writer *w, const char *key, const char *word) {
    if (begin_value(w, key))
        pxs_text_add(w->out, word);
}

void pxs_json_put_null(struct pxs_json_writer *w, const char *key) {
    put_word(w, key, "null");
}

void pxs_json_put_bool(struct pxs_json_writer *w, const char *key, bool value) {
    put_word(w, key, value ? "true" : "false");
}

void pxs_json_put_int(struct pxs_json_writer *w, const char *key, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    put_word(w, key, text);
}

void pxs_json_put_double(struct pxs_json_writer *w, const char *key, double value) {
    char text[32];
    put_word(w, key, isfinite(value) ? pxs_format_double(text, value) : "null");
}

void pxs_json_put_string(struct pxs_json_writer *w, const char *key, const char *value) {
    if (!value)
        put_word(w, key, "null");
    else if (begin_value(w, key))
        add_quoted(w->out, value);
}

enum pxs_status pxs_json_finish(const struct pxs_json_writer *w, struct pxs_error *err) {
    if (w->out->failed)
        return pxs_fail_nomem(err);
    if (w->misused || !w->done)
        return pxs_fail(err, PXS_E_INTERNAL, "JSON was not written as one whole value");
    return PXS_OK;
}
