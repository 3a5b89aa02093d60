//! Answers of the gateway about requests and accepts, as messages.

use rust_decimal::Decimal;
use signet_fix::message::{
    Advice, ExecType, ExecutionReport, OrdStatus, OrderStatusRequest, QuoteRequest,
    QuoteRequestReject, QuoteResponse,
};
use signet_rfq::{
    Accept, AcceptId, AcceptState, Declined, Dispute, InstrumentId, Level, Rfq, Side, UtcMillis,
};

/// Why it is not known what became of an accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum AnswerLost {
    /// The line to its dealer was lost before the answer came.
    #[default]
    DealerLine,
    /// The gateway was restarted before it had the answer.
    Restart,
    /// Its dealer is not in the gateway's settings: nobody can be asked.
    DealerGone,
}

impl AnswerLost {
    fn words(self) -> &'static str {
        match self {
            Self::DealerLine => "the link to the dealer was lost; asking what became of it",
            Self::Restart => {
                "the gateway was restarted before it had the answer; asking what became of it"
            }
            Self::DealerGone => {
                "the dealer is not in the gateway's settings now, so it cannot be asked what \
                    became of it"
            }
        }
    }

    /// OrdRejReason (103): the gateway will not have the answer.
    fn reason(self) -> Option<u16> {
        (self == Self::DealerGone).then_some(REJ_OTHER)
    }
}

/// OrdRejReason (103).
pub(super) const REJ_UNKNOWN_ORDER: u16 = 5;
pub(super) const REJ_OTHER: u16 = 99;
const NEVER_PASSED_ON: &str = "no dealer has it; nothing was traded";
const MAY_BE_FORGOTTEN: &str = "it may be older than what the gateway remembers, which cannot tell \
    whether it was traded";

/// What the desk reads when the gateway refuses a whole request: why, and what would cure that.
pub fn request_refusal(
    q: &QuoteRequest,
    reason: u16,
    text: String,
    advice: Option<Advice>,
) -> QuoteRequestReject {
    QuoteRequestReject {
        rfq: q.id.clone(),
        reason,
        instrument: q.instrument.clone(),
        dealer: None,
        text: Some(text),
        advice,
    }
}

/// What the desk reads when the gateway refuses an accept: no dealer party in it.
pub fn accept_refusal(r: &QuoteResponse, why: String, now: UtcMillis) -> ExecutionReport {
    rejection(&r.id, &r.instrument, r.side, REJ_OTHER, why, now)
}

/// What the desk reads about an accept that waits at the gateway.
pub fn accept_waits(r: &QuoteResponse, now: UtcMillis) -> ExecutionReport {
    let mut report = rejection(&r.id, &r.instrument, r.side, REJ_OTHER, String::new(), now);
    report.exec_type = ExecType::Status;
    report.status = OrdStatus::New;
    report.leaves_qty = r.quantity;
    report.reject_reason = None;
    report.text = None;
    report
}

pub(super) fn rejection(
    id: &AcceptId,
    instrument: &InstrumentId,
    side: Side,
    reason: u16,
    text: String,
    now: UtcMillis,
) -> ExecutionReport {
    ExecutionReport {
        price_type: None,
        order_id: "NONE".into(),
        exec_id: format!("G.{}.{}", id, now.0),
        exec_ref: None,
        accept: id.clone(),
        exec_type: ExecType::Rejected,
        status: OrdStatus::Rejected,
        instrument: instrument.clone(),
        dealer: None,
        side,
        last: None,
        cum_qty: Decimal::ZERO,
        leaves_qty: Decimal::ZERO,
        avg_px: Decimal::ZERO,
        settlement_date: None,
        currency: None,
        disputed: false,
        price: None,
        reject_reason: Some(reason),
        text: Some(text),
        at: now,
        legs: Vec::new(),
    }
}

/// ExecType I: the state of an accept as the gateway holds it; `lost`: why it is unknown, if it is.
pub(super) fn status_report(
    a: &Accept,
    state: &AcceptState,
    lost: AnswerLost,
    now: UtcMillis,
) -> ExecutionReport {
    let mut r = rejection(&a.id, &a.instrument, a.side, REJ_OTHER, String::new(), now);
    r.exec_type = ExecType::Status;
    r.dealer = Some(a.dealer.clone());
    r.leaves_qty = a.quantity;
    r.price = Some(a.price);
    r.reject_reason = None;
    r.text = None;
    match state {
        AcceptState::Filled(e) | AcceptState::PartlyFilled(e) | AcceptState::Corrected(e) => {
            let whole = e.quantity == a.quantity;
            r.status = if whole { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
            r.order_id = e.order_id.clone();
            r.exec_id = e.exec_id.clone();
            r.last = Some(Level { price: e.price, size: e.quantity });
            r.cum_qty = e.quantity;
            r.leaves_qty = Decimal::ZERO;
            r.avg_px = e.price;
            r.settlement_date = e.settlement_date.clone();
            r.legs = e.legs.clone();
            r.at = e.at;
        }
        AcceptState::Busted(e) => {
            r.status = OrdStatus::Cancelled;
            r.order_id = e.order_id.clone();
            r.leaves_qty = Decimal::ZERO;
            r.text = Some("the dealer has cancelled the trade".into());
            r.at = e.at;
        }
        AcceptState::Declined(d) => {
            r.status = OrdStatus::Rejected;
            r.leaves_qty = Decimal::ZERO;
            r.reject_reason = Some(REJ_OTHER);
            r.text = Some(d.reason().into());
            if !matches!(d, Declined::ByDealer(_)) {
                r.dealer = None;
            }
        }
        AcceptState::LastLook => r.status = OrdStatus::PendingNew,
        AcceptState::Armed | AcceptState::Sent => r.status = OrdStatus::New,
        AcceptState::Unknown => {
            r.status = OrdStatus::New;
            r.reject_reason = lost.reason();
            r.text = Some(lost.words().into());
        }
        AcceptState::Disputed => {
            r.status = OrdStatus::New;
            r.text = Some(
                "the dealer reports a trade that was not agreed to; people must settle it".into(),
            );
        }
    }
    r
}

/// ExecType I about an accept that is not known here. `never_passed_on`: it is certain that no
/// dealer has it; else nothing is said of what became of it, and a desk of any version holds it for
/// unknown.
pub(super) fn status_of_none(
    h: &OrderStatusRequest,
    never_passed_on: bool,
    now: UtcMillis,
) -> ExecutionReport {
    let (status, words) = match never_passed_on {
        true => (OrdStatus::Rejected, NEVER_PASSED_ON),
        false => (OrdStatus::New, MAY_BE_FORGOTTEN),
    };
    let none =
        rejection(&h.accept, &h.instrument, h.side, REJ_UNKNOWN_ORDER, words.to_owned(), now);
    ExecutionReport { exec_type: ExecType::Status, status, ..none }
}

/// What people must settle, for a desk that may have lost its own record of it.
pub(super) fn dispute_report(rfq: &Rfq, d: &Dispute) -> ExecutionReport {
    let report =
        rejection(&d.accept, &rfq.terms.instrument, d.side, REJ_OTHER, d.why.clone(), d.at);
    ExecutionReport {
        exec_id: d.exec_id.clone(),
        exec_type: d.kind,
        status: OrdStatus::Calculated,
        dealer: Some(d.dealer.clone()),
        last: (d.quantity > Decimal::ZERO).then_some(Level { price: d.price, size: d.quantity }),
        cum_qty: d.quantity,
        avg_px: d.price,
        settlement_date: d.settlement_date.clone(),
        disputed: true,
        reject_reason: None,
        ..report
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
