//! `$NOW` and `$NOW(-1 year)` (contract 5.3).

use jiff::{Span, Timestamp, tz::TimeZone};

/// The instant that `text` stands for, in microseconds since the epoch; `None`
/// when it is not `$NOW`. An adjustment that cannot be read counts as none.
pub(super) fn resolve(text: &str, now_micros: i64) -> Option<i64> {
    let rest = text.strip_prefix("$NOW")?;
    if rest.is_empty() {
        return Some(now_micros);
    }
    let adjustment = rest.strip_prefix('(')?.strip_suffix(')')?;
    Some(adjusted(adjustment, now_micros).unwrap_or(now_micros))
}

fn adjusted(adjustment: &str, now_micros: i64) -> Option<i64> {
    let text = adjustment.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest.trim_start()),
        None => (1.0, text.strip_prefix('+').unwrap_or(text).trim_start()),
    };
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let number = sign * text[..digits].parse::<f64>().ok()?;
    let unit = text[digits..].trim().to_ascii_lowercase();
    const SECOND: f64 = 1e6;
    let fixed = match unit.as_str() {
        "years" | "year" | "yrs" | "yr" | "y" => return by_months(number * 12.0, now_micros),
        "months" | "month" | "mth" | "mo" => return by_months(number, now_micros),
        "weeks" | "week" | "w" => 7.0 * 86_400.0 * SECOND,
        "days" | "day" | "d" | "" => 86_400.0 * SECOND,
        "hours" | "hour" | "hrs" | "hr" | "h" => 3_600.0 * SECOND,
        "minutes" | "minute" | "mins" | "min" | "m" => 60.0 * SECOND,
        "seconds" | "second" | "secs" | "sec" | "s" => SECOND,
        "milliseconds" | "millisecond" | "msecs" | "msec" | "ms" => 1_000.0,
        _ => return None,
    };
    let moved = now_micros as f64 + number * fixed;
    (moved.abs() < 9e18).then_some(now_micros.saturating_add((number * fixed) as i64))
}

/// Whole months by the calendar, what is left over by the mean month's length.
fn by_months(months: f64, now_micros: i64) -> Option<i64> {
    const MEAN_MONTH_US: f64 = 2_629_746e6;
    let span = Span::new().try_months(months.trunc() as i64).ok()?;
    let now = Timestamp::from_microsecond(now_micros).ok()?.to_zoned(TimeZone::UTC);
    let moved = now.checked_add(span).ok()?.timestamp().as_microsecond();
    Some(moved + (months.fract() * MEAN_MONTH_US) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjustments_follow_the_calendar() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        let now = at("2024-02-29T12:00:00Z");
        assert_eq!(resolve("$NOW", now), Some(now));
        assert_eq!(resolve("$NOW(-1 year)", now), Some(at("2023-02-28T12:00:00Z")));
        assert_eq!(resolve("$NOW(+2 hours)", now), Some(at("2024-02-29T14:00:00Z")));
        assert_eq!(resolve("$NOW(1mo)", now), Some(at("2024-03-29T12:00:00Z")));
        assert_eq!(resolve("$NOW(-1.5 days)", now), Some(at("2024-02-28T00:00:00Z")));
        assert_eq!(resolve("$NOW(-3)", now), Some(at("2024-02-26T12:00:00Z")));
        assert_eq!(resolve("$NOW(soon)", now), Some(now));
        assert_eq!(resolve("$NOWHERE", now), None);
        assert_eq!(resolve("now", now), None);
    }
}
