//! Many rows taken by one confirmation.

use super::{
    super::list::tests::{NOTE, act, book, note_in, opened, quoted, rows, sent, states, turns},
    *,
};
use crate::{
    book::life_tests::{self, NOW},
    guard::TradingSettings,
    view::{LinkState, ListField, ListIntent, ListState},
};
use signet_fix::message::{
    ExecType, ExecutionReport, OrdStatus, QuoteResponse, QuoteStatusReport, RfqStatus,
    StepUpChallenge, StepUpOutcome, StepUpStatus,
};
use signet_rfq::{AcceptRefusal, DealerId, Level};
use signet_stepup::{AcceptTerms, Action, Approval};

/// What a confirmed row says while the gateway's answer is overdue.
const HELD: &str = "Confirmed; it waits for the connection to answer.";

/// Three rows: a buy with a limit, a sell with a limit, a buy without one.
const LIST: &str = "buy,eurusd,5k,,,1.08002\nsell,gbpusd,5k,,,1.30\nbuy,eurusd,6k";

/// The list is sent, and each row has a price: 1.08, 1.30 and 1.08.
fn ready() -> (Book, Vec<RfqId>) {
    let mut b = book();
    let ids = sent(&mut b, LIST);
    quoted(&mut b, &ids[0], "NORTH", "q1", "1.08");
    quoted(&mut b, &ids[1], "SOUTH", "q2", "1.3");
    quoted(&mut b, &ids[2], "NORTH", "q3", "1.08");
    turns(&mut b, 20, 1);
    (b, ids)
}

fn accepts(messages: Vec<AppMessage>) -> Vec<QuoteResponse> {
    let accept = |m| match m {
        AppMessage::QuoteResponse(r) => r,
        other => panic!("{other:?}"),
    };
    messages.into_iter().map(accept).collect()
}

fn confirm(b: &mut Book, at: UtcMillis) -> Result<(), String> {
    b.list_confirm(at).map_err(|p| p.code)
}

fn take(b: &mut Book) -> ListTake {
    b.list_take(NOW).unwrap();
    b.list_page(0, 200).take.unwrap()
}

/// Its rows may be in several types, and no heading says which one is in which.
#[test]
fn a_limit_that_is_confirmed_says_what_it_counts() {
    use signet_rfq::{Benchmark, PriceType};
    let margin = PriceType::Margin(Benchmark::read("EURIBOR", "3M", "EUR").unwrap());
    for (of, want) in [
        (PriceType::Price, "42.00000"),
        (PriceType::Yield, "42.000 %"),
        (margin, "42.0 bp over EURIBOR 3M"),
    ] {
        let mut b = book();
        note_in(&mut b, &[of]);
        let ids = sent(&mut b, &format!("sell,{NOTE},5k,,,42"));
        quoted(&mut b, &ids[0], "NORTH", "q1", "42");
        turns(&mut b, 20, 1);
        let limits: Vec<String> = take(&mut b).lines.into_iter().map(|l| l.limit).collect();
        assert_eq!(limits, [want]);
    }
}

#[test]
fn the_confirmation_lists_every_row_within_its_limit_and_no_other() {
    let (mut b, _) = ready();
    let shown = take(&mut b);
    let lines: Vec<_> = shown
        .lines
        .iter()
        .map(|l| {
            let (side, price) = (l.side, l.price.as_deref().unwrap());
            (l.number, side, l.quantity.as_str(), l.dealer.as_str(), price, l.limit.as_str())
        })
        .collect();
    assert_eq!(
        lines,
        [
            (1, Side::Buy, "5,000", "Northbank", "1.08000", "1.08002"),
            (2, Side::Sell, "5,000", "South Bank", "1.30000", "1.30000"),
        ]
    );
    let left: Vec<_> = shown.left.iter().map(|l| (l.number, l.why.as_str())).collect();
    assert_eq!(left, [(3, "It has no limit.")]);
    let totals: Vec<_> = shown
        .totals
        .iter()
        .map(|t| (t.currency.as_str(), t.side, t.rows, t.quantity.as_str()))
        .collect();
    assert_eq!(totals, [("EUR", Side::Buy, 1, "5,000"), ("GBP", Side::Sell, 1, "5,000")]);
    assert!(turns(&mut b, 21, 5).is_empty(), "nothing leaves before it is confirmed");
    assert!(b.screen.rfqs().all(|r| r.accept.is_none()), "and nothing stays armed");
}

#[test]
fn each_row_is_taken_as_a_single_accept_with_its_limit() {
    let (mut b, ids) = ready();
    take(&mut b);
    confirm(&mut b, NOW).unwrap();
    let first = accepts(b.tick(NOW + 2_200));
    assert_eq!(first.len(), 1, "one after the other");
    let mut all = first;
    all.extend(accepts(turns(&mut b, 23, 10)));
    let sent: Vec<_> = all
        .iter()
        .map(|r| (r.rfq.clone(), r.price, r.limit.map(|l| l.price), r.quantity))
        .collect();
    let price = |p: &str| p.parse::<Decimal>().unwrap();
    assert_eq!(
        sent,
        [
            (Some(ids[0].clone()), price("1.08"), Some(price("1.08002")), 5_000.into()),
            (Some(ids[1].clone()), price("1.3"), Some(price("1.30")), 5_000.into()),
        ]
    );
    assert_eq!(states(&b), [ListState::Taking, ListState::Taking, ListState::Quoted]);
    // The answers: one is filled, one declined.
    for (n, r) in all.iter().enumerate() {
        b.sent_as(50 + n as u64, &AppMessage::QuoteResponse(r.clone()));
    }
    let filled = |r: &QuoteResponse, id: &str, filled: bool| ExecutionReport {
        side: r.side,
        instrument: r.instrument.clone(),
        dealer: Some(DealerId::new(if id == "E1" { "NORTH" } else { "SOUTH" }).unwrap()),
        last: filled.then_some(Level { price: r.price, size: r.quantity }),
        cum_qty: if filled { r.quantity } else { Decimal::ZERO },
        text: (!filled).then(|| "the market moved".into()),
        ..life_tests::report(
            r.id.as_str(),
            if filled { ExecType::Trade } else { ExecType::Rejected },
            if filled { OrdStatus::Filled } else { OrdStatus::Rejected },
            id,
            "1.08",
            0,
        )
    };
    life_tests::say(&mut b, filled(&all[0], "E1", true));
    life_tests::say(&mut b, filled(&all[1], "E2", false));
    turns(&mut b, 40, 1);
    let rows = rows(&b);
    assert_eq!((rows[0].state, rows[0].away.as_deref()), (ListState::Done, Some("-2")));
    assert!(rows[1].text.contains("the market moved"), "{}", rows[1].text);
    assert_eq!(rows[1].state, ListState::Quoted);
    // Looking at what could be taken leaves why the dealer declined where it stands.
    let before = b.rfq(&ids[1]).unwrap().clone();
    take(&mut b);
    assert_eq!(*b.rfq(&ids[1]).unwrap(), before);
    turns(&mut b, 41, 1);
    let text = &b.list_page(0, 9).rows[1].text;
    assert!(text.contains("the market moved"), "{text}");
}

#[test]
fn a_row_is_taken_at_the_best_price_of_its_turn_and_never_beyond_its_limit() {
    for (requote, want) in
        [("1.07999", Some("1.07999")), ("1.08002", Some("1.08002")), ("1.08003", None)]
    {
        let (mut b, ids) = ready();
        take(&mut b);
        confirm(&mut b, NOW).unwrap();
        quoted(&mut b, &ids[0], "NORTH", "q9", requote);
        let left = accepts(turns(&mut b, 22, 10));
        let mine = left.iter().find(|r| r.rfq.as_ref() == Some(&ids[0])).map(|r| r.price);
        assert_eq!(mine, want.map(|w| w.parse().unwrap()), "{requote}");
        assert!(
            left.iter().any(|r| r.rfq.as_ref() == Some(&ids[1])),
            "the other row is taken all the same"
        );
        let text = &rows(&b)[0].text;
        assert_eq!(text.contains("beyond its limit"), want.is_none(), "{text}");
    }
}

#[test]
fn a_confirmation_that_comes_too_soon_sends_nothing() {
    let (b, _) = ready();
    let mut b = b.protected_by(TradingSettings { confirm_after_ms: 700, ..TradingSettings::NONE });
    take(&mut b);
    assert_eq!(confirm(&mut b, NOW + 699), Err("accept.too_soon".into()));
    assert!(turns(&mut b, 22, 5).is_empty());
    // The time begins again, so that a held key never confirms.
    assert_eq!(confirm(&mut b, NOW + 1_000), Err("accept.too_soon".into()));
    confirm(&mut b, NOW + 1_700).unwrap();
    assert_eq!(turns(&mut b, 22, 5).len(), 2);
    assert_eq!(confirm(&mut b, NOW + 9_000), Err("accept.not_armed".into()), "once");
}

#[test]
fn a_price_far_from_the_market_is_confirmed_twice() {
    let settings = TradingSettings { off_market_bp: 50, ..TradingSettings::NONE };
    let mut b = book().protected_by(settings);
    let ids = sent(&mut b, "buy,eurusd,5k,,,1.20\nbuy,gbpusd,5k,,,1.30");
    // The limit of the first row is far beyond what the other dealer quotes.
    quoted(&mut b, &ids[0], "NORTH", "q1", "1.08");
    quoted(&mut b, &ids[0], "SOUTH", "q2", "1.08001");
    quoted(&mut b, &ids[1], "SOUTH", "q3", "1.29");
    turns(&mut b, 20, 1);
    let warned: Vec<bool> = take(&mut b).lines.iter().map(|l| l.warning.is_some()).collect();
    assert_eq!(warned, [true, false]);
    assert_eq!(confirm(&mut b, NOW), Err("accept.off_market".into()));
    assert!(turns(&mut b, 21, 5).is_empty(), "the others wait too");
    assert!(b.list_page(0, 0).take.unwrap().seen);
    confirm(&mut b, NOW + 2_510).unwrap();
    assert_eq!(turns(&mut b, 26, 5).len(), 2);
}

#[test]
fn a_row_that_became_far_from_the_market_meanwhile_stays() {
    let settings = TradingSettings { off_market_bp: 50, ..TradingSettings::NONE };
    let mut b = book().protected_by(settings);
    let ids = sent(&mut b, "buy,eurusd,5k,,,1.20");
    quoted(&mut b, &ids[0], "NORTH", "q1", "1.079");
    turns(&mut b, 20, 1);
    assert!(take(&mut b).lines[0].warning.is_none(), "nothing to compare it with");
    confirm(&mut b, NOW).unwrap();
    quoted(&mut b, &ids[0], "SOUTH", "q2", "1.08");
    assert!(turns(&mut b, 21, 5).is_empty());
    assert!(rows(&b)[0].text.starts_with("Not taken: "), "{}", rows(&b)[0].text);
    assert!(b.rfq(&ids[0]).unwrap().accept.is_none(), "nothing is left armed");
}

#[test]
fn what_is_armed_in_its_own_panel_stays_there() {
    let (mut b, ids) = ready();
    let intent = ArmIntent {
        rfq_id: ids[0].to_string(),
        dealer: "NORTH".into(),
        quote_id: "q1".into(),
        side: Side::Buy,
        price: "1.08".into(),
    };
    b.arm_typed(intent, NOW).unwrap();
    let shown = take(&mut b);
    assert_eq!(shown.lines.len(), 1);
    assert_eq!(shown.left[0].why, "Its terms are open in its own panel.");
    assert!(b.rfq(&ids[0]).unwrap().accept.is_some());
}

#[test]
fn a_lost_link_or_a_long_doubt_ends_what_was_confirmed() {
    for lost in [true, false] {
        let (mut b, _) = ready();
        take(&mut b);
        confirm(&mut b, NOW).unwrap();
        assert_eq!(b.tick(NOW + 2_200).len(), 1);
        if lost {
            b.link(NOW, |s| s.state = LinkState::Connecting);
            b.link_lost();
            life_tests::snapshot(&mut b, &[]);
            b.link(NOW, |s| s.state = LinkState::Online);
        } else {
            b.doubt(NOW + 200, true);
            turns(&mut b, 23, 1);
            b.doubt(NOW, false);
        }
        let left = turns(&mut b, 24, 20);
        assert!(left.iter().all(|m| !matches!(m, AppMessage::QuoteResponse(_))), "{left:?}");
        // After the lost link the gateway has repeated nothing, so the request has ended too.
        let row = &rows(&b)[1];
        let why = if lost { "Expired: " } else { "Not taken: " };
        assert!(row.text.starts_with(why), "{}", row.text);
    }
}

/// An answer that is overdue holds back what was confirmed. One late answer ends none of it; after
/// two seconds the trader looks first.
#[test]
fn a_short_stall_holds_what_was_confirmed_and_a_long_one_ends_it() {
    for (stalled_ms, goes) in [(100, true), (2_000, true), (2_100, false)] {
        let (mut b, ids) = ready();
        take(&mut b);
        confirm(&mut b, NOW).unwrap();
        assert_eq!(b.tick(NOW + 2_200).len(), 1);
        b.doubt(NOW + 2_300, true);
        let n = stalled_ms / 100;
        assert!(turns(&mut b, 23, n).is_empty(), "{stalled_ms}: nothing leaves in doubt");
        assert_eq!(rows(&b)[1].text, HELD, "{stalled_ms}");
        assert!(turns(&mut b, 23 + n, 1).is_empty(), "{stalled_ms}");
        b.doubt(NOW + 2_300 + stalled_ms, false);
        let left = accepts(turns(&mut b, 24 + n, 20));
        let sent: Vec<_> = left.iter().map(|r| r.rfq.clone()).collect();
        assert_eq!(sent, if goes { vec![Some(ids[1].clone())] } else { vec![] }, "{stalled_ms}");
        let row = &rows(&b)[1];
        let state = if goes { ListState::Taking } else { ListState::Quoted };
        assert_eq!(row.state, state, "{stalled_ms}");
        assert_eq!(row.text.starts_with("Not taken: "), !goes, "{stalled_ms}: {}", row.text);
    }
}

/// When what was confirmed could leave last, and when the next turn comes.
#[test]
fn what_could_not_leave_for_two_seconds_and_two_turns_stays() {
    for (passed_ms, free) in [
        (0, true),
        (100, true),
        (2_200, true),
        (2_201, false),
        (i64::MAX, false),
        // The turn read its clock just before the trader confirmed.
        (-100, true),
        // The clock was set back.
        (-101, false),
        (i64::MIN, false),
    ] {
        let (at, now) = (UtcMillis(0), UtcMillis(passed_ms));
        assert_eq!(is_free_since(Some(at), now), free, "{passed_ms}");
    }
    assert!(!is_free_since(None, UtcMillis(0)), "nothing was confirmed");
}

/// A laptop that naps comes back to a connection that may look good: the time counts, and not
/// only what the connection says. What is past is checked at the turn after it.
#[test]
fn a_nap_ends_what_was_confirmed_whatever_the_connection_says_after_it() {
    type While = fn(&mut Book, UtcMillis);
    let nothing: While = |_, _| ();
    let in_doubt: While = |b, _| b.doubt(NOW + 2_250, true);
    let doubt_over: While = |b, at| {
        b.doubt(NOW + 2_250, true);
        b.doubt(at, false);
    };
    let doubt_begins: While = |b, at| b.doubt(at, true);
    // The system says that it sleeps, and the link is made again after it.
    let announced: While = |b, at| {
        b.link(at, |s| s.state = LinkState::Connecting);
        b.link_lost();
        life_tests::snapshot(b, &[]);
        b.link(at, |s| s.state = LinkState::Online);
    };
    for (name, meanwhile, gap_ms, goes) in [
        ("a short pause", nothing, 2_200, true),
        ("a nap", nothing, 2_300, false),
        ("a longer nap", nothing, 12_000, false),
        ("the clock is set back", nothing, -5_000, false),
        ("a short doubt", doubt_over, 2_000, true),
        ("a doubt that was over before the turn", doubt_over, 2_300, false),
        ("the same, longer", doubt_over, 12_000, false),
        ("a doubt that lasts", in_doubt, 2_300, false),
        ("a doubt that begins after the nap", doubt_begins, 12_000, false),
        ("a sleep that was announced", announced, 100, false),
    ] {
        let (mut b, ids) = ready();
        take(&mut b);
        confirm(&mut b, NOW).unwrap();
        assert_eq!(b.tick(NOW + 2_200).len(), 1, "{name}");
        let at = NOW + 2_200 + gap_ms;
        meanwhile(&mut b, at);
        let mut left = b.tick(at);
        b.doubt(at, false);
        left.extend((1..20).flat_map(|n| b.tick(at + n * 100)));
        // What became of the first row's accept is asked as well.
        let accept = |m| if let AppMessage::QuoteResponse(r) = m { r.rfq } else { None };
        let sent: Vec<RfqId> = left.into_iter().filter_map(accept).collect();
        assert_eq!(sent, if goes { vec![ids[1].clone()] } else { vec![] }, "{name}");
        assert!(b.list.taking.is_empty(), "{name}");
        if !goes && name != "a sleep that was announced" {
            let text = &rows(&b)[1].text;
            assert!(text.starts_with("Not taken: "), "{name}: {text}");
        }
    }
}

/// It is said of what waits now and is kept nowhere: why the row was not taken before still
/// stands, and a desk that ends meanwhile says it of nothing after a restart.
#[test]
fn that_a_row_waits_is_shown_and_replaces_no_reason() {
    let (mut b, _) = ready();
    take(&mut b);
    confirm(&mut b, NOW).unwrap();
    assert_eq!(b.tick(NOW + 2_200).len(), 1);
    act(&mut b, ListIntent::Stop).unwrap();
    let before = "Not taken: you stopped it.";
    b.list_take(NOW + 2_200).unwrap();
    confirm(&mut b, NOW + 2_200).unwrap();
    b.doubt(NOW + 2_250, true);
    let revision = b.list_page(0, 0).summary.revision;
    assert!(turns(&mut b, 23, 3).is_empty());
    assert_eq!(rows(&b)[1].text, HELD);
    assert_eq!(b.list.rows()[1].left.as_deref(), Some(before), "what is kept");
    assert!(b.list_page(0, 0).summary.revision > revision, "the page is told");
    // What does not wait says nothing of it.
    assert!(rows(&b).iter().filter(|r| r.text == HELD).count() == 1);
    let key = rows(&b)[1].key;
    b.list.taking.clear();
    assert_eq!(b.list.row(key).unwrap().left.as_deref(), Some(before));
    assert_eq!(rows(&b)[1].text, before);
}

/// A price that left its limit while the connection did not answer is not taken after it.
#[test]
fn what_leaves_its_limit_in_a_stall_is_not_taken() {
    let (mut b, ids) = ready();
    take(&mut b);
    confirm(&mut b, NOW).unwrap();
    assert_eq!(b.tick(NOW + 2_200).len(), 1);
    b.doubt(NOW + 2_300, true);
    turns(&mut b, 23, 5);
    b.doubt(NOW + 2_800, false);
    quoted(&mut b, &ids[1], "SOUTH", "q9", "1.29");
    assert!(turns(&mut b, 28, 20).is_empty());
    assert!(rows(&b)[1].text.contains("beyond its limit"), "{}", rows(&b)[1].text);
}

/// What comes of the first row's accept: it says so, it is not sent again by itself, and the row
/// that was confirmed with it is taken whether it left before that or leaves after.
#[test]
fn a_row_that_comes_to_nothing_ends_itself_alone() {
    enum By {
        Gateway(AcceptRefusal),
        Dealer(&'static str),
        Desk(AcceptRefusal),
    }
    for (by, words) in [
        (By::Gateway(AcceptRefusal::Late(12)), AcceptRefusal::Late(12).to_string()),
        (By::Gateway(AcceptRefusal::TooOld(6_000)), AcceptRefusal::TooOld(6_000).to_string()),
        (By::Gateway(AcceptRefusal::Requoted), AcceptRefusal::Requoted.to_string()),
        (By::Dealer("the market moved"), "the market moved".into()),
        (By::Desk(AcceptRefusal::Late(5)), AcceptRefusal::Late(5).to_string()),
    ] {
        for before in [true, false] {
            let what = format!("{words}, before the other left: {before}");
            let (mut b, ids) = ready();
            take(&mut b);
            confirm(&mut b, NOW).unwrap();
            let first = accepts(b.tick(NOW + 2_200)).remove(0);
            let message = AppMessage::QuoteResponse(first.clone());
            let mut others = Vec::new();
            if !before {
                others = accepts(turns(&mut b, 23, 5));
            }
            let report = |dealer, why: String| ExecutionReport {
                instrument: first.instrument.clone(),
                dealer,
                text: Some(why),
                ..life_tests::report(
                    first.id.as_str(),
                    ExecType::Rejected,
                    OrdStatus::Rejected,
                    "E1",
                    "1.08",
                    0,
                )
            };
            match &by {
                By::Desk(why) => b.not_sent(&message, Problem::from(why), NOW + 2_800),
                By::Gateway(why) => {
                    b.sent_as(50, &message);
                    life_tests::say(&mut b, report(None, why.to_string()));
                }
                By::Dealer(why) => {
                    b.sent_as(50, &message);
                    life_tests::say(&mut b, report(first.dealer.clone(), (*why).into()));
                }
            }
            others.extend(accepts(turns(&mut b, 28, 30)));
            let sent: Vec<_> = others.iter().map(|r| r.rfq.clone()).collect();
            assert_eq!(sent, [Some(ids[1].clone())], "{what}");
            let rows = rows(&b);
            assert_eq!((rows[0].state, rows[1].state), (ListState::Quoted, ListState::Taking));
            let told = rows[0].text.to_lowercase();
            assert!(told.contains(&words.to_lowercase()), "{what}: {told}");
        }
    }
}

/// The gateway wants touches, and asks for one for the accept of this request.
fn touch_wanted(b: &mut Book, rfq: &RfqId) {
    let rfq = b.rfq(rfq).unwrap();
    let terms = AcceptTerms::of(&rfq.accept.as_ref().unwrap().0, &rfq.terms);
    let approval = Approval {
        gateway: "SIGNET".into(),
        desk: "ALICE".into(),
        approver: "ALICE".into(),
        action: Action::Accept(terms),
    };
    let challenge = StepUpChallenge {
        id: "c1".into(),
        reason: None,
        deadline: NOW + 30_000,
        approval: approval.text().unwrap(),
        options: "{}".into(),
    };
    assert!(b.message(AppMessage::StepUpChallenge(challenge), NOW).is_empty());
}

fn touched(b: &mut Book) {
    let status = StepUpStatus::Passed;
    let outcome = StepUpOutcome { id: "c1".into(), status, code: None, text: None, cure: None };
    b.message(AppMessage::StepUpOutcome(outcome), NOW);
}

/// Both rows within their limits are confirmed, and the first waits for a touch.
fn confirmed_and_held() -> (Book, Vec<RfqId>) {
    let (mut b, ids) = ready();
    b.connection.gateway = Some("SIGNET".into());
    b.connection.view.comp_id = Some("ALICE".into());
    b.message(life_tests::with_keys(), NOW);
    take(&mut b);
    confirm(&mut b, NOW).unwrap();
    assert_eq!(b.tick(NOW + 2_200).len(), 1);
    touch_wanted(&mut b, &ids[0]);
    (b, ids)
}

#[test]
fn while_a_touch_is_asked_for_the_next_accept_waits() {
    let (mut b, _) = confirmed_and_held();
    assert!(turns(&mut b, 23, 20).is_empty());
    assert!(rows(&b)[0].text.contains("touch"), "{}", rows(&b)[0].text);
    touched(&mut b);
    assert_eq!(turns(&mut b, 43, 20).len(), 1);
}

#[test]
fn a_row_that_is_asked_again_is_not_taken_by_the_earlier_confirmation() {
    for edited in [false, true] {
        let (mut b, ids) = confirmed_and_held();
        let ended = QuoteStatusReport::of_rfq(
            ids[1].clone(),
            b.rfq(&ids[1]).unwrap().terms.instrument.clone(),
            RfqStatus::Expired,
            None,
        );
        b.message(AppMessage::QuoteStatusReport(ended), NOW);
        turns(&mut b, 23, 1);
        let key = rows(&b)[1].key;
        match edited {
            false => act(&mut b, ListIntent::Again { key }).unwrap(),
            true => {
                let (field, text) = (ListField::Quantity, "9k".into());
                act(&mut b, ListIntent::Edit { key, field, text }).unwrap();
            }
        }
        act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
        // The same was sent before, unless it was edited.
        assert_eq!(act(&mut b, ListIntent::SendAgain).is_ok(), !edited);
        let asked = turns(&mut b, 24, 5);
        let [m @ AppMessage::QuoteRequest(q)] = &asked[..] else { panic!("{asked:?}") };
        b.sent_as(90, m);
        opened(&mut b, &q.id, "GBP/USD");
        quoted(&mut b, &q.id, "SOUTH", "q9", "1.3");
        touched(&mut b);
        assert!(turns(&mut b, 30, 20).is_empty(), "nobody confirmed this request");
        assert_eq!(states(&b)[1], ListState::Quoted);
    }
}

#[test]
fn a_disputed_trade_is_not_asked_again_and_a_bust_reaches_its_row() {
    let (mut b, _) = ready();
    take(&mut b);
    confirm(&mut b, NOW).unwrap();
    let mut all = accepts(b.tick(NOW + 2_200));
    all.extend(accepts(turns(&mut b, 23, 10)));
    for (n, r) in all.iter().enumerate() {
        b.sent_as(50 + n as u64, &AppMessage::QuoteResponse(r.clone()));
    }
    let report = |r: &QuoteResponse, dealer: &str, size: Decimal, kind, status, id: &str| {
        let report = life_tests::report(r.id.as_str(), kind, status, id, "1.08", 0);
        ExecutionReport {
            side: r.side,
            instrument: r.instrument.clone(),
            dealer: Some(DealerId::new(dealer).unwrap()),
            last: Some(Level { price: r.price, size }),
            cum_qty: size,
            ..report
        }
    };
    let (trade, filled) = (ExecType::Trade, OrdStatus::Filled);
    let (one, two) = (all[0].clone(), all[1].clone());
    life_tests::say(&mut b, report(&one, "NORTH", one.quantity, trade, filled, "E1"));
    life_tests::say(
        &mut b,
        report(&two, "SOUTH", two.quantity + Decimal::ONE, trade, filled, "E2"),
    );
    turns(&mut b, 40, 1);
    assert_eq!(states(&b)[0], ListState::Done);
    assert!(rows(&b)[1].text.starts_with("Disputed"), "{}", rows(&b)[1].text);
    let bust = ExecutionReport {
        exec_ref: Some("E1".into()),
        cum_qty: Decimal::ZERO,
        ..report(&one, "NORTH", one.quantity, ExecType::TradeCancel, OrdStatus::Cancelled, "E3")
    };
    life_tests::say(&mut b, bust);
    turns(&mut b, 41, 1);
    assert!(rows(&b)[0].text.contains("ancelled"), "{}", rows(&b)[0].text);
    // Its time is over, and still nobody may ask for the same once more.
    turns(&mut b, 900, 1);
    let key = rows(&b)[1].key;
    assert_eq!(act(&mut b, ListIntent::Again { key }), Err("list.settled".into()));
}

#[test]
fn stopping_ends_what_was_confirmed() {
    let (mut b, _) = ready();
    take(&mut b);
    confirm(&mut b, NOW).unwrap();
    assert_eq!(b.tick(NOW + 2_200).len(), 1);
    act(&mut b, ListIntent::Stop).unwrap();
    assert!(turns(&mut b, 23, 10).is_empty());
    assert_eq!(rows(&b)[1].text, "Not taken: you stopped it.");
}

#[test]
fn without_a_row_within_its_limit_there_is_nothing_to_confirm() {
    let mut b = book();
    let ids = sent(&mut b, "buy,eurusd,5k,,,1.07");
    quoted(&mut b, &ids[0], "NORTH", "q1", "1.08");
    turns(&mut b, 20, 1);
    assert_eq!(b.list_take(NOW).unwrap_err().code, "list.nothing_within");
    assert_eq!(confirm(&mut b, NOW), Err("accept.not_armed".into()));
}

#[test]
fn closing_the_confirmation_sends_nothing() {
    let (mut b, _) = ready();
    take(&mut b);
    act(&mut b, ListIntent::Leave).unwrap();
    assert_eq!(confirm(&mut b, NOW), Err("accept.not_armed".into()));
    assert!(turns(&mut b, 21, 10).is_empty());
}
