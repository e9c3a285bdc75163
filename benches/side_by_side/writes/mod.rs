//! The writes: what is written, the same through the gateway and by the
//! statements that one would write by hand, which pgbench sends; and how both
//! are measured in turn.

mod measure;
mod report;
mod tables;

use serde_json::{Value, json};

pub(crate) use self::measure::measure_all;

/// Items have the keys from 1 to this before a round of updates.
const ITEMS: u32 = 100_000;
/// How many different updates a round draws from.
const UPDATES: u32 = 1 << 16;
/// Rows of a batch.
const BATCH: u32 = 1000;
/// Children of a parent.
const LINES: u32 = 10;

const TITLE: &str = "The printer called at nine";
const NEW_TITLE: &str = "Nobody had told him";
const STATUS: &str = "published";
const PUBLISHED_AT: &str = "2024-02-03T04:05:06.000Z";

/// What one request, and one run of the script, writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    /// A new item.
    Item,
    /// Two columns of one item, another one each time.
    Change,
    /// A thousand new items.
    Items,
    /// A new order with its ten lines.
    Order,
}

/// One of the four writes.
pub(crate) struct Write {
    pub(crate) name: &'static str,
    /// The most processor time that gateway and database may take, as a
    /// multiple of what pgbench and the database take.
    target: Option<f64>,
    graphql: &'static str,
    /// What pgbench runs.
    script: &'static str,
    /// What makes the tables as they are before each round.
    reset: &'static [&'static str],
    /// A text that is the same after one request and after one run.
    trace: &'static str,
    input: Input,
}

pub(crate) const NAMES: [&str; 4] = ["insert", "update", "batch", "nested_create"];

pub(crate) const ALL: [Write; 4] = [
    Write {
        name: NAMES[0],
        target: Some(1.8),
        graphql: "mutation ($data: create_write_items_input!) { create_write_items_item(data: $data) { id } }",
        script: "INSERT INTO write_items (title, status, views, rating, published_at) \
            VALUES (:title, :status, :views, :rating, :published_at) RETURNING id;\n",
        reset: &["TRUNCATE write_items RESTART IDENTITY"],
        trace: "SELECT string_agg(i::text, ';' ORDER BY id) FROM write_items AS i",
        input: Input::Item,
    },
    Write {
        name: NAMES[1],
        target: Some(1.8),
        graphql: "mutation ($id: ID!, $data: update_write_items_input!) \
            { update_write_items_item(id: $id, data: $data) { id } }",
        script: "\\set id random(1, 100000)\n\\set views random(1, 1000000)\n\
            UPDATE write_items SET title = :title, views = :views WHERE id = :id;\n",
        reset: &[
            "TRUNCATE write_items RESTART IDENTITY",
            "INSERT INTO write_items (title, status, views, rating, published_at) \
                SELECT 'Item ' || n, 'draft', 0, n % 1000 / 100.0, timestamptz '2022-01-01' + n * interval '1 minute' \
                FROM generate_series(1, 100000) AS n",
            "VACUUM (ANALYZE) write_items",
        ],
        trace: "SELECT count(*) || string_agg(DISTINCT title, ';') FROM write_items WHERE views > 0",
        input: Input::Change,
    },
    Write {
        name: NAMES[2],
        target: Some(2.0),
        graphql: "mutation ($data: [create_write_items_input!]) { create_write_items_items(data: $data) { id } }",
        script: "INSERT INTO write_items (title, status, views, rating, published_at) \
            SELECT * FROM unnest(:title::text[], :status::text[], :views::bigint[], :rating::numeric[], \
            :published_at::timestamptz[]) RETURNING id;\n",
        reset: &["TRUNCATE write_items RESTART IDENTITY"],
        trace: "SELECT string_agg(i::text, ';' ORDER BY id) FROM write_items AS i",
        input: Input::Items,
    },
    Write {
        name: NAMES[3],
        target: None,
        graphql: "mutation ($data: create_write_orders_input!) { create_write_orders_item(data: $data) { id } }",
        script: "BEGIN;\n\
            INSERT INTO write_orders (customer, note, placed_at) VALUES (:customer, :note, :placed_at) \
            RETURNING id AS order_id \\gset\n\
            INSERT INTO write_lines (order_id, article, quantity, price) SELECT :order_id::bigint, line.* \
            FROM unnest(:article::text[], :quantity::integer[], :price::numeric[]) AS line RETURNING id;\n\
            COMMIT;\n",
        reset: &["TRUNCATE write_orders, write_lines RESTART IDENTITY"],
        trace: "SELECT string_agg(o::text || l::text, ';' ORDER BY l.id) \
            FROM write_orders AS o JOIN write_lines AS l ON l.order_id = o.id",
        input: Input::Order,
    },
];

impl Write {
    /// The bodies to send to the gateway.
    fn bodies(&self) -> Vec<String> {
        let body = |variables: Value| json!({ "query": self.graphql, "variables": variables }).to_string();
        match self.input {
            Input::Item => vec![body(json!({ "data": item(0) }))],
            Input::Change => changes().map(body).collect(),
            Input::Items => vec![body(json!({ "data": (0..BATCH).map(item).collect::<Value>() }))],
            Input::Order => vec![body(json!({ "data": order() }))],
        }
    }

    /// The same values as variables of the script. An array of a column is one
    /// variable, as a program would send it.
    fn variables(&self) -> Vec<(String, String)> {
        let text = |(name, value): (&String, &Value)| (name.clone(), plain(value));
        match self.input {
            Input::Item => members(&item(0)).map(text).collect(),
            Input::Change => vec![("title".to_owned(), NEW_TITLE.to_owned())],
            Input::Items => arrays(&(0..BATCH).map(item).collect::<Vec<Value>>()),
            Input::Order => {
                let order = order();
                let own = members(&order).filter(|(_, value)| !value.is_array()).map(text);
                let lines = order["write_lines"].as_array().into_iter().flat_map(|lines| arrays(lines));
                own.chain(lines).collect()
            }
        }
    }
}

/// The item of that number.
fn item(number: u32) -> Value {
    json!({
        "title": format!("{TITLE}, no. {number}"),
        "status": STATUS,
        "views": (number * 61_803 % 300_000).to_string(),
        "rating": f64::from(number * 7 % 1000) / 100.0,
        "published_at": PUBLISHED_AT,
    })
}

/// Updates all over the table: a step that shares no divisor with the number
/// of items visits each at most once.
fn changes() -> impl Iterator<Item = Value> {
    (1..=UPDATES).map(|number| {
        let id = 1 + u64::from(number) * 61_803 % u64::from(ITEMS);
        json!({ "id": id.to_string(), "data": { "title": NEW_TITLE, "views": number.to_string() } })
    })
}

fn order() -> Value {
    let line = |number: u32| {
        json!({
            "article": format!("Sheet no. {number}"),
            "quantity": number + 1,
            "price": f64::from(number * 125 + 99) / 100.0,
        })
    };
    json!({
        "customer": "Señora Núñez",
        "note": "She signs each tin.",
        "placed_at": PUBLISHED_AT,
        "write_lines": (0..LINES).map(line).collect::<Value>(),
    })
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// The objects' members as columns, each an array of PostgreSQL's.
fn arrays(objects: &[Value]) -> Vec<(String, String)> {
    let column = |(name, _): (&String, &Value)| {
        // Nothing here needs an escape within quotes.
        let cells: Vec<String> = objects.iter().map(|object| format!("\"{}\"", plain(&object[name]))).collect();
        (name.clone(), format!("{{{}}}", cells.join(",")))
    };
    objects.first().into_iter().flat_map(members).map(column).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
