//! What is counted: the gateway's own code on one message, with everything that it needs made
//! beforehand.
//!
//! Times and messages are fixed. The signature that is verified is a test vector of
//! docs/protocol.md, because the work of a verification depends on the signature. The key that
//! signs is drawn by each process, because the work of signing does not depend on the key.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustls::sign::public_key_to_spki;
use rustls_pki_types::{CertificateDer, alg_id};
use signet_bench::{
    decisions::{self, NOON, Rules},
    pair,
};
use signet_devca::{DevPki, Order};
use signet_fix::{
    AppMessage, BEGIN_STRING,
    framer::{Framed, Framer},
    message::{QuoteMsg, QuoteRequest, QuoteResponse},
    signature::{every, parts, sign},
    tagvalue::seal,
};
use signet_gateway::signed::{Kept, Party, SignedLog, signing, verification};
use signet_identity::{CompId, MessageKey, MessagePublicKey};
use signet_journal::StoreKey;
use signet_policy::{
    entitle::{CedarEntitlements, Outcome},
    score::Decision,
};
use signet_rfq::{AcceptId, Catalogue, DealerId, QuoteId, RfqId, UtcMillis};
use signet_router::{
    DealerSettings, Input, Keep, Router,
    journal::{Journal, OnBadRecord},
};
use std::{collections::BTreeSet, hint::black_box};
use time::OffsetDateTime;

/// Carries an operation out, once at each call.
pub(crate) type Call = Box<dyn FnMut()>;

/// One row of the table.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Makes everything for so many calls.
    pub(crate) prepare: fn(usize) -> Call,
}

/// In the order of the table.
pub(crate) static OPERATIONS: [Operation; 21] = [
    Operation { name: "encode.quote_request", prepare: |_| encode(&framed(REQUEST)) },
    Operation { name: "encode.quote", prepare: |_| encode(&framed(QUOTE)) },
    Operation { name: "encode.accept", prepare: |_| encode(&framed(ACCEPT)) },
    Operation { name: "decode.quote_request", prepare: |_| decode(signed_request()) },
    Operation { name: "decode.quote", prepare: |_| decode(framed(QUOTE)) },
    Operation { name: "decode.accept", prepare: |_| decode(framed(ACCEPT)) },
    Operation { name: "frame.quote_request", prepare: |_| frame(signed_request()) },
    Operation { name: "verify.quote_request", prepare: |_| verify() },
    Operation { name: "sign.quote_request", prepare: |_| sign_request() },
    Operation { name: "evidence.quote_request", prepare: |_| evidence() },
    Operation { name: "decide.entitlements.1_dealer", prepare: |_| entitlements(1) },
    Operation { name: "decide.entitlements.12_dealers", prepare: |_| entitlements(12) },
    Operation { name: "decide.cold.1_dealer", prepare: |_| entitlements_cold(1) },
    Operation { name: "decide.cold.12_dealers", prepare: |_| entitlements_cold(12) },
    Operation { name: "decide.risk", prepare: |_| risk() },
    Operation { name: "journal.quote_request", prepare: |calls| journal(requests(calls)) },
    Operation { name: "journal.quote", prepare: |calls| journal(quotes(calls)) },
    Operation { name: "journal.accept", prepare: |calls| journal(accepts(calls)) },
    Operation { name: "route.quote_request", prepare: |calls| route(requests(calls)) },
    Operation { name: "route.quote", prepare: |calls| route(quotes(calls)) },
    Operation { name: "route.accept", prepare: |calls| route(accepts(calls)) },
];

// ----- the messages -----

/// The body of the first vector, `|` for SOH, and its signature and public key.
const REQUEST: &str = "35=R|34=7|49=ALICE|52=20261121-02:22:00.125|56=SIGNET|131=R1|146=1|\
    55=EUR/USD|303=1|537=1|54=1|38=5000000|64=20261124|15=EUR|126=20261121-02:23:00.125|\
    60=20261121-02:22:00.120|453=1|448=NORTHBANK|447=D|452=35|";
const SIGNATURE: &str =
    "+e9y9cANgfMAKO2bLtELyhSeAK6L/Ro9Kpz+WrRjELxT6C/L1gU3KQq8fNRm1DV65IsCOqkPjruyQTmJZ3ubIw==";
const SIGNER: &str =
    "BCJtC6l7OXs8JwICTuKVTS88VEZL9vidV7KJU0sBpAJAZULDnp7bsmZEvJx0qbaZyZMcAeCoMk0RsGZl6FBXmh0=";
const QUOTE: &str = "35=S|34=8|49=NORTHBANK|52=20261121-02:22:00.310|56=SIGNET|131=ALICE.R1|\
    117=Q1|537=1|55=EUR/USD|133=1.08345|135=5000000|62=20261121-02:22:30.310|\
    60=20261121-02:22:00.305|";
const ACCEPT: &str = "35=AJ|34=9|49=ALICE|52=20261121-02:22:00.380|56=SIGNET|693=X1|131=R1|\
    117=Q1|694=1|11=X1|453=1|448=NORTHBANK|447=D|452=35|55=EUR/USD|54=1|38=5000000|64=20261124|\
    15=EUR|62=20261121-02:22:05.380|60=20261121-02:22:00.380|44=1.08345|";
/// The gateway's clock: 2026-11-21 02:22:00.400 UTC.
const NOW: UtcMillis = UtcMillis(1_795_227_720_400);
const DESK: &str = "ALICE";
/// The first quotes what is accepted; three quotes make a reference price.
const DEALERS: [&str; 3] = ["NORTHBANK", "HARBOUR", "MERIDIAN"];

fn framed(body: &str) -> Vec<u8> {
    seal(BEGIN_STRING, body.replace('|', "\u{1}").as_bytes())
}

/// The vector, byte for byte; else its signature would not be good.
fn signed_request() -> Vec<u8> {
    framed(&format!("{REQUEST}93=88|89={SIGNATURE}|"))
}

fn read(frame: &[u8]) -> AppMessage {
    AppMessage::decode(frame).expect("a message of ours")
}

// ----- the codec and the framer -----

/// Body and frame, as the journal writes them; on the wire the engine writes the frame.
fn encode(frame: &[u8]) -> Call {
    let message = read(frame);
    Box::new(move || {
        let frame = black_box(&message).encode().finish(BEGIN_STRING);
        black_box(frame.expect("every value can be written"));
    })
}

fn decode(frame: Vec<u8>) -> Call {
    Box::new(move || {
        black_box(read(black_box(&frame[..])));
    })
}

/// From bytes of the socket to a whole frame, and the look for another one.
fn frame(frame: Vec<u8>) -> Call {
    let mut framer = Framer::new();
    Box::new(move || {
        framer.push(black_box(&frame[..]));
        let whole = matches!(framer.next_framed(), Ok(Some(Framed::Frame(f))) if f == &frame[..]);
        let only = matches!(framer.next_framed(), Ok(None));
        assert!(whole && only);
    })
}

// ----- signatures and their evidence -----

fn verify() -> Call {
    let point = BASE64.decode(SIGNER).expect("base64");
    let spki = public_key_to_spki(&alg_id::ECDSA_P256, &point);
    let key = MessagePublicKey::of_spki(&spki).expect("a P-256 key");
    let (judge, frame) = (verification(key, every).verifier, signed_request());
    Box::new(move || {
        let p = parts(black_box(&frame[..])).expect("a signed message");
        assert!(judge.is_good(p.covered, &p.signature));
    })
}

/// With a key in memory, as the gateway signs what it sends.
fn sign_request() -> Call {
    let today = OffsetDateTime::from_unix_timestamp(NOW.0 / 1_000).expect("a time");
    let pki = DevPki::generate("bench.signet.example", today).expect("a CA");
    let issued = pki.issue(&Order::gateway("SIGNET")).expect("a certificate");
    let key = MessageKey::of(&issued.certified_key().expect("a key")).expect("a P-256 key");
    let (signer, frame) = (signing(&key, every).signer, framed(REQUEST));
    Box::new(move || {
        black_box(sign(black_box(&frame[..]), &*signer).expect("a signature"));
    })
}

/// A record of the evidence: sealed, chained, a leaf of the tree; not waited for.
fn evidence() -> Call {
    let folder = tempfile::tempdir().expect("a folder");
    let key = StoreKey::new([7; 32]);
    let mut log = SignedLog::open(&folder.path().join("signed"), &key, NOW, false).expect("opened");
    let (certificate, frame) = (CertificateDer::from(vec![0x30; 600]), signed_request());
    Box::new(move || {
        // The folder lives as long as the log.
        black_box(&folder);
        let (party, certificate, frame) = (Party::Desk, &certificate, &frame[..]);
        log.keep(&Kept { at: NOW, party, id: DESK, certificate, frame }).expect("kept");
    })
}

// ----- decisions -----

/// Instruments beside those of the policies: enough that a decision that looks through all of them
/// shows.
const CATALOGUE: usize = 1_000;

fn rules() -> (CedarEntitlements, Vec<String>) {
    let dealers: Vec<String> = (0..12).map(|n| format!("DEALER{n}")).collect();
    (Rules::example(&dealers, CATALOGUE).load(), dealers)
}

/// Accepts that need no touch, of so many dealers: a question for each, which the policies cannot
/// tell from one that they answered before.
fn entitlements(asked: usize) -> Call {
    let (policies, dealers) = rules();
    Box::new(move || decisions::ask(&policies, &dealers[..asked], 5, Outcome::Allow))
}

/// The same with nothing remembered.
fn entitlements_cold(asked: usize) -> Call {
    let (policies, dealers) = rules();
    Box::new(move || {
        policies.forget();
        decisions::ask(&policies, &dealers[..asked], 5, Outcome::Allow);
    })
}

fn risk() -> Call {
    let (risk, access) = (decisions::risk(), decisions::access(Decision::Allow));
    Box::new(move || {
        black_box(risk.assess(black_box(&access), NOON));
    })
}

// ----- the router and its journal -----

fn desk() -> CompId {
    CompId::new(DESK).expect("an id")
}

fn dealer(id: &str) -> DealerId {
    DealerId::new(id).expect("an id")
}

/// Everybody is on, and nothing has been asked.
fn router() -> Router {
    let settings = DEALERS.map(|d| DealerSettings {
        id: dealer(d),
        name: d.into(),
        counters: false,
        parts: false,
    });
    let catalogue = Catalogue::new([pair()]).expect("a catalogue");
    let mut rfq = 0_u64;
    let name = move || {
        rfq += 1;
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&rfq.to_be_bytes());
        Some(bytes)
    };
    let mut router = Router::new("Bench".into(), false, catalogue, [], settings, name)
        .with_desk_default(Some(BTreeSet::new()));
    for d in DEALERS {
        router.handle(NOW, Input::DealerUp(dealer(d)));
    }
    router.handle(NOW, Input::DeskUp(desk()));
    router
}

/// A router, and requests of three dealers that it takes.
fn requests(calls: usize) -> (Router, Vec<Input>) {
    let AppMessage::QuoteRequest(asked) = read(&framed(REQUEST)) else { unreachable!() };
    let of = |n: usize| {
        let id = RfqId::new(format!("R{n}")).expect("an id");
        let q = QuoteRequest { id, dealers: DEALERS.map(dealer).into(), ..asked.clone() };
        Input::FromDesk(desk(), AppMessage::QuoteRequest(q))
    };
    (router(), (0..calls).map(of).collect())
}

/// A router with these RFQs, and a quote in each.
fn quotes(calls: usize) -> (Router, Vec<Input>) {
    let (mut router, requests) = requests(calls);
    for request in requests {
        router.handle(NOW, request);
    }
    (router, (0..calls).map(|n| quote(DEALERS[0], n)).collect())
}

/// A router with these RFQs, quoted by every dealer, and an accept in each.
fn accepts(calls: usize) -> (Router, Vec<Input>) {
    let (mut router, _) = quotes(calls);
    for (n, by) in (0..calls).flat_map(|n| DEALERS.map(|by| (n, by))) {
        router.handle(NOW, quote(by, n));
    }
    (router, (0..calls).map(accept).collect())
}

fn quote(by: &str, n: usize) -> Input {
    let AppMessage::Quote(q) = read(&framed(QUOTE)) else { unreachable!() };
    let rfq = RfqId::new(format!("{DESK}.R{n}")).expect("an id");
    let id = QuoteId::new(format!("Q{n}")).expect("an id");
    Input::FromDealer(dealer(by), AppMessage::Quote(QuoteMsg { rfq, id, ..q }))
}

fn accept(n: usize) -> Input {
    let AppMessage::QuoteResponse(r) = read(&framed(ACCEPT)) else { unreachable!() };
    let id = AcceptId::new(format!("X{n}")).expect("an id");
    let rfq = Some(RfqId::new(format!("R{n}")).expect("an id"));
    let quote = QuoteId::new(format!("Q{n}")).expect("an id");
    let r = QuoteResponse { id, rfq, quote, ..r };
    Input::FromDesk(desk(), AppMessage::QuoteResponse(r))
}

/// What a desk's message would do, for the stages that judge it; then what was let through, in the
/// form in which the journal gives it back.
fn route((mut router, inputs): (Router, Vec<Input>)) -> Call {
    let decided = |input: Input| match router.keep(NOW, &input) {
        Keep::This(decided) => (input, decided),
        other => panic!("the router does not take it: {other:?}"),
    };
    let mut inputs = inputs.into_iter().map(decided).collect::<Vec<_>>().into_iter();
    Box::new(move || {
        let (arrived, decided) = inputs.next().expect("one for each call");
        if let Input::FromDesk(desk, message) = &arrived {
            black_box(router.proposal(desk, message, NOW).expect("it goes on"));
        }
        let sent = router.handle(NOW, decided);
        assert!(!sent.is_empty());
        black_box(sent);
    })
}

/// A record of the journal: decided, encoded, read again, sealed, chained; not waited for.
fn journal((router, inputs): (Router, Vec<Input>)) -> Call {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, key) = (folder.path().join("journal"), StoreKey::new([7; 32]));
    // It is empty, so what it restores is nothing; a router that is restored has no dealer on.
    let journal = Journal::open(&path, &key, &mut self::router(), OnBadRecord::Stop);
    let (mut journal, mut inputs) = (journal.expect("opened"), inputs.into_iter());
    Box::new(move || {
        // The folder lives as long as the journal.
        black_box(&folder);
        let input = inputs.next().expect("one for each call");
        black_box(journal.record(NOW, input, &router).expect("written"));
        assert!(journal.take_written().is_some());
    })
}
