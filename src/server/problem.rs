//! Why a request is refused before GraphQL saw it, in the one shape that every
//! error has: `{"errors":[{"message","extensions":{"code",…}}]}`.

use std::borrow::Cow;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use serde_json::{Map, Value as Json, json};

use super::{hooked::HasErrors, media::Media};
use crate::{auth, engine, error_code::ErrorCode};

/// A refusal.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: ErrorCode,
    pub(super) message: Cow<'static, str>,
    /// Boxed, like what follows: a result that may be a refusal is to stay small.
    extensions: Box<Map<String, Json>>,
    /// A hook's own code and status.
    custom: Option<Box<(String, u16)>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), extensions: Box::default(), custom: None, headers: Vec::new() }
    }

    /// The body cannot be understood; `reason` is a fragment.
    pub(super) fn payload(reason: impl Into<String>) -> Self {
        Self::with_reason(ErrorCode::InvalidPayload, "Invalid payload", reason.into())
    }

    /// The query string cannot be understood; `reason` is a fragment.
    pub(super) fn query(reason: impl Into<String>) -> Self {
        Self::with_reason(ErrorCode::InvalidQuery, "Invalid query", reason.into())
    }

    fn with_reason(code: ErrorCode, what: &str, reason: String) -> Self {
        Self::new(code, format!("{what}. {reason}.")).with("reason", reason)
    }

    /// The method is not for this path.
    pub(super) fn method(current: &str, allowed: &[&str], allow: &'static str) -> Self {
        let mut problem = Self::new(
            ErrorCode::MethodNotAllowed,
            format!("Invalid method \"{current}\" used. Should be one of {}.", allowed.join(", ")),
        );
        problem.headers.push((header::ALLOW, HeaderValue::from_static(allow)));
        problem.with("allowed", allowed).with("current", current)
    }

    /// There is nothing at this path.
    pub(super) fn route(path: &str) -> Self {
        Self::new(ErrorCode::RouteNotFound, format!("Route {path} doesn't exist.")).with("path", path)
    }

    /// Lets the client forget a cookie that is worth nothing any more.
    pub(super) fn with_cookie(mut self, cookie: Option<HeaderValue>) -> Self {
        self.headers.extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
        self
    }

    /// Says in how many seconds it may go well.
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((header::RETRY_AFTER, seconds.into()));
        self
    }

    /// What a part of the gateway has refused.
    pub(super) fn of(error: &engine::Error) -> Self {
        let code = error.code();
        let known = ErrorCode::ALL.into_iter().find(|known| known.as_str() == code.as_str());
        let mut problem = Self::new(known.unwrap_or(ErrorCode::InternalServerError), error.to_string());
        problem.custom = known.is_none().then(|| Box::new((code.as_str().to_owned(), error.status())));
        *problem.extensions = error.details();
        match problem.extensions.get("reset").and_then(Json::as_u64) {
            Some(seconds) if known == Some(ErrorCode::RequestsExceeded) => problem.retry_after(seconds),
            _ => problem,
        }
    }

    /// Adds a member to `extensions`.
    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// As an answer of a content type that the client accepts.
    pub(super) fn into_response(self, media: Media) -> Response<Body> {
        let mut extensions = *self.extensions;
        let (name, status) = match self.custom.map(|custom| *custom) {
            Some((name, number)) => (name, StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)),
            None => (self.code.as_str().to_owned(), status(self.code)),
        };
        extensions.insert("code".to_owned(), name.into());
        let body = json!({ "errors": [{ "message": self.message, "extensions": extensions }] });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        response.extensions_mut().insert(HasErrors);
        response.headers_mut().insert(header::CONTENT_TYPE, media.content_type());
        keep_from_caches(response.headers_mut());
        if self.code == ErrorCode::InvalidCredentials {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }

    /// As an answer where no content type was negotiated.
    pub(super) fn into_json(self) -> Response<Body> {
        self.into_response(Media::Json)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.into_json()
    }
}

/// An answer depends on who asks and on the content type they accept, and is
/// not to be used again without asking.
pub(super) fn keep_from_caches(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Authorization"));
}

/// The status that belongs to a code.
pub(super) fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.http_status()).expect("the table of codes holds valid statuses")
}

impl From<auth::Error> for Problem {
    fn from(error: auth::Error) -> Self {
        match error {
            auth::Error::Ambiguous => Self::payload(error.to_string()),
            other => Self::new(other.code(), other.message()),
        }
    }
}
