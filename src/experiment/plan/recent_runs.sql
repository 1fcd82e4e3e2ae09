-- The last 20 attempts that made all steps of a completed run on host ?1 with kernels ?3, those with ?2
-- threads first: what they took.
SELECT a.run_id AS run_id, (a.ended_ms - a.started_ms) / 1000.0 AS seconds, s.last_step + 1 AS steps,
  (s.last_step + 1) / (s.last_epoch + 1) AS batches, a.threads AS threads
FROM attempt a JOIN run_summary s ON s.run_id = a.run_id
WHERE a.outcome = 'completed' AND a.host = ?1 AND a.kernels = ?3 AND a.ended_ms > a.started_ms
  AND coalesce(a.resumed_from_step, -1) < 0 AND a.threads > 0
  AND NOT EXISTS (SELECT 1 FROM event e WHERE e.run_id = a.run_id AND e.kind = 'shorter' AND e.level = 'info')
ORDER BY a.threads = ?2 DESC, a.ended_ms DESC LIMIT 20;
