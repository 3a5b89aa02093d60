//! Execution reports about accepts that are not on screen, most likely of an earlier run.

use super::{Book, reports::report_words};
use crate::{
    blotter::RowStatus,
    present,
    view::{BlotterRow, BlotterTab, NoticeKind},
};
use rust_decimal::Decimal;
use signet_fix::message::ExecutionReport;
use signet_rfq::{
    RfqId, UtcMillis,
    lifecycle::{Meaning, meaning},
};

impl Book {
    /// Puts the report into the blotter. If it does not fit the row that is there, it gets a row of
    /// its own as a dispute.
    pub(super) fn report_without_rfq(&mut self, id: &RfqId, e: &ExecutionReport, now: UtcMillis) {
        let row = present::late_trade_row(
            id,
            e,
            self.reference.of_report(e).as_deref(),
            &self.reference.names(),
        );
        let row = self.with_least(id, row);
        let known = self.records.blotter.get(BlotterTab::Trades, e.accept.as_str()).cloned();
        let changed = self
            .records
            .blotter
            .status(BlotterTab::Trades, e.accept.as_str())
            .is_some_and(RowStatus::is_changed);
        let executed = e.cum_qty > Decimal::ZERO;
        let meaning = if e.disputed {
            Meaning::Contradiction
        } else {
            meaning(e.exec_type, e.status, executed)
        };
        match (meaning, known) {
            (Meaning::Execution | Meaning::ExecutedSoFar, None) => {
                let text = format!(
                    "A trade from before this start: {} {} at {}",
                    row.side,
                    row.symbol,
                    row.price.clone().unwrap_or_default()
                );
                self.blot_late(id, row);
                self.notice(NoticeKind::Good, "trade.filled_while_away", text, None, now);
            }
            // A repetition after a restart: the same trade, or one that was corrected or cancelled
            // meanwhile.
            (Meaning::Execution | Meaning::ExecutedSoFar, Some(k))
                if same_trade(&k, &row) || changed => {}
            (Meaning::TradeCancelled, Some(k)) => {
                let text = format!(
                    "A trade was cancelled by the dealer: {} {}. Check it with the dealer.",
                    k.side, k.symbol
                );
                self.blot_late(id, with_status(k, RowStatus::CancelledByDealer));
                self.notice(NoticeKind::Bad, "trade.busted", text, None, now);
            }
            (Meaning::TradeCorrected, Some(k)) => {
                let text = format!(
                    "A trade was corrected by the dealer: {} {}. Check it with the dealer.",
                    k.side, k.symbol
                );
                let new = BlotterRow {
                    price: row.price,
                    quantity: row.quantity,
                    exec_id: row.exec_id,
                    ..k
                };
                self.blot_late(id, with_status(new, RowStatus::Corrected));
                self.notice(NoticeKind::Bad, "trade.corrected", text, None, now);
            }
            (
                Meaning::Execution
                | Meaning::ExecutedSoFar
                | Meaning::TradeCancelled
                | Meaning::TradeCorrected
                | Meaning::Contradiction,
                _,
            ) => self.late_dispute(id, e, now),
            (Meaning::Working | Meaning::Refused | Meaning::NothingTraded | Meaning::Noted, _) => {
                tracing::info!(accept = %e.accept, "{}", report_words(e));
            }
        }
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

fn with_status(row: BlotterRow, status: RowStatus) -> BlotterRow {
    BlotterRow { status: status.words().into(), ..row }
}

fn same_trade(known: &BlotterRow, told: &BlotterRow) -> bool {
    (&known.quantity, &known.price, &known.side, &known.instrument)
        == (&told.quantity, &told.price, &told.side, &told.instrument)
}
