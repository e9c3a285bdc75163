//! Tokens that are forged, used twice or for something else, and log-ins that
//! try to find out who there is.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{TEXTS, check_form};
use crate::support::{Kind, NOTES, PASSWORD, Reply, Served, Socket, TestDatabase};

const SECRET: &str = "a secret that nobody guesses, of many letters";

/// A key that was made for this test alone; nobody was told its public half.
const STRANGERS_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGqdE8mBXQf2EFHMY
3YR1l00QGGlU4fz+bUKNOZLdyZ2hRANCAARZ7kjuKAWwQ5kfTSSagfodD4pauean
LXz4+nB3hwupzkaSbx/40HAvbc/6sajC8knsZu8Ip9V5iA9AA/rzxwAQ
-----END PRIVATE KEY-----";

async fn served(kind: Kind) -> Served {
    let data = Arc::new(TestDatabase::create(kind, NOTES).await);
    Served::over_with(data, |serve| serve.auth.accounts.secret = SECRET.to_owned()).await
}

fn encoded(json: &Json) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// Signed well, with a header and claims of one's own.
fn signed(header: &Header, claims: &Json, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).expect("it can be signed")
}

/// Tokens that were never given to anybody, made from one that was.
fn forged(access: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = access.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("a token has three parts") };
    let decoded = URL_SAFE_NO_PAD.decode(payload).expect("claims are base64");
    let claims: Json = serde_json::from_slice(&decoded).expect("claims are JSON");
    let with = |name: &str, value: Json| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let mut all = Vec::new();
    for name in ["none", "None", "NONE", "nOnE", "", "HS256 ", "hs256"] {
        let head = encoded(&json!({ "alg": name, "typ": "JWT" }));
        for signature in ["", signature] {
            all.push((format!("alg {name:?} {signature}"), format!("{head}.{payload}.{signature}")));
        }
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        all.push((format!("{algorithm:?}"), signed(&Header::new(algorithm), &claims, SECRET)));
    }
    let hs256 = Header::new(Algorithm::HS256);
    for secret in ["", "secret", &SECRET[1..], &SECRET.to_uppercase()] {
        all.push((format!("signed with {secret:?}"), signed(&hs256, &claims, secret)));
    }
    let key = EncodingKey::from_ec_pem(STRANGERS_KEY.as_bytes()).expect("it is a key");
    for kid in [None, Some("../../../dev/null"), Some("' UNION SELECT 'x")] {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::ES256) };
        all.push((format!("ES256 {kid:?}"), jsonwebtoken::encode(&header, &claims, &key).expect("it can be signed")));
    }
    // The header brings a key, or says where it is; the signature is a stranger's.
    for more in [
        json!({ "jku": "http://127.0.0.1:1/keys" }),
        json!({ "jwk": { "kty": "oct", "k": "AA" } }),
        json!({ "x5c": ["AA"] }),
    ] {
        let mut head = more.clone();
        head["alg"] = json!("HS256");
        all.push((more.to_string(), format!("{}.{payload}.{signature}", encoded(&head))));
    }
    for (name, value) in [
        ("admin_access", json!(false)),
        ("id", json!("00000000-0000-4000-8000-000000000000")),
        ("exp", json!(99_999_999_999_u64)),
        ("iss", json!("somebody")),
        ("sid", Json::Null),
    ] {
        all.push((format!("other {name}"), format!("{header}.{}.{signature}", encoded(&with(name, value)))));
    }
    for (about, token) in [
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{access}.{signature}")),
        ("padded", format!("{header}.{payload}==.{signature}")),
        ("a letter more", format!("{access}A")),
        ("a letter less", access[..access.len() - 2].to_owned()),
        ("three dots", "...".to_owned()),
        ("no JSON", format!("{}.{}.{}", URL_SAFE_NO_PAD.encode("x"), URL_SAFE_NO_PAD.encode("y"), signature)),
        ("nothing but claims", format!(".{payload}.")),
        ("long", format!("{header}.{}.{signature}", "A".repeat(20_000))),
    ] {
        all.push((about.to_owned(), token));
    }
    // Signed with the right secret, which somebody has who makes tokens for something else.
    for (name, value) in [
        ("id", Json::Null),
        ("id", json!("' OR '1'='1")),
        ("id", json!(["a"])),
        ("id", json!("00000000-0000-4000-8000-000000000000")),
        ("exp", json!(1)),
        ("exp", json!(-1)),
        ("exp", json!("99999999999")),
        ("exp", json!({})),
        ("iss", Json::Null),
        ("iss", json!(["directus"])),
        ("session", json!("' OR '1'='1")),
        ("share", json!("x")),
        ("pwd", json!("x")),
        ("sid", json!(1)),
    ] {
        all.push((format!("signed {name} {value}"), signed(&hs256, &with(name, value), SECRET)));
    }
    let once = json!({ "email": "admin@example.com", "scope": "password-reset", "iss": "directus", "exp": 99_999_999_999_u64 });
    all.push(("for one thing".to_owned(), signed(&hs256, &once, SECRET)));
    all
}

#[tokio::test]
async fn forged_tokens_are_refused_wherever_they_are_brought() {
    for kind in Kind::ALL {
        let served = served(kind).await;
        let admin = served.admin().await;
        assert_eq!(served.notes(Some(&admin.access)).await.status, 200, "{kind:?}");
        for (about, token) in forged(&admin.access) {
            let about = format!("{kind:?} {about}");
            let known = [(401, "INVALID_CREDENTIALS"), (401, "TOKEN_EXPIRED"), (403, "INVALID_TOKEN")];
            let check = |reply: &Reply| {
                check_form(reply, &about);
                let [code] = reply.codes()[..] else { panic!("{about}: {:#}", reply.body) };
                assert!(known.contains(&(reply.status, code)), "{about}: {} {code}", reply.status);
                assert!(reply.body.get("data").is_none(), "{about}");
            };
            check(&served.notes(Some(&token)).await);
            check(&served.graphql("/graphql/system", Some(&token), "{ users_me { id } }").await);
            let query =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("access_token", &token).finish();
            check(&served.graphql(&format!("/graphql?{query}"), None, "{ note { id } }").await);
            let cookie = format!("directus_session_token={token}");
            let request = served.app.request(Method::POST, "/graphql").header("cookie", cookie);
            check(&Reply::of(request.json(&json!({ "query": "{ note { id } }" }))).await);
        }
    }
}

#[tokio::test]
async fn forged_tokens_open_no_conversation() {
    let served = served(Kind::Sqlite).await;
    let admin = served.admin().await;
    for (about, token) in forged(&admin.access) {
        let mut socket = Socket::silent(&served.app).await;
        socket.send(&json!({ "type": "connection_init", "payload": { "access_token": token } })).await;
        assert_eq!(socket.closed().await.0, 4403, "{about}");
    }
}

#[tokio::test]
async fn tokens_are_good_for_what_they_were_given_for() {
    for kind in Kind::ALL {
        let served = served(kind).await;
        let admin = served.admin().await;
        // A refresh token is no access token, nor the other way round.
        assert_eq!(served.notes(Some(&admin.refresh)).await.codes(), ["INVALID_CREDENTIALS"], "{kind:?}");
        let refresh = |token: &str| {
            let body = json!({ "refresh_token": token, "mode": "json" });
            served.rest(Method::POST, "/auth/refresh", None, body)
        };
        assert_eq!(refresh(&admin.access).await.codes(), ["INVALID_CREDENTIALS"], "{kind:?}");
        for path in ["/auth/password/reset", "/users/invite/accept"] {
            for token in [&admin.access, &admin.refresh] {
                let body = json!({ "token": token, "password": "another one" });
                let reply = served.rest(Method::POST, path, None, body).await;
                assert_eq!(reply.codes(), ["INVALID_TOKEN"], "{kind:?} {path}");
            }
        }
        for text in TEXTS {
            let reply = refresh(text).await;
            assert!(
                ["INVALID_CREDENTIALS", "INVALID_PAYLOAD"].contains(&reply.codes()[0]),
                "{kind:?} {text} {:#}",
                reply.body
            );
        }
        served.log_in("admin@example.com", PASSWORD).await;
    }
}

#[tokio::test]
async fn of_all_who_replay_a_refresh_token_at_once_one_goes_on() {
    for kind in Kind::ALL {
        let served = served(kind).await;
        let admin = served.admin().await;
        let body = json!({ "refresh_token": admin.refresh, "mode": "json" });
        let replies = join_all((0..8).map(|_| served.rest(Method::POST, "/auth/refresh", None, body.clone()))).await;
        let (gone_on, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!(gone_on.len(), 1, "{kind:?} {replies:#?}");
        for reply in refused {
            assert_eq!((reply.status, reply.codes()), (401, vec!["INVALID_CREDENTIALS"]), "{kind:?}");
        }
        // And with the one there is, out: nothing is left to go on with.
        let next = &gone_on[0].body["data"];
        let body = json!({ "refresh_token": next["refresh_token"], "mode": "json" });
        assert_eq!(served.rest(Method::POST, "/auth/logout", None, body.clone()).await.status, 204, "{kind:?}");
        for token in [&admin.access, next["access_token"].as_str().expect("there is one")] {
            assert_eq!(served.notes(Some(token)).await.codes(), ["TOKEN_EXPIRED"], "{kind:?}");
        }
        assert_eq!(served.rest(Method::POST, "/auth/refresh", None, body).await.status, 401, "{kind:?}");
    }
}

#[tokio::test]
async fn whoever_there_is_logging_in_is_the_same_work_and_the_same_answer() {
    for kind in Kind::ALL {
        let served = served(kind).await;
        let admin = served.admin().await;
        let others = r#"mutation {
            a: create_users_item(data: { email: "gone@example.com", password: "x", status: "suspended" }) { id }
            b: create_users_item(data: { email: "other@example.com", password: "x", provider: "github" }) { id }
            c: create_users_item(data: { email: "without@example.com" }) { id } }"#;
        served.system(&admin, others).await;
        // The first one reads what is kept from then on.
        served.try_log_in("admin@example.com", "wrong").await;
        let mut met = BTreeSet::new();
        for email in
            ["admin@example.com", "nobody@example.com", "gone@example.com", "other@example.com", "without@example.com"]
        {
            let (statements, reply) = served.statements_of(|| served.try_log_in(email, "wrong")).await;
            let mut headers: Vec<&str> = reply.headers.keys().map(|name| name.as_str()).collect();
            headers.sort_unstable();
            met.insert(format!("{statements} {} {headers:?} {}", reply.status, reply.body));
        }
        assert_eq!(met.len(), 1, "{kind:?} {met:#?}");
    }
}
