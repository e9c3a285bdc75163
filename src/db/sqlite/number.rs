//! Numbers as SQLite stores and spells them: integers hidden in reals and
//! texts, and reals as text.

use std::str;

use rusqlite::types::ValueRef;

/// 2^63, the first double that no `i64` reaches.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

/// The integer that a cell equals, however it is stored.
pub(super) fn integer(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Real(number) => integral(number),
        ValueRef::Text(text) => str::from_utf8(text).ok()?.parse().ok(),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

/// The integer that a double equals.
pub(super) fn integral(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && (-TOO_LARGE..TOO_LARGE).contains(&number)).then_some(number as i64)
}

/// Appends a real as SQLite's cast to `TEXT` lays it out: always with a point,
/// an exponent beyond seventeen digits before it. The digits are the shortest
/// that read back; SQLite sometimes writes a seventeenth that it does not need.
/// `false`, nothing written, for an infinity.
#[must_use]
pub(super) fn write_real(out: &mut Vec<u8>, number: f64) -> bool {
    if !number.is_finite() {
        return false;
    }
    // SQLite has no negative zero in text.
    let number = if number == 0.0 { 0.0 } else { number };
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(number);
    let (digits, exponent) = match text.split_once('e') {
        Some((digits, exponent)) => (digits, exponent.parse().unwrap_or(0)),
        None => (text, 0),
    };
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if unsigned.len() < digits.len() {
        out.push(b'-');
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    write_digits(out, whole, fraction, exponent);
    true
}

/// `whole.fraction * 10^exponent` as SQLite lays it out.
fn write_digits(out: &mut Vec<u8>, whole: &str, fraction: &str, exponent: i32) {
    let mut room = [0; 48];
    let all = whole.bytes().chain(fraction.bytes());
    let length = room.iter_mut().zip(all).map(|(slot, digit)| *slot = digit).count();
    let leading = room[..length].iter().take_while(|digit| **digit == b'0').count();
    let trailing = room[leading..length].iter().rev().take_while(|digit| **digit == b'0').count();
    let digits = &room[leading..length - trailing];
    if digits.is_empty() {
        out.extend_from_slice(b"0.0");
        return;
    }
    // The power of ten of the first digit.
    let power = exponent + whole.len() as i32 - leading as i32 - 1;
    if (-4..=16).contains(&power) { write_plain(out, digits, power) } else { write_scientific(out, digits, power) }
}

fn write_plain(out: &mut Vec<u8>, digits: &[u8], power: i32) {
    if power < 0 {
        out.extend_from_slice(b"0.");
        out.extend((1..-power).map(|_| b'0'));
        out.extend_from_slice(digits);
        return;
    }
    let whole = power as usize + 1;
    out.extend((0..whole).map(|at| digits.get(at).copied().unwrap_or(b'0')));
    out.push(b'.');
    out.extend_from_slice(digits.get(whole..).filter(|rest| !rest.is_empty()).unwrap_or(b"0"));
}

fn write_scientific(out: &mut Vec<u8>, digits: &[u8], power: i32) {
    out.push(digits[0]);
    out.push(b'.');
    out.extend_from_slice(if digits.len() > 1 { &digits[1..] } else { b"0" });
    out.extend_from_slice(if power < 0 { b"e-" } else { b"e+" });
    if power.abs() < 10 {
        out.push(b'0');
    }
    out.extend_from_slice(itoa::Buffer::new().format(power.unsigned_abs()).as_bytes());
}
