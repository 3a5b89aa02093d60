//! The rows of a list, what may be done with each, and the figures.

use super::{
    ROWS_MAX,
    asks::{Repeats, Since, Take, TakeRow},
    columns::too_many,
    phase::{Event, Phase, at_rest, is_out, next},
};
use crate::{
    problem::problem,
    view::{ListCells, ListField, ListProblem, ListRun, PriceType, Problem, TicketForm},
};
use rust_decimal::Decimal;
use signet_rfq::{AcceptState, RfqId, UtcMillis};
use std::collections::VecDeque;

/// A row that was not sent within this time is not sent: what was wanted then may not be wanted
/// now. Minutes.
const WAIT_MIN: i64 = 15;
pub(super) const WAIT_MS: i64 = WAIT_MIN * 60_000;

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
    /// Side, instrument and quantity: what a row asks for again if it was sent before.
    pub asks: Option<String>,
    /// When the same was asked for before, in words.
    pub before: Option<String>,
    /// In which numbers it asks.
    pub price_type: Option<PriceType>,
    /// The same, with what a discount margin is over.
    pub counts: Option<signet_rfq::PriceType>,
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
    pub(super) had_turn: bool,
    /// Its request was sent before the desk ended, and has not been seen since.
    pub earlier: bool,
    /// Since when it waits for its turn.
    pub(super) queued: Option<Since>,
    /// The accept that its texts tell of, once it is done.
    pub told: Option<AcceptState>,
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
    /// When what is in `taking` could leave last: when it was confirmed, or a turn since.
    pub free_at: Option<UtcMillis>,
    /// What is in `taking` waits for the connection to answer.
    pub stalled: bool,
    /// Rows that were sent before, until the trader says whether they are sent again.
    pub repeats: Option<Repeats>,
    /// Rows of an earlier run that are checked as soon as the instruments are known.
    pub unchecked: bool,
    /// The disk refuses to keep it.
    pub(super) unkept: bool,
    /// Why the sending waits.
    pub(super) held: &'static str,
    pub(super) revision: u32,
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
            self.rows.push(Row::draft(self.next_key, cells, meaning));
        }
        self.changed();
        Ok(keys)
    }

    /// Takes back the rows of an earlier run.
    pub(super) fn put_back(&mut self, rows: Vec<Row>, next_key: u32) {
        (self.rows, self.next_key, self.unchecked) = (rows, next_key, true);
        for row in self.rows.iter_mut().filter(|r| r.phase == Phase::Draft) {
            row.checked.problems.push(ListProblem { field: None, problem: unchecked() });
        }
        self.changed();
    }

    /// Becomes the list of an earlier run.
    pub(crate) fn take_over(&mut self, kept: List) {
        let (revision, told) = (self.revision, self.told);
        *self = Self { revision, told, ..kept };
        self.changed();
    }

    /// Notes of which accept the texts of a row tell.
    pub(crate) fn told(&mut self, key: u32, accept: Option<AcceptState>) {
        if let Some(row) = self.rows.iter_mut().find(|r| r.key == key) {
            (row.told, row.earlier) = (accept, false);
        }
    }

    /// Notes whether the disk keeps it.
    pub(crate) fn set_unkept(&mut self, unkept: bool) {
        if self.unkept != unkept {
            self.unkept = unkept;
            self.changed();
        }
    }

    pub(crate) fn is_unkept(&self) -> bool {
        self.unkept
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

    /// Whether the rows that are not sent yet may be: none while one is wrong.
    pub(crate) fn may_queue(&self) -> Result<(), Problem> {
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
            let why = "No row is ready to send.";
            return Err(problem("list.empty", why, "Paste rows first."));
        }
        Ok(())
    }

    /// Queues every row that is ready; none while one is wrong.
    pub(crate) fn queue(&mut self, since: Since) -> Result<(), Problem> {
        self.may_queue()?;
        // What waits still belongs to the same sending.
        let fresh = self.count(|r| r.phase == Phase::Pending) == 0;
        for r in &mut self.rows {
            r.had_turn &= !fresh;
            if let Some(to) = next(r.phase, Event::Queue) {
                (r.phase, r.queued) = (to, Some(since));
            }
        }
        self.changed();
        Ok(())
    }

    /// The trader lets the rows that wait go on: their time begins again.
    pub(crate) fn wait_again(&mut self, since: Since) {
        for r in self.rows.iter_mut().filter(|r| r.phase == Phase::Pending) {
            r.queued = Some(since);
        }
        self.changed();
    }

    /// Ends the rows that waited too long at `now`, on the laptop's clock.
    pub(crate) fn end_late(&mut self, now: UtcMillis) {
        let mut late = Vec::new();
        for r in self.rows.iter_mut().filter(|r| r.phase == Phase::Pending) {
            let since = r.queued.get_or_insert(Since { laptop: now, gateway: now });
            match now.since(since.laptop) {
                // The clock was set back: it waits from now.
                ..0 => since.laptop = now,
                0..WAIT_MS => {}
                _ => late.push(r.key),
            }
        }
        for key in late {
            let why = format!("Not sent: it waited {WAIT_MIN} minutes. {}", self.held);
            self.event(key, Event::Stop);
            self.note(key, None, Some(why.trim_end().to_owned()));
        }
        if self.run() == ListRun::Paused && self.first_pending().is_none() {
            self.set_run(ListRun::Idle, "");
        }
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

    /// Notes whether what was confirmed waits for the connection to answer.
    pub(crate) fn set_stalled(&mut self, stalled: bool) {
        if self.stalled != stalled {
            self.stalled = stalled;
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
        (self.take, self.repeats) = (None, None);
        self.set_run(ListRun::Idle, "");
    }

    /// Rows and accepts that wait to be sent.
    pub(crate) fn waiting(&self) -> usize {
        self.count(|r| r.phase == Phase::Pending) + self.taking.len()
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
}

impl Row {
    /// A row that is not sent yet.
    pub(super) fn draft(key: u32, cells: ListCells, meaning: Meaning) -> Self {
        Self {
            key,
            cells,
            meaning,
            checked: Checked::default(),
            phase: Phase::Draft,
            rfq: None,
            offer: Offer::default(),
            left: None,
            had_turn: false,
            earlier: false,
            queued: None,
            told: None,
        }
    }
}

/// The row is a draft again; what came of it before is forgotten.
fn again(row: &mut Row) -> Result<(), Problem> {
    row.phase = next(row.phase, Event::Again).ok_or_else(busy)?;
    (row.rfq, row.left, row.offer, row.had_turn) = (None, None, Offer::default(), false);
    (row.earlier, row.queued, row.told) = (false, None, None);
    Ok(())
}

/// Problems in the order of the columns.
pub(crate) fn in_usual_order(mut problems: Vec<ListProblem>) -> Vec<ListProblem> {
    problems.sort_by_key(|p| (p.field.is_none(), p.field));
    problems
}

fn unchecked() -> Problem {
    problem(
        "list.unchecked",
        "Not checked since the restart.",
        "It is checked when you are connected and the instruments are known.",
    )
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
