//! Hostile texts as values: written, read, compared, searched for and used as
//! keys, they are the texts that they are, on every database.

use serde_json::{Value as Json, json};

use super::{TEXTS, check_form, literal, long, victims};
use crate::support::{Everywhere, keys};

/// All texts, those that are long as well.
fn texts() -> Vec<String> {
    TEXTS.iter().map(|text| (*text).to_owned()).chain([long(5_000), "🎷".repeat(2_000)]).collect()
}

/// A row for each text, the first with id 1: one half by variables, one by literals.
async fn stored() -> (Everywhere, Vec<String>) {
    let (apps, texts) = (victims().await, texts());
    let (by_variables, by_literals) = texts.split_at(texts.len() / 2);
    let row = |text: &String| json!({ "body": text, "doc": { "k": text, "list": [text] } });
    let rows: Vec<Json> = by_variables.iter().map(row).collect();
    let document = "mutation Q($rows: [create_victim_input!]) { create_victim_items(data: $rows) { body } }";
    let written = |texts: &[String]| texts.iter().map(|text| json!({ "body": text })).collect::<Json>();
    let expected = json!({ "create_victim_items": written(by_variables) });
    apps.gives_with(document, json!({ "rows": rows }), expected).await;
    for value in by_literals {
        let text = literal(value);
        let document = format!(
            "mutation {{ create_victim_item(data: {{ body: {text}, doc: {{ k: {text}, list: [{text}] }} }}) {{ body }} }}"
        );
        apps.gives(&document, json!({ "create_victim_item": { "body": value } })).await;
    }
    (apps, texts)
}

/// Whether a pattern's letters stand for themselves.
fn is_plain(text: &str) -> bool {
    !text.contains(['%', '_'])
}

#[tokio::test]
async fn texts_are_stored_and_read_as_they_are() {
    let (apps, texts) = stored().await;
    let data = apps.data("{ victim(sort: [\"id\"], limit: -1) { body doc k: doc_func { json(path: \"k\") } } }").await;
    let rows = data["victim"].as_array().expect("a list");
    assert_eq!(rows.len(), texts.len());
    for (row, text) in rows.iter().zip(&texts) {
        let expected = json!({ "body": text, "doc": { "k": text, "list": [text] }, "k": { "json": text } });
        assert_eq!(row, &expected);
    }
    // And that is what the databases have.
    let bodies = apps.rows("SELECT body FROM victim ORDER BY id").await;
    assert_eq!(bodies.into_iter().flatten().flatten().collect::<Vec<_>>(), texts);
    apps.holds("SELECT id, name FROM bystander", "1 untouched").await;
}

#[tokio::test]
async fn every_operator_compares_texts_as_they_are() {
    let (apps, texts) = stored().await;
    let fields = [
        ("eq", "_eq: $t"),
        ("neq", "_neq: $t"),
        ("in", "_in: [$t, \"nobody\"]"),
        ("nin", "_nin: [$t, \"nobody\"]"),
        ("contains", "_contains: $t"),
        ("ncontains", "_ncontains: $t"),
        ("starts", "_starts_with: $t"),
        ("nstarts", "_nstarts_with: $t"),
        ("ends", "_ends_with: $t"),
        ("nends", "_nends_with: $t"),
        ("icontains", "_icontains: $t"),
        ("istarts", "_istarts_with: $t"),
        ("iends", "_iends_with: $t"),
    ];
    let field = |(alias, test): &(&str, &str)| {
        format!("{alias}: victim(filter: {{ body: {{ {test} }} }}, sort: [\"id\"], limit: -1) {{ id }} ")
    };
    let fields: String = fields.iter().map(field).collect();
    let by_variable = format!("query Q($t: String) {{ {fields} }}");
    for (at, text) in texts.iter().enumerate() {
        let own = at as i64 + 1;
        // Long ones are as long in a document.
        let by_literal = format!("{{ {} }}", fields.replace("$t", &literal(text)));
        let data = apps.data_with(&by_variable, json!({ "t": text })).await;
        assert_eq!(apps.data(&by_literal).await, data, "{text}");
        let ids = |alias: &str| keys(&data[alias]);
        let matching = |is_match: &dyn Fn(&str) -> bool| -> Vec<i64> {
            (1..).zip(&texts).filter(|(_, other)| is_match(other)).map(|(id, _)| id).collect()
        };
        let others = matching(&|other| other != text);
        assert_eq!((ids("eq"), ids("in")), (vec![own], vec![own]), "{text}");
        assert_eq!((ids("neq"), ids("nin")), (others.clone(), others), "{text}");
        for alias in ["contains", "starts", "ends", "icontains", "istarts", "iends"] {
            assert!(ids(alias).contains(&own), "{alias} {text}");
        }
        for alias in ["ncontains", "nstarts", "nends"] {
            assert!(!ids(alias).contains(&own), "{alias} {text}");
        }
        if is_plain(text) {
            assert_eq!(ids("contains"), matching(&|other| other.contains(&**text)), "{text}");
            assert_eq!(ids("starts"), matching(&|other| other.starts_with(&**text)), "{text}");
            assert_eq!(ids("ends"), matching(&|other| other.ends_with(&**text)), "{text}");
        }
    }
}

#[tokio::test]
async fn texts_within_json_and_searched_for_are_texts() {
    let (apps, texts) = stored().await;
    let document = r#"query Q($t: String, $f: victim_filter) {
        found: victim(filter: $f, sort: ["id"], limit: -1) { id }
        searched: victim(search: $t, sort: ["id"], limit: -1) { id } }"#;
    for (at, text) in texts.iter().enumerate() {
        let own = at as i64 + 1;
        for path in ["k", "list[0]"] {
            let variables = json!({ "t": text, "f": { "doc": { "_json": { path: { "_eq": text } } } } });
            let data = apps.data_with(document, variables).await;
            assert_eq!(keys(&data["found"]), [own], "{path} {text}");
            assert!(keys(&data["searched"]).contains(&own), "{text}");
        }
    }
}

#[tokio::test]
async fn members_of_json_have_whatever_names() {
    let apps = victims().await;
    for text in texts() {
        let doc = json!({ text.as_str(): [text], "other": { text.as_str(): null } });
        let document = "mutation Q($doc: JSON) { create_victim_item(data: { doc: $doc }) { doc } }";
        apps.gives_with(document, json!({ "doc": doc }), json!({ "create_victim_item": { "doc": doc } })).await;
    }
    apps.holds("SELECT id, name FROM bystander", "1 untouched").await;
}

#[tokio::test]
async fn keys_that_are_texts_name_one_row_and_no_other() {
    let apps = victims().await;
    for text in texts().into_iter().filter(|text| text.chars().count() <= 180) {
        let key = json!({ "t": text });
        let create = "mutation Q($t: ID!) { create_named_item(data: { name: $t, number: 1 }) { name } }";
        apps.gives_with(create, key.clone(), json!({ "create_named_item": { "name": text } })).await;
        let read = "query Q($t: ID!) { named_by_id(id: $t) { name number } }";
        apps.gives_with(read, key.clone(), json!({ "named_by_id": { "name": text, "number": 1 } })).await;
        let update = "mutation Q($t: ID!) { update_named_item(id: $t, data: { number: 2 }) { name number } }";
        apps.gives_with(update, key.clone(), json!({ "update_named_item": { "name": text, "number": 2 } })).await;
        let update = "mutation Q($t: ID!) { update_named_items(ids: [$t], data: { number: 3 }) { name } }";
        apps.gives_with(update, key.clone(), json!({ "update_named_items": [{ "name": text }] })).await;
        apps.holds("SELECT number, COUNT(*) FROM named GROUP BY number ORDER BY number", "1 1, 3 1").await;
        // Nested, as the key of what is pointed from.
        let nested =
            "mutation Q($t: ID!) { create_victim_item(data: { number: 1 }) { id } delete_named_item(id: $t) { id } }";
        for (_, app) in apps.each() {
            let reply = app.graphql_with(nested, key.clone()).await;
            assert!(reply.codes().is_empty(), "{text}: {:#}", reply.body);
        }
        apps.holds("SELECT name FROM named", "bystander").await;
    }
}

#[tokio::test]
async fn texts_for_values_of_other_types_are_refused_or_are_such_a_value() {
    let apps = victims().await;
    let columns = [
        ("number", "Int"),
        ("big", "GraphQLBigInt"),
        ("price", "Float"),
        ("ratio", "Float"),
        ("flag", "Boolean"),
        ("day", "Date"),
        ("ident", "ID"),
    ];
    for text in texts() {
        for (column, of) in columns {
            let written = format!("mutation Q($t: {of}) {{ create_victim_item(data: {{ {column}: $t }}) {{ id }} }}");
            let filter = "query Q($f: victim_filter) { victim(filter: $f) { id } }";
            for (kind, app) in apps.each() {
                for operator in ["_eq", "_in", "_gt", "_between"] {
                    let value = match operator {
                        "_in" | "_between" => json!([text, text]),
                        _ => json!(text),
                    };
                    let reply = app.graphql_with(filter, json!({ "f": { column: { operator: value } } })).await;
                    check_form(&reply, &format!("{kind:?} {column} {operator} {text}"));
                }
                let reply = app.graphql_with(&written, json!({ "t": text })).await;
                check_form(&reply, &format!("{kind:?} {column} {text}"));
                let is_taken = reply.codes().is_empty();
                let number = |text: &str| matches!(text, "0" | "-1");
                assert!(!is_taken || (column == "big" && number(&text)), "{kind:?} {column} {text}: {:#}", reply.body);
            }
        }
    }
    apps.holds("SELECT id, name FROM bystander", "1 untouched").await;
    apps.holds("SELECT DISTINCT big FROM victim ORDER BY big", "-1, 0").await;
}
