-- Runs of sweep ?1, as of epoch ?2 (NULL: their end), whose validation loss was lowest in the first three quarters of
-- their epochs and is at least 5 % higher at the end, while the training loss of G has fallen since.
WITH summary AS (
  {{summary.sql}}
)
SELECT s.run_id, s.best_epoch, s.final_val_loss / s.best_val_loss AS risen
FROM summary s JOIN epoch b ON b.run_id = s.run_id AND b.epoch = s.best_epoch
WHERE s.best_val_loss > 0
  AND 4 * (s.best_epoch + 1) <= 3 * (s.last_epoch + 1)
  AND s.final_val_loss >= 1.05 * s.best_val_loss
  AND s.final_avg_loss_G < b.avg_loss_G
ORDER BY s.best_epoch, s.run_id;
