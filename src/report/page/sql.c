/* The statements that the page shows below its tables and curves: what was asked of the database,
 * as it can be asked again. */
#include "page_priv.h"

#include <inttypes.h>

static const struct {
    const char *id, *words;
} statements[PXS_SQL_N] = {
    [PXS_SQL_CONFIGURATIONS] = {"sql-configurations", "SQL: what makes the configurations"},
    [PXS_SQL_COMPARISON] = {"sql-comparison",
                            "SQL: what is measured of each run, for the comparison"},
    [PXS_SQL_EPOCHS] = {"sql-epochs", "SQL: the curves by epoch"},
    [PXS_SQL_BATCHES] = {"sql-batches", "SQL: the curves by batch"},
    [PXS_SQL_RACE] = {"sql-race", "SQL: what the race decided"},
    [PXS_SQL_LOST] = {"sql-lost",
                      "SQL: runs that are not completed, with the last attempt's message"},
    [PXS_SQL_RUNS] = {"sql-runs", "SQL: every run"},
    [PXS_SQL_PARAMS] = {"sql-params", "SQL: the runs' parameters"},
    [PXS_SQL_FACTS] = {"sql-facts", "SQL: the runs' environment"},
};

const char *pxs_page_sql_id(enum pxs_page_sql which) {
    return statements[which].id;
}

void pxs_page_fill_sql(const struct pxs_page *p, const char *sql, const struct pxs_cell *args,
                       size_t n, struct pxs_text *out) {
    struct pxs_text chosen = {0};
    pxs_choice_sql(&p->choice, sql, &chosen);
    pxs_sql_filled(out, pxs_text_str(&chosen), args, n);
    out->failed = out->failed || chosen.failed;
    pxs_text_finish(&chosen);
}

enum pxs_status pxs_page_ask(struct pxs_page *p, enum pxs_page_sql which, const char *sql,
                             struct pxs_table *out, struct pxs_error *err) {
    const struct pxs_cell args[] = {pxs_cell_int(p->groups.sweep_id),
                                    p->epochs > 0 ? pxs_cell_int(p->epochs - 1)
                                                  : pxs_cell_text(NULL)};
    pxs_page_fill_sql(p, sql, args, PXS_COUNT(args), &p->sql[which]);
    PXS_TRY(pxs_text_status(&p->sql[which], err));
    return pxs_store_select(p->s, pxs_text_str(&p->sql[which]), NULL, 0, out, err);
}

void pxs_page_put_sql(struct pxs_page *p, enum pxs_page_sql which) {
    if (p->sql[which].len == 0)
        return;
    pxs_text_addf(p->out, "<details class=\"sql\" id=\"%s\"><summary>", statements[which].id);
    pxs_html_text(p->out, statements[which].words);
    pxs_text_add(p->out, "</summary>\n<pre tabindex=\"0\"><code>");
    pxs_html_text(p->out, pxs_text_str(&p->sql[which]));
    pxs_text_add(p->out, "</code></pre></details>\n");
}
