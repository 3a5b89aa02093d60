//! A gateway's account against a desk's: pure. What both sides sign is decided by signatures; what
//! nobody signs is named and left open.

mod accepts;
mod quotes;
mod requests;
mod trades;

use crate::{
    account::{Account, Fact, Said},
    difference::{Blame, Difference, Proof},
};
use rust_decimal::Decimal;
use signet_rfq::StatedLeg;
use std::collections::BTreeSet;

/// How far apart clocks may be.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// Between the two sides' times of one event, milliseconds.
    pub clock_ms: i64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { clock_ms: 2_000 }
    }
}

/// One RFQ, as both sides have it.
struct Pair<'a> {
    rfq: &'a str,
    gateway: Vec<&'a Fact>,
    desk: Vec<&'a Fact>,
    /// The whole accounts.
    accounts: (&'a Account, &'a Account),
    tolerance: Tolerance,
}

/// Everything that the two sides do not say alike, by RFQ.
pub fn compare(gateway: &Account, desk: &Account, tolerance: Tolerance) -> Vec<Difference> {
    let mut out = Vec::new();
    for rfq in rfqs(gateway, desk) {
        let pair = Pair {
            rfq,
            gateway: of_rfq(gateway, rfq),
            desk: of_rfq(desk, rfq),
            accounts: (gateway, desk),
            tolerance,
        };
        if let Some(open) = changed_hands(&pair) {
            out.push(open);
            continue;
        }
        out.extend(requests::compare(&pair));
        out.extend(quotes::compare(&pair));
        out.extend(accepts::compare(&pair));
        out.extend(trades::compare(&pair));
    }
    out
}

/// An RFQ that changed hands is in the accounts of two desks, each a part under a name of its own:
/// one of them alone cannot be compared, and that is said. Neither side's own word is enough: the
/// gateway signed that the RFQ changed hands, or the desk that it wants it.
fn changed_hands(pair: &Pair<'_>) -> Option<Difference> {
    let says = |f: &&&Fact| f.said == Said::HandedOver;
    let signed = |f: &&&Fact| f.signer.as_ref().is_some_and(|s| s.gateway);
    let at_desk = pair.desk.iter().find(|f| says(f) && signed(f));
    let at_gateway = pair.gateway.iter().find(|f| says(f) && f.signer.is_some());
    let one = at_desk.or(at_gateway)?;
    Some(Difference {
        code: "rfq.changed_hands",
        rfq: pair.rfq.into(),
        what: "It changed hands, and is not compared.".into(),
        gateway: at_gateway.map(|f| f.place.clone()),
        desk: at_desk.map(|f| f.place.clone()),
        against: Blame::Open,
        explained: "Each of the two desks has a part of it, under a name of its own.".into(),
        proof: Proof::of("the record", one, "that it changed hands").into_iter().collect(),
    })
}

fn of_rfq<'a>(a: &'a Account, rfq: &str) -> Vec<&'a Fact> {
    a.facts.iter().filter(|f| f.rfq == rfq).collect()
}

/// The RFQs that both sides must know: what is in a part only says nothing of what is not in it.
fn rfqs<'a>(gateway: &'a Account, desk: &'a Account) -> BTreeSet<&'a str> {
    let named = |a: &'a Account| a.facts.iter().map(|f| f.rfq.as_str()).collect::<BTreeSet<_>>();
    let (at_gateway, at_desk) = (named(gateway), named(desk));
    let since = |a: &Account, of: &'a Account, rfq: &str| {
        let first = of.facts.iter().find(|f| f.rfq == rfq).map_or(i64::MIN, |f| f.at_ms);
        a.from_ms.is_none_or(|from| first >= from)
    };
    let only = |a: &Account, rfq: &str| a.only.as_deref().is_none_or(|o| o == rfq);
    let mut all: BTreeSet<&str> = &at_gateway & &at_desk;
    all.extend(at_desk.iter().filter(|r| only(gateway, r) && since(gateway, desk, r)));
    if !desk.part {
        all.extend(at_gateway.iter().filter(|r| since(desk, gateway, r)));
    }
    all.retain(|r| only(gateway, r) && only(desk, r));
    all
}

impl Pair<'_> {
    /// Facts of a side that `pick` takes, with what it takes from them.
    fn pick<'f, T>(facts: &[&'f Fact], pick: impl Fn(&'f Said) -> Option<T>) -> Vec<(&'f Fact, T)> {
        facts.iter().filter_map(|f| Some((*f, pick(&f.said)?))).collect()
    }

    /// What the gateway signed towards the desk about this RFQ, or about this accept: that it had
    /// the request, or the accept.
    fn acknowledged(&self, accept: Option<&str>, shows: &str) -> Option<Proof> {
        let about = |f: &&&Fact| match (&f.said, accept) {
            (
                Said::Answered { accept: Some(a), .. } | Said::Traded { accept: a, .. },
                Some(wanted),
            ) => a == wanted,
            (_, Some(_)) => false,
            (Said::Answered { .. } | Said::Passed { .. } | Said::Traded { .. }, None) => true,
            _ => false,
        };
        let by_gateway = |f: &&&Fact| f.signer.as_ref().is_some_and(|s| s.gateway);
        self.desk.iter().filter(about).find(by_gateway).and_then(|f| Proof::of("desk", f, shows))
    }

    /// Whether the gateway told the desk that it refuses this request, or this accept. What it
    /// refuses because of a limit it does not keep.
    fn refused(&self, wanted: Option<&str>) -> bool {
        self.desk.iter().any(|f| match &f.said {
            Said::Answered { accept, refused } => *refused && accept.as_deref() == wanted,
            _ => false,
        })
    }

    fn difference(&self, code: &'static str, what: impl Into<String>) -> Difference {
        Difference {
            code,
            rfq: self.rfq.into(),
            what: what.into(),
            gateway: None,
            desk: None,
            against: Blame::Open,
            explained: String::new(),
            proof: Vec::new(),
        }
    }

    /// Why the desk may lack something that the gateway had at this time.
    fn why_not_at_desk(&self, at_ms: i64) -> String {
        let desk = self.accounts.1;
        if desk.lost > 0 {
            return format!("the desk could not write down {} records", desk.lost);
        }
        if !desk.was_online(at_ms, self.tolerance.clock_ms) {
            return "the desk was not connected at that time".into();
        }
        String::new()
    }
}

/// The legs of a package, for people; empty for a single instrument.
fn legs_words(legs: &[StatedLeg]) -> String {
    let price = |name: &str, p: Option<Decimal>| p.map(|p| format!(" {name} {p}"));
    let leg = |l: &StatedLeg| {
        let side = l.side.map_or_else(String::new, |s| format!("{s:?} "));
        let quantity = l.quantity.map_or_else(String::new, |q| format!("{q} of "));
        let date = l.settlement_date.as_ref().map(|d| format!(" for {d}"));
        let prices = [price("bid", l.bid), price("offer", l.offer), price("at", l.last)];
        let prices: String = prices.into_iter().flatten().collect();
        format!("{side}{quantity}{}{}{prices}", l.instrument, date.unwrap_or_default())
    };
    match legs {
        [] => String::new(),
        legs => format!("; legs: {}", legs.iter().map(leg).collect::<Vec<_>>().join(", ")),
    }
}

/// Who says it, when and where.
fn told(f: &Fact, words: impl std::fmt::Display) -> Option<String> {
    Some(format!("{words} (at {} ms, {})", f.at_ms, f.place))
}

#[cfg(test)]
mod tests;
