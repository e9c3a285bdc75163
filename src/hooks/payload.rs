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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload() -> Payload {
        let data = json!({ "title": "A", "author": { "name": "Ann", "langs": ["de", "fr"] }, "gone": null });
        let attributes = json!({ "collection": "news", "keys": [1] });
        Payload::with_attributes(data, attributes.as_object().unwrap().clone())
    }

    #[test]
    fn paths_descend_into_objects_and_lists() {
        let payload = payload();
        assert_eq!(payload.get("author.name"), Some(&json!("Ann")));
        assert_eq!(payload.get_str("author.langs.1"), Some("fr"));
        for nowhere in ["author.age", "author.langs.2", "author.langs.x", "title.length", "author.name.0", ""] {
            assert_eq!(payload.get(nowhere), None, "{nowhere}");
            assert!(!payload.has(nowhere), "{nowhere}");
        }
        assert!(payload.has("gone"), "null is there, too");
        assert_eq!(payload.get_str("author"), None);
    }

    #[test]
    fn setting_makes_the_way_to_the_place() {
        let mut payload = payload();
        payload.set("author.name", "Bob");
        payload.set("author.langs.0", "it");
        payload.set("author.home.city", "Bonn");
        payload.set("title.sub", 7);
        payload.set("gone.no.more", true);
        assert_eq!(
            payload.data(),
            &json!({
                "title": { "sub": 7 },
                "author": { "name": "Bob", "langs": ["it", "fr"], "home": { "city": "Bonn" } },
                "gone": { "no": { "more": true } },
            })
        );
    }

    #[test]
    fn removing_gives_back_what_was_there() {
        let mut payload = payload();
        assert_eq!(payload.remove("title"), Some(json!("A")));
        assert_eq!(payload.remove("author.langs.0"), Some(json!("de")));
        assert_eq!(payload.remove("author.langs.5"), None);
        assert_eq!(payload.remove("title"), None);
        assert_eq!(payload.remove("no.such.place"), None);
        assert_eq!(payload.into_json(), json!({ "author": { "name": "Ann", "langs": ["fr"] }, "gone": null }));
    }

    #[test]
    fn replacing_and_clearing() {
        let mut payload = payload();
        payload.replace(json!({ "b": 1 }));
        assert_eq!(payload["b"], 1);
        assert!(!payload.is_empty());
        payload.clear();
        assert_eq!(payload.data(), &json!({}));
        assert!(payload.is_empty());
        let mut keys = Payload::from(json!([1, 2]));
        assert!(!keys.is_empty());
        keys.clear();
        assert_eq!(keys.data(), &json!([]), "keys stay a list");
        assert!(Payload::from(Json::Null).is_empty());
        assert!(!Payload::from(json!(false)).is_empty());
    }

    #[test]
    fn it_reads_like_an_array_and_knows_what_it_is_about() {
        let payload = payload();
        assert_eq!(payload["author"]["langs"][0], "de");
        assert_eq!(payload["no"]["such"], Json::Null);
        assert_eq!(payload.attribute("tableName"), Some(&json!("news")));
        assert_eq!(payload.attribute("collection"), Some(&json!("news")));
        assert_eq!(payload.attribute("keys"), Some(&json!([1])));
        assert_eq!(payload.attribute("title"), None);
    }
}
