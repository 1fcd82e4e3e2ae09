-- What the runs of sweep ?1 have trained for. Of a run that began with a shorter one's epochs, which are that one's
-- training, it is what its attempts took.
SELECT run_id, iif(EXISTS (SELECT 1 FROM event e WHERE e.run_id = r.run_id AND e.kind = 'shorter' AND e.level = 'info'),
    min(m.seconds, (SELECT sum(coalesce(a.ended_ms, a.heartbeat_ms, a.started_ms) - a.started_ms) / 1000.0
                    FROM attempt a WHERE a.run_id = r.run_id)), m.seconds) AS seconds
FROM run_summary m JOIN run r USING (run_id) JOIN sweep s USING (sweep_id)
WHERE s.name = ?1 AND m.seconds IS NOT NULL ORDER BY run_id;
