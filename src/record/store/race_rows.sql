-- The decisions of the race that sweep ?1 asks for, look by look, as they were added.
SELECT l.look, l.seeds, l.metric, l.level, l.penalty, d.configuration, d.config_hash, d.n, d.diverged, d.pairs,
  d.mean, d.difference, d.low, d.high, d.decision
FROM sweep s JOIN race_look l ON l.sweep_id = s.sweep_id AND l.race = s.race
  JOIN race_decision d ON d.sweep_id = l.sweep_id AND d.race = l.race AND d.look = l.look
WHERE s.sweep_id = ?1
ORDER BY l.look, d.rowid;
