//! The step-up dialog.

use super::{
    problem::Problem,
    ticket::{Ask, PriceType},
};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What a touch of a security key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum StepUpKind {
    /// To start or to continue the session.
    Session,
    /// To send an RFQ.
    Request,
    /// To send an accept.
    Accept,
    /// To let an accept of an RFQ go on at once, when its quote is chosen.
    Ahead,
    /// To approve, with a registered key, that another key is registered.
    RegisterKey,
    /// To register the key itself.
    NewKey,
}

/// How far a step-up dialog has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum StepUpPhase {
    /// Waits for the person to begin: a second person reads the terms first.
    Ready,
    /// Another ceremony is running; this one is next.
    Queued,
    /// No security key is connected.
    Insert,
    /// Several keys are connected: the one that is touched is used.
    ChooseByTouch,
    /// The key waits for its PIN.
    Pin,
    /// The key waits for its touch.
    Touch,
    /// The key, or the system's own dialog, is working.
    Verifying,
    /// Signed; the gateway verifies the signature.
    Checking,
    /// There is no signature; `problem` says why. The person may try again until the deadline.
    Failed,
    /// The connection was lost; the gateway asks again when it is back.
    LinkLost,
}

/// The terms to be approved, formatted for the instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StepUpTerms {
    /// What is asked for, or the side of the accept.
    pub ask: Ask,
    /// With group separators.
    pub quantity: String,
    /// The least that is traded, with group separators; `None` for any part.
    pub min_quantity: Option<String>,
    /// ISO 4217 code of the currency that the quantity is counted in.
    pub currency: String,
    /// What a trader calls the instrument.
    pub symbol: String,
    /// ISIN, or the currency pair.
    pub instrument: String,
    /// The price of an accept; `None` for an RFQ.
    pub price: Option<String>,
    /// The worst price of an accept that is approved too; `None` when only the quote itself is.
    pub limit: Option<String>,
    /// Unit of the price, in words; of an RFQ only where it is asked for in other numbers than
    /// prices.
    pub price_unit: String,
    /// What price and limit count.
    pub price_type: PriceType,
    /// The legs of a package, each as its line in the text that is signed; none for a single
    /// instrument.
    pub legs: Vec<String>,
    /// The dealer of an accept; the dealers of an RFQ.
    pub dealers: Vec<String>,
    /// `2026-12-01`.
    pub settlement_date: String,
}

/// The step-up dialog, when one is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StepUpView {
    /// To be passed back with every intent about this dialog.
    pub id: String,
    /// What the touch is for.
    pub kind: StepUpKind,
    /// How far the dialog has come.
    pub phase: StepUpPhase,
    /// Why the gateway asks, one sentence.
    pub reason: String,
    /// The terms to be approved, for an RFQ or an accept.
    pub terms: Option<StepUpTerms>,
    /// The name of the key to be registered, for the kinds that register one.
    pub key_name: Option<String>,
    /// CompID of the other desk whose action is to be approved; `None` for this desk's own.
    pub asked_by: Option<String>,
    /// Until when the gateway waits, milliseconds on its clock.
    pub deadline_ms: f64,
    /// The PIN just given was wrong.
    pub pin_wrong: bool,
    /// How many attempts the key allows before it locks, if it says.
    pub pin_left: Option<u32>,
    /// The number of the question for a PIN, to be passed back with its answer.
    pub pin_question: u32,
    /// Why there is no signature.
    pub problem: Option<Problem>,
    /// The RFQ of this desk that it is about.
    pub rfq_id: Option<String>,
    /// How many more dialogs wait behind this one.
    pub behind: u32,
}
