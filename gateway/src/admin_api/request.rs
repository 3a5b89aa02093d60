//! What an administrator asks for, read from one HTTP request. Pure; whatever cannot be read
//! exactly is refused.

use super::{
    AdminRefusal,
    fleet::{Laptops, laptops},
};
use crate::{
    admin::{Account, LockedOut},
    history::{Documents, Policy},
};
use hyper::Method;
use serde::{Deserialize, de::DeserializeOwned};
use signet_identity::{CompId, is_device_name, is_user_id};
use signet_policy::entitle::{AdminAction, Proof};
use signet_registry::{AccountState, CertificateSelector};
use signet_rfq::DealerId;
use std::fmt;

/// Events in one answer.
const EVENTS_MAX: usize = 1_000;
const EVENTS_USUAL: usize = 100;
/// What the person at the desk reads.
const REASON_CHARS_MAX: usize = 120;
/// As the certificate profile writes serial numbers: 20 octets at most (RFC 5280 §4.1.2.2), perhaps
/// with colons.
const SERIAL_CHARS_MAX: usize = 64;
/// Of a value in a query, or of a part of a path.
const VALUE_CHARS_MAX: usize = 200;

/// One request that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Sessions,
    Policy,
    Users,
    User(String),
    Events {
        limit: usize,
        before: Option<i64>,
    },
    Fleet(Laptops),
    SetState(Account, AccountState),
    SetRole {
        user: String,
        role: &'static str,
    },
    Revoke {
        which: CertificateSelector,
        reason: &'static str,
    },
    End {
        desk: CompId,
        reason: String,
    },
    Lockouts,
    Lift(LockedOut),
    Dealers,
    Resume(DealerId),
    Reload,
    /// Changes of policy that wait.
    Waiting,
    Prepare(Policy, Texts),
    /// By the digest of the new version.
    Approve(String),
    Reject(String),
}

/// Documents of a policy; a log has their lengths only.
#[derive(Clone, PartialEq, Eq)]
pub struct Texts(pub Documents);

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, text)| (name, text.len()))).finish()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prepare {
    policy: Policy,
    documents: Documents,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lift {
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    serial: Option<String>,
    device: Option<String>,
    user: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    reason: String,
}

impl Command {
    /// As policies name it.
    pub fn action(&self) -> AdminAction {
        match self {
            Self::Sessions
            | Self::Policy
            | Self::Users
            | Self::User(_)
            | Self::Lockouts
            | Self::Dealers
            | Self::Events { .. }
            | Self::Fleet(_)
            | Self::Waiting => AdminAction::Read,
            Self::SetState(..) | Self::Lift(_) | Self::Revoke { .. } => AdminAction::Lock,
            Self::SetRole { .. } => AdminAction::Users,
            Self::End { .. } | Self::Resume(_) => AdminAction::Sessions,
            Self::Reload | Self::Prepare(..) | Self::Approve(_) | Self::Reject(_) => {
                AdminAction::Policy
            }
        }
    }

    /// What its way proves: a change that is prepared takes force by two people or not at all.
    pub fn proof(&self) -> Proof {
        let second_person = matches!(self, Self::Prepare(..) | Self::Approve(_) | Self::Reject(_));
        Proof { touched: false, second_person }
    }
}

/// `json`: whether the content type is that of JSON.
pub fn read(
    method: &Method,
    path: &str,
    query: Option<&str>,
    json: bool,
    body: &[u8],
) -> Result<Command, AdminRefusal> {
    let rest = path.strip_prefix("/v1/").ok_or(AdminRefusal::NotFound)?;
    // Between slashes first: one that is written as an escape is a part of a name.
    let parts: Option<Vec<String>> = rest.splitn(6, '/').map(unescaped).collect();
    let parts = parts.ok_or_else(|| malformed("the path is not percent-encoded text"))?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let post = match *method {
        Method::GET => false,
        Method::POST => true,
        _ => return Err(AdminRefusal::Method),
    };
    let expected = match parts.as_slice() {
        [
            "sessions" | "policy" | "policies" | "users" | "events" | "fleet" | "lockouts"
            | "dealers",
        ]
        | ["users", _] => false,
        ["policies", "prepare"] | ["policies", _, "approve" | "reject"] => true,
        ["users", _, "lock" | "unlock" | "role"] | ["devices", _, _, "lock" | "unlock"] => true,
        ["revoke"]
        | ["lockouts", "lift"]
        | ["sessions", _, "end"]
        | ["dealers", _, "resume"]
        | ["policy", "reload"] => true,
        _ => return Err(AdminRefusal::NotFound),
    };
    if post != expected {
        return Err(AdminRefusal::Method);
    }
    if query.is_some() && !matches!(parts.as_slice(), ["events" | "fleet"]) {
        return Err(malformed("this path takes no query"));
    }
    if post { order(&parts, json, body) } else { question(&parts, query, body) }
}

fn question(parts: &[&str], query: Option<&str>, body: &[u8]) -> Result<Command, AdminRefusal> {
    if !body.is_empty() {
        return Err(malformed("a question has no body"));
    }
    match parts {
        ["sessions"] => Ok(Command::Sessions),
        ["policy"] => Ok(Command::Policy),
        ["policies"] => Ok(Command::Waiting),
        ["users"] => Ok(Command::Users),
        ["lockouts"] => Ok(Command::Lockouts),
        ["dealers"] => Ok(Command::Dealers),
        ["users", id] => Ok(Command::User(user(id)?)),
        ["fleet"] => query.map_or(Ok(Laptops::default()), laptops).map(Command::Fleet),
        ["events"] => query.map_or(Ok(Command::Events { limit: EVENTS_USUAL, before: None }), page),
        _ => Err(AdminRefusal::NotFound),
    }
}

fn order(parts: &[&str], json: bool, body: &[u8]) -> Result<Command, AdminRefusal> {
    if !json {
        return Err(AdminRefusal::ContentType);
    }
    match parts {
        ["users", id, "role"] => {
            let NewRole { role } = from_json(body)?;
            Ok(Command::SetRole {
                user: user(id)?,
                role: one_of(&role, &["standard", "privileged"], "role")?,
            })
        }
        ["users", id, to] => from_json(body)
            .and_then(|Nothing {}| Ok(Command::SetState(Account::User(user(id)?), state(to)))),
        ["devices", of, id, to] => {
            let Nothing {} = from_json(body)?;
            Ok(Command::SetState(
                Account::Device(device(&format!("{}/{id}", user(of)?))?),
                state(to),
            ))
        }
        ["lockouts", "lift"] => {
            let Lift { what } = from_json(body)?;
            let what = LockedOut::read(&what).map_err(|e| malformed(e.to_string()))?;
            Ok(Command::Lift(what))
        }
        ["dealers", dealer, "resume"] => {
            let Nothing {} = from_json(body)?;
            let dealer = DealerId::new(*dealer).map_err(|_| malformed("this is not a CompID"))?;
            Ok(Command::Resume(dealer))
        }
        ["revoke"] => revocation(from_json(body)?),
        ["sessions", desk, "end"] => {
            let End { reason } = from_json(body)?;
            let desk = Some(desk)
                .filter(|d| d.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
            let desk = desk
                .and_then(|d| CompId::new(*d).ok())
                .ok_or_else(|| malformed("this is not a CompID"))?;
            let printable =
                !reason.trim().is_empty() && reason.chars().all(|c| (' '..='~').contains(&c));
            if !printable || reason.len() > REASON_CHARS_MAX {
                return Err(malformed(format!(
                    "reason: 1 to {REASON_CHARS_MAX} printable ASCII characters"
                )));
            }
            Ok(Command::End { desk, reason })
        }
        ["policies", "prepare"] => prepare(from_json(body)?),
        ["policies", id, "approve"] => {
            let Nothing {} = from_json(body)?;
            Ok(Command::Approve(digest(id)?))
        }
        ["policies", id, "reject"] => {
            let Nothing {} = from_json(body)?;
            Ok(Command::Reject(digest(id)?))
        }
        ["policy", "reload"] => from_json(body).map(|Nothing {}| Command::Reload),
        _ => Err(AdminRefusal::NotFound),
    }
}

fn prepare(p: Prepare) -> Result<Command, AdminRefusal> {
    let known = p.policy.documents();
    if p.documents.is_empty() || p.documents.keys().any(|k| !known.contains(&k.as_str())) {
        return Err(malformed(format!("documents: {}, one or both", known.join(" and "))));
    }
    Ok(Command::Prepare(p.policy, Texts(p.documents)))
}

/// SHA-256, lower-case hexadecimal.
fn digest(text: &str) -> Result<String, AdminRefusal> {
    let hexadecimal = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if text.len() == 64 && hexadecimal {
        return Ok(text.to_owned());
    }
    Err(malformed("a change of policy has the digest of its new version: 64 of 0-9 a-f"))
}

fn revocation(r: Revocation) -> Result<Command, AdminRefusal> {
    let which = match (r.serial, r.device, r.user) {
        (Some(s), None, None) => {
            let hexadecimal = s.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
                && s.bytes().any(|b| b != b':');
            if !hexadecimal || s.len() > SERIAL_CHARS_MAX {
                return Err(malformed("serial: hexadecimal digits"));
            }
            CertificateSelector::Serial(s)
        }
        (None, Some(d), None) => CertificateSelector::Device(device(&d)?),
        (None, None, Some(u)) => CertificateSelector::User(user(&u)?),
        _ => return Err(malformed("name one of serial, device, user")),
    };
    let known = [
        "unspecified",
        "key-compromise",
        "affiliation-changed",
        "superseded",
        "cessation",
        "privilege-withdrawn",
    ];
    let reason = one_of(r.reason.as_deref().unwrap_or("unspecified"), &known, "reason")?;
    Ok(Command::Revoke { which, reason })
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminRefusal> {
    // An array would do for serde, field by field.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(malformed("the body is no JSON object"));
    }
    serde_json::from_slice(body)
        .map_err(|e| malformed(format!("the body is not the JSON that is wanted here: {e}")))
}

pub(super) fn malformed(why: impl Into<String>) -> AdminRefusal {
    AdminRefusal::Malformed(why.into())
}

fn one_of(word: &str, known: &[&'static str], what: &str) -> Result<&'static str, AdminRefusal> {
    known
        .iter()
        .find(|k| **k == word)
        .copied()
        .ok_or_else(|| malformed(format!("{what}: one of {}", known.join(", "))))
}

/// A value of a query: percent-encoded UTF-8 without control characters.
pub fn decoded(text: &str) -> Option<String> {
    unescaped(&text.replace('+', " "))
}

/// The same of a part of a path, where a plus is a plus.
fn unescaped(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(b) = rest.next() {
        bytes.push(match b {
            b'%' => {
                let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
                (digit(rest.next()?)? << 4) | digit(rest.next()?)?
            }
            b => b,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    let fits = text.chars().count() <= VALUE_CHARS_MAX && !text.chars().any(char::is_control);
    fits.then_some(text)
}

fn user(id: &str) -> Result<String, AdminRefusal> {
    if is_user_id(id) {
        Ok(id.to_owned())
    } else {
        Err(malformed("a user id is 1 to 32 characters of a-z 0-9 . _ -"))
    }
}

/// `USER/DEVICE`.
fn device(text: &str) -> Result<String, AdminRefusal> {
    match text.split_once('/') {
        Some((u, d)) if is_user_id(u) && is_device_name(d) => Ok(text.to_owned()),
        _ => Err(malformed("a device is USER/DEVICE, both of a-z 0-9 . _ -")),
    }
}

fn state(word: &str) -> AccountState {
    // The route allows no third word, and what is not to unlock must not.
    if word == "unlock" { AccountState::Active } else { AccountState::Locked }
}

fn page(query: &str) -> Result<Command, AdminRefusal> {
    let (limit, before) = query.split_once('&').map_or((query, None), |(l, b)| (l, Some(b)));
    let number = |text: &str, key: &str, digits_max: usize| {
        let digits = text.strip_prefix(key).filter(|d| {
            (1..=digits_max).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit())
        });
        digits.and_then(|d| d.parse::<i64>().ok())
    };
    let limit = number(limit, "limit=", 4)
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| (1..=EVENTS_MAX).contains(n));
    let before = before.map(|b| number(b, "before=", 18).filter(|n| *n > 0));
    match (limit, before) {
        (Some(limit), None) => Ok(Command::Events { limit, before: None }),
        (Some(limit), Some(Some(before))) => Ok(Command::Events { limit, before: Some(before) }),
        _ => Err(malformed(format!(
            "limit=1 to limit={EVENTS_MAX}, perhaps &before=SEQ, and nothing else"
        ))),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
