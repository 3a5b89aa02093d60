//! Frames on their way out, in their order, of which some still get their signatures from other
//! threads.
//!
//! A frame that waits for its signature holds up itself and what is behind it. So a peer reads the
//! same, in the same order, as from a thread that signs everything itself.

use crate::{
    signature::making::{Made, Making, Signature, SignatureMaker, ToSign},
    signature::{Draft, MessageSigner, SignError},
};
use std::{
    collections::VecDeque,
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::sync::oneshot::error::TryRecvError;

/// Signatures of one connection that are with other threads at once: while one message is written,
/// the next ones are signed. More would only make other peers wait.
pub(super) const MAKING_AT_ONCE: usize = 4;
/// Signatures that this thread makes in one go, of messages that waited while the other threads had
/// no room; then other tasks have their turn.
pub(super) const OWN_AT_ONCE: usize = 4;

/// How signatures are made, and who is told of a frame that may leave.
pub(super) struct Hands<'a> {
    pub(super) signer: &'a dyn MessageSigner,
    pub(super) maker: &'a dyn SignatureMaker,
    pub(super) passes: &'a dyn Fn(&[u8]),
}

enum Piece {
    Whole(Vec<u8>),
    /// `again`: the peer asked for it once more.
    Draft {
        draft: Draft,
        again: bool,
    },
}

/// A signature that another thread makes.
struct UnderWay {
    /// Which of the pieces it is for.
    at: usize,
    making: Making,
}

/// What came of a look at the queue.
#[derive(Default)]
pub(super) struct Step {
    /// A frame could not be signed. It and what was behind it are gone.
    pub(super) failed: Option<SignError>,
    /// This thread has more to do.
    pub(super) more: bool,
}

/// Of one connection. Without a maker it is a buffer of bytes.
#[derive(Default)]
pub(super) struct Queue {
    /// What may leave now.
    ready: Vec<u8>,
    /// What stands behind that. The first waits for its signature.
    pieces: VecDeque<Piece>,
    /// All before this one are whole or under way; it is a draft, or there is none.
    next: usize,
    under_way: Vec<UnderWay>,
    /// Length of the pieces when they are whole.
    behind: usize,
    /// Logouts (5) that were queued and not dropped.
    logouts: usize,
    /// Time that signatures took which the peer caused by asking for messages again.
    spent: Duration,
}

impl Queue {
    /// Bytes that are queued, with signatures that are not there yet.
    pub(super) fn len(&self) -> usize {
        self.ready.len().saturating_add(self.behind)
    }

    /// Whether something may leave now.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether something waits for a signature.
    pub(super) fn is_signing(&self) -> bool {
        !self.pieces.is_empty()
    }

    pub(super) fn said_logout(&self) -> bool {
        self.logouts > 0
    }

    /// Takes what may leave now, reusing `into`'s memory.
    pub(super) fn take(&mut self, into: &mut Vec<u8>) {
        into.clear();
        mem::swap(&mut self.ready, into);
    }

    /// What was spent since this was asked last.
    pub(super) fn take_spent(&mut self) -> Duration {
        mem::take(&mut self.spent)
    }

    /// Puts a whole frame at the end. `true`: it may leave now.
    pub(super) fn push(&mut self, frame: &[u8]) -> bool {
        self.logouts = self.logouts.saturating_add(usize::from(is_logout(frame)));
        if !self.is_signing() {
            self.ready.extend_from_slice(frame);
            return true;
        }
        let nothing_waits = self.next == self.pieces.len();
        self.behind = self.behind.saturating_add(frame.len());
        self.pieces.push_back(Piece::Whole(frame.to_vec()));
        if nothing_waits {
            self.next = self.pieces.len();
        }
        false
    }

    /// Puts a frame at the end that is still to be signed.
    ///
    /// # Errors
    /// There was no room for it with other threads, and it could not be signed here: it is not
    /// queued.
    pub(super) fn push_draft(
        &mut self,
        draft: Draft,
        again: bool,
        hands: &Hands<'_>,
    ) -> Result<(), SignError> {
        let at = self.pieces.len();
        let may_ask = self.next == at && self.under_way.len() < MAKING_AT_ONCE;
        if may_ask {
            let Some(making) = hands.maker.begin(ToSign::of(&draft)) else {
                let signature = hands.signer.sign(draft.covered())?;
                let frame = draft.finish(&signature);
                if self.push(&frame) {
                    (hands.passes)(&frame);
                }
                return Ok(());
            };
            self.under_way.push(UnderWay { at, making });
            self.next = at.saturating_add(1);
        }
        self.behind = self.behind.saturating_add(draft.signed_len());
        self.pieces.push_back(Piece::Draft { draft, again });
        Ok(())
    }

    /// Takes what has been answered, and asks for what waits. With `cx` its task is woken when
    /// there is more to take.
    pub(super) fn step(&mut self, hands: &Hands<'_>, mut cx: Option<&mut Context<'_>>) -> Step {
        let mut step = Step::default();
        let mut own = OWN_AT_ONCE;
        loop {
            self.settle(hands, &mut step, cx.as_deref_mut());
            // What was just asked for is looked at, too, or nobody would be woken by its answer.
            if !self.ask(hands, &mut step, &mut own) {
                break;
            }
        }
        self.advance(hands);
        step
    }

    /// Drops the piece at `from` and what is behind it.
    pub(super) fn cut(&mut self, from: usize) {
        let from = from.min(self.pieces.len());
        for piece in self.pieces.drain(from..) {
            self.behind = self.behind.saturating_sub(piece.len());
            self.logouts = self.logouts.saturating_sub(usize::from(piece.is_logout()));
        }
        self.under_way.retain(|u| u.at < from);
        self.next = self.next.min(from);
    }

    fn settle(&mut self, hands: &Hands<'_>, step: &mut Step, mut cx: Option<&mut Context<'_>>) {
        let mut n = 0usize;
        while let Some(one) = self.under_way.get_mut(n) {
            let Some(made) = one.answer(cx.as_deref_mut()) else {
                n = n.saturating_add(1);
                continue;
            };
            let at = self.under_way.remove(n).at;
            self.sign(at, made, hands, step);
        }
    }

    /// Asks for signatures of drafts, as many as may be under way. `true`: some are since then.
    fn ask(&mut self, hands: &Hands<'_>, step: &mut Step, own: &mut usize) -> bool {
        let mut asked = false;
        while self.under_way.len() < MAKING_AT_ONCE {
            let at = self.next;
            match self.pieces.get(at) {
                None => break,
                Some(Piece::Whole(_)) => {}
                Some(Piece::Draft { draft, .. }) => {
                    if let Some(making) = hands.maker.begin(ToSign::of(draft)) {
                        self.under_way.push(UnderWay { at, making });
                        asked = true;
                    } else if *own > 0 {
                        *own = own.saturating_sub(1);
                        self.sign(at, None, hands, step);
                    } else {
                        step.more = true;
                        break;
                    }
                }
            }
            self.next = at.saturating_add(1).min(self.pieces.len());
        }
        asked
    }

    /// Completes a draft with the signature that was made for it, or with one of this thread.
    fn sign(&mut self, at: usize, made: Option<Made>, hands: &Hands<'_>, step: &mut Step) {
        let Some(Piece::Draft { draft, again }) = self.pieces.get(at) else { return };
        let found = made.and_then(|m| m.of(draft));
        let (signature, took) = found.unwrap_or_else(|| sign_here(draft, hands.signer));
        if *again {
            self.spent = self.spent.saturating_add(took);
        }
        match signature {
            Ok(signature) => {
                let Some(piece) = self.pieces.get_mut(at) else { return };
                *piece = match mem::replace(piece, Piece::Whole(Vec::new())) {
                    Piece::Draft { draft, .. } => Piece::Whole(draft.finish(&signature)),
                    whole => whole,
                };
            }
            Err(e) => {
                self.cut(at);
                step.failed.get_or_insert(e);
            }
        }
    }

    /// Lets go of the frames that are whole, up to the first that is not.
    fn advance(&mut self, hands: &Hands<'_>) {
        let mut gone = 0usize;
        while let Some(Piece::Whole(frame)) = self.pieces.front() {
            (hands.passes)(frame);
            self.ready.extend_from_slice(frame);
            self.behind = self.behind.saturating_sub(frame.len());
            self.pieces.pop_front();
            gone = gone.saturating_add(1);
        }
        self.next = self.next.saturating_sub(gone);
        for one in &mut self.under_way {
            one.at = one.at.saturating_sub(gone);
        }
        // A connection that is idle needs no memory for what it once had to say.
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
            self.under_way = Vec::new();
        }
    }
}

impl Piece {
    /// How long the frame is when it leaves.
    fn len(&self) -> usize {
        match self {
            Self::Whole(frame) => frame.len(),
            Self::Draft { draft, .. } => draft.signed_len(),
        }
    }

    /// Messages of the session layer are not signed.
    fn is_logout(&self) -> bool {
        match self {
            Self::Whole(frame) => is_logout(frame),
            Self::Draft { .. } => false,
        }
    }
}

impl UnderWay {
    /// `None`: there is no answer yet. `Some(None)`: there will be none.
    fn answer(&mut self, cx: Option<&mut Context<'_>>) -> Option<Option<Made>> {
        match cx {
            Some(cx) => match Pin::new(&mut self.making).poll(cx) {
                Poll::Ready(told) => Some(told.ok()),
                Poll::Pending => None,
            },
            None => match self.making.try_recv() {
                Ok(made) => Some(Some(made)),
                Err(TryRecvError::Closed) => Some(None),
                Err(TryRecvError::Empty) => None,
            },
        }
    }
}

fn sign_here(draft: &Draft, signer: &dyn MessageSigner) -> (Signature, Duration) {
    let began = Instant::now();
    let signature = signer.sign(draft.covered());
    (signature, began.elapsed())
}

fn is_logout(frame: &[u8]) -> bool {
    kind_of(frame) == b"5"
}

/// MsgType (35). The engine writes begin, length and type first.
pub(super) fn kind_of(frame: &[u8]) -> &[u8] {
    frame.split(|b| *b == 1).nth(2).and_then(|f| f.strip_prefix(b"35=")).unwrap_or_default()
}
