-- When the supervisors that work on sweep ?1 now began: the start of the first of their attempts.
SELECT min(a.started_ms) AS started_ms
FROM attempt a JOIN run r USING (run_id)
  JOIN environment e ON e.attempt_id = a.attempt_id AND e.key = 'supervisor_pid'
WHERE r.sweep_id = ?1 AND (a.boot_id, e.value) IN
  (SELECT o.boot_id, f.value
   FROM attempt o JOIN run q USING (run_id)
     JOIN environment f ON f.attempt_id = o.attempt_id AND f.key = 'supervisor_pid'
   WHERE q.sweep_id = ?1 AND q.state = 'running' AND o.ended_ms IS NULL);
