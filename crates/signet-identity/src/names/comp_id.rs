//! The CompID: the name of one end of a FIX session.

use std::fmt;
use std::str::FromStr;

use super::error::PeerError;
use super::rules::COMP_ID_CHARS_MAX;

/// A FIX CompID (tags 49 and 56), 1 to 64 characters.
///
/// There are two ways to make one. [`CompId::new`] takes what FIX allows, for sessions with venues
/// and dealers that choose their own names. [`str::parse`] takes only the characters that a
/// certificate may state, `A-Z a-z 0-9 . _ -`: a name that passes it is one segment of a SPIFFE
/// URI and needs no escaping.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct CompId(String);

/// A text is not a FIX CompID. At fault: whoever wrote it.
///
/// Control bytes would let a value inject FIX fields; other bytes do not survive a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a CompID is 1 to {COMP_ID_CHARS_MAX} characters of printable ASCII")]
pub struct CompIdError;

impl CompId {
    /// Takes a CompID as FIX allows it: 1 to 64 bytes of printable ASCII, the space included.
    ///
    /// # Errors
    /// [`CompIdError`] for an empty or longer text, and for any other byte.
    pub fn new(text: impl Into<String>) -> Result<Self, CompIdError> {
        let text = text.into();
        let fits = (1..=COMP_ID_CHARS_MAX).contains(&text.len());
        let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
        if fits && printable { Ok(Self(text)) } else { Err(CompIdError) }
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The narrower rule of certificates.
impl FromStr for CompId {
    type Err = PeerError;

    fn from_str(text: &str) -> Result<Self, PeerError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if text.bytes().all(allowed) {
            Self::new(text).map_err(|CompIdError| PeerError::BadCompId)
        } else {
            Err(PeerError::BadCompId)
        }
    }
}

impl TryFrom<String> for CompId {
    type Error = CompIdError;

    fn try_from(text: String) -> Result<Self, CompIdError> {
        Self::new(text)
    }
}

impl From<CompId> for String {
    fn from(comp_id: CompId) -> Self {
        comp_id.0
    }
}

impl fmt::Display for CompId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_comp_ids() {
        let (longest, longer) = ("X".repeat(COMP_ID_CHARS_MAX), "X".repeat(COMP_ID_CHARS_MAX + 1));
        // text, allowed by FIX, allowed in a certificate
        for (text, fix, certificate) in [
            ("TRADER1", true, true),
            ("north-bank_1.x", true, true),
            (longest.as_str(), true, true),
            (longer.as_str(), false, false),
            ("", false, false),
            ("NORTH BANK/FX", true, false),
            ("a\u{1}38=9", false, false),
            ("a\0", false, false),
            ("TRÄDER", false, false),
        ] {
            assert_eq!(CompId::new(text).is_ok(), fix, "{text:?}");
            assert_eq!(text.parse::<CompId>().is_ok(), certificate, "{text:?}");
        }
        assert_eq!("a b".parse::<CompId>(), Err(PeerError::BadCompId));
    }
}
