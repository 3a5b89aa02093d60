//! RFQs and trades of one identity, kept over restarts in a sealed file.
//!
//! The file has types of its own ([`stored`]), separate from the views of the page, so that a new
//! column leaves every stored row readable. A record that this version cannot read, because a newer
//! Signet wrote it, is kept unchanged, even when the file is rewritten.

use crate::view::{BlotterPage, BlotterQuery, BlotterRow, BlotterTab};
use signet_journal::{LogError, Salvaged, SealedLog, StoreKey};
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};
use stored::{Read, StoredRow};

pub(crate) mod columns;
pub(crate) mod query;
mod status;
mod stored;

pub(crate) use status::RowStatus;

/// How many rows are kept in the file and in memory; the oldest are dropped, requests before trades
/// and what needs a person.
pub(crate) const MAX_ROWS: usize = 50_000;
/// So many requests are kept whatever else there is. A desk that sends lists has many of them, and
/// they would push out trades that a dealer may still cancel.
const REQUESTS_KEPT: usize = MAX_ROWS / 2;
/// How many rows above [`MAX_ROWS`] may collect before the oldest are dropped.
const SLACK_ROWS: usize = 1_000;
/// How many rows one page may have.
const MAX_PAGE: u32 = 1_000;
/// With more bytes than this the file is written again: each state of a row takes some.
const REWRITE_ABOVE_BYTES: u64 = 32 * 1024 * 1024;

/// A row with the list that it is in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    tab: BlotterTab,
    row: BlotterRow,
    /// The status that the row's word means; `None` for a word of another version.
    status: Option<RowStatus>,
}

impl Entry {
    fn new(tab: BlotterTab, row: BlotterRow) -> Self {
        Self { tab, status: RowStatus::read(&row.status), row }
    }

    pub(crate) fn row(&self) -> &BlotterRow {
        &self.row
    }

    /// Whether it is a trade that stands: neither cancelled nor disputed.
    pub(crate) fn stands(&self) -> bool {
        use RowStatus as S;
        let done = matches!(self.status, Some(S::Filled | S::PartlyFilled | S::Corrected));
        done && self.tab == BlotterTab::Trades
    }
}

type EntryKey = (BlotterTab, String);

/// The blotter of one identity. A later row with the same id replaces the earlier one.
#[derive(Debug, Default)]
pub struct Blotter {
    rows: Vec<Arc<Entry>>,
    by_id: HashMap<EntryKey, usize>,
    /// Rows that are only in memory, because the disk refused them.
    unsaved: BTreeSet<EntryKey>,
    /// Records of a newer Signet, unchanged.
    foreign: Vec<Vec<u8>>,
    log: Option<SealedLog>,
    /// With more bytes than this the file is written again. It is at least twice what was there
    /// after the last time, so that many rows alone do not cause it again and again.
    long_above: u64,
    salvaged: Option<Salvaged>,
}

/// Whether a row is on disk.
#[derive(Debug)]
pub enum Saved {
    Yes,
    /// The disk refused the row, the first one. It stays in memory and is tried again.
    Refused(LogError),
    /// The disk refused a further row; the trader knows already.
    StillRefused,
    /// Every row that the disk refused before is written now.
    CaughtUp,
}

impl Blotter {
    /// Opens the file of an identity. A damaged file does not keep the trader from trading: the
    /// rows that authenticate are copied to a new file, and the damaged one is kept
    /// ([`Self::take_salvaged`]).
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self, LogError> {
        let mut b = Self::default();
        let (log, recovered) = match SealedLog::open(path, key) {
            Err(e) if e.is_damage() => {
                let (salvaged, _) = SealedLog::salvage(path, key)?;
                let kept = salvaged.kept_aside.display();
                tracing::error!(error = %e, kept_aside = %kept, "the blotter's file was damaged");
                b.salvaged = Some(salvaged);
                SealedLog::open(path, key)?
            }
            opened => opened?,
        };
        for r in &recovered.records {
            match stored::read(r) {
                Read::Row(s) => b.place(Entry::new(s.tab(), s.into_row())),
                Read::Newer => b.foreign.push(r.to_vec()),
                Read::Unreadable(e) => {
                    tracing::warn!(error = %e, "a blotter record cannot be read; it is kept as it \
                        is");
                    b.foreign.push(r.to_vec());
                }
            }
        }
        b.log = Some(log);
        b.long_above = REWRITE_ABOVE_BYTES;
        b.tidy();
        Ok(b)
    }

    /// What was saved of a file that was damaged when it was opened; answered once.
    pub fn take_salvaged(&mut self) -> Option<Salvaged> {
        self.salvaged.take()
    }

    /// Adds or replaces a row. A row that the disk refuses is still shown; it is tried again with
    /// the next row and by [`Self::retry`].
    pub fn put(&mut self, tab: BlotterTab, row: BlotterRow) -> Saved {
        let key = (tab, row.id.clone());
        if self.by_id.get(&key).is_some_and(|i| self.rows[*i].row == row)
            && !self.unsaved.contains(&key)
        {
            return Saved::Yes;
        }
        let refused_before = !self.unsaved.is_empty();
        self.place(Entry::new(tab, row));
        self.unsaved.insert(key);
        self.save(refused_before)
    }

    /// Tries again to write what the disk refused.
    pub fn retry(&mut self) -> Saved {
        match self.unsaved.is_empty() {
            true => Saved::Yes,
            false => self.save(true),
        }
    }

    fn save(&mut self, refused_before: bool) -> Saved {
        match self.write_unsaved() {
            Err(_) if refused_before => Saved::StillRefused,
            Err(e) => Saved::Refused(e),
            Ok(()) if refused_before => Saved::CaughtUp,
            Ok(()) => Saved::Yes,
        }
    }

    fn write_unsaved(&mut self) -> Result<(), LogError> {
        let mut trade = false;
        while let Some(key) = self.unsaved.first() {
            if let (Some(log), Some(entry)) =
                (&mut self.log, self.by_id.get(key).and_then(|i| self.rows.get(*i)))
            {
                match log.append(&StoredRow::of(entry.tab, &entry.row).into_bytes()) {
                    // The file never takes such a row, and it would block every row after it.
                    Err(e @ LogError::RecordTooLong(_)) => {
                        tracing::error!(error = %e, "a blotter row is not kept on disk")
                    }
                    written => written?,
                }
                trade |= entry.tab == BlotterTab::Trades;
            }
            self.unsaved.pop_first();
        }
        if self.is_long() || self.rows.len() > MAX_ROWS + SLACK_ROWS {
            self.tidy();
        }
        // Only a trade waits for the disk.
        match self.log.as_ref().filter(|_| trade) {
            Some(log) => log.sync(),
            None => Ok(()),
        }
    }

    pub fn get(&self, tab: BlotterTab, id: &str) -> Option<&BlotterRow> {
        self.entry(tab, id).map(|e| &e.row)
    }

    pub fn status(&self, tab: BlotterTab, id: &str) -> Option<RowStatus> {
        self.entry(tab, id).and_then(|e| e.status)
    }

    fn entry(&self, tab: BlotterTab, id: &str) -> Option<&Entry> {
        self.by_id.get(&(tab, id.to_owned())).map(|i| &*self.rows[*i])
    }

    /// The rows that show an instrument's id in place of its name.
    pub fn unnamed(&self) -> Vec<(BlotterTab, BlotterRow)> {
        self.rows
            .iter()
            .filter(|e| e.row.symbol == e.row.instrument)
            .map(|e| (e.tab, e.row.clone()))
            .collect()
    }

    /// The RFQs that are open, or were when an earlier run ended.
    pub fn open_rfqs(&self) -> Vec<BlotterRow> {
        let open =
            |e: &&Arc<Entry>| e.tab == BlotterTab::Rfqs && e.status.is_some_and(RowStatus::is_open);
        self.rows.iter().filter(open).map(|s| s.row.clone()).collect()
    }

    /// All rows as they are now, to be searched without holding the blotter.
    pub(crate) fn rows(&self) -> Vec<Arc<Entry>> {
        self.rows.clone()
    }

    /// The rows that match, newest first.
    pub fn page(&self, q: &BlotterQuery) -> BlotterPage {
        let words: Vec<String> =
            q.text.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let mut found: Vec<&BlotterRow> = self
            .rows
            .iter()
            .filter(|s| s.tab == q.tab && matches(&s.row, &words))
            .map(|s| &s.row)
            .collect();
        found.sort_by(|a, b| b.at_ms.total_cmp(&a.at_ms));
        let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let rows = found.into_iter().take(q.limit.min(MAX_PAGE) as usize).cloned().collect();
        BlotterPage { rows, total }
    }

    fn place(&mut self, s: Entry) {
        let key = (s.tab, s.row.id.clone());
        match self.by_id.get(&key) {
            Some(i) => self.rows[*i] = Arc::new(s),
            None => {
                self.by_id.insert(key, self.rows.len());
                self.rows.push(Arc::new(s));
            }
        }
    }

    /// Drops the oldest rows, and writes a long file again. Where the disk refuses that, every row
    /// is kept all the same.
    fn tidy(&mut self) {
        if self.rows.len() > MAX_ROWS {
            self.rows.sort_by(|a, b| a.row.at_ms.total_cmp(&b.row.at_ms));
            let is_request = |e: &Entry| e.tab == BlotterTab::Rfqs;
            let requests = self.rows.iter().filter(|e| is_request(e)).count();
            let excess = self.rows.len() - MAX_ROWS;
            let mut old_requests = excess.min(requests.saturating_sub(REQUESTS_KEPT));
            let mut old_others = excess - old_requests;
            self.rows.retain(|e| {
                let old = if is_request(e) { &mut old_requests } else { &mut old_others };
                let goes = *old > 0;
                *old = old.saturating_sub(1);
                !goes
            });
            self.by_id =
                self.rows.iter().enumerate().map(|(i, s)| ((s.tab, s.row.id.clone()), i)).collect();
        }
        if !self.is_long() {
            return;
        }
        if let Err(e) = self.rewrite_above(self.long_above) {
            tracing::warn!(error = %e, "the blotter's file cannot be made shorter");
        }
        // A disk that refused is not asked again at each row either.
        let length = self.log.as_ref().map_or(0, SealedLog::len);
        self.long_above = length.saturating_mul(2).max(REWRITE_ABOVE_BYTES);
    }

    fn is_long(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.len() > self.long_above)
    }

    fn rewrite_above(&mut self, bytes: u64) -> Result<(), LogError> {
        let Some(log) = self.log.as_mut().filter(|l| l.len() > bytes) else { return Ok(()) };
        let rows = self.rows.iter().map(|s| StoredRow::of(s.tab, &s.row).into_bytes());
        let all: Vec<Vec<u8>> = self.foreign.iter().cloned().chain(rows).collect();
        log.rewrite(all.iter().map(|r| &r[..]))
    }
}

/// Whether every word occurs in what the row shows. The pattern names every member, so that a new
/// column does not compile until somebody decides whether it is searched.
fn matches(r: &BlotterRow, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let BlotterRow {
        id: _,
        at_ms: _,
        rfq_id,
        symbol,
        instrument,
        side,
        quantity,
        min_quantity,
        quoted,
        currency,
        price,
        dealer,
        status,
        cover,
        settlement_date,
        exec_id,
        better,
        reason,
        text,
        attended: _,
        accepted: _,
        dealer_id: _,
        executions: _,
    } = r;
    let always =
        [rfq_id, symbol, instrument, side, quantity, currency, dealer, status, settlement_date];
    let exec_id = &exec_id.as_deref().map(crate::peer_text::shown);
    let sometimes = [min_quantity, quoted, price, cover, exec_id, better, reason, text];
    let all = always.into_iter().chain(sometimes.into_iter().flatten());
    let said = all.map(|s| s.to_lowercase()).collect::<Vec<_>>().join("\n");
    words.iter().all(|w| said.contains(w.as_str()))
}

#[cfg(test)]
mod tests;
