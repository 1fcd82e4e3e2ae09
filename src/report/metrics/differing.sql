-- The keys, but for the seed, whose values differ between the runs of sweep ?1. A key that some runs lack
-- has no effect in those, so it differs, too; what an imported log does not tell is unknown, not different.
SELECT key, count(DISTINCT typeof(value) || quote(value)) AS n
FROM param JOIN run USING (run_id)
WHERE sweep_id = ?1 AND key <> 'seed'
GROUP BY key
HAVING n > 1
  OR count(*) FILTER (WHERE run_id NOT IN (SELECT run_id FROM imported))
    BETWEEN 1 AND (SELECT count(*) FROM run
                   WHERE sweep_id = ?1 AND run_id NOT IN (SELECT run_id FROM imported)) - 1
ORDER BY key;
