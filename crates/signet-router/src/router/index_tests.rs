//! Sums and indices are what a look at every RFQ finds.

use super::*;
use crate::{Amounts, Doing};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// By looking at every RFQ.
fn recount(
    r: &Router,
    who: &CompId,
    without: Option<&RfqId>,
    now: UtcMillis,
    begins: i64,
) -> Doing {
    let mut doing = Doing::default();
    let put = |to: &mut Amounts, q: Decimal| *to.entry("EUR".into()).or_default() += q;
    for (id, e) in r.rfqs.iter() {
        if &e.desk == who && !e.rfq.state.ended() {
            let other = without != Some(id);
            put(&mut doing.outstanding, if other { e.rfq.terms.quantity } else { Decimal::ZERO });
            doing.open_rfqs += usize::from(other);
        }
        let in_flight = e.rfq.accept.as_ref().filter(|(_, s)| s.in_flight());
        if let Some((a, _)) = in_flight.filter(|_| &e.desk == who) {
            put(&mut doing.day, a.quantity);
        }
        // A trade is of the desk that made its accept, which another may have the RFQ of by now.
        for c in e.rfq.counted().into_iter().filter(|c| e.made_by(c.id) == who) {
            let today =
                |t: UtcMillis| (t.0 - begins).div_euclid(DAY) >= (now.0 - begins).div_euclid(DAY);
            if c.disputed.or(e.ended_at).is_some_and(today) {
                let most = e.rfq.accept_of(c.id).map(|(a, _)| a.quantity);
                assert!(most.is_none_or(|most| c.quantity <= most));
                put(&mut doing.day, c.quantity);
                doing.trades_today += 1;
            }
        }
    }
    doing
}

fn check(r: &Router, now: UtcMillis, begins: i64) {
    assert!(r.rfqs.is_consistent());
    for who in ["ALICE", "BOB", "CAROL"].map(desk) {
        let own = r.rfqs.iter().find(|(_, e)| e.desk == who).map(|(id, _)| id.clone());
        for without in [None, own.as_ref()] {
            assert_eq!(
                r.rfqs.doing(&who, without, now),
                recount(r, &who, without, now, begins),
                "{who} {without:?}"
            );
        }
        let open: Vec<_> = r
            .rfqs
            .iter()
            .filter(|(_, e)| e.desk == who && !e.rfq.state.ended())
            .map(|(id, _)| id.clone())
            .collect();
        assert_eq!(r.rfqs.alive_of(&who).map(|(id, _)| id.clone()).collect::<Vec<_>>(), open);
        assert_eq!(r.rfqs.open_count(&who), open.len());
        for d in ["N", "E", "S"].map(dealer) {
            let traded = |e: &Entry| {
                e.rfq.counted().iter().any(|c| {
                    *e.made_by(c.id) == who && *c.dealer == d && c.disputed.or(e.ended_at).is_some()
                })
            };
            assert_eq!(r.rfqs.traded_with(&who, &d), r.rfqs.iter().any(|(_, e)| traded(e)));
            for q in ["q0", "q1", "q2", "q3"].map(|q| QuoteId::new(q).unwrap()) {
                let has = |e: &Entry| {
                    e.desk == who
                        && e.rfq
                            .line(&d)
                            .is_some_and(|l| l.quote.as_ref().is_some_and(|x| x.id == q))
                };
                assert_eq!(
                    r.rfqs.of_quote(&who, &d, &q),
                    r.rfqs.iter().find(|(_, e)| has(e)).map(|(id, _)| id)
                );
            }
        }
    }
    let again = |e: &Entry| e.asked_at.is_some_and(|t| now.since(t) >= ASK_AGAIN_MS);
    let due =
        r.rfqs.iter().filter(|(_, e)| e.rfq.next_deadline().is_some_and(|t| t <= now) || again(e));
    assert_eq!(r.rfqs.due(now), due.map(|(id, _)| id.clone()).collect());
}

proptest! {
    #[test]
    fn sums_and_indices_equal_a_recount(
        steps in prop::collection::vec((0u8..16, 0u8..3, 0u8..4, 0i64..4_000, 0u8..20), 0..60),
        begins in 0i64..DAY,
    ) {
        let (mut r, mut replayed) = (router(), router());
        let (mut at, mut begins) = (0, begins);
        r.day_begins(begins);
        replayed.day_begins(begins);
        for (what, who, n, dt, jump) in steps {
            // Now and then hours pass, or the clock is set back a little.
            at += match jump { 0 => 9 * HOUR, 1 => 25 * HOUR, 2 => -3_000, _ => dt };
            let (now, d, trader) = (T0 + at, dealer(["N", "E", "S"][who as usize]), desk(["ALICE", "BOB", "CAROL"][who as usize]));
            let accept = format!("ALICE.x{n}{}", n % 2);
            let input = match what {
                0..=2 => {
                    let q = request(&format!("R{n}"), if n % 2 == 0 { &["N", "E"] } else { &["N"] });
                    let settlement_date = "20991231".into();
                    let q = QuoteRequest { at: now, expires: now + 60_000, settlement_date, ..q };
                    Input::FromDesk(trader, AppMessage::QuoteRequest(q))
                }
                3 | 4 => Input::FromDealer(d, quote(&format!("ALICE.R{n}"), &format!("q{n}"), "99.5", at + 3_000)),
                5 | 6 => Input::FromDesk(desk("ALICE"), hit(&format!("x{n}{}", n % 2), d.as_str(), &format!("q{n}"), "99.5")),
                7 | 8 => Input::FromDealer(d, report(&accept, ExecType::Trade, OrdStatus::Filled, "99.5")),
                9 => Input::FromDealer(d, report(&accept, ExecType::Rejected, OrdStatus::Rejected, "0")),
                10 => Input::FromDesk(trader, AppMessage::RfqCancel { rfq: RfqId::new(format!("R{n}")).unwrap(), text: None }),
                11 if n == 0 => Input::DealerDown(d),
                11 => Input::DealerUp(d),
                12 if n == 0 => {
                    begins = (begins + 5 * HOUR) % DAY;
                    r.day_begins(begins);
                    Input::Tick
                }
                13 | 14 => {
                    // Whoever has it: what was asked, or what was taken over before.
                    let of = RfqId::new(format!("{}{n}", ["R", "T"][usize::from(what == 14)])).unwrap();
                    let (from, rfq) = (desk(["BOB", "CAROL", "ALICE"][who as usize]), RfqId::new(format!("T{n}")).unwrap());
                    Input::FromDesk(trader, AppMessage::TakeOver(TakeOver { rfq, desk: from, of, at: now }))
                }
                _ => Input::Tick,
            };
            r.handle(now, input.clone());
            replayed.handle(now, input);
            check(&r, now, begins);
        }
        replayed.day_begins(begins);
        prop_assert_eq!(replayed.rfqs.doing(&desk("ALICE"), None, T0 + at), r.rfqs.doing(&desk("ALICE"), None, T0 + at));
    }
}

#[test]
fn a_day_ends_where_it_is_said_to_and_a_trade_counts_in_its_own() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 101);
    let five = || Amounts::from([("EUR".to_owned(), dec("5000000"))]);
    let doing = |r: &Router, at: UtcMillis| r.rfqs.doing(&desk("ALICE"), None, at);
    let in_flight = doing(&r, T0 + 101);
    assert_eq!(
        (in_flight.day, in_flight.trades_today),
        (five(), 0),
        "an accept without an answer counts"
    );
    let out =
        answer(&mut r, "N", report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"), 102);
    assert!(out.contains(&Output::Traded(desk("ALICE"), dealer("N"))));
    let midnight = UtcMillis((T0.0.div_euclid(DAY) + 1) * DAY);
    for (begins, at, day) in [
        (0, T0 + 3, five()),
        (0, midnight - 1, five()),
        (0, midnight, Amounts::new()),
        (HOUR, midnight, five()),
        (HOUR, midnight + HOUR, Amounts::new()),
        // A clock that was set back to yesterday frees nothing.
        (0, T0 - DAY, five()),
    ] {
        r.day_begins(begins);
        assert_eq!(doing(&r, at).day, day, "{begins} {at:?}");
        assert!(r.rfqs.is_consistent());
    }
    assert_eq!(r.traded_pairs(), [(desk("ALICE"), dealer("N"))]);
    // A trade of an hour ago was yesterday, once the day is said to have begun since.
    r.day_begins(0);
    let hour_later = T0 + HOUR;
    assert_eq!(doing(&r, hour_later).day, five());
    r.day_begins((T0.0 + HOUR / 2).rem_euclid(DAY));
    assert_eq!(doing(&r, hour_later).day, Amounts::new());
    assert!(r.rfqs.is_consistent());
}

#[test]
fn a_proposal_tells_what_there_is_to_weigh() {
    let r = quoted();
    let propose = |r: &Router, who: &str, q: &str, price: &str| {
        r.proposal(&desk("ALICE"), &hit("x1", who, q, price), T0 + 102).map(|p| p.trade)
    };
    let worse = propose(&r, "E", "e1", "99.6").unwrap();
    assert!(
        worse.step == TradeStep::Accept && worse.off_market_bps.is_none(),
        "two quotes make no market: {worse:?}"
    );
    assert_eq!(
        (worse.doing.open_rfqs, worse.asked, worse.dealers),
        (0, 2, vec![(dealer("E"), false)]),
        "its own RFQ is not counted"
    );
    let second = AppMessage::QuoteRequest(request("R2", &["N", "E"]));
    let request = r.proposal(&desk("ALICE"), &second, T0 + 102).unwrap().trade;
    assert_eq!(
        (request.doing.open_rfqs, request.doing.outstanding.get("EUR").copied()),
        (1, Some(dec("5000000")))
    );
    assert_eq!(
        (request.step, request.asked, request.off_market_bps),
        (TradeStep::Request, 2, None)
    );
}

#[test]
fn no_dealer_alone_makes_the_price_that_others_are_judged_by() {
    let mut r = router();
    r.handle(T0, Input::DealerUp(dealer("S")));
    send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R1", &["N", "E", "S"])), 0);
    for (who, id, price) in [("N", "n1", "99.5"), ("E", "e1", "99.6"), ("S", "s1", "0.01")] {
        answer(&mut r, who, quote("ALICE.R1", id, price, 900_000_000), 100);
    }
    let off = |r: &Router, who: &str, q: &str, price: &str, at: i64| {
        let AppMessage::QuoteResponse(m) = hit("x1", who, q, price) else { unreachable!() };
        let m = AppMessage::QuoteResponse(QuoteResponse { at: T0 + at, ..m });
        r.proposal(&desk("ALICE"), &m, T0 + at).unwrap().trade.off_market_bps
    };
    assert_eq!(off(&r, "N", "n1", "99.5", 200), Some(0), "an absurd quote forbids nothing");
    assert_eq!(off(&r, "E", "e1", "99.6", 200), Some(11), "0.1 of 99.5, rounded up");
    answer(&mut r, "S", quote("ALICE.R1", "s2", "99.4", 30_000), 300);
    assert_eq!(off(&r, "N", "n1", "99.5", 400), Some(0));
    assert_eq!(off(&r, "E", "e1", "99.6", 400), Some(11));
    assert_eq!(off(&r, "E", "e1", "99.6", 31_000), None, "a quote that is over says nothing");
}

/// A pair of desk and dealer has traded as long as one trade between them is remembered.
#[test]
fn two_trades_with_one_dealer_are_two() {
    let mut r = quoted();
    let trade = |r: &mut Router, accept: &str, quote: &str, at: i64| {
        send(r, "ALICE", hit(accept, "N", quote, "99.5"), at);
        answer(
            r,
            "N",
            report(&format!("ALICE.{accept}"), ExecType::Trade, OrdStatus::Filled, "99.5"),
            at,
        );
    };
    trade(&mut r, "x1", "n1", 200);
    r.handle(T0 + HOUR, Input::Tick);
    let m = QuoteRequest { expires: T0 + HOUR + 60_000, at: T0 + HOUR, ..request("R2", &["N"]) };
    send(&mut r, "ALICE", AppMessage::QuoteRequest(m), HOUR);
    answer(&mut r, "N", quote("ALICE.R2", "n2", "99.5", HOUR + 10_000), HOUR);
    let AppMessage::QuoteResponse(m) = hit("x2", "N", "n2", "99.5") else { unreachable!() };
    send(&mut r, "ALICE", AppMessage::QuoteResponse(QuoteResponse { at: T0 + HOUR, ..m }), HOUR);
    answer(&mut r, "N", report("ALICE.x2", ExecType::Trade, OrdStatus::Filled, "99.5"), HOUR);
    let known = |r: &Router| {
        (r.rfqs.trades_remembered(&desk("ALICE")), r.rfqs.traded_with(&desk("ALICE"), &dealer("N")))
    };
    assert_eq!(known(&r), (2, true));
    r.handle(T0 + 200 + DAY, Input::Tick);
    assert_eq!(known(&r), (1, true), "the second is an hour younger");
    r.handle(T0 + HOUR + DAY, Input::Tick);
    assert_eq!(known(&r), (0, false));
    assert!(r.rfqs.is_consistent());
}

/// Nothing is due while an accept is young: looking at it costs nothing before it may be asked
/// about.
#[test]
fn an_accept_without_an_answer_is_due_when_it_may_be_asked_about() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    let id = RfqId::new("ALICE.R1").unwrap();
    let due = |r: &Router, at: i64| r.rfqs.due(T0 + at).contains(&id);
    let deadline = r.rfqs.get(&id).unwrap().rfq.next_deadline();
    let first = deadline.map_or(15_200, |t| t.since(T0).min(15_200));
    assert_eq!((due(&r, first - 1), due(&r, first)), (false, true));
}
