//! Dates and times as SQLite databases hold them: ISO 8601 text, integers
//! (milliseconds since the epoch) and reals (Julian days).

use std::str;

use rusqlite::types::ValueRef;

use crate::value::time::{self, DAY_US, Moment};

/// Julian days of SQLite's calendar end with the year 9999.
const LAST_JULIAN_DAY: f64 = 5_373_484.5;
/// Milliseconds from the beginning of the Julian days to the epoch.
const EPOCH_JULIAN_MS: i64 = 210_866_760_000_000;

/// Reads a cell; `None` if it is no date and no time.
pub(super) fn read(value: ValueRef<'_>) -> Option<Moment> {
    match value {
        ValueRef::Text(text) => time::parse(str::from_utf8(text).ok()?),
        ValueRef::Integer(millis) => millis.checked_mul(1000).map(instant),
        ValueRef::Real(julian_day) => from_julian_day(julian_day),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

fn from_julian_day(julian_day: f64) -> Option<Moment> {
    (0.0..LAST_JULIAN_DAY).contains(&julian_day).then_some(())?;
    // A Julian day in a double is exact to some tens of microseconds, so, as
    // SQLite does, it counts in milliseconds.
    let millis = (julian_day * 86_400_000.0 + 0.5) as i64 - EPOCH_JULIAN_MS;
    Some(instant(millis * 1000))
}

fn instant(micros: i64) -> Moment {
    Moment { days: Some(micros.div_euclid(DAY_US)), micros: Some(micros.rem_euclid(DAY_US)), offset: Some(0) }
}
