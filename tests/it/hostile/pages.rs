//! Pages of other origins that use their visitors' cookies: they open no socket,
//! change nothing, and read nothing.

use reqwest::Method;
use serde_json::json;
use tokio_tungstenite::tungstenite;

use crate::support::{Kind, PASSWORD, Reply, Served, Socket};

/// A visitor's cookie.
async fn cookie(served: &Served) -> String {
    let credentials = json!({ "email": "admin@example.com", "password": PASSWORD, "mode": "session" });
    let reply = served.rest(Method::POST, "/auth/login", None, credentials).await;
    reply.header("set-cookie").split(';').next().expect("there is one").to_owned()
}

#[tokio::test]
async fn sockets_are_opened_by_pages_of_ones_own_alone() {
    let served = Served::start(Kind::Sqlite).await;
    let (cookie, own) = (cookie(&served).await, served.app.address);
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let open = |origin: String| {
        let (app, cookie) = (&served.app, cookie.clone());
        async move { Socket::open(app, "/graphql", &[protocol, ("cookie", &cookie), ("origin", &origin)]).await }
    };
    let mut socket = open(format!("http://{own}")).await.expect("it opens");
    socket.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.next().await["type"], "connection_ack");
    let port = own.port();
    for origin in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        String::new(),
        "file://".to_owned(),
        format!("{own}"),
        format!("//{own}"),
        format!("http://{own}.evil.example"),
        format!("http://evil.example/{own}"),
        format!("http://evil.example#://{own}"),
        format!("http://evil.example?http://{own}"),
        format!("http://{own}@evil.example"),
        format!("http://evil@{own}"),
        format!("http://{own}/"),
        format!("http://{own} http://evil.example"),
        format!("http://evil.example, http://{own}"),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
        "http://127.0.0.1".to_owned(),
        format!("http://[::ffff:127.0.0.1]:{port}"),
    ] {
        let Err(tungstenite::Error::Http(response)) = open(origin.clone()).await else { panic!("{origin} opens one") };
        assert_eq!(response.status(), 403, "{origin}");
    }
}

#[tokio::test]
async fn forms_of_other_pages_change_nothing() {
    let served = Served::start(Kind::Sqlite).await;
    let cookie = cookie(&served).await;
    let before = served.app.data.rows("SELECT * FROM note ORDER BY id").await;
    let users = "SELECT email, password, tfa_secret FROM directus_users";
    let users_before = served.app.data.rows(users).await;
    let mutation = r#"{"query":"mutation { delete_note_item(id: 1) { id } }","x":"="}"#;
    let own = r#"{"query":"mutation { update_users_me(data: { email: \"evil@example.com\" }) { id } }","x":"="}"#;
    let form = |path: &str, content_type: Option<&str>, body: &'static str| {
        let request =
            served.app.request(Method::POST, path).header("cookie", &cookie).header("origin", "https://evil.example");
        let request = match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        };
        Reply::of(request.body(body))
    };
    // All that a page may send without asking first.
    for content_type in [
        None,
        Some("text/plain"),
        Some("text/plain; charset=utf-8; application/json"),
        Some("text/plain;application/json"),
        Some("application/x-www-form-urlencoded"),
        Some("application/x-www-form-urlencoded; x=application/json"),
        Some("multipart/form-data; boundary=application/json"),
    ] {
        for (path, body) in [
            ("/graphql", mutation),
            ("/graphql/", mutation),
            ("/graphql/system", own),
            ("/auth/logout", r#"{"mode":"session","x":"="}"#),
            ("/auth/refresh", r#"{"mode":"session","x":"="}"#),
            ("/users/me/tfa/disable", r#"{"otp":"000000","x":"="}"#),
            ("/users/invite", r#"{"email":"evil@example.com","role":"x","y":"="}"#),
            ("/auth/logout", ""),
            ("/auth/refresh", ""),
        ] {
            let reply = form(path, content_type, body).await;
            assert_eq!((reply.status, reply.codes()), (415, vec!["UNSUPPORTED_MEDIA_TYPE"]), "{path} {content_type:?}");
            assert_eq!(reply.header("access-control-allow-origin"), "", "{path}");
        }
    }
    // Nor a link.
    for (path, document) in [
        ("/graphql", "mutation { delete_note_item(id: 1) { id } }"),
        ("/graphql/system", "mutation { auth_logout(mode: session) }"),
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", document).finish();
        for accept in ["text/html", "application/json", "*/*"] {
            let request = served.app.request(Method::GET, &format!("{path}?{query}")).header("cookie", &cookie);
            let status = request.header("accept", accept).send().await.expect("it answers").status().as_u16();
            assert!([405, 406].contains(&status), "{path} {accept}: {status}");
        }
    }
    assert_eq!(served.app.data.rows("SELECT * FROM note ORDER BY id").await, before);
    assert_eq!(served.app.data.rows(users).await, users_before);
    // The session is as it was.
    let request = served.app.request(Method::POST, "/graphql").header("cookie", &cookie);
    assert_eq!(Reply::of(request.json(&json!({ "query": "{ note { id } }" }))).await.status, 200);
}

#[tokio::test]
async fn other_pages_are_not_let_ask_nor_read() {
    let served = Served::start(Kind::Sqlite).await;
    let cookie = cookie(&served).await;
    for path in ["/graphql", "/graphql/system", "/auth/login", "/auth/refresh", "/users/me", "/stream"] {
        let preflight = served.app.request(Method::OPTIONS, path).header("origin", "https://evil.example");
        let preflight = preflight
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,authorization");
        let response = preflight.send().await.expect("it answers");
        for (name, value) in response.headers() {
            assert!(!name.as_str().starts_with("access-control-"), "{path} {name}: {value:?}");
        }
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("query", "{ __typename }").finish();
        let read = served.app.request(Method::GET, &format!("{path}?{query}")).header("cookie", &cookie);
        let response = read.header("origin", "https://evil.example").send().await.expect("it answers");
        for (name, value) in response.headers() {
            assert!(!name.as_str().starts_with("access-control-"), "{path} {name}: {value:?}");
        }
    }
}
