//! Tokens that others sign: an identity provider, or a program of one's own. Its
//! algorithms are pinned, its keys given or fetched from where it publishes them,
//! and what it claims becomes user, role and what rules name of the user's row.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Map, Value as Json};
use tokio::sync::Mutex;

use super::Error;
use crate::{clock::Clock, permissions::Identity, principal::Proof, rules};

/// How often keys are fetched at most, whatever tokens come.
const LEAST: i64 = 10_000;
/// How long keys are kept that nobody misses, in milliseconds.
const KEPT: i64 = 600_000;
/// How long fetching them may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer with keys, in bytes.
const MOST: usize = 1 << 20;

/// Whose tokens are good, and what they say (`JWT_*`).
#[derive(Clone, Debug, Default)]
pub struct ForeignOptions {
    /// A key: PEM of a public key, or a secret for HS256 and its kin.
    pub key: Option<String>,
    /// Where keys are published, as a JSON Web Key Set.
    pub jwks_url: Option<String>,
    /// The algorithms that are good, and no others.
    pub algorithms: Vec<Algorithm>,
    /// Who must have signed.
    pub issuer: Option<String>,
    /// For whom it must be.
    pub audience: Vec<String>,
    /// The claim that is the user's id: a path.
    pub user_claim: String,
    /// The claim that says the role: a path; the first known of a list counts.
    pub role_claim: String,
    /// Roles by what the claim says, where that is not the role's id.
    pub roles: HashMap<String, String>,
}

impl ForeignOptions {
    /// Whether anybody's tokens are good at all.
    pub fn is_set(&self) -> bool {
        self.key.is_some() || self.jwks_url.is_some()
    }
}

/// Checks tokens of others. Cheap to clone.
#[derive(Clone)]
pub struct Foreign(Arc<Inner>);

struct Inner {
    options: ForeignOptions,
    given: Option<DecodingKey>,
    published: RwLock<Published>,
    fetching: Mutex<()>,
    client: reqwest::Client,
    clock: Clock,
}

#[derive(Default)]
struct Published {
    keys: HashMap<String, (Option<Algorithm>, DecodingKey)>,
    /// When they were fetched, in milliseconds since the epoch.
    fetched: Option<i64>,
}

impl std::fmt::Debug for Foreign {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Foreign").field("issuer", &self.0.options.issuer).finish_non_exhaustive()
    }
}

/// Who somebody is by another's word.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claimed {
    pub(super) identity: Identity,
    pub(super) proof: Proof,
    /// `$CURRENT_USER.x` for each claim `x`.
    pub(super) values: BTreeMap<String, Json>,
}

impl Foreign {
    /// Checks tokens as `options` say.
    ///
    /// # Errors
    /// What of them cannot be used, in words.
    pub fn new(options: ForeignOptions, clock: Clock) -> Result<Self, String> {
        if options.algorithms.is_empty() {
            return Err("JWT_ALGORITHMS names the algorithms that are good".to_owned());
        }
        let is_symmetric =
            |algorithm: &Algorithm| matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
        let symmetric = options.algorithms.iter().filter(|algorithm| is_symmetric(algorithm)).count();
        if symmetric != 0 && symmetric != options.algorithms.len() {
            // A public key must not be taken for a secret.
            return Err("JWT_ALGORITHMS are either those with a secret or those with a public key".to_owned());
        }
        if symmetric != 0 && options.jwks_url.is_some() {
            return Err("JWT_JWKS_URL publishes public keys, which HS256 and its kin do not use".to_owned());
        }
        let given = options.key.as_deref().map(|key| decoding_key(key, options.algorithms[0])).transpose()?;
        // reqwest takes the cryptography of the process; one that is there already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(|error| error.to_string())?;
        let (published, fetching) = (RwLock::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { options, given, published, fetching, client, clock })))
    }

    /// The time, as tokens count it, in milliseconds since the epoch.
    pub(super) fn now_millis(&self) -> i64 {
        self.0.clock.now_micros() / 1_000
    }

    /// Who somebody is by a token that is signed by whom it must be.
    pub(super) async fn recognise(&self, token: &str) -> Result<Claimed, Error> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Error::Unknown)?;
        let options = &self.0.options;
        if !options.algorithms.contains(&header.alg) {
            return Err(Error::Invalid);
        }
        let key = match (&self.0.given, header.kid.as_deref()) {
            (Some(key), _) => key.clone(),
            (None, kid) => self.published(kid.unwrap_or_default(), header.alg).await?,
        };
        let mut validation = Validation::new(header.alg);
        validation.algorithms = vec![header.alg];
        validation.set_required_spec_claims(&["exp"]);
        // By the gateway's own clock, below.
        validation.validate_exp = false;
        if let Some(issuer) = &options.issuer {
            validation.set_issuer(&[issuer]);
        }
        match options.audience.is_empty() {
            true => validation.validate_aud = false,
            false => validation.set_audience(&options.audience),
        }
        let claims = jsonwebtoken::decode::<Map<String, Json>>(token, &key, &validation);
        let claims = claims.map_err(|_| Error::Invalid)?.claims;
        // The library lets pass what is missing, or null.
        let lacks = |name: &str| claims.get(name).is_none_or(Json::is_null);
        if options.issuer.is_some() && lacks("iss") || !options.audience.is_empty() && lacks("aud") {
            return Err(Error::Invalid);
        }
        let now = self.0.clock.now_micros() / 1_000;
        let millis = |name: &str| claims.get(name).and_then(Json::as_f64).map(|seconds| (seconds * 1_000.0) as i64);
        let expires = millis("exp").ok_or(Error::Invalid)?;
        if expires <= now {
            return Err(Error::Expired);
        }
        if millis("nbf").is_some_and(|begins| begins > now) {
            return Err(Error::Invalid);
        }
        Ok(self.claimed(token, claims, expires))
    }

    fn claimed(&self, token: &str, claims: Map<String, Json>, expires: i64) -> Claimed {
        let options = &self.0.options;
        let claims = Json::Object(claims);
        let user = at(&claims, &options.user_claim).and_then(Json::as_str).map(rules_id);
        let wished: Vec<&str> = match at(&claims, &options.role_claim) {
            Some(Json::String(role)) => vec![role],
            Some(Json::Array(roles)) => roles.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        let named = |role: &&str| options.roles.get(*role).map(|role| rules_id(role));
        // Where there is a mapping, what it does not know is no role.
        let role = match options.roles.is_empty() {
            true => wished.first().map(|role| rules_id(role)),
            false => wished.iter().find_map(named),
        };
        let mut values = BTreeMap::new();
        if let Json::Object(claims) = claims {
            values.extend(claims.into_iter().map(|(name, value)| (format!("$CURRENT_USER.{name}"), value)));
        }
        let proof =
            Proof { token: rules::digest(token), expires_millis: Some(expires), is_foreign: true, ..Proof::default() };
        Claimed { identity: Identity { user, role, ip: None }, proof, values }
    }

    async fn published(&self, kid: &str, algorithm: Algorithm) -> Result<DecodingKey, Error> {
        let now = self.0.clock.now_micros() / 1_000;
        let (found, fetched) = self.known(kid, algorithm);
        if let (Some(key), Some(fetched)) = (&found, fetched)
            && now - fetched < KEPT
        {
            return Ok(key.clone());
        }
        let _turn = self.0.fetching.lock().await;
        let (found, fetched) = self.known(kid, algorithm);
        // Somebody else may have fetched them; and nobody can make the gateway fetch all
        // the time.
        let is_older = |age: i64| fetched.is_none_or(|fetched| now - fetched >= age);
        if is_older(if found.is_some() { KEPT } else { LEAST }) {
            match self.fetch().await {
                Ok(keys) => {
                    let published = Published { keys, fetched: Some(now) };
                    *self.0.published.write().unwrap_or_else(PoisonError::into_inner) = published;
                }
                Err(error) => {
                    tracing::warn!(%error, "the keys of JWT_JWKS_URL cannot be fetched");
                    // Those that are known are better than none.
                    let found = found.ok_or(Error::Unavailable)?;
                    return Ok(found);
                }
            }
        }
        self.known(kid, algorithm).0.ok_or(Error::Invalid)
    }

    fn known(&self, kid: &str, algorithm: Algorithm) -> (Option<DecodingKey>, Option<i64>) {
        let published = self.0.published.read().unwrap_or_else(PoisonError::into_inner);
        let fits = |of: &Option<Algorithm>| of.is_none_or(|of| of == algorithm);
        let key = published.keys.get(kid).filter(|(of, _)| fits(of)).map(|(_, key)| key.clone());
        (key, published.fetched)
    }

    async fn fetch(&self) -> Result<HashMap<String, (Option<Algorithm>, DecodingKey)>, String> {
        let url = self.0.options.jwks_url.as_deref().unwrap_or_default();
        let answer = self.0.client.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let text = answer.map_err(|error| error.to_string())?.bytes().await.map_err(|error| error.to_string())?;
        if text.len() > MOST {
            return Err("there are too many".to_owned());
        }
        let set: JwkSet = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let mut keys = HashMap::new();
        for key in set.keys {
            let Ok(decoding) = DecodingKey::from_jwk(&key) else { continue };
            let algorithm = key.common.key_algorithm.and_then(|algorithm| algorithm.to_string().parse().ok());
            keys.insert(key.common.key_id.clone().unwrap_or_default(), (algorithm, decoding));
        }
        Ok(keys)
    }
}

fn rules_id(text: &str) -> crate::principal::Id {
    text.into()
}

/// What lies under a path of members; a claim may have dots in its own name.
fn at<'c>(claims: &'c Json, path: &str) -> Option<&'c Json> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    path.split('.').try_fold(claims, |below, name| below.get(name))
}

fn decoding_key(key: &str, algorithm: Algorithm) -> Result<DecodingKey, String> {
    let pem = key.as_bytes();
    let read = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return Ok(DecodingKey::from_secret(pem)),
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem),
        _ => DecodingKey::from_rsa_pem(pem),
    };
    read.map_err(|error| format!("JWT_KEY cannot be used with {algorithm:?}: {error}"))
}
