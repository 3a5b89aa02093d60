//! The security keys with which administrators log in to the console, and the one-time codes that
//! entitle to register one. Administrators have no row of their own: their certificates name them.

use super::{
    AccountState, KeyState, NewEvent, Registry, RegistryError, Tx, events, hex_sha256, lockouts,
};
use signet_rfq::UtcMillis;
use sqlx::{Row as _, any::AnyRow};

/// Keys of one administrator that are not removed.
pub const CONSOLE_KEYS_MAX: usize = 4;
/// Keys of all administrators that are not removed.
const KEYS_MAX: i64 = 1_000;
/// Codes that may be open at once, one for each administrator.
const INVITES_MAX: i64 = 100;
/// Characters of a key's label.
const LABEL_CHARS_MAX: usize = 60;

/// A key of an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleKey {
    /// Base64url, chosen by the key.
    pub credential_id: String,
    /// As certificates name the administrator.
    pub admin: String,
    /// The administrator's name for the key.
    pub label: String,
    /// As the list of approved models names it; empty when no list is asked for.
    pub model: String,
    /// The stored form of the relying party.
    pub passkey: String,
    /// COSE_Key, base64url: verifies what the key signed.
    pub public_key: String,
    /// The signature counter that was seen last; 0: it has none.
    pub counter: u32,
    /// Whether it may be used.
    pub state: KeyState,
    /// Why it is locked or removed.
    pub reason: String,
    /// When it was registered.
    pub registered: UtcMillis,
    /// When it was used last; 0: never.
    pub last_used: UtcMillis,
}

impl ConsoleKey {
    /// Sixteen hexadecimal characters that name it on the command line.
    pub fn id(&self) -> String {
        hex_sha256(self.credential_id.as_bytes()).chars().take(16).collect()
    }
}

/// A key that is to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in ConsoleKey")]
pub struct NewConsoleKey {
    pub credential_id: String,
    pub admin: String,
    pub label: String,
    pub model: String,
    pub passkey: String,
    pub public_key: String,
    pub counter: u32,
}

/// Whether an administrator may use the console now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// With this key, yes.
    Good,
    /// The key is locked, removed or not this administrator's.
    KeyNotActive,
    /// The person has an account of this name, and that is locked.
    AccountLocked,
    /// The gateway keeps the person out for a time.
    LockedOut,
}

/// Why something about administrators' keys was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// At fault: the database.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Wrong, used, replaced by a newer one, or expired.
    #[error("this code cannot be used: it is wrong, was used, or its time is over")]
    NoInvite,
    /// So many keys are registered for this administrator already.
    #[error("{0} has {CONSOLE_KEYS_MAX} keys already, as many as one administrator may have")]
    TooManyKeys(String),
    /// So many keys or codes are there already.
    #[error("the registry holds as many {0} of administrators as it may")]
    Full(&'static str),
    /// The key is registered, for this administrator or another one.
    #[error("this security key is registered already")]
    AlreadyRegistered,
    /// The label is empty, too long, or not printable.
    #[error("the name of a key is 1 to {LABEL_CHARS_MAX} printable characters")]
    Label,
    /// The administrator has no key of this id or label that is not removed.
    #[error("{admin} has no key {key:?}")]
    NoKey {
        /// The administrator.
        admin: String,
        /// What was named.
        key: String,
    },
}

impl From<sqlx::Error> for ConsoleError {
    fn from(e: sqlx::Error) -> Self {
        Self::Registry(e.into())
    }
}

impl ConsoleError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Registry(e) => e.code(),
            Self::NoInvite => "console.code_refused",
            Self::TooManyKeys(_) => "console.too_many_keys",
            Self::Full(_) => "console.full",
            Self::AlreadyRegistered => "console.already_registered",
            Self::Label => "console.label",
            Self::NoKey { .. } => "console.no_key",
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Registry(e) => e.cure(),
            Self::NoInvite => "ask for a new code: signet-gateway console invite NAME",
            Self::TooManyKeys(_) => "remove one: signet-gateway console revoke NAME KEY",
            Self::Full(_) => "remove keys that nobody uses; codes go by themselves after an hour",
            Self::AlreadyRegistered => "use another key, or log in with this one",
            Self::Label => "choose another name",
            Self::NoKey { .. } => "see: signet-gateway console keys",
        }
    }
}

impl Registry {
    /// Keeps the digest of a code with which an administrator may register a key, in place of an
    /// earlier one.
    pub async fn invite_to_console(
        &self,
        admin: &str,
        digest: &str,
        expires: UtcMillis,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), ConsoleError> {
        let mut tx = self.aside().await?;
        if keys_of(&mut tx, admin).await?.iter().filter(|k| is_there(k)).count() >= CONSOLE_KEYS_MAX
        {
            return Err(ConsoleError::TooManyKeys(admin.into()));
        }
        sqlx::query("DELETE FROM console_invites WHERE admin = $1 OR expires_ms <= $2")
            .bind(admin.to_owned())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        if count(&mut tx, "SELECT COUNT(*) FROM console_invites").await? >= INVITES_MAX {
            return Err(ConsoleError::Full("codes"));
        }
        sqlx::query(
            "INSERT INTO console_invites (hash, admin, created_ms, expires_ms) VALUES ($1, $2, $3, $4)",
        )
        .bind(digest.to_owned())
        .bind(admin.to_owned())
        .bind(now.0)
        .bind(expires.0)
        .execute(&mut *tx)
        .await?;
        let minutes = expires.since(now) / 60_000;
        let words = format!("good for {minutes} minutes");
        events::append(&mut tx, NewEvent::new(now, actor, "console.invited", admin, words)).await?;
        Ok(tx.commit().await?)
    }

    /// The administrator that a code is for, if it may be used now. It stays good.
    pub async fn console_invite(
        &self,
        digest: &str,
        now: UtcMillis,
    ) -> Result<Option<String>, ConsoleError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        Ok(invited(&mut tx, digest, now).await?)
    }

    /// Registers a key and uses the code up: both or neither.
    pub async fn add_console_key(
        &self,
        new: &NewConsoleKey,
        digest: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<ConsoleKey, ConsoleError> {
        let label = new.label.trim();
        let printable = !label.is_empty() && super::is_printable(label);
        if !printable || label.chars().count() > LABEL_CHARS_MAX {
            return Err(ConsoleError::Label);
        }
        let mut tx = self.aside().await?;
        if invited(&mut tx, digest, now).await?.as_deref() != Some(new.admin.as_str()) {
            return Err(ConsoleError::NoInvite);
        }
        // Whoever may not log in gets no key that works once they may.
        if person(&mut tx, &new.admin, now).await? != Standing::Good {
            return Err(ConsoleError::NoInvite);
        }
        if keys_of(&mut tx, &new.admin).await?.iter().filter(|k| is_there(k)).count()
            >= CONSOLE_KEYS_MAX
        {
            return Err(ConsoleError::TooManyKeys(new.admin.clone()));
        }
        let all = "SELECT COUNT(*) FROM console_keys WHERE state <> 'removed'";
        if count(&mut tx, all).await? >= KEYS_MAX {
            return Err(ConsoleError::Full("keys"));
        }
        if by_credential(&mut tx, &new.credential_id).await?.is_some() {
            return Err(ConsoleError::AlreadyRegistered);
        }
        sqlx::query("DELETE FROM console_invites WHERE hash = $1")
            .bind(digest.to_owned())
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO console_keys (credential_id, admin, label, model, passkey, public_key, counter, state, reason,
                registered_ms, last_used_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', '', $8, 0)",
        )
        .bind(new.credential_id.clone())
        .bind(new.admin.clone())
        .bind(label.to_owned())
        .bind(new.model.clone())
        .bind(new.passkey.clone())
        .bind(new.public_key.clone())
        .bind(i64::from(new.counter))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        let made = by_credential(&mut tx, &new.credential_id).await?;
        let made = made.ok_or_else(|| RegistryError::Corrupt("console_keys".into()))?;
        let words = described(&made, "");
        let event = NewEvent::new(now, actor, "console.key_added", &new.admin, words);
        events::append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// The keys of an administrator, or all, oldest first.
    pub async fn console_keys(&self, admin: Option<&str>) -> Result<Vec<ConsoleKey>, ConsoleError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        match admin {
            Some(a) => Ok(keys_of(&mut tx, a).await?),
            None => {
                let query = format!("{SELECT} ORDER BY admin, registered_ms, credential_id");
                let rows = sqlx::query(&query).fetch_all(&mut *tx).await?;
                Ok(rows.iter().map(key).collect::<Result<_, _>>()?)
            }
        }
    }

    /// A key signed, with this counter; whether it may be believed: not when it was locked
    /// meanwhile, or another answer with this counter was first.
    pub async fn console_key_used(
        &self,
        credential_id: &str,
        counter: u32,
        now: UtcMillis,
    ) -> Result<bool, ConsoleError> {
        let mut tx = self.aside().await?;
        let done = sqlx::query(
            "UPDATE console_keys SET counter = $2, last_used_ms = $3 WHERE credential_id = $1 AND \
                state = 'active' AND (counter < $2 OR (counter = 0 AND $2 = 0))",
        )
        .bind(credential_id.to_owned())
        .bind(i64::from(counter))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// The counter of a key went back: it is locked until somebody has looked at it.
    pub async fn console_counter_went_back(
        &self,
        credential_id: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), ConsoleError> {
        let mut tx = self.aside().await?;
        let Some(k) = by_credential(&mut tx, credential_id).await? else { return Ok(()) };
        if k.state == KeyState::Active {
            set_state(&mut tx, &k, KeyState::Locked, "its counter went back").await?;
        }
        let words = described(&k, "there may be a copy of it; the key is locked");
        let event = NewEvent::new(now, actor, "console.counter_went_back", &k.admin, words);
        events::append(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    /// Locks, unlocks or removes a key, or all of an administrator; which ones. With all of them an
    /// open code goes, also before the first key: a code that reached somebody else is ended
    /// so.
    pub async fn set_console_keys(
        &self,
        admin: &str,
        which: Option<&str>,
        state: KeyState,
        why: &str,
        (actor, now): (&str, UtcMillis),
    ) -> Result<Vec<ConsoleKey>, ConsoleError> {
        let mut tx = self.aside().await?;
        let mut keys = keys_of(&mut tx, admin).await?;
        keys.retain(|k| is_there(k) && which.is_none_or(|w| k.id() == w || k.label == w));
        let ends_code = which.is_none() && state != KeyState::Active;
        let ended = if ends_code { end_invite(&mut tx, admin).await? } else { false };
        if keys.is_empty() && ended {
            let kind = match state {
                KeyState::Removed => "console.key_removed",
                _ => "console.key_locked",
            };
            let words = "there is no key; the open code is void";
            events::append(&mut tx, NewEvent::new(now, actor, kind, admin, words)).await?;
            tx.commit().await?;
            return Ok(keys);
        }
        if keys.is_empty() || (which.is_some() && keys.len() > 1) {
            let key = which.unwrap_or("that is not removed").to_owned();
            return Err(ConsoleError::NoKey { admin: admin.into(), key });
        }
        for k in &keys {
            set_state(&mut tx, k, state, why).await?;
            let kind = match state {
                KeyState::Active => "console.key_unlocked",
                KeyState::Locked => "console.key_locked",
                KeyState::Removed => "console.key_removed",
            };
            let event = NewEvent::new(now, actor, kind, admin, described(k, why));
            events::append(&mut tx, event).await?;
        }
        tx.commit().await?;
        Ok(keys)
    }

    /// Whether an administrator may use the console with this key now.
    pub async fn console_standing(
        &self,
        admin: &str,
        credential_id: &str,
        now: UtcMillis,
    ) -> Result<Standing, ConsoleError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let key = by_credential(&mut tx, credential_id).await?;
        if key.is_none_or(|k| k.admin != admin || k.state != KeyState::Active) {
            return Ok(Standing::KeyNotActive);
        }
        Ok(person(&mut tx, admin, now).await?)
    }
}

/// Whether a person may use the console now, whatever the key.
async fn person(tx: &mut Tx, admin: &str, now: UtcMillis) -> Result<Standing, RegistryError> {
    let account = sqlx::query("SELECT state FROM users WHERE id = $1")
        .bind(admin.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(row) = account
        && AccountState::read(row.try_get(0)?)? == AccountState::Locked
    {
        return Ok(Standing::AccountLocked);
    }
    let out = lockouts::people(tx).await?.get(admin).is_some_and(|l| l.holds(now));
    Ok(if out { Standing::LockedOut } else { Standing::Good })
}

fn is_there(k: &ConsoleKey) -> bool {
    k.state != KeyState::Removed
}

fn described(k: &ConsoleKey, why: &str) -> String {
    let model = if k.model.is_empty() { String::new() } else { format!(", {}", k.model) };
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!("key {} ({:?}{model}), credential {}{why}", k.id(), k.label, k.credential_id)
}

const SELECT: &str = "SELECT credential_id, admin, label, model, passkey, public_key, counter, state, \
    reason, registered_ms, last_used_ms FROM console_keys";

async fn keys_of(tx: &mut Tx, admin: &str) -> Result<Vec<ConsoleKey>, RegistryError> {
    let query = format!("{SELECT} WHERE admin = $1 ORDER BY registered_ms, credential_id");
    let rows = sqlx::query(&query).bind(admin.to_owned()).fetch_all(&mut **tx).await?;
    rows.iter().map(key).collect()
}

async fn by_credential(tx: &mut Tx, id: &str) -> Result<Option<ConsoleKey>, RegistryError> {
    let query = format!("{SELECT} WHERE credential_id = $1");
    let row = sqlx::query(&query).bind(id.to_owned()).fetch_optional(&mut **tx).await?;
    row.as_ref().map(key).transpose()
}

async fn set_state(
    tx: &mut Tx,
    k: &ConsoleKey,
    state: KeyState,
    why: &str,
) -> Result<(), RegistryError> {
    sqlx::query("UPDATE console_keys SET state = $2, reason = $3 WHERE credential_id = $1")
        .bind(k.credential_id.clone())
        .bind(state.as_str())
        .bind(why.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn invited(
    tx: &mut Tx,
    digest: &str,
    now: UtcMillis,
) -> Result<Option<String>, RegistryError> {
    let row = sqlx::query(
        "SELECT admin FROM console_invites WHERE hash = $1 AND created_ms <= $2 AND expires_ms > $2",
    )
    .bind(digest.to_owned())
    .bind(now.0)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|r| r.try_get(0)).transpose()?)
}

/// Whether there was an open code, which is void now.
async fn end_invite(tx: &mut Tx, admin: &str) -> Result<bool, RegistryError> {
    let delete = sqlx::query("DELETE FROM console_invites WHERE admin = $1");
    Ok(delete.bind(admin.to_owned()).execute(&mut **tx).await?.rows_affected() > 0)
}

async fn count(tx: &mut Tx, query: &str) -> Result<i64, RegistryError> {
    Ok(sqlx::query(query).fetch_one(&mut **tx).await?.try_get(0)?)
}

fn key(r: &AnyRow) -> Result<ConsoleKey, RegistryError> {
    let counter: i64 = r.try_get(6)?;
    Ok(ConsoleKey {
        credential_id: r.try_get(0)?,
        admin: r.try_get(1)?,
        label: r.try_get(2)?,
        model: r.try_get(3)?,
        passkey: r.try_get(4)?,
        public_key: r.try_get(5)?,
        counter: u32::try_from(counter)
            .map_err(|_| RegistryError::Corrupt(format!("counter {counter}")))?,
        state: KeyState::read(r.try_get(7)?)?,
        reason: r.try_get(8)?,
        registered: UtcMillis(r.try_get(9)?),
        last_used: UtcMillis(r.try_get(10)?),
    })
}

#[cfg(test)]
#[path = "console_tests.rs"]
mod tests;
