//! Workbooks: what is read, and that hostile ones are refused without harm.

use super::*;
use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use std::io::Write as _;
use zip::{ZipWriter, write::SimpleFileOptions};

fn book(fill: impl Fn(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().unwrap()
}

fn refused(bytes: &[u8]) -> String {
    records(bytes).unwrap_err().code
}

/// A list as a trader keeps it.
fn list() -> Vec<u8> {
    book(|sheet| {
        let day = Format::new().set_num_format("yyyy-mm-dd");
        for (n, name) in (0u16..).zip(["Side", "ISIN", "Quantity", "Settles", "Limit"]) {
            sheet.write_string(1, n, name).unwrap();
        }
        sheet.write_string(3, 0, "buy").unwrap();
        sheet.write_string(3, 1, "DE000BU2Z049").unwrap();
        sheet.write_number(3, 2, 5_000_000).unwrap();
        let date = ExcelDateTime::parse_from_str("2026-12-15").unwrap();
        sheet.write_datetime_with_format(3, 3, &date, &day).unwrap();
        sheet.write_number(3, 4, 98.1 + 0.35).unwrap();
    })
}

#[test]
fn a_sheet_is_read_as_it_is_shown() {
    let read = records(&list()).unwrap();
    let head: Vec<String> =
        ["Side", "ISIN", "Quantity", "Settles", "Limit"].map(Into::into).to_vec();
    let row: Vec<String> =
        ["buy", "DE000BU2Z049", "5000000", "2026-12-15", "98.45"].map(Into::into).to_vec();
    assert_eq!(
        read,
        [
            Record { line: 2, cells: head, hidden: false },
            Record { line: 4, cells: row, hidden: false }
        ],
        "the lines are those of the sheet"
    );
}

#[test]
fn numbers_are_written_as_they_are_typed() {
    for (n, want) in [
        (98.45, "98.45"),
        (98.449_999_999_999_99, "98.45"),
        (5e6, "5000000"),
        (0.00001, "0.00001"),
        (-1.5, "-1.5"),
        (0.0, "0"),
        (100.0, "100"),
    ] {
        assert_eq!(number(n), want);
    }
    assert!(number(f64::NAN).parse::<rust_decimal::Decimal>().is_err());
}

/// Excel keeps a yield that is typed as `4.2%` as 0.042, which would be a limit that any yield
/// keeps to.
#[test]
fn a_number_that_is_shown_in_percent_is_not_read_as_a_hundredth_of_it() {
    for (format, n, want) in [
        ("0.0%", 0.042, "4.2%"),
        ("0%", 0.5, "50%"),
        ("0.00%;[Red]-0.00%", -0.0035, "-0.35%"),
        ("General", 4.2, "4.2"),
        ("0.000", 4.2, "4.2"),
        // The sign is a letter: the number is what is read.
        ("0.000\"%\"", 4.2, "4.2"),
        ("0.000\\%", 4.2, "4.2"),
        ("0.000\"\\\"%", 0.042, "4.2%"),
    ] {
        let file = book(|sheet| {
            let format = Format::new().set_num_format(format);
            sheet.write_number_with_format(0, 0, n, &format).unwrap();
        });
        let read = records(&file).unwrap();
        assert_eq!(read[0].cells, [want], "{format}");
        let limit = crate::price::read(signet_rfq::PriceFormat::Decimals, &read[0].cells[0]);
        assert_eq!(limit.is_none(), want.ends_with('%'), "{format}");
    }
}

#[test]
fn what_is_no_workbook_is_refused() {
    assert_eq!(refused(b""), "list.workbook");
    assert_eq!(refused(b"side,isin\nbuy,DE1"), "list.workbook");
    assert_eq!(refused(&vec![0; TEXT_MAX + 1]), "list.too_long");
    let mut empty = ZipWriter::new(Cursor::new(Vec::new()));
    empty.start_file("a", SimpleFileOptions::default()).unwrap();
    assert_eq!(refused(&empty.finish().unwrap().into_inner()), "list.workbook");
}

#[test]
fn a_bomb_is_not_unpacked() {
    let mut bomb = ZipWriter::new(Cursor::new(Vec::new()));
    bomb.start_file("xl/sharedStrings.xml", SimpleFileOptions::default()).unwrap();
    let zeros = vec![b'0'; 1_048_576];
    for _ in 0..17 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap().into_inner();
    assert!(bomb.len() < 100_000);
    assert_eq!(refused(&bomb), "list.too_large");
    let mut many = ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..=PARTS_MAX {
        many.start_file(n.to_string(), SimpleFileOptions::default()).unwrap();
    }
    assert_eq!(refused(&many.finish().unwrap().into_inner()), "list.too_large");
}

/// The list with one of its parts changed.
fn changed(part: &str, change: impl Fn(String) -> Vec<u8>) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(list())).unwrap();
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..archive.len() {
        let mut from = archive.by_index(n).unwrap();
        let (name, mut text) = (from.name().unwrap().into_owned(), String::new());
        from.read_to_string(&mut text).unwrap();
        let bytes = if name.ends_with(part) { change(text) } else { text.into_bytes() };
        out.start_file(name, SimpleFileOptions::default()).unwrap();
        out.write_all(&bytes).unwrap();
    }
    out.finish().unwrap().into_inner()
}

/// The reader would end the desk.
#[test]
fn room_for_more_texts_than_there_are_is_not_made() {
    let strings = |to: &str| {
        changed("sharedStrings.xml", |t| {
            let at = t.find("uniqueCount=\"").unwrap();
            let end = at + 13 + t[at + 13..].find('"').unwrap() + 1;
            format!("{}{to}{}", &t[..at], &t[end..]).into_bytes()
        })
    };
    assert!(records(&strings("uniqueCount=\"7\"")).is_ok());
    assert!(records(&strings("uniqueCount = '7'")).is_ok());
    for hostile in [
        "uniqueCount=\"1000000000000\"",
        "uniqueCount='100001'",
        "uniqueCount = \"99999999999999999999\"",
        "uniqueCount=\"+9\u{a0}\"",
        "uniqueCount=9999999999999",
    ] {
        assert_eq!(refused(&strings(hostile)), "list.workbook", "{hostile}");
    }
    // Nor is it hidden in another encoding.
    let utf16 =
        changed("sharedStrings.xml", |t| t.encode_utf16().flat_map(u16::to_le_bytes).collect());
    assert_eq!(refused(&utf16), "list.workbook");
    let named = changed("sharedStrings.xml", |t| t.replace("UTF-8", "ISO-2022-JP").into_bytes());
    assert_eq!(refused(&named), "list.workbook");
}

#[test]
fn a_sheet_has_an_end() {
    // Two cells in opposite corners of the largest sheet take no room.
    let corners = book(|s| {
        s.write_string(0, 0, "a").unwrap();
        s.write_string(1_048_575, 1, "b").unwrap();
    });
    assert_eq!(records(&corners).unwrap().len(), 2);
    let wide = book(|s| {
        s.write_string(0, 64, "a").unwrap();
    });
    assert_eq!(refused(&wide), "list.too_many_cells");
    let long = book(|s| {
        s.write_string(0, 0, "x".repeat(CELL_MAX + 1)).unwrap();
    });
    assert_eq!(refused(&long), "list.cell_too_long");
    let rows = book(|s| {
        for n in 0..=u32::try_from(RECORDS_MAX).unwrap() {
            s.write_string(n, 0, "a").unwrap();
        }
    });
    assert_eq!(refused(&rows), "list.too_large");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is broken in a workbook, it is read or refused.
    #[test]
    fn a_broken_workbook_does_no_harm(
        at in 0.0..1.0f64,
        bytes in prop::collection::vec(any::<u8>(), 1..8),
        cut in 0.0..1.0f64,
    ) {
        let mut book = list();
        let from = (at * book.len() as f64) as usize;
        for (b, to) in book.iter_mut().skip(from).zip(&bytes) {
            *b = *to;
        }
        let _ = records(&book);
        book.truncate((cut * book.len() as f64) as usize);
        let _ = records(&book);
    }

    /// The same with what the reader sees after unpacking.
    #[test]
    fn a_broken_sheet_does_no_harm(
        part in prop::sample::select(vec!["sheet1.xml", "sharedStrings.xml", "styles.xml"]),
        at in 0.0..1.0f64,
        text in "[<>/\"=a-zA-Z0-9 ]{1,12}",
    ) {
        let _ = records(&changed(part, |t| {
            let mut bytes = t.into_bytes();
            let from = (at * bytes.len() as f64) as usize;
            bytes.splice(from..from, text.bytes());
            bytes
        }));
    }
}

/// Rows 2 and 4 are hidden: one by hand, one by its height.
fn with_hidden_rows(name: &str) -> Vec<u8> {
    let mut book = Workbook::new();
    let other = book.add_worksheet();
    other.set_name("Other").unwrap().set_hidden(true);
    other.write_string(0, 0, "Side").unwrap();
    other.set_row_hidden(0).unwrap();
    let sheet = book.add_worksheet();
    sheet.set_name(name).unwrap().set_active(true);
    for (n, cells) in
        (0u32..).zip([["Side", "ISIN"], ["buy", "DE1"], ["buy", "DE2"], ["buy", "DE3"]])
    {
        sheet.write_string(n, 0, cells[0]).unwrap().write_string(n, 1, cells[1]).unwrap();
    }
    sheet.set_row_hidden(1).unwrap().set_row_height(3, 0).unwrap();
    book.save_to_buffer().unwrap()
}

#[test]
fn hidden_rows_of_the_sheet_that_is_read_are_known() {
    for name in ["List", "R&D <1>"] {
        let read = records(&with_hidden_rows(name)).unwrap();
        let hidden: Vec<(usize, bool)> = read.iter().map(|r| (r.line, r.hidden)).collect();
        assert_eq!(hidden, [(1, false), (2, true), (3, false), (4, true)], "{name}");
    }
    assert!(records(&list()).unwrap().iter().all(|r| !r.hidden));
}

#[test]
fn a_workbook_with_hidden_rows_is_taken_when_the_trader_has_said_what_becomes_of_them() {
    use super::super::columns::paste_workbook;
    use crate::view::HiddenRows;
    let file = with_hidden_rows("List");
    for (choice, rows, asks) in
        [(None, 0, true), (Some(HiddenRows::Out), 1, false), (Some(HiddenRows::In), 3, false)]
    {
        let got = paste_workbook(&file, choice).unwrap();
        assert_eq!((got.rows.len(), got.hidden, got.asks), (rows, 2, asks), "{choice:?}");
    }
    let none = paste_workbook(&list(), None).unwrap();
    assert_eq!((none.rows.len(), none.hidden, none.asks), (1, 0, false));
}
