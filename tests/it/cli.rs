//! The command line, as a user meets it.

use std::{fs, net::TcpListener, path::Path, process::Command};

use serde_json::{Value as Json, json};
use tempfile::tempdir;

use crate::support::{Gateway, Kind, TestDatabase, client, output, text, tidegate};

/// The one sentence that a command which must fail leaves on stderr.
fn complaint(command: Command) -> String {
    let output = output(command);
    let said = text(&output.stderr);
    assert!(!output.status.success(), "it must fail: {said}");
    assert_eq!(text(&output.stdout), "", "{said}");
    for noise in ["panicked", "stack backtrace", "RUST_BACKTRACE", "Error {", "s3cret"] {
        assert!(!said.contains(noise), "{said}");
    }
    said
}

/// A complaint of one line that holds some texts.
fn check_one_sentence(command: Command, texts: &[&str]) {
    let said = complaint(command);
    assert_eq!(said.lines().count(), 1, "{said}");
    for text in texts {
        assert!(said.contains(text), "no `{text}` in: {said}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Asks a gateway over HTTP, with a token if there is one.
async fn ask(gateway: &Gateway, token: &str, query: &str) -> Json {
    let request = client().post(format!("{}/graphql", gateway.base)).json(&json!({ "query": query }));
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    request.send().await.expect("it answers").json().await.expect("the answer is JSON")
}

#[tokio::test]
async fn the_demo_makes_its_database_and_its_line_works_when_pasted() {
    let folder = tempdir().expect("a folder can be made");
    let demo = Gateway::start(tidegate(folder.path(), &["demo"]));
    assert_eq!(names(folder.path()), ["tidegate-demo.db"]);
    let line = demo.greeting.lines().find(|line| line.starts_with("  curl ")).expect("it prints a line");
    let mut bash = Command::new("bash");
    bash.args(["-c", line]);
    let pasted = output(bash);
    let answer: Json = serde_json::from_slice(&pasted.stdout).unwrap_or_else(|error| panic!("{error}: {pasted:?}"));
    assert_eq!(answer["data"]["articles"].as_array().map(Vec::len), Some(3), "{answer}");
    assert!(answer["data"]["articles"][0]["author"]["name"].is_string(), "{answer}");

    let live =
        demo.greeting.lines().find_map(|line| line.strip_prefix("  live      ")).expect("it names the live page");
    assert_eq!(live, format!("{}/live", demo.base));
    // The page holds the token, and its example runs.
    let page = client().get(&demo.base).send().await.expect("it answers").text().await.expect("it is text");
    let token = demo.greeting.lines().find_map(|line| line.strip_prefix("  token     ")).expect("it prints a token");
    assert!(page.contains(token));
    let example = include_str!("../../schema/demo.graphql");
    let answer = ask(&demo, token, example).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    for root in answer["data"].as_object().expect("there is data").values() {
        assert!(!root.as_array().expect("it is a list").is_empty(), "{answer}");
    }
    // Without the token there is nothing.
    assert!(ask(&demo, "", "{ articles { id } }").await["data"].is_null());
    let ended = demo.stop("INT");
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
}

#[tokio::test]
async fn the_demo_run_twice_serves_the_same_database() {
    let folder = tempdir().expect("a folder can be made");
    drop(Gateway::start(tidegate(folder.path(), &["demo"])));
    let path = folder.path().join("tidegate-demo.db");
    let database = rusqlite::Connection::open(&path).expect("it is a database");
    database.execute("UPDATE authors SET name = 'Mine' WHERE id = 1", []).expect("it can be changed");
    drop(database);
    let mut command = tidegate(folder.path(), &["demo"]);
    command.env("ADMIN_TOKEN", "my-own");
    let again = Gateway::start(command);
    let answer = ask(&again, "my-own", "{ authors_by_id(id: 1) { name } }").await;
    assert_eq!(answer, json!({ "data": { "authors_by_id": { "name": "Mine" } } }));
}

#[test]
fn a_demo_that_cannot_be_made_leaves_nothing_behind() {
    let folder = tempdir().expect("a folder can be made");
    // Another's file of that name is left alone, whatever it holds.
    fs::write(folder.path().join("tidegate-demo.db"), "no database").expect("a file can be written");
    check_one_sentence(
        tidegate(folder.path(), &["demo", "--port", "0"]),
        &["tidegate-demo.db", "not a SQLite database"],
    );
    assert_eq!(names(folder.path()), ["tidegate-demo.db"]);
    assert_eq!(fs::read_to_string(folder.path().join("tidegate-demo.db")).expect("it can be read"), "no database");

    // With the port in use the next start, on another port, finds what it needs.
    let folder = tempdir().expect("a folder can be made");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it has an address").port().to_string();
    check_one_sentence(tidegate(folder.path(), &["demo", "--port", &port]), &[&port, "already in use", "--port"]);
    assert_eq!(names(folder.path()), ["tidegate-demo.db"]);
}

#[tokio::test]
async fn a_demo_killed_while_it_is_made_is_made_anew() {
    let folder = tempdir().expect("a folder can be made");
    let mut killed = tidegate(folder.path(), &["demo", "--port", "0"]).spawn().expect("it can be started");
    while names(folder.path()).is_empty() {
        assert!(killed.try_wait().expect("it can be asked").is_none(), "it ended before it made anything");
    }
    killed.kill().expect("it can be killed");
    killed.wait().expect("it ends");
    let mut command = tidegate(folder.path(), &["demo"]);
    command.env("ADMIN_TOKEN", "t");
    let demo = Gateway::start(command);
    let answer = ask(&demo, "t", "{ comments_aggregated { countAll } }").await;
    assert!(answer["data"]["comments_aggregated"][0]["countAll"].as_u64() > Some(1000), "{answer}");
}

#[tokio::test]
async fn each_database_is_served_by_its_url_and_by_directus_spellings() {
    for kind in Kind::ALL {
        let data = TestDatabase::music(kind).await;
        let folder = tempdir().expect("a folder can be made");
        let mut by_option = tidegate(folder.path(), &["serve", "--database-url", &data.url, "--public", "read"]);
        by_option.env("DATABASE_URL", "sqlite:/nowhere/at/all.db");
        let mut by_variable = tidegate(folder.path(), &["serve"]);
        by_variable.env("DATABASE_URL", &data.url).env("PUBLIC_ACCESS", "read");
        let mut by_parts = tidegate(folder.path(), &["serve", "--public=read"]);
        for (name, value) in directus(kind, &data.url) {
            by_parts.env(name, value);
        }
        for command in [by_option, by_variable, by_parts] {
            let gateway = Gateway::start(command);
            let answer = ask(&gateway, "", "{ artist_by_id(id: 5) { name } }").await;
            assert_eq!(answer, json!({ "data": { "artist_by_id": { "name": "東京ナイト" } } }), "{kind:?}");
            let ended = gateway.stop("TERM");
            assert_eq!(ended.status.code(), Some(0), "{kind:?}: {}", text(&ended.stderr));
        }
    }
}

/// A URL taken apart as Directus has it.
fn directus(kind: Kind, url: &str) -> Vec<(&'static str, String)> {
    let client = match kind {
        Kind::Sqlite => {
            let path = url.trim_start_matches("sqlite:").to_owned();
            return vec![("DB_CLIENT", "sqlite3".to_owned()), ("DB_FILENAME", path)];
        }
        Kind::Postgres => "pg",
        Kind::MySql => "mysql",
    };
    let url = url::Url::parse(url).expect("it is a URL");
    let mut parts = vec![
        ("DB_CLIENT", client.to_owned()),
        ("DB_HOST", url.host_str().expect("it has a host").to_owned()),
        ("DB_DATABASE", url.path().trim_start_matches('/').to_owned()),
        ("DB_USER", url.username().to_owned()),
        ("DB_PASSWORD", url.password().unwrap_or_default().to_owned()),
    ];
    parts.extend(url.port().map(|port| ("DB_PORT", port.to_string())));
    parts
}

#[tokio::test]
async fn dot_env_is_read_and_the_environment_wins() {
    let data = TestDatabase::music(Kind::Sqlite).await;
    let folder = tempdir().expect("a folder can be made");
    let lines = format!("DATABASE_URL={}\nADMIN_TOKEN=\"from the file\"\n# a comment\n", data.url);
    fs::write(folder.path().join(".env"), lines).expect("a file can be written");
    let gateway = Gateway::start(tidegate(folder.path(), &["serve"]));
    assert!(ask(&gateway, "from the file", "{ artist(limit: 1) { id } }").await["data"].is_object());
    drop(gateway);
    let mut command = tidegate(folder.path(), &["serve"]);
    command.env("ADMIN_TOKEN", "from-outside");
    let gateway = Gateway::start(command);
    assert!(ask(&gateway, "from-outside", "{ artist(limit: 1) { id } }").await["data"].is_object());

    fs::write(folder.path().join(".env"), "A=1\nADMIN_TOKEN=s3cret with words\n").expect("a file can be written");
    check_one_sentence(tidegate(folder.path(), &["serve"]), &[".env", "line 2"]);
}

#[tokio::test]
async fn what_cannot_be_served_is_said_in_one_sentence() {
    let folder = tempdir().expect("a folder can be made");
    let serve = |url: &str| tidegate(folder.path(), &["serve", "--port", "0", "--database-url", url]);
    check_one_sentence(tidegate(folder.path(), &["serve"]), &["no database is given", "DATABASE_URL"]);
    check_one_sentence(serve("sqlite:absent.db"), &["absent.db", "no such file"]);
    check_one_sentence(serve("oracle://u:s3cret@h/d"), &["oracle"]);
    assert_eq!(names(folder.path()), [""; 0]);
    // Nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it has an address");
    for scheme in ["postgres", "mysql"] {
        check_one_sentence(serve(&format!("{scheme}://u:s3cret@{closed}/d")), &["cannot be reached"]);
    }
    for kind in [Kind::Postgres, Kind::MySql] {
        let data = TestDatabase::music(kind).await;
        let mut absent = url::Url::parse(&data.url).expect("it is a URL");
        absent.set_path("tidegate_absent");
        check_one_sentence(serve(absent.as_str()), &["refuses the connection", "tidegate_absent"]);
    }
    let data = TestDatabase::music(Kind::MySql).await;
    let mut wrong = url::Url::parse(&data.url).expect("it is a URL");
    wrong.set_password(Some("s3cret")).expect("it can have a password");
    check_one_sentence(serve(wrong.as_str()), &["refuses the connection"]);
    // The server may trust everyone whom it knows.
    let data = TestDatabase::music(Kind::Postgres).await;
    let mut wrong = url::Url::parse(&data.url).expect("it is a URL");
    wrong.set_username("tidegate_nobody").expect("it can have a user");
    wrong.set_password(Some("s3cret")).expect("it can have a password");
    check_one_sentence(serve(wrong.as_str()), &["refuses the connection", "tidegate_nobody"]);
}

#[test]
fn a_bad_option_is_explained() {
    let folder = tempdir().expect("a folder can be made");
    for (arguments, texts) in [
        (&["serve", "--prot", "1"][..], &["--prot", "--port"][..]),
        (&["serve", "--port", "abc"], &["abc", "--port"]),
        (&["serve", "--public", "write"], &["write", "none", "read"]),
        (&["swim"], &["swim"]),
        (&["schema", "--format", "xml"], &["xml", "sdl", "json"]),
        (&["serve", "--operation-timeout", "soon"], &["soon", "--operation-timeout"]),
    ] {
        let said = complaint(tidegate(folder.path(), arguments));
        for text in texts {
            assert!(said.contains(text), "{arguments:?}: {said}");
        }
    }
}

const RULES: &str = r#"
[roles]
reader = {}
editor = { parent = "reader" }

[[users]]
id = "ann"
role = "editor"
token = "ann-0123456789abcdef"

[[users]]
id = "bot"
role = "reader"
token_env = "BOT_TOKEN"

[policies.reading]
roles = ["reader"]
[[policies.reading.permissions]]
collection = "note"
actions = ["read"]
fields = ["id", "title"]

[policies.own]
roles = ["editor"]
[[policies.own.permissions]]
collection = "note"
actions = ["read", "update"]
rows = { owner = { _eq = "$CURRENT_USER" } }
"#;

#[tokio::test]
async fn a_file_of_rules_says_who_may_do_what_and_is_read_anew_when_it_changes() {
    let folder = tempdir().expect("a folder can be made");
    let database = rusqlite::Connection::open(folder.path().join("notes.db")).expect("it can be made");
    let script = "CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT, body TEXT, owner TEXT);
        INSERT INTO note VALUES (1, 'one', 'secret', 'ann'), (2, 'two', 'hidden', 'bob');";
    database.execute_batch(script).expect("it can be filled");
    let path = folder.path().join("rules.toml");
    fs::write(&path, RULES).expect("it can be written");
    let serve = ["serve", "--database-url", "sqlite:notes.db", "--rules", "rules.toml"];
    // A token that is not there is told before anything is served.
    check_one_sentence(tidegate(folder.path(), &serve), &["rules.toml", "user `bot`", "BOT_TOKEN"]);
    let mut command = tidegate(folder.path(), &serve);
    command.env("BOT_TOKEN", "bot-0123456789abcdef").env("ADMIN_TOKEN", "admin");
    let gateway = Gateway::start(command);

    let all = "{ note { id title body } }";
    let own = json!({ "id": "1", "title": "one", "body": "secret" });
    let other = json!({ "id": "2", "title": "two", "body": null });
    assert_eq!(ask(&gateway, "ann-0123456789abcdef", all).await["data"]["note"], json!([own, other]));
    let titles = ask(&gateway, "bot-0123456789abcdef", "{ note { title } }").await;
    assert_eq!(titles["data"]["note"], json!([{ "title": "one" }, { "title": "two" }]));
    assert!(ask(&gateway, "bot-0123456789abcdef", all).await["data"].is_null());
    assert!(ask(&gateway, "", "{ note { id } }").await["data"].is_null());
    assert_eq!(ask(&gateway, "nobodys", all).await["errors"][0]["extensions"]["code"], "INVALID_CREDENTIALS");
    let update = |id: u8| format!("mutation {{ update_note_item(id: {id}, data: {{ title: \"new\" }}) {{ title }} }}");
    assert_eq!(ask(&gateway, "ann-0123456789abcdef", &update(1)).await["data"]["update_note_item"]["title"], "new");
    let refused = ask(&gateway, "ann-0123456789abcdef", &update(2)).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");

    // Other rules: what is followed ends, and nothing of before is allowed any more.
    let client = client();
    let feed = client.get(format!("{}/stream?collections=note&fields=title", gateway.base));
    let mut feed = feed.bearer_auth("ann-0123456789abcdef").send().await.expect("it answers");
    let mut told = String::new();
    assert_eq!(feed.status(), 200);
    let broken = format!("{RULES}\n[policies.more]\nroles = [\"nobody\"]\n");
    fs::write(&path, broken).expect("it can be written");
    let others = RULES.replace("roles = [\"editor\"]", "roles = []");
    fs::write(&path, others).expect("it can be written");
    while !told.contains("rules_changed") {
        let chunk = feed.chunk().await.expect("the stream is whole").expect("it says why it ends");
        told.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(ask(&gateway, "ann-0123456789abcdef", all).await["data"].is_null());
    assert_eq!(
        ask(&gateway, "ann-0123456789abcdef", "{ note { id } }").await["data"]["note"].as_array().map(Vec::len),
        Some(2)
    );
    let ended = gateway.stop("TERM");
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
}

#[test]
fn rules_that_do_not_fit_the_database_are_refused() {
    let folder = tempdir().expect("a folder can be made");
    let database = rusqlite::Connection::open(folder.path().join("notes.db")).expect("it can be made");
    database.execute_batch("CREATE TABLE note (id INTEGER PRIMARY KEY)").expect("it can be filled");
    let serve = ["serve", "--database-url", "sqlite:notes.db", "--port", "0", "--rules", "rules.toml"];
    check_one_sentence(tidegate(folder.path(), &serve), &["rules.toml", "cannot be read"]);
    for (permission, complaint) in [
        ("collection = \"nothing\"", "there is no collection `nothing`"),
        ("collection = \"note\"\nfields = [\"x\"]", "there is no field `x` in `note`"),
        ("collection = \"note\"\nrows = { x = { _eq = 1 } }", "no field `x`"),
        ("collection = \"note\"\npresets = { y = 1 }", "there is no field `y` in `note`"),
    ] {
        let rules =
            format!("[policies.p]\npublic = true\n[[policies.p.permissions]]\nactions = [\"read\"]\n{permission}\n");
        fs::write(folder.path().join("rules.toml"), rules).expect("it can be written");
        check_one_sentence(tidegate(folder.path(), &serve), &["does not fit the database", complaint]);
    }
    let both = [&serve[..], &["--public", "read"]].concat();
    let said = complaint(tidegate(folder.path(), &both));
    assert!(said.contains("--public") && said.contains("--rules"), "{said}");
}
