//! Signatures on sessions: two engines in one thread, bytes carried by hand.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        UnparsedPublicKey,
    },
};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::{BusinessReject, DecodeError, QuoteResponse, Response, SecurityListRequest},
    session::{Binding, Channel, Event, Meta, Outbox, Role, SendError, Session, SessionConfig},
    signature::{
        Kinds, MessageSigner, SignError, SignatureError, Signing, Verification, commits_gateway,
        every, parts, sign,
    },
    store::{MemoryStore, SessionStore, StoreError},
    tagvalue::{Fields, seal},
};
use signet_identity::CompId;
use signet_rfq::*;
use std::{cell::Cell, cell::RefCell, rc::Rc};

#[derive(Clone)]
struct Key(Rc<EcdsaKeyPair>);

impl Key {
    fn new() -> Self {
        Self(Rc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
    }

    fn signing(&self, which: Kinds) -> Signing {
        Signing { signer: Rc::new(self.clone()), which }
    }

    fn verification(&self, required: Kinds) -> Verification {
        let point = self.0.public_key().as_ref().to_vec();
        let good = move |c: &[u8], s: &[u8; 64]| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).verify(c, s).is_ok()
        };
        Verification { verifier: Rc::new(good), required }
    }
}

impl MessageSigner for Key {
    fn sign(&self, covered: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(&SystemRandom::new(), covered).unwrap().as_ref().try_into().unwrap())
    }
}

/// What a store was asked to keep, for all to see.
struct Seen(MemoryStore, Rc<RefCell<Vec<Vec<u8>>>>);

impl SessionStore for Seen {
    fn keep(&mut self, seq: u64, m: &[u8]) -> Result<(), StoreError> {
        self.1.borrow_mut().push(m.to_vec());
        self.0.keep(seq, m)
    }
    fn resendable(&self, a: u64, b: u64, lasting: bool) -> Vec<u64> {
        self.0.resendable(a, b, lasting)
    }
    fn kept(&self, n: u64) -> Option<Vec<u8>> {
        self.0.kept(n)
    }
    fn next_sender(&self) -> u64 {
        self.0.next_sender()
    }
    fn next_target(&self) -> u64 {
        self.0.next_target()
    }
    fn set_next_sender(&mut self, n: u64) -> Result<(), StoreError> {
        self.0.set_next_sender(n)
    }
    fn set_next_target(&mut self, n: u64) -> Result<(), StoreError> {
        self.0.set_next_target(n)
    }
    fn created(&self) -> UtcMillis {
        self.0.created()
    }
    fn reset(&mut self, now: UtcMillis) -> Result<(), StoreError> {
        self.0.reset(now)
    }
}

struct End {
    session: Session,
    outbox: Rc<Outbox>,
    stored: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl End {
    fn new(role: Role, name: &str, channel: Channel) -> Self {
        let (desk, gate) = (format!("SIG-DESK-{name}"), format!("SIG-GATE-{name}"));
        let (sender, target) = if role == Role::Initiator { (desk, gate) } else { (gate, desk) };
        let config = SessionConfig {
            role,
            sender: CompId::new(sender).unwrap(),
            target: CompId::new(target).unwrap(),
            heartbeat_s: 10,
            strict: true,
        };
        let stored = Rc::new(RefCell::default());
        let store = Seen(MemoryStore::new(UtcMillis(0)), Rc::clone(&stored));
        let session = Session::open(&config, Box::new(store)).unwrap();
        let outbox = session.attach(channel).unwrap();
        Self { session, outbox, stored }
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        let mut bytes = vec![];
        self.outbox.take(&mut bytes);
        let mut framer = Framer::new();
        framer.push(&bytes);
        std::iter::from_fn(|| framer.next_frame().unwrap().map(<[u8]>::to_vec)).collect()
    }

    fn take(&self, frames: &[Vec<u8>]) -> Vec<Event> {
        let mut events = vec![];
        for f in frames {
            let _ = self.session.receive(f);
            events.extend(std::iter::from_fn(|| self.session.next_event()));
        }
        while self.session.work() {
            events.extend(std::iter::from_fn(|| self.session.next_event()));
        }
        events.extend(std::iter::from_fn(|| self.session.next_event()));
        events
    }
}

/// A desk that signs everything and a gateway that signs what commits it, each believing the
/// other's key only.
struct Pair {
    desk: End,
    gate: End,
    desk_key: Key,
    gate_key: Key,
    name: &'static str,
}

impl Pair {
    fn new(name: &'static str) -> Self {
        let (desk_key, gate_key) = (Key::new(), Key::new());
        let (d, g) = channels(&desk_key, &gate_key);
        let p = Self {
            desk: End::new(Role::Initiator, name, d),
            gate: End::new(Role::Acceptor, name, g),
            desk_key,
            gate_key,
            name,
        };
        p.settle();
        assert!(p.desk.session.is_logged_on() && p.gate.session.is_logged_on());
        p
    }

    /// Carries bytes until both are quiet; what happened at the desk and at the gateway.
    fn settle(&self) -> (Vec<Event>, Vec<Event>) {
        self.desk.session.tick();
        self.gate.session.tick();
        let mut happened = (vec![], vec![]);
        for _ in 0..20 {
            let (from_desk, from_gate) = (self.desk.frames(), self.gate.frames());
            if from_desk.is_empty() && from_gate.is_empty() {
                break;
            }
            happened.1.extend(self.gate.take(&from_desk));
            happened.0.extend(self.desk.take(&from_gate));
        }
        happened
    }

    fn reconnect(&mut self) {
        let (d, g) = channels(&self.desk_key, &self.gate_key);
        self.desk.outbox = self.desk.session.attach(d).unwrap();
        self.gate.outbox = self.gate.session.attach(g).unwrap();
    }

    /// A frame of the desk made by hand, unsigned.
    fn by_hand(&self, seq: u64, body: &str) -> Vec<u8> {
        let (kind, rest) = body.split_once('|').unwrap();
        let text = format!(
            "{kind}|34={seq}|49=SIG-DESK-{n}|52=20261121-02:22:00.125|56=SIG-GATE-{n}|{rest}",
            n = self.name
        );
        seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes())
    }

    fn next_from_desk(&self) -> u64 {
        self.desk.session.sequence().unwrap().0
    }
}

fn channels(desk: &Key, gate: &Key) -> (Channel, Channel) {
    let d = Channel {
        binding: Binding::None,
        signing: Some(desk.signing(every)),
        verification: Some(gate.verification(commits_gateway)),
    };
    let g = Channel {
        binding: Binding::None,
        signing: Some(gate.signing(commits_gateway)),
        verification: Some(desk.verification(every)),
    };
    (d, g)
}

fn list(id: &str) -> AppMessage {
    let id = RfqId::new(id).unwrap();
    AppMessage::SecurityListRequest(SecurityListRequest { id, digest: None })
}

fn status() -> AppMessage {
    AppMessage::QuoteStatusReport(signet_fix::message::QuoteStatusReport {
        rfq: RfqId::new("R1").unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        status: signet_fix::message::RfqStatus::Open,
        quote: None,
        answers: None,
        until: None,
        text: None,
    })
}

fn business_reject() -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: "x".into(),
        ref_id: None,
        reason: 0,
        text: None,
    })
}

fn messages(events: Vec<Event>) -> Vec<(AppMessage, Meta)> {
    events
        .into_iter()
        .filter_map(|e| {
            if let Event::Message { message, meta } = e { Some((message, meta)) } else { None }
        })
        .collect()
}

fn refusals(events: &[Event]) -> Vec<SignatureError> {
    let of = |e: &Event| match e {
        Event::Refused { error: DecodeError::Signature(why), .. } => Some(why.clone()),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn field(frame: &[u8], tag: u32) -> Option<String> {
    Fields::parse(frame).unwrap().text(tag).map(str::to_owned)
}

#[test]
fn each_end_signs_what_it_must_and_believes_the_others_key() {
    let p = Pair::new("BOTH");
    p.desk.session.send(&list("L1")).unwrap();
    p.gate.session.send(&status()).unwrap();
    p.gate.session.send(&business_reject()).unwrap();
    p.desk.session.ping("p").unwrap();
    let (from_desk, from_gate) = (p.desk.frames(), p.gate.frames());
    let signed = |frames: &[Vec<u8>]| -> Vec<(String, bool)> {
        frames.iter().map(|f| (field(f, 35).unwrap(), parts(f).is_ok())).collect()
    };
    assert_eq!(signed(&from_desk), [("x".into(), true), ("1".into(), false)]);
    assert_eq!(signed(&from_gate), [("AI".into(), true), ("j".into(), false)]);
    let got = messages(p.gate.take(&from_desk));
    assert_eq!(got.len(), 1);
    assert_eq!(
        (&got[0].0, got[0].1.signed.as_ref().unwrap().as_bytes()),
        (&list("L1"), &from_desk[0][..]),
        "the frame itself is evidence"
    );
    let got = messages(p.desk.take(&from_gate));
    let kept: Vec<bool> = got.iter().map(|(_, meta)| meta.signed.is_some()).collect();
    assert_eq!(kept, [true, false]);
    assert!(
        p.desk
            .stored
            .borrow()
            .iter()
            .chain(&*p.gate.stored.borrow())
            .all(|f| parts(f) == Err(SignatureError::Missing))
    );
}

#[test]
fn a_message_without_a_good_signature_does_nothing_is_answered_and_takes_its_number() {
    let p = Pair::new("REFUSED");
    let (n, other) = (p.next_from_desk(), Key::new());
    let altered = {
        let text =
            String::from_utf8(sign(&p.by_hand(n + 1, "35=x|320=L2|559=4|"), &p.desk_key).unwrap())
                .unwrap();
        let body = text.split_once("\u{1}35=").unwrap().1;
        seal(
            "FIX.4.4",
            format!("35={}", &body[..body.len() - 7]).replace("320=L2", "320=L9").as_bytes(),
        )
    };
    let bad = [
        (p.by_hand(n, "35=x|320=L1|559=4|"), SignatureError::Missing),
        (altered, SignatureError::Bad),
        (sign(&p.by_hand(n + 2, "35=x|320=L3|559=4|"), &other).unwrap(), SignatureError::Bad),
        // Not even what the engine hands over is read without one.
        (p.by_hand(n + 3, "35=U3|131=R1|"), SignatureError::Missing),
        (
            p.by_hand(n + 4, &format!("35=x|320=L5|559=4|93=87|89={}|", "A".repeat(87))),
            SignatureError::Malformed,
        ),
    ];
    for (frame, want) in bad {
        let events = p.gate.take(&[frame]);
        assert_eq!(refusals(&events), std::slice::from_ref(&want));
        assert!(messages(events).is_empty());
        let answers = p.gate.frames();
        let f = Fields::parse(&answers[0]).unwrap();
        assert_eq!((answers.len(), f.text(35), f.text(380)), (1, Some("j"), Some("6")));
        assert!(f.text(58).unwrap().contains(want.code()), "{:?}", f.text(58));
    }
    // The session is as good as before, and the numbers are used up.
    assert_eq!(p.gate.session.sequence().unwrap().1, n + 5);
    let events =
        p.gate.take(&[sign(&p.by_hand(n + 5, "35=x|320=L6|559=4|"), &p.desk_key).unwrap()]);
    assert_eq!(messages(events).len(), 1);
}

/// The desk finds what was refused by the id that it gave it: an accept has one beside its RFQ's.
#[test]
fn a_refusal_names_the_accept_and_not_its_rfq() {
    let p = Pair::new("NAMES");
    let accept = AppMessage::QuoteResponse(QuoteResponse {
        text: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: AcceptId::new("R1:2").unwrap(),
        response: Response::HitOrLift,
        rfq: Some(RfqId::new("R1").unwrap()),
        quote: QuoteId::new("Q1").unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        dealer: Some(DealerId::new("NORTH").unwrap()),
        side: Side::Buy,
        quantity: 100.into(),
        price: 1.into(),
        currency: Some("EUR".into()),
        settlement_date: None,
        deadline: None,
        limit: None,
        at: UtcMillis(1_795_219_200_000),
    });
    let frame = String::from_utf8(accept.encode().finish("FIX.4.4").unwrap()).unwrap();
    let body = frame.split_once("\u{1}35=").unwrap().1.rsplit_once("10=").unwrap().0;
    let body = format!("35={}", body.replace('\u{1}', "|"));
    let frame = sign(&p.by_hand(p.next_from_desk(), &body), &Key::new()).unwrap();
    let events = p.gate.take(&[frame]);
    assert_eq!(refusals(&events), [SignatureError::Bad]);
    let answers = p.gate.frames();
    let f = Fields::parse(&answers[0]).unwrap();
    assert_eq!((f.text(35), f.text(372), f.text(379)), (Some("j"), Some("AJ"), Some("R1:2")));
}

#[test]
fn a_desk_does_not_believe_a_gateway_that_does_not_sign_what_commits_it() {
    let mut p = Pair::new("GATEWAY");
    let (_, verified) = channels(&p.desk_key, &p.gate_key);
    p.gate.outbox = p.gate.session.attach(Channel { signing: None, ..verified }).unwrap();
    let (d, _) = channels(&p.desk_key, &p.gate_key);
    p.desk.outbox = p.desk.session.attach(d).unwrap();
    p.settle();
    p.gate.session.send(&status()).unwrap();
    p.gate.session.send(&business_reject()).unwrap();
    let (desk, _) = p.settle();
    assert_eq!(refusals(&desk), [SignatureError::Missing]);
    assert_eq!(messages(desk).into_iter().map(|(m, _)| m).collect::<Vec<_>>(), [business_reject()]);
}

#[test]
fn a_message_of_another_session_or_another_place_in_this_one_is_worth_nothing() {
    let p = Pair::new("REPLAY");
    p.desk.session.send(&list("L1")).unwrap();
    let sent = p.desk.frames();
    assert_eq!(messages(p.gate.take(&sent)).len(), 1);
    // The same bytes again: the number is used, and the session ends as FIX wants.
    assert!(messages(p.gate.take(&sent)).is_empty());
    let q = Pair::new("REPLAY2");
    let before = q.gate.session.sequence();
    assert!(messages(q.gate.take(&sent)).is_empty(), "other CompIDs");
    assert_eq!(
        before.unwrap().1 + 1,
        q.gate.session.sequence().unwrap().1,
        "a Reject of the session layer took its number"
    );
    // Made to fit: then it is not what was signed.
    let r = Pair::new("REPLAY3");
    let text = String::from_utf8(sent[0].clone()).unwrap();
    let body = text.split_once("\u{1}35=").unwrap().1;
    let fitted = format!("35={}", &body[..body.len() - 7]).replace("-REPLAY\u{1}", "-REPLAY3\u{1}");
    assert_eq!(
        refusals(&r.gate.take(&[seal("FIX.4.4", fitted.as_bytes())])),
        [SignatureError::Bad]
    );
}

#[test]
fn a_resend_is_signed_anew_and_believed() {
    let mut p = Pair::new("RESEND");
    p.gate.session.send(&status()).unwrap();
    let lost = p.gate.frames();
    p.reconnect();
    let mut carried = vec![];
    let mut heard = vec![];
    p.desk.session.tick();
    for _ in 0..10 {
        p.gate.take(&p.desk.frames());
        let frames = p.gate.frames();
        heard.extend(p.desk.take(&frames));
        carried.extend(frames);
    }
    let resent = carried.iter().find(|f| field(f, 35).as_deref() == Some("AI")).expect("resent");
    assert_eq!((field(resent, 43).as_deref(), field(resent, 34)), (Some("Y"), field(&lost[0], 34)));
    assert_ne!(parts(resent).unwrap().signature, parts(&lost[0]).unwrap().signature);
    let got = messages(heard);
    assert_eq!(got.len(), 1);
    assert!(got[0].1.poss_dup && got[0].1.signed.is_some());
}

#[test]
fn what_came_ahead_of_its_turn_is_judged_by_the_bytes_that_came() {
    let p = Pair::new("AHEAD");
    let n = p.next_from_desk();
    let x = |seq, id: &str| {
        sign(&p.by_hand(seq, &format!("35=x|320={id}|559=4|")), &p.desk_key).unwrap()
    };
    let unsigned = p.by_hand(n + 2, "35=x|320=L2|559=4|");
    // A second one under a number that waits already is not taken for it.
    let ahead = [x(n + 1, "L1"), unsigned, x(n + 2, "L9"), x(n + 3, "L3")];
    assert!(messages(p.gate.take(&ahead)).is_empty());
    let events = p.gate.take(&[x(n, "L0")]);
    assert_eq!(refusals(&events), [SignatureError::Missing]);
    let got = messages(events);
    assert_eq!(
        got.iter().map(|(m, _)| m).collect::<Vec<_>>(),
        [&list("L0"), &list("L1"), &list("L3")]
    );
    assert_eq!(got[1].1.signed.as_ref().unwrap().as_bytes(), ahead[0]);
    assert_eq!(p.gate.session.sequence().unwrap().1, n + 4);
}

#[test]
fn more_ahead_of_its_turn_than_is_kept_comes_again_and_is_not_lost() {
    let p = Pair::new("MANY");
    let numbered = |n: u64| {
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: Some(n),
            ref_msg_type: "x".into(),
            ref_id: None,
            reason: 0,
            text: None,
        })
    };
    // The first is lost; as many wait as are kept, and some more.
    let count = 4_200;
    let mut frames = vec![];
    for n in 0..count {
        p.desk.session.send(&numbered(n)).unwrap();
        frames.extend(p.desk.frames());
    }
    let mut heard = p.gate.take(&frames[1..]);
    assert!(messages(std::mem::take(&mut heard)).is_empty());
    for _ in 0..20 {
        let asked = p.gate.frames();
        p.desk.take(&asked);
        let again = p.desk.frames();
        heard.extend(p.gate.take(&again));
    }
    let got = messages(heard);
    let order: Vec<u64> =
        got.iter()
            .map(|(m, _)| {
                if let AppMessage::BusinessReject(j) = m {
                    j.ref_seq_num.unwrap()
                } else {
                    u64::MAX
                }
            })
            .collect();
    assert_eq!(order, (0..count).collect::<Vec<_>>());
    assert!(got.iter().all(|(_, meta)| meta.signed.is_some()));
}

#[test]
fn a_key_that_cannot_sign_ends_the_connection_and_nothing_leaves() {
    let mut p = Pair::new("NOKEY");
    let works = Rc::new(Cell::new(false));
    let (key, on) = (p.desk_key.clone(), works.clone());
    let signer = move |c: &[u8]| {
        if on.get() { key.sign(c) } else { Err(SignError("the token was removed".into())) }
    };
    let (d, _) = channels(&p.desk_key, &p.gate_key);
    let channel = Channel { signing: Some(Signing { signer: Rc::new(signer), which: every }), ..d };
    p.reconnect();
    p.desk.outbox = p.desk.session.attach(channel.clone()).unwrap();
    p.settle();
    assert!(p.desk.session.is_logged_on(), "a Logon is not signed");
    let refused = p.desk.session.send(&list("L1"));
    assert_eq!(
        refused,
        Err(SendError::NotSent("the message could not be signed: the token was removed".into()))
    );
    assert!(p.desk.outbox.closed() && p.desk.outbox.is_empty());
    // Nor later: a request of the past is passed over, and the next one leaves signed.
    works.set(true);
    p.reconnect();
    p.desk.outbox = p.desk.session.attach(channel).unwrap();
    let (_, gate) = p.settle();
    assert!(messages(gate).is_empty());
    p.desk.session.send(&list("L2")).unwrap();
    let (_, gate) = p.settle();
    assert_eq!(messages(gate).into_iter().map(|(m, _)| m).collect::<Vec<_>>(), [list("L2")]);
}

/// Each application message as it travelled, once, with what was thought of it; no message of the
/// session layer; and nothing on connections that are made without a tap.
#[test]
fn a_tap_is_told_of_each_application_message_as_it_travels() {
    use signet_fix::session::Passing;
    type Told = (&'static str, String, Vec<u8>);
    let mut p = Pair::new("TAP");
    let told: Rc<RefCell<Vec<Told>>> = Rc::default();
    let tap = |told: &Rc<RefCell<Vec<Told>>>| {
        let told = told.clone();
        let of = |what, frame: &[u8]| (what, field(frame, 35).unwrap_or_default(), frame.to_vec());
        let tap: signet_fix::session::Tap = Rc::new(move |passing: Passing<'_>| {
            told.borrow_mut().push(match passing {
                Passing::Sent(frame) => of("sent", frame),
                Passing::Received { frame, signed: true } => of("signed", frame),
                Passing::Received { frame, signed: false } => of("unsigned", frame),
                Passing::Refused { frame, .. } => of("refused", frame),
            });
        });
        Some(tap)
    };
    p.desk.session.tap(tap(&told));
    p.gate.session.tap(tap(&told));
    p.desk.session.send(&list("L0")).unwrap();
    p.settle();
    assert!(told.borrow().is_empty(), "from the next connection on");
    p.reconnect();
    p.settle();
    assert!(told.borrow().is_empty(), "the Logons are none");
    p.desk.session.send(&list("L1")).unwrap();
    let frames = p.desk.frames();
    p.gate.take(&frames);
    p.gate.session.send(&status()).unwrap();
    p.gate.session.send(&business_reject()).unwrap();
    p.settle();
    let unsigned = p.by_hand(p.next_from_desk(), "35=x|320=L2|559=4|");
    p.gate.take(std::slice::from_ref(&unsigned));
    let all = told.borrow();
    let heard: Vec<(&str, &str)> = all.iter().map(|(what, kind, _)| (*what, &kind[..])).collect();
    let first = [("sent", "x"), ("signed", "x"), ("sent", "AI"), ("sent", "j"), ("signed", "AI")];
    assert_eq!(heard[..5], first);
    assert_eq!(heard[5], ("unsigned", "j"));
    assert!(heard.contains(&("refused", "x")), "{heard:?}");
    // The very bytes, with the signature.
    assert_eq!((&all[0].2, &all[1].2), (&frames[0], &frames[0]));
    assert!(parts(&all[0].2).is_ok() && all[2].2 == all[4].2);
}
