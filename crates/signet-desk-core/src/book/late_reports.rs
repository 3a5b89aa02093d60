//! Execution reports about accepts that are not on screen, most likely of an earlier run.

use super::{
    Book,
    late_rows::{Late, average, judge},
    reports::report_words,
};
use crate::{
    present,
    view::{BlotterRow, BlotterTab, NoticeKind},
};
use signet_fix::message::ExecutionReport;
use signet_rfq::{RfqId, UtcMillis};

impl Book {
    /// Puts the report into the blotter. If it does not fit the row that is there, it gets a row of
    /// its own as a dispute.
    pub(super) fn report_without_rfq(&mut self, id: &RfqId, e: &ExecutionReport, now: UtcMillis) {
        let i = self.reference.of_report(e);
        let row = present::late_trade_row(id, e, i.as_deref(), &self.reference.names());
        let price = average(e, i.as_deref()).map(|p| present::stated(i.as_deref(), p));
        let row = BlotterRow { price: price.or_else(|| row.price.clone()), ..row };
        let row = self.with_least(id, row);
        let known = self.records.blotter.get(BlotterTab::Trades, e.accept.as_str());
        match judge(known, row, e, self.connection.direct) {
            Late::Trade(row) => {
                let text = format!(
                    "A trade from before this start: {} {} at {}",
                    row.side,
                    row.symbol,
                    row.price.clone().unwrap_or_default()
                );
                self.blot_late(id, *row);
                self.notice(NoticeKind::Good, "trade.filled_while_away", text, None, now);
            }
            Late::More(row) => self.more_late(id, *row, now),
            Late::Part(row) => self.blot(BlotterTab::Trades, *row),
            Late::Repeated => {}
            Late::Cancelled(row) => {
                let text = format!(
                    "A trade was cancelled by the dealer: {} {}. Check it with the dealer.",
                    row.side, row.symbol
                );
                self.blot_late(id, *row);
                self.notice(NoticeKind::Bad, "trade.busted", text, None, now);
            }
            Late::Corrected(row) => {
                let text = format!(
                    "A trade was corrected by the dealer: {} {}. Check it with the dealer.",
                    row.side, row.symbol
                );
                self.blot_late(id, *row);
                self.notice(NoticeKind::Bad, "trade.corrected", text, None, now);
            }
            Late::Dispute => self.late_dispute(id, e, now),
            Late::NoTrade => tracing::info!(accept = %e.accept, "{}", report_words(e)),
        }
    }

    /// A further part of an accept was executed.
    fn more_late(&mut self, id: &RfqId, row: BlotterRow, now: UtcMillis) {
        let text = format!(
            "More of a trade was executed: {} {} at {}, {} {} in all",
            row.side,
            row.symbol,
            row.price.clone().unwrap_or_default(),
            row.quantity,
            row.currency
        );
        self.blot_late(id, row);
        self.notice(NoticeKind::Good, "trade.filled_while_away", text, None, now);
    }

    fn late_dispute(&mut self, id: &RfqId, e: &ExecutionReport, now: UtcMillis) {
        let row = present::late_dispute_row(
            id,
            e,
            self.reference.of_report(e).as_deref(),
            &self.reference.names(),
        );
        let row = self.with_least(id, row);
        if self.records.blotter.get(BlotterTab::Trades, &row.id).is_some() {
            return;
        }
        self.blot(BlotterTab::Trades, row);
        let text = "The dealer reports a trade that does not fit what is known. Call the dealer \
            and your desk head now."
            .to_owned();
        self.notice(NoticeKind::Bad, "execution.mismatch", text, None, now);
    }

    /// A row with the least quantity of its RFQ, of which a report says nothing.
    fn with_least(&self, id: &RfqId, row: BlotterRow) -> BlotterRow {
        let rfq = self.records.blotter.get(BlotterTab::Rfqs, id.as_str());
        BlotterRow { min_quantity: rfq.and_then(|r| r.min_quantity.clone()), ..row }
    }

    fn blot_late(&mut self, id: &RfqId, row: BlotterRow) {
        if let Some(mut r) = self.records.blotter.get(BlotterTab::Rfqs, id.as_str()).cloned() {
            r.status = row.status.clone();
            r.price = row.price.clone();
            self.blot(BlotterTab::Rfqs, r);
        }
        self.blot(BlotterTab::Trades, row);
    }
}

#[cfg(test)]
#[path = "late_reports_tests.rs"]
mod tests;
