//! The gateway's own tables, in the database that it serves: how they are made,
//! and what they say of collections, of roles and policies, and of users.
//!
//! They have the shape of Directus 12 (contract `system-tables.md`); a database
//! that Directus 11 or 12 made is read as it is.

mod migrations;
mod rules;
pub mod statements;
mod text;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::{
    catalog::{Dialect, Metadata, facts::Facts},
    db::{self, Database, Transaction},
    permissions::RuleSet,
    sql::Bound,
    value::Value,
};

/// A row, by the names of its columns.
pub type Row = Map<String, Json>;

/// The tables without which there is no store.
const NEEDED: [&str; 8] = [
    "directus_access",
    "directus_collections",
    "directus_fields",
    "directus_permissions",
    "directus_policies",
    "directus_relations",
    "directus_roles",
    "directus_users",
];

/// Why the system tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database said no.
    #[error("the system tables cannot be read or written: {0}")]
    Database(#[from] db::Error),
    /// Directus has changed them since.
    #[error(
        "the system tables were made by a newer version ({0}) than this gateway knows ({known}); it writes to no table \
         that it does not know", known = migrations::NEWEST
    )]
    Newer(String),
    /// Rights were kept elsewhere then.
    #[error(
        "the system tables were made by Directus 10 or older: there are no policies; let Directus 11 or 12 migrate them \
         first"
    )]
    Older,
}

/// The system tables of a database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    /// The PostgreSQL schema that they are in.
    schema: Option<Arc<str>>,
}

impl Store {
    /// The system tables, if a database has them.
    ///
    /// # Errors
    /// When they are of a version that cannot be used.
    pub async fn open(database: &Database, facts: &Facts) -> Result<Option<Self>, Error> {
        let place = |name: &str| facts.tables.iter().find(|table| table.name == name);
        let Some(users) = place("directus_users") else { return Ok(None) };
        if place("directus_policies").is_none() {
            return Err(Error::Older);
        }
        if !NEEDED.into_iter().all(|name| place(name).is_some()) {
            return Ok(None);
        }
        let store = Self { database: database.clone(), schema: users.schema.as_deref().map(Arc::from) };
        if place("directus_migrations").is_some() {
            store.check_version().await?;
        }
        Ok(Some(store))
    }

    /// Makes the system tables, whatever of them is missing; in PostgreSQL in one
    /// schema.
    ///
    /// # Errors
    /// When the database does not let them be made.
    pub async fn create(database: &Database, schema: Option<&str>) -> Result<Self, Error> {
        let schema = schema.filter(|_| database.dialect() == Dialect::Postgres).map(Arc::from);
        let store = Self { database: database.clone(), schema };
        migrations::run(&store).await?;
        Ok(store)
    }

    /// What they say of collections, fields and relations.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn metadata(&self) -> Result<Metadata, Error> {
        let collections = self.rows(statements::COLLECTIONS, &[]).await?;
        let fields = self.rows(statements::FIELDS, &[]).await?;
        let relations = self.rows(statements::RELATIONS, &[]).await?;
        Ok(Metadata::from_rows(&collections, &fields, &relations))
    }

    /// The roles and policies of now.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn rules(&self) -> Result<RuleSet, Error> {
        rules::read(self).await
    }

    /// The rows of a statement, see `text`.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub async fn rows(&self, template: &str, parameters: &[Value]) -> Result<Vec<Row>, db::Error> {
        let Bound { text, values } = self.bound(template, parameters);
        Ok(self.database.fetch(&text, &values).await?.objects())
    }

    /// A statement as the database takes it.
    pub fn bound(&self, template: &str, parameters: &[Value]) -> Bound {
        let dialect = self.database.dialect();
        let text = text::of(dialect, self.schema.as_deref(), template);
        Bound { text, values: text::values(dialect, template, parameters) }
    }

    /// Runs a statement that writes; how many rows it affected.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub async fn execute(&self, template: &str, parameters: &[Value]) -> Result<u64, db::Error> {
        let Bound { text, values } = self.bound(template, parameters);
        self.database.execute(&text, &values).await
    }

    /// The same within a transaction.
    async fn execute_within(
        &self,
        transaction: &mut Transaction,
        template: &str,
        parameters: &[Value],
    ) -> Result<u64, db::Error> {
        let Bound { text, values } = self.bound(template, parameters);
        transaction.execute(&text, &values).await
    }

    async fn rows_within(
        &self,
        transaction: &mut Transaction,
        template: &str,
        parameters: &[Value],
    ) -> Result<Vec<Row>, db::Error> {
        let Bound { text, values } = self.bound(template, parameters);
        Ok(transaction.fetch(&text, &values).await?.objects())
    }

    /// An instant, in milliseconds since the epoch, as a parameter `@1`.
    pub fn instant(&self, millis: i64) -> Value {
        text::instant(self.database.dialect(), millis)
    }

    async fn check_version(&self) -> Result<(), Error> {
        let newest = self.rows("SELECT MAX([version]) AS [version] FROM [directus_migrations]", &[]).await?;
        match newest.first().and_then(|row| row.get("version")).and_then(Json::as_str) {
            Some(version) if version > migrations::NEWEST => Err(Error::Newer(version.to_owned())),
            _ => Ok(()),
        }
    }
}

/// The first administrator of a database.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    /// The e-mail address to log in with.
    pub email: String,
    /// The password's argon2 hash.
    pub password_hash: String,
    /// A static token.
    pub token: Option<String>,
}

impl Store {
    /// Whether nobody can log in yet.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub async fn has_no_users(&self) -> Result<bool, db::Error> {
        Ok(self.rows(statements::ANY_USER, &[]).await?.is_empty())
    }

    /// Makes the first administrator with role and policy, unless another gateway
    /// was faster; whether it did.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub async fn create_admin(&self, admin: &FirstAdmin) -> Result<bool, db::Error> {
        let id = || Value::Text(uuid::Uuid::new_v4().to_string().into());
        let (role, policy) = (id(), id());
        let mut transaction = migrations::locked(self).await?;
        let made = async {
            let known = self.rows_within(&mut transaction, statements::ANY_USER, &[]).await?;
            if !known.is_empty() {
                return Ok(false);
            }
            let name = Value::Text("Administrator".into());
            let steps: [(&str, Vec<Value>); 4] = [
                (
                    "INSERT INTO [directus_roles] ([id], [name], [icon]) VALUES (#1, $2, 'verified')",
                    vec![role.clone(), name.clone()],
                ),
                (
                    "INSERT INTO [directus_policies] ([id], [name], [icon], [admin_access], [app_access]) \
                     VALUES (#1, $2, 'verified', TRUE, TRUE)",
                    vec![policy.clone(), name],
                ),
                (
                    "INSERT INTO [directus_access] ([id], [role], [policy]) VALUES (#1, #2, #3)",
                    vec![id(), role.clone(), policy],
                ),
                (
                    "INSERT INTO [directus_users] ([id], [first_name], [last_name], [email], [password], [token], [role], \
                     [status], [provider]) VALUES (#1, 'Admin', 'User', $2, $3, $4, #5, 'active', 'default')",
                    vec![
                        id(),
                        Value::Text(admin.email.as_str().into()),
                        Value::Text(admin.password_hash.as_str().into()),
                        admin.token.as_deref().map_or(Value::Null, |token| Value::Text(token.into())),
                        role,
                    ],
                ),
            ];
            for (template, parameters) in steps {
                self.execute_within(&mut transaction, template, &parameters).await?;
            }
            Ok(true)
        };
        match made.await {
            Ok(made) => {
                migrations::finish(self, transaction).await?;
                Ok(made)
            }
            Err(error) => {
                migrations::give_up(self, transaction).await;
                Err(error)
            }
        }
    }
}
