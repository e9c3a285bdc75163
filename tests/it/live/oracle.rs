//! Many subscribers mirror what they are told while rows change at random and
//! connections break at random; in the end each mirror is what the database
//! says. Whatever is lost, told twice out of order, or told of a row that was
//! not in the set, shows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use tokio::{sync::watch, time::timeout};

use super::desk;
use crate::support::{Kind, Socket, TestApp, TestDatabase};

const MIRRORS: usize = 80;
const WRITERS: u64 = 4;
const WRITES: usize = 120;
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

const FILTERS: [&str; 16] = [
    "{}",
    "{ status: { _eq: \"done\" } }",
    "{ status: { _neq: \"done\" } }",
    "{ words: { _gt: 40 } }",
    "{ words: { _between: [20, 60] } }",
    "{ words: { _null: true } }",
    "{ title: { _contains: \"3\" } }",
    "{ _or: [{ id: { _in: [1, 2, 3, 5, 8, 13] } }, { status: { _eq: \"new\" } }] }",
    "{ title: { _icontains: \"T3\" } }",
    "{ due: { _gte: \"2024-03-01\" } }",
    "{ due_func: { month: { _eq: 2 } } }",
    "{ _and: [{ due: { _null: true } }, { words: { _lte: 40.5 } }] }",
    "{ author: { name: { _eq: \"Ann\" } } }",
    "{ author: { name: { _icontains: \"n\" } } }",
    "{ _or: [{ author: { name: { _eq: \"Bob\" } } }, { words: { _lt: 20 } }] }",
    "{ author: { article: { _some: { words: { _gt: 76 } } } } }",
];

fn payload(dice: &mut Dice) -> String {
    let status = ["draft", "done", "new"][dice.below(3) as usize];
    let words = match dice.below(8) {
        0 => "null".to_owned(),
        _ => dice.below(80).to_string(),
    };
    let (title, author) = (dice.below(50), 1 + dice.below(2));
    let due = match dice.below(5) {
        0 => "null".to_owned(),
        month => format!("\"2024-0{month}-11\""),
    };
    format!("{{ title: \"t{title}\", status: \"{status}\", words: {words}, due: {due}, author: {{ id: {author} }} }}")
}

async fn write_at_random(app: &TestApp, seed: u64) {
    let mut dice = Dice(seed);
    for _ in 0..WRITES {
        let (payload, id, other) = (payload(&mut dice), 1 + dice.below(60), 1 + dice.below(60));
        let mutation = match dice.below(11) {
            10 => {
                let name = ["Ann", "Bob", "Nan"][dice.below(3) as usize];
                format!("update_author_item(id: {}, data: {{ name: \"{name}\" }}) {{ id }}", 1 + dice.below(2))
            }
            0..3 => format!("create_article_item(data: {payload}) {{ id }}"),
            3..7 => format!("update_article_items(ids: [{id}], data: {payload}) {{ id }}"),
            7 => format!("update_article_items(ids: [{id}, {other}], data: {payload}) {{ id }}"),
            8 => format!("create_article_items(data: [{payload}, {payload}]) {{ id }}"),
            _ => format!("delete_article_items(ids: [{id}]) {{ ids }}"),
        };
        app.data(&format!("mutation {{ {mutation} }}")).await;
    }
}

type Rows = BTreeMap<String, Json>;

async fn rows(app: &TestApp, filter: &str) -> Rows {
    let query = format!("{{ article(limit: -1, filter: {filter}) {{ id title words status }} }}");
    let mut data = app.data(&query).await;
    let Json::Array(rows) = data["article"].take() else { panic!("a list") };
    rows.into_iter().map(|row| (row["id"].as_str().expect("a key").to_owned(), row)).collect()
}

/// One subscriber.
struct Mirror<'a> {
    app: &'a TestApp,
    document: String,
    filter: &'static str,
    dice: Dice,
    rows: Rows,
    /// Where it has come to; none if it has to begin anew.
    position: Option<String>,
    resumed: usize,
}

impl Mirror<'_> {
    async fn connect(&mut self) -> Socket {
        let mut socket = Socket::connect(self.app).await;
        if self.position.is_none() {
            self.rows.clear();
        } else {
            self.resumed += 1;
        }
        socket.subscribe_with("1", &self.document, json!({ "after": self.position })).await;
        socket
    }

    /// Takes a message; whether the subscription goes on.
    fn take(&mut self, message: &Json) -> bool {
        if message["type"] == "error" {
            // Said, not silent: it begins anew.
            let code = message["payload"][0]["extensions"]["code"].as_str().expect("a code");
            assert!(["RESET", "SERVICE_UNAVAILABLE"].contains(&code), "{message}");
            self.position = None;
            return false;
        }
        let change = &message["payload"]["data"]["article_mutated"];
        let key = change["key"].as_str().unwrap_or_else(|| panic!("no change: {message}")).to_owned();
        let context = || format!("{}: {change} {:?}", self.filter, self.rows.get(&key));
        let is_known = self.rows.contains_key(&key);
        match (change["event"].as_str(), change["transition"].as_str()) {
            // Of a row that it never had it is told nothing, unless that went while
            // the rows of a set that is kept were read.
            (Some("delete"), None) | (Some("update"), Some("leave")) => {
                assert!(is_known || self.filter.contains("author"), "{}", context());
            }
            (None, None) => assert!(!is_known, "{}", context()),
            _ => {}
        }
        match &change["data"] {
            Json::Null => drop(self.rows.remove(&key)),
            data => drop(self.rows.insert(key, data.clone())),
        }
        self.position = change["position"].as_str().filter(|position| !position.is_empty()).map(str::to_owned);
        true
    }

    async fn run(&mut self, mut finished: watch::Receiver<bool>) {
        let mut socket = self.connect().await;
        loop {
            let until_break = 1 + self.dice.below(40);
            for _ in 0..until_break {
                let message = tokio::select! {
                    message = socket.next() => message,
                    _ = finished.wait_for(|finished| *finished) => {
                        return self.settle(socket).await;
                    }
                };
                if !self.take(&message) {
                    break;
                }
            }
            drop(socket);
            socket = self.connect().await;
        }
    }

    /// Until it is what the database says.
    async fn settle(&mut self, mut socket: Socket) {
        let expected = rows(self.app, self.filter).await;
        while self.rows != expected {
            let message = timeout(PATIENCE, socket.next()).await;
            let message = message.unwrap_or_else(|_| panic!("{}: {:?}\n{expected:?}", self.filter, self.rows));
            if !self.take(&message) {
                socket = self.connect().await;
            }
        }
    }
}

async fn everything_is_told(kind: Kind) {
    let app = TestApp::start(Arc::new(TestDatabase::create(kind, &desk(kind)).await)).await;
    let (finish, finished) = watch::channel(false);
    let mut mirrors: Vec<Mirror<'_>> = (0..MIRRORS)
        .map(|at| {
            let filter = FILTERS[at % FILTERS.len()];
            let shown = "id title words status";
            let document = format!(
                "subscription ($after: String) {{ article_mutated(snapshot: true, after: $after, filter: {filter}) {{
                    key event transition position data {{ {shown} }} }} }}"
            );
            let dice = Dice(0x9e37_79b9 + at as u64 * 7_919);
            Mirror { app: &app, document, filter, dice, rows: Rows::new(), position: None, resumed: 0 }
        })
        .collect();
    let mirroring = join_all(mirrors.iter_mut().map(|mirror| mirror.run(finished.clone())));
    let writing = async {
        join_all((0..WRITERS).map(|writer| write_at_random(&app, 0x2545_f491 + writer * 104_729))).await;
        finish.send_replace(true);
    };
    timeout(3 * PATIENCE, async { tokio::join!(mirroring, writing) }).await.expect("all is told in time");
    let resumed: usize = mirrors.iter().map(|mirror| mirror.resumed).sum();
    assert!(resumed > MIRRORS, "connections broke, and went on: {resumed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_are_true_on_sqlite() {
    everything_is_told(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_are_true_on_postgresql() {
    everything_is_told(Kind::Postgres).await;
}
