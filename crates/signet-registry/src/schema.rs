//! The tables, and how an older registry becomes a newer one.
//!
//! One text for SQLite and PostgreSQL: whole numbers and text only, and nothing is NULL (0 and the
//! empty text mean "not yet"), because the two disagree about the rest. Times are milliseconds
//! since 1970, UTC.

use super::{Dialect, RegistryError, Tx};
use sqlx::Row as _;

/// The schema that this program reads and writes.
pub const SCHEMA: i64 = 8;

/// A table with its columns and the schema they came with.
type Table = (i64, &'static str, &'static [&'static str]);

/// Every table, parents before children. A later line for the same table adds columns to it.
const TABLES: &[Table] = &[
    (1, "registry_meta", &["id", "schema_version", "version", "head_seq", "head_hash"]),
    (1, "users", &["id", "comp_id", "name", "role", "protection", "state", "created_ms"]),
    (1, "devices", &["user_id", "id", "protection", "state", "created_ms"]),
    (
        1,
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
    (
        1,
        "codes",
        &[
            "hash",
            "user_id",
            "protection",
            "state",
            "created_ms",
            "expires_ms",
            "used_ms",
            "serial",
            "claim",
            "claimed_ms",
        ],
    ),
    (1, "crl", &["id", "number", "covers", "this_update_ms", "next_update_ms", "der"]),
    (1, "events", &["seq", "at_ms", "actor", "kind", "subject", "detail", "prev", "hash"]),
    (2, "registry_meta", &["evidence_seq", "evidence_hash"]),
    (2, "users", &["keys_reset_ms"]),
    (2, "codes", &["purpose"]),
    (
        2,
        "security_keys",
        &[
            "credential_id",
            "id",
            "user_id",
            "name",
            "aaguid",
            "model",
            "passkey",
            "counter",
            "state",
            "reason",
            "registered_ms",
            "registered_by",
            "last_used_ms",
            "ended_ms",
            "attestation",
        ],
    ),
    (2, "evidence", &["seq", "at_ms", "user_id", "approval", "record", "prev", "hash"]),
    (3, "codes", &["managed"]),
    (3, "certificates", &["managed"]),
    (3, "places", &["user_id", "country", "at_ms"]),
    (3, "trades", &["user_id", "dealer", "first_ms"]),
    (4, "events", &["origin"]),
    (5, "lockouts", &["user_id", "kind", "words", "since_ms", "until_ms", "level"]),
    (5, "lifted_networks", &["network", "at_ms"]),
    (
        6,
        "console_keys",
        &[
            "credential_id",
            "admin",
            "label",
            "model",
            "passkey",
            "public_key",
            "counter",
            "state",
            "reason",
            "registered_ms",
            "last_used_ms",
        ],
    ),
    (6, "console_invites", &["hash", "admin", "created_ms", "expires_ms"]),
    (7, "signals", &["user_id", "device_id", "provider", "fact", "holds", "at_us"]),
    (8, "device_software", &["user_id", "device_id", "version", "platform", "seen_ms"]),
];

/// Every table of a schema with all its columns, parents before children: what a backup holds, in
/// this order.
pub(super) fn tables(schema: i64) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for (_, table, columns) in TABLES.iter().filter(|(since, ..)| *since <= schema) {
        match all.iter_mut().find(|(t, _)| t == table) {
            Some((_, known)) => known.extend_from_slice(columns),
            None => all.push((table, columns.to_vec())),
        }
    }
    all
}

/// A statement of a migration.
enum Statement {
    Any(&'static str),
    Sqlite(&'static str),
    Postgres(&'static str),
}

use Statement::{Any, Postgres, Sqlite};

/// Migration n brings schema n to n + 1; the first makes an empty database into schema 1.
const MIGRATIONS: &[&[Statement]] =
    &[FIRST, SECURITY_KEYS, DECISIONS, ORIGIN, LOCKOUTS, CONSOLE, SIGNALS, FLEET];

const FIRST: &[Statement] = &[
    Any("CREATE TABLE registry_meta (id BIGINT PRIMARY KEY, schema_version BIGINT NOT NULL, version BIGINT NOT NULL,
        head_seq BIGINT NOT NULL, head_hash TEXT NOT NULL)"),
    Any("INSERT INTO registry_meta VALUES (1, 1, 1, 0, '')"),
    Any("CREATE TABLE users (id TEXT PRIMARY KEY, comp_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
        protection TEXT NOT NULL, state TEXT NOT NULL, created_ms BIGINT NOT NULL)"),
    Any("CREATE TABLE devices (user_id TEXT NOT NULL REFERENCES users (id), id TEXT NOT NULL, protection TEXT NOT NULL,
        state TEXT NOT NULL, created_ms BIGINT NOT NULL, PRIMARY KEY (user_id, id))"),
    Any("CREATE TABLE certificates (serial TEXT PRIMARY KEY, user_id TEXT NOT NULL, device_id TEXT NOT NULL, comp_id TEXT NOT NULL,
        protection TEXT NOT NULL, spki_sha256 TEXT NOT NULL UNIQUE, state TEXT NOT NULL, reason TEXT NOT NULL,
        not_before_ms BIGINT NOT NULL, not_after_ms BIGINT NOT NULL, issued_ms BIGINT NOT NULL, first_used_ms BIGINT NOT NULL,
        ended_ms BIGINT NOT NULL, der TEXT NOT NULL, FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, id))"),
    Any("CREATE INDEX certificates_by_device ON certificates (user_id, device_id)"),
    Any("CREATE TABLE codes (hash TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id), protection TEXT NOT NULL,
        state TEXT NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL, used_ms BIGINT NOT NULL, serial TEXT NOT NULL,
        claim TEXT NOT NULL, claimed_ms BIGINT NOT NULL)"),
    Any("CREATE INDEX codes_by_user ON codes (user_id)"),
    Any("CREATE TABLE crl (id BIGINT PRIMARY KEY, number BIGINT NOT NULL, covers TEXT NOT NULL, this_update_ms BIGINT NOT NULL,
        next_update_ms BIGINT NOT NULL, der TEXT NOT NULL)"),
    Any("INSERT INTO crl VALUES (1, 0, '', 0, 0, '')"),
    Any("CREATE TABLE events (seq BIGINT PRIMARY KEY, at_ms BIGINT NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL,
        subject TEXT NOT NULL, detail TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL)"),
];

/// Security keys, and evidence that nothing but a restore may take away.
const SECURITY_KEYS: &[Statement] = &[
    Any("ALTER TABLE registry_meta ADD COLUMN evidence_seq BIGINT NOT NULL DEFAULT 0"),
    Any("ALTER TABLE registry_meta ADD COLUMN evidence_hash TEXT NOT NULL DEFAULT ''"),
    Any("ALTER TABLE users ADD COLUMN keys_reset_ms BIGINT NOT NULL DEFAULT 0"),
    Any("ALTER TABLE codes ADD COLUMN purpose TEXT NOT NULL DEFAULT 'enrol'"),
    Any("CREATE TABLE security_keys (credential_id TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL REFERENCES users (id),
        name TEXT NOT NULL, aaguid TEXT NOT NULL, model TEXT NOT NULL, passkey TEXT NOT NULL, counter BIGINT NOT NULL,
        state TEXT NOT NULL, reason TEXT NOT NULL, registered_ms BIGINT NOT NULL, registered_by TEXT NOT NULL,
        last_used_ms BIGINT NOT NULL, ended_ms BIGINT NOT NULL, attestation TEXT NOT NULL)"),
    Any("CREATE INDEX security_keys_by_user ON security_keys (user_id)"),
    Any("CREATE TABLE evidence (seq BIGINT PRIMARY KEY, at_ms BIGINT NOT NULL, user_id TEXT NOT NULL, approval TEXT NOT NULL,
        record TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL)"),
    Any("CREATE INDEX evidence_by_user ON evidence (user_id, seq)"),
    Sqlite("CREATE TRIGGER evidence_stays BEFORE UPDATE ON evidence BEGIN SELECT RAISE(ABORT, \
        'evidence is only ever added'); END"),
    Sqlite("CREATE TRIGGER evidence_remains BEFORE DELETE ON evidence BEGIN SELECT RAISE(ABORT, \
        'evidence is only ever added'); END"),
    Postgres(
        "CREATE OR REPLACE FUNCTION signet_only_added() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''evidence is only ever added''; END'",
    ),
    Postgres(
        "CREATE TRIGGER evidence_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence
        FOR EACH STATEMENT EXECUTE FUNCTION signet_only_added()",
    ),
];

/// Facts for decisions about access and trades that outlive the journal.
const DECISIONS: &[Statement] = &[
    Any("ALTER TABLE codes ADD COLUMN managed BIGINT NOT NULL DEFAULT 0"),
    Any("ALTER TABLE certificates ADD COLUMN managed BIGINT NOT NULL DEFAULT 0"),
    Any("CREATE TABLE places (user_id TEXT PRIMARY KEY REFERENCES users (id), country TEXT NOT \
            NULL, at_ms BIGINT NOT NULL)"),
    Any("CREATE TABLE trades (user_id TEXT NOT NULL REFERENCES users (id), dealer TEXT NOT NULL,
        first_ms BIGINT NOT NULL, PRIMARY KEY (user_id, dealer))"),
];

/// Who hands an event to the SIEM, so that nobody else does.
const ORIGIN: &[Statement] =
    &[Any("ALTER TABLE events ADD COLUMN origin TEXT NOT NULL DEFAULT ''")];

/// What the gateway answers attacks with.
const LOCKOUTS: &[Statement] = &[
    Any("CREATE TABLE lockouts (user_id TEXT PRIMARY KEY REFERENCES users (id), kind TEXT NOT NULL,
        words TEXT NOT NULL, since_ms BIGINT NOT NULL, until_ms BIGINT NOT NULL, level BIGINT NOT NULL)"),
    Any("CREATE TABLE lifted_networks (network TEXT PRIMARY KEY, at_ms BIGINT NOT NULL)"),
];

/// The keys with which administrators log in to the console, and what makes its search fast.
const CONSOLE: &[Statement] = &[
    Any("CREATE TABLE console_keys (credential_id TEXT PRIMARY KEY, admin TEXT NOT NULL, label TEXT NOT NULL, model TEXT NOT NULL,
        passkey TEXT NOT NULL, public_key TEXT NOT NULL, counter BIGINT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
        registered_ms BIGINT NOT NULL, last_used_ms BIGINT NOT NULL)"),
    Any("CREATE INDEX console_keys_by_admin ON console_keys (admin)"),
    Any("CREATE TABLE console_invites (hash TEXT PRIMARY KEY, admin TEXT NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL)"),
    Any("CREATE INDEX events_by_kind ON events (kind, seq)"),
    Any("CREATE INDEX events_by_subject ON events (subject, seq)"),
];

/// What identity providers said of devices.
const SIGNALS: &[Statement] = &[Any("CREATE TABLE signals (user_id TEXT NOT NULL, device_id TEXT NOT NULL, provider TEXT NOT NULL,
        fact TEXT NOT NULL, holds BIGINT NOT NULL, at_us BIGINT NOT NULL, PRIMARY KEY (user_id, device_id, provider, fact),
        FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, id))")];

/// When devices were on last, and what they said they ran.
const FLEET: &[Statement] = &[Any("CREATE TABLE device_software (user_id TEXT NOT NULL, device_id TEXT NOT NULL, version TEXT NOT NULL,
        platform TEXT NOT NULL, seen_ms BIGINT NOT NULL, PRIMARY KEY (user_id, device_id),
        FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, id))")];

/// The schema found: 0 when the database holds no registry.
pub(super) async fn found(tx: &mut Tx, dialect: Dialect) -> Result<i64, RegistryError> {
    let there = match dialect {
        Dialect::Sqlite => {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'registry_meta'"
        }
        Dialect::Postgres => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() \
                AND table_name = 'registry_meta'"
        }
    };
    let there: i64 = sqlx::query(there).fetch_one(&mut **tx).await?.try_get(0)?;
    if there == 0 {
        return Ok(0);
    }
    Ok(sqlx::query("SELECT schema_version FROM registry_meta WHERE id = 1")
        .fetch_one(&mut **tx)
        .await?
        .try_get(0)?)
}

/// Brings the database from `from` to `to`, in the caller's transaction.
pub(super) async fn migrate(
    tx: &mut Tx,
    dialect: Dialect,
    from: i64,
    to: i64,
) -> Result<(), RegistryError> {
    let (skip, end) =
        (usize::try_from(from).unwrap_or(usize::MAX), usize::try_from(to).unwrap_or_default());
    for step in MIGRATIONS.iter().take(end).skip(skip).copied().flatten() {
        let statement = match (step, dialect) {
            (Any(s), _) | (Sqlite(s), Dialect::Sqlite) | (Postgres(s), Dialect::Postgres) => s,
            _ => continue,
        };
        sqlx::query(statement).execute(&mut **tx).await?;
    }
    sqlx::query("UPDATE registry_meta SET schema_version = $1 WHERE id = 1")
        .bind(to)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Drops every table, children first.
pub(super) async fn drop_all(tx: &mut Tx) -> Result<(), RegistryError> {
    for (table, _) in tables(SCHEMA).iter().rev() {
        sqlx::query(&format!("DROP TABLE IF EXISTS {table}")).execute(&mut **tx).await?;
    }
    Ok(())
}
