-- Columns that may be read. $1: tables, $2: those of which only some may.
SELECT a.attrelid::int8,
       a.attname::text,
       a.attnum,
       a.atttypid::int8,
       a.atttypmod,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS declared,
       a.attnotnull,
       a.attidentity <> '' AS is_identity,
       a.attgenerated <> '' AS is_generated,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS default_expression,
       s.description AS comment,
       a.attidentity = 'a' AS is_always_identity
  FROM pg_catalog.pg_attribute a
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_catalog.pg_description s
         ON s.objoid = a.attrelid AND s.objsubid = a.attnum
        AND s.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
 WHERE a.attrelid = ANY ($1::int8[]::oid[])
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND (a.attrelid <> ALL ($2::int8[]::oid[])
        OR pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'))
 ORDER BY a.attrelid, a.attnum
