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

/// From 1.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// From 0.
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

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
fn check(text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !matches!(fields.len(), 5 | 6) {
        return Err(format!("it has {} fields, not five or six", fields.len()));
    }
    for (left, field) in fields.iter().rev().enumerate() {
        let is_known = |character: char| character.is_ascii_alphanumeric() || "*,-/".contains(character);
        if let Some(wrong) = field.chars().find(|character| !is_known(*character)) {
            return Err(format!("`{wrong}` means nothing in `{field}`"));
        }
        let (names, first): (&[&str], u32) = match left {
            0 => (&DAYS, 0),
            1 => (&MONTHS, 1),
            _ => (&[], 0),
        };
        let ordinal = |text: &str| ordinal(text, names, first);
        for part in field.split(',') {
            let range = part.split('/').next().unwrap_or_default();
            if let Some((low, high)) = range.split_once('-') {
                if ordinal(low)? > ordinal(high)? {
                    return Err(format!("the range `{range}` runs backwards"));
                }
            } else if range != "*" {
                ordinal(range)?;
            }
        }
    }
    Ok(())
}

/// A number, or that of a name.
fn ordinal(text: &str, names: &[&str], first: u32) -> Result<u32, String> {
    match names.iter().zip(first..).find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        Some((_, number)) => Ok(number),
        None => text.parse().map_err(|_| format!("`{text}` is neither a number nor a name")),
    }
}

/// How long to wait from one time to another.
pub(super) fn wait(now: i64, until: i64) -> Duration {
    Duration::from_micros(u64::try_from(until.saturating_sub(now)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(cron: &str, zone: &str) -> Schedule {
        Schedule::parse(cron, Some(zone)).unwrap_or_else(|reason| panic!("{cron}: {reason}"))
    }

    fn micros(time: &str) -> i64 {
        time.parse::<Timestamp>().unwrap().as_microsecond()
    }

    /// The first times after `from`, on the clock of the zone.
    fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = schedule(cron, zone);
        let next = |at: &i64| schedule.next_after(*at);
        let local = |at| {
            let zoned = Timestamp::from_microsecond(at).unwrap().to_zoned(schedule.zone.clone());
            zoned.strftime("%a %Y-%m-%d %H:%M:%S%:z").to_string()
        };
        std::iter::successors(next(&micros(from)), next).take(count).map(local).collect()
    }

    fn utc(cron: &str, from: &str, count: usize) -> Vec<String> {
        times(cron, "UTC", from, count).into_iter().map(|time| time.trim_end_matches("+00:00").to_owned()).collect()
    }

    #[test]
    fn five_fields() {
        let from = "2026-01-30T12:07:30Z";
        for (cron, expected) in [
            ("15 14 1 * *", ["Sun 2026-02-01 14:15:00", "Sun 2026-03-01 14:15:00"]),
            ("5 4 * * sun", ["Sun 2026-02-01 04:05:00", "Sun 2026-02-08 04:05:00"]),
            ("*/15 * * * *", ["Fri 2026-01-30 12:15:00", "Fri 2026-01-30 12:30:00"]),
            ("0 0 * * *", ["Sat 2026-01-31 00:00:00", "Sun 2026-02-01 00:00:00"]),
            ("0 9-17/4 * JAN,mar MON-fri", ["Fri 2026-01-30 13:00:00", "Fri 2026-01-30 17:00:00"]),
            ("30 6 29 2 *", ["Tue 2028-02-29 06:30:00", "Sun 2032-02-29 06:30:00"]),
        ] {
            assert_eq!(utc(cron, from, 2), expected, "{cron}");
        }
    }

    #[test]
    fn six_fields_begin_with_seconds() {
        let times = utc("*/20 59 23 31 12 *", "2026-12-31T23:59:15Z", 3);
        assert_eq!(times, ["Thu 2026-12-31 23:59:20", "Thu 2026-12-31 23:59:40", "Fri 2027-12-31 23:59:00"]);
    }

    #[test]
    fn a_time_is_never_its_own_next() {
        assert_eq!(utc("0 0 * * *", "2026-01-31T00:00:00Z", 1), ["Sun 2026-02-01 00:00:00"]);
        assert_eq!(utc("0 0 * * *", "2026-01-30T23:59:59.999999Z", 1), ["Sat 2026-01-31 00:00:00"]);
    }

    #[test]
    fn aliases_in_any_case() {
        let from = "2026-01-31T12:00:00Z";
        for (alias, expected) in [
            ("@secondly", "Sat 2026-01-31 12:00:01"),
            ("@minutely", "Sat 2026-01-31 12:01:00"),
            ("@hourly", "Sat 2026-01-31 13:00:00"),
            ("@daily", "Sun 2026-02-01 00:00:00"),
            ("@Weekly", "Sun 2026-02-01 00:00:00"),
            ("@weekdays", "Mon 2026-02-02 00:00:00"),
            ("@weekends", "Sun 2026-02-01 00:00:00"),
            ("@monthly", "Sun 2026-02-01 00:00:00"),
            (" @YEARLY ", "Fri 2027-01-01 00:00:00"),
        ] {
            assert_eq!(utc(alias, from, 1), [expected], "{alias}");
        }
    }

    #[test]
    fn a_day_of_the_month_or_a_day_of_the_week() {
        let both = utc("0 0 13 * fri", "2026-02-01T00:00:00Z", 6);
        let days: Vec<&str> = both.iter().map(|time| &time[..14]).collect();
        let expected = ["2026-02-06", "2026-02-13", "2026-02-20", "2026-02-27", "2026-03-06", "2026-03-13"];
        assert_eq!(days, expected.map(|day| format!("Fri {day}")));
        let apart = utc("0 0 10 * fri", "2026-02-01T00:00:00Z", 2);
        assert_eq!(apart, ["Fri 2026-02-06 00:00:00", "Tue 2026-02-10 00:00:00"]);
    }

    #[test]
    fn zero_and_seven_are_sunday() {
        let from = "2026-01-01T00:00:00Z";
        for cron in ["0 0 * * 7", "0 0 * * sun", "0 0 * * SUN"] {
            assert_eq!(utc(cron, from, 20), utc("0 0 * * 0", from, 20), "{cron}");
        }
        assert_eq!(utc("0 0 * * 5-7", from, 3), utc("0 0 * * 0,5,6", from, 3));
    }

    #[test]
    fn what_is_no_schedule_is_said() {
        for cron in [
            "",
            "* * * *",
            "* * * * * * *",
            "? * * * *",
            "0 0 L * *",
            "0 0 * * 5L",
            "0 0 15W * *",
            "0 0 * * fri#2",
            "0 0 * * fri-mon",
            "50-10 * * * *",
            "60 * * * *",
            "* 24 * * *",
            "0 0 0 * *",
            "0 0 32 * *",
            "0 0 * 13 *",
            "0 0 * * 8",
            "*/0 * * * *",
            "a * * * *",
            "1,,2 * * * *",
            "-1 * * * *",
            "0 0 jan * *",
            "0 0 * fri *",
            "0 0 * * may",
            "@every 5s",
            "@reboot",
            "tomorrow",
        ] {
            assert!(Schedule::parse(cron, Some("UTC")).is_err(), "{cron}");
        }
        let reason = Schedule::parse("@daily", Some("Europe/Atlantis")).unwrap_err();
        assert!(reason.contains("Europe/Atlantis"), "{reason}");
    }

    #[test]
    fn what_never_comes_is_never_due() {
        assert_eq!(schedule("0 0 30 2 *", "UTC").next_after(micros("2026-01-01T00:00:00Z")), None);
    }

    #[test]
    fn a_zone_has_its_own_day() {
        let times = times("0 9 * * *", "Asia/Tokyo", "2026-06-01T00:00:00Z", 1);
        assert_eq!(times, ["Tue 2026-06-02 09:00:00+09:00"]);
    }

    #[test]
    fn the_hour_that_spring_skips() {
        let fixed = times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
        assert_eq!(fixed, ["Sun 2026-03-29 03:00:00+02:00", "Mon 2026-03-30 02:30:00+02:00"], "late, but not left out");
        let often = times("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
        let expected =
            ["Sun 2026-03-29 01:30:00+01:00", "Sun 2026-03-29 03:00:00+02:00", "Sun 2026-03-29 03:30:00+02:00"];
        assert_eq!(often, expected);
    }

    #[test]
    fn the_hour_that_autumn_has_twice() {
        let fixed = times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(fixed, ["Sun 2026-10-25 02:30:00+02:00", "Mon 2026-10-26 02:30:00+01:00"], "once");
        let often = times("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 5);
        let expected = ["02:00:00+02:00", "02:30:00+02:00", "02:00:00+01:00", "02:30:00+01:00", "03:00:00+01:00"];
        assert_eq!(often, expected.map(|time| format!("Sun 2026-10-25 {time}")));
    }

    #[test]
    fn missed_times_are_counted() {
        let quarter = schedule("*/15 * * * *", "UTC");
        let count = |from, to| quarter.count_between(micros(from), micros(to));
        assert_eq!(count("2026-01-01T00:00:00Z", "2026-01-01T00:14:59Z"), 0);
        assert_eq!(count("2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z"), 1, "the end counts");
        assert_eq!(count("2026-01-01T00:00:00Z", "2026-01-01T01:07:00Z"), 4);
        assert_eq!(count("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), MAX_COUNTED, "no further");
    }
}
