//! Outgoing bytes, in order, signed where required.

use super::{
    MAX_OUTBOX_BYTES,
    queue::{Hands, Queue, kind_of},
    tap::{Passing, Tap},
};
use crate::{
    signature::making::SignatureMaker,
    signature::{Draft, SignError, Signing, is_application},
};
use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Bytes on their way to the peer. Filled by the session, emptied by whoever owns the connection.
#[derive(Default)]
pub struct Outbox {
    queue: RefCell<Queue>,
    closed: Cell<bool>,
    /// Here and not earlier, so that a resend, whose header is new, is signed again, and the store
    /// keeps no signature.
    signing: Option<Signing>,
    /// Other threads that make the signatures.
    maker: Option<Rc<dyn SignatureMaker>>,
    /// Told of every application message that may leave, as it will travel.
    tap: Option<Tap>,
    failure: RefCell<Option<SignError>>,
    /// A frame was turned away; the engine does not tell its callers.
    turned_away: Cell<bool>,
    /// The task that waits in [`Outbox::changed`]; `None` while the pump works, as it looks again
    /// before it sleeps.
    waiting: Cell<Option<Waker>>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("bytes", &self.len()).field("closed", &self.closed).finish()
    }
}

impl Outbox {
    pub(super) fn new(signing: Option<Signing>, tap: Option<Tap>) -> Self {
        let maker = signing.as_ref().and_then(|s| s.signer.maker());
        Self { signing, maker, tap, ..Self::default() }
    }

    /// Takes everything that may leave now, reusing `into`'s memory: all that is queued, up to the
    /// first message whose signature another thread still makes.
    pub fn take(&self, into: &mut Vec<u8>) {
        self.look(None);
        self.queue.borrow_mut().take(into);
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that are queued, with signatures that are still to come.
    pub fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// The session wants the connection to end, after what is queued.
    pub fn closed(&self) -> bool {
        self.closed.get()
    }

    /// Whether signatures are still made for what is queued.
    pub(crate) fn is_signing(&self) -> bool {
        self.queue.borrow().is_signing()
    }

    /// Whether the session has ended, and what it said last is still being signed. The peer is not
    /// heard meanwhile: nothing of a session that has ended is acted on.
    pub(crate) fn signs_last_words(&self) -> bool {
        self.closed() && self.is_signing()
    }

    /// Whether a Logout (5) was queued; it may not have left. A session ends without one when the
    /// peer is silent, takes nothing, or is displaced by a newer connection, and when a message
    /// before it could not be signed, or not in time.
    pub fn said_logout(&self) -> bool {
        self.queue.borrow().said_logout()
    }

    /// Resolves when there is something to write or the session wants to close and nothing waits
    /// for a signature; at once if so already. For one task at a time.
    pub fn changed(&self) -> impl Future<Output = ()> {
        Changed(self)
    }

    fn wake(&self) {
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    /// Why a message could not be signed. The connection has ended by that.
    pub(crate) fn failure(&self) -> Option<SignError> {
        self.failure.borrow().clone()
    }

    /// Whether a frame was turned away since this was asked last.
    pub(super) fn turned_away(&self) -> bool {
        self.turned_away.take()
    }

    /// Time that signatures took, since this was asked last, which other threads made of messages
    /// that the peer asked for again.
    pub(crate) fn take_spent(&self) -> Duration {
        self.queue.borrow_mut().take_spent()
    }

    /// One frame of the engine's. `false`: it does not leave, and nothing after it does.
    pub(super) fn push(&self, frame: &[u8]) -> bool {
        self.push_as(frame, false)
    }

    /// The same with one that the peer asked for again.
    pub(super) fn push_again(&self, frame: &[u8]) -> bool {
        self.push_as(frame, true)
    }

    fn push_as(&self, frame: &[u8], again: bool) -> bool {
        let taken = self.took(frame, again);
        self.turned_away.set(self.turned_away.get() || !taken);
        taken
    }

    fn took(&self, frame: &[u8], again: bool) -> bool {
        if self.closed.get() {
            return false;
        }
        let queued = self.enqueue(frame, again).unwrap_or_else(|e| {
            self.fails(e);
            false
        });
        if queued {
            self.wake();
        } else {
            self.close();
        }
        queued
    }

    /// `Ok(false)`: there is no room for it.
    fn enqueue(&self, frame: &[u8], again: bool) -> Result<bool, SignError> {
        let Some(signing) = self.signing.as_ref().filter(|s| is_signed(s, frame)) else {
            return Ok(self.enqueue_whole(frame));
        };
        let draft = Draft::of(frame)?;
        let Some(maker) = &self.maker else {
            let signature = signing.signer.sign(draft.covered())?;
            return Ok(self.enqueue_whole(&draft.finish(&signature)));
        };
        if !self.has_room(draft.signed_len()) {
            return Ok(false);
        }
        let passes = |frame: &[u8]| self.passes(frame);
        let hands = Hands { signer: &*signing.signer, maker: &**maker, passes: &passes };
        self.queue.borrow_mut().push_draft(draft, again, &hands)?;
        Ok(true)
    }

    fn enqueue_whole(&self, frame: &[u8]) -> bool {
        if !self.has_room(frame.len()) {
            return false;
        }
        let may_leave = self.queue.borrow_mut().push(frame);
        if may_leave {
            self.passes(frame);
        }
        true
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.len().saturating_add(bytes) <= MAX_OUTBOX_BYTES
    }

    fn passes(&self, frame: &[u8]) {
        if let Some(tap) = self.tap.as_ref().filter(|_| is_application(kind_of(frame))) {
            tap(Passing::Sent(frame));
        }
    }

    /// Takes the signatures that have been made, and has more made. `true`: this thread has more to
    /// do.
    fn look(&self, cx: Option<&mut Context<'_>>) -> bool {
        let (Some(signing), Some(maker)) = (&self.signing, &self.maker) else { return false };
        if !self.is_signing() {
            return false;
        }
        let passes = |frame: &[u8]| self.passes(frame);
        let hands = Hands { signer: &*signing.signer, maker: &**maker, passes: &passes };
        let step = self.queue.borrow_mut().step(&hands, cx);
        if let Some(e) = step.failed {
            self.fails(e);
        }
        step.more
    }

    fn fails(&self, e: SignError) {
        tracing::error!(error = %e, "the connection ends: nothing leaves unsigned");
        self.failure.borrow_mut().get_or_insert(e);
        self.close();
    }

    /// Ends the connection; what is queued is still written.
    pub fn close(&self) {
        self.closed.set(true);
        self.wake();
    }

    /// Ends the connection because what waits for a signature has waited so long.
    pub(crate) fn was_not_signed_within(&self, time: Duration) {
        self.queue.borrow_mut().cut(0);
        self.fails(SignError(format!("there was no signature within {} s", time.as_secs())));
    }

    /// Ends the connection without what waits for a signature and what is behind that.
    pub(crate) fn give_up(&self) {
        self.queue.borrow_mut().cut(0);
        self.close();
    }
}

fn is_signed(signing: &Signing, frame: &[u8]) -> bool {
    let kind = kind_of(frame);
    is_application(kind) && std::str::from_utf8(kind).is_ok_and(|k| (signing.which)(k))
}

struct Changed<'a>(&'a Outbox);

impl Future for Changed<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let outbox = self.0;
        let more = outbox.look(Some(&mut *cx));
        let (ready, signing) = {
            let queue = outbox.queue.borrow();
            (queue.has_ready(), queue.is_signing())
        };
        if ready || (outbox.closed() && !signing) {
            return Poll::Ready(());
        }
        outbox.waiting.set(Some(cx.waker().clone()));
        if more {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        self.0.waiting.take();
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
