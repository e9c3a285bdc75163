//! Names of the PHP era, and what they are called now (contract
//! `extensions.md` 27).

/// What a handler does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Looks at it before it happens.
    Filter,
    /// Reacts when it has happened.
    Action,
    /// Runs at a point of the start.
    Init,
}

use Kind::{Action, Filter, Init};

/// System collections, by the names under which they have events.
pub(super) const SYSTEM: &[&str] = &[
    "access",
    "activity",
    "collections",
    "comments",
    "dashboards",
    "extensions",
    "fields",
    "files",
    "flows",
    "folders",
    "notifications",
    "operations",
    "panels",
    "permissions",
    "policies",
    "presets",
    "relations",
    "revisions",
    "roles",
    "settings",
    "shares",
    "translations",
    "users",
    "versions",
];

/// Names that stand for one event whatever the table.
const FIXED: &[(Kind, &str, Kind, &str)] = &[
    (Action, "application.boot", Init, "app.before"),
    (Action, "application.init", Init, "routes.before"),
    (Action, "application.shutdown", Action, "server.stop"),
    (Action, "application.error", Filter, "request.error"),
    (Action, "directus.authenticated", Action, "auth.login"),
    (Action, "directus.authenticated.token", Filter, "authenticate"),
    (Action, "directus.authenticated.admin", Action, "auth.login"),
    (Action, "directus.start", Init, "routes.before"),
    (Action, "table.create:before", Filter, "collections.create"),
    (Action, "table.create", Action, "collections.create"),
    (Action, "table.drop:before", Filter, "collections.delete"),
    (Action, "table.drop", Action, "collections.delete"),
    (Action, "files.saving", Filter, "files.upload"),
    (Action, "files.saving:after", Action, "files.upload"),
    (Action, "files.thumbnail.saving", Action, "assets.transform.before"),
    (Action, "files.thumbnail.saving:after", Action, "assets.transform"),
    (Action, "files.deleting", Filter, "files.delete"),
    (Action, "files.deleting:after", Action, "files.delete"),
    (Action, "files.thumbnail.deleting", Action, "assets.delete.before"),
    (Action, "files.thumbnail.deleting:after", Action, "assets.delete"),
    (Action, "directus.index.start", Action, "page.index"),
    (Action, "directus.login.start", Action, "page.login"),
];

/// The methods that responses were filtered by.
const METHODS: &[&str] = &["GET", "POST", "DELETE", "PATCH", "PUT", "OPTIONS"];

/// What a name of the PHP era stands for, each with what becomes of a handler
/// that was registered as `kind`; `None` for a name that is none of them.
pub fn resolve(kind: Kind, name: &str) -> Option<Vec<(Kind, String)>> {
    let plain = name.strip_suffix(":after").unwrap_or(name);
    let fixed = FIXED.iter().find(|(known, legacy, ..)| *known == kind && (*legacy == name || *legacy == plain));
    if let Some((_, _, kind, modern)) = fixed {
        return Some(vec![(*kind, (*modern).to_owned())]);
    }
    if kind == Filter && (name == "response" || name.starts_with("response.")) {
        return response(name);
    }
    if kind == Filter {
        if name == "table.select" {
            return Some(everywhere(Filter, "read"));
        }
        if let Some(table) = name.strip_prefix("table.").and_then(|rest| rest.strip_suffix(".select")) {
            return Some(vec![(Filter, of_table(table, "read"))]);
        }
    }
    let (stage, before) = match name.strip_suffix(":before") {
        Some(stage) => (stage, true),
        None => (plain, false),
    };
    // A filter after the fact has nothing to filter.
    let becomes = match (kind, before) {
        (Filter | Action, true) => Filter,
        (Action, false) => Action,
        _ => return None,
    };
    for (legacy, verb) in [("table.insert", "create"), ("table.update", "update"), ("table.delete", "delete")] {
        if stage == legacy {
            return Some(everywhere(becomes, verb));
        }
        if let Some(table) = stage.strip_prefix(legacy).and_then(|rest| rest.strip_prefix('.')) {
            return Some(vec![(becomes, of_table(table, verb))]);
        }
    }
    None
}

/// The response filters kept their names, but for the order of their parts:
/// `response`, `response.<METHOD>`, `response.<table>`, `response.<table>.<METHOD>`.
fn response(name: &str) -> Option<Vec<(Kind, String)>> {
    let parts: Vec<&str> = name.split('.').skip(1).collect();
    match parts.as_slice() {
        [] | [_] => Some(vec![(Filter, name.to_owned())]),
        [_, method] if METHODS.contains(method) => Some(vec![(Filter, name.to_owned())]),
        _ => None,
    }
}

/// Items of all collections, and each system collection by its own name.
fn everywhere(kind: Kind, verb: &str) -> Vec<(Kind, String)> {
    let system = SYSTEM.iter().map(|name| (kind, format!("{name}.{verb}")));
    std::iter::once((kind, format!("items.{verb}"))).chain(system).collect()
}

fn of_table(table: &str, verb: &str) -> String {
    match table.strip_prefix("directus_") {
        Some(system) => format!("{system}.{verb}"),
        None => format!("{table}.items.{verb}"),
    }
}
