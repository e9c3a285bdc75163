//! Answers that go on: GraphQL over Server-Sent Events in its distinct
//! connections mode, multipart subscriptions, and what all streams have in common.
//!
//! An event's `id` is its position, so that `Last-Event-ID` goes on where a
//! client stopped (HTML standard 9.2; the GraphQL over SSE protocol).

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Response, header},
};
use futures_util::stream;
use serde_json::Value as Json;
use tokio::time::timeout;

use super::{Shared, places::Place, problem};
use crate::{
    graphql::{Allowed, Opened, Request},
    principal::Principal,
    realtime::{CloseReason, Ended, Item, Next, Queue, Subscription, Tag, Taken, Topic},
};

/// Changes that are written at once.
const BURST: usize = 64;

/// How the pieces of an answer are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// `text/event-stream`
    Events,
    /// `multipart/mixed; subscriptionSpec=1.0`, as Apollo's clients ask for.
    Multipart,
}

/// The framing that a client asks for, if it asks for one at all.
pub(super) fn asked(headers: &HeaderMap) -> Option<Framing> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).find_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next()?;
        if kind.eq_ignore_ascii_case("text/event-stream") {
            return Some(Framing::Events);
        }
        let is_mixed = kind.eq_ignore_ascii_case("multipart/mixed");
        let is_subscription = |part: &str| part.replace('"', "").eq_ignore_ascii_case("subscriptionSpec=1.0");
        (is_mixed && parts.any(is_subscription)).then_some(Framing::Multipart)
    })
}

/// Where a client stopped, if it says so.
pub(super) fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id")?.to_str().ok().filter(|id| !id.is_empty())
}

impl Framing {
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Events => "text/event-stream; charset=utf-8",
            Self::Multipart => "multipart/mixed; boundary=graphql; subscriptionSpec=1.0",
        })
    }

    fn begin(self, position: Option<&str>) -> Vec<u8> {
        match self {
            Self::Events => opening(position),
            Self::Multipart => b"\r\n--graphql".to_vec(),
        }
    }

    fn next(self, out: &mut Vec<u8>, position: Option<&str>, body: &[u8]) {
        match self {
            Self::Events => event(out, "next", position, body),
            Self::Multipart => {
                out.extend_from_slice(b"\r\nContent-Type: application/json\r\n\r\n{\"payload\":");
                out.extend_from_slice(body);
                out.extend_from_slice(b"}\r\n--graphql");
            }
        }
    }

    pub(super) fn heartbeat(self, out: &mut Vec<u8>) {
        match self {
            Self::Events => out.extend_from_slice(b":\n\n"),
            Self::Multipart => {
                out.extend_from_slice(b"\r\nContent-Type: application/json\r\n\r\n{}\r\n--graphql");
            }
        }
    }

    /// There is nothing more to come.
    fn complete(self, out: &mut Vec<u8>) {
        match self {
            Self::Events => out.extend_from_slice(b"event: complete\ndata:\n\n"),
            Self::Multipart => out.extend_from_slice(b"--\r\n"),
        }
    }

    /// There is more, but not here: whoever is told no end comes back.
    fn interrupt(self, out: &mut Vec<u8>, reason: CloseReason) {
        let ended = reason.ended();
        match self {
            Self::Events => {
                // Whoever is told to go only has to come back.
                if reason == CloseReason::TooSlow {
                    event(out, "next", None, &ended.to_answer());
                }
                comment(out, &ended.to_string());
            }
            Self::Multipart => {
                out.extend_from_slice(b"\r\nContent-Type: application/json\r\n\r\n{\"payload\":null,\"errors\":");
                out.extend_from_slice(ended.to_errors().to_string().as_bytes());
                out.extend_from_slice(b"}\r\n--graphql--\r\n");
            }
        }
    }
}

/// Something for people who look at a stream.
pub(super) fn comment(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b": ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\n\n");
}

/// How a stream of events begins: something must be sent, or a proxy keeps the
/// head as well. A client that knows where it stands even before the first event
/// loses nothing if the connection breaks before.
pub(super) fn opening(id: Option<&str>) -> Vec<u8> {
    let mut out = b"retry: 1000\n".to_vec();
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b": open\n\n");
    out
}

/// One event. What stands on several lines is data on several lines.
pub(super) fn event(out: &mut Vec<u8>, name: &str, id: Option<&str>, data: &[u8]) {
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b"\n\n");
}

/// What a stream makes of what it is told.
pub(super) trait Tell: Send + 'static {
    /// A change.
    fn next(&mut self, tag: Tag, next: &Next, missed: u64, out: &mut Vec<u8>);
    /// A subscription has no more to tell; whether the stream has not either.
    fn ended(&mut self, tag: Tag, ended: &Ended, out: &mut Vec<u8>) -> bool;
    /// Waits for something else to say, if there ever is. Dropping the future loses
    /// nothing.
    fn other(&mut self, out: &mut Vec<u8>) -> impl Future<Output = ()> + Send {
        let _ = out;
        std::future::pending()
    }
    /// Nothing has come for a while.
    fn heartbeat(&mut self, out: &mut Vec<u8>);
    /// The connection is closed; whoever comes back goes on where it stopped.
    fn interrupt(&mut self, reason: CloseReason, out: &mut Vec<u8>);
}

/// One operation.
struct Operation(Framing, #[expect(dead_code, reason = "it is held")] Place);

impl Tell for Operation {
    fn next(&mut self, _: Tag, next: &Next, missed: u64, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(next.text.len() + 40);
        next.write_answer(missed, &mut body);
        let position = next.position.map(|position| position.to_string());
        self.0.next(out, position.as_deref(), &body);
    }

    fn ended(&mut self, _: Tag, ended: &Ended, out: &mut Vec<u8>) -> bool {
        self.0.next(out, None, &ended.to_answer());
        self.0.complete(out);
        true
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        self.0.heartbeat(out);
    }

    fn interrupt(&mut self, reason: CloseReason, out: &mut Vec<u8>) {
        self.0.interrupt(out, reason);
    }
}

/// Answers a request with a stream.
pub(super) async fn answer(
    shared: &Shared,
    (principal, place): (&Principal, Place),
    request: Request<'_>,
    allowed: Allowed,
    after: Option<&str>,
    framing: Framing,
) -> Response<Body> {
    let service = &shared.parts.service;
    let whole = |body: &[u8]| {
        let mut out = framing.begin(None);
        framing.next(&mut out, None, body);
        framing.complete(&mut out);
        respond(framing.content_type(), Body::from(out))
    };
    match service.open(principal, request, allowed).await {
        Opened::Answered(response) | Opened::Refused(response) => whole(&response.body),
        Opened::Changes(topic) => {
            let queue = Arc::new(Queue::new(shared.options.sockets.queue));
            let topic = Topic { after: after.map(Json::from), ..topic };
            match service.hub().subscribe(topic, &queue, 0).await {
                Ok(subscription) => {
                    let begun = framing.begin(subscription.from().map(|from| from.to_string()).as_deref());
                    let subscriptions = HashMap::from([(0, subscription)]);
                    let tell = Operation(framing, place);
                    let body = body(shared, principal, queue, subscriptions, begun, tell);
                    respond(framing.content_type(), body)
                }
                Err(ended) => whole(&ended.to_answer()),
            }
        }
    }
}

/// A response whose body goes on.
pub(super) fn respond(content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    problem::keep_from_caches(headers);
    // nginx would gather it.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// A stream under way.
struct Live<T> {
    queue: Arc<Queue>,
    subscriptions: HashMap<Tag, Subscription>,
    begun: Vec<u8>,
    tell: T,
    heartbeat: Duration,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
}

/// The body of a stream; dropping it ends its subscriptions.
pub(super) fn body(
    shared: &Shared,
    principal: &Principal,
    queue: Arc<Queue>,
    subscriptions: HashMap<Tag, Subscription>,
    begun: Vec<u8>,
    tell: impl Tell,
) -> Body {
    let mut lapse = shared.parts.authenticator.lapse(&Arc::new(principal.clone()));
    let stop = shared.parts.service.hub().stopping();
    let stopping = Box::pin(async move {
        tokio::select! {
            () = stop => {}
            // Who comes back must prove itself anew.
            () = &mut lapse => {}
        }
    });
    let heartbeat = shared.options.sockets.ping;
    let live = Live { queue, subscriptions, begun, tell, heartbeat, stopping, has_ended: false };
    Body::from_stream(stream::unfold(live, |mut live| async {
        let piece = live.piece().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), live))
    }))
}

impl<T: Tell> Live<T> {
    async fn piece(&mut self) -> Option<Bytes> {
        if !self.begun.is_empty() {
            return Some(std::mem::take(&mut self.begun).into());
        }
        if self.has_ended {
            return None;
        }
        let mut out = Vec::new();
        let taken = tokio::select! {
            taken = timeout(self.heartbeat, self.queue.take(BURST)) => taken,
            () = self.tell.other(&mut out) => Ok(Taken::Items(Vec::new())),
            () = &mut self.stopping => Ok(Taken::Close(CloseReason::GoingAway)),
        };
        match taken {
            Ok(Taken::Items(items)) => {
                for (tag, item) in items {
                    match item {
                        Item::Next(next, missed) => self.tell.next(tag, &next, missed, &mut out),
                        Item::Ended(ended) => {
                            self.subscriptions.remove(&tag);
                            self.has_ended |= self.tell.ended(tag, &ended, &mut out);
                        }
                    }
                }
            }
            Ok(Taken::Close(reason)) => {
                self.has_ended = true;
                self.subscriptions.clear();
                self.tell.interrupt(reason, &mut out);
            }
            Err(_) => self.tell.heartbeat(&mut out),
        }
        Some(out.into())
    }
}
