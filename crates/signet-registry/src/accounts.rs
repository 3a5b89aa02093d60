//! Users, their devices and their one-time codes.

use super::{
    AccountState, CertificateRecord, CodePurpose, CodeState, NewEvent, Registry, RegistryError, Tx,
    bulk,
    certificates::{self, CertificateSelector},
    events,
};
use signet_identity::is_user_id;
use signet_rfq::UtcMillis;
use sqlx::{Row as _, any::AnyRow};
use std::collections::HashSet;

/// As long as a CompID may be here: `desk.request` must fit 64 characters towards dealers.
const COMP_ID_CHARS_MAX: usize = 24;

/// A user to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// User id, chosen by the administrator: 1 to 32 characters of `a-z 0-9 . _ -`, unique in the
    /// registry.
    pub id: String,
    /// CompID of the user's desks in FIX (49/56): 1 to 24 characters, unique whatever the case.
    pub comp_id: String,
    /// The person's name for people, 1 to 80 printable characters; need not be unique.
    pub name: String,
    /// `standard` or `privileged`.
    pub role: String,
    /// `keychain` or `token`: what the key of this user's devices is to be held in.
    pub protection: String,
}

/// A code to be kept: only its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// What [`OneTimeCode::digest_for`](crate::code::OneTimeCode::digest_for) gives; the code
    /// itself is never stored.
    pub digest: String,
    /// First moment at which the code is not accepted.
    pub expires: UtcMillis,
    /// It is handed out to a device that the firm manages.
    pub managed: bool,
}

/// A user as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// User id; it never changes.
    pub id: String,
    /// CompID of the user's desks in FIX (49/56).
    pub comp_id: String,
    /// The person's name, for people.
    pub name: String,
    /// `standard` or `privileged`; policies read it.
    pub role: String,
    /// `keychain` or `token`: where the keys of new devices are to be held.
    pub protection: String,
    /// A locked user can neither log on, enrol nor register a key.
    pub state: AccountState,
    /// When the administrator added it.
    pub created: UtcMillis,
}

/// A laptop of a user, known since its first certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its user, by id.
    pub user: String,
    /// The device's name, chosen at enrolment; unique within the user.
    pub id: String,
    /// `keychain` or `token`, as its newest certificate says.
    pub protection: String,
    /// A locked device can neither log on nor get a certificate.
    pub state: AccountState,
    /// When its first certificate was issued.
    pub created: UtcMillis,
}

/// Everything about one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDetails {
    /// The account itself.
    pub user: UserRecord,
    /// By name.
    pub devices: Vec<DeviceRecord>,
    /// Newest first.
    pub certificates: Vec<CertificateRecord>,
    /// What for, state and expiry.
    pub codes: Vec<(CodePurpose, CodeState, UtcMillis)>,
}

/// Whether a user's desks may have this CompID.
pub fn is_desk_comp_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    (1..=COMP_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

impl NewUser {
    /// Whether id, CompID and name keep to their rules. At fault: the administrator's input.
    pub fn check(&self) -> Result<(), RegistryError> {
        if !is_user_id(&self.id) {
            return Err(RegistryError::BadUserId(self.id.clone()));
        }
        if !is_desk_comp_id(&self.comp_id) {
            return Err(RegistryError::BadCompId(self.comp_id.clone()));
        }
        let printable = !self.name.trim().is_empty() && super::is_printable(&self.name);
        if !printable || self.name.chars().count() > 80 {
            return Err(RegistryError::BadName);
        }
        Ok(())
    }
}

impl Registry {
    /// Adds all of them, each with a code, or none.
    pub async fn add_users(
        &self,
        users: &[(NewUser, NewCode)],
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let (purpose, count) = (CodePurpose::Enrol, users.len());
        let (mut accounts, mut codes) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut told = Vec::with_capacity(count.saturating_mul(2));
        for (user, code) in users {
            user.check()?;
            accounts.push(user_row(user, now));
            told.push(user_added(user, actor, now));
            codes.push(code_row(&user.id, code, purpose, &user.protection, now));
            told.push(code_made(&user.id, code, purpose, actor, now));
        }
        // From here on everybody else waits, also whoever locks somebody: the names are read once,
        // and statements are few.
        let mut tx = self.write().await?;
        let mut taken = Taken::read(&mut tx).await?;
        users.iter().try_for_each(|(user, _)| taken.take(user))?;
        bulk::insert(&mut tx, "users", USER_COLUMNS, accounts).await?;
        bulk::insert(&mut tx, "codes", CODE_COLUMNS, codes).await?;
        events::append_all(&mut tx, told).await?;
        Ok(tx.commit().await?)
    }

    /// A new code for a user; an earlier one that is still open stops working.
    pub async fn add_code(
        &self,
        user: &str,
        code: &NewCode,
        actor: &str,
        now: UtcMillis,
    ) -> Result<UserRecord, RegistryError> {
        let mut tx = self.write().await?;
        let record = user_by_id(&mut tx, user)
            .await?
            .ok_or_else(|| RegistryError::NoSuchUser(user.into()))?;
        if record.state == AccountState::Locked {
            return Err(RegistryError::UserLocked(user.into()));
        }
        void_codes(&mut tx, user, CodePurpose::Enrol).await?;
        add_code(&mut tx, user, code, CodePurpose::Enrol, &record.protection, actor, now).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// Locks or unlocks a user; the event names `actor`. Sessions end when gateways see the new
    /// version.
    pub async fn set_user_state(
        &self,
        user: &str,
        state: AccountState,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.write().await?;
        let done = sqlx::query("UPDATE users SET state = $1 WHERE id = $2")
            .bind(state.as_str())
            .bind(user)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(RegistryError::NoSuchUser(user.into()));
        }
        let kind = if state == AccountState::Locked { "user.locked" } else { "user.unlocked" };
        events::append(&mut tx, NewEvent::new(now, actor, kind, user, "")).await?;
        Ok(tx.commit().await?)
    }

    /// `standard` or `privileged`.
    pub async fn set_user_role(
        &self,
        user: &str,
        role: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.write().await?;
        let done = sqlx::query("UPDATE users SET role = $1 WHERE id = $2")
            .bind(role)
            .bind(user)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(RegistryError::NoSuchUser(user.into()));
        }
        events::append(&mut tx, NewEvent::new(now, actor, "user.role", user, role)).await?;
        Ok(tx.commit().await?)
    }

    /// `device` is `USER/DEVICE`, or `DEVICE` when only one user has one of that name.
    pub async fn set_device_state(
        &self,
        device: &str,
        state: AccountState,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.write().await?;
        let (user, id) = find_device(&mut tx, device).await?;
        let update = sqlx::query("UPDATE devices SET state = $1 WHERE user_id = $2 AND id = $3");
        update.bind(state.as_str()).bind(&user).bind(&id).execute(&mut *tx).await?;
        let kind = if state == AccountState::Locked { "device.locked" } else { "device.unlocked" };
        events::append(&mut tx, NewEvent::new(now, actor, kind, format!("{user}/{id}"), ""))
            .await?;
        Ok(tx.commit().await?)
    }

    /// Every user, by id.
    pub async fn users(&self) -> Result<Vec<UserRecord>, RegistryError> {
        let rows = sqlx::query(&format!("SELECT {USER} FROM users ORDER BY id"))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(user_record).collect()
    }

    /// A user with devices, certificates and codes, of one moment.
    pub async fn user(&self, id: &str) -> Result<UserDetails, RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let user =
            user_by_id(&mut tx, id).await?.ok_or_else(|| RegistryError::NoSuchUser(id.into()))?;
        let query = format!("SELECT {DEVICE} FROM devices WHERE user_id = $1 ORDER BY id");
        let devices = sqlx::query(&query).bind(id).fetch_all(&mut *tx).await?;
        let devices = devices.iter().map(device_record).collect::<Result<_, _>>()?;
        let certificates = certificates::of(&mut tx, &CertificateSelector::User(id.into())).await?;
        let codes = sqlx::query(
            "SELECT purpose, state, expires_ms FROM codes WHERE user_id = $1 ORDER BY created_ms \
                DESC",
        );
        let codes = codes.bind(id).fetch_all(&mut *tx).await?;
        let code = |r: &AnyRow| {
            Ok((
                CodePurpose::read(r.try_get(0)?)?,
                CodeState::read(r.try_get(1)?)?,
                UtcMillis(r.try_get(2)?),
            ))
        };
        let codes = codes.iter().map(code).collect::<Result<_, RegistryError>>()?;
        Ok(UserDetails { user, devices, certificates, codes })
    }
}

/// The ids and CompIDs that cannot be given to anybody else.
struct Taken {
    ids: HashSet<String>,
    /// In lower case: people read them aloud.
    comp_ids: HashSet<String>,
}

impl Taken {
    async fn read(tx: &mut Tx) -> Result<Self, RegistryError> {
        let rows = sqlx::query("SELECT id, comp_id FROM users").fetch_all(&mut **tx).await?;
        let mut taken = Self {
            ids: HashSet::with_capacity(rows.len()),
            comp_ids: HashSet::with_capacity(rows.len()),
        };
        for r in rows {
            taken.ids.insert(r.try_get(0)?);
            taken.comp_ids.insert(r.try_get::<String, _>(1)?.to_lowercase());
        }
        Ok(taken)
    }

    fn take(&mut self, user: &NewUser) -> Result<(), RegistryError> {
        if !self.ids.insert(user.id.clone()) {
            return Err(RegistryError::UserExists(user.id.clone()));
        }
        if !self.comp_ids.insert(user.comp_id.to_lowercase()) {
            return Err(RegistryError::CompIdTaken(user.comp_id.clone()));
        }
        Ok(())
    }
}

const USER_COLUMNS: [&str; 7] =
    ["id", "comp_id", "name", "role", "protection", "state", "created_ms"];

fn user_row(user: &NewUser, now: UtcMillis) -> [bulk::Value; 7] {
    [
        user.id.as_str().into(),
        user.comp_id.as_str().into(),
        user.name.as_str().into(),
        user.role.as_str().into(),
        user.protection.as_str().into(),
        AccountState::Active.as_str().into(),
        now.0.into(),
    ]
}

fn user_added(user: &NewUser, actor: &str, now: UtcMillis) -> NewEvent {
    let detail = format!(
        "CompID {}, {}, key in {}, {:?}",
        user.comp_id, user.role, user.protection, user.name
    );
    NewEvent::new(now, actor, "user.added", &user.id, detail)
}

pub(super) async fn add_code(
    tx: &mut Tx,
    user: &str,
    code: &NewCode,
    purpose: CodePurpose,
    protection: &str,
    actor: &str,
    now: UtcMillis,
) -> Result<(), RegistryError> {
    let row = code_row(user, code, purpose, protection, now);
    bulk::insert(tx, "codes", CODE_COLUMNS, vec![row]).await?;
    events::append(tx, code_made(user, code, purpose, actor, now)).await
}

const CODE_COLUMNS: [&str; 12] = [
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
    "purpose",
    "managed",
];

fn code_row(
    user: &str,
    code: &NewCode,
    purpose: CodePurpose,
    protection: &str,
    now: UtcMillis,
) -> [bulk::Value; 12] {
    [
        code.digest.as_str().into(),
        user.into(),
        protection.into(),
        CodeState::Open.as_str().into(),
        now.0.into(),
        code.expires.0.into(),
        0_i64.into(),
        "".into(),
        "".into(),
        0_i64.into(),
        purpose.as_str().into(),
        i64::from(code.managed).into(),
    ]
}

fn code_made(
    user: &str,
    code: &NewCode,
    purpose: CodePurpose,
    actor: &str,
    now: UtcMillis,
) -> NewEvent {
    let hours = code.expires.since(now) / 3_600_000;
    let kind = match purpose {
        CodePurpose::Enrol => "code.made",
        CodePurpose::Key => "key.code_made",
        CodePurpose::Console => "console.invited",
    };
    let managed = if code.managed { ", for a managed device" } else { "" };
    NewEvent::new(now, actor, kind, user, format!("good for {hours} hours{managed}"))
}

/// Open codes stop working; returns how many.
pub(super) async fn void_codes(
    tx: &mut Tx,
    user: &str,
    purpose: CodePurpose,
) -> Result<u64, RegistryError> {
    let update = sqlx::query(
        "UPDATE codes SET state = 'replaced' WHERE user_id = $1 AND purpose = $2 AND state = \
            'open'",
    );
    Ok(update
        .bind(user.to_owned())
        .bind(purpose.as_str())
        .execute(&mut **tx)
        .await?
        .rows_affected())
}

const USER: &str = "id, comp_id, name, role, protection, state, created_ms";
const DEVICE: &str = "user_id, id, protection, state, created_ms";

pub(super) async fn user_by_id(tx: &mut Tx, id: &str) -> Result<Option<UserRecord>, RegistryError> {
    let row = sqlx::query(&format!("SELECT {USER} FROM users WHERE id = $1"))
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(user_record).transpose()
}

pub(super) async fn device_by_id(
    tx: &mut Tx,
    user: &str,
    id: &str,
) -> Result<Option<DeviceRecord>, RegistryError> {
    let query = format!("SELECT {DEVICE} FROM devices WHERE user_id = $1 AND id = $2");
    let row = sqlx::query(&query)
        .bind(user.to_owned())
        .bind(id.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(device_record).transpose()
}

/// User and device id of `USER/DEVICE` or an unambiguous `DEVICE`.
pub(super) async fn find_device(
    tx: &mut Tx,
    text: &str,
) -> Result<(String, String), RegistryError> {
    let missing = || RegistryError::NoSuchDevice(text.into());
    if let Some((user, id)) = text.split_once('/') {
        let found = device_by_id(tx, user, id).await?.ok_or_else(missing)?;
        return Ok((found.user, found.id));
    }
    let rows = sqlx::query("SELECT user_id FROM devices WHERE id = $1")
        .bind(text.to_owned())
        .fetch_all(&mut **tx)
        .await?;
    match rows.as_slice() {
        [] => Err(missing()),
        [one] => Ok((one.try_get(0)?, text.into())),
        _ => Err(RegistryError::AmbiguousDevice(text.into())),
    }
}

fn user_record(r: &AnyRow) -> Result<UserRecord, RegistryError> {
    Ok(UserRecord {
        id: r.try_get(0)?,
        comp_id: r.try_get(1)?,
        name: r.try_get(2)?,
        role: r.try_get(3)?,
        protection: r.try_get(4)?,
        state: AccountState::read(r.try_get(5)?)?,
        created: UtcMillis(r.try_get(6)?),
    })
}

fn device_record(r: &AnyRow) -> Result<DeviceRecord, RegistryError> {
    Ok(DeviceRecord {
        user: r.try_get(0)?,
        id: r.try_get(1)?,
        protection: r.try_get(2)?,
        state: AccountState::read(r.try_get(3)?)?,
        created: UtcMillis(r.try_get(4)?),
    })
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
