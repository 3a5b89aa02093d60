//! Who is at each end of a FIXS connection, and how that is proved.
//!
//! This room holds private keys ([`DeviceKey`]), the operating system's keychain ([`Keychain`]),
//! the TLS settings every FIX listener and dialler of Signet uses ([`ClientProfile`],
//! [`ServerProfile`]), the identity a certificate states ([`PeerIdentity`]) and the reason a
//! connection was refused, in words ([`Refusal`]).
//!
//! It opens no socket, never writes a private key to a file and never asks the machine for its
//! own list of trusted authorities.

mod channel;
mod identity;
mod key;
mod keychain;
mod peer;
mod profile;
mod refusal;

pub use channel::{CHANNEL_BINDING_LABEL, channel_binding, describe};
pub use identity::{Identity, IdentityError};
pub use key::{DeviceKey, KeyError, Protection, SoftwareKey};
#[cfg(any(test, feature = "test-double"))]
pub use keychain::MemoryKeychain;
pub use keychain::{
    ANSWER_TIME_DEFAULT, ENTRY_BYTES_MAX, IdentityName, Keychain, KeychainError, NAME_CHARS_MAX, OsKeychain, SECRET_BYTES, StoredIdentity,
};
pub use peer::{CertificateFacts, CompId, PeerError, PeerIdentity, Role};
pub use profile::{ClientProfile, PemError, PinError, ProfileError, ServerIdentity, ServerProfile, SpkiPin, TlsVersions, TrustRoots};
pub use refusal::{Refusal, Stage};
