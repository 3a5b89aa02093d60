//! Where private keys are made and kept: one trait for the keychain, tokens and chips.
//!
//! Every call may wait for a person (a prompt, a PIN, a touch) up to a deadline; from asynchronous
//! code they belong on a blocking thread. Nothing here writes a key to a file.

#[cfg(windows)]
pub mod cng;
#[cfg(target_os = "macos")]
pub mod enclave;
#[cfg(any(windows, feature = "pkcs11"))]
mod encoding;
mod error;
mod keychain;
mod pin;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;

/// For tests elsewhere: what tokens' signatures become for TLS.
#[cfg(all(test, any(windows, feature = "pkcs11")))]
pub(crate) fn der_of(raw: &[u8]) -> Vec<u8> {
    encoding::signature_der(raw).unwrap_or_default()
}

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::identity::Identity;
use crate::key::{DeviceKey, Protection};
use crate::keychain::{KeychainError, Loaded};

pub use error::HolderError;
pub use pin::{Pin, PinPrompt, PinRequest, PinTries};

/// The longest label, in characters.
pub const LABEL_CHARS_MAX: usize = 80;

/// Something that makes, keeps and uses P-256 keys without giving them out to the rest of Signet.
pub trait KeyHolder: Send + Sync + fmt::Debug {
    /// Makes a key under a label that is not taken.
    fn generate(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError>;

    /// The key of this label.
    fn open(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError>;

    /// Deletes the key of this label; [`HolderError::NoSuchKey`] if there is none.
    fn delete(&self, label: &KeyLabel) -> Result<(), HolderError>;

    /// How the keys it makes are protected.
    fn protection(&self) -> Protection;

    /// Which of the holders it is, as stored with an identity.
    fn kind(&self) -> HolderKind;
}

/// The holders there are. Not each exists on each system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HolderKind {
    /// The operating system's keychain.
    Keychain,
    /// A PKCS#11 token: smart card, PIV key, HSM, TPM through tpm2-pkcs11.
    Pkcs11,
    /// Windows' Platform Crypto Provider, which is the TPM.
    Cng,
    /// The Secure Enclave of a Mac.
    Enclave,
}

impl HolderKind {
    /// The word stored with an identity.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::Pkcs11 => "pkcs11",
            Self::Cng => "cng",
            Self::Enclave => "enclave",
        }
    }

    /// The protection a certificate states for keys in this holder.
    #[must_use]
    pub const fn protection_word(self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::Pkcs11 | Self::Cng | Self::Enclave => "token",
        }
    }
}

impl FromStr for HolderKind {
    type Err = HolderError;

    fn from_str(text: &str) -> Result<Self, HolderError> {
        let all = [Self::Keychain, Self::Pkcs11, Self::Cng, Self::Enclave];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(HolderError::BadLabel)
    }
}

/// A key's name in its holder: 1 to 80 of `A-Z a-z 0-9 . _ - @`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyLabel(String);

impl KeyLabel {
    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyLabel {
    type Err = HolderError;

    fn from_str(text: &str) -> Result<Self, HolderError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
        let fits = (1..=LABEL_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(HolderError::BadLabel) }
    }
}

impl fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an identity's key is, as stored next to its certificate: `@<holder>:<label>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPlace {
    pub holder: HolderKind,
    pub label: KeyLabel,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}:{}", self.holder.as_str(), self.label)
    }
}

impl FromStr for KeyPlace {
    type Err = HolderError;

    fn from_str(text: &str) -> Result<Self, HolderError> {
        let (holder, label) = text
            .strip_prefix('@')
            .and_then(|rest| rest.split_once(':'))
            .ok_or(HolderError::BadLabel)?;
        Ok(Self { holder: holder.parse()?, label: label.parse()? })
    }
}

/// Completes what a keychain had of an identity with the key from its holder.
pub fn open_loaded(
    loaded: Loaded,
    holders: &[Arc<dyn KeyHolder>],
) -> Result<Identity, HolderError> {
    let (chain, place) = match loaded {
        Loaded::Ready(identity) => return Ok(identity),
        Loaded::Elsewhere { chain, place } => (chain, place),
    };
    let holder = holders.iter().find(|holder| holder.kind() == place.holder);
    let key = holder.ok_or(HolderError::Unsupported(place.holder.as_str()))?.open(&place.label)?;
    Ok(Identity::new(chain, key).map_err(KeychainError::from)?)
}
