//! A gateway that is killed in the middle of writing: what it has acknowledged
//! is there, and of what was under way each transaction whole or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value as Json, json};
use tempfile::tempdir;
use tokio::sync::mpsc;

use crate::{
    fuzz::Dice,
    support::{Gateway, Kind, TestDatabase, client, tidegate},
};

const TOKEN: &str = "t";
const CLIENTS: usize = 6;
const ROUNDS: usize = 3;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn schema(kind: Kind) -> String {
    let id = match kind {
        Kind::Sqlite => "INTEGER PRIMARY KEY",
        Kind::Postgres => "SERIAL PRIMARY KEY",
        Kind::MySql => "INT AUTO_INCREMENT PRIMARY KEY",
    };
    format!(
        "CREATE TABLE orders (id {id}, mark VARCHAR(30) NOT NULL, place INT NOT NULL, UNIQUE (mark, place));
         CREATE TABLE lines (id {id}, orders INT NOT NULL REFERENCES orders (id), mark VARCHAR(30) NOT NULL,
           place INT NOT NULL, UNIQUE (mark, place));"
    )
}

/// The rows of one transaction, in each table so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    orders: usize,
    lines: usize,
}

/// One row; one row with others nested in it; several root fields of one
/// transaction, the last with nested rows.
const SHAPES: [Shape; 3] =
    [Shape { orders: 1, lines: 0 }, Shape { orders: 1, lines: 3 }, Shape { orders: 3, lines: 2 }];

impl Shape {
    fn document(self, mark: &str) -> String {
        let line = |place| format!("{{ mark: \"{mark}\", place: {place} }}");
        let lines: Vec<String> = (0..self.lines).map(line).collect();
        let order = |place: usize| {
            let lines = if place + 1 == self.orders { lines.join(", ") } else { String::new() };
            format!(
                "o{place}: create_orders_item(data: {{ mark: \"{mark}\", place: {place}, lines: [{lines}] }}) {{ id }}"
            )
        };
        let orders: Vec<String> = (0..self.orders).map(order).collect();
        let scope = if self.orders > 1 { "@transaction(scope: OPERATION) " } else { "" };
        format!("mutation {scope}{{ {} }}", orders.join(" "))
    }
}

/// What the clients of a gateway that was killed know.
#[derive(Debug, Default)]
struct Known {
    acknowledged: BTreeMap<String, Shape>,
    /// Sent, and never answered.
    in_flight: BTreeMap<String, Shape>,
}

#[tokio::test]
async fn what_was_acknowledged_survives_the_kill_on_sqlite() {
    check(Kind::Sqlite).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_the_kill_on_postgres() {
    check(Kind::Postgres).await;
}

async fn check(kind: Kind) {
    let seed = std::env::var("TEST_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let mut dice = Dice::new(seed);
    let data = TestDatabase::create(kind, &schema(kind)).await;
    let mut known = Known::default();
    for round in 0..ROUNDS {
        let gateway = start(&data);
        let acknowledgements = 1 + dice.roll(150);
        let (acknowledged, in_flight) = load(gateway, round, acknowledgements).await;
        assert!(acknowledged.len() >= acknowledgements, "{acknowledged:?}");
        assert!(in_flight.len() <= CLIENTS, "{in_flight:?}");
        known.acknowledged.extend(acknowledged);
        known.in_flight.extend(in_flight);
        until_nobody_is_connected(&data).await;
        compare(&data, &known).await;
    }
    // Whoever starts it again finds it well.
    let gateway = start(&data);
    let answer = send(&client(), &gateway.base, &SHAPES[2].document("last")).await;
    let answer = answer.expect("it answers");
    assert!(answer.get("errors").is_none(), "{answer}");
    known.acknowledged.insert("last".to_owned(), SHAPES[2]);
    compare(&data, &known).await;
}

fn start(data: &TestDatabase) -> Gateway {
    let folder = tempdir().expect("a folder can be made");
    let mut command = tidegate(folder.path(), &["serve", "--database-url", &data.url]);
    command.env("ADMIN_TOKEN", TOKEN);
    Gateway::start(command)
}

/// Writes from several clients until so many transactions were acknowledged,
/// then kills the gateway.
async fn load(
    gateway: Gateway,
    round: usize,
    acknowledgements: usize,
) -> (BTreeMap<String, Shape>, BTreeMap<String, Shape>) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(write(gateway.base.clone(), format!("{round}-{client}"), tell.clone())))
        .collect();
    drop(tell);
    let mut acknowledged = BTreeMap::new();
    while acknowledged.len() < acknowledgements {
        let (mark, shape) = told.recv().await.expect("the clients write until they are stopped");
        acknowledged.insert(mark, shape);
    }
    // Not to be held up by this thread, which must take what still arrives.
    let killed = tokio::task::spawn_blocking(move || gateway.stop("KILL"));
    while let Some((mark, shape)) = told.recv().await {
        acknowledged.insert(mark, shape);
    }
    let output = killed.await.expect("it can be killed");
    assert_eq!(output.status.code(), None, "it was killed: {output:?}");
    let mut in_flight = BTreeMap::new();
    for client in clients {
        let (mark, shape) = client.await.expect("clients do not panic");
        in_flight.insert(mark, shape);
    }
    (acknowledged, in_flight)
}

/// Writes until there is no answer; what that was.
async fn write(base: String, name: String, tell: mpsc::UnboundedSender<(String, Shape)>) -> (String, Shape) {
    let client = client();
    for number in 0.. {
        let (mark, shape) = (format!("{name}-{number}"), SHAPES[number % SHAPES.len()]);
        match send(&client, &base, &shape.document(&mark)).await {
            Ok(answer) => {
                assert!(answer.get("errors").is_none(), "{answer}");
                tell.send((mark, shape)).expect("somebody listens");
            }
            Err(_) => return (mark, shape),
        }
    }
    unreachable!("there are enough numbers")
}

async fn send(client: &reqwest::Client, base: &str, document: &str) -> reqwest::Result<Json> {
    let request = client.post(format!("{base}/graphql")).bearer_auth(TOKEN).json(&json!({ "query": document }));
    request.timeout(PATIENCE).send().await?.json().await
}

/// The connections of a process that is gone end when the server has noticed;
/// until then it may still carry out what it was told.
async fn until_nobody_is_connected(data: &TestDatabase) {
    if data.kind == Kind::Sqlite {
        return;
    }
    let others = "SELECT count(*) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let watching = async {
        while data.rows(others).await[0][0].as_deref() != Some("0") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, watching).await.expect("the server notices");
}

/// The rows of each mark, by their places.
async fn places(data: &TestDatabase, table: &str) -> BTreeMap<String, BTreeSet<usize>> {
    let mut places: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for row in data.rows(&format!("SELECT mark, place FROM {table}")).await {
        let [Some(mark), Some(place)] = &row[..] else { panic!("{row:?}") };
        let is_new = places.entry(mark.clone()).or_default().insert(place.parse().expect("a number"));
        assert!(is_new, "{table} has {row:?} twice");
    }
    places
}

async fn compare(data: &TestDatabase, known: &Known) {
    let mut found: BTreeMap<String, Shape> = BTreeMap::new();
    let (orders, lines) = (places(data, "orders").await, places(data, "lines").await);
    for (mark, places) in &orders {
        assert!(places.iter().copied().eq(0..places.len()), "{mark}: {places:?}");
        found.insert(mark.clone(), Shape { orders: places.len(), lines: 0 });
    }
    for (mark, places) in &lines {
        assert!(places.iter().copied().eq(0..places.len()), "{mark}: {places:?}");
        found.get_mut(mark).unwrap_or_else(|| panic!("{mark} has lines alone")).lines = places.len();
    }
    for (mark, shape) in &known.acknowledged {
        assert_eq!(found.remove(mark), Some(*shape), "{mark} was acknowledged");
    }
    for (mark, shape) in &found {
        assert_eq!(known.in_flight.get(mark), Some(shape), "{mark} was never acknowledged");
    }
}
