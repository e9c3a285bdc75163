//! Many subscribers mirror what they are told while rows change at random,
//! connections break at random, some read slowly and the gateway is started anew
//! under them; in the end each mirror is what the database says. Whatever is
//! lost, told twice out of order, or told of a row that was not in the set, shows.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use tidegate::realtime::QueueLimits;
use tokio::{
    sync::{RwLock, watch},
    time::timeout,
};

use super::desk;
use crate::support::{Dice, Kind, Settings, Socket, TestApp, TestDatabase, server_options};

const MIRRORS: usize = 200;
/// Of them those who read slowly.
const SLOW: usize = 6;
/// Writes that a slow one lets pass before it reads again, and what it reads then.
const DOZE: usize = 150;
const WRITERS: u64 = 4;
const WRITES: usize = 120;
/// How often the gateway is started anew.
const RESTARTS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(60);

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
    // Long, so that what a slow reader does not take fills whatever room there is.
    let title = format!("{}{}", dice.below(50), "-".repeat(37));
    let author = 1 + dice.below(2);
    let due = match dice.below(5) {
        0 => "null".to_owned(),
        month => format!("\"2024-0{month}-11\""),
    };
    format!("{{ title: \"t{title}\", status: \"{status}\", words: {words}, due: {due}, author: {{ id: {author} }} }}")
}

/// The gateway, which is another one after each restart.
struct Desk {
    data: Arc<TestDatabase>,
    app: RwLock<TestApp>,
    /// Writes so far; all of them have been made when it says so.
    written: watch::Sender<usize>,
}

impl Desk {
    async fn start(data: &Arc<TestDatabase>) -> TestApp {
        let mut server = server_options();
        server.sockets.init = PATIENCE;
        server.sockets.queue = QueueLimits { items: 256, bytes: 256 << 10 };
        TestApp::start_with(data.clone(), Settings { server: Some(server), ..Settings::default() }).await
    }

    async fn open(kind: Kind) -> Self {
        let data = Arc::new(TestDatabase::create(kind, &desk(kind)).await);
        let app = RwLock::new(Self::start(&data).await);
        Self { data, app, written: watch::channel(0).0 }
    }

    /// Starts it anew a few times while others write.
    async fn restart(&self) {
        let mut written = self.written.subscribe();
        let all = WRITERS as usize * WRITES;
        for round in 1..=RESTARTS {
            // The sender lives as long as the desk.
            let _ = written.wait_for(|written| *written >= round * all / (RESTARTS + 1)).await;
            // Nobody writes meanwhile: a write that is interrupted is not for here.
            let mut app = self.app.write().await;
            let next = Self::start(&self.data).await;
            mem::replace(&mut *app, next).stop().await;
        }
    }
}

async fn write_at_random(desk: &Desk, seed: u64) {
    let mut dice = Dice::new(seed);
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
        desk.app.read().await.data(&format!("mutation {{ {mutation} }}")).await;
        desk.written.send_modify(|written| *written += 1);
    }
}

type Rows = BTreeMap<String, Json>;

async fn rows(desk: &Desk, filter: &str) -> Rows {
    let query = format!("{{ article(limit: -1, filter: {filter}) {{ id title words status }} }}");
    let mut data = desk.app.read().await.data(&query).await;
    let Json::Array(rows) = data["article"].take() else { panic!("a list") };
    rows.into_iter().map(|row| (row["id"].as_str().expect("a key").to_owned(), row)).collect()
}

/// One subscriber.
struct Mirror<'a> {
    desk: &'a Desk,
    document: String,
    filter: &'static str,
    /// It lets many writes pass before it reads again.
    is_slow: bool,
    /// It is told of a row's latest change only.
    is_thinned: bool,
    dice: Dice,
    rows: Rows,
    /// Where it has come to; none if it has to begin anew.
    position: Option<String>,
    seen: Seen,
}

/// What happened to a mirror on its way.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    resumed: usize,
    resets: usize,
    missed: usize,
    too_slow: usize,
}

impl Mirror<'_> {
    fn new(desk: &Desk, at: usize) -> Mirror<'_> {
        let filter = FILTERS[at % FILTERS.len()];
        let is_slow = at >= MIRRORS - SLOW;
        // Those who are slow are told of everything, and at length.
        let filter = if is_slow { "{}" } else { filter };
        let overflow = match at % 3 {
            _ if !is_slow => "close",
            0 => "latest",
            1 => "drop_oldest",
            _ => "close",
        };
        let pads: Vec<String> = (0..190).map(|pad| format!("pad{pad}: title")).collect();
        let shown = format!("id title words status {}", if is_slow { pads.join(" ") } else { String::new() });
        let document = format!(
            "subscription ($after: String) {{
                article_mutated(snapshot: true, after: $after, filter: {filter}, overflow: {overflow}) {{
                    key event transition position data {{ {shown} }} }} }}"
        );
        let dice = Dice::new(0x9e37_79b9 + at as u64 * 7_919);
        let (rows, position, seen) = (Rows::new(), None, Seen::default());
        let is_thinned = overflow != "close";
        Mirror { desk, document, filter, is_slow, is_thinned, dice, rows, position, seen }
    }

    async fn connect(&mut self) -> Socket {
        let app = self.desk.app.read().await;
        let mut socket = Socket::connect(&app).await;
        if self.position.is_none() {
            self.rows.clear();
        } else {
            self.seen.resumed += 1;
        }
        socket.subscribe_with("1", &self.document, json!({ "after": self.position })).await;
        // The same again, for the room that it takes.
        for id in ["2", "3", "4"].iter().filter(|_| self.is_slow) {
            socket.subscribe_with(id, &self.document, json!({ "after": self.position })).await;
        }

        socket
    }

    /// Takes a message; whether the subscription goes on.
    fn take(&mut self, message: Result<Json, (u16, String)>) -> bool {
        let mut message = match message {
            Ok(message) => message,
            Err((code, reason)) => {
                // A gateway that stops, or a client that is too slow: it resumes.
                assert!([1001, 4410, 1006].contains(&code), "{code} {reason}");
                assert!(code != 1006 || self.is_slow, "closed without a word");
                self.seen.too_slow += usize::from(code != 1001);
                return false;
            }
        };
        if message["id"] != "1" {
            return true;
        }
        if message["type"] == "error" {
            // Said, not silent: it begins anew.
            let code = message["payload"][0]["extensions"]["code"].as_str().expect("a code");
            assert!(["RESET", "SERVICE_UNAVAILABLE"].contains(&code), "{message}");
            self.seen.resets += usize::from(code == "RESET");
            self.position = None;
            return false;
        }
        if message["payload"]["extensions"]["missed"].as_u64().is_some_and(|missed| missed > 0) {
            self.seen.missed += 1;
            self.position = None;
            return false;
        }
        let mut change = message["payload"]["data"]["article_mutated"].take();
        let key = change["key"].as_str().unwrap_or_else(|| panic!("no change: {message}")).to_owned();
        if let Some(data) = change["data"].as_object_mut() {
            data.retain(|name, _| !name.starts_with("pad"));
        }
        let context = || format!("{}: {change} {:?}", self.filter, self.rows.get(&key));
        let is_known = self.rows.contains_key(&key);
        match (change["event"].as_str(), change["transition"].as_str()) {
            // Of a row that it never had it is told nothing, unless that went while
            // the rows of a set that is kept were read, or before it was told at all.
            (Some("delete"), None) | (Some("update"), Some("leave")) => {
                assert!(is_known || self.is_thinned || self.filter.contains("author"), "{}", context());
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

    /// Until all has been written.
    async fn run(&mut self) {
        let mut written = self.desk.written.subscribe();
        let all = WRITERS as usize * WRITES;
        let mut socket = self.connect().await;
        loop {
            if self.is_slow {
                let until = (*written.borrow() + DOZE).min(all);
                let _ = written.wait_for(|written| *written >= until).await;
            }
            // Whoever is slow breaks nothing: it sees what becomes of it.
            let until_break = if self.is_slow { DOZE as u64 } else { 1 + self.dice.below(40) };
            let mut goes_on = true;
            for _ in 0..until_break {
                let message = tokio::select! {
                    message = socket.next_or_closed() => message,
                    _ = written.wait_for(|written| *written >= all) => return self.settle(socket).await,
                };
                goes_on = self.take(message);
                if !goes_on {
                    break;
                }
            }
            if !goes_on || !self.is_slow {
                drop(socket);
                socket = self.connect().await;
            }
        }
    }

    /// Until it is what the database says.
    async fn settle(&mut self, mut socket: Socket) {
        let expected = rows(self.desk, self.filter).await;
        while self.rows != expected {
            let message = timeout(PATIENCE, socket.next_or_closed()).await;
            let message = message.unwrap_or_else(|_| panic!("{}: {:?}\n{expected:?}", self.filter, self.rows));
            if !self.take(message) {
                socket = self.connect().await;
            }
        }
    }
}

async fn everything_is_told(kind: Kind) {
    let desk = Desk::open(kind).await;
    let mut mirrors: Vec<Mirror<'_>> = (0..MIRRORS).map(|at| Mirror::new(&desk, at)).collect();
    let mirroring = join_all(mirrors.iter_mut().map(Mirror::run));
    let writing = join_all((0..WRITERS).map(|writer| write_at_random(&desk, 0x2545_f491 + writer * 104_729)));
    timeout(4 * PATIENCE, async { tokio::join!(mirroring, writing, desk.restart()) })
        .await
        .expect("all is told in time");
    let sum = |of: fn(&Seen) -> usize| mirrors.iter().map(|mirror| of(&mirror.seen)).sum::<usize>();
    let seen = Seen {
        resumed: sum(|seen| seen.resumed),
        resets: sum(|seen| seen.resets),
        missed: sum(|seen| seen.missed),
        too_slow: sum(|seen| seen.too_slow),
    };
    assert!(seen.resumed > MIRRORS && seen.resets > MIRRORS && seen.missed > 0 && seen.too_slow > 0, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_are_true_on_sqlite() {
    everything_is_told(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_are_true_on_postgresql() {
    everything_is_told(Kind::Postgres).await;
}
