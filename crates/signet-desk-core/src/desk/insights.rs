//! What the desk answers about its own records: the blotter, exports, and the history read back.

use super::Desk;
use crate::{
    blotter::{columns, query},
    book::lock,
    history::{Around, HistoryError},
    insight::{self, Table},
    laptop_clock::laptop_now,
    problem::problem,
    view::{
        BestExecution, BlotterTab, Column, DealerInsight, ExportFormat, Problem, RowsPage,
        RowsQuery, TabColumns,
    },
};
use signet_history::Selection;
use signet_rfq::RfqId;
use std::path::PathBuf;

/// Columns of one export; there are fewer.
const COLUMNS_MAX: usize = 32;
/// What is looked at around an RFQ: what came before it, and corrections and reasons that came
/// later.
const BEFORE_MS: i64 = 600_000;
const AFTER_MS: i64 = 8 * 86_400_000;

/// A file to be written: a name for it, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Without a folder.
    pub name: String,
    /// With its dot.
    pub ending: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// How many rows it has.
    pub rows: u32,
}

impl Desk {
    /// A window of the blotter. The rows are searched while nobody waits for the book.
    pub fn rows(&self, q: &RowsQuery) -> Result<RowsPage, Problem> {
        let rows = lock(&self.book).blotter_rows();
        query::page(&rows, q)
    }

    /// The columns of the blotter that the trader wants to see.
    pub fn columns(&self) -> Vec<TabColumns> {
        columns::read(&self.columns_file())
    }

    /// Keeps the columns of one list.
    pub fn keep_columns(&self, wanted: TabColumns) -> Result<(), Problem> {
        columns::keep(&self.columns_file(), &wanted).map_err(|e| {
            problem(
                "blotter.columns",
                format!("The columns cannot be kept: {e}."),
                "Make room on the disk. They stay as you chose them until you quit.",
            )
        })
    }

    fn columns_file(&self) -> PathBuf {
        self.config.data_dir.join("blotter-columns.json")
    }

    /// The rows that match as a file, with these columns.
    pub fn export_rows(
        &self,
        q: &RowsQuery,
        columns: &[Column],
        format: ExportFormat,
    ) -> Result<Export, Problem> {
        if columns.is_empty() || columns.len() > COLUMNS_MAX {
            return Err(problem("export.columns", "No column is chosen.", "Choose a column."));
        }
        let rows = lock(&self.book).blotter_rows();
        let rows = query::every(&rows, q)?;
        let zone = query::zone(q);
        let table = Table { columns, rows: &rows, zone: &zone };
        let (ending, bytes) = match format {
            ExportFormat::Csv => (".csv", table.csv().into_bytes()),
            ExportFormat::Excel => (".xlsx", table.excel()?),
        };
        let what = match q.tab {
            BlotterTab::Rfqs => "requests",
            BlotterTab::Trades => "trades",
            BlotterTab::Attention => "attention",
        };
        let name = insight::file_name(what, laptop_now().0, &zone);
        Ok(Export { name, ending, bytes, rows: u32::try_from(rows.len()).unwrap_or(u32::MAX) })
    }

    /// Takes the trader's reason for a trade at another price than the best.
    pub fn give_reason(&self, trade: &str, text: &str) -> Result<(), Problem> {
        lock(&self.book).give_reason(trade, text, laptop_now())
    }

    /// A person has dealt with a row that needed one.
    pub fn attend(&self, id: &str) -> Result<(), Problem> {
        lock(&self.book).attend(id)
    }

    /// The best-execution page of an RFQ, from the desk's signed history. Reads the disk.
    pub fn best_execution(&self, rfq_id: &str) -> Result<BestExecution, Problem> {
        let rfq = RfqId::new(rfq_id).map_err(|_| no_page())?;
        let about = lock(&self.book).about_rfq(&rfq).ok_or_else(no_page)?;
        let reader = about.reader.as_ref().ok_or_else(no_history)?;
        let when = Around {
            at_ms: about.created_ms,
            from_ms: about.created_ms.saturating_sub(BEFORE_MS),
            to_ms: about.created_ms.saturating_add(AFTER_MS),
        };
        let mut gathering = insight::Gathering::of(&rfq);
        let looked = reader.between(when, |r| gathering.take(r)).map_err(|e| unreadable(&e))?;
        let t = gathering.done();
        let (Some(first), Some(last)) = (t.steps.first(), t.steps.last()) else {
            return Err(no_history());
        };
        let evidence = format!(
            "Signed evidence: records {} to {} of the history of {} ({} records when this page was \
             made), key {}. To check them: signet-desk history export FILE --rfq {rfq}, then \
             signet-desk history verify FILE --part.",
            first.n,
            last.n,
            reader.desk(),
            looked.size,
            reader.key()
        );
        let notes = match looked.more {
            true => vec!["The history of these days is longer than is read for a page.".into()],
            false => Vec::new(),
        };
        let page = BestExecution {
            notes,
            rfq_id: rfq.to_string(),
            desk: reader.desk().into(),
            venue: about.venue.clone(),
            outcome: about.outcome.clone(),
            evidence,
            ..BestExecution::default()
        };
        let names =
            insight::Names { dealers: &about.dealers, instrument: about.instrument.as_ref() };
        Ok(insight::with_reasons(insight::fill(page, &t, &names), &about.reasons))
    }

    /// The best-execution page of an RFQ as a file that needs no network. Reads the disk.
    pub fn best_execution_file(&self, rfq_id: &str) -> Result<Export, Problem> {
        let page = self.best_execution(rfq_id)?;
        let now_ms = laptop_now().0;
        let name = insight::file_name("best-execution", now_ms, &jiff::tz::TimeZone::UTC);
        let bytes = insight::html(&page, now_ms).into_bytes();
        Ok(Export { name, ending: ".html", bytes, rows: 1 })
    }

    /// The best-execution page with what proves it: the signed messages of desk and gateway from
    /// the desk's history, and the script that checks them with OpenSSL alone. Reads the disk.
    pub fn proof_file(&self, rfq_id: &str) -> Result<Export, Problem> {
        let page = self.best_execution(rfq_id)?;
        let rfq = RfqId::new(rfq_id).map_err(|_| no_page())?;
        let about = lock(&self.book).about_rfq(&rfq).ok_or_else(no_page)?;
        let reader = about.reader.as_ref().ok_or_else(no_history)?;
        let wanted = Selection { rfq: Some(rfq.to_string()), ..Selection::default() };
        let export = reader.export(&wanted).map_err(|e| unreadable(&e))?;
        let now_ms = laptop_now().0;
        let bytes = insight::proof(&page, &export, now_ms).map_err(|e| {
            problem(
                "export.not_made",
                format!("The proof cannot be made: {e}."),
                "Quit and start again, and tell your administrator if it happens again.",
            )
        })?;
        let name = insight::file_name("proof", now_ms, &jiff::tz::TimeZone::UTC);
        Ok(Export { name, ending: ".zip", bytes, rows: 1 })
    }

    /// What this desk has seen of the dealers.
    pub fn dealer_insights(&self) -> Vec<DealerInsight> {
        let seen = lock(&self.book).dealers_seen();
        // Nobody waits for the book meanwhile.
        seen.insights()
    }
}

fn no_page() -> Problem {
    problem("history.no_rfq", "This desk knows no such request.", "Choose it in the blotter again.")
}

fn no_history() -> Problem {
    problem(
        "history.nothing",
        "The desk's signed history has nothing of this request.",
        "It is of another identity, older than what is kept, or was asked while the history could \
            not be written.",
    )
}

fn unreadable(e: &HistoryError) -> Problem {
    Problem::new(
        e.code(),
        crate::problem::sentence(&format!("The history cannot be read: {e}")),
        e.cure(),
    )
}
