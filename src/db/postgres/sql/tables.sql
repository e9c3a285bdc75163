-- Tables and views that may be read, at least in part. $1: schemas.
SELECT c.oid::int8,
       n.nspname::text,
       c.relname::text,
       c.relkind IN ('v', 'm') AS is_view,
       pg_catalog.has_table_privilege(c.oid, 'SELECT') AS is_whole,
       pg_catalog.obj_description(c.oid, 'pg_class') AS comment,
       EXISTS (SELECT FROM pg_catalog.pg_trigger t
                WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
                  AND (t.tgrelid = c.oid
                       OR (c.relkind = 'p' AND t.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)))))
           OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                       WHERE r.ev_class = c.oid AND r.ev_type <> '1' AND r.ev_enabled <> 'D')
           AS has_triggers
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname::text = ANY ($1::text[])
   AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
   AND NOT c.relispartition
   AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
   AND (pg_catalog.has_table_privilege(c.oid, 'SELECT')
        OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))
 ORDER BY n.nspname, c.relname
