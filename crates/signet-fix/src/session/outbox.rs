//! Outgoing bytes, in order, signed where required.

use super::{
    MAX_OUTBOX_BYTES,
    tap::{Passing, Tap},
};
use crate::signature::{SignError, Signing, is_application, sign};
use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Bytes on their way to the peer. Filled by the session, emptied by whoever owns the connection.
#[derive(Default)]
pub struct Outbox {
    bytes: RefCell<Vec<u8>>,
    closed: Cell<bool>,
    said_logout: Cell<bool>,
    /// Here and not earlier, so that a resend, whose header is new, is signed again, and the store
    /// keeps no signature.
    signing: Option<Signing>,
    /// Told of every application message that is queued, as it will travel.
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
        f.debug_struct("Outbox")
            .field("bytes", &self.bytes.borrow().len())
            .field("closed", &self.closed)
            .finish()
    }
}

impl Outbox {
    pub(super) fn new(signing: Option<Signing>, tap: Option<Tap>) -> Self {
        Self { signing, tap, ..Self::default() }
    }

    /// Takes everything that is queued, reusing `into`'s memory.
    pub fn take(&self, into: &mut Vec<u8>) {
        into.clear();
        std::mem::swap(&mut *self.bytes.borrow_mut(), into);
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.bytes.borrow().is_empty()
    }

    /// Bytes that are queued.
    pub fn len(&self) -> usize {
        self.bytes.borrow().len()
    }

    /// The session wants the connection to end, after what is queued.
    pub fn closed(&self) -> bool {
        self.closed.get()
    }

    /// Whether a Logout (5) was queued; it may not have left. A session ends without one when the
    /// peer is silent, takes nothing, or is displaced by a newer connection.
    pub fn said_logout(&self) -> bool {
        self.said_logout.get()
    }

    /// Resolves when there is something to write or the session wants to close; at once if so
    /// already. For one task at a time.
    pub fn changed(&self) -> impl Future<Output = ()> {
        Changed(self)
    }

    fn wake(&self) {
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    /// Why a message could not be signed. The connection has ended by that.
    pub(super) fn failure(&self) -> Option<SignError> {
        self.failure.borrow().clone()
    }

    /// Whether a frame was turned away since this was asked last.
    pub(super) fn turned_away(&self) -> bool {
        self.turned_away.take()
    }

    /// One frame of the engine's. `false`: it does not leave, and nothing after it does.
    pub(super) fn push(&self, frame: &[u8]) -> bool {
        let taken = self.took(frame);
        self.turned_away.set(self.turned_away.get() || !taken);
        taken
    }

    fn took(&self, frame: &[u8]) -> bool {
        if self.closed.get() {
            return false;
        }
        let frame = match self.signed(frame) {
            Ok(frame) => frame,
            Err(e) => {
                tracing::error!(error = %e, "the connection ends: nothing leaves unsigned");
                *self.failure.borrow_mut() = Some(e);
                self.close();
                return false;
            }
        };
        let mut bytes = self.bytes.borrow_mut();
        if bytes.len() + frame.len() > MAX_OUTBOX_BYTES {
            self.closed.set(true);
            self.wake();
            return false;
        }
        bytes.extend_from_slice(&frame);
        drop(bytes);
        if kind_of(&frame) == b"5" {
            self.said_logout.set(true);
        }
        if let Some(tap) = self.tap.as_ref().filter(|_| is_application(kind_of(&frame))) {
            tap(Passing::Sent(&frame));
        }
        self.wake();
        true
    }

    fn signed<'a>(&self, frame: &'a [u8]) -> Result<Cow<'a, [u8]>, SignError> {
        let Some(signing) = &self.signing else { return Ok(Cow::Borrowed(frame)) };
        let kind = kind_of(frame);
        let wanted =
            is_application(kind) && std::str::from_utf8(kind).is_ok_and(|k| (signing.which)(k));
        if wanted {
            sign(frame, &*signing.signer).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(frame))
        }
    }

    /// Ends the connection; what is queued is still written.
    pub fn close(&self) {
        self.closed.set(true);
        self.wake();
    }
}

/// MsgType (35). The engine writes begin, length and type first.
fn kind_of(frame: &[u8]) -> &[u8] {
    frame.split(|b| *b == 1).nth(2).and_then(|f| f.strip_prefix(b"35=")).unwrap_or_default()
}

struct Changed<'a>(&'a Outbox);

impl Future for Changed<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.closed() || !self.0.is_empty() {
            return Poll::Ready(());
        }
        self.0.waiting.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        self.0.waiting.take();
    }
}
