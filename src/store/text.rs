//! Statements that all three databases take, from templates: `[name]` is an
//! identifier (of a system table with its schema), `$1` a parameter, `#1` one that
//! is a UUID, `@1` one that is an instant in milliseconds since the epoch.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    catalog::{Dialect, metadata::SYSTEM_PREFIX},
    value::{Value, time},
};

/// The text of a template.
pub(super) fn of(dialect: Dialect, schema: Option<&str>, template: &str) -> Arc<str> {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '[' => {
                let name: String = std::iter::from_fn(|| rest.next().filter(|next| *next != ']')).collect();
                if let Some(schema) = schema.filter(|_| name.starts_with(SYSTEM_PREFIX)) {
                    quote(dialect, schema, &mut out);
                    out.push('.');
                }
                quote(dialect, &name, &mut out);
            }
            '$' | '#' | '@' if rest.peek().is_some_and(char::is_ascii_digit) => {
                let number: String = std::iter::from_fn(|| rest.next_if(char::is_ascii_digit)).collect();
                match (dialect, character) {
                    (Dialect::Postgres, '#') => write!(out, "${number}::uuid"),
                    (Dialect::Postgres, '@') => write!(out, "${number}::timestamptz"),
                    (Dialect::Postgres, _) => write!(out, "${number}::text"),
                    (Dialect::Sqlite, _) => write!(out, "?{number}"),
                    (Dialect::MySql, _) => write!(out, "?"),
                }
                .expect("writing to memory does not fail");
            }
            other => out.push(other),
        }
    }
    out.into()
}

fn quote(dialect: Dialect, name: &str, out: &mut String) {
    let mark = if dialect == Dialect::MySql { '`' } else { '"' };
    out.push(mark);
    for character in name.chars() {
        if character == mark {
            out.push(mark);
        }
        out.push(character);
    }
    out.push(mark);
}

/// The values for the placeholders: MySQL's have no numbers, so each is sent as
/// often and in the order as it is mentioned.
pub(super) fn values(dialect: Dialect, template: &str, parameters: &[Value]) -> Vec<Value> {
    if dialect != Dialect::MySql {
        return parameters.to_vec();
    }
    let mentioned = template.split(['$', '#', '@']).skip(1).filter_map(|rest| {
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        rest[..digits].parse::<usize>().ok()
    });
    mentioned.filter_map(|number| parameters.get(number - 1).cloned()).collect()
}

/// An instant, given in milliseconds since the epoch, as a system table holds it:
/// SQLite has what Directus writes there, the number.
pub(super) fn instant(dialect: Dialect, millis: i64) -> Value {
    if dialect == Dialect::Sqlite {
        return Value::Int(millis);
    }
    let mut text = Vec::with_capacity(24);
    if !time::write_timestamp(&mut text, millis.saturating_mul(1_000)) {
        // Beyond the four-digit years.
        text.extend_from_slice(b"9999-12-31T23:59:59.999Z");
    }
    let text = String::from_utf8(text).expect("digits are ASCII");
    match dialect {
        Dialect::MySql => Value::Text(text.trim_end_matches('Z').replace('T', " ").into()),
        _ => Value::Text(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_become_the_databases_own_sql() {
        let template = "SELECT [user] FROM [directus_users] WHERE [id] = #1 AND [email] = $2 AND [x] < @3";
        for (dialect, schema, expected) in [
            (
                Dialect::Postgres,
                Some("s\"x"),
                r#"SELECT "user" FROM "s""x"."directus_users" WHERE "id" = $1::uuid AND "email" = $2::text AND "x" < $3::timestamptz"#,
            ),
            (
                Dialect::Sqlite,
                None,
                r#"SELECT "user" FROM "directus_users" WHERE "id" = ?1 AND "email" = ?2 AND "x" < ?3"#,
            ),
            (Dialect::MySql, None, "SELECT `user` FROM `directus_users` WHERE `id` = ? AND `email` = ? AND `x` < ?"),
        ] {
            assert_eq!(&*of(dialect, schema, template), expected);
        }
    }

    #[test]
    fn values_come_in_the_order_in_which_they_are_mentioned() {
        let given = [Value::Int(1), Value::Int(2)];
        assert_eq!(values(Dialect::MySql, "$2 = #1 OR @2", &given), [Value::Int(2), Value::Int(1), Value::Int(2)]);
        assert_eq!(values(Dialect::Postgres, "$2 = #1 OR @2", &given), given);
    }

    #[test]
    fn instants_are_as_the_database_holds_them() {
        assert_eq!(instant(Dialect::Sqlite, 1_500), Value::Int(1_500));
        assert_eq!(instant(Dialect::Postgres, 1_500), Value::Text("1970-01-01T00:00:01.500Z".into()));
        assert_eq!(instant(Dialect::MySql, 1_500), Value::Text("1970-01-01 00:00:01.500".into()));
    }
}
