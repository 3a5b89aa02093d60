//! What is asked, and whether it may be.

use crate::{DealerId, Instrument, InstrumentError, InstrumentId, MAX_DEALERS_PER_RFQ, RfqId, Side, TTL_MAX_S, TTL_MIN_S, UtcMillis};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What the customer wants to see prices for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    Buy,
    Sell,
    TwoWay,
}

impl Ask {
    pub fn allows(self, side: Side) -> bool {
        matches!((self, side), (Self::TwoWay, _) | (Self::Buy, Side::Buy) | (Self::Sell, Side::Sell))
    }
}

/// What was asked. Never changes once sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub id: RfqId,
    pub instrument: InstrumentId,
    pub ask: Ask,
    pub quantity: Decimal,
    pub currency: String,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: String,
    pub dealers: Vec<DealerId>,
    /// ExpireTime (126).
    pub expires: UtcMillis,
    /// TransactTime (60).
    pub created: UtcMillis,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    #[error("no dealer was chosen")]
    NoDealer,
    #[error("more than {MAX_DEALERS_PER_RFQ} dealers were chosen")]
    TooManyDealers,
    #[error("{0} was chosen twice")]
    DealerTwice(DealerId),
    #[error("an RFQ stays open for {TTL_MIN_S} to {TTL_MAX_S} seconds")]
    BadTtl,
    #[error("the RFQ has expired before it arrived")]
    AlreadyExpired,
    #[error("{0} trades in {1}")]
    OtherCurrency(String, String),
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
}

impl Terms {
    /// The same check at the desk before sending and at the gateway on receipt.
    pub fn check(&self, instrument: &Instrument, now: UtcMillis) -> Result<(), TermsError> {
        if self.dealers.is_empty() {
            return Err(TermsError::NoDealer);
        }
        if self.dealers.len() > MAX_DEALERS_PER_RFQ {
            return Err(TermsError::TooManyDealers);
        }
        for (i, d) in self.dealers.iter().enumerate() {
            if self.dealers[..i].contains(d) {
                return Err(TermsError::DealerTwice(d.clone()));
            }
        }
        let ttl_ms = self.expires.since(self.created);
        if !(i64::from(TTL_MIN_S) * 1_000..=i64::from(TTL_MAX_S) * 1_000).contains(&ttl_ms) {
            return Err(TermsError::BadTtl);
        }
        if self.expires <= now {
            return Err(TermsError::AlreadyExpired);
        }
        if self.currency != instrument.currency {
            return Err(TermsError::OtherCurrency(instrument.symbol.clone(), instrument.currency.clone()));
        }
        Ok(instrument.check_quantity(self.quantity)?)
    }
}
