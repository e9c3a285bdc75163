//! Random tables, rows, policies, callers, queries, mutations and subscriptions,
//! held against an evaluator that looks at all rows in memory and is obviously
//! right: never one value more than is allowed, never one less.
//!
//! `TEST_SEED` sets the first seed; `TEST_SEQUENCES` how many follow it.

mod filter;
mod following;
mod reading;
mod rules;
mod world;
mod writing;

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use tidegate::{
    graphql::{Allowed, Request},
    permissions::{Action, Policy},
    principal::Principal,
    rules::Rules,
};

use self::{
    following::Follower,
    reading::{Pick, Question, asked, difference, selection, shown, unordered},
    rules::{CALLERS, Rights, Rulebook, Seen, Who},
    world::{Rows, World},
    writing::{Mutation, Writer},
};
use crate::support::{Dice, Kind, Settings, TestApp, TestDatabase};

/// Databases that are made up.
const SEQUENCES: u64 = 12;
/// Sets of policies for each of them.
const RULEBOOKS: usize = 6;
/// Questions of each kind that each caller asks of each table.
const QUESTIONS: usize = 2;
/// Mutations by each set of policies, and those who follow.
const MUTATIONS: usize = 20;
const FOLLOWERS: usize = 6;

/// What came of it all: a model that expects nothing is always right.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    written: usize,
    refused: usize,
    told: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.written += other.written;
        self.refused += other.refused;
        self.told += other.told;
    }
}

/// A gateway over a database that was made up.
struct Tried {
    app: TestApp,
    rules: Rules,
    world: World,
    rows: Rows,
    /// Keys up to here have been given away.
    fresh: i64,
    tally: Tally,
    /// What to do again to see the same.
    context: String,
}

impl Tried {
    async fn start(kind: Kind, seed: u64, dice: &mut Dice) -> Self {
        let world = World::any(dice);
        let rows = world.rows(dice);
        let rules = Rules::default();
        let policy = Policy { rules: Some(Arc::new(rules.clone())), ..Policy::default() };
        let data = Arc::new(TestDatabase::create(kind, &world.script(kind, &rows)).await);
        let app = TestApp::start_with(data, Settings { policy, ..Settings::default() }).await;
        let context = format!("{kind:?}, TEST_SEED={seed} TEST_SEQUENCES=1\n{:?}", world.tables);
        Self { app, rules, world, rows, fresh: 100, tally: Tally::default(), context }
    }

    async fn run(&self, caller: &Principal, query: &str) -> Json {
        let request = Request { query: query.into(), variables: Map::new(), operation_name: None };
        let response = self.app.service.execute(caller, request, Allowed::All).await;
        serde_json::from_slice(&response.body).expect("an answer is JSON")
    }

    /// Asks everything that a caller may, and some of what not.
    async fn ask(&mut self, dice: &mut Dice, book: &Rulebook) {
        for who in CALLERS {
            let rights = book.rights(who);
            let seen = Seen::new(&self.world, &self.rows, &rights, who.user);
            let caller = self.rules.principal(who.identity());
            let context = || format!("{}\n{who:?} {rights:?}\n{}", self.context, json!(self.rows));
            for table in 0..self.world.tables.len() {
                for _ in 0..QUESTIONS {
                    let questions = [
                        reading::list(dice, &seen, table),
                        reading::by_key(dice, &seen, table),
                        reading::figures(dice, &seen, table),
                    ];
                    for Question { query, answer } in questions.into_iter().flatten() {
                        let mut found = self.run(&caller, &query).await;
                        self.tally.answered += usize::from(answer.is_some());
                        match answer {
                            Some(expected) => {
                                assert!(found.get("errors").is_none(), "{query}\n{found:#}\n{}", context());
                                let difference = difference(&unordered(found["data"].take()), &unordered(expected));
                                assert_eq!(difference, None, "{query}\n{}", context());
                            }
                            None => assert_eq!(
                                found["errors"][0]["extensions"]["code"],
                                "FORBIDDEN",
                                "{query}\n{found:#}\n{}",
                                context()
                            ),
                        }
                    }
                }
                self.pry(&seen, &caller, table, &context).await;
            }
        }
    }

    /// Names what may not be named, and asks what there is.
    async fn pry(&self, seen: &Seen<'_>, caller: &Principal, table: usize, context: &dyn Fn() -> String) {
        let names = &self.world.tables[table];
        let collection = &names.name;
        let query = format!("{{ __type(name: \"{collection}\") {{ fields {{ name }} }} }}");
        let told = self.run(caller, &query).await;
        let told: Vec<&str> = told["data"]["__type"]["fields"]
            .as_array()
            .map(|fields| fields.iter().filter_map(|field| field["name"].as_str()).collect())
            .unwrap_or_default();
        for field in names.fields() {
            let is_allowed = seen.rights.allows(table, Action::Read, field);
            let is_told = told.iter().any(|name| *name == field || *name == format!("{field}_func"));
            assert!(is_allowed || !is_told, "{collection}.{field} is told\n{}", context());
            assert!(is_told || !seen.is_known(table, field), "{collection}.{field} is not told\n{}", context());
            if is_allowed {
                continue;
            }
            let inner = if names.column(field).is_some_and(|_| names.target(field).is_none()) { "" } else { "{ id }" };
            for query in [
                format!("{{ {collection} {{ {field} {inner} }} }}"),
                format!("{{ {collection}(sort: [\"{field}\"]) {{ __typename }} }}"),
                format!("{{ {collection}(filter: {{ {field}: {{ _null: true }} }}) {{ __typename }} }}"),
                format!("{{ {collection}_aggregated(groupBy: [\"{field}\"]) {{ group }} }}"),
            ] {
                let found = self.run(caller, &query).await;
                let code = found["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
                assert!(matches!(code, "GRAPHQL_VALIDATION" | "FORBIDDEN"), "{query}\n{found:#}\n{}", context());
                assert!(found["data"].as_object().is_none_or(Map::is_empty), "{query}\n{found:#}\n{}", context());
            }
        }
    }
}

impl Tried {
    /// Changes rows as one and another, while others follow.
    async fn write(&mut self, dice: &mut Dice, book: &Rulebook) {
        let rights: Vec<(Who, Rights)> = CALLERS.iter().map(|who| (*who, book.rights(*who))).collect();
        let callers: Vec<Principal> = CALLERS.iter().map(|who| self.rules.principal(who.identity())).collect();
        let mut followers = Vec::new();
        for at in 0..FOLLOWERS {
            let (who, rights) = &rights[at % CALLERS.len()];
            let caller = &callers[at % CALLERS.len()];
            let service = &self.app.service;
            followers.extend(Follower::open(dice, service, caller, (*who, rights), &self.world, &self.rows).await);
        }
        let everything = Rights::all(&self.world);
        for _ in 0..MUTATIONS {
            // Half of them by somebody who may do everything, so that much happens.
            let (who, rights, caller) = match dice.below(6) as usize {
                at @ 0..3 => (rights[at].0, &rights[at].1, callers[at].clone()),
                _ => (CALLERS[2], &everything, Principal::admin()),
            };
            self.change(dice, who, rights, &caller).await;
            for follower in &mut followers {
                follower.keep_up(&self.world, &self.rows).await;
            }
        }
        self.tally.told += followers.iter().map(|follower| follower.told).sum::<usize>();
    }

    async fn change(&mut self, dice: &mut Dice, who: Who, rights: &Rights, caller: &Principal) {
        let table = dice.below(self.world.tables.len() as u64) as usize;
        let seen = Seen::new(&self.world, &self.rows, rights, who.user);
        let mutation = Mutation::any(dice, &seen, table, &mut self.fresh);
        let mut writer = Writer { world: &self.world, rights, user: who.user, rows: self.rows.clone() };
        let outcome = writer.run(table, &mutation);
        let after = writer.rows;
        let seen = Seen::new(&self.world, &after, rights, who.user);
        let picks = Pick::some(dice, &seen, table, 1);
        let reads_back = rights.allows(table, Action::Read, "id") && !picks.is_empty();
        let (field, arguments) = mutation.field(&self.world.tables[table].name);
        let shows = match (&mutation, reads_back) {
            (Mutation::Delete(_), _) => "{ ids }".to_owned(),
            (_, true) => format!("{{ {} }}", selection(&picks)),
            (_, false) => String::new(),
        };
        let query = format!("mutation {{ {field}{arguments} {shows} }}");
        let found = self.run(caller, &query).await;
        let context =
            || format!("{query}\n{found:#}\n{outcome:?}\n{}\n{who:?} {rights:?}\n{}", self.context, json!(self.rows));
        match &outcome {
            Err(_) => {
                let code = found["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
                assert!(!code.is_empty() && code != "INTERNAL_SERVER_ERROR", "{}", context());
                self.tally.refused += 1;
            }
            Ok(keys) => {
                let rows = keys
                    .iter()
                    .filter_map(|key| after[table].get(key))
                    .filter(|row| seen.is_there(table, row, &asked(&picks)) && seen.is_seen(table, row, "id"));
                let mut rows: Vec<Json> = rows.map(|row| shown(&seen, table, row, &picks)).collect();
                let expected = match &mutation {
                    Mutation::Delete(keys) => {
                        json!({ "ids": keys.iter().map(ToString::to_string).collect::<Vec<_>>() })
                    }
                    _ if !reads_back => json!(true),
                    Mutation::Update(keys, _) if keys.len() > 1 => rows.into(),
                    Mutation::Create(_) | Mutation::Update(..) => rows.pop().unwrap_or_default(),
                };
                // Written, and out of the writer's sight (contract `graphql.md` 7.2).
                let code = expected.is_null().then_some("FORBIDDEN");
                assert_eq!(found["errors"][0]["extensions"]["code"].as_str(), code, "{}", context());
                let difference = difference(&unordered(found["data"][&field].clone()), &unordered(expected));
                assert_eq!(difference, None, "{}", context());
                self.tally.written += 1;
            }
        }
        let stored = self.stored().await;
        let expected = if outcome.is_ok() { &after } else { &self.rows };
        assert_eq!(difference(&json!(stored), &json!(expected)), None, "{}", context());
        self.rows = stored;
    }

    /// What is in the database.
    async fn stored(&self) -> Rows {
        let mut stored = Rows::new();
        for table in &self.world.tables {
            let picks: Vec<String> = table
                .columns
                .iter()
                .map(|column| match table.target(&column.name) {
                    Some(_) => format!("{} {{ id }}", column.name),
                    None => column.name.clone(),
                })
                .collect();
            let query = format!("{{ {}(limit: -1) {{ {} }} }}", table.name, picks.join(" "));
            let mut answer = self.run(&Principal::admin(), &query).await;
            let Json::Array(rows) = answer["data"][&table.name].take() else { panic!("{answer}") };
            let key = |value: &Json| value.as_str().map(|key| key.parse::<i64>().expect("keys are numbers"));
            let row = |row: &Json| -> world::Row {
                let value = |column: &world::Column| match table.target(&column.name) {
                    Some(_) => json!(key(&row[&column.name]["id"])),
                    None if column.name == "id" => json!(key(&row["id"])),
                    None => row[&column.name].clone(),
                };
                table.columns.iter().map(|column| (column.name.clone(), value(column))).collect()
            };
            stored.push(rows.iter().map(|json| (key(&json["id"]).expect("it has a key"), row(json))).collect());
        }
        stored
    }
}

async fn never_one_more_and_never_one_less(kind: Kind) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("TEST_SEED").unwrap_or(1);
    let mut sum = Tally::default();
    let count = number("TEST_SEQUENCES").unwrap_or(SEQUENCES);
    for seed in first..first + count {
        let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut tried = Tried::start(kind, seed, &mut dice).await;
        for _ in 0..RULEBOOKS {
            let book = Rulebook::any(&mut dice, &tried.world);
            tried.rules.replace(book.to_rules(&tried.world));
            tried.ask(&mut dice, &book).await;
            tried.write(&mut dice, &book).await;
        }
        sum.add(&tried.tally);
    }
    tell(&format!("{kind:?}, TEST_SEED={first} TEST_SEQUENCES={count}: {sum:?}"));
    let least = count as usize * RULEBOOKS;
    assert!(sum.answered > 8 * least && sum.written > 2 * least && sum.refused > least && sum.told > least, "{sum:?}");
}

#[expect(clippy::print_stdout, reason = "the seeds are told with the output of tests")]
fn tell(seeds: &str) {
    println!("{seeds}");
}

#[tokio::test]
async fn nobody_gets_more_or_less_than_they_may_on_sqlite() {
    never_one_more_and_never_one_less(Kind::Sqlite).await;
}

#[tokio::test]
async fn nobody_gets_more_or_less_than_they_may_on_postgresql() {
    never_one_more_and_never_one_less(Kind::Postgres).await;
}
