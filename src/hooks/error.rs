//! How handlers say no, and what becomes of those that fail (contract
//! `extensions.md` 26).

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::error_code::ErrorCode;

/// A handler's error: what the client is told.
///
/// Any standard error becomes one through `?`: unexpected, status 500, its text
/// hidden from all but administrators. That is why this type is not itself a
/// standard error.
#[derive(Clone, PartialEq)]
pub struct Error {
    /// The stable code, in capitals.
    pub code: String,
    /// The HTTP status, where the error ends a request before its execution.
    pub status: u16,
    /// For the client.
    pub message: String,
    /// Further members of `extensions`.
    pub extensions: Box<Map<String, Json>>,
    /// What really happened, for the log and for administrators.
    pub(crate) cause: Option<String>,
}

/// What a filter's caller is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The handler said no.
    Refused(Error),
    /// The handler panicked or took too long, which was logged with its name.
    Broken {
        /// Its name.
        handler: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.cause.as_ref().unwrap_or(&self.message))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut cause = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            cause.push_str(&format!(": {error}"));
            source = error.source();
        }
        Self::unexpected(cause)
    }
}

impl Error {
    /// An error with a code of one's own; the code is written in capitals.
    pub fn new(code: impl Into<String>, status: u16, message: impl Into<String>) -> Self {
        let code = code.into().to_uppercase();
        Self { code, status, message: message.into(), extensions: Box::default(), cause: None }
    }

    /// An error of one of the gateway's own codes.
    pub fn known(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(code.as_str(), code.http_status(), message)
    }

    /// Adds a member to `extensions`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.extensions.insert(name.into(), value.into());
        self
    }

    /// Something that nobody foresaw: the client is not told what.
    pub fn unexpected(cause: impl fmt::Display) -> Self {
        let error = Self::known(ErrorCode::InternalServerError, "An unexpected error occurred.");
        Self { cause: Some(cause.to_string()), ..error }
    }

    /// What a handler has met that the log has already.
    pub(crate) fn logged() -> Self {
        Self { cause: None, ..Self::unexpected("") }
    }

    /// No permission, or no such thing.
    pub fn forbidden() -> Self {
        Self::known(ErrorCode::Forbidden, "You don't have permission to access this.")
    }

    /// A payload that makes no sense; `reason` is a fragment.
    pub fn invalid_payload(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::known(ErrorCode::InvalidPayload, format!("Invalid payload. {reason}.")).with("reason", reason)
    }

    /// A query that makes no sense; `reason` is a fragment.
    pub fn invalid_query(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::known(ErrorCode::InvalidQuery, format!("Invalid query. {reason}.")).with("reason", reason)
    }

    /// Wrong credentials.
    pub fn invalid_credentials() -> Self {
        Self::known(ErrorCode::InvalidCredentials, "Invalid user credentials.")
    }

    /// A value that breaks a rule of its field; `rule` is one of the contract's
    /// (`graphql.md` 2.2).
    pub fn failed_validation(field: impl Into<String>, rule: impl Into<String>) -> Self {
        let field = field.into();
        Self::known(ErrorCode::FailedValidation, format!("Validation failed for field \"{field}\"."))
            .with("field", field)
            .with("path", Json::Array(Vec::new()))
            .with("type", rule.into())
    }

    /// Another row has this value already.
    pub fn not_unique(collection: impl Into<String>, field: impl Into<String>) -> Self {
        let (collection, field) = (collection.into(), field.into());
        let message = format!("Value for field \"{field}\" in collection \"{collection}\" has to be unique.");
        Self::known(ErrorCode::RecordNotUnique, message).with("collection", collection).with("field", field)
    }

    /// There is nothing at this path.
    pub fn route_not_found(path: impl Into<String>) -> Self {
        let path = path.into();
        Self::known(ErrorCode::RouteNotFound, format!("Route {path} doesn't exist.")).with("path", path)
    }

    /// Another service does not work.
    pub fn service_unavailable(service: impl Into<String>, reason: impl Into<String>) -> Self {
        let (service, reason) = (service.into(), reason.into());
        let message = format!("Service \"{service}\" is unavailable. {reason}.");
        Self::known(ErrorCode::ServiceUnavailable, message).with("service", service).with("reason", reason)
    }

    /// Understood, but it cannot be done; `reason` is a fragment.
    pub fn unprocessable(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::new("UNPROCESSABLE_CONTENT", 422, format!("Can't process content. {reason}.")).with("reason", reason)
    }

    /// Too many requests.
    pub fn requests_exceeded() -> Self {
        Self::new("REQUESTS_EXCEEDED", 429, "Too many requests, retry later.")
    }
}
