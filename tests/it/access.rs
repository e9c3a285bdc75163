//! What the public may read when it is granted collections, fields and rows:
//! nothing else shows, wherever it is mentioned.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value as Json, json};
use tidegate::{
    permissions::{Fields, Grant, Policy, PublicAccess},
    predicate::{self, Input},
};

use crate::support::{Kind, Settings, TestApp, TestDatabase};

/// People with a secret, their letters, and a pure junction to tags.
const SCRIPT: &str = "
    CREATE TABLE person (id INT PRIMARY KEY NOT NULL, name VARCHAR(20) NOT NULL, secret VARCHAR(20), born DATE);
    CREATE TABLE tag (id INT PRIMARY KEY NOT NULL, name VARCHAR(20) NOT NULL);
    CREATE TABLE letter (id INT PRIMARY KEY NOT NULL, title VARCHAR(20) NOT NULL, open INT NOT NULL, author INT,
        FOREIGN KEY (author) REFERENCES person (id));
    CREATE TABLE letter_tag (letter_id INT NOT NULL, tag_id INT NOT NULL, PRIMARY KEY (letter_id, tag_id),
        FOREIGN KEY (letter_id) REFERENCES letter (id), FOREIGN KEY (tag_id) REFERENCES tag (id));
    INSERT INTO person VALUES (1, 'Ann', 'apple', '1990-01-01'), (2, 'Bob', 'banana', '1980-01-01'),
        (3, 'Cid', 'cherry', '1970-01-01');
    INSERT INTO letter VALUES (1, 'a1', 1, 1), (2, 'a2', 0, 1), (3, 'b1', 0, 2), (4, 'c1', 1, 3);
    INSERT INTO tag VALUES (1, 'red'), (2, 'hidden');
    INSERT INTO letter_tag VALUES (1, 1), (1, 2), (2, 1), (3, 1), (4, 2);";

/// A grant in short: a collection, its fields (`*` for all), its rows.
type Rule = (&'static str, &'static str, Json);

fn fields(names: &str) -> Fields {
    match names {
        "*" => Fields::All,
        names => Fields::Only(names.split(' ').map(str::to_owned).collect()),
    }
}

/// A gateway whose public has these grants.
async fn granted(kind: Kind, rules: &[Rule]) -> TestApp {
    let data = Arc::new(TestDatabase::create(kind, SCRIPT).await);
    let plain = TestApp::start(data.clone()).await;
    let context = predicate::Context { catalog: &plain.catalog, max_depth: 10 };
    let grant = |(name, names, rows): &Rule| {
        let table = plain.catalog.collection(name).expect("there is such a collection");
        let rows = predicate::parse(context, table, &Input::from(rows.clone())).expect("the rule is sound");
        ((*name).to_owned(), Grant { fields: fields(names), rows }.into())
    };
    let public = PublicAccess::Grants(rules.iter().map(grant).collect::<HashMap<_, _>>());
    TestApp::start_with(data, Settings { policy: Policy { public, ..Policy::default() }, ..Settings::default() }).await
}

/// The public's data for a query that must succeed.
async fn public_data(app: &TestApp, query: &str) -> Json {
    let mut reply = app.public_graphql(query).await;
    assert!(reply.body.get("errors").is_none(), "{query}\n{:#}", reply.body);
    reply.body["data"].take()
}

/// A query that the public may not run: nothing is read, and no secret is told.
async fn check_refused(app: &TestApp, query: &str) {
    let (statements, reply) = app.statements_of(app.public_graphql(query)).await;
    assert!(!reply.codes().is_empty(), "{query}\n{:#}", reply.body);
    assert!(reply.body["data"].as_object().is_none_or(|data| data.values().all(Json::is_null)), "{:#}", reply.body);
    assert_eq!(statements, 0, "{query}\n{:#}", reply.body);
    let known = reply.codes().iter().all(|code| ["GRAPHQL_VALIDATION", "FORBIDDEN", "INVALID_QUERY"].contains(code));
    assert!(known, "{query}\n{:#}", reply.body);
}

#[tokio::test]
async fn a_field_that_may_not_be_read_may_not_be_used_either() {
    for kind in Kind::ALL {
        let app = granted(kind, &[("person", "id name letter", json!({})), ("letter", "*", json!({}))]).await;
        let data = public_data(&app, r#"{ person(sort: ["-name"], limit: 1) { id name } }"#).await;
        assert_eq!(data["person"], json!([{ "id": "3", "name": "Cid" }]), "{kind:?}");
        for query in [
            // Selected, through a relation too.
            "{ person { secret } }",
            "{ letter { author { secret } } }",
            "{ person { born_func { year } } }",
            // Filtered, also through relations, quantifiers and functions.
            r#"{ person(filter: { secret: { _eq: "apple" } }) { id } }"#,
            r#"{ person(filter: { _or: [{ _and: [{ secret: { _starts_with: "a" } }] }] }) { id } }"#,
            r#"{ letter(filter: { author: { secret: { _eq: "apple" } } }) { id } }"#,
            r#"{ person(filter: { letter: { _some: { author: { secret: { _eq: "apple" } } } } }) { id } }"#,
            "{ person(filter: { born_func: { year: { _eq: 1990 } } }) { id } }",
            r#"{ person { letter(filter: { author: { secret: { _eq: "apple" } } }) { id } } }"#,
            // Sorted.
            r#"{ person(sort: ["secret"]) { id } }"#,
            r#"{ person(sort: ["-year(born)"]) { id } }"#,
            r#"{ letter(sort: ["author.secret"]) { id } }"#,
            r#"{ person { letter(sort: ["author.secret"]) { id } } }"#,
            // Aggregated, grouped, and sorted by that.
            "{ person_aggregated { count { secret } } }",
            "{ person_aggregated { countDistinct { born } } }",
            r#"{ person_aggregated(groupBy: ["secret"]) { group } }"#,
            r#"{ person_aggregated(groupBy: ["year(born)"]) { group } }"#,
            r#"{ person_aggregated(groupBy: ["name"], sort: ["secret"]) { group } }"#,
            r#"{ person_aggregated(groupBy: ["name"], sort: ["-count.secret"]) { group count { name } } }"#,
            r#"{ person_aggregated(filter: { secret: { _eq: "apple" } }) { countAll } }"#,
        ] {
            check_refused(&app, query).await;
        }
        // Names in variables are no way around it.
        let query = "query Q($f: person_filter, $s: [String]) { person(filter: $f, sort: $s) { id } }";
        for variables in [json!({ "f": { "secret": { "_eq": "apple" } } }), json!({ "s": ["secret"] })] {
            let (statements, reply) =
                app.statements_of(app.post(&json!({ "query": query, "variables": variables }), None)).await;
            assert!(statements == 0 && !reply.codes().is_empty(), "{kind:?}: {:#}", reply.body);
        }
        // A search looks into what may be read.
        let data = public_data(&app, r#"{ a: person(search: "apple") { id } b: person(search: "nn") { id } }"#).await;
        assert_eq!(data, json!({ "a": [], "b": [{ "id": "1" }] }), "{kind:?}");
        let admin = app.data(r#"{ person(search: "apple") { id } }"#).await;
        assert_eq!(admin["person"], json!([{ "id": "1" }]), "{kind:?}");
    }
}

#[tokio::test]
async fn row_rules_hold_at_every_level() {
    for kind in Kind::ALL {
        let open = json!({ "open": { "_eq": 1 } });
        let red = json!({ "name": { "_neq": "hidden" } });
        let rules = [
            ("person", "*", json!({ "id": { "_neq": 3 } })),
            ("letter", "*", open),
            ("tag", "*", red),
            ("letter_tag", "*", json!({})),
        ];
        let app = granted(kind, &rules).await;
        let check = async |query: &str, expected: Json| {
            assert_eq!(public_data(&app, query).await, expected, "{kind:?}: {query}");
        };
        // Lists, and lists in lists.
        check(
            r#"{ person(sort: ["id"]) { id letter { id } } }"#,
            json!({ "person": [{ "id": "1", "letter": [{ "id": "1" }] }, { "id": "2", "letter": [] }] }),
        )
        .await;
        // A relation to a row that is not there for the caller.
        check(
            r#"{ letter(sort: ["id"]) { id author { id } } }"#,
            json!({ "letter": [{ "id": "1", "author": { "id": "1" } }, { "id": "4", "author": null }] }),
        )
        .await;
        // Through the junction.
        check(
            r#"{ letter(sort: ["id"]) { id tag { name } } tag { letter { id } } }"#,
            json!({
                "letter": [{ "id": "1", "tag": [{ "name": "red" }] }, { "id": "4", "tag": [] }],
                "tag": [{ "letter": [{ "id": "1" }] }],
            }),
        )
        .await;
        // Counts and aggregates.
        check(
            r#"{ person(sort: ["id"]) { letter_func { count } } letter_aggregated { countAll } }"#,
            json!({
                "person": [{ "letter_func": { "count": 1 } }, { "letter_func": { "count": 0 } }],
                "letter_aggregated": [{ "countAll": 2 }],
            }),
        )
        .await;
        // Conditions on related rows look at those that are there.
        check(
            r#"{
                some: person(filter: { letter: { _some: { title: { _eq: "b1" } } } }) { id }
                none: person(filter: { letter: { _none: { title: { _eq: "b1" } } } }, sort: ["id"]) { id }
                joined: person(filter: { letter: { title: { _eq: "a2" } } }) { id }
                count: person(filter: { letter_func: { count: { _gt: 1 } } }) { id }
                to: letter(filter: { author: { name: { _eq: "Cid" } } }) { id }
                tagged: letter(filter: { tag: { name: { _eq: "hidden" } } }) { id }
            }"#,
            json!({
                "some": [], "none": [{ "id": "1" }, { "id": "2" }], "joined": [], "count": [], "to": [], "tagged": [],
            }),
        )
        .await;
        // By key: a row that may not be read is as one that does not exist.
        let there = app.public_graphql("{ letter_by_id(id: 1) { title } }").await;
        assert_eq!(there.body, json!({ "data": { "letter_by_id": { "title": "a1" } } }), "{kind:?}");
        let hidden = app.public_graphql("{ letter_by_id(id: 2) { title } }").await;
        let absent = app.public_graphql("{ letter_by_id(id: 9) { title } }").await;
        assert_eq!(hidden.codes(), ["FORBIDDEN"], "{kind:?}");
        assert_eq!(hidden.body, absent.body, "{kind:?}");
        // The administrator sees all, through the same caches.
        let admin =
            app.data("{ letter_aggregated { countAll } person(sort: [\"id\"]) { letter_func { count } } }").await;
        assert_eq!(admin["letter_aggregated"][0]["countAll"], 4, "{kind:?}");
        assert_eq!(admin["person"][0]["letter_func"]["count"], 2, "{kind:?}");
    }
}

#[tokio::test]
async fn relations_to_what_may_not_be_read_are_plain_columns_or_gone() {
    for kind in Kind::ALL {
        let app = granted(kind, &[("letter", "*", json!({}))]).await;
        let data = public_data(&app, r#"{ letter(sort: ["id"], filter: { author: { _eq: 2 } }) { id author } }"#).await;
        assert_eq!(data["letter"], json!([{ "id": "3", "author": 2 }]), "{kind:?}");
        for query in [
            "{ letter { author { id } } }",
            "{ letter { tag { id } } }",
            "{ letter { letter_tag { tag_id } } }",
            "{ letter { tag_func { count } } }",
            r#"{ letter(filter: { author: { name: { _eq: "Ann" } } }) { id } }"#,
            r#"{ letter(filter: { tag: { name: { _eq: "red" } } }) { id } }"#,
            r#"{ letter(filter: { tag_func: { count: { _eq: 1 } } }) { id } }"#,
            r#"{ letter(sort: ["author.name"]) { id } }"#,
            r#"{ letter_aggregated(groupBy: ["author.name"]) { group } }"#,
            "{ letter_aggregated { count { tag } } }",
            "{ person { id } }",
            "{ person_by_id(id: 1) { id } }",
            "{ person_aggregated { countAll } }",
        ] {
            check_refused(&app, query).await;
        }
        let schema = public_data(&app, "{ __schema { types { name } } }").await.to_string();
        assert!(schema.contains("letter_filter") && !schema.contains("person"), "{kind:?}: {schema}");
    }
}

#[tokio::test]
async fn a_many_to_many_relation_needs_its_junction_and_its_columns() {
    for kind in Kind::ALL {
        let all = || json!({});
        // The junction may not be read, or not all of its pairs: no way through it.
        let ends = [("letter", "*", all()), ("tag", "*", all())];
        let half = [&ends[..], &[("letter_tag", "letter_id", all())]].concat();
        for rules in [&ends[..], &half] {
            let app = granted(kind, rules).await;
            for query in [
                "{ letter { tag { id } } }",
                r#"{ letter(filter: { tag: { name: { _eq: "red" } } }) { id } }"#,
                r#"{ letter(filter: { tag: { _some: { name: { _eq: "red" } } } }) { id } }"#,
                "{ letter { tag_func { count } } }",
                r#"{ letter(sort: ["tag.name"]) { id } }"#,
            ] {
                check_refused(&app, query).await;
            }
            let schema = public_data(&app, r#"{ __type(name: "letter") { fields { name } } }"#).await.to_string();
            assert!(!schema.contains("\"tag\""), "{kind:?}: {schema}");
        }
        // Rows of the junction that are not there for the caller are no way either.
        let junction = ("letter_tag", "*", json!({ "letter_id": { "id": { "_eq": 1 } } }));
        let app = granted(kind, &[&ends[..], &[junction]].concat()).await;
        let data = public_data(&app, r#"{ letter(sort: ["id"]) { tag(sort: ["id"]) { id } } }"#).await;
        let none = || json!({ "tag": [] });
        let first = json!({ "tag": [{ "id": "1" }, { "id": "2" }] });
        assert_eq!(data["letter"], json!([first, none(), none(), none()]), "{kind:?}");
        // Where they would have to be counted or filtered, it is refused rather than wrong.
        for query in [
            "{ letter { tag_func { count } } }",
            r#"{ letter(filter: { tag: { name: { _eq: "red" } } }) { id } }"#,
            r#"{ letter(filter: { tag: { _none: { name: { _eq: "red" } } } }) { id } }"#,
        ] {
            check_refused(&app, query).await;
        }
    }
}

#[tokio::test]
async fn a_list_of_children_needs_the_key_that_ties_them_to_their_parents() {
    for kind in Kind::ALL {
        let app = granted(kind, &[("person", "*", json!({})), ("letter", "id title", json!({}))]).await;
        for query in [
            "{ person { letter { id } } }",
            "{ person { letter_func { count } } }",
            r#"{ person(filter: { letter: { _some: { title: { _eq: "x" } } } }) { id } }"#,
            r#"{ person(sort: ["letter.title"]) { id } }"#,
        ] {
            check_refused(&app, query).await;
        }
        let schema = public_data(&app, r#"{ __type(name: "person") { fields { name } } }"#).await.to_string();
        assert!(!schema.contains("letter"), "{kind:?}: {schema}");
    }
}

#[tokio::test]
async fn a_list_whose_key_may_not_be_read_comes_in_the_order_of_the_first_field_that_may() {
    for kind in Kind::ALL {
        let app = granted(kind, &[("letter", "title", json!({}))]).await;
        let data = public_data(&app, "{ letter { title } }").await;
        let titles: Vec<&str> =
            data["letter"].as_array().expect("a list").iter().filter_map(|row| row["title"].as_str()).collect();
        assert!(titles.len() > 1 && titles.is_sorted(), "{kind:?}: {titles:?}");
    }
}
