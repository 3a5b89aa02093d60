//! The FIXS settings of TLS, in one place, for every listener and dialler.
//!
//! Versions, suites and groups are in [`policy`]. Both ends are authenticated by certificate; there
//! is no compression or renegotiation (rustls has neither). Resumption is off at both ends: a
//! resumed session would skip the check of the client's certificate, so a revoked desk could come
//! back.

mod client;
mod crl;
mod path;
mod pem;
mod pin;
mod policy;
mod revocation;
mod server;
mod verify;

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

pub use client::{ClientProfile, PinMatch};
pub use crl::{
    CRL_FILE_BYTES_MAX, CRLS_MAX, CrlError, CrlFacts, Crls, PartialList, Revocation, UnusableList,
};
pub use pem::{PemError, ServerIdentity};
pub(crate) use pin::PinMismatch;
pub use pin::{PinError, SpkiPin};
pub use policy::{TlsPolicy, TlsVersions};
pub use server::ServerProfile;
pub(crate) use verify::CrlProblem;
#[cfg(feature = "net")]
pub(crate) use verify::Recorder;

/// What an end shows: one certificate for good, or whatever a server's identity is at the time.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Always this one.
    Fixed(Arc<CertifiedKey>),
    /// The newest of a server.
    Newest(ServerIdentity),
}

impl Shown {
    fn now(&self) -> Arc<CertifiedKey> {
        match self {
            Self::Fixed(key) => Arc::clone(key),
            Self::Newest(identity) => identity.certified_key(),
        }
    }
}

impl From<Arc<CertifiedKey>> for Shown {
    fn from(key: Arc<CertifiedKey>) -> Self {
        Self::Fixed(key)
    }
}

impl From<&ServerIdentity> for Shown {
    fn from(identity: &ServerIdentity) -> Self {
        Self::Newest(identity.clone())
    }
}

/// The certificate authorities an end trusts. Never the machine's own list.
#[derive(Debug, Clone)]
pub struct TrustRoots {
    /// Those that webpki can read.
    store: Arc<RootCertStore>,
    all: Arc<Vec<CertificateDer<'static>>>,
}

impl TrustRoots {
    /// Trusts exactly these authorities.
    ///
    /// # Errors
    /// When there is none, or one cannot be read. At fault: the operator's settings.
    pub fn new(
        authorities: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, ProfileError> {
        let all: Vec<_> = authorities.into_iter().collect();
        let mut store = RootCertStore::empty();
        for authority in &all {
            // One with an extension that webpki does not process is an anchor of `path` only.
            if let Err(e) = store.add(authority.clone()) {
                name_of(authority).ok_or(ProfileError::UnreadableAuthority(e))?;
            }
        }
        if all.is_empty() {
            return Err(ProfileError::NoAuthority);
        }
        Ok(Self { store: Arc::new(store), all: Arc::new(all) })
    }

    /// The distinguished names of the authorities, for people.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        use x509_parser::prelude::{FromDer as _, X509Name};
        let names = self.all.iter().filter_map(name_of);
        names
            .filter_map(|name| {
                X509Name::from_der(name.as_ref()).ok().map(|(_, name)| name.to_string())
            })
            .collect()
    }

    /// The same as they travel, for the hints of a handshake.
    fn names(&self) -> Vec<rustls::DistinguishedName> {
        self.all.iter().filter_map(name_of).collect()
    }

    fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.all
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }
}

fn name_of(authority: &CertificateDer<'_>) -> Option<rustls::DistinguishedName> {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let (rest, parsed) = X509Certificate::from_der(authority).ok()?;
    rest.is_empty().then(|| rustls::DistinguishedName::from(parsed.subject().as_raw().to_vec()))
}

/// Whether a certificate was issued for this key. rustls would refuse a certificate that webpki
/// cannot read for an extension.
fn belongs_together(certified: &rustls::sign::CertifiedKey) -> bool {
    let leaf = certified
        .cert
        .first()
        .and_then(|c| crate::peer::CertificateFacts::from_certificate(c).ok());
    match (leaf, certified.key.public_key()) {
        (Some(facts), Some(key)) => facts.spki == key.as_ref(),
        _ => false,
    }
}

/// A TLS configuration cannot be built. At fault: the operator's settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    #[error("no certificate authority is configured, so no peer could be trusted")]
    NoAuthority,
    #[error("a configured certificate authority cannot be read: {0}")]
    UnreadableAuthority(#[source] rustls::Error),
    #[error("the certificate belongs to another key")]
    CertificateOfAnotherKey,
    #[error("the certificate checks cannot be set up: {0}")]
    Verifier(String),
    #[error("hybrid-only key exchange needs TLS 1.3 only")]
    HybridNeedsTls13,
    #[error("FIPS mode is asked for, but this program was not built with the FIPS module")]
    NotFips,
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
    #[error(transparent)]
    Pem(#[from] PemError),
    #[error(transparent)]
    Crl(#[from] CrlError),
}

/// Whether a client's chain leads to `roots`, for a certificate that was not shown in a handshake.
#[cfg(feature = "est")]
pub(crate) fn check_client_chain(
    roots: &TrustRoots,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: OffsetDateTime,
) -> Result<(), crate::refusal::Refusal> {
    use crate::refusal::{Refusal, Stage};
    use rustls::server::danger::ClientCertVerifier as _;
    let unusable = |e: ProfileError| Refusal::Other { detail: e.to_string() };
    let provider = TlsPolicy::default().provider().map_err(unusable)?;
    let verifier =
        verify::OurClientVerifier::new(roots, provider, None, false).map_err(unusable)?;
    let verified = verifier.verify_client_cert(leaf, intermediates, unix_time(now));
    verified.map(drop).map_err(|e| Refusal::seen_by_server(&e, Stage::Session))
}

/// Before 1970 is 1970: no certificate is that old.
fn unix_time(at: OffsetDateTime) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        u64::try_from(at.unix_timestamp()).unwrap_or_default(),
    ))
}
