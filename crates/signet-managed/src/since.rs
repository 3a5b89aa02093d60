//! The parts of a policy that count for desks of a version and later.
//!
//! A desk refuses a policy with a field that it does not know: it would run without what the firm
//! decided. A firm with desks of several versions writes a new field into a part for those that
//! know it. Earlier desks leave that part out because the policy says so, and tell it. A part adds
//! settings and changes none, so what stands outside of the parts holds on every desk. Pure.

use crate::{
    error::ManagedError,
    settings::{OWN_VERSION, Version},
};
use std::{collections::BTreeMap, fmt};
use toml::{Table, Value};

/// Parts of one policy.
const PARTS_MAX: usize = 8;
/// Settings of a part that are named.
const NAMED_MAX: usize = 8;
const NAME_CHARS_MAX: usize = 60;

/// A part of the policy that this desk is too old for. What it sets does not count here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterPart {
    /// The first version that it counts for.
    pub since: Version,
    /// What it sets, as named in the policy.
    settings: Vec<String>,
}

impl LaterPart {
    pub(crate) fn new(since: Version) -> Self {
        Self { since, settings: Vec::new() }
    }

    /// Adds what it sets. A name is only shown, so it is cut, and without what a terminal would
    /// take for more than a name.
    pub(crate) fn sets(&mut self, name: &str) {
        let shown = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        self.settings.push(shown);
    }
}

impl fmt::Display for LaterPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<&str> = self.settings.iter().take(NAMED_MAX).map(String::as_str).collect();
        write!(f, "since {}: {}", self.since, named.join(", "))?;
        match self.settings.len().saturating_sub(NAMED_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// This desk's version.
///
/// # Errors
/// It is none that can be compared.
pub(crate) fn own_version() -> Result<Version, ManagedError> {
    let unknown = || ManagedError::Damaged("this desk has no version that can be compared".into());
    OWN_VERSION.parse::<Version>().map_err(|()| unknown())
}

/// The version that a part begins with.
pub(crate) fn version(field: &str, text: &str) -> Result<Version, ManagedError> {
    let why = "begins with a version in quotation marks, as in [since.\"1.4.0\"]";
    text.parse::<Version>().map_err(|()| ManagedError::invalid(field, why))
}

/// The refusal of a setting that a part would change.
pub(crate) fn set_twice(field: impl Into<String>) -> ManagedError {
    let why = "is set elsewhere in the policy: a part for later desks adds settings, and changes \
        none";
    ManagedError::invalid(field, why)
}

/// Refuses a policy with more parts than one has.
pub(crate) fn check_count(parts: usize) -> Result<(), ManagedError> {
    if parts > PARTS_MAX {
        return Err(ManagedError::invalid("since", format!("has more than {PARTS_MAX} parts")));
    }
    Ok(())
}

/// The policy with those of its `parts` that count for the desk of version `own` added, and the
/// other ones. `text` is what `parts` were read from; `None`: none counts, so it stays as it is.
pub(crate) fn with_parts(
    parts: &BTreeMap<String, Table>,
    text: &str,
    own: Version,
) -> Result<(Option<Table>, Vec<LaterPart>), ManagedError> {
    check_count(parts.len())?;
    let (mut counting, mut later) = (Vec::new(), Vec::new());
    for (key, part) in parts {
        let field = format!("since.{key:?}");
        let since = version(&field, key)?;
        if part.contains_key("since") {
            return Err(ManagedError::invalid(field, "has a part within it"));
        }
        if since <= own {
            counting.push((field, part.clone()));
        } else {
            let mut part_of = LaterPart::new(since);
            name_all(part, "", &mut part_of);
            later.push(part_of);
        }
    }
    later.sort_by_key(|part| part.since);
    if counting.is_empty() {
        return Ok((None, later));
    }
    let damaged = |why: toml::de::Error| ManagedError::Damaged(why.to_string());
    let mut whole: Table = toml::from_str(text).map_err(damaged)?;
    whole.remove("since");
    for (field, part) in counting {
        add(&mut whole, part, &field)?;
    }
    Ok((Some(whole), later))
}

fn name_all(part: &Table, at: &str, into: &mut LaterPart) {
    for (key, value) in part {
        let name = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        match value {
            Value::Table(inner) => name_all(inner, &name, into),
            _ => into.sets(&name),
        }
    }
}

/// Adds a part's settings to a table; `at` is the part, for errors.
fn add(into: &mut Table, part: Table, at: &str) -> Result<(), ManagedError> {
    for (key, value) in part {
        let name = format!("{at}.{key}");
        let Some(there) = into.get_mut(&key) else {
            into.insert(key, value);
            continue;
        };
        match (there, value) {
            (Value::Table(there), Value::Table(more)) => add(there, more, &name)?,
            (Value::Array(venues), Value::Table(more)) if key == "venue" => {
                add_to_venues(venues, more, &name)?;
            }
            _ => return Err(set_twice(name)),
        }
    }
    Ok(())
}

/// Adds fields to the venues that are named.
fn add_to_venues(venues: &mut [Value], more: Table, at: &str) -> Result<(), ManagedError> {
    for (venue, fields) in more {
        let name = format!("{at}.{venue:?}");
        let named = |v: &&mut Value| v.get("name").and_then(Value::as_str) == Some(venue.as_str());
        match (venues.iter_mut().find(named), fields) {
            (Some(Value::Table(there)), Value::Table(fields)) => add(there, fields, &name)?,
            _ => return Err(ManagedError::invalid(name, "names none of the policy's venues")),
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "since_tests.rs"]
mod tests;
