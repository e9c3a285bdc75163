//! What a handler is: a closure that returns a future, or a type of one's own.
//!
//! `async |payload, meta, context| …` will do unless it captures something; then
//! it is `move |payload, meta, context| { let it = it.clone(); async move { … } }`.

use std::future::Future;

use futures_util::future::{BoxFuture, FutureExt as _};

use super::{Context, Error, Meta, Payload};

/// Runs before something happens. Returns the payload that goes on, changed or
/// not; an error cancels what was about to happen and becomes its answer.
pub trait Filter: Send + Sync + 'static {
    /// Looks at a payload.
    fn filter(&self, payload: Payload, meta: Meta, context: Context) -> BoxFuture<'_, Result<Payload, Error>>;
}

/// Runs after something has happened. Nobody waits for it; an error is logged.
pub trait Action: Send + Sync + 'static {
    /// Reacts.
    fn act(&self, meta: Meta, context: Context) -> BoxFuture<'_, Result<(), Error>>;
}

/// Runs at a point of the start, which waits for it; an error is logged.
pub trait Init: Send + Sync + 'static {
    /// Prepares.
    fn init(&self, meta: Meta, context: Context) -> BoxFuture<'_, Result<(), Error>>;
}

/// Runs on schedule; an error is logged.
pub trait Job: Send + Sync + 'static {
    /// Does its work.
    fn run(&self, context: Context) -> BoxFuture<'_, Result<(), Error>>;
}

impl<F, T> Filter for F
where
    F: Fn(Payload, Meta, Context) -> T + Send + Sync + 'static,
    T: Future<Output = Result<Payload, Error>> + Send + 'static,
{
    fn filter(&self, payload: Payload, meta: Meta, context: Context) -> BoxFuture<'_, Result<Payload, Error>> {
        self(payload, meta, context).boxed()
    }
}

impl<F, T> Action for F
where
    F: Fn(Meta, Context) -> T + Send + Sync + 'static,
    T: Future<Output = Result<(), Error>> + Send + 'static,
{
    fn act(&self, meta: Meta, context: Context) -> BoxFuture<'_, Result<(), Error>> {
        self(meta, context).boxed()
    }
}

impl<F, T> Init for F
where
    F: Fn(Meta, Context) -> T + Send + Sync + 'static,
    T: Future<Output = Result<(), Error>> + Send + 'static,
{
    fn init(&self, meta: Meta, context: Context) -> BoxFuture<'_, Result<(), Error>> {
        self(meta, context).boxed()
    }
}

impl<F, T> Job for F
where
    F: Fn(Context) -> T + Send + Sync + 'static,
    T: Future<Output = Result<(), Error>> + Send + 'static,
{
    fn run(&self, context: Context) -> BoxFuture<'_, Result<(), Error>> {
        self(context).boxed()
    }
}
