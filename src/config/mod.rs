//! Command line, environment and `.env`, composed into the parts' own options.
//!
//! The only place that reads the environment.

mod arguments;
mod database;
mod units;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{CommandFactory as _, FromArgMatches as _, ValueEnum};

use crate::{auth, db, events, hooks::Environment, mail, rules, server, telemetry};

pub use database::describe;

/// The demo's database, in the current folder.
pub const DEMO_FILE: &str = "tidegate-demo.db";

/// What the process is to do.
#[derive(Debug)]
pub enum Command {
    /// Serve a database.
    Serve(Serve),
    /// Serve the demo database, made when missing.
    Demo(Serve),
    /// Make the system tables and the first administrator.
    Bootstrap(Gateway, auth::Options),
    /// Print the schema.
    Schema(Gateway, Format),
    /// Print what would be served.
    Check(Gateway),
    /// Print how an operation is answered.
    Explain(Gateway, Explanation),
    /// Ask a running gateway how it is.
    Ping(Ping),
}

/// What is to be explained.
#[derive(Debug)]
pub struct Explanation {
    /// The operation's text; `-` for standard input.
    pub query: String,
    /// Values for its variables, a JSON object.
    pub variables: Option<String>,
    /// Which of its operations.
    pub operation: Option<String>,
    /// In whose place; an administrator's if nobody is named.
    pub whose: Option<auth::StandIn>,
    /// Whether it is one of the system's collections.
    pub system: bool,
    /// Whether it is printed as JSON.
    pub json: bool,
}

/// Everything that `serve` and `demo` need.
#[derive(Debug)]
pub struct Serve {
    /// What answers.
    pub gateway: Gateway,
    /// Where it listens: a name or an address.
    pub host: String,
    /// On which port; 0 lets the system choose.
    pub port: u16,
    /// Whom it knows.
    pub auth: auth::Options,
    /// How it speaks HTTP.
    pub server: server::Options,
    /// How it sends mail, where it has users of its own.
    pub mail: mail::Options,
}

/// What answers: a database, and what may be asked of it.
#[derive(Debug)]
pub struct Gateway {
    /// How the database is reached.
    pub database: db::Options,
    /// Tables that are not served, by name.
    pub exclude_tables: Vec<String>,
    /// What becomes of the system tables.
    pub metadata: Metadata,
    /// The first administrator, where there are no users yet.
    pub first_admin: FirstAdmin,
    /// What the caller without a token may do.
    pub public: PublicAccess,
    /// A file of rules, in the place of `public`.
    pub rules: Option<PathBuf>,
    /// What one operation may cost.
    pub limits: Limits,
    /// Whether one operation sees one state of the data.
    pub consistency: Consistency,
    /// How much of what has changed is kept for who comes back to it.
    pub events: events::Options,
    /// How the log looks.
    pub log: telemetry::Options,
}

/// What one operation may cost, and what the plans may weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most lexical tokens in a document.
    pub tokens: usize,
    /// Most levels of relations, in selections, filters and sorts; at least 2.
    pub depth: usize,
    /// Most aliases in a document.
    pub aliases: usize,
    /// Most fields at the root of an operation.
    pub root_fields: usize,
    /// Most lists and relations of an operation.
    pub statements: usize,
    /// Highest estimated cost of an operation, in cells.
    pub cost: u64,
    /// Rows of a list whose `limit` is not given; `None`: all.
    pub default_rows: Option<u32>,
    /// Most rows that a `limit` may ask for; `None`: any number.
    pub max_rows: Option<u32>,
    /// Whether the schema can be asked for.
    pub introspection: bool,
    /// Whether the paths can be asked for.
    pub openapi: bool,
    /// Memory for cached plans, in bytes.
    pub plan_cache_bytes: u64,
    /// Memory for the schemas that callers see, in bytes.
    pub schema_cache_bytes: u64,
    /// Most bytes of an answer.
    pub answer_bytes: usize,
    /// Most items that a mutation writes, nested ones included; `None`: any number.
    pub batch: Option<usize>,
}

/// What becomes of the system tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Metadata {
    /// They are made where they are missing, with a first administrator; users, roles and policies are theirs.
    Directus,
    /// They are used where they are there, and never made.
    #[value(skip)]
    Existing,
    /// They are not looked at.
    None,
}

/// The first administrator, where there are no users yet.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FirstAdmin {
    /// The e-mail address to log in with.
    pub email: Option<String>,
    /// The password; one is made up if none is given.
    pub password: Option<String>,
}

impl std::fmt::Debug for FirstAdmin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FirstAdmin").field("email", &self.email).finish_non_exhaustive()
    }
}

/// What the caller without a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PublicAccess {
    /// Nothing.
    None,
    /// Read everything.
    Read,
}

/// Whether one operation sees one state of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Consistency {
    /// Each statement sees the data as of its own start.
    Statement,
    /// All statements of an operation see the same state.
    Operation,
}

/// How the schema is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The schema definition language.
    Sdl,
    /// The answer to the introspection query.
    Json,
}

/// How to ask a running gateway.
#[derive(Clone, Debug)]
pub struct Ping {
    /// The address of its health, `http://…`.
    pub url: String,
    /// How long to wait for it.
    pub timeout: Duration,
}

/// Reads `.env`, the environment and the command line. Must run before any
/// thread is started, since `.env` goes into the process's environment.
///
/// A bad option, `--help` and `--version` end the process here, as clap does it.
///
/// # Errors
/// When `.env` cannot be read, or the options do not go together.
pub fn load() -> anyhow::Result<Command> {
    read_dotenv(Path::new(".env"))?;
    let matches = command().get_matches();
    let cli = arguments::Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    cli.into_command()
}

/// Options for a gateway that a program embeds: from the environment, with the
/// database at `url` if one is given.
///
/// # Errors
/// When a variable cannot be understood, or no database is named.
pub fn embedded(url: Option<&str>) -> anyhow::Result<Serve> {
    let words = ["tidegate", "serve"].into_iter().chain(url.into_iter().flat_map(|url| ["--database-url", url]));
    let matches = command().try_get_matches_from(words).context("the environment does not fit the options")?;
    let cli = arguments::Cli::from_arg_matches(&matches)?;
    match cli.into_command()? {
        Command::Serve(serve) => Ok(serve),
        other => bail!("`serve` was read as {other:?}"),
    }
}

/// Reads a file of rules; tokens that it names are taken from the environment.
///
/// # Errors
/// When it cannot be read, or makes no sense.
pub fn rules(path: &Path) -> anyhow::Result<rules::Known> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let environment = environment();
    rules::parse(&text, rules::Syntax::of(path), |name| environment.get(name).map(str::to_owned))
        .with_context(|| format!("{} cannot be used", path.display()))
}

/// The process's environment, as far as it is text.
pub fn environment() -> Environment {
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The command line; environment values, which may be secret, are not shown.
fn command() -> clap::Command {
    arguments::Cli::command().mut_subcommands(|command| command.mut_args(|argument| argument.hide_env_values(true)))
}

/// What is set already wins over `.env`.
fn read_dotenv(path: &Path) -> anyhow::Result<()> {
    match dotenvy::from_path(path) {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(dotenvy::Error::LineParse(line, _)) => bail!("{}", bad_line(path, &line)?),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Says where, and never what: the line may hold a password.
fn bad_line(path: &Path, line: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let first = line.lines().next().unwrap_or_default().trim();
    let number = text.lines().position(|candidate| candidate.contains(first)).map(|index| index + 1);
    let place = number.map_or(String::new(), |number| format!(", line {number}"));
    Ok(format!("{}{place} is not of the form NAME=value (quote values that hold spaces or #)", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "TIDEGATE_TEST_A=1\n\nTIDEGATE_TEST_B=my secret words\n").unwrap();
        let message = read_dotenv(&path).unwrap_err().to_string();
        assert!(message.contains("line 3"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        assert!(read_dotenv(&folder.path().join("none")).is_ok());
    }
}
