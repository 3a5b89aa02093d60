//! What `signet-desk policy show` says: each setting in force, who decided it, and what the trader
//! may do with it. Pure.

use crate::{
    judge::{Managed, Origin, shown},
    merge::{Change, Effective, Setting, Source},
    settings::VenueSettings,
};
use serde::Serialize;
use std::fmt;

/// Everything about the settings of a desk that a policy can decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// There is a policy.
    pub managed: bool,
    /// Whose.
    pub firm: Option<String>,
    /// Where it was found.
    pub place: Option<String>,
    /// Who signed it; `None` also where the system protects it instead.
    pub signer: Option<Signer>,
    /// Its serial.
    pub serial: Option<u64>,
    /// Since when it counts, RFC 3339.
    pub valid_from: Option<String>,
    /// Until when it counts, RFC 3339.
    pub valid_until: Option<String>,
    /// SHA-256 of the file, or of the values.
    pub sha256: Option<String>,
    /// The settings in force.
    pub settings: Vec<Row>,
    /// Own settings that are not used, each with the reason.
    pub not_used: Vec<String>,
    /// Parts of the policy that count for later desks only.
    pub for_later: Vec<String>,
}

/// The key that signed a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// minisign's key id.
    pub key_id: String,
    /// `sha256/<base64>` of the public key.
    pub fingerprint: String,
    /// The trusted comment.
    pub comment: String,
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name in the policy.
    pub setting: String,
    /// What it is set to.
    pub value: String,
    /// `managed`, `own` or `default`.
    pub from: &'static str,
    /// `yes`, `stricter` or `no`.
    pub may_change: &'static str,
}

impl Report {
    /// The report about a policy, if there is one, and the settings in force.
    #[must_use]
    pub fn new(managed: Option<&Managed>, effective: &Effective) -> Self {
        let policy = managed.map(|m| &m.policy);
        let signer = managed.and_then(|m| match &m.origin {
            Origin::Signed { key, comment } => Some(Signer {
                key_id: key.id(),
                fingerprint: key.fingerprint(),
                comment: comment.replace('\t', " "),
            }),
            Origin::System => None,
        });
        let not_used = effective.refused.iter().map(|r| format!("{}: {}", r.setting, r.why));
        Self {
            managed: managed.is_some(),
            firm: policy.map(|p| p.firm.clone()),
            place: managed.map(|m| m.place.clone()),
            signer,
            serial: policy.map(|p| p.serial),
            valid_from: policy.and_then(|p| p.valid_from).map(shown),
            valid_until: policy.and_then(|p| p.valid_until).map(shown),
            sha256: managed.map(|m| m.digest.clone()),
            settings: rows(effective),
            not_used: not_used.collect(),
            for_later: policy
                .map(|p| p.for_later.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
        }
    }
}

fn rows(e: &Effective) -> Vec<Row> {
    let mut rows = Vec::new();
    for venue in &e.venues {
        let at = format!("venue {:?}", venue.value.name);
        rows.extend(of_venue(&venue.value).into_iter().map(|(key, value)| {
            let change = match (key, venue.change) {
                // These can be made stricter; there is only one address of a gateway.
                ("address" | "server_name" | "comp_id" | "trust_domain", Change::Stricter) => {
                    Change::No
                }
                (_, change) => change,
            };
            row(&format!("{at} {key}"), value, venue.source, change)
        }));
    }
    let others = if e.other_venues == Change::Free { "allowed" } else { "not allowed" };
    let from = if e.venues.iter().any(|v| v.source == Source::Managed) {
        Source::Managed
    } else {
        Source::Default
    };
    rows.push(row("other venues", others.into(), from, e.other_venues));
    let text = |name: &str, setting: &Setting<Option<String>>, none: &str| {
        let value = setting.value.clone().unwrap_or_else(|| none.into());
        row(name, value, setting.source, setting.change)
    };
    let yes = |name: &str, setting: &Setting<bool>| {
        row(name, yes_no(setting.value).into(), setting.source, setting.change)
    };
    let names: Vec<&str> = e.holders.value.iter().map(|h| h.name()).collect();
    let least = e.least_version.value.map_or_else(|| "any".into(), |v| v.to_string());
    rows.extend([
        row("keys.holders", names.join(", "), e.holders.source, e.holders.change),
        text("keys.module", &e.module, "none"),
        row("software.least_version", least, e.least_version.source, e.least_version.change),
        row("software.channel", e.channel.value.name().into(), e.channel.source, e.channel.change),
        text("software.server", &e.update_server, "none"),
        text("connection.proxy", &e.proxy, "from the environment"),
        text("connection.portal_check", &e.portal_check, "the system's, where it has one"),
        yes("connection.hybrid_only", &e.hybrid_only),
        yes("connection.fips", &e.fips),
        yes("history.required", &e.history_required),
    ]);
    rows
}

fn of_venue(v: &VenueSettings) -> Vec<(&'static str, String)> {
    let listed = |list: Vec<String>, none: &str| {
        if list.is_empty() { none.to_owned() } else { list.join(", ") }
    };
    let digest = |der: &Vec<u8>| {
        let bytes = crate::minisign::sha256(der);
        crate::settings::Pin(bytes).to_string()
    };
    let also = v.also.iter().map(|(host, port)| format!("{host}:{port}")).collect();
    vec![
        ("address", format!("{}:{}", v.host, v.port)),
        ("also", listed(also, "none")),
        ("server_name", v.server_name.clone()),
        ("comp_id", v.comp_id.clone()),
        ("trust_domain", v.trust_domain.clone()),
        ("anchors", listed(v.anchors.iter().map(digest).collect(), "none")),
        ("pins", listed(v.pins.iter().map(ToString::to_string).collect(), "none")),
        ("allow_tls12", yes_no(v.allow_tls12).into()),
        ("quic", yes_no(v.quic).into()),
        ("crl", listed(v.crl.clone(), "none")),
        ("crl_required", yes_no(v.crl_required).into()),
        ("rp_id", v.rp_id.clone().unwrap_or_else(|| "as in the invitation".into())),
    ]
}

fn row(setting: &str, value: String, source: Source, change: Change) -> Row {
    Row {
        setting: setting.into(),
        value,
        from: match source {
            Source::Managed => "managed",
            Source::Own => "own",
            Source::Default => "default",
        },
        may_change: match change {
            Change::Free => "yes",
            Change::Stricter => "stricter",
            Change::No => "no",
        },
    }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.firm, &self.place) {
            (Some(firm), Some(place)) => {
                writeln!(f, "Managed by {firm}\n  policy      {place}")?;
            }
            _ => writeln!(f, "Not managed: this computer has no policy of a firm.")?,
        }
        if let Some(serial) = self.serial.filter(|serial| *serial != 0) {
            writeln!(f, "  serial      {serial}")?;
        }
        if let (Some(from), Some(until)) = (&self.valid_from, &self.valid_until) {
            writeln!(f, "  valid       {from} to {until}")?;
        }
        match &self.signer {
            Some(s) => {
                writeln!(f, "  signed by   {} (key {})", s.fingerprint, s.key_id)?;
                writeln!(f, "  comment     {}", s.comment)?;
            }
            None if self.managed => {
                writeln!(f, "  signed by   nobody; the system protects it")?;
            }
            None => {}
        }
        writeln!(f, "\n{:<9} {:<10} setting and value", "from", "may change")?;
        for row in &self.settings {
            let Row { setting, value, from, may_change } = row;
            writeln!(f, "{from:<9} {may_change:<10} {setting} = {value}")?;
        }
        if !self.not_used.is_empty() {
            writeln!(f, "\nOwn settings that are not used:")?;
        }
        for one in &self.not_used {
            writeln!(f, "  {one}")?;
        }
        if !self.for_later.is_empty() {
            writeln!(f, "\nOnly for later desks, not used by this one:")?;
        }
        for part in &self.for_later {
            writeln!(f, "  {part}")?;
        }
        Ok(())
    }
}
