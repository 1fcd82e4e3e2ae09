judged AS (
  SELECT *, count(*) OVER k = (SELECT count(DISTINCT run_id) FROM pair)
    AND min(value) OVER k IS max(value) OVER k
    AND count(value) OVER k IN (0, count(*) OVER k) AS common
  FROM pair WINDOW k AS (PARTITION BY key)
)
SELECT run_id, key, value, common FROM judged ORDER BY run_id, key;
