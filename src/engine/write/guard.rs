//! What must hold of the system tables whoever writes to them, in whatever way
//! (contract `auth.md` 8 and 12): addresses that are one's own, roles that are not
//! above themselves, and somebody who may still do everything.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::work::Session;
use crate::{
    catalog::{Dialect, Exposure, Table},
    db::ViolationKind,
    engine::{Broken, Error},
    error_code::ErrorCode,
    events::{Change, RowImage},
    hooks,
    permissions::Addresses,
    plan::write::{Draft, Fault, RowKey, Rule, WriteAction},
    secrets,
    store::{Row, statements},
    value::{Key, Value},
};

impl Session {
    /// Holds what is to be written to a system table against what must hold of it.
    pub(super) async fn guard(
        &self,
        table: &Table,
        action: WriteAction,
        drafts: &mut [Draft],
        keys: &[Vec<RowKey>],
    ) -> Result<(), Error> {
        if table.exposure != Exposure::System {
            return Ok(());
        }
        let mut addresses = HashSet::new();
        for (at, draft) in drafts.iter_mut().enumerate() {
            let keys = keys.get(at).map_or(&[][..], Vec::as_slice);
            match &*table.name {
                "directus_users" => {
                    if let Some(Value::Text(email)) = given(table, draft, "email")
                        && !addresses.insert(email.to_lowercase())
                    {
                        return Err(taken(table, email));
                    }
                    self.guard_user(table, action, draft, keys).await?;
                }
                "directus_policies" => guard_policy(table, draft)?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn guard_user(
        &self,
        table: &Table,
        action: WriteAction,
        draft: &mut Draft,
        keys: &[RowKey],
    ) -> Result<(), Error> {
        let is_admin = self.caller.access.is_full();
        if given(table, draft, "tfa_secret").is_some() {
            return Err(Fault::Payload("`tfa_secret` is set by enabling one-time passwords".to_owned()).into());
        }
        let from_outside =
            ["provider", "external_identifier"].into_iter().any(|name| given(table, draft, name).is_some());
        if from_outside {
            if !is_admin {
                return Err(Error::Forbidden(None));
            }
            if let (WriteAction::Update, Some(column)) = (action, column(table, "auth_data")) {
                draft.put(column, Value::Null);
            }
        }
        if let Some(Value::Text(password)) = given(table, draft, "password") {
            let settings = self.system_rows(statements::SETTINGS, &[]).await?;
            let policy = settings.first().and_then(|row| row.get("auth_password_policy")).and_then(Json::as_str);
            // What was given is nobody's business.
            if policy.is_some_and(|policy| !policy.is_empty() && !secrets::fits(policy, password)) {
                return Err(broken("password", "regex").into());
            }
        }
        if let Some(Value::Text(email)) = given(table, draft, "email") {
            if !is_address(email) {
                return Err(broken("email", "email").into());
            }
            if keys.len() > 1 {
                return Err(Fault::Payload("several users cannot have the same `email`".to_owned()).into());
            }
            // One after another, or two could have the same.
            self.hold().await?;
            let others =
                self.system_rows(statements::USER_BY_EMAIL, &[Value::Text(email.to_lowercase().into())]).await?;
            if others.iter().any(|row| !keys.iter().any(|key| is_key(key, row))) {
                return Err(taken(table, email));
            }
        }
        Ok(())
    }

    /// No role is above itself, by however many steps.
    async fn check_roles(&self) -> Result<(), Error> {
        let parents = self.parents().await?;
        for role in parents.keys() {
            let mut above = parents.get(role).cloned().flatten();
            let mut seen = HashSet::new();
            while let Some(next) = above.filter(|next| seen.insert(next.clone())) {
                if next == *role {
                    return Err(Fault::Payload("a role cannot be above itself".to_owned()).into());
                }
                above = parents.get(&next).cloned().flatten();
            }
        }
        Ok(())
    }

    /// Roles with those above them.
    async fn parents(&self) -> Result<HashMap<String, Option<String>>, Error> {
        let rows = self.system_rows(statements::ROLES, &[]).await?;
        let id = |row: &Row, name: &str| row.get(name).and_then(Json::as_str).map(str::to_ascii_lowercase);
        Ok(rows.iter().filter_map(|row| Some((id(row, "id")?, id(row, "parent")))).collect())
    }

    /// Lets go of rows that the database would not delete because others point to
    /// them without meaning to hold them.
    pub(super) async fn release(&self, table: &Table, keys: &[RowKey]) -> Result<(), Error> {
        if table.exposure != Exposure::System {
            return Ok(());
        }
        let steps: &[&str] = match &*table.name {
            "directus_users" => &statements::RELEASE_USER,
            // Who loses a role must not become who has none.
            "directus_roles" => {
                &[statements::RELEASE_ROLES, statements::END_SESSIONS_OF_ROLE, statements::SUSPEND_ROLE]
            }
            _ => return Ok(()),
        };
        for key in keys.iter().filter_map(|key| text_of(key)) {
            for template in steps {
                self.system_execute(template, &[Value::Text(key.as_str().into())]).await?;
            }
        }
        Ok(())
    }

    /// What follows from what was written to the system tables, and what must hold
    /// of them at the end.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        let changes = self.system_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let catalog = self.catalog();
        for change in &changes {
            let table = catalog.table(change.table);
            if table.name == "directus_users" {
                self.end_sessions(table, change).await?;
            }
        }
        if changes.iter().any(|change| catalog.table(change.table).name == "directus_roles") {
            self.check_roles().await?;
        }
        if changes.iter().any(|change| may_take_rights(catalog.table(change.table), change)) {
            self.check_somebody_administers().await?;
        }
        Ok(())
    }

    /// Sessions of who may not come any more, and of who has another password.
    async fn end_sessions(&self, table: &Table, change: &Change) -> Result<(), Error> {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(()) };
        let differs = |name: &str| column(table, name).is_some_and(|column| !before.same_cell(after, column));
        let is_out = differs("status") && cell(table, after, "status").as_deref() != Some("active");
        let Some(user) = text_of(&change.key) else { return Ok(()) };
        let user = Value::Text(user.into());
        if is_out {
            self.system_execute(statements::END_SESSIONS, &[user]).await?;
        } else if differs("password") || differs("email") {
            let own = self.caller.principal.proof.as_ref().and_then(|proof| proof.session.clone());
            let own = Value::Text(own.unwrap_or_default().into());
            self.system_execute(statements::END_OTHER_SESSIONS, &[user, own]).await?;
        }
        Ok(())
    }

    /// Holds what others look at before they decide, until this transaction ends.
    async fn hold(&self) -> Result<(), Error> {
        match self.catalog().dialect {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres | Dialect::MySql => self.system_rows(statements::HOLD, &[]).await.map(drop),
        }
    }

    /// There must be somebody left who may do everything, if there was before.
    async fn check_somebody_administers(&self) -> Result<(), Error> {
        self.hold().await?;
        let is_left = !self.system_rows(statements::ACTIVE_ADMIN, &[]).await?.is_empty();
        // As others still see it.
        if is_left || self.system_rows_outside(statements::ACTIVE_ADMIN, &[]).await?.is_empty() {
            return Ok(());
        }
        let message = "There must be an active administrator left.";
        Err(hooks::Error::known(ErrorCode::UnprocessableContent, message)
            .with("reason", "there must be an active administrator left")
            .into())
    }
}

/// Whether a change may take somebody's right to do everything.
fn may_take_rights(table: &Table, change: &Change) -> bool {
    let decisive: &[&str] = match &*table.name {
        "directus_users" => &["status", "role"],
        "directus_roles" => &["parent"],
        "directus_access" => &["role", "user", "policy"],
        "directus_policies" => &["admin_access"],
        _ => return false,
    };
    match (&change.before, &change.after) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => {
            decisive.iter().any(|name| column(table, name).is_some_and(|column| !before.same_cell(after, column)))
        }
    }
}

/// Networks and addresses alone: what cannot be understood would apply nowhere.
fn guard_policy(table: &Table, draft: &Draft) -> Result<(), Error> {
    match given(table, draft, "ip_access") {
        Some(Value::Text(list)) => match Addresses::parse(list.split(',')) {
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::Payload(format!("`ip_access`: {error}")).into()),
        },
        _ => Ok(()),
    }
}

fn column(table: &Table, name: &str) -> Option<crate::catalog::ColumnId> {
    table.field(name).and_then(|field| table.field_column(field))
}

fn given<'d>(table: &Table, draft: &'d Draft, name: &str) -> Option<&'d Value> {
    let column = column(table, name)?;
    draft.columns.iter().find(|(known, _)| *known == column).map(|(_, value)| value)
}

fn cell(table: &Table, image: &RowImage, name: &str) -> Option<String> {
    let column = column(table, name)?;
    match image.key(column, &table.column(column).column_type)? {
        Key::Text(text) => Some(text.to_string()),
        other => Some(format!("{other:?}")),
    }
}

fn text_of(key: &[Key]) -> Option<String> {
    match key {
        [Key::Text(text)] => Some(text.to_ascii_lowercase()),
        _ => None,
    }
}

fn is_key(key: &[Key], row: &Row) -> bool {
    let id = row.get("id").and_then(Json::as_str).map(str::to_ascii_lowercase);
    id.is_some() && text_of(key) == id
}

fn taken(table: &Table, email: &str) -> Error {
    Error::Broken(Box::new(Broken {
        kind: ViolationKind::Unique,
        collection: Some(table.collection.clone()),
        field: Some("email".to_owned()),
        value: Some(Json::from(email)),
        constraint: None,
        transient: false,
    }))
}

fn broken(field: &str, kind: &'static str) -> Fault {
    let rule = Rule::Permission { kind, detail: None };
    Fault::Validation { field: field.to_owned(), path: Vec::new(), rule }
}

/// Whether a text looks like an e-mail address: something on both sides of the
/// last `@`, and no blanks.
fn is_address(text: &str) -> bool {
    let sides = text.rsplit_once('@').filter(|(user, host)| !user.is_empty() && !host.is_empty());
    sides.is_some_and(|(_, host)| !host.starts_with('.') && !host.ends_with('.')) && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_two_sides() {
        for (text, is) in [
            ("a@b.example", true),
            ("a+b@localhost", true),
            ("\"a@b\"@c.example", true),
            ("a", false),
            ("@b", false),
            ("a@", false),
            ("a b@c.example", false),
            ("a@.example", false),
        ] {
            assert_eq!(is_address(text), is, "{text}");
        }
    }
}
