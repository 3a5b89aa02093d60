//! The objects of OCSF that are used.

use super::{Limits, PROFILES, Position, Source, VERSION, cut, subject};
use crate::{About, Entry, Event, Technique};
use serde::Serialize;
use std::net::IpAddr;

/// What a required attribute holds when nobody knows it.
const UNKNOWN: &str = "Unknown";

#[derive(Serialize)]
pub(super) struct Metadata {
    version: &'static str,
    product: Product,
    uid: String,
    sequence: u64,
    event_code: String,
    profiles: [&'static str; 1],
    log_name: &'static str,
    /// With microseconds, which `time` has not.
    original_time: String,
}

impl Metadata {
    pub(super) fn new(event: &Event, code: &str, s: &Source, p: Position<'_>) -> Self {
        Self {
            version: VERSION,
            product: Product::of(s),
            uid: cut(p.uid, 200),
            sequence: p.sequence,
            event_code: cut(code, 100),
            profiles: PROFILES,
            log_name: "signet.events",
            original_time: event.at_us.to_string(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Product {
    name: &'static str,
    vendor_name: &'static str,
    version: String,
    /// CompID of the gateway.
    uid: String,
}

impl Product {
    pub(super) fn of(s: &Source) -> Self {
        Self {
            name: "Signet Gateway",
            vendor_name: "Signet",
            version: cut(&s.version, 60),
            uid: cut(&s.gateway, 60),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Service {
    name: &'static str,
    uid: String,
}

impl Service {
    pub(super) fn gateway(s: &Source) -> Self {
        Self { name: "Signet Gateway", uid: cut(&s.gateway, 60) }
    }
}

#[derive(Serialize)]
pub(super) struct User {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    type_id: u8,
    r#type: &'static str,
}

/// `type_id` and `type` of a user.
#[derive(Clone, Copy)]
enum Kind {
    Unknown,
    Person,
    Admin,
    System,
    Service,
}

impl Kind {
    const fn of(self) -> (u8, &'static str) {
        match self {
            Self::Unknown => (0, UNKNOWN),
            Self::Person => (1, "User"),
            Self::Admin => (2, "Admin"),
            Self::System => (3, "System"),
            Self::Service => (4, "Service"),
        }
    }
}

impl User {
    fn new(name: &str, uid: Option<&str>, kind: Kind, limits: Limits) -> Self {
        let (type_id, r#type) = kind.of();
        let name = if name.is_empty() { UNKNOWN } else { name };
        Self {
            name: cut(name, limits.chars),
            uid: uid.map(|u| cut(u, limits.chars)),
            type_id,
            r#type,
        }
    }

    /// The person or party it is about; else who did it.
    pub(super) fn about(about: &About, actor: &crate::Actor, limits: Limits) -> Self {
        let desk = about.desk.as_ref().map(crate::Text::as_str);
        match (&about.user, desk, &about.dealer) {
            (Some(user), desk, _) => Self::new(user.as_str(), desk, Kind::Person, limits),
            (None, Some(desk), _) => Self::new(desk, Some(desk), Kind::Person, limits),
            (None, None, Some(dealer)) => {
                Self::new(dealer.as_str(), Some(dealer.as_str()), Kind::Service, limits)
            }
            (None, None, None) => Self::of(actor, limits),
        }
    }

    fn of(actor: &crate::Actor, limits: Limits) -> Self {
        let named =
            |id: &crate::Text, kind| Self::new(id.as_str(), Some(id.as_str()), kind, limits);
        match actor {
            crate::Actor::Gateway => Self::new("gateway", None, Kind::System, limits),
            crate::Actor::Account(id) | crate::Actor::Administrator(id) => named(id, Kind::Admin),
            crate::Actor::Desk(id) => named(id, Kind::Person),
            crate::Actor::Dealer(id) | crate::Actor::Service(id) => named(id, Kind::Service),
            crate::Actor::Address(_) => Self::new("", None, Kind::Unknown, limits),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Actor {
    user: User,
    app_name: &'static str,
}

impl Actor {
    pub(super) fn of(actor: &crate::Actor, limits: Limits) -> Self {
        let app_name = match actor {
            crate::Actor::Gateway => "signet-gateway",
            crate::Actor::Account(_) => "signet-gateway command",
            crate::Actor::Administrator(_) => "administrators' interface",
            crate::Actor::Desk(_) => "Signet Desk",
            crate::Actor::Dealer(_) => "dealer",
            crate::Actor::Service(_) => "service",
            crate::Actor::Address(_) => UNKNOWN,
        };
        Self { user: User::of(actor, limits), app_name }
    }
}

#[derive(Serialize, Clone)]
pub(super) struct Endpoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    svc_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    autonomous_system: Option<AutonomousSystem>,
}

#[derive(Serialize, Clone)]
struct AutonomousSystem {
    number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, Clone)]
struct Location {
    country: String,
}

impl Endpoint {
    pub(super) fn of(about: &About, actor: &crate::Actor) -> Option<Self> {
        let ip: IpAddr = match (about.address, actor) {
            (Some(ip), _) => ip,
            (None, crate::Actor::Address(ip)) => *ip,
            _ => return None,
        };
        let location = about.country.as_ref().map(|c| Location { country: cut(c.as_str(), 2) });
        let autonomous_system = about.as_number.map(|number| {
            let name = about.as_name.as_ref().map(|n| cut(n.as_str(), 80));
            AutonomousSystem { number, name }
        });
        let ip = Some(ip.to_canonical().to_string());
        Some(Self { ip, svc_name: None, location, autonomous_system })
    }

    pub(super) fn gateway(s: &Source) -> Self {
        Self {
            ip: None,
            svc_name: Some(cut(&s.gateway, 60)),
            location: None,
            autonomous_system: None,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Certificate {
    serial_number: String,
    /// The schema requires it, and an event does not know it.
    issuer: &'static str,
}

impl Certificate {
    pub(super) fn serial(serial_number: String) -> Self {
        Self { serial_number, issuer: UNKNOWN }
    }
}

#[derive(Serialize)]
pub(super) struct Policy {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desc: Option<String>,
}

impl Policy {
    pub(super) fn about(about: &About, limits: Limits) -> Option<Self> {
        if about.policy.is_none() && about.rules.is_empty() {
            return None;
        }
        let desc = unmapped_list(&about.rules, limits).join(", ");
        Some(Self {
            name: "Signet policy",
            uid: about.policy.as_ref().map(|p| cut(p.as_str(), limits.chars)),
            desc: (!desc.is_empty()).then_some(desc),
        })
    }
}

/// The first of a list, each within its length.
pub(super) fn unmapped_list(list: &[crate::Text], limits: Limits) -> Vec<String> {
    list.iter().take(limits.listed).map(|t| cut(t.as_str(), limits.chars_listed)).collect()
}

#[derive(Serialize)]
pub(super) struct Attack {
    technique: AttackTechnique,
    version: &'static str,
}

#[derive(Serialize)]
struct AttackTechnique {
    uid: &'static str,
    name: &'static str,
}

impl Attack {
    pub(super) fn of(t: Technique) -> Self {
        Self { technique: AttackTechnique { uid: t.id, name: t.name }, version: "16" }
    }
}

#[derive(Serialize)]
pub(super) struct ManagedEntity {
    name: String,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
}

impl ManagedEntity {
    pub(super) fn about(about: &About, entry: &Entry, s: &Source, limits: Limits) -> Self {
        let name = about.subject();
        let uid = about.certificate.as_ref().or(about.policy.as_ref());
        Self {
            name: cut(if name.is_empty() { &s.gateway } else { &name }, limits.chars),
            r#type: entry.code.split('.').next().unwrap_or_default().into(),
            uid: uid.map(|u| cut(u.as_str(), limits.chars)),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Api {
    /// The code, with MsgType (35) where there is a message.
    operation: String,
}

impl Api {
    pub(super) fn of(about: &About, code: &str, limits: Limits) -> Self {
        let code = cut(code, 100);
        let operation = match &about.message {
            Some(m) => format!("{code} {}", cut(m.as_str(), limits.chars)),
            None => code,
        };
        Self { operation }
    }
}

#[derive(Serialize)]
pub(super) struct FindingInfo {
    uid: String,
    title: &'static str,
    desc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attacks: Option<[Attack; 1]>,
}

impl FindingInfo {
    pub(super) fn of(entry: &Entry, words: &str, uid: &str) -> Self {
        Self {
            uid: cut(uid, 200),
            title: entry.meaning,
            desc: words.into(),
            attacks: entry.technique.map(|t| [Attack::of(t)]),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Evidence {
    name: String,
    actor: Actor,
    user: User,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_endpoint: Option<Endpoint>,
}

impl Evidence {
    pub(super) fn of(
        about: &About,
        actor: &crate::Actor,
        src_endpoint: Option<Endpoint>,
        limits: Limits,
    ) -> Self {
        let entry = crate::entry(crate::catalogue::UNKNOWN);
        Self {
            name: cut(&subject(about, entry, actor), limits.chars),
            actor: Actor::of(actor, limits),
            user: User::about(about, actor, limits),
            src_endpoint,
        }
    }
}
