//! The users of a database's own tables: who has which token, and who may still
//! come in. What is known of them is kept for a moment, and forgotten as soon as
//! it is changed here.

use std::{
    collections::BTreeMap,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;
use serde_json::Value as Json;
use tokio::{
    sync::{Mutex, MutexGuard, broadcast},
    time::{MissedTickBehavior, interval},
};

use super::{
    Error, Limiter, Options, asker,
    tokens::{Signer, Unfit},
};
use crate::{
    catalog::TableId,
    clock::Clock,
    engine::{self, Engine},
    error_code::ErrorCode,
    events::ChangeEvent,
    hooks,
    mail::Outbox,
    permissions::Identity,
    principal::{Id, Principal, Proof},
    realtime::Hub,
    rules::{self, Rules},
    secrets::fingerprint,
    store::{Row, Store, statements},
    value::{Key, Value},
};

/// How long something that others may change is believed.
const BELIEVED: Duration = Duration::from_secs(5);
/// How often roles and policies are looked at, for changes by others.
const LOOKING: Duration = Duration::from_secs(5);
/// How long nobody can log in as an administrator who was tried too often and
/// cannot be suspended.
const LOCKED: Duration = Duration::from_secs(900);
/// How many users and tokens are kept in mind.
const MOST_KNOWN: u64 = 100_000;

/// The users of a database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) engine: Engine,
    pub(super) rules: Rules,
    hub: Hub,
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) signer: Signer,
    users: Cache<Id, Known<Option<Arc<User>>>>,
    static_tokens: Cache<rules::Fingerprint, Known<Option<Id>>>,
    sessions: Cache<String, bool>,
    /// What rules name of callers' own rows, by user and policies.
    values: Cache<ByCaller, Known<Values>>,
    /// Log-ins that were ended, for as long as their access tokens would last.
    ended: Cache<String, ()>,
    /// Which log-ins refresh tokens came from that are not the first of theirs.
    logins_by_token: Cache<String, String>,
    /// Administrators who cannot be suspended, and must not be tried for a while.
    pub(super) locked: Cache<Id, ()>,
    /// Whose rights are not what they were.
    changed: broadcast::Sender<Id>,
    tables: Tables,
    /// As of which changes the rules were read.
    rules_as_of: AtomicU64,
    reading_rules: Mutex<()>,
    /// Attempts to log in that failed, by user.
    pub(super) attempts: Cache<Id, u32>,
    pub(super) logins: Option<Limiter>,
    pub(super) registrations: Option<Limiter>,
    pub(super) outbox: Outbox,
}

/// A user, and the policies they have.
type ByCaller = (Option<Id>, Arc<[Id]>);

/// What rules name of a caller's own row, by path.
type Values = Arc<BTreeMap<String, Json>>;

/// Something that was true at a moment.
#[derive(Clone, Debug)]
struct Known<T> {
    fact: T,
    /// How often the tables had changed by then.
    as_of: u64,
}

/// The tables whose changes matter.
#[derive(Debug)]
struct Tables {
    users: Option<TableId>,
    rules: Vec<TableId>,
}

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: Id,
    pub(super) role: Option<Id>,
    pub(super) is_active: bool,
    /// What stands for the password.
    pub(super) password: String,
}

impl User {
    fn of(row: &Row) -> Option<Self> {
        let text = |name: &str| row.get(name).and_then(Json::as_str);
        Some(Self {
            id: text("id")?.to_ascii_lowercase().into(),
            role: text("role").map(|role| role.to_ascii_lowercase().into()),
            is_active: text("status") == Some("active"),
            password: fingerprint(text("password").unwrap_or_default()),
        })
    }
}

impl Accounts {
    /// The users of a store; rules are read from it, and kept up to date. They are
    /// written to by `outbox`.
    pub fn new(
        (store, outbox): (Store, Outbox),
        hub: Hub,
        engine: Engine,
        rules: Rules,
        options: Options,
        clock: Clock,
    ) -> Self {
        let table = |name: &str| engine.catalog().collection(name).map(|table| table.id);
        let of_rules = ["directus_roles", "directus_policies", "directus_access", "directus_permissions"];
        let tables = Tables { users: table("directus_users"), rules: of_rules.into_iter().filter_map(table).collect() };
        let accounts = &options.accounts;
        Self(Arc::new(Inner {
            signer: Signer::new(&accounts.secret),
            users: briefly(),
            static_tokens: briefly(),
            sessions: briefly(),
            values: briefly(),
            ended: Cache::builder()
                .max_capacity(MOST_KNOWN)
                .time_to_live(accounts.access_ttl.max(accounts.session_ttl))
                .build(),
            logins_by_token: Cache::builder().max_capacity(MOST_KNOWN).time_to_live(accounts.refresh_ttl).build(),
            locked: Cache::builder().max_capacity(MOST_KNOWN).time_to_live(LOCKED).build(),
            changed: broadcast::channel(1_024).0,
            rules_as_of: AtomicU64::new(0),
            reading_rules: Mutex::default(),
            attempts: Cache::builder().max_capacity(MOST_KNOWN).build(),
            logins: accounts.login_rate.map(Limiter::new),
            registrations: accounts.registration_rate.map(Limiter::new),
            tables,
            store,
            engine,
            rules,
            hub,
            options,
            clock,
            outbox,
        }))
    }

    /// Counts what an address asks for.
    pub(super) fn limited(limiter: &Option<Limiter>, client: &Principal) -> Result<(), engine::Error> {
        match (limiter, client.ip) {
            (Some(limiter), Some(ip)) => Ok(limiter.count(asker(ip))?),
            _ => Ok(()),
        }
    }

    pub(super) fn now_millis(&self) -> i64 {
        self.0.clock.now_micros() / 1_000
    }

    fn changes_of(&self, tables: impl IntoIterator<Item = TableId>) -> u64 {
        let generations = self.0.engine.events().generations();
        tables.into_iter().map(|table| generations.of(table)).sum()
    }

    /// Hears of users whose rights are not what they were.
    pub fn changes(&self) -> broadcast::Receiver<Id> {
        self.0.changed.subscribe()
    }

    /// Forgets what was known of a user, and tells those who act for them.
    pub(super) fn user_changed(&self, user: &Id) {
        self.0.users.invalidate(user);
        self.0.static_tokens.invalidate_all();
        self.0.sessions.invalidate_all();
        // Nobody may be listening.
        let _ = self.0.changed.send(user.clone());
    }

    /// Ends a log-in: its access tokens are worth nothing any more.
    pub(super) fn end_login(&self, user: &Id, refresh_token: &str) {
        self.0.ended.insert(self.login_of(refresh_token), ());
        self.0.sessions.invalidate_all();
        // Nobody may be listening.
        let _ = self.0.changed.send(user.clone());
    }

    /// Which log-in a refresh token came from.
    pub(super) fn login_of(&self, refresh_token: &str) -> String {
        let own = fingerprint(refresh_token);
        self.0.logins_by_token.get(&own).unwrap_or(own)
    }

    /// Another refresh token of the same log-in.
    pub(super) fn goes_on(&self, refresh_token: &str, next: &str) {
        self.0.logins_by_token.insert(fingerprint(next), self.login_of(refresh_token));
    }

    /// Reads roles and policies if they may have changed since they were read.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn freshen(&self) -> Result<(), Error> {
        let as_of = self.changes_of(self.0.tables.rules.iter().copied());
        if self.0.rules_as_of.load(Ordering::Acquire) == as_of {
            return Ok(());
        }
        let turn = self.0.reading_rules.lock().await;
        // Somebody may have read them while this one waited.
        let as_of = self.changes_of(self.0.tables.rules.iter().copied());
        if self.0.rules_as_of.load(Ordering::Acquire) == as_of {
            return Ok(());
        }
        self.read_rules_in_turn(&turn).await.map(drop)
    }

    /// Reads roles and policies; whether they are others.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn read_rules(&self) -> Result<bool, Error> {
        let turn = self.0.reading_rules.lock().await;
        self.read_rules_in_turn(&turn).await
    }

    async fn read_rules_in_turn(&self, _turn: &MutexGuard<'_, ()>) -> Result<bool, Error> {
        let as_of = self.changes_of(self.0.tables.rules.iter().copied());
        let set = self.0.store.rules().await.map_err(|error| unavailable(&error))?;
        let are_others = self.0.rules.replace_if_other(set);
        self.0.rules_as_of.store(as_of, Ordering::Release);
        if are_others {
            self.0.hub.rules_changed();
        }
        Ok(are_others)
    }

    /// Keeps up with what is changed, here and by others, for as long as it is
    /// polled.
    pub async fn watch(self) {
        let mut log = self.0.engine.events().log().subscribe();
        let mut looking = interval(LOOKING);
        looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = log.next() => match heard {
                    Ok(Some(events)) => events.iter().for_each(|event| self.hear(event)),
                    Ok(None) => return,
                    // Whoever was missed is looked up anew within moments.
                    Err(_) => self.0.users.invalidate_all(),
                },
                _ = looking.tick() => {
                    if let Err(error) = self.read_rules().await {
                        tracing::warn!(%error, "the rules stay as they were");
                    }
                }
            }
        }
    }

    fn hear(&self, event: &ChangeEvent) {
        if Some(event.table) != self.0.tables.users {
            return;
        }
        let table = self.0.engine.catalog().table(event.table);
        // Seeing somebody changes nothing.
        let is_idle = |name: &str| matches!(name, "last_access" | "last_page");
        let is_gone = event.after.is_none();
        if is_gone || event.changed.iter().any(|column| !is_idle(table.column_field(*column))) {
            let user = event.key.first().map(|key| match key {
                Key::Text(text) => text.to_ascii_lowercase().into(),
                other => format!("{other:?}").into(),
            });
            user.iter().for_each(|user| self.user_changed(user));
        }
    }

    /// Whose token it is.
    pub(super) async fn recognise(&self, token: &str) -> Result<(Identity, Proof), Error> {
        if token.contains('\0') {
            return Err(Error::Unknown);
        }
        let proof = Proof { token: rules::digest(token), ..Proof::default() };
        let claims = match self.0.signer.access(token, self.now_millis()) {
            Err(Unfit::Foreign) => return self.static_token(token, proof).await,
            Err(Unfit::Expired) => return Err(Error::Expired),
            Err(Unfit::Invalid) => return Err(Error::Invalid),
            Ok(claims) => claims,
        };
        // What is shared is read by others' rights, which are not there yet.
        let (Some(id), None) = (claims.id, claims.share) else { return Err(Error::Unknown) };
        let proof = Proof {
            login: claims.sid,
            session: claims.session,
            password: claims.pwd,
            expires_millis: claims.exp.map(|seconds| seconds.saturating_mul(1_000)),
            ..proof
        };
        let user = id.to_ascii_lowercase().into();
        self.check(&user, &proof).await.map(|identity| (identity, proof))
    }

    /// Whether a user may still act by what they proved themselves with.
    pub(super) async fn check(&self, user: &Id, proof: &Proof) -> Result<Identity, Error> {
        if proof.expires_millis.is_some_and(|expires| expires <= self.now_millis()) {
            return Err(Error::Expired);
        }
        if proof.login.as_ref().is_some_and(|login| self.0.ended.contains_key(login)) {
            return Err(Error::Expired);
        }
        if let Some(session) = &proof.session
            && !self.session_lives(session, user).await?
        {
            return Err(Error::Unknown);
        }
        let user = self.user(user).await?.filter(|user| user.is_active).ok_or(Error::Unknown)?;
        // A password that was changed ends what was begun with the old one; of sessions
        // it ends those that it must.
        if proof.session.is_none() && proof.password.as_ref().is_some_and(|password| *password != user.password) {
            return Err(Error::Expired);
        }
        Ok(Identity { user: Some(user.id.clone()), role: user.role.clone(), ip: None })
    }

    async fn static_token(&self, token: &str, proof: Proof) -> Result<(Identity, Proof), Error> {
        let as_of = self.changes_of(self.0.tables.users);
        let known = self.0.static_tokens.get(&proof.token).filter(|known| known.as_of == as_of);
        let user = match known {
            Some(known) => known.fact,
            None => {
                let rows = self.rows(statements::USERS_RIGHTS_BY_TOKEN, &[Value::Text(token.into())]).await?;
                // Collations may take another spelling for the same.
                let is_it = |row: &&Row| row.get("token").and_then(Json::as_str) == Some(token);
                let user = rows.iter().find(is_it).and_then(User::of).map(|user| user.id);
                self.0.static_tokens.insert(proof.token, Known { fact: user.clone(), as_of });
                user
            }
        };
        let identity = self.check(&user.ok_or(Error::Unknown)?, &proof).await?;
        Ok((identity, proof))
    }

    /// Fills in what rules name of a caller's own rows, read with all rights; null
    /// where there is no such row, or nothing in it (contract `permissions.md` 4).
    pub(super) async fn with_values(&self, principal: Principal, paths: &[String]) -> Result<Principal, Error> {
        let as_of = self.changes_of(self.0.engine.catalog().tables.iter().map(|table| table.id));
        let key = (principal.user.clone(), principal.policies.clone());
        if let Some(known) = self.0.values.get(&key).filter(|known| known.as_of == as_of) {
            return Ok(principal.with_values((*known.fact).clone()));
        }
        let mut values = BTreeMap::new();
        for (name, collection, id) in [
            ("$CURRENT_USER.", "directus_users", &principal.user),
            ("$CURRENT_ROLE.", "directus_roles", &principal.role),
        ] {
            let wanted: Vec<&str> = paths.iter().filter_map(|path| path.strip_prefix(name)).collect();
            let (Some(id), false) = (id, wanted.is_empty()) else { continue };
            let items = self.0.engine.own_context().items_with_full_rights(collection).without_events();
            let query = serde_json::json!({ "fields": wanted });
            match items.read_many(vec![Json::from(&**id)], query).await {
                Ok(rows) => {
                    let row = rows.into_iter().next().unwrap_or_default();
                    values.extend(wanted.iter().map(|path| (format!("{name}{path}"), at_path(&row, path))));
                }
                Err(error) if error.code == ErrorCode::Forbidden.as_str() => {
                    tracing::warn!(?wanted, collection, "rules name what there is not; it is null");
                }
                Err(error) => return Err(unavailable(&error)),
            }
        }
        self.0.values.insert(key, Known { fact: Arc::new(values.clone()), as_of });
        Ok(principal.with_values(values))
    }

    /// Whether whoever had this token still has it.
    pub(super) async fn renew(&self, principal: &Principal) -> Result<Identity, Error> {
        let (Some(user), Some(proof)) = (&principal.user, &principal.proof) else { return Err(Error::Unknown) };
        if proof.expires_millis.is_none() && proof.session.is_none() {
            let as_of = self.changes_of(self.0.tables.users);
            let known = self.0.static_tokens.get(&proof.token).filter(|known| known.as_of == as_of);
            // The token itself is not kept; the user's of now is held against it.
            if known.is_none_or(|known| known.fact.as_ref() != Some(user)) {
                let rows = self.rows(statements::STATIC_TOKEN, &[id_value(user)]).await?;
                let token = rows.first().and_then(|row| row.get("token")).and_then(Json::as_str);
                if token.map(rules::digest) != Some(proof.token) {
                    return Err(Error::Unknown);
                }
            }
        }
        self.check(user, proof).await
    }

    /// A user by id.
    pub(super) async fn user(&self, id: &Id) -> Result<Option<Arc<User>>, Error> {
        let as_of = self.changes_of(self.0.tables.users);
        if let Some(known) = self.0.users.get(id).filter(|known| known.as_of == as_of) {
            return Ok(known.fact);
        }
        let rows = match uuid::Uuid::try_parse(id) {
            Ok(_) => self.rows(statements::USERS_RIGHTS, &[id_value(id)]).await?,
            Err(_) => Vec::new(),
        };
        let found = rows.first().and_then(User::of).map(Arc::new);
        self.0.users.insert(id.clone(), Known { fact: found.clone(), as_of });
        Ok(found)
    }

    /// Who a user is, by id or address; none if there is none who may come in.
    pub(super) async fn identity_of(&self, user: &str) -> Result<Option<Identity>, Error> {
        let id: Id = match user.contains('@') {
            true => {
                // It has been logged.
                let row = self.user_by_email(user).await.map_err(|_| Error::Unavailable)?;
                let id = row.as_ref().and_then(|row| row.get("id")).and_then(Json::as_str);
                let Some(id) = id else { return Ok(None) };
                id.to_ascii_lowercase().into()
            }
            false => user.to_ascii_lowercase().into(),
        };
        let user = self.user(&id).await?.filter(|user| user.is_active);
        Ok(user.map(|user| Identity { user: Some(user.id.clone()), role: user.role.clone(), ip: None }))
    }

    async fn session_lives(&self, token: &str, user: &Id) -> Result<bool, Error> {
        if let Some(lives) = self.0.sessions.get(token) {
            return Ok(lives);
        }
        let values = [Value::Text(token.into()), id_value(user), self.0.store.instant(self.now_millis())];
        let rows = self.rows(statements::LIVE_SESSION, &values).await?;
        let lives = rows.iter().any(|row| row.get("token").and_then(Json::as_str) == Some(token));
        // One that is not there may be made in a moment.
        if lives {
            self.0.sessions.insert(token.to_owned(), true);
        }
        Ok(lives)
    }

    pub(super) async fn rows(&self, template: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.0.store.rows(template, values).await.map_err(|error| unavailable(&error))
    }

    pub(super) async fn execute(&self, template: &str, values: &[Value]) -> Result<u64, Error> {
        self.0.store.execute(template, values).await.map_err(|error| unavailable(&error))
    }
}

/// What lies under a path of members; of lists, that of each item.
fn at_path(row: &Json, path: &str) -> Json {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (row, rest) {
        (Json::Array(items), _) => {
            let each = items.iter().map(|item| at_path(item, path));
            each.flat_map(|found| match found {
                Json::Array(found) => found,
                Json::Null => Vec::new(),
                single => vec![single],
            })
            .collect()
        }
        (_, None) => row.get(name).cloned().unwrap_or_default(),
        (_, Some(rest)) => row.get(name).map(|below| at_path(below, rest)).unwrap_or_default(),
    }
}

/// What is believed for a moment.
fn briefly<K, V>() -> Cache<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(MOST_KNOWN).time_to_live(BELIEVED).build()
}

/// An id as a parameter `#1`.
pub(super) fn id_value(id: &str) -> Value {
    Value::Text(id.into())
}

fn unavailable(error: &dyn std::fmt::Display) -> Error {
    tracing::error!(%error, "the system tables cannot be asked");
    Error::Unavailable
}

/// A refusal, as every protocol tells it.
pub(super) fn refused(code: ErrorCode, message: &str) -> engine::Error {
    hooks::Error::known(code, message).into()
}

impl From<Error> for engine::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable => Self::Unavailable,
            Error::Ambiguous => hooks::Error::invalid_payload(error.to_string()).into(),
            other => refused(other.code(), other.message()),
        }
    }
}
