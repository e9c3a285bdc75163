//! `GET /stream`: changes of collections as Server-Sent Events, for
//! `EventSource` and `curl -N`, without GraphQL.
//!
//! An event's `id` holds a position for each collection: between collections
//! the order is the log's only roughly, and whoever comes back must lose none.

use std::{collections::HashMap, fmt::Write as _, mem, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Response, Uri},
};
use serde_json::{Map, Value as Json};

use super::{
    Shared,
    front::Peer,
    places::Place,
    problem::Problem,
    routes::Caller,
    streaming::{self, Tell, event},
};
use crate::{
    error_code::ErrorCode,
    events::Action,
    graphql::{Allowed, Opened, Request},
    realtime::{CloseReason, Ended, Next, Queue, Tag, Topic},
    value::json,
};

/// What a feed is asked for.
#[derive(Debug, Default)]
struct Asked {
    collections: Vec<String>,
    events: Vec<String>,
    fields: Vec<String>,
    filter: Option<Json>,
    overflow: Option<String>,
    after: Option<String>,
}

impl Asked {
    fn parse(query: &str) -> Result<Self, Problem> {
        let mut asked = Self::default();
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "collections" => asked.collections.extend(list(&value)),
                "events" => asked.events.extend(list(&value)),
                "fields" => asked.fields.extend(list(&value)),
                "filter" if !value.is_empty() => {
                    let filter = serde_json::from_str(&value).ok().filter(Json::is_object);
                    asked.filter = Some(filter.ok_or_else(|| Problem::query("`filter` is a JSON object"))?);
                }
                "overflow" => asked.overflow = Some(value.into_owned()),
                "after" if !value.is_empty() => asked.after = Some(value.into_owned()),
                _ => {}
            }
        }
        if asked.collections.is_empty() {
            return Err(Problem::query("`collections` names what is to be followed"));
        }
        asked.collections.sort_unstable();
        asked.collections.dedup();
        let known = ["create", "update", "delete"];
        asked.events.sort_unstable();
        asked.events.dedup();
        if let Some(event) = asked.events.iter().find(|event| !known.contains(&event.as_str())) {
            return Err(Problem::query(format!("`{event}` is no event: there are create, update and delete")));
        }
        if let Some(overflow) = &asked.overflow
            && !["close", "drop_oldest", "latest"].contains(&overflow.as_str())
        {
            return Err(Problem::query("`overflow` is close, drop_oldest or latest"));
        }
        if asked.overflow.as_deref() == Some("latest") && asked.events.len() == 2 {
            // The latest change of a row may be of the third kind, and hide one of these.
            return Err(Problem::query("`overflow=latest` goes with one kind of `events`, or with all"));
        }
        Ok(asked)
    }

    /// The position of a collection among those of an event's `id`.
    fn position<'a>(&self, id: &'a str, collection: &str) -> &'a str {
        let mut parts = id.split(' ').filter_map(|part| part.split_once(':'));
        parts.find(|(of, _)| *of == collection).map_or(id, |(_, position)| position)
    }
}

/// Answers whatever can be followed.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    Caller(principal): Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    match open(&shared, peer, &principal, &uri, &headers).await {
        Ok(response) => response,
        Err(problem) => problem.into_json(),
    }
}

async fn open(
    shared: &Shared,
    peer: Peer,
    principal: &crate::principal::Principal,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response<Body>, Problem> {
    let asked = Asked::parse(uri.query().unwrap_or_default())?;
    // What the browser remembers is newer than what the page once asked for.
    let after = streaming::last_event_id(headers).or(asked.after.as_deref());
    let service = &shared.parts.service;
    let queue = Arc::new(Queue::new(shared.options.sockets.queue));
    let place = shared.places.enter(principal.ip.unwrap_or(peer.0))?;
    // Where each of them stopped, as far as the client knows.
    let own = |collection: &String| after.map(|id| asked.position(id, collection));
    let positions = asked.collections.iter();
    let collections = positions.map(|of| (of.clone(), own(of).unwrap_or_default().to_owned())).collect();
    let mut feed = Feed { collections, events: asked.events.clone(), missed: 0, _place: place };
    let (mut subscriptions, mut resets) = (HashMap::new(), Vec::new());
    for (tag, collection) in (0..).zip(&asked.collections) {
        let (query, variables) = document(shared, principal, &asked, collection)?;
        let request = Request { query: query.into(), variables, operation_name: None };
        let topic = match service.open(principal, request, Allowed::LiveQueries).await {
            Opened::Changes(topic) => topic,
            Opened::Refused(response) | Opened::Answered(response) => return Err(refused(&response.body)),
        };
        let topic = Topic { after: own(collection).map(Json::from), ..topic };
        match service.hub().subscribe(topic, &queue, tag).await {
            Ok(subscription) => {
                let known = feed.collections.get_mut(tag as usize);
                if let (Some((_, position)), Some(from)) = (known, subscription.from()) {
                    *position = from.to_string();
                }
                subscriptions.insert(tag, subscription);
            }
            Err(ended @ Ended::Reset { .. }) => resets.push((tag, ended)),
            Err(Ended::Failed { code, message }) => return Err(Problem::new(code, message)),
        }
    }
    if !resets.is_empty() {
        let mut begun = streaming::opening(None);
        for (tag, ended) in resets {
            feed.ended(tag, &ended, &mut begun);
        }
        return Ok(streaming::respond(EVENTS.clone(), Body::from(begun)));
    }
    let begun = streaming::opening(Some(&feed.id()));
    Ok(streaming::respond(EVENTS.clone(), streaming::body(shared, principal, queue, subscriptions, begun, feed)))
}

static EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// The subscription to one collection, and its variables.
fn document(
    shared: &Shared,
    principal: &crate::principal::Principal,
    asked: &Asked,
    collection: &str,
) -> Result<(String, Map<String, Json>), Problem> {
    let service = &shared.parts.service;
    let unknown = || {
        let message = "You don't have permission to access this.";
        Problem::new(ErrorCode::Forbidden, message)
    };
    let own = service.fields(principal, collection).ok_or_else(unknown)?;
    let mut tree = Fields::default();
    let all = ["*".to_owned()];
    let is_alone = asked.collections.len() == 1;
    for path in if asked.fields.is_empty() { &all[..] } else { &asked.fields[..] } {
        let first = path.split('.').next().unwrap_or_default();
        match path.as_str() {
            "*" => own.iter().filter(|(_, is_column)| *is_column).for_each(|(field, _)| tree.add(field)),
            path if !path.split('.').all(is_name) => {
                return Err(Problem::query(format!("`{path}` is no path of fields")));
            }
            // Of several collections not each has each field.
            path if is_alone || own.iter().any(|(field, _)| field == first) => tree.add(path),
            _ => {}
        }
    }
    if tree.0.is_empty() {
        return Err(Problem::query(format!("`{collection}` has none of the fields")));
    }
    let mut selection = String::new();
    tree.write(&mut selection);
    let mut arguments = String::from("filter: $filter");
    if let [event] = &asked.events[..] {
        write!(arguments, ", event: {event}").expect("writing to memory does not fail");
    }
    if let Some(overflow) = &asked.overflow {
        write!(arguments, ", overflow: {overflow}").expect("writing to memory does not fail");
    }
    let text = format!(
        "subscription ($filter: {collection}_filter) {{ {collection}_mutated({arguments}) \
         {{ event key transition position at data {selection} }} }}"
    );
    let filter = asked.filter.clone().map(|filter| ("filter".to_owned(), filter));
    Ok((text, filter.into_iter().collect()))
}

/// Whether a text is a name in GraphQL (specification 2.1.9).
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Paths of fields as a selection.
#[derive(Debug, Default)]
struct Fields(Vec<(String, Fields)>);

impl Fields {
    fn add(&mut self, path: &str) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let at = self.0.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.0.push((name.to_owned(), Self::default()));
            self.0.len() - 1
        });
        if let Some(rest) = rest {
            self.0[at].1.add(rest);
        }
    }

    fn write(&self, out: &mut String) {
        if self.0.is_empty() {
            return;
        }
        out.push_str("{ ");
        for (name, fields) in &self.0 {
            out.push_str(name);
            out.push(' ');
            fields.write(out);
        }
        out.push_str("} ");
    }
}

/// The first error of a refusal.
fn refused(body: &[u8]) -> Problem {
    let answer: Json = serde_json::from_slice(body).unwrap_or_default();
    let message = answer["errors"][0]["message"].as_str().unwrap_or("The feed cannot be opened.").to_owned();
    let code = match answer["errors"][0]["extensions"]["code"].as_str() {
        Some("FORBIDDEN") => ErrorCode::Forbidden,
        Some("LIMIT_EXCEEDED") => ErrorCode::LimitExceeded,
        Some("INTERNAL_SERVER_ERROR") => ErrorCode::InternalServerError,
        _ => ErrorCode::InvalidQuery,
    };
    Problem::new(code, message)
}

/// What is followed, and where each of it stands.
struct Feed {
    collections: Vec<(String, String)>,
    events: Vec<String>,
    /// Changes that were dropped and not told yet.
    missed: u64,
    _place: Place,
}

impl Feed {
    fn id(&self) -> String {
        match &self.collections[..] {
            [(_, position)] => position.clone(),
            many => many.iter().map(|(of, position)| format!("{of}:{position}")).collect::<Vec<_>>().join(" "),
        }
    }
}

impl Tell for Feed {
    fn next(&mut self, tag: Tag, next: &Next, missed: u64, out: &mut Vec<u8>) {
        let (collection, position) = &mut self.collections[tag as usize];
        if let Some(reached) = next.position {
            *position = reached.to_string();
        }
        let name = next.action.map_or("snapshot", Action::as_str);
        self.missed += missed;
        if !self.events.is_empty() && !self.events.iter().any(|event| event == name) {
            return;
        }
        let mut data = b"{\"collection\":".to_vec();
        json::write_string(&mut data, collection);
        // `{"data":{"x_mutated":{` … `}}`: what is within is what is told.
        let head = format!("{{\"data\":{{\"{collection}_mutated\":{{");
        match next.text.strip_prefix(head.as_bytes()).and_then(|rest| rest.strip_suffix(b"}}")) {
            Some(members) => {
                data.push(b',');
                data.extend_from_slice(members);
            }
            // With errors, which clients must not overlook.
            None => {
                data.extend_from_slice(b",\"answer\":");
                next.write_answer(0, &mut data);
            }
        }
        if self.missed > 0 {
            data.extend_from_slice(b",\"missed\":");
            json::write_uint(&mut data, mem::take(&mut self.missed));
        }
        data.push(b'}');
        event(out, name, Some(&self.id()), &data);
    }

    fn ended(&mut self, tag: Tag, ended: &Ended, out: &mut Vec<u8>) -> bool {
        let collection = self.collections.get(tag as usize).map_or("", |(collection, _)| collection);
        let mut data = b"{\"collection\":".to_vec();
        json::write_string(&mut data, collection);
        let name = match ended {
            Ended::Reset { reason, head } => {
                data.extend_from_slice(b",\"reason\":");
                json::write_string(&mut data, reason.as_str());
                data.extend_from_slice(b",\"position\":");
                json::write_string(&mut data, &head.to_string());
                // Whoever comes back misses no more than what this says, and goes on with
                // the other collections where they were.
                if let Some((_, position)) = self.collections.get_mut(tag as usize) {
                    *position = head.to_string();
                }
                "reset"
            }
            Ended::Failed { code, .. } => {
                data.extend_from_slice(b",\"code\":");
                json::write_string(&mut data, code.as_str());
                "error"
            }
        };
        data.extend_from_slice(b",\"message\":");
        json::write_string(&mut data, &ended.to_string());
        data.push(b'}');
        event(out, name, Some(&self.id()), &data);
        true
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b":\n\n");
    }

    fn interrupt(&mut self, reason: CloseReason, out: &mut Vec<u8>) {
        let ended = reason.ended();
        if reason == CloseReason::TooSlow {
            let data = serde_json::json!({ "code": ended.code().as_str(), "message": ended.to_string() });
            event(out, "error", Some(&self.id()), data.to_string().as_bytes());
        }
        streaming::comment(out, &ended.to_string());
    }
}
