//! Message signatures (FIX tags 93/89): made with the key of a TLS identity, judged with the key in
//! a certificate.
//!
//! ECDSA on P-256 with SHA-256 and nothing else, r and s of 32 bytes each (RFC 7518 §3.4).
//! `signet-fix` decides which bytes are signed.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};

use crate::certificate::CertificateFacts;
use crate::identity::Identity;
use crate::key::{HandshakeKey, KeyError};
use crate::names::PeerError;
use crate::profile::ServerIdentity;

/// Bytes of a signature.
pub const MESSAGE_SIGNATURE_BYTES: usize = 64;
const SCALAR_BYTES: usize = MESSAGE_SIGNATURE_BYTES / 2;
/// The bytes before the 65 bytes of the point in every `SubjectPublicKeyInfo` of P-256 (RFC 5480
/// §2).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT_BYTES: usize = 65;

/// A key cannot be used for message signatures. Found when a connection or a process starts, never
/// at the first trade.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageKeyError {
    /// At fault: whoever chose the key of the certificate.
    #[error("messages are signed with P-256 keys only, and the certificate's is of another kind")]
    NotP256,
    /// At fault: the issuer of the certificate, or the peer that shows it.
    #[error(transparent)]
    Certificate(#[from] PeerError),
}

impl MessageKeyError {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotP256 => "signature.key_type",
            Self::Certificate(_) => "signature.certificate",
        }
    }

    /// The remedy, as an instruction to the reader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::NotP256 => "Have a certificate issued for a P-256 key.",
            Self::Certificate(_) => "Have a new certificate issued.",
        }
    }
}

/// Signs messages with the private key of a TLS identity, wherever that key is held.
#[derive(Clone)]
pub struct MessageKey(Signer);

#[derive(Clone)]
enum Signer {
    Fixed(Arc<dyn SigningKey>),
    /// The newest key of a server.
    Newest(ServerIdentity),
}

impl MessageKey {
    /// The key of a TLS identity.
    ///
    /// # Errors
    /// When it is not a P-256 key.
    pub fn of(certified: &CertifiedKey) -> Result<Self, MessageKeyError> {
        let spki = certified.key.public_key().ok_or(MessageKeyError::NotP256)?;
        p256_point(&spki)?;
        Ok(Self(Signer::Fixed(Arc::clone(&certified.key))))
    }

    /// The key as it is now, for one connection: a peer judges signatures with the certificate that
    /// it was shown in the handshake.
    #[must_use]
    pub fn pinned(&self) -> Self {
        Self(Signer::Fixed(self.now()))
    }

    fn now(&self) -> Arc<dyn SigningKey> {
        match &self.0 {
            Signer::Fixed(key) => Arc::clone(key),
            Signer::Newest(identity) => Arc::clone(&identity.certified_key().key),
        }
    }

    /// Signs, as r and s.
    ///
    /// Blocks while a token works, or waits for a PIN or a touch.
    ///
    /// # Errors
    /// When the key's holder does not sign. At fault: as the holder's error says.
    pub fn sign(&self, covered: &[u8]) -> Result<[u8; MESSAGE_SIGNATURE_BYTES], KeyError> {
        let key = self.now();
        let signer = key
            .choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256])
            .ok_or(KeyError::CannotSign)?;
        let der = signer.sign(covered).map_err(|e| KeyError::Device(said_by_the_key(&e)))?;
        fixed_signature(&der).ok_or(KeyError::CannotSign)
    }
}

/// Our own keys put their error inside rustls's, whose text alone would only say "other".
fn said_by_the_key(error: &rustls::Error) -> String {
    match error {
        rustls::Error::Other(inner) => inner.0.to_string(),
        error => error.to_string(),
    }
}

impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageKey(..)")
    }
}

impl Identity {
    /// For signing messages. A device's key is on P-256 by its type.
    #[must_use]
    pub fn message_key(&self) -> MessageKey {
        MessageKey(Signer::Fixed(Arc::new(HandshakeKey(Arc::clone(self.key())))))
    }

    /// For judging what this identity signs.
    ///
    /// # Errors
    /// When the leaf certificate's key cannot be read.
    pub fn message_public_key(&self) -> Result<MessagePublicKey, MessageKeyError> {
        MessagePublicKey::of_certificate(self.chain().first().ok_or(PeerError::NoCertificate)?)
    }
}

impl ServerIdentity {
    /// For signing messages.
    ///
    /// # Errors
    /// When the key is not on P-256; TLS alone would have taken it.
    pub fn message_key(&self) -> Result<MessageKey, MessageKeyError> {
        MessageKey::of(&self.certified_key())?;
        Ok(MessageKey(Signer::Newest(self.clone())))
    }
}

/// The public key of a certificate, for judging what its holder signed.
#[derive(Clone)]
pub struct MessagePublicKey(ParsedPublicKey);

impl MessagePublicKey {
    /// Reads a leaf certificate. It does not validate it: the TLS handshake does.
    ///
    /// # Errors
    /// When the certificate cannot be read or its key is not on P-256.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, MessageKeyError> {
        Self::of_spki(&CertificateFacts::from_certificate(certificate)?.spki)
    }

    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5480).
    ///
    /// # Errors
    /// [`MessageKeyError::NotP256`] for any other key, and for a point that is not on the curve.
    pub fn of_spki(spki: &[u8]) -> Result<Self, MessageKeyError> {
        let point = p256_point(spki)?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .map(Self)
            .map_err(|_| MessageKeyError::NotP256)
    }

    /// The key at the other end of a connection whose handshake is complete.
    ///
    /// # Errors
    /// As [`Self::of_certificate`], and when the peer showed no certificate.
    pub fn of_connection(connection: &rustls::CommonState) -> Result<Self, MessageKeyError> {
        let leaf = connection.peer_certificates().and_then(|chain| chain.first());
        Self::of_certificate(leaf.ok_or(PeerError::NoCertificate)?)
    }

    /// Whether the holder's key made `signature` over `covered`.
    #[must_use]
    pub fn is_good(&self, covered: &[u8], signature: &[u8; MESSAGE_SIGNATURE_BYTES]) -> bool {
        self.0.verify_sig(covered, signature).is_ok()
    }
}

impl fmt::Debug for MessagePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessagePublicKey(..)")
    }
}

fn p256_point(spki: &[u8]) -> Result<&[u8], MessageKeyError> {
    spki.strip_prefix(&P256_SPKI_PREFIX)
        .filter(|p| p.len() == POINT_BYTES && p[0] == 4)
        .ok_or(MessageKeyError::NotP256)
}

/// `SEQUENCE { INTEGER r, INTEGER s }` to r and s of 32 bytes each. `None` for anything that is not
/// exactly that in DER: another encoding of the same numbers would be a second valid signature.
fn fixed_signature(der: &[u8]) -> Option<[u8; MESSAGE_SIGNATURE_BYTES]> {
    let (&[0x30, length], body) = der.split_first_chunk::<2>()? else { return None };
    if usize::from(length) != body.len() {
        return None;
    }
    let (r, rest) = scalar(body)?;
    let (s, rest) = scalar(rest)?;
    let mut fixed = [0; MESSAGE_SIGNATURE_BYTES];
    fixed[SCALAR_BYTES - r.len()..SCALAR_BYTES].copy_from_slice(r);
    fixed[MESSAGE_SIGNATURE_BYTES - s.len()..].copy_from_slice(s);
    rest.is_empty().then_some(fixed)
}

/// One positive INTEGER of at most 32 bytes in its shortest form, without a sign byte; and what
/// follows.
fn scalar(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[0x02, length], rest) = der.split_first_chunk::<2>()? else { return None };
    let (digits, rest) = rest.split_at_checked(usize::from(length))?;
    let digits = match digits {
        [0, high, ..] if high & 0x80 != 0 => &digits[1..],
        [high, ..] if *high != 0 && high & 0x80 == 0 => digits,
        _ => return None,
    };
    (digits.len() <= SCALAR_BYTES).then_some((digits, rest))
}

#[cfg(test)]
#[path = "signing_tests.rs"]
mod tests;
