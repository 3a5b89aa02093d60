//! The records of the file of the list. Types of their own, apart from the views: a member that a
//! later Signet adds has a default, so that every record stays readable.

use super::{Meaning, Offer, Phase, Row};
use crate::view::ListCells;
use serde::{Deserialize, Serialize};
use signet_rfq::{RfqId, UtcMillis};

/// A word of its own for each phase: the view's names may change, a stored one may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stands {
    Draft,
    Pending,
    Sending,
    Open,
    Quoted,
    Taking,
    Done,
    Refused,
    Expired,
    Ended,
    Stopped,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cells {
    side: String,
    instrument: String,
    quantity: String,
    #[serde(default)]
    settlement: String,
    #[serde(default)]
    dealers: String,
    #[serde(default)]
    limit: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    numbers: String,
    #[serde(default)]
    least: String,
}

/// One row as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub key: u32,
    cells: Cells,
    /// The instrument that its cell meant.
    #[serde(default)]
    meant: Option<String>,
    /// So many instruments had its symbol.
    #[serde(default)]
    several: usize,
    stands: Stands,
    #[serde(default)]
    rfq: Option<String>,
    #[serde(default)]
    price: Option<String>,
    #[serde(default)]
    dealer: Option<String>,
    #[serde(default)]
    away: Option<String>,
    #[serde(default)]
    text: String,
    /// Its turn had come, and what came of it was not written.
    #[serde(default)]
    pub turn: bool,
}

/// A row that was sent, or was about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentBefore {
    /// Names the row as long as it is in the list.
    pub key: u32,
    /// Side, instrument and quantity.
    pub asks: String,
    /// The desk's own id of the list.
    pub list: String,
    /// The place of the row then, from 1.
    pub number: u32,
    /// On the gateway's clock, milliseconds.
    pub at_ms: i64,
    /// QuoteReqID, as soon as it has one.
    #[serde(default)]
    pub rfq: Option<String>,
}

impl SentBefore {
    /// When it was sent, on the gateway's clock.
    pub(crate) fn at(&self) -> UtcMillis {
        UtcMillis(self.at_ms)
    }
}

/// One record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Row(Box<Kept>),
    Gone {
        key: u32,
    },
    List {
        id: Option<String>,
        ttl_s: u32,
    },
    Sent(SentBefore),
    /// The row that was about to be sent last was refused by this desk.
    NotSent {
        key: u32,
    },
    /// The request of the row that was sent last.
    As {
        key: u32,
        rfq: String,
    },
}

impl Line {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Texts and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Stands {
    fn of(phase: Phase) -> Self {
        match phase {
            Phase::Draft => Self::Draft,
            Phase::Pending => Self::Pending,
            Phase::Sending => Self::Sending,
            Phase::Open => Self::Open,
            Phase::Quoted => Self::Quoted,
            Phase::Taking => Self::Taking,
            Phase::Done => Self::Done,
            Phase::Refused => Self::Refused,
            Phase::Expired => Self::Expired,
            Phase::Ended => Self::Ended,
            Phase::Stopped => Self::Stopped,
            Phase::Unknown => Self::Unknown,
        }
    }

    fn phase(self) -> Phase {
        match self {
            Self::Draft => Phase::Draft,
            Self::Pending => Phase::Pending,
            Self::Sending => Phase::Sending,
            Self::Open => Phase::Open,
            Self::Quoted => Phase::Quoted,
            Self::Taking => Phase::Taking,
            Self::Done => Phase::Done,
            Self::Refused => Phase::Refused,
            Self::Expired => Phase::Expired,
            Self::Ended => Phase::Ended,
            Self::Stopped => Phase::Stopped,
            Self::Unknown => Phase::Unknown,
        }
    }
}

impl Kept {
    /// Whether a row whose request is open is kept already: until it ends, nothing else of it
    /// changes.
    pub(super) fn has(&self, row: &Row) -> bool {
        super::is_out(row.phase) && self.stands == Stands::of(row.phase) && self.rfq.is_some()
    }

    /// What is kept of a row. Prices of a request that is open go by; those of one that has ended
    /// stay.
    pub(super) fn of(row: &Row) -> Self {
        // Every member is named, so that a new one does not compile until it is stored.
        let ListCells {
            side,
            instrument,
            quantity,
            settlement,
            dealers,
            limit,
            note,
            price_type: numbers,
            least,
        } = row.cells.clone();
        let (meant, several) = match &row.meaning {
            Meaning::One(id) => (Some(id.clone()), 0),
            Meaning::Several(n) => (None, *n),
            Meaning::Nothing => (None, 0),
        };
        let offer = if super::at_rest(row.phase) { row.offer.clone() } else { Offer::default() };
        Self {
            key: row.key,
            cells: Cells {
                side,
                instrument,
                quantity,
                settlement,
                dealers,
                limit,
                note,
                numbers,
                least,
            },
            meant,
            several,
            stands: Stands::of(row.phase),
            rfq: row.rfq.as_ref().map(ToString::to_string),
            price: offer.price,
            dealer: offer.dealer,
            away: offer.away,
            text: row.left.clone().unwrap_or(offer.text),
            turn: false,
        }
    }

    /// The row as it stands after the desk has ended and begun again.
    pub(super) fn into_row(self) -> Row {
        let Cells { side, instrument, quantity, settlement, dealers, limit, note, numbers, least } =
            self.cells;
        let cells = ListCells {
            side,
            instrument,
            quantity,
            settlement,
            dealers,
            limit,
            note,
            price_type: numbers,
            least,
        };
        let meaning = match (self.meant, self.several) {
            (Some(id), _) => Meaning::One(id),
            (None, 0) => Meaning::Nothing,
            (None, several) => Meaning::Several(several),
        };
        let rfq = self.rfq.and_then(|id| RfqId::new(id).ok());
        let mut row = Row::draft(self.key, cells, meaning);
        (row.phase, row.left) = match self.stands.phase() {
            // Whether the message left is not written anywhere.
            Phase::Draft | Phase::Pending if self.turn => (Phase::Unknown, Some(MAYBE_SENT.into())),
            Phase::Pending => (Phase::Stopped, Some(NOT_SENT.into())),
            out if super::is_out(out) && rfq.is_none() => (Phase::Unknown, Some(MAYBE_SENT.into())),
            other => (other, None),
        };
        row.earlier = super::is_out(row.phase);
        row.rfq = rfq;
        row.offer = Offer {
            price: self.price,
            dealer: self.dealer,
            away: self.away,
            within: false,
            text: self.text,
        };
        row
    }
}

const NOT_SENT: &str = "Not sent: the desk ended before its turn.";
const MAYBE_SENT: &str = "Its turn had come when the desk ended: it may have been sent. Look for \
    it in the blotter before you send it again.";
