//! From a request for a certificate to the certificate in the registry, in two steps: a claim says
//! whether it may be issued, the issuing authority (ours or an outside one) signs in between, and
//! completion writes it down, unless something changed meanwhile.

use super::{
    AccountState, CertificateState, ClaimError, ClaimRefusal, CodePurpose, CodeState, NewEvent,
    Registry, RegistryError, Tx,
    accounts::{device_by_id, user_by_id},
    certificates::{self, CertificateSelector},
    code::{CodeRow, CodeVerdict, judge},
    events,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_rfq::UtcMillis;
use sqlx::Row as _;

/// Certificates a device may have and never have used: a renewal that goes wrong again and again
/// must not fill the registry.
const UNUSED_MAX: usize = 5;

/// What a certificate request asks, once it has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    /// The subject's common name as it was sent.
    pub common_name: String,
    /// The same as a device's name.
    pub device: String,
    /// SHA-256 of the public key, lower-case hexadecimal.
    pub key: String,
}

/// A certificate that may be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueOrder {
    /// For which user, by id.
    pub user: String,
    /// CompID (49/56) that the certificate must name: the user's.
    pub comp_id: String,
    /// The device's name, which the certificate must name.
    pub device: String,
    /// `keychain` or `token`: what the certificate says about where the key is held.
    pub protection: String,
    /// The certificate says that the device is one the firm manages.
    pub managed: bool,
    /// SHA-256 of the public key, lower-case hexadecimal.
    pub key: String,
    /// Why it may be issued; checked once more by [`Registry::complete`].
    pub why: IssueBasis,
}

/// What entitles to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueBasis {
    /// The digest of a one-time code.
    Code(String),
    /// The serial number of the present certificate.
    Renewal(String),
}

/// What a claim leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The authority may sign; [`Registry::complete`] or [`Registry::release`] must follow.
    Issue(IssueOrder),
    /// It was issued already and the answer may have been lost: the same certificate again, DER.
    Again(Vec<u8>),
}

/// A certificate as it was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// Serial number, lower-case hexadecimal, chosen by the authority.
    pub serial: String,
    /// Start of its validity.
    pub not_before: UtcMillis,
    /// End of its validity.
    pub not_after: UtcMillis,
    /// The certificate, DER.
    pub der: Vec<u8>,
}

impl Registry {
    /// A first certificate for a device, by one-time code. `digest` is `None` when what was sent
    /// cannot be a code; that takes the same way and the same time as a wrong one.
    pub async fn claim_by_code(
        &self,
        user: &str,
        digest: Option<&str>,
        ask: &CertificateRequest,
        now: UtcMillis,
    ) -> Result<Claim, ClaimError> {
        // Without the lock, so that strangers cannot make administrators wait.
        let digest = digest.unwrap_or("-");
        if code(&mut self.pool.begin().await?, user, digest, CodePurpose::Enrol).await?.is_none() {
            return Err(ClaimRefusal::CodeWrong.into());
        }
        let mut tx = self.write().await?;
        let code = code(&mut tx, user, digest, CodePurpose::Enrol)
            .await?
            .ok_or(ClaimRefusal::CodeWrong)?;
        let (comp_id, again) = match judge(&code, &ask.key, now) {
            CodeVerdict::Good => (may_have(&mut tx, user, ask).await?, None),
            CodeVerdict::Again(serial) => (may_have(&mut tx, user, ask).await?, Some(serial)),
            CodeVerdict::Used => return Err(ClaimRefusal::CodeUsed.into()),
            CodeVerdict::Replaced => return Err(ClaimRefusal::CodeReplaced.into()),
            CodeVerdict::Expired => return Err(ClaimRefusal::CodeExpired.into()),
            CodeVerdict::InUse => return Err(ClaimRefusal::CodeInUse.into()),
        };
        if let Some(serial) = again {
            return again_if_good(&mut tx, &serial).await;
        }
        fresh_key(&mut tx, &ask.key).await?;
        sqlx::query("UPDATE codes SET claim = $1, claimed_ms = $2 WHERE hash = $3")
            .bind(&ask.key)
            .bind(now.0)
            .bind(digest)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        let why = IssueBasis::Code(digest.into());
        let (user, device, key) = (user.into(), ask.device.clone(), ask.key.clone());
        Ok(Claim::Issue(IssueOrder {
            user,
            comp_id,
            device,
            protection: code.protection,
            managed: code.managed,
            key,
            why,
        }))
    }

    /// A further certificate for a device, shown the present one over mutual TLS. `spki` is the
    /// digest of the present one's key.
    pub async fn claim_renewal(
        &self,
        serial: &str,
        spki: &str,
        ask: &CertificateRequest,
        now: UtcMillis,
    ) -> Result<Claim, ClaimError> {
        let mut tx = self.pool.begin().await?;
        let present = certificates::by_serial(&mut tx, serial).await?;
        let present =
            present.filter(|p| p.spki_sha256 == spki).ok_or(ClaimRefusal::CertificateUnknown)?;
        match present.state {
            CertificateState::Good if present.not_after <= now => {
                return Err(ClaimRefusal::CertificateExpired.into());
            }
            CertificateState::Good => {}
            CertificateState::Superseded => return Err(ClaimRefusal::CertificateSuperseded.into()),
            CertificateState::Revoked => return Err(ClaimRefusal::CertificateRevoked.into()),
        }
        // RFC 7030 §4.2.2 wants the subject of the present certificate, which names the CompID.
        let same_name = ask.common_name == present.comp_id || ask.device == present.device;
        if !same_name {
            return Err(ClaimRefusal::DeviceDiffers.into());
        }
        let ask = CertificateRequest {
            device: present.device.clone(),
            common_name: present.device.clone(),
            ..ask.clone()
        };
        let comp_id = may_have(&mut tx, &present.user, &ask).await?;
        if let Some(made) = by_key(&mut tx, &ask.key).await? {
            let made =
                certificates::by_serial(&mut tx, &made).await?.ok_or(ClaimRefusal::KeyReused)?;
            let lost_answer = made.serial != present.serial
                && (&made.user, &made.device) == (&present.user, &present.device)
                && made.first_used == UtcMillis(0)
                && made.not_after > now;
            if !lost_answer {
                return Err(ClaimRefusal::KeyReused.into());
            }
            return again_if_good(&mut tx, &made.serial).await;
        }
        if hoards(&mut tx, &present.user, &present.device, now).await? {
            return Err(ClaimRefusal::TooManyUnused.into());
        }
        let (device, protection, managed) = (present.device, present.protection, present.managed);
        Ok(Claim::Issue(IssueOrder {
            user: present.user,
            comp_id,
            device,
            protection,
            managed,
            key: ask.key,
            why: IssueBasis::Renewal(present.serial),
        }))
    }

    /// Writes an issued certificate down. ClaimError when the entitlement went away since the
    /// claim.
    pub async fn complete(
        &self,
        order: &IssueOrder,
        issued: &IssuedCertificate,
        actor: &str,
        now: UtcMillis,
    ) -> Result<(), ClaimError> {
        let mut tx = self.write().await?;
        let ask = CertificateRequest {
            common_name: order.device.clone(),
            device: order.device.clone(),
            key: order.key.clone(),
        };
        may_have(&mut tx, &order.user, &ask).await?;
        fresh_key(&mut tx, &order.key).await?;
        let (kind, by) = match &order.why {
            IssueBasis::Code(digest) => {
                // Nobody has it, where another request with the same key failed and released it.
                let done = sqlx::query(
                    "UPDATE codes SET state = 'used', used_ms = $1, serial = $2, claim = $4 \
                        WHERE hash = $3 AND state = 'open' AND claim IN ($4, '')",
                )
                .bind(now.0)
                .bind(&issued.serial)
                .bind(digest)
                .bind(&order.key)
                .execute(&mut *tx)
                .await?;
                if done.rows_affected() != 1 {
                    return Err(ClaimRefusal::CodeUsed.into());
                }
                ("certificate.issued", String::new())
            }
            IssueBasis::Renewal(old) => {
                let old = certificates::by_serial(&mut tx, old)
                    .await?
                    .ok_or(ClaimRefusal::CertificateUnknown)?;
                match old.state {
                    CertificateState::Good => {}
                    CertificateState::Superseded => {
                        return Err(ClaimRefusal::CertificateSuperseded.into());
                    }
                    CertificateState::Revoked => {
                        return Err(ClaimRefusal::CertificateRevoked.into());
                    }
                }
                // Claims take no lock: many may have been made before the first was completed.
                if hoards(&mut tx, &order.user, &order.device, now).await? {
                    return Err(ClaimRefusal::TooManyUnused.into());
                }
                ("certificate.renewed", format!(", follows {}", old.serial))
            }
        };
        keep_device(&mut tx, order, now).await?;
        keep_certificate(&mut tx, order, issued, now).await?;
        // The serial number first: `Event::certificate` reads it there.
        let detail =
            format!("{} for {}, key in {}{by}", issued.serial, order.comp_id, order.protection);
        events::append(
            &mut tx,
            NewEvent::new(now, actor, kind, format!("{}/{}", order.user, order.device), detail),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// The certificate of the same order, DER, where another request for it was completed first: a
    /// desk that lost its connection asks once more while the first request is still answered.
    /// `None`: the key is in another certificate, or in one that was used.
    pub async fn completed_meanwhile(
        &self,
        order: &IssueOrder,
    ) -> Result<Option<Vec<u8>>, ClaimError> {
        let mut tx = self.pool.begin_with(self.dialect.snapshot()).await?;
        let Some(serial) = by_key(&mut tx, &order.key).await? else { return Ok(None) };
        let Some(made) = certificates::by_serial(&mut tx, &serial).await? else { return Ok(None) };
        let same = (&made.user, &made.device, &made.comp_id, made.first_used)
            == (&order.user, &order.device, &order.comp_id, UtcMillis(0));
        let by_the_same = match &order.why {
            IssueBasis::Code(digest) => {
                let code = code(&mut tx, &order.user, digest, CodePurpose::Enrol).await?;
                code.is_some_and(|c| c.state == CodeState::Used && c.serial == serial)
            }
            IssueBasis::Renewal(old) => *old != serial,
        };
        if !same || !by_the_same {
            return Ok(None);
        }
        match again_if_good(&mut tx, &serial).await? {
            Claim::Again(der) => Ok(Some(der)),
            Claim::Issue(_) => Ok(None),
        }
    }

    /// The authority did not issue: the code may be used again at once.
    pub async fn release(&self, order: &IssueOrder) -> Result<(), RegistryError> {
        if let IssueBasis::Code(digest) = &order.why {
            let mut tx = self.write().await?;
            let update = sqlx::query(
                "UPDATE codes SET claim = '', claimed_ms = 0 WHERE hash = $1 AND state = 'open' \
                    AND claim = $2",
            );
            update.bind(digest).bind(&order.key).execute(&mut *tx).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

pub(super) async fn code(
    tx: &mut Tx,
    user: &str,
    digest: &str,
    purpose: CodePurpose,
) -> Result<Option<CodeRow>, RegistryError> {
    let query =
        "SELECT state, protection, expires_ms, claim, claimed_ms, serial, managed FROM codes
        WHERE hash = $1 AND user_id = $2 AND purpose = $3";
    let row =
        sqlx::query(query).bind(digest.to_owned()).bind(user.to_owned()).bind(purpose.as_str());
    let row = row.fetch_optional(&mut **tx).await?;
    let Some(r) = row else { return Ok(None) };
    Ok(Some(CodeRow {
        state: CodeState::read(r.try_get(0)?)?,
        protection: r.try_get(1)?,
        expires: UtcMillis(r.try_get(2)?),
        claim: r.try_get(3)?,
        claimed: UtcMillis(r.try_get(4)?),
        serial: r.try_get(5)?,
        managed: r.try_get::<i64, _>(6)? != 0,
    }))
}

/// The user's CompID, when user and device may have a certificate of that name.
async fn may_have(tx: &mut Tx, user: &str, ask: &CertificateRequest) -> Result<String, ClaimError> {
    let user = user_by_id(tx, user).await?.ok_or(ClaimRefusal::CodeWrong)?;
    if user.state == AccountState::Locked {
        return Err(ClaimRefusal::UserLocked.into());
    }
    let others = "SELECT COUNT(*) FROM users WHERE id <> $1 AND (LOWER(id) IN ($2, $3) OR \
        LOWER(comp_id) IN ($2, $3))";
    let others = sqlx::query(others)
        .bind(user.id.clone())
        .bind(ask.common_name.to_lowercase())
        .bind(ask.device.clone());
    if others.fetch_one(&mut **tx).await?.try_get::<i64, _>(0)? > 0 {
        return Err(ClaimRefusal::NameOfAnother.into());
    }
    let device = device_by_id(tx, &user.id, &ask.device).await?;
    if device.is_some_and(|d| d.state == AccountState::Locked) {
        return Err(ClaimRefusal::DeviceLocked.into());
    }
    Ok(user.comp_id)
}

async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<String>, RegistryError> {
    let row = sqlx::query("SELECT serial FROM certificates WHERE spki_sha256 = $1")
        .bind(key.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|r| r.try_get(0)).transpose()?)
}

/// Whether a device has as many certificates that it never used as it may have.
async fn hoards(
    tx: &mut Tx,
    user: &str,
    device: &str,
    now: UtcMillis,
) -> Result<bool, RegistryError> {
    let device = CertificateSelector::Device(format!("{user}/{device}"));
    let all = certificates::of(tx, &device).await?;
    let unused = all.iter().filter(|c| {
        c.state == CertificateState::Good && c.first_used == UtcMillis(0) && c.not_after > now
    });
    Ok(unused.count() >= UNUSED_MAX)
}

/// A key is certified once: a renewal needs a new key, and another device's key is refused.
async fn fresh_key(tx: &mut Tx, key: &str) -> Result<(), ClaimError> {
    if by_key(tx, key).await?.is_some() { Err(ClaimRefusal::KeyReused.into()) } else { Ok(()) }
}

async fn again_if_good(tx: &mut Tx, serial: &str) -> Result<Claim, ClaimError> {
    let row = sqlx::query("SELECT der, state FROM certificates WHERE serial = $1")
        .bind(serial.to_owned())
        .fetch_optional(&mut **tx)
        .await?;
    let row = row.ok_or(ClaimRefusal::CertificateUnknown)?;
    if CertificateState::read(row.try_get(1)?)? != CertificateState::Good {
        return Err(ClaimRefusal::CertificateRevoked.into());
    }
    let der: String = row.try_get(0)?;
    let der = BASE64.decode(der).map_err(|_| RegistryError::Corrupt("certificates.der".into()))?;
    Ok(Claim::Again(der))
}

async fn keep_device(tx: &mut Tx, order: &IssueOrder, now: UtcMillis) -> Result<(), RegistryError> {
    let insert = "INSERT INTO devices (user_id, id, protection, state, created_ms) VALUES ($1, $2, $3, 'active', $4)
        ON CONFLICT (user_id, id) DO UPDATE SET protection = excluded.protection";
    sqlx::query(insert)
        .bind(order.user.clone())
        .bind(order.device.clone())
        .bind(order.protection.clone())
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn keep_certificate(
    tx: &mut Tx,
    order: &IssueOrder,
    issued: &IssuedCertificate,
    now: UtcMillis,
) -> Result<(), RegistryError> {
    let insert = "INSERT INTO certificates (serial, user_id, device_id, comp_id, protection, spki_sha256, state, reason, not_before_ms,
        not_after_ms, issued_ms, first_used_ms, ended_ms, der, managed) VALUES ($1, $2, $3, $4, $5, $6, 'good', '', $7, $8, $9, 0, 0, $10, $11)";
    sqlx::query(insert)
        .bind(issued.serial.clone())
        .bind(order.user.clone())
        .bind(order.device.clone())
        .bind(order.comp_id.clone())
        .bind(order.protection.clone())
        .bind(order.key.clone())
        .bind(issued.not_before.0)
        .bind(issued.not_after.0)
        .bind(now.0)
        .bind(BASE64.encode(&issued.der))
        .bind(i64::from(order.managed))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

#[cfg(test)]
#[path = "issue_tests.rs"]
mod tests;
