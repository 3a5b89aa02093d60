//! A trader takes less than a quote is for, the whole way: by a desk, through the gateway, from a
//! dealer that fills a part, one that takes none, and one that fills its whole quote all the same.

use crate::support::{Screen, World};
use signet_dealer::{Force, Parts};
use signet_desk_core::view::*;

/// Takes parts.
const H: &str = "HARBOUR";
/// Takes none.
const N: &str = "NORTHBANK";

/// Both quote five million, H at 99.500 and N at 99.600.
fn quoted(w: &World, s: &mut Screen) -> String {
    w.quotes(H, "99.500", 30_000);
    w.quotes(N, "99.600", 30_000);
    let rfq = w.ask(Ask::Buy, &[H, N], 60);
    w.until(s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == rfq && l.can_lift).count() == 2
    });
    rfq
}

/// Confirms what the screen shows by then.
fn confirm(w: &World, s: &mut Screen, rfq: &str) {
    s.pull(&w.desk);
    let id = s.rfq(rfq).accept.as_ref().unwrap().id.clone();
    w.desk.accept(rfq, &id).unwrap();
}

fn trades(w: &World) -> Vec<(String, String, Option<String>)> {
    let query = BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 10 };
    let rows = w.desk.blotter(query).unwrap().rows;
    rows.into_iter().map(|r| (r.status, r.quantity, r.quoted)).collect()
}

fn row(status: &str, quantity: &str, quoted: Option<&str>) -> (String, String, Option<String>) {
    (status.into(), quantity.into(), quoted.map(Into::into))
}

#[test]
fn a_part_is_taken_and_filled_and_said() {
    let (w, mut s) = World::connected();
    let rfq = quoted(&w, &mut s);
    let armed = w.arm(&s, &rfq, H, Side::Buy).unwrap();
    assert_eq!((armed.quantity.as_str(), armed.takes_part), ("5,000,000", true));
    w.desk.take_quantity(&rfq, "2m").unwrap();
    assert_eq!(
        w.desk.accept(&rfq, &armed.id).unwrap_err().code,
        "accept.not_armed",
        "the whole is not what the screen shows"
    );
    confirm(&w, &mut s, &rfq);
    w.until(&mut s, "filled", |s| s.accept_state(&rfq) == Some(AcceptState::Filled));
    let done = s.rfq(&rfq).accept.clone().unwrap();
    assert_eq!(
        (done.quantity.as_str(), done.quoted_quantity.as_deref(), done.price.as_str()),
        ("2,000,000", Some("5,000,000"), "99.500")
    );
    assert_eq!(s.rfq(&rfq).state, RfqState::Done);
    assert_eq!(trades(&w), [row("Filled", "2,000,000", Some("5,000,000"))]);
    let bad: Vec<_> = s.notices.iter().filter(|n| n.kind == NoticeKind::Bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn what_cannot_be_taken_is_refused_and_the_whole_still_can() {
    let (w, mut s) = World::connected();
    let rfq = quoted(&w, &mut s);
    let take = |typed: &str| w.desk.take_quantity(&rfq, typed).err().map(|p| p.code);
    assert!(!w.arm(&s, &rfq, N, Side::Buy).unwrap().takes_part);
    assert_eq!(take("2m").as_deref(), Some("part.not_taken"));
    w.arm(&s, &rfq, H, Side::Buy).unwrap();
    assert_eq!(take("6m").as_deref(), Some("part.too_much"));
    assert_eq!(take("1").as_deref(), Some("part.too_small"));
    assert_eq!(take("0").as_deref(), Some("quantity.not_positive"));
    assert_eq!(take("2m"), None);
    assert_eq!(take(""), None);
    confirm(&w, &mut s, &rfq);
    w.until(&mut s, "filled", |s| s.accept_state(&rfq) == Some(AcceptState::Filled));
    assert_eq!(trades(&w), [row("Filled", "5,000,000", None)]);
}

#[test]
fn a_part_is_not_below_the_least_quantity() {
    let (w, mut s) = World::connected();
    w.quotes(H, "99.500", 30_000);
    let form = TicketForm {
        instrument: crate::support::BUND.into(),
        typed: crate::support::BUND.into(),
        ask: Ask::Buy,
        quantity: "5m".into(),
        dealers: vec![H.into()],
        ttl_s: 60,
        settlement_date: None,
        price_type: PriceType::Price,
        price_limit: String::new(),
        limit_over: None,
        min_quantity: "3m".into(),
        all_or_none: false,
        approve_first: false,
        note: String::new(),
        package: None,
    };
    let rfq = w.desk.ask(&form).unwrap();
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    w.arm(&s, &rfq, H, Side::Buy).unwrap();
    let refused = w.desk.take_quantity(&rfq, "2m").unwrap_err();
    assert_eq!(refused.code, "part.below_least");
    w.desk.take_quantity(&rfq, "3m").unwrap();
    confirm(&w, &mut s, &rfq);
    w.until(&mut s, "filled", |s| s.accept_state(&rfq) == Some(AcceptState::Filled));
    assert_eq!(trades(&w)[0].1, "3,000,000");
}

#[test]
fn a_dealer_that_fills_its_whole_quote_is_found_out() {
    let (w, mut s) = World::connected();
    w.force(H, Force::AnswerParts(Parts::Overfill));
    let rfq = quoted(&w, &mut s);
    w.arm(&s, &rfq, H, Side::Buy).unwrap();
    w.desk.take_quantity(&rfq, "2m").unwrap();
    confirm(&w, &mut s, &rfq);
    w.until(&mut s, "told", |s| s.notices.iter().any(|n| n.code == "execution.mismatch"));
    assert_eq!(s.accept_state(&rfq), Some(AcceptState::Disputed));
    assert_eq!(trades(&w), [row("Disputed", "5,000,000", None)]);
}

#[cfg(unix)]
mod approved {
    use super::*;
    use crate::support::person::{Person, quotes};

    /// NORTH takes parts; accepts above a million want a touch.
    fn world() -> World {
        World::start_with(|plan| {
            plan.enrolment = true;
            plan.step_up = Some("logon = 'never'\naccept_above = { default = '1m' }".to_owned());
            plan.desks.clear();
            plan.dealers.dealers.iter_mut().for_each(|d| d.parts = Parts::Take);
        })
    }

    fn shown(alice: &mut Person) -> (StepUpKind, String) {
        let open = alice.phase(StepUpPhase::Pin);
        (open.kind, open.terms.unwrap().quantity)
    }

    fn take(alice: &mut Person, rfq: &str, typed: &str) {
        alice.arm(rfq);
        alice.desk.take_quantity(rfq, typed).unwrap();
        alice.s.pull(&alice.desk);
        let id = alice.s.rfq(rfq).accept.as_ref().unwrap().id.clone();
        alice.desk.accept(rfq, &id).unwrap();
    }

    #[test]
    fn an_approval_ahead_of_the_whole_covers_a_part() {
        let w = world();
        quotes(&w, "99.125", 5_000_000, 30_000);
        let mut alice = Person::new(&w, "alice", "ALICE1");
        let rfq = alice.ask("5m");
        alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
        alice.desk.approve_ahead(&rfq, Side::Buy, Some(2)).unwrap();
        assert_eq!(shown(&mut alice), (StepUpKind::Ahead, "5,000,000".into()));
        alice.approve();
        alice.until("approved", |s| s.rfq(&rfq).ahead.as_ref().is_some_and(|a| a.approved));
        alice.closed();
        take(&mut alice, &rfq, "2m");
        assert_eq!(alice.outcome(&rfq, AcceptState::Filled).quantity, "2,000,000");
        assert!(alice.s.step_up.is_none(), "no key was asked for");
    }

    #[test]
    fn a_part_is_approved_as_what_it_is_and_the_whole_by_another_touch() {
        let w = world();
        quotes(&w, "99.125", 5_000_000, 30_000);
        let mut alice = Person::new(&w, "alice", "ALICE1");
        // Below the rule's limit: what is executed counts, not what is quoted.
        let rfq = alice.ask("5m");
        take(&mut alice, &rfq, "500k");
        assert_eq!(alice.outcome(&rfq, AcceptState::Filled).quantity, "500,000");
        let rfq = alice.ask("5m");
        take(&mut alice, &rfq, "2m");
        assert_eq!(shown(&mut alice), (StepUpKind::Accept, "2,000,000".into()));
        alice.desk.refuse_step_up(&alice.s.step_up.clone().unwrap().id).unwrap();
        alice.outcome(&rfq, AcceptState::Declined);
        alice.accept_quote(&rfq);
        assert_eq!(shown(&mut alice), (StepUpKind::Accept, "5,000,000".into()));
        alice.approve();
        assert_eq!(alice.outcome(&rfq, AcceptState::Filled).quantity, "5,000,000");
    }
}
