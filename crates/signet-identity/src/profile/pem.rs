//! Identities of servers (gateway, dealer), which live in files guarded by the operator.
//!
//! A desk's key is never read here: it is in the keychain.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::{Zeroize as _, Zeroizing};

use super::error::{FILE_BYTES_MAX, PemError, ProfileError};
use super::pair::belongs_together;
use super::roots::TrustRoots;
use crate::certificate::{CHAIN_CERTIFICATES_MAX, PeerIdentity};
use crate::key::{DeviceKey, HandshakeKey};
use crate::names::PeerError;

impl TrustRoots {
    /// Reads a PEM bundle of certificate authorities.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate. At fault: the operator.
    pub fn from_pem_file(path: &Path) -> Result<Self, ProfileError> {
        Self::new(certificates(path)?)
    }
}

/// Certificate chain and key of a server process. Clones share them: after [`Self::replace`], every
/// listener and dialler shows the new ones from its next handshake on.
#[derive(Debug, Clone)]
pub struct ServerIdentity(Arc<RwLock<Arc<CertifiedKey>>>);

impl ServerIdentity {
    /// Reads a chain, leaf first, and its PKCS#8 key.
    ///
    /// # Errors
    /// [`PemError`]; among others when, on Unix, anyone but its owner may read the key file.
    pub fn from_pem_files(chain: &Path, key: &Path) -> Result<Self, PemError> {
        let certificates = chain_of(chain)?;
        let no_key = || PemError::NoKey { path: key.to_owned() };
        let pem = read(key, FileKind::PrivateKey)?;
        let mut der = PrivateKeyDer::from_pem_slice(without_bom(&pem)).map_err(|_| no_key())?;
        let signing_key = any_supported_type(&der);
        der.zeroize();
        let certified = CertifiedKey::new(certificates, signing_key.map_err(|_| no_key())?);
        Self::paired(certified, chain, key)
    }

    /// Reads a chain, leaf first, for a key that a holder keeps. `named` is what a message calls
    /// the key.
    ///
    /// # Errors
    /// [`PemError`]; among others when the leaf is of another key.
    pub fn with_held_key(
        chain: &Path,
        key: Arc<dyn DeviceKey>,
        named: &Path,
    ) -> Result<Self, PemError> {
        let certified = CertifiedKey::new(chain_of(chain)?, Arc::new(HandshakeKey(key)));
        Self::paired(certified, chain, named)
    }

    fn paired(certified: CertifiedKey, chain: &Path, key: &Path) -> Result<Self, PemError> {
        if !belongs_together(&certified) {
            let (chain, key) = (chain.to_owned(), key.to_owned());
            return Err(PemError::CertificateOfAnotherKey { chain, key });
        }
        Ok(Self(Arc::new(RwLock::new(Arc::new(certified)))))
    }

    /// Chain and key as they are now.
    #[must_use]
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows `newer` from now on. Open connections keep the certificate they were made with.
    pub fn replace(&self, newer: &Self) {
        let newer = newer.certified_key();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = newer;
    }

    /// The Signet identity this server will show.
    ///
    /// # Errors
    /// [`PeerError`] when its leaf states none.
    pub fn peer(&self) -> Result<PeerIdentity, PeerError> {
        let certified = self.certified_key();
        PeerIdentity::from_certificate(certified.cert.first().ok_or(PeerError::NoCertificate)?)
    }
}

fn chain_of(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let certificates = certificates(path)?;
    if certificates.len() > CHAIN_CERTIFICATES_MAX {
        return Err(PemError::TooManyCertificates { path: path.to_owned() });
    }
    Ok(certificates)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let pem = read(path, FileKind::Public)?;
    let none = || PemError::NoCertificate { path: path.to_owned() };
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(without_bom(&pem)).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(none()),
    }
}

/// The text without the byte order mark that some editors put in front: RFC 7468 §2 lets a reader
/// ignore what stands before the first boundary.
pub(super) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Public,
    PrivateKey,
}

fn read(path: &Path, kind: FileKind) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let unreadable = |source| PemError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    // Metadata of the open file, so that nobody can swap it between the check and the read.
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(PemError::TooLarge { path: path.to_owned() });
    }
    if kind == FileKind::PrivateKey {
        require_private(path, &metadata)?;
    }
    // The full capacity at once: a growing buffer would leave copies of the key in memory.
    let capacity = usize::try_from(metadata.len()).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

#[cfg(unix)]
fn require_private(path: &Path, metadata: &std::fs::Metadata) -> Result<(), PemError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PemError::KeyReadableByOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Other systems protect files by access lists that the standard library cannot read.
#[cfg(not(unix))]
fn require_private(_: &Path, _: &std::fs::Metadata) -> Result<(), PemError> {
    Ok(())
}
