//! The request as a whole: asked for (R), refused (AG), and how it stands (AI).

use rust_decimal::Decimal;
use signet_rfq::{
    AcceptId, Ask, DealerId, InstrumentId, Leg, PriceType, QuoteId, RfqId, Terms, UtcMillis,
};

/// QuoteRequest (R): one instrument per request, or one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteRequest {
    /// QuoteReqID (131), chosen by the desk; towards a dealer the gateway puts the desk's CompID
    /// before it.
    pub id: RfqId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// Whether the instrument id is an ISIN (48/22=4 are sent beside 55).
    pub isin: bool,
    /// Side (54); absent for both sides.
    pub ask: Ask,
    /// OrderQty (38), above zero, in `currency`.
    pub quantity: Decimal,
    /// Currency (15).
    pub currency: String,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: String,
    /// Dealers asked; empty on the way from the gateway to one dealer.
    pub dealers: Vec<DealerId>,
    /// ExpireTime (126).
    pub expires: UtcMillis,
    /// TransactTime (60).
    pub at: UtcMillis,
    /// The legs (555) of a package; empty for a single instrument.
    pub legs: Vec<Leg>,
    /// PriceType (423): in which numbers it is asked for.
    pub price_type: PriceType,
    /// StipulationValue (234) of the StipulationType (233) `MINQTY`: the least that is traded,
    /// above zero.
    pub min_quantity: Option<Decimal>,
}

impl QuoteRequest {
    /// What is asked for, as the RFQ's life cycle knows it.
    pub fn terms(&self) -> Terms {
        Terms {
            id: self.id.clone(),
            instrument: self.instrument.clone(),
            ask: self.ask,
            quantity: self.quantity,
            currency: self.currency.clone(),
            settlement_date: self.settlement_date.clone(),
            dealers: self.dealers.clone(),
            expires: self.expires,
            created: self.at,
            legs: self.legs.clone(),
            price_type: self.price_type,
            min_quantity: self.min_quantity,
        }
    }

    /// The request of these terms, from a desk. `isin`: whether the instrument id is one.
    pub fn of(terms: &Terms, isin: bool) -> Self {
        Self {
            id: terms.id.clone(),
            instrument: terms.instrument.clone(),
            isin,
            ask: terms.ask,
            quantity: terms.quantity,
            currency: terms.currency.clone(),
            settlement_date: terms.settlement_date.clone(),
            dealers: terms.dealers.clone(),
            expires: terms.expires,
            at: terms.created,
            legs: terms.legs.clone(),
            price_type: terms.price_type,
            min_quantity: terms.min_quantity,
        }
    }
}

/// QuoteRequestReject (AG). With a dealer: that dealer will not quote. Without: the whole request
/// is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteRequestReject {
    /// QuoteReqID (131).
    pub rfq: RfqId,
    /// QuoteRequestRejectReason (658).
    pub reason: u16,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// PartyID (448) with PartyRole (452) 35.
    pub dealer: Option<DealerId>,
    /// Text (58).
    pub text: Option<String>,
    /// What the gateway adds for its desk; dealers send none.
    pub advice: Option<Advice>,
}

/// ReasonCode (20104) of a QuoteRequestReject (AG) about a dealer on which the trader passed.
pub const PASSED_BY_TRADER: &str = "line.passed_by_trader";

/// Why the gateway refuses, for programs, and what would cure it, for people (20104, 20105).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Stable; never empty.
    pub code: String,
    /// An instruction; empty when there is nothing to do.
    pub cure: String,
}

/// QuoteStatus (297) as Signet uses it for the state of a whole RFQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RfqStatus {
    /// 0: the dealers were asked.
    Open,
    /// 1: ended by the trader.
    Cancelled,
    /// 5: refused.
    Rejected,
    /// 6: every dealer said no.
    NothingDone,
    /// 7
    Expired,
    /// 9: the gateway knows no such RFQ.
    NotFound,
    /// 10: it waits at the gateway, for a touch.
    Pending,
    /// Anything else a venue may say.
    Other(u16),
}

impl RfqStatus {
    /// QuoteStatus (297).
    pub const fn code(self) -> u16 {
        match self {
            Self::Open => 0,
            Self::Cancelled => 1,
            Self::Rejected => 5,
            Self::NothingDone => 6,
            Self::Expired => 7,
            Self::NotFound => 9,
            Self::Pending => 10,
            Self::Other(n) => n,
        }
    }

    /// What a received QuoteStatus (297) means.
    pub const fn of(code: u16) -> Self {
        match code {
            0 => Self::Open,
            1 => Self::Cancelled,
            5 => Self::Rejected,
            6 => Self::NothingDone,
            7 => Self::Expired,
            9 => Self::NotFound,
            10 => Self::Pending,
            n => Self::Other(n),
        }
    }
}

/// QuoteStatusReport (AI).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteStatusReport {
    /// QuoteReqID (131).
    pub rfq: RfqId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// QuoteStatus (297).
    pub status: RfqStatus,
    /// QuoteID (117) of a dealer's report about one quote. `None` when it repeats 131.
    pub quote: Option<QuoteId>,
    /// QuoteRespID (693): the accept that a dealer's report answers.
    pub answers: Option<AcceptId>,
    /// ValidUntilTime (62): when the RFQ ends on the gateway's clock.
    pub until: Option<UtcMillis>,
    /// Text (58).
    pub text: Option<String>,
}

impl QuoteStatusReport {
    /// About a whole RFQ.
    pub fn of_rfq(
        rfq: RfqId,
        instrument: InstrumentId,
        status: RfqStatus,
        text: Option<String>,
    ) -> Self {
        Self { rfq, instrument, status, quote: None, answers: None, until: None, text }
    }
}
