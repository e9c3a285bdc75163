//! PostgreSQL's dates and times as they travel: days and microseconds since
//! 2000-01-01, the outermost numbers meaning infinity.

use crate::value::time::{self, DAY_US};

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;
/// 0001-01-01; a year earlier is before Christ.
const FIRST_DAY: i64 = -719_162;
/// 9999-12-31.
const LAST_DAY: i64 = 2_932_896;

/// A day, and a time on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Days since 1970-01-01, microseconds since midnight.
    At(i64, i64),
    /// Later than everything.
    Infinity,
    /// Earlier than everything.
    MinusInfinity,
}

impl Moment {
    /// Of a `timestamp` or `timestamptz`.
    pub(super) fn of_micros(micros: i64) -> Self {
        match micros {
            i64::MAX => Self::Infinity,
            i64::MIN => Self::MinusInfinity,
            // Split first: the sum with the epoch may not fit.
            _ => Self::At(micros.div_euclid(DAY_US) + EPOCH_DAYS, micros.rem_euclid(DAY_US)),
        }
    }

    /// Of a `date`.
    pub(super) fn of_days(days: i32) -> Self {
        match days {
            i32::MAX => Self::Infinity,
            i32::MIN => Self::MinusInfinity,
            _ => Self::At(i64::from(days) + EPOCH_DAYS, 0),
        }
    }

    /// Days and microseconds since 1970-01-01, if ISO 8601 can spell them.
    pub(super) fn spellable(self) -> Result<(i64, i64), &'static str> {
        match self {
            Self::At(days, micros) if (FIRST_DAY..=LAST_DAY).contains(&days) => Ok((days, days * DAY_US + micros)),
            Self::At(days, _) if days < FIRST_DAY => Err("a year before Christ cannot be represented as a Date"),
            Self::At(..) => Err("a year after 9999 cannot be represented as a Date"),
            Self::Infinity => Err("infinity cannot be represented as a Date"),
            Self::MinusInfinity => Err("-infinity cannot be represented as a Date"),
        }
    }

    /// As `value::text` gives a `date`, `timestamp` or `timestamptz` in UTC.
    pub(super) fn text(self, with_time: bool, zone: &str) -> String {
        let (days, micros) = match self {
            Self::At(days, micros) => (days, micros),
            Self::Infinity => return "infinity".to_owned(),
            Self::MinusInfinity => return "-infinity".to_owned(),
        };
        let (year, month, day) = time::civil_from_days(days);
        // There is no year 0: 1 BC comes before 1.
        let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
        let clock = if with_time { format!(" {}{zone}", clock_text(micros)) } else { String::new() };
        format!("{year:04}-{month:02}-{day:02}{clock}{era}")
    }
}

/// As `value::text` gives a `time`: `04:05:06.7`.
pub(super) fn clock_text(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 {
        return whole;
    }
    format!("{whole}.{fraction:06}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_the_first_and_the_last_day_of_the_calendar() {
        assert_eq!(time::days_from_civil(2000, 1, 1), EPOCH_DAYS);
        assert_eq!(time::days_from_civil(1, 1, 1), FIRST_DAY);
        assert_eq!(time::days_from_civil(9999, 12, 31), LAST_DAY);
        assert!(Moment::of_days((FIRST_DAY - EPOCH_DAYS) as i32 - 1).spellable().is_err());
        assert!(Moment::of_days((LAST_DAY - EPOCH_DAYS) as i32).spellable().is_ok());
    }

    #[test]
    fn texts_are_those_of_the_server() {
        assert_eq!(Moment::of_micros(1_500_000).text(true, "+00"), "2000-01-01 00:00:01.5+00");
        assert_eq!(Moment::of_micros(i64::MAX - 1).text(true, "").split('-').next(), Some("294277"));
        assert_eq!(Moment::of_days(-730_120).text(false, ""), "0001-12-31 BC");
        assert_eq!(Moment::of_days(i32::MIN).text(false, ""), "-infinity");
    }
}
