//! Packages as the page shows them: their name and their legs.

use super::{iso, price as present_price, side};
use crate::{
    price,
    view::{LegQuote, LegView},
};
use rust_decimal::Decimal;
use signet_rfq::{
    self as rfq, Accept, AssetClass, Catalogue, Instrument, InstrumentId, Leg, PackageKind, Quote,
    Side, StatedLeg, Terms, group_digits,
};

/// What stands for the instrument of a package on the screen: its name, and the conventions of a
/// net price. It is in no catalogue.
pub(crate) fn instrument(legs: &[Leg], currency: &str, catalogue: &Catalogue) -> Instrument {
    let listed = |l: &Leg| catalogue.get(&l.instrument);
    let kind = PackageKind::of(legs, |id| catalogue.get(id).map(|i| i.asset_class));
    let names: Vec<&str> = legs
        .iter()
        .map(|l| listed(l).map_or(l.instrument.as_str(), |i| i.symbol.as_str()))
        .collect();
    let all = || legs.iter().filter_map(listed);
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::package(),
        symbol: format!("{}, {} legs", kind.words(), legs.len()),
        name: bounded(&names),
        asset_class: AssetClass::FxSpot,
        currency: currency.into(),
        price_decimals: all().map(|i| i.price_decimals).max().unwrap_or(4),
        price_unit: "net, bought less sold".into(),
        tick: all().map(|i| i.tick).min().unwrap_or(Decimal::ONE),
        lot: Decimal::ONE,
        min_quantity: Decimal::ONE,
        max_quantity: Decimal::MAX,
        settlement: String::new(),
        price_format: rfq::PriceFormat::default(),
    }
}

/// Names of legs that are written out; the others are counted.
const NAMED: usize = 4;

fn bounded(names: &[&str]) -> String {
    let first = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(" / ");
    match names.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{first} and {more} more"),
        _ => first,
    }
}

/// The legs of an RFQ, from the trader's side; of one for both sides as they are when the package
/// is bought.
pub(crate) fn asked(terms: &Terms) -> Vec<LegView> {
    let side = match terms.ask {
        rfq::Ask::Buy | rfq::Ask::TwoWay => Side::Buy,
        rfq::Ask::Sell => Side::Sell,
    };
    terms.legs.iter().map(|l| shown(l, side, None)).collect()
}

/// The legs of an accept, each at the price that is agreed to.
pub(crate) fn agreed(a: &Accept, terms: &Terms) -> Vec<LegView> {
    let one =
        |(i, l): (usize, &Leg)| shown(l, a.side, a.legs.get(i).and_then(rfq::StatedLeg::agreed));
    terms.legs.iter().enumerate().map(one).collect()
}

/// The legs of a report about an accept that is not on screen.
pub(crate) fn reported(legs: &[StatedLeg]) -> Vec<Leg> {
    let leg = |l: &StatedLeg| Leg {
        instrument: l.instrument.clone(),
        side: l.side.unwrap_or(Side::Buy),
        ratio: l.ratio.unwrap_or(Decimal::ONE),
        quantity: l.quantity.unwrap_or_default(),
        settlement_date: l.settlement_date.clone().unwrap_or_default(),
    };
    legs.iter().take(rfq::MAX_LEGS).map(leg).collect()
}

/// The legs that the lines of an approval text name; `None` for a line that is not one. Only the
/// name of the package is made of them.
pub(crate) fn of_lines(lines: &[String]) -> Option<Vec<Leg>> {
    let leg = |line: &String| {
        let (head, rest) = line.split_once(" ratio ")?;
        let mut head = head.split(' ');
        let side = match head.next()? {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return None,
        };
        let quantity = head.next()?.parse().ok()?;
        let settlement_date = head.nth(1)?.to_owned();
        let (ratio, id) = rest.split_once(" of ")?;
        let ratio = ratio.split(' ').next()?.parse().ok()?;
        let instrument = InstrumentId::new(id).ok()?;
        Some(Leg { instrument, side, ratio, quantity, settlement_date })
    };
    lines.iter().map(leg).collect()
}

/// A dealer's prices of the legs; none for a single instrument.
pub(crate) fn quoted(q: &Quote, terms: &Terms, catalogue: &Catalogue) -> Vec<LegQuote> {
    let one = |(leg, stated): (&Leg, &StatedLeg)| {
        let shown = |of: Side| {
            let price = stated.price(leg.side_in(of)).filter(|_| q.level(of).is_some());
            price.map(|p| present_price(catalogue.get(&leg.instrument), p))
        };
        LegQuote { bought: shown(Side::Buy), sold: shown(Side::Sell) }
    };
    terms.legs.iter().zip(&q.legs).map(one).collect()
}

fn shown(l: &Leg, of: Side, price: Option<Decimal>) -> LegView {
    LegView {
        instrument: l.instrument.to_string(),
        symbol: l.instrument.to_string(),
        side: side(l.side_in(of)),
        ratio: l.ratio.normalize().to_string(),
        quantity: group_digits(l.quantity),
        settlement_date: iso(&l.settlement_date),
        price: price.map(|p| p.to_string()),
    }
}

/// Puts the name and the decimals of its instrument into a leg.
pub(crate) fn name(l: &mut LegView, catalogue: &Catalogue) {
    let id = InstrumentId::new(l.instrument.as_str()).ok();
    let Some(i) = id.and_then(|id| catalogue.get(&id)) else { return };
    l.symbol = i.symbol.clone();
    let price = l.price.as_ref().and_then(|p| p.parse::<Decimal>().ok());
    l.price = price.map(|p| price::show(i, p)).or_else(|| l.price.take());
}

#[cfg(test)]
#[path = "present_legs_tests.rs"]
mod tests;
