//! What the types of columns mean.

use sqlx::{MySql, Type, TypeInfo as _, mysql::MySqlTypeInfo};

use super::literal;
use crate::catalog::ColumnType;

/// The meaning of a type, from `DATA_TYPE` (its bare name) and `COLUMN_TYPE`
/// (as DDL spells it).
pub(super) fn column_type(name: &str, declared: &str, precision: Option<u32>, scale: Option<u32>) -> ColumnType {
    let is_unsigned = declared.contains("unsigned");
    match name {
        "tinyint" if declared.starts_with("tinyint(1)") => ColumnType::Boolean,
        "bit" if declared == "bit(1)" => ColumnType::Boolean,
        "tinyint" | "smallint" | "mediumint" | "year" => ColumnType::Integer,
        "int" if !is_unsigned => ColumnType::Integer,
        "int" | "bigint" => ColumnType::BigInteger,
        "float" => ColumnType::Float,
        "double" => ColumnType::Double,
        "decimal" => match (precision, scale) {
            (Some(..=9), Some(0)) => ColumnType::Integer,
            (Some(..=18), Some(0)) => ColumnType::BigInteger,
            _ => ColumnType::Decimal,
        },
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => ColumnType::Text,
        "date" => ColumnType::Date,
        "datetime" => ColumnType::DateTime,
        "timestamp" => ColumnType::Timestamp,
        "time" => ColumnType::Time,
        "json" => ColumnType::Json,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" => ColumnType::Binary,
        "uuid" => ColumnType::Uuid,
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geometrycollection" | "geomcollection" => ColumnType::Geometry,
        // Enumerations, sets, wider bit strings, network addresses, and what is yet to come.
        _ => ColumnType::Other,
    }
}

/// The type that fits a column of a result best.
pub(super) fn of_result(info: &MySqlTypeInfo) -> ColumnType {
    match info.name() {
        "BOOLEAN" => ColumnType::Boolean,
        "TINYINT" | "TINYINT UNSIGNED" | "SMALLINT" | "SMALLINT UNSIGNED" | "MEDIUMINT" | "MEDIUMINT UNSIGNED"
        | "INT" | "YEAR" => ColumnType::Integer,
        "INT UNSIGNED" | "BIGINT" | "BIGINT UNSIGNED" => ColumnType::BigInteger,
        "FLOAT" => ColumnType::Float,
        "DOUBLE" => ColumnType::Double,
        "DECIMAL" => ColumnType::Decimal,
        "DATE" => ColumnType::Date,
        "DATETIME" => ColumnType::DateTime,
        "TIMESTAMP" => ColumnType::Timestamp,
        "TIME" => ColumnType::Time,
        "JSON" => ColumnType::Json,
        "NULL" | "BIT" | "ENUM" | "SET" => ColumnType::Other,
        // The names of the rest go by a flag that texts compared by bytes have, too.
        _ if <str as Type<MySql>>::compatible(info) => ColumnType::Text,
        _ => ColumnType::Binary,
    }
}

/// The values of an `enum('a','b')` or a `set('a','b')`.
pub(super) fn allowed(declared: &str) -> Vec<String> {
    let list = declared.strip_prefix("enum(").or_else(|| declared.strip_prefix("set("));
    let list = list.and_then(|list| list.strip_suffix(')'));
    list.and_then(literal::list).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_follow_the_declared_type() {
        let meaning = |declared: &str| {
            let name = declared.split(['(', ' ']).next().unwrap();
            let mut digits = declared.split(['(', ',', ')']).skip(1).map_while(|part| part.parse().ok());
            column_type(name, declared, digits.next(), digits.next())
        };
        assert_eq!(meaning("tinyint(1)"), ColumnType::Boolean);
        assert_eq!(meaning("tinyint(4)"), ColumnType::Integer);
        assert_eq!(meaning("tinyint"), ColumnType::Integer);
        assert_eq!(meaning("int(10) unsigned"), ColumnType::BigInteger);
        assert_eq!(meaning("mediumint(8) unsigned"), ColumnType::Integer);
        assert_eq!(meaning("decimal(9,0)"), ColumnType::Integer);
        assert_eq!(meaning("decimal(10,0)"), ColumnType::BigInteger);
        assert_eq!(meaning("decimal(19,0)"), ColumnType::Decimal);
        assert_eq!(meaning("decimal(5,2)"), ColumnType::Decimal);
        assert_eq!(meaning("bit(8)"), ColumnType::Other);
        assert_eq!(meaning("geomcollection"), ColumnType::Geometry);
        assert_eq!(meaning("inet6"), ColumnType::Other);
    }

    #[test]
    fn enumerations_say_what_they_allow() {
        assert_eq!(allowed("enum('a','it''s','x,y')"), ["a", "it's", "x,y"]);
        assert_eq!(allowed("set('')"), [""]);
        assert_eq!(allowed("varchar(10)"), [""; 0]);
    }
}
