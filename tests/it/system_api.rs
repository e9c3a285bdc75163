//! What the system answers beside its tables: what callers may do, items that are
//! moved and put back, schemas and paths, what is kept of writes.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Kind, Lock, Reply, Served, TestDatabase, Tokens};

/// Articles by authors, with tags, in an order.
async fn magazine(kind: Kind) -> Served {
    let (auto, moment, json) = match kind {
        Kind::Postgres => ("SERIAL PRIMARY KEY", "TIMESTAMPTZ", "JSON"),
        Kind::MySql => ("INT AUTO_INCREMENT PRIMARY KEY", "TIMESTAMP NULL", "JSON"),
        Kind::Sqlite => ("INTEGER PRIMARY KEY", "DATETIME", "JSON"),
    };
    let script = format!(
        "CREATE TABLE authors (id {auto}, name VARCHAR(40) NOT NULL);
        CREATE TABLE tags (id {auto}, label VARCHAR(40));
        CREATE TABLE articles (id {auto}, title VARCHAR(40) NOT NULL, status VARCHAR(20) DEFAULT 'draft',
            pin VARCHAR(255), meta {json}, labels TEXT, price DECIMAL(6, 2), shown {moment}, changed {moment},
            place INT, author INT, FOREIGN KEY (author) REFERENCES authors (id));
        CREATE TABLE articles_tags (id {auto}, articles_id INT, tags_id INT,
            FOREIGN KEY (articles_id) REFERENCES articles (id) ON DELETE CASCADE,
            FOREIGN KEY (tags_id) REFERENCES tags (id));
        CREATE VIEW titles AS SELECT id, title, place FROM articles;"
    );
    let metadata = "
        INSERT INTO directus_collections (collection, sort_field, accountability) VALUES
            ('authors', 'name', 'all'), ('tags', NULL, 'all'), ('articles', 'place', 'all'), ('articles_tags', NULL, 'all');
        INSERT INTO directus_fields (collection, field, special) VALUES
            ('articles', 'meta', 'cast-json'), ('articles', 'labels', 'cast-csv'), ('articles', 'pin', 'hash'),
            ('articles', 'shown', 'cast-timestamp'), ('articles', 'changed', 'date-updated,cast-timestamp'),
            ('articles', 'tags', 'm2m'), ('authors', 'articles', 'o2m');
        INSERT INTO directus_relations (many_collection, many_field, one_collection, one_field, junction_field) VALUES
            ('articles', 'author', 'authors', 'articles', NULL),
            ('articles_tags', 'articles_id', 'articles', 'tags', 'tags_id'),
            ('articles_tags', 'tags_id', 'tags', NULL, 'articles_id');";
    let served = Served::over(Arc::new(TestDatabase::create(kind, &script).await)).await;
    let data = served.app.data.clone();
    served.app.stop().await;
    data.execute(metadata).await;
    Served::over(data).await
}

/// The data of an operation about items that must succeed.
async fn items(served: &Served, token: &Tokens, query: &str) -> Json {
    let mut reply = served.graphql("/graphql", Some(&token.access), query).await;
    assert!(reply.body.get("errors").is_none(), "{query}\n{:#}", reply.body);
    reply.body["data"].take()
}

async fn get(served: &Served, path: &str, token: Option<&str>) -> Reply {
    served.rest(Method::GET, path, token, Json::Null).await
}

/// Reads all notes and gives them titles, by two permissions of which one has a rule.
const SOME_NOTES: &str = r#"
    { collection: "note", action: "read", fields: ["*"] },
    { collection: "note", action: "update", fields: ["title"], permissions: { id: { _eq: 1 } }, presets: { owner: null } },
    { collection: "note", action: "update", fields: ["title"] }"#;

#[tokio::test]
async fn callers_are_told_what_they_may_do() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let user = served.user(&admin, "u@example.com", SOME_NOTES).await;
        let all = get(&served, "/permissions/me", Some(&admin.access)).await;
        let full = json!({ "access": "full", "fields": ["*"] });
        assert_eq!(all.body["data"]["directus_users"]["create"], full, "{kind:?} {:#}", all.body);
        assert_eq!(all.body["data"]["note"]["share"]["access"], "full", "{kind:?}");
        assert!(all.body["data"].get("directus_sessions").is_none(), "{kind:?}");
        let own = get(&served, "/permissions/me", Some(&user.access)).await;
        let none = json!({ "access": "none" });
        let expected = json!({ "note": {
            "create": none, "delete": none, "share": none, "read": full,
            // One rule is enough, even beside a permission without any.
            "update": { "access": "partial", "fields": ["title"], "presets": { "owner": null } },
        } });
        assert_eq!(own.body["data"], expected, "{kind:?} {:#}", own.body);
        for path in ["/permissions/me", "/permissions/me/note", "/permissions/me/note/1"] {
            let nobody = get(&served, path, None).await;
            assert_eq!((nobody.status, nobody.codes()), (403, vec!["FORBIDDEN"]), "{kind:?} {path}");
        }
    }
}

#[tokio::test]
async fn a_rule_is_held_against_the_item_that_is_asked_about() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let rule = r#"{ collection: "note", action: "update", fields: ["title"], permissions: { id: { _eq: 1 } } }"#;
        let user = served.user(&admin, "u@example.com", rule).await;
        let update = async |path: &str| {
            let reply = get(&served, &format!("/permissions/me/{path}"), Some(&user.access)).await;
            assert_eq!(reply.status, 200, "{kind:?} {:#}", reply.body);
            let access = |action: &str| reply.body["data"][action]["access"].clone();
            assert_eq!((access("delete"), access("share")), (json!(false), json!(false)), "{kind:?} {path}");
            access("update")
        };
        for (path, may) in
            [("note", true), ("note/1", true), ("note/2", false), ("note/9", false), ("note/x", false), ("none", false)]
        {
            assert_eq!(update(path).await, may, "{kind:?} {path}");
        }
        // What is not there can be changed by nobody.
        for (path, may) in [("note/1", true), ("note/999", false), ("directus_sessions", false), ("none/1", false)] {
            let told = get(&served, &format!("/permissions/me/{path}"), Some(&admin.access)).await.body;
            for action in ["update", "delete", "share"] {
                assert_eq!(told["data"][action]["access"], may, "{kind:?} {path} {action} {told:#}");
            }
        }
        let settings = get(&served, "/permissions/me/directus_settings", Some(&admin.access)).await;
        let expected = json!({
            "update": { "access": true, "fields": ["*"] }, "delete": { "access": true }, "share": { "access": true },
        });
        assert_eq!(settings.body["data"], expected, "{kind:?}");
    }
}

#[tokio::test]
async fn roles_are_told_by_as_much_as_may_be_seen_of_them() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let user = served.user(&admin, "u@example.com", SOME_NOTES).await;
        let named = get(&served, "/roles/me?fields=name", Some(&admin.access)).await;
        assert_eq!(named.body["data"], json!([{ "name": "Administrator" }]), "{kind:?}");
        let own = get(&served, "/roles/me?fields=name", Some(&user.access)).await;
        let own = own.body["data"][0].as_object().expect("there is a role").clone();
        assert_eq!(own.keys().collect::<Vec<_>>(), ["id"], "{kind:?}");
        assert_eq!(get(&served, "/roles/me", None).await.body["data"], json!([]), "{kind:?}");
        let globals = async |token| get(&served, "/policies/me/globals", token).await.body["data"].take();
        let expected = |is: bool| json!({ "app_access": is, "admin_access": is, "enforce_tfa": false });
        assert_eq!(globals(Some(&*admin.access)).await, expected(true), "{kind:?}");
        assert_eq!(globals(Some(&*user.access)).await, expected(false), "{kind:?}");
        assert_eq!(globals(None).await, json!({ "app_access": false }), "{kind:?}");
    }
}

async fn post(served: &Served, path: &str, token: Option<&str>, body: Json) -> Reply {
    served.rest(Method::POST, path, token, body).await
}

/// The titles of all articles in their order, with their places.
async fn order(served: &Served, token: &Tokens) -> Vec<(String, i64)> {
    let told = items(served, token, r#"{ articles(sort: ["place"]) { title place } }"#).await;
    let told = told["articles"].as_array().expect("it is a list").clone();
    told.iter()
        .map(|it| {
            (it["title"].as_str().expect("it is a text").to_owned(), it["place"].as_i64().expect("it is a number"))
        })
        .collect()
}

fn placed(titles: &str, places: &[i64]) -> Vec<(String, i64)> {
    titles.chars().map(String::from).zip(places.iter().copied()).collect()
}

#[tokio::test]
async fn an_item_moves_to_another_ones_place() {
    for kind in Kind::ALL {
        let served = magazine(kind).await;
        let admin = served.admin().await;
        served.app.data.execute(
            "INSERT INTO articles (id, title, place) VALUES (1, 'a', 2), (2, 'b', 4), (3, 'c', 8), (4, 'd', NULL), (5, 'e', NULL)",
        ).await;
        let sort = async |item: Json, to: Json| {
            let body = json!({ "item": item, "to": to });
            let reply = post(&served, "/utils/sort/articles", Some(&admin.access), body).await;
            assert_eq!((reply.status, &reply.body), (200, &Json::Null), "{kind:?}");
        };
        sort(json!(1), json!("3")).await;
        assert_eq!(order(&served, &admin).await, placed("bcade", &[2, 4, 8, 9, 10]), "{kind:?}");
        let done =
            served.system(&admin, r#"mutation { utils_sort(collection: "articles", item: "5", to: "2") }"#).await;
        assert_eq!(done["utils_sort"], true, "{kind:?}");
        assert_eq!(order(&served, &admin).await, placed("ebcad", &[2, 4, 8, 9, 10]), "{kind:?}");
        // Numbers of which two are alike tell nothing.
        served.app.data.execute("UPDATE articles SET place = 4 WHERE id IN (1, 2, 3)").await;
        sort(json!(5), json!(5)).await;
        sort(json!(4), json!(5)).await;
        assert_eq!(order(&served, &admin).await, placed("deabc", &[1, 2, 3, 4, 5]), "{kind:?}");
        let kept = served
            .system(
                &admin,
                r#"{ revisions(filter: { collection: { _eq: "articles" } }, sort: ["-id"], limit: 1) { item delta } }"#,
            )
            .await;
        assert!(kept["revisions"][0]["delta"]["place"].is_number(), "{kind:?} {kept:#}");
    }
}

#[tokio::test]
async fn of_items_that_move_only_the_numbers_are_written() {
    for kind in Kind::ALL {
        let served = magazine(kind).await;
        let admin = served.admin().await;
        let data = &served.app.data;
        let places: Vec<String> = (1..=6).map(|at| format!("({at}, '{at}', {})", at * 10)).collect();
        data.execute(&format!("INSERT INTO articles (id, title, place) VALUES {}", places.join(", "))).await;
        let rule = r#"{ collection: "articles", action: "update", fields: ["place"], presets: { title: "preset" },
            validation: { title: { _eq: "never" } } }"#;
        let user = served.user(&admin, "u@example.com", rule).await;
        let before = revisions(&served, &admin, 0).await.len();
        let reply = post(&served, "/utils/sort/articles", Some(&user.access), json!({ "item": 2, "to": 4 })).await;
        assert_eq!(reply.status, 200, "{kind:?} {:#}", reply.body);
        let expected = placed("134256", &[10, 20, 30, 40, 50, 60]);
        assert_eq!(order(&served, &admin).await, expected, "{kind:?}");
        assert_eq!(data.rows("SELECT id FROM articles WHERE changed IS NOT NULL").await.len(), 0, "{kind:?}");
        // Nor is anything kept of the others.
        let mut moved: Vec<Json> =
            revisions(&served, &admin, before).await.into_iter().map(|it| json!([it[1], it[3]])).collect();
        moved.sort_by_key(Json::to_string);
        let to = |place: i64| json!({ "place": place });
        assert_eq!(moved, [json!(["2", to(40)]), json!(["3", to(20)]), json!(["4", to(30)])], "{kind:?}");
    }
}

#[tokio::test]
async fn no_more_items_move_than_a_mutation_writes() {
    for kind in Kind::ALL {
        let data = magazine(kind).await.app.data.clone();
        data.execute(
            "INSERT INTO articles (id, title, place) VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4)",
        )
        .await;
        let served = Served::over_with(data, |serve| serve.gateway.limits.batch = Some(3)).await;
        let admin = served.admin().await;
        let sort = async |item: i64, to: i64| {
            post(&served, "/utils/sort/articles", Some(&admin.access), json!({ "item": item, "to": to })).await
        };
        let reply = sort(1, 4).await;
        assert_eq!((reply.status, reply.codes()), (400, vec!["INVALID_PAYLOAD"]), "{kind:?}");
        assert_eq!(order(&served, &admin).await, placed("abcd", &[1, 2, 3, 4]), "{kind:?}");
        assert_eq!(sort(1, 3).await.status, 200, "{kind:?}");
        assert_eq!(order(&served, &admin).await, placed("bcad", &[1, 2, 3, 4]), "{kind:?}");
    }
}

#[tokio::test]
async fn what_moves_or_puts_back_items_does_not_wait_for_ever() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let data = magazine(kind).await.app.data.clone();
        data.execute("INSERT INTO articles (id, title, place) VALUES (1, 'a', 1), (2, 'b', 2)").await;
        data.execute(
            r#"INSERT INTO directus_activity (id, action, collection, item) VALUES (900, 'update', 'articles', '1')"#,
        )
        .await;
        data.execute(
            r#"INSERT INTO directus_revisions (id, activity, collection, item, data)
                VALUES (900, 900, 'articles', '1', '{"title":"z"}')"#,
        )
        .await;
        let limit = std::time::Duration::from_secs(1);
        let served = Served::over_with(data.clone(), move |serve| serve.server.operation_timeout = limit).await;
        let admin = served.admin().await;
        let gate = Lock::hold_rows(&data, "articles", "id = 1").await;
        let moves = || post(&served, "/utils/sort/articles", Some(&admin.access), json!({ "item": 1, "to": 2 }));
        let reverts = || post(&served, "/utils/revert/900", Some(&admin.access), json!({}));
        for reply in [moves().await, reverts().await] {
            assert_eq!((reply.status, reply.codes()), (408, vec!["OUT_OF_TIME"]), "{kind:?}");
        }
        gate.release().await;
        assert_eq!((moves().await.status, reverts().await.status), (200, 204), "{kind:?}");
        assert_eq!(order(&served, &admin).await, [("b".to_owned(), 1), ("z".to_owned(), 2)], "{kind:?}");
    }
}

#[tokio::test]
async fn who_may_order_some_items_moves_no_others() {
    for kind in Kind::ALL {
        let served = magazine(kind).await;
        let admin = served.admin().await;
        served
            .app
            .data
            .execute(
                "INSERT INTO articles (id, title, status, place) VALUES
                (1, 'a', 'own', 1), (2, 'b', 'draft', 2), (3, 'c', 'own', 3), (4, 'd', 'own', 7)",
            )
            .await;
        let rule = r#"{ collection: "articles", action: "update", fields: ["place"], permissions: { status: { _eq: "own" } } }"#;
        let user = served.user(&admin, "u@example.com", rule).await;
        let other = served
            .user(&admin, "o@example.com", r#"{ collection: "articles", action: "update", fields: ["title"] }"#)
            .await;
        let sort = async |token: Option<&str>, collection: &str, body: Json| {
            let reply = post(&served, &format!("/utils/sort/{collection}"), token, body).await;
            (reply.status, reply.codes().first().map(|code| (*code).to_owned()))
        };
        let forbidden = (403, Some("FORBIDDEN".to_owned()));
        for (item, to) in [(1, 2), (2, 1), (1, 99)] {
            let body = json!({ "item": item, "to": to });
            assert_eq!(sort(Some(&user.access), "articles", body).await, forbidden, "{kind:?} {item} {to}");
        }
        let body = || json!({ "item": 1, "to": 4 });
        assert_eq!(sort(Some(&other.access), "articles", body()).await, forbidden, "{kind:?}");
        assert_eq!(sort(None, "articles", body()).await, forbidden, "{kind:?}");
        for unknown in ["none", "directus_sessions", "directus_collections", "directus_activity", "titles"] {
            assert_eq!(sort(Some(&admin.access), unknown, body()).await, forbidden, "{kind:?} {unknown}");
        }
        let invalid = (400, Some("INVALID_PAYLOAD".to_owned()));
        assert_eq!(sort(Some(&admin.access), "tags", body()).await, invalid, "{kind:?}");
        // Sorted by a text.
        assert_eq!(sort(Some(&admin.access), "authors", body()).await, invalid, "{kind:?}");
        assert_eq!(sort(Some(&admin.access), "articles", json!({ "item": 1 })).await, invalid, "{kind:?}");
        assert_eq!(order(&served, &admin).await, placed("abcd", &[1, 2, 3, 7]), "{kind:?}");
        assert_eq!(sort(Some(&user.access), "articles", body()).await, (200, None), "{kind:?}");
        assert_eq!(order(&served, &admin).await, placed("cbda", &[1, 2, 3, 7]), "{kind:?}");
    }
}

#[tokio::test]
async fn a_revision_is_put_back() {
    for kind in Kind::ALL {
        let served = magazine(kind).await;
        let admin = served.admin().await;
        items(
            &served,
            &admin,
            r#"mutation { create_articles_item(data: { id: 1, title: "old", pin: "x", meta: { a: [1, null] }, labels: ["p", "q"],
                price: 1.25, shown: "2024-02-03T04:05:06Z", author: { name: "Ann" } }) { id } }"#,
        )
        .await;
        let update = r#"mutation { update_articles_item(id: 1, data: { price: 2.5 }) { id } }"#;
        items(&served, &admin, update).await;
        let of_articles =
            r#"{ revisions(filter: { collection: { _eq: "articles" } }, sort: ["id"]) { id data delta } }"#;
        let kept = served.system(&admin, of_articles).await;
        let [first, second] = [0, 1].map(|at| kept["revisions"][at]["id"].as_str().unwrap().to_owned());
        let columns = "{ articles_by_id(id: 1) { title meta labels price shown author { name } } }";
        let as_it_was = items(&served, &admin, columns).await;
        let change = r#"mutation { update_articles_item(id: 1, data: { title: "new", pin: "y", meta: null, labels: [],
            price: 9, shown: null }) { id } }"#;
        items(&served, &admin, change).await;
        let pin = async || served.app.data.rows("SELECT pin FROM articles").await;
        let hashed = pin().await;
        let reply = post(&served, &format!("/utils/revert/{second}"), Some(&admin.access), Json::Null).await;
        assert_eq!(reply.status, 204, "{kind:?} {:#}", reply.body);
        assert_eq!(items(&served, &admin, columns).await, as_it_was, "{kind:?}");
        // What was not kept cannot come back, and nothing takes its place.
        assert_eq!(format!("{:?}", pin().await), format!("{hashed:?}"), "{kind:?}");
        let revert = format!(r#"mutation {{ utils_revert(revision: "{first}") }}"#);
        assert_eq!(served.system(&admin, &revert).await["utils_revert"], true, "{kind:?}");
        let now = items(&served, &admin, "{ articles_by_id(id: 1) { price title } }").await;
        assert_eq!(now["articles_by_id"], json!({ "price": 1.25, "title": "old" }), "{kind:?}");
        let kept = served.system(&admin, of_articles).await;
        let last = kept["revisions"].as_array().unwrap().last().unwrap();
        assert_eq!(last["delta"]["price"].to_string().trim_matches('"'), "1.25", "{kind:?} {last:#}");
    }
}

#[tokio::test]
async fn a_revision_is_put_back_by_who_may_change_the_item_so() {
    for kind in Kind::ALL {
        let served = magazine(kind).await;
        let admin = served.admin().await;
        items(&served, &admin, r#"mutation { create_authors_item(data: { id: 1, name: "Ann" }) { id } }"#).await;
        items(&served, &admin, r#"mutation { update_authors_item(id: 1, data: { name: "Bob" }) { id } }"#).await;
        let reads = r#"{ collection: "directus_revisions", action: "read", fields: ["*"] }"#;
        let writes = r#"{ collection: "authors", action: "update", fields: ["name"] }"#;
        let reader = served.user(&admin, "r@example.com", reads).await;
        let writer = served.user(&admin, "w@example.com", writes).await;
        let both = served.user(&admin, "b@example.com", &format!("{reads}, {writes}")).await;
        let kept = served
            .system(&admin, r#"{ revisions(filter: { collection: { _eq: "authors" } }, sort: ["id"]) { id } }"#)
            .await;
        let path = format!("/utils/revert/{}", kept["revisions"][0]["id"].as_str().unwrap());
        for token in [Some(&*reader.access), Some(&*writer.access), None] {
            let reply = post(&served, &path, token, json!({})).await;
            assert_eq!((reply.status, reply.codes()), (403, vec!["FORBIDDEN"]), "{kind:?}");
        }
        for path in ["/utils/revert/999", "/utils/revert/x"] {
            assert_eq!(post(&served, path, Some(&admin.access), json!({})).await.codes(), ["FORBIDDEN"], "{kind:?}");
        }
        assert_eq!(post(&served, &path, Some(&both.access), json!({})).await.status, 204, "{kind:?}");
        assert_eq!(
            items(&served, &admin, "{ authors { name } }").await["authors"],
            json!([{ "name": "Ann" }]),
            "{kind:?}"
        );
        // One of an item whose key may have been longer.
        let longest = "k".repeat(255);
        served.app.data.execute(&format!("UPDATE directus_revisions SET item = '{longest}'")).await;
        let reply = post(&served, &path, Some(&admin.access), json!({})).await;
        assert_eq!((reply.status, reply.codes()), (400, vec!["INVALID_PAYLOAD"]), "{kind:?}");
        served.app.data.execute("UPDATE directus_revisions SET item = '1'").await;
        // A revision without values.
        served.app.data.execute("UPDATE directus_revisions SET data = NULL").await;
        let reply = post(&served, &path, Some(&admin.access), json!({})).await;
        assert_eq!((reply.status, reply.codes()), (400, vec!["INVALID_PAYLOAD"]), "{kind:?}");
    }
}

#[tokio::test]
async fn schemas_and_paths_can_be_asked_for() {
    let served = Served::start(Kind::Sqlite).await;
    let admin = served.admin().await;
    let told = served.system(&admin, "{ server_specs_graphql server_specs_oas }").await;
    let system = served.system(&admin, "{ server_specs_graphql(scope: system) }").await;
    let text = |of: &Json| of["server_specs_graphql"].as_str().expect("it is text").to_owned();
    assert!(text(&told).contains("create_note_item") && !text(&told).contains("utils_sort"));
    assert!(text(&system).contains("utils_sort") && !text(&system).contains("create_note_item"));
    // As the caller sees it.
    let public = served.graphql("/graphql/system", None, "{ server_specs_graphql }").await;
    assert!(!public.body["data"]["server_specs_graphql"].as_str().expect("it is text").contains("note"));
    // A long text, once.
    let twice = "{ a: server_specs_graphql b: server_specs_graphql(scope: system) }";
    assert_eq!(served.system_code(&admin, twice).await, "GRAPHQL_VALIDATION");
    let document = get(&served, "/server/specs/oas", None).await.body;
    assert_eq!(document, told["server_specs_oas"]);
    assert_eq!(document["openapi"], "3.0.1");
    let data = || served.app.data.clone();
    let hidden = Served::over_with(data(), |serve| serve.gateway.limits.introspection = false).await;
    let admin = hidden.admin().await;
    assert_eq!(hidden.system_code(&admin, "{ server_specs_graphql }").await, "GRAPHQL_VALIDATION");
    let hidden = Served::over_with(data(), |serve| serve.gateway.limits.openapi = false).await;
    let admin = hidden.admin().await;
    assert_eq!(hidden.system_code(&admin, "{ server_specs_oas }").await, "GRAPHQL_VALIDATION");
}

#[tokio::test]
async fn all_paths_of_the_document_are_there_and_by_no_other_methods() {
    let served = Served::start(Kind::Sqlite).await;
    let document = get(&served, "/server/specs/oas", None).await.body;
    let paths = document["paths"].as_object().expect("there are paths");
    assert!(paths.len() > 30, "{document:#}");
    for (path, told) in paths {
        let told = told.as_object().expect("there are methods");
        let at = path.replace(['{', '}'], "");
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            let request = served.app.request(method.clone(), &at).header("content-type", "application/json");
            let status = request.send().await.expect("it answers").status().as_u16();
            let is_told = told.contains_key(&method.as_str().to_lowercase());
            assert_eq!(![404, 405].contains(&status), is_told, "{method} {path}: {status}");
        }
    }
}

/// What was kept, oldest first: collection, item, data, delta, and the place of the parent.
async fn revisions(served: &Served, token: &Tokens, after: usize) -> Vec<Json> {
    let query = r#"{ revisions(sort: ["id"], limit: -1) { id collection item data delta parent { id } } }"#;
    let told = served.system(token, query).await;
    let all = told["revisions"].as_array().expect("it is a list").clone();
    let place = |id: &Json| all.iter().position(|it| &it["id"] == id).map(|at| at as i64 - after as i64);
    let shown = all.iter().map(|it| {
        let parent = place(&it["parent"]["id"]);
        json!([it["collection"], it["item"], it["data"], it["delta"], parent])
    });
    shown.skip(after).collect()
}

#[tokio::test]
async fn what_is_nested_points_to_what_it_is_nested_in() {
    for kind in Kind::ALL {
        let served = magazine(kind).await;
        let admin = served.admin().await;
        let before = revisions(&served, &admin, 0).await.len();
        let create = r#"mutation { create_articles_item(data: { title: "rev", pin: "x", meta: { a: 1 }, labels: ["a"], shown: null,
            author: { name: "Z" }, tags: [{ tags_id: { label: "q" } }, { tags_id: { label: "r" } }] }) { id } }"#;
        items(&served, &admin, create).await;
        let article =
            json!({ "title": "rev", "pin": "**********", "meta": { "a": 1 }, "labels": ["a"], "shown": null });
        let (name, tag) = (json!({ "name": "Z" }), |label: &str| json!({ "label": label }));
        let mut kept = revisions(&served, &admin, before).await;
        let last = kept.pop().expect("there is one");
        assert_eq!(last, json!(["articles", "1", article, article, null]), "{kind:?} {kept:#?}");
        kept.sort_by_key(|it| it.to_string());
        let place = |of: &Json| kept.iter().find(|it| &it[2] == of).map(|it| it[4].clone());
        assert_eq!(place(&name), Some(json!(5)), "{kind:?} {kept:#?}");
        let pairs: Vec<&Json> = kept.iter().filter(|it| it[0] == "articles_tags").collect();
        assert!(pairs.len() == 2 && pairs.iter().all(|it| it[2].is_null() && it[4] == 5), "{kind:?} {kept:#?}");
        let all = revisions(&served, &admin, before).await;
        for label in ["q", "r"] {
            let parent = place(&tag(label)).and_then(|at| at.as_u64()).expect("it has one") as usize;
            let tag = all.iter().find(|it| it[2] == tag(label)).expect("it is there");
            assert_eq!((&all[parent][0], &all[parent][1]), (&json!("articles_tags"), &tag[1]), "{kind:?} {all:#?}");
        }
        // Children that are changed, added and let go.
        items(&served, &admin, r#"mutation { create_articles_item(data: { id: 7, title: "free" }) { id } }"#).await;
        let before = revisions(&served, &admin, 0).await.len();
        let update = r#"mutation { update_authors_item(id: 1, data: { name: "Y", articles: [
            { id: 7, title: "kept" }, { id: 8, title: "new" }] }) { id } }"#;
        items(&served, &admin, update).await;
        let mut kept = revisions(&served, &admin, before).await;
        let author = kept.pop().expect("there is one");
        assert_eq!((&author[0], &author[3], &author[4]), (&json!("authors"), &json!({ "name": "Y" }), &Json::Null));
        let mut told: Vec<(Json, Json, Json)> =
            kept.into_iter().map(|it| (it[1].clone(), it[3]["title"].clone(), it[4].clone())).collect();
        told.sort_by_key(|it| it.0.to_string());
        let expected = [("1", Json::Null), ("7", json!("kept")), ("8", json!("new"))];
        let expected: Vec<_> = expected.into_iter().map(|(item, title)| (json!(item), title, json!(3))).collect();
        assert_eq!(told, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_row_that_is_written_several_times_is_a_part_of_another_one_each_time() {
    for kind in Kind::ALL {
        let served = magazine(kind).await;
        let admin = served.admin().await;
        served.app.data.execute("INSERT INTO authors (id, name) VALUES (1, 'a'), (2, 'b')").await;
        served.app.data.execute("INSERT INTO articles (id, title, author) VALUES (1, 'x', 2), (2, 'y', 1)").await;
        let before = revisions(&served, &admin, 0).await.len();
        let batch = r#"mutation { update_articles_batch(data: [
            { id: 1, title: "x2", author: { id: 1, name: "first" } },
            { id: 2, title: "y2", author: { id: 1, name: "second" } }]) { id } }"#;
        items(&served, &admin, batch).await;
        let kept = revisions(&served, &admin, before).await;
        let of = |name: &str| kept.iter().find(|it| it[3]["name"] == name).expect("it is kept")[4].as_u64();
        let article = |at: Option<u64>| kept[at.expect("it has a parent") as usize][1].clone();
        assert_eq!((article(of("first")), article(of("second"))), (json!("1"), json!("2")), "{kind:?} {kept:#?}");
    }
}

/// Categories within categories.
async fn categories(kind: Kind) -> Served {
    let auto = match kind {
        Kind::Postgres => "SERIAL PRIMARY KEY",
        Kind::MySql => "INT AUTO_INCREMENT PRIMARY KEY",
        Kind::Sqlite => "INTEGER PRIMARY KEY",
    };
    let script = format!(
        "CREATE TABLE categories (id {auto}, name VARCHAR(40), parent INT,
            FOREIGN KEY (parent) REFERENCES categories (id));
        INSERT INTO categories (id, name) VALUES (1, 'a');"
    );
    Served::over(Arc::new(TestDatabase::create(kind, &script).await)).await
}

#[tokio::test]
async fn no_revision_is_a_part_of_itself() {
    for kind in Kind::ALL {
        let served = categories(kind).await;
        let admin = served.admin().await;
        let write = async |name: &str| {
            let before = revisions(&served, &admin, 0).await.len();
            let parent = format!(r#"{{ id: 1, name: "{name}" }}"#);
            let update = format!("mutation {{ update_categories_item(id: 1, data: {{ parent: {parent} }}) {{ id }} }}");
            items(&served, &admin, &update).await;
            let kept = revisions(&served, &admin, before).await;
            kept.into_iter().map(|it| json!([it[3], it[4]])).collect::<Vec<Json>>()
        };
        // The name is written first, then what it points to, which is another revision.
        let expected = [json!([{ "name": "x" }, 1]), json!([{ "parent": 1 }, null])];
        assert_eq!(write("x").await, expected, "{kind:?}");
        assert_eq!(write("y").await, [json!([{ "name": "y" }, null])], "{kind:?}");
    }
}

#[tokio::test]
async fn rows_behind_a_junction_are_a_part_of_its_pairs() {
    for kind in Kind::ALL {
        let script = "
            CREATE TABLE posts (id INT PRIMARY KEY NOT NULL, title VARCHAR(40));
            CREATE TABLE tags (id INT PRIMARY KEY NOT NULL, label VARCHAR(40));
            CREATE TABLE posts_tags (post_id INT NOT NULL, tag_id INT NOT NULL, PRIMARY KEY (post_id, tag_id),
                FOREIGN KEY (post_id) REFERENCES posts (id), FOREIGN KEY (tag_id) REFERENCES tags (id));
            INSERT INTO tags VALUES (3, 'old');";
        let served = Served::over(Arc::new(TestDatabase::create(kind, script).await)).await;
        let admin = served.admin().await;
        let before = revisions(&served, &admin, 0).await.len();
        let create = r#"mutation { create_posts_item(data: { id: 1, title: "p", tags: [
            { id: 7, label: "seven" }, { id: 3, label: "three" }, { id: 5, label: "five" }] }) { id } }"#;
        items(&served, &admin, create).await;
        let kept = revisions(&served, &admin, before).await;
        let place = |collection: &str, item: Json| {
            kept.iter()
                .position(|it| it[0] == collection && it[1] == item)
                .unwrap_or_else(|| panic!("{item} {kept:#?}"))
        };
        let post = place("posts", json!("1"));
        assert_eq!(kept[post][4], Json::Null, "{kind:?} {kept:#?}");
        let mut pairs = Vec::new();
        for tag in [7, 3, 5] {
            let pair = place("posts_tags", json!(format!("[1,{tag}]")));
            assert_eq!(kept[pair][4], post, "{kind:?} {kept:#?}");
            assert_eq!(kept[place("tags", json!(tag.to_string()))][4], pair, "{kind:?} {tag} {kept:#?}");
            pairs.push(pair);
        }
        assert!(pairs.is_sorted(), "{kind:?}: as they stand in the document {kept:#?}");
        // A tag that has its pair already is a part of the post itself.
        let before = revisions(&served, &admin, 0).await.len();
        let update =
            r#"mutation { update_posts_item(id: 1, data: { title: "q", tags: [{ id: 3, label: "drei" }] }) { id } }"#;
        items(&served, &admin, update).await;
        let kept = revisions(&served, &admin, before).await;
        let told: Vec<_> = kept.iter().map(|it| json!([it[0], it[3], it[4]])).collect();
        let expected = [json!(["tags", { "label": "drei" }, 1]), json!(["posts", { "title": "q" }, null])];
        assert_eq!(told, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_revision_of_a_new_item_holds_what_was_given() {
    for kind in Kind::ALL {
        let served = magazine(kind).await;
        let admin = served.admin().await;
        let rule = r#"{ collection: "articles", action: "create", fields: ["title"], presets: { place: 5 } }"#;
        let user = served.user(&admin, "u@example.com", rule).await;
        let before = revisions(&served, &admin, 0).await.len();
        items(&served, &admin, r#"mutation { create_articles_item(data: { title: "one" }) { id } }"#).await;
        // Who may not read what they make is only told that it was made.
        items(&served, &user, r#"mutation { create_articles_item(data: { title: "one" }) }"#).await;
        let many = r#"mutation { create_articles_items(data: [{ title: "two" }, { id: 9, title: "three", status: "shown" }]) { id } }"#;
        items(&served, &admin, many).await;
        let kept = revisions(&served, &admin, before).await;
        let data: Vec<&Json> = kept.iter().map(|it| &it[2]).collect();
        let expected = json!([
            { "title": "one" }, { "title": "one", "place": 5 },
            { "title": "two" }, { "id": 9, "title": "three", "status": "shown" },
        ]);
        assert_eq!(json!(data), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_user_was_here_at_a_moment_that_is_told_as_one() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let me = get(&served, "/users/me?fields=last_access", Some(&admin.access)).await;
        let moment = me.body["data"]["last_access"].as_str().unwrap_or_default().to_owned();
        assert!(moment.len() >= 20 && moment.ends_with('Z'), "{kind:?} {:#}", me.body);
    }
}

#[tokio::test]
async fn nobody_learns_which_collections_there_are() {
    let served = magazine(Kind::Sqlite).await;
    let refused = async |collection: &str| {
        let path = format!("/utils/sort/{collection}");
        let reply = post(&served, &path, None, json!({ "item": 1, "to": 2 })).await;
        assert_eq!((reply.status, reply.codes()), (403, vec!["FORBIDDEN"]));
        reply.body.to_string().replace(collection, "x")
    };
    assert_eq!(refused("articles").await, refused("nonsense").await);
}
