//! Takes frames from the peer to the engine, one at a time: each is read, and [`super::turn`]
//! decides what is done with it.

mod logon;
mod reject;

use super::{
    Event, Outbox, Role, Session,
    ahead::{Ahead, Held},
    envelope::{Envelope, Fault, Number},
    ffi::{self, ForEngine, NotTaken},
    options::{FAULTS, GAPS, LOGONS, RESENDS, SessionOptions},
    resend::ResendAnswer,
    turn::{Phase, Turn, decide},
};
use crate::{
    bucket::Bucket,
    signature::check::{Judged, SignatureChecker},
    signature::is_application,
    store::SessionStore,
    tag,
    tagvalue::{Body, Field, is_plain_message},
};
use std::{
    cell::{Cell, RefCell},
    ptr::NonNull,
    rc::Rc,
    time::Instant,
};

/// Why a frame did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Wrong checksum or length, or a MsgType that is not the third field: FIX wants it ignored.
    /// The gap it leaves is filled by a resend.
    #[error("a garbled message was ignored")]
    Garbled,
    /// Fetch events first, then give the same frame again.
    #[error("events are waiting to be fetched")]
    EventsWaiting,
}

/// State of one connection's incoming frames that the engine does not hold.
pub(super) struct Inbound {
    pub options: SessionOptions,
    role: Role,
    strict: bool,
    pub sender: String,
    pub target: String,
    ahead: RefCell<Ahead>,
    /// A ResendRequest was sent for what is missing up to this number.
    asked: Cell<Option<u64>>,
    pub answer: RefCell<Option<ResendAnswer>>,
    pub past_may_be_resent: Cell<bool>,
    faults: RefCell<Bucket>,
    logons: RefCell<Bucket>,
    pub resends: RefCell<Bucket>,
    /// Gaps that are told; those beyond are closed all the same.
    gaps: RefCell<Bucket>,
    /// The engine is given text even where it could be given fields.
    #[cfg(test)]
    pub text_only: Cell<bool>,
}

impl Inbound {
    pub(crate) fn new(config: &super::SessionConfig, options: SessionOptions) -> Self {
        let bucket = |(capacity, refill)| RefCell::new(Bucket::new(capacity, refill));
        Self {
            options,
            role: config.role,
            strict: config.strict,
            sender: config.sender.to_string(),
            target: config.target.to_string(),
            ahead: RefCell::default(),
            asked: Cell::new(None),
            answer: RefCell::default(),
            past_may_be_resent: Cell::new(true),
            faults: bucket(FAULTS),
            logons: bucket(LOGONS),
            resends: bucket(RESENDS),
            gaps: bucket(GAPS),
            #[cfg(test)]
            text_only: Cell::new(false),
        }
    }

    /// A new connection. The peer's budgets are kept over connections.
    pub(crate) fn start(&self) {
        self.forget();
        self.past_may_be_resent.set(true);
    }

    fn forget(&self) {
        self.ahead.borrow_mut().clear();
        self.asked.set(None);
        self.answer.take();
    }
}

/// One frame on its way to the engine, with the state that it needs.
pub(super) struct Receiving<'a> {
    pub session: &'a Session,
    pub inbound: &'a Inbound,
    wire: NonNull<ffi::Wire>,
    pub outbox: Rc<Outbox>,
}

impl Session {
    /// One whole frame from the peer.
    ///
    /// # Errors
    /// The frame is garbled, which FIX wants ignored, or events have to be fetched first.
    pub fn receive(&self, frame: &[u8]) -> Result<(), ReceiveError> {
        self.receive_known(frame, None)
    }

    /// The same, with what another thread found about the signature. It is forgotten after this
    /// frame: one that is ahead of its turn is judged here when its turn has come.
    pub(crate) fn receive_known(
        &self,
        frame: &[u8],
        known: Option<Judged>,
    ) -> Result<(), ReceiveError> {
        let Some(way) = self.receiving()? else { return Ok(()) };
        self.shared.knows(known);
        let taken = way.take(frame);
        self.shared.knows(None);
        self.after(&way);
        taken
    }

    /// Other threads that judge signatures of this connection, while it is the one in use.
    pub(crate) fn checker(&self, outbox: &Rc<Outbox>) -> Option<Rc<dyn SignatureChecker>> {
        self.is_attached_to(outbox).then(|| self.shared.checker()).flatten()
    }

    /// A frame that was too long to be taken, of which `beginning` is left: it is refused by its
    /// number, so that the session gets past it.
    ///
    /// # Errors
    /// Events have to be fetched first.
    pub fn receive_too_long(&self, beginning: &[u8]) -> Result<(), ReceiveError> {
        let Some(way) = self.receiving()? else { return Ok(()) };
        way.take_too_long(beginning);
        self.after(&way);
        Ok(())
    }

    /// Continues waiting frames and resends. `true`: there is more to do.
    pub fn work(&self) -> bool {
        let Ok(Some(way)) = self.receiving() else { return false };
        self.after(&way);
        let more = way.answer_further();
        more || (self.shared.is_full() && way.inbound.ahead.borrow().first().is_some())
    }

    /// `None`: there is no connection, or it has ended for the peer.
    fn receiving(&self) -> Result<Option<Receiving<'_>>, ReceiveError> {
        if self.shared.is_full() {
            return Err(ReceiveError::EventsWaiting);
        }
        let attached = self.wire.borrow().as_ref().map(|a| (a.wire, a.outbox.clone()));
        let open = attached.filter(|(_, outbox)| !outbox.closed());
        Ok(open.map(|(wire, outbox)| Receiving {
            session: self,
            inbound: &self.inbound,
            wire,
            outbox,
        }))
    }

    fn after(&self, way: &Receiving<'_>) {
        way.take_what_waited();
        self.send_replies();
    }

    pub(super) fn with_store<T>(&self, f: impl FnOnce(&mut dyn SessionStore) -> T) -> T {
        self.store_factory().with(f)
    }
}

impl Receiving<'_> {
    pub(super) fn expected(&self) -> u64 {
        self.session.with_store(|s| s.next_target())
    }

    fn expect(&self, number: u64) {
        if let Err(e) = self.session.with_store(|s| s.set_next_target(number)) {
            tracing::error!(error = %e, "the message store failed; the connection ends");
            self.outbox.close();
        }
    }

    fn phase(&self) -> Phase {
        // SAFETY: the wire is attached while a `Receiving` exists: nothing on it detaches.
        if unsafe { ffi::is_logged_on(self.wire) } { Phase::On } else { Phase::BeforeLogon }
    }

    fn take(&self, frame: &[u8]) -> Result<(), ReceiveError> {
        let mut fields = self.session.spare_fields.take();
        let envelope = Envelope::read(frame, &mut fields);
        if let Some(e) = &envelope {
            self.take_read(frame, &fields, e);
        }
        self.session.spare_fields.replace(fields);
        envelope.map(|_| ()).ok_or(ReceiveError::Garbled)
    }

    fn take_too_long(&self, beginning: &[u8]) {
        let envelope = Envelope::of_beginning(beginning);
        match self.decide(&envelope) {
            Turn::Hold(number) => self.hold(number, Held::TooLong(beginning.to_vec())),
            turn => self.act(turn, beginning, &[], &envelope),
        }
    }

    fn take_read(&self, frame: &[u8], fields: &[Field], envelope: &Envelope) {
        match self.decide(envelope) {
            Turn::Hold(number) => self.hold(number, Held::Frame(frame.to_vec())),
            turn => self.act(turn, frame, fields, envelope),
        }
    }

    fn decide(&self, envelope: &Envelope) -> Turn {
        decide(envelope, self.phase(), self.expected(), self.inbound.options.jump_max)
    }

    fn act(&self, turn: Turn, frame: &[u8], fields: &[Field], envelope: &Envelope) {
        let expected = self.expected();
        match turn {
            Turn::Engine => self.engine(frame, fields, envelope),
            Turn::EngineKeepingNumber => {
                self.engine(frame, fields, envelope);
                self.expect(expected);
            }
            Turn::Hold(_) | Turn::Ignore => {}
            Turn::Logon => self.logon(frame, fields, envelope),
            Turn::LogonInSession => self.logon_in_session(frame, fields, envelope),
            Turn::Resend { expected } => self.resend(frame, fields, envelope, expected),
            Turn::Reject { fault, expected } => self.reject_fault(fault, frame, envelope, expected),
            Turn::RejectJump => self.reject(
                frame,
                envelope,
                5,
                Some(36),
                "NewSeqNo (36) goes further than this end lets it",
            ),
            Turn::End(Some(why)) => self.end(why),
            Turn::End(None) => {
                tracing::warn!(
                    peer = self.inbound.target,
                    "the connection ends: what came before the Logon is not one that can be read"
                );
                self.outbox.close();
            }
        }
    }

    /// The engine judges the frame and acts on it.
    pub(super) fn engine(&self, frame: &[u8], fields: &[Field], envelope: &Envelope) {
        let intact = crate::tagvalue::is_intact(frame, fields);
        self.session.shared.reading(frame, if intact { fields } else { &[] });
        let plain = intact && is_plain_message(fields);
        #[cfg(test)]
        let plain = plain && !self.inbound.text_only.get();
        let Number::Of(number) = envelope.number else { return };
        let msg_type = msg_type(frame);
        let session_part;
        let fields: &[Field] = if intact && !self.inbound.strict {
            session_part = super::dictionary::session_part(fields, is_application(msg_type));
            &session_part
        } else if plain {
            fields
        } else {
            &[]
        };
        // SAFETY: as in `phase`.
        match unsafe { ffi::receive(self.wire, &ForEngine { frame, fields, msg_type, number }) } {
            Ok(()) => {}
            Err(NotTaken::Differs) => self.reject_fault(
                Fault::Twice(tag::MSG_SEQ_NUM),
                frame,
                envelope,
                number == self.expected(),
            ),
            Err(NotTaken::Other(e)) => tracing::debug!(
                peer = self.inbound.target,
                error = e,
                "the engine does not read a message"
            ),
        }
    }

    fn hold(&self, number: u64, held: Held) {
        if !self.inbound.ahead.borrow_mut().keep(number, held) {
            tracing::debug!(number, "a message ahead of its turn is not kept; it comes again");
        }
        self.ask_for_the_gap(number);
    }

    /// Asks for what is missing before `number`, once.
    pub(super) fn ask_for_the_gap(&self, number: u64) {
        if self.inbound.asked.get().is_some() {
            return;
        }
        let mut body = Body::new("2");
        body.put(tag::BEGIN_SEQ_NO, self.expected());
        // Everything up to now: what waits here and what is on its way is passed over when it comes
        // twice.
        body.put(tag::END_SEQ_NO, 0u64);
        match self.session.send_body(&body) {
            Ok(_) => {
                self.inbound.asked.set(Some(number - 1));
                self.tell_gap(true, self.expected(), number - 1);
            }
            Err(e) => tracing::warn!(error = %e, "a ResendRequest could not be sent"),
        }
    }

    /// The owner of the session hears of a gap, within a budget.
    pub(super) fn tell_gap(&self, of_peer: bool, from: u64, to: u64) {
        if self.inbound.gaps.borrow_mut().take(Instant::now(), 1) {
            self.session.shared.event(Event::Gap { of_peer, from, to });
        }
    }

    /// Gives the engine what waited, one after another, while its turn has come.
    fn take_what_waited(&self) {
        while !self.outbox.closed() && !self.session.shared.is_full() {
            let expected = self.expected();
            let mut ahead = self.inbound.ahead.borrow_mut();
            ahead.forget_below(expected);
            if self.inbound.asked.get().is_some_and(|to| expected > to) {
                self.inbound.asked.set(None);
            }
            let (held, first) = (ahead.take(expected), ahead.first());
            drop(ahead);
            match (held, first) {
                (Some(Held::Frame(frame)), _) => drop(self.take(&frame)),
                (Some(Held::TooLong(beginning)), _) => self.take_too_long(&beginning),
                (Some(Held::Done), _) => self.expect(expected.saturating_add(1)),
                // Another gap, of frames that were garbled or not kept.
                (None, Some(first)) => return self.ask_for_the_gap(first),
                (None, None) => return,
            }
            if held_again(expected, self.expected(), &self.inbound.ahead) {
                return;
            }
        }
    }
}

/// Whether a frame that was taken from the waiting ones was put back: then nothing can move.
fn held_again(before: u64, after: u64, ahead: &RefCell<Ahead>) -> bool {
    before == after && ahead.borrow().first() == Some(before)
}

fn msg_type(frame: &[u8]) -> &[u8] {
    frame.split(|b| *b == 1).nth(2).and_then(|f| f.strip_prefix(b"35=")).unwrap_or_default()
}
