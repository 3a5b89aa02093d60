//! Frames: what changed since the last one.

use super::{
    access::AccessView,
    enrol::EnrolView,
    keys::KeysView,
    notice::Notice,
    pin::PinView,
    rfq::{LineView, RfqView},
    session::SessionView,
    step_up::StepUpView,
};
use serde::{Deserialize, Serialize};
use specta::Type;

/// An RFQ the page does not keep up with, because its panel is out of sight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Behind {
    pub rfq_id: String,
    /// The frame up to which the page knows this RFQ, older than the one it has of the rest.
    pub since: f64,
    /// Whether it wants to catch up with this pull.
    pub send: bool,
}

/// What changed since the frame the page already has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Pass back to the next `pull`.
    pub seq: f64,
    /// True when this frame is everything and the page must forget what it had.
    pub whole: bool,
    /// True when something changed that the page, being [`Behind`] by its own wish, was not sent.
    pub withheld: bool,
    pub gateway_now_ms: f64,
    pub session: Option<SessionView>,
    /// How an enrolment is going, when that changed.
    pub enrol: Option<EnrolView>,
    /// Whether a token waits for its PIN, when that changed.
    pub pin: Option<PinView>,
    /// The step-up dialog, when it changed: at most one, or none.
    pub step_up: Option<Vec<StepUpView>>,
    pub access: Option<AccessView>,
    pub keys: Option<KeysView>,
    pub rfqs: Vec<RfqView>,
    pub lines: Vec<LineView>,
    /// RFQs to remove from the screen.
    pub removed: Vec<String>,
    /// Reference data changed (call `reference` again).
    pub reference_changed: bool,
    /// The blotter changed (call `blotter` again if it is on screen).
    pub blotter_changed: bool,
    /// Notices to show once, newest last.
    pub notices: Vec<Notice>,
}

/// JavaScript has no 64-bit integer; a sequence number stays exact in a double for as long as
/// anybody will run one desk. A page that sends nonsense gets everything.
pub fn as_seq(number: f64) -> u64 {
    number.max(0.0) as u64
}
