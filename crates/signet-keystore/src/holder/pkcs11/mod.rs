//! Keys in a PKCS#11 token: made in it, used in it, never out of it.
//!
//! The token holds the key pair only. The certificate chain is in the keychain, like that of every
//! other identity: it is not secret, can be listed without token or PIN, and is replaced in one
//! step at renewal; many cards have no room for a user's certificates or do not let a user store
//! them. A token carried to another computer has to enrol there, by design, since a certificate
//! names one device.
//!
//! Loading a module runs its code in this process, so its path is a setting of the computer's
//! administrator and never guessed.

mod objects;
mod settings;
mod slot;
mod token;
mod token_holder;
mod translate;

pub use settings::{Pkcs11Settings, TokenFacts};
pub use token_holder::{ANSWER_TIME_DEFAULT, Pkcs11Holder};
