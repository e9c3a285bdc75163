//! The paths that a gateway answers, as an OpenAPI document.

use serde_json::{Map, Value as Json, json};

use super::paths::{Needs, PATHS, Path};

/// What a gateway offers beside items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    /// Users, and what else the system tables hold.
    pub system: bool,
    /// The schema.
    pub introspection: bool,
}

impl Offers {
    fn has(self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::System => self.system,
            Needs::Introspection => self.introspection,
            Needs::IntrospectionOfTheSystem => self.introspection && self.system,
        }
    }
}

/// The document.
pub fn openapi(offers: Offers) -> Json {
    let mut paths = Map::new();
    for path in PATHS.iter().filter(|path| offers.has(path.needs)) {
        let methods = paths.entry(path.path).or_insert_with(|| Json::Object(Map::new()));
        methods[path.method.name()] = operation(path);
    }
    json!({
        "openapi": "3.0.1",
        "info": { "title": "Tidegate", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "security": [{ "Auth": [] }, {}],
        "components": {
            "securitySchemes": { "Auth": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Errors": errors() },
        },
    })
}

fn operation(path: &Path) -> Json {
    let names = path.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parts = names.map(|name| parameter("path", name, "string", true));
    let asked = members(path.query).map(|(name, of, is_needed)| parameter("query", name, of, is_needed));
    let refused = json!({
        "description": "Refused",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Errors" } } },
    });
    let mut told = json!({
        "summary": path.summary,
        "parameters": parts.chain(asked).collect::<Json>(),
        "responses": { path.status: { "description": "Done" }, "default": refused },
    });
    if !path.body.is_empty() {
        told["requestBody"] = json!({ "content": { "application/json": { "schema": body(path.body) } } });
    }
    told
}

fn parameter(place: &str, name: &str, of: &str, is_needed: bool) -> Json {
    json!({ "name": name, "in": place, "required": is_needed, "schema": schema(of) })
}

/// The name and type of each member, and whether it is needed.
fn members(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    let pairs = text.split(", ").filter_map(|member| member.split_once(": "));
    pairs.map(|(name, of)| (name, of.trim_end_matches('!'), of.ends_with('!')))
}

fn schema(of: &str) -> Json {
    match of {
        "key" => json!({ "oneOf": [{ "type": "string" }, { "type": "number" }] }),
        "strings" => json!({ "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] }),
        of => json!({ "type": of }),
    }
}

fn body(text: &'static str) -> Json {
    let properties: Map<String, Json> = members(text).map(|(name, of, _)| (name.to_owned(), schema(of))).collect();
    let required: Vec<&str> = members(text).filter(|(.., is_needed)| *is_needed).map(|(name, ..)| name).collect();
    let mut told = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        told["required"] = required.into();
    }
    told
}

fn errors() -> Json {
    let extensions = json!({ "type": "object", "properties": { "code": { "type": "string" } }, "required": ["code"] });
    let error = json!({
        "type": "object",
        "properties": { "message": { "type": "string" }, "extensions": extensions },
        "required": ["message"],
    });
    json!({ "type": "object", "properties": { "errors": { "type": "array", "items": error } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_offered_is_not_told() {
        let told = |system, introspection| openapi(Offers { system, introspection })["paths"].clone();
        let count = |paths: &Json| paths.as_object().map_or(0, Map::len);
        let (all, least) = (told(true, true), told(false, false));
        assert_eq!(count(&least), 5, "{least:#}");
        assert!(["/graphql", "/server/specs/oas", "/stream"].iter().all(|path| !least[*path].is_null()));
        assert!(told(false, true)["/server/specs/graphql/system"].is_null());
        assert_eq!(count(&told(true, false)), count(&all) - 3);
        let asked = &all["/stream"]["get"]["parameters"][0];
        assert_eq!(
            (&asked["name"], &asked["in"], &asked["required"]),
            (&json!("collections"), &json!("query"), &json!(true))
        );
        let moved = &all["/utils/sort/{collection}"]["post"];
        assert_eq!(moved["parameters"][0]["name"], "collection");
        let moved = &moved["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(moved["required"], json!(["item", "to"]));
        assert_eq!(moved["properties"]["to"]["oneOf"][1]["type"], "number");
    }
}
