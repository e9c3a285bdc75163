//! Roles, policies and tokens from a file in TOML, or in YAML with the same
//! names, for databases that hold none of their own.
//!
//! ```toml
//! [roles]
//! reader = {}
//! editor = { parent = "reader" }          # has what a reader has, and more
//!
//! [[users]]
//! id = "bot"                              # what $CURRENT_USER stands for
//! role = "editor"
//! token_env = "BOT_TOKEN"                 # or token = "…", at least 16 characters
//!
//! [policies.reading]
//! roles = ["reader"]                      # also: users = ["bot"], public = true
//! addresses = ["10.0.0.0/8"]              # everywhere, if absent
//!
//! [[policies.reading.permissions]]
//! collection = "articles"
//! actions = ["read"]                      # create, read, update, delete
//! fields = ["*"]                          # all, if absent
//! rows = { status = { _eq = "published" } }
//!
//! [[policies.reading.permissions]]
//! collection = "comments"
//! actions = ["create", "update"]
//! rows = { author_name = { _eq = "$CURRENT_USER" } }
//! presets = { author_name = "$CURRENT_USER" }
//! validation = { body = { _nempty = true } }
//! ```

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{Known, digest};
use crate::{
    permissions::{
        Action, Addresses, Attached, Fields, Given, Identity, NotAnAddress, Permission, PolicyRules, RuleSet,
    },
    principal::Id,
};

/// Shorter tokens can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// Why a file of rules cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// It is neither TOML nor YAML, or says what nobody understands.
    #[error("{0}")]
    Unclear(String),
    /// Something in it does not fit the rest.
    #[error("{what}: {why}")]
    Wrong {
        /// Where.
        what: String,
        /// Why.
        why: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Text {
    roles: BTreeMap<String, Role>,
    users: Vec<User>,
    policies: BTreeMap<String, PolicyText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Role {
    parent: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    id: String,
    role: Option<String>,
    token: Option<String>,
    token_env: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyText {
    roles: Vec<String>,
    users: Vec<String>,
    public: bool,
    admin: bool,
    addresses: Vec<String>,
    permissions: Vec<PermissionText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PermissionText {
    collection: String,
    actions: Vec<String>,
    fields: Option<Vec<String>>,
    #[serde(default)]
    rows: Json,
    #[serde(default)]
    validation: Json,
    #[serde(default)]
    presets: Map<String, Json>,
}

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// TOML 1.1.
    Toml,
    /// YAML 1.2.
    Yaml,
}

impl Syntax {
    /// What a file is written in, by the end of its name: TOML, unless that says YAML.
    pub fn of(path: &Path) -> Self {
        let ends = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
        match ends("yaml") || ends("yml") {
            true => Self::Yaml,
            false => Self::Toml,
        }
    }
}

/// Reads a file's text; `environment` has the tokens that it only names.
///
/// # Errors
/// The first thing in it that makes no sense.
pub fn parse(text: &str, syntax: Syntax, environment: impl Fn(&str) -> Option<String>) -> Result<Known, Error> {
    let read: Result<Text, String> = match syntax {
        Syntax::Toml => toml::from_str(text).map_err(|error| error.to_string()),
        // A file that says nothing grants nothing, as in TOML.
        Syntax::Yaml if text.trim().is_empty() => Ok(Text::default()),
        // `no` is a word, as YAML 1.2 has it.
        Syntax::Yaml => serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true })
            .map_err(|error| error.to_string()),
    };
    let text = read.map_err(Error::Unclear)?;
    let id = |name: &String| Id::from(name.as_str());
    let wrong = |what: String, why: String| Error::Wrong { what, why };
    let role = |what: &str, name: &String| match text.roles.contains_key(name) {
        true => Ok(id(name)),
        false => Err(wrong(what.to_owned(), format!("there is no role `{name}`"))),
    };
    let mut parents = HashMap::new();
    for (name, of) in &text.roles {
        let parent = of.parent.as_ref().map(|parent| role(&format!("role `{name}`"), parent)).transpose()?;
        parents.insert(id(name), parent);
    }
    let mut users = HashMap::new();
    let mut tokens = HashMap::new();
    for user in &text.users {
        let what = format!("user `{}`", user.id);
        let own = user.role.as_ref().map(|name| role(&what, name)).transpose()?;
        if users.insert(id(&user.id), own.clone()).is_some() {
            return Err(wrong(what, "there are two of that id".to_owned()));
        }
        let token = match (&user.token, &user.token_env) {
            (Some(token), None) => token.clone(),
            (None, Some(name)) => {
                environment(name).ok_or_else(|| wrong(what.clone(), format!("{name} is not in the environment")))?
            }
            _ => return Err(wrong(what, "it has either a `token` or a `token_env`".to_owned())),
        };
        if token.chars().count() < SHORTEST_TOKEN {
            return Err(wrong(what, format!("its token has less than {SHORTEST_TOKEN} characters")));
        }
        let identity = Identity { user: Some(id(&user.id)), role: own, ip: None };
        if tokens.insert(digest(&token), identity).is_some() {
            return Err(wrong(what, "another user has the same token".to_owned()));
        }
    }
    let mut policies = HashMap::new();
    let mut attached = Vec::new();
    for (name, policy) in text.policies {
        let what = format!("policy `{name}`");
        let mut give = |given| attached.push(Attached { policy: id(&name), given, sort: None });
        for of in &policy.roles {
            give(Given::ToRole(role(&what, of)?));
        }
        for user in &policy.users {
            if !users.contains_key(user.as_str()) {
                return Err(wrong(what, format!("there is no user `{user}`")));
            }
            give(Given::ToUser(id(user)));
        }
        if policy.public {
            give(Given::ToPublic);
        }
        let addresses = Addresses::parse(policy.addresses.iter().map(String::as_str));
        let addresses = addresses.map_err(|error: NotAnAddress| wrong(what.clone(), error.to_string()))?;
        let mut permissions = Vec::new();
        for permission in policy.permissions {
            permissions.extend(permission.each().map_err(|why| wrong(what.clone(), why))?);
        }
        policies.insert(id(&name), PolicyRules { admin: policy.admin, app: false, addresses, permissions });
    }
    Ok(Known { set: RuleSet::new(parents, policies, attached), users: Some(users), tokens })
}

impl PermissionText {
    /// One permission for each action.
    fn each(self) -> Result<Vec<Permission>, String> {
        let Self { collection, actions, fields, rows, validation, presets } = self;
        let fields = match fields {
            None => Fields::All,
            Some(names) if names.iter().any(|name| name == "*") => Fields::All,
            Some(names) => Fields::Only(names.into_iter().collect()),
        };
        for (name, filter) in [("rows", &rows), ("validation", &validation)] {
            if !filter.is_null() && !filter.is_object() {
                return Err(format!("`{name}` of `{collection}` is a filter"));
            }
        }
        let one = |name: &String| {
            let action = Action::from_name(name)
                .ok_or_else(|| format!("`{name}` is no action: there are create, read, update and delete"))?;
            let (collection, fields) = (collection.clone(), fields.clone());
            let (rows, validation, presets) = (rows.clone(), validation.clone(), presets.clone());
            Ok(Permission { collection, action, fields, rows, validation, presets })
        };
        actions.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        parse(text, Syntax::Toml, |_| None).expect_err("it makes no sense").to_string()
    }

    #[test]
    fn the_example_of_the_documentation_is_understood() {
        let documentation = include_str!("file.rs");
        let example = documentation.split("//! ```").nth(1).expect("there is an example");
        let example: Vec<&str> = example.lines().skip(1).map(|line| line.trim_start_matches("//!")).collect();
        let environment = |name: &str| (name == "BOT_TOKEN").then(|| "0123456789abcdef".to_owned());
        let known = parse(&example.join("\n"), Syntax::Toml, environment).expect("it is understood");
        let bot = known.tokens.get(&digest("0123456789abcdef")).expect("the token is known").clone();
        let bot = known.set.principal(Identity { ip: "10.0.0.1".parse().ok(), ..bot });
        assert_eq!(bot.roles, ["reader".into(), "editor".into()].into());
        assert_eq!(bot.policies, ["reading".into()].into());
    }

    #[test]
    fn yaml_says_the_same() {
        let toml = r#"
            [roles]
            reader = {}
            editor = { parent = "reader" }
            [[users]]
            id = "bot"
            role = "editor"
            token = "0123456789abcdef"
            [policies.reading]
            roles = ["reader"]
            addresses = ["10.0.0.0/8"]
            [[policies.reading.permissions]]
            collection = "articles"
            actions = ["read", "update"]
            fields = ["id", "no"]
            rows = { _and = [{ status = { _in = ["no", "on"] } }, { at = { _gt = "2024-01-01" } }, { n = { _eq = 1 } }] }
            presets = { status = "~" }
        "#;
        let yaml = r"
roles:
  reader: {}
  editor: { parent: reader }
users:
  - id: bot
    role: editor
    token: 0123456789abcdef
policies:
  reading:
    roles: [reader]
    addresses: [10.0.0.0/8]
    permissions:
      - collection: articles
        actions: [read, update]
        fields: [id, no]
        rows:
          _and:
            - status: { _in: [no, on] }
            - at: { _gt: 2024-01-01 }
            - n: { _eq: 1 }
        presets: { status: '~' }
";
        let read = |text, syntax| parse(text, syntax, |_| None).expect("it is understood");
        let (toml, yaml) = (read(toml, Syntax::Toml), read(yaml, Syntax::Yaml));
        assert_eq!((toml.set, toml.users), (yaml.set, yaml.users));
        assert_eq!(toml.tokens.keys().collect::<Vec<_>>(), yaml.tokens.keys().collect::<Vec<_>>());
        for (text, reason) in [
            ("roles: [", "line 1 column 8"),
            ("rules: {}", "unknown field `rules`"),
            ("roles: {}\nroles: {}", "duplicate"),
            ("users:\n  - id: a", "either a `token` or a `token_env`"),
        ] {
            let told = parse(text, Syntax::Yaml, |_| None).expect_err(text).to_string();
            assert!(told.contains(reason), "{text}: {told}");
        }
        assert!(parse("", Syntax::Yaml, |_| None).is_ok());
        assert_eq!(Syntax::of(Path::new("a/rules.YML")), Syntax::Yaml);
        assert_eq!(Syntax::of(Path::new("rules.yaml.toml")), Syntax::Toml);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, reason) in [
            ("[roles", "TOML parse error"),
            ("[rules]", "unknown field `rules`"),
            ("[roles]\na = { parent = \"b\" }", "role `a`: there is no role `b`"),
            ("[[users]]\nid = \"a\"", "either a `token` or a `token_env`"),
            ("[[users]]\nid = \"a\"\ntoken_env = \"X\"", "X is not in the environment"),
            ("[[users]]\nid = \"a\"\ntoken = \"short\"", "less than 16"),
            ("[policies.p]\nusers = [\"x\"]", "there is no user `x`"),
            ("[policies.p]\naddresses = [\"x\"]", "neither an address"),
            ("[[policies.p.permissions]]\ncollection = \"a\"\nactions = [\"share\"]", "`share` is no action"),
            ("[[policies.p.permissions]]\ncollection = \"a\"\nactions = [\"read\"]\nrows = 1", "is a filter"),
        ] {
            let told = wrong(text);
            assert!(told.contains(reason), "{text}: {told}");
        }
        let twice =
            "[[users]]\nid = \"a\"\ntoken = \"0123456789abcdef\"\n[[users]]\nid = \"b\"\ntoken = \"0123456789abcdef\"";
        assert!(wrong(twice).contains("the same token"));
    }
}
