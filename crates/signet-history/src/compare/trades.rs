//! Trades: the gateway signs its reports to the desk, and a dealer may sign its own to the gateway.
//!
//! An execution is held against the execution of the same ExecID (17). A state, by which a dealer
//! answers when it is asked and the gateway tells a trade after a logon, is held against what the
//! executions come to, and tells of all of them.

use super::{
    Pair,
    executed::{Report, Totals},
    legs_words, told,
};
use crate::{
    account::{Fact, Said},
    difference::{Blame, Difference, Proof},
};
use signet_fix::AppMessage;
use signet_rfq::fix::ExecType;
use std::collections::{BTreeMap, BTreeSet};

/// The code of a trade that has two times.
const FILL_TIME: &str = "fill.time";

/// The reports about one accept that name one dealer: no dealer speaks for another.
#[derive(Default)]
struct Sides<'a> {
    gateway: Vec<Report<'a>>,
    desk: Vec<Report<'a>>,
    /// ExecIDs that the gateway told the desk as in dispute, and signed: never a trade.
    disputed: BTreeSet<String>,
}

pub(super) fn compare(p: &Pair<'_>) -> Vec<Difference> {
    let mut all: BTreeMap<(String, String), Sides<'_>> = BTreeMap::new();
    let key = |r: &Report<'_>| (r.accept.to_owned(), r.dealer.to_owned());
    for r in p.gateway.iter().filter_map(|f| Report::of(f)) {
        all.entry(key(&r)).or_default().gateway.push(r);
    }
    for r in p.desk.iter().filter_map(|f| Report::of(f)) {
        all.entry(key(&r)).or_default().desk.push(r);
    }
    for (of, exec) in p.desk.iter().filter_map(|f| disputed(f)) {
        if let Some(sides) = all.get_mut(&of) {
            sides.disputed.insert(exec);
        }
    }
    all.values().flat_map(|sides| sides.compare(p)).collect()
}

/// The accept, the dealer and the ExecID of a report that the gateway passed on as in dispute.
fn disputed(f: &Fact) -> Option<((String, String), String)> {
    let Said::Answered { accept: Some(accept), .. } = &f.said else { return None };
    let Ok(AppMessage::ExecutionReport(e)) = AppMessage::decode(&f.frame) else { return None };
    let signed = f.signer.as_ref().is_some_and(|s| s.gateway);
    let dealer = e.dealer.filter(|_| e.disputed && signed)?;
    Some(((accept.clone(), dealer.to_string()), e.exec_id))
}

/// The reports of one name.
#[derive(Default)]
struct Named<'a> {
    /// The first that is an execution, and the first of all.
    execution: Option<Report<'a>>,
    first: Option<Report<'a>>,
}

fn by_name<'a>(reports: &[Report<'a>]) -> BTreeMap<&'a str, Named<'a>> {
    let mut all: BTreeMap<&str, Named<'_>> = BTreeMap::new();
    for r in reports {
        let named = all.entry(r.exec).or_default();
        named.first.get_or_insert(*r);
        if !r.is_state() {
            named.execution.get_or_insert(*r);
        }
    }
    all
}

impl<'a> Sides<'a> {
    fn compare(&self, p: &Pair<'_>) -> Vec<Difference> {
        let (at_gateway, at_desk) = (by_name(&self.gateway), by_name(&self.desk));
        let totals = self.totals();
        let clock_ms = p.tolerance.clock_ms;
        let told_by = |level, legs: &[_], at_ms: i64| {
            let until_ms = at_ms.saturating_add(clock_ms);
            totals.iter().filter_map(|t| t.told_by(level, legs, until_ms)).max()
        };
        let (mut out, mut named) = (Vec::new(), BTreeSet::new());
        for (exec, desk) in &at_desk {
            let Some(d) = desk.execution.or(desk.first) else { continue };
            let found = match (at_gateway.get(exec), desk.execution) {
                (None, _) => Some(denied_by_gateway(p, &d)),
                (Some(Named { execution: Some(g), .. }), Some(d)) => both(p, g, &d),
                _ => None,
            };
            named.extend(found.iter().filter(|d| d.code != FILL_TIME).map(|_| *exec));
            out.extend(found);
        }
        // What was told up to where: by a state, and by whatever the desk had.
        let mut by_state: Option<usize> = None;
        for d in &self.desk {
            let Some(gateway) = at_gateway.get(d.exec) else { continue };
            if !d.is_state() && gateway.execution.is_some() {
                continue;
            }
            let told = told_by(d.so_far(), d.legs, d.fact.at_ms);
            by_state = by_state.max(told);
            if let (None, Some(g)) = (told, gateway.execution.or(gateway.first))
                && named.insert(d.exec)
            {
                out.push(differs(p, &g, d));
            }
        }
        let desk = Totals::of(&self.desk, |_| true);
        let by_any =
            desk.all().filter_map(|(level, legs, at_ms)| told_by(level, legs, at_ms)).max();
        let told = (by_state, by_any.max(by_state));
        out.extend(self.not_at_desk(p, (&at_desk, &totals), told, &named));
        out
    }

    /// What the gateway's evidence comes to: of all reports, and without those in dispute.
    fn totals(&self) -> Vec<Totals<'a>> {
        let mut totals = vec![Totals::of(&self.gateway, |_| true)];
        if !self.disputed.is_empty() {
            totals.push(Totals::of(&self.gateway, |r| !self.disputed.contains(r.exec)));
        }
        totals
    }

    /// The gateway's reports that the desk has neither by name nor as a part of what it was told.
    fn not_at_desk(
        &self,
        p: &Pair<'_>,
        (at_desk, totals): (&BTreeMap<&str, Named<'_>>, &[Totals<'_>]),
        (by_state, by_any): (Option<usize>, Option<usize>),
        named: &BTreeSet<&str>,
    ) -> Vec<Difference> {
        let (mut out, mut seen, mut told) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for (i, g) in self.gateway.iter().enumerate() {
            let is_change = totals.iter().any(|t| t.last_change(i) == Some(i));
            let (is_there, up_to) = match g.is_state() {
                // The gateway passes nothing on that says nothing new.
                true => (!is_change, by_any),
                // The same execution once more, and a bust of what was busted, say nothing either.
                false => {
                    let again =
                        !seen.insert(g.exec) || g.kind == ExecType::TradeCancel && !is_change;
                    let has = at_desk.get(g.exec).is_some_and(|d| d.execution.is_some());
                    (has || again, by_state)
                }
            };
            let is_part = up_to.is_some() && totals.iter().any(|t| t.last_change(i) <= up_to);
            let is_named = named.contains(g.exec) || self.disputed.contains(g.exec);
            if !is_there && !is_part && !is_named && told.insert(g.exec) {
                out.push(not_at_desk(p, g));
            }
        }
        out
    }
}

fn both(p: &Pair<'_>, g: &Report<'_>, d: &Report<'_>) -> Option<Difference> {
    let same_trade = g.last == d.last && g.legs == d.legs && g.total.size == d.total.size;
    if same(g.kind, d.kind) && same_trade {
        let what = format!("the trade {} of {}", d.exec, d.dealer);
        return p.time(FILL_TIME, &what, g.fact, d.fact);
    }
    Some(differs(p, g, d))
}

fn differs(p: &Pair<'_>, g: &Report<'_>, d: &Report<'_>) -> Difference {
    let proof: Vec<_> = [
        Proof::of("desk", d.fact, "the gateway reported the trade as the desk says"),
        Proof::of("gateway", g.fact, "the dealer reported the trade as the gateway says"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let signed = d.fact.signer.as_ref().is_some_and(|s| s.gateway);
    let what = format!("the trade {} of {} is not the same", d.exec, d.dealer);
    Difference {
        gateway: told(g.fact, words(g)),
        desk: told(d.fact, words(d)),
        against: if signed { Blame::Gateway } else { Blame::Open },
        proof,
        ..p.difference("fill.differs", what)
    }
}

fn same(a: ExecType, b: ExecType) -> bool {
    let kind = |k| match k {
        ExecType::Fill | ExecType::PartialFill => ExecType::Trade,
        other => other,
    };
    kind(a) == kind(b)
}

fn denied_by_gateway(p: &Pair<'_>, d: &Report<'_>) -> Difference {
    let signed = d.fact.signer.as_ref().is_some_and(|s| s.gateway);
    let proof = Proof::of("desk", d.fact, "the gateway reported the trade to the desk");
    Difference {
        desk: told(d.fact, words(d)),
        against: if signed { Blame::Gateway } else { Blame::Open },
        proof: proof.into_iter().collect(),
        ..p.difference(
            "fill.denied_by_gateway",
            format!("the gateway's evidence has no trade {} of {}", d.exec, d.dealer),
        )
    }
}

fn not_at_desk(p: &Pair<'_>, g: &Report<'_>) -> Difference {
    let shows = "the dealer reported the trade";
    Difference {
        gateway: told(g.fact, words(g)),
        explained: of_another_dealer(p, g).unwrap_or_else(|| p.why_not_at_desk(g.fact)),
        proof: Proof::of("gateway", g.fact, shows).into_iter().collect(),
        ..p.difference(
            "fill.not_at_desk",
            format!("the desk's history has no trade {} of {}", g.exec, g.dealer),
        )
    }
}

/// A dealer may report what it likes about an accept that the desk sent to another one.
fn of_another_dealer(p: &Pair<'_>, g: &Report<'_>) -> Option<String> {
    let sent_to = p.gateway.iter().find_map(|f| match &f.said {
        Said::Accepted { accept, dealer, .. } if accept == g.accept && f.signer.is_some() => {
            Some(dealer)
        }
        _ => None,
    })?;
    let other = !sent_to.is_empty() && sent_to != g.dealer;
    other.then(|| {
        format!("the desk sent the accept to {sent_to}; a report of {} is not passed on", g.dealer)
    })
}

fn words(r: &Report<'_>) -> String {
    let at = r.last.map_or_else(String::new, |l| format!(" {} at {}", l.size, l.price));
    let so_far = if r.is_state() { ", everything so far" } else { "" };
    let legs = legs_words(r.legs);
    format!("{}{at}{so_far} with {} on the accept {}{legs}", r.kind.words(), r.dealer, r.accept)
}
