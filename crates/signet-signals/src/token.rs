//! Claims of a token (RFC 8417 §2.2), and the event in it (CAEP 1.0).

use crate::{ID_CHARS_MAX, Keys, SetRefusal, Subject, json, jws};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The person's sessions are to end.
pub const SESSION_REVOKED: &str =
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
/// A credential of the person was made, changed or taken back.
pub const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";
/// A device keeps the firm's rules, or does not.
pub const DEVICE_COMPLIANCE_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change";
/// A person, or another principal, is trusted more or less than before.
pub const RISK_LEVEL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/risk-level-change";
/// The transmitter tries the stream out (SSF 1.0).
pub const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

const MICROSECONDS: i64 = 1_000_000;
/// Longest reason that is kept, characters.
const REASON_CHARS_MAX: usize = 200;

/// What a token must say to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected<'a> {
    /// `iss`, exactly.
    pub issuer: &'a str,
    /// One of `aud`, exactly.
    pub audience: &'a str,
    /// How long after `iat` it is taken, seconds.
    pub age_max_s: i64,
    /// How far `iat` may be ahead of the clock here, seconds.
    pub skew_s: i64,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The person's sessions are to end.
    SessionRevoked,
    /// A credential of the person changed.
    CredentialChange {
        /// Such as `fido2-roaming` or `password`.
        credential: String,
        /// `create`, `revoke`, `update` or `delete`.
        change: String,
    },
    /// A device of the person is compliant, or is not.
    DeviceCompliance {
        /// Whether it is now.
        compliant: bool,
    },
    /// The stream is tried out; nothing is to be done.
    Verification,
    /// An event of another type, by its URI; nothing is to be done.
    Other(String),
}

/// A token that is genuine. Whether it was seen before is for [`Replays`](crate::Replays).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id, unique for the issuer.
    pub jti: String,
    /// From when on it is refused as too old, seconds since 1970.
    pub too_old_at: i64,
    /// When it became so, microseconds since 1970: what the event says (`event_timestamp`), and
    /// not later than the token was issued. Tokens arrive in any order.
    pub said_at_us: i64,
    /// What it says.
    pub signal: Signal,
    /// The person it is about; `None` for a verification and for events of other types.
    pub subject: Option<Subject>,
    /// The reason for administrators, if the event gives one; one line.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<Audience>,
    iat: Option<i64>,
    jti: Option<String>,
    events: Option<Map<String, Value>>,
    sub_id: Option<Value>,
    exp: Option<Value>,
    sub: Option<Value>,
    nonce: Option<Value>,
}

/// Judges a token: signature first, then whose it is, then what it says.
pub fn judge(
    token: &str,
    keys: &Keys,
    expected: &Expected<'_>,
    now_s: i64,
) -> Result<Received, SetRefusal> {
    let claims = jws::verified(token, keys)?;
    let c: Claims = json::read(&claims).ok_or(SetRefusal::Claims)?;
    // SSF 1.0 §4.1: so that an ID or access token of the same issuer is never taken for one.
    for (name, there) in
        [("exp", c.exp.is_some()), ("sub", c.sub.is_some()), ("nonce", c.nonce.is_some())]
    {
        if there {
            return Err(SetRefusal::Claim(name));
        }
    }
    if c.iss.as_deref() != Some(expected.issuer) {
        return Err(SetRefusal::Issuer);
    }
    let for_us = match &c.aud {
        Some(Audience::One(a)) => a == expected.audience,
        Some(Audience::Many(all)) => all.iter().any(|a| a == expected.audience),
        None => false,
    };
    if !for_us {
        return Err(SetRefusal::Audience);
    }
    let iat = c.iat.ok_or(SetRefusal::Claims)?;
    let too_old_at = iat.checked_add(expected.age_max_s).ok_or(SetRefusal::Claims)?;
    if now_s >= too_old_at {
        return Err(SetRefusal::TooOld);
    }
    if iat > now_s.saturating_add(expected.skew_s) {
        return Err(SetRefusal::Future);
    }
    let usable = |id: &String| !id.is_empty() && id.chars().count() <= ID_CHARS_MAX;
    let jti = c.jti.filter(usable).ok_or(SetRefusal::Id)?;
    let iat_us = iat.checked_mul(MICROSECONDS).ok_or(SetRefusal::Claims)?;
    let Event { signal, reason, at_us } = event(c.events.unwrap_or_default())?;
    let about_nobody = matches!(signal, Signal::Verification | Signal::Other(_));
    let subject = match c.sub_id {
        _ if about_nobody => None,
        Some(value) => Some(Subject::read(value)?),
        None => return Err(SetRefusal::Subject),
    };
    let said_at_us = at_us.map_or(iat_us, |at| at.min(iat_us));
    Ok(Received { jti, too_old_at, said_at_us, signal, subject, reason })
}

struct Event {
    signal: Signal,
    reason: String,
    /// `event_timestamp` (CAEP 1.0), microseconds since 1970.
    at_us: Option<i64>,
}

fn event(events: Map<String, Value>) -> Result<Event, SetRefusal> {
    let mut events = events.into_iter();
    let (Some((uri, value)), None) = (events.next(), events.next()) else {
        return Err(SetRefusal::Events);
    };
    let Value::Object(members) = value else { return Err(SetRefusal::Event) };
    let text = |name: &str| -> Result<String, SetRefusal> {
        let text = members.get(name).and_then(Value::as_str).filter(|t| t.len() <= ID_CHARS_MAX);
        text.map(str::to_owned).ok_or(SetRefusal::Event)
    };
    let signal = match uri.as_str() {
        SESSION_REVOKED => Signal::SessionRevoked,
        CREDENTIAL_CHANGE => {
            let change = text("change_type")?;
            if !["create", "revoke", "update", "delete"].contains(&change.as_str()) {
                return Err(SetRefusal::Event);
            }
            Signal::CredentialChange { credential: text("credential_type")?, change }
        }
        DEVICE_COMPLIANCE_CHANGE => match text("current_status")?.as_str() {
            "compliant" => Signal::DeviceCompliance { compliant: true },
            "not-compliant" => Signal::DeviceCompliance { compliant: false },
            _ => return Err(SetRefusal::Event),
        },
        VERIFICATION => Signal::Verification,
        other => Signal::Other(other.chars().take(ID_CHARS_MAX).collect()),
    };
    let seconds = members.get("event_timestamp").and_then(Value::as_f64);
    Ok(Event { signal, reason: reason(&members), at_us: seconds.map(microseconds) })
}

/// Of seconds, which may have a fraction; what is out of range becomes the end of it.
fn microseconds(seconds: f64) -> i64 {
    (seconds * 1e6).round().max(0.0) as i64
}

/// English if it is there, else any language.
fn reason(members: &Map<String, Value>) -> String {
    let words = match members.get("reason_admin") {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Object(by_language)) => {
            by_language.get("en").or_else(|| by_language.values().next()).and_then(Value::as_str)
        }
        _ => None,
    };
    let line = words.unwrap_or_default().chars().filter(|c| !c.is_control());
    line.take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
