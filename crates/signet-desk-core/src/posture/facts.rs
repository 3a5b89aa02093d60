//! Facts about a laptop.

use signet_policy::posture::{Fact, Reading};
use std::collections::BTreeMap;

/// The part of a report that does not depend on the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laptop {
    /// The operating system's name.
    pub system: String,
    /// Its version, as the system writes it; empty if the system does not tell it.
    pub system_version: String,
    /// What is known about each fact.
    pub facts: BTreeMap<Fact, Reading>,
}

pub(super) fn unknown(why: &str) -> Reading {
    Reading::Unknown(why.into())
}

pub(super) fn every(read: impl Fn(Fact) -> Reading) -> BTreeMap<Fact, Reading> {
    [Fact::DiskEncryption, Fact::SecureBoot, Fact::Firewall, Fact::ScreenLock, Fact::Tpm]
        .into_iter()
        .map(|f| (f, read(f)))
        .collect()
}

pub(super) fn yes_no(yes: bool) -> Reading {
    if yes { Reading::Yes } else { Reading::No }
}
