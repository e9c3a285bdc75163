-- An awkward database for PostgreSQL 15 or newer; see README.md.
-- Wants an empty database, and no client features: send it as one simple query.

-- ---------------------------------------------------------------------------------------------
-- The part that all three dialects have: same names, same rows.
-- ---------------------------------------------------------------------------------------------

-- Several foreign keys between the same two tables; a text key.
CREATE TABLE airports (
  code text PRIMARY KEY,
  city text NOT NULL
);
INSERT INTO airports (code, city) VALUES ('BER', 'Berlin'), ('CPH', 'København'), ('HND', '東京'), ('NUL', '');

CREATE TABLE flights (
  id integer PRIMARY KEY,
  number text NOT NULL,
  origin text NOT NULL,
  destination text NOT NULL,
  alternate text,
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
  code text PRIMARY KEY,
  berths integer NOT NULL
);
INSERT INTO harbours (code, berths) VALUES ('CPH', 12), ('HND', 0);
CREATE TABLE shipments (
  id integer PRIMARY KEY,
  place text NOT NULL,
  FOREIGN KEY (place) REFERENCES airports (code),
  FOREIGN KEY (place) REFERENCES harbours (code)
);
INSERT INTO shipments (id, place) VALUES (1, 'CPH'), (2, 'HND');

-- Composite keys, two and three columns deep, one of them nullable in the child.
CREATE TABLE companies (
  country text NOT NULL,
  reg_no integer NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (country, reg_no)
);
INSERT INTO companies (country, reg_no, name) VALUES ('DE', 1, 'Eins GmbH'), ('DE', 2, 'Zwei GmbH'), ('DK', 1, 'Én ApS');
CREATE TABLE company_sites (
  country text NOT NULL,
  reg_no integer NOT NULL,
  site_no integer NOT NULL,
  city text,
  PRIMARY KEY (country, reg_no, site_no),
  FOREIGN KEY (country, reg_no) REFERENCES companies (country, reg_no)
);
INSERT INTO company_sites (country, reg_no, site_no, city) VALUES ('DE', 1, 1, 'Berlin'), ('DE', 1, 2, 'Bonn'), ('DK', 1, 1, 'København');
CREATE TABLE site_visits (
  id integer PRIMARY KEY,
  country text,
  reg_no integer,
  site_no integer,
  FOREIGN KEY (country, reg_no, site_no) REFERENCES company_sites (country, reg_no, site_no)
);
-- Row 3 has half a key: it points nowhere.
INSERT INTO site_visits (id, country, reg_no, site_no) VALUES (1, 'DE', 1, 2), (2, NULL, NULL, NULL), (3, 'DE', 1, NULL);

-- Two composite foreign keys that share a column, between the same two tables.
CREATE TABLE tenant_users (
  tenant integer NOT NULL,
  id integer NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (tenant, id)
);
INSERT INTO tenant_users (tenant, id, name) VALUES (1, 1, 'one of one'), (1, 2, 'two of one'), (2, 1, 'one of two');
CREATE TABLE tenant_notes (
  tenant integer NOT NULL,
  id integer NOT NULL,
  author_id integer NOT NULL,
  reviewer_id integer,
  body text,
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, author_id) REFERENCES tenant_users (tenant, id),
  FOREIGN KEY (tenant, reviewer_id) REFERENCES tenant_users (tenant, id)
);
INSERT INTO tenant_notes (tenant, id, author_id, reviewer_id, body) VALUES (1, 1, 1, 2, 'reviewed'), (1, 2, 2, NULL, 'not yet'), (2, 1, 1, 1, 'by oneself');

-- A tree by a text key.
CREATE TABLE categories (
  slug text PRIMARY KEY,
  parent_slug text,
  FOREIGN KEY (parent_slug) REFERENCES categories (slug)
);
INSERT INTO categories (slug, parent_slug) VALUES ('all', NULL);
INSERT INTO categories (slug, parent_slug) VALUES ('books', 'all'), ('music', 'all');
INSERT INTO categories (slug, parent_slug) VALUES ('music/vinyl', 'music');

-- A foreign key to a unique column that is not the primary key; a key that is itself a foreign
-- key (one to one); a junction of a table with itself.
CREATE TABLE users (
  id integer PRIMARY KEY,
  email text NOT NULL UNIQUE,
  name text
);
INSERT INTO users (id, email, name) VALUES (1, 'ada@a.example', 'Ada'), (2, 'bob@b.example', NULL), (3, 'O''Brien@c.example', '');
CREATE TABLE logins (
  id integer PRIMARY KEY,
  user_email text,
  FOREIGN KEY (user_email) REFERENCES users (email)
);
INSERT INTO logins (id, user_email) VALUES (1, 'ada@a.example'), (2, 'ada@a.example'), (3, 'O''Brien@c.example'), (4, NULL);
CREATE TABLE profiles (
  user_id integer PRIMARY KEY,
  bio text,
  FOREIGN KEY (user_id) REFERENCES users (id)
);
INSERT INTO profiles (user_id, bio) VALUES (1, 'first'), (3, NULL);
CREATE TABLE friends (
  user_id integer NOT NULL,
  friend_id integer NOT NULL,
  PRIMARY KEY (user_id, friend_id),
  FOREIGN KEY (user_id) REFERENCES users (id),
  FOREIGN KEY (friend_id) REFERENCES users (id)
);
INSERT INTO friends (user_id, friend_id) VALUES (1, 2), (1, 3), (2, 1);

-- Two tables that point at each other.
CREATE TABLE teams (
  id integer PRIMARY KEY,
  name text NOT NULL,
  captain_id integer
);
INSERT INTO teams (id, name, captain_id) VALUES (1, 'Reds', NULL), (2, 'Blues', NULL);
CREATE TABLE players (
  id integer PRIMARY KEY,
  name text NOT NULL,
  team_id integer,
  FOREIGN KEY (team_id) REFERENCES teams (id)
);
INSERT INTO players (id, name, team_id) VALUES (1, 'Rosa', 1), (2, 'Uwe', 1), (3, 'Free', NULL);
ALTER TABLE teams ADD FOREIGN KEY (captain_id) REFERENCES players (id);
UPDATE teams SET captain_id = 2 WHERE id = 1;

-- A child collection named like a column of its parent.
CREATE TABLE parents (
  id integer PRIMARY KEY,
  children text
);
INSERT INTO parents (id, children) VALUES (1, 'a column called children'), (2, NULL);
CREATE TABLE children (
  id integer PRIMARY KEY,
  parent_id integer NOT NULL,
  parents text,
  FOREIGN KEY (parent_id) REFERENCES parents (id)
);
INSERT INTO children (id, parent_id, parents) VALUES (1, 1, 'a column called parents'), (2, 1, NULL);

-- Keys of other types, and children of each.
CREATE TABLE keyed_uuid (id uuid PRIMARY KEY, name text);
INSERT INTO keyed_uuid (id, name) VALUES ('00000000-0000-0000-0000-000000000000', 'nil'), ('0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', 'some');
CREATE TABLE keyed_bigint (id bigint PRIMARY KEY, name text);
INSERT INTO keyed_bigint (id, name) VALUES (-9223372036854775808, 'lowest'), (0, 'zero'), (9007199254740993, 'beyond doubles'), (9223372036854775807, 'highest');
CREATE TABLE keyed_decimal (id decimal(10,2) PRIMARY KEY, name text);
INSERT INTO keyed_decimal (id, name) VALUES (-0.5, 'minus a half'), (1.25, 'five quarters'), (12345678.75, 'much');
CREATE TABLE keyed_text (id text PRIMARY KEY, name text);
INSERT INTO keyed_text (id, name) VALUES ('', 'empty'), ('A', 'upper'), ('a', 'lower'), ('a,b/c?d%e_f', 'separators'), ('O''Brien', 'quote'), ('"x"', 'double quotes'), ('größe 表', 'beyond ASCII');
CREATE TABLE key_links (
  id integer PRIMARY KEY,
  uuid_id uuid,
  bigint_id bigint,
  decimal_id decimal(10,2),
  text_id text,
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
  id integer PRIMARY KEY,
  "group" text,
  "limit" integer
);
INSERT INTO "order" (id, "group", "limit") VALUES (1, 'a', 10), (2, NULL, 0);
CREATE TABLE "select" (
  "from" integer PRIMARY KEY,
  "where" text,
  "order" integer,
  FOREIGN KEY ("order") REFERENCES "order" (id)
);
INSERT INTO "select" ("from", "where", "order") VALUES (1, 'here', 1), (2, 'there', 1), (3, NULL, NULL);

-- Names that have to be quoted in SQL, and mostly cannot be said in GraphQL.
CREATE TABLE "Mixed Case" ("Id" integer PRIMARY KEY, "camelCase" text, "UPPER" text);
INSERT INTO "Mixed Case" ("Id", "camelCase", "UPPER") VALUES (1, 'camel', 'UP'), (2, NULL, NULL);
CREATE TABLE "CamelCase" ("Id" integer PRIMARY KEY, "mixedId" integer, FOREIGN KEY ("mixedId") REFERENCES "Mixed Case" ("Id"));
INSERT INTO "CamelCase" ("Id", "mixedId") VALUES (1, 1), (2, NULL);
CREATE TABLE "with space" ("the id" integer PRIMARY KEY, "the value" text);
INSERT INTO "with space" ("the id", "the value") VALUES (1, 'space one'), (2, 'space two');
CREATE TABLE "with""double" (id integer PRIMARY KEY, value text, "the space id" integer, FOREIGN KEY ("the space id") REFERENCES "with space" ("the id"));
INSERT INTO "with""double" (id, value, "the space id") VALUES (1, 'double one', 2), (2, 'double two', NULL);
CREATE TABLE "with'quote" (id integer PRIMARY KEY, value text);
INSERT INTO "with'quote" (id, value) VALUES (1, 'quote one'), (2, 'quote two');
CREATE TABLE "with`backtick" (id integer PRIMARY KEY, value text);
INSERT INTO "with`backtick" (id, value) VALUES (1, 'backtick one'), (2, 'backtick two');
CREATE TABLE "with\backslash" (id integer PRIMARY KEY, value text);
INSERT INTO "with\backslash" (id, value) VALUES (1, 'backslash one'), (2, 'backslash two');
CREATE TABLE "with?question" (id integer PRIMARY KEY, value text);
INSERT INTO "with?question" (id, value) VALUES (1, 'question one'), (2, 'question two');
CREATE TABLE "with:colon" (id integer PRIMARY KEY, value text);
INSERT INTO "with:colon" (id, value) VALUES (1, 'colon one'), (2, 'colon two');
CREATE TABLE "with.dot" (id integer PRIMARY KEY, value text);
INSERT INTO "with.dot" (id, value) VALUES (1, 'dot one'), (2, 'dot two');
CREATE TABLE "with%percent" (id integer PRIMARY KEY, value text);
INSERT INTO "with%percent" (id, value) VALUES (1, 'percent one'), (2, 'percent two');
CREATE TABLE "with-dash" (id integer PRIMARY KEY, value text);
INSERT INTO "with-dash" (id, value) VALUES (1, 'dash one'), (2, 'dash two');
CREATE TABLE "with_dash" (id integer PRIMARY KEY, value text);
INSERT INTO "with_dash" (id, value) VALUES (1, 'underscore one'), (2, 'underscore two');
CREATE TABLE "weird$name" (id integer PRIMARY KEY, "va$lue" text);
INSERT INTO "weird$name" (id, "va$lue") VALUES (1, 'dollar one'), (2, 'dollar two');
CREATE TABLE "größe" (id integer PRIMARY KEY, "maß" text);
INSERT INTO "größe" (id, "maß") VALUES (1, 'groß'), (2, 'klein');
CREATE TABLE "表" ("番号" integer PRIMARY KEY, "名前" text);
INSERT INTO "表" ("番号", "名前") VALUES (1, '一'), (2, '二');
CREATE TABLE "1digit" (id integer PRIMARY KEY, "2nd" text);
INSERT INTO "1digit" (id, "2nd") VALUES (1, 'digit one'), (2, 'digit two');
CREATE TABLE "__double" (id integer PRIMARY KEY, "__value" text);
INSERT INTO "__double" (id, "__value") VALUES (1, 'double underscore one'), (2, 'double underscore two');
-- Each column holds its own name, so that a column mixed up with another is seen.
CREATE TABLE odd_columns (
  id integer PRIMARY KEY,
  "order" text,
  "Mixed Case" text,
  "camelCase" text,
  "with space" text,
  "with'quote" text,
  "with""double" text,
  "with`backtick" text,
  "with\backslash" text,
  "with?question" text,
  "with:colon" text,
  "with-dash" text,
  "with_dash" text,
  "with dash" text,
  "with.dot" text,
  "with%percent" text,
  "with;semicolon" text,
  "with{brace}" text,
  "weird$name" text,
  "größe" text,
  "表" text,
  "1digit" text,
  "__double" text
);
INSERT INTO odd_columns VALUES
  (1, 'order', 'Mixed Case', 'camelCase', 'with space', 'with''quote', 'with"double', 'with`backtick', 'with\backslash', 'with?question', 'with:colon',
   'with-dash', 'with_dash', 'with dash', 'with.dot', 'with%percent', 'with;semicolon', 'with{brace}', 'weird$name', 'größe', '表', '1digit', '__double'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Names that collide with GraphQL's or with derived ones.
CREATE TABLE "Query" (id integer PRIMARY KEY, "__typename" text, query text);
INSERT INTO "Query" (id, "__typename", query) VALUES (1, 'not a type', 'q'), (2, NULL, NULL);
CREATE TABLE "Int" (id integer PRIMARY KEY, "_and" text, "_or" integer, "_some" boolean);
INSERT INTO "Int" (id, "_and", "_or", "_some") VALUES (1, 'and', 0, false), (2, 'both', 1, true);
CREATE TABLE articles (
  id integer PRIMARY KEY,
  title text NOT NULL,
  status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published', 'Archived')),
  "id_func" integer,
  written_at timestamp,
  "written_at_func" text
);
INSERT INTO articles (id, title, status, "id_func", written_at, "written_at_func") VALUES
  (1, 'First', 'draft', 7, '2024-02-29 23:59:59', 'a column'),
  (2, 'Second', 'published', NULL, NULL, NULL),
  (3, 'first', 'Archived', 0, '1999-12-31 00:00:00', '');
CREATE TABLE articles_aggregated (id integer PRIMARY KEY, article_id integer, FOREIGN KEY (article_id) REFERENCES articles (id));
INSERT INTO articles_aggregated (id, article_id) VALUES (1, 1), (2, NULL);
CREATE TABLE articles_by_id (id integer PRIMARY KEY, article_id integer, FOREIGN KEY (article_id) REFERENCES articles (id));
INSERT INTO articles_by_id (id, article_id) VALUES (1, 1), (2, 2);

-- A pure junction, and one that says more.
CREATE TABLE tags (id integer PRIMARY KEY, name text NOT NULL UNIQUE);
INSERT INTO tags (id, name) VALUES (1, 'red'), (2, 'größer'), (3, 'unused');
CREATE TABLE articles_tags (
  article_id integer NOT NULL,
  tag_id integer NOT NULL,
  PRIMARY KEY (article_id, tag_id),
  FOREIGN KEY (article_id) REFERENCES articles (id),
  FOREIGN KEY (tag_id) REFERENCES tags (id)
);
INSERT INTO articles_tags (article_id, tag_id) VALUES (1, 1), (1, 2), (2, 1);
CREATE TABLE articles_authors (
  article_id integer NOT NULL,
  user_id integer NOT NULL,
  role text NOT NULL DEFAULT '',
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
CREATE TABLE no_key (name text, amount integer);
INSERT INTO no_key (name, amount) VALUES ('twin', 1), ('twin', 1), (NULL, NULL);
CREATE TABLE unique_only (code text NOT NULL UNIQUE, note text);
INSERT INTO unique_only (code, note) VALUES ('a', 'first'), ('b', NULL);
CREATE TABLE empty_table (id integer PRIMARY KEY, name text, amount decimal(10,2));
CREATE TABLE empty_children (id integer PRIMARY KEY, empty_id integer NOT NULL, FOREIGN KEY (empty_id) REFERENCES empty_table (id));

-- Defaults true and falsy, numbering by the database, generated columns.
CREATE TABLE defaults (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  zero integer NOT NULL DEFAULT 0,
  seven integer NOT NULL DEFAULT 7,
  empty_text text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'draft',
  no boolean NOT NULL DEFAULT false,
  yes boolean NOT NULL DEFAULT true,
  required text NOT NULL,
  optional text DEFAULT NULL,
  created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO defaults (required, created_at) VALUES ('first', '2024-02-03 04:05:06');
INSERT INTO defaults (zero, seven, empty_text, status, no, yes, required, optional, created_at) VALUES (1, 0, 'full', '', true, false, '', 'set', '2024-02-03 00:00:00');
CREATE TABLE generated_columns (
  id integer PRIMARY KEY,
  quantity integer NOT NULL,
  cents integer NOT NULL,
  name text,
  total_cents integer GENERATED ALWAYS AS (quantity * cents) STORED,
  shouted text GENERATED ALWAYS AS (upper(name)) STORED
);
INSERT INTO generated_columns (id, quantity, cents, name) VALUES (1, 3, 199, 'three'), (2, 0, 1, NULL);

-- The everyday types with the values that go wrong most.
CREATE TABLE typed (
  id integer PRIMARY KEY,
  an_int integer,
  a_bigint bigint,
  a_decimal decimal(20,4),
  a_double double precision,
  a_bool boolean,
  a_text text,
  a_date date,
  a_time time,
  a_datetime timestamp,
  a_timestamp timestamptz,
  a_uuid uuid,
  a_json jsonb,
  a_binary bytea
);
INSERT INTO typed VALUES
  (1, 1, 1, 1.5, 1.5, true, 'plain', '2024-02-03', '04:05:06', '2024-02-03 04:05:06', '2024-02-03 02:05:06+00', '0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', '{"a": [1, null, "ü"], "b": {"c": false}}', '\x000102ff'),
  (2, 0, 0, 0, 0, false, '', '1970-01-01', '00:00:00', '1970-01-01 00:00:00', '1970-01-01 00:00:01+00', '00000000-0000-0000-0000-000000000000', '[]', '\x'),
  (3, -2147483648, -9223372036854775808, -12345678901.2345, -1e-300, true, 'quote '' double " back\ percent % under_ line
break and tab	end', '0001-01-01', '23:59:59', '1000-01-01 00:00:00', '2001-09-09 01:46:40+00', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '"text"', '\xc3a9'),
  (4, 2147483647, 9223372036854775807, 12345678901.2345, 1.7976931348623157e308, false, 'größe 表 🎷 é', '9999-12-31', '12:00:00', '9999-12-31 23:59:59', '2038-01-19 03:14:07+00', NULL, 'null', '\x27225c00'),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- ---------------------------------------------------------------------------------------------
-- What only PostgreSQL has.
-- ---------------------------------------------------------------------------------------------

COMMENT ON TABLE articles IS 'What is published; it''s "quoted" and größer.';
COMMENT ON COLUMN articles.title IS 'The headline
on two lines.';
COMMENT ON VIEW article_titles IS 'A plain view.';

-- A foreign key that some rows break: it was added without looking at them.
CREATE TABLE orphans (id integer PRIMARY KEY, airport_code text);
INSERT INTO orphans (id, airport_code) VALUES (1, 'BER'), (2, 'XXX'), (3, NULL);
ALTER TABLE orphans ADD FOREIGN KEY (airport_code) REFERENCES airports (code) NOT VALID;

-- Names that differ only in case; names of the greatest length; a column that is gone.
CREATE TABLE cased (id integer PRIMARY KEY, value text, "Value" text, "VALUE" text);
INSERT INTO cased VALUES (1, 'lower', 'Title', 'UPPER');
CREATE TABLE "Cased" ("ID" integer PRIMARY KEY, id integer REFERENCES cased (id));
INSERT INTO "Cased" VALUES (10, 1), (11, NULL);
CREATE TABLE a_name_of_sixty_three_bytes_which_is_all_that_postgres_takes_in (
  a_column_of_sixty_three_bytes_which_is_all_that_postgres_allows integer PRIMARY KEY,
  b_column_of_sixty_three_bytes_which_is_all_that_postgres_allows integer REFERENCES a_name_of_sixty_three_bytes_which_is_all_that_postgres_takes_in
);
INSERT INTO a_name_of_sixty_three_bytes_which_is_all_that_postgres_takes_in VALUES (1, NULL), (2, 1);
CREATE TABLE dropped_column (gone text, id integer PRIMARY KEY, also_gone text, airport text);
ALTER TABLE dropped_column DROP COLUMN gone, DROP COLUMN also_gone;
ALTER TABLE dropped_column ADD FOREIGN KEY (airport) REFERENCES airports (code);
INSERT INTO dropped_column (id, airport) VALUES (1, 'BER'), (2, NULL);

-- Unique, but not a key: only for some rows, only of an expression, or nullable.
CREATE TABLE not_quite_keys (code text NOT NULL, label text NOT NULL, maybe text UNIQUE);
CREATE UNIQUE INDEX not_quite_keys_code ON not_quite_keys (code) WHERE label = 'x';
CREATE UNIQUE INDEX not_quite_keys_label ON not_quite_keys (lower(label), code);
INSERT INTO not_quite_keys (code, label, maybe) VALUES ('a', 'x', NULL), ('a', 'y', NULL), ('b', 'z', 'only');

-- Enums and domains.
CREATE TYPE mood AS ENUM ('sad', 'Happy', 'VERY happy', 'it''s "fine"', 'größer', '');
CREATE DOMAIN age AS integer CHECK (VALUE >= 0);
CREATE DOMAIN adult_age AS age CHECK (VALUE >= 18);
CREATE DOMAIN email_address AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN good_mood AS mood CHECK (VALUE <> 'sad');
CREATE DOMAIN required_text AS text NOT NULL DEFAULT 'unset';
CREATE DOMAIN scores AS integer[];
CREATE DOMAIN price AS numeric(12,3);
CREATE TABLE enums_and_domains (
  id integer PRIMARY KEY,
  mood mood,
  mood_default mood NOT NULL DEFAULT 'Happy',
  age age,
  adult_age adult_age,
  email email_address,
  good_mood good_mood,
  required required_text,
  scores scores,
  price price
);
INSERT INTO enums_and_domains VALUES
  (1, 'sad', 'Happy', 0, 18, 'a@b.example', 'Happy', 'set', '{1,2}', 1.500),
  (2, 'VERY happy', 'sad', 2147483647, NULL, '@', 'VERY happy', '', '{}', 123456789.123),
  (3, 'it''s "fine"', '', NULL, 99, NULL, '', 'x', NULL, 0),
  (4, 'größer', 'größer', 1, 20, 'größer@x.example', 'größer', 'y', '{NULL}', -0.001);
CREATE TABLE keyed_enum (id mood PRIMARY KEY, name text);
INSERT INTO keyed_enum VALUES ('Happy', 'one'), ('VERY happy', 'two');

CREATE TABLE arrays (
  id integer PRIMARY KEY,
  ints integer[],
  bigints bigint[],
  numerics numeric[],
  doubles double precision[],
  bools boolean[],
  texts text[],
  uuids uuid[],
  dates date[],
  timestamps timestamptz[],
  moods mood[],
  jsons json[],
  bytes bytea[],
  grid integer[][],
  texts_grid text[][]
);
INSERT INTO arrays VALUES
  (1, '{1,NULL,-2147483648}', '{9223372036854775807,-9223372036854775808,0,NULL}', '{1.50,123456789012345678901234567890.123456789}', '{1.1,-0.5,1e300}',
   '{t,f,NULL}', ARRAY['plain', 'with "quotes"', 'with,comma', 'it''s', 'back\slash', '{braces}', '', 'NULL', NULL, ' space ', '表 🎷', E'line\nbreak'],
   '{0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01,NULL}', '{2024-02-29,0001-01-01}', '{"2024-02-03 04:05:06.789012+02","1970-01-01 00:00:00+00"}',
   '{Happy,"VERY happy","it''s \"fine\"",NULL,""}', ARRAY['{"a": [1, 2]}'::json, '"x"'::json, 'null'::json, NULL], ARRAY['\x00ff'::bytea, ''::bytea],
   '{{1,2,3},{4,NULL,6}}', '{{"a,b","c\"d"},{NULL,""}}'),
  (2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  -- Values that JSON has no spelling for, and bounds that do not start at one.
  (4, '[0:1]={7,8}', '{}', '{1,NaN}', '{NaN,Infinity}', '{}', '{}', '{}', '{infinity}', '{-infinity}', '{}', '{}', '{}', '[-1:0][2:2]={{1},{2}}', '{}');

CREATE TABLE numbers (
  id integer PRIMARY KEY,
  small smallint,
  big bigint,
  exact numeric,
  exact_60 numeric(60,30),
  whole numeric(20,0),
  whole_small numeric(5),
  rounded numeric(5,-2),
  single real,
  double double precision,
  cash money,
  object_id oid
);
INSERT INTO numbers VALUES
  (1, 1, 1, 1.10, 1.5, 1, 1, 100, 1.1, 1.1, 1234.56, 1),
  (2, -32768, -9223372036854775808, -123456789012345678901234567890.123456789012345678901234567890, -123456789012345678901234567890.123456789012345678901234567890, -99999999999999999999, -99999, -9999949, -3.4028235e38, -1.7976931348623157e308, -92233720368547758.08, 0),
  (3, 32767, 9223372036854775807, 0.000000000000000000000000000000000000000000000000000000000001, 0.000000000000000000000000000001, 99999999999999999999, 99999, 0, 1e-45, 5e-324, 0, 4294967295),
  (4, 0, 0, 0.00, 0, 0, 0, 0, '-0', '-0', 0.01, NULL),
  (5, NULL, 9007199254740993, 'NaN', NULL, 2147483648, NULL, NULL, 'NaN', 'NaN', NULL, NULL),
  (6, NULL, -9007199254740993, 'Infinity', NULL, NULL, NULL, NULL, 'Infinity', '-Infinity', NULL, NULL),
  (7, NULL, NULL, 1e40, NULL, NULL, NULL, NULL, 16777217, 0.1, NULL, NULL);

CREATE TABLE moments (
  id integer PRIMARY KEY,
  day date,
  clock time,
  clock_zone timetz,
  wall timestamp,
  wall_seconds timestamp(0),
  instant timestamptz,
  span interval
);
INSERT INTO moments VALUES
  (1, '2024-02-03', '04:05:06', '04:05:06+02', '2024-02-03 04:05:06', '2024-02-03 04:05:06', '2024-02-03 04:05:06+02', '1 year 2 mons 3 days 04:05:06.5'),
  (2, '2024-02-29', '23:59:59.999999', '23:59:59.999999-12:30', '2024-02-29 23:59:59.999999', '2024-02-29 23:59:59', '2024-02-29 23:59:59.999999+00', '-1 day -00:00:00.000001'),
  (3, '0001-01-01', '00:00:00', '00:00:00+00', '1969-12-31 23:59:59.5', '1969-12-31 23:59:59', '1969-12-31 23:59:59.5+00', '0'),
  (4, '9999-12-31', '24:00:00', '24:00:00-15:59', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999+00', '178000000 years'),
  (5, '10000-01-01', NULL, NULL, '10000-01-01 00:00:00', NULL, '9999-12-31 23:59:59-01', NULL),
  (6, '0044-03-15 BC', NULL, NULL, '0044-03-15 12:00:00 BC', NULL, '0044-03-15 12:00:00+00 BC', NULL),
  (7, 'infinity', NULL, NULL, 'infinity', NULL, 'infinity', NULL),
  (8, '-infinity', NULL, NULL, '-infinity', NULL, '-infinity', NULL),
  (9, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TYPE postal_address AS (street text, zip integer);
CREATE TABLE others (
  id integer PRIMARY KEY,
  a_uuid uuid,
  a_json json,
  a_jsonb jsonb,
  bytes bytea,
  one_bit bit(1),
  five_bits bit(5),
  some_bits bit varying(8),
  address inet,
  network cidr,
  mac macaddr,
  document xml,
  words tsvector,
  int_range int4range,
  time_range tstzrange,
  place point,
  padded char(5),
  tiny "char",
  sys_name name,
  postal postal_address,
  kind regclass
);
INSERT INTO others VALUES
  (1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{"b":1,  "a":{"c":[true,null,"\u00e9\n"]},"b":2}', '{"b":1,"a":{"c":[true,null,"\u00e9\n\"\\"]},"b":2}', '\x0001feff',
   B'1', B'10101', B'101', '192.168.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '<a b="1">é &amp; ü</a>', 'a fat cat:3A', '[1,10)', '["2024-01-01 00:00:00+00",)', '(1.5,-2)', 'ab', 'x', 'a_name',
   ROW('Main St. "1", left', 1234), 'pg_class'),
  (2, NULL, '123456789012345678901234567890.12345678901234567890', '{"n": 123456789012345678901234567890.12345678901234567890, "e": 1e400, "surrogate": "\ud83c\udfb7"}', '\x',
   B'0', B'00000', B'', '2001:db8::1/64', '2001:db8::/32', NULL, NULL, '', 'empty', 'empty', '(0,0)', '', '', '', ROW(NULL, NULL), NULL),
  (3, NULL, 'null', 'null', NULL, NULL, NULL, NULL, '::ffff:1.2.3.4', NULL, NULL, NULL, NULL, '(,)', NULL, '(Infinity,NaN)', 'größe', NULL, NULL, NULL, NULL),
  (4, NULL, '"text with \"quotes\" and / slash"', '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Kinds of tables: partitioned, inherited, materialized, numbered in several ways.
CREATE TABLE measurements (id bigint, day date, value double precision, airport text REFERENCES airports (code), PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE measurements_2023 PARTITION OF measurements FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE measurements_2024 PARTITION OF measurements FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO measurements VALUES (1, '2023-06-01', 1.5, 'BER'), (1, '2024-06-01', 2.5, NULL), (2, '2024-06-02', NULL, 'CPH');
CREATE TABLE vehicles (id integer PRIMARY KEY, wheels integer NOT NULL);
CREATE TABLE trucks (tons integer, PRIMARY KEY (id)) INHERITS (vehicles);
INSERT INTO vehicles (id, wheels) VALUES (1, 2), (2, 4);
INSERT INTO trucks (id, wheels, tons) VALUES (3, 6, 12);
CREATE MATERIALIZED VIEW flights_by_origin AS SELECT origin, count(*) AS flights FROM flights GROUP BY origin;
CREATE MATERIALIZED VIEW never_filled AS SELECT id FROM users WITH NO DATA;
CREATE TABLE numbered (
  always_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  serial_id serial,
  stamped timestamptz NOT NULL DEFAULT now(),
  token uuid NOT NULL DEFAULT gen_random_uuid(),
  sliced text GENERATED ALWAYS AS (substr('fixed', 1, 3)) STORED
);
INSERT INTO numbered (stamped, token) VALUES ('2024-02-03 04:05:06+00', '0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01'), ('2024-02-03 04:05:06+00', '00000000-0000-0000-0000-000000000000');

-- A second schema with a table and a type of the same names, and keys across the border.
CREATE SCHEMA archive;
CREATE TYPE archive.mood AS ENUM ('dusty', 'Happy');
CREATE TABLE archive.articles (
  id integer PRIMARY KEY,
  original_id integer REFERENCES articles (id),
  mood archive.mood,
  archived_at timestamptz
);
INSERT INTO archive.articles VALUES (1, 1, 'dusty', '2024-02-03 04:05:06+02'), (2, NULL, 'Happy', NULL);
CREATE TABLE restorations (id integer PRIMARY KEY, archived_id integer REFERENCES archive.articles (id));
INSERT INTO restorations VALUES (1, 2), (2, NULL);
