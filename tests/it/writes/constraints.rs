//! What a table's rules refuse, each with its code and as much as is known of
//! where: by the gateway itself, else by the database.

use serde_json::{Value as Json, json};

use super::presses;
use crate::support::{Everywhere, Kind, TestApp, TestDatabase};

/// A table with one rule of each kind; `part` points to it, and by two columns.
fn rules(kind: Kind) -> String {
    let key = kind.made_up_key();
    format!(
        "CREATE TABLE rule (id {key}, name varchar(5) NOT NULL, code varchar(9) UNIQUE, a integer, b integer,
             amount integer, low integer, high integer, state varchar(9), size integer CHECK (size < 100),
             CONSTRAINT pair UNIQUE (a, b), CONSTRAINT positive CHECK (amount > 0), CONSTRAINT ordered CHECK (low < high),
             CONSTRAINT states CHECK (state IN ('open', 'shut')));
         CREATE TABLE part (id {key}, rule integer, a integer, b integer,
             CONSTRAINT to_rule FOREIGN KEY (rule) REFERENCES rule (id),
             CONSTRAINT to_pair FOREIGN KEY (a, b) REFERENCES rule (a, b));
         INSERT INTO rule (name, code, a, b, amount, low, high, state, size)
             VALUES ('one', 'c1', 1, 1, 5, 1, 2, 'open', 1), ('two', 'c2', 2, 2, 5, 1, 2, 'shut', 2);
         INSERT INTO part (rule, a, b) VALUES (1, NULL, NULL), (NULL, 1, 1);"
    )
}

/// Breaks a rule in a new item and in an old one, alone and among others.
async fn check(apps: &Everywhere, members: &str, extensions: &Json) {
    for document in [
        format!(r#"mutation {{ create_rule_item(data: {{ name: "x", {members} }}) {{ id }} }}"#),
        format!("mutation {{ update_rule_item(id: 2, data: {{ {members} }}) {{ id }} }}"),
        format!("mutation {{ upsert_rule_item(data: {{ id: 2, name: \"x\", {members} }}) {{ id }} }}"),
    ] {
        apps.refuses(&document, extensions.clone()).await;
    }
    // Which one it was of several is not told.
    let mut of_several = extensions.clone();
    if extensions["code"] == "RECORD_NOT_UNIQUE" {
        of_several["value"] = Json::Null;
    }
    let document = format!(
        r#"mutation {{ create_rule_items(data: [{{ name: "y", code: "new" }}, {{ name: "x", {members} }}]) {{ id }} }}"#
    );
    let given_alike = members.starts_with("code:") && !members.contains(',');
    apps.refuses(&document, if given_alike { of_several } else { extensions.clone() }).await;
}

#[tokio::test]
async fn unique_values() {
    let apps = Everywhere::own(rules).await;
    let unique = |field: &str, value: Json| json!({ "code": "RECORD_NOT_UNIQUE", "collection": "rule", "field": field, "value": value });
    check(&apps, r#"code: "c1""#, &unique("code", json!("c1"))).await;
    // Of several columns the last one.
    check(&apps, "a: 1, b: 1", &unique("b", json!(1))).await;
    apps.refuses(r#"mutation { create_rule_item(data: { id: 1, name: "x" }) { id } }"#, unique("id", json!(1))).await;
    for document in [
        r#"mutation { create_rule_items(data: [{ name: "x", code: "same" }, { name: "y", code: "same" }]) { id } }"#,
        r#"mutation { update_rule_items(ids: [1, 2], data: { code: "same" }) { id } }"#,
        r#"mutation { update_rule_batch(data: [{ id: 1, code: "same" }, { id: 2, code: "same" }]) { id } }"#,
        r#"mutation { update_rule_batch(data: [{ id: 1, name: "x" }, { id: 2, code: "c1" }]) { id } }"#,
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.graphql(document).await;
            assert_eq!(reply.codes(), ["RECORD_NOT_UNIQUE"], "{kind:?}: {document}\n{:#}", reply.body);
            let extensions = &reply.body["errors"][0]["extensions"];
            assert_eq!((&extensions["collection"], &extensions["field"]), (&json!("rule"), &json!("code")), "{kind:?}");
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
    // Nulls are like nothing.
    apps.gives(
        r#"mutation { create_rule_items(data: [{ name: "x", code: null, a: 1 }, { name: "y", a: 1 }]) { code a b } }"#,
        json!({ "create_rule_items": [{ "code": null, "a": 1, "b": null }, { "code": null, "a": 1, "b": null }] }),
    )
    .await;
}

#[tokio::test]
async fn values_that_must_be_there() {
    let apps = Everywhere::own(rules).await;
    let null = json!({ "code": "FAILED_VALIDATION", "field": "name", "path": [], "type": "nnull" });
    apps.refuses("mutation { update_rule_item(id: 1, data: { name: null }) { id } }", null.clone()).await;
    apps.refuses("mutation { update_rule_items(ids: [1, 2], data: { name: null }) { id } }", null.clone()).await;
    apps.refuses("mutation { update_rule_batch(data: [{ id: 1, name: \"x\" }, { id: 2, name: null }]) { id } }", null)
        .await;
    // In a new item the schema says so.
    for data in ["{ code: \"x\" }", "{ name: null }"] {
        let document = format!("mutation {{ create_rule_item(data: {data}) {{ id }} }}");
        apps.refuses(&document, json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
    let document = "mutation M($data: create_rule_input!) { create_rule_item(data: $data) { id } }";
    for data in [json!({ "code": "x" }), json!({ "name": null })] {
        apps.refuses_with(document, json!({ "data": data }), json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
    // Where it is a link, only the payload can.
    apps.refuses(
        "mutation { update_part_item(id: 1, data: { rule: { code: \"x\" } }) { id } }",
        json!({ "code": "FAILED_VALIDATION", "field": "name", "path": ["rule"], "type": "required" }),
    )
    .await;
}

#[tokio::test]
async fn checks() {
    let apps = Everywhere::own(rules).await;
    let broken = |field: Json, constraint: Json| {
        json!({ "code": "FAILED_VALIDATION", "collection": "rule", "field": field, "path": [], "type": "check",
            "constraint": constraint })
    };
    check(&apps, "amount: 0", &broken(json!("amount"), json!("positive"))).await;
    // Two columns: either may be the wrong one.
    for document in [
        r#"mutation { create_rule_item(data: { name: "x", low: 3, high: 3 }) { id } }"#,
        "mutation { update_rule_item(id: 1, data: { low: 9 }) { id } }",
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.graphql(document).await;
            let extensions = &reply.body["errors"][0]["extensions"];
            assert_eq!(extensions["code"], "FAILED_VALIDATION", "{kind:?}: {:#}", reply.body);
            assert_eq!(
                (&extensions["type"], &extensions["constraint"]),
                (&json!("check"), &json!("ordered")),
                "{kind:?}"
            );
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
    // One without a name has that which the database gives it.
    for (kind, app) in apps.each() {
        let reply = app.graphql(r#"mutation { create_rule_item(data: { name: "x", size: 100 }) { id } }"#).await;
        let extensions = &reply.body["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "FAILED_VALIDATION", "{kind:?}: {:#}", reply.body);
        assert_eq!(
            (&extensions["type"], &extensions["field"]),
            (&json!("check"), &json!("size")),
            "{kind:?}: {:#}",
            reply.body
        );
    }
    // Null breaks none.
    apps.gives(
        "mutation { update_rule_item(id: 1, data: { amount: null, low: null, size: null, state: null }) { amount low size state } }",
        json!({ "update_rule_item": { "amount": null, "low": null, "size": null, "state": null } }),
    )
    .await;
}

#[tokio::test]
async fn values_of_a_list() {
    let apps = Everywhere::own(rules).await;
    let broken =
        json!({ "code": "FAILED_VALIDATION", "field": "state", "path": [], "type": "in", "valid": ["open", "shut"] });
    check(&apps, r#"state: "ajar""#, &broken).await;
    check(&apps, r#"state: """#, &broken).await;
    check(&apps, r#"state: "OPEN""#, &broken).await;
}

#[tokio::test]
async fn texts_that_are_too_long() {
    let apps = Everywhere::own(rules).await;
    let long = json!({ "code": "VALUE_TOO_LONG", "collection": "rule", "field": "code", "value": "0123456789" });
    check(&apps, r#"code: "0123456789""#, &long).await;
}

#[tokio::test]
async fn links_to_rows_that_are_not_there() {
    let apps = Everywhere::own(rules).await;
    for document in [
        "mutation { create_part_item(data: { a: 7, b: 8 }) { id } }",
        "mutation { update_part_item(id: 2, data: { b: 2 }) { id } }",
        "mutation { create_part_items(data: [{ a: 1, b: 1 }, { a: 7, b: 8 }]) { id } }",
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.graphql(document).await;
            assert_eq!(reply.codes(), ["INVALID_FOREIGN_KEY"], "{kind:?}: {:#}", reply.body);
            let extensions = &reply.body["errors"][0]["extensions"];
            assert_eq!(extensions["collection"], "part", "{kind:?}");
            // SQLite does not tell which.
            assert_eq!(extensions["field"], if kind == Kind::Sqlite { Json::Null } else { json!("b") }, "{kind:?}");
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
}

#[tokio::test]
async fn rows_that_others_point_to_stay() {
    let apps = presses().await;
    for document in [
        "mutation { delete_author_item(id: 1) { id } }",
        "mutation { delete_author_items(ids: [3, 2]) { ids } }",
        "mutation { delete_author_where(filter: {}, limit: 10) { ids } }",
        "mutation @transaction { delete_picture_item(id: 1) { id } delete_author_item(id: 2) { id } }",
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.graphql(document).await;
            assert_eq!(reply.codes(), ["INVALID_FOREIGN_KEY"], "{kind:?}: {:#}", reply.body);
            let extensions = &reply.body["errors"][0]["extensions"];
            assert!(extensions.get("value").is_some_and(Json::is_null), "{kind:?}: {:#}", reply.body);
            if kind != Kind::Sqlite {
                // Which collection still points there.
                let named = extensions["collection"].as_str().expect("a collection");
                assert!(["author", "article", "credit"].contains(&named), "{kind:?}: {:#}", reply.body);
            }
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
    // A referenced column that is not the key cannot change either.
    let apps = Everywhere::own(rules).await;
    for (kind, app) in apps.each() {
        let reply = app.graphql("mutation { update_rule_item(id: 1, data: { a: 5 }) { id } }").await;
        assert_eq!(reply.codes(), ["INVALID_FOREIGN_KEY"], "{kind:?}: {:#}", reply.body);
    }
}

#[tokio::test]
async fn a_key_beyond_its_column_is_refused() {
    let apps = presses().await;
    for (kind, app) in apps.each().filter(|(kind, _)| *kind != Kind::Sqlite) {
        let create = r#"mutation { create_tag_item(data: { id: "3000000000", name: "x" }) { id } }"#;
        let reply = app.graphql(create).await;
        assert_eq!(reply.codes(), ["VALUE_OUT_OF_RANGE"], "{kind:?}: {:#}", reply.body);
        let update = r#"mutation { update_tag_item(id: "3000000000", data: { name: "x" }) { id } }"#;
        assert_eq!(app.graphql(update).await.codes(), ["FORBIDDEN"], "{kind:?}");
    }
    apps.holds("SELECT count(*) FROM tag", "2").await;
}

/// What only PostgreSQL has: rules over expressions and ranges.
#[tokio::test]
async fn rules_of_postgres() {
    let script = "
        CREATE TABLE person (id integer PRIMARY KEY, name text);
        CREATE UNIQUE INDEX one_name ON person (lower(name));
        CREATE TABLE stay (id integer PRIMARY KEY, room integer, days int4range, EXCLUDE USING gist (days WITH &&));
        INSERT INTO person VALUES (1, 'Ann'); INSERT INTO stay VALUES (1, 1, '[1,5)');";
    let app = TestApp::start(TestDatabase::create(Kind::Postgres, script).await.into()).await;
    for (document, code, collection) in [
        (
            r#"mutation { create_person_item(data: { id: 2, name: "ANN" }) { id } }"#,
            "RECORD_NOT_UNIQUE",
            json!("person"),
        ),
        (r#"mutation { create_stay_item(data: { id: 2, days: "[4,6)" }) { id } }"#, "RECORD_NOT_UNIQUE", json!("stay")),
    ] {
        let reply = app.graphql(document).await;
        assert_eq!(reply.codes(), [code], "{document}\n{:#}", reply.body);
        assert_eq!(reply.body["errors"][0]["extensions"]["collection"], collection, "{:#}", reply.body);
    }
}

#[tokio::test]
async fn links_that_are_only_minded_at_the_end() {
    let script = "
        CREATE TABLE node (id integer PRIMARY KEY NOT NULL, next integer REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO node VALUES (1, 1), (2, NULL);";
    for kind in [Kind::Postgres, Kind::Sqlite] {
        let app = TestApp::start(TestDatabase::create(kind, script).await.into()).await;
        let round = "mutation @transaction {
            a: delete_node_item(id: 1) { id }
            b: create_node_item(data: { id: 5, next: { id: 6, next: { id: 7 } } }) { next { next { id } } }
        }";
        assert_eq!(app.data(round).await["b"]["next"]["next"]["id"], "7", "{kind:?}");
        for document in [
            "mutation { delete_node_items(ids: [7]) { ids } }",
            "mutation @transaction { create_node_item(data: { id: 8 }) { id } delete_node_item(id: 6) { id } }",
        ] {
            let reply = app.graphql(document).await;
            assert_eq!(reply.codes(), ["INVALID_FOREIGN_KEY"], "{kind:?}: {:#}", reply.body);
        }
        // Nothing of it is left, not even a transaction.
        let data = app.data("mutation { create_node_item(data: { id: 9 }) { id } }").await;
        assert_eq!(data["create_node_item"]["id"], "9", "{kind:?}");
        let count = app.data("{ node_aggregated { countAll } }").await;
        assert_eq!(count["node_aggregated"][0]["countAll"], 5, "{kind:?}");
    }
}
