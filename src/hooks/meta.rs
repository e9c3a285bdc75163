//! What an event is about, besides its payload.

use serde_json::{Map, Value as Json};

/// The facts of an event (contract `extensions.md` 4 and 5), by name. `event`
/// is always there: the concrete name, never a handler's pattern.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta(Map<String, Json>);

impl Meta {
    /// No facts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The name of the event.
    pub fn event(&self) -> &str {
        self.text("event")
    }

    /// The collection.
    pub fn collection(&self) -> &str {
        self.text("collection")
    }

    /// The keys of the items; empty where there are none.
    pub fn keys(&self) -> &[Json] {
        self.get("keys").and_then(Json::as_array).map_or(&[], Vec::as_slice)
    }

    /// The key of the item.
    pub fn key(&self) -> Option<&Json> {
        self.get("key")
    }

    /// What was written or read.
    pub fn payload(&self) -> Option<&Json> {
        self.get("payload")
    }

    /// A fact by its name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// All facts.
    pub fn facts(&self) -> &Map<String, Json> {
        &self.0
    }

    fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Json::as_str).unwrap_or_default()
    }
}
