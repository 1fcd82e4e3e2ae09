-- The kernels that made the completed runs of sweep ?1, from the last attempt on that began at step 0.
SELECT count(DISTINCT kernels) AS n, group_concat(DISTINCT kernels) AS names
FROM attempt JOIN run USING (run_id)
WHERE sweep_id = ?1 AND run.state = 'completed'
  AND (attempt.resumed_from_step IS NOT NULL OR attempt.outcome = 'completed')
  AND attempt.no >= (SELECT max(no) FROM attempt z
                     WHERE z.run_id = run.run_id AND coalesce(z.resumed_from_step, -1) < 0
                       AND (z.resumed_from_step IS NOT NULL OR z.outcome = 'completed'));
