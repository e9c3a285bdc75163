//! What is fuzzed: functions that take any bytes, and fail where something does
//! not hold. `fuzz_targets` runs them over bytes that are made up, the ordinary
//! tests over `corpus`.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use futures_util::FutureExt as _;
use serde_json::{Map, Value as Json};
use tidegate::{
    auth::{self, Authenticator, Credentials},
    catalog::{self, Catalog, Dialect},
    db::{self, Database},
    events::Position,
    graphql::{Limits, Planner, Request},
    permissions::{Identity, Policy},
    predicate::{self, Context, Input},
    principal::Principal,
    rules::{self, Rules},
};

const SCHEMA: &str = include_str!("../tests/golden/schema.sql");

/// Somebody who may see some rows of some collections, and some fields of others.
const RULES: &str = r#"
[roles]
reader = {}

[policies.reading]
roles = ["reader"]

[[policies.reading.permissions]]
collection = "articles"
actions = ["read", "update"]
fields = ["id", "title", "status", "author", "comments", "tags", "meta"]
rows = { status = { _eq = "published" } }

[[policies.reading.permissions]]
collection = "articles"
actions = ["read"]
fields = ["*"]
rows = { id = { _eq = 1 } }

[[policies.reading.permissions]]
collection = "comments"
actions = ["read", "create", "delete"]
rows = { article = { status = { _eq = "published" } } }
"#;

/// What is planned for.
struct Ground {
    catalog: Arc<Catalog>,
    planners: Vec<Planner>,
    callers: Vec<Principal>,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let known = rules::parse(RULES, rules::Syntax::Toml, |_| None).expect("the rules are well formed");
    let catalogs = catalogs();
    assert_eq!(known.faults(&catalogs[0]), [""; 0]);
    let rules = Rules::new(known);
    let reader = rules.principal(Identity { user: None, role: Some("reader".into()), ip: None });
    let policy = Policy { rules: Some(Arc::new(rules)), ..Policy::default() };
    let planner = |catalog: &Arc<Catalog>| Planner::new(catalog.clone(), policy.clone(), Limits::default());
    let planners = catalogs.iter().map(planner).collect();
    Ground { catalog: catalogs[0].clone(), planners, callers: vec![Principal::admin(), reader, Principal::public()] }
});

/// The tables as each dialect has them, as SQLite tells them.
fn catalogs() -> Vec<Arc<Catalog>> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("ground.db");
    let file = rusqlite::Connection::open(&path).expect("a database can be made");
    file.execute_batch(SCHEMA).expect("the schema is SQL");
    let options = db::Options {
        url: format!("sqlite:{}", path.display()),
        max_connections: 1,
        acquire_timeout: std::time::Duration::from_secs(10),
        connect_timeout: std::time::Duration::from_secs(10),
        statement_timeout: std::time::Duration::ZERO,
        schemas: Vec::new(),
    };
    let introspecting = async {
        let database = Database::connect(options).await?;
        let facts = database.introspect().await?;
        database.close().await;
        Ok::<_, db::Error>(facts)
    };
    // On a thread of its own: a test's has a runtime already.
    let reading = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
        runtime.block_on(introspecting).expect("the database can be read")
    });
    let facts = reading.join().expect("reading does not panic");
    let serving = catalog::Options::default();
    [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite]
        .map(|dialect| Arc::new(Catalog::build(dialect, &facts, &serving)))
        .into()
}

/// A filter in JSON, of each collection: it is a predicate, the same each time, or
/// refused.
pub fn filter(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Json>(bytes) else { return };
    let catalog = &*GROUND.catalog;
    let input = Input::from(json);
    for table in &catalog.tables {
        let read = || predicate::parse(Context { catalog, max_depth: 10 }, table, &input);
        match (read(), read()) {
            (Ok(one), Ok(other)) => assert_eq!(one, other),
            (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
            (one, other) => panic!("{one:?} and then {other:?}"),
        }
    }
}

/// A document, and behind a zero byte its variables: for each kind of caller and of
/// database it has statements, or is refused with a reason. Asked again, when its
/// plan is known, it has the same.
pub fn document(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (query, variables) = text.split_once('\0').unwrap_or((text, ""));
    let variables: Map<String, Json> = serde_json::from_str(variables).unwrap_or_default();
    for planner in &GROUND.planners {
        for caller in &GROUND.callers {
            let request = Request { query: Cow::Borrowed(query), variables: variables.clone(), operation_name: None };
            let explain = || planner.explain(caller, &request).now_or_never();
            match (explain(), explain()) {
                (Some(Ok(one)), Some(Ok(other))) => assert_eq!(one, other),
                (Some(Err(one)), Some(Err(other))) => {
                    assert_eq!(one, other);
                    assert!(!one.is_empty() && one.iter().all(|message| !message.is_empty()));
                }
                // Large documents are planned on another thread.
                (None, _) | (_, None) => {}
                (one, other) => panic!("{one:?} and then {other:?}"),
            }
        }
    }
}

/// A token, and a position in the log: nobody is let in, and whatever is a position
/// is written as it was read.
pub fn credentials(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string(), text);
    }
    let secret = "a secret of which no letter stands in any corpus".to_owned();
    let options = auth::Options { admin_token: Some(secret), ..auth::Options::default() };
    let authenticator = Authenticator::new(options);
    let bearer = format!("Bearer {text}");
    for credentials in [
        Credentials { authorization: Some(text), ..Credentials::default() },
        Credentials { authorization: Some(&bearer), ..Credentials::default() },
        Credentials { access_token: Some(text), ..Credentials::default() },
        Credentials { authorization: Some(text), access_token: Some(text), cookie: Some(text) },
    ] {
        let known = authenticator.authenticate(credentials, None, None).now_or_never();
        if let Ok(principal) = known.expect("nobody else has to be asked") {
            assert!(!principal.admin && principal.user.is_none() && principal.policies.is_empty());
        }
    }
}
