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
mod key_holder;
mod keychain_error;
mod label;
mod pin;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;

pub use error::HolderError;
pub use key_holder::KeyHolder;
pub use keychain_error::{ENTRY_BYTES_MAX, KeychainError, NAME_CHARS_MAX};
pub use label::{HolderKind, KeyLabel, KeyPlace, LABEL_CHARS_MAX, LabelError};
pub use pin::{Pin, PinPrompt, PinRequest, PinTries};
