-- Runs of the sweep of run ?1 that were imported from line ?3 of file ?2 on, as it was, and where they ended.
SELECT o.name, i.last_line
FROM imported i JOIN run o USING (run_id) JOIN run n USING (sweep_id)
WHERE n.run_id = ?1 AND o.run_id <> ?1 AND i.source = ?2 AND i.first_line = ?3;
