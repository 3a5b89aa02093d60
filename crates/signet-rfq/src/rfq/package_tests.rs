//! Packages: their terms, their quotes and accepts, and what is reported of them.

use crate::{
    Accept, AcceptId, AcceptRefusal, AcceptState, Ask, AssetClass, Catalogue, DealerId, Declined,
    Instrument, InstrumentId, Leg, LegsError, Level, Limit, MAX_LEGS, PackageFault, PackageKind,
    Quote, QuoteFault, QuoteId, Report, Rfq, RfqId, Side, StatedLeg, Terms, TermsError, UtcMillis,
    fix::{ExecType, OrdStatus},
    gross,
    instrument::bund,
    net_price,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn dec(n: &str) -> Decimal {
    n.parse().unwrap()
}

fn dealer() -> DealerId {
    DealerId::new("A").unwrap()
}

const SHORT: &str = "DE0001102580";
const BELLY: &str = "DE000BU2Z007";
const LONG: &str = "DE0001030732";

fn bond(id: &str) -> Instrument {
    Instrument { id: InstrumentId::new(id).unwrap(), ..bund() }
}

pub(crate) fn catalogue() -> Catalogue {
    let pair = Instrument {
        id: InstrumentId::new("EUR/USD").unwrap(),
        asset_class: AssetClass::FxSpot,
        ..bund()
    };
    let dollars = Instrument {
        id: InstrumentId::new("USD/JPY").unwrap(),
        asset_class: AssetClass::FxSpot,
        currency: "USD".into(),
        ..bund()
    };
    let corporate = Instrument { asset_class: AssetClass::CorporateBond, ..bond("XS0000000009") };
    Catalogue::new([bond(SHORT), bond(BELLY), bond(LONG), corporate, pair, dollars]).unwrap()
}

fn leg(id: &str, side: Side, ratio: &str, millions: i64) -> Leg {
    Leg {
        instrument: InstrumentId::new(id).unwrap(),
        side,
        ratio: dec(ratio),
        quantity: Decimal::from(millions * 1_000_000),
        settlement_date: "20261124".into(),
    }
}

/// Buys the wings, 5m each, against 10m of the body.
pub(crate) fn butterfly() -> Terms {
    let legs = vec![
        leg(SHORT, Side::Buy, "1", 5),
        leg(BELLY, Side::Sell, "2", 10),
        leg(LONG, Side::Buy, "1", 5),
    ];
    Terms {
        min_quantity: None,
        price_type: crate::PriceType::Price,
        id: RfqId::new("R1").unwrap(),
        instrument: InstrumentId::package(),
        ask: Ask::TwoWay,
        quantity: dec("20000000"),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![dealer()],
        expires: UtcMillis(120_000),
        created: UtcMillis(0),
        legs,
    }
}

fn priced(l: &Leg, bid: &str, offer: &str) -> StatedLeg {
    StatedLeg { bid: Some(dec(bid)), offer: Some(dec(offer)), ..StatedLeg::of(l) }
}

/// Bid 99.0 - 2*100.2 + 98.0 = -3.4; offer 99.2 - 2*100.0 + 98.3 = -2.5.
pub(crate) fn quote() -> Quote {
    let t = butterfly();
    let level = |p: &str| Some(Level { price: dec(p), size: dec("20000000") });
    Quote {
        id: QuoteId::new("q1").unwrap(),
        dealer: dealer(),
        bid: level("-3.4"),
        offer: level("-2.5"),
        valid_until: UtcMillis(60_000),
        tradeable: true,
        legs: vec![
            priced(&t.legs[0], "99.0", "99.2"),
            priced(&t.legs[1], "100.0", "100.2"),
            priced(&t.legs[2], "98.0", "98.3"),
        ],
    }
}

const T: UtcMillis = UtcMillis(2_000);

fn accept(side: Side) -> Accept {
    let (t, q) = (butterfly(), quote());
    Accept {
        part_of: None,
        id: AcceptId::new("x1").unwrap(),
        rfq: t.id.clone(),
        dealer: dealer(),
        quote: q.id.clone(),
        instrument: InstrumentId::package(),
        side,
        price: q.level(side).unwrap().price,
        quantity: t.quantity,
        limit: None,
        legs: t.agreed_legs(&q, side).unwrap(),
    }
}

fn open() -> Rfq {
    let mut r = Rfq::new(butterfly());
    r.acknowledge();
    r.quote(quote(), UtcMillis(1_000)).unwrap();
    r
}

fn sent(side: Side) -> Rfq {
    let mut r = open();
    r.arm(accept(side), T, 50).unwrap();
    r.send_accept(&accept(side).id, T, 50).unwrap();
    r
}

/// What the dealer reports when it does what was agreed to.
fn fill(side: Side) -> Report {
    let a = accept(side);
    let done = |l: &StatedLeg| StatedLeg { last: l.agreed(), bid: None, offer: None, ..l.clone() };
    Report {
        price_type: None,
        kind: ExecType::Trade,
        status: OrdStatus::Filled,
        exec_id: "e1".into(),
        exec_ref: None,
        order_id: "o1".into(),
        instrument: InstrumentId::package(),
        side,
        last: Some(Level { price: a.price, size: a.quantity }),
        cum_qty: a.quantity,
        leaves_qty: Decimal::ZERO,
        avg_px: a.price,
        settlement_date: None,
        currency: None,
        text: None,
        disputed: false,
        at: UtcMillis(5_000),
        legs: a.legs.iter().map(done).collect(),
    }
}

fn take(r: &mut Rfq, report: &Report) -> crate::Taken {
    r.report(&accept(Side::Buy).id, report, Declined::ByDealer, UtcMillis(6_000)).unwrap()
}

#[test]
fn a_package_is_checked_leg_by_leg() {
    let check = |f: &dyn Fn(&mut Terms)| {
        let mut t = butterfly();
        f(&mut t);
        t.check_package(&catalogue(), T)
    };
    let legs = |e: LegsError| Err(TermsError::Legs(e));
    assert_eq!(check(&|_| ()), Ok(()));
    assert_eq!(check(&|t| t.legs.truncate(1)), legs(LegsError::Count(1)));
    assert_eq!(check(&|t| t.legs.clear()), legs(LegsError::Mixed));
    assert_eq!(check(&|t| t.instrument = bund().id), legs(LegsError::Mixed));
    let many = |n: usize| {
        check(&move |t: &mut Terms| {
            t.legs = (0..n)
                .map(|i| Leg {
                    settlement_date: format!("202612{:02}", i + 1),
                    ..leg(SHORT, Side::Buy, "1", 1)
                })
                .collect();
            t.quantity = Decimal::from(n as u64 * 1_000_000);
            t.settlement_date = "20261201".into();
        })
    };
    assert_eq!(many(MAX_LEGS), Ok(()));
    assert_eq!(many(MAX_LEGS + 1), legs(LegsError::Count(MAX_LEGS + 1)));
    assert_eq!(
        check(&|t| t.legs[2].instrument = t.legs[0].instrument.clone()),
        legs(LegsError::Twice(3, 1))
    );
    let unknown = InstrumentId::new("XS9").unwrap();
    assert_eq!(
        check(&|t| t.legs[1].instrument = InstrumentId::new("XS9").unwrap()),
        legs(LegsError::Unknown(2, unknown))
    );
    assert_eq!(
        check(&|t| t.legs[1].instrument = InstrumentId::package()),
        legs(LegsError::Unknown(2, InstrumentId::package())),
        "no package within a package"
    );
    for ratio in ["0", "-1", "1000.1"] {
        assert_eq!(check(&|t| t.legs[1].ratio = dec(ratio)), legs(LegsError::Ratio(2)), "{ratio}");
    }
    assert_eq!(
        check(&|t| t.legs[1].instrument = InstrumentId::new("USD/JPY").unwrap()),
        legs(LegsError::Currency(2, "USD".into(), "EUR".into()))
    );
    for q in ["1", "0", "-5000000", "79228162514264337593543950335"] {
        assert!(
            matches!(
                check(&|t| t.legs[2].quantity = dec(q)),
                Err(TermsError::Legs(LegsError::Quantity(3, _)))
            ),
            "{q}"
        );
    }
    // Less than the sum would count for less than is traded.
    assert_eq!(check(&|t| t.quantity = dec("5000000")), legs(LegsError::Gross(dec("20000000"))));
    assert_eq!(
        check(&|t| t.settlement_date = "20261125".into()),
        legs(LegsError::Date("20261124".into()))
    );
    assert_eq!(check(&|t| t.dealers.clear()), Err(TermsError::NoDealer));
    assert_eq!(
        check(&|t| t.min_quantity = Some(t.quantity)),
        Err(TermsError::PackageMinimum),
        "it is traded as a whole in any case"
    );
    // Whoever knows only single instruments refuses it.
    assert_eq!(butterfly().check(&bund(), T), legs(LegsError::Mixed));
    assert!(catalogue().get(&InstrumentId::package()).is_none());
}

#[test]
fn a_sum_that_does_not_fit_is_an_error_and_not_a_smaller_number() {
    let huge = Leg { quantity: Decimal::MAX, ..leg(SHORT, Side::Buy, "1", 1) };
    assert_eq!(gross(&[huge.clone(), huge.clone()]), None);
    assert_eq!(net_price(&[huge.clone(), huge], |_| Some(Decimal::MAX)), None);
}

#[test]
fn a_quote_that_is_not_the_sum_of_its_legs_is_refused() {
    let t = butterfly();
    let check = |f: &dyn Fn(&mut Quote)| {
        let mut q = quote();
        f(&mut q);
        q.check_for(&t, T)
    };
    let fault = |f: PackageFault| Err(QuoteFault::Package(f));
    assert_eq!(check(&|_| ()), Ok(()), "a price below zero among them");
    assert_eq!(check(&|q| q.legs.clear()), Err(QuoteFault::PriceNotPositive));
    assert_eq!(check(&|q| drop(q.legs.pop())), fault(PackageFault::Count(2, 3)));
    for (f, what) in [
        (
            (|l: &mut StatedLeg| l.instrument = InstrumentId::new(LONG).unwrap())
                as fn(&mut StatedLeg),
            "instrument",
        ),
        (|l| l.side = Some(Side::Buy), "side"),
        (|l| l.ratio = Some(dec("1")), "ratio"),
        (|l| l.quantity = Some(dec("9000000")), "quantity"),
        (|l| l.settlement_date = Some("20261125".into()), "settlement date"),
        (|l| l.currency = Some("USD".into()), "currency"),
    ] {
        let found = check(&|q| f(&mut q.legs[1]));
        assert_eq!(found, fault(PackageFault::Differs(2, what)));
    }
    // What is left out is as requested.
    let bare = |q: &mut Quote| {
        let l = &mut q.legs[1];
        (l.side, l.ratio, l.quantity, l.settlement_date) = (None, None, None, None);
    };
    assert_eq!(check(&bare), Ok(()));
    assert_eq!(check(&|q| q.legs[0].bid = None), fault(PackageFault::NoLegPrice(1)));
    // A sold leg is done at the other price.
    assert_eq!(
        check(&|q| (q.legs[1].bid, q.bid) = (None, None)),
        fault(PackageFault::NoLegPrice(2))
    );
    assert_eq!(check(&|q| (q.legs[1].offer, q.bid) = (None, None)), Ok(()), "offered only");
    assert_eq!(
        check(&|q| q.legs[2].bid = Some(dec("0"))),
        fault(PackageFault::LegPriceNotPositive(3))
    );
    assert_eq!(check(&|q| q.legs[2].bid = Some(dec("98.4"))), fault(PackageFault::LegCrossed(3)));
    for (bid, offer) in [(Some("-3.4"), Some("-2.6")), (Some("-3.5"), None), (None, Some("2.5"))] {
        let level = |p: &str| Level { price: dec(p), size: dec("20000000") };
        let found = check(&|q| (q.bid, q.offer) = (bid.map(level), offer.map(level)));
        assert!(
            matches!(found, Err(QuoteFault::Package(PackageFault::NotTheSum(..)))),
            "{bid:?} {offer:?}: {found:?}"
        );
    }
    let part = |q: &mut Quote| {
        q.bid = None;
        q.offer.as_mut().unwrap().size = dec("19999999");
    };
    assert_eq!(check(&part), fault(PackageFault::Part));
    // A single instrument has no legs.
    let single = Terms { instrument: bund().id, legs: vec![], ..butterfly() };
    assert_eq!(quote().check_for(&single, T), fault(PackageFault::Count(3, 0)));
}

#[test]
fn who_sells_a_package_does_the_opposite_in_each_leg() {
    for (side, prices) in [
        (Side::Buy, [(None, Some("99.2")), (Some("100.0"), None), (None, Some("98.3"))]),
        (Side::Sell, [(Some("99.0"), None), (None, Some("100.2")), (Some("98.0"), None)]),
    ] {
        let legs = butterfly().agreed_legs(&quote(), side).unwrap();
        let found: Vec<_> = legs.iter().map(|l| (l.bid, l.offer)).collect();
        let want: Vec<_> = prices.iter().map(|(b, o)| (b.map(dec), o.map(dec))).collect();
        assert_eq!(found, want, "{side:?}");
        let net = net_price(&butterfly().legs, |i| legs[i].agreed());
        assert_eq!(net, quote().level(side).map(|l| l.price), "{side:?}");
    }
}

#[test]
fn an_accept_of_a_package_agrees_to_each_leg() {
    let check = |f: &dyn Fn(&mut Accept)| {
        let mut a = accept(Side::Buy);
        f(&mut a);
        open().check_accept(&a, T, 50)
    };
    assert_eq!(check(&|_| ()), Ok(()));
    assert_eq!(open().check_accept(&accept(Side::Sell), T, 50), Ok(()));
    assert_eq!(check(&|a| a.legs.clear()), Err(AcceptRefusal::OtherLeg(1)));
    assert_eq!(check(&|a| drop(a.legs.pop())), Err(AcceptRefusal::OtherLeg(3)));
    for f in [
        (|l: &mut StatedLeg| l.bid = Some(dec("100.1"))) as fn(&mut StatedLeg),
        |l| l.offer = l.bid,
        |l| l.side = None,
        |l| l.side = Some(Side::Buy),
        |l| l.quantity = Some(dec("9000000")),
        |l| l.settlement_date = Some("20261125".into()),
        |l| l.instrument = InstrumentId::new(LONG).unwrap(),
    ] {
        assert_eq!(check(&|a| f(&mut a.legs[1])), Err(AcceptRefusal::OtherLeg(2)));
    }
    assert_eq!(check(&|a| a.instrument = bund().id), Err(AcceptRefusal::OtherInstrument));
    let limit = Some(Limit { price: dec("-2.5"), until: UtcMillis(50_000) });
    assert_eq!(check(&|a| a.limit = limit), Ok(()));
    let limited = Accept { limit, ..accept(Side::Buy) };
    assert_eq!(open().followed(&limited, T), Ok(limited.clone()));
    assert!(open().may_follow(&limited, T));
    // Legs of a single instrument.
    let mut single = Rfq::new(Terms { instrument: bund().id, legs: vec![], ..butterfly() });
    single.acknowledge();
    single.quote(Quote { legs: vec![], ..quote() }, T).unwrap();
    let a = Accept { instrument: bund().id, ..accept(Side::Buy) };
    assert_eq!(single.check_accept(&a, T, 50), Err(AcceptRefusal::OtherLeg(1)));
}

#[test]
fn an_armed_accept_stays_armed_only_if_no_leg_changed() {
    for (offer, armed) in [("98.3", true), ("98.2", false)] {
        let mut r = open();
        r.arm(accept(Side::Buy), T, 50).unwrap();
        let mut again = Quote { id: QuoteId::new("q2").unwrap(), ..quote() };
        // The same net price from other legs.
        again.legs[2].offer = Some(dec(offer));
        again.legs[0].offer = Some(dec("197.5") - dec(offer));
        r.quote(again, T).unwrap();
        assert_eq!(
            matches!(r.accept, Some((_, AcceptState::Armed))),
            armed,
            "the long leg at {offer}"
        );
    }
}

#[test]
fn a_package_is_executed_as_agreed_or_disputed() {
    type Change = fn(&mut Report);
    let cases: [(&str, Change, Option<&str>); 20] = [
        ("as agreed", |_| (), None),
        (
            "what is optional left out",
            |r| {
                let l = &mut r.legs[1];
                (l.side, l.ratio, l.settlement_date) = (None, None, None);
            },
            None,
        ),
        ("no legs", |r| r.legs.clear(), Some("it reports 0 legs, and the package has 3")),
        (
            "a leg left out",
            |r| drop(r.legs.pop()),
            Some("it reports 2 legs, and the package has 3"),
        ),
        (
            "a leg too many",
            |r| r.legs.push(r.legs[0].clone()),
            Some("it reports 4 legs, and the package has 3"),
        ),
        ("legs in another order", |r| r.legs.swap(0, 2), Some("leg 1: the instrument differs")),
        ("another side", |r| r.legs[1].side = Some(Side::Buy), Some("leg 2: the side differs")),
        (
            "another quantity",
            |r| r.legs[2].quantity = Some(dec("4000000")),
            Some("leg 3: the quantity differs"),
        ),
        (
            "no quantity",
            |r| r.legs[2].quantity = None,
            Some("leg 3: it does not say how much was executed"),
        ),
        (
            "another date",
            |r| r.legs[0].settlement_date = Some("20261125".into()),
            Some("leg 1: the settlement date differs"),
        ),
        (
            "another currency",
            |r| r.legs[0].currency = Some("USD".into()),
            Some("leg 1: the currency differs"),
        ),
        ("another ratio", |r| r.legs[1].ratio = Some(dec("1")), Some("leg 2: the ratio differs")),
        ("no price", |r| r.legs[0].last = None, Some("leg 1: it does not say at which price")),
        ("another price", |r| r.legs[0].last = Some(dec("99.3")), Some("leg 1: the price differs")),
        (
            "the same net price from other legs",
            |r| {
                r.legs[0].last = Some(dec("99.3"));
                r.legs[2].last = Some(dec("98.2"));
            },
            Some("leg 1: the price differs"),
        ),
        (
            "another net price",
            |r| r.last.as_mut().unwrap().price = dec("-2.4"),
            Some("the price differs"),
        ),
        (
            "a part",
            |r| {
                r.last.as_mut().unwrap().size = dec("10000000");
                r.cum_qty = dec("10000000");
                r.status = OrdStatus::PartiallyFilled;
            },
            Some("a package is executed as a whole, and this is a part"),
        ),
        (
            "a part in all",
            |r| r.cum_qty = dec("10000000"),
            Some("a package is executed as a whole, and this is a part"),
        ),
        (
            "one leg only",
            |r| {
                r.instrument = InstrumentId::new(SHORT).unwrap();
                r.legs.clear();
            },
            Some("the instrument differs"),
        ),
        ("the other side of the package", |r| r.side = Side::Sell, Some("the side differs")),
    ];
    for kind in [ExecType::Trade, ExecType::Status] {
        for (what, change, why) in cases {
            let mut r = sent(Side::Buy);
            let mut report = Report { kind, ..fill(Side::Buy) };
            change(&mut report);
            let taken = take(&mut r, &report);
            assert_eq!(taken.dispute.as_ref().map(|d| d.why.as_str()), why, "{kind:?}: {what}");
            let state = r.accept.as_ref().map(|(_, s)| s.clone()).unwrap();
            assert_eq!(matches!(state, AcceptState::Filled(_)), why.is_none(), "{kind:?}: {what}");
            assert!(!matches!(state, AcceptState::PartlyFilled(_)), "{kind:?}: {what}");
            if let AcceptState::Filled(e) = state {
                assert_eq!(e.legs, report.legs, "the trade keeps its legs");
            }
        }
    }
    // Sold: each leg at its other price.
    let mut r = sent(Side::Sell);
    assert!(take(&mut r, &fill(Side::Sell)).dispute.is_none());
    let mut r = sent(Side::Sell);
    let legs = fill(Side::Buy).legs;
    assert!(take(&mut r, &Report { legs, ..fill(Side::Sell) }).dispute.is_some());
}

#[test]
fn a_package_is_repeated_busted_and_corrected_as_a_whole() {
    let filled = || {
        let mut r = sent(Side::Buy);
        take(&mut r, &fill(Side::Buy));
        r
    };
    let mut r = filled();
    assert!(!take(&mut r, &fill(Side::Buy)).changed, "a repeat");
    let mut other = fill(Side::Buy);
    other.legs[0].last = Some(dec("99.3"));
    assert!(take(&mut r, &other).dispute.is_some(), "another execution under its ExecID");
    // A bust need not name the legs, and names none that are not there.
    let about = |kind| Report {
        kind,
        exec_id: "h1".into(),
        exec_ref: Some("e1".into()),
        ..fill(Side::Buy)
    };
    let bust = Report { legs: vec![], cum_qty: dec("0"), ..about(ExecType::TradeCancel) };
    let mut r = filled();
    assert!(take(&mut r, &bust).dispute.is_none());
    assert!(matches!(r.accept, Some((_, AcceptState::Busted(_)))));
    let one = fill(Side::Buy).legs[..1].to_vec();
    assert!(take(&mut filled(), &Report { legs: one, ..bust }).dispute.is_some());
    // A correction states every leg, and its price is their sum.
    type Change = fn(&mut Report);
    let cases: [(&str, Change, bool); 6] = [
        (
            "the legs move together",
            |r| {
                r.legs[0].last = Some(dec("99.3"));
                r.last.as_mut().unwrap().price = dec("-2.4");
            },
            false,
        ),
        ("not the sum", |r| r.legs[0].last = Some(dec("99.3")), true),
        ("no legs", |r| r.legs.clear(), true),
        (
            "a leg's price of nothing",
            |r| {
                r.legs[0].last = Some(dec("0"));
                r.last.as_mut().unwrap().price = dec("-101.7");
            },
            true,
        ),
        ("a leg's quantity", |r| r.legs[1].quantity = Some(dec("1000000")), true),
        ("a part", |r| r.last.as_mut().unwrap().size = dec("10000000"), true),
    ];
    for (what, change, disputed) in cases {
        let mut g = about(ExecType::TradeCorrect);
        change(&mut g);
        let mut r = filled();
        assert_eq!(take(&mut r, &g).dispute.is_some(), disputed, "{what}");
        if !disputed {
            // The state that follows has the corrected legs.
            let status = |legs: Vec<StatedLeg>| Report {
                kind: ExecType::Status,
                exec_id: "s".into(),
                legs,
                last: g.last,
                avg_px: dec("-2.4"),
                ..fill(Side::Buy)
            };
            assert!(take(&mut r.clone(), &status(g.legs.clone())).dispute.is_none());
            assert!(take(&mut r, &status(fill(Side::Buy).legs)).dispute.is_some());
        }
    }
}

#[test]
fn a_package_has_the_name_that_its_legs_make() {
    let c = catalogue();
    let kind = |legs: &[Leg]| PackageKind::of(legs, |id| c.get(id).map(|i| i.asset_class));
    let corporate = "XS0000000009";
    let (buy, sell) = (Side::Buy, Side::Sell);
    let at = |id, side| leg(id, side, "1", 1);
    let later = |id, side| Leg { settlement_date: "20261224".into(), ..at(id, side) };
    for (legs, want) in [
        (butterfly().legs, PackageKind::Butterfly),
        (vec![at(SHORT, sell), at(LONG, buy)], PackageKind::Curve),
        (vec![at(SHORT, buy), at(corporate, sell)], PackageKind::Spread),
        (vec![at(corporate, buy), at(SHORT, sell)], PackageKind::Spread),
        (vec![at("EUR/USD", buy), later("EUR/USD", sell)], PackageKind::Roll),
        (vec![at(SHORT, buy), later(SHORT, sell)], PackageKind::Roll),
        (vec![at(SHORT, buy), at("EUR/USD", sell)], PackageKind::Hedge),
        (vec![at(SHORT, buy), at(LONG, buy)], PackageKind::Package),
        (vec![at(SHORT, buy), at(BELLY, buy), at(LONG, sell)], PackageKind::Package),
        (vec![at("XS9", buy), at("XS8", sell)], PackageKind::Spread),
    ] {
        assert_eq!(kind(&legs), want, "{legs:?}");
    }
    let two = Instrument { asset_class: AssetClass::CorporateBond, ..bond(LONG) };
    let one = Instrument { asset_class: AssetClass::CorporateBond, ..bond(SHORT) };
    let c = Catalogue::new([one, two]).unwrap();
    let switch = [at(SHORT, buy), at(LONG, sell)];
    let kind = PackageKind::of(&switch, |id| c.get(id).map(|i| i.asset_class));
    assert_eq!(kind, PackageKind::Switch);
    assert!(PackageKind::ALL.iter().all(|k| !k.words().is_empty()));
}

proptest! {
    /// Bid and offer of a package are never crossed when no leg is.
    #[test]
    fn a_package_is_not_crossed_when_no_leg_is(
        legs in prop::collection::vec((any::<bool>(), 1i64..50, 1i64..20_000, 0i64..500), 2..=20)
    ) {
        let mut t = butterfly();
        t.legs = legs.iter().map(|(buy, ratio, ..)| {
            leg(SHORT, if *buy { Side::Buy } else { Side::Sell }, &ratio.to_string(), 1)
        }).collect();
        let quoted: Vec<StatedLeg> = t.legs.iter().zip(&legs).map(|(l, (_, _, bid, wide))| {
            priced(l, &Decimal::new(*bid, 2).to_string(), &Decimal::new(bid + wide, 2).to_string())
        }).collect();
        let at = |side| net_price(&t.legs, |i| quoted[i].price(t.legs[i].side_in(side))).unwrap();
        let (bid, offer) = (at(Side::Sell), at(Side::Buy));
        prop_assert!(bid <= offer, "{bid} {offer}");
        t.quantity = gross(&t.legs).unwrap();
        let level = |price| Some(Level { price, size: t.quantity });
        let q = Quote { bid: level(bid), offer: level(offer), legs: quoted, ..quote() };
        prop_assert_eq!(q.check_for(&t, T), Ok(()));
    }
}

/// What the gateway says it passed on is taken only if every leg is the one that was agreed to and
/// the prices of the legs make a net price within the limit.
#[test]
fn a_package_that_was_passed_on_is_what_was_agreed_to() {
    let limit = Some(Limit { price: dec("-2.4"), until: UtcMillis(50_000) });
    let agreed = Accept { limit, ..accept(Side::Buy) };
    let later = |a: &mut Accept| {
        a.quote = QuoteId::new("q2").unwrap();
        a.legs[2].offer = Some(dec("98.4"));
        a.price = dec("-2.4");
    };
    type Change = fn(&mut Accept);
    let cases: [(&str, bool, Change); 9] = [
        ("within the limit", true, |_| ()),
        ("not the sum of its legs", false, |a| a.price = dec("-2.5")),
        ("beyond the limit", false, |a| {
            a.legs[2].offer = Some(dec("98.5"));
            a.price = dec("-2.3");
        }),
        ("legs swapped", false, |a| a.legs.swap(0, 2)),
        ("a ratio", false, |a| a.legs[1].ratio = Some(dec("1"))),
        ("a side", false, |a| a.legs[0].side = Some(Side::Sell)),
        ("a quantity", false, |a| a.legs[0].quantity = Some(dec("1"))),
        ("a leg left out", false, |a| drop(a.legs.pop())),
        ("the dealer's other price", false, |a| {
            a.legs[0].bid = a.legs[0].offer.take();
        }),
    ];
    for (what, taken, change) in cases {
        let mut r = open();
        r.arm(agreed.clone(), T, 50).unwrap();
        r.send_accept(&agreed.id, T, 50).unwrap();
        let mut as_sent = agreed.clone();
        later(&mut as_sent);
        change(&mut as_sent);
        assert_eq!(r.passed_on(&as_sent), taken, "{what}");
        let stands = if taken { &as_sent } else { &agreed };
        assert_eq!(r.accept.as_ref().map(|(a, _)| a), Some(stands), "{what}");
    }
}

/// What said on which quote the accept went on was lost: the report says the prices.
#[test]
fn the_prices_of_the_legs_are_learnt_from_the_report() {
    let limit = Some(Limit { price: dec("-2.4"), until: UtcMillis(50_000) });
    let agreed = Accept { limit, ..accept(Side::Buy) };
    let executed = |third: &str| {
        let at = |l: &StatedLeg, p: &str| StatedLeg { last: Some(dec(p)), ..l.clone() };
        let legs = butterfly().legs.iter().map(StatedLeg::of).collect::<Vec<_>>();
        vec![at(&legs[0], "99.2"), at(&legs[1], "100.0"), at(&legs[2], third)]
    };
    for (price, third, learnt) in
        [("-2.4", "98.4", true), ("-2.4", "98.5", false), ("-2.3", "98.5", false)]
    {
        let mut r = open();
        r.arm(agreed.clone(), T, 50).unwrap();
        r.send_accept(&agreed.id, T, 50).unwrap();
        let found = r.passed_on_at(&agreed.id, dec(price), &executed(third));
        assert_eq!(found, learnt, "{price} {third}");
        assert!(!r.passed_on_at(&agreed.id, dec(price), &[]), "no legs, no prices");
    }
}
