//! Where the private keys of a desk are made and kept, and how they get certificates.
//!
//! Key holders ([`KeyHolder`]): the operating system's keychain, PKCS#11 tokens, and, written and
//! never run on real hardware, the TPM through CNG and the Secure Enclave. The keychain
//! ([`Keychain`]) also stores identities. Certificate requests, the enrolment client (`est`) and
//! the decisions of a renewal ([`renewal()`]) complete the life of a key.
//!
//! Every call to a holder may wait for a person, up to a deadline. No private key is written to a
//! file. The gateway links the tokens of this crate, and no keychain.

#![warn(missing_docs, unreachable_pub)]

#[cfg(feature = "csr")]
mod csr;
#[cfg(feature = "est")]
pub mod est;
mod holder;
#[cfg(feature = "keychain")]
mod keychain;
mod renewal;
mod worker;

#[cfg(feature = "csr")]
pub use csr::certificate_request;
#[cfg(windows)]
pub use holder::cng;
#[cfg(target_os = "macos")]
pub use holder::enclave;
#[cfg(feature = "pkcs11")]
pub use holder::pkcs11;
pub use holder::{
    ENTRY_BYTES_MAX, HolderError, HolderKind, KeyHolder, KeyLabel, KeyPlace, KeychainError,
    LABEL_CHARS_MAX, LabelError, NAME_CHARS_MAX, Pin, PinPrompt, PinRequest, PinTries,
};
#[cfg(any(test, feature = "test-double"))]
pub use keychain::MemoryKeychain;
#[cfg(feature = "keychain")]
pub use keychain::{
    ANSWER_TIME_DEFAULT, IdentityName, Keychain, Loaded, OsKeychain, SECRET_BYTES, StoredIdentity,
    next_label, open_loaded,
};
pub use renewal::{
    IdentitySlot, KeySwitch, Renewal, RenewalInputs, SwitchAction, SwitchEvent, is_urgent, renewal,
};
