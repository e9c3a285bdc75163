//! PostgreSQL's `numeric` as it travels: digits to the base of 10,000, the
//! first one's weight, a sign. Every digit is kept, the scale's padding is not.

use std::fmt;

/// A `numeric`, still in the server's bytes.
#[derive(Clone, Copy)]
pub(super) struct Numeric<'a> {
    /// The power of 10,000 that the first digit stands for.
    weight: i16,
    negative: bool,
    /// Two bytes per digit.
    digits: &'a [u8],
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotANumber {
    Nan,
    Infinity,
    Malformed,
}

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nan => "NaN cannot be represented as a number",
            Self::Infinity => "infinity cannot be represented as a number",
            Self::Malformed => "the database sent a malformed number",
        })
    }
}

impl<'a> Numeric<'a> {
    /// Reads the server's bytes.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, NotANumber> {
        let Some((&[n0, n1, w0, w1, s0, s1, _, _], digits)) = bytes.split_first_chunk::<8>() else {
            return Err(NotANumber::Malformed);
        };
        let negative = match u16::from_be_bytes([s0, s1]) {
            0x0000 => false,
            0x4000 => true,
            0xC000 => return Err(NotANumber::Nan),
            0xD000 | 0xF000 => return Err(NotANumber::Infinity),
            _ => return Err(NotANumber::Malformed),
        };
        if digits.len() != usize::from(u16::from_be_bytes([n0, n1])) * 2 {
            return Err(NotANumber::Malformed);
        }
        Ok(Self { weight: i16::from_be_bytes([w0, w1]), negative, digits })
    }

    /// Appends it: `-12.5`.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if self.digits.is_empty() {
            out.push(b'0');
            return;
        }
        if self.negative {
            out.push(b'-');
        }
        if self.weight < 0 {
            out.push(b'0');
        } else {
            out.extend_from_slice(itoa::Buffer::new().format(self.digit(0)).as_bytes());
            for at in 1..=i32::from(self.weight) {
                write_four(out, self.digit(at));
            }
        }
        self.write_fraction(out);
    }

    fn write_fraction(self, out: &mut Vec<u8>) {
        let count = (self.digits.len() / 2) as i32;
        let first = i32::from(self.weight) + 1;
        if first >= count {
            return;
        }
        let from = out.len();
        out.push(b'.');
        for at in first..count {
            write_four(out, self.digit(at));
        }
        let kept = out[from..].iter().rposition(|byte| !matches!(byte, b'0' | b'.')).map_or(0, |last| last + 1);
        out.truncate(from + kept);
    }

    /// As an integer; `None` if it has a fraction or does not fit.
    pub(super) fn to_i64(self) -> Option<i64> {
        let count = (self.digits.len() / 2) as i32;
        let whole = i32::from(self.weight) + 1;
        if (whole.max(0)..count).any(|at| self.digit(at) != 0) || whole > 5 {
            return None;
        }
        // Five digits to this base are less than 10^20.
        let amount = (0..whole).fold(0_i128, |sum, at| sum * 10_000 + i128::from(self.digit(at)));
        i64::try_from(if self.negative { -amount } else { amount }).ok()
    }

    /// A digit by its place from the first one; zero where none was sent.
    fn digit(self, at: i32) -> u16 {
        let Some(start) = usize::try_from(at).ok().map(|at| at * 2) else {
            return 0;
        };
        match self.digits.get(start..start + 2) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => 0,
        }
    }
}

fn write_four(out: &mut Vec<u8>, digit: u16) {
    let ascii = |value: u16| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[ascii(digit / 1000), ascii(digit / 100), ascii(digit / 10), ascii(digit)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let head = [digits.len() as u16, weight as u16, sign, 0];
        head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    fn text(weight: i16, sign: u16, digits: &[u16]) -> String {
        let mut out = Vec::new();
        Numeric::read(&wire(weight, sign, digits)).unwrap().write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_with_every_digit_and_no_padding() {
        assert_eq!(text(0, 0, &[]), "0");
        assert_eq!(text(0, 0, &[1]), "1");
        assert_eq!(text(0, 0x4000, &[12, 5000]), "-12.5");
        assert_eq!(text(1, 0, &[1]), "10000");
        assert_eq!(text(1, 0, &[1, 2]), "10002");
        assert_eq!(text(-1, 0, &[5]), "0.0005");
        assert_eq!(text(-2, 0, &[1]), "0.00000001");
        assert_eq!(text(0, 0, &[1, 0, 10]), "1.0000001");
        assert_eq!(text(2, 0, &[1, 2, 3, 4500]), "100020003.45");
        assert_eq!(text(3, 0x4000, &[9999]), "-9999000000000000");
    }

    #[test]
    fn integers_are_found_only_where_they_are() {
        let int = |weight, sign, digits: &[u16]| Numeric::read(&wire(weight, sign, digits)).unwrap().to_i64();
        assert_eq!(int(0, 0, &[]), Some(0));
        assert_eq!(int(1, 0x4000, &[2]), Some(-20_000));
        assert_eq!(int(0, 0, &[2, 5000]), None);
        assert_eq!(int(-1, 0, &[5000]), None);
        assert_eq!(int(-2, 0, &[5]), None);
        assert_eq!(int(4, 0, &[922, 3372, 368, 5477, 5807]), Some(i64::MAX));
        assert_eq!(int(4, 0, &[922, 3372, 368, 5477, 5808]), None);
        assert_eq!(int(4, 0x4000, &[922, 3372, 368, 5477, 5808]), Some(i64::MIN));
        assert_eq!(int(5, 0, &[1]), None);
    }

    #[test]
    fn what_is_no_number_says_so() {
        assert_eq!(Numeric::read(&wire(0, 0xC000, &[])).err(), Some(NotANumber::Nan));
        assert_eq!(Numeric::read(&wire(0, 0xF000, &[])).err(), Some(NotANumber::Infinity));
        assert_eq!(Numeric::read(&[0, 1, 0]).err(), Some(NotANumber::Malformed));
        assert_eq!(Numeric::read(&[0, 9, 0, 0, 0, 0, 0, 0]).err(), Some(NotANumber::Malformed));
    }
}
