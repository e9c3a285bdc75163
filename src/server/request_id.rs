//! The name of a request, in its answer and in the log: the client's own if it
//! brings a sane one, else one of ours.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

/// Longer names would only fill the log.
const LONGEST: usize = 128;

/// Names requests: a random part of this process, then a count. Unique without
/// asking the system for randomness each time.
pub(super) struct RequestIds {
    process: String,
    count: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        let mut process = Uuid::new_v4().simple().to_string();
        process.truncate(12);
        Self { process, count: AtomicU64::new(1) }
    }

    /// The client's `X-Request-Id`, or a new one.
    pub(super) fn choose(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get("x-request-id") {
            Some(given) if is_sane(given.as_bytes()) => given.clone(),
            _ => self.next(),
        }
    }

    fn next(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let text = format!("{}-{count:x}", self.process);
        HeaderValue::try_from(text).expect("hexadecimal digits are visible ASCII")
    }
}

/// Nothing that could break a line of a log or need quoting there.
fn is_sane(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
    !id.is_empty() && id.len() <= LONGEST && id.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_str(given).unwrap());
        RequestIds::new().choose(&headers).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_sane_id_is_kept_and_others_are_replaced() {
        assert_eq!(chosen("a1-B2_c:3"), "a1-B2_c:3");
        for bad in ["", "two words", "quote\"", &"x".repeat(129)] {
            assert_ne!(chosen(bad), bad);
        }
    }

    #[test]
    fn ids_differ() {
        let ids = RequestIds::new();
        assert_ne!(ids.next(), ids.next());
    }
}
