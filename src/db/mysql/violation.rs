//! Which rule a write would have broken, from the number and the English words
//! of the server's report. Only names are taken from it, never what is quoted
//! as a value.

use super::{
    super::{Violation, ViolationKind},
    literal,
    pool::Flavour,
};

/// The violation that a report is about, if it is about one.
pub(super) fn of(number: u16, message: &str, flavour: Flavour) -> Option<Violation> {
    let mut violation = Violation::of(match number {
        1062 | 1586 => ViolationKind::Unique,
        1048 | 1364 => ViolationKind::NotNull,
        1451 | 1452 | 1216 | 1217 => ViolationKind::ForeignKey,
        4025 | 3819 => ViolationKind::Check,
        1406 => ViolationKind::TooLong,
        1264 | 1690 => ViolationKind::OutOfRange,
        _ => return None,
    });
    let understood = match violation.kind {
        ViolationKind::Unique => duplicate(message, flavour, &mut violation),
        ViolationKind::ForeignKey => foreign_key(message, &mut violation),
        ViolationKind::Check if number == 4025 => mariadb_check(message, &mut violation),
        ViolationKind::Check => mysql_check(message, &mut violation),
        // An expression's; the message is about its values.
        ViolationKind::OutOfRange if number == 1690 => None,
        ViolationKind::NotNull | ViolationKind::TooLong | ViolationKind::OutOfRange => column(message, &mut violation),
    };
    if understood.is_none() {
        // A report to someone who may know no more, or another wording: the
        // kind stays true.
        tracing::debug!(number, "a violation names less than others");
    }
    Some(violation)
}

/// `Duplicate entry '…' for key 'name'`; MySQL puts the table before the name.
fn duplicate(message: &str, flavour: Flavour, violation: &mut Violation) -> Option<()> {
    let (_, name) = message.rsplit_once(" for key '")?;
    let name = name.strip_suffix('\'')?;
    let qualified = if flavour == Flavour::MySql { name.split_once('.') } else { None };
    violation.table = qualified.map(|(table, _)| table.to_owned());
    violation.constraint = Some(qualified.map_or(name, |(_, name)| name).to_owned());
    Some(())
}

/// `Column 'name' cannot be null` and others that begin with a column.
fn column(message: &str, violation: &mut Violation) -> Option<()> {
    let (_, rest) = message.split_once('\'')?;
    let name = ["' cannot be null", "' doesn't have a default value", "' at row "].iter().find_map(|after| {
        let (name, _) = rest.rsplit_once(after)?;
        Some(name)
    });
    violation.columns.push(name?.to_owned());
    Some(())
}

/// ``… fails (`schema`.`table`, CONSTRAINT `name` FOREIGN KEY (`a`, `b`) REFERENCES …``
fn foreign_key(message: &str, violation: &mut Violation) -> Option<()> {
    let (_, rest) = message.split_once(" fails (")?;
    let (_, rest) = literal::identifier(rest)?;
    let (table, rest) = literal::identifier(rest.strip_prefix('.')?)?;
    let (name, rest) = literal::identifier(rest.strip_prefix(", CONSTRAINT ")?)?;
    violation.table = Some(table);
    violation.constraint = Some(name);
    let mut rest = rest.strip_prefix(" FOREIGN KEY (")?;
    loop {
        let (column, after) = literal::identifier(rest)?;
        violation.columns.push(column);
        match after.strip_prefix(", ") {
            Some(more) => rest = more,
            None => return Some(()),
        }
    }
}

/// ``CONSTRAINT `name` failed for `schema`.`table` ``, where a column's own check
/// is called `table.column`.
fn mariadb_check(message: &str, violation: &mut Violation) -> Option<()> {
    let (name, rest) = literal::identifier(message.strip_prefix("CONSTRAINT ")?)?;
    let (_, rest) = literal::identifier(rest.strip_prefix(" failed for ")?)?;
    let (table, _) = literal::identifier(rest.strip_prefix('.')?)?;
    let column = name.strip_prefix(&table).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
    violation.columns.extend(column.clone());
    violation.constraint = Some(column.unwrap_or(name));
    violation.table = Some(table);
    Some(())
}

/// `Check constraint 'name' is violated.`
fn mysql_check(message: &str, violation: &mut Violation) -> Option<()> {
    let name = message.strip_prefix("Check constraint '")?.strip_suffix("' is violated.")?;
    violation.constraint = Some(name.to_owned());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(number: u16, message: &str, flavour: Flavour) -> (ViolationKind, String) {
        let violation = of(number, message, flavour).unwrap();
        let columns = violation.columns.join(",");
        let text = format!("{:?} {:?} {columns}", violation.table, violation.constraint).replace("Some", "");
        (violation.kind, text)
    }

    /// MySQL's wording; that of `MariaDB` is met in the tests against a server.
    #[test]
    fn reports_of_mysql_are_understood() {
        use ViolationKind::{Check, ForeignKey, NotNull, OutOfRange, TooLong, Unique};
        for (number, message, kind, expected) in [
            (1062, "Duplicate entry 'a' for key 'b' for key 'person.mail'", Unique, "(\"person\") (\"mail\") "),
            (1062, "Duplicate entry '7-x' for key 'person.PRIMARY'", Unique, "(\"person\") (\"PRIMARY\") "),
            (1048, "Column 'it's' cannot be null", NotNull, "None None it's"),
            (1364, "Field 'name' doesn't have a default value", NotNull, "None None name"),
            (
                1452,
                "Cannot add or update a child row: a foreign key constraint fails (`shop`.`line`, CONSTRAINT `a``b` \
                 FOREIGN KEY (`x`, `y`) REFERENCES `order` (`x`, `y`))",
                ForeignKey,
                "(\"line\") (\"a`b\") x,y",
            ),
            (1217, "Cannot delete or update a parent row: a foreign key constraint fails", ForeignKey, "None None "),
            (3819, "Check constraint 'is_positive' is violated.", Check, "None (\"is_positive\") "),
            (1406, "Data too long for column 'name' at row 1", TooLong, "None None name"),
            (1264, "Out of range value for column 'n' at row 12", OutOfRange, "None None n"),
            (1690, "BIGINT value is out of range in '(1 + 2)'", OutOfRange, "None None "),
        ] {
            assert_eq!(read(number, message, Flavour::MySql), (kind, expected.to_owned()), "{message}");
        }
        assert_eq!(read(1062, "Duplicate entry '1' for key 'a.b'", Flavour::MariaDb).1, "None (\"a.b\") ");
        assert_eq!(of(1146, "Table 'a.b' doesn't exist", Flavour::MySql), None);
    }
}
