//! The rows of a list, what may be done with each, and the figures.

use super::{
    ROWS_MAX,
    columns::too_many,
    phase::{Event, Phase, at_rest, is_out, next},
};
use crate::{
    guard::Guard,
    problem::problem,
    view::{ListCells, ListField, ListProblem, ListRow, ListRun, ListSummary, Problem, TicketForm},
};
use rust_decimal::Decimal;
use signet_rfq::{RfqId, UtcMillis};
use std::collections::{BTreeMap, VecDeque};

/// What an instrument cell means, without a choice from a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    Nothing,
    /// The id of the instrument.
    One(String),
    /// So many instruments have this symbol.
    Several(usize),
}

/// A row as it was checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Checked {
    /// What would be sent; `None` while something is wrong.
    pub form: Option<TicketForm>,
    pub problems: Vec<ListProblem>,
    /// ISIN, or the currency pair; empty while it is not known.
    pub instrument: String,
    pub symbol: String,
    /// The worst price that may be taken.
    pub limit: Option<Decimal>,
    /// Two rows with the same key ask for the same.
    pub same: Option<String>,
}

/// What the dealers offer for a row, or at which price it was traded.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Offer {
    pub price: Option<String>,
    pub dealer: Option<String>,
    pub away: Option<String>,
    pub within: bool,
    pub text: String,
}

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub key: u32,
    pub cells: ListCells,
    pub meaning: Meaning,
    pub checked: Checked,
    pub phase: Phase,
    pub rfq: Option<RfqId>,
    pub offer: Offer,
    /// Why it was not sent, or not taken.
    pub left: Option<String>,
    /// It was sent or refused in the present sending.
    had_turn: bool,
}

/// A row that the trader confirms with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakeRow {
    pub key: u32,
    /// The request whose terms were shown: a row that is asked again has another.
    pub rfq: RfqId,
    /// It is far from the market, and the trader was told so.
    pub warned: bool,
}

/// What is confirmed at once.
#[derive(Debug, Clone)]
pub(crate) struct Take {
    /// When the terms were shown.
    pub shown: UtcMillis,
    pub guard: Guard,
    pub rows: Vec<TakeRow>,
    /// Rows with a price that is not taken, and why.
    pub left: Vec<(u32, String)>,
    /// Confirm was pressed once in spite of a warning.
    pub seen: bool,
}

/// The list.
#[derive(Debug, Default)]
pub(crate) struct List {
    rows: Vec<Row>,
    next_key: u32,
    pub id: Option<String>,
    run: Option<ListRun>,
    /// Time to live of each request, seconds.
    pub ttl_s: u32,
    /// When the last row was sent.
    pub last: Option<UtcMillis>,
    /// What is to be confirmed.
    pub take: Option<Take>,
    /// What was confirmed and has not left.
    pub taking: VecDeque<TakeRow>,
    /// When what is in `taking` was shown.
    pub taken_shown: Option<UtcMillis>,
    /// Why the sending waits.
    held: &'static str,
    revision: u32,
    /// The revision that the page was told.
    told: u32,
}

impl List {
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn row(&self, key: u32) -> Option<&Row> {
        self.rows.iter().find(|r| r.key == key)
    }

    pub(crate) fn run(&self) -> ListRun {
        self.run.unwrap_or(ListRun::Idle)
    }

    /// Counts a change.
    pub(crate) fn changed(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }

    /// Whether something changed since this was asked last.
    pub(crate) fn is_news(&mut self) -> bool {
        let news = self.told != self.revision;
        self.told = self.revision;
        news
    }

    /// Takes what the instrument cell of a row means now.
    pub(crate) fn mean(&mut self, key: u32, meaning: Meaning) {
        if let Some(row) = self.rows.iter_mut().find(|r| r.key == key) {
            row.meaning = meaning;
        }
    }

    /// Another identity has another list.
    pub(crate) fn forget(&mut self) {
        let (revision, told, next_key) = (self.revision, self.told, self.next_key);
        *self = Self { revision, told, next_key, ..Self::default() };
        self.changed();
    }

    /// Sets how the sending stands, and why it waits.
    pub(crate) fn set_run(&mut self, run: ListRun, held: &'static str) -> bool {
        let differs = (self.run(), self.held) != (run, held);
        (self.run, self.held) = (Some(run), held);
        if differs {
            self.changed();
        }
        differs
    }

    /// Adds rows; none if there is no room for all.
    pub(crate) fn add(&mut self, cells: Vec<(ListCells, Meaning)>) -> Result<Vec<u32>, Problem> {
        let rows = self.rows.len().saturating_add(cells.len());
        if rows > ROWS_MAX {
            return Err(too_many(rows));
        }
        let mut keys = Vec::with_capacity(cells.len());
        for (cells, meaning) in cells {
            self.next_key = self.next_key.wrapping_add(1);
            keys.push(self.next_key);
            self.rows.push(Row {
                key: self.next_key,
                cells,
                meaning,
                checked: Checked::default(),
                phase: Phase::Draft,
                rfq: None,
                offer: Offer::default(),
                left: None,
                had_turn: false,
            });
        }
        self.changed();
        Ok(keys)
    }

    /// Corrects a cell of a row that is not sent, or may be sent again.
    pub(crate) fn edit(
        &mut self,
        key: u32,
        field: ListField,
        text: &str,
        meaning: Option<Meaning>,
    ) -> Result<(), Problem> {
        self.again(key)?;
        let row = self.known(key)?;
        text.clone_into(row.cells.of(field));
        if let Some(meaning) = meaning {
            row.meaning = meaning;
        }
        self.changed();
        Ok(())
    }

    /// Makes a row that ended without a trade ready again.
    pub(crate) fn again(&mut self, key: u32) -> Result<(), Problem> {
        again(self.known(key)?)?;
        // What was confirmed was the request that has ended.
        self.taking.retain(|t| t.key != key);
        if let Some(take) = &mut self.take {
            take.rows.retain(|t| t.key != key);
        }
        self.changed();
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: u32) -> Result<(), Problem> {
        if !at_rest(self.known(key)?.phase) {
            return Err(busy());
        }
        self.rows.retain(|r| r.key != key);
        self.changed();
        Ok(())
    }

    /// Removes every row.
    pub(crate) fn clear(&mut self) -> Result<(), Problem> {
        if self.rows.iter().any(|r| !at_rest(r.phase)) {
            return Err(busy());
        }
        self.forget();
        Ok(())
    }

    /// Takes the result of a check.
    pub(crate) fn check(&mut self, key: u32, checked: Checked) {
        if let Some(row) = self.rows.iter_mut().find(|r| r.key == key)
            && row.checked != checked
        {
            row.checked = checked;
            self.changed();
        }
    }

    /// Queues every row that is ready; none while one is wrong.
    pub(crate) fn queue(&mut self) -> Result<(), Problem> {
        let wrong = self.count(|r| r.phase == Phase::Draft && r.checked.form.is_none());
        if wrong > 0 {
            let rows = if wrong == 1 { "1 row has".into() } else { format!("{wrong} rows have") };
            return Err(problem(
                "list.wrong",
                format!("{rows} something that must be corrected. Nothing was sent."),
                "Correct the marked cells, or remove the rows.",
            ));
        }
        if self.count(|r| r.phase == Phase::Draft) == 0 {
            let why = "There is no row to be sent.";
            return Err(problem("list.empty", why, "Paste rows first."));
        }
        // What waits still belongs to the same sending.
        let fresh = self.count(|r| r.phase == Phase::Pending) == 0;
        for r in &mut self.rows {
            r.had_turn &= !fresh;
            if let Some(to) = next(r.phase, Event::Queue) {
                r.phase = to;
            }
        }
        self.changed();
        Ok(())
    }

    /// Moves a row; returns whether it moved.
    pub(crate) fn event(&mut self, key: u32, event: Event) -> bool {
        let Some(row) = self.rows.iter_mut().find(|r| r.key == key) else { return false };
        let Some(to) = next(row.phase, event) else { return false };
        row.had_turn |= matches!(event, Event::Send | Event::Refuse);
        let moved = row.phase != to;
        row.phase = to;
        if moved {
            if matches!(event, Event::See(_)) && at_rest(to) {
                // Why it was not taken before matters no longer.
                row.left = None;
            }
            self.changed();
        }
        moved
    }

    /// Notes what became of a row.
    pub(crate) fn note(&mut self, key: u32, rfq: Option<RfqId>, left: Option<String>) {
        if let Some(row) = self.rows.iter_mut().find(|r| r.key == key) {
            row.rfq = rfq.or(row.rfq.take());
            row.left = left;
            self.changed();
        }
    }

    /// Shows what the dealers offer for a row.
    pub(crate) fn offer(&mut self, key: u32, offer: Offer) {
        if let Some(row) = self.rows.iter_mut().find(|r| r.key == key)
            && row.offer != offer
        {
            row.offer = offer;
            self.changed();
        }
    }

    /// Sends no further row, and no further accept.
    pub(crate) fn stop(&mut self) {
        let pending: Vec<u32> =
            self.rows.iter().filter(|r| r.phase == Phase::Pending).map(|r| r.key).collect();
        for key in pending {
            self.event(key, Event::Stop);
        }
        for row in std::mem::take(&mut self.taking) {
            self.note(row.key, None, Some("Not taken: you stopped it.".into()));
        }
        self.take = None;
        self.set_run(ListRun::Idle, "");
    }

    pub(crate) fn first_pending(&self) -> Option<u32> {
        self.rows.iter().find(|r| r.phase == Phase::Pending).map(|r| r.key)
    }

    pub(crate) fn count(&self, is: impl Fn(&Row) -> bool) -> usize {
        self.rows.iter().filter(|r| is(r)).count()
    }

    /// Rows whose request was sent and has not ended.
    pub(crate) fn open(&self) -> usize {
        self.count(|r| is_out(r.phase))
    }

    fn known(&mut self, key: u32) -> Result<&mut Row, Problem> {
        self.rows.iter_mut().find(|r| r.key == key).ok_or_else(|| {
            problem("list.no_row", "This row is not in the list.", "Look at the list again.")
        })
    }

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
            taking: u32::try_from(self.taking.len()).unwrap_or(u32::MAX),
            text: self.held.into(),
        }
    }

    /// A window of the rows.
    pub(crate) fn window(&self, offset: usize, limit: usize) -> Vec<ListRow> {
        let first = self.first_of_each();
        let rows = self.rows.iter().enumerate().skip(offset).take(limit);
        rows.map(|(n, r)| r.view(n, &first)).collect()
    }

    /// The number of the first row that asks for the same, by what it asks for.
    fn first_of_each(&self) -> BTreeMap<&str, usize> {
        let mut first = BTreeMap::new();
        for (n, r) in self.rows.iter().enumerate() {
            if let Some(same) = &r.checked.same {
                first.entry(same.as_str()).or_insert(n);
            }
        }
        first
    }

    /// The place of a row, from 1.
    pub(crate) fn number(&self, key: u32) -> u32 {
        let at = self.rows.iter().position(|r| r.key == key).unwrap_or_default();
        u32::try_from(at + 1).unwrap_or(u32::MAX)
    }
}

impl Row {
    fn view(&self, n: usize, first: &BTreeMap<&str, usize>) -> ListRow {
        let same = self.checked.same.as_deref().and_then(|s| first.get(s)).filter(|f| **f < n);
        ListRow {
            key: self.key,
            number: u32::try_from(n + 1).unwrap_or(u32::MAX),
            cells: self.cells.clone(),
            problems: self.checked.problems.clone(),
            warning: same.map(|f| format!("Asks for the same as row {}.", f + 1)),
            symbol: self.checked.symbol.clone(),
            instrument: self.checked.instrument.clone(),
            state: self.phase,
            rfq_id: self.rfq.as_ref().map(ToString::to_string),
            price: self.offer.price.clone(),
            dealer: self.offer.dealer.clone(),
            away: self.offer.away.clone(),
            within: self.phase == Phase::Quoted && self.offer.within,
            text: self.left.clone().unwrap_or_else(|| self.offer.text.clone()),
        }
    }
}

/// The row is a draft again; what came of it before is forgotten.
fn again(row: &mut Row) -> Result<(), Problem> {
    row.phase = next(row.phase, Event::Again).ok_or_else(busy)?;
    (row.rfq, row.left, row.offer, row.had_turn) = (None, None, Offer::default(), false);
    Ok(())
}

/// Problems in the order of the columns.
pub(crate) fn in_usual_order(mut problems: Vec<ListProblem>) -> Vec<ListProblem> {
    problems.sort_by_key(|p| (p.field.is_none(), p.field));
    problems
}

fn busy() -> Problem {
    problem(
        "list.busy",
        "A row that waits for its turn, is open or was traded cannot be changed.",
        "Stop the sending, or wait until the request has ended.",
    )
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
