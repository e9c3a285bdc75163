//! What the gateway itself costs: planning an operation, finding its plan
//! again, and writing rows as JSON.
//!
//! The lists that are planned have `limit: 0`, so that no statement is sent; the
//! mutations name a key that no row can have, which is refused before a
//! transaction begins.

use std::{borrow::Cow, hint::black_box, sync::Arc, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Map;
use tidegate::{
    catalog::{self, Catalog, ColumnType},
    clock::Clock,
    db::{self, Database, Form},
    engine::{self, Engine},
    graphql::{Allowed, Limits, Request, Response, Service},
    permissions::Policy,
    principal::Principal,
};
use tokio::runtime::Runtime;

const LIST: &str = r#"{ articles(filter: { status: { _eq: "published" } }, sort: ["-published_at"], limit: 0) {
    id title slug status rating published_at } }"#;

const PAGE: &str = r#"query Page($status: String) {
    articles(filter: { status: { _eq: $status }, author: { country: { _in: ["FR", "DE"] } } }, limit: 0) {
        ...Card
        comments(sort: ["-created_at"], limit: 5) { author_name body created_at_func { year } }
    }
    articles_aggregated(groupBy: ["status"], limit: 0) { group count { id } avg { rating } }
}
fragment Card on articles { id title author { id name } tags { name } }"#;

const SET: &str = r#"mutation Set($status: String) {
    update_articles_item(id: "none", data: { title: "On ink", status: $status, rating: 4.5 }) { id title status }
}"#;

const SAVE: &str = r#"mutation Save($status: String) {
    update_articles_item(id: "none", data: {
        title: "On ink"
        status: $status
        author: { id: 1, name: "Bela" }
        tags: [{ id: 1 }, { name: "ink", colour: "blue" }]
        comments: [{ author_name: "A reader", body: "Well said." }]
    }) { ...Card }
}
fragment Card on articles { id title updated_at author { id name } tags { name } comments { author_name body } }"#;

/// Sends a document; the length of what comes back.
type Ask = fn(&Demo, &str) -> usize;

/// The demo's database in a folder of its own, and a service over it.
struct Demo {
    runtime: Runtime,
    database: Database,
    service: Service,
    _folder: tempfile::TempDir,
}

impl Demo {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("demo.db");
        rusqlite::Connection::open(&path)
            .and_then(|connection| connection.execute_batch(include_str!("../schema/demo.sql")))
            .expect("the demo's database can be made");
        let runtime = Runtime::new().expect("a runtime can be made");
        let options = db::Options {
            url: format!("sqlite:{}", path.display()),
            max_connections: 2,
            acquire_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::ZERO,
            schemas: Vec::new(),
        };
        let (database, facts) = runtime
            .block_on(async {
                let database = Database::connect(options).await?;
                let facts = database.introspect().await?;
                Ok::<_, db::Error>((database, facts))
            })
            .expect("the demo's database can be read");
        let catalog = Arc::new(Catalog::build(database.dialect(), &facts, &catalog::Options::default()));
        let parts = engine::Parts::plain(database.clone(), catalog.clone(), Clock::default());
        let engine = Engine::new(parts, engine::Options::default());
        let service = Service::new(engine, catalog, Policy::default(), Limits::default(), Clock::default());
        Self { runtime, database, service, _folder: folder }
    }

    fn answer(&self, query: &str) -> usize {
        let response = self.respond(query);
        assert!(response.refused.is_none(), "{}", String::from_utf8_lossy(&response.body));
        response.body.len()
    }

    /// The answer to a mutation that comes to nothing, once it is planned.
    fn refusal(&self, mutation: &str) -> usize {
        let response = self.respond(mutation);
        let body = String::from_utf8_lossy(&response.body);
        assert!(response.refused.is_none() && body.contains("FORBIDDEN"), "{body}");
        response.body.len()
    }

    fn respond(&self, query: &str) -> Response {
        let variables = Map::from_iter([("status".to_owned(), "published".into())]);
        let request = Request { query: Cow::Borrowed(query), variables, operation_name: None };
        self.runtime.block_on(self.service.execute(&Principal::admin(), request, Allowed::All))
    }
}

fn planning(criterion: &mut Criterion) {
    let demo = Demo::new();
    let mut group = criterion.benchmark_group("plan");
    let answer: Ask = Demo::answer;
    let refusal: Ask = Demo::refusal;
    let documents =
        [("list", LIST, answer), ("page", PAGE, answer), ("update", SET, refusal), ("nested update", SAVE, refusal)];
    for (name, document, ask) in documents {
        let mut number = 0_u64;
        group.bench_function(format!("{name}, never seen"), |bencher| {
            bencher.iter(|| {
                number += 1;
                ask(&demo, black_box(&format!("{document}#{number}")))
            });
        });
        group.bench_function(format!("{name}, cached"), |bencher| {
            bencher.iter(|| ask(&demo, black_box(document)));
        });
    }
    group.finish();
}

fn writing(criterion: &mut Criterion) {
    let demo = Demo::new();
    let columns = [
        ("id", ColumnType::Integer),
        ("title", ColumnType::Text),
        ("slug", ColumnType::Text),
        ("status", ColumnType::Text),
        ("body", ColumnType::Text),
        ("rating", ColumnType::Decimal),
        ("featured", ColumnType::Boolean),
        ("published_at", ColumnType::Timestamp),
    ];
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut group = criterion.benchmark_group("write");
    for count in [100, 1_000] {
        let sql = format!("SELECT {} FROM articles LIMIT {count}", names.join(", "));
        let rows = demo.runtime.block_on(demo.database.fetch(&Arc::from(sql), &[])).expect("the rows can be read");
        let mut out = Vec::new();
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count} rows"), |bencher| {
            bencher.iter(|| {
                out.clear();
                for row in 0..rows.len() {
                    for (column, (_, column_type)) in columns.iter().enumerate() {
                        rows.write_json(row, column, column_type, Form::Field, &mut out)
                            .expect("every cell has a form");
                    }
                }
                black_box(out.len())
            });
        });
        let query = format!("{{ articles(limit: {count}) {{ {} }} }}", names.join(" "));
        group.bench_function(format!("{count} rows, with their statement"), |bencher| {
            bencher.iter(|| demo.answer(black_box(&query)));
        });
    }
    group.finish();
}

criterion_group!(benches, planning, writing);
criterion_main!(benches);
