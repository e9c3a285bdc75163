//! What attackers cost a neighbour: the median and the slowest hundredth of a small
//! query, alone and beside each attack, in alternating rounds.
//!
//! `cargo bench --bench hostile` (`-- log-ins` for one of them) makes a database of its own and starts the gateway
//! in this process; attackers and neighbour share its processors.
#![expect(clippy::print_stdout, reason = "it prints what it measures")]
#![expect(clippy::disallowed_methods, reason = "a bench spawns and takes the time as it needs")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use serde_json::{Value as Json, json};
use tidegate::{Gateway, config};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

const TOKEN: &str = "neighbour";
const ROUNDS: usize = 5;
const QUERIES: usize = 100;
/// Attackers of a kind at a time.
const ATTACKERS: usize = 8;
/// Connections that are held open by those who send no whole request.
const HELD: usize = 400;

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    // The client takes whatever cryptography the process has; there is none before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.db");
    rusqlite::Connection::open(&path)?.execute_batch(include_str!("../schema/demo.sql"))?;
    let url = format!("sqlite:{}", path.display());
    let own = |serve: &mut config::Serve| {
        serve.gateway.metadata = config::Metadata::Directus;
        // Log-ins as often as anybody wishes.
        (serve.auth.accounts.login_rate, serve.auth.accounts.login_stall) = (None, Duration::ZERO);
    };
    let gateway = Gateway::builder().configure(own).database(url).admin_token(TOKEN).build().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(gateway.serve_on(listener, async { drop(stopped.await) }));
    println!("{:<34} {:>18} {:>18}", "a neighbour beside", "p50 (ratio)", "p99 (ratio)");
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |what: &str| wanted.is_empty() || wanted.iter().any(|wanted| what.contains(&**wanted));
    for attack in attacks().into_iter().filter(|attack| is_wanted(attack.what())) {
        measure(&address, &attack).await?;
    }
    drop(stop);
    running.await?
}

/// What attackers do.
enum Attack {
    /// They post this again and again.
    Post { what: &'static str, path: &'static str, body: Json },
    /// They send this and wait.
    Hold { what: &'static str, text: String },
}

impl Attack {
    fn what(&self) -> &'static str {
        match self {
            Self::Post { what, .. } | Self::Hold { what, .. } => what,
        }
    }
}

fn attacks() -> Vec<Attack> {
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n";
    let aliases: String = (0..3_000).map(|at| format!("a{at}: articles {{ id }} ")).collect();
    let graphql = |what, body| Attack::Post { what, path: "/graphql", body };
    let wide = json!({ "_or": vec![json!({ "title": { "_icontains": "x" } }); 5_000] });
    let deep = "{ articles(limit: 100000) { comments(limit: 100000) { id } } }";
    vec![
        Attack::Hold { what: "bodies half sent", text: format!("{head}{}", "x".repeat(100_000)) },
        Attack::Hold { what: "heads without an end", text: "POST /graphql HTTP/1.1\r\nX: ".to_owned() },
        graphql("aliases", json!({ "query": format!("{{ {aliases} }}") })),
        graphql("brackets", json!({ "query": "{".repeat(100_000) })),
        graphql("cost", json!({ "query": deep })),
        graphql(
            "a wide filter",
            json!({ "query": "query Q($f: articles_filter) { articles(filter: $f) { id } }", "variables": { "f": wide } }),
        ),
        graphql("a body of nothing", json!({ "query": "{ a }", "variables": { "a": vec![0; 200_000] } })),
        Attack::Post {
            what: "log-ins",
            path: "/auth/login",
            body: json!({ "email": "nobody@example.com", "password": "wrong" }),
        },
    ]
}

/// Prints a neighbour's times beside an attack, and what they are to those alone.
async fn measure(address: &str, attack: &Attack) -> Result<()> {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.extend(neighbour(address).await?);
        let mut attackers = begin(address, attack).await?;
        beside.extend(neighbour(address).await?);
        attackers.abort_all();
        while attackers.join_next().await.is_some() {}
    }
    let at = |times: &mut Vec<Duration>, part: f64| {
        times.sort_unstable();
        times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3
    };
    let pair = |part: f64, alone: &mut Vec<Duration>, beside: &mut Vec<Duration>| {
        let (alone, beside) = (at(alone, part), at(beside, part));
        format!("{beside:.2} ms ({:.2})", beside / alone)
    };
    let (p50, p99) = (pair(0.5, &mut alone, &mut beside), pair(0.99, &mut alone, &mut beside));
    println!("{:<34} {p50:>18} {p99:>18}", attack.what());
    Ok(())
}

async fn neighbour(address: &str) -> Result<Vec<Duration>> {
    let client = Client::new();
    let mut times = Vec::with_capacity(QUERIES);
    for _ in 0..QUERIES {
        let start = Instant::now();
        let query = json!({ "query": "{ articles(limit: 10) { id title } }" });
        let request = client.post(format!("http://{address}/graphql")).bearer_auth(TOKEN).json(&query);
        let answer: Json = request.send().await?.json().await?;
        times.push(start.elapsed());
        ensure!(answer["data"]["articles"].is_array(), "{answer}");
    }
    Ok(times)
}

async fn begin(address: &str, attack: &Attack) -> Result<JoinSet<()>> {
    let mut attackers = JoinSet::new();
    match attack {
        Attack::Post { path, body, .. } => {
            let (url, text) = (format!("http://{address}{path}"), body.to_string());
            for _ in 0..ATTACKERS {
                let (client, url, text) = (Client::new(), url.clone(), text.clone());
                let is_login = *path == "/auth/login";
                attackers.spawn(async move {
                    loop {
                        let request = client.post(&url).header("content-type", "application/json").body(text.clone());
                        let request = if is_login { request } else { request.bearer_auth(TOKEN) };
                        if request.send().await.is_err() {
                            return;
                        }
                    }
                });
            }
        }
        Attack::Hold { text, .. } => {
            for _ in 0..HELD {
                let mut stream = TcpStream::connect(address).await.context("it listens")?;
                stream.write_all(text.as_bytes()).await?;
                attackers.spawn(async move {
                    let _open = stream;
                    std::future::pending::<()>().await;
                });
            }
        }
    }
    Ok(attackers)
}
