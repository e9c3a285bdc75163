//! Which rule a write would have broken, from the extended error code and the
//! names in the text.

use rusqlite::ffi;

use super::super::{Violation, ViolationKind};

/// The violation that an error is about, if it is about one.
pub(super) fn of(error: &rusqlite::Error) -> Option<Violation> {
    let rusqlite::Error::SqliteFailure(code, text) = error else { return None };
    let kind = match code.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            ViolationKind::Unique
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => ViolationKind::NotNull,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ViolationKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_CHECK => ViolationKind::Check,
        _ => return None,
    };
    let mut violation = Violation::of(kind);
    if let Some((_, subject)) = text.as_deref().and_then(|text| text.split_once(" constraint failed: ")) {
        name(subject, &mut violation);
    }
    Some(violation)
}

/// What follows the colon: a check by its name, a unique index on expressions
/// by its, anything else by its columns.
fn name(subject: &str, violation: &mut Violation) {
    let index = subject.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\''));
    if violation.kind == ViolationKind::Check || index.is_some() {
        violation.constraint = Some(index.unwrap_or(subject).to_owned());
    } else if let Some((table, column)) = subject.split_once('.') {
        // Names are not quoted: a table with a point in its own is misread.
        let next = format!(", {table}.");
        violation.columns = column.split(&next).map(str::to_owned).collect();
        violation.table = Some(table.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_apart_by_their_table() {
        let mut violation = Violation::of(ViolationKind::Unique);
        name("a b.c, d, a b.e.f", &mut violation);
        assert_eq!(
            (violation.table.as_deref(), violation.columns),
            (Some("a b"), vec!["c, d".to_owned(), "e.f".into()])
        );
    }
}
