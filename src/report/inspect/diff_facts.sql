-- All that is said of run ?1: part, key, value. val_psnr and val_ssim are those of the weights that are
-- kept: of the best epoch.
WITH m AS (
  SELECT s.*{{PXS_EPOCH_MEASURES run=BEST:, b.#}}
  FROM run_summary s LEFT JOIN epoch b ON b.run_id = s.run_id AND b.epoch = s.best_epoch
  WHERE s.run_id = ?1
),
last AS (SELECT * FROM attempt WHERE run_id = ?1 ORDER BY no DESC LIMIT 1)
SELECT 'run' AS part, 'sweep' AS key, w.name AS value
  FROM run JOIN sweep w USING (sweep_id) WHERE run_id = ?1
UNION ALL SELECT 'run', 'state', state FROM run WHERE run_id = ?1
UNION ALL SELECT 'run', 'seed', seed FROM run WHERE run_id = ?1
UNION ALL SELECT 'run', 'config_hash', config_hash FROM run WHERE run_id = ?1
UNION ALL SELECT 'run', 'imported_from', source FROM imported WHERE run_id = ?1
UNION ALL SELECT 'run', 'attempts', count(*) FROM attempt WHERE run_id = ?1
UNION ALL SELECT 'configuration', key, value FROM param WHERE run_id = ?1 AND key <> 'seed'
UNION ALL SELECT 'configuration', 'dataset_sha256', hash FROM (SELECT
  {{data_hash.sql}} AS hash
  FROM run r WHERE run_id = ?1) WHERE hash IS NOT NULL
UNION ALL SELECT 'configuration', 'dataset_files_sha256', hash FROM (SELECT
  {{files_hash.sql}} AS hash
  FROM run r WHERE run_id = ?1) WHERE hash IS NOT NULL
UNION ALL SELECT 'configuration', 'init_from_sha256', hash FROM (SELECT
  {{weights_hash.sql}} AS hash
  FROM run r WHERE run_id = ?1) WHERE hash IS NOT NULL
UNION ALL SELECT 'environment', 'host', host FROM last
UNION ALL SELECT 'environment', 'cores', cores FROM last
UNION ALL SELECT 'environment', 'threads', threads FROM last
UNION ALL SELECT 'environment', 'kernels', kernels FROM last
UNION ALL SELECT * FROM (
  SELECT 'environment', e.key, e.value FROM environment e JOIN last USING (attempt_id)
  WHERE e.key NOT IN ('host', 'cores', 'threads', 'kernels', 'config_hash', 'seed') ORDER BY e.key)
UNION ALL SELECT 'result', 'best_val_loss', best_val_loss FROM m
UNION ALL SELECT 'result', 'best_epoch', best_epoch FROM m{{PXS_EPOCH_MEASURES run=BEST:
UNION ALL SELECT 'result', '#', # FROM m}}
UNION ALL SELECT 'result', 'final_val_loss', final_val_loss FROM m
UNION ALL SELECT 'result', 'final_avg_loss_G', final_avg_loss_G FROM m{{PXS_EPOCH_MEASURES run=LAST:
UNION ALL SELECT 'result', 'avg_#', value FROM (
  SELECT # AS value FROM epoch WHERE run_id = ?1 AND # IS NOT NULL ORDER BY epoch DESC LIMIT 1)}}{{PXS_EPOCH_MEASURES run=LARGEST:
UNION ALL SELECT 'result', '#', value FROM (
  SELECT max(#) AS value FROM epoch WHERE run_id = ?1) WHERE value IS NOT NULL}}
UNION ALL SELECT 'result', 'last_epoch', last_epoch FROM m
UNION ALL SELECT 'result', 'last_step', last_step FROM m
UNION ALL SELECT 'result', 'seconds', seconds FROM m
UNION ALL SELECT 'result', 'images_per_s', images_per_s FROM m;
