-- One row a run of sweep ?1 (0: of all) in state ?2 as shown (NULL: in any). stale is filled by its reader, who
-- asks the machine.
SELECT r.run_id, r.name, r.shown AS state,
  (SELECT count(*) FROM attempt a WHERE a.run_id = r.run_id) AS attempts,
  s.last_epoch + 1 AS epochs, n.value AS n_epochs, s.best_val_loss, s.best_epoch, s.final_val_loss,
  s.final_avg_loss_G, s.seconds, s.images_per_s,
  CASE WHEN r.state IN ('failed', 'diverged', 'interrupted', 'cancelled', 'pruned') THEN
    coalesce((SELECT e.message FROM event e WHERE e.run_id = r.run_id AND e.kind = 'removing'),
      (SELECT a.message FROM attempt a WHERE a.run_id = r.run_id ORDER BY a.no DESC LIMIT 1))
  END AS reason,
  0 AS stale, EXISTS (SELECT 1 FROM imported i WHERE i.run_id = r.run_id) AS imported
FROM (SELECT *, CASE WHEN run_id IN (SELECT run_id FROM v_not_needed) THEN 'not needed' ELSE state END AS shown
  FROM run) r
  LEFT JOIN run_summary s ON s.run_id = r.run_id
  LEFT JOIN param n ON n.run_id = r.run_id AND n.key = 'n_epochs'
WHERE (?1 = 0 OR r.sweep_id = ?1) AND (?2 IS NULL OR r.shown = ?2)
ORDER BY r.sweep_id, r.number;
