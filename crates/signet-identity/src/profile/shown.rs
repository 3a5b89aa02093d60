//! The certificate that an end shows.

use std::sync::Arc;

use rustls::sign::CertifiedKey;

use super::pem::ServerIdentity;

/// What an end shows: one certificate for good, or a server's identity as it is at each handshake.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Always this chain and key.
    Fixed(Arc<CertifiedKey>),
    /// The chain and key that the server's identity holds at the time.
    Newest(ServerIdentity),
}

impl Shown {
    pub(super) fn now(&self) -> Arc<CertifiedKey> {
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
