//! Hooks about who asks, and about the users, roles and policies that say what
//! they may (contract `extensions.md` 2 and 4).

use std::collections::BTreeSet;

use reqwest::Method;

use super::*;
use crate::support::{NOTES, PASSWORD, Reply, Served, Socket, Stream, followed};

/// A gateway over system tables, with hooks.
async fn served(kind: Kind, hooks: impl FnOnce(Builder) -> Builder) -> Served {
    Served::over_as(Arc::new(TestDatabase::create(kind, NOTES).await), hooks).await
}

/// A hook that knows people by a key of its own: `user:ID:ROLE`, `admin`, and some that fail.
async fn by_key(mut payload: Payload, key: Option<String>) -> Result<Payload, Error> {
    let Some(key) = key else { return Ok(payload) };
    match key.split(':').collect::<Vec<_>>()[..] {
        ["user", user, role] => {
            payload.set("user", user);
            payload.set("role", role);
            Ok(payload)
        }
        ["admin"] => {
            payload.set("admin", true);
            Ok(payload)
        }
        ["refused"] => Err(Error::new("TEAPOT", 418, "There is no coffee.")),
        ["slow"] => std::future::pending().await,
        ["text"] => Ok(json!("somebody").into()),
        _ => panic!("a slip"),
    }
}

fn by_header(payload: Payload, meta: Meta, _: Context) -> impl Future<Output = Result<Payload, Error>> + Send {
    let request = meta.get("req").cloned().unwrap_or_default();
    by_key(payload, request["headers"]["x-key"].as_str().map(str::to_owned))
}

fn by_message(payload: Payload, meta: Meta, _: Context) -> impl Future<Output = Result<Payload, Error>> + Send {
    let message = meta.get("message").cloned().unwrap_or_default();
    let key = match message["type"].as_str() {
        Some("connection_init") => message["payload"]["key"].clone(),
        _ => message["access_token"].clone(),
    };
    by_key(payload, key.as_str().map(str::to_owned))
}

fn quick(builder: Builder) -> Builder {
    builder.hook_options(tidegate::hooks::Options { time_limit: Duration::from_millis(200), ..Default::default() })
}

/// Somebody who may read notes: their id, their role, and their token.
async fn reader(served: &Served) -> (String, String, String) {
    let admin = served.admin().await;
    let reads = r#"{ collection: "note", action: "read", fields: ["*"], permissions: { id: { _eq: 2 } } }"#;
    let tokens = served.user(&admin, "u@example.com", reads).await;
    let users =
        served.system(&admin, r#"{ users(filter: { email: { _eq: "u@example.com" } }) { id role { id } } }"#).await;
    let text = |json: &Json| json.as_str().expect("it is an id").to_owned();
    (text(&users["users"][0]["id"]), text(&users["users"][0]["role"]["id"]), tokens.access)
}

#[tokio::test]
async fn a_hook_says_who_asks_before_any_token_is_looked_at() {
    for kind in Kind::ALL {
        let served = served(kind, |builder| quick(builder.filter("authenticate", by_header))).await;
        let (user, role, token) = reader(&served).await;
        let ask = |key: Option<&str>, token: Option<&str>, query: &'static str| {
            let mut request = served.app.request(Method::POST, "/graphql").json(&json!({ "query": query }));
            if let Some(key) = key {
                request = request.header("x-key", key);
            }
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            Reply::of(request)
        };
        let notes = "{ note(sort: [\"id\"]) { id } }";
        let (own, all) = (json!([{ "id": "2" }]), json!([{ "id": "1" }, { "id": "2" }]));
        let key = format!("user:{user}:{role}");
        for (key, token, expected) in [
            (Some(&*key), None, &own),
            // Whatever else is brought.
            (Some(&*key), Some("wrong"), &own),
            (Some("admin"), None, &all),
            (Some("admin"), Some(&*token), &all),
            // Whom no hook names is who the token says.
            (None, Some(&*token), &own),
        ] {
            let reply = ask(key, token, notes).await;
            assert_eq!(&reply.body["data"]["note"], expected, "{kind:?} {key:?} {token:?} {:#}", reply.body);
        }
        assert_eq!(ask(None, Some("wrong"), notes).await.codes(), ["INVALID_CREDENTIALS"], "{kind:?}");
        assert_eq!(ask(None, None, notes).await.codes(), ["GRAPHQL_VALIDATION"], "{kind:?}");
        for (key, status, code) in [
            ("refused", 418, "TEAPOT"),
            ("panic", 500, "INTERNAL_SERVER_ERROR"),
            ("slow", 500, "INTERNAL_SERVER_ERROR"),
            ("text", 500, "INTERNAL_SERVER_ERROR"),
        ] {
            let reply = ask(Some(key), Some(&token), notes).await;
            assert_eq!((reply.status, reply.codes()), (status, vec![code]), "{kind:?} {key} {:#}", reply.body);
            assert!(reply.body.get("data").is_none(), "{kind:?} {key}");
        }
        // Wherever somebody asks.
        let me = served.app.request(Method::GET, "/users/me").header("x-key", &key);
        assert_eq!(Reply::of(me).await.body["data"]["id"], json!(user), "{kind:?}");
        let me = served.app.request(Method::POST, "/graphql/system").header("x-key", "admin");
        let users = Reply::of(me.json(&json!({ "query": "{ users_aggregated { countAll } }" }))).await;
        assert_eq!(users.body["data"]["users_aggregated"][0]["countAll"], 2, "{kind:?} {:#}", users.body);
    }
}

#[tokio::test]
async fn hooks_see_who_nobody_is_and_the_request() {
    let record = Record::default();
    let served = served(Kind::Sqlite, |builder| builder.filter("authenticate", record.filter())).await;
    let request = served.app.request(Method::POST, "/graphql?x=1").header("user-agent", "a browser");
    Reply::of(request.header("origin", "https://a.example").json(&json!({ "query": "{ __typename }" }))).await;
    Reply::of(served.app.request(Method::GET, "/graphql?query=%7B__typename%7D")).await;
    let [first, second] = &record.all()[..] else { panic!("{:?}", record.all()) };
    let nobody = json!({ "user": null, "role": null, "roles": [], "admin": false, "app": false, "ip": "127.0.0.1" });
    assert_eq!(second["payload"], nobody);
    let mut browser = nobody;
    (browser["userAgent"], browser["origin"]) = (json!("a browser"), json!("https://a.example"));
    assert_eq!(first["payload"], browser);
    assert_eq!(first["meta"]["event"], "authenticate");
    let request = &first["meta"]["req"];
    assert_eq!(
        (&request["method"], &request["path"], &request["query"]),
        (&json!("POST"), &json!("/graphql"), &json!({ "x": "1" }))
    );
}

#[tokio::test]
async fn whom_a_hook_names_follows_changes_with_their_own_rights() {
    let served = served(Kind::Sqlite, |builder| builder.filter("authenticate", by_header)).await;
    let (user, role, _) = reader(&served).await;
    let key = format!("user:{user}:{role}");
    let follow = json!({ "query": "subscription { note_mutated { event key } }" });
    let request = served.app.request(Method::POST, "/graphql").header("accept", "text/event-stream");
    let mut stream = Stream::open_as_it_is(request.header("x-key", &key).json(&follow)).await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let socket = Socket::open(&served.app, "/graphql", &[protocol, ("x-key", &key)]).await;
    let mut socket = socket.expect("it opens");
    socket.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.next().await, json!({ "type": "connection_ack" }));
    socket.subscribe("1", "subscription { note_mutated { event key } }").await;
    followed(&served.app, 2).await;
    let items = served.app.items("note");
    for id in [1, 2] {
        items.update_one(id, json!({ "title": "new" })).await.expect("it can be changed");
    }
    let told = json!({ "event": "update", "key": "2" });
    assert_eq!(socket.change("1").await, told);
    assert_eq!(stream.json("next").await.1["data"]["note_mutated"], told);
    // A socket of an administrator by a hook stays one.
    let socket = Socket::open(&served.app, "/graphql", &[protocol, ("x-key", "admin")]).await;
    let mut socket = socket.expect("it opens");
    socket.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.next().await, json!({ "type": "connection_ack" }));
    socket.subscribe("1", "{ note_aggregated { countAll } }").await;
    assert_eq!(socket.data("1").await, json!({ "note_aggregated": [{ "countAll": 2 }] }));
}

#[tokio::test]
async fn a_hook_says_who_sends_messages() {
    let hooks = |builder: Builder| quick(builder.filter("websocket.authenticate", by_message));
    let served = served(Kind::Sqlite, hooks).await;
    let (user, role, token) = reader(&served).await;
    let key = format!("user:{user}:{role}");
    let aggregate = "{ note_aggregated { countAll } }";
    let count = |count: i64| json!({ "note_aggregated": [{ "countAll": count }] });
    for (payload, expected) in [
        (json!({ "key": key }), 1),
        (json!({ "key": "admin", "access_token": "wrong" }), 2),
        (json!({ "access_token": token }), 1),
    ] {
        let mut socket = Socket::silent(&served.app).await;
        socket.send(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.next().await, json!({ "type": "connection_ack" }), "{payload}");
        socket.subscribe("1", aggregate).await;
        assert_eq!(socket.data("1").await, count(expected), "{payload}");
        assert_eq!(socket.next().await["type"], "complete");
        // And who sends them from now on.
        socket.send(&json!({ "type": "auth", "access_token": "admin", "uid": 7 })).await;
        assert_eq!(socket.next().await, json!({ "type": "auth", "status": "ok", "uid": 7 }));
        socket.subscribe("2", aggregate).await;
        assert_eq!(socket.data("2").await, count(2), "{payload}");
        assert_eq!(socket.next().await["type"], "complete");
        socket.send(&json!({ "type": "auth", "access_token": "refused" })).await;
        assert_eq!(socket.next().await["status"], "error");
        assert_eq!(socket.closed().await.0, 4403);
    }
    for key in ["refused", "panic", "slow", "text"] {
        let mut socket = Socket::silent(&served.app).await;
        socket.send(&json!({ "type": "connection_init", "payload": { "key": key, "access_token": token } })).await;
        assert_eq!(socket.closed().await.0, 4403, "{key}");
    }
    // Requests are no messages.
    assert_eq!(served.notes(Some("admin")).await.codes(), ["INVALID_CREDENTIALS"]);
}

/// The events of items that were met since, once each.
fn events(record: &Record) -> BTreeSet<String> {
    let names = record.all().into_iter().filter_map(|name| name.as_str().map(str::to_owned));
    let verbs = ["query", "read", "create", "update", "delete"];
    names.filter(|name| verbs.iter().any(|verb| name.ends_with(&format!(".{verb}")))).collect()
}

/// An action that notes the name of the event alone.
fn told(record: &Record) -> impl Fn(Meta, Context) -> std::future::Ready<Result<(), Error>> + use<> {
    let record = record.clone();
    move |meta, _| {
        record.note(meta.event());
        std::future::ready(Ok(()))
    }
}

#[tokio::test]
async fn tables_of_the_system_are_told_by_their_own_names() {
    for kind in Kind::ALL {
        let (filtered, acted) = (Record::default(), Record::default());
        let served = served(kind, |builder| builder.filter("**", filtered.name()).action("**", told(&acted))).await;
        let admin = served.admin().await;
        let id = "00000000-0000-4000-8000-000000000001";
        for (document, expected) in [
            (
                format!(
                    r#"mutation {{ create_users_item(data: {{ id: "{id}", email: "u@example.com" }}) {{ __typename }} }}"#
                ),
                &["users.create"][..],
            ),
            (
                format!(r#"mutation {{ update_users_item(id: "{id}", data: {{ title: "x" }}) {{ __typename }} }}"#),
                &["users.update"],
            ),
            (
                format!(r#"mutation {{ update_users_items(ids: ["{id}"], data: {{ title: "y" }}) {{ __typename }} }}"#),
                &["users.update"],
            ),
            (r#"mutation { update_users_me(data: { title: "z" }) { __typename } }"#.to_owned(), &["users.update"]),
            (format!(r#"mutation {{ delete_users_item(id: "{id}") {{ id }} }}"#), &["users.delete"]),
            (
                format!(r#"mutation {{ create_roles_item(data: {{ id: "{id}", name: "r" }}) {{ __typename }} }}"#),
                &["roles.create"],
            ),
            (
                format!(
                    r#"mutation {{ create_policies_item(data: {{ name: "p", permissions: [{{ collection: "note", action: "read" }}],
                roles: [{{ role: {{ id: "{id}", name: "r" }} }}] }}) {{ __typename }} }}"#
                ),
                &["policies.create", "permissions.create", "access.create", "roles.update"],
            ),
            (
                r#"mutation { update_settings(data: { project_name: "x" }) { __typename } }"#.to_owned(),
                &["settings.update"],
            ),
        ] {
            let before = (events(&filtered), events(&acted));
            let (met, heard) = (filtered.all().len(), acted.all().len());
            served.system(&admin, &document).await;
            let writes = |record: &Record, from: usize| -> BTreeSet<String> {
                let names = record.all().into_iter().skip(from).filter_map(|name| name.as_str().map(str::to_owned));
                names.filter(|name| [".create", ".update", ".delete"].iter().any(|verb| name.ends_with(verb))).collect()
            };
            let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(writes(&filtered, met), expected, "{kind:?} {document} {before:?}");
            // Actions come when they come.
            let all = async {
                while writes(&acted, heard) != expected {
                    acted.at_least(acted.all().len() + 1).await;
                }
            };
            assert!(timeout(PATIENCE, all).await.is_ok(), "{kind:?} {document} {:?}", writes(&acted, heard));
        }
        served.system(&admin, "{ users { id } activity { id } }").await;
        let met = events(&filtered);
        for name in ["users.query", "users.read", "activity.query", "activity.read"] {
            assert!(met.contains(name), "{kind:?} {name} {met:?}");
        }
        // Neither by a table's name, nor what the gateway writes on the side.
        for record in [&filtered, &acted] {
            for name in events(record) {
                assert!(!name.contains("directus_") && !name.contains("items."), "{kind:?} {name}");
                assert!(
                    !["activity", "revisions", "sessions"].iter().any(|table| name == format!("{table}.create")),
                    "{kind:?} {name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn users_that_come_by_themselves_are_told_like_others() {
    let (record, mails) = (Record::default(), Record::default());
    let noted = record.clone();
    let served = served(Kind::Sqlite, |builder| {
        builder
            .filter("users.*", move |payload: Payload, meta: Meta, _: Context| {
                let fields: Vec<&String> =
                    payload.data().as_object().map(|data| data.keys().collect()).unwrap_or_default();
                noted.note(json!([meta.event(), fields]));
                std::future::ready(Ok(payload))
            })
            .filter("email.send", mails.filter())
    })
    .await;
    let admin = served.admin().await;
    let settings = "mutation { update_settings(data: { public_registration: true }) { id } }";
    served.system(&admin, settings).await;
    let post = async |path: &str, token: Option<&str>, body: Json| {
        let reply = served.rest(Method::POST, path, token, body).await;
        assert_eq!(reply.status, 204, "{path} {:#}", reply.body);
    };
    // What was written, since the last time.
    let seen = std::cell::Cell::new(0);
    let written = || {
        let all = record.all();
        let new = all[seen.replace(all.len())..]
            .iter()
            .filter(|event| event[0].as_str().is_some_and(|name| name != "users.query" && name != "users.read"));
        new.cloned().collect::<Vec<_>>()
    };
    let token = async |count: usize| {
        let mails = mails.at_least(count).await;
        let url = mails[count - 1]["payload"]["template"]["data"]["url"].as_str().expect("there is one").to_owned();
        url.split_once("token=").expect("there is one").1.to_owned()
    };
    written();
    let own = json!({ "email": "new@example.com", "password": PASSWORD });
    post("/users/register", None, own).await;
    assert_eq!(written()[0][0], "users.create");
    let confirm = served.app.request(Method::GET, &format!("/users/register/verify-email?token={}", token(1).await));
    // It leads to a page that is not there.
    confirm.send().await.expect("it answers");
    assert_eq!(written(), [json!(["users.update", ["status"]])]);
    let role = served.system(&admin, "{ roles { id } }").await["roles"][0]["id"].clone();
    post("/users/invite", Some(&admin.access), json!({ "email": "guest@example.com", "role": role })).await;
    assert_eq!(written()[0][0], "users.create");
    let accept = json!({ "token": token(2).await, "password": PASSWORD });
    post("/users/invite/accept", None, accept).await;
    assert_eq!(written(), [json!(["users.update", ["status", "password"]])]);
    post("/auth/password/request", None, json!({ "email": "new@example.com" })).await;
    post("/auth/password/reset", None, json!({ "token": token(3).await, "password": "another one" })).await;
    assert_eq!(written(), [json!(["users.update", ["password"]])]);
    let me = served.rest(Method::PATCH, "/users/me", Some(&admin.access), json!({ "title": "x" })).await;
    assert_eq!(me.status, 200);
    assert_eq!(written(), [json!(["users.update", ["title"]])]);
    // Logging in is no change that anybody hears of.
    served.log_in("new@example.com", "another one").await;
    assert!(written().is_empty());
}

#[tokio::test]
async fn whom_a_hook_refuses_is_counted_as_well() {
    let limit = tidegate::auth::RateLimit { points: 2, duration: Duration::from_secs(3_600) };
    let served = served(Kind::Sqlite, |builder| {
        let builder = builder.filter("authenticate", by_header);
        builder.configure(move |serve| serve.server.rates.requests = Some(limit))
    })
    .await;
    let ask = || {
        let request = served.app.request(Method::POST, "/graphql").json(&json!({ "query": "{ __typename }" }));
        Reply::of(request.header("x-key", "refused"))
    };
    for _ in 0..2 {
        assert_eq!(ask().await.codes(), ["TEAPOT"]);
    }
    assert_eq!(ask().await.codes(), ["REQUESTS_EXCEEDED"]);
}

/// Where the tables do not know them, upper and lower case are different people.
#[tokio::test]
async fn ids_that_only_hooks_and_rules_know_stay_as_they_are() {
    let rules = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file can be made");
    let text = r#"
        [roles]
        Editor = {}
        [policies.own]
        roles = ["Editor"]
        [[policies.own.permissions]]
        collection = "note"
        actions = ["read"]
        rows = { title = { _eq = "$CURRENT_USER" } }
"#;
    std::fs::write(rules.path(), text).expect("it can be written");
    let path = rules.path().to_owned();
    let data = TestDatabase::create(
        Kind::Sqlite,
        "CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO note (title) VALUES ('Ab'), ('aB'), ('ab')",
    );
    let own = move |serve: &mut tidegate::config::Serve| {
        serve.gateway.metadata = tidegate::config::Metadata::None;
        serve.gateway.rules = Some(path);
    };
    let app =
        TestApp::with_store(Arc::new(data.await), |builder| builder.filter("authenticate", by_header).configure(own))
            .await;
    for user in ["Ab", "aB", "ab"] {
        let request = app.request(Method::POST, "/graphql").json(&json!({ "query": "{ note { title } }" }));
        let reply = Reply::of(request.header("x-key", format!("user:{user}:Editor"))).await;
        assert_eq!(reply.body["data"]["note"], json!([{ "title": user }]), "{:#}", reply.body);
    }
}
