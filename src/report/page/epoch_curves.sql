-- The curves by epoch of sweep ?1: the first ?3 epochs, cut into ?2 buckets.
SELECT name, epoch * ?2 / ?3 AS bucket{{PXS_EPOCH_MEASURES:,
  avg(#) AS #, min(#) AS #_min, max(#) AS #_max}}
FROM epoch JOIN run USING (run_id)
WHERE sweep_id = ?1 AND epoch < ?3
GROUP BY run_id, bucket
ORDER BY number, bucket;
