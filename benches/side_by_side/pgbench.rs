//! The same SQL sent by pgbench, for a third opinion on what the database
//! itself can do.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cpu;
use crate::setup::{self, program};

/// How long pgbench runs.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Seconds(u64),
    /// So many runs of the script for each client.
    Runs(u32),
}

/// What pgbench said, and what it took.
pub(crate) struct Run {
    /// Runs of the script.
    pub(crate) transactions: usize,
    /// Without the time that it took to connect.
    pub(crate) per_second: f64,
    /// Processor time of pgbench itself.
    pub(crate) own_ms: u64,
}

/// Scripts per second with prepared statements.
pub(crate) fn tps(script: &str, url: &str, clients: usize, seconds: u64) -> Result<f64> {
    run(script, &[], url, clients, Length::Seconds(seconds)).map(|run| run.per_second)
}

/// Runs a script with prepared statements; variables travel as texts.
pub(crate) fn run(
    script: &str,
    variables: &[(String, String)],
    url: &str,
    clients: usize,
    length: Length,
) -> Result<Run> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("script.sql");
    fs::write(&path, script)?;
    let mut command = Command::new(program("pgbench"));
    command.args(["-n", "-M", "prepared"]);
    command.args(["-c", &clients.to_string(), "-j", &clients.min(2).to_string()]);
    match length {
        Length::Seconds(seconds) => command.args(["-T", &seconds.to_string()]),
        Length::Runs(runs) => command.args(["-t", &runs.to_string()]),
    };
    for (name, value) in variables {
        command.args(["-D", &format!("{name}={value}")]);
    }
    let before = cpu::ended_children_ms()?;
    let output = setup::run(command.arg("-f").arg(&path).arg(url))?;
    let own_ms = cpu::ended_children_ms()? - before;
    let told = |title: &str| {
        let text = output.lines().find_map(|line| line.strip_prefix(title)).map(|rest| rest.split([' ', '/']).next());
        text.flatten().with_context(|| format!("pgbench gave no number: {output}"))
    };
    Ok(Run {
        transactions: told("number of transactions actually processed: ")?.parse()?,
        per_second: told("tps = ")?.parse()?,
        own_ms,
    })
}
