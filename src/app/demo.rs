//! The demo: a small database, made when missing, and what to try on it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use uuid::Uuid;

use crate::config::{DEMO_FILE, Serve};

const SQL: &str = include_str!("../../schema/demo.sql");

/// What the page for people opens with, a tab each.
const EXAMPLES: [&str; 3] = [
    include_str!("../../schema/demo.graphql"),
    include_str!("../../schema/demo-write.graphql"),
    include_str!("../../schema/demo-live.graphql"),
];

/// What the start prints for trying it out.
pub(super) struct TryOut {
    token: String,
}

impl TryOut {
    /// The token and a line to paste.
    pub(super) fn write(&self, out: &mut impl io::Write, base: &str) -> io::Result<()> {
        let Self { token } = self;
        writeln!(out, "  token     {token}")?;
        writeln!(out)?;
        let authorization = quoted(&format!("Authorization: Bearer {token}"));
        writeln!(
            out,
            "  curl {base}/graphql -H {authorization} -H 'Content-Type: application/json' \
             -d '{{\"query\":\"{{ articles(limit: 3) {{ title author {{ name }} }} }}\"}}'"
        )
    }
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Adds what the demo has of its own: a token, and a page that holds it.
pub(super) fn prepare(mut options: Serve) -> (Serve, TryOut) {
    let token = options.auth.admin_token.get_or_insert_with(|| Uuid::new_v4().simple().to_string()).clone();
    options.server.page.token = Some(token.clone());
    options.server.page.demo = true;
    options.server.page.examples = EXAMPLES.map(str::to_owned).to_vec();
    (options, TryOut { token })
}

/// Makes the database unless it is there.
///
/// It is made under another name and renamed when complete, so that an
/// interrupted start leaves nothing half-made.
pub(super) fn create_if_missing() -> anyhow::Result<()> {
    let path = Path::new(DEMO_FILE);
    if path.try_exists().with_context(|| format!("cannot look for {DEMO_FILE}"))? {
        return Ok(());
    }
    create(path).with_context(|| format!("cannot create {DEMO_FILE} in the current folder"))
}

fn create(path: &Path) -> anyhow::Result<()> {
    let unfinished = Unfinished(PathBuf::from(format!("{}.{}.tmp", path.display(), std::process::id())));
    let connection = rusqlite::Connection::open(&unfinished.0)?;
    connection.execute_batch(SQL)?;
    connection.close().map_err(|(_, error)| error)?;
    fs::rename(&unfinished.0, path)?;
    Ok(())
}

/// A file that goes unless it was renamed.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.0.display(), "an unfinished file stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_ones_own_stays_one_word_of_the_shell() {
        let mut out = Vec::new();
        TryOut { token: "a'; b $c".to_owned() }.write(&mut out, "http://x").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r"-H 'Authorization: Bearer a'\''; b $c' -H"), "{text}");
    }

    #[test]
    fn the_database_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        create(&folder.path().join("demo.db")).unwrap();
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["demo.db"]);
        assert!(create(&folder.path().join("no/such/demo.db")).is_err());
    }
}
