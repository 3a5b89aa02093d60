//! A pasted text or a file as records of cells: RFC 4180 with tabs, semicolons or commas. The text
//! is hostile: everything is bounded, and what can be read in two ways is refused.

use crate::{peer_text, problem::problem, view::Problem};

/// Bytes of a text, at most.
pub(super) const TEXT_MAX: usize = 1_048_576;
/// Bytes of a cell, at most. A note may have 500 characters.
pub(super) const CELL_MAX: usize = 2_000;
/// Cells of a record, at most.
pub(super) const CELLS_MAX: usize = 64;
/// Records, at most: the rows of a list, its head, and blank lines between.
pub(super) const RECORDS_MAX: usize = 5_000;
/// The likeliest first: a text from a spreadsheet has tabs.
const DELIMITERS: [char; 3] = ['\t', ';', ','];

/// A record that is not blank, with the line on which it begins, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub line: usize,
    pub cells: Vec<String>,
    /// It is hidden in its sheet.
    pub hidden: bool,
}

/// The records of a text that have something in them.
pub(super) fn records(text: &str) -> Result<Vec<Record>, Problem> {
    if text.len() > TEXT_MAX {
        return Err(problem(
            "list.too_long",
            "The text is longer than one megabyte.",
            "Paste the rows of this list only.",
        ));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { rest: text.chars().peekable(), line: 1, delimiter: delimiter(text) };
    let mut out = Vec::new();
    while let Some(record) = reader.record()? {
        if record.cells.iter().all(String::is_empty) {
            continue;
        }
        if out.len() == RECORDS_MAX {
            return Err(problem(
                "list.too_many_lines",
                format!("The text has more than {RECORDS_MAX} lines."),
                "Paste the rows of this list only.",
            ));
        }
        out.push(record);
    }
    Ok(out)
}

/// The delimiter that makes the most cells of the first line that is not blank.
fn delimiter(text: &str) -> char {
    let first = text.split(['\n', '\r']).find(|l| !l.trim().is_empty()).unwrap_or_default();
    let count = |d: char| {
        let mut quoted = false;
        let outside = first.chars().filter(|c| {
            quoted ^= *c == '"';
            !quoted && *c == d
        });
        outside.count()
    };
    let [tab, semicolon, comma] = DELIMITERS;
    match (count(tab), count(semicolon), count(comma)) {
        (n, _, _) if n > 0 => tab,
        (_, s, c) if s > 0 && s >= c => semicolon,
        _ => comma,
    }
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    delimiter: char,
}

/// What ended a cell.
enum End {
    Cell,
    Record,
    Text,
}

impl Reader<'_> {
    /// The next record, blank or not; `None` at the end.
    fn record(&mut self) -> Result<Option<Record>, Problem> {
        if self.rest.peek().is_none() {
            return Ok(None);
        }
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            let (cell, end) = self.cell()?;
            if cells.len() == CELLS_MAX {
                return Err(problem(
                    "list.too_many_cells",
                    format!("Line {line} has more than {CELLS_MAX} cells."),
                    "Paste the columns of a list only.",
                ));
            }
            cells.push(cell);
            if !matches!(end, End::Cell) {
                return Ok(Some(Record { line, cells, hidden: false }));
            }
        }
    }

    fn cell(&mut self) -> Result<(String, End), Problem> {
        // Blanks before a quote are no text.
        while self.rest.next_if(|c| *c == ' ').is_some() {}
        if self.rest.next_if_eq(&'"').is_some() {
            return self.quoted();
        }
        let mut cell = String::new();
        let end = loop {
            match self.rest.next() {
                None => break End::Text,
                Some(c) if c == self.delimiter => break End::Cell,
                Some(c @ ('\n' | '\r')) => {
                    self.line_ends(c);
                    break End::Record;
                }
                Some(c) => self.push(&mut cell, c)?,
            }
        };
        Ok((clean(&cell), end))
    }

    /// The rest of a cell that began with a quote.
    fn quoted(&mut self) -> Result<(String, End), Problem> {
        let began = self.line;
        let mut cell = String::new();
        loop {
            match self.rest.next() {
                None => return Err(open_quote(began)),
                Some('"') if self.rest.next_if_eq(&'"').is_some() => self.push(&mut cell, '"')?,
                Some('"') => break,
                Some(c @ ('\n' | '\r')) => {
                    self.line_ends(c);
                    self.push(&mut cell, '\n')?;
                }
                Some(c) => self.push(&mut cell, c)?,
            }
        }
        while self.rest.next_if(|c| *c == ' ').is_some() {}
        let end = match self.rest.next() {
            None => End::Text,
            Some(c) if c == self.delimiter => End::Cell,
            Some(c @ ('\n' | '\r')) => {
                self.line_ends(c);
                End::Record
            }
            Some(_) => return Err(open_quote(began)),
        };
        Ok((clean(&cell), end))
    }

    fn push(&self, cell: &mut String, c: char) -> Result<(), Problem> {
        if cell.len() + c.len_utf8() > CELL_MAX {
            return Err(problem(
                "list.cell_too_long",
                format!("Line {} has a cell of more than {CELL_MAX} characters.", self.line),
                "Shorten it, or check whether a quotation mark is missing.",
            ));
        }
        cell.push(c);
        Ok(())
    }

    fn line_ends(&mut self, c: char) {
        if c == '\r' {
            self.rest.next_if_eq(&'\n');
        }
        self.line += 1;
    }
}

/// A cell as it may be shown: whoever wrote the file is not trusted.
pub(super) fn clean(cell: &str) -> String {
    peer_text::shown(cell.trim())
}

/// What a trader typed into a cell.
pub(crate) fn typed(text: &str) -> Result<String, Problem> {
    if text.len() > CELL_MAX {
        return Err(problem(
            "list.cell_too_long",
            format!("A cell has at most {CELL_MAX} characters."),
            "Shorten it.",
        ));
    }
    Ok(clean(text))
}

fn open_quote(line: usize) -> Problem {
    problem(
        "list.quotes",
        format!("The cell in quotation marks on line {line} does not end where a cell ends."),
        "Write a quotation mark inside such a cell twice, and end it with one.",
    )
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
