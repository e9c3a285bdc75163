//! The driver against a real server, through the seam that everybody uses.
//! `TEST_MYSQL_URL` names a server and a user who may do everything there;
//! each test has a database of its own.

use std::{
    future::Future,
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use sqlx::{Connection as _, MySqlConnection, Row as _};
use url::Url;

use super::super::{CellError, Database, Error, Form, Options, Rows};
use crate::{
    catalog::{
        ColumnType,
        facts::{Facts, TableFacts},
    },
    clock::Stopwatch,
    value::{Key, Value},
};

/// A database of its own for one test.
pub(super) struct Scratch {
    pub(super) name: String,
    url: Url,
}

impl Scratch {
    pub(super) fn options(&self) -> Options {
        Options {
            url: self.url.to_string(),
            max_connections: 4,
            acquire_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::ZERO,
            schemas: Vec::new(),
        }
    }

    pub(super) async fn connect(&self) -> Database {
        Database::connect(self.options()).await.unwrap()
    }

    /// Runs statements beside the driver; the rows' cells as text.
    pub(super) async fn run(&self, statements: &str) -> Vec<Vec<String>> {
        let mut connection = MySqlConnection::connect(self.url.as_str()).await.unwrap();
        let rows = super::fetch_text_on(&mut connection, statements).await.unwrap();
        connection.close().await.unwrap();
        let cell = |row: &sqlx::mysql::MySqlRow, at| {
            let bytes = row.try_get_unchecked::<Option<&[u8]>, _>(at).unwrap();
            bytes.map_or("NULL".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect()
    }

    /// A relay to the server, and how to connect through it.
    pub(super) async fn relayed(&self) -> (Relay, Options) {
        let host = self.url.host_str().unwrap();
        let server = tokio::net::lookup_host((host, self.url.port().unwrap_or(3306))).await.unwrap().next().unwrap();
        let (relay, address) = Relay::to(server);
        let mut url = self.url.clone();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(address.port())).unwrap();
        (relay, Options { url: url.to_string(), ..self.options() })
    }

    pub(super) async fn is_mariadb(&self) -> bool {
        self.run("SELECT VERSION()").await[0][0].contains("MariaDB")
    }

    /// How many statements with `marker` run now, this one aside.
    pub(super) async fn running(&self, marker: &str) -> usize {
        let query = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE '%{marker}%' AND ID <> CONNECTION_ID()"
        );
        self.run(&query).await.len()
    }
}

pub(super) async fn in_database<F: Future<Output = ()>>(test: impl FnOnce(Arc<Scratch>) -> F) {
    #[expect(clippy::disallowed_methods, reason = "the test's server is named by the environment")]
    let server = std::env::var("TEST_MYSQL_URL").expect("TEST_MYSQL_URL: run scripts/test");
    let name = format!("tidegate_{}", uuid::Uuid::new_v4().simple());
    let mut url = Url::parse(&server).unwrap();
    url.set_path(&name);
    let mut connection = MySqlConnection::connect(&server).await.unwrap();
    super::fetch_text_on(&mut connection, &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await.unwrap();
    let outcome = AssertUnwindSafe(test(Arc::new(Scratch { name: name.clone(), url }))).catch_unwind().await;
    super::fetch_text_on(&mut connection, &format!("DROP DATABASE {name}")).await.unwrap();
    connection.close().await.unwrap();
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// Waits for a fact, but not for long.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut fact: impl FnMut() -> F) {
    let waiting = Stopwatch::start();
    while !fact().await {
        assert!(waiting.elapsed() < Duration::from_secs(10), "{what}: it did not come true");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(super) fn text(statement: &str) -> Arc<str> {
    Arc::from(statement)
}

fn json(rows: &Rows, row: usize, column: usize, column_type: &ColumnType, form: Form) -> Result<String, CellError> {
    let mut out = Vec::new();
    rows.write_json(row, column, column_type, form, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

pub(super) fn table<'f>(facts: &'f Facts, name: &str) -> &'f TableFacts {
    facts.tables.iter().find(|table| table.name == name).unwrap()
}

/// Every type that both servers have: DDL, a value in SQL, its JSON.
const TYPES: &[(&str, &str, &str)] = &[
    ("tinyint(1)", "2", "true"),
    ("boolean", "false", "false"),
    ("bit(1)", "b'1'", "true"),
    ("tinyint", "-128", "-128"),
    ("tinyint unsigned", "255", "255"),
    ("smallint", "-32768", "-32768"),
    ("smallint unsigned", "65535", "65535"),
    ("mediumint", "-8388608", "-8388608"),
    ("mediumint unsigned", "16777215", "16777215"),
    ("int", "-2147483648", "-2147483648"),
    ("int unsigned", "4294967295", "\"4294967295\""),
    ("bigint", "-9223372036854775808", "\"-9223372036854775808\""),
    ("bigint", "0", "0"),
    ("bigint unsigned", "18446744073709551615", "\"18446744073709551615\""),
    ("year", "2024", "2024"),
    ("float", "1.1", "1.1"),
    ("double", "0.1", "0.1"),
    ("decimal(9,0)", "123456789", "123456789"),
    ("decimal(18,0)", "-123456789012345678", "\"-123456789012345678\""),
    ("decimal(40,10)", "123456789012345678901234567890.1200000000", "123456789012345678901234567890.12"),
    ("char(5)", "'ab'", "\"ab\""),
    ("varchar(20)", "'a\\\\b\"c\\n'", "\"a\\\\b\\\"c\\n\""),
    ("varchar(20) character set latin1", "'Zoë'", "\"Zoë\""),
    ("varchar(20) collate utf8mb4_bin", "'日本😀'", "\"日本😀\""),
    ("text", "''", "\"\""),
    ("longtext collate utf8mb4_bin", "'long'", "\"long\""),
    ("enum('a','b''c')", "'b''c'", "\"b'c\""),
    ("set('x','y')", "'x,y'", "\"x,y\""),
    ("date", "'2024-02-29'", "\"2024-02-29\""),
    ("date", "'0001-01-01'", "\"0001-01-01\""),
    ("datetime", "'9999-12-31 23:59:59'", "\"9999-12-31T23:59:59\""),
    ("datetime(6)", "'2024-02-03 00:00:00.000001'", "\"2024-02-03T00:00:00\""),
    ("timestamp(3) null", "'2024-02-03 02:05:06.789'", "\"2024-02-03T02:05:06.789Z\""),
    ("time", "'04:05:06'", "\"04:05:06\""),
    ("time", "'00:00:00'", "\"00:00:00\""),
    ("time", "'-12:30:00'", "! -12:30:00 is no time of day"),
    ("time", "'838:59:59'", "! 838:59:59 is no time of day"),
    ("date", "'0000-00-00'", "! 0000-00-00 is no date"),
    ("datetime", "'0000-00-00 00:00:00'", "! 0000-00-00 is no date"),
    ("date", "'2024-01-00'", "! 2024-01-00 is no date"),
    ("json", "'{\"a\": [1, null]}'", "{\"a\": [1, null]}"),
    ("binary(3)", "'a'", "\"YQAA\""),
    ("varbinary(5)", "x'ff00'", "\"/wA=\""),
    ("blob", "x''", "\"\""),
];

#[tokio::test]
async fn every_type_is_spelled_as_the_contract_says() {
    in_database(async |scratch| {
        let columns = |part: fn(usize, &(&str, &str, &str)) -> String| {
            TYPES.iter().enumerate().map(|(at, case)| part(at, case)).collect::<Vec<_>>().join(", ")
        };
        let ddl = columns(|at, (declared, ..)| format!("c{at} {declared}"));
        let values = columns(|_, (_, value, _)| (*value).to_owned());
        let nulls = columns(|_, _| "NULL".to_owned());
        scratch
            .run(&format!(
                "SET sql_mode = ''; SET time_zone = '+00:00'; CREATE TABLE t ({ddl}); INSERT INTO t VALUES ({values}); \
                 INSERT INTO t VALUES ({nulls})"
            ))
            .await;
        let database = scratch.connect().await;
        let facts = database.introspect().await.unwrap();
        let rows = database.fetch(&text("SELECT * FROM t ORDER BY c3 IS NULL"), &[]).await.unwrap();
        assert_eq!(rows.len(), 2);
        for (at, (declared, value, expected)) in TYPES.iter().enumerate() {
            let column_type = &table(&facts, "t").columns[at].column_type;
            let spelled = json(&rows, 0, at, column_type, Form::Field).unwrap_or_else(|error| format!("! {error}"));
            assert_eq!(spelled, *expected, "{declared} {value}");
            assert!(!rows.is_null(0, at), "{declared} {value}");
            assert!(rows.key(0, at, column_type).is_some());
            assert_eq!(json(&rows, 1, at, column_type, Form::Id).unwrap(), "null");
            assert!(rows.is_null(1, at));
            assert_eq!(rows.key(1, at, column_type), None);
        }
    })
    .await;
}

#[tokio::test]
async fn the_types_of_mariadb_are_spelled_too() {
    in_database(async |scratch| {
        if !scratch.is_mariadb().await {
            return;
        }
        let id = "AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee";
        scratch
            .run(&format!(
                "CREATE TABLE t (u uuid, a inet6, b inet4, broken longtext); \
                 INSERT INTO t VALUES ('{id}', '::1', '10.0.0.1', '{{'); \
                 ALTER TABLE t ADD COLUMN g point; UPDATE t SET g = ST_GeomFromText('POINT(1 2)')"
            ))
            .await;
        let database = scratch.connect().await;
        let facts = database.introspect().await.unwrap();
        let types = table(&facts, "t").columns.iter().map(|column| column.column_type.clone()).collect::<Vec<_>>();
        let other = ColumnType::Other;
        assert_eq!(types, [ColumnType::Uuid, other.clone(), other.clone(), ColumnType::Text, ColumnType::Geometry]);
        let rows = database.fetch(&text("SELECT u, a, b, broken, ST_AsGeoJSON(g) FROM t"), &[]).await.unwrap();
        let field = |column, column_type| json(&rows, 0, column, column_type, Form::Field);
        assert_eq!(field(0, &ColumnType::Uuid).unwrap(), format!("\"{}\"", id.to_lowercase()));
        assert_eq!(rows.key(0, 0, &ColumnType::Uuid), Some(Key::Text(id.to_lowercase().into())));
        assert_eq!(field(1, &other).unwrap(), "\"::1\"");
        assert_eq!(field(2, &other).unwrap(), "\"10.0.0.1\"");
        assert!(field(3, &ColumnType::Json).unwrap_err().0.starts_with("the text is not valid JSON"));
        let point: serde_json::Value = serde_json::from_str(&field(4, &ColumnType::Geometry).unwrap()).unwrap();
        assert_eq!(point["type"], "Point");
    })
    .await;
}

#[tokio::test]
async fn expressions_arrive_in_layouts_of_their_own() {
    in_database(async |scratch| {
        scratch
            .run(
                "CREATE TABLE t (n int, b tinyint(1), u tinyint(1) unsigned, f float, d date, bits bit(8)); \
                 INSERT INTO t VALUES (2000000000, 1, 200, 1.1, '2024-02-03', b'101')",
            )
            .await;
        let database = scratch.connect().await;
        let statement = "SELECT SUM(n), COUNT(*), MAX(b), MIN(f), MAX(d), LPAD(BIN(bits), 8, '0'), \
            CONCAT(d, ' 04:05:06'), n > 5, AVG(n), u FROM t";
        let rows = database.fetch(&text(statement), &[]).await.unwrap();
        let cell = |column, column_type, form| json(&rows, 0, column, &column_type, form).unwrap();
        assert_eq!(cell(0, ColumnType::BigInteger, Form::Field), "\"2000000000\"");
        assert_eq!(cell(0, ColumnType::Integer, Form::Raw), "2000000000");
        assert_eq!(cell(1, ColumnType::Integer, Form::Field), "1");
        assert_eq!(cell(2, ColumnType::Boolean, Form::Field), "true");
        assert_eq!(cell(3, ColumnType::Float, Form::Field), "1.1");
        assert_eq!(cell(4, ColumnType::Date, Form::Field), "\"2024-02-03\"");
        assert_eq!(cell(5, ColumnType::Other, Form::Field), "\"00000101\"");
        assert_eq!(cell(6, ColumnType::DateTime, Form::Field), "\"2024-02-03T04:05:06\"");
        assert_eq!(cell(7, ColumnType::Boolean, Form::Field), "true");
        assert_eq!(cell(8, ColumnType::Decimal, Form::Field), "2000000000");
        assert_eq!(cell(9, ColumnType::Integer, Form::Field), "200");
    })
    .await;
}

#[tokio::test]
async fn parameters_of_every_kind_travel() {
    in_database(async |scratch| {
        let database = scratch.connect().await;
        let parameters = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Float(0.1),
            Value::Text("日本 'x' \\".into()),
            Value::Bytes([0, 255].into()),
        ];
        let rows = database.fetch(&text("SELECT ?, ?, ?, ?, ?, HEX(?)"), &parameters).await.unwrap();
        let cell = |column, column_type| json(&rows, 0, column, &column_type, Form::Raw).unwrap();
        assert!(rows.is_null(0, 0));
        assert_eq!(cell(1, ColumnType::Boolean), "true");
        assert_eq!(cell(2, ColumnType::BigInteger), i64::MIN.to_string());
        assert_eq!(cell(3, ColumnType::Double), "0.1");
        assert_eq!(cell(4, ColumnType::Text), "\"日本 'x' \\\\\"");
        assert_eq!(cell(5, ColumnType::Text), "\"00FF\"");
        let list = database.fetch(&text("SELECT ?"), &[Value::Ints([1].into())]).await;
        assert!(matches!(list, Err(Error::Database(message)) if message.contains("lists")));
    })
    .await;
}

#[tokio::test]
async fn dropping_a_fetch_stops_the_statement_and_frees_the_room() {
    in_database(async |scratch| {
        let database = Database::connect(Options { max_connections: 1, ..scratch.options() }).await.unwrap();
        // Computes for a minute, and unlike SLEEP never looks whether anybody listens.
        let statement = text(&format!("SELECT BENCHMARK(500000000, MD5('{}'))", scratch.name));
        let marker = format!("BENCHMARK%{}", scratch.name);
        let computing = crate::tasks::spawn("computing", {
            let database = database.clone();
            async move { database.fetch(&statement, &[]).await.map(drop) }
        });
        eventually("it runs", async || scratch.running(&marker).await == 1).await;
        computing.abort();
        eventually("it stops", async || scratch.running(&marker).await == 0).await;
        // One connection is all there may be, so this one is a new one.
        let rows = database.fetch(&text("SELECT 7"), &[]).await.unwrap();
        assert_eq!(rows.key(0, 0, &ColumnType::Integer), Some(Key::Int(7)));
        database.close().await;
    })
    .await;
}

#[tokio::test]
async fn cancelling_at_any_point_leaves_a_working_pool() {
    in_database(async |scratch| {
        let database = Database::connect(Options { max_connections: 2, ..scratch.options() }).await.unwrap();
        for round in 0..60_u64 {
            let statement = text(&format!("SELECT {round}, REPEAT('x', 20000) FROM information_schema.COLLATIONS"));
            let fetch = database.fetch(&statement, &[]);
            // Whether it was in time does not matter.
            let _ = tokio::time::timeout(Duration::from_micros(round * 50), fetch).await;
            let rows = database.fetch(&text("SELECT ?"), &[Value::Int(round as i64)]).await.unwrap();
            assert_eq!(rows.key(0, 0, &ColumnType::BigInteger), Some(Key::Int(round as i64)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_statement_is_stopped_at_its_limit() {
    in_database(async |scratch| {
        let limit = Duration::from_millis(100);
        let options = Options { statement_timeout: limit, max_connections: 1, ..scratch.options() };
        let database = Database::connect(options).await.unwrap();
        let slow = text(
            "SELECT COUNT(*) FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, \
            information_schema.COLLATIONS c, information_schema.COLLATIONS d WHERE a.ID + b.ID + c.ID + d.ID = -1",
        );
        let outcome = database.fetch(&slow, &[]).await;
        assert!(matches!(outcome, Err(Error::StatementTimeout(after)) if after == limit), "{outcome:?}");
        database.introspect().await.unwrap();
        let outcome = database.fetch(&slow, &[]).await;
        assert!(matches!(outcome, Err(Error::StatementTimeout(_))), "the limit is back: {outcome:?}");
        database.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn errors_are_classified_and_keep_the_connection() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (b bigint); INSERT INTO t VALUES (9223372036854775807)").await;
        let database = Database::connect(Options { max_connections: 1, ..scratch.options() }).await.unwrap();
        let connection = async || {
            let rows = database.fetch(&text("SELECT CONNECTION_ID()"), &[]).await.unwrap();
            rows.key(0, 0, &ColumnType::BigInteger).unwrap()
        };
        let before = connection().await;
        let missing = database.fetch(&text("SELECT * FROM nowhere"), &[]).await;
        assert!(matches!(missing, Err(Error::Database(message)) if message.contains("nowhere")));
        let beyond = database.fetch(&text("SELECT b + 1 FROM t"), &[]).await;
        assert!(matches!(beyond, Err(Error::Value(_))), "{beyond:?}");
        assert_eq!(connection().await, before);
    })
    .await;
}

#[tokio::test]
async fn connecting_says_in_one_sentence_what_is_wrong() {
    in_database(async |scratch| {
        let attempt = async |change: fn(&mut Url)| {
            let mut url = scratch.url.clone();
            change(&mut url);
            let options = Options { url: url.to_string(), ..scratch.options() };
            Database::connect(options).await.map(drop).unwrap_err()
        };
        let error = attempt(|url| url.set_password(Some("hush-hush")).unwrap()).await;
        assert!(matches!(error, Error::Refused(_)), "{error}");
        assert!(!error.to_string().contains("hush"), "{error}");
        let error = attempt(|url| url.set_path("/no_such_database")).await;
        assert!(matches!(&error, Error::Refused(message) if message.contains("no_such_database")), "{error}");
        let error = attempt(|url| url.set_path("")).await;
        assert!(matches!(error, Error::Url(_)), "{error}");
        let error = attempt(|url| url.set_port(Some(1)).unwrap()).await;
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        let error = attempt(|url| url.set_host(Some("no-such-host.invalid")).unwrap()).await;
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        let mariadb = scratch.url.as_str().replacen("mysql:", "mariadb:", 1);
        Database::connect(Options { url: mariadb, ..scratch.options() }).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_full_pool_makes_wait_but_not_for_ever() {
    in_database(async |scratch| {
        let acquire_timeout = Duration::from_millis(50);
        let options = Options { max_connections: 1, acquire_timeout, ..scratch.options() };
        let database = Database::connect(options).await.unwrap();
        let snapshot = database.snapshot().await.unwrap();
        assert!(matches!(database.ping().await, Err(Error::PoolTimeout(after)) if after == acquire_timeout));
        snapshot.finish().await;
        database.ping().await.unwrap();
        database.close().await;
        assert!(matches!(database.ping().await, Err(Error::Unavailable(_))));
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_stands_still_and_plain_reads_do_not() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (id int PRIMARY KEY)").await;
        let database = Database::connect(Options { max_connections: 2, ..scratch.options() }).await.unwrap();
        let count = text("SELECT COUNT(*) FROM t");
        let mut snapshot = database.snapshot().await.unwrap();
        scratch.run("INSERT INTO t VALUES (1)").await;
        let number = |rows: Rows| rows.key(0, 0, &ColumnType::BigInteger).unwrap();
        assert_eq!(number(snapshot.fetch(&count, &[]).await.unwrap()), Key::Int(0));
        assert_eq!(number(database.fetch(&count, &[]).await.unwrap()), Key::Int(1));
        let write = snapshot.fetch(&text("INSERT INTO t VALUES (2)"), &[]).await;
        assert!(matches!(write, Err(Error::Database(_))));
        snapshot.finish().await;
        // Both a connection given back and one left behind see the present.
        drop(database.snapshot().await.unwrap());
        scratch.run("INSERT INTO t VALUES (3)").await;
        for _ in 0..3 {
            assert_eq!(number(database.fetch(&count, &[]).await.unwrap()), Key::Int(2));
        }
        let open = "SELECT trx_id FROM information_schema.INNODB_TRX JOIN information_schema.PROCESSLIST \
            ON trx_mysql_thread_id = ID WHERE DB = DATABASE()";
        eventually("no transaction stays open", async || scratch.run(open).await.is_empty()).await;
    })
    .await;
}

#[tokio::test]
async fn connections_killed_while_idle_are_replaced_unnoticed() {
    in_database(async |scratch| {
        let database = scratch.connect().await;
        warm_up(&database).await;
        let query = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{}' AND COMMAND = 'Sleep'",
            scratch.name
        );
        for round in 0..3 {
            for row in scratch.run(&query).await {
                scratch.run(&format!("KILL {}", row[0])).await;
            }
            match round {
                0 => database.ping().await.unwrap(),
                1 => database.snapshot().await.unwrap().finish().await,
                _ => drop(database.introspect().await.unwrap()),
            }
        }
    })
    .await;
}

/// Four statements at a time, so that as many connections idle afterwards.
async fn warm_up(database: &Database) {
    let statement = text("SELECT SLEEP(0.05)");
    let busy = (0..4).map(|_| database.fetch(&statement, &[]));
    for outcome in futures_util::future::join_all(busy).await {
        outcome.unwrap();
    }
}

/// Stands between the driver and the server, to be cut and mended.
#[derive(Clone)]
pub(super) struct Relay(Arc<Mutex<RelayState>>);

struct RelayState {
    is_cut: bool,
    streams: Vec<TcpStream>,
}

impl Relay {
    /// The relay and where it listens.
    fn to(server: SocketAddr) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let relay = Self(Arc::new(Mutex::new(RelayState { is_cut: false, streams: Vec::new() })));
        let state = relay.clone();
        crate::tasks::thread("relay", move || {
            while let Ok((near, _)) = listener.accept() {
                state.connect(near, server);
            }
        })
        .unwrap();
        (relay, address)
    }

    fn connect(&self, near: TcpStream, server: SocketAddr) {
        let mut state = self.0.lock().unwrap();
        if state.is_cut {
            return;
        }
        let far = TcpStream::connect(server).unwrap();
        state.streams.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
        copy(near.try_clone().unwrap(), far.try_clone().unwrap());
        copy(far, near);
    }

    pub(super) fn cut(&self) {
        let mut state = self.0.lock().unwrap();
        state.is_cut = true;
        for stream in state.streams.drain(..) {
            // It may have been closed already.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    fn mend(&self) {
        self.0.lock().unwrap().is_cut = false;
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    crate::tasks::thread("copy", move || {
        // An end is an end, whatever the reason.
        drop(io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
    })
    .unwrap();
}

#[tokio::test]
async fn the_pool_recovers_when_the_server_comes_back() {
    in_database(async |scratch| {
        let (relay, options) = scratch.relayed().await;
        let database = Database::connect(options).await.unwrap();
        warm_up(&database).await;
        relay.cut();
        for _ in 0..6 {
            let outcome = database.ping().await;
            assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        }
        relay.mend();
        for _ in 0..6 {
            database.ping().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn never_more_connections_than_allowed() {
    in_database(async |scratch| {
        let database = Database::connect(Options { max_connections: 3, ..scratch.options() }).await.unwrap();
        let statement = text("SELECT ?");
        let parameters: Vec<_> = (0..200).map(|number| [Value::Int(number)]).collect();
        let busy = parameters.iter().map(|parameters| database.fetch(&statement, parameters));
        for (at, rows) in futures_util::future::join_all(busy).await.into_iter().enumerate() {
            assert_eq!(rows.unwrap().key(0, 0, &ColumnType::BigInteger), Some(Key::Int(at as i64)));
        }
        let query = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()";
        let connections = scratch.run(query).await.len();
        assert!((1..=3).contains(&connections), "{connections}");
        database.close().await;
        eventually("all are closed", async || scratch.run(query).await.is_empty()).await;
    })
    .await;
}

#[test]
fn urls_say_where_the_server_is() {
    let host = |url: &str| super::connect_options(url).map(|options| options.get_host().to_owned());
    assert_eq!(host("mysql://user@[::1]:3307/db").unwrap(), "::1");
    assert_eq!(host("mysql:///db").unwrap(), "localhost");
    assert_eq!(host("mariadb://user:p%40ss@db.example/db").unwrap(), "db.example");
    for url in ["mysql://host", "mysql://host/", "mysql://host:port/db", "mysql:"] {
        assert!(matches!(host(url), Err(Error::Url(_))), "{url}");
    }
}
