//! The gateway's decision about an access, and the desk's report about its laptop (UB, UC, UD).

use super::{DecodeError, reader::Reader};
use crate::{tag, tagvalue::Body};
use signet_rfq::UtcMillis;

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

/// User-defined UB, gateway to desk, after logon and whenever the decision changes.
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
    b.put(
        tag::ACCESS_DECISION,
        VERDICTS.iter().find(|(_, v)| *v == d.verdict).map_or(3, |(n, _)| *n),
    );
    b.put(tag::RISK_SCORE, d.score);
    b.put(tag::POLICY_DIGEST, &d.policy);
    b.put(tag::TRANSACT_TIME, d.at);
    b.put_text(tag::TEXT, &d.text);
    if let Some(c) = &d.cure {
        b.put_text(tag::CURE, c);
    }
    b.put_data(tag::RAW_DATA_LENGTH, tag::RAW_DATA, d.factors.as_bytes());
}

pub(super) fn decode_decision(r: Reader<'_, '_>) -> Result<AccessDecision, DecodeError> {
    let n: u8 = r.number(tag::ACCESS_DECISION)?;
    let verdict = VERDICTS
        .iter()
        .find(|(k, _)| *k == n)
        .map(|(_, v)| *v)
        .ok_or(DecodeError::Bad(tag::ACCESS_DECISION))?;
    Ok(AccessDecision {
        verdict,
        score: r.number(tag::RISK_SCORE)?,
        policy: r.word(tag::POLICY_DIGEST)?,
        factors: r.data(tag::RAW_DATA)?,
        text: r.words(tag::TEXT).unwrap_or_default(),
        cure: r.words(tag::CURE),
        at: r.utc(tag::TRANSACT_TIME)?,
    })
}

pub(super) fn encode_posture_request(b: &mut Body, nonce: &str) {
    b.put(tag::POSTURE_NONCE, nonce);
}

pub(super) fn decode_posture_request(r: Reader<'_, '_>) -> Result<String, DecodeError> {
    r.word(tag::POSTURE_NONCE)
}

pub(super) fn encode_posture_report(b: &mut Body, envelope: &str) {
    b.put_data(tag::RAW_DATA_LENGTH, tag::RAW_DATA, envelope.as_bytes());
}

pub(super) fn decode_posture_report(r: Reader<'_, '_>) -> Result<String, DecodeError> {
    r.data(tag::RAW_DATA)
}
