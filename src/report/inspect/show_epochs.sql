-- The epochs of run ?1.
SELECT epoch{{PXS_EPOCH_FIRST_MEASURES:, #}}, is_best{{PXS_EPOCH_LATER_MEASURES:, #}}
FROM epoch WHERE run_id = ?1 ORDER BY epoch;
