//! Hooks that say who asks, before any token is looked at (contract
//! `extensions.md` 4). Whom they name is believed as long as a connection lasts.

use std::{net::IpAddr, sync::Arc};

use serde_json::{Map, Value as Json, json};

use super::Authenticator;
use crate::{
    engine,
    hooks::{self, Context, Hooks, Meta},
    permissions::Identity,
    principal::{Agent, Id, Principal, Proof},
};

/// By what way somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// By a request; one that opens a socket is one as well.
    Request,
    /// By a message on a socket.
    Message,
}

impl Asking {
    fn event(self) -> &'static str {
        match self {
            Self::Request => "authenticate",
            Self::Message => "websocket.authenticate",
        }
    }

    /// What the request or the message is called among the facts.
    fn fact(self) -> &'static str {
        match self {
            Self::Request => "req",
            Self::Message => "message",
        }
    }
}

/// The hooks that are asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    hooks: Hooks,
    context: Context,
    by_request: bool,
    by_message: bool,
}

impl Asked {
    /// Nothing, where nobody listens.
    fn of(hooks: &Hooks, context: &Context) -> Option<Self> {
        let listens = |asking: Asking| hooks.has_filter(&[asking.event()]);
        let (by_request, by_message) = (listens(Asking::Request), listens(Asking::Message));
        let (hooks, context) = (hooks.clone(), context.clone());
        (by_request || by_message).then_some(Self { hooks, context, by_request, by_message })
    }
}

impl Authenticator {
    /// Lets hooks say who asks.
    #[must_use]
    pub fn with_hooks(mut self, hooks: &Hooks, context: &Context) -> Self {
        self.asked = Asked::of(hooks, context);
        self
    }

    /// Whether hooks have a say in who asks.
    pub fn asks_hooks(&self, asking: Asking) -> bool {
        self.asked.as_ref().is_some_and(|asked| match asking {
            Asking::Request => asked.by_request,
            Asking::Message => asked.by_message,
        })
    }

    /// Who asks, if a hook says so; `facts` are of the request or the message.
    /// Nobody's token is looked at then.
    ///
    /// # Errors
    /// What a hook refuses with, or when one is broken.
    pub async fn known_to_hooks(
        &self,
        asking: Asking,
        facts: Json,
        ip: Option<IpAddr>,
        agent: Option<Arc<Agent>>,
    ) -> Result<Option<Principal>, engine::Error> {
        let Some(asked) = self.asked.as_ref().filter(|_| self.asks_hooks(asking)) else { return Ok(None) };
        let nobody = nobody(ip, agent.as_deref());
        let meta = Meta::new().with(asking.fact(), facts);
        let named = asked.hooks.filter(&[asking.event()], nobody.clone(), meta, &asked.context).await?;
        if named == nobody {
            return Ok(None);
        }
        let Json::Object(named) = named else {
            let event = asking.event();
            return Err(hooks::Error::unexpected(format!("what `{event}` returns is no object")).into());
        };
        let named = self.named(&named, ip).await?;
        Ok(Some(named.with_agent(agent)))
    }

    /// The caller whom a hook names: `user`, `role` (or the last of `roles`), `admin`
    /// and `ip`. What they may do follows from that.
    async fn named(&self, named: &Map<String, Json>, ip: Option<IpAddr>) -> Result<Principal, engine::Error> {
        // Those of the tables are known in lower case; others as they are.
        let known = |id: &str| if self.accounts.is_some() { id.to_ascii_lowercase() } else { id.to_owned() };
        let id = |json: Option<&Json>| json.and_then(Json::as_str).map(|id| Id::from(known(id)));
        let user = id(named.get("user"));
        let last = named.get("roles").and_then(Json::as_array).and_then(|roles| roles.last());
        let role = id(named.get("role")).or_else(|| id(last));
        let ip = match named.get("ip") {
            Some(Json::String(text)) => text.parse().ok(),
            // An address that was taken away is none, and policies with addresses do not apply.
            Some(_) => None,
            None => ip,
        };
        if let Some(accounts) = &self.accounts {
            accounts.freshen().await?;
        }
        let proof = Proof { is_foreign: true, ..Proof::default() };
        let identity = Identity { user: user.clone(), role: role.clone(), ip };
        let mut principal = self.principal(identity, Some(proof)).await?;
        // Where there are no rules, nobody else says it.
        (principal.user, principal.role) = (user, role);
        if named.get("admin") == Some(&Json::Bool(true)) {
            // Not by policies, so that none of them can take it away.
            (principal.admin, principal.app, principal.policies) = (true, true, Arc::default());
        }
        Ok(principal)
    }
}

/// Nobody in particular, as hooks see them.
fn nobody(ip: Option<IpAddr>, agent: Option<&Agent>) -> Json {
    let mut nobody = json!({
        "user": null, "role": null, "roles": [], "admin": false, "app": false, "ip": ip.map(|ip| ip.to_string()),
    });
    let said = [
        ("userAgent", agent.and_then(|agent| agent.user_agent.as_deref())),
        ("origin", agent.and_then(|agent| agent.origin.as_deref())),
    ];
    for (name, text) in said {
        if let Some(text) = text {
            nobody[name] = text.into();
        }
    }
    nobody
}
