//! Credentials become a [`Principal`].
//!
//! One token makes an administrator, others are their users' of the rules in
//! force; whatever proves a caller is decided here, and nothing above sees how.

use std::net::IpAddr;

use subtle::{Choice, ConstantTimeEq as _};

use crate::{permissions::Identity, principal::Principal, rules::Rules};

/// Who is to be recognised.
#[derive(Clone, Default)]
pub struct Options {
    /// The bearer token of the administrator; `None` or empty: there is none.
    pub admin_token: Option<String>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Options").field("admin_token", &self.admin_token.as_ref().map(|_| "…")).finish()
    }
}

/// What a caller brought, as text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// `access_token` of the query string, decoded.
    pub access_token: Option<&'a str>,
}

/// Why credentials are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A token in the header and one in the query: unclear which one counts.
    #[error("the access token was sent both in the header and in the query string")]
    Ambiguous,
    /// Nobody has this token.
    #[error("the access token is not known")]
    Unknown,
}

/// Knows who is who.
#[derive(Debug)]
pub struct Authenticator {
    options: Options,
    rules: Option<Rules>,
}

impl Authenticator {
    /// Recognises callers as `options` say.
    pub fn new(options: Options) -> Self {
        Self { options, rules: None }
    }

    /// Knows those as well whom rules know.
    #[must_use]
    pub fn with_rules(mut self, rules: Option<Rules>) -> Self {
        self.rules = rules;
        self
    }

    /// Turns credentials into a caller at an address; without any, the caller is
    /// the public.
    ///
    /// # Errors
    /// When there are two tokens, or one that nobody has.
    pub fn authenticate(&self, credentials: Credentials<'_>, ip: Option<IpAddr>) -> Result<Principal, Error> {
        let header = credentials.authorization.and_then(bearer);
        let query = credentials.access_token.filter(|token| !token.is_empty());
        match (header, query) {
            (None, None) => Ok(self.principal(Identity { ip, ..Identity::default() })),
            (Some(_), Some(_)) => Err(Error::Ambiguous),
            (Some(token), None) | (None, Some(token)) => self.recognise(token, ip),
        }
    }

    fn recognise(&self, token: &str, ip: Option<IpAddr>) -> Result<Principal, Error> {
        let admin_token = self.options.admin_token.as_deref().unwrap_or_default();
        if same(token.as_bytes(), admin_token.as_bytes()) {
            return Ok(Principal::admin().at(ip));
        }
        let known = self.rules.as_ref().and_then(|rules| rules.identity(token));
        known.map(|identity| self.principal(Identity { ip, ..identity })).ok_or(Error::Unknown)
    }

    fn principal(&self, identity: Identity) -> Principal {
        let ip = identity.ip;
        self.rules.as_ref().map_or_else(|| Principal::public().at(ip), |rules| rules.principal(identity))
    }
}

/// The token of a bearer header. Other schemes are not ours: a proxy's basic
/// authentication must not lock everybody out.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Compares in a time that depends on the length of `given` alone. An empty
/// secret equals nothing.
fn same(given: &[u8], secret: &[u8]) -> bool {
    if secret.is_empty() {
        return false;
    }
    let mut equal: Choice = (given.len() as u64).ct_eq(&(secret.len() as u64));
    for (byte, expected) in given.iter().zip(secret.iter().cycle()) {
        equal &= byte.ct_eq(expected);
    }
    equal.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(admin_token: &str, authorization: Option<&str>, access_token: Option<&str>) -> Result<bool, Error> {
        let authenticator = Authenticator::new(Options { admin_token: Some(admin_token.to_owned()) });
        authenticator.authenticate(Credentials { authorization, access_token }, None).map(|principal| principal.admin)
    }

    #[test]
    fn the_admin_token_is_known_in_header_and_query() {
        assert_eq!(who("secret", Some("Bearer secret"), None), Ok(true));
        assert_eq!(who("secret", Some("bearer  secret "), None), Ok(true));
        assert_eq!(who("secret", None, Some("secret")), Ok(true));
    }

    #[test]
    fn no_token_is_the_public() {
        assert_eq!(who("secret", None, None), Ok(false));
        assert_eq!(who("secret", Some("Bearer "), Some("")), Ok(false));
        assert_eq!(who("secret", Some("Basic c2VjcmV0"), None), Ok(false));
    }

    #[test]
    fn wrong_tokens_are_refused() {
        for token in ["secre", "secret2", "secretsecret", "Secret", "x"] {
            assert_eq!(who("secret", None, Some(token)), Err(Error::Unknown), "{token}");
        }
        assert_eq!(who("secret", Some("Bearer secret"), Some("secret")), Err(Error::Ambiguous));
    }

    #[test]
    fn an_empty_admin_token_is_nobodys() {
        assert_eq!(who("", None, Some("x")), Err(Error::Unknown));
        assert_eq!(who("", Some("Bearer"), None), Ok(false));
    }

    #[test]
    fn a_token_is_never_printed() {
        let options = Options { admin_token: Some("secret".to_owned()) };
        assert!(!format!("{:?}", Authenticator::new(options)).contains("secret"));
    }
}
