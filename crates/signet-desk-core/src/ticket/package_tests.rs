use super::*;
use crate::view::Ask;
use signet_rfq::{Catalogue, InstrumentId};

/// Friday, 20 November 2026, 12:00 UTC.
const AT: UtcMillis = UtcMillis(1_795_176_000_000);

fn bond(id: &str, symbol: &str, class: AssetClass) -> Instrument {
    Instrument {
        price_types: vec![Default::default()],
        id: InstrumentId::new(id).unwrap(),
        symbol: symbol.into(),
        name: symbol.into(),
        asset_class: class,
        currency: "EUR".into(),
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: "0.005".parse().unwrap(),
        lot: 1_000.into(),
        min_quantity: 100_000.into(),
        max_quantity: 100_000_000.into(),
        settlement: "T+2".into(),
        price_format: Default::default(),
    }
}

const SHORT: &str = "DE0001102580";
const BELLY: &str = "DE000BU2Z007";
const LONG: &str = "DE0001030732";
const COMPANY: &str = "XS2314659447";
const PAIR: &str = "EUR/USD";
const DOLLARS: &str = "US91282CLW90";

fn catalogue() -> Catalogue {
    let government = AssetClass::GovernmentBond;
    let pair =
        Instrument { settlement: "spot".into(), ..bond(PAIR, "EUR/USD", AssetClass::FxSpot) };
    let dollars = Instrument { currency: "USD".into(), ..bond(DOLLARS, "UST", government) };
    Catalogue::new([
        bond(SHORT, "DBR 32", government),
        bond(BELLY, "DBR 35", government),
        bond(LONG, "DBR 50", government),
        bond(COMPANY, "VW 30", AssetClass::CorporateBond),
        pair,
        dollars,
    ])
    .unwrap()
}

fn read(p: &PackageForm) -> PackageRead {
    let all = catalogue();
    let find = |id: &str| InstrumentId::new(id).ok().and_then(|id| all.get(&id));
    Asking { find: &find, at: AT }.read(p)
}

fn ticket(p: &PackageForm) -> Result<Ticket, Problem> {
    let all = catalogue();
    let find = |id: &str| InstrumentId::new(id).ok().and_then(|id| all.get(&id));
    let form = TicketForm {
        price_type: Default::default(),
        instrument: String::new(),
        typed: String::new(),
        ask: Ask::TwoWay,
        quantity: String::new(),
        dealers: vec!["NORTH".into()],
        ttl_s: 60,
        settlement_date: None,
        price_limit: String::new(),
        limit_over: None,
        min_quantity: String::new(),
        all_or_none: false,
        approve_first: false,
        note: String::new(),
        package: Some(p.clone()),
    };
    Asking { find: &find, at: AT }.ticket(&form, p)
}

fn new(shape: PackageShape) -> PackageForm {
    let none = PackageForm { shape, size: String::new(), legs: vec![] };
    edited(none, PackageEdit::Shape(shape))
}

fn filled(shape: PackageShape, size: &str, ids: &[&str]) -> PackageForm {
    let mut p = new(shape);
    p.size = size.into();
    for (i, id) in ids.iter().enumerate() {
        if p.legs.len() <= i {
            p = edited(p, PackageEdit::Add);
        }
        p.legs[i].instrument = (*id).into();
    }
    p
}

fn sides(p: &PackageForm) -> Vec<(Side, &str)> {
    p.legs.iter().map(|l| (l.side, l.ratio.as_str())).collect()
}

#[test]
fn a_kind_sets_legs_sides_and_ratios() {
    use PackageShape::{Butterfly, Curve, Free, Hedge, Roll, Spread, Switch};
    let two = vec![(Side::Buy, ""), (Side::Sell, "")];
    let wings = vec![(Side::Buy, "1"), (Side::Sell, "2"), (Side::Buy, "1")];
    for (shape, want) in [
        (Spread, &two),
        (Curve, &two),
        (Switch, &two),
        (Roll, &two),
        (Hedge, &two),
        (Free, &two),
        (Butterfly, &wings),
    ] {
        assert_eq!(&sides(&new(shape)), want, "{shape:?}");
        let more = edited(new(shape), PackageEdit::Add).legs.len() > want.len();
        assert_eq!(more, matches!(shape, Hedge | Free), "{shape:?}");
    }
    // Another kind keeps what was typed, as far as it has legs.
    let mut p = filled(Butterfly, "5m", &[SHORT, BELLY, LONG]);
    p.legs[0].settles = "3m".into();
    let spread = edited(p.clone(), PackageEdit::Shape(Spread));
    assert_eq!((spread.legs.len(), spread.size.as_str()), (2, "5m"));
    assert_eq!(
        (spread.legs[1].instrument.as_str(), spread.legs[0].settles.as_str()),
        (BELLY, "3m")
    );
    assert_eq!(sides(&spread), two);
    let free = edited(p.clone(), PackageEdit::Shape(Free));
    assert_eq!(PackageForm { shape: Butterfly, ..free }, p);
    assert_eq!(edited(p, PackageEdit::Shape(Curve)).size, "", "each leg has its own size");
}

#[test]
fn legs_come_and_go_within_bounds() {
    let mut p = new(PackageShape::Free);
    for _ in 0..30 {
        p = edited(p, PackageEdit::Add);
    }
    assert_eq!(p.legs.len(), MAX_LEGS);
    assert_eq!((p.legs[2].side, p.legs[3].side), (Side::Buy, Side::Sell));
    p.legs[7].typed = "x".into();
    p = edited(p, PackageEdit::Remove(7));
    assert!(p.legs.len() == MAX_LEGS - 1 && p.legs.iter().all(|l| l.typed.is_empty()));
    for out_of_reach in [99, u32::MAX] {
        assert_eq!(edited(p.clone(), PackageEdit::Remove(out_of_reach)), p);
    }
    for _ in 0..30 {
        p = edited(p, PackageEdit::Remove(0));
    }
    assert_eq!(p.legs.len(), MIN_LEGS);
    let wings = new(PackageShape::Butterfly);
    assert_eq!(edited(wings.clone(), PackageEdit::Remove(1)), wings, "it has three legs");
}

#[test]
fn every_side_turns_and_turns_back() {
    let p = filled(PackageShape::Butterfly, "5m", &[SHORT, BELLY, LONG]);
    let turned = edited(p.clone(), PackageEdit::Turn);
    let want = vec![(Side::Sell, "1"), (Side::Buy, "2"), (Side::Sell, "1")];
    assert_eq!(sides(&turned), want);
    assert!(ticket(&turned).is_ok(), "wings against the body, the other way round");
    assert_eq!(edited(turned, PackageEdit::Turn), p);
}

#[test]
fn sizes_follow_the_ratio_unless_they_are_typed() {
    let p = filled(PackageShape::Butterfly, "5m", &[SHORT, BELLY, LONG]);
    let r = read(&p);
    let sizes: Vec<&str> = r.legs.iter().map(|l| l.quantity.as_str()).collect();
    assert_eq!(sizes, ["5,000,000", "10,000,000", "5,000,000"]);
    assert_eq!(
        (r.name.as_str(), r.gross.as_str(), r.net.as_str()),
        ("Butterfly, 3 legs", "EUR 20,000,000", "EUR 0")
    );
    assert!(r.legs.iter().all(|l| l.settlement_date == "2026-11-24" && l.currency == "EUR"));
    let mut own = p;
    own.legs[1].quantity = "9.5m".into();
    let r = read(&own);
    assert_eq!(r.legs[1].quantity, "9,500,000");
    assert_eq!(r.net, "buy EUR 500,000");
    own.legs[1].quantity = "12m".into();
    assert_eq!(read(&own).net, "sell EUR 2,000,000");
    let sent = ticket(&own).unwrap();
    let legs: Vec<_> = sent.legs.iter().map(|l| (l.side, l.quantity.as_str())).collect();
    assert_eq!(legs, [(Side::Buy, "5000000"), (Side::Sell, "12000000"), (Side::Buy, "5000000")]);
    assert_eq!(sent.legs[1].ratio.as_deref(), Some("2"));
    assert_eq!(sent.legs[1].settlement_date.as_deref(), Some("2026-11-24"));
    assert!(sent.instrument.is_empty() && sent.quantity.is_empty());
}

#[test]
fn nothing_is_said_against_what_is_not_filled_in_and_nothing_is_sent_of_it() {
    type Change = fn(&mut PackageForm);
    let cases: [(&str, Change); 3] = [
        ("no instrument", |p| p.legs[1].instrument.clear()),
        ("no size", |p| p.size.clear()),
        ("nothing", |p| *p = new(PackageShape::Butterfly)),
    ];
    for (what, change) in cases {
        let mut p = filled(PackageShape::Butterfly, "5m", &[SHORT, BELLY, LONG]);
        change(&mut p);
        let r = read(&p);
        assert!(r.legs.iter().all(|l| l.problem.is_none()) && r.problem.is_none(), "{what}");
        assert_eq!((r.name.as_str(), r.gross.as_str()), ("", ""), "{what}");
        assert_eq!(ticket(&p).unwrap_err().code, "legs.missing", "{what}");
    }
    let none = PackageForm { shape: PackageShape::Free, size: "1m".into(), legs: vec![] };
    assert_eq!(ticket(&none).unwrap_err().code, "legs.invalid");
}

/// Why a leg is refused stands at that leg, and names it.
#[test]
fn a_leg_that_may_not_be_asked_says_why() {
    type Change = fn(&mut LegForm);
    let cases: [(&str, Change, &str); 11] = [
        ("not entitled", |l| l.instrument = "FR0014007L00".into(), "legs.instrument"),
        ("above its size", |l| l.quantity = "101m".into(), "quantity.too_large"),
        ("below its size", |l| l.quantity = "50k".into(), "quantity.too_small"),
        ("no number", |l| l.quantity = "many".into(), "quantity.unreadable"),
        ("no ratio", |l| l.ratio = "two".into(), "legs.invalid"),
        ("ratio of nothing", |l| l.ratio = "0".into(), "legs.invalid"),
        ("too large a ratio", |l| l.ratio = "1001".into(), "legs.invalid"),
        ("a Saturday", |l| l.settles = "2026-11-28".into(), "settlement_date.closed"),
        ("no day", |l| l.settles = "soon".into(), "settlement_date.unreadable"),
        ("the same twice", |l| l.instrument = SHORT.into(), "legs.invalid"),
        ("another currency", |l| l.instrument = DOLLARS.into(), "legs.invalid"),
    ];
    for (what, change, code) in cases {
        let mut p = filled(PackageShape::Butterfly, "5m", &[SHORT, BELLY, LONG]);
        change(&mut p.legs[1]);
        let r = read(&p);
        let found: Vec<bool> = r.legs.iter().map(|l| l.problem.is_some()).collect();
        assert_eq!(found, [false, true, false], "{what}");
        let why = r.legs[1].problem.clone().unwrap();
        assert_eq!((why.code.as_str(), why.field), (code, Some(TicketField::Legs)), "{what}");
        assert!(why.message.to_lowercase().starts_with("leg 2"), "{what}: {}", why.message);
        assert_eq!(ticket(&p).unwrap_err(), why, "{what}");
    }
}

#[test]
fn the_legs_are_what_their_kind_says() {
    use PackageShape::{Butterfly, Curve, Free, Hedge, Roll, Spread, Switch};
    let same = |p: &mut PackageForm| p.legs[1].side = p.legs[0].side;
    let nothing = |_: &mut PackageForm| ();
    let later = |p: &mut PackageForm| p.legs[1].settles = "2026-12-15".into();
    type Change = fn(&mut PackageForm);
    type Case<'a> = (&'a str, PackageShape, &'a [&'a str], Change, Option<&'a str>);
    let cases: [Case<'_>; 16] = [
        ("a spread", Spread, &[SHORT, COMPANY], nothing, None),
        ("on one side", Spread, &[SHORT, COMPANY], same, Some("legs.sides")),
        ("a curve", Curve, &[SHORT, LONG], nothing, None),
        ("with a company", Curve, &[SHORT, COMPANY], nothing, Some("legs.curve")),
        ("a curve on one side", Curve, &[SHORT, LONG], same, Some("legs.sides")),
        ("a switch", Switch, &[COMPANY, LONG], nothing, None),
        ("for a currency", Switch, &[COMPANY, PAIR], nothing, Some("legs.switch")),
        ("a roll", Roll, &[SHORT, SHORT], later, None),
        ("on one day", Roll, &[SHORT, SHORT], nothing, Some("legs.invalid")),
        ("into another one", Roll, &[SHORT, LONG], later, Some("legs.roll")),
        ("a butterfly", Butterfly, &[SHORT, BELLY, LONG], nothing, None),
        ("all on one side", Butterfly, &[SHORT, BELLY, LONG], same, Some("legs.sides")),
        ("a hedge", Hedge, &[COMPANY, PAIR], nothing, None),
        ("no hedge", Hedge, &[COMPANY, PAIR], same, Some("legs.sides")),
        (
            "two and a hedge",
            Hedge,
            &[COMPANY, SHORT, PAIR],
            |p| {
                p.legs[2].side = Side::Sell;
            },
            None,
        ),
        ("anything", Free, &[COMPANY, SHORT, PAIR, LONG], same, None),
    ];
    for (what, shape, ids, change, want) in cases {
        let mut p = filled(shape, "", ids);
        p.legs.iter_mut().for_each(|l| l.quantity = "2m".into());
        change(&mut p);
        let code = ticket(&p).err().map(|e| e.code);
        assert_eq!(code.as_deref(), want, "{what}");
    }
    // A page that sends another number of legs than the kind has.
    let mut p = filled(Butterfly, "5m", &[SHORT, BELLY, LONG]);
    p.legs.pop();
    assert_eq!(ticket(&p).unwrap_err().code, "legs.count");
}

#[test]
fn the_limit_of_a_package_may_be_below_zero() {
    for (text, want) in [
        ("-0.25", Some("-0.25")),
        ("0", Some("0")),
        (" 1.4 ", Some("1.4")),
        ("1,4", None),
        ("1e3", None),
        ("cheap", None),
        ("0.1234567891", None),
    ] {
        assert_eq!(net_limit(text), want.map(|w| w.parse().unwrap()), "{text}");
    }
}

#[test]
fn no_size_is_too_large_to_be_read() {
    let mut p = filled(PackageShape::Free, "999bn", &[SHORT, LONG]);
    p.legs[0].ratio = "1000".into();
    assert!(read(&p).legs[0].problem.is_some());
    assert!(ticket(&p).is_err());
}
