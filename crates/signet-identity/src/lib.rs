//! Who is at each end of a FIXS connection, and how that is proved.
//!
//! This room holds private keys ([`DeviceKey`]), the operating system's keychain ([`Keychain`]),
//! the TLS settings every FIX listener and dialler of Signet uses ([`ClientProfile`],
//! [`ServerProfile`]), the identity a certificate states ([`PeerIdentity`]) and the reason a
//! connection was refused, in words ([`Refusal`]).
//!
//! It opens no socket, never writes a private key to a file and never asks the machine for its
//! own list of trusted authorities.

pub mod ber;
mod channel;
#[cfg(feature = "csr")]
mod csr;
#[cfg(feature = "net")]
pub mod doctor;
#[cfg(feature = "est")]
pub mod est;
mod harden;
mod holder;
mod identity;
mod invitation;
mod key;
mod keychain;
#[cfg(feature = "net")]
pub mod net;
mod peer;
mod policies;
mod profile;
mod refusal;
mod renewal;
mod signing;
mod spiffe;
mod worker;

pub use channel::{CHANNEL_BINDING_LABEL, channel_binding, describe};
#[cfg(feature = "csr")]
pub use csr::certificate_request;
pub use harden::{Hardened, harden_process};
#[cfg(windows)]
pub use holder::cng;
#[cfg(target_os = "macos")]
pub use holder::enclave;
#[cfg(feature = "pkcs11")]
pub use holder::pkcs11;
pub use holder::{
    HolderError, HolderKind, KeyHolder, KeyLabel, KeyPlace, LABEL_CHARS_MAX, Pin, PinPrompt,
    PinRequest, PinTries, open_loaded,
};
pub use identity::{Identity, IdentityError};
pub use invitation::{
    EstAddress, FixAddress, HolderRule, INVITATION_BYTES_MAX, INVITATION_EXTENSION,
    INVITATION_LINK_PREFIX, Invitation, InvitationError, fingerprint, is_relying_party,
};
pub use key::{DeviceKey, KeyError, Protection, SoftwareKey};
#[cfg(any(test, feature = "test-double"))]
pub use keychain::MemoryKeychain;
pub use keychain::{
    ANSWER_TIME_DEFAULT, ENTRY_BYTES_MAX, IdentityName, Keychain, KeychainError, Loaded,
    NAME_CHARS_MAX, OsKeychain, SECRET_BYTES, StoredIdentity, next_label,
};
pub use peer::{CertificateFacts, CompId, PeerError, PeerIdentity, Role};
pub use policies::policy_extension;
pub use profile::{
    CRL_FILE_BYTES_MAX, CRLS_MAX, ClientProfile, CrlError, CrlFacts, Crls, PartialList, PemError,
    PinError, PinMatch, ProfileError, Revocation, ServerIdentity, ServerProfile, Shown, SpkiPin,
    TlsPolicy, TlsVersions, TrustRoots, UnusableList,
};
pub use refusal::{Refusal, Stage};
pub use renewal::{
    KeySwitch, Renewal, RenewalInputs, SwitchAction, SwitchEvent, Which, is_urgent, renewal,
};
pub use signing::{MESSAGE_SIGNATURE_BYTES, MessageKey, MessageKeyError, MessagePublicKey};
pub use spiffe::{
    DEVICE_CHARS_MAX, EnrolledFacts, PROTECTIONS, USER_CHARS_MAX, device_name, is_device_name,
    is_trust_domain, is_user_id,
};
