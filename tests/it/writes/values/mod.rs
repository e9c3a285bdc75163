//! Values of every type (contract section 3.6): written, stored, read back, and
//! refused where they are none.

mod elsewhere;
mod postgres;
mod refused;
mod round_trip;

use crate::support::Kind;

/// One column of each type that all databases have.
fn samples(kind: Kind) -> String {
    let key = kind.made_up_key();
    let (real, moment, instant, json, bytes, uuid) = match kind {
        Kind::Sqlite => ("real", "datetime", "timestamp", "json", "blob", "uuid"),
        Kind::Postgres => ("real", "timestamp", "timestamptz", "jsonb", "bytea", "uuid"),
        Kind::MySql => ("float", "datetime", "timestamp(3) NULL", "json", "longblob", "uuid"),
    };
    format!(
        "CREATE TABLE sample (id {key}, flag boolean, small smallint, whole integer, big bigint, single {real},
             twice double precision, price decimal(6, 2), wide decimal(20, 4), word varchar(40), body text, day date,
             clock time, moment {moment}, instant {instant}, data {json}, bytes {bytes}, ident {uuid});"
    )
}
