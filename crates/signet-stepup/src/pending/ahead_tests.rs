//! Accepts that are approved before their quote is chosen: what ends such an approval, and what does
//! not.

use super::{
    ahead::MAX_AHEAD_PER_DESK,
    tests::{T, World, accept, id},
    *,
};
use crate::{AcceptTerms, Action, AheadTerms, approval::LimitTerms};
use signet_fix::message::Answer;

const RULES: &str = "logon = 'never'\non_wake = true\naccept_above = { default = '1m' }";

fn ahead(rfq: &str, limit: &str, until: i64) -> Ahead {
    let terms = AheadTerms {
        price_type: None,
        rfq: rfq.into(),
        instrument: "EUR/USD".into(),
        side: "buy".into(),
        quantity: "5000000".into(),
        currency: "EUR".into(),
        settlement: "20261124".into(),
        legs: vec![],
        limit: LimitTerms { price: limit.into(), until_ms: (T.0 + until).to_string() },
        dealers: vec!["NORTHBANK".into()],
    };
    Ahead { terms, until: T + until }
}

/// The accept of the other tests: RFQ `r`, at 1.08.
fn goes_on() -> AcceptTerms {
    let Action::Accept(terms) = accept("x").1 else { unreachable!() };
    terms
}

impl World {
    fn ask_ahead(&mut self, desk: &str, ahead: Ahead) {
        let todo = self.w.hold_ahead(&id(desk), ahead, self.now);
        self.run(todo);
    }

    fn is_approved(&self, desk: &str) -> bool {
        self.w.approved_ahead(&id(desk), &goes_on(), self.now)
    }
}

/// A desk that has approved an accept of RFQ `r` up to 1.09, for a minute.
fn approved() -> World {
    let mut w = World::new(RULES);
    w.up("ALICE", "alice");
    w.forget();
    w.ask_ahead("ALICE", ahead("r", "1.09", 60_000));
    assert!(!w.is_approved("ALICE"), "the key was not touched yet");
    w.touch("ALICE", "c1");
    assert!(w.is_approved("ALICE"));
    w
}

#[test]
fn one_touch_covers_the_accept_and_no_other_desk_profits() {
    let mut w = approved();
    assert_eq!(w.heard("ALICE")[..2], ["challenge c1", "Passed c1"]);
    w.up("BOB", "bob");
    assert!(!w.is_approved("BOB"));
    let beyond = AcceptTerms { price: "1.0901".into(), ..goes_on() };
    assert!(!w.w.approved_ahead(&id("ALICE"), &beyond, w.now));
}

/// What happens, and whether the approval outlives it.
#[test]
fn what_ends_an_approval_ahead() {
    type Happens = fn(&mut World);
    let all: [(&str, bool, Happens); 12] = [
        ("time passes", true, |w| w.pass_time(59_999)),
        ("its time is over", false, |w| w.pass_time(60_000)),
        ("the trader acts", true, |w| w.w.active(&id("ALICE"), T)),
        ("the desk is off", false, |w| drop(w.w.desk_down(&id("ALICE")))),
        ("a new connection", false, |w| w.up("ALICE", "alice")),
        ("the laptop woke", false, |w| {
            drop(w.w.verify_again(&id("ALICE"), SessionReason::Wake, T))
        }),
        ("verified on demand", true, |w| {
            drop(w.w.verify_again(&id("ALICE"), SessionReason::OnDemand, T))
        }),
        ("the risk rose", false, |w| drop(w.w.risk(&id("ALICE"), true, T))),
        ("another address, as safe", true, |w| drop(w.w.moved(&id("ALICE"), false, T))),
        ("another address, risky", false, |w| drop(w.w.moved(&id("ALICE"), true, T))),
        ("the clock was set", false, |w| drop(w.w.clock_stepped(T))),
        ("the accept went on", false, |w| drop(w.w.spend_ahead(&id("ALICE"), "r"))),
    ];
    for (what, outlives, happens) in all {
        let mut w = approved();
        happens(&mut w);
        assert_eq!(w.is_approved("ALICE"), outlives, "{what}");
    }
    let mut w = approved();
    w.w.spend_ahead(&id("ALICE"), "another");
    assert!(w.is_approved("ALICE"), "of another RFQ");
}

#[test]
fn a_trader_who_declines_has_approved_nothing() {
    let mut w = World::new(RULES);
    w.up("ALICE", "alice");
    w.ask_ahead("ALICE", ahead("r", "1.09", 60_000));
    w.answer("ALICE", "c1", Answer::Declined(None));
    assert!(!w.is_approved("ALICE"));
}

#[test]
fn asking_again_takes_the_place_of_what_was_asked() {
    let mut w = approved();
    w.ask_ahead("ALICE", ahead("r", "1.07", 60_000));
    w.ask_ahead("ALICE", ahead("r", "1.075", 60_000));
    assert!(w.heard("ALICE").contains(&"Withdrawn c2 stepup.withdrawn".into()));
    w.touch("ALICE", "c3");
    assert!(!w.is_approved("ALICE"), "1.08 is beyond the newer limit");
}

#[test]
fn an_accept_on_its_way_ends_what_still_waits() {
    let mut w = World::new(RULES);
    w.up("ALICE", "alice");
    w.ask_ahead("ALICE", ahead("r", "1.09", 60_000));
    let todo = w.w.spend_ahead(&id("ALICE"), "r");
    w.run(todo);
    assert!(w.heard("ALICE").contains(&"Withdrawn c1 stepup.withdrawn".into()));
    assert_eq!(w.w.held_count(), 0);
}

#[test]
fn two_people_approve_no_accept_that_they_have_not_seen() {
    let second = "[second_person]\naccept_above = { default = '1m' }\napprovers = ['BOB']";
    let mut w = World::new(&format!("{RULES}\n{second}"));
    w.up("ALICE", "alice");
    w.forget();
    w.ask_ahead("ALICE", ahead("r", "1.09", 60_000));
    assert_eq!(w.heard("ALICE"), ["j"]);
    assert_eq!(w.w.held_count(), 0);
}

#[test]
fn a_desk_keeps_and_asks_for_no_more_than_its_share() {
    let mut w = World::new(RULES);
    w.up("ALICE", "alice");
    for n in 0..MAX_AHEAD_PER_DESK + 3 {
        w.ask_ahead("ALICE", ahead(&format!("r{n}"), "1.09", 60_000));
        let challenge = format!("c{}", n + 1);
        w.touch("ALICE", &challenge);
    }
    assert_eq!(w.w.desks[&id("ALICE")].ahead.len(), MAX_AHEAD_PER_DESK);
    w.forget();
    for n in 0..=MAX_HELD_PER_DESK {
        w.ask_ahead("ALICE", ahead(&format!("s{n}"), "1.09", 60_000));
    }
    assert_eq!(w.w.held_count(), MAX_HELD_PER_DESK);
    assert_eq!(w.heard("ALICE").last().map(String::as_str), Some("j"));
}
