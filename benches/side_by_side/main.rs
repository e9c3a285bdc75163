//! The gateway's release binary in one run with others, 32 connections and one,
//! short rounds in turn, because the machine is never quite quiet: five queries
//! against *the floor*, four writes against pgbench.
//! `cargo bench --bench side_by_side -- --help` lists the options.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and starts threads as it needs")]
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod cpu;
mod encode;
mod floor;
mod load;
mod pgbench;
mod queries;
mod report;
mod server;
mod setup;
mod verify;
mod writes;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::load::Connection;
use crate::queries::{NestedKeys, Query};
use crate::report::{Line, Sample};
use crate::server::Server;
use crate::setup::Database;

/// The floor's allocator; the gateway's binary brings the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the gateway against a server written by hand, and its writes
/// against statements written by hand.
#[derive(Parser)]
#[command(name = "side_by_side")]
struct Options {
    #[command(subcommand)]
    role: Option<Role>,
    /// Length of a round in seconds at 32 connections; at one, a third of it. Writes: whole seconds at both
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds for each server, query and concurrency
    #[arg(long, default_value_t = 6)]
    rounds: usize,
    /// Queries and writes to measure
    #[arg(long, value_delimiter = ',', default_values = names(), value_parser = PossibleValuesParser::new(names()))]
    only: Vec<String>,
    /// Connections, one measurement for each number
    #[arg(long, value_delimiter = ',', default_values_t = [32, 1])]
    connections: Vec<usize>,
    /// The gateway's binary; without it the one that cargo has just built
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Leave the gateway out, and with it the writes
    #[arg(long)]
    floor_only: bool,
    /// Leave pgbench out, and with it the writes, which are measured beside nothing else
    #[arg(long)]
    no_pgbench: bool,
    /// Folder of a cluster to make if missing and keep, loaded, for the next run
    #[arg(long)]
    keep: Option<PathBuf>,
    /// A PostgreSQL database to use instead of starting one; the data set is loaded into it
    #[arg(long, env = "BENCH_POSTGRES_URL")]
    postgres_url: Option<String>,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(clap::Subcommand)]
enum Role {
    /// Be the floor (the bench starts itself so)
    #[command(hide = true)]
    Floor {
        #[arg(long)]
        url: String,
        #[arg(long)]
        port: u16,
    },
}

fn names() -> Vec<&'static str> {
    queries::NAMES.into_iter().chain(writes::NAMES).collect()
}

impl Options {
    fn chosen<'a, T>(&self, all: &'a [T], name: impl Fn(&T) -> &str) -> Vec<&'a T> {
        all.iter().filter(|one| self.only.iter().any(|chosen| chosen == name(one))).collect()
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if let Some(Role::Floor { url, port }) = &options.role {
        return floor::run(url, *port);
    }
    if options.rounds == 0 || options.seconds <= 0.0 || options.connections.contains(&0) {
        bail!("rounds, seconds and connections are more than zero");
    }
    // One thread: the servers need the others.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            done = measure_all(options) => done,
        }
    })
}

async fn measure_all(options: &Options) -> Result<()> {
    let database = Database::prepare(options.postgres_url.clone(), options.keep.as_deref())?;
    let queries = options.chosen(&queries::ALL, |query| query.name);
    if !queries.is_empty() {
        measure_queries(options, &database, &queries).await?;
    }
    let writes = options.chosen(&writes::ALL, |write| write.name);
    if !writes.is_empty() && !options.floor_only && !options.no_pgbench {
        writes::measure_all(options, &database, &writes).await?;
    }
    Ok(())
}

async fn start_gateway(options: &Options, database: &Database) -> Result<Server> {
    match &options.gateway {
        Some(binary) => Server::gateway(&binary.canonicalize().context("no such gateway")?, &database.url).await,
        // The profile `bench` is `release`, so this is the release binary.
        None => Server::gateway(env!("CARGO_BIN_EXE_tidegate").as_ref(), &database.url).await,
    }
}

/// What queries are measured with. The servers end with it, before their
/// database.
struct Bench<'a> {
    options: &'a Options,
    gateway: Option<Server>,
    floor: Server,
    nested: NestedKeys,
    database: &'a Database,
}

async fn measure_queries(options: &Options, database: &Database, chosen: &[&Query]) -> Result<()> {
    database.load().await?;
    let nested = database.nested_keys().await?;
    let floor = Server::floor(&database.url).await?;
    let gateway = if options.floor_only { None } else { Some(start_gateway(options, database).await?) };
    let bench = Bench { options, gateway, floor, nested, database };
    for query in chosen {
        bench.verify(query).await.with_context(|| format!("query {}", query.name))?;
    }
    println!("{}", report::header());
    for &connections in &options.connections {
        for query in chosen {
            let line = bench.measure(query, connections).await;
            println!("{}", line.with_context(|| format!("query {}", query.name))?.text());
        }
    }
    println!("{}", report::LEGEND);
    Ok(())
}

/// One of the two servers as the load sees it.
struct Side {
    pid: u32,
    connections: Vec<Connection>,
    requests: Vec<Vec<u8>>,
    samples: Vec<Sample>,
}

impl Bench<'_> {
    async fn gateway(&self, query: &Query, connections: usize) -> Result<Option<Side>> {
        match &self.gateway {
            None => Ok(None),
            Some(gateway) => Side::open(gateway, "/graphql", &query.gateway_bodies(), connections).await.map(Some),
        }
    }

    async fn floor(&self, query: &Query, connections: usize) -> Result<Side> {
        Side::open(&self.floor, query.floor_path, &query.floor_bodies(), connections).await
    }

    async fn verify(&self, query: &Query) -> Result<()> {
        let mut floor = self.floor(query, 1).await?;
        match self.gateway(query, 1).await? {
            None => verify::ask(&mut floor.connections[0], &floor.requests[0]).await.map(drop),
            Some(mut gateway) => {
                let gateway = (&mut gateway.connections[0], &gateway.requests[..]);
                verify::same_answers(gateway, (&mut floor.connections[0], &floor.requests[..])).await
            }
        }
    }

    async fn measure<'q>(&self, query: &'q Query, connections: usize) -> Result<Line<'q>> {
        let seconds = if connections == 1 { self.options.seconds / 3.0 } else { self.options.seconds };
        let length = Duration::from_secs_f64(seconds);
        let mut gateway = self.gateway(query, connections).await?;
        let mut floor = self.floor(query, connections).await?;
        for side in gateway.iter_mut().chain([&mut floor]) {
            load::round(&mut side.connections, &side.requests, length / 2).await?;
        }
        for nth in 0..self.options.rounds {
            // Neither always comes first: what drifts meets both alike.
            let floor_first = nth % 2 == 1;
            if floor_first {
                self.sample(&mut floor, length).await?;
            }
            if let Some(gateway) = &mut gateway {
                self.sample(gateway, length).await?;
            }
            if !floor_first {
                self.sample(&mut floor, length).await?;
            }
        }
        let gateway = gateway.map_or_else(Vec::new, |gateway| gateway.samples);
        let pgbench_tps = self.pgbench(query, connections, seconds)?;
        Ok(Line { query, concurrency: connections, gateway, floor: floor.samples, pgbench_tps })
    }

    async fn sample(&self, side: &mut Side, length: Duration) -> Result<()> {
        let server_before = cpu::process_ms(side.pid)?;
        let postgres_before = self.postgres_ms()?;
        let round = load::round(&mut side.connections, &side.requests, length).await?;
        let postgres_ms = self.postgres_ms()?.zip(postgres_before).map(|(after, before)| after - before);
        side.samples.push(Sample { round, server_ms: cpu::process_ms(side.pid)? - server_before, postgres_ms });
        Ok(())
    }

    fn postgres_ms(&self) -> Result<Option<u64>> {
        self.database.postmaster.map(cpu::family_ms).transpose()
    }

    fn pgbench(&self, query: &Query, connections: usize, seconds: f64) -> Result<Option<f64>> {
        if self.options.no_pgbench {
            return Ok(None);
        }
        let seconds = seconds.ceil().max(1.0) as u64;
        pgbench::tps(&query.pgbench_script(&self.nested), &self.database.url, connections, seconds).map(Some)
    }
}

impl Side {
    async fn open(server: &Server, path: &str, bodies: &[String], connections: usize) -> Result<Side> {
        let requests = bodies.iter().map(|body| server::request(path, body)).collect();
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(Connection::open(server.address).await?);
        }
        Ok(Side { pid: server.pid(), connections: open, requests, samples: Vec::new() })
    }
}
