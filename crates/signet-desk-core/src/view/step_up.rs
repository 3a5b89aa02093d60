//! The step-up dialog.

use super::{problem::Problem, ticket::Ask};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What a touch of a security key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum StepUpKind {
    /// To be on, or to go on.
    Session,
    Request,
    Accept,
    /// To approve, with a key that is registered, that another is.
    RegisterKey,
    /// The new key itself.
    NewKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum StepUpPhase {
    /// Nothing happens before the person begins (a second person reads first).
    Ready,
    /// Another ceremony is under way; this one is next.
    Queued,
    /// No key is there.
    Insert,
    /// Several keys are there: the one touched is used.
    ChooseByTouch,
    /// The key's PIN is waited for.
    Pin,
    /// The key waits for its touch.
    Touch,
    /// The key, or the system's own dialog, is at work.
    Verifying,
    /// Signed; the gateway looks at it.
    Checking,
    /// There is no signature; `problem` says why. It may be tried again until the deadline.
    Failed,
    /// The connection went. The gateway asks again when it is back.
    LinkLost,
}

/// What exactly is approved, formatted for the instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StepUpTerms {
    pub ask: Ask,
    /// With group separators.
    pub quantity: String,
    pub currency: String,
    pub symbol: String,
    /// ISIN or pair.
    pub instrument: String,
    /// Of an accept.
    pub price: Option<String>,
    pub price_unit: String,
    /// The dealer of an accept; the dealers of an RFQ.
    pub dealers: Vec<String>,
    pub settlement_date: String,
}

/// The step-up dialog, when one is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StepUpView {
    /// Pass back with every intent about it.
    pub id: String,
    pub kind: StepUpKind,
    pub phase: StepUpPhase,
    /// Why it is asked, one sentence.
    pub reason: String,
    pub terms: Option<StepUpTerms>,
    /// The name of the key to be registered, for the kinds that register one.
    pub key_name: Option<String>,
    /// CompID of the desk that asks, when it is not this one: this person is the second.
    pub asked_by: Option<String>,
    /// Gateway clock.
    pub deadline_ms: f64,
    /// The PIN just given was wrong.
    pub pin_wrong: bool,
    /// How many tries the key says are left for its PIN.
    pub pin_left: Option<u32>,
    pub problem: Option<Problem>,
    pub rfq_id: Option<String>,
    /// How many more wait behind this one.
    pub behind: u32,
}
