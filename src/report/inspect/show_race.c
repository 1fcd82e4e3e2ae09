/* show SWEEP: what its race has decided so far, look by look. */
#include "inspect_priv.h"

#include <math.h>

static const char decisions_sql[] =
    "SELECT look, seeds, configuration, n, diverged, pairs, mean, difference, low, high, decision "
    "FROM v_race WHERE sweep_id = ?1 ORDER BY look, decision = 'dropped', decision <> 'leads', "
    "abs(difference), configuration";

static const struct pxs_column columns[] = {
    {"look", PXS_SHOW_PLAIN}, {"seeds", PXS_SHOW_PLAIN},    {"configuration", PXS_SHOW_PLAIN},
    {"n", PXS_SHOW_PLAIN},    {"diverged", PXS_SHOW_PLAIN}, {"pairs", PXS_SHOW_PLAIN},
    {"mean", PXS_SHOW_FIXED}, {"against", PXS_SHOW_FIXED},  {"low", PXS_SHOW_FIXED},
    {"high", PXS_SHOW_TO},    {"decision", PXS_SHOW_PLAIN}};

static void put_words(const char *sweep, const struct pxs_store_looks *looks,
                      struct pxs_text *out) {
    const struct pxs_store_race *race = &looks->race;
    char number[32];
    pxs_text_add_words(out, "sweep       %s\n", sweep);
    if (race->max_seeds > 0) { /* else its looks were merged, and its file was never planned here */
        pxs_text_add_words(out, "asked for   a race by %s: confidence %g, %lld to %lld seeds",
                           race->metric, race->confidence, (long long)race->first,
                           (long long)race->max_seeds);
        if (race->indifference > 0)
            pxs_text_addf(out, ", differences up to %s do not matter",
                          pxs_format_rounded(number, race->indifference, 4));
        if (race->budget_runs > 0)
            pxs_text_addf(out, ", a budget of %lld runs", (long long)race->budget_runs);
        else if (isfinite(race->budget_s)) {
            pxs_format_duration(number, race->budget_s);
            pxs_text_addf(out, ", a budget of %s of training", number);
        }
        pxs_text_add(out, "\n");
    }
    pxs_store_race_words(looks, out);
    pxs_text_add(out, "\n");
    for (size_t i = 0; i < looks->n; i++) {
        pxs_text_add(out, "  ");
        pxs_race_words_look(&looks->looks[i], out);
        pxs_text_add(out, "\n");
    }
}

/* A mean of nothing but the penalty for divergence is no number that was measured. */
static void name_diverged(struct pxs_table *t) {
    enum { MEAN = 6 };
    for (size_t row = 0; row < t->n_rows; row++) {
        const int64_t diverged = pxs_table_at(t, row, "diverged").integer;
        if (diverged > 0 && diverged == pxs_table_at(t, row, "n").integer)
            pxs_table_set(t, row, MEAN, pxs_cell_text("diverged"));
    }
}

enum pxs_status pxs_show_race(struct pxs_store *s, const struct pxs_store_target *sweep,
                              const struct pxs_store_looks *looks, enum pxs_format format,
                              int width, struct pxs_text *out, struct pxs_error *err) {
    const struct pxs_cell id = pxs_cell_int(sweep->sweep_id);
    struct pxs_table t = {0};
    PXS_TRY(pxs_store_select(s, decisions_sql, &id, 1, &t, err));
    if (format != PXS_FORMAT_TABLE) {
        enum pxs_status status = pxs_report_table(&t, NULL, format, width, out, err);
        pxs_table_finish(&t);
        return status;
    }
    enum pxs_status status = PXS_OK;
    put_words(sweep->name, looks, out);
    if (t.n_rows > 0) {
        struct pxs_column shown[PXS_COUNT(columns)];
        for (size_t i = 0; i < PXS_COUNT(columns); i++)
            shown[i] = columns[i];
        pxs_hide_empty(&t, shown);
        name_diverged(&t);
        pxs_text_add(out, "\ndecisions (against the leader, over the seeds of both)\n");
        status = pxs_table_lay_out(&t, shown, width, out, err);
    }
    pxs_table_finish(&t);
    return status;
}
