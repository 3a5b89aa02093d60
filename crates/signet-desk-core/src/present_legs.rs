//! Packages as the page shows them: their name and their legs.

use super::{iso, side};
use crate::{price, view::LegView};
use rust_decimal::Decimal;
use signet_rfq::{
    self as rfq, Accept, AssetClass, Catalogue, Instrument, InstrumentId, Leg, PackageKind, Side,
    Terms, group_digits,
};

/// What stands for the instrument of a package on the screen: its name, and the conventions of a
/// net price. It is in no catalogue.
pub(crate) fn instrument(terms: &Terms, catalogue: &Catalogue) -> Instrument {
    let listed = |l: &Leg| catalogue.get(&l.instrument);
    let kind = PackageKind::of(&terms.legs, |id| catalogue.get(id).map(|i| i.asset_class));
    let names: Vec<&str> = terms
        .legs
        .iter()
        .map(|l| listed(l).map_or(l.instrument.as_str(), |i| i.symbol.as_str()))
        .collect();
    let all = || terms.legs.iter().filter_map(listed);
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::package(),
        symbol: format!("{}, {} legs", kind.words(), terms.legs.len()),
        name: names.join(" / "),
        asset_class: AssetClass::FxSpot,
        currency: terms.currency.clone(),
        price_decimals: all().map(|i| i.price_decimals).max().unwrap_or(4),
        price_unit: "net of the legs".into(),
        tick: all().map(|i| i.tick).min().unwrap_or(Decimal::ONE),
        lot: Decimal::ONE,
        min_quantity: Decimal::ONE,
        max_quantity: Decimal::MAX,
        settlement: String::new(),
        price_format: rfq::PriceFormat::default(),
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
