//! One write at a time, rounds of the gateway and of pgbench in turn.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Write, report, report::Line, tables::Tables};
use crate::load::{self, Round};
use crate::pgbench::{self, Length};
use crate::report::{Sample, middle};
use crate::server::Server;
use crate::setup::Database;
use crate::{Options, Side, cpu, verify};

/// How often pgbench is started to learn what that alone costs.
const STARTS: usize = 5;

/// Measures writes and prints a line for each.
pub(crate) async fn measure_all(options: &Options, database: &Database, writes: &[&Write]) -> Result<()> {
    let tables = Tables::make(database).await?;
    // It reads once, at its start, what tables there are.
    let gateway = crate::start_gateway(options, database).await?;
    let mut bench = Bench { options, gateway, database, tables };
    for write in writes {
        bench.verify(write).await.with_context(|| format!("write {}", write.name))?;
    }
    println!("{}", report::header());
    for &connections in &options.connections {
        for write in writes {
            let line = bench.measure(write, connections).await;
            println!("{}", line.with_context(|| format!("write {}", write.name))?.text());
        }
    }
    println!("{}", report::LEGEND);
    Ok(())
}

struct Bench<'a> {
    options: &'a Options,
    gateway: Server,
    database: &'a Database,
    tables: Tables,
}

/// What it costs to start pgbench, to connect its clients and to let each run
/// the script once.
struct Start {
    transactions: usize,
    own_ms: u64,
    postgres_ms: u64,
}

impl Bench<'_> {
    /// Both leave the same behind.
    async fn verify(&mut self, write: &Write) -> Result<()> {
        self.tables.reset(write).await?;
        let mut side = self.side(write, 1).await?;
        verify::ask(&mut side.connections[0], &side.requests[0]).await.context("the gateway")?;
        let given = self.tables.trace(write).await?;
        self.tables.reset(write).await?;
        self.run_pgbench(write, 1, Length::Runs(1))?;
        let wanted = self.tables.trace(write).await?;
        ensure!(given.is_some() && given == wanted, "the gateway wrote {given:?}, pgbench {wanted:?}");
        Ok(())
    }

    async fn measure<'w>(&mut self, write: &'w Write, connections: usize) -> Result<Line<'w>> {
        // pgbench counts in whole seconds.
        let seconds = self.options.seconds.ceil();
        let mut gateway = self.side(write, connections).await?;
        self.tables.reset(write).await?;
        load::round(&mut gateway.connections, &gateway.requests, Duration::from_secs_f64(seconds / 2.0)).await?;
        let start = self.start(write, connections).await?;
        let mut pgbench = Vec::with_capacity(self.options.rounds);
        for nth in 0..self.options.rounds {
            // Neither always comes first: what drifts meets both alike.
            let pgbench_first = nth % 2 == 1;
            if pgbench_first {
                pgbench.push(self.sample_pgbench(write, connections, seconds, &start).await?);
            }
            self.sample_gateway(write, &mut gateway, seconds).await?;
            if !pgbench_first {
                pgbench.push(self.sample_pgbench(write, connections, seconds, &start).await?);
            }
        }
        Ok(Line { write, concurrency: connections, gateway: gateway.samples, pgbench })
    }

    async fn side(&self, write: &Write, connections: usize) -> Result<Side> {
        Side::open(&self.gateway, "/graphql", &write.bodies(), connections).await
    }

    async fn sample_gateway(&mut self, write: &Write, side: &mut Side, seconds: f64) -> Result<()> {
        self.tables.reset(write).await?;
        let own_before = cpu::process_ms(side.pid)?;
        let postgres_before = self.postgres_ms()?;
        let round = load::round(&mut side.connections, &side.requests, Duration::from_secs_f64(seconds)).await?;
        let postgres_ms = self.postgres_ms()?.zip(postgres_before).map(|(after, before)| after - before);
        side.samples.push(Sample { round, server_ms: cpu::process_ms(side.pid)? - own_before, postgres_ms });
        Ok(())
    }

    async fn sample_pgbench(
        &mut self,
        write: &Write,
        connections: usize,
        seconds: f64,
        start: &Start,
    ) -> Result<Sample> {
        self.tables.reset(write).await?;
        let postgres_before = self.postgres_ms()?;
        let run = self.run_pgbench(write, connections, Length::Seconds(seconds as u64))?;
        let postgres_ms = self.postgres_ms()?.zip(postgres_before).map(|(after, before)| after - before);
        let round = Round {
            requests: run.transactions.saturating_sub(start.transactions),
            // The speed is that without the time to connect.
            seconds: run.transactions.saturating_sub(start.transactions) as f64 / run.per_second,
            // pgbench tells the mean only.
            p50_ms: f64::NAN,
            p99_ms: f64::NAN,
        };
        let postgres_ms = postgres_ms.map(|ms| ms.saturating_sub(start.postgres_ms));
        Ok(Sample { round, server_ms: run.own_ms.saturating_sub(start.own_ms), postgres_ms })
    }

    /// The gateway keeps its connections, pgbench opens new ones for each
    /// round. That is no part of writing, and is taken off.
    async fn start(&mut self, write: &Write, connections: usize) -> Result<Start> {
        let (mut own, mut postgres) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            self.tables.reset(write).await?;
            let before = self.postgres_ms()?.unwrap_or(0);
            let run = self.run_pgbench(write, connections, Length::Runs(1))?;
            own.push(run.own_ms as f64);
            postgres.push((self.postgres_ms()?.unwrap_or(0) - before) as f64);
        }
        let middle = |values| middle(values).unwrap_or(0.0).round() as u64;
        Ok(Start { transactions: connections, own_ms: middle(own), postgres_ms: middle(postgres) })
    }

    fn run_pgbench(&self, write: &Write, clients: usize, length: Length) -> Result<pgbench::Run> {
        pgbench::run(write.script, &write.variables(), &self.database.url, clients, length)
    }

    fn postgres_ms(&self) -> Result<Option<u64>> {
        self.database.postmaster.map(cpu::family_ms).transpose()
    }
}
