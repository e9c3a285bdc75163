//! The server around GraphQL: protocols, compression, headers, other routes,
//! time limits and the end.

use std::time::Duration;

use reqwest::{Client, Method, header};
use serde_json::json;
use tidegate::server::{CorsOptions, Options, Origins};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    Kind, Lock, Reply, Settings, TOKEN, TestApp, TestDatabase, client, client_builder, server_options, slow_view,
};

async fn music() -> TestApp {
    TestApp::start(TestDatabase::music(Kind::Sqlite).await).await
}

async fn music_with(server: Options) -> TestApp {
    let settings = Settings { server: Some(server), ..Settings::default() };
    TestApp::start_with(TestDatabase::music(Kind::Sqlite).await, settings).await
}

#[tokio::test]
async fn http2_is_spoken_to_those_who_know_beforehand() {
    let app = music().await;
    let client = client_builder().http2_prior_knowledge().build().expect("the client can be built");
    let request = client.post(app.url("/graphql")).bearer_auth(TOKEN);
    let response = request.json(&json!({ "query": "{ artist(limit: 1) { id } }" })).send().await.expect("it answers");
    assert_eq!((response.version(), response.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    assert_eq!(response.text().await.expect("it has a body"), r#"{"data":{"artist":[{"id":"1"}]}}"#);
}

#[tokio::test]
async fn large_answers_are_compressed_as_the_client_likes() {
    let app = music().await;
    let plain = client_builder().no_gzip().no_brotli().no_zstd().build().expect("the client can be built");
    let ask = |client: &Client, accepted: Option<&str>, limit: u32| {
        let query = json!({ "query": format!("{{ track(limit: {limit}) {{ id name }} }}") });
        let request = client.post(app.url("/graphql")).bearer_auth(TOKEN).json(&query);
        match accepted {
            Some(accepted) => request.header(header::ACCEPT_ENCODING, accepted),
            None => request,
        }
    };
    let whole = ask(&plain, None, 200).send().await.expect("it answers").bytes().await.expect("it has a body");
    for encoding in ["gzip", "br", "zstd"] {
        let response = ask(&plain, Some(encoding), 200).send().await.expect("it answers");
        assert_eq!(response.headers()["content-encoding"], encoding);
        let vary = response.headers().get_all("vary").iter().any(|vary| vary == "accept-encoding");
        assert!(vary, "{:?}", response.headers());
        let ours = response.headers().get_all("vary").iter().any(|vary| vary == "Accept, Authorization");
        assert!(ours, "{:?}", response.headers());
        assert_eq!(response.headers()["cache-control"], "no-cache");
        assert!(response.bytes().await.expect("it has a body").len() < whole.len() / 2, "{encoding}");
        // The other client decodes.
        let decoded = ask(&client(), Some(encoding), 200);
        assert_eq!(
            decoded.send().await.expect("it answers").bytes().await.expect("it can be decoded").len(),
            whole.len()
        );
    }
    let small = ask(&plain, Some("gzip"), 1).send().await.expect("it answers");
    assert!(small.headers().get("content-encoding").is_none());
}

#[tokio::test]
async fn every_answer_says_where_the_time_went_and_what_it_is_called() {
    let app = music().await;
    let reply = app.graphql("{ artist(limit: 1) { id } }").await;
    let timing = reply.header("server-timing");
    let names: Vec<&str> = timing.split(", ").filter_map(|part| part.split(";dur=").next()).collect();
    assert_eq!(names, ["parse", "plan", "sql", "total"], "{timing}");
    for part in timing.split(", ") {
        let millis: f64 = part.split(";dur=").nth(1).and_then(|text| text.parse().ok()).expect("it has a duration");
        assert!((0.0..60_000.0).contains(&millis), "{timing}");
    }
    assert_ne!(reply.header("x-request-id"), "");
    let named = app.request(Method::GET, "/nowhere").header("x-request-id", "mine-1");
    let named = Reply::of(named).await;
    assert_eq!(named.header("x-request-id"), "mine-1");
    assert!(named.header("server-timing").starts_with("total;dur="));
}

#[tokio::test]
async fn unknown_paths_are_404() {
    let app = music().await;
    let reply = Reply::of(app.request(Method::GET, "/items/artist")).await;
    assert_eq!((reply.status, reply.codes()), (404, vec!["ROUTE_NOT_FOUND"]));
    assert_eq!(reply.body["errors"][0]["extensions"]["path"], "/items/artist");
}

#[tokio::test]
async fn a_path_asked_by_another_method_is_404_and_one_with_a_slash_is_the_same() {
    let app = music().await;
    for (method, path) in [
        (Method::POST, "/server/ping"),
        (Method::POST, "/stream"),
        (Method::DELETE, "/"),
        (Method::POST, "/server/specs/graphql"),
        (Method::PUT, "/server/specs/oas/"),
        (Method::GET, "/auth/login"),
        (Method::DELETE, "/users/me"),
        (Method::GET, "/utils/sort/artist/"),
        (Method::PATCH, "/nowhere/"),
    ] {
        let reply = Reply::of(app.request(method.clone(), path)).await;
        assert_eq!((reply.status, reply.codes()), (404, vec!["ROUTE_NOT_FOUND"]), "{method} {path}");
        assert_eq!(reply.body["errors"][0]["extensions"]["path"], path, "{method} {path}");
    }
    for path in ["/server/ping", "/server/ping/", "/server/ping/?a=/"] {
        let reply = app.request(Method::GET, path).send().await.expect("it answers");
        assert_eq!(reply.text().await.expect("it has a body"), "pong", "{path}");
        let head = app.request(Method::HEAD, path).send().await.expect("it answers");
        assert_eq!(head.status(), 200, "{path}");
    }
    let query = json!({ "query": "{ artist(limit: 1) { id } }" });
    let reply = Reply::of(app.request(Method::POST, "/graphql/").bearer_auth(TOKEN).json(&query)).await;
    assert!(reply.body["data"]["artist"].is_array(), "{:#}", reply.body);
    assert_eq!(Reply::of(app.request(Method::PATCH, "/graphql/")).await.codes(), ["METHOD_NOT_ALLOWED"]);
}

#[tokio::test]
async fn the_document_of_paths_tells_what_there_is() {
    let app = music().await;
    let document = Reply::of(app.request(Method::GET, "/server/specs/oas")).await.body;
    let paths = document["paths"].as_object().expect("there are paths");
    let there = |path: &str| paths.contains_key(path);
    assert!(there("/graphql") && there("/stream") && there("/server/specs/graphql/items"), "{document:#}");
    assert!(!there("/graphql/system") && !there("/auth/login") && !there("/server/specs/graphql/system"));
    let app = music_with(Options { introspection: false, ..server_options() }).await;
    let document = Reply::of(app.request(Method::GET, "/server/specs/oas")).await.body;
    assert!(document["paths"].get("/server/specs/graphql").is_none(), "{document:#}");
    let app = music_with(Options { openapi: false, ..server_options() }).await;
    assert_eq!(Reply::of(app.request(Method::GET, "/server/specs/oas")).await.codes(), ["ROUTE_NOT_FOUND"]);
}

#[tokio::test]
async fn ping_and_health_tell_that_it_lives() {
    for kind in Kind::ALL {
        let app = TestApp::start(TestDatabase::music(kind).await).await;
        let ping = app.request(Method::GET, "/server/ping").send().await.expect("it answers");
        assert_eq!(ping.text().await.expect("it has a body"), "pong");
        let health = Reply::of(app.request(Method::GET, "/server/health")).await;
        assert_eq!((health.status, health.body), (200, json!({ "status": "ok" })));
        let admin = Reply::of(app.request(Method::GET, "/server/health").bearer_auth(TOKEN)).await;
        assert_eq!(admin.header("content-type"), "application/health+json; charset=utf-8");
        assert!(admin.body["checks"].is_object() && admin.body["releaseId"].is_string(), "{}", admin.body);
    }
}

#[tokio::test]
async fn a_database_that_is_gone_makes_health_503() {
    let app = music().await;
    app.database.close().await;
    let health = Reply::of(app.request(Method::GET, "/server/health")).await;
    assert_eq!((health.status, health.body), (503, json!({ "status": "error" })));
    let reply = app.graphql("{ artist { id } }").await;
    assert_eq!((reply.status, reply.codes()), (200, vec!["SERVICE_UNAVAILABLE"]));
}

#[tokio::test]
async fn the_schema_can_be_downloaded_as_the_caller_sees_it() {
    let app = music().await;
    for path in ["/server/specs/graphql", "/server/specs/graphql/items"] {
        let response = app.request(Method::GET, path).bearer_auth(TOKEN).send().await.expect("it answers");
        assert_eq!(response.headers()["content-type"], "application/octet-stream; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let disposition = response.headers()["content-disposition"].to_str().expect("it is text").to_owned();
        assert!(disposition.starts_with("attachment; filename=\"") && disposition.ends_with(".graphql\""));
        assert!(response.text().await.expect("it has a body").contains("type artist {"));
    }
    let public = app.request(Method::GET, "/server/specs/graphql").send().await.expect("it answers");
    assert!(!public.text().await.expect("it has a body").contains("artist"));
    for (method, path) in [(Method::POST, "/server/specs/graphql"), (Method::GET, "/server/specs/graphql/other")] {
        let reply = Reply::of(app.request(method, path).bearer_auth(TOKEN)).await;
        assert_eq!((reply.status, reply.codes()), (404, vec!["ROUTE_NOT_FOUND"]), "{path}");
    }
    let app = music_with(Options { introspection: false, ..server_options() }).await;
    let reply = Reply::of(app.request(Method::GET, "/server/specs/graphql").bearer_auth(TOKEN)).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn the_licences_of_what_the_page_bundles_can_be_read() {
    let app = music().await;
    let response = app.request(Method::GET, "/third-party.txt").send().await.expect("it answers");
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    assert!(response.text().await.expect("it has a body").contains("(MIT)"));
}

fn cors(origins: Origins) -> Options {
    let cors = CorsOptions {
        origins,
        methods: vec![Method::GET, Method::POST],
        allowed_headers: vec![header::CONTENT_TYPE, header::AUTHORIZATION],
        exposed_headers: vec![header::HeaderName::from_static("x-request-id")],
        credentials: true,
        max_age: Duration::from_secs(60),
    };
    Options { cors: Some(cors), ..server_options() }
}

#[tokio::test]
async fn other_origins_may_call_only_if_the_operator_says_so() {
    let here = "https://app.example";
    let listed = Origins::List(vec![here.parse().expect("it is a header's value")]);
    for (origins, origin, allowed, credentials) in [
        (Origins::Mirror, here, here, "true"),
        (Origins::Any, here, "*", ""),
        (listed.clone(), here, here, "true"),
        (listed, "https://evil.example", "", "true"),
    ] {
        let app = music_with(cors(origins.clone())).await;
        let preflight = app.request(Method::OPTIONS, "/graphql").header("origin", origin);
        let preflight = preflight
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .send()
            .await
            .expect("it answers");
        let header = |name: &str| preflight.headers().get(name).map_or("", |value| value.to_str().expect("it is text"));
        assert!(preflight.status().is_success(), "{origins:?}");
        assert_eq!(header("access-control-allow-origin"), allowed, "{origins:?} {origin}");
        assert_eq!(header("access-control-allow-credentials"), credentials, "{origins:?} {origin}");
        assert_eq!(header("access-control-allow-methods"), "GET,POST");
        assert_eq!(header("access-control-max-age"), "60");

        let query = json!({ "query": "{ artist(limit: 1) { id } }" });
        let call = app.request(Method::POST, "/graphql").bearer_auth(TOKEN).header("origin", origin).json(&query);
        assert_eq!(Reply::of(call).await.header("access-control-allow-origin"), allowed);
    }
    let app = music().await;
    let silent = Reply::of(app.request(Method::OPTIONS, "/graphql").header("origin", here)).await;
    assert_eq!((silent.status, silent.header("access-control-allow-origin")), (405, ""));
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_408_and_its_statement_is_cancelled() {
    for kind in Kind::ALL {
        let data = std::sync::Arc::new(TestDatabase::create(kind, &slow_view(kind)).await);
        let server = Options { operation_timeout: Duration::from_millis(300), ..server_options() };
        let settings = Settings { server: Some(server), max_connections: Some(1), ..Settings::default() };
        let app = TestApp::start_with(data, settings).await;
        let reply = app.graphql("{ slow { n } }").await;
        assert_eq!((reply.status, reply.codes()), (408, vec!["OUT_OF_TIME"]), "{kind:?}: {}", reply.body);
        // The only connection is free again, long before the statement would have ended.
        let quick = read_quick(&app).await;
        assert_eq!(quick, json!([{ "id": "1" }]), "{kind:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_statement_with_it() {
    for kind in Kind::ALL {
        let data = std::sync::Arc::new(TestDatabase::create(kind, &slow_view(kind)).await);
        let settings = Settings { max_connections: Some(1), ..Settings::default() };
        let app = TestApp::start_with(data, settings).await;
        let sent = async {
            while app.database.statements_sent() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            reply = app.graphql("{ slow { n } }") => panic!("it is not done: {}", reply.body),
            () = sent => {}
        }
        assert_eq!(read_quick(&app).await, json!([{ "id": "1" }]), "{kind:?}");
        app.end().await;
    }
}

/// Reads in the same process, without the server's limit of time.
async fn read_quick(app: &TestApp) -> serde_json::Value {
    let request = tidegate::graphql::Request {
        query: "{ quick { id } }".into(),
        variables: serde_json::Map::new(),
        operation_name: None,
    };
    let principal = tidegate::principal::Principal::admin();
    let reading = app.service.execute(&principal, request, tidegate::graphql::Allowed::Queries);
    let response = tokio::time::timeout(Duration::from_secs(15), reading).await.expect("the connection becomes free");
    let mut body: serde_json::Value = serde_json::from_slice(&response.body).expect("the answer is JSON");
    body["data"]["quick"].take()
}

#[tokio::test]
async fn a_stop_lets_running_requests_finish_and_takes_no_others() {
    let data = TestDatabase::create(Kind::Postgres, &slow_view(Kind::Postgres)).await;
    let data = std::sync::Arc::new(data);
    let app = TestApp::start(data.clone()).await;
    let lock = Lock::hold(&data, "quick").await;
    let query = json!({ "query": "{ quick { id } }" });
    let running = tokio::spawn(Reply::of(app.request(Method::POST, "/graphql").bearer_auth(TOKEN).json(&query)));
    lock.until_someone_waits().await;
    let address = app.address;
    let mut idle = TcpStream::connect(address).await.expect("it listens");
    idle.write_all(b"GET /server/ping HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it reads");
    let mut pong = [0; 1024];
    assert!(idle.read(&mut pong).await.expect("it answers") > 0);

    let stopping = tokio::spawn(app.stop());
    // An idle connection is closed at once: that is how one sees that it drains.
    assert_eq!(idle.read(&mut pong).await.expect("it closes in good order"), 0);
    assert!(!stopping.is_finished());
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    lock.release().await;
    let reply = running.await.expect("the request is not lost");
    assert_eq!(reply.body, json!({ "data": { "quick": [{ "id": "1" }] } }));
    stopping.await.expect("the server ends");
}

/// What is large is read and planned on other threads: the answers are the same.
#[tokio::test]
async fn large_requests_are_answered_as_small_ones() {
    let app = TestApp::start(TestDatabase::music(Kind::Sqlite).await).await;
    let query = "query Q($ids: [GraphQLStringOrFloat], $name: String) { artist(filter: { id: { _in: $ids }, name: { _neq: $name } }, sort: [\"id\"]) { id } }";
    let many: Vec<u32> = (1..=3_000).collect();
    for (query, ids, name) in [
        (query.to_owned(), json!([1, 2]), json!("x")),
        (query.to_owned(), json!([1, 2]), json!("x".repeat(40_000))),
        (format!("{query}{}", " ".repeat(40_000)), json!([1, 2]), json!("x")),
        (query.to_owned(), json!(many), json!("x")),
    ] {
        let ids = ids.as_array().expect("a list").iter().map(ToString::to_string).collect::<Vec<_>>();
        let reply = app.graphql_with(&query, json!({ "ids": ids, "name": name })).await;
        let first = json!([{ "id": "1" }, { "id": "2" }]);
        assert_eq!(
            reply.body["data"]["artist"].as_array().map(|found| json!(found[..2])),
            Some(first),
            "{}",
            reply.body
        );
    }
    for (query, variables, code) in [
        (format!("{{ nothing }}{}", " ".repeat(40_000)), json!({}), "GRAPHQL_VALIDATION"),
        (query.to_owned(), json!({ "ids": [{ "id": vec![0; 9_000] }] }), "GRAPHQL_VALIDATION"),
    ] {
        let reply = app.graphql_with(&query, variables).await;
        assert_eq!(reply.codes(), [code], "{}", reply.body);
    }
    let broken = app.request(Method::POST, "/graphql").header("content-type", "application/json");
    let reply = Reply::of(broken.body(format!("{{\"query\":\"{{a}}\",\"variables\":{}", "[".repeat(40_000)))).await;
    assert_eq!(reply.codes(), ["INVALID_PAYLOAD"], "{}", reply.body);
}
