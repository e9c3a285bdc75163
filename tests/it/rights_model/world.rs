//! Tables made up at random, and what is in them.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value as Json, json};

use crate::support::{Dice, Kind};

/// The users that rows can belong to, and another word.
pub const WORDS: [&str; 3] = ["ann", "bob", "zed"];

/// A row by its columns: numbers, texts, keys of other rows, nulls.
pub type Row = BTreeMap<String, Json>;

/// All rows, by table and key.
pub type Rows = Vec<BTreeMap<i64, Row>>;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Key,
    Number,
    Text,
    /// The key of a row of that table.
    Link(usize),
}

#[derive(Clone)]
pub struct Column {
    pub name: String,
    pub holds: Holds,
    /// Whether rows go with the one that they point to; they point to nothing then, otherwise.
    pub cascades: bool,
}

/// The rows that point here by one of their columns.
#[derive(Clone, Debug)]
pub struct List {
    pub name: String,
    pub child: usize,
    pub link: String,
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}{}", self.name, self.holds, if self.cascades { " cascades" } else { "" })
    }
}

#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub lists: Vec<List>,
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn list(&self, name: &str) -> Option<&List> {
        self.lists.iter().find(|list| list.name == name)
    }

    /// The table that a column points to.
    pub fn target(&self, name: &str) -> Option<usize> {
        match self.column(name)?.holds {
            Holds::Link(target) => Some(target),
            Holds::Key | Holds::Number | Holds::Text => None,
        }
    }

    /// The names of all fields.
    pub fn fields(&self) -> Vec<&str> {
        let columns = self.columns.iter().map(|column| &*column.name);
        columns.chain(self.lists.iter().map(|list| &*list.name)).collect()
    }
}

/// Tables that point to one another.
#[derive(Clone, Debug)]
pub struct World {
    pub tables: Vec<Table>,
}

impl World {
    pub fn any(dice: &mut Dice) -> Self {
        let count = 2 + dice.below(2) as usize;
        let mut tables: Vec<Table> = (0..count)
            .map(|at| {
                let mut columns = vec![Column { name: "id".to_owned(), holds: Holds::Key, cascades: false }];
                let mut add = |prefix: &str, holds, times: u64, cascades| {
                    for at in 0..times {
                        columns.push(Column { name: format!("{prefix}{at}"), holds, cascades });
                    }
                };
                add("n", Holds::Number, 1 + dice.below(2), false);
                add("w", Holds::Text, 1 + dice.below(2), false);
                // The first table points somewhere in any case.
                for link in 0..dice.below(3).max(u64::from(at == 0)) {
                    let holds = Holds::Link(dice.below(count as u64) as usize);
                    let cascades = dice.below(3) == 0;
                    columns.push(Column { name: format!("l{link}"), holds, cascades });
                }
                Table { name: format!("t{at}"), columns, lists: Vec::new() }
            })
            .collect();
        let links: Vec<(usize, String, usize)> = tables
            .iter()
            .enumerate()
            .flat_map(|(from, table)| {
                let links = table.columns.iter().filter_map(|column| match column.holds {
                    Holds::Link(to) => Some((column.name.clone(), to)),
                    Holds::Key | Holds::Number | Holds::Text => None,
                });
                links.map(move |(name, to)| (from, name, to)).collect::<Vec<_>>()
            })
            .collect();
        for (from, link, to) in &links {
            let is_alone = links.iter().filter(|(other, _, at)| (other, at) == (from, to)).count() == 1;
            let child = tables[*from].name.clone();
            let name = if is_alone { child } else { format!("{child}_by_{link}") };
            tables[*to].lists.push(List { name, child: *from, link: link.clone() });
        }
        Self { tables }
    }

    /// Values for a row of a table, links apart.
    pub fn values(&self, dice: &mut Dice, table: usize) -> Row {
        let value = |dice: &mut Dice, column: &Column| match column.holds {
            Holds::Number => value_of(dice, Holds::Number),
            Holds::Text => value_of(dice, Holds::Text),
            Holds::Key | Holds::Link(_) => Json::Null,
        };
        self.tables[table].columns.iter().map(|column| (column.name.clone(), value(dice, column))).collect()
    }

    pub fn rows(&self, dice: &mut Dice) -> Rows {
        let counts: Vec<i64> = self.tables.iter().map(|_| 5 + dice.below(4) as i64).collect();
        let mut rows: Rows = Vec::new();
        for (at, table) in self.tables.iter().enumerate() {
            let mut all = BTreeMap::new();
            for key in 1..=counts[at] {
                let mut row = self.values(dice, at);
                row.insert("id".to_owned(), json!(key));
                for column in &table.columns {
                    if let (Holds::Link(to), true) = (column.holds, dice.below(4) > 0) {
                        row.insert(column.name.clone(), json!(1 + dice.below(counts[to] as u64)));
                    }
                }
                all.insert(key, row);
            }
            rows.push(all);
        }
        rows
    }

    /// The statements that make the tables and fill them.
    pub fn script(&self, kind: Kind, rows: &Rows) -> String {
        let mut script = String::new();
        let mut keys = String::new();
        for table in &self.tables {
            let mut parts = Vec::new();
            for column in &table.columns {
                let name = &column.name;
                parts.push(match column.holds {
                    Holds::Key => format!("{name} INT PRIMARY KEY NOT NULL"),
                    Holds::Number | Holds::Link(_) => format!("{name} INT"),
                    Holds::Text => format!("{name} VARCHAR(20)"),
                });
            }
            for column in &table.columns {
                let Holds::Link(to) = column.holds else { continue };
                let action = if column.cascades { "CASCADE" } else { "SET NULL" };
                let target = &self.tables[to].name;
                let key = format!("FOREIGN KEY ({}) REFERENCES {target} (id) ON DELETE {action}", column.name);
                match kind {
                    Kind::Sqlite => parts.push(key),
                    Kind::Postgres | Kind::MySql => keys.push_str(&format!("ALTER TABLE {} ADD {key};", table.name)),
                }
            }
            script.push_str(&format!("CREATE TABLE {} ({});", table.name, parts.join(", ")));
        }
        for (table, rows) in self.tables.iter().zip(rows) {
            for row in rows.values() {
                let value = |column: &Column| match column.holds {
                    Holds::Link(_) => "NULL".to_owned(),
                    Holds::Key | Holds::Number | Holds::Text => row[&column.name].to_string().replace('"', "'"),
                };
                let values: Vec<String> = table.columns.iter().map(value).collect();
                script.push_str(&format!("INSERT INTO {} VALUES ({});", table.name, values.join(", ")));
            }
        }
        for (table, rows) in self.tables.iter().zip(rows) {
            for (key, row) in rows {
                for column in table.columns.iter().filter(|column| matches!(column.holds, Holds::Link(_))) {
                    let (name, value) = (&column.name, &row[&column.name]);
                    script.push_str(&format!("UPDATE {} SET {name} = {value} WHERE id = {key};", table.name));
                }
            }
        }
        script + &keys
    }
}

/// A value for a column that points nowhere.
pub fn value_of(dice: &mut Dice, holds: Holds) -> Json {
    match (dice.below(5), holds) {
        (0, _) => Json::Null,
        (_, Holds::Text) => json!(dice.one(&WORDS)),
        _ => json!(dice.below(5)),
    }
}
