//! Clients who mean harm: texts that break out, documents and bodies that blow
//! up, credentials that are forged. Each is refused with its code or taken for
//! what it says, changes nothing that it may not, and holds up nobody else.

mod bodies;
mod bombs;
mod credentials;
mod entrances;
mod names;
mod neighbours;
mod pages;
mod values;

use serde_json::Value as Json;
use tidegate::error_code::ErrorCode;

use crate::support::{Everywhere, Kind, Reply};

/// Texts that mean something to databases, to GraphQL, to HTTP, to terminals or
/// to people, and must mean nothing here.
const TEXTS: &[&str] = &[
    // Quotes, and what comes behind them.
    "'",
    "''",
    "\"",
    "\"\"\"",
    "`",
    "]",
    "\\",
    "\\'",
    "\\\\'",
    "' OR '1'='1",
    "' OR 1=1 -- ",
    "\" OR \"\"=\"",
    "`; DROP TABLE victim; -- ",
    "'; DROP TABLE victim; -- ",
    "\\'; DELETE FROM victim; #",
    "'); DELETE FROM victim; COMMIT; -- ",
    "') UNION SELECT name FROM bystander -- ",
    "1; UPDATE bystander SET name = 'x'",
    "' || (SELECT name FROM bystander) || '",
    "'+SLEEP(10)+'",
    "'; SELECT pg_sleep(10); --",
    "x' AND randomblob(1000000000) AND '",
    // Comments.
    "--",
    "#",
    "/*",
    "*/ OR 1=1 /*",
    "/*!50000 DROP TABLE victim */",
    // Places for values.
    "$1",
    "$$",
    "$x$ OR 1=1 $x$",
    "?",
    "??",
    "?1",
    ":name",
    "@p1",
    "%s",
    "%(name)s",
    // Patterns.
    "%",
    "_",
    "%_%",
    "\\%",
    "[a-z]*",
    "^(a+)+$",
    "*",
    // Paths into JSON, and JSON.
    "$",
    "$.name",
    "$**.name",
    "..",
    "a.b",
    "a[0]",
    "a[*]",
    "\"]",
    "'->>'name",
    "{\"a\": 1}",
    "[]",
    // Templates, pages, paths, links.
    "{{}}",
    "{{name}}",
    "${name}",
    "#{name}",
    "<script>alert(1)</script>",
    "&lt;",
    "%27%20OR%201=1",
    "../../etc/passwd",
    "javascript:alert(1)",
    // Other values.
    "NULL",
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "NaN",
    "0x27",
    "__typename",
    "__proto__",
    // What is not seen, or turns things round.
    " ",
    "\t",
    "a\r\nSet-Cookie: a=b\r\n\r\n",
    "\u{1}\u{1b}[2J",
    "\u{7f}",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}txt.exe",
    "\u{2028}",
    "\u{feff}",
    "\u{fffd}",
    "e\u{301}",
    "ıİſK",
    "ʼ",
    "＇ OR 1=1",
    "🎷",
    "\u{10ffff}",
];

/// Something to harm: texts, values of each type, a key that is a text, and a
/// table that nothing here is about.
fn script(kind: Kind) -> String {
    let key = kind.made_up_key();
    let (json, text_key) = match kind {
        Kind::Sqlite => ("JSON", "VARCHAR(180)"),
        Kind::Postgres => ("JSONB", "VARCHAR(180)"),
        Kind::MySql => ("JSON", "VARCHAR(180) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"),
    };
    let uuid = if kind == Kind::MySql { "CHAR(36)" } else { "UUID" };
    format!(
        "CREATE TABLE victim (id {key}, body TEXT, doc {json}, number INT, big BIGINT, price DECIMAL(10, 2), ratio DOUBLE PRECISION,
             flag BOOLEAN, day DATE, ident {uuid});
         CREATE TABLE named (name {text_key} PRIMARY KEY NOT NULL, number INT, victim INT,
             FOREIGN KEY (victim) REFERENCES victim (id));
         CREATE TABLE bystander (id INT PRIMARY KEY NOT NULL, name VARCHAR(20));
         INSERT INTO bystander VALUES (1, 'untouched');
         INSERT INTO named VALUES ('bystander', 1, NULL);"
    )
}

async fn victims() -> Everywhere {
    Everywhere::own(script).await
}

/// A text as a literal of GraphQL.
fn literal(text: &str) -> String {
    Json::from(text).to_string()
}

/// A long text of the end of which everything depends.
fn long(length: usize) -> String {
    format!("{}' OR '1'='1", "x".repeat(length))
}

/// An answer is JSON with data or errors, each error with a message and a code
/// of the table, and none of them ours.
fn check_form(reply: &Reply, about: &str) {
    let told = || format!("{about}: {} {:#}", reply.status, reply.body);
    let body = reply.body.as_object().unwrap_or_else(|| panic!("{}", told()));
    assert!(body.contains_key("data") || body.contains_key("errors"), "{}", told());
    let Some(errors) = body.get("errors") else { return };
    let errors = errors.as_array().unwrap_or_else(|| panic!("{}", told()));
    assert!(!errors.is_empty() && errors.iter().all(|error| error["message"].is_string()), "{}", told());
    let known = |code: &str| ErrorCode::ALL.iter().any(|known| known.as_str() == code);
    assert_eq!(reply.codes().len(), errors.len(), "{}", told());
    assert!(reply.codes().iter().all(|code| known(code) && *code != "INTERNAL_SERVER_ERROR"), "{}", told());
    // Nothing of the inside.
    let text = reply.body.to_string();
    for inside in ["sqlx", "rusqlite", "SELECT \\\"", "syntax error at or near", "SQL syntax", "src/"] {
        assert!(!text.contains(inside), "{}", told());
    }
}

/// An answer of that form that refuses.
fn check_refused(reply: &Reply, about: &str) {
    check_form(reply, about);
    assert!(!reply.codes().is_empty(), "{about}: {:#}", reply.body);
}
