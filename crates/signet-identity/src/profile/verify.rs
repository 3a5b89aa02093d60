//! The checks of a peer's certificate: a path (webpki first, `path` for what webpki does not
//! process), the revocation lists (`revocation`), and the pins.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, OtherError,
    SignatureScheme,
};
use time::OffsetDateTime;

use super::crl::Crls;
use super::error::ProfileError;
use super::path::{self, PathError, PathRequest, Purpose};
use super::recorder::ChainRecorder;
use super::revocation::{self, Refused};
use super::roots::TrustRoots;
use crate::certificate::CertificateFacts;
use crate::pin::SpkiPin;
use crate::refusal::{CrlProblem, PinMismatch};

/// The checks of a path that both ends share: it leads to an authority, and no revocation list
/// refuses it.
#[derive(Debug)]
struct PathRules {
    roots: TrustRoots,
    provider: Arc<CryptoProvider>,
    /// `None` when the profile neither has nor requires lists.
    crls: Option<Crls>,
}

impl PathRules {
    /// AWS-LC decides about what webpki refuses because webpki does not process it; then the
    /// revocation lists are consulted.
    fn judge(
        &self,
        by_webpki: Result<(), TlsError>,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        purpose: Purpose<'_>,
        now: UnixTime,
    ) -> Result<(), TlsError> {
        match by_webpki {
            Err(refused) if path::is_beyond_webpki(&refused) => {
                let anchors = self.roots.certificates();
                let validated = path::validate(&PathRequest {
                    end_entity,
                    intermediates,
                    anchors,
                    purpose,
                    now,
                });
                validated.map_err(|why| {
                    if tells_more(&refused) { TlsError::from(why) } else { refused }
                })?;
            }
            decided => decided?,
        }
        self.ask_lists(end_entity, intermediates, now)
    }

    fn ask_lists(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), TlsError> {
        let Some(crls) = &self.crls else { return Ok(()) };
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        // A clock beyond the calendar makes every list stale.
        let at = OffsetDateTime::from_unix_timestamp(seconds)
            .unwrap_or(time::PrimitiveDateTime::MAX.assume_utc());
        revocation::check(crls, end_entity, intermediates, self.roots.certificates(), at)
            .map_err(|refused| said(refused, crls))
    }

    /// The check of rustls, also for a certificate with an extension that webpki does not read: its
    /// public key is then read here.
    fn verify_tls13(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms) {
            Err(e) if path::is_beyond_webpki(&e) => {
                rustls::crypto::verify_tls13_signature_with_raw_key(
                    message,
                    &spki(cert)?,
                    dss,
                    algorithms,
                )
            }
            decided => decided,
        }
    }

    fn verify_tls12(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms) {
            Err(e) if path::is_beyond_webpki(&e) => {
                let spki = spki(cert)?;
                let key = webpki::RawPublicKeyEntity::try_from(&spki)
                    .map_err(|_| CertificateError::BadEncoding)?;
                let mapped = algorithms.mapping.iter().find(|(scheme, _)| *scheme == dss.scheme);
                let possible = mapped.map_or(&[][..], |(_, algorithms)| algorithms);
                let good = possible
                    .iter()
                    .any(|a| key.verify_signature(*a, message, dss.signature()).is_ok());
                if good {
                    Ok(HandshakeSignatureValid::assertion())
                } else {
                    Err(CertificateError::BadSignature.into())
                }
            }
            decided => decided,
        }
    }
}

/// Whether AWS-LC's reason is more precise than rustls's.
fn tells_more(refused: &TlsError) -> bool {
    matches!(
        refused,
        TlsError::InvalidCertificate(
            CertificateError::Other(_) | CertificateError::UnhandledCriticalExtension
        )
    )
}

fn spki(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, TlsError> {
    let facts = CertificateFacts::from_certificate(certificate)
        .map_err(|_| CertificateError::BadEncoding)?;
    Ok(SubjectPublicKeyInfoDer::from(facts.spki))
}

/// The refusal as an error of ours, which also changes the alert: rustls would send "unknown CA",
/// and the peer would look for the fault in its certificate.
fn said(refused: Refused, crls: &Crls) -> TlsError {
    match refused {
        Refused::Revoked => CertificateError::Revoked.into(),
        Refused::Unreadable => CertificateError::BadEncoding.into(),
        Refused::TooManyCertificates => PathError::TooMany.into(),
        Refused::Missing => problem(CrlProblem::Missing),
        Refused::OfAnotherAuthority { issuer } => {
            let listed = crls.facts().iter().map(|facts| facts.issuer.clone()).collect();
            problem(CrlProblem::OfAnotherAuthority { issuer, listed })
        }
        Refused::Stale { seconds } => problem(CrlProblem::Stale { seconds }),
        Refused::Invalid(why) => problem(CrlProblem::Invalid(why)),
    }
}

fn problem(problem: CrlProblem) -> TlsError {
    CertificateError::Other(OtherError(Arc::new(problem))).into()
}

/// Checks path, name, purpose and revocation first, then the pin: a pin that matches never rescues
/// a bad chain.
#[derive(Debug)]
pub(super) struct OurServerVerifier {
    /// `None` when webpki can read none of the authorities.
    webpki: Option<Arc<WebPkiServerVerifier>>,
    rules: PathRules,
    /// The current pin and its backups; empty means not pinned.
    pins: Vec<SpkiPin>,
    recorder: Option<Arc<ChainRecorder>>,
}

impl OurServerVerifier {
    pub(super) fn new(
        roots: &TrustRoots,
        provider: Arc<CryptoProvider>,
        crls: Option<Crls>,
        pins: Vec<SpkiPin>,
    ) -> Result<Self, ProfileError> {
        let build = || {
            WebPkiServerVerifier::builder_with_provider(roots.store(), Arc::clone(&provider))
                .build()
        };
        let webpki = if roots.store().is_empty() {
            None
        } else {
            Some(build().map_err(|e| ProfileError::Verifier(e.to_string()))?)
        };
        let rules = PathRules { roots: roots.clone(), provider, crls };
        Ok(Self { webpki, rules, pins, recorder: None })
    }

    pub(super) fn recording(mut self, recorder: Option<Arc<ChainRecorder>>) -> Self {
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
        let by_webpki = match &self.webpki {
            Some(w) => w
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map(drop),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        self.rules.judge(
            by_webpki,
            end_entity,
            intermediates,
            Purpose::Server(server_name),
            now,
        )?;
        if self.pins.is_empty() {
            return Ok(ServerCertVerified::assertion());
        }
        let presented = SpkiPin::of_spki(spki(end_entity)?.as_ref());
        if self.pins.contains(&presented) {
            return Ok(ServerCertVerified::assertion());
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
        self.rules.verify_tls12(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rules.verify_tls13(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The same for the listening end, without name and pin.
#[derive(Debug)]
pub(super) struct OurClientVerifier {
    /// `None` when webpki can read none of the authorities.
    webpki: Option<Arc<dyn ClientCertVerifier>>,
    rules: PathRules,
    hints: Vec<DistinguishedName>,
    optional: bool,
}

impl OurClientVerifier {
    pub(super) fn new(
        roots: &TrustRoots,
        provider: Arc<CryptoProvider>,
        crls: Option<Crls>,
        optional: bool,
    ) -> Result<Self, ProfileError> {
        let build = || {
            WebPkiClientVerifier::builder_with_provider(roots.store(), Arc::clone(&provider))
                .build()
        };
        let webpki = if roots.store().is_empty() {
            None
        } else {
            Some(build().map_err(|e| ProfileError::Verifier(e.to_string()))?)
        };
        let rules = PathRules { roots: roots.clone(), provider, crls };
        Ok(Self { webpki, rules, hints: roots.names(), optional })
    }
}

impl ClientCertVerifier for OurClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        !self.optional
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let by_webpki = match &self.webpki {
            Some(w) => w.verify_client_cert(end_entity, intermediates, now).map(drop),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        self.rules.judge(by_webpki, end_entity, intermediates, Purpose::Client, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rules.verify_tls12(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rules.verify_tls13(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.provider.signature_verification_algorithms.supported_schemes()
    }
}
