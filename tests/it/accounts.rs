//! Users of the system tables: a database that has them, a database that gets
//! them, who comes in, and what ends when it must.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value as Json, json};
use tidegate::{auth::RateLimit, hooks, server};

use crate::support::{Kind, NOTES, PASSWORD, Reply, Served, Socket, TestDatabase, client_builder, followed, node};

const READS_NOTES: &str = r#"{ collection: "note", action: "read", fields: ["*"] }"#;

#[tokio::test]
async fn a_new_database_gets_tables_and_an_administrator() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let notes = served.notes(Some(&admin.access)).await;
        assert_eq!(notes.body["data"]["note"][0]["title"], "one", "{kind:?} {:#}", notes.body);
        let me = served
            .system(
                &admin,
                "{ users_me { email password tfa_secret role { name policies { policy { admin_access } } } } }",
            )
            .await;
        let role = json!({ "name": "Administrator", "policies": [{ "policy": { "admin_access": true } }] });
        let expected =
            json!({ "email": "admin@example.com", "password": "**********", "tfa_secret": null, "role": role });
        assert_eq!(me["users_me"], expected, "{kind:?}");
        // Nobody in particular sees nothing.
        assert_eq!(served.notes(None).await.codes(), ["GRAPHQL_VALIDATION"], "{kind:?}");
        // A second start changes nothing.
        let data = served.app.data.clone();
        served.app.stop().await;
        let again = Served::over(data).await;
        let admin = again.admin().await;
        assert_eq!(again.system(&admin, "{ users { email } }").await["users"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            again.system(&admin, "{ policies { name } access { sort } }").await["access"].as_array().map(Vec::len),
            Some(2)
        );
    }
}

#[tokio::test]
async fn several_gateways_may_start_at_once() {
    for kind in Kind::ALL {
        let data = Arc::new(TestDatabase::create(kind, NOTES).await);
        let starts = (0..4).map(|_| Served::over(data.clone()));
        let all = futures_util::future::join_all(starts).await;
        let admin = all[0].admin().await;
        let users = all[3].system(&all[3].admin().await, "{ users_aggregated { countAll } roles { name } }").await;
        assert_eq!(users["users_aggregated"][0]["countAll"], 1, "{kind:?}");
        assert_eq!(users["roles"].as_array().map(Vec::len), Some(1), "{kind:?}");
        drop(admin);
    }
}

#[tokio::test]
async fn wrong_credentials_are_all_alike() {
    let served = Served::start(Kind::Sqlite).await;
    let admin = served.admin().await;
    served
        .system(
            &admin,
            r#"mutation {
                a: create_users_item(data: { email: "gone@example.com", password: "x", status: "suspended" }) { id }
                b: create_users_item(data: { email: "other@example.com", password: "x", provider: "github" }) { id }
            }"#,
        )
        .await;
    for (email, password) in [
        ("admin@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", "x"),
        ("other@example.com", "x"),
    ] {
        let reply = served.try_log_in(email, password).await;
        assert_eq!((reply.status, reply.codes()), (401, vec!["INVALID_CREDENTIALS"]), "{email}");
    }
    assert_eq!(served.try_log_in("ADMIN@Example.com", PASSWORD).await.status, 200);
    for body in [json!({}), json!({ "email": "x", "password": "y" }), json!({ "email": "a@b", "password": 1 })] {
        let reply = served.rest(Method::POST, "/auth/login", None, body).await;
        assert_eq!((reply.status, reply.codes()), (400, vec!["INVALID_PAYLOAD"]));
    }
    // A form of another origin's page is not read.
    let form = served.app.request(Method::POST, "/auth/login").header("content-type", "text/plain").body("{}");
    assert_eq!(Reply::of(form).await.codes(), ["UNSUPPORTED_MEDIA_TYPE"]);
}

#[tokio::test]
async fn a_refresh_token_works_once() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let refresh = |token: &str| {
            let body = json!({ "refresh_token": token, "mode": "json" });
            served.rest(Method::POST, "/auth/refresh", None, body)
        };
        let first = refresh(&admin.refresh).await;
        assert_eq!(first.status, 200, "{kind:?} {:#}", first.body);
        assert_eq!(first.body["data"]["expires"], 900_000);
        let replayed = refresh(&admin.refresh).await;
        assert_eq!((replayed.status, replayed.codes()), (401, vec!["INVALID_CREDENTIALS"]), "{kind:?}");
        let next = first.body["data"]["refresh_token"].as_str().unwrap();
        assert_eq!(refresh(next).await.status, 200, "{kind:?}");
    }
}

#[tokio::test]
async fn logging_out_ends_the_access_token_too() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let other = served.admin().await;
        let body = json!({ "refresh_token": admin.refresh, "mode": "json" });
        assert_eq!(served.rest(Method::POST, "/auth/logout", None, body.clone()).await.status, 204, "{kind:?}");
        let notes = served.notes(Some(&admin.access)).await;
        assert_eq!((notes.status, notes.codes()), (401, vec!["TOKEN_EXPIRED"]), "{kind:?}");
        assert_eq!(served.rest(Method::POST, "/auth/refresh", None, body.clone()).await.status, 401, "{kind:?}");
        assert_eq!(served.notes(Some(&other.access)).await.status, 200, "{kind:?}");
        // An unknown token is no error, none is one.
        assert_eq!(served.rest(Method::POST, "/auth/logout", None, body).await.status, 204, "{kind:?}");
        let none = served.rest(Method::POST, "/auth/logout", None, json!({})).await;
        assert_eq!(none.codes(), ["INVALID_PAYLOAD"], "{kind:?}");
        let activity = served
            .system(&other, r#"{ activity(filter: { action: { _eq: "logout" } }) { collection user { email } } }"#);
        let expected = json!([{ "collection": "directus_users", "user": { "email": "admin@example.com" } }]);
        assert_eq!(activity.await["activity"], expected, "{kind:?}");
    }
}

#[tokio::test]
async fn sessions_live_in_a_cookie() {
    let served = Served::start(Kind::Sqlite).await;
    let body = json!({ "email": "admin@example.com", "password": PASSWORD, "mode": "session" });
    let reply = served.rest(Method::POST, "/auth/login", None, body).await;
    assert_eq!(reply.body, json!({ "data": { "expires": 86_400_000 } }));
    let set = reply.header("set-cookie").to_owned();
    assert!(set.starts_with("directus_session_token=") && set.contains("; HttpOnly") && set.contains("SameSite=Lax"));
    let cookie = |set: &str| set.split(';').next().unwrap().to_owned();
    let with = |cookie: String, method: Method, path: &str, body: Json| {
        let request = served.app.request(method, path).header("cookie", cookie);
        let request = if body.is_null() { request } else { request.json(&body) };
        async { request.send().await.unwrap() }
    };
    let own = cookie(&set);
    let query = json!({ "query": "{ note { id } }" });
    let response = with(own.clone(), Method::POST, "/graphql", query.clone()).await;
    assert_eq!(response.json::<Json>().await.unwrap()["data"]["note"][0]["id"], "1");
    // Two tabs that go on at once get the same session.
    let mode = json!({ "mode": "session" });
    let one = with(own.clone(), Method::POST, "/auth/refresh", mode.clone()).await;
    let other = with(own.clone(), Method::POST, "/auth/refresh", mode.clone()).await;
    let session = |response: &reqwest::Response| {
        let set = response.headers()["set-cookie"].to_str().unwrap();
        let token = cookie(set).split_once('=').unwrap().1.to_owned();
        let claims = token.split('.').nth(1).unwrap().to_owned();
        use base64::Engine as _;
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        serde_json::from_slice::<Json>(&claims).unwrap()["session"].clone()
    };
    assert_eq!(session(&one), session(&other));
    let next = cookie(one.headers()["set-cookie"].to_str().unwrap());
    let out = with(next.clone(), Method::POST, "/auth/logout", mode).await;
    assert_eq!(out.status(), 204);
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    let refused = with(next, Method::POST, "/graphql", query).await;
    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn what_is_changed_takes_effect_at_once() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let user = served.user(&admin, "u@example.com", READS_NOTES).await;
        assert_eq!(served.notes(Some(&user.access)).await.body["data"]["note"][1]["title"], "two", "{kind:?}");
        // The rule is another one.
        let permissions = served.system(&admin, r#"{ permissions { id } }"#).await;
        let id = permissions["permissions"][0]["id"].as_str().unwrap();
        let rule = format!(
            r#"mutation {{ update_permissions_item(id: "{id}", data: {{ permissions: {{ id: {{ _eq: 1 }} }} }}) {{ id }} }}"#
        );
        served.system(&admin, &rule).await;
        let notes = served.notes(Some(&user.access)).await;
        assert_eq!(notes.body["data"]["note"], json!([{ "id": "1", "title": "one" }]), "{kind:?}");
        // The user is out.
        let me = served.rest(Method::GET, "/users/me", Some(&user.access), Json::Null).await;
        let me = me.body["data"]["id"].as_str().unwrap().to_owned();
        let suspended =
            format!(r#"mutation {{ update_users_item(id: "{me}", data: {{ status: "suspended" }}) {{ id }} }}"#);
        served.system(&admin, &suspended).await;
        let notes = served.notes(Some(&user.access)).await;
        assert_eq!((notes.status, notes.codes()), (401, vec!["INVALID_CREDENTIALS"]), "{kind:?}");
        let body = json!({ "refresh_token": user.refresh });
        assert_eq!(served.rest(Method::POST, "/auth/refresh", None, body).await.status, 401, "{kind:?}");
        // And in again, with another password.
        let back = format!(
            r#"mutation {{ update_users_item(id: "{me}", data: {{ status: "active", password: "another one" }}) {{ id }} }}"#
        );
        served.system(&admin, &back).await;
        assert_eq!(served.notes(Some(&user.access)).await.codes(), ["TOKEN_EXPIRED"], "{kind:?}");
        assert_eq!(served.try_log_in("u@example.com", PASSWORD).await.status, 401, "{kind:?}");
        let user = served.log_in("u@example.com", "another one").await;
        assert_eq!(served.notes(Some(&user.access)).await.status, 200, "{kind:?}");
    }
}

#[tokio::test]
async fn open_sockets_end_with_the_rights_they_were_opened_with() {
    let served = Served::start(Kind::Sqlite).await;
    let admin = served.admin().await;
    let user = served.user(&admin, "u@example.com", READS_NOTES).await;
    let mut socket = Socket::silent(&served.app).await;
    let init = json!({ "type": "connection_init", "payload": { "access_token": user.access } });
    socket.send(&init).await;
    assert_eq!(socket.next().await["type"], "connection_ack");
    socket.subscribe("1", "subscription { note_mutated { event key } }").await;
    followed(&served.app, 1).await;
    served.app.items("note").create_one(json!({ "id": 3, "title": "three" })).await.unwrap();
    assert_eq!(socket.next().await["payload"]["data"]["note_mutated"]["key"], "3");
    let body = json!({ "refresh_token": user.refresh, "mode": "json" });
    served.rest(Method::POST, "/auth/logout", None, body).await;
    assert_eq!(socket.closed().await.0, 4403);
}

#[tokio::test]
async fn static_tokens_are_known_until_they_are_changed() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        served.user(&admin, "bot@example.com", READS_NOTES).await;
        let users = served.system(&admin, r#"{ users(filter: { email: { _eq: "bot@example.com" } }) { id } }"#).await;
        let id = users["users"][0]["id"].as_str().unwrap().to_owned();
        let token = |token: &str| {
            let query =
                format!(r#"mutation {{ update_users_item(id: "{id}", data: {{ token: "{token}" }}) {{ token }} }}"#);
            let (served, admin) = (&served, &admin);
            async move { served.system(admin, &query).await }
        };
        assert_eq!(token("static-one").await["update_users_item"]["token"], "**********", "{kind:?}");
        assert_eq!(served.notes(Some("static-one")).await.status, 200, "{kind:?}");
        assert_eq!(served.notes(Some("static-two")).await.codes(), ["INVALID_CREDENTIALS"], "{kind:?}");
        token("static-two").await;
        assert_eq!(served.notes(Some("static-one")).await.codes(), ["INVALID_CREDENTIALS"], "{kind:?}");
        assert_eq!(served.notes(Some("static-two")).await.status, 200, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_concealed_cannot_be_guessed() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        served.system(&admin, r#"mutation { update_users_me(data: { token: "abcdef" }) { id } }"#).await;
        for filter in [r#"{ token: { _null: true } }"#, r#"{ password: { _null: true } }"#] {
            let query = format!("{{ users(filter: {filter}) {{ id }} }}");
            assert_eq!(served.system(&admin, &query).await["users"], json!([]), "{kind:?} {filter}");
        }
        for query in [
            r#"{ users(filter: { token: { _eq: "abcdef" } }) { id } }"#,
            r#"{ users(filter: { token: { _starts_with: "a" } }) { id } }"#,
        ] {
            assert_eq!(served.system_code(&admin, query).await, "GRAPHQL_VALIDATION", "{kind:?} {query}");
        }
        let grouped = served
            .system(&admin, r#"{ users_aggregated(groupBy: ["token"]) { group countDistinct { token } } }"#)
            .await;
        let expected = json!([{ "group": { "token": "**********" }, "countDistinct": { "token": 1 } }]);
        assert_eq!(grouped["users_aggregated"], expected, "{kind:?}");
        assert_eq!(
            served.system(&admin, r#"{ users(search: "abcdef") { id } }"#).await["users"],
            json!([]),
            "{kind:?}"
        );
        assert_eq!(
            served
                .system_code(
                    &admin,
                    r#"mutation { upsert_users_item(data: { token: "abcdef" }, on: ["token"]) { id } }"#
                )
                .await,
            "FORBIDDEN",
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn somebody_administers_in_the_end() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let told = served.system(&admin, "{ users_me { id role { id } } policies { id name } access { id } }").await;
        let id = told["users_me"]["id"].as_str().unwrap();
        let role = told["users_me"]["role"]["id"].as_str().unwrap();
        let policies = told["policies"].as_array().unwrap();
        let policy = policies.iter().find(|policy| policy["name"] == "Administrator").unwrap()["id"].as_str().unwrap();
        for mutation in [
            format!(r#"update_users_item(id: "{id}", data: {{ status: "suspended" }}) {{ id }}"#),
            format!(r#"update_users_item(id: "{id}", data: {{ role: null }}) {{ id }}"#),
            format!(r#"delete_users_item(id: "{id}") {{ id }}"#),
            format!(r#"delete_roles_item(id: "{role}") {{ id }}"#),
            format!(r#"update_policies_item(id: "{policy}", data: {{ admin_access: false }}) {{ id }}"#),
            format!(r#"delete_policies_item(id: "{policy}") {{ id }}"#),
        ] {
            let query = format!("mutation {{ {mutation} }}");
            assert_eq!(served.system_code(&admin, &query).await, "UNPROCESSABLE_CONTENT", "{kind:?} {mutation}");
        }
        assert_eq!(served.system(&admin, "{ users_me { status } }").await["users_me"]["status"], "active", "{kind:?}");

        // Somebody of a role below is as good; then they are the last.
        let below = served
            .system(&admin, &format!(r#"mutation {{ create_roles_item(data: {{ name: "Below", parent: {{ id: "{role}" }} }}) {{ id }} }}"#))
            .await;
        let below = below["create_roles_item"]["id"].as_str().unwrap();
        let second = format!(
            r#"mutation {{ create_users_item(data: {{ email: "second@example.com", password: "{PASSWORD}", role: {{ id: "{below}" }} }}) {{ id }} }}"#
        );
        served.system(&admin, &second).await;
        let second = served.log_in("second@example.com", PASSWORD).await;
        let renaming = r#"mutation { update_users_me(data: { last_name: "Other" }) { id } }"#;
        let suspending =
            format!(r#"mutation {{ update_users_item(id: "{id}", data: {{ status: "suspended" }}) {{ id }} }}"#);
        let (renamed, _) = served.app.statements_of(served.system(&second, renaming)).await;
        let (suspended, _) = served.app.statements_of(served.system(&second, &suspending)).await;
        // Sessions are ended, and who administers is looked up: where it may have changed, and not else.
        assert!(renamed + 2 <= suspended, "{kind:?}: {renamed} of {suspended}");
        for mutation in [
            format!(r#"update_roles_item(id: "{below}", data: {{ parent: null }}) {{ id }}"#),
            "update_users_me(data: { role: null }) { id }".to_owned(),
        ] {
            let query = format!("mutation {{ {mutation} }}");
            assert_eq!(served.system_code(&second, &query).await, "UNPROCESSABLE_CONTENT", "{kind:?} {mutation}");
        }
    }
}

#[tokio::test]
async fn users_are_held_to_their_rules() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let code = async |data: &str| {
            let query = format!("mutation {{ create_users_item(data: {data}) {{ id }} }}");
            served.system_code(&admin, &query).await
        };
        assert_eq!(code(r#"{ email: "no address" }"#).await, "FAILED_VALIDATION", "{kind:?}");
        assert_eq!(code(r#"{ email: "ADMIN@example.com" }"#).await, "RECORD_NOT_UNIQUE", "{kind:?}");
        assert_eq!(code(r#"{ email: "x@example.com", tfa_secret: "ABC" }"#).await, "INVALID_PAYLOAD", "{kind:?}");
        served
            .system(&admin, r#"mutation { update_settings(data: { auth_password_policy: "/^.{8,}$/" }) { id } }"#)
            .await;
        assert_eq!(code(r#"{ email: "x@example.com", password: "short" }"#).await, "FAILED_VALIDATION", "{kind:?}");
        let role = served.system(&admin, r#"mutation { create_roles_item(data: { name: "a" }) { id } }"#).await;
        let role = role["create_roles_item"]["id"].as_str().unwrap();
        let own = format!(
            r#"mutation {{ update_roles_item(id: "{role}", data: {{ parent: {{ id: "{role}" }} }}) {{ id }} }}"#
        );
        assert_eq!(served.system_code(&admin, &own).await, "INVALID_PAYLOAD", "{kind:?}");
        let policy = r#"mutation { create_policies_item(data: { name: "p", ip_access: ["10.*"] }) { id } }"#;
        assert_eq!(served.system_code(&admin, policy).await, "INVALID_PAYLOAD", "{kind:?}");
    }
}

#[tokio::test]
async fn writes_are_kept_account_of_in_their_own_transaction() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let write = async |query: &str| served.graphql("/graphql", Some(&admin.access), query).await;
        write(r#"mutation { create_note_item(data: { id: 7, title: "seven" }) { id } }"#).await;
        write(r#"mutation { update_note_item(id: 7, data: { title: "VII" }) { id } }"#).await;
        write(r#"mutation { update_note_item(id: 7, data: { title: "VII" }) { id } }"#).await;
        write(r#"mutation { delete_note_item(id: 7) { id } }"#).await;
        // What fails leaves nothing behind.
        let failed = write(r#"mutation { create_note_item(data: { id: 1, title: "again" }) { id } }"#).await;
        assert_eq!(failed.codes(), ["RECORD_NOT_UNIQUE"], "{kind:?}");
        let query = r#"{ activity(filter: { collection: { _eq: "note" } }, sort: ["id"]) {
            action item user { email } revisions { collection item data delta } } }"#;
        let kept = served.system(&admin, query).await;
        let user = json!({ "email": "admin@example.com" });
        let created = json!({ "id": 7, "title": "seven" });
        let changed = json!({ "id": 7, "title": "VII", "owner": null });
        let revision =
            |data: &Json, delta: Json| json!([{ "collection": "note", "item": "7", "data": data, "delta": delta }]);
        let expected = json!([
            { "action": "create", "item": "7", "user": user, "revisions": revision(&created, created.clone()) },
            { "action": "update", "item": "7", "user": user, "revisions": revision(&changed, json!({ "title": "VII" })) },
            { "action": "delete", "item": "7", "user": user, "revisions": [] },
        ]);
        assert_eq!(kept["activity"], expected, "{kind:?}");
        // A password leaves no trace.
        served.system(&admin, r#"mutation { update_users_me(data: { password: "correct horse 2" }) { id } }"#).await;
        let admin = served.log_in("admin@example.com", "correct horse 2").await;
        let query =
            r#"{ revisions(filter: { collection: { _eq: "directus_users" } }, sort: ["-id"], limit: 1) { delta } }"#;
        let kept = served.system(&admin, query).await;
        assert_eq!(kept["revisions"][0]["delta"]["password"], "**********", "{kind:?} {kept:#}");
    }
}

#[tokio::test]
async fn one_time_passwords_are_asked_for_once_they_are_enabled() {
    let served = Served::start(Kind::Sqlite).await;
    let admin = served.admin().await;
    let post = |path: &'static str, body: Json| served.rest(Method::POST, path, Some(&admin.access), body);
    assert_eq!(post("/users/me/tfa/generate", json!({ "password": "wrong" })).await.status, 401);
    let made = post("/users/me/tfa/generate", json!({ "password": PASSWORD })).await;
    let secret = made.body["data"]["secret"].as_str().unwrap().to_owned();
    assert!(made.body["data"]["otpauth_url"].as_str().unwrap().starts_with("otpauth://totp/"));
    assert_eq!(post("/users/me/tfa/enable", json!({ "secret": secret, "otp": "000000" })).await.status, 400);
    let now = || {
        let secret = totp_rs::Secret::try_from_base32(&secret).unwrap();
        totp_rs::Builder::new().with_secret(secret).build_noncompliant().generate_current().to_string()
    };
    assert_eq!(post("/users/me/tfa/enable", json!({ "secret": secret, "otp": now() })).await.status, 204);
    assert_eq!(served.try_log_in("admin@example.com", PASSWORD).await.codes(), ["INVALID_OTP"]);
    let body = json!({ "email": "admin@example.com", "password": PASSWORD, "otp": now() });
    assert_eq!(served.rest(Method::POST, "/auth/login", None, body).await.status, 200);
    assert_eq!(post("/users/me/tfa/disable", json!({ "otp": now() })).await.status, 204);
    assert_eq!(served.try_log_in("admin@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn too_many_attempts_suspend_a_user() {
    let served = Served::start(Kind::Sqlite).await;
    let admin = served.admin().await;
    served.user(&admin, "u@example.com", READS_NOTES).await;
    served.system(&admin, r#"mutation { update_settings(data: { auth_login_attempts: 3 }) { id } }"#).await;
    for _ in 0..3 {
        assert_eq!(served.try_log_in("u@example.com", "wrong").await.status, 401);
    }
    // The one too many is refused whatever its password.
    assert_eq!(served.try_log_in("u@example.com", PASSWORD).await.status, 401);
    let users = served.system(&admin, r#"{ users(filter: { email: { _eq: "u@example.com" } }) { status } }"#).await;
    assert_eq!(users["users"][0]["status"], "suspended");
}

#[tokio::test]
async fn the_directus_client_works_unmodified() {
    let served = Served::start(Kind::Sqlite).await;
    let url = served.app.url("/");
    node("directus.mjs", &[&url, "--email", "admin@example.com", "--password", PASSWORD]).await;
}

#[tokio::test]
async fn rules_name_what_is_in_the_callers_own_row() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let rule = r#"{ collection: "note", action: "read", fields: ["*"],
            permissions: { title: { _eq: "$CURRENT_USER.title" } } }"#;
        let user = served.user(&admin, "u@example.com", rule).await;
        let notes = served.notes(Some(&user.access)).await;
        assert_eq!(notes.body["data"]["note"], json!([]), "{kind:?} {:#}", notes.body);
        let users = served.system(&admin, r#"{ users(filter: { email: { _eq: "u@example.com" } }) { id } }"#).await;
        let id = users["users"][0]["id"].as_str().unwrap();
        for title in ["one", "two"] {
            let query =
                format!(r#"mutation {{ update_users_item(id: "{id}", data: {{ title: "{title}" }}) {{ id }} }}"#);
            served.system(&admin, &query).await;
            let notes = served.notes(Some(&user.access)).await;
            assert_eq!(notes.body["data"]["note"][0]["title"], title, "{kind:?}");
            assert_eq!(notes.body["data"]["note"].as_array().map(Vec::len), Some(1), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn nobody_tries_many_passwords_at_once() {
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, NOTES).await);
    let limit = RateLimit { points: 3, duration: std::time::Duration::from_secs(3_600) };
    let served = Served::over_with(data, move |serve| serve.auth.accounts.login_rate = Some(limit)).await;
    let twice = r#"mutation { a: auth_login(email: "a@b.example", password: "x") { expires }
        b: auth_login(email: "a@b.example", password: "y") { expires } }"#;
    let reply = served.graphql("/graphql/system", None, twice).await;
    assert_eq!(reply.codes(), ["GRAPHQL_VALIDATION"]);
    let once = r#"mutation { auth_login(email: "a@b.example", password: "x") { expires } }"#;
    for _ in 0..2 {
        assert_eq!(served.graphql("/graphql/system", None, once).await.codes(), ["INVALID_CREDENTIALS"]);
    }
    assert_eq!(served.try_log_in("admin@example.com", "wrong").await.status, 401);
    let refused = served.try_log_in("admin@example.com", PASSWORD).await;
    assert_eq!((refused.status, refused.codes()), (429, vec!["REQUESTS_EXCEEDED"]));
    assert_eq!(refused.header("retry-after"), "3600");
    assert_eq!(served.graphql("/graphql/system", None, once).await.codes(), ["REQUESTS_EXCEEDED"]);
    // What takes a processor for a while is not for everybody.
    let hash = r#"mutation { utils_hash_generate(string: "x") }"#;
    assert_eq!(served.graphql("/graphql/system", None, hash).await.codes(), ["FORBIDDEN"]);
}

#[tokio::test]
async fn requests_are_counted_where_that_is_wished() {
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, NOTES).await);
    let limit = RateLimit { points: 2, duration: std::time::Duration::from_secs(3_600) };
    let rates = server::RateLimits { requests: Some(limit), ..server::RateLimits::default() };
    let served = Served::over_with(data, move |serve| serve.server.rates = rates).await;
    for _ in 0..2 {
        assert_eq!(served.graphql("/graphql", None, "{ _empty }").await.status, 200);
    }
    let refused = served.graphql("/graphql", None, "{ _empty }").await;
    assert_eq!(
        (refused.status, refused.codes(), refused.header("retry-after")),
        (429, vec!["REQUESTS_EXCEEDED"], "3600")
    );
    assert_eq!(served.app.request(Method::GET, "/server/ping").send().await.unwrap().status(), 200);
}

/// A gateway that mails into a channel.
async fn mailing(kind: Kind) -> (Served, tokio::sync::mpsc::UnboundedReceiver<(String, String)>) {
    let data = Arc::new(TestDatabase::create(kind, NOTES).await);
    let (sent, mails) = tokio::sync::mpsc::unbounded_channel();
    let served = Served::over_as(data, move |builder| {
        builder.filter("email.send", move |mut mail: hooks::Payload, _: hooks::Meta, _: hooks::Context| {
            let text = |path: &str| mail.get_str(path).unwrap_or_default().to_owned();
            let told = sent.send((text("to"), text("template.data.url"))).map_err(hooks::Error::unexpected);
            mail.replace(Json::Null);
            std::future::ready(told.map(|()| mail))
        })
    });
    (served.await, mails)
}

fn token_of(url: &str) -> String {
    url.split_once("token=").expect("there is a token").1.to_owned()
}

#[tokio::test]
async fn a_new_password_is_sent_to_the_users_own_address_and_set_once() {
    for kind in Kind::ALL {
        let (served, mut mails) = mailing(kind).await;
        let old = served.admin().await;
        let request =
            |email: &'static str| served.rest(Method::POST, "/auth/password/request", None, json!({ "email": email }));
        // Databases may take these for the same address; whoever has the other one gets nothing.
        for email in ["nobody@example.com", "admin@exämple.com", "admin@exampLe.com\u{0}"] {
            assert_eq!(request(email).await.status, 204, "{kind:?}");
        }
        assert_eq!(request("ADMIN@example.com").await.status, 204, "{kind:?}");
        let (to, url) = mails.recv().await.expect("a mail comes");
        assert_eq!(to, "admin@example.com", "{kind:?}");
        let reset = |password: &'static str| {
            let body = json!({ "token": token_of(&url), "password": password });
            served.rest(Method::POST, "/auth/password/reset", None, body)
        };
        let reply = reset("a new one").await;
        assert_eq!(reply.status, 204, "{kind:?} {:#}", reply.body);
        assert_eq!(reset("another").await.codes(), ["FORBIDDEN"], "{kind:?}");
        assert_eq!(served.notes(Some(&old.access)).await.status, 401, "{kind:?}");
        served.log_in("admin@example.com", "a new one").await;
        assert!(mails.try_recv().is_err(), "{kind:?}");
        let body = json!({ "email": "admin@example.com", "reset_url": "https://evil.example/" });
        let elsewhere = served.rest(Method::POST, "/auth/password/request", None, body).await;
        assert_eq!(elsewhere.codes(), ["INVALID_PAYLOAD"], "{kind:?}");
    }
}

#[tokio::test]
async fn invitations_are_for_those_who_may_make_users() {
    for kind in Kind::ALL {
        let (served, mut mails) = mailing(kind).await;
        let admin = served.admin().await;
        let user = served.user(&admin, "u@example.com", READS_NOTES).await;
        let roles = served.system(&admin, "{ roles { id name } }").await;
        let role = roles["roles"].as_array().unwrap().iter().find(|role| role["name"] == "u@example.com").unwrap();
        let body = json!({ "email": "new@example.com", "role": role["id"] });
        let invite = |token: Option<String>| {
            let (served, body) = (&served, body.clone());
            async move { served.rest(Method::POST, "/users/invite", token.as_deref(), body).await.status }
        };
        assert_eq!(invite(Some(admin.access.clone())).await, 204, "{kind:?}");
        let (to, url) = mails.recv().await.expect("a mail comes");
        assert_eq!(to, "new@example.com", "{kind:?}");
        // Others are told the same, and nothing is sent.
        for token in [None, Some(user.access.clone())] {
            assert_eq!(invite(token).await, 204, "{kind:?}");
        }
        let accept = || {
            let body = json!({ "token": token_of(&url), "password": PASSWORD });
            served.rest(Method::POST, "/users/invite/accept", None, body)
        };
        assert_eq!(accept().await.status, 204, "{kind:?}");
        assert_eq!(accept().await.codes(), ["INVALID_INVITE"], "{kind:?}");
        let new = served.log_in("new@example.com", PASSWORD).await;
        assert_eq!(served.notes(Some(&new.access)).await.status, 200, "{kind:?}");
        assert!(mails.try_recv().is_err(), "{kind:?}");
    }
}

#[tokio::test]
async fn registering_tells_nobody_who_is_known() {
    for kind in Kind::ALL {
        let (served, mut mails) = mailing(kind).await;
        let admin = served.admin().await;
        let register = |email: &'static str, password: &'static str, first_name: String| {
            let body = json!({ "email": email, "password": password, "first_name": first_name });
            served.rest(Method::POST, "/users/register", None, body)
        };
        assert_eq!(register("new@example.com", PASSWORD, "N".into()).await.codes(), ["FORBIDDEN"], "{kind:?}");
        let settings = r#"mutation { update_settings(data: { public_registration: true, auth_password_policy: "^.{8,}$",
            public_registration_email_filter: { email: { _ends_with: "example.com" } } }) { id } }"#;
        served.system(&admin, settings).await;
        for email in ["admin@example.com", "new@example.com"] {
            assert_eq!(register(email, "short", "N".into()).await.codes(), ["FAILED_VALIDATION"], "{kind:?}");
            assert_eq!(register(email, PASSWORD, "N".repeat(300)).await.codes(), ["INVALID_PAYLOAD"], "{kind:?}");
            assert_eq!(register(email, PASSWORD, "N".into()).await.status, 204, "{kind:?}");
        }
        assert_eq!(register("a@b.example", PASSWORD, "N".into()).await.codes(), ["FORBIDDEN"], "{kind:?}");
        let (to, url) = mails.recv().await.expect("a mail comes");
        assert_eq!(to, "new@example.com", "{kind:?}");
        assert_eq!(served.try_log_in("new@example.com", PASSWORD).await.status, 401, "{kind:?}");
        let path = format!("/users/register/verify-email?token={}", token_of(&url));
        let client = client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let verified = client.get(served.app.url(&path)).send().await.unwrap();
        assert_eq!(verified.status(), 302, "{kind:?}");
        served.log_in("new@example.com", PASSWORD).await;
        assert!(mails.try_recv().is_err(), "{kind:?}");
    }
}

#[tokio::test]
async fn the_last_administrator_is_locked_for_a_while_instead() {
    let served = Served::start(Kind::Sqlite).await;
    let admin = served.admin().await;
    served.system(&admin, r#"mutation { update_settings(data: { auth_login_attempts: 2 }) { id } }"#).await;
    for _ in 0..4 {
        let reply = served.try_log_in("admin@example.com", "wrong").await;
        assert_eq!((reply.status, reply.codes()), (401, vec!["INVALID_CREDENTIALS"]));
    }
    // Nobody gets in by guessing on, and who is in stays.
    assert_eq!(served.try_log_in("admin@example.com", PASSWORD).await.status, 401);
    assert_eq!(served.system(&admin, "{ users_me { status } }").await["users_me"]["status"], "active");
}

#[tokio::test]
async fn a_dead_cookie_locks_nobody_out() {
    let served = Served::start(Kind::Sqlite).await;
    let credentials = json!({ "email": "admin@example.com", "password": PASSWORD, "mode": "session" });
    let reply = served.rest(Method::POST, "/auth/login", None, credentials.clone()).await;
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    let with_cookie = |method: Method, path: &str, body: Json| {
        let request = served.app.request(method, path).header("cookie", &cookie).json(&body);
        async { request.send().await.unwrap() }
    };
    // One's own session outlives one's own change of the password.
    let changed = with_cookie(Method::PATCH, "/users/me", json!({ "password": "another one" })).await;
    assert_eq!(changed.status(), 200);
    let query = json!({ "query": "{ note { id } }" });
    assert_eq!(with_cookie(Method::POST, "/graphql", query.clone()).await.status(), 200);
    // A form of another site does nothing with it.
    for path in ["/auth/logout", "/auth/refresh", "/users/me/tfa/disable"] {
        let form = served.app.request(Method::POST, path).header("cookie", &cookie);
        assert_eq!(Reply::of(form).await.codes(), ["UNSUPPORTED_MEDIA_TYPE"], "{path}");
    }
    // Ended elsewhere, it is refused once and forgotten.
    served.app.data.execute("DELETE FROM directus_sessions").await;
    let again = Served::over(served.app.data.clone()).await;
    let refused = again.app.request(Method::POST, "/auth/login").header("cookie", &cookie).json(&credentials);
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(refused.headers()["set-cookie"].to_str().unwrap().starts_with("directus_session_token=; "));
}

#[tokio::test]
async fn no_two_users_have_one_address_and_no_role_is_above_itself() {
    for kind in Kind::ALL {
        let served = Served::start(kind).await;
        let admin = served.admin().await;
        let two =
            r#"mutation { create_users_items(data: [{ email: "A@x.example" }, { email: "a@x.example" }]) { id } }"#;
        assert_eq!(served.system_code(&admin, two).await, "RECORD_NOT_UNIQUE", "{kind:?}");
        let own = r#"mutation { create_roles_item(data: { id: "00000000-0000-4000-8000-00000000000a", name: "a",
            parent: { id: "00000000-0000-4000-8000-00000000000b", name: "b",
                parent: { id: "00000000-0000-4000-8000-00000000000c", name: "c" } } }) { id } }"#;
        served.system(&admin, own).await;
        let circle = r#"mutation { update_roles_item(id: "00000000-0000-4000-8000-00000000000c",
            data: { parent: { id: "00000000-0000-4000-8000-00000000000a" } }) { id } }"#;
        assert_eq!(served.system_code(&admin, circle).await, "INVALID_PAYLOAD", "{kind:?}");
    }
}
