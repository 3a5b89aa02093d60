//! Security keys and their states.
//!
//! No change here raises the registry's version: admission does not depend on keys, and gateways
//! read keys when they need them.

use super::{
    AccountState, CodePurpose, KeyState, NewCode, NewEvent, Registry, RegistryError, Tx, accounts,
    events,
    first_key::{self, Grant},
};
use serde::{Deserialize, Serialize};
use signet_rfq::UtcMillis;
use sqlx::{Row as _, any::AnyRow};

/// Keys one person may have, removed ones not counted.
pub(crate) const KEYS_MAX: usize = signet_stepup::rp::KEYS_MAX;
const NAME_CHARS_MAX: usize = 40;

/// A security key as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Base64url.
    pub credential_id: String,
    /// Sixteen hexadecimal characters, for people.
    pub id: String,
    /// Its user, by id.
    pub user: String,
    /// The owner's name for it, 1 to 40 characters; unique among the keys of the user that are not
    /// removed, whatever the case.
    pub name: String,
    /// Lower-case hexadecimal with dashes.
    pub aaguid: String,
    /// Model, as the gateway's list of approved models names it; for people.
    pub model: String,
    /// As the relying party wrote it at registration; its counter is `counter`.
    pub passkey: String,
    /// The authenticator's signature counter (WebAuthn §6.1.1) as last seen; 0 when the key has
    /// none.
    pub counter: u32,
    /// Active, locked or removed.
    pub state: KeyState,
    /// Why it is not active.
    pub reason: String,
    /// When it was registered.
    pub registered: UtcMillis,
    /// `enrolment SERIAL`, `code`, or `evidence SEQ`.
    pub registered_by: String,
    /// 0: not yet.
    pub last_used: UtcMillis,
    /// What was proved when it was registered.
    pub attestation: Attestation,
}

/// What was proved at registration; base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// The attestation object (WebAuthn §6.5), base64url.
    pub object: String,
    /// The client data that it signed (WebAuthn §5.8.1), base64url.
    pub client_data_json: String,
    /// COSE_Key.
    pub public_key: String,
    /// Transports the authenticator names, such as `usb`; hints only.
    #[serde(default)]
    pub transports: Vec<String>,
}

/// A key to be written down.
#[derive(Debug, Clone)]
pub struct NewKeyRow {
    /// The user who will own it, by id.
    pub user: String,
    /// The owner's name for it, 1 to 40 characters.
    pub name: String,
    /// Credential id, base64url, chosen by the authenticator.
    pub credential_id: String,
    /// The authenticator's AAGUID, lower-case hexadecimal with dashes.
    pub aaguid: String,
    /// Model, as the gateway's list of approved models names it; for people.
    pub model: String,
    /// What the relying party made of the registration, as JSON.
    pub passkey: String,
    /// The authenticator's signature counter (WebAuthn §6.1.1) at registration.
    pub counter: u32,
    /// What was proved.
    pub attestation: Attestation,
    /// What entitles to it; used up by the registration.
    pub grant: Grant,
}

/// Why a key was not written down.
#[derive(Debug, thiserror::Error)]
pub enum AddKeyRefusal {
    /// An administrator locked the user.
    #[error("the account is locked")]
    UserLocked,
    /// A key with this credential id is in the registry, whoever owns it.
    #[error("this key is registered already")]
    AlreadyRegistered,
    /// The user has [`signet_stepup::rp::KEYS_MAX`] keys that are not removed.
    #[error("the person has the most keys one may have")]
    TooMany,
    /// The name breaks the rules, or another key of the user has it; the words say which.
    #[error("the name is {0}")]
    Name(&'static str),
    /// What entitled to it went away since the challenge.
    #[error("the grant for this registration is no longer valid")]
    GrantGone,
    /// The database did not take it; nothing was written down.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<sqlx::Error> for AddKeyRefusal {
    fn from(e: sqlx::Error) -> Self {
        Self::Registry(e.into())
    }
}

/// One of a person's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySelector {
    /// Its user, by id.
    pub user: String,
    /// Id, or name.
    pub key: String,
}

/// The name for people of a credential.
pub(crate) fn key_id(credential_id: &str) -> String {
    super::hex_sha256(credential_id.as_bytes())[..16].to_owned()
}

/// A person's name for a key, or what is wrong with it.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.trim() != name || name.is_empty() {
        return Err("empty, or has blanks around it");
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err("longer than 40 characters");
    }
    if super::is_printable(name) { Ok(()) } else { Err("not printable") }
}

impl Registry {
    /// A person's keys, oldest first, removed ones too. Nobody has keys without being a user.
    pub async fn keys_of(&self, user: &str) -> Result<Vec<KeyRecord>, RegistryError> {
        keys_of(&mut self.pool.begin_with(self.dialect.snapshot()).await?, user).await
    }

    /// Account state and name of a user, and the keys.
    pub async fn key_holder(
        &self,
        user: &str,
    ) -> Result<(AccountState, String, Vec<KeyRecord>), RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let record = accounts::user_by_id(&mut tx, user)
            .await?
            .ok_or_else(|| RegistryError::NoSuchUser(user.into()))?;
        Ok((record.state, record.name, keys_of(&mut tx, user).await?))
    }

    /// Writes a key down and uses up what entitled to it.
    pub async fn add_key(
        &self,
        new: &NewKeyRow,
        actor: &str,
        now: UtcMillis,
    ) -> Result<KeyRecord, AddKeyRefusal> {
        let mut tx = self.aside().await?;
        let user = accounts::user_by_id(&mut tx, &new.user)
            .await?
            .ok_or_else(|| RegistryError::NoSuchUser(new.user.clone()))?;
        if user.state == AccountState::Locked {
            return Err(AddKeyRefusal::UserLocked);
        }
        let keys = keys_of(&mut tx, &new.user).await?;
        may_be_named(&keys, "", &new.name).map_err(AddKeyRefusal::Name)?;
        if keys.iter().filter(|k| k.state != KeyState::Removed).count() >= KEYS_MAX {
            return Err(AddKeyRefusal::TooMany);
        }
        if by_credential(&mut tx, &new.credential_id).await?.is_some() {
            return Err(AddKeyRefusal::AlreadyRegistered);
        }
        if !first_key::redeem(&mut tx, &new.user, &keys, &new.grant, now).await? {
            return Err(AddKeyRefusal::GrantGone);
        }
        insert(&mut tx, new, now).await?;
        let made = by_credential(&mut tx, &new.credential_id)
            .await?
            .ok_or_else(|| corrupt("security_keys"))?;
        let detail = format!(
            "{:?} {}, {} ({}), by {}",
            made.name, made.id, made.model, made.aaguid, made.registered_by
        );
        events::append(&mut tx, NewEvent::new(now, actor, "key.registered", &new.user, detail))
            .await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Locks, unlocks or removes a key. A removed key never comes back; its evidence stays good.
    pub async fn set_key_state(
        &self,
        which: &KeySelector,
        state: KeyState,
        why: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<KeyRecord, RegistryError> {
        let mut tx = self.aside().await?;
        let key = find(&mut tx, which).await?;
        end(&mut tx, &key.credential_id, state, why, now).await?;
        let kind = match state {
            KeyState::Active => "key.unlocked",
            KeyState::Locked => "key.locked",
            KeyState::Removed => "key.removed",
        };
        events::append(&mut tx, NewEvent::new(now, actor, kind, &key.user, described(&key, why)))
            .await?;
        tx.commit().await?;
        Ok(KeyRecord { state, reason: why.into(), ..key })
    }

    /// Removes every key of a person and returns how many; a new first key needs a new code.
    pub async fn reset_keys(
        &self,
        user: &str,
        why: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<usize, RegistryError> {
        let mut tx = self.aside().await?;
        accounts::user_by_id(&mut tx, user)
            .await?
            .ok_or_else(|| RegistryError::NoSuchUser(user.into()))?;
        accounts::void_codes(&mut tx, user, CodePurpose::Key).await?;
        let mut keys = keys_of(&mut tx, user).await?;
        keys.retain(|k| k.state != KeyState::Removed);
        for k in &keys {
            end(&mut tx, &k.credential_id, KeyState::Removed, why, now).await?;
        }
        let update =
            sqlx::query("UPDATE users SET keys_reset_ms = $1 WHERE id = $2").bind(now.0).bind(user);
        update.execute(&mut *tx).await?;
        // Whether a code is from before the reset is told by its time. Where the clock ran ahead
        // when it was made, or runs behind now, it would be from after it.
        let earlier =
            sqlx::query("UPDATE codes SET created_ms = $1 WHERE user_id = $2 AND created_ms > $1");
        earlier.bind(now.0).bind(user).execute(&mut *tx).await?;
        let detail = format!("{} keys removed: {why}", keys.len());
        events::append(&mut tx, NewEvent::new(now, actor, "key.reset", user, detail)).await?;
        tx.commit().await?;
        Ok(keys.len())
    }

    /// A code for a first key; an earlier one that is still open stops working.
    pub async fn add_key_code(
        &self,
        user: &str,
        code: &NewCode,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.aside().await?;
        let record = accounts::user_by_id(&mut tx, user)
            .await?
            .ok_or_else(|| RegistryError::NoSuchUser(user.into()))?;
        if record.state == AccountState::Locked {
            return Err(RegistryError::UserLocked(user.into()));
        }
        if keys_of(&mut tx, user).await?.iter().any(|k| k.state == KeyState::Active) {
            return Err(RegistryError::HasKey(user.into()));
        }
        accounts::void_codes(&mut tx, user, CodePurpose::Key).await?;
        accounts::add_code(&mut tx, user, code, CodePurpose::Key, &record.protection, actor, now)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Gives a key another name.
    pub async fn rename_key(
        &self,
        which: &KeySelector,
        name: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<KeyRecord, AddKeyRefusal> {
        let mut tx = self.aside().await?;
        let key = find(&mut tx, which).await?;
        let keys = keys_of(&mut tx, &which.user).await?;
        may_be_named(&keys, &key.id, name).map_err(AddKeyRefusal::Name)?;
        let update = sqlx::query("UPDATE security_keys SET name = $1 WHERE credential_id = $2")
            .bind(name)
            .bind(&key.credential_id);
        update.execute(&mut *tx).await?;
        let detail = format!("{} from {:?} to {name:?}", key.id, key.name);
        events::append(&mut tx, NewEvent::new(now, actor, "key.renamed", &key.user, detail))
            .await?;
        tx.commit().await?;
        Ok(KeyRecord { name: name.into(), ..key })
    }

    /// A key's counter went back, as its own signature says. `then`: what follows; it is written
    /// down in any case.
    pub async fn counter_went_back(
        &self,
        credential_id: &str,
        then: CounterBack,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.aside().await?;
        let key = by_credential(&mut tx, credential_id)
            .await?
            .ok_or_else(|| RegistryError::NoSuchKey(key_id(credential_id)))?;
        counter_is_back(&mut tx, &key, then, now).await?;
        Ok(tx.commit().await?)
    }
}

const COUNTER: &str = "its counter went back: it may have been copied";

/// What follows when the counter of a security key goes back. The answer is refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterBack {
    /// The key is locked until an administrator unlocks it.
    #[default]
    Lock,
    /// The key may be used again: its next answer counts when its counter has passed the highest
    /// one that was seen.
    Refuse,
}

impl CounterBack {
    const fn words(self) -> &'static str {
        match self {
            Self::Lock => "the key is locked",
            Self::Refuse => "the key stays usable, as response.counter_went_back says",
        }
    }
}

/// Locks a key that may have been copied, if that is to follow, and writes an alert. The caller
/// commits.
pub(super) async fn counter_is_back(
    tx: &mut Tx,
    key: &KeyRecord,
    then: CounterBack,
    now: UtcMillis,
) -> Result<(), RegistryError> {
    if key.state == KeyState::Active && then == CounterBack::Lock {
        end(tx, &key.credential_id, KeyState::Locked, COUNTER, now).await?;
    }
    tracing::error!(
        user = key.user,
        key = key.id,
        model = key.model,
        "ALERT: a security key's counter went back, it may have been copied; {}",
        then.words()
    );
    let words = described(key, &format!("{COUNTER}; {}", then.words()));
    events::append(tx, NewEvent::new(now, "gateway", "key.counter_went_back", &key.user, words))
        .await
}

fn described(key: &KeyRecord, why: &str) -> String {
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!("{:?} {}, {}{why}", key.name, key.id, key.model)
}

fn corrupt(what: &str) -> RegistryError {
    RegistryError::Corrupt(what.into())
}

/// Names tell a person's keys apart when read aloud.
fn may_be_named(keys: &[KeyRecord], own_id: &str, name: &str) -> Result<(), &'static str> {
    check_name(name)?;
    let others = keys.iter().filter(|k| k.state != KeyState::Removed && k.id != own_id);
    if others.into_iter().any(|k| k.name.to_lowercase() == name.to_lowercase()) {
        Err("one of your other keys' already")
    } else {
        Ok(())
    }
}

const KEY: &str = "credential_id, id, user_id, name, aaguid, model, passkey, counter, state, reason, registered_ms, registered_by,
    last_used_ms, attestation";

pub(super) async fn keys_of(tx: &mut Tx, user: &str) -> Result<Vec<KeyRecord>, RegistryError> {
    let query =
        format!("SELECT {KEY} FROM security_keys WHERE user_id = $1 ORDER BY registered_ms, id");
    let rows = sqlx::query(&query).bind(user.to_owned()).fetch_all(&mut **tx).await?;
    rows.iter().map(record).collect()
}

pub(super) async fn by_credential(
    tx: &mut Tx,
    credential_id: &str,
) -> Result<Option<KeyRecord>, RegistryError> {
    let query = format!("SELECT {KEY} FROM security_keys WHERE credential_id = $1");
    let row = sqlx::query(&query).bind(credential_id.to_owned()).fetch_optional(&mut **tx).await?;
    row.as_ref().map(record).transpose()
}

/// By id, or by name among those that were not removed.
async fn find(tx: &mut Tx, which: &KeySelector) -> Result<KeyRecord, RegistryError> {
    let keys = keys_of(tx, &which.user).await?;
    let named = |k: &&KeyRecord| k.id == which.key || k.name == which.key;
    let found = keys.iter().filter(|k| k.state != KeyState::Removed).find(named);
    found.cloned().ok_or_else(|| RegistryError::NoSuchKey(format!("{}/{}", which.user, which.key)))
}

async fn end(
    tx: &mut Tx,
    credential_id: &str,
    state: KeyState,
    why: &str,
    now: UtcMillis,
) -> Result<(), RegistryError> {
    let ended = if state == KeyState::Removed { now.0 } else { 0 };
    sqlx::query(
        "UPDATE security_keys SET state = $1, reason = $2, ended_ms = $3 WHERE credential_id = $4",
    )
    .bind(state.as_str())
    .bind(why.to_owned())
    .bind(ended)
    .bind(credential_id.to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert(tx: &mut Tx, new: &NewKeyRow, now: UtcMillis) -> Result<(), RegistryError> {
    let attestation =
        serde_json::to_string(&new.attestation).map_err(|_| corrupt("attestation"))?;
    let insert =
        "INSERT INTO security_keys (credential_id, id, user_id, name, aaguid, model, passkey, counter, state, reason, registered_ms,
        registered_by, last_used_ms, ended_ms, attestation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'active', '', $9, $10, 0, 0, $11)";
    sqlx::query(insert)
        .bind(new.credential_id.clone())
        .bind(key_id(&new.credential_id))
        .bind(new.user.clone())
        .bind(new.name.clone())
        .bind(new.aaguid.clone())
        .bind(new.model.clone())
        .bind(new.passkey.clone())
        .bind(i64::from(new.counter))
        .bind(now.0)
        .bind(new.grant.to_string())
        .bind(attestation)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn record(r: &AnyRow) -> Result<KeyRecord, RegistryError> {
    let attestation: String = r.try_get(13)?;
    Ok(KeyRecord {
        credential_id: r.try_get(0)?,
        id: r.try_get(1)?,
        user: r.try_get(2)?,
        name: r.try_get(3)?,
        aaguid: r.try_get(4)?,
        model: r.try_get(5)?,
        passkey: r.try_get(6)?,
        counter: u32::try_from(r.try_get::<i64, _>(7)?)
            .map_err(|_| corrupt("security_keys.counter"))?,
        state: KeyState::read(r.try_get(8)?)?,
        reason: r.try_get(9)?,
        registered: UtcMillis(r.try_get(10)?),
        registered_by: r.try_get(11)?,
        last_used: UtcMillis(r.try_get(12)?),
        attestation: serde_json::from_str(&attestation)
            .map_err(|_| corrupt("security_keys.attestation"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn table_of_names() {
        for good in ["blue key", "k", "\u{dc}bung 2", &"x".repeat(40)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(41);
        for bad in ["", " ", " a", "a ", "a\nb", "a\u{200b}", "\u{202e}a", "\u{3164}", &long] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
