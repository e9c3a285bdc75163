//! A gateway over a database with system tables, and those who log in to it.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value as Json, json};
use tidegate::{config, gateway, secrets::HashOptions};

use super::{Kind, Reply, TestApp, TestDatabase};

/// Notes of nobody.
pub const NOTES: &str = "
    CREATE TABLE note (id INT PRIMARY KEY NOT NULL, title VARCHAR(20), owner CHAR(36));
    INSERT INTO note VALUES (1, 'one', NULL), (2, 'two', NULL);";

/// What hashing costs here: next to nothing.
const CHEAP: HashOptions = HashOptions { memory: 64, time: 1, parallelism: 1 };

/// The administrator's, and everybody's.
pub const PASSWORD: &str = "correct horse";

/// A gateway over a database with system tables.
pub struct Served {
    pub app: TestApp,
}

/// Who has logged in.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Served {
    pub async fn start(kind: Kind) -> Self {
        Self::over(Arc::new(TestDatabase::create(kind, NOTES).await)).await
    }

    pub async fn over(data: Arc<TestDatabase>) -> Self {
        Self::over_with(data, |_| {}).await
    }

    pub async fn over_with(data: Arc<TestDatabase>, change: impl FnOnce(&mut config::Serve) + Send + 'static) -> Self {
        Self::over_as(data, |builder| builder.configure(change)).await
    }

    pub async fn over_as(data: Arc<TestDatabase>, change: impl FnOnce(gateway::Builder) -> gateway::Builder) -> Self {
        let own = |serve: &mut config::Serve| {
            serve.gateway.metadata = config::Metadata::Directus;
            serve.gateway.first_admin.email = Some("admin@example.com".to_owned());
            serve.gateway.first_admin.password = Some(PASSWORD.to_owned());
            serve.auth.accounts.hash = CHEAP;
            serve.auth.accounts.login_stall = std::time::Duration::ZERO;
            serve.auth.accounts.register_stall = std::time::Duration::ZERO;
            serve.auth.accounts.login_rate = None;
            serve.auth.accounts.registration_rate = None;
        };
        Self { app: TestApp::with_store(data, |builder| change(builder.configure(own))).await }
    }

    pub async fn rest(&self, method: Method, path: &str, token: Option<&str>, body: Json) -> Reply {
        let mut request = self.app.request(method, path);
        if !body.is_null() {
            request = request.json(&body);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("the gateway answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the answer is text");
        let body = if text.is_empty() { Json::Null } else { serde_json::from_str(&text).expect("the answer is JSON") };
        Reply { status, headers, body }
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Tokens {
        let reply = self.try_log_in(email, password).await;
        assert_eq!(reply.status, 200, "{:#}", reply.body);
        let text = |name: &str| reply.body["data"][name].as_str().expect("there is one").to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }

    pub async fn try_log_in(&self, email: &str, password: &str) -> Reply {
        self.rest(Method::POST, "/auth/login", None, json!({ "email": email, "password": password })).await
    }

    /// How many statements `work` sends, whatever else the gateway reads now and then,
    /// and what came of it.
    pub async fn statements_of<T, F: Future<Output = T>>(&self, work: impl Fn() -> F) -> (u64, T) {
        let mut least = self.app.statements_of(work()).await;
        for _ in 0..4 {
            let next = self.app.statements_of(work()).await;
            if next.0 < least.0 {
                least = next;
            }
        }
        least
    }

    pub async fn admin(&self) -> Tokens {
        self.log_in("admin@example.com", PASSWORD).await
    }

    pub async fn graphql(&self, path: &str, token: Option<&str>, query: &str) -> Reply {
        self.rest(Method::POST, path, token, json!({ "query": query })).await
    }

    /// The data of an operation of the system's that must succeed.
    pub async fn system(&self, token: &Tokens, query: &str) -> Json {
        let mut reply = self.graphql("/graphql/system", Some(&token.access), query).await;
        assert!(reply.body.get("errors").is_none(), "{query}\n{:#}", reply.body);
        reply.body["data"].take()
    }

    /// The code of an operation of the system's that must fail.
    pub async fn system_code(&self, token: &Tokens, query: &str) -> String {
        let reply = self.graphql("/graphql/system", Some(&token.access), query).await;
        reply.codes().first().map(|code| (*code).to_owned()).unwrap_or_else(|| panic!("{query}\n{:#}", reply.body))
    }

    pub async fn notes(&self, token: Option<&str>) -> Reply {
        self.graphql("/graphql", token, "{ note { id title } }").await
    }

    /// A user with a role of their own, whose policy has these permissions.
    pub async fn user(&self, admin: &Tokens, email: &str, permissions: &str) -> Tokens {
        let role = self
            .system(admin, &format!(r#"mutation {{ create_roles_item(data: {{ name: "{email}" }}) {{ id }} }}"#))
            .await;
        let role = role["create_roles_item"]["id"].as_str().expect("it has an id").to_owned();
        let query = format!(
            r#"mutation {{ create_policies_item(data: {{ name: "{email}", permissions: [{permissions}],
                roles: [{{ role: {{ id: "{role}", name: "{email}" }} }}] }}) {{ id }} }}"#
        );
        self.system(admin, &query).await;
        let query = format!(
            r#"mutation {{ create_users_item(data: {{ email: "{email}", password: "{PASSWORD}",
                role: {{ id: "{role}", name: "{email}" }} }}) {{ id }} }}"#
        );
        self.system(admin, &query).await;
        self.log_in(email, PASSWORD).await
    }
}
