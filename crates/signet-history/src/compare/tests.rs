use super::*;
use crate::{
    account::{Signer, Way, fact_of},
    tests::*,
};
use signet_fix::{
    AppMessage,
    message::{ExecutionReport, QuoteMsg, QuoteRequest, QuoteResponse},
};

/// A gateway's evidence: what the desk signed and what the dealer sent, signed or not.
struct Evidence(Account);

impl Evidence {
    fn empty() -> Self {
        Self(Account { desk: DESK.into(), ..Account::default() })
    }

    fn whole() -> Self {
        let mut e = Self::empty();
        e.desk(T0 + 20, &request(5_000_000));
        e.dealer(T0 + 90, &quote("Q1", "99.125", FAR, true), true);
        e.desk(T0 + 220, &accept("Q1", "99.125"));
        e.dealer(T0 + 280, &trade("E1", "99.125", true), true);
        e
    }

    fn desk(&mut self, at: i64, m: &AppMessage) {
        self.add(at, Way::FromDesk, ENDS.desk.signs(m), Some(&ENDS.desk));
    }

    fn dealer(&mut self, at: i64, m: &AppMessage, signed: bool) {
        let frame = if signed { ENDS.dealer.signs(m) } else { plain(m) };
        self.add(at, Way::FromDealer(DEALER), frame, signed.then_some(&ENDS.dealer));
    }

    fn add(&mut self, at_ms: i64, way: Way<'_>, frame: Vec<u8>, signer: Option<&End>) {
        let (rfq, said) = fact_of(way, DESK, &frame).unwrap();
        let dealer = match way {
            Way::FromDealer(id) => Some(id.to_owned()),
            _ => None,
        };
        let (signer, place) =
            (signer.and_then(End::signer), format!("leaf {}", self.0.facts.len()));
        self.0.facts.push(Fact { rfq, at_ms, said, signer, dealer, place, restored: false, frame });
    }

    fn without(mut self, wanted: impl Fn(&Said) -> bool) -> Self {
        self.0.facts.retain(|f| !wanted(&f.said));
        self
    }

    fn moved(mut self, wanted: impl Fn(&Said) -> bool, ms: i64) -> Self {
        self.0.facts.iter_mut().filter(|f| wanted(&f.said)).for_each(|f| f.at_ms += ms);
        self
    }
}

fn is_request(s: &Said) -> bool {
    matches!(s, Said::Asked { .. })
}
fn is_quote(s: &Said) -> bool {
    matches!(s, Said::Quoted { .. })
}
fn is_accept(s: &Said) -> bool {
    matches!(s, Said::Accepted { .. })
}
fn is_trade(s: &Said) -> bool {
    matches!(s, Said::Traded { .. })
}

/// A desk's history without one of its messages, written by a desk that lies by leaving it out.
fn desk_without(what: fn(&Said) -> bool) -> Account {
    let mut a = Written::traded().account();
    a.facts.retain(|f| !what(&f.said));
    a
}

#[test]
fn two_that_say_the_same_do_not_differ() {
    assert_eq!(
        compare(&Evidence::whole().0, &Written::traded().account(), Tolerance::default()),
        []
    );
}

/// Each lie by itself: which code names it, who the signatures speak against, and whose signature
/// proves it.
#[test]
fn every_lie_is_found_and_named() {
    let e = Evidence::whole;
    let told = || Written::traded().account();
    let replaced = |what: fn(&Said) -> bool, with: &dyn Fn(&mut Evidence)| {
        let mut changed = e().without(what);
        with(&mut changed);
        changed
    };
    let (gateway, desk, open) = (Blame::Gateway, Blame::Desk, Blame::Open);
    type Row = (&'static str, Evidence, Account, &'static str, Blame, &'static [&'static str]);
    let table: Vec<Row> = vec![
        // The gateway lies.
        (
            "it denies a request that it answered",
            e().without(is_request),
            told(),
            "request.denied_by_gateway",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it changed the request",
            replaced(is_request, &|e| {
                e.add(T0, Way::FromDesk, plain(&request(1_000_000)), None);
            }),
            told(),
            "request.differs",
            gateway,
            &["desk TRADER1"],
        ),
        (
            "it left out a quote that was traded",
            e().without(is_quote),
            told(),
            "quote.left_out_by_gateway",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it changed the price of a quote that was traded",
            replaced(is_quote, &|e| {
                e.dealer(T0 + 90, &quote("Q1", "99.5", FAR, true), false);
            }),
            told(),
            "quote.price",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it showed the desk another price than the dealer signed",
            replaced(is_quote, &|e| {
                e.dealer(T0 + 90, &quote("Q1", "99.1", FAR, true), true);
            }),
            told(),
            "quote.price",
            gateway,
            &["dealer NORTHBANK", "gateway SIGNET"],
        ),
        (
            "it changed the end of a quote",
            replaced(is_quote, &|e| {
                e.dealer(T0 + 90, &quote("Q1", "99.125", FAR + 1, true), false);
            }),
            told(),
            "quote.terms",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it moved the time of a request",
            e().moved(is_request, 9_000),
            told(),
            "request.time",
            open,
            &["desk TRADER1", "desk TRADER1"],
        ),
        (
            "it moved the time of a quote",
            e().moved(is_quote, -9_000),
            told(),
            "quote.time",
            open,
            &["dealer NORTHBANK"],
        ),
        (
            "it moved the time of an accept",
            e().moved(is_accept, 9_000),
            told(),
            "accept.time",
            open,
            &["desk TRADER1", "desk TRADER1"],
        ),
        (
            "it moved the time of a trade",
            e().moved(is_trade, -9_000),
            told(),
            "fill.time",
            open,
            &["dealer NORTHBANK", "gateway SIGNET"],
        ),
        (
            "it denies an accept that it answered",
            e().without(is_accept),
            told(),
            "accept.denied_by_gateway",
            gateway,
            &["gateway SIGNET", "desk TRADER1"],
        ),
        (
            "it changed an accept",
            replaced(is_accept, &|e| {
                e.add(T0 + 220, Way::FromDesk, plain(&accept("Q1", "99.9")), None);
            }),
            told(),
            "accept.differs",
            gateway,
            &["desk TRADER1"],
        ),
        (
            "it denies a trade",
            e().without(is_trade),
            told(),
            "fill.denied_by_gateway",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it reported another price than the dealer",
            replaced(is_trade, &|e| {
                e.dealer(T0 + 280, &trade("E1", "99.1", true), true);
            }),
            told(),
            "fill.differs",
            gateway,
            &["gateway SIGNET", "dealer NORTHBANK"],
        ),
        (
            "it invented that a dealer passed",
            e(),
            {
                let mut w = Written::traded();
                w.hears(T0 + 60, &pass());
                w.account()
            },
            "pass.unknown_to_gateway",
            gateway,
            &["gateway SIGNET"],
        ),
        // The gateway kept a quote or a trade back.
        (
            "it did not pass on a quote",
            replaced(|_| false, &|e| {
                e.dealer(T0 + 95, &quote("Q2", "99.1", FAR, true), true);
            }),
            told(),
            "quote.not_at_desk",
            open,
            &["dealer NORTHBANK"],
        ),
        (
            "a trade did not reach the desk",
            e(),
            desk_without(is_trade),
            "fill.not_at_desk",
            open,
            &["dealer NORTHBANK"],
        ),
        // The desk lies.
        (
            "it denies a request that it signed",
            e(),
            desk_without(is_request),
            "request.denied_by_desk",
            desk,
            &["desk TRADER1"],
        ),
        (
            "it denies an accept that it signed",
            e(),
            desk_without(is_accept),
            "accept.denied_by_desk",
            desk,
            &["desk TRADER1"],
        ),
        (
            "it signed two accepts of one name",
            replaced(is_accept, &|e| {
                e.desk(T0 + 220, &accept("Q1", "99.9"));
            }),
            told(),
            "accept.differs",
            desk,
            &["desk TRADER1", "desk TRADER1"],
        ),
        (
            "it signed two requests of one name",
            replaced(is_request, &|e| {
                e.desk(T0 + 20, &request(1_000_000));
            }),
            told(),
            "request.differs",
            desk,
            &["desk TRADER1", "desk TRADER1"],
        ),
        (
            "it says that a quote had another price, and did not trade on it",
            e(),
            {
                let mut w = Written::new();
                w.sends(T0, &request(5_000_000));
                w.hears(T0 + 100, &quote("Q1", "98", FAR, false));
                w.account()
            },
            "quote.price",
            open,
            &["dealer NORTHBANK"],
        ),
    ];
    for (lie, evidence, history, code, against, by) in table {
        let found = compare(&evidence.0, &history, Tolerance::default());
        let named = found.iter().find(|d| d.code == code);
        let named = named.unwrap_or_else(|| panic!("{lie}: {found:#?}"));
        assert_eq!((named.rfq.as_str(), named.against), (RFQ, against), "{lie}: {named}");
        let signers: Vec<&str> = named.proof.iter().map(|p| p.signed_by.as_str()).collect();
        assert_eq!(signers, by, "{lie}: {named}");
        assert_eq!(named.explained, "", "{lie}: {named}");
    }
}

#[test]
fn what_nobody_can_be_blamed_for_is_explained() {
    // The request never arrived.
    let mut w = Written::new();
    w.sends(T0, &request(5_000_000));
    let found = compare(&Evidence::empty().0, &w.account(), Tolerance::default());
    assert_eq!((found.len(), found[0].against), (1, Blame::Open));
    assert!(found[0].explained.contains("may not have arrived"));
    // The gateway refused it, and said so.
    w.hears(T0 + 1, &refusal());
    let found = compare(&Evidence::empty().0, &w.account(), Tolerance::default());
    assert_eq!((found.len(), found[0].against), (1, Blame::Open));
    assert!(found[0].explained.contains("refused"));
    // The desk was away when the quote came.
    let mut e = Evidence::whole();
    e.dealer(T0 - 60_000, &quote("Q0", "99.2", FAR, true), true);
    let found = compare(&e.0, &Written::traded().account(), Tolerance::default());
    assert_eq!((found.len(), found[0].code), (1, "quote.not_at_desk"));
    assert!(found[0].explained.contains("not connected"));
    // The desk says that it could not write.
    let mut w = Written::traded();
    w.add(T0 + 600, crate::What::Lost { records: 3, from_ms: T0, to_ms: T0 });
    let mut a = w.account();
    a.facts.retain(|f| !is_accept(&f.said));
    let found = compare(&Evidence::whole().0, &a, Tolerance::default());
    assert!(found[0].explained.contains("3 records"), "{found:?}");
}

/// A quote that comes when nothing can be taken any longer is not passed on, and a part of a
/// history says nothing of what is not in it.
#[test]
fn what_the_other_side_need_not_have_is_no_difference() {
    let mut e = Evidence::whole();
    e.dealer(T0 + 5_000, &quote("Q9", "99", FAR, true), true);
    e.dealer(T0 + 95, &quote("Q8", "99", T0 + 95, true), true);
    assert_eq!(compare(&e.0, &Written::traded().account(), Tolerance::default()), []);
    let part = Account { part: true, desk: DESK.into(), ..Account::default() };
    assert_eq!(compare(&Evidence::whole().0, &part, Tolerance::default()), []);
    let other = Account { only: Some("R7".into()), ..Account::default() };
    assert_eq!(compare(&other, &Written::traded().account(), Tolerance::default()), []);
    let later = Account { from_ms: Some(T0 + 1_000_000), ..Account::default() };
    assert_eq!(compare(&later, &Written::traded().account(), Tolerance::default()), []);
}

#[test]
fn the_tolerance_is_the_callers() {
    let e = Evidence::whole().moved(is_quote, -900);
    let history = Written::traded().account();
    assert_eq!(compare(&e.0, &history, Tolerance { clock_ms: 1_000 }), []);
    assert_eq!(compare(&e.0, &history, Tolerance { clock_ms: 500 })[0].code, "quote.time");
}

/// The same message about a package whose second leg has this price, or this quantity.
fn package(m: AppMessage, price: i64, quantity: i64) -> AppMessage {
    use signet_rfq::{InstrumentId, Leg, Side, StatedLeg};
    let leg = |id: &str, side, quantity: i64| Leg {
        instrument: InstrumentId::new(id).unwrap(),
        side,
        ratio: 1.into(),
        quantity: quantity.into(),
        settlement_date: "20261201".into(),
    };
    let legs = vec![leg("A", Side::Buy, 5), leg("B", Side::Sell, quantity)];
    let stated = |l: &Leg, price: i64| StatedLeg {
        bid: Some(price.into()),
        last: Some(price.into()),
        ..StatedLeg::of(l)
    };
    let stated = vec![stated(&legs[0], 99), stated(&legs[1], price)];
    match m {
        AppMessage::QuoteRequest(q) => AppMessage::QuoteRequest(QuoteRequest {
            instrument: InstrumentId::package(),
            isin: false,
            legs,
            ..q
        }),
        AppMessage::Quote(q) => {
            AppMessage::Quote(QuoteMsg { instrument: InstrumentId::package(), legs: stated, ..q })
        }
        AppMessage::QuoteResponse(r) => AppMessage::QuoteResponse(QuoteResponse {
            instrument: InstrumentId::package(),
            isin: false,
            legs: stated,
            ..r
        }),
        AppMessage::ExecutionReport(e) => AppMessage::ExecutionReport(ExecutionReport {
            instrument: InstrumentId::package(),
            legs: stated,
            ..e
        }),
        other => other,
    }
}

#[test]
fn a_leg_that_differs_is_found_and_told() {
    let account = |m: &AppMessage, way: Way<'_>| {
        let frame = plain(m);
        let (rfq, said) = fact_of(way, DESK, &frame).unwrap();
        let mut a = Account::of_desk(DESK, false, 0);
        a.up(T0 - 10_000);
        let (signer, dealer, place) = (None, None, "leaf 0".to_owned());
        a.facts.push(Fact { rfq, at_ms: T0, said, signer, dealer, place, restored: false, frame });
        a
    };
    for (m, way, code) in [
        (request(5_000_000), Way::FromDesk, "request.differs"),
        (quote("q1", "99.5", FAR, false), Way::ToDesk, "quote.price"),
        (accept("q1", "99.5"), Way::FromDesk, "accept.differs"),
        (trade("e1", "99.5", false), Way::ToDesk, "fill.differs"),
    ] {
        let with = |price, quantity| account(&package(m.clone(), price, quantity), way);
        let at = |gateway: &Account| compare(gateway, &with(98, 10), Tolerance::default());
        assert_eq!(at(&with(98, 10)), [], "{code}");
        let other = at(&with(98, 11));
        assert_eq!(other.iter().map(|d| d.code).collect::<Vec<_>>(), [code]);
        let told = other[0].gateway.as_ref().unwrap();
        assert!(told.contains("legs: Buy 5 of A") && told.contains("Sell 11 of B"), "{told}");
        if code != "request.differs" {
            assert_eq!(at(&with(97, 10)).len(), 1, "{code}: the price of one leg");
        }
    }
}

/// Neither side hides an RFQ behind a hand-over that the other did not sign.
#[test]
fn an_rfq_that_changed_hands_is_named_and_only_a_signature_says_so() {
    let handed = |by: Option<Signer>| {
        let mut a = Written::traded().account();
        let (rfq, place) = (a.facts[0].rfq.clone(), "record 9".into());
        let (at_ms, frame) = (a.facts[0].at_ms, Vec::new());
        let said = Said::HandedOver;
        let (signer, dealer) = (by, None);
        a.facts.push(Fact { rfq, at_ms, said, signer, dealer, place, restored: false, frame });
        a
    };
    let signer = |gateway| Signer {
        who: "somebody".into(),
        gateway,
        certificate: String::new(),
        serial: String::new(),
    };
    let lies = || Evidence::whole().without(is_request);
    let codes = |gateway: &Account, desk: &Account| {
        let all = compare(gateway, desk, Tolerance::default());
        all.into_iter().map(|d| d.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&lies().0, &handed(Some(signer(true)))), ["rfq.changed_hands"]);
    for own_word in [None, Some(signer(false))] {
        assert_eq!(codes(&lies().0, &handed(own_word)), ["request.denied_by_gateway"]);
    }
    // The gateway's own word for it.
    let mut unsigned = lies();
    let last = handed(None).facts.pop().unwrap();
    unsigned.0.facts.push(last.clone());
    let told = Written::traded().account();
    assert_eq!(codes(&unsigned.0, &told), ["request.denied_by_gateway"]);
    let mut signed = lies();
    signed.0.facts.push(Fact { signer: Some(signer(false)), ..last });
    assert_eq!(codes(&signed.0, &told), ["rfq.changed_hands"]);
}
