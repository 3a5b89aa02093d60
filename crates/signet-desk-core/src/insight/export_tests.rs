use super::*;
use proptest::prelude::*;

const ALL: [Column; 16] = [
    Column::Time,
    Column::Symbol,
    Column::Instrument,
    Column::Side,
    Column::Quantity,
    Column::Least,
    Column::Quoted,
    Column::Currency,
    Column::Price,
    Column::Dealer,
    Column::Status,
    Column::Cover,
    Column::Reason,
    Column::Settles,
    Column::Rfq,
    Column::Execution,
];

fn row(dealer: &str, price: &str, quantity: &str) -> BlotterRow {
    BlotterRow {
        at_ms: 1_795_219_200_123.0,
        dealer: dealer.into(),
        price: Some(price.into()),
        quantity: quantity.into(),
        ..BlotterRow::default()
    }
}

fn csv_of(rows: &[BlotterRow], columns: &[Column]) -> String {
    Table { columns, rows, zone: &TimeZone::UTC }.csv()
}

/// What a reader of CSV with this separator finds.
fn read(csv: &str, separator: u8) -> Vec<Vec<String>> {
    let plain = csv.strip_prefix(BYTE_ORDER_MARK).unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(plain.as_bytes());
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn numbers_are_numbers_and_everything_else_is_a_quoted_text() {
    let r = row("Northbank \"N\", London", "-99.125", "5,000,000");
    let columns = [Column::Time, Column::Dealer, Column::Price, Column::Quantity, Column::Cover];
    assert_eq!(
        csv_of(&[r], &columns),
        "\u{feff}\"Time\",\"Dealer\",\"Price\",\"Quantity\",\"Cover\"\r\n\
         \"2026-11-21 00:00:00.123 +00:00\",\"Northbank \"\"N\"\", London\",-99.125,5000000,\"\"\r\n"
    );
}

#[test]
fn the_least_quantity_is_a_number_or_nothing() {
    let any = row("Northbank", "99.125", "5,000,000");
    let whole = BlotterRow { min_quantity: Some("5,000,000".into()), ..any.clone() };
    assert_eq!(
        csv_of(&[whole.clone(), any], &[Column::Quantity, Column::Least]),
        "\u{feff}\"Quantity\",\"At least\"\r\n5000000,5000000\r\n5000000,\"\"\r\n"
    );
    let table = Table { columns: &ALL, rows: &[], zone: &TimeZone::UTC };
    assert_eq!(table.cell(&whole, Column::Least), Cell::Number("5000000".into()));
}

#[test]
fn a_part_is_exported_with_what_was_done_and_what_was_quoted() {
    let part =
        BlotterRow { quoted: Some("5,000,000".into()), ..row("Northbank", "99.125", "2,000,000") };
    let whole = row("Northbank", "99.125", "5,000,000");
    assert_eq!(
        csv_of(&[part.clone(), whole], &[Column::Quantity, Column::Quoted]),
        "\u{feff}\"Quantity\",\"Quoted\"\r\n2000000,5000000\r\n5000000,\"\"\r\n"
    );
    let table = Table { columns: &ALL, rows: &[], zone: &TimeZone::UTC };
    assert_eq!(table.cell(&part, Column::Quoted), Cell::Number("5000000".into()));
}

#[test]
fn a_text_that_could_be_a_formula_gets_an_apostrophe_wherever_a_line_may_be_split() {
    for (text, want) in [
        ("Northbank", "Northbank"),
        ("A-B + C", "A-B + C"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\u{ff1d}1", "'\u{ff1d}1"),
        ("  =1", "  '=1"),
        ("\"=1", "\"'=1"),
        ("'=1", "''=1"),
        ("a;=1", "a;'=1"),
        ("a, -1", "a, '-1"),
        ("a\n@b", "a\n'@b"),
        ("a\"=1", "a\"'=1"),
        ("", ""),
    ] {
        assert_eq!(neutral(text), want, "{text:?}");
    }
    // A number in the column of numbers is written by us; another text is not one.
    for (price, want) in [
        ("-99.5", Cell::Number("-99.5".into())),
        ("99-16+", Cell::Text("99-16+".into())),
        ("-1+cmd", Cell::Text("-1+cmd".into())),
        ("1234567890.1234567", Cell::Text("1234567890.1234567".into())),
    ] {
        let r = row("", price, "");
        let table = Table { columns: &[], rows: &[], zone: &TimeZone::UTC };
        assert_eq!(table.cell(&r, Column::Price), want, "{price}");
    }
}

#[cfg(unix)] // Python reads the workbook.
#[test]
fn a_workbook_has_every_text_as_a_text() {
    let rows = [row("=HYPERLINK(\"http://x\")", "99.125", "5,000,000"), row("\u{1}", "x", "1")];
    let table = Table { columns: &ALL, rows: &rows, zone: &TimeZone::UTC };
    let book = table.excel().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("b.xlsx");
    std::fs::write(&file, &book).unwrap();
    let unzip = |part: &str| {
        let out = std::process::Command::new("python3")
            .args([
                "-c",
                "import sys,zipfile;print(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())",
            ])
            .arg(&file)
            .arg(part)
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let sheet = unzip("xl/worksheets/sheet1.xml");
    assert!(!sheet.contains("<f>"), "no cell is a formula");
    assert!(sheet.contains("<v>99.125</v>") && sheet.contains("<v>5000000</v>"), "{sheet}");
    assert!(
        unzip("xl/sharedStrings.xml").contains("=HYPERLINK(&quot;http://x&quot;)")
            || unzip("xl/sharedStrings.xml").contains("=HYPERLINK(\"http://x\")")
    );
}

#[test]
fn the_name_of_a_file_says_when() {
    let london = TimeZone::get("Europe/London").unwrap();
    assert_eq!(file_name("trades", 1_795_219_200_123, &london), "signet-trades-2026-11-21-000000");
}

/// Texts as a hostile peer would write them.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[=+@|-]",
        "[\t\r\n ;,'\"]",
        "(=cmd\\|' /C calc'!A0|=HYPERLINK\\(\"http://x\",\"y\"\\)|@SUM\\(1\\+1\\)|\\+1|-2)",
        "[A-Za-z0-9. ]{0,4}",
        "\\PC{0,3}",
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn begins_a_formula(cell: &str) -> bool {
    let bare = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"');
    bare.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
        || cell.starts_with(['\t', '\r'])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_read_back_is_what_the_rows_say(
        rows in proptest::collection::vec((hostile(), hostile(), hostile(), -9_999..9_999i32), 0..6)
    ) {
        let rows: Vec<BlotterRow> = rows
            .into_iter()
            .map(|(dealer, symbol, reason, price)| BlotterRow {
                symbol,
                reason: Some(reason),
                ..row(&dealer, &format!("{price}.5"), "1,000")
            })
            .collect();
        let columns = [Column::Dealer, Column::Symbol, Column::Reason, Column::Price,
                       Column::Quantity];
        let found = read(&csv_of(&rows, &columns), b',');
        prop_assert_eq!(found.len(), rows.len() + 1);
        for (r, cells) in rows.iter().zip(&found[1..]) {
            let want = [
                neutral(&r.dealer),
                neutral(&r.symbol),
                neutral(r.reason.as_deref().unwrap()),
                r.price.clone().unwrap(),
                "1000".into(),
            ];
            prop_assert_eq!(&cells[..], &want[..]);
            // Nothing but apostrophes was added.
            let bare = |t: &str| t.replace('\'', "");
            prop_assert_eq!(bare(&cells[0]), bare(&r.dealer));
        }
    }

    #[test]
    fn no_spreadsheet_finds_a_formula_however_it_splits_the_line(texts in
        proptest::collection::vec(hostile(), 1..4))
    {
        let rows: Vec<BlotterRow> = texts.iter().map(|t| row(t, t, t)).collect();
        let csv = csv_of(&rows, &[Column::Dealer, Column::Status, Column::Symbol]);
        for separator in [b',', b';', b'\t', b'|'] {
            for cell in read(&csv, separator).into_iter().flatten() {
                prop_assert!(!begins_a_formula(&cell), "{:?} of {:?}", cell, texts);
            }
        }
        // A program that knows no quotes.
        for cell in csv.trim_start_matches(BYTE_ORDER_MARK).split([',', ';', '\t', '|', '\r', '\n']) {
            prop_assert!(!begins_a_formula(cell.trim_matches('"')), "{:?} of {:?}", cell, texts);
        }
    }
}
