//! The list as the page shows it.

use super::{
    List, Row,
    phase::{Phase, is_out},
    rows::WAIT_MS,
};
use crate::{
    present::clock_time,
    view::{ListRow, ListSummary},
};
use std::collections::BTreeMap;

/// What a row says that was confirmed while the gateway's answer is overdue.
const STALLED: &str = "Confirmed; it waits for the connection to answer.";

impl List {
    /// The list in figures.
    pub(crate) fn summary(&self) -> ListSummary {
        let n = |is: &dyn Fn(&Row) -> bool| u32::try_from(self.count(is)).unwrap_or(u32::MAX);
        let draft = |r: &Row| r.phase == Phase::Draft;
        ListSummary {
            revision: self.revision,
            id: self.id.clone(),
            run: self.run(),
            rows: n(&|_| true),
            wrong: n(&|r| draft(r) && r.checked.form.is_none()),
            ready: n(&|r| draft(r) && r.checked.form.is_some()),
            pending: n(&|r| r.phase == Phase::Pending),
            sent: n(&|r| r.had_turn),
            open: n(&|r| is_out(r.phase)),
            quoted: n(&|r| r.phase == Phase::Quoted),
            within: n(&|r| r.phase == Phase::Quoted && r.offer.within),
            done: n(&|r| r.phase == Phase::Done),
            without: n(&|r| {
                matches!(r.phase, Phase::Refused | Phase::Expired | Phase::Ended | Phase::Stopped)
            }),
            unknown: n(&|r| r.phase == Phase::Unknown),
            unkept: self.unkept,
            taking: u32::try_from(self.taking.len()).unwrap_or(u32::MAX),
            text: self.held.into(),
        }
    }

    /// A window of the rows.
    pub(crate) fn window(&self, offset: usize, limit: usize) -> Vec<ListRow> {
        let first = self.first_of_each();
        let rows = self.rows().iter().enumerate().skip(offset).take(limit);
        rows.map(|(n, r)| r.view(n, &first, self.waits(r))).collect()
    }

    /// What a row waits for, while it does.
    fn waits(&self, row: &Row) -> Option<String> {
        if self.stalled && self.taking.iter().any(|t| t.key == row.key) {
            return Some(STALLED.to_owned());
        }
        row.waits(self.held)
    }

    /// The number of the first row that asks for the same, by what it asks for.
    fn first_of_each(&self) -> BTreeMap<&str, usize> {
        let mut first = BTreeMap::new();
        for (n, r) in self.rows().iter().enumerate() {
            if let Some(same) = &r.checked.same {
                first.entry(same.as_str()).or_insert(n);
            }
        }
        first
    }

    /// The place of a row, from 1.
    pub(crate) fn number(&self, key: u32) -> u32 {
        let at = self.rows().iter().position(|r| r.key == key).unwrap_or_default();
        u32::try_from(at + 1).unwrap_or(u32::MAX)
    }
}

impl Row {
    /// What it waits for before it is sent, since when, and until when.
    fn waits(&self, held: &str) -> Option<String> {
        let since = self.queued.filter(|_| self.phase == Phase::Pending)?;
        let what = if held.is_empty() { "Waiting for its turn." } else { held };
        let (from, until) = (clock_time(since.gateway), clock_time(since.gateway + WAIT_MS));
        Some(format!("{what} Since {from} UTC; not sent after {until} UTC."))
    }

    fn view(&self, n: usize, first: &BTreeMap<&str, usize>, waits: Option<String>) -> ListRow {
        let same = self.checked.same.as_deref().and_then(|s| first.get(s)).filter(|f| **f < n);
        ListRow {
            key: self.key,
            number: u32::try_from(n + 1).unwrap_or(u32::MAX),
            cells: self.cells.clone(),
            problems: self.checked.problems.clone(),
            warning: same
                .map(|f| format!("Asks for the same as row {}.", f + 1))
                .or_else(|| self.checked.before.clone().filter(|_| self.phase == Phase::Draft)),
            symbol: self.checked.symbol.clone(),
            instrument: self.checked.instrument.clone(),
            state: self.phase,
            rfq_id: self.rfq.as_ref().map(ToString::to_string),
            price: self.offer.price.clone(),
            dealer: self.offer.dealer.clone(),
            away: self.offer.away.clone(),
            within: self.phase == Phase::Quoted && self.offer.within,
            price_type: self.checked.price_type,
            text: waits.or_else(|| self.left.clone()).unwrap_or_else(|| self.offer.text.clone()),
        }
    }
}
