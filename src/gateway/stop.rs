//! When the process is asked to end.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::tasks;

/// Resolves once the process was asked to end, for everyone who waits.
#[derive(Clone, Debug)]
pub struct Stop(tokio::sync::watch::Receiver<bool>);

impl Stop {
    /// Ctrl-C or SIGTERM. A second one ends the process at once.
    ///
    /// # Errors
    /// When the system does not let it listen to signals.
    pub fn on_signals() -> anyhow::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let (stopped, stop) = tokio::sync::watch::channel(false);
        tasks::spawn("signals", async move {
            for exit in [false, true] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if exit {
                    std::process::exit(1);
                }
                tracing::info!("stopping");
                stopped.send_replace(true);
            }
        });
        Ok(Self(stop))
    }

    /// Resolves when it is time.
    pub async fn wait(&self) {
        let mut stopped = self.0.clone();
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            // The sender lives as long as the process.
            std::future::pending::<()>().await;
        }
    }
}
