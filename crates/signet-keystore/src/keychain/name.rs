//! The names of identities and secrets.

use std::fmt;
use std::str::FromStr;

use crate::holder::{KeychainError, NAME_CHARS_MAX};

/// The name an identity or secret has in the keychain: 1 to 64 of `A-Z a-z 0-9 . _ - @`.
///
/// By custom an identity has the name of its CompID.
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
