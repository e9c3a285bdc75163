//! Who asks. Nothing here says how that was proved.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use serde_json::Value as Json;

/// An id of a user, a role or a policy, as the database's own tables spell it.
pub type Id = Arc<str>;

/// The caller of one request. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// May do everything.
    pub admin: bool,
    /// Has what the data's administration needs (contract `permissions.md` 11).
    pub app: bool,
    /// Which user it is; none: the public, or a token that is nobody's.
    pub user: Option<Id>,
    /// The user's own role.
    pub role: Option<Id>,
    /// The role and those above it, the topmost first.
    pub roles: Arc<[Id]>,
    /// The policies that apply, in the order in which their presets are laid over
    /// each other.
    pub policies: Arc<[Id]>,
    /// The client's address, where there is one.
    pub ip: Option<IpAddr>,
    /// What the client says of itself, and of the page that it acts for.
    pub agent: Option<Arc<Agent>>,
    /// What it proved itself with.
    pub proof: Option<Arc<Proof>>,
    /// What `$CURRENT_USER` and the like stand for, by these names.
    values: Option<Arc<BTreeMap<String, Json>>>,
}

/// What a client says of itself; nothing of it is proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// `User-Agent`, the first 1,024 characters.
    pub user_agent: Option<String>,
    /// `Origin`.
    pub origin: Option<String>,
    /// The cookie that holds a refresh token.
    pub refresh_cookie: Option<String>,
    /// The cookie that holds a session.
    pub session_cookie: Option<String>,
    /// Cookies that it is to keep.
    cookies: Cookies,
}

/// Cookies that a client is to keep. They say nothing of who it is.
#[derive(Debug, Default)]
struct Cookies(Mutex<Vec<Cookie>>);

impl Clone for Cookies {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Cookies {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Cookies {}

/// A cookie that a client is to keep, or, without a value, to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// A refresh token.
    Refresh(Option<String>),
    /// A session.
    Session(Option<String>),
}

impl Agent {
    /// A client of such words, which sent such cookies.
    pub fn new(
        user_agent: Option<String>,
        origin: Option<String>,
        [refresh_cookie, session_cookie]: [Option<String>; 2],
    ) -> Self {
        Self { user_agent, origin, refresh_cookie, session_cookie, cookies: Cookies::default() }
    }

    /// Lets it keep a cookie.
    pub fn set_cookie(&self, cookie: Cookie) {
        self.cookies.0.lock().unwrap_or_else(PoisonError::into_inner).push(cookie);
    }

    /// The cookies that it is to keep, once.
    pub fn take_cookies(&self) -> Vec<Cookie> {
        std::mem::take(&mut *self.cookies.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a caller proved itself with: what an open connection must still have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// What is left of the token (SHA-256).
    pub token: [u8; 32],
    /// Which log-in it came from.
    pub login: Option<String>,
    /// The session that it depends on.
    pub session: Option<String>,
    /// What stands for the user's password of then.
    pub password: Option<String>,
    /// When its time is over, in milliseconds since the epoch.
    pub expires_millis: Option<i64>,
    /// Whether somebody else has signed it, whose users are known to nobody here.
    pub is_foreign: bool,
}

impl Principal {
    /// An administrator.
    pub fn admin() -> Self {
        Self { admin: true, ..Self::default() }
    }

    /// The caller who brought no credentials.
    pub fn public() -> Self {
        Self::default()
    }

    /// The caller on nobody's behalf, for what has no caller.
    pub fn nobody() -> &'static Self {
        static NOBODY: LazyLock<Principal> = LazyLock::new(Principal::default);
        &NOBODY
    }

    /// The same caller at another address.
    #[must_use]
    pub fn at(mut self, ip: Option<IpAddr>) -> Self {
        self.ip = ip;
        self
    }

    /// The same caller by another way.
    #[must_use]
    pub fn with_agent(mut self, agent: Option<Arc<Agent>>) -> Self {
        self.agent = agent;
        self
    }

    /// The same caller with what they proved themselves with.
    #[must_use]
    pub fn proved_by(mut self, proof: Option<Arc<Proof>>) -> Self {
        self.proof = proof;
        self
    }

    /// Fills in what `$CURRENT_USER` and the like stand for (contract
    /// `permissions.md` 4); `more` has what they say of those rows, such as
    /// `$CURRENT_USER.department`.
    #[must_use]
    pub fn with_values(mut self, more: BTreeMap<String, Json>) -> Self {
        let id = |id: &Option<Id>| id.as_deref().map_or(Json::Null, Json::from);
        let ids = |ids: &[Id]| ids.iter().map(|id| Json::from(&**id)).collect::<Json>();
        let mut values = more;
        values.insert("$CURRENT_USER".to_owned(), id(&self.user));
        values.insert("$CURRENT_ROLE".to_owned(), id(&self.role));
        values.insert("$CURRENT_ROLES".to_owned(), ids(&self.roles));
        values.insert("$CURRENT_POLICIES".to_owned(), ids(&self.policies));
        self.values = Some(Arc::new(values));
        self
    }

    /// What rules name of the caller's own rows and there is: `$CURRENT_USER.team`.
    pub fn known_paths(&self) -> impl Iterator<Item = &str> {
        let values = self.values.iter().flat_map(|values| values.iter());
        values.filter(|(name, value)| name.contains('.') && !value.is_null()).map(|(name, _)| name.as_str())
    }

    /// Keeps what is known of the caller's own rows, if they are still the same
    /// caller under the same policies.
    #[must_use]
    pub fn knowing_what(mut self, other: &Self) -> Self {
        if self.user == other.user && self.role == other.role && self.policies == other.policies {
            self.values.clone_from(&other.values);
        }
        self
    }

    /// What a text stands for that names something of the caller, and null where
    /// the caller has no such thing; `None` for other texts.
    pub fn value(&self, text: &str) -> Option<&Json> {
        const NAMES: [&str; 4] = ["$CURRENT_USER", "$CURRENT_ROLE", "$CURRENT_ROLES", "$CURRENT_POLICIES"];
        let name = text.split_once('.').map_or(text, |(name, _)| name);
        if !NAMES.contains(&name) {
            return None;
        }
        Some(self.values.as_ref().and_then(|values| values.get(text)).unwrap_or(&Json::Null))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_the_caller_stand_for_what_is_known_of_them() {
        let user = Principal { user: Some("u".into()), roles: ["a".into(), "b".into()].into(), ..Principal::default() };
        let user = user.with_values(BTreeMap::from([("$CURRENT_USER.team".to_owned(), json!(7))]));
        assert_eq!(user.value("$CURRENT_USER"), Some(&json!("u")));
        assert_eq!(user.value("$CURRENT_ROLE"), Some(&Json::Null));
        assert_eq!(user.value("$CURRENT_ROLES"), Some(&json!(["a", "b"])));
        assert_eq!(user.value("$CURRENT_USER.team"), Some(&json!(7)));
        assert_eq!(user.value("$CURRENT_USER.other"), Some(&Json::Null));
        for other in ["$CURRENT_USERS", "$NOW", "CURRENT_USER", ""] {
            assert_eq!(user.value(other), None, "{other}");
        }
        assert_eq!(Principal::nobody().value("$CURRENT_USER"), Some(&Json::Null));
    }
}
