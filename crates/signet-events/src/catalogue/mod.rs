//! The catalogue of events.
//!
//! | file | codes of |
//! | --- | --- |
//! | `access.rs` | logons, risk, certificates shown, signatures, step-up, lock-outs |
//! | `signals.rs` | identity providers, receivers of the firm |
//! | `software.rs` | versions of the desk |
//! | `trading.rs` | RFQs, quotes, accepts, executions, entitlements, budgets |
//! | `administration.rs` | users, devices, keys, policies, what administrators do |
//! | `storage.rs` | the registry, files of the gateway |
//! | `operation.rs` | evidence, journal, disks, revocation lists, clock, the way to the SIEM |
//!
//! A code never changes between releases. Many refusals have a code of their own, so an entry whose
//! code ends in `.*` stands for every code of that area that has no entry.

mod access;
mod administration;
mod operation;
mod page;
mod signals;
mod software;
mod storage;
mod techniques;
mod trading;

pub use page::page;

use serde::Serialize;
use std::{collections::HashMap, sync::LazyLock};

/// How much it matters, in the steps of OCSF (`severity_id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The course of business.
    Informational,
    /// Somebody made a mistake, or tried once.
    Low,
    /// Worth a look on the same day.
    Medium,
    /// Worth a look now.
    High,
    /// Somebody must act now.
    Critical,
}

impl Severity {
    /// `severity_id` of OCSF.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }

    /// `severity` of OCSF.
    #[must_use]
    pub const fn caption(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

/// Class of OCSF with its activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Account Change (3001).
    AccountChange(Change),
    /// Authentication (3002), activity Logon (1); whether it succeeded.
    Logon(bool),
    /// Authentication (3002), activity Logoff (2).
    Logoff,
    /// Authorize Session (3003), activity Assign Privileges (1); whether they were given.
    Authorize(bool),
    /// Entity Management (3004): policies, certificates, files of the gateway.
    Entity(Change),
    /// API Activity (6003): what a message asks for; whether it was done.
    Message(Change, bool),
    /// Application Lifecycle (6002).
    Lifecycle(Stage),
    /// Detection Finding (2004), activity Create (1).
    Finding,
}

/// What was done to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Change {
    Create,
    Read,
    Update,
    Delete,
    Enable,
    Disable,
    Lock,
    Unlock,
    Reset,
}

/// How a program goes on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Stage {
    Start,
    Stop,
    Other,
}

/// A technique of MITRE ATT&CK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Technique {
    /// Such as `T1110`.
    pub id: &'static str,
    /// Such as `Brute Force`.
    pub name: &'static str,
}

/// One code of the catalogue, or with `.*` at its end every other code of its area.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Stable code, `area.what`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is in OCSF.
    pub class: Class,
    /// What an attacker may be doing when it happens.
    pub technique: Option<Technique>,
    /// What happened.
    pub meaning: &'static str,
    /// What to do about it.
    pub response: &'static str,
}

const TABLES: [&[Entry]; 7] = [
    access::ENTRIES,
    signals::ENTRIES,
    software::ENTRIES,
    trading::ENTRIES,
    administration::ENTRIES,
    storage::ENTRIES,
    operation::ENTRIES,
];

/// Every entry, area by area.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    TABLES.into_iter().flatten()
}

/// The code of an event whose own code the catalogue lacks: a fault of this program.
pub const UNKNOWN: &str = "event.unknown";

/// The entry of a code: its own, or the one that stands for its area, or that of [`UNKNOWN`].
#[must_use]
pub fn entry(code: &str) -> &'static Entry {
    // Each event asks, on the trading thread too, so the tables are not searched each time.
    static BY_CODE: LazyLock<HashMap<&str, &Entry>> =
        LazyLock::new(|| entries().map(|e| (e.code, e)).collect());
    static BY_AREA: LazyLock<HashMap<&str, &Entry>> = LazyLock::new(|| {
        entries().filter_map(|e| e.code.strip_suffix(".*").map(|area| (area, e))).collect()
    });
    let area = code.split_once('.').map_or(code, |(area, _)| area);
    let found = BY_CODE.get(code).or_else(|| BY_AREA.get(area)).or_else(|| BY_CODE.get(UNKNOWN));
    // It is in the tables; a test looks every entry up.
    found.copied().unwrap_or(&operation::ENTRIES[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_there_once_and_says_what_it_means() {
        let mut seen = HashSet::new();
        for e in entries() {
            assert!(seen.insert(e.code), "{} is there twice", e.code);
            let (area, what) = e.code.split_once('.').expect("area.what");
            let plain = |s: &str| s.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(plain(area) && (what == "*" || plain(what)), "{}", e.code);
            for text in [e.meaning, e.response] {
                assert!(text.len() > 5 && text.ends_with('.'), "{}: {text}", e.code);
                assert!(!text.contains('|'), "{}: it would break the table", e.code);
            }
        }
    }

    #[test]
    fn a_code_without_an_entry_is_found_by_its_area() {
        for (code, found) in [
            ("logon.accepted", "logon.accepted"),
            ("stepup.counter_went_back", "stepup.counter_went_back"),
            ("stepup.malformed", "stepup.*"),
            ("enrol.code_wrong", "enrol.code_wrong"),
            ("enrol.other_names", "enrol.*"),
            ("nothing.like_it", "event.unknown"),
            ("", "event.unknown"),
        ] {
            assert_eq!(entry(code).code, found, "{code}");
        }
    }
}
