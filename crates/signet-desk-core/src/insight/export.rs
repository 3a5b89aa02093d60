//! Rows of the blotter as a file for a spreadsheet.
//!
//! Names, ids and reasons in it come from peers, and a spreadsheet takes a text that begins with
//! `=` for a program. So in a CSV file every text is quoted, and a text that some spreadsheet could
//! take for a formula, in whichever way it splits the line, gets an apostrophe before that place.
//! A workbook says of each cell that it is a text.

use crate::{
    blotter::query::{day_of, number, text},
    problem::problem,
    view::{BlotterRow, Column, Problem},
};
use jiff::{Timestamp, tz::TimeZone};
use rust_xlsxwriter::{Format, Workbook, XlsxError};

/// Excel reads a file without it in the code page of the computer.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// Characters of one text; Excel takes 32,767.
const CELL_MAX: usize = 32_000;
/// Digits that a spreadsheet's numbers have.
const DIGITS_MAX: usize = 15;

/// What is exported.
pub(crate) struct Table<'a> {
    pub(crate) columns: &'a [Column],
    pub(crate) rows: &'a [BlotterRow],
    /// The trader's own.
    pub(crate) zone: &'a TimeZone,
}

#[derive(Debug, PartialEq)]
enum Cell {
    Text(String),
    /// Digits, at most one point and a sign.
    Number(String),
}

impl Table<'_> {
    /// RFC 4180, in UTF-8 with a byte order mark.
    pub(crate) fn csv(&self) -> String {
        let mut out = String::from(BYTE_ORDER_MARK);
        let heads = self.columns.iter().map(|c| Cell::Text(title(*c).into()));
        line(&mut out, heads);
        for r in self.rows {
            line(&mut out, self.columns.iter().map(|c| self.cell(r, *c)));
        }
        out
    }

    /// A workbook with one sheet.
    pub(crate) fn excel(&self) -> Result<Vec<u8>, Problem> {
        self.workbook().map_err(|e| {
            problem(
                "export.workbook",
                format!("The workbook cannot be written: {e}."),
                "Export as CSV, and send this message to support.",
            )
        })
    }

    fn workbook(&self) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let head = Format::new().set_bold();
        for (at, c) in (0u16..).zip(self.columns) {
            sheet.write_string_with_format(0, at, title(*c), &head)?;
        }
        for (row, r) in (1u32..).zip(self.rows) {
            for (at, c) in (0u16..).zip(self.columns) {
                match self.cell(r, *c) {
                    Cell::Number(n) => {
                        // It has no more digits than the number keeps.
                        let n: f64 = n.parse().unwrap_or_default();
                        sheet.write_number(row, at, n)?;
                    }
                    Cell::Text(t) => {
                        sheet.write_string(row, at, t)?;
                    }
                }
            }
        }
        sheet.set_freeze_panes(1, 0)?;
        book.save_to_buffer()
    }

    fn cell(&self, r: &BlotterRow, c: Column) -> Cell {
        let said = match c {
            Column::Time => return Cell::Text(moment(r.at_ms, self.zone)),
            _ => text(r, c),
        };
        let numeric = matches!(
            c,
            Column::Quantity | Column::Least | Column::Quoted | Column::Price | Column::Cover
        );
        let plain = number(&said).filter(|_| numeric).map(|d| d.to_string());
        let fits = |n: &String| n.chars().filter(char::is_ascii_digit).count() <= DIGITS_MAX;
        match plain.filter(fits) {
            Some(n) => Cell::Number(n),
            None => Cell::Text(said.chars().take(CELL_MAX).collect()),
        }
    }
}

/// What a column is called.
fn title(c: Column) -> &'static str {
    match c {
        Column::Time => "Time",
        Column::Symbol => "Instrument",
        Column::Instrument => "ISIN or pair",
        Column::Side => "Side",
        Column::Quantity => "Quantity",
        Column::Least => "At least",
        Column::Quoted => "Quoted",
        Column::Currency => "Currency",
        Column::Price => "Price",
        Column::Dealer => "Dealer",
        Column::Status => "Status",
        Column::Cover => "Cover",
        Column::Reason => "Reason",
        Column::Settles => "Settles",
        Column::Rfq => "Request",
        Column::Execution => "Execution",
    }
}

/// `2026-11-29 14:02:09.123 +01:00`
fn moment(at_ms: f64, zone: &TimeZone) -> String {
    let Ok(t) = Timestamp::from_millisecond(at_ms as i64) else { return String::new() };
    t.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
}

/// `signet-trades-2026-11-29-140209`
pub(crate) fn file_name(what: &str, now_ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(now_ms)
        .map(|t| t.to_zoned(zone.clone()).strftime("%Y-%m-%d-%H%M%S").to_string());
    format!("signet-{what}-{}", at.unwrap_or_else(|_| day_of(0.0, zone)))
}

fn line(out: &mut String, cells: impl Iterator<Item = Cell>) {
    for (n, cell) in cells.enumerate() {
        if n > 0 {
            out.push(',');
        }
        match cell {
            Cell::Number(n) => out.push_str(&n),
            Cell::Text(t) => {
                out.push('"');
                out.push_str(&neutral(&t).replace('"', "\"\""));
                out.push('"');
            }
        }
    }
    out.push_str("\r\n");
}

/// A text that no spreadsheet takes for a formula. A program that splits lines in another way than
/// at commas, or does not know quotes, finds none in a part of it either.
fn neutral(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for c in text.chars() {
        if begins && is_formula(c) {
            out.push('\'');
        }
        // White space and quotes are taken off by some programs.
        begins = is_separator(c) || (begins && (c.is_whitespace() || matches!(c, '"' | '\'')));
        out.push(c);
    }
    out
}

fn is_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
        || matches!(c, '\t' | '\r')
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '|' | '\t' | '\r' | '\n' | '"')
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
