use super::*;
use signet_rfq::{
    Ask, AssetClass, DealerId, InstrumentId, Level, Line, Passed, Quote, QuoteId, Rfq, RfqId, Terms,
};
use std::collections::BTreeMap;

const NOW: UtcMillis = UtcMillis(10_000);
const ARRIVAL_MS: i64 = 100;

fn n(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn bond() -> Instrument {
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        price_format: signet_rfq::PriceFormat::default(),
        id: InstrumentId::new("DE0001102580").unwrap(),
        symbol: "DBR".into(),
        name: "Bund".into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: n("0.005"),
        lot: 1.into(),
        min_quantity: 1.into(),
        max_quantity: 1_000.into(),
        settlement: "T+2".into(),
    }
}

/// `bid/offer`, either may be `-`; `!` after it: indicative; `*5` after it: of that size.
fn quote(dealer: &str, text: &str, ends_in_ms: i64) -> Quote {
    let (text, size) = text.split_once('*').map_or((text, "10"), |(t, s)| (t, s));
    let (text, tradeable) = text.strip_suffix('!').map_or((text, true), |t| (t, false));
    let (bid, offer) = text.split_once('/').unwrap();
    let level = |p: &str| p.parse().ok().map(|price| Level { price, size: n(size) });
    Quote {
        legs: vec![],
        id: QuoteId::new(format!("q-{dealer}")).unwrap(),
        dealer: DealerId::new(dealer).unwrap(),
        bid: level(bid),
        offer: level(offer),
        valid_until: NOW + ends_in_ms,
        tradeable,
    }
}

fn rfq(ask: Ask, quotes: &[(&str, &str, i64)]) -> Rfq {
    let dealers = quotes.iter().map(|(d, ..)| DealerId::new(*d).unwrap()).collect();
    let mut rfq = Rfq::new(Terms {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new("R").unwrap(),
        instrument: bond().id,
        ask,
        quantity: 10.into(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers,
        expires: NOW + 60_000,
        created: UtcMillis(0),
    });
    rfq.acknowledge();
    for (dealer, text, ends) in quotes {
        let d = DealerId::new(*dealer).unwrap();
        match *text {
            "asked" => {}
            "pass" => rfq.pass(&d, Passed { code: 10, text: "no axe".into() }).unwrap(),
            "gone" => {
                rfq.quote(quote(dealer, "99/100", *ends), UtcMillis(0)).unwrap();
                rfq.withdraw(&d, None).unwrap();
            }
            _ => drop(rfq.quote(quote(dealer, text, *ends), UtcMillis(0)).unwrap()),
        }
    }
    rfq
}

fn looked<T>(rfq: &Rfq, f: impl FnOnce(&Look<'_>) -> T) -> T {
    let (instrument, names) = (bond(), BTreeMap::new());
    f(&Look {
        rfq,
        instrument: Some(&instrument),
        catalogue: &Default::default(),
        names: &names,
        at: NOW,
        arrival_ms: ARRIVAL_MS,
        online: true,
        waits: None,
        ahead: None,
        guard: None,
        cover: None,
        counterable: &Default::default(),
    })
}

/// The dealers from the best to the worst.
fn ranked(rfq: &Rfq) -> Vec<String> {
    let mut lines = looked(rfq, lines);
    lines.sort_by_key(|l| l.rank);
    lines.into_iter().map(|l| l.dealer).collect()
}

#[test]
fn the_best_is_on_top_then_what_cannot_be_traded_then_who_has_not_answered() {
    for (ask, quotes, want) in [
        (Ask::Buy, &[("A", "-/99.5", 9_000), ("B", "-/99.4", 9_000)][..], &["B", "A"][..]),
        (Ask::Sell, &[("A", "99.5/-", 9_000), ("B", "99.4/-", 9_000)], &["A", "B"]),
        // The narrowest market of a two-way request.
        (Ask::TwoWay, &[("A", "99.0/99.5", 9_000), ("B", "98.9/99.2", 9_000)], &["B", "A"]),
        // Ties stand as they were asked.
        (Ask::Buy, &[("A", "-/99.50", 9_000), ("B", "-/99.5", 9_000)], &["A", "B"]),
        // An indication is not on top, however good it looks.
        (Ask::Buy, &[("A", "-/98!", 9_000), ("B", "-/99.4", 9_000)], &["B", "A"]),
        // Nor is a price for less than was asked for; of several the better one stands first.
        (
            Ask::Buy,
            &[
                ("IND", "-/97!", 9_000),
                ("LESS", "-/98.5*4", 9_000),
                ("LEAST", "-/98*9", 9_000),
                ("ALL", "-/99.4", 9_000),
                ("MORE", "-/99.3*11", 9_000),
            ],
            &["MORE", "ALL", "LEAST", "LESS", "IND"],
        ),
        // However narrow it is.
        (
            Ask::TwoWay,
            &[("PART", "99.0/99.1*9", 9_000), ("ALL", "98.0/99.9", 9_000)],
            &["ALL", "PART"],
        ),
        (
            Ask::Buy,
            &[
                ("PASS", "pass", 0),
                ("GONE", "gone", 9_000),
                ("ASKED", "asked", 0),
                ("IND", "-/99!", 9_000),
                ("LIVE", "-/99.9", 9_000),
            ],
            &["LIVE", "IND", "ASKED", "GONE", "PASS"],
        ),
    ] {
        assert_eq!(ranked(&rfq(ask, quotes)), want, "{ask:?} {quotes:?}");
    }
}

#[test]
fn each_price_says_how_far_it_is_from_the_composite_and_whether_it_can_be_had() {
    let r = rfq(
        Ask::Buy,
        &[
            ("A", "-/99.500", 9_000),
            ("B", "-/99.510", 9_000),
            ("C", "-/99.495", 9_000),
            ("SMALL", "-/99.490*5", 9_000),
            ("LATE", "-/99.505", 50),
            ("IND", "-/99.400!", 9_000),
        ],
    );
    let all = looked(&r, lines);
    let say = |dealer: &str| {
        let l = all.iter().find(|l| l.dealer == dealer).unwrap();
        let o = l.offer.as_ref().unwrap();
        let away = o.away.clone().unwrap_or_default();
        (away, o.partial, l.too_late, l.indicative, l.can_lift, l.best_offer)
    };
    let s = String::from;
    // The composite is 99.505: the late quote still says where the market is, the small one and the
    // indication do not.
    assert_eq!(say("A"), (s("-1"), false, false, false, true, false));
    assert_eq!(say("B"), (s("+1"), false, false, false, true, false));
    assert_eq!(say("C"), (s("-2"), false, false, false, true, true));
    assert_eq!(say("SMALL"), (s("-3"), true, false, false, true, false));
    assert_eq!(say("LATE"), (s("0"), false, true, false, false, false));
    assert_eq!(say("IND"), (s("-21"), false, false, true, false, false));
    let m = looked(&r, market);
    assert_eq!((m.offer.as_deref(), m.bid, m.mid, m.dealers), (Some("99.505"), None, None, 4));
}

/// Of each dealer: whether its offer is the best, better for less, and can be taken.
#[test]
fn a_better_price_for_less_is_told_and_is_never_the_best() {
    const BEST: (bool, bool, bool) = (true, false, true);
    const FOR_LESS: (bool, bool, bool) = (false, true, true);
    const PLAIN: (bool, bool, bool) = (false, false, true);
    const SHOWN: (bool, bool, bool) = (false, false, false);
    for (least, quotes, want) in [
        // Nobody is better for less.
        (None, &[("A", "-/99.5", 9_000), ("B", "-/99.6*5", 9_000)][..], &[BEST, PLAIN][..]),
        (None, &[("A", "-/99.5", 9_000), ("B", "-/99.4*5", 9_000)], &[BEST, FOR_LESS]),
        // As good for less as for the whole is no better.
        (None, &[("A", "-/99.5", 9_000), ("B", "-/99.50*5", 9_000)], &[BEST, PLAIN]),
        // More than was asked for is the whole quantity.
        (None, &[("A", "-/99.5", 9_000), ("B", "-/99.4*11", 9_000)], &[PLAIN, BEST]),
        // The larger part at the better price leaves nothing to the smaller one; ties stay ties.
        (
            None,
            &[("A", "-/99.5", 9_000), ("B", "-/99.3*4", 9_000), ("C", "-/99.2*6", 9_000)],
            &[BEST, PLAIN, FOR_LESS],
        ),
        (
            None,
            &[("A", "-/99.5", 9_000), ("B", "-/99.2*4", 9_000), ("C", "-/99.3*6", 9_000)],
            &[BEST, FOR_LESS, FOR_LESS],
        ),
        (
            None,
            &[("A", "-/99.5", 9_000), ("B", "-/99.2*5", 9_000), ("C", "-/99.20*5", 9_000)],
            &[BEST, FOR_LESS, FOR_LESS],
        ),
        // Without a price for the whole nothing is the best.
        (None, &[("A", "-/99.5*9", 9_000), ("B", "-/99.6*9", 9_000)], &[FOR_LESS, PLAIN]),
        // Less than the least that is traded cannot be taken.
        (
            Some(6),
            &[("A", "-/99.5", 9_000), ("B", "-/99.3*5", 9_000), ("C", "-/99.4*6", 9_000)],
            &[BEST, SHOWN, FOR_LESS],
        ),
        (Some(10), &[("A", "-/99.5*9", 9_000)], &[SHOWN]),
        // Nor can what ends too soon, and what is only shown.
        (
            None,
            &[("A", "-/99.5", 9_000), ("B", "-/99.3*5", 50), ("C", "-/99.2!*5", 9_000)],
            &[BEST, SHOWN, SHOWN],
        ),
    ] {
        let mut r = rfq(Ask::Buy, quotes);
        r.terms.min_quantity = least.map(Decimal::from);
        let all = looked(&r, lines);
        let of = |dealer: &str| {
            let l = all.iter().find(|l| l.dealer == dealer).unwrap();
            let o = l.offer.as_ref().unwrap();
            assert_eq!(o.partial, n(&o.size) < r.terms.quantity);
            (l.best_offer, o.better_for_less, l.can_lift)
        };
        let got: Vec<_> = quotes.iter().map(|(d, ..)| of(d)).collect();
        assert_eq!(got, want, "{least:?} {quotes:?}");
    }
    // Of an RFQ that has ended nothing is to be had, and a yield is the better the higher it is.
    let quotes = [("A", "-/4.5", 9_000), ("B", "-/4.6*5", 9_000)];
    let for_less = |r: &Rfq| {
        let all = looked(r, lines);
        let b = all.iter().find(|l| l.dealer == "B").unwrap();
        (b.offer.as_ref().unwrap().better_for_less, b.best_offer)
    };
    let mut r = rfq(Ask::Buy, &quotes);
    assert_eq!(for_less(&r), (false, false));
    r.terms.price_type = signet_rfq::PriceType::Yield;
    assert_eq!(for_less(&r), (true, false));
    r.end(rfq::RfqState::Cancelled, None).unwrap();
    assert_eq!(for_less(&r), (false, false));
}

#[test]
fn ties_are_best_together() {
    let r =
        rfq(Ask::Sell, &[("A", "99.5/-", 9_000), ("B", "99.50/-", 9_000), ("C", "99/-", 9_000)]);
    let best: Vec<String> =
        looked(&r, lines).into_iter().filter(|l| l.best_bid).map(|l| l.dealer).collect();
    assert_eq!(best, ["A", "B"]);
}

#[test]
fn the_middle_of_a_two_way_request_is_between_the_best_bid_and_the_best_offer() {
    let r = rfq(Ask::TwoWay, &[("A", "99.0/99.5", 9_000), ("B", "99.1/99.6", 9_000)]);
    let m = looked(&r, market);
    assert_eq!(m, MarketView { mid: Some("99.300".into()), ..MarketView::default() });
    let one = rfq(Ask::TwoWay, &[("A", "99.0/-", 9_000)]);
    assert_eq!(looked(&one, market).mid, None);
}

#[test]
fn the_widest_quote_there_is_can_be_ranked() {
    let line = |bid, offer| Line {
        dealer: DealerId::new("A").unwrap(),
        state: rfq::LineState::Quoted,
        quote: Some(Quote {
            bid: Some(Level { price: bid, size: Decimal::ONE }),
            offer: Some(Level { price: offer, size: Decimal::ONE }),
            ..quote("A", "-/-", 9_000)
        }),
        quoted_at: UtcMillis(0),
        repeated: false,
        revision: 1,
        counters: vec![],
        part: None,
    };
    for ask in [Ask::TwoWay, Ask::Buy, Ask::Sell] {
        let terms = rfq(ask, &[]).terms;
        let rank = |bid, offer| rank_key(&line(bid, offer), &terms, Direction::Price, NOW);
        assert!(rank(Decimal::ONE, Decimal::TWO) < rank(Decimal::MIN, Decimal::MAX), "{ask:?}");
    }
}

#[test]
fn a_dealer_that_takes_counters_is_countered_where_a_price_can_be_typed() {
    let r = rfq(Ask::Buy, &[("A", "-/99.5", 9_000), ("B", "-/99.4", 9_000), ("C", "gone", 9_000)]);
    let takes = ["A", "C"].map(|d| DealerId::new(d).unwrap()).into();
    let can = |instrument: bool, online: bool| {
        looked(&r, |l| {
            let l = Look {
                rfq: l.rfq,
                instrument: l.instrument.filter(|_| instrument),
                catalogue: l.catalogue,
                names: l.names,
                at: l.at,
                arrival_ms: l.arrival_ms,
                online,
                waits: None,
                ahead: None,
                guard: None,
                cover: None,
                counterable: &takes,
            };
            let mut all = lines(&l);
            all.sort_by(|a, b| a.dealer.cmp(&b.dealer));
            all.into_iter().map(|v| (v.can_counter, v.no_counter)).collect::<Vec<_>>()
        })
    };
    let takes_none = Some("this dealer takes no counters".to_owned());
    let no_list = Some("the instrument list is not there yet".to_owned());
    let gone = (false, None);
    assert_eq!(can(true, true), [(true, None), (false, takes_none.clone()), gone.clone()]);
    assert_eq!(can(true, false), [(false, None), (false, takes_none.clone()), gone.clone()]);
    assert_eq!(can(false, true), [(false, no_list), (false, takes_none), gone]);
}
