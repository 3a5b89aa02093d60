use std::fmt;

/// Longest identifier Signet takes from anybody, bytes.
pub(crate) const MAX_ID_LEN: usize = 64;

/// Why a text is not an identifier. At fault: whoever wrote it, as a rule the peer that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// No characters. FIX has no empty values, so the field would be missing.
    #[error("an identifier is empty")]
    Empty,
    /// More than 64 bytes.
    #[error("an identifier is longer than {MAX_ID_LEN} characters")]
    TooLong,
    /// Control bytes would let a value inject FIX fields; other bytes do not survive a log or a
    /// URL.
    #[error("an identifier holds a character outside printable ASCII")]
    BadCharacter,
}

fn check(s: &str) -> Result<(), IdError> {
    match s {
        "" => Err(IdError::Empty),
        s if s.len() > MAX_ID_LEN => Err(IdError::TooLong),
        s if !s.bytes().all(|b| (0x20..0x7f).contains(&b)) => Err(IdError::BadCharacter),
        _ => Ok(()),
    }
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);
        impl $name {
            /// Checks the text: 1 to 64 bytes of printable ASCII, the space among them.
            pub fn new(s: impl Into<String>) -> Result<Self, IdError> {
                let s = s.into();
                check(&s).map(|()| Self(s))
            }
            /// A name of our own, which is known to be one.
            #[allow(dead_code)]
            pub(crate) fn of_literal(s: &'static str) -> Self {
                Self(s.to_owned())
            }
            /// The text as it travels.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(s: String) -> Result<Self, IdError> {
                Self::new(s)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

id! {
    /// QuoteReqID (131).
    RfqId,
    /// QuoteID (117), unique within one dealer.
    QuoteId,
    /// ClOrdID (11) of an accept, unique for ever.
    AcceptId,
    /// The dealer's CompID.
    DealerId,
    /// ISIN, or the currency pair for FX.
    InstrumentId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bytes_cannot_enter_an_identifier() {
        for (text, want) in [
            ("RFQ-1", Ok(())),
            ("", Err(IdError::Empty)),
            ("a\u{1}38=9", Err(IdError::BadCharacter)),
            ("a\0", Err(IdError::BadCharacter)),
            ("é", Err(IdError::BadCharacter)),
            (&"x".repeat(65), Err(IdError::TooLong)),
            (&"x".repeat(64), Ok(())),
        ] {
            assert_eq!(RfqId::new(text).map(|_| ()), want, "{text:?}");
        }
    }
}
