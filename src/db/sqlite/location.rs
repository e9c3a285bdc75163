//! Which file a URL names and how it is to be opened.

use percent_encoding::percent_decode_str;
use rusqlite::OpenFlags;

use super::super::Error;

/// A database file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Location {
    /// The path, decoded.
    pub(super) path: String,
    /// Read-only, read-write, or created when missing.
    pub(super) mode: Mode,
}

/// `?mode=`, with `rw` as the default: a missing file is a mistake, and a
/// read-write connection can read a file whose writer left a journal behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `ro`
    ReadOnly,
    /// `rw`
    ReadWrite,
    /// `rwc`
    Create,
}

impl Location {
    /// Reads `sqlite:path`, `sqlite://path` and `sqlite:///absolute/path`.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let rest = url.split_once(':').map_or("", |(_, rest)| rest);
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        let path = percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| Error::Url("the path in the SQLite URL is not UTF-8".to_owned()))?
            .into_owned();
        if path.is_empty() {
            return Err(Error::Url("the SQLite URL names no file; expected sqlite:path".to_owned()));
        }
        if path.contains('\0') {
            return Err(Error::Url("the path in the SQLite URL contains a NUL character".to_owned()));
        }
        if path == ":memory:" {
            return Err(in_memory());
        }
        Ok(Self { path, mode: mode(options)? })
    }

    /// What SQLite calls the file. It gives names that begin with a colon or
    /// with `file:` a meaning of its own, which a path with a folder never has.
    pub(super) fn file_name(&self) -> String {
        match self.path.starts_with('/') {
            true => self.path.clone(),
            false => format!("./{}", self.path),
        }
    }

    /// The flags of its mode. A connection stays on one thread, so that it
    /// needs no lock of its own.
    pub(super) fn flags(&self) -> OpenFlags {
        let mode = match self.mode {
            Mode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Mode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Mode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        mode | OpenFlags::SQLITE_OPEN_NO_MUTEX
    }
}

fn mode(options: &str) -> Result<Mode, Error> {
    let mut mode = Mode::ReadWrite;
    for option in options.split('&').filter(|option| !option.is_empty()) {
        mode = match option {
            "mode=ro" => Mode::ReadOnly,
            "mode=rw" => Mode::ReadWrite,
            "mode=rwc" => Mode::Create,
            "mode=memory" => return Err(in_memory()),
            _ => {
                return Err(Error::Url(format!(
                    "`{option}` is no option of a SQLite URL; expected mode=ro, mode=rw or mode=rwc"
                )));
            }
        };
    }
    Ok(mode)
}

fn in_memory() -> Error {
    Error::Url(
        "an in-memory SQLite database cannot be served: every connection would see another one; name a file".to_owned(),
    )
}
