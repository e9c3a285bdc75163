//! What users do with their own accounts: passwords, invitations, registration,
//! one-time passwords (contract `auth.md` 7 and 8).

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::{
    Accounts,
    accounts::{id_value, refused},
    login::{millis, wrong_credentials},
    tokens::{OnceClaims, Unfit, password_mark},
    totp,
};
use crate::{
    clock::Stopwatch,
    engine::{Caller, Error},
    error_code::ErrorCode,
    hooks,
    mail::Template,
    permissions::{Decides as _, validation},
    plan::write::{Fault, Rule},
    principal::{Id, Principal},
    secrets,
    store::{Row, statements},
    value::Value,
};

/// How long a link to a new password is good.
const RESET_TTL: Duration = Duration::from_secs(86_400);
/// Longest names and addresses that the table holds.
const LONGEST_NAME: usize = 50;
const LONGEST_EMAIL: usize = 128;
/// How long asking for one takes at least, whoever asks.
const RESET_STALL: Duration = Duration::from_millis(500);

/// What somebody registers with.
#[derive(Clone, Default)]
pub struct Registration {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Where the link that confirms the address leads.
    pub verification_url: Option<String>,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registration").finish_non_exhaustive()
    }
}

impl Accounts {
    /// Sends somebody a link to choose a new password; who has no account learns
    /// nothing of it.
    ///
    /// # Errors
    /// When the link may not lead where it shall.
    pub async fn request_password(&self, client: &Principal, email: &str, url: Option<String>) -> Result<(), Error> {
        Self::limited(&self.0.logins, client)?;
        let watch = Stopwatch::start();
        let place =
            self.link("password-reset", url.as_deref(), &self.0.options.accounts.reset_urls, "/admin/reset-password")?;
        let found = self.user_by_email(email).await?;
        let may_come = |row: &Row| text(row, "status") == Some("active") && text(row, "provider") == Some("default");
        if let Some(row) = found.filter(may_come) {
            let hash = password_mark(text(&row, "password"));
            // To the user's own address, however it was written.
            let email = text(&row, "email").unwrap_or_default();
            let token = self.once(email, "password-reset", Some(hash), RESET_TTL);
            self.send(email, Template::PasswordReset, format!("{place}{token}"));
        }
        self.stall(RESET_STALL, watch).await;
        Ok(())
    }

    /// Sets a new password by such a link.
    ///
    /// # Errors
    /// `INVALID_TOKEN`, `TOKEN_EXPIRED`, `FORBIDDEN` for one that was used already,
    /// and what a password must be.
    pub async fn reset_password(&self, client: &Principal, token: &str, password: &str) -> Result<(), Error> {
        Self::limited(&self.0.logins, client)?;
        let claims = self.read_once(token, "password-reset")?;
        let row = self.user_by_email(&claims.email).await?;
        let row = row.filter(|row| text(row, "status") == Some("active")).ok_or(Error::Forbidden(None))?;
        if claims.hash != Some(password_mark(text(&row, "password"))) {
            return Err(Error::Forbidden(None));
        }
        self.set_password(&row, password, Map::new()).await
    }

    async fn set_password(&self, row: &Row, password: &str, more: Map<String, Json>) -> Result<(), Error> {
        let id: Id = text(row, "id").unwrap_or_default().into();
        let mut payload = more;
        payload.insert("password".to_owned(), password.into());
        let users = self.users_service(&Principal::public());
        users.update_one(Json::from(&*id), Json::Object(payload)).await?;
        self.execute(statements::END_SESSIONS, &[id_value(&id)]).await?;
        self.user_changed(&id.to_ascii_lowercase().into());
        Ok(())
    }

    fn once(&self, email: &str, scope: &str, hash: Option<String>, ttl: Duration) -> String {
        let claims = OnceClaims { email: email.to_owned(), scope: scope.to_owned(), hash };
        let claims = match serde_json::to_value(claims) {
            Ok(Json::Object(claims)) => claims,
            _ => Map::new(),
        };
        self.0.signer.sign(claims, self.now_millis(), millis(ttl))
    }

    fn read_once(&self, token: &str, scope: &str) -> Result<OnceClaims, Error> {
        self.0.signer.once(token, scope, self.now_millis()).map_err(|unfit| match unfit {
            Unfit::Expired => super::Error::Expired.into(),
            Unfit::Foreign | Unfit::Invalid => super::Error::Invalid.into(),
        })
    }

    /// Where a link begins, behind which its token is written.
    fn link(&self, what: &str, wished: Option<&str>, allowed: &[String], own: &str) -> Result<String, Error> {
        let base = match wished {
            Some(wished) if allowed.iter().any(|allowed| is_same_place(allowed, wished)) => wished.to_owned(),
            Some(_) => {
                let reason = format!("the address for \"{what}\" is not among those that are allowed");
                return Err(hooks::Error::invalid_payload(reason).into());
            }
            None => format!("{}{own}", self.0.options.accounts.public_url.trim_end_matches('/')),
        };
        let mark = if base.contains('?') { '&' } else { '?' };
        Ok(format!("{base}{mark}token="))
    }

    fn caller(&self, principal: &Principal) -> Caller {
        let access = match principal.admin {
            true => crate::permissions::Access::full(),
            false => self.0.rules.access(principal, self.0.engine.catalog()),
        };
        Caller::new(std::sync::Arc::new(principal.clone()), access)
    }

    fn own_users(&self, principal: &Principal) -> hooks::ItemsService {
        self.0.engine.context_of(&self.caller(principal)).items("directus_users")
    }

    /// A user as somebody may see them; of whom they may see nothing, the id.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn read_user(&self, principal: &Principal, user: &str, fields: Vec<String>) -> Result<Json, Error> {
        let query = match fields.is_empty() {
            true => Json::Null,
            false => json!({ "fields": fields }),
        };
        match self.own_users(principal).read_many(vec![Json::from(user)], query).await {
            Ok(found) => Ok(found.into_iter().next().unwrap_or_else(|| json!({ "id": user }))),
            Err(error) if error.code == ErrorCode::Forbidden.as_str() => Ok(json!({ "id": user })),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a user, as far as somebody may.
    ///
    /// # Errors
    /// What they may not, and what must not be.
    pub async fn update_user(
        &self,
        principal: &Principal,
        user: &str,
        payload: Map<String, Json>,
    ) -> Result<(), Error> {
        self.own_users(principal).update_one(user, Json::Object(payload)).await?;
        Ok(())
    }

    /// A new secret for one-time passwords, and what apps read it from; it is
    /// stored once it was shown to work.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` for a wrong password; when there is one already.
    pub async fn generate_tfa(&self, client: &Principal, user: &Id, password: &str) -> Result<(String, String), Error> {
        Self::limited(&self.0.logins, client)?;
        let row = self.user_row(user).await?;
        self.count_attempt(user, self.allowed_attempts().await?).await?;
        if text(&row, "tfa_secret").is_some() {
            return Err(hooks::Error::invalid_payload("one-time passwords are enabled already").into());
        }
        let stored = text(&row, "password").unwrap_or_default().to_owned();
        if text(&row, "provider") == Some("default") && !self.verify(password.to_owned(), stored).await? {
            return Err(wrong_credentials());
        }
        self.0.attempts.invalidate(user);
        let secret = totp::new_secret();
        let project = self.setting("project_name").await?;
        let issuer = project.as_ref().and_then(Json::as_str).unwrap_or("Tidegate");
        let url = totp::url(&secret, text(&row, "email").unwrap_or(user), issuer);
        Ok((secret, url))
    }

    /// Stores a secret that works.
    ///
    /// # Errors
    /// When it does not, or may not be stored.
    pub async fn enable_tfa(&self, principal: &Principal, secret: &str, otp: &str) -> Result<(), Error> {
        let user = principal.user.clone().ok_or_else(wrong_credentials)?;
        if text(&self.user_row(&user).await?, "tfa_secret").is_some() {
            return Err(hooks::Error::invalid_payload("one-time passwords are enabled already").into());
        }
        if !totp::matches(secret, otp, self.now_millis() / 1_000) {
            return Err(hooks::Error::invalid_payload("`otp` is not the one of `secret`").into());
        }
        self.may_write_tfa(principal)?;
        self.store_tfa(&user, Some(secret)).await
    }

    /// Takes a secret out.
    ///
    /// # Errors
    /// When the one-time password is wrong, or it may not be taken out.
    pub async fn disable_tfa(&self, principal: &Principal, otp: &str) -> Result<(), Error> {
        let user = principal.user.clone().ok_or_else(wrong_credentials)?;
        let row = self.user_row(&user).await?;
        let secret = text(&row, "tfa_secret").unwrap_or_default();
        Self::limited(&self.0.logins, principal)?;
        self.count_attempt(&user, self.allowed_attempts().await?).await?;
        if !totp::matches(secret, otp, self.now_millis() / 1_000) {
            return Err(hooks::Error::invalid_payload("`otp` is not the right one").into());
        }
        self.0.attempts.invalidate(&user);
        self.may_write_tfa(principal)?;
        self.store_tfa(&user, None).await
    }

    /// Takes somebody else's out.
    ///
    /// # Errors
    /// For everybody but administrators.
    pub async fn disable_tfa_of(&self, principal: &Principal, user: &str) -> Result<(), Error> {
        if !principal.admin {
            return Err(Error::Forbidden(None));
        }
        uuid::Uuid::try_parse(user).map_err(|_| Error::Forbidden(None))?;
        self.store_tfa(user, None).await
    }

    fn may_write_tfa(&self, principal: &Principal) -> Result<(), Error> {
        let access = self.caller(principal).access;
        let table = self.0.engine.catalog().collection("directus_users").ok_or(Error::Internal)?;
        let may = access.update(table.id).is_some_and(|right| right.allows("tfa_secret"));
        may.then_some(()).ok_or(Error::Forbidden(None))
    }

    async fn store_tfa(&self, user: &str, secret: Option<&str>) -> Result<(), Error> {
        let secret = secret.map_or(Value::Null, |secret| Value::Text(secret.into()));
        match self.execute(statements::SET_TFA, &[secret, id_value(user)]).await? {
            0 => Err(Error::Forbidden(None)),
            _ => Ok(()),
        }
    }

    async fn user_row(&self, user: &str) -> Result<Row, Error> {
        uuid::Uuid::try_parse(user).map_err(|_| wrong_credentials())?;
        let rows = self.rows(statements::USER, &[id_value(user)]).await?;
        rows.into_iter().next().ok_or_else(wrong_credentials)
    }

    /// Invites somebody, with a role that they will have.
    ///
    /// # Errors
    /// When the link may not lead where it shall, or the user cannot be made.
    pub async fn invite(&self, principal: &Principal, email: &str, role: &str, url: Option<&str>) -> Result<(), Error> {
        let options = &self.0.options.accounts;
        let place = self.link("user-invitation", url, &options.invite_urls, "/admin/accept-invite")?;
        let table = self.0.engine.catalog().collection("directus_users").ok_or(Error::Internal)?;
        // Who may not make users learns nothing of those there are.
        if self.caller(principal).access.create(table.id).is_none() {
            return Ok(());
        }
        let known = self.user_by_email(email).await?;
        let email = match &known {
            None => {
                let payload = json!({ "email": email, "role": role, "status": "invited" });
                match self.own_users(principal).create_one(payload).await {
                    Ok(_) => email,
                    Err(error) if error.code == ErrorCode::Forbidden.as_str() => return Ok(()),
                    Err(error) => return Err(error.into()),
                }
            }
            Some(row) if text(row, "status") == Some("invited") => {
                if text(row, "role") != Some(role) {
                    let id = text(row, "id").unwrap_or_default();
                    match self.own_users(principal).update_one(id, json!({ "role": role })).await {
                        Ok(_) => {}
                        Err(error) if error.code == ErrorCode::Forbidden.as_str() => return Ok(()),
                        Err(error) => return Err(error.into()),
                    }
                }
                // To the user's own address, however it was written.
                text(row, "email").unwrap_or_default()
            }
            Some(_) => return Ok(()),
        };
        let token = self.once(email, "invite", None, options.invite_ttl);
        self.send(email, Template::UserInvitation, format!("{place}{token}"));
        Ok(())
    }

    /// Accepts an invitation.
    ///
    /// # Errors
    /// `INVALID_INVITE` for one that was accepted already.
    pub async fn accept_invite(&self, client: &Principal, token: &str, password: &str) -> Result<(), Error> {
        Self::limited(&self.0.logins, client)?;
        let claims = self.read_once(token, "invite")?;
        let row = self.user_by_email(&claims.email).await?.filter(|row| text(row, "status") == Some("invited"));
        let row = row.ok_or_else(|| refused(ErrorCode::InvalidInvite, "The invitation is not valid any more."))?;
        let more = Map::from_iter([("status".to_owned(), Json::from("active"))]);
        self.set_password(&row, password, more).await
    }

    /// Registers somebody, where that is wished; who is known already learns
    /// nothing of it.
    ///
    /// # Errors
    /// `FORBIDDEN` where nobody can register, or not with such an address.
    pub async fn register(&self, registration: Registration, client: &Principal) -> Result<(), Error> {
        Self::limited(&self.0.registrations, client)?;
        let watch = Stopwatch::start();
        let outcome = self.try_register(registration, client).await;
        self.stall(self.0.options.accounts.register_stall, watch).await;
        outcome
    }

    async fn try_register(&self, registration: Registration, client: &Principal) -> Result<(), Error> {
        let Registration { email, password, first_name, last_name, verification_url } = registration;
        let settings = self.rows(statements::SETTINGS, &[]).await?;
        let settings = settings.into_iter().next().unwrap_or_default();
        if !crate::catalog::metadata::truth(&settings, "public_registration") {
            return Err(Error::Forbidden(None));
        }
        let options = &self.0.options.accounts;
        let place = self.link(
            "user-registration",
            verification_url.as_deref(),
            &options.register_urls,
            "/users/register/verify-email",
        )?;
        if let Some(filter) = crate::catalog::metadata::json(&settings, "public_registration_email_filter") {
            let payload = Map::from_iter([("email".to_owned(), Json::from(email.as_str()))]);
            if !validation::check(&filter, &payload).is_empty() {
                return Err(Error::Forbidden(None));
            }
        }
        // What can be wrong is told before anybody looks who is known.
        let policy = settings.get("auth_password_policy").and_then(Json::as_str).filter(|policy| !policy.is_empty());
        if policy.is_some_and(|policy| !secrets::fits(policy, &password)) {
            let rule = Rule::Permission { kind: "regex", detail: None };
            return Err(Fault::Validation { field: "password".to_owned(), path: Vec::new(), rule }.into());
        }
        let is_long = |name: &Option<String>| name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME);
        if !email.contains('@') || email.chars().count() > LONGEST_EMAIL || is_long(&first_name) || is_long(&last_name)
        {
            let reason = "`email` is an e-mail address, and names are no longer than 50 characters";
            return Err(hooks::Error::invalid_payload(reason).into());
        }
        let verifies = crate::catalog::metadata::truth(&settings, "public_registration_verify_email");
        if self.user_by_email(&email).await?.is_none() {
            let payload = json!({
                "email": email,
                "password": password,
                "first_name": first_name,
                "last_name": last_name,
                "role": settings.get("public_registration_role"),
                "status": if verifies { "unverified" } else { "active" },
            });
            if let Err(error) = self.users_service(client).create_one(payload).await {
                if error.status >= 500 {
                    return Err(error.into());
                }
                // Whatever it is, it would tell who is known.
                tracing::info!(%error, "a registration failed");
                return Ok(());
            }
            if verifies {
                let token = self.once(&email, "pending-registration", None, options.verification_ttl);
                self.send(&email, Template::UserRegistration, format!("{place}{token}"));
            }
        }
        Ok(())
    }

    /// Confirms an address; the user's id.
    ///
    /// # Errors
    /// When there is nothing to confirm.
    pub async fn verify_email(&self, token: &str) -> Result<Id, Error> {
        let claims = self.read_once(token, "pending-registration")?;
        let row = self.user_by_email(&claims.email).await?.filter(|row| text(row, "status") == Some("unverified"));
        let row = row.ok_or_else(|| Error::from(hooks::Error::invalid_payload("there is nothing to confirm")))?;
        let id: Id = text(&row, "id").unwrap_or_default().into();
        let users = self.users_service(&Principal::public());
        users.update_one(Json::from(&*id), json!({ "status": "active" })).await?;
        Ok(id)
    }

    /// What is told of the project (contract `graphql.md` 8.4).
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn info(&self, is_user: bool) -> Result<Json, Error> {
        const TOLD: [&str; 11] = [
            "project_name",
            "project_descriptor",
            "project_logo",
            "project_color",
            "default_language",
            "public_foreground",
            "public_background",
            "public_note",
            "custom_css",
            "public_registration",
            "public_registration_verify_email",
        ];
        let rows = self.rows(statements::SETTINGS, &[]).await?;
        let row = rows.into_iter().next().unwrap_or_default();
        let value = |name: &str| match name {
            "public_registration" | "public_registration_verify_email" => {
                Json::from(crate::catalog::metadata::truth(&row, name))
            }
            name => row.get(name).cloned().unwrap_or_default(),
        };
        let project: Map<String, Json> = TOLD.iter().map(|name| ((*name).to_owned(), value(name))).collect();
        let mut info = json!({ "project": project });
        if is_user && let Some(info) = info.as_object_mut() {
            info.insert("rateLimit".to_owned(), false.into());
            info.insert("rateLimitGlobal".to_owned(), false.into());
            info.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
        }
        Ok(info)
    }
}

fn text<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    row.get(name).and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// Whether an address is one that is allowed: the same, or the same but for its
/// query.
fn is_same_place(allowed: &str, wished: &str) -> bool {
    let place = |text: &str| {
        let url = url::Url::parse(text).ok()?;
        Some((url.origin().ascii_serialization(), url.path().to_owned()))
    };
    allowed == wished || place(allowed).is_some_and(|allowed| place(wished) == Some(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_only_where_they_may() {
        for (allowed, wished, is_same) in [
            ("https://a.example/reset", "https://a.example/reset", true),
            ("https://a.example/reset", "https://a.example/reset?lang=de", true),
            ("https://a.example/reset", "https://a.example/other", false),
            ("https://a.example/reset", "https://a.example.evil/reset", false),
            ("https://a.example/reset", "http://a.example/reset", false),
            ("https://a.example/reset", "https://user@evil/reset", false),
        ] {
            assert_eq!(is_same_place(allowed, wished), is_same, "{wished}");
        }
    }
}
