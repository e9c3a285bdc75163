//! Places in the log.

use std::{fmt, str::FromStr};

/// A place in the log: behind an event, or before the first one of an epoch.
///
/// Clients get it as text that they hand back as it is. Texts are ordered like
/// the places. An epoch begins when the gateway starts, and whenever it cannot
/// say that it knows every change; it is named by that time, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Which part of history.
    pub epoch: u64,
    /// Number of the event in it, counted from 1; 0 is before the first.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}", self.epoch, self.offset)
    }
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position of the event log")]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (epoch, offset) = text.split_once('-').ok_or(NotAPosition)?;
        let number = |digits: &str| {
            let is_plain = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            is_plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten().ok_or(NotAPosition)
        };
        Ok(Self { epoch: number(epoch)?, offset: number(offset)? })
    }
}
