/* Which runs a report is of: those of one sweep or of several, less those that do not count.
 * Statements say `sweep_id = ?1`; where more than that is asked, it becomes a longer condition, so
 * that one sweep alone is asked for as it stands. */
#include "pixsweep/metrics.h"
#include "metrics_texts.h"

#include <inttypes.h>
#include <string.h>

static enum pxs_status find_sweeps(struct pxs_store *s, const struct pxs_choice_options *o,
                                   struct pxs_choice *c, struct pxs_error *err) {
    c->sweeps = pxs_arena_alloc(&c->arena, (1 + o->n_more) * sizeof *c->sweeps);
    if (!c->sweeps)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < 1 + o->n_more; i++) {
        int64_t id;
        size_t k = 0;
        PXS_TRY(pxs_store_find_sweep(s, i == 0 ? o->sweep : o->more[i - 1], &id, err));
        while (k < c->n_sweeps && c->sweeps[k] != id)
            k++;
        if (k == c->n_sweeps)
            c->sweeps[c->n_sweeps++] = id;
    }
    return PXS_OK;
}

/* "a", "a and b", "a, b and c". */
static enum pxs_status make_name(struct pxs_store *s, struct pxs_choice *c, struct pxs_error *err) {
    struct pxs_text name = {0};
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < c->n_sweeps && status == PXS_OK; i++) {
        const struct pxs_cell id = pxs_cell_int(c->sweeps[i]);
        struct pxs_table t = {0};
        status = pxs_store_select(s, "SELECT name FROM sweep WHERE sweep_id = ?1", &id, 1, &t, err);
        if (status == PXS_OK)
            pxs_text_addf(&name, "%s%s",
                          i == 0                ? ""
                          : i + 1 < c->n_sweeps ? ", "
                                                : " and ",
                          t.n_rows > 0 ? t.cells[0].text : "");
        pxs_table_finish(&t);
    }
    if (status == PXS_OK) {
        c->name = pxs_arena_strdup(&c->arena, pxs_text_str(&name));
        status = c->name && !name.failed ? PXS_OK : pxs_fail_nomem(err);
    }
    pxs_text_finish(&name);
    return status;
}

/* ---- runs that do not count ----------------------------------------------------------------- */

/* Leaves the runs out that the statement names in its first column; *n of them were not yet. */
static enum pxs_status leave_out(struct pxs_store *s, struct pxs_choice *c, const char *sql,
                                 size_t *n, struct pxs_error *err) {
    const struct pxs_cell id = pxs_cell_int(c->sweeps[0]);
    struct pxs_table t = {0};
    PXS_TRY(pxs_choice_select(s, c, sql, &id, 1, &t, err));
    int64_t *all = pxs_arena_alloc(&c->arena, (c->n_without + t.n_rows + 1) * sizeof *all);
    if (!all) {
        pxs_table_finish(&t);
        return pxs_fail_nomem(err);
    }
    if (c->n_without > 0)
        memcpy(all, c->without, c->n_without * sizeof *all);
    c->without = all;
    for (size_t i = 0; i < t.n_rows; i++)
        c->without[c->n_without++] = t.cells[i * t.n_columns].integer;
    *n = t.n_rows;
    pxs_table_finish(&t);
    return PXS_OK;
}

/* The condition has lines of its own, so that the caret below a mistake in it stands below the
 * user's words. */
static enum pxs_status leave_out_unmet(struct pxs_store *s, struct pxs_choice *c, const char *where,
                                       struct pxs_error *err) {
    const struct pxs_cell id = pxs_cell_int(c->sweeps[0]);
    struct pxs_text sql = {0};
    struct pxs_table met = {0};
    size_t n;
    pxs_text_addf(&sql, "SELECT run_id FROM v_run WHERE sweep_id = ?1 AND (\n%s\n)", where);
    enum pxs_status status = pxs_text_status(&sql, err);
    if (status == PXS_OK)
        status = pxs_choice_select(s, c, pxs_text_str(&sql), &id, 1, &met, err);
    if (status == PXS_OK && met.n_rows == 0)
        status =
            pxs_fail(err, PXS_E_NOT_FOUND, "--where: no run of %s meets %.200s", c->name, where);
    if (status != PXS_OK)
        goto out;
    pxs_text_clear(&sql);
    pxs_text_add(&sql, "SELECT run_id FROM run WHERE sweep_id = ?1 AND run_id NOT IN (");
    for (size_t i = 0; i < met.n_rows; i++)
        pxs_text_addf(&sql, "%s%" PRId64, i > 0 ? ", " : "", met.cells[i].integer);
    pxs_text_add(&sql, ")");
    status = pxs_text_status(&sql, err);
    if (status == PXS_OK)
        status = leave_out(s, c, pxs_text_str(&sql), &n, err);
out:
    pxs_table_finish(&met);
    pxs_text_finish(&sql);
    return status;
}

/* Runs that the sweep's file does not ask for: tries with --set, or those of an older file. */
static const char unasked_sql[] =
    "SELECT r.run_id FROM run r WHERE r.sweep_id = ?1 AND r.run_id NOT IN (SELECT run_id FROM "
    "imported) AND r.config_hash NOT IN (SELECT config_hash FROM asked a WHERE a.sweep_id = "
    "r.sweep_id) AND EXISTS (SELECT 1 FROM asked a JOIN run x USING (sweep_id, config_hash) WHERE "
    "a.sweep_id = r.sweep_id)";

static enum pxs_status choose(struct pxs_store *s, const struct pxs_choice_options *o,
                              struct pxs_choice *c, struct pxs_error *err) {
    PXS_TRY(find_sweeps(s, o, c, err));
    PXS_TRY(make_name(s, c, err));
    if (o->where)
        PXS_TRY(leave_out_unmet(s, c, o->where, err));
    else if (!o->all)
        PXS_TRY(leave_out(s, c, unasked_sql, &c->n_unasked, err));
    if (c->n_sweeps > 1)
        PXS_TRY(leave_out(s, c, pxs_metrics_twice_sql, &c->n_twice, err));
    return PXS_OK;
}

enum pxs_status pxs_choose(struct pxs_store *s, const struct pxs_choice_options *options,
                           struct pxs_choice *out, struct pxs_error *err) {
    struct pxs_choice made = {0};
    const enum pxs_status status = choose(s, options, &made, err);
    if (status == PXS_OK)
        *out = made;
    else
        pxs_choice_finish(&made);
    return status;
}

void pxs_choice_finish(struct pxs_choice *choice) {
    pxs_arena_finish(&choice->arena);
    *choice = (struct pxs_choice){0};
}

/* ---- asking of them ------------------------------------------------------------------------- */

static void put_list(struct pxs_text *out, const int64_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++)
        pxs_text_addf(out, "%s%" PRId64, i > 0 ? ", " : "", ids[i]);
    pxs_text_add(out, ")");
}

void pxs_choice_sql(const struct pxs_choice *c, const char *sql, struct pxs_text *out) {
    static const char one[] = "sweep_id = ?1";
    for (const char *at; (c->n_sweeps > 1 || c->n_without > 0) && (at = strstr(sql, one)) != NULL;
         sql = at + strlen(one)) {
        /* "r.", as it stands before sweep_id */
        size_t table = 0;
        while (at - table > sql && !strchr(" (\n", at[-1 - (ptrdiff_t)table]))
            table++;
        const char *name = at - table;
        pxs_text_add_n(out, sql, (size_t)(name - sql));
        pxs_text_addf(out, "%.*ssweep_id %s?1", (int)table, name, c->n_sweeps > 1 ? "IN (" : "= ");
        if (c->n_sweeps > 1) {
            pxs_text_add(out, ", ");
            put_list(out, c->sweeps + 1, c->n_sweeps - 1);
        }
        if (c->n_without > 0) {
            pxs_text_addf(out, " AND %.*srun_id NOT IN (", (int)table, name);
            put_list(out, c->without, c->n_without);
        }
    }
    pxs_text_add(out, sql);
}

enum pxs_status pxs_choice_select(struct pxs_store *s, const struct pxs_choice *c, const char *sql,
                                  const struct pxs_cell *args, size_t n, struct pxs_table *out,
                                  struct pxs_error *err) {
    struct pxs_text text = {0};
    pxs_choice_sql(c, sql, &text);
    enum pxs_status status = pxs_text_status(&text, err);
    if (status == PXS_OK)
        status = pxs_store_select(s, pxs_text_str(&text), args, n, out, err);
    pxs_text_finish(&text);
    return status;
}
