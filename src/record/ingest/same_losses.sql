-- Another seed of the configuration of run ?1 with the same losses in every step that both have.
SELECT other.name
FROM run r JOIN run other ON other.sweep_id = r.sweep_id AND other.config_hash = r.config_hash
WHERE r.run_id = ?1 AND other.seed <> r.seed
  AND EXISTS (SELECT 1 FROM batch_loss a JOIN batch_loss b USING (step)
              WHERE a.run_id = r.run_id AND b.run_id = other.run_id)
  AND NOT EXISTS (SELECT 1 FROM batch_loss a JOIN batch_loss b USING (step)
                  WHERE a.run_id = r.run_id AND b.run_id = other.run_id
                    AND (a.loss_G, a.loss_D) IS NOT (b.loss_G, b.loss_D))
ORDER BY other.number LIMIT 1;
