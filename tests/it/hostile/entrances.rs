//! Hostile texts wherever else a client can put one: headers, cookies, query
//! strings, log-ins, positions, and the ids of sockets.

use reqwest::{Method, RequestBuilder, header::HeaderValue};
use serde_json::{Value as Json, json};

use super::{TEXTS, check_form, check_refused, long, victims};
use crate::support::{Kind, PASSWORD, Reply, Served, Socket, TOKEN, TestApp};

fn texts() -> impl Iterator<Item = String> {
    TEXTS.iter().map(|text| (*text).to_owned()).chain([long(3_000), "\0".to_owned(), "a\0b".to_owned()])
}

fn encoded(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{path}?{query}")
}

/// An answer, whatever its body is; of streams, its head.
async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("the gateway answers").status().as_u16()
}

async fn victim_is_there(app: &TestApp) {
    let data = app.data("{ bystander { id name } }").await;
    assert_eq!(data, json!({ "bystander": [{ "id": "1", "name": "untouched" }] }));
}

#[tokio::test]
async fn headers_say_what_they_say() {
    let apps = victims().await;
    let (_, app) = apps.each().next().expect("there is one");
    let query = json!({ "query": "{ bystander { id } }" });
    for text in texts() {
        // Some cannot stand in a header at all.
        let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else { continue };
        for name in [
            "x-request-id",
            "user-agent",
            "origin",
            "referer",
            "cookie",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-real-ip",
            "forwarded",
            "traceparent",
            "accept",
            "accept-encoding",
            "accept-language",
            "content-encoding",
            "if-none-match",
            "last-event-id",
            "x-graphql-event-stream-token",
            "x-http-method-override",
        ] {
            let request = app.request(Method::POST, "/graphql").bearer_auth(TOKEN).header(name, value.clone());
            let response = request.json(&query).send().await.expect("the gateway answers");
            let about = format!("{name}: {text}");
            for (name, value) in response.headers() {
                assert!(!name.as_str().contains("set-cookie"), "{about}: {name}: {value:?}");
            }
            let status = response.status().as_u16();
            let known = [200, 404, 406, 415];
            assert!(known.contains(&status), "{about}: {status}");
            let body: Json = response.json().await.expect("the answer is JSON");
            assert!(!body.to_string().contains("INTERNAL_SERVER_ERROR"), "{about}: {body}");
        }
        for value in [text.clone(), format!("Bearer {text}"), format!("Basic {text}"), format!("Bearer {TOKEN} {text}")]
        {
            let Ok(header) = HeaderValue::from_bytes(value.as_bytes()) else { continue };
            // Spaces at the end are not part of it.
            if value.trim_end() == format!("Bearer {TOKEN}") {
                continue;
            }
            let reply =
                Reply::of(app.request(Method::POST, "/graphql").header("authorization", header).json(&query)).await;
            check_form(&reply, &value);
            assert!(reply.body["data"]["bystander"].is_null(), "{value}: {:#}", reply.body);
        }
    }
    victim_is_there(app).await;
}

#[tokio::test]
async fn query_strings_say_what_they_say() {
    let apps = victims().await;
    let (_, app) = apps.each().next().expect("there is one");
    let get = |path: String| app.request(Method::GET, &path);
    for text in texts() {
        let query = "{ bystander { id } }";
        for parameters in [
            [("query", &*text), ("x", "")],
            [("query", query), ("variables", &text)],
            [("query", query), ("operationName", &text)],
            [("query", query), ("extensions", &text)],
        ] {
            let reply = Reply::of(get(encoded("/graphql", &parameters)).bearer_auth(TOKEN)).await;
            check_form(&reply, &format!("{parameters:?}"));
        }
        let reply = Reply::of(get(encoded("/graphql", &[("query", query), ("access_token", &text)]))).await;
        check_refused(&reply, &text);
        assert_eq!((reply.status, reply.codes()), (401, vec!["INVALID_CREDENTIALS"]), "{text}");
        for (name, rest) in [
            ("collections", None),
            ("events", Some("named")),
            ("fields", Some("named")),
            ("filter", Some("named")),
            ("overflow", Some("named")),
        ] {
            let mut parameters = vec![(name, &*text)];
            parameters.extend(rest.map(|rest| ("collections", rest)));
            let status = status(get(encoded("/stream", &parameters)).bearer_auth(TOKEN)).await;
            // What is nothing but spaces is as good as not there, and some are fields.
            let may_be_empty = (text.trim().is_empty() && name != "collections")
                || (["*", "__typename"].contains(&&*text) && name == "fields");
            assert!([400, 403].contains(&status) || (may_be_empty && status == 200), "{name} {text}: {status}");
        }
        for path in [
            encoded("/", &[("x", &text)]),
            encoded("/live", &[("x", &text)]),
            format!("/{}", url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()),
        ] {
            let status = status(get(path)).await;
            assert!([200, 404].contains(&status), "{text}: {status}");
        }
    }
    victim_is_there(app).await;
}

#[tokio::test]
async fn positions_are_positions() {
    let apps = victims().await;
    let (_, app) = apps.each().next().expect("there is one");
    for text in texts() {
        let document = "subscription Q($after: String) { named_mutated(after: $after) { key } }";
        let mut socket = Socket::connect(app).await;
        socket.subscribe_with("1", document, json!({ "after": text })).await;
        let told = socket.next().await;
        assert_eq!(told["type"], "error", "{text}: {told}");
        assert_eq!(told["payload"][0]["extensions"]["reason"], "not_a_position", "{text}: {told}");
        let response = app.request(Method::GET, &encoded("/stream", &[("collections", "named"), ("after", &text)]));
        let mut stream = crate::support::Stream::open(response).await;
        let (_, reset) = stream.json("reset").await;
        assert_eq!(reset["reason"], "not_a_position", "{text}: {reset}");
    }
    assert_eq!(app.service.hub().following(), 0);
}

#[tokio::test]
async fn ids_of_operations_come_back_as_they_are() {
    let apps = victims().await;
    let (_, app) = apps.each().next().expect("there is one");
    let mut socket = Socket::connect(app).await;
    for text in texts() {
        socket.subscribe(&text, "{ bystander { id } }").await;
        let told = socket.next().await;
        assert_eq!(
            told,
            json!({ "id": text, "type": "next", "payload": { "data": { "bystander": [{ "id": "1" }] } } })
        );
        assert_eq!(socket.next().await, json!({ "id": text, "type": "complete" }));
        socket.subscribe(&text, &text).await;
        let told = socket.next().await;
        assert_eq!((&told["id"], &told["type"]), (&json!(text), &json!("error")), "{told}");
        socket.send(&json!({ "type": "complete", "id": text })).await;
        socket.send(&json!({ "type": "ping", "payload": { text.as_str(): text } })).await;
        assert_eq!(socket.next().await, json!({ "type": "pong", "payload": { text.as_str(): text } }));
    }
    // Of one that is used twice, the reason has room for so much.
    let mut socket = Socket::connect(app).await;
    let id = "🎷".repeat(100);
    for _ in 0..2 {
        socket.subscribe(&id, "subscription { named_mutated { key } }").await;
    }
    let (code, reason) = socket.closed().await;
    assert!(code == 4409 && reason.len() <= 123, "{code} {reason}");
}

#[tokio::test]
async fn whoever_logs_in_is_who_they_say_or_nobody() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        served.system(&admin, "mutation { update_settings(data: { auth_login_attempts: null }) { id } }").await;
        let post = |path: &str, body: Json| {
            let request = served.app.request(Method::POST, path).json(&body);
            async move { Reply::of(request).await }
        };
        for text in texts() {
            let about = format!("{kind:?} {text}");
            let credentials = |email: &str, password: &str| json!({ "email": email, "password": password });
            let mut with_otp = credentials("admin@example.com", "wrong");
            with_otp["otp"] = json!(text);
            let token = json!({ "token": text, "password": text });
            for (path, body) in [
                ("/auth/login", credentials(&text, PASSWORD)),
                ("/auth/login", credentials(&format!("admin@example.com{text}"), PASSWORD)),
                ("/auth/login", credentials(&format!("{text}@example.com"), PASSWORD)),
                ("/auth/login", credentials("admin@example.com", &text)),
                ("/auth/login", with_otp),
                ("/auth/login", json!({ "email": "admin@example.com", "password": PASSWORD, "mode": text })),
                ("/auth/password/reset", token.clone()),
                ("/users/invite/accept", token),
                ("/auth/logout", json!({ "refresh_token": text, "mode": text })),
                ("/auth/password/request", json!({ "email": "admin@example.com", "reset_url": text })),
                (
                    "/users/register",
                    json!({ "email": text, "password": text, "first_name": text, "verification_url": text }),
                ),
            ] {
                let reply = post(path, body).await;
                check_refused(&reply, &format!("{about} {path}"));
                assert!((400..500).contains(&reply.status), "{about} {path} {}", reply.status);
            }
            if HeaderValue::from_str(&text).is_ok() {
                let own = served.notes(Some(&text)).await;
                check_form(&own, &about);
                assert!(own.body["data"].is_null(), "{about}");
            }
            // In a document, beside variables.
            let document = "mutation Q($t: String!) { auth_login(email: $t, password: $t, otp: $t) { access_token } }";
            let body = json!({ "query": document, "variables": { "t": text } });
            let reply = post("/graphql/system", body).await;
            check_refused(&reply, &about);
            if let Ok(cookie) = HeaderValue::from_bytes(
                format!("directus_session_token={text}; directus_refresh_token={text}").as_bytes(),
            ) {
                for (path, body) in [
                    ("/graphql", json!({ "query": "{ note { id } }" })),
                    ("/auth/refresh", json!({ "mode": "cookie" })),
                    ("/auth/refresh", json!({ "mode": "session" })),
                ] {
                    let request = served.app.request(Method::POST, path).header("cookie", cookie.clone());
                    let reply = Reply::of(request.json(&body)).await;
                    check_form(&reply, &format!("{about} {path}"));
                    assert!(reply.body["data"].is_null(), "{about} {path}: {:#}", reply.body);
                }
            }
        }
        // Nobody came in, nobody is gone.
        assert_eq!(served.app.data.rows("SELECT COUNT(*) FROM directus_sessions").await, [[Some("1".to_owned())]]);
        assert_eq!(
            served.app.data.rows("SELECT email, status FROM directus_users").await,
            [["admin@example.com", "active"].map(|cell| Some(cell.to_owned()))]
        );
    }
}
