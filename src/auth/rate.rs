//! How often somebody may ask: so many points in so long a time, by address or by
//! user.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;

use crate::{engine, error_code::ErrorCode, hooks};

/// How many askers are counted at a time; who is forgotten begins anew.
const MOST_COUNTED: u64 = 100_000;

/// So many requests in so long a time (`RATE_LIMITER_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub points: u32,
    /// In how long a time.
    pub duration: Duration,
}

/// More often than a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Too many requests; try again later.")]
pub struct TooOften {
    /// How often it may be.
    pub limit: u32,
    /// In how many seconds it may go well.
    pub reset: u64,
}

/// Counts what each asks within a time that begins with their first request.
#[derive(Debug)]
pub struct Limiter {
    limit: RateLimit,
    counted: Cache<String, Arc<AtomicU32>>,
}

impl Limiter {
    /// Counts to that limit.
    pub fn new(limit: RateLimit) -> Self {
        let counted = Cache::builder().max_capacity(MOST_COUNTED).time_to_live(limit.duration).build();
        Self { limit, counted }
    }

    /// Counts once more.
    ///
    /// # Errors
    /// When that is too often.
    pub fn count(&self, who: String) -> Result<(), TooOften> {
        let counter = self.counted.get_with(who, Arc::default);
        if counter.fetch_add(1, Ordering::Relaxed) < self.limit.points {
            return Ok(());
        }
        // It may be earlier, and is never later.
        Err(TooOften { limit: self.limit.points, reset: self.limit.duration.as_secs().max(1) })
    }
}

impl From<TooOften> for engine::Error {
    fn from(error: TooOften) -> Self {
        let told = hooks::Error::known(ErrorCode::RequestsExceeded, error.to_string());
        told.with("limit", error.limit).with("reset", error.reset).into()
    }
}

/// Whom an address is counted as: of IPv6, whoever has one has 64 bits of them.
pub fn asker(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_network_are_counted_as_one() {
        let asker = |address: &str| asker(address.parse().expect("it is an address"));
        assert_eq!(asker("2001:db8:1:2::1"), asker("2001:db8:1:2:ffff::9"));
        assert_ne!(asker("2001:db8:1:2::1"), asker("2001:db8:1:3::1"));
        assert_eq!(asker("::ffff:192.0.2.1"), asker("192.0.2.1"));
        assert_ne!(asker("192.0.2.2"), asker("192.0.2.1"));
    }

    #[test]
    fn each_is_counted_by_themselves() {
        let limiter = Limiter::new(RateLimit { points: 2, duration: Duration::from_secs(3_600) });
        let is_allowed = |who: &str| limiter.count(who.to_owned()).is_ok();
        assert!(is_allowed("a") && is_allowed("a") && !is_allowed("a") && !is_allowed("a"));
        assert!(is_allowed("b"));
    }
}
