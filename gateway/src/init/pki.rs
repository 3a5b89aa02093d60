//! Authorities, keys and certificates, by the profiles in `certs/profiles`.

use super::{
    InitError,
    bank::{Bank, Dealer},
};
use crate::enrol::ca::{
    AuthorityKey, CLOCK_TOLERANCE, CaError, CaKey, MadeAuthority, Signer, make, pem_text,
};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, PublicKeyData, SanType, SubjectPublicKeyInfo,
};
use signet_identity::{Protection, SoftwareKey, policy_extension};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// How long the authorities last.
const YEARS: i64 = 5;
/// How long what they issue lasts, by the profiles.
pub(super) const DAYS: u32 = 7;

/// An authority that can issue.
pub struct Authority {
    signer: Result<Signer, Away>,
    /// Its certificate, PEM; empty when it was read from a file.
    pub certificate: String,
    /// Its key, PKCS#8 in PEM; empty when it was read from a file.
    pub key: Zeroizing<String>,
}

/// An authority whose key is elsewhere.
#[derive(Clone)]
struct Away {
    role: &'static str,
    key: PathBuf,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The identity.
    pub uri: String,
    /// The subject's common name, for people.
    pub name: String,
    /// Host names.
    pub dns: Vec<String>,
    /// May serve TLS.
    pub server: bool,
    /// May dial.
    pub client: bool,
    /// A certificate policy.
    pub policy: Option<String>,
    /// How long it lasts, never beyond its issuer.
    pub days: u32,
}

/// A certificate with its key.
pub struct Issued {
    /// PEM.
    pub certificate: String,
    /// PKCS#8 in PEM.
    pub key: Zeroizing<String>,
}

/// A certificate request with its key.
pub struct Request {
    /// PKCS#10 in PEM.
    pub request: String,
    /// PKCS#8 in PEM.
    pub key: Zeroizing<String>,
}

impl Leaf {
    /// The gateway: `certs/profiles/gateway.toml`.
    pub fn gateway(trust_domain: &str, comp_id: &str, dns: Vec<String>) -> Self {
        let uri = format!("spiffe://{trust_domain}/gateway/{comp_id}");
        let (server, client) = (true, true);
        Self { uri, name: comp_id.into(), dns, server, client, policy: None, days: DAYS }
    }

    /// A dealer: `certs/profiles/dealer.toml`.
    pub fn dealer(trust_domain: &str, comp_id: &str, host: &str) -> Self {
        let uri = format!("spiffe://{trust_domain}/dealer/{comp_id}");
        let (name, dns) = (comp_id.into(), vec![host.into()]);
        Self { uri, name, dns, server: true, client: false, policy: None, days: DAYS }
    }

    /// An administrator on a managed workstation: `certs/profiles/admin.toml`.
    pub fn admin(trust_domain: &str, id: &str, policy: Option<&str>) -> Self {
        let uri = format!("spiffe://{trust_domain}/admin/{id}");
        let policy = policy.map(str::to_owned);
        let (name, dns) = (id.into(), vec![]);
        Self { uri, name, dns, server: false, client: true, policy, days: DAYS }
    }

    fn params(&self) -> Result<CertificateParams, CaError> {
        let mut params = CertificateParams::new(self.dns.clone())?;
        params.subject_alt_names.push(SanType::URI(self.uri.as_str().try_into()?));
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.name.as_str());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let server = self.server.then_some(ExtendedKeyUsagePurpose::ServerAuth);
        let client = self.client.then_some(ExtendedKeyUsagePurpose::ClientAuth);
        params.extended_key_usages = server.into_iter().chain(client).collect();
        if let Some(oid) = &self.policy {
            let content = policy_extension(oid).ok_or(CaError::NoManagedPolicy)?;
            let extension = CustomExtension::from_oid_content(&[2, 5, 29, 32], content);
            params.custom_extensions.push(extension);
        }
        Ok(params)
    }
}

/// A P-256 key in PKCS#8, and the same to sign with.
fn new_key() -> Result<(Zeroizing<String>, CaKey), CaError> {
    let document = SoftwareKey::generate_pkcs8()?;
    let key = SoftwareKey::from_pkcs8(&document, Protection::SoftwareMemory)?;
    Ok((Zeroizing::new(pem_text(&document)), CaKey(Arc::new(key))))
}

impl Authority {
    /// Makes one for certificates of one role.
    ///
    /// # Errors
    /// The source of random numbers fails.
    pub fn make(firm: &str, role: &str, now: OffsetDateTime) -> Result<Self, CaError> {
        let name = format!("{firm} {role}");
        let MadeAuthority { certificate, key, signer } =
            make(&name, Duration::days(365 * YEARS), now)?;
        Ok(Self { signer: Ok(signer), certificate, key })
    }

    /// Reads one.
    ///
    /// # Errors
    /// The files are not an authority that is in force and its key.
    pub fn load(certificate: &Path, key: &Path, now: OffsetDateTime) -> Result<Self, CaError> {
        let signer = Ok(Signer::load(certificate, &AuthorityKey::File(key.into()), now)?);
        Ok(Self { signer, certificate: String::new(), key: Zeroizing::default() })
    }

    /// One whose key is elsewhere: it can be trusted, and issues nothing.
    pub(super) fn away(role: &'static str, key: PathBuf, certificate: &str) -> Self {
        let signer = Err(Away { role, key });
        Self { signer, certificate: certificate.into(), key: Zeroizing::default() }
    }

    fn signer(&self) -> Result<&Signer, InitError> {
        let away = |a: &Away| InitError::AuthorityAway { role: a.role, path: a.key.clone() };
        self.signer.as_ref().map_err(away)
    }

    /// Issues a certificate for a public key (DER SubjectPublicKeyInfo); PEM.
    ///
    /// # Errors
    /// A name cannot be in a certificate.
    pub fn certify(
        &self,
        leaf: &Leaf,
        spki: &[u8],
        now: OffsetDateTime,
    ) -> Result<String, InitError> {
        let key = SubjectPublicKeyInfo::from_der(spki).map_err(CaError::from)?;
        self.signed(leaf, &key, now)
    }

    /// Issues a certificate with a new key.
    ///
    /// # Errors
    /// As [`Self::certify`].
    pub fn issue(&self, leaf: &Leaf, now: OffsetDateTime) -> Result<Issued, InitError> {
        let (key, public) = new_key()?;
        let certificate = self.signed(leaf, &public, now)?;
        Ok(Issued { certificate, key })
    }

    fn signed(
        &self,
        leaf: &Leaf,
        key: &impl PublicKeyData,
        now: OffsetDateTime,
    ) -> Result<String, InitError> {
        let signer = self.signer()?;
        let mut params = leaf.params()?;
        params.use_authority_key_identifier_extension = true;
        let ends = now + Duration::days(leaf.days.into());
        (params.not_before, params.not_after) = (now - CLOCK_TOLERANCE, ends.min(signer.not_after));
        Ok(params.signed_by(key, &signer.issuer).map_err(CaError::from)?.pem())
    }
}

impl Request {
    /// A request with a new key, for an outside authority.
    ///
    /// # Errors
    /// A name cannot be in a request.
    pub fn make(leaf: &Leaf) -> Result<Self, CaError> {
        let (key, signer) = new_key()?;
        let request = leaf.params()?.serialize_request(&signer)?.pem()?;
        Ok(Self { request, key })
    }
}

/// The authorities of a bank; `None`: an outside one, or nobody needs it.
pub struct Pki {
    pub desks: Authority,
    pub gateways: Option<Authority>,
    pub dealers: Option<Authority>,
    pub admins: Option<Authority>,
}

impl Pki {
    /// Makes those that the bank needs.
    ///
    /// # Errors
    /// The source of random numbers fails.
    pub fn make(bank: &Bank, now: OffsetDateTime) -> Result<Self, CaError> {
        let when = |wanted: bool, role: &str| {
            wanted.then(|| Authority::make(&bank.firm, role, now)).transpose()
        };
        Ok(Self {
            desks: Authority::make(&bank.firm, "desks", now)?,
            gateways: when(bank.outside_gateways.is_none(), "gateways")?,
            dealers: when(bank.own_dealers(), "dealers")?,
            admins: when(bank.outside_admins.is_none(), "administrators")?,
        })
    }
}

impl Bank {
    /// What the gateway's certificate says: every host that desks or browsers dial.
    pub fn gateway_leaf(&self) -> Leaf {
        let mut dns = self.hosts.clone();
        if !dns.contains(&self.console_host) {
            dns.push(self.console_host.clone());
        }
        Leaf::gateway(&self.trust_domain, self.comp_id.as_str(), dns)
    }

    /// What the first administrator's certificate says.
    pub fn admin_leaf(&self) -> Leaf {
        Leaf::admin(&self.trust_domain, &self.admin, Some(&self.managed_policy))
    }

    /// What a dealer's certificate says.
    pub fn dealer_leaf(&self, dealer: &Dealer) -> Leaf {
        Leaf::dealer(&self.trust_domain, dealer.comp_id.as_str(), &dealer.server_name)
    }
}
