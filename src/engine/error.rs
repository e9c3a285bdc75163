//! Why a field has no value, or a write did not happen, as clients are told.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value as Json};

use crate::{
    db,
    error_code::ErrorCode,
    hooks::{self, Failure},
    plan::{
        self,
        write::{Fault, Rule},
    },
};

/// Why a field has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A value that the client gave cannot be used.
    #[error("Invalid query. {0}.")]
    Invalid(String),
    /// There is no such thing, or no right to it: not told apart. With a reason
    /// where that gives nothing away.
    #[error("You don't have permission to access this.{}", .0.as_ref().map(|reason| format!(" {reason}.")).unwrap_or_default())]
    Forbidden(Option<String>),
    /// A payload that cannot be written.
    #[error(transparent)]
    Fault(Box<Fault>),
    /// A constraint of the database that a write broke.
    #[error(transparent)]
    Broken(Box<Broken>),
    /// A hook said no, in its own words.
    #[error("{0}")]
    Refused(Box<hooks::Error>),
    /// Not in time.
    #[error("A statement took longer than {0:?}.")]
    Timeout(Duration),
    /// All connections were busy for so long.
    #[error("No connection to the database became free within {0:?}.")]
    Busy(Duration),
    /// The database cannot be reached.
    #[error("The database cannot be reached at the moment.")]
    Unavailable,
    /// The connection broke while a transaction was being committed.
    #[error("The connection to the database broke while the change was being committed: it may have happened or not.")]
    Unknown,
    /// The answer would have more than so many bytes.
    #[error("The answer would be larger than {0} bytes, which is the limit.")]
    TooLarge(usize),
    /// Another transaction was in the way, again and again.
    #[error("Other changes were in the way; try again.")]
    Conflict,
    /// The database cannot compute with a value that it met.
    #[error("The database cannot compute with a value: one of those given or stored is out of range or malformed.")]
    Value,
    /// Ours to look into; the cause is in the log.
    #[error("An unexpected error occurred.")]
    Internal,
}

/// A constraint that a write broke, in served names; what the database does not
/// tell is absent (contract `graphql.md` 2.2).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", self.message())]
pub struct Broken {
    /// Which kind.
    pub kind: db::ViolationKind,
    /// The collection.
    pub collection: Option<String>,
    /// The field.
    pub field: Option<String>,
    /// What was given.
    pub value: Option<Json>,
    /// The constraint's name, for checks.
    pub constraint: Option<String>,
    /// Whether it may be otherwise when everything is done again, because another
    /// transaction has just added a row.
    pub transient: bool,
}

impl Broken {
    fn message(&self) -> String {
        use db::ViolationKind as Kind;
        let what = match (&self.collection, &self.field) {
            (Some(collection), Some(field)) => format!(" for field \"{field}\" in collection \"{collection}\""),
            (Some(collection), None) => format!(" in collection \"{collection}\""),
            (None, _) => String::new(),
        };
        match self.kind {
            Kind::Unique => format!("Value{what} has to be unique."),
            Kind::NotNull => format!("Value{what} can't be null."),
            Kind::ForeignKey => format!("Invalid foreign key{what}."),
            Kind::Check => format!("Validation failed{what}: the value breaks a rule of the database."),
            Kind::TooLong => format!("Value{what} is too long."),
            Kind::OutOfRange => format!("Value{what} is out of range."),
        }
    }

    fn code(&self) -> ErrorCode {
        use db::ViolationKind as Kind;
        match self.kind {
            Kind::Unique => ErrorCode::RecordNotUnique,
            Kind::NotNull => ErrorCode::NotNullViolation,
            Kind::ForeignKey => ErrorCode::InvalidForeignKey,
            Kind::Check => ErrorCode::FailedValidation,
            Kind::TooLong => ErrorCode::ValueTooLong,
            Kind::OutOfRange => ErrorCode::ValueOutOfRange,
        }
    }

    fn details(&self) -> Map<String, Json> {
        let mut details = Map::new();
        details.insert("collection".to_owned(), self.collection.clone().into());
        details.insert("field".to_owned(), self.field.clone().into());
        match self.kind {
            db::ViolationKind::Check => {
                details.insert("path".to_owned(), Json::Array(Vec::new()));
                details.insert("type".to_owned(), Rule::Check(String::new()).name().into());
                details.insert("constraint".to_owned(), self.constraint.clone().into());
            }
            db::ViolationKind::NotNull => {}
            _ => {
                details.insert("value".to_owned(), self.value.clone().into());
            }
        }
        details
    }
}

/// A stable code: one of the gateway's own, or a hook's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// The gateway's.
    Known(ErrorCode),
    /// A hook's.
    Custom(Arc<str>),
}

impl Code {
    /// The spelling in `extensions.code`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(code) => code.as_str(),
            Self::Custom(code) => code,
        }
    }
}

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        Self::Known(code)
    }
}

impl Error {
    /// Whether the same may go well when it is tried again.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Conflict => true,
            Self::Broken(broken) => broken.transient,
            _ => false,
        }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        Code::Known(match self {
            Self::Invalid(_) | Self::Value => ErrorCode::InvalidQuery,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::Fault(fault) => match **fault {
                Fault::Forbidden(_) => ErrorCode::Forbidden,
                Fault::Payload(_) => ErrorCode::InvalidPayload,
                Fault::Validation { .. } => ErrorCode::FailedValidation,
                Fault::TooLong { .. } => ErrorCode::ValueTooLong,
                Fault::OutOfRange { .. } => ErrorCode::ValueOutOfRange,
            },
            Self::Broken(broken) => broken.code(),
            Self::Refused(error) => return Code::Custom(error.code.as_str().into()),
            Self::Timeout(_) => ErrorCode::OutOfTime,
            Self::TooLarge(_) => ErrorCode::LimitExceeded,
            Self::Busy(_) | Self::Unavailable | Self::Unknown | Self::Conflict => ErrorCode::ServiceUnavailable,
            Self::Internal => ErrorCode::InternalServerError,
        })
    }

    /// Further members of `extensions`.
    pub fn details(&self) -> Map<String, Json> {
        match self {
            Self::Invalid(reason) | Self::Forbidden(Some(reason)) => members(&[("reason", reason.as_str().into())]),
            Self::Fault(fault) => fault_details(fault),
            Self::Broken(broken) => broken.details(),
            Self::Refused(error) => (*error.extensions).clone(),
            Self::TooLarge(limit) => members(&[("category", "answer".into()), ("limit", (*limit).into())]),
            Self::Forbidden(None)
            | Self::Timeout(_)
            | Self::Busy(_)
            | Self::Unavailable
            | Self::Unknown
            | Self::Conflict
            | Self::Value
            | Self::Internal => Map::new(),
        }
    }

    /// Whether the database reported it.
    pub(super) fn is_the_databases(&self) -> bool {
        match self {
            Self::Broken(_)
            | Self::Timeout(_)
            | Self::Busy(_)
            | Self::Unavailable
            | Self::Unknown
            | Self::Conflict
            | Self::Value
            | Self::Internal => true,
            Self::Invalid(_) | Self::Forbidden(_) | Self::Fault(_) | Self::Refused(_) | Self::TooLarge(_) => false,
        }
    }

    /// The same error, met while a relation was followed.
    pub(super) fn within(self, relation: &str) -> Self {
        match self {
            Self::Fault(fault) => Self::Fault(Box::new(fault.within(relation))),
            other => other,
        }
    }

    /// From the database's error, which is logged here, once, with its cause.
    pub(super) fn from_database(error: db::Error, statement: &str) -> Self {
        match error {
            db::Error::StatementTimeout(limit) => Self::Timeout(limit),
            db::Error::Conflict(reason) => {
                tracing::debug!(reason, "a transaction met another one");
                Self::Conflict
            }
            db::Error::Value(reason) => {
                // The database's words may hold names and stored values.
                tracing::info!(reason, statement, "the database cannot compute with a value");
                Self::Value
            }
            db::Error::PoolTimeout(limit) => {
                tracing::warn!(%error, "a statement found no connection");
                Self::Busy(limit)
            }
            db::Error::Unavailable(_) | db::Error::Refused(_) => {
                tracing::warn!(%error, "a statement found no database");
                Self::Unavailable
            }
            db::Error::Url(_) | db::Error::Database(_) | db::Error::Constraint(_) => {
                tracing::error!(%error, statement, "the database refused a statement");
                Self::Internal
            }
        }
    }
}

fn members(members: &[(&str, Json)]) -> Map<String, Json> {
    members.iter().map(|(name, json)| ((*name).to_owned(), json.clone())).collect()
}

fn fault_details(fault: &Fault) -> Map<String, Json> {
    match fault {
        Fault::Forbidden(None) => Map::new(),
        Fault::Forbidden(Some(reason)) | Fault::Payload(reason) => members(&[("reason", reason.as_str().into())]),
        Fault::Validation { field, path, rule } => {
            let path: Json = path.iter().map(String::as_str).collect();
            let mut details =
                members(&[("field", field.as_str().into()), ("path", path), ("type", rule.name().into())]);
            match rule {
                Rule::OneOf(valid) => {
                    details.insert("valid".to_owned(), valid.iter().map(String::as_str).collect());
                }
                Rule::Permission { detail: Some(detail), .. } => {
                    details.insert(detail.0.to_owned(), detail.1.clone());
                }
                Rule::Required | Rule::NotNull | Rule::Check(_) | Rule::Permission { detail: None, .. } => {}
            }
            details
        }
        Fault::TooLong { collection, field, value } | Fault::OutOfRange { collection, field, value } => members(&[
            ("collection", collection.as_str().into()),
            ("field", field.as_str().into()),
            ("value", (**value).clone()),
        ]),
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<plan::Error> for Error {
    fn from(error: plan::Error) -> Self {
        match error {
            plan::Error::Invalid(reason) => Self::Invalid(reason),
            plan::Error::Forbidden(reason) => Self::Forbidden(Some(reason)),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error.into(),
            Failure::Broken { .. } => hooks::Error::logged().into(),
        }
    }
}

impl From<hooks::Error> for Error {
    fn from(error: hooks::Error) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl Error {
    /// The HTTP status of its code.
    pub fn status(&self) -> u16 {
        match (self, self.code()) {
            (Self::Refused(error), _) => error.status,
            (_, Code::Known(code)) => code.http_status(),
            (_, Code::Custom(_)) => ErrorCode::InternalServerError.http_status(),
        }
    }

    /// The error as a hook gets it.
    pub(super) fn for_hooks(&self) -> hooks::Error {
        let message = match self {
            Self::Refused(error) => return (**error).clone(),
            // What waits may be what it waits for.
            Self::Busy(_) => {
                format!("{self} A hook that is called within a transaction writes through the context that it gets.")
            }
            _ => self.to_string(),
        };
        let mut told = hooks::Error::new(self.code().as_str(), self.status(), message);
        *told.extensions = self.details();
        told
    }
}
