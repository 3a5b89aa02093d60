//! Records as rows of the list: by the names of the columns in the first record, in any order, or
//! without names in the usual order.

use super::{
    ROWS_MAX,
    text::{Record, records},
    workbook,
};
use crate::{
    problem::problem,
    view::{HiddenRows, ListCells, ListField, Problem},
};

/// The usual order.
const ORDER: [ListField; 9] = [
    ListField::Side,
    ListField::Instrument,
    ListField::Quantity,
    ListField::Settlement,
    ListField::Dealers,
    ListField::Limit,
    ListField::Note,
    ListField::PriceType,
    ListField::Least,
];

/// Names of columns, in small letters without anything but letters.
const NAMES: [(ListField, &[&str]); 9] = [
    (ListField::Side, &["side", "buysell", "bs", "direction"]),
    (ListField::Instrument, &["instrument", "isin", "symbol", "security", "bond", "pair"]),
    (ListField::Quantity, &["quantity", "qty", "size", "amount", "nominal", "notional"]),
    (
        ListField::Settlement,
        &["settlement", "settlementdate", "settlementday", "settle", "settles", "valuedate"],
    ),
    (ListField::Dealers, &["dealers", "dealer", "counterparties", "counterparty"]),
    (ListField::Limit, &["limit", "limitprice", "pricelimit"]),
    (ListField::Note, &["note", "notes", "comment", "comments"]),
    (ListField::PriceType, &["pricetype", "quotedin", "quotetype"]),
    (
        ListField::Least,
        &["atleast", "least", "leastquantity", "minimum", "minimumquantity", "minquantity"],
    ),
];
/// Columns that a list does not have are told; so many of them.
const IGNORED_MAX: usize = 8;
/// So much of the name of one is shown.
const IGNORED_CHARS: usize = 40;

/// What a text has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pasted {
    pub rows: Vec<ListCells>,
    /// Names of columns that a list does not have.
    pub ignored: Vec<String>,
    /// Rows that are hidden in the sheet.
    pub hidden: usize,
    /// Nothing is taken before the trader says what becomes of the hidden rows.
    pub asks: bool,
}

/// The rows of a text.
pub(crate) fn paste(text: &str) -> Result<Pasted, Problem> {
    rows(&records(text)?, HiddenRows::In)
}

/// The rows of a workbook's first sheet. If some of them are hidden, the trader says what becomes
/// of them; without that nothing is taken.
pub(crate) fn paste_workbook(bytes: &[u8], hidden: Option<HiddenRows>) -> Result<Pasted, Problem> {
    let read = workbook::records(bytes)?;
    match hidden {
        Some(choice) => rows(&read, choice),
        None => {
            let all = rows(&read, HiddenRows::In)?;
            let asks = all.hidden > 0;
            let rows = if asks { Vec::new() } else { all.rows };
            Ok(Pasted { rows, asks, ..all })
        }
    }
}

fn rows(records: &[Record], hidden: HiddenRows) -> Result<Pasted, Problem> {
    let Some(first) = records.first() else {
        let why = "It has no rows.";
        return Err(problem("list.empty", why, "Copy the rows, then paste them here."));
    };
    let (columns, ignored, rest) = match named(first)? {
        Some((columns, ignored)) => (columns, ignored, records.get(1..).unwrap_or_default()),
        None => (ORDER.iter().copied().map(Some).collect(), Vec::new(), records),
    };
    if rest.is_empty() {
        let why = "There are names of columns and no row.";
        return Err(problem("list.empty", why, "Copy the rows too, then paste them here."));
    }
    let hides = rest.iter().filter(|r| r.hidden).count();
    let taken: Vec<&Record> =
        rest.iter().filter(|r| hidden == HiddenRows::In || !r.hidden).collect();
    if taken.is_empty() {
        let why = "Every row of the sheet is hidden.";
        return Err(problem("list.empty", why, "Show the rows in the sheet, or take them too."));
    }
    if taken.len() > ROWS_MAX {
        return Err(too_many(taken.len()));
    }
    let rows = taken.into_iter().map(|r| row(&columns, r)).collect::<Result<_, _>>()?;
    Ok(Pasted { rows, ignored, hidden: hides, asks: false })
}

/// A list has more rows than it may have.
pub(super) fn too_many(rows: usize) -> Problem {
    problem(
        "list.too_many_rows",
        format!("A list has at most {ROWS_MAX} rows; this would have {rows}."),
        "Send it in several lists.",
    )
}

type Columns = (Vec<Option<ListField>>, Vec<String>);

/// What each column is, if a record has the names of columns: at least the instrument's, and
/// another one.
fn named(first: &Record) -> Result<Option<Columns>, Problem> {
    let columns: Vec<Option<ListField>> = first.cells.iter().map(|c| field(c)).collect();
    let has = |f| columns.iter().filter(|c| **c == Some(f)).count();
    if has(ListField::Instrument) == 0 || columns.iter().flatten().count() < 2 {
        return Ok(None);
    }
    if let Some(twice) = ORDER.into_iter().find(|f| has(*f) > 1) {
        let why = format!("Two columns are named as the {}.", words(twice));
        return Err(problem("list.column_twice", why, "Rename or remove one of them."));
    }
    let unknown = first.cells.iter().zip(&columns).filter(|(c, f)| f.is_none() && !c.is_empty());
    let ignored =
        unknown.map(|(c, _)| c.chars().take(IGNORED_CHARS).collect()).take(IGNORED_MAX).collect();
    Ok(Some((columns, ignored)))
}

fn field(name: &str) -> Option<ListField> {
    let name: String =
        name.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    NAMES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(f, _)| *f)
}

fn row(columns: &[Option<ListField>], record: &Record) -> Result<ListCells, Problem> {
    let beyond = record.cells.get(columns.len()..).unwrap_or_default();
    if beyond.iter().any(|c| !c.is_empty()) {
        return Err(problem(
            "list.more_cells",
            format!("Line {} has more cells than there are columns.", record.line),
            "Put a cell that has the separator in it into quotation marks.",
        ));
    }
    let mut cells = ListCells::default();
    for (column, text) in columns.iter().zip(&record.cells) {
        if let Some(f) = column {
            cells.of(*f).clone_from(text);
        }
    }
    Ok(cells)
}

impl ListCells {
    /// The cell of a column.
    pub(crate) fn of(&mut self, field: ListField) -> &mut String {
        match field {
            ListField::Side => &mut self.side,
            ListField::Instrument => &mut self.instrument,
            ListField::Quantity => &mut self.quantity,
            ListField::Settlement => &mut self.settlement,
            ListField::Dealers => &mut self.dealers,
            ListField::Limit => &mut self.limit,
            ListField::Note => &mut self.note,
            ListField::PriceType => &mut self.price_type,
            ListField::Least => &mut self.least,
        }
    }
}

/// A column in a sentence.
fn words(field: ListField) -> &'static str {
    match field {
        ListField::Side => "side",
        ListField::Instrument => "instrument",
        ListField::Quantity => "quantity",
        ListField::Settlement => "settlement day",
        ListField::Dealers => "dealers",
        ListField::Limit => "limit",
        ListField::Note => "note",
        ListField::PriceType => "price type",
        ListField::Least => "least quantity",
    }
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
