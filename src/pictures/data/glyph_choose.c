/* Which characters, at which scale: everything between the two fonts and the files. */
#include "glyph_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN 1      /* white pixels that stay free on every side */
#define BOX_REPEATS 3 /* one drawing for this many characters is a placeholder, not a character */

/* A candidate: a character of the set with its glyphs and, once drawn, hashes of its two
 * drawings. */
struct candidate {
    struct pxs_glyph_pair pair;
    uint64_t drawn[2]; /* source, target */
    bool usable;
};

struct choice {
    const struct pxs_glyphs_spec *spec;
    struct pxs_glyph_set *set;
    struct pxs_glyphs_report *report;
    struct candidate *all; /* one per character of the set */
    size_t n;
    uint8_t *cell; /* scratch for one drawing */
};

static bool stopped(const struct pxs_glyphs_spec *spec) {
    return spec->stop && atomic_load(&spec->stop->signal) != 0;
}

/* `all` begins at zero, so it always holds the baseline. */
static void widen(struct pxs_ink *all, const struct pxs_ink *one) {
    all->left = fmin(all->left, one->left);
    all->right = fmax(all->right, one->right);
    all->bottom = fmin(all->bottom, one->bottom);
    all->top = fmax(all->top, one->top);
    all->any = true;
}

/* Glyphs of one character; widens `box` by their ink where both fonts have it. */
static enum pxs_status look_up(struct choice *c, struct candidate *k, struct pxs_ink *box,
                               struct pxs_error *err) {
    struct pxs_ink source, target;
    k->pair.source = pxs_font_glyph(c->set->source, k->pair.code);
    k->pair.target = pxs_font_glyph(c->set->target, k->pair.code);
    c->report->missing_source += k->pair.source == 0;
    c->report->missing_target += k->pair.target == 0;
    if (k->pair.source == 0 || k->pair.target == 0)
        return PXS_OK;
    PXS_TRY(pxs_font_ink(c->set->source, k->pair.source, &source, err));
    PXS_TRY(pxs_font_ink(c->set->target, k->pair.target, &target, err));
    k->usable = source.any && target.any;
    c->report->blank += !k->usable;
    if (k->usable) {
        widen(box, &source);
        widen(box, &target);
    }
    return PXS_OK;
}

static enum pxs_status draw(struct choice *c, struct pxs_font *font, uint32_t glyph, uint64_t *hash,
                            struct pxs_error *err) {
    int size = c->spec->size;
    PXS_TRY(pxs_font_render(font, glyph, c->set->em_pixels, c->set->baseline, size, c->cell, err));
    struct pxs_sha256 h;
    char hex[PXS_SHA256_HEX];
    pxs_sha256_init(&h);
    pxs_sha256_update(&h, c->cell, (size_t)size * (size_t)size);
    pxs_sha256_hex(&h, hex);
    hex[16] = '\0';
    *hash = strtoull(hex, NULL, 16);
    return PXS_OK;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static size_t how_often(const uint64_t *sorted, size_t n, uint64_t value) {
    const uint64_t *at = bsearch(&value, sorted, n, sizeof *sorted, by_value);
    if (!at)
        return 0;
    const uint64_t *end = at;
    while (at > sorted && at[-1] == value)
        at--;
    while (end < sorted + n && *end == value)
        end++;
    return (size_t)(end - at);
}

/* Marks characters that one font draws like its .notdef, or like several others: boxes, not
 * characters. */
static enum pxs_status drop_placeholders(struct choice *c, int which, struct pxs_error *err) {
    uint64_t notdef, *sorted = malloc((c->n + 1) * sizeof *sorted);
    size_t n = 0;
    if (!sorted)
        return pxs_fail_nomem(err);
    enum pxs_status status = draw(c, which == 0 ? c->set->source : c->set->target, 0, &notdef, err);
    for (size_t i = 0; i < c->n; i++)
        if (c->all[i].usable)
            sorted[n++] = c->all[i].drawn[which];
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < c->n && status == PXS_OK; i++) {
        uint64_t hash = c->all[i].drawn[which];
        if (c->all[i].usable && (hash == notdef || how_often(sorted, n, hash) >= BOX_REPEATS)) {
            c->all[i].usable = false;
            c->report->placeholder++;
        }
    }
    free(sorted);
    return status;
}

static enum pxs_status examine(struct choice *c, struct pxs_error *err) {
    struct pxs_ink box = {0};
    for (size_t i = 0; i < c->n; i++) {
        c->all[i].pair.code = c->set->chars.code[i];
        PXS_TRY(look_up(c, &c->all[i], &box, err));
    }
    if (!box.any)
        return PXS_OK; /* nothing usable: reported with the counts */

    /* One scale and one baseline for both fonts: the ink of every candidate, drawn on top of each
     * other, fills the cell up to the margin. */
    int size = c->spec->size;
    double inner = size - 2 * MARGIN, half = fmax(-box.left, box.right),
           height = box.top - box.bottom;
    double em = fmin(size, fmin(inner / height, inner / (2 * half)));
    c->set->em_pixels = c->report->em_pixels = em;
    c->set->baseline = c->report->baseline = (size - height * em) / 2 + box.top * em;

    for (size_t i = 0; i < c->n; i++) {
        struct candidate *k = &c->all[i];
        if (!k->usable)
            continue;
        if (stopped(c->spec))
            return pxs_fail(err, PXS_E_STOPPED, "stopped while drawing characters");
        pxs_meter_tell(c->spec->meter, "drawing characters", (double)i, (double)c->n);
        PXS_TRY(draw(c, c->set->source, k->pair.source, &k->drawn[0], err));
        PXS_TRY(draw(c, c->set->target, k->pair.target, &k->drawn[1], err));
    }
    PXS_TRY(drop_placeholders(c, 0, err));
    return drop_placeholders(c, 1, err);
}

static int by_drawing(const void *a, const void *b) {
    const struct candidate *x = *(struct candidate *const *)a, *y = *(struct candidate *const *)b;
    int order = memcmp(x->drawn, y->drawn, sizeof x->drawn);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Of characters with the same two drawings the first stays. */
static enum pxs_status drop_twins(struct choice *c, struct pxs_error *err) {
    struct candidate **order = malloc((c->n + 1) * sizeof *order);
    size_t n = 0;
    if (!order)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < c->n; i++)
        if (c->all[i].usable)
            order[n++] = &c->all[i];
    qsort(order, n, sizeof *order, by_drawing);
    for (size_t i = 1; i < n; i++)
        if (memcmp(order[i]->drawn, order[i - 1]->drawn, sizeof order[i]->drawn) == 0) {
            order[i]->usable = false;
            c->report->twins++;
        }
    free(order);
    return PXS_OK;
}

/* The seed permutes all characters of the set, whatever the fonts have, so another font changes as
 * little as possible. */
static enum pxs_status pick(struct choice *c, struct pxs_error *err) {
    const struct pxs_glyphs_report *r = c->report;
    size_t wanted = (size_t)c->spec->train + (size_t)c->spec->val, usable = 0, picked = 0;
    for (size_t i = 0; i < c->n; i++)
        usable += c->all[i].usable;
    if (usable < wanted)
        return pxs_fail(err, PXS_E_INVALID,
                        "%d + %d pairs were asked for, but only %zu of %zu characters (%s) can be "
                        "used: %zu are not in the source font, %zu not in the target font, %zu are "
                        "blank, %zu placeholders, %zu look like another; ask for fewer with "
                        "--train and --val, or name more characters with --chars FILE",
                        c->spec->train, c->spec->val, usable, c->n, c->set->chars.name,
                        r->missing_source, r->missing_target, r->blank, r->placeholder, r->twins);
    uint32_t *order = malloc(c->n * sizeof *order);
    struct pxs_glyph_pair *pairs = malloc(wanted * sizeof *pairs);
    if (!order || !pairs) {
        free(order);
        free(pairs);
        return pxs_fail_nomem(err);
    }
    struct pxs_rng rng = pxs_rng_make(c->spec->seed, PXS_STREAM_GLYPHS, 0, 0);
    pxs_rng_permutation(&rng, order, (uint32_t)c->n);
    for (size_t i = 0; picked < wanted; i++)
        if (c->all[order[i]].usable)
            pairs[picked++] = c->all[order[i]].pair;
    free(order);
    c->set->pairs = pairs;
    return PXS_OK;
}

enum pxs_status pxs_glyph_choose(const struct pxs_glyphs_spec *spec, struct pxs_glyph_set *set,
                                 struct pxs_glyphs_report *report, struct pxs_error *err) {
    struct choice c = {.spec = spec, .set = set, .report = report, .n = set->chars.n};
    report->candidates = set->chars.n;
    report->repeated = set->chars.repeated;
    c.all = calloc(c.n, sizeof *c.all);
    c.cell = malloc((size_t)spec->size * (size_t)spec->size);
    enum pxs_status status = c.all && c.cell ? examine(&c, err) : pxs_fail_nomem(err);
    if (status == PXS_OK)
        status = drop_twins(&c, err);
    if (status == PXS_OK)
        status = pick(&c, err);
    free(c.all);
    free(c.cell);
    return status;
}
