//! Hostile texts in the place of names: none of them reaches a database.

use serde_json::{Value as Json, json};

use super::{TEXTS, check_form, check_refused, literal, long, victims};
use crate::support::{Everywhere, TestApp};

/// What is sent is refused, or at least well formed, and not one statement of it
/// reaches the database.
async fn check(app: &TestApp, document: &str, variables: Json, is_refused: bool) {
    let about = format!("{:?} {document} {variables}", app.catalog.dialect);
    let (statements, reply) = app.statements_of(app.graphql_with(document, variables)).await;
    match is_refused {
        true => check_refused(&reply, &about),
        false => check_form(&reply, &about),
    }
    assert!(statements == 0 || !is_refused, "{about}: {statements} statements");
}

async fn nothing_happened(apps: &Everywhere) {
    apps.holds("SELECT id, name FROM bystander", "1 untouched").await;
    apps.holds("SELECT name FROM named", "bystander").await;
    apps.holds("SELECT COUNT(*) FROM victim", "0").await;
}

fn texts() -> impl Iterator<Item = String> {
    TEXTS.iter().map(|text| (*text).to_owned()).chain([long(5_000), "a.".repeat(3_000)])
}

#[tokio::test]
async fn fields_that_are_sorted_grouped_and_filtered_by_are_looked_up() {
    let apps = victims().await;
    for text in texts() {
        for (_, app) in apps.each() {
            for name in [text.clone(), format!("-{text}"), format!("victim.{text}"), format!("year({text})")] {
                for document in [
                    "query Q($n: String!) { named(sort: [$n]) { name } }",
                    "query Q($n: String!) { victim { named(sort: [$n]) { name } } }",
                    "query Q($n: String!) { named_aggregated(groupBy: [$n]) { group } }",
                    "query Q($n: String!) { named_aggregated(groupBy: [\"name\"], sort: [$n]) { group } }",
                ] {
                    check(app, document, json!({ "n": name }), true).await;
                }
                let document = "query Q($f: named_filter) { named(filter: $f) { name } }";
                for filter in [
                    json!({ name.as_str(): { "_eq": 1 } }),
                    json!({ "name": { name.as_str(): 1 } }),
                    json!({ "victim": { name.as_str(): { "_eq": 1 } } }),
                    json!({ "_or": [{ name.as_str(): { "_eq": 1 } }, { "name": { "_eq": "bystander" } }] }),
                    json!({ format!("count({name})"): { "_eq": 1 } }),
                ] {
                    check(app, document, json!({ "f": filter }), true).await;
                }
            }
        }
    }
    nothing_happened(&apps).await;
}

#[tokio::test]
async fn paths_into_json_are_paths_or_refused() {
    let apps = victims().await;
    apps.data(r#"mutation { create_victim_item(data: { doc: { name: "x", a: { b: [1] } } }) { id } }"#).await;
    for text in texts() {
        for path in [text.clone(), format!("a.{text}"), format!("a[{text}]"), format!("{text}[0]")] {
            let read = "query Q($p: String!) { victim { doc_func { json(path: $p) } } }";
            let by_literal = read.replace("query Q($p: String!) ", "").replace("$p", &literal(&path));
            let found = "query Q($f: victim_filter) { victim(filter: $f) { id } }";
            let filter = |test: Json| json!({ "f": { "doc": { "_json": { path.as_str(): test } } } });
            for (kind, app) in apps.each() {
                for (document, variables) in [
                    (read, json!({ "p": path })),
                    (&*by_literal, json!({})),
                    (found, filter(json!({ "_eq": "1" }))),
                    (found, filter(json!({ "_nnull": true }))),
                    (found, filter(json!({ "_contains": "x" }))),
                    (found, filter(json!({ "_in": [1, "x"] }))),
                ] {
                    let reply = app.graphql_with(document, variables).await;
                    check_form(&reply, &format!("{kind:?} {document} {path}"));
                    // The members of the one row have other names.
                    let reaches = ["name", "a", "a.b", "a.b[0]"].contains(&path.trim());
                    if reply.codes().is_empty() && !reaches {
                        let row = &reply.body["data"]["victim"][0];
                        assert_eq!(row["doc_func"]["json"], Json::Null, "{kind:?} {document} {path}");
                        assert_eq!(row["id"], Json::Null, "{kind:?} {document} {path}");
                    }
                }
            }
        }
    }
    apps.holds("SELECT id, name FROM bystander", "1 untouched").await;
}

#[tokio::test]
async fn members_of_payloads_are_columns_or_refused() {
    let apps = victims().await;
    for text in texts() {
        let payload = json!({ "number": 1, text.as_str(): 1 });
        for document in [
            "mutation Q($d: create_victim_input!) { create_victim_item(data: $d) { id } }",
            "mutation Q($d: [create_victim_input!]) { create_victim_items(data: $d) { id } }",
            "mutation Q($d: update_named_input!) { update_named_item(id: \"bystander\", data: $d) { name } }",
        ] {
            for (_, app) in apps.each() {
                check(app, document, json!({ "d": payload }), true).await;
            }
        }
    }
    nothing_happened(&apps).await;
}

#[tokio::test]
async fn names_of_a_document_are_names() {
    let app = &victims().await;
    for text in texts() {
        for document in [
            format!("{{ {text}: named {{ name }} }}"),
            format!("{{ named {{ {text} }} }}"),
            format!("{{ named {{ {text}: name }} }}"),
            format!("{{ named({text}: 1) {{ name }} }}"),
            format!("{{ named(filter: {{ {text}: {{ _eq: 1 }} }}) {{ name }} }}"),
            format!("{{ named(limit: {text}) {{ name }} }}"),
            format!("query {text} {{ named {{ name }} }}"),
            format!("query Q(${text}: Int) {{ named(limit: ${text}) {{ name }} }}"),
            format!("query Q($a: {text}) {{ named(limit: $a) {{ name }} }}"),
            format!("{{ named @{text} {{ name }} }}"),
            format!("{{ named {{ ... on {text} {{ name }} }} }}"),
            format!("{{ named {{ ...{text} }} }} fragment {text} on named {{ name }}"),
            format!("mutation {{ delete_named_items(filter: {{ {text}: {{ _eq: 1 }} }}) {{ ids }} }}"),
            format!("mutation {{ delete_named_item(id: {text}) {{ id }} }}"),
        ] {
            for (_, app) in app.each() {
                // Some are names, and some leave a document as it would be without them.
                check(app, &document, json!({}), false).await;
            }
        }
    }
    nothing_happened(app).await;
}

#[tokio::test]
async fn operations_and_variables_may_be_called_anything_in_json() {
    let apps = victims().await;
    for text in texts() {
        for (kind, app) in apps.each() {
            let body =
                json!({ "query": "query A { named { name } } query B { named { name } }", "operationName": text });
            let (statements, reply) = app.statements_of(app.post(&body, Some(crate::support::TOKEN))).await;
            check_refused(&reply, &format!("{kind:?} {text}"));
            assert_eq!(statements, 0, "{kind:?} {text}");
            let data =
                app.data_with("query Q($n: Int) { named(limit: $n) { name } }", json!({ "n": 1, text.as_str(): text }));
            assert_eq!(data.await, json!({ "named": [{ "name": "bystander" }] }), "{kind:?} {text}");
        }
    }
    nothing_happened(&apps).await;
}
