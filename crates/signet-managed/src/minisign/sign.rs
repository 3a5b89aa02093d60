//! Makes signatures, for tests.

use super::{COMMENT_BYTES_MAX, PREHASHED, PublicKey, SignatureError, TRUSTED, UNTRUSTED, sha256};
use aws_lc_rs::{
    rand,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blake2::{Blake2b512, Digest as _};
use std::fmt;

/// A key that signs policies, for tests. Firms keep theirs in minisign, encrypted.
pub struct Secret {
    id: [u8; 8],
    pair: Ed25519KeyPair,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A new key, and its PKCS#8 encoding (RFC 8410), which the caller keeps secret.
    ///
    /// # Errors
    /// The random number generator of the system does not answer.
    pub fn generate() -> Result<(Self, impl AsRef<[u8]>), SignatureError> {
        let random = rand::SystemRandom::new();
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| SignatureError::Key)?;
        Ok((Self::from_pkcs8(pkcs8.as_ref())?, pkcs8))
    }

    /// Reads the PKCS#8 encoding. The key id is made from the public key, so it need not be kept.
    ///
    /// # Errors
    /// [`SignatureError::Key`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SignatureError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| SignatureError::Key)?;
        let digest = sha256(pair.public_key().as_ref());
        let id = digest[..8].try_into().map_err(|_| SignatureError::Key)?;
        Ok(Self { id, pair })
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey { id: self.id, key }
    }

    /// The text of the signature file. `comment` is signed as well; it must be one line.
    ///
    /// # Errors
    /// [`SignatureError::Form`] when the comment has line breaks or is too long.
    pub fn sign(&self, file: &[u8], comment: &str) -> Result<String, SignatureError> {
        if comment.len() > COMMENT_BYTES_MAX || comment.chars().any(char::is_control) {
            return Err(SignatureError::Form);
        }
        let signature = self.pair.sign(&Blake2b512::digest(file));
        let all = self.pair.sign(&[signature.as_ref(), comment.as_bytes()].concat());
        let line = [&PREHASHED[..], &self.id, signature.as_ref()].concat();
        Ok(format!(
            "{UNTRUSTED} signature of a Signet policy\n{}\n{TRUSTED}{comment}\n{}\n",
            STANDARD.encode(line),
            STANDARD.encode(all)
        ))
    }
}
