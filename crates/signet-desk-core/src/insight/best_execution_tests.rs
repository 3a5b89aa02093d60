use super::*;
use signet_fix::message::{ExecType, OrdStatus, QuoteCancel, QuoteRequestReject};
use signet_rfq::{AcceptId, Ask, InstrumentId, Limit, Qualifiers, QuoteId, RfqId};

const T0: i64 = 1_795_219_200_000;

fn d(id: &str) -> DealerId {
    DealerId::new(id).unwrap()
}

fn request(ask: Ask) -> QuoteRequest {
    QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new("R1").unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        ask,
        quantity: Decimal::TEN,
        currency: "EUR".into(),
        settlement_date: "20261201".into(),
        dealers: ["A", "B", "C", "D"].map(d).into(),
        expires: UtcMillis(T0 + 60_000),
        at: UtcMillis(T0),
    }
}

fn quote(dealer: &str, id: &str, price: &str, at: i64) -> Step {
    let level = Some(Level { price: price.parse().unwrap(), size: Decimal::TEN });
    let q = QuoteMsg {
        legs: vec![],
        rfq: RfqId::new("R1").unwrap(),
        id: QuoteId::new(id).unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        dealer: Some(d(dealer)),
        bid: None,
        offer: level,
        valid_until: UtcMillis(T0 + 30_000),
        tradeable: true,
        at: UtcMillis(T0 + at - 5),
        qualifiers: Qualifiers::default(),
    };
    heard(at, AppMessage::Quote(q))
}

fn heard(at: i64, m: AppMessage) -> Step {
    step(at, Said::Heard(Box::new(m)))
}

fn step(at: i64, said: Said) -> Step {
    let n = u64::try_from(at).unwrap();
    Step { at_ms: T0 + at, n, signed: true, told: Told::Live, said }
}

fn sent(ask: Ask) -> Step {
    step(0, Said::Sent(Box::new(AppMessage::QuoteRequest(request(ask)))))
}

fn accept(dealer: &str, price: &str, at: i64) -> Step {
    let a = signet_rfq::Accept {
        part_of: None,
        legs: vec![],
        id: AcceptId::new("R1:1").unwrap(),
        rfq: RfqId::new("R1").unwrap(),
        dealer: d(dealer),
        quote: QuoteId::new("q").unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        side: Side::Buy,
        price: price.parse().unwrap(),
        quantity: Decimal::TEN,
        limit: Some(Limit { price: price.parse().unwrap(), until: UtcMillis(T0 + 60_000) }),
    };
    let r = QuoteResponse::hit(&a, &request(Ask::Buy).terms(), false, UtcMillis(T0 + at));
    step(at, Said::Sent(Box::new(AppMessage::QuoteResponse(r))))
}

fn report(kind: ExecType, status: OrdStatus, price: &str, at: i64) -> Step {
    let done = kind == ExecType::Trade;
    let last = done.then(|| Level { price: price.parse().unwrap(), size: Decimal::TEN });
    heard(
        at,
        AppMessage::ExecutionReport(ExecutionReport {
            price_type: None,
            legs: vec![],
            order_id: "o".into(),
            exec_id: "E1".into(),
            exec_ref: None,
            accept: AcceptId::new("R1:1").unwrap(),
            exec_type: kind,
            status,
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            dealer: Some(d("A")),
            side: Side::Buy,
            last,
            cum_qty: if done { Decimal::TEN } else { Decimal::ZERO },
            leaves_qty: Decimal::ZERO,
            avg_px: price.parse().unwrap(),
            settlement_date: None,
            currency: None,
            price: None,
            disputed: false,
            reject_reason: None,
            text: (!done).then(|| "price moved".into()),
            at: UtcMillis(T0 + at),
        }),
    )
}

fn pass(dealer: &str, at: i64) -> Step {
    heard(
        at,
        AppMessage::QuoteRequestReject(QuoteRequestReject {
            rfq: RfqId::new("R1").unwrap(),
            reason: 10,
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            dealer: Some(d(dealer)),
            text: Some("too large".into()),
            advice: None,
        }),
    )
}

fn page(steps: Vec<Step>) -> BestExecution {
    let dealers = BTreeMap::from([(d("A"), "Northbank".to_owned())]);
    let names = Names { dealers: &dealers, instrument: None };
    fill(BestExecution::default(), &Timeline { steps, more: false, lost: 0 }, &names)
}

/// The quote q is for ten, or for what is asked of a larger one.
#[test]
fn a_page_says_what_the_quote_was_for_of_which_a_part_was_accepted() {
    for (of, taken, size, quoted) in [
        ("q", 10, 10, None),
        ("q", 4, 10, Some("10")),
        ("q", 4, 25, Some("10")),
        ("q", 4, 4, None),
        // The quote that was taken is not the one that the history has.
        ("q0", 4, 10, None),
    ] {
        let mut steps = [sent(Ask::Buy), quote("A", of, "99.5", 100), accept("A", "99.5", 200)];
        if let Said::Heard(m) = &mut steps[1].said
            && let AppMessage::Quote(q) = &mut **m
        {
            q.offer.as_mut().unwrap().size = Decimal::from(size);
        }
        if let Said::Sent(m) = &mut steps[2].said
            && let AppMessage::QuoteResponse(r) = &mut **m
        {
            r.quantity = Decimal::from(taken);
        }
        let page = page(steps.into());
        let a = &page.accepts[0];
        assert_eq!((a.quantity.clone(), a.quoted.as_deref()), (taken.to_string(), quoted));
        let file = crate::insight::html(&page, 0);
        assert_eq!(file.contains("of 10 quoted"), quoted.is_some(), "{file}");
    }
}

/// An accept of four, with a limit, that the gateway passed on with the quote `q2`.
#[test]
fn a_page_says_what_the_quote_was_for_that_the_gateway_took_within_the_limit() {
    let sized = |mut s: Step, size: i64| {
        if let Said::Heard(m) = &mut s.said
            && let AppMessage::Quote(q) = &mut **m
        {
            q.offer.as_mut().unwrap().size = Decimal::from(size);
        }
        s
    };
    let of_four = |mut s: Step| {
        if let Said::Sent(m) = &mut s.said
            && let AppMessage::QuoteResponse(r) = &mut **m
        {
            r.quantity = Decimal::from(4);
        }
        s
    };
    let accepted = || of_four(accept("A", "99.5", 200));
    let as_sent = |at: i64| {
        let Said::Sent(mut m) = accepted().said else { unreachable!() };
        if let AppMessage::QuoteResponse(r) = &mut *m {
            (r.quote, r.price) = (QuoteId::new("q2").unwrap(), "99.4".parse().unwrap());
        }
        heard(at, *m)
    };
    for (size, quoted) in [(10, Some("10")), (7, Some("7")), (4, None), (25, Some("10"))] {
        let steps = [
            sent(Ask::Buy),
            sized(quote("A", "q", "99.5", 100), 8),
            accepted(),
            sized(quote("A", "q2", "99.4", 210), size),
            as_sent(220),
            // After a logon it is told once more, and the dealer has quoted again by then.
            sized(quote("A", "q3", "99.3", 230), 6),
            as_sent(240),
        ];
        let before = page(steps[..4].to_vec());
        assert_eq!(before.accepts[0].quoted.as_deref(), Some("8"), "not told yet");
        let page = page(steps.into());
        assert_eq!(page.accepts.len(), 1);
        let a = &page.accepts[0];
        assert_eq!((a.quantity.as_str(), a.quoted.as_deref()), ("4", quoted), "{size}");
    }
}

#[test]
fn an_exec_id_turns_no_text_of_the_page() {
    let mut filled = report(ExecType::Trade, OrdStatus::Filled, "1.09", 300);
    if let Said::Heard(m) = &mut filled.said
        && let AppMessage::ExecutionReport(e) = &mut **m
    {
        e.exec_id = "E\u{202e}1".into();
    }
    let p =
        page(vec![sent(Ask::Buy), quote("A", "q", "1.09", 100), accept("A", "1.09", 200), filled]);
    assert_eq!(p.accepts[0].exec_id.as_deref(), Some("E\u{fffd}1"));
}

#[test]
fn a_page_says_the_least_quantity_that_was_asked_for() {
    let asked = QuoteRequest { min_quantity: Some(Decimal::TWO), ..request(Ask::Buy) };
    let asked = step(0, Said::Sent(Box::new(AppMessage::QuoteRequest(asked))));
    assert_eq!(page(vec![asked]).min_quantity.as_deref(), Some("2"));
    assert_eq!(page(vec![sent(Ask::Buy)]).min_quantity, None);
}

#[test]
fn a_page_says_who_was_asked_what_was_quoted_and_how_the_choice_stood() {
    let p = page(vec![
        sent(Ask::Buy),
        quote("A", "a1", "1.10", 400),
        quote("B", "b1", "1.08", 700),
        pass("D", 800),
        quote("C", "c1", "1.09", 900),
        quote("A", "a2", "1.09", 5_000),
        accept("A", "1.09", 6_000),
        // What comes later does not count for the choice.
        quote("C", "c2", "1.01", 6_100),
        report(ExecType::Trade, OrdStatus::Filled, "1.09", 6_250),
    ]);
    let answers: Vec<(&str, &str, u32, bool)> = p
        .dealers
        .iter()
        .map(|d| (d.name.as_str(), d.answer.as_str(), d.quotes, d.traded))
        .collect();
    assert_eq!(
        answers,
        [
            ("Northbank", "First price after 400 ms", 2, true),
            ("B", "First price after 700 ms", 1, false),
            ("C", "First price after 900 ms", 2, false),
            ("D", "Passed: too large", 0, false),
        ]
    );
    let best: Vec<(&str, bool)> =
        p.quotes.iter().map(|q| (q.quote_id.as_str(), q.best_offer)).collect();
    assert_eq!(best, [("a1", true), ("b1", true), ("c1", false), ("a2", false), ("c2", true)]);
    // The first quote of A ended when the second came; the last ended with the trade.
    let until: Vec<f64> = p.quotes.iter().map(|q| q.until_ms - T0 as f64).collect();
    assert_eq!(until, [5_000.0, 6_250.0, 6_100.0, 6_250.0, 6_250.0]);
    let a = &p.accepts[0];
    assert_eq!((a.was_best, a.best.as_deref(), a.hold_ms), (false, Some("1.08 B"), Some(250.0)));
    assert_eq!(a.cover.as_deref(), Some("1.08 B"));
    // At first 1.08 1.09 1.10, at the accept 1.08 1.09 1.09: a buyer's middle is 1.09.
    assert_eq!(
        (a.composite_first.as_deref(), a.composite.as_deref()),
        (Some("1.09"), Some("1.09"))
    );
    assert_eq!(a.slippage.as_deref(), Some("none"));
    assert_eq!((a.answer.as_str(), a.traded.as_deref()), ("Executed: 10 at 1.09", Some("1.09")));
    assert_eq!(p.owes_reason.as_deref(), Some("R1:1"));
    assert_eq!((p.side.as_str(), p.settlement_date.as_str()), ("Buy", "2026-12-01"));
}

#[test]
fn the_reason_ends_the_question_and_the_latest_one_stands() {
    let told = |text: &str, at| step(at, Said::Reason { accept: "R1:1".into(), text: text.into() });
    let steps = vec![
        sent(Ask::Buy),
        quote("A", "a1", "1.10", 400),
        quote("B", "b1", "1.08", 700),
        accept("A", "1.10", 1_000),
        report(ExecType::Trade, OrdStatus::Filled, "1.10", 1_200),
        told("first", 2_000),
        told("their size", 3_000),
    ];
    let p = page(steps.clone());
    assert_eq!((p.owes_reason, p.accepts[0].reason.as_deref()), (None, Some("their size")));
    // One that the history has not written down yet is known as well.
    let p = page(steps[..5].to_vec());
    assert_eq!(p.owes_reason.as_deref(), Some("R1:1"));
    let given = BTreeMap::from([("R1:1".to_owned(), "quick".to_owned())]);
    let p = with_reasons(p, &given);
    assert_eq!((p.owes_reason, p.accepts[0].reason.as_deref()), (None, Some("quick")));
    // An accept that did not trade needs none.
    let mut refused = steps[..4].to_vec();
    refused.push(report(ExecType::Rejected, OrdStatus::Rejected, "1.10", 1_300));
    let p = page(refused);
    assert_eq!(p.owes_reason, None);
    assert_eq!(p.accepts[0].answer, "Declined by the dealer: price moved");
    assert_eq!(p.accepts[0].composite, None, "two quotes make no composite");
}

/// The gateway passes on that nothing more comes, with or without what was executed.
#[test]
fn the_end_of_the_rest_hides_no_trade() {
    let part = |mut s: Step| {
        if let Said::Heard(m) = &mut s.said
            && let AppMessage::ExecutionReport(e) = &mut **m
        {
            (e.cum_qty, e.last) = (Decimal::from(4), e.last.map(|l| Level { size: 4.into(), ..l }));
        }
        s
    };
    let executed = || part(report(ExecType::Trade, OrdStatus::PartiallyFilled, "1.10", 1_200));
    let end = |kind| report(kind, OrdStatus::Cancelled, "1.10", 1_300);
    let kinds = [ExecType::Cancelled, ExecType::Expired, ExecType::DoneForDay];
    for end in kinds.into_iter().flat_map(|k| [end(k), part(end(k))]) {
        let before = [sent(Ask::Buy), quote("A", "a1", "1.10", 400), accept("A", "1.10", 1_000)];
        let p = page(before.into_iter().chain([executed(), end]).collect());
        let a = &p.accepts[0];
        assert_eq!((a.answer.as_str(), a.traded.as_deref()), ("Executed: 4 at 1.10", Some("1.10")));
    }
}

/// A colleague asked; the desk that took it over has the request from the gateway.
#[test]
fn a_request_that_was_taken_over_has_a_page_too() {
    let told = heard(0, AppMessage::Snapshot(SnapshotMark::Rfq(request(Ask::Buy))));
    let steps = |first| vec![first, quote("A", "a1", "1.10", 400), accept("A", "1.10", 1_000)];
    let (own, taken) = (page(steps(sent(Ask::Buy))), page(steps(told)));
    assert_eq!(taken.dealers, own.dealers);
    assert_eq!(taken.quotes, own.quotes);
    assert_eq!(taken.accepts, own.accepts);
    // Its numbers count what the colleague asked for.
    let yields = QuoteRequest { price_type: PriceType::Yield, ..request(Ask::Buy) };
    let told = heard(0, AppMessage::Snapshot(SnapshotMark::Rfq(yields)));
    let t = Timeline { steps: steps(told), more: false, lost: 0 };
    assert_eq!(numbers::asked_in(&t), PriceType::Yield);
}

#[test]
fn a_quote_that_is_gone_is_not_the_best() {
    let gone = heard(
        800,
        AppMessage::QuoteCancel(QuoteCancel {
            rfq: RfqId::new("R1").ok(),
            quote: None,
            instrument: None,
            dealer: Some(d("B")),
            unreachable: false,
        }),
    );
    let p = page(vec![
        sent(Ask::Buy),
        quote("A", "a1", "1.10", 400),
        quote("B", "b1", "1.08", 700),
        gone,
        accept("A", "1.10", 1_000),
    ]);
    assert!(p.accepts[0].was_best);
    assert_eq!((p.accepts[0].cover.as_deref(), p.quotes[1].until_ms), (None, (T0 + 800) as f64));
}

#[test]
fn what_a_peer_adds_makes_a_page_no_longer_than_is_read() {
    let mut steps = vec![sent(Ask::TwoWay)];
    steps.extend((0..QUOTES_MAX as i64 + 7).map(|n| quote("A", &format!("a{n}"), "1.1", 10 + n)));
    // Nobody asked X, and an absurd price breaks nothing.
    steps.push(quote("X", "x", "1", 9_000));
    steps.push(quote("B", "b", "79228162514264337593543950335", 9_001));
    steps.push(accept("B", "79228162514264337593543950335", 9_002));
    let p = page(steps);
    assert_eq!((p.quotes.len(), p.quotes_left_out), (QUOTES_MAX, 8));
    assert_eq!(p.dealers.len(), 4);
}

#[test]
fn a_page_says_what_its_numbers_are_when_they_are_not_prices() {
    let over = signet_rfq::Benchmark::read("EURIBOR", "3M", "EUR").unwrap();
    for (price_type, want) in [
        (PriceType::Price, None),
        (PriceType::Yield, Some("Its numbers are yields.")),
        (PriceType::Margin(over), Some("Its numbers are discount margins over EURIBOR 3M in EUR.")),
    ] {
        let asked = QuoteRequest { price_type, ..request(Ask::Buy) };
        let p = page(vec![step(0, Said::Sent(Box::new(AppMessage::QuoteRequest(asked))))]);
        let said = p.notes.iter().find(|n| n.starts_with("Its numbers"));
        assert_eq!(said.map(String::as_str), want);
    }
}

#[test]
fn slippage_is_said_from_the_traders_side() {
    use PriceType::{Price, Spread, Yield};
    let over = signet_rfq::Benchmark::read("EURIBOR", "3M", "EUR").unwrap();
    let margin = PriceType::Margin(over);
    for (of, side, price, composite, want) in [
        (Yield, Side::Buy, "2.49", "2.50", Some("0.01 worse (1.0 bp)")),
        (Yield, Side::Sell, "2.49", "2.50", Some("0.01 better (1.0 bp)")),
        (Yield, Side::Sell, "-0.10", "0", Some("0.1 better (10.0 bp)")),
        (Spread, Side::Buy, "72.5", "72", Some("0.5 better (0.5 bp)")),
        (margin, Side::Buy, "72.5", "72", Some("0.5 better (0.5 bp)")),
        (margin, Side::Sell, "72.5", "72", Some("0.5 worse (0.5 bp)")),
        (Price, Side::Buy, "100.01", "100", Some("0.01 worse (1.0 bp)")),
        (Price, Side::Buy, "99.99", "100", Some("0.01 better (1.0 bp)")),
        (Price, Side::Sell, "100.01", "100", Some("0.01 better (1.0 bp)")),
        (Price, Side::Sell, "99.99", "100", Some("0.01 worse (1.0 bp)")),
        (Price, Side::Buy, "100", "100.0", Some("none")),
        (Price, Side::Buy, "79228162514264337593543950335", "1", None),
    ] {
        let n = |s: &str| s.parse().unwrap();
        let found = slippage(Counts::One(of), side, n(price), n(composite));
        assert_eq!(found.as_deref(), want, "{side:?} {price}");
    }
    // A net price is bought less sold: near zero or below, a share of it would have another sign.
    for (side, price, composite, want) in [
        (Side::Buy, "-0.20", "-0.25", "0.05 worse"),
        (Side::Sell, "-0.20", "-0.25", "0.05 better"),
        (Side::Buy, "0.005", "0", "0.005 worse"),
        (Side::Buy, "0.01", "0.005", "0.005 worse"),
        (Side::Buy, "-0.25", "-0.250", "none"),
    ] {
        let n = |s: &str| s.parse().unwrap();
        let found = slippage(Counts::Net, side, n(price), n(composite));
        assert_eq!(found.as_deref(), Some(want), "{side:?} {price} {composite}");
    }
    assert_eq!(
        [-4, 450, 2_190, 12_900].map(seconds),
        ["0 ms", "450 ms", "2.1 s", "12 s"].map(str::to_owned)
    );
}
