//! The only place that starts tasks and threads, each with a name.

use std::{future::Future, io};

use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument as _;

/// Runs a future beside its caller.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let span = tracing::debug_span!("task", name);
    #[expect(clippy::disallowed_methods, reason = "this is where tasks are started")]
    tokio::spawn(future.instrument(span))
}

/// Runs what takes a processor for a while where nobody waits for it.
pub async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    #[expect(clippy::disallowed_methods, reason = "this is where threads are taken")]
    tokio::task::spawn_blocking(run).await
}

/// Starts an operating-system thread.
///
/// # Errors
/// When the system refuses another thread.
pub fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
