//! Packages on the desk: a ticket with legs, its quotes, its accept, and reports that do not fit.

use super::super::life_tests::{self, NOW, north, say};
use super::*;
use crate::view::{self, AcceptState, ArmIntent, Ask, BlotterQuery, BlotterTab};
use rust_decimal::Decimal;
use signet_fix::message::{
    AppMessage, DealerState, ExecType, OrdStatus, QuoteMsg, QuoteRequest, QuoteResponse,
    SecurityList, SnapshotMark, VenueState,
};
use signet_rfq::{
    AcceptState as Accepting, AssetClass, Instrument, Level, LineState, QuoteId, Side, StatedLeg,
};

const SHORT: &str = "DE0001102580";
const BELLY: &str = "DE000BU2Z007";
const LONG: &str = "DE0001030732";

fn dec(n: &str) -> Decimal {
    n.parse().unwrap()
}

fn bond(id: &str, symbol: &str) -> Instrument {
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        price_format: signet_rfq::PriceFormat::default(),
        id: InstrumentId::new(id).unwrap(),
        symbol: symbol.into(),
        name: symbol.into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        price_decimals: 2,
        price_unit: "% of par".into(),
        tick: dec("0.01"),
        lot: 1_000.into(),
        min_quantity: 100_000.into(),
        max_quantity: 100_000_000.into(),
        settlement: "T+2".into(),
    }
}

fn desk() -> Book {
    let mut b = life_tests::book();
    let dollars = Instrument {
        id: InstrumentId::new("USD/JPY").unwrap(),
        asset_class: AssetClass::FxSpot,
        currency: "USD".into(),
        settlement: "spot".into(),
        ..bond(SHORT, "USD/JPY")
    };
    let instruments =
        vec![bond(SHORT, "DBR 32"), bond(BELLY, "DBR 35"), bond(LONG, "DBR 50"), dollars];
    let list = SecurityList { request: life_tests::id("list"), last: true, instruments };
    b.message(AppMessage::SecurityList(list), NOW);
    let dealers = vec![DealerState {
        id: north(),
        name: "Northbank".into(),
        online: true,
        counters: false,
        parts: false,
    }];
    let state = VenueState { name: "V".into(), practice: true, dealers, at: NOW };
    b.message(AppMessage::VenueState(state), NOW);
    b
}

fn leg(id: &str, side: view::Side, quantity: &str, ratio: Option<&str>) -> TicketLeg {
    TicketLeg {
        instrument: id.into(),
        side,
        quantity: quantity.into(),
        ratio: ratio.map(Into::into),
        settlement_date: None,
    }
}

fn butterfly() -> Ticket {
    use view::Side::{Buy, Sell};
    Ticket {
        price_type: Default::default(),
        instrument: String::new(),
        legs: vec![
            leg(SHORT, Buy, "5m", None),
            leg(BELLY, Sell, "10m", Some("2")),
            leg(LONG, Buy, "5m", Some("1")),
        ],
        ask: Ask::TwoWay,
        quantity: String::new(),
        dealers: vec!["NORTH".into()],
        ttl_s: 60,
        settlement_date: None,
    }
}

/// The RFQ as it left, acknowledged and quoted: bid -3.4, offer -2.5.
fn quoted() -> (Book, QuoteRequest) {
    let mut b = desk();
    let AppMessage::QuoteRequest(q) = b.new_rfq(&butterfly(), NOW).unwrap() else { panic!() };
    // As the gateway repeats it, and quotes of its dealer.
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    b.message(AppMessage::Snapshot(SnapshotMark::Rfq(q.clone())), NOW);
    b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    b.message(AppMessage::Quote(quote(&q)), NOW);
    (b, q)
}

fn quote(q: &QuoteRequest) -> QuoteMsg {
    let prices = [("99.0", "99.2"), ("100.0", "100.2"), ("98.0", "98.3")];
    let stated = |(l, (bid, offer)): (&Leg, &(&str, &str))| StatedLeg {
        bid: Some(dec(bid)),
        offer: Some(dec(offer)),
        ..StatedLeg::of(l)
    };
    let level = |p: &str| Some(Level { price: dec(p), size: q.quantity });
    QuoteMsg {
        rfq: q.id.clone(),
        id: QuoteId::new("q1").unwrap(),
        instrument: InstrumentId::package(),
        dealer: Some(north()),
        bid: level("-3.4"),
        offer: level("-2.5"),
        valid_until: NOW + 30_000,
        tradeable: true,
        at: NOW,
        qualifiers: Default::default(),
        legs: q.legs.iter().zip(&prices).map(stated).collect(),
    }
}

fn armed(b: &mut Book, q: &QuoteRequest) -> view::AcceptView {
    let intent = ArmIntent {
        rfq_id: q.id.to_string(),
        dealer: "NORTH".into(),
        quote_id: "q1".into(),
        side: view::Side::Buy,
        price: "-2.5".into(),
    };
    b.arm(&intent, NOW).unwrap()
}

fn accepted() -> (Book, QuoteRequest, QuoteResponse) {
    let (mut b, q) = quoted();
    let a = armed(&mut b, &q);
    let m = b.accept(q.id.as_str(), &a.id, NOW).unwrap();
    let AppMessage::QuoteResponse(r) = m else { panic!() };
    (b, q, r)
}

#[test]
fn a_ticket_with_legs_is_asked_as_a_package() {
    let mut b = desk();
    let AppMessage::QuoteRequest(q) = b.new_rfq(&butterfly(), NOW).unwrap() else { panic!() };
    assert!(q.instrument.is_package() && !q.isin);
    assert_eq!((q.quantity, q.currency.as_str()), (dec("20000000"), "EUR"));
    let legs: Vec<_> =
        q.legs.iter().map(|l| (l.instrument.as_str(), l.side, l.ratio, l.quantity)).collect();
    let m = |n: i64| Decimal::from(n * 1_000_000);
    assert_eq!(
        legs,
        [
            (SHORT, Side::Buy, dec("1"), m(5)),
            (BELLY, Side::Sell, dec("2"), m(10)),
            (LONG, Side::Buy, dec("1"), m(5))
        ]
    );
    assert_eq!(q.settlement_date, q.legs[0].settlement_date);
    let frame = b.pull(0, &[], NOW);
    let head = frame.rfqs.iter().find(|r| r.id == q.id.as_str()).unwrap();
    assert_eq!(
        (head.symbol.as_str(), head.name.as_str(), head.quantity.as_str()),
        ("Butterfly, 3 legs", "DBR 32 / DBR 35 / DBR 50", "20,000,000")
    );
    assert_eq!(head.legs[1].symbol, "DBR 35");
    let rows = b.blotter(&BlotterQuery { tab: BlotterTab::Rfqs, text: String::new(), limit: 10 });
    assert!(rows.rows.iter().any(|r| r.symbol == "Butterfly, 3 legs"), "{rows:?}");
}

#[test]
fn a_package_that_may_not_be_asked_is_refused_in_words() {
    type Change = fn(&mut Ticket);
    let cases: [(&str, Change, &str); 10] = [
        ("an instrument too", |t| t.instrument = SHORT.into(), "legs.mixed"),
        ("a quantity too", |t| t.quantity = "5m".into(), "legs.mixed"),
        ("one leg", |t| t.legs.truncate(1), "legs.invalid"),
        ("too many legs", |t| t.legs = vec![t.legs[0].clone(); 21], "legs.invalid"),
        ("a leg twice", |t| t.legs[2] = t.legs[0].clone(), "legs.invalid"),
        ("an unknown instrument", |t| t.legs[1].instrument = "XS9".into(), "instrument.unknown"),
        ("another currency", |t| t.legs[1].instrument = "USD/JPY".into(), "legs.invalid"),
        ("no quantity", |t| t.legs[1].quantity = String::new(), "quantity.missing"),
        ("too large", |t| t.legs[1].quantity = "101m".into(), "legs.invalid"),
        ("a ratio of words", |t| t.legs[1].ratio = Some("two".into()), "legs.ratio"),
    ];
    for (what, change, code) in cases {
        let mut t = butterfly();
        change(&mut t);
        assert_eq!(desk().new_rfq(&t, NOW).unwrap_err().code, code, "{what}");
    }
    for ratio in ["0", "-1", "1001", ""] {
        let mut t = butterfly();
        t.legs[1].ratio = Some(ratio.into());
        assert!(desk().new_rfq(&t, NOW).unwrap_err().code.starts_with("legs."), "{ratio}");
    }
}

#[test]
fn an_accept_says_the_price_of_each_leg_and_takes_a_limit_of_the_net_price() {
    let (mut b, q) = quoted();
    let a = armed(&mut b, &q);
    assert_eq!((a.limit.as_deref(), a.price.as_str()), (Some("-2.50"), "-2.50"));
    let shown: Vec<_> = a.legs.iter().map(|l| (l.symbol.as_str(), l.price.as_deref())).collect();
    assert_eq!(
        shown,
        [("DBR 32", Some("99.20")), ("DBR 35", Some("100.00")), ("DBR 50", Some("98.30"))]
    );
    let id = q.id.as_str();
    b.set_limit(id, 3, NOW).unwrap();
    let AppMessage::QuoteResponse(r) = b.accept(id, &a.id, NOW).unwrap() else { panic!() };
    let prices: Vec<_> = r.legs.iter().map(|l| (l.bid, l.offer)).collect();
    assert_eq!(
        prices,
        [(None, Some(dec("99.2"))), (Some(dec("100.0")), None), (None, Some(dec("98.3")))]
    );
    assert_eq!(r.limit.map(|l| l.price), Some(dec("-2.47")));
    assert_eq!((r.price, r.quantity), (dec("-2.5"), dec("20000000")));
}

/// The gateway took a later quote: the desk takes it only with the legs that it agreed to.
#[test]
fn what_was_passed_on_keeps_every_leg() {
    type Change = fn(&mut QuoteResponse);
    let cases: [(&str, bool, Change); 6] = [
        ("at other prices of the legs", true, |_| ()),
        ("legs swapped", false, |r| r.legs.swap(0, 2)),
        ("a ratio", false, |r| r.legs[1].ratio = Some(dec("1"))),
        ("a side", false, |r| r.legs[0].side = Some(Side::Sell)),
        ("beyond the limit", false, |r| {
            r.legs[0].offer = Some(dec("99.3"));
            r.price = dec("-2.4");
        }),
        ("not the sum of its legs", false, |r| r.price = dec("-2.6")),
    ];
    for (what, taken, change) in cases {
        let (mut b, q, sent) = accepted();
        let mut r = QuoteResponse { quote: QuoteId::new("q2").unwrap(), ..sent.clone() };
        r.legs[0].offer = Some(dec("99.1"));
        r.legs[2].offer = Some(dec("98.4"));
        change(&mut r);
        b.message(AppMessage::QuoteResponse(r), NOW);
        let (a, _) = b.rfq(&q.id).unwrap().accept.clone().unwrap();
        assert_eq!(a.quote.as_str(), if taken { "q2" } else { "q1" }, "{what}");
        let told = b.pull(0, &[], NOW).notices;
        let alarmed = told.iter().any(|n| n.code == "accept.not_as_agreed");
        assert_eq!(alarmed, !taken, "{what}");
    }
}

/// A net price may be near zero: how far it is from the market is measured by its legs.
#[test]
fn off_market_is_measured_by_the_legs() {
    use signet_rfq::DealerId;
    let south = DealerId::new("SOUTH").unwrap();
    // How much better the other dealer is: a tenth, and two, of prices that add up to 397.5.
    for (better, warned) in [("0.1", false), ("2.1", true)] {
        let trading = crate::guard::TradingSettings { confirm_after_ms: 0, ..Default::default() };
        let mut b = desk().protected_by(trading);
        let state = |id: &DealerId| DealerState {
            id: id.clone(),
            name: "x".into(),
            online: true,
            counters: false,
            parts: false,
        };
        let dealers = vec![state(&north()), state(&south)];
        let venue = VenueState { name: "V".into(), practice: true, dealers, at: NOW };
        b.message(AppMessage::VenueState(venue), NOW);
        let ticket = Ticket { dealers: vec!["NORTH".into(), "SOUTH".into()], ..butterfly() };
        let AppMessage::QuoteRequest(q) = b.new_rfq(&ticket, NOW).unwrap() else { panic!() };
        b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
        b.message(AppMessage::Snapshot(SnapshotMark::Rfq(q.clone())), NOW);
        b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
        b.message(AppMessage::Quote(quote(&q)), NOW);
        let mut other = QuoteMsg { dealer: Some(south.clone()), bid: None, ..quote(&q) };
        other.legs[1].bid = Some(dec("100.0") + dec(better) / dec("2"));
        other.legs[1].offer = Some(dec("110"));
        other.offer.as_mut().unwrap().price = dec("-2.5") - dec(better);
        b.message(AppMessage::Quote(other), NOW);
        let a = armed(&mut b, &q);
        let pressed = b.accept(q.id.as_str(), &a.id, NOW).err().map(|e| e.code);
        assert_eq!(pressed.as_deref(), warned.then_some("accept.off_market"), "{better}");
    }
}

#[test]
fn each_dealers_prices_of_the_legs_are_shown() {
    let (mut b, q) = quoted();
    let frame = b.pull(0, &[], NOW);
    let line = frame.lines.iter().find(|l| l.rfq_id == q.id.as_str()).unwrap();
    let shown: Vec<_> =
        line.legs.iter().map(|l| (l.bought.as_deref(), l.sold.as_deref())).collect();
    assert_eq!(
        shown,
        [
            (Some("99.20"), Some("99.00")),
            (Some("100.00"), Some("100.20")),
            (Some("98.30"), Some("98.00"))
        ]
    );
}

/// Wherever a package is told of, it has its name and not what stands for its instrument.
#[test]
fn a_package_is_named_in_every_row_and_notice() {
    let named = |rows: Vec<crate::view::BlotterRow>| {
        assert!(!rows.is_empty());
        for r in rows {
            assert_eq!(r.symbol, "Butterfly, 3 legs", "{r:?}");
        }
    };
    let rows =
        |b: &Book, tab| b.blotter(&BlotterQuery { tab, text: String::new(), limit: 10 }).rows;
    // The answer is lost with the link.
    let (mut b, _, _) = accepted();
    b.link_lost();
    b.tick(NOW + 1);
    named(rows(&b, BlotterTab::Attention));
    // A report of an earlier run.
    let (_, _, r) = accepted();
    let mut other = desk();
    say(&mut other, filled_report(&r));
    named(rows(&other, BlotterTab::Trades));
    let frame = other.pull(0, &[], NOW);
    assert!(frame.notices.iter().all(|n| !n.text.contains("[N/A]")), "{:?}", frame.notices);
    // What cannot be stopped.
    let (mut b, _, _) = accepted();
    let (_, _, stopped) = b.stop_all(NOW);
    assert_eq!(stopped.left[0].symbol, "Butterfly, 3 legs");
}

fn filled_report(r: &QuoteResponse) -> signet_fix::message::ExecutionReport {
    let done = |l: &StatedLeg| StatedLeg { last: l.agreed(), bid: None, offer: None, ..l.clone() };
    let (kind, status) = (ExecType::Trade, OrdStatus::Filled);
    let e = life_tests::report(r.id.as_str(), kind, status, "e1", "-2.5", 20_000_000);
    let legs = r.legs.iter().map(done).collect();
    signet_fix::message::ExecutionReport { instrument: InstrumentId::package(), legs, ..e }
}

fn form() -> TicketForm {
    use crate::view::{LegForm, PackageShape};
    let leg = |id: &str, side, ratio: &str| LegForm {
        side,
        instrument: id.into(),
        typed: String::new(),
        ratio: ratio.into(),
        quantity: String::new(),
        settles: String::new(),
    };
    use view::Side::{Buy, Sell};
    let legs = vec![leg(SHORT, Buy, "1"), leg(BELLY, Sell, "2"), leg(LONG, Buy, "1")];
    TicketForm {
        price_type: Default::default(),
        instrument: String::new(),
        typed: String::new(),
        ask: Ask::Buy,
        quantity: String::new(),
        dealers: vec!["NORTH".into()],
        ttl_s: 60,
        settlement_date: None,
        price_limit: "-2.5".into(),
        limit_over: None,
        min_quantity: String::new(),
        all_or_none: false,
        approve_first: false,
        note: String::new(),
        package: Some(PackageForm { shape: PackageShape::Butterfly, size: "5m".into(), legs }),
    }
}

#[test]
fn a_filled_in_package_is_checked_ahead_and_its_limit_holds() {
    let mut b = desk();
    assert_eq!(b.check_ticket(&form(), NOW).refused, None);
    let mut large = form();
    large.package.as_mut().unwrap().size = "60m".into();
    let why = b.check_ticket(&large, NOW).refused.unwrap();
    assert_eq!((why.code.as_str(), why.field), ("quantity.too_large", Some(TicketField::Legs)));
    assert!(why.message.starts_with("Leg 2"), "{why:?}");
    assert!(b.ask(&large, NOW).is_err());
    let dear = TicketForm { price_limit: "cheap".into(), ..form() };
    assert_eq!(b.check_ticket(&dear, NOW).refused.unwrap().code, "limit.unreadable");
    let away = TicketForm { dealers: vec!["NOBODY".into()], ..form() };
    assert_eq!(b.check_ticket(&away, NOW).refused.unwrap().code, "dealers.unknown");

    for (limit, code) in [("-2.5", None), ("-2.51", Some("accept.beyond_limit"))] {
        let mut b = desk();
        let form = TicketForm { price_limit: limit.into(), ..form() };
        let AppMessage::QuoteRequest(q) = b.ask(&form, NOW).unwrap() else { panic!() };
        b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
        b.message(AppMessage::Snapshot(SnapshotMark::Rfq(q.clone())), NOW);
        b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
        b.message(AppMessage::Quote(QuoteMsg { bid: None, ..quote(&q) }), NOW);
        let intent = ArmIntent {
            rfq_id: q.id.to_string(),
            dealer: "NORTH".into(),
            quote_id: "q1".into(),
            side: view::Side::Buy,
            price: "-2.50".into(),
        };
        let armed = b.arm_typed(intent, NOW);
        assert_eq!(armed.as_ref().err().map(|e| e.code.as_str()), code, "{limit}");
        if let Ok(a) = armed {
            assert_eq!(a.limit.as_deref(), Some("-2.50"));
            let farther = b.set_limit_typed(q.id.as_str(), 1, NOW).unwrap_err();
            assert_eq!(farther.code, "accept.ticket_limit");
        }
        assert_eq!(b.ticket_of(q.id.as_str()), Some(form));
    }
}

#[test]
fn a_quote_that_is_not_of_the_package_is_not_shown() {
    type Change = fn(&mut QuoteMsg);
    let cases: [Change; 4] = [
        |q| q.legs.clear(),
        |q| q.offer.as_mut().unwrap().price = dec("-2.6"),
        |q| q.legs.swap(0, 2),
        |q| q.legs[1].quantity = Some(dec("1")),
    ];
    for change in cases {
        let (mut b, q) = quoted();
        let mut other = QuoteMsg { id: QuoteId::new("q2").unwrap(), ..quote(&q) };
        change(&mut other);
        b.message(AppMessage::Quote(other), NOW);
        let line = b.rfq(&q.id).unwrap().lines[0].clone();
        assert_eq!(line.state, LineState::Withdrawn, "the one before is out of date");
        assert_eq!(line.quote.unwrap().id.as_str(), "q1");
    }
}

#[test]
fn a_fill_is_booked_with_its_legs_and_one_that_differs_is_not() {
    let fill = |r: &QuoteResponse| {
        let done =
            |l: &StatedLeg| StatedLeg { last: l.agreed(), bid: None, offer: None, ..l.clone() };
        let e = life_tests::report(
            r.id.as_str(),
            ExecType::Trade,
            OrdStatus::Filled,
            "e1",
            "-2.5",
            20_000_000,
        );
        let legs = r.legs.iter().map(done).collect();
        signet_fix::message::ExecutionReport { instrument: InstrumentId::package(), legs, ..e }
    };
    let (mut b, q, r) = accepted();
    say(&mut b, fill(&r));
    let state = b.rfq(&q.id).unwrap().accept.clone().unwrap().1;
    assert!(matches!(&state, Accepting::Filled(e) if e.legs.len() == 3), "{state:?}");
    let frame = b.pull(0, &[], NOW);
    let head = frame.rfqs.iter().find(|h| h.id == q.id.as_str()).unwrap();
    let a = head.accept.as_ref().unwrap();
    assert_eq!((a.state, a.legs.len()), (AcceptState::Filled, 3));
    for change in [
        (|e| e.legs.clear()) as fn(&mut signet_fix::message::ExecutionReport),
        |e| e.legs[0].last = Some(dec("99.3")),
        |e| e.cum_qty = dec("10000000"),
    ] {
        let (mut b, q, r) = accepted();
        let mut e = fill(&r);
        change(&mut e);
        say(&mut b, e);
        assert_eq!(b.rfq(&q.id).unwrap().accept.clone().unwrap().1, Accepting::Disputed);
    }
}
