//! What is reported of an accept whose RFQ is off the screen.

use super::super::{
    life_tests::{book, id, notices, press, report, say},
    *,
};
use crate::view::{BlotterRow, BlotterTab};
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
