//! Quotes. Dealers may sign them; the gateway does not sign them towards a desk.

use super::{Pair, legs_words, told};
use crate::{
    account::{Fact, Said},
    difference::{Blame, Difference, Proof},
};
use signet_rfq::{Level, StatedLeg};
use std::collections::BTreeSet;

/// What a dealer's quote is known by.
type Key<'a> = (&'a str, &'a str);

/// What it says.
#[derive(PartialEq)]
struct Terms {
    bid: Option<Level>,
    offer: Option<Level>,
    valid_until_ms: i64,
    tradeable: bool,
    legs: Vec<StatedLeg>,
}

type Quote<'a> = (&'a Fact, (Key<'a>, Terms));

fn read(said: &Said) -> Option<(Key<'_>, Terms)> {
    let Said::Quoted { dealer, quote, bid, offer, valid_until_ms, tradeable, legs } = said else {
        return None;
    };
    let terms = Terms {
        bid: *bid,
        offer: *offer,
        valid_until_ms: *valid_until_ms,
        tradeable: *tradeable,
        legs: legs.clone(),
    };
    Some(((dealer, quote), terms))
}

pub(super) fn compare(p: &Pair<'_>) -> Vec<Difference> {
    let (gateway, desk) = (Pair::pick(&p.gateway, read), Pair::pick(&p.desk, read));
    let keys: BTreeSet<Key<'_>> = gateway.iter().chain(&desk).map(|(_, (k, _))| *k).collect();
    let mut out = Vec::new();
    for key in keys {
        let of = |all: &'_ [Quote<'_>]| -> Vec<usize> {
            (0..all.len()).filter(|i| all[*i].1.0 == key).collect()
        };
        let (at_gateway, at_desk) = (of(&gateway), of(&desk));
        match (at_gateway.first(), at_desk.first()) {
            (None, Some(d)) => out.push(only_desk(p, key, &desk[*d])),
            (Some(g), None) => out.extend(only_gateway(p, key, &gateway[*g])),
            _ => out.extend(both(p, key, (&gateway, &at_gateway), (&desk, &at_desk))),
        }
    }
    out
}

/// Both sides have a quote of this name: each form that the desk had must be one that came.
fn both(
    p: &Pair<'_>,
    key: Key<'_>,
    (gateway, at_gateway): (&[Quote<'_>], &[usize]),
    (desk, at_desk): (&[Quote<'_>], &[usize]),
) -> Vec<Difference> {
    let mut out = Vec::new();
    for d in at_desk.iter().map(|i| &desk[*i]) {
        let same = at_gateway.iter().map(|i| &gateway[*i]).find(|g| g.1.1 == d.1.1);
        match (same, at_gateway.last()) {
            (Some(g), _) => {
                let first = at_desk.iter().map(|i| &desk[*i]).find(|o| o.1.1 == d.1.1);
                if first.is_some_and(|f| std::ptr::eq(f, d)) {
                    let what = format!("the quote {} of {}", key.1, key.0);
                    out.extend(p.time("quote.time", &what, g.0, d.0));
                }
            }
            (None, Some(g)) => out.push(differs(p, key, &gateway[*g], d)),
            (None, None) => {}
        }
    }
    out
}

fn differs(p: &Pair<'_>, key: Key<'_>, g: &Quote<'_>, d: &Quote<'_>) -> Difference {
    let mut proof: Vec<_> =
        Proof::of("gateway", g.0, "the dealer quoted what the gateway says").into_iter().collect();
    let trade = traded_at(p, key, &d.1.1);
    let against = if trade.is_some() { Blame::Gateway } else { Blame::Open };
    proof.extend(trade);
    let same_price =
        (g.1.1.bid, g.1.1.offer) == (d.1.1.bid, d.1.1.offer) && g.1.1.legs == d.1.1.legs;
    let (code, what) = match same_price {
        true => ("quote.terms", "ends at another time, or is not tradeable on one side"),
        false => ("quote.price", "has other prices or sizes"),
    };
    Difference {
        gateway: told(g.0, words(&g.1.1)),
        desk: told(d.0, words(&d.1.1)),
        against,
        proof,
        ..p.difference(code, format!("the quote {} of {} {what}", key.1, key.0))
    }
}

/// A trade at a price of this quote that the gateway signed for: it knew the quote as the desk had
/// it.
fn traded_at(p: &Pair<'_>, key: Key<'_>, terms: &Terms) -> Option<Proof> {
    let accepts = |s: &Said| match s {
        Said::Accepted { accept, dealer, quote, price, .. } => {
            let at = [terms.bid, terms.offer].into_iter().flatten().any(|l| l.price == *price);
            ((dealer.as_str(), quote.as_str()) == key && at).then(|| (accept.clone(), *price))
        }
        _ => None,
    };
    Pair::pick(&p.desk, accepts).into_iter().find_map(|(_, (wanted, price))| {
        p.desk.iter().find_map(|f| match &f.said {
            Said::Traded { accept, last: Some(l), .. }
                if *accept == wanted
                    && l.price == price
                    && f.signer.as_ref().is_some_and(|s| s.gateway) =>
            {
                Proof::of("desk", f, format!("the gateway reported a trade on it at {price}"))
            }
            _ => None,
        })
    })
}

fn only_desk(p: &Pair<'_>, key: Key<'_>, d: &Quote<'_>) -> Difference {
    let proof: Vec<_> = traded_at(p, key, &d.1.1).into_iter().collect();
    Difference {
        desk: told(d.0, words(&d.1.1)),
        against: if proof.is_empty() { Blame::Open } else { Blame::Gateway },
        proof,
        ..p.difference(
            "quote.left_out_by_gateway",
            format!("the gateway's evidence has no quote {} of {}", key.1, key.0),
        )
    }
}

/// A quote that came to the gateway and not to the desk. One that came when it could no longer be
/// taken is not passed on.
fn only_gateway(p: &Pair<'_>, key: Key<'_>, g: &Quote<'_>) -> Option<Difference> {
    let at = g.0.at_ms;
    let over = p.gateway.iter().chain(&p.desk).any(|f| match f.said {
        Said::Ended | Said::Accepted { .. } | Said::Traded { .. } => f.at_ms <= at,
        _ => false,
    });
    if over || g.1.1.valid_until_ms <= at {
        return None;
    }
    let shows = "the dealer sent it to the gateway";
    Some(Difference {
        gateway: told(g.0, words(&g.1.1)),
        explained: p.why_not_at_desk(at),
        proof: Proof::of("gateway", g.0, shows).into_iter().collect(),
        ..p.difference(
            "quote.not_at_desk",
            format!("the desk's history has no quote {} of {}", key.1, key.0),
        )
    })
}

fn words(t: &Terms) -> String {
    let side = |l: &Option<Level>| {
        l.map_or_else(|| "none".to_owned(), |l| format!("{} for {}", l.price, l.size))
    };
    let kind = if t.tradeable { "" } else { ", indicative" };
    format!(
        "bid {}, offer {}, until {} ms{kind}{}",
        side(&t.bid),
        side(&t.offer),
        t.valid_until_ms,
        legs_words(&t.legs)
    )
}
