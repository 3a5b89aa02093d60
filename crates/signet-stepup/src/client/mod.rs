//! The authenticator side: ceremonies with security keys, as the desk sees them.
//!
//! A back end ([`StepUp`]) runs a ceremony on threads of its own; the desk watches its [`Step`]s
//! and draws them. A ceremony asks for one PIN and one touch, can be cancelled at any moment, and
//! ends by itself at its deadline.

pub mod answer;
#[cfg(all(feature = "pcsc", not(windows)))]
mod apdu;
#[cfg(feature = "ctap")]
pub mod ctap;
#[cfg(all(feature = "hid", not(windows)))]
mod hid;
pub mod options;
#[cfg(all(feature = "pcsc", not(windows)))]
mod readers;
mod several;
#[cfg(any(all(feature = "hid", windows), test))]
mod windows;

#[cfg(all(feature = "hid", not(windows)))]
pub use hid::HidKeys;
#[cfg(all(feature = "pcsc", not(windows)))]
pub use readers::ReaderKeys;
pub use several::Several;
#[cfg(all(feature = "hid", windows))]
pub use windows::WebAuthnDll;

#[cfg(all(feature = "hid", not(windows), not(feature = "ctap")))]
compile_error!("on Linux and macOS the feature `hid` needs `ctap`");

use crate::context::Context;
#[cfg(feature = "hid")]
use std::sync::Arc;
use std::{fmt, time::Duration};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// A security key's PIN. Wiped when dropped; never written anywhere.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Takes what the person typed; the text is wiped with the PIN.
    pub fn new(pin: String) -> Self {
        Self(Zeroizing::new(pin))
    }

    /// The PIN in clear, for the key alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

/// What a key is asked to do.
#[derive(Debug, Clone)]
pub enum KeyOperation {
    /// `CredentialCreationOptions` as JSON, as the relying party made them.
    Register(String),
    /// `CredentialRequestOptions` as JSON.
    Sign(String),
}

/// One ceremony that is to be run.
#[derive(Debug, Clone)]
pub struct Order {
    /// What the key does: register or sign, with the relying party's options.
    pub operation: KeyOperation,
    /// Without a trailing slash.
    pub origin: String,
    /// What is approved and on which connection; signed along.
    pub context: Option<Context>,
    /// Time until the ceremony ends by itself; a back end may end it sooner.
    pub timeout: Duration,
    /// The desk's window (HWND), where the system's own dialog wants one.
    pub window: Option<isize>,
}

/// Where a ceremony stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No key is there: insert one.
    Insert,
    /// Several keys are there: touch the one to be used.
    ChooseByTouch,
    /// The key's PIN is waited for. `left` is how many tries the key says are left.
    Pin {
        /// The PIN before was refused.
        wrong: bool,
        /// Tries that are left before the key blocks itself, if it says so.
        left: Option<u8>,
    },
    /// The PIN, or nothing more to ask; the key waits for its touch.
    Touch,
    /// The key works, or the system's own dialog leads the person through.
    Verifying,
}

/// Why a ceremony ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// The person cancelled it, or the desk dropped it.
    #[error("the step-up was cancelled")]
    Cancelled,
    /// The order's timeout passed.
    #[error("no key was touched in time")]
    TimedOut,
    /// The key was taken out, or left its reader, before it answered.
    #[error("the security key was removed")]
    Removed,
    /// The key holds none of the credentials that the options allow.
    #[error("this security key is not registered for you")]
    WrongKey,
    /// The key holds one of the credentials that the options exclude.
    #[error("this security key is registered for you already")]
    AlreadyRegistered,
    /// Until it is taken out and put in again.
    #[error("three wrong PINs: the security key wants to be taken out and inserted again")]
    PinPaused,
    /// After eight wrong PINs in a row, or fewer if the key allows fewer; only a reset helps.
    #[error("the security key is blocked after too many wrong PINs")]
    PinBlocked,
    /// User verification needs a PIN, and none was ever set.
    #[error("the security key has no PIN yet")]
    PinNotSet,
    /// The key, or the system's way to it, lacks a required feature; in words.
    #[error("the security key cannot do what is asked: {0}")]
    Unsupported(String),
    /// The relying party's options are malformed, too long or weaker than this desk accepts. At
    /// fault: the gateway.
    #[error("the gateway's request cannot be used: {0}")]
    BadOptions(String),
    /// The system, a driver or a service does not let the desk reach keys; in words.
    #[error("security keys cannot be reached: {0}")]
    Backend(String),
}

impl CeremonyError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "key.cancelled",
            Self::TimedOut => "key.timed_out",
            Self::Removed => "key.removed",
            Self::WrongKey => "key.wrong",
            Self::AlreadyRegistered => "key.already_registered",
            Self::PinPaused => "key.pin_paused",
            Self::PinBlocked => "key.pin_blocked",
            Self::PinNotSet => "key.pin_not_set",
            Self::Unsupported(_) => "key.unsupported",
            Self::BadOptions(_) => "key.bad_options",
            Self::Backend(_) => "key.unreachable",
        }
    }

    /// What the person does about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Cancelled => "Start again when you are ready.",
            Self::TimedOut => "Start again and touch the key when it blinks.",
            Self::Removed => "Insert the key and start again.",
            Self::WrongKey => "Use the key you registered, or register this one.",
            Self::AlreadyRegistered => "Use another key, or the one you have.",
            Self::PinPaused => {
                "Take the key out, insert it again and start again with the right PIN."
            }
            Self::PinBlocked => {
                "The key must be reset and registered again: ask your administrator."
            }
            Self::PinNotSet => {
                "Set a PIN with the key maker's program or your system's settings, then start \
                    again."
            }
            Self::Unsupported(_) => "Use a FIDO2 key your firm has approved.",
            Self::BadOptions(_) => "Tell your administrator.",
            Self::Backend(_) => {
                "Check that this system lets programs use security keys; see the trader's guide."
            }
        }
    }
}

/// What happens next in a ceremony.
#[derive(Debug)]
pub enum Step {
    /// Where it stands now; shown to the person.
    Status(Status),
    /// The last step: the credential as JSON (WebAuthn `PublicKeyCredential`), or why there is
    /// none.
    Done(Result<String, CeremonyError>),
}

/// A way to reach security keys.
pub trait StepUp: Send + Sync + fmt::Debug {
    /// Starts a ceremony; it goes on by itself.
    fn begin(&self, order: Order) -> Ceremony;

    /// The keys are simulated, for practice: what the desk says about it, and that a click is the
    /// touch.
    fn simulated(&self) -> Option<String> {
        None
    }

    /// Touches a simulated key; `false` where there is none.
    fn touch_simulated(&self) -> bool {
        false
    }
}

/// Where security keys cannot be reached at all: every ceremony says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoKeys;

impl StepUp for NoKeys {
    fn begin(&self, _: Order) -> Ceremony {
        let (ceremony, stage) = Ceremony::new();
        let why = CeremonyError::Backend("this build has no way to them".into());
        let _ = stage.steps.send(Step::Done(Err(why)));
        ceremony
    }
}

/// This system's way to security keys: USB ports and, with the feature `pcsc`, readers; on Windows
/// its own dialog.
#[cfg(feature = "hid")]
pub fn system_keys() -> Several {
    #[cfg(windows)]
    let ways: Vec<Arc<dyn StepUp>> = vec![Arc::new(WebAuthnDll)];
    #[cfg(not(windows))]
    let ways: Vec<Arc<dyn StepUp>> = vec![
        Arc::new(HidKeys),
        #[cfg(feature = "pcsc")]
        Arc::new(ReaderKeys),
    ];
    Several::new(ways)
}

/// A message from the desk to a ceremony.
#[derive(Debug)]
pub enum Told {
    /// What the person typed, after [`Status::Pin`].
    Pin(Pin),
    /// The person gives up.
    Cancel,
}

/// A ceremony that runs. Dropping it cancels it.
#[derive(Debug)]
pub struct Ceremony {
    steps: mpsc::UnboundedReceiver<Step>,
    told: std::sync::mpsc::Sender<Told>,
}

/// The back end's end of a [`Ceremony`].
#[derive(Debug)]
pub struct Stage {
    /// Where it stands, for the desk; [`Step::Done`] is the last.
    pub steps: mpsc::UnboundedSender<Step>,
    /// A hang-up means cancel.
    pub told: std::sync::mpsc::Receiver<Told>,
}

impl Ceremony {
    /// Both ends of a ceremony, for a back end.
    pub fn new() -> (Self, Stage) {
        let (steps, show) = mpsc::unbounded_channel();
        let (told, hear) = std::sync::mpsc::channel();
        (Self { steps: show, told }, Stage { steps, told: hear })
    }

    /// The next step. A back end that died counts as one that cannot be reached.
    pub async fn next(&mut self) -> Step {
        self.steps.recv().await.unwrap_or_else(|| {
            Step::Done(Err(CeremonyError::Backend("the ceremony's thread ended".into())))
        })
    }

    /// Hands the PIN to the key; without effect when none is waited for.
    pub fn give_pin(&self, pin: Pin) {
        let _ = self.told.send(Told::Pin(pin));
    }

    /// Ends it. The last step then is [`Step::Done`] with [`CeremonyError::Cancelled`], unless it
    /// was done already.
    pub fn cancel(&self) {
        let _ = self.told.send(Told::Cancel);
    }
}
