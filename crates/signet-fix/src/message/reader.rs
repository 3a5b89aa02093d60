//! Reads single fields of a message, each as the type it must have.

use super::{DecodeError, legs};
use crate::{
    tag,
    tagvalue::{MAX_TEXT_CHARS, first, is_date, parse_decimal, parse_number, parse_utc},
};
use rust_decimal::Decimal;
use signet_rfq::{InstrumentId, Side, UtcMillis};

/// Longest value of a data field here, bytes: an attested registration is 2 kB.
pub(crate) const DATA_LEN_MAX: usize = 16 * 1024;

/// Reads single fields of a message or of one group entry.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a, 'b>(pub &'b [(u32, &'a [u8])]);

impl<'a> Reader<'a, '_> {
    pub(crate) fn opt(self, tag: u32) -> Option<&'a [u8]> {
        first(self.0, tag)
    }

    /// A field that may be absent, read by `read` when it is there.
    pub(crate) fn optional<T>(
        self,
        tag: u32,
        read: impl FnOnce(Self, u32) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        self.opt(tag).map(|_| read(self, tag)).transpose()
    }

    pub(crate) fn text(self, tag: u32) -> Result<&'a str, DecodeError> {
        let v = self.opt(tag).ok_or(DecodeError::Missing(tag))?;
        let s = std::str::from_utf8(v).map_err(|_| DecodeError::Bad(tag))?;
        // Nearly every value is ASCII, and its control characters are those below the space and
        // DEL.
        let control = if s.is_ascii() {
            s.bytes().any(|b| b.is_ascii_control())
        } else {
            s.chars().any(char::is_control)
        };
        if control || s.len() > 512 { Err(DecodeError::Bad(tag)) } else { Ok(s) }
    }

    pub(crate) fn free_text(self) -> Option<String> {
        self.opt(tag::TEXT).map(lossy)
    }

    pub(crate) fn id<T, E>(
        self,
        tag: u32,
        make: impl Fn(String) -> Result<T, E>,
    ) -> Result<T, DecodeError> {
        make(self.text(tag)?.into()).map_err(|_| DecodeError::Bad(tag))
    }

    /// The instrument by Symbol (55), or by SecurityID (48) with SecurityIDSource (22) 4, an ISIN:
    /// a bond has no symbol of its own, so dealers write `[N/A]` or a name of theirs there. What
    /// has legs (555), or is of SecurityType (167) `MLEG`, is about a package, whatever its name.
    pub(crate) fn instrument(self) -> Result<InstrumentId, DecodeError> {
        self.instrument_if_named()?.ok_or(DecodeError::Missing(tag::SYMBOL))
    }

    /// As [`Self::instrument`], where the id of an RFQ or of an accept says what it is about:
    /// `[N/A]` alone stands for a package.
    pub(crate) fn instrument_or_package(self) -> Result<InstrumentId, DecodeError> {
        match self.instrument_if_named()? {
            Some(id) => Ok(id),
            None if self.opt(tag::SYMBOL).is_some() => Ok(InstrumentId::package()),
            None => Err(DecodeError::Missing(tag::SYMBOL)),
        }
    }

    pub(crate) fn instrument_if_named(self) -> Result<Option<InstrumentId>, DecodeError> {
        if legs::is_package(self) {
            return Ok(Some(InstrumentId::package()));
        }
        if self.opt(tag::SECURITY_ID_SOURCE) == Some(b"4") && self.opt(tag::SECURITY_ID).is_some() {
            return self.id(tag::SECURITY_ID, InstrumentId::new).map(Some);
        }
        match self.opt(tag::SYMBOL) {
            None | Some(b"[N/A]") => Ok(None),
            Some(_) => self.id(tag::SYMBOL, InstrumentId::new).map(Some),
        }
    }

    pub(crate) fn number<N: TryFrom<usize>>(self, tag: u32) -> Result<N, DecodeError> {
        let v = self.opt(tag).ok_or(DecodeError::Missing(tag))?;
        parse_number(v).and_then(|n| N::try_from(n).ok()).ok_or(DecodeError::Bad(tag))
    }

    pub(crate) fn decimal(self, tag: u32) -> Result<Decimal, DecodeError> {
        parse_decimal(self.opt(tag).ok_or(DecodeError::Missing(tag))?).ok_or(DecodeError::Bad(tag))
    }

    pub(crate) fn positive(self, tag: u32) -> Result<Decimal, DecodeError> {
        self.decimal(tag)
            .and_then(|d| if d > Decimal::ZERO { Ok(d) } else { Err(DecodeError::Bad(tag)) })
    }

    pub(crate) fn utc(self, tag: u32) -> Result<UtcMillis, DecodeError> {
        parse_utc(self.opt(tag).ok_or(DecodeError::Missing(tag))?).ok_or(DecodeError::Bad(tag))
    }

    pub(crate) fn date(self, tag: u32) -> Result<String, DecodeError> {
        let s = self.text(tag)?;
        if is_date(s.as_bytes()) { Ok(s.into()) } else { Err(DecodeError::Bad(tag)) }
    }

    pub(crate) fn flag(self, tag: u32) -> Result<bool, DecodeError> {
        match self.opt(tag) {
            Some(b"Y") => Ok(true),
            Some(b"N") => Ok(false),
            Some(_) => Err(DecodeError::Bad(tag)),
            None => Err(DecodeError::Missing(tag)),
        }
    }

    pub(crate) fn side(self) -> Result<Side, DecodeError> {
        match self.text(tag::SIDE)? {
            "1" => Ok(Side::Buy),
            "2" => Ok(Side::Sell),
            _ => Err(DecodeError::Bad(tag::SIDE)),
        }
    }

    pub(crate) fn data(self, tag: u32) -> Result<String, DecodeError> {
        let v = self.opt(tag).ok_or(DecodeError::Missing(tag))?;
        let text = std::str::from_utf8(v).ok().filter(|t| t.len() <= DATA_LEN_MAX);
        text.map(str::to_owned).ok_or(DecodeError::Bad(tag))
    }

    /// A short word of ours: an id, a code, a name.
    pub(crate) fn word(self, tag: u32) -> Result<String, DecodeError> {
        let w = self.text(tag)?;
        if w.is_empty() || w.len() > 128 { Err(DecodeError::Bad(tag)) } else { Ok(w.into()) }
    }

    pub(crate) fn words(self, tag: u32) -> Option<String> {
        self.opt(tag).map(lossy)
    }
}

/// Free text as a person reads it. FIX 4.4 text without MessageEncoding (347) is ASCII; what is not
/// UTF-8 either is taken for ISO 8859-1, in which many engines write their users' names.
pub(super) fn lossy(b: &[u8]) -> String {
    let shown = |text: &mut dyn Iterator<Item = char>| text.take(MAX_TEXT_CHARS).collect();
    match std::str::from_utf8(b) {
        Ok(text) => shown(&mut text.chars()),
        Err(_) => shown(&mut b.iter().map(|c| char::from(*c))),
    }
}
