//! The terms of a request, and whether it may be sent.

use crate::{
    Catalogue, DealerId, Instrument, InstrumentError, InstrumentId, Leg, LegsError,
    MAX_DEALERS_PER_RFQ, MAX_LEGS, MIN_LEGS, PriceType, RfqId, Side, TTL_MAX_S, TTL_MIN_S,
    UtcMillis, gross, isin_check_digit, leg::RATIO_MAX,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What the customer wants to see prices for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Offers only, Side (54) 1.
    Buy,
    /// Bids only, Side (54) 2.
    Sell,
    /// Both; the request carries no Side (54), as FIX 4.4 has it.
    TwoWay,
}

impl Ask {
    /// Whether a customer who asked for this may trade on `side`.
    pub fn allows(self, side: Side) -> bool {
        matches!(
            (self, side),
            (Self::TwoWay, _) | (Self::Buy, Side::Buy) | (Self::Sell, Side::Sell)
        )
    }
}

/// What was asked. Never changes once sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// QuoteReqID (131), chosen by the desk, unique within that desk.
    pub id: RfqId,
    /// Symbol (55), or SecurityID (48) for an ISIN; [`InstrumentId::package`] when there are legs.
    pub instrument: InstrumentId,
    /// Side (54), or its absence.
    pub ask: Ask,
    /// OrderQty (38), in `currency`; of a package the sum of all legs.
    pub quantity: Decimal,
    /// Currency (15), ISO 4217; the instrument's.
    pub currency: String,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: String,
    /// Dealers that are asked, each once, 1 to [`MAX_DEALERS_PER_RFQ`].
    pub dealers: Vec<DealerId>,
    /// ExpireTime (126).
    pub expires: UtcMillis,
    /// TransactTime (60).
    pub created: UtcMillis,
    /// The legs (555) of a package; empty for a single instrument.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
    /// PriceType (423): in which numbers it is asked for, quoted and traded.
    #[serde(default, skip_serializing_if = "PriceType::is_price")]
    pub price_type: PriceType,
    /// The least that is traded, in `currency`: a stipulation (233) `MINQTY`, as FIX 4.4 has no
    /// MinQty (110) in a request. The whole quantity means all or none; `None` means any part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_quantity: Option<Decimal>,
}

/// Why an RFQ may not be sent, or is refused on receipt. At fault: the desk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    /// The list of dealers is empty.
    #[error("no dealer was chosen")]
    NoDealer,
    /// More dealers than [`MAX_DEALERS_PER_RFQ`].
    #[error("more than {MAX_DEALERS_PER_RFQ} dealers were chosen")]
    TooManyDealers,
    /// This dealer is in the list more than once.
    #[error("{0} was chosen twice")]
    DealerTwice(DealerId),
    /// ExpireTime (126) less TransactTime (60) is out of bounds.
    #[error("an RFQ stays open for {TTL_MIN_S} to {TTL_MAX_S} seconds")]
    BadTtl,
    /// ExpireTime (126) is not after the receiver's time: it was delayed, or a clock is wrong.
    #[error("the RFQ has expired before it arrived")]
    AlreadyExpired,
    /// Currency (15) is not the instrument's: the instrument's symbol and currency.
    #[error("{0} trades in {1}")]
    OtherCurrency(String, String),
    /// PriceType (423) is not one of the instrument's.
    #[error("{} is not asked for in {} here", .0, .1.plural())]
    OtherPriceType(String, PriceType),
    /// PriceType (423) of a package: the prices of its legs add up, and yields do not.
    #[error("a package is asked for in prices")]
    PackagePriceType,
    /// The least quantity is zero or below.
    #[error("the least quantity, {0}, is not above zero")]
    MinimumNotPositive(Decimal),
    /// The least quantity is above the quantity, which is the second number.
    #[error("the least quantity, {0}, is more than the quantity, {1}")]
    MinimumTooLarge(Decimal, Decimal),
    /// A least quantity of a package, which is traded as a whole in any case.
    #[error("a package is traded as a whole and has no least quantity")]
    PackageMinimum,
    /// The quantity is not one the instrument allows.
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
    /// The legs are not a package that may be asked for.
    #[error(transparent)]
    Legs(#[from] LegsError),
}

impl Terms {
    /// The same check at the desk before sending and at the gateway on receipt. It refuses a
    /// package, which [`Self::check_package`] knows.
    pub fn check(&self, instrument: &Instrument, now: UtcMillis) -> Result<(), TermsError> {
        if self.is_package() {
            return Err(LegsError::Mixed.into());
        }
        self.check_rfq(now)?;
        if self.currency != instrument.currency {
            return Err(TermsError::OtherCurrency(
                instrument.symbol.clone(),
                instrument.currency.clone(),
            ));
        }
        if !instrument.has(self.price_type) {
            return Err(TermsError::OtherPriceType(instrument.symbol.clone(), self.price_type));
        }
        instrument.check_quantity(self.quantity)?;
        self.check_minimum()
    }

    /// Whether its prices are percent of par: of an ISIN, or of legs that all have one.
    pub(crate) fn is_by_isin(&self) -> bool {
        let has_isin = |id: &InstrumentId| isin_check_digit(id.as_str());
        match &self.legs[..] {
            [] => has_isin(&self.instrument),
            legs => legs.iter().all(|l| has_isin(&l.instrument)),
        }
    }

    /// Whether the least quantity is a part of the quantity, or the whole of it.
    fn check_minimum(&self) -> Result<(), TermsError> {
        match self.min_quantity {
            Some(least) if least <= Decimal::ZERO => Err(TermsError::MinimumNotPositive(least)),
            Some(least) if least > self.quantity => {
                Err(TermsError::MinimumTooLarge(least.normalize(), self.quantity.normalize()))
            }
            _ => Ok(()),
        }
    }

    /// As [`Self::check`], of a package: each leg's instrument must be listed.
    pub fn check_package(&self, catalogue: &Catalogue, now: UtcMillis) -> Result<(), TermsError> {
        self.check_rfq(now)?;
        if !self.price_type.is_price() {
            return Err(TermsError::PackagePriceType);
        }
        if self.min_quantity.is_some() {
            return Err(TermsError::PackageMinimum);
        }
        Ok(self.check_legs(catalogue)?)
    }

    /// Dealers and times, whatever is asked for.
    fn check_rfq(&self, now: UtcMillis) -> Result<(), TermsError> {
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
        Ok(())
    }

    /// Whether several legs are asked for, as a package.
    pub fn is_package(&self) -> bool {
        !self.legs.is_empty() || self.instrument.is_package()
    }

    /// Whether the legs are a package, each of an instrument that is listed.
    fn check_legs(&self, catalogue: &Catalogue) -> Result<(), LegsError> {
        if !self.instrument.is_package() || self.legs.is_empty() {
            return Err(LegsError::Mixed);
        }
        if !(MIN_LEGS..=MAX_LEGS).contains(&self.legs.len()) {
            return Err(LegsError::Count(self.legs.len()));
        }
        for (i, leg) in self.legs.iter().enumerate() {
            self.check_leg(i, leg, catalogue)?;
        }
        let gross = gross(&self.legs).ok_or(LegsError::TooLarge)?;
        if gross != self.quantity {
            return Err(LegsError::Gross(gross.normalize()));
        }
        match self.legs.first() {
            Some(l) if l.settlement_date != self.settlement_date => {
                Err(LegsError::Date(l.settlement_date.clone()))
            }
            _ => Ok(()),
        }
    }

    fn check_leg(&self, i: usize, leg: &Leg, catalogue: &Catalogue) -> Result<(), LegsError> {
        let n = i + 1;
        let same = |l: &Leg| {
            (&l.instrument, &l.settlement_date) == (&leg.instrument, &leg.settlement_date)
        };
        if let Some(before) = self.legs.iter().take(i).position(same) {
            return Err(LegsError::Twice(n, before + 1));
        }
        if leg.ratio <= Decimal::ZERO || leg.ratio > Decimal::from(RATIO_MAX) {
            return Err(LegsError::Ratio(n));
        }
        let listed = catalogue.get(&leg.instrument);
        let i = listed.ok_or_else(|| LegsError::Unknown(n, leg.instrument.clone()))?;
        if i.currency != self.currency {
            let (leg, package) = (i.currency.clone(), self.currency.clone());
            return Err(LegsError::Currency(n, leg, package));
        }
        i.check_quantity(leg.quantity).map_err(|e| LegsError::Quantity(n, e))
    }
}
