-- The views of schema version 1; migrate.c replaces v_progress.

-- One row a run: what it is, how it went, its common hyperparameters (NULL where a key has no effect).
CREATE VIEW v_run AS SELECT
  r.run_id, s.name AS sweep, r.number, r.name, r.state, r.seed,
  m.last_step, m.last_epoch, m.best_val_loss, m.best_epoch, m.final_val_loss, m.final_avg_loss_G,
  (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch LIMIT 1) AS first_lr_G,
  (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) AS last_lr_G,
  m.seconds, m.images_per_s,
  (SELECT count(*) FROM attempt a WHERE a.run_id = r.run_id) AS attempts,
  (SELECT min(started_ms) FROM attempt a WHERE a.run_id = r.run_id) AS started_ms,
  (SELECT ended_ms FROM attempt a WHERE a.run_id = r.run_id ORDER BY no DESC LIMIT 1) AS ended_ms,
  (SELECT message FROM attempt a WHERE a.run_id = r.run_id ORDER BY no DESC LIMIT 1) AS message,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'dataset') AS dataset,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'img_height') AS img_height,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'img_width') AS img_width,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'batch_size') AS batch_size,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'n_epochs') AS n_epochs,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'learning_rate_G') AS learning_rate_G,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'learning_rate_D') AS learning_rate_D,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'lr_policy_G') AS lr_policy_G,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'lrgd') AS lrgd,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'lr_policy_D') AS lr_policy_D,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'lrdd') AS lrdd,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'b1') AS b1,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'b2') AS b2,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'lambda_pixel') AS lambda_pixel,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'gan_mode') AS gan_mode,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'ngf') AS ngf,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'ndf') AS ndf,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'dropout') AS dropout,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'jitter') AS jitter,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'flip') AS flip,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'validation') AS validation,
  r.sweep_id, r.config_hash, r.dir
FROM run r JOIN sweep s USING (sweep_id) LEFT JOIN run_summary m ON m.run_id = r.run_id;

-- One row a configuration without its seed. Means, deviations (of the sample) and minima are over the
-- completed runs: n of them. The middle of the name says what differs: <sweep>/<NNNN>-<what differs>-s<seed>.
CREATE VIEW v_schedule AS
WITH one AS (SELECT
    r.sweep_id, r.config_hash, r.run_id, r.name, r.seed, r.state, r.state = 'completed' AS done,
    m.best_val_loss AS best, m.final_val_loss AS final, m.best_epoch, m.seconds,
    (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch LIMIT 1) AS first_lr,
    (SELECT lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY epoch DESC LIMIT 1) AS last_lr
  FROM run r LEFT JOIN run_summary m ON m.run_id = r.run_id),
centred AS (SELECT one.*,
    best - avg(best) FILTER (WHERE done) OVER w AS best_off,
    final - avg(final) FILTER (WHERE done) OVER w AS final_off,
    substr(name, instr(name, '/') + 1) AS tail
  FROM one WINDOW w AS (PARTITION BY sweep_id, config_hash)),
grouped AS (SELECT sweep_id, config_hash, min(run_id) AS first_run,
    min(substr(tail, instr(tail, '-') + 1,
      max(0, length(tail) - instr(tail, '-') - length('-s' || seed)))) AS schedule,
    count(*) AS n_runs, count(*) FILTER (WHERE done) AS n,
    count(*) FILTER (WHERE state IN ('failed', 'diverged')) AS n_failed,
    avg(best) FILTER (WHERE done) AS mean_best, min(best) FILTER (WHERE done) AS min_best,
    sum(best_off * best_off) FILTER (WHERE done) AS ss_best, count(best) FILTER (WHERE done) AS n_best,
    avg(final) FILTER (WHERE done) AS mean_final, min(final) FILTER (WHERE done) AS min_final,
    sum(final_off * final_off) FILTER (WHERE done) AS ss_final, count(final) FILTER (WHERE done) AS n_final,
    avg(best_epoch) FILTER (WHERE done) AS mean_best_epoch, avg(seconds) FILTER (WHERE done) AS mean_seconds,
    max(first_lr) AS first_lr, coalesce(min(last_lr) FILTER (WHERE done), min(last_lr)) AS last_lr
  FROM centred GROUP BY sweep_id, config_hash)
SELECT s.name AS sweep, g.schedule, g.n_runs, g.n, g.n_failed,
  g.mean_best AS mean_best_val_loss,
  CASE WHEN g.n_best > 1 THEN sqrt(g.ss_best / (g.n_best - 1)) END AS std_best_val_loss,
  g.min_best AS min_best_val_loss,
  g.mean_final AS mean_final_val_loss,
  CASE WHEN g.n_final > 1 THEN sqrt(g.ss_final / (g.n_final - 1)) END AS std_final_val_loss,
  g.min_final AS min_final_val_loss,
  g.mean_best_epoch, g.first_lr AS first_lr_G, g.last_lr AS last_lr_G, g.last_lr / g.first_lr AS lr_ratio,
  g.mean_seconds, g.sweep_id, g.config_hash, g.first_run AS first_run_id
FROM grouped g JOIN sweep s USING (sweep_id);

-- One row a sweep. seconds_left: of training still to be done, one run after the other, at the mean pace
-- of the sweep.
CREATE VIEW v_progress AS
WITH one AS (SELECT r.sweep_id, r.state, m.seconds, coalesce(m.last_epoch + 1, 0) AS done,
    (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'n_epochs') AS planned,
    (SELECT max(heartbeat_ms) FROM attempt a WHERE a.run_id = r.run_id) AS heartbeat_ms
  FROM run r LEFT JOIN run_summary m ON m.run_id = r.run_id),
grouped AS (SELECT sweep_id, count(*) AS n_runs,
    count(*) FILTER (WHERE state = 'queued') AS queued,
    count(*) FILTER (WHERE state = 'running') AS running,
    count(*) FILTER (WHERE state = 'completed') AS completed,
    count(*) FILTER (WHERE state = 'diverged') AS diverged,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'interrupted') AS interrupted,
    count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
    sum(done) AS epochs_done,
    sum(CASE WHEN state IN ('diverged', 'failed', 'cancelled') THEN done ELSE planned END) AS epochs_planned,
    sum(seconds) AS seconds, max(heartbeat_ms) AS heartbeat_ms
  FROM one GROUP BY sweep_id)
SELECT s.sweep_id, s.name AS sweep, s.state, s.n_planned, coalesce(g.n_runs, 0) AS n_runs, g.queued, g.running,
  g.completed, g.diverged, g.failed, g.interrupted, g.cancelled, g.epochs_done, g.epochs_planned, g.seconds,
  CASE WHEN g.epochs_done > 0 THEN (g.epochs_planned - g.epochs_done) * g.seconds / g.epochs_done END
    AS seconds_left, g.heartbeat_ms, s.created_ms
FROM sweep s LEFT JOIN grouped g USING (sweep_id);
