//! Signed tokens (contract `auth.md` 3 and 7): who somebody is, or what they may
//! do once. Signed with the gateway's own secret, by one algorithm and no other.

use base64::Engine as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Who signs.
pub(super) const ISSUER: &str = "directus";

/// Why a token is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is not a token of ours at all.
    Foreign,
    /// Its time is over.
    Expired,
    /// It was tampered with, or lacks what it must say.
    Invalid,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct AccessClaims {
    /// The user.
    pub(super) id: Option<String>,
    /// The session, if it depends on one.
    pub(super) session: Option<String>,
    /// Which log-in it came from; of our own tokens only.
    pub(super) sid: Option<String>,
    /// What stands for the password of then; of our own tokens only.
    pub(super) pwd: Option<String>,
    /// For something that is shared.
    pub(super) share: Option<String>,
    /// When its time is over, in seconds since the epoch.
    pub(super) exp: Option<i64>,
}

/// What lets somebody do one thing once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OnceClaims {
    pub(super) email: String,
    pub(super) scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<String>,
}

/// Signs and checks.
pub(super) struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(secret: &str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["iss"]);
        // By the gateway's own clock, below.
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            validation,
        }
    }

    /// Signs claims, for so many milliseconds from now.
    pub(super) fn sign(&self, mut claims: Map<String, Json>, now_millis: i64, ttl_millis: i64) -> String {
        claims.insert("iat".to_owned(), (now_millis / 1_000).into());
        claims.insert("exp".to_owned(), ((now_millis + ttl_millis) / 1_000).into());
        claims.insert("iss".to_owned(), ISSUER.into());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .expect("HS256 takes any secret, and maps have text for keys")
    }

    /// The claims of a token of ours.
    pub(super) fn claims(&self, token: &str, now_millis: i64) -> Result<Map<String, Json>, Unfit> {
        if issuer(token).as_deref() != Some(ISSUER) {
            return Err(Unfit::Foreign);
        }
        let decoded = jsonwebtoken::decode::<Map<String, Json>>(token, &self.decoding, &self.validation);
        let claims = decoded.map_err(|_| Unfit::Invalid)?.claims;
        match claims.get("exp") {
            None | Some(Json::Null) => Ok(claims),
            Some(exp) => match exp.as_f64() {
                Some(exp) if exp * 1_000.0 > now_millis as f64 => Ok(claims),
                Some(_) => Err(Unfit::Expired),
                None => Err(Unfit::Invalid),
            },
        }
    }

    /// What an access token says.
    pub(super) fn access(&self, token: &str, now_millis: i64) -> Result<AccessClaims, Unfit> {
        let claims = self.claims(token, now_millis)?;
        if !["role", "app_access", "admin_access"].iter().all(|name| claims.contains_key(*name)) {
            return Err(Unfit::Invalid);
        }
        serde_json::from_value(Json::Object(claims)).map_err(|_| Unfit::Invalid)
    }

    /// What a token for one thing says, if it is for that.
    pub(super) fn once(&self, token: &str, scope: &str, now_millis: i64) -> Result<OnceClaims, Unfit> {
        let claims = match self.claims(token, now_millis) {
            Err(Unfit::Foreign) => return Err(Unfit::Invalid),
            claims => claims?,
        };
        let claims: OnceClaims = serde_json::from_value(Json::Object(claims)).map_err(|_| Unfit::Invalid)?;
        if claims.scope == scope { Ok(claims) } else { Err(Unfit::Invalid) }
    }
}

/// Who a token says has signed it; nothing of it is believed yet.
fn issuer(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Json = serde_json::from_slice(&claims).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// Whether a text is a token that somebody else has signed.
pub(super) fn is_foreign(token: &str) -> bool {
    let has_claims = token.split('.').count() == 3 && jsonwebtoken::decode_header(token).is_ok();
    has_claims && issuer(token).as_deref() != Some(ISSUER)
}

/// What binds a token to the password of its time (contract `auth.md` 7).
pub(super) fn password_mark(stored: Option<&str>) -> String {
    let hash = stored
        .unwrap_or("null")
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    format!("{:x}", hash.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(json: Json) -> Map<String, Json> {
        match json {
            Json::Object(members) => members,
            other => panic!("{other}"),
        }
    }

    fn access(more: Json) -> Map<String, Json> {
        let mut claims = object(json!({ "id": "u", "role": null, "app_access": false, "admin_access": false }));
        claims.extend(object(more));
        claims
    }

    fn encoded(header: &Json, claims: &Json, signature: &str) -> String {
        let encode = |json: &Json| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{}.{}.{signature}", encode(header), encode(claims))
    }

    #[test]
    fn a_token_is_good_until_its_time_is_over() {
        let signer = Signer::new("secret");
        let token = signer.sign(access(json!({})), 1_000_000, 60_000);
        let claims = signer.access(&token, 1_059_000).unwrap();
        assert_eq!((claims.id.as_deref(), claims.exp, claims.session), (Some("u"), Some(1_060), None));
        assert_eq!(signer.access(&token, 1_060_000), Err(Unfit::Expired));
        assert_eq!(Signer::new("other").access(&token, 1_000_000), Err(Unfit::Invalid));
    }

    #[test]
    fn what_is_not_signed_as_it_must_be_is_refused() {
        let signer = Signer::new("secret");
        let claims = json!({ "id": "u", "role": null, "app_access": true, "admin_access": true, "iss": "directus" });
        for algorithm in ["none", "None", "HS384", "HS512", "RS256", "ES256"] {
            let token = encoded(&json!({ "alg": algorithm, "typ": "JWT" }), &claims, "");
            assert_eq!(signer.access(&token, 0), Err(Unfit::Invalid), "{algorithm}");
        }
        let stronger = jsonwebtoken::encode(
            &Header::new(Algorithm::HS512),
            &claims,
            &EncodingKey::from_secret("secret".as_bytes()),
        );
        assert_eq!(signer.access(&stronger.unwrap(), 0), Err(Unfit::Invalid));
        let incomplete = signer.sign(object(json!({ "id": "u" })), 0, 1_000);
        assert_eq!(signer.access(&incomplete, 0), Err(Unfit::Invalid));
    }

    #[test]
    fn other_texts_are_not_ours() {
        let signer = Signer::new("secret");
        let foreign = encoded(&json!({ "alg": "HS256" }), &json!({ "iss": "other" }), "x");
        for token in ["", "abc", "a.b.c", "a.b.c.d", foreign.as_str()] {
            assert_eq!(signer.access(token, 0), Err(Unfit::Foreign), "{token}");
        }
    }

    #[test]
    fn a_token_for_one_thing_is_for_nothing_else() {
        let signer = Signer::new("secret");
        let claims = OnceClaims { email: "a@b.example".into(), scope: "invite".into(), hash: None };
        let token = signer.sign(object(serde_json::to_value(&claims).unwrap()), 0, 1_000);
        assert_eq!(signer.once(&token, "invite", 0), Ok(claims));
        assert_eq!(signer.once(&token, "password-reset", 0), Err(Unfit::Invalid));
        assert_eq!(signer.access(&token, 0), Err(Unfit::Invalid));
    }

    #[test]
    fn marks_are_those_of_the_contract() {
        // h = 31 h + c over "null": 110, 117, 108, 108.
        assert_eq!(password_mark(None), format!("{:x}", ((110 * 31 + 117) * 31 + 108) * 31 + 108));
        assert_ne!(password_mark(Some("$argon2id$a")), password_mark(Some("$argon2id$b")));
    }
}
