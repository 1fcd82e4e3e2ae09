-- The attempts of run ?1.
SELECT no, outcome, started_ms, (ended_ms - started_ms) / 1000.0 AS seconds, host, pid, cores, threads,
  kernels, exit_code, signal, NULLIF(resumed_from_step, -1) AS resumed_from_step, message, reason
FROM attempt WHERE run_id = ?1 ORDER BY no;
