//! The TLS settings of a connection to a venue.

use super::{config::TlsSwitches, entry::Venue};
use crate::{problem::problem, view::Problem};
use signet_identity::{ClientProfile, Crls, Identity, Revocation, TlsPolicy, TlsVersions};

/// The TLS profile for a venue. Revocation lists are read each time, because they change daily.
pub(crate) fn profile(
    v: &Venue,
    identity: &Identity,
    tls: &TlsSwitches,
) -> Result<ClientProfile, Problem> {
    let versions = if v.allow_tls12 { TlsVersions::AllowTls12 } else { TlsVersions::default() };
    let policy = TlsPolicy { versions, ..tls.policy() };
    let profile = ClientProfile::new(v.roots.clone(), identity.certified_key())
        .with_pins(v.pins.iter().cloned())
        .with_policy(policy);
    Ok(match crls(v)? {
        Some(crls) => profile.with_crls(crls),
        None => profile,
    })
}

/// The revocation lists an administrator deployed for a venue.
pub(crate) fn crls(v: &Venue) -> Result<Option<Crls>, Problem> {
    if v.crl.is_empty() && !v.crl_required {
        return Ok(None);
    }
    let revocation = if v.crl_required { Revocation::Required } else { Revocation::BestEffort };
    let crls = Crls::from_files(&v.crl);
    for unusable in crls.unusable() {
        tracing::warn!(venue = v.name, "a revocation list is not used: {unusable}");
    }
    // A bad list among good ones is left out. If all are bad, the desk must not connect unnoticed.
    if let (true, Some(unusable)) = (crls.facts().is_empty(), crls.unusable().first()) {
        return Err(problem(
            "server.crl_unusable",
            format!("The revocation list for {} cannot be used: {unusable}.", v.name),
            "Ask your administrator to renew the list that desk.toml names.",
        ));
    }
    Ok(Some(crls.with_revocation(revocation)))
}

/// The connection cannot be made as `desk.toml` asks.
pub(crate) fn tls_settings(why: &str) -> Problem {
    problem(
        "tls.settings",
        format!("The connection cannot be made as desk.toml asks: {why}."),
        "Have your administrator correct [tls] in desk.toml.",
    )
}
