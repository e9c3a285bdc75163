//! What app access comes to (contract `permissions.md` 11).

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{Action, Fields, Permission};

const TEXT: &str = include_str!("../../schema/app_access.toml");

#[derive(Deserialize)]
struct File {
    permissions: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    collections: Vec<String>,
    action: String,
    fields: Option<Vec<String>>,
    #[serde(default)]
    rows: Json,
    #[serde(default)]
    validation: Json,
}

/// The permissions of everybody who has app access.
pub(super) fn permissions() -> &'static [Permission] {
    static PERMISSIONS: LazyLock<Vec<Permission>> = LazyLock::new(read);
    &PERMISSIONS
}

fn read() -> Vec<Permission> {
    let file: File = toml::from_str(TEXT).expect("the file is part of the program, and read by a test");
    let each = |entry: Entry| {
        let action = Action::from_name(&entry.action).expect("as above");
        let Entry { collections, fields, rows, validation, .. } = entry;
        collections.into_iter().map(move |collection| Permission {
            collection,
            action,
            fields: fields.as_ref().map_or(Fields::All, |names| Fields::Only(names.iter().cloned().collect())),
            rows: rows.clone(),
            validation: validation.clone(),
            presets: Map::new(),
        })
    };
    file.permissions.into_iter().flat_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_can_be_read() {
        let users = permissions().iter().find(|known| known.collection == "directus_users").unwrap();
        assert_eq!(users.action, Action::Read);
        assert!(users.fields.contains("email") && !users.fields.contains("token") && users.rows.is_object());
        assert!(permissions().len() > 15);
    }
}
