//! People who are kept out for a time after failures, tired of challenges, or by a signal of the
//! identity provider; and networks whose lock-out an administrator lifted.
//!
//! A lock-out differs from a lock: the gateway orders it, and its time ends it. It is kept here so
//! that a restart, or another gateway, keeps to it.

use super::{LockoutKind, NewEvent, Registry, RegistryError, Tx, events};
use signet_rfq::UtcMillis;
use sqlx::Row as _;
use std::collections::HashMap;

/// A lock-out this long after the end of the one before counts as the first again.
const FORGIVEN_MS: i64 = 24 * 3_600_000;
/// A lifted network is remembered this long: a gateway that cannot reach the registry meanwhile has
/// ended its lock-outs by itself.
const LIFTED_MS: i64 = 24 * 3_600_000;
/// More doublings than any setting allows.
const LEVEL_MAX: i64 = 32;

/// How long lock-outs of one kind last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutTerms {
    /// The first one; 0: until an administrator lifts it.
    pub first_ms: i64,
    /// Each further one lasts twice as long as the one before, up to this.
    pub max_ms: i64,
}

/// A person's lock-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    /// Why.
    pub kind: LockoutKind,
    /// The reason in words.
    pub words: String,
    /// When it began.
    pub since: UtcMillis,
    /// When it ends; 0: when an administrator lifts it.
    pub until: UtcMillis,
    /// How many there were in a row, with this one.
    pub level: i64,
}

impl Lockout {
    /// Whether it is in force. By the wall clock, since it survives a restart.
    pub fn holds(&self, now: UtcMillis) -> bool {
        self.until.0 == 0 || now < self.until
    }

    /// Whether it ends sessions that are on. Failed logons of somebody prove nothing against a
    /// session whose logon was good.
    pub fn ends_sessions(&self) -> bool {
        self.kind != LockoutKind::Failures
    }
}

/// What follows on `before` when somebody is locked out again.
fn following(
    before: Option<&Lockout>,
    kind: LockoutKind,
    words: &str,
    terms: LockoutTerms,
    now: UtcMillis,
) -> Lockout {
    let recent = before.filter(|b| b.holds(now) || now.0.saturating_sub(b.until.0) < FORGIVEN_MS);
    let level = recent.map_or(1, |b| b.level.saturating_add(1)).min(LEVEL_MAX);
    let doublings = u32::try_from(level - 1).unwrap_or(0);
    let lasts = terms.first_ms.saturating_mul(2i64.saturating_pow(doublings)).min(terms.max_ms);
    let until = if terms.first_ms == 0 { 0 } else { now.0.saturating_add(lasts) };
    let new = Lockout { kind, words: words.into(), since: now, until: UtcMillis(until), level };
    let Some(held) = before.filter(|b| b.holds(now)) else { return new };
    // None is shortened, and one that ends sessions goes on doing so.
    let longer = if held.until.0 == 0 || new.until.0 == 0 { 0 } else { held.until.0.max(until) };
    let stays = held.ends_sessions() && !new.ends_sessions();
    let (kind, words) = if stays { (held.kind, held.words.clone()) } else { (kind, new.words) };
    Lockout { kind, words, until: UtcMillis(longer), ..new }
}

impl Registry {
    /// Locks a person out; the lock-out in force now. The caller tells of it.
    pub async fn lock_out(
        &self,
        user: &str,
        kind: LockoutKind,
        words: &str,
        terms: LockoutTerms,
        now: UtcMillis,
    ) -> Result<Lockout, RegistryError> {
        let mut tx = self.write().await?;
        let before = people(&mut tx).await?.remove(user);
        let new = following(before.as_ref(), kind, words, terms, now);
        let upsert = "INSERT INTO lockouts (user_id, kind, words, since_ms, until_ms, level)
            SELECT id, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT) FROM users WHERE id = $1
            ON CONFLICT (user_id) DO UPDATE SET kind = excluded.kind, words = excluded.words,
            since_ms = excluded.since_ms, until_ms = excluded.until_ms, level = excluded.level";
        let done = sqlx::query(upsert)
            .bind(user.to_owned())
            .bind(new.kind.as_str())
            .bind(new.words.clone())
            .bind(new.since.0)
            .bind(new.until.0)
            .bind(new.level)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(RegistryError::NoSuchUser(user.into()));
        }
        tx.commit().await?;
        Ok(new)
    }

    /// Ends a person's lock-out, and forgives those before it.
    ///
    /// # Errors
    /// The user is unknown, or is not locked out.
    pub async fn lift_lockout(
        &self,
        user: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.write().await?;
        let held = people(&mut tx).await?.remove(user).filter(|l| l.holds(now));
        let Some(held) = held else { return Err(RegistryError::NotLockedOut(user.into())) };
        sqlx::query("DELETE FROM lockouts WHERE user_id = $1")
            .bind(user.to_owned())
            .execute(&mut *tx)
            .await?;
        let words = format!("{}: {}", held.kind, held.words);
        events::append(&mut tx, NewEvent::new(now, actor, "lockout.lifted", user, words)).await?;
        Ok(tx.commit().await?)
    }

    /// Has every gateway let a network try again. Which networks are locked out only the gateways
    /// know.
    pub async fn lift_network(
        &self,
        network: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM lifted_networks WHERE at_ms < $1 OR network = $2")
            .bind(now.0.saturating_sub(LIFTED_MS))
            .bind(network.to_owned())
            .execute(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO lifted_networks (network, at_ms) VALUES ($1, $2)")
            .bind(network.to_owned())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        let event = NewEvent::new(now, actor, "lockout.lifted", network, "network");
        events::append(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    /// The lock-outs in force, by user.
    pub async fn lockouts(&self, now: UtcMillis) -> Result<Vec<(String, Lockout)>, RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let mut all: Vec<_> = people(&mut tx).await?.into_iter().collect();
        all.retain(|(_, l)| l.holds(now));
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }
}

/// Every row, of lock-outs that are over as well.
pub(super) async fn people(tx: &mut Tx) -> Result<HashMap<String, Lockout>, RegistryError> {
    let query = "SELECT user_id, kind, words, since_ms, until_ms, level FROM lockouts";
    let rows = sqlx::query(query).fetch_all(&mut **tx).await?;
    let row = |r: &sqlx::any::AnyRow| {
        let kind: String = r.try_get(1)?;
        let lockout = Lockout {
            kind: LockoutKind::read(&kind)?,
            words: r.try_get(2)?,
            since: UtcMillis(r.try_get(3)?),
            until: UtcMillis(r.try_get(4)?),
            level: r.try_get(5)?,
        };
        Ok((r.try_get(0)?, lockout))
    };
    rows.iter().map(row).collect()
}

/// When each network was lifted last.
pub(super) async fn lifted(tx: &mut Tx) -> Result<HashMap<String, UtcMillis>, RegistryError> {
    let rows =
        sqlx::query("SELECT network, at_ms FROM lifted_networks").fetch_all(&mut **tx).await?;
    rows.iter().map(|r| Ok((r.try_get(0)?, UtcMillis(r.try_get(1)?)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use LockoutKind::{Failures, Fatigue, Signal};

    const MINUTE: i64 = 60_000;
    const TERMS: LockoutTerms = LockoutTerms { first_ms: 5 * MINUTE, max_ms: 60 * MINUTE };
    const LIFTED_ONLY: LockoutTerms = LockoutTerms { first_ms: 0, max_ms: 0 };

    fn lockout(kind: LockoutKind, until_min: i64, level: i64) -> Lockout {
        let until = UtcMillis(until_min * MINUTE);
        Lockout { kind, words: "w".into(), since: UtcMillis(0), until, level }
    }

    #[test]
    fn table_of_what_follows() {
        let day = FORGIVEN_MS / MINUTE;
        for (name, before, kind, terms, at_min, want) in [
            ("the first", None, Failures, TERMS, 10, (Failures, 15, 1)),
            ("again", Some(lockout(Failures, 5, 1)), Failures, TERMS, 10, (Failures, 20, 2)),
            ("the fourth", Some(lockout(Failures, 5, 3)), Failures, TERMS, 10, (Failures, 50, 4)),
            ("at most", Some(lockout(Failures, 5, 30)), Failures, TERMS, 10, (Failures, 70, 31)),
            (
                "no overflow",
                Some(lockout(Failures, 5, 99)),
                Failures,
                TERMS,
                10,
                (Failures, 70, 32),
            ),
            (
                "forgiven",
                Some(lockout(Failures, 5, 9)),
                Failures,
                TERMS,
                5 + day,
                (Failures, day + 10, 1),
            ),
            (
                "none is shortened",
                Some(lockout(Fatigue, 99, 1)),
                Fatigue,
                TERMS,
                10,
                (Fatigue, 99, 2),
            ),
            ("until it is lifted", None, Signal, LIFTED_ONLY, 10, (Signal, 0, 1)),
            (
                "stays until it is lifted",
                Some(lockout(Signal, 0, 1)),
                Fatigue,
                TERMS,
                10,
                (Fatigue, 0, 2),
            ),
            (
                "goes on ending sessions",
                Some(lockout(Fatigue, 12, 1)),
                Failures,
                TERMS,
                10,
                (Fatigue, 20, 2),
            ),
            (
                "one that is over does not",
                Some(lockout(Fatigue, 9, 1)),
                Failures,
                TERMS,
                10,
                (Failures, 20, 2),
            ),
            (
                "now it ends sessions",
                Some(lockout(Failures, 12, 1)),
                Fatigue,
                TERMS,
                10,
                (Fatigue, 20, 2),
            ),
        ] {
            let got = following(before.as_ref(), kind, "w", terms, UtcMillis(at_min * MINUTE));
            assert_eq!((got.kind, got.until.0 / MINUTE, got.level), want, "{name}");
        }
    }

    #[test]
    fn a_lock_out_ends_with_its_time() {
        for (until, at, want) in [(10, 9, true), (10, 10, false), (0, i64::MAX, true)] {
            let l = Lockout { until: UtcMillis(until), ..lockout(Failures, 0, 1) };
            assert_eq!(l.holds(UtcMillis(at)), want, "{until} {at}");
        }
        assert!(!lockout(Failures, 0, 1).ends_sessions());
        assert!(lockout(Fatigue, 0, 1).ends_sessions() && lockout(Signal, 0, 1).ends_sessions());
    }
}
