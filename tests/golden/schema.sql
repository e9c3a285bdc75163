-- The worked example of the API's documentation, and what databases have beside it.

CREATE TABLE authors (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name varchar(100) NOT NULL
);
CREATE TABLE tags (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name varchar(100) NOT NULL
);
CREATE TABLE articles (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title varchar(200) NOT NULL,
  status varchar(20) DEFAULT 'draft',
  author integer REFERENCES authors (id),
  date_created timestamp,
  body text,
  rating decimal(5, 2),
  meta json,
  published boolean
);
CREATE INDEX articles_author ON articles (author);
CREATE TABLE articles_tags (
  articles_id integer NOT NULL REFERENCES articles (id),
  tags_id integer NOT NULL REFERENCES tags (id),
  PRIMARY KEY (articles_id, tags_id)
);
CREATE INDEX articles_tags_tags_id ON articles_tags (tags_id);
-- A foreign key without an index.
CREATE TABLE comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  article integer REFERENCES articles (id),
  text text
);
-- A key of two columns, and a foreign key to it.
CREATE TABLE seats (
  row varchar(4) NOT NULL,
  number integer NOT NULL,
  note text,
  PRIMARY KEY (row, number)
);
CREATE TABLE bookings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  seat_row varchar(4),
  seat_number integer,
  FOREIGN KEY (seat_row, seat_number) REFERENCES seats (row, number)
);
CREATE INDEX bookings_seat ON bookings (seat_row, seat_number);
-- Names that must be quoted.
CREATE TABLE "select" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  "order" integer,
  "a""b`c" text
);
