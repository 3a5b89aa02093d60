//! Quotes. Dealers may sign them; the gateway does not sign them towards a desk.

use super::{Pair, legs_words, told};
use crate::{
    account::{Answer, Fact, Said},
    difference::{Blame, Difference, Proof},
};
use signet_fix::{
    AppMessage,
    message::{ExecType, OrdStatus},
};
use signet_rfq::{Level, StatedLeg, sides_with_the_least};
use std::collections::{BTreeMap, BTreeSet};

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
    let (mut gateway, desk) = (Pair::pick(&p.gateway, read), Pair::pick(&p.desk, read));
    passed_on(p, &mut gateway);
    let (by_gateway, by_desk) = (by_key(&gateway), by_key(&desk));
    let keys: BTreeSet<Key<'_>> = by_gateway.keys().chain(by_desk.keys()).copied().collect();
    let times = Times::of(p);
    let mut out = Vec::new();
    for key in keys {
        let at_gateway = by_gateway.get(&key).map_or(&[][..], Vec::as_slice);
        let at_desk = by_desk.get(&key).map_or(&[][..], Vec::as_slice);
        match (at_gateway.first(), at_desk.first()) {
            (None, Some(d)) => out.push(only_desk(p, key, &desk[*d])),
            (Some(g), None) => out.extend(only_gateway(p, key, &gateway[*g], &times)),
            _ => out.extend(both(p, key, (&gateway, at_gateway), (&desk, at_desk))),
        }
    }
    out
}

/// As the gateway passes quotes on: without a side that is too small for the request.
fn passed_on(p: &Pair<'_>, quotes: &mut [Quote<'_>]) {
    let wanted = p.gateway.iter().chain(&p.desk).find_map(|f| match &f.said {
        Said::Asked { ask, min_quantity, .. } => Some((*ask, *min_quantity)),
        _ => None,
    });
    let Some((ask, least)) = wanted else { return };
    for (_, (_, t)) in quotes {
        (t.bid, t.offer) = sides_with_the_least(ask, least, (t.bid, t.offer));
    }
}

/// The places of the quotes of each name: a dealer may send many.
fn by_key<'a>(all: &[Quote<'a>]) -> BTreeMap<Key<'a>, Vec<usize>> {
    let mut by = BTreeMap::<_, Vec<usize>>::new();
    all.iter().enumerate().for_each(|(i, q)| by.entry(q.1.0).or_default().push(i));
    by
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
fn only_gateway(p: &Pair<'_>, key: Key<'_>, g: &Quote<'_>, times: &Times) -> Option<Difference> {
    let at = g.0.at_ms;
    if times.is_taken(at) || g.1.1.valid_until_ms <= at {
        return None;
    }
    let shows = "the dealer sent it to the gateway";
    Some(Difference {
        gateway: told(g.0, words(&g.1.1)),
        explained: match times.end(at) {
            Some(end) if end <= at => {
                "the time of the request was over; what comes then is not passed on".into()
            }
            _ => p.why_not_at_desk(g.0),
        },
        proof: Proof::of("gateway", g.0, shows).into_iter().collect(),
        ..p.difference(
            "quote.not_at_desk",
            format!("the desk's history has no quote {} of {}", key.1, key.0),
        )
    })
}

/// When quotes are wanted of an RFQ, on the gateway's clock and as the gateway has it: a desk can
/// say by itself that it had ended the RFQ before, and its clock may be wrong.
struct Times {
    /// Each request of this name: from when, and until when it lives.
    requests: Vec<(i64, i64)>,
    /// From when and until when an accept, a trade or the trader's word leaves nothing to take.
    taken: Vec<(i64, i64)>,
}

impl Times {
    fn of(p: &Pair<'_>) -> Self {
        let asked = p.gateway.iter().filter(|f| matches!(f.said, Said::Asked { .. }));
        let lives = |f: &&Fact| match AppMessage::decode(&f.frame) {
            Ok(AppMessage::QuoteRequest(q)) => {
                Some((f.at_ms, f.at_ms.saturating_add(q.expires.since(q.at).max(0))))
            }
            _ => None,
        };
        let decided = p.accounts.0.decided.get(p.rfq).into_iter().flatten().copied();
        let declined = declined(p);
        let taken = |f: &&Fact| match &f.said {
            Said::Ended | Said::Traded { .. } => Some((f.at_ms, i64::MAX)),
            Said::Accepted { accept, .. } => {
                let until = declined.get(accept.as_str()).copied();
                Some((f.at_ms, until.unwrap_or(i64::MAX)))
            }
            _ => None,
        };
        Self {
            requests: asked.filter_map(lives).chain(decided).collect(),
            taken: p.gateway.iter().filter_map(taken).collect(),
        }
    }

    /// When the last request that the gateway had by then is over. One that it refuses at once
    /// ends no other.
    fn end(&self, at_ms: i64) -> Option<i64> {
        self.requests.iter().filter(|(from, _)| *from <= at_ms).map(|(_, end)| *end).max()
    }

    /// Whether a quote of this time can no longer be taken.
    fn is_taken(&self, at_ms: i64) -> bool {
        self.taken.iter().any(|(from, until)| (*from..*until).contains(&at_ms))
    }
}

/// When each accept had come to nothing: the dealer declined it, or the gateway refused it and
/// signed that.
fn declined<'a>(p: &Pair<'a>) -> BTreeMap<&'a str, i64> {
    let signed = |f: &&&Fact| f.signer.as_ref().is_some_and(|s| s.gateway);
    let told = p.desk.iter().filter(signed);
    let mut all = BTreeMap::new();
    for f in p.gateway.iter().chain(told).copied() {
        let Said::Answered { accept: Some(accept), answer: Answer::Had | Answer::Refused } =
            &f.said
        else {
            continue;
        };
        if declines(&f.frame) {
            let at = all.entry(accept.as_str()).or_insert(f.at_ms);
            *at = f.at_ms.min(*at);
        }
    }
    all
}

/// Whether a report ends an accept without a trade.
fn declines(frame: &[u8]) -> bool {
    let Ok(AppMessage::ExecutionReport(e)) = AppMessage::decode(frame) else { return false };
    let ends = matches!(
        e.exec_type,
        ExecType::Rejected | ExecType::Cancelled | ExecType::Expired | ExecType::DoneForDay
    );
    let ended = matches!(
        e.status,
        OrdStatus::Rejected | OrdStatus::Cancelled | OrdStatus::Expired | OrdStatus::DoneForDay
    );
    (ends || ended) && e.cum_qty.is_zero()
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
