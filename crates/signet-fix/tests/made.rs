//! Signatures that other threads make: a connection ends as it does with one thread, with every
//! message that was queued before, and never waits for ever.

use signet_fix::{
    AppMessage,
    framer::Framer,
    message::{QuoteStatusReport, RfqStatus},
    pump::{Closed, pump_within},
    session::{Binding, Channel, Event, Outbox, Role, SendError, Session, SessionConfig},
    share::Share,
    signature::making::{Made, Making, Signature, SignatureMaker, ToSign},
    signature::{MessageSigner, SignError, Signing, commits_gateway, parts},
    store::MemoryStore,
    tagvalue::seal,
};
use signet_identity::CompId;
use signet_rfq::{InstrumentId, RfqId, UtcMillis};
use std::{cell::RefCell, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::oneshot,
    task::yield_now,
    time::sleep,
};

/// Stands for ECDSA: whoever changes a byte changes the signature.
fn made(covered: &[u8]) -> Signature {
    Ok([covered.iter().fold(7, |n: u8, b| n.wrapping_mul(31).wrapping_add(*b)); 64])
}

fn failed(_: &[u8]) -> Signature {
    Err(SignError("the token was removed".into()))
}

type Order = (ToSign, oneshot::Sender<Made>);

/// A key, and other threads that answer when the test says so.
#[derive(Default, Clone)]
struct Pool(Rc<RefCell<Vec<Order>>>);

impl MessageSigner for Pool {
    fn sign(&self, covered: &[u8]) -> Signature {
        made(covered)
    }

    fn maker(&self) -> Option<Rc<dyn SignatureMaker>> {
        Some(Rc::new(self.clone()))
    }
}

impl SignatureMaker for Pool {
    fn begin(&self, order: ToSign) -> Option<Making> {
        let (answer, making) = oneshot::channel();
        self.0.borrow_mut().push((order, answer));
        Some(making)
    }
}

impl Pool {
    fn answers(&self, sign: fn(&[u8]) -> Signature) {
        for (order, answer) in self.0.take() {
            let _ = answer.send(order.sign(sign));
        }
    }

    async fn is_asked(&self) {
        while self.0.borrow().is_empty() {
            yield_now().await;
        }
        for _ in 0..10 {
            yield_now().await;
        }
    }
}

fn says(name: &str, body: &str) -> Vec<u8> {
    let header = format!("49=MADE-DESK-{name}|52=20261121-02:22:00.125|56=MADE-GATE-{name}|");
    seal("FIX.4.4", body.replace("<>", &header).replace('|', "\u{1}").as_bytes())
}

/// The gateway's end, with a desk that has logged on.
fn gate(name: &str) -> (Session, Rc<Outbox>, Pool) {
    let id = |end: &str| CompId::new(format!("MADE-{end}-{name}")).unwrap();
    let (sender, target) = (id("GATE"), id("DESK"));
    let config =
        SessionConfig { role: Role::Acceptor, sender, target, heartbeat_s: 60, strict: true };
    let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
    let pool = Pool::default();
    let signing = Some(Signing { signer: Rc::new(pool.clone()), which: commits_gateway });
    let channel = Channel { binding: Binding::None, signing, verification: None };
    let outbox = session.attach(channel).unwrap();
    session.receive(&says(name, "35=A|34=1|<>98=0|108=60|")).unwrap();
    assert!(session.is_logged_on());
    (session, outbox, pool)
}

fn status() -> AppMessage {
    AppMessage::QuoteStatusReport(QuoteStatusReport {
        rfq: RfqId::new("R1").unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        status: RfqStatus::Open,
        quote: None,
        answers: None,
        until: None,
        text: None,
    })
}

/// The types of these frames, in order; what must be signed is.
fn kinds(bytes: &[u8]) -> Vec<String> {
    let mut framer = Framer::new();
    framer.push(bytes);
    let mut kinds = vec![];
    while let Some(frame) = framer.next_frame().unwrap() {
        let text = String::from_utf8_lossy(frame);
        let kind = text.split('\u{1}').find_map(|f| f.strip_prefix("35=")).unwrap();
        let signed = parts(frame).is_ok_and(|p| made(p.covered) == Ok(p.signature));
        assert_eq!(signed, commits_gateway(kind), "{text}");
        kinds.push(kind.to_owned());
    }
    kinds
}

async fn reads(mut theirs: DuplexStream) -> Vec<u8> {
    let mut bytes = vec![];
    theirs.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// How the connection ends, and what the peer read.
async fn connection(
    (session, outbox): (&Session, &Rc<Outbox>),
    peer: impl AsyncFnOnce(DuplexStream) -> Vec<u8>,
    on_event: impl FnMut(Event),
) -> (Closed, Vec<String>) {
    let (ours, theirs) = duplex(64 * 1024);
    let (mut framer, share) = (Framer::new(), Share::unlimited());
    let pumped = pump_within(ours, &mut framer, session, outbox, &share, on_event);
    let (closed, bytes) = tokio::join!(pumped, peer(theirs));
    (closed, kinds(&bytes))
}

#[tokio::test(start_paused = true)]
async fn a_logout_behind_a_signature_leaves_before_the_connection_ends() {
    let (session, outbox, pool) = gate("LAST");
    session.send(&status()).unwrap();
    session.logout("goodbye");
    outbox.close();
    let peer = async |theirs: DuplexStream| {
        pool.is_asked().await;
        pool.answers(made);
        reads(theirs).await
    };
    let (closed, read) = connection((&session, &outbox), peer, |_| {}).await;
    assert!(matches!(closed, Closed::BySession) && outbox.said_logout(), "{closed:?}");
    assert_eq!(read, ["A", "AI", "5"]);
}

/// And the peer's own words, which come meanwhile, do not end it sooner.
#[tokio::test(start_paused = true)]
async fn last_words_leave_though_the_session_has_left_the_connection() {
    let (session, outbox, pool) = gate("LEFT");
    session.send(&status()).unwrap();
    session.hand_back(0, "the disk is full");
    let peer = async |mut theirs: DuplexStream| {
        theirs.write_all(&says("LEFT", "35=0|34=2|<>")).await.unwrap();
        pool.is_asked().await;
        pool.answers(made);
        reads(theirs).await
    };
    let (closed, read) = connection((&session, &outbox), peer, |_| {}).await;
    assert!(matches!(closed, Closed::BySession) && outbox.said_logout(), "{closed:?}");
    assert_eq!(read, ["A", "AI", "5"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_though_its_last_words_are_never_signed() {
    let (session, outbox, pool) = gate("NEVER");
    session.send(&status()).unwrap();
    session.logout("goodbye");
    outbox.close();
    let (closed, read) = connection((&session, &outbox), reads, |_| {}).await;
    // So its bytes are not delivered late (`said_logout`).
    assert!(matches!(closed, Closed::BySession) && !outbox.said_logout(), "{closed:?}");
    assert_eq!(read, ["A"]);
    assert!(pool.0.borrow().iter().all(|(_, answer)| answer.is_closed()), "nobody signs it");
}

/// They were signed in time, and stand behind what the peer has not read.
#[tokio::test(start_paused = true)]
async fn last_words_leave_to_a_peer_that_reads_slowly() {
    let (session, outbox, pool) = gate("SLOW");
    session.send(&status()).unwrap();
    session.logout("goodbye");
    outbox.close();
    // Less than the Logon.
    let (ours, theirs) = duplex(16);
    let (mut framer, share) = (Framer::new(), Share::unlimited());
    let pumped = pump_within(ours, &mut framer, &session, &outbox, &share, |_| {});
    let peer = async {
        pool.is_asked().await;
        pool.answers(made);
        sleep(Duration::from_secs(5)).await;
        reads(theirs).await
    };
    let (closed, bytes) = tokio::join!(pumped, peer);
    assert!(matches!(closed, Closed::BySession) && outbox.said_logout(), "{closed:?}");
    assert_eq!(kinds(&bytes), ["A", "AI", "5"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_more_is_signed_for_a_connection_that_is_displaced() {
    let (session, outbox, pool) = gate("DISPLACED");
    session.send(&status()).unwrap();
    let peer = async |theirs: DuplexStream| {
        pool.is_asked().await;
        let newer = session.attach(Binding::None).unwrap();
        assert!(pool.0.borrow().iter().all(|(_, answer)| answer.is_closed()));
        assert!(session.is_attached_to(&newer));
        reads(theirs).await
    };
    let (closed, read) = connection((&session, &outbox), peer, |_| {}).await;
    assert!(matches!(closed, Closed::Displaced), "{closed:?}");
    assert_eq!(read, ["A"]);
}

/// It asked, and has closed its half of the connection when the answer is signed.
#[tokio::test(start_paused = true)]
async fn a_peer_that_hung_up_is_answered_first() {
    let (session, outbox, pool) = gate("GONE");
    let peer = async |mut theirs: DuplexStream| {
        theirs.write_all(&says("GONE", "35=x|34=2|<>320=L1|559=4|")).await.unwrap();
        theirs.shutdown().await.unwrap();
        pool.is_asked().await;
        pool.answers(made);
        reads(theirs).await
    };
    let answers = |e: Event| {
        if matches!(e, Event::Message { .. }) {
            session.send(&status()).unwrap();
        }
    };
    let (closed, read) = connection((&session, &outbox), peer, answers).await;
    assert!(matches!(closed, Closed::ByPeer), "{closed:?}");
    assert_eq!(read, ["A", "AI"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_sign_ends_the_connection_and_nothing_leaves_behind_it() {
    let (session, outbox, pool) = gate("NOKEY");
    session.send(&status()).unwrap();
    session.ping("1").unwrap();
    let peer = async |theirs: DuplexStream| {
        pool.is_asked().await;
        pool.answers(failed);
        reads(theirs).await
    };
    let (closed, read) = connection((&session, &outbox), peer, |_| {}).await;
    assert!(matches!(closed, Closed::Unsigned(_)), "{closed:?}");
    assert_eq!(read, ["A"]);
    // As it is seen by who sends on, before the connection is left.
    let (session, outbox, pool) = gate("NOKEY2");
    session.send(&status()).unwrap();
    pool.answers(failed);
    outbox.take(&mut vec![]);
    assert!(outbox.closed() && outbox.is_empty());
    assert_eq!(
        session.send(&status()),
        Err(SendError::NotSent("the message could not be signed: the token was removed".into()))
    );
}

/// A token that never answers: an accept must not reach a dealer a minute after it was sent.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_signed_in_time_never_leaves() {
    let (session, outbox, pool) = gate("LATE");
    session.send(&status()).unwrap();
    session.ping("1").unwrap();
    let peer = async |theirs: DuplexStream| {
        pool.is_asked().await;
        let read = reads(theirs).await;
        assert!(pool.0.borrow().iter().all(|(_, answer)| answer.is_closed()), "nobody signs it");
        read
    };
    let (closed, read) = connection((&session, &outbox), peer, |_| {}).await;
    assert!(matches!(&closed, Closed::Unsigned(e) if e.0.contains("within 10 s")), "{closed:?}");
    assert_eq!(read, ["A"]);
}

/// Each message has its time, from when it is the first of those that wait.
#[tokio::test(start_paused = true)]
async fn messages_that_are_signed_slowly_leave() {
    let (session, outbox, pool) = gate("SLOWLY");
    let peer = async |theirs: DuplexStream| {
        for _ in 0..3 {
            session.send(&status()).unwrap();
            pool.is_asked().await;
            sleep(Duration::from_secs(8)).await;
            pool.answers(made);
        }
        session.logout("goodbye");
        outbox.close();
        reads(theirs).await
    };
    let (closed, read) = connection((&session, &outbox), peer, |_| {}).await;
    assert!(matches!(closed, Closed::BySession), "{closed:?}");
    assert_eq!(read, ["A", "AI", "AI", "AI", "5"]);
}
