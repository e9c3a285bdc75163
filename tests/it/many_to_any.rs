//! Rows that point to a row of one of several collections (contract `graphql.md`
//! 3.7 to 3.10 and the addition to section 11).

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value as Json, json};
use tidegate::config;

use crate::support::{Kind, Reply, Socket, TestApp, TestDatabase, system_tables};

const IMAGE: &str = "11111111-1111-4111-8111-111111111111";
const ADMIN: &str = "00000000-0000-4000-8000-000000000001";
const EDITOR: &str = "00000000-0000-4000-8000-000000000002";

fn script(kind: Kind) -> String {
    let (auto, uuid) = match kind {
        Kind::Postgres => ("SERIAL PRIMARY KEY", "UUID"),
        Kind::MySql => ("INT AUTO_INCREMENT PRIMARY KEY", "CHAR(36)"),
        Kind::Sqlite => ("INTEGER PRIMARY KEY", "CHAR(36)"),
    };
    let system = system_tables(kind);
    format!(
        "{system}
        CREATE TABLE pages (id {auto}, title VARCHAR(40));
        CREATE TABLE block_text (id {auto}, content VARCHAR(40), page INT);
        CREATE TABLE block_image (id {uuid} PRIMARY KEY NOT NULL, url VARCHAR(40));
        CREATE TABLE pages_blocks (id {auto}, pages_id INT, item VARCHAR(255), collection VARCHAR(64), sort INT,
            FOREIGN KEY (pages_id) REFERENCES pages (id));
        INSERT INTO pages (title) VALUES ('p1'), ('p2');
        INSERT INTO block_text (content) VALUES ('hello'), ('world'), ('secret');
        INSERT INTO block_image VALUES ('{IMAGE}', 'a.png');
        INSERT INTO pages_blocks (pages_id, item, collection, sort) VALUES (1, '1', 'block_text', 1),
            (1, '{IMAGE}', 'block_image', 2), (1, '99', 'block_text', 3), (1, 'no key', 'block_text', 4),
            (1, '2', 'elsewhere', 5), (2, '3', 'block_text', 1), (2, NULL, NULL, 2), (2, '2', 'block_text', 3),
            (1, ' 1', 'block_text', 6);
        INSERT INTO directus_roles (id, name) VALUES ('{ADMIN}', 'Administrator'), ('{EDITOR}', 'Editor');
        INSERT INTO directus_policies (id, name, admin_access, app_access) VALUES
            ('{ADMIN}', 'Administrator', TRUE, TRUE), ('{EDITOR}', 'Editor', FALSE, FALSE);
        INSERT INTO directus_access (id, role, policy) VALUES ('{ADMIN}', '{ADMIN}', '{ADMIN}'),
            ('{EDITOR}', '{EDITOR}', '{EDITOR}');
        INSERT INTO directus_users (id, email, token, role, status) VALUES
            ('{ADMIN}', 'admin@example.com', 'admin-token', '{ADMIN}', 'active'),
            ('{EDITOR}', 'editor@example.com', 'editor-token', '{EDITOR}', 'active');
        INSERT INTO directus_permissions (policy, collection, action, fields, permissions) VALUES
            ('{EDITOR}', 'pages_blocks', 'read', 'id,item,collection', '{{\"sort\":{{\"_lt\":4}}}}'),
            ('{EDITOR}', 'block_text', 'read', 'content', '{{\"content\":{{\"_neq\":\"secret\"}}}}'),
            ('{EDITOR}', 'pages', 'read', 'id,title', '{{\"blocks\":{{\"item:block_text\":{{\"content\":{{\"_eq\":\"hello\"}}}}}}}}');
        INSERT INTO directus_collections (collection, singleton, accountability, status) VALUES
            ('pages', FALSE, 'all', 'active'), ('pages_blocks', FALSE, 'all', 'active'),
            ('block_text', FALSE, 'all', 'active'), ('block_image', FALSE, 'all', 'active');
        INSERT INTO directus_fields (collection, field, special) VALUES ('pages', 'blocks', 'm2a');
        INSERT INTO directus_relations (many_collection, many_field, one_collection, one_field, one_collection_field,
                one_allowed_collections, junction_field, sort_field) VALUES
            ('pages_blocks', 'item', NULL, NULL, 'collection', 'block_text,block_image', 'pages_id', NULL),
            ('pages_blocks', 'pages_id', 'pages', 'blocks', NULL, NULL, 'item', 'sort');"
    )
}

struct Pages {
    app: TestApp,
}

impl Pages {
    async fn start(kind: Kind) -> Self {
        let data = Arc::new(TestDatabase::create(kind, &script(kind)).await);
        let own = |serve: &mut config::Serve| serve.gateway.metadata = config::Metadata::Directus;
        Self { app: TestApp::with_store(data, |builder| builder.configure(own)).await }
    }

    async fn ask(&self, query: &str, token: &str) -> Reply {
        self.app.post(&json!({ "query": query }), Some(token)).await
    }

    async fn data_as(&self, query: &str, token: &str) -> Json {
        let mut reply = self.ask(query, token).await;
        assert!(reply.body.get("errors").is_none(), "{query}\n{:#}", reply.body);
        reply.body["data"].take()
    }

    async fn data(&self, query: &str) -> Json {
        self.data_as(query, "admin-token").await
    }
}

#[tokio::test]
async fn the_schema_has_a_union_and_a_filter_for_each_member() {
    for kind in Kind::ALL {
        let pages = Pages::start(kind).await;
        let query = "{
            union: __type(name: \"pages_blocks_item_union\") { kind possibleTypes { name } }
            filter: __type(name: \"pages_blocks_filter\") { inputFields { name type { name kind } } }
            input: __type(name: \"create_pages_blocks_input\") { inputFields { name type { name } } }
            type: __type(name: \"pages_blocks\") { fields { name args { name } type { name } } } }";
        let data = pages.data(query).await;
        let members = json!([{ "name": "block_text" }, { "name": "block_image" }]);
        assert_eq!(data["union"], json!({ "kind": "UNION", "possibleTypes": members }), "{kind:?}");
        let names = |of: &str, list: &str| -> Vec<String> {
            let list = data[of][list].as_array().expect("a list");
            list.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
        };
        let expected = ["id", "pages_id", "collection", "sort", "_and", "_or", "item__block_text", "item__block_image"];
        assert_eq!(names("filter", "inputFields"), expected, "{kind:?}");
        let item = |of: &str, list: &str| {
            let list = data[of][list].as_array().expect("a list");
            list.iter().find(|one| one["name"] == "item").expect("it has the field").clone()
        };
        assert_eq!(item("input", "inputFields")["type"]["name"], "String", "{kind:?}");
        let expected = json!({ "name": "item", "args": [], "type": { "name": "pages_blocks_item_union" } });
        assert_eq!(item("type", "fields"), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn each_member_is_read_by_its_fragments_with_one_statement() {
    for kind in Kind::ALL {
        let pages = Pages::start(kind).await;
        let query = "query { pages(sort: \"id\") { title blocks { item {
                __typename ... on block_text { content } ...Image } } } }
            fragment Image on block_image { address: url id }";
        let text = |content: &str| json!({ "item": { "__typename": "block_text", "content": content } });
        let nothing = json!({ "item": null });
        let image = json!({ "item": { "__typename": "block_image", "address": "a.png", "id": IMAGE } });
        let expected = json!([
            { "title": "p1", "blocks": [text("hello"), image, nothing, nothing, nothing, nothing] },
            { "title": "p2", "blocks": [text("secret"), nothing, text("world")] }
        ]);
        let body = json!({ "query": query, "extensions": { "explain": true } });
        let answer = pages.app.post(&body, Some("admin-token")).await.body;
        assert_eq!(answer["data"]["pages"], expected, "{kind:?}");
        let plan = answer["extensions"]["explain"]["plan"].as_array().expect("it is explained").clone();
        let runs: Vec<usize> = plan.iter().map(|part| part["runs"].as_array().map_or(0, Vec::len)).collect();
        assert_eq!(runs, [1, 1, 1, 1], "{kind:?}: {plan:#?}");
        // The name alone, members that no fragment is about, and conditions around fragments.
        let query = "{ pages_blocks(sort: \"id\", limit: 2) { item { kind: __typename
            ... on pages_blocks_item_union { ... on block_text { content id } }
            ... on block_text @skip(if: true) { page } } } }";
        let data = pages.data(query).await;
        let expected = json!([
            { "item": { "kind": "block_text", "content": "hello", "id": "1" } }, { "item": { "kind": "block_image" } }
        ]);
        assert_eq!(data["pages_blocks"], expected, "{kind:?}");
        let data =
            pages.data("{ pages_blocks(sort: \"id\", limit: 2) { item { ... on block_text { content } } } }").await;
        assert_eq!(data["pages_blocks"], json!([{ "item": { "content": "hello" } }, { "item": {} }]), "{kind:?}");
        // What is asked of another member within one says nothing.
        let data = pages
            .data(
                "{ pages_blocks(sort: \"id\", limit: 2) { item { ... on block_text { content
                    ... on pages_blocks_item_union { ... on block_image { url } __typename } } } } }",
            )
            .await;
        let expected = json!([{ "item": { "content": "hello", "__typename": "block_text" } }, { "item": {} }]);
        assert_eq!(data["pages_blocks"], expected, "{kind:?}");
        // Different members may have the same key for different fields.
        let data = pages
            .data("{ pages_blocks(limit: 2) { item { ... on block_text { is: content } ... on block_image { is: url } } } }")
            .await;
        let expected = json!([{ "item": { "is": "hello" } }, { "item": { "is": "a.png" } }]);
        assert_eq!(data["pages_blocks"], expected, "{kind:?}");
        // But then these are of one type.
        for query in [
            "{ pages_blocks { item { ... on block_text { is: page } ... on block_image { is: url } } } }",
            "{ pages_blocks { item { ... on block_text { is: id } ... on block_image { is: url } } } }",
            "{ pages_blocks { item { ...Text ...Image } } }
                fragment Image on block_image { is: id } fragment Text on block_text { is: page }",
        ] {
            let refused = pages.ask(query, "admin-token").await;
            assert_eq!(refused.codes(), ["GRAPHQL_VALIDATION"], "{kind:?} {query} {}", refused.body);
            let message = refused.body["errors"][0]["message"].as_str().unwrap_or_default();
            assert!(message.contains("conflicting types"), "{kind:?} {message}");
        }
        let refused = pages.ask("{ pages_blocks { item { content } } }", "admin-token").await;
        assert_eq!(refused.codes(), ["GRAPHQL_VALIDATION"], "{kind:?}");
        let refused = pages.ask("{ pages_blocks { item { ... on pages { title } } } }", "admin-token").await;
        assert_eq!(refused.codes(), ["GRAPHQL_VALIDATION"], "{kind:?}");
    }
}

#[tokio::test]
async fn members_are_filtered_and_sorted_by() {
    for kind in Kind::ALL {
        let pages = Pages::start(kind).await;
        let keys = async |arguments: &str| {
            let data = pages.data(&format!("{{ pages_blocks({arguments}) {{ id }} }}")).await;
            let rows = data["pages_blocks"].as_array().expect("a list").clone();
            rows.iter().map(|row| row["id"].as_str().expect("a key").to_owned()).collect::<Vec<_>>()
        };
        let found = keys("filter: { item__block_text: { content: { _eq: \"world\" } } }, sort: \"id\"").await;
        assert_eq!(found, ["8"], "{kind:?}");
        let found = keys("filter: { item__block_image: { url: { _contains: \"png\" } } }").await;
        assert_eq!(found, ["2"], "{kind:?}");
        // Whoever points to no text has none, as in a left join.
        let found = keys("filter: { item__block_text: { content: { _null: true } } }, sort: \"id\"").await;
        assert_eq!(found, ["2", "3", "4", "5", "7", "9"], "{kind:?}");
        let found = keys("filter: { item__block_text: { id: { _lt: 3 } } }, sort: \"-item:block_text.content\"").await;
        assert_eq!(found, ["8", "1"], "{kind:?}");
        let found = pages
            .data("{ pages(filter: { blocks: { item__block_image: { url: { _eq: \"a.png\" } } } }) { title } }")
            .await;
        assert_eq!(found["pages"], json!([{ "title": "p1" }]), "{kind:?}");
        let found = pages
            .data(
                "{ pages_blocks_aggregated(filter: { item__block_text: { content: { _nnull: true } } }) { countAll } }",
            )
            .await;
        assert_eq!(found["pages_blocks_aggregated"][0]["countAll"], 3, "{kind:?}");
        // What is no key leads nowhere, and stops nobody who writes.
        let texts = ["", "-", "1e0", "01", "1.0", "99999999999999999999", "-9223372036854775809", &"9".repeat(40)];
        let added: String = texts.map(|text| format!("{{ item: \"{text}\", collection: \"block_text\" }}")).join(", ");
        pages.data(&format!("mutation {{ create_pages_blocks_items(data: [{added}]) {{ id }} }}")).await;
        let hello = "filter: { item__block_text: { content: { _eq: \"hello\" } } }";
        assert_eq!(keys(hello).await, ["1"], "{kind:?}");
        let sorted = keys("filter: { item__block_text: { id: { _gt: 0 } } }, sort: \"item:block_text.content\"").await;
        assert_eq!(sorted, ["1", "6", "8"], "{kind:?}");
        let changed =
            format!("mutation {{ update_pages_blocks_where({hello}, limit: 9, data: {{ sort: 7 }}) {{ id }} }}");
        assert_eq!(pages.data(&changed).await["update_pages_blocks_where"], json!([{ "id": "1" }]), "{kind:?}");
    }
}

/// Else each item is held against each row that there is.
#[tokio::test]
async fn a_member_is_found_by_its_key() {
    let pages = Pages::start(Kind::Sqlite).await;
    let query = "{ pages_blocks(filter: { item__block_text: { content: { _eq: \"hello\" } } }, limit: 1) { id } }";
    let body = json!({ "query": query, "extensions": { "explain": true } });
    let reply = pages.app.post(&body, Some("admin-token")).await;
    let sql = reply.body["extensions"]["explain"]["plan"][0]["statement"].as_str().expect("a statement").to_owned();
    let sql = (1..10).rev().fold(sql, |sql, at| sql.replace(&format!("?{at}"), "NULL"));
    let steps = format!("{:?}", pages.app.data.rows(&format!("EXPLAIN QUERY PLAN {sql}")).await);
    assert!(steps.contains("USING INTEGER PRIMARY KEY"), "{steps}");
}

#[tokio::test]
async fn rights_hold_for_each_member() {
    for kind in Kind::ALL {
        let pages = Pages::start(kind).await;
        let blocks = "{ pages_blocks(sort: \"id\") { id item { ... on block_text { content } } } }";
        let data = pages.data_as(blocks, "editor-token").await;
        let row = |id: u8, item: Json| json!({ "id": id.to_string(), "item": item });
        let expected = json!([
            row(1, json!({ "content": "hello" })),
            row(2, Json::Null),
            row(3, Json::Null),
            row(6, Json::Null),
            row(7, Json::Null),
            row(8, json!({ "content": "world" }))
        ]);
        assert_eq!(data["pages_blocks"], expected, "{kind:?}");
        for refused in [
            "{ pages_blocks { item { ... on block_image { url } } } }",
            "{ pages_blocks { item { ... on block_text { page } } } }",
            "{ pages_blocks(filter: { item__block_image: { url: { _null: true } } }) { id } }",
        ] {
            assert_eq!(pages.ask(refused, "editor-token").await.codes(), ["GRAPHQL_VALIDATION"], "{kind:?} {refused}");
        }
        let sorted = pages.ask("{ pages_blocks(sort: \"item:block_image.url\") { id } }", "editor-token").await;
        assert_eq!(sorted.codes(), ["FORBIDDEN"], "{kind:?}");
        // What may not be seen cannot be looked for.
        let hidden = "{ pages_blocks(filter: { item__block_text: { content: { _eq: \"secret\" } } }) { id } }";
        assert_eq!(pages.data_as(hidden, "editor-token").await["pages_blocks"], json!([]), "{kind:?}");
        // A rule may go through it.
        let data = pages.data_as("{ pages { title } }", "editor-token").await;
        assert_eq!(data["pages"], json!([{ "title": "p1" }]), "{kind:?}");
    }
}

#[tokio::test]
async fn keys_and_collections_are_written_and_followed() {
    for kind in Kind::ALL {
        let pages = Pages::start(kind).await;
        let mut socket = Socket::silent(&pages.app).await;
        socket.send(&json!({ "type": "connection_init", "payload": { "access_token": "admin-token" } })).await;
        assert_eq!(socket.next().await, json!({ "type": "connection_ack" }), "{kind:?}");
        let follow =
            "subscription { pages_blocks_mutated(filter: { item__block_text: { content: { _eq: \"world\" } } }) {
            event transition data { item { ... on block_text { content } } } } }";
        socket.subscribe("1", follow).await;
        crate::support::followed(&pages.app, 1).await;
        let data = pages
            .data(&format!(
                "mutation {{ create_pages_item(data: {{ title: \"p3\", blocks: [
                    {{ collection: \"block_image\", item: \"{IMAGE}\", sort: 1 }},
                    {{ collection: \"block_text\", item: \"2\", sort: 2 }}] }}) {{
                    blocks {{ item {{ __typename }} }} }} }}"
            ))
            .await;
        let expected = json!([{ "item": { "__typename": "block_image" } }, { "item": { "__typename": "block_text" } }]);
        assert_eq!(data["create_pages_item"]["blocks"], expected, "{kind:?}");
        let told = json!({ "event": "create", "transition": null, "data": { "item": { "content": "world" } } });
        assert_eq!(socket.change("1").await, told, "{kind:?}");
        // What it points to becomes another.
        pages.data("mutation { update_block_text_item(id: 2, data: { content: \"moved\" }) { id } }").await;
        let mut left = Vec::new();
        while left.len() < 2 {
            let change = socket.change("1").await;
            assert_eq!(change["transition"], "leave", "{kind:?}: {change}");
            left.push(change);
        }
        let elsewhere = "mutation { create_pages_blocks_item(data: { collection: \"pages\", item: \"1\" }) { id } }";
        let refused = pages.ask(elsewhere, "admin-token").await;
        assert_eq!(refused.codes(), ["INVALID_PAYLOAD"], "{kind:?}: {:#}", refused.body);
        assert!(
            refused.body["errors"][0]["message"].as_str().is_some_and(|text| text.contains("block_text, block_image"))
        );
        let emptied = "mutation { update_pages_blocks_item(id: 1, data: { collection: null, item: null }) { item { __typename } } }";
        assert_eq!(pages.data(emptied).await["update_pages_blocks_item"]["item"], Json::Null, "{kind:?}");
    }
}

#[tokio::test]
async fn names_that_collide_and_members_that_are_said_twice_leave_a_schema() {
    let script = script(Kind::Sqlite)
        .replace("'block_text,block_image'", "'block_text,block_image,block_text'")
        .replace("CREATE TABLE pages_blocks (", "CREATE TABLE pages_blocks (item__block_image VARCHAR(40), ")
        + "CREATE TABLE pages_blocks_item_union (id INTEGER PRIMARY KEY, name VARCHAR(40));";
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, &script).await);
    let own = |serve: &mut config::Serve| serve.gateway.metadata = config::Metadata::Directus;
    let pages = Pages { app: TestApp::with_store(data, |builder| builder.configure(own)).await };
    let query = "{
        union: __type(name: \"pages_blocks_item_union_\") { kind possibleTypes { name } }
        table: __type(name: \"pages_blocks_item_union\") { kind }
        pages_blocks(filter: { item__block_image: { _null: true }, item__block_text: { content: { _eq: \"hello\" } } }) {
            id item { __typename }
        } }";
    let data = pages.data(query).await;
    let members = json!([{ "name": "block_text" }, { "name": "block_image" }]);
    assert_eq!(data["union"], json!({ "kind": "UNION", "possibleTypes": members }));
    assert_eq!(data["table"]["kind"], "OBJECT");
    assert_eq!(data["pages_blocks"], json!([{ "id": "1", "item": { "__typename": "block_text" } }]));
}

#[tokio::test]
async fn a_revision_has_no_key_of_another_collections_row() {
    for kind in Kind::ALL {
        let pages = Pages::start(kind).await;
        let create =
            r#"mutation { create_pages_blocks_item(data: { item: "2", collection: "block_text", sort: 7 }) { id } }"#;
        let id = pages.data(create).await["create_pages_blocks_item"]["id"].as_str().expect("it has a key").to_owned();
        let update =
            format!(r#"mutation {{ update_pages_blocks_item(id: {id}, data: {{ item: "1", sort: 8 }}) {{ id }} }}"#);
        pages.data(&update).await;
        let query = json!({ "query": "{ revisions(sort: [\"id\"]) { data delta } }" });
        let request = pages.app.request(Method::POST, "/graphql/system").bearer_auth("admin-token").json(&query);
        let kept = Reply::of(request).await.body["data"]["revisions"].take();
        let given = json!({ "collection": "block_text", "sort": 7 });
        let whole = json!({ "id": id.parse::<i64>().expect("a number"), "collection": "block_text", "sort": 8 });
        let expected =
            json!([{ "data": given, "delta": given }, { "data": whole, "delta": { "item": "1", "sort": 8 } }]);
        assert_eq!(kept, expected, "{kind:?}");
    }
}
