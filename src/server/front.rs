//! What every answer has in common: a request id, the time it took,
//! compression, one line in the log, and that a panic is answered too.
//!
//! One function instead of a stack of boxed layers: it runs for every request.

use std::{fmt::Write as _, net::IpAddr, panic::AssertUnwindSafe, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header},
};
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tower_http::{
    CompressionLevel,
    compression::{
        Compression, CompressionBody,
        predicate::{And, NotForContentType, Predicate as _, SizeAbove},
    },
};
use tracing::Instrument as _;

use super::{
    hooked::{self, Heard, HookParts},
    problem::Problem,
    request_id::RequestIds,
};
use crate::{clock::Stopwatch, error_code::ErrorCode, graphql::Timings};

/// Smaller answers fit one packet as they are.
const COMPRESS_FROM: u64 = 1024;
/// Of the levels the cheap end: answers are made anew for every request.
const COMPRESSION: CompressionLevel = CompressionLevel::Precise(3);

static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The address a connection comes from, for handlers.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Where a request was sent whose path ends with a slash, which leads to the same
/// place as without (contract `rest.md` 1).
#[derive(Clone)]
pub(super) struct AsWritten(pub(super) Uri);

/// Everything between a connection and the routes.
pub(super) struct Front {
    routes: Compressed,
    /// Answers in place of a route that panicked.
    sorry: Compressed,
    request_ids: RequestIds,
    /// Where answers are told, if anybody listens.
    told: Option<HookParts>,
}

impl Front {
    pub(super) fn new(router: Router, hooks: HookParts) -> Self {
        let sorry = compressed(Router::new().fallback(sorry));
        let told = hooks.hears_responses().then_some(hooks);
        Self { routes: compressed(router), sorry, request_ids: RequestIds::new(), told }
    }

    /// Answers one request, whatever happens.
    pub(super) async fn answer(&self, mut request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let watch = Stopwatch::start();
        let id = self.request_ids.choose(request.headers());
        let span = tracing::error_span!("request", id = id.to_str().unwrap_or_default());
        let line = Line { method: request.method().clone(), path: request.uri().clone() };
        request.extensions_mut().insert(Peer(peer));
        let heard = self.told.as_ref().map(|hooks| Heard::of(hooks.clone(), &request, peer));
        if let Some(uri) = without_slash(request.uri()) {
            let written = std::mem::replace(request.uri_mut(), uri);
            request.extensions_mut().insert(AsWritten(written));
        }
        let answering = AssertUnwindSafe(self.routes.clone().oneshot(request)).catch_unwind();
        async {
            let answered = match answering.await {
                Ok(answered) => answered,
                Err(_) => self.sorry.clone().oneshot(Request::new(Body::empty())).await,
            };
            let Ok(response) = answered;
            let mut response = small(response);
            let total = watch.elapsed();
            let timings = response.extensions().get::<Timings>().copied();
            add_headers(response.headers_mut(), id, server_timing(timings, total));
            line.log(response.status(), total);
            if let Some(heard) = heard {
                heard.answered(hooked::response_facts(&response)).await;
            }
            response
        }
        .instrument(span)
        .await
    }
}

/// The same path without the slash that it ends with.
fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty() && !path.ends_with('/'))?;
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Compression gathers what is to be compressed, and so would keep back what a
/// stream has to tell.
type Compressed = Compression<Router, And<And<SizeAbove, NotForContentType>, NotForContentType>>;

fn compressed(router: Router) -> Compressed {
    let streams = NotForContentType::const_new("multipart/mixed");
    let large = SizeAbove::new(COMPRESS_FROM).and(NotForContentType::SSE).and(streams);
    Compression::new(router).quality(COMPRESSION).compress_when(large)
}

/// An answer as it is without the room that compressing it would take.
fn small(response: Response<CompressionBody<Body>>) -> Response<Body> {
    match response.headers().contains_key(header::CONTENT_ENCODING) {
        true => response.map(Body::new),
        false => response.map(CompressionBody::into_inner),
    }
}

/// The answer to a request that panicked. The hook has logged why, within the
/// request's span.
async fn sorry() -> Response<Body> {
    let message = "An unexpected error occurred. The log has it under this request's X-Request-Id.";
    Problem::new(ErrorCode::InternalServerError, message).into_json()
}

fn add_headers(headers: &mut HeaderMap, id: HeaderValue, server_timing: HeaderValue) {
    headers.insert(REQUEST_ID.clone(), id);
    headers.insert(SERVER_TIMING.clone(), server_timing);
}

/// `parse;dur=0.021, plan;dur=0.013, sql;dur=1.204, total;dur=1.310`, in milliseconds.
fn server_timing(timings: Option<Timings>, total: Duration) -> HeaderValue {
    let mut text = String::with_capacity(80);
    let mut part = |name: &str, duration: Duration| {
        let separator = if text.is_empty() { "" } else { ", " };
        let micros = duration.as_micros();
        write!(text, "{separator}{name};dur={}.{:03}", micros / 1000, micros % 1000)
    };
    let written = timings
        .map_or(Ok(()), |timings| {
            part("parse", timings.parse)
                .and_then(|()| part("plan", timings.plan))
                .and_then(|()| part("sql", timings.sql))
        })
        .and_then(|()| part("total", total));
    written.expect("writing to memory does not fail");
    HeaderValue::try_from(text).expect("digits and names are visible ASCII")
}

/// What the log says of a request: never its query string, which may hold a token.
struct Line {
    method: Method,
    path: Uri,
}

impl Line {
    fn log(&self, status: StatusCode, total: Duration) {
        let (method, path, status_code) = (&self.method, self.path.path(), status.as_u16());
        if status.is_server_error() {
            tracing::warn!(%method, path, status = status_code, ?total, "answered with a server error");
        } else {
            tracing::debug!(%method, path, status = status_code, ?total, "answered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_leads_to_the_same_place() {
        let rewritten = |uri: &'static str| without_slash(&Uri::from_static(uri)).map(|uri| uri.to_string());
        assert_eq!(rewritten("/graphql/").as_deref(), Some("/graphql"));
        assert_eq!(rewritten("/graphql/?query=%7Ba%7D/").as_deref(), Some("/graphql?query=%7Ba%7D/"));
        assert_eq!(rewritten("http://host/a/b/").as_deref(), Some("http://host/a/b"));
        for other in ["/", "/graphql", "//", "/a//", "/a?b=/", "http://host/"] {
            assert_eq!(rewritten(other), None, "{other}");
        }
    }
}
