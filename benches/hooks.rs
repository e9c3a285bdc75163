//! What hooks cost a read of 100 rows: nothing where nobody listens to it, and
//! what the records cost as values where somebody does.

use std::{borrow::Cow, hint::black_box};

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::Map;
use tidegate::{
    Gateway,
    gateway::Builder,
    graphql::{Allowed, Request},
    hooks::{Context, Meta, Payload},
    principal::Principal,
};
use tokio::runtime::Runtime;

const QUERY: &str = "{ articles(limit: 100) { id title slug status body rating featured published_at } }";

async fn pass(payload: Payload, _: Meta, _: Context) -> Result<Payload, tidegate::hooks::Error> {
    Ok(payload)
}

/// Registers hooks.
type Registers = fn(Builder) -> Builder;

fn reading(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("demo.db");
    rusqlite::Connection::open(&path)
        .and_then(|connection| connection.execute_batch(include_str!("../schema/demo.sql")))
        .expect("the demo's database can be made");
    let url = format!("sqlite:{}", path.display());
    let runtime = Runtime::new().expect("a runtime can be made");
    let mut group = criterion.benchmark_group("read 100 rows");
    let ways: [(&str, Registers); 4] = [
        ("without hooks", |builder| builder),
        ("with hooks of other events", |builder| {
            builder.filter("articles.items.create", pass).filter("authors.items.read", pass)
        }),
        ("with a filter of the query", |builder| builder.filter("items.query", pass)),
        ("with a filter of the records", |builder| builder.filter("items.read", pass)),
    ];
    for (name, hooks) in ways {
        let gateway = runtime.block_on(hooks(Gateway::builder().database(&url)).build());
        let gateway = gateway.expect("the gateway can be put together");
        let principal = Principal::admin();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let query = Cow::Borrowed(black_box(QUERY));
                let request = Request { query, variables: Map::new(), operation_name: None };
                let answer = runtime.block_on(gateway.service().execute(&principal, request, Allowed::Queries));
                assert!(!answer.has_errors, "{}", String::from_utf8_lossy(&answer.body));
                black_box(answer.body.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
