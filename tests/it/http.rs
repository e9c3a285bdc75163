//! GraphQL over HTTP: which status, which content type, which method.

use reqwest::{Method, header};
use serde_json::{Value as Json, json};
use tidegate::permissions::{Policy, PublicAccess};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Kind, Reply, Settings, TOKEN, TestApp, TestDatabase, server_options};

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

async fn music() -> TestApp {
    TestApp::start(TestDatabase::music(Kind::Sqlite).await).await
}

/// Posts a body as the administrator, with an `Accept` of its own.
async fn post(app: &TestApp, accept: &str, body: Json) -> Reply {
    let request = app.request(Method::POST, "/graphql").bearer_auth(TOKEN).header(header::ACCEPT, accept);
    Reply::of(request.json(&body)).await
}

/// Gets with a query string as the administrator.
async fn get(app: &TestApp, query: &[(&str, &str)]) -> Reply {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let request = app.request(Method::GET, &format!("/graphql?{query}")).bearer_auth(TOKEN);
    Reply::of(request.header(header::ACCEPT, GRAPHQL)).await
}

#[tokio::test]
async fn the_content_type_decides_the_status_of_what_graphql_refuses() {
    let app = music().await;
    for (query, code, status) in [
        ("{ artist(limit: 1) { id } }", None, 200),
        ("{ artist(", Some("GRAPHQL_VALIDATION"), 400),
        ("{ nothing { id } }", Some("GRAPHQL_VALIDATION"), 400),
        ("query Q($n: Int!) { artist(limit: $n) { id } }", Some("GRAPHQL_VALIDATION"), 400),
        ("query A { artist { id } } query B { artist { id } }", Some("GRAPHQL_VALIDATION"), 400),
        // What fails while it is executed is a 200 in both.
        ("{ artist_by_id(id: 999999) { id } }", Some("FORBIDDEN"), 200),
        ("{ artist(limit: -5) { id } }", Some("INVALID_QUERY"), 200),
    ] {
        for (accept, expected) in [(JSON, 200), (GRAPHQL, status)] {
            let reply = post(&app, accept, json!({ "query": query })).await;
            assert_eq!(reply.status, expected, "{accept}: {query}\n{}", reply.body);
            assert_eq!(reply.codes(), Vec::from_iter(code), "{query}");
            assert_eq!(reply.header("content-type"), format!("{accept}; charset=utf-8"));
            let refused = code == Some("GRAPHQL_VALIDATION");
            assert_eq!(reply.body.get("data").is_none(), refused, "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn each_problem_of_a_document_is_an_entry_with_its_place() {
    let app = music().await;
    let reply = post(&app, GRAPHQL, json!({ "query": "{\n  artist { nope }\n  album { neither }\n}" })).await;
    assert_eq!(reply.codes(), ["GRAPHQL_VALIDATION", "GRAPHQL_VALIDATION"]);
    assert_eq!(reply.body["errors"][0]["locations"], json!([{ "line": 2, "column": 12 }]));
    assert_eq!(reply.body["errors"][1]["locations"], json!([{ "line": 3, "column": 11 }]));
}

#[tokio::test]
async fn without_a_preference_the_answer_is_json_and_what_nobody_can_make_is_406() {
    let app = music().await;
    let body = json!({ "query": "{ artist(limit: 1) { id } }" });
    for (accept, expected) in [
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html, application/json;q=0.5", JSON),
        ("application/json, application/graphql-response+json", GRAPHQL),
        ("application/json;q=0.9, application/graphql-response+json;q=0.8", JSON),
    ] {
        let reply = post(&app, accept, body.clone()).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, &*format!("{expected}; charset=utf-8")),
            "{accept}"
        );
    }
    for accept in ["text/html", "application/json;q=0"] {
        let reply = post(&app, accept, body.clone()).await;
        assert_eq!((reply.status, reply.codes()), (406, vec!["NOT_ACCEPTABLE"]), "{accept}");
    }
}

#[tokio::test]
async fn get_is_for_queries_alone() {
    let app = music().await;
    let reply =
        get(&app, &[("query", "query Q($n: Int) { artist(limit: $n) { id } }"), ("variables", r#"{"n":2}"#)]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["data"]["artist"].as_array().map(Vec::len), Some(2));

    let two = "query A { artist(limit: 1) { id } } query B { album(limit: 1) { id } }";
    let reply = get(&app, &[("query", two), ("operationName", "B")]).await;
    assert!(reply.body["data"]["album"].is_array(), "{}", reply.body);

    for document in ["mutation { anything }", "subscription { anything }"] {
        let reply = get(&app, &[("query", document)]).await;
        assert_eq!((reply.status, reply.codes()), (405, vec!["METHOD_NOT_ALLOWED"]), "{document}\n{}", reply.body);
        assert_eq!(reply.header("allow"), "POST", "{document}");
    }

    let posted = post(&app, GRAPHQL, json!({ "query": "mutation { anything }" })).await;
    assert_eq!((posted.status, posted.codes()), (400, vec!["GRAPHQL_VALIDATION"]), "{}", posted.body);

    let reply = get(&app, &[("query", "{ artist { id } }"), ("variables", "{")]).await;
    assert_eq!((reply.status, reply.codes()), (400, vec!["INVALID_QUERY"]));
    let reply = get(&app, &[]).await;
    assert_eq!((reply.status, reply.codes()), (400, vec!["INVALID_PAYLOAD"]));
}

#[tokio::test]
async fn other_methods_are_405_and_say_what_is_allowed() {
    let app = music().await;
    // A `PUT` makes a reservation for a stream.
    for method in ["PATCH", "DELETE", "SEARCH", "OPTIONS"] {
        let name = Method::from_bytes(method.as_bytes()).expect("it is a method");
        let reply = Reply::of(app.request(name, "/graphql").bearer_auth(TOKEN)).await;
        assert_eq!((reply.status, reply.codes()), (405, vec!["METHOD_NOT_ALLOWED"]), "{method}");
        assert_eq!(reply.header("allow"), "GET, POST");
        let extensions = &reply.body["errors"][0]["extensions"];
        assert_eq!((&extensions["allowed"], &extensions["current"]), (&json!(["GET", "POST"]), &json!(method)));
    }
    let head = app.request(Method::HEAD, "/graphql").send().await.expect("it answers");
    assert_eq!(head.status(), 405);
    assert!(head.bytes().await.expect("it has no body").is_empty());
}

#[tokio::test]
async fn only_json_in_utf8_is_read() {
    let app = music().await;
    let body = r#"{"query":"{ artist(limit: 1) { id } }"}"#;
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=UTF-8", 200),
        ("application/json; charset=latin1", 415),
        ("application/graphql", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ] {
        let request = app.request(Method::POST, "/graphql").bearer_auth(TOKEN).body(body);
        let reply = Reply::of(request.header(header::CONTENT_TYPE, content_type)).await;
        assert_eq!(reply.status, status, "{content_type}: {}", reply.body);
        if status == 415 {
            assert_eq!(reply.codes(), ["UNSUPPORTED_MEDIA_TYPE"]);
            assert_eq!(reply.body["errors"][0]["extensions"]["mediaType"], content_type);
        }
    }
}

#[tokio::test]
async fn a_malformed_body_is_400_and_says_what_is_wrong() {
    let app = music().await;
    for (body, reason) in [
        (r#"[{"query":"{ artist { id } }"}]"#, "batches are not supported"),
        (r#"{"query":"#, "is not JSON"),
        ("", "empty"),
        ("3", "must be a JSON object"),
        ("{}", "must provide query string"),
        (r#"{"query":""}"#, "must provide query string"),
        (r#"{"query":null}"#, "must provide query string"),
        (r#"{"extensions":{"persistedQuery":{}}}"#, "must provide query string"),
        (r#"{"query":3}"#, "`query` must be a string"),
        (r#"{"query":"{ a }","variables":[1]}"#, "`variables` must be an object"),
        (r#"{"query":"{ a }","variables":"{}"}"#, "`variables` must be an object"),
        (r#"{"query":"{ a }","operationName":1}"#, "`operationName` must be a string"),
        (r#"{"query":"{ a }","extensions":1}"#, "`extensions` must be an object"),
    ] {
        let request = app.request(Method::POST, "/graphql").bearer_auth(TOKEN).body(body);
        let reply = Reply::of(request.header(header::CONTENT_TYPE, JSON)).await;
        assert_eq!((reply.status, reply.codes()), (400, vec!["INVALID_PAYLOAD"]), "{body}");
        let said = reply.body["errors"][0]["extensions"]["reason"].as_str().unwrap_or_default();
        assert!(said.contains(reason), "{body}: {said}");
    }
}

#[tokio::test]
async fn null_members_and_unknown_ones_are_as_if_absent() {
    let app = music().await;
    let body = json!({
        "query": "{ artist(limit: 1) { id } }", "variables": null, "operationName": "", "extensions": null, "id": 7,
    });
    assert_eq!(post(&app, GRAPHQL, body).await.status, 200);
    let unused = json!({ "query": "{ artist(limit: 1) { id } }", "variables": { "unused": 1 } });
    assert_eq!(post(&app, GRAPHQL, unused).await.status, 200);
}

#[tokio::test]
async fn a_body_above_the_limit_is_413_whether_its_length_is_told_or_not() {
    let server = tidegate::server::Options { body_limit: 1000, ..server_options() };
    let settings = Settings { server: Some(server), ..Settings::default() };
    let app = TestApp::start_with(TestDatabase::music(Kind::Sqlite).await, settings).await;
    let query = |length: usize| json!({ "query": format!("{{ artist(limit: 1) {{ id }} }} #{}", "x".repeat(length)) });
    assert_eq!(post(&app, GRAPHQL, query(900)).await.status, 200);
    let reply = post(&app, GRAPHQL, query(1000)).await;
    assert_eq!((reply.status, reply.codes()), (413, vec!["CONTENT_TOO_LARGE"]));

    // In pieces of unknown number, of which not all need be sent.
    let mut stream = TcpStream::connect(app.address).await.expect("it listens");
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    for _ in 0..2 {
        let piece = format!("{:x}\r\n{}\r\n", 600, " ".repeat(600));
        stream.write_all(piece.as_bytes()).await.expect("it reads");
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn the_token_comes_in_the_header_or_the_query_but_not_in_both() {
    let app = music().await;
    let body = json!({ "query": "{ artist(limit: 1) { id } }" });
    let to = |path: &str| app.request(Method::POST, path).header(header::ACCEPT, GRAPHQL).json(&body);

    assert_eq!(Reply::of(to("/graphql").bearer_auth(TOKEN)).await.status, 200);
    assert_eq!(Reply::of(to(&format!("/graphql?access_token={TOKEN}"))).await.status, 200);
    let both = Reply::of(to(&format!("/graphql?access_token={TOKEN}")).bearer_auth(TOKEN)).await;
    assert_eq!((both.status, both.codes()), (400, vec!["INVALID_PAYLOAD"]));
    for unknown in [to("/graphql").bearer_auth("x"), to("/graphql?access_token=x")] {
        let reply = Reply::of(unknown).await;
        assert_eq!((reply.status, reply.codes()), (401, vec!["INVALID_CREDENTIALS"]));
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn the_public_may_do_nothing_unless_it_may_read() {
    let data = TestDatabase::music(Kind::Sqlite).await;
    let app = TestApp::start(data.clone()).await;
    let reply = app.public_graphql("{ artist { id } }").await;
    assert_eq!(reply.codes(), ["GRAPHQL_VALIDATION"], "{}", reply.body);
    let reply = app.public_graphql("{ __typename }").await;
    assert!(reply.body.get("errors").is_none(), "{}", reply.body);
    let types = app.public_graphql("{ __schema { types { name } } }").await;
    assert!(!types.body.to_string().contains("artist"), "{}", types.body);

    let policy = Policy { public: PublicAccess::Read, ..Policy::default() };
    let app = TestApp::start_with(data, Settings { policy, ..Settings::default() }).await;
    let reply = app.public_graphql("{ artist(limit: 1) { id } }").await;
    assert_eq!(reply.body, json!({ "data": { "artist": [{ "id": "1" }] } }));
}
