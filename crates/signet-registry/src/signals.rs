//! What identity providers said of people's devices, for every gateway of this registry: whichever
//! gateway a provider tells, all of them act.
//!
//! Each word has a time, and the newest counts. A word that takes another one back carries the time
//! of that one, so that it never undoes what was said since.

use super::{NewEvent, Registry, RegistryError, Tx, events};
use signet_rfq::UtcMillis;
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
    /// registry are left out. Gateways read their view again only when something changed.
    pub async fn signalled(&self, words: &[(SignalKey, SignalWord)]) -> Result<(), RegistryError> {
        let upsert = "INSERT INTO signals (user_id, device_id, provider, fact, holds, at_us)
            SELECT user_id, id, CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS BIGINT)
            FROM devices WHERE user_id = $1 AND id = $2
            ON CONFLICT (user_id, device_id, provider, fact) DO UPDATE SET holds = excluded.holds, at_us = excluded.at_us
            WHERE signals.at_us < excluded.at_us OR (signals.at_us = excluded.at_us AND signals.holds > excluded.holds)";
        let mut tx = self.aside().await?;
        let mut changed = 0;
        for (key, word) in words {
            let done = sqlx::query(upsert)
                .bind(key.user.clone())
                .bind(key.device.clone())
                .bind(key.provider.clone())
                .bind(key.fact.as_str())
                .bind(i64::from(word.holds))
                .bind(word.at_us)
                .execute(&mut *tx)
                .await?;
            changed += done.rows_affected();
        }
        if changed > 0 {
            raise_version(&mut tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What was said and holds, sorted by person and device; not that sessions were to end once.
    pub async fn signals(&self) -> Result<Vec<(SignalKey, SignalWord)>, RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let holds =
            |(key, word): &(SignalKey, SignalWord)| word.holds && key.fact != SignalFact::Revoked;
        Ok(all(&mut tx).await?.into_iter().filter(holds).collect())
    }

    /// Takes back everything that a provider said, for one that is gone and cannot take it back
    /// itself; how much that was. What it says later counts.
    pub async fn forget_signals(
        &self,
        provider: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<u64, RegistryError> {
        let mut tx = self.aside().await?;
        // With the time of what it takes back, as every word that does so.
        let done = sqlx::query(
            "UPDATE signals SET holds = 0 WHERE provider = $1 AND fact <> $2 AND holds <> 0",
        )
        .bind(provider.to_owned())
        .bind(SignalFact::Revoked.as_str())
        .execute(&mut *tx)
        .await?;
        let taken_back = done.rows_affected();
        if taken_back > 0 {
            raise_version(&mut tx).await?;
            let words = format!("{taken_back} words about devices");
            let event = NewEvent::new(now, actor, "signal.forgotten", provider, words);
            events::append(&mut tx, event).await?;
        }
        tx.commit().await?;
        Ok(taken_back)
    }
}

/// Gateways read their view again.
async fn raise_version(tx: &mut Tx) -> Result<(), RegistryError> {
    sqlx::query("UPDATE registry_meta SET version = version + 1 WHERE id = 1")
        .execute(&mut **tx)
        .await?;
    Ok(())
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
    use crate::{NewCode, NewUser, RegistryUrl};
    use sqlx::Connection as _;

    /// A registry with alice and her laptop.
    async fn registry(dir: &std::path::Path) -> Registry {
        let registry =
            Registry::open(&RegistryUrl::parse("sqlite:r.db", dir, None).unwrap()).await.unwrap();
        let user = NewUser {
            id: "alice".into(),
            comp_id: "ALICE1".into(),
            name: "Alice".into(),
            role: "standard".into(),
            protection: "keychain".into(),
        };
        let code = NewCode { digest: "d".into(), expires: UtcMillis(1), managed: false };
        registry.add_users(&[(user, code)], "test", UtcMillis(0)).await.unwrap();
        let url = format!("sqlite:{}", dir.join("r.db").display());
        let mut beside = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("INSERT INTO devices VALUES ('alice', 'laptop', 'keychain', 'active', 0)")
            .execute(&mut beside)
            .await
            .unwrap();
        registry
    }

    fn said(provider: &str, holds: bool, at_us: i64) -> (SignalKey, SignalWord) {
        let (user, device) = ("alice".into(), "laptop".into());
        let (fact, provider) = (SignalFact::NotCompliant, provider.into());
        (SignalKey { user, device, fact, provider }, SignalWord { holds, at_us })
    }

    #[tokio::test]
    async fn what_is_known_does_not_have_every_gateway_read_everything_again() {
        let dir = tempfile::tempdir().unwrap();
        let registry = registry(dir.path()).await;
        let mut unknown = said("idp", true, 9);
        unknown.0.device = "phone".into();
        for (words, changes) in [
            (vec![said("idp", true, 5)], true),
            (vec![said("idp", true, 5)], false),
            (vec![said("idp", true, 4), said("idp", false, 4)], false),
            (vec![unknown], false),
            (vec![], false),
            (vec![said("idp", true, 5), said("mdm", true, 5)], true),
            (vec![said("idp", false, 5)], true),
        ] {
            let before = registry.version().await.unwrap();
            registry.signalled(&words).await.unwrap();
            let changed = registry.version().await.unwrap() != before;
            assert_eq!(changed, changes, "{words:?}");
        }
    }

    #[tokio::test]
    async fn what_a_provider_said_that_is_gone_is_taken_back_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let registry = registry(dir.path()).await;
        registry.signalled(&[said("gone", true, 5), said("idp", true, 6)]).await.unwrap();
        let holding = async || -> Vec<String> {
            let all = registry.signals().await.unwrap();
            all.into_iter().map(|(k, _)| k.provider).collect()
        };
        assert_eq!(holding().await, ["gone", "idp"]);
        let forget = async || registry.forget_signals("gone", "ops", UtcMillis(7)).await.unwrap();
        assert_eq!(forget().await, 1);
        assert_eq!(holding().await, ["idp"]);
        // Once: nothing is left to take back, and nothing is told.
        assert_eq!(forget().await, 0);
        let (events, _) = registry.events().await.unwrap();
        let told: Vec<_> = events.iter().filter(|e| e.kind == "signal.forgotten").collect();
        assert_eq!((told.len(), told[0].subject.as_str(), &*told[0].actor), (1, "gone", "ops"));
        // A gateway that had the word and reports it again changes nothing.
        registry.signalled(&[said("gone", true, 5)]).await.unwrap();
        assert_eq!(holding().await, ["idp"]);
    }

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
