-- An awkward database for MySQL 8 and MariaDB 10.6 or newer; see README.md.
-- Wants an empty database, and no client features: send it as one multi-statement text.

SET @saved_sql_mode = @@SESSION.sql_mode, @saved_time_zone = @@SESSION.time_zone;
-- Without NO_ZERO_DATE: '0000-00-00' is among the rows. Not strict, so that nothing hides behind it.
SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', SESSION time_zone = '+00:00';
-- Text compares byte by byte, as in the other two dialects.
ALTER DATABASE CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- ---------------------------------------------------------------------------------------------
-- The part that all three dialects have: same names, same rows.
-- ---------------------------------------------------------------------------------------------

-- Several foreign keys between the same two tables; a text key.
CREATE TABLE airports (
  code varchar(100) PRIMARY KEY,
  city varchar(100) NOT NULL
);
INSERT INTO airports (code, city) VALUES ('BER', 'Berlin'), ('CPH', 'København'), ('HND', '東京'), ('NUL', '');

CREATE TABLE flights (
  id int PRIMARY KEY,
  number varchar(100) NOT NULL,
  origin varchar(100) NOT NULL,
  destination varchar(100) NOT NULL,
  alternate varchar(100),
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
  code varchar(100) PRIMARY KEY,
  berths int NOT NULL
);
INSERT INTO harbours (code, berths) VALUES ('CPH', 12), ('HND', 0);
CREATE TABLE shipments (
  id int PRIMARY KEY,
  place varchar(100) NOT NULL,
  FOREIGN KEY (place) REFERENCES airports (code),
  FOREIGN KEY (place) REFERENCES harbours (code)
);
INSERT INTO shipments (id, place) VALUES (1, 'CPH'), (2, 'HND');

-- Composite keys, two and three columns deep, one of them nullable in the child.
CREATE TABLE companies (
  country varchar(100) NOT NULL,
  reg_no int NOT NULL,
  name varchar(100) NOT NULL,
  PRIMARY KEY (country, reg_no)
);
INSERT INTO companies (country, reg_no, name) VALUES ('DE', 1, 'Eins GmbH'), ('DE', 2, 'Zwei GmbH'), ('DK', 1, 'Én ApS');
CREATE TABLE company_sites (
  country varchar(100) NOT NULL,
  reg_no int NOT NULL,
  site_no int NOT NULL,
  city varchar(100),
  PRIMARY KEY (country, reg_no, site_no),
  FOREIGN KEY (country, reg_no) REFERENCES companies (country, reg_no)
);
INSERT INTO company_sites (country, reg_no, site_no, city) VALUES ('DE', 1, 1, 'Berlin'), ('DE', 1, 2, 'Bonn'), ('DK', 1, 1, 'København');
CREATE TABLE site_visits (
  id int PRIMARY KEY,
  country varchar(100),
  reg_no int,
  site_no int,
  FOREIGN KEY (country, reg_no, site_no) REFERENCES company_sites (country, reg_no, site_no)
);
-- Row 3 has half a key: it points nowhere.
INSERT INTO site_visits (id, country, reg_no, site_no) VALUES (1, 'DE', 1, 2), (2, NULL, NULL, NULL), (3, 'DE', 1, NULL);

-- Two composite foreign keys that share a column, between the same two tables.
CREATE TABLE tenant_users (
  tenant int NOT NULL,
  id int NOT NULL,
  name varchar(100) NOT NULL,
  PRIMARY KEY (tenant, id)
);
INSERT INTO tenant_users (tenant, id, name) VALUES (1, 1, 'one of one'), (1, 2, 'two of one'), (2, 1, 'one of two');
CREATE TABLE tenant_notes (
  tenant int NOT NULL,
  id int NOT NULL,
  author_id int NOT NULL,
  reviewer_id int,
  body varchar(100),
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, author_id) REFERENCES tenant_users (tenant, id),
  FOREIGN KEY (tenant, reviewer_id) REFERENCES tenant_users (tenant, id)
);
INSERT INTO tenant_notes (tenant, id, author_id, reviewer_id, body) VALUES (1, 1, 1, 2, 'reviewed'), (1, 2, 2, NULL, 'not yet'), (2, 1, 1, 1, 'by oneself');

-- A tree by a text key.
CREATE TABLE categories (
  slug varchar(100) PRIMARY KEY,
  parent_slug varchar(100),
  FOREIGN KEY (parent_slug) REFERENCES categories (slug)
);
INSERT INTO categories (slug, parent_slug) VALUES ('all', NULL);
INSERT INTO categories (slug, parent_slug) VALUES ('books', 'all'), ('music', 'all');
INSERT INTO categories (slug, parent_slug) VALUES ('music/vinyl', 'music');

-- A foreign key to a unique column that is not the primary key; a key that is itself a foreign
-- key (one to one); a junction of a table with itself.
CREATE TABLE users (
  id int PRIMARY KEY,
  email varchar(100) NOT NULL UNIQUE,
  name varchar(100)
);
INSERT INTO users (id, email, name) VALUES (1, 'ada@a.example', 'Ada'), (2, 'bob@b.example', NULL), (3, 'O''Brien@c.example', '');
CREATE TABLE logins (
  id int PRIMARY KEY,
  user_email varchar(100),
  FOREIGN KEY (user_email) REFERENCES users (email)
);
INSERT INTO logins (id, user_email) VALUES (1, 'ada@a.example'), (2, 'ada@a.example'), (3, 'O''Brien@c.example'), (4, NULL);
CREATE TABLE profiles (
  user_id int PRIMARY KEY,
  bio varchar(100),
  FOREIGN KEY (user_id) REFERENCES users (id)
);
INSERT INTO profiles (user_id, bio) VALUES (1, 'first'), (3, NULL);
CREATE TABLE friends (
  user_id int NOT NULL,
  friend_id int NOT NULL,
  PRIMARY KEY (user_id, friend_id),
  FOREIGN KEY (user_id) REFERENCES users (id),
  FOREIGN KEY (friend_id) REFERENCES users (id)
);
INSERT INTO friends (user_id, friend_id) VALUES (1, 2), (1, 3), (2, 1);

-- Two tables that point at each other.
CREATE TABLE teams (
  id int PRIMARY KEY,
  name varchar(100) NOT NULL,
  captain_id int
);
INSERT INTO teams (id, name, captain_id) VALUES (1, 'Reds', NULL), (2, 'Blues', NULL);
CREATE TABLE players (
  id int PRIMARY KEY,
  name varchar(100) NOT NULL,
  team_id int,
  FOREIGN KEY (team_id) REFERENCES teams (id)
);
INSERT INTO players (id, name, team_id) VALUES (1, 'Rosa', 1), (2, 'Uwe', 1), (3, 'Free', NULL);
ALTER TABLE teams ADD FOREIGN KEY (captain_id) REFERENCES players (id);
UPDATE teams SET captain_id = 2 WHERE id = 1;

-- A child collection named like a column of its parent.
CREATE TABLE parents (
  id int PRIMARY KEY,
  children varchar(100)
);
INSERT INTO parents (id, children) VALUES (1, 'a column called children'), (2, NULL);
CREATE TABLE children (
  id int PRIMARY KEY,
  parent_id int NOT NULL,
  parents varchar(100),
  FOREIGN KEY (parent_id) REFERENCES parents (id)
);
INSERT INTO children (id, parent_id, parents) VALUES (1, 1, 'a column called parents'), (2, 1, NULL);

-- Keys of other types, and children of each.
CREATE TABLE keyed_uuid (id char(36) PRIMARY KEY, name varchar(100));
INSERT INTO keyed_uuid (id, name) VALUES ('00000000-0000-0000-0000-000000000000', 'nil'), ('0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', 'some');
CREATE TABLE keyed_bigint (id bigint PRIMARY KEY, name varchar(100));
INSERT INTO keyed_bigint (id, name) VALUES (-9223372036854775808, 'lowest'), (0, 'zero'), (9007199254740993, 'beyond doubles'), (9223372036854775807, 'highest');
CREATE TABLE keyed_decimal (id decimal(10,2) PRIMARY KEY, name varchar(100));
INSERT INTO keyed_decimal (id, name) VALUES (-0.5, 'minus a half'), (1.25, 'five quarters'), (12345678.75, 'much');
CREATE TABLE keyed_text (id varchar(100) PRIMARY KEY, name varchar(100));
INSERT INTO keyed_text (id, name) VALUES ('', 'empty'), ('A', 'upper'), ('a', 'lower'), ('a,b/c?d%e_f', 'separators'), ('O''Brien', 'quote'), ('"x"', 'double quotes'), ('größe 表', 'beyond ASCII');
CREATE TABLE key_links (
  id int PRIMARY KEY,
  uuid_id char(36),
  bigint_id bigint,
  decimal_id decimal(10,2),
  text_id varchar(100),
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
CREATE TABLE `order` (
  id int PRIMARY KEY,
  `group` varchar(100),
  `limit` int
);
INSERT INTO `order` (id, `group`, `limit`) VALUES (1, 'a', 10), (2, NULL, 0);
CREATE TABLE `select` (
  `from` int PRIMARY KEY,
  `where` varchar(100),
  `order` int,
  FOREIGN KEY (`order`) REFERENCES `order` (id)
);
INSERT INTO `select` (`from`, `where`, `order`) VALUES (1, 'here', 1), (2, 'there', 1), (3, NULL, NULL);

-- Names that have to be quoted in SQL, and mostly cannot be said in GraphQL.
CREATE TABLE `Mixed Case` (`Id` int PRIMARY KEY, `camelCase` varchar(100), `UPPER` varchar(100));
INSERT INTO `Mixed Case` (`Id`, `camelCase`, `UPPER`) VALUES (1, 'camel', 'UP'), (2, NULL, NULL);
CREATE TABLE `CamelCase` (`Id` int PRIMARY KEY, `mixedId` int, FOREIGN KEY (`mixedId`) REFERENCES `Mixed Case` (`Id`));
INSERT INTO `CamelCase` (`Id`, `mixedId`) VALUES (1, 1), (2, NULL);
CREATE TABLE `with space` (`the id` int PRIMARY KEY, `the value` varchar(100));
INSERT INTO `with space` (`the id`, `the value`) VALUES (1, 'space one'), (2, 'space two');
CREATE TABLE `with"double` (id int PRIMARY KEY, value varchar(100), `the space id` int, FOREIGN KEY (`the space id`) REFERENCES `with space` (`the id`));
INSERT INTO `with"double` (id, value, `the space id`) VALUES (1, 'double one', 2), (2, 'double two', NULL);
CREATE TABLE `with'quote` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with'quote` (id, value) VALUES (1, 'quote one'), (2, 'quote two');
CREATE TABLE `with``backtick` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with``backtick` (id, value) VALUES (1, 'backtick one'), (2, 'backtick two');
CREATE TABLE `with\backslash` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with\backslash` (id, value) VALUES (1, 'backslash one'), (2, 'backslash two');
CREATE TABLE `with?question` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with?question` (id, value) VALUES (1, 'question one'), (2, 'question two');
CREATE TABLE `with:colon` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with:colon` (id, value) VALUES (1, 'colon one'), (2, 'colon two');
CREATE TABLE `with.dot` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with.dot` (id, value) VALUES (1, 'dot one'), (2, 'dot two');
CREATE TABLE `with%percent` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with%percent` (id, value) VALUES (1, 'percent one'), (2, 'percent two');
CREATE TABLE `with-dash` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with-dash` (id, value) VALUES (1, 'dash one'), (2, 'dash two');
CREATE TABLE `with_dash` (id int PRIMARY KEY, value varchar(100));
INSERT INTO `with_dash` (id, value) VALUES (1, 'underscore one'), (2, 'underscore two');
CREATE TABLE `weird$name` (id int PRIMARY KEY, `va$lue` varchar(100));
INSERT INTO `weird$name` (id, `va$lue`) VALUES (1, 'dollar one'), (2, 'dollar two');
CREATE TABLE `größe` (id int PRIMARY KEY, `maß` varchar(100));
INSERT INTO `größe` (id, `maß`) VALUES (1, 'groß'), (2, 'klein');
CREATE TABLE `表` (`番号` int PRIMARY KEY, `名前` varchar(100));
INSERT INTO `表` (`番号`, `名前`) VALUES (1, '一'), (2, '二');
CREATE TABLE `1digit` (id int PRIMARY KEY, `2nd` varchar(100));
INSERT INTO `1digit` (id, `2nd`) VALUES (1, 'digit one'), (2, 'digit two');
CREATE TABLE `__double` (id int PRIMARY KEY, `__value` varchar(100));
INSERT INTO `__double` (id, `__value`) VALUES (1, 'double underscore one'), (2, 'double underscore two');
-- Each column holds its own name, so that a column mixed up with another is seen.
CREATE TABLE odd_columns (
  id int PRIMARY KEY,
  `order` varchar(100),
  `Mixed Case` varchar(100),
  `camelCase` varchar(100),
  `with space` varchar(100),
  `with'quote` varchar(100),
  `with"double` varchar(100),
  `with``backtick` varchar(100),
  `with\backslash` varchar(100),
  `with?question` varchar(100),
  `with:colon` varchar(100),
  `with-dash` varchar(100),
  `with_dash` varchar(100),
  `with dash` varchar(100),
  `with.dot` varchar(100),
  `with%percent` varchar(100),
  `with;semicolon` varchar(100),
  `with{brace}` varchar(100),
  `weird$name` varchar(100),
  `größe` varchar(100),
  `表` varchar(100),
  `1digit` varchar(100),
  `__double` varchar(100)
);
INSERT INTO odd_columns VALUES
  (1, 'order', 'Mixed Case', 'camelCase', 'with space', 'with''quote', 'with"double', 'with`backtick', 'with\\backslash', 'with?question', 'with:colon',
   'with-dash', 'with_dash', 'with dash', 'with.dot', 'with%percent', 'with;semicolon', 'with{brace}', 'weird$name', 'größe', '表', '1digit', '__double'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Names that collide with GraphQL's or with derived ones.
CREATE TABLE `Query` (id int PRIMARY KEY, `__typename` varchar(100), query varchar(100));
INSERT INTO `Query` (id, `__typename`, query) VALUES (1, 'not a type', 'q'), (2, NULL, NULL);
CREATE TABLE `Int` (id int PRIMARY KEY, `_and` varchar(100), `_or` int, `_some` boolean);
INSERT INTO `Int` (id, `_and`, `_or`, `_some`) VALUES (1, 'and', 0, false), (2, 'both', 1, true);
CREATE TABLE articles (
  id int PRIMARY KEY,
  title varchar(100) NOT NULL,
  status varchar(100) NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published', 'Archived')),
  `id_func` int,
  written_at datetime,
  `written_at_func` varchar(100)
);
INSERT INTO articles (id, title, status, `id_func`, written_at, `written_at_func`) VALUES
  (1, 'First', 'draft', 7, '2024-02-29 23:59:59', 'a column'),
  (2, 'Second', 'published', NULL, NULL, NULL),
  (3, 'first', 'Archived', 0, '1999-12-31 00:00:00', '');
CREATE TABLE articles_aggregated (id int PRIMARY KEY, article_id int, FOREIGN KEY (article_id) REFERENCES articles (id));
INSERT INTO articles_aggregated (id, article_id) VALUES (1, 1), (2, NULL);
CREATE TABLE articles_by_id (id int PRIMARY KEY, article_id int, FOREIGN KEY (article_id) REFERENCES articles (id));
INSERT INTO articles_by_id (id, article_id) VALUES (1, 1), (2, 2);

-- A pure junction, and one that says more.
CREATE TABLE tags (id int PRIMARY KEY, name varchar(100) NOT NULL UNIQUE);
INSERT INTO tags (id, name) VALUES (1, 'red'), (2, 'größer'), (3, 'unused');
CREATE TABLE articles_tags (
  article_id int NOT NULL,
  tag_id int NOT NULL,
  PRIMARY KEY (article_id, tag_id),
  FOREIGN KEY (article_id) REFERENCES articles (id),
  FOREIGN KEY (tag_id) REFERENCES tags (id)
);
INSERT INTO articles_tags (article_id, tag_id) VALUES (1, 1), (1, 2), (2, 1);
CREATE TABLE articles_authors (
  article_id int NOT NULL,
  user_id int NOT NULL,
  role varchar(100) NOT NULL DEFAULT '',
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
CREATE TABLE no_key (name varchar(100), amount int);
INSERT INTO no_key (name, amount) VALUES ('twin', 1), ('twin', 1), (NULL, NULL);
CREATE TABLE unique_only (code varchar(100) NOT NULL UNIQUE, note varchar(100));
INSERT INTO unique_only (code, note) VALUES ('a', 'first'), ('b', NULL);
CREATE TABLE empty_table (id int PRIMARY KEY, name varchar(100), amount decimal(10,2));
CREATE TABLE empty_children (id int PRIMARY KEY, empty_id int NOT NULL, FOREIGN KEY (empty_id) REFERENCES empty_table (id));

-- Defaults true and falsy, numbering by the database, generated columns.
CREATE TABLE defaults (
  id int AUTO_INCREMENT PRIMARY KEY,
  zero int NOT NULL DEFAULT 0,
  seven int NOT NULL DEFAULT 7,
  empty_text varchar(100) NOT NULL DEFAULT '',
  status varchar(100) NOT NULL DEFAULT 'draft',
  no boolean NOT NULL DEFAULT false,
  yes boolean NOT NULL DEFAULT true,
  required varchar(100) NOT NULL,
  optional varchar(100) DEFAULT NULL,
  created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO defaults (required, created_at) VALUES ('first', '2024-02-03 04:05:06');
INSERT INTO defaults (zero, seven, empty_text, status, no, yes, required, optional, created_at) VALUES (1, 0, 'full', '', true, false, '', 'set', '2024-02-03 00:00:00');
CREATE TABLE generated_columns (
  id int PRIMARY KEY,
  quantity int NOT NULL,
  cents int NOT NULL,
  name varchar(100),
  total_cents int GENERATED ALWAYS AS (quantity * cents) STORED,
  shouted varchar(100) GENERATED ALWAYS AS (upper(name)) STORED
);
INSERT INTO generated_columns (id, quantity, cents, name) VALUES (1, 3, 199, 'three'), (2, 0, 1, NULL);

-- The everyday types with the values that go wrong most.
CREATE TABLE typed (
  id int PRIMARY KEY,
  an_int int,
  a_bigint bigint,
  a_decimal decimal(20,4),
  a_double double,
  a_bool boolean,
  a_text text,
  a_date date,
  a_time time,
  a_datetime datetime,
  a_timestamp timestamp NULL,
  a_uuid char(36),
  a_json json,
  a_binary blob
);
INSERT INTO typed VALUES
  (1, 1, 1, 1.5, 1.5, true, 'plain', '2024-02-03', '04:05:06', '2024-02-03 04:05:06', '2024-02-03 02:05:06', '0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', '{"a": [1, null, "ü"], "b": {"c": false}}', x'000102ff'),
  (2, 0, 0, 0, 0, false, '', '1970-01-01', '00:00:00', '1970-01-01 00:00:00', '1970-01-01 00:00:01', '00000000-0000-0000-0000-000000000000', '[]', x''),
  (3, -2147483648, -9223372036854775808, -12345678901.2345, -1e-300, true, 'quote '' double " back\\ percent % under_ line
break and tab	end', '0001-01-01', '23:59:59', '1000-01-01 00:00:00', '2001-09-09 01:46:40', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '"text"', x'c3a9'),
  (4, 2147483647, 9223372036854775807, 12345678901.2345, 1.7976931348623157e308, false, 'größe 表 🎷 é', '9999-12-31', '12:00:00', '9999-12-31 23:59:59', '2038-01-19 03:14:07', NULL, 'null', x'27225c00'),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- ---------------------------------------------------------------------------------------------
-- What only MySQL and MariaDB have.
-- ---------------------------------------------------------------------------------------------

ALTER TABLE articles COMMENT = 'What is published; it''s "quoted" and größer.';
ALTER TABLE articles MODIFY title varchar(100) NOT NULL COMMENT 'The headline\non two lines.';

-- A foreign key that some rows break: they came in while nobody was checking.
CREATE TABLE orphans (id int PRIMARY KEY, airport_code varchar(100), FOREIGN KEY (airport_code) REFERENCES airports (code));
SET @saved_foreign_key_checks = @@SESSION.foreign_key_checks;
SET SESSION foreign_key_checks = 0;
INSERT INTO orphans (id, airport_code) VALUES (1, 'BER'), (2, 'XXX'), (3, NULL);
SET SESSION foreign_key_checks = @saved_foreign_key_checks;

CREATE TABLE integers (
  id int PRIMARY KEY,
  tiny tinyint,
  tiny_unsigned tinyint unsigned,
  small smallint,
  small_unsigned smallint unsigned,
  medium mediumint,
  medium_unsigned mediumint unsigned,
  plain int,
  plain_unsigned int unsigned,
  big bigint,
  big_unsigned bigint unsigned,
  filled int(8) unsigned zerofill,
  flag tinyint(1),
  truth boolean,
  one_bit bit(1),
  eight_bits bit(8),
  many_bits bit(64),
  a_year year
);
INSERT INTO integers VALUES
  (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 42, 0, false, b'0', b'0', b'0', 0),
  (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 99999999, 1, true, b'1', b'10101010', 0xffffffffffffffff, 1901),
  (3, 0, 128, 0, 32768, 0, 8388608, 0, 2147483648, 0, 9223372036854775808, 0, 2, 2, NULL, b'1', 0x8000000000000000, 2155),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 9007199254740993, 9007199254740993, NULL, -1, 127, NULL, NULL, NULL, 2024),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE keyed_unsigned (id bigint unsigned PRIMARY KEY, parent_id bigint unsigned, FOREIGN KEY (parent_id) REFERENCES keyed_unsigned (id));
INSERT INTO keyed_unsigned VALUES (18446744073709551615, NULL);
INSERT INTO keyed_unsigned VALUES (0, 18446744073709551615), (9223372036854775808, 18446744073709551615);
CREATE TABLE keyed_binary (id binary(16) PRIMARY KEY, name varchar(100));
INSERT INTO keyed_binary VALUES (0x0b8e2f6e6f0c4b579a552f7a4c1d9e01, 'some'), (0x00000000000000000000000000000000, 'nil');

CREATE TABLE numbers (
  id int PRIMARY KEY,
  long_decimal decimal(40,10),
  longest_decimal decimal(65,30),
  whole decimal(20,0),
  whole_small decimal(5,0),
  single float,
  double_ double
);
INSERT INTO numbers VALUES
  (1, 1.10, 1.5, 1, 1, 1.1, 1.1),
  (2, -123456789012345678901234567890.1234567891, -12345678901234567890123456789012345.123456789012345678901234567890, -99999999999999999999, -99999, -3.40282e38, -1.7976931348623157e308),
  (3, 0.0000000001, 0.000000000000000000000000000001, 99999999999999999999, 99999, 1e-38, 2.2250738585072014e-308),
  (4, 0, 0, 0, 0, 0, -0e0),
  (5, NULL, NULL, 2147483648, NULL, NULL, 0.1);

CREATE TABLE moments (
  id int PRIMARY KEY,
  day date,
  clock time,
  clock_micros time(6),
  wall datetime,
  wall_micros datetime(6),
  instant timestamp NULL,
  instant_micros timestamp(6) NULL
);
INSERT INTO moments VALUES
  (1, '2024-02-03', '04:05:06', '04:05:06.789012', '2024-02-03 04:05:06', '2024-02-03 04:05:06.789012', '2024-02-03 02:05:06', '2024-02-03 02:05:06.789012'),
  (2, '9999-12-31', '838:59:59', '838:59:59.000000', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.999999'),
  (3, '1000-01-01', '-838:59:59', '-12:30:00.500000', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000001', '1970-01-01 00:00:01', '1970-01-01 00:00:01.000001'),
  (4, '0000-00-00', '25:00:00', '-00:00:00.000001', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
  (5, '2024-00-00', '00:00:00', '00:00:00', '2024-02-00 00:00:00', '2024-02-29 00:00:00', '2024-02-29 00:00:00', '2024-02-29 00:00:00.001'),
  (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- The same text in several character sets and collations.
CREATE TABLE strings (
  id int PRIMARY KEY,
  fixed char(5),
  short_ varchar(100),
  long_ text,
  longest longtext,
  latin varchar(100) CHARACTER SET latin1 COLLATE latin1_swedish_ci,
  without_case varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci,
  bytewise varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  bytewise_text text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  wide varchar(100) CHARACTER SET utf16,
  choice enum('small', 'Medium', 'it''s "big"', 'größer', ''),
  several set('a', 'B', 'c d', 'ü')
);
INSERT INTO strings VALUES
  (1, 'ab', 'plain', 'plain', 'plain', 'plain', 'Rock', 'Rock', 'Rock', 'plain', 'small', 'a'),
  (2, 'größe', 'größe 表 🎷', 'größe 表 🎷', 'größe 表 🎷', 'größe é', 'rock', 'rock', 'rock', 'größe 表 🎷', 'größer', 'a,B,c d,ü'),
  (3, '', '', '', '', '', 'ROCK', 'ROCK', 'ROCK', '', '', ''),
  (4, 'it''s', 'quote '' double " back\\slash', 'percent % under_', 'line\nbreak\ttab\0nul', 'it''s', 'straße', 'straße', 'straße', '"', 'it''s "big"', 'c d'),
  (5, NULL, NULL, NULL, NULL, NULL, 'strasse', 'strasse', 'strasse', NULL, 'Medium', NULL);

CREATE TABLE others (
  id int PRIMARY KEY,
  document json,
  bytes blob,
  tiny_bytes tinyblob,
  fixed_bytes binary(16),
  some_bytes varbinary(20),
  place point,
  shape geometry
);
INSERT INTO others VALUES
  (1, '{"b": 1, "a": {"c": [true, null, "é\\n\\"\\\\"]}}', x'0001feff', x'00', x'0b8e2f6e6f0c4b579a552f7a4c1d9e01', x'c3a9', ST_GeomFromText('POINT(1.5 -2)'), ST_GeomFromText('LINESTRING(0 0,1 1,2 0)')),
  (2, '123.456', '', '', x'61', '', ST_GeomFromText('POINT(0 0)'), ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0))')),
  (3, 'null', NULL, NULL, NULL, NULL, NULL, ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),POINT(2 2))')),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Columns the server fills.
CREATE TABLE filled (
  id bigint unsigned AUTO_INCREMENT PRIMARY KEY,
  price decimal(10,2) NOT NULL DEFAULT 0.00,
  doubled decimal(12,2) GENERATED ALWAYS AS (price * 2) VIRTUAL,
  stamped datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  token char(36) NOT NULL DEFAULT (uuid())
);
INSERT INTO filled (price, stamped, token) VALUES (1.25, '2024-02-03 04:05:06', 'first'), (0, '2024-02-03 04:05:06', 'second');

-- A view whose table is gone.
CREATE TABLE dropped_table (id int PRIMARY KEY);
CREATE VIEW broken_view AS SELECT id FROM dropped_table;
DROP TABLE dropped_table;

-- What MariaDB has and MySQL has not, in executable comments. Each stands inside of a statement
-- that MySQL understands too: a statement that is nothing but a comment would be an error.
CREATE TABLE server_types (row_id int PRIMARY KEY /*M!100700 , id uuid UNIQUE, address inet6 */);
INSERT INTO server_types (row_id /*M!100700 , id, address */) VALUES
  (1 /*M!100700 , '0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01', '2001:db8::1' */),
  (2 /*M!100700 , NULL, NULL */);
CREATE TABLE versioned (id int PRIMARY KEY, name varchar(100), hidden int DEFAULT 3 /*M!100600 INVISIBLE */ /*!80023 INVISIBLE */) /*M!100600 WITH SYSTEM VERSIONING */;
INSERT INTO versioned (id, name) VALUES (1, 'now'), (2, 'soon gone');
DELETE FROM versioned WHERE id = 2;
-- A sequence on MariaDB, a view of the same name on MySQL.
CREATE /*M!100600 SEQUENCE */ /*!80000 VIEW */ a_sequence /*M!100600 START WITH 5 */ /*!80000 AS SELECT 5 AS next_not_cached_value */;

SET SESSION sql_mode = @saved_sql_mode, SESSION time_zone = @saved_time_zone;
