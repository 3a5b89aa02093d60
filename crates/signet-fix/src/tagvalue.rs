//! FIX tag=value, read and written without an engine.
//!
//! Reading is over bytes that came from a peer: every step can fail, none can panic. Writing goes
//! through one function that refuses control bytes, because a value with SOH in it would inject
//! fields (trap of the engine study, §2).

use rust_decimal::Decimal;
use signet_rfq::UtcMillis;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, format_description::BorrowedFormatItem, macros::format_description};

const SOH: u8 = 1;

/// Most fields one message may hold.
pub const MAX_FIELDS: usize = 4_096;
/// Longest price or quantity, characters.
const MAX_DECIMAL_LEN: usize = 30;

/// Pairs (length tag, data tag): the data may hold any byte, SOH included.
const DATA_FIELDS: [(u32, u32); 4] = [(95, 96), (93, 89), (354, 355), (90, 91)];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    #[error("a field is not tag=value")]
    NotTagValue,
    #[error("a tag is not a positive number")]
    BadTag,
    #[error("tag {0} has no value")]
    Empty(u32),
    #[error("more than {MAX_FIELDS} fields")]
    TooManyFields,
    #[error("the length before data field {0} is wrong")]
    BadDataLength(u32),
}

/// The fields of one message, in the order they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields<'a>(Vec<(u32, &'a [u8])>);

impl<'a> Fields<'a> {
    pub fn parse(mut bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut fields: Vec<(u32, &[u8])> = Vec::with_capacity(32);
        while !bytes.is_empty() {
            if fields.len() == MAX_FIELDS {
                return Err(ParseError::TooManyFields);
            }
            let equals = bytes.iter().position(|&b| b == b'=').ok_or(ParseError::NotTagValue)?;
            let tag = parse_tag(&bytes[..equals]).ok_or(ParseError::BadTag)?;
            let rest = &bytes[equals + 1..];
            let length = match DATA_FIELDS.iter().find(|(_, data)| *data == tag) {
                Some((length_tag, _)) => {
                    let n = fields.last().filter(|(t, _)| t == length_tag).and_then(|(_, v)| parse_number(v));
                    n.filter(|&n| rest.get(n) == Some(&SOH)).ok_or(ParseError::BadDataLength(tag))?
                }
                None => rest.iter().position(|&b| b == SOH).ok_or(ParseError::NotTagValue)?,
            };
            if length == 0 {
                return Err(ParseError::Empty(tag));
            }
            fields.push((tag, &rest[..length]));
            bytes = &rest[length + 1..];
        }
        Ok(Self(fields))
    }

    pub fn as_slice(&self) -> &[(u32, &'a [u8])] {
        &self.0
    }

    /// The first field with this tag.
    pub fn get(&self, tag: u32) -> Option<&'a [u8]> {
        first(&self.0, tag)
    }

    pub fn text(&self, tag: u32) -> Option<&'a str> {
        self.get(tag).and_then(|v| std::str::from_utf8(v).ok())
    }

    /// Where the entries of a repeating group begin and end: each begins with `first_tag`, and the
    /// last ends at the first tag that is not a member. Index ranges into [`Self::as_slice`].
    pub fn group(&self, first_tag: u32, members: &[u32], within: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
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

pub(crate) fn first<'a>(fields: &[(u32, &'a [u8])], tag: u32) -> Option<&'a [u8]> {
    fields.iter().find(|(t, _)| *t == tag).map(|(_, v)| *v)
}

fn parse_tag(b: &[u8]) -> Option<u32> {
    if b.is_empty() || b.len() > 9 || b[0] == b'0' || !b.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(b.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')))
}

pub(crate) fn parse_number(b: &[u8]) -> Option<usize> {
    if b.is_empty() || b.len() > 9 || !b.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(b.iter().fold(0, |n, d| n * 10 + usize::from(d - b'0')))
}

/// FIX float (Price, Qty): digits, an optional sign and one point; no exponent.
pub fn parse_decimal(b: &[u8]) -> Option<Decimal> {
    let s = std::str::from_utf8(b).ok()?;
    let digits = s.strip_prefix('-').unwrap_or(s);
    let plain = digits.bytes().all(|c| c.is_ascii_digit() || c == b'.') && digits.bytes().any(|c| c.is_ascii_digit());
    if !plain || s.len() > MAX_DECIMAL_LEN {
        return None;
    }
    // `.5` and `5.` are floats to FIX, not to every parser.
    let whole = if digits.starts_with('.') { format!("0{digits}") } else { digits.trim_end_matches('.').to_owned() };
    let d: Decimal = Decimal::from_str_exact(&whole).ok()?;
    Some(if s.starts_with('-') { -d } else { d })
}

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]");
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

/// UTCTimestamp, `YYYYMMDD-HH:MM:SS` with any number of decimals; finer than milliseconds is cut. A
/// leap second (`:60`, allowed by the standard) is read as the second before it.
pub fn parse_utc(b: &[u8]) -> Option<UtcMillis> {
    let s = std::str::from_utf8(b).ok().filter(|s| s.is_ascii() && (17..=30).contains(&s.len()))?;
    let (date, rest) = s.split_at(8);
    let (clock, fraction) = rest.strip_prefix('-')?.split_at(8);
    let date = Date::parse(date, DATE).ok()?;
    let clock = clock.strip_suffix(":60").map_or_else(|| clock.to_owned(), |c| format!("{c}:59"));
    let clock = Time::parse(&clock, TIME).ok()?;
    let millis = match fraction.strip_prefix('.') {
        Some(f) if !f.is_empty() && f.bytes().all(|c| c.is_ascii_digit()) => {
            f.bytes().chain(*b"000").take(3).fold(0, |n, c| n * 10 + i64::from(c - b'0'))
        }
        None if fraction.is_empty() => 0,
        _ => return None,
    };
    Some(UtcMillis(PrimitiveDateTime::new(date, clock).assume_utc().unix_timestamp() * 1_000 + millis))
}

/// `YYYYMMDD-HH:MM:SS.sss`. Outside the years 0-9999, which no clock shows, the nearest end.
pub fn format_utc(t: UtcMillis) -> String {
    let clamped = t.0.clamp(-62_167_219_200_000, 253_402_300_799_999);
    let nanos = i128::from(clamped) * 1_000_000;
    let d = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}{:02}{:02}-{:02}:{:02}:{:02}.{:03}",
        d.year(),
        u8::from(d.month()),
        d.day(),
        d.hour(),
        d.minute(),
        d.second(),
        d.millisecond()
    )
}

/// LocalMktDate, `YYYYMMDD`.
pub fn is_date(b: &[u8]) -> bool {
    std::str::from_utf8(b).is_ok_and(|s| s.len() == 8 && Date::parse(s, DATE).is_ok())
}

/// A value that cannot be written: it would be read as something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value of tag {0} is empty or holds a control character")]
pub struct BadValue(pub u32);

/// A message body being written. Header and trailer belong to the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    msg_type: &'static str,
    fields: Vec<u8>,
    /// The first value that could not be written; reported once, by [`Body::finish`].
    bad: Option<u32>,
}

impl Body {
    pub fn new(msg_type: &'static str) -> Self {
        Self { msg_type, fields: Vec::with_capacity(256), bad: None }
    }

    pub fn put(&mut self, tag: u32, value: impl std::fmt::Display) {
        use std::io::Write as _;
        let start = self.fields.len();
        let _ = write!(self.fields, "{tag}={value}");
        let value_at = start + tag.to_string().len() + 1;
        let value = &self.fields[value_at..];
        if value.is_empty() || value.iter().any(|b| *b < 0x20 || *b == 0x7f) {
            self.bad.get_or_insert(tag);
        }
        self.fields.push(SOH);
    }

    pub fn put_opt(&mut self, tag: u32, value: Option<impl std::fmt::Display>) {
        if let Some(v) = value {
            self.put(tag, v);
        }
    }

    /// Free text from a person or a peer: control characters become spaces, so that a reason is
    /// never lost for the sake of a line break.
    pub fn put_text(&mut self, tag: u32, text: &str) {
        let clean: String = text.chars().take(MAX_TEXT_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if !clean.trim().is_empty() {
            self.put(tag, clean);
        }
    }

    pub fn msg_type(&self) -> &'static str {
        self.msg_type
    }

    /// `8=`, `9=`, `35=`, the body, `10=`: what the engine takes as a message to send.
    pub fn finish(self, begin_string: &str) -> Result<Vec<u8>, BadValue> {
        if let Some(tag) = self.bad {
            return Err(BadValue(tag));
        }
        let mut body = format!("35={}\u{1}", self.msg_type).into_bytes();
        body.extend_from_slice(&self.fields);
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
    fn data_fields_may_hold_the_separator() {
        let f = Fields::parse(b"95=5\x0196=a\x01b=c\x0158=t\x01").unwrap();
        assert_eq!(f.get(96), Some(&b"a\x01b=c"[..]));
        assert_eq!(f.text(58), Some("t"));
    }

    #[test]
    fn group_entries_are_cut_at_their_first_tag() {
        let f = Fields::parse(b"146=2\x0155=A\x0154=1\x0155=B\x0138=5\x0158=x\x0154=9\x01").unwrap();
        let e = f.group(55, &[54, 38], 0..f.as_slice().len());
        assert_eq!(e, [1..3, 3..5]);
    }

    #[test]
    fn decimals_are_exact_and_plain() {
        for (s, want) in [("99.125", Some("99.125")), ("-1", Some("-1")), (".5", Some("0.5")), ("5.", Some("5")), ("007", Some("7"))] {
            assert_eq!(parse_decimal(s.as_bytes()), want.map(|w| w.parse().unwrap()), "{s}");
        }
        for s in ["", "-", ".", "1e5", "1,000", "0x1", "1.2.3", " 1", "+1", "NaN", "9999999999999999999999999999999"] {
            assert_eq!(parse_decimal(s.as_bytes()), None, "{s}");
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
