//! What must hold of the code itself: the order of the rooms, what the pure
//! ones do without, who may touch the outside world, and the table of codes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tidegate::error_code::ErrorCode;

/// A source file of a room, without its comments and tests.
struct Source {
    path: String,
    room: String,
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rooms in the order of `src/lib.rs`, each with the number of its floor;
/// those of one paragraph share a floor.
fn rooms() -> Vec<(String, usize)> {
    let mut floor = 0;
    let mut rooms = Vec::new();
    for line in read(&root().join("src/lib.rs")).lines() {
        match line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            Some(room) => rooms.push((room.to_owned(), floor)),
            None => floor += 1,
        }
    }
    assert!(rooms.len() > 10, "{rooms:?}");
    rooms
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the sources can be listed") {
            let path = entry.expect("the sources can be listed").path();
            if path.is_dir() {
                folders.extend((!path.ends_with("tests")).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let name = path.strip_prefix(root().join("src")).expect("it is below src").to_owned();
                let first = name.iter().next().expect("a path has a first part").to_string_lossy();
                let room = first.trim_end_matches(".rs").to_owned();
                sources.push(Source { path: name.display().to_string(), room, code: code_of(&read(&path)) });
            }
        }
    }
    sources
}

/// Comments, and modules of tests at the end, are not looked at.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// The rooms that a text names by `crate::room` or `crate::{room::…, room}`.
fn named_rooms(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(tree) => rooms.extend(first_segments(tree)),
            None => rooms.push(word(rest)),
        }
    }
    rooms
}

/// The first segments of the members of a `use` tree, up to its closing brace.
fn first_segments(tree: &str) -> Vec<String> {
    let mut segments = Vec::new();
    let (mut depth, mut begins) = (0, true);
    for (at, character) in tree.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if character.is_whitespace() => {}
            _ if begins => {
                begins = false;
                segments.push(word(&tree[at..]));
            }
            _ => {}
        }
    }
    segments
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

#[test]
fn use_trees_are_understood() {
    let code = "use crate::{\n  value::{Key, json::{a, b}},\n  tasks, db,\n};\nfn f() { crate::clock::now(); }";
    assert_eq!(named_rooms(code), ["value", "tasks", "db", "clock"]);
}

#[test]
fn a_room_names_only_rooms_above_it_in_the_list() {
    let rooms = rooms();
    let floor = |room: &str| rooms.iter().find(|(name, _)| name == room).map(|(_, floor)| *floor);
    let mut wrong = Vec::new();
    for source in sources() {
        if matches!(source.room.as_str(), "lib" | "main") {
            continue;
        }
        let own = floor(&source.room).unwrap_or_else(|| panic!("{} is in no room of src/lib.rs", source.path));
        for named in named_rooms(&source.code) {
            let there = floor(&named).unwrap_or_else(|| panic!("{}: crate::{named} is no room", source.path));
            if named != source.room && there >= own {
                wrong.push(format!("{} names `{named}`", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The texts of `forbidden` that the rooms' code holds.
fn found(rooms: &[&str], forbidden: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| rooms.contains(&source.room.as_str())) {
        for text in forbidden.iter().filter(|text| source.code.contains(*text)) {
            found.push(format!("{} holds `{text}`", source.path));
        }
    }
    found
}

#[test]
fn the_rooms_from_catalog_to_sql_are_pure() {
    let forbidden = [
        "async fn",
        "async move",
        ".await",
        "tokio",
        "sqlx",
        "rusqlite",
        "axum",
        "hyper",
        "tracing",
        "Instant",
        "SystemTime",
        "std::env",
        "std::fs",
        "std::net",
        "Mutex",
        "OnceLock",
    ];
    let found = found(&["value", "catalog", "predicate", "permissions", "plan", "sql"], &forbidden);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_library_of_the_outside_world_has_one_room() {
    let all: Vec<String> = rooms().into_iter().map(|(room, _)| room).collect();
    for (libraries, allowed) in [
        (&["sqlx"][..], &["db"][..]),
        // The demo is made before there is a gateway.
        (&["rusqlite"], &["db", "app"]),
        // Options are read into axum's types of headers and methods.
        (&["axum"], &["server", "config"]),
        (&["async_graphql"], &["graphql"]),
        (&["lettre"], &["mail"]),
        // The style of the log is an option as it stands.
        (&["clap"], &["config", "telemetry"]),
        (&["dotenvy", "std::env"], &["config"]),
        (&["SystemTime", "Instant::now"], &["clock"]),
        (&["tokio::spawn", "thread::Builder", "spawn_blocking"], &["tasks"]),
    ] {
        let others: Vec<&str> = all.iter().map(String::as_str).filter(|room| !allowed.contains(room)).collect();
        let found = found(&others, libraries);
        assert!(found.is_empty(), "only {allowed:?} may: {found:#?}");
    }
}

#[test]
fn only_sql_the_store_and_the_drivers_write_sql() {
    let forbidden = ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE ", " FROM \"", " WHERE \"", "ORDER BY"];
    let rooms = rooms();
    let others: Vec<&str> =
        rooms.iter().map(|(room, _)| room.as_str()).filter(|room| !["sql", "db", "store"].contains(room)).collect();
    let found = found(&others, &forbidden);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_table_of_codes_is_that_of_the_code() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let mut lines = text.lines().skip_while(|line| !line.replace(' ', "").starts_with("|code|status|"));
    assert!(lines.next().is_some(), "ARCHITECTURE.md has no table `| code | status |`");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let written: Vec<(String, String)> = rows
        .map(|row| {
            let mut cells = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
        })
        .collect();
    let codes = ErrorCode::ALL.map(|code| (code.as_str().to_owned(), code.http_status().to_string()));
    assert_eq!(written, codes);
}
