//! Calendar arithmetic and the spelling of dates and times on the wire
//! (contract `graphql.md` 3.6): `2024-02-03T02:05:06.000Z` for an instant,
//! `2024-02-03T04:05:06` without a zone, `2024-02-03`, `04:05:06`.

/// Microseconds in a day.
pub const DAY_US: i64 = 86_400_000_000;

/// Days from 1970-01-01 of a day in the proleptic Gregorian calendar.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted + 2) / 5 + 1) as u32;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Appends `YYYY-MM-DD`. `false`, nothing written, outside of the years 0 to
/// 9999, which ISO 8601 cannot spell with four digits.
#[must_use]
pub fn write_date(out: &mut Vec<u8>, days: i64) -> bool {
    let (year, month, day) = civil_from_days(days);
    if !(0..=9999).contains(&year) {
        return false;
    }
    write_two(out, year as u32 / 100);
    write_two(out, year as u32 % 100);
    out.push(b'-');
    write_two(out, month);
    out.push(b'-');
    write_two(out, day);
    true
}

/// Appends `HH:MM:SS` of a time of day in microseconds.
pub fn write_time(out: &mut Vec<u8>, micros: i64) {
    let seconds = micros / 1_000_000;
    write_two(out, (seconds / 3600) as u32);
    out.push(b':');
    write_two(out, (seconds / 60 % 60) as u32);
    out.push(b':');
    write_two(out, (seconds % 60) as u32);
}

/// Appends `YYYY-MM-DDTHH:MM:SS` of microseconds since 1970-01-01T00:00:00.
#[must_use]
pub fn write_datetime(out: &mut Vec<u8>, micros: i64) -> bool {
    if !write_date(out, micros.div_euclid(DAY_US)) {
        return false;
    }
    out.push(b'T');
    write_time(out, micros.rem_euclid(DAY_US));
    true
}

/// Appends `YYYY-MM-DDTHH:MM:SS.mmmZ` of microseconds since the epoch in UTC.
#[must_use]
pub fn write_timestamp(out: &mut Vec<u8>, micros: i64) -> bool {
    if !write_datetime(out, micros) {
        return false;
    }
    let millis = (micros.rem_euclid(1_000_000) / 1000) as u32;
    out.push(b'.');
    out.push(b'0' + (millis / 100) as u8);
    write_two(out, millis % 100);
    out.push(b'Z');
    true
}

fn write_two(out: &mut Vec<u8>, number: u32) {
    out.push(b'0' + (number / 10) as u8);
    out.push(b'0' + (number % 10) as u8);
}

/// A date, a time or both, read from ISO 8601 text; the pieces that were absent
/// are `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Days since 1970-01-01.
    pub days: Option<i64>,
    /// Microseconds since midnight.
    pub micros: Option<i64>,
    /// Offset from UTC in seconds.
    pub offset: Option<i32>,
}

impl Moment {
    /// Microseconds since the epoch, taking a missing time as midnight and a
    /// missing zone as UTC. `None` without a date.
    pub fn epoch_micros(&self) -> Option<i64> {
        let offset = i64::from(self.offset.unwrap_or(0)) * 1_000_000;
        Some(self.days? * DAY_US + self.micros.unwrap_or(0) - offset)
    }

    /// Microseconds since 1970-01-01T00:00:00 on the clock that the text shows.
    pub fn local_micros(&self) -> Option<i64> {
        Some(self.days? * DAY_US + self.micros.unwrap_or(0))
    }
}

/// Reads `YYYY-MM-DD`, `HH:MM[:SS[.f]]` or both joined by `T` or a blank, with
/// an optional `Z`, `±HH`, `±HHMM` or `±HH:MM`. `None` if it is anything else.
pub fn parse(text: &str) -> Option<Moment> {
    let text = text.trim();
    let mut rest = text;
    let mut moment = Moment { days: None, micros: None, offset: None };
    if let Some((days, after)) = parse_date(rest) {
        moment.days = Some(days);
        if after.is_empty() {
            return Some(moment);
        }
        rest = after.strip_prefix(['T', 't', ' '])?;
    }
    let (micros, after) = parse_time(rest)?;
    moment.micros = Some(micros);
    moment.offset = parse_offset(after.trim_start())?;
    Some(moment)
}

fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let head = text.get(..count)?;
    head.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    Some((head.parse().ok()?, &text[count..]))
}

fn parse_date(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let days = days_from_civil(i64::from(year), month, day);
    // A day that the month does not have comes back as another day.
    ((1..=12).contains(&month) && civil_from_days(days) == (i64::from(year), month, day)).then_some((days, rest))
}

fn parse_time(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = digits(text, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
    let mut second = 0;
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix(':') {
        (second, rest) = digits(after, 2)?;
        if let Some(after) = rest.strip_prefix('.') {
            let length = after.bytes().take_while(u8::is_ascii_digit).count();
            let kept = &after[..length.min(6)];
            fraction = kept.parse::<i64>().ok()? * 10_i64.pow(6 - kept.len() as u32);
            rest = &after[length..];
        }
    }
    (hour < 24 && minute < 60 && second < 60).then_some(())?;
    Some(((i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * 1_000_000 + fraction, rest))
}

/// `Some(None)` when there is no offset, `None` when it is malformed.
fn parse_offset(text: &str) -> Option<Option<i32>> {
    match text.as_bytes() {
        [] => Some(None),
        b"Z" | b"z" => Some(Some(0)),
        [sign @ (b'+' | b'-'), ..] => {
            let (hours, rest) = digits(&text[1..], 2)?;
            let rest = rest.strip_prefix(':').unwrap_or(rest);
            let (minutes, rest) = if rest.is_empty() { (0, rest) } else { digits(rest, 2)? };
            (rest.is_empty() && hours < 24 && minutes < 60).then_some(())?;
            let seconds = (hours * 3600 + minutes * 60) as i32;
            Some(Some(if *sign == b'-' { -seconds } else { seconds }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(micros: i64) -> String {
        let mut out = Vec::new();
        assert!(write_timestamp(&mut out, micros));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for days in days_from_civil(1800, 1, 1)..days_from_civil(2200, 1, 1) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(civil_from_days(19_756), (2024, 2, 3));
    }

    #[test]
    fn instants_are_spelled_in_utc_with_milliseconds() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(-1), "1969-12-31T23:59:59.999Z");
        let moment = parse("2024-02-03T04:05:06+02:00").unwrap();
        assert_eq!(timestamp(moment.epoch_micros().unwrap()), "2024-02-03T02:05:06.000Z");
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in ["", "2024", "2024-13-01", "2023-02-29", "2024-02-03T", "24:00", "2024-02-03 04:05x", "now"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse("2024-02-29").is_some());
        assert!(parse("04:05").is_some());
        assert!(parse("2024-02-03 04:05:06.123456789-0330").is_some());
    }
}
