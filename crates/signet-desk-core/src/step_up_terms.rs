//! What is approved, as the step-up dialog shows it.

use crate::{peer_text, present, price::unit_of, view::*};
use rust_decimal::Decimal;
use signet_rfq::{Catalogue, DealerId, Instrument, InstrumentId, PriceType, group_digits};
use signet_stepup::Action;
use std::collections::BTreeMap;

/// A package has no instrument of its own: its legs say what is approved, word for word as in the
/// text that is signed.
fn of_package(terms: StepUpTerms, legs: &[String], catalogue: &Catalogue) -> StepUpTerms {
    if legs.is_empty() {
        return terms;
    }
    let name = match present::legs::of_lines(legs) {
        Some(legs) => present::legs::instrument(&legs, &terms.currency, catalogue).symbol,
        None => format!("package of {} legs", legs.len()),
    };
    StepUpTerms { symbol: name.clone(), instrument: name, legs: legs.to_vec(), ..terms }
}

/// An instrument as numbers of the approved type write it.
fn told(catalogue: &Catalogue, id: &str, of: &Option<String>) -> Option<Instrument> {
    let listed = InstrumentId::new(id).ok().and_then(|id| catalogue.get(&id))?;
    let of = of.as_deref().map_or(Some(PriceType::Price), PriceType::read)?;
    Some(listed.told_in(of))
}

fn ask_of(word: &str) -> Ask {
    match word {
        "buy" => Ask::Buy,
        "sell" => Ask::Sell,
        _ => Ask::TwoWay,
    }
}

fn dated(terms: StepUpTerms, currency: &str, settlement: &str, of: &Option<String>) -> StepUpTerms {
    let of = of.as_deref().and_then(PriceType::read).unwrap_or_default();
    let unit = if terms.price_unit.is_empty() { unit_of(of) } else { terms.price_unit };
    StepUpTerms {
        price_unit: unit.trim_start().to_owned(),
        price_type: present::price_type(of),
        currency: currency.to_owned(),
        settlement_date: present::iso(settlement),
        ..terms
    }
}

fn number(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

/// A price as its instrument writes it, or as it was signed.
fn price(i: Option<Instrument>, text: &str) -> String {
    match (i, number(text)) {
        (Some(i), Some(p)) => present::price(Some(&i), p),
        _ => text.to_owned(),
    }
}

/// The dealer's name; its id, when the venue tells none.
fn named(names: &BTreeMap<DealerId, String>, id: &str) -> String {
    let known = DealerId::new(id).ok().and_then(|d| names.get(&d).cloned());
    known.unwrap_or_else(|| id.to_owned())
}

/// The action as the dialog shows it, formatted for the instrument.
pub(super) fn shown(
    action: &Action,
    catalogue: &Catalogue,
    names: &BTreeMap<DealerId, String>,
) -> (Option<StepUpTerms>, StepUpKind, Option<String>) {
    let name = |d: &String| named(names, d);
    let quantity = |text: &str| number(text).map_or_else(|| text.to_owned(), group_digits);
    // What every action about an instrument has.
    let terms = |of: &str, i: Option<Instrument>, side: &str, size: &str| {
        let i = i.as_ref();
        StepUpTerms {
            ask: ask_of(side),
            quantity: quantity(size),
            min_quantity: None,
            currency: String::new(),
            symbol: i.map_or_else(|| of.to_owned(), |i| i.symbol.clone()),
            instrument: of.to_owned(),
            price: None,
            limit: None,
            price_unit: i.map_or_else(String::new, |i| i.price_unit.clone()),
            price_type: Default::default(),
            legs: Vec::new(),
            dealers: Vec::new(),
            settlement_date: String::new(),
        }
    };
    match action {
        Action::Session(_) => (None, StepUpKind::Session, None),
        Action::RegisterKey { name } => (None, StepUpKind::RegisterKey, Some(name.clone())),
        Action::Request(r) => {
            let i = told(catalogue, &r.instrument, &r.price_type);
            let all = terms(&r.instrument, i, &r.ask, &r.quantity);
            let all = dated(all, &r.currency, &r.settlement, &r.price_type);
            let unit = r.price_type.as_ref().map(|_| all.price_unit.clone());
            let shown = StepUpTerms {
                price_unit: unit.unwrap_or_default(),
                min_quantity: r.min_quantity.as_deref().map(quantity),
                dealers: r.dealers.iter().map(name).collect(),
                ..of_package(all, &r.legs, catalogue)
            };
            (Some(shown), StepUpKind::Request, None)
        }
        Action::Ahead(a) => {
            let i = || told(catalogue, &a.instrument, &a.price_type);
            let all = terms(&a.instrument, i(), &a.side, &a.quantity);
            let all = dated(all, &a.currency, &a.settlement, &a.price_type);
            let shown = StepUpTerms {
                limit: Some(price(i(), &a.limit.price)),
                dealers: a.dealers.iter().map(name).collect(),
                ..of_package(all, &a.legs, catalogue)
            };
            (Some(shown), StepUpKind::Ahead, None)
        }
        Action::Accept(a) => {
            let i = || told(catalogue, &a.instrument, &a.price_type);
            let all = terms(&a.instrument, i(), &a.side, &a.quantity);
            let all = dated(all, &a.currency, &a.settlement, &a.price_type);
            let shown = StepUpTerms {
                price: Some(price(i(), &a.price)),
                limit: a.limit.as_ref().map(|l| price(i(), &l.price)),
                dealers: vec![name(&a.dealer)],
                ..of_package(all, &a.legs, catalogue)
            };
            (Some(shown), StepUpKind::Accept, None)
        }
    }
}

/// The same without what deceives: what a colleague wants approved is the gateway's text. The text
/// that is signed stays as it is.
pub(super) fn readable(terms: StepUpTerms) -> StepUpTerms {
    let clean = |text: String| peer_text::shown(&text);
    let all = |texts: Vec<String>| texts.into_iter().map(clean).collect();
    let StepUpTerms {
        ask,
        quantity,
        min_quantity,
        currency,
        symbol,
        instrument,
        price,
        limit,
        price_unit,
        price_type,
        legs,
        dealers,
        settlement_date,
    } = terms;
    StepUpTerms {
        ask,
        quantity: clean(quantity),
        min_quantity: min_quantity.map(clean),
        currency: clean(currency),
        symbol: clean(symbol),
        instrument: clean(instrument),
        price: price.map(clean),
        limit: limit.map(clean),
        price_unit: clean(price_unit),
        price_type,
        legs: all(legs),
        dealers: all(dealers),
        settlement_date: clean(settlement_date),
    }
}
