//! What one side says of RFQs, from the messages that it kept.

use rust_decimal::Decimal;
use signet_fix::{
    AppMessage,
    message::{
        ExecType, ExecutionReport, HandOverKind, PASSED_BY_TRADER, QuoteMsg, QuoteRequest,
        QuoteResponse, Response, SnapshotMark,
    },
};
use signet_rfq::{Ask, Leg, Level, Limit, PriceType, Side, StatedLeg};

/// Which way a message went. It says whose ids are in it.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// From the desk to the gateway.
    FromDesk,
    /// From the gateway to the desk.
    ToDesk,
    /// From this dealer to the gateway. The ids in it have the desk's CompID and a dot before them.
    FromDealer(&'a str),
}

/// Whose key made a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The holder of the certificate: `gateway SIGNET`.
    pub who: String,
    /// The certificate is a gateway's.
    pub gateway: bool,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub certificate: String,
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
}

/// What is said, in the desk's ids.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Said {
    /// A request for quotes.
    Asked {
        instrument: String,
        ask: Ask,
        quantity: Decimal,
        currency: String,
        settlement: String,
        dealers: Vec<String>,
        legs: Vec<Leg>,
        price_type: PriceType,
    },
    /// The trader ended the RFQ.
    Ended,
    /// A dealer's quote.
    Quoted {
        dealer: String,
        quote: String,
        bid: Option<Level>,
        offer: Option<Level>,
        valid_until_ms: i64,
        tradeable: bool,
        legs: Vec<StatedLeg>,
    },
    /// A dealer will not quote.
    Passed { dealer: String },
    /// It changed hands: from here on, or until here, it is another desk's.
    HandedOver,
    /// The trader takes a quote.
    Accepted {
        accept: String,
        dealer: String,
        quote: String,
        instrument: String,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        limit: Option<Limit>,
        price_type: PriceType,
        legs: Vec<StatedLeg>,
    },
    /// A trade, its correction or its end.
    Traded {
        accept: String,
        dealer: String,
        exec: String,
        kind: ExecType,
        side: Side,
        last: Option<Level>,
        legs: Vec<StatedLeg>,
    },
    /// The gateway or a dealer answers about the RFQ, without a trade.
    Answered {
        /// The accept that it is about.
        accept: Option<String>,
        /// The gateway itself refuses; a dealer had no part in it.
        refused: bool,
    },
}

/// One thing that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The RFQ, as the desk names it.
    pub rfq: String,
    /// When this side sent or had it, on the gateway's clock as far as that is known.
    pub at_ms: i64,
    /// What.
    pub said: Said,
    /// Whose signature is on it; `None`: nobody's, it is this side's word.
    pub signer: Option<Signer>,
    /// The dealer that sent it to the gateway.
    pub dealer: Option<String>,
    /// Where this side keeps it.
    pub place: String,
    /// It was told again after a logon, so its time says little.
    pub restored: bool,
    /// The message.
    pub frame: Vec<u8>,
}

/// What one side says.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// CompID of the desk that it is about.
    pub desk: String,
    /// In the order in which it was kept.
    pub facts: Vec<Fact>,
    /// Only this RFQ is in it.
    pub only: Option<String>,
    /// Parts were left out, so that what is not here says nothing.
    pub part: bool,
    /// Records that could not be written.
    pub lost: u64,
    /// Nothing from before this time is in it.
    pub from_ms: Option<i64>,
    /// From when until when the desk was connected; only a desk says so.
    pub online: Vec<(i64, i64)>,
}

impl Account {
    /// Of a desk, as yet empty.
    pub(crate) fn of_desk(desk: &str, part: bool, lost: u64) -> Self {
        Self { desk: desk.into(), part, lost, ..Self::default() }
    }

    pub(crate) fn up(&mut self, at_ms: i64) {
        self.down(at_ms);
        self.online.push((at_ms, i64::MAX));
    }

    pub(crate) fn down(&mut self, at_ms: i64) {
        if let Some(last) = self.online.last_mut().filter(|(_, until)| *until == i64::MAX) {
            last.1 = at_ms;
        }
    }

    /// Whether the desk was connected for a while around this moment.
    pub(crate) fn was_online(&self, at_ms: i64, around_ms: i64) -> bool {
        let (from, to) = (at_ms.saturating_sub(around_ms), at_ms.saturating_add(around_ms));
        self.online.iter().any(|(up, down)| *up <= from && to <= *down)
    }
}

/// Whether a message ends the snapshot after a logon.
pub(crate) fn ends_snapshot(frame: &[u8]) -> bool {
    matches!(AppMessage::decode(frame), Ok(AppMessage::Snapshot(SnapshotMark::End)))
}

/// What a message says, and of which RFQ of this desk; `None`: of none.
pub fn fact_of(way: Way<'_>, desk: &str, frame: &[u8]) -> Option<(String, Said)> {
    let own = |id: &str| match way {
        Way::FromDealer(_) => id.strip_prefix(desk)?.strip_prefix('.').map(str::to_owned),
        Way::FromDesk | Way::ToDesk => Some(id.to_owned()),
    };
    let dealer_of = |named: Option<String>| match way {
        Way::FromDealer(id) => id.to_owned(),
        Way::FromDesk | Way::ToDesk => named.unwrap_or_default(),
    };
    let to_desk = matches!(way, Way::ToDesk | Way::FromDealer(_));
    Some(match (AppMessage::decode(frame).ok()?, to_desk) {
        (AppMessage::QuoteRequest(q), false) => (own(q.id.as_str())?, asked(q)),
        (AppMessage::RfqCancel { rfq, .. }, false) => (own(rfq.as_str())?, Said::Ended),
        (AppMessage::TakeOver(t), false) => (own(t.rfq.as_str())?, Said::HandedOver),
        (AppMessage::HandOver(h), true) if h.kind != HandOverKind::Refused => {
            (own(h.rfq.as_str())?, Said::HandedOver)
        }
        (AppMessage::QuoteResponse(r), false) if r.response == Response::HitOrLift => accepted(r)?,
        (AppMessage::Quote(q), true) => {
            let dealer = dealer_of(q.dealer.as_ref().map(ToString::to_string));
            (own(q.rfq.as_str())?, quoted(q, dealer))
        }
        // The gateway repeats what the desk has said itself.
        (AppMessage::QuoteRequestReject(r), true)
            if matches!(way, Way::ToDesk)
                && r.advice.as_ref().is_some_and(|a| a.code == PASSED_BY_TRADER) =>
        {
            return None;
        }
        (AppMessage::QuoteRequestReject(r), true) => {
            let said = match (way, r.dealer) {
                (Way::ToDesk, None) => Said::Answered { accept: None, refused: true },
                (_, d) => Said::Passed { dealer: dealer_of(d.map(|d| d.to_string())) },
            };
            (own(r.rfq.as_str())?, said)
        }
        (AppMessage::BusinessReject(j), true) if matches!(way, Way::FromDealer(_)) => {
            (own(&j.ref_id?)?, Said::Passed { dealer: dealer_of(None) })
        }
        (AppMessage::QuoteStatusReport(s), true) => {
            let accept = s.answers.as_ref().and_then(|a| own(a.as_str()));
            (own(s.rfq.as_str())?, Said::Answered { accept, refused: false })
        }
        (AppMessage::ExecutionReport(e), true) => {
            let accept = own(e.accept.as_str())?;
            let dealer = dealer_of(e.dealer.as_ref().map(ToString::to_string));
            (rfq_of(&accept)?, reported(&e, accept, dealer))
        }
        _ => return None,
    })
}

/// An accept has its RFQ's name, a colon and a number.
fn rfq_of(accept: &str) -> Option<String> {
    accept.rsplit_once(':').map(|(rfq, _)| rfq.to_owned())
}

fn asked(q: QuoteRequest) -> Said {
    Said::Asked {
        instrument: q.instrument.to_string(),
        ask: q.ask,
        quantity: q.quantity,
        currency: q.currency,
        settlement: q.settlement_date,
        dealers: q.dealers.iter().map(ToString::to_string).collect(),
        legs: q.legs,
        price_type: q.price_type,
    }
}

fn accepted(r: QuoteResponse) -> Option<(String, Said)> {
    let said = Said::Accepted {
        accept: r.id.to_string(),
        dealer: r.dealer.map(|d| d.to_string()).unwrap_or_default(),
        quote: r.quote.to_string(),
        instrument: r.instrument.to_string(),
        side: r.side,
        quantity: r.quantity,
        price: r.price,
        limit: r.limit,
        price_type: r.price_type,
        legs: r.legs,
    };
    Some((r.rfq.map_or_else(|| rfq_of(r.id.as_str()), |rfq| Some(rfq.to_string()))?, said))
}

fn quoted(q: QuoteMsg, dealer: String) -> Said {
    Said::Quoted {
        dealer,
        quote: q.id.to_string(),
        bid: q.bid,
        offer: q.offer,
        valid_until_ms: q.valid_until.0,
        tradeable: q.tradeable,
        legs: q.legs,
    }
}

fn reported(e: &ExecutionReport, accept: String, dealer: String) -> Said {
    use ExecType::{Fill, PartialFill, Status, Trade, TradeCancel, TradeCorrect};
    let trades = match e.exec_type {
        Trade | TradeCorrect | TradeCancel | Fill | PartialFill => !e.disputed,
        // After a logon the gateway tells a trade as a state.
        Status => e.last.is_some() && !e.cum_qty.is_zero(),
        _ => false,
    };
    if !trades {
        let refused = e.exec_type == ExecType::Rejected && dealer.is_empty();
        return Said::Answered { accept: Some(accept), refused };
    }
    let (exec, kind, side, last) = (e.exec_id.clone(), e.exec_type, e.side, e.last);
    let legs = e.legs.clone();
    Said::Traded { accept, dealer, exec, kind, side, last, legs }
}
