//! Packages, the whole way: asked by a desk, judged by the gateway, quoted leg by leg by real
//! dealers, approved with a key, and filled as a whole.

// The registry in some of it is a gateway's, and a gateway is a Unix server.
#![cfg(unix)]

use crate::support::{
    BUND, Screen, World,
    person::{NORTH, Person, quotes, world},
};
use rust_decimal::Decimal;
use signet_desk_core::view::*;
use signet_gateway::admin;
use signet_practice::TRADER;

const SHORT: &str = "DE000BU2Z023";
const LONG: &str = "DE0001102614";

/// Buys the wings, 5m each, against 10m of the body: 20m gross.
fn butterfly(dealers: &[&str]) -> Ticket {
    let leg = |id: &str, side, quantity: &str, ratio: &str| TicketLeg {
        instrument: id.into(),
        side,
        quantity: quantity.into(),
        ratio: Some(ratio.into()),
        settlement_date: None,
    };
    Ticket {
        price_type: Default::default(),
        instrument: String::new(),
        legs: vec![
            leg(SHORT, Side::Buy, "5m", "1"),
            leg(BUND, Side::Sell, "10m", "2"),
            leg(LONG, Side::Buy, "5m", "1"),
        ],
        ask: Ask::TwoWay,
        quantity: String::new(),
        dealers: dealers.iter().map(|d| (*d).into()).collect(),
        ttl_s: 60,
        settlement_date: None,
    }
}

fn number(text: &str) -> Decimal {
    text.replace(',', "").parse().unwrap()
}

/// The price of the package that the legs of an accept make.
fn net(legs: &[LegView]) -> Decimal {
    let part = |l: &LegView| number(&l.ratio) * number(l.price.as_deref().unwrap());
    let [short, belly, long] = legs else { panic!("{legs:?}") };
    part(short) - part(belly) + part(long)
}

#[test]
fn a_butterfly_is_asked_quoted_accepted_and_filled_with_every_leg() {
    let (w, mut s) = World::connected();
    for dealer in [NORTH, "HARBOUR"] {
        w.quotes(dealer, "99", 30_000);
    }
    for side in [Side::Buy, Side::Sell] {
        let rfq = w.desk.send_rfq(butterfly(&[NORTH, "HARBOUR"])).unwrap();
        w.until(&mut s, "two quotes", |s| {
            let live = |l: &&LineView| l.rfq_id == rfq && l.can_lift && l.can_hit;
            s.lines.iter().filter(live).count() == 2
        });
        let head = s.rfq(&rfq);
        assert_eq!(
            (head.symbol.as_str(), head.quantity.as_str()),
            ("Butterfly, 3 legs", "20,000,000")
        );
        let armed = w.arm(&s, &rfq, NORTH, side).unwrap();
        assert_eq!(net(&armed.legs), number(&armed.price), "{armed:?}");
        let sides: Vec<Side> = armed.legs.iter().map(|l| l.side).collect();
        let bought = [Side::Buy, Side::Sell, Side::Buy];
        let sold = [Side::Sell, Side::Buy, Side::Sell];
        assert_eq!(sides, if side == Side::Buy { bought } else { sold });
        w.desk.accept(&rfq, &armed.id).unwrap();
        w.until(&mut s, "filled", |s| s.accept_state(&rfq) == Some(AcceptState::Filled));
        let done = s.rfq(&rfq).accept.clone().unwrap();
        assert_eq!((done.quantity.as_str(), &done.price), ("20,000,000", &armed.price));
        assert_eq!(done.legs, armed.legs);
    }
    let query = BlotterQuery { tab: BlotterTab::Trades, text: "butterfly".into(), limit: 10 };
    assert_eq!(w.desk.blotter(query).unwrap().rows.len(), 2);
    let bad: Vec<_> = s.notices.iter().filter(|n| n.kind == NoticeKind::Bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

const FACTS: &str = "reporting_currency = 'EUR'\n[groups]\ndesk = ['PRACTICE1']\n\
    [panels]\nours = ['NORTHBANK']\n[lists]\nallowed = ['DE000BU2Z023', 'DE000BU2Z049', 'DE0001102614']\n";

const POLICIES: &str = r#"
@id("desk") permit (principal in Group::"desk", action in [Action::"see", Action::"request", Action::"accept"], resource in Panel::"ours");
@id("per-rfq") @words("Up to 15,000,000 at a time.") @cure("Ask for less.")
forbid (principal, action in Action::"trade", resource) when { context.notional > 15000000 };
@id("listed") @words("Not on the list of this desk.")
forbid (principal, action in Action::"trade", resource) unless { context.instrument in List::"allowed" };
@id("no-shorts") @words("This desk does not sell the long bond.")
forbid (principal, action in Action::"trade", resource) when { context.instrument == Instrument::"DE0001102614" && context.side == Side::"sell" };
"#;

#[test]
fn a_package_is_judged_by_its_gross_size_and_by_each_of_its_legs() {
    assert_eq!(TRADER, "PRACTICE1");
    let w = World::start_with(|p| {
        (p.policies, p.facts) = (POLICIES.into(), FACTS.into());
    });
    w.runtime.block_on(w.desk.connect(TRADER.into(), signet_practice::VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
    w.eventually("the dealer", || {
        let r = w.desk.reference();
        r.dealers.iter().any(|d| d.id == NORTH && d.online) && r.instruments > 0
    });
    w.quotes(NORTH, "99", 30_000);
    type Change = fn(&mut Ticket);
    let small: Change = |t| {
        for (leg, quantity) in t.legs.iter_mut().zip(["2m", "4m", "2m"]) {
            leg.quantity = quantity.into();
        }
        t.ask = Ask::Buy;
    };
    let cases: [(&str, Change, Option<&str>); 4] = [
        // No leg is above the limit, and all together are.
        ("gross size", |t| t.ask = Ask::Buy, Some("per-rfq")),
        (
            "a leg that is not listed",
            |t| t.legs[1].instrument = "DE000BU2Z031".into(),
            Some("listed"),
        ),
        ("the side of one leg", |t| t.ask = Ask::Sell, Some("no-shorts")),
        ("what is allowed", |_| (), None),
    ];
    for (what, change, policy) in cases {
        let mut ticket = butterfly(&[NORTH]);
        if what != "gross size" {
            small(&mut ticket);
        }
        change(&mut ticket);
        let rfq = w.desk.send_rfq(ticket).unwrap();
        match policy {
            Some(policy) => {
                w.until(&mut s, "refused", |s| s.rfq(&rfq).state == RfqState::Refused);
                let why = s.rfq(&rfq).problem.clone().unwrap().message;
                assert!(why.contains(policy), "{what}: {why}");
                assert_eq!(why.matches(NORTH).count(), 1, "{why}");
            }
            None => w.until(&mut s, "a quote", |s| {
                s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift)
            }),
        }
    }
}

#[test]
fn the_touch_for_a_package_names_every_leg_and_the_evidence_keeps_them() {
    let w = world("logon = 'never'\naccept_above = { default = '15m' }");
    quotes(&w, "99", 20_000_000, 30_000);
    let mut alice = Person::new(&w, "alice", "ALICE1");
    let rfq = alice.desk.send_rfq(butterfly(&[NORTH])).unwrap();
    alice.accept_quote(&rfq);
    let open = alice.phase(StepUpPhase::Pin);
    let terms = open.terms.unwrap();
    assert_eq!((terms.quantity.as_str(), terms.legs.len()), ("20,000,000", 3));
    for (line, start, end) in [
        (&terms.legs[0], "buy 5000000 settling ", SHORT),
        (&terms.legs[1], "sell 10000000 settling ", BUND),
        (&terms.legs[2], "buy 5000000 settling ", LONG),
    ] {
        assert!(line.starts_with(start) && line.ends_with(end) && line.contains(" at "), "{line}");
    }
    alice.approve();
    alice.outcome(&rfq, AcceptState::Filled);
    let mut out = Vec::new();
    w.runtime
        .block_on(admin::evidence_export(w.practice.gateway_config(), None, &mut out))
        .unwrap();
    let kept = String::from_utf8(out).unwrap();
    for line in &terms.legs {
        assert!(kept.contains(&format!("leg={line}")), "{line} is not in {kept}");
    }
    w.runtime.block_on(admin::evidence_verify(w.practice.gateway_config())).unwrap();
}

/// The dealer quotes other prices of the legs while the trader types the PIN. The approved limit is
/// the net price: the package goes on at the quote that stands, and the desk is told its legs.
#[test]
fn a_package_with_a_limit_follows_its_dealer_and_keeps_every_leg() {
    let w = world("logon = 'never'\naccept_above = { default = '15m' }");
    quotes(&w, "99", 20_000_000, 30_000);
    let mut alice = Person::new(&w, "alice", "ALICE1");
    let rfq = alice.desk.send_rfq(butterfly(&[NORTH])).unwrap();
    alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    let first = alice.s.line(&rfq, NORTH).clone();
    let intent = ArmIntent {
        rfq_id: rfq.clone(),
        dealer: NORTH.into(),
        quote_id: first.quote_id.clone().unwrap(),
        side: Side::Buy,
        price: first.offer.unwrap().price,
    };
    let armed = alice.desk.arm(intent).unwrap();
    alice.desk.set_limit(&rfq, 100).unwrap();
    alice.desk.accept(&rfq, &armed.id).unwrap();
    let terms = alice.phase(StepUpPhase::Pin).terms.unwrap();
    assert_eq!(terms.legs.len(), 3);
    assert!(terms.limit.is_some(), "{terms:?}");
    quotes(&w, "99", 20_000_000, 30_000);
    let before = first.quote_id.clone();
    alice.until("another quote", |s| s.line(&rfq, NORTH).quote_id != before);
    alice.approve();
    let done = alice.outcome(&rfq, AcceptState::Filled);
    assert_ne!(Some(&done.quote_id), before.as_ref(), "on the quote that stands");
    assert_eq!(net(&done.legs), number(&done.price), "{done:?}");
    let but_for_prices = |legs: &[LegView]| -> Vec<LegView> {
        legs.iter().cloned().map(|l| LegView { price: None, ..l }).collect()
    };
    assert_eq!(but_for_prices(&done.legs), but_for_prices(&armed.legs));
    w.runtime.block_on(admin::evidence_verify(w.practice.gateway_config())).unwrap();
}

/// One touch while quotes come in covers the accept of the whole package, and names every leg.
#[test]
fn a_package_is_approved_ahead_with_every_leg() {
    let w = world("logon = 'never'\naccept_above = { default = '15m' }");
    quotes(&w, "99", 20_000_000, 30_000);
    let mut alice = Person::new(&w, "alice", "ALICE1");
    let rfq = alice.desk.send_rfq(butterfly(&[NORTH])).unwrap();
    alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    alice.desk.approve_ahead(&rfq, Side::Buy, Some(100)).unwrap();
    let open = alice.phase(StepUpPhase::Pin);
    let terms = open.terms.unwrap();
    assert_eq!((open.kind, terms.legs.len()), (StepUpKind::Ahead, 3));
    assert!(terms.legs.iter().all(|l| !l.contains(" at ")), "no price is known: {terms:?}");
    alice.approve();
    alice.until("approved", |s| s.rfq(&rfq).ahead.as_ref().is_some_and(|a| a.approved));
    alice.closed();
    alice.accept_quote(&rfq);
    let done = alice.outcome(&rfq, AcceptState::Filled);
    assert_eq!(done.legs.len(), 3);
    assert!(alice.s.step_up.is_none(), "no second touch");
    w.runtime.block_on(admin::evidence_verify(w.practice.gateway_config())).unwrap();
}
