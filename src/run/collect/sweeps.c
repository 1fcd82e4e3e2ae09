/* Which sweeps, runs and submissions a collector follows: all that the results folder has. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect_priv.h"

void pxs_collect_forget(struct pxs_collection *c) {
    pxs_collect_stop_asking(c);
    for (size_t i = 0; i < c->n_jobs; i++)
        pxs_launched_finish(&c->jobs[i].list);
    c->n_jobs = c->n_sweeps = c->n_runs = c->next = 0;
    pxs_arena_finish(&c->arena);
}

/* ---- sweeps --------------------------------------------------------------------------------- */

/* The sweep's entry, made where there is none. NULL: out of memory. */
static struct pxs_followed_sweep *sweep_of(struct pxs_collection *c, const char *name) {
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

void pxs_collect_sweep_trouble(struct pxs_collection *c, struct pxs_followed_sweep *sweep,
                               const char *what, const struct pxs_error *why) {
    char words[sizeof sweep->trouble];
    snprintf(words, sizeof words, "%.250s", why->message);
    if (strcmp(words, sweep->trouble) == 0)
        return;
    memcpy(sweep->trouble, words, sizeof words);
    pxs_collect_say(c, PXS_LOG_WARN, "%s: %s: %s", sweep->name, what, why->message);
}

/* Sweeps are removed, and come again with another id. */
static enum pxs_status find_ids(struct pxs_collection *c, struct pxs_error *err) {
    for (size_t i = 0; i < c->n_sweeps; i++) {
        struct pxs_table t = {0};
        const struct pxs_cell name = pxs_cell_text(c->sweeps[i].name);
        PXS_TRY(pxs_store_select(c->store, "SELECT sweep_id FROM sweep WHERE name = ?1", &name, 1,
                                 &t, err));
        c->sweeps[i].sweep_id = t.n_rows > 0 ? pxs_table_at(&t, 0, "sweep_id").integer : 0;
        pxs_table_finish(&t);
    }
    return PXS_OK;
}

/* ---- submissions ---------------------------------------------------------------------------- */

/* The submission's entry, as its folder says. One that is over is read again only where it is the
 * newest: the numbers of a sweep that was removed are given again. */
static enum pxs_status follow_jobs(struct pxs_collection *c, const char *sweep, const char *dir,
                                   bool newest, struct pxs_followed_jobs **out,
                                   struct pxs_error *err) {
    struct pxs_submission sub = {0};
    size_t index = 0;
    while (index < c->n_jobs && strcmp(c->jobs[index].dir, dir) != 0)
        index++;
    if (index == c->n_jobs) {
        struct pxs_followed_jobs *more = realloc(c->jobs, (c->n_jobs + 1) * sizeof *more);
        if (!more)
            return pxs_fail_nomem(err);
        c->jobs = more;
        more[c->n_jobs] = (struct pxs_followed_jobs){.known = false};
        snprintf(more[c->n_jobs].sweep, sizeof more->sweep, "%s", sweep);
        snprintf(more[c->n_jobs++].dir, sizeof more->dir, "%s", dir);
    }
    struct pxs_followed_jobs *jobs = *out = &c->jobs[index];
    if (jobs->over && !newest)
        return PXS_OK;
    if (pxs_submission_read(dir, &sub, err) == PXS_OK && sub.name &&
        (!jobs->name || strcmp(jobs->name, sub.name) != 0)) {
        if (c->question && c->asked == index)
            pxs_collect_stop_asking(c);
        pxs_launched_finish(&jobs->list);
        jobs->known = false;
        jobs->empty = 0;
        jobs->asked_at = 0;
        jobs->name = pxs_arena_strdup(&c->arena, sub.name);
        jobs->over = pxs_submission_has_ended(dir);
    }
    if (sub.state == PXS_SUBMISSION_REFUSED)
        jobs->over = true; /* no job is there */
    pxs_submission_finish(&sub);
    return PXS_OK;
}

/* Runs whose folders are gone were removed since: their jobs cannot begin them, and they get no row
 * again. One whose folder has no config.yaml is broken, which *why says of one of them. */
static bool drop_runs(struct pxs_plan *plan, struct pxs_error *why) {
    size_t n = 0;
    bool broken = false;
    for (size_t i = 0; i < plan->n; i++) {
        char path[PXS_PATH_MAX];
        if (pxs_path_join(path, sizeof path, plan->runs[i].dir, PXS_CONFIG_FILE) &&
            access(path, F_OK) != 0 && errno == ENOENT) {
            if (!broken && access(plan->runs[i].dir, F_OK) == 0) {
                pxs_fail(why, PXS_E_NOT_FOUND, "%s is missing", path);
                broken = true;
            }
            continue;
        }
        plan->runs[n++] = plan->runs[i];
    }
    plan->n = n;
    return broken;
}

/* A plan that another process has submitted gets its rows. */
static enum pxs_status store_plan(struct pxs_collection *c, struct pxs_followed_sweep *sweep,
                                  const char *dir, struct pxs_error *err) {
    struct pxs_sweep_options options = {0};
    struct pxs_plan *plan = NULL;
    struct pxs_error why;
    enum pxs_status status = pxs_plan_thaw(dir, &plan, &options, &why);
    if (status == PXS_E_NOT_FOUND)
        return PXS_OK; /* it is being written */
    if (status == PXS_OK && drop_runs(plan, &why))
        pxs_collect_sweep_trouble(c, sweep, "runs of its newest plan are not collected", &why);
    if (status == PXS_OK)
        status = pxs_plan_store(plan, c->store, &sweep->sweep_id, &why);
    c->changed = c->changed || status == PXS_OK;
    pxs_plan_destroy(&plan);
    if (status == PXS_E_NOT_FOUND || status == PXS_E_INVALID || status == PXS_E_CORRUPT ||
        status == PXS_E_EXISTS || status == PXS_E_UNSUPPORTED) {
        pxs_collect_sweep_trouble(c, sweep, "runs of its newest plan are not collected", &why);
        return PXS_OK;
    }
    return status == PXS_OK ? PXS_OK : pxs_fail(err, status, "%s", why.message);
}

enum pxs_status pxs_collect_old_plan(struct pxs_collection *c, const char *sweep,
                                     struct pxs_plan **out, struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    int64_t *numbers, sweep_id;
    size_t n;
    struct pxs_sweep_options options = {0};
    struct pxs_plan *plan = NULL;
    struct pxs_error why;
    PXS_TRY(pxs_submission_numbers(c->results, sweep, &numbers, &n, err));
    const int64_t newest = n > 0 ? numbers[n - 1] : 0;
    free(numbers);
    if (newest == 0)
        return pxs_fail(err, PXS_E_NOT_FOUND, "nothing of sweep %s was submitted", sweep);
    PXS_TRY(pxs_submission_folder(c->results, sweep, newest, dir, err));
    PXS_TRY(pxs_plan_thaw(dir, &plan, &options, err));
    drop_runs(plan, &why); /* discovery has told what is broken */
    const enum pxs_status status = pxs_plan_store(plan, c->store, &sweep_id, err);
    if (status == PXS_OK)
        *out = plan;
    else
        pxs_plan_destroy(&plan);
    return status;
}

static enum pxs_status look_at_sweep(struct pxs_collection *c, const char *name,
                                     struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    int64_t *numbers;
    size_t n;
    struct pxs_followed_jobs *newest = NULL;
    PXS_TRY(pxs_submission_numbers(c->results, name, &numbers, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        status = pxs_submission_folder(c->results, name, numbers[i], dir, err);
        if (status == PXS_OK)
            status = follow_jobs(c, name, dir, i + 1 == n, &newest, err);
    }
    free(numbers);
    if (status != PXS_OK || !newest || !newest->name)
        return status;

    /* The newest plan has all that the sweep's file asks for now. One that was removed from the
     * database does not come back by a plan of before. */
    struct pxs_followed_sweep *sweep = sweep_of(c, name);
    if (!sweep)
        return pxs_fail_nomem(err);
    if (strcmp(sweep->planned, newest->name) == 0)
        return PXS_OK;
    PXS_TRY(store_plan(c, sweep, dir, err));
    if (sweep->sweep_id != 0)
        snprintf(sweep->planned, sizeof sweep->planned, "%s", newest->name);
    return PXS_OK;
}

enum pxs_status pxs_collect_is_planned(struct pxs_collection *c, const char *sweep,
                                       int64_t sweep_id, struct pxs_error *err) {
    char dir[PXS_PATH_MAX];
    int64_t *numbers;
    size_t n;
    struct pxs_submission sub = {0};
    struct pxs_followed_sweep *entry = sweep_of(c, sweep);
    if (!entry)
        return pxs_fail_nomem(err);
    entry->sweep_id = sweep_id;
    PXS_TRY(pxs_submission_numbers(c->results, sweep, &numbers, &n, err));
    const int64_t newest = n > 0 ? numbers[n - 1] : 0;
    free(numbers);
    if (newest == 0)
        return PXS_OK;
    PXS_TRY(pxs_submission_folder(c->results, sweep, newest, dir, err));
    if (pxs_submission_read(dir, &sub, err) == PXS_OK && sub.name)
        snprintf(entry->planned, sizeof entry->planned, "%s", sub.name);
    pxs_submission_finish(&sub);
    return PXS_OK;
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* A row that is another run by now, or moved to another folder, is followed from its start. */
static struct pxs_followed *find(struct pxs_collection *c, const struct pxs_store_run *row) {
    for (size_t i = 0; i < c->n_runs; i++) {
        struct pxs_followed *run = &c->runs[i];
        if (run->run_id == row->run_id && strcmp(run->dir, row->dir) == 0 &&
            strcmp(run->config_hash, row->config_hash) == 0 && run->seed == row->seed)
            return run;
    }
    return NULL;
}

static enum pxs_status follow_runs(struct pxs_collection *c, int64_t sweep_id,
                                   struct pxs_error *err) {
    struct pxs_store_run *rows;
    size_t n;
    PXS_TRY(pxs_store_runs(c->store, sweep_id, &rows, &n, err));
    struct pxs_followed *more = realloc(c->runs, (c->n_runs + n + 1) * sizeof *more);
    enum pxs_status status = more ? PXS_OK : pxs_fail_nomem(err);
    if (more)
        c->runs = more;
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        struct pxs_followed *run = find(c, &rows[i]);
        if (!run) {
            run = &c->runs[c->n_runs++];
            *run = (struct pxs_followed){.run_id = rows[i].run_id,
                                         .seed = rows[i].seed,
                                         .name = pxs_arena_strdup(&c->arena, rows[i].name),
                                         .dir = pxs_arena_strdup(&c->arena, rows[i].dir),
                                         .records = {-1, -1},
                                         .ends = {-1, -1}};
            memcpy(run->config_hash, rows[i].config_hash, sizeof run->config_hash);
        }
        run->sweep_id = sweep_id;
        run->state = rows[i].state;
        run->there = true;
        if (!run->name || !run->dir)
            status = pxs_fail_nomem(err);
    }
    free(rows);
    return status;
}

static void drop_removed_runs(struct pxs_collection *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->n_runs; i++)
        if (c->runs[i].there)
            c->runs[n++] = c->runs[i];
    c->n_runs = c->next = n;
}

enum pxs_status pxs_collect_discover(struct pxs_collection *c, struct pxs_error *err) {
    PXS_TRY(find_ids(c, err));
    DIR *folder = opendir(c->results);
    enum pxs_status status = PXS_OK;
    for (struct dirent *e = folder ? readdir(folder) : NULL; e && status == PXS_OK;
         e = readdir(folder))
        if (e->d_name[0] != '.' && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN))
            status = look_at_sweep(c, e->d_name, err);
    if (folder)
        closedir(folder);
    for (size_t i = 0; i < c->n_runs; i++)
        c->runs[i].there = false;
    for (size_t i = 0; i < c->n_sweeps && status == PXS_OK; i++)
        if (c->sweeps[i].sweep_id != 0)
            status = follow_runs(c, c->sweeps[i].sweep_id, err);
    if (status == PXS_OK)
        drop_removed_runs(c);
    return status;
}
