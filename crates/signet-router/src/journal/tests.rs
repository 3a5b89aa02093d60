use super::{
    record::{ACCEPT, DEALER, DESK, END, KINDS, NOT_SENT, REQUEST, TAKE_OVER, TIME_UP},
    *,
};
use crate::{DealerSettings, DeskSettings, Doing, Output, router::counted};
use proptest::prelude::*;
use rust_decimal::Decimal;
use signet_fix::message::*;
use signet_identity::CompId;
use signet_rfq::{
    AcceptId, AcceptState, Ask, Catalogue, Instrument, InstrumentId, Level, LineState, QuoteId,
    RfqState, Side, test_double::eur_usd,
};
use std::collections::BTreeSet;

const T0: UtcMillis = UtcMillis(1_795_219_200_000);
/// Ended RFQs without a trade are forgotten after a quarter of an hour.
const LATER: UtcMillis = UtcMillis(T0.0 + 20 * 60_000);

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

fn desk() -> CompId {
    CompId::new("ALICE").unwrap()
}

fn dealer() -> DealerId {
    DealerId::new("N").unwrap()
}

fn router() -> Router {
    router_with(1_000_000, true, &[], &["N", "E"])
}

/// A gateway of another day: its largest quantity, whether the pair is still traded, whom ALICE may
/// ask, and which dealers there are.
fn router_with(max_quantity: i64, traded: bool, may_ask: &[&str], dealers: &[&str]) -> Router {
    let pair = Instrument { max_quantity: max_quantity.into(), ..eur_usd() };
    let named = |d: &&str| DealerId::new(*d).unwrap();
    let desks =
        [DeskSettings { id: desk(), dealers: may_ask.iter().map(named).collect::<BTreeSet<_>>() }];
    let dealers = dealers.iter().map(|d| DealerSettings {
        id: named(d),
        name: (*d).into(),
        counters: true,
        parts: false,
    });
    let instruments = traded.then_some(pair);
    let catalogue = Catalogue::new(instruments).unwrap();
    Router::new("Venue".into(), false, catalogue, desks, dealers, counted())
}

fn opened(dir: &tempfile::TempDir, router: &mut Router) -> Journal {
    Journal::open(&dir.path().join("rfqs.journal"), &key(), router, OnBadRecord::Stop).unwrap()
}

/// Asks and cancels `count` times, each written down.
fn trade(journal: &mut Journal, router: &mut Router, from: usize, count: usize, at: UtcMillis) {
    for n in from..from + count {
        let id = RfqId::new(format!("R{n}")).unwrap();
        let request = AppMessage::QuoteRequest(QuoteRequest {
            min_quantity: None,
            price_type: signet_rfq::PriceType::Price,
            legs: vec![],
            id: id.clone(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            ask: Ask::Buy,
            quantity: 1_000.into(),
            currency: "EUR".into(),
            settlement_date: "20261124".into(),
            dealers: vec![dealer()],
            expires: at + 60_000,
            at,
        });
        for message in [request, AppMessage::RfqCancel { rfq: id, text: None }] {
            let input = Input::FromDesk(desk(), message);
            let input = journal.record(at, input, router).unwrap();
            router.handle(at, input);
        }
    }
}

#[test]
fn what_is_forgotten_leaves_the_file_and_what_is_not_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut r = router();
    let mut journal = Journal::open(&path, &key(), &mut r, OnBadRecord::Stop).unwrap();
    trade(&mut journal, &mut r, 0, 100, T0);
    journal.look_at = journal.log.len();
    r.handle(LATER, Input::Tick);
    trade(&mut journal, &mut r, 100, 3, LATER);
    let full = journal.log.len();
    journal.tidy(&r).unwrap();
    assert!(journal.log.len() * 10 < full, "{} of {full}", journal.log.len());
    assert_eq!((journal.records.len(), journal.look_at), (3, REWRITE_ABOVE_BYTES));
    drop(journal);
    let mut again = router();
    Journal::open(&path, &key(), &mut again, OnBadRecord::Stop).unwrap();
    let known = |n: usize| again.remembers(&RfqId::new(format!("ALICE.R{n}")).unwrap());
    assert_eq!([99, 100, 102].map(known), [false, true, true]);
}

/// The disk of the evidence is full: a look goes over every record, on the trading thread.
#[test]
fn a_rewrite_that_cannot_be_announced_is_not_tried_at_every_tick() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = router();
    let mut journal = opened(&dir, &mut r);
    trade(&mut journal, &mut r, 0, 100, T0);
    journal.look_at = journal.log.len();
    r.handle(LATER, Input::Tick);
    let full = journal.log.len();
    let mut asked = 0;
    for _ in 0..3 {
        let refuse = |_: &[&[u8]]| {
            asked += 1;
            false
        };
        journal.tidy_announced(&r, refuse).unwrap();
    }
    assert_eq!((asked, journal.log.len()), (1, full));
    journal.unannounced = Instant::now().checked_sub(ANNOUNCE_AGAIN);
    journal.tidy(&r).unwrap();
    assert!(journal.log.len() < full / 2);
}

/// RFQs are kept apart in memory; on disk their records stay in the order in which they took
/// effect.
#[test]
fn a_rewritten_file_has_its_records_in_the_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut g = Gateway::start(&path, router());
    trade(&mut g.journal, &mut g.router, 0, 200, T0 - 24 * 3_600_000);
    for (n, id) in ["S9", "S1", "S5"].into_iter().enumerate() {
        g.desk(n as i64, request(id, 1_000, 0));
    }
    for (n, id) in ["S5", "S9", "S1"].into_iter().enumerate() {
        g.dealer(10 + n as i64, "N", quote(id, "q", "1.08", 1_000));
    }
    g.router.handle(T0 + 20, Input::Tick);
    let full = g.journal.log.len();
    g.journal.look_at = full;
    g.journal.tidy(&g.router).unwrap();
    assert!(g.journal.log.len() < full / 2, "{} of {full}", g.journal.log.len());
    drop(g);
    let (_, kept) = SealedLog::open(&path, &key()).unwrap();
    let order: Vec<i64> = kept.records.iter().map(|r| decode(r).unwrap().0.since(T0)).collect();
    assert_eq!(order, [0, 1, 2, 10, 11, 12]);
}

#[test]
fn a_file_that_is_still_needed_is_looked_at_again_only_when_it_has_grown() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = router();
    let mut journal = opened(&dir, &mut r);
    trade(&mut journal, &mut r, 0, 100, T0);
    journal.look_at = journal.log.len();
    journal.tidy(&r).unwrap();
    let full = journal.log.len();
    assert_eq!(journal.look_at, full + full / 4);
    // All of it could go now, and does once the file has grown by a quarter.
    r.handle(LATER, Input::Tick);
    journal.tidy(&r).unwrap();
    assert_eq!((journal.log.len(), journal.records.len()), (full, 100));
    trade(&mut journal, &mut r, 100, 30, LATER);
    journal.tidy(&r).unwrap();
    assert!(journal.log.len() < full / 2);
}

#[test]
fn a_desk_that_fills_its_part_of_the_journal_waits_and_others_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = router();
    let mut journal = opened(&dir, &mut r);
    trade(&mut journal, &mut r, 0, 5, T0);
    let mut journal = journal.with_limits(JournalLimits { total: u64::MAX, per_desk: 500 });
    let rfq = |who: &str| RfqId::new(format!("{who}.R1")).unwrap();
    assert!(journal.size.desks["ALICE"] >= 500);
    assert!(matches!(
        journal.has_room(&rfq("ALICE"), &r),
        Err(JournalError::Full { of_all: false })
    ));
    assert!(journal.has_room(&rfq("BOB"), &r).is_ok());
    journal.limits.total = 100;
    assert!(matches!(journal.has_room(&rfq("BOB"), &r), Err(JournalError::Full { of_all: true })));
    // What is forgotten makes room.
    r.handle(LATER, Input::Tick);
    journal.purged = Some(Instant::now());
    assert!(
        journal.has_room(&rfq("ALICE"), &r).is_err(),
        "looked a moment ago: a full journal costs no look at every request"
    );
    for before in [None, Instant::now().checked_sub(PURGE_AGAIN)] {
        journal.purged = before;
        journal.size.total = 100;
        assert!(
            journal.has_room(&rfq("ALICE"), &r).is_ok() && journal.size.total == 0,
            "{before:?}"
        );
    }
}

#[test]
fn a_dealers_next_quote_takes_the_place_of_its_last() {
    let (n, e) = (|| DealerId::new("N").unwrap(), || DealerId::new("E").unwrap());
    let record = |about: &About| Record { number: 0, bytes: vec![], about: about.clone() };
    for (before, want) in [
        (&[][..], None),
        (&[About::Own], None),
        (&[About::Own, About::Quote(n())], Some(1)),
        // What others said in between changes nothing for it.
        (&[About::Own, About::Quote(n()), About::Quote(e()), About::OtherOfDealer(e())], Some(1)),
        // It was withdrawn, or accepted, or the RFQ was ended, in between.
        (&[About::Own, About::Quote(n()), About::OtherOfDealer(n())], None),
        (&[About::Own, About::Quote(n()), About::Own], None),
    ] {
        let records: Vec<Record> = before.iter().map(record).collect();
        assert_eq!(replaced_by(&About::Quote(n()), &records), want, "{before:?}");
        assert_eq!(replaced_by(&About::OtherOfDealer(n()), &records), None);
    }
}

/// A gateway with its journal: what goes in is written down first, as in `Core`.
struct Gateway {
    journal: Journal,
    router: Router,
}

impl Gateway {
    fn start(path: &Path, mut router: Router) -> Self {
        let journal = Journal::open(path, &key(), &mut router, OnBadRecord::Stop).unwrap();
        for d in ["N", "E"] {
            router.handle(T0, Input::DealerUp(DealerId::new(d).unwrap()));
        }
        router.handle(T0, Input::DeskUp(desk()));
        Self { journal, router }
    }

    fn take(&mut self, at: i64, input: Input) -> Vec<Output> {
        let input = self.journal.record(T0 + at, input, &self.router).unwrap();
        self.router.handle(T0 + at, input)
    }

    fn desk(&mut self, at: i64, m: AppMessage) -> Vec<Output> {
        self.take(at, Input::FromDesk(desk(), m))
    }

    fn dealer(&mut self, at: i64, who: &str, m: AppMessage) -> Vec<Output> {
        self.take(at, Input::FromDealer(DealerId::new(who).unwrap(), m))
    }

    fn doing(&self, at: i64) -> Doing {
        self.router.doing(&desk(), T0 + at)
    }
}

fn request(id: &str, quantity: i64, at: i64) -> AppMessage {
    AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new(id).unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        ask: Ask::Buy,
        quantity: quantity.into(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![dealer(), DealerId::new("E").unwrap()],
        expires: T0 + at + 60_000,
        at: T0 + at,
    })
}

fn quote(rfq: &str, id: &str, price: &str, size: i64) -> AppMessage {
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: RfqId::new(format!("ALICE.{rfq}")).unwrap(),
        id: QuoteId::new(id).unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        dealer: None,
        bid: None,
        offer: Some(Level { price: price.parse().unwrap(), size: size.into() }),
        valid_until: T0 + 30_000,
        tradeable: true,
        at: T0,
        qualifiers: Default::default(),
    })
}

fn hit(rfq: &str, id: &str, quote: &str, price: &str, quantity: i64, at: i64) -> AppMessage {
    AppMessage::QuoteResponse(QuoteResponse {
        text: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: AcceptId::new(id).unwrap(),
        response: Response::HitOrLift,
        rfq: Some(RfqId::new(rfq).unwrap()),
        quote: QuoteId::new(quote).unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        dealer: Some(dealer()),
        side: Side::Buy,
        quantity: quantity.into(),
        price: price.parse().unwrap(),
        currency: Some("EUR".into()),
        settlement_date: Some("20261124".into()),
        deadline: Some(T0 + at + 2_000),
        at: T0 + at,
        limit: None,
    })
}

fn fill(accept: &str, price: &str, quantity: i64) -> AppMessage {
    AppMessage::ExecutionReport(ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "O".into(),
        exec_id: format!("E-{accept}"),
        exec_ref: None,
        accept: AcceptId::new(format!("ALICE.{accept}")).unwrap(),
        exec_type: ExecType::Trade,
        status: OrdStatus::Filled,
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        dealer: None,
        side: Side::Buy,
        last: Some(Level { price: price.parse().unwrap(), size: quantity.into() }),
        cum_qty: quantity.into(),
        leaves_qty: 0.into(),
        avg_px: price.parse().unwrap(),
        settlement_date: None,
        currency: None,
        disputed: false,
        price: None,
        reject_reason: None,
        text: None,
        at: T0,
    })
}

fn status(accept: &str) -> AppMessage {
    AppMessage::OrderStatusRequest(OrderStatusRequest {
        accept: AcceptId::new(accept).unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        side: Side::Buy,
        dealer: None,
        sent: None,
    })
}

fn told(out: &[Output]) -> Option<(OrdStatus, Decimal, Option<Decimal>)> {
    out.iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::ExecutionReport(e)) => {
            Some((e.status, e.cum_qty, e.last.map(|l| l.price)))
        }
        _ => None,
    })
}

/// R1 is filled, R2 has an accept in flight, R3 is open, and one request was refused.
fn a_day(path: &Path) -> Gateway {
    let mut g = Gateway::start(path, router());
    for (rfq, quantity) in [("R1", 500_000), ("R2", 300_000), ("R3", 200_000)] {
        g.desk(0, request(rfq, quantity, 0));
        g.dealer(100, "N", quote(rfq, &format!("q{rfq}"), "1.08", quantity));
    }
    g.desk(0, request("TOO-LARGE", 2_000_000, 0));
    g.desk(200, hit("R1", "R1:1", "qR1", "1.08", 500_000, 200));
    g.dealer(300, "N", fill("R1:1", "1.08", 500_000));
    g.desk(400, hit("R2", "R2:1", "qR2", "1.08", 300_000, 400));
    g
}

/// A dealer that streams prices into one RFQ leaves its last one; what happened between two quotes
/// keeps both.
#[test]
fn the_journal_keeps_the_last_of_the_quotes_that_follow_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = Gateway::start(&dir.path().join("rfqs.journal"), router());
    g.desk(0, request("R1", 1_000, 0));
    let kept = |g: &Gateway| g.journal.records.values().map(Vec::len).sum::<usize>();
    let request_only = kept(&g);
    for n in 0..50 {
        g.dealer(10 + n, "N", quote("R1", &format!("n{n}"), "1.08", 1_000));
    }
    assert_eq!(kept(&g), request_only + 1);
    // What another dealer says in between changes nothing for it.
    g.dealer(70, "E", quote("R1", "e1", "1.09", 1_000));
    let of = |quote: &str| QuoteCancel {
        rfq: Some(RfqId::new("ALICE.R1").unwrap()),
        quote: Some(QuoteId::new(quote).unwrap()),
        instrument: None,
        dealer: None,
        unreachable: false,
    };
    g.dealer(80, "E", AppMessage::QuoteCancel(of("e1")));
    g.dealer(90, "N", quote("R1", "n49", "1.081", 1_000));
    let request_only = request_only + 2;
    assert_eq!(kept(&g), request_only + 1);
    g.dealer(100, "N", AppMessage::QuoteCancel(of("n49")));
    g.dealer(110, "N", quote("R1", "n50", "1.08", 1_000));
    g.dealer(120, "N", quote("R1", "n51", "1.08", 1_000));
    assert_eq!(
        kept(&g),
        request_only + 3,
        "the quote before the withdrawal, the withdrawal, the newest quote"
    );
    g.desk(130, hit("R1", "R1:1", "n51", "1.08", 1_000, 130));
    g.dealer(140, "N", quote("R1", "n52", "1.08", 1_000));
    assert_eq!(kept(&g), request_only + 5, "the quote that was accepted stays");
    // What was replaced no longer counts against the limits.
    let bytes: usize = g.journal.records.values().flatten().map(|r| r.bytes.len()).sum();
    assert_eq!((g.journal.size.total, g.journal.size.desks["ALICE"]), (bytes as u64, bytes as u64));
}

#[test]
fn a_restart_with_other_settings_changes_nothing_of_what_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut before = a_day(&path);
    let (doing, pairs) = (before.doing(500), before.router.traded_pairs());
    let filled = told(&before.desk(500, status("R1:1")));
    assert_eq!(filled, Some((OrdStatus::Filled, 500_000.into(), Some("1.08".parse().unwrap()))));
    drop(before);
    for (what, other) in [
        ("as before", router()),
        ("the instrument is gone", router_with(1_000_000, false, &[], &["N", "E"])),
        ("the largest quantity is smaller", router_with(1_000, true, &[], &["N", "E"])),
        ("ALICE may ask E only", router_with(1_000_000, true, &["E"], &["N", "E"])),
        ("N is gone", router_with(1_000_000, true, &[], &["E"])),
        (
            "ALICE and everything is gone",
            Router::new("V".into(), false, Catalogue::new([]).unwrap(), [], [], counted()),
        ),
    ] {
        let copy = dir.path().join(format!("{}.journal", what.replace(' ', "-")));
        std::fs::copy(&path, &copy).unwrap();
        let mut g = Gateway::start(&copy, other);
        let now = g.doing(500);
        // Without the dealer of its accept in flight the RFQ has ended, and counts for the day.
        let without_n = what == "N is gone" || what.starts_with("ALICE and");
        let open = doing.open_rfqs - usize::from(without_n);
        assert_eq!((now.open_rfqs, now.outstanding == doing.outstanding), (open, !without_n));
        assert_eq!(
            (now.day, now.trades_today, g.router.traded_pairs()),
            (doing.day.clone(), doing.trades_today, pairs.clone()),
            "{what}"
        );
        assert!(!g.router.remembers(&RfqId::new("ALICE.TOO-LARGE").unwrap()), "{what}");
        if what.starts_with("ALICE and") {
            continue;
        }
        assert_eq!(told(&g.desk(600, status("R1:1"))), filled, "{what}");
        assert_eq!(told(&g.desk(600, status("R2:1"))).map(|t| t.0), Some(OrdStatus::New), "{what}");
        if what == "N is gone" {
            continue;
        }
        // The answer to the accept in flight is the trade it was agreed to be.
        let out = g.dealer(700, "N", fill("R2:1", "1.08", 300_000));
        assert_eq!(
            told(&out),
            Some((OrdStatus::Filled, 300_000.into(), Some("1.08".parse().unwrap()))),
            "{what}"
        );
        assert_eq!(g.doing(700).trades_today, 2, "{what}");
        // The terms of an accept in flight are told a desk that has lost its own.
        let again = g.take(800, Input::DeskUp(desk()));
        assert!(
            !again.iter().any(|o| matches!(o, Output::ToDesk(_, AppMessage::QuoteStatusReport(_)))),
            "{what}: nothing stale"
        );
    }
}

fn declines(accept: &str) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: "AJ".into(),
        ref_id: Some(format!("ALICE.{accept}")),
        reason: 0,
        text: None,
    })
}

fn end(rfq: &str) -> Decided {
    Decided::End { rfq: RfqId::new(rfq).unwrap(), text: "withdrawn".into() }
}

/// The desk was told that its time is up.
#[test]
fn an_rfq_that_time_has_ended_stays_so_when_the_clock_is_set_back_and_the_gateway_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut g = Gateway::start(&path, router());
    for id in ["R1", "R2"] {
        g.desk(0, request(id, 1_000, 0));
    }
    let before = g.journal.log.len();
    let state = |g: &Gateway, id: &str| {
        let id = RfqId::new(format!("ALICE.{id}")).unwrap();
        g.router.dump().into_iter().find(|(rfq, _)| *rfq == id).map(|(_, rfq)| rfq.state)
    };
    g.take(59_999, Input::Tick);
    assert_eq!(g.journal.log.len(), before, "nothing ended");
    g.take(60_000, Input::Tick);
    let ended = g.journal.log.len();
    assert!(ended > before);
    g.take(60_100, Input::Tick);
    assert_eq!(g.journal.log.len(), ended, "once for both");
    drop(g);
    let mut g = Gateway::start(&path, router());
    assert_eq!(g.router.last_tick(), Some(T0 + 60_000));
    g.take(30_000, Input::Tick);
    for id in ["R1", "R2"] {
        assert_eq!(state(&g, id), Some(RfqState::Expired), "{id}");
    }
}

/// The desk was cut off while its accept was with the dealer.
#[test]
fn an_end_that_waits_for_an_answer_is_not_forgotten_by_a_restart() {
    for declined in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rfqs.journal");
        let mut g = Gateway::start(&path, router());
        g.desk(0, request("R1", 1_000, 0));
        g.dealer(100, "N", quote("R1", "n1", "1.08", 1_000));
        g.desk(200, hit("R1", "R1:1", "n1", "1.08", 1_000, 200));
        g.take(300, Input::Decided(desk(), end("R1")));
        assert!(g.router.is_ending(&desk(), &RfqId::new("R1").unwrap()));
        drop(g);
        let mut g = Gateway::start(&path, router());
        assert!(g.router.is_ending(&desk(), &RfqId::new("R1").unwrap()));
        let answer = if declined { declines("R1:1") } else { fill("R1:1", "1.08", 1_000) };
        g.dealer(400, "N", answer);
        let want = if declined { RfqState::Cancelled } else { RfqState::Done };
        for _ in 0..2 {
            let all = g.router.dump();
            assert_eq!(all.iter().map(|(_, rfq)| rfq.state).collect::<Vec<_>>(), [want]);
            drop(g);
            g = Gateway::start(&path, router());
        }
    }
}

/// The disk was full when an accept did not reach its dealer, and not when the next one traded.
#[test]
fn a_trade_is_not_lost_by_an_end_that_is_not_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut g = Gateway::start(&path, router());
    g.desk(0, request("R1", 1_000, 0));
    g.dealer(100, "N", quote("R1", "n1", "1.08", 1_000));
    let sent = g.desk(200, hit("R1", "R1:1", "n1", "1.08", 1_000, 200));
    let unsent = sent.into_iter().find_map(|o| match o {
        Output::ToDealer(d, m) => Some(Input::NotSentToDealer(d, m)),
        _ => None,
    });
    g.router.handle(T0 + 210, unsent.unwrap());
    g.desk(300, hit("R1", "R1:2", "n1", "1.08", 1_000, 300));
    g.dealer(400, "N", fill("R1:2", "1.08", 1_000));
    let filled = told(&g.desk(500, status("R1:2")));
    assert_eq!(filled.map(|t| t.0), Some(OrdStatus::Filled));
    let doing = g.doing(500);
    drop(g);
    let mut g = Gateway::start(&path, router());
    assert_eq!(told(&g.desk(600, status("R1:2"))), filled);
    let first = told(&g.desk(600, status("R1:1")));
    assert_eq!(first.map(|t| t.0), Some(OrdStatus::Rejected));
    assert_eq!(g.doing(600), doing);
}

/// A restart between any two reports of one accept; the last one may not have been written, as by
/// an earlier gateway, which wrote no report that added nothing.
#[test]
fn a_partly_executed_accept_counts_the_same_after_a_restart() {
    let of = |exec: &str, (kind, status), last: Option<i64>, cum: i64, leaves: i64| {
        let AppMessage::ExecutionReport(e) = fill("R1:1", "1.08", cum) else { unreachable!() };
        let price = "1.08".parse().unwrap();
        AppMessage::ExecutionReport(ExecutionReport {
            exec_id: exec.into(),
            exec_type: kind,
            status,
            last: last.map(|size| Level { price, size: size.into() }),
            leaves_qty: leaves.into(),
            ..e
        })
    };
    let day = |g: &Gateway| g.doing(900).day.get("EUR").copied();
    let part = (ExecType::Trade, OrdStatus::PartiallyFilled);
    let rest = of("E2", (ExecType::Trade, OrdStatus::Filled), Some(300_000), 500_000, 0);
    let end = of("E2", (ExecType::Cancelled, OrdStatus::Cancelled), None, 200_000, 0);
    for (what, last, written, before, after) in [
        ("the rest", rest, true, 500_000, 500_000),
        ("its end", end.clone(), true, 200_000, 200_000),
        ("its end, not written", end, false, 200_000, 500_000),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rfqs.journal");
        let mut g = Gateway::start(&path, router());
        g.desk(0, request("R1", 500_000, 0));
        g.dealer(100, "N", quote("R1", "q1", "1.08", 500_000));
        g.desk(200, hit("R1", "R1:1", "q1", "1.08", 500_000, 200));
        g.dealer(300, "N", of("E1", part, Some(200_000), 200_000, 300_000));
        assert_eq!(day(&g), Some(500_000.into()), "{what}: the rest may come");
        drop(g);
        let mut g = Gateway::start(&path, router());
        assert_eq!(day(&g), Some(500_000.into()), "{what}: the rest may come");
        if written {
            g.dealer(400, "N", last);
        } else {
            g.router.handle(T0 + 400, Input::FromDealer(dealer(), last));
        }
        assert_eq!(day(&g), Some(before.into()), "{what}");
        drop(g);
        let g = Gateway::start(&path, router());
        assert_eq!(day(&g), Some(after.into()), "{what}: after the restart");
    }
}

#[test]
fn after_a_restart_a_desk_hears_of_trades_and_of_nothing_stale() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    drop(a_day(&path));
    let mut r = router();
    Journal::open(&path, &key(), &mut r, OnBadRecord::Stop).unwrap();
    let out = r.handle(T0 + 500, Input::DeskUp(desk()));
    let told = out.iter().filter_map(|o| if let Output::ToDesk(_, m) = o { Some(m) } else { None });
    // The state of the accept in flight belongs to the snapshot of its RFQ.
    let reports: Vec<&AppMessage> = told
        .filter(|m| match m {
            AppMessage::ExecutionReport(e) => e.exec_type != ExecType::Status,
            AppMessage::QuoteStatusReport(_) => true,
            _ => false,
        })
        .collect();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(
        matches!(reports[0], AppMessage::ExecutionReport(e) if e.accept.as_str() == "R1:1" && e.exec_type == ExecType::Trade)
    );
    // The accept in flight, in the words in which it was sent.
    let accept = out.iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::QuoteResponse(r)) => {
            Some((r.id.to_string(), r.price, r.quantity, r.quote.to_string()))
        }
        _ => None,
    });
    assert_eq!(
        accept,
        Some(("R2:1".into(), "1.08".parse().unwrap(), 300_000.into(), "qR2".into()))
    );
}

/// A last look is not an answer: the snapshot says how the accept stands.
#[test]
fn after_a_restart_a_desk_hears_no_report_of_work_in_progress() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut g = Gateway::start(&path, router());
    g.desk(0, request("R1", 1_000, 0));
    g.dealer(10, "N", quote("R1", "n1", "1.08", 1_000));
    g.desk(20, hit("R1", "R1:1", "n1", "1.08", 1_000, 20));
    let AppMessage::ExecutionReport(e) = fill("R1:1", "1.08", 1_000) else { unreachable!() };
    let looking = ExecutionReport {
        exec_type: ExecType::PendingNew,
        status: OrdStatus::PendingNew,
        last: None,
        cum_qty: Decimal::ZERO,
        leaves_qty: Decimal::ZERO,
        ..e
    };
    g.dealer(30, "N", AppMessage::ExecutionReport(looking));
    drop(g);
    let mut r = router();
    Journal::open(&path, &key(), &mut r, OnBadRecord::Stop).unwrap();
    let out = r.handle(T0 + 500, Input::DeskUp(desk()));
    let after = out
        .iter()
        .skip_while(|o| !matches!(o, Output::ToDesk(_, AppMessage::Snapshot(SnapshotMark::End))))
        .skip(1);
    let reports: Vec<_> =
        after.filter(|o| matches!(o, Output::ToDesk(_, AppMessage::ExecutionReport(_)))).collect();
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn a_number_with_a_point_first_does_not_keep_the_gateway_down() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut g = Gateway::start(&path, router());
    g.desk(0, request("R1", 500_000, 0));
    let long = "-.1234567890123456789012345678";
    assert!(signet_fix::tagvalue::parse_decimal(long.as_bytes()).is_some());
    for price in [long, ".1234567890123456789012345678", "0.0000000000000000000000000001"] {
        let price = signet_fix::tagvalue::parse_decimal(price.as_bytes()).unwrap();
        g.dealer(100, "N", quote("R1", "q1", &price.to_string(), 500_000));
        g.desk(200, hit("R1", "R1:1", "q1", &price.to_string(), 500_000, 200));
    }
    drop(g);
    Gateway::start(&path, router());
}

#[test]
fn a_record_that_cannot_be_read_is_named_and_never_lost_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut g = a_day(&path);
    let mut bad = vec![DEALER];
    bad.extend_from_slice(&T0.0.to_le_bytes());
    bad.push(1);
    bad.extend_from_slice(b"Nnonsense");
    g.journal.log.append(&bad).unwrap();
    g.dealer(700, "N", fill("R2:1", "1.08", 300_000));
    drop(g);
    let before = std::fs::read(&path).unwrap();
    let refused = Journal::open(&path, &key(), &mut router(), OnBadRecord::Stop).unwrap_err();
    let text = refused.to_string();
    for part in ["record 9", "for N", "20261121", "on_bad_record", "rfqs.journal.set-aside"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before, "nothing was changed");
    for start in 0..2 {
        let mut r = router();
        let journal = Journal::open(&path, &key(), &mut r, OnBadRecord::SetAside).unwrap();
        assert_eq!(r.doing(&desk(), T0 + 800).trades_today, 2, "what comes after it is read");
        drop(journal);
        let (_, kept) = SealedLog::open(&aside(&path), &key()).unwrap();
        assert_eq!(
            kept.records.iter().map(|r| r.to_vec()).collect::<Vec<_>>(),
            [bad.clone()],
            "{start}"
        );
    }
    Journal::open(&path, &key(), &mut router(), OnBadRecord::Stop).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    /// Whatever a desk or a dealer sends: what is written down is read again at the next start, and
    /// makes the same state.
    #[test]
    fn whatever_was_said_the_next_start_makes_the_same_state(
        steps in prop::collection::vec((0u8..9, 0u8..3, "-?[0-9]{0,9}[.]?[0-9]{0,28}", "[ -~]{0,20}", 0i64..3_000), 1..40)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rfqs.journal");
        let mut g = Gateway::start(&path, router());
        let mut at = 0;
        for (what, n, number, text, dt) in steps {
            at += dt;
            let Some(price) = signet_fix::tagvalue::parse_decimal(number.as_bytes()) else { continue };
            g.router.handle(T0 + at, Input::Tick);
            let (rfq, price) = (format!("R{n}"), price.to_string());
            let id = format!("{rfq}:1");
            match what {
                0 | 1 => drop(g.desk(at, request(&rfq, 500_000, at))),
                2 | 3 => drop(g.dealer(at, "N", quote(&rfq, &format!("q{n}"), &price, 500_000))),
                4 => drop(g.desk(at, hit(&rfq, &id, &format!("q{n}"), &price, 500_000, at))),
                5 => drop(g.dealer(at, "N", fill(&id, &price, 500_000))),
                6 => {
                    let id = RfqId::new(rfq).unwrap();
                    g.desk(at, AppMessage::RfqCancel { rfq: id, text: Some(text) });
                }
                7 => {
                    let reject = QuoteRequestReject {
                        rfq: RfqId::new(format!("ALICE.{rfq}")).unwrap(),
                        reason: 99,
                        instrument: InstrumentId::new("EUR/USD").unwrap(),
                        dealer: None,
                        text: Some(text), advice: None };
                    g.dealer(at, "E", AppMessage::QuoteRequestReject(reject));
                }
                _ => {
                    let ref_id = Some(format!("ALICE.{id}"));
                    let j = BusinessReject { ref_seq_num: None, ref_msg_type: "AJ".into(), ref_id, reason: 0, text: Some(text) };
                    g.dealer(at, "N", AppMessage::BusinessReject(j));
                }
            }
        }
        g.router.handle(T0 + at, Input::Tick);
        let (state, doing) = (g.router.dump_without_dealers(T0 + at), g.doing(at));
        drop(g);
        let mut again = Gateway::start(&path, router_with(1, false, &["E"], &["E"]));
        again.router.handle(T0 + at, Input::Tick);
        prop_assert_eq!(again.doing(at), doing);
        prop_assert_eq!(again.router.dump(), state);
    }
}

/// `tests/fixtures/journal-1.log` was written by Signet 0.1 (commit c07a2fe): two RFQs asked and
/// cancelled, and R9 asked and quoted.
#[test]
fn a_journal_of_every_earlier_format_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    std::fs::write(&path, include_bytes!("../../tests/fixtures/journal-1.log")).unwrap();
    for _ in 0..2 {
        let mut again = router();
        Journal::open(&path, &key(), &mut again, OnBadRecord::Stop).unwrap();
        let known = |n: &str| again.remembers(&RfqId::new(format!("ALICE.{n}")).unwrap());
        assert_eq!(["R0", "R1", "R9", "R2"].map(known), [true, true, true, false]);
    }
}

#[test]
fn no_changed_bit_of_a_journal_is_read_as_something_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut r = router();
    let mut journal = Journal::open(&path, &key(), &mut r, OnBadRecord::Stop).unwrap();
    trade(&mut journal, &mut r, 0, 1, T0);
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bad).unwrap();
        let opened = Journal::open(&path, &key(), &mut router(), OnBadRecord::Stop);
        assert!(
            matches!(&opened, Err(JournalError::Log(e)) if e.is_damage()),
            "byte {at}: {opened:?}"
        );
    }
}

/// Every kind of record is read again as what it was.
#[test]
fn every_kind_of_input_that_is_written_is_read_again() {
    let AppMessage::QuoteRequest(q) = request("R1", 1_000, 0) else { unreachable!() };
    let AppMessage::QuoteResponse(a) = hit("R1", "R1:1", "n1", "1.08", 1_000, 5) else {
        unreachable!()
    };
    let of_desk = |m| Input::FromDesk(desk(), m);
    let id = |n: &str| RfqId::new(n).unwrap();
    let taken = TakeOver { rfq: id("B1"), desk: desk(), of: id("R1"), at: T0 };
    let mut kinds = BTreeSet::new();
    for input in [
        of_desk(AppMessage::RfqCancel { rfq: RfqId::new("R1").unwrap(), text: None }),
        Input::FromDealer(dealer(), quote("R1", "n1", "1.08", 1_000)),
        Input::NotSentToDealer(dealer(), AppMessage::QuoteRequest(q.clone())),
        Input::Decided(desk(), Decided::Request(q)),
        Input::Decided(desk(), Decided::Accept(a)),
        Input::Decided(desk(), Decided::TakeOver(taken)),
        Input::Decided(desk(), end("R1")),
        Input::Decided(desk(), Decided::TimeUp(RfqId::new("R1").unwrap())),
    ] {
        let record =
            encode(T0, &input, None).unwrap_or_else(|| panic!("{input:?} cannot be written"));
        kinds.insert(record[0]);
        let (at, read) = decode(&record).unwrap_or_else(|| panic!("{input:?} cannot be read"));
        assert_eq!((at, encode(at, &read, None)), (T0, Some(record)), "{input:?}");
        assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&input));
    }
    assert_eq!(kinds, BTreeSet::from(KINDS));
    // Who ended an RFQ is told apart.
    for (decided, kind) in
        [(end("R1"), "end-decided"), (Decided::TimeUp(RfqId::new("R1").unwrap()), "time-up")]
    {
        let input = Input::Decided(desk(), decided);
        let record = encode(T0, &input, None).unwrap();
        assert_eq!(decode(&record), Some((T0, input)));
        assert_eq!(shown(&record).map(|s| s.what.word()), Some(kind));
    }
    for input in [Input::Tick, Input::DeskUp(desk()), Input::DealerDown(dealer())] {
        assert_eq!(encode(T0, &input, None), None, "{input:?} is not kept");
    }
}

proptest! {
    /// Texts have what separates fields, and what FIX allows in no text.
    #[test]
    fn an_end_is_read_again_as_that_of_its_rfq_or_not_written(
        text in "[ -~\u{e4}\u{20ac}]{0,40}|[\x00-\x7f]{0,20}|\u{1}131=R2\u{1}",
        number in 0..1_000,
    ) {
        let rfq = RfqId::new(format!("R{number}")).unwrap();
        let input = Input::Decided(desk(), Decided::End { rfq: rfq.clone(), text });
        // As an append does.
        if let Some(record) = encode(T0, &input, None)
            && let Some((at, read)) = decode(&record)
            && encode(at, &read, None) == Some(record)
        {
            let is_it = matches!(&read, Input::Decided(d, Decided::End { rfq: r, .. })
                if *d == desk() && *r == rfq);
            prop_assert!(at == T0 && is_it, "{input:?} {read:?}");
        }
    }
}

/// Every desk may come.
fn open_router() -> Router {
    router().with_desk_default(Some(BTreeSet::new()))
}

/// What a gateway has written, and how it stands, when it stops after these inputs: each RFQ with
/// no dealer on, and whether the first one of ALICE is about to end.
fn stopped(path: &Path, steps: &[(i64, Input)]) -> (u64, Vec<(RfqId, signet_rfq::Rfq)>, bool) {
    let mut g = Gateway::start(path, open_router());
    g.router.handle(T0, Input::DeskUp(CompId::new("BOB").unwrap()));
    let mut last = 0;
    for (at, input) in steps {
        last = *at;
        g.take(last, input.clone());
    }
    let ending = g.router.is_ending(&desk(), &RfqId::new("R1").unwrap());
    (g.journal.log.len(), g.router.dump_without_dealers(T0 + last), ending)
}

/// The power fails while the last record is being written.
#[test]
fn a_journal_that_is_cut_within_its_last_record_is_the_one_without_it() {
    let id = |n: &str| RfqId::new(n).unwrap();
    let from_desk = |m| Input::FromDesk(desk(), m);
    let AppMessage::QuoteRequest(q) = request("R1", 1_000, 0) else { unreachable!() };
    let unsent = AppMessage::QuoteRequest(QuoteRequest { id: id("ALICE.R1"), ..q });
    let taken = TakeOver { rfq: id("B1"), desk: desk(), of: id("R1"), at: T0 + 20 };
    let bob = CompId::new("BOB").unwrap();
    let asked = (0, from_desk(request("R1", 1_000, 0)));
    let quoted = (10, Input::FromDealer(dealer(), quote("R1", "n1", "1.08", 1_000)));
    let hits = (20, from_desk(hit("R1", "R1:1", "n1", "1.08", 1_000, 20)));
    let ends = (30, Input::Decided(desk(), end("R1")));
    let cancels = from_desk(AppMessage::RfqCancel { rfq: id("R1"), text: None });
    let cases = [
        (REQUEST, vec![asked.clone()]),
        (DEALER, vec![asked.clone(), quoted.clone()]),
        (ACCEPT, vec![asked.clone(), quoted.clone(), hits.clone()]),
        (NOT_SENT, vec![asked.clone(), (1, Input::NotSentToDealer(dealer(), unsent))]),
        (DESK, vec![asked.clone(), quoted.clone(), (20, cancels)]),
        (TAKE_OVER, vec![asked.clone(), (20, Input::FromDesk(bob, AppMessage::TakeOver(taken)))]),
        (END, vec![asked.clone(), quoted.clone(), ends.clone()]),
        (END, vec![asked.clone(), quoted, hits, ends]),
        (TIME_UP, vec![asked, (60_000, Input::Tick)]),
    ];
    let mut kinds = BTreeSet::new();
    for (kind, steps) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rfqs.journal");
        let (from, before, ending_before) =
            stopped(&dir.path().join("without.journal"), &steps[..steps.len() - 1]);
        let (to, after, ending_after) = stopped(&path, &steps);
        let says = |r: &Router| (r.dump(), r.is_ending(&desk(), &id("R1")));
        let (before, after) = ((before, ending_before), (after, ending_after));
        assert_ne!(before, after, "{kind}");
        let last = SealedLog::read(&path, &key()).unwrap().records.last().unwrap().to_vec();
        assert_eq!(last[0] & 0x7f, kind);
        kinds.insert(kind);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len() as u64, to);
        for cut in usize::try_from(from).unwrap()..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut again = open_router();
            Journal::open(&path, &key(), &mut again, OnBadRecord::Stop).unwrap();
            let want = if cut == whole.len() { &after } else { &before };
            assert_eq!(says(&again), *want, "{kind}, cut at {cut}");
        }
    }
    assert_eq!(kinds, BTreeSet::from(KINDS));
}

/// Whoever goes back to an older version is told to go forward again, not that a file is damaged.
#[test]
fn a_record_of_a_newer_version_is_named_as_one() {
    let record = |kind: u8| {
        let head = [&[kind][..], &T0.0.to_le_bytes(), &[5]].concat();
        [&head[..], b"ALICE", b"what only the newer one reads"].concat()
    };
    for first in 0..=u8::MAX {
        let known = KINDS.contains(&(first & 0x7f));
        match bad_record(3, &record(first), PathBuf::new()) {
            JournalError::UnknownKind { index: 3, sender, .. } => {
                assert!(!known && sender == "ALICE", "{first}");
            }
            JournalError::BadRecord { .. } => assert!(known, "{first}"),
            other => panic!("{first}: {other:?}"),
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut g = a_day(&path);
    g.journal.log.append(&record(b'Z')).unwrap();
    drop(g);
    let before = std::fs::read(&path).unwrap();
    let refused = Journal::open(&path, &key(), &mut router(), OnBadRecord::Stop).unwrap_err();
    let text = refused.to_string();
    for part in ["kind (Z)", env!("CARGO_PKG_VERSION"), "newer version", "for ALICE", "set-aside"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before, "nothing was changed");
}

/// Whoever reads a dealer's own message beside the journal finds the desk and what it calls it.
#[test]
fn what_dealers_call_it_stands_in_the_record_and_leads_back_to_the_desk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    drop(a_day(&path));
    let (_, kept) = SealedLog::open(&path, &key()).unwrap();
    let all: Vec<Shown> = kept.records.iter().map(|r| shown(r).unwrap()).collect();
    for s in &all {
        let begins = [RecordKind::RequestDecided, RecordKind::AcceptDecided].contains(&s.what);
        assert_eq!(s.name.is_some(), begins, "{s:?}");
    }
    let first = all[0].name.clone().unwrap();
    assert!(crate::is_name(&first), "{first}");
    let (mut names, mut none) = (NamesRead::default(), NamesRead::default());
    for s in &all {
        names.take(s, |desk, id| desk == "ALICE" && id.starts_with("R1"));
        none.take(s, |_, _| false);
    }
    let of = |id: &str| Some(("ALICE".to_owned(), id.to_owned()));
    assert_eq!(names.desk_and_id(&first), of("R1"));
    assert_eq!(names.desk_and_id(&format!("{first}:~1")), of("R1:1"));
    // Of whoever had it later.
    assert_eq!(names.desk_and_id(&format!("{first}:~2")), of("R1:~2"));
    let others = all.iter().filter_map(|s| s.name.as_ref()).filter(|n| !n.starts_with(&first));
    for name in others {
        assert_eq!(names.desk_and_id(name), None, "{name}");
    }
    assert_eq!(none.desk_and_id(&first), None);
}

/// The records of earlier versions have no name, and are read as they were.
#[test]
fn a_name_is_read_where_one_can_be_and_nowhere_else() {
    let AppMessage::QuoteRequest(q) = request("R1", 1_000, 0) else { unreachable!() };
    let asked = Input::Decided(desk(), Decided::Request(q));
    let plain = encode(T0, &asked, None).unwrap();
    assert_eq!((plain[0], name_of(&plain)), (b'R', None));
    let named = encode(T0, &asked, Some("AAAABBBBCCCCDDDD")).unwrap();
    assert_eq!(name_of(&named), Some("AAAABBBBCCCCDDDD"));
    assert_eq!(decode(&named), decode(&plain));
    let long = "A".repeat(65);
    for bad in ["", "\n", long.as_str()] {
        assert_eq!(decode(&encode(T0, &asked, Some(bad)).unwrap()), None, "{bad:?}");
    }
    // The head alone: kind, time, desk and name.
    for cut in 0..32 {
        assert_eq!(decode(&named[..cut]), None, "{cut}");
    }
    let of_dealer = Input::FromDealer(dealer(), quote("R1", "n1", "1.08", 1_000));
    let named = encode(T0, &of_dealer, Some("AAAABBBBCCCCDDDD")).unwrap();
    assert_eq!(decode(&named), None, "a dealer's message begins nothing");
}

/// A request that did not reach its dealer is still one that did not, after a restart.
#[test]
fn what_could_not_be_sent_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut g = Gateway::start(&path, router());
    let sent = g.desk(0, request("R1", 1_000, 0));
    let Some(Output::ToDealer(d, m)) = sent.into_iter().find(|o| matches!(o, Output::ToDealer(..)))
    else {
        panic!()
    };
    g.take(1, Input::NotSentToDealer(d, m));
    let before = g.router.dump();
    drop(g);
    assert_eq!(Gateway::start(&path, router()).router.dump(), before);
}

/// Dealers are asked by symbol for what has no ISIN.
#[test]
fn an_instrument_without_an_isin_is_named_by_its_symbol() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = Gateway::start(&dir.path().join("rfqs.journal"), router());
    let by_isin = g.desk(0, request("R1", 1_000, 0)).iter().find_map(|o| match o {
        Output::ToDealer(_, AppMessage::QuoteRequest(q)) => Some(q.isin),
        _ => None,
    });
    assert_eq!(by_isin, Some(false));
}

#[test]
fn a_record_is_named_by_what_can_be_read_of_it() {
    let record =
        |id: &[u8]| [&[DESK][..], &T0.0.to_le_bytes(), &[id.len() as u8], id, b"rubbish"].concat();
    let named = |r: &[u8]| match bad_record(3, r, PathBuf::new()) {
        JournalError::BadRecord { index: 3, at, sender, .. } => (at, sender),
        other => panic!("{other:?}"),
    };
    let time = signet_fix::tagvalue::format_utc(T0);
    assert_eq!(named(&record(b"ALICE")), (time.clone(), "ALICE".into()));
    for odd in [&b""[..], b"AL ICE", b"AL\nICE", "ÄLICE".as_bytes(), b"\xff"] {
        assert_eq!(named(&record(odd)), (time.clone(), "an unknown sender".into()), "{odd:?}");
    }
    assert_eq!(named(&record(b"ALICE")[..12]).1, "an unknown sender", "cut off within the name");
    assert_eq!(named(b"D"), ("an unknown time".into(), "an unknown sender".into()));
}

/// Whatever changes an RFQ is written down: the next start finds it as it was left.
#[test]
fn every_kind_of_change_survives_a_restart() {
    let rfq = || RfqId::new("ALICE.R1").unwrap();
    let pair = || InstrumentId::new("EUR/USD").unwrap();
    let status = |code: u16, answers: Option<&str>| {
        AppMessage::QuoteStatusReport(QuoteStatusReport {
            answers: answers.map(|a| AcceptId::new(a).unwrap()),
            ..QuoteStatusReport::of_rfq(rfq(), pair(), RfqStatus::Other(code), None)
        })
    };
    let refuses = |msg_type: &str, id: &str| {
        let ref_id = Some(id.to_owned());
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: None,
            ref_msg_type: msg_type.into(),
            ref_id,
            reason: 0,
            text: None,
        })
    };
    let not_sent = |m: AppMessage| Input::NotSentToDealer(dealer(), m);
    let AppMessage::QuoteRequest(asked) = request("R1", 1_000, 0) else { unreachable!() };
    let AppMessage::QuoteResponse(taken) = hit("R1", "ALICE.R1:1", "n1", "1.08", 1_000, 20) else {
        unreachable!()
    };
    let AppMessage::Quote(q) = quote("R1", "n2", "1.07", 1_000) else { unreachable!() };
    let in_pounds = signet_rfq::Qualifiers { currency: Some("GBP".into()), ..Default::default() };
    let reject = QuoteRequestReject {
        rfq: rfq(),
        reason: 99,
        instrument: pair(),
        dealer: None,
        text: None,
        advice: None,
    };
    let cancel = QuoteCancel {
        rfq: Some(rfq()),
        quote: Some(QuoteId::new("n1").unwrap()),
        instrument: None,
        dealer: None,
        unreachable: false,
    };
    let from = |m: AppMessage| Input::FromDealer(dealer(), m);
    // What happens after a request and a quote, and whether an accept is in flight by then.
    let cases: [(&str, bool, Input); 12] = [
        ("another quote", false, from(AppMessage::Quote(q.clone()))),
        (
            "a quote that cannot be traded",
            false,
            from(AppMessage::Quote(QuoteMsg { qualifiers: in_pounds, ..q })),
        ),
        ("a withdrawal", false, from(AppMessage::QuoteCancel(cancel))),
        ("a refusal", false, from(AppMessage::QuoteRequestReject(reject))),
        ("a pass by status", false, from(status(11, None))),
        ("a reject of the request", false, from(refuses("R", "ALICE.R1"))),
        (
            "a request that was not sent",
            false,
            not_sent(AppMessage::QuoteRequest(QuoteRequest { id: rfq(), ..asked })),
        ),
        (
            "a withdrawal by the trader",
            false,
            Input::FromDesk(
                desk(),
                AppMessage::RfqCancel { rfq: RfqId::new("R1").unwrap(), text: None },
            ),
        ),
        ("an accept that was declined by status", true, from(status(5, Some("ALICE.R1:1")))),
        ("a reject of the accept", true, from(refuses("AJ", "ALICE.R1:1"))),
        ("an accept that was not sent", true, not_sent(AppMessage::QuoteResponse(taken))),
        ("a fill", true, from(fill("R1:1", "1.08", 1_000))),
    ];
    for (what, accepted, input) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rfqs.journal");
        let mut g = Gateway::start(&path, router());
        g.desk(0, request("R1", 1_000, 0));
        g.dealer(10, "N", quote("R1", "n1", "1.08", 1_000));
        if accepted {
            g.desk(20, hit("R1", "R1:1", "n1", "1.08", 1_000, 20));
        }
        let before = g.router.dump();
        g.take(30, input);
        assert_ne!(g.router.dump(), before, "{what} changes nothing");
        let left = g.router.dump_without_dealers(T0 + 40);
        drop(g);
        let mut again = router();
        Journal::open(&path, &key(), &mut again, OnBadRecord::Stop).unwrap();
        assert_eq!(again.dump(), left, "{what}");
    }
}

/// A gateway that has started again: its desk is on, and no dealer yet. What its desk reads.
fn restarted(path: &Path) -> (Gateway, Vec<Output>) {
    let mut router = router();
    let journal = Journal::open(path, &key(), &mut router, OnBadRecord::Stop).unwrap();
    let told = router.handle(T0 + 50, Input::DeskUp(desk()));
    (Gateway { journal, router }, told)
}

/// R1 in the journal of a gateway that was killed, after `steps` at 10, 11 ... ms.
fn killed_after(path: &Path, steps: &[Input]) {
    let mut g = Gateway::start(path, router());
    g.desk(0, request("R1", 1_000, 0));
    for (n, input) in steps.iter().enumerate() {
        g.take(10 + n as i64, input.clone());
    }
}

fn withdrawal(quote: &str) -> AppMessage {
    AppMessage::QuoteCancel(QuoteCancel {
        rfq: RfqId::new("ALICE.R1").ok(),
        quote: QuoteId::new(quote).ok(),
        instrument: None,
        dealer: None,
        unreachable: false,
    })
}

/// How N's line stands in R1, and the accept.
fn stands(g: &Gateway) -> (LineState, Option<AcceptState>) {
    let all = g.router.dump();
    let rfq = &all.iter().find(|(id, _)| id.as_str() == "ALICE.R1").unwrap().1;
    (rfq.line(&dealer()).unwrap().state.clone(), rfq.accept.clone().map(|(_, state)| state))
}

/// Every state of a dealer's line: what a restart leaves of it, and what the snapshot says.
#[test]
fn a_restart_leaves_no_quote_that_can_be_taken() {
    let from = |m| Input::FromDealer(dealer(), m);
    let by_desk = |m| Input::FromDesk(desk(), m);
    let quoted = || from(quote("R1", "n1", "1.08", 1_000));
    let accepted = || by_desk(hit("R1", "R1:1", "n1", "1.08", 1_000, 20));
    let AppMessage::QuoteResponse(asks) = hit("R1", "R1:c", "n1", "1.07", 1_000, 20) else {
        unreachable!()
    };
    let countered =
        by_desk(AppMessage::QuoteResponse(QuoteResponse { response: Response::Counter, ..asks }));
    let no = signet_rfq::Passed { code: signet_rfq::REASON_PASS, text: "no".into() };
    let passes = from(AppMessage::QuoteRequestReject(QuoteRequestReject {
        rfq: RfqId::new("ALICE.R1").unwrap(),
        reason: no.code,
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        dealer: None,
        text: Some(no.text.clone()),
        advice: None,
    }));
    let cases: [(&str, Vec<Input>, LineState, &[&str]); 6] = [
        ("asked", vec![], LineState::Asked, &[]),
        ("quoted", vec![quoted()], LineState::Unreachable, &["Z, unreachable"]),
        ("withdrawn", vec![quoted(), from(withdrawal("n1"))], LineState::Withdrawn, &["Z"]),
        ("passed", vec![quoted(), passes], LineState::Passed(no), &["AG"]),
        (
            "countered",
            vec![quoted(), countered],
            LineState::CounterOver,
            &["S", "AJ, counter", "AI, counter"],
        ),
        (
            "accepted",
            vec![quoted(), accepted()],
            LineState::Unreachable,
            &["Z, unreachable", "AJ", "8, unknown"],
        ),
    ];
    let word = |o: &Output| match o {
        Output::ToDesk(_, AppMessage::Quote(_)) => Some("S"),
        Output::ToDesk(_, AppMessage::QuoteCancel(c)) if c.unreachable => Some("Z, unreachable"),
        Output::ToDesk(_, AppMessage::QuoteCancel(_)) => Some("Z"),
        Output::ToDesk(_, AppMessage::QuoteRequestReject(_)) => Some("AG"),
        Output::ToDesk(_, AppMessage::QuoteResponse(r)) => {
            Some(if r.response == Response::Counter { "AJ, counter" } else { "AJ" })
        }
        Output::ToDesk(_, AppMessage::QuoteStatusReport(s)) => {
            Some(if s.answers.is_some() { "AI, counter" } else { "AI" })
        }
        Output::ToDesk(_, AppMessage::ExecutionReport(e)) => {
            Some(if e.text.is_some() { "8, unknown" } else { "8" })
        }
        _ => None,
    };
    for (what, steps, line, told) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rfqs.journal");
        killed_after(&path, &steps);
        // Killed once more at once: it stays so.
        for _ in 0..2 {
            let (g, heard) = restarted(&path);
            let accept = (what == "accepted").then_some(AcceptState::Unknown);
            assert_eq!(stands(&g), (line.clone(), accept), "{what}");
            assert_eq!(heard.iter().filter_map(word).collect::<Vec<_>>(), told, "{what}");
        }
    }
    // What has ended stays as it ended.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    killed_after(&path, &[quoted(), accepted(), from(fill("R1:1", "1.08", 1_000))]);
    let (line, accept) = stands(&restarted(&path).0);
    assert!(line == LineState::Traded && matches!(accept, Some(AcceptState::Filled(_))));
}

/// A quote was live when the gateway was killed: what makes it one that can be taken again.
#[test]
fn after_a_restart_a_quote_can_be_taken_when_its_dealer_has_said_it_again() {
    let same = || quote("R1", "n1", "1.08", 1_000);
    type Case<'a> = (&'a str, bool, Option<AppMessage>, &'a str, LineState, bool);
    let cases: [Case<'_>; 6] = [
        ("the dealer is off", false, None, "n1", LineState::Unreachable, false),
        ("it is on and silent", true, None, "n1", LineState::Unreachable, false),
        ("the same quote", true, Some(same()), "n1", LineState::Quoted, true),
        (
            "another one",
            true,
            Some(quote("R1", "n2", "1.08", 1_000)),
            "n2",
            LineState::Quoted,
            true,
        ),
        ("a withdrawal", true, Some(withdrawal("n1")), "n1", LineState::Withdrawn, false),
        (
            "a withdrawal of another one",
            true,
            Some(withdrawal("n0")),
            "n1",
            LineState::Unreachable,
            false,
        ),
    ];
    for (what, on, said, takes, line, taken) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rfqs.journal");
        killed_after(&path, &[Input::FromDealer(dealer(), same())]);
        let (mut g, _) = restarted(&path);
        if on {
            g.take(60, Input::DealerUp(dealer()));
        }
        if let Some(m) = said {
            g.dealer(70, "N", m);
        }
        assert_eq!(stands(&g).0, line, "{what}");
        let out = g.desk(80, hit("R1", "R1:1", takes, "1.08", 1_000, 80));
        let goes = out.iter().any(|o| matches!(o, Output::ToDealer(..)));
        assert_eq!(goes, taken, "{what}: {out:?}");
        // Its own time ends it, said again or not.
        if !taken && line == LineState::Unreachable {
            g.router.handle(T0 + 30_000, Input::Tick);
            assert_eq!(stands(&g).0, LineState::Expired, "{what}");
        }
    }
}

/// A dealer is asked in what was addressed to it, and in nothing else.
#[test]
fn who_was_asked_is_known_of_every_kind_of_message() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = Gateway::start(&dir.path().join("rfqs.journal"), router());
    g.desk(0, request("R1", 1_000, 0));
    let asked = |d: &str, m: AppMessage| {
        let d = DealerId::new(d).unwrap();
        g.router.is_asked(&d, &Input::FromDealer(d.clone(), m))
    };
    assert!(asked("N", quote("R1", "n1", "1.08", 1_000)));
    assert!(!asked("NOBODY", quote("R1", "n1", "1.08", 1_000)));
    assert!(!asked("N", quote("R2", "n1", "1.08", 1_000)), "there is none of this id");
}
