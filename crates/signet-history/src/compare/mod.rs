//! A gateway's account against a desk's: pure. What both sides sign is decided by signatures; what
//! nobody signs is named and left open.

mod accepts;
mod executed;
mod quotes;
mod requests;
mod trades;

use crate::{
    account::{Account, Answer, Fact, Said},
    difference::{Blame, Difference, Proof},
};
use rust_decimal::Decimal;
use signet_rfq::StatedLeg;
use std::collections::{BTreeMap, BTreeSet};

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
    let (at_gateway, at_desk) = (by_rfq(gateway), by_rfq(desk));
    let mut out = Vec::new();
    for rfq in rfqs((gateway, &at_gateway), (desk, &at_desk)) {
        let pair = Pair {
            rfq,
            gateway: at_gateway.get(rfq).cloned().unwrap_or_default(),
            desk: at_desk.get(rfq).cloned().unwrap_or_default(),
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

/// The facts of each RFQ, in order.
type ByRfq<'a> = BTreeMap<&'a str, Vec<&'a Fact>>;

fn by_rfq(a: &Account) -> ByRfq<'_> {
    let mut all = ByRfq::new();
    for f in &a.facts {
        all.entry(f.rfq.as_str()).or_default().push(f);
    }
    all
}

/// The RFQs that both sides must know: what is in a part only says nothing of what is not in it.
fn rfqs<'a>(
    (gateway, at_gateway): (&Account, &ByRfq<'a>),
    (desk, at_desk): (&Account, &ByRfq<'a>),
) -> BTreeSet<&'a str> {
    let since = |a: &Account, of: &ByRfq<'a>, rfq: &str| {
        let first = of.get(rfq).and_then(|f| f.first()).map_or(i64::MIN, |f| f.at_ms);
        a.from_ms.is_none_or(|from| first >= from)
    };
    let only = |a: &Account, rfq: &str| a.only.as_deref().is_none_or(|o| o == rfq);
    let mut all: BTreeSet<&'a str> =
        at_gateway.keys().copied().filter(|r| at_desk.contains_key(r)).collect();
    let of_desk = at_desk.keys().copied();
    all.extend(of_desk.filter(|r| only(gateway, r) && since(gateway, at_desk, r)));
    if !desk.part {
        all.extend(at_gateway.keys().copied().filter(|r| since(desk, at_gateway, r)));
    }
    all.retain(|r| only(gateway, r) && only(desk, r));
    all
}

impl Pair<'_> {
    /// Facts of a side that `pick` takes, with what it takes from them.
    fn pick<'f, T>(facts: &[&'f Fact], pick: impl Fn(&'f Said) -> Option<T>) -> Vec<(&'f Fact, T)> {
        facts.iter().filter_map(|f| Some((*f, pick(&f.said)?))).collect()
    }

    /// What the gateway told the desk about the request (`None`) or about this accept.
    fn answers(&self, wanted: Option<&str>) -> Answers<'_> {
        let mut all = Answers::default();
        for f in self.desk.iter().copied() {
            let Some(answer) = about(&f.said, wanted) else { continue };
            let signed = f.signer.as_ref().is_some_and(|s| s.gateway);
            let first = match answer {
                // It keeps what it signs a refusal of. It refuses what it does not keep with a
                // BusinessReject (j), which it does not sign.
                Answer::Had | Answer::Refused if signed => &mut all.had,
                Answer::Had => &mut all.unsigned,
                Answer::Refused => &mut all.refused,
                Answer::Unknown => &mut all.unknown,
            };
            first.get_or_insert(f);
        }
        all
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

    /// Why the desk may lack a record of what the gateway had. `answers`: whether what the gateway
    /// told the desk shows that the desk had sent it.
    fn why_not_written(&self, g: &Fact, answers: impl Fn(&Said) -> bool) -> String {
        let desk = self.accounts.1;
        // Where an answer was written down, what it answers had been: among the first facts of the
        // desk, and before this time.
        let answered = |facts: usize, until_ms: i64| {
            let before = desk.facts.get(..facts).unwrap_or(&desk.facts).as_ptr_range();
            let is_before = |d: &Fact| before.contains(&std::ptr::from_ref(d));
            self.desk
                .iter()
                .copied()
                .any(|d| is_before(d) && d.at_ms < until_ms && !d.restored && answers(&d.said))
        };
        if let Some(l) = desk.losses_of(g).find(|l| !answered(l.facts_before, l.from_ms)) {
            return format!("the desk could not write down {} records around that time", l.records);
        }
        if desk.tears_of(g).any(|t| !answered(t.facts_before, i64::MAX)) {
            return "the desk ended without a word around that time, and what waited to be written \
                then is missing: a crash, a kill, a power cut, or an end that was cut off"
                .into();
        }
        String::new()
    }

    /// Why the desk may lack something that the gateway had.
    fn why_not_at_desk(&self, g: &Fact) -> String {
        let why = self.why_not_written(g, |_| false);
        if why.is_empty() && !self.accounts.1.was_online(g.at_ms, self.tolerance.clock_ms) {
            return "the desk was not connected at that time".into();
        }
        why
    }
}

/// What the gateway told a desk about one request or one accept: the first of each kind.
#[derive(Default)]
struct Answers<'a> {
    /// That it had it; signed.
    had: Option<&'a Fact>,
    /// The same, and nobody signed it: its word against itself counts only when it did.
    unsigned: Option<&'a Fact>,
    /// That it refused it before it kept it.
    refused: Option<&'a Fact>,
    unknown: Option<&'a Fact>,
}

impl Answers<'_> {
    /// What they say of a gateway that has no request, or no accept, that the desk has: the side
    /// that they speak against, why it may be nobody's fault, and the answer that shows it. A
    /// gateway keeps nothing of what a limit made it refuse; a refusal of what it kept excuses
    /// nothing.
    fn of_denied(&self, what: &str) -> (Blame, String, Option<Proof>) {
        let proof = |f: &Fact, shows: String| Proof::of("desk", f, shows);
        match (self.had, self.unsigned, self.refused, self.unknown) {
            // That it says later that it never had it is a second lie.
            (Some(f), ..) => {
                let shows = format!("the gateway answered the {what}, so it had it");
                (Blame::Gateway, String::new(), proof(f, shows))
            }
            // One of the two lies, and nothing explains it.
            (None, Some(_), ..) => (Blame::Open, String::new(), None),
            (None, None, Some(f), _) => {
                let shows = format!("the gateway refused the {what}");
                (Blame::Open, shows.clone(), proof(f, shows))
            }
            (None, None, None, Some(f)) => {
                let shows = "the gateway says that it never had it";
                (Blame::Open, shows.into(), proof(f, shows.into()))
            }
            (None, None, None, None) => {
                let why = "may not have arrived: the gateway answered nothing";
                (Blame::Open, format!("the {what} {why}"), None)
            }
        }
    }
}

/// What a message of the gateway to its desk says of the request (`None`) or of this accept.
fn about(said: &Said, wanted: Option<&str>) -> Option<Answer> {
    match (said, wanted) {
        (Said::Answered { accept, answer }, _) if accept.as_deref() == wanted => Some(*answer),
        (Said::Traded { accept, .. }, Some(wanted)) => (accept == wanted).then_some(Answer::Had),
        (
            Said::Answered { answer: Answer::Had, .. }
            | Said::Passed { .. }
            | Said::Quoted { .. }
            | Said::Traded { .. },
            None,
        ) => Some(Answer::Had),
        // That it refuses, or does not know, an accept says nothing of the request.
        _ => None,
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
