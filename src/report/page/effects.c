/* What each key does, on a page: words, the table, and a scatter plot of each key whose values were
 * drawn. The plots are SVG of the page itself: they need no script and follow its colours. */
#include "page_priv.h"
#include "pixsweep/metrics/axis.h"

#include <math.h>
#include <string.h>

/* In their order on the page; what nobody asks at first unfolds. */
static const struct {
    const char *name;
    bool rest;
} wanted[] = {{"key", false},       {"kind", false},    {"with", false},    {"value", false},
              {"reference", false}, {"pairs", false},   {"missing", false}, {"effect", false},
              {"ci_low", false},    {"ci_high", false}, {"rho", false},     {"n", false},
              {"p_holm", false},    {"settings", true}, {"seeds", true},    {"f", true},
              {"df1", true},        {"df2", true},      {"p", true},        {"error", true}};

static bool says_nothing(const struct pxs_table *t, size_t column) {
    const bool missing = strcmp(t->columns[column], "missing") == 0;
    for (size_t row = 0; row < t->n_rows; row++) {
        const struct pxs_cell *cell = &t->cells[row * t->n_columns + column];
        if (cell->kind != PXS_CELL_NULL && !(missing && cell->integer == 0))
            return false;
    }
    return true;
}

static enum pxs_status make_table(struct pxs_page *p, struct pxs_error *err) {
    const struct pxs_table *from = &p->effects.table;
    struct pxs_shown *shown = &p->shown[PXS_EFFECTS];
    const char *names[PXS_COUNT(wanted)];
    size_t places[PXS_COUNT(wanted)], n = 0;
    struct pxs_column *columns = pxs_arena_alloc(&p->arena, PXS_COUNT(wanted) * sizeof *columns);
    bool *folded = pxs_arena_alloc(&p->arena, PXS_COUNT(wanted));
    if (!columns || !folded)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < PXS_COUNT(wanted); i++) {
        size_t place = 0;
        while (place < from->n_columns && strcmp(from->columns[place], wanted[i].name) != 0)
            place++;
        if (place == from->n_columns)
            return pxs_fail(err, PXS_E_INTERNAL, "effects have no column %s", wanted[i].name);
        if (says_nothing(from, place))
            continue;
        names[n] = from->columns[place];
        places[n] = place;
        folded[n] = wanted[i].rest;
        columns[n] = p->effects.columns[place];
        if (columns[n].show == PXS_SHOW_HIDDEN)
            columns[n].show = PXS_SHOW_SHORT;
        n++;
    }
    PXS_TRY(pxs_table_make(&shown->table, names, n, from->n_rows, err));
    for (size_t row = 0; row < from->n_rows; row++) {
        for (size_t i = 0; i < n; i++)
            pxs_table_set(&shown->table, row, i, from->cells[row * from->n_columns + places[i]]);
    }
    shown->how = (struct pxs_look_of_table){.id = "effects-table",
                                            .caption = "What each key does, with all else equal",
                                            .columns = columns,
                                            .folded = folded,
                                            .sql = pxs_page_sql_id(PXS_SQL_COMPARISON)};
    return PXS_OK;
}

/* Of all keys, whatever makes the page's configurations. */
enum pxs_status pxs_page_make_effects(struct pxs_page *p, struct pxs_error *err) {
    const struct pxs_compare_options options = {.sweep = p->options->sweep,
                                                .more = p->options->more,
                                                .n_more = p->options->n_more,
                                                .epochs = p->epochs};
    PXS_TRY(pxs_effects(p->s, &options, &p->effects, err));
    return p->effects.n_keys > 0 ? make_table(p, err) : PXS_OK;
}

/* ---- scatter plots -------------------------------------------------------------------------- */

enum { LOG_FROM = 20 /* times the lowest: y is logarithmic */ };
enum { WIDTH = 420, HEIGHT = 260, LEFT = 58, RIGHT = 410, TOP = 10, BOTTOM = 216 };

/* All of them, with some room at the ends. */
static void choose_x(const struct pxs_scatter *s, struct pxs_axis *x) {
    *x = (struct pxs_axis){
        .low = INFINITY, .high = -INFINITY, .log = s->log, .from = LEFT, .to = RIGHT};
    x->whole = true;
    for (size_t i = 0; i < s->n; i++) {
        x->low = fmin(x->low, s->x[i]);
        x->high = fmax(x->high, s->x[i]);
        x->whole = x->whole && s->x[i] == floor(s->x[i]);
    }
    x->log = x->log && x->low > 0;
    const double room = x->log ? pow(x->high / x->low, 0.05) : 0.05 * (x->high - x->low);
    x->low = x->log ? x->low / room : x->low - room;
    x->high = x->log ? x->high * room : x->high + room;
}

static void put_frame(struct pxs_text *out, const struct pxs_axis *x, const struct pxs_axis *y) {
    struct pxs_tick ticks[PXS_TICKS];
    size_t n = pxs_axis_ticks(x, 55, ticks);
    for (size_t i = 0; i < n; i++) {
        const double at = pxs_axis_at(x, ticks[i].value);
        pxs_text_addf(out,
                      "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/><text "
                      "x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                      at, at, TOP, BOTTOM, at, BOTTOM + 17, ticks[i].text);
    }
    n = pxs_axis_ticks(y, 30, ticks);
    for (size_t i = 0; i < n; i++) {
        const double at = pxs_axis_at(y, ticks[i].value);
        pxs_text_addf(out,
                      "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text "
                      "x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                      LEFT, RIGHT, at, at, LEFT - 6, at + 4, ticks[i].text);
    }
    pxs_text_addf(out, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
                  LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP);
}

static void put_scatter(struct pxs_page *p, const struct pxs_scatter *s) {
    struct pxs_text *out = p->out;
    struct pxs_axis x, y = {.from = BOTTOM, .to = TOP};
    struct pxs_arena arena = {0};
    bool above, below;
    double *values = pxs_arena_alloc(&arena, (s->n + 1) * sizeof *values);
    if (!values) {
        out->failed = true;
        return;
    }
    memcpy(values, s->y, s->n * sizeof *values);
    /* a draw that came to nothing would press the others flat */
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < s->n; i++) {
        least = fmin(least, s->y[i]);
        most = fmax(most, s->y[i]);
    }
    y.log = least > 0 && most >= LOG_FROM * least;
    if (!pxs_axis_range(&y, values, s->n, &above, &below)) {
        pxs_arena_finish(&arena);
        return;
    }
    choose_x(s, &x);
    pxs_html_put(out, "<figure><figcaption>", s->key, "");
    if (!isnan(s->rank.rho))
        pxs_text_addf(out, ": rank correlation %.2f over %zu draws", s->rank.rho, s->n);
    pxs_text_add(out, s->guessed ? x.log ? " (scale: a guess from the values)"
                                         : " (a guess that they were drawn)"
                                 : "");
    pxs_text_addf(
        out,
        "</figcaption>\n<svg class=\"scatter\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
        WIDTH, HEIGHT);
    pxs_html_textf(out, "%s against %s%s", p->effects.metric, s->key,
                   x.log ? ", on a logarithmic axis" : "");
    pxs_text_add(out, "\">\n");
    put_frame(out, &x, &y);
    for (size_t i = 0; i < s->n; i++) {
        const double at = pxs_axis_at(&y, s->y[i]);
        const bool outside = at < TOP || at > BOTTOM;
        char shown[2][32];
        pxs_text_addf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>",
                      outside ? "outside" : "dot", pxs_axis_at(&x, s->x[i]),
                      fmin(fmax(at, TOP), BOTTOM));
        pxs_html_textf(out, "%s: %s %s", s->labels[i], p->effects.metric,
                       pxs_format_rounded(shown[0], s->y[i], 6));
        pxs_text_add(out, "</title></circle>\n");
    }
    pxs_text_addf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + RIGHT) / 2,
                  HEIGHT - 8);
    pxs_html_text(out, s->key);
    pxs_text_addf(out,
                  "</text><text transform=\"translate(13 %d) rotate(-90)\" text-anchor=\"middle\">",
                  (TOP + BOTTOM) / 2);
    pxs_html_text(out, p->effects.metric);
    pxs_text_add(out, "</text>\n</svg></figure>\n");
    pxs_arena_finish(&arena);
}

void pxs_page_put_effects(struct pxs_page *p) {
    const struct pxs_effects *x = &p->effects;
    if (x->n_keys == 0)
        return;
    pxs_text_add(p->out, "<section id=\"effects\"><h2>What each key does</h2>\n");
    pxs_html_put(p->out, "<p>", x->verdict, ".</p>\n");
    pxs_html_put_table(p->out, &p->shown[PXS_EFFECTS]);
    if (x->n_notes > 0)
        pxs_text_add(p->out, "<ul class=\"notes\">\n");
    for (size_t i = 0; i < x->n_notes; i++)
        pxs_html_put(p->out, "<li>", x->notes[i], ".</li>\n");
    if (x->n_notes > 0)
        pxs_text_add(p->out, "</ul>\n");
    if (x->n_scatters > 0) {
        pxs_text_add(p->out, "<div class=\"scatters\">\n");
        for (size_t i = 0; i < x->n_scatters; i++)
            put_scatter(p, &x->scatters[i]);
        pxs_text_add(p->out,
                     "</div>\n<p class=\"hint\">A point is a draw; a ring lies outside of the "
                     "range. Point at one to see which it is.</p>\n");
    }
    pxs_text_add(
        p->out, "<p class=\"hint\">Computed from what is measured of each run: the statement below "
                "the comparison.</p>\n</section>\n");
}
