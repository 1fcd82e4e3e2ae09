/* plan: what an experiment file asks for. */
#include "cli.h"
#include "pixsweep/plan.h"
#include "pixsweep/records/files.h"
#include "pixsweep/store.h"
#include "pixsweep/submit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table of runs ---------------------------------------------------------------------- */

/* Columns behind the hyperparameters that differ. */
enum {
    SEED,
    G_FIRST,
    G_LAST,
    G_RATIO,
    G_FALLS,
    D_FIRST,
    D_LAST,
    D_RATIO,
    STEPS,
    SECONDS,
    STATE,
    NAME,
    HASH,
    DIR_,
    SHORTER,
    FIXED
};
static const char *const fixed_names[FIXED] = {
    "seed",       "lr_G_first", "lr_G_last",   "lr_G_ratio", "lr_G_falls",
    "lr_D_first", "lr_D_last",  "lr_D_ratio",  "steps",      "seconds",
    "state",      "name",       "config_hash", "dir",        "begins_with"};
static const struct pxs_column fixed_columns[FIXED] = {
    {"seed", PXS_SHOW_PLAIN},
    {"lr_G first", PXS_SHOW_PLAIN},
    {"last", PXS_SHOW_ARROW},
    {"ratio", PXS_SHOW_RATIO},
    {"", PXS_SHOW_MARK},
    {"lr_D first", PXS_SHOW_PLAIN},
    {"last", PXS_SHOW_ARROW},
    {"ratio", PXS_SHOW_RATIO},
    {"steps", PXS_SHOW_PLAIN},
    {"time", PXS_SHOW_DURATION},
    {"state", PXS_SHOW_PLAIN},
    {"name", PXS_SHOW_HIDDEN},
    {"config", PXS_SHOW_HIDDEN},
    {"folder", PXS_SHOW_HIDDEN},
    {"begins with", PXS_SHOW_HIDDEN},
};

static struct pxs_cell key_cell(struct pxs_table *table, const struct pxs_params *params, int key) {
    if (!pxs_params_effective(params, key))
        return pxs_cell_text(NULL);
    const struct pxs_param_value value = pxs_params_get(params, key);
    switch (value.kind) {
    case PXS_VALUE_INTEGER:
        return pxs_cell_int(value.integer);
    case PXS_VALUE_REAL:
        return pxs_cell_real(value.real);
    case PXS_VALUE_TEXT:
        return pxs_cell_text(pxs_arena_strdup(&table->arena, value.text));
    default:
        return pxs_cell_text(NULL);
    }
}

/* What is not known beforehand (plateau) is NULL. */
static struct pxs_cell known(double value) {
    return isnan(value) ? pxs_cell_text(NULL) : pxs_cell_real(value);
}

static void put_fixed(struct pxs_table *t, size_t row, size_t first,
                      const struct pxs_plan_run *run) {
    const struct pxs_plan_rate *g = &run->rate[0], *d = &run->rate[1];
    const struct pxs_cell cells[FIXED] = {
        pxs_cell_int(run->seed),
        pxs_cell_real(g->first),
        known(g->last),
        known(g->ratio),
        pxs_cell_int(g->falls_to_hundredth),
        pxs_cell_real(d->first),
        known(d->last),
        known(d->ratio),
        pxs_cell_int(run->estimate.steps),
        pxs_cell_real(run->took > 0 ? run->took : run->seconds),
        pxs_cell_text(pxs_state_name(run->stale ? PXS_STATE_STALE : run->state)),
        pxs_cell_text(run->name),
        pxs_cell_text(run->config_hash),
        pxs_cell_text(run->dir),
        pxs_cell_text(run->shorter ? run->shorter_name : NULL),
    };
    for (size_t i = 0; i < FIXED; i++)
        pxs_table_set(t, row, first + i, cells[i]);
}

static enum pxs_status runs_text(const struct cli *cli, const struct pxs_plan *plan,
                                 struct pxs_text *out, struct pxs_error *err) {
    const size_t first = 1 + plan->n_keys, n = first + FIXED;
    const char *names[1 + PXS_PARAM_COUNT + FIXED] = {"number"};
    struct pxs_column columns[1 + PXS_PARAM_COUNT + FIXED] = {{"run", PXS_SHOW_WHOLE}};
    struct pxs_table table = {0};
    struct pxs_params *params = malloc(sizeof *params);
    if (!params)
        return pxs_fail_nomem(err);
    for (size_t k = 0; k < plan->n_keys; k++) {
        names[1 + k] = pxs_param_info(plan->keys[k])->key;
        columns[1 + k].show = pxs_show_of_key(names[1 + k]);
    }
    memcpy(names + first, fixed_names, sizeof fixed_names);
    memcpy(columns + first, fixed_columns, sizeof fixed_columns);

    /* Rates of D only where some schedule moves them, seeds only where there are several. */
    bool d_moves = false;
    for (size_t i = 0; i < plan->n; i++)
        d_moves = d_moves || !plan->runs[i].rate[1].constant;
    for (int c = D_FIRST; c <= D_RATIO && !d_moves; c++)
        columns[first + (size_t)c].show = PXS_SHOW_HIDDEN;
    if (plan->n_seeds < 2)
        columns[first + SEED].show = PXS_SHOW_HIDDEN;

    enum pxs_status status = pxs_table_make(&table, names, n, plan->n, err);
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++) {
        pxs_plan_params(plan, i, params);
        /* as every command takes it; a bare number would be a run_id */
        const char *name =
            cli->format == PXS_FORMAT_TABLE
                ? pxs_arena_printf(&table.arena, "%s/%04" PRId64, plan->sweep, plan->runs[i].number)
                : NULL;
        pxs_table_set(&table, i, 0,
                      name ? pxs_cell_text(name) : pxs_cell_int(plan->runs[i].number));
        for (size_t k = 0; k < plan->n_keys; k++)
            pxs_table_set(&table, i, 1 + k, key_cell(&table, params, plan->keys[k]));
        put_fixed(&table, i, first, &plan->runs[i]);
    }
    struct pxs_text left_out = {0};
    if (status == PXS_OK && cli->format == PXS_FORMAT_TABLE)
        status = pxs_hide_to_fit(&table, columns, cli_output_width(), &left_out, err);
    if (status == PXS_OK)
        status = pxs_report_table(&table, columns, cli->format, cli_output_width(), out, err);
    pxs_text_add(out, pxs_text_str(&left_out));
    pxs_text_finish(&left_out);
    pxs_table_finish(&table);
    free(params);
    return status;
}

/* ---- the table of a race --------------------------------------------------------------------- */

/* Columns behind the hyperparameters that differ: a row a configuration. */
enum {
    MADE,
    EXPECTED,
    MEAN,
    IN_RACE,
    R_G_FIRST,
    R_G_LAST,
    R_G_RATIO,
    R_FALLS,
    R_STEPS,
    R_TIME,
    R_COLUMNS
};

static const char *standing_word(const struct pxs_plan *plan, size_t c, struct pxs_table *table) {
    const struct pxs_race_standing *s = &plan->standing[c];
    if (s->dropped_at > 0)
        return pxs_arena_printf(&table->arena, "dropped at %d", s->dropped_at);
    const struct pxs_race_record *last = &plan->course.last;
    for (size_t i = 0; i < last->n; i++)
        if (last->entries[i].decision == PXS_RACE_LEADS &&
            strcmp(last->entries[i].config_hash, plan->runs[c].config_hash) == 0)
            return "leads";
    return plan->course.judged == 0 ? NULL : "left";
}

static enum pxs_status configurations_text(const struct pxs_plan *plan, struct pxs_text *out,
                                           struct pxs_error *err) {
    const size_t first = 1 + plan->n_keys, n = first + R_COLUMNS, k = plan->n_configurations;
    const char *names[1 + PXS_PARAM_COUNT + R_COLUMNS] = {"number"};
    struct pxs_column columns[1 + PXS_PARAM_COUNT + R_COLUMNS] = {{"no", PXS_SHOW_PLAIN}};
    static const char *const race_names[R_COLUMNS] = {
        "made",      "expected",   "mean",       "race",  "lr_G_first",
        "lr_G_last", "lr_G_ratio", "lr_G_falls", "steps", "seconds"};
    const struct pxs_column race_columns[R_COLUMNS] = {
        {"seeds", PXS_SHOW_PLAIN},
        {"expected", plan->forecast.known ? PXS_SHOW_PLAIN : PXS_SHOW_HIDDEN},
        {pxs_race_metric_info(plan->race.metric)->name, PXS_SHOW_FIXED},
        {"race", PXS_SHOW_PLAIN},
        {"lr_G first", PXS_SHOW_PLAIN},
        {"last", PXS_SHOW_ARROW},
        {"ratio", PXS_SHOW_RATIO},
        {"", PXS_SHOW_MARK},
        {"steps", PXS_SHOW_PLAIN},
        {"time a run", PXS_SHOW_DURATION}};
    struct pxs_table table = {0};
    struct pxs_params *params = malloc(sizeof *params);
    size_t made = 0;
    if (!params)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n_keys; i++) {
        names[1 + i] = pxs_param_info(plan->keys[i])->key;
        columns[1 + i].show = pxs_show_of_key(names[1 + i]);
    }
    memcpy(names + first, race_names, sizeof race_names);
    memcpy(columns + first, race_columns, sizeof race_columns);
    enum pxs_status status = pxs_table_make(&table, names, n, k, err);
    for (size_t c = 0; c < k && status == PXS_OK; c++) {
        const struct pxs_plan_run *run = &plan->runs[c];
        const struct pxs_race_standing *s = &plan->standing[c];
        const struct pxs_plan_rate *g = &run->rate[0];
        double seconds = 0, runs = 0;
        pxs_plan_params(plan, c, params);
        for (size_t i = 0; i < plan->n_keys; i++)
            pxs_table_set(&table, c, 1 + i, key_cell(&table, params, plan->keys[i]));
        pxs_table_set(&table, c, 0, pxs_cell_int((int64_t)c + 1));
        for (size_t i = c; i < plan->n; i += k) {
            const double one = plan->runs[i].took > 0 ? plan->runs[i].took : plan->runs[i].seconds;
            seconds += one;
            runs += one > 0;
        }
        made += s->made;
        const struct pxs_cell cells[R_COLUMNS] = {pxs_cell_int((int64_t)s->made),
                                                  pxs_cell_int(llround(s->seeds)),
                                                  known(s->mean),
                                                  pxs_cell_text(standing_word(plan, c, &table)),
                                                  pxs_cell_real(g->first),
                                                  known(g->last),
                                                  known(g->ratio),
                                                  pxs_cell_int(g->falls_to_hundredth),
                                                  pxs_cell_int(run->estimate.steps),
                                                  known(runs > 0 ? seconds / runs : NAN)};
        for (size_t i = 0; i < R_COLUMNS; i++)
            pxs_table_set(&table, c, first + i, cells[i]);
    }
    if (made == 0)
        columns[first + MEAN].show = PXS_SHOW_HIDDEN;
    if (plan->course.judged == 0)
        columns[first + IN_RACE].show = PXS_SHOW_HIDDEN;
    if (status == PXS_OK)
        status = pxs_report_table(&table, columns, PXS_FORMAT_TABLE, cli_output_width(), out, err);
    pxs_table_finish(&table);
    free(params);
    return status;
}

/* ---- the words around it -------------------------------------------------------------------- */

/* Legend of the mark, and schedules that do nothing. */
static void put_schedules(const struct pxs_plan *p, struct pxs_text *out) {
    bool marked = false;
    size_t idle[2] = {0, 0};
    for (size_t i = 0; i < cli_plan_rows(p); i++) {
        marked = marked || !p->runs[i].rate[0].falls_to_hundredth;
        for (int net = 0; net < 2; net++)
            idle[net] += p->runs[i].rate[net].never_fires;
    }
    pxs_text_add(out, marked ? "! lr_G does not fall to 1/100 of its start\n" : "");
    for (int net = 0; net < 2; net++) {
        if (idle[net] > 0)
            pxs_text_addf(
                out, "%zu %s%s: lr_policy_%c never fires within n_epochs, so it equals constant\n",
                idle[net], p->race.on ? "configuration" : "run", idle[net] == 1 ? "" : "s",
                "GD"[net]);
    }
}

/* What each data set is divided into, the first few of them. */
static void put_pairs(const struct pxs_plan *p, struct pxs_text *out) {
    enum { MOST = 4 };
    char size[32];
    size_t shown[MOST], n = 0, several = 0;
    struct pxs_params params;
    for (size_t i = 0; i < p->n; i++) {
        const struct pxs_plan_run *run = &p->runs[i];
        bool already_known = false;
        for (size_t k = 0; k < n; k++) {
            const struct pxs_plan_run *other = &p->runs[shown[k]];
            already_known = already_known ||
                            (other->data_hash == run->data_hash && other->n_train == run->n_train);
        }
        if (already_known)
            continue;
        if (n == MOST) {
            several = 1;
            break;
        }
        shown[n++] = i;
    }
    for (size_t k = 0; k < n; k++) {
        const struct pxs_plan_run *run = &p->runs[shown[k]];
        pxs_plan_params(p, shown[k], &params);
        pxs_text_add(out, "pairs: ");
        if (n > 1)
            pxs_text_addf(out, "%s: ", params.dataset);
        pxs_text_addf(out, "%" PRId64 " to train on, ", run->n_train);
        if (run->own_val)
            pxs_text_addf(out, "%" PRId64 " in val/%s\n", run->n_val,
                          params.validation == PXS_VALIDATION_OFF
                              ? ", for pictures only (validation: off)"
                              : "");
        else if (run->n_val > 0)
            pxs_text_addf(out, "%" PRId64 " held out for validation (val_fraction %.15g)\n",
                          run->n_val, params.val_fraction);
        else
            pxs_text_addf(out, "none held out (%s)\n",
                          params.validation == PXS_VALIDATION_OFF ? "validation: off"
                                                                  : "val_fraction 0");
    }
    if (several)
        pxs_text_add(out, "pairs: and other data sets\n");
    uint64_t shared = 0; /* runs of other sizes have files of their own */
    for (size_t i = 0; i < p->n; i++)
        if (p->runs[i].estimate.shared_bytes > shared)
            shared = p->runs[i].estimate.shared_bytes;
    if (shared > 0) {
        pxs_format_bytes(size, shared);
        pxs_text_addf(out,
                      "pictures: decoded once into a file of %s that all jobs map, in "
                      "%s/" PXS_CACHE_FOLDER " (may be removed at any time)\n",
                      size, p->results);
    }
}

static void put_cost(const struct pxs_plan *p, struct pxs_text *out) {
    char time[32], disk[32], spare[32], memory[32];
    if (p->steps_to_do == 0) {
        pxs_text_add(out, "nothing is left to do\n");
        return;
    }
    pxs_format_duration(time, p->seconds_to_do);
    pxs_format_bytes(disk, p->disk_to_do);
    pxs_format_bytes(spare, p->disk_free);
    if (p->disk_free == UINT64_MAX) /* a place that tells nothing of space */
        snprintf(spare, sizeof spare, "unknown space");
    pxs_format_bytes(memory, p->memory_each);
    pxs_text_add(out, "to do: ");
    if (p->race.on)
        pxs_text_addf(out, "about %.0f runs, ", p->runs_to_do);
    pxs_text_addf(out, "%" PRId64 " steps, about %s", p->steps_to_do, time);
    if (p->race.on) {
        pxs_text_add(out, " (");
        pxs_race_range_words(p, out);
        pxs_text_add(out, ")");
    }
    pxs_text_addf(out, " with %d job%s of %d thread%s on %d core%s (%s)\n", p->slots.jobs,
                  p->slots.jobs == 1 ? "" : "s", p->slots.threads, p->slots.threads == 1 ? "" : "s",
                  p->slots.cores, p->slots.cores == 1 ? "" : "s", p->time_basis);
    pxs_text_addf(out, "disk: about %s of %s free; memory: about %s a job", disk, spare, memory);
    if (p->memory.limited) {
        pxs_format_bytes(spare, p->memory.available);
        pxs_text_addf(out, ", %s are available: %s", spare, p->memory.from);
    }
    pxs_text_add(out, "\n");
}

/* The plan as table, CSV or JSON. `jobs`: of another machine; NULL = the runs are carried out
 * here. */
static enum pxs_status plan_text(const struct cli *cli, const struct pxs_plan *plan,
                                 const struct pxs_jobs *jobs, struct pxs_text *out,
                                 struct pxs_error *err) {
    static const enum pxs_run_state order[] = {
        PXS_STATE_NEW,      PXS_STATE_QUEUED,    PXS_STATE_INTERRUPTED, PXS_STATE_RUNNING,
        PXS_STATE_STALE,    PXS_STATE_COMPLETED, PXS_STATE_PRUNED,      PXS_STATE_FAILED,
        PXS_STATE_DIVERGED, PXS_STATE_CANCELLED, PXS_STATE_NOT_NEEDED};
    if (cli->format != PXS_FORMAT_TABLE)
        return runs_text(cli, plan, out, err);
    pxs_text_add_words(out, "%s: %zu run%s (", plan->sweep, plan->n, plan->n == 1 ? "" : "s");
    pxs_state_counts_add(&plan->states, order, PXS_COUNT(order), "", out);
    pxs_text_add(out, ")\n\n");
    if (plan->race.on)
        PXS_TRY(configurations_text(plan, out, err));
    else
        PXS_TRY(runs_text(cli, plan, out, err));
    pxs_text_add(out, "\n");
    PXS_TRY(cli_schedules_text(plan, out, err));
    put_schedules(plan, out);
    if (plan->notes[0] != '\0')
        pxs_text_addf(out, "%s%s", plan->notes,
                      plan->notes[strlen(plan->notes) - 1] == '\n' ? "" : "\n");
    pxs_plan_warnings(plan, out);
    struct pxs_error why;
    if (pxs_submissions_check_numbers(plan, &why) == PXS_E_INVALID)
        pxs_text_add_words(out, "warning: %s\n", why.message);
    pxs_shorter_words(plan, out);
    pxs_prune_words(plan, out);
    pxs_race_plan_words(plan, out);
    pxs_budget_words(plan, out);
    put_pairs(plan, out);
    if (!jobs) {
        put_cost(plan, out);
        return out->failed ? pxs_fail_nomem(err) : PXS_OK;
    }
    pxs_jobs_words(plan, jobs, out);
    if (cli->values[OPT_DRY_RUN] && jobs->count > 0)
        PXS_TRY(pxs_jobs_script(plan, jobs, out, err));
    return out->failed ? pxs_fail_nomem(err) : PXS_OK;
}

/* ---- the command ---------------------------------------------------------------------------- */

bool cli_sweep_options(const struct cli *cli, struct pxs_sweep_options *options) {
    int64_t jobs, threads;
    if (!cli_int(cli, OPT_JOBS, 1, 1024, true, 0, &jobs) ||
        !cli_int(cli, OPT_THREADS, 1, 1024, true, 0, &threads))
        return false;
    *options = (struct pxs_sweep_options){
        .file = cli->args[0],
        .set = cli->sets,
        .n_set = cli->n_sets,
        .results = cli->values[OPT_RESULTS],
        .db = cli->values[OPT_DB],
        .kernels = cli->values[OPT_KERNELS],
        .jobs = (int)jobs,
        .threads = (int)threads,
        .allow_mixed = cli->values[OPT_ALLOW_MIXED],
        .command = cli->line,
        .logger = cli_logger(cli),
    };
    return true;
}

int cli_cmd_plan(struct cli *cli) {
    struct pxs_sweep_options options;
    struct pxs_plan *plan = NULL;
    struct pxs_text out = {0}, diagnostics = {0};
    struct pxs_error err = {0};
    struct pxs_jobs jobs = {0};
    char on[PXS_PATH_MAX];
    if (!cli_sweep_options(cli, &options) || cli_where(cli, &options, on) != CLI_OK)
        return CLI_USAGE;
    const struct pxs_submit_options how = {.sweep = &options, .on = on};
    const bool here = strcmp(on, "here") == 0;
    options.diagnostics = &diagnostics;
    struct cli_bar bar;
    options.meter = cli_bar_begin(&bar, cli);
    enum pxs_status status = pxs_plan_make(&options, &plan, &err);
    cli_bar_clear(&bar);
    if (status == PXS_OK && !here)
        status = pxs_jobs_plan(plan, &how, 0, &jobs, &err);
    if (status == PXS_OK)
        status = plan_text(cli, plan, here ? NULL : &jobs, &out, &err);
    if (status == PXS_OK) {
        cli_out_result(cli, &out);
        struct pxs_store *s = NULL;
        if (pxs_store_is_published(plan->db) &&
            pxs_store_open_readonly(plan->db, &s, NULL) == PXS_OK)
            cli_say_copy(s);
        pxs_store_close(&s);
    }
    pxs_jobs_finish(&jobs);
    pxs_plan_destroy(&plan);
    if (status != PXS_OK)
        cli_say_why(&diagnostics, &err);
    pxs_text_finish(&diagnostics);
    pxs_text_finish(&out);
    return status == PXS_OK ? CLI_OK : CLI_USAGE; /* nothing was started, whatever the reason */
}
