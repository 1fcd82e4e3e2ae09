/* A record's fields as bytes and back. One walk per kind serves both directions, so they cannot
 * disagree. */
#include "record_priv.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Where a walk writes to or reads from. Once something does not fit, `bad` is set and nothing moves
 * any more. */
struct walk {
    unsigned char *out;      /* encoding */
    const unsigned char *in; /* decoding */
    size_t at, end;
    bool bad;
    bool no_text; /* a text that was read is no UTF-8 */
    bool old;     /* what is read ended before values that came later */
};

static bool room_for(struct walk *w, size_t bytes) {
    if (w->bad || w->end - w->at < bytes)
        w->bad = true;
    return !w->bad;
}

static void walk_bits(struct walk *w, uint64_t *value, size_t bytes) {
    if (!room_for(w, bytes))
        return;
    if (w->out) {
        for (size_t i = 0; i < bytes; i++)
            w->out[w->at + i] = (unsigned char)(*value >> (8 * i));
    } else {
        *value = 0;
        for (size_t i = 0; i < bytes; i++)
            *value |= (uint64_t)w->in[w->at + i] << (8 * i);
    }
    w->at += bytes;
}

static void walk_i64(struct walk *w, int64_t *value) {
    uint64_t bits = (uint64_t)*value;
    walk_bits(w, &bits, 8);
    if (w->in)
        *value = (int64_t)bits;
}

static void walk_i32(struct walk *w, int32_t *value) {
    uint64_t bits = (uint32_t)*value;
    walk_bits(w, &bits, 4);
    if (w->in)
        *value = (int32_t)(uint32_t)bits;
}

static void walk_f64(struct walk *w, double *value) {
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    walk_bits(w, &bits, 8);
    if (w->in)
        memcpy(value, &bits, sizeof bits);
}

/* Every byte that belongs to no character becomes '?', so that any reader can read the text. */
static void mend_utf8(char *text, size_t n) {
    for (size_t at = 0; at < n;) {
        size_t length = pxs_utf8_decode(text + at, n - at, NULL);
        if (length == 0)
            text[at] = '?';
        at += length ? length : 1;
    }
}

/* Whether these are the first bytes of a character that lacks its last. */
static bool is_cut_character(const char *text, size_t n) {
    unsigned char first = (unsigned char)text[0];
    size_t whole = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    for (size_t i = 1; i < n; i++)
        whole = ((unsigned char)text[i] & 0xc0) == 0x80 ? whole : 0;
    return n < whole;
}

/* Whether it is UTF-8. A last character that was cut (older writers cut by bytes) is removed. */
static bool accept_utf8(char *text, size_t n) {
    for (size_t at = 0; at < n;) {
        size_t length = pxs_utf8_decode(text + at, n - at, NULL);
        if (length == 0 && !is_cut_character(text + at, n - at))
            return false;
        if (length == 0)
            text[at] = '\0';
        at += length ? length : n;
    }
    return true;
}

/* A text in an array of `size` bytes, NUL included; on disk without it. */
static void walk_text(struct walk *w, char *text, size_t size) {
    uint64_t length = w->out ? strnlen(text, size) : 0;
    walk_bits(w, &length, 2);
    if (length >= size)
        w->bad = true;
    if (!room_for(w, length))
        return;
    if (w->out) {
        memcpy(w->out + w->at, text, length);
        mend_utf8((char *)w->out + w->at, length);
    } else {
        memcpy(text, w->in + w->at, length);
        text[length] = '\0';
        w->bad = memchr(text, '\0', length);
        w->no_text = w->no_text || !accept_utf8(text, length);
    }
    w->at += length;
}

/* A value that came with version `since`, while the values before it are of *version: an older
 * record ends here, and the value is NaN. */
static void walk_value(struct walk *w, double *value, int since, int *version) {
    if (since > *version) {
        *version = since;
        w->old = w->old || (w->in && w->at == w->end);
    }
    if (w->old)
        *value = NAN;
    else
        walk_f64(w, value);
}

/* The fields of each kind in the order of the file. False for a kind that this version does not
 * know. */
static bool walk_record(struct walk *w, struct pxs_record *r) {
    int version = 1;
    switch (r->kind) {
    case PXS_RECORD_BEGIN:
        walk_i64(w, &r->begin.attempt);
        walk_i64(w, &r->begin.at_ms);
        walk_i64(w, &r->begin.resumed_from_step);
        walk_text(w, r->begin.text, sizeof r->begin.text);
        return true;
    case PXS_RECORD_BATCH:
        walk_i64(w, &r->batch.step);
        walk_i32(w, &r->batch.epoch);
        walk_i32(w, &r->batch.batch);
#define LOSS(name, ...) walk_f64(w, &r->batch.losses.name);
        PXS_LOSSES(LOSS)
#undef LOSS
#define OTHER(name, ...) walk_f64(w, &r->batch.name);
        PXS_BATCH_OTHERS(OTHER)
#undef OTHER
        return true;
    case PXS_RECORD_EPOCH:
        walk_i32(w, &r->epoch.epoch);
        walk_i32(w, &r->epoch.is_best);
#define VALUE(name, how, of, metric, since, ...) walk_value(w, &r->epoch.name, since, &version);
        PXS_EPOCH_MEASURES(VALUE)
#undef VALUE
        return true;
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        walk_i64(w, &r->sample.step);
        walk_i32(w, &r->sample.epoch);
        walk_text(w, r->sample.path, sizeof r->sample.path);
        walk_text(w, r->sample.sha256, sizeof r->sample.sha256);
        return true;
    case PXS_RECORD_CHECKPOINT:
        walk_i32(w, &r->checkpoint.epoch);
        walk_text(w, r->checkpoint.kind, sizeof r->checkpoint.kind);
        walk_text(w, r->checkpoint.net, sizeof r->checkpoint.net);
        walk_text(w, r->checkpoint.path, sizeof r->checkpoint.path);
        walk_text(w, r->checkpoint.sha256, sizeof r->checkpoint.sha256);
        walk_i64(w, &r->checkpoint.bytes);
        return true;
    case PXS_RECORD_EVENT:
        walk_i64(w, &r->event.at_ms);
        walk_i32(w, &r->event.level);
        walk_text(w, r->event.kind, sizeof r->event.kind);
        walk_text(w, r->event.message, sizeof r->event.message);
        return true;
    case PXS_RECORD_END:
        walk_i64(w, &r->end.at_ms);
        walk_i32(w, &r->end.outcome);
        walk_i64(w, &r->end.step);
        walk_text(w, r->end.message, sizeof r->end.message);
        return true;
    case PXS_RECORD_RUNG:
        walk_i32(w, &r->rung.epoch);
        walk_i32(w, &r->rung.go_on);
        walk_f64(w, &r->rung.value);
        walk_f64(w, &r->rung.cutoff);
        return true;
    }
    return false;
}

static bool is_wrong(char why[PXS_WHY], const char *what) {
    snprintf(why, PXS_WHY, "%s", what);
    return false;
}

bool pxs_fields_encode(const struct pxs_record *r, unsigned char *out, size_t size, size_t *bytes,
                       char why[PXS_WHY]) {
    struct walk w = {.out = out, .end = size};
    /* The walk takes a pointer that decoding writes through; encoding only reads. */
    if (!walk_record(&w, (struct pxs_record *)(uintptr_t)r))
        return is_wrong(why, "an unknown kind");
    if (w.bad)
        return is_wrong(why, "a text has no end");
    *bytes = w.at;
    return pxs_record_possible(r, why);
}

bool pxs_fields_decode(unsigned kind, const unsigned char *in, size_t bytes, struct pxs_record *r,
                       char why[PXS_WHY]) {
    struct walk w = {.in = in, .end = bytes};
    r->kind = (enum pxs_record_kind)kind;
    if (!walk_record(&w, r))
        return is_wrong(why, "this pixsweep does not know that kind (a newer one may)");
    if (w.bad || w.at != bytes)
        return is_wrong(why, "its length does not fit its fields");
    if (w.no_text)
        return is_wrong(why, "a text of it is not UTF-8");
    return pxs_record_possible(r, why);
}

/* ---- helpers of those who write and read records --------------------------------------------- */

void pxs_record_no_values(struct pxs_record_epoch *epoch) {
#define NONE(name, ...) epoch->name = NAN;
    PXS_EPOCH_MEASURES(NONE)
#undef NONE
}

bool pxs_record_begin_add(struct pxs_record_begin *begin, const char *key, const char *fmt, ...) {
    size_t used = strnlen(begin->text, sizeof begin->text), left = sizeof begin->text - used;
    size_t head = strlen(key) + 1;
    if (head == 1 || strpbrk(key, "=\n\r") || head >= left)
        return false;
    char *value = begin->text + used + head;
    va_list ap;
    va_start(ap, fmt);
    int length = vsnprintf(value, left - head, fmt, ap);
    va_end(ap);
    if (length < 0 || head + (size_t)length + 2 > left) {
        begin->text[used] = '\0';
        return false;
    }
    for (char *c = value; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    memcpy(begin->text + used, key, head - 1);
    value[-1] = '=';
    memcpy(value + length, "\n", 2);
    return true;
}
