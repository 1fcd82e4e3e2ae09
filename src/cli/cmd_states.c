/* retry, cancel: the user changes the states of runs. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* "3 runs" and, where they were in more than one state, " (2 failed, 1 diverged)". */
static void add_changed(struct pxs_text *out, const struct pxs_store_changed *c) {
    static const enum pxs_run_state order[] = {PXS_STATE_FAILED,      PXS_STATE_DIVERGED,
                                               PXS_STATE_CANCELLED,   PXS_STATE_QUEUED,
                                               PXS_STATE_INTERRUPTED, PXS_STATE_RUNNING};
    pxs_text_add_words(out, "%zu run%s", c->n, c->n == 1 ? "" : "s");
    if (pxs_state_counts_add(&c->states, order, PXS_COUNT(order), " (", out))
        pxs_text_add(out, ")");
}

/* ---- retry ---------------------------------------------------------------------------------- */

/* Runs that were not queued: those that are being removed (the command names the first of them),
 * and those whose worker may still be running. */
static enum pxs_status add_left(const struct cli *cli, struct pxs_store *s, int64_t sweep_id,
                                size_t left, struct pxs_text *out, struct pxs_error *err) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(sweep_id);
    PXS_TRY(pxs_store_select(
        s,
        "SELECT name FROM run JOIN event USING (run_id) WHERE sweep_id = ?1 AND kind = "
        "'removing' ORDER BY number",
        &id, 1, &t, err));
    const size_t removing = t.n_rows < left ? t.n_rows : left;
    if (removing > 0) {
        pxs_text_add_words(out, "; %zu left, being removed: `", removing);
        pxs_text_add_command(out, "pixsweep rm %s", pxs_table_at(&t, 0, "name").text);
        cli_add_place(cli, out);
        pxs_text_add_words(out, "` finishes %s", removing == 1 ? "it" : "the first");
    }
    if (left > removing)
        pxs_text_add_words(out, "; %zu left: their last worker has not been seen to end",
                           left - removing);
    pxs_table_finish(&t);
    return PXS_OK;
}

static enum pxs_status retry(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                             struct pxs_error *err) {
    const unsigned chosen = (cli->values[OPT_FAILED] ? PXS_RETRY_FAILED : 0) |
                            (cli->values[OPT_DIVERGED] ? PXS_RETRY_DIVERGED : 0) |
                            (cli->values[OPT_CANCELLED] ? PXS_RETRY_CANCELLED : 0);
    struct pxs_store_changed changed = {0};
    int64_t sweep_id;
    PXS_TRY(pxs_store_find_sweep(s, cli->args[0], &sweep_id, err));
    PXS_TRY(cli_reap(cli, s, sweep_id, err));
    PXS_TRY(pxs_store_retry(s, sweep_id, chosen != 0 ? chosen : PXS_RETRY_ALL,
                            cli->values[OPT_WHERE], &changed, err));
    pxs_text_add_words(out, "%s: ", cli->args[0]);
    add_changed(out, &changed);
    pxs_text_add(out,
                 changed.n > 0 ? " queued again; `pixsweep run FILE` takes them" : " to try again");
    const enum pxs_status status =
        changed.left > 0 ? add_left(cli, s, sweep_id, changed.left, out, err) : PXS_OK;
    pxs_text_add(out, "\n");
    pxs_store_changed_finish(&changed);
    return status;
}

int cli_cmd_retry(struct cli *cli) {
    return cli_with_writer(cli, retry);
}

/* ---- cancel --------------------------------------------------------------------------------- */

static enum pxs_status cancel(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                              struct pxs_error *err) {
    struct pxs_store_changed changed = {0};
    struct pxs_store_target target;
    PXS_TRY(pxs_store_find_target(s, cli->args[0], &target, err));
    PXS_TRY(cli_reap(cli, s, target.sweep_id, err));
    if (target.run_id != 0) {
        PXS_TRY(pxs_store_cancel(s, &target.run_id, 1, &changed, err));
    } else {
        struct pxs_store_run_state *runs = NULL;
        size_t n = 0;
        PXS_TRY(pxs_store_run_states(s, target.sweep_id, &runs, &n, err));
        int64_t *ids = malloc((n + 1) * sizeof *ids);
        for (size_t i = 0; ids && i < n; i++)
            ids[i] = runs[i].run_id;
        const enum pxs_status status =
            ids ? pxs_store_cancel(s, ids, n, &changed, err) : pxs_fail_nomem(err);
        free(ids);
        free(runs);
        PXS_TRY(status);
    }
    pxs_text_add_words(out, "%s: ", target.name);
    add_changed(out, &changed);
    pxs_text_add(out, " cancelled");
    if (changed.left > 0)
        pxs_text_add_words(out, ", %zu over already", changed.left);
    if (changed.states.of[PXS_STATE_RUNNING] > 0)
        pxs_text_add(out, "; the `pixsweep run` at work stops what is running");
    pxs_text_add(out, "\n");
    pxs_store_changed_finish(&changed);
    return PXS_OK;
}

int cli_cmd_cancel(struct cli *cli) {
    return cli_with_writer(cli, cancel);
}
