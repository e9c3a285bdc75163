//! The numbers of a run, brought down to one line per query and concurrency.

use std::fmt::Write;

use crate::load::Round;
use crate::queries::Query;

/// The concurrency that the targets in requests per second are for.
const BUSY: usize = 32;
/// At one connection: the most that the median latency may be of the floor's.
const ALONE: f64 = 1.3;

/// One round with the processor time it took.
pub(crate) struct Sample {
    pub(crate) round: Round,
    pub(crate) server_ms: u64,
    /// Unknown where PostgreSQL was not started here.
    pub(crate) postgres_ms: Option<u64>,
}

/// What one query came to at one concurrency.
pub(crate) struct Line<'a> {
    pub(crate) query: &'a Query,
    pub(crate) concurrency: usize,
    /// Empty when only the floor is measured; else in step with `floor`.
    pub(crate) gateway: Vec<Sample>,
    pub(crate) floor: Vec<Sample>,
    pub(crate) pgbench_tps: Option<f64>,
}

pub(crate) const LEGEND: &str = "\
req/s, p50, p99: medians of the rounds; ratios: medians over pairs of rounds, gateway to floor
cpu: milliseconds per 1,000 requests, of the server + of PostgreSQL
pgbench: scripts per second with the same SQL, prepared, as many clients";

pub(crate) fn header() -> String {
    let mut text = format!("{:<10}{:>4}", "query", "conn");
    for (title, width) in TITLES {
        write_cell(&mut text, width, title);
    }
    text
}

const TITLES: [(&str, usize); 11] = [
    ("gateway/s", 11),
    ("floor/s", 10),
    ("ratio", 7),
    ("p50 ratio", 11),
    ("target", 20),
    ("gateway p50/p99 ms", 20),
    ("floor p50/p99 ms", 18),
    ("gateway cpu", 17),
    ("floor cpu", 17),
    ("cpu ratio", 11),
    ("pgbench/s", 11),
];

/// Appends a cell, right-aligned.
pub(crate) fn write_cell(text: &mut String, width: usize, cell: &str) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{cell:>width$}");
}

impl Line<'_> {
    pub(crate) fn text(&self) -> String {
        let ratio = self.ratio(Sample::per_second);
        let p50_ratio = self.ratio(|sample| sample.round.p50_ms);
        let cells = [
            number(median(&self.gateway, Sample::per_second), 0),
            number(median(&self.floor, Sample::per_second), 0),
            number(ratio, 2),
            number(p50_ratio, 2),
            self.verdict(ratio, p50_ratio),
            latencies(&self.gateway),
            latencies(&self.floor),
            processor(&self.gateway),
            processor(&self.floor),
            number(self.ratio(Sample::cpu), 2),
            number(self.pgbench_tps, 0),
        ];
        let mut text = format!("{:<10}{:>4}", self.query.name, self.concurrency);
        for (cell, (_, width)) in cells.iter().zip(TITLES) {
            write_cell(&mut text, width, cell);
        }
        text
    }

    /// The target at this concurrency, if there is one, and whether it is met.
    fn verdict(&self, ratio: Option<f64>, p50_ratio: Option<f64>) -> String {
        let (target, met) = match self.concurrency {
            BUSY => (format!("ratio>={}", self.query.target), ratio.map(|ratio| ratio >= self.query.target)),
            1 => (format!("p50<={ALONE}"), p50_ratio.map(|ratio| ratio <= ALONE)),
            _ => return "-".to_owned(),
        };
        match met {
            None => target,
            Some(true) => format!("{target} met"),
            Some(false) => format!("{target} MISSED"),
        }
    }

    fn ratio(&self, value: impl Fn(&Sample) -> f64) -> Option<f64> {
        ratio(&self.gateway, &self.floor, value)
    }
}

impl Sample {
    pub(crate) fn per_second(&self) -> f64 {
        self.round.requests as f64 / self.round.seconds
    }

    /// Milliseconds of processor time per 1,000 requests, all in all.
    pub(crate) fn cpu(&self) -> f64 {
        self.per_thousand(self.server_ms + self.postgres_ms.unwrap_or(0))
    }

    fn per_thousand(&self, ms: u64) -> f64 {
        ms as f64 * 1000.0 / self.round.requests as f64
    }
}

/// Rounds next to each other saw the same machine, so they are compared pair by
/// pair.
pub(crate) fn ratio(gateway: &[Sample], other: &[Sample], value: impl Fn(&Sample) -> f64) -> Option<f64> {
    middle(gateway.iter().zip(other).map(|(gateway, other)| value(gateway) / value(other)).collect())
}

pub(crate) fn median(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Option<f64> {
    middle(samples.iter().map(value).collect())
}

pub(crate) fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[low] + values[high]) / 2.0)
}

pub(crate) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

pub(crate) fn latencies(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return "-".to_owned();
    }
    let p50 = number(median(samples, |sample| sample.round.p50_ms), 2);
    format!("{p50} / {}", number(median(samples, |sample| sample.round.p99_ms), 2))
}

pub(crate) fn processor(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return "-".to_owned();
    }
    let server = number(median(samples, |sample| sample.per_thousand(sample.server_ms)), 1);
    let known = samples.iter().all(|sample| sample.postgres_ms.is_some());
    let postgres = median(samples, |sample| sample.per_thousand(sample.postgres_ms.unwrap_or(0)));
    format!("{server} + {}", number(postgres.filter(|_| known), 1))
}
