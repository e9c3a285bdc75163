//! `/graphql`: GraphQL over HTTP by its specification.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes, HttpBody as _},
    extract::State,
    http::{Method, Request, Response, StatusCode, header, request},
};
use futures_util::StreamExt as _;

use super::{
    Options, Shared, accounts, explain,
    front::Peer,
    hooked::{self, HasErrors},
    media::{self, Media},
    payload::{self, Sent},
    problem::{self, Problem, status},
    reserved::{self, Sending},
    routes, socket,
    streaming::{self, Framing},
};
use crate::{
    error_code::ErrorCode,
    graphql::{self, Allowed},
    principal::Principal,
};

/// Answers whatever method.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    if socket::is_asked(&head.headers) {
        return Box::pin(socket::upgrade(shared, peer, head)).await;
    }
    let reserved = reserved::token(&head);
    if head.method == Method::PUT || (head.method == Method::DELETE && reserved.is_some()) {
        return reservation(&shared, peer, &head, reserved.as_deref()).await.unwrap_or_else(Problem::into_json);
    }
    let framing = streaming::asked(&head.headers);
    if let (Some(token), Some(Framing::Events), &Method::GET) = (&reserved, framing, &head.method) {
        return reserved::open(&shared, token).unwrap_or_else(Problem::into_json);
    }
    if let (None, Some(framing)) = (&reserved, framing) {
        return Box::pin(stream(&shared, peer, &head, body, framing)).await;
    }
    let Some(media) = media::negotiate(&head.headers) else {
        return not_acceptable().into_json();
    };
    if let Some(token) = reserved {
        let sending = Box::pin(send(&shared, peer, &head, body, &token));
        return match within(shared.options.operation_timeout, sending).await {
            Ok(Sending::Accepted(response)) => response,
            Ok(Sending::Refused(answer)) => into_http(answer, media, &head.method),
            Err(problem) => problem.into_response(media),
        };
    }
    let answering = execute(&shared, peer, &head, body);
    match within(shared.options.operation_timeout, answering).await {
        Ok(response) => {
            let response = match shared.filters_responses {
                false => response,
                true => Box::pin(hooked::filtered(&shared.parts.hooks, &head, response)).await,
            };
            into_http(response, media, &head.method)
        }
        Err(problem) => problem.into_response(media),
    }
}

/// Answers at `/graphql/system`: queries and mutations, by whatever method.
pub(super) async fn answer_of_the_system(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some(service) = &shared.parts.system else { return Problem::route(head.uri.path()).into_json() };
    let Some(media) = media::negotiate(&head.headers) else { return not_acceptable().into_json() };
    let answering = async {
        let principal = routes::principal(&shared, peer, &head).await?;
        let text = Text::of(&shared, &head, body).await?;
        let allowed = text.allows(Allowed::Queries, Allowed::All);
        let response = run(&shared, service, &principal, text.parse().await?, allowed).await?;
        Ok((response, principal.agent))
    };
    match within(shared.options.operation_timeout, answering).await {
        Ok((response, agent)) => {
            let mut response = into_http(response, media, &head.method);
            let kept = agent.map(|agent| agent.take_cookies()).unwrap_or_default();
            response.headers_mut().extend(accounts::kept(&shared, kept).map(|cookie| (header::SET_COOKIE, cookie)));
            response
        }
        Err(problem) => problem.into_response(media),
    }
}

/// Makes a reservation for a stream, or stops an operation of one.
async fn reservation(
    shared: &Arc<Shared>,
    peer: Peer,
    head: &request::Parts,
    reserved: Option<&str>,
) -> Result<Response<Body>, Problem> {
    let principal = routes::principal(shared, peer, head).await?;
    match reserved.filter(|_| head.method == Method::DELETE) {
        Some(token) => reserved::stop(shared, token, head),
        None => {
            let place = shared.places.enter(principal.ip.unwrap_or(peer.0))?;
            reserved::reserve(shared, &principal, place)
        }
    }
}

/// Answers with a stream; what a request lacks is told before it begins.
async fn stream(shared: &Shared, peer: Peer, head: &request::Parts, body: Body, framing: Framing) -> Response<Body> {
    let begun = async {
        let principal = routes::principal(shared, peer, head).await?;
        let place = shared.places.enter(principal.ip.unwrap_or(peer.0))?;
        let text = Text::of(shared, head, body).await?;
        let (request, allowed) = (text.parse().await?.request, text.allows(Allowed::LiveQueries, Allowed::Live));
        let after = streaming::last_event_id(&head.headers);
        Ok(streaming::answer(shared, (&principal, place), request, allowed, after, framing).await)
    };
    match within(shared.options.operation_timeout, begun).await {
        Ok(response) => response,
        Err(problem) => problem.into_json(),
    }
}

/// Sends an operation to a reserved stream.
async fn send(shared: &Shared, peer: Peer, head: &request::Parts, body: Body, token: &str) -> Result<Sending, Problem> {
    let principal = routes::principal(shared, peer, head).await?;
    let text = Text::of(shared, head, body).await?;
    let (sent, allowed) = (text.parse().await?, text.allows(Allowed::LiveQueries, Allowed::Live));
    let after = streaming::last_event_id(&head.headers);
    reserved::operate(shared, &principal, token, sent, allowed, after).await
}

async fn execute(shared: &Shared, peer: Peer, head: &request::Parts, body: Body) -> Result<graphql::Response, Problem> {
    let principal = routes::principal(shared, peer, head).await?;
    let text = Text::of(shared, head, body).await?;
    let allowed = text.allows(Allowed::Queries, Allowed::All);
    run(shared, &shared.parts.service, &principal, text.parse().await?, allowed).await
}

/// Runs an operation, and explains it where an administrator asks for that.
async fn run(
    shared: &Shared,
    service: &graphql::Service,
    principal: &Principal,
    sent: Sent<'_>,
    allowed: Allowed,
) -> Result<graphql::Response, Problem> {
    let Some(wanted) = explain::wanted(&sent.extensions)? else {
        return Ok(service.execute(principal, sent.request, allowed).await);
    };
    Box::pin(explain::answer(&shared.parts.authenticator, service, principal, sent.request, wanted, allowed)).await
}

/// Where a request stands: of a `GET` in its query string.
enum Text<'a> {
    Query(&'a str),
    Body(Bytes),
}

impl<'a> Text<'a> {
    async fn of(shared: &Shared, head: &'a request::Parts, body: Body) -> Result<Self, Problem> {
        if head.method == Method::GET {
            return Ok(Self::Query(head.uri.query().unwrap_or_default()));
        }
        if head.method != Method::POST {
            return Err(Problem::method(head.method.as_str(), &["GET", "POST"], "GET, POST"));
        }
        check_content_type(head)?;
        Ok(Self::Body(read(body, &shared.options).await?))
    }

    async fn parse(&self) -> Result<Sent<'_>, Problem> {
        match self {
            Self::Query(query) => payload::from_query(query),
            Self::Body(bytes) => payload::from_bytes(bytes).await,
        }
    }

    /// What may be run by a `GET`, and what by a `POST`.
    fn allows(&self, get: Allowed, post: Allowed) -> Allowed {
        match self {
            Self::Query(_) => get,
            Self::Body(_) => post,
        }
    }
}

/// Runs a future within a limit; dropping it cancels its statements.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    if limit.is_zero() {
        return work.await;
    }
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => {
            let message = format!("The operation took longer than {limit:?}.");
            Err(Problem::new(ErrorCode::OutOfTime, message).with("duration", limit.as_millis() as u64))
        }
    }
}

fn check_content_type(head: &request::Parts) -> Result<(), Problem> {
    let content_type = head.headers.get(header::CONTENT_TYPE).map_or(Ok(""), |value| value.to_str());
    let content_type = content_type.unwrap_or_default();
    if media::is_readable(content_type) {
        return Ok(());
    }
    let message = "The body must be sent as application/json in UTF-8.";
    let problem = Problem::new(ErrorCode::UnsupportedMediaType, message);
    Err(problem.with("mediaType", content_type).with("where", "Content-Type header"))
}

/// Reads a body up to the limit. One that arrives in one piece is not copied.
async fn read(body: Body, options: &Options) -> Result<Bytes, Problem> {
    let limit = options.body_limit;
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let mut pieces = body.into_data_stream();
    let mut whole = Vec::new();
    let mut only = Bytes::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Problem::payload(format!("the body could not be read: {error}")))?;
        if whole.len() + only.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        if whole.is_empty() && only.is_empty() {
            only = piece;
            continue;
        }
        whole.extend_from_slice(&std::mem::take(&mut only));
        whole.extend_from_slice(&piece);
    }
    Ok(if whole.is_empty() { only } else { whole.into() })
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ErrorCode::ContentTooLarge, format!("The body is larger than {limit} bytes."))
        .with("limit", limit as u64)
}

fn not_acceptable() -> Problem {
    Problem::new(
        ErrorCode::NotAcceptable,
        "The answer can be had as application/graphql-response+json or application/json; the request accepts neither.",
    )
}

fn into_http(answer: graphql::Response, media: Media, method: &Method) -> Response<Body> {
    let status = answer.refused.map_or(StatusCode::OK, |code| refused_status(code, media));
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media.content_type());
    problem::keep_from_caches(response.headers_mut());
    if answer.refused == Some(ErrorCode::MethodNotAllowed) && method == Method::GET {
        response.headers_mut().insert(header::ALLOW, axum::http::HeaderValue::from_static("POST"));
    }
    response.extensions_mut().insert(answer.timings);
    if answer.has_errors {
        response.extensions_mut().insert(HasErrors);
    }
    response
}

/// With `application/json`, a proxy's error page could not be told from an
/// answer by its status; so whatever GraphQL itself refuses is a 200 there. What
/// is no fault of the document keeps its status, for those who watch the gateway.
fn refused_status(code: ErrorCode, media: Media) -> StatusCode {
    match (media, code) {
        (Media::GraphqlResponse, _) => status(code),
        (
            Media::Json,
            ErrorCode::GraphqlValidation
            | ErrorCode::Forbidden
            | ErrorCode::InvalidQuery
            | ErrorCode::InvalidPayload
            | ErrorCode::FailedValidation
            | ErrorCode::RecordNotUnique
            | ErrorCode::NotNullViolation
            | ErrorCode::InvalidForeignKey
            | ErrorCode::ValueOutOfRange
            | ErrorCode::ValueTooLong
            | ErrorCode::UnrepresentableValue
            | ErrorCode::LimitExceeded,
        ) => StatusCode::OK,
        (
            Media::Json,
            ErrorCode::InvalidCredentials
            | ErrorCode::InvalidOtp
            | ErrorCode::TokenExpired
            | ErrorCode::InvalidToken
            | ErrorCode::UserSuspended
            | ErrorCode::InvalidInvite
            | ErrorCode::RequestsExceeded
            | ErrorCode::UnprocessableContent
            | ErrorCode::MethodNotAllowed
            | ErrorCode::RouteNotFound
            | ErrorCode::NotAcceptable
            | ErrorCode::UnsupportedMediaType
            | ErrorCode::ContentTooLarge
            | ErrorCode::OutOfTime
            | ErrorCode::TooSlow
            | ErrorCode::GoingAway
            | ErrorCode::Conflict
            | ErrorCode::Reset
            | ErrorCode::ServiceUnavailable
            | ErrorCode::InternalServerError,
        ) => status(code),
    }
}
