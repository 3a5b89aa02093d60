//! The issuing authority inside the gateway: desk certificates by the profile in
//! `certs/profiles/desk.toml`, and the list of those that were revoked.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, PublicKeyData, RevocationReason, RevokedCertParams, SanType, SerialNumber,
    SignatureAlgorithm, SigningKey, SubjectPublicKeyInfo,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use signet_identity::{
    CertificateFacts, CompId, DeviceKey, EnrolledFacts, KeyError, Protection, ServerIdentity,
    SoftwareKey, policy_extension,
};
use signet_registry::{IssueOrder, IssuedCertificate, RevokedCertificate, StoredCrl, hex};
use signet_rfq::UtcMillis;
use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize as _, Zeroizing};

/// How far back validity starts, for laptops whose clocks are a little behind.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::minutes(5);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Pem(#[from] signet_identity::PemError),
    #[error("{0}: is not a certificate authority's certificate")]
    NotAnAuthority(PathBuf),
    #[error("{0}: is no P-256 key in PKCS#8 form")]
    Key(PathBuf),
    #[error("the authority's certificate has expired; make a new one with signet-gateway ca init")]
    Expired,
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("the names of the certificate are not allowed: {0}")]
    Names(#[from] signet_identity::PeerError),
    #[error(transparent)]
    Sign(#[from] KeyError),
    #[error(
        "a certificate for a managed device is ordered, and enrolment.managed_policy names no \
            policy to mark it with"
    )]
    NoManagedPolicy,
    #[error("a time is out of range")]
    Time,
    #[error(transparent)]
    Registry(#[from] signet_registry::RegistryError),
}

/// Lets rcgen sign with a key of ours, which leaves no copy behind, and later with one in an HSM.
pub(crate) struct CaKey(pub(crate) Arc<dyn DeviceKey>);

impl PublicKeyData for CaKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_point()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for CaKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign_es256(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// Where the key of an authority is.
#[derive(Debug, Clone)]
pub enum AuthorityKey {
    /// In a PEM file.
    File(PathBuf),
    /// In a token, which signs.
    Held { key: Arc<dyn DeviceKey>, named: PathBuf },
}

/// An authority that can sign.
pub(crate) struct Signer {
    pub(crate) issuer: Issuer<'static, CaKey>,
    /// Ours first, then those above it.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) not_after: OffsetDateTime,
}

impl Signer {
    /// From its files, whose modes and fit are checked.
    pub(crate) fn load(
        certificate: &Path,
        key: &AuthorityKey,
        now: OffsetDateTime,
    ) -> Result<Self, CaError> {
        // Checks the key file's mode and that the two belong together; signing is left to our own
        // key.
        let identity = match key {
            AuthorityKey::File(file) => ServerIdentity::from_pem_files(certificate, file)?,
            AuthorityKey::Held { key, named } => {
                ServerIdentity::with_held_key(certificate, Arc::clone(key), named)?
            }
        };
        let chain = identity.certified_key().cert.clone();
        let first = chain.first().ok_or_else(|| CaError::NotAnAuthority(certificate.into()))?;
        let facts = CertificateFacts::from_certificate(first)?;
        if facts.not_after <= now {
            return Err(CaError::Expired);
        }
        if !is_authority(first) {
            return Err(CaError::NotAnAuthority(certificate.into()));
        }
        let key = match key {
            AuthorityKey::File(file) => read_key(file)?,
            AuthorityKey::Held { key, .. } => CaKey(Arc::clone(key)),
        };
        let issuer = Issuer::from_ca_cert_der(first, key)?;
        Ok(Self { issuer, not_after: facts.not_after, chain })
    }
}

fn read_key(file: &Path) -> Result<CaKey, CaError> {
    let failed = |source| CaError::File { path: file.into(), source };
    let pem = Zeroizing::new(fs::read(file).map_err(failed)?);
    let mut der = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| CaError::Key(file.into()))?;
    let key = SoftwareKey::from_pkcs8(der.secret_der(), Protection::SoftwareMemory);
    der.zeroize();
    Ok(CaKey(Arc::new(key.map_err(|_| CaError::Key(file.into()))?)))
}

pub struct Ca {
    issuer: Issuer<'static, CaKey>,
    /// Ours first, then those above it.
    chain: Vec<CertificateDer<'static>>,
    not_after: OffsetDateTime,
    pub trust_domain: String,
    pub lifetime: Duration,
    /// How long a revocation list is good for.
    pub crl_lifetime: Duration,
    /// Where the list can be fetched.
    pub crl_url: String,
    /// The certificate policy that marks managed devices.
    pub managed_policy: Option<String>,
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca").field("crl_url", &self.crl_url).finish_non_exhaustive()
    }
}

/// What a [`Ca`] is set to do.
#[derive(Debug, Clone)]
pub struct CaSettings {
    pub certificate: PathBuf,
    pub key: AuthorityKey,
    pub trust_domain: String,
    pub lifetime: Duration,
    pub crl_lifetime: Duration,
    pub crl_url: String,
    pub managed_policy: Option<String>,
}

impl Ca {
    pub fn load(s: &CaSettings, now: OffsetDateTime) -> Result<Self, CaError> {
        let Signer { issuer, chain, not_after } = Signer::load(&s.certificate, &s.key, now)?;
        Ok(Self {
            issuer,
            not_after,
            chain,
            trust_domain: s.trust_domain.clone(),
            lifetime: s.lifetime,
            crl_lifetime: s.crl_lifetime,
            crl_url: s.crl_url.clone(),
            managed_policy: s.managed_policy.clone(),
        })
    }

    /// The authority's certificate, then those above it.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The identity an order's certificate states.
    pub fn uri(&self, order: &IssueOrder) -> Result<String, CaError> {
        desk_uri(&self.trust_domain, order)
    }

    /// Issues a desk certificate. `random` becomes the serial number.
    pub fn issue(
        &self,
        order: &IssueOrder,
        spki: &[u8],
        random: [u8; 16],
        now: OffsetDateTime,
    ) -> Result<IssuedCertificate, CaError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, order.comp_id.as_str());
        params.subject_alt_names = vec![SanType::URI(self.uri(order)?.try_into()?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points =
            vec![CrlDistributionPoint { uris: vec![self.crl_url.clone()] }];
        if order.managed {
            let oid = self
                .managed_policy
                .as_deref()
                .and_then(policy_extension)
                .ok_or(CaError::NoManagedPolicy)?;
            params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 32], oid));
        }
        // Whole seconds, as certificates have them, so that the registry keeps the very same times.
        let now = now.replace_nanosecond(0).map_err(|_| CaError::Time)?;
        // It was in force when the gateway started. What it signed now would use up codes and be
        // worth nothing.
        if self.not_after <= now {
            return Err(CaError::Expired);
        }
        // A certificate that outlives its issuer would be worth nothing after it.
        (params.not_before, params.not_after) =
            (now - CLOCK_TOLERANCE, (now + self.lifetime).min(self.not_after));
        let serial = serial(random);
        params.serial_number = Some(SerialNumber::from(serial.to_vec()));
        let key = SubjectPublicKeyInfo::from_der(spki)?;
        let (not_before, not_after) = (millis(params.not_before)?, millis(params.not_after)?);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(IssuedCertificate {
            serial: hex(&serial),
            not_before,
            not_after,
            der: certificate.der().to_vec(),
        })
    }

    /// Signs a list of the revoked.
    pub fn crl(
        &self,
        number: i64,
        lines: &[RevokedCertificate],
        now: OffsetDateTime,
    ) -> Result<StoredCrl, CaError> {
        let now = now.replace_nanosecond(0).map_err(|_| CaError::Time)?;
        let revoked = |l: &RevokedCertificate| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from(unhex(&l.serial)),
                revocation_time: OffsetDateTime::from_unix_timestamp(l.at.0.div_euclid(1_000))
                    .map_err(|_| CaError::Time)?,
                reason_code: reason(l.reason),
                invalidity_date: None,
            })
        };
        let params = CertificateRevocationListParams {
            this_update: now,
            next_update: now + self.crl_lifetime,
            crl_number: SerialNumber::from(
                number.to_be_bytes().iter().copied().skip_while(|b| *b == 0).collect::<Vec<u8>>(),
            ),
            issuing_distribution_point: None,
            revoked_certs: lines.iter().map(revoked).collect::<Result<_, CaError>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let der = params.signed_by(&self.issuer)?.der().to_vec();
        Ok(StoredCrl {
            number,
            covers: String::new(),
            this_update: millis(now)?,
            next_update: millis(now + self.crl_lifetime)?,
            der,
        })
    }

    /// Whether another list must be made: something changed, or half of its time is over, so that
    /// a gateway that is down for some hours lets none expire.
    pub fn crl_is_due(&self, last: &StoredCrl, covers: &str, now: UtcMillis) -> bool {
        let half = last.next_update.since(last.this_update) / 2;
        last.number == 0 || last.covers != covers || now.since(last.this_update) >= half
    }
}

/// The identity in a desk's certificate.
pub fn desk_uri(trust_domain: &str, order: &IssueOrder) -> Result<String, CaError> {
    let comp_id: CompId = order.comp_id.parse()?;
    Ok(EnrolledFacts::new(&order.user, &order.device, &order.protection)?
        .desk_uri(trust_domain, &comp_id))
}

/// Positive, not zero at its head, 127 bits: one spelling only, in DER and as hexadecimal.
pub(crate) fn serial(mut random: [u8; 16]) -> [u8; 16] {
    random[0] = (random[0] & 0x7f) | 0x40;
    random
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text
        .as_bytes()
        .chunks(2)
        .map(|c| std::str::from_utf8(c).ok().and_then(|c| u8::from_str_radix(c, 16).ok()));
    digits.map(Option::unwrap_or_default).collect()
}

fn reason(code: u8) -> Option<RevocationReason> {
    Some(match code {
        1 => RevocationReason::KeyCompromise,
        3 => RevocationReason::AffiliationChanged,
        4 => RevocationReason::Superseded,
        5 => RevocationReason::CessationOfOperation,
        6 => RevocationReason::CertificateHold,
        9 => RevocationReason::PrivilegeWithdrawn,
        _ => return None,
    })
}

pub fn millis(t: OffsetDateTime) -> Result<UtcMillis, CaError> {
    crate::clock::millis(t).ok_or(CaError::Time)
}

fn is_authority(der: &CertificateDer<'_>) -> bool {
    let Ok((_, c)) = x509_parser::parse_x509_certificate(der) else { return false };
    let ca = c.basic_constraints().ok().flatten().is_some_and(|b| b.value.ca);
    ca && c.key_usage().ok().flatten().is_none_or(|u| u.value.key_cert_sign() && u.value.crl_sign())
}

/// An authority that was made: its certificate, and its key for whoever writes it.
pub(crate) struct MadeAuthority {
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
    pub(crate) signer: Signer,
}

/// Makes an authority of its own: a P-256 key, and a certificate that may issue end certificates
/// and nothing else.
pub(crate) fn make(
    name: &str,
    lifetime: Duration,
    now: OffsetDateTime,
) -> Result<MadeAuthority, CaError> {
    let document = SoftwareKey::generate_pkcs8()?;
    let key = Arc::new(SoftwareKey::from_pkcs8(&document, Protection::SoftwareMemory)?);
    let (certificate, signer) = make_with(key, name, lifetime, now)?;
    Ok(MadeAuthority { certificate, key: Zeroizing::new(pem_text(&document)), signer })
}

/// The same with a key that a token made; its certificate in PEM.
pub(crate) fn make_with(
    key: Arc<dyn DeviceKey>,
    name: &str,
    lifetime: Duration,
    now: OffsetDateTime,
) -> Result<(String, Signer), CaError> {
    let signer = CaKey(key);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let not_after = now + lifetime;
    (params.not_before, params.not_after) = (now - CLOCK_TOLERANCE, not_after);
    let made = params.self_signed(&signer)?;
    let chain = vec![made.der().clone()];
    let issuer = Issuer::from_ca_cert_der(made.der(), signer)?;
    Ok((made.pem(), Signer { issuer, chain, not_after }))
}

/// Writes an authority of its own; its key for its owner only. Refuses to overwrite.
pub fn init(
    certificate: &Path,
    key: &Path,
    name: &str,
    lifetime: Duration,
    now: OffsetDateTime,
) -> Result<(), CaError> {
    let made = make(name, lifetime, now)?;
    write_new(key, made.key.as_bytes(), true)?;
    write_new(certificate, made.certificate.as_bytes(), false).inspect_err(|_| {
        // A key beside the certificate of another one would keep the gateway from starting.
        let _ = fs::remove_file(key);
    })
}

pub(crate) fn pem_text(document: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
    let digits = Zeroizing::new(BASE64.encode(document));
    let mut text = String::with_capacity(digits.len() + 80);
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text.push_str("\n-----END PRIVATE KEY-----\n");
    text
}

/// Writes a file that is not there yet, for its owner only or for everybody to read.
pub(crate) fn write_new(path: &Path, bytes: &[u8], private: bool) -> Result<(), CaError> {
    let made = new_file(path, bytes, if private { 0o600 } else { 0o644 });
    made.map_err(|source| CaError::File { path: path.to_owned(), source })
}

/// Writes a file that is not there yet, with this mode whatever the umask is: the gateway's account
/// reads what root makes, also when a unit's or a shell's umask is 077.
pub(crate) fn new_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path)?;
    let written = fill(&mut file, bytes, mode);
    if written.is_err() {
        // Half a file would be in the way of whoever tries again.
        let _ = fs::remove_file(path);
    }
    written
}

fn fill(file: &mut fs::File, bytes: &[u8], mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    let _ = mode;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_registry::IssueBasis;

    fn days(n: i64) -> Duration {
        Duration::days(n)
    }

    fn order() -> IssueOrder {
        IssueOrder {
            user: "alice".into(),
            comp_id: "ALICE1".into(),
            device: "laptop".into(),
            protection: "keychain".into(),
            managed: false,
            key: String::new(),
            why: IssueBasis::Code(String::new()),
        }
    }

    #[test]
    fn an_authority_issues_nothing_beyond_its_own_end_and_nothing_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let began = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
        let (certificate, key) = (dir.path().join("ca.pem"), dir.path().join("ca-key.pem"));
        init(&certificate, &key, "desks", days(10), began).unwrap();
        let settings = CaSettings {
            certificate,
            key: AuthorityKey::File(key),
            trust_domain: "bank.example".into(),
            lifetime: days(7),
            crl_lifetime: days(1),
            crl_url: "https://localhost/crl".into(),
            managed_policy: None,
        };
        let ca = Ca::load(&settings, began).unwrap();
        let document = SoftwareKey::generate_pkcs8().unwrap();
        let key = SoftwareKey::from_pkcs8(&document, Protection::SoftwareMemory).unwrap();
        let issued = |after: Duration| {
            let made = ca.issue(&order(), key.spki().as_ref(), [7; 16], began + after);
            made.map(|c| c.not_after.since(millis(began).unwrap()) / 86_400_000)
        };
        assert_eq!(issued(Duration::ZERO).unwrap(), 7);
        assert_eq!(issued(days(9)).unwrap(), 10);
        for late in [10, 11, 4_000] {
            assert!(matches!(issued(days(late)), Err(CaError::Expired)), "{late}");
        }
        assert!(matches!(Ca::load(&settings, began + days(10)), Err(CaError::Expired)));
    }

    #[test]
    fn a_certificate_that_is_there_stays_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("ca.pem"), dir.path().join("ca-key.pem"));
        fs::write(&certificate, "of a key that is kept elsewhere").unwrap();
        let made = init(&certificate, &key, "desks", days(1), OffsetDateTime::now_utc());
        assert!(matches!(made, Err(CaError::File { path, .. }) if path == certificate));
        assert!(!key.exists(), "no key that does not belong to it");
        assert_eq!(fs::read_to_string(&certificate).unwrap(), "of a key that is kept elsewhere");
    }
}
