-- What a violation may name, with the numbers of its columns (zero for an
-- expression). Exclusions have an index, too, which is not called unique.
-- $1: tables.
SELECT k.conrelid::int8,
       k.conname::text AS name,
       k.contype::text AS kind,
       coalesce(k.conkey, '{}') AS columns
  FROM pg_catalog.pg_constraint k
 WHERE k.contype IN ('c', 'f', 'x')
   AND k.conrelid = ANY ($1::int8[]::oid[])
 UNION ALL
SELECT i.indrelid::int8,
       c.relname::text,
       'u',
       ARRAY(SELECT i.indkey[at] FROM generate_series(0, i.indnkeyatts - 1) AS at ORDER BY at)::int2[]
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 WHERE i.indisunique
   AND i.indrelid = ANY ($1::int8[]::oid[])
 ORDER BY 1, 2
