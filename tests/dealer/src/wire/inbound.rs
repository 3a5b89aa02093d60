//! What a gateway sends: R, AJ, H.

use rust_decimal::Decimal;
use time::OffsetDateTime;

use super::{Leg, MULTILEG, legs, parse_decimal, parse_timestamp};
use crate::instrument::Benchmark;

/// The longest text field taken from a peer, in bytes.
const TEXT_BYTES_MAX: usize = 128;

/// SessionRejectReason (373): Required tag missing.
const REQUIRED_TAG_MISSING: u32 = 1;
/// SessionRejectReason (373): Value is incorrect (out of range) for this tag.
const VALUE_INCORRECT: u32 = 5;
/// SessionRejectReason (373): Incorrect data format for value.
const INCORRECT_FORMAT: u32 = 6;

/// Why a message is answered with a session-level Reject (3). At fault: the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// SessionRejectReason (373).
    pub(crate) reason: u32,
    /// RefTagID (371).
    pub(crate) tag: u32,
    pub(crate) text: &'static str,
}

/// A message for the dealer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inbound {
    Request(QuoteRequest),
    Response(QuoteResponse),
    Status(StatusRequest),
    Unsupported(Unsupported),
}

/// QuoteRequest (R) with one related symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuoteRequest {
    pub(crate) quote_req_id: String,
    pub(crate) symbols: u32,
    pub(crate) symbol: String,
    pub(crate) security_id: Option<String>,
    pub(crate) security_id_source: Option<String>,
    /// Side (54), the customer's; `None` asks for both.
    pub(crate) side: Option<String>,
    pub(crate) quantity: Option<Decimal>,
    /// StipulationValue (234) of the StipulationType (233) `MINQTY`: the least that is traded.
    pub(crate) at_least: Option<Decimal>,
    pub(crate) settl_date: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) expire_time: Option<OffsetDateTime>,
    pub(crate) price_type: Option<String>,
    /// 220 to 222: what a spread (423=6) is over.
    pub(crate) benchmark: Option<Benchmark>,
    /// The legs (555) of a package; empty for one instrument.
    pub(crate) legs: Vec<Leg>,
}

impl QuoteRequest {
    /// Whether it is for a package.
    pub(crate) fn is_package(&self) -> bool {
        !self.legs.is_empty()
    }
}

/// QuoteRespType (694), as far as a dealer takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseType {
    /// 1: hit or lift.
    Accept,
    /// 2: the customer asks for a better price.
    Counter,
    /// 6: pass; the customer is done.
    Pass,
}

/// QuoteResponse (AJ).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuoteResponse {
    pub(crate) quote_resp_id: String,
    pub(crate) kind: ResponseType,
    pub(crate) quote_id: String,
    pub(crate) quote_req_id: Option<String>,
    pub(crate) cl_ord_id: String,
    pub(crate) symbol: String,
    pub(crate) security_id: Option<String>,
    pub(crate) side: String,
    pub(crate) quantity: Decimal,
    pub(crate) price: Decimal,
    /// PriceType (423): what the price counts, when it is not a plain price.
    pub(crate) price_type: Option<String>,
    /// 220 to 222: what a spread (423=6) is over.
    pub(crate) benchmark: Option<Benchmark>,
    /// The legs (555) of a package.
    pub(crate) legs: Vec<Leg>,
    /// ValidUntilTime (62): how long the customer waits for the answer to a counter.
    pub(crate) valid_until: Option<OffsetDateTime>,
}

/// OrderStatusRequest (H).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusRequest {
    pub(crate) cl_ord_id: String,
    pub(crate) status_req_id: Option<String>,
    pub(crate) symbol: String,
    pub(crate) side: String,
}

/// A message this dealer does not do; answered with a BusinessMessageReject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsupported {
    pub(crate) msg_type: String,
    pub(crate) seq_num: String,
    pub(crate) text: &'static str,
}

impl Inbound {
    /// Reads an application message from its fields, in any order.
    pub(crate) fn parse<'a>(
        msg_type: &str,
        fields: impl IntoIterator<Item = (u32, &'a [u8])>,
    ) -> Result<Self, Fault> {
        let fields = Fields::collect(fields)?;
        match msg_type {
            "R" => QuoteRequest::parse(&fields).map(Self::Request),
            "AJ" => parse_response(&fields),
            "H" => StatusRequest::parse(&fields).map(Self::Status),
            _ => Ok(fields.unsupported(msg_type, "this dealer takes R, AJ and H")),
        }
    }
}

impl QuoteRequest {
    fn parse(fields: &Fields<'_>) -> Result<Self, Fault> {
        let symbols = fields.required(146)?;
        Ok(Self {
            quote_req_id: fields.text(131)?,
            symbols: symbols
                .parse()
                .map_err(|_| fault(INCORRECT_FORMAT, 146, "not a number in group"))?,
            symbol: fields.text(55)?,
            security_id: fields.optional(48),
            security_id_source: fields.optional(22),
            side: fields.optional(54),
            quantity: fields.decimal_if_any(38)?,
            at_least: fields.at_least()?,
            settl_date: fields.optional(64),
            currency: fields.optional(15),
            expire_time: fields.time_if_any(126)?,
            price_type: fields.optional(423),
            benchmark: benchmark(fields),
            legs: fields.legs()?,
        })
    }
}

fn benchmark(fields: &Fields<'_>) -> Option<Benchmark> {
    let said = [220, 221, 222].map(|tag| fields.optional(tag));
    if said.iter().all(Option::is_none) {
        return None;
    }
    let [currency, name, point] = said.map(Option::unwrap_or_default);
    Some(Benchmark { currency, name, point })
}

fn parse_response(fields: &Fields<'_>) -> Result<Inbound, Fault> {
    let kind = match fields.required(694)? {
        "1" => ResponseType::Accept,
        "2" => ResponseType::Counter,
        "6" => ResponseType::Pass,
        "3" | "4" | "5" => {
            return Ok(fields.unsupported("AJ", "this dealer takes QuoteRespType 1, 2 and 6"));
        }
        _ => return Err(fault(VALUE_INCORRECT, 694, "unknown QuoteRespType")),
    };
    let is_accept = kind != ResponseType::Pass;
    let text = |tag| {
        if is_accept { fields.text(tag) } else { Ok(fields.optional(tag).unwrap_or_default()) }
    };
    let decimal = |tag| {
        let value = fields.decimal_if_any(tag)?;
        match value {
            None if is_accept => Err(missing(tag)),
            value => Ok(value.unwrap_or_default()),
        }
    };
    Ok(Inbound::Response(QuoteResponse {
        quote_resp_id: fields.text(693)?,
        kind,
        quote_id: fields.text(117)?,
        quote_req_id: fields.optional(131),
        cl_ord_id: text(11)?,
        symbol: text(55)?,
        security_id: fields.optional(48),
        side: text(54)?,
        quantity: decimal(38)?,
        price: decimal(44)?,
        price_type: fields.optional(423),
        benchmark: benchmark(fields),
        legs: if is_accept { fields.legs()? } else { vec![] },
        valid_until: fields.time_if_any(62)?,
    }))
}

impl StatusRequest {
    fn parse(fields: &Fields<'_>) -> Result<Self, Fault> {
        Ok(Self {
            cl_ord_id: fields.text(11)?,
            status_req_id: fields.optional(790),
            symbol: fields.text(55)?,
            side: fields.text(54)?,
        })
    }
}

/// The fields of one message; the first of a tag counts.
struct Fields<'a>(Vec<(u32, &'a str)>);

impl<'a> Fields<'a> {
    fn collect(fields: impl IntoIterator<Item = (u32, &'a [u8])>) -> Result<Self, Fault> {
        let readable = |(tag, value): (u32, &'a [u8])| match std::str::from_utf8(value) {
            Ok(text) if !text.is_empty() => Ok((tag, text)),
            _ => Err(fault(INCORRECT_FORMAT, tag, "not text")),
        };
        fields.into_iter().map(readable).collect::<Result<_, _>>().map(Self)
    }

    fn find(&self, tag: u32) -> Option<&'a str> {
        self.0.iter().find(|field| field.0 == tag).map(|field| field.1)
    }

    fn required(&self, tag: u32) -> Result<&'a str, Fault> {
        self.find(tag).ok_or_else(|| missing(tag))
    }

    fn text(&self, tag: u32) -> Result<String, Fault> {
        let text = self.required(tag)?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(fault(VALUE_INCORRECT, tag, "too long"));
        }
        Ok(text.to_owned())
    }

    fn optional(&self, tag: u32) -> Option<String> {
        self.find(tag).filter(|text| text.len() <= TEXT_BYTES_MAX).map(str::to_owned)
    }

    fn decimal_if_any(&self, tag: u32) -> Result<Option<Decimal>, Fault> {
        let parse =
            |text| parse_decimal(text).ok_or_else(|| fault(INCORRECT_FORMAT, tag, "not a number"));
        self.find(tag).map(parse).transpose()
    }

    fn at_least(&self) -> Result<Option<Decimal>, Fault> {
        let Some(at) = self.0.iter().position(|field| *field == (233, "MINQTY")) else {
            return Ok(None);
        };
        let value = self.0.get(at + 1).filter(|field| field.0 == 234);
        let value = value.ok_or_else(|| missing(234))?;
        let wrong = || fault(INCORRECT_FORMAT, 234, "not a number");
        parse_decimal(value.1).map(Some).ok_or_else(wrong)
    }

    fn time_if_any(&self, tag: u32) -> Result<Option<OffsetDateTime>, Fault> {
        let parse = |text| {
            parse_timestamp(text).ok_or_else(|| fault(INCORRECT_FORMAT, tag, "not a UTCTimestamp"))
        };
        self.find(tag).map(parse).transpose()
    }

    fn legs(&self) -> Result<Vec<Leg>, Fault> {
        let found = legs::parse(&self.0);
        let found = found.map_err(|tag| fault(VALUE_INCORRECT, tag, "not a group of legs"))?;
        if found.is_empty() && self.find(167) == Some(MULTILEG) {
            return Err(missing(555));
        }
        Ok(found)
    }

    fn unsupported(&self, msg_type: &str, text: &'static str) -> Inbound {
        let seq_num = self.optional(34).unwrap_or_default();
        Inbound::Unsupported(Unsupported { msg_type: msg_type.to_owned(), seq_num, text })
    }
}

const fn missing(tag: u32) -> Fault {
    fault(REQUIRED_TAG_MISSING, tag, "required tag missing")
}

const fn fault(reason: u32, tag: u32, text: &'static str) -> Fault {
    Fault { reason, tag, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(msg_type: &str, text: &str) -> Result<Inbound, Fault> {
        let fields = text.split('|').map(|field| field.split_once('=').unwrap());
        Inbound::parse(
            msg_type,
            fields.map(|(tag, value)| (tag.parse().unwrap(), value.as_bytes())),
        )
    }

    #[test]
    fn a_request_is_read() {
        let text = "131=Q1|146=1|55=DBR 2.5 \
            02/35|48=DE000BU2Z049|22=4|54=1|38=5000000|64=20261124|15=EUR|126=20261120-13:00:00.000|423=1";
        let Ok(Inbound::Request(request)) = parse("R", text) else { panic!() };
        assert_eq!(request.quantity, Some(Decimal::new(5_000_000, 0)));
        assert_eq!(request.side.as_deref(), Some("1"));
        assert_eq!(request.at_least, None);
        let text = text.replace("|126=", "|232=1|233=MINQTY|234=2000000|126=");
        let Ok(Inbound::Request(request)) = parse("R", &text) else { panic!() };
        assert_eq!(request.at_least, Some(Decimal::new(2_000_000, 0)));
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let table = [
            ("R", "146=1|55=X", 1, 131),
            ("R", "131=Q|55=X", 1, 146),
            ("R", "131=Q|146=x|55=X", 6, 146),
            ("R", "131=Q|146=1|55=X|38=1e6", 6, 38),
            ("R", "131=Q|146=1|55=X|126=tomorrow", 6, 126),
            ("R", "131=Q|146=1|55=X|232=1|233=MINQTY", 1, 234),
            ("R", "131=Q|146=1|55=X|232=1|233=MINQTY|234=some", 6, 234),
            ("AJ", "693=R|117=Q|11=C|55=X|54=1|38=1", 1, 694),
            ("AJ", "693=R|694=1|117=Q|11=C|55=X|54=1|38=1", 1, 44),
            ("AJ", "693=R|694=1|11=C|55=X|54=1|38=1|44=1", 1, 117),
            ("AJ", "693=R|694=9|117=Q", 5, 694),
            ("H", "55=X|54=1", 1, 11),
        ];
        for (msg_type, text, reason, tag) in table {
            let found = parse(msg_type, text).unwrap_err();
            assert_eq!((found.reason, found.tag), (reason, tag), "{text}");
        }
    }

    #[test]
    fn other_types_are_unsupported_not_wrong() {
        let Ok(Inbound::Unsupported(other)) = parse("D", "34=7|11=X") else { panic!() };
        assert_eq!((other.msg_type.as_str(), other.seq_num.as_str()), ("D", "7"));
        assert!(matches!(parse("AJ", "693=R|694=3|117=Q"), Ok(Inbound::Unsupported(_))));
    }

    proptest! {
        #[test]
        fn no_fields_make_it_panic(
            msg_type in prop_oneof![Just("R"), Just("AJ"), Just("H"), Just("D")],
            fields in proptest::collection::vec((any::<u32>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..30),
            common in proptest::collection::vec((prop::sample::select(vec![131, 146, 55, 54, 38, 44, 117, 11, 693, 694, 126]), "[ -~]{0,24}"), 0..16),
        ) {
            let all = fields.iter().map(|(tag, value)| (*tag, value.as_slice()))
                .chain(common.iter().map(|(tag, value)| (*tag, value.as_bytes())));
            let _ = Inbound::parse(msg_type, all);
        }
    }
}
