/* import lab: what the lab's script left in text files becomes runs beside ours. */
#include "lab_priv.h"
#include "import_lab_texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const columns[] = {"run",        "name",          "added",      "state",
                                      "epochs",     "batches",       "first_line", "last_line",
                                      "unreadable", "best_val_loss", "source"};
static const struct pxs_column shows[] = {
    {"run", PXS_SHOW_PLAIN},       {"name", PXS_SHOW_PLAIN},    {"added", PXS_SHOW_HIDDEN},
    {"state", PXS_SHOW_PLAIN},     {"epochs", PXS_SHOW_PLAIN},  {"batches", PXS_SHOW_PLAIN},
    {"from line", PXS_SHOW_PLAIN}, {"to line", PXS_SHOW_PLAIN}, {"unreadable", PXS_SHOW_PLAIN},
    {"best val", PXS_SHOW_FIXED},  {"source", PXS_SHOW_PLAIN}};

/* One call of pxs_lab_import. */
struct importing {
    struct pxs_store *store;
    struct pxs_meter meter;
    struct pxs_lab_params params;
    bool lambda_stated;
    struct pxs_lab_result *result;
    struct pxs_lab_log *logs;
    size_t n_logs, row;
    int64_t batches, batches_done; /* for the meter */
};

/* ---- names ---------------------------------------------------------------------------------- */

/* The rule for an experiment's name, which is a folder's, too. */
static bool is_name(const char *text) {
    size_t length;
    if (text[0] == '\0' || strlen(text) > 100 || text[0] == '.' || text[0] == '-' ||
        strncmp(text, "pixsweep.db", 11) == 0)
        return false;
    for (const char *at = text; *at != '\0'; at += length) {
        uint32_t code = 0;
        length = pxs_utf8_decode(at, strlen(at), &code);
        const bool plain = (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
                           (code >= 'a' && code <= 'z') ||
                           (code > 0 && code < 0x80 && strchr("._=-", (int)code));
        if (length == 0 ||
            !(plain || (code > 0xa0 && !(code >= 0x2000 && code <= 0x206f) && code != 0x3000)))
            return false;
    }
    return true;
}

/* Every run of bytes that are not [A-Za-z0-9._=] becomes one '-'; none at the beginning or end. */
static void make_plain(const char *text, char *out, size_t size) {
    size_t n = 0;
    for (; *text != '\0' && n + 1 < size; text++) {
        const bool plain = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
                           (*text >= 'a' && *text <= 'z') || strchr("._=", *text);
        if (plain || (n > 0 && out[n - 1] != '-'))
            out[n++] = plain ? *text : '-';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
}

static enum pxs_status name_sweep(const char *dir, const char *asked, char name[128],
                                  struct pxs_error *err) {
    char path[PXS_PATH_MAX], plain[64];
    struct pxs_text quoted = {0};
    if (!asked) {
        const bool fits = pxs_path_absolute(path, sizeof path, dir);
        const char *slash = fits ? strrchr(path, '/') : NULL;
        make_plain(slash ? slash + 1 : "", plain, sizeof plain);
        snprintf(name, 128, "%s%s", plain[0] == '\0' || !is_name(plain) ? "lab" : "",
                 is_name(plain) ? plain : "");
        return PXS_OK;
    }
    if (!is_name(asked)) {
        pxs_text_add_quoted(&quoted, asked);
        pxs_fail(err, PXS_E_INVALID,
                 "--sweep: %s cannot be a folder's name: letters, digits and ._=- only, 100 bytes "
                 "at most, no . or - at the beginning",
                 pxs_text_str(&quoted));
        pxs_text_finish(&quoted);
        return PXS_E_INVALID;
    }
    snprintf(name, 128, "%s", asked);
    return PXS_OK;
}

/* ---- how a run went ------------------------------------------------------------------------- */

static const struct pxs_lab_epoch *last_epoch(const struct pxs_lab_log *log,
                                              const struct pxs_lab_run *run) {
    return &log->epochs[run->first + run->n - 1];
}

/* Epochs that came to their end. */
static int64_t ended(const struct pxs_lab_log *log, const struct pxs_lab_run *run) {
    int64_t n = 0;
    for (size_t i = 0; i < run->n; i++)
        n += log->epochs[run->first + i].ended;
    return n;
}

static enum pxs_outcome judge(const struct pxs_lab_log *log, const struct pxs_lab_run *run,
                              const struct pxs_lab_params *p, char *message, size_t size) {
    const struct pxs_lab_epoch *last = last_epoch(log, run);
    message[0] = '\0';
    const bool no_number = (last->has_value || last->has_average) &&
                           !(last->has_value && isfinite(last->value)) &&
                           !(last->has_average && isfinite(last->average));
    if (run->end == 0 && no_number) { /* without batches */
        snprintf(message, size, "epoch %lld, the last one, has no loss that is a number",
                 (long long)last->epoch);
        return PXS_OUTCOME_DIVERGED;
    }
    if (run->bad_epoch >= 0) {
        snprintf(message, size, "losses are no numbers from epoch %lld, batch %lld on",
                 (long long)run->bad_epoch, (long long)run->bad_batch);
        return PXS_OUTCOME_DIVERGED;
    }
    if (!last->ended)
        snprintf(message, size, "the log breaks off in epoch %lld, after %lld of its %lld batches",
                 (long long)last->epoch, (long long)last->n, (long long)run->batches);
    else if (p->known[PXS_PARAM_n_epochs] && last->epoch + 1 < p->values.n_epochs)
        snprintf(message, size, "the log ends after %lld of %lld epochs",
                 (long long)last->epoch + 1, (long long)p->values.n_epochs);
    return message[0] != '\0' ? PXS_OUTCOME_FAILED : PXS_OUTCOME_COMPLETED;
}

/* ---- one run -------------------------------------------------------------------------------- */

static void fill_row(struct importing *im, const struct pxs_lab_log *log,
                     const struct pxs_lab_run *run, const struct pxs_store_imported *made) {
    struct pxs_table *t = &im->result->table;
    double best = NAN;
    for (size_t i = 0; i < run->n; i++) {
        const struct pxs_lab_epoch *e = &log->epochs[run->first + i];
        if (e->has_value && (isnan(best) || e->value < best))
            best = e->value;
    }
    char *name = pxs_arena_strdup(&t->arena, made->name),
         *source = pxs_arena_strdup(&t->arena, made->source);
    const struct pxs_cell cells[] = {
        pxs_cell_int(made->run_id),
        pxs_cell_text(name),
        pxs_cell_int(made->added),
        pxs_cell_text(pxs_state_name(pxs_outcome_state(made->outcome))),
        pxs_cell_int(ended(log, run)),
        pxs_cell_int(run->rows),
        pxs_cell_int(run->first_line),
        pxs_cell_int(run->last_line),
        pxs_cell_int(run->unreadable),
        isnan(best) ? pxs_cell_text(NULL) : pxs_cell_real(best),
        pxs_cell_text(source)};
    for (size_t i = 0; i < PXS_COUNT(cells); i++)
        pxs_table_set(t, im->row, i, cells[i]);
    t->n_rows = ++im->row;
    im->result->added += made->added;
    im->result->known += !made->added;
}

/* Says so where the log has grown since an earlier import: the database holds the beginning of this
 * run as a run of its own then. */
static void note_grown(struct importing *im, const struct pxs_lab_log *log,
                       const struct pxs_store_imported *made) {
    const struct pxs_cell args[] = {pxs_cell_int(made->run_id), pxs_cell_text(made->source),
                                    pxs_cell_int(made->first_line)};
    struct pxs_table before = {0};
    if (pxs_store_select(im->store, pxs_import_lab_grown_sql, args, PXS_COUNT(args), &before,
                         NULL) != PXS_OK)
        return; /* only this note is missing then */
    for (size_t i = 0; i < before.n_rows; i++)
        pxs_text_add_words(&im->result->notes,
                           "%s: %s was imported from the same place when it ended in line %lld; %s "
                           "is what stands there now (`pixsweep rm %s` removes the old one)\n",
                           log->dir, pxs_table_at(&before, i, "name").text,
                           (long long)pxs_table_at(&before, i, "last_line").integer, made->name,
                           pxs_table_at(&before, i, "name").text);
    pxs_table_finish(&before);
}

/* What the database keeps of an imported run beside its rows. */
struct run_texts {
    struct pxs_text yaml, environment, event;
};

static void describe_run(const struct pxs_lab_log *log, const struct pxs_lab_run *run,
                         const struct pxs_lab_params *p, const char *source,
                         struct run_texts *texts) {
    const long long first = (long long)run->first_line, last = (long long)run->last_line;
    struct pxs_text *yaml = &texts->yaml, *event = &texts->event;
    pxs_text_addf(yaml, "# imported from %s, lines %lld to %lld; only what is known stands here\n",
                  source, first, last);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        if (!p->known[key])
            continue;
        pxs_text_addf(yaml, "%s: ", pxs_param_info(key)->key);
        pxs_params_format(&p->values, key, yaml);
        pxs_text_add(yaml, "\n");
    }
    pxs_text_addf(&texts->environment,
                  "imported_from=%s\nimported_lines=%lld to %lld\nimported_by=pixsweep %s (%s)\n",
                  source, first, last, pxs_version(), pxs_commit());
    pxs_text_addf(
        event,
        "imported from %s, lines %lld to %lld: %lld batches, %lld epochs, %lld unreadable lines",
        source, first, last, (long long)run->rows, (long long)ended(log, run),
        (long long)run->unreadable);
    if (run->missing > 0)
        pxs_text_addf(event, ", %lld batches missing", (long long)run->missing);
}

/* What is known of the run and where it comes from; then its rows. */
static enum pxs_status import_run(struct importing *im, const struct pxs_lab_log *log,
                                  const struct pxs_lab_run *run, const struct pxs_lab_params *known,
                                  struct pxs_error *err) {
    struct pxs_lab_params p = *known;
    struct run_texts texts = {0};
    struct pxs_lab_rows *rows = NULL;
    char source[PXS_PATH_MAX + 32], what[64], message[160];
    struct stat info;
    const char *file = run->end > 0                        ? log->file
                       : log->epochs[run->first].has_value ? PXS_LAB_VALIDATION
                                                           : PXS_LAB_AVERAGES;

    /* Where it stands, and how it ended. */
    snprintf(source, sizeof source, "%s/%s", log->dir, file);
    make_plain(log->label, what, sizeof what - 4);
    struct pxs_store_imported made = {.sweep = im->result->sweep,
                                      .config_hash = run->hash,
                                      .seed_known = p.known[PXS_PARAM_seed],
                                      .seed = p.values.seed,
                                      .what = what[0] != '\0' ? what : "lab",
                                      .label = log->label,
                                      .params = &p.values,
                                      .known = p.known,
                                      .source = source,
                                      .first_line = run->first_line,
                                      .last_line = run->last_line,
                                      .unreadable = run->unreadable};
    made.outcome = judge(log, run, &p, message, sizeof message);
    made.message = message[0] != '\0' ? message : NULL;
    made.at_ms = stat(source, &info) == 0 ? (int64_t)info.st_mtime * 1000 : pxs_now_ms();
    if (made.outcome == PXS_OUTCOME_COMPLETED && !p.known[PXS_PARAM_n_epochs]) {
        p.values.n_epochs = last_epoch(log, run)->epoch + 1;
        p.known[PXS_PARAM_n_epochs] = true;
    }

    describe_run(log, run, &p, source, &texts);
    made.config_yaml = pxs_text_str(&texts.yaml);
    made.environment = pxs_text_str(&texts.environment);
    made.event = pxs_text_str(&texts.event);
    enum pxs_status status = texts.yaml.failed || texts.environment.failed || texts.event.failed
                                 ? pxs_fail_nomem(err)
                                 : PXS_OK;
    if (status != PXS_OK)
        goto out;

    /* Its rows, and what is told of it. */
    status = pxs_lab_rows_open(log, run, p.values.lambda_pixel, im->meter, im->batches_done,
                               im->batches, &rows, err);
    if (status != PXS_OK)
        goto out;
    status = pxs_store_import(im->store, &made, pxs_lab_rows_next, rows, err);
    im->batches_done += run->rows;
    if (status != PXS_OK)
        goto out;
    if (made.added)
        note_grown(im, log, &made);
    fill_row(im, log, run, &made);
out:
    pxs_lab_rows_close(&rows);
    pxs_text_finish(&texts.yaml);
    pxs_text_finish(&texts.environment);
    pxs_text_finish(&texts.event);
    return status;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* Every log is read before the first run is stored: what cannot be read is refused as a whole. */
static enum pxs_status import_logs(struct importing *im, struct pxs_error *err) {
    struct pxs_lab_result *result = im->result;
    size_t n_runs = 0;
    for (size_t i = 0; i < im->n_logs; i++) {
        struct pxs_lab_log *log = &im->logs[i];
        log->lambda = im->params.values.lambda_pixel;
        const enum pxs_status status = pxs_lab_split(log, im->meter, err);
        if (status != PXS_OK && status != PXS_E_NOT_FOUND)
            return status;
        if (!pxs_lab_is_loss_log(log))
            PXS_TRY(pxs_lab_match(log, err));
        else if (!im->lambda_stated)
            pxs_lab_note(log, log->file,
                         "G_L1 is divided by 100, the default of --lambda_L1 there; if it was "
                         "another number, say --lambda");
        if (log->n_runs == 0)
            pxs_text_add_words(&log->notes, "%s: not one line of its logs can be read\n", log->dir);
        result->lines += log->lines;
        result->unreadable += log->unreadable;
        pxs_text_add(&result->notes, pxs_text_str(&log->notes));
        if (log->notes.failed || result->notes.failed)
            return pxs_fail_nomem(err);
        n_runs += log->n_runs;
        for (size_t r = 0; r < log->n_runs; r++)
            im->batches += log->runs[r].rows;
    }
    if (n_runs == 0)
        return pxs_fail(err, PXS_E_CORRUPT, "not one line of the logs can be read");

    PXS_TRY(pxs_table_make(&result->table, columns, PXS_COUNT(columns), n_runs, err));
    result->table.n_rows = 0; /* as they come */
    result->columns = pxs_arena_alloc(&result->table.arena, sizeof shows);
    if (!result->columns)
        return pxs_fail_nomem(err);
    memcpy(result->columns, shows, sizeof shows);

    for (size_t i = 0; i < im->n_logs; i++) {
        const struct pxs_lab_log *log = &im->logs[i];
        struct pxs_lab_params known = im->params;
        pxs_lab_params_from_path(&known, log->dir);
        if (pxs_lab_is_loss_log(log) && !im->lambda_stated)
            known.values.lambda_pixel = 100;
        if (pxs_lab_is_loss_log(log) && known.values.validation == PXS_VALIDATION_LAB)
            known.known[PXS_PARAM_validation] = false; /* that trainer validates nothing */
        for (size_t r = 0; r < log->n_runs; r++)
            PXS_TRY(import_run(im, log, &log->runs[r], &known, err));
    }
    return PXS_OK;
}

enum pxs_status pxs_lab_check(const struct pxs_lab_options *options, struct pxs_error *err) {
    struct pxs_lab_params *params = malloc(sizeof *params);
    struct pxs_lab_log *logs = NULL;
    char name[128];
    size_t n;
    if (!params)
        return pxs_fail_nomem(err);
    enum pxs_status status = name_sweep(options->dir, options->sweep, name, err);
    if (status == PXS_OK)
        status = pxs_lab_params(options, params, err);
    if (status == PXS_OK)
        status = pxs_lab_find(options->dir, &logs, &n, err);
    free(logs);
    free(params);
    return status;
}

enum pxs_status pxs_lab_import(struct pxs_store *s, const struct pxs_lab_options *options,
                               struct pxs_lab_result *result, struct pxs_error *err) {
    struct importing *im = calloc(1, sizeof *im);
    if (!im)
        return pxs_fail_nomem(err);
    memset(result, 0, sizeof *result);
    im->store = s;
    im->meter = options->meter;
    im->result = result;
    enum pxs_status status = name_sweep(options->dir, options->sweep, result->sweep, err);
    if (status == PXS_OK)
        status = pxs_lab_params(options, &im->params, err);
    im->lambda_stated = options->lambda != NULL;
    for (size_t i = 0; i < options->n_sets; i++)
        im->lambda_stated |= strncmp(options->sets[i], "lambda_pixel=", 13) == 0;
    if (status == PXS_OK)
        status = pxs_lab_find(options->dir, &im->logs, &im->n_logs, err);
    if (status == PXS_OK) {
        result->folders = im->n_logs;
        status = import_logs(im, err);
    }
    for (size_t i = 0; i < im->n_logs; i++)
        pxs_lab_log_finish(&im->logs[i]);
    free(im->logs);
    free(im);
    return status;
}

void pxs_lab_result_finish(struct pxs_lab_result *result) {
    pxs_table_finish(&result->table);
    pxs_text_finish(&result->notes);
}
