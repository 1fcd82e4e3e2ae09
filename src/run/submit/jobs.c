/* How many jobs a plan needs, and what each asks for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pixsweep/rundir.h"
#include "submit_priv.h"

#define MB 1048576u
#define MEMORY_SHARE \
    1.25 /* of what a run was measured with: for files in memory, and its supervisor */
#define MEMORY_STEP_MB 100

/* ---- the launcher --------------------------------------------------------------------------- */

int64_t pxs_jobs_warning(const struct pxs_launch_settings *how) {
    return how->seconds > 0 && how->warn_before > how->seconds / 2 ? how->seconds / 2
                                                                   : how->warn_before;
}

const char *pxs_jobs_section(const char *on) {
    return strcmp(on, "slurm") == 0 ? "run.slurm"
           : strcmp(on, "ssh") == 0 ? "run.ssh"
                                    : "run.launcher";
}

enum pxs_status pxs_jobs_launcher(const struct pxs_plan *plan,
                                  const struct pxs_launch_settings *how, const char *dir,
                                  const struct pxs_sweep_options *options, struct pxs_arena *arena,
                                  struct pxs_launcher *out, struct pxs_error *err) {
    struct pxs_launcher_key *keys = pxs_arena_alloc(arena, (how->n_keys + 1) * sizeof *keys);
    if (!keys)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < how->n_keys; i++)
        keys[i] = (struct pxs_launcher_key){how->keys[i].key, how->keys[i].value};
    *out = (struct pxs_launcher){.dir = dir,
                                 .sweep = plan->sweep,
                                 .cpus = how->cpus_per_task,
                                 .seconds = how->seconds,
                                 .warn = pxs_jobs_warning(how),
                                 .throttle = how->array_throttle,
                                 .keys = keys,
                                 .n_keys = how->n_keys,
                                 .extra = how->extra,
                                 .setup = how->setup,
                                 .logger = options->logger,
                                 .stop = options->stop};
    return PXS_OK;
}

/* A launcher's limits. It is laid out in a folder of its own for as long as that takes; one that
 * cannot be asked only tells less. */
static enum pxs_status find_limits(const struct pxs_plan *plan,
                                   const struct pxs_submit_options *options, struct pxs_jobs *jobs,
                                   struct pxs_error *err) {
    static const char *const made[] = {"launcher", "log"};
    char dir[PXS_PATH_MAX], path[PXS_PATH_MAX];
    const char *top = getenv("TMPDIR");
    struct pxs_launcher l;
    struct pxs_error why;
    jobs->limits = (struct pxs_launcher_limits){-1, -1, -1};
    if (!pxs_path_absolute(path, sizeof path, top && top[0] ? top : "/tmp") ||
        !pxs_path_join(dir, sizeof dir, path, "pixsweep-launcher.XXXXXX"))
        return pxs_fail(err, PXS_E_INVALID, "the path of TMPDIR is too long");
    if (!mkdtemp(dir))
        return pxs_fail_errno(err, "cannot make a folder in %s", path);
    enum pxs_status status = pxs_launcher_lay_out(dir, jobs->on, err);
    if (status == PXS_OK)
        status = pxs_jobs_launcher(plan, jobs->how, dir, options->sweep, &jobs->arena, &l, err);
    if (status == PXS_OK) {
        status = pxs_launcher_limits(&l, &jobs->limits, &why);
        if (status != PXS_OK && status != PXS_E_STOPPED && status != PXS_E_NOMEM) {
            snprintf(jobs->unknown, sizeof jobs->unknown, "%.590s", why.message);
            status = PXS_OK;
        } else if (status != PXS_OK && err)
            *err = why;
    }
    for (size_t i = 0; i < PXS_COUNT(made); i++)
        if (pxs_path_join(path, sizeof path, dir, made[i]) && unlink(path) != 0)
            rmdir(path);
    rmdir(dir);
    return status;
}

/* ---- earlier submissions -------------------------------------------------------------------- */

enum pxs_status pxs_jobs_earlier(const struct pxs_plan *plan, const char *dir,
                                 const struct pxs_sweep_options *options, struct pxs_arena *arena,
                                 struct pxs_launcher *out, struct pxs_error *err) {
    char path[PXS_PATH_MAX], *on;
    size_t bytes;
    if (!pxs_path_join(path, sizeof path, dir, PXS_ON_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    PXS_TRY(pxs_read_file(path, PXS_PATH_MAX, &on, &bytes, err));
    on[strcspn(on, "\n")] = '\0';
    const struct pxs_launch_settings *how = pxs_config_launch(plan->config, on);
    free(on);
    return pxs_jobs_launcher(plan, how, dir, options, arena, out, err);
}

static int by_identity(const void *a, const void *b) {
    const struct pxs_numbered *x = a, *y = b;
    const int order = strcmp(x->config_hash, y->config_hash);
    return order != 0 ? order : (x->seed > y->seed) - (x->seed < y->seed);
}

enum pxs_status pxs_jobs_add_living(struct pxs_jobs *jobs, const struct pxs_plan *plan,
                                    const char *dir, const struct pxs_launched_list *list,
                                    struct pxs_error *err) {
    int64_t living = 0;
    struct pxs_numbered *runs = NULL;
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        living += list->jobs[i].state != PXS_LAUNCHED_ENDING;
    jobs->alive += living;
    if (living == 0)
        return PXS_OK;
    if (!jobs->known)
        jobs->known = pxs_arena_alloc(&jobs->arena, plan->n * sizeof *jobs->known);
    if (!jobs->known)
        return pxs_fail_nomem(err);
    /* Jobs without a plan that can be read carry out nothing. */
    if (pxs_plan_numbers(dir, &runs, &n, NULL) != PXS_OK)
        return PXS_OK;
    qsort(runs, n, sizeof *runs, by_identity);
    for (size_t i = 0; i < plan->n; i++) {
        struct pxs_numbered run = {.seed = plan->runs[i].seed};
        memcpy(run.config_hash, plan->runs[i].config_hash, sizeof run.config_hash);
        if (!jobs->again[i] && bsearch(&run, runs, n, sizeof *runs, by_identity))
            jobs->known[i] = true;
    }
    free(runs);
    return PXS_OK;
}

/* Living jobs of all earlier submissions, as far as they are known now. */
static enum pxs_status count_alive(const struct pxs_plan *plan,
                                   const struct pxs_submit_options *options, struct pxs_jobs *jobs,
                                   struct pxs_error *err) {
    int64_t *numbers;
    size_t n;
    char dir[PXS_PATH_MAX];
    PXS_TRY(pxs_submission_numbers(plan->results, plan->sweep, &numbers, &n, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        struct pxs_submission sub = {0};
        struct pxs_launcher l;
        struct pxs_error why;
        struct pxs_launched_list list = {0};
        status = pxs_submission_folder(plan->results, plan->sweep, numbers[i], dir, err);
        if (status == PXS_OK)
            status = pxs_submission_read(dir, &sub, err);
        if (status == PXS_OK && !pxs_submission_has_ended(dir) &&
            (sub.state == PXS_SUBMISSION_ACCEPTED || sub.state == PXS_SUBMISSION_UNKNOWN)) {
            status = pxs_launcher_recall(dir, &jobs->arena, &l, &why);
            l.logger = options->sweep->logger;
            l.stop = options->sweep->stop;
            if (status == PXS_OK)
                status = pxs_launcher_alive(&l, sub.name, &list, &why);
            if (status == PXS_OK)
                status = pxs_jobs_add_living(jobs, plan, dir, &list, &why);
            pxs_launched_finish(&list);
            if (status == PXS_E_BUSY) {
                snprintf(jobs->unknown, sizeof jobs->unknown, "%.590s", why.message);
                status = PXS_OK;
            } else if (status != PXS_OK && err)
                *err = why;
        }
        pxs_submission_finish(&sub);
    }
    free(numbers);
    return status;
}

/* ---- the numbers ---------------------------------------------------------------------------- */

struct limit {
    int64_t most; /* that all of them allow */
    const char *words;
};

static void bind(struct pxs_jobs *jobs, int64_t most, const char *what, struct limit *limit) {
    if (most < limit->most) {
        limit->most = most;
        limit->words = pxs_arena_printf(&jobs->arena, "%s %lld", what, (long long)most);
    }
    if (most < jobs->most) {
        jobs->most = most;
        jobs->bound = limit->words;
    }
}

/* Of `n` runs to do, those that can be at work at once. */
static int64_t at_once_of(size_t n, const struct pxs_plan *plan) {
    const size_t most = pxs_plan_at_once(plan);
    return (int64_t)(n < most ? n : most);
}

void pxs_jobs_count(struct pxs_jobs *jobs, const struct pxs_plan *plan) {
    double sum = 0;
    int64_t at_work = 0;
    struct limit limit = {.most = INT64_MAX};
    const int64_t side_by_side = jobs->slots.jobs;
    jobs->longest = 0;
    jobs->runs_new = 0;
    for (size_t i = 0; i < plan->n; i++)
        if (pxs_plan_takes_run(plan, &plan->runs[i])) {
            sum += plan->runs[i].seconds;
            jobs->longest = fmax(jobs->longest, plan->runs[i].seconds);
            jobs->runs_new += !jobs->known || !jobs->known[i];
        } else if (plan->runs[i].state == PXS_STATE_RUNNING && jobs->known && jobs->known[i])
            at_work++; /* a job that lives has it, and no time for another one */
    const int64_t old = at_once_of(jobs->runs - jobs->runs_new, plan) + at_work,
                  for_old = (old + side_by_side - 1) / side_by_side,
                  for_new = (at_once_of(jobs->runs_new, plan) + side_by_side - 1) / side_by_side;
    jobs->most = (at_once_of(jobs->runs, plan) + side_by_side - 1) / side_by_side;
    jobs->bound = NULL;
    if (jobs->how->tasks > 0)
        bind(jobs, jobs->how->tasks, "tasks: is", &limit);
    if (jobs->limits.max_array_size >= 0)
        bind(jobs, jobs->limits.max_array_size, "the largest array here is", &limit);
    if (jobs->limits.max_submit_jobs >= 0)
        bind(jobs, jobs->limits.max_submit_jobs, "your limit of jobs is", &limit);
    /* Jobs that live do the runs that were there when they were submitted, and no others. */
    jobs->count = (for_old > jobs->alive ? for_old - jobs->alive : 0) + for_new;
    if (jobs->count > limit.most - jobs->alive) {
        jobs->count = limit.most > jobs->alive ? limit.most - jobs->alive : 0;
        jobs->bound = limit.words;
    }

    /* What runs at once decides the time. */
    int64_t at_once = jobs->most;
    if (jobs->how->array_throttle > 0 && jobs->how->array_throttle < at_once)
        at_once = jobs->how->array_throttle;
    jobs->seconds_each =
        at_once > 0 ? pxs_spread(sum, jobs->longest, (int)(at_once * side_by_side)) : 0;
    uint64_t largest = 0;
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_train_estimate *e = &plan->runs[i].estimate;
        const uint64_t weights = (uint64_t)(e->weights_G + e->weights_D);
        if (pxs_plan_takes_run(plan, &plan->runs[i]) && weights > largest)
            largest = weights;
    }
    /* 12 bytes a weight with both moments, and two stand while one is replaced */
    jobs->resume_bytes = 2 * 12 * largest * (uint64_t)(at_once * side_by_side);
}

/* What folders tell of runs that are to be done. Those that other machines have carried out since
 * the database was filled last are not to be done again; without `ingested`, one that has diverged
 * and was queued again since looks the same. */
static enum pxs_status look_into_folders(struct pxs_plan *plan, bool ingested,
                                         struct pxs_jobs *jobs, struct pxs_error *err) {
    jobs->again = pxs_arena_alloc(&jobs->arena, (plan->n + 1) * sizeof *jobs->again);
    if (!jobs->again)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n; i++) {
        struct pxs_plan_run *run = &plan->runs[i];
        struct pxs_run_records found = {0};
        jobs->again[i] = false;
        if (run->run_id == 0 || !pxs_plan_takes_run(plan, run))
            continue; /* without a row, the plan has asked the folder */
        const enum pxs_status status = pxs_run_records_read(run->dir, &found, err);
        const enum pxs_run_state state =
            status == PXS_OK ? pxs_run_records_state(&found) : PXS_STATE_NONE;
        pxs_run_records_finish(&found);
        PXS_TRY(status);
        if (state == PXS_STATE_COMPLETED || (pxs_state_is_final(state) && !ingested))
            run->state = state;
        else
            jobs->again[i] = pxs_state_is_lost(state) && state != PXS_STATE_PRUNED;
    }
    return PXS_OK;
}

/* Jobs compare runs by their folders, and have no database to ask. */
static enum pxs_status check_compared(const struct pxs_plan *plan, struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    const char *key = plan->race.on ? "sweep.race" : "sweep.prune";
    const size_t end = plan->race.on ? pxs_race_look_end(plan) : plan->n;
    for (size_t i = 0; (plan->race.on || plan->prune.rule != PXS_PRUNE_NONE) && i < end; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        if ((pxs_state_is_done(run->state) || pxs_state_is_final(run->state)) &&
            run->state != PXS_STATE_NOT_NEEDED && pxs_race_compares(plan, i) &&
            pxs_path_join(path, sizeof path, run->dir, PXS_RECORDS_FILE) && access(path, F_OK) != 0)
            return pxs_fail(err, PXS_E_INVALID,
                            "%s is %s, but %s is missing, from which jobs take what %s compares: "
                            "put it back, --set %s=none, or --on here",
                            run->name, pxs_state_name(run->state), path, key, key);
    }
    return PXS_OK;
}

void pxs_jobs_size(struct pxs_plan *plan, const struct pxs_submit_options *options, uint64_t need,
                   struct pxs_jobs *jobs) {
    const struct pxs_launch_settings *how = jobs->how;
    const struct pxs_sweep_options *sweep = options->sweep;
    jobs->need = need > 0 ? need : plan->memory_each;
    const int wanted = sweep->jobs > 0 ? sweep->jobs : (int)how->runs_per_task;
    jobs->slots = pxs_sweep_slots((int)how->cpus_per_task, wanted, sweep->threads);
    if (wanted == 0) {
        pxs_slots_fit(&jobs->slots, jobs->runs > 0 ? jobs->runs : 1);
        if (how->mem_mb > 0)
            pxs_slots_fit(&jobs->slots, pxs_slots_memory(jobs->need, (uint64_t)how->mem_mb * MB));
    }
    pxs_plan_use_slots(plan, jobs->slots);
    jobs->mem_mb = how->mem_mb;
    for (size_t i = 0; i < how->n_keys; i++)
        if (strcmp(how->keys[i].key, "mem_per_cpu") == 0)
            jobs->mem_mb = 0;
    if (jobs->mem_mb == PXS_MEM_AUTO) {
        const double mb = MEMORY_SHARE * (double)jobs->need * jobs->slots.jobs / MB;
        jobs->mem_mb = (int64_t)ceil(mb / MEMORY_STEP_MB) * MEMORY_STEP_MB;
    }
}

enum pxs_status pxs_jobs_shape(struct pxs_plan *plan, const struct pxs_submit_options *options,
                               uint64_t need, struct pxs_jobs *jobs, struct pxs_error *err) {
    jobs->on = options->on;
    jobs->how = pxs_config_launch(plan->config, options->on);
    PXS_TRY(look_into_folders(plan, options->ingested, jobs, err));
    PXS_TRY(check_compared(plan, err));
    pxs_plan_total(plan);
    jobs->runs = pxs_plan_count_to_run(plan);

    pxs_jobs_size(plan, options, need, jobs);
    return find_limits(plan, options, jobs, err);
}

enum pxs_status pxs_jobs_plan(struct pxs_plan *plan, const struct pxs_submit_options *options,
                              uint64_t need, struct pxs_jobs *jobs, struct pxs_error *err) {
    PXS_TRY(pxs_jobs_shape(plan, options, need, jobs, err));
    PXS_TRY(count_alive(plan, options, jobs, err));
    pxs_jobs_count(jobs, plan);
    return PXS_OK;
}

void pxs_jobs_finish(struct pxs_jobs *jobs) {
    pxs_arena_finish(&jobs->arena);
}
