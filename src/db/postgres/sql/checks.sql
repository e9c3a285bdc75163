-- Checks on one column that hold for every row. $1: tables.
SELECT k.conrelid::int8,
       k.conkey[1],
       pg_catalog.pg_get_constraintdef(k.oid)
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'c'
   AND k.convalidated
   AND cardinality(k.conkey) = 1
   AND k.conrelid = ANY ($1::int8[]::oid[])
 ORDER BY k.conrelid, k.conname
