-- Foreign keys. Those that the server makes up for partitions have a parent.
-- $1: tables.
SELECT k.conrelid::int8,
       k.conname::text,
       k.conkey,
       n.nspname::text,
       c.relname::text,
       ARRAY(SELECT a.attname::text
               FROM unnest(k.confkey) WITH ORDINALITY AS key (number, at)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.number
              ORDER BY key.at) AS to_columns,
       CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' ELSE '' END
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f'
   AND k.conparentid = 0
   AND k.conrelid = ANY ($1::int8[]::oid[])
 ORDER BY k.conrelid, k.conname
