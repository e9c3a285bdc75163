//! Arguments composed into the parts' own options.

use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::http::{HeaderName, HeaderValue, Method};

use super::{
    AccountArguments, AdminArguments, BootstrapArguments, Cli, CorsArguments, DemoArguments, EventArguments,
    ExplainArguments, GatewayArguments, HashArguments, HttpArguments, LimitArguments, LogArguments, PingArguments,
    PoolArguments, RateArguments, ServeArguments, SocketArguments, Subcommands, TokenArguments,
};
use crate::{
    auth,
    config::{
        Command, DEMO_FILE, Explanation, FirstAdmin, Gateway, Limits, Metadata, Ping, PublicAccess, Serve, describe,
    },
    db, events, mail,
    realtime::QueueLimits,
    secrets,
    server::{self, CorsOptions, Origins, PageOptions},
    telemetry,
};

impl Cli {
    pub(in crate::config) fn into_command(self) -> anyhow::Result<Command> {
        Ok(match self.command {
            Subcommands::Serve(arguments) => Command::Serve(arguments.into_options()?),
            Subcommands::Demo(arguments) => Command::Demo(arguments.into_options()?),
            Subcommands::Schema(arguments) => {
                let mut gateway = arguments.gateway.into_options(PublicAccess::None)?;
                // Whoever may read the database may see its schema.
                gateway.limits.introspection = true;
                Command::Schema(gateway, arguments.format)
            }
            Subcommands::Bootstrap(arguments) => arguments.into_command()?,
            Subcommands::Check(arguments) => Command::Check(arguments.into_options(PublicAccess::None)?),
            Subcommands::Explain(arguments) => arguments.into_command()?,
            Subcommands::Ping(arguments) => Command::Ping(arguments.into_options()),
        })
    }
}

impl ServeArguments {
    fn into_options(self) -> anyhow::Result<Serve> {
        let is_plain = self.rules.is_some() || self.public != PublicAccess::None;
        let metadata = match (self.metadata, is_plain) {
            (Some(Metadata::Directus | Metadata::Existing), true) => {
                bail!(
                    "METADATA=directus does not go with --public and --rules: users, roles and policies are the tables'"
                );
            }
            (Some(metadata), _) => metadata,
            (None, true) => Metadata::None,
            (None, false) => Metadata::Directus,
        };
        let (first_admin, accounts) = self.accounts.into_options();
        let (foreign, mail) = (self.tokens.into_options()?, self.mail.into_options()?);
        let gateway = self.gateway.into_options(self.public)?;
        let gateway = Gateway { rules: self.rules, metadata, first_admin, ..gateway };
        let mut serve = self.http.into_options(gateway)?;
        let auth::AccountOptions { login_rate, registration_rate, .. } = serve.auth.accounts;
        serve.auth.accounts = auth::AccountOptions { login_rate, registration_rate, ..accounts };
        serve.auth.foreign = foreign;
        serve.mail = mail;
        Ok(serve)
    }
}

impl ExplainArguments {
    fn into_command(self) -> anyhow::Result<Command> {
        let whose = match (self.user, self.role, self.public) {
            (Some(user), ..) => Some(auth::StandIn::User(user)),
            (None, Some(role), _) => Some(auth::StandIn::Role(role)),
            (None, None, true) => Some(auth::StandIn::Public),
            (None, None, false) => None,
        };
        let (query, variables, operation) = (self.query, self.variables, self.operation);
        let explanation = Explanation { query, variables, operation, whose, system: self.system, json: self.json };
        let mut gateway = self.gateway.into_options(PublicAccess::None)?;
        if self.rules.is_some() {
            gateway = Gateway { rules: self.rules, metadata: Metadata::None, ..gateway };
        }
        Ok(Command::Explain(gateway, explanation))
    }
}

impl BootstrapArguments {
    fn into_command(self) -> anyhow::Result<Command> {
        let gateway = self.gateway.into_options(PublicAccess::None)?;
        let gateway = Gateway { metadata: Metadata::Directus, first_admin: self.admin.into_options(), ..gateway };
        let accounts = auth::AccountOptions { hash: self.hash.options(), ..auth::AccountOptions::default() };
        let admin_token = self.admin_token.filter(|token| !token.is_empty());
        let auth = auth::Options { admin_token, accounts, foreign: auth::ForeignOptions::default() };
        Ok(Command::Bootstrap(gateway, auth))
    }
}

impl TokenArguments {
    fn into_options(self) -> anyhow::Result<auth::ForeignOptions> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let pair = |pair: &String| {
            let (claim, role) =
                pair.split_once('=').with_context(|| format!("JWT_ROLE_MAP: `{pair}` is not claim=role"))?;
            Ok((claim.trim().to_owned(), role.trim().to_owned()))
        };
        Ok(auth::ForeignOptions {
            key: given(self.jwt_key),
            jwks_url: given(self.jwt_jwks_url),
            algorithms: parse_all("JWT_ALGORITHMS", self.jwt_algorithms.iter().map(String::as_str))?,
            issuer: given(self.jwt_issuer),
            audience: names(&self.jwt_audience),
            user_claim: self.jwt_user_claim,
            role_claim: self.jwt_role_claim,
            roles: names(&self.jwt_role_map).iter().map(pair).collect::<anyhow::Result<_>>()?,
        })
    }
}

impl AdminArguments {
    fn into_options(self) -> FirstAdmin {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        FirstAdmin { email: given(self.admin_email), password: given(self.admin_password) }
    }
}

impl HashArguments {
    fn options(&self) -> secrets::HashOptions {
        secrets::HashOptions {
            memory: self.hash_memory_cost,
            time: self.hash_time_cost,
            parallelism: self.hash_parallelism,
        }
    }
}

impl AccountArguments {
    fn into_options(self) -> (FirstAdmin, auth::AccountOptions) {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let options = auth::AccountOptions {
            secret: given(self.secret).unwrap_or_else(|| secrets::random_token(32)),
            public_url: self.public_url,
            access_ttl: self.access_token_ttl,
            refresh_ttl: self.refresh_token_ttl,
            session_ttl: self.session_cookie_ttl,
            grace: self.session_refresh_grace_period,
            login_stall: self.login_stall_time,
            register_stall: self.register_stall_time,
            verification_ttl: self.email_verification_token_ttl,
            invite_ttl: self.user_invite_token_ttl,
            reset_urls: names(&self.password_reset_url_allow_list),
            invite_urls: names(&self.user_invite_url_allow_list),
            register_urls: names(&self.user_register_url_allow_list),
            refresh_cookie: auth::CookieOptions {
                name: self.refresh_token_cookie_name,
                domain: given(self.refresh_token_cookie_domain),
                secure: self.refresh_token_cookie_secure,
                same_site: self.refresh_token_cookie_same_site,
            },
            session_cookie: auth::CookieOptions {
                name: self.session_cookie_name,
                domain: given(self.session_cookie_domain),
                secure: self.session_cookie_secure,
                same_site: self.session_cookie_same_site,
            },
            hash: self.hash.options(),
            disable_default: self.auth_disable_default,
            login_rate: None,
            registration_rate: None,
        };
        (self.admin.into_options(), options)
    }
}

impl DemoArguments {
    fn into_options(self) -> anyhow::Result<Serve> {
        let url = format!("sqlite:{}", DEMO_FILE);
        let gateway = gateway(url, self.pool, &self.limits, &self.events, self.log, PublicAccess::None)?;
        let gateway = Gateway { metadata: Metadata::None, ..gateway };
        self.http.into_options(gateway)
    }
}

impl GatewayArguments {
    fn into_options(self, public: PublicAccess) -> anyhow::Result<Gateway> {
        gateway(self.database.url()?, self.pool, &self.limits, &self.events, self.log, public)
    }
}

fn gateway(
    url: String,
    pool: PoolArguments,
    limits: &LimitArguments,
    events: &EventArguments,
    log: LogArguments,
    public: PublicAccess,
) -> anyhow::Result<Gateway> {
    let exclude_tables = names(&pool.exclude_tables);
    let consistency = pool.read_consistency;
    Ok(Gateway {
        database: pool.into_options(url)?,
        exclude_tables,
        public,
        metadata: Metadata::Existing,
        first_admin: FirstAdmin::default(),
        rules: None,
        limits: limits.limits(),
        consistency,
        events: events.options(),
        log: telemetry::Options { level: log.log_level, style: log.log_style },
    })
}

impl PoolArguments {
    fn into_options(self, url: String) -> anyhow::Result<db::Options> {
        for (option, limit) in
            [("DB_ACQUIRE_TIMEOUT", self.acquire_timeout), ("DB_CONNECT_TIMEOUT", self.connect_timeout)]
        {
            if limit.is_zero() {
                bail!("{option}: it must be more than 0");
            }
        }
        let mut schemas = names(&self.schemas);
        if schemas.is_empty() {
            schemas = names(&self.search_path);
        }
        if schemas.is_empty() {
            schemas = vec!["public".to_owned()];
        }
        Ok(db::Options {
            url,
            max_connections: self.pool_max,
            acquire_timeout: self.acquire_timeout,
            connect_timeout: self.connect_timeout,
            statement_timeout: self.statement_timeout,
            schemas,
        })
    }
}

impl LimitArguments {
    fn limits(&self) -> Limits {
        Limits {
            tokens: self.query_token_limit,
            depth: self.max_relational_depth.max(2),
            aliases: self.max_aliases,
            root_fields: self.max_root_fields,
            statements: self.max_statements,
            cost: self.max_cost,
            default_rows: self.query_limit_default.0,
            max_rows: self.query_limit_max.0,
            introspection: self.introspection,
            openapi: self.openapi_enabled,
            plan_cache_bytes: self.plan_cache_size.saturating_mul(1 << 20),
            schema_cache_bytes: self.schema_cache_size.saturating_mul(1 << 20),
            answer_bytes: self.max_answer_size,
            batch: self.max_batch_mutation,
        }
    }
}

impl EventArguments {
    fn options(&self) -> events::Options {
        events::Options {
            max_events: self.event_log_events,
            max_bytes: self.event_log_size,
            max_age: self.event_log_age,
        }
    }
}

impl HttpArguments {
    fn into_options(self, gateway: Gateway) -> anyhow::Result<Serve> {
        let page = PageOptions { title: describe(&gateway.database.url), ..PageOptions::default() };
        let (rates, login_rate, registration_rate) = self.rates.into_options();
        let server = server::Options {
            body_limit: self.max_payload_size,
            operation_timeout: self.operation_timeout,
            shutdown_timeout: self.shutdown_timeout,
            max_connections: self.max_connections,
            trust_proxy: self.trust_proxy,
            cors: self.cors.into_options()?,
            introspection: gateway.limits.introspection,
            openapi: gateway.limits.openapi,
            page,
            sockets: self.sockets.into_options(),
            rates,
        };
        let admin_token = self.admin_token.filter(|token| !token.is_empty());
        let accounts = auth::AccountOptions { login_rate, registration_rate, ..auth::AccountOptions::default() };
        let auth = auth::Options { admin_token, accounts, foreign: auth::ForeignOptions::default() };
        let mail = mail::Options::default();
        Ok(Serve { gateway, host: self.host, port: self.port, auth, server, mail })
    }
}

impl RateArguments {
    /// The limits of requests, of log-ins and of registrations.
    fn into_options(self) -> (server::RateLimits, Option<auth::RateLimit>, Option<auth::RateLimit>) {
        let limit = |is_enabled: bool, points, duration: Duration| {
            (is_enabled && !duration.is_zero()).then_some(auth::RateLimit { points, duration })
        };
        let requests = limit(self.rate_limiter_enabled, self.rate_limiter_points, self.rate_limiter_duration);
        let global =
            limit(self.rate_limiter_global_enabled, self.rate_limiter_global_points, self.rate_limiter_global_duration);
        let login =
            limit(self.rate_limiter_login_enabled, self.rate_limiter_login_points, self.rate_limiter_login_duration);
        let registration = limit(
            self.rate_limiter_registration_enabled,
            self.rate_limiter_registration_points,
            self.rate_limiter_registration_duration,
        );
        (server::RateLimits { requests, global }, login, registration)
    }
}

impl SocketArguments {
    fn into_options(self) -> server::SocketOptions {
        server::SocketOptions {
            enabled: self.websockets_enabled,
            connections: self.websockets_limit,
            per_address: self.websockets_address_limit,
            operations: self.websockets_operation_limit,
            message: self.websockets_message_size,
            init: self.websockets_auth_timeout,
            // A heart that never beats would beat all the time.
            ping: self.websockets_heartbeat.max(Duration::from_secs(1)),
            write: self.websockets_write_timeout,
            queue: QueueLimits { items: self.websockets_queue_events, bytes: self.websockets_queue_size },
            ..server::SocketOptions::default()
        }
    }
}

impl CorsArguments {
    fn into_options(self) -> anyhow::Result<Option<CorsOptions>> {
        let origins = match self.cors_origin.trim() {
            "false" | "" => return Ok(None),
            _ if !self.cors_enabled => return Ok(None),
            "true" => Origins::Mirror,
            "*" => Origins::Any,
            list => Origins::List(parse_all::<HeaderValue>("CORS_ORIGIN", list.split(','))?),
        };
        self.check_wildcards(&origins)?;
        Ok(Some(CorsOptions {
            origins,
            methods: parse_all::<Method>("CORS_METHODS", self.cors_methods.iter().map(String::as_str))?,
            allowed_headers: parse_all::<HeaderName>(
                "CORS_ALLOWED_HEADERS",
                self.cors_allowed_headers.iter().map(String::as_str),
            )?,
            exposed_headers: parse_all::<HeaderName>(
                "CORS_EXPOSED_HEADERS",
                self.cors_exposed_headers.iter().map(String::as_str),
            )?,
            credentials: self.cors_credentials,
            max_age: self.cors_max_age,
        }))
    }
}

impl CorsArguments {
    /// What browsers take literally, or refuse, must not be set.
    fn check_wildcards(&self, origins: &Origins) -> anyhow::Result<()> {
        if matches!(origins, Origins::List(origins) if origins.iter().any(|origin| origin == "*")) {
            bail!("CORS_ORIGIN: `*` cannot be one of several origins; it is given alone");
        }
        // Anyone may only call without credentials, whatever is set.
        if !self.cors_credentials || *origins == Origins::Any {
            return Ok(());
        }
        for (option, list) in [
            ("CORS_METHODS", &self.cors_methods),
            ("CORS_ALLOWED_HEADERS", &self.cors_allowed_headers),
            ("CORS_EXPOSED_HEADERS", &self.cors_exposed_headers),
        ] {
            if list.iter().any(|text| text.trim() == "*") {
                bail!("{option}: `*` cannot be used with credentials; name them, or set CORS_CREDENTIALS=false");
            }
        }
        Ok(())
    }
}

fn parse_all<'a, T>(option: &str, texts: impl Iterator<Item = &'a str>) -> anyhow::Result<Vec<T>>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let texts = texts.map(str::trim).filter(|text| !text.is_empty());
    texts.map(|text| text.parse().with_context(|| format!("{option}: `{text}` cannot be used"))).collect()
}

fn names(list: &[String]) -> Vec<String> {
    list.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

impl PingArguments {
    fn into_options(self) -> Ping {
        let url = self.url.unwrap_or_else(|| format!("http://127.0.0.1:{}/server/health", self.port));
        Ping { url, timeout: self.timeout }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Command {
        let words = std::iter::once("tidegate").chain(arguments.iter().copied());
        Cli::try_parse_from(words).unwrap().into_command().unwrap()
    }

    fn serve(arguments: &[&str]) -> Serve {
        let with_database = [&["serve", "--database-url", "sqlite:a.db"], arguments].concat();
        match parse(&with_database) {
            Command::Serve(serve) => serve,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_reach_their_parts() {
        let serve = serve(&[
            "--max-payload-size",
            "2mb",
            "--query-limit-max",
            "-1",
            "--max-relational-depth",
            "1",
            "--trust-proxy",
        ]);
        assert_eq!(serve.server.body_limit, 2 << 20);
        assert_eq!(serve.gateway.limits.max_rows, None);
        assert_eq!(serve.gateway.limits.depth, 2);
        assert!(serve.server.trust_proxy);
        assert_eq!(serve.gateway.database.schemas, ["public"]);
    }

    #[test]
    fn cors_is_off_until_enabled_with_an_origin() {
        assert!(serve(&["--cors-origin", "true"]).server.cors.is_none());
        assert!(serve(&["--cors-enabled"]).server.cors.is_none());
        let cors = serve(&["--cors-enabled=true", "--cors-origin", "https://a.example, https://b.example"]).server.cors;
        let cors = cors.unwrap();
        assert!(matches!(cors.origins, Origins::List(origins) if origins.len() == 2));
        assert_eq!(cors.methods.len(), 4);
        assert_eq!(cors.max_age, Duration::from_secs(18_000));
    }

    #[test]
    fn a_bad_origin_is_said() {
        let words = ["tidegate", "serve", "--database-url", "a.db", "--cors-enabled", "--cors-origin", "a\u{1}b"];
        let error = Cli::try_parse_from(words).unwrap().into_command().unwrap_err();
        assert!(error.to_string().contains("CORS_ORIGIN"));
    }

    #[test]
    fn a_wait_of_no_time_is_refused() {
        for (flag, option) in [("--acquire-timeout", "DB_ACQUIRE_TIMEOUT"), ("--connect-timeout", "DB_CONNECT_TIMEOUT")]
        {
            let error = Cli::try_parse_from(["tidegate", "demo", flag, "0"]).unwrap().into_command().unwrap_err();
            assert_eq!(error.to_string(), format!("{option}: it must be more than 0"));
        }
    }

    #[test]
    fn a_wildcard_that_browsers_refuse_is_said() {
        let refused = |extra: &[&str]| {
            let words = ["tidegate", "demo", "--cors-enabled"].iter().chain(extra);
            Cli::try_parse_from(words).unwrap().into_command().map(drop).map_err(|error| error.to_string())
        };
        let error = refused(&["--cors-origin", "*,https://a"]).unwrap_err();
        assert_eq!(error, "CORS_ORIGIN: `*` cannot be one of several origins; it is given alone");
        for (flag, option) in [
            ("--cors-methods", "CORS_METHODS"),
            ("--cors-allowed-headers", "CORS_ALLOWED_HEADERS"),
            ("--cors-exposed-headers", "CORS_EXPOSED_HEADERS"),
        ] {
            let error = refused(&["--cors-origin", "true", flag, "*"]).unwrap_err();
            assert!(error.starts_with(option), "{error}");
            assert_eq!(refused(&["--cors-origin", "true", flag, "*", "--cors-credentials", "false"]), Ok(()));
            assert_eq!(refused(&["--cors-origin", "*", flag, "*"]), Ok(()));
        }
    }

    #[test]
    fn demo_takes_no_database_and_no_public() {
        for extra in [["--public", "read"], ["--database-url", "a.db"]] {
            assert!(Cli::try_parse_from(["tidegate", "demo", extra[0], extra[1]]).is_err());
        }
        assert!(matches!(parse(&["demo", "--port", "0"]), Command::Demo(_)));
    }
}
