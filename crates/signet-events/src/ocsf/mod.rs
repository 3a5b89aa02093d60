//! Events as the Open Cybersecurity Schema Framework (OCSF) 1.8.0 writes them: one line of JSON.
//!
//! Pure. The keys stand in one order, and the line is ASCII without control characters: whatever a
//! peer wrote cannot end it, and a receiver that knows no UTF-8 reads it too. `unmapped` holds what
//! OCSF has no place for, such as the RFQ.
//!
//! | file | holds |
//! | --- | --- |
//! | `class.rs` | class, activity and outcome of an entry |
//! | `parts.rs` | the objects of OCSF that are used |
//! | `unmapped.rs` | our own fields |

mod class;
mod parts;
mod unmapped;

use crate::{About, Actor, Entry, Event};
use class::{Category, activity};
use parts::{
    Api, Attack, Certificate, Endpoint, Evidence, FindingInfo, ManagedEntity, Metadata, Policy,
    Product, Service, User,
};
use serde::Serialize;
use unmapped::Unmapped;

/// The version of the schema.
pub const VERSION: &str = "1.8.0";
/// No line is longer, bytes. Beyond it, texts and lists are cut.
pub const LINE_BYTES_MAX: usize = 32 * 1024;

/// Profiles of the schema whose attributes are used.
const PROFILES: [&str; 1] = ["security_control"];
/// What a person or desk is given when an access is allowed.
const PRIVILEGES: [&str; 1] = ["trade"];

/// The gateway that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// CompID of the gateway.
    pub gateway: String,
    /// Version of the program.
    pub version: String,
}

/// Where an event stands among those that a gateway sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'a> {
    /// Unique and stable: a receiver that has it already has a repeat.
    pub uid: &'a str,
    /// Rises by one.
    pub sequence: u64,
}

/// How much of texts and lists is kept.
#[derive(Debug, Clone, Copy)]
struct Limits {
    chars: usize,
    listed: usize,
    chars_listed: usize,
}

const FULL: Limits = Limits { chars: usize::MAX, listed: 32, chars_listed: 160 };
const SHORT: Limits = Limits { chars: 60, listed: 8, chars_listed: 60 };

/// One event in one line, without an end of line. `code` is the event's own, or that of a row of
/// the registry.
#[must_use]
pub fn line(event: &Event, code: &str, source: &Source, position: Position<'_>) -> String {
    let full = written(event, code, source, position, FULL);
    if full.len() <= LINE_BYTES_MAX {
        return full;
    }
    written(event, code, source, position, SHORT)
}

fn written(event: &Event, code: &str, s: &Source, p: Position<'_>, limits: Limits) -> String {
    // Plain structures of texts and numbers: there is nothing that could not be written.
    ascii(&serde_json::to_string(&Record::of(event, code, s, p, limits)).unwrap_or_default())
}

/// Characters that are not ASCII can stand only in the strings of a JSON text, where an escape
/// means the same.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\x7f' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// At most so many characters of a text.
fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// An event of any of the classes.
#[derive(Serialize)]
struct Record {
    time: i64,
    class_uid: u32,
    class_name: &'static str,
    category_uid: u32,
    category_name: &'static str,
    activity_id: u32,
    activity_name: &'static str,
    type_uid: u32,
    type_name: String,
    severity_id: u8,
    severity: &'static str,
    status_id: u8,
    status: &'static str,
    status_code: String,
    message: String,
    metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<parts::Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Service>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privileges: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<ManagedEntity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<Api>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<Product>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding_info: Option<FindingInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidences: Option<[Evidence; 1]>,
    action_id: u8,
    action: &'static str,
    is_alert: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    attacks: Option<[Attack; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_score: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_level_id: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_level: Option<&'static str>,
    unmapped: Unmapped,
}

impl Record {
    fn of(event: &Event, code: &str, s: &Source, p: Position<'_>, limits: Limits) -> Self {
        let Event { entry, actor, about, .. } = event;
        let text = |t: &str| cut(t, limits.chars);
        let a = activity(entry.class);
        let c = a.category;
        let outcome = a.outcome;
        let said = event.words.as_str().trim();
        let message = text(if said.is_empty() { entry.meaning } else { said });
        let user = (c.has_user()).then(|| User::about(about, actor, limits));
        let endpoint = Endpoint::of(about, actor);
        let risk_level = about.decision.as_ref().map(|d| risk_level(d.as_str()));
        Self {
            time: event.at_us.div_euclid(1_000),
            class_uid: c.class_uid(),
            class_name: c.class_name(),
            category_uid: c.uid(),
            category_name: c.name(),
            activity_id: a.id,
            activity_name: a.name,
            type_uid: c.class_uid() * 100 + a.id,
            type_name: format!(
                "{}: {}",
                c.class_name(),
                if a.id == class::OTHER { "Other" } else { a.name }
            ),
            severity_id: entry.severity.id(),
            severity: entry.severity.caption(),
            status_id: outcome.status().0,
            status: outcome.status().1,
            status_code: cut(code, 100),
            metadata: Metadata::new(event, code, s, p),
            actor: c.has_actor().then(|| parts::Actor::of(actor, limits)),
            src_endpoint: endpoint_of(c, &endpoint, s),
            service: (c == Category::Authentication).then(|| Service::gateway(s)),
            certificate: about
                .certificate
                .as_ref()
                .filter(|_| c == Category::Authentication)
                .map(|t| Certificate::serial(text(t.as_str()))),
            privileges: (c == Category::AuthorizeSession).then_some(PRIVILEGES),
            entity: (c == Category::EntityManagement)
                .then(|| ManagedEntity::about(about, entry, s, limits)),
            api: (c == Category::ApiActivity).then(|| Api::of(about, code, limits)),
            app: (c == Category::ApplicationLifecycle).then(|| Product::of(s)),
            finding_info: (c == Category::DetectionFinding)
                .then(|| FindingInfo::of(entry, &message, p.uid)),
            evidences: (c == Category::DetectionFinding)
                .then(|| [Evidence::of(about, actor, endpoint, limits)]),
            message,
            user,
            action_id: outcome.action().0,
            action: outcome.action().1,
            is_alert: entry.severity >= crate::Severity::High,
            attacks: entry.technique.map(|t| [Attack::of(t)]),
            policy: Policy::about(about, limits),
            risk_score: about.score,
            risk_level_id: risk_level.map(|r| r.0),
            risk_level: risk_level.map(|r| r.1),
            unmapped: Unmapped::of(event, code, limits),
        }
    }
}

/// Where a class has a source, the address that is known; where it must have one, the gateway.
fn endpoint_of(c: Category, known: &Option<Endpoint>, s: &Source) -> Option<Endpoint> {
    match c {
        Category::DetectionFinding | Category::ApplicationLifecycle => None,
        Category::ApiActivity => Some(known.clone().unwrap_or_else(|| Endpoint::gateway(s))),
        _ => known.clone(),
    }
}

/// `risk_level_id` and `risk_level` of what was decided about an access.
fn risk_level(decision: &str) -> (u8, &'static str) {
    match decision {
        "allow" => (1, "Low"),
        "step_up" => (2, "Medium"),
        "deny" => (3, "High"),
        _ => (99, "Other"),
    }
}

/// Who or what an event is about, for a person.
fn subject(about: &About, entry: &Entry, actor: &Actor) -> String {
    let named = about.subject();
    match (named.is_empty(), actor) {
        (false, _) => named,
        (true, Actor::Gateway) => entry.code.split('.').next().unwrap_or_default().into(),
        (true, a) => a.to_string(),
    }
}

#[cfg(test)]
mod tests;
