//! A database that Directus made, opened as it is: its collections, fields and
//! relations, what values are made of, and its users and rules (contract
//! `graphql.md` 11, `system-tables.md` 5 to 10).

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value as Json, json};
use tidegate::{Gateway, config, secrets::HashOptions};

use crate::support::{Kind, Reply, TOKEN, TestApp, TestDatabase, system_tables};

const ADMIN: &str = "00000000-0000-4000-8000-000000000001";
const EDITOR: &str = "00000000-0000-4000-8000-000000000002";

/// The contract's worked example, and one of each special.
fn script(kind: Kind) -> String {
    let (auto, uuid, moment, json, quote) = match kind {
        Kind::Postgres => ("SERIAL PRIMARY KEY", "UUID", "TIMESTAMPTZ", "JSON", '"'),
        Kind::MySql => ("INT AUTO_INCREMENT PRIMARY KEY", "CHAR(36)", "TIMESTAMP NULL", "JSON", '`'),
        Kind::Sqlite => ("INTEGER PRIMARY KEY", "CHAR(36)", "DATETIME", "JSON", '"'),
    };
    let own = format!(
        "CREATE TABLE authors (id {auto}, name VARCHAR(40) NOT NULL);
        CREATE TABLE tags (id {auto}, name VARCHAR(40) NOT NULL, place INT);
        CREATE TABLE articles (id {auto}, title VARCHAR(40) NOT NULL, status VARCHAR(20) DEFAULT 'draft',
            author INT, date_created {moment}, body TEXT, rating DECIMAL(6, 2), meta {json},
            FOREIGN KEY (author) REFERENCES authors (id) ON DELETE SET NULL);
        CREATE TABLE articles_tags (id {auto}, articles_id INT, tags_id INT,
            FOREIGN KEY (articles_id) REFERENCES articles (id) ON DELETE CASCADE,
            FOREIGN KEY (tags_id) REFERENCES tags (id) ON DELETE CASCADE);
        CREATE TABLE site (id {auto}, name VARCHAR(40), tagline VARCHAR(40));
        CREATE TABLE things (id {uuid} PRIMARY KEY NOT NULL, labels TEXT, pin VARCHAR(255), secret VARCHAR(40),
            made {moment}, noted VARCHAR(40), changed {moment}, made_by {uuid}, changed_by {uuid}, in_role {uuid});
        CREATE TABLE gone (id {auto}, name VARCHAR(40));
        CREATE TABLE loose (id {auto}, author INT);
        INSERT INTO authors (name) VALUES ('Ann'), ('Bob');
        INSERT INTO tags (name, place) VALUES ('blue', 2), ('red', 1);"
    );
    let users = format!(
        "INSERT INTO directus_roles (id, name) VALUES ('{ADMIN}', 'Administrator'), ('{EDITOR}', 'Editor');
        INSERT INTO directus_policies (id, name, admin_access, app_access) VALUES
            ('{ADMIN}', 'Administrator', TRUE, TRUE), ('{EDITOR}', 'Editor', FALSE, FALSE);
        INSERT INTO directus_access (id, role, policy) VALUES ('{ADMIN}', '{ADMIN}', '{ADMIN}'),
            ('{EDITOR}', '{EDITOR}', '{EDITOR}');
        INSERT INTO directus_users (id, email, token, role, status) VALUES
            ('{ADMIN}', 'admin@example.com', 'admin-token', '{ADMIN}', 'active'),
            ('{EDITOR}', 'editor@example.com', 'editor-token', '{EDITOR}', 'active');
        INSERT INTO directus_permissions (policy, collection, action, fields, permissions, presets) VALUES
            ('{EDITOR}', 'articles', 'read', 'id,title,status', '{{\"status\":{{\"_eq\":\"published\"}}}}', NULL),
            ('{EDITOR}', 'articles', 'create', 'title', NULL, '{{\"status\":\"published\"}}'),
            ('{EDITOR}', 'things', 'read', '*', NULL, NULL), ('{EDITOR}', 'things', 'create', 'labels', NULL, NULL);"
    );
    let metadata = "
        INSERT INTO directus_collections (collection, note, singleton, sort_field, accountability, status) VALUES
            ('authors', NULL, FALSE, NULL, 'all', 'active'), ('tags', NULL, FALSE, 'place', 'all', 'active'),
            ('articles', 'What is written', FALSE, NULL, 'activity', 'active'),
            ('articles_tags', NULL, FALSE, NULL, NULL, 'active'), ('site', NULL, TRUE, NULL, 'all', 'active'),
            ('things', NULL, FALSE, NULL, 'all', 'active'), ('gone', NULL, FALSE, NULL, 'all', 'inactive'),
            ('a_folder', NULL, FALSE, NULL, 'all', 'active');
        INSERT INTO directus_fields (collection, field, special, note) VALUES
            ('articles', 'title', NULL, 'Headline'), ('articles', 'date_created', 'date-created', NULL),
            ('articles', 'meta', 'cast-json', NULL), ('articles', 'tags', 'm2m', NULL),
            ('articles', 'a_divider', 'alias,no-data', NULL), ('authors', 'articles', 'o2m', NULL),
            ('things', 'id', 'uuid', NULL), ('things', 'labels', 'cast-csv', NULL), ('things', 'pin', 'hash', NULL),
            ('things', 'secret', 'conceal', NULL), ('things', 'made', 'date-created,cast-timestamp', NULL), ('things', 'noted', 'date-created', NULL),
            ('things', 'changed', 'date-updated,cast-timestamp', NULL), ('things', 'made_by', 'user-created', NULL),
            ('things', 'changed_by', 'user-updated', NULL), ('things', 'in_role', 'role-created', NULL);
        INSERT INTO directus_relations (many_collection, many_field, one_collection, one_field, junction_field) VALUES
            ('articles', 'author', 'authors', 'articles', NULL), ('articles_tags', 'articles_id', 'articles', 'tags', 'tags_id'),
            ('articles_tags', 'tags_id', 'tags', NULL, 'articles_id'), ('loose', 'author', 'authors', NULL, NULL),
            ('things', 'made_by', 'directus_users', NULL, NULL);";
    let quoted = |text: &str| match quote {
        '`' => text.replace("\\\"", "\""),
        _ => text.to_owned(),
    };
    format!("{}\n{own}\n{}\n{metadata}", system_tables(kind), quoted(&users))
}

struct Opened {
    app: TestApp,
}

impl Opened {
    async fn over(data: Arc<TestDatabase>) -> Self {
        let own = |serve: &mut config::Serve| {
            serve.gateway.metadata = config::Metadata::Directus;
            serve.auth.admin_token = Some(TOKEN.to_owned());
            serve.auth.accounts.hash = HashOptions { memory: 64, time: 1, parallelism: 1 };
        };
        Self { app: TestApp::with_store(data, |builder| builder.configure(own)).await }
    }

    async fn start(kind: Kind) -> Self {
        Self::over(Arc::new(TestDatabase::create(kind, &script(kind)).await)).await
    }

    async fn ask(&self, token: &str, query: &str) -> Reply {
        self.app.post(&json!({ "query": query }), Some(token)).await
    }

    async fn data(&self, token: &str, query: &str) -> Json {
        let mut reply = self.ask(token, query).await;
        assert!(reply.body.get("errors").is_none(), "{query}\n{:#}", reply.body);
        reply.body["data"].take()
    }

    async fn sdl(&self, token: &str) -> String {
        let request = self.app.request(Method::GET, "/server/specs/graphql/items").bearer_auth(token);
        request.send().await.expect("it answers").text().await.expect("it is text")
    }
}

/// The definition of a type, without descriptions of itself.
fn definition<'s>(sdl: &'s str, what: &str) -> &'s str {
    let start = sdl.find(&format!("{what} {{")).unwrap_or_else(|| panic!("there is no {what} in\n{sdl}"));
    &sdl[start..start + sdl[start..].find('}').expect("it ends") + 1]
}

#[tokio::test]
async fn the_schema_is_that_of_the_contract() {
    for kind in Kind::ALL {
        let opened = Opened::start(kind).await;
        let sdl = opened.sdl("admin-token").await;
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let list = |of: &str| {
            format!("(filter: {of}_filter, sort: [String], limit: Int, offset: Int, page: Int, search: String)")
        };
        let articles = format!(
            r#"type articles {{ id: ID! """ Headline """ title: String! status: String author{}: authors
                date_created: Date date_created_func: datetime_functions body: String rating: Float meta: JSON
                meta_func: articles_meta_func tags{}: [articles_tags] tags_func: count_functions }}"#,
            list("authors"),
            list("articles_tags"),
        );
        assert_eq!(words(definition(&sdl, "type articles")), words(&articles), "{kind:?}");
        let authors = format!(
            "type authors {{ id: ID! name: String! articles{}: [articles] articles_func: count_functions }}",
            list("articles"),
        );
        assert_eq!(words(definition(&sdl, "type authors")), words(&authors), "{kind:?}");
        let junction = format!(
            "type articles_tags {{ id: ID! articles_id{}: articles tags_id{}: tags }}",
            list("articles"),
            list("tags"),
        );
        assert_eq!(words(definition(&sdl, "type articles_tags")), words(&junction), "{kind:?}");
        let created = r#"input create_articles_input { id: ID """ Headline """ title: String! status: String
            author: create_authors_input date_created: Date body: String rating: Float meta: JSON
            tags: [create_articles_tags_input] }"#;
        assert_eq!(words(definition(&sdl, "input create_articles_input")), words(created), "{kind:?}");
        let query = definition(&sdl, "type Query");
        for (name, is_there) in [
            ("articles(", true),
            ("site(version: String): site", true),
            ("loose(", true),
            ("site_by_id", false),
            ("gone", false),
            ("a_folder", false),
            ("directus_users(", false),
            ("users(", false),
        ] {
            assert_eq!(query.contains(name), is_there, "{kind:?} {name}");
        }
        assert!(sdl.contains("What is written"), "{kind:?}");
        let things = definition(&sdl, "type things");
        for field in ["id: ID!", "labels: [String]", "pin: Hash", "secret: Hash", "made: Date", ": directus_users"] {
            assert!(things.contains(field), "{kind:?} {field}: {things}");
        }
        assert!(!sdl.contains("directus_sessions") && !sdl.contains("a_divider"), "{kind:?}");
    }
}

#[tokio::test]
async fn the_worked_example_works() {
    for kind in Kind::ALL {
        let opened = Opened::start(kind).await;
        let created = opened
            .data(
                "admin-token",
                r#"mutation { create_articles_item(data: { title: "A1", status: "published", author: { id: 1, name: "Ann" },
                    rating: 4.25, meta: { color: "red" },
                    tags: [{ tags_id: { id: 2, name: "red" } }, { tags_id: { name: "purple" } }] })
                    { id author { id name } rating meta date_created tags { id tags_id { id name } } } }"#,
            )
            .await;
        let article = &created["create_articles_item"];
        assert_eq!(article["author"], json!({ "id": "1", "name": "Ann" }), "{kind:?}");
        assert_eq!((&article["rating"], &article["meta"]), (&json!(4.25), &json!({ "color": "red" })), "{kind:?}");
        assert!(article["date_created"].is_string(), "{kind:?} {article:#}");
        let tags = json!([
            { "id": "1", "tags_id": { "id": "2", "name": "red" } },
            { "id": "2", "tags_id": { "id": "3", "name": "purple" } },
        ]);
        assert_eq!(article["tags"], tags, "{kind:?}");
        let changed = opened
            .data("admin-token", "mutation { update_articles_item(id: 1, data: { author: { id: 2 }, tags: [{ id: 2 }] }) { author { name } tags { id } } }")
            .await;
        let expected = json!({ "author": { "name": "Bob" }, "tags": [{ "id": "2" }] });
        assert_eq!(changed["update_articles_item"], expected, "{kind:?}");
        // Sorted by what the collection says.
        let sorted = opened.data("admin-token", "{ tags { name } }").await;
        assert_eq!(
            sorted["tags"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|tag| tag["name"] == "red" || tag["name"] == "blue")
                .map(|tag| tag["name"].as_str().unwrap())
                .collect::<Vec<_>>(),
            ["red", "blue"],
            "{kind:?}"
        );
        let counted = opened.data("admin-token", "{ authors(sort: [\"id\"]) { articles_func { count } } }").await;
        assert_eq!(counted["authors"][1]["articles_func"]["count"], 1, "{kind:?}");
    }
}

#[tokio::test]
async fn values_are_made_of_what_their_specials_say() {
    for kind in Kind::ALL {
        let opened = Opened::start(kind).await;
        let query = r#"mutation { create_things_item(data: { labels: ["a", "b c"], pin: "1234", secret: "s",
            made_by: { id: "00000000-0000-4000-8000-000000000002" }, made: "2001-01-01T00:00:00Z" })
            { id labels pin secret made noted changed made_by { email } changed_by in_role } }"#;
        let made = opened.data("admin-token", query).await;
        let thing = &made["create_things_item"];
        let id = thing["id"].as_str().unwrap_or_else(|| panic!("{kind:?} {thing:#}"));
        assert!(uuid::Uuid::try_parse(id).is_ok(), "{kind:?}");
        assert_eq!(thing["labels"], json!(["a", "b c"]), "{kind:?}");
        assert_eq!((&thing["pin"], &thing["secret"]), (&json!("**********"), &json!("**********")), "{kind:?}");
        assert!(
            thing["made"].as_str().is_some_and(|made| made.starts_with("20") && !made.starts_with("2001")),
            "{kind:?}"
        );
        let noted = thing["noted"].as_str().unwrap_or_default();
        assert!(noted.starts_with("20") && noted.ends_with('Z'), "{kind:?} {thing:#}");
        assert_eq!((&thing["changed"], &thing["changed_by"]), (&Json::Null, &Json::Null), "{kind:?}");
        assert_eq!(thing["made_by"], json!({ "email": "admin@example.com" }), "{kind:?}");
        assert_eq!(thing["in_role"], ADMIN, "{kind:?}");
        let stored = opened.app.data.rows("SELECT pin, labels FROM things").await;
        assert!(stored[0][0].as_deref().is_some_and(|pin| pin.starts_with("$argon2id$")), "{kind:?} {stored:?}");
        assert_eq!(stored[0][1].as_deref(), Some("a,b c"), "{kind:?}");
        let query = format!(
            r#"mutation {{ update_things_item(id: "{id}", data: {{ labels: [] }}) {{ labels changed changed_by }} }}"#
        );
        let changed = opened.data("admin-token", &query).await;
        let thing = &changed["update_things_item"];
        assert_eq!(thing["labels"], json!([]), "{kind:?}");
        assert!(thing["changed"].is_string() && thing["changed_by"] == ADMIN, "{kind:?} {thing:#}");
    }
}

#[tokio::test]
async fn the_only_item_is_made_when_it_is_changed() {
    for kind in Kind::ALL {
        let opened = Opened::start(kind).await;
        assert_eq!(opened.data("admin-token", "{ site { name } }").await["site"], Json::Null, "{kind:?}");
        for (field, expected) in
            [("name", json!({ "name": "x", "tagline": null })), ("tagline", json!({ "name": "x", "tagline": "x" }))]
        {
            let query = format!(r#"mutation {{ update_site(data: {{ {field}: "x" }}) {{ name tagline }} }}"#);
            assert_eq!(opened.data("admin-token", &query).await["update_site"], expected, "{kind:?}");
        }
        let all = opened.app.data.rows("SELECT COUNT(*) FROM site").await;
        assert_eq!(all[0][0].as_deref(), Some("1"), "{kind:?}");
    }
}

#[tokio::test]
async fn its_users_have_its_rules() {
    for kind in Kind::ALL {
        let opened = Opened::start(kind).await;
        opened.data("admin-token", r#"mutation { create_articles_items(data: [{ title: "a", status: "published" }, { title: "b" }]) { id } }"#).await;
        let seen = opened.data("editor-token", "{ articles { title status } }").await;
        assert_eq!(seen["articles"], json!([{ "title": "a", "status": "published" }]), "{kind:?}");
        for query in
            ["{ articles { body } }", "{ authors { id } }", r#"mutation { delete_articles_item(id: 1) { id } }"#]
        {
            assert_eq!(opened.ask("editor-token", query).await.codes(), ["GRAPHQL_VALIDATION"], "{kind:?} {query}");
        }
        let made = opened
            .data("editor-token", r#"mutation { create_articles_item(data: { title: "c" }) { title status } }"#)
            .await;
        assert_eq!(made["create_articles_item"], json!({ "title": "c", "status": "published" }), "{kind:?}");
        // What the gateway fills in needs no right.
        let made = opened
            .data("editor-token", r#"mutation { create_things_item(data: { labels: "x" }) { labels made made_by } }"#)
            .await;
        let thing = &made["create_things_item"];
        assert!(thing["made"].is_string() && thing["made_by"] == EDITOR, "{kind:?} {thing:#}");
        // Only activity is wanted of articles, and nothing of the junction.
        let system = |query: &str| {
            let request = opened.app.request(Method::POST, "/graphql/system").bearer_auth("admin-token");
            Reply::of(request.json(&json!({ "query": query })))
        };
        let kept = system(r#"{ activity(filter: { collection: { _eq: "articles" } }, sort: ["id"]) { user { email } revisions { id } } }"#).await;
        let by = |email: &str| json!({ "user": { "email": email }, "revisions": [] });
        let expected = json!([by("admin@example.com"), by("admin@example.com"), by("editor@example.com")]);
        assert_eq!(kept.body["data"]["activity"], expected, "{kind:?}");
    }
}

#[tokio::test]
async fn tables_of_version_11_and_of_the_future() {
    for kind in Kind::ALL {
        let data = Arc::new(TestDatabase::create(kind, &script(kind)).await);
        data.execute("ALTER TABLE directus_collections DROP COLUMN status").await;
        data.execute("ALTER TABLE directus_collections DROP COLUMN autosave_revision_interval").await;
        let opened = Opened::over(data.clone()).await;
        let names = opened.data("admin-token", "{ authors { name } gone { id } }").await;
        assert_eq!(names["authors"][0]["name"], "Ann", "{kind:?}");
        opened.app.stop().await;
        data.execute("INSERT INTO directus_migrations (version, name) VALUES ('20991231A', 'x')").await;
        let builder = Gateway::builder()
            .database(&data.url)
            .configure(|serve| serve.gateway.metadata = config::Metadata::Directus);
        let error = builder.build().await.expect_err("it is too new").to_string();
        assert!(error.contains("20991231A"), "{kind:?} {error}");
    }
}

#[tokio::test]
async fn callers_are_told_what_they_may_do() {
    let opened = Opened::start(Kind::Sqlite).await;
    let get = async |path: &str, token: Option<&str>| {
        let request = opened.app.request(Method::GET, path);
        let reply = Reply::of(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await;
        (reply.status, reply.body)
    };
    let (_, told) = get("/permissions/me", Some("editor-token")).await;
    let articles = &told["data"]["articles"];
    assert_eq!(articles["read"]["access"], "partial", "{told:#}");
    assert_eq!(articles["create"]["fields"], json!(["title"]), "{told:#}");
    assert_eq!(articles["create"]["presets"], json!({ "status": "published" }), "{told:#}");
    assert_eq!(articles["delete"]["access"], "none", "{told:#}");
    assert!(told["data"].get("authors").is_none(), "{told:#}");
    let (status, refused) = get("/permissions/me", None).await;
    assert_eq!((status, &refused["errors"][0]["extensions"]["code"]), (403, &json!("FORBIDDEN")));
    let (_, told) = get("/roles/me", Some("editor-token")).await;
    assert_eq!(told["data"], json!([{ "id": EDITOR }]), "{told:#}");
    let (_, told) = get("/roles/me", Some("admin-token")).await;
    assert_eq!(
        (&told["data"][0]["id"], &told["data"][0]["name"]),
        (&json!(ADMIN), &json!("Administrator")),
        "{told:#}"
    );
    let (_, told) = get("/policies/me/globals", Some("editor-token")).await;
    assert_eq!(told["data"], json!({ "app_access": false, "admin_access": false, "enforce_tfa": false }), "{told:#}");
    let (_, told) = get("/policies/me/globals", Some("admin-token")).await;
    assert_eq!(told["data"]["admin_access"], true, "{told:#}");
    assert_eq!(get("/policies/me/globals", None).await, (200, json!({ "data": { "app_access": false } })));
    // An administrator by the token that the gateway was given has no role.
    assert_eq!(get("/roles/me", Some(TOKEN)).await, (200, json!({ "data": [] })));
}
