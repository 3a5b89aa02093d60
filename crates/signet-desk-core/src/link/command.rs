//! What the link's thread is told to do.

use signet_fix::AppMessage;
use signet_stepup::{SessionReason, client::Pin};
use tokio::sync::oneshot;

// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Command {
    Connect {
        identity: String,
        venue: String,
    },
    Disconnect,
    /// A new certificate now, whether it is due or not.
    Renew,
    Send(AppMessage),
    StepUp(StepUpIntent),
    /// The trader, or this laptop, wants the trader to be verified.
    Verify(SessionReason),
    /// The desk's window (HWND).
    Window(isize),
    Stop(oneshot::Sender<()>),
}

/// What the person does with the dialog.
#[derive(Debug)]
pub(crate) enum StepUpIntent {
    /// Begin, or try again.
    Begin(String),
    Pin(String, Pin),
    /// Stop the ceremony; it may be tried again.
    Stop(String),
    /// Tell the gateway no.
    Refuse(String),
}
