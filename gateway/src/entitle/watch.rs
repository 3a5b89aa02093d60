//! Keeps the policies up with their files.

use super::Gate;
use crate::{
    clock::now,
    config::{ConfigError, EntitlementsSection},
    core::Core,
    stamp::{self, Stamp},
};
use signet_policy::entitle::{CedarEntitlements, Entitlements as _, World};
use signet_registry::NewEvent;
use std::{rc::Rc, sync::Arc, time::Duration};

const LOOK: Duration = Duration::from_secs(1);
/// Files are read whole this often even when nothing seems to have changed: a file system's clock
/// may be coarse.
const LOOK_CLOSELY_EVERY: u32 = 10;

/// One look at the files, away from the trading thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Looked {
    policies: Stamp,
    facts: Stamp,
}

impl Looked {
    fn at(section: &EntitlementsSection) -> Self {
        Self { policies: stamp::of(&section.policies), facts: stamp::of(&section.facts) }
    }
}

/// A version of the documents that is not the one in force.
enum Version {
    Same,
    Good(Box<CedarEntitlements>),
    Broken { digest: String, why: ConfigError },
}

fn read(section: &EntitlementsSection, world: &World, in_force: &str) -> Version {
    let texts = match section.read() {
        Ok(t) => t,
        Err(why) => return Version::Broken { digest: String::new(), why },
    };
    let digest = texts.documents().digest();
    if digest == in_force {
        return Version::Same;
    }
    match CedarEntitlements::load(&texts.documents(), world) {
        Ok(e) => Version::Good(Box::new(e)),
        Err(e) => Version::Broken { digest, why: e.into() },
    }
}

/// Reads the documents again when a file changed, and puts them in force when they are good. Two
/// files that belong together are changed one after the other: they are read once both have been
/// left alone from one look to the next.
pub async fn keep_up(core: Rc<Core>) {
    let gate = core.gate().clone();
    let (mut last, mut read_at, mut complained) = (Looked::default(), Looked::default(), None);
    let mut looks = 0u32;
    loop {
        tokio::time::sleep(LOOK).await;
        looks = looks.wrapping_add(1);
        let section = gate.section.clone();
        let Ok(seen) = tokio::task::spawn_blocking(move || Looked::at(&section)).await else {
            continue;
        };
        let settled = seen == last;
        last = seen.clone();
        if !settled || (seen == read_at && !looks.is_multiple_of(LOOK_CLOSELY_EVERY)) {
            continue;
        }
        let Some(version) = read_aside(&gate).await else { continue };
        read_at = seen;
        match version {
            Version::Same => complained = None,
            Version::Good(new) => {
                complained = None;
                core.put_in_force(*new);
            }
            Version::Broken { digest, why } => {
                let text = why.to_string();
                if complained.as_ref() != Some(&(digest.clone(), text.clone())) {
                    gate.complain(&digest, &text);
                    complained = Some((digest, text));
                }
            }
        }
    }
}

/// Reads the documents away from the trading thread. `None` when others were put in force
/// meanwhile, or the reading ended.
async fn read_aside(gate: &Gate) -> Option<Version> {
    let (section, world, before) =
        (gate.section.clone(), Arc::clone(&gate.world), gate.policies().digest().to_owned());
    let in_force = before.clone();
    let version =
        tokio::task::spawn_blocking(move || read(&section, &world, &in_force)).await.ok()?;
    (gate.policies().digest() == before).then_some(version)
}

/// Reads the documents now, whatever else is going on with the files: for an administrator who has
/// just put them there. The digests before and after when something changed.
pub async fn look_now(core: &Rc<Core>) -> Result<Option<(String, String)>, String> {
    let gate = core.gate().clone();
    let before = gate.policies().digest().to_owned();
    match read_aside(&gate).await {
        None => Err("the files changed while they were read; look again".into()),
        Some(Version::Same) => Ok(None),
        Some(Version::Good(new)) => {
            core.put_in_force(*new);
            Ok(Some((before, gate.policies().digest().to_owned())))
        }
        Some(Version::Broken { digest, why }) => {
            let why = why.to_string();
            gate.complain(&digest, &why);
            Err(why)
        }
    }
}

impl Gate {
    fn complain(&self, digest: &str, why: &str) {
        let in_force = self.policies().digest().to_owned();
        tracing::error!(
            digest,
            in_force,
            "new entitlements are refused and the last good ones stay: {why}"
        );
        let detail = format!("{digest} is refused, {in_force} stays: {why}");
        self.note(NewEvent::new(now(), "gateway", "entitle.refused", "entitlements", detail));
    }
}

impl Core {
    /// From here on every decision follows these, those about messages that wait among them.
    fn put_in_force(&self, new: CedarEntitlements) {
        let gate = self.gate();
        let (digest, begins) = (new.digest().to_owned(), new.day_begins_ms());
        let old = gate.now.replace(Arc::new(new));
        self.day_begins(begins);
        gate.changed.set(true);
        tracing::warn!(old = old.digest(), new = digest, "entitlements changed");
        let detail = format!("{} -> {digest}", old.digest());
        gate.note(NewEvent::new(now(), "gateway", "entitle.changed", "entitlements", detail));
    }
}
