//! The certificates that a server showed, kept for a report.

use std::sync::{Mutex, PoisonError};

use rustls::pki_types::CertificateDer;

/// The most certificates of a server that are kept.
const SHOWN_CERTIFICATES_MAX: usize = 8;

/// Keeps the chain that a server showed in its last handshake, trusted or not, up to eight
/// certificates. For [`ClientProfile::config_recording`](crate::ClientProfile::config_recording).
#[derive(Debug, Default)]
pub struct ChainRecorder(Mutex<Vec<CertificateDer<'static>>>);

impl ChainRecorder {
    /// The certificates, leaf first; empty before a server showed one.
    #[must_use]
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn record(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) {
        let shown = std::iter::once(end_entity).chain(intermediates).take(SHOWN_CERTIFICATES_MAX);
        let shown = shown.map(|certificate| certificate.clone().into_owned()).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }
}
