/* The schema as of version 1 (promised: docs/contracts.md, Database), and how a file gets it; what
 * came later stands in migrate.c. */
#include "store_priv.h"

#include <string.h>

static const char tables[] = //
    "CREATE TABLE sweep (\n"
    "  sweep_id INTEGER PRIMARY KEY,\n"
    "  name TEXT NOT NULL UNIQUE,\n"
    "  spec_yaml TEXT NOT NULL,\n"
    "  spec_hash TEXT NOT NULL,\n"
    "  n_planned INTEGER NOT NULL,\n"
    "  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused')),\n"
    "  created_ms INTEGER NOT NULL\n"
    ") STRICT;\n"

    "CREATE TABLE run (\n"
    "  run_id INTEGER PRIMARY KEY,\n"
    "  sweep_id INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,\n"
    "  number INTEGER NOT NULL,\n"
    "  name TEXT NOT NULL UNIQUE,\n"
    "  dir TEXT NOT NULL, -- relative to this file's folder when inside it\n"
    "  config_hash TEXT NOT NULL,\n"
    "  config_yaml TEXT NOT NULL,\n"
    "  seed INTEGER NOT NULL,\n"
    "  state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'completed', 'diverged',\n"
    "    'failed', 'interrupted', 'cancelled')),\n"
    "  UNIQUE (sweep_id, config_hash, seed)\n"
    ") STRICT;\n"

    "CREATE TABLE param (\n"
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n"
    "  key TEXT NOT NULL,\n"
    "  value ANY,\n"
    "  PRIMARY KEY (run_id, key)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX param_by_value ON param (key, value);\n"

    "CREATE TABLE attempt (\n"
    "  attempt_id INTEGER PRIMARY KEY,\n"
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n"
    "  no INTEGER NOT NULL,\n"
    "  host TEXT,\n"
    "  boot_id TEXT,\n"
    "  pid INTEGER,\n"
    "  pid_start INTEGER,\n"
    "  cores TEXT,\n"
    "  threads INTEGER,\n"
    "  kernels TEXT,\n"
    "  started_ms INTEGER NOT NULL,\n"
    "  heartbeat_ms INTEGER,\n"
    "  ended_ms INTEGER, -- NULL: nobody has seen its end\n"
    "  exit_code INTEGER,\n"
    "  signal INTEGER,\n"
    "  outcome TEXT CHECK (outcome IN ('completed', 'diverged', 'failed', 'interrupted', 'cancelled')),\n"
    "  message TEXT,\n"
    "  resumed_from_step INTEGER, -- -1: from the start\n"
    "  record_offset INTEGER NOT NULL DEFAULT 0,\n"
    "  UNIQUE (run_id, no)\n"
    ") STRICT;\n"
    "CREATE INDEX attempt_open ON attempt (run_id) WHERE ended_ms IS NULL;\n"

    "CREATE TABLE environment (\n"
    "  attempt_id INTEGER NOT NULL REFERENCES attempt ON DELETE CASCADE,\n"
    "  key TEXT NOT NULL,\n"
    "  value TEXT,\n"
    "  PRIMARY KEY (attempt_id, key)\n"
    ") STRICT;\n"

    /* Rows lie in the order of their key, so a run's curve is one piece of the file. */
    "CREATE TABLE batch_loss (\n"
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n"
    "  step INTEGER NOT NULL,\n"
    "  epoch INTEGER NOT NULL,\n"
    "  batch INTEGER NOT NULL,\n"
    "  loss_G REAL,\n"
    "  loss_GAN REAL,\n"
    "  loss_pixel REAL, -- plain L1, not times lambda_pixel\n"
    "  loss_D REAL,\n"
    "  loss_real REAL,\n"
    "  loss_fake REAL,\n"
    "  lr_G REAL,\n"
    "  lr_D REAL,\n"
    "  seconds REAL,\n"
    "  PRIMARY KEY (run_id, step)\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE epoch (\n"
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n"
    "  epoch INTEGER NOT NULL,\n"
    "  lr_G REAL,\n"
    "  lr_D REAL,\n"
    "  avg_loss_G REAL,\n"
    "  avg_loss_GAN REAL,\n"
    "  avg_loss_pixel REAL,\n"
    "  avg_loss_D REAL,\n"
    "  avg_loss_real REAL,\n"
    "  avg_loss_fake REAL,\n"
    "  val_loss REAL,\n"
    "  val_psnr REAL,\n"
    "  val_ssim REAL,\n"
    "  is_best INTEGER NOT NULL CHECK (is_best IN (0, 1)),\n"
    "  seconds REAL,\n"
    "  PRIMARY KEY (run_id, epoch)\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE sample (\n"
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n"
    "  step INTEGER NOT NULL,\n"
    "  epoch INTEGER NOT NULL,\n"
    "  path TEXT NOT NULL, -- relative to run.dir\n"
    "  sha256 TEXT NOT NULL,\n"
    "  PRIMARY KEY (run_id, step)\n"
    ") STRICT;\n"

    "CREATE TABLE checkpoint (\n"
    "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n"
    "  path TEXT NOT NULL, -- relative to run.dir\n"
    "  epoch INTEGER NOT NULL,\n"
    "  kind TEXT NOT NULL CHECK (kind IN ('periodic', 'best')),\n"
    "  net TEXT NOT NULL CHECK (net IN ('generator', 'discriminator')),\n"
    "  sha256 TEXT NOT NULL,\n"
    "  bytes INTEGER NOT NULL,\n"
    "  PRIMARY KEY (run_id, path)\n"
    ") STRICT;\n"

    "CREATE TABLE event (\n"
    "  event_id INTEGER PRIMARY KEY,\n"
    "  run_id INTEGER REFERENCES run ON DELETE CASCADE, -- NULL: about no single run\n"
    "  at_ms INTEGER NOT NULL,\n"
    "  level TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),\n"
    "  kind TEXT NOT NULL,\n"
    "  message TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE INDEX event_by_run ON event (run_id, at_ms);\n"

    "CREATE TABLE run_summary (\n"
    "  run_id INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,\n"
    "  last_step INTEGER,\n"
    "  last_epoch INTEGER, -- the last one that is complete\n"
    "  best_val_loss REAL,\n"
    "  best_epoch INTEGER,\n"
    "  final_val_loss REAL,\n"
    "  final_avg_loss_G REAL,\n"
    "  seconds REAL,\n"
    "  images_per_s REAL\n"
    ") STRICT;\n";

#define PXS_KEY(key) "  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = '" key "') AS " key

static const char views[] = //
    /* One row a run: what it is, how it went, its common hyperparameters (NULL where a key has no effect). */
    "CREATE VIEW v_run AS SELECT\n"
    "  r.run_id, s.name AS sweep, r.number, r.name, r.state, r.seed,\n"
    "  m.last_step, m.last_epoch, m.best_val_loss, m.best_epoch, m.final_val_loss, m.final_avg_loss_G,\n"
    "  (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch LIMIT 1) AS first_lr_G,\n"
    "  (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) AS last_lr_G,\n"
    "  m.seconds, m.images_per_s,\n"
    "  (SELECT count(*) FROM attempt a WHERE a.run_id = r.run_id) AS attempts,\n"
    "  (SELECT min(started_ms) FROM attempt a WHERE a.run_id = r.run_id) AS started_ms,\n"
    "  (SELECT ended_ms FROM attempt a WHERE a.run_id = r.run_id ORDER BY no DESC LIMIT 1) AS ended_ms,\n"
    "  (SELECT message FROM attempt a WHERE a.run_id = r.run_id ORDER BY no DESC LIMIT 1) AS message,\n" //
    PXS_KEY("dataset") ",\n"                                                                             //
    PXS_KEY("img_height") ",\n"                                                                          //
    PXS_KEY("img_width") ",\n"                                                                           //
    PXS_KEY("batch_size") ",\n"                                                                          //
    PXS_KEY("n_epochs") ",\n"                                                                            //
    PXS_KEY("learning_rate_G") ",\n"                                                                     //
    PXS_KEY("learning_rate_D") ",\n"                                                                     //
    PXS_KEY("lr_policy_G") ",\n"                                                                         //
    PXS_KEY("lrgd") ",\n"                                                                                //
    PXS_KEY("lr_policy_D") ",\n"                                                                         //
    PXS_KEY("lrdd") ",\n"                                                                                //
    PXS_KEY("b1") ",\n"                                                                                  //
    PXS_KEY("b2") ",\n"                                                                                  //
    PXS_KEY("lambda_pixel") ",\n"                                                                        //
    PXS_KEY("gan_mode") ",\n"                                                                            //
    PXS_KEY("ngf") ",\n"                                                                                 //
    PXS_KEY("ndf") ",\n"                                                                                 //
    PXS_KEY("dropout") ",\n"                                                                             //
    PXS_KEY("jitter") ",\n"                                                                              //
    PXS_KEY("flip") ",\n"                                                                                //
    PXS_KEY(
        "validation") ",\n"
                      "  r.sweep_id, r.config_hash, r.dir\n"
                      "FROM run r JOIN sweep s USING (sweep_id) LEFT JOIN run_summary m ON m.run_id = "
                      "r.run_id;\n"

                      /* One row a configuration without its seed. Means, deviations (of the sample) and minima are over the completed
     * runs: n of them. The name's middle says what differs: `<sweep>/<NNNN>-<what differs>-s<seed>`. */
                      "CREATE VIEW v_schedule AS\n"
                      "WITH one AS (SELECT\n"
                      "    r.sweep_id, r.config_hash, r.run_id, r.name, r.seed, r.state, r.state = "
                      "'completed' AS done,\n"
                      "    m.best_val_loss AS best, m.final_val_loss AS final, m.best_epoch, m.seconds,\n"
                      "    (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch LIMIT 1) AS "
                      "first_lr,\n"
                      "    (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) "
                      "AS last_lr\n"
                      "  FROM run r LEFT JOIN run_summary m ON m.run_id = r.run_id),\n"
                      "centred AS (SELECT one.*,\n"
                      "    best - avg(best) FILTER (WHERE done) OVER w AS best_off,\n"
                      "    final - avg(final) FILTER (WHERE done) OVER w AS final_off,\n"
                      "    substr(name, instr(name, '/') + 1) AS tail\n"
                      "  FROM one WINDOW w AS (PARTITION BY sweep_id, config_hash)),\n"
                      "grouped AS (SELECT sweep_id, config_hash, min(run_id) AS first_run,\n"
                      "    min(substr(tail, instr(tail, '-') + 1,\n"
                      "      max(0, length(tail) - instr(tail, '-') - length('-s' || seed)))) AS schedule,\n"
                      "    count(*) AS n_runs, count(*) FILTER (WHERE done) AS n,\n"
                      "    count(*) FILTER (WHERE state IN ('failed', 'diverged')) AS n_failed,\n"
                      "    avg(best) FILTER (WHERE done) AS mean_best, min(best) FILTER (WHERE done) AS "
                      "min_best,\n"
                      "    sum(best_off * best_off) FILTER (WHERE done) AS ss_best, count(best) FILTER "
                      "(WHERE done) AS n_best,\n"
                      "    avg(final) FILTER (WHERE done) AS mean_final, min(final) FILTER (WHERE done) AS "
                      "min_final,\n"
                      "    sum(final_off * final_off) FILTER (WHERE done) AS ss_final, count(final) FILTER "
                      "(WHERE done) AS n_final,\n"
                      "    avg(best_epoch) FILTER (WHERE done) AS mean_best_epoch, avg(seconds) FILTER "
                      "(WHERE done) AS mean_seconds,\n"
                      "    max(first_lr) AS first_lr, coalesce(min(last_lr) FILTER (WHERE done), "
                      "min(last_lr)) AS last_lr\n"
                      "  FROM centred GROUP BY sweep_id, config_hash)\n"
                      "SELECT s.name AS sweep, g.schedule, g.n_runs, g.n, g.n_failed,\n"
                      "  g.mean_best AS mean_best_val_loss,\n"
                      "  CASE WHEN g.n_best > 1 THEN sqrt(g.ss_best / (g.n_best - 1)) END AS "
                      "std_best_val_loss,\n"
                      "  g.min_best AS min_best_val_loss,\n"
                      "  g.mean_final AS mean_final_val_loss,\n"
                      "  CASE WHEN g.n_final > 1 THEN sqrt(g.ss_final / (g.n_final - 1)) END AS "
                      "std_final_val_loss,\n"
                      "  g.min_final AS min_final_val_loss,\n"
                      "  g.mean_best_epoch, g.first_lr AS first_lr_G, g.last_lr AS last_lr_G, g.last_lr / "
                      "g.first_lr AS lr_ratio,\n"
                      "  g.mean_seconds, g.sweep_id, g.config_hash, g.first_run AS first_run_id\n"
                      "FROM grouped g JOIN sweep s USING (sweep_id);\n"

                      /* One row a sweep. seconds_left: of training still to be done, one run after the other, at the sweep's mean pace. */
                      "CREATE VIEW v_progress AS\n"
                      "WITH one AS (SELECT r.sweep_id, r.state, m.seconds, coalesce(m.last_epoch + 1, 0) AS "
                      "done,\n"
                      "    (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'n_epochs') AS "
                      "planned,\n"
                      "    (SELECT max(heartbeat_ms) FROM attempt a WHERE a.run_id = r.run_id) AS "
                      "heartbeat_ms\n"
                      "  FROM run r LEFT JOIN run_summary m ON m.run_id = r.run_id),\n"
                      "grouped AS (SELECT sweep_id, count(*) AS n_runs,\n"
                      "    count(*) FILTER (WHERE state = 'queued') AS queued,\n"
                      "    count(*) FILTER (WHERE state = 'running') AS running,\n"
                      "    count(*) FILTER (WHERE state = 'completed') AS completed,\n"
                      "    count(*) FILTER (WHERE state = 'diverged') AS diverged,\n"
                      "    count(*) FILTER (WHERE state = 'failed') AS failed,\n"
                      "    count(*) FILTER (WHERE state = 'interrupted') AS interrupted,\n"
                      "    count(*) FILTER (WHERE state = 'cancelled') AS cancelled,\n"
                      "    sum(done) AS epochs_done,\n"
                      "    sum(CASE WHEN state IN ('diverged', 'failed', 'cancelled') THEN done ELSE planned "
                      "END) AS epochs_planned,\n"
                      "    sum(seconds) AS seconds, max(heartbeat_ms) AS heartbeat_ms\n"
                      "  FROM one GROUP BY sweep_id)\n"
                      "SELECT s.sweep_id, s.name AS sweep, s.state, s.n_planned, coalesce(g.n_runs, 0) AS "
                      "n_runs, g.queued, g.running,\n"
                      "  g.completed, g.diverged, g.failed, g.interrupted, g.cancelled, g.epochs_done, "
                      "g.epochs_planned, g.seconds,\n"
                      "  CASE WHEN g.epochs_done > 0 THEN (g.epochs_planned - g.epochs_done) * g.seconds / "
                      "g.epochs_done END\n"
                      "    AS seconds_left, g.heartbeat_ms, s.created_ms\n"
                      "FROM sweep s LEFT JOIN grouped g USING (sweep_id);\n";

/* ---- what a file is -------------------------------------------------------------------------------------- */

struct identity {
    int64_t application, version, objects;
};

static enum pxs_status identify(struct pxs_store *s, struct identity *id, struct pxs_error *err) {
    PXS_TRY(pxs_store_value(s, "PRAGMA application_id", &id->application, err));
    PXS_TRY(pxs_store_value(s, "PRAGMA user_version", &id->version, err));
    return pxs_store_value(s, "SELECT count(*) FROM sqlite_schema", &id->objects, err);
}

static bool is_empty(const struct identity *id) {
    return id->application == 0 && id->version == 0 && id->objects == 0;
}

static enum pxs_status judge(struct pxs_store *s, const struct identity *id, struct pxs_error *err) {
    if (is_empty(id))
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s is empty", s->path);
    if (id->application != PXS_APPLICATION_ID || id->version < 1)
        return pxs_fail(err, PXS_E_CORRUPT, "%s is a database of another program, not of pixsweep", s->path);
    if (id->version > PXS_SCHEMA_VERSION)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "%s has schema version %lld, this pixsweep knows version %d: use a newer pixsweep",
                        s->path, (long long)id->version, PXS_SCHEMA_VERSION);
    return PXS_OK;
}

enum pxs_status pxs_schema_check(struct pxs_store *s, struct pxs_error *err) {
    struct identity id;
    PXS_TRY(identify(s, &id, err));
    return judge(s, &id, err);
}

/* ---- how it gets its schema ------------------------------------------------------------------------------ */

static enum pxs_status use_wal(struct pxs_store *s, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    char mode[16] = "";
    bool row;
    PXS_TRY(pxs_sql_prepare(s->sql, "PRAGMA journal_mode = WAL", &stmt, err));
    enum pxs_status status = pxs_stmt_step(stmt, &row, err);
    if (status == PXS_OK && row)
        pxs_column_text(stmt, 0, mode, sizeof mode);
    pxs_stmt_finish(&stmt);
    if (status == PXS_OK && strcmp(mode, "wal") != 0)
        return pxs_fail(
            err, PXS_E_UNSUPPORTED,
            "%s cannot be put into write-ahead mode (it stays in mode %s): name a file on a local disk with "
            "--db",
            s->path, mode);
    return status;
}

/* Deleting need not overwrite with zeros here; the WAL shrinks again after a burst. */
static const char settings[] =
    "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -20000; PRAGMA secure_delete = OFF;"
    "PRAGMA journal_size_limit = 16000000";

static enum pxs_status create(struct pxs_store *s, struct pxs_error *err) {
    char marks[100];
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d", PXS_APPLICATION_ID,
             PXS_SCHEMA_VERSION);
    PXS_TRY(pxs_sql_exec(s->sql, tables, err));
    PXS_TRY(pxs_sql_exec(s->sql, views, err));
    PXS_TRY(pxs_schema_steps(s, 1, err));
    return pxs_sql_exec(s->sql, marks, err);
}

/* The look and the creation are one transaction, so of two processes that start at once one creates. */
static enum pxs_status create_if_empty(struct pxs_store *s, struct pxs_error *err) {
    struct identity id;
    PXS_TRY(pxs_sql_exec(s->sql, "BEGIN IMMEDIATE", err));
    enum pxs_status status = identify(s, &id, err);
    if (status == PXS_OK)
        status = is_empty(&id) ? create(s, err) : judge(s, &id, err);
    if (status == PXS_OK)
        status = pxs_sql_exec(s->sql, "COMMIT", err);
    if (status != PXS_OK && pxs_sql_exec(s->sql, "ROLLBACK", NULL) != PXS_OK)
        return status; /* SQLite has rolled back already */
    return status;
}

enum pxs_status pxs_schema_prepare(struct pxs_store *s, struct pxs_error *err) {
    struct identity id;
    PXS_TRY(identify(s, &id, err));
    bool empty = is_empty(&id);
    if (!empty)
        PXS_TRY(judge(s, &id, err));
    PXS_TRY(use_wal(s, err));
    PXS_TRY(pxs_sql_exec(s->sql, settings, err));
    if (empty)
        return create_if_empty(s, err);
    return id.version < PXS_SCHEMA_VERSION ? pxs_schema_migrate(s, id.version, err) : PXS_OK;
}
