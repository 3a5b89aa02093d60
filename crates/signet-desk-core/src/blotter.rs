//! RFQs and trades of one identity, kept over restarts in a sealed file.

use crate::view::{BlotterPage, BlotterQuery, BlotterRow, BlotterTab};
use serde::{Deserialize, Serialize};
use signet_journal::{LogError, SealedLog, StoreKey};
use std::{collections::HashMap, path::Path};

/// Rows kept in the file and in memory; the oldest go first.
pub const MAX_ROWS: usize = 50_000;
/// Rows one page may hold.
const MAX_PAGE: u32 = 1_000;
const REWRITE_ABOVE_BYTES: u64 = 32 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    tab: BlotterTab,
    row: BlotterRow,
}

/// A later record of the same id replaces the earlier one.
#[derive(Debug, Default)]
pub struct Blotter {
    rows: Vec<Stored>,
    by_id: HashMap<(BlotterTab, String), usize>,
    log: Option<SealedLog>,
}

impl Blotter {
    /// Opens the file of an identity. Records that cannot be read (written by a newer Signet) are
    /// skipped and kept.
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self, LogError> {
        let (log, recovered) = SealedLog::open(path, key)?;
        let mut b = Self::default();
        for r in &recovered.records {
            match serde_json::from_slice::<Stored>(r) {
                Ok(s) => b.place(s),
                Err(e) => tracing::warn!(error = %e, "a blotter row could not be read"),
            }
        }
        b.log = Some(log);
        b.tidy()?;
        Ok(b)
    }

    /// Adds or replaces a row, on disk first.
    pub fn put(&mut self, tab: BlotterTab, row: BlotterRow) -> Result<(), LogError> {
        let stored = Stored { tab, row };
        if self.by_id.get(&(tab, stored.row.id.clone())).is_some_and(|i| self.rows[*i] == stored) {
            return Ok(());
        }
        if let Some(log) = &mut self.log {
            let bytes = serde_json::to_vec(&stored).unwrap_or_default();
            log.append(&bytes)?;
            // A trade is worth waiting for the disk.
            if tab == BlotterTab::Trades {
                log.sync()?;
            }
        }
        self.place(stored);
        Ok(())
    }

    pub fn get(&self, tab: BlotterTab, id: &str) -> Option<&BlotterRow> {
        self.by_id.get(&(tab, id.to_owned())).map(|i| &self.rows[*i].row)
    }

    /// RFQs of an earlier run that were open when it ended.
    pub fn open_rfqs(&self) -> Vec<BlotterRow> {
        let open = |s: &&Stored| s.tab == BlotterTab::Rfqs && (s.row.status == "Open" || s.row.status == "Sent");
        self.rows.iter().filter(open).map(|s| s.row.clone()).collect()
    }

    /// Newest first.
    pub fn page(&self, q: &BlotterQuery) -> BlotterPage {
        let words: Vec<String> = q.text.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let mut found: Vec<&BlotterRow> = self.rows.iter().filter(|s| s.tab == q.tab && matches(&s.row, &words)).map(|s| &s.row).collect();
        found.sort_by(|a, b| b.at_ms.total_cmp(&a.at_ms));
        let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let rows = found.into_iter().take(q.limit.min(MAX_PAGE) as usize).cloned().collect();
        BlotterPage { rows, total }
    }

    fn place(&mut self, s: Stored) {
        let key = (s.tab, s.row.id.clone());
        match self.by_id.get(&key) {
            Some(i) => self.rows[*i] = s,
            None => {
                self.by_id.insert(key, self.rows.len());
                self.rows.push(s);
            }
        }
    }

    fn tidy(&mut self) -> Result<(), LogError> {
        if self.rows.len() > MAX_ROWS {
            self.rows.sort_by(|a, b| a.row.at_ms.total_cmp(&b.row.at_ms));
            self.rows.drain(..self.rows.len() - MAX_ROWS);
            self.by_id = self.rows.iter().enumerate().map(|(i, s)| ((s.tab, s.row.id.clone()), i)).collect();
        }
        let Some(log) = self.log.as_mut().filter(|l| l.len() > REWRITE_ABOVE_BYTES) else { return Ok(()) };
        let all: Vec<Vec<u8>> = self.rows.iter().filter_map(|s| serde_json::to_vec(s).ok()).collect();
        log.rewrite(all.iter().map(|r| &r[..]))
    }
}

fn matches(r: &BlotterRow, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let empty = String::new();
    let all = [
        &r.rfq_id,
        &r.symbol,
        &r.instrument,
        &r.side,
        &r.quantity,
        &r.currency,
        &r.dealer,
        &r.status,
        r.price.as_ref().unwrap_or(&empty),
        r.exec_id.as_ref().unwrap_or(&empty),
    ];
    let text = all.map(|s| s.to_lowercase()).join("\n");
    words.iter().all(|w| text.contains(w.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, at: f64, dealer: &str, status: &str) -> BlotterRow {
        BlotterRow {
            id: id.into(),
            rfq_id: id.into(),
            at_ms: at,
            symbol: "DBR 2.5 02/35".into(),
            instrument: "DE000BU2Z049".into(),
            side: "Buy".into(),
            quantity: "5,000,000".into(),
            currency: "EUR".into(),
            price: None,
            dealer: dealer.into(),
            status: status.into(),
            cover: None,
            settlement_date: "2026-11-24".into(),
            exec_id: None,
        }
    }

    fn query(text: &str) -> BlotterQuery {
        BlotterQuery { tab: BlotterTab::Rfqs, text: text.into(), limit: 100 }
    }

    #[test]
    fn rows_survive_a_restart_and_later_states_replace_earlier_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        let key = StoreKey::new([1; 32]);
        let mut b = Blotter::open(&path, &key).unwrap();
        b.put(BlotterTab::Rfqs, row("R1", 1.0, "Northbank", "Open")).unwrap();
        b.put(BlotterTab::Rfqs, row("R2", 2.0, "Eastbank", "Open")).unwrap();
        b.put(BlotterTab::Rfqs, row("R1", 1.0, "Northbank", "Filled")).unwrap();
        b.put(BlotterTab::Trades, row("R1", 1.0, "Northbank", "Filled")).unwrap();
        drop(b);
        let b = Blotter::open(&path, &key).unwrap();
        let page = b.page(&query(""));
        assert_eq!(page.rows.iter().map(|r| (r.id.as_str(), r.status.as_str())).collect::<Vec<_>>(), [("R2", "Open"), ("R1", "Filled")]);
        assert_eq!(b.open_rfqs().len(), 1);
        assert_eq!(b.page(&query("north filled")).total, 1);
        assert_eq!(b.page(&query("north open")).total, 0);
        assert_eq!(b.page(&BlotterQuery { limit: 1, ..query("") }).rows.len(), 1);
        assert!(!std::fs::read(&path).unwrap().windows(5).any(|w| w == b"North"));
    }
}
