use super::*;
use signet_fix::message::{Advice, OrdStatus, OrderStatusRequest, SnapshotMark};
use signet_rfq::{Ask, InstrumentId, Level, Qualifiers, QuoteId, RfqId, UtcMillis};

const NOW: UtcMillis = UtcMillis(1_000);

fn desk() -> CompId {
    CompId::new("ALICE1").unwrap()
}

fn north() -> DealerId {
    DealerId::new("NORTH").unwrap()
}

fn pair() -> InstrumentId {
    InstrumentId::new("EUR/USD").unwrap()
}

fn id(text: &str) -> RfqId {
    RfqId::new(text).unwrap()
}

fn level(price: &str) -> Option<Level> {
    Some(Level { price: price.parse().unwrap(), size: 5_000_000.into() })
}

fn asked() -> AppMessage {
    AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: id("ALICE1.R1"),
        instrument: pair(),
        isin: false,
        ask: Ask::Buy,
        quantity: 5_000_000.into(),
        currency: "EUR".into(),
        settlement_date: "20261130".into(),
        dealers: vec![],
        expires: NOW + 60_000,
        at: NOW,
    })
}

fn accept(response: Response) -> AppMessage {
    AppMessage::QuoteResponse(QuoteResponse {
        text: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: rfq::AcceptId::new("ALICE1.A1").unwrap(),
        response,
        rfq: None,
        quote: QuoteId::new("q1").unwrap(),
        instrument: pair(),
        isin: false,
        dealer: None,
        side: rfq::Side::Buy,
        quantity: 5_000_000.into(),
        price: "1.0800".parse().unwrap(),
        currency: Some("EUR".into()),
        settlement_date: None,
        deadline: None,
        at: NOW,
        limit: None,
    })
}

fn quoted(bid: Option<Level>, offer: Option<Level>) -> AppMessage {
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: id("R1"),
        id: QuoteId::new("q1").unwrap(),
        instrument: pair(),
        dealer: Some(north()),
        bid,
        offer,
        valid_until: NOW + 10_000,
        tradeable: true,
        at: NOW,
        qualifiers: Qualifiers::default(),
    })
}

fn report(exec_type: ExecType, dealer: Option<DealerId>, disputed: bool) -> AppMessage {
    AppMessage::ExecutionReport(ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "o1".into(),
        exec_id: "e1".into(),
        exec_ref: None,
        accept: rfq::AcceptId::new("A1").unwrap(),
        exec_type,
        status: OrdStatus::Filled,
        instrument: pair(),
        dealer,
        side: rfq::Side::Buy,
        last: level("1.0800"),
        cum_qty: 5_000_000.into(),
        leaves_qty: 0.into(),
        avg_px: "1.08".parse().unwrap(),
        settlement_date: None,
        currency: Some("EUR".into()),
        price: None,
        disputed,
        reject_reason: None,
        text: Some("done\u{1}\n8=FIX".into()),
        at: NOW,
    })
}

/// What a desk reads of an accept that the dealer has not answered.
fn unanswered() -> ExecutionReport {
    let AppMessage::ExecutionReport(r) = report(ExecType::Status, Some(north()), false) else {
        unreachable!("it is a report");
    };
    ExecutionReport { status: OrdStatus::New, last: None, cum_qty: 0.into(), ..r }
}

fn status(status: RfqStatus) -> AppMessage {
    AppMessage::QuoteStatusReport(QuoteStatusReport::of_rfq(id("R1"), pair(), status, None))
}

fn reject(dealer: Option<DealerId>) -> AppMessage {
    AppMessage::QuoteRequestReject(QuoteRequestReject {
        rfq: id("R1"),
        reason: 1,
        instrument: pair(),
        dealer,
        text: Some("no".into()),
        advice: None,
    })
}

/// The trader passed on a dealer.
fn passed() -> AppMessage {
    let advice = Advice { code: PASSED_BY_TRADER.into(), cure: String::new() };
    match reject(Some(north())) {
        AppMessage::QuoteRequestReject(r) => {
            AppMessage::QuoteRequestReject(QuoteRequestReject { advice: Some(advice), ..r })
        }
        other => other,
    }
}

fn cancel() -> AppMessage {
    AppMessage::QuoteCancel(QuoteCancel {
        rfq: Some(id("R1")),
        quote: None,
        instrument: None,
        dealer: Some(north()),
        unreachable: true,
    })
}

fn code(cause: &Cause, output: &Output) -> Option<&'static str> {
    event(cause, output, 7).map(|e| {
        assert_eq!((e.entry.code, e.at_us), (e.code, 7), "an entry of its own");
        e.code
    })
}

#[test]
fn each_output_becomes_one_event_or_none_by_who_caused_it() {
    let (by_desk, by_dealer, by_time) =
        (Cause::Desk(desk()), Cause::Dealer(north()), Cause::Gateway);
    let at_desk = |m: AppMessage| Output::ToDesk(desk(), m);
    let at_dealer = |m: AppMessage| Output::ToDealer(north(), m);
    let (a, b) = (level("1.0799"), level("1.0801"));
    // What; by a desk's message, by a dealer's, by time.
    type Row = (Output, [Option<&'static str>; 3]);
    let same = |code| [Some(code); 3];
    let none = [None; 3];
    let rows: Vec<Row> = vec![
        (at_dealer(asked()), [Some("rfq.sent"), None, None]),
        (at_dealer(accept(Response::HitOrLift)), [Some("accept.sent"), None, None]),
        (at_dealer(accept(Response::Counter)), [Some("counter.sent"), None, None]),
        // The others are told that they were not taken.
        (at_dealer(accept(Response::Pass)), none),
        (at_desk(quoted(a, b)), [None, Some("quote.received"), None]),
        (at_desk(cancel()), same("quote.withdrawn")),
        (at_desk(reject(None)), same("rfq.refused")),
        (at_desk(reject(Some(north()))), same("quote.refused")),
        (at_desk(passed()), same("quote.passed")),
        (at_desk(status(RfqStatus::Open)), none),
        (at_desk(status(RfqStatus::Pending)), none),
        (at_desk(status(RfqStatus::NotFound)), none),
        (at_desk(status(RfqStatus::Cancelled)), same("rfq.ended")),
        (at_desk(status(RfqStatus::Rejected)), same("rfq.ended")),
        (at_desk(status(RfqStatus::NothingDone)), same("rfq.ended")),
        (at_desk(status(RfqStatus::Expired)), same("rfq.ended")),
        (at_desk(report(ExecType::Trade, Some(north()), false)), same("execution.filled")),
        (at_desk(report(ExecType::Trade, Some(north()), true)), none),
        (at_desk(report(ExecType::TradeCancel, Some(north()), false)), same("execution.busted")),
        (
            at_desk(report(ExecType::TradeCorrect, Some(north()), false)),
            same("execution.corrected"),
        ),
        (at_desk(report(ExecType::Rejected, Some(north()), false)), same("execution.rejected")),
        (at_desk(report(ExecType::Rejected, None, false)), same("accept.refused")),
        (at_desk(report(ExecType::Cancelled, Some(north()), false)), none),
        // The answer to a question of the gateway tells an execution; the answer to a question of
        // the desk repeats one.
        (
            at_desk(report(ExecType::Status, Some(north()), false)),
            [None, Some("execution.filled"), None],
        ),
        (at_desk(report(ExecType::Status, Some(north()), true)), none),
        // Its dealer's line is lost: told once, whatever the desk hears.
        (at_desk(AppMessage::ExecutionReport(unanswered())), none),
        (Output::Unanswered(desk(), unanswered()), same("accept.unknown")),
        (at_desk(report(ExecType::PendingNew, Some(north()), false)), none),
        (at_desk(AppMessage::Snapshot(SnapshotMark::End)), none),
        // It is as true while the desk is away.
        (Output::Untold(desk(), quoted(a, b)), [None, Some("quote.received"), None]),
        (
            Output::Untold(desk(), report(ExecType::Trade, Some(north()), false)),
            same("execution.filled"),
        ),
        (Output::Traded(desk(), north()), none),
        (Output::Note("x".into()), none),
    ];
    for (output, codes) in rows {
        for (cause, want) in [&by_desk, &by_dealer, &by_time].into_iter().zip(codes) {
            assert_eq!(code(cause, &output), want, "{cause:?} {output:?}");
        }
    }
}

#[test]
fn what_repeats_what_was_told_causes_none() {
    let h = AppMessage::OrderStatusRequest(OrderStatusRequest {
        accept: rfq::AcceptId::new("A1").unwrap(),
        instrument: pair(),
        side: rfq::Side::Buy,
        dealer: None,
        sent: None,
    });
    for (input, cause) in [
        (Input::DeskUp(desk()), None),
        (Input::DeskDown(desk()), None),
        (Input::DealerUp(north()), None),
        (Input::DealerDown(north()), Some(Cause::Gateway)),
        (Input::Tick, Some(Cause::Gateway)),
        (Input::FromDesk(desk(), h), Some(Cause::Desk(desk()))),
        (Input::FromDealer(north(), cancel()), Some(Cause::Dealer(north()))),
        (Input::NotSentToDealer(north(), asked()), Some(Cause::Gateway)),
        (withdrawn_by_gateway(), Some(Cause::Gateway)),
        (Input::Decided(desk(), Decided::TimeUp(id("R1"))), Some(Cause::Gateway)),
    ] {
        assert_eq!(Cause::of(&input), cause, "{input:?}");
    }
}

fn withdrawn_by_gateway() -> Input {
    Input::Decided(desk(), Decided::End { rfq: id("R1"), text: "withdrawn".into() })
}

/// The desk neither ended it nor let its time run out, and its dealer declined an accept only.
#[test]
fn whoever_ends_an_rfq_is_its_actor() {
    let (by_desk, by_dealer) = (Cause::Desk(desk()), Cause::Dealer(north()));
    let of_gateway = Cause::of(&withdrawn_by_gateway()).unwrap();
    let (a_desk, a_dealer) = (Actor::Desk("ALICE1".into()), Actor::Dealer("NORTH".into()));
    for (cause, how, actor) in [
        (&of_gateway, RfqStatus::Cancelled, &Actor::Gateway),
        (&by_desk, RfqStatus::Cancelled, &a_desk),
        (&by_dealer, RfqStatus::Cancelled, &Actor::Gateway),
        (&by_dealer, RfqStatus::Expired, &Actor::Gateway),
        (&by_desk, RfqStatus::Expired, &Actor::Gateway),
        (&by_dealer, RfqStatus::NothingDone, &a_dealer),
        (&by_desk, RfqStatus::NothingDone, &a_desk),
    ] {
        for output in [Output::ToDesk(desk(), status(how)), Output::Untold(desk(), status(how))] {
            let e = event(cause, &output, 0).unwrap();
            assert_eq!((e.code, &e.actor), ("rfq.ended", actor), "{cause:?} {how:?}");
        }
    }
    // The dealer's answer itself is the dealer's.
    let declined = Output::ToDesk(desk(), report(ExecType::Rejected, Some(north()), false));
    assert_eq!(event(&by_dealer, &declined, 0).unwrap().actor, a_dealer);
}

/// Who is asked about an RFQ by the name that a dealer has for it finds its request.
#[test]
fn the_event_that_dealers_are_asked_says_what_they_call_it() {
    let by = Cause::Desk(desk());
    for (m, words) in [(asked(), "dealers call it N4ME"), (accept(Response::HitOrLift), "")] {
        let e = event(&by, &Output::ToDealer(north(), m), 0).unwrap();
        assert_eq!(calling(e, Some(&"N4ME")).words.as_str(), words);
    }
    let e = event(&by, &Output::ToDealer(north(), asked()), 0).unwrap();
    assert_eq!(calling(e, None::<&String>).words.as_str(), "", "of an earlier version");
}

/// Ids are those of the gateway, unique over all desks, on the way down and on the way up.
#[test]
fn an_event_names_rfq_and_accept_as_the_gateway_does() {
    let sent = event(&Cause::Desk(desk()), &Output::ToDealer(north(), asked()), 0).unwrap();
    let of_quote = Output::ToDesk(desk(), quoted(None, level("1.0801")));
    let quote = event(&Cause::Dealer(north()), &of_quote, 0).unwrap();
    assert_eq!(sent.about.rfq, quote.about.rfq);
    assert_eq!(sent.about.rfq.as_ref().map(Text::as_str), Some("ALICE1.R1"));
    let two = event(
        &Cause::Dealer(north()),
        &Output::ToDesk(desk(), quoted(level("1.0799"), level("1.0801"))),
        0,
    )
    .unwrap();
    assert_eq!((two.about.price.unwrap().as_str(), two.about.side), ("1.0799/1.0801", None));
    assert_eq!(quote.about.side, Some(Side::Buy));
    let fill = Output::ToDesk(desk(), report(ExecType::Trade, Some(north()), false));
    let fill = event(&Cause::Dealer(north()), &fill, 0).unwrap();
    let accepted = Output::ToDealer(north(), accept(Response::HitOrLift));
    let accepted = event(&Cause::Desk(desk()), &accepted, 0).unwrap();
    assert_eq!(fill.about.accept, accepted.about.accept);
    let unknown = Output::Unanswered(desk(), unanswered());
    let unknown = event(&Cause::Gateway, &unknown, 0).unwrap();
    assert_eq!(unknown.about.accept, accepted.about.accept);
    assert_eq!((unknown.about.price, unknown.about.execution), (None, None));
    assert_eq!(fill.words.as_str(), "done  8=FIX", "one line, whatever a dealer writes");
    assert_eq!(fill.actor, Actor::Dealer("NORTH".into()));
}
