//! What clients of the JavaScript world say of live changes.

use std::sync::Arc;

use super::desk;
use crate::support::{Kind, TOKEN, TestApp, TestDatabase, node};

#[tokio::test]
async fn graphql_ws_graphql_sse_and_apollo_follow_changes() {
    let app = TestApp::start(Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await)).await;
    let result = node("live.mjs", &[&app.url("/graphql"), TOKEN]).await;
    assert_eq!(result["seen"].as_object().map(serde_json::Map::len), Some(4), "{result:#}");
}
