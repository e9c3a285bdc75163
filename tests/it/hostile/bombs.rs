//! Operations that would cost much: refused before a statement is sent, or held
//! to what one operation may cost. (What each limit is, `limits.rs` tests.)

use reqwest::Method;
use serde_json::{Value as Json, json};
use tidegate::graphql::Limits;

use super::check_form;
use crate::support::{Kind, PASSWORD, Reply, Served, Settings, TOKEN, TestApp, TestDatabase};

/// The limits that the command has.
fn limits() -> Limits {
    Limits { aliases: 100, root_fields: 50, ..Limits::default() }
}

async fn music(kind: Kind) -> TestApp {
    let settings = Settings { limits: limits(), ..Settings::default() };
    TestApp::start_with(TestDatabase::music(kind).await, settings).await
}

fn repeated(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect()
}

/// Operations that are too much, each with what it is.
fn bombs() -> Vec<(&'static str, String, Json)> {
    let nested = |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let deep_filter = (0..100).fold(json!({ "id": { "_eq": 1 } }), |inner, _| json!({ "_and": [inner] }));
    let wide_filter = json!({ "_or": vec![json!({ "name": { "_icontains": "%a%b%c%" } }); 600] });
    let relations = (0..30).fold(
        json!({ "id": { "_eq": 1 } }),
        |inner, at| json!({ if at % 2 == 0 { "album" } else { "artist_id" }: inner }),
    );
    let filtered = "query Q($f: artist_filter) { artist(filter: $f) { id } }";
    let circle = repeated(40, |_| "album { artist_id { ".to_owned());
    vec![
        ("aliases", format!("{{ {} }}", repeated(1_000, |at| format!("a{at}: artist {{ id }} "))), json!({})),
        ("aliases below", format!("{{ artist {{ {} }} }}", repeated(1_000, |at| format!("a{at}: name "))), json!({})),
        ("depth", format!("{{ artist {{ {circle} id {} }} }}", "} } ".repeat(40)), json!({})),
        ("a filter in a filter", filtered.to_owned(), json!({ "f": deep_filter })),
        ("a filter of many", filtered.to_owned(), json!({ "f": wide_filter })),
        ("a filter of relations", filtered.to_owned(), json!({ "f": relations })),
        ("a list in a list", format!("{{ artist(sort: {}) {{ id }} }}", nested("[", "]", 2_000)), json!({})),
        (
            "an object in an object",
            format!("{{ artist(filter: {}) {{ id }} }}", nested("{_and:", "}", 2_000)),
            json!({}),
        ),
        ("a type in a type", format!("query Q($a: {}) {{ artist {{ id }} }}", nested("[", "]", 2_000)), json!({})),
        ("selections", nested("{ artist ", "}", 2_000), json!({})),
        ("directives", format!("{{ artist {} {{ id }} }}", "@include(if: true) ".repeat(5_000)), json!({})),
        (
            "variables",
            format!("query Q({}) {{ artist {{ id }} }}", repeated(5_000, |at| format!("$v{at}: Int "))),
            json!({}),
        ),
        ("operations", repeated(5_000, |at| format!("query Q{at} {{ artist {{ id }} }} ")), json!({})),
        (
            "fragments",
            format!("{{ artist {{ id }} }} {}", repeated(5_000, |at| format!("fragment F{at} on artist {{ id }} "))),
            json!({}),
        ),
        (
            "cost",
            "{ artist(limit: 100000) { album(limit: 100000) { track(limit: 100000) { id name } } } }".to_owned(),
            json!({}),
        ),
        (
            "a sort of many",
            "query Q($s: [String]) { artist(sort: $s) { id } }".to_owned(),
            json!({ "s": vec!["album.title"; 1_000] }),
        ),
        (
            "keys",
            "query Q($k: [GraphQLStringOrFloat]) { artist(filter: { id: { _in: $k } }) { id } }".to_owned(),
            json!({ "k": vec![1; 50_000] }),
        ),
        (
            "introspection",
            format!("{{ __schema {{ types {{ {} name {} }} }} }}", "fields { type { ".repeat(12), "} } ".repeat(12)),
            json!({}),
        ),
        (
            "mutations",
            format!("mutation {{ {} }}", repeated(2_000, |at| format!("a{at}: delete_genre_item(id: {at}) {{ id }} "))),
            json!({}),
        ),
    ]
}

#[tokio::test]
async fn what_is_too_much_is_refused_before_a_statement_is_sent() {
    for kind in Kind::ALL {
        let app = music(kind).await;
        let before = app.data.rows("SELECT COUNT(*) FROM genre").await;
        for (what, document, variables) in bombs() {
            let (statements, reply) = app.statements_of(app.graphql_with(&document, variables)).await;
            check_form(&reply, &format!("{kind:?} {what}"));
            let codes = reply.codes();
            let known = ["LIMIT_EXCEEDED", "GRAPHQL_VALIDATION", "INVALID_QUERY", "INVALID_PAYLOAD"];
            assert!(!codes.is_empty() && codes.iter().all(|code| known.contains(code)), "{kind:?} {what}: {codes:?}");
            assert_eq!(statements, 0, "{kind:?} {what}");
            // An answer is not a bomb either.
            assert!(reply.body.to_string().len() < 20_000, "{kind:?} {what}");
        }
        assert_eq!(app.data.rows("SELECT COUNT(*) FROM genre").await, before, "{kind:?}");
    }
}

#[tokio::test]
async fn json_within_json_is_refused_as_deep_as_it_is() {
    let app = music(Kind::Sqlite).await;
    for depth in [200, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for body in [
                nested.clone(),
                format!(r#"{{"query":"{{ artist {{ id }} }}","variables":{nested}}}"#),
                format!(
                    r#"{{"query":"query Q($f: artist_filter) {{ artist(filter: $f) {{ id }} }}","variables":{{"f":{nested}}}}}"#
                ),
            ] {
                let request = app.request(Method::POST, "/graphql").bearer_auth(TOKEN);
                let (statements, reply) =
                    app.statements_of(Reply::of(request.header("content-type", "application/json").body(body))).await;
                check_form(&reply, &format!("{open} {depth}"));
                assert_eq!(reply.codes(), ["INVALID_PAYLOAD"], "{open} {depth}");
                assert_eq!(statements, 0, "{open} {depth}");
            }
        }
    }
}

#[tokio::test]
async fn batches_are_no_way_around() {
    let app = music(Kind::Sqlite).await;
    let one = json!({ "query": "{ artist(limit: 1) { id } }" });
    let (statements, reply) = app.statements_of(app.post(&json!(vec![one; 1_000]), Some(TOKEN))).await;
    assert_eq!((statements, reply.status, reply.codes()), (0, 400, vec!["INVALID_PAYLOAD"]));
}

#[tokio::test]
async fn one_request_tries_one_password() {
    let served = Served::start(Kind::Sqlite).await;
    let logins = repeated(100, |at| {
        format!(
            r#"a{at}: auth_login(email: "admin@example.com", password: "{}") {{ access_token }} "#,
            if at == 99 { PASSWORD } else { "x" }
        )
    });
    let by_fragment = format!("mutation {{ ...F }} fragment F on Mutation {{ {logins} }}");
    for document in [format!("mutation {{ {logins} }}"), by_fragment] {
        let sending = || served.graphql("/graphql/system", None, &document);
        let (statements, reply) = served.statements_of(sending).await;
        check_form(&reply, &document);
        assert!(reply.body.get("data").is_none(), "{:#}", reply.body);
        assert_eq!(statements, 0);
    }
}
