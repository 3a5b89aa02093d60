//! The counters on the best-execution page.

use super::Builder;
use crate::{insight::timeline::Step, view::BestCounter};
use signet_fix::message::{BusinessReject, QuoteResponse, QuoteStatusReport, RfqStatus};
use signet_rfq::{DealerId, MAX_COUNTERS_PER_LINE, MAX_DEALERS_PER_RFQ, Side};

impl Builder<'_> {
    pub(super) fn counter(&mut self, r: &QuoteResponse, s: &Step) {
        let Some(dealer) = r.dealer.clone().filter(|d| self.answers.contains_key(d)) else {
            return;
        };
        if self.counters.len() >= MAX_DEALERS_PER_RFQ * MAX_COUNTERS_PER_LINE {
            return;
        }
        let quoted = self.ladder.get(&dealer).filter(|q| q.id == r.quote);
        let quoted = quoted.and_then(|q| q.level(r.side)).map(|l| self.names.price(l.price));
        let name = self.names.dealer(&dealer);
        // It declines the quote, which nobody could take from here on.
        self.ends(&dealer, s.at_ms);
        self.countered.insert(dealer, self.counters.len());
        self.counters.push(BestCounter {
            id: r.id.to_string(),
            name,
            side: if r.side == Side::Buy { "Buy" } else { "Sell" }.into(),
            price: self.names.price(r.price),
            quoted,
            at_ms: s.at_ms as f64,
            answer: "No answer".into(),
            answer_ms: None,
        });
    }

    /// A counter has this answer, unless it has one already.
    pub(super) fn counter_ends(&mut self, id: &str, words: String, s: &Step) {
        let open = self
            .countered
            .iter()
            .find(|(_, at)| self.counters.get(**at).is_some_and(|c| c.id == id));
        let Some(dealer) = open.map(|(d, _)| d.clone()) else { return };
        self.counter_answered(&dealer, words, s);
    }

    pub(super) fn counter_answered(&mut self, dealer: &DealerId, words: String, s: &Step) {
        let at = self.countered.remove(dealer);
        if let Some(c) = at.and_then(|at| self.counters.get_mut(at)) {
            (c.answer, c.answer_ms) = (words, Some(s.at_ms as f64));
        }
    }

    /// The gateway says how a counter is over without a new quote.
    pub(super) fn counter_over(&mut self, q: &QuoteStatusReport, s: &Step) {
        let Some(id) = &q.answers else { return };
        let words = match q.status {
            RfqStatus::Rejected => format!("Refused{}", because(q.text.as_deref())),
            RfqStatus::Expired => "No answer in time".into(),
            _ => "Dropped".into(),
        };
        self.counter_ends(id.as_str(), words, s);
    }

    /// The gateway refuses one.
    pub(super) fn counter_refused(&mut self, j: &BusinessReject, s: &Step) {
        let Some(id) = &j.ref_id else { return };
        self.counter_ends(id, format!("Not sent{}", because(j.text.as_deref())), s);
    }
}

fn because(text: Option<&str>) -> String {
    text.map(|t| format!(": {t}")).unwrap_or_default()
}
