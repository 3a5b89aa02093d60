//! Detached signatures in minisign's format, the prehashed form `ED`: Ed25519 (RFC 8032) over the
//! BLAKE2b-512 digest (RFC 7693) of the file, and over signature and trusted comment.
//!
//! The older form `Ed`, which signs the file itself, is refused.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blake2::{Blake2b512, Digest as _};
use std::fmt;

/// Longest key or signature file, bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 4 * 1024;
/// Longest trusted comment, bytes; minisign writes a time and a file name.
const COMMENT_BYTES_MAX: usize = 1024;

const KEY_ALGORITHM: &[u8; 2] = b"Ed";
const PREHASHED: &[u8; 2] = b"ED";
const UNTRUSTED: &str = "untrusted comment:";
const TRUSTED: &str = "trusted comment: ";

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The key file does not have the form of a minisign public key.
    #[error("the key is not a minisign public key")]
    Key,
    /// The signature file does not have the form of a prehashed minisign signature.
    #[error("the signature is not a minisign signature in the prehashed form")]
    Form,
    /// Another key made it.
    #[error("another key made the signature")]
    OtherKey,
    /// The file, the signature or its trusted comment was changed.
    #[error("the signature is not of this file")]
    NotOfThis,
}

/// The key that a firm signs its policies with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: [u8; 8],
    key: [u8; 32],
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

impl PublicKey {
    /// Reads minisign's `.pub` file: one line of comment, one of base64. The base64
    /// alone is enough.
    ///
    /// # Errors
    /// [`SignatureError::Key`].
    pub fn read(text: &str) -> Result<Self, SignatureError> {
        let mut lines = text.lines().filter(|l| !l.starts_with(UNTRUSTED) && !l.trim().is_empty());
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(SignatureError::Key);
        };
        let bytes: [u8; 42] = decode(line).ok_or(SignatureError::Key)?;
        let (algorithm, rest) = bytes.split_at(2);
        let (id, key) = rest.split_at(8);
        if algorithm != KEY_ALGORITHM {
            return Err(SignatureError::Key);
        }
        let key = key.try_into().map_err(|_| SignatureError::Key)?;
        Ok(Self { id: id.try_into().map_err(|_| SignatureError::Key)?, key })
    }

    /// As minisign writes it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let bytes = [&KEY_ALGORITHM[..], &self.id, &self.key].concat();
        format!("{UNTRUSTED} minisign public key {}\n{}\n", self.id(), STANDARD.encode(bytes))
    }

    /// minisign's key id, upper-case hexadecimal, as its tools print it.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:016X}", u64::from_le_bytes(self.id))
    }

    /// SHA-256 of the 32 bytes of the key: `sha256/<base64>`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("sha256/{}", STANDARD.encode(sha256(&self.key)))
    }

    /// Whether `signature`, the text of a signature file, is this key's of `file`. Returns the
    /// trusted comment.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, file: &[u8], signature: &str) -> Result<String, SignatureError> {
        let s = Signature::read(signature)?;
        if s.id != self.id {
            return Err(SignatureError::OtherKey);
        }
        let key = UnparsedPublicKey::new(&ED25519, &self.key);
        let good = |message: &[u8], signature: &[u8]| {
            key.verify(message, signature).map_err(|_| SignatureError::NotOfThis)
        };
        good(&Blake2b512::digest(file), &s.signature)?;
        good(&[&s.signature, s.comment.as_bytes()].concat(), &s.of_comment)?;
        Ok(s.comment.to_owned())
    }
}

struct Signature<'a> {
    id: [u8; 8],
    signature: [u8; 64],
    comment: &'a str,
    of_comment: [u8; 64],
}

impl<'a> Signature<'a> {
    fn read(text: &'a str) -> Result<Self, SignatureError> {
        Self::read_lines(text).ok_or(SignatureError::Form)
    }

    fn read_lines(text: &'a str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|l| l.starts_with(UNTRUSTED))?;
        let bytes: [u8; 74] = decode(lines.next()?)?;
        let comment = lines.next()?.strip_prefix(TRUSTED)?;
        let of_comment = decode(lines.next()?)?;
        let ended = lines.all(|l| l.trim().is_empty());
        let (algorithm, rest) = bytes.split_at(2);
        let (id, signature) = rest.split_at(8);
        // minisign separates its parts by tabs.
        let printable = comment.chars().all(|c| c == '\t' || !c.is_control());
        if algorithm != PREHASHED || comment.len() > COMMENT_BYTES_MAX || !printable || !ended {
            return None;
        }
        let (id, signature) = (id.try_into().ok()?, signature.try_into().ok()?);
        Some(Self { id, signature, comment, of_comment })
    }
}

fn decode<const N: usize>(line: &str) -> Option<[u8; N]> {
    STANDARD.decode(line.trim_end()).ok()?.try_into().ok()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    let made = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.copy_from_slice(made.as_ref());
    digest
}

#[cfg(any(test, feature = "sign"))]
mod sign;

#[cfg(any(test, feature = "sign"))]
pub use sign::Secret;

#[cfg(test)]
mod tests;
