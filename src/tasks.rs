//! The only place that starts tasks and threads, each with a name.

use std::{future::Future, io, sync::LazyLock};

use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinHandle},
};
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

/// A text of more bytes is read and planned [`aside`].
pub const LARGE: usize = 32 << 10;

/// How many run [`aside`] at a time: no more than leave processors to others.
static ASIDE: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new((processors / 2).max(1))
});

/// Runs what takes a processor for a while, as [`blocking`] does, but only few at a
/// time: the others wait, and what is quick does not wait for them.
pub async fn aside<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    in_turn(&ASIDE, run).await
}

/// Runs something as [`blocking`] does, once it is its turn. The turn lasts as long
/// as the work, whether anybody still waits for it or not.
pub async fn in_turn<T: Send + 'static>(
    turns: &'static Semaphore,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    let turn = turns.acquire().await.expect("turns are never closed");
    blocking(move || {
        let done = run();
        drop(turn);
        done
    })
    .await
}

/// Starts an operating-system thread.
///
/// # Errors
/// When the system refuses another thread.
pub fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
