//! The names of keys, and where a key is.

use std::fmt;
use std::str::FromStr;

/// The longest label, in characters.
pub const LABEL_CHARS_MAX: usize = 80;

/// A text is not the label, the kind or the place of a key. At fault: the caller, or a damaged
/// entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's label is 1 to {LABEL_CHARS_MAX} characters of A-Z a-z 0-9 . _ - @")]
pub struct LabelError;

/// The kinds of holders. Not every system has each of them.
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
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let all = [Self::Keychain, Self::Pkcs11, Self::Cng, Self::Enclave];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(LabelError)
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
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
        let fits = (1..=LABEL_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(LabelError) }
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
    /// The kind of holder.
    pub holder: HolderKind,
    /// The key's name in it.
    pub label: KeyLabel,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}:{}", self.holder.as_str(), self.label)
    }
}

impl FromStr for KeyPlace {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let (holder, label) =
            text.strip_prefix('@').and_then(|rest| rest.split_once(':')).ok_or(LabelError)?;
        Ok(Self { holder: holder.parse()?, label: label.parse()? })
    }
}
