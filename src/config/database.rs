//! Which database: one URL, or the parts that Directus names.

use anyhow::{Context as _, bail};
use clap::Args;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// What a URL's parts may hold as they are.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which database is served.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Database")]
pub(super) struct DatabaseArguments {
    /// The database: postgres://user:password@host:5432/name, mysql://…, sqlite:path, or the path of a .db, .sqlite
    /// or .sqlite3 file. Without it, the DB_… options below are used.
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    database_url: Option<String>,
    /// The kind of database, as Directus spells it: pg, postgres, mysql, mariadb, sqlite3, sqlite.
    #[arg(long, env = "DB_CLIENT", value_name = "NAME")]
    db_client: Option<String>,
    /// Its host name or address [default: localhost]
    #[arg(long, env = "DB_HOST", value_name = "HOST")]
    db_host: Option<String>,
    /// Its port [default: the database's own]
    #[arg(long, env = "DB_PORT", value_name = "PORT")]
    db_port: Option<String>,
    /// The database's name.
    #[arg(long, env = "DB_DATABASE", value_name = "NAME")]
    db_database: Option<String>,
    /// The user to connect as.
    #[arg(long, env = "DB_USER", value_name = "USER")]
    db_user: Option<String>,
    /// The user's password; better given as an environment variable.
    #[arg(long, env = "DB_PASSWORD", value_name = "PASSWORD")]
    db_password: Option<String>,
    /// The file of a SQLite database.
    #[arg(long, env = "DB_FILENAME", value_name = "PATH")]
    db_filename: Option<String>,
    /// A whole connection string, instead of the parts.
    #[arg(long, env = "DB_CONNECTION_STRING", value_name = "URL")]
    db_connection_string: Option<String>,
}

impl DatabaseArguments {
    /// The database's URL.
    pub(super) fn url(&self) -> anyhow::Result<String> {
        if let Some(url) = given(&self.database_url).or(given(&self.db_connection_string)) {
            return Ok(from_url_or_path(url));
        }
        let Some(client) = given(&self.db_client) else {
            bail!(
                "no database is given; use --database-url or DATABASE_URL, for example \
                 postgres://user:password@localhost/name, or try `tidegate demo`"
            );
        };
        match client.to_ascii_lowercase().as_str() {
            "sqlite3" | "sqlite" => {
                let path = given(&self.db_filename).context("DB_CLIENT is SQLite, so DB_FILENAME must be given")?;
                Ok(format!("sqlite:{path}"))
            }
            "pg" | "postgres" | "postgresql" => self.server("postgres"),
            "mysql" | "mysql2" | "mariadb" => self.server("mysql"),
            _ => bail!("DB_CLIENT `{client}` is not supported; use pg, mysql, mariadb or sqlite3"),
        }
    }

    fn server(&self, scheme: &str) -> anyhow::Result<String> {
        let database = given(&self.db_database).context("DB_DATABASE must be given, or a whole DATABASE_URL")?;
        let mut url = format!("{scheme}://");
        if let Some(user) = given(&self.db_user) {
            url += &encode(user);
            if let Some(password) = given(&self.db_password) {
                url.push(':');
                url += &encode(password);
            }
            url.push('@');
        }
        let host = given(&self.db_host).unwrap_or("localhost");
        url += &if host.contains(':') { format!("[{}]", host.trim_matches(['[', ']'])) } else { encode(host) };
        if let Some(port) = given(&self.db_port) {
            let port: u16 = port.parse().with_context(|| format!("DB_PORT `{port}` is no port"))?;
            url += &format!(":{port}");
        }
        Ok(format!("{url}/{}", encode(database)))
    }
}

/// Empty means not given: compose files pass variables on that nobody set.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A bare path of a SQLite file is as good as a URL.
fn from_url_or_path(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let is_file = [".db", ".sqlite", ".sqlite3"].iter().any(|ending| lower.ends_with(ending));
    // A letter and a colon is a drive, not a scheme.
    let has_scheme =
        text.split_once(':').is_some_and(|(scheme, _)| scheme.len() > 1 && !scheme.contains(['/', '.', '\\']));
    if is_file && !has_scheme { format!("sqlite:{text}") } else { text.to_owned() }
}

/// A database in words, without user and password: `PostgreSQL, shop on localhost:5432`.
pub fn describe(url: &str) -> String {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return format!("SQLite, {}", path.split('?').next().unwrap_or(path));
    }
    let Ok(url) = Url::parse(url) else { return "a database".to_owned() };
    let (kind, own_port) = match url.scheme() {
        "postgres" | "postgresql" => ("PostgreSQL", 5432),
        "mysql" => ("MySQL", 3306),
        "mariadb" => ("MariaDB", 3306),
        other => return other.to_owned(),
    };
    let name = percent_encoding::percent_decode_str(url.path().trim_start_matches('/')).decode_utf8_lossy();
    let host = url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost");
    format!("{kind}, {name} on {host}:{}", url.port().unwrap_or(own_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(set: impl FnOnce(&mut DatabaseArguments)) -> Result<String, String> {
        let mut arguments = DatabaseArguments::default();
        set(&mut arguments);
        arguments.url().map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn the_url_wins_and_may_be_a_path() {
        for (given, expected) in [
            ("postgres://a@b/c", "postgres://a@b/c"),
            ("shop.db", "sqlite:shop.db"),
            ("/var/lib/a:b.sqlite3", "sqlite:/var/lib/a:b.sqlite3"),
            ("sqlite:///shop.db", "sqlite:///shop.db"),
            ("mysql://a/shop.db", "mysql://a/shop.db"),
        ] {
            let url = url(|arguments| {
                arguments.database_url = text(given);
                arguments.db_client = text("pg");
            });
            assert_eq!(url.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn the_spellings_of_directus_make_a_url() {
        let url = url(|arguments| {
            arguments.database_url = text("");
            arguments.db_client = text("pg");
            arguments.db_host = text("db.example");
            arguments.db_port = text("5433");
            arguments.db_database = text("my shop");
            arguments.db_user = text("ann@home");
            arguments.db_password = text("p:/?#w@é");
        });
        assert_eq!(url.as_deref(), Ok("postgres://ann%40home:p%3A%2F%3F%23w%40%C3%A9@db.example:5433/my%20shop"));
    }

    #[test]
    fn the_other_clients() {
        let sqlite = url(|arguments| {
            arguments.db_client = text("sqlite3");
            arguments.db_filename = text("./data.db");
        });
        assert_eq!(sqlite.as_deref(), Ok("sqlite:./data.db"));
        let mysql = url(|arguments| {
            arguments.db_client = text("MariaDB");
            arguments.db_host = text("::1");
            arguments.db_database = text("shop");
        });
        assert_eq!(mysql.as_deref(), Ok("mysql://[::1]/shop"));
        let string = url(|arguments| arguments.db_connection_string = text("postgresql://h/d"));
        assert_eq!(string.as_deref(), Ok("postgresql://h/d"));
    }

    #[test]
    fn what_is_missing_is_said() {
        assert!(url(|_| {}).unwrap_err().contains("DATABASE_URL"));
        assert!(url(|arguments| arguments.db_client = text("oracledb")).unwrap_err().contains("oracledb"));
        assert!(url(|arguments| arguments.db_client = text("sqlite3")).unwrap_err().contains("DB_FILENAME"));
        assert!(url(|arguments| arguments.db_client = text("mysql")).unwrap_err().contains("DB_DATABASE"));
    }

    #[test]
    fn a_description_holds_no_password() {
        assert_eq!(describe("postgres://u:secret@h/my%20shop?sslmode=require"), "PostgreSQL, my shop on h:5432");
        assert_eq!(describe("mysql://u:secret@h:3307/d"), "MySQL, d on h:3307");
        assert_eq!(describe("sqlite:///tmp/a.db?mode=ro"), "SQLite, /tmp/a.db");
        assert_eq!(describe("sqlite:a.db"), "SQLite, a.db");
    }
}
