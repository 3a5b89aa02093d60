//! What is asked of a peer's certificate beyond path, name and purpose: revocation said in words,
//! and pins. rustls's own verifier always decides first.

use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, OtherError, SignatureScheme};

use super::pin::PinMismatch;
use super::{Crls, ProfileError, Revocation, SpkiPin, TrustRoots};
use crate::peer::CertificateFacts;

/// The most certificates of a server that `doctor` looks at.
const SHOWN_CERTIFICATES_MAX: usize = 8;

/// Why revocation could not be told. At fault: the operator of this end, or the publisher of lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CrlProblem {
    #[error("no revocation list is loaded")]
    Missing,
    #[error("no revocation list is from {issuer}")]
    OfAnotherAuthority { issuer: String, listed: Vec<String> },
    #[error("the revocation list is stale")]
    Stale { seconds: u64 },
    #[error("the revocation list is not acceptable: {0}")]
    Invalid(String),
}

/// Revocation as the verifiers of both ends need it.
#[derive(Debug)]
struct Revoking {
    /// `None` when the profile has no lists and asks for none.
    crls: Option<Crls>,
}

impl Revoking {
    fn passed(&self) -> Result<(), TlsError> {
        // rustls takes an empty set of lists for "do not check".
        match &self.crls {
            Some(crls) if crls.is_empty() && crls.revocation() == Revocation::Required => Err(problem(CrlProblem::Missing)),
            _ => Ok(()),
        }
    }

    /// Replaces rustls's words by ours. Also changes the alert: "unknown CA", which rustls would
    /// send, would make the peer look for the fault in its certificate.
    fn explain(&self, error: TlsError, end_entity: &CertificateDer<'_>) -> TlsError {
        use CertificateError as E;
        match error {
            TlsError::InvalidCertificate(E::UnknownRevocationStatus) => {
                let issuer = CertificateFacts::from_certificate(end_entity).map(|facts| facts.issuer).unwrap_or_default();
                let listed = self.crls.iter().flat_map(Crls::facts).map(|facts| facts.issuer.clone()).collect();
                problem(CrlProblem::OfAnotherAuthority { issuer, listed })
            }
            TlsError::InvalidCertificate(E::ExpiredRevocationListContext { time, next_update }) => {
                problem(CrlProblem::Stale { seconds: time.as_secs().saturating_sub(next_update.as_secs()) })
            }
            TlsError::InvalidCertificate(E::ExpiredRevocationList) => problem(CrlProblem::Stale { seconds: 0 }),
            TlsError::InvalidCertRevocationList(why) => problem(CrlProblem::Invalid(format!("{why:?}"))),
            other => other,
        }
    }
}

fn problem(problem: CrlProblem) -> TlsError {
    CertificateError::Other(OtherError(Arc::new(problem))).into()
}

/// Path, name, purpose and revocation first, then the pin: a right pin never rescues a bad chain.
#[derive(Debug)]
pub(super) struct OurServerVerifier {
    webpki: Arc<WebPkiServerVerifier>,
    revoking: Revoking,
    /// The current pin and its backups; empty means not pinned.
    pins: Vec<SpkiPin>,
    recorder: Option<Arc<Recorder>>,
}

/// Keeps the chain a server showed, trusted or not, for `doctor`.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<CertificateDer<'static>>>);

impl Recorder {
    #[cfg(feature = "net")]
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.0.lock().map(|chain| chain.clone()).unwrap_or_default()
    }

    fn record(&self, end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) {
        if let Ok(mut chain) = self.0.lock() {
            let shown = std::iter::once(end_entity).chain(intermediates).take(SHOWN_CERTIFICATES_MAX);
            *chain = shown.map(|certificate| certificate.clone().into_owned()).collect();
        }
    }
}

impl OurServerVerifier {
    pub(super) fn new(
        roots: &TrustRoots,
        provider: Arc<CryptoProvider>,
        crls: Option<Crls>,
        pins: Vec<SpkiPin>,
    ) -> Result<Self, ProfileError> {
        let mut builder = WebPkiServerVerifier::builder_with_provider(roots.store(), provider);
        if let Some(crls) = &crls {
            builder = builder.with_crls(crls.lists());
            builder = match crls.revocation() {
                Revocation::Required => builder.enforce_revocation_expiration(),
                Revocation::BestEffort => builder.allow_unknown_revocation_status(),
            };
        }
        let webpki = builder.build().map_err(|e| ProfileError::Verifier(e.to_string()))?;
        Ok(Self { webpki, revoking: Revoking { crls }, pins, recorder: None })
    }

    pub(super) fn recording(mut self, recorder: Option<Arc<Recorder>>) -> Self {
        self.recorder = recorder;
        self
    }
}

impl ServerCertVerifier for OurServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if let Some(recorder) = &self.recorder {
            recorder.record(end_entity, intermediates);
        }
        let verified = self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let verified = verified.map_err(|e| self.revoking.explain(e, end_entity))?;
        self.revoking.passed()?;
        if self.pins.is_empty() {
            return Ok(verified);
        }
        let leaf = ParsedCertificate::try_from(end_entity)?;
        let presented = SpkiPin::of_spki(leaf.subject_public_key_info().as_ref());
        if self.pins.contains(&presented) {
            return Ok(verified);
        }
        let mismatch = OtherError(Arc::new(PinMismatch { presented }));
        Err(CertificateError::Other(mismatch).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// The listening end's counterpart.
#[derive(Debug)]
pub(super) struct OurClientVerifier {
    webpki: Arc<dyn ClientCertVerifier>,
    revoking: Revoking,
}

impl OurClientVerifier {
    pub(super) fn new(roots: &TrustRoots, provider: Arc<CryptoProvider>, crls: Option<Crls>, optional: bool) -> Result<Self, ProfileError> {
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots.store(), provider);
        if let Some(crls) = &crls {
            builder = builder.with_crls(crls.lists());
            builder = match crls.revocation() {
                Revocation::Required => builder.enforce_revocation_expiration(),
                Revocation::BestEffort => builder.allow_unknown_revocation_status(),
            };
        }
        if optional {
            builder = builder.allow_unauthenticated();
        }
        let webpki = builder.build().map_err(|e| ProfileError::Verifier(e.to_string()))?;
        Ok(Self { webpki, revoking: Revoking { crls } })
    }
}

impl ClientCertVerifier for OurClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.webpki.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let verified = self.webpki.verify_client_cert(end_entity, intermediates, now);
        let verified = verified.map_err(|e| self.revoking.explain(e, end_entity))?;
        self.revoking.passed().map(|()| verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
