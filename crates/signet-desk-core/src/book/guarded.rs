//! What stands between a confirmation and a trade: the time since the terms were shown, and a
//! second confirmation of a price that is far from the market.

use super::{Book, screen::Item};
use crate::{
    clock::Moment,
    guard::{Against, Agreed, Guard, OffMarket, Pressed, TradingSettings, off_market},
    ladder,
    present::price,
    problem::problem,
    view::{GuardView, Problem},
};
use rust_decimal::Decimal;
use signet_rfq::{
    AcceptId, AcceptState, Instrument, InstrumentId, Leg, PriceType, RfqId, StatedLeg, Terms,
    UtcMillis, best, composite,
};
use std::collections::BTreeMap;

/// A trade that is longer ago says nothing about the market now, milliseconds.
const LAST_TRADE_MAX_MS: i64 = 3_600_000;

/// The trader's latest trade of each instrument in this run, by what the number counts; at most
/// three times as many as there are instruments.
#[derive(Debug, Default)]
pub(super) struct LastTrades(BTreeMap<(InstrumentId, PriceType), (Decimal, UtcMillis)>);

impl LastTrades {
    fn at(&self, terms: &Terms, at: UtcMillis) -> Option<Decimal> {
        let (price, when) = self.0.get(&(terms.instrument.clone(), terms.price_type))?;
        (at.since(*when) <= LAST_TRADE_MAX_MS).then_some(*price)
    }
}

/// What the guard of an armed accept is decided by.
pub(super) struct Guarding<'a> {
    pub trading: TradingSettings,
    pub last: &'a LastTrades,
}

impl Guarding<'_> {
    /// Whether the armed accept agrees to a price that is far from the market.
    fn off_market(
        &self,
        item: &Item,
        instrument: Option<&Instrument>,
        at: UtcMillis,
    ) -> Option<(OffMarket, Decimal)> {
        let (a, AcceptState::Armed) = item.rfq.accept.as_ref()? else { return None };
        let (way, price_type) = (item.rfq.direction(), item.rfq.terms.price_type);
        let worst = a.limit.map_or(a.price, |l| l.price);
        let live = || item.rfq.lines.iter().filter_map(|l| l.live_quote(at));
        let mut references = Vec::new();
        if let Some(c) = composite(way, live(), a.side, a.quantity) {
            references.push((Against::Composite(c.dealers), c.price));
        } else {
            let others = live().filter(|q| q.dealer != a.dealer);
            let other = best(way, others, a.side, a.quantity, at, 0);
            references.extend(other.map(|b| (Against::Other, b.price)));
        }
        let last = self.last.at(&item.rfq.terms, at);
        references.extend(last.map(|price| (Against::LastTrade, price)));
        let agreed = Agreed {
            price_type,
            side: a.side,
            price: worst,
            tick: instrument.map(|i| i.tick),
            of: made_of(&item.rfq.terms.legs, &a.legs),
        };
        off_market(agreed, &references, &self.trading).map(|o| (o, worst))
    }

    /// What the page shows of the guard; `None` unless an accept is armed.
    pub(super) fn view(
        &self,
        item: &Item,
        instrument: Option<&Instrument>,
        moment: Moment,
    ) -> Option<GuardView> {
        let Some((_, AcceptState::Armed)) = item.rfq.accept.as_ref() else { return None };
        let off = self.off_market(item, instrument, moment.venue);
        let seen = off
            .as_ref()
            .is_some_and(|(_, worst)| item.guard.as_ref().is_some_and(|g| g.has_seen(*worst)));
        Some(GuardView {
            after_ms: self.trading.confirm_after_ms,
            warning: off.map(|(o, _)| words(&o, item.rfq.terms.price_type, instrument)),
            seen,
        })
    }
}

impl Book {
    /// Protects the trader from slips as the firm wants it.
    #[must_use]
    pub fn protected_by(mut self, trading: TradingSettings) -> Self {
        self.trading = trading;
        self
    }

    /// Confirm was pressed: whether the armed accept may leave by it.
    pub(super) fn pressed(
        &mut self,
        id: &str,
        accept: &AcceptId,
        moment: Moment,
    ) -> Result<(), Problem> {
        let Some(id) = RfqId::new(id).ok() else { return Ok(()) };
        let guarding = Guarding { trading: self.trading, last: &self.last_trades };
        let Some(item) = self.screen.get_mut(&id) else { return Ok(()) };
        let Some((a, AcceptState::Armed)) = item.rfq.accept.as_ref() else { return Ok(()) };
        if a.id != *accept {
            return Ok(());
        }
        let price_type = item.rfq.terms.price_type;
        let instrument = self.reference.of_rfq(&item.rfq.terms);
        let instrument = instrument.as_deref();
        let worst = a.limit.map_or(a.price, |l| l.price);
        let off = guarding.off_market(item, instrument, moment.venue);
        let guard = item.guard.get_or_insert_with(|| Guard::shown(moment.laptop));
        let pressed = guard.press(worst, off.is_some(), &self.trading, moment.laptop);
        item.dirty = true;
        self.frames.wake();
        match (pressed, off) {
            (Pressed::TooSoon, _) => Err(problem(
                "accept.too_soon",
                "Confirm was pressed before the terms could be read. Nothing was sent.",
                "Read the terms, then press it once more.",
            )),
            (Pressed::Warned, Some((o, _))) => Err(problem(
                "accept.off_market",
                format!("{} Nothing was sent.", words(&o, price_type, instrument)),
                "If you mean it, confirm a second time.",
            )),
            _ => Ok(()),
        }
    }

    /// A trade was reported: its cover, and the price that the next one is compared with.
    pub(super) fn note_trade(&mut self, id: &RfqId, now: UtcMillis) {
        let at = self.clock.gateway(now);
        let names = self.reference.names();
        let Some(item) = self.screen.get_mut(id) else { return };
        let instrument = self.reference.of_rfq(&item.rfq.terms);
        let instrument = instrument.as_deref();
        if item.cover.is_none() {
            item.cover = ladder::cover(&item.rfq, instrument, &names, at);
        }
        let traded = item.rfq.accept.as_ref().and_then(|(_, s)| s.traded());
        // Two packages are not one instrument.
        let single = instrument.filter(|i| !i.id.is_package());
        if let (Some(e), Some(i)) = (traded, single) {
            let of = (i.id.clone(), item.rfq.terms.price_type);
            self.last_trades.0.insert(of, (e.price, at));
        }
    }
}

/// The prices of the legs of an accept together, each times its ratio; `None` for a single
/// instrument.
fn made_of(legs: &[Leg], agreed: &[StatedLeg]) -> Option<Decimal> {
    if legs.is_empty() {
        return None;
    }
    legs.iter().zip(agreed).try_fold(Decimal::ZERO, |sum, (leg, stated)| {
        sum.checked_add(leg.ratio.checked_mul(stated.agreed()?)?.abs())
    })
}

/// `0.62 % worse than the composite of 4 dealers, 99.130.`
fn words(o: &OffMarket, of: PriceType, instrument: Option<&Instrument>) -> String {
    let reference = price(instrument, o.reference);
    let (far, unit) = match of.in_basis_points(o.worse) {
        Some(bp) => (bp, "bp"),
        None => (percent(o.worse, o.of), "%"),
    };
    let far = far.map_or_else(|| "Far".into(), |p| distance(p, unit));
    let than = match o.against {
        Against::Composite(dealers) => format!("the composite of {dealers} dealers, {reference}"),
        Against::Other => format!("another dealer's price, {reference}"),
        Against::LastTrade => format!("your last trade of this instrument, {reference}"),
    };
    format!("{far} worse than {than}.")
}

/// `0.62 %`. A distance that ticks count may be smaller than what is written: it is never none.
fn distance(far: Decimal, unit: &str) -> String {
    match far.round_dp(2).normalize() {
        none if none.is_zero() => format!("Less than 0.01 {unit}"),
        far => format!("{far} {unit}"),
    }
}

fn percent(part: Decimal, of: Decimal) -> Option<Decimal> {
    part.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(of.abs())
}

#[cfg(test)]
#[path = "guarded_tests.rs"]
mod tests;
