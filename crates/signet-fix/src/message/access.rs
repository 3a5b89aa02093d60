//! What the gateway decided about this access, and what the desk says of its laptop (UB, UC, UD).

use super::decode::Reader;
use super::*;

/// What an access may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessVerdict {
    /// 1
    Allow,
    /// 2: nothing is sent on without a touch of the security key, or a lease.
    StepUp,
    /// 3: the session is about to end.
    Deny,
}

/// User-defined UB, gateway to desk, after logon and whenever the decision is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessDecision {
    /// Tag 20130.
    pub verdict: AccessVerdict,
    /// Tag 20131: sum of the points.
    pub score: u32,
    /// SHA-256 of the score table, lower-case hexadecimal.
    pub policy: String,
    /// JSON list: attribute, condition, points, rationale of each factor.
    pub factors: String,
    /// One sentence for the trader.
    pub text: String,
    /// Tag 20105: what would lower the score, in words.
    pub cure: Option<String>,
    /// TransactTime (60).
    pub at: UtcMillis,
}

const VERDICTS: [(u8, AccessVerdict); 3] =
    [(1, AccessVerdict::Allow), (2, AccessVerdict::StepUp), (3, AccessVerdict::Deny)];

pub(super) fn encode_decision(b: &mut Body, d: &AccessDecision) {
    b.put(ACCESS_DECISION, VERDICTS.iter().find(|(_, v)| *v == d.verdict).map_or(3, |(n, _)| *n));
    b.put(RISK_SCORE, d.score);
    b.put(POLICY_DIGEST, &d.policy);
    b.put(TRANSACT_TIME, d.at);
    b.put_text(TEXT, &d.text);
    if let Some(c) = &d.cure {
        b.put_text(CURE, c);
    }
    b.put_data(RAW_DATA_LENGTH, RAW_DATA, d.factors.as_bytes());
}

pub(super) fn decode_decision(r: Reader<'_, '_>) -> Result<AccessDecision, DecodeError> {
    let n: u8 = r.number(ACCESS_DECISION)?;
    let verdict = VERDICTS
        .iter()
        .find(|(k, _)| *k == n)
        .map(|(_, v)| *v)
        .ok_or(DecodeError::Bad(ACCESS_DECISION))?;
    Ok(AccessDecision {
        verdict,
        score: r.number(RISK_SCORE)?,
        policy: r.word(POLICY_DIGEST)?,
        factors: r.data(RAW_DATA)?,
        text: r.words(TEXT).unwrap_or_default(),
        cure: r.words(CURE),
        at: r.utc(TRANSACT_TIME)?,
    })
}

pub(super) fn encode_posture_request(b: &mut Body, nonce: &str) {
    b.put(POSTURE_NONCE, nonce);
}

pub(super) fn decode_posture_request(r: Reader<'_, '_>) -> Result<String, DecodeError> {
    r.word(POSTURE_NONCE)
}

pub(super) fn encode_posture_report(b: &mut Body, envelope: &str) {
    b.put_data(RAW_DATA_LENGTH, RAW_DATA, envelope.as_bytes());
}

pub(super) fn decode_posture_report(r: Reader<'_, '_>) -> Result<String, DecodeError> {
    r.data(RAW_DATA)
}
