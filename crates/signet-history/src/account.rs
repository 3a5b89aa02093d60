//! What one side says of RFQs, from the messages that it kept.

use rust_decimal::Decimal;
use signet_fix::{
    AppMessage,
    message::{
        BusinessReject, ExecType, ExecutionReport, HandOverKind, OrdStatus, PASSED_BY_TRADER,
        QuoteMsg, QuoteRequest, QuoteResponse, Response, RfqStatus, SnapshotMark,
    },
    tag,
    tagvalue::{Fields, parse_utc},
};
use signet_rfq::{
    Ask, Leg, Level, Limit, PriceType, Side, StatedLeg,
    lifecycle::{Meaning, meaning},
};
use std::collections::BTreeMap;

/// OrdRejReason (103): an order that is not known.
const UNKNOWN_ORDER: u16 = 5;
/// How far from an end that the history does not tell of something may be, on the other side's
/// clock, that waited to be written then. It is the time that a message takes and the error of a
/// measured clock; how far apart the times of one event may be is another question.
const TEAR_MS: i64 = 2_000;

/// Which way a message went. It says whose ids are in it.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// From the desk to the gateway.
    FromDesk,
    /// From the gateway to the desk.
    ToDesk,
    /// From this dealer to the gateway. The ids in it are the gateway's, which have the desk's
    /// CompID and a dot before them, or names of them, see [`fact_named`].
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
        min_quantity: Option<Decimal>,
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
        /// The execution that a bust or a correction is about.
        exec_ref: Option<String>,
        kind: ExecType,
        side: Side,
        /// This execution; of a state all of them together.
        last: Option<Level>,
        /// Everything so far: AvgPx (6) and CumQty (14).
        total: Level,
        legs: Vec<StatedLeg>,
    },
    /// The gateway or a dealer answers about the RFQ, without a trade.
    Answered {
        /// The accept that it is about.
        accept: Option<String>,
        /// What of it.
        answer: Answer,
    },
}

/// What an answer without a trade says of the request or the accept that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was had.
    Had,
    /// The gateway itself refuses it; a dealer had no part in it. What it refuses with a signature
    /// it has kept before.
    Refused,
    /// Asked about it, the gateway says that it never had it.
    Unknown,
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

impl Fact {
    /// When it was sent, of a message that the desk sent.
    pub(crate) fn sent(&self) -> SentAt {
        SentAt::of(self.at_ms, &self.frame)
    }
}

/// When the desk sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentAt {
    /// As [`Fact::at_ms`].
    at_ms: i64,
    /// As the message says, on the desk's clock: SendingTime (52).
    own_ms: Option<i64>,
}

impl SentAt {
    /// A message of an earlier run of the desk, whose own clock may have been another.
    pub(crate) fn of_another_run(self) -> Self {
        Self { own_ms: None, ..self }
    }

    pub(crate) fn of(at_ms: i64, frame: &[u8]) -> Self {
        let own = |f: &Fields<'_>| f.get(tag::SENDING_TIME).and_then(parse_utc).map(|t| t.0);
        Self { at_ms, own_ms: Fields::parse(frame).ok().and_then(|f| own(&f)) }
    }

    /// On one clock, if both messages say it.
    pub(crate) fn is_after(&self, other: &Self) -> bool {
        match (self.own_ms, other.own_ms) {
            (Some(own), Some(others)) => own > others,
            _ => self.at_ms > other.at_ms,
        }
    }
}

/// An end of the desk that its history does not tell of (a crash, a kill, a power cut): what waited
/// to be written then is missing. Records are written in order, so those that are missing are the
/// last ones before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tear {
    /// When the last record before it was made, by a run that had measured the gateway's clock if
    /// one had; milliseconds on the gateway's clock.
    pub from_ms: i64,
    /// When the next run had first measured the gateway's clock, on that clock: when it started is
    /// the laptop's word, and whoever has the laptop sets its clock. If it never did, as `from_ms`.
    pub to_ms: i64,
    /// How many of the account's facts are from before it.
    pub(crate) facts_before: usize,
    /// The last message before it that the desk sent.
    pub(crate) sent: Option<SentAt>,
}

impl Tear {
    /// Whether a fact of the gateway's may have waited to be written then.
    fn explains(&self, f: &Fact) -> bool {
        // What a dealer sent has the dealer's time in it.
        let from_desk = f.dealer.is_none();
        let written = || self.sent.is_some_and(|last| last.is_after(&f.sent()));
        is_within((self.from_ms, self.to_ms), f) && !(from_desk && written())
    }
}

/// Records that the desk could not write down, as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// When the first of them was to be written, milliseconds on the gateway's clock.
    pub from_ms: i64,
    /// When the last of them was.
    pub to_ms: i64,
    /// How many.
    pub records: u64,
    /// They are quotes only, and explain nothing else that is missing.
    pub quotes: bool,
    /// How many of the account's facts are from before the record that says so.
    pub(crate) facts_before: usize,
}

impl Lost {
    /// Whether a fact of the gateway's may be among them.
    fn explains(&self, f: &Fact) -> bool {
        let is_quote = matches!(f.said, Said::Quoted { .. });
        (is_quote || !self.quotes) && is_within((self.from_ms, self.to_ms), f)
    }
}

/// Whether a fact of the gateway's is from this time, as near as two clocks tell.
fn is_within((from_ms, to_ms): (i64, i64), f: &Fact) -> bool {
    (from_ms.saturating_sub(TEAR_MS)..=to_ms.saturating_add(TEAR_MS)).contains(&f.at_ms)
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
    pub lost: Vec<Lost>,
    /// Nothing from before this time is in it.
    pub from_ms: Option<i64>,
    /// From when until when the desk was connected; only a desk says so.
    pub online: Vec<(i64, i64)>,
    /// The ends of the desk that its history does not tell of.
    pub torn: Vec<Tear>,
    /// When the gateway decided a request, and until when that one lives, by RFQ: one that waited
    /// for a touch lives from its release. Only a gateway says so, and does not sign it.
    pub decided: BTreeMap<String, Vec<(i64, i64)>>,
}

impl Account {
    /// Of a desk, as yet empty.
    pub(crate) fn of_desk(desk: &str, part: bool) -> Self {
        Self { desk: desk.into(), part, ..Self::default() }
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

    /// The desk ended after its record of `last_ms` without a word, and started again. `sent`: its
    /// last message before that.
    pub(crate) fn tears(&mut self, last_ms: i64, sent: Option<SentAt>) {
        self.down(last_ms);
        let (from_ms, to_ms, facts_before) = (last_ms, last_ms, self.facts.len());
        self.torn.push(Tear { from_ms, to_ms, facts_before, sent });
    }

    /// The run after the last tear has measured the gateway's clock.
    pub(crate) fn goes_on(&mut self, measured_ms: i64) {
        if let Some(t) = self.torn.last_mut() {
            t.to_ms = t.from_ms.max(measured_ms);
        }
    }

    /// The desk could not write down so many records; `quotes`: which are quotes only.
    pub(crate) fn loses(&mut self, (from_ms, to_ms): (i64, i64), records: u64, quotes: bool) {
        let facts_before = self.facts.len();
        self.lost.push(Lost { from_ms, to_ms, records, quotes, facts_before });
    }

    /// The ends without a word that may explain that this fact of the gateway's is not here.
    pub(crate) fn tears_of(&self, f: &Fact) -> impl Iterator<Item = &Tear> {
        self.torn.iter().filter(move |t| t.explains(f))
    }

    /// The losses that may explain it.
    pub(crate) fn losses_of(&self, f: &Fact) -> impl Iterator<Item = &Lost> {
        self.lost.iter().filter(move |l| l.explains(f))
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
    fact_named(way, desk, frame, |_| None)
}

/// The same, where a dealer calls RFQs and accepts by names. `named`: what the desk calls the RFQ
/// or the accept of such a name, if it is one of its own.
pub fn fact_named(
    way: Way<'_>,
    desk: &str,
    frame: &[u8],
    named: impl Fn(&str) -> Option<String>,
) -> Option<(String, Said)> {
    let plain = |id: &str| id.strip_prefix(desk)?.strip_prefix('.').map(str::to_owned);
    let own = |id: &str| match way {
        Way::FromDealer(_) => named(id).or_else(|| plain(id)),
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
                (Way::ToDesk, None) => Said::Answered { accept: None, answer: Answer::Refused },
                (_, d) => Said::Passed { dealer: dealer_of(d.map(|d| d.to_string())) },
            };
            (own(r.rfq.as_str())?, said)
        }
        (AppMessage::BusinessReject(j), true) if matches!(way, Way::FromDealer(_)) => {
            (own(&j.ref_id?)?, Said::Passed { dealer: dealer_of(None) })
        }
        (AppMessage::BusinessReject(j), true) => not_taken(j)?,
        (AppMessage::QuoteStatusReport(s), true) => {
            let accept = s.answers.as_ref().and_then(|a| own(a.as_str()));
            let answer = match s.status {
                RfqStatus::NotFound => Answer::Unknown,
                _ => Answer::Had,
            };
            (own(s.rfq.as_str())?, Said::Answered { accept, answer })
        }
        (AppMessage::ExecutionReport(e), true) => {
            let accept = own(e.accept.as_str())?;
            let dealer = dealer_of(e.dealer.as_ref().map(ToString::to_string));
            (rfq_of(&accept)?, reported(way, &e, accept, dealer))
        }
        _ => return None,
    })
}

/// The gateway refuses a request, or an answer to a quote, before it keeps it.
fn not_taken(j: BusinessReject) -> Option<(String, Said)> {
    let id = j.ref_id?;
    let (rfq, accept) = match j.ref_msg_type.as_str() {
        "R" => (id, None),
        "AJ" => (rfq_of(&id)?, Some(id)),
        _ => return None,
    };
    Some((rfq, Said::Answered { accept, answer: Answer::Refused }))
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
        min_quantity: q.min_quantity,
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

/// Whether a report of this type that shows a quantity done tells what all executions come to, and
/// not one of them: the answer to an OrderStatusRequest (H), what the gateway tells after a logon,
/// or the end of an accept that was executed in part.
pub(crate) fn is_state(kind: ExecType) -> bool {
    use ExecType::{Fill, PartialFill, Trade, TradeCancel, TradeCorrect};
    !matches!(kind, Trade | Fill | PartialFill | TradeCancel | TradeCorrect)
}

fn reported(way: Way<'_>, e: &ExecutionReport, accept: String, dealer: String) -> Said {
    // Whether a report is in dispute is the gateway's word: no dealer hides a trade with it.
    let disputed = e.disputed && !matches!(way, Way::FromDealer(_));
    let trades = match meaning(e.exec_type, e.status, e.cum_qty > Decimal::ZERO) {
        Meaning::Execution
        | Meaning::ExecutedSoFar
        | Meaning::TradeCancelled
        | Meaning::TradeCorrected => !disputed,
        Meaning::Working
        | Meaning::Refused
        | Meaning::NothingTraded
        | Meaning::Contradiction
        | Meaning::Noted => false,
    };
    if !trades {
        let answer = match (e.exec_type, e.status, e.reject_reason) {
            _ if !dealer.is_empty() => Answer::Had,
            (ExecType::Rejected, ..) => Answer::Refused,
            // Asked about an accept that never arrived, the gateway says so as a state.
            (ExecType::Status, OrdStatus::Rejected, Some(UNKNOWN_ORDER)) => Answer::Unknown,
            _ => Answer::Had,
        };
        return Said::Answered { accept: Some(accept), answer };
    }
    let total = Level { price: e.avg_px, size: e.cum_qty };
    // A state may have no LastQty (32), or that of the last execution alone.
    let price = e.last.map_or(e.avg_px, |l| l.price);
    let last = match is_state(e.exec_type) {
        true => Some(Level { price, size: e.cum_qty }),
        false => e.last,
    };
    let (exec, exec_ref) = (e.exec_id.clone(), e.exec_ref.clone());
    let (kind, side, legs) = (e.exec_type, e.side, e.legs.clone());
    Said::Traded { accept, dealer, exec, exec_ref, kind, side, last, total, legs }
}
