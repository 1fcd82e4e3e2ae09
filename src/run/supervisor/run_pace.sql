-- What the attempts of run ?1 that are over took, with the most threads of them, and its steps (0 where a shorter
-- run made some of them).
SELECT sum(ended_ms - started_ms) / 1000.0 AS seconds, max(threads) AS threads,
  iif(EXISTS (SELECT 1 FROM event WHERE run_id = ?1 AND kind = 'shorter' AND level = 'info'), 0,
      (SELECT last_step + 1 FROM run_summary WHERE run_id = ?1)) AS steps
FROM attempt WHERE run_id = ?1 AND ended_ms IS NOT NULL;
