//! What a declared type means. SQLite takes any words as a type, so this goes
//! by the words that databases use, then by SQLite's own affinity rules.

use crate::catalog::ColumnType;

/// A declared type, understood.
#[derive(Debug, PartialEq)]
pub(super) struct Meaning {
    /// What the type means.
    pub(super) column_type: ColumnType,
    /// Length in characters of a limited text type.
    pub(super) length: Option<u32>,
    /// Total digits of a decimal type.
    pub(super) precision: Option<u32>,
    /// Digits after the point of a decimal type.
    pub(super) scale: Option<u32>,
}

/// Reads a declared type such as `varchar(20)` or `UNSIGNED BIG INT`.
pub(super) fn read(declared: &str) -> Meaning {
    let (before, rest) = declared.split_once('(').unwrap_or((declared, ""));
    let (arguments, after) = rest.split_once(')').unwrap_or((rest, ""));
    let words = format!("{before} {after}").to_ascii_uppercase();
    let words = Words(words.split_whitespace().collect());
    let mut arguments = arguments.split(',').map(|argument| argument.trim().parse::<u32>().ok());
    let first = arguments.next().flatten();
    let second = arguments.next().flatten();
    if words.is_decimal() {
        let scale = second.or(first.map(|_| 0));
        return Meaning { column_type: decimal(first, scale), length: None, precision: first, scale };
    }
    let column_type = words.column_type();
    let length = first.filter(|_| column_type == ColumnType::Text);
    Meaning { column_type, length, precision: None, scale: None }
}

/// Decimals without digits after the point are integers.
fn decimal(precision: Option<u32>, scale: Option<u32>) -> ColumnType {
    match (precision, scale) {
        (Some(..=9), Some(0)) => ColumnType::Integer,
        (Some(..=18), Some(0)) => ColumnType::BigInteger,
        _ => ColumnType::Decimal,
    }
}

/// A type's words in upper case, without what is in parentheses.
struct Words<'a>(Vec<&'a str>);

impl Words<'_> {
    fn has(&self, words: &[&str]) -> bool {
        self.0.iter().any(|word| words.contains(word))
    }

    fn begins(&self, starts: &[&str]) -> bool {
        self.0.iter().any(|word| starts.iter().any(|start| word.starts_with(start)))
    }

    fn contains(&self, parts: &[&str]) -> bool {
        self.0.iter().any(|word| parts.iter().any(|part| word.contains(part)))
    }

    fn is_decimal(&self) -> bool {
        // `NUM` is SQLite's own name for a computed number.
        self.has(&["DECIMAL", "NUMERIC", "DEC", "NUMBER", "NUM"])
    }

    fn column_type(&self) -> ColumnType {
        if self.begins(&["BOOL"]) {
            ColumnType::Boolean
        } else if let Some(number) = self.number() {
            number
        } else if let Some(temporal) = self.temporal() {
            temporal
        } else if self.has(&["UUID", "GUID", "UNIQUEIDENTIFIER"]) {
            ColumnType::Uuid
        } else if self.begins(&["JSON"]) {
            ColumnType::Json
        } else if self.begins(&["BINARY", "VARBINARY"]) {
            ColumnType::Binary
        } else {
            self.affinity()
        }
    }

    fn number(&self) -> Option<ColumnType> {
        if self.has(&["BIGINT", "INT8"]) || (self.has(&["BIG"]) && self.has(&["INT", "INTEGER"])) {
            return Some(ColumnType::BigInteger);
        }
        let known = ["INT", "INTEGER", "TINYINT", "SMALLINT", "MEDIUMINT", "INT2", "INT3", "INT4", "YEAR"];
        self.has(&known).then_some(ColumnType::Integer)
    }

    fn temporal(&self) -> Option<ColumnType> {
        if self.has(&["DATETIME", "DATETIME2", "SMALLDATETIME"]) {
            Some(ColumnType::DateTime)
        } else if self.begins(&["TIMESTAMP"]) {
            Some(ColumnType::Timestamp)
        } else if self.has(&["DATE"]) {
            Some(ColumnType::Date)
        } else {
            self.has(&["TIME", "TIMETZ"]).then_some(ColumnType::Time)
        }
    }

    /// By parts of the words, as SQLite decides how to store a value. What it
    /// would call numeric for want of any hint (`MONEY`, `INET`, `POINT`) is
    /// served as text, which all values have.
    fn affinity(&self) -> ColumnType {
        if self.contains(&["INT"]) && !self.contains(&["POINT", "INTERVAL"]) {
            ColumnType::Integer
        } else if self.contains(&["CHAR", "CLOB", "TEXT"]) || self.begins(&["STRING"]) {
            ColumnType::Text
        } else if self.contains(&["BLOB"]) {
            ColumnType::Binary
        } else if self.contains(&["REAL", "FLOA", "DOUB"]) {
            ColumnType::Double
        } else {
            ColumnType::Other
        }
    }
}
