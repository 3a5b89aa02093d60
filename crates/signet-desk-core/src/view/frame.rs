//! Frames: the changes since the frame that the page has.

use super::{
    access::AccessView,
    enrol::EnrolView,
    group::GroupView,
    keys::KeysView,
    list::ListSummary,
    notice::Notice,
    pin::PinView,
    rfq::{LineView, RecordView, RfqView},
    session::SessionView,
    step_up::StepUpView,
};
use serde::{Deserialize, Serialize};
use specta::Type;

/// An RFQ that the page does not keep up to date, because its panel is not visible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Behind {
    /// QuoteReqID.
    pub rfq_id: String,
    /// The latest frame from which the page took this RFQ; older than the frame of the rest.
    pub since: f64,
    /// Whether this pull is to send what changed since then.
    pub send: bool,
}

/// What changed since the frame that the page has. `None` means unchanged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The number of this frame, to be passed back to the next `pull`.
    pub seq: f64,
    /// This frame is complete, and the page must forget what it had.
    pub whole: bool,
    /// Something changed in an RFQ that the page asked not to be sent ([`Behind`]).
    pub withheld: bool,
    /// What the gateway's clock reads now, milliseconds since the Unix epoch.
    pub gateway_now_ms: f64,
    /// The connection.
    pub session: Option<SessionView>,
    /// How an enrolment is going.
    pub enrol: Option<EnrolView>,
    /// Whether a token waits for its PIN.
    pub pin: Option<PinView>,
    /// The step-up dialog: one, or none.
    pub step_up: Option<Vec<StepUpView>>,
    /// What the gateway asks of this session.
    pub access: Option<AccessView>,
    /// The person's security keys.
    pub keys: Option<KeysView>,
    /// How the dealers did in earlier RFQs.
    pub records: Option<Vec<RecordView>>,
    /// Colleagues' open RFQs, and how a taking over is going.
    pub group: Option<GroupView>,
    /// The trader asked to close the window while something is open, and is to be asked.
    pub closing: Option<bool>,
    /// Heads of the RFQs that changed.
    pub rfqs: Vec<RfqView>,
    /// Dealers' lines that changed.
    pub lines: Vec<LineView>,
    /// Ids of the RFQs to remove from the screen.
    pub removed: Vec<String>,
    /// Instruments or dealers changed: call `reference`.
    pub reference_changed: bool,
    /// The blotter changed: call `blotter` if it is visible.
    pub blotter_changed: bool,
    /// The list of requests, in figures.
    pub list: Option<ListSummary>,
    /// New notices, newest last.
    pub notices: Vec<Notice>,
}

/// The frame number that the page sent. JavaScript has no 64-bit integer, but a double is exact for
/// more frames than a desk will ever make. A negative number or NaN becomes 0, which asks for
/// everything.
pub fn as_seq(number: f64) -> u64 {
    number.max(0.0) as u64
}
