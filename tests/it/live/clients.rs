//! Real clients: those of the JavaScript world, and the programs of
//! `client-examples`.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::{sync::mpsc, time::timeout};

use super::{desk, titled};
use crate::support::{Kind, TOKEN, TestApp, TestDatabase, followed, node};

const PATIENCE: Duration = Duration::from_secs(30);

async fn app() -> TestApp {
    TestApp::start(Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await)).await
}

/// A program that runs beside the test, and what it prints.
struct Program {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Program {
    fn start(app: &TestApp, path: &str, arguments: &[&str]) -> Self {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("client-examples").join(path);
        let base = format!("http://{}", app.address);
        let mut command = Command::new(program);
        command.args(arguments).envs([("TIDEGATE_TOKEN", TOKEN), ("TIDEGATE_URL", &base)]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be started");
        let output = child.stdout.take().expect("it has an output");
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        timeout(PATIENCE, self.lines.recv()).await.expect("it prints in time").expect("it goes on")
    }

    /// Waits until it has ended well.
    async fn ended(mut self) {
        let waiting = tokio::task::spawn_blocking(move || {
            let status = self.child.wait();
            drop(self);
            status
        });
        let status = timeout(PATIENCE, waiting).await.expect("it ends in time").expect("it does not panic");
        assert!(status.expect("it was started").success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn graphql_ws_graphql_sse_and_apollo_follow_changes() {
    let app = app().await;
    let result = node("live.mjs", &[&app.url("/graphql"), TOKEN]).await;
    assert_eq!(result["seen"].as_object().map(serde_json::Map::len), Some(3), "{result:#}");
}

#[tokio::test]
async fn a_shell_follows_with_curl() {
    let app = app().await;
    let mut program = Program::start(&app, "shell/follow", &["article,author", "create"]);
    followed(&app, 2).await;
    titled(&app, "new").await;
    let change: Json = serde_json::from_str(&program.line().await).expect("it prints JSON");
    assert_eq!((&change["collection"], &change["data"]["title"]), (&json!("article"), &json!("new")));
}

#[tokio::test]
async fn a_python_program_goes_on_where_its_file_ends() {
    let app = app().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("changes.csv");
    let base = format!("http://{}", app.address);
    let run = |count: &'static str| {
        let path = file.to_str().expect("it is UTF-8");
        Program::start(&app, "python/changes_to_csv.py", &[&base, "article", path, count])
    };
    let first = run("1");
    followed(&app, 1).await;
    titled(&app, "a").await;
    first.ended().await;
    followed(&app, 0).await;

    titled(&app, "b").await;
    app.data("mutation { delete_article_item(id: 3) { id } }").await;
    run("2").ended().await;
    let told: Vec<String> = rows(&file).into_iter().map(|row| format!("{} {}", row[1], row[2])).collect();
    assert_eq!(told, ["event key", "create 3", "create 4", "delete 3"]);
}

/// The cells of a CSV file whose cells before the data hold no commas.
fn rows(file: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(file).expect("it has been written");
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}
