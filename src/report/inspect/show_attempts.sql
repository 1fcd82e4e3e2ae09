-- The attempts of run ?1. task, restart and task_log: the job of a batch system that made it.
SELECT no, outcome, started_ms, (ended_ms - started_ms) / 1000.0 AS seconds, host, pid, cores, threads,
  kernels, exit_code, signal, NULLIF(resumed_from_step, -1) AS resumed_from_step, message, reason,
  t.value AS task, CAST(r.value AS INTEGER) AS restart, l.value AS task_log
FROM attempt a
  LEFT JOIN environment t ON t.attempt_id = a.attempt_id AND t.key = 'task'
  LEFT JOIN environment r ON r.attempt_id = a.attempt_id AND r.key = 'restart'
  LEFT JOIN environment l ON l.attempt_id = a.attempt_id AND l.key = 'task_log'
WHERE run_id = ?1 ORDER BY no;
