//! The numbers of the writes, one line per write and concurrency.

use super::Write;
use crate::report::{Sample, latencies, median, number, processor, ratio, write_cell};

/// What one write came to at one concurrency.
pub(super) struct Line<'a> {
    pub(super) write: &'a Write,
    pub(super) concurrency: usize,
    /// In step with `pgbench`.
    pub(super) gateway: Vec<Sample>,
    pub(super) pgbench: Vec<Sample>,
}

pub(super) const LEGEND: &str = "\
req/s, p50, p99: medians of the rounds; ratios: medians over pairs of rounds, gateway to pgbench
cpu: milliseconds per 1,000 requests, of the gateway or of pgbench itself + of PostgreSQL
pgbench: the best statements by hand, prepared; its start and its connecting are taken off
PostgreSQL as started here: fsync, synchronous_commit and full_page_writes off, no autovacuum";

const TITLES: [(&str, usize); 8] = [
    ("gateway/s", 11),
    ("pgbench/s", 11),
    ("ratio", 7),
    ("gateway p50/p99 ms", 20),
    ("gateway cpu", 17),
    ("pgbench cpu", 17),
    ("cpu ratio", 11),
    ("target", 17),
];

pub(super) fn header() -> String {
    let mut text = format!("{:<14}{:>4}", "write", "conn");
    for (title, width) in TITLES {
        write_cell(&mut text, width, title);
    }
    text
}

impl Line<'_> {
    pub(super) fn text(&self) -> String {
        let known = self.gateway.iter().chain(&self.pgbench).all(|sample| sample.postgres_ms.is_some());
        // Without the database's part the other one says nothing.
        let cpu = ratio(&self.gateway, &self.pgbench, Sample::cpu).filter(|_| known);
        let cells = [
            number(median(&self.gateway, Sample::per_second), 0),
            number(median(&self.pgbench, Sample::per_second), 0),
            number(ratio(&self.gateway, &self.pgbench, Sample::per_second), 2),
            latencies(&self.gateway),
            processor(&self.gateway),
            processor(&self.pgbench),
            number(cpu, 2),
            self.verdict(cpu),
        ];
        let mut text = format!("{:<14}{:>4}", self.write.name, self.concurrency);
        for (cell, (_, width)) in cells.iter().zip(TITLES) {
            write_cell(&mut text, width, cell);
        }
        text
    }

    fn verdict(&self, cpu: Option<f64>) -> String {
        let Some(target) = self.write.target else { return "-".to_owned() };
        match cpu.map(|cpu| cpu <= target) {
            None => format!("cpu<={target}"),
            Some(true) => format!("cpu<={target} met"),
            Some(false) => format!("cpu<={target} MISSED"),
        }
    }
}
