//! How often somebody may ask anything at all.

use super::problem::Problem;
use crate::{
    auth::{Limiter, RateLimit, TooOften},
    error_code::ErrorCode,
};

/// What is limited; what is absent is not (`RATE_LIMITER_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests of one address, or of one user.
    pub requests: Option<RateLimit>,
    /// All requests together.
    pub global: Option<RateLimit>,
}

/// Counts requests.
#[derive(Debug)]
pub(super) struct Limiters {
    requests: Option<Limiter>,
    global: Option<Limiter>,
}

impl Limiters {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self { requests: limits.requests.map(Limiter::new), global: limits.global.map(Limiter::new) }
    }

    /// Counts a request of somebody.
    pub(super) fn request(&self, who: impl FnOnce() -> String) -> Result<(), Problem> {
        if let Some(limiter) = &self.global {
            limiter.count(String::new())?;
        }
        match &self.requests {
            Some(limiter) => Ok(limiter.count(who())?),
            None => Ok(()),
        }
    }
}

impl From<TooOften> for Problem {
    fn from(error: TooOften) -> Self {
        let problem = Self::new(ErrorCode::RequestsExceeded, error.to_string());
        problem.with("limit", error.limit).with("reset", error.reset).retry_after(error.reset)
    }
}
