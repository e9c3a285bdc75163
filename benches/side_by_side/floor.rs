//! The floor: what a good engineer would write by hand for these five queries
//! and nothing else. Prepared SQL, connections held in a small pool, rows
//! written straight to JSON. Started as a child process of the bench.

use std::net::Ipv4Addr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{ConnectOptions, Row, ValueRef};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::encode;
use crate::queries;

/// As many connections to the database as the gateway holds.
const CONNECTIONS: usize = 8;

/// Serves until the bench, at the other end of standard input, goes away.
pub(crate) fn run(url: &str, port: u16) -> Result<()> {
    std::thread::spawn(|| {
        // Whether it ends or fails, nobody is there any more.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(serve(url, port))
}

async fn serve(url: &str, port: u16) -> Result<()> {
    let pool = Arc::new(Pool::connect(url).await?);
    let app = Router::new()
        .route("/server/ping", get(async || "pong"))
        .route("/lookup", post(lookup))
        .route("/list", post(list))
        .route("/nested", post(nested))
        .route("/aggregate", post(aggregate))
        .with_state(pool);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?.tap_io(|stream| {
        // Without it answers are late, but right.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, app).await?)
}

/// Connections that are taken and put back, without a ping in between.
struct Pool {
    idle: Mutex<Vec<PgConnection>>,
    room: Semaphore,
}

impl Pool {
    async fn connect(url: &str) -> Result<Pool> {
        let options: PgConnectOptions = url.parse().context("not a PostgreSQL URL")?;
        let options = options.ssl_mode(PgSslMode::Disable).disable_statement_logging();
        let mut idle = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            idle.push(options.connect().await.context("cannot connect to the database")?);
        }
        Ok(Pool { idle: Mutex::new(idle), room: Semaphore::new(CONNECTIONS) })
    }

    async fn take(&self) -> Result<Lease<'_>> {
        let permit = self.room.acquire().await?;
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Lease { connection: Some(connection.context("no connection is left")?), pool: self, _permit: permit })
    }
}

struct Lease<'a> {
    /// Taken out only when the lease ends.
    connection: Option<PgConnection>,
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl Deref for Lease<'_> {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("a lease has its connection until it ends")
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a lease has its connection until it ends")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

/// Anything that went wrong; the bench stops at the first.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", self.0)).into_response()
    }
}

type Answer = Result<Response, Failure>;

fn answer(json: Vec<u8>) -> Answer {
    let mut response = Response::new(json.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    Ok(response)
}

#[derive(serde::Deserialize)]
struct Key<'a> {
    id: &'a str,
}

#[derive(serde::Deserialize)]
struct Page {
    limit: u32,
}

/// How a value is written.
type Encoder = fn(&mut Vec<u8>, &[u8]) -> Result<()>;

/// Writes `before`, then column `index` of the row.
fn cell(out: &mut Vec<u8>, before: &str, row: &PgRow, index: usize, encoder: Encoder) -> Result<()> {
    out.extend_from_slice(before.as_bytes());
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    encoder(out, value.as_bytes().map_err(anyhow::Error::from_boxed)?)
}

/// The eight bytes of an `int8` that is not null, to compare keys with.
fn key(row: &PgRow, index: usize) -> Result<&[u8]> {
    row.try_get_raw(index)?.as_bytes().map_err(anyhow::Error::from_boxed)
}

async fn lookup(State(pool): State<Arc<Pool>>, body: Bytes) -> Answer {
    let id: i64 = serde_json::from_slice::<Key<'_>>(&body)?.id.parse()?;
    let mut connection = pool.take().await?;
    let row = sqlx::query(queries::LOOKUP).bind(id).fetch_optional(&mut *connection).await?;
    drop(connection);
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(br#"{"data":{"articles_by_id":"#);
    match row {
        None => out.extend_from_slice(b"null"),
        Some(row) => write_article(&mut out, &row)?,
    }
    out.extend_from_slice(b"}}");
    answer(out)
}

fn write_article(out: &mut Vec<u8>, row: &PgRow) -> Result<()> {
    cell(out, r#"{"id":"#, row, 0, encode::int8_string)?;
    cell(out, r#","title":"#, row, 1, encode::text)?;
    cell(out, r#","slug":"#, row, 2, encode::text)?;
    cell(out, r#","status":"#, row, 3, encode::text)?;
    cell(out, r#","views":"#, row, 4, encode::int4)?;
    cell(out, r#","published_at":"#, row, 5, encode::timestamptz)?;
    cell(out, r#","author_id":{"id":"#, row, 6, encode::int8_string)?;
    out.extend_from_slice(b"}}");
    Ok(())
}

async fn list(State(pool): State<Arc<Pool>>, body: Bytes) -> Answer {
    let (sql, room) = match serde_json::from_slice::<Page>(&body)?.limit {
        100 => (queries::LIST_100, 64 << 10),
        1000 => (queries::LIST_1000, 640 << 10),
        limit => return Err(anyhow::anyhow!("pages have 100 or 1,000 rows, not {limit}").into()),
    };
    let mut out = Vec::with_capacity(room);
    out.extend_from_slice(br#"{"data":{"articles":["#);
    let mut connection = pool.take().await?;
    let mut rows = sqlx::query(sql).fetch(&mut *connection);
    let mut separator = "";
    while let Some(row) = rows.try_next().await? {
        out.extend_from_slice(separator.as_bytes());
        separator = ",";
        write_listed(&mut out, &row)?;
    }
    drop(rows);
    drop(connection);
    out.extend_from_slice(b"]}}");
    answer(out)
}

fn write_listed(out: &mut Vec<u8>, row: &PgRow) -> Result<()> {
    cell(out, r#"{"id":"#, row, 0, encode::int8_string)?;
    cell(out, r#","title":"#, row, 1, encode::text)?;
    cell(out, r#","slug":"#, row, 2, encode::text)?;
    cell(out, r#","status":"#, row, 3, encode::text)?;
    cell(out, r#","body":"#, row, 4, encode::text)?;
    cell(out, r#","rating":"#, row, 5, encode::numeric)?;
    cell(out, r#","views":"#, row, 6, encode::int4)?;
    cell(out, r#","published_at":"#, row, 7, encode::timestamptz)?;
    out.push(b'}');
    Ok(())
}

/// Four statements in turn on one connection: measured against one statement
/// with lateral joins and against several connections, this costs the least.
async fn nested(State(pool): State<Arc<Pool>>, body: Bytes) -> Answer {
    let limit = serde_json::from_slice::<Page>(&body)?.limit;
    if limit != 20 {
        return Err(anyhow::anyhow!("pages have 20 articles, not {limit}").into());
    }
    let mut connection = pool.take().await?;
    let articles = sqlx::query(queries::NESTED_ARTICLES).fetch_all(&mut *connection).await?;
    let mut ids = Vec::with_capacity(articles.len());
    let mut author_ids = Vec::with_capacity(articles.len());
    for article in &articles {
        ids.push(encode::read_int8(key(article, 0)?)?);
        author_ids.push(encode::read_int8(key(article, 4)?)?);
    }
    let authors = by_keys(&mut connection, queries::NESTED_AUTHORS, &author_ids).await?;
    let comments = by_keys(&mut connection, queries::NESTED_COMMENTS, &ids).await?;
    let tags = by_keys(&mut connection, queries::NESTED_TAGS, &ids).await?;
    drop(connection);
    answer(write_nested(&articles, &authors, &comments, &tags)?)
}

async fn by_keys(connection: &mut PgConnection, sql: &'static str, keys: &[i64]) -> sqlx::Result<Vec<PgRow>> {
    sqlx::query::<sqlx::Postgres>(sql).bind(keys).fetch_all(connection).await
}

/// Pages are small, so parents find their rows by going through them. The
/// comments come in the order of the articles.
fn write_nested(articles: &[PgRow], authors: &[PgRow], comments: &[PgRow], tags: &[PgRow]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(32 << 10);
    let mut comments = comments.iter().peekable();
    let mut separator = r#"{"data":{"articles":["#;
    for article in articles {
        let id = key(article, 0)?;
        out.extend_from_slice(separator.as_bytes());
        separator = ",";
        cell(&mut out, r#"{"id":"#, article, 0, encode::int8_string)?;
        cell(&mut out, r#","title":"#, article, 1, encode::text)?;
        cell(&mut out, r#","slug":"#, article, 2, encode::text)?;
        cell(&mut out, r#","published_at":"#, article, 3, encode::timestamptz)?;
        out.extend_from_slice(br#","author_id":"#);
        write_author(&mut out, key(article, 4)?, authors)?;
        out.extend_from_slice(br#","comments":["#);
        let mut first = true;
        while let Some(comment) = comments.next_if(|comment| key(comment, 0).is_ok_and(|parent| parent == id)) {
            write_comment(&mut out, std::mem::take(&mut first), comment)?;
        }
        out.extend_from_slice(br#"],"tags":["#);
        write_tags(&mut out, id, tags)?;
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(if articles.is_empty() { br#"{"data":{"articles":[]}}"# } else { b"]}}" });
    Ok(out)
}

fn write_author(out: &mut Vec<u8>, id: &[u8], authors: &[PgRow]) -> Result<()> {
    for author in authors {
        if key(author, 0)? == id {
            cell(out, r#"{"id":"#, author, 0, encode::int8_string)?;
            cell(out, r#","name":"#, author, 1, encode::text)?;
            cell(out, r#","country":"#, author, 2, encode::text)?;
            out.push(b'}');
            return Ok(());
        }
    }
    out.extend_from_slice(b"null");
    Ok(())
}

fn write_comment(out: &mut Vec<u8>, first: bool, comment: &PgRow) -> Result<()> {
    cell(out, if first { r#"{"id":"# } else { r#",{"id":"# }, comment, 1, encode::int8_string)?;
    cell(out, r#","author_name":"#, comment, 2, encode::text)?;
    cell(out, r#","body":"#, comment, 3, encode::text)?;
    cell(out, r#","created_at":"#, comment, 4, encode::timestamptz)?;
    out.push(b'}');
    Ok(())
}

fn write_tags(out: &mut Vec<u8>, article: &[u8], tags: &[PgRow]) -> Result<()> {
    let mut before = r#"{"id":"#;
    for tag in tags {
        if key(tag, 0)? == article {
            cell(out, before, tag, 1, encode::int8_string)?;
            cell(out, r#","name":"#, tag, 2, encode::text)?;
            out.push(b'}');
            before = r#",{"id":"#;
        }
    }
    Ok(())
}

async fn aggregate(State(pool): State<Arc<Pool>>) -> Answer {
    let mut connection = pool.take().await?;
    let groups = sqlx::query(queries::AGGREGATE).fetch_all(&mut *connection).await?;
    drop(connection);
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(br#"{"data":{"articles_aggregated":["#);
    let mut before = r#"{"group":{"status":"#;
    for group in &groups {
        cell(&mut out, before, group, 0, encode::text)?;
        cell(&mut out, r#"},"countAll":"#, group, 1, encode::int8)?;
        cell(&mut out, r#","avg":{"rating":"#, group, 2, encode::numeric)?;
        cell(&mut out, r#"},"sum":{"views":"#, group, 3, encode::int8)?;
        out.extend_from_slice(b"}}");
        before = r#",{"group":{"status":"#;
    }
    out.extend_from_slice(b"]}}");
    answer(out)
}
