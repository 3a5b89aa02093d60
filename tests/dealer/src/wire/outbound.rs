//! What a dealer sends: S, Z, AG, j. Execution reports are with the orders.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::inbound::{QuoteRequest, Unsupported};
use super::legs::{Leg, MULTILEG, Prices, put};
use super::{business_days_later, date, price_text, quantity_text, timestamp};
use crate::instrument::{Benchmark, Instrument};

/// A message body in wire order; the engine adds header and trailer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outgoing {
    pub(crate) msg_type: String,
    pub(crate) fields: Vec<(u32, String)>,
}

impl Outgoing {
    pub(crate) fn new(msg_type: &str) -> Self {
        Self { msg_type: msg_type.to_owned(), fields: Vec::with_capacity(24) }
    }

    pub(crate) fn set(mut self, tag: u32, value: impl Into<String>) -> Self {
        self.fields.push((tag, value.into()));
        self
    }

    pub(crate) fn set_if(self, tag: u32, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.set(tag, value),
            None => self,
        }
    }

    /// What a spread is over (220 to 222). No field is empty.
    pub(crate) fn set_benchmark(self, over: Option<&Benchmark>) -> Self {
        let said = |of: fn(&Benchmark) -> &String| over.map(of).filter(|t| !t.is_empty()).cloned();
        self.set_if(220, said(|b| &b.currency))
            .set_if(221, said(|b| &b.name))
            .set_if(222, said(|b| &b.point))
    }

    #[cfg(test)]
    pub(crate) fn get(&self, tag: u32) -> Option<&str> {
        self.fields.iter().find(|field| field.0 == tag).map(|field| field.1.as_str())
    }
}

/// The terms of one quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuoteTerms {
    pub(crate) quote_id: String,
    pub(crate) bid: Option<Decimal>,
    pub(crate) offer: Option<Decimal>,
    /// The same on both sides.
    pub(crate) size: Decimal,
    pub(crate) valid_until: OffsetDateTime,
    /// The legs of a package, with their prices.
    pub(crate) legs: Vec<Leg>,
    /// QuoteRespID (693) of the counter that it answers.
    pub(crate) answers: Option<String>,
}

/// Quote (S), tradeable.
pub(crate) fn quote(
    request: &QuoteRequest,
    instrument: &Instrument,
    terms: &QuoteTerms,
    now: OffsetDateTime,
) -> Outgoing {
    let price = |price: Option<Decimal>| price.map(|p| price_text(p, instrument.price_decimals));
    let size = |of: Option<Decimal>| of.map(|_| quantity_text(terms.size));
    let message = instrument_fields(
        Outgoing::new("S")
            .set(131, request.quote_req_id.as_str())
            .set(117, terms.quote_id.as_str())
            .set_if(693, terms.answers.clone())
            .set(537, "1"),
        request,
    )
    .set_if(132, price(terms.bid))
    .set_if(133, price(terms.offer))
    .set_if(134, size(terms.bid))
    .set_if(135, size(terms.offer))
    .set(62, timestamp(terms.valid_until))
    .set(60, timestamp(now))
    .set(64, settl_date(request, instrument, now))
    .set(15, instrument.currency.as_str())
    .set_benchmark(request.benchmark.as_ref())
    .set_if(423, request.price_type.clone());
    put(message, &terms.legs, Prices::Quoted)
}

/// QuoteCancel (Z) of one quote.
pub(crate) fn quote_cancel(request: &QuoteRequest, quote_id: &str) -> Outgoing {
    let cancel = Outgoing::new("Z")
        .set(131, request.quote_req_id.as_str())
        .set(117, quote_id)
        .set(298, "1")
        .set(295, "1");
    instrument_fields(cancel, request)
}

/// QuoteRequestReject (AG), with a QuoteRequestRejectReason (658).
pub(crate) fn quote_request_reject(request: &QuoteRequest, reason: u32, text: &str) -> Outgoing {
    let reject = Outgoing::new("AG")
        .set(131, request.quote_req_id.as_str())
        .set(658, reason.to_string())
        .set(146, "1");
    instrument_fields(reject, request).set(58, text)
}

/// BusinessMessageReject (j): unsupported message type.
pub(crate) fn business_reject(unsupported: &Unsupported) -> Outgoing {
    Outgoing::new("j")
        .set_if(45, Some(unsupported.seq_num.as_str()).filter(|number| !number.is_empty()))
        .set(372, unsupported.msg_type.as_str())
        .set(380, "3")
        .set(58, unsupported.text)
}

/// BusinessMessageReject (j) of a counter (AJ), by its id.
pub(crate) fn counter_reject(cl_ord_id: &str, text: &str) -> Outgoing {
    Outgoing::new("j").set(372, "AJ").set(379, cl_ord_id).set(380, "0").set(58, text)
}

/// SettlDate (64): as asked, else by the instrument's convention.
pub(crate) fn settl_date(
    request: &QuoteRequest,
    instrument: &Instrument,
    now: OffsetDateTime,
) -> String {
    if let Some(first) = request.legs.first().and_then(|l| l.settl_date.clone()) {
        return first;
    }
    let standard = || date(business_days_later(now.date(), instrument.settlement_days()));
    request.settl_date.clone().unwrap_or_else(standard)
}

fn instrument_fields(message: Outgoing, request: &QuoteRequest) -> Outgoing {
    message
        .set(55, request.symbol.as_str())
        .set_if(48, request.security_id.clone())
        .set_if(22, request.security_id_source.clone())
        .set_if(167, request.is_package().then_some(MULTILEG))
}
