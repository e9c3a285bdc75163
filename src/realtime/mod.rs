//! Live changes: one hub hears of every commit and tells those who follow it.
//!
//! ```text
//! commit      from the event log, in order
//! index       the predicates that the row can concern: by (table, column, value), and the rest
//! predicate   each distinct one once per event: in memory, or one statement for a burst
//! payload     each distinct (predicate, selection) once per event, shared as bytes
//! queue       of each connection, bounded; nobody waits for anybody
//! ```
//!
//! Aggregates are followed too: each distinct one is computed anew when what it
//! looks at has changed, and told when it is another than before.

mod class;
mod gauge;
mod group;
mod hub;
mod index;
mod queue;
mod verdict;

use std::sync::Arc;

pub use self::{
    hub::{Hub, Options, Subscription},
    queue::{Item, Next, Queue, QueueLimits, Tag, Taken},
    verdict::Verdict,
};
use serde_json::{Map, Value as Json, json};

use crate::{
    engine::{Answer, Caller, ChangesRoot, LiveAggregateRoot, Root, RootKind, Variables},
    error_code::ErrorCode,
    events::{GoneReason, Position},
};

/// What somebody wants to follow: a root field of a subscription.
#[derive(Clone)]
pub struct Topic {
    /// The root fields of a plan, of which the first is the one.
    pub roots: Arc<dyn Roots>,
    /// Values for its variables.
    pub variables: Variables,
    /// Who follows.
    pub caller: Caller,
    /// By which rules it was planned ([`Hub::rules`]).
    pub rules: u64,
    /// Behind which position it begins, instead of what the root field says.
    pub after: Option<Json>,
    /// Makes a text of an answer, its last brace left out.
    pub write: fn(Answer) -> Vec<u8>,
}

impl std::fmt::Debug for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topic").finish_non_exhaustive()
    }
}

/// A plan that keeps its root fields.
pub trait Roots: Send + Sync {
    /// Its root fields.
    fn roots(&self) -> &[Root];
}

impl Topic {
    /// Behind which position it begins, as the client says.
    fn behind(&self) -> Option<Json> {
        let own = || self.root()?.1.after.as_ref()?.resolve(&self.variables.values);
        self.after.clone().or_else(own).filter(|after| !after.is_null())
    }

    /// The root field, if it is one that can be followed.
    fn root(&self) -> Option<(&Root, &ChangesRoot)> {
        let root = self.roots.roots().first()?;
        match &root.kind {
            RootKind::Changes(changes) => Some((root, changes)),
            _ => None,
        }
    }

    /// The aggregates, if it is those that are followed.
    fn aggregates(&self) -> Option<&LiveAggregateRoot> {
        match &self.roots.roots().first()?.kind {
            RootKind::LiveAggregate(root) => Some(root),
            _ => None,
        }
    }
}

/// Why a subscription has no more to tell.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Ended {
    /// What came behind its position is not known any more: whoever follows must
    /// begin anew, for something may be missing.
    #[error("The changes behind that position are not known any more: {}. Begin anew.", .reason.explained())]
    Reset {
        /// Why.
        reason: Reset,
        /// Where the log is: from here on everything is known.
        head: Position,
    },
    /// It cannot be followed.
    #[error("{message}")]
    Failed {
        /// The code.
        code: ErrorCode,
        /// For the client.
        message: String,
    },
}

impl Ended {
    /// `extensions.code`
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Reset { .. } => ErrorCode::Reset,
            Self::Failed { code, .. } => *code,
        }
    }

    /// As the one entry of a list of errors.
    pub fn to_errors(&self) -> Json {
        let mut extensions = Map::new();
        extensions.insert("code".to_owned(), self.code().as_str().into());
        if let Self::Reset { reason, head } = self {
            extensions.insert("reason".to_owned(), reason.as_str().into());
            extensions.insert("position".to_owned(), head.to_string().into());
        }
        json!([{ "message": self.to_string(), "extensions": extensions }])
    }

    /// As an answer without data.
    pub fn to_answer(&self) -> Vec<u8> {
        json!({ "errors": self.to_errors() }).to_string().into_bytes()
    }
}

/// Why a position is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// By what the log says.
    Log(GoneReason),
    /// The log was broken off: nobody knows what was committed.
    BrokenOff,
    /// The condition is about more rows than one, and some have changed since.
    NotReplayable,
    /// The text is no position of this log.
    NotAPosition,
    /// What the caller may see may be another than before.
    RulesChanged,
}

impl Reset {
    /// The spelling in `extensions.reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log(GoneReason::Evicted) => "evicted",
            Self::Log(GoneReason::OtherEpoch) => "other_epoch",
            Self::Log(GoneReason::Future) => "future",
            Self::BrokenOff => "broken_off",
            Self::NotReplayable => "not_replayable",
            Self::NotAPosition => "not_a_position",
            Self::RulesChanged => "rules_changed",
        }
    }

    fn explained(self) -> &'static str {
        match self {
            Self::Log(GoneReason::Evicted) => "they had to make room for newer ones",
            Self::Log(GoneReason::OtherEpoch) => "the gateway has been restarted since",
            Self::Log(GoneReason::Future) => "it has not been reached yet",
            Self::BrokenOff => "the database broke off while it committed",
            Self::NotReplayable => "the filter is about other items too, and some of them have changed since",
            Self::NotAPosition => "it is no position of this log",
            Self::RulesChanged => "the rules of who may see what have changed",
        }
    }
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client does not read fast enough.
    TooSlow,
    /// The gateway stops.
    GoingAway,
}

impl CloseReason {
    /// As the end of what could be told.
    pub fn ended(self) -> Ended {
        let (code, message) = match self {
            Self::TooSlow => (ErrorCode::TooSlow, "Too slow; resume from your last position."),
            Self::GoingAway => (ErrorCode::GoingAway, "Going away; resume from your last position."),
        };
        Ended::Failed { code, message: message.to_owned() }
    }
}
