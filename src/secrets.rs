//! Random tokens, and passwords as argon2 hashes (contract `auth.md` 11).

use std::sync::LazyLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use fancy_regex::Regex;
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::tasks;

/// What refresh and session tokens are written with.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// What hashing a password costs (`HASH_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashOptions {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes.
    pub time: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for HashOptions {
    fn default() -> Self {
        Self { memory: 65_536, time: 3, parallelism: 4 }
    }
}

/// A random token of so many characters, each of which may stand in a URL.
pub fn random_token(length: usize) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

/// Those who hash at a time: each takes a processor, and much memory. Who writes
/// may hold locks meanwhile, and does not wait for those who log in.
static HASHING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(processors()));
static MATCHING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(processors()));

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// A password's argon2id hash, made where nobody waits for it; as many at a time
/// as there are processors.
///
/// # Errors
/// When the options cannot be used.
pub async fn hashed(password: String, options: HashOptions) -> Result<String, Unhashed> {
    let hashed = tasks::in_turn(&HASHING, move || hash(&password, options)).await;
    hashed.map_err(|error| Unhashed(error.to_string()))?.map_err(|error| Unhashed(error.to_string()))
}

/// A hash that nothing matches, for users whom there are not: looking takes as long
/// as for those whose hashes were made by the same options.
pub fn nobodys_hash(options: HashOptions) -> String {
    let HashOptions { memory, time, parallelism } = options;
    format!(
        "$argon2id$v=19$m={memory},t={time},p={parallelism}$Tm9ib2R5J3Mgc2FsdA$\
         MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
    )
}

/// Whether a password is the one of a hash, found out in the same way.
///
/// # Errors
/// When it cannot be found out.
pub async fn is_match(password: String, hash: String) -> Result<bool, Unhashed> {
    let is_match = tasks::in_turn(&MATCHING, move || matches(&password, &hash)).await;
    is_match.map_err(|error| Unhashed(error.to_string()))
}

/// Why a password could not be hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password cannot be hashed: {0}")]
pub struct Unhashed(String);

fn hash(password: &str, options: HashOptions) -> Result<String, argon2::password_hash::Error> {
    let params = Params::new(options.memory, options.time, options.parallelism, None)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon2.hash_password(password.as_bytes())?.to_string())
}

/// What verifying a hash may cost at most: it says itself what it costs.
const MOST_MEMORY: u32 = 1 << 20;
const MOST_WORK: u64 = 1 << 24;

/// Whether a password is the one of a hash, of whatever variant and cost of argon2
/// within reason. Takes a while.
fn matches(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let Ok(params) = Params::try_from(&hash) else { return false };
    let (memory, passes) = (params.m_cost(), params.t_cost());
    if memory > MOST_MEMORY || u64::from(memory) * u64::from(passes) > MOST_WORK || params.p_cost() > 64 {
        tracing::warn!(memory, passes, "a hash is not looked at: that would cost too much");
        return false;
    }
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Whether a password is what a policy demands: a regular expression, which may
/// stand between slashes (contract `auth.md` 7). A policy that makes no sense lets
/// no password through.
pub fn fits(policy: &str, password: &str) -> bool {
    let pattern = policy.strip_prefix('/').and_then(|policy| policy.strip_suffix('/')).unwrap_or(policy);
    let fits = Regex::new(pattern).and_then(|regex| regex.is_match(password));
    if let Err(error) = &fits {
        tracing::error!(%error, "the password policy cannot be used; no password fits");
    }
    fits.unwrap_or(false)
}

/// A few letters that stand for a secret and do not give it away.
pub fn fingerprint(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().take(9).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashOptions = HashOptions { memory: 64, time: 1, parallelism: 1 };

    #[test]
    fn a_password_matches_its_own_hash_alone() {
        let hashed = hash("secret", CHEAP).unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hashed}");
        assert!(matches("secret", &hashed));
        assert!(!matches("Secret", &hashed) && !matches("secret", "") && !matches("secret", "secret"));
        assert_ne!(hash("secret", CHEAP).unwrap(), hashed);
    }

    #[test]
    fn nobodys_hash_costs_as_much_as_anybodys_and_is_matched_by_nothing() {
        for options in [CHEAP, HashOptions { memory: 128, time: 2, parallelism: 4 }] {
            let (nobodys, anybodys) = (nobodys_hash(options), hash("secret", options).unwrap());
            let costs = |hash: &str| {
                let hash = PasswordHash::new(hash).unwrap();
                let params = Params::try_from(&hash).unwrap();
                let output = hash.hash.map(|hash| hash.as_bytes().len());
                (hash.algorithm.to_string(), hash.version, params.m_cost(), params.t_cost(), params.p_cost(), output)
            };
            assert_eq!(costs(&nobodys), costs(&anybodys));
            assert!(!matches("secret", &nobodys) && !matches("", &nobodys));
        }
        assert!(PasswordHash::new(&nobodys_hash(HashOptions::default())).is_ok());
    }

    #[test]
    fn a_hash_that_costs_too_much_is_not_looked_at() {
        for costs in ["m=8000000,t=1,p=1", "m=65536,t=4294967295,p=1", "m=1048576,t=17,p=1"] {
            let hash = format!("$argon2id$v=19${costs}$Tm9ib2R5J3Mgc2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE");
            assert!(PasswordHash::new(&hash).is_ok() && !matches("x", &hash), "{costs}");
        }
    }

    #[test]
    fn other_variants_and_costs_are_understood() {
        // The C library's, which Directus hashes with.
        let argon2i = "$argon2i$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A";
        assert!(PasswordHash::new(argon2i).is_ok());
        assert!(!matches("something else", argon2i));
    }

    #[test]
    fn the_policies_that_directus_offers_are_understood() {
        let strong = r"/(?=^.{8,}$)(?=.*\d)(?=.*[!@#$%^&*()_+}{';'?>.<,])(?!.*\s)(?=.*[A-Z])(?=.*[a-z]).*$/";
        assert!(fits(strong, "Abcdef1!") && !fits(strong, "Abcdef1! x") && !fits(strong, "abcdef1!"));
        assert!(fits("^.{3,}$", "abc") && !fits("/^.{3,}$/", "ab") && !fits("(", "abc"));
    }

    #[test]
    fn tokens_are_long_and_all_different() {
        let (one, other) = (random_token(64), random_token(64));
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
        assert!(one.bytes().all(|byte| ALPHABET.contains(&byte)));
    }
}
