//! What was seen of the dealers, and what people say of rows of the blotter.

use super::Book;
use crate::{
    insight::{self, DealerRecord, Tally, Told},
    problem::problem,
    view::{BlotterRow, BlotterTab, Problem},
};
use signet_fix::{AppMessage, message::Response};
use signet_history::What;
use signet_rfq::{DealerId, UtcMillis};

impl Book {
    /// What this desk has seen of a dealer, in this run and, as far as its history says, in
    /// earlier ones.
    pub(crate) fn dealer_record(&mut self, dealer: &DealerId) -> DealerRecord {
        self.tally.records().get(dealer.as_str()).copied().unwrap_or_default()
    }

    /// What earlier runs saw.
    pub(crate) fn saw_before(&mut self, earlier: Tally) {
        self.tally.begins_with(earlier);
        self.screen.mark_all();
        self.frames.wake();
    }

    pub(super) fn tally_heard(&mut self, m: &AppMessage, now: UtcMillis) {
        let restoring = self.connection.restoring.is_some();
        let told = if restoring { Told::Again } else { Told::Live };
        self.tally.heard(m, self.clock.gateway(now).0, told);
    }

    /// An accept leaves: whether another dealer has a better price at this moment.
    pub(super) fn judge_choice(&mut self, m: &AppMessage) {
        let AppMessage::QuoteResponse(q) = m else { return };
        let (Some(rfq), Some(dealer), Response::HitOrLift) = (&q.rfq, &q.dealer, q.response) else {
            return;
        };
        let Some(r) = self.screen.rfq(rfq) else { return };
        let accept = q.accept(rfq.clone(), dealer.clone());
        let Some(better) = insight::better(r, &accept, q.at, self.clock.arrival_ms()) else {
            return;
        };
        let names = self.reference.names();
        let shown = self.reference.instrument(&accept.instrument);
        let price =
            shown.map_or_else(|| better.price.to_string(), |i| i.format_price(better.price));
        let who: Vec<&str> =
            better.dealers.iter().map(|d| names.get(d).map_or(d.as_str(), |n| n)).collect();
        self.choices.note(accept.id, format!("{price} {}", who.join(", ")));
    }

    /// A row with what people said of it before; that a person dealt with it holds only as long as
    /// it stands as it did.
    pub(super) fn as_people_said(&self, tab: BlotterTab, row: BlotterRow) -> BlotterRow {
        let known = self.records.blotter.get(tab, &row.id);
        let better = self.choices.words(&row.id).filter(|_| tab == BlotterTab::Trades);
        let better = better.map(str::to_owned).or_else(|| known?.better.clone());
        let reason = known.and_then(|k| k.reason.clone());
        let attended = known.is_some_and(|k| k.attended && k.status == row.status);
        BlotterRow {
            better: row.better.or(better),
            reason: row.reason.or(reason),
            attended: row.attended || attended,
            ..row
        }
    }

    /// Takes the trader's reason for a trade at another price than the best. It is written into
    /// the desk's history as well.
    pub(crate) fn give_reason(
        &mut self,
        trade: &str,
        text: &str,
        now: UtcMillis,
    ) -> Result<(), Problem> {
        let text = insight::reason(text)?;
        let row = self.records.blotter.get(BlotterTab::Trades, trade).ok_or_else(no_row)?.clone();
        let (rfq, accept) = (row.rfq_id.clone(), trade.to_owned());
        self.recorder.record(now.0, What::Reason { rfq, accept, text: text.clone() });
        self.blot(BlotterTab::Trades, BlotterRow { reason: Some(text), ..row });
        self.frames.wake();
        Ok(())
    }

    /// A person has dealt with a row that needed one.
    pub(crate) fn attend(&mut self, id: &str) -> Result<(), Problem> {
        let mut done = false;
        for tab in [BlotterTab::Attention, BlotterTab::Trades] {
            if let Some(row) = self.records.blotter.get(tab, id).cloned() {
                self.blot(tab, BlotterRow { attended: true, ..row });
                done = true;
            }
        }
        self.frames.wake();
        if done { Ok(()) } else { Err(no_row()) }
    }
}

fn no_row() -> Problem {
    problem("blotter.no_row", "The blotter has no such trade.", "Choose it from the list again.")
}
