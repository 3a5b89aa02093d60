//! Records of the journal in words.

use super::record::{DEALER, DESK, NOT_SENT, Parts, REQUEST, TAKE_OVER, decode, name_of, parts};
use signet_rfq::UtcMillis;

/// What a record says, for people: its time, whose it is, and the FIX message.
pub fn shown(record: &[u8]) -> Option<Shown> {
    let (at, _) = decode(record)?;
    let Parts { kind, id, frame, .. } = parts(record)?;
    let kind = match kind {
        DESK => "from-desk",
        DEALER => "from-dealer",
        NOT_SENT => "not-sent-to-dealer",
        REQUEST => "request-decided",
        TAKE_OVER => "take-over-decided",
        _ => "accept-decided",
    };
    let name = name_of(record).map(str::to_owned);
    Some(Shown { at, kind, id: id.to_owned(), name, message: frame.to_vec() })
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
    /// What dealers call the RFQ, the accept or the counter that began with it.
    pub name: Option<String>,
    /// The FIX message. Ids in it are those of the desk, of a dealer's message those of the
    /// gateway.
    pub message: Vec<u8>,
}
