//! Who may trade: users, their devices and certificates, one-time codes, and the log of what was
//! done.
//!
//! In an SQLite file, or in PostgreSQL when several gateways share one. Every change is one
//! transaction that begins by raising the version in `registry_meta`: that row is the lock that
//! puts writers in a row (so no update is lost, with either database), and the number gateways
//! poll. Decisions are elsewhere, as pure functions ([`admission`], [`code`]).

#![warn(missing_docs, unreachable_pub)]

mod accounts;
pub mod admission;
pub mod backup;
mod bulk;
mod certificates;
mod claim_refusal;
pub mod code;
mod connections;
mod console;
mod error;
pub mod events;
mod evidence;
pub mod first_key;
mod fleet;
mod issue;
mod keys;
mod lockouts;
mod schema;
mod search;
mod signals;
mod trades;
mod url;
mod view;

pub use accounts::{DeviceRecord, NewCode, NewUser, UserDetails, UserRecord, is_desk_comp_id};
pub use certificates::{CertificateRecord, CertificateSelector, RevokedCertificate, StoredCrl};
pub use claim_refusal::{ClaimError, ClaimRefusal};
pub use console::{CONSOLE_KEYS_MAX, ConsoleError, ConsoleKey, NewConsoleKey, Standing};
pub use error::RegistryError;
use events::{ChainError, verify_part};
pub use events::{Event, NewEvent};
pub use evidence::{EvidenceChainError, EvidenceRow, RecordRefusal, Recorded};
pub use fleet::{DeviceSeen, FLEET_PAGE_MAX, FleetPlace, FleetRow};
pub use issue::{CertificateRequest, Claim, IssueBasis, IssueOrder, IssuedCertificate};
pub use keys::{
    AddKeyRefusal, Attestation, CounterBack, KeyRecord, KeySelector, NewKeyRow,
    check_name as check_key_name,
};
pub use lockouts::{Lockout, LockoutTerms};
pub use schema::SCHEMA;
pub use search::{EventSearch, FoundEvents};
pub use signals::{SignalFact, SignalKey, SignalWord};
pub use url::{RegistryUrl, UrlError};
pub use view::{CertificateView, View};

use signet_rfq::UtcMillis;
use sqlx::{Any, AnyPool, Row as _, any::AnyPoolOptions};
use std::{path::Path, time::Duration};

/// How long a connection to the database may take, and a question to it.
const DATABASE_MAX: Duration = Duration::from_secs(5);
const CONNECTIONS_MAX: u32 = 4;

type Tx = sqlx::Transaction<'static, Any>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Begins a transaction that sees one state from beginning to end.
    fn snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// A state that is kept as a word.
macro_rules! words {
    (
        $(#[$doc:meta])* $name:ident {
            $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word in the database, which never changes between releases.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The state of a word from the database; [`RegistryError::Corrupt`] for a word that no
            /// release writes.
            pub fn read(word: &str) -> Result<Self, RegistryError> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(RegistryError::Corrupt(format!("{} {word:?}", stringify!($name)))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// Of a user or a device.
    AccountState {
        /// May be used.
        Active = "active",
        /// May not be used until an administrator unlocks it.
        Locked = "locked",
    }
);
words!(
    /// Of a certificate, once issued.
    CertificateState {
        /// Neither superseded nor revoked; it may have expired.
        Good = "good",
        /// Its successor has been used.
        Superseded = "superseded",
        /// An administrator took it back, for good.
        Revoked = "revoked",
    }
);
words!(
    /// Of a one-time code.
    CodeState {
        /// Not used; it may have expired.
        Open = "open",
        /// A certificate was issued, or a key registered, with it.
        Used = "used",
        /// A newer code was made, or the user's certificates were revoked.
        Replaced = "replaced",
    }
);
words!(
    /// What a one-time code is for.
    CodePurpose {
        /// A device's first certificate.
        Enrol = "enrol",
        /// A user's first security key.
        Key = "key",
        /// A key with which an administrator logs in to the console.
        Console = "console",
    }
);
words!(
    /// Of a security key.
    KeyState {
        /// May approve.
        Active = "active",
        /// May not approve until an administrator unlocks it.
        Locked = "locked",
        /// For good.
        Removed = "removed",
    }
);

words!(
    /// Why the gateway keeps a person out for a time.
    LockoutKind {
        /// Logons with a certificate in force failed again and again.
        Failures = "failures",
        /// Too many challenges were declined, not answered or answered wrongly.
        Fatigue = "fatigue",
        /// The firm's identity provider revoked the person's sessions.
        Signal = "signal",
    }
);

/// An open registry with the schema that this program knows.
#[derive(Debug, Clone)]
pub struct Registry {
    pool: AnyPool,
    dialect: Dialect,
}

impl Registry {
    /// Opens it. An empty database becomes a registry; one of an older schema is left alone.
    pub async fn open(url: &RegistryUrl) -> Result<Self, RegistryError> {
        let registry = Self::connect(url).await?;
        if registry.schema_found().await? == 0 {
            registry.migrate().await?;
        }
        registry.check_schema().await?;
        Ok(registry)
    }

    /// Connects without a look at the schema.
    pub async fn connect(url: &RegistryUrl) -> Result<Self, RegistryError> {
        sqlx::any::install_default_drivers();
        let dialect = match url {
            RegistryUrl::Sqlite(path) => {
                make_private_file(path)
                    .map_err(|source| RegistryError::File { path: path.clone(), source })?;
                Dialect::Sqlite
            }
            RegistryUrl::Postgres(_) => Dialect::Postgres,
        };
        let options =
            AnyPoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(DATABASE_MAX);
        let pool = connections::clean_only(options).connect(&url.for_driver()).await?;
        if dialect == Dialect::Sqlite {
            // Readers then never wait for a writer. Kept in the file.
            sqlx::query("PRAGMA journal_mode = WAL").execute(&pool).await?;
        }
        Ok(Self { pool, dialect })
    }

    /// Closes every connection and waits until they are closed.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// Whether it has the schema this program reads and writes; makes nothing.
    pub async fn check_schema(&self) -> Result<(), RegistryError> {
        match self.schema_found().await? {
            schema::SCHEMA => Ok(()),
            0 => Err(RegistryError::Empty),
            found if found < schema::SCHEMA => Err(RegistryError::SchemaOld { found }),
            found => Err(RegistryError::SchemaNew { found }),
        }
    }

    async fn schema_found(&self) -> Result<i64, RegistryError> {
        let mut tx = self.pool.begin().await?;
        schema::found(&mut tx, self.dialect).await
    }

    /// Brings the schema up to date and returns the one it had. Two programs that do so at once
    /// take turns.
    pub async fn migrate(&self) -> Result<i64, RegistryError> {
        let mut tx = self.exclusive().await?;
        let found = schema::found(&mut tx, self.dialect).await?;
        if found > schema::SCHEMA {
            return Err(RegistryError::SchemaNew { found });
        }
        if found < schema::SCHEMA {
            schema::migrate(&mut tx, self.dialect, found, schema::SCHEMA).await?;
        }
        tx.commit().await?;
        Ok(found)
    }

    /// A transaction that no other one of this kind runs beside, even when there is no table yet.
    async fn exclusive(&self) -> Result<Tx, RegistryError> {
        Ok(match self.dialect {
            Dialect::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Dialect::Postgres => {
                let mut tx = self.pool.begin().await?;
                // "signet" as a number; any number that no other program uses would do.
                sqlx::query("SELECT CAST(pg_advisory_xact_lock(126913091040628) AS TEXT)")
                    .execute(&mut *tx)
                    .await?;
                tx
            }
        })
    }

    /// Begins a change: raises the version, which waits for other writers.
    async fn write(&self) -> Result<Tx, RegistryError> {
        self.locked("UPDATE registry_meta SET version = version + 1 WHERE id = 1").await
    }

    /// Begins a change that does not affect admission: waits for other writers, and no gateway
    /// reads its view again.
    async fn aside(&self) -> Result<Tx, RegistryError> {
        self.locked("UPDATE registry_meta SET head_seq = head_seq WHERE id = 1").await
    }

    async fn locked(&self, statement: &'static str) -> Result<Tx, RegistryError> {
        let mut tx = self.pool.begin().await?;
        if sqlx::query(statement).execute(&mut *tx).await?.rows_affected() != 1 {
            return Err(RegistryError::Corrupt("registry_meta has no row".into()));
        }
        Ok(tx)
    }

    /// The number that rises with every change.
    pub async fn version(&self) -> Result<i64, RegistryError> {
        Ok(sqlx::query("SELECT version FROM registry_meta WHERE id = 1")
            .fetch_one(&self.pool)
            .await?
            .try_get(0)?)
    }

    /// Writes an event that does not affect who may trade.
    pub async fn note(&self, event: NewEvent) -> Result<(), RegistryError> {
        let mut tx = self.aside().await?;
        events::append(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    /// The same for many, in one go: all of them or none.
    pub async fn note_all(&self, all: Vec<NewEvent>) -> Result<(), RegistryError> {
        let mut tx = self.aside().await?;
        events::append_all(&mut tx, all).await?;
        Ok(tx.commit().await?)
    }

    /// Every event, oldest first, and the head of the chain, of one moment.
    pub async fn events(&self) -> Result<(Vec<Event>, (i64, String)), RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let head = sqlx::query("SELECT head_seq, head_hash FROM registry_meta WHERE id = 1")
            .fetch_one(&mut *tx)
            .await?;
        let rows = sqlx::query(
            "SELECT seq, at_ms, actor, kind, subject, detail, prev, hash, origin FROM events ORDER BY \
                seq",
        );
        let rows = rows.fetch_all(&mut *tx).await?;
        Ok((
            rows.iter().map(event).collect::<Result<_, _>>()?,
            (head.try_get(0)?, head.try_get(1)?),
        ))
    }

    /// Events from a number on, oldest first and not more than `limit`. They are not checked.
    pub async fn events_from(&self, seq: i64, limit: u32) -> Result<Vec<Event>, RegistryError> {
        let rows = sqlx::query(
            "SELECT seq, at_ms, actor, kind, subject, detail, prev, hash, origin FROM events WHERE \
                seq >= $1 ORDER BY seq LIMIT $2",
        );
        let rows = rows.bind(seq).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }

    /// The newest events before one, oldest first and not more than `limit`, and the head of the
    /// chain, of one moment. They are checked, and that what comes after them follows them; not
    /// what is before.
    ///
    /// # Errors
    /// The database failed, or the events were altered.
    pub async fn events_page(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<EventsPage, RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let head = sqlx::query("SELECT head_seq, head_hash FROM registry_meta WHERE id = 1")
            .fetch_one(&mut *tx)
            .await?;
        let head: (i64, String) = (head.try_get(0)?, head.try_get(1)?);
        // One more, which the last of the page must lead to.
        let (from, one_more) = before.filter(|b| *b <= head.0).map_or((head.0, 0), |b| (b, 1));
        let rows = sqlx::query(
            "SELECT seq, at_ms, actor, kind, subject, detail, prev, hash, origin FROM events WHERE \
                seq <= $1 ORDER BY seq DESC LIMIT $2",
        );
        let rows = rows
            .bind(from)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(one_more))
            .fetch_all(&mut *tx)
            .await?;
        let mut events: Vec<Event> = rows.iter().rev().map(event).collect::<Result<_, _>>()?;
        let missing = |seq| ChainError { seq, why: "one is missing" };
        if events.last().map_or(0, |e| e.seq) != from {
            return Ok(EventsPage { checked: Err(missing(from)), events, head });
        }
        let after = match one_more {
            0 => Some(head.1.clone()),
            _ => events.pop().map(|e| e.prev),
        };
        let checked = verify_part(&events, after.as_deref().unwrap_or_default());
        Ok(EventsPage { events, head, checked })
    }
}

/// Some events that follow one another.
#[derive(Debug)]
pub struct EventsPage {
    /// Oldest first.
    pub events: Vec<Event>,
    /// Number and digest of the newest event in the log, (0, empty) when there is none.
    pub head: (i64, String),
    /// Whether they are what was written.
    pub checked: Result<(), ChainError>,
}

fn event(r: &sqlx::any::AnyRow) -> Result<Event, sqlx::Error> {
    Ok(Event {
        seq: r.try_get(0)?,
        at: UtcMillis(r.try_get(1)?),
        actor: r.try_get(2)?,
        kind: r.try_get(3)?,
        subject: r.try_get(4)?,
        detail: r.try_get(5)?,
        prev: r.try_get(6)?,
        hash: r.try_get(7)?,
        origin: r.try_get(8)?,
    })
}

/// Whether every character of a name shows and is where it stands: a name with one that does not
/// can look like another's.
pub(crate) fn is_printable(name: &str) -> bool {
    !name.chars().any(signet_rfq::is_deceptive)
}

/// 16 random bytes in lower-case hexadecimal; `None` when the system has no randomness.
pub fn random_id() -> Option<String> {
    let mut random = [0u8; 16];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    Some(hex(&random))
}

/// SHA-256 in lower-case hexadecimal.
pub fn hex_sha256(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

/// Bytes in lower-case hexadecimal, two characters each.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for half in bytes.iter().flat_map(|b| [b >> 4, b & 15]) {
        text.push(char::from_digit(half.into(), 16).unwrap_or_default());
    }
    text
}

/// SQLite gives its side files the mode of the main one, so that one has to be made first. A file
/// that is there is not opened: to close it would end every lock that SQLite holds on it in this
/// process (POSIX advisory locks), and another process would then take away the log under our
/// connections.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn every_byte_has_two_digits() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let want: String = all.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex(&all), want);
    }
}
