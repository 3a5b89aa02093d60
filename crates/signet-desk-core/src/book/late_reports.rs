//! Execution reports about accepts that are not on screen, most likely of an earlier run.

use super::{
    Book,
    late_rows::{Late, average, ends_the_rest, judge},
    reports::report_words,
};
use crate::{
    blotter::query::priced_in,
    present,
    price::unit_of,
    view::{BlotterRow, BlotterTab, NoticeKind},
};
use signet_fix::message::ExecutionReport;
use signet_rfq::{Instrument, PriceType, RfqId, StatedType, UtcMillis};

impl Book {
    /// Puts the report into the blotter. If it does not fit the row that is there, it gets a row of
    /// its own as a dispute.
    pub(super) fn report_without_rfq(&mut self, id: &RfqId, e: &ExecutionReport, now: UtcMillis) {
        let e = &self.in_known_numbers(e);
        let i = self.reference.of_report(e);
        let row = present::late_trade_row(id, e, i.as_deref(), &self.reference.names());
        let known = self.records.blotter.get(BlotterTab::Trades, e.accept.as_str());
        let stated = e.price_type.and_then(StatedType::price_type);
        let of = i.as_deref().map(Instrument::price_type).or(stated).unwrap_or_default();
        let price = average(known, e, of).map(|p| present::stated(i.as_deref(), p));
        let price = price.or_else(|| row.price.clone());
        // Without its instrument a number has no unit yet.
        let unit = if i.is_none() { unit_of_unlisted(known, e) } else { String::new() };
        let row = BlotterRow { price: price.map(|p| format!("{p}{unit}")), ..row };
        let row = self.with_least(id, row);
        let rest_ended = ends_the_rest(known, e);
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
            Late::Repeated | Late::NoTrade if rest_ended => {
                self.notice(NoticeKind::Plain, "report.noted", report_words(e), None, now);
            }
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

    /// A report may leave out what its numbers count, which then is as in the request: the unit of
    /// its row says it. A gateway always says it; a plain venue's dealers need not.
    fn in_known_numbers(&self, e: &ExecutionReport) -> ExecutionReport {
        let known = self.records.blotter.get(BlotterTab::Trades, e.accept.as_str());
        let unit = known.and_then(|k| priced_in(k.price.as_deref()?)).map(|(_, unit)| unit);
        let listed = self.reference.instrument(&e.instrument);
        let mut types = listed.into_iter().flat_map(|i| i.price_types.iter().copied());
        let of = unit.and_then(|unit| types.find(|t| unit_of(*t).trim_start() == unit));
        let price_type = e.price_type.or_else(|| of?.stated());
        ExecutionReport { price_type, ..e.clone() }
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

/// What a report counts whose instrument is not listed, or not yet: what it states, and what it
/// leaves out is as in its row, as where the instrument is listed.
fn unit_of_unlisted(known: Option<&BlotterRow>, e: &ExecutionReport) -> String {
    let price = known.and_then(|k| k.price.as_deref()).and_then(priced_in);
    let before = price.map(|(_, unit)| format!(" {unit}")).filter(|unit| unit != " ");
    // A spread that names no benchmark may be the margin that was asked for.
    let is_plain_spread = e.price_type == Some(StatedType::from(6));
    let as_before = before.filter(|unit| match e.price_type {
        None => true,
        Some(_) => is_plain_spread && unit.starts_with(&unit_of(PriceType::Spread)),
    });
    let stated = || e.price_type.and_then(StatedType::price_type).map(unit_of);
    as_before.or_else(stated).unwrap_or_default()
}

#[cfg(test)]
#[path = "late_reports_tests.rs"]
mod tests;
