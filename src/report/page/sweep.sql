-- What the head of a page says of sweep ?1.
SELECT s.spec_yaml,
  (SELECT max(max(coalesce(a.heartbeat_ms, 0), coalesce(a.ended_ms, 0), a.started_ms))
   FROM attempt a JOIN run USING (run_id) WHERE run.sweep_id = s.sweep_id) AS last_ms,
  (SELECT count(DISTINCT seed) FROM run
   WHERE run.sweep_id = s.sweep_id AND run_id NOT IN (SELECT run_id FROM imported)) AS seeds,
  (SELECT value FROM param JOIN run USING (run_id)
   WHERE run.sweep_id = s.sweep_id AND key = 'dataset' ORDER BY number LIMIT 1) AS dataset
FROM sweep s WHERE s.sweep_id = ?1;
