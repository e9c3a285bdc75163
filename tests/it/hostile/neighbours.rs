//! Whoever attacks, a neighbour is answered: while the attack is under way and
//! before any of it is done. (How long that takes, `benches/hostile.rs` tells.)

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    task::{JoinHandle, JoinSet},
};

use crate::support::{Kind, NOTES, Reply, Served, Settings, Socket, TOKEN, TestApp, TestDatabase, followed};

/// Attackers at a time.
const MANY: usize = 100;

async fn music() -> TestApp {
    TestApp::start_with(TestDatabase::music(Kind::Sqlite).await, Settings::default()).await
}

/// What a neighbour does: reads by key and by list, each on a connection of its own.
async fn neighbour(app: &TestApp) {
    for key in 1..=20 {
        let client = crate::support::client();
        let query = format!("{{ artist_by_id(id: {key}) {{ id }} track(limit: 20) {{ id name }} }}");
        let request = client.post(app.url("/graphql")).bearer_auth(TOKEN).json(&json!({ "query": query }));
        let reply = Reply::of(request).await;
        assert_eq!(reply.body["data"]["artist_by_id"]["id"], key.to_string(), "{:#}", reply.body);
    }
}

/// Connections on which something has been sent that is no whole request.
async fn unfinished(app: &TestApp, bytes: &str) -> Vec<TcpStream> {
    let open = (0..MANY).map(async |_| {
        let mut stream = TcpStream::connect(app.address).await.expect("it listens");
        stream.write_all(bytes.as_bytes()).await.expect("it reads");
        stream
    });
    join_all(open).await
}

/// Whether nothing has come on a connection, not even its end.
fn is_pending(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test]
async fn requests_that_never_end_hold_nobody_up() {
    let app = music().await;
    let head = |more: &str| {
        format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n{more}"
        )
    };
    let half = "x".repeat(200_000);
    let attacks = [
        // A head without an end, a body of which half has come, pieces without a last one.
        head("X: "),
        head(&format!("Content-Length: 900000\r\n\r\n{{\"query\":\"{half}")),
        head(&format!("Transfer-Encoding: chunked\r\n\r\n30d40\r\n{half}\r\n")),
        "GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-Web".to_owned(),
    ];
    for attack in attacks {
        let held = unfinished(&app, &attack).await;
        neighbour(&app).await;
        assert!(held.iter().all(is_pending), "{}", &attack[..attack.len().min(200)]);
    }
}

#[tokio::test]
async fn sockets_that_say_nothing_hold_nobody_up() {
    let app = music().await;
    let silent = join_all((0..MANY).map(|_| Socket::silent(&app))).await;
    neighbour(&app).await;
    let mut own = Socket::connect(&app).await;
    own.subscribe("1", "subscription { artist_mutated { key } }").await;
    followed(&app, 1).await;
    drop(silent);
}

/// Logins that are answered when the test is over: their work is done at once, and
/// then they wait.
async fn floods(served: &Arc<Served>) -> (JoinSet<()>, Arc<AtomicUsize>) {
    let (mut flood, answered) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for at in 0..MANY {
        let (served, answered) = (served.clone(), answered.clone());
        flood.spawn(async move {
            let email = if at % 2 == 0 { "admin@example.com".to_owned() } else { format!("nobody{at}@example.com") };
            served.try_log_in(&email, "wrong").await;
            answered.fetch_add(1, Ordering::Relaxed);
        });
    }
    (flood, answered)
}

#[tokio::test]
async fn floods_of_logins_hold_up_nobody_who_is_in() {
    for kind in Kind::ALL {
        let data = Arc::new(TestDatabase::create(kind, NOTES).await);
        let plain = Served::over(data.clone()).await;
        let admin = plain.admin().await;
        let static_token = r#"mutation { update_users_me(data: { token: "neighbour" }) { id } }"#;
        plain.system(&admin, static_token).await;
        drop(plain);
        let served = Served::over_with(data, |serve| {
            serve.auth.accounts.login_stall = Duration::from_secs(3_600);
            // Dear enough that the flood's work is not done before the neighbour's.
            serve.auth.accounts.hash.memory = 32_768;
        });
        let served = Arc::new(served.await);
        let (mut flood, answered) = floods(&served).await;
        // It has begun when the database was asked for somebody.
        while served.app.database.statements_sent() == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            let notes = served.notes(Some("neighbour")).await;
            assert_eq!(notes.body["data"]["note"][0]["title"], "one", "{kind:?} {:#}", notes.body);
        }
        assert_eq!(answered.load(Ordering::Relaxed), 0, "{kind:?}");
        flood.abort_all();
        while flood.join_next().await.is_some() {}
    }
}

/// Sends what is refused again and again, until it is told to stop; how often that was.
fn again_and_again(
    app: &Arc<TestApp>,
    body: Json,
    stop: &Arc<AtomicBool>,
    refused: &Arc<AtomicUsize>,
) -> JoinHandle<()> {
    let (app, stop, refused) = (app.clone(), stop.clone(), refused.clone());
    tokio::spawn(async move {
        while !stop.load(Ordering::Relaxed) {
            let reply = app.post(&body, Some(TOKEN)).await;
            assert!(!reply.codes().is_empty(), "{:#}", reply.body);
            refused.fetch_add(1, Ordering::Relaxed);
        }
    })
}

#[tokio::test]
async fn bombs_without_end_hold_nobody_up() {
    let app = Arc::new(music().await);
    let aliases: String = (0..3_000).map(|at| format!("a{at}: artist {{ id }} ")).collect();
    let doubling: String =
        (0..60).map(|at| format!("fragment F{at} on artist {{ id ...F{0} ...F{0} }} ", at + 1)).collect();
    let bombs = [
        json!({ "query": format!("{{ {aliases} }}") }),
        json!({ "query": format!("{{ artist {{ ...F0 }} }} {doubling} fragment F60 on artist {{ name }}") }),
        json!({ "query": "{".repeat(100_000) }),
        json!({ "query": "{ artist(limit: 1000000) { album(limit: 1000000) { track(limit: 1000000) { id } } } }" }),
        json!({ "query": "query Q($f: artist_filter) { artist(filter: $f) { id } }",
                "variables": { "f": { "_or": vec![json!({ "name": { "_icontains": "x" } }); 5_000] } } }),
        json!({ "query": "{ a }", "variables": { "a": vec![0; 100_000] } }),
    ];
    let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let attackers: Vec<_> = bombs.into_iter().map(|bomb| again_and_again(&app, bomb, &stop, &refused)).collect();
    // The attack is under way, and goes on all the while.
    while refused.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let before = app.database.statements_sent();
    neighbour(&app).await;
    assert!(attackers.iter().all(|attacker| !attacker.is_finished()));
    stop.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.await.expect("each of them was refused");
    }
    // Two statements for each of the neighbour's requests, none for the attack.
    assert_eq!(app.database.statements_sent() - before, 40);
}

#[tokio::test]
async fn streams_that_nobody_reads_hold_nobody_up() {
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, NOTES).await);
    let app = TestApp::start(data).await;
    let follow = json!({ "query": "subscription { note_mutated { key data { title } } }" });
    let open = (0..20).map(async |_| {
        let request = app.request(Method::POST, "/graphql").bearer_auth(TOKEN).header("accept", "text/event-stream");
        request.json(&follow).send().await.expect("it answers")
    });
    let unread = join_all(open).await;
    let mut own = Socket::connect(&app).await;
    own.subscribe("1", "subscription { note_mutated { key } }").await;
    followed(&app, 21).await;
    for id in 3..300 {
        app.data(&format!("mutation {{ create_note_item(data: {{ id: {id}, title: \"new\" }}) {{ id }} }}")).await;
        assert_eq!(own.change("1").await, json!({ "key": id.to_string() }));
    }
    drop(unread);
}
