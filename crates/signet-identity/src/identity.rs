//! A certificate chain together with the key it certifies.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use crate::certificate::{CHAIN_CERTIFICATES_MAX, CertificateFacts, PeerIdentity};
use crate::key::{DeviceKey, HandshakeKey};
use crate::names::PeerError;

/// A client identity: its name (the certificate chain) and the proof of it (the key).
#[derive(Debug, Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn DeviceKey>,
    facts: CertificateFacts,
}

/// Why a chain and a key do not make an identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// At fault: whoever stored or issued the identity.
    #[error("the identity has no certificate")]
    NoCertificate,
    /// At fault: whoever stored or issued the identity.
    #[error("the identity has {0} certificates; at most {CHAIN_CERTIFICATES_MAX} are allowed")]
    TooManyCertificates(usize),
    /// At fault: whoever paired them, usually a renewal that stored only half of its result.
    #[error("the certificate belongs to another key")]
    CertificateOfAnotherKey,
    /// At fault: the issuer of the certificate.
    #[error(transparent)]
    Certificate(#[from] PeerError),
}

impl Identity {
    /// Pairs a chain, leaf first, with its key.
    ///
    /// # Errors
    /// [`IdentityError::CertificateOfAnotherKey`] when the leaf certifies a different key: caught
    /// here because a peer would only answer with an unexplained alert. The other variants when
    /// the chain is empty, longer than [`CHAIN_CERTIFICATES_MAX`] or cannot be read.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn DeviceKey>,
    ) -> Result<Self, IdentityError> {
        if chain.len() > CHAIN_CERTIFICATES_MAX {
            return Err(IdentityError::TooManyCertificates(chain.len()));
        }
        let leaf = chain.first().ok_or(IdentityError::NoCertificate)?;
        let facts = CertificateFacts::from_certificate(leaf)?;
        if facts.spki.as_slice() != key.spki().as_ref() {
            return Err(IdentityError::CertificateOfAnotherKey);
        }
        Ok(Self { chain, key, facts })
    }

    /// The certificates, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key, for message signatures.
    #[must_use]
    pub fn key(&self) -> &Arc<dyn DeviceKey> {
        &self.key
    }

    /// Subject, validity and key digest of the leaf certificate.
    #[must_use]
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// The Signet identity in the leaf certificate. A venue without a Signet gateway may have
    /// issued a certificate that has none.
    ///
    /// # Errors
    /// [`PeerError`] when the leaf states no Signet identity.
    pub fn peer(&self) -> Result<PeerIdentity, PeerError> {
        // `new` refused an empty chain.
        let leaf = self.chain.first().ok_or(PeerError::NoCertificate)?;
        PeerIdentity::from_certificate(leaf)
    }

    /// Chain and key as rustls takes them, signing through the [`DeviceKey`].
    #[must_use]
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        let key = Arc::new(HandshakeKey(Arc::clone(&self.key)));
        Arc::new(CertifiedKey::new(self.chain.clone(), key))
    }
}
