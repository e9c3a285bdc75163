//! From the database's names to served ones. A name that GraphQL can carry and
//! that nothing else claims stays as it is (contract `graphql.md` 3.1); any
//! other is mapped the same way every time.

use std::collections::HashSet;

/// Names that no collection may have: GraphQL's own, the contract's, and the
/// types that every schema holds.
const RESERVED: &[&str] = &[
    "Subscription",
    "Query",
    "Mutation",
    "Int",
    "Float",
    "String",
    "Boolean",
    "DateTime",
    "ID",
    "uid",
    "Point",
    "PointList",
    "Polygon",
    "MultiPolygon",
    "JSON",
    "Hash",
    "Date",
    "Void",
    "GraphQLBigInt",
    "GraphQLGeoJSON",
    "GraphQLStringOrFloat",
    "GraphQLJsonFilter",
    "EventEnum",
    "OverflowEnum",
    "TransitionEnum",
    "TransactionScope",
    "delete_many",
    "delete_one",
    "count_functions",
    "date_functions",
    "time_functions",
    "datetime_functions",
    "string_filter_operators",
    "id_filter_operators",
    "number_filter_operators",
    "big_int_filter_operators",
    "boolean_filter_operators",
    "date_filter_operators",
    "hash_filter_operators",
    "json_filter_operators",
    "geometry_filter_operators",
    "count_function_filter_operators",
    "date_function_filter_operators",
    "time_function_filter_operators",
    "datetime_function_filter_operators",
    "_empty",
];

/// Members of every filter, which no field may be named after.
const FILTER_MEMBERS: &[&str] = &["_and", "_or", "_some", "_none"];

/// The nearest name that GraphQL can carry: other ASCII characters become `_`,
/// all others `u` and their code in hexadecimal; a leading digit gets `_`
/// before it; of leading `__`, which GraphQL keeps for itself, one stays.
pub(super) fn graphql_name(name: &str) -> String {
    let mut mapped = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => mapped.push(character),
            _ if character.is_ascii() => mapped.push('_'),
            _ => mapped.push_str(&format!("u{:04x}", u32::from(character))),
        }
    }
    if mapped.starts_with("__") {
        mapped = format!("_{}", mapped.trim_start_matches('_'));
    }
    if mapped.is_empty() || mapped.starts_with(|first: char| first.is_ascii_digit()) {
        mapped.insert(0, '_');
    }
    mapped
}

/// The served names of all collections, each with everything derived from it.
pub(super) struct CollectionNames {
    taken: HashSet<String>,
}

impl CollectionNames {
    pub(super) fn new() -> Self {
        Self { taken: RESERVED.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// Claims the name nearest to `name` that is free together with all types
    /// and root fields derived from it.
    pub(super) fn claim(&mut self, name: &str) -> String {
        let free = first_free(&graphql_name(name), |candidate| {
            derived(candidate).iter().all(|name| !self.taken.contains(name))
        });
        self.taken.extend(derived(&free));
        free
    }
}

/// The names of types and root fields that a collection brings (contract 3.2 to 3.13).
fn derived(collection: &str) -> Vec<String> {
    let mut names = vec![collection.to_owned()];
    for suffix in [
        "_by_id",
        "_aggregated",
        "_by_version",
        "_mutated",
        "_filter",
        "_quantifier_filter",
        "_aggregated_count",
        "_aggregated_fields",
    ] {
        names.push(format!("{collection}{suffix}"));
    }
    for (prefix, suffix) in [("create_", "_input"), ("update_", "_input"), ("delete_", "_input"), ("version_", "")] {
        names.push(format!("{prefix}{collection}{suffix}"));
    }
    names
}

/// The served names of one collection's fields.
pub(super) struct FieldNames {
    taken: HashSet<String>,
}

impl FieldNames {
    pub(super) fn new() -> Self {
        Self { taken: FILTER_MEMBERS.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// Claims the name nearest to `name` that is free.
    pub(super) fn claim(&mut self, name: &str) -> String {
        let free = first_free(&graphql_name(name), |candidate| !self.taken.contains(candidate));
        self.taken.insert(free.clone());
        free
    }

    /// Claims the first of several wishes that is free, the last one numbered if need be.
    pub(super) fn claim_first(&mut self, wishes: &[String]) -> String {
        let free = wishes.iter().find(|wish| !self.taken.contains(*wish));
        let name = free.or(wishes.last()).cloned().unwrap_or_default();
        self.claim(&name)
    }
}

fn first_free(name: &str, is_free: impl Fn(&str) -> bool) -> String {
    if is_free(name) {
        return name.to_owned();
    }
    (2_u32..)
        .map(|number| format!("{name}_{number}"))
        .find(|candidate| is_free(candidate))
        .expect("there are more numbers than names")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mapped_predictably() {
        for (name, mapped) in [
            ("articles", "articles"),
            ("order details", "order_details"),
            ("größe", "gru00f6u00dfe"),
            ("表", "u8868"),
            ("1st", "_1st"),
            ("__typename", "_typename"),
            ("weird$name", "weird_name"),
            ("", "_"),
        ] {
            assert_eq!(graphql_name(name), mapped);
        }
    }

    #[test]
    fn no_two_collections_share_a_derived_name() {
        let mut names = CollectionNames::new();
        assert_eq!(names.claim("articles"), "articles");
        assert_eq!(names.claim("articles_aggregated"), "articles_aggregated_2");
        assert_eq!(names.claim("articles_by_id"), "articles_by_id_2");
        assert_eq!(names.claim("Query"), "Query_2");
        let mut names = CollectionNames::new();
        assert_eq!(names.claim("articles_aggregated"), "articles_aggregated");
        assert_eq!(names.claim("articles"), "articles_2");
    }

    #[test]
    fn fields_stay_clear_of_filter_members() {
        let mut names = FieldNames::new();
        assert_eq!(names.claim("_and"), "_and_2");
        assert_eq!(names.claim("x-y"), "x_y");
        assert_eq!(names.claim("x_y"), "x_y_2");
    }
}
