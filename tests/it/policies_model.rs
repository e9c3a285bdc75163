//! Random rules, callers and queries, held against an evaluator that looks at all
//! rows in memory and is obviously right: never one value more than is allowed,
//! never one less.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use serde_json::{Map, Value as Json, json};
use tidegate::{
    graphql::{Allowed, Request},
    permissions::{Action, Attached, Fields, Given, Identity, Permission, Policy, PolicyRules, RuleSet},
    principal::{Id, Principal},
    rules::Rules,
};

use crate::support::{Dice, Kind, Settings, TestApp, TestDatabase};

const ROUNDS: u64 = 150;
const ROWS: i64 = 14;
const PEOPLE: [&str; 3] = ["Ann", "Bob", "Cid"];
const FIELDS: [&str; 5] = ["id", "size", "word", "owner", "author"];

type Row = Map<String, Json>;

/// Rows as they are in the database.
fn rows() -> Vec<Row> {
    let mut dice = Dice::new(0x5eed);
    let mut row = |id: i64| {
        let size = if dice.below(5) == 0 { Json::Null } else { json!(dice.below(6)) };
        let owner = [json!("ann"), json!("bob"), Json::Null][dice.below(3) as usize].clone();
        let author = if dice.below(4) == 0 { Json::Null } else { json!(1 + dice.below(3)) };
        let Json::Object(row) = json!({
            "id": id, "size": size, "word": dice.one(&["a", "b", "ab", "ba"]), "owner": owner, "author": author
        }) else {
            unreachable!("it is an object")
        };
        row
    };
    (1..=ROWS).map(&mut row).collect()
}

fn script() -> String {
    let values = rows().into_iter().map(|row| {
        let sql = |value: &Json| value.to_string().replace('"', "'");
        let values: Vec<String> = FIELDS.iter().map(|field| sql(&row[*field])).collect();
        format!("({})", values.join(", "))
    });
    format!(
        "CREATE TABLE person (id INT PRIMARY KEY NOT NULL, name VARCHAR(10));
         INSERT INTO person VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cid');
         CREATE TABLE thing (id INT PRIMARY KEY NOT NULL, size INT, word VARCHAR(10), owner VARCHAR(10), author INT,
             FOREIGN KEY (author) REFERENCES person (id));
         INSERT INTO thing VALUES {};",
        values.collect::<Vec<_>>().join(", ")
    )
}

/// One test of one field: what GraphQL is asked, and whether it holds.
#[derive(Clone, Debug)]
struct Test(&'static str, &'static str, Json);

impl Test {
    fn any(dice: &mut Dice, fields: &[&'static str], is_rule: bool) -> Self {
        let fields: Vec<&'static str> = fields.iter().copied().filter(|field| *field != "author").collect();
        match dice.one(&fields) {
            "word" => Self("word", dice.one(&["_eq", "_neq", "_contains"]), json!(dice.one(&["a", "b", "ab"]))),
            "owner" if is_rule && dice.below(2) == 0 => Self("owner", "_eq", json!("$CURRENT_USER")),
            "owner" => match dice.below(3) {
                0 => Self("owner", "_null", json!(true)),
                _ => Self("owner", dice.one(&["_eq", "_neq"]), json!("ann")),
            },
            "id" => Self("id", dice.one(&["_gt", "_lte"]), json!(dice.below(ROWS as u64))),
            _ => match dice.below(3) {
                0 => Self("size", "_null", json!(dice.below(2) == 0)),
                _ => Self("size", dice.one(&["_gt", "_lte", "_eq", "_neq"]), json!(dice.below(6))),
            },
        }
    }

    fn filter(&self) -> Json {
        json!({ self.0: { self.1: self.2 } })
    }

    fn holds(&self, value: &Json, user: Option<&str>) -> bool {
        let operand = match self.2.as_str() {
            Some("$CURRENT_USER") => match user {
                Some(user) => json!(user),
                // Nobody's are those that have no owner.
                None => return value.is_null(),
            },
            _ => self.2.clone(),
        };
        match self.1 {
            "_null" => value.is_null() == (operand == json!(true)),
            _ if value.is_null() => false,
            "_eq" => *value == operand,
            "_neq" => *value != operand,
            "_contains" => value.as_str().zip(operand.as_str()).is_some_and(|(text, part)| text.contains(part)),
            "_gt" => value.as_i64() > operand.as_i64(),
            "_lte" => value.as_i64() <= operand.as_i64(),
            other => unreachable!("{other}"),
        }
    }
}

/// A rule as the evaluator has it.
#[derive(Clone, Debug)]
struct Rule {
    fields: BTreeSet<&'static str>,
    rows: Option<Test>,
}

impl Rule {
    fn any(dice: &mut Dice) -> Self {
        let fields = if dice.below(4) == 0 { FIELDS.into_iter().collect() } else { dice.some(&FIELDS) };
        Self { fields, rows: (dice.below(4) > 0).then(|| Test::any(dice, &FIELDS, true)) }
    }

    fn holds(&self, row: &Row, user: Option<&str>) -> bool {
        self.rows.as_ref().is_none_or(|test| test.holds(&row[test.0], user))
    }

    fn permission(&self, action: Action) -> Permission {
        Permission {
            collection: "thing".to_owned(),
            action,
            fields: Fields::Only(self.fields.iter().map(|field| (*field).to_owned()).collect::<HashSet<_>>()),
            rows: self.rows.as_ref().map_or(Json::Null, Test::filter),
            validation: Json::Null,
            presets: Map::new(),
        }
    }
}

/// What a caller may see, the obvious way.
struct Model<'a> {
    rules: &'a [Rule],
    user: Option<&'a str>,
}

impl Model<'_> {
    fn allowed(&self) -> Vec<&'static str> {
        FIELDS.into_iter().filter(|field| self.rules.iter().any(|rule| rule.fields.contains(field))).collect()
    }

    /// A value as the caller sees it.
    fn seen(&self, row: &Row, field: &str) -> Json {
        let is_granted = |rule: &Rule| rule.fields.contains(field) && rule.holds(row, self.user);
        if self.rules.iter().any(is_granted) { row[field].clone() } else { Json::Null }
    }

    /// Whether a row is there for who asks for some fields; for all if for none.
    fn is_there(&self, row: &Row, asked: &BTreeSet<&str>) -> bool {
        let counts = |rule: &&Rule| asked.is_empty() || asked.iter().any(|field| rule.fields.contains(field));
        self.rules.iter().filter(counts).any(|rule| rule.holds(row, self.user))
    }
}

/// As GraphQL shows a value.
fn shown(field: &str, value: &Json) -> Json {
    match (field, value) {
        ("id", Json::Number(id)) => json!(id.to_string()),
        (_, value) => value.clone(),
    }
}

fn sorted(mut rows: Vec<Json>) -> Vec<String> {
    let mut texts: Vec<String> = rows.drain(..).map(|row| row.to_string()).collect();
    texts.sort_unstable();
    texts
}

async fn ask(app: &TestApp, caller: &Principal, query: &str) -> Json {
    let request = Request { query: query.into(), variables: Map::new(), operation_name: None };
    let response = app.service.execute(caller, request, Allowed::All).await;
    let mut answer: Json = serde_json::from_slice(&response.body).expect("an answer is JSON");
    assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
    answer["data"].take()
}

/// A filter as GraphQL spells it.
fn spelled(filter: &Json) -> String {
    match filter {
        Json::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name}: {}", spelled(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        other => other.to_string(),
    }
}

async fn never_one_more_and_never_one_less(kind: Kind) {
    let rules = Rules::default();
    let policy = Policy { rules: Some(Arc::new(rules.clone())), ..Policy::default() };
    let data = Arc::new(TestDatabase::create(kind, &script()).await);
    let app = TestApp::start_with(data, Settings { policy, ..Settings::default() }).await;
    let all = rows();
    for seed in 1..=ROUNDS {
        let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let own: Vec<Rule> = (0..1 + dice.below(3)).map(|_| Rule::any(&mut dice)).collect();
        let mut permissions: Vec<Permission> = own.iter().map(|rule| rule.permission(Action::Read)).collect();
        let everything = Rule { fields: BTreeSet::new(), rows: None };
        let people =
            Permission { collection: "person".to_owned(), fields: Fields::All, ..everything.permission(Action::Read) };
        permissions.push(people);
        let id: Id = "p".into();
        let policy = PolicyRules { permissions, ..PolicyRules::default() };
        let attached = ["ann", "bob"].map(|user| Given::ToUser(user.into())).into_iter().chain([Given::ToPublic]);
        let attached = attached.map(|given| Attached { policy: id.clone(), given, sort: None }).collect();
        rules.replace(RuleSet::new(HashMap::new(), HashMap::from([(id, policy)]), attached));
        for user in [Some("ann"), Some("bob"), None] {
            let caller = rules.principal(Identity { user: user.map(Id::from), ..Identity::default() });
            let model = Model { rules: &own, user };
            let context = || format!("{kind:?}, seed {seed}, {user:?}, {own:?}");
            let allowed = model.allowed();
            let test = (allowed != ["author"]).then(|| Test::any(&mut dice, &allowed, false));
            let passes = |row: &Row| test.as_ref().is_none_or(|test| test.holds(&model.seen(row, test.0), user));
            let filter = test.as_ref().map_or(json!({}), Test::filter);
            let filter = spelled(&filter);
            // A list.
            let asked: BTreeSet<&str> = dice.some(&allowed);
            let selection: Vec<String> = asked
                .iter()
                .map(|field| if *field == "author" { "author { name }".to_owned() } else { (*field).to_owned() })
                .collect();
            let query = format!("{{ thing(filter: {filter}, limit: -1) {{ {} }} }}", selection.join(" "));
            let mut found = ask(&app, &caller, &query).await;
            let Json::Array(found) = found["thing"].take() else { panic!("a list") };
            let name = |author: &Json| match author.as_i64() {
                Some(author) => json!({ "name": PEOPLE[author as usize - 1] }),
                None => Json::Null,
            };
            let expected = all.iter().filter(|row| model.is_there(row, &asked) && passes(row)).map(|row| {
                let member = |field: &&str| match *field {
                    "author" => ("author".to_owned(), name(&model.seen(row, "author"))),
                    field => (field.to_owned(), shown(field, &model.seen(row, field))),
                };
                Json::Object(asked.iter().map(member).collect())
            });
            assert_eq!(sorted(found), sorted(expected.collect()), "{query}\n{}", context());
            // Figures.
            let there: Vec<&Row> =
                all.iter().filter(|row| model.is_there(row, &BTreeSet::new()) && passes(row)).collect();
            let mut parts = "countAll".to_owned();
            if allowed.contains(&"size") {
                parts.push_str(" sum { size } count { size }");
            }
            let query = format!("{{ thing_aggregated(filter: {filter}) {{ {parts} }} }}");
            let found = ask(&app, &caller, &query).await["thing_aggregated"][0].take();
            assert_eq!(found["countAll"], there.len(), "{query}\n{}", context());
            if allowed.contains(&"size") {
                let sizes: Vec<i64> = there.iter().filter_map(|row| model.seen(row, "size").as_i64()).collect();
                let sum = if sizes.is_empty() { Json::Null } else { json!(sizes.iter().sum::<i64>()) };
                assert_eq!(
                    (&found["sum"]["size"], &found["count"]["size"]),
                    (&sum, &json!(sizes.len())),
                    "{query}\n{}",
                    context()
                );
            }
            // Groups: of what is hidden there is one, as of what is null.
            if allowed.contains(&"word") {
                let query = format!(
                    "{{ thing_aggregated(groupBy: [\"word\"], filter: {filter}, limit: -1) {{ group countAll }} }}"
                );
                let mut found = ask(&app, &caller, &query).await;
                let Json::Array(found) = found["thing_aggregated"].take() else { panic!("a list") };
                let mut groups: Vec<(Json, usize)> = Vec::new();
                for row in &there {
                    let word = model.seen(row, "word");
                    match groups.iter_mut().find(|(known, _)| *known == word) {
                        Some((_, count)) => *count += 1,
                        None => groups.push((word, 1)),
                    }
                }
                let expected =
                    groups.into_iter().map(|(word, count)| json!({ "group": { "word": word }, "countAll": count }));
                assert_eq!(sorted(found), sorted(expected.collect()), "{query}\n{}", context());
            }
        }
    }
}

#[tokio::test]
async fn readers_on_sqlite_see_what_they_may() {
    never_one_more_and_never_one_less(Kind::Sqlite).await;
}

#[tokio::test]
async fn readers_on_postgresql_see_what_they_may() {
    never_one_more_and_never_one_less(Kind::Postgres).await;
}
