//! The dialogs that other threads drive: enrolment, and the PIN of a token.

use crate::view::{EnrolPhase, EnrolView, PinView};

pub(super) struct Dialogs {
    pub enrol: EnrolView,
    pub pin: PinView,
}

impl Default for Dialogs {
    fn default() -> Self {
        let enrol =
            EnrolView { phase: EnrolPhase::Idle, identity: None, venue: None, problem: None };
        Self { enrol, pin: PinView::closed() }
    }
}
