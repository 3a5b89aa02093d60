//! Rows of the accepts that a person must look at: declined, and with an outcome that is unknown.
//! They stand beside the rows of trades, so that a later trade of the same accept is judged by the
//! rows of trades alone.

use super::Book;
use crate::{
    blotter::RowStatus,
    present,
    view::{AcceptView, BlotterRow, BlotterTab, Side},
};
use signet_rfq::{AcceptState, Declined, Rfq, UtcMillis};

/// What the row of an accept says; `None`: it has no row unless it has one already.
fn wanted(s: &AcceptState) -> Option<RowStatus> {
    match s {
        AcceptState::Unknown => Some(RowStatus::Unknown),
        AcceptState::Declined(Declined::ByGateway(_) | Declined::ByDealer(_)) => {
            Some(RowStatus::Declined)
        }
        _ => None,
    }
}

/// What the row of an accept says once its outcome is known.
fn outcome(s: &AcceptState) -> Option<RowStatus> {
    match s {
        AcceptState::PartlyFilled(_) => Some(RowStatus::PartlyFilled),
        AcceptState::Filled(_) | AcceptState::Corrected(_) | AcceptState::Busted(_) => {
            Some(RowStatus::Filled)
        }
        AcceptState::Declined(Declined::ByDesk(_)) => Some(RowStatus::NothingDone),
        // The dispute has a row of its own.
        AcceptState::Disputed => Some(RowStatus::NothingDone),
        _ => None,
    }
}

impl Book {
    /// Writes the rows of the accepts that changed.
    pub(super) fn blot_accepts(&mut self, now: UtcMillis) {
        let at_ms = self.clock.gateway(now).0 as f64;
        for id in self.screen.changed_accepts() {
            let row = self.screen.rfq(&id).and_then(|r| self.accept_row(r, at_ms));
            if let Some(row) = row {
                self.blot(BlotterTab::Attention, row);
            }
        }
    }

    /// The row of an RFQ's accept, if it must be written.
    fn accept_row(&self, r: &Rfq, at_ms: f64) -> Option<BlotterRow> {
        let (a, state) = r.accept.as_ref()?;
        let id = a.id.as_str();
        let stands = self.records.blotter.status(BlotterTab::Attention, id);
        let status = match stands {
            None => wanted(state)?,
            Some(_) => wanted(state).or_else(|| outcome(state))?,
        };
        if stands == Some(status) {
            return None;
        }
        let (i, names) = (self.reference.of_rfq(&r.terms), self.reference.names());
        let AcceptView { dealer_name, side, price, quantity, quoted_quantity, text, .. } =
            present::accept(r, i.as_deref(), &names, None)?;
        let known = self.records.blotter.get(BlotterTab::Attention, id);
        Some(BlotterRow {
            id: id.into(),
            at_ms: known.map_or(at_ms, |k| k.at_ms),
            side: if side == Side::Buy { "Buy" } else { "Sell" }.into(),
            quantity,
            quoted: quoted_quantity,
            price: Some(price),
            dealer: dealer_name,
            status: status.words().into(),
            text: Some(text),
            exec_id: None,
            ..present::rfq_row(r, i.as_deref(), &names)
        })
    }
}
