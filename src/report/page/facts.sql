-- The environment of the last attempt of each run of sweep ?1; common: the value is the same in all runs.
WITH pair AS (
  SELECT run_id, key, value
  FROM environment JOIN attempt a USING (attempt_id) JOIN run USING (run_id)
  WHERE a.no = (SELECT max(no) FROM attempt b WHERE b.run_id = a.run_id) AND sweep_id = ?1
),
{{judged.sql}}
