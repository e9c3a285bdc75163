//! Logging in and out, and what users do with their own accounts, as REST
//! (contract `auth.md` 4 to 8). Without users none of it is there.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, Path},
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, request},
};
use serde_json::{Map, Value as Json, json};

use super::{
    Shared, cookies, payload,
    problem::{self, Problem},
    routes::Caller,
};
use crate::{
    auth::{Accounts, Granted, LoginRequest, Mode, Registration},
    engine,
    error_code::ErrorCode,
    principal::{Cookie, Principal},
    tasks,
};

/// A request of somebody; where there are no users, there is nothing at its path.
pub(super) struct Asked {
    pub(super) shared: Arc<Shared>,
    accounts: Accounts,
    pub(super) principal: Principal,
    pub(super) head: request::Parts,
    body: Map<String, Json>,
}

/// What a request is answered with.
pub(super) type Answer = Result<Response<Body>, Problem>;

impl FromRequest<Arc<Shared>> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let accounts = shared.parts.authenticator.accounts().cloned();
        let accounts = accounts.ok_or_else(|| Problem::route(request.uri().path()))?;
        let (mut head, body) = request.into_parts();
        let Caller(principal) = Caller::from_request_parts(&mut head, shared).await?;
        let bytes = to_bytes(body, shared.options.body_limit).await;
        let bytes = bytes.map_err(|_| Problem::new(ErrorCode::ContentTooLarge, "The body is too large."))?;
        let text = bytes.trim_ascii();
        // Pages of other origins can send forms, and cookies go with them.
        let sends_cookies = head.headers.contains_key(header::COOKIE) && head.method != Method::GET;
        let media = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json =
            media.is_some_and(|media| media.trim_start().to_ascii_lowercase().starts_with("application/json"));
        if !is_json && (!text.is_empty() || sends_cookies) {
            return Err(Problem::new(ErrorCode::UnsupportedMediaType, "The body is application/json."));
        }
        let body = match text {
            [] => Map::new(),
            _ => object(bytes.clone()).await?,
        };
        Ok(Self { shared: Arc::clone(shared), accounts, principal, head, body })
    }
}

/// Reads a body; a large one where nobody waits for it.
async fn object(bytes: Bytes) -> Result<Map<String, Json>, Problem> {
    let read =
        |bytes: &Bytes| serde_json::from_slice(bytes).map_err(|_| Problem::payload("the body is no JSON object"));
    if bytes.len() <= tasks::LARGE { read(&bytes) } else { payload::aside(bytes, read).await }
}

impl Asked {
    fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.body.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Problem::payload(format!("`{name}` is a text"))),
        }
    }

    fn needed(&self, name: &str) -> Result<String, Problem> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Problem::payload(format!("`{name}` is required")))
    }

    /// The key of an item.
    pub(super) fn key(&self, name: &str) -> Result<Json, Problem> {
        let key = self.body.get(name).filter(|key| !key.is_null());
        key.cloned().ok_or_else(|| Problem::payload(format!("`{name}` is required")))
    }

    fn mode(&self) -> Result<Option<Mode>, Problem> {
        let name = self.text("mode")?;
        let known = name
            .map(|name| Mode::from_name(&name).ok_or_else(|| Problem::payload("`mode` is json, cookie or session")));
        known.transpose()
    }

    /// The token to go on with, and where the next one is to be kept: where this one
    /// is, unless that is said.
    fn token(&self) -> Result<(String, Mode), Problem> {
        let given = self.text("refresh_token")?;
        let mode = self.mode()?.unwrap_or(if given.is_some() { Mode::Json } else { Mode::Cookie });
        Ok((self.accounts.token_of(mode, given, &self.principal)?, mode))
    }

    /// An answer, with the cookies that the client is to keep.
    fn answer(&self, mut response: Response<Body>) -> Response<Body> {
        let cookies = self.principal.agent.as_ref().map(|agent| agent.take_cookies()).unwrap_or_default();
        response.headers_mut().extend(kept(&self.shared, cookies).map(|cookie| (header::SET_COOKIE, cookie)));
        response
    }

    fn user(&self) -> Result<Arc<str>, Problem> {
        let unknown = || Problem::new(ErrorCode::InvalidCredentials, "Invalid user credentials.");
        self.principal.user.clone().ok_or_else(unknown)
    }
}

pub(super) async fn log_in(asked: Asked) -> Answer {
    let request = LoginRequest {
        email: asked.needed("email")?,
        password: asked.needed("password")?,
        otp: asked.text("otp")?,
        mode: asked.mode()?.unwrap_or_default(),
    };
    if !request.email.contains('@') {
        return Err(Problem::payload("`email` is an e-mail address"));
    }
    let granted = asked.accounts.log_in(request, &asked.principal).await?;
    Ok(asked.answer(grant(&granted)))
}

pub(super) async fn refresh(asked: Asked) -> Answer {
    let (token, mode) = asked.token()?;
    let granted = asked.accounts.refresh(&token, mode, &asked.principal).await?;
    Ok(asked.answer(grant(&granted)))
}

pub(super) async fn log_out(asked: Asked) -> Answer {
    let (token, _) = asked.token()?;
    asked.accounts.log_out(&token, &asked.principal).await?;
    Ok(asked.answer(nothing()))
}

pub(super) async fn request_password(asked: Asked) -> Answer {
    asked.accounts.request_password(&asked.principal, &asked.needed("email")?, asked.text("reset_url")?).await?;
    Ok(nothing())
}

pub(super) async fn reset_password(asked: Asked) -> Answer {
    asked.accounts.reset_password(&asked.principal, &asked.needed("token")?, &asked.needed("password")?).await?;
    Ok(nothing())
}

pub(super) async fn me(asked: Asked) -> Answer {
    let user = asked.user()?;
    Ok(data(asked.accounts.read_user(&asked.principal, &user, fields(&asked.head)).await?))
}

pub(super) async fn update_me(asked: Asked) -> Answer {
    let user = asked.user()?;
    asked.accounts.update_user(&asked.principal, &user, asked.body.clone()).await?;
    Ok(data(asked.accounts.read_user(&asked.principal, &user, fields(&asked.head)).await?))
}

pub(super) async fn generate_tfa(asked: Asked) -> Answer {
    let (secret, url) =
        asked.accounts.generate_tfa(&asked.principal, &asked.user()?, &asked.needed("password")?).await?;
    Ok(data(json!({ "secret": secret, "otpauth_url": url })))
}

pub(super) async fn enable_tfa(asked: Asked) -> Answer {
    asked.user()?;
    asked.accounts.enable_tfa(&asked.principal, &asked.needed("secret")?, &asked.needed("otp")?).await?;
    Ok(nothing())
}

pub(super) async fn disable_tfa(asked: Asked) -> Answer {
    asked.user()?;
    asked.accounts.disable_tfa(&asked.principal, &asked.needed("otp")?).await?;
    Ok(nothing())
}

pub(super) async fn disable_tfa_of(Path(user): Path<String>, asked: Asked) -> Answer {
    asked.accounts.disable_tfa_of(&asked.principal, &user).await?;
    Ok(nothing())
}

pub(super) async fn invite(asked: Asked) -> Answer {
    let emails: Vec<String> = match asked.body.get("email") {
        Some(Json::String(email)) => vec![email.clone()],
        Some(Json::Array(emails)) => emails.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => return Err(Problem::payload("`email` is required")),
    };
    let role = asked.needed("role")?;
    let url = asked.text("invite_url")?;
    for email in emails {
        asked.accounts.invite(&asked.principal, &email, &role, url.as_deref()).await?;
    }
    Ok(nothing())
}

pub(super) async fn accept_invite(asked: Asked) -> Answer {
    asked.accounts.accept_invite(&asked.principal, &asked.needed("token")?, &asked.needed("password")?).await?;
    Ok(nothing())
}

pub(super) async fn register(asked: Asked) -> Answer {
    let registration = Registration {
        email: asked.needed("email")?,
        password: asked.needed("password")?,
        first_name: asked.text("first_name")?,
        last_name: asked.text("last_name")?,
        verification_url: asked.text("verification_url")?,
    };
    asked.accounts.register(registration, &asked.principal).await?;
    Ok(nothing())
}

pub(super) async fn verify_email(asked: Asked) -> Answer {
    let query = asked.head.uri.query().unwrap_or_default();
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    let token = token.map(|(_, token)| token.into_owned()).ok_or_else(|| Problem::payload("`token` is required"))?;
    let user = asked.accounts.verify_email(&token).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let place = HeaderValue::from_str(&format!("/admin/users/{user}"));
    response.headers_mut().extend(place.ok().map(|place| (header::LOCATION, place)));
    Ok(response)
}

pub(super) async fn providers(asked: Asked) -> Answer {
    let disabled = asked.shared.parts.authenticator.options().accounts.disable_default;
    Ok(json_response(&json!({ "data": [], "disableDefault": disabled })))
}

pub(super) async fn info(asked: Asked) -> Answer {
    Ok(data(asked.accounts.info(asked.principal.user.is_some()).await?))
}

/// What somebody gets who has logged in.
fn grant(granted: &Granted) -> Response<Body> {
    let mut told = json!({ "expires": u64::try_from(granted.expires.as_millis()).unwrap_or(u64::MAX) });
    for (name, token) in [("access_token", &granted.access_token), ("refresh_token", &granted.refresh_token)] {
        if let Some(token) = token {
            told[name] = token.as_str().into();
        }
    }
    data(told)
}

/// The headers that let a client keep cookies.
pub(super) fn kept(shared: &Shared, cookies: Vec<Cookie>) -> impl Iterator<Item = HeaderValue> + '_ {
    let options = &shared.parts.authenticator.options().accounts;
    cookies.into_iter().filter_map(|cookie| match cookie {
        Cookie::Refresh(token) => cookies::set(&options.refresh_cookie, token.as_deref(), options.refresh_ttl),
        Cookie::Session(token) => cookies::set(&options.session_cookie, token.as_deref(), options.session_ttl),
    })
}

/// The fields that a query string asks for.
pub(super) fn fields(head: &request::Parts) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let asked = pairs.filter(|(name, _)| name == "fields" || name.starts_with("fields[")).map(|(_, value)| value);
    let each =
        |value: std::borrow::Cow<'_, str>| value.split(',').map(|field| field.trim().to_owned()).collect::<Vec<_>>();
    asked.flat_map(each).filter(|field| !field.is_empty()).collect()
}

pub(super) fn data(json: Json) -> Response<Body> {
    json_response(&json!({ "data": json }))
}

pub(super) fn json_response(json: &Json) -> Response<Body> {
    let mut response = Response::new(Body::from(json.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    keep(response.headers_mut());
    response
}

pub(super) fn nothing() -> Response<Body> {
    let mut response = empty();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Done, and there is nothing to say.
pub(super) fn empty() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    keep(response.headers_mut());
    response
}

fn keep(headers: &mut HeaderMap) {
    problem::keep_from_caches(headers);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        Self::of(&error)
    }
}
