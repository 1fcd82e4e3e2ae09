/* A plan as a file, for supervisors on other machines: they carry out the runs as they were
 * planned, whatever the experiment file says by then, and read neither it nor the data. What a run
 * is stands in the config.yaml of its folder; plan.json has the rest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan_priv.h"
#include "pixsweep/base/json.h"

enum { FROZEN_VERSION = 1, FROZEN_MAX = 64 << 20 };

/* Members of the file and of the struct, written and read alike: TEXT is a string that the plan's
 * arena holds, CHARS an array. */
#define RUN_MEMBERS(TEXT, CHARS, INT, REAL, FLAG) \
    INT(number)                                   \
    TEXT(name)                                    \
    TEXT(differs)                                 \
    INT(seed)                                     \
    CHARS(config_hash)                            \
    TEXT(data_hash)                               \
    TEXT(weights_hash)                            \
    FLAG(own_val)                                 \
    INT(n_train)                                  \
    INT(n_val)                                    \
    INT(estimate.batches_per_epoch)               \
    INT(estimate.steps)                           \
    REAL(estimate.gmac_per_step)                  \
    INT(estimate.memory_bytes)                    \
    INT(estimate.disk_bytes)                      \
    INT(estimate.weights_G)                       \
    INT(estimate.weights_D)                       \
    REAL(seconds)
/* `timeout_s` is null where there is none. */
#define PLAN_MEMBERS(TEXT, CHARS, INT, REAL, FLAG) \
    CHARS(sweep)                                   \
    CHARS(file)                                    \
    CHARS(results)                                 \
    TEXT(spec_yaml)                                \
    CHARS(spec_hash)                               \
    CHARS(time_basis)                              \
    INT(n_seeds)                                   \
    INT(how.retries)                               \
    REAL(how.timeout_s)                            \
    REAL(how.timeout_share)                        \
    REAL(how.resume_every_s)                       \
    INT(how.max_failures)                          \
    INT(how.order)                                 \
    INT(how.order_seed)                            \
    INT(prune.rule)                                \
    INT(prune.eta)                                 \
    INT(prune.min_runs)

/* A plan of an earlier version has none of these. INFINITY is null. */
#define LATER_MEMBERS(TEXT, CHARS, INT, REAL, FLAG) \
    INT(n_configurations)                           \
    FLAG(is_changed)                                \
    REAL(how.budget_s)                              \
    FLAG(how.keep_final)                            \
    FLAG(race.on)                                   \
    REAL(race.rule.confidence)                      \
    INT(race.rule.first)                            \
    INT(race.rule.max_seeds)                        \
    REAL(race.rule.indifference)                    \
    FLAG(race.rule.higher_better)                   \
    INT(race.metric)                                \
    INT(race.budget_runs)                           \
    REAL(race.budget_s)

/* Of struct pxs_sweep_options what a supervisor needs beside the plan. */
#define OPTION_MEMBERS(TEXT, CHARS, INT, REAL, FLAG) \
    TEXT(kernels)                                    \
    TEXT(command)                                    \
    INT(jobs)                                        \
    INT(threads)                                     \
    REAL(grace)                                      \
    REAL(park_after)                                 \
    FLAG(allow_mixed)

/* ---- writing -------------------------------------------------------------------------------- */

#define TEXT(member) pxs_json_put_string(w, #member, p->member ? p->member : "");
#define CHARS(member) pxs_json_put_string(w, #member, p->member);
#define INT(member) pxs_json_put_int(w, #member, (int64_t)p->member);
#define REAL(member) pxs_json_put_double(w, #member, p->member);
#define FLAG(member) pxs_json_put_bool(w, #member, p->member);

/* `dir` is "" where the folder is the one that the run's name says. */
static void print_run(const struct pxs_plan *plan, const struct pxs_plan_run *p,
                      struct pxs_json_writer *w) {
    char dir[PXS_PATH_MAX];
    pxs_json_put_object(w, NULL);
    RUN_MEMBERS(TEXT, CHARS, INT, REAL, FLAG)
    const bool usual = pxs_path_join(dir, sizeof dir, plan->results, p->name) && p->dir &&
                       strcmp(dir, p->dir) == 0;
    pxs_json_put_string(w, "dir", usual || !p->dir ? "" : p->dir);
    pxs_json_put_string(w, "state", pxs_state_name(p->state));
    if (p->configuration)
        pxs_json_put_string(w, "configuration", p->configuration);
    if (p->shorter) { /* below the results folder, which may be moved, or absolute */
        const size_t n = strlen(plan->results);
        const bool below = strncmp(p->shorter, plan->results, n) == 0 && p->shorter[n] == '/';
        pxs_json_put_string(w, "shorter", below ? p->shorter + n + 1 : p->shorter);
    }
    pxs_json_end(w);
}

static void print_options(const struct pxs_sweep_options *p, struct pxs_json_writer *w) {
    pxs_json_put_object(w, "options");
    OPTION_MEMBERS(TEXT, CHARS, INT, REAL, FLAG)
    pxs_json_end(w);
}

static void print_plan(const struct pxs_plan *p, const struct pxs_sweep_options *options,
                       struct pxs_json_writer *w) {
    pxs_json_put_object(w, NULL);
    pxs_json_put_int(w, "version", FROZEN_VERSION);
    PLAN_MEMBERS(TEXT, CHARS, INT, REAL, FLAG)
    LATER_MEMBERS(TEXT, CHARS, INT, REAL, FLAG)
    print_options(options, w);
    pxs_json_put_array(w, "rungs");
    for (size_t i = 0; i < p->prune.n_rungs; i++)
        pxs_json_put_int(w, NULL, p->prune.rungs[i]);
    pxs_json_end(w);
    pxs_json_put_array(w, "runs");
    for (size_t i = 0; i < p->n; i++)
        print_run(p, &p->runs[i], w);
    pxs_json_end(w);
    pxs_json_end(w);
}

#undef TEXT
#undef CHARS
#undef INT
#undef REAL
#undef FLAG

/* The folder of each run that is to be done gets the config.yaml that it is carried out from. Of a
 * race those of its next look alone: others may never begin. */
static enum pxs_status write_configs(const struct pxs_plan *plan, struct pxs_error *err) {
    struct pxs_text yaml = {0};
    enum pxs_status status = PXS_OK;
    struct pxs_params *params = malloc(sizeof *params);
    if (!params)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        if (!pxs_plan_takes_run(plan, run) || !pxs_race_allows(plan, i))
            continue;
        pxs_text_clear(&yaml);
        status = pxs_plan_run_config(plan, i, params, &yaml, err);
        if (status == PXS_OK)
            status = pxs_make_dirs(run->dir, err);
        if (status == PXS_OK)
            status = pxs_run_config_write(run->dir, pxs_text_str(&yaml), err);
    }
    pxs_text_finish(&yaml);
    free(params);
    return status;
}

enum pxs_status pxs_plan_freeze(const struct pxs_plan *plan,
                                const struct pxs_sweep_options *options, const char *dir,
                                struct pxs_error *err) {
    char path[PXS_PATH_MAX];
    struct pxs_text text = {0};
    struct pxs_json_writer w = {.out = &text, .indent = 1};
    if (!pxs_path_join(path, sizeof path, dir, PXS_PLAN_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    PXS_TRY(write_configs(plan, err));
    print_plan(plan, options, &w);
    pxs_text_add(&text, "\n");
    enum pxs_status status = pxs_json_finish(&w, err);
    if (status == PXS_OK)
        status = pxs_write_file(path, pxs_text_str(&text), text.len, err);
    pxs_text_finish(&text);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum pxs_status get_text(struct pxs_json object, const char *key, struct pxs_arena *arena,
                                const char **out, struct pxs_error *err) {
    const char *text;
    PXS_TRY(pxs_json_get_string(object, key, &text, err));
    *out = pxs_arena_strdup(arena, text);
    return *out ? PXS_OK : pxs_fail_nomem(err);
}

static enum pxs_status get_chars(struct pxs_json object, const char *key, char *out, size_t size,
                                 struct pxs_error *err) {
    struct pxs_json value;
    const char *text;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    PXS_TRY(pxs_json_string(value, &text, err));
    if ((size_t)snprintf(out, size, "%s", text) >= size)
        return pxs_json_fail(value, err, "is too long");
    return PXS_OK;
}

static enum pxs_status get_int(struct pxs_json object, const char *key, int64_t *out,
                               struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    return pxs_json_int(value, out, err);
}

static enum pxs_status get_real(struct pxs_json object, const char *key, double *out,
                                struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    *out = INFINITY;
    return pxs_json_type(value) == PXS_JSON_NULL ? PXS_OK : pxs_json_double(value, out, err);
}

static enum pxs_status get_flag(struct pxs_json object, const char *key, bool *out,
                                struct pxs_error *err) {
    struct pxs_json value;
    PXS_TRY(pxs_json_get(object, key, &value, err));
    return pxs_json_bool(value, out, err);
}

#define TEXT(member) PXS_TRY(get_text(object, #member, arena, &p->member, err));
#define CHARS(member) PXS_TRY(get_chars(object, #member, p->member, sizeof p->member, err));
#define INT(member)                                  \
    PXS_TRY(get_int(object, #member, &number, err)); \
    p->member = number;
#define REAL(member) PXS_TRY(get_real(object, #member, &p->member, err));
#define FLAG(member) PXS_TRY(get_flag(object, #member, &p->member, err));

static enum pxs_status read_run(struct pxs_json object, struct pxs_plan *plan,
                                struct pxs_plan_run *p, struct pxs_error *err) {
    struct pxs_arena *arena = &plan->arena;
    struct pxs_json value;
    const char *word;
    char dir[PXS_PATH_MAX];
    int64_t number;
    PXS_TRY(pxs_json_expect(object, PXS_JSON_OBJECT, err));
    RUN_MEMBERS(TEXT, CHARS, INT, REAL, FLAG)
    PXS_TRY(pxs_json_get(object, "state", &value, err));
    PXS_TRY(pxs_json_string(value, &word, err));
    p->state = pxs_state_parse(word);
    if (p->state == PXS_STATE_NONE)
        return pxs_json_fail(value, err, "is no state of a run");
    if (pxs_json_find(object, "configuration", &value))
        PXS_TRY(get_text(object, "configuration", arena, &p->configuration, err));
    if (pxs_json_find(object, "shorter", &value)) {
        PXS_TRY(pxs_json_string(value, &word, err));
        if (!pxs_path_join(dir, sizeof dir, plan->results, word))
            return pxs_json_fail(value, err, "is too long");
        p->shorter = pxs_arena_strdup(arena, dir);
        if (!p->shorter)
            return pxs_fail_nomem(err);
    }
    PXS_TRY(get_text(object, "dir", arena, &p->dir, err));
    if (p->dir[0])
        return PXS_OK;
    if (!pxs_path_join(dir, sizeof dir, plan->results, p->name))
        return pxs_fail(err, PXS_E_INVALID, "the path of %s is too long", p->name);
    p->dir = pxs_arena_strdup(arena, dir);
    return p->dir ? PXS_OK : pxs_fail_nomem(err);
}

static enum pxs_status read_options(struct pxs_json object, struct pxs_arena *arena,
                                    struct pxs_sweep_options *p, struct pxs_error *err) {
    int64_t number;
    PXS_TRY(pxs_json_expect(object, PXS_JSON_OBJECT, err));
    OPTION_MEMBERS(TEXT, CHARS, INT, REAL, FLAG)
    if (p->kernels[0] == '\0')
        p->kernels = NULL;
    return PXS_OK;
}

/* The results folder may have been moved since: it is where `dir`, results/SWEEP/cluster/NNNN, is.
 */
static void find_results(struct pxs_plan *plan, const char *dir) {
    char cluster[PXS_PATH_MAX], sweep[PXS_PATH_MAX], results[PXS_PATH_MAX];
    if (dir[0] == '/' && pxs_path_dir(cluster, sizeof cluster, dir) &&
        pxs_path_dir(sweep, sizeof sweep, cluster) &&
        strcmp(strrchr(sweep, '/') + 1, plan->sweep) == 0 &&
        pxs_path_dir(results, sizeof results, sweep))
        memcpy(plan->results, results, sizeof results);
}

static enum pxs_status read_later(struct pxs_json object, struct pxs_plan *p,
                                  struct pxs_error *err) {
    struct pxs_json value;
    int64_t number;
    if (pxs_json_get(object, "n_configurations", &value, NULL) != PXS_OK) {
        p->n_configurations = p->n_seeds > 0 ? p->n / p->n_seeds : p->n;
        p->how.budget_s = p->race.budget_s = INFINITY;
        return PXS_OK;
    }
    LATER_MEMBERS(TEXT, CHARS, INT, REAL, FLAG)
    if (p->race.metric >= PXS_RACE_METRICS || p->n_configurations == 0)
        return pxs_json_fail(object, err, "has a race of another pixsweep");
    return p->race.on ? pxs_race_check(&p->race.rule, err) : PXS_OK;
}

static enum pxs_status read_plan(struct pxs_json object, const char *dir, struct pxs_plan *plan,
                                 struct pxs_sweep_options *options, struct pxs_error *err) {
    struct pxs_plan *p = plan;
    struct pxs_arena *arena = &plan->arena;
    struct pxs_json list, item;
    int64_t number;
    PXS_TRY(pxs_json_expect(object, PXS_JSON_OBJECT, err));
    PXS_TRY(get_int(object, "version", &number, err));
    if (number != FROZEN_VERSION)
        return pxs_json_fail(object, err,
                             "is of version %lld, and this pixsweep knows version %d: another "
                             "pixsweep wrote it",
                             (long long)number, FROZEN_VERSION);
    PLAN_MEMBERS(TEXT, CHARS, INT, REAL, FLAG)
    find_results(plan, dir);
    PXS_TRY(pxs_json_get(object, "options", &item, err));
    PXS_TRY(read_options(item, arena, options, err));
    PXS_TRY(pxs_json_get(object, "rungs", &list, err));
    PXS_TRY(pxs_json_expect(list, PXS_JSON_ARRAY, err));
    if (pxs_json_count(list) > PXS_RUNGS_MAX)
        return pxs_json_fail(list, err, "has more than %d elements", PXS_RUNGS_MAX);
    for (bool more = pxs_json_first(list, &item); more; more = pxs_json_next(&item))
        PXS_TRY(pxs_json_int(item, &plan->prune.rungs[plan->prune.n_rungs++], err));
    PXS_TRY(pxs_json_get(object, "runs", &list, err));
    PXS_TRY(pxs_json_expect(list, PXS_JSON_ARRAY, err));
    plan->runs = pxs_arena_alloc(&plan->arena, pxs_json_count(list) * sizeof *plan->runs);
    if (!plan->runs)
        return pxs_fail_nomem(err);
    for (bool more = pxs_json_first(list, &item); more; more = pxs_json_next(&item)) {
        plan->runs[plan->n] = (struct pxs_plan_run){.likely = 1};
        PXS_TRY(read_run(item, plan, &plan->runs[plan->n++], err));
    }
    return read_later(object, plan, err);
}

/* The document in `dir`; destroy it. */
static enum pxs_status open_frozen(const char *dir, struct pxs_json_doc **out,
                                   struct pxs_error *err) {
    char path[PXS_PATH_MAX], *text;
    size_t bytes;
    if (!pxs_path_join(path, sizeof path, dir, PXS_PLAN_FILE))
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", dir);
    PXS_TRY(pxs_read_file(path, FROZEN_MAX, &text, &bytes, err));
    const enum pxs_status status = pxs_json_parse(text, bytes, path, out, err);
    free(text);
    return status;
}

enum pxs_status pxs_plan_thaw(const char *dir, struct pxs_plan **out,
                              struct pxs_sweep_options *options, struct pxs_error *err) {
    struct pxs_plan *plan = calloc(1, sizeof *plan);
    struct pxs_json_doc *doc = NULL;
    if (!plan)
        return pxs_fail_nomem(err);
    enum pxs_status status = open_frozen(dir, &doc, err);
    if (status == PXS_OK)
        status = read_plan(pxs_json_root(doc), dir, plan, options, err);
    if (status == PXS_OK)
        status = pxs_plan_read_race(plan, err);
    pxs_json_destroy(&doc);
    if (status == PXS_OK)
        *out = plan;
    else
        pxs_plan_destroy(&plan);
    return status;
}

enum pxs_status pxs_plan_numbers(const char *dir, struct pxs_numbered **out, size_t *n,
                                 struct pxs_error *err) {
    struct pxs_json_doc *doc = NULL;
    struct pxs_json list, item;
    struct pxs_numbered *runs = NULL;
    size_t used = 0;
    PXS_TRY(open_frozen(dir, &doc, err));
    enum pxs_status status = pxs_json_get(pxs_json_root(doc), "runs", &list, err);
    if (status == PXS_OK)
        status = pxs_json_expect(list, PXS_JSON_ARRAY, err);
    if (status == PXS_OK && !(runs = calloc(pxs_json_count(list) + 1, sizeof *runs)))
        status = pxs_fail_nomem(err);
    for (bool more = status == PXS_OK && pxs_json_first(list, &item); more && status == PXS_OK;
         more = pxs_json_next(&item)) {
        struct pxs_numbered *run = &runs[used++];
        status = get_int(item, "number", &run->number, err);
        if (status == PXS_OK)
            status = get_int(item, "seed", &run->seed, err);
        if (status == PXS_OK)
            status = get_chars(item, "config_hash", run->config_hash, sizeof run->config_hash, err);
    }
    pxs_json_destroy(&doc);
    if (status == PXS_OK) {
        *out = runs;
        *n = used;
    } else
        free(runs);
    return status;
}
