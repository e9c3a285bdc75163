//! What a database's own tables say of its collections, fields and relations
//! beyond what the database itself knows (contract `system-tables.md` 5 to 7).
//! Rows are read leniently: versions differ, and so do databases.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The system tables' own metadata, which is stored nowhere.
const SYSTEM: &str = include_str!("../../schema/system.toml");

/// What system tables' names begin with.
pub const SYSTEM_PREFIX: &str = "directus_";

/// System tables that are never served as collections: what they hold is told in
/// other ways, or to nobody (contract `graphql.md` 3.1).
const INTERNAL: [&str; 6] = [
    "directus_collections",
    "directus_fields",
    "directus_relations",
    "directus_migrations",
    "directus_sessions",
    "directus_extensions",
];

/// A row of a table, as JSON.
pub type Row = Map<String, Json>;

/// Where a collection is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// At `/graphql`.
    #[default]
    Items,
    /// At `/graphql/system`; elsewhere only where relations lead to it.
    System,
    /// Nowhere.
    Internal,
}

impl Exposure {
    /// By the name of a table, where there is metadata.
    pub(super) fn of(table: &str) -> Self {
        match table {
            name if INTERNAL.contains(&name) => Self::Internal,
            name if name.starts_with(SYSTEM_PREFIX) => Self::System,
            _ => Self::Items,
        }
    }
}

/// What is kept of writes (contract `system-tables.md` 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracking {
    /// That they happened, and what they changed.
    #[default]
    All,
    /// That they happened.
    Activity,
    /// Nothing.
    Nothing,
}

impl Tracking {
    fn from_name(name: Option<&str>) -> Self {
        match name {
            Some("all") => Self::All,
            Some("activity") => Self::Activity,
            _ => Self::Nothing,
        }
    }
}

/// What values of a field are made of (contract `system-tables.md` 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Specials {
    /// A random UUID where none is given.
    pub uuid: bool,
    /// The time when the row was made.
    pub date_created: bool,
    /// The time when it was changed last.
    pub date_updated: bool,
    /// Who made it.
    pub user_created: bool,
    /// Who changed it last.
    pub user_updated: bool,
    /// In which role it was made.
    pub role_created: bool,
    /// In which role it was changed last.
    pub role_updated: bool,
    /// Stored as an argon2 hash.
    pub hash: bool,
    /// Never shown.
    pub conceal: bool,
    /// Stored encrypted.
    pub encrypt: bool,
    /// What the column holds, whatever its type says.
    pub cast: Option<Cast>,
}

/// What a column holds, whatever its type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// JSON.
    Json,
    /// A list of texts, joined with commas.
    Csv,
    /// A truth value.
    Boolean,
    /// An instant.
    Timestamp,
    /// A date and time on a wall clock.
    DateTime,
}

impl Specials {
    /// Whether its value is shown to nobody.
    pub fn is_concealed(&self) -> bool {
        self.conceal || self.hash || self.encrypt
    }

    /// Whether the gateway has a value for it when nobody gives one.
    pub fn fills_in(&self) -> bool {
        self.uuid || self.stamps()
    }

    /// Whether it says who wrote to the row, or when.
    pub fn stamps(&self) -> bool {
        self.date_created
            || self.date_updated
            || self.user_created
            || self.user_updated
            || self.role_created
            || self.role_updated
    }

    fn from_words<'w>(words: impl Iterator<Item = &'w str>) -> Self {
        let mut specials = Self::default();
        for word in words {
            match word.trim() {
                "uuid" => specials.uuid = true,
                "date-created" => specials.date_created = true,
                "date-updated" => specials.date_updated = true,
                "user-created" => specials.user_created = true,
                "user-updated" => specials.user_updated = true,
                "role-created" => specials.role_created = true,
                "role-updated" => specials.role_updated = true,
                "hash" => specials.hash = true,
                "conceal" => specials.conceal = true,
                "encrypt" => specials.encrypt = true,
                "cast-json" => specials.cast = Some(Cast::Json),
                "cast-csv" => specials.cast = Some(Cast::Csv),
                "cast-boolean" => specials.cast = Some(Cast::Boolean),
                "cast-timestamp" => specials.cast = Some(Cast::Timestamp),
                "cast-datetime" => specials.cast = Some(Cast::DateTime),
                _ => {}
            }
        }
        specials
    }
}

/// A row of `directus_collections`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CollectionMetadata {
    pub(super) note: Option<String>,
    pub(super) singleton: bool,
    pub(super) sort_field: Option<String>,
    pub(super) tracking: Tracking,
    /// Whether it is switched off (version 12).
    pub(super) inactive: bool,
}

/// A row of `directus_fields`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FieldMetadata {
    pub(super) field: String,
    pub(super) specials: Specials,
    pub(super) note: Option<String>,
    pub(super) searchable: bool,
    /// A filter that payloads must pass.
    pub(super) validation: Option<Json>,
}

/// A row of `directus_relations`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RelationMetadata {
    pub(super) many_collection: String,
    pub(super) many_field: String,
    /// None where the target is one of several collections.
    pub(super) one_collection: Option<String>,
    pub(super) one_field: Option<String>,
    pub(super) sort_field: Option<String>,
    /// Whether rows that are taken out of the list are deleted.
    pub(super) deletes: bool,
    /// Where the target is one of several collections.
    pub(super) any: Option<AnyMetadata>,
}

/// How a row says which of several collections it points to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AnyMetadata {
    /// The column with the collection's name.
    pub(super) collection_field: String,
    /// The collections.
    pub(super) allowed: Vec<String>,
}

/// What a database's own tables say of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    collections: HashMap<String, CollectionMetadata>,
    fields: HashMap<String, Vec<FieldMetadata>>,
    relations: Vec<RelationMetadata>,
}

/// One table of `system.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemTable {
    #[serde(default)]
    singleton: bool,
    sort_field: Option<String>,
    accountability: Option<String>,
    #[serde(default)]
    specials: HashMap<String, String>,
    #[serde(default)]
    points_to: HashMap<String, String>,
    #[serde(default)]
    lists: BTreeMap<String, SystemList>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemList {
    /// `table.column` that points here.
    of: String,
    sorted_by: Option<String>,
    deselected: Option<String>,
}

impl Metadata {
    /// From the rows of `directus_collections`, `directus_fields` and
    /// `directus_relations`, each in the order of their keys; the system tables'
    /// own is added.
    pub fn from_rows(collections: &[Row], fields: &[Row], relations: &[Row]) -> Self {
        let mut metadata = Self::system();
        for row in collections {
            let Some(name) = text(row, "collection").filter(|name| !name.starts_with(SYSTEM_PREFIX)) else { continue };
            let collection = CollectionMetadata {
                note: text(row, "note"),
                singleton: truth(row, "singleton"),
                sort_field: text(row, "sort_field"),
                tracking: Tracking::from_name(text(row, "accountability").as_deref()),
                inactive: text(row, "status").is_some_and(|status| status == "inactive"),
            };
            metadata.collections.insert(name, collection);
        }
        for row in fields {
            let (Some(collection), Some(field)) = (text(row, "collection"), text(row, "field")) else { continue };
            let words = text(row, "special").unwrap_or_default();
            metadata.fields.entry(collection).or_default().push(FieldMetadata {
                field,
                specials: Specials::from_words(words.split(',')),
                note: text(row, "note"),
                searchable: row.get("searchable").is_none_or(|_| truth(row, "searchable")),
                validation: json(row, "validation").filter(Json::is_object),
            });
        }
        for row in relations {
            let (Some(many_collection), Some(many_field)) = (text(row, "many_collection"), text(row, "many_field"))
            else {
                continue;
            };
            metadata.relations.push(RelationMetadata {
                many_collection,
                many_field,
                one_collection: text(row, "one_collection"),
                one_field: text(row, "one_field"),
                sort_field: text(row, "sort_field"),
                deletes: text(row, "one_deselect_action").is_some_and(|action| action == "delete"),
                any: text(row, "one_collection_field").map(|collection_field| AnyMetadata {
                    collection_field,
                    allowed: names(row, "one_allowed_collections"),
                }),
            });
        }
        metadata
    }

    fn system() -> Self {
        let tables: BTreeMap<String, SystemTable> =
            toml::from_str(SYSTEM).expect("the file is part of the program, and read by a test");
        let mut metadata = Self::default();
        for (name, table) in &tables {
            let fields = table.specials.iter().map(|(field, words)| FieldMetadata {
                field: field.clone(),
                specials: Specials::from_words(words.split(',')),
                note: None,
                searchable: true,
                validation: None,
            });
            metadata.fields.insert(name.clone(), fields.collect());
            let collection = CollectionMetadata {
                singleton: table.singleton,
                sort_field: table.sort_field.clone(),
                tracking: table.accountability.as_deref().map_or(Tracking::All, |name| Tracking::from_name(Some(name))),
                ..CollectionMetadata::default()
            };
            metadata.collections.insert(name.clone(), collection);
            for (field, to) in &table.points_to {
                metadata.relations.push(RelationMetadata {
                    many_collection: name.clone(),
                    many_field: field.clone(),
                    one_collection: Some(to.clone()),
                    one_field: None,
                    sort_field: None,
                    deletes: false,
                    any: None,
                });
            }
        }
        for (name, table) in &tables {
            for (field, list) in &table.lists {
                let (many, column) = list.of.split_once('.').unwrap_or_default();

                let relation = RelationMetadata {
                    many_collection: many.to_owned(),
                    many_field: column.to_owned(),
                    one_collection: Some(name.clone()),
                    one_field: Some(field.clone()),
                    sort_field: list.sorted_by.clone(),
                    deletes: list.deselected.as_deref() == Some("delete"),
                    any: None,
                };
                metadata.relations.retain(|known| {
                    known.one_field.is_some() || (&*known.many_collection, &*known.many_field) != (many, column)
                });
                metadata.relations.push(relation);
            }
        }
        metadata
    }

    /// What is said of a collection.
    pub(super) fn collection(&self, name: &str) -> Option<&CollectionMetadata> {
        self.collections.get(name)
    }

    /// What is said of a field.
    pub(super) fn field(&self, collection: &str, field: &str) -> Option<&FieldMetadata> {
        self.fields.get(collection)?.iter().find(|known| known.field == field)
    }

    /// The place of a field among those of its collection.
    pub(super) fn position(&self, collection: &str, field: &str) -> Option<usize> {
        self.fields.get(collection)?.iter().position(|known| known.field == field)
    }

    /// The filters that payloads of a collection must pass.
    pub(super) fn validations(&self, collection: &str) -> Vec<Json> {
        let fields = self.fields.get(collection).into_iter().flatten();
        fields.filter_map(|field| field.validation.clone()).collect()
    }

    /// All relations.
    pub(super) fn relations(&self) -> &[RelationMetadata] {
        &self.relations
    }

    /// What is said of the relation that starts in a field: at its other end there
    /// may be several lists.
    pub(super) fn relations_of<'m>(
        &'m self,
        collection: &'m str,
        field: &'m str,
    ) -> impl Iterator<Item = &'m RelationMetadata> {
        self.relations.iter().filter(move |known| known.many_collection == collection && known.many_field == field)
    }
}

/// A text that is not empty.
fn text(row: &Row, name: &str) -> Option<String> {
    row.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Names in a list with commas, or in one of JSON.
fn names(row: &Row, name: &str) -> Vec<String> {
    let trimmed = |text: &str| text.trim().to_owned();
    let listed = json(row, name).and_then(|json| match json {
        Json::Array(items) => Some(items.iter().filter_map(Json::as_str).map(trimmed).collect()),
        _ => None,
    });
    listed.unwrap_or_else(|| text(row, name).unwrap_or_default().split(',').map(trimmed).collect())
}

/// A truth value, whatever the database has for one.
pub(crate) fn truth(row: &Row, name: &str) -> bool {
    match row.get(name) {
        Some(Json::Bool(truth)) => *truth,
        Some(Json::Number(number)) => number.as_i64() != Some(0),
        Some(Json::String(text)) => matches!(text.as_str(), "1" | "true" | "t"),
        _ => false,
    }
}

/// JSON, as itself or as a text.
pub(crate) fn json(row: &Row, name: &str) -> Option<Json> {
    match row.get(name)? {
        Json::Null => None,
        Json::String(text) => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(json: Json) -> Row {
        match json {
            Json::Object(row) => row,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_built_in_can_be_read() {
        let metadata = Metadata::system();
        let password = metadata.field("directus_users", "password").unwrap();
        assert!(password.specials.hash && password.specials.is_concealed() && !password.specials.uuid);
        assert!(metadata.collection("directus_settings").unwrap().singleton);
        assert_eq!(metadata.collection("directus_activity").unwrap().tracking, Tracking::Nothing);
        let relation = |table, column| metadata.relations_of(table, column).next().unwrap();
        let policies = relation("directus_access", "user");
        assert_eq!((policies.one_field.as_deref(), policies.deletes), (Some("policies"), true));
        assert_eq!(relation("directus_users", "avatar").one_collection.as_deref(), Some("directus_files"));
    }

    #[test]
    fn rows_are_read_whatever_the_database_has_for_values() {
        let collections = [
            row(json!({ "collection": "a", "singleton": 1, "accountability": null, "note": "N" })),
            row(json!({ "collection": "b", "singleton": false, "accountability": "all", "status": "inactive" })),
        ];
        let fields = [
            row(json!({ "collection": "a", "field": "x", "special": "cast-csv,conceal", "searchable": 0 })),
            row(json!({ "collection": "a", "field": "y", "special": null, "validation": "{\"y\":{\"_eq\":1}}" })),
        ];
        let metadata = Metadata::from_rows(&collections, &fields, &[]);
        let a = metadata.collection("a").unwrap();
        assert!(a.singleton && a.tracking == Tracking::Nothing && a.note.as_deref() == Some("N") && !a.inactive);
        assert!(metadata.collection("b").unwrap().inactive);
        let x = metadata.field("a", "x").unwrap();
        assert!(x.specials.cast == Some(Cast::Csv) && x.specials.conceal && !x.searchable);
        assert!(metadata.field("a", "y").unwrap().searchable);
        assert_eq!(metadata.validations("a"), [json!({ "y": { "_eq": 1 } })]);
    }
}
