//! Why an answer is as it is, told to administrators: by `extensions.explain` and
//! by the command.

use std::{fs, sync::Arc};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tidegate::gateway::Gateway;

use crate::support::{Kind, TOKEN, TestApp, TestDatabase, output, text, tidegate};

const SCRIPT: &str = "
    CREATE TABLE person (id INT PRIMARY KEY NOT NULL, name VARCHAR(20));
    CREATE TABLE note (id INT PRIMARY KEY NOT NULL, title VARCHAR(20), body VARCHAR(20), owner VARCHAR(10), author INT,
        FOREIGN KEY (author) REFERENCES person (id));
    INSERT INTO person VALUES (1, 'Ann'), (2, 'Bob');
    INSERT INTO note VALUES (1, 't1', 'b1', 'ann', 1), (2, 't2', 'b2', 'bob', 2), (3, 't3', 'b3', NULL, NULL);";

const RULES: &str = r#"
    [roles.staff]
    [[users]]
    id = "ann"
    role = "staff"
    token = "the-token-of-ann"
    [policies.staff]
    roles = ["staff"]
    [[policies.staff.permissions]]
    collection = "note"
    actions = ["read"]
    fields = ["id", "title", "author"]
    rows = { id = { _lt = 3 } }
    [[policies.staff.permissions]]
    collection = "note"
    actions = ["read"]
    fields = ["body"]
    rows = { owner = { _eq = "$CURRENT_USER" } }
    [[policies.staff.permissions]]
    collection = "note"
    actions = ["create"]
    fields = ["id", "title"]
    presets = { owner = "$CURRENT_USER" }
    [[policies.staff.permissions]]
    collection = "person"
    actions = ["read"]
    fields = ["*"]
"#;

struct Explained {
    app: TestApp,
    folder: TempDir,
}

impl Explained {
    async fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let rules = folder.path().join("rules.toml");
        fs::write(&rules, RULES).expect("a file can be written");
        let data = Arc::new(TestDatabase::create(kind, SCRIPT).await);
        let builder = Gateway::builder().configure(|serve| serve.gateway.rules = Some(rules));
        Self { app: TestApp::embedded(data, builder).await, folder }
    }

    async fn post(&self, query: &str, explain: Json, token: &str) -> Json {
        self.app.post(&json!({ "query": query, "extensions": { "explain": explain } }), Some(token)).await.body
    }

    /// The data of an answer, and how it came about.
    async fn explain(&self, query: &str, explain: Json) -> (Json, Json) {
        let mut body = self.post(query, explain, TOKEN).await;
        assert!(body.get("errors").is_none(), "{query}\n{body:#}");
        (body["data"].take(), body["extensions"]["explain"].take())
    }
}

fn part<'e>(explained: &'e Json, path: &str) -> &'e Json {
    let parts = explained["plan"].as_array().expect("there is a plan");
    parts.iter().find(|part| part["path"] == path).unwrap_or_else(|| panic!("{path}: {explained:#}"))
}

#[tokio::test]
async fn a_query_tells_its_rights_and_statements() {
    for kind in Kind::ALL {
        let explained = Explained::start(kind).await;
        let query = "{ mine: note(sort: \"id\") { title body author { name } } note_aggregated { count { body } } }";
        let (data, told) = explained.explain(query, json!({ "user": "ann" })).await;
        let ann = json!([
            { "title": "t1", "body": "b1", "author": { "name": "Ann" } },
            { "title": "t2", "body": null, "author": { "name": "Bob" } }
        ]);
        assert_eq!(data["mine"], ann, "{kind:?}");
        assert_eq!(told["as"]["user"], "ann", "{kind:?}: {told:#}");
        let mine = part(&told, "mine");
        assert_eq!(mine["rights"]["rows"], "id < 3 or owner = $CURRENT_USER", "{kind:?}");
        assert_eq!(mine["rights"]["fields"]["body"], "owner = $CURRENT_USER", "{kind:?}");
        assert_eq!((&mine["runs"][0]["rows"], &mine["runs"][1]), (&json!(2), &Json::Null), "{kind:?}: {mine:#}");
        assert!(mine["statement"].as_str().is_some_and(|text| text.contains("CASE WHEN")), "{kind:?}: {mine:#}");
        assert!(mine["runs"][0]["ms"].is_number() && told["ms"]["run"].is_number(), "{kind:?}: {told:#}");
        let author = part(&told, "mine.author");
        assert_eq!(
            (&author["rights"]["rows"], &author["runs"][0]["rows"]),
            (&json!("all rows"), &json!(2)),
            "{kind:?}"
        );
        let figures = part(&told, "note_aggregated");
        assert_eq!(figures["rights"]["rows"], "id < 3 or owner = $CURRENT_USER", "{kind:?}");
        assert_eq!(figures["runs"][0]["rows"], 1, "{kind:?}: {figures:#}");
        // An administrator's own has nothing added.
        let (data, told) = explained.explain("{ note { id } }", json!(true)).await;
        assert_eq!(data["note"].as_array().map(Vec::len), Some(3), "{kind:?}");
        assert_eq!(part(&told, "note")["rights"], "everything", "{kind:?}");
    }
}

#[tokio::test]
async fn a_mutation_of_ones_own_is_done_and_anothers_is_planned() {
    for kind in Kind::ALL {
        let explained = Explained::start(kind).await;
        let create =
            |id: u8| format!("mutation {{ create_note_item(data: {{ id: {id}, title: \"t\" }}) {{ title }} }}");
        let (data, told) = explained.explain(&create(10), json!({ "role": "staff" })).await;
        assert!(data.is_null() && told.get("statements").is_none(), "{kind:?}: {told:#}");
        let grants = &part(&told, "create_note_item")["rights"];
        assert_eq!(grants["grants"][0]["fields"], json!(["id", "title"]), "{kind:?}");
        assert_eq!(grants["presets"]["owner"], "$CURRENT_USER", "{kind:?}");
        let (data, told) = explained.explain(&create(11), json!(true)).await;
        assert_eq!(data["create_note_item"]["title"], "t", "{kind:?}");
        let statements = told["statements"].as_array().expect("it writes");
        let inserts = |one: &&Json| one["statement"].as_str().is_some_and(|text| text.starts_with("INSERT"));
        assert_eq!(statements.iter().filter(inserts).count(), 1, "{kind:?}: {told:#}");
        let there = explained.app.data("{ note(filter: { id: { _gt: 9 } }) { id } }").await;
        assert_eq!(there["note"], json!([{ "id": "11" }]), "{kind:?}");
    }
}

#[tokio::test]
async fn a_subscription_tells_why_changes_were_told_or_not() {
    for kind in Kind::ALL {
        let explained = Explained::start(kind).await;
        for change in [
            "update_note_item(id: 1, data: { title: \"x1\" }) { id }",
            "update_note_item(id: 2, data: { title: \"x2\" }) { id }",
            "update_note_item(id: 3, data: { title: \"x3\" }) { id }",
            "create_note_item(data: { id: 0, title: \"x\" }) { id }",
            "delete_note_item(id: 0) { id }",
        ] {
            explained.app.data(&format!("mutation {{ {change} }}")).await;
        }
        let why = async |query: &str| {
            let (_, told) = explained.explain(query, json!({ "user": "ann" })).await;
            let changes = told["changes"].as_array().expect("there were changes").clone();
            changes
                .iter()
                .map(|one| (one["told"].clone(), one["why"].as_str().unwrap_or_default().to_owned()))
                .collect()
        };
        let told: Vec<(Json, String)> =
            why("subscription { note_mutated(filter: { title: { _eq: \"x2\" } }) { data { title } } }").await;
        let [first, second, third, created, deleted] = &told[..] else { panic!("{kind:?}: {told:?}") };
        assert_eq!(
            first,
            &(json!(false), "the filter does not hold of the row, before or after".to_owned()),
            "{kind:?}"
        );
        assert_eq!(second, &(json!(true), "the row is followed from then on: enter".to_owned()), "{kind:?}");
        let unseen = "the row may not be seen, neither as it was nor as it is: id < 3";
        assert_eq!(third, &(json!(false), unseen.to_owned()), "{kind:?}");
        assert_eq!((&created.0, &deleted.0), (&json!(false), &json!(false)), "{kind:?}");
        let told: Vec<(Json, String)> =
            why("subscription { note_mutated(event: delete) { key data { title } } }").await;
        assert_eq!(told[0], (json!(false), "another event is asked for".to_owned()), "{kind:?}");
        assert_eq!(told[4], (json!(true), "the row is followed".to_owned()), "{kind:?}");
        // Its parts: what is followed, and what is shown of a row.
        let (_, parts) =
            explained.explain("subscription { note_mutated { data { title } } }", json!({ "user": "ann" })).await;
        let kinds: Vec<&Json> = parts["plan"].as_array().expect("a plan").iter().map(|part| &part["kind"]).collect();
        assert_eq!(kinds, ["followed", "read"], "{kind:?}: {parts:#}");
        // Where other rows have a say, what was then is not known any more.
        let by_author =
            "subscription { note_mutated(filter: { author: { name: { _eq: \"Ann\" } } }) { data { title } } }";
        let told: Vec<(Json, String)> = why(by_author).await;
        assert_eq!(
            (&told[0].0, &told[1].0, &told[2].0),
            (&json!(true), &Json::Null, &json!(false)),
            "{kind:?}: {told:?}"
        );
    }
}

#[tokio::test]
async fn nobody_else_is_told() {
    let explained = Explained::start(Kind::Sqlite).await;
    let code = async |explain: Json, token: &str| {
        explained.post("{ note { id } }", explain, token).await["errors"][0]["extensions"]["code"].clone()
    };
    assert_eq!(code(json!(true), "the-token-of-ann").await, "FORBIDDEN");
    assert_eq!(code(json!({ "user": "nobody" }), TOKEN).await, "INVALID_QUERY");
    assert_eq!(code(json!({ "role": "nobody" }), TOKEN).await, "INVALID_QUERY");
    assert_eq!(code(json!({ "user": "ann", "public": true }), TOKEN).await, "INVALID_PAYLOAD");
    assert_eq!(code(json!({ "whom": "ann" }), TOKEN).await, "INVALID_PAYLOAD");
    assert_eq!(code(json!("yes"), TOKEN).await, "INVALID_PAYLOAD");
    let reply = explained.post("{ note { id } }", json!(false), "the-token-of-ann").await;
    assert!(reply.get("extensions").is_none(), "{reply:#}");
}

#[tokio::test]
async fn the_command_prints_it() {
    for kind in Kind::ALL {
        let explained = Explained::start(kind).await;
        let url = &explained.app.data.url;
        let run = |more: &[&str]| {
            let all = ["explain", "--database-url", url, "--rules", "rules.toml"];
            output(tidegate(explained.folder.path(), &[&all[..], more].concat()))
        };
        let asked = run(&["{ note(sort: \"id\") { title body } }", "--user", "ann"]);
        let said = text(&asked.stdout);
        assert!(asked.status.success(), "{kind:?}: {said}{}", text(&asked.stderr));
        for line in [
            "as user ann\nby policies staff\n",
            "\nnote  read note\n  rows: id < 3 or owner = $CURRENT_USER\n  title only where id < 3\n  body only where owner = $CURRENT_USER\n  | SELECT ",
            "\n  2 rows in ",
        ] {
            assert!(said.contains(line), "{kind:?}: {line}\n{said}");
        }
        let variables = r#"{"id":2}"#;
        let asked = run(&["query($id: ID!) { note_by_id(id: $id) { title } }", "--variables", variables, "--json"]);
        let said: Json = serde_json::from_slice(&asked.stdout).expect("it is JSON");
        assert_eq!(said["data"]["note_by_id"]["title"], "t2", "{kind:?}: {said:#}");
        let asked = run(&["{ nothing }", "--public"]);
        assert_eq!(asked.status.code(), Some(1), "{kind:?}");
        let said = text(&asked.stdout);
        assert!(said.starts_with("error GRAPHQL_VALIDATION: "), "{kind:?}: {said}");
        assert!(said.ends_with("\nas the public\nby no policy\n"), "{kind:?}: {said}");
        let asked = run(&["{ note { id } }", "--user", "nobody"]);
        assert!(text(&asked.stderr).contains("there is no such active user"), "{kind:?}: {}", text(&asked.stderr));
    }
}
