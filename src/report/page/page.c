/* The page: one HTML file that holds everything that it shows. Its frame is page.html, with
 * {{names}} where this file and its neighbours write. */
#include "page_priv.h"
#include "page_texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the page is about ----------------------------------------------------------------- */

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

static void make_heading(struct pxs_page *p) {
    const struct pxs_groups *g = &p->groups;
    if (g->n_groups < 2) {
        pxs_text_addf(&p->heading, "How did %s go?", p->comparison.sweep);
        return;
    }
    pxs_text_add(&p->heading, "Which ");
    for (size_t k = 0; k < g->n_keys; k++)
        pxs_text_addf(&p->heading, "%s%s",
                      k == 0               ? ""
                      : k + 1 == g->n_keys ? " and "
                                           : ", ",
                      g->keys[k]);
    pxs_text_addf(&p->heading, " did best in %s?", p->comparison.sweep);
}

/* The comment that an experiment file begins with is its author's own question. */
static void make_comment(struct pxs_page *p) {
    const char *yaml = pxs_table_at(&p->sweep, 0, "spec_yaml").text;
    for (const char *line = yaml ? yaml : ""; *line == '#';) {
        const size_t length = strcspn(line, "\n"), skip = 1 + strspn(line + 1, "# \t");
        if (skip < length) {
            pxs_text_add(&p->comment, p->comment.len > 0 ? " " : "");
            pxs_text_add_n(&p->comment, line + skip, length - skip);
        }
        line += length + (line[length] == '\n');
    }
}

static void make_facts(struct pxs_page *p) {
    const struct pxs_comparison *c = &p->comparison;
    const struct pxs_cell data = pxs_table_at(&p->sweep, 0, "dataset"),
                          last = pxs_table_at(&p->sweep, 0, "last_ms");
    const int64_t seeds = pxs_table_at(&p->sweep, 0, "seeds").integer;
    struct pxs_text *out = &p->facts_line;
    pxs_text_addf(out, "%zu run%s in %zu configuration%s", c->n_runs, plural(c->n_runs),
                  p->groups.n_groups, plural(p->groups.n_groups));
    if (seeds > 0) /* those of imported runs are not known */
        pxs_text_addf(out, " with %" PRId64 " seed%s", seeds, plural((size_t)seeds));
    if (data.kind == PXS_CELL_TEXT && p->groups.one_data_set) {
        const char *slash = strrchr(data.text, '/');
        pxs_text_addf(out, "; data set %s", slash && slash[1] != '\0' ? slash + 1 : data.text);
    }
    if (last.kind == PXS_CELL_INT) {
        char when[32];
        pxs_format_utc(when, last.integer);
        pxs_text_addf(out, "; recorded until %s UTC", when);
    }
    pxs_text_add(out, ".");
}

static enum pxs_status read_all(struct pxs_page *p, struct pxs_error *err) {
    const struct pxs_page_options *o = p->options;
    const struct pxs_compare_options compare = {.sweep = o->sweep,
                                                .more = o->more,
                                                .n_more = o->n_more,
                                                .by = o->by,
                                                .n_by = o->n_by,
                                                .completed_only = true,
                                                .epochs = p->epochs};
    const struct pxs_choice_options wanted = {
        .sweep = o->sweep, .more = o->more, .n_more = o->n_more};
    PXS_TRY(pxs_choose(p->s, &wanted, &p->choice, err));
    PXS_TRY(pxs_compare(p->s, &compare, &p->comparison, err));
    PXS_TRY(pxs_groups_read(p->s, &p->choice, o->by, o->n_by, &p->groups, err));
    if (strcmp(p->groups.sweep, p->comparison.sweep) != 0)
        return pxs_fail(err, PXS_E_BUSY,
                        "another sweep was planned while this one was being read; ask again");
    if (p->groups.n_runs == 0)
        return pxs_fail(err, PXS_E_NOT_FOUND, "sweep %s has no runs, so there is nothing to report",
                        p->comparison.sweep);
    const struct pxs_cell id = pxs_cell_int(p->choice.sweeps[0]);
    PXS_TRY(pxs_choice_select(p->s, &p->choice, pxs_page_sweep_sql, &id, 1, &p->sweep, err));
    PXS_TRY(pxs_page_read_curves(p, err));
    PXS_TRY(pxs_page_read_runs(p, err));
    PXS_TRY(pxs_page_make_comparison(p, err));
    PXS_TRY(pxs_page_make_effects(p, err));
    PXS_TRY(pxs_page_read_race(p, err));
    make_heading(p);
    make_comment(p);
    make_facts(p);
    return p->heading.failed || p->comment.failed || p->facts_line.failed ? pxs_fail_nomem(err)
                                                                          : PXS_OK;
}

/* ---- its parts ------------------------------------------------------------------------------ */

static void put_title(struct pxs_page *p) {
    pxs_html_textf(p->out, "%s: pixsweep report", p->comparison.sweep);
}

static void put_heading(struct pxs_page *p) {
    pxs_html_text(p->out, pxs_text_str(&p->heading));
}

static void put_question(struct pxs_page *p) {
    if (p->comment.len > 0)
        pxs_html_put(p->out, "<blockquote>", pxs_text_str(&p->comment), "</blockquote>\n");
    pxs_html_put(p->out, "<p class=\"facts\">", pxs_text_str(&p->facts_line), "</p>\n");
}

static void put_curves_sql(struct pxs_page *p) {
    pxs_page_put_sql(p, PXS_SQL_EPOCHS);
    pxs_page_put_sql(p, PXS_SQL_BATCHES);
    if (p->sql[PXS_SQL_EPOCHS].len + p->sql[PXS_SQL_BATCHES].len == 0)
        pxs_text_add(p->out, "<p>No run has recorded anything yet.</p>\n");
}

static void put_answer(struct pxs_page *p) {
    const struct pxs_comparison *c = &p->comparison;
    pxs_text_add(p->out, "<p class=\"verdict\">");
    pxs_html_text(p->out, c->verdict);
    pxs_text_add(p->out, ".</p>\n");
    if (c->n_notes > 0)
        pxs_text_add(p->out, "<ul class=\"notes\">\n");
    for (size_t i = 0; i < c->n_notes; i++)
        pxs_html_put(p->out, "<li>", c->notes[i], ".</li>\n");
    if (c->n_notes > 0)
        pxs_text_add(p->out, "</ul>\n");
}

static void put_experiment(struct pxs_page *p) {
    const char *yaml = pxs_table_at(&p->sweep, 0, "spec_yaml").text;
    pxs_text_add(p->out, "<details><summary>As it was planned</summary><pre tabindex=\"0\"><code>");
    pxs_html_text(p->out, yaml ? yaml : "");
    pxs_text_add(p->out, "</code></pre></details>\n");
}

static void put_version(struct pxs_page *p) {
    pxs_html_text(p->out, pxs_version());
}

/* Nothing but what is in the file: its scripts by their hashes, so that nothing else is ever run;
 * no network. */
static void put_policy(struct pxs_page *p) {
    const char *const scripts[] = {pxs_page_dygraph_min_js, pxs_page_table_js, pxs_page_numbers_js,
                                   pxs_page_chart_js};
    pxs_text_add(p->out, "default-src 'none'; script-src");
    for (size_t i = 0; i < PXS_COUNT(scripts); i++) {
        pxs_text_add(p->out, " ");
        pxs_csp_hash(p->out, scripts[i], strlen(scripts[i]));
    }
    pxs_text_add(p->out,
                 "; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'");
}

static void put_licence(struct pxs_page *p) {
    pxs_html_text(p->out, pxs_page_dygraphs_licence_txt);
}

static enum pxs_status put_data(struct pxs_page *p, struct pxs_error *err) {
    struct pxs_text json = {0};
    struct pxs_json_writer w = {.out = &json};
    pxs_page_put_data(&w, p);
    const enum pxs_status status = pxs_json_finish(&w, err);

    /* '<' could end the element that the JSON stands in; it occurs in strings only, where it may be
     * written as an escape. */
    const char *from = pxs_text_str(&json);
    for (const char *at; (at = strchr(from, '<')) != NULL; from = at + 1) {
        pxs_text_add_n(p->out, from, (size_t)(at - from));
        pxs_text_add(p->out, "\\u003c");
    }
    pxs_text_add(p->out, from);
    p->out->failed = p->out->failed || json.failed;
    pxs_text_finish(&json);
    return status;
}

/* ---- the frame ------------------------------------------------------------------------------ */

/* What stands at a {{name}} of page.html: a file as it is, or what a function writes. */
static const struct part {
    const char *name;
    const char *text;
    void (*put)(struct pxs_page *p);
    enum pxs_status (*make)(struct pxs_page *p, struct pxs_error *err);
} parts[] = {
    {"policy", NULL, put_policy, NULL},
    {"title", NULL, put_title, NULL},
    {"library_css", pxs_page_dygraph_min_css, NULL, NULL},
    {"css", pxs_page_page_css, NULL, NULL},
    {"heading", NULL, put_heading, NULL},
    {"question", NULL, put_question, NULL},
    {"answer", NULL, put_answer, NULL},
    {"comparison", NULL, pxs_page_put_comparison, NULL},
    {"race", NULL, pxs_page_put_race, NULL},
    {"effects", NULL, pxs_page_put_effects, NULL},
    {"curves", NULL, put_curves_sql, NULL},
    {"data", NULL, NULL, put_data},
    {"samples", NULL, NULL, pxs_page_put_samples},
    {"lost", NULL, pxs_page_put_lost, NULL},
    {"runs", NULL, pxs_page_put_runs, NULL},
    {"experiment", NULL, put_experiment, NULL},
    {"version", NULL, put_version, NULL},
    {"licence", NULL, put_licence, NULL},
    {"library_js", pxs_page_dygraph_min_js, NULL, NULL},
    {"table_js", pxs_page_table_js, NULL, NULL},
    {"numbers_js", pxs_page_numbers_js, NULL, NULL},
    {"chart_js", pxs_page_chart_js, NULL, NULL},
};

static enum pxs_status put_page(struct pxs_page *p, struct pxs_error *err) {
    const char *from = pxs_page_page_html;
    for (const char *at; (at = strstr(from, "{{")) != NULL;) {
        const char *name = at + 2, *end = strstr(name, "}}");
        if (!end)
            return pxs_fail(err, PXS_E_INTERNAL, "page.html: {{ without }}");
        const size_t length = (size_t)(end - name);
        size_t i = 0;
        while (i < PXS_COUNT(parts) &&
               (strlen(parts[i].name) != length || strncmp(parts[i].name, name, length) != 0))
            i++;
        if (i == PXS_COUNT(parts))
            return pxs_fail(err, PXS_E_INTERNAL,
                            "page.html asks for {{%.*s}}, which page.c does not know", (int)length,
                            name);
        pxs_text_add_n(p->out, from, (size_t)(at - from));
        if (parts[i].text)
            pxs_text_add(p->out, parts[i].text);
        if (parts[i].put)
            parts[i].put(p);
        if (parts[i].make)
            PXS_TRY(parts[i].make(p, err));
        from = end + 2;
    }
    pxs_text_add(p->out, from);
    return pxs_text_status(p->out, err);
}

static void finish(struct pxs_page *p) {
    for (size_t i = 0; i < PXS_SHOWN_N; i++)
        pxs_table_finish(&p->shown[i].table);
    for (size_t i = 0; i < PXS_SQL_N; i++)
        pxs_text_finish(&p->sql[i]);
    pxs_table_finish(&p->sweep);
    pxs_table_finish(&p->params);
    pxs_table_finish(&p->facts);
    pxs_text_finish(&p->heading);
    pxs_text_finish(&p->comment);
    pxs_text_finish(&p->facts_line);
    free(p->by_epoch.all);
    free(p->by_batch.all);
    pxs_curves_finish(&p->curves);
    pxs_groups_finish(&p->groups);
    pxs_effects_finish(&p->effects);
    for (size_t i = 0; i < p->n_races; i++)
        pxs_store_looks_finish(&p->races[i]);
    pxs_choice_finish(&p->choice);
    pxs_comparison_finish(&p->comparison);
    pxs_arena_finish(&p->arena);
}

enum pxs_status pxs_page_data(struct pxs_store *s, const struct pxs_page_options *options,
                              int64_t epochs, struct pxs_text *out, struct pxs_error *err) {
    struct pxs_page p = {.s = s, .options = options, .epochs = epochs};
    struct pxs_json_writer w = {.out = out};
    enum pxs_status status = read_all(&p, err);
    if (status == PXS_OK) {
        pxs_page_put_data(&w, &p);
        status = pxs_json_finish(&w, err);
    }
    finish(&p);
    return status;
}

enum pxs_status pxs_report_page(struct pxs_store *s, const struct pxs_page_options *options,
                                struct pxs_page_info *info, struct pxs_text *out,
                                struct pxs_error *err) {
    struct pxs_page p = {.s = s, .options = options, .out = out};
    enum pxs_status status = read_all(&p, err);
    if (status == PXS_OK)
        status = put_page(&p, err);
    if (status == PXS_OK && info) {
        *info = (struct pxs_page_info){.n_runs = p.comparison.n_runs};
        snprintf(info->sweep, sizeof info->sweep, "%s", p.comparison.sweep);
    }
    finish(&p);
    return status;
}
