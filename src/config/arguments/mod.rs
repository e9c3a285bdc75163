//! Every option: its name, its environment variable, its default and unit. The
//! comments are the manual that `--help` prints.

mod compose;

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, builder::BoolishValueParser};

use super::{
    Consistency, Format, PublicAccess,
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
    /// Print the GraphQL schema of a database.
    Schema(Box<SchemaArguments>),
    /// Print what of a database would be served, and what not and why; exit code 1 if it cannot be served.
    Check(Box<GatewayArguments>),
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
    /// Roles, policies and tokens: a file in TOML, read anew when it changes.
    #[arg(long, env = "RULES_FILE", value_name = "FILE", conflicts_with = "public", help_heading = "Access")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    http: HttpArguments,
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
    /// Most items that one mutation may write, nested ones included [default: any number]
    #[arg(long, env = "MAX_BATCH_MUTATION", value_name = "ITEMS")]
    max_batch_mutation: Option<usize>,
    /// Memory for cached plans, in MiB.
    #[arg(long, env = "PLAN_CACHE_SIZE", default_value = "16", value_name = "MIB")]
    plan_cache_size: u64,
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
