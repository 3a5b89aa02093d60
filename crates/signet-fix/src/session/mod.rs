//! One FIX session: QuickFIX's state machine, our wire, our store.
//!
//! A [`Session`] lives on one thread and never blocks: bytes in through [`Session::receive`], time
//! in through [`Session::tick`], bytes out through the [`Outbox`] it was attached with, and what
//! happened out of [`Session::next_event`]. Many sessions share one thread; none has a thread or a
//! socket of its own.
//!
//! Rules that follow from traps of the binding (numbers as in the engine study):
//! - B1: the binding drops `UnsupportedMessageType`; we answer with BusinessMessageReject
//!   ourselves.
//! - B2: QuickFIX's own sockets are never started, so its reconnect bug cannot bite.
//! - B3: two sessions with one id crash the process; [`Session::open`] refuses the second.
//! - A panic in a callback counts as acceptance to the binding; ours catch it and reject.
//! - QuickFIX stores a message sent while offline and delivers it after the next logon;
//!   [`Session::send`] refuses instead. What must not be repeated is not repeated on a resend
//!   either.

mod ahead;
mod answer;
mod callbacks;
mod config;
mod counted;
mod dictionary;
mod envelope;
mod error;
mod event;
mod ffi;
mod logon;
mod options;
mod outbox;
mod program;
mod queue;
mod receive;
mod registered;
mod resend;
mod settings;
mod storage;
mod tap;
mod turn;

pub use config::{Binding, Channel, Role, SessionConfig};
pub use error::{SendError, SessionError};
pub use event::{Event, Meta};
pub use logon::{LogonFacts, LogonFault, read_logon};
pub use options::{HEARTBEAT_S, JUMP_MAX, LogonReset, NumberMode, SessionOptions};
pub use outbox::Outbox;
pub use program::{PROGRAM_TEXT_MAX, Program, Stated, stated_program};
pub use receive::ReceiveError;
pub use tap::{Passing, Tap};

use crate::{
    AppMessage, BEGIN_STRING,
    store::SessionStore,
    tagvalue::{Body, Field},
};
use callbacks::{Callbacks, Log, Shared};
use counted::Counted;
use quickfix::{Acceptor, Application, FixSocketServerKind, Initiator, LogFactory};
use registered::Registered;
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    ffi::CString,
    ptr::NonNull,
    rc::Rc,
};
use storage::StoreFactory;

/// Bytes queued for a peer that does not read; then the connection ends.
pub const MAX_OUTBOX_BYTES: usize = 4 * 1024 * 1024;

/// The un-started QuickFIX object that owns the C++ session.
enum Engine {
    Initiator { _keep: Initiator<'static, Callbacks, Log, StoreFactory> },
    Acceptor { _keep: Acceptor<'static, Callbacks, Log, StoreFactory> },
}

/// A heap value with a stable address, freed on drop, that C++ may point to meanwhile.
struct Pinned<T>(NonNull<T>);

impl<T> Pinned<T> {
    fn new(value: T) -> Self {
        Self(NonNull::from(Box::leak(Box::new(value))))
    }

    /// # Safety
    /// The reference must not be used after `self` is dropped.
    unsafe fn get(&self) -> &'static T {
        // SAFETY: the pointer comes from a leaked box and is freed only in `drop`.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        // SAFETY: made by `Box::leak` in `new`, freed once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// One FIX session. Not `Send`: it stays on the thread that opened it.
pub struct Session {
    wire: RefCell<Option<Attached>>,
    shared: Rc<Shared>,
    inbound: receive::Inbound,
    /// Memory for the fields of a frame.
    spare_fields: RefCell<Vec<Field>>,
    /// The number of the message that was fetched last, while it is dealt with.
    handling: Cell<Option<u64>>,
    names: Names,
    // Dropped in this order: the C++ object first, then what it points to.
    _engine: Engine,
    _application: Pinned<Application<'static, Callbacks>>,
    _log_factory: Pinned<LogFactory<'static, Log>>,
    store_factory: Pinned<StoreFactory>,
    _callbacks: Pinned<Callbacks>,
    _log: Pinned<Log>,
    _registered: Registered,
}

struct Names {
    begin: CString,
    sender: CString,
    target: CString,
}

struct Attached {
    wire: NonNull<ffi::Wire>,
    outbox: Rc<Outbox>,
    // C++ holds a pointer to the outbox until `wire` is detached.
    _context: Pinned<Rc<Outbox>>,
}

impl Session {
    /// A session as towards a dealer or a venue.
    ///
    /// # Errors
    /// As [`Session::open_with`].
    pub fn open(
        config: &SessionConfig,
        store: Box<dyn SessionStore>,
    ) -> Result<Self, SessionError> {
        Self::open_with(config, SessionOptions::default(), store)
    }

    /// # Errors
    /// A session of these names is open already, or the engine refuses.
    pub fn open_with(
        config: &SessionConfig,
        options: SessionOptions,
        store: Box<dyn SessionStore>,
    ) -> Result<Self, SessionError> {
        let registered = Registered::new(config)?;
        let shared = Rc::new(Shared::new(config.role, &options));
        let callbacks = Pinned::new(Callbacks(shared.clone()));
        let log = Pinned::new(Log::new(config));
        let store_factory = Pinned::new(StoreFactory::new(store)?);
        // SAFETY: each `get` below is used only by values that are fields of `Self`, which drop
        // before the pinned value they refer to.
        let application = Pinned::new(Application::try_new(unsafe { callbacks.get() })?);
        // SAFETY: as above.
        let log_factory = Pinned::new(LogFactory::try_new(unsafe { log.get() })?);
        let settings = settings::of(config)?;
        // SAFETY: as above.
        let (a, s, l) = unsafe { (application.get(), store_factory.get(), log_factory.get()) };
        // Neither kind is ever started. The single-threaded one opens a pair of sockets on creation
        // already: on Windows, by listening on a port for a moment.
        let kind = FixSocketServerKind::MultiThreaded;
        let engine = match config.role {
            Role::Initiator => {
                Engine::Initiator { _keep: Initiator::try_new(&settings, a, s, l, kind)? }
            }
            Role::Acceptor => {
                Engine::Acceptor { _keep: Acceptor::try_new(&settings, a, s, l, kind)? }
            }
        };
        // SAFETY: as above.
        unsafe { store_factory.get() }.session_is_made();
        let names = Names {
            begin: CString::new(BEGIN_STRING).map_err(|_| SessionError::BadCompId)?,
            sender: CString::new(config.sender.as_str()).map_err(|_| SessionError::BadCompId)?,
            target: CString::new(config.target.as_str()).map_err(|_| SessionError::BadCompId)?,
        };
        ffi::use_dictionary(&names.begin, &names.sender, &names.target, config.strict)
            .map_err(SessionError::Engine)?;
        Ok(Self {
            wire: RefCell::new(None),
            shared,
            inbound: receive::Inbound::new(config, options),
            spare_fields: RefCell::default(),
            handling: Cell::new(None),
            names,
            _engine: engine,
            _application: application,
            _log_factory: log_factory,
            store_factory,
            _callbacks: callbacks,
            _log: log,
            _registered: registered,
        })
    }

    /// Gives the session a connection. An earlier one is detached first: the newest wins, or a dead
    /// link that nobody has noticed yet would lock the trader out for minutes. An initiator logs on
    /// at its next tick.
    pub fn attach(&self, channel: impl Into<Channel>) -> Result<Rc<Outbox>, SessionError> {
        let displaced = self.wire.borrow().as_ref().map(|a| a.outbox.clone());
        self.detach();
        // The peer has left that connection: nothing more is signed for it.
        if let Some(outbox) = displaced {
            outbox.give_up();
        }
        let Channel { binding, signing, verification } = channel.into();
        self.shared.start(binding, verification);
        self.shared.expects(self.with_store(|s| s.next_target()));
        self.inbound.start();
        let outbox = Rc::new(Outbox::new(signing, self.shared.tap()));
        let context = Pinned::new(outbox.clone());
        let wire =
            ffi::attach(&self.names.begin, &self.names.sender, &self.names.target, context.0)
                .map_err(SessionError::Engine)?;
        *self.wire.borrow_mut() =
            Some(Attached { wire, outbox: outbox.clone(), _context: context });
        Ok(outbox)
    }

    /// What the Logon of the next connection carries as RawData (95, 96), and no later one.
    pub fn say_at_logon(&self, data: Option<String>) {
        self.shared.logon_says().data(data);
    }

    /// What the Logon of the next connection says of this program (20134 to 20136), and no later
    /// one. Between desk and gateway only: no other peer knows these fields.
    pub fn say_program_at_logon(&self, program: Option<Program>) {
        self.shared.logon_says().program(program);
    }

    /// Tells `tap` of every application message from the next connection on.
    pub fn tap(&self, tap: Option<Tap>) {
        self.shared.set_tap(tap);
    }

    /// The connection is gone. Sequence numbers stay.
    pub fn detach(&self) {
        let attached = self.wire.borrow_mut().take();
        if let Some(a) = attached {
            // SAFETY: `wire` came from `attach` and is detached once; the context outlives the
            // call.
            unsafe { ffi::detach(a.wire) };
            a.outbox.close();
        }
    }

    /// What the peer sent under this number, and all that came after it, was not taken: the
    /// connection ends, with a Logout that says why, and the next Logon expects that number again,
    /// so that the peer sends it once more.
    ///
    /// Events of messages that were not fetched are dropped, since they come again.
    pub fn hand_back(&self, seq: u64, reason: &str) {
        self.logout(reason);
        self.detach();
        self.shared.forget_messages();
        let back = self.with_store(|s| match s.next_target() > seq {
            true if seq > 0 => s.set_next_target(seq),
            // The store has not counted it either, or it has no number.
            _ => Ok(()),
        });
        if let Err(e) = back {
            tracing::error!(session = ?self.names.target, error = %e, "the message store failed; \
                what the peer sent is not asked for again");
        }
    }

    /// Whether this outbox is the one in use (it is not after a newer connection took over).
    pub fn is_attached_to(&self, outbox: &Rc<Outbox>) -> bool {
        self.wire.borrow().as_ref().is_some_and(|a| Rc::ptr_eq(&a.outbox, outbox))
    }

    fn with<T>(&self, f: impl FnOnce(NonNull<ffi::Wire>) -> T) -> Option<T> {
        let wire = self.wire.borrow().as_ref().map(|a| a.wire);
        wire.map(f)
    }

    /// Lets time-outs and heartbeats happen. Call at least once a second.
    pub fn tick(&self) {
        // SAFETY: as in `receive`.
        let result = self.with(|w| unsafe { ffi::tick(w) }).unwrap_or(Ok(()));
        if let Err(e) = result {
            tracing::warn!(session = ?self.names.target, error = %e, "session timer failed");
        }
    }

    /// Both numbers back to 1 and nothing kept, as agreed with the peer in some other way. Only
    /// without a connection; `false`: there is one.
    ///
    /// # Errors
    /// The store fails.
    pub fn reset_numbers(&self, now: UtcMillis) -> Result<bool, crate::store::StoreError> {
        if self.wire.borrow().is_some() {
            return Ok(false);
        }
        self.with_store(|s| s.reset(now)).map(|()| true)
    }

    /// When the numbers were last reset.
    pub fn numbers_since(&self) -> UtcMillis {
        self.with_store(|s| s.created())
    }

    fn store_factory(&self) -> &StoreFactory {
        // SAFETY: a field of `self`, and the reference lives no longer than `self` is borrowed.
        unsafe { self.store_factory.get() }
    }

    /// Sends a message now. There is no queue for later: offline is an error. Where other threads
    /// make the signatures, one that fails after this call ends the connection, and the message
    /// counts as one that was lost with it.
    pub fn send(&self, message: &AppMessage) -> Result<u64, SendError> {
        self.send_body(&message.encode())
    }

    fn send_body(&self, body: &Body) -> Result<u64, SendError> {
        if !self.is_logged_on() {
            return Err(SendError::NotLoggedOn);
        }
        self.send_admin(body)
    }

    /// Also before the logon; for what the session layer itself says.
    fn send_admin(&self, body: &Body) -> Result<u64, SendError> {
        let (fields, values) = body.checked()?;
        let kind = body.msg_type();
        let outbox = self.wire.borrow().as_ref().map(|a| a.outbox.clone());
        let Some(outbox) = outbox else { return Err(SendError::NotLoggedOn) };
        outbox.turned_away();
        let sent = self.with(|w| {
            self.shared.sending(|| {
                // SAFETY: as in `receive`.
                unsafe { (ffi::next_sender(w), ffi::send(w, kind, fields, values)) }
            })
        });
        match sent {
            Some((seq, Ok(true))) if !outbox.turned_away() => Ok(seq),
            Some((_, Ok(_))) => {
                Err(SendError::NotSent(outbox.failure().map_or_else(not_taken, |e| e.to_string())))
            }
            Some((_, Err(e))) => Err(SendError::NotSent(e)),
            None => Err(SendError::NotLoggedOn),
        }
    }

    /// Sends a TestRequest; the answer arrives as [`Event::Pong`]. Standard FIX, so it measures the
    /// clock of any venue.
    pub fn ping(&self, id: &str) -> Result<(), SendError> {
        let mut body = Body::new("1");
        body.put(crate::tag::TEST_REQ_ID, id);
        self.send_body(&body).map(|_| ())
    }

    /// Sends a Logout. The connection closes when the peer has answered, or soon after.
    pub fn logout(&self, reason: &str) {
        self.logout_because(reason, None);
    }

    /// Sends a Logout with a stable code and a cure, to a desk.
    pub fn logout_because(&self, reason: &str, why: Option<(&str, &str)>) {
        self.shared.say_at_logout(why);
        let clean: String = reason.chars().filter(|c| !c.is_control()).take(200).collect();
        let reason = CString::new(clean).unwrap_or_default();
        // SAFETY: as in `receive`.
        self.with(|w| unsafe { ffi::logout(w, &reason) });
        self.tick();
    }

    /// Whether messages may be sent now.
    pub fn is_logged_on(&self) -> bool {
        // SAFETY: as in `receive`.
        self.with(|w| unsafe { ffi::is_logged_on(w) }).unwrap_or(false)
    }

    /// Next number to send and next number expected, once attached.
    pub fn sequence(&self) -> Option<(u64, u64)> {
        // SAFETY: as in `receive`.
        self.with(|w| unsafe { (ffi::next_sender(w), ffi::next_target(w)) })
    }

    /// The oldest event that has not been fetched. Who asks for it has dealt with those before it,
    /// and has written down what it must know of them after a restart: only now does the store
    /// count their messages. After a kill the peer is asked for what was not counted, so a message
    /// that was being dealt with may come twice, and none is lost.
    pub fn next_event(&self) -> Option<Event> {
        let handled = self.handling.take();
        let event = self.shared.next_event();
        let counted = match (&event, handled) {
            (None, _) => self.store_factory().counted(Counted::all_handled),
            (Some(_), Some(number)) => self.store_factory().counted(|c| c.handled(number)),
            (Some(_), None) => Ok(()),
        };
        if let Err(e) = counted {
            tracing::error!(session = ?self.names.target, error = %e, "the message store failed; \
                the connection ends");
            if let Some(attached) = &*self.wire.borrow() {
                attached.outbox.close();
            }
        }
        if let Some(Event::Message { meta, .. }) = &event {
            self.handling.set(Some(meta.seq));
        }
        event
    }

    fn send_replies(&self) {
        while let Some(reply) = self.shared.next_reply() {
            if let Err(e) = self.send_body(&reply) {
                tracing::warn!(session = ?self.names.target, error = %e, "a rejection could not \
                    be sent");
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.detach();
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("sender", &self.names.sender)
            .field("target", &self.names.target)
            .finish()
    }
}

fn not_taken() -> String {
    "the engine did not take it".into()
}

#[cfg(test)]
mod fields_tests;
#[cfg(test)]
mod known_tests;
#[cfg(test)]
mod timers_tests;
