//! The dialogs that the page does not open by itself: enrolment, the PIN of a token, and whether
//! the window is to close.

use crate::view::{EnrolPhase, EnrolView, PinView};

pub(super) struct Dialogs {
    pub enrol: EnrolView,
    pub pin: PinView,
    /// Whether the trader is asked if the window is to close.
    pub closing: bool,
}

impl Default for Dialogs {
    fn default() -> Self {
        let enrol =
            EnrolView { phase: EnrolPhase::Idle, identity: None, venue: None, problem: None };
        Self { enrol, pin: PinView::closed(), closing: false }
    }
}
