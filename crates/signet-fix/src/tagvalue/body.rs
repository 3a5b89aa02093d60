//! The body of a message while it is written, and the frame around it.

use super::{Field, SOH, Value};

/// A value that cannot be written, because it would be read as something else.
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
        let room = fields.len().saturating_mul(TAG_BYTES_MAX).saturating_add(values.len());
        let mut body = Vec::with_capacity(room.saturating_add(TAG_BYTES_MAX));
        body.extend_from_slice(b"35=");
        body.extend_from_slice(self.msg_type.as_bytes());
        body.push(SOH);
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

/// Bytes of a field beside its value: the longest tag, `=` and the separator.
const TAG_BYTES_MAX: usize = 12;
/// Bytes that a frame has beside its BeginString and its body, at most.
const FRAME_BYTES_MAX: usize = 32;

/// Puts BeginString, BodyLength and CheckSum round a body that begins with `35=`.
pub fn seal(begin_string: &str, body: &[u8]) -> Vec<u8> {
    let room = begin_string.len().saturating_add(body.len()).saturating_add(FRAME_BYTES_MAX);
    let mut frame = Vec::with_capacity(room);
    frame.extend_from_slice(b"8=");
    frame.extend_from_slice(begin_string.as_bytes());
    frame.extend_from_slice(b"\x019=");
    body.len().write(&mut frame);
    frame.push(SOH);
    frame.extend_from_slice(body);
    let sum = frame.iter().fold(0u8, |n, b| n.wrapping_add(*b));
    frame.extend_from_slice(b"10=");
    frame.extend_from_slice(&[sum / 100, sum / 10 % 10, sum % 10].map(|digit| b'0' + digit));
    frame.push(SOH);
    frame
}
