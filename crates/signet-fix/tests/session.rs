//! Two engines in one thread, bytes carried by hand: the FIX session layer as Signet drives it.
//!
//! Names in capitals (B1, B3, ...) are the traps of the binding listed in the engine study; clause
//! numbers are of the FIX session layer (FIX 4.4 volume 2, "Session protocol").

use signet_fix::{
    AppMessage,
    framer::Framer,
    message::*,
    session::{Binding, Event, Outbox, Role, SendError, Session, SessionConfig, SessionError},
    store::{MemoryStore, SealedStore, SessionStore, StoreError},
    tagvalue::{Fields, seal},
};
use signet_identity::CompId;
use signet_journal::StoreKey;
use signet_rfq::*;
use std::{cell::Cell, path::Path, rc::Rc};

const NOW: UtcMillis = UtcMillis(1_795_227_720_125);

fn config(role: Role, pair: &str, strict: bool) -> SessionConfig {
    let (desk, gateway) = (format!("DESK-{pair}"), format!("GATE-{pair}"));
    let (sender, target) = if role == Role::Initiator { (desk, gateway) } else { (gateway, desk) };
    SessionConfig {
        role,
        sender: CompId::new(sender).unwrap(),
        target: CompId::new(target).unwrap(),
        heartbeat_s: 10,
        strict,
    }
}

fn memory() -> Box<dyn SessionStore> {
    Box::new(MemoryStore::new(NOW))
}

fn sealed(path: &Path) -> Box<dyn SessionStore> {
    Box::new(SealedStore::open(path, &StoreKey::new([3; 32]), NOW, false).unwrap())
}

/// One end: a session, its outbox and the frames that left it.
struct End {
    session: Session,
    outbox: Rc<Outbox>,
    events: Vec<Event>,
}

impl End {
    fn new(config: &SessionConfig, store: Box<dyn SessionStore>, binding: Binding) -> Self {
        let session = Session::open(config, store).unwrap();
        let outbox = session.attach(binding).unwrap();
        Self { session, outbox, events: vec![] }
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        let mut bytes = vec![];
        self.outbox.take(&mut bytes);
        let mut framer = Framer::new();
        framer.push(&bytes);
        let mut out = vec![];
        while let Some(f) = framer.next_frame().unwrap() {
            out.push(f.to_vec());
        }
        out
    }

    fn take(&mut self, frames: &[Vec<u8>]) {
        for f in frames {
            let _ = self.session.receive(f);
            self.events.extend(std::iter::from_fn(|| self.session.next_event()));
        }
        while self.session.work() {
            self.events.extend(std::iter::from_fn(|| self.session.next_event()));
        }
        while let Some(e) = self.session.next_event() {
            self.events.push(e);
        }
    }

    fn messages(&mut self) -> Vec<AppMessage> {
        let taken = std::mem::take(&mut self.events);
        taken
            .into_iter()
            .filter_map(
                |e| if let Event::Message { message, .. } = e { Some(message) } else { None },
            )
            .collect()
    }
}

struct Pair {
    desk: End,
    gate: End,
    name: &'static str,
}

impl Pair {
    fn new(name: &'static str) -> Self {
        Self::with(name, memory(), memory(), Binding::None, Binding::None)
    }

    fn with(
        name: &'static str,
        d: Box<dyn SessionStore>,
        g: Box<dyn SessionStore>,
        db: Binding,
        gb: Binding,
    ) -> Self {
        let desk = End::new(&config(Role::Initiator, name, true), d, db);
        let gate = End::new(&config(Role::Acceptor, name, true), g, gb);
        Self { desk, gate, name }
    }

    fn logged_on(name: &'static str) -> Self {
        let mut p = Self::new(name);
        p.settle();
        assert!(p.up(), "{:?} {:?}", p.desk.events, p.gate.events);
        p
    }

    fn up(&self) -> bool {
        self.desk.session.is_logged_on() && self.gate.session.is_logged_on()
    }

    /// Carries bytes both ways until both are quiet.
    fn settle(&mut self) {
        self.desk.session.tick();
        self.gate.session.tick();
        for _ in 0..20 {
            let (a, b) = (self.desk.frames(), self.gate.frames());
            if a.is_empty() && b.is_empty() {
                break;
            }
            self.gate.take(&a);
            self.desk.take(&b);
        }
    }

    fn reconnect(&mut self) {
        self.desk.outbox = self.desk.session.attach(Binding::None).unwrap();
        self.gate.outbox = self.gate.session.attach(Binding::None).unwrap();
        self.settle();
    }

    /// A frame from the desk to the gateway made by hand.
    fn forged(&self, seq: u64, body: &str) -> Vec<u8> {
        let (msg_type, rest) = body.split_once('|').unwrap();
        let text = format!(
            "{msg_type}|34={seq}|49=DESK-{n}|52=20261121-02:22:00.125|56=GATE-{n}|{rest}",
            n = self.name
        );
        seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes())
    }

    fn next_from_desk(&self) -> u64 {
        self.desk.session.sequence().unwrap().0
    }
}

fn request(id: &str) -> AppMessage {
    AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new(id).unwrap(),
        instrument: InstrumentId::new("DE0001102580").unwrap(),
        isin: true,
        ask: Ask::Buy,
        quantity: "5000000".parse().unwrap(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![DealerId::new("NORTHBANK").unwrap(), DealerId::new("EASTBANK").unwrap()],
        expires: NOW + 60_000,
        at: NOW,
    })
}

fn quote(id: &str) -> AppMessage {
    let level =
        |p: &str| Some(Level { price: p.parse().unwrap(), size: "5000000".parse().unwrap() });
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: RfqId::new("R1").unwrap(),
        id: QuoteId::new(id).unwrap(),
        instrument: InstrumentId::new("DE0001102580").unwrap(),
        dealer: Some(DealerId::new("NORTHBANK").unwrap()),
        bid: level("99.100"),
        offer: level("99.135"),
        valid_until: NOW + 5_000,
        tradeable: true,
        at: NOW,
        qualifiers: Default::default(),
    })
}

fn report(exec: &str) -> AppMessage {
    AppMessage::ExecutionReport(ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "O1".into(),
        exec_id: exec.into(),
        exec_ref: None,
        accept: AcceptId::new("A1").unwrap(),
        exec_type: ExecType::Trade,
        status: OrdStatus::Filled,
        instrument: InstrumentId::new("DE0001102580").unwrap(),
        dealer: Some(DealerId::new("NORTHBANK").unwrap()),
        side: Side::Buy,
        last: Some(Level { price: "99.135".parse().unwrap(), size: "5000000".parse().unwrap() }),
        cum_qty: "5000000".parse().unwrap(),
        leaves_qty: "0".parse().unwrap(),
        avg_px: "99.135".parse().unwrap(),
        settlement_date: Some("20261124".into()),
        currency: Some("EUR".into()),
        disputed: false,
        price: None,
        reject_reason: None,
        text: None,
        at: NOW,
    })
}

#[test]
fn every_message_of_the_rfq_passes_through_two_engines_unchanged() {
    let mut p = Pair::logged_on("ALL");
    let rfq = RfqId::new("R1").unwrap();
    let instrument = InstrumentId::new("DE0001102580").unwrap();
    let accept = AcceptId::new("A1").unwrap();
    let dealer = Some(DealerId::new("NORTHBANK").unwrap());
    let bund = Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: instrument.clone(),
        symbol: "DBR 0 02/32".into(),
        name: "Bundesrepublik Deutschland".into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: "0.005".parse().unwrap(),
        lot: "1000".parse().unwrap(),
        min_quantity: "100000".parse().unwrap(),
        max_quantity: "100000000".parse().unwrap(),
        settlement: "T+2".into(),
        price_format: Default::default(),
    };
    let pair = Instrument {
        id: InstrumentId::new("EUR/USD").unwrap(),
        symbol: "EUR/USD".into(),
        asset_class: AssetClass::FxSpot,
        tick: "0.001".parse().unwrap(),
        ..bund.clone()
    };
    let from_desk = [
        request("R1"),
        AppMessage::RfqCancel { rfq: rfq.clone(), text: Some("no longer needed".into()) },
        AppMessage::SecurityListRequest(SecurityListRequest { id: rfq.clone(), digest: None }),
        AppMessage::SecurityListRequest(SecurityListRequest {
            id: rfq.clone(),
            digest: Some(ListDigest::of(&Catalogue::default())),
        }),
        AppMessage::StepUpAnswer(StepUpAnswer {
            id: "c1".into(),
            answer: Answer::Signed("{\"id\":\"\u{e9}\"}".into()),
        }),
        AppMessage::StepUpAnswer(StepUpAnswer {
            id: "c1".into(),
            answer: Answer::Declined(Some("no".into())),
        }),
        AppMessage::StepUpRequest { reason: "wake".into() },
        AppMessage::KeyRequest(KeyRequest::List),
        AppMessage::KeyRequest(KeyRequest::Begin {
            name: "blue".into(),
            code: Some("ABCD-EFGH".into()),
        }),
        AppMessage::KeyRequest(KeyRequest::Finish {
            id: "c2".into(),
            credential: "x".repeat(16_000),
        }),
        AppMessage::OrderStatusRequest(OrderStatusRequest {
            accept: accept.clone(),
            instrument: instrument.clone(),
            side: Side::Buy,
            dealer: dealer.clone(),
            sent: None,
        }),
        AppMessage::QuoteResponse(QuoteResponse {
            text: None,
            price_type: signet_rfq::PriceType::Price,
            legs: vec![],
            id: accept.clone(),
            response: Response::HitOrLift,
            rfq: Some(rfq.clone()),
            quote: QuoteId::new("q1").unwrap(),
            instrument: instrument.clone(),
            isin: true,
            dealer: dealer.clone(),
            side: Side::Buy,
            quantity: "5000000".parse().unwrap(),
            price: "99.135".parse().unwrap(),
            currency: Some("EUR".into()),
            settlement_date: Some("20261124".into()),
            deadline: None,
            at: NOW,
            limit: None,
        }),
    ];
    let AppMessage::QuoteRequest(open) = request("R9") else { unreachable!() };
    let from_gate = [
        AppMessage::StepUpChallenge(StepUpChallenge {
            id: "c1".into(),
            reason: Some("Accepts of this size need a touch".into()),
            deadline: UtcMillis(1_800_000_000_000),
            approval: "signet-step-up 1\ngateway=GATE\n\u{1}10=000\u{1}".into(),
            options: "{}".into(),
        }),
        AppMessage::StepUpOutcome(StepUpOutcome {
            id: "c1".into(),
            status: StepUpStatus::SecondWanted,
            code: None,
            text: Some("waiting".into()),
            cure: None,
        }),
        AppMessage::AccessState(AccessState {
            lease_until: Some(UtcMillis(1_800_000_000_000)),
            idle_s: 600,
            on_wake: true,
            on_unlock: false,
            step_up: true,
            keys: 2,
            approver: true,
            text: None,
        }),
        AppMessage::KeyReport(KeyReport::List("[]".into())),
        AppMessage::KeyReport(KeyReport::Options {
            id: "c2".into(),
            deadline: UtcMillis(1_800_000_000_000),
            options: "{}".into(),
        }),
        AppMessage::KeyReport(KeyReport::Registered { name: "blue".into() }),
        AppMessage::KeyReport(KeyReport::Refused {
            code: "stepup.code_wrong".into(),
            text: Some("no".into()),
            cure: None,
        }),
        quote("q1"),
        report("e1"),
        AppMessage::QuoteCancel(QuoteCancel {
            rfq: Some(rfq.clone()),
            quote: Some(QuoteId::new("q1").unwrap()),
            instrument: Some(instrument.clone()),
            dealer: dealer.clone(),
            unreachable: true,
        }),
        AppMessage::QuoteRequestReject(QuoteRequestReject {
            rfq: rfq.clone(),
            reason: 10,
            instrument: instrument.clone(),
            dealer: dealer.clone(),
            text: Some("not today".into()),
            advice: None,
        }),
        AppMessage::QuoteStatusReport(QuoteStatusReport {
            rfq: rfq.clone(),
            instrument: instrument.clone(),
            status: RfqStatus::Open,
            quote: None,
            answers: Some(accept.clone()),
            until: Some(NOW),
            text: None,
        }),
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: Some(3),
            ref_msg_type: "AJ".into(),
            ref_id: Some("A1".into()),
            reason: 0,
            text: Some("requoted".into()),
        }),
        AppMessage::SecurityList(SecurityList {
            request: rfq.clone(),
            last: true,
            instruments: vec![bund, pair],
        }),
        AppMessage::SecurityListUnchanged { request: rfq },
        AppMessage::VenueState(VenueState {
            name: "Practice".into(),
            practice: true,
            dealers: vec![
                DealerState {
                    id: dealer.clone().unwrap(),
                    name: "Northbank".into(),
                    online: true,
                    counters: false,
                    parts: false,
                },
                DealerState {
                    id: DealerId::new("E").unwrap(),
                    name: "Eastbank".into(),
                    online: false,
                    counters: false,
                    parts: false,
                },
            ],
            at: NOW,
        }),
        AppMessage::Snapshot(SnapshotMark::Begin),
        AppMessage::Snapshot(SnapshotMark::Rfq(open)),
        AppMessage::Snapshot(SnapshotMark::End),
    ];
    for m in &from_desk {
        p.desk.session.send(m).unwrap();
    }
    for m in &from_gate {
        p.gate.session.send(m).unwrap();
    }
    p.settle();
    assert_eq!(p.gate.messages(), from_desk);
    assert_eq!(p.desk.messages(), from_gate);
}

#[test]
fn nothing_is_sent_while_offline_and_nothing_is_delivered_later() {
    let mut p = Pair::new("OFFLINE");
    assert_eq!(p.desk.session.send(&request("R1")), Err(SendError::NotLoggedOn));
    p.settle();
    assert!(p.up());
    assert!(p.gate.messages().is_empty());
}

#[test]
fn a_dropped_link_resumes_where_it_was_and_lost_reports_come_again() {
    let mut p = Pair::logged_on("RESUME");
    p.desk.session.send(&request("R1")).unwrap();
    p.settle();
    // A quote and a report leave the gateway and never arrive.
    p.gate.session.send(&quote("q1")).unwrap();
    p.gate.session.send(&report("e1")).unwrap();
    assert_eq!(p.gate.frames().len(), 2);
    p.desk.events.clear();
    p.reconnect();
    assert!(p.up());
    // The report, which is true for ever, is resent; the quote, which was true then, is not.
    let poss_dup =
        p.desk.events.iter().any(|e| matches!(e, Event::Message { meta, .. } if meta.poss_dup));
    assert!(poss_dup);
    assert_eq!(p.desk.messages(), [report("e1")]);
    let (d, g) = (p.desk.session.sequence().unwrap(), p.gate.session.sequence().unwrap());
    assert_eq!((d.0, d.1), (g.1, g.0), "both ends count alike");
    assert!(d.0 > 2, "no reset");
}

#[test]
fn what_is_sent_right_after_a_logon_survives_the_resend_of_what_was_lost_before() {
    let mut p = Pair::logged_on("PRESENT");
    p.gate.session.send(&quote("q1")).unwrap();
    assert_eq!(p.gate.frames().len(), 1, "lost with the link");
    p.desk.events.clear();
    p.desk.outbox = p.desk.session.attach(Binding::None).unwrap();
    p.gate.outbox = p.gate.session.attach(Binding::None).unwrap();
    p.desk.session.tick();
    let logon = p.desk.frames();
    p.gate.take(&logon);
    // The gateway tells the state at once; the desk, which misses q1, has to hold it back until the
    // resend it now asks for is over.
    p.gate.session.send(&quote("q2")).unwrap();
    p.gate.session.send(&quote("q3")).unwrap();
    p.settle();
    assert_eq!(
        p.desk.messages(),
        [quote("q2"), quote("q3")],
        "each once, and q1, which is past, never"
    );
    let (d, g) = (p.desk.session.sequence().unwrap(), p.gate.session.sequence().unwrap());
    assert_eq!((d.0, d.1), (g.1, g.0), "both ends count alike");
}

#[test]
fn an_accept_lost_on_the_way_is_never_sent_again_by_itself() {
    let mut p = Pair::logged_on("STALE");
    p.desk.session.send(&request("R1")).unwrap();
    assert_eq!(p.desk.frames().len(), 1);
    p.gate.events.clear();
    p.reconnect();
    assert!(p.up());
    assert!(p.gate.messages().is_empty(), "gap-filled, not resent");
    p.desk.session.send(&request("R2")).unwrap();
    p.settle();
    assert_eq!(p.gate.messages(), [request("R2")]);
}

#[test]
fn a_restart_of_either_process_resumes_without_a_reset() {
    let dir = tempfile::tempdir().unwrap();
    let (d, g) = (dir.path().join("desk"), dir.path().join("gate"));
    let mut before = (0, 0);
    for round in 0..3 {
        let mut p = Pair::with("RESTART", sealed(&d), sealed(&g), Binding::None, Binding::None);
        p.settle();
        assert!(p.up(), "round {round}");
        p.desk.session.send(&request("R1")).unwrap();
        p.gate.session.send(&report("e1")).unwrap();
        p.settle();
        assert_eq!(p.gate.messages(), [request("R1")]);
        assert_eq!(p.desk.messages(), [report("e1")]);
        let now = p.desk.session.sequence().unwrap();
        assert!(now.0 > before.0 && now.1 > before.1, "round {round}: {before:?} then {now:?}");
        before = now;
    }
    let disk = std::fs::read(&g).unwrap();
    assert!(!disk.windows(9).any(|w| w == b"NORTHBANK"), "no message in the clear on disk");
}

/// The engine resets a store that was made on an earlier day when it makes a session, which is at
/// each start: numbers and messages would be gone after every night.
#[test]
fn a_restart_on_a_later_day_resumes_without_a_reset() {
    let dir = tempfile::tempdir().unwrap();
    let yesterday = UtcMillis(1_700_000_000_000);
    let open = |file: &str| {
        Box::new(
            SealedStore::open(&dir.path().join(file), &StoreKey::new([3; 32]), yesterday, false)
                .unwrap(),
        ) as Box<dyn SessionStore>
    };
    let mut store = open("gate");
    store.keep(6, &seal("FIX.4.4", b"35=8\x0134=6\x01")).unwrap();
    store.set_next_sender(7).unwrap();
    store.set_next_target(4).unwrap();
    drop(store);
    let gate = Session::open(&config(Role::Acceptor, "NEXTDAY", true), open("gate")).unwrap();
    let _outbox = gate.attach(Binding::None).unwrap();
    assert_eq!(gate.sequence(), Some((7, 4)));
    assert_eq!(gate.numbers_since(), yesterday);
    drop(gate);
    assert!(open("gate").kept(6).is_some());
}

#[test]
fn the_newest_connection_takes_over_from_a_dead_one() {
    let mut p = Pair::logged_on("TAKEOVER");
    let old = p.gate.outbox.clone();
    p.reconnect();
    assert!(p.up());
    assert!(old.closed());
    assert!(!p.gate.session.is_attached_to(&old));
}

#[test]
fn a_logon_from_another_tls_connection_is_refused() {
    for (name, desk, gate) in [
        ("BIND1", Binding::Required("AAAA".into()), Binding::Required("BBBB".into())),
        ("BIND2", Binding::None, Binding::Required("BBBB".into())),
        ("BIND3", Binding::Required("AAAA".into()), Binding::None),
    ] {
        let mut p = Pair::with(name, memory(), memory(), desk, gate);
        p.settle();
        assert!(!p.up(), "{name}");
    }
    let same = || Binding::Required("AAAA".into());
    let mut p = Pair::with("BIND4", memory(), memory(), same(), same());
    p.settle();
    assert!(p.up());
}

#[test]
fn a_bound_session_cannot_be_reset_by_the_peer() {
    let mut p =
        Pair::with("RESET", memory(), memory(), Binding::None, Binding::Required("B".into()));
    let logon = p.forged(1, "35=A|98=0|108=10|141=Y|20000=B|");
    p.gate.take(&[logon]);
    assert!(!p.gate.session.is_logged_on());
}

#[test]
fn b1_an_unsupported_message_type_gets_a_business_reject() {
    let mut p = Pair::logged_on("B1");
    let seq = p.next_from_desk();
    // News (B) is FIX, and not in our dictionary: the engine itself answers. Then one that is in
    // the dictionary of admin messages only. Then the session goes on.
    p.gate.take(&[p.forged(seq, "35=B|148=hello|")]);
    let answers = p.gate.frames();
    let f = Fields::parse(&answers[0]).unwrap();
    assert!(matches!(f.text(35), Some("3" | "j")), "{f:?}");
    assert!(p.gate.session.is_logged_on());
}

#[test]
fn a_message_that_cannot_mean_anything_is_rejected_by_tag_and_the_session_goes_on() {
    let mut p = Pair::logged_on("REJECT");
    let seq = p.next_from_desk();
    let ok = "35=R|131=R1|146=1|55=EUR/USD|54=1|38=5|64=20261124|15=EUR|126=20261121-02:22:00|60=20261121-02:22:00|";
    let cases = [
        (ok.replace("38=5|", "38=-5|"), "371=38", "373=5"),
        (ok.replace("38=5|", "38=0|"), "371=38", "373=5"),
        (ok.replace("38=5|", "38=abc|"), "371=38", "373=5"),
        (ok.replace("38=5|", ""), "371=38", "373=1"),
        (ok.replace("54=1|", "54=9|"), "371=54", "373=5"),
        (ok.replace("146=1|55=EUR/USD|", "146=1|"), "371=", "373="),
        (ok.replace("15=EUR|", "15=EUR|9999=x|"), "371=", "373=2"),
        (ok.replace("35=R|", "35=AJ|"), "371=693", "373=1"),
    ];
    let n = cases.len() as u64;
    for (i, (body, tag, reason)) in cases.into_iter().enumerate() {
        p.gate.take(&[p.forged(seq + i as u64, &body)]);
        let frames = p.gate.frames();
        let text = String::from_utf8_lossy(&frames[0]).replace('\u{1}', "|");
        assert!(
            text.contains("|35=3|") && text.contains(tag) && text.contains(reason),
            "{body} -> {text}"
        );
    }
    assert!(p.gate.messages().is_empty());
    p.gate.take(&[p.forged(seq + n, ok)]);
    assert_eq!(p.gate.messages().len(), 1, "the session goes on");
}

#[test]
fn b3_a_second_session_with_the_same_id_is_refused_and_the_first_lives() {
    let mut p = Pair::logged_on("B3");
    let second = Session::open(&config(Role::Initiator, "B3", true), memory());
    assert!(matches!(second, Err(SessionError::AlreadyOpen(_))));
    p.desk.session.send(&request("R1")).unwrap();
    p.settle();
    assert_eq!(p.gate.messages(), [request("R1")]);
    drop(p);
    assert!(Session::open(&config(Role::Initiator, "B3", true), memory()).is_ok());
}

#[test]
fn b2_after_the_peers_logout_the_next_connection_logs_on() {
    let mut p = Pair::logged_on("B2");
    p.gate.session.logout("closing for the day");
    p.settle();
    assert!(!p.up());
    let text = p
        .desk
        .events
        .iter()
        .find_map(|e| if let Event::LoggedOut { text, .. } = e { text.clone() } else { None });
    assert_eq!(text.as_deref(), Some("closing for the day"));
    for _ in 0..3 {
        p.reconnect();
        assert!(p.up());
    }
}

#[test]
fn a_garbled_message_is_ignored_and_asked_for_again() {
    let mut p = Pair::logged_on("GARBLED");
    p.gate.session.send(&report("e1")).unwrap();
    let mut frame = p.gate.frames().remove(0);
    let at = frame.windows(6).position(|w| w == b"99.135").unwrap();
    frame[at] = b'1'; // 19.135, checksum now wrong
    p.desk.take(&[frame]);
    assert!(p.desk.messages().is_empty());
    assert!(p.desk.session.is_logged_on());
    // The next message shows the gap; the engine asks again.
    p.gate.session.send(&report("e2")).unwrap();
    p.settle();
    assert_eq!(p.desk.messages(), [report("e1"), report("e2")]);
}

#[test]
fn somebody_elses_comp_id_ends_the_session() {
    let mut p = Pair::logged_on("COMPID");
    let seq = p.next_from_desk();
    let frame = p.forged(seq, "35=x|320=a|559=4|");
    let frame = String::from_utf8(frame).unwrap().replace("DESK-COMPID", "DESK-OTHERS");
    let body = frame
        .split_once("\u{1}35=")
        .map(|(_, b)| format!("35={}", b.rsplit_once("10=").unwrap().0))
        .unwrap();
    p.gate.take(&[seal("FIX.4.4", body.as_bytes())]);
    let types: Vec<_> = p
        .gate
        .frames()
        .iter()
        .map(|f| Fields::parse(f).unwrap().text(35).unwrap().to_owned())
        .collect();
    assert_eq!(types, ["3", "5"], "Reject 373=9, then Logout");
    assert!(p.gate.messages().is_empty());
}

#[test]
fn a_sequence_number_too_low_ends_the_session_and_too_high_asks_for_a_resend() {
    let mut p = Pair::logged_on("SEQ");
    p.gate.take(&[p.forged(1, "35=x|320=a|559=4|")]);
    let frames = p.gate.frames();
    assert_eq!(Fields::parse(&frames[0]).unwrap().text(35), Some("5"));
    p.reconnect();
    assert!(p.up());
    let seq = p.next_from_desk();
    p.gate.take(&[p.forged(seq + 5, "35=x|320=a|559=4|")]);
    let frames = p.gate.frames();
    let f = Fields::parse(&frames[0]).unwrap();
    assert_eq!((f.text(35), f.text(7)), (Some("2"), Some(seq.to_string().as_str())));
    let gap = Event::Gap { of_peer: true, from: seq, to: seq + 4 };
    assert!(p.gate.events.contains(&gap), "{:?}", p.gate.events);
    assert!(p.gate.messages().is_empty());
}

/// A peer that asks again and again costs its owner no more than a few events.
#[test]
fn gaps_are_told_within_a_budget() {
    let mut p = Pair::logged_on("GAPS");
    p.gate.session.send(&AppMessage::KeyRequest(signet_fix::message::KeyRequest::List)).ok();
    let (mut told, first) = (0, p.next_from_desk());
    for n in 0..15 {
        p.gate.take(&[p.forged(first + n, "35=2|7=1|16=0|")]);
        let events = std::mem::take(&mut p.gate.events);
        let gap = Event::Gap { of_peer: false, from: 1, to: 0 };
        told += events.iter().filter(|e| **e == gap).count();
        assert!(told <= 10, "{n}: {events:?}");
    }
    assert_eq!(told, 10);
}

#[test]
fn a_refused_message_is_not_taken_for_the_one_that_waited_behind_it() {
    let mut p = Pair::logged_on("WAITED");
    let seq = p.next_from_desk();
    // The later one arrives first and waits; then the missing one comes, and the dictionary refuses
    // it.
    p.gate.take(&[p.forged(seq + 1, "35=x|320=later|559=4|")]);
    assert!(p.gate.messages().is_empty());
    p.gate.take(&[p.forged(seq, "35=AJ|131=R1|")]);
    let id = RfqId::new("later").unwrap();
    let later = AppMessage::SecurityListRequest(SecurityListRequest { id, digest: None });
    assert_eq!(p.gate.messages(), [later]);
}

#[test]
fn a_value_with_a_separator_in_it_is_never_written() {
    let p = Pair::logged_on("INJECT");
    let bad = AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: "R\u{1}38=999999999".into(),
        ref_id: None,
        reason: 0,
        text: None,
    });
    assert!(matches!(p.desk.session.send(&bad), Err(SendError::BadValue(_))));
    assert!(p.desk.frames().is_empty());
}

#[test]
fn a_ping_measures_the_peers_clock_with_standard_messages() {
    let mut p = Pair::logged_on("PING");
    p.desk.session.ping("p1").unwrap();
    p.settle();
    let pong = p.desk.events.iter().find(|e| matches!(e, Event::Pong { id, .. } if id == "p1"));
    assert!(pong.is_some(), "{:?}", p.desk.events);
}

/// A disk that is full from the start, or a store that panics.
struct Broken {
    inner: MemoryStore,
    panics: bool,
    on: Rc<Cell<bool>>,
}

impl SessionStore for Broken {
    fn keep(&mut self, seq: u64, m: &[u8]) -> Result<(), StoreError> {
        if self.on.get() {
            assert!(!self.panics, "store panic under test");
            return Err(StoreError::UnknownRecord);
        }
        self.inner.keep(seq, m)
    }
    fn resendable(&self, a: u64, b: u64, lasting: bool) -> Vec<u64> {
        self.inner.resendable(a, b, lasting)
    }
    fn kept(&self, n: u64) -> Option<Vec<u8>> {
        self.inner.kept(n)
    }
    fn next_sender(&self) -> u64 {
        self.inner.next_sender()
    }
    fn next_target(&self) -> u64 {
        self.inner.next_target()
    }
    fn set_next_sender(&mut self, n: u64) -> Result<(), StoreError> {
        self.inner.set_next_sender(n)
    }
    fn set_next_target(&mut self, n: u64) -> Result<(), StoreError> {
        self.inner.set_next_target(n)
    }
    fn created(&self) -> UtcMillis {
        self.inner.created()
    }
    fn reset(&mut self, now: UtcMillis) -> Result<(), StoreError> {
        self.inner.reset(now)
    }
}

#[test]
fn a_message_that_cannot_be_stored_is_not_sent() {
    for (name, panics) in [("DISKFULL", false), ("STOREPANIC", true)] {
        let on = Rc::new(Cell::new(false));
        let broken = Broken { inner: MemoryStore::new(NOW), panics, on: on.clone() };
        let mut p = Pair::with(name, Box::new(broken), memory(), Binding::None, Binding::None);
        p.settle();
        assert!(p.up());
        on.set(true);
        assert!(
            matches!(p.desk.session.send(&request("R1")), Err(SendError::NotSent(_))),
            "{name}"
        );
        assert!(p.desk.frames().is_empty());
        on.set(false);
        p.desk.session.send(&request("R2")).unwrap();
        p.settle();
        assert_eq!(p.gate.messages(), [request("R2")]);
    }
}

#[test]
fn a_peer_that_does_not_read_is_cut_off_before_memory_runs_out() {
    let p = Pair::logged_on("SLOW");
    let mut sent = 0;
    while p.gate.session.send(&report("e")).is_ok() && !p.gate.outbox.closed() && sent < 1_000_000 {
        sent += 1;
    }
    assert!(p.gate.outbox.closed(), "{sent}");
}

#[cfg(target_os = "linux")]
#[test]
fn no_port_is_opened() {
    let listening = || {
        let inodes: Vec<String> = std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .flatten()
            .filter_map(|f| std::fs::read_link(f.path()).ok())
            .filter_map(|l| {
                l.to_str()
                    .and_then(|s| s.strip_prefix("socket:["))
                    .map(|s| s.trim_end_matches(']').to_owned())
            })
            .collect();
        let table = ["/proc/net/tcp", "/proc/net/tcp6"]
            .map(|f| std::fs::read_to_string(f).unwrap_or_default())
            .concat();
        table
            .lines()
            .filter(|l| l.split_whitespace().nth(9).is_some_and(|i| inodes.iter().any(|x| x == i)))
            .count()
    };
    let _p = Pair::logged_on("PORTS");
    assert_eq!(listening(), 0);
}

/// A counterparty that is not strict may add what FIX 4.4 has: header fields, fields and groups of
/// the Instrument, Parties, Stipulations, YieldData, SpreadOrBenchmarkCurveData, CommissionData and
/// other components, user-defined fields. None of it costs a quote or a trade.
#[test]
fn whatever_fix_4_4_adds_to_a_message_of_a_dealer_is_read_over() {
    let name = "EXTRAS";
    let gate = End::new(&config(Role::Initiator, name, false), memory(), Binding::None);
    let mut gate = gate;
    gate.session.tick();
    let now = || {
        signet_fix::tagvalue::format_utc(UtcMillis(
            time::OffsetDateTime::now_utc().unix_timestamp() * 1_000,
        ))
    };
    let from_dealer = |seq: u64, kind: &str, header: &str, rest: &str| {
        let text =
            format!("35={kind}|{header}34={seq}|49=GATE-{name}|52={}|56=DESK-{name}|{rest}", now());
        seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes())
    };
    gate.take(&[from_dealer(1, "A", "", "98=0|108=10|384=2|372=S|385=R|372=8|385=R|")]);
    assert!(gate.session.is_logged_on(), "{:?}", gate.events);
    let quote = "131=R1|117=Q1|55=EUR/USD|132=1.1|134=5|62=20261121-02:22:00|60=20261121-02:22:00|";
    let report = "37=O1|17=E1|11=A1|150=F|39=2|55=EUR/USD|54=1|32=5|31=1.1|151=0|14=5|6=1.1|60=20261121-02:22:00|";
    let extras = [
        "454=2|455=BBG1|456=A|455=X2|456=5|",
        "136=2|137=1.5|138=EUR|139=4|137=2|138=USD|139=7|",
        "453=2|448=N|447=D|452=35|802=2|523=Jane|803=2|523=Desk|803=9|448=C|447=D|452=1|",
        "232=2|233=PPM|234=1|233=AVFICO|234=2|",
        "711=2|311=A|309=1|305=4|311=B|309=2|305=4|",
        "864=2|865=1|866=20270101|865=5|866=20280101|",
        "78=2|79=ACC1|80=1|79=ACC2|80=4|",
        "382=2|375=B1|337=T1|375=B2|437=1|",
        "518=1|519=1|520=2|521=EUR|",
        "768=2|769=20261121-02:22:00|770=1|769=20261121-02:22:01|770=2|",
        "218=12|220=EUR|221=EUROBOR|222=10Y|662=99|663=1|699=X|761=4|235=MATURITY|236=0.02|",
        "423=2|460=4|461=FXXXXX|167=FOR|541=20261231|225=20200101|470=DE|",
        "5001=own|9999=x|20555=y|6001=1|6001=2|",
        "348=3|349=abc|354=3|355=def|",
    ];
    let mut seq = 2;
    let mut expect = |gate: &mut End, kind: &str, header: &str, body: String| {
        gate.events.clear();
        gate.take(&[from_dealer(seq, kind, header, &body)]);
        seq += 1;
        let refused: Vec<_> =
            gate.events.iter().filter(|e| !matches!(e, Event::Message { .. })).collect();
        assert!(refused.is_empty() && gate.events.len() == 1, "{header}{body}: {:?}", gate.events);
        let sent: Vec<String> = gate
            .frames()
            .iter()
            .map(|f| String::from_utf8_lossy(f).replace('\u{1}', "|"))
            .collect();
        assert!(
            sent.iter().all(|f| !f.contains("|35=3|") && !f.contains("|35=j|")),
            "{body}: {sent:?}"
        );
    };
    for extra in extras {
        expect(&mut gate, "S", "", format!("{quote}{extra}"));
        expect(&mut gate, "8", "", format!("{report}{extra}"));
        expect(&mut gate, "8", "", format!("{extra}{report}"));
    }
    for header in [
        "50=DESK|57=ME|",
        "115=CLIENT|128=HUB|116=a|129=b|144=c|145=d|142=LN|143=FR|",
        "347=UTF-8|",
        "627=1|628=HUB|629=20261121-02:22:00|630=7|",
        "369=1|",
        "97=N|43=N|",
    ] {
        expect(&mut gate, "S", header, quote.into());
    }

    // An application message that is not processed here is unsupported, whatever its type; one of
    // no type of FIX 4.4 is invalid.
    for (kind, answer) in [
        ("B", "|380=3|"),
        ("C", "|380=3|"),
        ("BF", "|380=3|"),
        ("W", "|380=3|"),
        ("ZZ", "|373=11|"),
    ] {
        gate.events.clear();
        gate.take(&[from_dealer(seq, kind, "", "148=News|33=2|58=one|58=two|")]);
        seq += 1;
        let sent: Vec<String> = gate
            .frames()
            .iter()
            .map(|f| String::from_utf8_lossy(f).replace('\u{1}', "|"))
            .collect();
        assert!(sent.iter().any(|f| f.contains(answer)), "{kind}: {sent:?}");
    }
    // And the session goes on. Times may be finer than milliseconds.
    let fine = format!("35=S|34={seq}|49=GATE-{name}|52={}456789012|56=DESK-{name}|{quote}", now());
    gate.events.clear();
    gate.take(&[seal("FIX.4.4", fine.replace('|', "\u{1}").as_bytes())]);
    assert!(matches!(&gate.events[..], [Event::Message { .. }]), "{:?}", gate.events);
}
