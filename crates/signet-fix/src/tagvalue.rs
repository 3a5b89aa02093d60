//! FIX tag=value, read and written without an engine.
//!
//! Reading is over bytes that came from a peer: every step can fail, none can panic. Writing goes
//! through one function that refuses control bytes, because a value with SOH in it would inject
//! fields (trap of the engine study, §2).
//!
//! Every message passes here between arriving and being answered, so numbers and times are read and
//! written digit by digit: the general formatters cost more than the rest of the codec together.

use rust_decimal::Decimal;
use signet_identity::CompId;
use signet_rfq::{AcceptId, DealerId, InstrumentId, QuoteId, RfqId, UtcMillis};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

const SOH: u8 = 1;

/// Most fields one message may hold.
pub const MAX_FIELDS: usize = 4_096;
/// Longest price or quantity, characters: sign, point and 29 digits, which is the longest that is
/// ever written. Whatever is read can so be written and read again.
const MAX_DECIMAL_LEN: usize = 31;

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

/// Whether the engine's own parser would take these fields, of a whole message, without a word.
/// Data fields are left to that parser, which knows them from the dictionary, but for a signature
/// where it belongs.
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

pub(crate) fn parse_number(b: &[u8]) -> Option<usize> {
    if b.is_empty() || b.len() > 9 || !b.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(b.iter().fold(0, |n, d| n * 10 + usize::from(d - b'0')))
}

/// FIX float (Price, Qty): digits, an optional sign and one point; no exponent.
pub fn parse_decimal(b: &[u8]) -> Option<Decimal> {
    let (negative, digits) = match b {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, b),
    };
    if b.len() > MAX_DECIMAL_LEN || !digits.iter().all(|c| c.is_ascii_digit() || *c == b'.') {
        return None;
    }
    let d = match small_decimal(digits)? {
        Some(d) => d,
        // `.5` and `5.` are floats to FIX, not to every parser.
        None => {
            let s = std::str::from_utf8(digits).ok()?;
            let whole = if s.starts_with('.') {
                format!("0{s}")
            } else {
                s.trim_end_matches('.').to_owned()
            };
            Decimal::from_str_exact(&whole).ok()?
        }
    };
    // Zero has no sign.
    Some(if negative && !d.is_zero() { -d } else { d })
}

/// Digits and points to a decimal: `None` when they are no number, `Some(None)` when there are more
/// digits than surely fit 64 bits.
fn small_decimal(b: &[u8]) -> Option<Option<Decimal>> {
    let point = b.iter().position(|&c| c == b'.');
    let decimals = point.map_or(0, |p| b.len() - p - 1);
    let count = b.len() - usize::from(point.is_some());
    if count == 0 || b.iter().filter(|&&c| c == b'.').count() > 1 {
        return None;
    }
    if count > MAX_DIGITS_I64 {
        return Some(None);
    }
    let mantissa = b.iter().filter(|&&c| c != b'.').fold(0i64, |n, c| n * 10 + i64::from(c - b'0'));
    Some(Some(Decimal::new(mantissa, decimals as u32)))
}

/// Every number of this many digits fits an `i64`.
const MAX_DIGITS_I64: usize = 18;

/// UTCTimestamp, `YYYYMMDD-HH:MM:SS` with any number of decimals; finer than milliseconds is cut. A
/// leap second (`:60`, allowed by the standard) is read as the second before it.
pub fn parse_utc(b: &[u8]) -> Option<UtcMillis> {
    if b.len() > MAX_TIMESTAMP_LEN {
        return None;
    }
    let (whole, fraction) = b.split_at_checked(17)?;
    let date = date(&whole[..8])?;
    let &[b'-', h1, h2, b':', m1, m2, b':', s1, s2] = &whole[8..] else { return None };
    let pair = |a, b| digits(&[a, b]).and_then(|n| u8::try_from(n).ok());
    let second = pair(s1, s2)?;
    let clock =
        Time::from_hms(pair(h1, h2)?, pair(m1, m2)?, if second == 60 { 59 } else { second })
            .ok()?;
    let millis = match fraction {
        [] => 0,
        [b'.', f @ ..] if !f.is_empty() && f.iter().all(u8::is_ascii_digit) => {
            f.iter().chain(b"000").take(3).fold(0, |n, c| n * 10 + i64::from(c - b'0'))
        }
        _ => return None,
    };
    Some(UtcMillis(
        PrimitiveDateTime::new(date, clock).assume_utc().unix_timestamp() * 1_000 + millis,
    ))
}

/// Longest UTCTimestamp read, characters: picoseconds are the finest FIX knows.
const MAX_TIMESTAMP_LEN: usize = 30;

/// `YYYYMMDD-HH:MM:SS.sss`. Outside the years 0-9999, which no clock shows, the nearest end.
pub fn format_utc(t: UtcMillis) -> String {
    let mut out = Vec::with_capacity(21);
    t.write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// LocalMktDate, `YYYYMMDD`.
pub fn is_date(b: &[u8]) -> bool {
    date(b).is_some()
}

fn date(b: &[u8]) -> Option<Date> {
    if b.len() != 8 {
        return None;
    }
    let (year, month, day) = (digits(&b[..4])?, digits(&b[4..6])?, digits(&b[6..])?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
}

/// A few digits and nothing else.
fn digits(b: &[u8]) -> Option<u32> {
    b.iter().try_fold(0, |n: u32, c| c.is_ascii_digit().then(|| n * 10 + u32::from(c - b'0')))
}

/// What can be the value of a field, and how FIX writes it.
pub trait Value {
    /// Appends the value in FIX's form, without tag and SOH.
    fn write(&self, out: &mut Vec<u8>);
}

impl<T: Value + ?Sized> Value for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl Value for str {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl Value for String {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl Value for char {
    fn write(&self, out: &mut Vec<u8>) {
        self.encode_utf8(&mut [0; 4]).write(out);
    }
}

macro_rules! text_values {
    ($($name:ident),*) => {$(
        impl Value for $name {
            fn write(&self, out: &mut Vec<u8>) {
                self.as_str().write(out);
            }
        }
    )*};
}
text_values!(RfqId, QuoteId, AcceptId, DealerId, CompId, InstrumentId);

macro_rules! unsigned_values {
    ($($name:ident),*) => {$(
        impl Value for $name {
            fn write(&self, out: &mut Vec<u8>) {
                write_digits(out, *self as u64, 1);
            }
        }
    )*};
}
unsigned_values!(u8, u16, u32, u64, usize);

impl Value for i32 {
    fn write(&self, out: &mut Vec<u8>) {
        if *self < 0 {
            out.push(b'-');
        }
        write_digits(out, self.unsigned_abs().into(), 1);
    }
}

impl Value for Decimal {
    /// As `Display` writes it: the scale is kept, trailing zeros included.
    fn write(&self, out: &mut Vec<u8>) {
        let Ok(mantissa) = u64::try_from(self.mantissa().unsigned_abs()) else {
            return self.to_string().write(out);
        };
        if self.is_sign_negative() {
            out.push(b'-');
        }
        let scale = self.scale() as usize;
        write_digits(out, mantissa, scale + 1);
        if scale > 0 {
            out.insert(out.len() - scale, b'.');
        }
    }
}

/// UTCTimestamp with milliseconds, as [`format_utc`].
impl Value for UtcMillis {
    fn write(&self, out: &mut Vec<u8>) {
        let clamped = self.0.clamp(-62_167_219_200_000, 253_402_300_799_999);
        let d = OffsetDateTime::from_unix_timestamp(clamped.div_euclid(1_000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        write_digits(out, d.year().unsigned_abs().into(), 4);
        write_digits(out, u8::from(d.month()).into(), 2);
        write_digits(out, d.day().into(), 2);
        for (separator, n) in [(b'-', d.hour()), (b':', d.minute()), (b':', d.second())] {
            out.push(separator);
            write_digits(out, n.into(), 2);
        }
        out.push(b'.');
        write_digits(out, clamped.rem_euclid(1_000) as u64, 3);
    }
}

/// `n` in decimal, with leading zeros up to `width`.
fn write_digits(out: &mut Vec<u8>, mut n: u64, width: usize) {
    // The longest u64, or a decimal's 28 places and the digit before them.
    let mut buffer = [b'0'; 32];
    let mut at = buffer.len();
    while n > 0 {
        at -= 1;
        buffer[at] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    at = at.min(buffer.len().saturating_sub(width));
    out.extend_from_slice(&buffer[at..]);
}

/// A value that cannot be written: it would be read as something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value of tag {0} is empty or holds a control character")]
pub struct BadValue(pub u32);

/// A message body being written. Header and trailer belong to the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    msg_type: &'static str,
    fields: Vec<Field>,
    /// The values of `fields`, one after the other with nothing between.
    values: Vec<u8>,
    /// The first value that could not be written; reported once, by [`Body::checked`].
    bad: Option<u32>,
}

impl Body {
    /// An empty body of this MsgType (35).
    pub fn new(msg_type: &'static str) -> Self {
        Self {
            msg_type,
            fields: Vec::with_capacity(24),
            values: Vec::with_capacity(256),
            bad: None,
        }
    }

    /// Appends a field. An empty value, or one with control characters, makes the whole body fail
    /// when it is written out.
    pub fn put(&mut self, tag: u32, value: impl Value) {
        let start = self.values.len();
        value.write(&mut self.values);
        let value = &self.values[start..];
        if value.is_empty() || value.iter().any(|b| *b < 0x20 || *b == 0x7f) {
            self.bad.get_or_insert(tag);
        }
        match (u32::try_from(start), u32::try_from(value.len())) {
            (Ok(start), Ok(len)) => self.fields.push(Field { tag, start, len }),
            _ => {
                self.values.truncate(start);
                self.bad.get_or_insert(tag);
            }
        }
    }

    /// A data field with its length field before it; the value may hold any byte.
    pub fn put_data(&mut self, length_tag: u32, tag: u32, value: &[u8]) {
        self.put(length_tag, value.len());
        let start = self.values.len();
        match (u32::try_from(start), u32::try_from(value.len())) {
            (Ok(start), Ok(len)) if len > 0 => {
                self.values.extend_from_slice(value);
                self.fields.push(Field { tag, start, len });
            }
            _ => {
                self.bad.get_or_insert(tag);
            }
        }
    }

    /// Appends a field that may be absent.
    pub fn put_opt(&mut self, tag: u32, value: Option<impl Value>) {
        if let Some(v) = value {
            self.put(tag, v);
        }
    }

    /// Free text from a person or a peer: control characters become spaces, so that a reason is
    /// never lost for the sake of a line break.
    pub fn put_text(&mut self, tag: u32, text: &str) {
        let clean: String = text
            .chars()
            .take(MAX_TEXT_CHARS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if !clean.trim().is_empty() {
            self.put(tag, clean);
        }
    }

    /// MsgType (35).
    pub fn msg_type(&self) -> &'static str {
        self.msg_type
    }

    /// The fields in the order they were put and their values, as the engine's shim takes them.
    pub(crate) fn checked(&self) -> Result<(&[Field], &[u8]), BadValue> {
        match self.bad {
            Some(tag) => Err(BadValue(tag)),
            None => Ok((&self.fields, &self.values)),
        }
    }

    /// The body as text between `8=`, `9=`, `35=` and `10=`: a frame without a session's header.
    pub fn finish(self, begin_string: &str) -> Result<Vec<u8>, BadValue> {
        let (fields, values) = self.checked()?;
        let mut body = format!("35={}\u{1}", self.msg_type).into_bytes();
        for f in fields {
            f.tag.write(&mut body);
            body.push(b'=');
            body.extend_from_slice(f.value(values));
            body.push(SOH);
        }
        Ok(seal(begin_string, &body))
    }
}

/// Longest Text (58) written, characters.
pub const MAX_TEXT_CHARS: usize = 240;

/// Puts BeginString, BodyLength and CheckSum round a body that begins with `35=`.
pub fn seal(begin_string: &str, body: &[u8]) -> Vec<u8> {
    let mut frame = format!("8={begin_string}\u{1}9={}\u{1}", body.len()).into_bytes();
    frame.extend_from_slice(body);
    let sum = frame.iter().fold(0u8, |n, b| n.wrapping_add(*b));
    frame.extend_from_slice(format!("10={sum:03}\u{1}").as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_and_what_is_not_fields() {
        let ok = Fields::parse(b"8=FIX.4.4\x0135=S\x0158=a=b\x01").unwrap();
        assert_eq!(ok.as_slice(), [(8, &b"FIX.4.4"[..]), (35, b"S"), (58, b"a=b")]);
        for (bytes, want) in [
            (&b"8=FIX"[..], ParseError::NotTagValue),
            (b"junk\x01", ParseError::NotTagValue),
            (b"=x\x01", ParseError::BadTag),
            (b"-1=x\x01", ParseError::BadTag),
            (b"0=x\x01", ParseError::BadTag),
            (b"01=x\x01", ParseError::BadTag),
            (b"9999999999=x\x01", ParseError::BadTag),
            (b"58=\x01", ParseError::Empty(58)),
            (b"96=abc\x01", ParseError::BadDataLength(96)),
            (b"95=2\x0196=abc\x01", ParseError::BadDataLength(96)),
            (b"95=99999\x0196=abc\x01", ParseError::BadDataLength(96)),
        ] {
            assert_eq!(Fields::parse(bytes), Err(want), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn every_data_field_of_the_dictionary_is_known_here() {
        let dictionary = include_str!("../dictionary/FIX44-signet.xml");
        let data: Vec<u32> = dictionary
            .lines()
            .filter(|l| l.contains("type=\"DATA\""))
            .map(|l| l.split('"').nth(1).unwrap().parse().unwrap())
            .collect();
        assert!(!data.is_empty());
        assert!(data.iter().all(|t| data_length_tag(*t).is_some()), "{data:?}");
    }

    #[test]
    fn data_fields_may_hold_the_separator() {
        let f = Fields::parse(b"95=5\x0196=a\x01b=c\x0158=t\x01").unwrap();
        assert_eq!(f.get(96), Some(&b"a\x01b=c"[..]));
        assert_eq!(f.text(58), Some("t"));
    }

    #[test]
    fn group_entries_are_cut_at_their_first_tag() {
        let f =
            Fields::parse(b"146=2\x0155=A\x0154=1\x0155=B\x0138=5\x0158=x\x0154=9\x01").unwrap();
        let e = f.group(55, &[54, 38], 0..f.as_slice().len());
        assert_eq!(e, [1..3, 3..5]);
    }

    #[test]
    fn decimals_are_exact_and_plain() {
        for (s, want) in [
            ("99.125", Some("99.125")),
            ("-1", Some("-1")),
            (".5", Some("0.5")),
            ("5.", Some("5")),
            ("007", Some("7")),
        ] {
            assert_eq!(parse_decimal(s.as_bytes()), want.map(|w| w.parse().unwrap()), "{s}");
        }
        for s in [
            "",
            "-",
            ".",
            "1e5",
            "1,000",
            "0x1",
            "1.2.3",
            " 1",
            "+1",
            "NaN",
            "9999999999999999999999999999999",
        ] {
            assert_eq!(parse_decimal(s.as_bytes()), None, "{s}");
        }
    }

    #[test]
    fn the_longest_numbers_are_read_as_they_are_written() {
        for s in [
            "-.1234567890123456789012345678",
            "-79228162514264337593543950335",
            "-0.0000000000000000000000000001",
            "7.9228162514264337593543950335",
        ] {
            let d = parse_decimal(s.as_bytes()).unwrap();
            let mut written = Vec::new();
            d.write(&mut written);
            assert_eq!(parse_decimal(&written), Some(d), "{s}");
        }
        for s in ["-0", "-.0", "-0.000"] {
            assert!(!parse_decimal(s.as_bytes()).unwrap().is_sign_negative(), "{s}");
        }
    }

    #[test]
    fn timestamps() {
        for (s, ms) in [
            ("20261121-02:22:00.125", Some(1_795_227_720_125)),
            ("20261121-02:22:00", Some(1_795_227_720_000)),
            ("20261121-02:22:00.125999", Some(1_795_227_720_125)),
            ("20261121-02:22:00.1", Some(1_795_227_720_100)),
            ("20161231-23:59:60", Some(1_483_228_799_000)),
            ("20261321-02:22:00", None),
            ("20261121 02:22:00", None),
            ("20261121-02:22:00.", None),
            ("20261121-25:22:00", None),
            ("", None),
        ] {
            assert_eq!(parse_utc(s.as_bytes()), ms.map(UtcMillis), "{s}");
        }
        assert_eq!(format_utc(UtcMillis(1_795_227_720_125)), "20261121-02:22:00.125");
        assert!(is_date(b"20261124") && !is_date(b"20261324") && !is_date(b"2026-11-24"));
    }

    #[test]
    fn a_value_cannot_inject_a_field() {
        let mut b = Body::new("R");
        b.put(131, "x\u{1}38=999");
        assert_eq!(b.finish("FIX.4.4"), Err(BadValue(131)));
        let mut b = Body::new("j");
        b.put_text(58, "line\nbreak\u{1}38=1");
        let frame = b.finish("FIX.4.4").unwrap();
        assert_eq!(Fields::parse(&frame).unwrap().text(58), Some("line break 38=1"));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail_without_panic(b in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(f) = Fields::parse(&b) {
                let n = f.as_slice().len();
                let _ = f.group(55, &[54], 0..n);
                for (_, v) in f.as_slice() { parse_decimal(v); parse_utc(v); is_date(v); }
            }
        }

        #[test]
        fn times_survive(ms in -62_000_000_000_000i64..253_000_000_000_000) {
            prop_assert_eq!(parse_utc(format_utc(UtcMillis(ms)).as_bytes()), Some(UtcMillis(ms)));
        }

        #[test]
        fn decimals_survive(n in any::<i64>(), scale in 0u32..9) {
            let d = Decimal::new(n, scale);
            prop_assert_eq!(parse_decimal(d.to_string().as_bytes()), Some(d));
        }

        /// Whatever number a peer may send is written in a form that is read as the same number.
        #[test]
        fn a_number_that_was_read_is_read_again(
            text in prop_oneof!["-?[0-9]{0,31}[.]?[0-9]{0,31}", "-?[.][0-9]{25,30}", "-?0{0,5}[0-9]{20,29}[.]?[0-9]{0,9}", "-?0[.]0{20,30}[0-9]?"],
        ) {
            if let Some(d) = parse_decimal(text.as_bytes()) {
                let mut written = Vec::new();
                d.write(&mut written);
                prop_assert_eq!(parse_decimal(&written), Some(d), "{} is written as {:?}", text, String::from_utf8_lossy(&written));
                prop_assert!(!d.is_zero() || !d.is_sign_negative());
            }
        }

        #[test]
        fn numbers_are_written_as_rust_writes_them(
            m in prop_oneof![any::<i64>().prop_map(i128::from), -79_228_162_514_264_337_593_543_950_335i128..79_228_162_514_264_337_593_543_950_335],
            scale in 0u32..=28,
            n in any::<u64>(),
            i in any::<i32>(),
        ) {
            let written = |v: &dyn Fn(&mut Vec<u8>)| { let mut out = vec![]; v(&mut out); String::from_utf8(out).unwrap() };
            for d in [Decimal::from_i128_with_scale(m, scale), Decimal::from_i128_with_scale(m % 1_000, scale), -Decimal::new(0, scale)] {
                prop_assert_eq!(written(&|out| d.write(out)), d.to_string());
            }
            prop_assert_eq!(written(&|out| n.write(out)), n.to_string());
            prop_assert_eq!(written(&|out| i.write(out)), i.to_string());
        }

        #[test]
        fn long_and_short_decimals_are_read_alike(text in "-?[0-9]{0,22}[.]?[0-9]{0,6}") {
            let digits = text.trim_start_matches('-');
            let plain = digits.bytes().any(|b| b.is_ascii_digit()) && text.len() <= MAX_DECIMAL_LEN;
            let want = plain.then(|| format!("{}0{}", if text.starts_with('-') { "-" } else { "" }, digits.trim_end_matches('.')));
            prop_assert_eq!(parse_decimal(text.as_bytes()), want.and_then(|w| Decimal::from_str_exact(&w).ok()));
        }

        #[test]
        fn what_is_written_is_read(values in prop::collection::vec((1u32..99_999, "[ -~]{1,30}"), 0..20)) {
            let mut b = Body::new("S");
            let data = |t: u32| DATA_FIELDS.iter().any(|(_, d)| *d == t);
            for (t, v) in &values { if !data(*t) { b.put(*t, v); } }
            let frame = b.finish("FIX.4.4").unwrap();
            let f = Fields::parse(&frame).unwrap();
            let read: Vec<_> = f.as_slice()[3..f.as_slice().len() - 1].iter()
                .map(|(t, v)| (*t, String::from_utf8(v.to_vec()).unwrap())).collect();
            let want: Vec<_> = values.into_iter().filter(|(t, _)| !data(*t)).collect();
            prop_assert_eq!(read, want);
        }
    }
}
