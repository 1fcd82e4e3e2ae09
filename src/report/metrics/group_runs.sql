-- One row a run of sweep ?1: what tells runs apart beside the hyperparameters.
SELECT r.run_id, r.sweep_id,
  (SELECT name FROM sweep w WHERE w.sweep_id = r.sweep_id) || printf('/%04d', r.number) AS place,
  r.config_hash, r.run_id IN (SELECT run_id FROM imported) AS imported,
  {{data_hash.sql}} AS data,
  {{files_hash.sql}} AS files,
  {{weights_hash.sql}} AS weights,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'dataset') AS dataset,
  (SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'init_from') AS init_from
FROM run r
WHERE r.sweep_id = ?1
ORDER BY r.number, r.run_id;
