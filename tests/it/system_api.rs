//! What the system answers beside its tables: what callers may do, items that are
//! moved and put back, what is kept of writes.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Kind, Reply, Served};

async fn get(served: &Served, path: &str, token: Option<&str>) -> Reply {
    served.rest(Method::GET, path, token, Json::Null).await
}

/// Reads all notes and may give those without an owner another title.
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
