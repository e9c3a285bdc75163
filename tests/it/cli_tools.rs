//! `schema`, `check`, `ping` and `--help`.

use std::net::TcpListener;

use serde_json::Value as Json;
use tempfile::tempdir;

use crate::support::{Gateway, Kind, TestDatabase, output, text, tidegate};

#[tokio::test]
async fn the_schema_is_printed_as_sdl_and_as_json() {
    let folder = tempdir().expect("a folder can be made");
    for kind in Kind::ALL {
        let data = TestDatabase::music(kind).await;
        let sdl = output(tidegate(folder.path(), &["schema", "--database-url", &data.url]));
        assert!(sdl.status.success(), "{kind:?}: {}", text(&sdl.stderr));
        assert!(text(&sdl.stdout).contains("type artist {"), "{kind:?}");
        let arguments = ["schema", "--format", "json", "--database-url", &data.url, "--introspection", "false"];
        let json = output(tidegate(folder.path(), &arguments));
        assert!(json.status.success(), "{kind:?}: {}", text(&json.stderr));
        let json: Json = serde_json::from_slice(&json.stdout).expect("it is JSON");
        let types = json["data"]["__schema"]["types"].as_array().expect("it has types");
        assert!(types.iter().any(|one| one["name"] == "artist"), "{kind:?}");
    }
}

#[tokio::test]
async fn check_says_what_is_served_and_what_is_not() {
    let folder = tempdir().expect("a folder can be made");
    for kind in Kind::ALL {
        let data = TestDatabase::awkward(kind).await;
        let checked = output(tidegate(folder.path(), &["check", "--database-url", &data.url]));
        assert_eq!(checked.status.code(), Some(0), "{kind:?}: {}", text(&checked.stderr));
        let said = text(&checked.stdout);
        assert!(said.contains("\nServed (") && said.contains("eft out"), "{kind:?}: {said}");
        let empty = TestDatabase::create(kind, "SELECT 1;").await;
        let checked = output(tidegate(folder.path(), &["check", "--database-url", &empty.url]));
        assert_eq!(checked.status.code(), Some(1), "{kind:?}");
        assert!(text(&checked.stderr).contains("nothing to serve"), "{kind:?}: {}", text(&checked.stderr));
    }
}

#[tokio::test]
async fn ping_tells_by_its_exit_code() {
    let folder = tempdir().expect("a folder can be made");
    let data = TestDatabase::music(Kind::Sqlite).await;
    let gateway = Gateway::start(tidegate(folder.path(), &["serve", "--database-url", &data.url]));
    let port = gateway.base.rsplit(':').next().expect("it has a port").to_owned();
    let well = output(tidegate(folder.path(), &["ping", "--port", &port]));
    assert_eq!((well.status.code(), text(&well.stderr)), (Some(0), String::new()));
    let nowhere = format!("{}/nowhere", gateway.base);
    let lost = output(tidegate(folder.path(), &["ping", "--url", &nowhere]));
    assert_eq!(lost.status.code(), Some(1));
    assert!(text(&lost.stderr).contains("404"), "{}", text(&lost.stderr));
    drop(gateway);

    let closed = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it has an address");
    for url in [format!("http://{closed}/"), "https://localhost/".to_owned(), "nonsense".to_owned()] {
        let gone = output(tidegate(folder.path(), &["ping", "--url", &url]));
        assert_eq!(gone.status.code(), Some(1), "{url}");
        assert_eq!(text(&gone.stderr).lines().count(), 1, "{url}");
    }
}

#[test]
fn help_tells_of_every_option_its_variable_and_its_default() {
    let folder = tempdir().expect("a folder can be made");
    let mut command = tidegate(folder.path(), &["serve", "--help"]);
    command.env("ADMIN_TOKEN", "s3cret").env("DB_PASSWORD", "s3cret");
    let help = text(&output(command).stdout);
    assert!(!help.contains("s3cret"), "{help}");
    let options = [
        ("--database-url", "DATABASE_URL", ""),
        ("--db-client", "DB_CLIENT", ""),
        ("--db-host", "DB_HOST", "localhost"),
        ("--db-port", "DB_PORT", "the database's own"),
        ("--db-database", "DB_DATABASE", ""),
        ("--db-user", "DB_USER", ""),
        ("--db-password", "DB_PASSWORD", ""),
        ("--db-filename", "DB_FILENAME", ""),
        ("--db-connection-string", "DB_CONNECTION_STRING", ""),
        ("--schemas", "DB_SCHEMAS", "public"),
        ("--exclude-tables", "DB_EXCLUDE_TABLES", "spatial_ref_sys,sysdiagrams"),
        ("--pool-max", "DB_POOL_MAX", "10"),
        ("--acquire-timeout", "DB_ACQUIRE_TIMEOUT", "10s"),
        ("--connect-timeout", "DB_CONNECT_TIMEOUT", "10s"),
        ("--statement-timeout", "DB_STATEMENT_TIMEOUT", "30s"),
        ("--read-consistency", "READ_CONSISTENCY", "statement"),
        ("--query-limit-default", "QUERY_LIMIT_DEFAULT", "100"),
        ("--query-limit-max", "QUERY_LIMIT_MAX", "-1"),
        ("--max-relational-depth", "MAX_RELATIONAL_DEPTH", "10"),
        ("--query-token-limit", "GRAPHQL_QUERY_TOKEN_LIMIT", "5000"),
        ("--max-aliases", "GRAPHQL_MAX_ALIASES", "200"),
        ("--max-root-fields", "GRAPHQL_MAX_ROOT_FIELDS", "50"),
        ("--max-cost", "GRAPHQL_MAX_COST", "10000000"),
        ("--max-statements", "GRAPHQL_MAX_STATEMENTS", "500"),
        ("--introspection", "GRAPHQL_INTROSPECTION", "true"),
        ("--openapi-enabled", "OPENAPI_ENABLED", "true"),
        ("--max-batch-mutation", "MAX_BATCH_MUTATION", "any number"),
        ("--plan-cache-size", "PLAN_CACHE_SIZE", "16"),
        ("--schema-cache-size", "SCHEMA_CACHE_SIZE", "256"),
        ("--max-answer-size", "MAX_ANSWER_SIZE", "256mb"),
        ("--event-log-events", "EVENT_LOG_EVENTS", "100000"),
        ("--event-log-size", "EVENT_LOG_SIZE", "64mb"),
        ("--event-log-age", "EVENT_LOG_AGE", "1h"),
        ("--log-level", "LOG_LEVEL", "info"),
        ("--log-style", "LOG_STYLE", "pretty"),
        ("--public", "PUBLIC_ACCESS", "none"),
        ("--rules", "RULES_FILE", ""),
        ("--metadata", "METADATA", ""),
        ("--admin-email", "ADMIN_EMAIL", ""),
        ("--admin-password", "ADMIN_PASSWORD", ""),
        ("--hash-memory-cost", "HASH_MEMORY_COST", "65536"),
        ("--hash-time-cost", "HASH_TIME_COST", "3"),
        ("--hash-parallelism", "HASH_PARALLELISM", "4"),
        ("--secret", "SECRET", ""),
        ("--public-url", "PUBLIC_URL", "/"),
        ("--access-token-ttl", "ACCESS_TOKEN_TTL", "15m"),
        ("--refresh-token-ttl", "REFRESH_TOKEN_TTL", "7d"),
        ("--refresh-token-cookie-name", "REFRESH_TOKEN_COOKIE_NAME", "directus_refresh_token"),
        ("--refresh-token-cookie-domain", "REFRESH_TOKEN_COOKIE_DOMAIN", ""),
        ("--refresh-token-cookie-secure", "REFRESH_TOKEN_COOKIE_SECURE", "false"),
        ("--refresh-token-cookie-same-site", "REFRESH_TOKEN_COOKIE_SAME_SITE", "lax"),
        ("--session-cookie-ttl", "SESSION_COOKIE_TTL", "1d"),
        ("--session-cookie-name", "SESSION_COOKIE_NAME", "directus_session_token"),
        ("--session-cookie-domain", "SESSION_COOKIE_DOMAIN", ""),
        ("--session-cookie-secure", "SESSION_COOKIE_SECURE", "false"),
        ("--session-cookie-same-site", "SESSION_COOKIE_SAME_SITE", "lax"),
        ("--session-refresh-grace-period", "SESSION_REFRESH_GRACE_PERIOD", "10s"),
        ("--login-stall-time", "LOGIN_STALL_TIME", "500"),
        ("--register-stall-time", "REGISTER_STALL_TIME", "750"),
        ("--email-verification-token-ttl", "EMAIL_VERIFICATION_TOKEN_TTL", "7d"),
        ("--user-invite-token-ttl", "USER_INVITE_TOKEN_TTL", "7d"),
        ("--password-reset-url-allow-list", "PASSWORD_RESET_URL_ALLOW_LIST", ""),
        ("--user-invite-url-allow-list", "USER_INVITE_URL_ALLOW_LIST", ""),
        ("--user-register-url-allow-list", "USER_REGISTER_URL_ALLOW_LIST", ""),
        ("--jwt-jwks-url", "JWT_JWKS_URL", ""),
        ("--jwt-key", "JWT_KEY", ""),
        ("--jwt-algorithms", "JWT_ALGORITHMS", "RS256"),
        ("--jwt-issuer", "JWT_ISSUER", ""),
        ("--jwt-audience", "JWT_AUDIENCE", ""),
        ("--jwt-user-claim", "JWT_USER_CLAIM", "sub"),
        ("--jwt-role-claim", "JWT_ROLE_CLAIM", "role"),
        ("--jwt-role-map", "JWT_ROLE_MAP", ""),
        ("--auth-disable-default", "AUTH_DISABLE_DEFAULT", "false"),
        ("--email-transport", "EMAIL_TRANSPORT", "sendmail"),
        ("--email-from", "EMAIL_FROM", "no-reply@example.com"),
        ("--email-verify-setup", "EMAIL_VERIFY_SETUP", "true"),
        ("--email-sendmail-path", "EMAIL_SENDMAIL_PATH", "/usr/sbin/sendmail"),
        ("--email-smtp-host", "EMAIL_SMTP_HOST", "localhost"),
        ("--email-smtp-port", "EMAIL_SMTP_PORT", ""),
        ("--email-smtp-user", "EMAIL_SMTP_USER", ""),
        ("--email-smtp-password", "EMAIL_SMTP_PASSWORD", ""),
        ("--email-smtp-pool", "EMAIL_SMTP_POOL", "false"),
        ("--email-smtp-secure", "EMAIL_SMTP_SECURE", "false"),
        ("--email-smtp-ignore-tls", "EMAIL_SMTP_IGNORE_TLS", "false"),
        ("--email-smtp-name", "EMAIL_SMTP_NAME", ""),
        ("--email-smtp-tls-reject-unauthorized", "EMAIL_SMTP_TLS_REJECT_UNAUTHORIZED", "true"),
        ("--email-smtp-tls-servername", "EMAIL_SMTP_TLS_SERVERNAME", ""),
        ("--email-smtp-tls-ca", "EMAIL_SMTP_TLS_CA", ""),
        ("--host", "HOST", "127.0.0.1"),
        ("--port", "PORT", "8055"),
        ("--admin-token", "ADMIN_TOKEN", ""),
        ("--max-payload-size", "MAX_PAYLOAD_SIZE", "1mb"),
        ("--operation-timeout", "OPERATION_TIMEOUT", "60s"),
        ("--shutdown-timeout", "SHUTDOWN_TIMEOUT", "10s"),
        ("--max-connections", "MAX_CONNECTIONS", "10000"),
        ("--trust-proxy", "TRUST_PROXY", "false"),
        ("--rate-limiter-enabled", "RATE_LIMITER_ENABLED", "false"),
        ("--rate-limiter-points", "RATE_LIMITER_POINTS", "50"),
        ("--rate-limiter-duration", "RATE_LIMITER_DURATION", "1"),
        ("--rate-limiter-global-enabled", "RATE_LIMITER_GLOBAL_ENABLED", "false"),
        ("--rate-limiter-global-points", "RATE_LIMITER_GLOBAL_POINTS", "1000"),
        ("--rate-limiter-global-duration", "RATE_LIMITER_GLOBAL_DURATION", "1"),
        ("--rate-limiter-login-enabled", "RATE_LIMITER_LOGIN_ENABLED", "true"),
        ("--rate-limiter-login-points", "RATE_LIMITER_LOGIN_POINTS", "100"),
        ("--rate-limiter-login-duration", "RATE_LIMITER_LOGIN_DURATION", "60"),
        ("--rate-limiter-registration-enabled", "RATE_LIMITER_REGISTRATION_ENABLED", "true"),
        ("--rate-limiter-registration-points", "RATE_LIMITER_REGISTRATION_POINTS", "5"),
        ("--rate-limiter-registration-duration", "RATE_LIMITER_REGISTRATION_DURATION", "60"),
        ("--cors-enabled", "CORS_ENABLED", "false"),
        ("--cors-origin", "CORS_ORIGIN", "false"),
        ("--cors-methods", "CORS_METHODS", "GET,POST,PATCH,DELETE"),
        ("--cors-allowed-headers", "CORS_ALLOWED_HEADERS", "Content-Type,Authorization"),
        ("--cors-exposed-headers", "CORS_EXPOSED_HEADERS", "Content-Range"),
        ("--cors-credentials", "CORS_CREDENTIALS", "true"),
        ("--cors-max-age", "CORS_MAX_AGE", "18000"),
        ("--websockets-enabled", "WEBSOCKETS_ENABLED", "true"),
        ("--websockets-limit", "WEBSOCKETS_GRAPHQL_CONN_LIMIT", "20000"),
        ("--websockets-address-limit", "WEBSOCKETS_ADDRESS_LIMIT", "10000"),
        ("--websockets-operation-limit", "WEBSOCKETS_OPERATION_LIMIT", "1000"),
        ("--websockets-message-size", "WEBSOCKETS_MESSAGE_SIZE", "1mb"),
        ("--websockets-auth-timeout", "WEBSOCKETS_GRAPHQL_AUTH_TIMEOUT", "3s"),
        ("--websockets-heartbeat", "WEBSOCKETS_HEARTBEAT_PERIOD", "30s"),
        ("--websockets-write-timeout", "WEBSOCKETS_WRITE_TIMEOUT", "10s"),
        ("--websockets-queue-events", "WEBSOCKETS_QUEUE_EVENTS", "1024"),
        ("--websockets-queue-size", "WEBSOCKETS_QUEUE_SIZE", "1mb"),
    ];
    for (option, variable, default) in options {
        let entry = entry(&help, option);
        assert!(entry.contains(&format!("[env: {variable}")), "{option}: {entry}");
        assert!(default.is_empty() || entry.contains(&format!("[default: {default}]")), "{option}: {entry}");
    }
    // The list above is whole.
    let told = help.lines().filter_map(|line| line.trim_start().split([' ', '[']).next());
    let mut told: Vec<&str> = told.filter(|word| word.starts_with("--") && word.len() > 2).collect();
    let mut listed = options.map(|(option, ..)| option).to_vec();
    told.sort_unstable();
    listed.sort_unstable();
    assert_eq!(told, listed);
}

/// What the help says of one option, up to the next, on one line.
fn entry(help: &str, option: &str) -> String {
    let begins = |line: &&str| line.trim_start().split([' ', '[']).next() == Some(option);
    let mut lines = help.lines().skip_while(|line| !begins(line));
    let first = lines.next().unwrap_or_else(|| panic!("the help has no {option}"));
    let rest = lines.take_while(|line| !line.trim_start().starts_with("--"));
    std::iter::once(first).chain(rest).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
