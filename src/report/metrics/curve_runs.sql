-- The runs of sweep ?1 (?2: only this one; 0: all) and how far each has come within its first ?3 epochs:
-- its last batch and its last epoch. Both are looked up at the end of the run's piece of the table.
SELECT r.run_id, r.number, r.seed, r.name, r.state,
  b.step, b.epoch, b.batch,
  (SELECT epoch FROM epoch e WHERE e.run_id = r.run_id AND e.epoch < ?3
   ORDER BY epoch DESC LIMIT 1) AS last_epoch
FROM run r
  LEFT JOIN batch_loss b ON b.run_id = r.run_id
    AND b.step = (SELECT step FROM batch_loss l WHERE l.run_id = r.run_id AND l.epoch < ?3
                  ORDER BY step DESC LIMIT 1)
WHERE r.sweep_id = ?1 AND ?2 IN (0, r.run_id)
ORDER BY r.number, r.run_id;
