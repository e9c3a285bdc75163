-- Indexes that hold for every row, with the numbers of their key columns (zero
-- for an expression). $1: tables.
SELECT i.indrelid::int8,
       i.indisprimary,
       i.indisunique,
       ARRAY(SELECT i.indkey[at] FROM generate_series(0, i.indnkeyatts - 1) AS at ORDER BY at)::int2[] AS columns
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = ANY ($1::int8[]::oid[])
   AND i.indpred IS NULL
   AND i.indisvalid
   AND i.indislive
 ORDER BY i.indrelid, i.indisprimary DESC, c.relname
