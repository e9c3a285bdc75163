//! Random tables, rows, policies, callers, queries, mutations and subscriptions,
//! held against an evaluator that looks at all rows in memory and is obviously
//! right: never one value more than is allowed, never one less.
//!
//! `TEST_SEED` sets the first seed; `TEST_SEQUENCES` how many follow it.

mod filter;
mod reading;
mod rules;
mod world;

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use tidegate::{
    graphql::{Allowed, Request},
    permissions::{Action, Policy},
    principal::Principal,
    rules::Rules,
};

use self::{
    reading::{Question, difference, unordered},
    rules::{CALLERS, Rulebook, Seen},
    world::{Rows, World},
};
use crate::support::{Dice, Kind, Settings, TestApp, TestDatabase};

/// Databases that are made up.
const SEQUENCES: u64 = 12;
/// Sets of policies for each of them.
const RULEBOOKS: usize = 6;
/// Questions of each kind that each caller asks of each table.
const QUESTIONS: usize = 2;

/// A gateway over a database that was made up.
struct Tried {
    app: TestApp,
    rules: Rules,
    world: World,
    rows: Rows,
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
        Self { app, rules, world, rows, context }
    }

    async fn run(&self, caller: &Principal, query: &str) -> Json {
        let request = Request { query: query.into(), variables: Map::new(), operation_name: None };
        let response = self.app.service.execute(caller, request, Allowed::All).await;
        serde_json::from_slice(&response.body).expect("an answer is JSON")
    }

    /// Asks everything that a caller may, and some of what not.
    async fn ask(&self, dice: &mut Dice, book: &Rulebook) {
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

async fn never_one_more_and_never_one_less(kind: Kind) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("TEST_SEED").unwrap_or(1);
    for seed in first..first + number("TEST_SEQUENCES").unwrap_or(SEQUENCES) {
        let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let tried = Tried::start(kind, seed, &mut dice).await;
        for _ in 0..RULEBOOKS {
            let book = Rulebook::any(&mut dice, &tried.world);
            tried.rules.replace(book.to_rules(&tried.world));
            tried.ask(&mut dice, &book).await;
        }
    }
}

#[tokio::test]
async fn nobody_gets_more_or_less_than_they_may_on_sqlite() {
    never_one_more_and_never_one_less(Kind::Sqlite).await;
}

#[tokio::test]
async fn nobody_gets_more_or_less_than_they_may_on_postgresql() {
    never_one_more_and_never_one_less(Kind::Postgres).await;
}
