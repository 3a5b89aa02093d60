//! What identity providers said of people's devices, for every gateway of this registry: whichever
//! gateway a provider tells, all of them act.
//!
//! Each word has a time, and the newest counts. A word that takes another one back carries the time
//! of that one, so that it never undoes what was said since.

use super::{Registry, RegistryError, Tx};
use sqlx::Row as _;
use std::collections::BTreeMap;

/// What can be said of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalFact {
    /// It does not keep the firm's rules.
    NotCompliant,
    /// A touch is owed there since a credential of the person changed.
    Owing,
    /// The sessions that are on there are to end.
    Revoked,
}

impl SignalFact {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NotCompliant, Self::Owing, Self::Revoked];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotCompliant => "not_compliant",
            Self::Owing => "owing",
            Self::Revoked => "revoked",
        }
    }

    /// From its stored form.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == text)
    }
}

/// Of which device something is said, and by which provider. Sorted by person and device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalKey {
    /// The person, by id.
    pub user: String,
    /// The device's name, unique within the user.
    pub device: String,
    /// What is said.
    pub fact: SignalFact,
    /// The issuer of the token.
    pub provider: String,
}

/// Whether it is so, and since when that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalWord {
    /// Whether it is so.
    pub holds: bool,
    /// Microseconds since 1970, UTC.
    pub at_us: i64,
}

impl SignalWord {
    /// Whether this counts and not `other`. Of the same time what takes back counts.
    #[must_use]
    pub fn replaces(&self, other: &Self) -> bool {
        (self.at_us, !self.holds) > (other.at_us, !other.holds)
    }
}

impl Registry {
    /// Writes down what was said, unless something newer is there. Devices that are not in the
    /// registry are left out.
    pub async fn signalled(&self, words: &[(SignalKey, SignalWord)]) -> Result<(), RegistryError> {
        let upsert = "INSERT INTO signals (user_id, device_id, provider, fact, holds, at_us)
            SELECT user_id, id, CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS BIGINT)
            FROM devices WHERE user_id = $1 AND id = $2
            ON CONFLICT (user_id, device_id, provider, fact) DO UPDATE SET holds = excluded.holds, at_us = excluded.at_us
            WHERE signals.at_us < excluded.at_us OR (signals.at_us = excluded.at_us AND signals.holds > excluded.holds)";
        let mut tx = self.write().await?;
        for (key, word) in words {
            sqlx::query(upsert)
                .bind(key.user.clone())
                .bind(key.device.clone())
                .bind(key.provider.clone())
                .bind(key.fact.as_str())
                .bind(i64::from(word.holds))
                .bind(word.at_us)
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Everything that was said.
pub(super) async fn all(tx: &mut Tx) -> Result<BTreeMap<SignalKey, SignalWord>, RegistryError> {
    let query = "SELECT user_id, device_id, provider, fact, holds, at_us FROM signals";
    let rows = sqlx::query(query).fetch_all(&mut **tx).await?;
    let row = |r: &sqlx::any::AnyRow| {
        let fact: String = r.try_get(3)?;
        let fact =
            SignalFact::read(&fact).ok_or_else(|| RegistryError::Corrupt("signals.fact".into()))?;
        let key =
            SignalKey { user: r.try_get(0)?, device: r.try_get(1)?, provider: r.try_get(2)?, fact };
        Ok((key, SignalWord { holds: r.try_get::<i64, _>(4)? != 0, at_us: r.try_get(5)? }))
    };
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_counts_and_taking_back_reaches_only_what_it_takes_back() {
        for (new, old, want) in [
            ((true, 2), (true, 1), true),
            ((true, 2), (false, 1), true),
            ((false, 2), (true, 1), true),
            ((false, 1), (true, 1), true),
            ((true, 1), (false, 1), false),
            ((true, 1), (true, 1), false),
            ((false, 1), (true, 2), false),
            ((true, 1), (false, 2), false),
        ] {
            let word = |(holds, at_us)| SignalWord { holds, at_us };
            assert_eq!(word(new).replaces(&word(old)), want, "{new:?} {old:?}");
        }
        for f in SignalFact::ALL {
            assert_eq!(SignalFact::read(f.as_str()), Some(f));
        }
        assert_eq!(SignalFact::read("colour"), None);
    }
}
