//! Every option: its name, its environment variable, its default and unit. The
//! comments are the manual that `--help` prints.

mod compose;
mod mail;

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, builder::BoolishValueParser};

use self::mail::MailArguments;
use super::{
    Consistency, Format, Metadata, PublicAccess,
    database::DatabaseArguments,
    units::{self, Rows},
};
use crate::telemetry;

/// Tidegate makes a SQL database a GraphQL API, with no code written.
///
/// Every option is also an environment variable, named in brackets; a file .env in the current folder is read too.
/// The command line wins over the environment, and the environment over .env.
#[derive(Parser)]
#[command(name = "tidegate", version, arg_required_else_help = true, subcommand_required = true)]
#[command(max_term_width = 110)]
pub(super) struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Serve a database.
    Serve(Box<ServeArguments>),
    /// Serve a small publishing house in tidegate-demo.db, made in the current folder when missing.
    Demo(Box<DemoArguments>),
    /// Make the system tables in a database, and its first administrator; harmless where they are there.
    Bootstrap(Box<BootstrapArguments>),
    /// Print the GraphQL schema of a database.
    Schema(Box<SchemaArguments>),
    /// Print what of a database would be served, and what not and why; exit code 1 if it cannot be served.
    Check(Box<GatewayArguments>),
    /// Print how an operation is answered: the plan, what the caller's rights add to it, its statements with their rows
    /// and times. Queries are run; mutations and subscriptions are planned.
    Explain(Box<ExplainArguments>),
    /// Ask a running gateway how it is; exit code 0 if it is well.
    Ping(PingArguments),
}

#[derive(Args)]
struct ServeArguments {
    #[command(flatten)]
    gateway: GatewayArguments,
    /// What a caller without a token may do.
    #[arg(long, env = "PUBLIC_ACCESS", value_enum, default_value = "none", help_heading = "Access")]
    public: PublicAccess,
    /// Whether users, roles and policies are those of the database's own system tables, which are made where they are
    /// missing; `none` leaves the database as it is [default: directus, but none with --public read or --rules]
    #[arg(long, env = "METADATA", value_enum, help_heading = "Access")]
    metadata: Option<Metadata>,
    /// Roles, policies and tokens: a file in TOML, or YAML (.yaml, .yml), read anew when it changes.
    #[arg(long, env = "RULES_FILE", value_name = "FILE", conflicts_with = "public", help_heading = "Access")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    accounts: AccountArguments,
    #[command(flatten)]
    tokens: TokenArguments,
    #[command(flatten)]
    mail: MailArguments,

    #[command(flatten)]
    http: HttpArguments,
}

#[derive(Args)]
struct BootstrapArguments {
    #[command(flatten)]
    gateway: GatewayArguments,
    #[command(flatten)]
    admin: AdminArguments,
    #[command(flatten)]
    hash: HashArguments,
    /// A static token of the administrator's.
    #[arg(long, env = "ADMIN_TOKEN", value_name = "TOKEN")]
    admin_token: Option<String>,
}

#[derive(Args)]
#[command(next_help_heading = "First administrator")]
struct AdminArguments {
    /// Address to log in with, where there are no users yet [default: admin@example.com]
    #[arg(long, env = "ADMIN_EMAIL", value_name = "EMAIL")]
    admin_email: Option<String>,
    /// Password; one is made up and printed once if none is given.
    #[arg(long, env = "ADMIN_PASSWORD", value_name = "PASSWORD")]
    admin_password: Option<String>,
}

#[derive(Args)]
#[command(next_help_heading = "Accounts")]
struct HashArguments {
    /// Memory that hashing a password takes, in KiB.
    #[arg(long, env = "HASH_MEMORY_COST", default_value = "65536", value_name = "KIB", value_parser = clap::value_parser!(u32).range(8..=4_194_304))]
    hash_memory_cost: u32,
    /// Passes over it.
    #[arg(long, env = "HASH_TIME_COST", default_value = "3", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    hash_time_cost: u32,
    /// Lanes in it.
    #[arg(long, env = "HASH_PARALLELISM", default_value = "4", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    hash_parallelism: u32,
}

#[derive(Args)]
#[command(next_help_heading = "Accounts")]
struct AccountArguments {
    #[command(flatten)]
    admin: AdminArguments,
    #[command(flatten)]
    hash: HashArguments,
    /// What tokens are signed with; without, they are worth nothing after a restart.
    #[arg(long, env = "SECRET", value_name = "TEXT")]
    secret: Option<String>,
    /// Where clients reach the gateway.
    #[arg(long, env = "PUBLIC_URL", default_value = "/", value_name = "URL")]
    public_url: String,
    /// How long an access token lasts.
    #[arg(long, env = "ACCESS_TOKEN_TTL", default_value = "15m", value_name = "TIME", value_parser = units::duration)]
    access_token_ttl: Duration,
    /// How long a refresh token lasts.
    #[arg(long, env = "REFRESH_TOKEN_TTL", default_value = "7d", value_name = "TIME", value_parser = units::duration)]
    refresh_token_ttl: Duration,
    /// Name of the cookie that holds it.
    #[arg(long, env = "REFRESH_TOKEN_COOKIE_NAME", default_value = "directus_refresh_token", value_name = "NAME")]
    refresh_token_cookie_name: String,
    /// Domain of that cookie [default: the gateway's own]
    #[arg(long, env = "REFRESH_TOKEN_COOKIE_DOMAIN", value_name = "DOMAIN")]
    refresh_token_cookie_domain: Option<String>,
    /// Whether it is sent over TLS alone.
    #[arg(long, env = "REFRESH_TOKEN_COOKIE_SECURE", default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    refresh_token_cookie_secure: bool,
    /// lax, strict or none.
    #[arg(long, env = "REFRESH_TOKEN_COOKIE_SAME_SITE", default_value = "lax", value_name = "RULE")]
    refresh_token_cookie_same_site: String,
    /// How long a session lasts.
    #[arg(long, env = "SESSION_COOKIE_TTL", default_value = "1d", value_name = "TIME", value_parser = units::duration)]
    session_cookie_ttl: Duration,
    /// Name of the cookie that holds it.
    #[arg(long, env = "SESSION_COOKIE_NAME", default_value = "directus_session_token", value_name = "NAME")]
    session_cookie_name: String,
    /// Domain of that cookie [default: the gateway's own]
    #[arg(long, env = "SESSION_COOKIE_DOMAIN", value_name = "DOMAIN")]
    session_cookie_domain: Option<String>,
    /// Whether it is sent over TLS alone.
    #[arg(long, env = "SESSION_COOKIE_SECURE", default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    session_cookie_secure: bool,
    /// lax, strict or none.
    #[arg(long, env = "SESSION_COOKIE_SAME_SITE", default_value = "lax", value_name = "RULE")]
    session_cookie_same_site: String,
    /// How long a session lives on that another has followed.
    #[arg(long, env = "SESSION_REFRESH_GRACE_PERIOD", default_value = "10s", value_name = "TIME", value_parser = units::duration)]
    session_refresh_grace_period: Duration,
    /// How long logging in takes at least, in milliseconds unless a unit is given.
    #[arg(long, env = "LOGIN_STALL_TIME", default_value = "500", value_name = "TIME", value_parser = units::millis)]
    login_stall_time: Duration,
    /// How long registering takes at least, in milliseconds unless a unit is given.
    #[arg(long, env = "REGISTER_STALL_TIME", default_value = "750", value_name = "TIME", value_parser = units::millis)]
    register_stall_time: Duration,
    /// How long an address can be confirmed.
    #[arg(long, env = "EMAIL_VERIFICATION_TOKEN_TTL", default_value = "7d", value_name = "TIME", value_parser = units::duration)]
    email_verification_token_ttl: Duration,
    /// How long an invitation can be accepted.
    #[arg(long, env = "USER_INVITE_TOKEN_TTL", default_value = "7d", value_name = "TIME", value_parser = units::duration)]
    user_invite_token_ttl: Duration,
    /// Where links to a new password may lead, comma-separated.
    #[arg(long, env = "PASSWORD_RESET_URL_ALLOW_LIST", value_delimiter = ',', value_name = "URLS")]
    password_reset_url_allow_list: Vec<String>,
    /// Where invitations may lead, comma-separated.
    #[arg(long, env = "USER_INVITE_URL_ALLOW_LIST", value_delimiter = ',', value_name = "URLS")]
    user_invite_url_allow_list: Vec<String>,
    /// Where links that confirm an address may lead, comma-separated.
    #[arg(long, env = "USER_REGISTER_URL_ALLOW_LIST", value_delimiter = ',', value_name = "URLS")]
    user_register_url_allow_list: Vec<String>,
    /// Whether nobody can log in with a password.
    #[arg(long, env = "AUTH_DISABLE_DEFAULT", default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    auth_disable_default: bool,
}

#[derive(Args)]
#[command(next_help_heading = "Tokens that others sign")]
struct TokenArguments {
    /// Where their keys are published, as a JSON Web Key Set.
    #[arg(long, env = "JWT_JWKS_URL", value_name = "URL")]
    jwt_jwks_url: Option<String>,
    /// Or a key: a public one in PEM, or a secret.
    #[arg(long, env = "JWT_KEY", value_name = "KEY")]
    jwt_key: Option<String>,
    /// Algorithms that are good, comma-separated, and no others.
    #[arg(long, env = "JWT_ALGORITHMS", value_delimiter = ',', default_value = "RS256", value_name = "NAMES")]
    jwt_algorithms: Vec<String>,
    /// Who must have signed.
    #[arg(long, env = "JWT_ISSUER", value_name = "TEXT")]
    jwt_issuer: Option<String>,
    /// For whom it must be, comma-separated.
    #[arg(long, env = "JWT_AUDIENCE", value_delimiter = ',', value_name = "TEXTS")]
    jwt_audience: Vec<String>,
    /// The claim that is the user's id; dots lead into objects.
    #[arg(long, env = "JWT_USER_CLAIM", default_value = "sub", value_name = "PATH")]
    jwt_user_claim: String,
    /// The claim that says the role, or a list of them.
    #[arg(long, env = "JWT_ROLE_CLAIM", default_value = "role", value_name = "PATH")]
    jwt_role_claim: String,
    /// Roles by what the claim says, as in editors=ROLE,admins=ROLE; without, it is the role itself.
    #[arg(long, env = "JWT_ROLE_MAP", value_delimiter = ',', value_name = "PAIRS")]
    jwt_role_map: Vec<String>,
}

#[derive(Args)]
struct DemoArguments {
    #[command(flatten)]
    pool: PoolArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    events: EventArguments,
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    http: HttpArguments,
}

#[derive(Args)]
struct SchemaArguments {
    /// As schema definition language, or as the JSON answer to the introspection query.
    #[arg(long, value_enum, default_value = "sdl")]
    format: Format,
    #[command(flatten)]
    gateway: GatewayArguments,
}

#[derive(Args)]
struct ExplainArguments {
    /// The operation; `-` reads it from standard input.
    query: String,
    /// Values for its variables.
    #[arg(long, value_name = "JSON")]
    variables: Option<String>,
    /// Which of the document's operations.
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// As a user sees it, by id or address [default: as an administrator does]
    #[arg(long, value_name = "USER", group = "whose", help_heading = "Access")]
    user: Option<String>,
    /// As whoever has a role sees it.
    #[arg(long, value_name = "ROLE", group = "whose", help_heading = "Access")]
    role: Option<String>,
    /// As a caller without a token sees it.
    #[arg(long, group = "whose", help_heading = "Access")]
    public: bool,
    /// Roles, policies and users: a file in TOML or YAML, instead of the database's own.
    #[arg(long, env = "RULES_FILE", value_name = "FILE", help_heading = "Access")]
    rules: Option<PathBuf>,
    /// Ask the system's collections, as /graphql/system does.
    #[arg(long)]
    system: bool,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: GatewayArguments,
}

#[derive(Args)]
struct GatewayArguments {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    pool: PoolArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    events: EventArguments,
    #[command(flatten)]
    log: LogArguments,
}

#[derive(Args)]
#[command(next_help_heading = "Database connections")]
struct PoolArguments {
    /// PostgreSQL schemas to serve, comma-separated; tables of the first keep their plain names. DB_SEARCH_PATH is
    /// understood too [default: public]
    #[arg(long, env = "DB_SCHEMAS", value_delimiter = ',', value_name = "NAMES")]
    schemas: Vec<String>,
    #[arg(long, env = "DB_SEARCH_PATH", value_delimiter = ',', hide = true)]
    search_path: Vec<String>,
    /// Tables not to serve, comma-separated.
    #[arg(
        long,
        env = "DB_EXCLUDE_TABLES",
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "spatial_ref_sys,sysdiagrams"
    )]
    exclude_tables: Vec<String>,
    /// Most connections to the database at a time.
    #[arg(long, env = "DB_POOL_MAX", default_value = "10", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pool_max: u32,
    /// Longest wait for a free connection, in seconds unless a unit (ms, s, m, h) is given; must be more than 0.
    #[arg(long, env = "DB_ACQUIRE_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = units::duration)]
    acquire_timeout: Duration,
    /// Longest time to establish one connection; must be more than 0.
    #[arg(long, env = "DB_CONNECT_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = units::duration)]
    connect_timeout: Duration,
    /// Longest run of one statement; 0 means no limit.
    #[arg(long, env = "DB_STATEMENT_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = units::duration)]
    statement_timeout: Duration,
    /// Whether each statement sees the data as of its own start, or all statements of an operation the same state.
    #[arg(long, env = "READ_CONSISTENCY", value_enum, default_value = "statement")]
    read_consistency: Consistency,
}

#[derive(Args)]
#[command(next_help_heading = "Limits of one operation")]
struct LimitArguments {
    /// Rows of a list whose `limit` is not given; -1 means all.
    #[arg(long, env = "QUERY_LIMIT_DEFAULT", default_value = "100", value_name = "ROWS", value_parser = units::rows, allow_hyphen_values = true)]
    query_limit_default: Rows,
    /// Most rows that `limit` may ask for; -1 means any number.
    #[arg(long, env = "QUERY_LIMIT_MAX", default_value = "-1", value_name = "ROWS", value_parser = units::rows, allow_hyphen_values = true)]
    query_limit_max: Rows,
    /// Most levels of relations in selections, filters, sorts and payloads; less than 2 counts as 2.
    #[arg(long, env = "MAX_RELATIONAL_DEPTH", default_value = "10", value_name = "LEVELS")]
    max_relational_depth: usize,
    /// Most lexical tokens in a document.
    #[arg(long, env = "GRAPHQL_QUERY_TOKEN_LIMIT", default_value = "5000", value_name = "NUMBER")]
    query_token_limit: usize,
    /// Most aliases in a document.
    #[arg(long, env = "GRAPHQL_MAX_ALIASES", default_value = "200", value_name = "NUMBER")]
    max_aliases: usize,
    /// Most fields at the root of an operation.
    #[arg(long, env = "GRAPHQL_MAX_ROOT_FIELDS", default_value = "50", value_name = "NUMBER")]
    max_root_fields: usize,
    /// Most lists and relations in an operation; each is one statement.
    #[arg(long, env = "GRAPHQL_MAX_STATEMENTS", default_value = "500", value_name = "NUMBER")]
    max_statements: usize,
    /// Highest estimated cost of an operation, in cells (rows times columns, over all levels; a relation without a
    /// limit counts as 10 rows).
    #[arg(long, env = "GRAPHQL_MAX_COST", default_value = "10000000", value_name = "CELLS")]
    max_cost: u64,
    /// Whether clients may ask for the schema.
    #[arg(long, env = "GRAPHQL_INTROSPECTION", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    introspection: bool,
    /// Whether clients may ask for the paths, as an OpenAPI document.
    #[arg(long, env = "OPENAPI_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    openapi_enabled: bool,
    /// Most items that one mutation may write, nested ones included [default: any number]
    #[arg(long, env = "MAX_BATCH_MUTATION", value_name = "ITEMS")]
    max_batch_mutation: Option<usize>,
    /// Largest answer, in bytes unless a unit (kb, mb) is given.
    #[arg(long, env = "MAX_ANSWER_SIZE", default_value = "256mb", value_name = "SIZE", value_parser = units::bytes)]
    max_answer_size: usize,
    /// Memory for cached plans, in MiB.
    #[arg(long, env = "PLAN_CACHE_SIZE", default_value = "16", value_name = "MIB")]
    plan_cache_size: u64,
    /// Memory for schemas, one for each kind of caller or the parts of it that are used, in MiB.
    #[arg(long, env = "SCHEMA_CACHE_SIZE", default_value = "256", value_name = "MIB")]
    schema_cache_size: u64,
}

#[derive(Args)]
#[command(next_help_heading = "Log of changes")]
struct EventArguments {
    /// Most changes that are kept for clients who come back; 0 means none.
    #[arg(long, env = "EVENT_LOG_EVENTS", default_value = "100000", value_name = "NUMBER")]
    event_log_events: usize,
    /// Most memory that they take, roughly, in bytes unless a unit (kb, mb) is given; 0 means none.
    #[arg(long, env = "EVENT_LOG_SIZE", default_value = "64mb", value_name = "SIZE", value_parser = units::bytes)]
    event_log_size: usize,
    /// How long they are kept; 0 means no limit.
    #[arg(long, env = "EVENT_LOG_AGE", default_value = "1h", value_name = "TIME", value_parser = units::duration)]
    event_log_age: Duration,
}

#[derive(Args)]
#[command(next_help_heading = "Log")]
struct LogArguments {
    /// silent, error, warn, info, debug or trace; or levels by target, as in info,hyper=debug.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    log_level: String,
    /// For people, or one JSON object per line.
    #[arg(long, env = "LOG_STYLE", value_enum, default_value = "pretty")]
    log_style: telemetry::Style,
}

#[derive(Args)]
#[command(next_help_heading = "HTTP")]
struct HttpArguments {
    /// Address or name to listen on; 0.0.0.0 means all.
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 lets the system choose.
    #[arg(long, env = "PORT", default_value = "8055")]
    port: u16,
    /// Bearer token of the administrator; empty means that there is none. `demo` makes a new one at each start.
    #[arg(long, env = "ADMIN_TOKEN", value_name = "TOKEN", help_heading = "Access")]
    admin_token: Option<String>,
    /// Largest request body, in bytes unless a unit (kb, mb) is given.
    #[arg(long, env = "MAX_PAYLOAD_SIZE", default_value = "1mb", value_name = "SIZE", value_parser = units::bytes)]
    max_payload_size: usize,
    /// Longest time for one operation, reading the request included; 0 means no limit.
    #[arg(long, env = "OPERATION_TIMEOUT", default_value = "60s", value_name = "TIME", value_parser = units::duration)]
    operation_timeout: Duration,
    /// How long running requests may take to finish when the gateway is stopped.
    #[arg(long, env = "SHUTDOWN_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = units::duration)]
    shutdown_timeout: Duration,
    /// Most client connections at a time; further ones wait.
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "10000", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..1_000_000))]
    max_connections: u32,
    /// Whether the last hop of X-Forwarded-For is the client's address; only behind a proxy that sets it.
    #[arg(long, env = "TRUST_PROXY", default_value = "false", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    trust_proxy: bool,
    #[command(flatten)]
    cors: CorsArguments,
    #[command(flatten)]
    sockets: SocketArguments,
    #[command(flatten)]
    rates: RateArguments,
}

#[derive(Args)]
#[command(next_help_heading = "Rate limits")]
struct RateArguments {
    /// Whether requests are counted by address, or by user.
    #[arg(long, env = "RATE_LIMITER_ENABLED", default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    rate_limiter_enabled: bool,
    /// How many of them there may be.
    #[arg(long, env = "RATE_LIMITER_POINTS", default_value = "50", value_name = "NUMBER")]
    rate_limiter_points: u32,
    /// In how long a time.
    #[arg(long, env = "RATE_LIMITER_DURATION", default_value = "1", value_name = "TIME", value_parser = units::duration)]
    rate_limiter_duration: Duration,
    /// Whether all requests together are counted.
    #[arg(long, env = "RATE_LIMITER_GLOBAL_ENABLED", default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    rate_limiter_global_enabled: bool,
    /// How many of them there may be.
    #[arg(long, env = "RATE_LIMITER_GLOBAL_POINTS", default_value = "1000", value_name = "NUMBER")]
    rate_limiter_global_points: u32,
    /// In how long a time.
    #[arg(long, env = "RATE_LIMITER_GLOBAL_DURATION", default_value = "1", value_name = "TIME", value_parser = units::duration)]
    rate_limiter_global_duration: Duration,
    /// Whether attempts to log in are counted by address.
    #[arg(long, env = "RATE_LIMITER_LOGIN_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    rate_limiter_login_enabled: bool,
    /// How many of them there may be.
    #[arg(long, env = "RATE_LIMITER_LOGIN_POINTS", default_value = "100", value_name = "NUMBER")]
    rate_limiter_login_points: u32,
    /// In how long a time.
    #[arg(long, env = "RATE_LIMITER_LOGIN_DURATION", default_value = "60", value_name = "TIME", value_parser = units::duration)]
    rate_limiter_login_duration: Duration,
    /// Whether registrations are counted by address.
    #[arg(long, env = "RATE_LIMITER_REGISTRATION_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    rate_limiter_registration_enabled: bool,
    /// How many of them there may be.
    #[arg(long, env = "RATE_LIMITER_REGISTRATION_POINTS", default_value = "5", value_name = "NUMBER")]
    rate_limiter_registration_points: u32,
    /// In how long a time.
    #[arg(long, env = "RATE_LIMITER_REGISTRATION_DURATION", default_value = "60", value_name = "TIME", value_parser = units::duration)]
    rate_limiter_registration_duration: Duration,
}

#[derive(Args)]
#[command(next_help_heading = "WebSockets")]
struct SocketArguments {
    /// Whether /graphql can be opened as a WebSocket.
    #[arg(long, env = "WEBSOCKETS_ENABLED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    websockets_enabled: bool,
    /// Most sockets and event streams at a time; further ones are refused.
    #[arg(long, env = "WEBSOCKETS_GRAPHQL_CONN_LIMIT", default_value = "20000", value_name = "NUMBER")]
    websockets_limit: usize,
    /// Most sockets and event streams of one address at a time.
    #[arg(long, env = "WEBSOCKETS_ADDRESS_LIMIT", default_value = "10000", value_name = "NUMBER")]
    websockets_address_limit: usize,
    /// Most operations under way on one of them.
    #[arg(long, env = "WEBSOCKETS_OPERATION_LIMIT", default_value = "1000", value_name = "NUMBER")]
    websockets_operation_limit: usize,
    /// Largest message of a client, in bytes unless a unit (kb, mb) is given.
    #[arg(long, env = "WEBSOCKETS_MESSAGE_SIZE", default_value = "1mb", value_name = "SIZE", value_parser = units::bytes)]
    websockets_message_size: usize,
    /// How long a client may take to introduce itself.
    #[arg(long, env = "WEBSOCKETS_GRAPHQL_AUTH_TIMEOUT", default_value = "3s", value_name = "TIME", value_parser = units::duration)]
    websockets_auth_timeout: Duration,
    /// How often a client is asked for a sign of life.
    #[arg(long, env = "WEBSOCKETS_HEARTBEAT_PERIOD", default_value = "30s", value_name = "TIME", value_parser = units::duration)]
    websockets_heartbeat: Duration,
    /// How long one write to a socket may take; a client of any kind that takes nothing for twice as long is
    /// given up.
    #[arg(long, env = "WEBSOCKETS_WRITE_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = units::duration)]
    websockets_write_timeout: Duration,
    /// Most changes that wait for one client.
    #[arg(long, env = "WEBSOCKETS_QUEUE_EVENTS", default_value = "1024", value_name = "NUMBER")]
    websockets_queue_events: usize,
    /// Most memory that they take, in bytes unless a unit (kb, mb) is given.
    #[arg(long, env = "WEBSOCKETS_QUEUE_SIZE", default_value = "1mb", value_name = "SIZE", value_parser = units::bytes)]
    websockets_queue_size: usize,
}

#[derive(Args)]
#[command(next_help_heading = "Calls from other origins (CORS)")]
struct CorsArguments {
    /// Whether pages of other origins may call at all.
    #[arg(long, env = "CORS_ENABLED", default_value = "false", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    cors_enabled: bool,
    /// Which origins: false for none, true for whoever asks, * for anyone without credentials, or a comma-separated
    /// list such as https://app.example. Those named or mirrored may open sockets as well.
    #[arg(long, env = "CORS_ORIGIN", default_value = "false", value_name = "ORIGINS")]
    cors_origin: String,
    /// With which methods, comma-separated.
    #[arg(
        long,
        env = "CORS_METHODS",
        value_delimiter = ',',
        default_value = "GET,POST,PATCH,DELETE",
        value_name = "METHODS"
    )]
    cors_methods: Vec<String>,
    /// With which request headers, comma-separated.
    #[arg(
        long,
        env = "CORS_ALLOWED_HEADERS",
        value_delimiter = ',',
        default_value = "Content-Type,Authorization",
        value_name = "HEADERS"
    )]
    cors_allowed_headers: Vec<String>,
    /// Which headers of the answer a page may read, comma-separated.
    #[arg(
        long,
        env = "CORS_EXPOSED_HEADERS",
        value_delimiter = ',',
        default_value = "Content-Range",
        value_name = "HEADERS"
    )]
    cors_exposed_headers: Vec<String>,
    /// Whether credentials may come along.
    #[arg(long, env = "CORS_CREDENTIALS", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    cors_credentials: bool,
    /// How long browsers may remember this, in seconds.
    #[arg(long, env = "CORS_MAX_AGE", default_value = "18000", value_name = "TIME", value_parser = units::duration)]
    cors_max_age: Duration,
}

#[derive(Args)]
struct PingArguments {
    /// The gateway's health address [default: http://127.0.0.1:PORT/server/health]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The port on this machine, when no URL is given.
    #[arg(long, env = "PORT", default_value = "8055")]
    port: u16,
    /// Longest wait for its answer.
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = units::duration)]
    timeout: Duration,
}
