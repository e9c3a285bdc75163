//! The paths beside GraphQL, as an OpenAPI document.

use serde_json::{Map, Value as Json, json};

/// A path with a method.
struct Route {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    /// `name: type!, …`, where an exclamation mark says that it is needed.
    body: &'static str,
    status: &'static str,
}

const fn get(path: &'static str, summary: &'static str) -> Route {
    Route { method: "get", path, summary, body: "", status: "200" }
}

const fn post(path: &'static str, summary: &'static str, body: &'static str, status: &'static str) -> Route {
    Route { method: "post", path, summary, body, status }
}

const ROUTES: [Route; 34] = [
    get("/auth", "Ways to log in"),
    post("/auth/login", "Log in", "email: string!, password: string!, otp: string, mode: string", "200"),
    post("/auth/refresh", "Go on after a log-in", "refresh_token: string, mode: string", "200"),
    post("/auth/logout", "Log out", "refresh_token: string, mode: string", "204"),
    post("/auth/password/request", "Ask for a new password", "email: string!, reset_url: string", "204"),
    post("/auth/password/reset", "Set a new password", "token: string!, password: string!", "204"),
    get("/graphql", "Ask for items"),
    post("/graphql", "Ask for items, or change them", GRAPHQL, "200"),
    get("/graphql/system", "Ask for the system's items"),
    post("/graphql/system", "Ask for the system's items, or change them", GRAPHQL, "200"),
    get("/permissions/me", "What the caller may do"),
    get("/permissions/me/{collection}", "What the caller may do with items of a collection"),
    get("/permissions/me/{collection}/{id}", "What the caller may do with an item"),
    get("/policies/me/globals", "What the caller's policies say of the whole"),
    get("/roles/me", "The caller's roles"),
    get("/server/health", "Whether the database answers"),
    get("/server/info", "What is served"),
    get("/server/ping", "A sign of life"),
    get("/server/specs/graphql", "The schema"),
    get("/server/specs/graphql/system", "The schema of the system's items"),
    get("/server/specs/oas", "This document"),
    get("/stream", "Changes as they happen"),
    get("/users/me", "The caller"),
    Route {
        method: "patch",
        path: "/users/me",
        summary: "Change the caller",
        body: "first_name: string, last_name: string, email: string, password: string",
        status: "200",
    },
    post("/users/me/tfa/generate", "A secret for one-time passwords", "password: string!", "200"),
    post("/users/me/tfa/enable", "Use one-time passwords", "secret: string!, otp: string!", "204"),
    post("/users/me/tfa/disable", "Use no one-time passwords", "otp: string!", "204"),
    post("/users/{id}/tfa/disable", "Let somebody use no one-time passwords", "", "204"),
    post("/users/invite", "Invite somebody", "email: string!, role: string!, invite_url: string", "204"),
    post("/users/invite/accept", "Accept an invitation", "token: string!, password: string!", "204"),
    post(
        "/users/register",
        "Register",
        "email: string!, password: string!, first_name: string, last_name: string, verification_url: string",
        "204",
    ),
    get("/users/register/verify-email", "Confirm an address"),
    post("/utils/revert/{revision}", "Put a revision back", "", "204"),
    post("/utils/sort/{collection}", "Move an item to another's place", "item: string!, to: string!", "200"),
];

/// What GraphQL is asked with.
const GRAPHQL: &str = "query: string!, variables: object, operationName: string";

/// The document.
pub(super) fn document() -> Json {
    let mut paths = Map::new();
    for route in &ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| Json::Object(Map::new()));
        path[route.method] = operation(route);
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

fn operation(route: &Route) -> Json {
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Json = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let refused = json!({
        "description": "Refused",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Errors" } } },
    });
    let mut told = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": { route.status: { "description": "Done" }, "default": refused },
    });
    if !route.body.is_empty() {
        told["requestBody"] = json!({ "content": { "application/json": { "schema": body(route.body) } } });
    }
    told
}

fn body(members: &str) -> Json {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, of) in members.split(", ").filter_map(|member| member.split_once(": ")) {
        let bare = of.trim_end_matches('!');
        if bare != of {
            required.push(name);
        }
        properties.insert(name.to_owned(), json!({ "type": bare }));
    }
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
