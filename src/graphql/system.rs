//! The fields of `/graphql/system` that no table answers, by the names and shapes
//! of the contract (`graphql.md` 8): accounts, the project, what the database's
//! own tables say of collections.

mod mine;
mod native;
mod openapi;
mod operations;
mod paths;

pub(super) use self::native::{NativeRoot, Pick};
pub(super) use self::operations::Schemas;
pub use self::{
    openapi::{Offers, openapi},
    operations::{Operations, SystemOptions},
    paths::{Endpoint, PATHS, Path, PathMethod},
};

use std::collections::HashSet;

use super::types::{Type, Types};

/// What a caller must be able to do for a field to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// To look at schemas.
    Introspection,
    /// To look at paths.
    Paths,
    /// To read a system collection.
    Read(&'static str),
    /// To change a system collection.
    Update(&'static str),
    /// To add to a system collection.
    Create(&'static str),
}

/// A field that no table answers.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: &'static str,
    pub(super) mutates: bool,
    /// `name: Type, …`
    arguments: &'static str,
    of: &'static str,
    needs: Needs,
}

const fn query(name: &'static str, arguments: &'static str, of: &'static str, needs: Needs) -> Declared {
    Declared { name, mutates: false, arguments, of, needs }
}

const fn mutation(name: &'static str, arguments: &'static str, of: &'static str, needs: Needs) -> Declared {
    Declared { name, mutates: true, arguments, of, needs }
}

/// The fields, in the contract's order.
const FIELDS: [Declared; 36] = [
    query("server_ping", "", "String", Needs::Nothing),
    query("server_info", "", "server_info", Needs::Nothing),
    query("server_health", "", "JSON", Needs::Nothing),
    query("server_specs_oas", "", "JSON", Needs::Paths),
    query("server_specs_graphql", "scope: graphql_sdl_scope", "String", Needs::Introspection),
    query("collections", "", "[directus_collections!]!", Needs::Read("directus_collections")),
    query("collections_by_name", "name: String!", "directus_collections", Needs::Read("directus_collections")),
    query("fields", "", "[directus_fields!]!", Needs::Read("directus_fields")),
    query("fields_in_collection", "collection: String!", "[directus_fields!]!", Needs::Read("directus_fields")),
    query("fields_by_name", "collection: String!, field: String!", "directus_fields", Needs::Read("directus_fields")),
    query("relations", "", "[directus_relations!]!", Needs::Read("directus_relations")),
    query(
        "relations_in_collection",
        "collection: String!",
        "[directus_relations!]!",
        Needs::Read("directus_relations"),
    ),
    query(
        "relations_by_name",
        "collection: String!, field: String!",
        "directus_relations",
        Needs::Read("directus_relations"),
    ),
    query("users_me", "", "directus_users", Needs::Read("directus_users")),
    query("permissions_me", "", "permissions_me_type", Needs::Read("directus_permissions")),
    query("roles_me", "", "[directus_roles]", Needs::Read("directus_roles")),
    query("policies_me_globals", "", "policy_me_globals_type", Needs::Nothing),
    mutation(
        "auth_login",
        "email: String!, password: String!, mode: auth_mode, otp: String",
        "auth_tokens",
        Needs::Nothing,
    ),
    mutation("auth_refresh", "refresh_token: String, mode: auth_mode", "auth_tokens", Needs::Nothing),
    mutation("auth_logout", "refresh_token: String, mode: auth_mode", "Boolean", Needs::Nothing),
    mutation("auth_password_request", "email: String!, reset_url: String", "Boolean", Needs::Nothing),
    mutation("auth_password_reset", "token: String!, password: String!", "Boolean", Needs::Nothing),
    mutation("users_me_tfa_generate", "password: String!", "users_me_tfa_generate_data", Needs::Nothing),
    mutation("users_me_tfa_enable", "otp: String!, secret: String!", "Boolean", Needs::Nothing),
    mutation("users_me_tfa_disable", "otp: String!", "Boolean", Needs::Nothing),
    mutation("utils_random_string", "length: Int", "String", Needs::Nothing),
    mutation("utils_sort", "collection: String!, item: ID!, to: ID!", "Boolean", Needs::Nothing),
    mutation("utils_revert", "revision: ID!", "Boolean", Needs::Nothing),
    mutation("utils_cache_clear", "", "Void", Needs::Nothing),
    mutation("utils_hash_generate", "string: String!", "String", Needs::Nothing),
    mutation("utils_hash_verify", "string: String!, hash: String!", "Boolean", Needs::Nothing),
    mutation("users_invite_accept", "token: String!, password: String!", "Boolean", Needs::Nothing),
    mutation(
        "users_register",
        "email: String!, password: String!, verification_url: String, first_name: String, last_name: String",
        "Boolean",
        Needs::Nothing,
    ),
    mutation("users_register_verify", "token: String!", "Boolean", Needs::Nothing),
    mutation("update_users_me", "data: update_directus_users_input", "directus_users", Needs::Update("directus_users")),
    mutation(
        "users_invite",
        "email: String!, role: String!, invite_url: String",
        "Boolean",
        Needs::Create("directus_users"),
    ),
];

/// The types that they have, with their members.
pub(super) const OBJECTS: [(&str, &str); 14] = [
    ("auth_tokens", "access_token: String, expires: GraphQLBigInt, refresh_token: String"),
    ("users_me_tfa_generate_data", "secret: String, otpauth_url: String"),
    ("policy_me_globals_type", "enforce_tfa: Boolean, app_access: Boolean, admin_access: Boolean"),
    ("server_info", "project: server_info_project, rateLimit: Boolean, rateLimitGlobal: Boolean, version: String"),
    (
        "server_info_project",
        "project_name: String, project_descriptor: String, project_logo: String, project_color: String, \
         default_language: String, public_foreground: String, public_background: String, public_note: String, \
         custom_css: String, public_registration: Boolean, public_registration_verify_email: Boolean",
    ),
    (
        "directus_collections",
        "collection: String, meta: directus_collections_meta, schema: directus_collections_schema",
    ),
    (
        "directus_collections_meta",
        "collection: String!, icon: String, note: String, display_template: String, hidden: Boolean!, \
         singleton: Boolean!, translations: JSON, archive_field: String, archive_app_filter: Boolean!, \
         archive_value: String, unarchive_value: String, sort_field: String, accountability: String, color: String, \
         item_duplication_fields: JSON, sort: Int, group: String, collapse: String!, preview_url: String, \
         versioning: Boolean!, status: String!, autosave_revision_interval: Float",
    ),
    ("directus_collections_schema", "name: String, comment: String"),
    (
        "directus_fields",
        "collection: String, field: String, type: String, meta: directus_fields_meta, schema: directus_fields_schema",
    ),
    (
        "directus_fields_meta",
        "id: Int!, collection: String!, field: String!, special: [String], interface: String, options: JSON, \
         display: String, display_options: JSON, readonly: Boolean!, hidden: Boolean!, sort: Int, width: String, \
         translations: JSON, note: String, conditions: JSON, required: Boolean, group: String, validation: JSON, \
         validation_message: String, searchable: Boolean!",
    ),
    (
        "directus_fields_schema",
        "name: String, table: String, data_type: String, default_value: String, max_length: Int, \
         numeric_precision: Int, numeric_scale: Int, is_generated: Boolean, generation_expression: String, \
         is_indexed: Boolean, is_nullable: Boolean, is_unique: Boolean, is_primary_key: Boolean, \
         has_auto_increment: Boolean, foreign_key_column: String, foreign_key_table: String, comment: String",
    ),
    (
        "directus_relations",
        "collection: String, field: String, related_collection: String, schema: directus_relations_schema, \
         meta: directus_relations_meta",
    ),
    (
        "directus_relations_schema",
        "table: String!, column: String!, foreign_key_table: String!, foreign_key_column: String!, \
         constraint_name: String, on_update: String!, on_delete: String!",
    ),
    (
        "directus_relations_meta",
        "id: Int, many_collection: String, many_field: String, one_collection: String, one_field: String, \
         one_collection_field: String, one_allowed_collections: [String], junction_field: String, sort_field: String, \
         one_deselect_action: String",
    ),
];

/// What an operation may do once: a hundred passwords are not tried in one request
/// (contract `auth.md` 9), and a schema is a long text.
const SINGLE_USE: [&str; 14] = [
    "server_specs_graphql",
    "auth_login",
    "auth_refresh",
    "auth_password_request",
    "auth_password_reset",
    "users_register",
    "users_register_verify",
    "users_invite_accept",
    "users_me_tfa_generate",
    "users_me_tfa_enable",
    "users_me_tfa_disable",
    "utils_cache_clear",
    "utils_hash_generate",
    "utils_hash_verify",
];

/// The first field that is there twice and may be there once.
pub(super) fn repeated<'n>(names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let mut seen = HashSet::new();
    names.filter(|name| SINGLE_USE.contains(name)).find(|name| !seen.insert(*name))
}

impl Declared {
    /// Its arguments, with their types.
    pub(super) fn arguments(&self) -> Vec<(&'static str, Type)> {
        members(self.arguments)
    }

    /// The type of its answer.
    pub(super) fn of(&self) -> Type {
        type_of(self.of)
    }

    /// Whether nothing of it comes from a plan.
    #[cfg(test)]
    fn is_native(&self) -> bool {
        !matches!(self.name, "users_me" | "roles_me" | "update_users_me")
    }
}

/// The members of a type, or arguments, from their text.
pub(super) fn members(text: &'static str) -> Vec<(&'static str, Type)> {
    let pairs = text.split(',').filter_map(|member| member.trim().split_once(':'));
    pairs.map(|(name, of)| (name.trim(), type_of(of))).collect()
}

/// `[String!]!` and the like.
fn type_of(text: &str) -> Type {
    let text = text.trim();
    let (text, non_null) = text.strip_suffix('!').map_or((text, false), |text| (text, true));
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(item) => {
            let (item, item_non_null) = item.strip_suffix('!').map_or((item, false), |item| (item, true));
            Type { item_non_null, ..Type::list(item) }.non_null(non_null)
        }
        None => Type::named(text).non_null(non_null),
    }
}

impl Types<'_> {
    /// The fields that no table answers, as far as the caller may use them.
    pub(super) fn natives(&self, mutates: bool) -> impl Iterator<Item = &'static Declared> + '_ {
        let is_here = self.scope == super::Scope::System && self.operations.is_some();
        FIELDS.iter().filter(move |field| is_here && field.mutates == mutates && self.has(field.needs))
    }

    /// The field of that name.
    pub(super) fn native(&self, name: &str, mutates: bool) -> Option<&'static Declared> {
        self.natives(mutates).find(|field| field.name == name)
    }

    fn has(&self, needs: Needs) -> bool {
        let table = |name: &str| self.catalog.collection(name);
        match needs {
            Needs::Nothing => true,
            Needs::Introspection => self.operations.is_some_and(|operations| operations.shows_schemas()),
            Needs::Paths => self.operations.is_some_and(|operations| operations.shows_paths()),
            Needs::Read(name) => table(name).is_some_and(|table| self.access.read(table.id).is_some()),
            Needs::Update(name) => table(name).is_some_and(|table| self.access.update(table.id).is_some()),
            Needs::Create(name) => table(name).is_some_and(|table| self.access.create(table.id).is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_their_texts() {
        assert_eq!(type_of("[a!]!"), Type::full_list("a"));
        assert_eq!(type_of(" [String]"), Type::list("String"));
        assert_eq!(type_of("ID!"), Type::named("ID").non_null(true));
        assert_eq!(members("a: A!, b: [B]").len(), 2);
        let known = |name: &str| OBJECTS.iter().any(|(object, _)| *object == name);
        for field in FIELDS.iter().filter(|field| field.is_native()) {
            let of = field.of().name;
            let is_scalar = matches!(&*of, "String" | "JSON" | "Boolean" | "Void" | "permissions_me_type");
            assert!(is_scalar || known(&of), "{of}");
        }
    }
}
