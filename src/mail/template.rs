//! The letters that the gateway writes itself, as text and as HTML. What comes
//! from outside is escaped.

use serde_json::{Map, Value as Json};

/// A letter of the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A link to a new password.
    PasswordReset,
    /// An invitation.
    UserInvitation,
    /// A link that confirms an address.
    UserRegistration,
}

/// A letter's two forms, which say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bodies {
    pub(super) text: String,
    pub(super) html: String,
}

impl Template {
    const ALL: [Self; 3] = [Self::PasswordReset, Self::UserInvitation, Self::UserRegistration];

    /// Its name in mail options.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password-reset",
            Self::UserInvitation => "user-invitation",
            Self::UserRegistration => "user-registration",
        }
    }

    /// The template of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }

    /// What is written above it.
    pub fn subject(self, project: &str) -> String {
        match self {
            Self::PasswordReset => format!("A new password for {project}"),
            Self::UserInvitation => format!("You are invited to {project}"),
            Self::UserRegistration => format!("Confirm your address for {project}"),
        }
    }

    /// What it says, what the link is called, and what is to be known of it.
    fn words(self, project: &str) -> (String, &'static str, &'static str) {
        match self {
            Self::PasswordReset => (
                format!("Somebody, probably you, asked for a new password for your account at {project}."),
                "Choose a new password",
                "The link works once and for a limited time. If you did not ask for it, nothing needs to be done: \
                 your password stays as it is.",
            ),
            Self::UserInvitation => (
                format!("You are invited to {project}. Choose a password, and the account is yours."),
                "Accept the invitation",
                "The link works once and for a limited time.",
            ),
            Self::UserRegistration => (
                format!("Somebody, probably you, registered at {project} with this address."),
                "Confirm the address",
                "The link works for a limited time. If you did not register, nothing needs to be done.",
            ),
        }
    }

    /// The letter, with `url` of the data as its link, for a project that the data
    /// may call otherwise (`projectName`).
    pub(super) fn bodies(self, data: &Map<String, Json>, project: &str) -> Bodies {
        let text_of = |name: &str| data.get(name).and_then(Json::as_str);
        let project = text_of("projectName").unwrap_or(project);
        let url = text_of("url").unwrap_or_default();
        let (says, call, known) = self.words(project);
        let text = format!("{says}\n\n{call}:\n{url}\n\n{known}\n");
        let (project, url, says) = (escaped(project), escaped(url), escaped(&says));
        let html = format!(
            r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{project}</title></head>
<body style="margin:0 auto;max-width:36em;padding:2em 1em;font:16px/1.5 sans-serif;color:#222">
<p>{says}</p>
<p><a href="{url}" style="display:inline-block;padding:.6em 1.2em;border-radius:.3em;background:#222;color:#fff;text-decoration:none">{call}</a></p>
<p style="font-size:13px;word-break:break-all">{url}</p>
<p style="font-size:13px">{known}</p>
</body>
</html>
"#
        );
        Bodies { text, html }
    }
}

/// Text within HTML, and within an attribute's quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_comes_from_outside_is_text_in_html() {
        let data = json!({ "url": "https://a.example/?a=1&token=\"><script>" });
        for template in Template::ALL {
            assert_eq!(Template::named(template.name()), Some(template));
            let bodies = template.bodies(data.as_object().unwrap(), "Fish & <b>Chips</b>");
            assert!(bodies.text.contains("Fish & <b>Chips</b>"), "{}", bodies.text);
            assert!(bodies.text.contains("\nhttps://a.example/?a=1&token=\"><script>\n"), "{}", bodies.text);
            assert!(bodies.html.contains("Fish &amp; &lt;b&gt;Chips&lt;/b&gt;"), "{}", bodies.html);
            let link = r#"href="https://a.example/?a=1&amp;token=&quot;&gt;&lt;script&gt;""#;
            assert!(bodies.html.contains(link) && !bodies.html.contains("<script"), "{}", bodies.html);
        }
        let renamed = json!({ "projectName": "Other" });
        assert!(
            Template::UserInvitation.bodies(renamed.as_object().unwrap(), "One").text.contains("invited to Other.")
        );
    }
}
