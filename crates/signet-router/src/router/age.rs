//! Whether what a desk sent comes while its trader still waits for it: a silent link may deliver it
//! much later. One rule and one bound for whatever a dealer would act on.

use signet_fix::message::{AppMessage, QuoteRequest, QuoteResponse, Response};
use signet_rfq::{ACCEPT_AGE_MAX_MS, ACCEPT_AHEAD_MAX_MS, AcceptRefusal, UtcMillis};

/// How TransactTime (60) and the gateway's clock differ where it is too much, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadTime {
    TooOld(i64),
    /// One of the two clocks is wrong: how old it is nobody knows.
    Ahead(i64),
}

pub(super) fn judge(sent: UtcMillis, now: UtcMillis) -> Result<(), BadTime> {
    match now.since(sent) {
        age_ms if age_ms > ACCEPT_AGE_MAX_MS => Err(BadTime::TooOld(age_ms)),
        age_ms if age_ms < -ACCEPT_AHEAD_MAX_MS => Err(BadTime::Ahead(age_ms.saturating_neg())),
        _ => Ok(()),
    }
}

/// Of an accept or a counter. A deadline further ahead than the limit on its age does not extend
/// that limit.
pub(super) fn check_age(r: &QuoteResponse, now: UtcMillis) -> Result<(), (&'static str, String)> {
    let late_ms = r.deadline.map(|deadline| now.since(deadline));
    let refusal = match (late_ms, judge(r.at, now)) {
        (None, _) => AcceptRefusal::NoDeadline,
        (Some(late_ms), _) if late_ms > 0 => AcceptRefusal::Late(late_ms),
        (Some(_), Err(BadTime::TooOld(age_ms))) => AcceptRefusal::TooOld(age_ms),
        (Some(_), Err(BadTime::Ahead(ahead_ms))) => AcceptRefusal::FromTheFuture(ahead_ms),
        (Some(_), Ok(())) => return Ok(()),
    };
    Err((refusal.code(), refusal.to_string()))
}

/// Of a request.
pub(super) fn check_request_age(
    q: &QuoteRequest,
    now: UtcMillis,
) -> Result<(), (&'static str, String)> {
    judge(q.at, now).map_err(|e| match e {
        BadTime::TooOld(ms) => (
            "request.late",
            format!("it took {ms} ms to arrive, which is too long; nothing was sent to dealers"),
        ),
        BadTime::Ahead(ms) => (
            "request.from_the_future",
            format!(
                "its time is {ms} ms ahead of the gateway's clock; nothing was sent to dealers"
            ),
        ),
    })
}

/// Whether a request, an accept or a counter comes while its trader still waits for it. A take-over
/// is judged with everything else about it.
pub fn accept_age(m: &AppMessage, now: UtcMillis) -> Result<(), (&'static str, String)> {
    match m {
        AppMessage::QuoteRequest(q) => check_request_age(q, now),
        AppMessage::QuoteResponse(r) if r.response != Response::Pass => check_age(r, now),
        _ => Ok(()),
    }
}
