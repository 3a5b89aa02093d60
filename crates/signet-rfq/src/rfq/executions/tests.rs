use super::*;
use crate::{
    AcceptId, Execution, InstrumentId, Level, PartRule, Side,
    fix::OrdStatus,
    instrument::bund,
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
fn the_day_counts_the_whole_of_what_is_open_or_in_dispute() {
    let counted = |r: &Rfq| {
        r.counted().into_iter().map(|c| (c.id.clone(), c.quantity, c.disputed)).collect::<Vec<_>>()
    };
    let mut r = sent();
    assert!(counted(&r).is_empty(), "in flight");
    take(&mut r, "x1", &part("e1", "2000000", "2000000"));
    assert_eq!(counted(&r), [(id("x1"), dec("5000000"), None)], "more may be executed");
    assert_eq!(r.open_rest(&id("x1")), Some(dec("3000000")));
    take(&mut r, "x1", &the_end(ExecType::Cancelled, OrdStatus::Cancelled, "2000000"));
    assert_eq!(counted(&r), [(id("x1"), dec("2000000"), None)]);
    assert_eq!(r.open_rest(&id("x1")), None);
    r.note_dispute(dispute("x2", "e9", ExecType::Trade));
    assert_eq!(counted(&r), [(id("x1"), dec("2000000"), None)], "another accept is in dispute");
    r.note_dispute(dispute("x1", "e9", ExecType::Trade));
    assert_eq!(counted(&r), [(id("x1"), dec("5000000"), Some(UtcMillis(7_000)))]);
    // Nothing is known to be executed, and somebody says that it was.
    let mut r = sent();
    r.note_dispute(dispute("x1", "e9", ExecType::Trade));
    assert_eq!(counted(&r), [(id("x1"), dec("5000000"), Some(UtcMillis(7_000)))]);
}

/// x1 on so many of A's five million has left.
fn accepted(quantity: &str) -> Rfq {
    let mut r = open();
    r.set_part(&d("A"), Some(PartRule::of(&bund())));
    let a = Accept { quantity: dec(quantity), ..accept("x1", "A", "a1", "99.5") };
    r.arm(a, T, 50).unwrap();
    r.send_accept(&id("x1"), T, 50).unwrap();
    r
}

/// Nothing more of x1 comes than `cum`.
fn the_end(kind: ExecType, status: OrdStatus, cum: &str) -> Report {
    Report { kind, status, last: None, cum_qty: dec(cum), ..fill("end", "99.5", "1") }
}

fn day(r: &Rfq) -> Vec<Decimal> {
    r.counted().iter().map(|c| c.quantity).collect()
}

#[test]
fn table_of_what_an_accept_counts_after_one_report() {
    use ExecType as T;
    use OrdStatus as S;
    // 150, 39, 14 and 151, what was accepted, and what of it counts; in millions.
    type Row = (ExecType, OrdStatus, &'static str, &'static str, &'static str, &'static str);
    let table: [Row; 27] = [
        // The whole.
        (T::Trade, S::Filled, "2", "0", "2", "2"),
        (T::Trade, S::Filled, "5", "0", "5", "5"),
        // A part, and the rest may come.
        (T::Trade, S::PartiallyFilled, "1", "1", "2", "2"),
        (T::Trade, S::PartiallyFilled, "1", "4", "5", "5"),
        (T::Trade, S::New, "1", "1", "2", "2"),
        (T::Trade, S::PendingCancel, "1", "1", "2", "2"),
        (T::Status, S::PartiallyFilled, "1", "1", "2", "2"),
        (T::Restated, S::PartiallyFilled, "1", "1", "2", "2"),
        (T::PendingCancel, S::PendingCancel, "1", "1", "2", "2"),
        // A part, and nothing more comes.
        (T::Trade, S::Filled, "1", "0", "2", "1"),
        (T::Trade, S::Cancelled, "1", "0", "2", "1"),
        (T::Trade, S::Cancelled, "1", "1", "2", "1"),
        (T::Trade, S::Expired, "1", "0", "5", "1"),
        (T::Trade, S::DoneForDay, "1", "0", "2", "1"),
        (T::Trade, S::Rejected, "1", "0", "2", "1"),
        (T::Cancelled, S::Cancelled, "1", "0", "2", "1"),
        (T::Cancelled, S::PartiallyFilled, "1", "1", "2", "1"),
        (T::Expired, S::Expired, "1", "0", "2", "1"),
        (T::DoneForDay, S::DoneForDay, "1", "0", "2", "1"),
        (T::Status, S::Cancelled, "1", "0", "2", "1"),
        (T::Calculated, S::Calculated, "1", "0", "2", "1"),
        // What contradicts itself frees nothing.
        (T::Trade, S::PartiallyFilled, "1", "0", "2", "2"),
        (T::Trade, S::Filled, "1", "1", "2", "2"),
        (T::Trade, S::Filled, "1", "-1", "2", "2"),
        // Nor does what is in dispute: more than was accepted, and a refusal of what was executed.
        (T::Trade, S::Filled, "5", "0", "2", "2"),
        (T::Cancelled, S::Cancelled, "5", "0", "2", "2"),
        (T::Rejected, S::Rejected, "1", "0", "2", "2"),
    ];
    let million = |n: &str| dec(n) * dec("1000000");
    for (kind, status, cum, leaves, of, counts) in table {
        let what = format!("{kind:?} {status:?} 14={cum} 151={leaves} of {of}");
        let mut r = accepted(&million(of).to_string());
        let level = Level { price: dec("99.5"), size: million(cum) };
        let last = Some(level).filter(|_| kind == T::Trade);
        let (cum_qty, leaves_qty) = (million(cum), million(leaves));
        let m = Report { kind, status, last, cum_qty, leaves_qty, ..fill("e1", "99.5", "1") };
        take(&mut r, "x1", &m);
        assert_eq!(day(&r), [million(counts)], "{what}");
        assert!(!take(&mut r, "x1", &m).changed, "{what}: told again");
        // After a part of which nothing was heard but that it is one.
        let mut r = accepted(&million(of).to_string());
        take(&mut r, "x1", &part("e0", "1000000", "1000000"));
        assert_eq!(day(&r), [million(of)], "{what}");
        if cum == "1" && kind != T::Trade {
            take(&mut r, "x1", &m);
            assert_eq!(day(&r), [million(counts)], "{what}: after its part");
        }
    }
}

/// What is over by a word without a quantity, and a last report that was overtaken.
#[test]
fn an_end_is_heard_once_and_in_whatever_order() {
    for kind in [ExecType::Cancelled, ExecType::Expired, ExecType::DoneForDay] {
        let mut r = in_part();
        let end = the_end(kind, OrdStatus::Cancelled, "0");
        let taken = take(&mut r, "x1", &end);
        assert_eq!((taken.changed, taken.after), (true, AcceptPhase::PartlyFilled), "{kind:?}");
        assert_eq!((day(&r), taken.dispute), (vec![dec("2000000")], None), "{kind:?}");
        assert!(!take(&mut r, "x1", &end).changed, "{kind:?}: told again");
    }
    // The end has the whole quantity, and the execution behind it comes after it.
    let mut r = sent();
    take(&mut r, "x1", &the_end(ExecType::Cancelled, OrdStatus::Cancelled, "2000000"));
    assert_eq!(day(&r), [dec("2000000")]);
    let taken = take(&mut r, "x1", &part("e1", "2000000", "2000000"));
    assert_eq!((day(&r), taken.dispute), (vec![dec("2000000")], None));
    // An execution that calls itself the last and has less than is known ends nothing.
    let mut r = sent();
    take(&mut r, "x1", &part("e2", "1000000", "3000000"));
    let first = Report { status: OrdStatus::Filled, ..fill("e1", "99.5", "2000000") };
    assert!(take(&mut r, "x1", &first).dispute.is_none());
    assert_eq!(day(&r), [dec("5000000")]);
}

/// 2m of x1's five are executed, and the rest is outstanding.
fn in_part() -> Rfq {
    let mut r = sent();
    take(&mut r, "x1", &part("e1", "2000000", "2000000"));
    r
}

/// What was freed may be traded elsewhere by then.
#[test]
fn what_is_executed_after_the_end_is_a_dispute_and_counts() {
    for again in [
        part("e2", "3000000", "5000000"),
        part("e2", "1", "2000001"),
        the_end(ExecType::Status, OrdStatus::Filled, "5000000"),
        part("e2", "9000000", "11000000"),
    ] {
        let mut r = in_part();
        take(&mut r, "x1", &the_end(ExecType::Cancelled, OrdStatus::Cancelled, "2000000"));
        assert_eq!(day(&r), [dec("2000000")]);
        let again = Report { exec_id: "e2".into(), ..again };
        let taken = take(&mut r, "x1", &again);
        let why = taken.dispute.map(|d| d.why).unwrap_or_default();
        let said = if again.cum_qty > dec("5000000") {
            "more was executed than was accepted"
        } else {
            "more was executed after the dealer had ended the rest"
        };
        assert_eq!(why, said);
        assert_eq!(trade(&r).map(|t| t.quantity), Some(dec("2000000")), "the trade stands");
        assert_eq!(day(&r), [dec("5000000")]);
        assert!(!take(&mut r, "x1", &again).changed, "the same again is one dispute");
    }
}

/// Two dealers may send as many as they like.
#[test]
fn a_dispute_that_is_not_kept_any_longer_frees_nothing() {
    let full = |r: &mut Rfq| {
        for n in 0..crate::MAX_DISPUTES_PER_RFQ {
            assert!(r.note_dispute(dispute("x2", &format!("d{n}"), ExecType::Trade)));
        }
    };
    let mut r = in_part();
    full(&mut r);
    take(&mut r, "x1", &the_end(ExecType::Cancelled, OrdStatus::Cancelled, "2000000"));
    assert_eq!(day(&r), [dec("2000000")], "the others are not about it");
    take(&mut r, "x1", &part("e2", "3000000", "5000000"));
    assert_eq!((r.disputes_left_out, day(&r)), (1, vec![dec("5000000")]));
    // It was in flight, and all that is known is that it is in dispute.
    let mut r = sent();
    full(&mut r);
    take(&mut r, "x1", &fill("e1", "98", "5000000"));
    assert_eq!((r.disputes_left_out, day(&r)), (1, vec![dec("5000000")]));
}

#[test]
fn who_executes_less_than_the_least_and_ends_the_rest_is_at_fault() {
    use ExecType as T;
    use OrdStatus as S;
    let (half, least) = ("2000000", "3000000");
    let said = "2000000 was executed and the rest ended, and at least 3000000 was asked for";
    let one = |status| Report { status, ..fill("e1", "99.5", half) };
    // Reports in order, whether the last one is at fault, and the trade that stands then.
    type Row = (Vec<Report>, bool, Option<&'static str>);
    let table: [Row; 8] = [
        (vec![part("e1", half, half)], false, Some(half)),
        (vec![part("e1", half, half), the_end(T::Cancelled, S::Cancelled, half)], true, Some(half)),
        (vec![part("e1", half, half), the_end(T::Expired, S::Expired, "0")], true, Some(half)),
        (vec![part("e1", half, half), part("e2", "1000000", least)], false, Some(least)),
        (vec![part("e1", least, least), the_end(T::Expired, S::Expired, "0")], false, Some(least)),
        // In one report: nobody agreed to such a trade.
        (vec![one(S::Filled)], true, None),
        (vec![the_end(T::Cancelled, S::Cancelled, half)], true, None),
        // Nothing at all is a refusal.
        (vec![the_end(T::Cancelled, S::Cancelled, "0")], false, None),
    ];
    for (n, (reports, fault, stands)) in table.into_iter().enumerate() {
        let mut r = sent();
        r.terms.min_quantity = Some(dec(least));
        let mut why = None;
        for m in &reports {
            why = take(&mut r, "x1", m).dispute.map(|d| d.why);
        }
        assert_eq!(why.as_deref(), fault.then_some(said), "{n}");
        assert_eq!(trade(&r).map(|t| t.quantity), stands.map(dec), "{n}");
        if fault {
            assert_eq!(day(&r), [dec("5000000")], "{n}: it is in dispute");
        }
        if let Some(executed) = stands.filter(|_| fault) {
            // How it stands, for who asks.
            let asked = the_end(T::Status, S::Cancelled, executed);
            let again = take(&mut r, "x1", &Report { exec_id: "s".into(), ..asked });
            assert!(!again.changed && again.dispute.is_none(), "{n}: nothing new");
        }
    }
}
