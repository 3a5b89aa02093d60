//! Requests: the desk signs each, so a copy proves that the desk sent it.

use super::{Pair, about, legs_words, told};
use crate::{
    account::{Fact, Said},
    difference::{Blame, Difference, Proof},
};
use signet_rfq::StatedLeg;

pub(super) fn compare(p: &Pair<'_>) -> Vec<Difference> {
    let asked = |s: &Said| matches!(s, Said::Asked { .. }).then_some(());
    let (gateway, desk) = (Pair::pick(&p.gateway, asked), Pair::pick(&p.desk, asked));
    let mut out = match (gateway.first(), desk.first()) {
        (Some((g, ())), Some((d, ()))) if g.said != d.said => vec![differs(p, g, d)],
        (Some((g, ())), Some((d, ()))) => {
            p.time("request.time", "the request", g, d).into_iter().collect()
        }
        (Some((g, ())), None) => vec![denied_by_desk(p, g)],
        (None, Some((d, ()))) => vec![denied_by_gateway(p, d)],
        (None, None) => Vec::new(),
    };
    out.extend(passes(p));
    out.extend(ended(p));
    out
}

/// The trader's word that ends the request, which the desk signs. The gateway passes no quote on
/// from then on, so a word that was never given, or an earlier time of it, would excuse it for
/// quotes that it kept back.
fn ended(p: &Pair<'_>) -> Option<Difference> {
    let g = first_end(&p.gateway)?;
    match first_end(&p.desk) {
        // The desk may have said it before, in vain.
        Some(d) if d.at_ms <= g.at_ms => None,
        Some(d) => p.time("end.time", "the end of the request", g, d),
        // What is not in a part says nothing.
        None if p.accounts.1.part => None,
        None => Some(end_denied_by_desk(p, g)),
    }
}

fn first_end<'f>(facts: &[&'f Fact]) -> Option<&'f Fact> {
    facts.iter().copied().filter(|f| f.said == Said::Ended).min_by_key(|f| f.at_ms)
}

fn end_denied_by_desk(p: &Pair<'_>, g: &Fact) -> Difference {
    let shows = "the desk ended the request";
    let proof: Vec<_> = Proof::of("gateway", g, shows).into_iter().collect();
    Difference {
        gateway: told(g, "the trader ended the request"),
        against: if proof.is_empty() { Blame::Open } else { Blame::Desk },
        explained: p.why_not_written(g, |_| false),
        proof,
        ..p.difference("end.denied_by_desk", "the desk's history lacks the end of the request")
    }
}

fn differs(p: &Pair<'_>, g: &Fact, d: &Fact) -> Difference {
    let proof: Vec<_> = [
        Proof::of("gateway", g, "the desk asked for what the gateway says"),
        Proof::of("desk", d, "the desk asked for what the desk says"),
    ]
    .into_iter()
    .flatten()
    .collect();
    Difference {
        gateway: told(g, words(&g.said)),
        desk: told(d, words(&d.said)),
        against: match (g.signer.is_some(), d.signer.is_some()) {
            (true, true) => Blame::Desk,
            (false, true) => Blame::Gateway,
            _ => Blame::Open,
        },
        proof,
        ..p.difference("request.differs", "the request is not the same")
    }
}

fn denied_by_desk(p: &Pair<'_>, g: &Fact) -> Difference {
    let proof: Vec<_> = Proof::of("gateway", g, "the desk sent the request").into_iter().collect();
    Difference {
        gateway: told(g, words(&g.said)),
        against: if proof.is_empty() { Blame::Open } else { Blame::Desk },
        explained: p.why_not_written(g, |said| about(said, None).is_some()),
        proof,
        ..p.difference("request.denied_by_desk", "the desk's history has no such request")
    }
}

fn denied_by_gateway(p: &Pair<'_>, d: &Fact) -> Difference {
    let (against, explained, answer) = p.answers(None).of_denied("request");
    Difference {
        desk: told(d, words(&d.said)),
        against,
        explained,
        proof: answer.into_iter().collect(),
        ..p.difference("request.denied_by_gateway", "the gateway's evidence has no such request")
    }
}

/// A dealer that will not quote, as the gateway tells its desk and signs.
fn passes(p: &Pair<'_>) -> Vec<Difference> {
    let by = |s: &Said| match s {
        Said::Passed { dealer } => Some(dealer.clone()),
        _ => None,
    };
    let heard = |dealer: &String| {
        p.gateway.iter().any(|f| match &f.said {
            Said::Passed { dealer: d } => d == dealer,
            Said::Answered { .. } => f.dealer.as_ref() == Some(dealer),
            _ => false,
        })
    };
    let unheard = Pair::pick(&p.desk, by).into_iter().filter(|(_, dealer)| !heard(dealer));
    unheard
        .map(|(d, dealer)| {
            let shows = format!("the gateway told the desk that {dealer} does not quote");
            let proof: Vec<_> = Proof::of("desk", d, shows).into_iter().collect();
            Difference {
                desk: told(d, format!("{dealer} does not quote")),
                against: if proof.is_empty() { Blame::Open } else { Blame::Gateway },
                proof,
                ..p.difference(
                    "pass.unknown_to_gateway",
                    format!("the gateway's evidence has nothing of {dealer} that says so"),
                )
            }
        })
        .collect()
}

fn words(said: &Said) -> String {
    match said {
        Said::Asked {
            instrument,
            ask,
            quantity,
            currency,
            settlement,
            dealers,
            legs,
            price_type,
            min_quantity,
        } => {
            let legs: Vec<StatedLeg> = legs.iter().map(StatedLeg::of).collect();
            let least = min_quantity.map_or_else(String::new, |q| format!(" (at least {q})"));
            format!(
                "{ask:?} {quantity}{least} {currency} of {instrument} for {settlement}, asked in \
                    {}, of {}{}",
                price_type.plural(),
                dealers.join(", "),
                legs_words(&legs)
            )
        }
        other => format!("{other:?}"),
    }
}

impl Pair<'_> {
    /// The two sides' times of one event.
    pub(super) fn time(
        &self,
        code: &'static str,
        what: &str,
        g: &Fact,
        d: &Fact,
    ) -> Option<Difference> {
        let apart = d.at_ms.saturating_sub(g.at_ms);
        if d.restored || apart.abs() <= self.tolerance.clock_ms {
            return None;
        }
        let what = format!(
            "{what} has times that are {} ms apart, and {} ms are tolerated",
            apart.abs(),
            self.tolerance.clock_ms
        );
        Some(Difference {
            gateway: told(g, "its time"),
            desk: told(d, "its time, on the gateway's clock"),
            proof: [
                Proof::of("gateway", g, "what was sent; its own times are in it"),
                Proof::of("desk", d, "what was sent; its own times are in it"),
            ]
            .into_iter()
            .flatten()
            .collect(),
            ..self.difference(code, what)
        })
    }
}
