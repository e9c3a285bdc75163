//! What hooks cost that nobody registered: nothing. Counted, not timed.

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use serde_json::{Map, json};
use tidegate::{
    Gateway,
    gateway::Builder,
    graphql::{Allowed, Request},
    hooks::{Context, Meta, Payload},
    principal::Principal,
};
use tokio::runtime::Runtime;

use crate::support::{Kind, TestDatabase};

const ROWS: usize = 100;

const QUERY: &str = r#"{
    note(sort: ["id"], limit: 100) { id text author { name } }
    note_by_id(id: 7) { text }
    note_aggregated { countAll }
}"#;

fn script() -> String {
    let rows: Vec<String> = (1..=ROWS).map(|number| format!("({number}, 'text {number}', 1)")).collect();
    format!(
        "CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, author INT REFERENCES author (id));
         INSERT INTO author VALUES (1, 'Ann');
         INSERT INTO note VALUES {};",
        rows.join(", ")
    )
}

/// What one run of the query allocates on this thread, once everything that is
/// remembered is; the least of many, since caches tidy up now and then.
fn cost(runtime: &Runtime, data: &TestDatabase, hooks: impl FnOnce(Builder) -> Builder) -> AllocationInfo {
    let gateway =
        runtime.block_on(hooks(Gateway::builder().database(&data.url)).build()).expect("it can be put together");
    let principal = Principal::admin();
    let run = || {
        let request = Request { query: QUERY.into(), variables: Map::new(), operation_name: None };
        let answer = runtime.block_on(gateway.service().execute(&principal, request, Allowed::Queries));
        assert!(!answer.has_errors, "{}", String::from_utf8_lossy(&answer.body));
    };
    (0..20).for_each(|_| run());
    (0..100).map(|_| measure(run)).min_by_key(|info| info.count_total).expect("there are runs")
}

#[test]
fn a_read_that_no_hook_listens_to_allocates_as_if_there_were_none() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there is a runtime");
    let data = Arc::new(runtime.block_on(TestDatabase::create(Kind::Sqlite, &script())));
    let pass = async |payload: Payload, _: Meta, _: Context| Ok(payload);
    let none = cost(&runtime, &data, |builder| builder);
    let unrelated = cost(&runtime, &data, |builder| {
        builder
            .filter("note.items.create", pass)
            .filter("author.items.read", pass)
            .filter("author.items.query", pass)
            .action("items.update", async |_: Meta, _: Context| Ok(()))
            .schedule("@daily", async |_: Context| Ok(()))
    });
    assert_eq!((none.count_total, none.bytes_total), (unrelated.count_total, unrelated.bytes_total));
    // It can be seen where somebody does listen: at least a map for each record.
    let filtered = cost(&runtime, &data, |builder| builder.filter("note.items.read", pass));
    assert!(filtered.count_total > none.count_total + ROWS as u64, "{filtered:?} {none:?}");
    let kept = runtime.block_on(async {
        let gateway = Gateway::builder().database(&data.url).filter("note.items.read", pass).build().await;
        gateway.expect("it can be put together").items("note").read_one(7).await
    });
    assert_eq!(kept, Ok(json!({ "id": 7, "text": "text 7", "author": 1 })));
}
