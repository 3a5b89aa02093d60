//! Which rows of a sheet are hidden, by hand or by a filter (ECMA-376 part 1, 18.3.1.73 `row`,
//! attribute `hidden`; a row of height 0 is not seen either). The reader of cells does not say.
//! Only called for a workbook that was measured.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use std::{
    collections::BTreeSet,
    io::{Cursor, Read as _},
};
use zip::ZipArchive;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// The hidden rows of a sheet, from 0; `None` if the workbook does not say which part the sheet is,
/// or the part cannot be read.
pub(super) fn rows(bytes: &[u8], sheet: &str) -> Option<BTreeSet<u32>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let links = part(&mut archive, "_rels/.rels")?;
    let main =
        target(&links, |e| attribute(e, "Type")?.ends_with("/officeDocument").then_some(()))?;
    let main = main.trim_start_matches('/');
    let (folder, name) = main.rsplit_once('/').unwrap_or(("", main));
    let of_sheet = first(&part(&mut archive, main)?, |e| {
        let ours = e.local_name().as_ref() == "sheet" && attribute(e, "name")? == sheet;
        if ours { attribute(e, "id") } else { None }
    })?;
    let links = part(&mut archive, &joined(folder, &format!("_rels/{name}.rels")))?;
    let path = target(&links, |e| (attribute(e, "Id")? == of_sheet).then_some(()))?;
    let path = match path.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => joined(folder, &path),
    };
    hidden(&part(&mut archive, &path)?)
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The text of a part. Names of parts are compared without regard to case.
fn part(archive: &mut Archive<'_>, path: &str) -> Option<String> {
    let is = |n: &usize| {
        let name = archive.name_for_index(*n).and_then(Result::ok);
        name.is_some_and(|name| name.eq_ignore_ascii_case(path))
    };
    let at = (0..archive.len()).find(is)?;
    let mut text = String::new();
    archive.by_index(at).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Where the relationship leads that `is` wanted.
fn target(links: &str, is: impl Fn(&BytesStart<'_>) -> Option<()>) -> Option<String> {
    first(links, |e| {
        let link = e.local_name().as_ref() == "Relationship";
        link.then(|| is(e)).flatten().and_then(|()| attribute(e, "Target"))
    })
}

/// What `found` answers for the first element for which it answers.
fn first<T>(text: &str, found: impl Fn(&BytesStart<'_>) -> Option<T>) -> Option<T> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(e) | Event::Empty(e) => {
                if let Some(answer) = found(&e) {
                    return Some(answer);
                }
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// An attribute by its name without a prefix.
fn attribute(e: &BytesStart<'_>, name: &str) -> Option<String> {
    let attributes = e.attributes().filter_map(Result::ok);
    let one = attributes.into_iter().find(|a| a.key.local_name().as_ref() == name)?;
    one.normalized_value(XmlVersion::Implicit1_0).ok().map(Into::into)
}

fn hidden(sheet: &str) -> Option<BTreeSet<u32>> {
    let mut reader = Reader::from_str(sheet);
    // As the reader of cells counts: a row without a number follows the one before it.
    reader.config_mut().expand_empty_elements = true;
    let (mut row, mut hidden) = (0_u32, BTreeSet::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(e) if e.local_name().as_ref() == "row" => {
                if let Some(number) = attribute(&e, "r") {
                    row = number.trim().parse::<u32>().ok()?.checked_sub(1)?;
                }
                let flat = attribute(&e, "ht").is_some_and(|h| h.trim().parse() == Ok(0.0_f64));
                let flag = attribute(&e, "hidden");
                if flat || flag.is_some_and(|h| matches!(h.trim(), "1" | "true" | "on")) {
                    hidden.insert(row);
                }
            }
            Event::End(e) if e.local_name().as_ref() == "row" => row = row.checked_add(1)?,
            Event::End(e) if e.local_name().as_ref() == "sheetData" => return Some(hidden),
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_which_a_row_is_hidden() {
        for (rows, want) in [
            (r#"<row r="1"/><row r="2" hidden="1"/>"#, vec![1]),
            (r#"<row r="1" hidden="true"><c r="A1"/></row><row r="7" hidden="1"/>"#, vec![0, 6]),
            (r#"<row r="1" hidden="0"/><row r="2" hidden="false" ht="12"/>"#, vec![]),
            (r#"<row r="3" ht="0" customHeight="1"/><row r="4" ht="0.0"/>"#, vec![2, 3]),
            // A row without a number follows the one before it.
            (r#"<row/><row hidden="1"/><row r="9"/><row hidden="1"/>"#, vec![1, 9]),
            (r#"<x:row r="2" hidden="1"></x:row>"#, vec![1]),
        ] {
            let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
            assert_eq!(hidden(&sheet), Some(want.into_iter().collect()), "{rows}");
        }
    }

    #[test]
    fn what_is_not_a_sheet_is_not_read() {
        for sheet in ["", "<worksheet/>", "<sheetData>", r#"<sheetData><row r="0"/></sheetData>"#] {
            assert_eq!(hidden(sheet), None, "{sheet}");
        }
    }
}
