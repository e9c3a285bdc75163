-- An awkward database for SQLite; see README.md.

-- Some foreign keys below point nowhere, which a connection that checks them would refuse.
PRAGMA foreign_keys = OFF;
BEGIN;

-- ---------------------------------------------------------------------------------------------
-- The part that all three dialects have: same names, same rows.
-- ---------------------------------------------------------------------------------------------

-- Several foreign keys between the same two tables; a text key.
CREATE TABLE airports (
  code TEXT PRIMARY KEY,
  city TEXT NOT NULL
);
INSERT INTO airports (code, city) VALUES ('BER', 'Berlin'), ('CPH', 'København'), ('HND', '東京'), ('NUL', '');

CREATE TABLE flights (
  id INTEGER PRIMARY KEY,
  number TEXT NOT NULL,
  origin TEXT NOT NULL,
  destination TEXT NOT NULL,
  alternate TEXT,
  FOREIGN KEY (origin) REFERENCES airports (code),
  FOREIGN KEY (destination) REFERENCES airports (code),
  FOREIGN KEY (alternate) REFERENCES airports (code)
);
INSERT INTO flights (id, number, origin, destination, alternate) VALUES
  (1, 'TG 1', 'BER', 'CPH', NULL),
  (2, 'TG 2', 'CPH', 'BER', 'HND'),
  (3, 'TG 3', 'BER', 'HND', 'CPH'),
  (4, 'TG 4', 'HND', 'HND', 'HND');

-- One column that is a foreign key to two tables at once.
CREATE TABLE harbours (
  code TEXT PRIMARY KEY,
  berths INTEGER NOT NULL
);
INSERT INTO harbours (code, berths) VALUES ('CPH', 12), ('HND', 0);
CREATE TABLE shipments (
  id INTEGER PRIMARY KEY,
  place TEXT NOT NULL,
  FOREIGN KEY (place) REFERENCES airports (code),
  FOREIGN KEY (place) REFERENCES harbours (code)
);
INSERT INTO shipments (id, place) VALUES (1, 'CPH'), (2, 'HND');

-- Composite keys, two and three columns deep, one of them nullable in the child.
CREATE TABLE companies (
  country TEXT NOT NULL,
  reg_no INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (country, reg_no)
);
INSERT INTO companies (country, reg_no, name) VALUES ('DE', 1, 'Eins GmbH'), ('DE', 2, 'Zwei GmbH'), ('DK', 1, 'Én ApS');
CREATE TABLE company_sites (
  country TEXT NOT NULL,
  reg_no INTEGER NOT NULL,
  site_no INTEGER NOT NULL,
  city TEXT,
  PRIMARY KEY (country, reg_no, site_no),
  FOREIGN KEY (country, reg_no) REFERENCES companies (country, reg_no)
);
INSERT INTO company_sites (country, reg_no, site_no, city) VALUES ('DE', 1, 1, 'Berlin'), ('DE', 1, 2, 'Bonn'), ('DK', 1, 1, 'København');
CREATE TABLE site_visits (
  id INTEGER PRIMARY KEY,
  country TEXT,
  reg_no INTEGER,
  site_no INTEGER,
  FOREIGN KEY (country, reg_no, site_no) REFERENCES company_sites (country, reg_no, site_no)
);
-- Row 3 has half a key: it points nowhere.
INSERT INTO site_visits (id, country, reg_no, site_no) VALUES (1, 'DE', 1, 2), (2, NULL, NULL, NULL), (3, 'DE', 1, NULL);

-- Two composite foreign keys that share a column, between the same two tables.
CREATE TABLE tenant_users (
  tenant INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
);
INSERT INTO tenant_users (tenant, id, name) VALUES (1, 1, 'one of one'), (1, 2, 'two of one'), (2, 1, 'one of two');
CREATE TABLE tenant_notes (
  tenant INTEGER NOT NULL,
  id INTEGER NOT NULL,
  author_id INTEGER NOT NULL,
  reviewer_id INTEGER,
  body TEXT,
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, author_id) REFERENCES tenant_users (tenant, id),
  FOREIGN KEY (tenant, reviewer_id) REFERENCES tenant_users (tenant, id)
);
INSERT INTO tenant_notes (tenant, id, author_id, reviewer_id, body) VALUES (1, 1, 1, 2, 'reviewed'), (1, 2, 2, NULL, 'not yet'), (2, 1, 1, 1, 'by oneself');

-- A tree by a text key.
CREATE TABLE categories (
  slug TEXT PRIMARY KEY,
  parent_slug TEXT,
  FOREIGN KEY (parent_slug) REFERENCES categories (slug)
);
INSERT INTO categories (slug, parent_slug) VALUES ('all', NULL);
INSERT INTO categories (slug, parent_slug) VALUES ('books', 'all'), ('music', 'all');
INSERT INTO categories (slug, parent_slug) VALUES ('music/vinyl', 'music');

-- A foreign key to a unique column that is not the primary key; a key that is itself a foreign
-- key (one to one); a junction of a table with itself.
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT
);
INSERT INTO users (id, email, name) VALUES (1, 'ada@a.example', 'Ada'), (2, 'bob@b.example', NULL), (3, 'O''Brien@c.example', '');
CREATE TABLE logins (
  id INTEGER PRIMARY KEY,
  user_email TEXT,
  FOREIGN KEY (user_email) REFERENCES users (email)
);
INSERT INTO logins (id, user_email) VALUES (1, 'ada@a.example'), (2, 'ada@a.example'), (3, 'O''Brien@c.example'), (4, NULL);
CREATE TABLE profiles (
  user_id INTEGER PRIMARY KEY,
  bio TEXT,
  FOREIGN KEY (user_id) REFERENCES users (id)
);
INSERT INTO profiles (user_id, bio) VALUES (1, 'first'), (3, NULL);
CREATE TABLE friends (
  user_id INTEGER NOT NULL,
  friend_id INTEGER NOT NULL,
  PRIMARY KEY (user_id, friend_id),
  FOREIGN KEY (user_id) REFERENCES users (id),
  FOREIGN KEY (friend_id) REFERENCES users (id)
);
INSERT INTO friends (user_id, friend_id) VALUES (1, 2), (1, 3), (2, 1);

-- Two tables that point at each other.
CREATE TABLE teams (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  captain_id INTEGER REFERENCES players (id)
);
INSERT INTO teams (id, name, captain_id) VALUES (1, 'Reds', NULL), (2, 'Blues', NULL);
CREATE TABLE players (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  team_id INTEGER,
  FOREIGN KEY (team_id) REFERENCES teams (id)
);
INSERT INTO players (id, name, team_id) VALUES (1, 'Rosa', 1), (2, 'Uwe', 1), (3, 'Free', NULL);
UPDATE teams SET captain_id = 2 WHERE id = 1;

-- A child collection named like a column of its parent.
CREATE TABLE parents (
  id INTEGER PRIMARY KEY,
  children TEXT
);
INSERT INTO parents (id, children) VALUES (1, 'a column called children'), (2, NULL);
CREATE TABLE children (
  id INTEGER PRIMARY KEY,
  parent_id INTEGER NOT NULL,
  parents TEXT,
  FOREIGN KEY (parent_id) REFERENCES parents (id)
);
INSERT INTO children (id, parent_id, parents) VALUES (1, 1, 'a column called parents'), (2, 1, NULL);

-- Keys of other types, and children of each.
CREATE TABLE keyed_uuid (id CHAR(36) PRIMARY KEY, name TEXT);
INSERT INTO keyed_uuid (id, name) VALUES ('00000000-0000-0000-0000-000000000000', 'nil'), ('0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', 'some');
CREATE TABLE keyed_bigint (id BIGINT PRIMARY KEY, name TEXT);
INSERT INTO keyed_bigint (id, name) VALUES (-9223372036854775808, 'lowest'), (0, 'zero'), (9007199254740993, 'beyond doubles'), (9223372036854775807, 'highest');
CREATE TABLE keyed_decimal (id DECIMAL(10,2) PRIMARY KEY, name TEXT);
INSERT INTO keyed_decimal (id, name) VALUES (-0.5, 'minus a half'), (1.25, 'five quarters'), (12345678.75, 'much');
CREATE TABLE keyed_text (id TEXT PRIMARY KEY, name TEXT);
INSERT INTO keyed_text (id, name) VALUES ('', 'empty'), ('A', 'upper'), ('a', 'lower'), ('a,b/c?d%e_f', 'separators'), ('O''Brien', 'quote'), ('"x"', 'double quotes'), ('größe 表', 'beyond ASCII');
CREATE TABLE key_links (
  id INTEGER PRIMARY KEY,
  uuid_id CHAR(36),
  bigint_id BIGINT,
  decimal_id DECIMAL(10,2),
  text_id TEXT,
  FOREIGN KEY (uuid_id) REFERENCES keyed_uuid (id),
  FOREIGN KEY (bigint_id) REFERENCES keyed_bigint (id),
  FOREIGN KEY (decimal_id) REFERENCES keyed_decimal (id),
  FOREIGN KEY (text_id) REFERENCES keyed_text (id)
);
INSERT INTO key_links (id, uuid_id, bigint_id, decimal_id, text_id) VALUES
  (1, '00000000-0000-0000-0000-000000000000', -9223372036854775808, -0.5, ''),
  (2, '0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', 9007199254740993, 1.25, 'a'),
  (3, NULL, 9223372036854775807, 12345678.75, 'O''Brien'),
  (4, NULL, 0, NULL, 'größe 表'),
  (5, NULL, NULL, NULL, NULL);

-- Reserved words.
CREATE TABLE "order" (
  id INTEGER PRIMARY KEY,
  "group" TEXT,
  "limit" INTEGER
);
INSERT INTO "order" (id, "group", "limit") VALUES (1, 'a', 10), (2, NULL, 0);
CREATE TABLE "select" (
  "from" INTEGER PRIMARY KEY,
  "where" TEXT,
  "order" INTEGER,
  FOREIGN KEY ("order") REFERENCES "order" (id)
);
INSERT INTO "select" ("from", "where", "order") VALUES (1, 'here', 1), (2, 'there', 1), (3, NULL, NULL);

-- Names that have to be quoted in SQL, and mostly cannot be said in GraphQL.
CREATE TABLE "Mixed Case" ("Id" INTEGER PRIMARY KEY, "camelCase" TEXT, "UPPER" TEXT);
INSERT INTO "Mixed Case" ("Id", "camelCase", "UPPER") VALUES (1, 'camel', 'UP'), (2, NULL, NULL);
CREATE TABLE "CamelCase" ("Id" INTEGER PRIMARY KEY, "mixedId" INTEGER, FOREIGN KEY ("mixedId") REFERENCES "Mixed Case" ("Id"));
INSERT INTO "CamelCase" ("Id", "mixedId") VALUES (1, 1), (2, NULL);
CREATE TABLE "with space" ("the id" INTEGER PRIMARY KEY, "the value" TEXT);
INSERT INTO "with space" ("the id", "the value") VALUES (1, 'space one'), (2, 'space two');
CREATE TABLE "with""double" (id INTEGER PRIMARY KEY, value TEXT, "the space id" INTEGER, FOREIGN KEY ("the space id") REFERENCES "with space" ("the id"));
INSERT INTO "with""double" (id, value, "the space id") VALUES (1, 'double one', 2), (2, 'double two', NULL);
CREATE TABLE "with'quote" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with'quote" (id, value) VALUES (1, 'quote one'), (2, 'quote two');
CREATE TABLE "with`backtick" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with`backtick" (id, value) VALUES (1, 'backtick one'), (2, 'backtick two');
CREATE TABLE "with\backslash" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with\backslash" (id, value) VALUES (1, 'backslash one'), (2, 'backslash two');
CREATE TABLE "with?question" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with?question" (id, value) VALUES (1, 'question one'), (2, 'question two');
CREATE TABLE "with:colon" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with:colon" (id, value) VALUES (1, 'colon one'), (2, 'colon two');
CREATE TABLE "with.dot" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with.dot" (id, value) VALUES (1, 'dot one'), (2, 'dot two');
CREATE TABLE "with%percent" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with%percent" (id, value) VALUES (1, 'percent one'), (2, 'percent two');
CREATE TABLE "with-dash" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with-dash" (id, value) VALUES (1, 'dash one'), (2, 'dash two');
CREATE TABLE "with_dash" (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO "with_dash" (id, value) VALUES (1, 'underscore one'), (2, 'underscore two');
CREATE TABLE "weird$name" (id INTEGER PRIMARY KEY, "va$lue" TEXT);
INSERT INTO "weird$name" (id, "va$lue") VALUES (1, 'dollar one'), (2, 'dollar two');
CREATE TABLE "größe" (id INTEGER PRIMARY KEY, "maß" TEXT);
INSERT INTO "größe" (id, "maß") VALUES (1, 'groß'), (2, 'klein');
CREATE TABLE "表" ("番号" INTEGER PRIMARY KEY, "名前" TEXT);
INSERT INTO "表" ("番号", "名前") VALUES (1, '一'), (2, '二');
CREATE TABLE "1digit" (id INTEGER PRIMARY KEY, "2nd" TEXT);
INSERT INTO "1digit" (id, "2nd") VALUES (1, 'digit one'), (2, 'digit two');
CREATE TABLE "__double" (id INTEGER PRIMARY KEY, "__value" TEXT);
INSERT INTO "__double" (id, "__value") VALUES (1, 'double underscore one'), (2, 'double underscore two');
-- Each column holds its own name, so that a column mixed up with another is seen.
CREATE TABLE odd_columns (
  id INTEGER PRIMARY KEY,
  "order" TEXT,
  "Mixed Case" TEXT,
  "camelCase" TEXT,
  "with space" TEXT,
  "with'quote" TEXT,
  "with""double" TEXT,
  "with`backtick" TEXT,
  "with\backslash" TEXT,
  "with?question" TEXT,
  "with:colon" TEXT,
  "with-dash" TEXT,
  "with_dash" TEXT,
  "with dash" TEXT,
  "with.dot" TEXT,
  "with%percent" TEXT,
  "with;semicolon" TEXT,
  "with{brace}" TEXT,
  "weird$name" TEXT,
  "größe" TEXT,
  "表" TEXT,
  "1digit" TEXT,
  "__double" TEXT
);
INSERT INTO odd_columns VALUES
  (1, 'order', 'Mixed Case', 'camelCase', 'with space', 'with''quote', 'with"double', 'with`backtick', 'with\backslash', 'with?question', 'with:colon',
   'with-dash', 'with_dash', 'with dash', 'with.dot', 'with%percent', 'with;semicolon', 'with{brace}', 'weird$name', 'größe', '表', '1digit', '__double'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Names that collide with GraphQL's or with derived ones.
CREATE TABLE "Query" (id INTEGER PRIMARY KEY, "__typename" TEXT, query TEXT);
INSERT INTO "Query" (id, "__typename", query) VALUES (1, 'not a type', 'q'), (2, NULL, NULL);
CREATE TABLE "Int" (id INTEGER PRIMARY KEY, "_and" TEXT, "_or" INTEGER, "_some" BOOLEAN);
INSERT INTO "Int" (id, "_and", "_or", "_some") VALUES (1, 'and', 0, false), (2, 'both', 1, true);
CREATE TABLE articles (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published', 'Archived')),
  "id_func" INTEGER,
  written_at DATETIME,
  "written_at_func" TEXT
);
INSERT INTO articles (id, title, status, "id_func", written_at, "written_at_func") VALUES
  (1, 'First', 'draft', 7, '2024-02-29 23:59:59', 'a column'),
  (2, 'Second', 'published', NULL, NULL, NULL),
  (3, 'first', 'Archived', 0, '1999-12-31 00:00:00', '');
CREATE TABLE articles_aggregated (id INTEGER PRIMARY KEY, article_id INTEGER, FOREIGN KEY (article_id) REFERENCES articles (id));
INSERT INTO articles_aggregated (id, article_id) VALUES (1, 1), (2, NULL);
CREATE TABLE articles_by_id (id INTEGER PRIMARY KEY, article_id INTEGER, FOREIGN KEY (article_id) REFERENCES articles (id));
INSERT INTO articles_by_id (id, article_id) VALUES (1, 1), (2, 2);

-- A pure junction, and one that says more.
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO tags (id, name) VALUES (1, 'red'), (2, 'größer'), (3, 'unused');
CREATE TABLE articles_tags (
  article_id INTEGER NOT NULL,
  tag_id INTEGER NOT NULL,
  PRIMARY KEY (article_id, tag_id),
  FOREIGN KEY (article_id) REFERENCES articles (id),
  FOREIGN KEY (tag_id) REFERENCES tags (id)
);
INSERT INTO articles_tags (article_id, tag_id) VALUES (1, 1), (1, 2), (2, 1);
CREATE TABLE articles_authors (
  article_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL,
  role TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (article_id, user_id),
  FOREIGN KEY (article_id) REFERENCES articles (id),
  FOREIGN KEY (user_id) REFERENCES users (id)
);
INSERT INTO articles_authors (article_id, user_id, role) VALUES (1, 1, 'writer'), (1, 3, ''), (2, 1, 'writer');

-- Views: a plain one, and one over a join.
CREATE VIEW article_titles AS SELECT id, title FROM articles;
CREATE VIEW flight_board AS
  SELECT f.number, o.city AS from_city, d.city AS to_city
  FROM flights f JOIN airports o ON o.code = f.origin JOIN airports d ON d.code = f.destination;

-- No primary key (two rows are equal); only a unique one; no rows; no rows but relations.
CREATE TABLE no_key (name TEXT, amount INTEGER);
INSERT INTO no_key (name, amount) VALUES ('twin', 1), ('twin', 1), (NULL, NULL);
CREATE TABLE unique_only (code TEXT NOT NULL UNIQUE, note TEXT);
INSERT INTO unique_only (code, note) VALUES ('a', 'first'), ('b', NULL);
CREATE TABLE empty_table (id INTEGER PRIMARY KEY, name TEXT, amount DECIMAL(10,2));
CREATE TABLE empty_children (id INTEGER PRIMARY KEY, empty_id INTEGER NOT NULL, FOREIGN KEY (empty_id) REFERENCES empty_table (id));

-- Defaults true and falsy, numbering by the database, generated columns.
CREATE TABLE defaults (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  zero INTEGER NOT NULL DEFAULT 0,
  seven INTEGER NOT NULL DEFAULT 7,
  empty_text TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'draft',
  no BOOLEAN NOT NULL DEFAULT false,
  yes BOOLEAN NOT NULL DEFAULT true,
  required TEXT NOT NULL,
  optional TEXT DEFAULT NULL,
  created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO defaults (required, created_at) VALUES ('first', '2024-02-03 04:05:06');
INSERT INTO defaults (zero, seven, empty_text, status, no, yes, required, optional, created_at) VALUES (1, 0, 'full', '', true, false, '', 'set', '2024-02-03 00:00:00');
CREATE TABLE generated_columns (
  id INTEGER PRIMARY KEY,
  quantity INTEGER NOT NULL,
  cents INTEGER NOT NULL,
  name TEXT,
  total_cents INTEGER GENERATED ALWAYS AS (quantity * cents) STORED,
  shouted TEXT GENERATED ALWAYS AS (upper(name)) STORED
);
INSERT INTO generated_columns (id, quantity, cents, name) VALUES (1, 3, 199, 'three'), (2, 0, 1, NULL);

-- The everyday types with the values that go wrong most.
CREATE TABLE typed (
  id INTEGER PRIMARY KEY,
  an_int INTEGER,
  a_bigint BIGINT,
  a_decimal DECIMAL(20,4),
  a_double DOUBLE,
  a_bool BOOLEAN,
  a_text TEXT,
  a_date DATE,
  a_time TIME,
  a_datetime DATETIME,
  a_timestamp TIMESTAMP,
  a_uuid CHAR(36),
  a_json JSON,
  a_binary BLOB
);
INSERT INTO typed VALUES
  (1, 1, 1, 1.5, 1.5, true, 'plain', '2024-02-03', '04:05:06', '2024-02-03 04:05:06', '2024-02-03T02:05:06Z', '0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', '{"a": [1, null, "ü"], "b": {"c": false}}', x'000102ff'),
  (2, 0, 0, 0, 0, false, '', '1970-01-01', '00:00:00', '1970-01-01 00:00:00', '1970-01-01T00:00:01Z', '00000000-0000-0000-0000-000000000000', '[]', x''),
  (3, -2147483648, -9223372036854775808, -12345678901.2345, -1e-300, true, 'quote '' double " back\ percent % under_ line
break and tab	end', '0001-01-01', '23:59:59', '1000-01-01 00:00:00', '2001-09-09T01:46:40Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '"text"', x'c3a9'),
  (4, 2147483647, 9223372036854775807, 12345678901.2345, 1.7976931348623157e308, false, 'größe 表 🎷 é', '9999-12-31', '12:00:00', '9999-12-31 23:59:59', '2038-01-19T03:14:07Z', NULL, 'null', x'27225c00'),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- ---------------------------------------------------------------------------------------------
-- What only SQLite has.
-- ---------------------------------------------------------------------------------------------

-- Foreign keys that some rows break, that name no column, or a table that is not there.
CREATE TABLE orphans (id INTEGER PRIMARY KEY, airport_code TEXT REFERENCES airports (code));
INSERT INTO orphans (id, airport_code) VALUES (1, 'BER'), (2, 'XXX'), (3, NULL);
CREATE TABLE implied_links (
  id INTEGER PRIMARY KEY,
  airport TEXT REFERENCES AIRPORTS,
  country TEXT,
  reg_no INTEGER,
  FOREIGN KEY (country, reg_no) REFERENCES companies
);
INSERT INTO implied_links VALUES (1, 'BER', 'DE', 2), (2, NULL, 'DE', NULL);
CREATE TABLE missing_links (
  id INTEGER PRIMARY KEY,
  ghost_id INTEGER REFERENCES ghosts (id),
  lost_code TEXT REFERENCES airports (no_such_column)
);
INSERT INTO missing_links VALUES (1, 1, 'BER'), (2, NULL, NULL);

-- What is stored need not be what is declared; each row's comment says what it is.
CREATE TABLE affinities (
  id INTEGER PRIMARY KEY,
  an_integer INTEGER,
  a_text TEXT,
  a_real REAL,
  a_numeric NUMERIC,
  a_blob BLOB,
  untyped
);
INSERT INTO affinities VALUES
  (1, 1, 'text', 1.5, 1.5, x'00ff', 'text'),
  -- Converted on the way in: integer 42, text '5', real 5.0, integer 5, text 'text', integer 5.
  (2, '42', 5, 5, '5.0', 'text', 5),
  -- As it came: text, blob, text, text, integer, real.
  (3, 'forty-two', x'00ff', 'much', 'more', 7, 1.5),
  -- A real in an integer column, a blob that is UTF-8 in a text column, infinities, and a blob.
  (4, 1.5, x'c3a9', 1e400, -1e400, 1.5, x'00ff'),
  -- The ends of 64 bits; an integer beyond them is a real.
  (5, 9223372036854775807, 9223372036854775808, -0.0, 9223372036854775808, NULL, -9223372036854775808),
  (6, 2147483648, '', 9007199254740993, '1e3', x'', ''),
  (7, NULL, NULL, NULL, NULL, NULL, NULL);

-- Declared types as people write them.
CREATE TABLE declared (
  id INT PRIMARY KEY,
  a_varchar VARCHAR(10),
  an_nvarchar NVARCHAR(10),
  a_clob CLOB,
  a_tinyint TINYINT,
  a_tiny_one TINYINT(1),
  an_int8 INT8,
  an_unsigned UNSIGNED BIG INT,
  a_float FLOAT,
  a_double DOUBLE PRECISION,
  a_point FLOATING POINT,
  a_money MONEY,
  a_uuid UUID,
  a_made_up "made up (3)",
  a_nocase TEXT COLLATE NOCASE,
  a_choice TEXT CHECK (a_choice IN ('a', 'b', 'it''s')),
  a_range INTEGER CHECK (a_range BETWEEN 1 AND 5)
);
INSERT INTO declared VALUES
  (1, 'longer than ten characters', 'ü', 'clob', 300, 1, 9223372036854775807, 1, 1.1, 1.1, 3, 9.99, '0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', 'x', 'Rock', 'a', 1),
  (2, '', '', '', 0, 0, -9223372036854775808, 0, 0, 0, 0, 0, '', '', 'rock', 'it''s', 5),
  (3, NULL, NULL, NULL, NULL, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE booleans (id INTEGER PRIMARY KEY, flag BOOLEAN, wanted BOOL NOT NULL DEFAULT 0);
INSERT INTO booleans VALUES (1, 0, 1), (2, 1, 0), (3, 2, 1), (4, 'true', 1), (5, 'false', 1), (6, 'maybe', 1), (7, 0.5, 1), (8, '', 1), (9, x'01', 1), (10, NULL, 1), (11, 't', 1);

-- Every way in which people keep dates. `told` says what the other columns hold.
CREATE TABLE moments (
  id INTEGER PRIMARY KEY,
  told TEXT NOT NULL,
  day DATE,
  clock TIME,
  wall DATETIME,
  instant TIMESTAMP
);
INSERT INTO moments VALUES
  (1, 'blank', '2024-02-03', '04:05:06', '2024-02-03 04:05:06', '2024-02-03 04:05:06'),
  (2, 'T', '2024-02-03T00:00:00', '04:05', '2024-02-03T04:05:06', '2024-02-03T04:05:06'),
  (3, 'fraction', '2024-02-03', '04:05:06.789', '2024-02-03 04:05:06.789012', '2024-02-03 04:05:06.789012'),
  (4, 'Z', '2024-02-03', '04:05:06Z', '2024-02-03T04:05:06Z', '2024-02-03T04:05:06.789Z'),
  (5, 'offset', '2024-02-03', '04:05:06+02:00', '2024-02-03 04:05:06+02:00', '2024-02-03T04:05:06+02:00'),
  (6, 'milliseconds since 1970', 1706933106000, 14706000, 1706933106789, 1706933106789),
  (7, 'before 1970', -86400000, NULL, -1, -1),
  (8, 'zero', 0, 0, 0, 0),
  (9, 'julian day, real', 2460343.5, NULL, 2460343.670208333, 2460343.670208333),
  (10, 'day only', '2024-02-03', NULL, '2024-02-03', '2024-02-03'),
  (11, 'minutes only', NULL, '04:05', '2024-02-03 04:05', '2024-02-03T04:05Z'),
  (12, 'edges', '9999-12-31', '23:59:59.999', '9999-12-31 23:59:59', '0001-01-01T00:00:00Z'),
  (13, 'no such day', '2023-02-29', '25:00:00', '2024-13-01 00:00:00', '2024-02-30T00:00:00Z'),
  (14, 'garbage', 'soon', 'noon', 'yesterday', 'now'),
  (15, 'empty', '', '', '', ''),
  (16, 'blob', x'00', x'00', x'00', x'00'),
  (17, 'out of range', 9223372036854775807, 9223372036854775807, 9223372036854775807, -9223372036854775808),
  (18, 'null', NULL, NULL, NULL, NULL);

CREATE TABLE numbers (id INTEGER PRIMARY KEY, big BIGINT, exact DECIMAL(40,10), exact_text TEXT, single REAL);
INSERT INTO numbers VALUES
  (1, 1, 1.10, '1.10', 1.1),
  (2, 9007199254740993, '12345678901234567890.12', '12345678901234567890.12', 1e308),
  (3, 9223372036854775807, 9223372036854775807, '', -1e400),
  (4, -9223372036854775808, '-0.1000000000', '-0', 5e-324),
  (5, '9223372036854775808', 'much', 'NaN', 0.1),
  (6, 0, 0, '0', -0.0),
  (7, 1e30, 1e400, NULL, NULL),
  (8, NULL, NULL, NULL, 9223372036854775807);

CREATE TABLE documents (id INTEGER PRIMARY KEY, document JSON, as_text TEXT, bytes BLOB);
INSERT INTO documents VALUES
  (1, '{"b":1,  "a":{"c":[true,null,"\u00e9\n"]},"b":2}', '{"a":1}', x'00ff'),
  (2, '[]', '[]', x''),
  (3, '5', '5', 'text in a blob column'),
  (4, '123456789012345678901234567890.5', '1', 5),
  (5, '"text"', '"text"', x'c3a9'),
  (6, '{"open":', '{', NULL),
  (7, 'plain words', 'words', NULL),
  (8, '', '', NULL),
  (9, 'null', 'null', NULL),
  (10, x'7b7d', NULL, NULL),
  (11, NULL, NULL, NULL);

-- Kinds of tables and keys.
CREATE TABLE strict_table (
  id INTEGER PRIMARY KEY,
  an_int INT,
  a_real REAL,
  a_text TEXT,
  a_blob BLOB,
  anything ANY
) STRICT;
INSERT INTO strict_table VALUES (1, 1, 1.5, 'text', x'00', 'text'), (2, NULL, 2, NULL, NULL, 5), (3, NULL, NULL, NULL, NULL, x'00ff');
CREATE TABLE without_rowid (code TEXT, part INTEGER, name TEXT, PRIMARY KEY (code, part)) WITHOUT ROWID;
INSERT INTO without_rowid VALUES ('a', 1, 'one'), ('a', 2, 'two'), ('b', 1, NULL);
-- Outside of WITHOUT ROWID a key may hold nulls, and even two of them.
CREATE TABLE nullable_key (code TEXT PRIMARY KEY, name TEXT);
INSERT INTO nullable_key VALUES ('a', 'a key'), (NULL, 'no key'), (NULL, 'no key either');
-- The second is not an alias of the rowid, and the third hides it.
CREATE TABLE descending_key (id INTEGER PRIMARY KEY DESC, name TEXT);
INSERT INTO descending_key VALUES (1, 'one'), (2, 'two');
CREATE TABLE hidden_rowid (rowid TEXT, oid TEXT, name TEXT);
INSERT INTO hidden_rowid VALUES ('r1', 'o1', 'one'), ('r2', 'o2', 'two');
CREATE TABLE mixed_keys (id BLOB PRIMARY KEY NOT NULL, name TEXT);
INSERT INTO mixed_keys VALUES (1, 'integer'), ('1', 'text'), (x'31', 'blob');
CREATE TABLE computed (
  id INTEGER PRIMARY KEY,
  cents INTEGER,
  euros REAL AS (cents / 100.0),
  label TEXT GENERATED ALWAYS AS (cents || ' ct') VIRTUAL,
  kept INTEGER GENERATED ALWAYS AS (cents * 2) STORED
);
INSERT INTO computed (id, cents) VALUES (1, 150), (2, NULL);
CREATE VIEW computed_view AS SELECT id, cents * 2 AS twice, NULL AS no_type, 'fixed' AS fixed FROM computed;
CREATE VIEW broken_view AS SELECT id FROM dropped_table;
CREATE VIRTUAL TABLE words USING fts5 (title, body);
INSERT INTO words (title, body) VALUES ('first', 'the quick fox'), ('second', 'the lazy dog');
COMMIT;
