//! Events between handlers, by names of their own (contract `extensions.md` 11).

use serde_json::Value as Json;

use super::{Context, Error, Failure, Hooks, Meta, legacy::SYSTEM};

/// Emits events of one's own. They reach the handlers that were registered for
/// their names; the gateway's own events cannot be made up.
#[derive(Clone, Debug)]
pub struct Emitter {
    pub(super) hooks: Hooks,
    pub(super) context: Context,
}

impl Emitter {
    /// Tells of something; whoever listens reacts, at once and outside of any
    /// transaction, and nobody waits for it.
    ///
    /// # Errors
    /// When the name is one of the gateway's own events.
    pub async fn emit_action(&self, name: &str, meta: Meta) -> Result<(), Error> {
        check(name)?;
        self.hooks.act(vec![name.to_owned()], meta, self.context.clone()).await;
        Ok(())
    }

    /// Lets whoever listens change or refuse something.
    ///
    /// # Errors
    /// As [`Self::emit_action`], and what a listener refuses with.
    pub async fn emit_filter(&self, name: &str, payload: Json, meta: Meta) -> Result<Json, Error> {
        check(name)?;
        self.hooks.filter(&[name], payload, meta, &self.context).await.map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Broken { .. } => Error::logged(),
        })
    }
}

fn check(name: &str) -> Result<(), Error> {
    if is_core_event(name) {
        return Err(Error::unexpected(format!("`{name}` is an event of the gateway itself")));
    }
    Ok(())
}

/// Whether a name is one of the gateway's own events.
pub fn is_core_event(name: &str) -> bool {
    const VERBS: &[&str] = &["query", "read", "create", "update", "delete", "sort", "promote", "upload"];
    const FIRST: &[&str] = &["items", "request", "database", "server", "response", "auth", "authenticate", "websocket"];
    let segments: Vec<&str> = name.split('.').collect();
    match segments.as_slice() {
        [first, ..] if FIRST.contains(first) => true,
        ["email", "send"] => true,
        [_, "items", verb] => VERBS.contains(verb),
        [system, verb] => SYSTEM.contains(system) && VERBS.contains(verb),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_gateway_says_itself_cannot_be_made_up() {
        for core in [
            "items.create",
            "items",
            "news.items.delete",
            "news.items.read",
            "users.update",
            "request.error",
            "request.not_found",
            "database.error",
            "server.start",
            "response",
            "auth.login",
            "authenticate",
            "files.upload",
            "email.send",
        ] {
            assert!(is_core_event(core), "{core}");
        }
        for own in ["news.published", "custom.article.created", "users.greeted", "item.create", "news.items", "a"] {
            assert!(!is_core_event(own), "{own}");
        }
    }
}
