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
/* What a sweep's race asks for, as of its last plan; what was judged stays. */
#define RACE_9 \
    "TABLE race (\n" \
    "  sweep_id INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,\n" \
    "  race TEXT NOT NULL, -- its id, as in the names of its look files\n" \
    "  confidence REAL NOT NULL,\n" \
    "  first INTEGER NOT NULL, -- seeds at the first look\n" \
    "  max_seeds INTEGER NOT NULL,\n" \
    "  indifference REAL NOT NULL,\n" \
    "  metric TEXT NOT NULL,\n" \
    "  budget_seconds REAL, -- NULL: none\n" \
    "  budget_runs INTEGER,\n" \
    "  PRIMARY KEY (sweep_id, race)\n" \
    ") STRICT"
#define RACE_LOOK_9 \
    "TABLE race_look (\n" \
    "  sweep_id INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,\n" \
    "  race TEXT NOT NULL,\n" \
    "  look INTEGER NOT NULL, -- from 1\n" \
    "  seeds INTEGER NOT NULL, -- that were judged\n" \
    "  metric TEXT NOT NULL,\n" \
    "  level REAL, -- each end of an interval is wrong with at most this probability\n" \
    "  penalty REAL, -- what a diverged seed counts as; NULL: none diverged\n" \
    "  PRIMARY KEY (sweep_id, race, look)\n" \
    ") STRICT"
#define RACE_DECISION_9 \
    "TABLE race_decision (\n" \
    "  sweep_id INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,\n" \
    "  race TEXT NOT NULL,\n" \
    "  look INTEGER NOT NULL,\n" \
    "  configuration TEXT NOT NULL, -- in words\n" \
    "  config_hash TEXT NOT NULL, -- of its run with the first seed\n" \
    "  run_id INTEGER REFERENCES run ON DELETE SET NULL, -- that run; NULL: not known here\n" \
    "  n INTEGER NOT NULL, -- seeds with a value\n" \
    "  diverged INTEGER NOT NULL, -- of them\n" \
    "  pairs INTEGER NOT NULL, -- seeds that it has in common with the leader\n" \
    "  mean REAL,\n" \
    "  difference REAL, -- its value minus the leader's, over the pairs\n" \
    "  low REAL, -- interval of the difference; NULL: fewer than two pairs\n" \
    "  high REAL,\n" \
    "  decision TEXT NOT NULL CHECK (decision IN ('leads', 'stays', 'dropped')),\n" \
    "  PRIMARY KEY (sweep_id, race, look, config_hash)\n" \
    ") STRICT"
#define V_RACE_9 \
    "VIEW v_race AS\n" \
    "SELECT s.name AS sweep, l.look, l.seeds, d.configuration, d.n, d.mean, d.difference, d.low, d.high, d.decision,\n" \
    "  d.diverged, d.pairs, l.metric, l.level, s.sweep_id, d.config_hash, d.run_id\n" \
    "FROM sweep s JOIN race_look l ON l.sweep_id = s.sweep_id AND l.race = s.race\n" \
    "  JOIN race_decision d ON d.sweep_id = l.sweep_id AND d.race = l.race AND d.look = l.look"
/* One row a sweep whose file asks for a race: its last look (NULL: none yet), and whether it has
 * ended there, by the rule of race.h. */
#define V_RACE_STATE_9 \
    "VIEW v_race_state AS\n" \
    "WITH last AS (SELECT sweep_id, race, max(look) AS look, seeds FROM race_look GROUP BY sweep_id, race),\n" \
    "found AS (SELECT sweep_id, race, look, count(*) AS judged, count(*) FILTER (WHERE decision <> 'dropped') AS n_left,\n" \
    "    max(CASE WHEN decision = 'stays' THEN coalesce(max(-low, high), 9e999) ELSE 0 END) AS apart\n" \
    "  FROM race_decision GROUP BY sweep_id, race, look)\n" \
    "SELECT s.name AS sweep, o.metric, l.look, l.seeds,\n" \
    "  (SELECT judged FROM found f WHERE f.sweep_id = s.sweep_id AND f.race = s.race AND f.look = 1) AS n_configurations,\n" \
    "  f.n_left, CASE WHEN f.n_left = 1 THEN 'won' WHEN f.apart <= o.indifference THEN 'equal'\n" \
    "    WHEN l.seeds >= o.max_seeds THEN 'open' ELSE 'goes_on' END AS state,\n" \
    "  o.confidence, o.first, o.max_seeds, o.indifference, o.budget_seconds, o.budget_runs, s.sweep_id, s.race\n" \
    "FROM sweep s JOIN race o ON o.sweep_id = s.sweep_id AND o.race = s.race\n" \
    "  LEFT JOIN last l ON l.sweep_id = s.sweep_id AND l.race = s.race\n" \
    "  LEFT JOIN found f ON f.sweep_id = l.sweep_id AND f.race = l.race AND f.look = l.look"
/* Runs that are not over and that the race of their sweep needs no more: run.state stays as it is. */
#define V_NOT_NEEDED_9 \
    "VIEW v_not_needed AS\n" \
    "SELECT r.run_id, r.sweep_id\n" \
    "FROM v_race_state w JOIN run r ON r.sweep_id = w.sweep_id\n" \
    "WHERE r.state IN ('queued', 'interrupted') AND EXISTS (SELECT 1 FROM race_decision d\n" \
    "  WHERE d.sweep_id = w.sweep_id AND d.race = w.race AND d.config_hash = r.config_hash\n" \
    "    AND (w.state <> 'goes_on' OR d.decision = 'dropped'))"
/* v_progress counts runs that a race needs no more apart, and nothing of them is left to do. */
#define V_PROGRESS_9 \
    "VIEW v_progress AS\n" \
    "WITH one AS (SELECT r.sweep_id, CASE WHEN n.run_id IS NULL THEN r.state ELSE 'not needed' END AS state,\n" \
    "    m.seconds, coalesce(m.last_epoch + 1, 0) AS done,\n" \
    "    (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'n_epochs') AS planned,\n" \
    "    (SELECT max(heartbeat_ms) FROM attempt a WHERE a.run_id = r.run_id) AS heartbeat_ms\n" \
    "  FROM run r LEFT JOIN run_summary m ON m.run_id = r.run_id LEFT JOIN v_not_needed n ON n.run_id = r.run_id),\n" \
    "grouped AS (SELECT sweep_id, count(*) AS n_runs,\n" \
    "    count(*) FILTER (WHERE state = 'queued') AS queued,\n" \
    "    count(*) FILTER (WHERE state = 'running') AS running,\n" \
    "    count(*) FILTER (WHERE state = 'completed') AS completed,\n" \
    "    count(*) FILTER (WHERE state = 'diverged') AS diverged,\n" \
    "    count(*) FILTER (WHERE state = 'failed') AS failed,\n" \
    "    count(*) FILTER (WHERE state = 'interrupted') AS interrupted,\n" \
    "    count(*) FILTER (WHERE state = 'cancelled') AS cancelled,\n" \
    "    count(*) FILTER (WHERE state = 'pruned') AS pruned,\n" \
    "    count(*) FILTER (WHERE state = 'not needed') AS not_needed,\n" \
    "    sum(done) AS epochs_done,\n" \
    "    sum(CASE WHEN state IN ('queued', 'running', 'interrupted') THEN planned ELSE done END) AS epochs_planned,\n" \
    "    sum(seconds) AS seconds, max(heartbeat_ms) AS heartbeat_ms\n" \
    "  FROM one GROUP BY sweep_id)\n" \
    "SELECT s.sweep_id, s.name AS sweep, s.state, s.n_planned, coalesce(g.n_runs, 0) AS n_runs, g.queued, g.running,\n" \
    "  g.completed, g.diverged, g.failed, g.interrupted, g.cancelled, g.epochs_done, g.epochs_planned, g.seconds,\n" \
    "  CASE WHEN g.epochs_done > 0 THEN (g.epochs_planned - g.epochs_done) * g.seconds / g.epochs_done END\n" \
    "    AS seconds_left, g.heartbeat_ms, s.created_ms, g.pruned, g.not_needed\n" \
    "FROM sweep s LEFT JOIN grouped g USING (sweep_id)"
#define PARAM_9(key) \
    "  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = '" key "') AS " key ",\n"
/* label: v_schedule's `schedule`, what differs between the configurations of the sweep. */
#define V_RUN_9 \
    "VIEW v_run AS SELECT\n" \
    "  r.run_id, s.name AS sweep, r.number, r.name, r.state, r.seed,\n" \
    "  m.last_step, m.last_epoch, m.best_val_loss, m.best_epoch, m.final_val_loss, m.final_avg_loss_G,\n" \
    "  (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch LIMIT 1) AS first_lr_G,\n" \
    "  (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) AS last_lr_G,\n" \
    "  m.seconds, m.images_per_s,\n" \
    "  (SELECT count(*) FROM attempt a WHERE a.run_id = r.run_id) AS attempts,\n" \
    "  (SELECT min(started_ms) FROM attempt a WHERE a.run_id = r.run_id) AS started_ms,\n" \
    "  (SELECT ended_ms FROM attempt a WHERE a.run_id = r.run_id ORDER BY no DESC LIMIT 1) AS ended_ms,\n" \
    "  (SELECT message FROM attempt a WHERE a.run_id = r.run_id ORDER BY no DESC LIMIT 1) AS message,\n" \
    PARAM_9("dataset") \
    PARAM_9("img_height") \
    PARAM_9("img_width") \
    PARAM_9("batch_size") \
    PARAM_9("n_epochs") \
    PARAM_9("learning_rate_G") \
    PARAM_9("learning_rate_D") \
    PARAM_9("lr_policy_G") \
    PARAM_9("lrgd") \
    PARAM_9("lr_policy_D") \
    PARAM_9("lrdd") \
    PARAM_9("b1") \
    PARAM_9("b2") \
    PARAM_9("lambda_pixel") \
    PARAM_9("gan_mode") \
    PARAM_9("ngf") \
    PARAM_9("ndf") \
    PARAM_9("dropout") \
    PARAM_9("jitter") \
    PARAM_9("flip") \
    PARAM_9("validation") \
    "  r.sweep_id, r.config_hash, r.dir,\n" \
    "  (SELECT min(substr(tail, instr(tail, '-') + 1, max(0, length(tail) - instr(tail, '-') - length('-s' || seed))))\n" \
    "   FROM (SELECT seed, substr(name, instr(name, '/') + 1) AS tail FROM run o\n" \
    "     WHERE o.sweep_id = r.sweep_id AND o.config_hash = r.config_hash)) AS label\n" \
    "FROM run r JOIN sweep s USING (sweep_id) LEFT JOIN run_summary m ON m.run_id = r.run_id"
/* Configurations that the sweep's file asks for, as of its last plan that no --set changed; none:
 * not known, and all of the sweep's count. */
#define ASKED_10 \
    "TABLE asked (\n" \
    "  sweep_id INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,\n" \
    "  config_hash TEXT NOT NULL,\n" \
    "  PRIMARY KEY (sweep_id, config_hash)\n" \
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
    [8] = "ALTER TABLE sweep ADD COLUMN race TEXT;"
          "CREATE " RACE_9 ";CREATE " RACE_LOOK_9 ";CREATE " RACE_DECISION_9 ";CREATE " V_RACE_9
          ";CREATE " V_RACE_STATE_9 ";CREATE " V_NOT_NEEDED_9
          ";DROP VIEW v_progress;CREATE " V_PROGRESS_9 ";DROP VIEW v_run;CREATE " V_RUN_9,
    [9] = "CREATE " ASKED_10,
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
    [8] = "CREATE TEMP VIEW sweep AS SELECT *, NULL AS race FROM main.sweep;"
          "CREATE TEMP " RACE_9 ";CREATE TEMP " RACE_LOOK_9 ";CREATE TEMP " RACE_DECISION_9
          ";CREATE TEMP " V_RACE_9 ";CREATE TEMP " V_RACE_STATE_9 ";CREATE TEMP " V_NOT_NEEDED_9
          ";DROP VIEW IF EXISTS temp.v_progress;CREATE TEMP " V_PROGRESS_9 ";CREATE TEMP " V_RUN_9,
    [9] = "CREATE TEMP " ASKED_10,
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
