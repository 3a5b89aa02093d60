//! What the gateway asks of this session, and its decision about it.

use serde::{Deserialize, Serialize};
use specta::Type;

/// What the gateway asks of this session beyond the certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccessView {
    /// The venue uses security keys.
    pub step_up: bool,
    /// This desk itself asks for touches, because the venue does not. This protects less: the same
    /// laptop asks and checks.
    pub direct: bool,
    /// Until when the last touch counts, milliseconds on the gateway's clock; `None` without a
    /// lease.
    pub lease_until_ms: Option<f64>,
    /// How many security keys of this person may be used.
    pub keys: u32,
    /// This person may be asked to approve requests and accepts of other traders.
    pub approver: bool,
    /// What keeps the trader from trading, one sentence; `None` if nothing does.
    pub text: Option<String>,
    /// The gateway's decision about this access; `None` until it has sent one.
    pub risk: Option<RiskView>,
}

/// What the gateway decided about an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RiskVerdict {
    /// Trading is allowed.
    Allow,
    /// Trading is allowed after a touch of a security key.
    StepUp,
    /// The access is refused.
    Deny,
}

/// The gateway's decision about this access, and the facts behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RiskView {
    /// The decision.
    pub verdict: RiskVerdict,
    /// The sum of the points of `factors`.
    pub score: u32,
    /// The decision in one sentence.
    pub text: String,
    /// What the trader can do about it, if anything.
    pub cure: Option<String>,
    /// The facts that were given points.
    pub factors: Vec<FactorView>,
    /// SHA-256 of the risk settings, lower-case hexadecimal.
    pub policy: String,
    /// When the gateway decided, milliseconds on its clock.
    pub at_ms: f64,
}

/// One fact about the access, and the points it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FactorView {
    /// What was looked at: `network`, `country`, `device`, ...
    pub attribute: String,
    /// What was found.
    pub condition: String,
    /// What it adds to the score.
    pub points: u32,
    /// Why it counts, one sentence.
    pub rationale: String,
}
