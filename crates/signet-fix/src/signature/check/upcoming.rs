//! Looks ahead: the frames that a framer hands out next, and the verdicts on their signatures that
//! were asked for.
//!
//! The frames stay where they are. They go to the session one by one, in the order in which they
//! came, whenever their verdicts come in; one that has none yet holds up itself and what is behind
//! it. So a session sees the same with a checker as without.

use super::{Check, Checking, Judged, SignatureChecker};
use crate::framer::Framer;
use std::{collections::VecDeque, rc::Rc};
use tokio::sync::oneshot::error::TryRecvError;

/// Frames of one connection that are looked at before their turn.
const LOOK_AHEAD: usize = 8;
/// Verdicts of one connection that are under way at once: while the session acts on one message,
/// the next ones are verified. More would only make other peers wait.
const CHECKS_AT_ONCE: usize = 2;

/// What is known of the signature of a frame.
enum Verdict {
    /// Nothing: there is none, or the session judges it itself.
    Own,
    UnderWay(Checking),
    Known(Judged),
}

struct Frame {
    len: usize,
    verdict: Verdict,
}

/// Of one connection. Without a checker it looks at nothing.
#[derive(Default)]
pub(crate) struct Upcoming {
    checker: Option<Rc<dyn SignatureChecker>>,
    frames: VecDeque<Frame>,
    /// Length of all of them.
    bytes: usize,
}

impl Upcoming {
    /// `checker` judges as the verifier of this connection does.
    pub(crate) fn new(checker: Option<Rc<dyn SignatureChecker>>) -> Self {
        Self { checker, ..Self::default() }
    }

    /// Takes what has been answered, and asks about the frames that are whole by now.
    pub(crate) fn look(&mut self, framer: &Framer) {
        let Some(checker) = &self.checker else { return };
        self.frames.iter_mut().for_each(Frame::settle);
        let mut under_way = self.frames.iter().filter(|f| f.is_under_way()).count();
        while self.frames.len() < LOOK_AHEAD && under_way < CHECKS_AT_ONCE {
            let Some(frame) = framer.peek(self.bytes) else { return };
            let begun = Check::of(frame).and_then(|check| checker.begin(check));
            let verdict = begun.map_or(Verdict::Own, Verdict::UnderWay);
            let next = Frame { len: frame.len(), verdict };
            under_way += usize::from(next.is_under_way());
            self.bytes += next.len;
            self.frames.push_back(next);
        }
    }

    /// Whether the next frame waits for its verdict.
    pub(crate) fn is_waiting(&self) -> bool {
        self.frames.front().is_some_and(Frame::is_under_way)
    }

    /// Resolves when the next frame does not wait. A call that is dropped has lost nothing.
    pub(crate) async fn answered(&mut self) {
        if let Some(Frame { verdict, .. }) = self.frames.front_mut()
            && let Verdict::UnderWay(checking) = verdict
        {
            let told = checking.await;
            *verdict = told.map_or(Verdict::Own, Verdict::Known);
        }
    }

    /// The framer hands out its next frame: what is known of its signature.
    pub(crate) fn handed_out(&mut self) -> Option<Judged> {
        let Frame { len, verdict } = self.frames.pop_front()?;
        self.bytes -= len;
        if let Verdict::Known(judged) = verdict { Some(judged) } else { None }
    }
}

impl Frame {
    fn is_under_way(&self) -> bool {
        matches!(self.verdict, Verdict::UnderWay(_))
    }

    fn settle(&mut self) {
        if let Verdict::UnderWay(checking) = &mut self.verdict {
            match checking.try_recv() {
                Ok(judged) => self.verdict = Verdict::Known(judged),
                Err(TryRecvError::Closed) => self.verdict = Verdict::Own,
                Err(TryRecvError::Empty) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        signature::{SIGNATURE_LEN, parts, sign},
        tagvalue::seal,
    };
    use std::cell::{Cell, RefCell};
    use tokio::sync::oneshot;

    type Question = (Check, oneshot::Sender<Judged>);

    /// Keeps what it is asked, for the test to answer.
    #[derive(Default)]
    struct Asked {
        waiting: RefCell<VecDeque<Option<Question>>>,
        full: Cell<bool>,
    }

    impl SignatureChecker for Asked {
        fn begin(&self, check: Check) -> Option<Checking> {
            let (answer, checking) = oneshot::channel();
            self.waiting.borrow_mut().push_back(Some((check, answer)));
            (!self.full.get()).then_some(checking)
        }
    }

    impl Asked {
        fn count(&self) -> usize {
            self.waiting.borrow().len()
        }

        fn answers(&self, which: usize, good: bool) {
            let (check, answer) = self.waiting.borrow_mut()[which].take().unwrap();
            drop(answer.send(check.judge(|_, _| good)));
        }

        /// As a thread that is gone.
        fn drops(&self, which: usize) {
            self.waiting.borrow_mut()[which] = None;
        }
    }

    fn frame(body: &str) -> Vec<u8> {
        seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes())
    }

    fn signed(n: usize) -> Vec<u8> {
        let frame = frame(&format!("35=x|34={n}|320=L{n}|559=4|"));
        sign(&frame, &|_: &[u8]| Ok([7u8; SIGNATURE_LEN])).unwrap()
    }

    fn heartbeat() -> Vec<u8> {
        frame("35=0|34=9|")
    }

    fn start(frames: &[Vec<u8>]) -> (Framer, Rc<Asked>, Upcoming) {
        let (mut framer, asked) = (Framer::new(), Rc::<Asked>::default());
        framer.push(&frames.concat());
        let upcoming = Upcoming::new(Some(asked.clone()));
        (framer, asked, upcoming)
    }

    /// Takes frames as the pump does, until one waits or there are none; the verdicts on them.
    fn take(framer: &mut Framer, upcoming: &mut Upcoming) -> Vec<Option<bool>> {
        let mut taken = vec![];
        loop {
            upcoming.look(framer);
            if upcoming.is_waiting() {
                return taken;
            }
            let Some(frame) = framer.next_frame().unwrap() else { return taken };
            let known = upcoming.handed_out();
            taken.push(known.map(|j| j.of(&parts(frame).unwrap()).expect("its own answer")));
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Answer(usize, bool),
        Gone(usize),
    }
    use Step::{Answer, Gone};

    /// `s` is a signed message, `h` one that needs no verdict. Each step is followed by what was
    /// taken after it; the first entry is what is taken before any answer.
    #[test]
    fn frames_go_on_in_their_order_as_verdicts_come_in() {
        type Taken = &'static [Option<bool>];
        type Steps = Vec<(Step, Vec<Option<bool>>)>;
        let (good, bad, own) = (Some(true), Some(false), None);
        let table: [(&str, Taken, Steps); 9] = [
            ("", &[], vec![]),
            ("hh", &[None, None], vec![]),
            ("s", &[], vec![(Answer(0, true), vec![good])]),
            ("s", &[], vec![(Answer(0, false), vec![bad])]),
            ("s", &[], vec![(Gone(0), vec![own])]),
            ("hsh", &[None], vec![(Answer(0, true), vec![good, own])]),
            // The second is answered first, and waits for the first.
            ("ss", &[], vec![(Answer(1, false), vec![]), (Answer(0, true), vec![good, bad])]),
            ("shs", &[], vec![(Gone(1), vec![]), (Answer(0, false), vec![bad, own, own])]),
            (
                "sss",
                &[],
                vec![
                    (Answer(0, true), vec![good]),
                    (Answer(2, false), vec![]),
                    (Gone(1), vec![own, bad]),
                ],
            ),
        ];
        for (frames, before, steps) in table {
            let bytes: Vec<_> = frames
                .chars()
                .enumerate()
                .map(|(n, c)| if c == 's' { signed(n) } else { heartbeat() })
                .collect();
            let (mut framer, asked, mut upcoming) = start(&bytes);
            assert_eq!(take(&mut framer, &mut upcoming), before, "{frames}");
            for (step, want) in steps {
                match step {
                    Answer(which, good) => asked.answers(which, good),
                    Gone(which) => asked.drops(which),
                }
                assert_eq!(take(&mut framer, &mut upcoming), want, "{frames} {step:?}");
            }
            assert!(upcoming.frames.is_empty() && upcoming.bytes == 0, "{frames}");
        }
    }

    #[test]
    fn one_connection_asks_about_so_many_at_once_and_looks_so_far() {
        let (framer, asked, mut upcoming) = start(&(0..20).map(signed).collect::<Vec<_>>());
        upcoming.look(&framer);
        upcoming.look(&framer);
        assert_eq!(asked.count(), CHECKS_AT_ONCE);
        // The first is never answered: the others are, as far as is looked.
        for which in 1..LOOK_AHEAD {
            asked.answers(which, true);
            upcoming.look(&framer);
            assert_eq!(asked.count(), (which + CHECKS_AT_ONCE).min(LOOK_AHEAD));
            assert!(upcoming.is_waiting());
        }
        assert_eq!(upcoming.bytes, (0..LOOK_AHEAD).map(|n| signed(n).len()).sum::<usize>());
    }

    #[test]
    fn what_finds_no_room_and_what_nobody_checks_is_left_to_the_session() {
        let frames = [signed(0), signed(1)];
        let (mut framer, asked, mut upcoming) = start(&frames);
        asked.full.set(true);
        assert_eq!(take(&mut framer, &mut upcoming), [None, None]);
        framer.push(&frames.concat());
        assert_eq!(take(&mut framer, &mut Upcoming::default()), [None, None]);
    }

    /// What stands behind it is looked at when the framer has passed over it.
    #[test]
    fn nothing_is_looked_at_beyond_what_makes_no_frame() {
        let long = frame(&format!("35=y|34=2|58={}|", "x".repeat(crate::framer::MAX_FRAME_LEN)));
        let torn = signed(5);
        for between in [b"junk".to_vec(), long[..1_000].to_vec(), torn[..40].to_vec()] {
            let (framer, asked, mut upcoming) = start(&[signed(0), between, signed(1)]);
            upcoming.look(&framer);
            assert_eq!((asked.count(), upcoming.frames.len()), (1, 1));
        }
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_loses_no_answer() {
        let (mut framer, asked, mut upcoming) = start(&[signed(0)]);
        upcoming.look(&framer);
        tokio::select! {
            biased;
            () = upcoming.answered() => panic!("nobody has answered"),
            () = tokio::task::yield_now() => {}
        }
        asked.answers(0, true);
        upcoming.answered().await;
        assert!(!upcoming.is_waiting());
        // At once, when nothing is waited for.
        upcoming.answered().await;
        assert_eq!(take(&mut framer, &mut upcoming), [Some(true)]);
        upcoming.answered().await;
    }
}
