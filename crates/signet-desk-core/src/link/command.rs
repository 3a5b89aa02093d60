//! Commands to the link's thread.

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
    /// Renews the certificate now, even if it is not due.
    Renew,
    Send(AppMessage),
    /// The trader is about to trade: asks at once whether the peer is there.
    Probe,
    StepUp(StepUpIntent),
    /// Asks the gateway to verify the trader.
    Verify(SessionReason),
    /// The desk's window (HWND).
    Window(isize),
    Stop(oneshot::Sender<()>),
}

/// What the person does in the step-up dialog, with its id.
#[derive(Debug)]
pub(crate) enum StepUpIntent {
    /// Starts the ceremony, or starts it again.
    Begin(String),
    /// With the number of the question that it answers.
    Pin(String, u32, Pin),
    /// Stops the ceremony; it may be started again.
    Stop(String),
    /// Declines to the gateway.
    Refuse(String),
}
