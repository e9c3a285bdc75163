//! What the driver writes to a real server, and what it says when it must not.

use std::{sync::Arc, time::Duration};

use super::tests::{Scratch, column, eventually, sql, table, with_database};
use crate::{
    catalog::{ColumnType, facts::ConstraintKind},
    db::{Database, Error, Options, RawColumn, Rows, Transaction, ViolationKind},
    value::{Key, Value},
};

/// The driver's own sessions in this database.
const SESSIONS: &str = "FROM pg_stat_activity WHERE application_name = 'tidegate' AND datname = current_database()";

async fn connect(scratch: &Scratch) -> Database {
    Database::connect(scratch.options()).await.unwrap()
}

async fn connect_one(scratch: &Scratch) -> Database {
    Database::connect(Options { max_connections: 1, ..scratch.options() }).await.unwrap()
}

fn integers(rows: &Rows) -> Vec<Key> {
    (0..rows.len()).map(|row| rows.key(row, 0, &ColumnType::Integer).unwrap()).collect()
}

async fn insert(transaction: &mut Transaction, number: i64) -> Result<u64, Error> {
    transaction.execute(&sql("INSERT INTO t VALUES ($1)"), &[Value::Int(number)]).await
}

async fn process(transaction: &mut Transaction) -> Key {
    integers(&transaction.fetch(&sql("SELECT pg_backend_pid()"), &[]).await.unwrap()).remove(0)
}

/// What everybody else sees.
async fn count(scratch: &Scratch) -> i64 {
    scratch.count("SELECT count(*) FROM t").await
}

#[tokio::test]
async fn a_commit_lasts_and_nothing_else_does() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int4)").await;
        let database = connect_one(&scratch).await;
        let mut rolled_back = database.begin().await.unwrap();
        assert_eq!(insert(&mut rolled_back, 1).await.unwrap(), 1);
        let first = process(&mut rolled_back).await;
        rolled_back.rollback().await;
        let mut dropped = database.begin().await.unwrap();
        insert(&mut dropped, 2).await.unwrap();
        drop(dropped);
        let mut committed = database.begin().await.unwrap();
        insert(&mut committed, 3).await.unwrap();
        // None of this has cost a connection.
        assert_eq!(process(&mut committed).await, first);
        assert_eq!(count(&scratch).await, 0);
        committed.commit().await.unwrap();
        assert_eq!(integers(&database.fetch(&sql("SELECT a FROM t"), &[]).await.unwrap()), [Key::Int(3)]);
        assert_eq!(database.execute(&sql("UPDATE t SET a = $1"), &[Value::Int(4)]).await.unwrap(), 1);
        assert_eq!(count(&scratch).await, 1);
        assert!(database.inserts_return());
    })
    .await;
}

#[tokio::test]
async fn statements_run_once_per_set_of_parameters() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (id serial PRIMARY KEY, a text)").await;
        let database = connect(&scratch).await;
        let before = database.statements_sent();
        let mut transaction = database.begin().await.unwrap();
        let statement = sql("INSERT INTO t (a) VALUES ($1) RETURNING id, a");
        let runs: Vec<_> = ["x", "y", "z"].map(|text| vec![Value::Text(text.into())]).into();
        let rows = transaction.fetch_each(&statement, &runs).await.unwrap();
        assert_eq!(integers(&rows), [Key::Int(1), Key::Int(2), Key::Int(3)]);
        assert_eq!(rows.key(1, 1, &ColumnType::Text), Some(Key::Text("y".into())));
        assert!(transaction.fetch_each(&statement, &[]).await.unwrap().is_empty());
        assert!(transaction.fetch(&sql("DELETE FROM t WHERE id = 3"), &[]).await.unwrap().is_empty());
        transaction.commit().await.unwrap();
        assert_eq!(count(&scratch).await, 2);
        assert_eq!(database.statements_sent() - before, 3);
    })
    .await;
}

const RULES: &str = r#"
CREATE TABLE p (id int4 PRIMARY KEY, a varchar(3) NOT NULL, b int2, "C d" int4, CONSTRAINT pair UNIQUE (b, "C d"),
    CONSTRAINT small CHECK (b < 100), span int4range, EXCLUDE USING gist (span WITH &&));
CREATE UNIQUE INDEX lower_a ON p (lower(a));
CREATE TABLE c (p int4 CONSTRAINT parent REFERENCES p);
INSERT INTO p VALUES (1, 'x', 1, 2, '[1,5)'), (2, 'z', 2, 2, NULL);
INSERT INTO c VALUES (2);
"#;

#[tokio::test]
async fn broken_rules_are_named() {
    use ViolationKind::{Check, ForeignKey, NotNull, OutOfRange, TooLong, Unique};
    with_database(async |scratch| {
        scratch.run(RULES).await;
        let database = connect_one(&scratch).await;
        for (statement, kind, table, columns, constraint) in [
            ("INSERT INTO p VALUES (1, 'y')", Unique, Some("p"), "id", Some("p_pkey")),
            ("INSERT INTO p VALUES (3, 'y', 1, 2)", Unique, Some("p"), "b,C d", Some("pair")),
            ("INSERT INTO p VALUES (3, 'X')", Unique, Some("p"), "", Some("lower_a")),
            ("INSERT INTO p VALUES (3, 'y', 3, 3, '[2,3)')", Unique, Some("p"), "span", Some("p_span_excl")),
            ("INSERT INTO p VALUES (3, NULL)", NotNull, Some("p"), "a", None),
            ("INSERT INTO c VALUES (7)", ForeignKey, Some("c"), "p", Some("parent")),
            ("DELETE FROM p WHERE id = 2", ForeignKey, Some("c"), "", Some("parent")),
            ("INSERT INTO p VALUES (3, 'y', 100)", Check, Some("p"), "", Some("small")),
            ("INSERT INTO p VALUES (3, 'yyyy')", TooLong, None, "", None),
            ("INSERT INTO p VALUES (3, 'y', 70000)", OutOfRange, None, "", None),
        ] {
            let mut transaction = database.begin().await.unwrap();
            let error = transaction.execute(&sql(statement), &[]).await.unwrap_err();
            assert!(!error.to_string().contains("yyyy"), "{error}");
            let Error::Constraint(found) = error else { panic!("{statement}: {error}") };
            let schema = table.map(|_| "public".to_owned());
            assert_eq!(found.schema, schema, "{statement}");
            let names = (found.table.as_deref(), found.columns.join(","), found.constraint.as_deref());
            assert_eq!((found.kind, names), (kind, (table, columns.to_owned(), constraint)), "{statement}");
            transaction.rollback().await;
        }
        let error = database.execute(&sql("INSERT INTO c VALUES (7)"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::Constraint(_)), "{error}");
        // What is no rule of a table is as it is for reads, and reads know no rules.
        let error = database.execute(&sql("UPDATE p SET b = b / (b - b)"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::Value(_)), "{error}");
        let error = database.fetch(&sql("SELECT 70000::int2"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::Value(_)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_failed_transaction_is_not_committed() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int4 UNIQUE DEFERRABLE INITIALLY DEFERRED CHECK (a < 10))").await;
        let database = connect_one(&scratch).await;
        let mut failed = database.begin().await.unwrap();
        insert(&mut failed, 1).await.unwrap();
        insert(&mut failed, 10).await.unwrap_err();
        assert!(matches!(failed.commit().await, Err(Error::Database(_))));
        assert_eq!(count(&scratch).await, 0);

        let mut saved = database.begin().await.unwrap();
        insert(&mut saved, 1).await.unwrap();
        saved.execute(&sql("SAVEPOINT one"), &[]).await.unwrap();
        insert(&mut saved, 10).await.unwrap_err();
        saved.execute(&sql("ROLLBACK TO one"), &[]).await.unwrap();
        saved.commit().await.unwrap();
        assert_eq!(count(&scratch).await, 1);

        let mut deferred = database.begin().await.unwrap();
        insert(&mut deferred, 1).await.unwrap();
        let error = deferred.commit().await.unwrap_err();
        assert!(matches!(&error, Error::Constraint(found) if found.columns == ["a"]), "{error}");
        assert_eq!(count(&scratch).await, 1);
        assert!(database.begin().await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn of_two_that_wait_for_each_other_one_gives_in() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int4, n int4); INSERT INTO t VALUES (1, 0), (2, 0)").await;
        let database = connect(&scratch).await;
        let update = sql("UPDATE t SET n = n + 1 WHERE a = $1");
        let (mut one, mut two) = (database.begin().await.unwrap(), database.begin().await.unwrap());
        one.execute(&update, &[Value::Int(1)]).await.unwrap();
        two.execute(&update, &[Value::Int(2)]).await.unwrap();
        let (first, second) = (Value::Int(1), Value::Int(2));
        let crossed = tokio::join!(
            one.execute(&update, std::slice::from_ref(&second)),
            two.execute(&update, std::slice::from_ref(&first))
        );
        let (winner, loser) = match crossed {
            (Ok(1), Err(Error::Conflict(_))) => (one, two),
            (Err(Error::Conflict(_)), Ok(1)) => (two, one),
            other => panic!("{other:?}"),
        };
        let mut loser = loser;
        assert!(matches!(insert(&mut loser, 3).await, Err(Error::Database(_))), "it is over");
        assert!(loser.commit().await.is_err());
        winner.commit().await.unwrap();
        assert_eq!(scratch.count("SELECT sum(n) FROM t").await, 2);

        let mut late = database.begin().await.unwrap();
        late.execute(&sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"), &[]).await.unwrap();
        late.fetch(&sql("SELECT * FROM t"), &[]).await.unwrap();
        scratch.run("UPDATE t SET n = 7").await;
        assert!(matches!(late.execute(&update, &[Value::Int(1)]).await, Err(Error::Conflict(_))));
        late.rollback().await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_ends_its_transaction_and_a_dead_one_begins_none() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int4)").await;
        let database = connect_one(&scratch).await;
        let kill = format!("SELECT pg_terminate_backend(pid) {SESSIONS}");
        let mut lost = database.begin().await.unwrap();
        insert(&mut lost, 1).await.unwrap();
        scratch.run(&kill).await;
        assert!(matches!(insert(&mut lost, 2).await, Err(Error::Unavailable(_))));
        assert!(matches!(insert(&mut lost, 2).await, Err(Error::Database(_))));
        lost.rollback().await;
        database.begin().await.unwrap().commit().await.unwrap();

        // Neither of these has written before it notices.
        scratch.run(&kill).await;
        let mut begun = database.begin().await.unwrap();
        insert(&mut begun, 3).await.unwrap();
        begun.commit().await.unwrap();
        scratch.run(&kill).await;
        database.execute(&sql("INSERT INTO t VALUES (4)"), &[]).await.unwrap();
        assert_eq!(count(&scratch).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_connection_lost_in_a_commit_leaves_the_outcome_open() {
    with_database(async |scratch| {
        scratch
            .run(
                "CREATE TABLE t (a int4);
                 CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END';
                 CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
                     FOR EACH ROW EXECUTE FUNCTION wait()",
            )
            .await;
        let database = connect_one(&scratch).await;
        let mut transaction = database.begin().await.unwrap();
        insert(&mut transaction, 1).await.unwrap();
        let commit = crate::tasks::spawn("test", transaction.commit());
        let waiting = format!("SELECT count(*) {SESSIONS} AND query = 'COMMIT' AND state = 'active'");
        eventually("the commit", async || scratch.count(&waiting).await == 1).await;
        scratch.run(&format!("SELECT pg_terminate_backend(pid) {SESSIONS}")).await;
        let error = commit.await.unwrap().unwrap_err();
        assert!(matches!(&error, Error::Unavailable(text) if text.ends_with("is not known")), "{error}");
        assert!(database.begin().await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_statement_given_up_is_cancelled_with_its_transaction() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int4)").await;
        let database = connect_one(&scratch).await;
        let mut transaction = database.begin().await.unwrap();
        insert(&mut transaction, 1).await.unwrap();
        let endless = sql("INSERT INTO t SELECT 1 FROM pg_sleep(600)");
        let running = format!("SELECT count(*) {SESSIONS} AND query LIKE '%pg_sleep(600)%' AND state = 'active'");
        tokio::select! {
            outcome = transaction.fetch(&endless, &[]) => panic!("{outcome:?}"),
            () = eventually("the statement's start", async || scratch.count(&running).await == 1) => {}
        }
        assert!(matches!(insert(&mut transaction, 2).await, Err(Error::Database(_))));
        assert!(transaction.commit().await.is_err());
        eventually("the statement's end", async || scratch.count(&running).await == 0).await;
        database.begin().await.unwrap().commit().await.unwrap();
        assert_eq!(count(&scratch).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_write_over_its_limit_is_ended() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int4)").await;
        let limit = Duration::from_millis(50);
        let options = Options { statement_timeout: limit, max_connections: 1, ..scratch.options() };
        let database = Database::connect(options).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        let error = transaction.execute(&sql("INSERT INTO t SELECT 1 FROM pg_sleep(600)"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::StatementTimeout(found) if found == limit), "{error}");
        assert!(transaction.commit().await.is_err());
        database.begin().await.unwrap().commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn tables_that_changed_meanwhile_are_a_conflict_once() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int4)").await;
        let database = connect(&scratch).await;
        let statement = sql("INSERT INTO t VALUES (1) RETURNING a");
        let (mut one, mut two) = (database.begin().await.unwrap(), database.begin().await.unwrap());
        one.fetch(&statement, &[]).await.unwrap();
        two.fetch(&statement, &[]).await.unwrap();
        one.commit().await.unwrap();
        two.commit().await.unwrap();
        scratch.run("ALTER TABLE t ALTER a TYPE int8").await;
        let mut stale = database.begin().await.unwrap();
        assert!(matches!(stale.fetch(&statement, &[]).await, Err(Error::Conflict(_))));
        stale.rollback().await;
        let mut fresh = database.begin().await.unwrap();
        fresh.fetch(&statement, &[]).await.unwrap();
        fresh.commit().await.unwrap();
        assert_eq!(count(&scratch).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_only_reads_refuses() {
    with_database(async |scratch| {
        scratch.run(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", scratch.name)).await;
        let mut transaction = connect(&scratch).await.begin().await.unwrap();
        let error = transaction.execute(&sql("CREATE TABLE t (a int4)"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_rows_travels_as_columns() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int4, b text)").await;
        let database = connect(&scratch).await;
        let column = |cells: &[Option<&str>]| Value::Column(cells.iter().map(|cell| cell.map(Arc::from)).collect());
        let parameters = [column(&[Some("1"), Some("2")]), column(&[Some("x\"{y"), None])];
        let statement = sql("INSERT INTO t SELECT a::int4, b FROM unnest($1, $2) AS new (a, b) RETURNING a, b");
        let mut transaction = database.begin().await.unwrap();
        let rows = transaction.fetch(&statement, &parameters).await.unwrap();
        assert_eq!(integers(&rows), [Key::Int(1), Key::Int(2)]);
        assert_eq!(rows.key(0, 1, &ColumnType::Text), Some(Key::Text("x\"{y".into())));
        assert!(rows.is_null(1, 1));
        let nul = transaction.fetch(&statement, &[column(&[Some("1")]), column(&[Some("\0")])]).await;
        assert!(matches!(nul, Err(Error::Value(_))), "{nul:?}");
    })
    .await;
}

#[tokio::test]
async fn rows_of_unknown_statements_describe_themselves() {
    use ColumnType as T;
    with_database(async |scratch| {
        let database = connect(&scratch).await;
        let statement = sql("SELECT 1 AS a, 2::int8 AS \"b c\", 1.5 AS d, 'x' AS e, true AS f, now() AS g, \
            current_date AS h, '{}'::jsonb AS i, ARRAY[1.5] AS j, ARRAY['x'::varchar] AS k, '\\x00'::bytea AS l, \
            '1 day'::interval AS m, 1::float4 AS n, NULL::uuid AS o, 1 AS p, 2 AS q, 'x'::varchar AS r");
        let rows = database.fetch(&statement, &[]).await.unwrap();
        let list = |element: ColumnType| T::Array(Box::new(element));
        let types = [
            T::Integer,
            T::BigInteger,
            T::Decimal,
            T::Text,
            T::Boolean,
            T::Timestamp,
            T::Date,
            T::Json,
            list(T::Decimal),
            list(T::Text),
            T::Binary,
            T::Other,
            T::Float,
            T::Uuid,
            T::Integer,
            T::Integer,
            T::Text,
        ];
        let names = ["a", "b c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"];
        let expected =
            names.iter().zip(types).map(|(name, column_type)| RawColumn { name: (*name).to_owned(), column_type });
        assert_eq!(rows.columns(), expected.collect::<Vec<_>>());
        let other = database.fetch(&sql("SELECT 1, NULL::text, '\\x00000001'::bytea"), &[]).await.unwrap();
        assert!(rows.same_cell(0, 0, &rows, 0, 14) && !rows.same_cell(0, 0, &rows, 0, 15));
        assert!(rows.same_cell(0, 0, &other, 0, 0) && rows.same_cell(0, 13, &other, 0, 1));
        assert!(rows.same_cell(0, 3, &rows, 0, 16), "two kinds of text");
        assert!(!rows.same_cell(0, 0, &other, 0, 2), "the same bytes mean something else");
        assert!(rows.bytes(0) > other.bytes(0) && other.bytes(0) > 0);
        assert!(database.fetch(&sql("SELECT 1 WHERE false"), &[]).await.unwrap().columns().is_empty());
    })
    .await;
}

#[tokio::test]
async fn introspection_finds_what_governs_writes() {
    with_database(async |scratch| {
        scratch
            .run(
                "CREATE TABLE plain (id int4 GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int4 NOT NULL);
                 CREATE TABLE t (id int4 GENERATED ALWAYS AS IDENTITY, a text, b int4 REFERENCES plain,
                     CONSTRAINT pair UNIQUE (b, a), CONSTRAINT order_of CHECK (a > 'x' OR b < 5), during int4range,
                     CONSTRAINT apart EXCLUDE USING gist (during WITH &&));
                 CREATE UNIQUE INDEX partly ON t (lower(a), b) WHERE b > 3;
                 CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
                 CREATE TRIGGER before BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION nothing();
                 CREATE TABLE off (id int4 PRIMARY KEY);
                 CREATE TRIGGER before BEFORE INSERT ON off FOR EACH ROW EXECUTE FUNCTION nothing();
                 ALTER TABLE off DISABLE TRIGGER before;
                 CREATE TABLE ruled (id int4 PRIMARY KEY);
                 CREATE RULE nothing AS ON DELETE TO ruled DO INSTEAD NOTHING;
                 CREATE VIEW seen AS SELECT * FROM ruled;
                 CREATE TABLE parted (id int4 PRIMARY KEY) PARTITION BY RANGE (id);
                 CREATE TABLE part PARTITION OF parted FOR VALUES FROM (1) TO (10);
                 CREATE TRIGGER before BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION nothing()",
            )
            .await;
        let facts = connect(&scratch).await.introspect().await.unwrap();
        let triggers: Vec<_> =
            facts.tables.iter().filter(|table| table.has_triggers).map(|table| &*table.name).collect();
        assert_eq!(triggers, ["parted", "ruled", "t"]);
        assert!(column(table(&facts, "t"), "id").identity_always);
        assert!(
            !column(table(&facts, "plain"), "id").identity_always
                && column(table(&facts, "plain"), "id").auto_increment
        );
        let constraints = table(&facts, "t").constraints.iter();
        let constraints = constraints.map(|found| (&*found.name, found.kind, found.columns.join(",")));
        assert_eq!(
            constraints.collect::<Vec<_>>(),
            [
                ("apart", ConstraintKind::Unique, "during".to_owned()),
                ("order_of", ConstraintKind::Check, "a,b".to_owned()),
                ("pair", ConstraintKind::Unique, "b,a".to_owned()),
                ("partly", ConstraintKind::Unique, "b".to_owned()),
                ("t_b_fkey", ConstraintKind::ForeignKey, "b".to_owned()),
            ]
        );
        assert_eq!(table(&facts, "plain").constraints[0].name, "plain_pkey");
    })
    .await;
}
