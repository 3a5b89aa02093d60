//! FIX tag=value, read and written without an engine.
//!
//! Reading is over bytes that came from a peer: every step can fail, none can panic. Writing goes
//! through one function that refuses control bytes, because a value with SOH in it would inject
//! fields (trap of the engine study, §2).
//!
//! Every message passes here between arriving and being answered, so numbers and times are read and
//! written digit by digit: the general formatters cost more than the rest of the codec together.

mod body;
mod number;
mod value;

pub use body::{BadValue, Body, MAX_TEXT_CHARS, seal};
pub(crate) use number::parse_number;
pub use number::{is_date, parse_decimal, parse_utc};
pub use value::{Value, format_utc};

const SOH: u8 = 1;

/// Most fields one message may hold.
pub const MAX_FIELDS: usize = 4_096;
/// Pairs (length tag, data tag): the data may hold any byte, SOH included.
const DATA_FIELDS: [(u32, u32); 4] = [(95, 96), (93, 89), (354, 355), (90, 91)];

/// Why bytes are not fields of FIX. At fault: whoever sent them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// No `=`, or no SOH at the end.
    #[error("a field is not tag=value")]
    NotTagValue,
    /// Other characters than digits before `=`, a zero, or too large a number.
    #[error("a tag is not a positive number")]
    BadTag,
    /// FIX has no empty values.
    #[error("tag {0} has no value")]
    Empty(u32),
    /// More fields than [`MAX_FIELDS`].
    #[error("more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// The field before it is not its length, or the length does not lead to a SOH.
    #[error("the length before data field {0} is wrong")]
    BadDataLength(u32),
}

/// The fields of one message, in the order they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields<'a>(Vec<(u32, &'a [u8])>);

impl<'a> Fields<'a> {
    /// The length of the frame that these are the fields of, in bytes.
    pub fn bytes(&self) -> usize {
        let tag_digits = |tag: u32| tag.checked_ilog10().unwrap_or(0) as usize + 1;
        self.0.iter().map(|(tag, value)| tag_digits(*tag) + value.len() + 2).sum()
    }

    /// Cuts a whole message into fields; tags may repeat. Checks neither BodyLength (9) nor
    /// CheckSum (10).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut fields = Vec::with_capacity(32);
        cut(bytes, &mut fields)?;
        Ok(Self::of(bytes, &fields))
    }

    /// What [`cut`] found in the same bytes.
    pub(crate) fn of(bytes: &'a [u8], fields: &[Field]) -> Self {
        Self(fields.iter().map(|f| (f.tag, f.value(bytes))).collect())
    }

    /// Tag and value of each field, in the order they came.
    pub fn as_slice(&self) -> &[(u32, &'a [u8])] {
        &self.0
    }

    /// The first field with this tag.
    pub fn get(&self, tag: u32) -> Option<&'a [u8]> {
        first(&self.0, tag)
    }

    /// The first field with this tag, if its value is UTF-8.
    pub fn text(&self, tag: u32) -> Option<&'a str> {
        self.get(tag).and_then(|v| std::str::from_utf8(v).ok())
    }

    /// Where the entries of a repeating group begin and end: each begins with `first_tag`, and the
    /// last ends at the first tag that is not a member. Index ranges into [`Self::as_slice`].
    pub fn group(
        &self,
        first_tag: u32,
        members: &[u32],
        within: std::ops::Range<usize>,
    ) -> Vec<std::ops::Range<usize>> {
        let mut entries: Vec<std::ops::Range<usize>> = Vec::new();
        for i in within {
            let tag = self.0[i].0;
            match entries.last_mut() {
                _ if tag == first_tag => entries.push(i..i + 1),
                Some(e) if e.end == i && members.contains(&tag) => e.end = i + 1,
                _ => {}
            }
        }
        entries
    }
}

/// One field: its tag, and where its value lies in the bytes that come with it. The layout is that
/// of the engine's shim.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub tag: u32,
    pub start: u32,
    pub len: u32,
}

impl Field {
    pub(crate) fn value(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }
}

/// Finds the fields of a message.
pub(crate) fn cut(bytes: &[u8], fields: &mut Vec<Field>) -> Result<(), ParseError> {
    fields.clear();
    let mut at = 0;
    while at < bytes.len() {
        if fields.len() == MAX_FIELDS {
            return Err(ParseError::TooManyFields);
        }
        let (tag, start) = cut_tag(bytes, at)?;
        let rest = &bytes[start..];
        let len = match data_length_tag(tag) {
            Some(length_tag) => {
                let n = fields
                    .last()
                    .filter(|f| f.tag == length_tag)
                    .and_then(|f| parse_number(f.value(bytes)));
                n.filter(|&n| rest.get(n) == Some(&SOH)).ok_or(ParseError::BadDataLength(tag))?
            }
            None => rest.iter().position(|&b| b == SOH).ok_or(ParseError::NotTagValue)?,
        };
        if len == 0 {
            return Err(ParseError::Empty(tag));
        }
        // No message comes near 4 GiB: the framer's limit is 64 KiB.
        let place = |n: usize| u32::try_from(n).map_err(|_| ParseError::NotTagValue);
        fields.push(Field { tag, start: place(start)?, len: place(len)? });
        at = start + len + 1;
    }
    Ok(())
}

/// The tag that says how long the data in `tag` is, if `tag` holds data.
fn data_length_tag(tag: u32) -> Option<u32> {
    DATA_FIELDS.iter().find(|(_, data)| *data == tag).map(|(length, _)| *length)
}

/// Whether these fields of `frame` are one whole message: BeginString, BodyLength and MsgType
/// first, CheckSum last and nowhere else, length and sum right.
#[cfg(feature = "engine")]
pub(crate) fn is_intact(frame: &[u8], fields: &[Field]) -> bool {
    let [begin, length, kind, body @ .., sum] = fields else { return false };
    if [begin.tag, length.tag, kind.tag, sum.tag] != [8, 9, 35, 10]
        || body.iter().any(|f| matches!(f.tag, 8 | 9 | 10 | 35))
    {
        return false;
    }
    let body_start = (length.start + length.len + 1) as usize;
    let body_end = sum.start as usize - b"10=".len();
    let total = frame[..body_end].iter().fold(0u8, |n, b| n.wrapping_add(*b));
    parse_number(length.value(frame)) == Some(body_end - body_start)
        && sum.len == 3
        && parse_number(sum.value(frame)) == Some(total.into())
}

/// Whether the engine's own parser would cut these fields of a whole message in the same way. Data
/// fields are left to that parser, except a signature in its place.
#[cfg(feature = "engine")]
pub(crate) fn is_plain_message(fields: &[Field]) -> bool {
    let unsigned = match fields {
        [rest @ .., length, signature, _] if (length.tag, signature.tag) == (93, 89) => rest,
        fields => fields,
    };
    unsigned.iter().all(|f| data_length_tag(f.tag).is_none())
}

pub(crate) fn first<'a>(fields: &[(u32, &'a [u8])], tag: u32) -> Option<&'a [u8]> {
    fields.iter().find(|(t, _)| *t == tag).map(|(_, v)| *v)
}

/// The tag that begins at `at`, and where its value begins.
fn cut_tag(bytes: &[u8], at: usize) -> Result<(u32, usize), ParseError> {
    let mut tag = 0;
    for (i, &c) in bytes[at..].iter().enumerate() {
        match c {
            b'=' if i > 0 => return Ok((tag, at + i + 1)),
            b'0'..=b'9' if i < MAX_TAG_DIGITS && (c, i) != (b'0', 0) => {
                tag = tag * 10 + u32::from(c - b'0')
            }
            _ => break,
        }
    }
    Err(if bytes[at..].contains(&b'=') { ParseError::BadTag } else { ParseError::NotTagValue })
}

/// Every number of this many digits fits an `i32`, which is what a tag is to the engine.
const MAX_TAG_DIGITS: usize = 9;

#[cfg(test)]
mod tests;
