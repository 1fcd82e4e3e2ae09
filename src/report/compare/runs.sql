-- What is measured of each run of sweep ?1, by number.
-- ?2: nothing behind this epoch counts, as if every run had ended with it; NULL: all of it.
-- ?3: a target for ?4 (val_loss, val_psnr or val_ssim); NULL: none.
-- val_auc: the trapezoid rule over epochs, divided by the epochs between the first and the last, so that
-- it reads as a loss; an epoch without a validation loss is bridged. val_psnr and val_ssim are those of
-- the weights that are kept: of the epoch with the best validation loss.
WITH summary AS (
  {{summary.sql}}
),
point AS (
  SELECT e.run_id, e.epoch, e.val_loss, lag(e.val_loss) OVER w AS before, lag(e.epoch) OVER w AS since
  FROM epoch e JOIN run r USING (run_id)
  WHERE r.sweep_id = ?1 AND e.val_loss IS NOT NULL AND e.epoch <= coalesce(?2, e.epoch)
  WINDOW w AS (PARTITION BY e.run_id ORDER BY e.epoch)
),
area AS (
  SELECT run_id,
    CASE WHEN count(*) > 1
      THEN sum((val_loss + before) / 2 * (epoch - since)) / (max(epoch) - min(epoch))
      ELSE max(val_loss) END AS auc
  FROM point GROUP BY run_id
),
hit AS (
  SELECT e.run_id, min(e.epoch) AS epoch
  FROM epoch e JOIN run r USING (run_id)
  WHERE r.sweep_id = ?1 AND e.epoch <= coalesce(?2, e.epoch)
    AND CASE ?4 WHEN 'val_psnr' THEN e.val_psnr >= ?3
                WHEN 'val_ssim' THEN e.val_ssim >= ?3
                ELSE e.val_loss <= ?3 END
  GROUP BY e.run_id
)
SELECT r.run_id,
  CASE WHEN r.run_id IN (SELECT run_id FROM v_not_needed) THEN 'not needed' ELSE r.state END AS state, r.seed,
  EXISTS (SELECT 1 FROM imported i WHERE i.run_id = r.run_id) AS imported,
  coalesce((SELECT value FROM param p WHERE p.run_id = r.run_id AND p.key = 'gan_mode'), 'lsgan')
    = 'lsgan' AS lsgan,
  (SELECT max(e.epoch) FROM epoch e WHERE e.run_id = r.run_id) AS last_epoch,
  (SELECT m.last_step FROM run_summary m WHERE m.run_id = r.run_id) AS last_step,
  s.best_val_loss, s.best_epoch, s.final_val_loss, s.final_avg_loss_G,
  (SELECT e.lr_G FROM epoch e WHERE e.run_id = r.run_id ORDER BY e.epoch LIMIT 1) AS lr_first,
  (SELECT e.lr_G FROM epoch e WHERE e.run_id = r.run_id AND e.epoch <= coalesce(?2, e.epoch)
   ORDER BY e.epoch DESC LIMIT 1) AS lr_last,
  s.seconds, a.auc AS val_auc,
  h.epoch AS target_epoch,
  (SELECT sum(e.seconds) FROM epoch e WHERE e.run_id = r.run_id AND e.epoch <= h.epoch)
    AS target_seconds{{PXS_EPOCH_MEASURES run=BEST:,
  b.# AS @metric}}{{PXS_EPOCH_MEASURES run=LAST:,
  (SELECT e.# FROM epoch e
   WHERE e.run_id = r.run_id AND e.# IS NOT NULL AND e.epoch <= coalesce(?2, e.epoch)
   ORDER BY e.epoch DESC LIMIT 1) AS @metric}}{{PXS_EPOCH_MEASURES run=LARGEST:,
  (SELECT max(e.#) FROM epoch e WHERE e.run_id = r.run_id AND e.epoch <= coalesce(?2, e.epoch))
    AS @metric}}
FROM run r
  LEFT JOIN summary s ON s.run_id = r.run_id
  LEFT JOIN area a ON a.run_id = r.run_id
  LEFT JOIN epoch b ON b.run_id = r.run_id AND b.epoch = s.best_epoch
  LEFT JOIN hit h ON h.run_id = r.run_id
WHERE r.sweep_id = ?1
ORDER BY r.number, r.run_id;
