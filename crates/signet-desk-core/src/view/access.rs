//! What the gateway wants of this session, and its decision about it.

use serde::{Deserialize, Serialize};
use specta::Type;

/// What the gateway wants of this session beyond a certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccessView {
    /// The venue uses security keys.
    pub step_up: bool,
    /// The desk itself asks for touches, because the venue does not: weaker.
    pub direct: bool,
    /// Until when the last touch is good, on the gateway's clock.
    pub lease_until_ms: Option<f64>,
    /// Security keys of this person that are good.
    pub keys: u32,
    /// This person may be asked to approve what others do.
    pub approver: bool,
    /// What stands in the way of trading, if anything.
    pub text: Option<String>,
    /// The gateway's decision about this access, once it said one.
    pub risk: Option<RiskView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RiskVerdict {
    Allow,
    StepUp,
    Deny,
}

/// The gateway's decision about this access, and what it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RiskView {
    pub verdict: RiskVerdict,
    pub score: u32,
    /// One sentence.
    pub text: String,
    pub cure: Option<String>,
    pub factors: Vec<FactorView>,
    /// SHA-256 of the policy, lower-case hexadecimal.
    pub policy: String,
    /// When it was decided, milliseconds since 1970 on the gateway's clock.
    pub at_ms: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FactorView {
    pub attribute: String,
    pub condition: String,
    pub points: u32,
    pub rationale: String,
}
