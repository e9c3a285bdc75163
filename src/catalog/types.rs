//! What a column's type means, whatever the database calls it. Drivers choose
//! their decoder by it, the schema its GraphQL type, statements their casts.

/// The meaning of a column's type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// Integers that fit 32 bits; also decimals without a scale that do, and years.
    Integer,
    /// Wider integers, signed and unsigned.
    BigInteger,
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// Exact numbers with digits after the point.
    Decimal,
    /// Truth values.
    Boolean,
    /// Character types.
    Text,
    /// UUIDs, as the database's own type.
    Uuid,
    /// An instant: a date and time that knows its zone.
    Timestamp,
    /// A date and time on a wall clock.
    DateTime,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// JSON documents.
    Json,
    /// Binary data.
    Binary,
    /// Spatial types that the database can write as GeoJSON.
    Geometry,
    /// Lists of texts, stored as one text and joined with commas.
    Csv,
    /// Arrays of one element type.
    Array(Box<ColumnType>),
    /// Every other type that the database can write as text: enums, intervals,
    /// network addresses, bit strings, ranges, XML, money, composite types …
    Other,
}

impl ColumnType {
    /// Whether sums and averages make sense.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Integer | Self::BigInteger | Self::Float | Self::Double | Self::Decimal)
    }

    /// Whether values are integers.
    pub fn is_integer(&self) -> bool {
        matches!(self, Self::Integer | Self::BigInteger)
    }

    /// Whether it has a date, a time of day, or both.
    pub fn is_temporal(&self) -> bool {
        matches!(self, Self::Timestamp | Self::DateTime | Self::Date | Self::Time)
    }

    /// Whether values are compared as text.
    pub fn is_textual(&self) -> bool {
        matches!(self, Self::Text | Self::Other)
    }
}

/// The SQL that a database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL 13 or newer.
    Postgres,
    /// MySQL 8 or MariaDB 10.6, or newer.
    MySql,
    /// SQLite, as bundled.
    Sqlite,
}

impl Dialect {
    /// The database's name, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL/MariaDB",
            Self::Sqlite => "SQLite",
        }
    }
}
