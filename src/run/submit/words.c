/* A plan's jobs in words, and what a submission would be. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "submit_priv.h"

static const char *plural(int64_t n) {
    return n == 1 ? "" : "s";
}

void pxs_jobs_new_words(size_t runs, size_t runs_new, int64_t count, struct pxs_text *out) {
    if (runs_new == 0)
        return;
    pxs_text_addf(out, "jobs of earlier submissions know %zu of these runs; ", runs - runs_new);
    if (runs_new == 1)
        pxs_text_add(out, "the new one is");
    else
        pxs_text_addf(out, "the %zu new ones are", runs_new);
    pxs_text_add(out, count > 0 ? " for jobs submitted now\n"
                                : " for jobs of the `run` that collects, or of the same command "
                                  "again, once some of those have ended\n");
}

/* "24 jobs of 4 cores and 700 MB, 1 run at a time in each, about 2 h 10 m each" */
static void add_jobs(const struct pxs_plan *plan, const struct pxs_jobs *j, struct pxs_text *out) {
    char time[32];
    pxs_format_duration(time, j->seconds_each);
    pxs_text_add_words(out, "on %s: %zu run%s to do, %lld job%s of %lld core%s", j->on, j->runs,
                       plural((int64_t)j->runs), (long long)j->most, plural(j->most),
                       (long long)j->how->cpus_per_task, plural(j->how->cpus_per_task));
    if (j->mem_mb > 0)
        pxs_text_addf(out, " and %lld MB of memory", (long long)j->mem_mb);
    pxs_text_addf(out, ", %d run%s at a time in each; all is done after about %s (%s)\n",
                  j->slots.jobs, plural(j->slots.jobs), time, plan->time_basis);
    if (j->alive > 0)
        pxs_text_addf(out, "%lld job%s of earlier submissions live, so %lld would be submitted\n",
                      (long long)j->alive, plural(j->alive), (long long)j->count);
    if (j->alive > 0)
        pxs_jobs_new_words(j->runs, j->runs_new, j->count, out);
    if (j->bound)
        pxs_text_addf(out, "no more jobs, since %s; each takes run after run\n", j->bound);
    if (j->unknown[0])
        pxs_text_add_words(out, "not known: %s\n", j->unknown);
}

static void add_limits(const struct pxs_jobs *j, struct pxs_text *out) {
    const struct {
        const char *words;
        int64_t value;
    } limits[] = {{"jobs in an array", j->limits.max_array_size},
                  {"jobs of a user", j->limits.max_submit_jobs}};
    pxs_text_add(out, "limits here:");
    for (size_t i = 0; i < PXS_COUNT(limits); i++) {
        pxs_text_addf(out, "%s ", i ? "," : "");
        if (limits[i].value >= 0)
            pxs_text_addf(out, "%lld %s", (long long)limits[i].value, limits[i].words);
        else
            pxs_text_addf(out, "no known limit of %s", limits[i].words);
    }
    pxs_text_add(out, "\n");
}

/* The time of a job against what is to be done in it. */
static void add_time(const struct pxs_plan *plan, const struct pxs_jobs *j, struct pxs_text *out) {
    char limit[32], longest[32], warn[32], lost[32];
    const int64_t warned = pxs_jobs_warning(j->how);
    const double usable = (double)(j->how->seconds - warned);
    pxs_format_duration(limit, (double)j->how->seconds);
    pxs_format_duration(longest, j->longest);
    pxs_format_duration(warn, (double)warned);
    pxs_format_duration(lost, plan->how.resume_every_s);
    if (j->how->seconds == 0)
        pxs_text_addf(
            out,
            "time limit of a job: the site's own, since %s has no `time`; the longest run "
            "takes about %s\n",
            pxs_jobs_section(j->on), longest);
    else if (j->seconds_each <= usable)
        pxs_text_addf(out, "time: %s a job suffice; the longest run takes about %s\n", limit,
                      longest);
    else
        pxs_text_addf(out,
                      "time: %s a job, and the longest run takes about %s: %s before its end a job "
                      "writes resume points and is requeued, about %.0f time%s\n",
                      limit, longest, warn, ceil(j->seconds_each / usable) - 1,
                      ceil(j->seconds_each / usable) == 2 ? "" : "s");
    pxs_text_addf(out,
                  "a requeue costs at most %s of training in each of its runs (resume_every) and "
                  "the start of a job; after a warning nothing but the start\n",
                  lost);
}

static void add_disk(const struct pxs_plan *plan, const struct pxs_jobs *j, struct pxs_text *out) {
    char all[32], have[32], each[32];
    pxs_format_bytes(all, j->resume_bytes);
    pxs_format_bytes(have, plan->disk_free);
    pxs_text_addf(out, "disk: resume points of all jobs need up to %s", all);
    if (plan->disk_free != UINT64_MAX)
        pxs_text_addf(out, ", %s are free", have);
    if (j->limits.kill_wait >= 0 && j->most > 0) {
        pxs_format_bytes(each, j->resume_bytes / (uint64_t)j->most / 2);
        pxs_text_addf(out, "; a job that is stopped has %lld s (KillWait) to write %s",
                      (long long)j->limits.kill_wait, each);
    }
    pxs_text_add(out, "\n");
    if (plan->disk_free != UINT64_MAX && plan->disk_to_do + j->resume_bytes > plan->disk_free) {
        pxs_format_bytes(all, plan->disk_to_do + j->resume_bytes);
        pxs_text_addf(out, "warning: that and what the runs leave behind is %s: too much\n", all);
    }
}

void pxs_jobs_words(const struct pxs_plan *plan, const struct pxs_jobs *jobs,
                    struct pxs_text *out) {
    if (jobs->runs == 0) {
        pxs_text_add(out, "nothing is left to do\n");
        return;
    }
    add_jobs(plan, jobs, out);
    add_limits(jobs, out);
    add_time(plan, jobs, out);
    add_disk(plan, jobs, out);
    if (plan->how.on_done)
        pxs_text_add(out, "on_done is carried out by the `run` that collects to the end\n");
}

void pxs_launcher_told_words(const struct pxs_plan *plan, const char *on,
                             const struct pxs_launcher *l, struct pxs_text *out) {
    const struct pxs_launch_settings *how = pxs_config_launch(plan->config, on);
    char time[32];
    pxs_text_add_words(out,
                       "what it was told is set by %s in %s (or --set): ", pxs_jobs_section(on),
                       pxs_config_path(plan->config));
    for (size_t i = 0; i < l->n_keys; i++)
        pxs_text_add_words(out, "%s: %s, ", l->keys[i].key, l->keys[i].value);
    if (l->mem_mb > 0)
        pxs_text_addf(out, "mem: %lld%c%s, ",
                      (long long)(l->mem_mb % 1024 == 0 ? l->mem_mb / 1024 : l->mem_mb),
                      l->mem_mb % 1024 == 0 ? 'G' : 'M',
                      how->mem_mb == PXS_MEM_AUTO ? " (auto)" : "");
    if (l->seconds > 0) {
        pxs_format_duration(time, (double)l->seconds);
        pxs_text_addf(out, "time: %s, ", time);
    }
    if (l->throttle > 0)
        pxs_text_addf(out, "array_throttle: %lld, ", (long long)l->throttle);
    for (size_t i = 0; l->extra && l->extra[i]; i++)
        pxs_text_add_words(out, i ? " %s" : "extra: %s", l->extra[i]);
    pxs_text_addf(out, "%scpus_per_task: %lld", l->extra && l->extra[0] ? ", " : "",
                  (long long)l->cpus);
    if (strcmp(on, "slurm") == 0)
        pxs_text_add(out, "; the rest by SBATCH_* variables and the site");
}

enum pxs_status pxs_jobs_script(const struct pxs_plan *plan, const struct pxs_jobs *jobs,
                                struct pxs_text *out, struct pxs_error *err) {
    static const struct pxs_sweep_options none;
    char dir[PXS_PATH_MAX], name[160];
    int64_t *numbers;
    size_t n;
    struct pxs_launcher l;
    struct pxs_arena arena = {0};
    PXS_TRY(pxs_submission_numbers(plan->results, plan->sweep, &numbers, &n, err));
    const int64_t number = n > 0 ? numbers[n - 1] + 1 : 1;
    free(numbers);
    snprintf(name, sizeof name, "pixsweep-%.40s-RANDOM", plan->sweep);
    PXS_TRY(pxs_submission_folder(plan->results, plan->sweep, number, dir, err));
    enum pxs_status status = pxs_jobs_launcher(plan, jobs->how, dir, &none, &arena, &l, err);
    if (status == PXS_OK) {
        l.mem_mb = jobs->mem_mb;
        pxs_text_add_words(out, "would call: %s/launcher submit %s %lld\nwith:\n", dir, dir,
                           (long long)jobs->count);
        status = pxs_launcher_variables(&l, name, out, err);
    }
    if (status == PXS_OK) {
        pxs_text_add(out, "job.sh:\n");
        pxs_launcher_job_script(&l, name, out);
    }
    pxs_arena_finish(&arena);
    return status;
}
