/* Races: what a sweep's file asks for, and what was judged. */
#include "store_priv.h"
#include "store_texts.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum pxs_status set_race(struct pxs_store *s, int64_t sweep_id,
                                const struct pxs_store_race *race, struct pxs_error *err) {
    PXS_TRY(pxs_store_run_stmt(
        s, PXS_ST_SWEEP_SET_RACE,
        PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text_or_null(race ? race->race : "")), err));
    if (!race)
        return PXS_OK;
    return pxs_store_run_stmt(
        s, PXS_ST_RACE_PUT,
        PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(race->race), pxs_cell_real(race->confidence),
                 pxs_cell_int(race->first), pxs_cell_int(race->max_seeds),
                 pxs_cell_real(race->indifference), pxs_cell_text(race->metric),
                 pxs_cell_real(isfinite(race->budget_s) ? race->budget_s : NAN),
                 pxs_cell_int_or_null(race->budget_runs)),
        err);
}

enum pxs_status pxs_store_set_race(struct pxs_store *s, int64_t sweep_id,
                                   const struct pxs_store_race *race, struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    return pxs_store_end(s, set_race(s, sweep_id, race, err), err);
}

enum pxs_status pxs_store_adopt_race(struct pxs_store *s, int64_t sweep_id, struct pxs_error *err) {
    int64_t adoptable;
    const struct pxs_cell id = pxs_cell_int(sweep_id);
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(pxs_store_int(s, PXS_ST_RACE_ADOPTABLE, &id, 1, 0, &adoptable, err));
    if (!adoptable)
        return PXS_OK;
    PXS_TRY(pxs_store_begin(s, err));
    return pxs_store_end(s, pxs_store_run_stmt(s, PXS_ST_RACE_ADOPT, &id, 1, err), err);
}

/* ---- looks ---------------------------------------------------------------------------------- */

static struct pxs_cell finite_cell(double value) {
    return pxs_cell_real(isfinite(value) ? value : NAN);
}

static enum pxs_status add_look(struct pxs_store *s, int64_t sweep_id,
                                const struct pxs_race_record *look, bool *added,
                                struct pxs_error *err) {
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_RACE_LOOK_INSERT,
                               PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(look->race),
                                        pxs_cell_int(look->look), pxs_cell_int(look->seeds),
                                        pxs_cell_text(look->metric), finite_cell(look->level),
                                        finite_cell(look->penalty)),
                               err));
    *added = pxs_sql_changes(s->sql) > 0;
    for (size_t i = 0; *added && i < look->n; i++) {
        const struct pxs_race_entry *e = &look->entries[i];
        PXS_TRY(pxs_store_run_stmt(
            s, PXS_ST_RACE_DECISION_INSERT,
            PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(look->race), pxs_cell_int(look->look),
                     pxs_cell_text(e->label ? e->label : ""), pxs_cell_text(e->config_hash),
                     pxs_cell_int((int64_t)e->n), pxs_cell_int((int64_t)e->diverged),
                     pxs_cell_int((int64_t)e->pairs), finite_cell(e->mean),
                     finite_cell(e->difference), finite_cell(e->low), finite_cell(e->high),
                     pxs_cell_text(pxs_race_decision_name(e->decision))),
            err));
    }
    return PXS_OK;
}

enum pxs_status pxs_store_add_look(struct pxs_store *s, int64_t sweep_id,
                                   const struct pxs_race_record *look, bool *added,
                                   struct pxs_error *err) {
    bool made = false;
    PXS_TRY(pxs_store_begin(s, err));
    PXS_TRY(pxs_store_end(s, add_look(s, sweep_id, look, &made, err), err));
    *added = made;
    return PXS_OK;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* `none` where it is NULL. */
static double real_at(const struct pxs_table *t, size_t row, const char *column, double none) {
    const struct pxs_cell cell = pxs_table_at(t, row, column);
    return cell.kind == PXS_CELL_REAL ? cell.real : none;
}

static int64_t integer_at(const struct pxs_table *t, size_t row, const char *column) {
    const struct pxs_cell cell = pxs_table_at(t, row, column);
    return cell.kind == PXS_CELL_INT ? cell.integer : 0;
}

static void text_at(const struct pxs_table *t, size_t row, const char *column, char *out,
                    size_t size) {
    const struct pxs_cell cell = pxs_table_at(t, row, column);
    snprintf(out, size, "%s", cell.kind == PXS_CELL_TEXT ? cell.text : "");
}

static void fill_race(const struct pxs_table *t, struct pxs_store_race *race) {
    text_at(t, 0, "race", race->race, sizeof race->race);
    text_at(t, 0, "metric", race->metric, sizeof race->metric);
    race->confidence = real_at(t, 0, "confidence", NAN);
    race->indifference = real_at(t, 0, "indifference", NAN);
    race->first = integer_at(t, 0, "first");
    race->max_seeds = integer_at(t, 0, "max_seeds");
    race->budget_s = real_at(t, 0, "budget_seconds", INFINITY);
    race->budget_runs = integer_at(t, 0, "budget_runs");
}

static void fill_entry(const struct pxs_table *t, size_t row, struct pxs_race_entry *e) {
    char word[16];
    text_at(t, row, "config_hash", e->config_hash, sizeof e->config_hash);
    text_at(t, row, "decision", word, sizeof word);
    for (int d = PXS_RACE_LEADS; d <= PXS_RACE_DROPPED; d++)
        if (strcmp(word, pxs_race_decision_name((enum pxs_race_decision)d)) == 0)
            e->decision = (enum pxs_race_decision)d;
    e->n = (size_t)integer_at(t, row, "n");
    e->diverged = (size_t)integer_at(t, row, "diverged");
    e->pairs = (size_t)integer_at(t, row, "pairs");
    e->mean = real_at(t, row, "mean", NAN);
    e->difference = real_at(t, row, "difference", NAN);
    e->low = real_at(t, row, "low", -INFINITY);
    e->high = real_at(t, row, "high", INFINITY);
}

/* One look: the rows from `first` on that have its number. */
static enum pxs_status fill_look(const struct pxs_table *t, size_t first, const char *race,
                                 struct pxs_race_record *look, struct pxs_error *err) {
    look->look = (int)integer_at(t, first, "look");
    while (first + look->n < t->n_rows && integer_at(t, first + look->n, "look") == look->look)
        look->n++;
    look->entries = calloc(look->n, sizeof *look->entries);
    if (!look->entries)
        return pxs_fail_nomem(err);
    snprintf(look->race, sizeof look->race, "%s", race);
    look->seeds = (int)integer_at(t, first, "seeds");
    text_at(t, first, "metric", look->metric, sizeof look->metric);
    look->level = real_at(t, first, "level", NAN);
    look->penalty = real_at(t, first, "penalty", NAN);
    for (size_t i = 0; i < look->n; i++) {
        const struct pxs_cell label = pxs_table_at(t, first + i, "configuration");
        struct pxs_race_entry *e = &look->entries[i];
        fill_entry(t, first + i, e);
        e->label = pxs_arena_strdup(&look->labels, label.kind == PXS_CELL_TEXT ? label.text : "");
        if (!e->label)
            return pxs_fail_nomem(err);
    }
    return PXS_OK;
}

enum pxs_status pxs_store_looks(struct pxs_store *s, int64_t sweep_id, struct pxs_store_looks *out,
                                struct pxs_error *err) {
    const struct pxs_cell arg = pxs_cell_int(sweep_id);
    struct pxs_store_looks found = {0};
    struct pxs_table asked = {0}, rows = {0};
    enum pxs_status status = pxs_store_select(s, pxs_store_race_asked_sql, &arg, 1, &asked, err);
    if (status == PXS_OK)
        status = pxs_store_select(s, pxs_store_race_rows_sql, &arg, 1, &rows, err);
    if (status == PXS_OK) {
        text_at(&asked, 0, "sweep", found.sweep, sizeof found.sweep);
        fill_race(&asked, &found.race);
        found.cut = integer_at(&asked, 0, "cut") != 0;
    }
    if (status == PXS_OK && rows.n_rows > 0) {
        found.looks = calloc(rows.n_rows, sizeof *found.looks);
        status = found.looks ? PXS_OK : pxs_fail_nomem(err);
    }
    for (size_t row = 0; status == PXS_OK && row < rows.n_rows; row += found.looks[found.n - 1].n)
        status = fill_look(&rows, row, found.race.race, &found.looks[found.n++], err);
    pxs_table_finish(&asked);
    pxs_table_finish(&rows);
    if (status == PXS_OK)
        *out = found;
    else
        pxs_store_looks_finish(&found);
    return status;
}

static void rule_of(const struct pxs_store_race *race, struct pxs_race_options *out) {
    pxs_race_defaults(out);
    out->confidence = race->confidence;
    out->first = (int)race->first;
    out->max_seeds = race->max_seeds > 0 ? (int)race->max_seeds : INT_MAX;
    out->indifference = race->indifference;
}

void pxs_store_looks_finish(struct pxs_store_looks *looks) {
    for (size_t i = 0; i < looks->n; i++)
        pxs_race_record_finish(&looks->looks[i]);
    free(looks->looks);
    memset(looks, 0, sizeof *looks);
}

void pxs_store_race_words(const struct pxs_store_looks *looks, struct pxs_text *out) {
    struct pxs_race_options rule;
    if (!looks->race.race[0])
        return;
    rule_of(&looks->race, &rule);
    pxs_text_add(out, "race: ");
    pxs_race_words_now(&rule, looks->n > 0 ? &looks->looks[looks->n - 1] : NULL,
                       looks->n > 0 ? looks->looks[0].n : 0, looks->cut, looks->race.budget_runs,
                       out);
}
