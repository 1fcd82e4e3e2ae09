-- The first epoch in which runs ?1 and ?2 were not the same, up to epoch ?3 (NULL: to the end): in a loss, or one
-- of them had ended.
SELECT min(epoch) FROM (
  SELECT a.epoch
  FROM epoch a LEFT JOIN epoch b ON b.run_id = ?2 AND b.epoch = a.epoch
  WHERE a.run_id = ?1
    AND (b.run_id IS NULL OR a.avg_loss_G IS NOT b.avg_loss_G OR a.avg_loss_D IS NOT b.avg_loss_D
         OR a.val_loss IS NOT b.val_loss)
  UNION ALL
  SELECT b.epoch FROM epoch b
  WHERE b.run_id = ?2 AND NOT EXISTS (SELECT 1 FROM epoch a WHERE a.run_id = ?1 AND a.epoch = b.epoch)
) WHERE epoch <= coalesce(?3, epoch);
