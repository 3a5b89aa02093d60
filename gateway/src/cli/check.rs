//! `signet-gateway check-config` and `doctor`.

use signet_gateway::{Config, Loaded, doctor};
use signet_policy::entitle::Entitlements as _;
use std::path::Path;

#[tokio::main(flavor = "current_thread")]
pub(super) async fn examine(config: &Path, dealer: Option<&str>) -> Result<(), String> {
    let found = doctor::examine(config, dealer).await;
    print!("{found}");
    match found.wrong() {
        0 => Ok(()),
        1 => Err("1 thing is wrong".into()),
        n => Err(format!("{n} things are wrong")),
    }
}

/// Says everything that is wrong with the configuration and what it points to.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let config = Config::read(path).map_err(|e| e.to_string())?;
    let mut wrong = signet_gateway::faults(&config);
    wrong.extend(doctor::files(&config));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    wrong.extend(runtime.block_on(doctor::approvers(&config)));
    for fault in &wrong {
        eprintln!("{fault}");
    }
    if !wrong.is_empty() {
        let things = if wrong.len() == 1 {
            "1 thing is".into()
        } else {
            format!("{} things are", wrong.len())
        };
        return Err(format!("{}: {things} wrong", path.display()));
    }
    let loaded = Loaded::of(config).map_err(|e| e.to_string())?;
    summary(path, &loaded);
    let faults = signet_gateway::list_faults(&loaded.config);
    for (_, text) in &faults {
        eprintln!("{text}");
    }
    if faults.iter().any(|(required, _)| *required) {
        Err("a required revocation list is missing or stale".into())
    } else {
        Ok(())
    }
}

/// What the configuration is, for a person.
fn summary(path: &Path, loaded: &Loaded) {
    let c = &loaded.config;
    println!(
        "{}: good. {} desks, {} dealers, {} instruments; desks connect to {}.",
        path.display(),
        c.desk.len(),
        c.dealer.len(),
        loaded.catalogue.len(),
        c.desks.listen
    );
    if c.tls.hybrid_only {
        println!("TLS: post-quantum hybrid key exchange only.");
    }
    if c.tls.fips {
        println!("TLS: AWS-LC's FIPS module.");
    }
    if let Some(url) = &loaded.registry {
        println!("Registry: {url}.");
    }
    if let Some(e) = &loaded.enrolment {
        println!("Desks enrol at {}.", e.listen);
    }
    if let Some(a) = &c.admin {
        println!("Administrators connect to {}.", a.listen);
    }
    if let Some(s) = &loaded.step_up {
        let (rp, list) = (s.relying_party.rp_id(), s.relying_party.list());
        println!("Security keys: {} models for {rp}; list {:?}.", list.models(), list.digest());
    }
    println!(
        "Entitlements: {} policies, digest {}.",
        loaded.entitlements.policy_count(),
        loaded.entitlements.digest()
    );
    for line in signet_gateway::lists_enforced(c) {
        println!("{line}.");
    }
}
