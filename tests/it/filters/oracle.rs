//! The filter language in its plainest form: every row of the music shop in
//! memory, every filter (as JSON) evaluated on it. Knows nothing of SQL.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use crate::support::{Kind, TestDatabase};

/// A cell as filters see it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Number(f64),
    /// A text, or a date in its ISO spelling.
    Text(String),
}

/// What a member of a filter leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Number,
    Text,
    Date,
    /// The row that this column points to.
    One(&'static str),
    /// The rows of a table that point here by a column.
    Many(&'static str, &'static str),
    /// The rows of a table on the other side of `playlist_track`: own and other column.
    Through(&'static str, &'static str, &'static str),
}

use Way::{Date, Many, Number, One, Text, Through};

/// The collections with their fields; columns first.
pub const SCHEMA: &[(&str, &[(&str, Way)])] = &[
    ("artist", &[("id", Number), ("name", Text), ("country", Text), ("album", Many("album", "artist_id"))]),
    (
        "album",
        &[
            ("id", Number),
            ("title", Text),
            ("artist_id", One("artist")),
            ("released_on", Date),
            ("track", Many("track", "album_id")),
        ],
    ),
    ("genre", &[("id", Number), ("name", Text), ("track", Many("track", "genre_id"))]),
    (
        "track",
        &[
            ("id", Number),
            ("name", Text),
            ("album_id", One("album")),
            ("genre_id", One("genre")),
            ("composer", Text),
            ("milliseconds", Number),
            ("bytes", Number),
            ("unit_price", Number),
            ("playlist", Through("playlist", "track_id", "playlist_id")),
        ],
    ),
    ("playlist", &[("id", Number), ("name", Text), ("track", Through("track", "playlist_id", "track_id"))]),
    ("playlist_track", &[("playlist_id", One("playlist")), ("track_id", One("track"))]),
    (
        "employee",
        &[
            ("id", Number),
            ("last_name", Text),
            ("title", Text),
            ("reports_to", One("employee")),
            ("born_on", Date),
            ("hired_at", Date),
            ("employee", Many("employee", "reports_to")),
            ("customer", Many("customer", "support_agent_id")),
        ],
    ),
    (
        "customer",
        &[
            ("id", Number),
            ("last_name", Text),
            ("company", Text),
            ("state", Text),
            ("email", Text),
            ("support_agent_id", One("employee")),
            ("invoice", Many("invoice", "customer_id")),
        ],
    ),
    (
        "invoice",
        &[
            ("id", Number),
            ("customer_id", One("customer")),
            ("billed_at", Date),
            ("billing_city", Text),
            ("total", Number),
        ],
    ),
];

/// The fields of a collection.
pub fn fields(collection: &str) -> &'static [(&'static str, Way)] {
    SCHEMA.iter().find(|(name, _)| *name == collection).map(|(_, fields)| *fields).expect("a known collection")
}

fn way(collection: &str, field: &str) -> Way {
    let found = fields(collection).iter().find(|(name, _)| *name == field);
    found.unwrap_or_else(|| panic!("{collection}.{field}")).1
}

/// The music shop in memory.
pub struct Music {
    tables: HashMap<&'static str, Table>,
}

#[derive(Default)]
struct Table {
    columns: HashMap<&'static str, usize>,
    rows: Vec<Vec<Cell>>,
    /// Rows by column and number.
    index: HashMap<(usize, i64), Vec<usize>>,
}

/// A row; none is the row of nulls of a left join.
type Row = Option<usize>;

impl Music {
    pub async fn load() -> Self {
        let database = TestDatabase::music(Kind::Sqlite).await;
        let mut tables = HashMap::new();
        for (name, fields) in SCHEMA {
            let is_column = |way: &Way| !matches!(way, Many(..) | Through(..));
            let columns: Vec<_> = fields.iter().filter(|(_, way)| is_column(way)).collect();
            let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
            let rows = database.rows(&format!("SELECT {} FROM {name}", names.join(", "))).await;
            let mut table = Table::default();
            table.columns.extend(names.iter().enumerate().map(|(at, name)| (*name, at)));
            for row in rows {
                let cells: Vec<Cell> = row.into_iter().zip(&columns).map(|(text, (_, way))| cell(text, *way)).collect();
                for (at, cell) in cells.iter().enumerate() {
                    if let Cell::Number(number) = cell {
                        table.index.entry((at, *number as i64)).or_default().push(table.rows.len());
                    }
                }
                table.rows.push(cells);
            }
            tables.insert(*name, table);
        }
        Self { tables }
    }

    /// The keys of the rows for which a filter holds, in ascending order.
    pub fn ids(&self, collection: &str, filter: &Json) -> Vec<i64> {
        let rows = 0..self.tables[collection].rows.len();
        let found = rows.filter(|row| self.holds(collection, Some(*row), filter));
        let mut ids: Vec<i64> = found.filter_map(|row| self.number(collection, Some(row), "id")).collect();
        ids.sort_unstable();
        ids
    }

    /// All keys of a collection with the keys of the related rows of each, both in ascending order.
    pub fn children(&self, collection: &str, field: &str) -> Vec<(i64, Vec<i64>)> {
        let mut parents = Vec::new();
        for row in 0..self.tables[collection].rows.len() {
            let (target, rows) = self.related(collection, Some(row), field);
            let mut keys: Vec<i64> = rows.iter().filter_map(|row| self.number(target, Some(*row), "id")).collect();
            keys.sort_unstable();
            parents.extend(self.number(collection, Some(row), "id").map(|id| (id, keys)));
        }
        parents.sort_unstable();
        parents
    }

    fn cell(&self, collection: &str, row: Row, column: &str) -> Cell {
        let table = &self.tables[collection];
        row.map_or(Cell::Null, |row| table.rows[row][table.columns[column]].clone())
    }

    fn number(&self, collection: &str, row: Row, column: &str) -> Option<i64> {
        match self.cell(collection, row, column) {
            Cell::Number(number) => Some(number as i64),
            _ => None,
        }
    }

    fn rows_by(&self, collection: &str, column: &str, key: Option<i64>) -> Vec<usize> {
        let table = &self.tables[collection];
        key.and_then(|key| table.index.get(&(table.columns[column], key)).cloned()).unwrap_or_default()
    }

    /// The related rows of a row, and their collection.
    fn related(&self, collection: &str, row: Row, field: &str) -> (&'static str, Vec<usize>) {
        match way(collection, field) {
            One(target) => (target, self.rows_by(target, "id", self.number(collection, row, field))),
            Many(target, column) => (target, self.rows_by(target, column, self.number(collection, row, "id"))),
            Through(target, own, other) => {
                let links = self.rows_by("playlist_track", own, self.number(collection, row, "id"));
                let keys = links.iter().map(|link| self.number("playlist_track", Some(*link), other));
                (target, keys.flat_map(|key| self.rows_by(target, "id", key)).collect())
            }
            Number | Text | Date => panic!("{collection}.{field} is no relation"),
        }
    }

    fn holds(&self, collection: &str, row: Row, filter: &Json) -> bool {
        members(filter).iter().all(|(name, value)| self.member_holds(collection, row, name, value))
    }

    fn member_holds(&self, collection: &str, row: Row, name: &str, value: &Json) -> bool {
        match name {
            "_and" => list(value).iter().all(|part| self.holds(collection, row, part)),
            "_or" => list(value).is_empty() || list(value).iter().any(|part| self.holds(collection, row, part)),
            _ if name.ends_with("_func") => {
                let field = name.trim_end_matches("_func");
                members(value).iter().all(|(function, value)| {
                    // Nothing can be said of the related rows of a row that is not there.
                    if function == "count" && row.is_none() {
                        return members(value).is_empty();
                    }
                    let cell = self.function(collection, row, field, function);
                    members(value).iter().all(|(operator, value)| passes(&cell, operator, value))
                })
            }
            _ => match way(collection, name) {
                Number | Text | Date => {
                    let cell = self.cell(collection, row, name);
                    members(value).iter().all(|(operator, value)| passes(&cell, operator, value))
                }
                One(_) => self.joined(collection, row, name, members(value)),
                Many(..) | Through(..) => self.to_many(collection, row, name, value),
            },
        }
    }

    /// One related row for which all members hold; where there is none, the row of nulls.
    fn joined(&self, collection: &str, row: Row, field: &str, conditions: &Map<String, Json>) -> bool {
        let (target, rows) = self.related(collection, row, field);
        let all = |row: Row| conditions.iter().all(|(name, value)| self.member_holds(target, row, name, value));
        if rows.is_empty() { all(None) } else { rows.into_iter().any(|row| all(Some(row))) }
    }

    /// Plain members of one object are about the same row; `_and` and `_or` reach outward.
    fn to_many(&self, collection: &str, row: Row, field: &str, value: &Json) -> bool {
        let mut plain = Map::new();
        for (name, value) in members(value) {
            let outward = |part: &Json| self.to_many(collection, row, field, part);
            let holds = match name.as_str() {
                "_and" => list(value).iter().all(outward),
                "_or" => list(value).is_empty() || list(value).iter().any(outward),
                "_some" | "_none" if is_no_condition(value) => true,
                "_some" | "_none" => {
                    let (target, rows) = self.related(collection, row, field);
                    rows.into_iter().any(|row| self.holds(target, Some(row), value)) == (name == "_some")
                }
                _ => {
                    plain.insert(name.clone(), value.clone());
                    true
                }
            };
            if !holds {
                return false;
            }
        }
        plain.is_empty() || self.joined(collection, row, field, &plain)
    }

    fn function(&self, collection: &str, row: Row, field: &str, function: &str) -> Cell {
        if function == "count" {
            return Cell::Number(self.related(collection, row, field).1.len() as f64);
        }
        let Cell::Text(text) = self.cell(collection, row, field) else { return Cell::Null };
        let part = match function {
            "year" => &text[..4],
            "month" => &text[5..7],
            "day" => &text[8..10],
            "hour" => &text[11..13],
            "minute" => &text[14..16],
            "second" => &text[17..19],
            other => panic!("the oracle cannot say the {other}"),
        };
        Cell::Number(part.parse().expect("digits"))
    }
}

fn cell(text: Option<String>, way: Way) -> Cell {
    match (text, way) {
        (None, _) => Cell::Null,
        (Some(text), Text | Date) => Cell::Text(text.replace(' ', if way == Date { "T" } else { " " })),
        (Some(text), _) => Cell::Number(text.parse().expect("a number")),
    }
}

fn members(value: &Json) -> &Map<String, Json> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object"))
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// Nothing in it that could fail: `{}`, `{name: {}}`, `{_or: [{}, …]}`.
fn is_no_condition(value: &Json) -> bool {
    value.as_object().is_some_and(|members| {
        members.iter().all(|(name, value)| match name.as_str() {
            "_and" => list(value).iter().all(is_no_condition),
            "_or" => list(value).is_empty() || list(value).iter().any(is_no_condition),
            _ => is_no_condition(value),
        })
    })
}

/// One operator on one cell. Nulls pass only the tests that are about them.
fn passes(cell: &Cell, operator: &str, value: &Json) -> bool {
    let wanted = !matches!(value, Json::Bool(false));
    let is_empty = *cell == Cell::Null || *cell == Cell::Text(String::new());
    match (operator, value) {
        ("_null", _) | ("_eq", Json::Null) => return (*cell == Cell::Null) == wanted,
        ("_nnull", _) | ("_neq", Json::Null) => return (*cell != Cell::Null) == wanted,
        ("_empty", _) => return is_empty == wanted,
        ("_nempty", _) => return is_empty != wanted,
        _ => {}
    }
    if *cell == Cell::Null {
        return false;
    }
    let order = |value: &Json| compare(cell, value);
    match operator {
        "_eq" => order(value).is_eq(),
        "_neq" => order(value).is_ne(),
        "_lt" => order(value).is_lt(),
        "_lte" => order(value).is_le(),
        "_gt" => order(value).is_gt(),
        "_gte" => order(value).is_ge(),
        "_in" => list(value).iter().any(|value| !value.is_null() && order(value).is_eq()),
        "_nin" => list(value).iter().all(|value| !value.is_null() && order(value).is_ne()),
        "_between" => order(&list(value)[0]).is_ge() && order(&list(value)[1]).is_le(),
        "_nbetween" => order(&list(value)[0]).is_lt() || order(&list(value)[1]).is_gt(),
        _ => matches_pattern(cell, operator, value.as_str().expect("a pattern")),
    }
}

fn compare(cell: &Cell, value: &Json) -> std::cmp::Ordering {
    match cell {
        Cell::Number(number) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            number.total_cmp(&text.trim().parse().expect("a number"))
        }
        // A bare date is midnight.
        Cell::Text(text) => {
            let other = value.as_str().expect("a text");
            let is_moment =
                text.len() == 19 && text.as_bytes()[10] == b'T' && text.ends_with(|end: char| end.is_ascii_digit());
            if is_moment && other.len() == 10 {
                text.as_str().cmp(&format!("{other}T00:00:00"))
            } else {
                text.as_str().cmp(other)
            }
        }
        Cell::Null => unreachable!("nulls are not compared"),
    }
}

/// `_contains`, `_nistarts_with`, … with `%` and `_` as wildcards.
fn matches_pattern(cell: &Cell, operator: &str, pattern: &str) -> bool {
    let Cell::Text(text) = cell else { panic!("{operator} on a number") };
    let operator = operator.trim_start_matches('_');
    let (negated, rest) = operator.strip_prefix('n').map_or((false, operator), |rest| (true, rest));
    let (insensitive, place) = rest.strip_prefix('i').map_or((false, rest), |rest| (true, rest));
    let (text, pattern) =
        if insensitive { (text.to_lowercase(), pattern.to_lowercase()) } else { (text.clone(), pattern.to_owned()) };
    let pattern = match place {
        "contains" => format!("%{pattern}%"),
        "starts_with" => format!("{pattern}%"),
        "ends_with" => format!("%{pattern}"),
        other => panic!("unknown operator {other}"),
    };
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    like(&text, &pattern) != negated
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(('%', rest)), _) => like(text, rest) || (!text.is_empty() && like(&text[1..], pattern)),
        (Some((_, _)), None) => false,
        (Some((wanted, rest)), Some((found, others))) => (*wanted == '_' || wanted == found) && like(others, rest),
    }
}
