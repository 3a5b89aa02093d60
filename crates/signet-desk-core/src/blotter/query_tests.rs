use super::*;
use proptest::prelude::*;

fn row(id: &str, at: f64) -> BlotterRow {
    BlotterRow {
        id: id.into(),
        rfq_id: format!("R-{id}"),
        at_ms: at,
        symbol: "DBR 2.5 02/35".into(),
        instrument: "DE000BU2Z049".into(),
        side: "Buy".into(),
        quantity: "5,000,000".into(),
        currency: "EUR".into(),
        price: Some("99.125".into()),
        dealer: "Northbank".into(),
        status: "Filled".into(),
        cover: None,
        settlement_date: "2026-11-24".into(),
        exec_id: None,
        ..BlotterRow::default()
    }
}

fn entry(tab: BlotterTab, row: BlotterRow) -> Arc<Entry> {
    Arc::new(Entry::new(tab, row))
}

fn query(tab: BlotterTab) -> RowsQuery {
    RowsQuery {
        tab,
        text: String::new(),
        filters: Vec::new(),
        from: None,
        to: None,
        zone: "UTC".into(),
        sort: Column::Time,
        descending: true,
        group: None,
        closed: Vec::new(),
        offset: 0,
        limit: 100,
    }
}

fn ids(rows: &[Arc<Entry>], q: &RowsQuery) -> String {
    let ids = every(rows, q).unwrap().into_iter().map(|r| r.id);
    ids.collect::<Vec<_>>().join(" ")
}

/// A dealer chooses its ExecIDs, up to any character of FIX.
#[test]
fn an_exec_id_is_cleaned_for_people_and_kept_as_it_came() {
    const CAME: &str = "E\u{202e}1";
    const SHOWN: &str = "E\u{fffd}1";
    let rows =
        [entry(BlotterTab::Trades, BlotterRow { exec_id: Some(CAME.into()), ..row("a", 1.0) })];
    let values = vec![SHOWN.into()];
    let filters = vec![RowsFilter { column: Column::Execution, values }];
    let q = RowsQuery { filters, ..query(BlotterTab::Trades) };
    let exported = every(&rows, &q).unwrap();
    assert_eq!(exported[0].exec_id.as_deref(), Some(SHOWN));
    assert_eq!(text(rows[0].row(), Column::Execution), SHOWN);
    let lines = page(&rows, &q).unwrap().lines;
    let [RowsLine::Row { row, .. }] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(row.exec_id.as_deref(), Some(SHOWN));
    assert_eq!(rows[0].row().exec_id.as_deref(), Some(CAME));
}

const DAY: f64 = 86_400_000.0;

/// Five trades, an RFQ, and accepts that a person must look at.
fn rows() -> Vec<Arc<Entry>> {
    use BlotterTab::{Attention, Rfqs, Trades};
    let sell = |r: BlotterRow| BlotterRow { side: "Sell".into(), ..r };
    let of = |r: BlotterRow, quantity: &str, price: &str, status: &str| BlotterRow {
        quantity: quantity.into(),
        price: Some(price.into()).filter(|p: &String| !p.is_empty()),
        status: status.into(),
        ..r
    };
    let eurusd = |r: BlotterRow| BlotterRow {
        symbol: "EUR/USD".into(),
        instrument: "EUR/USD".into(),
        dealer: "Eastbank".into(),
        ..r
    };
    vec![
        entry(Trades, of(row("a", 1.0), "5,000,000", "99.125", "Filled")),
        entry(Trades, sell(of(row("b", 2.0), "900,000", "101.5", "Filled"))),
        entry(Trades, eurusd(of(row("c", DAY), "10,000,000", "1.08412", "Corrected"))),
        entry(Trades, of(row("d", DAY + 1.0), "7,000,000", "99.5", "Disputed")),
        entry(Trades, of(row("e", 2.0 * DAY), "1,000", "", "Cancelled by the dealer")),
        entry(Rfqs, BlotterRow { dealer: "Northbank, Eastbank".into(), ..row("r", 5.0) }),
        entry(Attention, of(row("x", 3.0), "1", "9", "Declined")),
        entry(Attention, of(row("y", 4.0), "1", "9", "Outcome unknown")),
        // Its outcome is known by now.
        entry(Attention, of(row("z", 6.0), "1", "9", "Filled")),
    ]
}

#[test]
fn rows_are_found_and_sorted_by_what_a_column_means() {
    use BlotterTab::{Attention, Rfqs, Trades};
    let rows = rows();
    let sorted = |sort, descending| RowsQuery { sort, descending, ..query(Trades) };
    let only = |column, value: &str| RowsQuery {
        filters: vec![RowsFilter { column, values: vec![value.into()] }],
        ..query(Trades)
    };
    let search = |text: &str| RowsQuery { text: text.into(), ..query(Trades) };
    let days = |from: &str, to: &str| RowsQuery {
        from: Some(from.into()).filter(|d: &String| !d.is_empty()),
        to: Some(to.into()).filter(|d: &String| !d.is_empty()),
        ..query(Trades)
    };
    for (q, want) in [
        (query(Trades), "e d c b a"),
        (query(Rfqs), "r"),
        (query(Attention), "e d c y x"),
        (sorted(Column::Time, false), "a b c d e"),
        // Numbers are numbers: 900,000 is less than 5,000,000 and 1.08 less than 99.
        (sorted(Column::Quantity, false), "e b a d c"),
        (sorted(Column::Price, true), "b d a c e"),
        // What has no price stands last either way.
        (sorted(Column::Price, false), "c a d b e"),
        (sorted(Column::Side, false), "e d c a b"),
        (sorted(Column::Status, false), "e c d b a"),
        (only(Column::Side, "Sell"), "b"),
        (only(Column::Status, "Disputed"), "d"),
        (only(Column::Dealer, "Eastbank"), "c"),
        (only(Column::Symbol, "EUR/USD"), "c"),
        (only(Column::Symbol, "EUR"), ""),
        (RowsQuery { tab: Rfqs, ..only(Column::Dealer, "Eastbank") }, "r"),
        (
            RowsQuery {
                filters: vec![RowsFilter { column: Column::Side, values: vec![] }],
                ..query(Trades)
            },
            "e d c b a",
        ),
        (search("EASTBANK corr"), "c"),
        (search("eastbank filled"), ""),
        (days("1970-01-02", ""), "e d c"),
        (days("", "1970-01-01"), "b a"),
        (days("1970-01-02", "1970-01-02"), "d c"),
        // In New York it is still the evening before.
        (RowsQuery { zone: "America/New_York".into(), ..days("1970-01-01", "1970-01-01") }, "d c"),
        (RowsQuery { group: Some(RowsGroup::Instrument), ..query(Trades) }, "e d b a c"),
        (RowsQuery { group: Some(RowsGroup::Day), ..sorted(Column::Time, false) }, "e c d a b"),
    ] {
        assert_eq!(ids(&rows, &q), want, "{q:?}");
    }
    for day in ["yesterday", "2026-02-30", "", "9999-12-31"] {
        let q = RowsQuery { from: None, to: Some(day.into()), ..query(Trades) };
        assert_eq!(page(&rows, &q).unwrap_err().code, "blotter.day", "{day}");
    }
    let long = RowsQuery { text: "x".repeat(TEXT_MAX + 1), ..query(Trades) };
    assert_eq!(page(&rows, &long).unwrap_err().code, "blotter.query");
}

#[test]
fn rows_are_sorted_filtered_and_found_by_the_least_quantity() {
    use BlotterTab::Trades;
    let of = |id: &str, least: Option<&str>| {
        let min_quantity = least.map(str::to_owned);
        entry(Trades, BlotterRow { min_quantity, ..row(id, 1.0) })
    };
    let rows = [
        of("a", Some("500,000")),
        of("b", None),
        of("c", Some("2,000,000")),
        of("d", Some("500,000")),
    ];
    let sorted = |descending| RowsQuery { sort: Column::Least, descending, ..query(Trades) };
    // What has no least quantity stands last either way.
    assert_eq!(ids(&rows, &sorted(false)), "d a c b");
    assert_eq!(ids(&rows, &sorted(true)), "c d a b");
    let only = RowsFilter { column: Column::Least, values: vec!["500,000".into()] };
    assert_eq!(ids(&rows, &RowsQuery { filters: vec![only], ..query(Trades) }), "d a");
    assert_eq!(ids(&rows, &RowsQuery { text: "2,000,000".into(), ..query(Trades) }), "c");
    let choices = page(&rows, &query(Trades)).unwrap().choices;
    let least = choices.iter().find(|c| c.column == Column::Least).unwrap();
    assert_eq!(least.values, ["500,000", "2,000,000"], "as numbers, not as texts");
}

#[test]
fn groups_have_sums_of_what_stands_and_can_be_closed() {
    let rows = rows();
    let q = RowsQuery { group: Some(RowsGroup::Instrument), ..query(BlotterTab::Trades) };
    let p = page(&rows, &q).unwrap();
    assert_eq!((p.total, p.of, p.all_lines, p.attention), (5, 5, 7, 5));
    let sum = |currency: &str, bought: &str, sold: &str| RowsSum {
        currency: currency.into(),
        bought: Some(bought.into()).filter(|t: &String| !t.is_empty()),
        sold: Some(sold.into()).filter(|t: &String| !t.is_empty()),
        two_way: None,
    };
    assert_eq!(p.sums, [sum("EUR", "15,000,000", "900,000")]);
    let RowsLine::Group { key, title, rows: n, sums, closed } = &p.lines[0] else { panic!() };
    assert_eq!((key.as_str(), title.as_str(), *n), ("DE000BU2Z049", "DBR 2.5 02/35", 4));
    // The disputed and the cancelled trade are not in the sum.
    assert_eq!((sums, closed), (&vec![sum("EUR", "5,000,000", "900,000")], &false));
    let shut = RowsQuery { closed: vec!["DE000BU2Z049".into()], ..q };
    let p = page(&rows, &shut).unwrap();
    assert_eq!((p.lines.len(), p.all_lines, p.total), (3, 3, 5));
    assert_eq!(p.choices[1].values, ["Eastbank", "Northbank"]);
    // A peer names the currency and the quantity.
    let odd = BlotterRow {
        currency: "=1".into(),
        quantity: "79228162514264337593543950335".into(),
        ..row("o", 1.0)
    };
    let two = [
        entry(BlotterTab::Trades, odd.clone()),
        entry(BlotterTab::Trades, BlotterRow { id: "p".into(), ..odd }),
    ];
    assert_eq!(page(&two, &query(BlotterTab::Trades)).unwrap().sums, []);
}

#[test]
fn a_window_says_who_must_look_and_who_owes_a_reason() {
    let better = BlotterRow { better: Some("99.1 Eastbank".into()), ..row("a", 1.0) };
    let told = BlotterRow { reason: Some("size".into()), id: "b".into(), ..better.clone() };
    let said = BlotterRow {
        status: "Declined".into(),
        text: Some("Declined by Northbank: too late.".into()),
        ..row("c", 9.0)
    };
    let rows = [
        entry(BlotterTab::Trades, better),
        entry(BlotterTab::Trades, told),
        entry(BlotterTab::Attention, BlotterRow { attended: true, ..said.clone() }),
        entry(BlotterTab::Attention, said),
    ];
    let owes = page(&rows, &query(BlotterTab::Trades)).unwrap();
    let owes: Vec<bool> = owes
        .lines
        .iter()
        .map(|l| matches!(l, RowsLine::Row { owes_reason: true, needs: None, .. }))
        .collect();
    assert_eq!(owes, [false, true]);
    let p = page(&rows, &query(BlotterTab::Attention)).unwrap();
    assert_eq!((p.total, p.attention), (1, 1));
    let RowsLine::Row { needs, .. } = &p.lines[0] else { panic!() };
    assert_eq!(needs.as_deref(), Some("Declined by Northbank: too late."));
}

/// By hand: `cargo test --release -p signet-desk-core --lib -- --ignored --nocapture blotter`.
#[test]
#[ignore = "prints how long a query takes"]
fn how_long_a_query_takes() {
    for n in [10_000, 50_000] {
        let rows: Vec<Arc<Entry>> = (0..n)
            .map(|i| {
                let dealer = format!("Dealer {}", i % 40);
                let symbol = format!("BOND {}", i % 900);
                let r = BlotterRow { dealer, symbol, ..row(&format!("{i}"), f64::from(i)) };
                entry(BlotterTab::Trades, r)
            })
            .collect();
        for (what, q) in [
            ("newest first", query(BlotterTab::Trades)),
            ("by quantity", RowsQuery { sort: Column::Quantity, ..query(BlotterTab::Trades) }),
            ("two words", RowsQuery { text: "bond dealer".into(), ..query(BlotterTab::Trades) }),
            (
                "by dealer",
                RowsQuery { group: Some(RowsGroup::Dealer), ..query(BlotterTab::Trades) },
            ),
        ] {
            let begun = std::time::Instant::now();
            let p = page(&rows, &q).unwrap();
            println!("{n} rows, {what}: {:?} ({} lines)", begun.elapsed(), p.lines.len());
        }
    }
}

fn some_rows() -> impl Strategy<Value = Vec<Arc<Entry>>> {
    let one = (0..3u8, 0..5u8, "[0-9,.]{0,6}", "[AB=]{1,2}", 0..3i64);
    proptest::collection::vec(one, 0..60).prop_map(|all| {
        let made = all.into_iter().enumerate().map(|(n, (tab, status, quantity, dealer, day))| {
            let tabs = [BlotterTab::Rfqs, BlotterTab::Trades, BlotterTab::Attention];
            let status = ["Filled", "Declined", "Disputed", "Open", "?"][usize::from(status)];
            let r = BlotterRow {
                quantity,
                dealer,
                status: status.into(),
                ..row(&n.to_string(), day as f64 * DAY)
            };
            entry(tabs[usize::from(tab)], r)
        });
        made.collect()
    })
}

fn some_query() -> impl Strategy<Value = RowsQuery> {
    let columns = prop_oneof![
        Just(Column::Time),
        Just(Column::Quantity),
        Just(Column::Least),
        Just(Column::Quoted),
        Just(Column::Dealer),
        Just(Column::Status),
        Just(Column::Price),
    ];
    let groups = prop_oneof![
        Just(None),
        Just(Some(RowsGroup::Instrument)),
        Just(Some(RowsGroup::Dealer)),
        Just(Some(RowsGroup::Day)),
    ];
    let tabs =
        prop_oneof![Just(BlotterTab::Rfqs), Just(BlotterTab::Trades), Just(BlotterTab::Attention)];
    (tabs, columns, any::<bool>(), groups, 0..80u32, 0..80u32, "[AB ]{0,2}").prop_map(
        |(tab, sort, descending, group, offset, limit, text)| RowsQuery {
            sort,
            descending,
            group,
            offset,
            limit,
            text,
            ..query(tab)
        },
    )
}

proptest! {
    #[test]
    fn windows_are_bounded_and_together_are_everything(rows in some_rows(), q in some_query()) {
        let p = page(&rows, &q).unwrap();
        prop_assert!(p.lines.len() <= q.limit as usize);
        prop_assert!(p.total <= p.of);
        prop_assert_eq!(p.total as usize, every(&rows, &q).unwrap().len());
        // Windows side by side are the whole table, each line once.
        let whole = page(&rows, &RowsQuery { offset: 0, limit: 1_000, ..q.clone() }).unwrap();
        prop_assert_eq!(whole.lines.len(), whole.all_lines as usize);
        let step = q.limit.max(1);
        let mut joined = Vec::new();
        for offset in (0..whole.all_lines).step_by(step as usize) {
            let part = RowsQuery { offset, limit: step, ..q.clone() };
            joined.extend(page(&rows, &part).unwrap().lines);
        }
        prop_assert_eq!(&joined, &whole.lines);
        let heads = whole.lines.iter().filter(|l| matches!(l, RowsLine::Group { .. })).count();
        prop_assert_eq!(whole.lines.len() - heads, whole.total as usize);
    }

    #[test]
    fn rows_are_sorted_and_turning_the_order_changes_no_set(rows in some_rows(), q in some_query()) {
        let q = RowsQuery { group: None, ..q };
        let up = every(&rows, &RowsQuery { descending: false, ..q.clone() }).unwrap();
        let places: Vec<Place> = up.iter().map(|r| Place::of(r, q.sort, false)).collect();
        prop_assert!(places.is_sorted());
        let mut down = every(&rows, &RowsQuery { descending: true, ..q.clone() }).unwrap();
        let lasting = |r: &BlotterRow| text(r, q.sort).is_empty();
        prop_assert!(down.iter().map(lasting).is_sorted());
        let mut up = up;
        up.sort_by(|a, b| a.id.cmp(&b.id));
        down.sort_by(|a, b| a.id.cmp(&b.id));
        prop_assert_eq!(up, down);
    }
}

#[test]
fn prices_in_32nds_are_sorted_as_numbers_among_those_in_decimals() {
    use BlotterTab::Trades;
    let priced = |id: &str, price: &str| {
        entry(Trades, BlotterRow { price: Some(price.into()), ..row(id, 1.0) })
    };
    let rows = vec![
        priced("a", "99-16+"),
        priced("b", "99-162"),
        priced("c", "100-00"),
        priced("d", "99.5"),
        priced("e", "9-31"),
        priced("f", "-0.25"),
        priced("g", "99-317"),
        priced("h", "by arrangement"),
        priced("i", "45.0 bp over EURIBOR 3M"),
        priced("j", "2.475 %"),
    ];
    let sorted = |sort, descending| RowsQuery { sort, descending, ..query(Trades) };
    assert_eq!(ids(&rows, &sorted(Column::Price, false)), "f j e i d b a g c h");
    assert_eq!(ids(&rows, &sorted(Column::Price, true)), "h c g a b d i e j f");
}

#[test]
fn a_filter_with_several_values_takes_any_of_them() {
    let rows = rows();
    let of = |column, values: &[&str]| RowsFilter {
        column,
        values: values.iter().map(|v| (*v).to_owned()).collect(),
    };
    let found = |filters| ids(&rows, &RowsQuery { filters, ..query(BlotterTab::Trades) });
    assert_eq!(found(vec![of(Column::Status, &["Filled", "Corrected"])]), "c b a");
    let both = vec![of(Column::Status, &["Filled", "Corrected"]), of(Column::Side, &["Buy"])];
    assert_eq!(found(both), "c a", "each filter must fit");
    assert_eq!(found(vec![of(Column::Dealer, &["Eastbank", "No such bank"])]), "c");
}
