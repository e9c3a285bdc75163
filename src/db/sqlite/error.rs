//! What SQLite reports, as the error that callers of the seam tell apart.

use rusqlite::ErrorCode;

use super::{super::Error, violation};

/// Sorts an error into its class. An interruption looks like any other failure
/// here: only its thread knows whether it was the time limit.
pub(super) fn classify(error: rusqlite::Error) -> Error {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed,
        ) => Error::Unavailable(text),
        Some(ErrorCode::NotADatabase | ErrorCode::PermissionDenied) => Error::Refused(text),
        Some(ErrorCode::TypeMismatch | ErrorCode::TooBig) => Error::Value(text),
        Some(ErrorCode::Unknown) if is_about_a_value(&text) => Error::Value(text),
        _ => Error::Database(text),
    }
}

/// Sorts an error of a connection that may write.
pub(super) fn of_write(error: rusqlite::Error) -> Error {
    if let Some(violation) = violation::of(&error) {
        return Error::Constraint(violation);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Conflict(error.to_string()),
        Some(ErrorCode::ReadOnly) => Error::Refused(error.to_string()),
        // A value that a column of a strict table does not take.
        Some(ErrorCode::ConstraintViolation) if is_datatype(&error) => Error::Value(error.to_string()),
        _ => classify(error),
    }
}

fn is_datatype(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_DATATYPE)
}

/// Whether SQLite may have stopped because a handler of ours told it to.
pub(super) fn is_stopped(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy))
}

/// The complaint about rows that no longer fit one buffer.
pub(super) fn too_large() -> rusqlite::Error {
    let text = "the rows of one statement hold more than 4 GiB of text and binary data";
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG), Some(text.to_owned()))
}

/// Run-time complaints about values share one code with every other mistake;
/// only their texts differ.
fn is_about_a_value(text: &str) -> bool {
    const TEXTS: [&str; 4] = ["integer overflow", "malformed JSON", "JSON path error", "JSON cannot hold BLOB values"];
    TEXTS.iter().any(|known| text.contains(known))
}
