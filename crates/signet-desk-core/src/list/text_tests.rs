//! Pasted texts: what is read, what is refused, and that nothing panics.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Vec<Vec<String>> {
    records(text).unwrap().into_iter().map(|r| r.cells).collect()
}

fn refused(text: &str) -> String {
    records(text).unwrap_err().code
}

#[test]
fn every_separator_and_every_end_of_a_line() {
    for text in [
        "a\tb\nc\td",
        "a,b\r\nc,d\r\n",
        "a;b\rc;d",
        "\u{feff}a,b\nc,d",
        "\n\n  \na,b\n,\nc,d\n\n",
        " a , b \n c , d ",
        "\"a\",\"b\"\n\"c\" , \"d\"",
    ] {
        assert_eq!(read(text), [["a", "b"], ["c", "d"]], "{text:?}");
    }
}

#[test]
fn the_separator_is_the_one_that_the_first_line_has_most_of() {
    for (text, cells) in [
        ("buy,DE1,5m,,NORTH;SOUTH,98.5", vec!["buy", "DE1", "5m", "", "NORTH;SOUTH", "98.5"]),
        ("buy;DE1;1,500,000;;;98.5", vec!["buy", "DE1", "1,500,000", "", "", "98.5"]),
        ("buy\tDE1\t1,500,000;x", vec!["buy", "DE1", "1,500,000;x"]),
        ("\"a,b;c\";d", vec!["a,b;c", "d"]),
        ("alone", vec!["alone"]),
    ] {
        assert_eq!(read(text), [cells], "{text}");
    }
}

#[test]
fn a_cell_in_quotes_has_separators_quotes_and_ends_of_lines() {
    assert_eq!(read("\"a,\"\"b\"\"\",c"), [["a,\"b\"", "c"]]);
    assert_eq!(read("\"one\r\ntwo\",c\nd,e"), [["one two", "c"], ["d", "e"]]);
    assert_eq!(read("5\" pipe,c"), [["5\" pipe", "c"]], "a quote inside is a letter");
    for text in ["\"a", "a,\"b\nc", "\"a\"b,c", "\"a\" \"b\",c"] {
        assert_eq!(refused(text), "list.quotes", "{text}");
    }
    // The line where it began is named, not the end of the file.
    let why = records("a,b\nc,\"d\ne\nf").unwrap_err();
    assert!(why.message.contains("line 2"), "{}", why.message);
}

#[test]
fn everything_is_bounded() {
    let cell = "x".repeat(CELL_MAX);
    assert_eq!(read(&cell).len(), 1);
    assert_eq!(refused(&format!("{cell}x")), "list.cell_too_long");
    assert_eq!(refused(&format!("\"{cell}x\"")), "list.cell_too_long");
    assert_eq!(read(&",".repeat(CELLS_MAX - 1)).len(), 0, "blank");
    assert_eq!(read(&format!("a{}", ",".repeat(CELLS_MAX - 1)))[0].len(), CELLS_MAX);
    assert_eq!(refused(&format!("a{}", ",".repeat(CELLS_MAX))), "list.too_many_cells");
    assert_eq!(read(&"a\n".repeat(RECORDS_MAX)).len(), RECORDS_MAX);
    assert_eq!(refused(&"a\n".repeat(RECORDS_MAX + 1)), "list.too_many_lines");
    assert_eq!(records(&"\n".repeat(TEXT_MAX)), Ok(vec![]));
    assert_eq!(refused(&"\n".repeat(TEXT_MAX + 1)), "list.too_long");
}

#[test]
fn what_deceives_the_eye_is_made_visible() {
    assert_eq!(read("bu\u{202e}y,DE\u{200b}1"), [["bu\u{fffd}y", "DE\u{fffd}1"]]);
    assert_eq!(typed(" a\u{0}b ").unwrap(), "a\u{fffd}b");
    assert_eq!(typed(&"x".repeat(CELL_MAX + 1)).unwrap_err().code, "list.cell_too_long");
}

/// A cell as a spreadsheet writes it.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = records(&text);
        let _ = records(&String::from_utf8_lossy(&bytes));
        let mixed: String = text.chars().flat_map(|c| [c, '"', ',', '\n']).collect();
        let _ = records(&mixed);
    }

    /// What is written by the rules of RFC 4180 is read as it was.
    #[test]
    fn what_is_written_is_read(
        rows in prop::collection::vec(prop::collection::vec("[a-z0-9,;\"'./]{1,12}", 3), 1..20),
        separator in prop::sample::select(vec![',', ';', '\t']),
    ) {
        let line = |r: &Vec<String>| {
            r.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(&separator.to_string())
        };
        let text = rows.iter().map(line).collect::<Vec<_>>().join("\r\n");
        prop_assert_eq!(read(&text), rows);
    }
}
