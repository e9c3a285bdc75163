//! Logging in, going on, and logging out (contract `auth.md` 4 to 6 and 10).

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value as Json, json};
use tokio::time::sleep;

use super::{
    Accounts,
    accounts::{id_value, refused},
    totp,
};
use crate::{
    clock::Stopwatch,
    engine::Error,
    error_code::ErrorCode,
    hooks::{self, Meta},
    principal::{Cookie, Id, Principal},
    secrets::{self, fingerprint, random_token},
    store::{Row, statements},
    tasks,
    value::Value,
};

/// Letters of a refresh or session token.
const TOKEN_LENGTH: usize = 64;

/// Where a client keeps its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Both itself.
    #[default]
    Json,
    /// The refresh token in a cookie.
    Cookie,
    /// A session in a cookie, and nothing else.
    Session,
}

impl Mode {
    /// The mode of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "cookie" => Some(Self::Cookie),
            "session" => Some(Self::Session),
            _ => None,
        }
    }
}

/// What somebody gets who has logged in.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// Where it is kept.
    pub mode: Mode,
    /// Says who somebody is; none if a cookie holds it.
    pub access_token: Option<String>,
    /// With which to go on; none if a cookie holds it, or the session's does.
    pub refresh_token: Option<String>,
    /// How long the access token lasts.
    pub expires: Duration,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Granted").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// What somebody logs in with.
#[derive(Clone, Default)]
pub struct LoginRequest {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The one-time password.
    pub otp: Option<String>,
    /// Where the tokens are to be kept.
    pub mode: Mode,
}

impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LoginRequest").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Logs somebody in; `client` is who they were before, with address and agent.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` whatever is wrong, `INVALID_OTP`; after the same time
    /// as what goes well.
    pub async fn log_in(&self, request: LoginRequest, client: &Principal) -> Result<Granted, Error> {
        Self::limited(&self.0.logins, client)?;
        let watch = Stopwatch::start();
        let outcome = self.try_log_in(request, client).await;
        self.stall(self.0.options.accounts.login_stall, watch).await;
        outcome
    }

    pub(super) async fn stall(&self, least: Duration, watch: Stopwatch) {
        sleep(least.saturating_sub(watch.elapsed())).await;
    }

    async fn try_log_in(&self, request: LoginRequest, client: &Principal) -> Result<Granted, Error> {
        if self.0.options.accounts.disable_default {
            let message = "There is no login with a password.";
            return Err(refused(ErrorCode::RouteNotFound, message));
        }
        let found = self.user_by_email(&request.email).await?;
        let user = found.as_ref().and_then(|row| row.get("id")).and_then(Json::as_str).map(Id::from);
        let hooks = self.0.engine.hooks();
        let context = self.0.engine.own_context();
        let credentials = json!({ "email": request.email, "password": request.password, "otp": request.otp });
        let meta =
            |status: &str| Meta::new().with("status", status).with("user", user.as_deref()).with("provider", "default");
        let credentials = hooks.filter(&["auth.login"], credentials, meta("pending"), &context).await;
        let outcome = match credentials {
            Ok(credentials) => {
                let text = |name: &str| credentials.get(name).and_then(Json::as_str).map(str::to_owned);
                let (password, otp) = (text("password").unwrap_or_default(), text("otp"));
                self.check_login(found, &password, otp.as_deref()).await
            }
            Err(failure) => Err(failure.into()),
        };
        let status = if outcome.is_ok() { "success" } else { "fail" };
        hooks.act(vec!["auth.login".to_owned()], meta(status), context.clone()).await;
        let row = outcome?;
        let user = user.ok_or(Error::Internal)?;
        let granted = self.grant(&row, request.mode, client, "login").await?;
        self.record("login", &user, client).await?;
        Ok(granted)
    }

    /// Holds a user's row against what somebody logs in with.
    async fn check_login(&self, found: Option<Row>, password: &str, otp: Option<&str>) -> Result<Row, Error> {
        let text = |row: &Row, name: &str| row.get(name).and_then(Json::as_str).map(str::to_owned);
        let may_come = |row: &Row| {
            text(row, "status").as_deref() == Some("active") && text(row, "provider").as_deref() == Some("default")
        };
        let allowed = self.allowed_attempts().await?;
        let known = match found.filter(may_come) {
            Some(row) => {
                let id: Id = text(&row, "id").unwrap_or_default().into();
                self.count_attempt(&id, allowed).await.map(|()| (id, row))
            }
            None => Err(wrong_credentials()),
        };
        // As much work for those whom there are not.
        let stored = known.as_ref().ok().and_then(|(_, row)| text(row, "password"));
        let stored = stored.unwrap_or_else(|| secrets::nobodys_hash(self.0.options.accounts.hash));
        let is_match = self.verify(password.to_owned(), stored).await?;
        let (id, row) = known?;
        if !is_match {
            return Err(wrong_credentials());
        }
        if let Some(secret) = text(&row, "tfa_secret").filter(|secret| !secret.is_empty()) {
            let seconds = self.now_millis() / 1_000;
            if !otp.is_some_and(|otp| totp::matches(&secret, otp, seconds)) {
                return Err(refused(ErrorCode::InvalidOtp, "Invalid user OTP."));
            }
        }
        self.0.attempts.invalidate(&id);
        Ok(row)
    }

    /// Whether a password is the one of a hash, found out where nobody waits.
    pub(super) async fn verify(&self, password: String, hash: String) -> Result<bool, Error> {
        secrets::is_match(password, hash).await.map_err(|error| {
            tracing::error!(%error, "a password cannot be held against its hash");
            Error::Internal
        })
    }

    /// How often somebody may try before they get in; none is any number.
    pub(super) async fn allowed_attempts(&self) -> Result<Option<u64>, Error> {
        Ok(self.setting("auth_login_attempts").await?.as_ref().and_then(Json::as_u64))
    }

    /// Counts an attempt; too many of them suspend the user, and those too many
    /// are refused whatever their passwords.
    pub(super) async fn count_attempt(&self, user: &Id, allowed: Option<u64>) -> Result<(), Error> {
        if self.0.locked.contains_key(user) {
            return Err(wrong_credentials());
        }
        let Some(allowed) = allowed else { return Ok(()) };
        let counted = self
            .0
            .attempts
            .entry(user.clone())
            .and_upsert_with(|known| known.map_or(0, |known| known.into_value()) + 1);
        let counted = u64::from(counted.into_value());
        if counted <= allowed {
            return Ok(());
        }
        // It is under way: of a flood, each would hold a connection for it.
        if counted > allowed + 1 {
            return Err(wrong_credentials());
        }
        let (accounts, user) = (self.clone(), user.clone());
        // Whether the client still waits or not.
        let suspending = tasks::spawn("suspension", async move {
            let suspended = json!({ "status": "suspended" });
            // It is the user's own doing, so to speak.
            let mut own = Principal::public();
            own.user = Some(user.clone());
            let users = accounts.users_service(&own);
            match users.update_one(Json::from(&*user), suspended).await {
                Ok(_) => tracing::warn!(%user, "a user is suspended after too many attempts to log in"),
                Err(error) => {
                    tracing::warn!(%user, %error, "somebody is tried too often, and locked for a while");
                    accounts.0.locked.insert(user.clone(), ());
                }
            }
            accounts.0.attempts.invalidate(&user);
        });
        // What became of it, nobody is told.
        let _ = suspending.await;
        Err(wrong_credentials())
    }

    /// A value of the settings.
    pub(super) async fn setting(&self, name: &str) -> Result<Option<Json>, Error> {
        let rows = self.rows(statements::SETTINGS, &[]).await?;
        Ok(rows.into_iter().next().and_then(|mut row| row.remove(name)).filter(|value| !value.is_null()))
    }

    pub(super) async fn user_by_email(&self, email: &str) -> Result<Option<Row>, Error> {
        if email.contains('\0') {
            return Ok(None);
        }
        let wanted = email.to_lowercase();
        let rows = self.rows(statements::USER_BY_EMAIL, &[Value::Text(wanted.as_str().into())]).await?;
        // Collations may take another address for the same; of two users with one
        // address, nobody knows who is meant.
        let is_it =
            |row: &Row| row.get("email").and_then(Json::as_str).is_some_and(|known| known.to_lowercase() == wanted);
        let mut found: Vec<Row> = rows.into_iter().filter(is_it).collect();
        Ok(found.pop().filter(|_| found.is_empty()))
    }

    /// A new session of a user.
    async fn grant(&self, user: &Row, mode: Mode, client: &Principal, kind: &str) -> Result<Granted, Error> {
        let options = &self.0.options.accounts;
        let refresh_token = random_token(TOKEN_LENGTH);
        let id: Id = user.get("id").and_then(Json::as_str).unwrap_or_default().into();
        let now = self.now_millis();
        let agent = client.agent.as_deref();
        let text = |text: Option<&String>| text.map_or(Value::Null, |text| Value::Text(text.as_str().into()));
        let values = [
            Value::Text(refresh_token.as_str().into()),
            id_value(&id),
            self.0.store.instant(now + millis(options.refresh_ttl)),
            client.ip.map_or(Value::Null, |ip| Value::Text(ip.to_string().into())),
            text(agent.and_then(|agent| agent.user_agent.as_ref())),
            text(agent.and_then(|agent| agent.origin.as_ref())),
        ];
        self.execute(statements::NEW_SESSION, &values).await?;
        self.execute(statements::FORGET_SESSIONS, &[self.0.store.instant(now)]).await?;
        self.seen(&id, now).await?;
        let access_token = self.access_token(user, &refresh_token, mode, kind).await?;
        Ok(self.granted(mode, access_token, refresh_token, client))
    }

    /// What a client is told, and what it is to keep in a cookie instead.
    fn granted(&self, mode: Mode, access_token: String, refresh_token: String, client: &Principal) -> Granted {
        let options = &self.0.options.accounts;
        let expires = if mode == Mode::Session { options.session_ttl } else { options.access_ttl };
        let (access_token, refresh_token, cookie) = match mode {
            Mode::Json => (Some(access_token), Some(refresh_token), None),
            Mode::Cookie => (Some(access_token), None, Some(Cookie::Refresh(Some(refresh_token)))),
            Mode::Session => (None, None, Some(Cookie::Session(Some(access_token)))),
        };
        if let (Some(agent), Some(cookie)) = (&client.agent, cookie) {
            agent.set_cookie(cookie);
        }
        Granted { mode, access_token, refresh_token, expires }
    }

    /// The token to go on with, or to end: the one given, or that of the cookie which
    /// belongs to the mode.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` where there is none, `TOKEN_EXPIRED` for a session whose time
    /// is over.
    pub fn token_of(&self, mode: Mode, given: Option<String>, client: &Principal) -> Result<String, Error> {
        let agent = client.agent.as_deref();
        let token = match mode {
            Mode::Json => given,
            Mode::Cookie => agent.and_then(|agent| agent.refresh_cookie.clone()),
            Mode::Session => match agent.and_then(|agent| agent.session_cookie.as_deref()) {
                Some(session) => self.session_of(session)?,
                None => None,
            },
        };
        let missing = || hooks::Error::invalid_payload("the refresh token is required, as a value or in a cookie");
        token.filter(|token| !token.is_empty()).ok_or_else(|| missing().into())
    }

    async fn seen(&self, user: &Id, now: i64) -> Result<(), Error> {
        self.execute(statements::SEEN, &[self.0.store.instant(now), id_value(user)]).await?;
        Ok(())
    }

    /// An access token for a user (contract `auth.md` 3).
    async fn access_token(&self, user: &Row, refresh_token: &str, mode: Mode, kind: &str) -> Result<String, Error> {
        let options = &self.0.options.accounts;
        let id: Option<Id> = user.get("id").and_then(Json::as_str).map(Id::from);
        let role: Option<Id> = user.get("role").and_then(Json::as_str).map(Id::from);
        let identity = crate::permissions::Identity { user: id.clone(), role: role.clone(), ip: None };
        self.freshen().await?;
        let principal = self.0.rules.principal(identity);
        let mut claims = Map::new();
        claims.insert("id".to_owned(), id.as_deref().into());
        claims.insert("role".to_owned(), role.as_deref().into());
        claims.insert("app_access".to_owned(), principal.app.into());
        claims.insert("admin_access".to_owned(), principal.admin.into());
        let password = user.get("password").and_then(Json::as_str).unwrap_or_default();
        claims.insert("pwd".to_owned(), fingerprint(password).into());
        match mode {
            Mode::Session => drop(claims.insert("session".to_owned(), refresh_token.into())),
            Mode::Json | Mode::Cookie => drop(claims.insert("sid".to_owned(), self.login_of(refresh_token).into())),
        }
        let has_tfa = user.get("tfa_secret").is_some_and(|secret| !secret.is_null());
        if kind == "login" && !has_tfa && self.enforces_tfa(&principal).await? {
            claims.insert("enforce_tfa".to_owned(), true.into());
        }
        let meta = Meta::new()
            .with("status", "pending")
            .with("user", id.as_deref())
            .with("provider", "default")
            .with("type", kind);
        let context = self.0.engine.own_context();
        let claims = self.0.engine.hooks().filter(&["auth.jwt"], Json::Object(claims), meta, &context).await?;
        let Json::Object(claims) = claims else {
            return Err(hooks::Error::unexpected("what `auth.jwt` returns is no object").into());
        };
        let ttl = if mode == Mode::Session { options.session_ttl } else { options.access_ttl };
        Ok(self.0.signer.sign(claims, self.now_millis(), millis(ttl)))
    }

    /// Goes on with a refresh token, or with the session that a session's cookie
    /// holds: the old one is worth nothing any more.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS`, `USER_SUSPENDED`.
    pub async fn refresh(&self, token: &str, mode: Mode, client: &Principal) -> Result<Granted, Error> {
        Self::limited(&self.0.logins, client)?;
        let (accounts, token, client) = (self.clone(), token.to_owned(), client.clone());
        // A client that is gone must not leave a session half made.
        let refreshing = tasks::spawn("refresh", async move { accounts.try_refresh(&token, mode, &client).await });
        refreshing.await.unwrap_or(Err(Error::Internal))
    }

    async fn try_refresh(&self, token: &str, mode: Mode, client: &Principal) -> Result<Granted, Error> {
        let watch = Stopwatch::start();
        let now = self.now_millis();
        let rows = self.session(token, now).await?;
        let Some(session) = rows else { return Err(wrong_credentials()) };
        let user = session.get("user").and_then(Json::as_str).ok_or_else(wrong_credentials)?;
        let users = self.rows(statements::USER, &[id_value(user)]).await?;
        let user: Id = user.to_ascii_lowercase().into();
        let row = users.into_iter().next().ok_or_else(wrong_credentials)?;
        let status = row.get("status").and_then(Json::as_str);
        if status != Some("active") {
            self.execute(statements::END_SESSION, &[token_value(token)]).await?;
            self.stall(self.0.options.accounts.login_stall, watch).await;
            return Err(match status {
                Some("suspended") => refused(ErrorCode::UserSuspended, "User suspended."),
                _ => wrong_credentials(),
            });
        }
        let next = session.get("next_token").and_then(Json::as_str).map(str::to_owned);
        let refresh_token = match mode {
            Mode::Session => self.next_session(token, next, &session, &user, now).await?,
            Mode::Json | Mode::Cookie => self.rotate(token, next, now).await?,
        };
        self.execute(statements::FORGET_SESSIONS_OF, &[id_value(&user), self.0.store.instant(now)]).await?;
        self.seen(&user, now).await?;
        let access_token = self.access_token(&row, &refresh_token, mode, "refresh").await?;
        Ok(self.granted(mode, access_token, refresh_token, client))
    }

    /// The row of a session that has not expired.
    async fn session(&self, token: &str, now: i64) -> Result<Option<Row>, Error> {
        if token.contains('\0') {
            return Ok(None);
        }
        let rows = self.rows(statements::SESSION, &[token_value(token), self.0.store.instant(now)]).await?;
        let is_it = |row: &Row| row.get("token").and_then(Json::as_str) == Some(token);
        let is_own = |row: &Row| ["oauth_client", "share"].iter().all(|name| row.get(*name).is_none_or(Json::is_null));
        Ok(rows.into_iter().find(is_it).filter(is_own))
    }

    /// The same row gets another token.
    async fn rotate(&self, token: &str, next: Option<String>, now: i64) -> Result<String, Error> {
        if let Some(next) = next {
            // It was followed already, by a session that is there.
            let expires = self.0.store.instant(now + millis(self.0.options.accounts.refresh_ttl));
            self.execute(statements::END_SESSION, &[token_value(token)]).await?;
            return match self.execute(statements::EXTEND_SESSION, &[expires, token_value(&next)]).await? {
                0 => Err(wrong_credentials()),
                _ => Ok(next),
            };
        }
        let fresh = random_token(TOKEN_LENGTH);
        let expires = self.0.store.instant(now + millis(self.0.options.accounts.refresh_ttl));
        let values = [token_value(&fresh), expires, token_value(token)];
        match self.execute(statements::ROTATE_SESSION, &values).await? {
            // Somebody else was faster with the same token.
            0 => Err(wrong_credentials()),
            _ => {
                self.goes_on(token, &fresh);
                Ok(fresh)
            }
        }
    }

    /// A session after this one, which lives on for a moment: several tabs that go
    /// on at once get the same.
    async fn next_session(
        &self,
        token: &str,
        next: Option<String>,
        session: &Row,
        user: &Id,
        now: i64,
    ) -> Result<String, Error> {
        let options = &self.0.options.accounts;
        let expires = self.0.store.instant(now + millis(options.session_ttl));
        if let Some(next) = next {
            return match self.execute(statements::EXTEND_SESSION, &[expires, token_value(&next)]).await? {
                0 => Err(wrong_credentials()),
                _ => Ok(next),
            };
        }
        let fresh = random_token(TOKEN_LENGTH);
        let kept = |name: &str| session.get(name).and_then(Json::as_str).map_or(Value::Null, token_value);
        let values = [token_value(&fresh), id_value(user), expires, kept("ip"), kept("user_agent"), kept("origin")];
        // Before anybody is sent there.
        self.execute(statements::NEW_SESSION, &values).await?;
        let grace = self.0.store.instant(now + millis(options.grace));
        if self.execute(statements::FOLLOW_SESSION, &[token_value(&fresh), grace, token_value(token)]).await? == 0 {
            self.execute(statements::END_SESSION, &[token_value(&fresh)]).await?;
            let winner = self.session(token, now).await?;
            let next = winner.as_ref().and_then(|row| row.get("next_token")).and_then(Json::as_str);
            return next.map(str::to_owned).ok_or_else(wrong_credentials);
        }
        Ok(fresh)
    }

    /// Ends a log-in, if there is one, and lets the client forget its cookies.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn log_out(&self, token: &str, client: &Principal) -> Result<(), Error> {
        if let Some(agent) = &client.agent {
            if agent.refresh_cookie.is_some() {
                agent.set_cookie(Cookie::Refresh(None));
            }
            if agent.session_cookie.is_some() {
                agent.set_cookie(Cookie::Session(None));
            }
        }
        let Some(session) = self.session(token, self.now_millis()).await? else { return Ok(()) };
        let Some(user) = session.get("user").and_then(Json::as_str) else { return Ok(()) };
        let user: Id = user.to_ascii_lowercase().into();
        self.execute(statements::END_SESSION_LINE, &[token_value(token)]).await?;
        self.end_login(&user, token);
        self.record("logout", &user, client).await
    }

    /// The session of a session's cookie.
    fn session_of(&self, cookie: &str) -> Result<Option<String>, Error> {
        match self.0.signer.access(cookie, self.now_millis()) {
            Ok(claims) => Ok(claims.session),
            Err(super::tokens::Unfit::Expired) => Err(super::Error::Expired.into()),
            Err(_) => Ok(None),
        }
    }

    /// Keeps that somebody came or went.
    async fn record(&self, action: &str, user: &Id, client: &Principal) -> Result<(), Error> {
        let agent = client.agent.as_deref();
        let text = |text: Option<&String>| text.map_or(Value::Null, |text| Value::Text(text.as_str().into()));
        let values = [
            token_value(action),
            id_value(user),
            self.0.store.instant(self.now_millis()),
            client.ip.map_or(Value::Null, |ip| Value::Text(ip.to_string().into())),
            text(agent.and_then(|agent| agent.user_agent.as_ref())),
            text(agent.and_then(|agent| agent.origin.as_ref())),
            token_value(user),
        ];
        self.execute(statements::RECORD, &values).await?;
        Ok(())
    }

    /// What hashing costs.
    pub fn hash_options(&self) -> secrets::HashOptions {
        self.0.options.accounts.hash
    }

    /// Whether the database answers.
    pub async fn is_reachable(&self) -> bool {
        self.0.engine.database().ping().await.is_ok()
    }

    /// Whether a policy of the caller's own role asks for one-time passwords.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn enforces_tfa(&self, principal: &Principal) -> Result<bool, Error> {
        let Some(role) = &principal.role else { return Ok(false) };
        Ok(!self.rows(statements::TFA_POLICIES, &[id_value(role)]).await?.is_empty())
    }

    /// Users, with all rights, on somebody's behalf.
    pub(super) fn users_service(&self, client: &Principal) -> hooks::ItemsService {
        let caller = crate::engine::Caller::new(Arc::new(client.clone()), crate::permissions::Access::full());
        self.0.engine.context_of(&caller).items_with_full_rights("directus_users")
    }
}

fn token_value(token: &str) -> Value {
    Value::Text(token.into())
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

pub(super) fn wrong_credentials() -> Error {
    super::Error::Unknown.into()
}
