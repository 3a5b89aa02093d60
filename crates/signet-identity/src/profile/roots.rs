//! The authorities that an end trusts.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::error::ProfileError;

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
    pub(super) fn names(&self) -> Vec<rustls::DistinguishedName> {
        self.all.iter().filter_map(name_of).collect()
    }

    /// The authorities themselves.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.all
    }

    pub(super) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }
}

fn name_of(authority: &CertificateDer<'_>) -> Option<rustls::DistinguishedName> {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let (rest, parsed) = X509Certificate::from_der(authority).ok()?;
    rest.is_empty().then(|| rustls::DistinguishedName::from(parsed.subject().as_raw().to_vec()))
}
