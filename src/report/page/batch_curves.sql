-- The curves by batch of sweep ?1: the batches of the first ?3 epochs, cut into ?2 buckets. per_epoch:
-- steps count over the whole run, so the last one tells how many an epoch has.
WITH size AS MATERIALIZED (
  SELECT r.run_id,
    max(CASE WHEN b.epoch > 0 THEN (b.step - b.batch) / b.epoch ELSE 0 END, b.batch + 1) AS per_epoch
  FROM run r
    JOIN batch_loss b ON b.run_id = r.run_id
      AND b.step = (SELECT step FROM batch_loss l WHERE l.run_id = r.run_id AND l.epoch < ?3
                    ORDER BY step DESC LIMIT 1)
  WHERE r.sweep_id = ?1
)
SELECT name, step * ?2 / (per_epoch * ?3) AS bucket{{PXS_BATCH_MEASURES:,
  avg(#) AS #, min(#) AS #_min, max(#) AS #_max}}
FROM batch_loss JOIN size USING (run_id) JOIN run USING (run_id)
WHERE epoch < ?3
GROUP BY run_id, bucket
ORDER BY number, bucket;
