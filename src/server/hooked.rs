//! Where hooks have a say in HTTP: errors before they are sent, paths that lead
//! nowhere, and answers that were given (contract `extensions.md` 4 and 5).

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header, request},
    middleware::Next,
};
use serde_json::{Map, Value as Json, json};

use super::{Shared, problem::Problem};
use crate::{
    clock::Stopwatch,
    error_code::ErrorCode,
    graphql,
    hooks::{self, Context, Failure, Hooks, Meta},
    tasks,
};

/// The hooks, and what they get here.
#[derive(Clone, Debug)]
pub struct HookParts {
    /// Who has a say.
    pub hooks: Hooks,
    /// What they get.
    pub context: Context,
}

/// The action for answers that were given, and the filter for what they hold.
const RESPONSE: &str = "response";

/// Marks an answer whose body has `errors`.
#[derive(Clone, Copy)]
pub(super) struct HasErrors;

impl HookParts {
    /// No hooks at all.
    pub fn none() -> Self {
        Self { hooks: Hooks::none(), context: Context::default() }
    }

    pub(super) fn rewrites_errors(&self) -> bool {
        self.hooks.has_filter(&["request.error"])
    }

    pub(super) fn hears_responses(&self) -> bool {
        self.hooks.has_action(&[RESPONSE])
    }

    pub(super) fn filters_responses(&self) -> bool {
        // The methods that GraphQL answers.
        self.hooks.has_filter(&[RESPONSE, "response.GET", "response.POST"])
    }

    async fn tell(&self, answered: Meta) {
        self.hooks.act(vec![RESPONSE.to_owned()], answered, self.context.clone()).await;
    }
}

/// Lets hooks rewrite the errors of an answer. The status is fixed by then.
pub(super) async fn rewrite_errors(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response<Body> {
    let response = next.run(request).await;
    if response.extensions().get::<HasErrors>().is_none() {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return Problem::new(ErrorCode::InternalServerError, "An unexpected error occurred.").into_json();
    };
    let rewritten = rewritten(&shared.parts.hooks, &bytes).await;
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(rewritten.unwrap_or(bytes)))
}

/// The body with other errors; `None` leaves it as it is, also where a hook
/// fails: the errors that there are must not be lost.
async fn rewritten(parts: &HookParts, body: &Bytes) -> Option<Bytes> {
    let mut answer: Map<String, Json> = serde_json::from_slice(body).ok()?;
    let errors = answer.get("errors")?.clone();
    let filtered = parts.hooks.filter(&["request.error"], errors, Meta::new(), &parts.context).await;
    match filtered {
        Ok(Json::Array(errors)) if !errors.is_empty() => {
            answer.insert("errors".to_owned(), errors.into());
            Some(Json::Object(answer).to_string().into())
        }
        Ok(_) => {
            tracing::error!("a hook on `request.error` returned no list of errors; they stay as they were");
            None
        }
        Err(Failure::Refused(error)) => {
            tracing::error!(?error, "a hook on `request.error` failed; the errors stay as they were");
            None
        }
        Err(Failure::Broken { .. }) => None,
    }
}

/// Asks hooks about a path that leads nowhere: the answer that one of them has,
/// as `{status, headers, body}`, or nothing.
pub(super) async fn not_found(
    parts: &HookParts,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<Response<Body>> {
    const EVENT: &str = "request.not_found";
    if !parts.hooks.has_filter(&[EVENT]) {
        return None;
    }
    let meta = Meta::new().with("request", request_facts(method, uri, headers, None));
    match parts.hooks.filter(&[EVENT], Json::Bool(false), meta, &parts.context).await {
        Ok(answer) => answered(answer),
        Err(Failure::Refused(error)) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = json_response(status, &refusal(error));
            response.extensions_mut().insert(HasErrors);
            Some(response)
        }
        Err(Failure::Broken { .. }) => {
            Some(Problem::new(ErrorCode::InternalServerError, "An unexpected error occurred.").into_json())
        }
    }
}

/// A hook's error as an answer.
fn refusal(error: hooks::Error) -> Json {
    let mut extensions = *error.extensions;
    extensions.insert("code".to_owned(), error.code.into());
    json!({ "errors": [{ "message": error.message, "extensions": extensions }] })
}

/// Lets hooks change what GraphQL has answered (contract `seed-capabilities.md`
/// B4), by the names `response` and `response.<METHOD>`.
pub(super) async fn filtered(
    parts: &HookParts,
    head: &request::Parts,
    mut answer: graphql::Response,
) -> graphql::Response {
    let named = format!("{RESPONSE}.{}", head.method);
    let names = [RESPONSE, named.as_str()];
    let Ok(body) = serde_json::from_slice(&answer.body) else {
        tracing::error!("an answer is no JSON, so that no hook can filter it");
        return answer;
    };
    let meta = Meta::new().with("request", request_facts(&head.method, &head.uri, &head.headers, None));
    let body = match parts.hooks.filter(&names, body, meta, &parts.context).await {
        Ok(body) => body,
        Err(failure) => {
            answer.has_errors = true;
            refusal(match failure {
                Failure::Refused(error) => error,
                Failure::Broken { .. } => hooks::Error::logged(),
            })
        }
    };
    answer.body = body.to_string().into_bytes();
    answer
}

fn answered(answer: Json) -> Option<Response<Body>> {
    let answer = match answer {
        Json::Object(answer) => answer,
        _ => return None,
    };
    let status = answer.get("status").and_then(Json::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    let mut response = match answer.get("body") {
        None | Some(Json::Null) => Response::new(Body::empty()),
        Some(Json::String(text)) => Response::new(Body::from(text.clone())),
        Some(json) => json_response(status, json),
    };
    *response.status_mut() = status;
    for (name, value) in answer.get("headers").and_then(Json::as_object).into_iter().flatten() {
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name.as_str()), value) {
            response.headers_mut().insert(name, value);
        }
    }
    Some(response)
}

fn json_response(status: StatusCode, body: &Json) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

pub(super) fn request_facts(method: &Method, uri: &Uri, headers: &HeaderMap, size: Option<u64>) -> Json {
    let query: Map<String, Json> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .map(|(name, value)| (name.into_owned(), Json::from(value.into_owned())))
        .collect();
    json!({
        "method": method.as_str(),
        "url": uri.to_string(),
        "path": uri.path(),
        "protocol": uri.scheme_str().unwrap_or("http"),
        "host": headers.get(header::HOST).and_then(|host| host.to_str().ok()),
        "size": size,
        "query": query,
        "headers": header_facts(headers),
    })
}

fn header_facts(headers: &HeaderMap) -> Map<String, Json> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), Json::from(text(value)))).collect()
}

/// A request whose answer is told: when it is there, or when nobody waits for it
/// any more and this is dropped.
pub(super) struct Heard {
    hooks: HookParts,
    /// `None` once it has been told.
    request: Option<Json>,
    ip: IpAddr,
    watch: Stopwatch,
}

impl Heard {
    pub(super) fn of<B: axum::body::HttpBody>(hooks: HookParts, request: &Request<B>, ip: IpAddr) -> Self {
        let size = request.body().size_hint().exact();
        let request = Some(request_facts(request.method(), request.uri(), request.headers(), size));
        Self { hooks, request, ip, watch: Stopwatch::start() }
    }

    pub(super) async fn answered(mut self, answer: Json) {
        if let Some(facts) = self.facts(answer, true) {
            self.hooks.tell(facts).await;
        }
        self.request = None;
    }

    fn facts(&self, answer: Json, finished: bool) -> Option<Meta> {
        let mut request = self.request.clone()?;
        request["aborted"] = (!finished).into();
        request["completed"] = finished.into();
        let meta = Meta::new()
            .with("request", request)
            .with("response", answer)
            .with("ip", self.ip.to_string())
            .with("duration", self.watch.elapsed().as_millis().to_string())
            .with("finished", finished);
        Some(meta)
    }
}

/// What is told of an answer.
pub(super) fn response_facts<B: axum::body::HttpBody>(response: &Response<B>) -> Json {
    json!({
        "status": response.status().as_u16(),
        "size": response.body().size_hint().exact(),
        "headers": header_facts(response.headers()),
    })
}

impl Drop for Heard {
    fn drop(&mut self) {
        if let Some(facts) = self.facts(json!({ "status": null, "size": null, "headers": {} }), false) {
            let hooks = self.hooks.clone();
            tasks::spawn("response", async move { hooks.tell(facts).await });
        }
    }
}
