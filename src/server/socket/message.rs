//! The messages of `graphql-transport-ws`, and those that Directus adds.

use axum::extract::ws::Utf8Bytes;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::{
    events::Position,
    realtime::{Ended, Next},
    tasks,
    value::json,
};

/// What a client says.
#[derive(Debug)]
pub(super) enum Heard {
    Init(Map<String, Json>),
    Ping(Option<Json>),
    Pong,
    Subscribe {
        id: String,
        payload: Payload,
    },
    Complete {
        id: String,
    },
    /// Credentials for a running connection (contract `graphql.md` 9.1).
    Auth {
        access_token: Option<String>,
        uid: Option<Json>,
    },
}

/// What is to be done.
#[derive(Debug, Deserialize)]
pub(super) struct Payload {
    pub(super) query: String,
    #[serde(default)]
    pub(super) variables: Option<Map<String, Json>>,
    #[serde(default, rename = "operationName")]
    pub(super) operation_name: Option<String>,
}

/// Why a message is not understood.
#[derive(Debug)]
pub(super) enum Unclear {
    /// It is no JSON object with a type: told, and nothing else (contract 9.2).
    NotAMessage,
    /// The protocol has no such message.
    Unknown(&'static str),
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    id: Option<Json>,
    payload: Option<Json>,
    access_token: Option<Json>,
    uid: Option<Json>,
}

impl Heard {
    /// Reads a message; a large one where nobody waits for it.
    pub(super) async fn of(text: Utf8Bytes) -> Result<Self, Unclear> {
        if text.len() <= tasks::LARGE {
            return Self::parse(&text);
        }
        Box::pin(tasks::aside(move || Self::parse(&text))).await.unwrap_or(Err(Unclear::NotAMessage))
    }

    fn parse(text: &str) -> Result<Self, Unclear> {
        let Envelope { kind, id, payload, access_token, uid } =
            serde_json::from_str(text).map_err(|_| Unclear::NotAMessage)?;
        let id = || match id {
            Some(Json::String(id)) if !id.is_empty() => Ok(id),
            _ => Err(Unclear::Unknown("Invalid message: `id` is a text")),
        };
        Ok(match &*kind {
            "connection_init" => match payload {
                None | Some(Json::Null) => Self::Init(Map::new()),
                Some(Json::Object(payload)) => Self::Init(payload),
                Some(_) => return Err(Unclear::Unknown("Invalid message: `payload` is an object")),
            },
            "ping" => Self::Ping(payload),
            "pong" => Self::Pong,
            "complete" => Self::Complete { id: id()? },
            "subscribe" => {
                let payload = payload.and_then(|payload| serde_json::from_value(payload).ok());
                let payload = payload.ok_or(Unclear::Unknown("Invalid message: `payload` holds a `query`"))?;
                Self::Subscribe { id: id()?, payload }
            }
            "auth" => {
                let access_token = access_token.and_then(|token| token.as_str().map(str::to_owned));
                Self::Auth { access_token, uid }
            }
            _ => return Err(Unclear::Unknown("Invalid message: unknown `type`")),
        })
    }
}

/// An acknowledgement; with where the log is, for those who ask.
pub(super) fn ack(position: Option<Position>) -> String {
    match position {
        Some(position) => format!(r#"{{"type":"connection_ack","payload":{{"position":"{position}"}}}}"#),
        None => r#"{"type":"connection_ack"}"#.to_owned(),
    }
}

pub(super) fn pong(payload: Option<&Json>) -> String {
    match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{payload}}}"#),
        None => r#"{"type":"pong"}"#.to_owned(),
    }
}

/// `{"id":…,"type":…,"payload":`
fn head(id: &str, kind: &str, room: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(id.len() + room + 48);
    out.extend_from_slice(b"{\"id\":");
    json::write_string(&mut out, id);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"payload\":");
    out
}

fn text(mut out: Vec<u8>) -> String {
    out.push(b'}');
    // What is written here is JSON, and JSON is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

/// A change, and how many were dropped before it.
pub(super) fn next(id: &str, next: &Next, missed: u64) -> String {
    let mut out = head(id, "next", next.text.len());
    next.write_answer(missed, &mut out);
    text(out)
}

/// The answer to a query or a mutation.
pub(super) fn answer(id: &str, body: &[u8]) -> String {
    let mut out = head(id, "next", body.len());
    out.extend_from_slice(body);
    text(out)
}

pub(super) fn complete(id: &str) -> String {
    let mut out = Vec::with_capacity(id.len() + 32);
    out.extend_from_slice(b"{\"id\":");
    json::write_string(&mut out, id);
    out.extend_from_slice(b",\"type\":\"complete\"");
    text(out)
}

/// A refusal; `body` is a whole answer without data, of which its errors are taken.
pub(super) fn refused(id: &str, body: &[u8]) -> String {
    let errors = body.strip_prefix(b"{\"errors\":").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or(b"[]");
    let mut out = head(id, "error", errors.len());
    out.extend_from_slice(errors);
    text(out)
}

pub(super) fn ended(id: &str, ended: &Ended) -> String {
    let mut out = head(id, "error", 256);
    out.extend_from_slice(ended.to_errors().to_string().as_bytes());
    text(out)
}

/// What Directus says outside of the protocol.
pub(super) fn notice(kind: &str, status: Result<(), (&str, &str)>, uid: Option<&Json>) -> String {
    let mut message = Map::new();
    message.insert("type".to_owned(), kind.into());
    match status {
        Ok(()) => drop(message.insert("status".to_owned(), "ok".into())),
        Err((code, text)) => {
            message.insert("status".to_owned(), "error".into());
            message.insert("error".to_owned(), serde_json::json!({ "code": code, "message": text }));
        }
    }
    if let Some(uid) = uid {
        message.insert("uid".to_owned(), uid.clone());
    }
    Json::Object(message).to_string()
}
