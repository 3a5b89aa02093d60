//! The list of one identity, and what its rows asked for lately, in a sealed file. That a row's
//! turn has come is written before it is sent, so that after a crash the desk knows that it may
//! have been.

use super::{
    List, ROWS_MAX, Row,
    stored::{Kept, Line, SentBefore},
};
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_rfq::UtcMillis;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
};

/// A row that was sent within this time is of the same day. Milliseconds: 16 hours, so that no
/// trading day is cut in two whatever the time zone, and yesterday's list is not of today.
const LATELY_MS: i64 = 16 * 3_600_000;
/// Rows that were sent and are remembered, at most: ten full lists. The oldest go.
const SENT_MAX: usize = 10 * ROWS_MAX;
/// With more records than this the file is written again.
const TIDY_ABOVE: usize = 20_000;
const _: () = assert!(TIDY_ABOVE > 2 * (SENT_MAX + ROWS_MAX));

/// What is kept of the list.
#[derive(Debug, Default)]
pub(crate) struct ListStore {
    /// By key, which is their order.
    rows: BTreeMap<u32, Kept>,
    id: Option<String>,
    ttl_s: u32,
    /// Oldest first.
    sent: VecDeque<SentBefore>,
    log: Option<SealedLog>,
    records: usize,
}

impl ListStore {
    /// Opens the file of an identity. One that is damaged is put aside with what cannot be read.
    pub(crate) fn open(path: &Path, key: &StoreKey) -> Result<Self, LogError> {
        let (log, recovered) = match SealedLog::open(path, key) {
            Err(e) if e.is_damage() => {
                let (salvaged, _) = SealedLog::salvage(path, key)?;
                let kept = salvaged.kept_aside.display();
                tracing::error!(error = %e, kept_aside = %kept, "the file of the list was damaged");
                SealedLog::open(path, key)?
            }
            opened => opened?,
        };
        let mut store = Self::default();
        for record in &recovered.records {
            match serde_json::from_slice(record) {
                Ok(line) => store.take(line),
                Err(e) => tracing::warn!(error = %e, "a record of the list cannot be read"),
            }
        }
        store.records = recovered.records.len();
        store.log = Some(log);
        store.tidy();
        Ok(store)
    }

    /// The list as it stands after a restart.
    pub(crate) fn list(&self) -> List {
        let rows = self.rows.values().cloned().map(Kept::into_row).collect();
        let of_sent = self.sent.iter().map(|s| s.key).max().unwrap_or_default();
        let next_key = self.rows.keys().next_back().copied().unwrap_or_default().max(of_sent);
        List::kept(rows, next_key, self.id.clone(), self.ttl_s)
    }

    /// Writes what changed in the list since it was last written. It outlives this process; a row
    /// that is about to be sent outlives a power cut too ([`Self::about_to_send`]).
    pub(crate) fn keep(&mut self, list: &List) -> Result<(), LogError> {
        if (&self.id, self.ttl_s) != (&list.id, list.ttl_s) {
            self.write(Line::List { id: list.id.clone(), ttl_s: list.ttl_s })?;
        }
        let here: BTreeSet<u32> = list.rows().iter().map(|r| r.key).collect();
        let gone: Vec<u32> = self.rows.keys().copied().filter(|k| !here.contains(k)).collect();
        for key in gone {
            self.write(Line::Gone { key })?;
        }
        for row in list.rows() {
            let kept = self.rows.get(&row.key);
            if kept.is_some_and(|k| k.has(row)) {
                continue;
            }
            let now = Kept::of(row);
            if kept != Some(&now) {
                self.write(Line::Row(Box::new(now)))?;
            }
        }
        self.tidy();
        Ok(())
    }

    /// A row is about to be sent: it is on the disk itself before that.
    pub(crate) fn about_to_send(&mut self, one: SentBefore) -> Result<(), LogError> {
        self.write(Line::Sent(one))?;
        self.sync()
    }

    /// The desk refused to send it after all.
    pub(crate) fn not_sent(&mut self, key: u32) {
        if let Err(e) = self.write(Line::NotSent { key }) {
            tracing::warn!(error = %e, "that a row was not sent cannot be written");
            self.take(Line::NotSent { key });
        }
    }

    /// It was handed over to be sent, as this request.
    pub(crate) fn sent_as(&mut self, key: u32, rfq: &str) {
        if let Err(e) = self.write(Line::As { key, rfq: rfq.into() }) {
            tracing::warn!(error = %e, "the request of a row cannot be written");
            self.take(Line::As { key, rfq: rfq.into() });
        }
    }

    /// The rows of this day that asked for the same, newest first.
    pub(crate) fn before(&self, asks: &str, now: UtcMillis) -> impl Iterator<Item = &SentBefore> {
        let lately = move |s: &&SentBefore| now.since(s.at()) < LATELY_MS;
        self.sent.iter().rev().filter(lately).filter(move |s| s.asks == asks)
    }

    fn write(&mut self, line: Line) -> Result<(), LogError> {
        if let Some(log) = &mut self.log {
            log.append(&line.to_bytes())?;
            self.records += 1;
        }
        self.take(line);
        Ok(())
    }

    fn sync(&self) -> Result<(), LogError> {
        self.log.as_ref().map_or(Ok(()), SealedLog::sync)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Row(row) if self.rows.len() < ROWS_MAX || self.rows.contains_key(&row.key) => {
                drop(self.rows.insert(row.key, *row));
            }
            Line::Row(row) => tracing::warn!(row.key, "a kept list has too many rows"),
            Line::Gone { key } => drop(self.rows.remove(&key)),
            Line::List { id, ttl_s } => (self.id, self.ttl_s) = (id, ttl_s),
            Line::Sent(one) => {
                if let Some(row) = self.rows.get_mut(&one.key) {
                    row.turn = true;
                }
                if self.sent.len() >= SENT_MAX {
                    self.sent.pop_front();
                }
                self.sent.push_back(one);
            }
            Line::NotSent { key } => {
                if let Some(row) = self.rows.get_mut(&key) {
                    row.turn = false;
                }
                if let Some(at) = self.sent.iter().rposition(|s| s.key == key) {
                    self.sent.remove(at);
                }
            }
            Line::As { key, rfq } => {
                if let Some(last) = self.sent.iter_mut().rev().find(|s| s.key == key) {
                    last.rfq = Some(rfq);
                }
            }
        }
    }

    /// Writes a long file again. Where the disk refuses that, everything is kept all the same.
    fn tidy(&mut self) {
        if self.records <= TIDY_ABOVE {
            return;
        }
        let head = Line::List { id: self.id.clone(), ttl_s: self.ttl_s };
        // The rows come last, because what was sent before them says nothing of their turn.
        let sent = self.sent.iter().cloned().map(Line::Sent);
        let rows = self.rows.values().cloned().map(|row| Line::Row(Box::new(row)));
        let all: Vec<Vec<u8>> =
            std::iter::once(head).chain(sent).chain(rows).map(|l| l.to_bytes()).collect();
        let Some(log) = &mut self.log else { return };
        match log.rewrite(all.iter().map(Vec::as_slice)) {
            Ok(()) => self.records = all.len(),
            Err(e) => tracing::warn!(error = %e, "the file of the list cannot be made shorter"),
        }
    }
}

impl List {
    /// A list as it was kept.
    fn kept(rows: Vec<Row>, next_key: u32, id: Option<String>, ttl_s: u32) -> Self {
        let mut list = Self::default();
        (list.id, list.ttl_s) = (id, ttl_s);
        list.put_back(rows, next_key);
        list
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
