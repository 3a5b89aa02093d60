//! Requests in yields, spreads and discount margins, from the desk's request to the dealer's
//! execution.

use super::*;
use super::{T0, answer, bund, dealer, dec, desk, hit, quote, report, request, send};
use rust_decimal::Decimal;
use signet_fix::message::{
    ApproveAhead, ExecType, ExecutionReport, OrdStatus, QuoteMsg, SnapshotMark,
};
use signet_rfq::{
    AssetClass, Benchmark, Instrument, Level, Limit, Over, PriceType, Qualifiers, Side, StatedType,
};

/// A discount margin over EURIBOR 3M.
fn margin() -> PriceType {
    over("EURIBOR", "3M", "EUR")
}

fn over(rate: &str, point: &str, currency: &str) -> PriceType {
    PriceType::Margin(Benchmark::read(rate, point, currency).unwrap())
}

/// As the other tests have it, with an instrument that is also asked for in yields and spreads.
fn router() -> Router {
    router_for(PriceType::Spread)
}

/// With spreads or discount margins beside prices and yields.
fn router_for(of: PriceType) -> Router {
    let mut r = super::router();
    let i = r.catalogue.iter().next().unwrap().clone();
    assert_eq!((i.id.clone(), i.asset_class), (bund(), AssetClass::GovernmentBond));
    let third = if matches!(of, PriceType::Margin(_)) { of } else { PriceType::Spread };
    let price_types = vec![PriceType::Price, PriceType::Yield, third];
    let i = Instrument { price_types, ..i };
    r.catalogue = Catalogue::new([i]).unwrap();
    r.handle(T0, Input::DealerUp(dealer("S")));
    r
}

fn asked(of: PriceType) -> QuoteRequest {
    QuoteRequest { price_type: of, ..request("R1", &["N", "E", "S"]) }
}

fn open(of: PriceType) -> Router {
    let mut r = router_for(of);
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(asked(of)), 0);
    let to_dealers: Vec<_> = out
        .iter()
        .filter_map(|o| match o {
            Output::ToDealer(_, AppMessage::QuoteRequest(q)) => Some(q.price_type),
            _ => None,
        })
        .collect();
    assert_eq!(to_dealers, [of; 3]);
    r
}

/// A quote of both sides that says what its numbers are.
fn typed(id: &str, bid: &str, offer: &str, stated: Option<StatedType>) -> AppMessage {
    let AppMessage::Quote(q) = quote("ALICE.R1", id, offer, 30_000) else { unreachable!() };
    let level = |p: &str| Some(Level { price: dec(p), size: dec("5000000") });
    AppMessage::Quote(QuoteMsg {
        bid: level(bid),
        offer: level(offer),
        qualifiers: Qualifiers { price_type: stated, ..Qualifiers::default() },
        ..q
    })
}

fn take(of: PriceType, who: &str, quote: &str, price: &str, limit: Option<&str>) -> AppMessage {
    let AppMessage::QuoteResponse(m) = hit("x1", who, quote, price) else { unreachable!() };
    let limit = limit.map(|l| Limit { price: dec(l), until: T0 + 20_000 });
    AppMessage::QuoteResponse(QuoteResponse { price_type: of, limit, ..m })
}

fn to_dealer(out: &[Output], who: &str) -> Option<AppMessage> {
    out.iter().find_map(|o| match o {
        Output::ToDealer(d, m) if *d == dealer(who) => Some(m.clone()),
        _ => None,
    })
}

fn to_desk(out: &[Output]) -> Vec<AppMessage> {
    out.iter()
        .filter_map(|o| match o {
            Output::ToDesk(_, m) => Some(m.clone()),
            _ => None,
        })
        .collect()
}

fn refusal_of(out: &[Output]) -> String {
    let said = to_desk(out).into_iter().find_map(|m| match m {
        AppMessage::ExecutionReport(e) if e.exec_type == ExecType::Rejected => e.text,
        _ => None,
    });
    said.unwrap_or_else(|| panic!("not refused: {out:?}"))
}

#[test]
fn a_type_that_the_instrument_does_not_list_is_refused() {
    let mut r = super::router();
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(asked(PriceType::Yield)), 0);
    let [AppMessage::QuoteRequestReject(no)] = &to_desk(&out)[..] else { panic!("{out:?}") };
    assert_eq!(no.reason, 99);
    assert!(no.text.as_ref().unwrap().contains("is not asked for in yields here"), "{no:?}");
    assert!(to_dealer(&out, "N").is_none());
}

#[test]
fn a_quote_in_another_type_is_its_dealers_fault() {
    let code = |code: u16| Some(StatedType::from(code));
    let over_euribor = "a discount margin over EURIBOR 3M in EUR (6 with BenchmarkCurveName (221))";
    for (of, stated, word) in [
        (PriceType::Yield, None, "no PriceType (423); a yield (9)"),
        (PriceType::Yield, code(1), "a percentage of par (PriceType 423=1); a yield (9)"),
        (PriceType::Yield, code(6), "a spread (PriceType 423=6)"),
        (PriceType::Spread, code(9), "a yield (PriceType 423=9); a spread (6)"),
        (PriceType::Price, code(9), "a yield (PriceType 423=9); a percentage of par (1)"),
        (
            PriceType::Spread,
            margin().stated(),
            "a discount margin over EURIBOR 3M in EUR (PriceType 423=6); a spread (6)",
        ),
        (margin(), None, "no PriceType (423); a discount margin over EURIBOR 3M in EUR"),
        (margin(), code(6), "a spread (PriceType 423=6)"),
        (margin(), code(6), over_euribor),
        (margin(), code(1), over_euribor),
        (margin(), Some(StatedType::new(6, Over::Curve("SWAP"))), "a spread (PriceType 423=6)"),
        (margin(), Some(StatedType::new(6, Over::Unreadable)), "not read as a benchmark"),
        (
            margin(),
            over("EURIBOR", "6M", "EUR").stated(),
            "a discount margin over EURIBOR 6M in EUR (PriceType 423=6)",
        ),
        (margin(), over("EONIA", "3M", "EUR").stated(), "over EONIA 3M in EUR"),
        (margin(), over("EURIBOR", "3M", "USD").stated(), "over EURIBOR 3M in USD"),
    ] {
        let mut r = open(of);
        let good = of.stated().or(code(1));
        assert_eq!(to_desk(&answer(&mut r, "N", typed("N1", "3", "3", good), 10)).len(), 1);
        let out = answer(&mut r, "N", typed("N2", "3", "3", stated), 20);
        let Some(AppMessage::BusinessReject(j)) = to_dealer(&out, "N") else { panic!("{out:?}") };
        let text = j.text.unwrap();
        assert!(text.contains(word), "{text}");
        // The quote before it does not stand any longer.
        assert!(matches!(&to_desk(&out)[..], [AppMessage::QuoteCancel(_)]), "{out:?}");
    }
}

#[test]
fn yields_of_zero_and_below_are_traded_and_a_crossed_one_is_not() {
    let mut r = open(PriceType::Yield);
    for (n, (bid, offer)) in [("0.1", "0"), ("0", "-0.1"), ("-0.1", "-0.2")].iter().enumerate() {
        let out = answer(&mut r, "N", typed(&format!("N{n}"), bid, offer, Some(9.into())), 10);
        let [AppMessage::Quote(q)] = &to_desk(&out)[..] else { panic!("{bid} {offer}: {out:?}") };
        assert_eq!(q.qualifiers.price_type, Some(9.into()), "the desk is told what it is");
    }
    let out = answer(&mut r, "E", typed("E1", "-0.2", "-0.1", Some(9.into())), 20);
    let Some(AppMessage::BusinessReject(j)) = to_dealer(&out, "E") else { panic!("{out:?}") };
    assert!(j.text.unwrap().contains("below the offer"));
    let m = take(PriceType::Yield, "N", "N2", "-0.2", None);
    let out = send(&mut r, "ALICE", m, 30);
    let Some(AppMessage::QuoteResponse(on)) = to_dealer(&out, "N") else { panic!("{out:?}") };
    assert_eq!((on.price_type, on.price), (PriceType::Yield, dec("-0.2")));
}

#[test]
fn an_accept_in_other_numbers_is_refused_and_says_so() {
    for (of, says) in [
        (PriceType::Yield, PriceType::Price),
        (PriceType::Yield, PriceType::Spread),
        (PriceType::Price, PriceType::Yield),
        (PriceType::Spread, margin()),
        (margin(), PriceType::Spread),
        (margin(), over("EURIBOR", "6M", "EUR")),
    ] {
        let mut r = open(of);
        answer(&mut r, "N", typed("N1", "3", "3", of.stated()), 10);
        let out = send(&mut r, "ALICE", take(says, "N", "N1", "3", None), 20);
        let why = refusal_of(&out);
        assert!(why.contains(&format!("are {}, not {}", of.plural(), says.plural())), "{why}");
        assert!(to_dealer(&out, "N").is_none());
    }
}

#[test]
fn a_limit_lets_a_better_quote_of_its_type_be_taken() {
    // What the desk took, its limit, what stands when the accept arrives.
    for (of, price, limit, stands, goes_on) in [
        (PriceType::Price, "99.5", "99.6", "99.4", true),
        (PriceType::Price, "99.5", "99.6", "99.7", false),
        (PriceType::Yield, "2.5", "2.4", "2.6", true),
        (PriceType::Yield, "2.5", "2.4", "2.4", true),
        (PriceType::Yield, "2.5", "2.4", "2.3", false),
        (PriceType::Spread, "40", "39.5", "41", true),
        (PriceType::Spread, "40", "39.5", "39", false),
        (margin(), "40", "39.5", "41", true),
        (margin(), "40", "39.5", "39", false),
    ] {
        let mut r = open(of);
        answer(&mut r, "N", typed("N1", price, price, of.stated()), 10);
        answer(&mut r, "N", typed("N2", stands, stands, of.stated()), 20);
        let out = send(&mut r, "ALICE", take(of, "N", "N1", price, Some(limit)), 30);
        let what = format!("{of:?} {price} {limit} {stands}");
        match to_dealer(&out, "N") {
            Some(AppMessage::QuoteResponse(on)) => {
                assert!(goes_on, "{what}");
                assert_eq!((on.price, on.price_type, on.limit), (dec(stands), of, None));
                // The desk reads on which quote, in which numbers.
                let told = to_desk(&out);
                let [AppMessage::QuoteResponse(told), ..] = &told[..] else { panic!("{told:?}") };
                assert_eq!((told.price, told.price_type), (dec(stands), of));
            }
            other => {
                assert!(!goes_on && other.is_none(), "{what}: {other:?}");
                assert!(refusal_of(&out).contains("worse than the limit"), "{what}");
            }
        }
    }
}

#[test]
fn a_report_says_what_its_numbers_are_and_is_compared() {
    let sent = |of: PriceType, stated: Option<StatedType>| {
        let mut r = open(of);
        answer(&mut r, "N", typed("N1", "2.5", "2.5", of.stated()), 10);
        send(&mut r, "ALICE", take(of, "N", "N1", "2.5", None), 20);
        let fill = report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "2.5");
        let AppMessage::ExecutionReport(e) = fill else { unreachable!() };
        let e = ExecutionReport { price_type: stated, text: None, ..e };
        let out = answer(&mut r, "N", AppMessage::ExecutionReport(e), 30);
        let told = to_desk(&out).into_iter().find_map(|m| match m {
            AppMessage::ExecutionReport(e) => Some(e),
            _ => None,
        });
        told.unwrap_or_else(|| panic!("{out:?}"))
    };
    // A dealer that says nothing is taken at its number; the desk is told what it is.
    for stated in [None, Some(9.into())] {
        let told = sent(PriceType::Yield, stated);
        assert_eq!((told.disputed, told.price_type), (false, Some(9.into())), "{stated:?}");
    }
    for other in [1, 2, 6, 0] {
        let told = sent(PriceType::Yield, Some(other.into()));
        assert!(told.disputed, "{other}");
        assert!(told.text.unwrap().contains("the price type differs"));
    }
    // One that names no benchmark is taken as one that has no PriceType (423).
    for stated in [None, Some(6.into()), margin().stated()] {
        let told = sent(margin(), stated);
        assert_eq!((told.disputed, told.price_type), (false, margin().stated()), "{stated:?}");
    }
    for other in [
        Some(9.into()),
        Some(1.into()),
        Some(StatedType::new(6, Over::Curve("SWAP"))),
        Some(StatedType::new(6, Over::Unreadable)),
        over("EURIBOR", "6M", "EUR").stated(),
    ] {
        let told = sent(margin(), other);
        assert!(told.disputed, "{other:?}");
        assert!(told.text.unwrap().contains("the price type differs"));
        assert_eq!(told.price_type, other, "the desk is told what the dealer stated");
    }
    // The curve of a spread is its dealer's matter.
    let told = sent(PriceType::Spread, Some(StatedType::new(6, Over::Curve("SWAP"))));
    assert_eq!((told.disputed, told.price_type), (false, Some(6.into())));
    let told = sent(PriceType::Spread, margin().stated());
    assert!(told.disputed && told.text.unwrap().contains("the price type differs"));
}

#[test]
fn a_price_off_the_market_is_measured_in_its_own_numbers() {
    for (of, quotes, price, want) in [
        // Of par: 0.1 of 100 are 10 basis points.
        (PriceType::Price, ["100", "100", "100.1"], "100.1", 10),
        (PriceType::Price, ["100", "100", "99"], "99", 0),
        // One basis point of yield counts as ten of price. A buyer wants more.
        (PriceType::Yield, ["2.5", "2.5", "2.49"], "2.49", 10),
        (PriceType::Yield, ["2.5", "2.5", "2.51"], "2.51", 0),
        (PriceType::Yield, ["0", "0", "-0.005"], "-0.005", 5),
        (PriceType::Spread, ["40", "40", "38.5"], "38.5", 15),
        (margin(), ["40", "40", "38.5"], "38.5", 15),
        (margin(), ["40", "40", "41.5"], "41.5", 0),
    ] {
        let mut r = open(of);
        for (who, price) in ["N", "E", "S"].into_iter().zip(quotes) {
            let m = typed(&format!("{who}1"), price, price, of.stated());
            answer(&mut r, who, m, 10);
        }
        let m = take(of, "S", "S1", price, None);
        let found = r.proposal(&desk("ALICE"), &m, T0 + 20).unwrap();
        assert_eq!(found.trade.off_market_bps, Some(want), "{of:?} {price}");
        let signet_stepup::Action::Accept(a) = found.action else { panic!() };
        let word = of.stated().map(|_| of.to_string());
        assert_eq!(a.price_type, word, "the text that is approved says what the number is");
    }
}

#[test]
fn an_approval_ahead_may_have_a_limit_below_zero_in_yields_only() {
    for (of, limit, good) in [
        (PriceType::Price, "0", false),
        (PriceType::Price, "-1", false),
        (PriceType::Yield, "0", true),
        (PriceType::Yield, "-0.25", true),
        (PriceType::Spread, "-3", true),
        (margin(), "-3", true),
    ] {
        let r = open(of);
        let ahead = ApproveAhead {
            rfq: RfqId::new("R1").unwrap(),
            side: Side::Buy,
            quantity: Decimal::from(1_000_000),
            limit: Limit { price: dec(limit), until: T0 + 20_000 },
        };
        let got = r.ahead(&desk("ALICE"), &ahead, T0 + 10);
        assert_eq!(got.is_ok(), good, "{of:?} {limit}");
        if let Ok((terms, _)) = got {
            assert_eq!(terms.price_type, Some(of.to_string()));
        }
    }
}

#[test]
fn a_snapshot_says_what_the_numbers_are() {
    for of in [PriceType::Yield, margin()] {
        let mut r = open(of);
        answer(&mut r, "N", typed("N1", "2.5", "2.5", of.stated()), 10);
        r.handle(T0 + 20, Input::DeskDown(desk("ALICE")));
        let out = to_desk(&r.handle(T0 + 30, Input::DeskUp(desk("ALICE"))));
        let request = out.iter().find_map(|m| match m {
            AppMessage::Snapshot(SnapshotMark::Rfq(q)) => Some(q.price_type),
            _ => None,
        });
        let quoted = out.iter().find_map(|m| match m {
            AppMessage::Quote(q) => Some(q.qualifiers.price_type),
            _ => None,
        });
        assert_eq!((request, quoted), (Some(of), Some(of.stated())));
    }
}

/// What leaves for a dealer, and what it answers, as they travel.
#[test]
fn a_discount_margin_goes_with_its_benchmark_both_ways() {
    let mut r = router_for(margin());
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(asked(margin())), 0);
    let text = |m: AppMessage| {
        let bytes = m.encode().finish("FIX.4.4").unwrap();
        String::from_utf8(bytes).unwrap().replace('\u{1}', "|")
    };
    let benchmark = "|220=EUR|221=Euribor|222=3M|423=6|";
    let request = text(to_dealer(&out, "N").unwrap());
    assert!(request.contains(benchmark), "{request}");
    let out = answer(&mut r, "N", typed("N1", "45", "44.5", margin().stated()), 10);
    let [AppMessage::Quote(told)] = &to_desk(&out)[..] else { panic!("{out:?}") };
    assert_eq!(told.qualifiers.price_type, margin().stated());
    let out = send(&mut r, "ALICE", take(margin(), "N", "N1", "44.5", None), 20);
    let taken = text(to_dealer(&out, "N").unwrap());
    assert!(taken.contains(benchmark) && taken.contains("|44=44.5|"), "{taken}");
    // A margin over another rate is not one of the instrument's.
    let mut r = router_for(margin());
    let other = QuoteRequest { price_type: over("EURIBOR", "6M", "EUR"), ..asked(margin()) };
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(other), 0);
    let [AppMessage::QuoteRequestReject(no)] = &to_desk(&out)[..] else { panic!("{out:?}") };
    let words = "is not asked for in discount margins over EURIBOR 6M in EUR here";
    assert!(no.text.as_ref().unwrap().contains(words), "{no:?}");
}

/// What a dealer is sent for a price is what it was sent before there were other types.
#[test]
fn a_plain_price_is_sent_as_ever() {
    let mut r = router();
    let plain = QuoteRequest { dealers: vec![dealer("N")], ..asked(PriceType::Price) };
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(plain), 0);
    let text = |m: AppMessage| {
        let bytes = m.encode().finish("FIX.4.4").unwrap();
        String::from_utf8(bytes).unwrap().replace('\u{1}', "|")
    };
    let asked = text(to_dealer(&out, "N").unwrap());
    assert!(asked.contains("|423=1|"), "{asked}");
    answer(&mut r, "N", typed("N1", "99", "99.5", None), 10);
    let out = send(&mut r, "ALICE", take(PriceType::Price, "N", "N1", "99.5", None), 20);
    let taken = text(to_dealer(&out, "N").unwrap());
    assert!(!taken.contains("|423="), "{taken}");
    assert!(taken.ends_with(&taken[taken.find("|44=99.5|10=").unwrap()..]));
}
