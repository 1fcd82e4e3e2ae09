-- Completed runs with the seed ?1 (NULL: any), those with the most epochs first.
SELECT r.run_id, r.config_hash, r.seed, p.value AS n_epochs
FROM run r JOIN param p ON p.run_id = r.run_id AND p.key = 'n_epochs'
WHERE r.state = 'completed' AND typeof(p.value) = 'integer' AND (?1 IS NULL OR r.seed = ?1)
ORDER BY p.value DESC, r.config_hash, r.seed, r.run_id;
