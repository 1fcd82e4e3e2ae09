-- One row a run of sweep ?1, for the board; columns that only running runs need are NULL for the others.
-- step_seconds: the mean of its last 20 batches.
SELECT r.run_id, r.name,
  CASE WHEN r.run_id IN (SELECT run_id FROM v_not_needed) THEN 'not needed' ELSE r.state END AS state,
  m.last_step, m.last_epoch, m.seconds, m.final_val_loss AS val_loss,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'n_epochs') AS n_epochs,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'batch_size') AS batch_size,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'dataset') AS dataset,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'val_fraction') AS val_fraction,
  a.no, a.host, a.started_ms, max(a.resumed_from_step, 0) AS first_step,
  EXISTS (SELECT 1 FROM environment e
          WHERE e.attempt_id = a.attempt_id AND e.key = 'supervisor_pid') AS begun,
  b.step, b.epoch, b.batch, b.loss_G, b.loss_D, b.lr_G,
  CASE WHEN b.step IS NOT NULL THEN
    (SELECT avg(seconds) FROM (SELECT seconds FROM batch_loss l
                               WHERE l.run_id = r.run_id ORDER BY l.step DESC LIMIT 20))
  END AS step_seconds
FROM run r
  LEFT JOIN run_summary m ON m.run_id = r.run_id
  LEFT JOIN attempt a ON r.state = 'running'
    AND a.attempt_id = (SELECT o.attempt_id FROM attempt o
                        WHERE o.run_id = r.run_id AND o.ended_ms IS NULL ORDER BY o.no DESC LIMIT 1)
  LEFT JOIN batch_loss b ON a.attempt_id IS NOT NULL AND b.run_id = r.run_id AND b.step = m.last_step
WHERE r.sweep_id = ?1 AND r.run_id NOT IN (SELECT run_id FROM imported)
ORDER BY r.number;
