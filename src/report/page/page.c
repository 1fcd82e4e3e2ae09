/* The page: one HTML file that holds everything that it shows. Its frame is page.html, with {{names}} where this file
 * and its neighbours write. */
#include "page_priv.h"
#include "page_texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the page is about ------------------------------------------------------------------------------ */

static enum pxs_status read_all(struct pxs_page *p, struct pxs_error *err) {
    const struct pxs_page_options *o = p->options;
    /* Its SQL knows completed runs. */
    const struct pxs_compare_options compare = {
        .sweep = o->sweep, .by = o->by, .n_by = o->n_by, .completed_only = true};
    int64_t sweep_id;
    PXS_TRY(pxs_store_find_sweep(p->s, o->sweep, &sweep_id, err));
    PXS_TRY(pxs_compare(p->s, &compare, &p->comparison, err));
    PXS_TRY(pxs_groups_read(p->s, sweep_id, o->by, o->n_by, &p->groups, err));
    if (strcmp(p->groups.sweep, p->comparison.sweep) != 0)
        return pxs_fail(err, PXS_E_BUSY,
                        "another sweep was planned while this one was being read; ask again");
    if (p->groups.n_runs == 0)
        return pxs_fail(err, PXS_E_NOT_FOUND, "sweep %s has no runs, so there is nothing to report",
                        p->comparison.sweep);
    const struct pxs_cell id = pxs_cell_int(sweep_id);
    PXS_TRY(pxs_store_select(p->s, pxs_page_sweep_sql, &id, 1, &p->sweep, err));
    PXS_TRY(pxs_page_read_curves(p, err));
    return pxs_page_read_runs(p, err);
}

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

static void put_title(struct pxs_page *p) {
    pxs_html_textf(p->out, "%s: pixsweep report", p->comparison.sweep);
}

static void put_heading(struct pxs_page *p) {
    const struct pxs_groups *g = &p->groups;
    if (g->n_groups < 2) {
        pxs_html_textf(p->out, "How did %s go?", p->comparison.sweep);
        return;
    }
    pxs_text_add(p->out, "Which ");
    for (size_t k = 0; k < g->n_keys; k++)
        pxs_html_textf(p->out, "%s%s", k == 0 ? "" : k + 1 == g->n_keys ? " and " : ", ", g->keys[k]);
    pxs_html_textf(p->out, " did best in %s?", p->comparison.sweep);
}

/* The comment that an experiment file begins with is its author's own question. */
static void put_comment(struct pxs_page *p) {
    const char *yaml = pxs_table_at(&p->sweep, 0, "spec_yaml").text;
    bool any = false;
    for (const char *line = yaml != NULL ? yaml : ""; *line == '#';) {
        const size_t length = strcspn(line, "\n"), skip = 1 + strspn(line + 1, "# \t");
        if (skip < length) {
            pxs_text_add(p->out, any ? " " : "<blockquote>");
            pxs_html_text_n(p->out, line + skip, length - skip);
            any = true;
        }
        line += length + (line[length] == '\n');
    }
    if (any)
        pxs_text_add(p->out, "</blockquote>\n");
}

static void put_question(struct pxs_page *p) {
    const struct pxs_comparison *c = &p->comparison;
    const struct pxs_cell data = pxs_table_at(&p->sweep, 0, "dataset"),
                          last = pxs_table_at(&p->sweep, 0, "last_ms");
    const int64_t seeds = pxs_table_at(&p->sweep, 0, "seeds").integer;
    put_comment(p);
    pxs_text_addf(p->out, "<p class=\"facts\">%zu run%s in %zu configuration%s", c->n_runs, plural(c->n_runs),
                  p->groups.n_groups, plural(p->groups.n_groups));
    if (seeds > 0) /* those of imported runs are not known */
        pxs_text_addf(p->out, " with %" PRId64 " seed%s", seeds, plural((size_t)seeds));
    if (data.kind == PXS_CELL_TEXT && p->groups.one_data_set) {
        const char *slash = strrchr(data.text, '/');
        pxs_html_textf(p->out, "; data set %s", slash != NULL && slash[1] != '\0' ? slash + 1 : data.text);
    }
    if (last.kind == PXS_CELL_INT) {
        char when[32];
        pxs_format_utc(when, last.integer);
        pxs_text_addf(p->out, "; recorded until %s UTC", when);
    }
    pxs_text_add(p->out, ".</p>\n");
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
    pxs_html_text(p->out, yaml != NULL ? yaml : "");
    pxs_text_add(p->out, "</code></pre></details>\n");
}

static void put_version(struct pxs_page *p) {
    pxs_html_text(p->out, pxs_version());
}

/* Nothing but what is in the file: its scripts by their hashes, so that nothing else is ever run; no network. */
static void put_policy(struct pxs_page *p) {
    const char *const scripts[] = {pxs_page_dygraph_min_js, pxs_page_table_js, pxs_page_numbers_js,
                                   pxs_page_chart_js};
    pxs_text_add(p->out, "default-src 'none'; script-src");
    for (size_t i = 0; i < PXS_COUNT(scripts); i++) {
        pxs_text_add(p->out, " ");
        pxs_csp_hash(p->out, scripts[i], strlen(scripts[i]));
    }
    pxs_text_add(p->out, "; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'");
}

static void put_licence(struct pxs_page *p) {
    pxs_html_text(p->out, pxs_page_dygraphs_licence_txt);
}

/* ---- the frame ------------------------------------------------------------------------------------------- */

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
    {"comparison", NULL, NULL, pxs_page_put_comparison},
    {"series", NULL, NULL, pxs_page_put_series},
    {"samples", NULL, NULL, pxs_page_put_samples},
    {"lost", NULL, NULL, pxs_page_put_lost},
    {"runs", NULL, pxs_page_put_runs, NULL},
    {"experiment", NULL, put_experiment, NULL},
    {"version", NULL, put_version, NULL},
    {"licence", NULL, put_licence, NULL},
    {"library_js", pxs_page_dygraph_min_js, NULL, NULL},
    {"table_js", pxs_page_table_js, NULL, NULL},
    {"numbers_js", pxs_page_numbers_js, NULL, NULL},
    {"chart_js", pxs_page_chart_js, NULL, NULL},
};

static enum pxs_status put_part(struct pxs_page *p, const char *name, size_t length, struct pxs_error *err) {
    for (size_t i = 0; i < PXS_COUNT(parts); i++) {
        const struct part *part = &parts[i];
        if (strlen(part->name) != length || strncmp(part->name, name, length) != 0)
            continue;
        if (part->text != NULL)
            pxs_text_add(p->out, part->text);
        if (part->put != NULL)
            part->put(p);
        return part->make != NULL ? part->make(p, err) : PXS_OK;
    }
    return pxs_fail(err, PXS_E_INTERNAL, "page.html asks for {{%.*s}}, which page.c does not know",
                    (int)length, name);
}

static enum pxs_status put_page(struct pxs_page *p, struct pxs_error *err) {
    const char *from = pxs_page_page_html;
    for (const char *at; (at = strstr(from, "{{")) != NULL;) {
        const char *name = at + 2, *end = strstr(name, "}}");
        if (end == NULL)
            return pxs_fail(err, PXS_E_INTERNAL, "page.html: {{ without }}");
        pxs_text_add_n(p->out, from, (size_t)(at - from));
        PXS_TRY(put_part(p, name, (size_t)(end - name), err));
        from = end + 2;
    }
    pxs_text_add(p->out, from);
    return pxs_text_status(p->out, err);
}

static void finish(struct pxs_page *p) {
    struct pxs_table *const tables[] = {&p->sweep, &p->runs, &p->params, &p->facts};
    struct pxs_text *const texts[] = {&p->runs_sql, &p->params_sql, &p->facts_sql};
    for (size_t i = 0; i < PXS_COUNT(tables); i++)
        pxs_table_finish(tables[i]);
    for (size_t i = 0; i < PXS_COUNT(texts); i++)
        pxs_text_finish(texts[i]);
    free(p->by_epoch.all);
    free(p->by_batch.all);
    pxs_curves_finish(&p->curves);
    pxs_groups_finish(&p->groups);
    pxs_comparison_finish(&p->comparison);
}

enum pxs_status pxs_report_page(struct pxs_store *s, const struct pxs_page_options *options,
                                struct pxs_page_info *info, struct pxs_text *out, struct pxs_error *err) {
    struct pxs_page p = {.s = s, .options = options, .out = out};
    enum pxs_status status = read_all(&p, err);
    if (status == PXS_OK)
        status = put_page(&p, err);
    if (status == PXS_OK && info != NULL) {
        *info = (struct pxs_page_info){.n_runs = p.comparison.n_runs};
        snprintf(info->sweep, sizeof info->sweep, "%s", p.comparison.sweep);
    }
    finish(&p);
    return status;
}
