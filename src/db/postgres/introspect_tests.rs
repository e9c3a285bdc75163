//! What the driver finds out about the tables of a real server.

use super::{
    Postgres,
    tests::{column, table, url_of, with_database},
};
use crate::{
    catalog::{ColumnType, facts::TableKind},
    db::Options,
};

const SHOP: &str = r#"
CREATE SCHEMA other;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int4, b text);
CREATE DOMAIN email AS text NOT NULL CHECK (VALUE LIKE '%@%');
CREATE DOMAIN size AS varchar(2) DEFAULT 'm' CHECK (VALUE IN ('s', 'm', 'l'));
CREATE DOMAIN small_size AS size;
CREATE TABLE other.country (code char(2) PRIMARY KEY, "select" text);
COMMENT ON TABLE other.country IS 'Countries of the world';
CREATE TABLE "Order Line" (
    "Order" int4, line int4, "from" text UNIQUE, n numeric(9,0), big numeric(18,0), huge numeric(19,0),
    price numeric(10,2) DEFAULT -1, free numeric, rounded numeric(5,-2),
    PRIMARY KEY (line, "Order")
);
CREATE TABLE person (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    legacy serial NOT NULL,
    name varchar(40) NOT NULL DEFAULT 'nobody',
    code char(3), tag citext, letter "char", first text, last text,
    whole text GENERATED ALWAYS AS (first || ' ' || last) STORED,
    boss int8 REFERENCES person (id),
    status text NOT NULL DEFAULT 'draft'::text CHECK (status IN ('draft', 'it''s out')),
    level varchar(5) CHECK (level IN ('low', 'high')),
    feeling mood DEFAULT 'ok', feelings mood[], mail email, size size, small small_size,
    active bool DEFAULT true, score float4 DEFAULT 0, ratio float8, born date DEFAULT '2020-01-01',
    at timestamptz DEFAULT now(), local timestamp, clock time, zoned timetz,
    doc jsonb DEFAULT '{}', raw json, blob bytea, ident uuid DEFAULT gen_random_uuid(),
    ip inet, span interval, cash money, bits bit(3), range int4range, x xml, p pair,
    list int4[], matrix numeric(5,0)[], sizes size[], ips inet[], nothing text DEFAULT NULL,
    country char(2) CONSTRAINT z_country REFERENCES other.country,
    o_line int4, o_order int4,
    CONSTRAINT a_line FOREIGN KEY (o_line, o_order) REFERENCES "Order Line" (line, "Order"),
    UNIQUE (first, last)
);
COMMENT ON COLUMN person.name IS 'What they are called';
CREATE UNIQUE INDEX partial ON person (code) WHERE active;
CREATE UNIQUE INDEX computed ON person (lower(first));
CREATE UNIQUE INDEX plain ON person (code) INCLUDE (name);
CREATE INDEX mixed ON person (born, lower(last), at);
CREATE TABLE event (id int4, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE ticket (id int4 PRIMARY KEY, event int4, day date, FOREIGN KEY (event, day) REFERENCES event);
CREATE VIEW adults AS SELECT id, name, feeling FROM person;
COMMENT ON VIEW adults IS 'Grown-ups';
COMMENT ON COLUMN adults.name IS 'Their name';
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM person;
CREATE TABLE empty ();
"#;

#[tokio::test]
async fn introspection_finds_tables_and_their_keys() {
    with_database(async |scratch| {
        scratch.run(SHOP).await;
        let facts = scratch.introspect(&["public", "other"]).await;
        let names: Vec<_> = facts
            .tables
            .iter()
            .map(|table| (table.schema.as_deref().unwrap(), table.name.as_str(), table.kind))
            .collect();
        use TableKind::{Table, View};
        assert_eq!(
            names,
            [
                ("other", "country", Table),
                ("public", "Order Line", Table),
                ("public", "adults", View),
                ("public", "empty", Table),
                ("public", "event", Table),
                ("public", "person", Table),
                ("public", "ticket", Table),
                ("public", "totals", View),
            ]
        );
        let person = table(&facts, "person");
        assert_eq!(person.primary_key, ["id"]);
        assert_eq!(person.uniques, [vec!["first", "last"], vec!["code"]]);
        assert_eq!(person.indexes, [vec!["id"], vec!["born"], vec!["first", "last"], vec!["code"]]);
        let keys: Vec<_> = person
            .foreign_keys
            .iter()
            .map(|key| {
                (
                    &*key.name,
                    key.columns.join(","),
                    key.to_schema.as_deref().unwrap(),
                    &*key.to_table,
                    key.to_columns.join(","),
                )
            })
            .collect();
        assert_eq!(
            keys,
            [
                ("a_line", "o_line,o_order".to_owned(), "public", "Order Line", "line,Order".to_owned()),
                ("person_boss_fkey", "boss".to_owned(), "public", "person", "id".to_owned()),
                ("z_country", "country".to_owned(), "other", "country", "code".to_owned()),
            ]
        );
        assert_eq!(table(&facts, "Order Line").primary_key, ["line", "Order"]);
        assert_eq!(table(&facts, "Order Line").uniques, [["from"]]);
        let ticket = table(&facts, "ticket");
        assert_eq!(ticket.foreign_keys.len(), 1);
        assert_eq!(ticket.foreign_keys[0].to_table, "event");
        assert_eq!(table(&facts, "event").primary_key, ["id", "day"]);
        assert_eq!(table(&facts, "country").comment.as_deref(), Some("Countries of the world"));
        let adults = table(&facts, "adults");
        assert_eq!(adults.comment.as_deref(), Some("Grown-ups"));
        assert_eq!(column(adults, "name").comment.as_deref(), Some("Their name"));
        assert_eq!(column(adults, "feeling").allowed, ["sad", "ok", "happy"]);
        assert!(adults.primary_key.is_empty() && column(adults, "id").nullable);
        // A schema that is not listed is still pointed to.
        assert_eq!(table(&scratch.introspect(&["public"]).await, "person").foreign_keys.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn introspection_says_what_columns_mean() {
    use ColumnType as T;
    let list = |element: ColumnType| T::Array(Box::new(element));
    with_database(async |scratch| {
        scratch.run(SHOP).await;
        let facts = scratch.introspect(&["public"]).await;
        let person = table(&facts, "person");
        for (name, declared, column_type, default) in [
            ("id", "bigint", T::BigInteger, None),
            ("legacy", "integer", T::Integer, None),
            ("name", "character varying(40)", T::Text, Some("nobody")),
            ("code", "character(3)", T::Text, None),
            ("tag", "citext", T::Other, None),
            ("letter", "\"char\"", T::Text, None),
            ("whole", "text", T::Text, None),
            ("status", "text", T::Text, Some("draft")),
            ("feeling", "mood", T::Other, Some("ok")),
            ("feelings", "mood[]", list(T::Other), None),
            ("mail", "text", T::Text, None),
            ("size", "character varying(2)", T::Text, Some("m")),
            ("small", "character varying(2)", T::Text, Some("m")),
            ("active", "boolean", T::Boolean, Some("true")),
            ("score", "real", T::Float, Some("0")),
            ("ratio", "double precision", T::Double, None),
            ("born", "date", T::Date, Some("2020-01-01")),
            ("at", "timestamp with time zone", T::Timestamp, Some("now()")),
            ("local", "timestamp without time zone", T::DateTime, None),
            ("clock", "time without time zone", T::Time, None),
            ("zoned", "time with time zone", T::Other, None),
            ("doc", "jsonb", T::Json, Some("{}")),
            ("raw", "json", T::Json, None),
            ("blob", "bytea", T::Binary, None),
            ("ident", "uuid", T::Uuid, Some("gen_random_uuid()")),
            ("ip", "inet", T::Other, None),
            ("span", "interval", T::Other, None),
            ("cash", "money", T::Other, None),
            ("bits", "bit(3)", T::Other, None),
            ("range", "int4range", T::Other, None),
            ("x", "xml", T::Other, None),
            ("p", "pair", T::Other, None),
            ("list", "integer[]", list(T::Integer), None),
            ("matrix", "numeric(5,0)[]", list(T::Integer), None),
            ("sizes", "size[]", list(T::Other), None),
            ("ips", "inet[]", list(T::Other), None),
            ("nothing", "text", T::Text, None),
        ] {
            let column = column(person, name);
            assert_eq!(
                (&*column.declared, &column.column_type, column.default.as_deref()),
                (declared, &column_type, default),
                "{name}"
            );
        }
        assert!(column(person, "id").auto_increment && column(person, "legacy").auto_increment);
        assert!(!column(person, "name").auto_increment);
        assert!(column(person, "whole").generated && !column(person, "first").generated);
        assert!(
            !column(person, "name").nullable && !column(person, "mail").nullable && column(person, "code").nullable
        );
        assert_eq!(column(person, "name").length, Some(40));
        assert_eq!(column(person, "code").length, Some(3));
        assert_eq!(column(person, "small").length, Some(2));
        assert_eq!(column(person, "name").comment.as_deref(), Some("What they are called"));
        assert_eq!(column(person, "status").allowed, ["draft", "it's out"]);
        assert_eq!(column(person, "level").allowed, ["low", "high"]);
        assert_eq!(column(person, "small").allowed, ["s", "m", "l"]);
        let line = table(&facts, "Order Line");
        let of = |name| {
            let column = column(line, name);
            (column.column_type.clone(), column.precision, column.scale, column.default.as_deref())
        };
        assert_eq!(of("n"), (T::Integer, Some(9), Some(0), None));
        assert_eq!(of("big"), (T::BigInteger, Some(18), Some(0), None));
        assert_eq!(of("huge"), (T::Decimal, Some(19), Some(0), None));
        assert_eq!(of("price"), (T::Decimal, Some(10), Some(2), Some("-1")));
        assert_eq!(of("free"), (T::Decimal, None, None, None));
        assert_eq!(of("rounded"), (T::Integer, Some(5), Some(0), None));
    })
    .await;
}

#[tokio::test]
async fn types_of_unlisted_schemas_are_named_with_theirs() {
    with_database(async |scratch| {
        scratch
            .run("CREATE SCHEMA app; CREATE TYPE public.\"My Type\" AS ENUM ('a'); CREATE TABLE app.t (x public.\"My Type\" DEFAULT 'a')")
            .await;
        let facts = scratch.introspect(&["app"]).await;
        let x = column(table(&facts, "t"), "x");
        assert_eq!((&*x.declared, x.default.as_deref()), ("public.\"My Type\"", Some("a")));
    })
    .await;
}

#[tokio::test]
async fn what_may_not_be_read_is_not_there() {
    with_database(async |scratch| {
        let role = format!("{}_reader", scratch.name);
        scratch
            .run(&format!(
                "CREATE ROLE {role} LOGIN PASSWORD 'reader';
                 CREATE TABLE secret (id int4 PRIMARY KEY);
                 CREATE TABLE open (id int4 PRIMARY KEY, a text UNIQUE);
                 CREATE TABLE part (id int4 PRIMARY KEY, seen int4 REFERENCES open, hidden int4 REFERENCES open, UNIQUE (seen, hidden));
                 GRANT SELECT ON open TO {role};
                 GRANT SELECT (id, seen) ON part TO {role};"
            ))
            .await;
        let mut url = url::Url::parse(&url_of(&scratch.name, Some(&role))).unwrap();
        url.set_password(Some("reader")).unwrap();
        let database = Postgres::connect(Options { url: url.into(), ..scratch.options() }).await.unwrap();
        let facts = database.introspect().await.unwrap();
        let names: Vec<_> = facts.tables.iter().map(|table| &*table.name).collect();
        assert_eq!(names, ["open", "part"]);
        let part = table(&facts, "part");
        let columns: Vec<_> = part.columns.iter().map(|column| &*column.name).collect();
        assert_eq!((columns.join(","), part.uniques.len(), part.foreign_keys.len()), ("id,seen".to_owned(), 0, 1));
        assert_eq!(part.indexes, [["id"], ["seen"]]);
        database.close().await;
        scratch.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    })
    .await;
}
