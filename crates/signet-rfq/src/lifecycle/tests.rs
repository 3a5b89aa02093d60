//! Every cell of the four tables, driven through the state machine that runs on them.

use super::*;
use crate::{
    Accept, AcceptId, AcceptState, Ask, Counter, DealerId, Declined, Level, LineState, Passed,
    Quote, QuoteId, Report, Rfq, RfqError, RfqId, Side, Terms, UtcMillis,
    fix::{ExecType, OrdStatus},
    instrument::bund,
};
use rust_decimal::Decimal;

const T: UtcMillis = UtcMillis(2_000);

fn d(n: &str) -> DealerId {
    DealerId::new(n).unwrap()
}

fn dec(n: &str) -> Decimal {
    n.parse().unwrap()
}

fn id() -> AcceptId {
    AcceptId::new("x1").unwrap()
}

fn quote(id: &str, offer: &str, until: i64) -> Quote {
    let offer = Some(Level { price: dec(offer), size: dec("5") });
    Quote {
        legs: vec![],
        id: QuoteId::new(id).unwrap(),
        dealer: d("A"),
        bid: None,
        offer,
        valid_until: UtcMillis(until),
        tradeable: true,
    }
}

fn fresh() -> Rfq {
    Rfq::new(Terms {
        min_quantity: None,
        price_type: crate::PriceType::Price,
        legs: vec![],
        id: RfqId::new("R1").unwrap(),
        instrument: bund().id,
        ask: Ask::Buy,
        quantity: dec("5"),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![d("A"), d("B")],
        expires: UtcMillis(120_000),
        created: UtcMillis(0),
    })
}

fn open() -> Rfq {
    let mut r = fresh();
    r.acknowledge();
    r.quote(quote("a1", "99.5", 60_000), UtcMillis(1_000)).unwrap();
    r
}

fn accept_of(r: &Rfq) -> Accept {
    Accept {
        part_of: None,
        legs: vec![],
        id: id(),
        rfq: r.terms.id.clone(),
        dealer: d("A"),
        quote: QuoteId::new("a1").unwrap(),
        instrument: bund().id,
        side: Side::Buy,
        price: dec("99.5"),
        quantity: dec("5"),
        limit: None,
    }
}

fn report(kind: ExecType, exec: &str, last: &str, cum: &str) -> Report {
    Report {
        price_type: None,
        legs: vec![],
        kind,
        status: OrdStatus::PartiallyFilled,
        exec_id: exec.into(),
        exec_ref: None,
        order_id: "O".into(),
        instrument: bund().id,
        side: Side::Buy,
        last: (last != "0").then(|| Level { price: dec("99.5"), size: dec(last) }),
        cum_qty: dec(cum),
        leaves_qty: dec("5") - dec(cum),
        avg_px: dec("99.5"),
        settlement_date: Some("20261124".into()),
        currency: Some("EUR".into()),
        text: Some("no".into()),
        disputed: false,
        at: T,
    }
}

fn tell(r: &mut Rfq, what: &Report) -> crate::Taken {
    r.report(&id(), what, Declined::ByDealer, T).unwrap()
}

#[test]
fn the_document_is_what_the_code_runs_on() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lifecycle.md");
    let want = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &want).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == want,
        "docs/lifecycle.md is stale: UPDATE_DOCS=1 cargo test -p signet-rfq lifecycle"
    );
}

fn request_in(state: RfqState) -> Rfq {
    let mut r = if state == RfqState::Sent { fresh() } else { open() };
    match state {
        RfqState::Sent | RfqState::Open => {}
        RfqState::Done => fill(&mut r),
        RfqState::Refused => assert!(r.refuse("no".into())),
        RfqState::TakenOver => assert!(r.taken_over("by BOB".into())),
        other => r.end(other, Some("why".into())).unwrap(),
    }
    assert_eq!(r.state, state);
    r
}

fn fill(r: &mut Rfq) {
    r.arm(accept_of(r), T, 0).unwrap();
    r.send_accept(&id(), T, 0).unwrap();
    assert!(tell(r, &report(ExecType::Trade, "e1", "5", "5")).changed);
}

/// `None`: it was refused. Else whether it did anything.
fn request_event(r: &mut Rfq, event: RequestEvent) -> Option<bool> {
    let before = r.state;
    let done = match event {
        RequestEvent::Acknowledged => {
            r.acknowledge();
            Ok(())
        }
        RequestEvent::Quoted => r.quote(quote("a9", "99.1", 90_000), T).map(|_| ()),
        RequestEvent::Refused => {
            return if r.refuse("no".into()) {
                Some(true)
            } else {
                before.ended().then_some(()).map_or(Some(false), |()| None)
            };
        }
        RequestEvent::Ended => r.end(RfqState::Cancelled, None),
        RequestEvent::TimeUp => {
            return if r.tick(UtcMillis(500_000)) {
                Some(true)
            } else {
                before.ended().then_some(()).map_or(Some(false), |()| None)
            };
        }
        RequestEvent::NobodyLeft => r.end(RfqState::NothingDone, None),
        RequestEvent::TakenOver => {
            return if r.taken_over("by BOB".into()) { Some(true) } else { None };
        }
        RequestEvent::Executed => return None,
    };
    done.ok().map(|()| r.state != before)
}

#[test]
fn every_cell_of_the_request_table() {
    for state in REQUEST_STATES {
        for event in RequestEvent::ALL {
            let outcome = request(state, event);
            if event == RequestEvent::Executed {
                // Through an accept in flight, which no ended request has.
                let lives = matches!(state, RfqState::Sent | RfqState::Open);
                assert_eq!(outcome == To(RfqState::Done), lives, "{state} {event}");
                continue;
            }
            let mut r = request_in(state);
            let did = request_event(&mut r, event);
            match outcome {
                To(s) => assert_eq!((did, r.state), (Some(true), s), "{state} {event}"),
                Stay => assert_eq!((did, r.state), (Some(false), state), "{state} {event}"),
                Never => assert_eq!((did, r.state), (None, state), "{state} {event}"),
                Settle(_) => panic!("{state} {event}"),
            }
            if state.ended() {
                assert!(!matches!(outcome, To(_)), "{state} is final: {event}");
            }
        }
    }
    assert_eq!(REQUEST_STATES.len() * RequestEvent::ALL.len(), 64);
}

#[test]
fn what_would_end_a_request_waits_for_the_answer_to_its_accept() {
    for event in RequestEvent::ALL.into_iter().filter(|e| *e != RequestEvent::Executed) {
        let mut r = open();
        r.arm(accept_of(&r), T, 0).unwrap();
        r.send_accept(&id(), T, 0).unwrap();
        request_event(&mut r, event);
        assert_eq!(r.state, RfqState::Open, "{event}");
    }
    let mut r = open();
    r.arm(accept_of(&r), T, 0).unwrap();
    r.send_accept(&id(), T, 0).unwrap();
    assert!(!r.refuse("no".into()) && r.reason.is_none());
    assert_eq!(r.end(RfqState::Cancelled, None), Err(RfqError::AcceptInFlight));
}

fn counter_of() -> Counter {
    Counter {
        id: AcceptId::new("c1").unwrap(),
        dealer: d("A"),
        quote: QuoteId::new("a1").unwrap(),
        side: Side::Buy,
        price: dec("99.4"),
        quoted: dec("99.5"),
        quantity: dec("5"),
        until: UtcMillis(62_000),
        at: T,
    }
}

fn line_in(phase: LinePhase) -> Rfq {
    let mut r = if phase == LinePhase::Asked { fresh() } else { open() };
    r.acknowledge();
    let why = |code| Passed { code, text: "no".into() };
    match phase {
        LinePhase::Asked | LinePhase::Quoted => {}
        LinePhase::Withdrawn => assert_eq!(r.withdraw(&d("A"), None), Ok(true)),
        LinePhase::Unreachable => assert!(r.unreachable(&d("A"))),
        LinePhase::NotRepeated => {
            assert!(r.await_repeats());
            r.settle_repeats(|_| false);
        }
        LinePhase::Expired => assert!(r.tick(UtcMillis(60_000))),
        LinePhase::Passed => r.pass(&d("A"), why(10)).unwrap(),
        LinePhase::Rejected => r.pass(&d("A"), why(1)).unwrap(),
        LinePhase::TurnedDown => assert!(r.turned_down(&d("A"), "".into())),
        LinePhase::Traded => fill(&mut r),
        LinePhase::Countered => assert!(r.counter(counter_of())),
        LinePhase::CounterOver => {
            assert!(r.counter(counter_of()));
            assert!(r.counter_unanswered(&counter_of().id));
        }
    }
    assert_eq!(r.line(&d("A")).unwrap().state.phase(), phase);
    r
}

#[test]
fn every_cell_of_the_line_table() {
    let why = |code| Passed { code, text: "no".into() };
    for phase in LinePhase::ALL {
        for event in LineEvent::ALL {
            let mut r = line_in(phase);
            let now = if phase == LinePhase::Expired { UtcMillis(61_000) } else { T };
            match event {
                LineEvent::NewQuote => drop(r.quote(quote("a2", "99.7", 90_000), now)),
                LineEvent::DeadQuote => drop(r.quote(quote("a2", "99.7", 1_000), now)),
                // An expired quote that comes again is over; it cannot be the same and live.
                LineEvent::SameQuote => drop(r.quote(quote("a1", "99.5", 60_000), now)),
                LineEvent::Withdrawn => {
                    drop(r.withdraw(&d("A"), Some(&QuoteId::new("a1").unwrap())))
                }
                LineEvent::Passed => drop(r.pass(&d("A"), why(10))),
                LineEvent::Rejected => drop(r.pass(&d("A"), why(1))),
                LineEvent::TurnedDown => drop(r.turned_down(&d("A"), "no".into())),
                LineEvent::TimeUp => drop(r.tick(UtcMillis(61_000))),
                LineEvent::LinkLost => drop(r.unreachable(&d("A"))),
                LineEvent::OwnLinkLost => drop(r.await_repeats()),
                LineEvent::Countered => drop(r.counter(counter_of())),
                LineEvent::CounterOver => drop(r.counter_refused(&counter_of().id, "no".into())),
                LineEvent::CounterNotSent => _ = r.counter_not_sent(&counter_of().id, "no".into()),
                LineEvent::NotRepeated => drop(r.settle_repeats(|_| false)),
                LineEvent::Executed if matches!(phase, LinePhase::Quoted | LinePhase::Traded) => {
                    if phase == LinePhase::Quoted {
                        fill(&mut r);
                    }
                }
                // An accept in flight outlives its quote.
                LineEvent::Executed => assert!(r.line_event(&d("A"), event, LineState::Traded)),
            }
            // The first quote of a line is new, whatever its id.
            let event = if (phase, event) == (LinePhase::Asked, LineEvent::SameQuote) {
                LineEvent::NewQuote
            } else {
                event
            };
            let after = r.line(&d("A")).unwrap().state.phase();
            match line(phase, event) {
                To(s) => assert_eq!(after, s, "{phase} {event}"),
                Stay | Never => assert_eq!(after, phase, "{phase} {event}"),
                Settle(_) => panic!("{phase} {event}"),
            }
        }
    }
    assert_eq!(LinePhase::ALL.len() * LineEvent::ALL.len(), 180);
}

fn accept_in(phase: AcceptPhase) -> Rfq {
    let mut r = open();
    r.arm(accept_of(&r), T, 0).unwrap();
    if phase == AcceptPhase::Armed {
        return r;
    }
    r.send_accept(&id(), T, 0).unwrap();
    let part = report(ExecType::Trade, "e1", "2", "2");
    let correct = |price: &str| {
        let last = Some(Level { price: dec(price), size: dec("2") });
        Report {
            exec_ref: Some("e1".into()),
            last,
            ..report(ExecType::TradeCorrect, "g1", "2", "2")
        }
    };
    match phase {
        AcceptPhase::Armed | AcceptPhase::Sent => {}
        AcceptPhase::LastLook => assert_eq!(r.last_look(&id()), Ok(true)),
        AcceptPhase::Unknown => assert!(r.answer_lost()),
        AcceptPhase::PartlyFilled => assert!(tell(&mut r, &part).changed),
        AcceptPhase::Filled => {
            assert!(tell(&mut r, &report(ExecType::Trade, "e1", "5", "5")).changed)
        }
        AcceptPhase::Corrected => {
            tell(&mut r, &part);
            assert!(tell(&mut r, &correct("99.4")).changed);
        }
        AcceptPhase::Busted => {
            tell(&mut r, &part);
            let bust = Report {
                exec_ref: Some("e1".into()),
                ..report(ExecType::TradeCancel, "h1", "0", "0")
            };
            assert!(tell(&mut r, &bust).changed);
        }
        AcceptPhase::Declined => {
            assert_eq!(r.declined(&id(), Declined::ByDealer("no".into())), Ok(true))
        }
        AcceptPhase::Disputed => {
            assert!(
                tell(
                    &mut r,
                    &Report { side: Side::Sell, ..report(ExecType::Trade, "d1", "5", "5") }
                )
                .dispute
                .is_some()
            );
        }
    }
    assert_eq!(r.accept.as_ref().unwrap().1.phase(), phase);
    r
}

/// The report that means `event` for an accept in `phase`.
fn report_of(phase: AcceptPhase, event: AcceptEvent) -> Option<Report> {
    let so_far = match phase {
        AcceptPhase::PartlyFilled | AcceptPhase::Corrected => 2,
        AcceptPhase::Filled => 5,
        _ => 0,
    };
    let exec = if phase == AcceptPhase::Corrected { "g1" } else { "e1" };
    let rest = (5 - so_far).to_string();
    Some(match event {
        AcceptEvent::Working => report(ExecType::PendingNew, "w", "0", "0"),
        AcceptEvent::PartExecuted => report(ExecType::Trade, "new", "1", &(so_far + 1).to_string()),
        AcceptEvent::WholeExecuted => {
            report(ExecType::Trade, "new", if rest == "0" { "5" } else { &rest }, "5")
        }
        AcceptEvent::Repeated => match phase {
            AcceptPhase::PartlyFilled | AcceptPhase::Corrected | AcceptPhase::Busted => {
                report(ExecType::Trade, "e1", "2", "2")
            }
            AcceptPhase::Filled => report(ExecType::Trade, "e1", "5", "5"),
            AcceptPhase::Disputed => {
                Report { side: Side::Sell, ..report(ExecType::Trade, "d1", "5", "5") }
            }
            _ => return None,
        },
        AcceptEvent::Contradicted => {
            Report { avg_px: dec("1"), last: None, ..report(ExecType::Trade, "bad", "0", "5") }
        }
        AcceptEvent::Refused => {
            Report { status: OrdStatus::Rejected, ..report(ExecType::Rejected, "r", "0", "0") }
        }
        AcceptEvent::NothingTraded => report(ExecType::Cancelled, "c", "0", "0"),
        AcceptEvent::TradeCancelled => {
            Report { exec_ref: Some(exec.into()), ..report(ExecType::TradeCancel, "h9", "0", "0") }
        }
        AcceptEvent::TradeCorrected => {
            Report { exec_ref: Some(exec.into()), ..report(ExecType::TradeCorrect, "g9", "2", "2") }
        }
        AcceptEvent::Noted => report(ExecType::Restated, "n", "0", "0"),
        AcceptEvent::Confirmed
        | AcceptEvent::Dropped
        | AcceptEvent::LinkLost
        | AcceptEvent::HeldAtGateway => return None,
    })
}

#[test]
fn every_cell_of_the_accept_table() {
    for phase in AcceptPhase::ALL {
        for event in AcceptEvent::ALL {
            let mut r = accept_in(phase);
            let (before, disputes) = (r.clone(), r.disputes.len());
            let seen = match report_of(phase, event) {
                Some(m) => tell(&mut r, &m).event,
                None => {
                    match event {
                        AcceptEvent::Confirmed => drop(r.send_accept(&id(), T, 0)),
                        AcceptEvent::Dropped => drop(r.quote(quote("a2", "99.7", 90_000), T)),
                        AcceptEvent::LinkLost => drop(r.link_lost()),
                        AcceptEvent::HeldAtGateway => drop(r.waits_at_gateway(&id())),
                        // Nothing was reported that could be repeated.
                        _ => {}
                    }
                    event
                }
            };
            // What is not known cannot be busted or corrected, and no more can be executed than
            // accepted.
            let fits = seen == event
                || seen == AcceptEvent::Contradicted
                || (phase, seen) == (AcceptPhase::Busted, AcceptEvent::Repeated);
            assert!(fits, "{phase} {event}: {seen}");
            let after = r.accept.as_ref().unwrap().1.phase();
            match accept(phase, seen) {
                To(s) => assert_eq!((after, r.disputes.len()), (s, disputes), "{phase} {event}"),
                Settle(s) => {
                    assert_eq!((after, r.disputes.len()), (s, disputes + 1), "{phase} {event}")
                }
                Stay | Never => {
                    assert_eq!((after, r.disputes.len()), (phase, disputes), "{phase} {event}")
                }
            }
            if before.accept.as_ref().unwrap().1.traded().is_some()
                && after == phase
                && seen != AcceptEvent::PartExecuted
            {
                let corrected = matches!(seen, AcceptEvent::TradeCorrected);
                assert!(
                    corrected || r.accept.as_ref().unwrap().1 == before.accept.as_ref().unwrap().1,
                    "{phase} {event} changed the trade"
                );
            }
        }
    }
    assert_eq!(AcceptPhase::ALL.len() * AcceptEvent::ALL.len(), 140);
}

#[test]
fn final_states_are_final() {
    for event in AcceptEvent::ALL {
        for phase in [AcceptPhase::Filled, AcceptPhase::Corrected, AcceptPhase::Busted] {
            let goes = accept(phase, event);
            let trade = [AcceptPhase::Filled, AcceptPhase::Corrected, AcceptPhase::Busted];
            assert!(!matches!(goes, To(s) | Settle(s) if !trade.contains(&s)), "{phase} {event}");
        }
        for phase in [AcceptPhase::Declined, AcceptPhase::Disputed, AcceptPhase::Busted] {
            assert!(!matches!(accept(phase, event), To(_)), "{phase} {event}");
        }
    }
}

#[test]
fn every_value_of_the_standard_has_a_meaning() {
    use Meaning as M;
    let table = [
        (ExecType::New, M::Working, M::ExecutedSoFar),
        (ExecType::PartialFill, M::Execution, M::Execution),
        (ExecType::Fill, M::Execution, M::Execution),
        (ExecType::DoneForDay, M::NothingTraded, M::ExecutedSoFar),
        (ExecType::Cancelled, M::NothingTraded, M::ExecutedSoFar),
        (ExecType::Replaced, M::Noted, M::ExecutedSoFar),
        (ExecType::PendingCancel, M::Noted, M::ExecutedSoFar),
        (ExecType::Stopped, M::Working, M::ExecutedSoFar),
        (ExecType::Rejected, M::Refused, M::Contradiction),
        (ExecType::Suspended, M::Working, M::ExecutedSoFar),
        (ExecType::PendingNew, M::Working, M::ExecutedSoFar),
        (ExecType::Calculated, M::Noted, M::ExecutedSoFar),
        (ExecType::Expired, M::NothingTraded, M::ExecutedSoFar),
        (ExecType::Restated, M::Noted, M::ExecutedSoFar),
        (ExecType::PendingReplace, M::Noted, M::ExecutedSoFar),
        (ExecType::Trade, M::Execution, M::Execution),
        (ExecType::TradeCorrect, M::TradeCorrected, M::TradeCorrected),
        (ExecType::TradeCancel, M::TradeCancelled, M::TradeCancelled),
    ];
    assert_eq!(table.len() + 1, ExecType::ALL.len());
    for (t, none, some) in table {
        for s in OrdStatus::ALL {
            assert_eq!((meaning(t, *s, false), meaning(t, *s, true)), (none, some), "{t:?} {s:?}");
        }
    }
    let answers = [
        (OrdStatus::New, M::Working),
        (OrdStatus::PartiallyFilled, M::Contradiction),
        (OrdStatus::Filled, M::Contradiction),
        (OrdStatus::DoneForDay, M::NothingTraded),
        (OrdStatus::Cancelled, M::NothingTraded),
        (OrdStatus::Replaced, M::Noted),
        (OrdStatus::PendingCancel, M::Noted),
        (OrdStatus::Stopped, M::Working),
        (OrdStatus::Rejected, M::Refused),
        (OrdStatus::Suspended, M::Working),
        (OrdStatus::PendingNew, M::Working),
        (OrdStatus::Calculated, M::Noted),
        (OrdStatus::Expired, M::NothingTraded),
        (OrdStatus::AcceptedForBidding, M::Working),
        (OrdStatus::PendingReplace, M::Noted),
    ];
    assert_eq!(answers.len(), OrdStatus::ALL.len());
    for (s, none) in answers {
        assert_eq!(meaning(ExecType::Status, s, false), none, "{s:?}");
        let some = if s == OrdStatus::Rejected { M::Contradiction } else { M::ExecutedSoFar };
        assert_eq!(meaning(ExecType::Status, s, true), some, "{s:?}");
    }
    assert_eq!(meaning(ExecType::Other('Z'), OrdStatus::Other('Z'), false), M::Noted);
    assert_eq!(meaning(ExecType::Other('Z'), OrdStatus::New, true), M::ExecutedSoFar);
}

#[test]
fn a_quote_status_says_what_becomes_of_the_quote() {
    use crate::fix::QuoteStatus as S;
    for s in S::ALL {
        let want = match s.code() {
            5 => StatusMeaning::Refused,
            11 => StatusMeaning::Passed,
            1..=4 | 6 | 7 | 9 | 14 | 15 => StatusMeaning::Gone,
            _ => StatusMeaning::Noted,
        };
        assert_eq!(quote_status_meaning(*s), want, "{s:?}");
    }
}

#[test]
fn a_state_is_named_by_its_row() {
    let e = crate::Execution {
        legs: vec![],
        exec_id: "e".into(),
        order_id: "o".into(),
        side: Side::Buy,
        price: dec("1"),
        quantity: dec("1"),
        at: T,
        settlement_date: None,
    };
    let states = [
        AcceptState::Armed,
        AcceptState::Sent,
        AcceptState::LastLook,
        AcceptState::Unknown,
        AcceptState::PartlyFilled(e.clone()),
        AcceptState::Filled(e.clone()),
        AcceptState::Corrected(e.clone()),
        AcceptState::Busted(e),
        AcceptState::Declined(Declined::ByDesk("no".into())),
        AcceptState::Disputed,
    ];
    for (s, phase) in states.iter().zip(AcceptPhase::ALL) {
        assert_eq!(s.phase(), phase);
        let waits =
            matches!(phase, AcceptPhase::Sent | AcceptPhase::LastLook | AcceptPhase::Unknown);
        assert_eq!(s.in_flight(), waits, "{phase}");
        let stands = matches!(
            phase,
            AcceptPhase::PartlyFilled | AcceptPhase::Filled | AcceptPhase::Corrected
        );
        assert_eq!(
            (s.traded().is_some(), s.last_trade().is_some()),
            (stands, stands || phase == AcceptPhase::Busted),
            "{phase}"
        );
    }
}
