//! What PostgreSQL and the driver report, sorted into [`Error`].
//!
//! Messages are one sentence and carry no values: what the server puts behind
//! `: "` is somebody's data, or somebody's password.

use std::{io, time::Duration};

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::{super::Error, violation};

/// Whether the connection cannot be used after this.
pub(super) fn breaks(error: &sqlx::Error) -> bool {
    match reported(error) {
        Some(report) => matches!(report.severity(), PgSeverity::Fatal | PgSeverity::Panic) || forgets(report),
        None => true,
    }
}

/// Whether a read may be tried again on another connection: this one was dead
/// already, or what it had prepared no longer fits the tables.
pub(super) fn passes(error: &sqlx::Error) -> bool {
    match (error, reported(error)) {
        (_, Some(report)) => report.code().starts_with("57P") || report.code().starts_with("08") || forgets(report),
        (sqlx::Error::Io(_), None) => true,
        _ => false,
    }
}

/// Prepared statements that are gone, or whose result changed its types. The
/// driver would go on using them, so the connection has to go.
fn forgets(report: &PgDatabaseError) -> bool {
    report.code() == "26000" || (report.code() == "0A000" && report.routine() == Some("RevalidateCachedQuery"))
}

/// Sorts what a statement failed with.
pub(super) fn statement(error: &sqlx::Error, limit: Duration) -> Error {
    let Some(report) = reported(error) else {
        return match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) => Error::Unavailable(transport(error)),
            other => Error::Database(other.to_string()),
        };
    };
    let message = without_values(report.message());
    match report.code() {
        "57014" if !limit.is_zero() => Error::StatementTimeout(limit),
        code if code.starts_with("22") => Error::Value(message.to_owned()),
        code if is_absence(code) => Error::Unavailable(message.to_owned()),
        code if is_refusal(code) => Error::Refused(message.to_owned()),
        code => Error::Database(format!("{message} ({code})")),
    }
}

/// Sorts what a statement that may write failed with.
pub(super) fn writing(error: &sqlx::Error, limit: Duration) -> Error {
    let Some(report) = reported(error) else {
        return statement(error, limit);
    };
    let message = without_values(report.message());
    match report.code() {
        // Another try prepares the statement anew.
        "40001" | "40P01" => Error::Conflict(message.to_owned()),
        _ if forgets(report) => Error::Conflict(message.to_owned()),
        // A standby, or a database that is set to be read only.
        "25006" => Error::Refused(message.to_owned()),
        _ => violation::of(report).map_or_else(|| statement(error, limit), Error::Constraint),
    }
}

/// Whether what was prepared no longer fits the tables.
pub(super) fn is_outdated(error: &sqlx::Error) -> bool {
    reported(error).is_some_and(forgets)
}

/// Sorts what an attempt to connect failed with.
pub(super) fn connecting(error: &sqlx::Error, address: &str, limit: Duration) -> Error {
    match reported(error) {
        // A refusal names the user or the database, which an operator needs.
        Some(report) if is_refusal(report.code()) => Error::Refused(report.message().to_owned()),
        Some(_) => statement(error, limit),
        None => Error::Unavailable(format!("{address}: {}", transport(error))),
    }
}

fn is_absence(code: &str) -> bool {
    code == "53300" || code.starts_with("57P0") || code.starts_with("08")
}

fn is_refusal(code: &str) -> bool {
    code.starts_with("28") || code == "3D000"
}

fn reported(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

fn transport(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => format!("no encrypted connection: {error}"),
        other => other.to_string(),
    }
}

/// `invalid input syntax for type uuid: "…"` without what follows the colon.
fn without_values(message: &str) -> &str {
    message.split_once(": \"").map_or(message, |(sentence, _)| sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_from_messages() {
        assert_eq!(without_values("invalid input syntax for type uuid: \"x\""), "invalid input syntax for type uuid");
        assert_eq!(without_values("relation \"a\" does not exist"), "relation \"a\" does not exist");
    }
}
