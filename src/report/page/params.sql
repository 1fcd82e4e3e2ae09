-- The hyperparameters of the runs of sweep ?1; common: the value is the same in all runs.
WITH pair AS (
  SELECT run_id, key, value FROM param JOIN run USING (run_id) WHERE sweep_id = ?1
),
{{judged.sql}}
