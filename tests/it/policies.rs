//! Roles and policies: what several rules come to for one caller, in reading,
//! writing and following (contract `permissions.md`).

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Map, Value as Json, json};
use tidegate::{
    graphql::{Allowed, Opened, Request},
    permissions::{Action, Addresses, Attached, Fields, Given, Identity, Permission, Policy, PolicyRules, RuleSet},
    principal::{Id, Principal},
    realtime::{Item, Queue, QueueLimits, Taken},
    rules::Rules,
};
use tokio::time::timeout;

use crate::support::{Kind, Settings, TestApp, TestDatabase};

const SCRIPT: &str = "
    CREATE TABLE person (id INT PRIMARY KEY NOT NULL, name VARCHAR(20), team INT);
    CREATE TABLE note (id INT PRIMARY KEY NOT NULL, title VARCHAR(20), body VARCHAR(20), status VARCHAR(10), rating INT,
        owner VARCHAR(10), author INT, FOREIGN KEY (author) REFERENCES person (id));
    INSERT INTO person VALUES (1, 'Ann', 1), (2, 'Bob', 2);
    INSERT INTO note VALUES
        (1, 't1', 'b1', 'public', 10, 'ann', 1), (2, 't2', 'b2', 'draft', 20, 'ann', 2),
        (3, 't3', 'b3', 'public', 30, 'bob', 1), (4, 't4', 'b4', 'draft', 40, 'bob', 2), (5, 't5', 'b5', 'draft', 50, NULL, NULL);";

fn id(text: &str) -> Id {
    text.into()
}

/// `collection`, action, fields (`*` for all), rows, validation, presets.
fn permission(
    collection: &str,
    action: Action,
    fields: &str,
    rows: Json,
    validation: Json,
    presets: Json,
) -> Permission {
    let fields = match fields {
        "*" => Fields::All,
        names => Fields::Only(names.split(' ').map(str::to_owned).collect()),
    };
    let presets = match presets {
        Json::Object(presets) => presets,
        _ => Map::new(),
    };
    Permission { collection: collection.to_owned(), action, fields, rows, validation, presets }
}

fn read(fields: &str, rows: Json) -> Permission {
    permission("note", Action::Read, fields, rows, Json::Null, Json::Null)
}

fn policy(permissions: Vec<Permission>) -> PolicyRules {
    PolicyRules { permissions, ..PolicyRules::default() }
}

/// Rules in which each role has the policy of its own name.
fn rules(policies: Vec<(&str, PolicyRules)>, parents: &[(&str, Option<&str>)]) -> Rules {
    let attached = policies.iter().map(|(name, _)| {
        let given = if *name == "public" { Given::ToPublic } else { Given::ToRole(id(name)) };
        Attached { policy: id(name), given, sort: None }
    });
    let attached = attached.collect();
    let policies: HashMap<Id, PolicyRules> = policies.into_iter().map(|(name, policy)| (id(name), policy)).collect();
    let mut roles: HashMap<Id, Option<Id>> = policies.keys().map(|name| (name.clone(), None)).collect();
    roles.extend(parents.iter().map(|(role, parent)| (id(role), parent.map(id))));
    Rules::new(RuleSet::new(roles, policies, attached))
}

struct Guarded {
    app: TestApp,
    rules: Rules,
}

impl Guarded {
    async fn start(kind: Kind, rules: Rules) -> Self {
        let data = Arc::new(TestDatabase::create(kind, SCRIPT).await);
        let policy = Policy { rules: Some(Arc::new(rules.clone())), ..Policy::default() };
        let app = TestApp::start_with(data, Settings { policy, ..Settings::default() }).await;
        Self { app, rules }
    }

    fn user(&self, user: &str, role: &str) -> Principal {
        self.rules.principal(Identity { user: Some(id(user)), role: Some(id(role)), ip: None })
    }

    async fn run(&self, principal: &Principal, query: &str) -> Json {
        let request = Request { query: query.into(), variables: Map::new(), operation_name: None };
        let response = self.app.service.execute(principal, request, Allowed::All).await;
        serde_json::from_slice(&response.body).expect("an answer is JSON")
    }

    async fn data(&self, principal: &Principal, query: &str) -> Json {
        let mut answer = self.run(principal, query).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    async fn code(&self, principal: &Principal, query: &str) -> Json {
        let mut answer = self.run(principal, query).await;
        answer["errors"][0]["extensions"]["code"].take()
    }
}

/// Titles of all; bodies and ratings of those that are public or one's own.
fn mixed() -> Vec<Permission> {
    vec![
        read("id title owner", json!({})),
        read("body author", json!({ "owner": { "_eq": "$CURRENT_USER" } })),
        read("body rating", json!({ "status": { "_eq": "public" } })),
        permission("person", Action::Read, "*", json!({}), Json::Null, Json::Null),
    ]
}

#[tokio::test]
async fn what_is_granted_of_some_rows_is_null_in_the_others() {
    for kind in Kind::ALL {
        let guarded = Guarded::start(kind, rules(vec![("staff", policy(mixed()))], &[])).await;
        let ann = guarded.user("ann", "staff");
        let data = guarded.data(&ann, r#"{ note(sort: ["id"]) { id body rating author { name } } }"#).await;
        let row = |id: &str, body: Json, rating: Json, author: Json| json!({ "id": id, "body": body, "rating": rating, "author": author });
        let expected = json!([
            row("1", json!("b1"), json!(10), json!({ "name": "Ann" })),
            row("2", json!("b2"), Json::Null, json!({ "name": "Bob" })),
            row("3", json!("b3"), json!(30), Json::Null),
            row("4", Json::Null, Json::Null, Json::Null),
            row("5", Json::Null, Json::Null, Json::Null),
        ]);
        assert_eq!(data["note"], expected, "{kind:?}");
        // Of fields that no unconditional rule has, only the rows that a rule of theirs is about.
        let data = guarded.data(&ann, "{ note { rating } }").await;
        assert_eq!(data["note"], json!([{ "rating": 10 }, { "rating": 30 }]), "{kind:?}");
        // Another caller shares the plan, not the values.
        let bob = guarded.user("bob", "staff");
        let data = guarded.data(&bob, r#"{ note(sort: ["id"]) { body } }"#).await;
        assert_eq!(data["note"], json!([{ "body": "b1" }, { "body": "b3" }, { "body": "b4" }]), "{kind:?}");
    }
}

#[tokio::test]
async fn a_value_that_is_hidden_cannot_be_guessed() {
    for kind in Kind::ALL {
        let guarded = Guarded::start(kind, rules(vec![("staff", policy(mixed()))], &[])).await;
        let ann = guarded.user("ann", "staff");
        for (query, expected) in [
            (r#"{ note(filter: { body: { _eq: "b4" } }) { id } }"#, json!([])),
            (
                r#"{ note(filter: { body: { _starts_with: "b" } }, sort: ["id"]) { id } }"#,
                json!([{ "id": "1" }, { "id": "2" }, { "id": "3" }]),
            ),
            // What is hidden is as good as null.
            (
                r#"{ note(filter: { body: { _null: true } }, sort: ["id"]) { id } }"#,
                json!([{ "id": "4" }, { "id": "5" }]),
            ),
            (
                r#"{ note(filter: { rating: { _neq: 40 } }, sort: ["id"]) { id } }"#,
                json!([{ "id": "1" }, { "id": "3" }]),
            ),
            (r#"{ note(filter: { author: { name: { _eq: "Ann" } } }) { id } }"#, json!([{ "id": "1" }])),
            (r#"{ note(search: "b4") { id } }"#, json!([])),
            (r#"{ note(search: "b2") { id } }"#, json!([{ "id": "2" }])),
            (r#"{ note(sort: ["-rating", "id"], limit: 2) { id } }"#, json!([{ "id": "3" }, { "id": "1" }])),
        ] {
            let data = guarded.data(&ann, query).await;
            let same = data["note"] == expected
                // Where nulls come first, they are still in the order of their keys.
                || (query.contains("-rating") && data["note"] == json!([{ "id": "2" }, { "id": "4" }]));
            assert!(same, "{kind:?}: {query} {data}");
        }
        let data = guarded.data(&ann, "{ note_aggregated { countAll sum { rating } count { body } } }").await;
        assert_eq!(
            data["note_aggregated"],
            json!([{ "countAll": 5, "sum": { "rating": 40 }, "count": { "body": 3 } }])
        );
        let grouped = guarded.data(&ann, r#"{ note_aggregated(groupBy: ["body"]) { group countAll } }"#).await;
        let texts = grouped["note_aggregated"].to_string();
        assert!(!texts.contains("b4") && !texts.contains("b5"), "{kind:?}: {texts}");
        // Nor is a row found by a key that is hidden.
        let permissions = vec![read("id", json!({ "status": { "_eq": "public" } })), read("title", json!({}))];
        let hidden = Guarded::start(kind, rules(vec![("staff", policy(permissions))], &[])).await;
        let ann_there = hidden.user("ann", "staff");
        let data = hidden.data(&ann_there, "{ note_by_id(id: 1) { title } }").await;
        assert_eq!(data["note_by_id"], json!({ "title": "t1" }), "{kind:?}");
        assert_eq!(hidden.code(&ann_there, "{ note_by_id(id: 2) { title } }").await, "FORBIDDEN", "{kind:?}");
        assert_eq!(guarded.code(&ann, r#"{ note(sort: ["author.name"]) { id } }"#).await, "FORBIDDEN", "{kind:?}");
    }
}

#[tokio::test]
async fn roles_inherit_and_policies_add_up() {
    let policies = vec![
        ("base", policy(vec![read("id title", json!({ "status": { "_eq": "public" } }))])),
        ("editor", policy(vec![read("id body", json!({ "owner": { "_eq": "$CURRENT_USER" } }))])),
        ("public", policy(vec![read("id", json!({ "id": { "_eq": 5 } }))])),
        ("chief", PolicyRules { admin: true, ..PolicyRules::default() }),
    ];
    let guarded = Guarded::start(Kind::Sqlite, rules(policies, &[("editor", Some("base"))])).await;
    let ann = guarded.user("ann", "editor");
    assert_eq!(ann.roles, ["base".into(), "editor".into()].into());
    let data = guarded.data(&ann, r#"{ note(sort: ["id"]) { id title body } }"#).await;
    let row = |id: &str, title: Json, body: Json| json!({ "id": id, "title": title, "body": body });
    let expected = json!([
        row("1", json!("t1"), json!("b1")),
        row("2", Json::Null, json!("b2")),
        row("3", json!("t3"), Json::Null),
    ]);
    assert_eq!(data["note"], expected);
    // Whoever has a role has nothing of the public's; whoever has none has.
    let nobody = guarded.rules.principal(Identity::default());
    assert_eq!(guarded.data(&nobody, "{ note { id } }").await["note"], json!([{ "id": "5" }]));
    assert_eq!(guarded.code(&nobody, "{ note { title } }").await, "GRAPHQL_VALIDATION");
    let without_role = guarded.rules.principal(Identity { user: Some(id("x")), ..Identity::default() });
    assert_eq!(guarded.data(&without_role, "{ note { id } }").await["note"], json!([{ "id": "5" }]));
    assert!(guarded.user("c", "chief").admin);
    // One schema for all who have the same rights.
    let other = guarded.user("bob", "editor");
    assert_eq!(guarded.app.service.sdl(&ann).unwrap(), guarded.app.service.sdl(&other).unwrap());
}

#[tokio::test]
async fn addresses_decide_which_policies_apply() {
    let own = PolicyRules {
        addresses: Addresses::parse(["10.0.0.0/8"]).unwrap(),
        permissions: vec![read("*", json!({}))],
        ..PolicyRules::default()
    };
    let guarded = Guarded::start(Kind::Sqlite, rules(vec![("staff", own)], &[])).await;
    for (ip, sees) in [(Some("10.1.2.3"), true), (Some("11.1.2.3"), false), (None, false)] {
        let ip = ip.map(|ip| ip.parse().unwrap());
        let ann = guarded.rules.principal(Identity { user: Some(id("ann")), role: Some(id("staff")), ip });
        let answer = guarded.run(&ann, "{ note { id } }").await;
        assert_eq!(answer.get("errors").is_none(), sees, "{ip:?}: {answer}");
    }
}

#[tokio::test]
async fn a_rule_about_a_user_that_there_is_not_is_about_rows_without_one() {
    for kind in Kind::ALL {
        let own = read("id", json!({ "owner": { "_eq": "$CURRENT_USER" } }));
        let guarded = Guarded::start(kind, rules(vec![("public", policy(vec![own]))], &[])).await;
        let nobody = guarded.rules.principal(Identity::default());
        assert_eq!(guarded.data(&nobody, "{ note { id } }").await["note"], json!([{ "id": "5" }]), "{kind:?}");
        // In a filter of one's own it stands for nobody.
        let query = r#"{ note(filter: { id: { _eq: "$CURRENT_USER" } }) { id } }"#;
        assert_eq!(guarded.code(&nobody, query).await, "INVALID_QUERY", "{kind:?}");
    }
}

#[tokio::test]
async fn each_field_of_an_update_must_be_granted_for_the_row() {
    for kind in Kind::ALL {
        let update = |fields, rows| permission("note", Action::Update, fields, rows, Json::Null, Json::Null);
        let permissions = vec![
            read("*", json!({})),
            update("status", json!({ "status": { "_eq": "public" } })),
            update("title", json!({ "owner": { "_eq": "$CURRENT_USER" } })),
        ];
        let guarded = Guarded::start(kind, rules(vec![("staff", policy(permissions))], &[])).await;
        let ann = guarded.user("ann", "staff");
        let update = |id: u8, data: &str| {
            format!("mutation {{ update_note_item(id: {id}, data: {{ {data} }}) {{ id title status }} }}")
        };
        for (id, data, allowed) in [
            (1, r#"title: "x", status: "draft""#, true),
            (2, r#"title: "y""#, true),
            (2, r#"title: "z", status: "public""#, false),
            (3, r#"status: "draft""#, true),
            (4, r#"status: "public""#, false),
            (4, r#"title: "z""#, false),
        ] {
            let answer = guarded.run(&ann, &update(id, data)).await;
            let expected = if allowed { Json::Null } else { json!("FORBIDDEN") };
            assert_eq!(answer["errors"][0]["extensions"]["code"], expected, "{kind:?} {id} {data}: {answer}");
        }
        assert_eq!(guarded.code(&ann, &update(1, r#"body: "x""#)).await, "GRAPHQL_VALIDATION");
        let stored = guarded.app.data(r#"{ note(sort: ["id"]) { title status } }"#).await;
        let row = |title: &str, status: &str| json!({ "title": title, "status": status });
        let expected =
            json!([row("x", "draft"), row("y", "draft"), row("t3", "draft"), row("t4", "draft"), row("t5", "draft")]);
        assert_eq!(stored["note"], expected, "{kind:?}");
    }
}

#[tokio::test]
async fn presets_are_laid_under_a_payload_and_validation_is_over_both() {
    for kind in Kind::ALL {
        let create =
            |fields, validation, presets| permission("note", Action::Create, fields, json!({}), validation, presets);
        let policies = vec![
            (
                "base",
                policy(vec![create(
                    "id title",
                    json!({ "rating": { "_lte": 10 } }),
                    json!({ "status": "draft", "rating": 7 }),
                )]),
            ),
            (
                "staff",
                policy(vec![
                    read("*", json!({})),
                    create(
                        "rating",
                        json!({ "title": { "_nnull": true } }),
                        json!({ "owner": "$CURRENT_USER", "status": "new" }),
                    ),
                ]),
            ),
        ];
        let guarded = Guarded::start(kind, rules(policies, &[("staff", Some("base"))])).await;
        let ann = guarded.user("ann", "staff");
        let create =
            |data: &str| format!("mutation {{ create_note_item(data: {{ {data} }}) {{ title status rating owner }} }}");
        let made = guarded.data(&ann, &create(r#"id: 10, title: "x""#)).await;
        let expected = json!({ "title": "x", "status": "new", "rating": 7, "owner": "ann" });
        assert_eq!(made["create_note_item"], expected, "{kind:?}");
        let refused = guarded.run(&ann, &create(r#"id: 11, title: "x", rating: 11"#)).await;
        let extensions = &refused["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "FAILED_VALIDATION", "{kind:?}: {refused}");
        assert_eq!((&extensions["field"], &extensions["type"]), (&json!("rating"), &json!("lte")));
        assert_eq!(extensions["valid"], 10);
        let refused = guarded.code(&ann, &create("id: 12, title: null")).await;
        assert_eq!(refused, "FAILED_VALIDATION", "{kind:?}");
        // Presets may set what the caller may not.
        assert_eq!(guarded.code(&ann, &create(r#"id: 13, title: "x", owner: "bob""#)).await, "GRAPHQL_VALIDATION");
    }
}

#[tokio::test]
async fn rows_are_deleted_by_whichever_rule_they_fall_under() {
    for kind in Kind::ALL {
        let delete = |rows| permission("note", Action::Delete, "*", rows, Json::Null, Json::Null);
        let permissions = vec![
            delete(json!({ "owner": { "_eq": "$CURRENT_USER" } })),
            delete(json!({ "status": { "_eq": "public" } })),
        ];
        let guarded = Guarded::start(kind, rules(vec![("staff", policy(permissions))], &[])).await;
        let ann = guarded.user("ann", "staff");
        let delete = |ids: &str| format!("mutation {{ delete_note_items(ids: [{ids}]) {{ ids }} }}");
        assert_eq!(guarded.code(&ann, &delete("1, 4")).await, "FORBIDDEN", "{kind:?}");
        guarded.data(&ann, &delete("1, 2, 3")).await;
        let left = guarded.app.data(r#"{ note(sort: ["id"]) { id } }"#).await;
        assert_eq!(left["note"], json!([{ "id": "4" }, { "id": "5" }]), "{kind:?}");
    }
}

#[tokio::test]
async fn rules_that_take_others_place_are_in_force_at_once() {
    let guarded = Guarded::start(Kind::Sqlite, rules(vec![("staff", policy(vec![read("id", json!({}))]))], &[])).await;
    let ann = guarded.user("ann", "staff");
    assert_eq!(guarded.code(&ann, "{ note { title } }").await, "GRAPHQL_VALIDATION");
    let more = policy(vec![read("id title", json!({ "id": { "_eq": 1 } }))]);
    let attached = vec![Attached { policy: id("staff"), given: Given::ToRole(id("staff")), sort: None }];
    let roles = HashMap::from([(id("staff"), None)]);
    guarded.rules.replace(RuleSet::new(roles, HashMap::from([(id("staff"), more)]), attached));
    assert_eq!(guarded.data(&ann, "{ note { title } }").await["note"], json!([{ "title": "t1" }]));
}

#[tokio::test]
async fn a_rule_that_cannot_be_used_gives_nothing() {
    let broken = read("*", json!({ "nothing": { "_eq": 1 } }));
    let guarded = Guarded::start(Kind::Sqlite, rules(vec![("staff", policy(vec![broken]))], &[])).await;
    assert_eq!(guarded.code(&guarded.user("ann", "staff"), "{ note { id } }").await, "GRAPHQL_VALIDATION");
}

/// What one caller is told, as JSON.
struct Followed {
    queue: Arc<Queue>,
    _subscription: tidegate::realtime::Subscription,
}

impl Followed {
    async fn open(guarded: &Guarded, principal: &Principal, query: &str) -> Self {
        let request = Request { query: query.into(), variables: Map::new(), operation_name: None };
        let queue = Arc::new(Queue::new(QueueLimits::default()));
        let Opened::Changes(topic) = guarded.app.service.open(principal, request, Allowed::Live).await else {
            panic!("it can be followed")
        };
        let subscription = guarded.app.service.hub().subscribe(topic, &queue, 1).await.expect("it begins");
        Self { queue, _subscription: subscription }
    }

    async fn next(&self) -> Json {
        let taken = timeout(Duration::from_secs(20), self.queue.take(1)).await.expect("something is told in time");
        let Taken::Items(items) = taken else { panic!("the queue is open") };
        match items.into_iter().next() {
            Some((_, Item::Next(next, missed))) => {
                let mut text = Vec::new();
                next.write_answer(missed, &mut text);
                let mut answer: Json = serde_json::from_slice(&text).expect("an answer is JSON");
                answer["data"]["note_mutated"].take()
            }
            Some((_, Item::Ended(ended))) => ended.to_errors()[0]["extensions"].clone(),
            None => panic!("something is told"),
        }
    }
}

#[tokio::test]
async fn each_follower_is_told_what_they_may_see_and_nothing_of_other_rows() {
    for kind in Kind::ALL {
        let permissions = vec![
            read("id title", json!({ "owner": { "_eq": "$CURRENT_USER" } })),
            read("id body", json!({ "status": { "_eq": "public" } })),
        ];
        let guarded = Guarded::start(kind, rules(vec![("staff", policy(permissions))], &[])).await;
        let query = "subscription { note_mutated { key event transition data { title body } } }";
        let ann = Followed::open(&guarded, &guarded.user("ann", "staff"), query).await;
        let bob = Followed::open(&guarded, &guarded.user("bob", "staff"), query).await;
        let update =
            |id: u8, data: &str| format!("mutation {{ update_note_item(id: {id}, data: {{ {data} }}) {{ id }} }}");
        let told = |key: &str, transition: Json, data: Json| json!({ "key": key, "event": "update", "transition": transition, "data": data });
        // Another's, hidden: nobody is told but the owner.
        guarded.app.data(&update(4, r#"title: "x4""#)).await;
        assert_eq!(bob.next().await, told("4", Json::Null, json!({ "title": "x4", "body": null })), "{kind:?}");
        // It becomes public: the other sees what the public may.
        guarded.app.data(&update(4, r#"status: "public""#)).await;
        assert_eq!(bob.next().await, told("4", Json::Null, json!({ "title": "x4", "body": "b4" })), "{kind:?}");
        assert_eq!(ann.next().await, told("4", json!("enter"), json!({ "title": null, "body": "b4" })), "{kind:?}");
        // And hidden again, and gone: of which the other is told no more.
        guarded.app.data(&update(4, r#"status: "draft""#)).await;
        assert_eq!(ann.next().await, told("4", json!("leave"), Json::Null), "{kind:?}");
        guarded.app.data("mutation { delete_note_item(id: 4) { id } }").await;
        guarded.app.data(&update(2, r#"title: "x2""#)).await;
        assert_eq!(ann.next().await, told("2", Json::Null, json!({ "title": "x2", "body": null })), "{kind:?}");
        bob.next().await;
        assert_eq!(bob.next().await["event"], "delete", "{kind:?}");
        // Other rules end what is followed.
        guarded.rules.replace(RuleSet::default());
        guarded.app.service.hub().rules_changed();
        assert_eq!(ann.next().await["reason"], "rules_changed", "{kind:?}");
        assert_eq!(bob.next().await["code"], "RESET", "{kind:?}");
    }
}

#[tokio::test]
async fn a_hidden_foreign_key_shows_from_neither_end() {
    for kind in Kind::ALL {
        let people = permission("person", Action::Read, "*", json!({}), Json::Null, Json::Null);
        let permissions =
            vec![read("id title", json!({})), read("author", json!({ "status": { "_eq": "public" } })), people];
        let guarded = Guarded::start(kind, rules(vec![("staff", policy(permissions))], &[])).await;
        let ann = guarded.user("ann", "staff");
        let data = guarded
            .data(&ann, r#"{ person(sort: ["id"]) { id note(sort: ["id"]) { id } note_func { count } } }"#)
            .await;
        let expected = json!([
            { "id": "1", "note": [{ "id": "1" }, { "id": "3" }], "note_func": { "count": 2 } },
            { "id": "2", "note": [], "note_func": { "count": 0 } },
        ]);
        assert_eq!(data["person"], expected, "{kind:?}");
        for (id, found) in [(1, json!([{ "id": "1" }])), (2, json!([]))] {
            let query = format!("{{ person(filter: {{ note: {{ _some: {{ id: {{ _eq: {id} }} }} }} }}) {{ id }} }}");
            assert_eq!(guarded.data(&ann, &query).await["person"], found, "{kind:?} {id}");
        }
    }
}

#[tokio::test]
async fn a_set_that_is_kept_is_kept_by_the_rules_of_its_follower() {
    for kind in Kind::ALL {
        let own = json!({ "name": { "_eq": "$CURRENT_USER" } });
        let people = permission("person", Action::Read, "*", own, Json::Null, Json::Null);
        let guarded =
            Guarded::start(kind, rules(vec![("staff", policy(vec![read("*", json!({})), people]))], &[])).await;
        let query = r#"subscription { note_mutated(filter: { _or: [{ author: { name: { _eq: "Bob" } } }, { id: { _eq: 5 } }] }) { key } }"#;
        let ann = Followed::open(&guarded, &guarded.user("Ann", "staff"), query).await;
        let bob = Followed::open(&guarded, &guarded.user("Bob", "staff"), query).await;
        for id in [2, 5] {
            guarded
                .app
                .data(&format!("mutation {{ update_note_item(id: {id}, data: {{ rating: 1 }}) {{ id }} }}"))
                .await;
        }
        assert_eq!(bob.next().await["key"], "2", "{kind:?}");
        assert_eq!(bob.next().await["key"], "5", "{kind:?}");
        assert_eq!(ann.next().await["key"], "5", "{kind:?}");
    }
}

#[tokio::test]
async fn what_was_planned_by_other_rules_is_not_followed() {
    let guarded = Guarded::start(Kind::Sqlite, rules(vec![("staff", policy(vec![read("*", json!({}))]))], &[])).await;
    let ann = guarded.user("ann", "staff");
    for query in ["subscription { note_mutated { key } }", "subscription { note_aggregated { countAll } }"] {
        let request = Request { query: query.into(), variables: Map::new(), operation_name: None };
        let Opened::Changes(topic) = guarded.app.service.open(&ann, request, Allowed::Live).await else {
            panic!("it can be followed")
        };
        guarded.app.service.hub().rules_changed();
        let queue = Arc::new(Queue::new(QueueLimits::default()));
        let ended = match guarded.app.service.hub().subscribe(topic, &queue, 1).await {
            Err(ended) => ended,
            Ok(_subscription) => match queue.take(1).await {
                Taken::Items(mut items) => match items.pop() {
                    Some((_, Item::Ended(ended))) => ended,
                    other => panic!("it ends: {other:?}"),
                },
                Taken::Close(reason) => panic!("{reason:?}"),
            },
        };
        assert_eq!(ended.to_errors()[0]["extensions"]["reason"], "rules_changed", "{query}");
    }
}
