//! Why a socket is closed: the codes that clients see.

use axum::extract::ws::{CloseFrame, close_code};

use crate::realtime::CloseReason;

/// A close code with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// 1001: the gateway stops.
    GoingAway,
    /// 1002: frames that the standard does not allow.
    Protocol,
    /// 1007: a text that is not UTF-8.
    NotUtf8,
    /// 1009: a message larger than the limit.
    TooLarge,
    /// 4400: a message that the protocol does not know.
    BadMessage(&'static str),
    /// 4401: an operation before the connection was acknowledged.
    Unauthorized,
    /// 4403: credentials that are not known, or none where some are needed.
    Forbidden,
    /// 4406: not the subprotocol that is spoken here.
    Subprotocol,
    /// 4408: no `connection_init` in time.
    InitTimeout,
    /// 4409: an operation of that id is under way.
    Duplicate(String),
    /// 4410: the client reads more slowly than changes come.
    TooSlow,
    /// 4411: nothing was heard of the client, not even an answer to a ping.
    Idle,
    /// 4429: a second `connection_init`.
    TooManyInits,
}

impl Close {
    pub(super) fn of(reason: CloseReason) -> Self {
        match reason {
            CloseReason::TooSlow => Self::TooSlow,
            CloseReason::GoingAway => Self::GoingAway,
        }
    }

    pub(super) fn frame(&self) -> CloseFrame {
        let (code, reason) = match self {
            Self::GoingAway => (close_code::AWAY, "Going away; resume from your last position".to_owned()),
            Self::Protocol => (close_code::PROTOCOL, "Protocol error".to_owned()),
            Self::NotUtf8 => (close_code::INVALID, "Not UTF-8".to_owned()),
            Self::TooLarge => (close_code::SIZE, "Message too large".to_owned()),
            Self::BadMessage(reason) => (4400, (*reason).to_owned()),
            Self::Unauthorized => (4401, "Unauthorized".to_owned()),
            Self::Forbidden => (4403, "Forbidden".to_owned()),
            Self::Subprotocol => (4406, "Subprotocol not acceptable".to_owned()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Self::Duplicate(id) => (4409, format!("Subscriber for {} already exists", short(id))),
            Self::TooSlow => (4410, "Too slow; resume from your last position".to_owned()),
            Self::Idle => (4411, "Idle".to_owned()),
            Self::TooManyInits => (4429, "Too many initialisation requests".to_owned()),
        };
        CloseFrame { code, reason: reason.into() }
    }
}

/// A reason has 123 bytes at most.
fn short(id: &str) -> &str {
    let end = id.char_indices().map(|(at, _)| at).take_while(|at| *at <= 60).last().unwrap_or(0);
    if id.len() <= 60 { id } else { &id[..end] }
}
