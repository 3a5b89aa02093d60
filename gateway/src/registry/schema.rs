//! The tables, and how an older registry becomes a newer one.
//!
//! One text for SQLite and PostgreSQL: whole numbers and text only, and nothing is NULL (0 and the
//! empty text mean "not yet"), because the two disagree about the rest. Times are milliseconds
//! since 1970, UTC.

use super::{Dialect, RegistryError, Tx};
use sqlx::Row as _;

/// What this program reads and writes.
pub const SCHEMA: i64 = 1;

/// Every table with its columns, parents before children: what a backup holds, in this order.
pub const TABLES: &[(&str, &[&str])] = &[
    ("registry_meta", &["id", "schema_version", "version", "head_seq", "head_hash"]),
    ("users", &["id", "comp_id", "name", "role", "protection", "state", "created_ms"]),
    ("devices", &["user_id", "id", "protection", "state", "created_ms"]),
    (
        "certificates",
        &[
            "serial",
            "user_id",
            "device_id",
            "comp_id",
            "protection",
            "spki_sha256",
            "state",
            "reason",
            "not_before_ms",
            "not_after_ms",
            "issued_ms",
            "first_used_ms",
            "ended_ms",
            "der",
        ],
    ),
    ("codes", &["hash", "user_id", "protection", "state", "created_ms", "expires_ms", "used_ms", "serial", "claim", "claimed_ms"]),
    ("crl", &["id", "number", "covers", "this_update_ms", "next_update_ms", "der"]),
    ("events", &["seq", "at_ms", "actor", "kind", "subject", "detail", "prev", "hash"]),
];

/// Migration n brings schema n to n + 1; the first makes an empty database into schema 1.
const MIGRATIONS: &[&[&str]] = &[&[
    "CREATE TABLE registry_meta (id BIGINT PRIMARY KEY, schema_version BIGINT NOT NULL, version BIGINT NOT NULL,
        head_seq BIGINT NOT NULL, head_hash TEXT NOT NULL)",
    "INSERT INTO registry_meta VALUES (1, 1, 1, 0, '')",
    "CREATE TABLE users (id TEXT PRIMARY KEY, comp_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
        protection TEXT NOT NULL, state TEXT NOT NULL, created_ms BIGINT NOT NULL)",
    "CREATE TABLE devices (user_id TEXT NOT NULL REFERENCES users (id), id TEXT NOT NULL, protection TEXT NOT NULL,
        state TEXT NOT NULL, created_ms BIGINT NOT NULL, PRIMARY KEY (user_id, id))",
    "CREATE TABLE certificates (serial TEXT PRIMARY KEY, user_id TEXT NOT NULL, device_id TEXT NOT NULL, comp_id TEXT NOT NULL,
        protection TEXT NOT NULL, spki_sha256 TEXT NOT NULL UNIQUE, state TEXT NOT NULL, reason TEXT NOT NULL,
        not_before_ms BIGINT NOT NULL, not_after_ms BIGINT NOT NULL, issued_ms BIGINT NOT NULL, first_used_ms BIGINT NOT NULL,
        ended_ms BIGINT NOT NULL, der TEXT NOT NULL, FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, id))",
    "CREATE INDEX certificates_by_device ON certificates (user_id, device_id)",
    "CREATE TABLE codes (hash TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id), protection TEXT NOT NULL,
        state TEXT NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL, used_ms BIGINT NOT NULL, serial TEXT NOT NULL,
        claim TEXT NOT NULL, claimed_ms BIGINT NOT NULL)",
    "CREATE INDEX codes_by_user ON codes (user_id)",
    "CREATE TABLE crl (id BIGINT PRIMARY KEY, number BIGINT NOT NULL, covers TEXT NOT NULL, this_update_ms BIGINT NOT NULL,
        next_update_ms BIGINT NOT NULL, der TEXT NOT NULL)",
    "INSERT INTO crl VALUES (1, 0, '', 0, 0, '')",
    "CREATE TABLE events (seq BIGINT PRIMARY KEY, at_ms BIGINT NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL,
        subject TEXT NOT NULL, detail TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL)",
]];

/// The schema found: 0 when the database holds no registry.
pub(super) async fn found(tx: &mut Tx, dialect: Dialect) -> Result<i64, RegistryError> {
    let there = match dialect {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'registry_meta'",
        Dialect::Postgres => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'registry_meta'"
        }
    };
    let there: i64 = sqlx::query(there).fetch_one(&mut **tx).await?.try_get(0)?;
    if there == 0 {
        return Ok(0);
    }
    Ok(sqlx::query("SELECT schema_version FROM registry_meta WHERE id = 1").fetch_one(&mut **tx).await?.try_get(0)?)
}

/// Brings the database from `from` to [`SCHEMA`], in the caller's transaction.
pub(super) async fn migrate(tx: &mut Tx, from: i64) -> Result<(), RegistryError> {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    for statement in MIGRATIONS.iter().skip(from).copied().flatten() {
        sqlx::query(statement).execute(&mut **tx).await?;
    }
    sqlx::query("UPDATE registry_meta SET schema_version = $1 WHERE id = 1").bind(SCHEMA).execute(&mut **tx).await?;
    Ok(())
}

/// Drops every table, children first.
pub(super) async fn drop_all(tx: &mut Tx) -> Result<(), RegistryError> {
    for (table, _) in TABLES.iter().rev() {
        sqlx::query(&format!("DROP TABLE IF EXISTS {table}")).execute(&mut **tx).await?;
    }
    Ok(())
}
