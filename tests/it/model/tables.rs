//! The tables of the model, said twice: to the databases and to the model.

use crate::support::Kind;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Number,
    Text,
}

#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub holds: Holds,
    pub nullable: bool,
    pub default: Option<&'static str>,
    /// Longest text.
    pub length: usize,
    /// The only values; none for any.
    pub allowed: &'static [&'static str],
    /// Whether the database checks that it is not negative.
    pub checked: bool,
}

/// What the database does to rows that point to one that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    Refuse,
    Cascade,
    SetNull,
}

/// A field that leads to other rows.
#[derive(Clone, Copy, Debug)]
pub enum Relation {
    /// The field is the column.
    ToOne {
        column: &'static str,
        to: &'static str,
        on_delete: OnDelete,
    },
    ToMany {
        field: &'static str,
        child: &'static str,
        column: &'static str,
    },
    Pairs {
        field: &'static str,
        junction: &'static str,
        near: &'static str,
        far: &'static str,
        to: &'static str,
    },
}

#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    pub key: &'static [&'static str],
    /// Whether the database makes up keys.
    pub auto: bool,
    /// Unique columns beside the key.
    pub unique: &'static [&'static str],
    pub relations: &'static [Relation],
}

const fn number(name: &'static str) -> Column {
    Column { name, holds: Holds::Number, nullable: false, default: None, length: 0, allowed: &[], checked: false }
}

const fn text(name: &'static str, length: usize) -> Column {
    Column { name, holds: Holds::Text, nullable: false, default: None, length, allowed: &[], checked: false }
}

const fn nullable(column: Column) -> Column {
    Column { nullable: true, ..column }
}

const fn to_one(column: &'static str, to: &'static str, on_delete: OnDelete) -> Relation {
    Relation::ToOne { column, to, on_delete }
}

/// The values of `articles.status`.
pub const STATUSES: &[&str] = &["draft", "published"];

/// The tables. Every one but the junction has a `mark`, which says which payload
/// made a row: no two payloads have the same.
pub const TABLES: &[Table] = &[
    Table {
        name: "articles",
        columns: &[
            number("id"),
            text("title", 30),
            Column { nullable: true, default: Some("draft"), allowed: STATUSES, ..text("status", 10) },
            nullable(number("author")),
            nullable(number("mark")),
        ],
        key: &["id"],
        auto: true,
        unique: &[],
        relations: &[
            to_one("author", "authors", OnDelete::Refuse),
            Relation::ToMany { field: "articles_tags", child: "articles_tags", column: "articles_id" },
            Relation::ToMany { field: "notes", child: "notes", column: "article" },
            Relation::ToMany { field: "stock", child: "stock", column: "article" },
            Relation::Pairs {
                field: "tags",
                junction: "articles_tags",
                near: "articles_id",
                far: "tags_id",
                to: "tags",
            },
        ],
    },
    Table {
        name: "articles_tags",
        columns: &[number("articles_id"), number("tags_id")],
        key: &["articles_id", "tags_id"],
        auto: false,
        unique: &[],
        relations: &[
            to_one("articles_id", "articles", OnDelete::Cascade),
            to_one("tags_id", "tags", OnDelete::Cascade),
        ],
    },
    Table {
        name: "authors",
        columns: &[number("id"), text("name", 20), nullable(text("bio", 50)), nullable(number("mark"))],
        key: &["id"],
        auto: true,
        unique: &["name"],
        relations: &[Relation::ToMany { field: "articles", child: "articles", column: "author" }],
    },
    Table {
        name: "categories",
        columns: &[number("id"), text("name", 20), nullable(number("parent")), nullable(number("mark"))],
        key: &["id"],
        auto: true,
        unique: &[],
        relations: &[
            to_one("parent", "categories", OnDelete::SetNull),
            Relation::ToMany { field: "categories", child: "categories", column: "parent" },
        ],
    },
    Table {
        name: "notes",
        columns: &[number("id"), text("body", 40), number("article"), nullable(number("mark"))],
        key: &["id"],
        auto: true,
        unique: &[],
        relations: &[to_one("article", "articles", OnDelete::Cascade)],
    },
    Table {
        name: "stock",
        columns: &[
            text("place", 8),
            number("slot"),
            Column { checked: true, ..number("amount") },
            nullable(number("article")),
            nullable(number("mark")),
        ],
        key: &["place", "slot"],
        auto: false,
        unique: &[],
        relations: &[to_one("article", "articles", OnDelete::SetNull)],
    },
    Table {
        name: "tags",
        columns: &[number("id"), text("name", 12), nullable(number("mark"))],
        key: &["id"],
        auto: true,
        unique: &["name"],
        relations: &[
            Relation::ToMany { field: "articles_tags", child: "articles_tags", column: "tags_id" },
            Relation::Pairs {
                field: "articles",
                junction: "articles_tags",
                near: "tags_id",
                far: "articles_id",
                to: "articles",
            },
        ],
    },
];

pub fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).expect("the table is there")
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        let columns: &'static [Column] = self.columns;
        columns.iter().find(|column| column.name == name)
    }

    pub fn relation(&self, field: &str) -> Option<Relation> {
        self.relations.iter().copied().find(|relation| relation.field() == field)
    }

    /// The table that a column points to.
    pub fn target(&self, column: &str) -> Option<&'static Table> {
        match self.relation(column) {
            Some(Relation::ToOne { to, .. }) => Some(table(to)),
            _ => None,
        }
    }

    pub fn is_key(&self, column: &str) -> bool {
        self.key.contains(&column)
    }

    pub fn has_mark(&self) -> bool {
        self.column("mark").is_some()
    }
}

impl Relation {
    pub fn field(&self) -> &'static str {
        match self {
            Self::ToOne { column, .. } => column,
            Self::ToMany { field, .. } | Self::Pairs { field, .. } => field,
        }
    }
}

/// The tables as the databases hear of them.
pub fn script(kind: Kind) -> String {
    let id = match kind {
        // Without the word, keys of deleted rows and those after negative ones
        // come again.
        Kind::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
        Kind::Postgres => "SERIAL PRIMARY KEY",
        Kind::MySql => "INT AUTO_INCREMENT PRIMARY KEY",
    };
    format!(
        "CREATE TABLE authors (id {id}, name VARCHAR(20) NOT NULL UNIQUE, bio VARCHAR(50), mark INT);
         CREATE TABLE articles (id {id}, title VARCHAR(30) NOT NULL,
           status VARCHAR(10) DEFAULT 'draft' CHECK (status IN ('draft', 'published')),
           author INT, mark INT, FOREIGN KEY (author) REFERENCES authors (id));
         CREATE TABLE notes (id {id}, body VARCHAR(40) NOT NULL, article INT NOT NULL, mark INT,
           FOREIGN KEY (article) REFERENCES articles (id) ON DELETE CASCADE);
         CREATE TABLE tags (id {id}, name VARCHAR(12) NOT NULL UNIQUE, mark INT);
         CREATE TABLE articles_tags (articles_id INT NOT NULL, tags_id INT NOT NULL, PRIMARY KEY (articles_id, tags_id),
           FOREIGN KEY (articles_id) REFERENCES articles (id) ON DELETE CASCADE,
           FOREIGN KEY (tags_id) REFERENCES tags (id) ON DELETE CASCADE);
         CREATE TABLE categories (id {id}, name VARCHAR(20) NOT NULL, parent INT, mark INT,
           FOREIGN KEY (parent) REFERENCES categories (id) ON DELETE SET NULL);
         CREATE TABLE stock (place VARCHAR(8) NOT NULL, slot INT NOT NULL, amount INT NOT NULL CHECK (amount >= 0),
           article INT, mark INT, PRIMARY KEY (place, slot),
           FOREIGN KEY (article) REFERENCES articles (id) ON DELETE SET NULL);"
    )
}

/// Empties the tables.
pub const EMPTY: &str = "DELETE FROM stock; DELETE FROM articles_tags; DELETE FROM notes; DELETE FROM articles; \
     DELETE FROM authors; DELETE FROM tags; UPDATE categories SET parent = NULL; DELETE FROM categories;";
