//! When jobs are due, and their running: never one beside itself, and what was
//! missed is said (contract `extensions.md` 8).

use std::{sync::Arc, time::Duration};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::Job;

/// Names that stand for schedules.
const ALIASES: [(&str, &str); 9] = [
    ("@secondly", "* * * * * *"),
    ("@minutely", "* * * * *"),
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@weekdays", "0 0 * * 1-5"),
    ("@weekends", "0 0 * * 0,6"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
];

/// Most missed runs that are counted one by one.
const MAX_COUNTED: usize = 10_000;

/// A job and when it is due.
pub(super) struct Scheduled {
    pub(super) name: String,
    pub(super) schedule: Schedule,
    pub(super) handler: Arc<dyn Job>,
}

impl std::fmt::Debug for Scheduled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Times by a cron text, on the clock of a time zone.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

impl Schedule {
    /// Reads five fields, or six with seconds first, or an alias.
    pub(super) fn parse(text: &str, zone: Option<&str>) -> Result<Self, String> {
        let trimmed = text.trim();
        let fields = match ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(trimmed)) {
            Some((_, fields)) => fields,
            None => trimmed,
        };
        check(fields)?;
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(fields).map_err(|error| error.to_string())?;
        let zone = match zone {
            None => TimeZone::system(),
            Some(name) => TimeZone::get(name).map_err(|_| format!("there is no time zone `{name}`"))?,
        };
        Ok(Self { cron, zone })
    }

    /// The first time after `micros`, both in microseconds since the epoch;
    /// `None` if there is none.
    pub(super) fn next_after(&self, micros: i64) -> Option<i64> {
        let now = Timestamp::from_microsecond(micros).ok()?.to_zoned(self.zone.clone());
        let next: Zoned = self.cron.find_next_occurrence(&now, false).ok()?;
        Some(next.timestamp().as_microsecond())
    }

    /// How many times lie after `from`, up to and including `to`.
    pub(super) fn count_between(&self, from: i64, to: i64) -> usize {
        let next = |at: &i64| self.next_after(*at).filter(|next| *next <= to);
        std::iter::successors(next(&from), next).take(MAX_COUNTED).count()
    }
}

/// What the contract does not allow, though the library might.
fn check(fields: &str) -> Result<(), String> {
    let count = fields.split_whitespace().count();
    if !matches!(count, 5 | 6) {
        return Err(format!("it has {count} fields, not five or six"));
    }
    for field in fields.split_whitespace() {
        let is_known = |character: char| character.is_ascii_alphanumeric() || "*,-/".contains(character);
        if let Some(wrong) = field.chars().find(|character| !is_known(*character)) {
            return Err(format!("`{wrong}` means nothing in `{field}`"));
        }
        for part in field.split(',') {
            let range = part.split('/').next().unwrap_or_default();
            if let Some((low, high)) = range.split_once('-') {
                let (low, high) = (ordinal(low)?, ordinal(high)?);
                if low > high {
                    return Err(format!("the range `{range}` runs backwards"));
                }
            } else if range != "*" {
                ordinal(range)?;
            }
        }
    }
    Ok(())
}

/// A number, or the number of a month's or day's name.
fn ordinal(text: &str) -> Result<u32, String> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let lower = text.to_ascii_lowercase();
    let named = MONTHS
        .iter()
        .position(|name| *name == lower)
        .map(|at| at + 1)
        .or_else(|| DAYS.iter().position(|name| *name == lower));
    match named {
        Some(number) => Ok(number as u32),
        None => text.parse().map_err(|_| format!("`{text}` is neither a number nor a name")),
    }
}

/// How long to wait from one time to another.
pub(super) fn wait(now: i64, until: i64) -> Duration {
    Duration::from_micros(u64::try_from(until.saturating_sub(now)).unwrap_or(0))
}
