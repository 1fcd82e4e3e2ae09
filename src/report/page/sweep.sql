-- What the head of a page says of sweep ?1.
SELECT
  (SELECT group_concat(spec_yaml, char(10)) FROM sweep
   WHERE sweep_id IN (SELECT run.sweep_id FROM run WHERE run.sweep_id = ?1)) AS spec_yaml,
  (SELECT max(max(coalesce(a.heartbeat_ms, 0), coalesce(a.ended_ms, 0), a.started_ms))
   FROM attempt a JOIN run USING (run_id) WHERE run.sweep_id = ?1) AS last_ms,
  (SELECT count(DISTINCT seed) FROM run
   WHERE run.sweep_id = ?1 AND run_id NOT IN (SELECT run_id FROM imported)
     AND run_id NOT IN (SELECT run_id FROM v_not_needed)) AS seeds,
  (SELECT value FROM param JOIN run USING (run_id)
   WHERE run.sweep_id = ?1 AND key = 'dataset' ORDER BY number LIMIT 1) AS dataset;
