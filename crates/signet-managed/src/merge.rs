//! Which settings are in force: the firm's, the trader's own, or the built-in ones. Pure.
//!
//! A trader's own setting counts beside a policy in two cases: the policy leaves the setting to the
//! trader, or the trader's is at least as strict. Every other one is not used, and [`Refused`] says
//! so.

use crate::{
    policy::Policy,
    settings::{Channel, Holder, VenueSettings, Version},
};
use std::fmt;

/// Who decided a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The firm's policy.
    Managed,
    /// The desk.toml of this computer or user, or an invitation.
    Own,
    /// The desk as it is built.
    Default,
}

/// What the trader may do with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Set it as they like.
    Free,
    /// Make it stricter only.
    Stricter,
    /// Nothing.
    No,
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What it is set to.
    pub value: T,
    /// Who decided it.
    pub source: Source,
    /// What the trader may do with it.
    pub change: Change,
}

/// The settings of a trader, or of this computer's desk.toml; `None` for those that are not made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// Venues of desk.toml and of invitations.
    pub venues: Vec<VenueSettings>,
    /// The PKCS#11 module.
    pub module: Option<String>,
    /// The proxy.
    pub proxy: Option<String>,
    /// The page that finds captive portals.
    pub portal_check: Option<String>,
    /// Only the hybrid key exchange.
    pub hybrid_only: Option<bool>,
    /// Only the FIPS module.
    pub fips: Option<bool>,
    /// No trade without a history.
    pub history_required: Option<bool>,
    /// The channel of releases.
    pub channel: Option<Channel>,
}

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The venues that may be connected to.
    pub venues: Vec<Setting<VenueSettings>>,
    /// Whether other venues may be added.
    pub other_venues: Change,
    /// Where keys may be stored.
    pub holders: Setting<Vec<Holder>>,
    /// The PKCS#11 module; `None` without one.
    pub module: Setting<Option<String>>,
    /// The least version of the desk.
    pub least_version: Setting<Option<Version>>,
    /// Which releases are taken.
    pub channel: Setting<Channel>,
    /// From where they are taken.
    pub update_server: Setting<Option<String>>,
    /// The proxy; `None` for the environment's.
    pub proxy: Setting<Option<String>>,
    /// The page that finds captive portals, or `off`; `None` for the one of the system's maker.
    pub portal_check: Setting<Option<String>>,
    /// Only the hybrid key exchange.
    pub hybrid_only: Setting<bool>,
    /// Only the FIPS module.
    pub fips: Setting<bool>,
    /// No trade without a history.
    pub history_required: Setting<bool>,
    /// Own settings that are not used.
    pub refused: Vec<Refused>,
}

/// Where a venue of the trader's own differs from the firm's in a way that weakens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VenueField {
    /// The capitals of its name, in an invitation.
    Name,
    /// Host or port.
    Address,
    /// The name in the gateway's certificate.
    ServerName,
    /// A host that the firm does not name.
    Also,
    /// The CompID.
    CompId,
    /// The trust domain.
    TrustDomain,
    /// An authority that the firm does not trust.
    Anchors,
    /// A key that the firm does not pin, or none where the firm pins one.
    Pins,
    /// TLS 1.2.
    AllowTls12,
    /// A revocation list is not required.
    CrlRequired,
    /// The relying party.
    RpId,
}

/// Why an own venue does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The firm has no venue of this name, and allows no other.
    NotListed,
    /// The firm's venue of this name is another.
    Other(VenueField),
}

/// An own setting that is not used, because it would weaken the firm's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which: `venue "X"`, `keys.module`.
    pub setting: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for VenueField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "its name has other capitals",
            Self::Address => "its address differs",
            Self::ServerName => "its server name differs",
            Self::Also => "it names other hosts",
            Self::CompId => "its CompID differs",
            Self::TrustDomain => "its trust domain differs",
            Self::Anchors => "it trusts another authority",
            Self::Pins => "it lacks the firm's pins, or has others",
            Self::AllowTls12 => "it allows TLS 1.2",
            Self::CrlRequired => "it needs no revocation list",
            Self::RpId => "its relying party differs",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("the firm does not list it and allows no other venue"),
            Self::Other(field) => write!(f, "the firm decides this venue, and {field}"),
        }
    }
}

/// Whether an own venue, or that of an invitation, may be used beside the policy.
///
/// # Errors
/// The first difference that would weaken what the firm decides.
pub fn admits(policy: &Policy, own: &VenueSettings) -> Result<(), Difference> {
    match policy.venues.iter().find(|v| v.is_called(&own.name)) {
        Some(firm) => weaker(firm, own).map_or(Ok(()), |field| Err(Difference::Other(field))),
        None if policy.venues.is_empty() || policy.may.venues => Ok(()),
        None => Err(Difference::NotListed),
    }
}

/// Whether the venue of an invitation may be used. One of a firm's venue adds only where
/// certificates are renewed, so it need not repeat the firm's pins and revocation lists.
///
/// # Errors
/// As [`admits`].
pub fn admits_invitation(policy: &Policy, venue: &VenueSettings) -> Result<(), Difference> {
    let mut venue = venue.clone();
    if let Some(firm) = policy.venues.iter().find(|v| v.is_called(&venue.name)) {
        // The laptop would be enrolled under a name that the desk does not list.
        if firm.name != venue.name {
            return Err(Difference::Other(VenueField::Name));
        }
        venue.crl_required |= firm.crl_required;
        if venue.pins.is_empty() {
            venue.pins.clone_from(&firm.pins);
        }
    }
    admits(policy, &venue)
}

/// The first setting in which `own` is not the firm's or a stricter one.
fn weaker(firm: &VenueSettings, own: &VenueSettings) -> Option<VenueField> {
    let pinned = !own.pins.is_empty() && own.pins.iter().all(|pin| firm.pins.contains(pin));
    let checks = [
        (VenueField::Address, own.host == firm.host && own.port == firm.port),
        (VenueField::ServerName, own.server_name == firm.server_name),
        (VenueField::Also, own.also.iter().all(|other| firm.also.contains(other))),
        (VenueField::CompId, own.comp_id == firm.comp_id),
        (VenueField::TrustDomain, own.trust_domain == firm.trust_domain),
        (VenueField::Anchors, own.anchors.iter().all(|anchor| firm.anchors.contains(anchor))),
        (VenueField::Pins, firm.pins.is_empty() || pinned),
        (VenueField::AllowTls12, firm.allow_tls12 || !own.allow_tls12),
        (VenueField::CrlRequired, own.crl_required || !firm.crl_required),
        (VenueField::RpId, firm.rp_id.is_none() || own.rp_id.is_none() || own.rp_id == firm.rp_id),
    ];
    checks.into_iter().find(|(_, good)| !good).map(|(field, _)| field)
}

/// The firm's venue with what an own one of the same name makes stricter.
fn narrowed(firm: &VenueSettings, own: &VenueSettings) -> VenueSettings {
    fn own_or<T: Clone>(own: &[T], firm: &[T]) -> Vec<T> {
        if own.is_empty() { firm.to_vec() } else { own.to_vec() }
    }
    let mut crl = firm.crl.clone();
    crl.extend(own.crl.iter().filter(|file| !firm.crl.contains(file)).cloned());
    VenueSettings {
        anchors: own_or(&own.anchors, &firm.anchors),
        pins: own_or(&own.pins, &firm.pins),
        allow_tls12: firm.allow_tls12 && own.allow_tls12,
        quic: firm.quic && own.quic,
        crl_required: firm.crl_required || own.crl_required,
        crl,
        rp_id: firm.rp_id.clone().or_else(|| own.rp_id.clone()),
        ..firm.clone()
    }
}

/// The settings in force; `None` for a policy on a computer that is not managed.
#[must_use]
pub fn merge(policy: Option<&Policy>, own: &Own) -> Effective {
    let free = Policy::default();
    let p = policy.unwrap_or(&free);
    let mut refused = Vec::new();
    let venues = venues(p, own, &mut refused);
    let other_venues = if p.venues.is_empty() || p.may.venues { Change::Free } else { Change::No };
    let choose = |name, may| Choice { name, may };
    let fixed = |name| choose(name, false);
    let proxy = choose("connection.proxy", p.may.proxy);
    let channel = choose("software.channel", p.may.update_channel);
    let (hybrid_only, fips) = (fixed("connection.hybrid_only"), fixed("connection.fips"));
    let history = fixed("history.required");
    // To ask for no page is not stricter: the trader would not read where to sign in.
    let portal_check = fixed("connection.portal_check");
    let holders = fixed("keys.holders").among(p.holders.clone(), Holder::ALL.to_vec());
    let module = if holders.value.contains(&Holder::Pkcs11) {
        choose("keys.module", p.may.module).text(&p.module, &own.module, &mut refused)
    } else {
        // Without tokens there is no module, even where the firm leaves its choice to the trader.
        let none = fixed("keys.module").text(&Some(String::new()), &own.module, &mut refused);
        Setting { value: None, ..none }
    };
    Effective {
        venues,
        other_venues,
        module,
        least_version: fixed("software.least_version").among(p.least_version.map(Some), None),
        update_server: fixed("software.server").among(p.update_server.clone().map(Some), None),
        channel: channel.or_stricter(
            p.channel,
            own.channel,
            Channel::Stable,
            Some(Channel::Stable),
            &mut refused,
        ),
        proxy: proxy.text(&p.proxy, &own.proxy, &mut refused),
        portal_check: portal_check.text(&p.portal_check, &own.portal_check, &mut refused),
        hybrid_only: hybrid_only.floor(p.hybrid_only, own.hybrid_only, &mut refused),
        fips: fips.floor(p.fips, own.fips, &mut refused),
        history_required: history.floor(p.history_required, own.history_required, &mut refused),
        holders,
        refused,
    }
}

fn venues(p: &Policy, own: &Own, refused: &mut Vec<Refused>) -> Vec<Setting<VenueSettings>> {
    let firms = p.venues.iter().map(|v| Setting {
        value: v.clone(),
        source: Source::Managed,
        change: Change::Stricter,
    });
    let mut all: Vec<Setting<VenueSettings>> = firms.collect();
    for venue in &own.venues {
        if let Err(why) = admits(p, venue) {
            let setting = format!("venue {:?}", venue.name);
            refused.push(Refused { setting, why: why.to_string() });
            continue;
        }
        match all.iter_mut().find(|s| s.value.is_called(&venue.name)) {
            Some(known) if known.source == Source::Managed => {
                known.value = narrowed(&known.value, venue);
            }
            Some(_) => {}
            None => all.push(Setting {
                value: venue.clone(),
                source: Source::Own,
                change: Change::Free,
            }),
        }
    }
    all
}

/// How one setting is decided.
struct Choice {
    name: &'static str,
    /// The firm leaves it to the trader.
    may: bool,
}

impl Choice {
    /// The trader has no such setting.
    fn among<T: PartialEq>(self, firm: Option<T>, default: T) -> Setting<T> {
        self.or_stricter(firm, None, default, None, &mut Vec::new())
    }

    /// No text is stricter than another.
    fn text(
        self,
        firm: &Option<String>,
        own: &Option<String>,
        refused: &mut Vec<Refused>,
    ) -> Setting<Option<String>> {
        let (firm, own) = (firm.clone().map(Some), own.clone().map(Some));
        self.or_stricter(firm, own, None, None, refused)
    }

    /// Yes is stricter than no.
    fn floor(
        self,
        firm: Option<bool>,
        own: Option<bool>,
        refused: &mut Vec<Refused>,
    ) -> Setting<bool> {
        self.or_stricter(firm, own, false, Some(true), refused)
    }

    /// The firm's value, unless the trader may change it or has set the strictest one.
    fn or_stricter<T: PartialEq>(
        self,
        firm: Option<T>,
        own: Option<T>,
        default: T,
        strictest: Option<T>,
        refused: &mut Vec<Refused>,
    ) -> Setting<T> {
        let Some(firm) = firm else {
            let (value, source) = own.map_or((default, Source::Default), |own| (own, Source::Own));
            return Setting { value, source, change: Change::Free };
        };
        let change = match &strictest {
            _ if self.may => Change::Free,
            Some(strictest) if *strictest != firm => Change::Stricter,
            _ => Change::No,
        };
        match own {
            Some(own) if own == firm => {}
            Some(own) if self.may || strictest.as_ref() == Some(&own) => {
                return Setting { value: own, source: Source::Own, change };
            }
            Some(_) => refused
                .push(Refused { setting: self.name.into(), why: "the firm decides it".into() }),
            None => {}
        }
        Setting { value: firm, source: Source::Managed, change }
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
