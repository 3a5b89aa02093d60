//! Records of the journal in words.

use super::{DEALER, DESK, NOT_SENT, REQUEST, TAKE_OVER, decode};
use signet_rfq::UtcMillis;

/// What a record says, for people: its time, whose it is, and the FIX message.
pub fn shown(record: &[u8]) -> Option<Shown> {
    let (at, _) = decode(record)?;
    let id_end = 10 + usize::from(*record.get(9)?);
    let kind = match *record.first()? {
        DESK => "from-desk",
        DEALER => "from-dealer",
        NOT_SENT => "not-sent-to-dealer",
        REQUEST => "request-decided",
        TAKE_OVER => "take-over-decided",
        _ => "accept-decided",
    };
    let id = std::str::from_utf8(record.get(10..id_end)?).ok()?.to_owned();
    Some(Shown { at, kind, id, message: record.get(id_end..)?.to_vec() })
}

/// A record of the journal in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// When it was written down.
    pub at: UtcMillis,
    /// `from-desk`, `from-dealer`, `not-sent-to-dealer`, `request-decided`, `take-over-decided` or
    /// `accept-decided`.
    pub kind: &'static str,
    /// CompID of the desk or dealer that it is from or for.
    pub id: String,
    /// The FIX message.
    pub message: Vec<u8>,
}
