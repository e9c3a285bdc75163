//! Links by other columns than the key, by columns that are shared, and by keys
//! in another spelling.

use serde_json::json;

use crate::support::{Everywhere, Kind};

/// Notes point to a unique column that may be null.
fn slugs(kind: Kind) -> String {
    let key = kind.made_up_key();
    format!(
        "CREATE TABLE page (id {key}, slug varchar(9) UNIQUE, name varchar(9));
         CREATE TABLE note (id {key}, text varchar(9), page varchar(9), FOREIGN KEY (page) REFERENCES page (slug));
         INSERT INTO page (slug, name) VALUES ('one', 'p1'), (NULL, 'p2');
         INSERT INTO note (text, page) VALUES ('a', 'one'), ('b', NULL);"
    )
}

#[tokio::test]
async fn a_link_may_be_by_another_column_than_the_key() {
    let apps = Everywhere::own(slugs).await;
    apps.gives(
        r#"mutation {
            linked: update_note_item(id: 2, data: { page: { id: 1 } }) { page { id name } }
            changed: update_note_item(id: 2, data: { page: { id: 1, name: "P1" } }) { page { name } }
            made: create_note_item(data: { text: "c", page: { slug: "new", name: "p3" } }) { page { slug name } }
            # The other row has nothing to point to.
            none: create_note_item(data: { text: "d", page: { name: "p4" } }) { page { name } }
            many: update_page_item(id: 1, data: { note: [{ id: 2 }, { text: "e" }] }) { note(sort: ["text"]) { text page { slug } } }
            both: create_page_item(data: { slug: "x", note: [{ text: "f" }] }) { note { text page { slug } } }
        }"#,
        json!({
            "linked": { "page": { "id": "1", "name": "p1" } },
            "changed": { "page": { "name": "P1" } },
            "made": { "page": { "slug": "new", "name": "p3" } },
            "none": { "page": null },
            "many": { "note": [{ "text": "b", "page": { "slug": "one" } }, { "text": "e", "page": { "slug": "one" } }] },
            "both": { "note": [{ "text": "f", "page": { "slug": "x" } }] },
        }),
    )
    .await;
    apps.holds("SELECT text, page FROM note ORDER BY text", "a -, b one, c new, d -, e one, f x").await;
}

#[tokio::test]
async fn rows_cannot_point_to_one_that_has_nothing_to_point_to() {
    let apps = Everywhere::own(slugs).await;
    let payload = json!({ "code": "INVALID_PAYLOAD", "reason": "…" });
    for document in [
        r#"mutation { update_page_item(id: 2, data: { note: [{ text: "lost" }] }) { id } }"#,
        r#"mutation { update_page_item(id: 2, data: { note: [{ id: 1 }] }) { id } }"#,
        r#"mutation { create_page_item(data: { name: "x", note: [{ text: "lost" }] }) { id } }"#,
    ] {
        apps.refuses(document, payload.clone()).await;
    }
    apps.gives(
        r#"mutation {
            nothing: update_page_item(id: 2, data: { note: [] }) { note { text } }
            given: update_page_item(id: 2, data: { slug: "two", note: [{ text: "found" }] }) { note { text } }
        }"#,
        json!({ "nothing": { "note": [] }, "given": { "note": [{ "text": "found" }] } }),
    )
    .await;
}

/// Every row belongs to a tenant, which is part of its key and of its links.
fn tenants(_: Kind) -> String {
    "CREATE TABLE task (tenant integer NOT NULL, id integer NOT NULL, name varchar(9), parent integer,
         PRIMARY KEY (tenant, id), FOREIGN KEY (tenant, parent) REFERENCES task (tenant, id));
     INSERT INTO task VALUES (1, 1, 'top', NULL), (1, 2, 'sub', 1), (1, 3, 'other', 1), (2, 1, 'theirs', NULL);"
        .to_owned()
}

#[tokio::test]
async fn a_link_that_shares_a_column_with_the_key_lets_go_by_the_other() {
    let apps = Everywhere::own(tenants).await;
    let fields = apps.each().next().expect("there are gateways").1.catalog.collection("task").expect("a collection");
    let fields: Vec<&str> = fields.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["tenant", "id", "name", "parent", "task", "task_by_tenant_parent"]);
    apps.gives(
        r#"mutation {
            update_task_item(tenant: 1, id: 1, data: { task_by_tenant_parent: [{ tenant: 1, id: 2, name: "kept" }] }) {
                task_by_tenant_parent { id name parent }
            }
            unlinked: update_task_item(tenant: 1, id: 2, data: { task: null }) { name parent task { name } }
            linked: update_task_item(tenant: 1, id: 3, data: { task: { tenant: 1, id: 2 } }) { name parent task { name } }
        }"#,
        json!({
            "update_task_item": { "task_by_tenant_parent": [{ "id": 2, "name": "kept", "parent": 1 }] },
            "unlinked": { "name": "kept", "parent": null, "task": null },
            "linked": { "name": "other", "parent": 2, "task": { "name": "kept" } },
        }),
    )
    .await;
    apps.holds(
        "SELECT tenant, id, name, parent FROM task ORDER BY tenant, id",
        "1 1 top -, 1 2 kept -, 1 3 other 2, 2 1 theirs -",
    )
    .await;
}

#[tokio::test]
async fn a_key_in_another_spelling_finds_the_row_where_the_database_takes_it_for_the_same() {
    let apps = Everywhere::own(|kind| {
        let key = kind.made_up_key();
        format!(
            "CREATE TABLE word (code varchar(9) NOT NULL PRIMARY KEY, note varchar(9));
             CREATE TABLE use_of (id {key}, word varchar(9), FOREIGN KEY (word) REFERENCES word (code));
             INSERT INTO word VALUES ('abc', 'old'), ('def', 'old'); INSERT INTO use_of (word) VALUES ('def');"
        )
    })
    .await;
    for (kind, app) in apps.each() {
        let link =
            r#"mutation { create_use_of_item(data: { word: { code: "ABC", note: "new" } }) { word { code note } } }"#;
        let data = app.data(link).await;
        let expected = if kind == Kind::MySql { "abc" } else { "ABC" };
        assert_eq!(data["create_use_of_item"]["word"], json!({ "code": expected, "note": "new" }), "{kind:?}");
        let several = r#"mutation {
            create_use_of_items(data: [{ word: { code: "DEF", note: "x" } }, { word: { code: "xyz", note: "y" } }]) {
                word { note }
            }
        }"#;
        let data = app.data(several).await;
        let expected = json!([{ "word": { "note": "x" } }, { "word": { "note": "y" } }]);
        assert_eq!(data["create_use_of_items"], expected, "{kind:?}");
        let set = r#"mutation { update_word_item(id: "def", data: { use_of: [{ id: 1 }] }) { use_of { id word { note } } } }"#;
        let word = if kind == Kind::MySql { "x" } else { "old" };
        let expected = json!({ "use_of": [{ "id": "1", "word": { "note": word } }] });
        assert_eq!(app.data(set).await["update_word_item"], expected, "{kind:?}");
        let pairs = r#"mutation { delete_word_items(ids: ["xyz", "XYZ"]) { __typename } }"#;
        assert_eq!(app.graphql(pairs).await.codes(), ["INVALID_FOREIGN_KEY"], "{kind:?}");
        let updates = r#"mutation {
            one: update_word_item(id: "DEF ", data: { note: "one", use_of: [] }) { note use_of { id } }
            both: update_word_batch(data: [{ code: "DEF", note: "first" }, { code: "def", note: "last" }]) { code note }
        }"#;
        if kind == Kind::MySql {
            let expected = json!({
                "one": { "note": "one", "use_of": [] },
                "both": [{ "code": "def", "note": "last" }],
            });
            assert_eq!(app.data(updates).await, expected, "{kind:?}");
        }
    }
}
