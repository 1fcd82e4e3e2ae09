/* rm: a run or a sweep, its rows and its files. */
#include "cli.h"
#include "pixsweep/plan.h"
#include "pixsweep/rundir.h"
#include "pixsweep/submit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What will be removed. */
struct removal {
    struct pxs_store_target target;
    struct pxs_store_run *runs;
    size_t n;
    char results[PXS_PATH_MAX];
    struct pxs_run_files files;
    int64_t rows;
    size_t gone; /* runs that began and whose folder was removed by hand */
    /* Of a sweep: folders of runs that were handed to other machines and are in no row; they and
     * the submissions stay where it is not known whether jobs live. */
    const char **frozen;
    size_t n_frozen;
    bool jobs_unknown;
    struct pxs_arena arena;
};

static enum pxs_status find_runs(struct cli *cli, struct pxs_store *s, struct removal *r,
                                 struct pxs_error *err) {
    char db[PXS_PATH_MAX];
    size_t kept = 0;
    if (!pxs_sweep_paths(cli->values[OPT_RESULTS], cli->values[OPT_DB], r->results, db))
        return pxs_fail(err, PXS_E_INVALID, "--db or --results: the path is too long");
    PXS_TRY(pxs_store_find_target(s, cli->args[0], &r->target, err));
    PXS_TRY(cli_reap(cli, s, r->target.sweep_id, err));
    PXS_TRY(pxs_store_runs(s, r->target.sweep_id, &r->runs, &r->n, err));
    for (size_t i = 0; i < r->n; i++) {
        if (r->target.run_id == 0 || r->runs[i].run_id == r->target.run_id)
            r->runs[kept++] = r->runs[i];
    }
    r->n = kept;
    return PXS_OK;
}

/* Jobs that wait would find neither plan nor runs. */
static enum pxs_status ask_jobs(struct cli *cli, struct removal *r, struct pxs_error *err) {
    struct pxs_sweep_jobs found;
    if (r->target.run_id != 0)
        return PXS_OK;
    PXS_TRY(pxs_submissions_jobs(r->results, r->target.name, false,
                                 cli_catch_signals(CLI_SIGNALS_TASK), cli_logger(cli), &found,
                                 err));
    r->jobs_unknown = found.unknown > 0;
    if (found.jobs == 0)
        return PXS_OK;
    struct pxs_text command = {0};
    pxs_text_add_command(&command, "pixsweep cancel %s", r->target.name);
    cli_add_place(cli, &command);
    enum pxs_status status = pxs_fail(
        err, PXS_E_BUSY,
        "nothing was removed: %zu job%s of the sweep live%s on other machines; `%s` ends "
        "them, then the same command removes it",
        found.jobs, found.jobs == 1 ? "" : "s", found.jobs == 1 ? "s" : "", pxs_text_str(&command));
    pxs_text_finish(&command);
    return status;
}

/* Folders without a row, of those that are removed with the sweep. */
static enum pxs_status find_frozen(struct removal *r, struct pxs_error *err) {
    size_t kept = 0;
    if (r->target.run_id != 0 || r->jobs_unknown)
        return PXS_OK;
    PXS_TRY(pxs_sweep_frozen(r->results, r->target.name, &r->arena, &r->frozen, &r->n_frozen, err));
    for (size_t i = 0; i < r->n_frozen; i++) {
        bool known = false;
        for (size_t k = 0; k < r->n && !known; k++)
            known = strcmp(r->runs[k].dir, r->frozen[i]) == 0;
        if (!known)
            r->frozen[kept++] = r->frozen[i];
    }
    r->n_frozen = kept;
    return PXS_OK;
}

/* What stands in the sweep's own folder goes with the sweep. */
static enum pxs_status sweep_files(struct removal *r, bool remove, struct pxs_error *err) {
    if (r->target.run_id != 0)
        return PXS_OK;
    for (size_t i = 0; i < r->n_frozen; i++)
        PXS_TRY(pxs_run_files(r->results, r->frozen[i], remove, &r->files, err));
    return pxs_sweep_files(r->results, r->target.name, !r->jobs_unknown, remove, &r->files, err);
}

/* Counts the rows and files that will be removed. */
static enum pxs_status measure_runs(const struct cli *cli, struct pxs_store *s, struct removal *r,
                                    struct pxs_error *err) {
    for (size_t i = 0; i < r->n; i++) {
        struct pxs_table t = {0};
        struct pxs_cell id = pxs_cell_int(r->runs[i].run_id);
        PXS_TRY(pxs_store_select(s,
                                 "SELECT (SELECT count(*) FROM batch_loss WHERE run_id = ?1) + "
                                 "(SELECT count(*) FROM epoch WHERE run_id = ?1) AS n, "
                                 "(SELECT count(*) FROM attempt WHERE run_id = ?1) > 0 AND "
                                 "NOT EXISTS (SELECT 1 FROM imported WHERE run_id = ?1) AS began",
                                 &id, 1, &t, err));
        const size_t absent = r->files.absent;
        const bool began = pxs_table_at(&t, 0, "began").integer != 0;
        r->rows += pxs_table_at(&t, 0, "n").integer;
        pxs_table_finish(&t);
        enum pxs_status status = pxs_run_files(r->results, r->runs[i].dir, false, &r->files, err);
        if (status == PXS_E_BUSY) {
            struct pxs_text command = {0};
            pxs_text_add_command(&command, "pixsweep cancel %s", r->target.name);
            cli_add_place(cli, &command);
            status = pxs_fail(err, status,
                              "%s; `%s` stops what is at work, then the same command removes it",
                              err->message, pxs_text_str(&command));
            pxs_text_finish(&command);
        }
        if (status != PXS_OK) {
            pxs_error_prefix(err, "nothing was removed");
            return status;
        }
        r->gone += began && r->files.absent > absent;
    }
    return PXS_OK;
}

static enum pxs_status measure_sweep(struct removal *r, struct pxs_error *err) {
    enum pxs_status status = sweep_files(r, false, err);
    if (status != PXS_OK)
        pxs_error_prefix(err, "nothing was removed");
    return status;
}

static size_t count_names(const char *names) {
    size_t n = *names != '\0';
    while ((names = strstr(names, ", ")) != NULL) {
        names += 2;
        n++;
    }
    return n;
}

static void describe(const struct removal *r, struct pxs_text *out) {
    char bytes[32];
    pxs_format_bytes(bytes, r->files.bytes);
    pxs_text_add_words(out, "%s: %zu run%s, %lld batch and epoch rows, %zu file%s (%s)",
                       r->target.name, r->n, r->n == 1 ? "" : "s", (long long)r->rows,
                       r->files.files, r->files.files == 1 ? "" : "s", bytes);
    if (r->files.outside > 0)
        pxs_text_add_words(out, "; the files of %zu run%s are not in %s and stay", r->files.outside,
                           r->files.outside == 1 ? "" : "s", r->results);
    if (r->files.kept > 0)
        pxs_text_add_words(out, "; %zu other file%s in their folders stay%s (%s%s)", r->files.kept,
                           r->files.kept == 1 ? "" : "s", r->files.kept == 1 ? "s" : "",
                           r->files.names,
                           r->files.kept > count_names(r->files.names) ? ", ..." : "");
    if (r->gone > 0)
        pxs_text_add_words(out, "; the folder%s of %zu run%s %s removed by hand before",
                           r->gone == 1 ? "" : "s", r->gone, r->gone == 1 ? "" : "s",
                           r->gone == 1 ? "was" : "were");
    if (r->jobs_unknown)
        pxs_text_add_words(out,
                           "; %s/%s/" PXS_CLUSTER_FOLDER " and runs that no job has begun stay, "
                           "since it is not known whether jobs live: remove them by hand",
                           r->results, r->target.name);
}

/* PXS_OK where the user agrees, or --yes does. */
static enum pxs_status agree(const struct cli *cli, const struct removal *r,
                             struct pxs_error *err) {
    struct pxs_text what = {0};
    char answer[16] = "";
    enum pxs_status status = PXS_OK;
    describe(r, &what);
    if (!cli->values[OPT_YES] && isatty(STDIN_FILENO) == 0)
        status = pxs_fail(err, PXS_E_INVALID,
                          "would remove %s; without a terminal to ask on, this needs --yes",
                          pxs_text_str(&what));
    else if (!cli->values[OPT_YES]) {
        cli_say("remove %s? [y/N]", pxs_text_str(&what));
        if (!fgets(answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
            status = pxs_fail(err, PXS_E_BUSY, "nothing was removed");
    }
    pxs_text_finish(&what);
    return status;
}

static enum pxs_status rm(struct cli *cli, struct pxs_store *s, struct pxs_text *out,
                          struct pxs_error *err) {
    struct removal *r = calloc(1, sizeof *r);
    int64_t *ids = NULL;
    if (!r)
        return pxs_fail_nomem(err);
    enum pxs_status status = find_runs(cli, s, r, err);
    if (status == PXS_OK)
        status = measure_runs(cli, s, r, err);
    if (status == PXS_OK)
        status = ask_jobs(cli, r, err);
    if (status == PXS_OK)
        status = find_frozen(r, err);
    if (status == PXS_OK)
        status = measure_sweep(r, err);
    if (status == PXS_OK)
        status = agree(cli, r, err);
    if (status != PXS_OK)
        goto out;

    /* Runs that are marked are cancelled, and no supervisor starts them. */
    ids = malloc((r->n + 1) * sizeof *ids);
    for (size_t i = 0; ids && i < r->n; i++)
        ids[i] = r->runs[i].run_id;
    status = ids ? pxs_store_mark_removed(s, ids, r->n, err) : pxs_fail_nomem(err);
    if (status == PXS_OK)
        status = cli_tell_jobs(cli, s, r->target.sweep_id, NULL, err);
    if (status != PXS_OK)
        goto out;

    /* Files first: a run whose rows are still there can be named again if something fails on the
     * way. */
    r->files = (struct pxs_run_files){0};
    for (size_t i = 0; i < r->n && status == PXS_OK; i++) {
        status = pxs_run_files(r->results, r->runs[i].dir, true, &r->files, err);
        if (status == PXS_OK)
            status = pxs_store_remove_run(s, r->runs[i].run_id, NULL, err);
    }
    if (status == PXS_OK)
        status = sweep_files(r, true, err);
    if (status == PXS_OK && r->target.run_id == 0)
        status = pxs_store_remove_sweep(s, r->target.sweep_id, NULL, err);
    if (status != PXS_OK) {
        struct pxs_text command = {0};
        pxs_text_add_command(&command, "pixsweep rm %s", r->target.name);
        cli_add_place(cli, &command);
        status = pxs_fail(err, status, "%s; `%s` finishes it once that is mended", err->message,
                          pxs_text_str(&command));
        pxs_text_finish(&command);
        goto out;
    }
    pxs_text_add(out, "removed ");
    describe(r, out);
    pxs_text_add(out, "\n");
out:
    free(ids);
    free(r->runs);
    pxs_arena_finish(&r->arena);
    free(r);
    return status;
}

int cli_cmd_rm(struct cli *cli) {
    return cli_with_writer(cli, rm);
}
