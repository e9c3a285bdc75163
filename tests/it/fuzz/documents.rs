//! Random valid documents over a catalog.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};
use tidegate::catalog::{Catalog, Column, ColumnType, Field, FieldKind, RelationshipId, Table};

use super::Dice;

const MAX_DEPTH: usize = 3;

/// Words that are found in the data or might break out of a text.
const WORDS: &[&str] =
    &["a", "Rock", "the", "%", "_", "live", "' OR 1=1 --", "\"", "\\", "0", "null", "東京", "é", ";", "(", "GB"];

/// Writes one document.
pub(super) struct Generator<'a> {
    catalog: &'a Catalog,
    dice: Dice,
    /// Decides values, so that documents can differ in nothing else.
    values: Dice,
    /// Whether values stand in variables.
    variables: bool,
    declared: Vec<&'static str>,
    given: Map<String, Json>,
    text: String,
    aliases: usize,
}

impl<'a> Generator<'a> {
    pub(super) fn new(catalog: &'a Catalog, dice: Dice) -> Self {
        Self {
            catalog,
            dice,
            values: Dice::new(1),
            variables: false,
            declared: Vec::new(),
            given: Map::new(),
            text: String::new(),
            aliases: 0,
        }
    }

    pub(super) fn with_values(self, values: Dice) -> Self {
        Self { values, ..self }
    }

    /// The document with its values in variables, and the variables.
    pub(super) fn document_and_variables(mut self) -> (String, Json) {
        self.variables = true;
        self.operation();
        let declared = self.declared.iter().enumerate().map(|(at, of)| format!("$v{at}: {of}"));
        let head = match declared.collect::<Vec<_>>() {
            none if none.is_empty() => String::new(),
            some => format!("query ({}) ", some.join(", ")),
        };
        (head + &self.text, Json::Object(self.given))
    }

    pub(super) fn document(mut self) -> String {
        self.operation();
        self.text
    }

    fn value(&mut self, of: &'static str, value: Json) {
        if self.variables {
            let name = format!("v{}", self.declared.len());
            self.text.push('$');
            self.text.push_str(&name);
            self.declared.push(of);
            self.given.insert(name, value);
        } else {
            self.text.push_str(&value.to_string());
        }
    }

    fn operation(&mut self) {
        self.text.push('{');
        for _ in 0..=self.dice.roll(3) {
            let table = self.table();
            self.alias();
            match self.dice.roll(6) {
                0 if table.key.len() == 1 => self.by_id(table),
                1 | 2 => self.aggregate(table),
                _ => {
                    self.text.push_str(&table.collection);
                    self.list_arguments(table, true);
                    self.selection(table, 1);
                }
            }
        }
        self.text.push('}');
    }

    fn table(&mut self) -> &'a Table {
        let catalog = self.catalog;
        self.dice.pick(&catalog.tables)
    }

    fn target(&self, id: RelationshipId) -> &'a Table {
        self.catalog.table(self.catalog.relationship(id).to)
    }

    fn alias(&mut self) {
        self.aliases += 1;
        write!(self.text, " a{}: ", self.aliases).expect("writing to memory");
    }

    fn by_id(&mut self, table: &'a Table) {
        let id = self.values.roll(20);
        write!(self.text, "{}_by_id(id: ", table.collection).expect("writing to memory");
        self.value("ID!", json!(id));
        self.text.push(')');
        self.selection(table, 1);
    }

    fn selection(&mut self, table: &'a Table, depth: usize) {
        self.text.push_str(" { id: __typename");
        for _ in 0..=self.dice.roll(4) {
            let field = self.dice.pick(&table.fields);
            self.alias();
            self.field(table, field, depth);
        }
        if self.dice.once_in(4) {
            write!(self.text, " ... on {}", table.collection).expect("writing to memory");
            self.selection(table, depth.max(2));
        }
        self.text.push('}');
    }

    fn field(&mut self, table: &'a Table, field: &'a Field, depth: usize) {
        match field.kind {
            FieldKind::Column(id) => {
                let parts = parts(table.column(id));
                if self.dice.once_in(2) && !parts.is_empty() {
                    let (one, other) = (self.dice.pick(parts), self.dice.pick(parts));
                    write!(self.text, "{}_func {{ x: {one} y: {other} }}", field.name).expect("writing to memory");
                } else {
                    self.text.push_str(&field.name);
                }
            }
            FieldKind::ToAny(..) => unreachable!("there is no metadata"),
            _ if depth >= MAX_DEPTH => self.text.push_str("__typename"),
            FieldKind::ToOne(id, _) => {
                self.text.push_str(&field.name);
                if self.dice.once_in(3) {
                    self.text.push_str("(filter: ");
                    self.filter(self.target(id), 1);
                    self.text.push(')');
                }
                self.selection(self.target(id), depth + 1);
            }
            FieldKind::ToMany(_) if self.dice.once_in(3) => {
                write!(self.text, "{}_func {{ count }}", field.name).expect("writing to memory");
            }
            FieldKind::ToMany(id) => {
                self.text.push_str(&field.name);
                self.list_arguments(self.target(id), false);
                self.selection(self.target(id), depth + 1);
            }
        }
    }

    fn list_arguments(&mut self, table: &'a Table, at_root: bool) {
        let limit = *self.dice.pick(&[0, 1, 2, 3, 7, 20]);
        write!(self.text, "(limit: {limit}").expect("writing to memory");
        if self.dice.once_in(2) {
            self.text.push_str(", filter: ");
            self.filter(table, 0);
        }
        if self.dice.once_in(4) {
            let page = self.values.roll(4);
            self.text.push_str(", page: ");
            self.value("Int", json!(page));
        }
        if self.dice.once_in(4) {
            let offset = self.values.roll(5);
            self.text.push_str(", offset: ");
            self.value("Int", json!(offset));
        }
        if self.dice.once_in(6) {
            let word = *self.values.pick(WORDS);
            self.text.push_str(", search: ");
            self.value("String", json!(word));
        }
        self.sort(table, at_root);
        self.text.push(')');
    }

    /// By columns that every database sorts alike, the key last. At the root
    /// nulls come where the database puts them.
    fn sort(&mut self, table: &'a Table, at_root: bool) {
        let suits = |column: &&Column| {
            (column.column_type.is_numeric() || column.column_type.is_temporal()) && !(at_root && column.nullable)
        };
        let columns: Vec<&Column> = table.columns.iter().filter(suits).collect();
        self.text.push_str(", sort: [");
        for _ in 0..self.dice.roll(3).min(columns.len()) {
            let column = self.dice.pick(&columns);
            let down = if self.dice.once_in(2) { "-" } else { "" };
            write!(self.text, "\"{down}{}\", ", table.column_field(column.id)).expect("writing to memory");
        }
        for key in &table.key {
            write!(self.text, "\"{}\", ", table.column_field(*key)).expect("writing to memory");
        }
        self.text.push(']');
    }

    fn filter(&mut self, table: &'a Table, depth: usize) {
        self.text.push('{');
        let mut used = Vec::new();
        for _ in 0..=self.dice.roll(2) {
            let field = self.dice.pick(&table.fields);
            if used.contains(&&field.name) {
                continue;
            }
            used.push(&field.name);
            self.condition(table, field, depth);
        }
        if depth < 2 && self.dice.once_in(4) {
            self.text.push_str(if self.dice.once_in(2) { " _or: [" } else { " _and: [" });
            for _ in 0..=self.dice.roll(2) {
                self.filter(table, depth + 1);
                self.text.push(' ');
            }
            self.text.push(']');
        }
        self.text.push('}');
    }

    fn condition(&mut self, table: &'a Table, field: &'a Field, depth: usize) {
        match field.kind {
            FieldKind::Column(id) => {
                let column = table.column(id);
                let parts = parts(column);
                if self.dice.once_in(3) && !parts.is_empty() {
                    let part = self.dice.pick(parts);
                    write!(self.text, " {}_func: {{ {part}: ", field.name).expect("writing to memory");
                    self.number_operators();
                    self.text.push('}');
                    return;
                }
                write!(self.text, " {}: ", field.name).expect("writing to memory");
                self.operators(column);
            }
            FieldKind::ToAny(..) => unreachable!("there is no metadata"),
            _ if depth >= 3 => {}
            FieldKind::ToOne(id, _) => {
                write!(self.text, " {}: ", field.name).expect("writing to memory");
                self.filter(self.target(id), depth + 1);
            }
            FieldKind::ToMany(id) => match self.dice.roll(4) {
                0 => {
                    write!(self.text, " {}_func: {{ count: ", field.name).expect("writing to memory");
                    self.number_operators();
                    self.text.push('}');
                }
                1 => {
                    write!(self.text, " {}: ", field.name).expect("writing to memory");
                    self.filter(self.target(id), depth + 1);
                }
                which => {
                    let quantifier = if which == 2 { "_some" } else { "_none" };
                    write!(self.text, " {}: {{ {quantifier}: ", field.name).expect("writing to memory");
                    self.filter(self.target(id), depth + 1);
                    self.text.push('}');
                }
            },
        }
    }

    fn operators(&mut self, column: &Column) {
        match &column.column_type {
            ColumnType::Text => self.text_operators(),
            ColumnType::BigInteger => {
                let value = self.values.roll(9_000_000).to_string();
                let operator = *self.dice.pick(&["_eq", "_neq", "_gt", "_lte"]);
                self.operator(operator, "GraphQLBigInt", json!(value));
            }
            numeric if numeric.is_numeric() => self.number_operators(),
            temporal if temporal.is_temporal() => {
                let (year, month) = (1960 + self.values.roll(65), 1 + self.values.roll(12));
                let operator = *self.dice.pick(&["_eq", "_neq", "_gt", "_gte", "_lt", "_lte"]);
                self.operator(operator, "String", json!(format!("{year}-{month:02}-11")));
            }
            _ => self.text.push_str("{ _nnull: true }"),
        }
    }

    fn operator(&mut self, operator: &str, of: &'static str, value: Json) {
        write!(self.text, "{{ {operator}: ").expect("writing to memory");
        self.value(of, value);
        self.text.push_str(" }");
    }

    fn number_operators(&mut self) {
        let one = self.values.roll(60);
        let other = self.values.roll(400);
        let (number, numbers) = ("GraphQLStringOrFloat", "[GraphQLStringOrFloat]");
        match self.dice.roll(6) {
            0 => self.operator("_in", numbers, json!([one, other, one])),
            1 => self.operator("_nin", numbers, json!([one, other.to_string()])),
            2 => self.operator("_between", numbers, json!([one, other])),
            3 => self.operator("_nbetween", numbers, json!([one, other])),
            4 => self.text.push_str("{ _null: false }"),
            _ => {
                let operator = *self.dice.pick(&["_eq", "_gt", "_gte", "_lt", "_lte"]);
                self.operator(operator, number, json!(one));
            }
        }
    }

    fn text_operators(&mut self) {
        const PATTERNS: &[&str] = &[
            "_eq",
            "_neq",
            "_contains",
            "_icontains",
            "_ncontains",
            "_starts_with",
            "_nstarts_with",
            "_istarts_with",
            "_nistarts_with",
            "_ends_with",
            "_nends_with",
            "_iends_with",
            "_niends_with",
            "_in",
            "_nin",
        ];
        match self.dice.roll(5) {
            0 => {
                let operator = *self.dice.pick(&["_null", "_nnull", "_empty", "_nempty"]);
                let truth = self.dice.once_in(2);
                write!(self.text, "{{ {operator}: {truth} }}").expect("writing to memory");
            }
            _ => {
                let (operator, word) = (*self.dice.pick(PATTERNS), *self.values.pick(WORDS));
                match operator {
                    "_in" | "_nin" => self.operator(operator, "[String]", json!([word, "x"])),
                    _ => self.operator(operator, "String", json!(word)),
                }
            }
        }
    }

    fn aggregate(&mut self, table: &'a Table) {
        write!(self.text, "{}_aggregated(limit: 30", table.collection).expect("writing to memory");
        if self.dice.once_in(2) {
            self.text.push_str(", filter: ");
            self.filter(table, 1);
        }
        // Groups that every database tells apart and sorts alike.
        let groups: Vec<&Column> =
            table.columns.iter().filter(|column| column.column_type.is_integer() && !column.nullable).collect();
        if self.dice.once_in(2) && !groups.is_empty() {
            let field = table.column_field(self.dice.pick(&groups).id);
            write!(self.text, ", groupBy: [\"{field}\"], sort: \"-{field}\"").expect("writing to memory");
        }
        self.text.push_str(") { group countAll");
        for _ in 0..self.dice.roll(4) {
            let field = self.dice.pick(&table.fields);
            let numeric = table.field_column(field).is_some_and(|id| table.column(id).column_type.is_numeric());
            let functions: &[&str] = match numeric {
                true => &["count", "countDistinct", "sum", "avg", "min", "max", "sumDistinct", "avgDistinct"],
                false => &["count"],
            };
            let function = *self.dice.pick(functions);
            self.alias();
            write!(self.text, "{function} {{ {} }}", field.name).expect("writing to memory");
        }
        self.text.push('}');
    }
}

/// The functions of a date or time.
fn parts(column: &Column) -> &'static [&'static str] {
    match column.column_type {
        ColumnType::Date => &["year", "month", "week", "day", "weekday"],
        ColumnType::Timestamp | ColumnType::DateTime => {
            &["year", "month", "week", "day", "weekday", "hour", "minute", "second"]
        }
        ColumnType::Time => &["hour", "minute", "second"],
        _ => &[],
    }
}
