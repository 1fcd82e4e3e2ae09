/* The SQL behind the page's numbers: statements that give a table's very rows, for `pixsweep sql` or any other client. */
#include "page_priv.h"

#include <string.h>

void pxs_sql_sweep(struct pxs_text *out, const char *sweep) {
    pxs_text_add(out, "(SELECT sweep_id FROM sweep WHERE name = ");
    pxs_sql_literal(out, sweep);
    pxs_text_add(out, ")");
}

/* ---- the comparison -------------------------------------------------------------------------------------- */

#define DONE " FILTER (WHERE state = 'completed')"
#define MEAN(x) "avg(" x ")" DONE
#define SHARED(x) "CASE WHEN min(" x ")" DONE " = max(" x ")" DONE " THEN min(" x ")" DONE " END"
#define SPREAD(x) "sqrt(sum(" x "_off * " x "_off)" DONE " / (count(" x ")" DONE " - 1))"
/* QUANTILES stands for Student's t by n. */
#define QUANTILES '\1'
#define HALF(x) "(CASE count(" x ")" DONE " \1 END) * " SPREAD(x) " / sqrt(count(" x ")" DONE ")"

/* What gives each column of the comparison. */
static const struct {
    const char *column, *sql;
} measures[] = {
    {"n", "count(*)" DONE},
    {"failed", "count(*) FILTER (WHERE state IN ('failed', 'diverged'))"},
    {"pruned", "count(*) FILTER (WHERE state = 'pruned')"},
    {"open", "count(*) FILTER (WHERE state NOT IN ('completed', 'failed', 'diverged', 'pruned'))"},
    {"best_val_loss_mean", MEAN("best_val_loss")},
    {"best_val_loss_std", SPREAD("best_val_loss")},
    {"best_val_loss_ci_low", MEAN("best_val_loss") " - " HALF("best_val_loss")},
    {"best_val_loss_ci_high", MEAN("best_val_loss") " + " HALF("best_val_loss")},
    {"best_epoch", MEAN("best_epoch")},
    {"final_val_loss_mean", MEAN("final_val_loss")},
    {"final_val_loss_std", SPREAD("final_val_loss")},
    {"val_auc_mean", MEAN("val_auc")},
    {"val_psnr_mean", MEAN("val_psnr")},
    {"val_ssim_mean", MEAN("val_ssim")},
    {"D_real_mean", MEAN("D_real")},
    {"D_fake_mean", MEAN("D_fake")},
    {"final_avg_loss_G_mean", MEAN("final_avg_loss_G")},
    {"final_avg_loss_G_std", SPREAD("final_avg_loss_G")},
    {"final_avg_loss_G_ci_low", MEAN("final_avg_loss_G") " - " HALF("final_avg_loss_G")},
    {"final_avg_loss_G_ci_high", MEAN("final_avg_loss_G") " + " HALF("final_avg_loss_G")},
    {"lr_G_first", SHARED("lr_first")},
    {"lr_G_last", SHARED("lr_last")},
    {"lr_G_ratio", SHARED("lr_last") " / " SHARED("lr_first")},
    {"seconds", MEAN("seconds")},
};

static const char *measure_of(const char *column) {
    for (size_t i = 0; i < PXS_COUNT(measures); i++) {
        if (strcmp(measures[i].column, column) == 0)
            return measures[i].sql;
    }
    return NULL;
}

static void put_keys(struct pxs_text *out, const struct pxs_groups *g, const char *before) {
    for (size_t k = 0; k < g->n_keys; k++) {
        pxs_text_add(out, k == 0 ? before : ", ");
        pxs_sql_name(out, g->keys[k]);
    }
}

/* What is measured of each run, as the comparison does. */
static const char one_sql[] =
    "    s.best_val_loss, s.best_epoch, s.final_val_loss, s.final_avg_loss_G, s.seconds,\n"
    "    b.val_psnr, b.val_ssim, -- of the epoch whose weights were kept\n"
    "    (SELECT CASE WHEN count(*) > 1 THEN sum((val_loss + before) / 2 * (epoch - since)) / (max(epoch) - "
    "min(epoch))\n"
    "       ELSE max(val_loss) END\n"
    "     FROM (SELECT epoch, val_loss, lag(val_loss) OVER (ORDER BY epoch) AS before, lag(epoch) OVER "
    "(ORDER BY epoch) AS since\n"
    "           FROM epoch e WHERE e.run_id = r.run_id AND val_loss IS NOT NULL)) AS val_auc,\n"
    "    (SELECT avg_D_real FROM d_output d WHERE d.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) AS "
    "D_real,\n"
    "    (SELECT avg_D_fake FROM d_output d WHERE d.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) AS "
    "D_fake,\n"
    "    (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch LIMIT 1) AS lr_first,\n"
    "    (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) AS lr_last\n"
    "  FROM run r LEFT JOIN run_summary s USING (run_id)\n"
    "    LEFT JOIN epoch b ON b.run_id = r.run_id AND b.epoch = s.best_epoch\n"
    "  WHERE r.sweep_id = ";

static void put_runs(struct pxs_text *out, const struct pxs_page *p) {
    pxs_text_add(out, "WITH one AS MATERIALIZED (SELECT r.run_id, r.number, r.seed, r.state,\n");
    for (size_t k = 0; k < p->groups.n_keys; k++) {
        if (strcmp(p->groups.keys[k], "seed") == 0)
            continue; /* it is a column of the run */
        pxs_text_addf(out, "    %s AS ", p->groups.sql[k]);
        pxs_sql_name(out, p->groups.keys[k]);
        pxs_text_add(out, ",\n");
    }
    pxs_text_add(out, one_sql);
    pxs_sql_sweep(out, p->comparison.sweep);
    pxs_text_add(out, ")");
}

/* Student's t for 95 %, for each number of runs that a configuration has; NULL for one. */
static void put_quantiles(struct pxs_text *out, const struct pxs_page *p) {
    size_t most = 2;
    char buf[32];
    for (size_t g = 0; g < p->groups.n_groups; g++) {
        size_t n = 0;
        for (size_t run = 0; run < p->groups.n_runs; run++)
            n += p->groups.group_of[run] == g;
        most = n > most ? n : most;
    }
    for (size_t n = 2; n <= most; n++)
        pxs_text_addf(out, "%sWHEN %zu THEN %s", n > 2 ? " " : "", n,
                      pxs_format_double(buf, pxs_student_critical(PXS_ALPHA, (double)n - 1)));
}

static void put_measure(struct pxs_text *out, const struct pxs_page *p, const char *sql, const char *column) {
    const char *mark = strchr(sql, QUANTILES);
    if (mark == NULL) {
        pxs_text_addf(out, "%s AS %s", sql, column);
        return;
    }
    pxs_text_add_n(out, sql, (size_t)(mark - sql));
    put_quantiles(out, p);
    pxs_text_addf(out, "%s AS %s", mark + 1, column);
}

/* By the mean that ranks, as the comparison. */
static void put_order(struct pxs_text *out, const struct pxs_comparison *c) {
    const char *metric = c->metric, *way = c->higher_is_better ? " DESC" : "";
    pxs_text_addf(out, "\nORDER BY avg(%s)" DONE " IS NULL, avg(%s)" DONE "%s, min(number)", metric, metric,
                  way);
}

void pxs_sql_comparison(struct pxs_text *out, const struct pxs_page *p, const char *const *columns,
                        size_t n_columns) {
    const struct pxs_comparison *c = &p->comparison;
    put_runs(out, p);
    pxs_text_add(out, ",\ncentred AS (SELECT *,\n"
                      "    best_val_loss - avg(best_val_loss)" DONE " OVER w AS best_val_loss_off,\n"
                      "    final_val_loss - avg(final_val_loss)" DONE " OVER w AS final_val_loss_off,\n"
                      "    final_avg_loss_G - avg(final_avg_loss_G)" DONE " OVER w AS final_avg_loss_G_off\n"
                      "  FROM one WINDOW w AS (");
    put_keys(out, &p->groups, "PARTITION BY ");
    pxs_text_add(out, "))\n");
    pxs_text_add(out, "SELECT ");
    for (size_t i = 0; i < n_columns; i++) {
        pxs_text_add(out, i > 0 ? ",\n  " : "");
        if (i >= c->n_keys)
            put_measure(out, p, measure_of(columns[i]), columns[i]);
        else if (p->groups.n_keys > 0)
            pxs_sql_name(out, columns[i]);
        else {
            pxs_sql_literal(out, c->sweep);
            pxs_text_add(out, " AS sweep");
        }
    }
    pxs_text_add(out, "\nFROM centred");
    put_keys(out, &p->groups, " GROUP BY ");
    put_order(out, c);
}

/* "x.lr_policy_G IS 'halve' AND x.lrgd IS 25": the configuration of the comparison's first row. */
static void put_first(struct pxs_text *out, const struct pxs_page *p, const char *table) {
    const struct pxs_comparison *c = &p->comparison;
    char buf[32];
    for (size_t k = 0; k < c->n_keys; k++) {
        const struct pxs_cell *cell = &c->table.cells[k];
        pxs_text_addf(out, "%s%s.", k > 0 ? " AND " : "", table);
        pxs_sql_name(out, c->table.columns[k]);
        pxs_text_add(out, " IS ");
        if (cell->kind == PXS_CELL_TEXT)
            pxs_sql_literal(out, cell->text);
        else
            pxs_text_add(out, cell->kind == PXS_CELL_NULL ? "NULL" : pxs_format_double(buf, cell->real));
    }
}

/* Where a key's values are the same in two tables. */
static void put_same(struct pxs_text *out, const struct pxs_page *p) {
    for (size_t k = 0; k < p->groups.n_keys; k++) {
        pxs_text_add(out, " AND o.");
        pxs_sql_name(out, p->groups.keys[k]);
        pxs_text_add(out, " IS c.");
        pxs_sql_name(out, p->groups.keys[k]);
    }
}

void pxs_sql_differences(struct pxs_text *out, const struct pxs_page *p) {
    const struct pxs_comparison *c = &p->comparison;
    static const char half[] =
        "(CASE count(*) \1 END) * sqrt(sum(off * off) / (count(*) - 1)) / sqrt(count(*))";
    put_runs(out, p);
    pxs_text_addf(
        out,
        ",\npair AS (SELECT x.*, x.%s - f.%s AS d FROM one x JOIN one f USING (seed)\n  WHERE x.state = "
        "'completed' AND f.state = 'completed'\n    AND x.run_id NOT IN (SELECT run_id FROM imported) AND "
        "f.run_id NOT IN (SELECT run_id FROM imported)\n    AND ",
        c->metric, c->metric);
    put_first(out, p, "f");
    pxs_text_add(out, "\n    AND NOT (");
    put_first(out, p, "x");
    pxs_text_add(out, ")),\ncentred AS (SELECT *, d - avg(d) OVER (");
    put_keys(out, &p->groups, "PARTITION BY ");
    pxs_text_add(out, ") AS off FROM pair WHERE d IS NOT NULL)\nSELECT ");
    put_keys(out, &p->groups, "");
    pxs_text_add(out, ", count(*) AS vs_best_n, avg(d) AS vs_best_diff,\n  avg(d) - ");
    put_measure(out, p, half, "vs_best_ci_low");
    pxs_text_add(out, ",\n  avg(d) + ");
    put_measure(out, p, half, "vs_best_ci_high");
    pxs_text_add(out, "\nFROM centred c");
    put_keys(out, &p->groups, " GROUP BY ");
    pxs_text_addf(out, " HAVING count(*) > 1\nORDER BY (SELECT avg(%s) FROM one o WHERE state = 'completed'",
                  c->metric);
    put_same(out, p);
    pxs_text_addf(out, ")%s, min(number)", c->higher_is_better ? " DESC" : "");
}

bool pxs_sql_has_measure(const char *column) {
    return measure_of(column) != NULL;
}

/* ---- showing it ------------------------------------------------------------------------------------------ */

void pxs_page_put_sql(struct pxs_page *p, const char *id, const char *words, const char *sql) {
    pxs_text_addf(p->out, "<details class=\"sql\" id=\"%s\"><summary>", id);
    pxs_html_text(p->out, words);
    pxs_text_add(p->out, "</summary>\n<pre tabindex=\"0\"><code>");
    pxs_html_text(p->out, sql);
    pxs_text_add(p->out, "</code></pre></details>\n");
}
