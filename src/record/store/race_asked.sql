-- What the file of sweep ?1 asks for, and whether its budget is spent: its number of runs, or its
-- time, by what one takes or since `run` paused the sweep for no run that failed.
WITH spent AS (SELECT sum(m.seconds) AS seconds, avg(m.seconds) FILTER (WHERE r.state = 'completed') AS one,
    count(*) FILTER (WHERE r.state NOT IN ('queued', 'cancelled')) AS runs,
    count(*) FILTER (WHERE r.state = 'running') AS running, count(*) FILTER (WHERE r.state = 'failed') AS failed
  FROM run r LEFT JOIN run_summary m USING (run_id) WHERE r.sweep_id = ?1)
SELECT s.name AS sweep, s.race, o.metric, o.confidence, o.first, o.max_seeds, o.indifference, o.budget_seconds, o.budget_runs,
  p.running = 0 AND (p.runs >= o.budget_runs OR p.seconds + p.one > o.budget_seconds
    OR (o.budget_seconds > 0 AND s.state = 'paused' AND p.failed = 0)) AS cut
FROM spent p, sweep s LEFT JOIN race o USING (sweep_id, race)
WHERE s.sweep_id = ?1;
