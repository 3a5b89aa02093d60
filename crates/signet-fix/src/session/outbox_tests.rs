use super::super::queue::{MAKING_AT_ONCE, OWN_AT_ONCE};
use super::*;
use crate::{
    framer::Framer,
    signature::making::{Made, Making, Signature, ToSign},
    signature::{MessageSigner, SIGNATURE_LEN, commits_gateway, parts},
    tagvalue::seal,
};
use proptest::prelude::*;
use tokio::{sync::oneshot, task::yield_now, time::timeout};

/// Stands for ECDSA: whoever changes a byte changes the signature. Some bytes cannot be signed.
fn made(covered: &[u8]) -> Signature {
    if covered.windows(5).any(|w| w == b"FAILS") {
        return Err(SignError("the token was removed".into()));
    }
    Ok([covered.iter().fold(7, |n: u8, b| n.wrapping_mul(31).wrapping_add(*b)); SIGNATURE_LEN])
}

type Order = (ToSign, oneshot::Sender<Made>);

/// Other threads, which answer when the test says so.
#[derive(Default)]
struct Pool {
    orders: RefCell<Vec<Option<Order>>>,
    full: Cell<bool>,
}

impl SignatureMaker for Pool {
    fn begin(&self, order: ToSign) -> Option<Making> {
        if self.full.get() {
            return None;
        }
        let (answer, making) = oneshot::channel();
        self.orders.borrow_mut().push(Some((order, answer)));
        Some(making)
    }
}

impl Pool {
    fn takes(&self, which: usize) -> Order {
        self.orders.borrow_mut()[which].take().unwrap()
    }

    fn answers(&self, which: usize) {
        let (order, answer) = self.takes(which);
        let _ = answer.send(order.sign(made));
    }

    /// As a thread that is gone.
    fn loses(&self, which: usize) {
        self.orders.borrow_mut()[which] = None;
    }

    /// Which orders of a queue that still wants them have no answer.
    fn waiting(&self) -> Vec<usize> {
        let wanted = |o: &Option<Order>| o.as_ref().is_some_and(|(_, to)| !to.is_closed());
        let orders = self.orders.borrow();
        orders.iter().enumerate().filter(|(_, o)| wanted(o)).map(|(n, _)| n).collect()
    }
}

/// `own` counts what the session's thread signed.
#[derive(Default)]
struct Key {
    pool: Option<Rc<Pool>>,
    own: Cell<usize>,
}

impl MessageSigner for Key {
    fn sign(&self, covered: &[u8]) -> Signature {
        self.own.set(self.own.get() + 1);
        made(covered)
    }

    fn maker(&self) -> Option<Rc<dyn SignatureMaker>> {
        self.pool.clone().map(|pool| -> Rc<dyn SignatureMaker> { pool })
    }
}

/// An outbox, and everything about it that a test looks at.
struct Out {
    outbox: Outbox,
    key: Rc<Key>,
    told: Rc<RefCell<Vec<u8>>>,
    pushed: usize,
}

impl Out {
    fn new(pool: Option<&Rc<Pool>>) -> Self {
        let key = Rc::new(Key { pool: pool.cloned(), ..Key::default() });
        let told: Rc<RefCell<Vec<u8>>> = Rc::default();
        let to = told.clone();
        let tap: Tap = Rc::new(move |passing: Passing<'_>| {
            let Passing::Sent(frame) = passing else { panic!("{passing:?}") };
            to.borrow_mut().extend_from_slice(frame);
        });
        let signing = Signing { signer: key.clone(), which: commits_gateway };
        let outbox = Outbox::new(Some(signing), Some(tap));
        Self { outbox, key, told, pushed: 0 }
    }

    fn with_pool() -> (Self, Rc<Pool>) {
        let pool = Rc::<Pool>::default();
        (Self::new(Some(&pool)), pool)
    }

    fn push(&mut self, kind: char) -> bool {
        let frame = frame(kind, self.pushed);
        self.pushed += 1;
        self.outbox.push(&frame)
    }

    fn pushes(&mut self, kinds: &str) {
        for kind in kinds.chars() {
            self.push(kind);
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![];
        self.outbox.take(&mut bytes);
        bytes
    }

    /// The numbers of the frames that leave, one digit each; those that must be are signed.
    fn takes(&self) -> String {
        let mut framer = Framer::new();
        framer.push(&self.bytes());
        let mut numbers = String::new();
        while let Some(frame) = framer.next_frame().unwrap() {
            let signed = parts(frame).is_ok_and(|p| made(p.covered) == Ok(p.signature));
            assert_eq!(signed, kind_of(frame) == b"AI");
            let text = String::from_utf8_lossy(frame);
            numbers.push_str(text.split('\u{1}').find_map(|f| f.strip_prefix("34=")).unwrap());
        }
        numbers
    }
}

/// `s` is signed, `f` should be and cannot, `q` is a quote, which is not, `h` and `l` are of the
/// session layer, and `b` is long and signed.
fn frame(kind: char, number: usize) -> Vec<u8> {
    let (msg_type, text) = match kind {
        's' => ("AI", "fine".into()),
        'b' => ("AI", "x".repeat(60_000)),
        'f' => ("AI", "FAILS".into()),
        'q' => ("S", "a quote".into()),
        'h' => ("0", "alive".into()),
        'l' => ("5", "goodbye".to_owned()),
        other => panic!("{other}"),
    };
    let body = format!("35={msg_type}|34={number}|58={text}|");
    seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes())
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Answer(usize),
    Gone(usize),
}
use Step::{Answer, Gone};

/// What is pushed; what leaves before any answer; each step with what leaves after it; and whether
/// the connection has ended, and a Logout has left or will.
#[test]
fn frames_leave_in_their_order_as_signatures_come_in() {
    type Steps = &'static [(Step, &'static str)];
    let table: [(&str, &str, Steps, bool, bool); 14] = [
        ("", "", &[], false, false),
        ("hqh", "012", &[], false, false),
        ("s", "", &[(Answer(0), "0")], false, false),
        ("s", "", &[(Gone(0), "0")], false, false),
        ("hsh", "0", &[(Answer(0), "12")], false, false),
        // The second is answered first, and waits for the first.
        ("ss", "", &[(Answer(1), ""), (Answer(0), "01")], false, false),
        ("sqsl", "", &[(Answer(0), "01"), (Gone(1), "23")], false, true),
        // The fifth is asked about when there is room for it.
        (
            "sssss",
            "",
            &[(Answer(2), ""), (Answer(4), ""), (Answer(0), "0"), (Gone(1), "12"), (Gone(3), "34")],
            false,
            false,
        ),
        // Nothing leaves unsigned, and nothing after it; what is before it does.
        ("f", "", &[(Answer(0), "")], true, false),
        ("f", "", &[(Gone(0), "")], true, false),
        ("hsfs", "0", &[(Answer(1), ""), (Answer(0), "1")], true, false),
        ("sfql", "", &[(Answer(0), "0"), (Gone(1), "")], true, false),
        ("lsfl", "0", &[(Answer(1), ""), (Answer(0), "1")], true, true),
        ("sffs", "", &[(Answer(2), ""), (Answer(1), ""), (Answer(0), "0")], true, false),
    ];
    for (pushed, before, steps, ended, logout) in table {
        let (mut out, pool) = Out::with_pool();
        out.pushes(pushed);
        assert_eq!(out.takes(), before, "{pushed}");
        for (step, want) in steps {
            assert!(!out.outbox.is_empty() && out.outbox.is_signing(), "{pushed} {step:?}");
            match step {
                Answer(which) => pool.answers(*which),
                Gone(which) => pool.loses(*which),
            }
            assert_eq!(out.takes(), *want, "{pushed} {step:?}");
        }
        let outbox = &out.outbox;
        assert!(outbox.is_empty() && !outbox.is_signing(), "{pushed}");
        assert_eq!((outbox.closed(), outbox.failure().is_some()), (ended, ended), "{pushed}");
        assert_eq!(outbox.said_logout(), logout, "{pushed}");
        assert_eq!(out.push('h'), !ended, "{pushed}");
    }
}

#[derive(Debug, Clone)]
enum Event {
    Push(char),
    Answer(usize),
    Gone(usize),
    Full(bool),
    Take,
    Close,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        16 => Just(Event::Push('s')),
        6 => Just(Event::Push('q')),
        4 => Just(Event::Push('h')),
        1 => Just(Event::Push('l')),
        1 => Just(Event::Push('f')),
        12 => (0usize..MAKING_AT_ONCE).prop_map(Event::Answer),
        3 => (0usize..MAKING_AT_ONCE).prop_map(Event::Gone),
        2 => any::<bool>().prop_map(Event::Full),
        8 => Just(Event::Take),
        1 => Just(Event::Close),
    ]
}

proptest! {
    #[test]
    fn a_peer_reads_the_same_whoever_signs_and_whenever(
        events in prop::collection::vec(event(), 0..120),
    ) {
        let mut alone = Out::new(None);
        let (mut pooled, pool) = Out::with_pool();
        let mut read = vec![];
        for event in events {
            let waiting = pool.waiting();
            match event {
                Event::Push(kind) => {
                    alone.push(kind);
                    pooled.push(kind);
                }
                Event::Answer(n) => waiting.get(n).into_iter().for_each(|n| pool.answers(*n)),
                Event::Gone(n) => waiting.get(n).into_iter().for_each(|n| pool.loses(*n)),
                Event::Full(full) => pool.full.set(full),
                Event::Take => read.extend(pooled.bytes()),
                Event::Close => {
                    alone.outbox.close();
                    pooled.outbox.close();
                }
            }
            prop_assert!(pool.waiting().len() <= MAKING_AT_ONCE);
            if alone.outbox.failure().is_none() {
                prop_assert_eq!(pooled.outbox.len() + read.len(), alone.outbox.len());
            }
        }
        read.extend(pooled.bytes());
        while pooled.outbox.is_signing() {
            pool.waiting().into_iter().for_each(|n| pool.answers(n));
            read.extend(pooled.bytes());
        }
        let all = alone.bytes();
        prop_assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(&all));
        prop_assert_eq!(pooled.told.take(), alone.told.take());
        let seen = |o: &Out| (o.outbox.closed(), o.outbox.failure(), o.outbox.said_logout());
        prop_assert_eq!(seen(&pooled), seen(&alone));
        prop_assert_eq!((pooled.outbox.len(), pool.waiting().len()), (0, 0));
    }
}

/// What has no signature yet counts as long as it will be.
#[test]
fn a_peer_that_does_not_read_is_left_at_the_same_message() {
    let mut alone = Out::new(None);
    let (mut pooled, pool) = Out::with_pool();
    let taken = |out: &mut Out| (0..100).take_while(|_| out.push('b')).count();
    let count = taken(&mut alone);
    assert!((60..100).contains(&count));
    assert_eq!(taken(&mut pooled), count);
    assert!(pooled.outbox.closed() && pooled.outbox.failure().is_none());
    assert_eq!(pooled.outbox.len(), alone.outbox.len());
    let mut read = pooled.bytes();
    assert!(read.is_empty());
    while pooled.outbox.is_signing() {
        pool.waiting().into_iter().for_each(|n| pool.answers(n));
        read.extend(pooled.bytes());
    }
    assert!(read == alone.bytes());
}

#[test]
fn a_signature_of_another_message_is_not_put_under_this_one() {
    let (mut out, pool) = Out::with_pool();
    out.pushes("ss");
    let ((one, to_one), (other, to_other)) = (pool.takes(0), pool.takes(1));
    drop((to_one.send(other.sign(made)), to_other.send(one.sign(made))));
    assert_eq!((out.takes().as_str(), out.key.own.get()), ("01", 2));
}

#[test]
fn without_room_this_thread_signs_a_few_at_a_time() {
    let (mut out, pool) = Out::with_pool();
    pool.full.set(true);
    out.pushes("sh");
    assert_eq!((out.takes().as_str(), out.key.own.get()), ("01", 1));
    pool.full.set(false);
    out.pushes(&"s".repeat(MAKING_AT_ONCE + OWN_AT_ONCE + 2));
    pool.full.set(true);
    (0..MAKING_AT_ONCE).for_each(|n| pool.loses(n));
    for (own, left) in [(1 + MAKING_AT_ONCE + OWN_AT_ONCE, true), (3 + 2 * MAKING_AT_ONCE, false)] {
        assert!(!out.bytes().is_empty());
        assert_eq!((out.key.own.get(), out.outbox.is_signing()), (own, left));
    }
}

#[test]
fn what_is_given_up_never_leaves() {
    let (mut out, pool) = Out::with_pool();
    out.pushes("hssl");
    assert!(out.outbox.said_logout() && !out.outbox.signs_last_words());
    out.outbox.close();
    assert!(out.outbox.signs_last_words());
    out.outbox.give_up();
    assert!(out.outbox.closed() && !out.outbox.is_signing() && !out.outbox.said_logout());
    assert!(pool.waiting().is_empty(), "nobody signs it");
    assert_eq!(out.takes(), "0");
    // Nor is the history told of it.
    assert!(out.told.borrow().is_empty());
}

/// What others had this end say is not the peer's to pay for.
#[test]
fn the_time_for_what_a_peer_asks_for_again_is_counted() {
    const SLOW: Duration = Duration::from_millis(2);
    let slowly = |covered: &[u8]| {
        std::thread::sleep(SLOW);
        made(covered)
    };
    for (again, gone) in [(false, false), (false, true), (true, false)] {
        let (out, pool) = Out::with_pool();
        let frame = frame('s', 0);
        assert!(if again { out.outbox.push_again(&frame) } else { out.outbox.push(&frame) });
        let (order, answer) = pool.takes(0);
        if gone {
            drop(answer);
        } else {
            drop(answer.send(order.sign(slowly)));
        }
        assert_eq!(out.takes(), "0");
        let spent = out.outbox.take_spent();
        assert!(if again { spent >= SLOW } else { spent.is_zero() }, "{spent:?}");
        assert!(out.outbox.take_spent().is_zero());
    }
}

const SOON: Duration = Duration::from_secs(1);

/// After others had their turn.
async fn answers(pool: &Pool, which: usize) {
    yield_now().await;
    pool.answers(which);
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_when_something_may_leave() {
    let (mut out, pool) = Out::with_pool();
    out.pushes("sh");
    assert!(timeout(SOON, out.outbox.changed()).await.is_err(), "nothing may leave");
    timeout(SOON, async { tokio::join!(out.outbox.changed(), answers(&pool, 0)) }).await.unwrap();
    assert_eq!(out.takes(), "01");
    // Pushed while it waits.
    let pushed = async {
        yield_now().await;
        out.outbox.push(&frame('s', 2));
        answers(&pool, 1).await;
    };
    timeout(SOON, async { tokio::join!(out.outbox.changed(), pushed) }).await.unwrap();
    assert_eq!(out.takes(), "2");
    // The session's end waits for what it said last.
    out.outbox.push(&frame('s', 3));
    out.outbox.close();
    assert!(timeout(SOON, out.outbox.changed()).await.is_err(), "it is being signed");
    timeout(SOON, async { tokio::join!(out.outbox.changed(), answers(&pool, 2)) }).await.unwrap();
    assert_eq!(out.takes(), "3");
    timeout(SOON, out.outbox.changed()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_by_the_end_and_by_what_is_left_to_this_thread() {
    let (mut out, pool) = Out::with_pool();
    out.pushes(&"s".repeat(MAKING_AT_ONCE + 2 * OWN_AT_ONCE + 1));
    assert!(timeout(SOON, out.outbox.changed()).await.is_err());
    // One answer is missing, so nothing may leave while this thread signs the rest.
    pool.full.set(true);
    (1..MAKING_AT_ONCE).for_each(|n| pool.loses(n));
    assert!(timeout(SOON, out.outbox.changed()).await.is_err());
    assert_eq!(out.key.own.get(), MAKING_AT_ONCE - 1 + 2 * OWN_AT_ONCE + 1);
    let ends = async {
        yield_now().await;
        out.outbox.give_up();
    };
    timeout(SOON, async { tokio::join!(out.outbox.changed(), ends) }).await.unwrap();
    assert!(out.outbox.is_empty() && out.outbox.closed());
}
