-- The first step whose losses or rates are not the same in runs ?1 and ?2, its epoch, and how many
-- steps both have.
SELECT t.*, (SELECT epoch FROM batch_loss WHERE run_id = ?1 AND step = first) AS epoch
FROM (SELECT
  (SELECT a.step FROM batch_loss a JOIN batch_loss b ON b.run_id = ?2 AND b.step = a.step
   WHERE a.run_id = ?1
     AND (a.loss_G, a.loss_GAN, a.loss_pixel, a.loss_D, a.loss_real, a.loss_fake, a.lr_G, a.lr_D)
       IS NOT (b.loss_G, b.loss_GAN, b.loss_pixel, b.loss_D, b.loss_real, b.loss_fake, b.lr_G, b.lr_D)
   ORDER BY a.step LIMIT 1) AS first,
  (SELECT count(*) FROM batch_loss a JOIN batch_loss b ON b.run_id = ?2 AND b.step = a.step
   WHERE a.run_id = ?1) AS shared) t;
