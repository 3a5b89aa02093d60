//! Trades: the gateway signs its reports to the desk, and a dealer may sign its own to the gateway.

use super::{Pair, legs_words, told};
use crate::{
    account::{Fact, Said},
    difference::{Blame, Difference, Proof},
};
use signet_rfq::{Level, StatedLeg, fix::ExecType};
use std::collections::BTreeSet;

#[derive(Clone)]
struct Trade<'a> {
    accept: &'a str,
    exec: &'a str,
    dealer: &'a str,
    kind: ExecType,
    last: Option<Level>,
    legs: &'a [StatedLeg],
}

fn read(said: &Said) -> Option<Trade<'_>> {
    let Said::Traded { accept, exec, dealer, kind, last, legs, .. } = said else { return None };
    Some(Trade { accept, exec, dealer, kind: *kind, last: *last, legs })
}

pub(super) fn compare(p: &Pair<'_>) -> Vec<Difference> {
    let (gateway, desk) = (Pair::pick(&p.gateway, read), Pair::pick(&p.desk, read));
    let name = |t: &Trade<'_>| (t.accept.to_owned(), t.exec.to_owned());
    let names: BTreeSet<_> = gateway.iter().chain(&desk).map(|(_, t)| name(t)).collect();
    let mut out = Vec::new();
    for n in names {
        // A trade that was told again after a logon is a state; the report itself comes first.
        let pick = |all: &[(&'_ Fact, Trade<'_>)]| {
            let of = |i: &usize| name(&all[*i].1) == n;
            let report = |i: &usize| all[*i].1.kind != ExecType::Status;
            (0..all.len()).find(|i| of(i) && report(i)).or_else(|| (0..all.len()).find(of))
        };
        match (pick(&gateway), pick(&desk)) {
            (Some(g), Some(d)) => out.extend(both(p, &gateway[g], &desk[d])),
            (Some(g), None) if says_again(&gateway[g].1, &gateway, &desk) => {}
            (Some(g), None) => out.push(not_at_desk(p, &gateway[g])),
            (None, Some(d)) => out.push(denied_by_gateway(p, &desk[d])),
            (None, None) => {}
        }
    }
    out
}

/// A dealer's answer about an accept whose trade is known by another ExecID (17): dealers need not
/// repeat that one.
fn says_again(t: &Trade<'_>, gateway: &[(&Fact, Trade<'_>)], desk: &[(&Fact, Trade<'_>)]) -> bool {
    let other = |(_, o): &(&Fact, Trade<'_>)| o.accept == t.accept && o.exec != t.exec;
    t.kind == ExecType::Status && (gateway.iter().any(other) || desk.iter().any(other))
}

fn both(p: &Pair<'_>, g: &(&Fact, Trade<'_>), d: &(&Fact, Trade<'_>)) -> Option<Difference> {
    let state = [g.1.kind, d.1.kind].contains(&ExecType::Status);
    let same_kind = state || same(g.1.kind, d.1.kind);
    let what = format!("the trade {} of {}", d.1.exec, d.1.dealer);
    let same_trade = g.1.last == d.1.last && g.1.legs == d.1.legs && g.1.dealer == d.1.dealer;
    if same_kind && same_trade {
        return (!state).then(|| p.time("fill.time", &what, g.0, d.0)).flatten();
    }
    let proof: Vec<_> = [
        Proof::of("desk", d.0, "the gateway reported the trade as the desk says"),
        Proof::of("gateway", g.0, "the dealer reported the trade as the gateway says"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let signed = d.0.signer.as_ref().is_some_and(|s| s.gateway);
    Some(Difference {
        gateway: told(g.0, words(&g.1)),
        desk: told(d.0, words(&d.1)),
        against: if signed { Blame::Gateway } else { Blame::Open },
        proof,
        ..p.difference("fill.differs", format!("{what} is not the same"))
    })
}

fn same(a: ExecType, b: ExecType) -> bool {
    let kind = |k| match k {
        ExecType::Fill | ExecType::PartialFill => ExecType::Trade,
        other => other,
    };
    kind(a) == kind(b)
}

fn denied_by_gateway(p: &Pair<'_>, d: &(&Fact, Trade<'_>)) -> Difference {
    let signed = d.0.signer.as_ref().is_some_and(|s| s.gateway);
    let proof = Proof::of("desk", d.0, "the gateway reported the trade to the desk");
    Difference {
        desk: told(d.0, words(&d.1)),
        against: if signed { Blame::Gateway } else { Blame::Open },
        proof: proof.into_iter().collect(),
        ..p.difference(
            "fill.denied_by_gateway",
            format!("the gateway's evidence has no trade {} of {}", d.1.exec, d.1.dealer),
        )
    }
}

fn not_at_desk(p: &Pair<'_>, g: &(&Fact, Trade<'_>)) -> Difference {
    Difference {
        gateway: told(g.0, words(&g.1)),
        explained: p.why_not_at_desk(g.0),
        proof: Proof::of("gateway", g.0, "the dealer reported the trade").into_iter().collect(),
        ..p.difference(
            "fill.not_at_desk",
            format!("the desk's history has no trade {} of {}", g.1.exec, g.1.dealer),
        )
    }
}

fn words(t: &Trade<'_>) -> String {
    let at = t.last.map_or_else(String::new, |l| format!(" {} at {}", l.size, l.price));
    let legs = legs_words(t.legs);
    format!("{}{at} with {} on the accept {}{legs}", t.kind.words(), t.dealer, t.accept)
}
