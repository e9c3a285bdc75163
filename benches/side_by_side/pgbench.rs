//! The same SQL sent by pgbench, for a third opinion on what the database
//! itself can do.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::{program, run};

/// Scripts per second with prepared statements.
pub(crate) fn tps(script: &str, url: &str, clients: usize, seconds: u64) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("script.sql");
    fs::write(&path, script)?;
    let output = run(Command::new(program("pgbench"))
        .args(["-n", "-M", "prepared"])
        .args(["-c", &clients.to_string(), "-j", &clients.min(2).to_string(), "-T", &seconds.to_string()])
        .arg("-f")
        .arg(&path)
        .arg(url))?;
    let tps = output.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.with_context(|| format!("pgbench gave no number: {output}"))
}
