use super::*;
use crate::{
    AcceptId, Execution, InstrumentId, Level, Side,
    rfq::tests::{T, about, accept, bust, d, dec, fill, id, open, part, sent, take},
};

fn trade(r: &Rfq) -> Option<&Execution> {
    r.accept.as_ref().and_then(|(_, s)| s.last_trade())
}

/// e1 of 2m and e2 of 3m.
fn in_two_parts() -> Rfq {
    let mut r = sent();
    take(&mut r, "x1", &part("e1", "2000000", "2000000"));
    take(&mut r, "x1", &part("e2", "3000000", "5000000"));
    r
}

#[test]
fn a_repeated_exec_id_is_a_repeat_only_when_every_field_is_the_same() {
    let first = fill("e1", "99.5", "5000000");
    let other = Some(Level { price: dec("99.5"), size: dec("4000000") });
    let cases: [(&str, Report, bool); 7] = [
        ("the same", first.clone(), false),
        ("without LastPx and LastQty", Report { last: None, ..first.clone() }, false),
        ("another price", fill("e1", "99.4", "5000000"), true),
        ("another quantity", Report { last: other, ..first.clone() }, true),
        (
            "another date",
            Report { settlement_date: Some("20261125".into()), ..first.clone() },
            true,
        ),
        ("another side", Report { side: Side::Sell, ..first.clone() }, true),
        (
            "another instrument",
            Report { instrument: InstrumentId::new("XS0000000009").unwrap(), ..first.clone() },
            true,
        ),
    ];
    for (what, again, disputed) in cases {
        let mut r = sent();
        take(&mut r, "x1", &first);
        let taken = take(&mut r, "x1", &again);
        assert_eq!((taken.dispute.is_some(), taken.changed), (disputed, disputed), "{what}");
        assert_eq!(trade(&r).map(|t| t.quantity), Some(dec("5000000")), "{what}");
    }
    // The same of a correction.
    let correction = about(ExecType::TradeCorrect, "g1", "e1", "99.4", "5000000");
    for (what, again, disputed) in [
        ("the same", correction.clone(), false),
        ("another price", about(ExecType::TradeCorrect, "g1", "e1", "99.3", "5000000"), true),
        ("another quantity", about(ExecType::TradeCorrect, "g1", "e1", "99.4", "4000000"), true),
        (
            "another date",
            Report { settlement_date: Some("20261125".into()), ..correction.clone() },
            true,
        ),
        ("another side", Report { side: Side::Sell, ..correction.clone() }, true),
        (
            "another instrument",
            Report { instrument: InstrumentId::new("XS0000000009").unwrap(), ..correction.clone() },
            true,
        ),
    ] {
        let mut r = sent();
        take(&mut r, "x1", &first);
        let whole =
            take(&mut r, "x1", &about(ExecType::TradeCorrect, "g1", "e1", "99.4", "5000000"));
        assert!(
            whole.changed && whole.dispute.is_none(),
            "all that was accepted is not more than was accepted"
        );
        assert_eq!(take(&mut r, "x1", &again).dispute.is_some(), disputed, "{what}");
        assert_eq!(
            trade(&r).map(|t| (t.price, t.quantity)),
            Some((dec("99.4"), dec("5000000"))),
            "{what}"
        );
    }
}

/// A dealer that sends no LastQty: a report is worth what CumQty grew by.
#[test]
fn parts_without_a_quantity_of_their_own_count_by_what_they_add() {
    let mut r = sent();
    for (exec, cum, quantity) in [("e1", "2000000", "2000000"), ("e2", "5000000", "3000000")] {
        let taken = take(&mut r, "x1", &Report { last: None, ..part(exec, quantity, cum) });
        assert!(taken.changed && taken.dispute.is_none(), "{exec}");
        assert_eq!(r.executions.last().map(|k| k.quantity), Some(dec(quantity)), "{exec}");
    }
    assert_eq!(trade(&r).map(|t| t.quantity), Some(dec("5000000")));
    // LastQty counts as it stands, also after a status report that told of the whole.
    let mut r = sent();
    take(
        &mut r,
        "x1",
        &Report { kind: ExecType::Status, last: None, ..fill("0", "99.5", "5000000") },
    );
    take(&mut r, "x1", &part("e1", "2000000", "5000000"));
    assert_eq!(r.executions.last().map(|k| k.quantity), Some(dec("2000000")));
}

#[test]
fn what_is_corrected_settles_as_corrected() {
    let date = |d: &str| Some(d.to_owned());
    let corrected = || {
        let mut r = sent();
        take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
        let g = Report {
            settlement_date: date("20261125"),
            ..about(ExecType::TradeCorrect, "g1", "e1", "99.5", "5000000")
        };
        assert!(take(&mut r, "x1", &g).dispute.is_none());
        r
    };
    for (when, disputed) in [("20261125", false), ("20261124", true)] {
        let status = Report {
            kind: ExecType::Status,
            last: None,
            settlement_date: date(when),
            ..fill("s", "99.5", "5000000")
        };
        assert_eq!(take(&mut corrected(), "x1", &status).dispute.is_some(), disputed, "{when}");
    }
}

#[test]
fn a_correction_of_one_part_leaves_the_average_price_and_one_of_the_whole_its_own() {
    let correct = |avg: &str, last: &str| Report {
        avg_px: dec(avg),
        ..about(ExecType::TradeCorrect, "g1", "e1", "99.3", last)
    };
    for (avg, price) in [("99.42", "99.42"), ("0", "99.3"), ("-1", "99.3")] {
        let mut r = in_two_parts();
        assert!(take(&mut r, "x1", &correct(avg, "2000000")).dispute.is_none());
        assert_eq!(
            trade(&r).map(|t| (t.price, t.quantity)),
            Some((dec(price), dec("5000000"))),
            "{avg}"
        );
    }
    let mut r = sent();
    take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
    take(&mut r, "x1", &correct("99.42", "5000000"));
    assert_eq!(trade(&r).map(|t| t.price), Some(dec("99.3")), "the whole trade has one price");
}

#[test]
fn a_part_is_busted_once() {
    let mut r = in_two_parts();
    assert!(take(&mut r, "x1", &bust("h1", "e1")).changed);
    let again = take(&mut r, "x1", &bust("h2", "e1"));
    assert!(!again.changed && again.dispute.is_none());
    assert_eq!(trade(&r).map(|t| t.quantity), Some(dec("3000000")));
    // What only a status report told of: the bust is known by its ExecID when it comes again.
    let mut r = sent();
    take(
        &mut r,
        "x1",
        &Report { kind: ExecType::Status, last: None, ..fill("0", "99.5", "5000000") },
    );
    assert!(take(&mut r, "x1", &bust("h1", "e1")).changed);
    let again = take(&mut r, "x1", &bust("h1", "e1"));
    assert!(!again.changed && again.dispute.is_none());
}

/// ExecRefID names what stands: after a correction the correction (FIX, order state changes J.1.a).
#[test]
fn a_bust_of_what_was_corrected_is_a_dispute_and_one_of_the_correction_fits() {
    let corrected = |mut r: Rfq| {
        let g = about(ExecType::TradeCorrect, "g1", "e1", "99.4", "2000000");
        assert!(take(&mut r, "x1", &g).dispute.is_none());
        r
    };
    let whole = || {
        let mut r = sent();
        take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
        r
    };
    for (what, r, left) in
        [("the whole", whole(), "2000000"), ("a part", in_two_parts(), "5000000")]
    {
        let mut r = corrected(r);
        let taken = take(&mut r, "x1", &bust("h1", "e1"));
        assert!(taken.dispute.is_some(), "{what}");
        assert_eq!(trade(&r).map(|t| t.quantity), Some(dec(left)), "{what}");
        assert!(r.accept.as_ref().is_some_and(|(_, s)| s.traded().is_some()), "{what}");
        let again = take(&mut r, "x1", &bust("h1", "e1"));
        assert!(again.dispute.is_none() && !again.changed, "{what}: told once more");
        let taken = take(&mut r, "x1", &bust("h2", "g1"));
        assert!(taken.changed && taken.dispute.is_none(), "{what}");
    }
    // Nothing stands: it says nothing new.
    let mut r = corrected(whole());
    take(&mut r, "x1", &bust("h1", "g1"));
    let taken = take(&mut r, "x1", &bust("h2", "e1"));
    assert!(taken.dispute.is_none() && !taken.changed);
}

/// A dealer that gives a bust the ExecID of what it busts, and one that gives an execution the
/// ExecID of a bust.
#[test]
fn one_exec_id_for_a_bust_and_an_execution_is_a_dispute() {
    for of in ["e1", ""] {
        let mut r = sent();
        take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
        let taken = take(&mut r, "x1", &bust("e1", of));
        assert!(taken.changed && taken.dispute.is_some(), "a bust of {of:?}");
        assert_eq!(trade(&r).map(|t| t.quantity), Some(dec("5000000")), "a bust of {of:?}");
    }
    for again in [
        Report { last: None, ..fill("h1", "99.5", "5000000") },
        Report { last: None, ..about(ExecType::TradeCorrect, "h1", "e1", "99.5", "5000000") },
    ] {
        let mut r = sent();
        take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
        take(&mut r, "x1", &bust("h1", "e1"));
        assert!(take(&mut r, "x1", &again).dispute.is_some(), "{:?}", again.kind);
    }
}

/// A bust or a correction must be of the same trade in everything that no correction changes.
#[test]
fn a_bust_or_a_correction_in_other_terms_is_a_dispute() {
    for kind in [ExecType::TradeCancel, ExecType::TradeCorrect] {
        let m = about(kind, "h1", "e1", "99.5", "5000000");
        for (what, report) in [
            ("another side", Report { side: Side::Sell, ..m.clone() }),
            (
                "another instrument",
                Report { instrument: InstrumentId::new("XS0000000009").unwrap(), ..m.clone() },
            ),
            ("another currency", Report { currency: Some("USD".into()), ..m.clone() }),
        ] {
            let mut r = sent();
            take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
            assert!(take(&mut r, "x1", &report).dispute.is_some(), "{kind:?} with {what}");
            assert!(
                trade(&r).is_some_and(|t| t.quantity == dec("5000000")),
                "{kind:?} with {what}: the trade stands"
            );
        }
    }
}

/// As many busts and corrections as executions are remembered.
#[test]
fn there_is_room_for_a_correction_of_every_execution() {
    for kind in [ExecType::TradeCancel, ExecType::TradeCorrect] {
        let mut r = sent();
        for n in 1..=MAX_EXECUTIONS_PER_RFQ {
            take(&mut r, "x1", &part(&format!("e{n}"), "1", &n.to_string()));
        }
        for n in 1..MAX_EXECUTIONS_PER_RFQ {
            let m = about(kind, &format!("h{n}"), &format!("e{n}"), "99.5", "1");
            assert!(take(&mut r, "x1", &m).dispute.is_none(), "{kind:?} {n}");
        }
        assert_eq!(r.executions.len(), 2 * MAX_EXECUTIONS_PER_RFQ - 1);
        let last = |r: &mut Rfq, id: &str| {
            take(r, "x1", &about(kind, id, &format!("e{MAX_EXECUTIONS_PER_RFQ}"), "99.5", "1"))
        };
        assert!(last(&mut r, "h-last").dispute.is_none(), "{kind:?}");
        assert!(last(&mut r, "h-beyond").dispute.is_some(), "{kind:?}: no more are remembered");
    }
}

#[test]
fn what_an_accept_that_was_never_sent_is_told_is_not_remembered() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    let taken = take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
    assert_eq!(taken.before, AcceptPhase::Armed);
    assert!(r.executions.is_empty() && trade(&r).is_none() && r.state != RfqState::Done);
}

fn dispute(accept: &str, exec: &str, kind: ExecType) -> Dispute {
    Dispute {
        accept: AcceptId::new(accept).unwrap(),
        dealer: d("A"),
        exec_id: exec.into(),
        kind,
        side: Side::Buy,
        price: dec("99.5"),
        quantity: dec("1"),
        settlement_date: None,
        at: T,
        received: UtcMillis(7_000),
        why: "because".into(),
    }
}

#[test]
fn disputes_found_by_somebody_else_are_noted_once_and_bounded() {
    let mut r = open();
    assert!(!r.is_to_be_remembered());
    assert!(r.note_dispute(dispute("x9", "e0", ExecType::Trade)) && r.is_to_be_remembered());
    assert!(!r.note_dispute(dispute("x9", "e0", ExecType::Trade)));
    assert!(
        r.note_dispute(dispute("x9", "e0", ExecType::TradeCancel))
            && r.note_dispute(dispute("x8", "e0", ExecType::Trade))
    );
    for n in 3..MAX_DISPUTES_PER_RFQ {
        assert!(r.note_dispute(dispute("x9", &format!("e{n}"), ExecType::Trade)));
    }
    assert!(!r.note_dispute(dispute("x9", "one more", ExecType::Trade)));
    assert_eq!(r.disputes.len(), MAX_DISPUTES_PER_RFQ);
    let mut done = sent();
    take(&mut done, "x1", &fill("e1", "99.5", "5000000"));
    assert!(!done.is_disputed() && done.is_to_be_remembered());
}

#[test]
fn the_day_counts_what_was_executed_and_the_whole_of_what_is_in_dispute() {
    let counted = |r: &Rfq| {
        r.counted().into_iter().map(|c| (c.id.clone(), c.quantity, c.disputed)).collect::<Vec<_>>()
    };
    let mut r = sent();
    assert!(counted(&r).is_empty(), "in flight");
    take(&mut r, "x1", &part("e1", "2000000", "2000000"));
    assert_eq!(counted(&r), [(id("x1"), dec("2000000"), None)]);
    r.note_dispute(dispute("x2", "e9", ExecType::Trade));
    assert_eq!(counted(&r), [(id("x1"), dec("2000000"), None)], "another accept is in dispute");
    r.note_dispute(dispute("x1", "e9", ExecType::Trade));
    assert_eq!(counted(&r), [(id("x1"), dec("5000000"), Some(UtcMillis(7_000)))]);
    // Nothing is known to be executed, and somebody says that it was.
    let mut r = sent();
    r.note_dispute(dispute("x1", "e9", ExecType::Trade));
    assert_eq!(counted(&r), [(id("x1"), dec("5000000"), Some(UtcMillis(7_000)))]);
}
