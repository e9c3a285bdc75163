-- Tables of their own for the writes, so that the queries' data set stays as
-- it is. Their comments say who made them.

SET LOCAL client_min_messages = warning;

DROP TABLE IF EXISTS write_lines, write_orders, write_items;

CREATE TABLE write_items (
    id           bigserial PRIMARY KEY,
    title        text NOT NULL,
    status       text NOT NULL DEFAULT 'draft',
    views        bigint,
    rating       numeric(4,2),
    published_at timestamptz
);

CREATE TABLE write_orders (
    id        bigserial PRIMARY KEY,
    customer  text        NOT NULL,
    note      text,
    placed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE write_lines (
    id       bigserial PRIMARY KEY,
    order_id bigint       NOT NULL REFERENCES write_orders (id),
    article  text         NOT NULL,
    quantity integer      NOT NULL,
    price    numeric(8,2) NOT NULL
);

CREATE INDEX ON write_lines (order_id);

COMMENT ON TABLE write_items IS 'Made by side_by_side';
COMMENT ON TABLE write_orders IS 'Made by side_by_side';
COMMENT ON TABLE write_lines IS 'Made by side_by_side';
