//! Records of the journal in words.

use super::record::{
    ACCEPT, DEALER, DESK, END, NOT_SENT, Parts, REQUEST, TAKE_OVER, TIME_UP, decode, name_of, parts,
};
use signet_rfq::UtcMillis;

/// What a record says, for people: its time, whose it is, and the FIX message.
pub fn shown(record: &[u8]) -> Option<Shown> {
    let (at, _) = decode(record)?;
    let Parts { kind, id, frame, .. } = parts(record)?;
    let what = RecordKind::of(kind)?;
    let name = name_of(record).map(str::to_owned);
    Some(Shown { at, what, id: id.to_owned(), name, message: frame.to_vec() })
}

/// What a record of the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A message of a desk.
    FromDesk,
    /// A message of a dealer.
    FromDealer,
    /// What could not be sent to a dealer.
    NotSentToDealer,
    /// A desk's request was let through.
    RequestDecided,
    /// A desk took an RFQ over.
    TakeOverDecided,
    /// A desk's accept was let through.
    AcceptDecided,
    /// The gateway ended a desk's RFQ.
    EndDecided,
    /// The time of a desk's RFQ was over.
    TimeUp,
}

impl RecordKind {
    fn of(kind: u8) -> Option<Self> {
        Some(match kind {
            DESK => Self::FromDesk,
            DEALER => Self::FromDealer,
            NOT_SENT => Self::NotSentToDealer,
            REQUEST => Self::RequestDecided,
            TAKE_OVER => Self::TakeOverDecided,
            ACCEPT => Self::AcceptDecided,
            END => Self::EndDecided,
            TIME_UP => Self::TimeUp,
            _ => return None,
        })
    }

    /// In a word, such as `request-decided`, for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::FromDesk => "from-desk",
            Self::FromDealer => "from-dealer",
            Self::NotSentToDealer => "not-sent-to-dealer",
            Self::RequestDecided => "request-decided",
            Self::TakeOverDecided => "take-over-decided",
            Self::AcceptDecided => "accept-decided",
            Self::EndDecided => "end-decided",
            Self::TimeUp => "time-up",
        }
    }

    /// Whether it is from or for a dealer: [`Shown::id`] is the dealer's, and the ids in the
    /// message are those of the gateway.
    pub fn is_of_dealer(self) -> bool {
        match self {
            Self::FromDealer | Self::NotSentToDealer => true,
            Self::FromDesk
            | Self::RequestDecided
            | Self::TakeOverDecided
            | Self::AcceptDecided
            | Self::EndDecided
            | Self::TimeUp => false,
        }
    }

    /// Whether the gateway decided it, or time did.
    pub fn is_by_gateway(self) -> bool {
        match self {
            Self::EndDecided | Self::TimeUp => true,
            Self::FromDesk
            | Self::FromDealer
            | Self::NotSentToDealer
            | Self::RequestDecided
            | Self::TakeOverDecided
            | Self::AcceptDecided => false,
        }
    }
}

/// A record of the journal in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// When it was written down.
    pub at: UtcMillis,
    /// What it is.
    pub what: RecordKind,
    /// CompID of the desk or dealer that it is from or for.
    pub id: String,
    /// What dealers call the RFQ, the accept or the counter that began with it.
    pub name: Option<String>,
    /// The FIX message. Ids in it are those of the desk, of a dealer's message those of the
    /// gateway.
    pub message: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::{super::record::KINDS, *};

    #[test]
    fn each_kind_has_a_word_and_somebody_whose_it_is() {
        let said = KINDS.map(|kind| {
            let what = RecordKind::of(kind).unwrap();
            (what.word(), what.is_of_dealer(), what.is_by_gateway())
        });
        assert_eq!(
            said,
            [
                ("from-desk", false, false),
                ("from-dealer", true, false),
                ("not-sent-to-dealer", true, false),
                ("request-decided", false, false),
                ("accept-decided", false, false),
                ("take-over-decided", false, false),
                ("end-decided", false, true),
                ("time-up", false, true),
            ]
        );
        for other in (0..=u8::MAX).filter(|kind| !KINDS.contains(kind)) {
            assert_eq!(RecordKind::of(other), None, "{other}");
        }
    }
}
