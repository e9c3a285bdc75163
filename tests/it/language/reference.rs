//! The gateway accepts and refuses the same documents as graphql-js, the
//! reference implementation, does over the gateway's own schema.

use std::{
    io::{Seek as _, Write as _},
    process::Command,
};

use serde_json::{Value as Json, json};

use super::documents::{INVALID, VALID};
use crate::support::{Kind, TOKEN, TestApp, TestDatabase};

#[tokio::test]
async fn documents_are_judged_as_the_reference_implementation_judges_them() {
    let app = TestApp::start(TestDatabase::music(Kind::Sqlite).await).await;
    let documents: Vec<&str> = VALID.iter().chain(INVALID).copied().collect();
    let verdicts = reference(&app, &documents).await;
    let mut differences = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let expected = verdicts[at].as_array().expect("a list of messages for each document");
        if expected.is_empty() != (at < VALID.len()) {
            differences.push(format!("{document}\n  is in the wrong list here; graphql-js: {expected:?}"));
        }
        let reply = app.post(&json!({ "query": document, "operationName": name_of(document) }), Some(TOKEN)).await;
        let accepted = reply.body.get("errors").is_none();
        let refused = reply.body.get("data").is_none()
            && !reply.codes().is_empty()
            && reply.codes().iter().all(|code| *code == "GRAPHQL_VALIDATION");
        if expected.is_empty() != accepted || accepted == refused {
            differences.push(format!("{document}\n  graphql-js: {expected:?}\n  the gateway: {}", reply.body));
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

/// Documents with several operations call the one to run `Run`.
fn name_of(document: &str) -> Option<&'static str> {
    document.contains("query Run").then_some("Run")
}

async fn reference(app: &TestApp, documents: &[&str]) -> Vec<Json> {
    let mut file = tempfile::tempfile().expect("a temporary file can be made");
    file.write_all(json!(documents).to_string().as_bytes()).expect("it can be written");
    file.rewind().expect("it can be read again");
    let mut node = Command::new("node");
    node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/validate.mjs"));
    node.args([&app.url("/graphql"), TOKEN]).stdin(file);
    // On a thread of its own, since node asks the gateway for its schema.
    let output = tokio::task::spawn_blocking(move || node.output().expect("node is installed"));
    let text = output.await.expect("waiting for node does not fail").stdout;
    let text = String::from_utf8_lossy(&text);
    let mut answer: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(answer["ok"], true, "{text}");
    match answer["problems"].take() {
        Json::Array(problems) => problems,
        other => panic!("not a list: {other}"),
    }
}
