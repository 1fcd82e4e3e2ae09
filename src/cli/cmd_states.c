/* retry, cancel: the user changes the states of runs, and jobs on other machines are told. */
#include "cli.h"
#include "pixsweep/plan.h"
#include "pixsweep/submit.h"

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

/* ---- jobs on other machines ----------------------------------------------------------------- */

static enum pxs_status results_of(const struct cli *cli, char results[PXS_PATH_MAX],
                                  struct pxs_error *err) {
    char db[PXS_PATH_MAX];
    if (!pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], results, db))
        return pxs_fail(err, PXS_E_INVALID, "--db or --results: the path is too long");
    return PXS_OK;
}

enum pxs_status cli_tell_jobs(const struct cli *cli, struct pxs_store *s, int64_t sweep_id,
                              size_t *submissions, struct pxs_error *err) {
    char results[PXS_PATH_MAX];
    struct pxs_mirrored told;
    PXS_TRY(results_of(cli, results, err));
    const enum pxs_status status = pxs_submissions_mirror(s, results, sweep_id, &told, err);
    if (status != PXS_OK) {
        pxs_error_prefix(err, "it is in the database, but jobs on other machines do not know it");
        return status;
    }
    if (told.paused)
        cli_say("a job has paused the sweep: %s", told.reason);
    if (submissions)
        *submissions = told.submissions;
    return PXS_OK;
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
        pxs_text_add_words(out,
                           "; %zu left: their last worker has not been seen to end, so give the "
                           "same command again in half a minute",
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
    size_t submissions = 0;
    PXS_TRY(pxs_store_find_sweep(s, cli->args[0], &sweep_id, err));
    PXS_TRY(cli_reap(cli, s, sweep_id, err));
    PXS_TRY(pxs_store_retry(s, sweep_id, chosen != 0 ? chosen : PXS_RETRY_ALL,
                            cli->values[OPT_WHERE], &changed, err));
    const enum pxs_status told = cli_tell_jobs(cli, s, sweep_id, &submissions, err);
    if (told != PXS_OK) {
        pxs_store_changed_finish(&changed);
        return told;
    }
    pxs_text_add_words(out, "%s: ", cli->args[0]);
    add_changed(out, &changed);
    pxs_text_add(out, changed.n == 0    ? " to try again"
                      : submissions > 0 ? " queued again; `pixsweep run FILE --on ...` takes them"
                                        : " queued again; `pixsweep run FILE` takes them");
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

/* All of a sweep: its jobs are not wanted any more, and those that are pending would wait for
 * nothing. Where a launcher does not answer, *reached is false and its words are said. */
static enum pxs_status end_jobs(const struct cli *cli, const char *sweep, bool *reached,
                                struct pxs_text *out, struct pxs_error *err) {
    char results[PXS_PATH_MAX];
    struct pxs_sweep_jobs ended;
    PXS_TRY(results_of(cli, results, err));
    PXS_TRY(pxs_submissions_jobs(results, sweep, true, cli_catch_signals(CLI_SIGNALS_TASK),
                                 cli_logger(cli), &ended, err));
    if (ended.jobs > 0)
        pxs_text_add_words(out, "; %zu job%s on other machines asked to end", ended.jobs,
                           ended.jobs == 1 ? "" : "s");
    *reached = ended.unknown == 0;
    return PXS_OK;
}

/* After end_jobs; what was done is told in any case. */
static enum pxs_status fail_unreached(const struct cli *cli, struct pxs_text *out,
                                      struct pxs_error *err) {
    cli_out_result(cli, out);
    pxs_text_clear(out);
    return pxs_fail(err, PXS_E_BUSY,
                    "jobs may go on waiting, and end as soon as they start, since nothing is left "
                    "for them; the same command asks for their end again");
}

/* `run --on --detach` writes no database, so only the submissions' folders know such a sweep: its
 * jobs are told there. `known`: the sweep that the database takes the name for; NULL = none.
 * PXS_E_NOT_FOUND: no submission is of another sweep that is named. */
static enum pxs_status cancel_submitted(const struct cli *cli, const char *known,
                                        struct pxs_text *out, struct pxs_error *err) {
    char results[PXS_PATH_MAX], sweep[PXS_NAME_MAX + 1];
    size_t runs;
    bool reached;
    PXS_TRY(results_of(cli, results, err));
    if (!cli_submitted_sweep(cli, cli->args[0], known != NULL, sweep) ||
        (known && strcmp(known, sweep) == 0))
        return PXS_E_NOT_FOUND;
    PXS_TRY(pxs_submissions_cancel(results, sweep, NULL, &runs, err));
    pxs_text_add_words(out, "%s: its jobs are told that its %zu run%s cancelled", sweep, runs,
                       runs == 1 ? " is" : "s are");
    PXS_TRY(end_jobs(cli, sweep, &reached, out, err));
    pxs_text_add(out, "; no database has the sweep yet, so `pixsweep run FILE --on ...` submits "
                      "again what is not done\n");
    return reached ? PXS_OK : fail_unreached(cli, out, err);
}

/* *run: what is named, or a hash of "" for the whole sweep. */
static enum pxs_status find_ahead(struct pxs_store *s, const char *text, char sweep[128],
                                  struct pxs_numbered *run, struct pxs_error *err) {
    struct pxs_store_target target;
    struct pxs_table t = {0};
    PXS_TRY(pxs_store_find_target(s, text, &target, err));
    const struct pxs_cell ids[] = {pxs_cell_int(target.sweep_id), pxs_cell_int(target.run_id)};
    PXS_TRY(pxs_store_select(s,
                             "SELECT s.name, coalesce(config_hash, '') AS hash, coalesce(seed, 0) "
                             "AS seed FROM sweep s LEFT JOIN run r ON r.run_id = ?2 "
                             "WHERE s.sweep_id = ?1",
                             ids, 2, &t, err));
    if (t.n_rows > 0) {
        snprintf(sweep, 128, "%s", pxs_table_at(&t, 0, "name").text);
        snprintf(run->config_hash, sizeof run->config_hash, "%s", pxs_table_at(&t, 0, "hash").text);
        run->seed = pxs_table_at(&t, 0, "seed").integer;
    }
    pxs_table_finish(&t);
    return PXS_OK;
}

void cli_cancel_ahead(struct cli *cli) {
    char results[PXS_PATH_MAX], db[PXS_PATH_MAX], sweep[128] = "";
    struct pxs_store *s = NULL;
    struct pxs_numbered run = {0};
    struct pxs_error err;
    size_t n = 0;
    if (!pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], results, db))
        return;
    enum pxs_status status = pxs_store_open_readonly(db, &s, &err);
    if (status == PXS_OK)
        status = find_ahead(s, cli->args[0], sweep, &run, &err);
    pxs_store_close(&s);
    if (status == PXS_OK)
        status = pxs_submissions_cancel(results, sweep, run.config_hash[0] ? &run : NULL, &n, &err);
    if (status != PXS_OK)
        cli_say("jobs cannot be told meanwhile: %s", err.message);
    cli->told_ahead = status == PXS_OK && n > 0;
    if (cli->told_ahead)
        cli_say("%s: its jobs are told already that %s cancelled", cli->args[0],
                run.config_hash[0] ? "it is" : "all of it is");
}

static enum pxs_status cancel(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                              struct pxs_error *err) {
    struct pxs_store_changed changed = {0};
    struct pxs_store_target target;
    size_t submissions;
    bool reached = true;
    const enum pxs_status found = pxs_store_find_target(s, cli->args[0], &target, err);
    /* A sweep that jobs know by its whole name comes before one that the database knows by the
     * beginning of its. */
    if (found == PXS_E_NOT_FOUND || (found == PXS_OK && target.run_id == 0)) {
        struct pxs_error why;
        const enum pxs_status done =
            cancel_submitted(cli, found == PXS_OK ? target.name : NULL, out, &why);
        if (done != PXS_OK && done != PXS_E_NOT_FOUND)
            return pxs_fail(err, done, "%s", why.message);
        if (done == PXS_OK)
            return PXS_OK;
    }
    PXS_TRY(found);
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
    enum pxs_status status = cli_tell_jobs(cli, s, target.sweep_id, &submissions, err);
    if (status != PXS_OK)
        goto out;
    pxs_text_add_words(out, "%s: ", target.name);
    add_changed(out, &changed);
    pxs_text_add(out, " cancelled");
    if (changed.left > 0)
        pxs_text_add_words(out, ", %zu over already", changed.left);
    if (changed.states.of[PXS_STATE_RUNNING] > 0)
        pxs_text_add(out, submissions > 0
                              ? "; the `pixsweep run` or job at work stops what is running"
                              : "; the `pixsweep run` at work stops what is running");
    if (target.run_id == 0 && submissions > 0)
        status = end_jobs(cli, target.name, &reached, out, err);
    pxs_text_add(out, "\n");
    if (status == PXS_OK && !reached)
        status = fail_unreached(cli, out, err);
out:
    pxs_store_changed_finish(&changed);
    return status;
}

int cli_cmd_cancel(struct cli *cli) {
    struct pxs_text out = {0};
    struct pxs_error err = {0};
    if (!cli_has_database(cli)) {
        const enum pxs_status status = cancel_submitted(cli, NULL, &out, &err);
        if (status == PXS_OK)
            cli_out_result(cli, &out);
        pxs_text_finish(&out);
        if (status != PXS_E_NOT_FOUND)
            return status == PXS_OK ? CLI_OK : cli_fail(status, &err);
    }
    return cli_with_writer(cli, cancel);
}
