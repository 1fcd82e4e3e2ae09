/* ls: one row a run. */
#include "pixsweep/inspect.h"
#include "pixsweep/metrics.h"
#include "pixsweep/table.h"
#include "inspect_texts.h"

#include <string.h>

static const struct pxs_column list_columns[] = {
    {"run", PXS_SHOW_PLAIN},        {"name", PXS_SHOW_WHOLE},     {"state", PXS_SHOW_PLAIN},
    {"tries", PXS_SHOW_PLAIN},      {"epochs", PXS_SHOW_PLAIN},   {"of", PXS_SHOW_PLAIN},
    {"best val", PXS_SHOW_FIXED},   {"at epoch", PXS_SHOW_PLAIN}, {"final val", PXS_SHOW_FIXED},
    {"avg loss_G", PXS_SHOW_FIXED}, {"time", PXS_SHOW_DURATION},  {"images/s", PXS_SHOW_FIXED},
    {"reason", PXS_SHOW_PLAIN},     {"stale", PXS_SHOW_HIDDEN},   {"imported", PXS_SHOW_HIDDEN},
};
enum { STATE = 2, ATTEMPTS = 3, REASON = 12, STALE = 13, IMPORTED = 14 };

static bool is_listed(enum pxs_run_state state) {
    return pxs_state_is_stored(state) || state == PXS_STATE_NOT_NEEDED;
}

static enum pxs_status check_state(const char *state, struct pxs_error *err) {
    const char *names[PXS_STATES];
    size_t n = 0;
    struct pxs_text all = {0};
    if (is_listed(pxs_state_parse(state)))
        return PXS_OK;
    for (size_t i = 0; i < PXS_STATES; i++) {
        if (!is_listed((enum pxs_run_state)i))
            continue;
        names[n] = pxs_state_name((enum pxs_run_state)i);
        pxs_text_addf(&all, "%s%s", n > 0 ? ", " : "", names[n]);
        n++;
    }
    const char *near = pxs_nearest_word(state, names, n);
    const enum pxs_status status = pxs_fail(err, PXS_E_INVALID, "there is no state '%s'%s%s%s (%s)",
                                            state, near ? "; did you mean '" : "", near ? near : "",
                                            near ? "'?" : "", pxs_text_str(&all));
    pxs_text_finish(&all);
    return status;
}

/* Marks the runs whose process is gone; *n = how many of those listed. */
static enum pxs_status mark_stale(struct pxs_store *s, int64_t sweep_id, struct pxs_table *t,
                                  size_t *n, struct pxs_error *err) {
    struct pxs_stale stale;
    PXS_TRY(pxs_stale_read(s, sweep_id, &stale, err));
    *n = 0;
    for (size_t row = 0; row < t->n_rows; row++) {
        if (!pxs_stale_has(&stale, t->cells[row * t->n_columns].integer))
            continue;
        pxs_table_set(t, row, STALE, pxs_cell_int(1));
        ++*n;
    }
    pxs_stale_finish(&stale);
    return PXS_OK;
}

/* A table for people: "stale" goes into the state's column, a reason is cut to its first line. */
static enum pxs_status put_table(const struct pxs_store *s, struct pxs_table *t, size_t n_stale,
                                 int width, struct pxs_text *out, struct pxs_error *err) {
    struct pxs_column columns[PXS_COUNT(list_columns)];
    bool repeated = false;
    memcpy(columns, list_columns, sizeof columns);
    for (size_t row = 0; row < t->n_rows; row++) {
        struct pxs_cell *cells = t->cells + row * t->n_columns;
        if (cells[STALE].integer != 0)
            cells[STATE] = pxs_cell_text(pxs_state_name(PXS_STATE_STALE));
        const char *marked = cells[IMPORTED].integer != 0
                                 ? pxs_arena_printf(&t->arena, "%s, imported", cells[STATE].text)
                                 : NULL;
        if (marked)
            cells[STATE] = pxs_cell_text(marked);
        pxs_cell_first_line(&cells[REASON]);
        repeated = repeated || cells[ATTEMPTS].integer > 1;
    }
    pxs_hide_empty(t, columns);
    if (!repeated)
        columns[ATTEMPTS].show = PXS_SHOW_HIDDEN;
    struct pxs_text left_out = {0};
    enum pxs_status status = pxs_hide_to_fit(t, columns, width, &left_out, err);
    if (status == PXS_OK)
        status = pxs_report_table(t, columns, PXS_FORMAT_TABLE, width, out, err);
    pxs_text_add(out, pxs_text_str(&left_out));
    pxs_text_finish(&left_out);
    pxs_stale_say(s, n_stale, out);
    return status != PXS_OK ? status : pxs_text_status(out, err);
}

enum pxs_status pxs_report_list(struct pxs_store *s, const struct pxs_list_options *options,
                                enum pxs_format format, int width, struct pxs_text *out,
                                struct pxs_error *err) {
    int64_t sweep_id = 0;
    if (options->state)
        PXS_TRY(check_state(options->state, err));
    if (options->sweep)
        PXS_TRY(pxs_store_find_sweep(s, options->sweep, &sweep_id, err));
    const struct pxs_cell args[] = {pxs_cell_int(sweep_id), pxs_cell_text(options->state)};
    struct pxs_table table = {0};
    PXS_TRY(pxs_store_select(s, pxs_inspect_list_sql, args, PXS_COUNT(args), &table, err));
    size_t n_stale;
    enum pxs_status status = mark_stale(s, sweep_id, &table, &n_stale, err);
    if (status == PXS_OK && format == PXS_FORMAT_TABLE)
        status = put_table(s, &table, n_stale, width, out, err);
    else if (status == PXS_OK)
        status = pxs_report_table(&table, NULL, format, width, out, err);
    pxs_table_finish(&table);
    return status;
}
