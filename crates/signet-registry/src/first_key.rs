//! Who may register a security key, and which grant entitles to it.

use super::{
    AccountState, CodePurpose, KeyRecord, KeyState, Registry, RegistryError, Tx, accounts,
    code::{CodeVerdict, judge},
    issue::code,
};
use signet_rfq::UtcMillis;
use sqlx::Row as _;
use std::fmt;

/// What entitles to a registration. Used up by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The certificate of the session was enrolled by a code a moment ago; holds its serial number.
    Enrolment(String),
    /// A code for a first key: its digest.
    Code(String),
    /// A step-up with a key that is registered: its evidence.
    Evidence(i64),
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enrolment(serial) => write!(f, "enrolment {serial}"),
            Self::Code(_) => f.write_str("code"),
            Self::Evidence(seq) => write!(f, "evidence {seq}"),
        }
    }
}

/// What the registry knows about somebody who wants a first key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstKeyFacts {
    /// The states of the user's keys, removed ones too.
    pub keys: Vec<KeyState>,
    /// When the certificate that is on was enrolled by a code, if it was; the code was made after
    /// the last reset, and nothing was registered since.
    pub enrolled: Option<UtcMillis>,
    /// The check of the typed code; `None` when there is no such code.
    pub code: Option<CodeVerdict>,
}

/// Why somebody may not register a first key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstKeyRefusal {
    /// They have one, and must use it.
    HasKey,
    /// No fresh enrolment entitles to it, and no code was typed.
    CodeNeeded,
    /// The code that was typed is not one of this user.
    CodeWrong,
    /// The code was used, or is being used.
    CodeUsed,
    /// The administrator made a newer code.
    CodeReplaced,
    /// The code's time is over.
    CodeExpired,
}

/// Which ground holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The certificate that is on was enrolled by a code within the window.
    Enrolment,
    /// The code for a first key that was typed.
    Code,
}

/// Whether somebody may register a first key. A code that was typed counts, or nothing does.
pub fn may_register(
    s: &FirstKeyFacts,
    typed: bool,
    now: UtcMillis,
    window_ms: i64,
) -> Result<Ground, FirstKeyRefusal> {
    if s.keys.contains(&KeyState::Active) {
        return Err(FirstKeyRefusal::HasKey);
    }
    if typed {
        return match s.code {
            Some(CodeVerdict::Good) => Ok(Ground::Code),
            Some(CodeVerdict::Expired) => Err(FirstKeyRefusal::CodeExpired),
            Some(CodeVerdict::Replaced) => Err(FirstKeyRefusal::CodeReplaced),
            Some(CodeVerdict::Used | CodeVerdict::Again(_) | CodeVerdict::InUse) => {
                Err(FirstKeyRefusal::CodeUsed)
            }
            None => Err(FirstKeyRefusal::CodeWrong),
        };
    }
    // A locked key means that somebody has to look first.
    let fresh = s.enrolled.is_some_and(|at| (0..window_ms).contains(&now.since(at)));
    if fresh && !s.keys.contains(&KeyState::Locked) {
        Ok(Ground::Enrolment)
    } else {
        Err(FirstKeyRefusal::CodeNeeded)
    }
}

impl Registry {
    /// What is known about a user with the certificate `serial` who typed the code with this
    /// digest, or none.
    pub async fn first_key_standing(
        &self,
        user: &str,
        serial: &str,
        digest: Option<&str>,
        now: UtcMillis,
    ) -> Result<FirstKeyFacts, RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let code = match digest {
            Some(d) => code(&mut tx, user, d, CodePurpose::Key).await?.map(|c| judge(&c, "", now)),
            None => None,
        };
        let keys = super::keys::keys_of(&mut tx, user).await?;
        let enrolled = enrolled_at(&mut tx, user, serial, &keys).await?;
        Ok(FirstKeyFacts { keys: keys.iter().map(|k| k.state).collect(), enrolled, code })
    }
}

/// Uses up a grant in the caller's transaction; `false` when it is no longer valid.
pub(super) async fn redeem(
    tx: &mut Tx,
    user: &str,
    keys: &[KeyRecord],
    grant: &Grant,
    now: UtcMillis,
) -> Result<bool, RegistryError> {
    let active = keys.iter().any(|k| k.state == KeyState::Active);
    match grant {
        Grant::Enrolment(serial) => {
            let locked = keys.iter().any(|k| k.state == KeyState::Locked);
            Ok(!active && !locked && enrolled_at(tx, user, serial, keys).await?.is_some())
        }
        Grant::Code(digest) if !active => {
            let update = "UPDATE codes SET state = 'used', used_ms = $1
                WHERE hash = $2 AND user_id = $3 AND purpose = 'key' AND state = 'open' AND expires_ms > $1";
            let update = sqlx::query(update).bind(now.0).bind(digest.clone()).bind(user.to_owned());
            Ok(update.execute(&mut **tx).await?.rows_affected() == 1)
        }
        Grant::Code(_) => Ok(false),
        // The key's owner and signature were judged before; the key must not have been locked
        // since.
        Grant::Evidence(_) => Ok(active),
    }
}

/// When this certificate was enrolled by a code, as [`FirstKeyFacts::enrolled`] says.
async fn enrolled_at(
    tx: &mut Tx,
    user: &str,
    serial: &str,
    keys: &[KeyRecord],
) -> Result<Option<UtcMillis>, RegistryError> {
    let Some(account) = accounts::user_by_id(tx, user).await? else { return Ok(None) };
    if account.state == AccountState::Locked {
        return Ok(None);
    }
    let query = "SELECT c.used_ms FROM codes c JOIN users u ON u.id = c.user_id
        WHERE c.user_id = $1 AND c.serial = $2 AND c.serial <> '' AND c.purpose = 'enrol' AND c.state = 'used' AND c.created_ms > u.keys_reset_ms";
    let row = sqlx::query(query)
        .bind(user.to_owned())
        .bind(serial.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    let Some(used) = row.map(|r| r.try_get(0)).transpose()?.map(UtcMillis) else { return Ok(None) };
    Ok(Some(used).filter(|used| keys.iter().all(|k| k.registered < *used)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_first_keys() {
        use FirstKeyRefusal::*;
        use KeyState::*;
        const HOUR: i64 = 3_600_000;
        let s = |keys: &[KeyState], enrolled: Option<i64>, code: Option<CodeVerdict>| {
            FirstKeyFacts { keys: keys.to_vec(), enrolled: enrolled.map(UtcMillis), code }
        };
        let good = Some(CodeVerdict::Good);
        let table = [
            ("just enrolled", s(&[], Some(1_000), None), false, Ok(Ground::Enrolment)),
            ("at the end of the hour", s(&[], Some(2_000 - HOUR), None), false, Err(CodeNeeded)),
            ("just before", s(&[], Some(2_001 - HOUR), None), false, Ok(Ground::Enrolment)),
            ("clock went back", s(&[], Some(3_000), None), false, Err(CodeNeeded)),
            ("renewed, not enrolled", s(&[], None, None), false, Err(CodeNeeded)),
            ("a code", s(&[], None, good.clone()), true, Ok(Ground::Code)),
            ("a wrong code does not fall back", s(&[], Some(1_000), None), true, Err(CodeWrong)),
            ("expired", s(&[], Some(1_000), Some(CodeVerdict::Expired)), true, Err(CodeExpired)),
            ("replaced", s(&[], None, Some(CodeVerdict::Replaced)), true, Err(CodeReplaced)),
            ("used", s(&[], None, Some(CodeVerdict::Used)), true, Err(CodeUsed)),
            (
                "used, no key then",
                s(&[], None, Some(CodeVerdict::Again(String::new()))),
                true,
                Err(CodeUsed),
            ),
            ("has a key, code or not", s(&[Active], Some(1_000), good.clone()), true, Err(HasKey)),
            ("has a key", s(&[Removed, Active], Some(1_000), None), false, Err(HasKey)),
            ("had one", s(&[Removed], Some(1_000), None), false, Ok(Ground::Enrolment)),
            ("has a locked one", s(&[Locked], Some(1_000), None), false, Err(CodeNeeded)),
            ("has a locked one and a code", s(&[Locked], None, good), true, Ok(Ground::Code)),
        ];
        for (name, standing, typed, want) in table {
            assert_eq!(may_register(&standing, typed, UtcMillis(2_000), HOUR), want, "{name}");
        }
    }
}
