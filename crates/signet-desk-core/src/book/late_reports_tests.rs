//! What is reported of an accept whose RFQ is off the screen.

use super::super::{
    life_tests::{book, id, notices, press, report, say},
    *,
};
use crate::view::{BlotterQuery, BlotterRow, BlotterTab};
use rust_decimal::Decimal;
use signet_fix::message::{ExecType, ExecutionReport, OrdStatus};
use signet_rfq::Level;

fn rows(b: &Book) -> Vec<(String, String)> {
    let trades = b.records.blotter.rows();
    let trades = trades.iter().map(|e| e.row()).filter(|r| r.id != r.rfq_id);
    let mut all: Vec<_> = trades.map(|r| (r.status.clone(), r.quantity.clone())).collect();
    all.sort();
    all
}

/// R1, of which 400 of 1,000 were executed at 1.08 as E1, off the screen.
fn partly() -> (Book, String) {
    let mut b = book();
    let (accept, _) = press(&mut b);
    say(&mut b, report(&accept, ExecType::Trade, OrdStatus::PartiallyFilled, "E1", "1.08", 400));
    b.dismiss("R1").unwrap();
    assert_eq!(rows(&b), [("Partly filled".into(), "400".into())]);
    (b, accept)
}

fn part(accept: &str, exec: &str, price: &str, size: i64, cum: i64) -> ExecutionReport {
    let status = if cum == 1_000 { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
    let e = report(accept, ExecType::Trade, status, exec, price, cum);
    ExecutionReport {
        last: Some(Level { price: price.parse().unwrap(), size: Decimal::from(size) }),
        ..e
    }
}

#[test]
fn the_rest_of_a_partly_executed_accept_that_fits_is_its_trade_and_what_does_not_is_a_dispute() {
    let so_far = |accept: &str, cum| ExecutionReport {
        last: None,
        ..report(accept, ExecType::Status, OrdStatus::PartiallyFilled, "S", "1.08", cum)
    };
    type Told = fn(&str, &dyn Fn(&str, i64) -> ExecutionReport) -> ExecutionReport;
    type Row = (&'static str, Told, &'static [(&'static str, &'static str)]);
    let table: [Row; 13] = [
        ("the rest", |a, _| part(a, "E2", "1.08", 600, 1_000), &[("Filled", "1,000")]),
        ("a part of it", |a, _| part(a, "E2", "1.08", 300, 700), &[("Partly filled", "700")]),
        (
            "after one that was lost",
            |a, _| part(a, "E3", "1.08", 100, 1_000),
            &[("Filled", "1,000")],
        ),
        ("an answer to a question", |a, s| s(a, 1_000), &[("Filled", "1,000")]),
        ("what is known", |a, s| s(a, 400), &[("Partly filled", "400")]),
        ("told again", |a, _| part(a, "E1", "1.0800", 400, 400), &[("Partly filled", "400")]),
        (
            "another price",
            |a, _| part(a, "E2", "1.09", 600, 1_000),
            &[("Disputed", "1,000"), ("Partly filled", "400")],
        ),
        (
            "another side",
            |a, _| {
                let e = part(a, "E2", "1.08", 600, 1_000);
                ExecutionReport { side: signet_rfq::Side::Sell, ..e }
            },
            &[("Disputed", "1,000"), ("Partly filled", "400")],
        ),
        (
            "another day",
            |a, _| {
                let e = part(a, "E2", "1.08", 600, 1_000);
                ExecutionReport { settlement_date: Some("20261130".into()), ..e }
            },
            &[("Disputed", "1,000"), ("Partly filled", "400")],
        ),
        (
            "another dealer",
            |a, _| {
                let e = part(a, "E2", "1.08", 600, 1_000);
                let dealer = signet_rfq::DealerId::new("EAST").ok();
                ExecutionReport { dealer, ..e }
            },
            &[("Disputed", "1,000"), ("Partly filled", "400")],
        ),
        (
            "more than was accepted",
            |a, _| part(a, "E2", "1.08", 601, 1_001),
            &[("Disputed", "1,001"), ("Partly filled", "400")],
        ),
        (
            "sums that are none",
            |a, _| part(a, "E2", "1.08", 700, 1_000),
            &[("Disputed", "1,000"), ("Partly filled", "400")],
        ),
        (
            "an ExecID that was used",
            |a, _| part(a, "E1", "1.08", 600, 1_000),
            &[("Disputed", "1,000"), ("Partly filled", "400")],
        ),
    ];
    for (what, told, want) in table {
        let (mut b, accept) = partly();
        let e = told(&accept, &so_far);
        for _ in 0..2 {
            say(&mut b, e.clone());
        }
        let want: Vec<(String, String)> =
            want.iter().map(|(s, q)| ((*s).to_owned(), (*q).to_owned())).collect();
        assert_eq!(rows(&b), want, "{what}");
        let disputed = want.iter().any(|(s, _)| s == "Disputed");
        assert_eq!(notices(&b).contains(&"execution.mismatch"), disputed, "{what}");
        let rfq = b.records.blotter.get(BlotterTab::Rfqs, id("R1").as_str()).unwrap();
        let status = want.last().map(|(s, _)| s.as_str());
        assert_eq!(Some(rfq.status.as_str()), status, "{what}");
    }
}

#[test]
fn the_end_of_the_rest_is_told_and_changes_no_row() {
    for (kind, cum, told) in [
        (ExecType::Cancelled, 400, true),
        (ExecType::Cancelled, 0, true),
        (ExecType::Expired, 0, true),
        (ExecType::DoneForDay, 400, true),
        // How it stands.
        (ExecType::Status, 400, false),
        (ExecType::Suspended, 0, false),
    ] {
        let (mut b, accept) = partly();
        let before = notices(&b).len();
        let e = report(&accept, kind, OrdStatus::Cancelled, "C1", "1.08", cum);
        say(&mut b, ExecutionReport { last: None, ..e });
        assert_eq!(rows(&b), [("Partly filled".into(), "400".into())], "{kind:?} {cum}");
        let wanted: &[&str] = if told { &["report.noted"] } else { &[] };
        assert_eq!(notices(&b)[before..], *wanted, "{kind:?} {cum}");
    }
    // What was filled, or is not known, leaves no rest.
    let mut b = book();
    say(&mut b, report("OLD:1", ExecType::Cancelled, OrdStatus::Cancelled, "C1", "0", 0));
    assert!(notices(&b).is_empty() && rows(&b).is_empty());
}

/// A dealer of a plain venue does not say what its numbers count, and need not: they are as asked.
#[test]
fn the_rest_of_a_trade_that_is_not_in_prices_fits_though_the_report_says_no_type() {
    use super::super::life_tests::{NOW, listed, quote, request};
    use signet_fix::message::{AppMessage, QuoteMsg, QuoteRequest, SnapshotMark};
    use signet_rfq::{
        AssetClass, Benchmark, Instrument, InstrumentId, PriceFormat, PriceType, Qualifiers,
    };
    let bond = || InstrumentId::new("DE0001102580").unwrap();
    let margin = PriceType::Margin(Benchmark::read("EURIBOR", "3M", "EUR").unwrap());
    for (of, price) in [
        (PriceType::Yield, "1.080 %"),
        (PriceType::Spread, "1.08 bp"),
        (margin, "1.08 bp over EURIBOR 3M"),
        (PriceType::Price, "1.080000"),
    ] {
        let mut b = Book::new(crate::book::Ids::new(NOW, 1), NOW);
        b.measured(NOW, NOW, NOW);
        let other = if of == PriceType::Price { PriceType::Yield } else { PriceType::Price };
        listed(
            &mut b,
            Instrument {
                id: bond(),
                asset_class: AssetClass::GovernmentBond,
                price_types: vec![other, of],
                price_decimals: 6,
                tick: "0.015625".parse().unwrap(),
                price_format: PriceFormat::ThirtySeconds,
                settlement: "T+2".into(),
                ..super::super::life_tests::euro_dollar()
            },
        );
        let asked =
            QuoteRequest { price_type: of, instrument: bond(), isin: true, ..request("R1") };
        let AppMessage::Quote(q) = quote("R1", "q1", "1.08") else { panic!() };
        let qualifiers = Qualifiers { price_type: of.stated(), ..Qualifiers::default() };
        for m in [
            AppMessage::Snapshot(SnapshotMark::Begin),
            AppMessage::Snapshot(SnapshotMark::Rfq(asked)),
            AppMessage::Quote(QuoteMsg { instrument: bond(), qualifiers, ..q }),
            AppMessage::Snapshot(SnapshotMark::End),
        ] {
            b.message(m, NOW);
        }
        let (accept, _) = press(&mut b);
        let of_bond = |e: ExecutionReport| ExecutionReport { instrument: bond(), ..e };
        say(&mut b, of_bond(part(&accept, "E1", "1.08", 400, 400)));
        b.dismiss("R1").unwrap();
        b.connection.direct = true;
        say(&mut b, of_bond(part(&accept, "E2", "1.08", 300, 700)));
        assert_eq!(rows(&b), [("Partly filled".into(), "700".into())], "{of}");
        // The list of instruments is another one, or has not come yet.
        listed(&mut b, super::super::life_tests::euro_dollar());
        say(&mut b, of_bond(part(&accept, "E3", "1.08", 100, 800)));
        let by_code = of.stated().map(|s| s.code().into());
        let more = |exec, cum, stated| {
            let more = of_bond(part(&accept, exec, "1.08", 50, cum));
            ExecutionReport { price_type: stated, ..more }
        };
        say(&mut b, more("E4", 850, of.stated()));
        say(&mut b, more("E5", 900, by_code));
        assert_eq!(rows(&b), [("Partly filled".into(), "900".into())], "{of}");
        assert!(!notices(&b).contains(&"execution.mismatch"), "{of}");
        // What states another type is another number.
        let other: u16 = if of == PriceType::Yield { 6 } else { 9 };
        say(&mut b, more("E6", 950, Some(other.into())));
        assert!(notices(&b).contains(&"execution.mismatch"), "{of}");
        say(&mut b, more("E7", 950, None));
        let row = b.records.blotter.get(BlotterTab::Trades, &accept).unwrap();
        assert_eq!((row.price.as_deref(), row.quantity.as_str()), (Some(price), "950"));
    }
}

#[test]
fn after_a_bust_or_a_correction_a_plain_venue_has_no_other_execution() {
    let busted = |a: &str| {
        let e = report(a, ExecType::TradeCancel, OrdStatus::Cancelled, "H1", "1.08", 0);
        ExecutionReport { exec_ref: Some("E1".into()), ..e }
    };
    let corrected = |a: &str| {
        let e = report(a, ExecType::TradeCorrect, OrdStatus::Filled, "G1", "1.07", 900);
        ExecutionReport { exec_ref: Some("E1".into()), ..e }
    };
    let fill =
        |a: &str, exec: &str| report(a, ExecType::Trade, OrdStatus::Filled, exec, "1.08", 1_000);
    let so_far = |a: &str, price: &str, cum| ExecutionReport {
        last: None,
        ..report(a, ExecType::Status, OrdStatus::Filled, "S", price, cum)
    };
    type Make<'a> = &'a dyn Fn(&str) -> ExecutionReport;
    type Row<'a> = (&'a str, (Make<'a>, (&'a str, &'a str)), Make<'a>, bool);
    let bust = (&busted as Make<'_>, ("Cancelled by the dealer", "1,000"));
    let correction = (&corrected as Make<'_>, ("Corrected", "900"));
    // What changed the trade, what is told then, and whether a plain venue's word is a dispute.
    let table: [Row<'_>; 6] = [
        ("bust, the trade told again", bust, &|a| fill(a, "E1"), false),
        ("bust, another execution", bust, &|a| fill(a, "E2"), true),
        ("bust, it counts as executed", bust, &|a| so_far(a, "1.08", 1_000), true),
        ("correction, another execution", correction, &|a| fill(a, "E2"), true),
        ("correction, what it says", correction, &|a| so_far(a, "1.07", 900), false),
        ("correction, what it took back", correction, &|a| so_far(a, "1.08", 1_000), true),
    ];
    for (what, (change, row), told, disputed) in table {
        for direct in [true, false] {
            let mut b = book();
            let (accept, _) = press(&mut b);
            say(&mut b, fill(&accept, "E1"));
            b.dismiss("R1").unwrap();
            b.connection.direct = direct;
            say(&mut b, change(&accept));
            for _ in 0..2 {
                say(&mut b, told(&accept));
            }
            let mut want = vec![(row.0.to_owned(), row.1.to_owned())];
            // A gateway compares itself, and marks what does not fit.
            let disputed = disputed && direct;
            want.extend(disputed.then(|| ("Disputed".to_owned(), "1,000".to_owned())));
            assert_eq!(rows(&b), want, "{what}, direct: {direct}");
            let alarmed = notices(&b).contains(&"execution.mismatch");
            assert_eq!(alarmed, disputed, "{what}, direct: {direct}");
        }
    }
}

#[test]
fn a_row_of_an_earlier_signet_does_not_say_what_was_accepted() {
    let (mut b, accept) = partly();
    let row = b.records.blotter.get(BlotterTab::Trades, &accept).unwrap().clone();
    assert_eq!(row.accepted.as_deref(), Some("1,000"));
    b.blot(BlotterTab::Trades, BlotterRow { accepted: None, ..row });
    say(&mut b, part(&accept, "E2", "1.08", 600, 1_000));
    assert!(notices(&b).contains(&"execution.mismatch"));
}

fn trades(b: &Book) -> Vec<(String, String)> {
    let all = BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 100 };
    let mut rows: Vec<_> =
        b.blotter(&all).rows.into_iter().map(|r| (r.status, r.quantity)).collect();
    rows.sort();
    rows
}

#[test]
fn what_was_told_before_a_change_says_nothing_new_when_it_is_told_again() {
    fn fill(a: &str, exec: &str, price: &str) -> ExecutionReport {
        report(a, ExecType::Trade, OrdStatus::Filled, exec, price, 1_000)
    }
    fn total(a: &str) -> ExecutionReport {
        let e = report(a, ExecType::Status, OrdStatus::Filled, "S", "1.08", 1_000);
        ExecutionReport { last: None, ..e }
    }
    fn bust(a: &str, exec: &str, of: &str) -> ExecutionReport {
        let e = report(a, ExecType::TradeCancel, OrdStatus::Cancelled, exec, "0", 0);
        ExecutionReport { exec_ref: Some(of.into()), ..e }
    }
    fn correct(a: &str, exec: &str, of: &str, price: &str, cum: i64) -> ExecutionReport {
        let e = report(a, ExecType::TradeCorrect, OrdStatus::Filled, exec, price, cum);
        ExecutionReport { exec_ref: Some(of.into()), ..e }
    }
    type Told = fn(&str) -> Vec<ExecutionReport>;
    // What is told while the RFQ is on screen and afterwards, the trade's row, how many changes
    // were told, and whether there is a dispute: at a plain venue, and behind a gateway.
    type Row = (&'static str, [Told; 2], (&'static str, &'static str), usize, [bool; 2]);
    let one: Told = |a| vec![fill(a, "E1", "1.08")];
    let two: Told = |a| vec![part(a, "E1", "1.08", 400, 400), part(a, "E2", "1.08", 600, 1_000)];
    let no = [false, false];
    let table: [Row; 18] = [
        (
            "what was corrected, and the correction",
            [one, |a| {
                let g = correct(a, "G1", "E1", "1.07", 900);
                vec![g.clone(), fill(a, "E1", "1.08"), g]
            }],
            ("Corrected", "900"),
            1,
            no,
        ),
        (
            "what was corrected on screen",
            [
                |a| vec![fill(a, "E1", "1.08"), correct(a, "G1", "E1", "1.07", 900)],
                |a| vec![fill(a, "E1", "1.08"), correct(a, "G1", "E1", "1.07", 900)],
            ],
            ("Corrected", "900"),
            1,
            no,
        ),
        (
            "the first of two corrections",
            [one, |a| {
                let g = correct(a, "G1", "E1", "1.07", 900);
                vec![g.clone(), correct(a, "G2", "G1", "1.06", 800), g]
            }],
            ("Corrected", "800"),
            2,
            no,
        ),
        (
            "a bust of what was corrected",
            [one, |a| vec![correct(a, "G1", "E1", "1.07", 900), bust(a, "H1", "E1")]],
            ("Corrected", "900"),
            1,
            [true, true],
        ),
        (
            "another correction of what was corrected",
            [one, |a| {
                vec![correct(a, "G1", "E1", "1.07", 900), correct(a, "G2", "E1", "1.06", 800)]
            }],
            ("Corrected", "900"),
            1,
            [true, true],
        ),
        (
            "a bust of an execution that is not known",
            [two, |a| vec![bust(a, "H1", "E9")]],
            ("Filled", "1,000"),
            0,
            [true, true],
        ),
        (
            "a correction that was taken back, and the bust",
            [one, |a| {
                let (g, h) = (correct(a, "G1", "E1", "1.07", 900), bust(a, "H1", "G1"));
                vec![g.clone(), h.clone(), g, h, fill(a, "E1", "1.08")]
            }],
            ("Cancelled by the dealer", "900"),
            2,
            no,
        ),
        (
            "a correction of what was taken back",
            [one, |a| vec![bust(a, "H1", "E1"), correct(a, "G1", "E1", "1.07", 900)]],
            ("Cancelled by the dealer", "1,000"),
            1,
            [true, true],
        ),
        (
            "the corrected execution at another price",
            [one, |a| vec![correct(a, "G1", "E1", "1.07", 900), fill(a, "E1", "1.09")]],
            ("Corrected", "900"),
            1,
            [true, true],
        ),
        (
            "a correction of another side",
            [one, |a| {
                let g = correct(a, "G1", "E1", "1.07", 900);
                vec![ExecutionReport { side: signet_rfq::Side::Sell, ..g }]
            }],
            ("Filled", "1,000"),
            0,
            [true, true],
        ),
        (
            "the first of two parts",
            [two, |a| vec![part(a, "E1", "1.08", 400, 400)]],
            ("Filled", "1,000"),
            0,
            no,
        ),
        (
            "a part that was taken back, and the parts",
            [two, |a| {
                let mut told = vec![bust(a, "H1", "E1"), bust(a, "H1", "E1")];
                told.extend([part(a, "E1", "1.08", 400, 400), part(a, "E2", "1.08", 600, 1_000)]);
                told
            }],
            ("Corrected", "600"),
            1,
            no,
        ),
        (
            "the parts of a total",
            [
                |a| vec![total(a)],
                |a| vec![part(a, "E1", "1.08", 400, 400), part(a, "E2", "1.08", 600, 1_000)],
            ],
            ("Filled", "1,000"),
            0,
            no,
        ),
        (
            "more than the parts of a total",
            [
                |a| vec![total(a)],
                |a| vec![part(a, "E1", "1.08", 600, 600), part(a, "E2", "1.08", 600, 600)],
            ],
            ("Filled", "1,000"),
            0,
            [true, true],
        ),
        (
            "what was known as a total only, and was corrected",
            [
                |a| vec![total(a)],
                |a| vec![correct(a, "G1", "E1", "1.07", 900), fill(a, "E1", "1.08")],
            ],
            ("Filled", "1,000"),
            0,
            [true, true],
        ),
        (
            "what was known as a total only, and was taken back",
            [|a| vec![total(a)], |a| vec![bust(a, "H1", "E1")]],
            ("Cancelled by the dealer", "1,000"),
            1,
            no,
        ),
        (
            "an execution that has the id of a bust",
            [one, |a| vec![bust(a, "H1", "E1"), fill(a, "H1", "1.08")]],
            ("Cancelled by the dealer", "1,000"),
            1,
            [true, true],
        ),
        (
            "another execution that is just like it",
            [one, |a| vec![fill(a, "E2", "1.08")]],
            ("Filled", "1,000"),
            0,
            // A gateway compares itself, and marks what does not fit.
            [true, false],
        ),
    ];
    for (what, [on_screen, later], row, changes, disputed) in table {
        for (direct, disputed) in [true, false].into_iter().zip(disputed) {
            let what = format!("{what}, direct: {direct}");
            let mut b = book();
            let (accept, _) = press(&mut b);
            on_screen(&accept).into_iter().for_each(|e| say(&mut b, e));
            b.dismiss("R1").unwrap();
            b.connection.direct = direct;
            later(&accept).into_iter().for_each(|e| say(&mut b, e));
            let told = trades(&b);
            let rest: Vec<_> = told.iter().filter(|(s, _)| s != "Disputed").collect();
            assert_eq!(rest, [&(row.0.to_owned(), row.1.to_owned())], "{what}");
            assert_eq!(told.len() > 1, disputed, "{what}");
            let codes = notices(&b);
            assert_eq!(codes.contains(&"execution.mismatch"), disputed, "{what}");
            let changed = |c: &&&str| ["trade.busted", "trade.corrected"].contains(*c);
            assert_eq!(codes.iter().filter(changed).count(), changes, "{what}");
        }
    }
}

/// As of an RFQ that is on screen.
#[test]
fn a_correction_of_a_part_shows_the_average_and_none_is_to_nothing_or_too_much() {
    // How much the part is then, how much is executed in all, the average, and the row.
    for (size, cum, average, want) in [
        (350, 950, "1.076", Some(("1.076", "950"))),
        // A venue may leave the average out.
        (350, 950, "0", Some(("1.07", "950"))),
        (450, 1_050, "1.076", None),
        (0, 600, "1.08", None),
    ] {
        let (mut b, accept) = partly();
        say(&mut b, part(&accept, "E2", "1.08", 600, 1_000));
        b.connection.direct = true;
        let g = report(&accept, ExecType::TradeCorrect, OrdStatus::Filled, "G1", "1.07", cum);
        let last = Some(Level { price: "1.07".parse().unwrap(), size: Decimal::from(size) });
        let (exec_ref, avg_px) = (Some("E1".into()), average.parse().unwrap());
        say(&mut b, ExecutionReport { exec_ref, last, avg_px, ..g });
        let row = b.records.blotter.get(BlotterTab::Trades, &accept).unwrap();
        let told = (row.price.as_deref().unwrap(), row.quantity.as_str());
        assert_eq!(told, want.unwrap_or(("1.08", "1,000")), "{size} {cum}");
        assert_eq!(notices(&b).contains(&"execution.mismatch"), want.is_none(), "{size} {cum}");
    }
}

#[test]
fn a_row_of_an_earlier_signet_takes_a_correction_and_what_it_corrected() {
    let (mut b, accept) = partly();
    let row = b.records.blotter.get(BlotterTab::Trades, &accept).unwrap().clone();
    assert!(row.executions.as_ref().is_some_and(|all| all.len() == 1));
    let old = BlotterRow { executions: None, accepted: None, dealer_id: None, ..row };
    b.blot(BlotterTab::Trades, old);
    b.connection.direct = true;
    let g = report(&accept, ExecType::TradeCorrect, OrdStatus::PartiallyFilled, "G1", "1.07", 300);
    say(&mut b, g);
    say(&mut b, part(&accept, "E1", "1.08", 400, 400));
    assert_eq!(trades(&b), [("Corrected".into(), "300".into())]);
    say(&mut b, part(&accept, "E2", "1.08", 400, 400));
    assert!(notices(&b).contains(&"execution.mismatch"));
}
