//! The part of the registry that a gateway holds in memory to admit desks.

use super::{
    AccountState, CertificateState, Lockout, Registry, RegistryError, SignalKey, SignalWord,
    lockouts, signals,
};
use signet_policy::place::{CLOCKS_DIFFER_MAX_MS, Sighting};
use signet_rfq::UtcMillis;
use sqlx::Row as _;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Ended certificates stay in the view this long, so that a refusal can say why.
const REMEMBER_MS: i64 = 24 * 3_600_000;

/// One certificate with the state of its user and device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateView {
    /// Its user, by id.
    pub user: String,
    /// The device's name, unique within the user.
    pub device: String,
    /// CompID (49/56) it names.
    pub comp_id: String,
    /// `keychain` or `token`: where the device's key is held.
    pub protection: String,
    /// The user's role now: `standard` or `privileged`.
    pub role: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
    pub spki_sha256: String,
    /// Good, superseded or revoked.
    pub state: CertificateState,
    /// End of its validity.
    pub not_after: UtcMillis,
    /// Whether it has been shown on the FIX listener.
    pub used: bool,
    /// Whether the user is locked.
    pub user_state: AccountState,
    /// Whether the device is locked.
    pub device_state: AccountState,
}

/// The registry at one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// [`Registry::version`] when it was read.
    pub version: i64,
    /// By serial number, lower-case hexadecimal.
    pub certificates: HashMap<String, CertificateView>,
    /// Where users were last seen.
    pub places: HashMap<String, Sighting>,
    /// User and dealer that have traded with each other, ever.
    pub traded: HashSet<(String, String)>,
    /// Lock-outs by user, with those whose time is over.
    pub lockouts: HashMap<String, Lockout>,
    /// When an administrator last lifted the lock-out of a network.
    pub lifted_networks: HashMap<String, UtcMillis>,
    /// What identity providers said of devices.
    pub signals: BTreeMap<SignalKey, SignalWord>,
}

impl Registry {
    /// Writes where users were seen. Gateways need not hear of it: each keeps its own newest. What
    /// was written while a clock was ahead gives way to what was seen since; `now` is of the same
    /// clock as what is written.
    pub async fn seen(
        &self,
        all: &[(String, Sighting)],
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let upsert = "INSERT INTO places (user_id, country, at_ms) SELECT id, CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM users WHERE id = $1
            ON CONFLICT (user_id) DO UPDATE SET country = excluded.country, at_ms = excluded.at_ms
            WHERE places.at_ms < excluded.at_ms OR places.at_ms > CAST($4 AS BIGINT)";
        let ahead = now.0.saturating_add(CLOCKS_DIFFER_MAX_MS);
        let mut tx = self.aside().await?;
        for (user, s) in all {
            sqlx::query(upsert)
                .bind(user.clone())
                .bind(s.country.to_string())
                // It was seen before now, whatever the clock said then.
                .bind(s.at_ms.min(now.0))
                .bind(ahead)
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Reads everything at one version: certificates that are valid, and those that expired in the
    /// last 24 hours.
    pub async fn view(&self, now: UtcMillis) -> Result<View, RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let version = sqlx::query("SELECT version FROM registry_meta WHERE id = 1")
            .fetch_one(&mut *tx)
            .await?
            .try_get(0)?;
        let query = "SELECT c.serial, c.user_id, c.device_id, c.comp_id, c.protection, u.role, c.spki_sha256, c.state, c.not_after_ms,
            c.first_used_ms, u.state, d.state FROM certificates c JOIN users u ON u.id = c.user_id
            JOIN devices d ON d.user_id = c.user_id AND d.id = c.device_id WHERE c.not_after_ms > $1";
        let rows = sqlx::query(query).bind(now.0 - REMEMBER_MS).fetch_all(&mut *tx).await?;
        let mut certificates = HashMap::with_capacity(rows.len());
        for r in rows {
            let view = CertificateView {
                user: r.try_get(1)?,
                device: r.try_get(2)?,
                comp_id: r.try_get(3)?,
                protection: r.try_get(4)?,
                role: r.try_get(5)?,
                spki_sha256: r.try_get(6)?,
                state: CertificateState::read(r.try_get(7)?)?,
                not_after: UtcMillis(r.try_get(8)?),
                used: r.try_get::<i64, _>(9)? > 0,
                user_state: AccountState::read(r.try_get(10)?)?,
                device_state: AccountState::read(r.try_get(11)?)?,
            };
            certificates.insert(r.try_get(0)?, view);
        }
        let rows =
            sqlx::query("SELECT user_id, country, at_ms FROM places").fetch_all(&mut *tx).await?;
        let mut places = HashMap::with_capacity(rows.len());
        for r in rows {
            let country: String = r.try_get(1)?;
            let country =
                country.parse().map_err(|_| RegistryError::Corrupt("places.country".into()))?;
            places.insert(r.try_get(0)?, Sighting { country, at_ms: r.try_get(2)? });
        }
        let traded = super::trades::all(&mut tx).await?;
        let lockouts = lockouts::people(&mut tx).await?;
        let lifted_networks = lockouts::lifted(&mut tx).await?;
        let signals = signals::all(&mut tx).await?;
        Ok(View { version, certificates, places, traded, lockouts, lifted_networks, signals })
    }
}
