//! A dealer's quote: given (S), taken back (Z), and taken or passed by the customer (AJ).

use rust_decimal::Decimal;
use signet_rfq::{
    Accept, AcceptId, Counter, DealerId, InstrumentId, Level, Limit, PriceType, Qualifiers, Quote,
    QuoteId, Rfq, RfqId, Side, StatedLeg, Terms, UtcMillis,
};

/// Quote (S).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteMsg {
    /// QuoteReqID (131).
    pub rfq: RfqId,
    /// QuoteID (117), chosen by the dealer.
    pub id: QuoteId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// PartyID (448) with PartyRole (452) 35; from the gateway to a desk only.
    pub dealer: Option<DealerId>,
    /// BidPx (132) and BidSize (134).
    pub bid: Option<Level>,
    /// OfferPx (133) and OfferSize (135).
    pub offer: Option<Level>,
    /// ValidUntilTime (62).
    pub valid_until: UtcMillis,
    /// QuoteType (537): 1 is tradeable, 0 indicative. Absent means tradeable.
    pub tradeable: bool,
    /// TransactTime (60).
    pub at: UtcMillis,
    /// What the quote states beyond prices and sizes. It must match the request.
    pub qualifiers: Qualifiers,
    /// The legs (555) of a package, with their prices; empty for a single instrument.
    pub legs: Vec<StatedLeg>,
}

impl QuoteMsg {
    /// The quote as an RFQ holds it.
    pub fn quote(&self, dealer: DealerId) -> Quote {
        Quote {
            id: self.id.clone(),
            dealer,
            bid: self.bid,
            offer: self.offer,
            valid_until: self.valid_until,
            tradeable: self.tradeable,
            legs: self.legs.clone(),
        }
    }
}

/// QuoteCancel (Z).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteCancel {
    /// `None`: the sender names the quote only; it may be in any RFQ.
    pub rfq: Option<RfqId>,
    /// `None`: QuoteCancelType (298) 4, all of the sender's quotes.
    pub quote: Option<QuoteId>,
    /// Named by those who cancel by instrument; the RFQ says which it is anyway.
    pub instrument: Option<InstrumentId>,
    /// PartyID (448) with PartyRole (452) 35; from the gateway to a desk only.
    pub dealer: Option<DealerId>,
    /// From the gateway: the dealer has not withdrawn the quote, but cannot be reached (20006=N).
    pub unreachable: bool,
}

/// What a QuoteResponse (AJ) says to the quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// QuoteRespType (694) 1.
    HitOrLift,
    /// QuoteRespType (694) 2: the customer asks for a better price, and agrees to nothing.
    Counter,
    /// QuoteRespType (694) 6: the customer will not trade on this quote.
    Pass,
}

/// QuoteResponse (AJ).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteResponse {
    /// QuoteRespID (693) and ClOrdID (11).
    pub id: AcceptId,
    /// QuoteRespType (694).
    pub response: Response,
    /// QuoteReqID (131): the RFQ the quote is in, as a dealer's quote ids are unique only within
    /// it. FIX
    /// 4.4 does not know the field in this message, so that it travels between desk and gateway
    /// only.
    pub rfq: Option<RfqId>,
    /// QuoteID (117).
    pub quote: QuoteId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// Whether the instrument id is an ISIN (48/22=4 are sent beside 55).
    pub isin: bool,
    /// PartyID (448) with PartyRole (452) 35: the dealer whose quote it is; from a desk to the
    /// gateway only.
    pub dealer: Option<DealerId>,
    /// Side (54), the customer's.
    pub side: Side,
    /// OrderQty (38), above zero.
    pub quantity: Decimal,
    /// Price (44), the quoted one; of a counter the one that the customer asks for.
    pub price: Decimal,
    /// Currency (15).
    pub currency: Option<String>,
    /// SettlDate (64).
    pub settlement_date: Option<String>,
    /// ValidUntilTime (62), the gateway's clock: an accept that arrives later is refused; from a
    /// desk to the gateway only. Of a counter: how long the customer waits, for its dealer too.
    pub deadline: Option<UtcMillis>,
    /// Tags 20140 and 20141: which later quotes it takes too; between desk and gateway only.
    pub limit: Option<Limit>,
    /// TransactTime (60).
    pub at: UtcMillis,
    /// The legs (555) of a package, each with the one price at which it is done.
    pub legs: Vec<StatedLeg>,
    /// PriceType (423): what `price` and the limit count. A plain price is sent without.
    pub price_type: PriceType,
    /// Text (58): why the trader passes. From a desk to the gateway only.
    pub text: Option<String>,
}

impl QuoteResponse {
    /// The agreement that this response states, for this RFQ and dealer.
    pub fn accept(&self, rfq: RfqId, dealer: DealerId) -> Accept {
        Accept {
            part_of: None,
            id: self.id.clone(),
            rfq,
            dealer,
            quote: self.quote.clone(),
            instrument: self.instrument.clone(),
            side: self.side,
            price: self.price,
            quantity: self.quantity,
            limit: self.limit,
            legs: self.legs.clone(),
        }
    }

    /// An accept of an RFQ as a message, as a desk sends it to a gateway.
    pub fn hit(a: &Accept, terms: &Terms, isin: bool, at: UtcMillis) -> Self {
        Self {
            id: a.id.clone(),
            response: Response::HitOrLift,
            rfq: Some(terms.id.clone()),
            quote: a.quote.clone(),
            instrument: a.instrument.clone(),
            isin,
            dealer: Some(a.dealer.clone()),
            side: a.side,
            quantity: a.quantity,
            price: a.price,
            currency: Some(terms.currency.clone()),
            settlement_date: Some(terms.settlement_date.clone()),
            deadline: None,
            limit: a.limit,
            at,
            legs: a.legs.clone(),
            price_type: terms.price_type,
            text: None,
        }
    }

    /// The counter that this response states, for this dealer and on a quote of this price; `None`
    /// without a time until which the customer waits.
    pub fn counter(&self, dealer: DealerId, quoted: Decimal) -> Option<Counter> {
        Some(Counter {
            id: self.id.clone(),
            dealer,
            quote: self.quote.clone(),
            side: self.side,
            price: self.price,
            quoted,
            quantity: self.quantity,
            until: self.deadline?,
            at: self.at,
        })
    }

    /// A counter of an RFQ as a message, as a desk sends it to a gateway.
    pub fn ask_better(c: &Counter, terms: &Terms, isin: bool) -> Self {
        Self {
            id: c.id.clone(),
            response: Response::Counter,
            rfq: Some(terms.id.clone()),
            quote: c.quote.clone(),
            instrument: terms.instrument.clone(),
            isin,
            dealer: Some(c.dealer.clone()),
            side: c.side,
            quantity: c.quantity,
            price: c.price,
            currency: Some(terms.currency.clone()),
            settlement_date: Some(terms.settlement_date.clone()),
            deadline: Some(c.until),
            limit: None,
            at: c.at,
            legs: Vec::new(),
            price_type: terms.price_type,
            text: None,
        }
    }

    /// Tells whoever quoted that nothing will be traded on their quote; `None` when it has no price
    /// to name.
    pub fn pass(id: AcceptId, rfq: &Rfq, quote: &Quote, isin: bool, at: UtcMillis) -> Option<Self> {
        let (side, level) = match (quote.offer, quote.bid) {
            (Some(o), _) if rfq.terms.ask.allows(Side::Buy) => (Side::Buy, o),
            (_, Some(b)) => (Side::Sell, b),
            _ => return None,
        };
        Some(Self {
            id,
            response: Response::Pass,
            rfq: None,
            quote: quote.id.clone(),
            instrument: rfq.terms.instrument.clone(),
            isin,
            dealer: None,
            side,
            quantity: level.size,
            price: level.price,
            currency: None,
            settlement_date: None,
            deadline: None,
            limit: None,
            at,
            legs: Vec::new(),
            price_type: rfq.terms.price_type,
            text: None,
        })
    }
}

/// User-defined UE, desk to gateway: the trader wants to approve an accept of an RFQ before a quote
/// is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproveAhead {
    /// QuoteReqID (131).
    pub rfq: RfqId,
    /// Side (54), the customer's.
    pub side: Side,
    /// OrderQty (38): the most that the accept may take, above zero.
    pub quantity: Decimal,
    /// Tags 20140 and 20141.
    pub limit: Limit,
}
