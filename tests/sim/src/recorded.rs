//! What the gateway has on record after a run, whatever its clock read meanwhile.

use super::World;
use crate::{
    cast::*,
    check::{Violation, broken},
    tally::Tally,
};
use signet_gateway::signed::read::{GOOD, SignedLine};
use std::collections::{BTreeMap, BTreeSet};

/// The records of a run in which no invariant broke.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// What happened.
    pub tally: Tally,
    /// Signed messages on record.
    pub messages: usize,
    /// Of them: those whose time is before that of the record before them.
    pub backwards: usize,
    /// Alerts that the gateway's clock was set.
    pub steps: usize,
}

impl World {
    /// Looks at the evidence: every message is in it in the order of its sender, with its
    /// microseconds and a good signature, and whatever the gateway holds came from one.
    pub(crate) fn recorded(&self, tally: Tally) -> Result<Recorded, Violation> {
        let g = self.gateway.as_ref().ok_or_else(|| broken("settled.down", "it is down"))?;
        let lines = g.evidence().map_err(|e| broken("evidence.whole", e))?;
        let mut last: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for l in &lines {
            let number = field(l, "34").and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
            let before = last.insert((l.party.as_str(), l.id.as_str()), number).unwrap_or(0);
            if number <= before {
                let words = format!("message {number} of {} follows message {before}", l.id);
                return Err(broken("evidence.order", words));
            }
            if l.verified != GOOD || l.us_in_ms.is_none() {
                let (id, judged, us) = (&l.id, &l.verified, l.us_in_ms);
                let words = format!("message {number} of {id}: {judged}, {us:?}");
                return Err(broken("evidence.whole", words));
            }
        }
        let backwards = lines.windows(2).filter(|w| w[1].at_ms < w[0].at_ms).count();
        self.everything_is_on_record(&lines)?;
        let (messages, steps) = (lines.len(), g.alerts("clock.stepped"));
        Ok(Recorded { tally, messages, backwards, steps })
    }

    fn everything_is_on_record(&self, lines: &[SignedLine]) -> Result<(), Violation> {
        let lacks = |what: &str, id: &str| broken("evidence.lacks", format!("{what} {id}"));
        let found = |id: &str, kind: &str, tag: &str| -> BTreeSet<String> {
            let of = lines.iter().filter(|l| l.id == id && field(l, "35") == Some(kind));
            of.filter_map(|l| field(l, tag)).map(str::to_owned).collect()
        };
        let (requests, accepts) = (found(DESK, "R", "131"), found(DESK, "AJ", "693"));
        for rfq in self.gateway.iter().flat_map(|g| g.rfqs()) {
            let id = rfq.terms.id.as_str();
            if !requests.contains(id) {
                return Err(lacks("the request", id));
            }
            for l in &rfq.lines {
                let Some(quote) = &l.quote else { continue };
                if !found(l.dealer.as_str(), "S", "117").contains(quote.id.as_str()) {
                    return Err(lacks("the quote", quote.id.as_str()));
                }
            }
            for (a, _) in rfq.accept.iter().chain(&rfq.past).filter(|(_, s)| s.traded().is_some()) {
                let id = a.id.as_str();
                if !accepts.contains(id) {
                    return Err(lacks("the accept", id));
                }
                let reported = found(a.dealer.as_str(), "8", "11");
                if !reported.iter().any(|name| self.truth.own(name) == id) {
                    return Err(lacks("the report of the fill of", id));
                }
            }
        }
        Ok(())
    }
}

/// A field of a message as it is shown.
fn field<'a>(line: &'a SignedLine, tag: &str) -> Option<&'a str> {
    let mut fields = line.text.split('\u{2401}').filter_map(|f| f.split_once('='));
    fields.find(|(t, _)| *t == tag).map(|(_, value)| value)
}
