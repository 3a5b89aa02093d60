use super::*;
use crate::{
    blotter::Blotter,
    book::Ids,
    venue::DirectStepUp,
    view::{AcceptState, ArmIntent, Ask, LinkState, RfqState as Shown, Side, StepUpKind, Ticket},
};
use signet_rfq::{Catalogue, Level, QuoteId};
use signet_softkey::{Maker, Quirk, SoftKey, challenge_of};
use signet_stepup::{
    Approval, CeremonyKind, Context, client_data_json,
    evidence::Evidence,
    pending::MAX_HELD_PER_DESK,
    rp::{AttestationList, RelyingParty, RpSettings},
};
use std::{
    io::{Seek as _, SeekFrom, Write as _},
    sync::Arc,
    time::Duration,
};

const MODEL: &str = "00112233-4455-6677-8899-aabbccddeeff";
const BUND: &str = "DE0001102580";
const HERE: [u8; 32] = [1; 32];
/// The venue's clock is half a minute ahead.
const AHEAD_MS: i64 = 30_000;
const RULES: &str = "logon = 'never'\naccept_above = { default = '1m' }";

fn venue_id() -> CompId {
    CompId::new("VENUE").unwrap()
}

fn catalogue() -> Catalogue {
    let text = format!(
        "[[instrument]]\nid = '{BUND}'\nsymbol = 'DBR'\nname = 'Bund'\n\
         asset_class = 'Government bond'\ncurrency = 'EUR'\nprice_decimals = 3\n\
         price_unit = '% of par'\ntick = '0.005'\nlot = '1000'\nmin_quantity = '100000'\n\
         max_quantity = '100000000'\nsettlement = 'T+2'\n"
    );
    Catalogue::from_toml(&text).unwrap()
}

fn key_of_store() -> StoreKey {
    StoreKey::new([7; 32])
}

/// A book and what stands in a gateway's place, with everything that went to the venue.
struct World {
    dir: tempfile::TempDir,
    maker: Maker,
    rules: String,
    dealers: Vec<&'static str>,
    direct: Option<Direct>,
    book: Book,
    laptop: i64,
    sent: Vec<AppMessage>,
    /// Challenges and options the book was shown, newest last: id, options, approval's text.
    challenges: Vec<(String, String, Option<String>)>,
}

impl World {
    fn new(rules: &str) -> Self {
        Self::with(rules, vec!["NORTH"])
    }

    fn with(rules: &str, dealers: Vec<&'static str>) -> Self {
        let laptop = 1_800_000_000_000;
        let mut w = Self {
            dir: tempfile::tempdir().unwrap(),
            maker: Maker::new("Maker"),
            rules: rules.into(),
            dealers,
            direct: None,
            book: Book::new(Ids::new(UtcMillis(laptop), 1), UtcMillis(laptop)),
            laptop,
            sent: vec![],
            challenges: vec![],
        };
        w.start();
        w.connect();
        w
    }

    /// The program starts, or starts again.
    fn start(&mut self) {
        self.direct = None;
        let list =
            AttestationList::from_toml(&self.maker.list(&[(MODEL, "Test key")]), Path::new("/"))
                .unwrap();
        let rp = RpSettings {
            rp_id: "stepup.bank.example".into(),
            origin: None,
            name: "B".into(),
            timeout: Duration::from_secs(60),
        };
        let step_up = DirectStepUp {
            relying_party: Arc::new(RelyingParty::new(&rp, list).unwrap()),
            rules: toml::from_str(&self.rules).unwrap(),
            answer_ms: 60_000,
            policy: "p".into(),
        };
        let dealers = self.dealers.iter().map(|d| DealerState {
            id: DealerId::new(*d).unwrap(),
            name: (*d).into(),
            online: true,
            counters: false,
            parts: false,
        });
        let settings = DirectSettings {
            sender_comp_id: None,
            instruments: catalogue(),
            dealers: dealers.collect(),
            step_up: Some(step_up.clone()),
            sign_messages: false,
        };
        let store = TouchStore::open(self.dir.path(), &venue_id(), &key_of_store()).unwrap();
        self.direct = Some(Direct {
            name: "Plain".into(),
            settings,
            touch: Some(Touch::new(
                step_up,
                store,
                &CompId::new("ALICE").unwrap(),
                &CompId::new("VENUE").unwrap(),
            )),
            asked: BTreeMap::new(),
            knows_no_status: false,
            passes: 0,
        });
        self.book.begin(Blotter::default());
        self.book.at_gateway(&venue_id(), true);
        let t = UtcMillis(self.laptop);
        self.book.link(t, |s| s.comp_id = Some("ALICE".into()));
        self.book.measured(t, t + AHEAD_MS, t);
    }

    fn connect(&mut self) {
        self.run(|d, b, n| d.up(b, HERE, n));
        assert!(self.book.online());
    }

    fn lose(&mut self) {
        self.run(|d, _, n| d.lost(n));
        self.book.link_lost();
        self.book.link(UtcMillis(self.laptop), |s| s.state = LinkState::Reconnecting);
    }

    fn now(&self) -> Moment {
        Moment {
            laptop: UtcMillis(self.laptop),
            venue: UtcMillis(self.laptop + AHEAD_MS),
            arrival_ms: 20,
        }
    }

    /// As the link does it.
    fn run(&mut self, event: impl FnOnce(&mut Direct, &Book, Moment) -> Vec<DirectAction>) {
        let now = self.now();
        let mut direct = self.direct.take().unwrap();
        let mut todo: std::collections::VecDeque<DirectAction> =
            event(&mut direct, &self.book, now).into();
        while let Some(d) = todo.pop_front() {
            match d {
                DirectAction::ToVenue(m) => {
                    assert!(!m.msg_type().starts_with('U'), "{m:?}");
                    self.sent.push(m);
                }
                DirectAction::Release(m) => todo.extend(direct.release(m, &self.book, now)),
                DirectAction::NotSent(m, why) => self.book.not_sent(&m, why, now.laptop),
                DirectAction::Tell(why) => {
                    self.book.tell(crate::view::NoticeKind::Bad, &why.code, why.message, now.laptop)
                }
                DirectAction::ToBook(m) => {
                    match &m {
                        AppMessage::StepUpChallenge(c) => self.challenges.push((
                            c.id.clone(),
                            c.options.clone(),
                            Some(c.approval.clone()),
                        )),
                        AppMessage::KeyReport(KeyReport::Options { id, options, .. }) => {
                            self.challenges.push((id.clone(), options.clone(), None));
                        }
                        _ => {}
                    }
                    let open = concerns(&m, &self.book);
                    for a in self.book.message(m, now.laptop) {
                        todo.extend(direct.send(a, &self.book, now));
                    }
                    if let Some(rfq) = open {
                        todo.extend(direct.after(&rfq, &self.book, now));
                    }
                }
            }
        }
        self.direct = Some(direct);
    }

    fn later(&mut self, ms: i64) {
        self.laptop += ms;
        let t = UtcMillis(self.laptop);
        self.book.tick(t);
        self.run(Direct::tick);
    }

    fn says(&mut self, m: AppMessage) {
        self.run(|d, b, _| d.heard(m, b).map(DirectAction::ToBook).into_iter().collect());
    }

    fn ask(&mut self, quantity: &str) -> String {
        let dealers = self.dealers.iter().map(ToString::to_string).collect();
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: BUND.into(),
            ask: Ask::Buy,
            quantity: quantity.into(),
            dealers,
            ttl_s: 300,
            settlement_date: None,
        };
        let m = self.book.new_rfq(&ticket, UtcMillis(self.laptop)).unwrap();
        let AppMessage::QuoteRequest(q) = &m else { panic!() };
        let id = q.id.to_string();
        self.run(|d, b, n| d.send(m, b, n));
        id
    }

    fn quote(&mut self, rfq: &str, dealer: Option<&str>, valid_ms: i64) {
        let at = self.now().venue;
        let id = format!("Q{}", self.laptop);
        self.says(AppMessage::Quote(QuoteMsg {
            legs: vec![],
            rfq: RfqId::new(rfq).unwrap(),
            id: QuoteId::new(id).unwrap(),
            instrument: signet_rfq::InstrumentId::new(BUND).unwrap(),
            dealer: dealer.map(|d| DealerId::new(d).unwrap()),
            bid: None,
            offer: Some(Level { price: "99.125".parse().unwrap(), size: 50_000_000.into() }),
            valid_until: at + valid_ms,
            tradeable: true,
            at,
            qualifiers: Default::default(),
        }));
    }

    fn accept(&mut self, rfq: &str) -> String {
        let quote_id = self.book.rfq(&RfqId::new(rfq).unwrap()).unwrap().lines[0]
            .quote
            .as_ref()
            .unwrap()
            .id
            .to_string();
        let now = UtcMillis(self.laptop);
        let intent = ArmIntent {
            rfq_id: rfq.into(),
            dealer: self.dealers[0].into(),
            quote_id,
            side: Side::Buy,
            price: "99.125".into(),
        };
        let id = self.book.arm(&intent, now).unwrap().id;
        let m = self.book.accept(rfq, &id, now).unwrap();
        self.run(|d, b, n| d.send(m, b, n));
        id
    }

    /// An RFQ of this size, quoted and accepted.
    fn trade(&mut self, quantity: &str) -> (String, String) {
        let rfq = self.ask(quantity);
        self.quote(&rfq, None, 60_000);
        let accept = self.accept(&rfq);
        (rfq, accept)
    }

    fn register(&mut self, key: &mut SoftKey, name: &str) {
        let m = self.book.register_key(name, None).unwrap();
        self.run(|d, b, n| d.send(m, b, n));
        self.finish_registration(key);
    }

    fn finish_registration(&mut self, key: &mut SoftKey) {
        let (id, options, _) = self.challenges.last().cloned().unwrap();
        let data = client_data_json(
            CeremonyKind::Register,
            &challenge_of(&options),
            "https://stepup.bank.example",
            None,
        );
        let credential = key.register(&options, &data);
        self.run(|d, b, n| {
            d.send(AppMessage::KeyRequest(KeyRequest::Finish { id, credential }), b, n)
        });
    }

    fn signed(&self, key: &mut SoftKey, exporter: [u8; 32]) -> (String, String) {
        let (id, options, text) = self.challenges.last().cloned().unwrap();
        let approval = Approval::parse(&text.unwrap()).unwrap().digest().unwrap();
        let context = Context { approval, exporter };
        let data = client_data_json(
            CeremonyKind::Sign,
            &challenge_of(&options),
            "https://stepup.bank.example",
            Some(&context),
        );
        let answer = key.sign(&options, &data).unwrap();
        (id, answer)
    }

    fn answer(&mut self, id: String, answer: Answer) {
        self.run(|d, b, n| d.send(AppMessage::StepUpAnswer(StepUpAnswer { id, answer }), b, n));
    }

    fn touch(&mut self, key: &mut SoftKey) {
        let (id, json) = self.signed(key, HERE);
        self.answer(id, Answer::Signed(json));
    }

    fn accepts(&self) -> usize {
        self.sent
            .iter()
            .filter(
                |m| matches!(m, AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift),
            )
            .count()
    }

    fn asked(&self) -> usize {
        self.sent.iter().filter(|m| matches!(m, AppMessage::OrderStatusRequest(_))).count()
    }

    fn frame(&mut self) -> crate::view::Frame {
        self.book.pull(0, &[], UtcMillis(self.laptop))
    }

    fn shown(&mut self, rfq: &str) -> crate::view::RfqView {
        self.frame().rfqs.into_iter().find(|r| r.id == rfq).unwrap()
    }

    fn accept_text(&mut self, rfq: &str) -> (AcceptState, String) {
        let a = self.shown(rfq).accept.unwrap();
        (a.state, a.text)
    }

    fn report(&mut self, accept: &str, exec_type: ExecType, status: OrdStatus) {
        let filled = matches!(status, OrdStatus::Filled);
        let quantity = if filled { 5_000_000 } else { 0 };
        let at = self.now().venue;
        self.says(AppMessage::ExecutionReport(ExecutionReport {
            price_type: None,
            legs: vec![],
            order_id: "O1".into(),
            exec_id: format!("E{}", self.laptop),
            exec_ref: None,
            accept: AcceptId::new(accept).unwrap(),
            exec_type,
            status,
            instrument: signet_rfq::InstrumentId::new(BUND).unwrap(),
            dealer: None,
            side: signet_rfq::Side::Buy,
            last: filled
                .then(|| Level { price: "99.125".parse().unwrap(), size: 5_000_000.into() }),
            cum_qty: quantity.into(),
            leaves_qty: 0.into(),
            avg_px: "99.125".parse().unwrap(),
            settlement_date: None,
            currency: None,
            disputed: false,
            price: None,
            reject_reason: None,
            text: Some("too slow".into()),
            at,
        }));
    }

    fn evidence(&mut self) -> Vec<Evidence> {
        self.direct = None;
        let path = self.dir.path().join("VENUE.evidence");
        let (_, recovered) = signet_journal::SealedLog::open(&path, &key_of_store()).unwrap();
        recovered
            .records
            .iter()
            .map(|r| Evidence::from_json(std::str::from_utf8(r).unwrap()).unwrap())
            .collect()
    }
}

fn with_key(rules: &str) -> (World, SoftKey) {
    let mut w = World::new(rules);
    let mut key = w.maker.key(MODEL);
    w.register(&mut key, "blue");
    assert_eq!(w.frame().access.unwrap().keys, 1);
    (w, key)
}

#[test]
fn a_small_trade_goes_at_once_and_a_large_one_waits_for_its_touch() {
    let (mut w, mut key) = with_key(RULES);
    let (small, _) = w.trade("500k");
    assert_eq!((w.accepts(), w.challenges.len()), (1, 1), "{:?}", w.shown(&small).accept);
    let (rfq, accept) = w.trade("5m");
    assert_eq!(w.accepts(), 1, "it waits");
    assert_eq!(w.accept_text(&rfq).0, AcceptState::StepUp);
    let open = w.frame().step_up.unwrap().remove(0);
    assert_eq!(
        (open.kind, open.deadline_ms),
        (StepUpKind::Accept, (w.laptop + AHEAD_MS + 60_000) as f64),
        "on the venue's clock"
    );
    w.touch(&mut key);
    assert_eq!((w.accepts(), w.frame().step_up.unwrap().len()), (2, 0));
    assert!(w.frame().access.is_some_and(
        |a| a.direct && a.lease_until_ms == Some((w.laptop + AHEAD_MS + 900_000) as f64)
    ));
    w.report(&accept, ExecType::Trade, OrdStatus::Filled);
    assert_eq!(w.accept_text(&rfq).0, AcceptState::Filled);
    let evidence = w.evidence();
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].verify(), Ok(()));
    assert_eq!((evidence[0].at_ms, evidence[0].policy.as_str()), (w.laptop, "p"));
    assert!(
        evidence[0].approval.contains(&format!("\naccept={accept}\n")),
        "{}",
        evidence[0].approval
    );
}

#[test]
fn an_answer_for_anything_else_is_refused_once_and_for_all() {
    let (mut w, mut key) = with_key(RULES);
    let (rfq, _) = w.trade("5m");
    let (id, elsewhere) = w.signed(&mut key, [2; 32]);
    let (_, good) = w.signed(&mut key, HERE);
    w.answer(id.clone(), Answer::Signed(elsewhere));
    let (state, text) = w.accept_text(&rfq);
    assert!(state == AcceptState::Disarmed && text.contains("another connection"), "{text}");
    // Its challenge is gone: the right answer comes too late for it.
    w.answer(id, Answer::Signed(good));
    assert_eq!((w.accepts(), w.evidence().len()), (0, 0));
}

#[test]
fn a_trader_who_says_no_and_one_who_does_nothing_send_nothing() {
    let (mut w, mut key) = with_key(RULES);
    let (rfq, _) = w.trade("5m");
    let (id, _, _) = w.challenges.last().cloned().unwrap();
    w.answer(id, Answer::Declined(None));
    assert!(w.accept_text(&rfq).1.contains("You did not approve it"));
    let rfq = w.ask("5m");
    w.quote(&rfq, None, 600_000);
    w.accept(&rfq);
    let late = w.signed(&mut key, HERE);
    w.later(60_001);
    assert!(
        w.accept_text(&rfq).1.contains("No key was touched in time"),
        "{:?}",
        w.accept_text(&rfq)
    );
    w.answer(late.0, Answer::Signed(late.1));
    assert_eq!((w.accepts(), w.evidence().len()), (0, 0));
}

/// A plain venue is told no deadline: what leaves in doubt may be executed at any time later.
#[test]
fn what_waited_for_its_touch_stays_where_nothing_may_leave_by_now() {
    type Begins = fn(&mut World);
    let table: [(&str, Begins); 2] = [
        ("the link is in doubt", |w| w.book.doubt(UtcMillis(w.laptop), true)),
        ("the history cannot be written", |w| {
            w.book.record_with(crate::history::Recorder::refused())
        }),
    ];
    for (what, begins) in table {
        let (mut w, mut key) = with_key(RULES);
        let (rfq, _) = w.trade("5m");
        begins(&mut w);
        w.touch(&mut key);
        assert_eq!((w.accepts(), w.accept_text(&rfq).0), (0, AcceptState::Disarmed), "{what}");
    }
}

/// As a gateway does: nobody may press what it would not have passed on.
#[test]
fn a_quote_that_a_gateway_would_refuse_is_not_shown() {
    let offer =
        |price: &str, size: i64| Some(Level { price: price.parse().unwrap(), size: size.into() });
    let whole = |price: &str| offer(price, 5_000_000);
    for (bid, offer, words) in [
        (None, whole("99.125"), None),
        (whole("99.125"), whole("99.125"), None),
        (whole("99.130"), whole("99.125"), Some("the bid is above the offer")),
        (None, whole("0"), Some("a price is not above zero")),
        (None, whole("-1"), Some("a price is not above zero")),
        (None, offer("99.125", 0), Some("a size is not above zero")),
        (None, None, Some("the quote has no price")),
    ] {
        let mut w = World::new(RULES);
        let rfq = w.ask("5m");
        w.quote(&rfq, None, 60_000);
        w.laptop += 1;
        let at = w.now().venue;
        w.says(AppMessage::Quote(QuoteMsg {
            legs: vec![],
            rfq: RfqId::new(rfq.clone()).unwrap(),
            id: QuoteId::new("second").unwrap(),
            instrument: signet_rfq::InstrumentId::new(BUND).unwrap(),
            dealer: None,
            bid,
            offer,
            valid_until: at + 60_000,
            tradeable: true,
            at,
            qualifiers: Default::default(),
        }));
        let said: Vec<String> = w.frame().notices.into_iter().map(|n| n.text).collect();
        let refused = said.iter().find(|t| t.contains("is not shown"));
        match words {
            Some(words) => assert!(refused.is_some_and(|t| t.contains(words)), "{said:?}"),
            None => assert_eq!(refused, None),
        }
        // The quote before it does not stand either.
        assert_eq!(w.frame().lines.iter().any(|l| l.can_lift), words.is_none(), "{words:?}");
    }
}

#[test]
fn without_a_key_nothing_large_is_sent() {
    let mut w = World::new(RULES);
    let (rfq, _) = w.trade("5m");
    let (state, text) = w.accept_text(&rfq);
    assert!(state == AcceptState::Disarmed && text.contains("no security key"), "{text}");
    assert_eq!((w.accepts(), w.challenges.len()), (0, 0));
}

#[test]
fn a_quote_that_ends_meanwhile_is_said_to_have_ended() {
    let (mut w, mut key) = with_key(RULES);
    let rfq = w.ask("5m");
    w.quote(&rfq, None, 10_000);
    w.accept(&rfq);
    let answer = w.signed(&mut key, HERE);
    w.later(10_000);
    assert!(w.accept_text(&rfq).1.contains("expired"), "{:?}", w.accept_text(&rfq));
    w.answer(answer.0, Answer::Signed(answer.1));
    // Re-quoted between the touch and the next look at the clock.
    let rfq = w.ask("5m");
    w.quote(&rfq, None, 60_000);
    w.accept(&rfq);
    w.laptop += 1;
    w.quote(&rfq, None, 60_000);
    w.touch(&mut key);
    assert!(w.accept_text(&rfq).1.contains("re-quoted"), "{:?}", w.accept_text(&rfq));
    assert_eq!(w.accepts(), 0);
}

#[test]
fn what_waits_when_the_link_goes_is_dropped_in_words() {
    let (mut w, mut key) = with_key(&format!("{RULES}\nrequest_above = {{ default = '20m' }}"));
    let (rfq, _) = w.trade("5m");
    let answer = w.signed(&mut key, HERE);
    let request = w.ask("30m");
    w.lose();
    assert!(
        w.accept_text(&rfq).1.contains("connection was lost while it waited"),
        "{:?}",
        w.accept_text(&rfq)
    );
    assert_eq!(w.shown(&request).state, Shown::Refused);
    assert!(w.frame().step_up.unwrap().is_empty());
    w.laptop += 1_000;
    w.connect();
    w.answer(answer.0, Answer::Signed(answer.1));
    assert_eq!((w.accepts(), w.sent.len(), w.evidence().len()), (0, 1, 0), "{:?}", w.sent);
}

#[test]
fn an_open_rfq_goes_on_over_a_reconnect_without_its_quotes() {
    let (mut w, _) = with_key(RULES);
    let rfq = w.ask("500k");
    w.quote(&rfq, None, 60_000);
    let (other, accept) = w.trade("200k");
    w.lose();
    assert_eq!(w.accept_text(&other).0, AcceptState::Unknown);
    w.laptop += 1_000;
    w.connect();
    let id = RfqId::new(rfq.as_str()).unwrap();
    assert_eq!(w.shown(&rfq).state, Shown::Open);
    assert!(
        w.book
            .rfq(&id)
            .unwrap()
            .lines
            .iter()
            .all(|l| l.state == signet_rfq::LineState::NotRepeated)
    );
    let last = w.sent.last().unwrap();
    assert!(
        matches!(last, AppMessage::OrderStatusRequest(h) if h.accept.as_str() == accept),
        "{last:?}"
    );
    w.report(&accept, ExecType::Status, OrdStatus::Rejected);
    assert!(w.accept_text(&other).1.contains("too slow"));
    w.quote(&rfq, None, 60_000);
    w.accept(&rfq);
    assert_eq!(w.accepts(), 2);
}

#[test]
fn an_accept_without_an_answer_is_asked_about_until_the_venue_says_that_it_knows_no_such_question()
{
    let (mut w, _) = with_key(RULES);
    w.trade("200k");
    w.later(14_999);
    assert_eq!(w.asked(), 0);
    w.later(1);
    w.later(15_000);
    assert_eq!(w.asked(), 2);
    let reject = |msg_type: &str, id: Option<&str>| {
        let text = Some("not here".into());
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: None,
            ref_msg_type: msg_type.into(),
            ref_id: id.map(Into::into),
            reason: 3,
            text,
        })
    };
    w.says(reject("H", None));
    w.later(30_000);
    assert_eq!(w.asked(), 2);
    // An accept that it could not process is no longer in flight; such a request is not open.
    let (rfq, accept) = w.trade("200k");
    w.says(reject("AJ", Some(&accept)));
    assert_eq!(w.accept_text(&rfq).0, AcceptState::Declined);
    let request = w.ask("200k");
    w.says(reject("R", Some(&request)));
    assert_eq!(w.shown(&request).state, Shown::Refused);
}

#[test]
fn ending_an_rfq_is_local_and_passes_on_live_quotes() {
    let mut w = World::with(RULES, vec!["NORTH", "SOUTH"]);
    let rfq = w.ask("500k");
    w.quote(&rfq, Some("NORTH"), 60_000);
    // With several dealers a message without a name belongs to none.
    w.laptop += 1;
    w.quote(&rfq, None, 60_000);
    let before = w.sent.len();
    let m = w.book.cancel(&rfq).unwrap();
    w.run(|d, b, n| d.send(m, b, n));
    assert_eq!(w.shown(&rfq).state, Shown::Cancelled);
    let after = &w.sent[before..];
    let [AppMessage::QuoteResponse(r)] = after else { panic!("{after:?}") };
    let to = r.dealer.as_ref().map(DealerId::as_str);
    assert_eq!((r.response, to), (Response::Pass, Some("NORTH")), "{after:?}");
}

#[test]
fn an_rfq_ends_when_every_dealer_has_said_no_and_a_report_about_a_quote_ends_none() {
    let mut w = World::with(RULES, vec!["NORTH", "SOUTH"]);
    let rfq = w.ask("500k");
    let no = |dealer: &str| {
        AppMessage::QuoteRequestReject(QuoteRequestReject {
            rfq: RfqId::new(rfq.as_str()).unwrap(),
            reason: 10,
            instrument: signet_rfq::InstrumentId::new(BUND).unwrap(),
            dealer: Some(DealerId::new(dealer).unwrap()),
            text: None,
            advice: None,
        })
    };
    w.says(no("NORTH"));
    for s in [RfqStatus::Expired, RfqStatus::Cancelled, RfqStatus::NotFound] {
        let DirectAction::ToBook(m) = status(
            RfqId::new(rfq.as_str()).unwrap(),
            signet_rfq::InstrumentId::new(BUND).unwrap(),
            s,
        ) else {
            panic!()
        };
        w.says(m);
    }
    assert_eq!(w.shown(&rfq).state, Shown::Open);
    w.says(no("SOUTH"));
    assert_eq!(w.shown(&rfq).state, Shown::NothingDone);
}

#[test]
fn what_only_a_gateway_sends_is_heard_from_nobody() {
    let (mut w, _) = with_key(RULES);
    let challenge = StepUpChallenge {
        id: "x".into(),
        reason: None,
        deadline: w.now().venue + 60_000,
        approval: "signet-step-up 1\ngateway=VENUE".into(),
        options: "{}".into(),
    };
    let access = AccessState {
        lease_until: None,
        idle_s: 0,
        on_wake: false,
        on_unlock: false,
        step_up: false,
        keys: 0,
        approver: true,
        text: None,
    };
    let venue =
        VenueState { name: "Other".into(), practice: true, dealers: vec![], at: UtcMillis(0) };
    for m in [
        AppMessage::StepUpChallenge(challenge),
        AppMessage::AccessState(access),
        AppMessage::VenueState(venue),
        AppMessage::Snapshot(SnapshotMark::Begin),
        AppMessage::KeyReport(KeyReport::Registered { name: "evil".into() }),
        AppMessage::SecurityList(SecurityList {
            request: RfqId::new("x").unwrap(),
            last: true,
            instruments: vec![],
        }),
    ] {
        let kind = m.msg_type();
        assert!(w.direct.as_mut().unwrap().heard(m, &w.book).is_none(), "{kind}");
    }
}

#[test]
fn a_further_key_needs_one_that_is_there() {
    let (mut w, mut blue) = with_key(RULES);
    let mut red = w.maker.key(MODEL);
    let m = w.book.register_key("red", None).unwrap();
    w.run(|d, b, n| d.send(m, b, n));
    let (_, _, approval) = w.challenges.last().cloned().unwrap();
    assert!(
        approval.is_some_and(|a| a.contains("action=register-key")),
        "{:?}",
        w.challenges.last()
    );
    w.touch(&mut blue);
    w.finish_registration(&mut red);
    assert_eq!(
        w.frame().keys.unwrap().keys.iter().map(|k| k.name.clone()).collect::<Vec<_>>(),
        ["blue", "red"]
    );
    // A name is given once.
    let m = w.book.register_key("Red", None).unwrap();
    w.run(|d, b, n| d.send(m, b, n));
    assert_eq!(w.frame().keys.unwrap().problem.unwrap().code, "stepup.key_name");
    // Either of them approves, also after a restart.
    w.start();
    w.connect();
    w.trade("5m");
    w.touch(&mut red);
    assert_eq!(w.accepts(), 1);
}

#[test]
fn a_key_of_another_maker_is_not_registered() {
    let mut w = World::new(RULES);
    let mut strange = Maker::new("Stranger").key(MODEL);
    w.register(&mut strange, "mine");
    assert_eq!(w.frame().keys.unwrap().problem.unwrap().code, "stepup.maker_not_listed");
    assert_eq!(w.frame().access.unwrap().keys, 0);
}

#[test]
fn a_counter_that_goes_back_locks_the_key_for_good() {
    let (mut w, mut key) = with_key(RULES);
    w.trade("5m");
    w.touch(&mut key);
    key = key.with(Quirk::CounterBack);
    let (rfq, _) = w.trade("5m");
    w.touch(&mut key);
    assert!(w.accept_text(&rfq).1.contains("copied"), "{:?}", w.accept_text(&rfq));
    assert!(
        w.frame().keys.unwrap().keys.iter().all(|k| !k.good) || w.frame().access.unwrap().keys == 0
    );
    for _ in 0..2 {
        let before = w.challenges.len();
        let (rfq, _) = w.trade("5m");
        assert!(w.accept_text(&rfq).1.contains("locked"), "{:?}", w.accept_text(&rfq));
        // Nor is the next key a first one.
        let m = w.book.register_key("another", None).unwrap();
        w.run(|d, b, n| d.send(m, b, n));
        assert_eq!(
            (w.frame().keys.unwrap().problem.unwrap().code.as_str(), w.challenges.len()),
            ("stepup.no_usable_key", before)
        );
        w.start();
        w.connect();
    }
    assert_eq!((w.accepts(), w.evidence().len()), (1, 1));
}

#[test]
fn waking_up_is_owed_over_a_reconnect_until_a_touch_pays() {
    let (mut w, mut key) = with_key(RULES);
    let wake = || AppMessage::StepUpRequest { reason: "wake".into() };
    w.run(|d, b, n| d.send(wake(), b, n));
    w.lose();
    w.laptop += 1_000;
    w.connect();
    assert_eq!(w.frame().step_up.unwrap()[0].kind, StepUpKind::Session);
    let rfq = w.ask("200k");
    assert_eq!(
        (w.shown(&rfq).state, w.sent.len()),
        (Shown::Sent, 0),
        "the smallest thing waits too"
    );
    w.touch(&mut key);
    assert_eq!((w.shown(&rfq).state, w.sent.len()), (Shown::Open, 1));
    w.trade("200k");
    assert_eq!(w.accepts(), 1);
}

#[test]
fn after_doing_nothing_the_next_act_owes_a_touch_where_the_settings_say_so() {
    let (mut w, mut key) = with_key(&format!("{RULES}\non_idle = true\nidle_minutes = 1"));
    w.later(59_999);
    w.ask("200k");
    w.later(59_999);
    assert_eq!(w.sent.len(), 1, "an act counts from the last one");
    w.later(1);
    let rfq = w.ask("200k");
    assert_eq!((w.shown(&rfq).state, w.sent.len()), (Shown::Sent, 1));
    w.touch(&mut key);
    assert_eq!(w.shown(&rfq).state, Shown::Open);
}

/// An act that comes before the clock's next turn is judged by the pause before it.
#[test]
fn an_act_just_after_the_pause_revives_no_lease() {
    for (idle_ms, goes) in [(59_999, true), (60_000, false)] {
        let rules = "logon = 'never'\nrequest_above = { default = '1m' }\nidle_minutes = 1";
        let (mut w, mut key) = with_key(rules);
        w.ask("5m");
        w.touch(&mut key);
        assert_eq!(w.sent.len(), 1, "{idle_ms}: the touch is a lease");
        w.laptop += idle_ms;
        let rfq = w.ask("5m");
        let state = if goes { Shown::Open } else { Shown::Sent };
        assert_eq!((w.shown(&rfq).state, w.sent.len() == 2), (state, goes), "{idle_ms}");
    }
}

/// The act that ends a pause owes its touch, also before the next turn of the clock.
#[test]
fn a_small_act_just_after_the_pause_owes_a_touch_where_the_settings_say_so() {
    for (idle_ms, goes) in [(59_999, true), (60_000, false)] {
        let (mut w, mut key) = with_key(&format!("{RULES}\non_idle = true\nidle_minutes = 1"));
        w.laptop += idle_ms;
        let rfq = w.ask("200k");
        let state = if goes { Shown::Open } else { Shown::Sent };
        assert_eq!((w.shown(&rfq).state, w.sent.len() == 1), (state, goes), "{idle_ms}");
        if !goes {
            w.touch(&mut key);
            assert_eq!((w.shown(&rfq).state, w.sent.len()), (Shown::Open, 1));
        }
    }
}

#[test]
fn a_logon_always_owes_where_the_settings_say_so() {
    let (w, _) = with_key(RULES);
    assert!(w.challenges.iter().all(|(_, _, approval)| approval.is_none()));
    let (mut w, mut key) = with_key(&RULES.replace("never", "always"));
    w.lose();
    w.connect();
    w.touch(&mut key);
    let rfq = w.ask("200k");
    assert_eq!(w.shown(&rfq).state, Shown::Open);
}

#[test]
fn so_many_wait_and_no_more() {
    let (mut w, _) = with_key("logon = 'never'\nrequest_above = { default = '1m' }");
    let all: Vec<String> = (0..=MAX_HELD_PER_DESK).map(|_| w.ask("5m")).collect();
    let states: Vec<Shown> = all.iter().map(|id| w.shown(id).state).collect();
    assert!(
        states[..MAX_HELD_PER_DESK].iter().all(|s| *s == Shown::Sent)
            && states[MAX_HELD_PER_DESK] == Shown::Refused,
        "{states:?}"
    );
    // One that the trader ends was never sent.
    let m = w.book.cancel(&all[0]).unwrap();
    w.run(|d, b, n| d.send(m, b, n));
    assert_eq!((w.shown(&all[0]).state, w.sent.len()), (Shown::Cancelled, 0));
}

#[test]
fn a_file_that_somebody_changed_opens_nothing() {
    let (mut w, _) = with_key(RULES);
    w.direct = None;
    let path = w.dir.path().join("VENUE.keys");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(
        TouchStore::open(w.dir.path(), &venue_id(), &key_of_store()),
        Err(LogError::Tampered { .. })
    ));
}

/// `tests/fixtures/VENUE.*` were written by Signet 0.1 (commit c07a2fe), sealed format 1.
#[test]
fn keys_and_evidence_of_every_earlier_format_are_read() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("VENUE.keys"),
        include_bytes!("../../tests/fixtures/VENUE.keys"),
    )
    .unwrap();
    std::fs::write(
        dir.path().join("VENUE.evidence"),
        include_bytes!("../../tests/fixtures/VENUE.evidence"),
    )
    .unwrap();
    for _ in 0..2 {
        let store = TouchStore::open(dir.path(), &venue_id(), &key_of_store()).unwrap();
        assert_eq!(
            (store.view().len(), store.view()[0].name.as_str(), store.good()),
            (1, "blue", 1)
        );
    }
    let (_, recovered) =
        signet_journal::SealedLog::open(&dir.path().join("VENUE.evidence"), &key_of_store())
            .unwrap();
    let evidence =
        Evidence::from_json(std::str::from_utf8(&recovered.records[0]).unwrap()).unwrap();
    assert_eq!((recovered.records.len(), evidence.verify()), (1, Ok(())));
}

/// Neither a key that was locked nor a touch may come back or vanish because of a damaged file.
#[test]
fn no_changed_bit_of_keys_or_evidence_is_read_as_something_else() {
    let (mut w, mut key) = with_key(RULES);
    w.trade("5m");
    w.touch(&mut key);
    w.direct = None;
    for name in ["VENUE.keys", "VENUE.evidence"] {
        let path = w.dir.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        // In place: a file that is cut off and written again is flushed to the disk by some file
        // systems.
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let mut put = |at: usize, byte: u8| {
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&[byte]).unwrap();
        };
        // Every byte, with a bit that moves along.
        for (at, &byte) in whole.iter().enumerate() {
            put(at, byte ^ (1 << (at % 8)));
            let opened = TouchStore::open(w.dir.path(), &venue_id(), &key_of_store()).map(drop);
            assert!(
                opened.as_ref().is_err_and(LogError::is_damage),
                "{name} byte {at}: {opened:?}"
            );
            put(at, byte);
        }
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_plain_venue_gets_nothing_that_is_for_a_gateway() {
    let m = signet_fix::message::QuoteResponse {
        text: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: AcceptId::new("R1:1").unwrap(),
        response: signet_fix::message::Response::HitOrLift,
        rfq: RfqId::new("R1").ok(),
        quote: signet_rfq::QuoteId::new("q").unwrap(),
        instrument: signet_rfq::InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        dealer: None,
        side: signet_rfq::Side::Buy,
        quantity: 1.into(),
        price: 1.into(),
        currency: None,
        settlement_date: None,
        deadline: Some(UtcMillis(1)),
        at: UtcMillis(0),
        limit: None,
    };
    let AppMessage::QuoteResponse(r) = standard(AppMessage::QuoteResponse(m)) else { panic!() };
    assert_eq!((r.rfq, r.deadline), (None, None));
}
