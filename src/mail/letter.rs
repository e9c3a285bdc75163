//! A mail's options, as the contract and Nodemailer name them, become a message.

use lettre::{
    Address, Message,
    message::{Mailbox, Mailboxes, MultiPart, SinglePart, header},
};
use serde_json::{Map, Value as Json};

use super::template::{Bodies, Template};

/// What options may say.
const KNOWN: [&str; 9] = ["to", "cc", "bcc", "replyTo", "from", "subject", "text", "html", "template"];

/// What a mail shall be.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The mail options.
    pub options: Json,
    /// The name of the project that it comes from.
    pub project: String,
}

/// Why a mail cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("mail options are an object")]
    NoOptions,
    #[error("`{0}` holds what is no address")]
    Address(&'static str),
    #[error("it is for nobody")]
    Nobody,
    #[error("there is no template of that name")]
    Template,
    #[error("it has neither `text` nor `html`")]
    Empty,
    #[error("it cannot be put together")]
    Message,
}

impl Letter {
    /// The message, from somebody unless it says from whom.
    pub(super) fn write(&self, from: &Mailbox) -> Result<Message, Fault> {
        let options = self.options.as_object().ok_or(Fault::NoOptions)?;
        let unknown: Vec<&String> = options.keys().filter(|name| !KNOWN.contains(&name.as_str())).collect();
        if !unknown.is_empty() {
            tracing::warn!(?unknown, "a mail goes without options that are not supported");
        }
        let (to, cc, bcc) = (people(options, "to")?, people(options, "cc")?, people(options, "bcc")?);
        if [&to, &cc, &bcc].into_iter().all(Vec::is_empty) {
            return Err(Fault::Nobody);
        }
        let subject = options.get("subject").and_then(Json::as_str).unwrap_or_default();
        let mut message =
            Message::builder().message_id(None).subject(one_line(subject)).from(self.from(options, from)?);
        message = people(options, "replyTo")?.into_iter().fold(message, |message, mailbox| message.reply_to(mailbox));
        for mailbox in to {
            message = message.to(mailbox);
        }
        for mailbox in cc {
            message = message.cc(mailbox);
        }
        for mailbox in bcc {
            message = message.bcc(mailbox);
        }
        let message = message.header(header::MIME_VERSION_1_0);
        match self.bodies(options)? {
            (Some(text), Some(html)) => message.multipart(MultiPart::alternative_plain_html(text, html)),
            (Some(text), None) => message.singlepart(SinglePart::plain(text)),
            (None, Some(html)) => message.singlepart(SinglePart::html(html)),
            (None, None) => return Err(Fault::Empty),
        }
        .map_err(|_| Fault::Message)
    }

    /// An object says it all; a text, or the gateway's own address, goes with the
    /// project's name.
    fn from(&self, options: &Map<String, Json>, own: &Mailbox) -> Result<Mailbox, Fault> {
        let fault = Fault::Address("from");
        let named = |mailbox: Mailbox| match mailbox.name {
            Some(_) => mailbox,
            None => Mailbox::new(Some(one_line(&self.project)), mailbox.email),
        };
        match options.get("from") {
            None | Some(Json::Null) => Ok(named(own.clone())),
            Some(Json::String(text)) => text.parse().map(named).map_err(|_| fault),
            Some(Json::Object(given)) => match (given.get("name"), given.get("address")) {
                (Some(Json::String(_)), Some(Json::String(_))) => mailbox(given).ok_or(fault),
                _ => Err(fault),
            },
            Some(_) => Err(fault),
        }
    }

    /// Text and HTML: what is given, else the template's.
    fn bodies(&self, options: &Map<String, Json>) -> Result<(Option<String>, Option<String>), Fault> {
        let given = |name: &str| options.get(name).and_then(Json::as_str).map(str::to_owned);
        let template = match options.get("template") {
            None | Some(Json::Null) => None,
            Some(template) => {
                let name = template.get("name").and_then(Json::as_str).ok_or(Fault::Template)?;
                let data = template.get("data").and_then(Json::as_object).cloned().unwrap_or_default();
                Some(Template::named(name).ok_or(Fault::Template)?.bodies(&data, &self.project))
            }
        };
        let (text, html) = match template {
            Some(Bodies { text, html }) => (Some(text), Some(html)),
            None => (None, None),
        };
        Ok((given("text").or(text), given("html").or(html).map(|html| trimmed(&html))))
    }
}

/// Whom an option names: an address, several with commas between, an object with
/// `name` and `address`, or a list of these.
fn people(options: &Map<String, Json>, name: &'static str) -> Result<Vec<Mailbox>, Fault> {
    let fault = Fault::Address(name);
    let one = |value: &Json| -> Result<Vec<Mailbox>, Fault> {
        match value {
            Json::String(text) => match text.parse::<Address>() {
                Ok(address) => Ok(vec![address.into()]),
                Err(_) => Ok(text.parse::<Mailboxes>().map_err(|_| fault.clone())?.into()),
            },
            Json::Object(given) => Ok(vec![mailbox(given).ok_or_else(|| fault.clone())?]),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => Err(fault.clone()),
        }
    };
    match options.get(name) {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(values)) => Ok(values.iter().map(one).collect::<Result<Vec<_>, _>>()?.concat()),
        Some(value) => one(value),
    }
}

fn mailbox(given: &Map<String, Json>) -> Option<Mailbox> {
    let address = given.get("address")?.as_str()?.parse().ok()?;
    let name = given.get("name").and_then(Json::as_str).filter(|name| !name.is_empty()).map(one_line);
    Some(Mailbox::new(name, address))
}

/// What stands in a header has no line breaks, nor other signs that steer.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn trimmed(html: &str) -> String {
    html.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(options: Json) -> Result<String, Fault> {
        let letter = Letter { options, project: "The \"Shop\"\r\nBcc: x@y".to_owned() };
        let message = letter.write(&"no-reply@shop.example".parse().unwrap())?;
        Ok(String::from_utf8(message.formatted()).unwrap())
    }

    #[test]
    fn options_become_a_message() {
        let options = json!({
            "to": ["a@x.example", { "name": "B", "address": "b@x.example" }], "cc": "c@x.example, D <d@x.example>",
            "replyTo": "r@x.example", "subject": "Hello\r\nBcc: evil@x.example", "text": "Hi", "html": "  <p>\n   Hi  \n</p>",
        });
        let mail = written(options).unwrap();
        let headers = mail.split_once("\r\n\r\n").unwrap().0;
        assert!(headers.lines().all(|line| !line.starts_with("Bcc:")), "{mail}");
        for line in ["To: a@x.example, B <b@x.example>", "Cc: c@x.example, D <d@x.example>", "Reply-To: r@x.example"] {
            assert!(headers.lines().any(|header| header == line), "{line}\n{mail}");
        }
        assert!(headers.contains("<no-reply@shop.example>"), "{mail}");
        assert!(mail.contains("multipart/alternative") && mail.contains("<p>\r\nHi\r\n</p>"), "{mail}");
    }

    #[test]
    fn somebody_else_may_send_it() {
        let from = |from: Json| written(json!({ "to": "a@x.example", "from": from, "text": "Hi" }));
        let own = from(json!({ "name": "Me", "address": "me@x.example" })).unwrap();
        assert!(own.contains("From: Me <me@x.example>"), "{own}");
        let text = from(json!("me@x.example")).unwrap();
        // The project's name, whose line break is gone.
        assert!(text.contains("From: =?utf-8?b?VGhlICJTaG9wIiAgQmNjOiB4QHk=?= <me@x.example>"), "{text}");
        for nobody in [json!({ "address": "me@x.example" }), json!("nobody"), json!(1)] {
            assert_eq!(from(nobody), Err(Fault::Address("from")));
        }
    }

    #[test]
    fn what_is_given_wins_over_the_template() {
        let template = json!({ "name": "password-reset", "data": { "url": "https://a.example/?token=t" } });
        let mail = written(json!({ "to": "a@x.example", "template": template, "html": "<p>own</p>" })).unwrap();
        assert!(mail.contains("<p>own</p>") && mail.contains("Choose a new password:"), "{mail}");
        assert!(!mail.contains("<!doctype"), "{mail}");
    }

    #[test]
    fn what_makes_no_mail_is_said() {
        for (options, fault) in [
            (json!("x"), Fault::NoOptions),
            (json!({ "text": "x" }), Fault::Nobody),
            (json!({ "to": [] , "text": "x" }), Fault::Nobody),
            (json!({ "to": "a", "text": "x" }), Fault::Address("to")),
            (json!({ "to": [[1]], "text": "x" }), Fault::Address("to")),
            (json!({ "to": "a@x.example" }), Fault::Empty),
            (json!({ "to": "a@x.example", "template": { "name": "../x" } }), Fault::Template),
        ] {
            assert_eq!(written(options.clone()), Err(fault), "{options}");
        }
    }
}
