//! Content types: which one an answer gets, and whether a body can be read.

use axum::http::{HeaderMap, HeaderValue, header};

/// The two content types of a GraphQL answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: status 200 for whatever GraphQL itself refuses.
    Json,
    /// `application/graphql-response+json`: the status tells.
    GraphqlResponse,
}

impl Media {
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }

    fn subtype(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::GraphqlResponse => "graphql-response+json",
        }
    }
}

/// Chooses what the client likes best; `None` when it accepts neither.
///
/// Without a preference it is `application/json`, which every client reads; of
/// two equally liked ones that are both named, the newer one, whose status tells.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Media> {
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        ranges.extend(value.to_str().ok()?.split(',').filter_map(Range::parse));
    }
    if ranges.is_empty() {
        return Some(Media::Json);
    }
    let json = liking(&ranges, Media::Json);
    let graphql = liking(&ranges, Media::GraphqlResponse);
    let (best, media) = match (graphql.named && graphql.quality >= json.quality) || graphql.quality > json.quality {
        true => (graphql, Media::GraphqlResponse),
        false => (json, Media::Json),
    };
    (best.quality > 0).then_some(media)
}

#[derive(Clone, Copy)]
struct Liking {
    /// In thousandths.
    quality: u16,
    /// Whether by its own name, not by a wildcard.
    named: bool,
}

/// The most specific range that covers a type decides (RFC 9110, 12.5.1).
fn liking(ranges: &[Range<'_>], media: Media) -> Liking {
    let covering = ranges.iter().filter_map(|range| Some((range.covers(media)?, range.quality)));
    match covering.max() {
        Some((specificity, quality)) => Liking { quality, named: specificity == 2 },
        None => Liking { quality: 0, named: false },
    }
}

struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut quality = 1000;
        for parameter in parts {
            if let Some(("q" | "Q", value)) = parameter.split_once('=') {
                quality = thousandths(value.trim())?;
            }
        }
        Some(Self { kind, subtype, quality })
    }

    /// How specifically this range covers a type: 2 by name, 0 by `*/*`.
    fn covers(&self, media: Media) -> Option<u8> {
        let subtype = self.subtype.eq_ignore_ascii_case(media.subtype());
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (kind, "*") if kind.eq_ignore_ascii_case("application") => Some(1),
            (kind, _) if kind.eq_ignore_ascii_case("application") && subtype => Some(2),
            _ => None,
        }
    }
}

fn thousandths(text: &str) -> Option<u16> {
    let quality: f32 = text.parse().ok()?;
    (0.0..=1.0).contains(&quality).then_some((quality * 1000.0) as u16)
}

/// Whether a body of this content type is JSON in UTF-8. Only types that a
/// browser never sends across origins without asking first: that is what keeps
/// other sites' pages from posting in a user's name.
pub(super) fn is_readable(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let json = essence.eq_ignore_ascii_case("application/json")
        || essence.eq_ignore_ascii_case("application/graphql-response+json");
    json && parts.all(is_utf8_or_other)
}

/// Any parameter will do, but a `charset` must be UTF-8.
fn is_utf8_or_other(parameter: &str) -> bool {
    match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = charset.trim().trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(accept: &[&str]) -> Option<Media> {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        negotiate(&headers)
    }

    #[test]
    fn without_a_preference_it_is_json() {
        for accept in [&[][..], &[""], &["*/*"], &["application/*"], &["text/html, */*;q=0.1"]] {
            assert_eq!(negotiated(accept), Some(Media::Json), "{accept:?}");
        }
    }

    #[test]
    fn the_liked_one_is_taken() {
        let newer = [
            "application/graphql-response+json",
            "application/graphql-response+json, application/json;q=0.9",
            "application/graphql-response+json,application/json",
            "application/json, application/graphql-response+json",
            "Application/GraphQL-Response+JSON; charset=utf-8",
            "application/json;q=0, */*",
            "*/*;q=0.5, application/graphql-response+json;q=0.5",
        ];
        for accept in newer {
            assert_eq!(negotiated(&[accept]), Some(Media::GraphqlResponse), "{accept}");
        }
        assert_eq!(negotiated(&["application/graphql-response+json;q=0.5, application/json"]), Some(Media::Json));
        assert_eq!(negotiated(&["application/graphql-response+json;q=0.5", "*/*"]), Some(Media::Json));
        assert_eq!(negotiated(&["application/graphql-response+json;q=0, */*"]), Some(Media::Json));
    }

    #[test]
    fn neither_is_refused() {
        for accept in ["text/html", "application/xml, image/*", "application/json;q=0", "*/*;q=0.0"] {
            assert_eq!(negotiated(&[accept]), None, "{accept}");
        }
    }

    #[test]
    fn bodies_are_json_in_utf8() {
        for readable in
            ["application/json", "APPLICATION/JSON;charset=\"UTF-8\"", "application/json; a=b; charset=utf8"]
        {
            assert!(is_readable(readable), "{readable}");
        }
        let unreadable = ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];
        for content_type in unreadable.into_iter().chain(["application/json; charset=latin1", "application/jsonx"]) {
            assert!(!is_readable(content_type), "{content_type}");
        }
    }
}
