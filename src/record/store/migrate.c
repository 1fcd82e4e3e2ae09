/* From an older schema to this one. */
#include "store_priv.h"

#include <string.h>

/* What versions after the first have added, each without its "CREATE ". A file's text stays as it
 * was made, so these stay, too. */
/* clang-format off */
/* Not WITHOUT ROWID: integrity_check of SQLite 3.40 sees NULLs there where key columns are not the first.
 * A user's `retry`: the budgets of the run count the attempts after the last of these. */
#define RETRY_2 \
    "TABLE retry (\n" \
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n" \
    "  at_ms INTEGER NOT NULL,\n" \
    "  after_no INTEGER NOT NULL, -- attempts made until then\n" \
    "  PRIMARY KEY (run_id, after_no)\n" \
    ") STRICT"
#define D_OUTPUT_3 \
    "TABLE d_output (\n" \
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n" \
    "  epoch INTEGER NOT NULL,\n" \
    "  avg_D_real REAL, -- mean output of the discriminator for real pairs; 1 is real under lsgan\n" \
    "  avg_D_fake REAL, -- for generated ones; 0 is fake under lsgan\n" \
    "  PRIMARY KEY (run_id, epoch)\n" \
    ") STRICT, WITHOUT ROWID"
#define RUNG_3 \
    "TABLE rung (\n" \
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n" \
    "  epoch INTEGER NOT NULL,\n" \
    "  value REAL, -- validation loss that was compared\n" \
    "  cutoff REAL, -- the largest that goes on; NULL: nothing to compare with yet\n" \
    "  verdict TEXT NOT NULL CHECK (verdict IN ('go_on', 'pruned')),\n" \
    "  PRIMARY KEY (run_id, epoch)\n" \
    ") STRICT"
#define IMPORTED_3 \
    "TABLE imported (\n" \
    "  run_id INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,\n" \
    "  source TEXT NOT NULL, -- the file that it was read from\n" \
    "  first_line INTEGER,\n" \
    "  last_line INTEGER,\n" \
    "  unreadable INTEGER NOT NULL, -- lines between them\n" \
    "  imported_ms INTEGER NOT NULL\n" \
    ") STRICT"
#define BEST_SAMPLE_4 \
    "TABLE best_sample (\n" \
    "  run_id INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,\n" \
    "  step INTEGER NOT NULL,\n" \
    "  epoch INTEGER NOT NULL,\n" \
    "  path TEXT NOT NULL, -- relative to run.dir\n" \
    "  sha256 TEXT NOT NULL\n" \
    ") STRICT"
/* v_progress counts pruned runs, too, and takes a run that stopped early for done. */
#define V_PROGRESS_3 \
    "VIEW v_progress AS\n" \
    "WITH one AS (SELECT r.sweep_id, r.state, m.seconds, coalesce(m.last_epoch + 1, 0) AS done,\n" \
    "    (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'n_epochs') AS planned,\n" \
    "    (SELECT max(heartbeat_ms) FROM attempt a WHERE a.run_id = r.run_id) AS heartbeat_ms\n" \
    "  FROM run r LEFT JOIN run_summary m ON m.run_id = r.run_id),\n" \
    "grouped AS (SELECT sweep_id, count(*) AS n_runs,\n" \
    "    count(*) FILTER (WHERE state = 'queued') AS queued,\n" \
    "    count(*) FILTER (WHERE state = 'running') AS running,\n" \
    "    count(*) FILTER (WHERE state = 'completed') AS completed,\n" \
    "    count(*) FILTER (WHERE state = 'diverged') AS diverged,\n" \
    "    count(*) FILTER (WHERE state = 'failed') AS failed,\n" \
    "    count(*) FILTER (WHERE state = 'interrupted') AS interrupted,\n" \
    "    count(*) FILTER (WHERE state = 'cancelled') AS cancelled,\n" \
    "    count(*) FILTER (WHERE state = 'pruned') AS pruned,\n" \
    "    sum(done) AS epochs_done,\n" \
    "    sum(CASE WHEN state IN ('queued', 'running', 'interrupted') THEN planned ELSE done END) AS epochs_planned,\n" \
    "    sum(seconds) AS seconds, max(heartbeat_ms) AS heartbeat_ms\n" \
    "  FROM one GROUP BY sweep_id)\n" \
    "SELECT s.sweep_id, s.name AS sweep, s.state, s.n_planned, coalesce(g.n_runs, 0) AS n_runs, g.queued, g.running,\n" \
    "  g.completed, g.diverged, g.failed, g.interrupted, g.cancelled, g.epochs_done, g.epochs_planned, g.seconds,\n" \
    "  CASE WHEN g.epochs_done > 0 THEN (g.epochs_planned - g.epochs_done) * g.seconds / g.epochs_done END\n" \
    "    AS seconds_left, g.heartbeat_ms, s.created_ms, g.pruned\n" \
    "FROM sweep s LEFT JOIN grouped g USING (sweep_id);\n"
/* Why an attempt ended, for rows that older versions wrote: by what their messages begin with. */
#define REASON_5 \
    "CASE WHEN ended_ms IS NULL THEN NULL" \
    " WHEN outcome <> 'failed' AND outcome <> 'interrupted' THEN outcome" \
    " WHEN outcome = 'interrupted' AND (message IS NULL OR message GLOB 'nobody wrote down*') THEN 'lost'" \
    " WHEN outcome = 'interrupted' AND message GLOB '*No space left on device*' THEN 'no_space'" \
    " WHEN outcome = 'interrupted' AND message GLOB '*records.bin, byte *' THEN 'damaged_record'" \
    " WHEN outcome = 'interrupted' THEN 'stopped'" \
    " WHEN message GLOB 'timed out*' THEN 'timeout'" \
    " WHEN message GLOB 'its record file is damaged*' THEN 'damaged_record'" \
    " WHEN message GLOB 'killed by signal *: out of memory, by the kernel*' THEN 'out_of_memory'" \
    " WHEN signal IN (9, 15) AND message GLOB 'killed by signal *' THEN 'killed'" \
    " WHEN message GLOB 'killed by signal *' OR message GLOB 'exited with code * without a last record*' OR" \
    "  message GLOB 'gone at step *' THEN 'crash'" \
    " ELSE 'error' END"
/* The table became columns of epoch; queries that name it still work by this view. */
#define D_OUTPUT_6 \
    "VIEW d_output AS\n" \
    "SELECT run_id, epoch, D_real AS avg_D_real, D_fake AS avg_D_fake FROM epoch\n" \
    "WHERE D_real IS NOT NULL OR D_fake IS NOT NULL"
/* One row: the highest ids when something was last removed. SQLite gives the id of the last row to
 * the next one once that is removed, and a number that somebody remembers would mean another run. */
#define HIGHEST_ID_8 \
    "TABLE highest_id (\n" \
    "  run_id INTEGER NOT NULL,\n" \
    "  sweep_id INTEGER NOT NULL\n" \
    ") STRICT"
/* clang-format on */

/* [v]: from version v to v + 1, behind the new columns of epoch (measures.def has them). These
 * steps stay as they are: existing files have taken them. */
static const char *const steps[PXS_SCHEMA_VERSION] = {
    [1] = "CREATE " RETRY_2,
    /* A CHECK cannot be altered, and rebuilding tables that others refer to is the longer way; what
     * is stored does not change (sqlite.org/lang_altertable.html, section 7). */
    [2] = "PRAGMA writable_schema = ON;"
          "UPDATE sqlite_schema SET sql = replace(sql, '''cancelled'')', '''cancelled'', "
          "''pruned'')')"
          "  WHERE type = 'table' AND name IN ('run', 'attempt');"
          "PRAGMA writable_schema = RESET;"
          "CREATE " D_OUTPUT_3 ";CREATE " RUNG_3 ";CREATE " IMPORTED_3 ";"
          "DROP VIEW v_progress;CREATE " V_PROGRESS_3,
    [3] = "CREATE " BEST_SAMPLE_4,
    [4] = "ALTER TABLE attempt ADD COLUMN reason TEXT; UPDATE attempt SET reason = " REASON_5,
    [5] = "UPDATE epoch SET D_real = d.avg_D_real, D_fake = d.avg_D_fake FROM d_output d"
          "  WHERE d.run_id = epoch.run_id AND d.epoch = epoch.epoch;"
          "DROP TABLE d_output;CREATE " D_OUTPUT_6,
    [7] = "CREATE " HIGHEST_ID_8 ";INSERT INTO highest_id VALUES (0, 0)",
};

/* [v]: what a file of version v lacks, empty, for a reader's connection only; without the columns
 * of epoch. */
static const char *const stand_ins[PXS_SCHEMA_VERSION] = {
    [1] = "CREATE TEMP " RETRY_2,
    [2] = "CREATE TEMP " D_OUTPUT_3 ";CREATE TEMP " RUNG_3 ";CREATE TEMP " IMPORTED_3
          ";CREATE TEMP " V_PROGRESS_3,
    [3] = "CREATE TEMP " BEST_SAMPLE_4,
    [4] = "CREATE TEMP VIEW attempt AS SELECT *, " REASON_5 " AS reason FROM main.attempt",
    [7] = "CREATE TEMP " HIGHEST_ID_8,
};

/* The columns of epoch that a file of this version lacks, as a view in front of the table. Before
 * version 6 the discriminator's outputs are in d_output. */
static enum pxs_status stand_in_epoch(struct pxs_store *s, int64_t version, struct pxs_error *err) {
    struct pxs_text sql = {0};
    bool some = false;
    pxs_text_add(&sql, "CREATE TEMP VIEW epoch AS SELECT e.*");
    for (int c = 0; c < PXS_EPOCH_N; c++) {
        const struct pxs_epoch_info *column = pxs_epoch_info((enum pxs_epoch_column)c);
        if (column->since <= version)
            continue;
        some = true;
        if (c == PXS_EPOCH_D_real || c == PXS_EPOCH_D_fake)
            pxs_text_addf(&sql, ", d.avg_%s AS %s", column->name, column->name);
        else
            pxs_text_addf(&sql, ", NULL AS %s", column->name);
    }
    pxs_text_add(&sql, " FROM main.epoch e");
    if (version < 6)
        pxs_text_add(&sql, " LEFT JOIN d_output d ON d.run_id = e.run_id AND d.epoch = e.epoch");
    enum pxs_status status = sql.failed ? pxs_fail_nomem(err) : PXS_OK;
    if (status == PXS_OK && some)
        status = pxs_sql_exec(s->sql, pxs_text_str(&sql), err);
    pxs_text_finish(&sql);
    return status;
}

enum pxs_status pxs_schema_stand_in(struct pxs_store *s, struct pxs_error *err) {
    int64_t application, version;
    PXS_TRY(pxs_store_value(s, "PRAGMA application_id", &application, err));
    PXS_TRY(pxs_store_value(s, "PRAGMA user_version", &version, err));
    if ((application != PXS_APPLICATION_ID && !s->published) || version < 1)
        return PXS_OK;
    for (int64_t v = version; v < PXS_SCHEMA_VERSION; v++)
        if (stand_ins[v])
            PXS_TRY(pxs_sql_exec(s->sql, stand_ins[v], err));
    return stand_in_epoch(s, version, err);
}

enum pxs_status pxs_schema_steps(struct pxs_store *s, int64_t from, struct pxs_error *err) {
    enum pxs_status status = PXS_OK;
    char sql[128];
    pxs_sql_guard_schema(s->sql, false);
    for (int64_t v = from; v < PXS_SCHEMA_VERSION; v++) {
        for (int c = 0; c < PXS_EPOCH_N; c++) {
            const struct pxs_epoch_info *column = pxs_epoch_info((enum pxs_epoch_column)c);
            if (column->since != v + 1)
                continue;
            snprintf(sql, sizeof sql, "ALTER TABLE epoch ADD COLUMN %s REAL", column->name);
            status = pxs_sql_exec(s->sql, sql, err);
            if (status != PXS_OK)
                goto out;
        }
        if (steps[v])
            status = pxs_sql_exec(s->sql, steps[v], err);
        if (status != PXS_OK)
            goto out;
    }
out:
    pxs_sql_guard_schema(s->sql, true);
    return status;
}

/* `<path>.v1.backup`, or the first of `<path>.v1.backup-2`, ... that is free. Nothing is
 * overwritten. */
static enum pxs_status back_up(struct pxs_store *s, int64_t version, char *path, size_t size,
                               struct pxs_error *err) {
    enum pxs_status status = PXS_E_EXISTS;
    for (int i = 1; status == PXS_E_EXISTS && i < 1000; i++) {
        int n = snprintf(path, size, "%s.v%lld.backup", s->path, (long long)version);
        if (i > 1 && n > 0 && (size_t)n < size)
            n += snprintf(path + n, size - (size_t)n, "-%d", i);
        if (n < 0 || (size_t)n >= size)
            return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", s->path);
        status = pxs_store_copy(s, path, err);
    }
    return status;
}

/* Within a transaction. Another process may have taken the steps since this one looked. */
static enum pxs_status take_steps(struct pxs_store *s, struct pxs_error *err) {
    char mark[60];
    int64_t version;
    PXS_TRY(pxs_store_value(s, "PRAGMA user_version", &version, err));
    if (version >= PXS_SCHEMA_VERSION)
        return PXS_OK;
    PXS_TRY(pxs_schema_steps(s, version, err));
    snprintf(mark, sizeof mark, "PRAGMA user_version = %d", PXS_SCHEMA_VERSION);
    return pxs_sql_exec(s->sql, mark, err);
}

enum pxs_status pxs_schema_migrate(struct pxs_store *s, int64_t from, struct pxs_error *err) {
    char backup[PXS_PATH_MAX];
    enum pxs_status status = back_up(s, from, backup, sizeof backup, err);
    if (status == PXS_OK)
        status = pxs_sql_exec(s->sql, "BEGIN IMMEDIATE", err);
    if (status == PXS_OK)
        status = pxs_store_commit(s, take_steps(s, err), err);
    if (status != PXS_OK) {
        pxs_error_prefix(err, "bringing %s from schema version %lld to %d", s->path,
                         (long long)from, PXS_SCHEMA_VERSION);
        return status;
    }
    snprintf(s->note, sizeof s->note,
             "the database was brought from schema version %lld to %d; as it was: %s",
             (long long)from, PXS_SCHEMA_VERSION, backup);
    return PXS_OK;
}
