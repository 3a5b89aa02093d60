//! A policy as keys and values: the registry of Windows, or a property list of macOS.
//!
//! Both have the same names: `Firm`, `Venue1/Host`, `Keys/Holders`. A name that is not in
//! [`FIELDS`] is refused, as an unknown field of the file is. Below `Since 1.4.0/` the same names
//! stand for desks of that version and later, as in a part of the file.

use crate::{
    error::ManagedError,
    policy::{File, Policy},
    settings::Version,
    since::{self, LaterPart},
};
use std::collections::{BTreeMap, BTreeSet};

/// What the name of a part begins with; its version follows.
const PART: &str = "Since ";

/// How many venues can be written as values; a file has room for more.
pub const VENUES: usize = 4;

/// A value as the system has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// REG_SZ, `string`.
    Text(String),
    /// REG_DWORD, `integer`.
    Number(i64),
    /// `true` and `false`; a registry has 1 and 0.
    Yes(bool),
    /// REG_MULTI_SZ, an `array` of strings.
    List(Vec<String>),
}

/// Values by name; a `/` goes into a key of the registry, or into a dictionary.
pub type Values = BTreeMap<String, Value>;

/// What kind of value a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Yes,
    /// A list of texts.
    List,
}

/// A field of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name as a value. A field of a venue stands under `Venue1/` to `Venue4/`.
    pub name: &'static str,
    /// The section of the file; empty for none, `venue` for each venue.
    pub section: &'static str,
    /// Its name in the file.
    pub key: &'static str,
    /// What it is.
    pub kind: Kind,
}

const fn field(name: &'static str, section: &'static str, key: &'static str, kind: Kind) -> Field {
    Field { name, section, key, kind }
}

/// Every field of a policy but its format.
#[rustfmt::skip] // A table.
pub const FIELDS: [Field; 34] = [
    field("Firm", "", "firm", Kind::Text),
    field("Serial", "", "serial", Kind::Number),
    field("ValidFrom", "", "valid_from", Kind::Text),
    field("ValidUntil", "", "valid_until", Kind::Text),
    field("Name", "venue", "name", Kind::Text),
    field("Host", "venue", "host", Kind::Text),
    field("Port", "venue", "port", Kind::Number),
    field("ServerName", "venue", "server_name", Kind::Text),
    field("CompId", "venue", "comp_id", Kind::Text),
    field("TrustDomain", "venue", "trust_domain", Kind::Text),
    field("Anchors", "venue", "anchors", Kind::List),
    field("Pins", "venue", "pins", Kind::List),
    field("Also", "venue", "also", Kind::List),
    field("RpId", "venue", "rp_id", Kind::Text),
    field("AllowTls12", "venue", "allow_tls12", Kind::Yes),
    field("Quic", "venue", "quic", Kind::Yes),
    field("Crl", "venue", "crl", Kind::List),
    field("CrlRequired", "venue", "crl_required", Kind::Yes),
    field("Keys/Holders", "keys", "holders", Kind::List),
    field("Keys/Module", "keys", "module", Kind::Text),
    field("Software/LeastVersion", "software", "least_version", Kind::Text),
    field("Software/Channel", "software", "channel", Kind::Text),
    field("Software/Server", "software", "server", Kind::Text),
    field("Software/UpdateKey", "software", "update_key", Kind::Text),
    field("Software/ServerAnchors", "software", "server_anchors", Kind::List),
    field("Connection/Proxy", "connection", "proxy", Kind::Text),
    field("Connection/PortalCheck", "connection", "portal_check", Kind::Text),
    field("Connection/HybridOnly", "connection", "hybrid_only", Kind::Yes),
    field("Connection/Fips", "connection", "fips", Kind::Yes),
    field("History/Required", "history", "required", Kind::Yes),
    field("May/Venues", "may", "venues", Kind::Yes),
    field("May/Module", "may", "module", Kind::Yes),
    field("May/Proxy", "may", "proxy", Kind::Yes),
    field("May/UpdateChannel", "may", "update_channel", Kind::Yes),
];

/// The policy that these values are. Pure.
///
/// # Errors
/// [`ManagedError::Damaged`] and [`ManagedError::Invalid`], as for a file. At fault: whoever set
/// them.
pub fn policy(values: &Values) -> Result<Policy, ManagedError> {
    for_desk(values, since::own_version()?)
}

/// The same as a desk of the version `own` reads them.
fn for_desk(values: &Values, own: Version) -> Result<Policy, ManagedError> {
    let (counting, for_later) = parted(values, own)?;
    let mut file = toml::Table::new();
    file.insert("format".into(), 1.into());
    let mut venues: BTreeMap<usize, toml::Table> = BTreeMap::new();
    for (name, value) in counting {
        let (venue, field) = meant(name).ok_or_else(|| unknown(name))?;
        let Some(value) = filled_in(value) else { continue };
        let value = read(name, &value, field.kind)?;
        let table = match (venue, field.section) {
            (Some(n), _) => venues.entry(n).or_default(),
            (None, "") => &mut file,
            (None, section) => section_of(&mut file, section)?,
        };
        table.insert(field.key.into(), value);
    }
    if !venues.is_empty() {
        let venues = venues.into_values().map(toml::Value::Table).collect();
        file.insert("venue".into(), toml::Value::Array(venues));
    }
    let file: File = file.try_into().map_err(|e| ManagedError::Damaged(e.to_string()))?;
    Ok(Policy { for_later, ..Policy::checked(file)? })
}

fn unknown(name: &str) -> ManagedError {
    ManagedError::Damaged(format!("unknown field {name}"))
}

/// The values that count for the desk of version `own`, by their names without the part that they
/// stand in; and what stands in parts for later desks.
fn parted(
    values: &Values,
    own: Version,
) -> Result<(BTreeMap<&str, &Value>, Vec<LaterPart>), ManagedError> {
    let mut counting = BTreeMap::new();
    let mut later: BTreeMap<Version, LaterPart> = BTreeMap::new();
    let mut parts = BTreeSet::new();
    for (name, value) in values {
        let inner = match name.strip_prefix(PART) {
            None => name.as_str(),
            Some(part) => {
                let (version, inner) = part.split_once('/').ok_or_else(|| unknown(name))?;
                let since = version.parse::<Version>().map_err(|()| unknown(name))?;
                parts.insert(version);
                if since > own {
                    later.entry(since).or_insert_with(|| LaterPart::new(since)).sets(inner);
                    continue;
                }
                inner
            }
        };
        if counting.insert(inner, value).is_some() {
            return Err(since::set_twice(name));
        }
    }
    since::check_count(parts.len())?;
    Ok((counting, later.into_values().collect()))
}

/// The value without the empty lines of a box; `None` for a box that was left empty.
fn filled_in(value: &Value) -> Option<Value> {
    match value {
        Value::Text(text) if text.is_empty() => None,
        Value::List(list) if !list.is_empty() => {
            let filled: Vec<String> = list.iter().filter(|l| !l.is_empty()).cloned().collect();
            (!filled.is_empty()).then_some(Value::List(filled))
        }
        value => Some(value.clone()),
    }
}

fn section_of<'a>(
    file: &'a mut toml::Table,
    section: &str,
) -> Result<&'a mut toml::Table, ManagedError> {
    let table = file.entry(section).or_insert_with(|| toml::Table::new().into());
    table.as_table_mut().ok_or_else(|| ManagedError::Damaged(format!("{section} is taken")))
}

/// The field of this name, and the number of its venue if it belongs to one.
fn meant(name: &str) -> Option<(Option<usize>, &'static Field)> {
    for n in 1..=VENUES {
        if let Some(inner) = name.strip_prefix(&format!("Venue{n}/")) {
            let field = FIELDS.iter().find(|f| f.section == "venue" && f.name == inner)?;
            return Some((Some(n), field));
        }
    }
    Some((None, FIELDS.iter().find(|f| f.section != "venue" && f.name == name)?))
}

fn read(name: &str, value: &Value, kind: Kind) -> Result<toml::Value, ManagedError> {
    Ok(match (kind, value) {
        (Kind::Text, Value::Text(text)) => text.clone().into(),
        (Kind::Number, Value::Number(number)) => (*number).into(),
        (Kind::Yes, Value::Yes(yes)) => (*yes).into(),
        (Kind::Yes, Value::Number(number @ (0 | 1))) => (*number == 1).into(),
        (Kind::List, Value::List(list)) => list.clone().into(),
        _ => return Err(ManagedError::invalid(name, "has a value of another kind")),
    })
}

#[cfg(any(test, target_os = "macos"))]
pub(crate) mod plist;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
