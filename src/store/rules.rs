//! Roles, policies and permissions as they are stored (contract
//! `permissions.md` 1 and 2).

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value as Json};

use super::{Error, Row, Store, statements};
use crate::{
    catalog::metadata::{json, truth},
    permissions::{Action, Addresses, Attached, Fields, Given, Permission, PolicyRules, RuleSet},
    principal::Id,
};

pub(super) async fn read(store: &Store) -> Result<RuleSet, Error> {
    let roles = store.rows(statements::ROLES, &[]).await?;
    let policies = store.rows(statements::POLICIES, &[]).await?;
    let attached = store.rows(statements::ACCESS, &[]).await?;
    let permissions = store.rows(statements::PERMISSIONS, &[]).await?;
    Ok(rule_set(&roles, &policies, &attached, &permissions))
}

fn rule_set(roles: &[Row], policies: &[Row], attached: &[Row], permissions: &[Row]) -> RuleSet {
    let parents = roles.iter().filter_map(|row| Some((id(row, "id")?, id(row, "parent")))).collect();
    let mut rules: HashMap<Id, PolicyRules> = HashMap::new();
    for row in policies {
        let Some(policy) = id(row, "id") else { continue };
        let addresses = row.get("ip_access").and_then(Json::as_str).unwrap_or_default();
        let addresses = addresses.split(',').map(str::trim).filter(|address| !address.is_empty());
        let addresses = Addresses::parse(addresses).unwrap_or_else(|error| {
            // From nowhere rather than from everywhere.
            tracing::warn!(%policy, %error, "a policy applies from nowhere: its addresses cannot be used");
            Addresses::nowhere()
        });
        let (admin, app) = (truth(row, "admin_access"), truth(row, "app_access"));
        rules.insert(policy, PolicyRules { admin, app, addresses, permissions: Vec::new() });
    }
    for row in permissions {
        let rules = id(row, "policy").and_then(|policy| rules.get_mut(&policy));
        let (Some(rules), Some(permission)) = (rules, permission(row)) else { continue };
        rules.permissions.push(permission);
    }
    let given = |row: &Row| match (id(row, "role"), id(row, "user")) {
        (Some(role), _) => Given::ToRole(role),
        (None, Some(user)) => Given::ToUser(user),
        (None, None) => Given::ToPublic,
    };
    let attached = attached.iter().filter_map(|row| {
        let sort = row.get("sort").and_then(Json::as_i64);
        Some(Attached { policy: id(row, "policy")?, given: given(row), sort })
    });
    RuleSet::new(parents, rules, attached.collect())
}

fn permission(row: &Row) -> Option<Permission> {
    let text = |name: &str| row.get(name).and_then(Json::as_str);
    let names: BTreeSet<&str> = text("fields").unwrap_or_default().split(',').map(str::trim).collect();
    let fields = match names.contains("*") {
        true => Fields::All,
        false => Fields::Only(names.into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect()),
    };
    let stored = |name: &str| match row.get(name) {
        None | Some(Json::Null) => Some(Json::Null),
        Some(_) => json(row, name).filter(|json| json.is_object() || json.is_null()),
    };
    let (mut rows, validation, presets) = (stored("permissions"), stored("validation"), stored("presets"));
    if validation.is_none() || presets.is_none() {
        tracing::warn!(id = ?row.get("id"), "a permission cannot be read, and grants nothing");
        rows = None;
    }
    let presets = match presets {
        Some(Json::Object(presets)) => presets,
        _ => Map::new(),
    };
    Some(Permission {
        collection: text("collection")?.to_owned(),
        action: Action::from_name(text("action")?)?,
        fields,
        // A rule that cannot be read must not become none.
        rows: rows.unwrap_or(Json::Bool(false)),
        validation: validation.unwrap_or_default(),
        presets,
    })
}

fn id(row: &Row, name: &str) -> Option<Id> {
    row.get(name).and_then(Json::as_str).map(|text| text.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::permissions::Identity;

    fn row(json: Json) -> Row {
        match json {
            Json::Object(row) => row,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn rows_become_rules() {
        let roles = [row(json!({ "id": "R1", "parent": null })), row(json!({ "id": "r2", "parent": "r1" }))];
        let policies = [
            row(json!({ "id": "p1", "admin_access": 0, "app_access": 1, "ip_access": "" })),
            row(json!({ "id": "p2", "admin_access": true, "ip_access": "nonsense" })),
        ];
        let attached = [
            row(json!({ "policy": "p1", "role": "r1", "user": null, "sort": 2 })),
            row(json!({ "policy": "p2", "role": null, "user": "u", "sort": null })),
        ];
        let permissions = [row(json!({
            "policy": "p1", "collection": "a", "action": "read", "fields": "id, name", "permissions": "{\"x\":1}",
        }))];
        let rules = rule_set(&roles, &policies, &attached, &permissions);
        let known =
            rules.principal(Identity { user: Some("u".into()), role: Some("r2".into()), ..Identity::default() });
        assert_eq!(known.roles, ["r1".into(), "r2".into()].into());
        assert_eq!(known.policies, ["p1".into()].into());
        assert!(known.app && !known.admin);
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_no_rule_for_everything() {
        let stored = row(json!({ "collection": "a", "action": "read", "permissions": "{nonsense", "fields": null }));
        let read = permission(&stored).unwrap();
        assert_eq!((read.rows, read.fields), (json!(false), Fields::Only(Default::default())));
        for broken in ["validation", "presets"] {
            let mut stored = row(json!({ "collection": "a", "action": "create", "fields": "*" }));
            stored.insert(broken.to_owned(), json!("{nonsense"));
            assert_eq!(permission(&stored).unwrap().rows, json!(false), "{broken}");
        }
        assert!(permission(&row(json!({ "collection": "a", "action": "share" }))).is_none());
    }
}
