//! What a program adds to the gateway: handlers that change, refuse or react to
//! what happens, run at start-up or on schedule (contract `extensions.md` 1 to
//! 11, 27).
//!
//! It knows nothing of how items are read and written: the engine tells what
//! happens, and serves handlers through [`Services`].

mod bus;
mod context;
mod dispatch;
mod emitter;
mod error;
mod handler;
mod items;
mod lane;
pub mod legacy;
mod meta;
mod payload;
mod registry;
mod schedule;

pub use self::{
    context::{Context, Environment, Logger, Scope, SqlAccess},
    dispatch::{Hooks, Options},
    emitter::{Emitter, is_core_event},
    error::{Error, Failure},
    handler::{Action, Filter, Init, Job},
    items::{ItemsOperation, ItemsRequest, ItemsService, MutationOptions, Rights, Services, SqlReply, SqlRequest},
    meta::Meta,
    payload::Payload,
    registry::{BuildError, Registry},
};
