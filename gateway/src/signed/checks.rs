//! Threads that verify and make message signatures beside the trading thread
//! (`gateway.signature_threads`).
//!
//! They know keys and bytes and nothing else. Checks are done in the order in which they came, and
//! so are signatures; the two take turns. Each connection has few of them at once
//! (`signet_fix::signature::check`, `signet_fix::signature::making`), and all together are bounded:
//! what finds no room is done on the trading thread, as without these threads. So is everything
//! after a fault of one of them, where a fault does not end the program.
//!
//! A token that takes its time, or does not answer, is waited for here and not on the trading
//! thread: its signatures find more room. While it has every thread wait, checks do not.

use crate::{metrics::SignatureChecks, threads};
use signet_fix::{
    signature::check::{Check, Checking, Judged, SignatureChecker},
    signature::making::{Made, Making, SignatureMaker, ToSign},
    signature::{Kinds, MessageSigner, MessageVerifier, SignError, Signing, Verification},
};
use signet_identity::{MessageKey, MessagePublicKey};
use std::{
    collections::VecDeque,
    io,
    rc::Rc,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Checks that wait for each thread, and signatures as well. A longer wait than for these checks,
/// about three milliseconds, would gain nothing over the trading thread's own work. Each holds a
/// message of 64 KiB at most.
const WAITING_PER_THREAD: usize = 32;
/// A key that needs longer than this for a signature is one of a token.
const SLOW: Duration = Duration::from_millis(2);
/// Signatures of such a key that wait for each thread: those that a thousand connections have under
/// way at once, by four threads.
const SLOW_PER_THREAD: usize = 1_024;

/// One piece of work, and where its answer goes.
enum Order {
    Verify { key: Arc<MessagePublicKey>, check: Check, answer: oneshot::Sender<Judged> },
    Sign { key: Arc<MessageKey>, bytes: ToSign, answer: oneshot::Sender<Made> },
}

#[derive(Default)]
struct Waiting {
    checks: VecDeque<Order>,
    signatures: VecDeque<Order>,
    /// A signature has its turn. So signatures of a slow token hold up a check for one of their
    /// kind at most, on each thread.
    signs_next: bool,
    /// When the signatures began that threads are at.
    signing: Vec<Instant>,
    /// How long the last signature took.
    took: Duration,
    ended: bool,
}

impl Order {
    fn work(self, counts: &SignatureChecks) {
        match self {
            // Nobody waits for what is of a connection that has ended.
            Self::Verify { answer, .. } if answer.is_closed() => {}
            Self::Sign { answer, .. } if answer.is_closed() => {}
            Self::Verify { key, check, answer } => {
                let judged = check.judge(|covered, signature| key.is_good(covered, signature));
                counts.done.inc();
                let _ = answer.send(judged);
            }
            Self::Sign { key, bytes, answer } => {
                let made = bytes.sign(|covered| super::sign(&key, covered));
                counts.made.inc();
                let _ = answer.send(made);
            }
        }
    }
}

impl Waiting {
    fn line_of(&mut self, order: &Order) -> &mut VecDeque<Order> {
        match order {
            Order::Verify { .. } => &mut self.checks,
            Order::Sign { .. } => &mut self.signatures,
        }
    }

    /// A signature begins.
    fn begins(&mut self, now: Instant) -> Instant {
        self.signing.push(now);
        now
    }

    fn ends(&mut self, began: Instant, now: Instant) {
        self.took = now.saturating_duration_since(began);
        if let Some(at) = self.signing.iter().position(|b| *b == began) {
            self.signing.swap_remove(at);
        }
    }

    /// How many of this kind may wait, with so much room and so many threads.
    fn room_for(&self, order: &Order, room: usize, threads: usize, now: Instant) -> usize {
        let is_long = |began: &Instant| now.saturating_duration_since(*began) > SLOW;
        match order {
            Order::Verify { .. } => {
                let all = self.signing.len() >= threads && self.signing.iter().all(is_long);
                if all { 0 } else { room }
            }
            Order::Sign { .. } => {
                let slow = self.took > SLOW || self.signing.iter().any(is_long);
                if slow { room.max(threads.saturating_mul(SLOW_PER_THREAD)) } else { room }
            }
        }
    }

    fn next(&mut self) -> Option<Order> {
        let (first, second) = match self.signs_next {
            true => (&mut self.signatures, &mut self.checks),
            false => (&mut self.checks, &mut self.signatures),
        };
        let order = first.pop_front().or_else(|| second.pop_front())?;
        self.signs_next = matches!(order, Order::Verify { .. });
        Some(order)
    }
}

struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    room: usize,
    threads: usize,
    counts: SignatureChecks,
}

/// The threads. Dropping them leaves the rest to the trading thread, and waits for their end.
pub(crate) struct SignatureThreads {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

/// The way to them.
#[derive(Clone)]
pub(crate) struct Checks(Arc<Queue>);

impl SignatureThreads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system has none to give.
    pub(crate) fn start(count: usize, counts: SignatureChecks) -> io::Result<Self> {
        let room = count.saturating_mul(WAITING_PER_THREAD);
        let queue = Arc::new(Queue::new(room, count, counts));
        let mut made = Self { queue, threads: Vec::new() };
        for n in 0..count {
            let queue = made.queue.clone();
            made.threads.push(threads::plain(&format!("signature-{n}"), move || queue.serve())?);
        }
        Ok(made)
    }

    /// For who verifies and makes signatures.
    pub(crate) fn way(&self) -> Checks {
        Checks(self.queue.clone())
    }
}

impl Drop for SignatureThreads {
    fn drop(&mut self) {
        self.queue.end();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn new(room: usize, threads: usize, counts: SignatureChecks) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), room, threads, counts }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: there is no room, or the threads have ended.
    fn verify(&self, key: &Arc<MessagePublicKey>, check: Check) -> Option<Checking> {
        let (answer, checking) = oneshot::channel();
        self.put(Order::Verify { key: key.clone(), check, answer }).then_some(checking)
    }

    /// `None`: there is no room, or the threads have ended.
    fn sign(&self, key: &Arc<MessageKey>, bytes: ToSign) -> Option<Making> {
        let (answer, making) = oneshot::channel();
        self.put(Order::Sign { key: key.clone(), bytes, answer }).then_some(making)
    }

    fn put(&self, order: Order) -> bool {
        let mut waiting = self.lock();
        let room = waiting.room_for(&order, self.room, self.threads, Instant::now());
        if waiting.ended || waiting.line_of(&order).len() >= room {
            return false;
        }
        waiting.line_of(&order).push_back(order);
        self.counts.waiting.inc();
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// The next order; `None`: that was all.
    fn next(&self) -> Option<Order> {
        let mut waiting = self.lock();
        loop {
            if waiting.ended {
                return None;
            }
            if let Some(order) = waiting.next() {
                self.counts.waiting.dec();
                return Some(order);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One thread, until the end.
    fn serve(&self) {
        let _last = EndsAll(self);
        while let Some(order) = self.next() {
            let signs = matches!(order, Order::Sign { .. });
            let began = signs.then(|| self.lock().begins(Instant::now()));
            order.work(&self.counts);
            if let Some(began) = began {
                self.lock().ends(began, Instant::now());
            }
        }
    }

    /// Nothing more is taken, and what waits is left to those who asked.
    fn end(&self) {
        let mut waiting = self.lock();
        waiting.ended = true;
        waiting.checks.clear();
        waiting.signatures.clear();
        self.counts.waiting.set(0);
        drop(waiting);
        self.changed.notify_all();
    }
}

/// The thread that ends first, by a fault or because it is told, ends the others.
struct EndsAll<'a>(&'a Queue);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The key of a peer whose signatures these threads verify.
#[derive(Clone)]
struct CheckedKey {
    key: Arc<MessagePublicKey>,
    checks: Checks,
}

impl MessageVerifier for CheckedKey {
    fn is_good(&self, covered: &[u8], signature: &[u8; 64]) -> bool {
        self.key.is_good(covered, signature)
    }

    fn checker(&self) -> Option<Rc<dyn SignatureChecker>> {
        Some(Rc::new(self.clone()))
    }
}

impl SignatureChecker for CheckedKey {
    fn begin(&self, check: Check) -> Option<Checking> {
        self.checks.0.verify(&self.key, check)
    }
}

/// A key of this gateway that these threads sign with.
#[derive(Clone)]
struct OwnKey {
    key: Arc<MessageKey>,
    checks: Checks,
}

impl MessageSigner for OwnKey {
    fn sign(&self, covered: &[u8]) -> Result<[u8; 64], SignError> {
        super::sign(&self.key, covered)
    }

    fn maker(&self) -> Option<Rc<dyn SignatureMaker>> {
        Some(Rc::new(self.clone()))
    }
}

impl SignatureMaker for OwnKey {
    fn begin(&self, order: ToSign) -> Option<Making> {
        self.checks.0.sign(&self.key, order)
    }
}

impl Checks {
    /// As [`super::signing`], with these threads.
    pub(super) fn signing(&self, key: &MessageKey, which: Kinds) -> Signing {
        let signer = OwnKey { key: Arc::new(key.pinned()), checks: self.clone() };
        Signing { signer: Rc::new(signer), which }
    }

    /// As [`super::verification`], with these threads.
    pub(super) fn verification(&self, key: MessagePublicKey, required: Kinds) -> Verification {
        let verifier = CheckedKey { key: Arc::new(key), checks: self.clone() };
        Verification { verifier: Rc::new(verifier), required }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Signed, SignedLog};
    use super::*;
    use prometheus_client::registry::Registry;
    use signet_devca::{DevPki, Order as CertificateOrder};
    use signet_fix::{
        AppMessage,
        framer::Framer,
        message::SecurityListRequest,
        pump::{Closed as Ended, pump_within},
        session::{Binding, Channel, Event, Role, Session, SessionConfig},
        share::Share,
        signature::{Draft, every, parts, sign},
        store::MemoryStore,
        tagvalue::seal,
    };
    use signet_identity::CompId;
    use signet_journal::StoreKey;
    use signet_rfq::{RfqId, UtcMillis};
    use std::cell::RefCell;
    use time::OffsetDateTime;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::oneshot::error::TryRecvError::Closed,
    };

    fn counts() -> SignatureChecks {
        SignatureChecks::new(&mut Registry::default())
    }

    /// A desk's key, and the same as a gateway sees it.
    fn desk() -> (MessageKey, MessagePublicKey) {
        let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
        let key = pki.issue(&CertificateOrder::desk("ALICE")).unwrap().certified_key().unwrap();
        let public = MessagePublicKey::of_certificate(key.cert.first().unwrap()).unwrap();
        (MessageKey::of(&key).unwrap(), public)
    }

    const HEADER: &str = "49=CHECKS-DESK|52=20261121-02:22:00.125|56=CHECKS-GATE|";

    fn frame(number: u64, kind: &str, rest: &str) -> Vec<u8> {
        let body = format!("35={kind}|34={number}|{HEADER}{rest}");
        seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes())
    }

    fn signed(number: u64, key: &MessageKey) -> Vec<u8> {
        let frame = frame(number, "x", &format!("320=L{number}|559=4|"));
        sign(&frame, &|covered: &[u8]| Ok(key.sign(covered).unwrap())).unwrap()
    }

    /// What a session with this verification hears of a peer that writes this and hangs up.
    fn hears(verification: Verification, bytes: &[u8]) -> Vec<Event> {
        let id = |s: &str| CompId::new(s).unwrap();
        let (sender, target) = (id("CHECKS-GATE"), id("CHECKS-DESK"));
        let config =
            SessionConfig { role: Role::Acceptor, sender, target, heartbeat_s: 60, strict: true };
        let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
        let verification = Some(verification);
        let channel = Channel { binding: Binding::None, signing: None, verification };
        let outbox = session.attach(channel).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (heard, share) = (RefCell::new(vec![]), Share::unlimited());
        runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(1024 * 1024);
            theirs.write_all(bytes).await.unwrap();
            theirs.shutdown().await.unwrap();
            let mut framer = Framer::new();
            let on_event = |e| heard.borrow_mut().push(e);
            pump_within(ours, &mut framer, &session, &outbox, &share, on_event).await;
            theirs.read_to_end(&mut vec![]).await.unwrap();
        });
        heard.into_inner()
    }

    #[test]
    fn a_session_hears_the_same_with_these_threads_as_without() {
        let ((key, public), (stranger, _)) = (desk(), desk());
        let mut bytes = frame(1, "A", "98=0|108=60|");
        for n in 2..40 {
            bytes.extend(signed(n, if n % 7 == 0 { &stranger } else { &key }));
        }
        let alone = hears(super::super::verification(public.clone(), every), &bytes);
        let good = |e: &&Event| matches!(e, Event::Message { meta, .. } if meta.signed.is_some());
        assert_eq!(alone.iter().filter(good).count(), 33);
        for count in [1, 3] {
            let counts = counts();
            let threads = SignatureThreads::start(count, counts.clone()).unwrap();
            let checks = threads.way();
            let helped = hears(checks.verification(public.clone(), every), &bytes);
            assert_eq!(helped, alone);
            assert_eq!((counts.done.get(), counts.waiting.get()), (38, 0));
            // And once they have ended.
            drop(threads);
            assert_eq!(hears(checks.verification(public.clone(), every), &bytes), alone);
            assert_eq!(counts.done.get(), 38);
        }
    }

    /// What a peer reads of a session that signs like this, says so many messages, and a Logout.
    fn says(signing: Signing, count: u64) -> Vec<Vec<u8>> {
        let id = |s: &str| CompId::new(s).unwrap();
        let (sender, target) = (id("MADE-GATE"), id("MADE-DESK"));
        let config =
            SessionConfig { role: Role::Acceptor, sender, target, heartbeat_s: 60, strict: true };
        let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
        let channel =
            Channel { binding: Binding::None, signing: Some(signing), verification: None };
        let outbox = session.attach(channel).unwrap();
        let logon = "35=A|34=1|49=MADE-DESK|52=20261121-02:22:00.125|56=MADE-GATE|98=0|108=60|";
        session.receive(&seal("FIX.4.4", logon.replace('|', "\u{1}").as_bytes())).unwrap();
        for n in 0..count {
            let id = RfqId::new(format!("L{n}")).unwrap();
            let asked = SecurityListRequest { id, digest: None };
            session.send(&AppMessage::SecurityListRequest(asked)).unwrap();
        }
        session.logout("goodbye");
        outbox.close();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut framer, share) = (Framer::new(), Share::unlimited());
        let mut bytes = vec![];
        let ended = runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(1024 * 1024);
            let ended = pump_within(ours, &mut framer, &session, &outbox, &share, |_| {}).await;
            theirs.read_to_end(&mut bytes).await.unwrap();
            ended
        });
        assert!(matches!(ended, Ended::BySession) && outbox.said_logout(), "{ended:?}");
        let mut framer = Framer::new();
        framer.push(&bytes);
        std::iter::from_fn(|| framer.next_frame().unwrap().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn a_peer_reads_the_same_of_these_threads_as_without() {
        let (key, public) = desk();
        let read = |signing: Signing| {
            let mut kinds = vec![];
            for (n, frame) in says(signing, 30).iter().enumerate() {
                let text = String::from_utf8(frame.clone()).unwrap();
                assert!(text.contains(&format!("\u{1}34={}\u{1}", n + 1)), "{text}");
                let kind = text.split('\u{1}').nth(2).unwrap().to_owned();
                let good = parts(frame).is_ok_and(|p| public.is_good(p.covered, &p.signature));
                assert_eq!(good, kind == "35=x", "{text}");
                kinds.push(kind);
            }
            kinds
        };
        let alone = read(super::super::signing(&key, every));
        assert_eq!(alone, [vec!["35=A"], vec!["35=x"; 30], vec!["35=5"]].concat());
        for count in [1, 3] {
            let counts = counts();
            let threads = SignatureThreads::start(count, counts.clone()).unwrap();
            let checks = threads.way();
            assert_eq!(read(checks.signing(&key, every)), alone);
            assert_eq!((counts.made.get(), counts.done.get(), counts.waiting.get()), (30, 0, 0));
            // And once they have ended.
            drop(threads);
            assert_eq!(read(checks.signing(&key, every)), alone);
            assert_eq!(counts.made.get(), 30);
        }
    }

    #[test]
    fn connections_that_come_use_these_threads_both_ways() {
        let (key, public) = desk();
        let dir = tempfile::tempdir().unwrap();
        let log = SignedLog::open(dir.path(), &StoreKey::new([5; 32]), UtcMillis(0), false);
        let signed = Signed::new(log.unwrap());
        let by_threads = || {
            let maker = signed.signing(&key, every).signer.maker();
            let checker = signed.verification(public.clone(), every).verifier.checker();
            (maker.is_some(), checker.is_some())
        };
        assert_eq!(by_threads(), (false, false));
        let threads = SignatureThreads::start(1, counts()).unwrap();
        signed.use_threads(threads.way());
        assert_eq!(by_threads(), (true, true));
    }

    /// Without a thread everything that is taken waits.
    #[test]
    fn checks_and_signatures_take_turns_and_each_has_room_of_its_own() {
        let (key, public) = desk();
        let (key, public, counts) = (Arc::new(key), Arc::new(public), counts());
        let to_sign = || ToSign::of(&Draft::of(&frame(2, "x", "320=L2|559=4|")).unwrap());
        let check = || check(&key);
        for (checks, signatures, order) in
            [(0, 2, "ss"), (2, 0, "vv"), (1, 4, "vssss"), (4, 2, "vsvsvv"), (4, 4, "vsvsvsvs")]
        {
            let queue = Queue::new(4, 1, counts.clone());
            let made = (0..signatures).map(|_| queue.sign(&key, to_sign())).filter(Option::is_some);
            let judged =
                (0..checks).map(|_| queue.verify(&public, check())).filter(Option::is_some);
            assert_eq!((judged.count(), made.count()), (checks, signatures));
            if checks == 4 && signatures == 4 {
                assert!(queue.sign(&key, to_sign()).is_none());
                assert!(queue.verify(&public, check()).is_none());
            }
            assert_eq!(counts.waiting.get(), i64::try_from(order.len()).unwrap());
            let next = |_| match queue.next().unwrap() {
                Order::Verify { .. } => 'v',
                Order::Sign { .. } => 's',
            };
            assert_eq!((0..order.len()).map(next).collect::<String>(), order);
            assert_eq!(counts.waiting.get(), 0);
        }
    }

    fn check(key: &MessageKey) -> Check {
        Check::of(&signed(2, key)).unwrap()
    }

    /// A token that does not answer, or takes long for each: the trading thread waits for nothing.
    #[test]
    fn signatures_of_a_slow_key_find_room_and_checks_do_not_wait_for_them() {
        let (key, public) = desk();
        let (key, public) = (Arc::new(key), Arc::new(public));
        let to_sign = || ToSign::of(&Draft::of(&frame(2, "x", "320=L2|559=4|")).unwrap());
        let long_ago = Instant::now().checked_sub(10 * SLOW).unwrap();
        for (signing, took, more_signatures, checks) in [
            (vec![], Duration::ZERO, false, true),
            (vec![], 2 * SLOW, true, true),
            (vec![long_ago], Duration::ZERO, true, true),
            (vec![long_ago, long_ago], Duration::ZERO, true, false),
        ] {
            let queue = Queue::new(2, 2, counts());
            let case = format!("{} {took:?}", signing.len());
            let mut waiting = queue.lock();
            (waiting.signing, waiting.took) = (signing, took);
            drop(waiting);
            let taken = (0..5).filter(|_| queue.sign(&key, to_sign()).is_some()).count();
            assert_eq!(taken, if more_signatures { 5 } else { 2 }, "{case}");
            assert_eq!(queue.verify(&public, check(&key)).is_some(), checks, "{case}");
        }
    }

    #[test]
    fn what_a_signature_took_is_known_once_it_is_made() {
        let (began, mut waiting) = (Instant::now(), Waiting::default());
        assert_eq!(waiting.begins(began), began);
        waiting.begins(began + SLOW);
        waiting.ends(began, began + 3 * SLOW);
        assert_eq!((waiting.signing.len(), waiting.took), (1, 3 * SLOW));
        waiting.ends(began + SLOW, began + SLOW);
        assert_eq!((waiting.signing.len(), waiting.took), (0, Duration::ZERO));
    }

    /// Without a thread everything that is taken waits.
    #[test]
    fn what_finds_no_room_is_not_taken_and_what_waits_at_the_end_is_left_to_who_asked() {
        let (key, public) = desk();
        let (public, counts) = (Arc::new(public), counts());
        let queue = Queue::new(2, 1, counts.clone());
        let mut taken: Vec<Checking> =
            (0..2).map(|_| queue.verify(&public, check(&key)).unwrap()).collect();
        assert!(queue.verify(&public, check(&key)).is_none());
        assert_eq!(counts.waiting.get(), 2);
        assert!(taken[0].try_recv().is_err());
        queue.end();
        assert!(taken.iter_mut().all(|c| c.try_recv().is_err_and(|e| e == Closed)));
        assert!(queue.verify(&public, check(&key)).is_none());
        assert_eq!((counts.waiting.get(), counts.done.get()), (0, 0));
    }

    #[test]
    fn nothing_is_verified_for_a_connection_that_has_ended() {
        let (key, public) = desk();
        let (public, counts) = (Arc::new(public), counts());
        let queue = Queue::new(2, 1, counts.clone());
        drop(queue.verify(&public, check(&key)).unwrap());
        let wanted = queue.verify(&public, check(&key)).unwrap();
        let answered = std::thread::scope(|scope| {
            scope.spawn(|| queue.serve());
            let answered = wanted.blocking_recv().is_ok();
            queue.end();
            answered
        });
        assert!(answered);
        assert_eq!((counts.waiting.get(), counts.done.get()), (0, 1));
    }

    #[test]
    fn a_thread_that_fails_leaves_everything_to_who_asked() {
        let (key, public) = desk();
        let (public, counts) = (Arc::new(public), counts());
        let queue = Queue::new(2, 1, counts);
        let mut waits = queue.verify(&public, check(&key)).unwrap();
        std::thread::scope(|scope| {
            let failing = scope.spawn(|| {
                let _last = EndsAll(&queue);
                assert_eq!(queue.room, 0, "a fault, as a test wants it");
            });
            assert!(failing.join().is_err());
        });
        assert!(waits.try_recv().is_err_and(|e| e == Closed));
        assert!(queue.verify(&public, check(&key)).is_none());
    }
}
