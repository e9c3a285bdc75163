//! The pages for people, bundled in the binary so that they work without a
//! network: GraphiQL, and what changes live.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    net::IpAddr,
    sync::Arc,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Response, Uri, header, uri::Authority},
};
use serde_json::json;

use super::{PageOptions, Shared};

const INDEX: &str = include_str!("index.html");
static SCRIPT: &[u8] = include_bytes!("graphiql.js.gz");
static STYLE: &[u8] = include_bytes!("graphiql.css.gz");
const LIVE: &str = include_str!("live.html");
static LIVE_SCRIPT: &[u8] = include_bytes!("live.js");
static LIVE_STYLE: &[u8] = include_bytes!("live.css");
const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";
const STYLE_TYPE: &str = "text/css; charset=utf-8";
/// The licences of what is bundled, which must come along with it.
const THIRD_PARTY: &str = include_str!("THIRD-PARTY.txt");

/// Own files alone; GraphiQL's editor writes styles into the page.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The pages as they are sent.
pub(super) struct Pages {
    index: Page,
    live: Page,
}

impl Pages {
    pub(super) fn new(options: &PageOptions, loopback: bool) -> Self {
        Self { index: Page::new(INDEX, options, loopback), live: Page::new(LIVE, options, loopback) }
    }
}

/// A page as it is sent, with and without the token.
struct Page {
    public: Bytes,
    /// Only where nobody but the machine's own users can fetch it.
    with_token: Option<Bytes>,
}

impl Page {
    fn new(template: &str, options: &PageOptions, loopback: bool) -> Self {
        let token = options.token.as_deref().filter(|_| loopback);
        Self {
            public: render(template, options, None).into(),
            with_token: token.map(|token| render(template, options, Some(token)).into()),
        }
    }

    /// A page of another site whose name is made to point here (DNS rebinding)
    /// would be of that site's origin and could read the token; the name in
    /// `Host` tells. What a proxy forwards comes from elsewhere, whatever the
    /// proxy makes of the name.
    fn for_caller(&self, host: Option<&str>, headers: &HeaderMap) -> &Bytes {
        match &self.with_token {
            Some(page) if host.is_some_and(is_loopback) && !is_forwarded(headers) => page,
            _ => &self.public,
        }
    }
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    ["x-forwarded-for", "x-forwarded-host", "forwarded"].iter().any(|name| headers.contains_key(*name))
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn render(template: &str, options: &PageOptions, token: Option<&str>) -> String {
    let settings = json!({
        "endpoint": "/graphql",
        "token": token,
        "examples": options.examples,
        "title": options.title,
        "demo": options.demo,
    });
    // Within a script element only `<` can begin its end, or a comment.
    let settings = settings.to_string().replace('<', "\\u003c");
    let files = [("graphiql.js", SCRIPT), ("graphiql.css", STYLE), ("live.js", LIVE_SCRIPT), ("live.css", LIVE_STYLE)];
    let page = files.into_iter().fold(template.to_owned(), |page, (name, content)| {
        page.replace(&format!("\"{name}\""), &format!("\"{name}?{}\"", version(content)))
    });
    page.replace("{{settings}}", &settings)
}

/// A name for the content, so that browsers can keep a file for ever.
fn version(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// `GET /`.
pub(super) async fn index(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    page(&shared.pages.index, &uri, &headers)
}

/// `GET /live`.
pub(super) async fn live(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    page(&shared.pages.live, &uri, &headers)
}

fn page(page: &Page, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
    // HTTP/2 has no `Host`; there the authority comes with the path.
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(Authority::as_str).or(named);
    let mut response = Response::new(Body::from(page.for_caller(host, headers).clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// `GET /graphiql.js`.
pub(super) async fn script(uri: Uri) -> Response<Body> {
    gzipped(file(SCRIPT, SCRIPT_TYPE, &uri))
}

/// `GET /graphiql.css`.
pub(super) async fn style(uri: Uri) -> Response<Body> {
    gzipped(file(STYLE, STYLE_TYPE, &uri))
}

/// `GET /live.js`.
pub(super) async fn live_script(uri: Uri) -> Response<Body> {
    file(LIVE_SCRIPT, SCRIPT_TYPE, &uri)
}

/// `GET /live.css`.
pub(super) async fn live_style(uri: Uri) -> Response<Body> {
    file(LIVE_STYLE, STYLE_TYPE, &uri)
}

/// `GET /third-party.txt`.
pub(super) async fn third_party() -> Response<Body> {
    let mut response = Response::new(Body::from(THIRD_PARTY));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn gzipped(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

fn file(content: &'static [u8], content_type: &'static str, uri: &Uri) -> Response<Body> {
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Asked for by its version, it will never be another.
    let cache = if uri.query().is_some() { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(loopback: bool) -> Page {
        let (title, examples) = ("a</script><b>".to_owned(), vec!["{ a }".to_owned()]);
        Page::new(INDEX, &PageOptions { title, examples, token: Some("t0ken".to_owned()), demo: false }, loopback)
    }

    fn gives_token(page: &Page, host: Option<&str>) -> bool {
        shows_token(page.for_caller(host, &HeaderMap::new()))
    }

    fn shows_token(page: &Bytes) -> bool {
        String::from_utf8_lossy(page).contains("t0ken")
    }

    #[test]
    fn the_token_does_not_pass_a_proxy() {
        for name in ["x-forwarded-for", "x-forwarded-host", "forwarded"] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static("x"))]);
            assert!(!shows_token(page(true).for_caller(Some("localhost"), &headers)), "{name}");
        }
    }

    #[test]
    fn the_token_stays_on_this_machine() {
        let local = page(true);
        for host in ["localhost", "LOCALHOST:8055", "127.0.0.1", "127.0.0.1:8055", "[::1]:8055"] {
            assert!(gives_token(&local, Some(host)), "{host}");
            assert!(!gives_token(&page(false), Some(host)), "{host}");
        }
        for host in
            [None, Some("evil.example"), Some("localhost.evil.example"), Some("127.0.0.1.evil"), Some("10.0.0.1")]
        {
            assert!(!gives_token(&local, host), "{host:?}");
        }
    }

    #[test]
    fn settings_cannot_leave_their_script() {
        let text = String::from_utf8(page(true).public.to_vec()).unwrap();
        assert!(text.contains("a\\u003c/script>\\u003cb>"));
    }
}
