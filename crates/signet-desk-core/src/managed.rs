//! The firm's policy on this desk: what it makes of the trader's own settings, and what the desk
//! remembers of it. `signet-managed` finds and judges it.

use crate::{
    problem::{problem, sentence},
    venue::{DeskConfig, of_firm, portal_check, proxy, settings},
    view::Problem,
};
use signet_keystore::pkcs11::Pkcs11Settings;
use signet_managed::{Effective, Managed, ManagedError, Own, Place, Policy, Report, Source, merge};
use signet_net::{ProxySetting, watch::PortalCheck};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use time::OffsetDateTime;

/// In the folder of the desk's records.
const RECORD: &str = "managed.seen";

/// The settings under the policy of `place`; unchanged on a computer that is not managed. Writes
/// down which policy it is before anything is done with it.
///
/// # Errors
/// The policy is there and cannot be used: the desk must not start.
pub fn under_policy(
    config: DeskConfig,
    place: &Place,
    now: OffsetDateTime,
) -> Result<DeskConfig, Problem> {
    let record = config.data_dir.join(RECORD);
    let found = signet_managed::load(place, now, &record).map_err(|e| Problem::from(&e))?;
    let Some(managed) = found else { return Ok(config) };
    managed.allows(&config.version).map_err(|e| Problem::from(&e))?;
    let config = applied(config, &managed).map_err(|e| Problem::from(&e))?;
    remember(&record, &managed).map_err(|e| Problem::from(&e))?;
    tracing::info!(
        firm = managed.policy.firm,
        serial = managed.policy.serial,
        "this desk is managed"
    );
    Ok(DeskConfig { managed: Some(Arc::new(managed)), ..config })
}

/// Which settings are in force and who decided them. Writes nothing.
///
/// # Errors
/// The policy is there and cannot be used.
pub fn explain(
    config: &DeskConfig,
    place: &Place,
    now: OffsetDateTime,
) -> Result<Report, ManagedError> {
    let found = signet_managed::load(place, now, &config.data_dir.join(RECORD))?;
    if let Some(managed) = &found {
        managed.allows(&config.version)?;
        applied(config.clone(), managed)?;
    }
    let effective = merge(found.as_ref().map(|m| &m.policy), &own(config));
    Ok(Report::new(found.as_ref(), &effective))
}

/// Checks what only the desk can: that authorities, CompIDs and proxies of a policy can be used.
///
/// # Errors
/// [`ManagedError::Invalid`].
pub fn check(policy: &Policy) -> Result<(), ManagedError> {
    let config = DeskConfig::empty(PathBuf::new(), "0.0.0");
    with(config, &merge(Some(policy), &Own::default())).map(|_| ())
}

fn remember(record: &Path, managed: &Managed) -> Result<(), ManagedError> {
    let folder = record.parent().unwrap_or(Path::new(""));
    let text = managed.record().to_text();
    signet_journal::private_folder(folder)
        .and_then(|()| signet_journal::replace_file(record, text.as_bytes()))
        .map_err(|e| ManagedError::NotRecorded { path: record.into(), why: e.to_string() })
}

fn applied(config: DeskConfig, managed: &Managed) -> Result<DeskConfig, ManagedError> {
    let effective = merge(Some(&managed.policy), &own(&config));
    for refused in &effective.refused {
        tracing::warn!("own setting not used: {}: {}", refused.setting, refused.why);
    }
    for part in &managed.policy.for_later {
        tracing::info!("a part of the policy counts for later desks only: {part}");
    }
    with(config, &effective)
}

/// The settings of this desk that a policy can decide.
fn own(config: &DeskConfig) -> Own {
    // A switch that is off was not set, or asks for nothing.
    let on = |switch: bool| switch.then_some(true);
    Own {
        venues: config.venues.iter().map(settings).collect(),
        module: config.token.as_ref().map(|t| t.module.display().to_string()),
        proxy: match &config.proxy {
            ProxySetting::FromEnvironment => None,
            ProxySetting::Direct => Some("direct".into()),
            ProxySetting::Url(url) => Some(url.to_string()),
        },
        portal_check: own_portal_check(config.portal_check.as_ref()),
        hybrid_only: on(config.tls.hybrid_only),
        fips: on(config.tls.fips),
        history_required: on(config.history.required),
        channel: None,
    }
}

/// `None` for what a desk does without the setting.
fn own_portal_check(check: Option<&PortalCheck>) -> Option<String> {
    if check == PortalCheck::of_system().as_ref() {
        return None;
    }
    Some(check.map_or_else(|| "off".into(), |check| check.page().to_owned()))
}

/// The desk's settings with those in force.
fn with(mut config: DeskConfig, effective: &Effective) -> Result<DeskConfig, ManagedError> {
    let mut venues = Vec::with_capacity(effective.venues.len());
    for venue in &effective.venues {
        let own = config.venues.iter().find(|v| v.name == venue.value.name);
        venues.push(match (venue.source, own) {
            (Source::Own, Some(own)) => own.clone(),
            _ => of_firm(&venue.value).map_err(|why| ManagedError::Invalid {
                field: format!("venue {:?}", venue.value.name),
                why,
            })?,
        });
    }
    config.venues = venues;
    if effective.proxy.source == Source::Managed {
        config.proxy = proxy(effective.proxy.value.as_deref()).map_err(|e| {
            ManagedError::Invalid { field: "connection.proxy".into(), why: e.to_string() }
        })?;
    }
    if effective.portal_check.source == Source::Managed {
        let text = effective.portal_check.value.as_deref();
        config.portal_check = portal_check(text).map_err(|e| ManagedError::Invalid {
            field: "connection.portal_check".into(),
            why: e.to_string(),
        })?;
    }
    let token = config.token.take().and_then(|t| t.token);
    config.token = effective
        .module
        .value
        .as_ref()
        .map(|module| Pkcs11Settings { module: module.into(), token });
    config.tls.hybrid_only = effective.hybrid_only.value;
    config.tls.fips = effective.fips.value;
    config.history.required = effective.history_required.value;
    Ok(config)
}

impl From<&ManagedError> for Problem {
    fn from(e: &ManagedError) -> Self {
        problem(e.code(), sentence(&e.to_string()), e.cure())
    }
}

#[cfg(test)]
#[path = "managed_tests.rs"]
mod tests;
