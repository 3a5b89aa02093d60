//! The least quantity of a request, from the desk to its dealers and back.

use super::*;
use super::{T0, answer, dealer, dec, desk, hit, quote, report, request, router, send};
use signet_fix::message::{ExecutionReport, OrdStatus, QuoteMsg, SnapshotMark, TakeOver};
use signet_rfq::Level;

fn asked(least: &str) -> QuoteRequest {
    QuoteRequest { min_quantity: Some(dec(least)), ..request("R1", &["N", "E"]) }
}

fn of_size(id: &str, size: &str) -> AppMessage {
    let AppMessage::Quote(q) = quote("ALICE.R1", id, "99.5", 30_000) else { unreachable!() };
    let offer = Some(Level { price: dec("99.5"), size: dec(size) });
    AppMessage::Quote(QuoteMsg { offer, ..q })
}

/// What the RFQs in the messages to a desk want at least.
fn told(out: &[Output], who: &str) -> Vec<Option<String>> {
    out.iter()
        .filter_map(|o| match o {
            Output::ToDesk(d, AppMessage::Snapshot(SnapshotMark::Rfq(q))) if *d == desk(who) => {
                Some(q.min_quantity.map(|q| q.to_string()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn dealers_are_told_the_least_quantity_and_a_smaller_quote_is_their_fault() {
    let mut r = router();
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(asked("2000000")), 0);
    let sent: Vec<_> = out
        .iter()
        .filter_map(|o| match o {
            Output::ToDealer(_, AppMessage::QuoteRequest(q)) => q.min_quantity,
            _ => None,
        })
        .collect();
    assert_eq!(sent, [dec("2000000"); 2]);
    let passed_on =
        |out: &[Output]| out.iter().any(|o| matches!(o, Output::ToDesk(_, AppMessage::Quote(_))));
    assert!(passed_on(&answer(&mut r, "N", of_size("n1", "2000000"), 10)));
    let out = answer(&mut r, "N", of_size("n2", "1999999"), 20);
    assert!(!passed_on(&out), "{out:?}");
    let why = out.iter().find_map(|o| match o {
        Output::ToDealer(_, AppMessage::BusinessReject(j)) => j.text.clone(),
        _ => None,
    });
    let why = why.unwrap();
    assert!(why.contains("the size is 1999999, and at least 2000000 was asked for"), "{why}");
    let gone = |o: &Output| matches!(o, Output::ToDesk(_, AppMessage::QuoteCancel(_)));
    assert!(out.iter().any(gone), "the quote before it does not stand: {out:?}");
    assert!(passed_on(&answer(&mut r, "E", of_size("e1", "5000000"), 30)), "the other is heard");
}

#[test]
fn a_least_quantity_that_makes_no_sense_reaches_no_dealer() {
    for (least, words) in [
        ("5000000.01", "the least quantity, 5000000.01, is more than the quantity, 5000000"),
        ("0", "the least quantity, 0, is not above zero"),
    ] {
        let mut r = router();
        let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(asked(least)), 0);
        let [Output::Note(_), Output::ToDesk(_, AppMessage::QuoteRequestReject(no))] = &out[..]
        else {
            panic!("{out:?}")
        };
        assert_eq!(no.text.as_deref(), Some(words));
    }
}

#[test]
fn it_is_kept_with_the_request_in_journal_snapshot_and_hand_over() {
    let mut r = router();
    let input = Input::FromDesk(desk("ALICE"), AppMessage::QuoteRequest(asked("5000000")));
    let Keep::This(Input::Decided(_, Decided::Request(kept))) = r.keep(T0, &input) else {
        panic!("not kept")
    };
    assert_eq!(kept.min_quantity, Some(dec("5000000")));
    r.handle(T0, input);
    let out = r.handle(T0 + 10, Input::DeskUp(desk("ALICE")));
    assert_eq!(told(&out, "ALICE"), [Some("5000000".to_owned())]);
    let (rows, _) = r.open_of_others(&desk("BOB"), 10, T0 + 20, |_| Some("Alice".into()));
    assert_eq!(rows[0].request.min_quantity, Some(dec("5000000")));
    let (rfq, of) = (RfqId::new("B1").unwrap(), RfqId::new("R1").unwrap());
    let take = TakeOver { rfq, desk: desk("ALICE"), of, at: T0 + 30 };
    let out = send(&mut r, "BOB", AppMessage::TakeOver(take), 30);
    assert_eq!(told(&out, "BOB"), [Some("5000000".to_owned())]);
    // It holds for the quotes that come afterwards.
    let out = answer(&mut r, "N", of_size("n1", "4999999"), 40);
    assert!(out.iter().any(|o| matches!(o, Output::ToDealer(_, AppMessage::BusinessReject(_)))));
    // So does the text that a security key signs, where a touch is asked for.
    let terms = QuoteRequest { dealers: vec![dealer("N")], ..asked("5000000") }.terms();
    let text = signet_stepup::RequestTerms::of(&terms);
    assert_eq!(text.min_quantity.as_deref(), Some("5000000"));
}

/// It was told the least with the request.
#[test]
fn a_dealer_that_executes_less_and_ends_the_rest_is_at_fault() {
    let of = |exec: &str, kind, status, last: Option<&str>, cum: &str| {
        let AppMessage::ExecutionReport(e) = report("ALICE.x1", kind, status, "99.5") else {
            unreachable!()
        };
        let last = last.map(|size| Level { price: dec("99.5"), size: dec(size) });
        let (exec_id, cum_qty) = (exec.into(), dec(cum));
        let leaves_qty = match status {
            OrdStatus::PartiallyFilled => dec("5000000") - cum_qty,
            _ => Decimal::ZERO,
        };
        AppMessage::ExecutionReport(ExecutionReport { exec_id, last, cum_qty, leaves_qty, ..e })
    };
    let (trade, cut) = (ExecType::Trade, ExecType::Cancelled);
    let (part, over) = (OrdStatus::PartiallyFilled, OrdStatus::Cancelled);
    let in_part = |size| of("X1", trade, part, Some(size), size);
    let end = |cum| of("X2", cut, over, None, cum);
    let only = of("X1", trade, OrdStatus::Filled, Some("1999000"), "1999000");
    // What was asked for at least; the reports; what the last of them is at fault for.
    let table = [
        ("2000000", vec![in_part("2000000"), end("2000000")], None),
        ("2000000", vec![in_part("1999000")], None),
        ("2000000", vec![in_part("1999000"), end("1999000")], Some("least 2000000 was asked for")),
        ("2000000", vec![in_part("1999000"), end("0")], Some("least 2000000 was asked for")),
        ("2000000", vec![only], Some("least 2000000 was asked for")),
        // All or none.
        ("5000000", vec![in_part("4999000"), end("4999000")], Some("5000000 was asked for")),
    ];
    for (n, (least, reports, fault)) in table.into_iter().enumerate() {
        let mut r = router();
        send(&mut r, "ALICE", AppMessage::QuoteRequest(asked(least)), 0);
        answer(&mut r, "N", of_size("n1", "5000000"), 10);
        send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 20);
        let mut out = Vec::new();
        for (at, m) in (30..).zip(reports) {
            out = answer(&mut r, "N", m, at);
        }
        let event = out.iter().find_map(|o| match o {
            Output::Alert { code: "execution.disputed", about, words } if about == "N" => {
                Some(words.clone())
            }
            _ => None,
        });
        let told = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::ExecutionReport(e)) if e.disputed => e.text.clone(),
            _ => None,
        });
        for said in [event, told] {
            assert_eq!(said.is_some(), fault.is_some(), "{n}: {out:?}");
            let said = said.unwrap_or_default();
            assert!(said.ends_with(fault.unwrap_or_default()), "{n}: {said}");
        }
        let day = r.doing(&desk("ALICE"), T0 + 50).day.get("EUR").copied();
        let whole = fault.is_some() || n == 1;
        assert_eq!(day, Some(dec(if whole { "5000000" } else { "2000000" })), "{n}");
    }
}
