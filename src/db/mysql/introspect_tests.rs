//! What the driver finds out about the tables of a real server.

use std::collections::HashMap;

use super::tests::{in_database, table};
use crate::catalog::{
    ColumnType,
    facts::{ColumnFacts, TableFacts, TableKind},
};

fn column<'f>(table: &'f TableFacts, name: &str) -> &'f ColumnFacts {
    table.columns.iter().find(|column| column.name == name).unwrap()
}

const LIBRARY: &str = "
    CREATE TABLE author (
        id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
        name varchar(80) NOT NULL COMMENT 'as on the cover',
        email varchar(120) NULL UNIQUE,
        mentor int unsigned NULL,
        KEY by_name (name(10), email),
        CONSTRAINT author_mentor FOREIGN KEY (mentor) REFERENCES author (ID)
    ) COMMENT 'who writes';
    CREATE TABLE `select` (
        `a b` int NOT NULL, `c``d` varchar(10) NOT NULL, `größe` decimal(10,2) DEFAULT 1.50,
        PRIMARY KEY (`c``d`, `a b`)
    );
    CREATE TABLE article (
        id bigint NOT NULL PRIMARY KEY,
        status varchar(10) NOT NULL DEFAULT 'draft',
        kind enum('news','it''s') NOT NULL DEFAULT 'it''s',
        empty varchar(5) NOT NULL DEFAULT '',
        nothing varchar(5) DEFAULT NULL,
        word varchar(5) DEFAULT 'NULL',
        price decimal(8,3), flag bit(1) DEFAULT b'1',
        doc json, created datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
        len int GENERATED ALWAYS AS (char_length(status)) VIRTUAL,
        sel_b int, sel_a varchar(10), author int unsigned, editor int unsigned,
        CONSTRAINT article_status CHECK (status IN ('draft', 'it''s')),
        CONSTRAINT z_sel FOREIGN KEY (sel_a, sel_b) REFERENCES `select` (`c``d`, `a b`),
        CONSTRAINT b_author FOREIGN KEY (author) REFERENCES author (id),
        CONSTRAINT a_editor FOREIGN KEY (editor) REFERENCES author (id),
        UNIQUE KEY one (status, kind), UNIQUE KEY part (word(2)),
        FULLTEXT KEY words (status)
    );
    CREATE VIEW published AS SELECT id, status FROM article;
";

#[tokio::test]
async fn introspection_finds_what_is_there() {
    in_database(async |scratch| {
        scratch.run(LIBRARY).await;
        let facts = scratch.connect().await.introspect().await.unwrap();
        let names: Vec<_> = facts.tables.iter().map(|table| (&*table.name, table.kind)).collect();
        let table_kind = TableKind::Table;
        assert_eq!(
            names,
            [("article", table_kind), ("author", table_kind), ("published", TableKind::View), ("select", table_kind)]
        );
        let author = table(&facts, "author");
        assert_eq!(author.comment.as_deref(), Some("who writes"));
        assert_eq!(author.primary_key, ["id"]);
        assert_eq!(author.uniques, [["email"]]);
        assert_eq!(author.indexes, [["id"], ["mentor"], ["email"]]);
        assert_eq!(author.foreign_keys[0].to_columns, ["id"]);
        let id = column(author, "id");
        assert!(id.auto_increment && !id.nullable && id.default.is_none());
        assert_eq!(id.column_type, ColumnType::BigInteger);
        let name = column(author, "name");
        assert_eq!((name.length, name.comment.as_deref()), (Some(80), Some("as on the cover")));
        assert_eq!(name.declared, "varchar(80)");
        let published = table(&facts, "published");
        assert_eq!((published.comment.as_deref(), published.columns.len()), (None, 2));
        assert!(published.primary_key.is_empty() && published.indexes.is_empty());
        let select = table(&facts, "select");
        assert_eq!(select.primary_key, ["c`d", "a b"]);
        let size = column(select, "größe");
        assert_eq!((size.precision, size.scale, size.default.as_deref()), (Some(10), Some(2), Some("1.50")));
    })
    .await;
}

#[tokio::test]
async fn introspection_reads_defaults_checks_and_keys() {
    in_database(async |scratch| {
        scratch.run(LIBRARY).await;
        let facts = scratch.connect().await.introspect().await.unwrap();
        let article = table(&facts, "article");
        let default = |name| column(article, name).default.as_deref();
        assert_eq!(default("status"), Some("draft"));
        assert_eq!(default("kind"), Some("it's"));
        assert_eq!(default("empty"), Some(""));
        assert_eq!(default("nothing"), None);
        assert_eq!(default("word"), Some("NULL"));
        assert_eq!(default("flag"), Some("1"));
        assert!(default("created").unwrap().to_lowercase().starts_with("current_timestamp"));
        assert!(column(article, "len").generated && !column(article, "created").generated);
        assert_eq!(column(article, "doc").column_type, ColumnType::Json);
        assert_eq!(column(article, "status").allowed, ["draft", "it's"]);
        assert_eq!(column(article, "kind").allowed, ["news", "it's"]);
        assert_eq!(column(article, "kind").column_type, ColumnType::Other);
        assert_eq!(column(article, "price").precision, Some(8));
        assert_eq!(column(article, "id").precision, None);
        assert_eq!(article.uniques, [["status", "kind"]]);
        let keys: HashMap<_, _> = article.foreign_keys.iter().map(|key| (&*key.name, key)).collect();
        assert_eq!(
            article.foreign_keys.iter().map(|key| &*key.name).collect::<Vec<_>>(),
            ["a_editor", "b_author", "z_sel"]
        );
        assert_eq!(keys["z_sel"].columns, ["sel_a", "sel_b"]);
        assert_eq!(keys["z_sel"].to_columns, ["c`d", "a b"]);
        assert_eq!((&*keys["z_sel"].to_table, &keys["z_sel"].to_schema), ("select", &None));
    })
    .await;
}

#[tokio::test]
async fn a_key_into_another_database_says_so_and_a_broken_view_stops_nobody() {
    in_database(async |scratch| {
        let other = format!("{}_other", scratch.name);
        scratch
            .run(&format!(
                "CREATE DATABASE {other}; CREATE TABLE {other}.target (id int PRIMARY KEY); \
                 CREATE TABLE t (id int PRIMARY KEY, x int, FOREIGN KEY (x) REFERENCES {other}.target (id)); \
                 CREATE TABLE gone (id int); CREATE VIEW broken AS SELECT id FROM gone; DROP TABLE gone"
            ))
            .await;
        let facts = scratch.connect().await.introspect().await;
        scratch.run(&format!("DROP TABLE t; DROP DATABASE {other}")).await;
        let facts = facts.unwrap();
        assert_eq!(table(&facts, "t").foreign_keys[0].to_schema.as_deref(), Some(&*other));
        assert_eq!(table(&facts, "broken").kind, TableKind::View);
    })
    .await;
}

#[tokio::test]
async fn many_tables_are_introspected_whole() {
    in_database(async |scratch| {
        let columns: String = (0..19).map(|at| format!(", c{at} varchar(20) DEFAULT 'x'")).collect();
        let ddl: String = (0..100).map(|at| format!("CREATE TABLE t{at} (id int PRIMARY KEY{columns});")).collect();
        scratch.run(&ddl).await;
        let facts = scratch.connect().await.introspect().await.unwrap();
        assert_eq!(facts.tables.len(), 100);
        assert!(facts.tables.is_sorted_by_key(|table| &table.name));
        for table in &facts.tables {
            assert_eq!(table.primary_key, ["id"]);
            let names: Vec<_> = table.columns.iter().skip(1).map(|column| column.name.clone()).collect();
            assert_eq!(names, (0..19).map(|at| format!("c{at}")).collect::<Vec<_>>());
        }
    })
    .await;
}
