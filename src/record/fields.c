/* A record's fields as bytes and back. One walk per kind serves both directions, so they cannot disagree. */
#include "record_priv.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Where a walk writes to or reads from. Once something does not fit, `bad` is set and nothing moves any more. */
struct walk {
    unsigned char *out;      /* encoding */
    const unsigned char *in; /* decoding */
    size_t at, end;
    bool bad;
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
    } else {
        memcpy(text, w->in + w->at, length);
        text[length] = '\0';
        w->bad = memchr(text, '\0', length) != NULL;
    }
    w->at += length;
}

static void walk_losses(struct walk *w, struct pxs_losses *l) {
    walk_f64(w, &l->loss_G);
    walk_f64(w, &l->loss_GAN);
    walk_f64(w, &l->loss_pixel);
    walk_f64(w, &l->loss_D);
    walk_f64(w, &l->loss_real);
    walk_f64(w, &l->loss_fake);
}

static void walk_begin(struct walk *w, struct pxs_record_begin *r) {
    walk_i64(w, &r->attempt);
    walk_i64(w, &r->at_ms);
    walk_i64(w, &r->resumed_from_step);
    walk_text(w, r->text, sizeof r->text);
}

static void walk_batch(struct walk *w, struct pxs_record_batch *r) {
    walk_i64(w, &r->step);
    walk_i32(w, &r->epoch);
    walk_i32(w, &r->batch);
    walk_losses(w, &r->losses);
    walk_f64(w, &r->lr_G);
    walk_f64(w, &r->lr_D);
    walk_f64(w, &r->seconds);
}

static void walk_epoch(struct walk *w, struct pxs_record_epoch *r) {
    walk_i32(w, &r->epoch);
    walk_i32(w, &r->is_best);
    walk_f64(w, &r->lr_G);
    walk_f64(w, &r->lr_D);
    walk_losses(w, &r->avg);
    walk_f64(w, &r->val_loss);
    walk_f64(w, &r->val_psnr);
    walk_f64(w, &r->val_ssim);
    walk_f64(w, &r->seconds);
    if (w->in && w->at == w->end) { /* written before these were recorded */
        r->avg_D_real = r->avg_D_fake = NAN;
        return;
    }
    walk_f64(w, &r->avg_D_real);
    walk_f64(w, &r->avg_D_fake);
}

static void walk_sample(struct walk *w, struct pxs_record_sample *r) {
    walk_i64(w, &r->step);
    walk_i32(w, &r->epoch);
    walk_text(w, r->path, sizeof r->path);
    walk_text(w, r->sha256, sizeof r->sha256);
}

static void walk_checkpoint(struct walk *w, struct pxs_record_checkpoint *r) {
    walk_i32(w, &r->epoch);
    walk_text(w, r->kind, sizeof r->kind);
    walk_text(w, r->net, sizeof r->net);
    walk_text(w, r->path, sizeof r->path);
    walk_text(w, r->sha256, sizeof r->sha256);
    walk_i64(w, &r->bytes);
}

static void walk_event(struct walk *w, struct pxs_record_event *r) {
    walk_i64(w, &r->at_ms);
    walk_i32(w, &r->level);
    walk_text(w, r->kind, sizeof r->kind);
    walk_text(w, r->message, sizeof r->message);
}

static void walk_end(struct walk *w, struct pxs_record_end *r) {
    walk_i64(w, &r->at_ms);
    walk_i32(w, &r->outcome);
    walk_i64(w, &r->step);
    walk_text(w, r->message, sizeof r->message);
    w->bad = w->bad || !pxs_outcome_name((enum pxs_outcome)r->outcome);
}

static void walk_rung(struct walk *w, struct pxs_record_rung *r) {
    walk_i32(w, &r->epoch);
    walk_i32(w, &r->go_on);
    walk_f64(w, &r->value);
    walk_f64(w, &r->cutoff);
}

/* False for a kind that this version does not know. */
static bool walk_record(struct walk *w, struct pxs_record *r) {
    switch (r->kind) {
    case PXS_RECORD_BEGIN:
        walk_begin(w, &r->begin);
        return true;
    case PXS_RECORD_BATCH:
        walk_batch(w, &r->batch);
        return true;
    case PXS_RECORD_EPOCH:
        walk_epoch(w, &r->epoch);
        return true;
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        walk_sample(w, &r->sample);
        return true;
    case PXS_RECORD_CHECKPOINT:
        walk_checkpoint(w, &r->checkpoint);
        return true;
    case PXS_RECORD_EVENT:
        walk_event(w, &r->event);
        return true;
    case PXS_RECORD_END:
        walk_end(w, &r->end);
        return true;
    case PXS_RECORD_RUNG:
        walk_rung(w, &r->rung);
        return true;
    }
    return false;
}

bool pxs_fields_encode(const struct pxs_record *r, unsigned char *out, size_t size, size_t *bytes) {
    struct walk w = {.out = out, .end = size};
    /* The walk takes a pointer that decoding writes through; encoding only reads. */
    if (!walk_record(&w, (struct pxs_record *)(uintptr_t)r) || w.bad)
        return false;
    *bytes = w.at;
    return true;
}

bool pxs_fields_decode(unsigned kind, const unsigned char *in, size_t bytes, struct pxs_record *r,
                       bool *known) {
    struct walk w = {.in = in, .end = bytes};
    r->kind = (enum pxs_record_kind)kind;
    *known = walk_record(&w, r);
    return *known && !w.bad && w.at == bytes;
}

/* ---- words ----------------------------------------------------------------------------------------------- */

static const char *const outcome_names[] = {[PXS_OUTCOME_COMPLETED] = "completed",
                                            [PXS_OUTCOME_DIVERGED] = "diverged",
                                            [PXS_OUTCOME_FAILED] = "failed",
                                            [PXS_OUTCOME_INTERRUPTED] = "interrupted",
                                            [PXS_OUTCOME_PRUNED] = "pruned"};

const char *pxs_outcome_name(enum pxs_outcome outcome) {
    return (size_t)outcome < PXS_COUNT(outcome_names) ? outcome_names[outcome] : NULL;
}

bool pxs_outcome_parse(const char *name, enum pxs_outcome *out) {
    for (size_t i = 0; i < PXS_COUNT(outcome_names); i++) {
        if (outcome_names[i] && strcmp(outcome_names[i], name) == 0) {
            *out = (enum pxs_outcome)i;
            return true;
        }
    }
    return false;
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
