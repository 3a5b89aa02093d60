//! Which columns of the blotter the trader wants to see. They are kept in a small file beside the
//! identities' folders: the window keeps nothing itself.

use crate::view::{BlotterTab, Column, TabColumns};
use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

/// The file may not be longer; a longer one is not ours.
const FILE_MAX: u64 = 16 * 1024;

/// What is shown before the trader chose.
fn usual(tab: BlotterTab) -> Vec<Column> {
    use Column as C;
    let all = [
        C::Time,
        C::Symbol,
        C::Side,
        C::Quantity,
        C::Price,
        C::Dealer,
        C::Status,
        C::Cover,
        C::Settles,
    ];
    let mut all = all.to_vec();
    match tab {
        BlotterTab::Rfqs => {}
        BlotterTab::Trades => all.extend([C::Reason, C::Execution]),
        BlotterTab::Attention => all.retain(|c| !matches!(c, C::Cover | C::Settles)),
    }
    all
}

/// Columns as they can be shown: each once, and at least one.
fn fitting(tab: BlotterTab, columns: &[Column]) -> Vec<Column> {
    let mut out: Vec<Column> = Vec::new();
    for c in columns {
        if !out.contains(c) {
            out.push(*c);
        }
    }
    if out.is_empty() { usual(tab) } else { out }
}

/// The columns of every list. A file that is missing or cannot be read is as if nothing had been
/// chosen.
pub(crate) fn read(file: &Path) -> Vec<TabColumns> {
    let mut bytes = Vec::new();
    let whole = fs::File::open(file).and_then(|f| f.take(FILE_MAX).read_to_end(&mut bytes));
    let kept = whole.ok().and_then(|_| serde_json::from_slice(&bytes).ok());
    let kept: Vec<TabColumns> = kept.unwrap_or_default();
    let of = |tab| {
        let chosen = kept.iter().find(|t| t.tab == tab).map_or(&[][..], |t| &t.columns);
        TabColumns { tab, columns: fitting(tab, chosen) }
    };
    [BlotterTab::Rfqs, BlotterTab::Trades, BlotterTab::Attention].map(of).into()
}

/// Keeps the columns of one list.
///
/// # Errors
/// The disk, or the rights on it.
pub(crate) fn keep(file: &Path, columns: &TabColumns) -> io::Result<()> {
    let mut all = read(file);
    for t in all.iter_mut().filter(|t| t.tab == columns.tab) {
        t.columns = fitting(t.tab, &columns.columns);
    }
    if let Some(folder) = file.parent() {
        signet_journal::private_folder(folder)?;
    }
    let text = serde_json::to_vec(&all).map_err(io::Error::other)?;
    signet_journal::replace_file(file, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_kept_and_a_file_that_is_none_is_no_choice() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep").join("columns.json");
        let before = read(&file);
        let lists: Vec<BlotterTab> = before.iter().map(|t| t.tab).collect();
        assert_eq!(lists, [BlotterTab::Rfqs, BlotterTab::Trades, BlotterTab::Attention]);
        assert!(before.iter().all(|t| t.columns.contains(&Column::Time)));
        let columns = vec![Column::Price, Column::Time, Column::Price];
        keep(&file, &TabColumns { tab: BlotterTab::Trades, columns }).unwrap();
        let after = read(&file);
        assert_eq!(after[1].columns, [Column::Price, Column::Time]);
        assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
        keep(&file, &TabColumns { tab: BlotterTab::Trades, columns: vec![] }).unwrap();
        assert_eq!(read(&file), before);
        for bad in [&b"{"[..], b"[{\"tab\":\"trades\",\"columns\":[\"x\"]}]", &[b' '; 20_000]] {
            fs::write(&file, bad).unwrap();
            assert_eq!(read(&file), before);
        }
    }
}
