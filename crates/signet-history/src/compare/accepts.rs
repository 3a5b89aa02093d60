//! Accepts: the desk signs each, and the gateway signs its answers.

use super::{Pair, about, legs_words, told};
use crate::{
    account::{Fact, Said},
    difference::{Blame, Difference, Proof},
};
use rust_decimal::Decimal;
use signet_rfq::Side;
use std::collections::BTreeSet;

pub(super) fn compare(p: &Pair<'_>) -> Vec<Difference> {
    let id = |s: &Said| match s {
        Said::Accepted { accept, .. } => Some(accept.clone()),
        _ => None,
    };
    let (gateway, desk) = (Pair::pick(&p.gateway, id), Pair::pick(&p.desk, id));
    let ids: BTreeSet<&String> = gateway.iter().chain(&desk).map(|(_, id)| id).collect();
    let mut out = Vec::new();
    for id in ids {
        let first = |all: &[(&'_ Fact, String)]| all.iter().position(|(_, i)| i == id);
        match (first(&gateway), first(&desk)) {
            (Some(g), Some(d)) if gateway[g].0.said != desk[d].0.said => {
                out.push(differs(p, id, gateway[g].0, desk[d].0));
            }
            (Some(g), Some(d)) => {
                let what = format!("the accept {id}");
                out.extend(p.time("accept.time", &what, gateway[g].0, desk[d].0));
            }
            (Some(g), None) => out.push(denied_by_desk(p, id, gateway[g].0)),
            (None, Some(d)) => out.push(denied_by_gateway(p, id, desk[d].0)),
            (None, None) => {}
        }
    }
    out
}

fn differs(p: &Pair<'_>, id: &str, g: &Fact, d: &Fact) -> Difference {
    let proof: Vec<_> = [
        Proof::of("gateway", g, "the desk accepted what the gateway says"),
        Proof::of("desk", d, "the desk accepted what the desk says"),
    ]
    .into_iter()
    .flatten()
    .collect();
    Difference {
        gateway: told(g, words(p, &g.said)),
        desk: told(d, words(p, &d.said)),
        against: match (g.signer.is_some(), d.signer.is_some()) {
            (true, true) => Blame::Desk,
            (false, true) => Blame::Gateway,
            _ => Blame::Open,
        },
        proof,
        ..p.difference("accept.differs", format!("the accept {id} is not the same"))
    }
}

fn denied_by_desk(p: &Pair<'_>, id: &str, g: &Fact) -> Difference {
    let proof: Vec<_> = Proof::of("gateway", g, "the desk accepted").into_iter().collect();
    Difference {
        gateway: told(g, words(p, &g.said)),
        against: if proof.is_empty() { Blame::Open } else { Blame::Desk },
        explained: p.why_not_written(g, |said| about(said, Some(id)).is_some()),
        proof,
        ..p.difference("accept.denied_by_desk", format!("the desk's history has no accept {id}"))
    }
}

fn denied_by_gateway(p: &Pair<'_>, id: &str, d: &Fact) -> Difference {
    let (against, explained, answer) = p.answers(Some(id)).of_denied("accept");
    let sent = Proof::of("desk", d, "the desk accepted");
    Difference {
        desk: told(d, words(p, &d.said)),
        against,
        explained,
        proof: answer.into_iter().chain(sent).collect(),
        ..p.difference(
            "accept.denied_by_gateway",
            format!("the gateway's evidence has no accept {id}"),
        )
    }
}

fn words(p: &Pair<'_>, said: &Said) -> String {
    match said {
        Said::Accepted {
            dealer,
            quote,
            instrument,
            side,
            quantity,
            price,
            limit,
            legs,
            price_type,
            ..
        } => {
            let limit = limit.map_or_else(String::new, |l| format!(", at worst {}", l.price));
            let legs = legs_words(legs);
            let whole = whole_of(p, (dealer, quote), *side).filter(|whole| quantity < whole);
            let part = whole.map_or_else(String::new, |w| format!(" (of {w} quoted)"));
            format!(
                "{side:?} {quantity}{part} of {instrument} at a {price_type} of {price}{limit}, \
                    quote {quote} of {dealer}{legs}"
            )
        }
        other => format!("{other:?}"),
    }
}

/// The quantity that an accept of this whole quote has: what was asked for, or a smaller size.
fn whole_of(p: &Pair<'_>, (dealer, quote): (&str, &str), side: Side) -> Option<Decimal> {
    let facts = || p.gateway.iter().chain(&p.desk).map(|f| &f.said);
    let size = facts().find_map(|said| match said {
        Said::Quoted { dealer: by, quote: id, bid, offer, .. } if by == dealer && id == quote => {
            let level = if side == Side::Buy { offer } else { bid };
            level.map(|l| l.size)
        }
        _ => None,
    })?;
    let asked = facts().find_map(|said| match said {
        Said::Asked { quantity, .. } => Some(*quantity),
        _ => None,
    });
    Some(asked.map_or(size, |asked| size.min(asked)))
}
