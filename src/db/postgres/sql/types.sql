-- The types of these tables' columns, with what domains and arrays are made of.
-- $1: tables. PostGIS counts where its function is found without a schema.
WITH RECURSIVE used (oid) AS (
    SELECT DISTINCT a.atttypid
      FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = ANY ($1::int8[]::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
     UNION
    SELECT made.oid
      FROM used
      JOIN pg_catalog.pg_type t ON t.oid = used.oid
      CROSS JOIN LATERAL (
          SELECT t.typbasetype WHERE t.typtype = 'd'
          UNION ALL
          SELECT e.oid FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid
      ) made (oid)
)
SELECT t.oid::int8,
       n.nspname = 'pg_catalog' AS is_built_in,
       t.typname IN ('geometry', 'geography')
           AND EXISTS (SELECT FROM pg_catalog.pg_depend d
                         JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
                        WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
                          AND d.objid = t.oid AND d.deptype = 'e' AND x.extname = 'postgis')
           AND EXISTS (SELECT FROM pg_catalog.pg_proc p
                        WHERE p.proname = 'st_asgeojson' AND pg_catalog.pg_function_is_visible(p.oid))
           AS is_spatial,
       (SELECT e.oid::int8 FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) AS element,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype::int8 END AS base,
       CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END AS base_declared,
       t.typtypmod,
       t.typnotnull,
       t.typdefault,
       ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l
              WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
       ARRAY(SELECT pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k
              WHERE k.contypid = t.oid AND k.contype = 'c' AND k.convalidated ORDER BY k.conname) AS checks
  FROM used
  JOIN pg_catalog.pg_type t ON t.oid = used.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
