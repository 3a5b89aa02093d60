//! The commands about the desk's own records: the blotter's rows, exports, best-execution pages and
//! what was seen of the dealers. They decide nothing; they write the files that the desk makes.

use crate::Shell;
use signet_desk_core::{
    Export,
    view::{
        BestExecution, Column, DealerInsight, ExportFormat, Problem, RowsPage, RowsQuery,
        SavedFile, TabColumns,
    },
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use tauri::State;

type Answer<T> = Result<T, Problem>;

/// Files of one name in one second, at most.
const SAME_NAME_MAX: u32 = 100;

/// Does what may take seconds, beside the threads on which prices and accepts travel: there are as
/// few of those as processors. One at a time, since each may need much memory.
fn beside<T>(work: impl FnOnce() -> T) -> T {
    static ONE: Mutex<()> = Mutex::new(());
    tokio::task::block_in_place(|| {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        work()
    })
}

/// A window of the blotter's lines.
#[tauri::command(async)]
#[specta::specta]
pub fn blotter_rows(shell: State<'_, Shell>, query: RowsQuery) -> Answer<RowsPage> {
    shell.desk()?.rows(&query)
}

/// The columns that the trader wants to see.
#[tauri::command(async)]
#[specta::specta]
pub fn blotter_columns(shell: State<'_, Shell>) -> Answer<Vec<TabColumns>> {
    Ok(shell.desk()?.columns())
}

/// Keeps the columns that the trader wants to see in one list.
#[tauri::command(async)]
#[specta::specta]
pub fn keep_blotter_columns(shell: State<'_, Shell>, columns: TabColumns) -> Answer<()> {
    shell.desk()?.keep_columns(columns)
}

/// Writes the rows that match into a file of the downloads folder.
#[tauri::command(async)]
#[specta::specta]
pub fn export_blotter(
    shell: State<'_, Shell>,
    query: RowsQuery,
    columns: Vec<Column>,
    format: ExportFormat,
) -> Answer<SavedFile> {
    beside(|| saved(&shell.desk()?.export_rows(&query, &columns, format)?))
}

/// Takes the trader's reason for a trade at another price than the best.
#[tauri::command(async)]
#[specta::specta]
pub fn give_reason(shell: State<'_, Shell>, trade: String, text: String) -> Answer<()> {
    shell.desk()?.give_reason(&trade, &text)
}

/// A person has dealt with a row that needed one.
#[tauri::command(async)]
#[specta::specta]
pub fn attend(shell: State<'_, Shell>, id: String) -> Answer<()> {
    shell.desk()?.attend(&id)
}

/// The best-execution page of a request.
#[tauri::command(async)]
#[specta::specta]
pub fn best_execution(shell: State<'_, Shell>, rfq_id: String) -> Answer<BestExecution> {
    beside(|| shell.desk()?.best_execution(&rfq_id))
}

/// Writes the best-execution page of a request into a file of the downloads folder.
#[tauri::command(async)]
#[specta::specta]
pub fn save_best_execution(shell: State<'_, Shell>, rfq_id: String) -> Answer<SavedFile> {
    beside(|| saved(&shell.desk()?.best_execution_file(&rfq_id)?))
}

/// Writes the best-execution page of a request with what proves it into an archive in the downloads
/// folder.
#[tauri::command(async)]
#[specta::specta]
pub fn save_proof(shell: State<'_, Shell>, rfq_id: String) -> Answer<SavedFile> {
    beside(|| saved(&shell.desk()?.proof_file(&rfq_id)?))
}

/// Opens the system's dialog that prints what the window shows; its style for paper leaves only
/// the best-execution page.
#[tauri::command(async)]
#[specta::specta]
pub fn print_page(shell: State<'_, Shell>) -> Answer<()> {
    shell.print().map_err(|why| {
        Problem::new(
            "print.unavailable",
            format!("This system cannot print from the window: {why}."),
            "Save the page and print the file.",
        )
    })
}

/// What this desk has seen of the dealers.
#[tauri::command(async)]
#[specta::specta]
pub fn dealer_insights(shell: State<'_, Shell>) -> Answer<Vec<DealerInsight>> {
    Ok(shell.desk()?.dealer_insights())
}

fn saved(export: &Export) -> Answer<SavedFile> {
    let folder = folder().ok_or_else(|| {
        Problem::new(
            "export.no_folder",
            "This account has no folder for downloads.",
            "Start the desk from an ordinary user account.",
        )
    })?;
    let path = write(&folder, export).map_err(|why| {
        Problem::new(
            "export.not_written",
            format!("{}: {why}.", folder.display()),
            "Make room on the disk, or let this account write there.",
        )
    })?;
    Ok(SavedFile { path: path.display().to_string(), rows: export.rows })
}

/// Downloads, or the home folder where there is none.
fn folder() -> Option<PathBuf> {
    dirs::download_dir().filter(|d| d.is_dir()).or_else(dirs::home_dir)
}

/// Writes a file that is not there yet, for nobody else on this computer.
fn write(folder: &Path, export: &Export) -> io::Result<PathBuf> {
    for n in 1..=SAME_NAME_MAX {
        let more = if n == 1 { String::new() } else { format!("-{n}") };
        let path = folder.join(format!("{}{more}{}", export.name, export.ending));
        match crate::history::write_private(&path, &export.bytes) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
            Ok(()) => return Ok(path),
        }
    }
    Err(io::Error::other("too many files of this name are there"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_overwrites_nothing_and_nobody_else_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let export = |bytes: &[u8]| Export {
            name: "signet-trades".into(),
            ending: ".csv",
            bytes: bytes.to_vec(),
            rows: 1,
        };
        let first = write(dir.path(), &export(b"1")).unwrap();
        let second = write(dir.path(), &export(b"2")).unwrap();
        assert_eq!(first.file_name().unwrap(), "signet-trades.csv");
        assert_eq!(second.file_name().unwrap(), "signet-trades-2.csv");
        assert_eq!(std::fs::read(first).unwrap(), b"1");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(second).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(write(&dir.path().join("none"), &export(b"3")).is_err());
    }
}
