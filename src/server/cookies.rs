//! Cookies: those that clients send, and those that they are to keep (contract
//! `auth.md` 4).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::auth::CookieOptions;

/// The value of a cookie that was sent.
pub(super) fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|cookies| cookies.split(';')).find_map(|cookie| {
        let (known, value) = cookie.trim().split_once('=')?;
        (known == name).then_some(value.trim_matches('"'))
    })
}

/// The header that sets a cookie, or, without a value, makes it go.
pub(super) fn set(options: &CookieOptions, value: Option<&str>, ttl: Duration) -> Option<HeaderValue> {
    let mut text = format!("{}={}; Path=/; HttpOnly", options.name, value.unwrap_or_default());
    let age = value.map_or(0, |_| ttl.as_secs());
    text.push_str(&format!("; Max-Age={age}"));
    if let Some(domain) = &options.domain {
        text.push_str(&format!("; Domain={domain}"));
    }
    let same_site = match options.same_site.to_ascii_lowercase().as_str() {
        "none" => "None",
        "lax" => "Lax",
        _ => "Strict",
    };
    text.push_str(&format!("; SameSite={same_site}"));
    if options.secure {
        text.push_str("; Secure");
    }
    HeaderValue::from_str(&text).ok()
}

/// The header that makes a cookie go.
pub(super) fn forget(options: &CookieOptions) -> Option<HeaderValue> {
    set(options, None, Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; session=x.y.z"));
        headers.append(header::COOKIE, HeaderValue::from_static("b=\"2\""));
        assert_eq!(value(&headers, "session"), Some("x.y.z"));
        assert_eq!(value(&headers, "b"), Some("2"));
        assert_eq!(value(&headers, "essio"), None);
    }

    #[test]
    fn cookies_are_set_and_go() {
        let options = CookieOptions { secure: true, same_site: "none".to_owned(), ..CookieOptions::named("s") };
        let set_to = |value| set(&options, value, Duration::from_secs(60)).unwrap();
        assert_eq!(set_to(Some("x")), "s=x; Path=/; HttpOnly; Max-Age=60; SameSite=None; Secure");
        assert_eq!(set_to(None), "s=; Path=/; HttpOnly; Max-Age=0; SameSite=None; Secure");
    }
}
