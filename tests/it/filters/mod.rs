//! Filters (contract section 5): what each operator and each form of relation
//! finds, the same rows on every database.

mod dates;
mod numbers;
mod oracle;
mod random;
mod relations;
mod texts;
mod variables;

use serde_json::Value as Json;

use self::oracle::Music;
use crate::support::Everywhere;

/// The gateways, and what they are held against.
struct Filters {
    gateways: Everywhere,
    music: Music,
}

impl Filters {
    async fn new() -> Self {
        Self { gateways: Everywhere::music().await, music: Music::load().await }
    }

    /// A filter in JSON finds what the oracle finds, given as a literal and as
    /// a variable; returns how many rows.
    async fn check(&self, collection: &str, filter: Json) -> usize {
        let expected = self.music.ids(collection, &filter);
        let by_variable = self.gateways.ids_by_variable(collection, &filter).await;
        assert_eq!(by_variable, expected, "{collection} {filter} as a variable");
        let by_literal = self.gateways.ids(collection, &literal(&filter)).await;
        assert_eq!(by_literal, expected, "{collection} {filter} as a literal");
        expected.len()
    }

    /// A filter that is refused, given as a literal and as a variable.
    async fn refused(&self, collection: &str, filter: Json) {
        let query = format!("{{ {collection}(filter: {}) {{ __typename }} }}", literal(&filter));
        self.gateways.refused(&query, "INVALID_QUERY").await;
        let query = format!("query($f: {collection}_filter) {{ {collection}(filter: $f) {{ __typename }} }}");
        self.gateways.refused_with(&query, serde_json::json!({ "f": filter }), "INVALID_QUERY").await;
    }
}

/// JSON as a GraphQL literal.
fn literal(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}: {}", literal(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        scalar => scalar.to_string(),
    }
}
