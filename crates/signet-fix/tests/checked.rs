//! Signatures that other threads judge: the session gets the same frames in the same order, and
//! does the same about them, as one that judges them itself.

use proptest::prelude::*;
use signet_fix::{
    framer::{Framer, MAX_FRAME_LEN},
    pump::{Closed, pump_within},
    session::{Binding, Channel, Event, Outbox, Role, Session, SessionConfig},
    share::Share,
    signature::check::{Check, Checking, Judged, SignatureChecker},
    signature::{MessageVerifier, Verification, every, sign},
    store::MemoryStore,
    tagvalue::seal,
};
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, VecDeque},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    sync::oneshot,
    task::{LocalSet, spawn_local, yield_now},
};

/// Stands for ECDSA: whoever changes a byte changes the signature.
fn made(covered: &[u8]) -> [u8; 64] {
    [covered.iter().fold(7, |n: u8, b| n.wrapping_mul(31).wrapping_add(*b)); 64]
}

fn is_good(covered: &[u8], signature: &[u8; 64]) -> bool {
    *signature == made(covered)
}

/// What becomes of a check.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is answered when other tasks had so many turns.
    Answered(u8),
    /// Its thread ends instead.
    Lost(u8),
    NoRoom,
}

/// Other threads, as tasks: so a test says when they answer.
#[derive(Default)]
struct Elsewhere {
    fates: RefCell<VecDeque<Fate>>,
    asked: Cell<usize>,
}

impl Elsewhere {
    fn with(fates: Vec<Fate>) -> Self {
        Self { fates: RefCell::new(fates.into()), ..Self::default() }
    }
}

impl SignatureChecker for Elsewhere {
    fn begin(&self, check: Check) -> Option<Checking> {
        self.asked.set(self.asked.get() + 1);
        let fate = self.fates.borrow_mut().pop_front().unwrap_or(Fate::Answered(0));
        let (turns, answered) = match fate {
            Fate::Answered(turns) => (turns, true),
            Fate::Lost(turns) => (turns, false),
            Fate::NoRoom => return None,
        };
        let (answer, checking) = oneshot::channel();
        spawn_local(async move {
            for _ in 0..turns {
                yield_now().await;
            }
            if answered {
                let _ = answer.send(check.judge(is_good));
            }
        });
        Some(checking)
    }
}

/// Answers nothing until it is told.
#[derive(Default)]
struct Silent(RefCell<Vec<(Check, oneshot::Sender<Judged>)>>);

impl SignatureChecker for Silent {
    fn begin(&self, check: Check) -> Option<Checking> {
        let (answer, checking) = oneshot::channel();
        self.0.borrow_mut().push((check, answer));
        Some(checking)
    }
}

/// The key of the peer; `own` counts what the session's thread judged.
#[derive(Default)]
struct Key {
    elsewhere: Option<Rc<dyn SignatureChecker>>,
    own: Cell<usize>,
}

impl MessageVerifier for Key {
    fn is_good(&self, covered: &[u8], signature: &[u8; 64]) -> bool {
        self.own.set(self.own.get() + 1);
        is_good(covered, signature)
    }

    fn checker(&self) -> Option<Rc<dyn SignatureChecker>> {
        self.elsewhere.clone()
    }
}

impl Key {
    fn with(elsewhere: &Rc<impl SignatureChecker + 'static>) -> Rc<Self> {
        Rc::new(Self { elsewhere: Some(elsewhere.clone()), ..Self::default() })
    }
}

/// The gateway's end; the desk's is made by hand.
fn gate(name: &str, key: &Rc<Key>) -> (Session, Rc<Outbox>) {
    let id = |end: &str| CompId::new(format!("CHECK-{end}-{name}")).unwrap();
    let (sender, target) = (id("GATE"), id("DESK"));
    let config =
        SessionConfig { role: Role::Acceptor, sender, target, heartbeat_s: 60, strict: true };
    let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
    let verification = Some(Verification { verifier: key.clone(), required: every });
    let channel = Channel { binding: Binding::None, signing: None, verification };
    let outbox = session.attach(channel).unwrap();
    (session, outbox)
}

struct Desk {
    name: &'static str,
}

impl Desk {
    /// `<>` stands for the rest of the header.
    fn says(&self, body: &str) -> Vec<u8> {
        let n = self.name;
        let header = format!("49=CHECK-DESK-{n}|52=20261121-02:22:00.125|56=CHECK-GATE-{n}|");
        seal("FIX.4.4", body.replace("<>", &header).replace('|', "\u{1}").as_bytes())
    }

    fn logon(&self) -> Vec<u8> {
        self.says("35=A|34=1|<>98=0|108=60|")
    }

    fn unsigned(&self, number: u64) -> Vec<u8> {
        self.says(&format!("35=x|34={number}|<>320=L{number}|559=4|"))
    }

    fn signed(&self, number: u64) -> Vec<u8> {
        sign(&self.unsigned(number), &|covered: &[u8]| Ok(made(covered))).unwrap()
    }

    fn heartbeat(&self, number: u64) -> Vec<u8> {
        self.says(&format!("35=0|34={number}|<>"))
    }

    fn frame(&self, kind: Kind, number: u64) -> Vec<u8> {
        match kind {
            Kind::Good => self.signed(number),
            Kind::Bad => sign(&self.unsigned(number), &|_: &[u8]| Ok([1u8; 64])).unwrap(),
            Kind::Unsigned => self.unsigned(number),
            Kind::Malformed => {
                let value = "A".repeat(87);
                self.says(&format!("35=x|34={number}|<>320=L1|559=4|93=87|89={value}|"))
            }
            Kind::Session => self.says(&format!("35=1|34={number}|<>112=T{number}|")),
            Kind::Garbled => {
                let mut frame = self.signed(number);
                let at = frame.len() - 2;
                frame[at] = if frame[at] == b'0' { b'1' } else { b'0' };
                frame
            }
            Kind::Long => {
                self.says(&format!("35=x|34={number}|<>320={}|", "x".repeat(MAX_FRAME_LEN)))
            }
            Kind::Junk => b"8=FIX.4.4 and junk".to_vec(),
            Kind::Logout => self.says(&format!("35=5|34={number}|<>")),
        }
    }

    /// A Logon, then these; `true`: ahead of its turn, and what is missing comes later.
    fn stream(&self, kinds: &[(Kind, bool)]) -> Vec<u8> {
        let (mut bytes, mut used) = (self.logon(), BTreeSet::from([1]));
        for (kind, ahead) in kinds {
            let free = (1..).filter(|n| !used.contains(n)).nth(usize::from(*ahead)).unwrap();
            bytes.extend(self.frame(*kind, free));
            // A garbled message has used no number.
            if !matches!(kind, Kind::Garbled | Kind::Junk) {
                used.insert(free);
            }
        }
        bytes
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Good,
    Bad,
    Unsigned,
    Malformed,
    Session,
    Garbled,
    Long,
    Junk,
    Logout,
}

fn on_a_thread<T>(test: impl Future<Output = T>) -> T {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&rt, test)
}

/// Everything that can be seen of a connection.
#[derive(Debug, PartialEq)]
struct Outcome {
    closed: String,
    events: Vec<Event>,
    said: String,
}

/// A peer writes these pieces, reads everything and hangs up.
async fn connection(name: &str, key: &Rc<Key>, pieces: &[&[u8]]) -> Outcome {
    let (session, outbox) = gate(name, key);
    let (ours, mut theirs) = tokio::io::duplex(8 * 1024 * 1024);
    let (mut events, mut framer, share) = (vec![], Framer::new(), Share::unlimited());
    let peer = async {
        for piece in pieces {
            // The session may have ended the connection.
            let _ = theirs.write_all(piece).await;
            yield_now().await;
        }
        let _ = theirs.shutdown().await;
        let mut said = vec![];
        let _ = theirs.read_to_end(&mut said).await;
        said
    };
    let on_event = |e| events.push(e);
    let pumped = pump_within(ours, &mut framer, &session, &outbox, &share, on_event);
    let (closed, said) = tokio::join!(pumped, peer);
    let text = String::from_utf8_lossy(&said).replace('\u{1}', "|");
    let changing = |f: &&str| !["9=", "10=", "52=", "122="].iter().any(|t| f.starts_with(t));
    let said = text.split_inclusive('|').filter(changing).collect();
    Outcome { closed: format!("{closed:?}"), events, said }
}

fn numbers(events: &[Event]) -> Vec<u64> {
    let of = |e: &Event| if let Event::Message { meta, .. } = e { Some(meta.seq) } else { None };
    events.iter().filter_map(of).collect()
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        12 => Just(Kind::Good),
        2 => Just(Kind::Bad),
        1 => Just(Kind::Unsigned),
        1 => Just(Kind::Malformed),
        3 => Just(Kind::Session),
        2 => Just(Kind::Garbled),
        1 => Just(Kind::Long),
        1 => Just(Kind::Junk),
        1 => Just(Kind::Logout),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => (0u8..12).prop_map(Fate::Answered),
        1 => (0u8..12).prop_map(Fate::Lost),
        1 => Just(Fate::NoRoom),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_session_does_the_same_whoever_judges_and_whenever(
        kinds in prop::collection::vec((kind(), prop::bool::weighted(0.15)), 0..24),
        fates in prop::collection::vec(fate(), 0..24),
        cuts in prop::collection::vec(100usize..20_000, 0..12),
    ) {
        let desk = Desk { name: "SAME" };
        let stream = desk.stream(&kinds);
        let (mut pieces, mut rest) = (vec![], &stream[..]);
        for cut in cuts {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        // One after the other, so that both have the same names.
        let own = on_a_thread(connection("SAME", &Rc::default(), &pieces));
        let elsewhere = Rc::new(Elsewhere::with(fates));
        let other = on_a_thread(connection("SAME", &Key::with(&elsewhere), &pieces));
        prop_assert_eq!(own, other);
    }
}

/// Or nothing above says anything.
#[test]
fn every_signature_is_judged_elsewhere_and_those_without_an_answer_here() {
    let desk = Desk { name: "WHERE" };
    let kinds = [(Kind::Good, false); 9];
    let stream = desk.stream(&kinds);
    let all: Vec<u64> = (2..11).collect();
    for (fates, asked, own) in [
        (vec![], 9, 0),
        (vec![Fate::Answered(30), Fate::Answered(0), Fate::Answered(9)], 9, 0),
        (vec![Fate::Lost(0), Fate::NoRoom, Fate::Lost(9)], 9, 3),
    ] {
        let elsewhere = Rc::new(Elsewhere::with(fates));
        let key = Key::with(&elsewhere);
        let o = on_a_thread(connection("WHERE", &key, &[&stream[..]]));
        assert_eq!((numbers(&o.events), o.closed.as_str()), (all.clone(), "ByPeer"));
        assert_eq!((elsewhere.asked.get(), key.own.get()), (asked, own));
    }
}

/// Says something and is gone: nothing can be written to it.
struct Gone(Vec<u8>);

impl AsyncRead for Gone {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        buf.put_slice(&std::mem::take(&mut self.0));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gone {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_a_peer_said_before_it_hung_up_is_acted_on() {
    let desk = Desk { name: "GONE" };
    let kinds = [(Kind::Good, false); 3];
    let elsewhere = Rc::new(Elsewhere::default());
    elsewhere.fates.borrow_mut().extend([Fate::Answered(40), Fate::Lost(60)]);
    on_a_thread(async {
        let (session, outbox) = gate(desk.name, &Key::with(&elsewhere));
        let (mut events, mut framer, share) = (vec![], Framer::new(), Share::unlimited());
        let stream = Gone(desk.stream(&kinds));
        let on_event = |e| events.push(e);
        let closed = pump_within(stream, &mut framer, &session, &outbox, &share, on_event).await;
        assert!(
            matches!(&closed, Closed::Io(e) if e.kind() == io::ErrorKind::BrokenPipe),
            "{closed:?}"
        );
        assert_eq!(numbers(&events), [2, 3, 4]);
    });
}

#[test]
fn a_connection_that_is_displaced_acts_on_nothing_more() {
    let desk = Desk { name: "DISPLACED" };
    let silent = Rc::new(Silent::default());
    on_a_thread(async {
        let (session, outbox) = gate(desk.name, &Key::with(&silent));
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(&desk.stream(&[(Kind::Good, false); 3])).await.unwrap();
        let (mut events, mut framer, share) = (vec![], Framer::new(), Share::unlimited());
        let on_event = |e| events.push(e);
        let newer = async {
            while silent.0.borrow().len() < 2 {
                yield_now().await;
            }
            let newer = session.attach(Binding::None).unwrap();
            for (check, answer) in silent.0.take() {
                let _ = answer.send(check.judge(is_good));
            }
            newer
        };
        let pumped = pump_within(ours, &mut framer, &session, &outbox, &share, on_event);
        let (closed, newer) = tokio::join!(pumped, newer);
        assert!(matches!(closed, Closed::Displaced), "{closed:?}");
        assert!(numbers(&events).is_empty() && session.is_attached_to(&newer));
    });
}

/// What a peer wrote beyond that stays in its socket.
#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_a_message_waits_for_its_verdict() {
    let (desk, silent) = (Desk { name: "SOCKET" }, Rc::new(Silent::default()));
    let (session, outbox) = gate(desk.name, &Key::with(&silent));
    let (ours, mut theirs) = tokio::io::duplex(1_024);
    let mut framer = Framer::new();
    let share = Share::unlimited();
    let writes = async {
        theirs.write_all(&desk.stream(&[(Kind::Good, false)])).await.unwrap();
        while silent.0.borrow().is_empty() {
            yield_now().await;
        }
        theirs.write_all(&desk.heartbeat(3).repeat(1_000)).await.unwrap();
        panic!("everything was taken from the socket");
    };
    let end = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! {
            closed = pump_within(ours, &mut framer, &session, &outbox, &share, |_| {}) => {
                panic!("{closed}")
            }
            () = writes => {}
        }
    });
    assert!(end.await.is_err(), "neither of them ends");
    assert_eq!(silent.0.borrow().len(), 1);
}

/// Takes its time.
struct Slow;

const SLOW: Duration = Duration::from_millis(200);

impl SignatureChecker for Slow {
    fn begin(&self, check: Check) -> Option<Checking> {
        let (answer, checking) = oneshot::channel();
        let judged = check.judge(|covered, signature| {
            std::thread::sleep(SLOW);
            is_good(covered, signature)
        });
        let _ = answer.send(judged);
        Some(checking)
    }
}

#[test]
fn the_time_of_other_threads_counts_in_the_peers_share() {
    let desk = Desk { name: "SHARE" };
    on_a_thread(async {
        let (session, outbox) = gate(desk.name, &Key::with(&Rc::new(Slow)));
        let (began, share) = (Instant::now(), Share::new(100, Duration::ZERO));
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(&desk.stream(&[(Kind::Good, false)])).await.unwrap();
        let (heard, mut framer) = (Cell::new(false), Framer::new());
        let on_event = |e| heard.set(heard.get() | !numbers(&[e]).is_empty());
        let seen = async {
            while !heard.get() {
                yield_now().await;
            }
        };
        tokio::select! {
            closed = pump_within(ours, &mut framer, &session, &outbox, &share, on_event) => {
                panic!("{closed}")
            }
            () = seen => {}
        }
        // It slept on this thread, which is counted, too: then the peer waited for it, and then its
        // own time is added.
        assert!(share.wait(began) >= 3 * SLOW, "{:?}", share.wait(began));
    });
}
