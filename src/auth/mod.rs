//! Credentials become a [`Principal`].
//!
//! One token makes an administrator, others are their users' of the rules in
//! force; whatever proves a caller is decided here, and nothing above sees how.

mod accounts;
mod foreign;
mod hooked;
mod letters;
mod login;
mod rate;
mod stand_in;
mod tokens;
mod totp;
mod users;

use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use subtle::{Choice, ConstantTimeEq as _};
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};

use self::foreign::Claimed;
pub use self::{
    accounts::Accounts,
    foreign::{Foreign, ForeignOptions},
    hooked::Asking,
    login::{Granted, LoginRequest, Mode},
    rate::{Limiter, RateLimit, TooOften, asker},
    stand_in::StandIn,
    users::Registration,
};
use crate::{
    error_code::ErrorCode,
    permissions::Identity,
    principal::{Agent, Principal, Proof},
    rules::{self, Rules},
    secrets::{HashOptions, random_token},
};

/// How often the caller of an open connection is looked at anew.
const RENEWAL: Duration = Duration::from_secs(30);

/// Who is to be recognised.
#[derive(Clone, Default)]
pub struct Options {
    /// The bearer token of the administrator; `None` or empty: there is none.
    pub admin_token: Option<String>,
    /// Users of the database's own tables.
    pub accounts: AccountOptions,
    /// Tokens that others sign.
    pub foreign: ForeignOptions,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Options").field("admin_token", &self.admin_token.as_ref().map(|_| "…")).finish()
    }
}

/// How users come in (contract `auth.md` 14).
#[derive(Clone)]
pub struct AccountOptions {
    /// What tokens are signed with (`SECRET`).
    pub secret: String,
    /// Where the gateway is reached, for links (`PUBLIC_URL`).
    pub public_url: String,
    /// How long an access token lasts (`ACCESS_TOKEN_TTL`).
    pub access_ttl: Duration,
    /// How long a refresh token lasts (`REFRESH_TOKEN_TTL`).
    pub refresh_ttl: Duration,
    /// How long a session lasts (`SESSION_COOKIE_TTL`).
    pub session_ttl: Duration,
    /// How long a session lives on that another has followed
    /// (`SESSION_REFRESH_GRACE_PERIOD`).
    pub grace: Duration,
    /// How long logging in takes at least (`LOGIN_STALL_TIME`).
    pub login_stall: Duration,
    /// How long registering takes at least (`REGISTER_STALL_TIME`).
    pub register_stall: Duration,
    /// How long an address can be confirmed (`EMAIL_VERIFICATION_TOKEN_TTL`).
    pub verification_ttl: Duration,
    /// How long an invitation can be accepted (`USER_INVITE_TOKEN_TTL`).
    pub invite_ttl: Duration,
    /// Where links to a new password may lead (`PASSWORD_RESET_URL_ALLOW_LIST`).
    pub reset_urls: Vec<String>,
    /// Where invitations may lead (`USER_INVITE_URL_ALLOW_LIST`).
    pub invite_urls: Vec<String>,
    /// Where links that confirm an address may lead (`USER_REGISTER_URL_ALLOW_LIST`).
    pub register_urls: Vec<String>,
    /// The cookie of the refresh token.
    pub refresh_cookie: CookieOptions,
    /// The cookie of a session.
    pub session_cookie: CookieOptions,
    /// What hashing costs (`HASH_*`).
    pub hash: HashOptions,
    /// Whether nobody comes in with a password (`AUTH_DISABLE_DEFAULT`).
    pub disable_default: bool,
    /// How often an address may try to log in, to go on, or to get a new password
    /// (`RATE_LIMITER_LOGIN_*`).
    pub login_rate: Option<RateLimit>,
    /// How often an address may register (`RATE_LIMITER_REGISTRATION_*`).
    pub registration_rate: Option<RateLimit>,
}

impl Default for AccountOptions {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            secret: random_token(32),
            public_url: "/".to_owned(),
            access_ttl: Duration::from_secs(900),
            refresh_ttl: Duration::from_secs(7 * DAY),
            session_ttl: Duration::from_secs(DAY),
            grace: Duration::from_secs(10),
            login_stall: Duration::from_millis(500),
            register_stall: Duration::from_millis(750),
            verification_ttl: Duration::from_secs(7 * DAY),
            invite_ttl: Duration::from_secs(7 * DAY),
            reset_urls: Vec::new(),
            invite_urls: Vec::new(),
            register_urls: Vec::new(),
            refresh_cookie: CookieOptions::named("directus_refresh_token"),
            session_cookie: CookieOptions::named("directus_session_token"),
            hash: HashOptions::default(),
            disable_default: false,
            login_rate: None,
            registration_rate: None,
        }
    }
}

impl std::fmt::Debug for AccountOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AccountOptions").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// A cookie (`REFRESH_TOKEN_COOKIE_*`, `SESSION_COOKIE_*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieOptions {
    /// Its name.
    pub name: String,
    /// For which domain; none is the gateway's own.
    pub domain: Option<String>,
    /// Whether it is sent over TLS alone.
    pub secure: bool,
    /// `lax`, `strict` or `none`.
    pub same_site: String,
}

impl CookieOptions {
    /// A cookie of that name, with the contract's defaults.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), domain: None, secure: false, same_site: "lax".to_owned() }
    }
}

/// What a caller brought, as text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// `access_token` of the query string, decoded.
    pub access_token: Option<&'a str>,
    /// The session's cookie, which counts only where there is nothing else.
    pub cookie: Option<&'a str>,
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
    /// Its time is over, or it was ended.
    #[error("the access token has expired")]
    Expired,
    /// It was tampered with.
    #[error("the access token is not valid")]
    Invalid,
    /// Nobody can say at the moment.
    #[error("the users cannot be asked for at the moment")]
    Unavailable,
}

impl Error {
    /// The stable code.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Ambiguous => ErrorCode::InvalidPayload,
            Self::Unknown => ErrorCode::InvalidCredentials,
            Self::Expired => ErrorCode::TokenExpired,
            Self::Invalid => ErrorCode::InvalidToken,
            Self::Unavailable => ErrorCode::ServiceUnavailable,
        }
    }

    /// What clients are told.
    pub fn message(self) -> &'static str {
        match self {
            Self::Ambiguous => "The access token was sent both in the header and in the query string.",
            Self::Unknown => "Invalid user credentials.",
            Self::Expired => "Token expired.",
            Self::Invalid => "Invalid token.",
            Self::Unavailable => "The database cannot be reached at the moment.",
        }
    }
}

/// Knows who is who.
#[derive(Clone, Debug)]
pub struct Authenticator {
    options: Options,
    rules: Option<Rules>,
    accounts: Option<Accounts>,
    foreign: Option<Foreign>,
    asked: Option<hooked::Asked>,
}

impl Authenticator {
    /// Recognises callers as `options` say.
    pub fn new(options: Options) -> Self {
        Self { options, rules: None, accounts: None, foreign: None, asked: None }
    }

    /// Knows those as well whom rules know.
    #[must_use]
    pub fn with_rules(mut self, rules: Option<Rules>) -> Self {
        self.rules = rules;
        self
    }

    /// Believes those as well whose tokens others have signed.
    #[must_use]
    pub fn with_foreign(mut self, foreign: Option<Foreign>) -> Self {
        self.foreign = foreign;
        self
    }

    /// Knows the users of the database's own tables as well.
    #[must_use]
    pub fn with_accounts(mut self, accounts: Option<Accounts>) -> Self {
        self.accounts = accounts;
        self
    }

    /// The users of the database's own tables.
    pub fn accounts(&self) -> Option<&Accounts> {
        self.accounts.as_ref()
    }

    /// How cookies are called and kept.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Turns credentials into a caller at an address; without any, the caller is
    /// the public.
    ///
    /// # Errors
    /// When there are two tokens, or one that is worth nothing.
    pub async fn authenticate(
        &self,
        credentials: Credentials<'_>,
        ip: Option<IpAddr>,
        agent: Option<Arc<Agent>>,
    ) -> Result<Principal, Error> {
        let header = credentials.authorization.and_then(bearer);
        let query = credentials.access_token.filter(|token| !token.is_empty());
        let cookie = credentials.cookie.filter(|token| !token.is_empty());
        if let Some(accounts) = &self.accounts {
            accounts.freshen().await?;
        }
        let token = match (header, query) {
            (Some(_), Some(_)) => return Err(Error::Ambiguous),
            (Some(token), None) | (None, Some(token)) => token,
            (None, None) => match cookie {
                // Only users of the tables have sessions.
                Some(token) if self.accounts.is_some() => token,
                _ => {
                    let public = self.principal(Identity { ip, ..Identity::default() }, None).await?;
                    return Ok(public.with_agent(agent));
                }
            },
        };
        Ok(self.recognise(token, ip).await?.with_agent(agent))
    }

    async fn recognise(&self, token: &str, ip: Option<IpAddr>) -> Result<Principal, Error> {
        let admin_token = self.options.admin_token.as_deref().unwrap_or_default();
        if same(token.as_bytes(), admin_token.as_bytes()) {
            return Ok(Principal::admin().at(ip));
        }
        if let Some(identity) = self.rules.as_ref().and_then(|rules| rules.identity(token)) {
            let proof = Proof { token: rules::digest(token), ..Proof::default() };
            return self.principal(Identity { ip, ..identity }, Some(proof)).await;
        }
        if let Some(foreign) = self.foreign.as_ref().filter(|_| tokens::is_foreign(token)) {
            let Claimed { identity, proof, values } = foreign.recognise(token).await?;
            let known = self.principal(Identity { ip, ..identity }, Some(proof)).await?;
            return Ok(known.with_values(values));
        }
        let accounts = self.accounts.as_ref().ok_or(Error::Unknown)?;
        let (identity, proof) = accounts.recognise(token).await?;
        self.principal(Identity { ip, ..identity }, Some(proof)).await
    }

    async fn principal(&self, identity: Identity, proof: Option<Proof>) -> Result<Principal, Error> {
        let proof = proof.map(Arc::new);
        let Some(rules) = &self.rules else { return Ok(Principal::public().at(identity.ip).proved_by(proof)) };
        let known = rules.principal(identity).proved_by(proof);
        let Some(accounts) = &self.accounts else { return Ok(known) };
        match &*rules.paths(&known) {
            [] => Ok(known),
            paths => accounts.with_values(known, paths).await,
        }
    }

    /// The caller of an open connection as they are known now.
    ///
    /// # Errors
    /// When what they proved themselves with is worth nothing any more.
    pub async fn renew(&self, principal: &Principal) -> Result<Principal, Error> {
        if let Some(proof) = principal.proof.as_ref().filter(|proof| proof.is_foreign) {
            let now = self.foreign.as_ref().map_or(0, Foreign::now_millis);
            if proof.expires_millis.is_some_and(|expires| expires <= now) {
                return Err(Error::Expired);
            }
            if let Some(accounts) = &self.accounts {
                accounts.freshen().await?;
            }
            return Ok(self.rules.as_ref().map_or_else(|| principal.clone(), |rules| rules.renewed_now(principal)));
        }
        let Some(accounts) = &self.accounts else {
            return Ok(self.rules.as_ref().map_or_else(|| principal.clone(), |rules| rules.renewed_now(principal)));
        };
        accounts.freshen().await?;
        let identity = match (&principal.user, principal.admin) {
            (None, true) if principal.policies.is_empty() => return Ok(principal.clone()),
            (None, _) => Identity::default(),
            (Some(_), _) => accounts.renew(principal).await?,
        };
        let renewed = self.principal(Identity { ip: principal.ip, ..identity }, None).await?;
        Ok(renewed.proved_by(principal.proof.clone()).with_agent(principal.agent.clone()))
    }

    /// Resolves when a caller of an open connection is not any more who they were:
    /// their time is over, they were logged out or suspended, or they have another
    /// role.
    pub fn lapse(&self, principal: &Arc<Principal>) -> Lapse {
        let Some(proof) = &principal.proof else { return Lapse::never() };
        let (accounts, foreign) = (self.accounts.as_ref(), self.foreign.as_ref().filter(|_| proof.is_foreign));
        let now = match (accounts, foreign) {
            (_, Some(foreign)) => foreign.now_millis(),
            (Some(accounts), None) => accounts.now_millis(),
            (None, None) => return Lapse::never(),
        };
        // Of others' users nothing is heard.
        let mut changes = accounts.filter(|_| foreign.is_none()).map(Accounts::changes);
        let user = principal.user.clone();
        let (authenticator, principal) = (self.clone(), principal.clone());
        let expires = principal.proof.as_ref().and_then(|proof| proof.expires_millis);
        let left = expires.map(|expires| Duration::from_millis((expires - now).max(0).unsigned_abs()));
        Lapse(Some(Box::pin(async move {
            let expiry = async {
                match left {
                    Some(left) => sleep(left).await,
                    None => std::future::pending().await,
                }
            };
            let change = async {
                // What happened since they proved themselves, then what happens here, and now
                // and then what others may have done.
                let mut is_due = true;
                let Some(changes) = &mut changes else { return std::future::pending().await };
                loop {
                    if !is_due {
                        match timeout(RENEWAL, changes.recv()).await {
                            Ok(Ok(changed)) if Some(&changed) != user.as_ref() => continue,
                            Ok(Err(broadcast::error::RecvError::Closed)) => return,
                            Ok(Ok(_) | Err(broadcast::error::RecvError::Lagged(_))) | Err(_) => {}
                        }
                    }
                    is_due = false;
                    match authenticator.renew(&principal).await {
                        Ok(renewed) if renewed == *principal => {}
                        Err(Error::Unavailable) => {}
                        Ok(_) | Err(_) => return,
                    }
                }
            };
            tokio::select! {
                () = expiry => {}
                () = change => {}
            }
        })))
    }
}

/// See [`Authenticator::lapse`].
pub struct Lapse(Option<BoxFuture<'static, ()>>);

impl Lapse {
    /// Of a caller who is nobody in particular.
    pub fn never() -> Self {
        Self(None)
    }
}

impl std::fmt::Debug for Lapse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lapse").finish_non_exhaustive()
    }
}

impl Future for Lapse {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(lapse) => lapse.as_mut().poll(context),
            None => Poll::Pending,
        }
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
    use futures_util::FutureExt as _;

    use super::*;

    fn options(admin_token: &str) -> Options {
        Options { admin_token: Some(admin_token.to_owned()), ..Options::default() }
    }

    fn who(admin_token: &str, authorization: Option<&str>, access_token: Option<&str>) -> Result<bool, Error> {
        let authenticator = Authenticator::new(options(admin_token));
        let credentials = Credentials { authorization, access_token, cookie: None };
        let asked = authenticator.authenticate(credentials, None, None).now_or_never();
        asked.expect("nobody else has to be asked").map(|principal| principal.admin)
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
        assert!(!format!("{:?}", Authenticator::new(options("secret"))).contains("secret"));
    }
}
