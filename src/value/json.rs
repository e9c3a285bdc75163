//! JSON text written by hand into one buffer: strings, numbers and base64.

use std::io::Write as _;

/// Appends `text` as a JSON string, quotes included.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends `text` with the escapes that JSON asks for, without quotes.
pub fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len());
    let mut from = 0;
    while let Some(distance) = first_special(&bytes[from..]) {
        let at = from + distance;
        out.extend_from_slice(&bytes[from..at]);
        write_escape(out, bytes[at]);
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

/// Distance to the first byte that must be escaped, eight bytes at a time.
fn first_special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut chunks = bytes.chunks_exact(8);
    let mut at = 0;
    for chunk in &mut chunks {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let quote = has_zero(word ^ (ONES * u64::from(b'"')));
        let backslash = has_zero(word ^ (ONES * u64::from(b'\\')));
        if control | quote | backslash != 0 {
            // The lowest set bit is exact; borrows only disturb bytes above it.
            return Some(at + ((control | quote | backslash).trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = chunks.remainder();
    rest.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\').map(|found| at + found)
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
    }
}

/// Appends the parts of a text between its commas as a list; an empty text has
/// none.
pub fn write_csv(out: &mut Vec<u8>, text: &str) {
    out.push(b'[');
    for (at, part) in text.split(',').filter(|_| !text.is_empty()).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(out, part);
    }
    out.push(b']');
}

/// Appends an integer.
pub fn write_int(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends an unsigned integer.
pub fn write_uint(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends the shortest text that reads back as the same double, without a
/// trailing `.0`. JSON has no infinities and no NaN: `false` says so, and
/// nothing is written.
#[must_use]
pub fn write_double(out: &mut Vec<u8>, number: f64) -> bool {
    if !number.is_finite() {
        return false;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(number);
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    true
}

/// As [`write_double`], for a single-precision number: 1.1 stays `1.1`.
#[must_use]
pub fn write_float(out: &mut Vec<u8>, number: f32) -> bool {
    if !number.is_finite() {
        return false;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(number);
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    true
}

/// Appends a decimal's digits as a JSON number, every significant digit kept
/// and no scale padding: `4.50` is `4.5`, `-0.00` is `0`. `false`, and nothing
/// written, when `text` is not a plain decimal (`NaN`, `Infinity`, `1e5`).
#[must_use]
pub fn write_decimal(out: &mut Vec<u8>, text: &str) -> bool {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return false;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if negative && !(whole.is_empty() && fraction.is_empty()) {
        out.push(b'-');
    }
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole.as_bytes() });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    true
}

/// Appends binary data as a JSON string of standard base64 with padding.
pub fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    use base64::Engine as _;
    let length = base64::encoded_len(bytes.len(), true).expect("a cell is far below usize::MAX");
    out.push(b'"');
    let from = out.len();
    out.resize(from + length, 0);
    base64::engine::general_purpose::STANDARD
        .encode_slice(bytes, &mut out[from..])
        .expect("the room was made for exactly this");
    out.push(b'"');
}

/// Appends any serialisable value.
pub fn write_value(out: &mut Vec<u8>, value: &serde_json::Value) {
    write!(out, "{value}").expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_read_back_as_they_were_at_every_offset() {
        for special in ["\"", "\\", "\n", "\u{0}", "\u{1f}", "é", "日本", "\u{7f}", "😀"] {
            for before in 0..20 {
                let text = format!("{}{special}{}", "a".repeat(before), "b".repeat(11));
                let back: String = serde_json::from_str(&string(&text)).unwrap();
                assert_eq!(back, text);
            }
        }
    }

    #[test]
    fn decimals_keep_every_digit_and_lose_their_padding() {
        let decimal = |text: &str| {
            let mut out = Vec::new();
            write_decimal(&mut out, text).then(|| String::from_utf8(out).unwrap())
        };
        assert_eq!(decimal("4.50").as_deref(), Some("4.5"));
        assert_eq!(decimal("-0.00").as_deref(), Some("0"));
        assert_eq!(decimal("00012345678901234567890.10").as_deref(), Some("12345678901234567890.1"));
        assert_eq!(decimal("-.5").as_deref(), Some("-0.5"));
        assert_eq!(decimal("NaN"), None);
        assert_eq!(decimal(""), None);
        assert_eq!(decimal("1e5"), None);
    }

    #[test]
    fn doubles_are_short_and_never_infinite() {
        let double = |number| {
            let mut out = Vec::new();
            write_double(&mut out, number).then(|| String::from_utf8(out).unwrap())
        };
        assert_eq!(double(1.0).as_deref(), Some("1"));
        assert_eq!(double(0.1).as_deref(), Some("0.1"));
        assert_eq!(double(f64::NAN), None);
        assert_eq!(double(f64::INFINITY), None);
    }
}
