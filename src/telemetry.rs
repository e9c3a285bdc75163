//! Logs: where they go, how they look, and what a panic leaves in them.

use std::{
    io::{self, IsTerminal as _},
    panic::PanicHookInfo,
};

use anyhow::{Context as _, bail};
use tracing_subscriber::{Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

const LEVELS: &str = "silent, error, warn, info, debug, trace, or levels by target as in info,hyper=debug";

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Style {
    /// For people.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// What is logged and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// A level (`silent`, `fatal`, `error`, `warn`, `info`, `debug`, `trace`), or
    /// levels by target as in `info,hyper=warn`.
    pub level: String,
    /// How a line looks.
    pub style: Style,
}

/// Starts logging to standard error, for the whole process.
///
/// # Errors
/// When the level cannot be understood or logging was started before.
pub fn start(options: &Options) -> anyhow::Result<()> {
    let targets = targets(&options.level)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal());
    let layer = match options.style {
        Style::Pretty => lines.boxed(),
        Style::Json => lines.json().flatten_event(true).boxed(),
    };
    // One filter for all: a filter of a layer's own is asked at every turn of a request.
    tracing_subscriber::registry().with(targets).with(layer).try_init().context("the log cannot be started")?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// A plain level counts for the gateway; of libraries only warnings are shown.
fn targets(level: &str) -> anyhow::Result<Targets> {
    let level = level.trim().to_ascii_lowercase();
    let text = match level.as_str() {
        "silent" | "off" => "off".to_owned(),
        "fatal" | "error" => "error".to_owned(),
        "warn" => "warn".to_owned(),
        "info" | "debug" | "trace" => format!("warn,tidegate={level}"),
        // A lone word would be taken for a target, and say nothing of a slip.
        _ if !level.contains('=') => bail!("the log level `{level}` is not known; use {LEVELS}"),
        _ => level,
    };
    text.parse().with_context(|| format!("the log level `{text}` is not understood; use {LEVELS}"))
}

/// One line in the log, within the span of the request that panicked.
fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, "panic: {message}");
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_plain_level_is_for_the_gateway() {
        let targets = targets("DEBUG").unwrap();
        assert!(targets.would_enable("tidegate::server", &Level::DEBUG));
        assert!(!targets.would_enable("hyper", &Level::INFO));
    }

    #[test]
    fn levels_can_be_silent_by_target_or_wrong() {
        assert!(!targets("silent").unwrap().would_enable("tidegate", &Level::ERROR));
        assert!(targets("warn,hyper=trace").unwrap().would_enable("hyper", &Level::TRACE));
        assert!(targets("loud").is_err());
    }
}
