//! Orders of a dealer, and what it reports of them.

use crate::legs::executed_legs;
use rust_decimal::Decimal;
use signet_fix::{
    AppMessage,
    message::{
        BusinessReject, ExecType, ExecutionReport, OrdStatus, OrderStatusRequest, QuoteResponse,
    },
};
use signet_rfq::{AcceptId, Level, Side, StatedLeg, UtcMillis};

/// How an OrderID (37) begins whose reports outlive a line that is lost.
const LASTING: &str = "L.";

/// An execution, as the dealer has it in its books.
#[derive(Debug, Clone)]
pub(crate) struct Fill {
    pub accept: String,
    pub quote: String,
    pub side: Side,
    pub price: Decimal,
    /// Of this execution.
    pub quantity: Decimal,
    /// Of the order.
    pub of: Decimal,
    /// It is not the first of its order.
    pub rest: bool,
    pub legs: Vec<StatedLeg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Open,
    Filled,
    /// A part of a package was executed, against what was agreed.
    Part,
    /// The first of two parts was executed.
    First,
    /// The same, and the rest was cancelled.
    Cut,
    /// Filled, and taken back.
    Busted,
    Declined,
}

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub terms: QuoteResponse,
    pub fate: Fate,
    pub will_fill: bool,
    /// It executes a part of the package.
    pub breaks: bool,
    /// Of an order that is executed in two parts: how much the first one is.
    pub first: Option<Decimal>,
    /// What is said of it is said again at the next logon, if it could not be said.
    pub lasting: bool,
    /// ExecID and price of the last correction.
    pub corrected: Option<(String, Decimal)>,
    /// It was asked about this order.
    pub asked: bool,
}

impl Order {
    /// Executed so far.
    pub(crate) fn executed(&self) -> Decimal {
        match self.fate {
            Fate::Filled => self.terms.quantity,
            Fate::Part => self.terms.quantity / Decimal::TWO,
            Fate::First | Fate::Cut => self.first.unwrap_or_default(),
            Fate::Open | Fate::Busted | Fate::Declined => Decimal::ZERO,
        }
    }

    /// At which price it stands.
    pub(crate) fn price(&self) -> Decimal {
        self.corrected.as_ref().map_or(self.terms.price, |(_, price)| *price)
    }

    /// Whether something of it stands executed as it was agreed.
    pub(crate) fn stands(&self) -> bool {
        matches!(self.fate, Fate::Filled | Fate::First | Fate::Cut)
    }

    /// Whether it is one execution that stands.
    pub(crate) fn is_one(&self) -> bool {
        self.fate == Fate::Filled && self.first.is_none()
    }

    /// The ExecID of what it last did by itself, at this dealer.
    pub(crate) fn exec_id(&self, dealer: &str) -> String {
        let which = match self.fate {
            Fate::Filled if self.first.is_some() => "Y",
            Fate::Cut => "Z",
            _ => "X",
        };
        format!("{which}.{dealer}.{}", self.terms.id)
    }

    /// The ExecID that stands, of an order that is one execution.
    pub(crate) fn standing_id(&self, dealer: &str) -> String {
        let own = || self.exec_id(dealer);
        self.corrected.as_ref().map_or_else(own, |(id, _)| id.clone())
    }

    /// The size of its last execution.
    fn last_size(&self) -> Decimal {
        match (self.fate, self.first) {
            (Fate::Filled, Some(first)) => self.terms.quantity - first,
            _ => self.executed(),
        }
    }
}

/// Whether a report is kept until there is a connection: nobody asks for it.
pub(crate) fn is_lasting(m: &AppMessage) -> bool {
    let AppMessage::ExecutionReport(r) = m else { return false };
    let amends = matches!(r.exec_type, ExecType::TradeCancel | ExecType::TradeCorrect);
    amends || r.order_id.starts_with(LASTING)
}

/// A counter is refused.
pub(crate) fn refusal(counter: &AcceptId) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: "AJ".into(),
        ref_id: Some(counter.to_string()),
        reason: 0,
        text: Some("firm".into()),
    })
}

/// What an order did last; `asked`: how it stands, for who asked.
pub(crate) fn report(
    order: &Order,
    exec_id: String,
    asked: bool,
    at: UtcMillis,
) -> ExecutionReport {
    let r = &order.terms;
    let (kind, status) = match order.fate {
        Fate::Open => (ExecType::PendingNew, OrdStatus::PendingNew),
        Fate::Filled => (ExecType::Trade, OrdStatus::Filled),
        Fate::Part | Fate::First => (ExecType::Trade, OrdStatus::PartiallyFilled),
        Fate::Cut => (ExecType::Cancelled, OrdStatus::Cancelled),
        Fate::Busted => (ExecType::TradeCancel, OrdStatus::Cancelled),
        Fate::Declined => (ExecType::Rejected, OrdStatus::Rejected),
    };
    let (zero, executed) = (Decimal::ZERO, order.executed());
    // An execution that is told again is as it was, whatever it was corrected to.
    let price = if asked { order.price() } else { r.price };
    let last = Level { price, size: order.last_size() };
    let prefix = if order.lasting { LASTING } else { "O." };
    ExecutionReport {
        price_type: None,
        legs: if executed > zero { executed_legs(&r.legs) } else { vec![] },
        order_id: format!("{prefix}{}", r.id),
        exec_id,
        exec_ref: None,
        accept: r.id.clone(),
        exec_type: if asked { ExecType::Status } else { kind },
        status,
        instrument: r.instrument.clone(),
        dealer: None,
        side: r.side,
        last: (kind == ExecType::Trade && !asked).then_some(last),
        cum_qty: executed,
        leaves_qty: match order.fate {
            Fate::Open => r.quantity,
            Fate::Part | Fate::First => r.quantity - executed,
            _ => zero,
        },
        avg_px: if executed > zero { price } else { zero },
        settlement_date: r.settlement_date.clone(),
        currency: r.currency.clone(),
        disputed: false,
        price: None,
        reject_reason: (order.fate == Fate::Declined).then_some(99),
        text: (order.fate == Fate::Declined).then(|| "no longer at this price".into()),
        at,
    }
}

/// The one execution of an order at another price.
pub(crate) fn correction(
    order: &Order,
    (exec_id, exec_ref): (String, String),
    price: Decimal,
    at: UtcMillis,
) -> ExecutionReport {
    ExecutionReport {
        exec_type: ExecType::TradeCorrect,
        exec_ref: Some(exec_ref),
        last: Some(Level { price, size: order.executed() }),
        avg_px: price,
        ..report(order, exec_id, false, at)
    }
}

/// OrdRejReason (103) 5: unknown order.
pub(crate) fn unknown(h: &OrderStatusRequest, t: i64, at: UtcMillis) -> ExecutionReport {
    let zero = Decimal::ZERO;
    ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "NONE".into(),
        exec_id: format!("U.{}.{t}", h.accept),
        exec_ref: None,
        accept: h.accept.clone(),
        exec_type: ExecType::Status,
        status: OrdStatus::Rejected,
        instrument: h.instrument.clone(),
        dealer: None,
        side: h.side,
        last: None,
        cum_qty: zero,
        leaves_qty: zero,
        avg_px: zero,
        settlement_date: None,
        currency: None,
        disputed: false,
        price: None,
        reject_reason: Some(5),
        text: Some("unknown order".into()),
        at,
    }
}
