//! Letters to users: what they say is settled beside the request that asks for
//! them, so that nobody learns from its time whether there is somebody to write
//! to. Hooks may change or cancel them (`email.send`).

use serde_json::{Value as Json, json};

use super::Accounts;
use crate::{
    hooks::{Failure, Meta},
    mail::{self, Letter, Template},
};

/// What a project without a name is called.
const NAMELESS: &str = "Tidegate";

impl Accounts {
    /// Has a letter with a link sent; the link is for the one whom it is for, and
    /// stands in no log.
    pub(super) fn send(&self, email: &str, template: Template, url: String) {
        let (accounts, email) = (self.clone(), email.to_owned());
        self.0.outbox.send(template.name(), async move { accounts.letter(&email, template, &url).await });
    }

    async fn letter(&self, email: &str, template: Template, url: &str) -> Option<Letter> {
        let mail = template.name();
        if !mail::is_address(email) {
            tracing::warn!(mail, "a user's address is none that mail can be sent to");
            return None;
        }
        // Where the database cannot be asked, which is logged, it goes without a name.
        let project = self.setting("project_name").await.ok().flatten();
        let project = project.as_ref().and_then(Json::as_str).filter(|name| !name.is_empty()).unwrap_or(NAMELESS);
        let options = json!({
            "to": email,
            "subject": template.subject(project),
            "template": { "name": template.name(), "data": { "url": url, "email": email } },
        });
        let (hooks, context) = (self.0.engine.hooks(), self.0.engine.own_context());
        match hooks.filter(&["email.send"], options, Meta::new(), &context).await {
            Ok(options) if is_falsy(&options) => {
                tracing::debug!(mail, "a hook has cancelled a mail");
                None
            }
            Ok(options) => Some(Letter { options, project: project.to_owned() }),
            Err(Failure::Refused(error)) => {
                tracing::warn!(mail, code = error.code, "a hook has refused a mail");
                None
            }
            Err(Failure::Broken { handler }) => {
                tracing::error!(mail, hook = handler, "a mail is not sent, since a hook is broken");
                None
            }
        }
    }
}

fn is_falsy(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::Bool(true) | Json::Array(_) | Json::Object(_) => false,
    }
}
