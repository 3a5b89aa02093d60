//! The policies' files, read away from the trading thread.

use super::EntitlementGate;
use crate::{
    config::{ConfigError, EntitlementsSection, Texts},
    stamp::{self, Stamp},
};
use signet_policy::entitle::{CedarEntitlements, Entitlements as _, World};
use std::sync::Arc;

/// One look at the files, away from the trading thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    policies: Stamp,
    facts: Stamp,
}

impl Looked {
    pub(crate) fn at(section: &EntitlementsSection) -> Self {
        Self { policies: stamp::of(&section.policies), facts: stamp::of(&section.facts) }
    }
}

/// A version of the documents that is not the one in force.
pub(crate) enum PolicyVersion {
    Same,
    Good(Box<CedarEntitlements>, Texts),
    Broken { digest: String, why: ConfigError },
}

fn read(section: &EntitlementsSection, world: &World, in_force: &str) -> PolicyVersion {
    let texts = match section.read() {
        Ok(t) => t,
        Err(why) => return PolicyVersion::Broken { digest: String::new(), why },
    };
    let digest = texts.documents().digest();
    if digest == in_force {
        return PolicyVersion::Same;
    }
    match CedarEntitlements::load(&texts.documents(), world) {
        Ok(e) => PolicyVersion::Good(Box::new(e), texts),
        Err(e) => PolicyVersion::Broken { digest, why: e.into() },
    }
}

/// Reads the documents away from the trading thread. `None` when others were put in force
/// meanwhile, or the reading ended.
pub(crate) async fn read_aside(gate: &EntitlementGate) -> Option<PolicyVersion> {
    let (section, world, before) =
        (gate.section.clone(), Arc::clone(&gate.world), gate.policies().digest().to_owned());
    let in_force = before.clone();
    let version =
        tokio::task::spawn_blocking(move || read(&section, &world, &in_force)).await.ok()?;
    (gate.policies().digest() == before).then_some(version)
}
