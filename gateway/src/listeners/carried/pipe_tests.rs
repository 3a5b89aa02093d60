use super::*;
use proptest::prelude::*;
use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::Wake,
};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// A task that counts how often it is woken.
fn task() -> (Arc<Count>, Waker) {
    let count = Arc::<Count>::default();
    (count.clone(), count.into())
}

fn writes(session: &mut Carried, waker: &Waker, bytes: &[u8]) -> Poll<io::Result<usize>> {
    Pin::new(session).poll_write(&mut Context::from_waker(waker), bytes)
}

/// What the session reads of at most `most` bytes.
fn reads(session: &mut Carried, waker: &Waker, most: usize) -> Poll<io::Result<Vec<u8>>> {
    let mut bytes = vec![0; most];
    let mut into = ReadBuf::new(&mut bytes);
    let polled = Pin::new(session).poll_read(&mut Context::from_waker(waker), &mut into);
    polled.map_ok(|()| into.filled().to_vec())
}

fn shuts_down(session: &mut Carried, waker: &Waker) -> Poll<io::Result<()>> {
    Pin::new(session).poll_shutdown(&mut Context::from_waker(waker))
}

fn fetches(far: &Far, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; most];
    let mut into = ReadBuf::new(&mut bytes);
    let n = far.fetch(&mut into);
    assert_eq!(n, into.filled().len());
    into.filled().to_vec()
}

#[derive(Debug, Clone)]
enum Step {
    Writes(usize),
    Fetches(usize),
    Gives(usize),
    Reads(usize),
}

fn step() -> impl Strategy<Value = Step> {
    // More than the pipe holds, too.
    let size = || 1..ROOM + ROOM / 2;
    prop_oneof![
        size().prop_map(Step::Writes),
        size().prop_map(Step::Fetches),
        size().prop_map(Step::Gives),
        size().prop_map(Step::Reads),
    ]
}

/// Bytes that differ from place to place.
fn bytes(from: usize, n: usize) -> Vec<u8> {
    (from..from + n).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

proptest! {
    #[test]
    fn both_ways_lose_nothing_change_nothing_and_stay_bounded(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let (mut session, far) = pipe();
        let waker = Waker::noop();
        let (mut written, mut fetched, mut given, mut read) = (0, 0, 0, 0);
        for step in steps {
            match step {
                Step::Writes(n) => match writes(&mut session, waker, &bytes(written, n)) {
                    Poll::Ready(taken) => written += taken.unwrap(),
                    Poll::Pending => prop_assert_eq!(written - fetched, ROOM),
                },
                Step::Fetches(n) => {
                    let got = fetches(&far, n);
                    prop_assert_eq!(got.len(), n.min(written - fetched));
                    prop_assert_eq!(&got, &bytes(fetched, got.len()));
                    fetched += got.len();
                }
                Step::Gives(n) => {
                    prop_assert_eq!(far.has_room(), given - read < ROOM);
                    given += far.give(&bytes(given, n));
                }
                Step::Reads(n) => match reads(&mut session, waker, n) {
                    Poll::Ready(got) => {
                        let got = got.unwrap();
                        prop_assert_eq!(&got, &bytes(read, got.len()));
                        prop_assert!(!got.is_empty());
                        read += got.len();
                    }
                    Poll::Pending => prop_assert_eq!(given, read),
                },
            }
            prop_assert!(written - fetched <= ROOM && given - read <= ROOM);
        }
    }
}

#[test]
fn a_burst_leaves_no_memory_behind() {
    let (mut session, far) = pipe();
    let waker = Waker::noop();
    assert!(writes(&mut session, waker, &[7; 2 * ROOM]).is_ready());
    assert_eq!(far.give(&[7; 2 * ROOM]), ROOM);
    assert_eq!(fetches(&far, ROOM).len(), ROOM);
    assert!(reads(&mut session, waker, ROOM).is_ready());
    let state = session.0.lock();
    assert!(state.inward.0.capacity() <= KEPT && state.outward.0.capacity() <= KEPT);
}

/// Waking another thread is a system call.
#[test]
fn the_carrying_task_is_woken_for_what_it_waits_for_and_once() {
    let (mut session, far) = pipe();
    let (woken, waker) = task();
    let session_waker = Waker::noop();
    let looks = || far.look(&Context::from_waker(&waker));
    let times = || woken.0.load(Relaxed);
    // It is busy, and looks by itself.
    looks();
    assert!(writes(&mut session, session_waker, b"one").is_ready());
    assert_eq!(times(), 0);
    assert_eq!(fetches(&far, 8), b"one");
    assert!(fetches(&far, 8).is_empty());
    for _ in 0..3 {
        assert!(writes(&mut session, session_waker, b"more").is_ready());
    }
    assert_eq!(times(), 1);
    // Room for what comes in.
    looks();
    assert_eq!(far.give(&[7; ROOM]), ROOM);
    assert!(reads(&mut session, session_waker, 8).is_ready());
    assert_eq!(times(), 1, "it did not ask for room");
    assert_eq!(far.give(&[7; ROOM]), 8);
    assert!(!far.has_room());
    for _ in 0..3 {
        assert!(reads(&mut session, session_waker, 8).is_ready());
    }
    assert_eq!(times(), 2);
    // What the session wants is told in any case.
    for (n, tell) in [(3, 0), (4, 1), (5, 2)] {
        looks();
        match tell {
            0 => session.give_up_within(Duration::from_secs(12)),
            1 => assert!(shuts_down(&mut session, session_waker).is_pending()),
            _ => session.abort(),
        }
        assert_eq!(times(), n);
    }
    let want = Asked { shutdown: true, left: false, abort: true };
    assert_eq!(looks(), (want, None));
    drop(session);
    assert_eq!((times(), looks().0), (6, Asked { left: true, ..want }));
}

/// A dealer that is revoked: its line is ended while the socket's thread has other work.
#[test]
fn what_waits_in_the_pipe_is_dropped_by_an_abort() {
    for by_handle in [true, false] {
        let (mut session, far) = pipe();
        let (woken, waker) = task();
        let (carrier_woken, carrier) = task();
        far.look(&Context::from_waker(&carrier));
        assert!(matches!(writes(&mut session, &waker, &[7; ROOM]), Poll::Ready(Ok(ROOM))));
        if by_handle {
            session.aborter().abort();
        } else {
            session.abort();
        }
        assert_eq!(carrier_woken.0.load(Relaxed), 1);
        assert!(fetches(&far, ROOM).is_empty());
        // The session hears of it when it writes, and nothing of that goes either.
        let Poll::Ready(Err(e)) = writes(&mut session, &waker, b"more") else { panic!("taken") };
        assert_eq!(e.kind(), io::ErrorKind::BrokenPipe);
        drop(session);
        assert!(fetches(&far, ROOM).is_empty());
        assert_eq!(woken.0.load(Relaxed), 0);
    }
}

#[test]
fn the_session_is_woken_by_bytes_room_and_the_end() {
    let (mut session, far) = pipe();
    let (woken, waker) = task();
    let times = || woken.0.load(Relaxed);
    assert!(reads(&mut session, &waker, 8).is_pending());
    far.give(b"bytes");
    assert_eq!(times(), 1);
    assert!(writes(&mut session, &waker, &[7; ROOM]).is_ready());
    assert!(writes(&mut session, &waker, b"more").is_pending());
    fetches(&far, 1);
    assert_eq!(times(), 2);
    assert!(reads(&mut session, &waker, 8).is_ready());
    assert!(reads(&mut session, &waker, 8).is_pending());
    far.heard_all(Ok(()));
    assert_eq!(times(), 3);
    assert_eq!(reads(&mut session, &waker, 8).map(Result::unwrap), Poll::Ready(vec![]));
}

#[test]
fn an_end_in_order_is_waited_for() {
    for ends in [true, false] {
        let (mut session, far) = pipe();
        let (woken, waker) = task();
        assert!(shuts_down(&mut session, &waker).is_pending());
        let written = writes(&mut session, &waker, b"late");
        assert!(
            matches!(&written, Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::BrokenPipe),
            "{written:?}"
        );
        match ends {
            true => far.shut(),
            false => drop(far),
        }
        assert_eq!(woken.0.load(Relaxed), 1);
        let end = shuts_down(&mut session, &waker);
        assert_eq!(end.map(|e| e.is_ok()), Poll::Ready(ends));
    }
}

/// What came before the end is read first, and what was said first stays.
#[test]
fn a_session_is_told_why_its_socket_ended() {
    let causes: [fn() -> io::Error; 2] = [
        || io::Error::from_raw_os_error(104),
        || io::Error::new(io::ErrorKind::UnexpectedEof, "no close_notify"),
    ];
    for why in causes {
        for reading in [true, false] {
            let (mut session, far) = pipe();
            let waker = Waker::noop();
            far.give(b"last");
            match reading {
                true => far.heard_all(Err(Failure::of(&why()))),
                false => far.fail(Failure::of(&why())),
            }
            drop(far);
            let bytes = reads(&mut session, waker, 8).map(Result::unwrap);
            assert_eq!(bytes, Poll::Ready(b"last".to_vec()));
            let same = |e: &io::Error| {
                (e.raw_os_error(), e.kind(), e.to_string())
                    == (why().raw_os_error(), why().kind(), why().to_string())
            };
            let end = reads(&mut session, waker, 8);
            assert!(matches!(&end, Poll::Ready(Err(e)) if same(e)), "{end:?}");
            let written = writes(&mut session, waker, b"more");
            let told = matches!(&written, Poll::Ready(Err(e)) if reading != same(e));
            assert!(told, "{written:?}");
        }
    }
}
