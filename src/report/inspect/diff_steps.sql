-- The first step whose losses or rates are not the same in runs ?1 and ?2, its epoch, and how many
-- steps both have.
SELECT t.*, (SELECT epoch FROM batch_loss WHERE run_id = ?1 AND step = first) AS epoch
FROM (SELECT
  (SELECT a.step FROM batch_loss a JOIN batch_loss b ON b.run_id = ?2 AND b.step = a.step
   WHERE a.run_id = ?1
     AND ({{PXS_LOSSES: a.#, }}a.lr_G, a.lr_D)
       IS NOT ({{PXS_LOSSES: b.#, }}b.lr_G, b.lr_D)
   ORDER BY a.step LIMIT 1) AS first,
  (SELECT count(*) FROM batch_loss a JOIN batch_loss b ON b.run_id = ?2 AND b.step = a.step
   WHERE a.run_id = ?1) AS shared) t;
