-- On how many pairs of a machine and a number of threads the completed runs of sweep ?1 ended.
SELECT count(DISTINCT coalesce(host, '') || ' ' || coalesce(threads, '')) AS n
FROM attempt a JOIN run USING (run_id)
WHERE sweep_id = ?1 AND run.state = 'completed'
  AND a.no = (SELECT max(no) FROM attempt z WHERE z.run_id = a.run_id);
