//! Columns by name and in the usual order.

use super::*;
use proptest::prelude::*;

/// The cells of the first seven columns.
fn cells(of: [&str; 7]) -> ListCells {
    let mut cells = ListCells::default();
    for (f, text) in ORDER.into_iter().zip(of) {
        text.clone_into(cells.of(f));
    }
    cells
}

fn refused(text: &str) -> String {
    paste(text).unwrap_err().code
}

#[test]
fn without_names_the_columns_have_the_usual_order() {
    let got = paste("buy,DE1,5m,2w,\"NORTH, SOUTH\",98.5,for the fund\nsell,DE2,250k").unwrap();
    let first = cells(["buy", "DE1", "5m", "2w", "NORTH, SOUTH", "98.5", "for the fund"]);
    assert_eq!(got.rows, [first, cells(["sell", "DE2", "250k", "", "", "", ""])]);
    assert!(got.ignored.is_empty());
}

#[test]
fn named_columns_stand_in_any_order_and_what_a_list_does_not_have_is_told() {
    let got = paste("Qty.\tISIN\tDesk\tLimit price\tSide\n5m\tDE1\tRates\t98.5\tbuy").unwrap();
    assert_eq!(got.rows, [cells(["buy", "DE1", "5m", "", "", "98.5", ""])]);
    assert_eq!(got.ignored, ["Desk"]);
    // Every name that a column may have.
    for (field, names) in NAMES {
        for name in names {
            let other = if field == ListField::Instrument { "qty" } else { "isin" };
            let mut got = paste(&format!("{name},{other}\nx,y")).unwrap();
            assert_eq!(got.rows[0].of(field), "x", "{name}");
        }
    }
}

#[test]
fn what_may_be_meant_in_two_ways_is_refused() {
    for (text, code) in [
        ("", "list.empty"),
        ("\n , \n", "list.empty"),
        ("side,isin", "list.empty"),
        ("isin,side,bond\nDE1,buy,DE2", "list.column_twice"),
        ("side,isin\nbuy,DE1,5m", "list.more_cells"),
        ("a,b,c,d,e,f,g,h,i,j", "list.more_cells"),
    ] {
        assert_eq!(refused(text), code, "{text}");
    }
    // A row that happens to have one word of a head is a row.
    assert_eq!(paste("side,DE1,5m").unwrap().rows.len(), 1);
}

#[test]
fn a_list_has_an_end() {
    let rows = |n: usize| "buy,DE1,5m\n".repeat(n);
    assert_eq!(paste(&rows(ROWS_MAX)).unwrap().rows.len(), ROWS_MAX);
    assert_eq!(refused(&rows(ROWS_MAX + 1)), "list.too_many_rows");
    let named = format!("side,isin,qty\n{}", rows(ROWS_MAX));
    assert_eq!(paste(&named).unwrap().rows.len(), ROWS_MAX);
}

proptest! {
    #[test]
    fn no_text_panics_and_none_makes_too_many_rows(text in "(side|isin|buy|[a-z,;\t\n\" ]){0,400}") {
        if let Ok(pasted) = paste(&text) {
            prop_assert!((1..=ROWS_MAX).contains(&pasted.rows.len()));
            prop_assert!(pasted.ignored.len() <= IGNORED_MAX);
        }
    }
}

#[test]
fn a_price_type_and_a_least_quantity_have_the_last_columns_or_their_own_names() {
    let last = paste("buy,DE1,5m,,,1.5,note,yield,2m").unwrap();
    let named = paste("ISIN,Price type,At least,Side\nDE1,yield,2m,buy").unwrap();
    for got in [last, named] {
        let row = &got.rows[0];
        assert_eq!((row.price_type.as_str(), row.least.as_str()), ("yield", "2m"));
    }
}

#[test]
fn hidden_rows_are_in_or_out_and_the_names_of_columns_always_count() {
    let record = |line: usize, text: &str, hidden| Record {
        line,
        cells: text.split(',').map(Into::into).collect(),
        hidden,
    };
    let read = [
        record(1, "Side,ISIN", true),
        record(2, "buy,DE1", false),
        record(3, "sell,DE2", true),
        record(4, "buy,DE3", false),
    ];
    for (choice, want) in
        [(HiddenRows::In, vec!["DE1", "DE2", "DE3"]), (HiddenRows::Out, vec!["DE1", "DE3"])]
    {
        let got = rows(&read, choice).unwrap();
        let names: Vec<_> = got.rows.iter().map(|r| r.instrument.as_str()).collect();
        assert_eq!((names, got.hidden), (want, 1), "{choice:?}");
    }
    let all_hidden = [record(1, "Side,ISIN", false), record(2, "buy,DE1", true)];
    assert_eq!(rows(&all_hidden, HiddenRows::Out).unwrap_err().code, "list.empty");
    assert!(rows(&all_hidden, HiddenRows::In).is_ok());
}
