-- The statements of store that run more than once: PXS_ST_<name> in C, compiled at its first use
-- (statements.c, tools/embed.py). Parameters are ?1, ?2, ... in the order of the caller's values.

-- ---- plan ----

-- name: SWEEP_BY_NAME
SELECT sweep_id FROM sweep WHERE name = ?1;

-- An id is never given twice, also where its row was removed.
-- name: SWEEP_INSERT
INSERT INTO sweep (sweep_id, name, spec_yaml, spec_hash, n_planned, created_ms)
  SELECT 1 + coalesce(max(id), 0), ?1, ?2, ?3, ?4, ?5
  FROM (SELECT max(sweep_id) AS id FROM sweep UNION ALL SELECT sweep_id FROM highest_id);

-- name: SWEEP_UPDATE
UPDATE sweep SET spec_yaml = ?2, spec_hash = ?3, n_planned = ?4 WHERE sweep_id = ?1;

-- name: RUN_BY_IDENTITY
SELECT run_id, number, name, dir, state FROM run
  WHERE sweep_id = ?1 AND config_hash = ?2 AND seed = ?3;

-- name: RUN_NAMESAKE
SELECT run_id FROM run WHERE name = ?1 OR (sweep_id = ?2 AND number = ?3);

-- name: RUN_INSERT
INSERT INTO run (run_id, sweep_id, number, name, dir, config_hash, config_yaml, seed)
  SELECT 1 + coalesce(max(id), 0), ?1, ?2, ?3, ?4, ?5, ?6, ?7
  FROM (SELECT max(run_id) AS id FROM run UNION ALL SELECT run_id FROM highest_id);

-- name: PARAM_INSERT
INSERT INTO param (run_id, key, value) VALUES (?1, ?2, ?3);

-- name: NEXT_NUMBER
SELECT max(number) + 1 FROM run WHERE sweep_id = ?1;

-- For a plan: imported runs were never planned.
-- name: RUN_IDS
SELECT run_id FROM run WHERE sweep_id = ?1 AND run_id NOT IN (SELECT run_id FROM imported)
  ORDER BY number, run_id;

-- name: ASKED_CLEAR
DELETE FROM asked WHERE sweep_id = ?1;

-- name: ASKED_INSERT
INSERT OR IGNORE INTO asked (sweep_id, config_hash) VALUES (?1, ?2);

-- Nothing tells whether a file asked for a run that comes from its folder.
-- name: ASKED_ADOPT
INSERT OR IGNORE INTO asked (sweep_id, config_hash)
  SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM asked WHERE sweep_id = ?1);

-- ---- race ----

-- name: SWEEP_SET_RACE
UPDATE sweep SET race = ?2 WHERE sweep_id = ?1;

-- name: RACE_PUT
INSERT OR REPLACE INTO race (sweep_id, race, confidence, first, max_seeds, indifference, metric,
  budget_seconds, budget_runs) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);

-- A sweep that was merged and not planned here has no other word on its race than its looks.
-- name: RACE_ADOPTABLE
SELECT count(*) FROM sweep s WHERE sweep_id = ?1 AND race IS NULL
  AND NOT EXISTS (SELECT 1 FROM race r WHERE r.sweep_id = ?1)
  AND 1 = (SELECT count(DISTINCT l.race) FROM race_look l WHERE l.sweep_id = ?1);

-- name: RACE_ADOPT
UPDATE sweep SET race = (SELECT max(race) FROM race_look l WHERE l.sweep_id = ?1)
  WHERE sweep_id = ?1 AND race IS NULL;

-- name: RACE_LOOK_INSERT
INSERT OR IGNORE INTO race_look (sweep_id, race, look, seeds, metric, level, penalty)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- Its run is the one with the first seed.
-- name: RACE_DECISION_INSERT
INSERT INTO race_decision (sweep_id, race, look, configuration, config_hash, run_id, n, diverged,
    pairs, mean, difference, low, high, decision)
  VALUES (?1, ?2, ?3, ?4, ?5, (SELECT run_id FROM run WHERE sweep_id = ?1 AND config_hash = ?5
    ORDER BY seed LIMIT 1), ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13);

-- ---- runs ----

-- name: RUN_LIST
SELECT r.run_id, r.sweep_id, r.number, r.seed, r.name, s.name, r.dir, r.config_hash, r.state,
  (SELECT count(*) FROM attempt a WHERE a.run_id = r.run_id)
  FROM run r JOIN sweep s USING (sweep_id)
  WHERE (?1 = 0 OR r.sweep_id = ?1) AND (?2 = 0 OR r.run_id = ?2)
  ORDER BY r.sweep_id, r.number, r.run_id;

-- name: RUN_BY_NAME
SELECT run_id FROM run WHERE name = ?1;

-- name: RUN_CONFIG
SELECT config_yaml FROM run WHERE run_id = ?1;

-- name: RUN_BY_NUMBER
SELECT run_id FROM run WHERE sweep_id = ?1 AND number = ?2;

-- name: RUN_NAMES
SELECT name FROM run WHERE sweep_id = ?1 ORDER BY run_id;

-- name: RUN_PLACES
SELECT run_id, sweep_id, r.name, s.name, dir FROM run r JOIN sweep s USING (sweep_id)
  ORDER BY run_id;

-- name: SWEEP_NAMES
SELECT name FROM sweep ORDER BY sweep_id DESC;

-- name: SWEEP_RECENT
SELECT sweep_id FROM sweep s
  ORDER BY max(created_ms, coalesce((SELECT max(a.started_ms) FROM attempt a JOIN run r USING
    (run_id) WHERE r.sweep_id = s.sweep_id), 0)) DESC, sweep_id DESC LIMIT 1;

-- ---- states that a user sets ----

-- name: RUN_STATES
SELECT run_id, state FROM run WHERE sweep_id = ?1 ORDER BY run_id;

-- name: SWEEP_STATE
SELECT state FROM sweep WHERE sweep_id = ?1;

-- name: SWEEP_SET_STATE
UPDATE sweep SET state = ?2 WHERE sweep_id = ?1;

-- name: RUN_CANCEL
UPDATE run SET state = 'cancelled'
  WHERE run_id = ?1 AND state IN ('queued', 'interrupted', 'running');

-- A run with an open attempt may still have a worker; one that is being removed has lost rows
-- already; an imported one cannot be run.
-- name: RUN_RETRY
UPDATE run SET state = 'queued'
  WHERE run_id = ?1 AND sweep_id = ?2 AND state = ?3 AND NOT EXISTS (SELECT 1 FROM attempt a WHERE
    a.run_id = ?1 AND a.ended_ms IS NULL) AND NOT EXISTS (SELECT 1 FROM event e WHERE e.run_id = ?1
    AND e.kind = 'removing') AND NOT EXISTS (SELECT 1 FROM imported i WHERE i.run_id = ?1);

-- name: RETRY_INSERT
INSERT INTO retry (run_id, at_ms, after_no) SELECT ?1, ?2, coalesce(max(no), 0) FROM attempt
  WHERE run_id = ?1 ON CONFLICT (run_id, after_no) DO UPDATE SET at_ms = excluded.at_ms;

-- name: FAILURES
SELECT count(*) FILTER (WHERE reason IS NOT 'timeout'), count(*) FILTER (WHERE reason = 'timeout')
  FROM attempt
  WHERE run_id = ?1 AND outcome = 'failed' AND ended_ms IS NOT NULL AND no > coalesce((SELECT
    max(after_no) FROM retry WHERE run_id = ?1), 0);

-- ---- removing: the last ?2 points of a run in one statement ----

-- name: RUN_OPEN_ATTEMPT
SELECT r.name, a.no, coalesce(a.host, '?'), coalesce(a.pid, 0)
  FROM run r LEFT JOIN attempt a ON a.run_id = r.run_id AND a.ended_ms IS NULL WHERE r.run_id = ?1
  ORDER BY a.no DESC LIMIT 1;

-- name: RUN_MARK
UPDATE run SET state = 'cancelled' WHERE run_id = ?1;

-- name: IDS_KEEP
UPDATE highest_id
  SET run_id = max(run_id, coalesce((SELECT max(run_id) FROM run), 0)), sweep_id =
    max(sweep_id, coalesce((SELECT max(sweep_id) FROM sweep), 0));

-- name: RUN_IS_MARKED
SELECT count(*) FROM event WHERE run_id = ?1 AND kind = 'removing';

-- name: REMOVE_BATCHES
DELETE FROM batch_loss
  WHERE run_id = ?1 AND step > coalesce((SELECT step FROM batch_loss WHERE run_id = ?1 ORDER BY
    step DESC LIMIT 1 OFFSET ?2), -1);

-- name: REMOVE_EPOCHS
DELETE FROM epoch
  WHERE run_id = ?1 AND epoch > coalesce((SELECT epoch FROM epoch WHERE run_id = ?1 ORDER BY epoch
    DESC LIMIT 1 OFFSET ?2), -1);

-- name: REMOVE_SAMPLES
DELETE FROM sample
  WHERE run_id = ?1 AND step > coalesce((SELECT step FROM sample WHERE run_id = ?1 ORDER BY step
    DESC LIMIT 1 OFFSET ?2), -1);

-- name: REMOVE_RUN
DELETE FROM run WHERE run_id = ?1;

-- name: REMOVE_SWEEP
DELETE FROM sweep WHERE sweep_id = ?1 AND NOT EXISTS (SELECT 1 FROM run WHERE run.sweep_id = ?1);

-- ---- attempts ----

-- name: RUN_CLAIM
UPDATE run SET state = 'running'
  WHERE run_id = ?1 AND state IN ('queued', 'interrupted', 'pruned');

-- name: RUN_STATE
SELECT state, name FROM run WHERE run_id = ?1;

-- A run that was cancelled while its attempt ran stays so, unless it is completed or diverged.
-- name: RUN_CLOSE
UPDATE run SET state = ?2
  WHERE run_id = ?1 AND (state <> 'cancelled' OR ?2 IN ('completed', 'diverged'));

-- name: ATTEMPT_NEXT
SELECT coalesce(max(no), 0) + 1 FROM attempt WHERE run_id = ?1;

-- name: ATTEMPT_INSERT
INSERT INTO attempt (run_id, no, host, boot_id, pid, pid_start, cores, threads, kernels,
  started_ms, heartbeat_ms)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10);

-- name: ATTEMPT_PID
UPDATE attempt SET pid = ?2, pid_start = ?3 WHERE attempt_id = ?1;

-- name: ATTEMPT_HEARTBEAT
UPDATE attempt SET heartbeat_ms = ?2 WHERE attempt_id = ?1;

-- name: ATTEMPT_END
UPDATE attempt
  SET ended_ms = ?2, outcome = coalesce(?3, outcome), exit_code = ?4, signal = ?5, message =
    coalesce(?6, message), reason = ?7
  WHERE attempt_id = ?1 AND ended_ms IS NULL;

-- name: ATTEMPT_REOPEN
UPDATE attempt SET ended_ms = NULL, outcome = NULL, message = NULL, reason = NULL
  WHERE attempt_id = ?1 AND reason = 'lost';

-- name: ATTEMPT_GET
SELECT a.attempt_id, a.run_id, a.no, a.host, a.boot_id, a.pid, a.pid_start, a.cores, a.threads,
  a.kernels, a.started_ms, a.heartbeat_ms, a.ended_ms, a.resumed_from_step, a.record_offset,
  a.outcome, a.message, a.reason
  FROM attempt a WHERE a.attempt_id = ?1;

-- name: ATTEMPT_OPEN
SELECT a.attempt_id, a.run_id, a.no, a.host, a.boot_id, a.pid, a.pid_start, a.cores, a.threads,
  a.kernels, a.started_ms, a.heartbeat_ms, a.ended_ms, a.resumed_from_step, a.record_offset,
  a.outcome, a.message, a.reason
  FROM attempt a JOIN run r USING (run_id) WHERE a.ended_ms IS NULL AND (?1 = 0 OR r.sweep_id = ?1)
  ORDER BY a.attempt_id;

-- name: ATTEMPT_RUN
SELECT run_id, no FROM attempt WHERE attempt_id = ?1;

-- name: ATTEMPT_BY_NO
SELECT attempt_id FROM attempt WHERE run_id = ?1 AND no = ?2;

-- name: ENVIRONMENT_SET
INSERT INTO environment (attempt_id, key, value) VALUES (?1, ?2, ?3)
  ON CONFLICT (attempt_id, key) DO UPDATE SET value = excluded.value;

-- name: EVENT_ADD
INSERT INTO event (run_id, at_ms, level, kind, message) SELECT ?1, ?2, ?3, ?4, ?5
  WHERE NOT EXISTS (SELECT 1 FROM event WHERE run_id IS ?1 AND at_ms = ?2 AND kind = ?4 AND message
    = ?5);

-- ---- rows for what record files tell of (adopt.c) ----

-- name: SWEEP_GROWN
UPDATE sweep SET n_planned = max(n_planned, (SELECT count(*) FROM run WHERE sweep_id = ?1))
  WHERE sweep_id = ?1;

-- name: RUN_MOVE
UPDATE run SET dir = ?2 WHERE run_id = ?1;

-- name: RUN_SET_RUNNING
UPDATE run SET state = 'running'
  WHERE run_id = ?1 AND state NOT IN ('completed', 'cancelled') AND EXISTS (SELECT 1 FROM attempt a
    WHERE a.run_id = ?1 AND a.ended_ms IS NULL);

-- name: ATTEMPT_FORGET_OFFSETS
UPDATE attempt SET record_offset = 0 WHERE run_id = ?1;

-- name: ATTEMPT_BY_PROCESS
SELECT attempt_id FROM attempt
  WHERE run_id = ?1 AND boot_id IS ?2 AND pid = ?3 AND pid_start IS ?4;

-- name: ATTEMPT_WITHOUT_PROCESS
SELECT attempt_id FROM attempt WHERE run_id = ?1 AND no = ?2 AND ended_ms IS NULL AND pid IS NULL;

-- name: ATTEMPT_SET_PROCESS
UPDATE attempt
  SET host = coalesce(?2, host), boot_id = coalesce(?3, boot_id), pid = ?4, pid_start = ?5
  WHERE attempt_id = ?1 AND pid IS NULL;

-- name: ATTEMPT_INGESTED
SELECT no, record_offset FROM attempt WHERE run_id = ?1 AND record_offset > 0
  ORDER BY no DESC LIMIT 1;

-- ---- intake ----

-- name: BATCH_PUT
INSERT INTO batch_loss (run_id, step, epoch, batch{{PXS_BATCH_MEASURES: , #}})
  VALUES (?1, ?2, ?3, ?4{{PXS_BATCH_MEASURES: , ?}})
  ON CONFLICT (run_id, step) DO UPDATE SET epoch = excluded.epoch, batch =
    excluded.batch{{PXS_BATCH_MEASURES: , # = excluded.#}};

-- name: EPOCH_PUT
INSERT INTO epoch (run_id, epoch, is_best{{PXS_EPOCH_MEASURES: , #}})
  VALUES (?1, ?2, ?3{{PXS_EPOCH_MEASURES: , ?}})
  ON CONFLICT (run_id, epoch) DO UPDATE SET is_best =
    excluded.is_best{{PXS_EPOCH_MEASURES: , # = excluded.#}};

-- name: RUNG_PUT
INSERT INTO rung VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (run_id, epoch) DO UPDATE SET value = excluded.value, cutoff = excluded.cutoff,
    verdict = excluded.verdict;

-- name: SAMPLE_PUT
INSERT INTO sample (run_id, step, epoch, path, sha256) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (run_id, step) DO UPDATE SET epoch = excluded.epoch, path = excluded.path, sha256 =
    excluded.sha256;

-- name: BEST_SAMPLE_PUT
INSERT INTO best_sample (run_id, step, epoch, path, sha256) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (run_id) DO UPDATE SET step = excluded.step, epoch = excluded.epoch, path =
    excluded.path, sha256 = excluded.sha256;

-- name: CHECKPOINT_PUT
INSERT INTO checkpoint (run_id, path, epoch, kind, net, sha256, bytes)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
  ON CONFLICT (run_id, path) DO UPDATE SET epoch = excluded.epoch, kind = excluded.kind, net =
    excluded.net, sha256 = excluded.sha256, bytes = excluded.bytes;

-- name: ATTEMPT_BEGUN
UPDATE attempt SET resumed_from_step = ?2 WHERE attempt_id = ?1;

-- name: ATTEMPT_OUTCOME
UPDATE attempt SET outcome = ?2, message = ?3
  WHERE ended_ms IS NULL AND attempt_id = (SELECT attempt_id FROM attempt WHERE run_id = ?1 AND
    resumed_from_step IS NOT NULL ORDER BY no DESC LIMIT 1);

-- name: ATTEMPT_OFFSET
UPDATE attempt SET record_offset = ?2, heartbeat_ms = ?3 WHERE attempt_id = ?1;

-- name: FORGET_EPOCH
SELECT min(epoch) FROM batch_loss WHERE run_id = ?1 AND step >= ?2;

-- name: FORGET_BATCHES
DELETE FROM batch_loss WHERE run_id = ?1 AND step >= ?2;

-- name: FORGET_SAMPLES
DELETE FROM sample WHERE run_id = ?1 AND step >= ?2;

-- name: FORGET_BEST_SAMPLE
DELETE FROM best_sample WHERE run_id = ?1 AND epoch >= ?2;

-- name: FORGET_EPOCHS
DELETE FROM epoch WHERE run_id = ?1 AND epoch >= ?2;

-- name: FORGET_RUNGS
DELETE FROM rung WHERE run_id = ?1 AND epoch >= ?2;

-- name: FORGET_CHECKPOINTS
DELETE FROM checkpoint WHERE run_id = ?1 AND epoch >= ?2;

-- ---- summary ----

-- name: SUMMARY_GET
SELECT last_step, seconds FROM run_summary WHERE run_id = ?1;

-- name: SUMMARY_CLEAR
DELETE FROM run_summary WHERE run_id = ?1;

-- name: SUMMARY_LAST_STEP
SELECT max(step) FROM batch_loss WHERE run_id = ?1;

-- name: SUMMARY_EPOCHS
SELECT max(epoch), total(seconds) FROM epoch WHERE run_id = ?1;

-- name: SUMMARY_BACKWARDS
SELECT epoch, seconds FROM batch_loss WHERE run_id = ?1 ORDER BY step DESC;

-- Speed is that of the last 256 steps, each counted as a full batch.
-- name: SUMMARY_SPEED
INSERT INTO run_summary (run_id, last_step, seconds, images_per_s)
  SELECT ?1, ?2, ?3, (SELECT p.value * b.n / b.t FROM param p, (SELECT count(seconds) AS n,
    sum(seconds) AS t FROM (SELECT seconds FROM batch_loss WHERE run_id = ?1 ORDER BY step DESC
    LIMIT 256)) b WHERE p.run_id = ?1 AND p.key = 'batch_size' AND b.t > 0)
  WHERE true
  ON CONFLICT (run_id) DO UPDATE SET last_step = excluded.last_step, seconds = excluded.seconds,
    images_per_s = excluded.images_per_s;

-- name: SUMMARY_VALUES
WITH last AS (SELECT epoch, val_loss, avg_loss_G FROM epoch WHERE run_id = ?1 ORDER BY epoch DESC
  LIMIT 1), best AS (SELECT epoch, val_loss FROM epoch WHERE run_id = ?1 AND val_loss IS NOT NULL
  ORDER BY val_loss, epoch LIMIT 1)
  UPDATE run_summary
  SET last_epoch = (SELECT epoch FROM last), best_val_loss = (SELECT val_loss FROM best),
    best_epoch = (SELECT epoch FROM best), final_val_loss = (SELECT val_loss FROM last),
    final_avg_loss_G = (SELECT avg_loss_G FROM last)
  WHERE run_id = ?1;

-- ---- import ----

-- name: IMPORTED_FIND
SELECT run_id, number, name FROM run
  WHERE sweep_id = ?1 AND config_hash = ?2 AND run_id IN (SELECT run_id FROM imported);

-- name: IMPORTED_INSERT
INSERT INTO imported (run_id, source, first_line, last_line, unreadable, imported_ms)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- name: RUN_SET_STATE
UPDATE run SET state = ?2 WHERE run_id = ?1;

-- name: SUMMARY_WITHOUT_TIME
UPDATE run_summary SET seconds = NULL, images_per_s = NULL WHERE run_id = ?1;

-- A sweep of nothing but imported runs was never planned, so what is there is all.
-- name: SWEEP_IMPORTED
UPDATE sweep SET n_planned = (SELECT count(*) FROM run WHERE sweep_id = ?1)
  WHERE sweep_id = ?1 AND NOT EXISTS (SELECT 1 FROM run WHERE sweep_id = ?1 AND run_id NOT IN
    (SELECT run_id FROM imported));
