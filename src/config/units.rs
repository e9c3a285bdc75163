//! Values with units: sizes, durations, and limits that can be lifted.

use std::time::Duration;

/// Bytes: `1048576`, `512kb`, `1mb`. A kilobyte has 1024 bytes.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(format!("`{unit}` is no unit of size; use b, kb, mb or gb")),
    };
    let number: f64 = number.parse().map_err(|_| "expected a size such as 1mb".to_owned())?;
    let bytes = number * factor as f64;
    if bytes.is_finite() && (0.0..9e15).contains(&bytes) { Ok(bytes as usize) } else { Err("out of range".to_owned()) }
}

/// A time: `30` and `30s` are seconds, also `500ms`, `2m`, `1h`. 0 is no limit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let seconds = match unit.as_str() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(format!("`{unit}` is no unit of time; use ms, s, m, h or d")),
    };
    let number: f64 = number.parse().map_err(|_| "expected a time such as 30s".to_owned())?;
    // Longer than a year is taken for a slip.
    let total = number * seconds;
    if (0.0..=31_536_000.0).contains(&total) {
        Ok(Duration::from_secs_f64(total))
    } else {
        Err("out of range".to_owned())
    }
}

/// A time: `500` and `500ms` are milliseconds; otherwise as [`duration`].
pub(super) fn millis(text: &str) -> Result<Duration, String> {
    match split(text) {
        (number, unit) if unit.is_empty() => duration(&format!("{number}ms")),
        _ => duration(text),
    }
}

fn split(text: &str) -> (&str, String) {
    let text = text.trim();
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    (text[..end].trim(), text[end..].to_ascii_lowercase())
}

/// A number of rows that may be unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows(pub(super) Option<u32>);

/// A number of rows: `100`; -1 lifts the limit.
pub(super) fn rows(text: &str) -> Result<Rows, String> {
    match text.trim() {
        "-1" | "" => Ok(Rows(None)),
        number => {
            number.parse().map(|rows| Rows(Some(rows))).map_err(|_| "expected a number, or -1 for no limit".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("1mb"), Ok(1_048_576));
        assert_eq!(bytes("1.5 KB"), Ok(1536));
        assert_eq!(bytes("10"), Ok(10));
        for wrong in ["", "mb", "-1", "1tb", "1e400", "one"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "s", "-1", "NaN", "inf", "3 weeks", "100000h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn minus_one_lifts_a_limit() {
        assert_eq!(rows("-1"), Ok(Rows(None)));
        assert_eq!(rows("250"), Ok(Rows(Some(250))));
        assert!(rows("-2").is_err());
    }
}
