/* Runs that can begin from shorter ones: completed runs in the database that are equal but for
 * n_epochs, and have kept their final points (run.keep_final). Whether they can is decided by the
 * worker, which looks at all of the other run's files; here it is foreseen. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan_priv.h"
#include "plan_texts.h"

enum { MOST_LINES = 8 };

int64_t pxs_steps_begun(const struct pxs_plan_run *run) {
    return run->shorter ? run->shorter_epochs * run->estimate.batches_per_epoch : 0;
}

/* It has a resume point of its own. */
static bool goes_on(const struct pxs_plan_run *run) {
    static const char *const points[] = {PXS_RESUME_FILE, PXS_RESUME_PREVIOUS};
    char path[PXS_PATH_MAX];
    for (size_t i = 0; i < PXS_COUNT(points); i++)
        if (pxs_path_join(path, sizeof path, run->dir, points[i]) && access(path, F_OK) == 0)
            return true;
    return false;
}

/* Whether run `index` can begin from `row`, as far as heads of files tell; else `why` says. */
static enum pxs_status judge(const struct pxs_plan *plan, size_t index,
                             const struct pxs_params *params, struct pxs_store *store,
                             int64_t run_id, const char *kernels, struct pxs_text *why,
                             struct pxs_store_run *found, struct pxs_error *err) {
    struct pxs_error not_there;
    char id[32];
    struct pxs_folder *folder = malloc(sizeof *folder);
    if (!folder)
        return pxs_fail_nomem(err);
    snprintf(id, sizeof id, "%lld", (long long)run_id);
    enum pxs_status status = pxs_store_find_run(store, id, found, err);
    if (status != PXS_OK)
        goto out;
    if (pxs_folder_read(found->dir, folder, &not_there) != PXS_OK) {
        pxs_text_add(why, not_there.message);
        goto out;
    }
    const struct pxs_shorter shorter = {.dir = found->dir,
                                        .name = found->name,
                                        .config_hash = found->config_hash,
                                        .params = &folder->params};
    int64_t rungs[PXS_RUNGS_MAX];
    size_t n_rungs = plan->prune.rule == PXS_PRUNE_NONE ? 0 : plan->prune.n_rungs;
    for (size_t i = 0; i < n_rungs; i++)
        rungs[i] = plan->prune.rungs[i] - 1;
    if (pxs_train_shorter_fits(params, shorter.params, plan->runs[index].estimate.batches_per_epoch,
                               rungs, n_rungs, why) &&
        pxs_train_has_final(&shorter, kernels, &not_there) != PXS_OK)
        pxs_text_add(why, not_there.status == PXS_E_NOT_FOUND
                              ? "it has kept no final point (run.keep_final: true keeps one)"
                              : not_there.message);
    pxs_folder_finish(folder);
out:
    free(folder);
    return status;
}

/* ---- among all that are completed ----------------------------------------------------------- */

/* Of rows as shorter.sql has them: the first with fewer than `most` epochs. */
static size_t first_below(const struct pxs_table *rows, int64_t most) {
    size_t low = 0, high = rows->n_rows;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (pxs_table_at(rows, middle, "n_epochs").integer >= most)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int by_identity(const struct pxs_table *rows, size_t row, const char *hash, int64_t seed) {
    const int order = strcmp(pxs_table_at(rows, row, "config_hash").text, hash);
    const int64_t other = pxs_table_at(rows, row, "seed").integer;
    return order ? order : (other > seed) - (other < seed);
}

/* The first row of such a run from `low` on, below `end`; `end` where there is none. */
static size_t find_row(const struct pxs_table *rows, size_t low, size_t end, const char *hash,
                       int64_t seed) {
    size_t high = end;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (by_identity(rows, middle, hash, seed) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && by_identity(rows, low, hash, seed) == 0 ? low : end;
}

/* Notes that run `index` can begin from `row`, or why it cannot; of several that it cannot begin
 * from the longest is told. */
static enum pxs_status note(struct pxs_plan *plan, size_t index, const struct pxs_params *params,
                            struct pxs_store *store, const struct pxs_table *rows, size_t row,
                            const char *kernels, struct pxs_error *err) {
    struct pxs_plan_run *run = &plan->runs[index];
    struct pxs_text why = {0};
    struct pxs_store_run found;
    enum pxs_status status =
        judge(plan, index, params, store, pxs_table_at(rows, row, "run_id").integer, kernels, &why,
              &found, err);
    if (status == PXS_OK && (why.len == 0 || !run->no_shorter)) {
        const char *words = pxs_arena_strdup(&plan->arena, pxs_text_str(&why));
        run->shorter_name = pxs_arena_strdup(&plan->arena, found.name);
        run->shorter = why.len ? NULL : pxs_arena_strdup(&plan->arena, found.dir);
        run->no_shorter = why.len ? words : NULL;
        run->shorter_epochs = pxs_table_at(rows, row, "n_epochs").integer;
        if (!words || !run->shorter_name || (why.len == 0 && !run->shorter) || why.failed)
            status = pxs_fail_nomem(err);
    }
    pxs_text_finish(&why);
    return status;
}

static enum pxs_status find_one(struct pxs_plan *plan, size_t index, struct pxs_store *store,
                                const struct pxs_table *rows, const char *kernels,
                                struct pxs_error *err) {
    const struct pxs_plan_run *run = &plan->runs[index];
    struct pxs_params params, fewer;
    struct pxs_params_content content = {0};
    char hash[PXS_SHA256_HEX];
    pxs_plan_params(plan, index, &params);
    fewer = params;
    memcpy(content.dataset, run->data_hash, sizeof content.dataset);
    memcpy(content.init_from, run->weights_hash, strlen(run->weights_hash));
    for (size_t row = first_below(rows, params.n_epochs); row < rows->n_rows && !run->shorter;) {
        fewer.n_epochs = pxs_table_at(rows, row, "n_epochs").integer;
        const size_t end = first_below(rows, fewer.n_epochs);
        PXS_TRY(pxs_params_identity(&fewer, &content, hash, err));
        row = find_row(rows, row, end, hash, run->seed);
        for (; row < end && !run->shorter && by_identity(rows, row, hash, run->seed) == 0; row++)
            PXS_TRY(note(plan, index, &params, store, rows, row, kernels, err));
        row = end;
    }
    return PXS_OK;
}

static enum pxs_status find(struct pxs_plan *plan, size_t first, size_t end,
                            struct pxs_store *store, const char *kernels, struct pxs_error *err) {
    struct pxs_table rows = {0};
    const struct pxs_cell seed =
        end - first == 1 ? pxs_cell_int(plan->runs[first].seed) : pxs_cell_text(NULL);
    PXS_TRY(pxs_store_select(store, pxs_plan_shorter_sql, &seed, 1, &rows, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = first; i < end && status == PXS_OK && rows.n_rows > 0; i++)
        if (pxs_plan_takes_run(plan, &plan->runs[i]) && !goes_on(&plan->runs[i]))
            status = find_one(plan, i, store, &rows, kernels, err);
    pxs_table_finish(&rows);
    return status;
}

enum pxs_status pxs_plan_find_shorter(struct pxs_plan *plan, struct pxs_store *store,
                                      const char *kernels, struct pxs_error *err) {
    if (!store || pxs_plan_count_to_run(plan) == 0)
        return PXS_OK;
    const enum pxs_status status = find(plan, 0, plan->n, store, kernels, err);
    return status == PXS_E_NOMEM ? status : PXS_OK; /* else they begin with their first steps */
}

void pxs_plan_look_for_shorter(struct pxs_plan *plan, size_t index, struct pxs_store *store,
                               const char *kernels) {
    struct pxs_plan_run *run = &plan->runs[index];
    const struct pxs_plan_run before = *run;
    struct pxs_error ignored;
    if (!store || !plan->config || !plan->how.keep_final)
        return;
    run->shorter = run->no_shorter = run->shorter_name = NULL;
    if (find(plan, index, index + 1, store, kernels, &ignored) != PXS_OK || !run->shorter)
        *run = before;
}

/* ---- words ---------------------------------------------------------------------------------- */

/* Runs that one line tells of. */
static bool is_alike(const struct pxs_plan_run *a, const struct pxs_plan_run *b) {
    return a->shorter_name && b->shorter_name && !a->shorter == !b->shorter &&
           a->shorter_epochs == b->shorter_epochs && a->estimate.steps == b->estimate.steps &&
           (a->shorter || strcmp(a->no_shorter, b->no_shorter) == 0);
}

static void add_line(const struct pxs_plan_run *run, size_t n, struct pxs_text *out) {
    const int64_t own = run->estimate.steps / run->estimate.batches_per_epoch;
    if (n > 1)
        pxs_text_addf(out, "%zu runs", n);
    else
        pxs_text_addf(out, "run %" PRId64, run->number);
    pxs_text_addf(out, run->shorter ? " begin%s with" : " cannot begin%.0s with", n > 1 ? "" : "s");
    pxs_text_addf(out, " the %" PRId64 " of %s %" PRId64 " epochs that %s", run->shorter_epochs,
                  n > 1 ? "their" : "its", own, run->shorter_name);
    if (n > 1)
        pxs_text_addf(out, " and %zu other%s", n - 1, n > 2 ? "s" : "");
    pxs_text_addf(out, " %s trained%s%s\n", n > 1 ? "have" : "has", run->shorter ? "" : ": ",
                  run->shorter ? "" : run->no_shorter);
}

void pxs_shorter_words(const struct pxs_plan *plan, struct pxs_text *out) {
    const struct pxs_plan_run *told[MOST_LINES];
    size_t n[MOST_LINES], lines = 0, others = 0;
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        size_t line = 0;
        if (!run->shorter_name)
            continue;
        while (line < lines && !is_alike(told[line], run))
            line++;
        if (line == MOST_LINES) {
            others++;
            continue;
        }
        if (line == lines) {
            told[lines] = run;
            n[lines++] = 0;
        }
        n[line]++;
    }
    for (size_t line = 0; line < lines; line++)
        add_line(told[line], n[line], out);
    if (others > 0)
        pxs_text_addf(out, "and %zu more runs have shorter ones\n", others);
}
