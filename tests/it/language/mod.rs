//! The GraphQL language.

mod documents;
mod errors;
mod fields;
mod reference;
mod variables;

use crate::support::TestApp;

/// The data of a query, letter by letter: the order of members counts.
async fn check(app: &TestApp, query: &str, expected: &str) {
    let data = app.data_with(query, serde_json::json!({ "name": "artist" })).await;
    assert_eq!(data.to_string(), expected, "{query}");
}
