//! Pins: a second condition on a server whose chain and name have already been validated.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::sha256;

const PREFIX: &str = "sha256/";

/// SHA-256 of a certificate's DER `SubjectPublicKeyInfo`, written `sha256/<base64>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpkiPin([u8; 32]);

impl SpkiPin {
    /// The pin of a DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn of_spki(spki: &[u8]) -> Self {
        Self(sha256(spki))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for SpkiPin {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpkiPin({self})")
    }
}

/// A pin in the settings is malformed. At fault: the operator's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pin is written sha256/ and the base64 of 32 bytes")]
pub struct PinError;

impl FromStr for SpkiPin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let digits = text.strip_prefix(PREFIX).ok_or(PinError)?;
        let bytes = STANDARD.decode(digits).map_err(|_| PinError)?;
        bytes.try_into().map(Self).map_err(|_| PinError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_written_and_read_back() {
        let pin = SpkiPin::of_spki(b"spki");
        assert_eq!(pin.to_string().parse(), Ok(pin));
    }

    #[test]
    fn a_bad_pin_is_refused() {
        for text in ["", "sha256/", "sha256/AAAA", "sha1/AAAA", "sha256/****"] {
            assert_eq!(text.parse::<SpkiPin>(), Err(PinError), "{text}");
        }
    }
}
