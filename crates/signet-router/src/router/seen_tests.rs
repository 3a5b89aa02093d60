use super::*;
use crate::{
    MAX_OPEN_RFQS_PER_DESK,
    router::tests::{
        T0, answer, dealer, dec, desk, hit, quoted, refusal, report, request, router, send,
    },
};
use signet_fix::{
    AppMessage,
    message::{ExecType, OrdStatus},
};

fn states(r: &Router, at: i64) -> Vec<(String, &'static str)> {
    let (rows, _) = r.newest(T0 + at, 10);
    let lines = rows.iter().flat_map(|r| &r.lines);
    lines.map(|l| (l.dealer.to_string(), l.state)).collect()
}

#[test]
fn each_line_is_shown_as_it_stands() {
    let mut r = quoted();
    let (rows, more) = r.newest(T0 + 200, 10);
    let row = &rows[0];
    assert_eq!((row.desk.as_str(), row.id.as_str(), more), ("ALICE", "R1", false));
    assert_eq!((row.quantity, row.state, &row.reason), (dec("5000000"), RfqState::Open, &None));
    let n = row.lines.iter().find(|l| l.dealer == dealer("N")).unwrap();
    assert_eq!((n.state, &n.prices[..]), ("quoted", &[dec("99.5")][..]));
    assert!(n.quoted_at.is_some());
    answer(&mut r, "E", refusal(10, None), 200);
    assert!(states(&r, 200).contains(&("E".into(), "passed")));
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    assert!(states(&r, 200).contains(&("N".into(), "accepted")));
    answer(&mut r, "N", report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"), 300);
    assert!(states(&r, 300).contains(&("N".into(), "filled")));
    let (rows, _) = r.newest(T0 + 300, 10);
    assert_eq!(rows[0].state, RfqState::Done);
    // Shown for a while, and remembered for longer.
    assert_eq!(r.newest(T0 + 300 + ENDED_SHOWN_MS - 1, 10).0.len(), 1);
    assert_eq!(r.newest(T0 + 300 + ENDED_SHOWN_MS, 10).0.len(), 0);
}

#[test]
fn the_newest_come_first_and_never_more_than_asked_for() {
    let mut r = router();
    for (who, count) in [("ALICE", MAX_OPEN_RFQS_PER_DESK), ("BOB", 50)] {
        for n in 0..count {
            let q = request(&format!("R{n}"), &["N"]);
            send(&mut r, who, AppMessage::QuoteRequest(q), n as i64);
        }
    }
    let (rows, more) = r.newest(T0 + 500, 10);
    assert_eq!((rows.len(), more), (10, true));
    assert_eq!((rows[0].desk.as_str(), rows[0].id.as_str()), ("BOB", "R49"));
    let (rows, more) = r.newest(T0 + 500, 1_000);
    assert_eq!((rows.len(), more), (MAX_OPEN_RFQS_PER_DESK + 50, false));
    assert_eq!(r.open_count(&desk("BOB")), 50);
}

#[test]
fn one_that_is_too_old_to_be_known_as_new_is_said_to_be_left_out() {
    let mut r = router();
    send(&mut r, "ALICE", AppMessage::QuoteRequest(request("OLD", &["N"])), 0);
    for n in 0..1_000 {
        let id = format!("B{n}");
        send(&mut r, "BOB", AppMessage::QuoteRequest(request(&id, &["N"])), 1);
        // A dealer who passes ends it.
        answer(&mut r, "N", pass_of(&format!("BOB.{id}")), 1);
    }
    let (rows, more) = r.newest(T0 + 2, 10_000);
    assert!(rows.iter().all(|r| r.id.as_str() != "OLD") && more, "{} {more}", rows.len());
}

fn pass_of(rfq: &str) -> AppMessage {
    let AppMessage::QuoteRequestReject(r) = refusal(10, None) else { unreachable!() };
    AppMessage::QuoteRequestReject(signet_fix::message::QuoteRequestReject {
        rfq: RfqId::new(rfq).unwrap(),
        ..r
    })
}
