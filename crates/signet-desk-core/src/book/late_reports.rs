//! Execution reports about accepts that are not on screen, most likely of an earlier run.

use super::{Book, reports::report_words};
use crate::{
    blotter::{
        RowStatus,
        query::{number, priced_in},
    },
    present,
    view::{BlotterRow, BlotterTab, NoticeKind},
};
use rust_decimal::Decimal;
use signet_fix::message::ExecutionReport;
use signet_rfq::{
    RfqId, UtcMillis, group_digits,
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
        let meaning = meant(e);
        let direct = self.connection.direct;
        let more = known.as_ref().and_then(|k| with_more(k, &row, e, meaning));
        if let Some(whole) = more {
            return self.more_late(id, whole, now);
        }
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
            // A repetition after a restart.
            (Meaning::Execution | Meaning::ExecutedSoFar, Some(k))
                if is_known(&k, &row, meaning, direct) => {}
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

/// What the gateway disputes contradicts, whatever it says.
fn meant(e: &ExecutionReport) -> Meaning {
    match e.disputed {
        true => Meaning::Contradiction,
        false => meaning(e.exec_type, e.status, e.cum_qty > Decimal::ZERO),
    }
}

fn with_status(row: BlotterRow, status: RowStatus) -> BlotterRow {
    BlotterRow { status: status.words().into(), ..row }
}

/// Whether a row says already what a report of an execution, or of what was executed so far, tells.
fn is_known(known: &BlotterRow, told: &BlotterRow, meaning: Meaning, direct: bool) -> bool {
    match RowStatus::read(&known.status) {
        // The gateway compares with every execution that it knows, and marks what does not fit.
        Some(status) if status.is_changed() && !direct => true,
        // At a plain venue nobody else compares: after a bust or a correction another ExecID is
        // another execution, though all else be the same.
        Some(status) if status.is_changed() && meaning == Meaning::Execution => {
            known.exec_id == told.exec_id && same_terms(known, told)
        }
        // It counts what the dealer took back.
        Some(RowStatus::CancelledByDealer) => false,
        _ => same_trade(known, told),
    }
}

fn same_trade(known: &BlotterRow, told: &BlotterRow) -> bool {
    let quantity = |r: &BlotterRow| number(&r.quantity);
    quantity(known) == quantity(told) && same_terms(known, told)
}

fn same_terms(known: &BlotterRow, told: &BlotterRow) -> bool {
    // The list of instruments, which says how a price is written, may not have come yet.
    let (before, now) =
        (known.price.as_deref().and_then(priced_in), told.price.as_deref().and_then(priced_in));
    let price = known.price == told.price || (before.is_some() && before == now);
    price && (&known.side, &known.instrument) == (&told.side, &told.instrument)
}

/// The row of a partly executed accept after a further part: at the same terms, and within what was
/// accepted. `None` if it is not that, or if the row is of an earlier Signet, which does not say
/// what was accepted.
fn with_more(
    known: &BlotterRow,
    told: &BlotterRow,
    e: &ExecutionReport,
    meaning: Meaning,
) -> Option<BlotterRow> {
    let accepted = number(known.accepted.as_deref()?)?;
    let so_far = number(&known.quantity)?;
    let fits = RowStatus::read(&known.status) == Some(RowStatus::PartlyFilled)
        && same_terms(known, told)
        && e.dealer.is_some()
        && known.dealer_id == told.dealer_id
        && e.currency.as_ref().is_none_or(|c| *c == known.currency)
        && (e.settlement_date.is_none() || known.settlement_date == told.settlement_date);
    let part = match meaning {
        // An ExecID is that of one execution.
        Meaning::Execution if known.exec_id.as_deref() == Some(e.exec_id.as_str()) => return None,
        Meaning::Execution => e.last.map(|l| l.size),
        Meaning::ExecutedSoFar => None,
        _ => return None,
    };
    let adds_up = match part {
        Some(part) => part > Decimal::ZERO && so_far.checked_add(part)? <= e.cum_qty,
        None => so_far < e.cum_qty,
    };
    let status = match e.cum_qty == accepted {
        true => RowStatus::Filled,
        false => RowStatus::PartlyFilled,
    };
    let row = BlotterRow {
        at_ms: told.at_ms,
        quantity: group_digits(e.cum_qty),
        exec_id: told.exec_id.clone(),
        ..known.clone()
    };
    (fits && adds_up && e.cum_qty <= accepted).then(|| with_status(row, status))
}

#[cfg(test)]
#[path = "late_reports_tests.rs"]
mod tests;
