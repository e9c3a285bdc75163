//! Tokens that others sign: whose keys are fetched, what they claim, and what is
//! refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, routing::get};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value as Json, json};
use tidegate::{auth::ForeignOptions, config};
use tokio::net::TcpListener;

use crate::support::{Kind, Reply, Socket, TestApp, TestDatabase};

/// Keys that were made for these tests alone.
const OLD_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGqdE8mBXQf2EFHMY
3YR1l00QGGlU4fz+bUKNOZLdyZ2hRANCAARZ7kjuKAWwQ5kfTSSagfodD4pauean
LXz4+nB3hwupzkaSbx/40HAvbc/6sajC8knsZu8Ip9V5iA9AA/rzxwAQ
-----END PRIVATE KEY-----";
const NEW_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwTYJJNzPqC06qirI
YYMeoI+TgdpIDkc8Bp1EYMp9djehRANCAAR2hFKTweYnu3xGVz9qmf9DEAQiRJxr
bZOWpW4WNdOjhH/QYW4swzasLTf93MH+seRrd5QZqfCNseGjvKZrrCwt
-----END PRIVATE KEY-----";

const SCRIPT: &str = "
    CREATE TABLE note (id INT PRIMARY KEY NOT NULL, title VARCHAR(20), tenant VARCHAR(20));
    INSERT INTO note VALUES (1, 'one', 'a'), (2, 'two', 'b');";

const RULES: &str = r#"
    [roles]
    reader = {}

    [policies.reading]
    roles = ["reader"]
    [[policies.reading.permissions]]
    collection = "note"
    actions = ["read"]
    rows = { tenant = { _eq = "$CURRENT_USER.tenant" } }
"#;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs()
}

fn signed(key: &str, kid: &str, claims: &Json) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
    let key = EncodingKey::from_ec_pem(key.as_bytes()).expect("it is a key");
    jsonwebtoken::encode(&header, claims, &key).expect("it can be signed")
}

fn claims(more: Json) -> Json {
    let mut claims = json!({
        "iss": "https://issuer.example", "aud": "notes", "sub": "ann", "exp": now() + 600,
        "app": { "roles": ["other", "readers"] }, "tenant": "a",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims
}

/// Who publishes keys: those of the moment, and how often they were asked for.
struct Issuer {
    url: String,
    keys: Arc<std::sync::Mutex<Json>>,
    asked: Arc<AtomicUsize>,
}

fn key_set(keys: &[(&str, &str)]) -> Json {
    let key = |(kid, pem): &(&str, &str)| {
        let encoding = EncodingKey::from_ec_pem(pem.as_bytes()).expect("it is a key");
        let mut key = Jwk::from_encoding_key(&encoding, Algorithm::ES256).expect("it has a public half");
        key.common.key_id = Some((*kid).to_owned());
        serde_json::to_value(key).expect("it is JSON")
    };
    json!({ "keys": keys.iter().map(key).collect::<Vec<_>>() })
}

impl Issuer {
    async fn start() -> Self {
        let keys = Arc::new(std::sync::Mutex::new(key_set(&[("old", OLD_KEY)])));
        let asked = Arc::new(AtomicUsize::new(0));
        let (told, counted) = (keys.clone(), asked.clone());
        let answer = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let keys = told.lock().expect("nobody panicked").to_string();
            async { keys }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}/keys", listener.local_addr().expect("it has an address"));
        tokio::spawn(async { axum::serve(listener, Router::new().route("/keys", get(answer))).await });
        Self { url, keys, asked }
    }
}

struct Served {
    app: TestApp,
    _rules: tempfile::NamedTempFile,
}

impl Served {
    async fn start(foreign: ForeignOptions) -> Self {
        let data = Arc::new(TestDatabase::create(Kind::Sqlite, SCRIPT).await);
        let rules = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file can be made");
        std::fs::write(rules.path(), RULES).expect("it can be written");
        let path = rules.path().to_owned();
        let own = move |serve: &mut config::Serve| {
            serve.gateway.metadata = config::Metadata::None;
            serve.gateway.rules = Some(path);
            serve.auth.foreign = foreign;
        };
        Self { app: TestApp::with_store(data, |builder| builder.configure(own)).await, _rules: rules }
    }

    async fn notes(&self, token: &str) -> Reply {
        self.app.post(&json!({ "query": "{ note { title } }" }), Some(token)).await
    }
}

fn options(url: &str) -> ForeignOptions {
    ForeignOptions {
        jwks_url: Some(url.to_owned()),
        algorithms: vec![Algorithm::ES256],
        issuer: Some("https://issuer.example".to_owned()),
        audience: vec!["notes".to_owned()],
        user_claim: "sub".to_owned(),
        role_claim: "app.roles".to_owned(),
        roles: [("readers".to_owned(), "reader".to_owned())].into(),
        ..ForeignOptions::default()
    }
}

#[tokio::test]
async fn claims_become_user_role_and_what_rules_name() {
    let issuer = Issuer::start().await;
    let served = Served::start(options(&issuer.url)).await;
    for (tenant, title) in [("a", "one"), ("b", "two")] {
        let notes = served.notes(&signed(OLD_KEY, "old", &claims(json!({ "tenant": tenant })))).await;
        assert_eq!(notes.body["data"]["note"], json!([{ "title": title }]), "{:#}", notes.body);
    }
    // Without the claim no row is one's own, and without a known role nothing is there.
    let notes = served.notes(&signed(OLD_KEY, "old", &claims(json!({ "tenant": null })))).await;
    assert_eq!(notes.body["data"]["note"], json!([]), "{:#}", notes.body);
    let notes = served.notes(&signed(OLD_KEY, "old", &claims(json!({ "app": { "roles": "reader" } })))).await;
    assert_eq!(notes.codes(), ["GRAPHQL_VALIDATION"]);
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_is_not_signed_as_it_must_be_is_refused() {
    let issuer = Issuer::start().await;
    let served = Served::start(options(&issuer.url)).await;
    let good = claims(json!({}));
    assert_eq!(served.notes(&signed(OLD_KEY, "old", &good)).await.status, 200);
    let public = serde_json::to_string(&key_set(&[("old", OLD_KEY)])["keys"][0]).unwrap();
    let header = Header { kid: Some("old".to_owned()), ..Header::new(Algorithm::HS256) };
    let confused = jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(public.as_bytes())).unwrap();
    let unsigned = {
        use base64::Engine as _;
        let encode = |json: &Json| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{}.{}.", encode(&json!({ "alg": "none", "kid": "old" })), encode(&good))
    };
    for (what, token, status) in [
        ("another key", signed(NEW_KEY, "old", &good), 403),
        ("an unknown key", signed(NEW_KEY, "none", &good), 403),
        ("another algorithm", confused, 403),
        ("no algorithm", unsigned, 401),
        ("another issuer", signed(OLD_KEY, "old", &claims(json!({ "iss": "x" }))), 403),
        ("no issuer", signed(OLD_KEY, "old", &claims(json!({ "iss": null }))), 403),
        ("another audience", signed(OLD_KEY, "old", &claims(json!({ "aud": ["x"] }))), 403),
        ("no audience", signed(OLD_KEY, "old", &claims(json!({ "aud": null }))), 403),
        ("the past", signed(OLD_KEY, "old", &claims(json!({ "exp": now() - 1 }))), 401),
        ("no end", signed(OLD_KEY, "old", &claims(json!({ "exp": null }))), 403),
        ("the future", signed(OLD_KEY, "old", &claims(json!({ "nbf": now() + 100 }))), 403),
        ("nonsense", "a.b.c".to_owned(), 401),
    ] {
        assert_eq!(served.notes(&token).await.status, status, "{what}");
    }
    // Whatever comes, keys are not fetched all the time.
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn keys_are_fetched_anew_when_one_is_missed() {
    let issuer = Issuer::start().await;
    let clock = tidegate::clock::Clock::fixed(i64::try_from(now()).unwrap() * 1_000_000);
    let foreign = tidegate::auth::Foreign::new(options(&issuer.url), clock.clone()).unwrap();
    let authenticator =
        tidegate::auth::Authenticator::new(tidegate::auth::Options::default()).with_foreign(Some(foreign));
    let status = async |token: &str| {
        let credentials = tidegate::auth::Credentials { access_token: Some(token), ..Default::default() };
        authenticator.authenticate(credentials, None, None).await.map(|principal| principal.proof.is_some())
    };
    assert_eq!(status(&signed(OLD_KEY, "old", &claims(json!({})))).await, Ok(true));
    *issuer.keys.lock().unwrap() = key_set(&[("new", NEW_KEY)]);
    let next = signed(NEW_KEY, "new", &claims(json!({})));
    assert_eq!(status(&next).await, Err(tidegate::auth::Error::Invalid));
    clock.advance(Duration::from_secs(11));
    assert_eq!(status(&next).await, Ok(true));
    assert_eq!(status(&signed(OLD_KEY, "old", &claims(json!({})))).await, Err(tidegate::auth::Error::Invalid));
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let issuer = Issuer::start().await;
    let served = Served::start(options(&issuer.url)).await;
    let mut socket = Socket::silent(&served.app).await;
    let token = signed(OLD_KEY, "old", &claims(json!({ "exp": now() + 2 })));
    socket.send(&json!({ "type": "connection_init", "payload": { "access_token": token } })).await;
    assert_eq!(socket.next().await["type"], "connection_ack");
    socket.subscribe("1", "subscription { note_mutated { key } }").await;
    assert_eq!(socket.closed().await.0, 4403);
}
