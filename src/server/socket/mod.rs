//! `/graphql` as a WebSocket: the protocol `graphql-transport-ws`, with the
//! close codes of the contract (`graphql.md` 9.2).

mod close;
mod message;

use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{
        FromRequestParts as _,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, Response, StatusCode, header, request},
};
use futures_util::SinkExt as _;
use serde_json::{Map, Value as Json, json};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};

use self::{
    close::Close,
    message::{Heard, Payload, Unclear},
};
use super::{Shared, cors::Origins, front::Peer, places::Place, problem::Problem, routes};
use crate::{
    auth::{Asking, Authenticator, Credentials, Lapse},
    clock::Stopwatch,
    error_code::ErrorCode,
    graphql::{Allowed, Opened, Request, Service},
    principal::Principal,
    realtime::{Ended, Item, Queue, QueueLimits, Subscription, Tag, Taken},
    tasks,
};

/// The one subprotocol.
const SUBPROTOCOL: &str = "graphql-transport-ws";
/// Changes that are written before the connection looks at anything else.
const BURST: usize = 64;
/// What the library keeps for each connection; it would be 128 KiB.
const READ_BUFFER: usize = 1 << 10;
/// What is gathered before it is written.
const WRITE_BUFFER: usize = 4 << 10;

/// What sockets may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether there are any (`WEBSOCKETS_ENABLED`).
    pub enabled: bool,
    /// Most sockets and streams at a time (`WEBSOCKETS_GRAPHQL_CONN_LIMIT`).
    pub connections: usize,
    /// Most sockets and streams of one address at a time.
    pub per_address: usize,
    /// Most operations under way on one socket, or one reserved stream.
    pub operations: usize,
    /// Largest message of a client, in bytes.
    pub message: usize,
    /// How long `connection_init` may take.
    pub init: Duration,
    /// How long a reservation waits for its stream.
    pub reservation: Duration,
    /// How often a client is asked for a sign of life; one that gives none within
    /// as long again is gone.
    pub ping: Duration,
    /// How long one write to a socket may take. Whatever connection takes nothing
    /// for twice as long is given up.
    pub write: Duration,
    /// What may wait for one socket.
    pub queue: QueueLimits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            connections: 20_000,
            per_address: 10_000,
            operations: 1_000,
            message: 1 << 20,
            init: Duration::from_secs(3),
            reservation: Duration::from_secs(30),
            ping: Duration::from_secs(30),
            write: Duration::from_secs(10),
            queue: QueueLimits::default(),
        }
    }
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers an upgrade.
pub(super) async fn upgrade(shared: Arc<Shared>, peer: Peer, mut head: request::Parts) -> Response<Body> {
    match accept(shared, peer, &mut head).await {
        Ok(response) => response,
        Err(problem) => problem.into_json(),
    }
}

async fn accept(shared: Arc<Shared>, peer: Peer, head: &mut request::Parts) -> Result<Response<Body>, Problem> {
    if !shared.options.sockets.enabled {
        return Err(Problem::route(head.uri.path()));
    }
    if !is_allowed_origin(&shared, &head.headers) {
        return Err(Problem::new(ErrorCode::Forbidden, "This origin may not open a socket."));
    }
    let upgraded = routes::principal(&shared, peer, head).await?;
    let address = upgraded.ip.unwrap_or(peer.0);
    let place = shared.places.enter(address)?;
    let upgrade = match WebSocketUpgrade::from_request_parts(head, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Err(Problem::payload(rejection.body_text())),
    };
    let options = shared.options.sockets;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(options.message)
        // One that is a little too large is read, so that the client learns why
        // it is closed; of what is not read, it would hear a reset.
        .max_frame_size(options.message.saturating_mul(2))
        .on_failed_upgrade(|error| tracing::debug!(%error, "a socket could not be opened"));
    let is_spoken = upgrade.selected_protocol().is_some();
    let mut response = upgrade.on_upgrade(move |socket| async move {
        let mut connection = Connection::new(socket, shared, place, upgraded);
        match is_spoken {
            true => connection.run().await,
            false => connection.close(&Close::Subprotocol).await,
        }
    });
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    Ok(response)
}

/// Pages of other origins cannot read answers, but they could open sockets with
/// their visitor's cookies (contract `realtime.md` 1).
fn is_allowed_origin(shared: &Shared, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_own = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, own)| own) == host;
    let is_listed = match shared.options.cors.as_ref().map(|cors| &cors.origins) {
        Some(Origins::Mirror) => true,
        Some(Origins::List(origins)) => origins.contains(origin),
        Some(Origins::Any) | None => false,
    };
    (is_own && host.is_some()) || is_listed
}

/// An operation under way.
struct Operation {
    id: String,
    task: Option<JoinHandle<()>>,
    /// What it follows.
    subscription: Option<Subscription>,
}

impl Drop for Operation {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// What became of an operation.
enum Outcome {
    Answered(Vec<u8>),
    Refused(Vec<u8>),
    Follows(Subscription),
    Ended(Ended),
}

/// One socket.
struct Connection {
    socket: WebSocket,
    shared: Arc<Shared>,
    _place: Place,
    /// Who asked for it.
    upgraded: Principal,
    /// Who is asking; nobody before the connection is acknowledged.
    principal: Option<Arc<Principal>>,
    /// Resolves when they are not any more who they were.
    lapse: Lapse,
    queue: Arc<Queue>,
    operations: HashMap<Tag, Operation>,
    next_tag: Tag,
    /// Boxed: the channel has room for many, and is empty most of the time.
    outcomes: mpsc::Sender<(Tag, Box<Outcome>)>,
    finished: mpsc::Receiver<(Tag, Box<Outcome>)>,
    /// Since anything came from the client.
    last_heard: Stopwatch,
}

impl Connection {
    fn new(socket: WebSocket, shared: Arc<Shared>, place: Place, upgraded: Principal) -> Self {
        let options = &shared.options.sockets;
        let queue = Arc::new(Queue::new(options.queue));
        let (outcomes, finished) = mpsc::channel(16);
        Self {
            socket,
            shared,
            _place: place,
            upgraded,
            principal: None,
            lapse: Lapse::never(),
            queue,
            operations: HashMap::new(),
            next_tag: 0,
            outcomes,
            finished,
            last_heard: Stopwatch::start(),
        }
    }

    fn options(&self) -> &Options {
        &self.shared.options.sockets
    }

    fn service(&self) -> &Service {
        &self.shared.parts.service
    }

    async fn run(&mut self) {
        let close = self.converse().await;
        // Nothing is told any more, and what runs is given up.
        self.operations.clear();
        if let Err(close) = close {
            self.close(&close).await;
        }
    }

    /// Until the client is gone, or there is a reason to close.
    async fn converse(&mut self) -> Result<(), Close> {
        let mut stopping = pin!(self.service().hub().stopping());
        let queue = self.queue.clone();
        let mut init = pin!(sleep(self.options().init));
        let mut ping = pin!(sleep(self.options().ping));
        loop {
            tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => {
                        self.last_heard = Stopwatch::start();
                        if !self.heard(message).await? {
                            return Ok(());
                        }
                    }
                    Some(Err(error)) => return broken(error),
                    None => return Ok(()),
                },
                taken = queue.take(BURST) => match taken {
                    Taken::Items(items) => self.tell(items).await?,
                    Taken::Close(reason) => return Err(Close::of(reason)),
                },
                Some((tag, outcome)) = self.finished.recv() => self.finished(tag, *outcome).await?,
                () = &mut stopping => {
                    let rest = queue.take_rest();
                    self.tell(rest).await?;
                    return Err(Close::GoingAway);
                }
                () = &mut self.lapse => return Err(Close::Forbidden),
                () = &mut init, if self.principal.is_none() => return Err(Close::InitTimeout),
                () = &mut ping => {
                    let interval = self.options().ping;
                    if self.last_heard.elapsed() >= 2 * interval {
                        return Err(Close::Idle);
                    }
                    self.send(Message::Ping(Default::default())).await?;
                    ping.set(sleep(interval));
                }
            }
        }
    }

    /// Takes a message; `false` when the client has closed.
    async fn heard(&mut self, message: Message) -> Result<bool, Close> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Close::BadMessage("Invalid message: messages are texts")),
            // The library answers pings.
            Message::Ping(_) | Message::Pong(_) => return Ok(true),
            Message::Close(_) => {
                self.settle().await;
                return Ok(false);
            }
        };
        let heard = match Heard::of(text).await {
            Ok(heard) => heard,
            Err(Unclear::NotAMessage) => {
                let problem = ("INVALID_PAYLOAD", "A message is a JSON object with a type.");
                self.send_text(message::notice("server", Err(problem), None)).await?;
                return Ok(true);
            }
            Err(Unclear::Unknown(reason)) => return Err(Close::BadMessage(reason)),
        };
        match heard {
            Heard::Init(payload) => self.init(&payload).await?,
            Heard::Ping(payload) => self.send_text(message::pong(payload.as_ref())).await?,
            Heard::Pong => {}
            Heard::Subscribe { id, payload } => self.subscribe(id, payload)?,
            Heard::Complete { id } => self.operations.retain(|_, operation| operation.id != id),
            Heard::Auth { access_token, uid } => self.authenticate(access_token, uid).await?,
        }
        Ok(true)
    }

    async fn init(&mut self, payload: &Map<String, Json>) -> Result<(), Close> {
        if self.principal.is_some() {
            return Err(Close::TooManyInits);
        }
        let authenticator = self.shared.parts.authenticator.clone();
        let principal = principal_of(&authenticator, self.upgraded.clone(), payload).await?;
        if self.service().refuses(&principal) {
            return Err(Close::Forbidden);
        }
        self.acts_for(principal);
        // From where to go on if nothing is told before the connection breaks.
        let asks = payload.get("position") == Some(&Json::Bool(true));
        let position = asks.then(|| self.service().hub().head());
        self.send_text(message::ack(position)).await
    }

    /// From now on, and for as long as what they proved themselves with is worth
    /// anything.
    fn acts_for(&mut self, principal: Principal) {
        let principal = Arc::new(principal);
        let lapse = self.shared.parts.authenticator.lapse(&principal);
        (self.principal, self.lapse) = (Some(principal), lapse);
    }

    /// Who asks from now on; what is followed already stays as it is.
    async fn authenticate(&mut self, access_token: Option<String>, uid: Option<Json>) -> Result<(), Close> {
        let authenticator = self.shared.parts.authenticator.clone();
        let credentials = Credentials { access_token: access_token.as_deref(), ..Credentials::default() };
        let (ip, agent) = (self.upgraded.ip, self.upgraded.agent.clone());
        let message = || json!({ "type": "auth", "access_token": access_token, "uid": uid });
        let authenticated = match known_to_hooks(&authenticator, &self.upgraded, message).await {
            Ok(None) if access_token.is_some() => authenticator.authenticate(credentials, ip, agent).await.ok(),
            Ok(known) => known,
            Err(_) => None,
        };
        match authenticated {
            Some(principal) => {
                match self.principal.is_some() {
                    true => self.acts_for(principal),
                    false => self.upgraded = principal,
                }
                self.send_text(message::notice("auth", Ok(()), uid.as_ref())).await
            }
            None => {
                let problem = ("AUTH_FAILED", "Authentication failed.");
                self.send_text(message::notice("auth", Err(problem), uid.as_ref())).await?;
                Err(Close::Forbidden)
            }
        }
    }

    fn subscribe(&mut self, id: String, payload: Payload) -> Result<(), Close> {
        let Some(principal) = self.principal.clone() else { return Err(Close::Unauthorized) };
        if self.operations.values().any(|operation| operation.id == id) {
            return Err(Close::Duplicate(id));
        }
        self.next_tag += 1;
        let tag = self.next_tag;
        let limit = self.shared.options.operation_timeout;
        let is_full = self.operations.len() >= self.options().operations;
        let (service, queue, outcomes) = (self.service().clone(), self.queue.clone(), self.outcomes.clone());
        let authenticator = self.shared.parts.authenticator.clone();
        let task = tasks::spawn("operation", async move {
            let outcome = match is_full {
                true => {
                    let message = "There are as many operations on this socket as it may have.".to_owned();
                    Outcome::Ended(Ended::Failed { code: ErrorCode::LimitExceeded, message })
                }
                false => {
                    let opening = open(&service, (&authenticator, &principal), payload, &queue, tag);
                    match limit.is_zero() {
                        true => opening.await,
                        false => timeout(limit, opening).await.unwrap_or_else(|_| {
                            let message = format!("The operation took longer than {limit:?}.");
                            Outcome::Ended(Ended::Failed { code: ErrorCode::OutOfTime, message })
                        }),
                    }
                }
            };
            // A connection that is gone needs no outcome.
            let _ = outcomes.send((tag, Box::new(outcome))).await;
        });
        self.operations.insert(tag, Operation { id, task: Some(task), subscription: None });
        Ok(())
    }

    async fn finished(&mut self, tag: Tag, outcome: Outcome) -> Result<(), Close> {
        let Some(operation) = self.operations.get_mut(&tag) else { return Ok(()) };
        operation.task = None;
        let id = &operation.id;
        let texts = match outcome {
            Outcome::Follows(subscription) => {
                operation.subscription = Some(subscription);
                return Ok(());
            }
            Outcome::Answered(body) => vec![message::answer(id, &body), message::complete(id)],
            Outcome::Refused(body) => vec![message::refused(id, &body)],
            Outcome::Ended(ended) => vec![message::ended(id, &ended)],
        };
        self.operations.remove(&tag);
        for text in texts {
            self.send_text(text).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, items: Vec<(Tag, Item)>) -> Result<(), Close> {
        let mut texts = Vec::with_capacity(items.len());
        for (tag, item) in items {
            let Some(operation) = self.operations.get(&tag) else { continue };
            match item {
                Item::Next(next, missed) => texts.push(message::next(&operation.id, &next, missed)),
                Item::Ended(ended) => {
                    texts.push(message::ended(&operation.id, &ended));
                    self.operations.remove(&tag);
                }
            }
        }
        let limit = self.options().write;
        let socket = &mut self.socket;
        let writing = timeout(limit, async {
            for text in texts {
                socket.feed(Message::Text(text.into())).await?;
            }
            socket.flush().await
        });
        let written = writing.await;
        self.written(written)
    }

    async fn send_text(&mut self, text: String) -> Result<(), Close> {
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Close> {
        let limit = self.options().write;
        let written = timeout(limit, self.socket.send(message)).await;
        self.written(written)
    }

    fn written(&self, written: Result<Result<(), axum::Error>, tokio::time::error::Elapsed>) -> Result<(), Close> {
        match written {
            Ok(Ok(())) => Ok(()),
            // Reading says what has become of it.
            Ok(Err(error)) => {
                tracing::debug!(%error, "a message could not be written");
                Ok(())
            }
            Err(_) => Err(Close::TooSlow),
        }
    }

    async fn close(&mut self, close: &Close) {
        if self.send(Message::Close(Some(close.frame()))).await.is_ok() {
            self.settle().await;
        }
    }

    /// Reads to the end of a socket that is being closed. That sends the library's
    /// answer to a client's close; a client's own answer says that all is there.
    async fn settle(&mut self) {
        let limit = self.options().write.min(Duration::from_secs(5));
        let socket = &mut self.socket;
        let settling = async { while let Some(Ok(_)) = socket.recv().await {} };
        if timeout(limit, settling).await.is_err() {
            tracing::debug!("a client did not answer when its socket was closed");
        }
    }
}

/// What to say of frames that cannot be read.
fn broken(error: axum::Error) -> Result<(), Close> {
    use tokio_tungstenite::tungstenite::{Error, error::ProtocolError};
    tracing::debug!(%error, "a socket broke");
    match error.into_inner().downcast_ref::<Error>() {
        Some(Error::Capacity(_)) => Err(Close::TooLarge),
        Some(Error::Utf8(_)) => Err(Close::NotUtf8),
        Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Ok(()),
        Some(Error::Protocol(_)) => Err(Close::Protocol),
        _ => Ok(()),
    }
}

/// Who asks: by a token in the payload, or else who asked for the socket.
async fn principal_of(
    authenticator: &Authenticator,
    upgraded: Principal,
    payload: &Map<String, Json>,
) -> Result<Principal, Close> {
    let message = || json!({ "type": "connection_init", "payload": payload });
    if let Some(known) = known_to_hooks(authenticator, &upgraded, message).await? {
        return Ok(known);
    }
    let headers = payload.get("headers").and_then(Json::as_object).unwrap_or(payload);
    let bearer = ["Authorization", "authorization"].iter().find_map(|name| headers.get(*name));
    let credentials = Credentials {
        access_token: payload.get("access_token").and_then(Json::as_str),
        authorization: bearer.and_then(Json::as_str),
        cookie: None,
    };
    if credentials.access_token.is_none() && credentials.authorization.is_none() {
        return Ok(upgraded);
    }
    let authenticated = authenticator.authenticate(credentials, upgraded.ip, upgraded.agent.clone()).await;
    authenticated.map_err(|_| Close::Forbidden)
}

/// Who a hook says sends a message. One that refuses, or is broken, lets nobody in.
async fn known_to_hooks(
    authenticator: &Authenticator,
    upgraded: &Principal,
    message: impl FnOnce() -> Json,
) -> Result<Option<Principal>, Close> {
    if !authenticator.asks_hooks(Asking::Message) {
        return Ok(None);
    }
    let (ip, agent) = (upgraded.ip, upgraded.agent.clone());
    let known = authenticator.known_to_hooks(Asking::Message, message(), ip, agent).await;
    known.map_err(|error| {
        tracing::debug!(%error, "a hook lets nobody in");
        Close::Forbidden
    })
}

/// Begins an operation.
async fn open(
    service: &Service,
    (authenticator, principal): (&Authenticator, &Principal),
    payload: Payload,
    queue: &Arc<Queue>,
    tag: Tag,
) -> Outcome {
    // The socket may have been opened long ago.
    let principal = &match authenticator.renew(principal).await {
        Ok(principal) => principal,
        Err(error) => return Outcome::Ended(Ended::Failed { code: error.code(), message: error.message().to_owned() }),
    };
    let request = Request {
        query: payload.query.into(),
        variables: payload.variables.unwrap_or_default(),
        operation_name: payload.operation_name.map(Into::into),
    };
    match service.open(principal, request, Allowed::Live).await {
        Opened::Answered(response) => Outcome::Answered(response.body),
        Opened::Refused(response) => Outcome::Refused(response.body),
        Opened::Changes(topic) => match service.hub().subscribe(topic, queue, tag).await {
            Ok(subscription) => Outcome::Follows(subscription),
            Err(ended) => Outcome::Ended(ended),
        },
    }
}
