-- The runs of sweep ?1 that are not completed and not such as its race needs no more, with what their last attempt left, or else their last event.
-- ?2: the last epoch that counts; NULL: all do.
SELECT r.name, r.state, r.attempts AS tries, min(r.last_epoch, coalesce(?2, r.last_epoch)) + 1 AS epochs,
  coalesce(r.message, (SELECT message FROM event e WHERE e.run_id = r.run_id
                       ORDER BY at_ms DESC, event_id DESC LIMIT 1)) AS reason
FROM v_run r
WHERE r.sweep_id = ?1 AND r.state <> 'completed' AND r.run_id NOT IN (SELECT run_id FROM v_not_needed)
ORDER BY r.number;
