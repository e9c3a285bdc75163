//! The paths that programs ask, GraphQL's and those beside it, in one table: the
//! server makes its routes of it, and the OpenAPI document tells it.

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are told by their summaries")]
pub enum Endpoint {
    Providers,
    LogIn,
    Refresh,
    LogOut,
    RequestPassword,
    ResetPassword,
    Graphql,
    GraphqlOfTheSystem,
    Permissions,
    PermissionsIn,
    PermissionsFor,
    Globals,
    Roles,
    Health,
    Info,
    Ping,
    Schema,
    SchemaOfTheSystem,
    Document,
    Stream,
    Me,
    UpdateMe,
    GenerateTfa,
    EnableTfa,
    DisableTfa,
    DisableTfaOf,
    Invite,
    AcceptInvite,
    Register,
    VerifyEmail,
    Revert,
    Sort,
}

/// How a path is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMethod {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PATCH`
    Patch,
}

impl PathMethod {
    /// As the OpenAPI document names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Patch => "patch",
        }
    }
}

/// What a gateway must offer for a path to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// Users, and what else the system tables hold.
    System,
    /// The schema.
    Introspection,
    /// The schema, and the system tables.
    IntrospectionOfTheSystem,
}

/// A path, asked in one way.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// How.
    pub method: PathMethod,
    /// Its text, with its variable parts in braces.
    pub path: &'static str,
    /// What is there.
    pub endpoint: Endpoint,
    pub(super) summary: &'static str,
    pub(super) needs: Needs,
    /// What may stand in the query string: `name: type!, …`, where an exclamation
    /// mark says that it is needed.
    pub(super) query: &'static str,
    /// What the body is made of, in the same form.
    pub(super) body: &'static str,
    /// The status where all went well.
    pub(super) status: &'static str,
}

impl Path {
    const fn new(method: PathMethod, path: &'static str, endpoint: Endpoint, summary: &'static str) -> Self {
        Self { method, path, endpoint, summary, needs: Needs::System, query: "", body: "", status: "200" }
    }

    const fn needs(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }

    const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    const fn status(self, status: &'static str) -> Self {
        Self { status, ..self }
    }
}

const fn get(path: &'static str, endpoint: Endpoint, summary: &'static str) -> Path {
    Path::new(PathMethod::Get, path, endpoint, summary)
}

const fn post(path: &'static str, endpoint: Endpoint, summary: &'static str) -> Path {
    Path::new(PathMethod::Post, path, endpoint, summary)
}

/// What GraphQL is asked with.
const GRAPHQL: &str = "query: string!, variables: object, operationName: string, extensions: object";
/// The same in a query string, where objects are their JSON text.
const GRAPHQL_QUERY: &str = "query: string!, variables: string, operationName: string, extensions: string";

/// All of them.
pub const PATHS: [Path; 35] = [
    get("/auth", Endpoint::Providers, "Ways to log in"),
    post("/auth/login", Endpoint::LogIn, "Log in").body("email: string!, password: string!, otp: string, mode: string"),
    post("/auth/refresh", Endpoint::Refresh, "Go on after a log-in").body("refresh_token: string, mode: string"),
    post("/auth/logout", Endpoint::LogOut, "Log out").body("refresh_token: string, mode: string").status("204"),
    post("/auth/password/request", Endpoint::RequestPassword, "Ask for a new password")
        .body("email: string!, reset_url: string")
        .status("204"),
    post("/auth/password/reset", Endpoint::ResetPassword, "Set a new password")
        .body("token: string!, password: string!")
        .status("204"),
    get("/graphql", Endpoint::Graphql, "Ask for items").needs(Needs::Nothing).query(GRAPHQL_QUERY),
    post("/graphql", Endpoint::Graphql, "Ask for items, or change them").needs(Needs::Nothing).body(GRAPHQL),
    get("/graphql/system", Endpoint::GraphqlOfTheSystem, "Ask for the system's items").query(GRAPHQL_QUERY),
    post("/graphql/system", Endpoint::GraphqlOfTheSystem, "Ask for the system's items, or change them").body(GRAPHQL),
    get("/permissions/me", Endpoint::Permissions, "What the caller may do"),
    get("/permissions/me/{collection}", Endpoint::PermissionsIn, "What the caller may do with items of a collection"),
    get("/permissions/me/{collection}/{id}", Endpoint::PermissionsFor, "What the caller may do with an item"),
    get("/policies/me/globals", Endpoint::Globals, "What the caller's policies say of the whole"),
    get("/roles/me", Endpoint::Roles, "The caller's roles").query("fields: string"),
    get("/server/health", Endpoint::Health, "Whether the database answers").needs(Needs::Nothing),
    get("/server/info", Endpoint::Info, "What is served"),
    get("/server/ping", Endpoint::Ping, "A sign of life").needs(Needs::Nothing),
    get("/server/specs/graphql", Endpoint::Schema, "The schema").needs(Needs::Introspection),
    get("/server/specs/graphql/items", Endpoint::Schema, "The schema, by another name").needs(Needs::Introspection),
    get("/server/specs/graphql/system", Endpoint::SchemaOfTheSystem, "The schema of the system's items")
        .needs(Needs::IntrospectionOfTheSystem),
    get("/server/specs/oas", Endpoint::Document, "This document").needs(Needs::Nothing),
    get("/stream", Endpoint::Stream, "Changes as they happen")
        .needs(Needs::Nothing)
        .query("collections: string!, events: string, fields: string, filter: string, overflow: string, after: string"),
    get("/users/me", Endpoint::Me, "The caller").query("fields: string"),
    Path::new(PathMethod::Patch, "/users/me", Endpoint::UpdateMe, "Change the caller")
        .query("fields: string")
        .body("first_name: string, last_name: string, email: string, password: string"),
    post("/users/me/tfa/generate", Endpoint::GenerateTfa, "A secret for one-time passwords").body("password: string!"),
    post("/users/me/tfa/enable", Endpoint::EnableTfa, "Use one-time passwords")
        .body("secret: string!, otp: string!")
        .status("204"),
    post("/users/me/tfa/disable", Endpoint::DisableTfa, "Use no one-time passwords").body("otp: string!").status("204"),
    post("/users/{id}/tfa/disable", Endpoint::DisableTfaOf, "Let somebody use no one-time passwords").status("204"),
    post("/users/invite", Endpoint::Invite, "Invite somebody")
        .body("email: strings!, role: string!, invite_url: string")
        .status("204"),
    post("/users/invite/accept", Endpoint::AcceptInvite, "Accept an invitation")
        .body("token: string!, password: string!")
        .status("204"),
    post("/users/register", Endpoint::Register, "Register")
        .body("email: string!, password: string!, first_name: string, last_name: string, verification_url: string")
        .status("204"),
    get("/users/register/verify-email", Endpoint::VerifyEmail, "Confirm an address")
        .query("token: string!")
        .status("302"),
    post("/utils/revert/{revision}", Endpoint::Revert, "Put a revision back").status("204"),
    post("/utils/sort/{collection}", Endpoint::Sort, "Move an item to another's place").body("item: key!, to: key!"),
];
