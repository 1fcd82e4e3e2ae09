-- Run ?1 in one row. stale is filled by its reader, who asks the machine.
SELECT r.run_id, r.name, w.name AS sweep, r.number, r.seed, r.state, r.config_hash, s.last_step,
  s.last_epoch, s.best_val_loss, s.best_epoch, s.final_val_loss, s.final_avg_loss_G, s.seconds,
  s.images_per_s, i.source AS imported_from, i.first_line, i.last_line,
  {{data_hash.sql}} AS dataset_sha256,
  {{weights_hash.sql}} AS init_from_sha256,
  0 AS stale
FROM run r
  JOIN sweep w ON w.sweep_id = r.sweep_id
  LEFT JOIN run_summary s ON s.run_id = r.run_id
  LEFT JOIN imported i ON i.run_id = r.run_id
WHERE r.run_id = ?1;
