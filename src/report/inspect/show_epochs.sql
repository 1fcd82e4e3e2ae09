-- The epochs of run ?1.
SELECT epoch, lr_G, lr_D, avg_loss_G, avg_loss_GAN, avg_loss_pixel, avg_loss_D, avg_loss_real,
  avg_loss_fake, val_loss, val_psnr, val_ssim, is_best, seconds
FROM epoch WHERE run_id = ?1 ORDER BY epoch;
