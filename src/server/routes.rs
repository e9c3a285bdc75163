//! Which path leads where, and who is asking.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Response, Uri, header, request},
    routing::{MethodFilter, MethodRouter, any, get, on},
};

use super::{
    Shared, accounts, cookies, feed,
    front::{AsWritten, Peer},
    graphql, health, hooked, page,
    problem::Problem,
    specs, system,
};
use crate::{
    auth::{self, Asking, Credentials},
    graphql::{Endpoint, PATHS, Path, PathMethod},
    principal::{Agent, Principal},
};

/// All routes: the pages for people, and what programs ask.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new()
        .route("/", get(page::index))
        .route("/graphiql.js", get(page::script))
        .route("/graphiql.css", get(page::style))
        .route("/live", get(page::live))
        .route("/live.js", get(page::live_script))
        .route("/live.css", get(page::live_style))
        .route("/third-party.txt", get(page::third_party))
        // GraphQL has its own answers to other methods.
        .route("/graphql", any(graphql::answer))
        .route("/graphql/system", any(graphql::answer_of_the_system));
    for path in &PATHS {
        router = router.route(path.path, at(path));
    }
    router.method_not_allowed_fallback(asked_elsewhere).fallback(asked_elsewhere).with_state(shared)
}

/// Who answers at a path.
fn at(path: &Path) -> MethodRouter<Arc<Shared>> {
    let method = match path.method {
        PathMethod::Get => MethodFilter::GET,
        PathMethod::Post => MethodFilter::POST,
        PathMethod::Patch => MethodFilter::PATCH,
    };
    match path.endpoint {
        Endpoint::Graphql => on(method, graphql::answer),
        Endpoint::GraphqlOfTheSystem => on(method, graphql::answer_of_the_system),
        Endpoint::Stream => on(method, feed::answer),
        Endpoint::Health => on(method, health::answer),
        Endpoint::Ping => on(method, || async { "pong" }),
        Endpoint::Schema => on(method, specs::download),
        Endpoint::SchemaOfTheSystem => on(method, specs::download_of_the_system),
        Endpoint::Document => on(method, specs::paths),
        Endpoint::Info => on(method, accounts::info),
        Endpoint::Providers => on(method, accounts::providers),
        Endpoint::LogIn => on(method, accounts::log_in),
        Endpoint::Refresh => on(method, accounts::refresh),
        Endpoint::LogOut => on(method, accounts::log_out),
        Endpoint::RequestPassword => on(method, accounts::request_password),
        Endpoint::ResetPassword => on(method, accounts::reset_password),
        Endpoint::Me => on(method, accounts::me),
        Endpoint::UpdateMe => on(method, accounts::update_me),
        Endpoint::GenerateTfa => on(method, accounts::generate_tfa),
        Endpoint::EnableTfa => on(method, accounts::enable_tfa),
        Endpoint::DisableTfa => on(method, accounts::disable_tfa),
        Endpoint::DisableTfaOf => on(method, accounts::disable_tfa_of),
        Endpoint::Invite => on(method, accounts::invite),
        Endpoint::AcceptInvite => on(method, accounts::accept_invite),
        Endpoint::Register => on(method, accounts::register),
        Endpoint::VerifyEmail => on(method, accounts::verify_email),
        Endpoint::Permissions => on(method, system::permissions),
        Endpoint::PermissionsIn => on(method, system::permissions_in),
        Endpoint::PermissionsFor => on(method, system::permissions_for),
        Endpoint::Globals => on(method, system::globals),
        Endpoint::Roles => on(method, system::roles),
        Endpoint::Revert => on(method, system::revert),
        Endpoint::Sort => on(method, system::sort),
    }
}

/// Nothing is here.
pub(super) async fn not_found(uri: Uri) -> Response<Body> {
    Problem::route(uri.path()).into_json()
}

/// Nothing is here, or not by this method, unless a hook has it.
async fn asked_elsewhere(
    State(shared): State<Arc<Shared>>,
    written: Option<Extension<AsWritten>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let uri = written.map_or(uri, |Extension(AsWritten(uri))| uri);
    match hooked::not_found(&shared.parts.hooks, &method, &uri, &headers).await {
        Some(response) => response,
        None => not_found(uri).await,
    }
}

/// Who asks, by what the request brings.
pub(super) async fn principal(shared: &Shared, peer: Peer, head: &request::Parts) -> Result<Principal, Problem> {
    let authenticator = &shared.parts.authenticator;
    let asks_hooks = authenticator.asks_hooks(Asking::Request);
    let mut agent = None;
    if authenticator.accounts().is_some() || asks_hooks {
        let options = &authenticator.options().accounts;
        let cookie = |name: &str| cookies::value(&head.headers, name).map(str::to_owned);
        let kept = [&options.refresh_cookie, &options.session_cookie].map(|of| cookie(&of.name));
        agent = Some(Arc::new(agent_of(&head.headers, kept)));
    }
    let ip = client(shared.options.trust_proxy, peer, &head.headers);
    if asks_hooks {
        let facts = hooked::request_facts(&head.method, &head.uri, &head.headers, None);
        let known = authenticator.known_to_hooks(Asking::Request, facts, Some(ip), agent.clone());
        let known = Box::pin(known).await;
        // Whom a hook refuses is counted as well.
        if !matches!(known, Ok(None)) {
            shared.limiters.request(|| counted_as(known.as_ref().ok().and_then(Option::as_ref), ip))?;
        }
        if let Some(known) = known? {
            return Ok(known);
        }
    }
    let authorization = authorization(&head.headers)?;
    let access_token = access_token(head.uri.query().unwrap_or_default())?;
    let cookie = agent.as_ref().and_then(|agent| agent.session_cookie.clone());
    let cookie = cookie.as_deref();
    let credentials = Credentials { authorization, access_token: access_token.as_deref(), cookie };
    let principal = authenticator.authenticate(credentials, Some(ip), agent).await;
    // Who brings a wrong token is counted as well.
    shared.limiters.request(|| counted_as(principal.as_ref().ok(), ip))?;
    principal.map_err(|error| {
        let is_the_cookies = cookie.is_some() && authorization.is_none() && access_token.is_none();
        let is_over = is_the_cookies && error != auth::Error::Unavailable;
        // Else a browser would be refused for as long as it keeps it.
        let forgotten = is_over.then(|| cookies::forget(&authenticator.options().accounts.session_cookie)).flatten();
        Problem::from(error).with_cookie(forgotten)
    })
}

/// By what requests are counted.
fn counted_as(principal: Option<&Principal>, ip: IpAddr) -> String {
    match principal.and_then(|principal| principal.user.as_deref()) {
        Some(user) => format!("user {user}"),
        None => auth::asker(ip),
    }
}

/// What a client says of itself.
fn agent_of(headers: &HeaderMap, cookies: [Option<String>; 2]) -> Agent {
    let text = |name, most| {
        let value: Option<&str> = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.map(|text| text.chars().take(most).collect::<String>())
    };
    Agent::new(text(header::USER_AGENT, 1_024), text(header::ORIGIN, 255), cookies)
}

/// Credentials that cannot be understood are wrong ones, not none.
fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(auth::Error::Unknown.into()),
    }
}

fn access_token(query: &str) -> Result<Option<String>, Problem> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut tokens = pairs.filter(|(name, _)| name == "access_token").map(|(_, token)| token.into_owned());
    match (tokens.next(), tokens.next()) {
        (_, Some(_)) => Err(Problem::payload("the query string has more than one access_token")),
        (token, None) => Ok(token),
    }
}

/// The last hop of `X-Forwarded-For` is what our own proxy saw; those before it
/// are what the client claims.
fn client(trust_proxy: bool, Peer(peer): Peer, headers: &HeaderMap) -> IpAddr {
    if !trust_proxy {
        return peer;
    }
    let hops = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    hops.and_then(|hops| hops.rsplit(',').next()?.trim().parse().ok()).unwrap_or(peer)
}

/// What handlers other than GraphQL's need to know who asks.
pub(super) struct Caller(pub(super) Principal);

impl axum::extract::FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut request::Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let Extension(peer) = Extension::<Peer>::from_request_parts(head, shared)
            .await
            .map_err(|_| Problem::new(crate::error_code::ErrorCode::InternalServerError, "The peer is unknown."))?;
        principal(shared, peer, head).await.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::error_code::ErrorCode;

    #[test]
    fn only_the_proxys_own_hop_is_believed() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("1.1.1.1"));
        headers.append("x-forwarded-for", HeaderValue::from_static("2.2.2.2, 3.3.3.3"));
        let peer = Peer(Ipv4Addr::LOCALHOST.into());
        assert_eq!(client(true, peer, &headers), IpAddr::from([3, 3, 3, 3]));
        assert_eq!(client(false, peer, &headers), IpAddr::from([127, 0, 0, 1]));
        assert_eq!(client(true, peer, &HeaderMap::new()), IpAddr::from([127, 0, 0, 1]));
    }

    #[test]
    fn a_token_in_the_query_string_is_decoded() {
        assert_eq!(access_token("a=b&access_token=x%2By&c").unwrap().as_deref(), Some("x+y"));
        assert_eq!(access_token("token=x").unwrap(), None);
    }

    #[test]
    fn credentials_that_are_unclear_are_refused() {
        let problem = access_token("access_token=x&a&access_token=x").unwrap_err();
        assert_eq!(problem.code, ErrorCode::InvalidPayload);
        let headers = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
            }
            headers
        };
        for refused in [headers(&[b"Bearer \xff"]), headers(&[b"Bearer a", b"Bearer a"])] {
            assert_eq!(authorization(&refused).unwrap_err().code, ErrorCode::InvalidCredentials);
        }
        assert_eq!(authorization(&headers(&[b"Bearer a"])).unwrap(), Some("Bearer a"));
        assert_eq!(authorization(&headers(&[])).unwrap(), None);
    }
}
