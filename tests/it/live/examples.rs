//! The programs of `client-examples`, run as their READMEs say: against a desk,
//! or against the demo, through a relay that breaks their connections.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tidegate::server::{CorsOptions, Options, Origins};
use tokio::{sync::mpsc, time::timeout};

use super::desk;
use crate::support::{Kind, Relay, Settings, TOKEN, TestApp, TestDatabase, example, followed, node, server_options};

const PATIENCE: Duration = Duration::from_secs(30);

async fn gateway(script: &str, settings: Settings) -> TestApp {
    TestApp::start_with(Arc::new(TestDatabase::create(Kind::Sqlite, script).await), settings).await
}

async fn news_desk() -> TestApp {
    gateway(&desk(Kind::Sqlite), Settings::default()).await
}

/// The demo's publishing house.
async fn house(settings: Settings) -> TestApp {
    gateway(include_str!("../../../schema/demo.sql"), settings).await
}

async fn titled(app: &TestApp, title: &str) {
    app.data(&format!("mutation {{ create_article_item(data: {{ title: \"{title}\" }}) {{ id }} }}")).await;
}

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A program of the examples that needs nothing to be built.
fn script(path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(in_project("client-examples").join(path));
    command.args(arguments);
    command
}

/// A copy of an example as it is after `npm install`.
fn installed(path: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for entry in fs::read_dir(in_project("client-examples").join(path)).expect("the example is there") {
        let file = entry.expect("it can be listed").path();
        if file.is_file() {
            let name = file.file_name().expect("files have names");
            fs::copy(&file, folder.path().join(name)).expect("it can be copied");
        }
    }
    let packages = in_project("tests/node/node_modules");
    std::os::unix::fs::symlink(packages, folder.path().join("node_modules")).expect("a link can be made");
    folder
}

/// A program that runs beside the test, and what it prints.
struct Program {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Program {
    fn start(mut command: Command, base: &str) -> Self {
        command.envs([("TIDEGATE_TOKEN", TOKEN), ("TIDEGATE_URL", base)]).stdin(Stdio::null());
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

    /// The next line, which is JSON.
    async fn json(&mut self) -> Json {
        let line = timeout(PATIENCE, self.lines.recv()).await.expect("it prints in time").expect("it goes on");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
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

/// A set of the demo's items that a program follows.
struct Followed {
    collection: &'static str,
    filter: &'static str,
    /// The field that the program shows.
    name: &'static str,
    /// What a new item needs.
    new: fn(&str) -> String,
    inside: &'static str,
    outside: &'static str,
}

const LONG_DRAFTS: Followed = Followed {
    collection: "articles",
    filter: r#"{ status: { _eq: "draft" }, word_count: { _gte: 2400 } }"#,
    name: "title",
    new: |name| format!(r#"title: "{name}", slug: "{name}", word_count: 3000, author: {{ id: 1 }}"#),
    inside: r#"status: "draft""#,
    outside: r#"status: "published""#,
};

const NORDIC_AUTHORS: Followed = Followed {
    collection: "authors",
    filter: r#"{ country: { _in: ["Denmark", "Finland", "Iceland", "Norway", "Sweden"] } }"#,
    name: "name",
    new: |name| format!(r#"name: "{name}", email: "{name}@example.org""#),
    inside: r#"country: "Norway""#,
    outside: r#"country: "Peru""#,
};

impl Followed {
    /// Makes an item of the set; its key.
    async fn create(&self, app: &TestApp, name: &str) -> String {
        let data = format!("{}, {}", (self.new)(name), self.inside);
        let field = format!("create_{}_item", self.collection);
        let made = app.data(&format!("mutation {{ {field}(data: {{ {data} }}) {{ id }} }}")).await;
        made[field]["id"].as_str().expect("keys are texts").to_owned()
    }

    async fn update(&self, app: &TestApp, key: &str, data: &str) {
        let field = format!("update_{}_item(id: \"{key}\", data: {{ {data} }})", self.collection);
        app.data(&format!("mutation {{ {field} {{ id }} }}")).await;
    }

    async fn delete(&self, app: &TestApp, key: &str) {
        app.data(&format!("mutation {{ delete_{}_item(id: \"{key}\") {{ id }} }}", self.collection)).await;
    }

    /// The names in the set, sorted.
    async fn names(&self, app: &TestApp) -> Vec<String> {
        let Self { collection, filter, name, .. } = self;
        let data = app.data(&format!("{{ {collection}(filter: {filter}, limit: -1) {{ {name} }} }}")).await;
        let items = data[collection].as_array().expect("it is a list");
        let mut names: Vec<String> =
            items.iter().map(|item| item[name].as_str().expect("names are texts").to_owned()).collect();
        names.sort();
        names
    }

    /// The program tells this event, and has the set as the database has it.
    async fn is_told(&self, app: &TestApp, program: &mut Program, event: &str) {
        let mut line = program.json().await;
        assert_eq!(line["event"], event, "{line}");
        let mut list: Vec<String> = serde_json::from_value(line["list"].take()).expect("it lists names");
        list.sort();
        assert_eq!(list, self.names(app).await, "{event}");
    }

    /// A program of this folder keeps its list of the set true, whatever happens.
    async fn is_kept_by(&self, folder: &str) {
        let app = house(Settings::default()).await;
        let relay = Relay::start(app.address).await;
        let folder = installed(folder);
        let mut command = Command::new("node");
        command.args(["follow.mjs", "6"]).current_dir(folder.path());
        let mut program = Program::start(command, &relay.base);
        self.is_told(&app, &mut program, "read").await;
        followed(&app, 1).await;

        let one = self.create(&app, "one").await;
        self.is_told(&app, &mut program, "create").await;
        self.update(&app, &one, self.outside).await;
        self.is_told(&app, &mut program, "leave").await;
        self.update(&app, &one, self.inside).await;
        self.is_told(&app, &mut program, "enter").await;

        relay.cut();
        followed(&app, 0).await;
        let two = self.create(&app, "two").await;
        self.delete(&app, &one).await;
        relay.mend();
        assert_eq!(program.json().await["event"], "create");
        self.is_told(&app, &mut program, "delete").await;

        app.events.log().break_off();
        self.is_told(&app, &mut program, "read").await;
        followed(&app, 1).await;
        self.delete(&app, &two).await;
        self.is_told(&app, &mut program, "delete").await;
        program.ended().await;
    }
}

#[tokio::test]
async fn apollo_keeps_a_cached_list_true() {
    LONG_DRAFTS.is_kept_by("apollo").await;
}

#[tokio::test]
async fn urql_keeps_a_mirror_true() {
    NORDIC_AUTHORS.is_kept_by("urql").await;
}

#[tokio::test]
async fn a_rust_program_tells_what_is_there_and_what_changes() {
    let app = house(Settings::default()).await;
    let relay = Relay::start(app.address).await;
    let mut command = Command::new(example("follow"));
    command.args(["articles", "id,title", r#"{"status":{"_eq":"draft"},"word_count":{"_gte":2400}}"#]);
    let mut program = Program::start(command, &relay.base);
    begins(&app, &mut program).await;
    followed(&app, 1).await;
    let one = LONG_DRAFTS.create(&app, "one").await;
    let change = program.json().await;
    assert_eq!((&change["event"], &change["key"]), (&json!("create"), &json!(one)));
    assert_eq!(change["data"], json!({ "id": one, "title": "one" }));

    relay.cut();
    followed(&app, 0).await;
    LONG_DRAFTS.update(&app, &one, "title: \"uno\"").await;
    LONG_DRAFTS.delete(&app, &one).await;
    relay.mend();
    assert_eq!(program.json().await["event"], "update");
    let change = program.json().await;
    assert_eq!((&change["event"], &change["data"]), (&json!("delete"), &Json::Null));

    app.events.log().break_off();
    begins(&app, &mut program).await;
}

/// The program begins, and tells all items there are.
async fn begins(app: &TestApp, program: &mut Program) {
    assert_eq!(program.json().await, json!({ "begin": "articles" }));
    let mut titles = Vec::new();
    loop {
        let item = program.json().await;
        assert_eq!(item["snapshot"], true, "{item}");
        if item["key"] == "" {
            break;
        }
        titles.push(item["data"]["title"].as_str().expect("titles are texts").to_owned());
    }
    titles.sort();
    assert_eq!(titles, LONG_DRAFTS.names(app).await);
}

#[tokio::test]
async fn a_page_of_another_origin_follows() {
    let settings = || {
        let cors = CorsOptions {
            origins: Origins::Mirror,
            methods: Vec::new(),
            allowed_headers: Vec::new(),
            exposed_headers: Vec::new(),
            credentials: true,
            max_age: Duration::ZERO,
        };
        let server = Options { cors: Some(cors), ..server_options() };
        Settings { server: Some(server), ..Settings::default() }
    };
    let (app, restarted) = (house(settings()).await, house(settings()).await);
    node("page.mjs", &[&app.url("/graphql"), TOKEN, "--restarted", &restarted.url("/graphql")]).await;
}

#[tokio::test]
async fn a_shell_follows_with_curl() {
    let app = news_desk().await;
    let mut program = Program::start(script("shell/follow", &["article,author", "create"]), &app.url(""));
    followed(&app, 2).await;
    titled(&app, "new").await;
    let change = program.json().await;
    assert_eq!((&change["collection"], &change["data"]["title"]), (&json!("article"), &json!("new")));
}

#[tokio::test]
async fn a_python_program_goes_on_where_its_file_ends() {
    let app = news_desk().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("changes.csv");
    let base = app.url("");
    let run = |count: &'static str| {
        let path = file.to_str().expect("it is UTF-8");
        Program::start(script("python/changes_to_csv.py", &[&base, "article", path, count]), &base)
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
    let text = fs::read_to_string(file).expect("it has been written");
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn examples_ask_for_the_packages_that_are_tested() {
    let packages = |folder: &str| -> Json {
        let path = in_project(folder).join("package.json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        serde_json::from_str::<Json>(&text).expect("it is JSON")["dependencies"].take()
    };
    let tested = packages("tests/node");
    for folder in ["client-examples/apollo", "client-examples/browser", "client-examples/urql"] {
        for (package, version) in packages(folder).as_object().expect("it needs some") {
            assert_eq!(tested[package], *version, "{folder}: {package}");
        }
    }
}
