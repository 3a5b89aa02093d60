//! What a look at a laptop gives.

use signet_policy::posture::{Fact, Reading};
use std::collections::BTreeMap;

/// What a report says beside what ties it to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laptop {
    /// The operating system's name.
    pub system: String,
    /// Its version, as the system writes it; empty when it is not told.
    pub system_version: String,
    /// What is known of each fact.
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
