//! A record of the journal, byte by byte.

use crate::{Decided, Input};
use signet_fix::{AppMessage, BEGIN_STRING};
use signet_identity::CompId;
use signet_rfq::{DealerId, RfqId, UtcMillis};

pub(super) const DESK: u8 = b'D';
pub(super) const DEALER: u8 = b'L';
pub(super) const NOT_SENT: u8 = b'N';
pub(super) const REQUEST: u8 = b'R';
pub(super) const ACCEPT: u8 = b'A';
pub(super) const TAKE_OVER: u8 = b'T';
pub(super) const END: u8 = b'E';
pub(super) const TIME_UP: u8 = b'X';
/// Every kind that this version reads.
pub(super) const KINDS: [u8; 8] =
    [DESK, DEALER, NOT_SENT, REQUEST, ACCEPT, TAKE_OVER, END, TIME_UP];
/// In the first byte: after the id stands what dealers call the RFQ, the accept or the counter.
const NAMED: u8 = 0x80;

/// A record taken apart.
pub(super) struct Parts<'a> {
    pub(super) kind: u8,
    at: UtcMillis,
    /// CompID of the desk or dealer that it is from or for.
    pub(super) id: &'a str,
    name: Option<&'a str>,
    pub(super) frame: &'a [u8],
}

/// kind, time, length of the id, id, length of the name and name if there is one, FIX message.
pub(super) fn encode(now: UtcMillis, input: &Input, name: Option<&str>) -> Option<Vec<u8>> {
    let owned;
    let (kind, id, message) = match input {
        Input::FromDesk(d, m) => (DESK, d.as_str(), m),
        Input::FromDealer(d, m) => (DEALER, d.as_str(), m),
        Input::NotSentToDealer(d, m) => (NOT_SENT, d.as_str(), m),
        Input::Decided(d, Decided::Request(q)) => {
            owned = AppMessage::QuoteRequest(q.clone());
            (REQUEST, d.as_str(), &owned)
        }
        Input::Decided(d, Decided::Accept(r)) => {
            owned = AppMessage::QuoteResponse(r.clone());
            (ACCEPT, d.as_str(), &owned)
        }
        Input::Decided(d, Decided::TakeOver(t)) => {
            owned = AppMessage::TakeOver(t.clone());
            (TAKE_OVER, d.as_str(), &owned)
        }
        Input::Decided(d, Decided::End { rfq, text }) => {
            owned = AppMessage::RfqCancel { rfq: rfq.clone(), text: Some(text.clone()) };
            (END, d.as_str(), &owned)
        }
        Input::Decided(d, Decided::TimeUp(rfq)) => {
            owned = AppMessage::RfqCancel { rfq: rfq.clone(), text: None };
            (TIME_UP, d.as_str(), &owned)
        }
        _ => return None,
    };
    let frame = message.encode().finish(BEGIN_STRING).ok()?;
    let mut r = vec![if name.is_some() { kind | NAMED } else { kind }];
    r.extend_from_slice(&now.0.to_le_bytes());
    for text in [Some(id), name].into_iter().flatten() {
        r.push(u8::try_from(text.len()).ok()?);
        r.extend_from_slice(text.as_bytes());
    }
    r.extend_from_slice(&frame);
    Some(r)
}

/// What a record holds, as far as its head can be read.
pub(super) fn parts(r: &[u8]) -> Option<Parts<'_>> {
    let (first, rest) = r.split_first()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (id, rest) = text(rest)?;
    let (name, frame) = match first & NAMED {
        0 => (None, rest),
        _ => text(rest).map(|(name, rest)| (Some(name), rest))?,
    };
    // Names have the form of ids.
    name.is_none_or(|name| RfqId::new(name).is_ok()).then_some(())?;
    let at = UtcMillis(i64::from_le_bytes(*time));
    Some(Parts { kind: first & !NAMED, at, id, name, frame })
}

fn text(r: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = r.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

pub(super) fn decode(r: &[u8]) -> Option<(UtcMillis, Input)> {
    let Parts { kind, at, id, name, frame } = parts(r)?;
    let message = AppMessage::decode(frame).ok()?;
    let desk = || CompId::new(id).ok();
    let input = match (kind, message) {
        (DESK, m) => Input::FromDesk(desk()?, m),
        (DEALER, m) if name.is_none() => Input::FromDealer(DealerId::new(id).ok()?, m),
        (NOT_SENT, m) if name.is_none() => Input::NotSentToDealer(DealerId::new(id).ok()?, m),
        (REQUEST, AppMessage::QuoteRequest(q)) => Input::Decided(desk()?, Decided::Request(q)),
        (ACCEPT, AppMessage::QuoteResponse(r)) => Input::Decided(desk()?, Decided::Accept(r)),
        (TAKE_OVER, AppMessage::TakeOver(t)) if name.is_none() => {
            Input::Decided(desk()?, Decided::TakeOver(t))
        }
        (END, AppMessage::RfqCancel { rfq, text: Some(text) }) if name.is_none() => {
            Input::Decided(desk()?, Decided::End { rfq, text })
        }
        (TIME_UP, AppMessage::RfqCancel { rfq, text: None }) if name.is_none() => {
            Input::Decided(desk()?, Decided::TimeUp(rfq))
        }
        _ => return None,
    };
    Some((at, input))
}

/// The kind of a record that this version does not know: a newer one wrote it, since records are
/// authentic.
pub(super) fn unknown_kind(r: &[u8]) -> Option<u8> {
    let kind = r.first()? & !NAMED;
    (!KINDS.contains(&kind)).then_some(kind)
}

/// What dealers call the RFQ, the accept or the counter of a record.
pub(super) fn name_of(r: &[u8]) -> Option<&str> {
    parts(r)?.name
}

/// Whether a record is a dealer's quote, which commits nobody before it is accepted. Cheap: it is
/// asked of every quote.
pub fn is_quote(record: &[u8]) -> bool {
    let Some(Parts { kind: DEALER, frame, .. }) = parts(record) else { return false };
    // After BeginString (8) and BodyLength (9).
    frame.split(|b| *b == 1).nth(2).is_some_and(|field| field == b"35=S")
}
