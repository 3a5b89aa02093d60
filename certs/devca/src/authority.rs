//! One authority and what it issues.

use std::fmt;
use std::sync::Arc;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_RSA_SHA256, PublicKeyData, RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use signet_identity::CertificateFacts;
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{DevCaError, Order};

/// The lifetime of an authority: longer than anything it issues, short enough to stay a toy.
const AUTHORITY_LIFETIME: Duration = Duration::days(30);

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn generate(name: &str, now: OffsetDateTime) -> Result<Self, DevCaError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, "PRACTICE ONLY");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // A month back, so that it also covers the certificates ordered as expired.
        params.not_before = now - AUTHORITY_LIFETIME;
        params.not_after = now + AUTHORITY_LIFETIME;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        Ok(Self(CertifiedIssuer::self_signed(params, key)?))
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        self.0.der()
    }

    pub(crate) fn crl(
        &self,
        revoked: &[&CertificateDer<'_>],
        next_update: OffsetDateTime,
    ) -> Result<CertificateRevocationListDer<'static>, DevCaError> {
        let this_update = next_update - Duration::days(1);
        let entry = |certificate: &&CertificateDer<'_>| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from(serial(certificate)?),
                revocation_time: this_update,
                reason_code: None,
                invalidity_date: None,
            })
        };
        let params = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, DevCaError>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.0)?.der().clone())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(
        &self,
        order: &Order,
        trust_domain: &str,
        now: OffsetDateTime,
    ) -> Result<Issued, DevCaError> {
        let algorithm = if order.rsa { &PKCS_RSA_SHA256 } else { &PKCS_ECDSA_P256_SHA256 };
        let key = KeyPair::generate_for(algorithm)?;
        let certificate = params(order, trust_domain, now)?.signed_by(&key, &self.0)?;
        Ok(Issued {
            chain_pem: certificate.pem(),
            chain: vec![certificate.der().clone()],
            key_pkcs8: Zeroizing::new(key.serialize_der()),
            key_pem: Zeroizing::new(key.serialize_pem()),
        })
    }

    pub(crate) fn issue_for(
        &self,
        order: &Order,
        public_point: &[u8],
        trust_domain: &str,
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, DevCaError> {
        let certificate =
            params(order, trust_domain, now)?.signed_by(&PublicPoint(public_point), &self.0)?;
        Ok(vec![certificate.der().clone()])
    }
}

/// A P-256 key of which only the public half is here.
struct PublicPoint<'a>(&'a [u8]);

impl PublicKeyData for PublicPoint<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

fn params(
    order: &Order,
    trust_domain: &str,
    now: OffsetDateTime,
) -> Result<CertificateParams, DevCaError> {
    let mut params = CertificateParams::new(order.dns.clone())?;
    let uri = Ia5String::try_from(order.spiffe_uri(trust_domain))?;
    params.subject_alt_names.push(SanType::URI(uri));
    params.distinguished_name.push(DnType::CommonName, order.comp_id.as_str());
    params.distinguished_name.push(DnType::OrganizationName, "PRACTICE ONLY");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = order.validity(now);
    if let Some(oid) = &order.policy {
        let content = signet_identity::policy_extension(oid)
            .ok_or_else(|| DevCaError::Policy(oid.clone()))?;
        params
            .custom_extensions
            .push(rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 32], content));
    }
    if order.for_server {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    if order.for_client {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    }
    Ok(params)
}

/// The bytes of the serial number, which `CertificateFacts` gives as hexadecimal.
fn serial(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, DevCaError> {
    let digits = CertificateFacts::from_certificate(certificate)?.serial;
    let byte = |pair: &[u8]| {
        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    digits.as_bytes().chunks(2).map(byte).collect::<Option<_>>().ok_or(DevCaError::Serial)
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    chain: Vec<CertificateDer<'static>>,
    chain_pem: String,
    key_pkcs8: Zeroizing<Vec<u8>>,
    key_pem: Zeroizing<String>,
}

impl Issued {
    /// The certificates, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key as PKCS#8 DER.
    #[must_use]
    pub fn key_pkcs8(&self) -> &[u8] {
        &self.key_pkcs8
    }

    /// The chain as PEM.
    #[must_use]
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The private key as PKCS#8 PEM.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The form the FIXS profiles take.
    pub fn certified_key(&self) -> Result<Arc<CertifiedKey>, DevCaError> {
        let mut der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key_pkcs8.to_vec()));
        let key = any_supported_type(&der).map_err(DevCaError::Key);
        der.zeroize();
        Ok(Arc::new(CertifiedKey::new(self.chain.clone(), key?)))
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}
