-- How many attempts of run ?1 are open, and the last one whose records have been read.
SELECT
  (SELECT count(*) FROM attempt WHERE run_id = ?1 AND ended_ms IS NULL) AS open,
  (SELECT attempt_id FROM attempt WHERE run_id = ?1 AND record_offset > 0
   ORDER BY no DESC LIMIT 1) AS taken;
