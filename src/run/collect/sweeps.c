/* Which sweeps, runs and submissions a collector follows: all that the results folder has. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collect_priv.h"

struct pxs_followed_sweep *pxs_collect_sweep(struct pxs_collection *c, const char *name) {
    for (size_t i = 0; i < c->n_sweeps; i++)
        if (strcmp(c->sweeps[i].name, name) == 0)
            return &c->sweeps[i];
    struct pxs_followed_sweep *more = realloc(c->sweeps, (c->n_sweeps + 1) * sizeof *more);
    if (!more)
        return NULL;
    c->sweeps = more;
    more[c->n_sweeps] = (struct pxs_followed_sweep){.sweep_id = 0};
    snprintf(more[c->n_sweeps].name, sizeof more->name, "%s", name);
    return &c->sweeps[c->n_sweeps++];
}

/* ---- submissions ---------------------------------------------------------------------------- */

static enum pxs_status follow_jobs(struct pxs_collection *c, const char *sweep, const char *dir,
                                   struct pxs_error *err) {
    struct pxs_submission sub = {0};
    struct pxs_followed_jobs *jobs = NULL;
    for (size_t i = 0; i < c->n_jobs && !jobs; i++)
        if (strcmp(c->jobs[i].dir, dir) == 0)
            jobs = &c->jobs[i];
    if (!jobs) {
        struct pxs_followed_jobs *more = realloc(c->jobs, (c->n_jobs + 1) * sizeof *more);
        if (!more)
            return pxs_fail_nomem(err);
        c->jobs = more;
        jobs = &more[c->n_jobs++];
        *jobs = (struct pxs_followed_jobs){.known = false};
        snprintf(jobs->sweep, sizeof jobs->sweep, "%s", sweep);
        snprintf(jobs->dir, sizeof jobs->dir, "%s", dir);
    }
    if (jobs->name || jobs->over)
        return PXS_OK;
    if (pxs_submission_read(dir, &sub, err) == PXS_OK) {
        if (sub.state == PXS_SUBMISSION_REFUSED)
            jobs->over = true;
        if (sub.state == PXS_SUBMISSION_ACCEPTED || sub.state == PXS_SUBMISSION_UNKNOWN)
            jobs->name = pxs_arena_strdup(&c->arena, sub.name);
    }
    pxs_submission_finish(&sub);
    return PXS_OK;
}

/* A plan that another process has submitted gets its rows. */
static enum pxs_status store_plan(struct pxs_collection *c, struct pxs_followed_sweep *sweep,
                                  const char *dir, struct pxs_error *err) {
    struct pxs_sweep_options options = {0};
    struct pxs_plan *plan = NULL;
    struct pxs_error why;
    enum pxs_status status = pxs_plan_thaw(dir, &plan, &options, &why);
    if (status != PXS_OK) {
        if (status != PXS_E_NOT_FOUND) /* else it is being written */
            pxs_collect_say(c, PXS_LOG_WARN,
                            "%s: its plan cannot be read, so its runs are not "
                            "collected: %s",
                            sweep->name, why.message);
        return PXS_OK;
    }
    status = pxs_plan_store(plan, c->store, &sweep->sweep_id, err);
    if (status == PXS_OK)
        c->changed = true;
    pxs_plan_destroy(&plan);
    return status;
}

static enum pxs_status look_at_sweep(struct pxs_collection *c, const char *name,
                                     struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    int64_t *numbers;
    size_t n;
    PXS_TRY(pxs_submission_numbers(c->results, name, &numbers, &n, err));
    enum pxs_status status = PXS_OK;
    struct pxs_followed_sweep *sweep = n > 0 ? pxs_collect_sweep(c, name) : NULL;
    if (n > 0 && !sweep)
        status = pxs_fail_nomem(err);
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        status = pxs_submission_folder(c->results, name, numbers[i], dir, err);
        if (status == PXS_OK)
            status = follow_jobs(c, name, dir, err);
    }
    /* The newest plan has all that the sweep's file asks for now. */
    if (status == PXS_OK && n > 0 && numbers[n - 1] > sweep->number) {
        status = store_plan(c, sweep, dir, err);
        if (status == PXS_OK && sweep->sweep_id != 0)
            sweep->number = numbers[n - 1];
    }
    free(numbers);
    return status;
}

/* ---- runs ----------------------------------------------------------------------------------- */

static struct pxs_followed *find(struct pxs_collection *c, size_t n_known, int64_t run_id) {
    for (size_t i = 0; i < n_known; i++)
        if (c->runs[i].run_id == run_id)
            return &c->runs[i];
    return NULL;
}

static enum pxs_status follow_runs(struct pxs_collection *c, int64_t sweep_id,
                                   struct pxs_error *err) {
    struct pxs_store_run *rows;
    size_t n;
    PXS_TRY(pxs_store_runs(c->store, sweep_id, &rows, &n, err));
    struct pxs_followed *more = realloc(c->runs, (c->n_runs + n + 1) * sizeof *more);
    enum pxs_status status = more ? PXS_OK : pxs_fail_nomem(err);
    const size_t n_known = c->n_runs;
    if (more)
        c->runs = more;
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        struct pxs_followed *run = find(c, n_known, rows[i].run_id);
        if (run) {
            run->state = rows[i].state;
            continue;
        }
        run = &c->runs[c->n_runs++];
        *run = (struct pxs_followed){.run_id = rows[i].run_id,
                                     .seed = rows[i].seed,
                                     .state = rows[i].state,
                                     .name = pxs_arena_strdup(&c->arena, rows[i].name),
                                     .dir = pxs_arena_strdup(&c->arena, rows[i].dir),
                                     .records = {-1, -1},
                                     .ends = {-1, -1}};
        memcpy(run->config_hash, rows[i].config_hash, sizeof run->config_hash);
        if (!run->name || !run->dir)
            status = pxs_fail_nomem(err);
    }
    free(rows);
    return status;
}

enum pxs_status pxs_collect_discover(struct pxs_collection *c, struct pxs_error *err) {
    DIR *folder = opendir(c->results);
    enum pxs_status status = PXS_OK;
    for (struct dirent *e = folder ? readdir(folder) : NULL; e && status == PXS_OK;
         e = readdir(folder))
        if (e->d_name[0] != '.' && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN))
            status = look_at_sweep(c, e->d_name, err);
    if (folder)
        closedir(folder);
    for (size_t i = 0; i < c->n_sweeps && status == PXS_OK; i++)
        if (c->sweeps[i].sweep_id != 0)
            status = follow_runs(c, c->sweeps[i].sweep_id, err);
    return status;
}
