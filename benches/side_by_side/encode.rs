//! PostgreSQL's binary values written as JSON, one function per type. Knows
//! nothing of columns, nulls or requests.

use anyhow::{Context, Result, bail};

/// An `int4` as a number.
pub(crate) fn int4(out: &mut Vec<u8>, value: &[u8]) -> Result<()> {
    let number = i32::from_be_bytes(value.try_into().context("an int4 has four bytes")?);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    Ok(())
}

/// An `int8` as a number.
pub(crate) fn int8(out: &mut Vec<u8>, value: &[u8]) -> Result<()> {
    out.extend_from_slice(itoa::Buffer::new().format(read_int8(value)?).as_bytes());
    Ok(())
}

/// An `int8` as a string, which keeps every digit in every client.
pub(crate) fn int8_string(out: &mut Vec<u8>, value: &[u8]) -> Result<()> {
    out.push(b'"');
    int8(out, value)?;
    out.push(b'"');
    Ok(())
}

pub(crate) fn read_int8(value: &[u8]) -> Result<i64> {
    Ok(i64::from_be_bytes(value.try_into().context("an int8 has eight bytes")?))
}

/// Which bytes a JSON string cannot carry as they are.
const ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// A text as a string: runs without anything to escape are copied whole.
pub(crate) fn text(out: &mut Vec<u8>, value: &[u8]) -> Result<()> {
    out.reserve(value.len() + 2);
    out.push(b'"');
    let mut rest = value;
    while let Some(at) = rest.iter().position(|&byte| ESCAPED[usize::from(byte)]) {
        out.extend_from_slice(&rest[..at]);
        escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
    Ok(())
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// A `numeric` as a number with all its digits and no zeros to fill up.
///
/// On the wire: how many groups of four digits, the weight of the first, the
/// sign, the scale, then the groups; each sixteen bits.
pub(crate) fn numeric(out: &mut Vec<u8>, value: &[u8]) -> Result<()> {
    let [c0, c1, w0, w1, s0, s1, _, _, groups @ ..] = value else { bail!("a numeric has at least eight bytes") };
    if groups.len() != 2 * usize::from(u16::from_be_bytes([*c0, *c1])) {
        bail!("a numeric has as many groups as it says");
    }
    match u16::from_be_bytes([*s0, *s1]) {
        0x0000 => {}
        0x4000 => out.push(b'-'),
        _ => {
            out.extend_from_slice(b"null");
            return Ok(());
        }
    }
    let weight = i32::from(i16::from_be_bytes([*w0, *w1]));
    write_digits(out, weight, groups.as_chunks::<2>().0);
    Ok(())
}

/// The groups before the point, from the one of weight `weight` down, then
/// those after it. Groups that are not there are zero.
fn write_digits(out: &mut Vec<u8>, weight: i32, groups: &[[u8; 2]]) {
    let group = |index: i32| {
        let bytes = usize::try_from(index).ok().and_then(|index| groups.get(index));
        bytes.map_or(0, |bytes| u16::from_be_bytes(*bytes))
    };
    let first = if weight < 0 { 0 } else { group(0) };
    out.extend_from_slice(itoa::Buffer::new().format(first).as_bytes());
    for index in 1..=weight {
        out.extend_from_slice(&decimal::<4>(group(index).into()));
    }
    let point = out.len();
    out.push(b'.');
    for index in weight + 1..groups.len() as i32 {
        out.extend_from_slice(&decimal::<4>(group(index).into()));
    }
    while out.last() == Some(&b'0') {
        out.pop();
    }
    if out.len() == point + 1 {
        out.pop();
    }
}

/// A number from 0 up with exactly `N` digits.
fn decimal<const N: usize>(mut number: u32) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

/// A `timestamptz` as a string: UTC, milliseconds, `Z`.
///
/// On the wire: microseconds since 2000. Finer parts are cut off, and an
/// infinite time is null, as JSON has none.
pub(crate) fn timestamptz(out: &mut Vec<u8>, value: &[u8]) -> Result<()> {
    const DAY: i64 = 86_400_000;
    let micros = read_int8(value)?;
    if micros == i64::MAX || micros == i64::MIN {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    let millis = micros.div_euclid(1000);
    let (year, month, day) = civil(millis.div_euclid(DAY));
    let time = millis.rem_euclid(DAY) as u32;
    let mut text = *b"\"0000-00-00T00:00:00.000Z\"";
    text[1..5].copy_from_slice(&decimal::<4>(year));
    text[6..8].copy_from_slice(&decimal::<2>(month));
    text[9..11].copy_from_slice(&decimal::<2>(day));
    text[12..14].copy_from_slice(&decimal::<2>(time / 3_600_000));
    text[15..17].copy_from_slice(&decimal::<2>(time / 60_000 % 60));
    text[18..20].copy_from_slice(&decimal::<2>(time / 1000 % 60));
    text[21..24].copy_from_slice(&decimal::<3>(time % 1000));
    out.extend_from_slice(&text);
    Ok(())
}

/// Year, month and day of a day counted from 2000-01-01.
///
/// Years are taken to begin in March, so that the leap day is the last of a
/// year, and to come in cycles of 400, which all have 146,097 days.
fn civil(days_since_2000: i64) -> (u32, u32, u32) {
    const CYCLE: i64 = 146_097;
    // 2000-03-01, the first day of a cycle, is day 60.
    let days = days_since_2000 - 60;
    let cycle = days.div_euclid(CYCLE);
    let of_cycle = days.rem_euclid(CYCLE);
    let year = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let since_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * since_march + 2) / 5 + 1;
    let month = if since_march < 10 { since_march + 3 } else { since_march - 9 };
    let year = 2000 + cycle * 400 + year + i64::from(month <= 2);
    (year as u32, month as u32, day as u32)
}
