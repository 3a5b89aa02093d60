//! Private keys: one trait, wherever the key lives, and its adapter to rustls.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::{SubjectPublicKeyInfoDer, alg_id};
use rustls::sign::{Signer, SigningKey, public_key_to_spki};
use rustls::{SignatureAlgorithm, SignatureScheme};
use zeroize::Zeroizing;

/// Where a private key is held while it is in use, weakest first.
///
/// What a client says about this is a claim; a gateway learns it from the profile it issued under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protection {
    /// In this process's memory; where it came from is the caller's affair.
    SoftwareMemory,
    /// At rest in the operating system's keychain; in memory while connected.
    OsKeychain,
    /// In hardware that does not give it out.
    Hardware,
}

/// A P-256 private key that can sign and cannot be read.
///
/// One key serves the TLS handshake, message signatures (tags 93/89) and certificate requests.
pub trait DeviceKey: Send + Sync + fmt::Debug {
    /// The public point, uncompressed (65 bytes, SEC 1 §2.3.3).
    fn public_point(&self) -> &[u8];

    /// Signs `message`: ECDSA on P-256 over its SHA-256, as ASN.1 DER (RFC 3279 §2.2.3).
    ///
    /// May block while a token waits for a PIN or a touch.
    ///
    /// # Errors
    /// [`KeyError`] when this machine or the key's holder does not sign.
    fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Where the key is held.
    fn protection(&self) -> Protection;

    /// The public key as a DER `SubjectPublicKeyInfo` (RFC 5480).
    fn spki(&self) -> SubjectPublicKeyInfoDer<'static> {
        public_key_to_spki(&alg_id::ECDSA_P256, self.public_point())
    }
}

/// What a key holder's failure says about the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderFault {
    /// The key, or the token that holds it, cannot be used: another key may work.
    Key,
    /// The keychain in front of the key did not answer or is locked, which says nothing about the
    /// key.
    Keychain,
}

/// A private key could not be loaded or could not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// At fault: whoever stored the key.
    #[error("the stored private key is not a P-256 key in PKCS#8 form")]
    NotP256Pkcs8,
    /// At fault: this machine (its cryptography library failed).
    #[error("this machine could not sign with the private key")]
    CannotSign,
    /// At fault: this machine (its random number source failed).
    #[error("this machine could not generate a private key")]
    CannotGenerate,
    /// At fault: as the holder's own error says.
    #[error("{message}")]
    Holder {
        /// The holder's stable code.
        code: &'static str,
        /// What it says about the key.
        fault: HolderFault,
        /// What happened, for a person.
        message: String,
        /// The remedy, as an instruction to the reader.
        cure: &'static str,
    },
    /// At fault: the token or its holder.
    #[error("the key's device refused to sign: {0}")]
    Device(String),
}

/// A P-256 key held in memory by aws-lc, the one provider measured to leave no copy after drop.
pub struct SoftwareKey {
    pair: EcdsaKeyPair,
    protection: Protection,
}

impl SoftwareKey {
    /// Loads a PKCS#8 (RFC 5958) document. The caller wipes its own copy.
    ///
    /// # Errors
    /// [`KeyError::NotP256Pkcs8`] for any other document.
    pub fn from_pkcs8(document: &[u8], protection: Protection) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document)
            .map_err(|_| KeyError::NotP256Pkcs8)?;
        Ok(Self { pair, protection })
    }

    /// A fresh key, as the PKCS#8 document to be stored in a keychain.
    ///
    /// # Errors
    /// [`KeyError::CannotGenerate`] when the random number source fails.
    pub fn generate_pkcs8() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                .map_err(|_| KeyError::CannotGenerate)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }
}

impl DeviceKey for SoftwareKey {
    fn public_point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature.map(|s| s.as_ref().to_vec()).map_err(|_| KeyError::CannotSign)
    }

    fn protection(&self) -> Protection {
        self.protection
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareKey").field("protection", &self.protection).finish_non_exhaustive()
    }
}

/// Lets rustls sign its handshake with a [`DeviceKey`].
#[derive(Debug, Clone)]
pub(crate) struct HandshakeKey(pub(crate) Arc<dyn DeviceKey>);

impl SigningKey for HandshakeKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        if !offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256) {
            return None;
        }
        Some(Box::new(self.clone()))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.0.spki())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for HandshakeKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.0
            .sign_es256(message)
            .map_err(|e| rustls::Error::Other(rustls::OtherError(Arc::new(e))))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

    fn key() -> SoftwareKey {
        let document = SoftwareKey::generate_pkcs8().unwrap();
        SoftwareKey::from_pkcs8(&document, Protection::SoftwareMemory).unwrap()
    }

    #[test]
    fn a_signature_verifies_under_the_public_point() {
        let key = key();
        let signature = key.sign_es256(b"8=FIX.4.4").unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_point());
        assert!(public.verify(b"8=FIX.4.4", &signature).is_ok());
        assert!(public.verify(b"8=FIX.4.2", &signature).is_err());
        assert_eq!(key.public_point().len(), 65);
    }

    #[test]
    fn rubbish_is_not_a_key() {
        let loaded = SoftwareKey::from_pkcs8(b"not a key", Protection::OsKeychain);
        assert!(matches!(loaded, Err(KeyError::NotP256Pkcs8)));
    }

    #[test]
    fn debug_output_names_no_key_material() {
        assert_eq!(format!("{:?}", key()), "SoftwareKey { protection: SoftwareMemory, .. }");
    }
}
