//! An accept that reached the dealer, and its final state.
//!
//! An order outlives its connection and the process (it is kept before it is answered), so that
//! an accept sent twice is never filled twice and a lost answer can be asked for.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::instrument::Benchmark;
use crate::wire::{
    Leg, MULTILEG, Outgoing, Prices, QuoteResponse, StatusRequest, business_days_later, date,
    price_text, put_legs, quantity_text, timestamp,
};

/// OrdRejReason (103): Unknown order.
pub(crate) const UNKNOWN_ORDER: u32 = 5;
/// OrdRejReason (103): Duplicate order.
pub(crate) const DUPLICATE_ORDER: u32 = 6;
/// OrdRejReason (103): Stale order.
pub(crate) const STALE_ORDER: u32 = 8;
/// OrdRejReason (103): Incorrect quantity.
pub(crate) const INCORRECT_QUANTITY: u32 = 13;
/// OrdRejReason (103): Other.
pub(crate) const OTHER: u32 = 99;

/// OrdStatus (39), as far as it occurs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OrderState {
    PendingNew,
    Filled,
    PartiallyFilled,
    Rejected,
}

impl OrderState {
    /// OrdStatus (39).
    const fn code(self) -> &'static str {
        match self {
            Self::PendingNew => "A",
            Self::Filled => "2",
            Self::PartiallyFilled => "1",
            Self::Rejected => "8",
        }
    }

    /// ExecType (150) of the report that brings about this state.
    const fn exec_type(self) -> &'static str {
        match self {
            Self::PendingNew => "A",
            Self::Filled | Self::PartiallyFilled => "F",
            Self::Rejected => "8",
        }
    }
}

/// One accept and its fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) cl_ord_id: String,
    pub(crate) order_id: String,
    pub(crate) quote_id: String,
    pub(crate) quote_resp_id: String,
    pub(crate) symbol: String,
    pub(crate) security_id: Option<String>,
    pub(crate) side: String,
    pub(crate) quantity: Decimal,
    pub(crate) price: Decimal,
    pub(crate) price_decimals: u32,
    /// PriceType (423) as in the accept.
    #[serde(default)]
    pub(crate) price_type: Option<String>,
    /// 220 to 222 as in the accept.
    #[serde(default)]
    pub(crate) benchmark: Option<Benchmark>,
    pub(crate) currency: String,
    pub(crate) settl_date: String,
    pub(crate) state: OrderState,
    pub(crate) filled: Decimal,
    /// The legs of a package as they were quoted.
    #[serde(default)]
    pub(crate) legs: Vec<Leg>,
    /// OrdRejReason (103) and Text (58), when rejected.
    pub(crate) refusal: Option<(u32, String)>,
    /// The last report on it, to be repeated word for word.
    pub(crate) last_report: Option<Outgoing>,
}

impl Order {
    /// An accept that has just arrived.
    pub(crate) fn new(response: &QuoteResponse, order_id: String) -> Self {
        Self {
            cl_ord_id: response.cl_ord_id.clone(),
            order_id,
            quote_id: response.quote_id.clone(),
            quote_resp_id: response.quote_resp_id.clone(),
            symbol: response.symbol.clone(),
            security_id: response.security_id.clone(),
            side: response.side.clone(),
            quantity: response.quantity,
            price: response.price,
            price_decimals: response.price.scale(),
            price_type: response.price_type.clone(),
            benchmark: response.benchmark.clone(),
            currency: String::new(),
            settl_date: String::new(),
            state: OrderState::PendingNew,
            filled: Decimal::ZERO,
            legs: response.legs.clone(),
            refusal: None,
            last_report: None,
        }
    }

    /// Whether an accept says the same as the one that made this order.
    pub(crate) fn is_repeated_by(&self, response: &QuoteResponse) -> bool {
        self.quote_id == response.quote_id
            && self.side == response.side
            && self.quantity == response.quantity
            && self.price == response.price
            && self.price_type == response.price_type
            && self.benchmark == response.benchmark
            && self.symbol == response.symbol
            && self.security_id == response.security_id
            && self.legs.len() == response.legs.len()
            && self
                .legs
                .iter()
                .zip(&response.legs)
                .all(|(l, r)| l.is(r) && l.price(&self.side) == r.price(&self.side))
    }

    /// Changes the state and returns the ExecutionReport (8) that says so.
    pub(crate) fn become_state(
        &mut self,
        state: OrderState,
        exec_id: String,
        now: OffsetDateTime,
    ) -> Outgoing {
        self.state = state;
        let report = self.report(state.exec_type(), exec_id, None, now);
        self.last_report = Some(report.clone());
        report
    }

    /// The true state, as an answer to a status request.
    pub(crate) fn status(
        &self,
        exec_id: String,
        request: &StatusRequest,
        now: OffsetDateTime,
    ) -> Outgoing {
        self.report("I", exec_id, request.status_req_id.clone(), now)
    }

    fn report(
        &self,
        exec_type: &str,
        exec_id: String,
        status_req_id: Option<String>,
        now: OffsetDateTime,
    ) -> Outgoing {
        let is_over = self.state == OrderState::Rejected;
        let open = (self.quantity - self.filled).max(Decimal::ZERO);
        let leaves = if is_over { Decimal::ZERO } else { open };
        let price = |price: Decimal| price_text(price, self.price_decimals);
        let traded = self.filled > Decimal::ZERO;
        let average = if traded { price(self.price) } else { "0".into() };
        let is_fill = exec_type == "F";
        let (reason, text) = self.refusal.clone().unzip();
        let report = Outgoing::new("8")
            .set(37, self.order_id.as_str())
            .set(11, self.cl_ord_id.as_str())
            .set(693, self.quote_resp_id.as_str())
            .set_if(790, status_req_id)
            .set(17, exec_id)
            .set(150, exec_type)
            .set(39, self.state.code())
            .set_if(103, reason.map(|reason| reason.to_string()))
            .set(55, self.symbol.as_str())
            .set_if(48, self.security_id.clone())
            .set_if(22, self.security_id.as_ref().map(|_| "4"))
            .set_if(167, (!self.legs.is_empty()).then_some(MULTILEG))
            .set(54, self.side.as_str())
            .set(38, quantity_text(self.quantity))
            .set_if(423, self.price_type.clone())
            .set_benchmark(self.benchmark.as_ref())
            .set(44, price(self.price))
            .set_if(15, Some(self.currency.as_str()).filter(|text| !text.is_empty()))
            .set_if(32, is_fill.then(|| quantity_text(self.filled)))
            .set_if(31, is_fill.then(|| price(self.price)))
            .set(151, quantity_text(leaves))
            .set(14, quantity_text(self.filled))
            .set(6, average)
            .set_if(75, traded.then(|| date(business_days_later(now.date(), 0))))
            .set(60, timestamp(now))
            .set_if(64, Some(self.settl_date.as_str()).filter(|text| !text.is_empty()))
            .set_if(58, text);
        // What was executed, leg by leg.
        let legs: &[Leg] = if traded { &self.legs } else { &[] };
        put_legs(report, legs, Prices::Executed(&self.side))
    }
}

/// The answer about an order this dealer never saw.
pub(crate) fn unknown_order(
    request: &StatusRequest,
    exec_id: String,
    now: OffsetDateTime,
) -> Outgoing {
    Outgoing::new("8")
        .set(37, "NONE")
        .set(11, request.cl_ord_id.as_str())
        .set_if(790, request.status_req_id.clone())
        .set(17, exec_id)
        .set(150, "I")
        .set(39, "8")
        .set(103, UNKNOWN_ORDER.to_string())
        .set(55, request.symbol.as_str())
        .set(54, request.side.as_str())
        .set(151, "0")
        .set(14, "0")
        .set(6, "0")
        .set(60, timestamp(now))
        .set(58, "unknown order")
}
