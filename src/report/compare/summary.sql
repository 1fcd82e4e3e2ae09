SELECT s.run_id, last_epoch, best_val_loss, best_epoch, final_val_loss, final_avg_loss_G, seconds
  FROM run_summary s JOIN run USING (run_id)
  WHERE sweep_id = ?1 AND ?2 IS NULL
  UNION ALL
  SELECT e.run_id, max(e.epoch), min(e.val_loss),
    (SELECT f.epoch FROM epoch f WHERE f.run_id = e.run_id AND f.epoch <= ?2 AND f.val_loss IS NOT NULL
     ORDER BY f.val_loss, f.epoch LIMIT 1),
    (SELECT f.val_loss FROM epoch f WHERE f.run_id = e.run_id AND f.epoch <= ?2
     ORDER BY f.epoch DESC LIMIT 1),
    (SELECT f.avg_loss_G FROM epoch f WHERE f.run_id = e.run_id AND f.epoch <= ?2
     ORDER BY f.epoch DESC LIMIT 1),
    sum(e.seconds)
  FROM epoch e JOIN run USING (run_id)
  WHERE sweep_id = ?1 AND e.epoch <= ?2
  GROUP BY e.run_id
