//! GraphQL over Server-Sent Events in its single connection mode: a stream is
//! reserved, opened with the token of its reservation, and given operations by
//! requests of their own (the protocol's "Single connection mode").

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header, request},
};
use futures_util::future::{AbortHandle, Abortable};
use serde_json::Value as Json;
use tokio::{sync::mpsc, time::sleep};
use uuid::Uuid;

use super::{
    Shared,
    payload::Sent,
    places::Place,
    problem::{self, Problem},
    streaming::{self, Framing, Tell},
};
use crate::{
    error_code::ErrorCode,
    graphql::{self, Allowed, Opened},
    principal::Principal,
    realtime::{CloseReason, Ended, Next, Queue, QueueLimits, Subscription, Tag, Topic},
    tasks,
    value::json,
};

/// Answers that may wait for a stream; who has more of them waits.
const ANSWERS: usize = 16;

/// The reservation that a request is about, by its header or its query string.
pub(super) fn token(head: &request::Parts) -> Option<String> {
    let in_header = head.headers.get("x-graphql-event-stream-token").and_then(|value| value.to_str().ok());
    in_header.map(str::to_owned).or_else(|| parameter(head, "token")).filter(|token| !token.is_empty())
}

fn parameter(head: &request::Parts, named: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    pairs.find(|(name, _)| name == named).map(|(_, value)| value.into_owned())
}

/// An operation's result, and which one it is of.
type Answer = (String, Vec<u8>);

/// The streams that are reserved, by their tokens.
#[derive(Default)]
pub(super) struct Reservations(Mutex<HashMap<String, Arc<Reservation>>>);

impl Reservations {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Reservation>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, token: &str) -> Result<Arc<Reservation>, Problem> {
        let unknown = || Problem::new(ErrorCode::RouteNotFound, "There is no stream of that token; it may have ended.");
        self.all().get(token).cloned().ok_or_else(unknown)
    }

    /// Forgets one, and with it all that it follows.
    fn end(&self, token: &str) {
        let ended = self.all().remove(token);
        if let Some(reservation) = ended {
            // Whoever holds it still must not follow anything any more. What it follows
            // is dropped outside of the lock.
            let operations = std::mem::take(&mut reservation.state().operations);
            drop(operations);
        }
    }

    fn end_unopened(&self, token: &str) {
        // Once taken, nobody opens it any more.
        let taken = self.all().get(token).and_then(|reservation| reservation.state().unopened.take());
        if taken.is_some() {
            self.end(token);
        }
    }
}

/// A stream, reserved or open.
struct Reservation {
    queue: Arc<Queue>,
    answers: mpsc::Sender<Answer>,
    state: Mutex<State>,
    /// Who reserved it, for whose operations it is.
    owner: Principal,
    _place: Place,
}

struct State {
    /// Until the stream is opened.
    unopened: Option<mpsc::Receiver<Answer>>,
    operations: HashMap<Tag, Operation>,
    next_tag: Tag,
}

struct Operation {
    id: String,
    /// Until it is known what it is.
    begins: AbortHandle,
    /// What it follows.
    subscription: Option<Subscription>,
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.begins.abort();
    }
}

impl Reservation {
    fn new(limits: QueueLimits, owner: Principal, place: Place) -> Self {
        let (answers, unopened) = mpsc::channel(ANSWERS);
        let state = State { unopened: Some(unopened), operations: HashMap::new(), next_tag: 0 };
        Self { queue: Arc::new(Queue::new(limits)), answers, owner, state: Mutex::new(state), _place: place }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is done under the lock that could leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, id: &str, most: usize, begins: AbortHandle) -> Result<Tag, Problem> {
        let mut state = self.state();
        if state.operations.values().any(|operation| operation.id == id) {
            return Err(conflict(format!("An operation {id:?} is under way on this stream.")));
        }
        if state.operations.len() >= most {
            let message = "There are as many operations on this stream as it may have.";
            return Err(Problem::new(ErrorCode::LimitExceeded, message));
        }
        state.next_tag += 1;
        let tag = state.next_tag;
        state.operations.insert(tag, Operation { id: id.to_owned(), begins, subscription: None });
        Ok(tag)
    }

    fn end(&self, tag: Tag) {
        // What it follows is dropped outside of the lock.
        let ended = self.state().operations.remove(&tag);
        drop(ended);
    }
}

fn conflict(message: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(ErrorCode::Conflict, message)
}

/// `PUT /graphql`: a token for a stream.
pub(super) fn reserve(shared: &Arc<Shared>, principal: &Principal, place: Place) -> Result<Response<Body>, Problem> {
    let service = &shared.parts.service;
    if service.refuses(principal) {
        return Err(Problem::new(ErrorCode::Forbidden, "There is nothing that this caller may follow."));
    }
    let token = Uuid::new_v4().to_string();
    let reservation = Reservation::new(shared.options.sockets.queue, principal.clone(), place);
    shared.reservations.all().insert(token.clone(), Arc::new(reservation));
    let (expiring, expires) = (shared.clone(), token.clone());
    let (within, stopping) = (shared.options.sockets.reservation, service.hub().stopping());
    tasks::spawn("reservation", async move {
        tokio::select! {
            () = sleep(within) => {}
            () = stopping => {}
        }
        expiring.reservations.end_unopened(&expires);
    });
    let mut response = Response::new(Body::from(token));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    problem::keep_from_caches(response.headers_mut());
    Ok(response)
}

/// `GET /graphql` as a stream: the one of the reservation. The token is all that
/// it needs, since browsers send no headers of a page's own here.
pub(super) fn open(shared: &Arc<Shared>, token: &str) -> Result<Response<Body>, Problem> {
    let reservation = shared.reservations.find(token)?;
    let unopened = reservation.state().unopened.take();
    let answers = unopened.ok_or_else(|| conflict("The stream of that token is open already."))?;
    let (queue, owner) = (reservation.queue.clone(), reservation.owner.clone());
    let told = Told { shared: shared.clone(), token: token.to_owned(), reservation, answers };
    let begun = streaming::opening(None);
    let body = streaming::body(shared, &owner, queue, HashMap::new(), begun, told);
    Ok(streaming::respond(Framing::Events.content_type(), body))
}

/// `DELETE /graphql?operationId=…`: no more of an operation. One that is not
/// under way has ended already, as was wished.
pub(super) fn stop(shared: &Shared, token: &str, head: &request::Parts) -> Result<Response<Body>, Problem> {
    let reservation = shared.reservations.find(token)?;
    let id =
        parameter(head, "operationId").ok_or_else(|| Problem::query("`operationId` names what is to be stopped"))?;
    let tag = reservation.state().operations.iter().find(|(_, operation)| operation.id == id).map(|(tag, _)| *tag);
    if let Some(tag) = tag {
        reservation.end(tag);
    }
    Ok(empty(StatusCode::OK))
}

/// What became of an operation that was sent.
pub(super) enum Sending {
    /// Its results come in the stream.
    Accepted(Response<Body>),
    /// It was refused before it began.
    Refused(graphql::Response),
}

/// Gives a stream an operation. Where `after` says where a client stopped, it
/// goes on from there.
pub(super) async fn operate(
    shared: &Shared,
    principal: &Principal,
    token: &str,
    sent: Sent<'_>,
    allowed: Allowed,
    after: Option<&str>,
) -> Result<Sending, Problem> {
    let reservation = shared.reservations.find(token)?;
    if reservation.owner.user != principal.user {
        return Err(Problem::new(ErrorCode::Forbidden, "The stream is somebody else's."));
    }
    let id = sent.extensions.get("operationId").and_then(Json::as_str).filter(|id| !id.is_empty());
    let id =
        id.ok_or_else(|| Problem::payload("`extensions.operationId` is a text that names the operation"))?.to_owned();
    let (begins, registration) = AbortHandle::new_pair();
    let tag = reservation.begin(&id, shared.options.sockets.operations, begins)?;
    let mut pending = Pending { reservation: &reservation, tag, is_over: true };
    let service = &shared.parts.service;
    let beginning = async {
        let answer = match service.open(principal, sent.request, allowed).await {
            Opened::Refused(response) => return Some(response),
            Opened::Answered(response) => response.body,
            Opened::Changes(topic) => {
                let topic = Topic { after: after.map(Json::from), ..topic };
                match service.hub().subscribe(topic, &reservation.queue, tag).await {
                    Ok(subscription) => {
                        pending.follows(subscription);
                        return None;
                    }
                    Err(ended) => ended.to_answer(),
                }
            }
        };
        // A stream that is gone needs no answer.
        let _ = reservation.answers.send((id, answer)).await;
        None
    };
    // Whoever has stopped it meanwhile wants no more of it.
    Ok(match Abortable::new(beginning, registration).await {
        Ok(Some(refused)) => Sending::Refused(refused),
        Ok(None) | Err(_) => Sending::Accepted(empty(StatusCode::ACCEPTED)),
    })
}

/// An operation that begins. One that follows nothing is over when this is dropped.
struct Pending<'a> {
    reservation: &'a Reservation,
    tag: Tag,
    is_over: bool,
}

impl Pending<'_> {
    fn follows(&mut self, subscription: Subscription) {
        // It may have ended already.
        if let Some(operation) = self.reservation.state().operations.get_mut(&self.tag) {
            operation.subscription = Some(subscription);
            self.is_over = false;
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.is_over {
            self.reservation.end(self.tag);
        }
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    problem::keep_from_caches(response.headers_mut());
    response
}

/// What a stream is told; dropping it ends the reservation.
struct Told {
    shared: Arc<Shared>,
    token: String,
    reservation: Arc<Reservation>,
    answers: mpsc::Receiver<Answer>,
}

impl Drop for Told {
    fn drop(&mut self) {
        self.shared.reservations.end(&self.token);
    }
}

/// `{"id":…`
fn head(id: &str, room: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(id.len() + room + 32);
    data.extend_from_slice(b"{\"id\":");
    json::write_string(&mut data, id);
    data
}

fn next(out: &mut Vec<u8>, id: &str, position: Option<&str>, body: &[u8]) {
    let mut data = head(id, body.len());
    data.extend_from_slice(b",\"payload\":");
    data.extend_from_slice(body);
    data.push(b'}');
    streaming::event(out, "next", position, &data);
}

fn complete(out: &mut Vec<u8>, id: &str) {
    let mut data = head(id, 0);
    data.push(b'}');
    streaming::event(out, "complete", None, &data);
}

impl Tell for Told {
    fn next(&mut self, tag: Tag, change: &Next, missed: u64, out: &mut Vec<u8>) {
        let state = self.reservation.state();
        let Some(operation) = state.operations.get(&tag) else { return };
        let mut body = Vec::with_capacity(change.text.len() + 40);
        change.write_answer(missed, &mut body);
        let position = change.position.map(|position| position.to_string());
        next(out, &operation.id, position.as_deref(), &body);
    }

    fn ended(&mut self, tag: Tag, ended: &Ended, out: &mut Vec<u8>) -> bool {
        let operation = self.reservation.state().operations.remove(&tag);
        if let Some(operation) = operation {
            next(out, &operation.id, None, &ended.to_answer());
            complete(out, &operation.id);
        }
        false
    }

    async fn other(&mut self, out: &mut Vec<u8>) {
        match self.answers.recv().await {
            Some((id, answer)) => {
                next(out, &id, None, &answer);
                complete(out, &id);
            }
            // The reservation, which this holds, has the other end.
            None => std::future::pending().await,
        }
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        Framing::Events.heartbeat(out);
    }

    fn interrupt(&mut self, reason: CloseReason, out: &mut Vec<u8>) {
        let ended = reason.ended();
        if reason == CloseReason::TooSlow {
            let state = self.reservation.state();
            state.operations.values().for_each(|operation| next(out, &operation.id, None, &ended.to_answer()));
        }
        streaming::comment(out, &ended.to_string());
    }
}
