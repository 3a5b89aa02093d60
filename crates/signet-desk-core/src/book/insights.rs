//! What was seen of the dealers, and what people say of rows of the blotter.

use super::Book;
use crate::{
    blotter::Entry,
    history::Reader,
    insight::{self, DealerRecord, Tally, Told, Turn},
    present,
    problem::problem,
    view::{BlotterRow, BlotterTab, DealerInsight, Problem},
};
use signet_fix::{AppMessage, message::Response};
use signet_history::What;
use signet_rfq::{DealerId, Instrument, RfqId, UtcMillis};
use std::{collections::BTreeMap, sync::Arc};

/// What a page about an RFQ needs beside the history.
pub(crate) struct AboutRfq {
    pub(crate) created_ms: i64,
    pub(crate) venue: String,
    /// How it stands, in words.
    pub(crate) outcome: String,
    pub(crate) instrument: Option<Instrument>,
    pub(crate) dealers: Arc<BTreeMap<DealerId, String>>,
    pub(crate) reader: Option<Arc<Reader>>,
    /// The reasons that were given for its trades, by accept.
    pub(crate) reasons: BTreeMap<String, String>,
}

/// What was seen of the dealers, as it was at one moment.
pub(crate) struct DealersSeen {
    turns: Vec<Turn>,
    rows: Vec<Arc<Entry>>,
    names: Arc<BTreeMap<DealerId, String>>,
}

impl DealersSeen {
    /// The same for people to look at.
    pub(crate) fn insights(&self) -> Vec<DealerInsight> {
        let trades: Vec<&BlotterRow> =
            self.rows.iter().filter(|e| e.stands()).map(|e| e.row()).collect();
        insight::insights(&self.turns, &trades, &self.names)
    }
}

impl Book {
    /// The history of the identity in use can be read back, from now on.
    pub(crate) fn read_with(&mut self, reader: Option<Arc<Reader>>) {
        self.reader = reader;
    }

    /// All rows of the blotter as they are now.
    pub(crate) fn blotter_rows(&self) -> Vec<Arc<Entry>> {
        self.records.blotter.rows()
    }

    /// What a page about an RFQ needs; `None` for one that the blotter does not know.
    pub(crate) fn about_rfq(&self, rfq: &RfqId) -> Option<AboutRfq> {
        let row = self.records.blotter.get(BlotterTab::Rfqs, rfq.as_str())?;
        let outcome = match (&row.price, row.status.as_str()) {
            (Some(price), status) => format!("{status} at {price}, {}", row.dealer),
            (None, status) => status.to_owned(),
        };
        let rows = self.records.blotter.rows();
        let of = rows.iter().map(|e| e.row()).filter(|r| r.rfq_id == rfq.as_str());
        let reasons = of.filter_map(|r| Some((r.id.clone(), r.reason.clone()?))).collect();
        let venue = self.connection.view.venue.as_ref().map(|v| v.name.clone());
        Some(AboutRfq {
            created_ms: row.at_ms as i64,
            venue: venue.unwrap_or_default(),
            outcome,
            instrument: self.reference.named(&row.instrument).cloned(),
            dealers: self.reference.names(),
            reader: self.reader.clone(),
            reasons,
        })
    }

    /// What this desk has seen of the dealers.
    pub(crate) fn dealers_seen(&self) -> DealersSeen {
        DealersSeen {
            turns: self.tally.turns(),
            rows: self.records.blotter.rows(),
            names: self.reference.names(),
        }
    }

    /// What this desk has seen of a dealer, in this run and, as far as its history says, in
    /// earlier ones.
    pub(crate) fn dealer_record(&mut self, dealer: &DealerId) -> DealerRecord {
        self.tally.records().get(dealer.as_str()).copied().unwrap_or_default()
    }

    /// What earlier runs saw, from the history that this reader reads. It came too late if another
    /// identity is in use by now.
    pub(crate) fn saw_before(&mut self, from: &Arc<Reader>, earlier: Tally) {
        if !self.reader.as_ref().is_some_and(|r| Arc::ptr_eq(r, from)) {
            return;
        }
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
        let shown = self.reference.of_rfq(&r.terms);
        let price = present::stated(shown.as_deref(), better.price);
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
