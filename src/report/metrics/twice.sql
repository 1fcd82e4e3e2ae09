-- Runs of sweep ?1 whose configuration and seed another one of these runs has, too: all but the one that is completed
-- or else came further, or else was planned first. Old logs tell neither.
SELECT run_id FROM (
  SELECT r.run_id, row_number() OVER (PARTITION BY r.config_hash, r.seed
    ORDER BY r.state = 'completed' DESC, coalesce(m.last_step, -1) DESC, r.run_id) AS place
  FROM run r LEFT JOIN run_summary m ON m.run_id = r.run_id
  WHERE r.sweep_id = ?1 AND r.run_id NOT IN (SELECT run_id FROM imported)
) WHERE place > 1;
