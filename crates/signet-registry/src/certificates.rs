//! Certificates after they were issued: first use, revocation, and the list of the revoked.

use super::{
    CertificateState, CodePurpose, NewEvent, Registry, RegistryError, Tx, accounts, events,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_rfq::UtcMillis;
use sqlx::{Row as _, any::AnyRow};
use std::collections::HashMap;

/// A certificate as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Lower-case hexadecimal.
    pub serial: String,
    /// Its user, by id.
    pub user: String,
    /// The device's name, unique within the user.
    pub device: String,
    /// CompID (49/56) it names.
    pub comp_id: String,
    /// `keychain` or `token`: where the device's key is held.
    pub protection: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
    pub spki_sha256: String,
    /// Good, superseded or revoked. Locks of user and device are not in it.
    pub state: CertificateState,
    /// Why it ended, in words; empty while it is good.
    pub reason: String,
    /// Start of its validity.
    pub not_before: UtcMillis,
    /// End of its validity.
    pub not_after: UtcMillis,
    /// When it was written down here.
    pub issued: UtcMillis,
    /// 0: not yet.
    pub first_used: UtcMillis,
    /// It says that the firm manages the device.
    pub managed: bool,
}

/// The certificates that an order is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSelector {
    /// One certificate: its serial number, lower-case hexadecimal.
    Serial(String),
    /// `USER/DEVICE`, or `DEVICE` when that is unambiguous.
    Device(String),
    /// Every certificate of a user, by user id.
    User(String),
}

/// A line of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevokedCertificate {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// RFC 5280 §5.3.1: 1 key compromise, 4 superseded, 5 cessation, 6 hold.
    pub reason: u8,
    /// When it was revoked or superseded; for a hold, when the list was made.
    pub at: UtcMillis,
}

/// The newest revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredCrl {
    /// CRL number (RFC 5280 §5.2.3); it only rises.
    pub number: i64,
    /// Digest of what it lists.
    pub covers: String,
    /// RFC 5280 §5.1.2.4.
    pub this_update: UtcMillis,
    /// RFC 5280 §5.1.2.5.
    pub next_update: UtcMillis,
    /// The signed list, DER; empty before the first.
    pub der: Vec<u8>,
}

const CERTIFICATE: &str = "serial, user_id, device_id, comp_id, protection, spki_sha256, state, reason, not_before_ms, not_after_ms,
    issued_ms, first_used_ms, managed";

impl Registry {
    /// A certificate was shown on the FIX listener for the first time: it is good from now on, and
    /// older ones of the same device are no longer needed.
    pub async fn first_used(&self, serial: &str, now: UtcMillis) -> Result<(), RegistryError> {
        let mut tx = self.write().await?;
        let update = "UPDATE certificates SET first_used_ms = $1 WHERE serial = $2 AND \
            first_used_ms = 0 AND state = 'good'";
        if sqlx::query(update).bind(now.0).bind(serial).execute(&mut *tx).await?.rows_affected()
            == 0
        {
            // Another gateway was quicker; leave the version as it is.
            return Ok(());
        }
        let used = by_serial(&mut tx, serial)
            .await?
            .ok_or_else(|| RegistryError::NoSuchCertificate(serial.into()))?;
        let who = format!("{}/{}", used.user, used.device);
        events::append(
            &mut tx,
            NewEvent::new(now, "gateway", "certificate.first_used", &who, serial),
        )
        .await?;
        let device = CertificateSelector::Device(who.clone());
        let order = OrderOfIssue::device(&mut tx, &who).await?;
        for old in of(&mut tx, &device).await? {
            if old.state == CertificateState::Good && order.is_before(&old, &used) {
                end(
                    &mut tx,
                    &old.serial,
                    CertificateState::Superseded,
                    "its successor is in use",
                    now,
                )
                .await?;
                let detail = format!("{} by {serial}", old.serial);
                events::append(
                    &mut tx,
                    NewEvent::new(now, "gateway", "certificate.superseded", &who, detail),
                )
                .await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Revokes certificates for good and returns them. With a user, open codes stop working too.
    pub async fn revoke(
        &self,
        which: &CertificateSelector,
        reason: &str,
        actor: &str,
        now: UtcMillis,
    ) -> Result<Vec<String>, RegistryError> {
        let mut tx = self.write().await?;
        let (found, what) = match which {
            CertificateSelector::Serial(s) => (of(&mut tx, which).await?, s.clone()),
            CertificateSelector::Device(d) => {
                let (user, id) = accounts::find_device(&mut tx, d).await?;
                let d = format!("{user}/{id}");
                (of(&mut tx, &CertificateSelector::Device(d.clone())).await?, d)
            }
            CertificateSelector::User(u) => {
                accounts::user_by_id(&mut tx, u)
                    .await?
                    .ok_or_else(|| RegistryError::NoSuchUser(u.clone()))?;
                (of(&mut tx, which).await?, u.clone())
            }
        };
        if let (CertificateSelector::Serial(s), true) = (which, found.is_empty()) {
            return Err(RegistryError::NoSuchCertificate(s.clone()));
        }
        let voided = match which {
            CertificateSelector::User(u) => {
                accounts::void_codes(&mut tx, u, CodePurpose::Enrol).await?
                    + accounts::void_codes(&mut tx, u, CodePurpose::Key).await?
            }
            _ => 0,
        };
        let mut revoked = vec![];
        for c in found.iter().filter(|c| c.state != CertificateState::Revoked && c.not_after > now)
        {
            end(&mut tx, &c.serial, CertificateState::Revoked, reason, now).await?;
            let who = format!("{}/{}", c.user, c.device);
            events::append(
                &mut tx,
                NewEvent::new(
                    now,
                    actor,
                    "certificate.revoked",
                    who,
                    format!("{}: {reason}", c.serial),
                ),
            )
            .await?;
            revoked.push(c.serial.clone());
        }
        if voided > 0 {
            events::append(
                &mut tx,
                NewEvent::new(now, actor, "code.voided", &what, format!("{voided} open")),
            )
            .await?;
        }
        if revoked.is_empty() && voided == 0 {
            return Err(RegistryError::NothingToRevoke(what));
        }
        tx.commit().await?;
        Ok(revoked)
    }

    /// The newest revocation list that was made, whether or not another is due.
    pub async fn crl(&self) -> Result<StoredCrl, RegistryError> {
        let query =
            "SELECT number, covers, this_update_ms, next_update_ms, der FROM crl WHERE id = 1";
        crl(&sqlx::query(query).fetch_one(&self.pool).await?)
    }

    /// Makes and keeps the next revocation list when one is due; `None` when it is not. `make` gets
    /// the number and the lines and is called while no other gateway can do the same.
    pub async fn next_crl<E: From<RegistryError>>(
        &self,
        due: impl Fn(&StoredCrl, &str) -> bool,
        make: impl FnOnce(i64, &[RevokedCertificate]) -> Result<StoredCrl, E>,
        now: UtcMillis,
    ) -> Result<Option<StoredCrl>, E> {
        let mut tx = self.write().await?;
        let query =
            "SELECT number, covers, this_update_ms, next_update_ms, der FROM crl WHERE id = 1";
        let last =
            crl(&sqlx::query(query).fetch_one(&mut *tx).await.map_err(RegistryError::from)?)?;
        let lines = revoked(&mut tx, now).await?;
        let covers = covers(&lines);
        if !due(&last, &covers) {
            return Ok(None);
        }
        let next = StoredCrl { covers, ..make(last.number + 1, &lines)? };
        sqlx::query(
            "UPDATE crl SET number = $1, covers = $2, this_update_ms = $3, next_update_ms \
            = $4, der = $5 WHERE id = 1",
        )
        .bind(next.number)
        .bind(&next.covers)
        .bind(next.this_update.0)
        .bind(next.next_update.0)
        .bind(BASE64.encode(&next.der))
        .execute(&mut *tx)
        .await
        .map_err(RegistryError::from)?;
        let detail = format!("number {}, {} certificates", next.number, lines.len());
        events::append(&mut tx, NewEvent::new(now, "gateway", "crl.issued", "desks.crl", detail))
            .await?;
        tx.commit().await.map_err(RegistryError::from)?;
        Ok(Some(next))
    }

    /// What a revocation list of this moment would cover.
    pub async fn covers(&self, now: UtcMillis) -> Result<String, RegistryError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        Ok(covers(&revoked(&mut tx, now).await?))
    }
}

/// In which order the certificates of a device were issued: by the numbers of the events that tell
/// it. Their times do not say it where a clock stepped back in between.
struct OrderOfIssue(HashMap<String, i64>);

impl OrderOfIssue {
    /// `who`: `USER/DEVICE`.
    async fn device(tx: &mut Tx, who: &str) -> Result<Self, RegistryError> {
        let query =
            "SELECT seq, at_ms, actor, kind, subject, detail, prev, hash, origin FROM events
            WHERE subject = $1 AND kind IN ('certificate.issued', 'certificate.renewed')";
        let rows = sqlx::query(query).bind(who.to_owned()).fetch_all(&mut **tx).await?;
        let mut numbers = HashMap::with_capacity(rows.len());
        for r in &rows {
            let event = super::event(r)?;
            if let Some(serial) = event.certificate() {
                numbers.insert(serial.to_owned(), event.seq);
            }
        }
        Ok(Self(numbers))
    }

    fn is_before(&self, a: &CertificateRecord, b: &CertificateRecord) -> bool {
        match (self.0.get(&a.serial), self.0.get(&b.serial)) {
            (Some(a), Some(b)) => a < b,
            _ => a.issued < b.issued,
        }
    }
}

fn crl(r: &AnyRow) -> Result<StoredCrl, RegistryError> {
    let der: String = r.try_get(4)?;
    Ok(StoredCrl {
        number: r.try_get(0)?,
        covers: r.try_get(1)?,
        this_update: UtcMillis(r.try_get(2)?),
        next_update: UtcMillis(r.try_get(3)?),
        der: BASE64.decode(der).map_err(|_| RegistryError::Corrupt("crl.der".into()))?,
    })
}

fn covers(lines: &[RevokedCertificate]) -> String {
    super::hex_sha256(
        lines.iter().map(|l| format!("{} {};", l.serial, l.reason)).collect::<String>().as_bytes(),
    )
}

/// Revoked, superseded, or on hold because user or device is locked; until they would have expired.
async fn revoked(tx: &mut Tx, now: UtcMillis) -> Result<Vec<RevokedCertificate>, RegistryError> {
    let query = "SELECT c.serial, c.state, c.ended_ms, c.reason FROM certificates c JOIN users u ON u.id = c.user_id
        JOIN devices d ON d.user_id = c.user_id AND d.id = c.device_id
        WHERE c.not_after_ms > $1 AND (c.state <> 'good' OR u.state = 'locked' OR d.state = 'locked') ORDER BY c.serial";
    let rows = sqlx::query(query).bind(now.0).fetch_all(&mut **tx).await?;
    let line = |r: &AnyRow| {
        let (ended, reason): (i64, String) = (r.try_get(2)?, r.try_get(3)?);
        let (reason, at) = match CertificateState::read(r.try_get(1)?)? {
            CertificateState::Good => (6, now),
            CertificateState::Superseded => (4, UtcMillis(ended)),
            CertificateState::Revoked => (reason_code(&reason), UtcMillis(ended)),
        };
        Ok(RevokedCertificate { serial: r.try_get(0)?, reason, at })
    };
    rows.iter().map(line).collect()
}

/// The words of `signet-gateway revoke --reason`; anything else is unspecified.
fn reason_code(words: &str) -> u8 {
    match words {
        "key-compromise" => 1,
        "affiliation-changed" => 3,
        "superseded" => 4,
        "cessation" => 5,
        "privilege-withdrawn" => 9,
        _ => 0,
    }
}

async fn end(
    tx: &mut Tx,
    serial: &str,
    state: CertificateState,
    reason: &str,
    now: UtcMillis,
) -> Result<(), RegistryError> {
    sqlx::query("UPDATE certificates SET state = $1, reason = $2, ended_ms = $3 WHERE serial = $4")
        .bind(state.as_str())
        .bind(reason.to_owned())
        .bind(now.0)
        .bind(serial.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn by_serial(
    tx: &mut Tx,
    serial: &str,
) -> Result<Option<CertificateRecord>, RegistryError> {
    Ok(of(tx, &CertificateSelector::Serial(serial.into())).await?.pop())
}

/// Newest first. A device is written `USER/DEVICE` here.
pub(super) async fn of(
    tx: &mut Tx,
    which: &CertificateSelector,
) -> Result<Vec<CertificateRecord>, RegistryError> {
    let (condition, a, b) = match which {
        CertificateSelector::Serial(s) => ("serial = $1 AND serial = $2", s.as_str(), s.as_str()),
        CertificateSelector::User(u) => ("user_id = $1 AND user_id = $2", u.as_str(), u.as_str()),
        CertificateSelector::Device(d) => {
            let (user, id) = d.split_once('/').unwrap_or((d, ""));
            ("user_id = $1 AND device_id = $2", user, id)
        }
    };
    let query = format!(
        "SELECT {CERTIFICATE} FROM certificates WHERE {condition} ORDER BY issued_ms DESC, serial"
    );
    let rows =
        sqlx::query(&query).bind(a.to_owned()).bind(b.to_owned()).fetch_all(&mut **tx).await?;
    rows.iter().map(record).collect()
}

fn record(r: &AnyRow) -> Result<CertificateRecord, RegistryError> {
    Ok(CertificateRecord {
        serial: r.try_get(0)?,
        user: r.try_get(1)?,
        device: r.try_get(2)?,
        comp_id: r.try_get(3)?,
        protection: r.try_get(4)?,
        spki_sha256: r.try_get(5)?,
        state: CertificateState::read(r.try_get(6)?)?,
        reason: r.try_get(7)?,
        not_before: UtcMillis(r.try_get(8)?),
        not_after: UtcMillis(r.try_get(9)?),
        issued: UtcMillis(r.try_get(10)?),
        first_used: UtcMillis(r.try_get(11)?),
        managed: r.try_get::<i64, _>(12)? != 0,
    })
}
