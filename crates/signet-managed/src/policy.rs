//! The policy: its form as a file, and the checks that every source passes.

use crate::{
    error::ManagedError,
    minisign::PublicKey,
    settings::{Channel, Holder, May, VenueSettings, Version},
    since::{self, LaterPart},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use signet_identity::{host_and_port, is_host};
use std::collections::BTreeMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Longest policy file, bytes.
pub const POLICY_BYTES_MAX: u64 = 256 * 1024;
/// The only form of the file so far.
const FORMAT: u32 = 1;

const VENUES_MAX: usize = 16;
const ALSO_MAX: usize = 7;
const ANCHORS_MAX: usize = 8;
const ANCHOR_BYTES_MAX: usize = 8 * 1024;
const PINS_MAX: usize = 16;
const CRL_MAX: usize = 8;
const FIRM_CHARS_MAX: usize = 60;
const TEXT_BYTES_MAX: usize = 256;
const PATH_BYTES_MAX: usize = 1024;

/// What a firm decides for its desks. What is left out the trader decides, as without a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Who decides it.
    pub firm: String,
    /// Goes up with each change; a desk never returns to a lower one. 0 where the source may leave
    /// it out.
    pub serial: u64,
    /// Since when it counts.
    pub valid_from: Option<OffsetDateTime>,
    /// Until when it counts.
    pub valid_until: Option<OffsetDateTime>,
    /// The firm's venues.
    pub venues: Vec<VenueSettings>,
    /// Where keys may be stored.
    pub holders: Option<Vec<Holder>>,
    /// The PKCS#11 module of tokens.
    pub module: Option<String>,
    /// The least version of the desk that may be used.
    pub least_version: Option<Version>,
    /// Which releases desks take.
    pub channel: Option<Channel>,
    /// From where desks take releases: an `https:` URL, or a folder or share.
    pub update_server: Option<String>,
    /// The key that the list of releases is signed with. It lies offline, and signs no policy.
    pub update_key: Option<PublicKey>,
    /// The authorities that may issue the certificate of the update server, DER.
    pub server_anchors: Vec<Vec<u8>>,
    /// `http://host:port`, or `direct`.
    pub proxy: Option<String>,
    /// The page that is asked for to find a captive portal: `http://host[:port]/path`, or `off`.
    pub portal_check: Option<String>,
    /// Connections need the post-quantum hybrid key exchange.
    pub hybrid_only: Option<bool>,
    /// Connections need AWS-LC's FIPS module.
    pub fips: Option<bool>,
    /// The desk does not trade without a history that can be written.
    pub history_required: Option<bool>,
    /// What the trader may change nevertheless.
    pub may: May,
    /// The parts that count for later desks only, and not for this one.
    pub for_later: Vec<LaterPart>,
}

/// The file as it is written. [`crate::values`] makes one of the values of a system's own policy.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) format: u32,
    pub(crate) firm: String,
    pub(crate) serial: Option<u64>,
    pub(crate) valid_from: Option<String>,
    pub(crate) valid_until: Option<String>,
    #[serde(default)]
    pub(crate) venue: Vec<VenueFile>,
    #[serde(default)]
    pub(crate) keys: KeysFile,
    #[serde(default)]
    pub(crate) software: SoftwareFile,
    #[serde(default)]
    pub(crate) connection: ConnectionFile,
    #[serde(default)]
    pub(crate) history: HistoryFile,
    #[serde(default)]
    pub(crate) may: May,
    /// By the first version that a part counts for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) since: BTreeMap<String, toml::Table>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VenueFile {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) server_name: Option<String>,
    pub(crate) comp_id: String,
    pub(crate) trust_domain: String,
    pub(crate) anchors: Vec<String>,
    #[serde(default)]
    pub(crate) pins: Vec<String>,
    #[serde(default)]
    pub(crate) also: Vec<String>,
    pub(crate) rp_id: Option<String>,
    pub(crate) allow_tls12: Option<bool>,
    pub(crate) quic: Option<bool>,
    #[serde(default)]
    pub(crate) crl: Vec<String>,
    pub(crate) crl_required: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysFile {
    pub(crate) holders: Option<Vec<String>>,
    pub(crate) module: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SoftwareFile {
    pub(crate) least_version: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) update_key: Option<String>,
    #[serde(default)]
    pub(crate) server_anchors: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionFile {
    pub(crate) proxy: Option<String>,
    pub(crate) portal_check: Option<String>,
    pub(crate) hybrid_only: Option<bool>,
    pub(crate) fips: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryFile {
    pub(crate) required: Option<bool>,
}

impl Policy {
    /// Reads a policy file, whose signature the caller has verified. It must have a serial and both
    /// ends of its validity.
    ///
    /// # Errors
    /// [`ManagedError::Damaged`] and [`ManagedError::Invalid`]. At fault: whoever wrote it.
    pub fn from_toml(text: &str) -> Result<Self, ManagedError> {
        Self::for_desk(text, since::own_version()?)
    }

    /// The same as a desk of the version `own` reads it.
    pub(crate) fn for_desk(text: &str, own: Version) -> Result<Self, ManagedError> {
        if text.len() as u64 > POLICY_BYTES_MAX {
            return Err(ManagedError::Damaged("it is too long".into()));
        }
        let damaged = |e: toml::de::Error| ManagedError::Damaged(e.to_string());
        let file: File = toml::from_str(text).map_err(damaged)?;
        let needed = [
            ("serial", file.serial.is_some()),
            ("valid_from", file.valid_from.is_some()),
            ("valid_until", file.valid_until.is_some()),
        ];
        if let Some((field, _)) = needed.iter().find(|(_, there)| !there) {
            return Err(ManagedError::invalid(*field, "a signed policy needs it"));
        }
        let (whole, for_later) = since::with_parts(&file.since, text, own)?;
        let file: File = match whole {
            Some(whole) => whole.try_into().map_err(damaged)?,
            None => file,
        };
        Ok(Self { for_later, ..Self::checked(file)? })
    }

    /// The policy of a file in which every value is one that it can have.
    pub(crate) fn checked(file: File) -> Result<Self, ManagedError> {
        if file.format != FORMAT {
            return Err(ManagedError::invalid("format", format!("this desk knows {FORMAT} only")));
        }
        if file.firm.chars().count() > FIRM_CHARS_MAX {
            return Err(ManagedError::invalid("firm", "has more than 60 characters"));
        }
        if file.serial == Some(0) {
            return Err(ManagedError::invalid("serial", "begins with 1"));
        }
        let valid_from = time("valid_from", file.valid_from.as_deref())?;
        let valid_until = time("valid_until", file.valid_until.as_deref())?;
        if valid_from.zip(valid_until).is_some_and(|(from, until)| from >= until) {
            return Err(ManagedError::invalid("valid_until", "is not after valid_from"));
        }
        at_most("venue", file.venue.len(), VENUES_MAX)?;
        let venues: Vec<VenueSettings> =
            file.venue.iter().enumerate().map(|(n, v)| venue(n, v)).collect::<Result<_, _>>()?;
        for (n, v) in venues.iter().enumerate() {
            if venues.iter().take(n).any(|other| other.is_called(&v.name)) {
                return Err(ManagedError::invalid(at(n, "name"), "another venue has it"));
            }
        }
        Ok(Self {
            firm: text("firm", &file.firm)?,
            serial: file.serial.unwrap_or(0),
            valid_from,
            valid_until,
            venues,
            holders: file.keys.holders.as_deref().map(holders).transpose()?,
            module: optional("keys.module", file.keys.module.as_deref(), path)?,
            least_version: optional(
                "software.least_version",
                file.software.least_version.as_deref(),
                parsed,
            )?,
            channel: optional("software.channel", file.software.channel.as_deref(), channel)?,
            update_server: optional("software.server", file.software.server.as_deref(), source)?,
            update_key: optional(
                "software.update_key",
                file.software.update_key.as_deref(),
                update_key,
            )?,
            server_anchors: server_anchors(&file.software.server_anchors)?,
            proxy: optional("connection.proxy", file.connection.proxy.as_deref(), proxy)?,
            portal_check: optional(
                "connection.portal_check",
                file.connection.portal_check.as_deref(),
                portal_check,
            )?,
            hybrid_only: file.connection.hybrid_only,
            fips: file.connection.fips,
            history_required: file.history.required,
            may: file.may,
            for_later: Vec::new(),
        })
    }
}

fn at(venue: usize, field: &str) -> String {
    format!("venue {}: {field}", venue + 1)
}

fn venue(n: usize, v: &VenueFile) -> Result<VenueSettings, ManagedError> {
    at_most(&at(n, "pins"), v.pins.len(), PINS_MAX)?;
    at_most(&at(n, "also"), v.also.len(), ALSO_MAX)?;
    at_most(&at(n, "crl"), v.crl.len(), CRL_MAX)?;
    at_most(&at(n, "anchors"), v.anchors.len(), ANCHORS_MAX)?;
    if v.anchors.is_empty() {
        return Err(ManagedError::invalid(at(n, "anchors"), "names no authority"));
    }
    if v.port == 0 {
        return Err(ManagedError::invalid(at(n, "port"), "is 1 to 65535"));
    }
    let host = host(&at(n, "host"), &v.host)?;
    let server_name = match &v.server_name {
        Some(name) => self::host(&at(n, "server_name"), name)?,
        None => host.clone(),
    };
    let each = |field: &str, values: &[String]| {
        values.iter().map(|value| path(&at(n, field), value)).collect::<Result<Vec<_>, _>>()
    };
    let anchors = v.anchors.iter().map(|a| anchor(&at(n, "anchors"), a));
    let pins = v.pins.iter().map(|pin| parsed(&at(n, "pins"), pin));
    let also = v.also.iter().map(|other| endpoint(&at(n, "also"), other));
    let crl = each("crl", &v.crl)?;
    Ok(VenueSettings {
        name: text(&at(n, "name"), &v.name)?,
        host,
        port: v.port,
        server_name,
        also: also.collect::<Result<_, _>>()?,
        comp_id: text(&at(n, "comp_id"), &v.comp_id)?,
        trust_domain: self::host(&at(n, "trust_domain"), &v.trust_domain)?,
        anchors: anchors.collect::<Result<_, _>>()?,
        pins: pins.collect::<Result<_, _>>()?,
        allow_tls12: v.allow_tls12.unwrap_or(false),
        quic: v.quic.unwrap_or(true),
        crl_required: v.crl_required.unwrap_or(!crl.is_empty()),
        crl,
        rp_id: optional(&at(n, "rp_id"), v.rp_id.as_deref(), self::host)?,
    })
}

fn at_most(field: &str, count: usize, max: usize) -> Result<(), ManagedError> {
    if count > max {
        return Err(ManagedError::invalid(field, format!("has {count} entries, at most {max}")));
    }
    Ok(())
}

fn optional<T>(
    field: &str,
    value: Option<&str>,
    read: impl Fn(&str, &str) -> Result<T, ManagedError>,
) -> Result<Option<T>, ManagedError> {
    value.map(|value| read(field, value)).transpose()
}

/// Printable, neither empty nor long, without space at its ends.
fn text(field: &str, value: &str) -> Result<String, ManagedError> {
    short(field, value, TEXT_BYTES_MAX)
}

fn short(field: &str, value: &str, max: usize) -> Result<String, ManagedError> {
    let why = if value.is_empty() || value.trim() != value {
        "is empty, or has a space at an end"
    } else if value.len() > max {
        "is too long"
    } else if value.chars().any(char::is_control) {
        "has a control character"
    } else {
        return Ok(value.to_owned());
    };
    Err(ManagedError::invalid(field, why))
}

/// A file on this computer. It must be absolute, so that no working folder decides which it is.
fn path(field: &str, value: &str) -> Result<String, ManagedError> {
    let value = short(field, value, PATH_BYTES_MAX)?;
    let mut chars = value.chars();
    let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && matches!(chars.next(), Some('\\' | '/'));
    if value.starts_with('/') || drive {
        return Ok(value);
    }
    Err(ManagedError::invalid(field, "is not an absolute path"))
}

/// A host name, or an address without brackets.
fn host(field: &str, value: &str) -> Result<String, ManagedError> {
    if is_host(value) {
        return Ok(value.to_owned());
    }
    Err(ManagedError::invalid(field, "is neither a host name nor an address"))
}

fn endpoint(field: &str, value: &str) -> Result<(String, u16), ManagedError> {
    let read = host_and_port(value).map_err(|e| ManagedError::invalid(field, e.to_string()))?;
    Ok((read.0.to_owned(), read.1))
}

/// One certificate: PEM, or the base64 of its DER alone, which fits into one line of a registry.
fn anchor(field: &str, value: &str) -> Result<Vec<u8>, ManagedError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let wrong = |why: &str| ManagedError::invalid(field, why);
    if value.len() > 2 * ANCHOR_BYTES_MAX {
        return Err(wrong("is too long for a certificate"));
    }
    let value = value.trim();
    let inner = match value.strip_prefix(BEGIN) {
        Some(rest) => {
            rest.strip_suffix(END).ok_or_else(|| wrong("is more than one certificate"))?
        }
        None => value,
    };
    let line: String = inner.split_whitespace().collect();
    let der =
        STANDARD.decode(line).map_err(|_| wrong("is not one certificate in PEM or base64"))?;
    // SEQUENCE with a length of two bytes: every certificate of today.
    if der.len() > ANCHOR_BYTES_MAX || !der.starts_with(&[0x30, 0x82]) {
        return Err(wrong("is not a certificate"));
    }
    Ok(der)
}

fn holders(names: &[String]) -> Result<Vec<Holder>, ManagedError> {
    let field = "keys.holders";
    let one = |name: &String| {
        Holder::ALL
            .into_iter()
            .find(|h| h.name() == name)
            .ok_or_else(|| ManagedError::invalid(field, "is keychain, pkcs11 or both"))
    };
    at_most(field, names.len(), Holder::ALL.len())?;
    let mut read: Vec<Holder> = names.iter().map(one).collect::<Result<_, _>>()?;
    read.sort_unstable();
    read.dedup();
    if read.is_empty() {
        return Err(ManagedError::invalid(field, "allows none, so no desk could connect"));
    }
    Ok(read)
}

fn parsed<T: std::str::FromStr>(field: &str, value: &str) -> Result<T, ManagedError> {
    value.parse().map_err(|_| ManagedError::invalid(field, format!("{value:?} cannot be read")))
}

fn channel(field: &str, value: &str) -> Result<Channel, ManagedError> {
    [Channel::Stable, Channel::Beta]
        .into_iter()
        .find(|c| c.name() == value)
        .ok_or_else(|| ManagedError::invalid(field, "is stable or beta"))
}

/// Where releases are: a server, a folder of this computer, or a share of Windows.
fn source(field: &str, value: &str) -> Result<String, ManagedError> {
    let value = text(field, value)?;
    let server = value.strip_prefix("https://");
    let named = |rest: &str| !rest.is_empty() && !rest.contains(' ');
    let share = value.strip_prefix("\\\\").is_some_and(|rest| !rest.is_empty());
    if server.is_some_and(named) || share || path(field, &value).is_ok() {
        return Ok(value);
    }
    Err(ManagedError::invalid(field, "must begin with https://, or be an absolute path or a share"))
}

fn update_key(field: &str, value: &str) -> Result<PublicKey, ManagedError> {
    PublicKey::read(value).map_err(|why| ManagedError::invalid(field, why.to_string()))
}

fn server_anchors(values: &[String]) -> Result<Vec<Vec<u8>>, ManagedError> {
    let field = "software.server_anchors";
    at_most(field, values.len(), ANCHORS_MAX)?;
    values.iter().map(|value| anchor(field, value)).collect()
}

fn proxy(field: &str, value: &str) -> Result<String, ManagedError> {
    let value = text(field, value)?;
    if value == "direct" || value.starts_with("http://") {
        return Ok(value);
    }
    Err(ManagedError::invalid(field, "must be direct, or begin with http://"))
}

/// The desk alone knows whether the page can be asked for.
fn portal_check(field: &str, value: &str) -> Result<String, ManagedError> {
    let value = text(field, value)?;
    if value == "off" || value.starts_with("http://") {
        return Ok(value);
    }
    Err(ManagedError::invalid(field, "must be off, or begin with http://"))
}

fn time(field: &str, value: Option<&str>) -> Result<Option<OffsetDateTime>, ManagedError> {
    optional(field, value, |field, value| {
        OffsetDateTime::parse(value, &Rfc3339).map_err(|_| {
            ManagedError::invalid(field, "must be a time such as 2026-11-01T00:00:00Z")
        })
    })
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
