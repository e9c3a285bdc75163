//! Which rule a write would have broken, from the fields of the server's report.

use sqlx::postgres::PgDatabaseError;

use crate::db::{Violation, ViolationKind};

/// The violation that a report is about, if it is about one.
pub(super) fn of(report: &PgDatabaseError) -> Option<Violation> {
    let kind = match report.code() {
        "23505" | "23P01" => ViolationKind::Unique,
        "23502" => ViolationKind::NotNull,
        "23503" | "23001" => ViolationKind::ForeignKey,
        "23514" => ViolationKind::Check,
        "22001" => ViolationKind::TooLong,
        "22003" => ViolationKind::OutOfRange,
        _ => return None,
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Some(Violation {
        kind,
        schema: owned(report.schema()),
        table: owned(report.table()),
        columns: match (kind, report.column()) {
            (_, Some(column)) => vec![column.to_owned()],
            (ViolationKind::Unique, None) => report.detail().and_then(indexed).unwrap_or_default(),
            (ViolationKind::ForeignKey, None) if !is_still_needed(report) => {
                report.detail().and_then(pointing).unwrap_or_default()
            }
            _ => Vec::new(),
        },
        constraint: owned(report.constraint()),
    })
}

/// Whether the row at the other end of the foreign key was to go. The detail
/// then names the columns there. Only the message tells, in the server's
/// language, by naming the table that points last.
fn is_still_needed(report: &PgDatabaseError) -> bool {
    let (Some(table), Some(constraint)) = (report.table(), report.constraint()) else { return false };
    report.message().rsplit_once(constraint).is_some_and(|(_, after)| after.contains(table))
}

/// The columns of `Key (a, b)=(…) is not present in …`: bare names.
fn pointing(detail: &str) -> Option<Vec<String>> {
    let (_, from) = detail.split_once('(')?;
    let (names, _) = from.split_once(")=(")?;
    Some(names.split(", ").map(str::to_owned).collect())
}

/// The columns of `Key (a, "B", lower(c))=(…) already exists`: quoted where SQL
/// wants it. `None` where an expression is among them.
fn indexed(detail: &str) -> Option<Vec<String>> {
    let (_, mut rest) = detail.split_once('(')?;
    let mut names = Vec::new();
    loop {
        let (name, after) = identifier(rest)?;
        names.push(name);
        match after.strip_prefix(", ") {
            Some(more) => rest = more,
            // What follows is somebody's data, or how an exclusion compares.
            None => return after.starts_with(")=(").then_some(names),
        }
    }
}

/// A name, bare or quoted, and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '$')))?;
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        let Some(more) = after.strip_prefix('"') else {
            return Some((name, after));
        };
        name.push('"');
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_from_details_in_any_language() {
        assert_eq!(indexed("Key (a, b)=(1, 2) already exists.").unwrap(), ["a", "b"]);
        assert_eq!(indexed("Schlüssel »(a)=(x)« existiert bereits.").unwrap(), ["a"]);
        assert_eq!(indexed(r#"Key ("A, ""b)=(", c)=(1, 2) already exists."#).unwrap(), [r#"A, "b)=("#, "c"]);
        assert_eq!(indexed("Key (lower(a), b)=(x, 1) already exists."), None);
        assert_eq!(indexed("Key ((a || b))=(x) already exists."), None);
        assert_eq!(indexed("No key"), None);
        assert_eq!(
            pointing("Key (author, Other One)=(1, 2) is not present in table \"t\".").unwrap(),
            ["author", "Other One"]
        );
    }
}
