-- The open attempts of running runs of sweep ?1 (0: of all), and when each was last seen alive.
SELECT r.run_id, r.dir, a.host, a.boot_id, a.pid, a.pid_start,
  max(a.started_ms, coalesce(a.heartbeat_ms, 0)) AS seen_ms,
  (SELECT e.value FROM environment e
   WHERE e.attempt_id = a.attempt_id AND e.key = 'supervisor_pid') AS supervisor
FROM attempt a JOIN run r USING (run_id)
WHERE a.ended_ms IS NULL AND r.state = 'running' AND (?1 = 0 OR r.sweep_id = ?1)
ORDER BY r.sweep_id, r.number;
