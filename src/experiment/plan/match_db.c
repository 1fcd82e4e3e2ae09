/* The plan against the database: what is there already, what is new, and freezing it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plan_priv.h"

bool pxs_plan_will_run(const struct pxs_plan *plan, enum pxs_run_state state) {
    return pxs_state_is_startable(state, plan->prune.rule != PXS_PRUNE_NONE);
}

bool pxs_plan_takes_run(const struct pxs_plan *plan, const struct pxs_plan_run *run) {
    return pxs_plan_will_run(plan, run->state) || (run->stale && run->state == PXS_STATE_RUNNING);
}

size_t pxs_plan_count_to_run(const struct pxs_plan *plan) {
    size_t n = 0;
    for (size_t i = 0; i < plan->n; i++)
        n += pxs_plan_takes_run(plan, &plan->runs[i]);
    return n;
}

enum pxs_status pxs_plan_rows(const struct pxs_plan *plan, struct pxs_store_plan_run **out,
                              struct pxs_error *err) {
    struct pxs_store_plan_run *rows = calloc(plan->n, sizeof *rows);
    if (!rows)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n; i++) {
        memcpy(rows[i].config_hash, plan->runs[i].config_hash, sizeof rows[i].config_hash);
        rows[i].seed = plan->runs[i].seed;
    }
    *out = rows;
    return PXS_OK;
}

/* Folder and name of a run that is new. */
static enum pxs_status name_new(struct pxs_plan *plan, struct pxs_plan_run *run, int64_t number,
                                struct pxs_error *err) {
    run->number = number;
    run->name = pxs_arena_printf(&plan->arena, "%s/%04lld-%s-s%lld", plan->sweep, (long long)number,
                                 run->differs, (long long)run->seed);
    char dir[PXS_PATH_MAX];
    if (!run->name)
        return pxs_fail_nomem(err);
    if (strlen(run->name) >= sizeof((struct pxs_store_run *)0)->name)
        return pxs_fail(err, PXS_E_INVALID, "the run's name %s is too long", run->name);
    if (!pxs_path_join(dir, sizeof dir, plan->results, run->name))
        return pxs_fail(err, PXS_E_INVALID, "the path of run %s is too long", run->name);
    run->dir = pxs_arena_strdup(&plan->arena, dir);
    run->state = PXS_STATE_NEW;
    return run->dir ? PXS_OK : pxs_fail_nomem(err);
}

static enum pxs_status keep_known(struct pxs_plan *plan, struct pxs_plan_run *run,
                                  const struct pxs_store_plan_run *row, struct pxs_error *err) {
    run->number = row->number;
    run->run_id = row->run_id;
    run->name = pxs_arena_strdup(&plan->arena, row->name);
    run->dir = pxs_arena_strdup(&plan->arena, row->dir);
    run->state = row->state;
    return run->name && run->dir ? PXS_OK : pxs_fail_nomem(err);
}

/* Numbers of folders that others have made are skipped only where no database can tell whose they
 * are. */
static enum pxs_status name_all(struct pxs_plan *plan, const struct pxs_store_plan_run *rows,
                                int64_t next, struct pxs_error *err) {
    int64_t highest;
    for (size_t i = 0; i < plan->n; i++) {
        struct pxs_plan_run *run = &plan->runs[i];
        run->run_id = 0;
        run->dir = NULL;
        if (rows && rows[i].run_id != 0)
            PXS_TRY(keep_known(plan, run, &rows[i], err));
    }
    PXS_TRY(pxs_plan_match_folders(plan, &highest, err));
    for (size_t i = 0; i < plan->n; i++)
        if (plan->runs[i].dir && plan->runs[i].number >= next)
            next = plan->runs[i].number + 1;
    if (plan->unread[0] && highest >= next)
        next = highest + 1;
    for (size_t i = 0; i < plan->n; i++)
        if (!plan->runs[i].dir)
            PXS_TRY(name_new(plan, &plan->runs[i], next++, err));
    return PXS_OK;
}

/* How many of the file's runs the database knows by the hash that they had before. */
static enum pxs_status count_before(struct pxs_plan *plan, struct pxs_store *store,
                                    struct pxs_error *err) {
    struct pxs_store_plan found = {0};
    struct pxs_store_plan_run *rows = calloc(plan->n, sizeof *rows);
    size_t n = 0;
    if (!rows)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->runs[i].before_hash[0] == '\0')
            continue;
        memcpy(rows[n].config_hash, plan->runs[i].before_hash, sizeof rows[n].config_hash);
        rows[n++].seed = plan->runs[i].seed;
    }
    plan->n_before = 0;
    enum pxs_status status =
        n > 0 ? pxs_store_lookup(store, plan->sweep, rows, n, &found, err) : PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++)
        plan->n_before += rows[i].run_id != 0;
    pxs_store_plan_finish(&found);
    free(rows);
    return status;
}

/* Runs whose supervisor and worker died before how they ended was recorded. */
static enum pxs_status mark_stale(struct pxs_plan *plan, struct pxs_store *store, int64_t sweep_id,
                                  struct pxs_error *err) {
    struct pxs_host here;
    int64_t *ids = NULL;
    size_t n = 0;
    if (sweep_id == 0)
        return PXS_OK;
    pxs_host_detect(&here);
    PXS_TRY(pxs_store_stale_runs(store, sweep_id, &here, pxs_now_ms(), &ids, &n, err));
    for (size_t i = 0; i < plan->n; i++) {
        plan->runs[i].stale = false;
        for (size_t k = 0; k < n; k++)
            plan->runs[i].stale = plan->runs[i].stale || plan->runs[i].run_id == ids[k];
    }
    free(ids);
    return PXS_OK;
}

static enum pxs_status match_rows(struct pxs_plan *plan, struct pxs_store *store,
                                  struct pxs_store_plan_run *rows, struct pxs_store_plan *found,
                                  struct pxs_error *err) {
    PXS_TRY(pxs_store_lookup(store, plan->sweep, rows, plan->n, found, err));
    PXS_TRY(name_all(plan, rows, found->next_number > 0 ? found->next_number : 1, err));
    PXS_TRY(mark_stale(plan, store, found->sweep_id, err));
    PXS_TRY(pxs_plan_same_data(plan, store, found, err));

    /* The runs that the file no longer asks for: how many, and the first few by name. */
    plan->n_left_out = found->n_gone;
    for (size_t i = 0; i < found->n_gone && i < PXS_COUNT(plan->left_out); i++) {
        struct pxs_store_run run;
        char id[32];
        snprintf(id, sizeof id, "%lld", (long long)found->gone[i]);
        PXS_TRY(pxs_store_find_run(store, id, &run, err));
        plan->left_out[i] = pxs_arena_strdup(&plan->arena, run.name);
        if (!plan->left_out[i])
            return pxs_fail_nomem(err);
    }
    return count_before(plan, store, err);
}

enum pxs_status pxs_plan_match_db(struct pxs_plan *plan, struct pxs_store *store,
                                  struct pxs_error *err) {
    if (!store)
        return name_all(plan, NULL, 1, err);
    struct pxs_store_plan found = {0};
    struct pxs_store_plan_run *rows;
    PXS_TRY(pxs_plan_rows(plan, &rows, err));
    enum pxs_status status = match_rows(plan, store, rows, &found, err);
    pxs_store_plan_finish(&found);
    free(rows);
    return status;
}

/* ---- the same path, the same content -------------------------------------------------------- */

/* What a path of the sweep's runs held: the frozen line that names it ("dataset: ..."), and its
 * hash. */
struct content {
    /* run: the first of those that the file no longer asks for, else NULL */
    const char *line, *hash, *run;
    const char *files; /* of a data set with lossy pictures: the hash of its files; else "" */
};
struct contents {
    struct pxs_arena arena;
    struct content *items; /* each line and hash once */
    size_t n;
};

static struct content *find_content(const struct contents *all, const char *line, size_t bytes,
                                    const char *hash) {
    for (size_t i = 0; i < all->n; i++)
        if (strncmp(all->items[i].line, line, bytes) == 0 && all->items[i].line[bytes] == '\0' &&
            strcmp(all->items[i].hash, hash) == 0)
            return &all->items[i];
    return NULL;
}

static enum pxs_status note_content(struct contents *all, const char *yaml, const char *key,
                                    const char *hash, const char *files, const char *gone_run,
                                    struct pxs_error *err) {
    const char *line;
    size_t bytes;
    if (!hash[0] || !pxs_run_config_line(yaml, key, &line, &bytes))
        return PXS_OK;
    struct content *one = find_content(all, line, bytes, hash);
    if (!one) {
        struct content *more = realloc(all->items, (all->n + 1) * sizeof *more);
        if (!more)
            return pxs_fail_nomem(err);
        all->items = more;
        one = &more[all->n];
        *one = (struct content){.line = pxs_arena_printf(&all->arena, "%.*s", (int)bytes, line),
                                .hash = pxs_arena_strdup(&all->arena, hash),
                                .files = pxs_arena_strdup(&all->arena, files)};
        if (!one->line || !one->hash || !one->files)
            return pxs_fail_nomem(err);
        all->n++;
    }
    if (gone_run && !one->run && !(one->run = pxs_arena_strdup(&all->arena, gone_run)))
        return pxs_fail_nomem(err);
    return PXS_OK;
}

static enum pxs_status note_run(struct contents *all, struct pxs_store *store, int64_t run_id,
                                bool gone, struct pxs_error *err) {
    struct pxs_run_config_head head;
    char *yaml = NULL;
    PXS_TRY(pxs_store_run_config(store, run_id, &yaml, err));
    pxs_run_config_read_head(yaml, &head);
    const char *gone_run = gone ? head.name : NULL;
    enum pxs_status status =
        note_content(all, yaml, "dataset", head.data_hash, head.files_hash, gone_run, err);
    if (status == PXS_OK)
        status = note_content(all, yaml, "init_from", head.weights_hash, "", gone_run, err);
    free(yaml);
    return status;
}

/* Fails where the path in `yaml`, a planned run's, held other content for a run that the file no
 * longer asks for, and for no run what it holds now. Runs made on several contents of one path can
 * come together in one database, and each content goes on with its own. */
static enum pxs_status check_content(const struct contents *all, const char *yaml, const char *key,
                                     const char *hash, const char *files, struct pxs_error *err) {
    const struct content *other = NULL;
    const char *line;
    size_t bytes;
    if (!hash[0] || !pxs_run_config_line(yaml, key, &line, &bytes) ||
        find_content(all, line, bytes, hash))
        return PXS_OK;
    for (size_t i = 0; i < all->n && !other; i++)
        if (all->items[i].run && strncmp(all->items[i].line, line, bytes) == 0 &&
            all->items[i].line[bytes] == '\0')
            other = &all->items[i];
    if (!other)
        return PXS_OK;
    if (files && files[0] && strcmp(other->files, files) == 0)
        return pxs_fail(err, PXS_E_INVALID,
                        "%.*s: its files are those that run %s was planned with, but its lossy "
                        "pictures (JPEG) decode to other pixels here:\n  then sha256 %s\n  now  "
                        "sha256 %s\nUse the decoder of that time (environment has its version), "
                        "convert the pictures to PNG, or give the experiment another name (`name:` "
                        "or --set name=...)",
                        (int)bytes, line, other->run, other->hash, hash);
    return pxs_fail(err, PXS_E_INVALID,
                    "%.*s: its content changed since run %s was planned:\n  then sha256 %s\n  now  "
                    "sha256 %s\nPut the old content back, or give the experiment another name "
                    "(`name:` or --set name=...)",
                    (int)bytes, line, other->run, other->hash, hash);
}

static enum pxs_status check_plan(const struct pxs_plan *plan, const struct contents *all,
                                  struct pxs_params *p, struct pxs_error *err) {
    const char *last_data = "", *last_weights = "";
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        /* Runs of one data set follow each other: check each combination once. */
        if (run->data_hash == last_data && run->weights_hash == last_weights)
            continue;
        last_data = run->data_hash;
        last_weights = run->weights_hash;
        struct pxs_text yaml = {0};
        status = pxs_plan_run_config(plan, i, p, &yaml, err);
        const char *text = pxs_text_str(&yaml);
        if (status == PXS_OK)
            status = check_content(all, text, "dataset", run->data_hash, run->files_hash, err);
        if (status == PXS_OK)
            status = check_content(all, text, "init_from", run->weights_hash, NULL, err);
        pxs_text_finish(&yaml);
    }
    return status;
}

enum pxs_status pxs_plan_same_data(const struct pxs_plan *plan, struct pxs_store *store,
                                   const struct pxs_store_plan *found, struct pxs_error *err) {
    if (found->n_gone == 0)
        return PXS_OK;
    struct contents all = {0};
    enum pxs_status status = PXS_OK;
    struct pxs_params *p = malloc(sizeof *p);
    if (!p)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < found->n_gone && status == PXS_OK; i++)
        status = note_run(&all, store, found->gone[i], true, err);
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++)
        if (plan->runs[i].run_id != 0)
            status = note_run(&all, store, plan->runs[i].run_id, false, err);
    if (status == PXS_OK)
        status = check_plan(plan, &all, p, err);
    free(all.items);
    pxs_arena_finish(&all.arena);
    free(p);
    return status;
}

/* ---- freezing ------------------------------------------------------------------------------- */

static enum pxs_status freeze_once(struct pxs_plan *plan, struct pxs_store *store,
                                   int64_t *sweep_id, struct pxs_error *err) {
    struct pxs_store_plan done = {0};
    struct pxs_store_plan_run *rows;
    PXS_TRY(pxs_plan_rows(plan, &rows, err));
    struct pxs_params **params = calloc(plan->n, sizeof *params);
    struct pxs_text *yaml = calloc(plan->n, sizeof *yaml);
    enum pxs_status status = PXS_OK;
    if (!params || !yaml) {
        status = pxs_fail_nomem(err);
        goto out;
    }

    /* What rows of new runs are made from. */
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        if (run->run_id != 0)
            continue;
        params[i] = malloc(sizeof *params[i]);
        status = params[i] ? pxs_plan_run_config(plan, i, params[i], &yaml[i], err)
                           : pxs_fail_nomem(err);
        if (status != PXS_OK)
            goto out;
        rows[i].new_number = run->number;
        rows[i].new_name = run->name;
        rows[i].new_dir = run->dir;
        rows[i].new_config_yaml = pxs_text_str(&yaml[i]);
        rows[i].params = params[i];
    }

    status = pxs_store_plan(store, plan->sweep, plan->spec_yaml, plan->spec_hash, rows, plan->n,
                            &done, err);
    if (status != PXS_OK)
        goto out;
    *sweep_id = done.sweep_id;
    plan->n_left_out = done.n_gone;
    if (!plan->is_changed)
        status = pxs_store_set_asked(store, *sweep_id, rows, plan->n, err);
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++)
        status = keep_known(plan, &plan->runs[i], &rows[i], err);
out:
    pxs_store_plan_finish(&done);
    for (size_t i = 0; i < plan->n; i++) {
        if (params)
            free(params[i]);
        if (yaml)
            pxs_text_finish(&yaml[i]);
    }
    free(params);
    free(yaml);
    free(rows);
    return status;
}

static enum pxs_status store_race(const struct pxs_plan *plan, struct pxs_store *store,
                                  int64_t sweep_id, struct pxs_error *err) {
    const struct pxs_race_settings *r = &plan->race;
    struct pxs_store_race race = {.confidence = r->rule.confidence,
                                  .indifference = r->rule.indifference,
                                  .first = r->rule.first,
                                  .max_seeds = r->rule.max_seeds,
                                  .budget_s = r->budget_s,
                                  .budget_runs = r->budget_runs};
    if (!r->on)
        return pxs_store_set_race(store, sweep_id, NULL, err);
    memcpy(race.race, plan->course.race, sizeof race.race);
    snprintf(race.metric, sizeof race.metric, "%s", pxs_race_metric_info(r->metric)->name);
    return pxs_store_set_race(store, sweep_id, &race, err);
}

enum pxs_status pxs_plan_store(struct pxs_plan *plan, struct pxs_store *store, int64_t *sweep_id,
                               struct pxs_error *err) {
    enum pxs_status status = PXS_E_EXISTS;
    /* Another `run` may take a number between looking up and freezing. */
    for (int attempt = 0; status == PXS_E_EXISTS && attempt < 10; attempt++) {
        status = freeze_once(plan, store, sweep_id, err);
        if (status == PXS_E_EXISTS)
            PXS_TRY(pxs_plan_match_db(plan, store, err));
    }
    return status == PXS_OK ? store_race(plan, store, *sweep_id, err) : status;
}
