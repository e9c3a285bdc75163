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
    (Action, "application.shutdown", Action, "response"),
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
    // Files have names of their own for before and after, so the whole name comes first.
    if let Some(modern) = fixed(kind, name).or_else(|| fixed(kind, plain)) {
        return Some(modern);
    }
    if kind == Filter && name.split('.').next() == Some("response") {
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

fn fixed(kind: Kind, name: &str) -> Option<Vec<(Kind, String)>> {
    let rows = FIXED.iter().filter(|(known, legacy, ..)| *known == kind && *legacy == name);
    let modern: Vec<_> = rows.map(|(_, _, becomes, modern)| (*becomes, (*modern).to_owned())).collect();
    (!modern.is_empty()).then_some(modern)
}

/// Responses as such kept their names, `response` and `response.<METHOD>`; what
/// those of a table showed are its items. There is one way to show them now, so
/// that only reading has a method of its own.
fn response(name: &str) -> Option<Vec<(Kind, String)>> {
    let parts: Vec<&str> = name.split('.').skip(1).collect();
    match parts.as_slice() {
        [] => Some(vec![(Filter, name.to_owned())]),
        [method] if METHODS.contains(method) => Some(vec![(Filter, name.to_owned())]),
        [table] | [table, "GET"] => Some(vec![(Filter, of_table(table, "read"))]),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: Kind, name: &str) -> Vec<(Kind, String)> {
        resolve(kind, name).unwrap_or_else(|| panic!("`{name}` is known"))
    }

    #[test]
    fn each_action_of_the_php_era_has_its_modern_name() {
        for (name, becomes, modern) in [
            ("application.boot", Init, "app.before"),
            ("application.init", Init, "routes.before"),
            ("application.error", Filter, "request.error"),
            ("directus.authenticated", Action, "auth.login"),
            ("directus.authenticated.token", Filter, "authenticate"),
            ("directus.authenticated.admin", Action, "auth.login"),
            ("directus.start", Init, "routes.before"),
            ("table.create:before", Filter, "collections.create"),
            ("table.create:after", Action, "collections.create"),
            ("table.create", Action, "collections.create"),
            ("table.drop:before", Filter, "collections.delete"),
            ("table.drop:after", Action, "collections.delete"),
            ("table.drop", Action, "collections.delete"),
            ("table.insert.news:before", Filter, "news.items.create"),
            ("table.insert.news:after", Action, "news.items.create"),
            ("table.insert.news", Action, "news.items.create"),
            ("table.update.news:before", Filter, "news.items.update"),
            ("table.update.news:after", Action, "news.items.update"),
            ("table.update.news", Action, "news.items.update"),
            ("table.delete.news:before", Filter, "news.items.delete"),
            ("table.delete.news:after", Action, "news.items.delete"),
            ("table.delete.news", Action, "news.items.delete"),
            ("files.saving", Filter, "files.upload"),
            ("files.saving:after", Action, "files.upload"),
            ("files.thumbnail.saving", Action, "assets.transform.before"),
            ("files.thumbnail.saving:after", Action, "assets.transform"),
            ("files.deleting", Filter, "files.delete"),
            ("files.deleting:after", Action, "files.delete"),
            ("files.thumbnail.deleting", Action, "assets.delete.before"),
            ("files.thumbnail.deleting:after", Action, "assets.delete"),
            ("directus.index.start", Action, "page.index"),
            ("directus.login.start", Action, "page.login"),
        ] {
            assert_eq!(names(Action, name), [(becomes, modern.to_owned())], "{name}");
        }
        // Once per request then; now of the process, too.
        let both = [(Action, "server.stop".to_owned()), (Action, "response".to_owned())];
        assert_eq!(names(Action, "application.shutdown"), both);
    }

    #[test]
    fn actions_of_any_table_hear_user_and_system_collections() {
        for (stage, verb) in [("insert", "create"), ("update", "update"), ("delete", "delete")] {
            for (suffix, becomes) in [(":before", Filter), (":after", Action), ("", Action)] {
                let found = names(Action, &format!("table.{stage}{suffix}"));
                assert!(found.iter().all(|(kind, _)| *kind == becomes), "{stage}{suffix}");
                let found: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
                assert_eq!(found[0], format!("items.{verb}"));
                assert!(found.contains(&&*format!("users.{verb}")), "{found:?}");
                assert!(!found.iter().any(|name| name.contains('*')), "no wildcard, which would hear twice: {found:?}");
            }
        }
    }

    #[test]
    fn each_filter_of_the_php_era_has_its_modern_name() {
        for (name, modern) in [
            ("response", "response"),
            ("response.GET", "response.GET"),
            ("response.OPTIONS", "response.OPTIONS"),
            ("response.news", "news.items.read"),
            ("response.news.GET", "news.items.read"),
            ("response.directus_users", "users.read"),
            ("table.insert.news:before", "news.items.create"),
            ("table.news.select", "news.items.read"),
        ] {
            assert_eq!(names(Filter, name), [(Filter, modern.to_owned())], "{name}");
        }
        assert_eq!(names(Filter, "table.insert:before")[0], (Filter, "items.create".to_owned()));
        assert_eq!(names(Filter, "table.select")[0], (Filter, "items.read".to_owned()));
        assert!(names(Filter, "table.select").contains(&(Filter, "files.read".to_owned())));
    }

    #[test]
    fn core_tables_had_a_prefix() {
        assert_eq!(names(Action, "table.insert.directus_users"), [(Action, "users.create".to_owned())]);
        assert_eq!(names(Filter, "table.directus_files.select"), [(Filter, "files.read".to_owned())]);
    }

    #[test]
    fn todays_names_are_no_names_of_then() {
        for name in ["items.create", "news.items.update", "server.start", "response", "**", "tables.insert"] {
            assert_eq!(resolve(Action, name), None, "{name}");
        }
        for name in ["items.read", "request.error", "table.insert", "table.insert:after", "response.news.PATCH"] {
            assert_eq!(resolve(Filter, name), None, "{name}");
        }
    }
}
