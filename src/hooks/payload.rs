//! What a filter looks at: an item, the keys of items to delete, records that
//! were read. With the methods that hooks have had since the PHP era (contract
//! `extensions.md` 27).

use std::ops::Index;

use serde_json::{Map, Value as Json};

static NULL: Json = Json::Null;

/// A payload, with attributes that say what it is about. Paths are names joined
/// by dots; in lists, numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    data: Json,
    attributes: Map<String, Json>,
}

impl From<Json> for Payload {
    fn from(data: Json) -> Self {
        Self { data, attributes: Map::new() }
    }
}

impl Payload {
    pub(super) fn with_attributes(data: Json, attributes: Map<String, Json>) -> Self {
        Self { data, attributes }
    }

    /// All of it.
    pub fn data(&self) -> &Json {
        &self.data
    }

    /// All of it, to be changed.
    pub fn data_mut(&mut self) -> &mut Json {
        &mut self.data
    }

    /// All of it, taken.
    pub fn into_json(self) -> Json {
        self.data
    }

    /// What it is about: `collection`, `keys`; `tableName` is the collection too.
    pub fn attribute(&self, name: &str) -> Option<&Json> {
        self.attributes.get(if name == "tableName" { "collection" } else { name })
    }

    /// The value at a path; `None` if there is none.
    pub fn get(&self, path: &str) -> Option<&Json> {
        path.split('.').try_fold(&self.data, |at, name| match at {
            Json::Object(members) => members.get(name),
            Json::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The text at a path.
    pub fn get_str(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// Whether there is a value at a path, be it null.
    pub fn has(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// Sets the value at a path; objects are made on the way, and what is no
    /// object makes way for one.
    pub fn set(&mut self, path: &str, value: impl Into<Json>) {
        *place(&mut self.data, path) = value.into();
    }

    /// Removes the value at a path, and returns it.
    pub fn remove(&mut self, path: &str) -> Option<Json> {
        let (above, name) = match path.rsplit_once('.') {
            Some((above, name)) => (above.split('.').collect::<Vec<_>>(), name),
            None => (Vec::new(), path),
        };
        let at = above.into_iter().try_fold(&mut self.data, |at, name| match at {
            Json::Object(members) => members.get_mut(name),
            Json::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
            _ => None,
        })?;
        match at {
            Json::Object(members) => members.remove(name),
            Json::Array(items) => {
                let at = name.parse::<usize>().ok().filter(|at| *at < items.len())?;
                Some(items.remove(at))
            }
            _ => None,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match &self.data {
            Json::Object(members) => members.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Null => true,
            _ => false,
        }
    }

    /// Puts something else in its place.
    pub fn replace(&mut self, data: impl Into<Json>) {
        self.data = data.into();
    }

    /// Leaves nothing in it.
    pub fn clear(&mut self) {
        self.data = if self.data.is_array() { Json::Array(Vec::new()) } else { Json::Object(Map::new()) };
    }
}

fn place<'a>(mut at: &'a mut Json, path: &str) -> &'a mut Json {
    for name in path.split('.') {
        let is_element = matches!(at, Json::Array(items) if name.parse::<usize>().is_ok_and(|nth| nth < items.len()));
        if !is_element && !at.is_object() {
            *at = Json::Object(Map::new());
        }
        at = match at {
            Json::Array(items) => &mut items[name.parse::<usize>().expect("it was looked at above")],
            Json::Object(members) => members.entry(name).or_insert(Json::Null),
            _ => unreachable!("it was made an object above"),
        };
    }
    at
}

/// `payload["data"]["email"]`; null where there is nothing.
impl Index<&str> for Payload {
    type Output = Json;

    fn index(&self, name: &str) -> &Json {
        self.data.get(name).unwrap_or(&NULL)
    }
}
