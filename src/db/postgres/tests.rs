//! The driver against a real server, named by `TEST_POSTGRES_URL` (a
//! superuser's). Every test makes a database of its own.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::Postgres;
use crate::{
    catalog::{
        ColumnType,
        facts::{ColumnFacts, Facts, TableFacts},
    },
    clock::Stopwatch,
    db::{Error, Form, Options},
    value::{Key, Value},
};

/// A database of one test's own.
#[derive(Clone)]
pub(super) struct Scratch {
    pub(super) name: String,
    url: String,
}

impl Scratch {
    /// Runs SQL beside the driver under test.
    pub(super) async fn run(&self, sql: &str) {
        run(&self.url, sql).await;
    }

    /// One number, asked for beside the driver under test.
    pub(super) async fn count(&self, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let count = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        count
    }

    pub(super) fn options(&self) -> Options {
        Options {
            url: self.url.clone(),
            max_connections: 4,
            acquire_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::ZERO,
            schemas: vec!["public".to_owned()],
        }
    }

    async fn connect(&self) -> Postgres {
        Postgres::connect(self.options()).await.unwrap()
    }

    pub(super) async fn introspect(&self, schemas: &[&str]) -> Facts {
        let schemas = schemas.iter().map(|schema| (*schema).to_owned()).collect();
        let database = Postgres::connect(Options { schemas, ..self.options() }).await.unwrap();
        let facts = database.introspect().await.unwrap();
        database.close().await;
        facts
    }
}

fn server() -> String {
    #[expect(clippy::disallowed_methods, reason = "tests are told where the server is by their environment")]
    let url = std::env::var("TEST_POSTGRES_URL");
    url.expect("TEST_POSTGRES_URL: run scripts/test")
}

/// The server's URL with another database, and perhaps another user.
pub(super) fn url_of(database: &str, user: Option<&str>) -> String {
    let mut url = url::Url::parse(&server()).unwrap();
    url.set_path(database);
    if let Some(user) = user {
        url.set_username(user).unwrap();
    }
    url.into()
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Runs a test in a new database and drops that whatever happens.
pub(super) async fn with_database<F: Future<Output = ()>>(test: impl FnOnce(Scratch) -> F) {
    let name = format!("tidegate_{}", uuid::Uuid::new_v4().simple());
    run(&server(), &format!("CREATE DATABASE {name}")).await;
    let scratch = Scratch { url: url_of(&name, None), name: name.clone() };
    let outcome = AssertUnwindSafe(test(scratch)).catch_unwind().await;
    run(&server(), &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Waits for a fact, not for a time.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let watch = Stopwatch::start();
    while !holds().await {
        assert!(watch.elapsed() < Duration::from_secs(20), "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(super) fn sql(text: &str) -> Arc<str> {
    Arc::from(text)
}

/// The first cell of a statement, or its cell error.
async fn cell(database: &Postgres, text: &str, column_type: ColumnType, form: Form) -> Result<String, String> {
    let rows = database.fetch(&sql(text), &[]).await.unwrap();
    let mut out = b"before".to_vec();
    match rows.write_json(0, 0, &column_type, form, &mut out) {
        Ok(()) => Ok(String::from_utf8(out.split_off(6)).unwrap()),
        Err(error) => {
            assert_eq!(out, b"before");
            Err(error.0)
        }
    }
}

pub(super) fn table<'a>(facts: &'a Facts, name: &str) -> &'a TableFacts {
    facts.tables.iter().find(|table| table.name == name).unwrap()
}

pub(super) fn column<'a>(table: &'a TableFacts, name: &str) -> &'a ColumnFacts {
    table.columns.iter().find(|column| column.name == name).unwrap()
}

#[tokio::test]
async fn every_type_is_written_as_the_contract_spells_it() {
    use ColumnType as T;
    let list = |element: ColumnType| T::Array(Box::new(element));
    with_database(async |scratch| {
        let database = scratch.connect().await;
        for (expression, column_type, form, expected) in [
            ("NULL::int4", T::Integer, Form::Field, "null"),
            ("7::int2", T::Integer, Form::Field, "7"),
            ("-7::int4", T::Integer, Form::Id, "\"-7\""),
            ("9007199254740993::int8", T::BigInteger, Form::Field, "\"9007199254740993\""),
            ("0::int8", T::BigInteger, Form::Field, "0"),
            ("0::int8", T::BigInteger, Form::Id, "\"0\""),
            ("5::int8", T::BigInteger, Form::Raw, "5"),
            ("5::oid", T::BigInteger, Form::Field, "\"5\""),
            ("count(*)", T::Integer, Form::Field, "1"),
            ("12::numeric(9,0)", T::Integer, Form::Field, "12"),
            ("123456789012345678::numeric(18,0)", T::BigInteger, Form::Field, "\"123456789012345678\""),
            ("4.50::numeric(9,2)", T::Decimal, Form::Field, "4.5"),
            ("-0.00::numeric", T::Decimal, Form::Field, "0"),
            (
                "1e30::numeric + 0.000000000000000000000000000001",
                T::Decimal,
                Form::Field,
                "1000000000000000000000000000000.000000000000000000000000000001",
            ),
            ("100000000.25", T::Decimal, Form::Id, "\"100000000.25\""),
            ("1.1::float4", T::Float, Form::Field, "1.1"),
            ("0.1::float8", T::Double, Form::Field, "0.1"),
            ("3::float8", T::Integer, Form::Field, "3"),
            ("true", T::Boolean, Form::Field, "true"),
            ("'a\"b\\é'::text", T::Text, Form::Field, "\"a\\\"b\\\\é\""),
            ("'ab'::varchar(5)", T::Text, Form::Id, "\"ab\""),
            ("'ab'::char(4)", T::Text, Form::Field, "\"ab  \""),
            ("'n'::name", T::Text, Form::Field, "\"n\""),
            ("'c'::\"char\"", T::Text, Form::Field, "\"c\""),
            ("''::\"char\"", T::Text, Form::Field, "\"\""),
            (
                "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid",
                T::Uuid,
                Form::Field,
                "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
            ),
            ("'2024-02-03T04:05:06.789+02'::timestamptz", T::Timestamp, Form::Field, "\"2024-02-03T02:05:06.789Z\""),
            ("'1969-12-31T23:59:59.5'::timestamp", T::DateTime, Form::Field, "\"1969-12-31T23:59:59\""),
            ("'2024-02-29'::date", T::Date, Form::Field, "\"2024-02-29\""),
            ("'0001-01-01'::date", T::Date, Form::Field, "\"0001-01-01\""),
            ("'9999-12-31 23:59:59.999999'::timestamptz", T::Timestamp, Form::Field, "\"9999-12-31T23:59:59.999Z\""),
            ("'04:05:06.7'::time", T::Time, Form::Field, "\"04:05:06\""),
            ("'{\"b\": [1, 2.50]}'::json", T::Json, Form::Field, "{\"b\": [1, 2.50]}"),
            ("'{\"b\":[1,2.50]}'::jsonb", T::Json, Form::Field, "{\"b\": [1, 2.50]}"),
            ("'\"x\"'::jsonb", T::Json, Form::Id, "\"\\\"x\\\"\""),
            ("'{\"type\":\"Point\"}'::text", T::Geometry, Form::Field, "{\"type\":\"Point\"}"),
            ("'\\x00ff'::bytea", T::Binary, Form::Field, "\"AP8=\""),
            ("ARRAY[1,NULL,3]", list(T::Integer), Form::Field, "[1,null,3]"),
            ("'{}'::text[]", list(T::Text), Form::Field, "[]"),
            ("ARRAY['a','b\"']", list(T::Text), Form::Field, "[\"a\",\"b\\\"\"]"),
            ("ARRAY[0,5]::int8[]", list(T::BigInteger), Form::Field, "[0,\"5\"]"),
            ("ARRAY[0,5]::int8[]", list(T::BigInteger), Form::Raw, "[0,5]"),
            ("ARRAY['a']::text[]", list(T::Text), Form::Id, "\"[\\\"a\\\"]\""),
            ("ARRAY['{\"a\":1}'::jsonb]", list(T::Json), Form::Field, "[{\"a\": 1}]"),
            ("ARRAY[1.50, 2]", list(T::Decimal), Form::Field, "[1.5,2]"),
            ("ARRAY['2024-02-03'::date]", list(T::Date), Form::Field, "[\"2024-02-03\"]"),
            ("ARRAY[true]::bool[]", list(T::Boolean), Form::Field, "[true]"),
            ("'1 day 02:00'::interval::text", T::Other, Form::Field, "\"1 day 02:00:00\""),
            ("ARRAY['10.0.0.1'::inet]::text[]", list(T::Other), Form::Field, "[\"10.0.0.1/32\"]"),
        ] {
            let got = cell(&database, &format!("SELECT {expression}"), column_type, form).await;
            assert_eq!(got.as_deref(), Ok(expected), "{expression}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_cell_without_a_representation_fails_alone() {
    use ColumnType as T;
    with_database(async |scratch| {
        let database = scratch.connect().await;
        for (expression, column_type, expected) in [
            ("'infinity'::timestamptz", T::Timestamp, "infinity cannot be represented as a Date"),
            ("'-infinity'::timestamp", T::DateTime, "-infinity cannot be represented as a Date"),
            ("'infinity'::date", T::Date, "infinity cannot be represented as a Date"),
            ("'0001-12-31 BC'::date", T::Date, "a year before Christ cannot be represented as a Date"),
            ("'10000-01-01'::timestamp", T::DateTime, "a year after 9999 cannot be represented as a Date"),
            ("'294276-01-01'::timestamp", T::DateTime, "a year after 9999 cannot be represented as a Date"),
            ("'NaN'::float8", T::Double, "NaN cannot be represented as a number"),
            ("'-Infinity'::float4", T::Float, "infinity cannot be represented as a number"),
            ("'NaN'::numeric", T::Decimal, "NaN cannot be represented as a number"),
            ("'Infinity'::numeric", T::Decimal, "infinity cannot be represented as a number"),
            ("999999999999::numeric", T::Integer, "999999999999 does not fit a 32-bit Int"),
            ("1.5::numeric", T::Integer, "the number is not an integer of 64 bits"),
            ("2147483648::int8", T::Integer, "2147483648 does not fit a 32-bit Int"),
            ("'{\"a\":'::text", T::Json, "the text is not valid JSON"),
            (
                "ARRAY[[1],[2]]",
                T::Array(Box::new(T::Integer)),
                "an array of 2 dimensions cannot be represented as a list",
            ),
            ("'{1}'::text", T::Array(Box::new(T::Integer)), "the database sent a text where a list was expected"),
            ("ARRAY['NaN'::float8]", T::Array(Box::new(T::Double)), "NaN cannot be represented as a number"),
            ("'10.0.0.1'::inet", T::Other, "the database sent a value of a type that cannot be read (type id 869)"),
        ] {
            let got = cell(&database, &format!("SELECT {expression}"), column_type, Form::Field).await;
            assert_eq!(got.as_ref().map_err(String::as_str), Err(expected), "{expression}");
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_what_a_cast_to_text_gives() {
    with_database(async |scratch| {
        let database = scratch.connect().await;
        for expression in [
            "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
            "'2024-02-03 04:05:06.123456'::timestamp",
            "'2024-02-03 04:05:06.5+01'::timestamptz",
            "'0044-03-15 12:00 BC'::timestamp",
            "'294276-12-31 23:59:59.999999'::timestamp",
            "'infinity'::timestamptz",
            "'2024-02-03'::date",
            "'0001-01-01 BC'::date",
            "'10000-01-01'::date",
            "'-infinity'::date",
            "'04:05:06.00012'::time",
            "'24:00'::time",
            "'ab '::char(5)",
            "'x'::varchar",
            "'x'::\"char\"",
            "true",
            "'{\"a\": 1}'::jsonb",
            "1.5::numeric",
            "'NaN'::numeric",
            "'-Infinity'::numeric",
            "-0.00001234::numeric",
            "0.1::float8",
            "-123456.789::float8",
            "1e15::float8",
            "123456789012345::float8",
            "1.5e-5::float8",
            "0.0001::float8",
            "2.2250738585072014e-308::float8",
            "1.7976931348623157e308::float8",
            "0.1::float4",
            "999999::float4",
            "1e6::float4",
            "1.5e-10::float4",
            "'NaN'::float8",
        ] {
            let rows = database.fetch(&sql(&format!("SELECT {expression}, ({expression})::text")), &[]).await.unwrap();
            let (key, text) = (rows.key(0, 0, &ColumnType::Other), rows.key(0, 1, &ColumnType::Text));
            assert!(matches!(key, Some(Key::Text(_))), "{expression}");
            assert_eq!(key, text, "{expression}");
        }
    })
    .await;
}

#[tokio::test]
async fn equal_numbers_are_equal_keys() {
    with_database(async |scratch| {
        let database = scratch.connect().await;
        let text =
            sql("SELECT 1.0::numeric, 1.00::numeric, 5::int2, 5::int8, 5.0::numeric, NULL::int4, '\\x01'::bytea");
        let rows = database.fetch(&text, &[]).await.unwrap();
        let key = |column, column_type| rows.key(0, column, &column_type);
        assert_eq!(key(0, ColumnType::Decimal), Some(Key::Text("1".into())));
        assert_eq!(key(0, ColumnType::Decimal), key(1, ColumnType::Decimal));
        assert_eq!(key(2, ColumnType::Integer), Some(Key::Int(5)));
        assert_eq!(key(3, ColumnType::BigInteger), key(4, ColumnType::Integer));
        assert_eq!(key(5, ColumnType::Integer), None);
        assert!(rows.is_null(0, 5) && !rows.is_null(0, 4));
        assert_eq!(key(6, ColumnType::Binary), Some(Key::Bytes([1].as_slice().into())));
    })
    .await;
}

#[tokio::test]
async fn parameters_of_every_kind_arrive_whatever_came_before() {
    with_database(async |scratch| {
        let database = Postgres::connect(Options { max_connections: 1, ..scratch.options() }).await.unwrap();
        let text = sql("SELECT $1::text");
        for (value, expected) in [
            (Value::Null, "null"),
            (Value::Int(5), "\"5\""),
            (Value::Float(1.5), "\"1.5\""),
            (Value::Text("x".into()), "\"x\""),
            (Value::Null, "null"),
            (Value::Bool(true), "\"true\""),
            (Value::Bytes([1, 255].as_slice().into()), "\"\\\\x01ff\""),
            (Value::Ints([1, 2].as_slice().into()), "\"{1,2}\""),
            (Value::Ints([].as_slice().into()), "\"{}\""),
            (Value::Texts(["a".into(), "b,".into()].as_slice().into()), "\"{a,\\\"b,\\\"}\""),
            (Value::Int(6), "\"6\""),
        ] {
            let rows = database.fetch(&text, std::slice::from_ref(&value)).await.unwrap();
            let mut out = Vec::new();
            rows.write_json(0, 0, &ColumnType::Text, Form::Field, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{value:?}");
        }
        let nul = database.fetch(&text, &[Value::Text("a\0".into())]).await;
        assert!(matches!(nul, Err(Error::Value(_))), "{nul:?}");
    })
    .await;
}

#[tokio::test]
async fn failures_are_told_apart_and_name_no_values() {
    with_database(async |scratch| {
        let database = scratch.connect().await;
        let failure = async |text: &str| database.fetch(&sql(text), &[]).await.unwrap_err().to_string();
        assert_eq!(failure("SELECT 1/0").await, "the database cannot compute with a value: division by zero");
        assert_eq!(
            failure("SELECT 'secret'::text::uuid").await,
            "the database cannot compute with a value: invalid input syntax for type uuid"
        );
        assert_eq!(
            failure("SELECT * FROM nowhere").await,
            "the database reports: relation \"nowhere\" does not exist (42P01)"
        );
        // None of these cost the connection.
        assert_eq!(scratch.count("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidegate' AND datname = current_database()").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_cannot_be_had_says_why() {
    with_database(async |scratch| {
        let failure = async |url: String| Postgres::connect(Options { url, ..scratch.options() }).await.unwrap_err();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = failure(format!("postgres://u:hush@127.0.0.1:{closed}/x")).await;
        assert_eq!(
            error.to_string(),
            format!("the database cannot be reached: 127.0.0.1:{closed}: connection refused")
        );
        let error = failure(url_of("tidegate_no_such_database", None)).await;
        assert!(matches!(&error, Error::Refused(why) if why.contains("tidegate_no_such_database")), "{error}");
        let error = failure(url_of(&scratch.name, Some("tidegate_no_such_user"))).await;
        assert!(matches!(error, Error::Refused(_)), "{error}");
        let error = failure("postgres://u:hush@host:port/x".to_owned()).await;
        assert!(matches!(&error, Error::Url(why) if !why.contains("hush")), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = Postgres::connect(Options {
        url: format!("postgres://{}/x?sslmode=disable", silent.local_addr().unwrap()),
        max_connections: 1,
        acquire_timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_millis(50),
        statement_timeout: Duration::ZERO,
        schemas: Vec::new(),
    })
    .await
    .unwrap_err();
    assert!(error.to_string().ends_with("no answer within 50ms"), "{error}");
}

#[tokio::test]
async fn dropping_a_fetch_cancels_its_statement_and_keeps_the_pool_sound() {
    const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active' AND datname = current_database()";
    with_database(async |scratch| {
        let database = Postgres::connect(Options { max_connections: 1, ..scratch.options() }).await.unwrap();
        let other = database.clone();
        let fetch = crate::tasks::spawn("test", async move { other.fetch(&sql("SELECT pg_sleep(600)"), &[]).await });
        eventually("the statement's start", async || scratch.count(RUNNING).await == 1).await;
        fetch.abort();
        eventually("the statement's end", async || scratch.count(RUNNING).await == 0).await;
        // The one permit is free again, and what it gives is not the old connection's answer.
        assert_eq!(cell(&database, "SELECT 42", ColumnType::Integer, Form::Field).await.unwrap(), "42");
    })
    .await;
}

#[tokio::test]
async fn a_statement_over_its_limit_is_ended() {
    with_database(async |scratch| {
        let limit = Duration::from_millis(50);
        let database = Postgres::connect(Options { statement_timeout: limit, ..scratch.options() }).await.unwrap();
        let error = database.fetch(&sql("SELECT pg_sleep(600)"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::StatementTimeout(at) if at == limit), "{error}");
        assert_eq!(cell(&database, "SELECT 42", ColumnType::Integer, Form::Field).await.unwrap(), "42");
    })
    .await;
}

#[tokio::test]
async fn waiting_for_a_connection_has_an_end() {
    with_database(async |scratch| {
        let limit = Duration::from_millis(50);
        let options = Options { max_connections: 1, acquire_timeout: limit, ..scratch.options() };
        let database = Postgres::connect(options).await.unwrap();
        let held = database.snapshot().await.unwrap();
        let error = database.fetch(&sql("SELECT 1"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::PoolTimeout(at) if at == limit), "{error}");
        held.finish().await;
        assert!(database.fetch(&sql("SELECT 1"), &[]).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn connections_that_died_while_idle_cost_no_error() {
    with_database(async |scratch| {
        let database = scratch.connect().await;
        let all: Vec<_> = futures_util::future::join_all((0..4).map(|_| database.snapshot())).await;
        for snapshot in all {
            snapshot.unwrap().finish().await;
        }
        scratch
            .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidegate' AND datname = current_database()")
            .await;
        assert_eq!(cell(&database, "SELECT 42", ColumnType::Integer, Form::Field).await.unwrap(), "42");
        scratch
            .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidegate' AND datname = current_database()")
            .await;
        database.snapshot().await.unwrap().finish().await;
    })
    .await;
}

#[tokio::test]
async fn a_column_that_changed_its_type_costs_no_error() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE a (n int4); INSERT INTO a VALUES (1)").await;
        let database = scratch.connect().await;
        let text = "SELECT n FROM a";
        assert_eq!(cell(&database, text, ColumnType::BigInteger, Form::Field).await.unwrap(), "\"1\"");
        scratch.run("ALTER TABLE a ALTER n TYPE int8").await;
        assert_eq!(cell(&database, text, ColumnType::BigInteger, Form::Field).await.unwrap(), "\"1\"");
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_sees_one_state_and_writes_nothing() {
    with_database(async |scratch| {
        scratch.run("CREATE TABLE a (n int4); INSERT INTO a VALUES (1)").await;
        let database = Postgres::connect(Options { max_connections: 1, ..scratch.options() }).await.unwrap();
        let count = sql("SELECT count(*) FROM a");
        let mut snapshot = database.snapshot().await.unwrap();
        let before = snapshot.fetch(&count, &[]).await.unwrap().key(0, 0, &ColumnType::BigInteger);
        scratch.run("INSERT INTO a VALUES (2)").await;
        assert_eq!(snapshot.fetch(&count, &[]).await.unwrap().key(0, 0, &ColumnType::BigInteger), before);
        assert!(snapshot.fetch(&sql("INSERT INTO a VALUES (3)"), &[]).await.is_err());
        snapshot.finish().await;
        let after = database.fetch(&count, &[]).await.unwrap().key(0, 0, &ColumnType::BigInteger);
        assert_eq!(after, Some(Key::Int(2)));

        let mut dropped = database.snapshot().await.unwrap();
        dropped.fetch(&count, &[]).await.unwrap();
        drop(dropped);
        eventually("the transaction's end", async || {
            scratch.count("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()").await == 0
        })
        .await;
        assert!(database.fetch(&count, &[]).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn closing_leaves_no_connection_and_refuses_more() {
    with_database(async |scratch| {
        let database = scratch.connect().await;
        database.close().await;
        let error = database.fetch(&sql("SELECT 1"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        eventually("the connections' end", async || {
            scratch.count("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidegate' AND datname = current_database()").await == 0
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn sessions_are_set_up_as_the_decoders_expect() {
    with_database(async |scratch| {
        scratch
            .run(&format!(
                "ALTER DATABASE {0} SET timezone = 'Asia/Tokyo'; ALTER DATABASE {0} SET intervalstyle = 'iso_8601'; \
                 ALTER DATABASE {0} SET bytea_output = 'escape'; CREATE SCHEMA \"Odd \"\"one\"",
                scratch.name
            ))
            .await;
        let options = Options { schemas: vec!["Odd \"one".into(), "public".into()], ..scratch.options() };
        let database = Postgres::connect(options).await.unwrap();
        let text = async |expression: &str| {
            cell(&database, &format!("SELECT ({expression})::text"), ColumnType::Text, Form::Field).await.unwrap()
        };
        assert_eq!(text("'2024-01-01 00:00+00'::timestamptz").await, "\"2024-01-01 00:00:00+00\"");
        assert_eq!(text("'1 day 02:03'::interval").await, "\"1 day 02:03:00\"");
        assert_eq!(text("'\\x01'::bytea").await, "\"\\\\x01\"");
        assert_eq!(text("current_schema()").await, "\"Odd \\\"one\"");
    })
    .await;
}
