//! The database: a throw-away PostgreSQL with the data set, or one that the
//! caller names. Whatever was started is stopped when it is dropped.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, Row};
use tempfile::TempDir;

use crate::queries::{self, NestedKeys};

const DATASET: &str = include_str!("dataset.sql");
/// Stands in the comment on `articles`, before the hash of the data set.
const MARK: &str = "Made by side_by_side: ";

const SETTINGS: &str = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=100 \
    -c shared_buffers=256MB -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c max_wal_size=8GB -c checkpoint_timeout=1h -c autovacuum=off \
    -c max_parallel_workers_per_gather=0";

/// A database with the data set in it.
pub(crate) struct Database {
    pub(crate) url: String,
    /// The postmaster, where it was started here.
    pub(crate) postmaster: Option<u32>,
    _cluster: Option<Cluster>,
}

impl Database {
    /// Takes the database at `url`; else starts a cluster, in the folder
    /// `keep` or in one that goes away.
    pub(crate) fn prepare(url: Option<String>, keep: Option<&Path>) -> Result<Database> {
        let (url, cluster) = match url {
            Some(url) => (url, None),
            None => {
                let cluster = Cluster::start(keep)?;
                (format!("postgres://bench@127.0.0.1:{}/postgres", cluster.port), Some(cluster))
            }
        };
        Ok(Database { url, postmaster: cluster.as_ref().map(|cluster| cluster.pid), _cluster: cluster })
    }

    /// Loads the data set that queries need, unless it is there.
    pub(crate) async fn load(&self) -> Result<()> {
        load(&self.url).await
    }

    /// What the first statement of the nested query hands to the others.
    pub(crate) async fn nested_keys(&self) -> Result<NestedKeys> {
        let mut connection = connect(&self.url).await?;
        let rows = sqlx::query(queries::NESTED_ARTICLES).fetch_all(&mut connection).await?;
        let column = |name: &str| rows.iter().map(|row| row.try_get(name)).collect::<sqlx::Result<Vec<i64>>>();
        Ok(NestedKeys { articles: column("id")?, authors: column("author_id")? })
    }
}

/// A port that nobody listens on right now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The path of one of PostgreSQL's programs: the newest that Debian's
/// packages put aside, else whatever the search path finds.
pub(crate) fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let path = version.path().join("bin").join(name);
        path.exists().then_some((number, path))
    });
    found.max().map_or_else(|| name.into(), |(_, path)| path)
}

/// Runs a program to its end; what it said is part of the error.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_owned();
    let output = command.output().with_context(|| format!("cannot run {}", name.display()))?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

struct Cluster {
    home: PathBuf,
    /// Whom to run as: PostgreSQL refuses to run as root.
    user: Option<&'static str>,
    port: u16,
    pid: u32,
    _temporary: Option<TempDir>,
}

impl Cluster {
    fn start(keep: Option<&Path>) -> Result<Cluster> {
        let (home, temporary) = match keep {
            Some(home) => {
                fs::create_dir_all(home).with_context(|| format!("cannot make {}", home.display()))?;
                (home.canonicalize()?, None)
            }
            None => {
                let temporary = tempfile::Builder::new().prefix("side_by_side.").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let user = if fs::metadata("/proc/self")?.uid() == 0 { Some(unprivileged_user()?) } else { None };
        let mut cluster = Cluster { home, user, port: free_port()?, pid: 0, _temporary: temporary };
        cluster.initialise()?;
        let options = format!("-p {} {SETTINGS}", cluster.port);
        run(cluster.tool("pg_ctl").args(["-w", "-D", "data", "-l", "log", "-o", &options, "start"]))?;
        cluster.pid = first_line(&cluster.home.join("data/postmaster.pid"))?;
        Ok(cluster)
    }

    fn initialise(&self) -> Result<()> {
        if self.home.join("data/PG_VERSION").exists() {
            return Ok(());
        }
        if let Some(user) = self.user {
            run(Command::new("chown").arg(user).arg(&self.home))?;
        }
        let options = ["-D", "data", "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"];
        run(self.tool("initdb").args(options)).map(drop)
    }

    fn tool(&self, name: &str) -> Command {
        let program = program(name);
        let mut command = match self.user {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program);
                command
            }
        };
        // In a group of its own an interrupt from the keyboard does not end it.
        command.current_dir(&self.home).process_group(0);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.pid == 0 {
            return;
        }
        if let Err(error) = run(self.tool("pg_ctl").args(["-w", "-D", "data", "-m", "fast", "stop"])) {
            eprintln!("PostgreSQL still runs with the process id {}: {error:#}", self.pid);
        }
    }
}

fn unprivileged_user() -> Result<&'static str> {
    let users = fs::read_to_string("/etc/passwd").context("cannot read the list of users")?;
    let known = |name: &&str| users.lines().any(|line| line.split(':').next() == Some(name));
    ["postgres", "nobody"].into_iter().find(known).context("PostgreSQL needs a user that is not root")
}

fn first_line(path: &Path) -> Result<u32> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines().next().and_then(|line| line.trim().parse().ok()).context("PostgreSQL has no process id")
}

/// A connection of the bench's own.
pub(crate) async fn connect(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url.parse().context("not a PostgreSQL URL")?;
    options.connect().await.context("cannot connect to the database")
}

/// Loads the data set, unless the very same is there. Never touches tables
/// that it did not make.
async fn load(url: &str) -> Result<()> {
    let mark = format!("{MARK}{:016x}", hash(DATASET));
    let mut connection = connect(url).await?;
    let found = "SELECT to_regclass('articles') IS NOT NULL, obj_description(to_regclass('articles'), 'pg_class')";
    let found = sqlx::query(found).fetch_one(&mut connection).await?;
    let comment: Option<String> = found.try_get(1)?;
    if comment.as_ref() == Some(&mark) {
        return Ok(());
    }
    if found.try_get(0)? && !comment.is_some_and(|comment| comment.starts_with(MARK)) {
        bail!("the database has a table `articles` of its own; name an empty database");
    }
    eprintln!("loading the data set");
    sqlx::raw_sql(DATASET).execute(&mut connection).await.context("cannot load the data set")?;
    sqlx::raw_sql("VACUUM (ANALYZE) authors, tags, articles, article_tags, comments").execute(&mut connection).await?;
    let comment = sqlx::AssertSqlSafe(format!("COMMENT ON TABLE articles IS '{mark}'"));
    sqlx::raw_sql(comment).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
