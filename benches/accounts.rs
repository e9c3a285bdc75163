//! What users cost: the first request of one whose role is known, and of one whose
//! is not; the memory that many users take beside that of their roles' schemas; a
//! rule about rows beside a filter that says the same.
//!
//! `cargo bench --bench accounts` makes a database of its own, starts the gateway
//! in this process and asks it over HTTP. Processor time is the whole process's,
//! the client's share included.
#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::{Value as Json, json};
use tidegate::{Gateway, config};
use tokio::{net::TcpListener, sync::oneshot};

const ROLES: usize = 10;

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    // The client takes whatever cryptography the process has; there is none before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let few = Bench::start(100, 2_000).await?;
    few.first_requests().await?;
    few.row_rule().await?;
    few.stop().await?;
    let many = Bench::start(500, 10_000).await?;
    many.memory().await?;
    many.stop().await
}

struct Bench {
    collections: usize,
    users: usize,
    url: String,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<Result<()>>,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start(collections: usize, users: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("bench.db");
        let tables: String = (0..collections)
            .map(|at| {
                format!(
                    "CREATE TABLE t{at} (id INTEGER PRIMARY KEY, title TEXT NOT NULL, status TEXT, rating INTEGER, body TEXT,
                     owner TEXT, made TEXT, parent INTEGER REFERENCES t{at} (id));"
                )
            })
            .collect();
        let connection = rusqlite::Connection::open(&path)?;
        connection.execute_batch(&tables)?;
        connection.execute_batch(
            "INSERT INTO t0 (title, status, rating) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             SELECT 'title ' || i, CASE WHEN i % 2 THEN 'published' ELSE 'draft' END, i FROM n;",
        )?;
        drop(connection);
        // Makes the system tables.
        gateway(&path).await?.database().close().await;
        fill(&path, collections, users)?;
        let gateway = gateway(&path).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/graphql", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        #[expect(clippy::disallowed_methods, reason = "a bench has no tasks of its own")]
        let running = tokio::spawn(gateway.serve_on(listener, async { drop(stopped.await) }));
        Ok(Self { collections, users, url, client: reqwest::Client::new(), stop, running, _folder: folder })
    }

    async fn stop(self) -> Result<()> {
        drop(self.stop);
        self.running.await?
    }

    async fn ask(&self, user: usize, query: &str) -> Result<usize> {
        let request = self.client.post(&self.url).bearer_auth(format!("token-{user}")).json(&json!({ "query": query }));
        let answer: Json = request.send().await?.json().await?;
        let rows = answer["data"]["t0"].as_array().with_context(|| format!("{answer}"))?;
        Ok(rows.len())
    }

    async fn first_requests(&self) -> Result<()> {
        println!("{} collections, {ROLES} roles; CPU of the process, client included", self.collections);
        let before = cpu()?;
        for user in 0..ROLES {
            self.ask(user, "{ t0(limit: 1) { id } }").await?;
        }
        println!("  the first user of a role    {:>8.2} ms", per(cpu()? - before, ROLES));
        let count = self.users - ROLES;
        let before = cpu()?;
        for user in ROLES..self.users {
            self.ask(user, "{ t0(limit: 1) { id } }").await?;
        }
        println!("  another user, known role    {:>8.3} ms", per(cpu()? - before, count));
        let before = cpu()?;
        for _ in ROLES..self.users {
            self.ask(0, "{ t0(limit: 1) { id } }").await?;
        }
        println!("  a user who was here before  {:>8.3} ms", per(cpu()? - before, count));
        Ok(())
    }

    /// A rule about rows, and a filter of a caller without such a rule.
    async fn row_rule(&self) -> Result<()> {
        const RUNS: usize = 400;
        let ruled = "{ t0(limit: 1000) { id title status rating } }";
        let filtered = r#"{ t0(limit: 1000, filter: { status: { _eq: "published" } }) { id title status rating } }"#;
        let mut spent = [Duration::ZERO; 2];
        for _ in 0..5 {
            for (at, (user, query)) in [(0, ruled), (1, filtered)].into_iter().enumerate() {
                let before = cpu()?;
                for _ in 0..RUNS / 5 {
                    anyhow::ensure!(self.ask(user, query).await? == 1000, "the same rows");
                }
                spent[at] += cpu()? - before;
            }
        }
        println!(
            "  a list of 1,000 rows        {:>8.3} ms by a rule, {:.3} ms by a filter",
            per(spent[0], RUNS),
            per(spent[1], RUNS)
        );
        Ok(())
    }

    async fn memory(&self) -> Result<()> {
        println!("{} collections, {} users of {ROLES} roles", self.collections, self.users);
        let before = resident()?;
        for user in 0..ROLES {
            self.ask(user, "{ t0(limit: 1) { id } }").await?;
        }
        let roles = resident()?;
        for user in ROLES..self.users {
            self.ask(user, "{ t0(limit: 1) { id } }").await?;
        }
        let users = resident()?;
        let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
        println!("  {ROLES} schemas               {:>8.1} MiB", mib(roles.saturating_sub(before)));
        println!("  all users beside them    {:>8.1} MiB", mib(users.saturating_sub(roles)));
        Ok(())
    }
}

async fn gateway(path: &Path) -> Result<Gateway> {
    let url = format!("sqlite:{}", path.display());
    let own = |serve: &mut config::Serve| serve.gateway.metadata = config::Metadata::Directus;
    Gateway::builder().database(url).configure(own).build().await
}

/// Roles with a policy each, which differ, and users of them.
fn fill(path: &Path, collections: usize, users: usize) -> Result<()> {
    let mut connection = rusqlite::Connection::open(path)?;
    let transaction = connection.transaction()?;
    let id = |kind: usize, at: usize| format!("00000000-0000-4000-{:04}-{at:012}", 8000 + kind);
    for role in 0..ROLES {
        let (role_id, policy_id) = (id(1, role), id(2, role));
        transaction.execute("INSERT INTO directus_roles (id, name) VALUES (?1, ?1)", [&role_id])?;
        transaction.execute("INSERT INTO directus_policies (id, name) VALUES (?1, ?1)", [&policy_id])?;
        transaction.execute(
            "INSERT INTO directus_access (id, role, policy) VALUES (?1, ?2, ?3)",
            [&id(3, role), &role_id, &policy_id],
        )?;
        for table in 0..collections {
            let rule = match (table, role) {
                (0, 0) => Some(r#"{"status":{"_eq":"published"}}"#.to_owned()),
                (0, _) => None,
                _ => Some(format!(r#"{{"rating":{{"_gt":{role}}}}}"#)),
            };
            transaction.execute(
                "INSERT INTO directus_permissions (policy, collection, action, fields, permissions) VALUES (?1, ?2, 'read', '*', ?3)",
                rusqlite::params![policy_id, format!("t{table}"), rule],
            )?;
        }
    }
    for user in 0..users {
        transaction.execute(
            "INSERT INTO directus_users (id, email, token, role) VALUES (?1, ?2, ?3, ?4)",
            [&id(4, user), &format!("u{user}@example.com"), &format!("token-{user}"), &id(1, user % ROLES)],
        )?;
    }
    Ok(transaction.commit()?)
}

fn per(spent: Duration, count: usize) -> f64 {
    spent.as_secs_f64() * 1_000.0 / count as f64
}

/// Processor time of the process so far.
fn cpu() -> Result<Duration> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit(')').next().context("it names the process")?.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // A hundred a second, whatever the kernel counts with.
    Ok(Duration::from_millis(ticks * 10))
}

/// Memory that the process holds, in bytes.
fn resident() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split_whitespace().nth(1).context("it has its size")?.parse()?;
    Ok(pages * 4_096)
}
