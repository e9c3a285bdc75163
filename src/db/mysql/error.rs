//! What the server and the driver report, classified for the seam: by error
//! number first, by SQLSTATE class where that says enough.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError};

use super::{super::Error, pool::Flavour, violation};

/// The thread to be killed is gone already.
const NO_SUCH_THREAD: u16 = 1094;

/// An error met while a statement ran; `limit` is how long it may take.
pub(super) fn of_statement(error: &sqlx::Error, limit: Duration) -> Error {
    match error {
        sqlx::Error::Database(_) => match reported(error) {
            Some(reported) => of_report(reported, limit),
            None => Error::Database(error.to_string()),
        },
        sqlx::Error::Io(error) => Error::Unavailable(format!("the connection broke: {error}")),
        sqlx::Error::Tls(error) => Error::Unavailable(format!("TLS failed: {error}")),
        sqlx::Error::Protocol(message) => Error::Database(format!("an answer is not understood: {message}")),
        other => Error::Database(other.to_string()),
    }
}

/// An error met while a statement ran that may write.
pub(super) fn of_write(error: &sqlx::Error, flavour: Flavour, limit: Duration) -> Error {
    let Some(reported) = reported(error) else { return of_statement(error, limit) };
    let sentence = || format!("{} (error {})", without_values(reported.message()), reported.number());
    match reported.number() {
        // A lock wait that took too long, a deadlock, a row changed meanwhile.
        1205 | 1213 | 1020 => Error::Conflict(sentence()),
        // A server, or a storage engine, that only reads.
        1290 | 1836 => Error::Refused(sentence()),
        // Not a member of an enumeration, or something as unfit.
        1265 => Error::Value(sentence()),
        number => match violation::of(number, reported.message(), flavour) {
            Some(violation) => Error::Constraint(violation),
            None => of_statement(error, limit),
        },
    }
}

/// An error met while a connection was made.
pub(super) fn of_connecting(error: &sqlx::Error, options: &MySqlConnectOptions) -> Error {
    match error {
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Error::Unavailable(format!("nothing listens at {}", address(options)))
        }
        sqlx::Error::Io(error) => Error::Unavailable(format!("{}: {error}", address(options))),
        sqlx::Error::Configuration(error) => Error::Url(format!("the database URL is malformed: {error}")),
        other => of_statement(other, Duration::ZERO),
    }
}

/// Where the server is expected, for people.
pub(super) fn address(options: &MySqlConnectOptions) -> String {
    match options.get_socket() {
        Some(path) => path.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

/// Whether the connection that met the error must not be used again. Only an
/// error that the server reports in good order leaves the stream in step.
pub(super) fn breaks_connection(error: &sqlx::Error) -> bool {
    reported(error).is_none_or(|reported| is_goodbye(reported.number(), reported.code().unwrap_or_default()))
}

/// Whether a `KILL` came too late.
pub(super) fn is_gone_already(error: &sqlx::Error) -> bool {
    reported(error).is_some_and(|reported| reported.number() == NO_SUCH_THREAD)
}

fn reported(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()
}

fn of_report(reported: &MySqlDatabaseError, limit: Duration) -> Error {
    let number = reported.number();
    let state = reported.code().unwrap_or_default();
    let text = format!("{} (error {number})", reported.message());
    match number {
        // MySQL's limit, MariaDB's limit; 1317 is what either says to `KILL QUERY`.
        3024 | 1969 => Error::StatementTimeout(limit),
        1317 if !limit.is_zero() => Error::StatementTimeout(limit),
        1044 | 1045 | 1049 | 1130 | 1251 | 1698 => Error::Refused(text),
        _ if is_goodbye(number, state) || is_full(number) => Error::Unavailable(text),
        _ if is_about_a_value(number, state) => {
            Error::Value(format!("{} (error {number})", without_values(reported.message())))
        }
        _ => Error::Database(text),
    }
}

/// The server ends the connection: it shuts down, somebody killed it, it idled.
fn is_goodbye(number: u16, state: &str) -> bool {
    matches!(number, 1053 | 1077 | 1079 | 1152 | 1158..=1161 | 1184 | 1927 | 2006 | 2013 | 4031)
        || (state.starts_with("08") && !is_full(number))
}

/// No room for another connection, or this host made too many mistakes.
fn is_full(number: u16) -> bool {
    matches!(number, 1040 | 1129 | 1203 | 1226)
}

fn is_about_a_value(number: u16, state: &str) -> bool {
    // Among others: out of range, a truncated or incorrect value, division by
    // zero, malformed JSON, malformed regular expressions (MariaDB, then MySQL).
    matches!(number, 1264 | 1292 | 1365 | 1366 | 1406 | 1411 | 1525 | 1690 | 3140 | 3141 | 1139 | 3685..=3699)
        || state.starts_with("22")
}

/// A message up to the first value that it quotes: what follows is somebody's
/// data, of any length and with quotes of its own.
fn without_values(message: &str) -> &str {
    let value = message.find(['\'', '"', '`']).unwrap_or(message.len());
    let sentence = message[..value].trim_end_matches([' ', ':', '=', '(']);
    sentence.strip_suffix(" in").unwrap_or(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_from_messages() {
        assert_eq!(without_values("Truncated incorrect DOUBLE value: 'it's x'"), "Truncated incorrect DOUBLE value");
        assert_eq!(without_values("BIGINT value is out of range in '(`a`.`b` * 9)'"), "BIGINT value is out of range");
        assert_eq!(without_values("Division by 0"), "Division by 0");
    }

    #[test]
    fn a_full_server_does_not_say_goodbye() {
        assert!(is_full(1040));
        assert!(!is_goodbye(1040, "08004"));
        assert!(is_goodbye(1053, "08S01"));
        assert!(is_goodbye(1160, "08S01"));
        assert!(!is_goodbye(1146, "42S02"));
    }

    #[test]
    fn whatever_the_driver_makes_up_itself_breaks_the_connection() {
        assert!(breaks_connection(&sqlx::Error::Protocol("?".to_owned())));
        assert!(breaks_connection(&sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into())));
    }
}
