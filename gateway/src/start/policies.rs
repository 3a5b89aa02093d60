//! Which versions of the policies a start puts in force, and the history that says so.

use crate::{
    GatewayError,
    clock::now,
    config::Texts,
    history::{AtStart, Documents, History, Policy, Step, Version, at_start},
    loaded::Loaded,
    state_dir::history_file,
};
use signet_events::Actor;
use signet_journal::StoreKey;
use signet_policy::entitle::{CedarEntitlements, Entitlements as _};
use std::sync::Arc;

/// Opens the history, and puts back into `loaded` what two people approved when the files say
/// something else. The watch of the files then finds and tells what they say.
pub(crate) fn open(loaded: &mut Loaded, key: &StoreKey) -> Result<History, GatewayError> {
    let failed = |e: &dyn std::fmt::Display| GatewayError::History(e.to_string());
    let mut history = History::open(&history_file(&loaded.config), key).map_err(|e| failed(&e))?;
    let two_people = loaded.config.two_people();
    if two_people && history.unread() > 0 {
        return Err(failed(&"it has records of a newer version of this program; install that one"));
    }
    for policy in [Policy::Risk, Policy::Entitlements] {
        let (digest, documents) = of(loaded, policy);
        let last = history.in_force(policy).cloned();
        match at_start(two_people, &digest, last.as_ref().map(|v| v.digest.as_str())) {
            AtStart::Go => {}
            AtStart::Record => {
                let before = last.map(|v| v.digest);
                match history.append(version(policy, digest, before, documents)) {
                    Ok(()) => {}
                    // Fail closed: what is approved must be compared with something.
                    Err(e) if two_people => return Err(failed(&e)),
                    Err(e) => {
                        tracing::error!(alert = true, error = %e, "the history of the policies has \
                            a gap");
                    }
                }
            }
            AtStart::Restore => {
                let last = last.unwrap_or_else(|| version(policy, digest.clone(), None, documents));
                restore(loaded, policy, &last.documents)?;
                tracing::error!(
                    alert = true,
                    policy = policy.word(),
                    files = digest,
                    in_force = last.digest,
                    "the files were changed without two administrators; what was approved stays"
                );
            }
        }
    }
    Ok(history)
}

fn of(loaded: &Loaded, policy: Policy) -> (String, Documents) {
    match policy {
        Policy::Risk => (loaded.risk.table.digest().to_owned(), loaded.risk.documents.clone()),
        Policy::Entitlements => {
            (loaded.entitlements.digest().to_owned(), loaded.entitlement_texts.named())
        }
    }
}

fn version(
    policy: Policy,
    digest: String,
    before: Option<String>,
    documents: Documents,
) -> Version {
    Version {
        at_ms: now().0,
        policy,
        step: Step::Loaded,
        digest,
        before,
        by: Actor::Gateway.to_string(),
        prepared_by: None,
        documents,
        approval: None,
        preparation: None,
    }
}

fn restore(loaded: &mut Loaded, policy: Policy, documents: &Documents) -> Result<(), GatewayError> {
    match policy {
        Policy::Risk => loaded.risk = loaded.config.risk.build(documents)?,
        Policy::Entitlements => {
            let texts = Texts::of(documents);
            let world = loaded.config.world(&loaded.catalogue);
            let read = CedarEntitlements::load(&texts.documents(), &world);
            loaded.entitlements = Arc::new(read.map_err(crate::ConfigError::from)?);
            loaded.entitlement_texts = texts;
        }
    }
    Ok(())
}
