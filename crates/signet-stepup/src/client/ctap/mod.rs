//! Ceremonies with keys that speak CTAP2 (FIDO CTAP 2.1), through Mozilla's `authenticator`.
//!
//! That crate knows the protocol: PIN/UV tokens, retries, pre-flight of credential lists. This
//! module gives it devices, wires its questions to the desk, and turns what it says into
//! [`Status`]es, [`CeremonyError`]s and WebAuthn JSON. [`begin`] runs a ceremony over any
//! [`Slots`]: readers, virtual keys; USB HID has a loop of its own in the crate (`hid.rs`).
//!
//! The crate holds one copy of the PIN that it does not wipe: its `Pin` is a plain `String`. Ours
//! are.

mod choose;
pub(crate) mod command;
mod device;
pub(crate) mod errors;
pub(crate) mod talk;

use super::{Ceremony, CeremonyError, Order, Stage, Status, Step, Told, options::Asked};
pub use device::{Link, LinkError, set_first_pin};

use authenticator::{FidoDevice, ctap2};
use command::Command;
use device::Device;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::RecvTimeoutError,
    },
    thread,
    time::{Duration, Instant},
};
use talk::Wires;

/// How often a waiting ceremony looks at the desk, the key and the clock.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// How often empty slots are looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// An upper bound for any ceremony, whatever the order says.
pub(crate) const CEREMONY_MAX: Duration = Duration::from_secs(600);

/// A key that was found, not yet spoken to.
pub struct Found<L> {
    /// Carries commands to the key.
    pub link: L,
    /// Whether it is still there. Asked from another thread than the one that uses the key.
    pub present: Box<dyn Fn() -> bool + Send>,
    /// How it is reached: "usb", "nfc" or "smart-card" (WebAuthn Level 3 §5.8.4).
    pub transport: &'static str,
}

/// Places where keys appear: readers, ports.
pub trait Slots: Send + 'static {
    /// What these places open: a card in a reader, say.
    type Link: Link;

    /// Opens the keys that are there now. Called again and again while there are none.
    ///
    /// # Errors
    /// [`CeremonyError::Backend`] if a later try cannot succeed.
    fn look(&mut self) -> Result<Vec<Found<Self::Link>>, CeremonyError>;
}

/// A key that is spoken to.
struct Ready<L> {
    key: Device<L>,
    present: Box<dyn Fn() -> bool + Send>,
    transport: &'static str,
}

impl<L: Link> Ready<L> {
    fn new(found: Found<L>) -> Self {
        Self { key: Device::new(found.link), present: found.present, transport: found.transport }
    }
}

/// Runs `order` on a thread of its own, with the first key found in `slots`; with several, with the
/// one the person touches.
pub fn begin<S: Slots>(slots: S, order: Order) -> Ceremony {
    on_a_thread("signet-key", order, move |order, stage| run(slots, order, stage))
}

/// Gives a ceremony its thread; what `run` returns is its last step.
pub(crate) fn on_a_thread<F>(name: &str, order: Order, run: F) -> Ceremony
where
    F: FnOnce(&Order, &Stage) -> Result<String, CeremonyError> + Send + 'static,
{
    let (ceremony, stage) = Ceremony::new();
    let last = stage.steps.clone();
    let started = thread::Builder::new().name(name.into()).spawn(move || {
        let outcome = run(&order, &stage);
        let _ = stage.steps.send(Step::Done(outcome));
    });
    if let Err(e) = started {
        let _ = last.send(Step::Done(Err(CeremonyError::Backend(format!(
            "no thread for the ceremony: {e}"
        )))));
    }
    ceremony
}

fn run<S: Slots>(mut slots: S, order: &Order, stage: &Stage) -> Result<String, CeremonyError> {
    let asked = Asked::of(order)?;
    let deadline = Instant::now() + order.timeout.min(CEREMONY_MAX);
    let found = wait_for_keys(&mut slots, stage, deadline)?;
    let chosen = choose::one(found, stage, deadline)?;
    let command = Command::new(&asked, asked.client_data(order), chosen.transport)?;
    perform(chosen, command, stage, deadline)
}

/// The keys that are there, or the first that comes.
fn wait_for_keys<S: Slots>(
    slots: &mut S,
    stage: &Stage,
    deadline: Instant,
) -> Result<Vec<Ready<S::Link>>, CeremonyError> {
    let mut told_to_insert = false;
    loop {
        let mut found: Vec<_> = slots.look()?.into_iter().map(Ready::new).collect();
        found.retain_mut(|f| f.key.init().is_ok());
        if !found.is_empty() {
            return Ok(found);
        }
        if !told_to_insert {
            told_to_insert = true;
            show(stage, Status::Insert);
        }
        pause(stage, LOOK_EVERY.min(deadline.saturating_duration_since(Instant::now())))?;
        if Instant::now() >= deadline {
            return Err(CeremonyError::TimedOut);
        }
    }
}

/// Waits, unless the desk cancels. A PIN that was not asked for is dropped, which wipes it.
fn pause(stage: &Stage, long: Duration) -> Result<(), CeremonyError> {
    let until = Instant::now() + long;
    loop {
        match stage.told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Told::Pin(_)) => {}
            Ok(Told::Cancel) | Err(RecvTimeoutError::Disconnected) => {
                return Err(CeremonyError::Cancelled);
            }
            Err(RecvTimeoutError::Timeout) => return Ok(()),
        }
    }
}

/// The ceremony proper, on the one key.
fn perform<L: Link>(
    chosen: Ready<L>,
    command: Command,
    stage: &Stage,
    deadline: Instant,
) -> Result<String, CeremonyError> {
    let Ready { mut key, present, .. } = chosen;
    // A key with a fingerprint reader is asked for the finger before the crate says a word.
    let by_finger =
        key.get_authenticator_info().is_some_and(|i| i.options.user_verification == Some(true));
    if !by_finger
        && key.get_authenticator_info().is_some_and(|i| i.options.client_pin == Some(false))
    {
        return Err(CeremonyError::PinNotSet);
    }
    show(stage, if by_finger { Status::Touch } else { Status::Verifying });
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let (wires, status, answers) = Wires::new();
    let worker = thread::Builder::new().name("signet-key-io".into()).spawn(move || {
        let alive = || !stopped.load(Ordering::SeqCst);
        match command {
            Command::Register { args, finish } => {
                ctap2::register(&mut key, args, status, finish.registered(answers), &alive);
            }
            Command::Sign { args, finish } => {
                ctap2::sign(&mut key, args, status, finish.signed(answers), &alive);
            }
        }
    });
    worker.map_err(|e| CeremonyError::Backend(format!("no thread for the key: {e}")))?;
    let outcome = talk::converse(stage, deadline, &wires, &*present, || None);
    stop.store(true, Ordering::SeqCst);
    outcome
}

pub(crate) fn show(stage: &Stage, status: Status) {
    let _ = stage.steps.send(Step::Status(status));
}
