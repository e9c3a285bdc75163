//! `explain`: how an operation is answered, for whom.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Read as _, Write as _},
};

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Map, Value as Json};

use super::counted;
use crate::{
    auth,
    clock::Clock,
    config::{self, Explanation},
    gateway::Core,
    graphql::{Explain, Request},
    hooks::Hooks,
    principal::Principal,
};

/// Runs a query, or plans what is none, and prints how.
pub(super) async fn run(options: config::Gateway, explanation: Explanation) -> anyhow::Result<()> {
    let auth = auth::Options::default();
    let core = Core::assemble(&options, &auth, Hooks::none(), None, &Clock::default()).await?;
    let answered = answer(&core, &options, &explanation).await;
    core.engine.database().close().await;
    let answer = answered?;
    let text = match explanation.json {
        true => serde_json::to_string_pretty(&answer).context("the answer cannot be written")? + "\n",
        false => in_words(&answer),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")?;
    if answer.get("data").is_none() {
        bail!("the operation cannot be planned");
    }
    Ok(())
}

async fn answer(core: &Core, options: &config::Gateway, explanation: &Explanation) -> anyhow::Result<Json> {
    let (auth, clock) = (auth::Options::default(), &Clock::default());
    let variables: Map<String, Json> = match &explanation.variables {
        Some(text) => serde_json::from_str(text).context("--variables is no JSON object")?,
        None => Map::new(),
    };
    let query = match explanation.query.as_str() {
        "-" => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
            Cow::Owned(text)
        }
        text => Cow::Borrowed(text),
    };
    let principal = match &explanation.whose {
        None => Principal::admin(),
        Some(whose) => {
            let found = core.authenticator(auth.clone(), clock).stand_in(whose).await;
            found
                .map_err(|error| anyhow!("{error}"))?
                .ok_or_else(|| anyhow!("there is no such active user, or no such role"))?
        }
    };
    let operation_name = explanation.operation.as_deref().map(Cow::Borrowed);
    let request = Request { query, variables, operation_name };
    let service = match explanation.system {
        false => core.service.clone(),
        true => core.system(auth, options, clock).ok_or_else(|| anyhow!("this database has no system tables"))?,
    };
    let response = service.explain(&principal, request, Explain::default()).await;
    serde_json::from_slice(&response.body).context("the answer is not JSON")
}

/// The same for people.
fn in_words(answer: &Json) -> String {
    let mut text = String::new();
    write(&mut text, answer).expect("writing to memory does not fail");
    text
}

fn write(out: &mut String, answer: &Json) -> std::fmt::Result {
    let list = |json: &Json| json.as_array().cloned().unwrap_or_default();
    for error in list(&answer["errors"]) {
        let (message, code) = (&error["message"], &error["extensions"]["code"]);
        writeln!(out, "error {}: {}", word(code), word(message))?;
    }
    let explained = &answer["extensions"]["explain"];
    if explained.is_null() {
        return Ok(());
    }
    let who = &explained["as"];
    match (&who["admin"], &who["user"], &who["role"]) {
        (Json::Bool(true), Json::Null, Json::Null) => writeln!(out, "as an administrator")?,
        (_, Json::Null, Json::Null) => writeln!(out, "as the public")?,
        (_, Json::Null, role) => writeln!(out, "as role {}", word(role))?,
        (_, user, _) => writeln!(out, "as user {}", word(user))?,
    }
    let policies: Vec<String> = list(&who["policies"]).iter().map(word).collect();
    match policies.is_empty() {
        true if who["admin"] == true => {}
        true => writeln!(out, "by no policy")?,
        false => writeln!(out, "by policies {}", policies.join(", "))?,
    }
    for part in list(&explained["plan"]) {
        writeln!(out, "\n{}  {} {}", word(&part["path"]), word(&part["kind"]), word(&part["collection"]))?;
        write_rights(out, &part["rights"])?;
        if let Some(statement) = part["statement"].as_str() {
            write_statement(out, statement)?;
        }
        for run in list(&part["runs"]) {
            write_run(out, &run)?;
        }
    }
    for other in list(&explained["statements"]) {
        writeln!(out)?;
        write_statement(out, other["statement"].as_str().unwrap_or_default())?;
        write_run(out, &other)?;
    }
    for change in list(&explained["changes"]) {
        let (event, key, why) = (word(&change["event"]), &change["key"], word(&change["why"]));
        let told = match &change["told"] {
            Json::Bool(true) => "told",
            Json::Bool(false) => "not told",
            _ => "unknown",
        };
        writeln!(out, "\n{} {event} of {key}: {told}, {why}", word(&change["at"]))?;
    }
    match &explained["ms"] {
        Json::Null => Ok(()),
        ms => writeln!(out, "\nplan {} ms, run {} ms", ms["plan"], ms["run"]),
    }
}

fn write_rights(out: &mut String, rights: &Json) -> std::fmt::Result {
    match rights {
        Json::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("fields", Json::Object(fields)) => {
                        for (field, rows) in fields {
                            writeln!(out, "  {field} only where {}", word(rows))?;
                        }
                    }
                    ("grants", Json::Array(grants)) => {
                        for grant in grants {
                            writeln!(out, "  may {} of {}", grant["fields"], word(&grant["rows"]))?;
                        }
                    }
                    (name, value) => writeln!(out, "  {name}: {}", word(value))?,
                }
            }
            Ok(())
        }
        other => writeln!(out, "  rights: {}", word(other)),
    }
}

fn write_statement(out: &mut String, statement: &str) -> std::fmt::Result {
    statement.lines().try_for_each(|line| writeln!(out, "  | {line}"))
}

fn write_run(out: &mut String, run: &Json) -> std::fmt::Result {
    let rows = run["rows"].as_u64().map_or("failed".to_owned(), |rows| counted(rows as usize, "row"));
    writeln!(out, "  {rows} in {} ms with {}", run["ms"], run["values"])
}

/// A text without its quotes; anything else as JSON.
fn word(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}
