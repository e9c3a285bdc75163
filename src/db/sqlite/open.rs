//! Opens a thread's connection and sets it up.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, config::DbConfig};

use super::{super::Error, error, functions, location::Location};

/// Statements that a connection keeps prepared.
const PREPARED: usize = 512;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It changes nothing.
    Read,
    /// It may write, and foreign keys hold.
    Write,
}

/// Opens the file, lets `install` set its handlers, and makes sure that it is
/// a database.
pub(super) fn open(
    location: &Location,
    access: Access,
    install: impl FnOnce(&mut Connection) -> Result<(), rusqlite::Error>,
) -> Result<Connection, Error> {
    let explain = |error| explain(location, error);
    let mut connection = Connection::open_with_flags(location.file_name(), location.flags()).map_err(explain)?;
    install(&mut connection).map_err(explain)?;
    set_up(&connection, access).map_err(explain)?;
    Ok(connection)
}

/// How it is kept safe is the owner's business: the journal mode stays as the
/// file has it, and `synchronous` as SQLite has it. No
/// `mmap`: a file that someone else truncates would end the whole process.
fn set_up(connection: &Connection, access: Access) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Views of a file from anywhere must not call what can do harm.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    functions::register(connection)?;
    // 16 MiB of pages at most, used as they are needed.
    connection.execute_batch("PRAGMA cache_size = -16384;")?;
    connection.execute_batch(match access {
        Access::Read => "PRAGMA query_only = ON;",
        Access::Write => "PRAGMA foreign_keys = ON;",
    })?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn explain(location: &Location, failure: rusqlite::Error) -> Error {
    let path = Path::new(&location.path);
    match failure.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) if path.is_dir() => {
            Error::Unavailable(format!("`{}` is a folder, not a file", location.path))
        }
        Some(ErrorCode::CannotOpen) if !path.exists() => {
            Error::Unavailable(format!("`{}`: no such file", location.path))
        }
        Some(ErrorCode::CannotOpen) => Error::Unavailable(format!("`{}`: {failure}", location.path)),
        Some(ErrorCode::NotADatabase) => {
            Error::Refused(format!("`{}` is not a SQLite database, or it is encrypted", location.path))
        }
        _ => error::classify(failure),
    }
}
