//! The operating system's keychain: the only place a desk's private key rests.
//!
//! There is no fall-back to a file. Every call may wait for a person to unlock the keychain, so
//! calls block, up to a deadline; from asynchronous code they belong on a blocking thread.

mod entries;
mod error;
pub(crate) mod held;
#[cfg(any(test, feature = "test-double"))]
mod memory;
mod native;
mod os;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::identity::Identity;
use crate::peer::{CertificateFacts, PeerIdentity};

pub use error::KeychainError;
#[cfg(any(test, feature = "test-double"))]
pub use memory::MemoryKeychain;
pub use os::OsKeychain;

/// How long a call waits for the keychain, and the person it may be asking, unless told otherwise.
pub const ANSWER_TIME_DEFAULT: Duration = Duration::from_secs(60);
/// The longest entry, in bytes: what the Windows Credential Manager takes. Enforced on every
/// system, so that an identity which fits here fits everywhere.
pub const ENTRY_BYTES_MAX: usize = 2560;
/// The longest name of an identity or secret, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// The length of a secret, in bytes.
pub const SECRET_BYTES: usize = 32;

/// What Signet keeps in a keychain.
pub trait Keychain: Send + Sync + fmt::Debug {
    /// Every identity stored here, by name. Reads no private key.
    fn identities(&self) -> Result<Vec<StoredIdentity>, KeychainError>;

    /// Stores a PKCS#8 P-256 key with its chain, leaf first, replacing what had this name. An
    /// interruption leaves the old identity or the new one, never a mixture.
    fn store_identity(&self, name: &IdentityName, key_pkcs8: &[u8], chain: &[CertificateDer<'static>]) -> Result<(), KeychainError>;

    /// Loads an identity with its key, ready for a handshake.
    fn load_identity(&self, name: &IdentityName) -> Result<Identity, KeychainError>;

    /// Deletes an identity and its key.
    fn delete_identity(&self, name: &IdentityName) -> Result<(), KeychainError>;

    /// The random secret of this name, made on first use: what encrypts the desk's local stores.
    fn secret(&self, name: &IdentityName) -> Result<Zeroizing<[u8; SECRET_BYTES]>, KeychainError>;
}

/// The name an identity or secret has in the keychain: 1 to 64 of `A-Z a-z 0-9 . _ - @`.
/// By custom an identity is named like its CompID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityName(String);

impl IdentityName {
    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdentityName {
    type Err = KeychainError;

    fn from_str(text: &str) -> Result<Self, KeychainError> {
        let fits = (1..=NAME_CHARS_MAX).contains(&text.len());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
        if fits && text.bytes().all(allowed) { Ok(Self(text.to_owned())) } else { Err(KeychainError::BadName) }
    }
}

impl fmt::Display for IdentityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of the list of identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIdentity {
    pub name: IdentityName,
    /// The leaf certificate; `None` when the entry is damaged (loading it says how).
    pub certificate: Option<CertificateFacts>,
    /// The Signet identity; `None` for a certificate of a venue with another naming scheme.
    pub peer: Option<PeerIdentity>,
}
