//! The operating system's keychain: the only place a desk's private key rests.
//!
//! There is no fall-back to a file. Every call may wait for a person to unlock the keychain, so
//! calls block, up to a deadline; from asynchronous code they belong on a blocking thread.

mod enrolled;
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

use crate::holder::KeyPlace;
use crate::identity::Identity;
use crate::key::DeviceKey;
use crate::peer::{CertificateFacts, PeerIdentity};
use crate::renewal::Which;

pub use enrolled::{Loaded, next_label};
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

/// What Signet keeps in a keychain. The provided methods are those of a keychain that knows nothing
/// of enrolment: every identity in it is current, with its key inside.
pub trait Keychain: Send + Sync + fmt::Debug {
    /// Every identity stored here, by name. Reads no private key.
    fn identities(&self) -> Result<Vec<StoredIdentity>, KeychainError>;

    /// Stores a PKCS#8 P-256 key with its chain, leaf first, replacing what had this name. An
    /// interruption leaves the old identity or the new one, never a mixture.
    fn store_identity(
        &self,
        name: &IdentityName,
        key_pkcs8: &[u8],
        chain: &[CertificateDer<'static>],
    ) -> Result<(), KeychainError>;

    /// Loads an identity with its key, ready for a handshake.
    fn load_identity(&self, name: &IdentityName) -> Result<Identity, KeychainError>;

    /// Deletes an identity and its key.
    fn delete_identity(&self, name: &IdentityName) -> Result<(), KeychainError>;

    /// Stores an enrolled chain, leaf first, whose key is at `place`, as the current identity of
    /// this name or as the pending one next to it. Returns keys in other holders that nothing
    /// needs any more, for the caller to delete there.
    fn store_enrolled(
        &self,
        name: &IdentityName,
        which: Which,
        place: &KeyPlace,
        key: &dyn DeviceKey,
        chain: &[CertificateDer<'static>],
    ) -> Result<Vec<KeyPlace>, KeychainError> {
        let _ = (name, which, place, key, chain);
        Err(KeychainError::Other { detail: "it takes no enrolled identities".into() })
    }

    /// Loads the current or the pending identity, as far as it is here; `None` if there is none.
    fn load_enrolled(
        &self,
        name: &IdentityName,
        which: Which,
    ) -> Result<Option<Loaded>, KeychainError> {
        match which {
            Which::Current => {
                self.load_identity(name).map(|identity| Some(Loaded::Ready(identity)))
            }
            Which::Pending => Ok(None),
        }
    }

    /// Makes the pending identity the current one: after the first good handshake with it. Returns
    /// keys in other holders that nothing needs any more.
    fn promote_pending(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let _ = name;
        Ok(Vec::new())
    }

    /// Forgets the pending identity. Returns keys in other holders that nothing needs any more.
    fn discard_pending(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let _ = name;
        Ok(Vec::new())
    }

    /// Where the keys of an enrolled identity are: to be asked before deleting it, since keys in
    /// other holders are not deleted with it.
    fn key_places(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let _ = name;
        Ok(Vec::new())
    }

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
        if fits && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeychainError::BadName)
        }
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
