/* Problems with their places: collected, sorted, shown with the source line and a caret. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW 96 /* columns of a long line that are shown */

static void add(struct pxs_diags *d, struct pxs_diag diag, const char *fmt, va_list ap) {
    struct pxs_text text = {0};
    pxs_text_add_wordsv(&text, fmt, ap);
    diag.message = text.failed ? NULL : pxs_arena_strdup(&d->arena, pxs_text_str(&text));
    pxs_text_finish(&text);
    if (!diag.message) {
        d->nomem = true;
        return;
    }
    /* Each problem once: the same text at the same place, or of the same --set. */
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].source == diag.source &&
            (diag.source->is_set ||
             (d->items[i].line == diag.line && d->items[i].column == diag.column)) &&
            strcmp(d->items[i].message, diag.message) == 0)
            return;
    d->total++;
    if (d->n < PXS_DIAGNOSTICS_MAX)
        d->items[d->n++] = diag;
}

bool pxs_diags_full(struct pxs_diags *d) {
    if (d->n < PXS_DIAGNOSTICS_MAX)
        return false;
    d->total++;
    return true;
}

static struct pxs_diag place_of(const struct pxs_node *node) {
    return (struct pxs_diag){
        .source = node->source, .line = (size_t)node->line, .column = (size_t)node->column};
}

void pxs_diag_at(struct pxs_diags *d, const struct pxs_source *source, size_t line, size_t column,
                 const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    add(d, (struct pxs_diag){.source = source, .line = line, .column = column}, fmt, ap);
    va_end(ap);
}

void pxs_diag_node(struct pxs_diags *d, const struct pxs_node *node, const char *fmt, ...) {
    va_list ap;
    if (pxs_explain_lookalike(d, node))
        return;
    va_start(ap, fmt);
    add(d, place_of(node), fmt, ap);
    va_end(ap);
}

void pxs_diag_text(struct pxs_diags *d, const struct pxs_node *node, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    add(d, place_of(node), fmt, ap);
    va_end(ap);
}

void pxs_node_place(const struct pxs_node *node, struct pxs_text *out) {
    if (node->source->is_set)
        pxs_text_add(out, node->source->name);
    else
        pxs_text_addf(out, "%s:%d", node->source->name, node->line);
}

/* ---- showing -------------------------------------------------------------------------------- */

/* Appends the characters [first, last) of a line, printable; returns the columns they take. */
static int add_characters(struct pxs_text *out, const char *line, size_t bytes, size_t first,
                          size_t last) {
    size_t at = 0;
    int columns = 0;
    for (size_t i = 0; i < last && at < bytes; i++) {
        uint32_t code = 0;
        size_t length = pxs_utf8_decode(line + at, bytes - at, &code);
        if (i >= first) {
            const bool shown = length > 0 && pxs_char_is_shown(code) && !pxs_is_invisible(code);
            if (shown)
                pxs_text_add_n(out, line + at, length);
            else
                pxs_text_add(out, code == '\t' ? " " : "?");
            columns += shown ? pxs_char_width(code) : 1;
        }
        at += length ? length : 1;
    }
    return columns;
}

static void show_line(const struct pxs_diag *diag, struct pxs_text *out) {
    size_t bytes, column = diag->column - 1;
    const char *line = pxs_source_line(diag->source, diag->line, &bytes);
    size_t first = column > WINDOW * 2 / 3 ? column - WINDOW / 2 : 0;
    struct pxs_text before = {0};
    pxs_text_add(out, "    ");
    pxs_text_add(out, first ? "..." : "");
    int columns = (first ? 3 : 0) + add_characters(&before, line, bytes, first, column);
    pxs_text_add(out, pxs_text_str(&before));
    pxs_text_finish(&before);
    add_characters(out, line, bytes, column, first + WINDOW);
    pxs_text_addf(out, "\n    %*s^\n", columns, "");
}

static void show_head(const struct pxs_diag *diag, struct pxs_text *out) {
    pxs_text_add(out, diag->source->name);
    if (diag->line && !diag->source->is_set)
        pxs_text_addf(out, ":%zu:%zu", diag->line, diag->column);
    pxs_text_addf(out, ": %s", diag->message);
}

void pxs_config_point_at(const struct pxs_config *c, size_t index, int key, const char *message,
                         struct pxs_text *out) {
    struct pxs_resolved *r = malloc(sizeof *r);
    char *copy = strdup(message);
    out->failed = out->failed || !r || !copy;
    if (r && copy) {
        pxs_resolve(c, index, r);
        const struct pxs_node *node = r->where[key];
        struct pxs_diag diag = node ? place_of(node) : (struct pxs_diag){.source = NULL};
        diag.message = copy;
        if (node)
            show_head(&diag, out);
        else
            pxs_text_add(out, message);
        if (node && diag.line && !diag.source->is_set) {
            pxs_text_add(out, "\n");
            show_line(&diag, out);
            if (out->len > 0 && !out->failed) /* its newline */
                out->text[--out->len] = '\0';
        }
    }
    free(copy);
    free(r);
}

struct sort_key {
    struct pxs_diag diag;
    size_t found;
};

static int compare(const void *a, const void *b) {
    const struct sort_key *x = a, *y = b;
    if (x->diag.source != y->diag.source) /* files stay in the order in which they first spoke */
        return x->found < y->found ? -1 : 1;
    if (x->diag.line != y->diag.line)
        return x->diag.line < y->diag.line ? -1 : 1;
    if (x->diag.column != y->diag.column)
        return x->diag.column < y->diag.column ? -1 : 1;
    return strcmp(x->diag.message, y->diag.message);
}

/* Sorted by place within each source. `found` of a source is its first diagnostic's, so that
 * sources do not mix. */
static void sort(struct pxs_diags *d) {
    struct sort_key keys[PXS_DIAGNOSTICS_MAX];
    for (size_t i = 0; i < d->n; i++) {
        keys[i] = (struct sort_key){d->items[i], i};
        for (size_t j = 0; j < i; j++) {
            if (keys[j].diag.source == keys[i].diag.source) {
                keys[i].found = keys[j].found;
                break;
            }
        }
    }
    qsort(keys, d->n, sizeof keys[0], compare);
    for (size_t i = 0; i < d->n; i++)
        d->items[i] = keys[i].diag;
}

enum pxs_status pxs_diags_report(struct pxs_diags *d, struct pxs_text *out, struct pxs_error *err) {
    if (d->nomem)
        return pxs_fail_nomem(err);
    sort(d);
    struct pxs_text first = {0};
    show_head(&d->items[0], &first);
    enum pxs_status status = d->status != PXS_OK && d->total == 1 ? d->status : PXS_E_INVALID;
    if (d->total > 1)
        pxs_text_addf(&first, " (and %zu more)", d->total - 1);
    pxs_fail(err, status, "%s", pxs_text_str(&first));
    pxs_text_finish(&first);
    for (size_t i = 0; out && i < d->n; i++) {
        show_head(&d->items[i], out);
        pxs_text_add(out, "\n");
        if (d->items[i].line && !d->items[i].source->is_set)
            show_line(&d->items[i], out);
    }
    if (out && d->total > d->n)
        pxs_text_addf(out, "and %zu more\n", d->total - d->n);
    return status;
}
