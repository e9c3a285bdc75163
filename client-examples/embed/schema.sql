-- A blog, with what its hooks keep beside it.
-- What hooks fill in has a default, so that clients need not give it.
CREATE TABLE IF NOT EXISTS posts (
    id              INTEGER PRIMARY KEY,
    title           TEXT NOT NULL,
    body            TEXT NOT NULL,
    slug            TEXT NOT NULL DEFAULT '' UNIQUE,
    word_count      INTEGER NOT NULL DEFAULT 0,
    reading_minutes INTEGER NOT NULL DEFAULT 0,
    excerpt         TEXT NOT NULL DEFAULT '',
    modified_at     TIMESTAMP,
    modified_by     TEXT
);

CREATE TABLE IF NOT EXISTS subscribers (
    id    INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE
);

-- Who did what.
CREATE TABLE IF NOT EXISTS activity (
    id         INTEGER PRIMARY KEY,
    action     TEXT NOT NULL,
    collection TEXT NOT NULL,
    item       TEXT NOT NULL,
    done_by    TEXT NOT NULL,
    done_at    TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

-- How often, by day.
CREATE TABLE IF NOT EXISTS statistics (
    day        DATE NOT NULL,
    collection TEXT NOT NULL,
    action     TEXT NOT NULL,
    times      INTEGER NOT NULL,
    PRIMARY KEY (day, collection, action)
);

CREATE TABLE IF NOT EXISTS sessions (
    token   TEXT NOT NULL PRIMARY KEY,
    expires TIMESTAMP NOT NULL
);
