-- What the race of sweep ?1 decided, look by look.
SELECT v.configuration, v.sweep, v.look, v.seeds, v.n, v.diverged, v.pairs, v.mean, v.difference, v.low, v.high,
  v.decision
FROM v_race v
WHERE v.sweep_id IN (SELECT run.sweep_id FROM run WHERE run.sweep_id = ?1)
ORDER BY v.sweep_id, v.look, v.decision = 'dropped', v.decision <> 'leads', abs(v.difference), v.configuration;
