-- Every run of sweep ?1 and how it went. ?2: the last epoch that counts, as if every run had ended with
-- it; NULL: all do.
WITH summary AS (
  {{summary.sql}}
)
SELECT r.name,
  CASE WHEN r.run_id IN (SELECT run_id FROM v_not_needed) THEN 'not needed' ELSE r.state END AS state, r.seed,
  s.last_epoch + 1 AS epochs, s.best_val_loss, s.best_epoch,
  s.final_val_loss, s.final_avg_loss_G, s.seconds,
  (SELECT source FROM imported i WHERE i.run_id = r.run_id) AS imported
FROM run r LEFT JOIN summary s USING (run_id)
WHERE r.sweep_id = ?1
ORDER BY r.number, r.run_id;
