use super::*;
use proptest::prelude::*;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

const DATA: Frames = Frames { any: true, data: true };
const PING: Frames = Frames { any: true, data: false };
const FORGED: Frames = Frames { any: false, data: false };
const N1: Nonce = [1; NONCE_BYTES];
const N2: Nonce = [2; NONCE_BYTES];

/// The addresses of the tables: `A` is proved at first, `A2` is the same address behind another
/// port, `B` and `C` are others.
fn addresses() -> [SocketAddr; 4] {
    [at("10.0.0.1:1"), at("10.0.0.1:2"), at("10.0.1.1:1"), at("10.0.2.1:1")]
}

#[derive(Debug, Clone, Copy)]
enum When {
    Open,
    /// The nonce for `B` was not sent yet.
    Claimed,
    Asked,
    Unjudged,
    /// At `B`, and `A` was before.
    Moved,
    Shut,
}

fn gate(when: When, now: Instant) -> Gate {
    let [a, _, b, _] = addresses();
    let mut g = Gate::new(a);
    let claim = Claim { from: a, to: b };
    if !matches!(when, When::Open) {
        assert_eq!(g.arrived(now, b, b, DATA), Step::Prove);
    }
    if !matches!(when, When::Open | When::Claimed) {
        g.nonce_sent(N1);
    }
    if matches!(when, When::Unjudged | When::Moved | When::Shut) {
        assert_eq!(g.answered(now, &N1, b), Step::Judge);
    }
    match when {
        When::Moved => assert_eq!(g.judged(now, claim, true), Step::Open),
        When::Shut => assert_eq!(g.judged(now, claim, false), Step::Nothing),
        _ => {}
    }
    g
}

/// Every state with every event; what follows, and whether bytes are handed up afterwards.
#[test]
fn every_event_in_every_state() {
    use When::{Asked, Claimed, Moved, Open, Shut, Unjudged};
    let [a, a2, b, c] = addresses();
    let start = Instant::now();
    type Event = Box<dyn Fn(&mut Gate) -> Step>;
    type Row = (&'static str, Event, [(Step, bool); 6]);
    let got = |from: SocketAddr, remote: SocketAddr, f: Frames| -> Event {
        Box::new(move |g| g.arrived(start, from, remote, f))
    };
    let to_b = Claim { from: a, to: b };
    let late = start + REORDERING_MAX;
    #[rustfmt::skip]
    let events: Vec<Row> = vec![
        //                                                           Open                    Claimed                 Asked                   Unjudged                Moved                   Shut
        ("data from A, stays where it is", Box::new(move |g| { let t = g.target(); g.arrived(start, a, t, DATA) }),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("data from A, goes to A",         got(a, a, DATA),       [(Step::Nothing, true),  (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Nothing, false)]),
        ("data from another port of A",    got(a2, a2, DATA),     [(Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Nothing, false)]),
        ("data from B, goes to B",         got(b, b, DATA),       [(Step::Prove, false),   (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("data from C, goes to C",         got(c, c, DATA),       [(Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Nothing, false)]),
        ("old data from C, stays",         Box::new(move |g| { let t = g.target(); g.arrived(start, c, t, DATA) }),
                                                                  [(Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Nothing, false)]),
        ("a ping from C, goes to C",       got(c, c, PING),       [(Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Nothing, false)]),
        ("forged from C, stays",           Box::new(move |g| { let t = g.target(); g.arrived(start, c, t, FORGED) }),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("timers go back to A",            Box::new(move |g| g.looked(start, a)),
                                                                  [(Step::Nothing, true),  (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Prove, false),   (Step::Nothing, false)]),
        ("the nonce comes back from B",    Box::new(move |g| g.answered(start, &N1, b)),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Judge, false),   (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("the nonce, but now it is at C",  Box::new(move |g| g.answered(start, &N1, c)),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("another nonce",                  Box::new(move |g| g.answered(start, &N2, b)),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("part of the nonce",              Box::new(move |g| g.answered(start, &N1[..31], b)),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("B is allowed",                   Box::new(move |g| g.judged(start, to_b, true)),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Open, true),     (Step::Nothing, true),  (Step::Nothing, false)]),
        ("B is denied",                    Box::new(move |g| g.judged(start, to_b, false)),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("C is allowed, which nobody asked", Box::new(move |g| g.judged(start, Claim { from: a, to: c }, true)),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("the time is not over",           Box::new(move |g| g.expired(start + PROOF_MAX - Duration::from_nanos(1))),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, true),  (Step::Nothing, false)]),
        ("the time is over",               Box::new(move |g| g.expired(start + PROOF_MAX)),
                                                                  [(Step::Nothing, true),  (Step::Close, false),   (Step::Close, false),   (Step::Close, false),   (Step::Nothing, true),  (Step::Nothing, false)]),
        ("late data from A, stays",        Box::new(move |g| { let t = g.target(); g.arrived(late, a, t, DATA) }),
                                                                  [(Step::Nothing, true),  (Step::Nothing, false), (Step::Nothing, false), (Step::Nothing, false), (Step::Prove, false),   (Step::Nothing, false)]),
    ];
    for (what, event, wants) in events {
        for (when, want) in [Open, Claimed, Asked, Unjudged, Moved, Shut].into_iter().zip(wants) {
            let mut g = gate(when, start);
            let step = event(&mut g);
            assert_eq!((step, g.is_open()), want, "{what}, {when:?}");
        }
    }
}

/// Data from an address that the peer left before it was proved: the proof of the next address does
/// not cover it.
#[test]
fn data_of_an_address_that_is_never_proved_ends_the_connection() {
    let [a, a2, b, c] = addresses();
    let now = Instant::now();
    for (back, judged) in [(a, false), (a2, false), (c, true)] {
        let mut g = gate(When::Asked, now);
        assert_eq!(g.arrived(now, back, back, PING), Step::Prove);
        g.nonce_sent(N2);
        let last = g.answered(now, &N2, back);
        let last = match judged {
            true => g.judged(now, Claim { from: a, to: back }, true),
            false => last,
        };
        assert_eq!((last, g.is_open()), (Step::Close, false), "{back}");
    }
    // Without data nothing is lost: a fresh proof is enough.
    let mut g = Gate::new(a);
    assert_eq!(g.arrived(now, b, b, PING), Step::Prove);
    g.nonce_sent(N1);
    assert_eq!(g.arrived(now, a, a, DATA), Step::Prove);
    assert_eq!(g.answered(now, &N1, a), Step::Nothing, "the nonce of another claim");
    g.nonce_sent(N2);
    assert_eq!(g.answered(now, &N2, a), Step::Open);
}

#[test]
fn flapping_is_bounded_and_the_budget_comes_back() {
    let [a, _, b, _] = addresses();
    let now = Instant::now();
    let mut g = Gate::new(a);
    let mut heard = 0;
    for _ in 0..50 {
        if g.passes(now, b) {
            heard += 1;
            assert_eq!(g.arrived(now, b, b, PING), Step::Prove);
            assert_eq!(g.arrived(now, a, a, PING), Step::Prove);
        }
    }
    assert_eq!(heard, CLAIMS);
    assert!(g.passes(now, a) && !g.passes(now, b));
    let later = now + CLAIM_EVERY;
    assert!(g.passes(later, b));
    assert_eq!(g.arrived(later, b, b, PING), Step::Prove);
    assert!(!g.passes(later, addresses()[3]));
}

/// A peer that never answers, and whose path goes to and fro, gains no time by it.
#[test]
fn another_claim_gains_no_time() {
    let [a, _, b, _] = addresses();
    let now = Instant::now();
    let mut g = gate(When::Asked, now);
    let later = now + PROOF_MAX / 2;
    assert_eq!(g.looked(later, a), Step::Prove);
    assert_eq!(g.arrived(later, b, b, PING), Step::Prove);
    assert_eq!(g.deadline(), Some(now + PROOF_MAX));
}

/// A proved pair of addresses between which a peer goes to and fro costs its budget as well.
#[test]
fn going_to_and_fro_between_proved_addresses_is_bounded() {
    let [a, a2, ..] = addresses();
    let now = Instant::now();
    let mut g = Gate::new(a);
    let (mut moved, mut next) = (0, a2);
    while g.passes(now, next) {
        assert_eq!(g.arrived(now, next, next, DATA), Step::Prove);
        g.nonce_sent(N1);
        assert_eq!(g.answered(now, &N1, next), Step::Open);
        next = if next == a { a2 } else { a };
        moved += 1;
    }
    assert_eq!(moved, CLAIMS);
}

#[derive(Debug, Clone)]
enum Act {
    /// `newest`: it has the highest number, so the connection follows it.
    Datagram {
        from: usize,
        newest: bool,
        data: bool,
    },
    /// The peer returns a nonce that it has received.
    Answer(usize),
    Judge,
    Back(usize),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0usize..6, any::<bool>(), any::<bool>())
            .prop_map(|(from, newest, data)| Act::Datagram { from, newest, data }),
        4 => (0usize..4).prop_map(Act::Answer),
        3 => Just(Act::Judge),
        1 => (0usize..6).prop_map(Act::Back),
        1 => (1u64..4_000).prop_map(Act::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A peer that receives at some addresses and sends from all, in any order: no byte is handed
    /// up that came from an address where the peer does not receive, or that the user denies.
    #[test]
    fn no_byte_from_an_unproved_or_denied_address(
        acts in prop::collection::vec(act(), 1..80),
        receives in prop::collection::vec(any::<bool>(), 3),
        allows in prop::collection::vec(any::<bool>(), 3),
    ) {
        // Two ports each of three addresses; the first is proved and allowed.
        let all: Vec<SocketAddr> = (0..6).map(|n| at(&format!("10.0.{}.1:{}", n / 2, 1 + n % 2))).collect();
        let of = |facts: &[bool], a: SocketAddr| {
            let n = all.iter().position(|x| *x == a).unwrap() / 2;
            n == 0 || facts[n]
        };
        let (mut now, mut remote, mut g) = (Instant::now(), all[0], Gate::new(all[0]));
        let (mut waiting, mut known, mut count): (Vec<SocketAddr>, Vec<Nonce>, u8) = (vec![], vec![], 0);
        let mut handed = 0;
        for a in acts {
            let step = match a {
                Act::Datagram { from, newest, data } => {
                    let from = all[from];
                    if !g.passes(now, from) {
                        continue;
                    }
                    if newest {
                        remote = from;
                    }
                    if data {
                        waiting.push(from);
                    }
                    g.arrived(now, from, remote, Frames { any: true, data })
                }
                Act::Answer(n) if !known.is_empty() => {
                    let nonce = known[known.len() - 1 - n % known.len()];
                    g.answered(now, &nonce, remote)
                }
                Act::Answer(_) => continue,
                Act::Judge => match g.claim() {
                    Some(c) => g.judged(now, c, of(&allows, c.to)),
                    None => continue,
                },
                Act::Back(n) => {
                    remote = all[n];
                    g.looked(now, remote)
                }
                Act::Wait(ms) => {
                    now += Duration::from_millis(ms);
                    g.expired(now)
                }
            };
            if step == Step::Prove {
                count = count.wrapping_add(1);
                let nonce = [count; NONCE_BYTES];
                g.nonce_sent(nonce);
                if of(&receives, remote) {
                    known.push(nonce);
                }
            }
            if g.is_open() {
                prop_assert_eq!(g.target(), remote);
                for from in waiting.drain(..) {
                    prop_assert!(of(&receives, from) && of(&allows, from), "{} handed up", from);
                    handed += 1;
                }
            }
        }
        let _ = handed;
    }
}
