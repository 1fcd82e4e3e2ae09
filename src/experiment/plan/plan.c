/* The plan: an experiment file resolved into named, hashed runs, with what is known about each. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "plan_priv.h"

bool pxs_sweep_paths(const char *results, const char *db, char results_out[PXS_PATH_MAX],
                     char db_out[PXS_PATH_MAX]) {
    char joined[PXS_PATH_MAX];
    if (!pxs_path_absolute(results_out, PXS_PATH_MAX, results ? results : "results"))
        return false;
    if (db)
        return pxs_path_absolute(db_out, PXS_PATH_MAX, db);
    return pxs_path_join(joined, sizeof joined, results_out, "pixsweep.db") &&
           pxs_path_absolute(db_out, PXS_PATH_MAX, joined);
}

static enum pxs_status load_config(struct pxs_plan *plan, const struct pxs_sweep_options *options,
                                   struct pxs_error *err) {
    PXS_TRY(pxs_config_load(options->file, options->set, options->n_set, &plan->config,
                            options->diagnostics, err));
    plan->how = *pxs_config_run(plan->config);
    plan->prune = *pxs_config_prune(plan->config);
    plan->race = *pxs_config_race(plan->config);
    plan->is_changed = pxs_config_is_changed(plan->config);
    plan->spec_yaml = pxs_config_spec_yaml(plan->config);
    plan->keys = pxs_config_varying(plan->config, &plan->n_keys);
    plan->n_seeds = pxs_config_seeds(plan->config);
    snprintf(plan->sweep, sizeof plan->sweep, "%s", pxs_config_name(plan->config));
    snprintf(plan->spec_hash, sizeof plan->spec_hash, "%s", pxs_config_spec_hash(plan->config));
    snprintf(plan->file, sizeof plan->file, "%s", pxs_config_path(plan->config));
    if (!pxs_sweep_paths(options->results, options->db, plan->results, plan->db))
        return pxs_fail(err, PXS_E_INVALID, "the path of --results or --db is too long");
    if (!pxs_is_utf8(plan->results))
        return pxs_fail_not_utf8(err, "results", plan->results);
    if (!pxs_is_utf8(plan->db))
        return pxs_fail_not_utf8(err, "database", plan->db);
    if (!pxs_is_utf8(plan->file))
        return pxs_fail_not_utf8(err, "experiment file", plan->file);
    plan->n = pxs_config_count(plan->config);
    plan->n_configurations = plan->n / plan->n_seeds;
    plan->runs = pxs_arena_alloc(&plan->arena, plan->n * sizeof *plan->runs);
    for (size_t i = 0; plan->runs && i < plan->n; i++)
        plan->runs[i].likely = 1;
    return plan->runs ? PXS_OK : pxs_fail_nomem(err);
}

static enum pxs_status resolve_run(struct pxs_plan *plan, size_t index, struct pxs_point *point,
                                   struct pxs_contents *contents,
                                   const struct pxs_sweep_options *options, struct pxs_error *err) {
    struct pxs_plan_run *run = &plan->runs[index];
    const struct pxs_dataset_info *data;
    struct pxs_params_content content = {0};
    pxs_config_point(plan->config, index, point);
    PXS_TRY(pxs_contents_data(contents, plan->config, index, &point->params, options, &data, err));
    PXS_TRY(pxs_contents_weights(contents, plan->config, index, &point->params, &run->weights_hash,
                                 err));
    run->differs = pxs_arena_strdup(&plan->arena, point->label);
    run->seed = point->params.seed;
    run->data_hash = data->hash;
    run->files_hash = data->files_hash;
    run->own_val = !data->val_from_train;
    run->n_train = (int64_t)data->train;
    run->n_val = (int64_t)data->val;
    if (!run->differs)
        return pxs_fail_nomem(err);
    if (contents->problem != PXS_OK)
        return PXS_OK; /* nothing to hash; the problems are told together */
    memcpy(content.dataset, data->hash, sizeof content.dataset);
    memcpy(content.init_from, run->weights_hash, strlen(run->weights_hash));
    pxs_train_estimate(&point->params, run->n_train, run->n_val, &run->estimate);
    for (int net = 0; net < 2; net++)
        run->rate[net] = pxs_rate_of(&point->params, net, run->estimate.batches_per_epoch);
    PXS_TRY(pxs_params_identity(&point->params, &content, run->before_hash, err));
    pxs_hold_nothing_back(run, &point->params);
    PXS_TRY(pxs_params_identity(&point->params, &content, run->config_hash, err));
    if (strcmp(run->before_hash, run->config_hash) == 0)
        run->before_hash[0] = '\0';
    return PXS_OK;
}

static enum pxs_status resolve_all(struct pxs_plan *plan, const struct pxs_sweep_options *options,
                                   struct pxs_error *err) {
    struct pxs_contents contents = {.arena = &plan->arena};
    struct pxs_point *point = malloc(sizeof *point);
    if (!point)
        return pxs_fail_nomem(err);
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++)
        status = resolve_run(plan, i, point, &contents, options, err);
    free(point);
    if (status == PXS_OK && contents.problem != PXS_OK)
        status = pxs_fail(err, contents.problem, "%s", contents.problems);
    return status;
}

static int by_identity(const void *a, const void *b) {
    const struct pxs_plan_run *const *x = a, *const *y = b;
    int order = strcmp((*x)->config_hash, (*y)->config_hash);
    if (order == 0)
        order = ((*x)->seed > (*y)->seed) - ((*x)->seed < (*y)->seed);
    return order;
}

/* Equal runs whose configurations read differently: two paths that hold the same content. */
static enum pxs_status refuse_twins(const struct pxs_plan *plan, struct pxs_error *err) {
    const struct pxs_plan_run **sorted = malloc(plan->n * sizeof(*sorted));
    if (!sorted)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n; i++)
        sorted[i] = &plan->runs[i];
    qsort(sorted, plan->n, sizeof(*sorted), by_identity);
    enum pxs_status status = PXS_OK;
    for (size_t i = 1; i < plan->n && status == PXS_OK; i++) {
        const struct pxs_plan_run *a = sorted[i - 1], *b = sorted[i];
        const bool held = strcmp(a->before_hash, b->before_hash) != 0;
        if (by_identity(&sorted[i - 1], &sorted[i]) == 0)
            status = pxs_fail(
                err, PXS_E_INVALID, "%s: runs %zu and %zu are the same run: %s", plan->file,
                (size_t)(a - plan->runs) + 1, (size_t)(b - plan->runs) + 1,
                held ? "they differ in val_fraction, which has no effect under validation: off"
                     : "the paths that they differ in hold the same content");
    }
    free(sorted);
    return status;
}

/* Each note is a line. */
static void begin_note(struct pxs_text *notes) {
    if (notes->len > 0)
        pxs_text_add(notes, "\n");
}

/* A val_fraction that is stated beside validation: off. */
static void note_fraction(const struct pxs_plan *plan, struct pxs_text *notes) {
    struct pxs_text origin = {0}, first = {0};
    size_t n = 0;
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->runs[i].before_hash[0] == '\0')
            continue;
        pxs_text_clear(&origin);
        pxs_config_origin(plan->config, i, PXS_PARAM_val_fraction, &origin);
        if (strcmp(pxs_text_str(&origin), "default") != 0 && n++ == 0)
            pxs_text_add(&first, pxs_text_str(&origin));
    }
    if (n > 0) {
        begin_note(notes);
        pxs_text_addf(notes,
                      "val_fraction (%s) has no effect under validation: off, which holds nothing "
                      "back (%zu of %zu runs)",
                      pxs_text_str(&first), n, plan->n);
    }
    pxs_text_finish(&origin);
    pxs_text_finish(&first);
}

static enum pxs_status gather_notes(struct pxs_plan *plan, struct pxs_error *err) {
    struct pxs_text notes = {0};
    for (size_t i = 0; i < pxs_config_notes(plan->config); i++) {
        begin_note(&notes);
        pxs_text_add(&notes, pxs_config_note(plan->config, i));
    }
    if (plan->n_left_out > 0) {
        const bool one = plan->n_left_out == 1;
        begin_note(&notes);
        pxs_text_addf(&notes,
                      "%zu run%s of %s in the database %s no longer in the file; left as %s: ",
                      plan->n_left_out, one ? "" : "s", plan->sweep, one ? "is" : "are",
                      one ? "it is" : "they are");
        for (size_t i = 0; i < plan->n_left_out && i < PXS_COUNT(plan->left_out); i++)
            pxs_text_addf(&notes, "%s%s", i > 0 ? ", " : "", plan->left_out[i]);
        if (plan->n_left_out > PXS_COUNT(plan->left_out))
            pxs_text_addf(&notes, " and %zu more", plan->n_left_out - PXS_COUNT(plan->left_out));
    }
    if (plan->n_before > 0) {
        const bool one = plan->n_before == 1;
        begin_note(&notes);
        pxs_text_addf(&notes,
                      "%zu of the runs no longer in the file %s made when validation: off held "
                      "val_fraction of the pairs "
                      "back; now it holds none back, which is another configuration: %s not taken "
                      "up (pixsweep rm removes %s)",
                      plan->n_before, one ? "was" : "were", one ? "it is" : "they are",
                      one ? "it" : "them");
    }
    note_fraction(plan, &notes);
    if (plan->how.order != PXS_ORDER_AS_WRITTEN)
        begin_note(&notes);
    if (plan->how.order == PXS_ORDER_SEED_MAJOR)
        pxs_text_add(&notes, "order: seed_major, everything with the first seed comes first");
    else if (plan->how.order == PXS_ORDER_SHUFFLED)
        pxs_text_addf(&notes, "order: shuffled by %lld; listed as written",
                      (long long)plan->how.order_seed);
    if (plan->unread[0]) {
        begin_note(&notes);
        pxs_text_addf(&notes,
                      "the database cannot be read; what is done is told by the folders: %s",
                      plan->unread);
    }
    plan->notes = pxs_arena_strdup(&plan->arena, pxs_text_str(&notes));
    pxs_text_finish(&notes);
    return plan->notes ? PXS_OK : pxs_fail_nomem(err);
}

void pxs_plan_total(struct pxs_plan *plan) {
    double sum = 0, longest = 0, first = 0, most = 0, steps = 0, disk = 0;
    plan->states = (struct pxs_state_counts){0};
    plan->memory_each = 0;
    plan->runs_to_do = 0;
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        bool stale = run->stale && run->state == PXS_STATE_RUNNING;
        plan->states.of[stale ? PXS_STATE_STALE : run->state]++;
        if (!pxs_plan_takes_run(plan, run))
            continue;
        uint64_t bytes = run->estimate.disk_bytes;
        if (plan->how.keep_final) /* its final point: weights and both moments */
            bytes += 12 * (uint64_t)(run->estimate.weights_G + run->estimate.weights_D);
        if (plan->prune.rule !=
            PXS_PRUNE_NONE) /* a pruned run keeps a resume point: weights and both moments */
            bytes += 12 * (uint64_t)(run->estimate.weights_G + run->estimate.weights_D);
        plan->runs_to_do += run->likely;
        sum += run->likely * run->seconds;
        steps += run->likely * (double)(run->estimate.steps - pxs_steps_begun(run));
        disk += run->likely * (double)bytes;
        if (run->likely > 0)
            longest = fmax(longest, run->seconds);
        most += run->seconds;
        if (i / plan->n_configurations < (size_t)plan->race.rule.first)
            first += run->seconds;
        if (run->estimate.memory_bytes > plan->memory_each)
            plan->memory_each = run->estimate.memory_bytes;
    }
    plan->steps_to_do = llround(steps);
    plan->disk_to_do = (uint64_t)disk;
    plan->seconds_to_do = pxs_spread(sum, longest, plan->slots.jobs);
    plan->seconds_first = pxs_spread(first, fmin(first, longest), plan->slots.jobs);
    plan->seconds_most = pxs_spread(most, longest, plan->slots.jobs);
}

void pxs_plan_use_slots(struct pxs_plan *plan, struct pxs_sweep_slots slots) {
    double scale = pxs_speedup(plan->slots.threads) / pxs_speedup(slots.threads);
    plan->slots = slots;
    for (size_t i = 0; i < plan->n; i++)
        plan->runs[i].seconds *= scale;
    pxs_plan_total(plan);
}

static void describe_time(struct pxs_plan *plan, const struct pxs_speeds *speeds) {
    plan->time_source = speeds->source;
    if (speeds->source == PXS_TIME_MEASURED)
        snprintf(plan->time_basis, sizeof plan->time_basis,
                 "measured on the last %zu finished run%s here with %d thread%s", speeds->n,
                 speeds->n == 1 ? "" : "s", plan->slots.threads,
                 plan->slots.threads == 1 ? "" : "s");
    else if (speeds->source == PXS_TIME_CALIBRATED)
        snprintf(plan->time_basis, sizeof plan->time_basis,
                 "calibrated for %d thread%s from the last %zu finished run%s here with %d",
                 plan->slots.threads, plan->slots.threads == 1 ? "" : "s", speeds->n,
                 speeds->n == 1 ? "" : "s", speeds->threads);
    else
        snprintf(
            plan->time_basis, sizeof plan->time_basis,
            "a guess at %.0f GMAC/s with %d thread%s; measured once a %srun with these kernels has "
            "finished here",
            1 / speeds->guess, plan->slots.threads, plan->slots.threads == 1 ? "" : "s",
            speeds->n > 0 ? "longer " : "");
}

static enum pxs_status estimate(struct pxs_plan *plan, struct pxs_store *store,
                                const struct pxs_sweep_options *options, const char *kernels,
                                struct pxs_error *err) {
    struct pxs_cpu cpu;
    struct pxs_speeds speeds;
    pxs_cpu_detect(&cpu);
    plan->slots = pxs_sweep_slots(cpu.cores, options->jobs, options->threads);
    pxs_plan_total(plan);
    /* With nothing to do now: a run of another supervisor may become ours if that dies. */
    if (pxs_plan_count_to_run(plan) > 0)
        pxs_slots_fit(&plan->slots, pxs_plan_at_once(plan));
    pxs_memory_look("", &plan->memory);
    pxs_slots_fit(&plan->slots, pxs_slots_memory(plan->memory_each, plan->memory.available));
    PXS_TRY(pxs_speeds_find(store, plan->slots.threads, kernels, &plan->arena, &speeds, err));
    for (size_t i = 0; i < plan->n; i++)
        if (pxs_plan_will_run(plan, plan->runs[i].state) ||
            plan->runs[i].state == PXS_STATE_RUNNING) {
            const struct pxs_plan_run *run = &plan->runs[i];
            plan->runs[i].seconds = pxs_speeds_seconds(&speeds, &run->estimate) *
                                    (double)(run->estimate.steps - pxs_steps_begun(run)) /
                                    (double)run->estimate.steps;
            if (!pxs_speeds_tell(&speeds, &plan->runs[i].estimate))
                speeds.source = PXS_TIME_GUESS;
        }
    /* Where rows cannot be read now, a plan is shown without; a supervisor reads them again. */
    if (store && pxs_plan_read_spent(plan, store, err) == PXS_E_NOMEM)
        return PXS_E_NOMEM;
    PXS_TRY(pxs_plan_foresee(plan, store, err));
    for (size_t i = 0; i < plan->n; i++)
        plan->runs[i].took = plan->runs[i].seconds == 0 ? plan->runs[i].spent : 0;
    describe_time(plan, &speeds);
    plan->disk_free = pxs_disk_free(plan->results);
    pxs_plan_total(plan);
    return PXS_OK;
}

static enum pxs_status make(struct pxs_plan *plan, const struct pxs_sweep_options *options,
                            struct pxs_error *err) {
    struct pxs_store *store = NULL;
    struct pxs_error why;
    char kernels[64];
    PXS_TRY(load_config(plan, options, err));
    PXS_TRY(resolve_all(plan, options, err));
    PXS_TRY(refuse_twins(plan, err));
    PXS_TRY(pxs_plan_name_race(plan, err));
    PXS_TRY(pxs_kernels_named(options->kernels, kernels, err));

    /* Where the database cannot be read now, the runs' folders tell what is done. One that is
     * damaged, newer or of another program is an error. */
    enum pxs_status status = pxs_store_open_readonly(plan->db, &store, &why);
    if (status != PXS_OK && status != PXS_E_NOT_FOUND) {
        if (!pxs_store_may_wait(status, plan->db))
            return pxs_fail(err, status, "%s", why.message);
        snprintf(plan->unread, sizeof plan->unread, "%.590s", why.message);
    }
    status = pxs_plan_match_db(plan, store, err);
    if (status == PXS_OK)
        status = pxs_plan_find_shorter(plan, store, kernels, err);
    if (status == PXS_OK)
        status = pxs_plan_read_race(plan, err);
    if (status == PXS_OK)
        status = estimate(plan, store, options, kernels, err);
    pxs_store_close(&store);
    PXS_TRY(status);
    return gather_notes(plan, err);
}

enum pxs_status pxs_plan_make(const struct pxs_sweep_options *options, struct pxs_plan **out,
                              struct pxs_error *err) {
    struct pxs_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return pxs_fail_nomem(err);
    enum pxs_status status = make(plan, options, err);
    if (status == PXS_OK)
        *out = plan;
    else
        pxs_plan_destroy(&plan);
    return status;
}

const char *pxs_plan_condition(const struct pxs_plan *plan, struct pxs_arena *arena) {
    struct pxs_text text = {0};
    if (!plan->is_changed)
        return NULL;
    pxs_text_add(&text, "run_id IN (");
    for (size_t i = 0; i < plan->n; i++)
        pxs_text_addf(&text, "%s%lld", i > 0 ? ", " : "", (long long)plan->runs[i].run_id);
    pxs_text_add(&text, ")");
    const char *condition = text.failed ? NULL : pxs_arena_strdup(arena, pxs_text_str(&text));
    pxs_text_finish(&text);
    return condition;
}

void pxs_plan_destroy(struct pxs_plan **plan) {
    if (!plan || !*plan)
        return;
    pxs_config_destroy(&(*plan)->config);
    pxs_race_course_finish(&(*plan)->course);
    pxs_arena_finish(&(*plan)->arena);
    free(*plan);
    *plan = NULL;
}
