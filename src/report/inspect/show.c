/* show: everything about one run. */
#include "inspect_priv.h"
#include "pixsweep/metrics.h"
#include "pixsweep/table.h"
#include "inspect_texts.h"

#include <inttypes.h>
#include <string.h>

/* Epochs that a table shows without being asked: the beginning, the best, the end. */
enum { EPOCHS_HEAD = 3, EPOCHS_TAIL = 12 };

static const char files_sql[] = "SELECT path, epoch, kind, net, bytes, sha256 FROM checkpoint "
                                "WHERE run_id = ?1 ORDER BY epoch, path";
static const char samples_sql[] =
    "SELECT path, step, epoch, sha256 FROM sample WHERE run_id = ?1 ORDER BY step";
static const char best_sample_sql[] =
    "SELECT path, step, epoch, sha256 FROM best_sample WHERE run_id = ?1";
static const char events_sql[] =
    "SELECT at_ms, level, kind, message FROM event WHERE run_id = ?1 ORDER BY at_ms, event_id";

/* All that is known, each a result of its own. */
struct parts {
    const struct pxs_store *store;
    struct pxs_store_run run;
    struct pxs_table summary, params, attempts, epochs, samples, best_sample, files, events,
        environment;
    bool stale; /* running, but its process is gone */
};

static enum pxs_status read_parts(struct pxs_store *s, const char *run, struct parts *p,
                                  struct pxs_error *err) {
    p->store = s;
    PXS_TRY(pxs_store_find_run(s, run, &p->run, err));
    const struct pxs_cell id = pxs_cell_int(p->run.run_id);
    const struct {
        const char *sql;
        struct pxs_table *table;
    } selects[] = {{pxs_inspect_show_run_sql, &p->summary},
                   {pxs_inspect_show_epochs_sql, &p->epochs},
                   {pxs_inspect_show_attempts_sql, &p->attempts},
                   {samples_sql, &p->samples},
                   {best_sample_sql, &p->best_sample},
                   {files_sql, &p->files},
                   {events_sql, &p->events}};
    for (size_t i = 0; i < PXS_COUNT(selects); i++)
        PXS_TRY(pxs_store_select(s, selects[i].sql, &id, 1, selects[i].table, err));

    /* A run that stands as running although its process is gone. */
    struct pxs_stale stale;
    PXS_TRY(pxs_stale_read(s, p->run.sweep_id, &stale, err));
    p->stale = pxs_stale_has(&stale, p->run.run_id);
    pxs_stale_finish(&stale);
    if (p->stale && p->summary.n_rows > 0)
        pxs_table_set(&p->summary, 0, p->summary.n_columns - 1, pxs_cell_int(1));

    PXS_TRY(pxs_store_ask(s, PXS_QUERY_PARAMS, p->run.run_id, &p->params, err));
    return pxs_store_ask(s, PXS_QUERY_ENVIRONMENT, p->run.run_id, &p->environment, err);
}

/* ---- for people ----------------------------------------------------------------------------- */

static void put_pair(struct pxs_text *out, const char *name, const char *text) {
    pxs_text_add_words(out, "%-11s %s\n", name, text);
}

static void put_summary(const struct parts *p, struct pxs_text *out) {
    const struct pxs_table *t = &p->summary;
    char buf[32];
    pxs_text_add_words(out, "run         %" PRId64 "  %s\n", p->run.run_id, p->run.name);
    put_pair(out, "state", pxs_state_name(p->stale ? PXS_STATE_STALE : p->run.state));
    pxs_stale_say(p->store, p->stale, out);

    /* Where its files are; an imported run has none. */
    const struct pxs_cell source = pxs_table_at(&p->summary, 0, "imported_from");
    if (source.kind == PXS_CELL_NULL)
        put_pair(out, "folder", p->run.dir);
    else
        pxs_text_add_words(out, "imported    from %s, lines %" PRId64 " to %" PRId64 "\n",
                           source.text, pxs_table_at(&p->summary, 0, "first_line").integer,
                           pxs_table_at(&p->summary, 0, "last_line").integer);

    put_pair(out, "config", p->run.config_hash);
    if (pxs_table_at(t, 0, "dataset_sha256").kind == PXS_CELL_TEXT)
        pxs_text_addf(out, "data        sha256 %s\n", pxs_table_at(t, 0, "dataset_sha256").text);
    if (pxs_table_at(t, 0, "init_from_sha256").kind == PXS_CELL_TEXT)
        pxs_text_addf(out, "init_from   sha256 %s\n", pxs_table_at(t, 0, "init_from_sha256").text);
    const struct pxs_cell best = pxs_table_at(t, 0, "best_val_loss"),
                          final = pxs_table_at(t, 0, "final_val_loss");
    if (best.kind != PXS_CELL_NULL)
        pxs_text_addf(out, "best        val_loss %.6g at epoch %" PRId64 "\n", best.real,
                      pxs_table_at(t, 0, "best_epoch").integer);
    if (final.kind != PXS_CELL_NULL)
        pxs_text_addf(out, "last        val_loss %.6g at epoch %" PRId64 "\n", final.real,
                      pxs_table_at(t, 0, "last_epoch").integer);
    const struct pxs_cell seconds = pxs_table_at(t, 0, "seconds"),
                          speed = pxs_table_at(t, 0, "images_per_s");
    if (seconds.kind != PXS_CELL_NULL) {
        pxs_format_duration(buf, seconds.real);
        pxs_text_addf(out, "time        %s", buf);
        if (speed.kind != PXS_CELL_NULL)
            pxs_text_addf(out, ", %.4g images/s", speed.real);
        pxs_text_add(out, "\n");
    }
}

static enum pxs_status put_section(const char *title, const struct pxs_table *t,
                                   const struct pxs_column *columns, size_t n_columns, int width,
                                   struct pxs_text *out, struct pxs_error *err) {
    if (t->n_rows == 0)
        return PXS_OK;
    struct pxs_column shown[PXS_EPOCH_N + 16] = {{NULL, PXS_SHOW_PLAIN}};
    for (size_t i = 0; columns && i < n_columns && i < PXS_COUNT(shown); i++)
        shown[i] = columns[i];
    pxs_hide_empty(t, shown);
    pxs_text_addf(out, "\n%s\n", title);
    return pxs_table_lay_out(t, shown, width, out, err);
}

/* Parameters in the table's order, in its words. */
static enum pxs_status put_params(const struct pxs_table *pairs, int width, struct pxs_text *out,
                                  struct pxs_error *err) {
    struct pxs_table t = {0};
    PXS_TRY(pxs_table_make(&t, pairs->columns, pairs->n_columns, pairs->n_rows, err));
    size_t n = 0;
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        const struct pxs_param_info *info = pxs_param_info(key);
        for (size_t row = 0; row < pairs->n_rows; row++) {
            struct pxs_cell value = pxs_table_at(pairs, row, "value");
            if (strcmp(pxs_table_at(pairs, row, "key").text, info->key) != 0)
                continue;
            if (info->type == PXS_TYPE_BOOL)
                value = pxs_cell_text(value.integer != 0 ? "true" : "false");
            else if (value.kind == PXS_CELL_NULL)
                value = pxs_cell_text("null");
            pxs_table_set(&t, n, 0, pxs_cell_text(info->key));
            pxs_table_set(&t, n++, 1, value);
        }
    }
    t.n_rows = n;
    const enum pxs_status status = put_section("parameters", &t, NULL, 0, width, out, err);
    pxs_table_finish(&t);
    return status;
}

static enum pxs_status put_epochs(const struct parts *p, int width, struct pxs_text *out,
                                  struct pxs_error *err) {
    static const struct pxs_column columns[] = {
#define COLUMN(name, how, of, metric, since, unit, better, run, rank, show, head, ...) \
    {head, PXS_SHOW_##show},
        {"epoch", PXS_SHOW_PLAIN},
        PXS_EPOCH_FIRST_MEASURES(COLUMN){"best", PXS_SHOW_PLAIN},
        PXS_EPOCH_LATER_MEASURES(COLUMN)
#undef COLUMN
    };
    const struct pxs_table *all = &p->epochs;
    const bool condensed = all->n_rows > EPOCHS_HEAD + EPOCHS_TAIL + 3;
    size_t best = all->n_rows;
    for (size_t row = 0; row < all->n_rows; row++) {
        if (pxs_table_at(all, row, "is_best").integer != 0)
            best = row;
    }

    /* The rows worth a look: the first, the last best and the last ones. */
    struct pxs_table few = {0};
    PXS_TRY(pxs_table_make(&few, all->columns, all->n_columns, all->n_rows, err));
    few.n_rows = 0;
    for (size_t row = 0; row < all->n_rows; row++) {
        if (condensed && row >= EPOCHS_HEAD && row + EPOCHS_TAIL < all->n_rows && row != best)
            continue;
        memcpy(few.cells + few.n_rows++ * few.n_columns, all->cells + row * all->n_columns,
               few.n_columns * sizeof *few.cells);
    }
    enum pxs_status status = put_section("epochs (averages over batches)", &few, columns,
                                         PXS_COUNT(columns), width, out, err);
    pxs_table_finish(&few);
    if (condensed)
        pxs_text_addf(out,
                      "first, best and last of %zu; all: pixsweep show %" PRId64 " --format csv\n",
                      p->epochs.n_rows, p->run.run_id);
    return status;
}

/* A log of a job, as it is found from here. */
static const char *log_path(struct parts *p, const char *log) {
    char sweep[PXS_PATH_MAX];
    if (strncmp(log, "../", 3) != 0 || !pxs_path_dir(sweep, sizeof sweep, p->run.dir))
        return log;
    return pxs_arena_printf(&p->attempts.arena, "%s/%s", sweep, log + 3);
}

/* Attempts by jobs of a batch system: where what each job said stands, once for several that it
 * made. */
static void put_logs(struct parts *p, struct pxs_text *out) {
    const struct pxs_table *t = &p->attempts;
    for (size_t row = 0; row < t->n_rows; row++) {
        const char *log = pxs_table_at(t, row, "task_log").text;
        bool told = false;
        for (size_t i = 0; i < row && log && !told; i++) {
            const char *other = pxs_table_at(t, i, "task_log").text;
            told = other && strcmp(other, log) == 0;
        }
        if (!log || told)
            continue;
        const char *task = pxs_table_at(t, row, "task").text, *path = log_path(p, log);
        pxs_text_add_words(out, "log of job %s: %s\n", task ? task : "(no name)",
                           path ? path : log);
    }
}

/* In the table of attempts stands the first line of what each left, behind the reason where that
 * says more than the outcome, and its job beside its host; what the last of them said in full
 * follows it. */
static enum pxs_status put_attempts(struct parts *p, int width, struct pxs_text *out,
                                    struct pxs_error *err) {
    static const struct {
        const char *name;
        struct pxs_column column;
    } shown[] = {
        {"no", {"no", PXS_SHOW_PLAIN}},
        {"outcome", {"outcome", PXS_SHOW_PLAIN}},
        {"started_ms", {"started (UTC)", PXS_SHOW_TIME}},
        {"seconds", {"time", PXS_SHOW_DURATION}},
        {"host", {"host", PXS_SHOW_PLAIN}},
        {"task", {"job", PXS_SHOW_PLAIN}},
        {"restart", {"requeued", PXS_SHOW_PLAIN}},
        {"pid", {"pid", PXS_SHOW_PLAIN}},
        {"cores", {"cores", PXS_SHOW_PLAIN}},
        {"threads", {"threads", PXS_SHOW_PLAIN}},
        {"kernels", {"kernels", PXS_SHOW_PLAIN}},
        {"exit_code", {"exit", PXS_SHOW_PLAIN}},
        {"signal", {"signal", PXS_SHOW_PLAIN}},
        {"resumed_from_step", {"from step", PXS_SHOW_PLAIN}},
        {"reason", {"reason", PXS_SHOW_PLAIN}},
        {"message", {"message", PXS_SHOW_PLAIN}},
    };
    enum { N = PXS_COUNT(shown), OUTCOME = 1, RESTART = 6, REASON = 14, MESSAGE = 15 };
    const char *names[N], *full = NULL;
    struct pxs_column columns[N];
    struct pxs_table t = {0};
    bool requeued = false;
    for (size_t i = 0; i < N; i++) {
        names[i] = shown[i].name;
        columns[i] = shown[i].column;
    }
    PXS_TRY(pxs_table_make(&t, names, N, p->attempts.n_rows, err));
    for (size_t row = 0; row < t.n_rows; row++) {
        struct pxs_cell *cells = &t.cells[row * N];
        for (size_t i = 0; i < N; i++)
            cells[i] = pxs_table_at(&p->attempts, row, names[i]);
        if (cells[REASON].text && cells[OUTCOME].text &&
            strcmp(cells[REASON].text, cells[OUTCOME].text) == 0)
            cells[REASON] = pxs_cell_text(NULL); /* it says nothing more */
        const size_t before = cells[MESSAGE].bytes;
        pxs_cell_first_line(&cells[MESSAGE]);
        full = cells[MESSAGE].bytes < before ? cells[MESSAGE].text : NULL;
        requeued = requeued || cells[RESTART].integer > 0;
    }
    if (!requeued)
        columns[RESTART].show = PXS_SHOW_HIDDEN;
    const enum pxs_status status = put_section("attempts", &t, columns, N, width, out, err);
    pxs_table_finish(&t);
    PXS_TRY(status);
    put_logs(p, out);
    if (!full)
        return PXS_OK;
    pxs_text_add(out, "\nwhat the last attempt left\n");
    while (*full != '\0') {
        const size_t bytes = strcspn(full, "\n");
        pxs_text_add_clean(out, full, bytes);
        pxs_text_add(out, "\n");
        full += bytes + (full[bytes] == '\n');
    }
    return PXS_OK;
}

static enum pxs_status show_table(struct parts *p, int width, struct pxs_text *out,
                                  struct pxs_error *err) {
    static const struct pxs_column files[] = {
        {"path", PXS_SHOW_PLAIN}, {"epoch", PXS_SHOW_PLAIN}, {"kind", PXS_SHOW_PLAIN},
        {"net", PXS_SHOW_PLAIN},  {"size", PXS_SHOW_BYTES},  {"sha256", PXS_SHOW_HIDDEN},
    };
    static const struct pxs_column events[] = {{"at (UTC)", PXS_SHOW_TIME},
                                               {"level", PXS_SHOW_PLAIN},
                                               {"kind", PXS_SHOW_PLAIN},
                                               {"message", PXS_SHOW_PLAIN}};
    put_summary(p, out);
    PXS_TRY(put_params(&p->params, width, out, err));
    PXS_TRY(put_attempts(p, width, out, err));
    PXS_TRY(
        put_section("environment of the last attempt", &p->environment, NULL, 0, width, out, err));
    PXS_TRY(put_epochs(p, width, out, err));

    const size_t n = p->samples.n_rows;
    if (n > 0 || p->best_sample.n_rows > 0)
        pxs_text_add(out, "\npictures\n");
    if (n > 0)
        pxs_text_add_words(out, "%zu, the last is %s/%s\n", n, p->run.dir,
                           pxs_table_at(&p->samples, n - 1, "path").text);
    if (p->best_sample.n_rows > 0)
        pxs_text_add_words(out, "of the best weights: %s/%s\n", p->run.dir,
                           pxs_table_at(&p->best_sample, 0, "path").text);

    PXS_TRY(put_section("weights", &p->files, files, PXS_COUNT(files), width, out, err));
    return put_section("events", &p->events, events, PXS_COUNT(events), width, out, err);
}

/* ---- for programs --------------------------------------------------------------------------- */

/* key, value rows as one object. */
static void put_object(struct pxs_json_writer *w, const char *name, const struct pxs_table *pairs) {
    pxs_json_put_object(w, name);
    for (size_t row = 0; row < pairs->n_rows; row++) {
        const struct pxs_cell value = pxs_table_at(pairs, row, "value");
        pxs_cell_json(w, pxs_table_at(pairs, row, "key").text, &value);
    }
    pxs_json_end(w);
}

static void put_rows(struct pxs_json_writer *w, const char *name, const struct pxs_table *t) {
    pxs_json_put_array(w, name);
    for (size_t row = 0; row < t->n_rows; row++)
        pxs_row_json(w, t->columns, t->cells + row * t->n_columns, t->n_columns);
    pxs_json_end(w);
}

static enum pxs_status show_json(const struct parts *p, struct pxs_text *out,
                                 struct pxs_error *err) {
    struct pxs_json_writer w = {.out = out, .indent = 2};
    pxs_json_put_object(&w, NULL);
    for (size_t i = 0; i < p->summary.n_columns; i++)
        pxs_cell_json(&w, p->summary.columns[i], &p->summary.cells[i]);
    pxs_json_put_string(&w, "dir", p->run.dir);
    put_object(&w, "params", &p->params);
    put_object(&w, "environment", &p->environment);
    put_rows(&w, "attempts", &p->attempts);
    put_rows(&w, "epochs", &p->epochs);
    put_rows(&w, "samples", &p->samples);
    put_rows(&w, "best_sample", &p->best_sample);
    put_rows(&w, "checkpoints", &p->files);
    put_rows(&w, "events", &p->events);
    pxs_json_end(&w);
    PXS_TRY(pxs_json_finish(&w, err));
    pxs_text_add(out, "\n");
    return PXS_OK;
}

enum pxs_status pxs_report_show(struct pxs_store *s, const char *run, enum pxs_format format,
                                int width, struct pxs_text *out, struct pxs_error *err) {
    struct parts p = {0};
    struct pxs_store_target target;
    struct pxs_store_looks looks = {0};
    struct pxs_error why; /* what is not found here is looked for again below, and told there */
    if (pxs_store_find_target(s, run, &target, &why) == PXS_OK && target.run_id == 0)
        PXS_TRY(pxs_store_looks(s, target.sweep_id, &looks, err));
    if (looks.race.race[0]) {
        const enum pxs_status shown = pxs_show_race(s, &target, &looks, format, width, out, err);
        pxs_store_looks_finish(&looks);
        return shown != PXS_OK ? shown : pxs_text_status(out, err);
    }
    const bool csv = format == PXS_FORMAT_CSV || format == PXS_FORMAT_CSV_SAFE;
    enum pxs_status status = read_parts(s, run, &p, err);
    if (status == PXS_OK)
        status = format == PXS_FORMAT_TABLE ? show_table(&p, width, out, err)
                 : csv ? pxs_report_table(&p.epochs, NULL, format, width, out, err)
                       : show_json(&p, out, err);
    struct pxs_table *const tables[] = {&p.summary, &p.params,  &p.attempts,
                                        &p.epochs,  &p.samples, &p.best_sample,
                                        &p.files,   &p.events,  &p.environment};
    for (size_t i = 0; i < PXS_COUNT(tables); i++)
        pxs_table_finish(tables[i]);

    return status != PXS_OK ? status : pxs_text_status(out, err);
}
