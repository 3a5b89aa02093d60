//! The first sheet of an Excel workbook (.xlsx) as records of cells. The file is hostile: what it
//! unpacks to is measured before it is read, cells are read one at a time, and a fault of the
//! reader is a refusal.

use super::{
    hidden,
    text::{CELL_MAX, CELLS_MAX, RECORDS_MAX, Record, TEXT_MAX, clean},
};
use crate::{problem::problem, view::Problem};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Style, Xlsx};
use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
    panic::{AssertUnwindSafe, catch_unwind},
};
use zip::ZipArchive;

/// Parts of a workbook, at most.
const PARTS_MAX: usize = 300;
/// Bytes of all parts unpacked, at most. Sheets of 500 rows have a few hundred thousand.
const UNPACKED_MAX: u64 = 16 * 1_048_576;
/// Different texts, at most; every cell of a list may have its own.
const TEXTS_MAX: u32 = 100_000;

/// The records of the first sheet that is shown.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Record>, Problem> {
    if bytes.len() > TEXT_MAX {
        return Err(problem(
            "list.too_long",
            "The workbook is larger than one megabyte.",
            "Copy the rows of this list, and paste them.",
        ));
    }
    measured(bytes)?;
    // Nothing of the reader outlives this, so nothing is seen half done.
    catch_unwind(AssertUnwindSafe(|| sheet(bytes))).unwrap_or_else(|_| Err(unreadable()))
}

/// A file as the page sends it.
pub(crate) fn from_base64(file: &str) -> Result<Vec<u8>, Problem> {
    if file.len() > TEXT_MAX.div_ceil(3) * 4 {
        return Err(too_large());
    }
    STANDARD.decode(file).map_err(|_| unreadable())
}

/// Unpacks every part once, and counts. What a part says of its own size is not believed.
fn measured(bytes: &[u8]) -> Result<(), Problem> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| unreadable())?;
    if archive.len() > PARTS_MAX {
        return Err(too_large());
    }
    let mut left = UNPACKED_MAX;
    for n in 0..archive.len() {
        let part = archive.by_index(n).map_err(|_| unreadable())?;
        let name = part.name().map_err(|_| unreadable())?;
        let xml = name.to_ascii_lowercase().ends_with(".xml");
        let mut unpacked = Vec::new();
        part.take(left + 1).read_to_end(&mut unpacked).map_err(|_| unreadable())?;
        left = left.checked_sub(unpacked.len() as u64).ok_or_else(too_large)?;
        if xml && !(is_utf8(&unpacked) && counts_are_small(&unpacked)) {
            return Err(unreadable());
        }
    }
    Ok(())
}

/// Whether a part is written in the one encoding in which [`counts_are_small`] can read it.
fn is_utf8(part: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(part) else { return false };
    let declaration = text.trim_start_matches('\u{feff}').trim_start();
    let declaration = declaration.strip_prefix("<?xml").and_then(|d| d.split_once("?>"));
    let other = declaration.is_some_and(|(d, _)| {
        let d = d.to_ascii_lowercase();
        d.contains("encoding") && !d.contains("utf-8")
    });
    !text.contains('\0') && !other
}

/// The reader makes room for as many texts as `uniqueCount` announces, whether or not they follow,
/// and ends the program when there is not so much memory.
fn counts_are_small(part: &[u8]) -> bool {
    let text = String::from_utf8_lossy(part);
    text.split("uniqueCount").skip(1).all(|after| {
        let value = after.trim_start().strip_prefix('=').map(str::trim_start);
        let value = value.and_then(|v| v.strip_prefix(['"', '\'']));
        let digits = value.and_then(|v| v.split(['"', '\'']).next());
        digits.is_some_and(|d| d.parse::<u32>().is_ok_and(|n| n <= TEXTS_MAX))
    })
}

fn sheet(bytes: &[u8]) -> Result<Vec<Record>, Problem> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| unreadable())?;
    let shown = book
        .sheets_metadata()
        .iter()
        .find(|s| s.visible == SheetVisible::Visible && s.typ == SheetType::WorkSheet);
    let name = shown.map(|s| s.name.clone()).ok_or_else(unreadable)?;
    let hidden = hidden::rows(bytes, &name).ok_or_else(unreadable)?;
    let mut cells = book.worksheet_cells_reader(&name).map_err(|_| unreadable())?;
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    while let Some((cell, style)) = cells.next_cell_with_style_id().map_err(|_| unreadable())? {
        let percent = cells.styles().get(style).is_some_and(is_percent);
        let text = text(cell.get_value(), percent);
        let (row, column) = cell.get_position();
        let column = column as usize;
        if column >= CELLS_MAX {
            return Err(too_wide(row));
        }
        if text.len() > CELL_MAX {
            return Err(too_long(row));
        }
        let text = clean(&text);
        if text.is_empty() {
            continue;
        }
        let of_row = rows.entry(row).or_default();
        if of_row.len() <= column {
            of_row.resize(column + 1, String::new());
        }
        of_row[column] = text;
        if rows.len() > RECORDS_MAX {
            return Err(too_large());
        }
    }
    let record = |(row, cells): (u32, Vec<String>)| Record {
        line: row as usize + 1,
        cells,
        hidden: hidden.contains(&row),
    };
    Ok(rows.into_iter().map(record).collect())
}

/// A cell as a trader would type it. One that is shown in percent is a hundredth of what the trader
/// reads: it keeps its `%`, which no number of a list has.
fn text(value: &DataRef<'_>, percent: bool) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::Int(n) if percent => format!("{}%", n.saturating_mul(100)),
        DataRef::Float(n) if percent => format!("{}%", number(*n * 100.0)),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) => number(*n),
        DataRef::String(t) | DataRef::DateTimeIso(t) | DataRef::DurationIso(t) => t.clone(),
        DataRef::SharedString(t) => (*t).to_owned(),
        DataRef::Bool(b) => b.to_string(),
        DataRef::DateTime(d) if d.is_datetime() => {
            let (year, month, day, ..) = d.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTime(d) => number(d.as_f64()),
        DataRef::Error(e) => e.to_string(),
    }
}

/// A number as the spreadsheet shows it: the last digits of a binary fraction are noise.
fn number(n: f64) -> String {
    let digits = format!("{n:.9}");
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits,
    }
}

fn is_percent(style: &Style) -> bool {
    style.number_format.as_ref().is_some_and(|f| shows_percent(&f.format_code))
}

/// Whether a number format shows a number a hundred times as large (ECMA-376 part 1, 18.8.31): it
/// has a `%` that is neither in quotation marks nor after a character that makes a letter of it.
fn shows_percent(format: &str) -> bool {
    let (mut quoted, mut letter) = (false, false);
    format.chars().any(|c| {
        if std::mem::take(&mut letter) {
            return false;
        }
        match c {
            '"' => quoted = !quoted,
            '\\' | '_' | '*' => letter = !quoted,
            '%' => return !quoted,
            _ => {}
        }
        false
    })
}

fn unreadable() -> Problem {
    problem(
        "list.workbook",
        "The file is not a workbook that can be read, or it is damaged.",
        "Save it as .xlsx or CSV, or copy its rows and paste them.",
    )
}

fn too_large() -> Problem {
    problem(
        "list.too_large",
        "The workbook unpacks to more than a list can have.",
        "Copy the rows of this list, and paste them.",
    )
}

fn too_wide(row: u32) -> Problem {
    problem(
        "list.too_many_cells",
        format!("Row {} has more than {CELLS_MAX} cells.", u64::from(row) + 1),
        "Keep the columns of a list only.",
    )
}

fn too_long(row: u32) -> Problem {
    problem(
        "list.cell_too_long",
        format!("Row {} has a cell of more than {CELL_MAX} characters.", u64::from(row) + 1),
        "Shorten it.",
    )
}

#[cfg(test)]
#[path = "workbook_tests.rs"]
mod tests;
