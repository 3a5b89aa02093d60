//! The laptops of the firm: who has which, when each was seen last, and what it ran then.

use super::{AccountState, Registry, RegistryError};
use signet_policy::place::CLOCKS_DIFFER_MAX_MS;
use signet_rfq::UtcMillis;
use sqlx::{Row as _, any::AnyRow};

/// Rows that one page holds at most.
pub const FLEET_PAGE_MAX: usize = 1_000;

/// A device that was on, and what it says of its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSeen {
    /// Its user, by id.
    pub user: String,
    /// The device's name, unique within the user.
    pub device: String,
    /// The version of the desk, as it says; empty: it says none.
    pub version: String,
    /// System and processor, as it says; empty: it says none.
    pub platform: String,
    /// When.
    pub at: UtcMillis,
}

/// One device, or a user who has none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetRow {
    /// The user, by id.
    pub user: String,
    /// The person's name, for people.
    pub name: String,
    /// CompID of the user's desks.
    pub comp_id: String,
    /// Whether the user is locked.
    pub user_state: AccountState,
    /// Whether the gateway keeps the user out for a time, or until somebody lifts it.
    pub locked_out: bool,
    /// The device's name; empty: the user has no device yet.
    pub device: String,
    /// `keychain` or `token`: where its key is held; empty without a device.
    pub protection: String,
    /// Whether the device is locked.
    pub device_state: AccountState,
    /// Serial number of its certificate in force, the one that lasts longest; empty: none.
    pub serial: String,
    /// End of that certificate; 0: none.
    pub not_after: UtcMillis,
    /// Security keys of the user that are good.
    pub keys: u32,
    /// When it was on last; 0: never.
    pub seen: UtcMillis,
    /// The version of the desk, as it said then.
    pub version: String,
    /// System and processor, as it said then.
    pub platform: String,
}

impl FleetRow {
    /// Where the next page begins.
    pub fn place(&self) -> FleetPlace {
        FleetPlace { user: self.user.clone(), device: self.device.clone() }
    }
}

/// A place in the list, which is sorted by user and device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetPlace {
    /// User id.
    pub user: String,
    /// Name of the device.
    pub device: String,
}

impl Registry {
    /// Writes when devices were on last, and what they ran. Of devices that nobody registered
    /// nothing is written. Gateways need not hear of it. What was written while a clock was ahead
    /// gives way, as in [`Registry::seen`].
    pub async fn devices_seen(
        &self,
        all: &[DeviceSeen],
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let upsert = "INSERT INTO device_software (user_id, device_id, version, platform, seen_ms)
            SELECT user_id, id, CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT) FROM devices WHERE user_id = $1 AND id = $2
            ON CONFLICT (user_id, device_id) DO UPDATE SET version = excluded.version, platform = excluded.platform,
            seen_ms = excluded.seen_ms
            WHERE device_software.seen_ms <= excluded.seen_ms OR device_software.seen_ms > CAST($6 AS BIGINT)";
        let ahead = now.0.saturating_add(CLOCKS_DIFFER_MAX_MS);
        let mut tx = self.aside().await?;
        for d in all {
            sqlx::query(upsert)
                .bind(d.user.clone())
                .bind(d.device.clone())
                .bind(d.version.clone())
                .bind(d.platform.clone())
                .bind(d.at.0.min(now.0))
                .bind(ahead)
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// The devices after a place, by user and device, and users without one; at most `limit` and
    /// [`FLEET_PAGE_MAX`] rows. A page that is shorter is the last one.
    pub async fn fleet(
        &self,
        after: Option<&FleetPlace>,
        limit: usize,
        now: UtcMillis,
    ) -> Result<Vec<FleetRow>, RegistryError> {
        let nowhere = FleetPlace::default();
        let after = after.unwrap_or(&nowhere);
        let limit = i64::try_from(limit.min(FLEET_PAGE_MAX)).unwrap_or(0);
        let certificate = |column| {
            format!(
                "COALESCE((SELECT c.{column} FROM certificates c WHERE c.user_id = u.id AND \
                    c.device_id = d.id AND c.state = 'good' ORDER BY c.not_after_ms DESC, c.serial \
                    LIMIT 1), {})",
                if column == "serial" { "''" } else { "0" }
            )
        };
        let query = format!(
            "SELECT u.id, u.name, u.comp_id, u.state, COALESCE(d.id, ''), COALESCE(d.protection, ''), COALESCE(d.state, 'active'),
            {}, {}, (SELECT COUNT(*) FROM security_keys k WHERE k.user_id = u.id AND k.state = 'active'),
            COALESCE(s.seen_ms, 0), COALESCE(s.version, ''), COALESCE(s.platform, ''),
            (SELECT COUNT(*) FROM lockouts l WHERE l.user_id = u.id AND (l.until_ms = 0 OR l.until_ms > $1))
            FROM users u LEFT JOIN devices d ON d.user_id = u.id
            LEFT JOIN device_software s ON s.user_id = d.user_id AND s.device_id = d.id
            WHERE u.id > $2 OR (u.id = $3 AND COALESCE(d.id, '') > $4)
            ORDER BY u.id, COALESCE(d.id, '') LIMIT $5",
            certificate("serial"),
            certificate("not_after_ms"),
        );
        let rows = sqlx::query(&query)
            .bind(now.0)
            .bind(after.user.clone())
            .bind(after.user.clone())
            .bind(after.device.clone())
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(row).collect()
    }
}

fn row(r: &AnyRow) -> Result<FleetRow, RegistryError> {
    Ok(FleetRow {
        user: r.try_get(0)?,
        name: r.try_get(1)?,
        comp_id: r.try_get(2)?,
        user_state: AccountState::read(r.try_get(3)?)?,
        device: r.try_get(4)?,
        protection: r.try_get(5)?,
        device_state: AccountState::read(r.try_get(6)?)?,
        serial: r.try_get(7)?,
        not_after: UtcMillis(r.try_get(8)?),
        keys: u32::try_from(r.try_get::<i64, _>(9)?).unwrap_or(u32::MAX),
        seen: UtcMillis(r.try_get(10)?),
        version: r.try_get(11)?,
        platform: r.try_get(12)?,
        locked_out: r.try_get::<i64, _>(13)? > 0,
    })
}
