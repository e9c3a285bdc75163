//! Processor time of processes, from `/proc`. On a machine with neighbours it
//! says more than the clock.

use std::fs;

use anyhow::{Context, Result};

/// The kernel counts for programs in hundredths of a second.
const MS_PER_TICK: u64 = 10;

/// Milliseconds that a process has used, in all its threads.
pub(crate) fn process_ms(pid: u32) -> Result<u64> {
    let times = read(pid).with_context(|| format!("process {pid} cannot be measured"))?;
    Ok(times.own * MS_PER_TICK)
}

/// Milliseconds that a process and its children have used, those that have
/// ended included.
pub(crate) fn family_ms(pid: u32) -> Result<u64> {
    let parent = read(pid).with_context(|| format!("process {pid} cannot be measured"))?;
    let mut ticks = parent.own + parent.ended_children;
    for entry in fs::read_dir("/proc")? {
        let Some(child) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the listing and the reading.
        if let Some(times) = read(child).filter(|times| times.parent == pid) {
            ticks += times.own;
        }
    }
    Ok(ticks * MS_PER_TICK)
}

/// Milliseconds that children of this process have used that have ended and
/// been waited for.
pub(crate) fn ended_children_ms() -> Result<u64> {
    let times = read(std::process::id()).context("this process cannot be measured")?;
    Ok(times.ended_children * MS_PER_TICK)
}

struct Times {
    parent: u32,
    own: u64,
    ended_children: u64,
}

fn read(pid: u32) -> Option<Times> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything; the fields after it count from 3.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Times {
        parent: field(4)?.try_into().ok()?,
        own: field(14)? + field(15)?,
        ended_children: field(16)? + field(17)?,
    })
}
