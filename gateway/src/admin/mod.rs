//! What an administrator does: the commands behind `signet-gateway user`, `lock`, `revoke`, `ca`,
//! `registry`, `key`, `evidence`, `signed`, `files` and `events`.
//!
//! Each opens the registry by itself, so it works while gateways run, and they notice within a
//! second.

mod actor;
mod approvals;
mod bundle;
mod console;
mod csv;
mod dealers;
mod error;
mod files;
mod fleet;
mod import;
mod keys;
mod lockouts;
mod policies;
mod sessions;
mod signals;
mod signed;
mod token;
mod users;

#[cfg(unix)]
pub(crate) use actor::account_of;
pub(crate) use actor::actor;
pub use approvals::{WrittenApproval, policy_approval};
pub use bundle::evidence_bundle;
pub(crate) use bundle::{Touch, touches_after};
pub use console::{console_invite, console_keys, console_state};
pub(crate) use dealers::resume_in as resume_dealer_in;
pub use dealers::{dealers, resume_dealer};
pub use error::AdminError;
pub use files::{FileState, files_check, files_salvage, lost};
pub use fleet::{
    FIND_MAX, FLEET_FLAGS, FleetFlag, FleetFormat, FleetPage, FleetQuery, FleetTerms, fleet,
    fleet_json, fleet_page,
};
pub use import::{Imported, Progress, import};
pub use keys::{
    evidence_export, evidence_list, evidence_verify, key_code, key_list, key_reset, key_state,
};
pub use lockouts::{LockedOut, lift, lift_in, lockouts};
pub use policies::{moment_of, policy_history, policy_version};
pub use sessions::{NewNumbers, session_change, session_show};
pub use signals::{forget_signals, signals};
pub use signed::{moment, signed_export, signed_list, signed_verify};
pub use token::{TokenReport, make_token_key, try_token_keys};
pub use users::{CodeTerms, Invited, add, code};

use crate::{
    config::{Config, KeySource},
    enrol::ca,
};
use signet_events::one_line;
use signet_identity::fingerprint;
use signet_registry::{
    AccountState, CertificateSelector, CodePurpose, Event, NewEvent, Registry, RegistryError,
    RegistryUrl, UserDetails, events::verify,
};
use signet_rfq::UtcMillis;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// The registry of a configuration.
pub async fn open(config: &Config) -> Result<Registry, AdminError> {
    Ok(Registry::open(&config.registry.as_ref().ok_or(AdminError::NoSection("registry"))?.url()?)
        .await?)
}

/// A user or a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    User(String),
    /// `USER/DEVICE`, or `DEVICE` when only one user has one of that name.
    Device(String),
}

pub async fn set_state(
    config: &Config,
    account: &Account,
    state: AccountState,
) -> Result<(), AdminError> {
    let registry = open(config).await?;
    set_state_in(&registry, account, state, &actor()).await?;
    registry.close().await;
    Ok(())
}

/// In a registry that is open.
pub async fn set_state_in(
    registry: &Registry,
    account: &Account,
    state: AccountState,
    actor: &str,
) -> Result<(), RegistryError> {
    let now = crate::clock::now();
    match account {
        Account::User(u) => registry.set_user_state(u, state, actor, now).await,
        Account::Device(d) => registry.set_device_state(d, state, actor, now).await,
    }
}

/// Live sessions are judged again within a second.
pub async fn set_role(config: &Config, user: &str, role: &str) -> Result<(), AdminError> {
    let registry = open(config).await?;
    registry.set_user_role(user, role, &actor(), crate::clock::now()).await?;
    registry.close().await;
    Ok(())
}

/// The serial numbers revoked.
pub async fn revoke(
    config: &Config,
    which: &CertificateSelector,
    reason: &str,
) -> Result<Vec<String>, AdminError> {
    let registry = open(config).await?;
    let revoked = revoke_in(&registry, which, reason, &actor()).await?;
    registry.close().await;
    Ok(revoked)
}

/// In a registry that is open.
pub async fn revoke_in(
    registry: &Registry,
    which: &CertificateSelector,
    reason: &str,
    actor: &str,
) -> Result<Vec<String>, RegistryError> {
    let which = match which {
        // As other programs write it: colons, capitals, zeros in front.
        CertificateSelector::Serial(s) => {
            let plain: String = s.chars().filter(|c| *c != ':').collect::<String>().to_lowercase();
            CertificateSelector::Serial(plain.trim_start_matches('0').to_owned())
        }
        other => other.clone(),
    };
    registry.revoke(&which, reason, actor, crate::clock::now()).await
}

/// Makes the embedded authority, its key in a file or in the token: where its certificate and key
/// are, and the fingerprint of its certificate.
pub fn ca_init(
    config: &Config,
    name: Option<&str>,
    years: u16,
) -> Result<(PathBuf, KeySource, String), AdminError> {
    let e = config.enrolment.as_ref().ok_or(AdminError::NoSection("enrolment"))?;
    let (certificate, key) = e.ca_pair()?;
    let standard = format!("{} desks", config.gateway.name);
    let (name, now) = (name.unwrap_or(&standard), OffsetDateTime::now_utc());
    let lifetime = Duration::days(365 * i64::from(years));
    match key {
        KeySource::File(file) => ca::init(certificate, file, name, lifetime, now)?,
        KeySource::Token(held) => {
            // Before a key is made that nobody would find again.
            if certificate.exists() {
                let source = std::io::ErrorKind::AlreadyExists.into();
                return Err(ca::CaError::File { path: certificate.into(), source }.into());
            }
            let made = ca::make_with(token::generate(config, held)?, name, lifetime, now)?;
            ca::write_new(certificate, made.0.as_bytes(), false)?;
        }
    }
    let made = crate::config::certificates(certificate).map_err(|why| AdminError::Csv {
        path: certificate.into(),
        line: 0,
        why,
    })?;
    let print = made.first().map(fingerprint).unwrap_or_default();
    Ok((certificate.into(), key.clone(), print))
}

pub async fn backup(config: &Config, out: &Path) -> Result<u64, AdminError> {
    let url = config.registry.as_ref().ok_or(AdminError::NoSection("registry"))?.url()?;
    let registry = Registry::connect(&url).await?;
    if matches!(registry.check_schema().await, Err(RegistryError::Empty)) {
        // As every command finds a registry where there was none.
        registry.migrate().await?;
    }
    let now = crate::clock::now();
    let rows = registry.backup(out, now).await?;
    // The event log of an older schema has other columns.
    match registry.check_schema().await {
        Ok(()) => {
            let detail = format!("{rows} rows");
            let event = NewEvent::new(now, &actor(), "registry.backed_up", "", detail);
            registry.note(event).await?;
        }
        Err(RegistryError::SchemaOld { found }) => {
            eprintln!(
                "The registry has schema {found} and is backed up as it is. Its event log does not \
                    say so: note it where you note upgrades."
            );
        }
        Err(e) => return Err(e.into()),
    }
    registry.close().await;
    Ok(rows)
}

/// How many rows. `keep_codes`: one-time codes that were open at the time of the backup are open
/// again.
pub async fn restore(
    config: &Config,
    from: &Path,
    (replace, keep_codes): (bool, bool),
) -> Result<u64, AdminError> {
    let url = config.registry.as_ref().ok_or(AdminError::NoSection("registry"))?.url()?;
    let registry = Registry::connect(&url).await?;
    let (actor, now) = (actor(), crate::clock::now());
    let rows = match keep_codes {
        true => registry.restore_with_codes(from, replace, &actor, now).await?,
        false => registry.restore(from, replace, &actor, now).await?,
    };
    registry.close().await;
    Ok(rows)
}

/// Whether this program can work with the registry, in words. One that a gateway will make at its
/// first start is good.
///
/// # Errors
/// It has another schema, or does not answer.
pub async fn check(config: &Config) -> Result<String, AdminError> {
    let Some(section) = &config.registry else { return Ok("no registry is configured".into()) };
    let url = section.url()?;
    let made_later = || Ok(format!("{url}: there is no registry yet"));
    // Connecting would make the file.
    if matches!(&url, RegistryUrl::Sqlite(path) if !path.exists()) {
        return made_later();
    }
    let registry = Registry::connect(&url).await?;
    let found = registry.check_schema().await;
    registry.close().await;
    match found {
        Ok(()) => Ok(format!("{url}: good, schema {}", signet_registry::SCHEMA)),
        Err(RegistryError::Empty) => made_later(),
        Err(e) => Err(e.into()),
    }
}

/// The schema there was, and the one there is.
pub async fn migrate(config: &Config) -> Result<(i64, i64), AdminError> {
    let url = config.registry.as_ref().ok_or(AdminError::NoSection("registry"))?.url()?;
    let registry = Registry::connect(&url).await?;
    let found = registry.migrate().await?;
    if found < signet_registry::SCHEMA {
        let detail = format!("from {found} to {}", signet_registry::SCHEMA);
        registry
            .note(NewEvent::new(crate::clock::now(), &actor(), "registry.migrated", "", detail))
            .await?;
    }
    registry.close().await;
    Ok((found, signet_registry::SCHEMA))
}

/// The events, newest last, at most `limit` of them; the whole chain is checked first.
pub async fn events(config: &Config, limit: usize) -> Result<String, AdminError> {
    let registry = open(config).await?;
    let Checked { events, count, head } = events_in(&registry, limit).await?;
    registry.close().await;
    let mut text = String::new();
    for e in &events {
        let [subject, actor, detail] = [&e.subject, &e.actor, &e.detail].map(|t| one_line(t));
        let (seq, at, kind) = (e.seq, date(e.at)?, &e.kind);
        let _ = writeln!(text, "{seq:>6}  {at}  {kind:<24} {subject:<24} {actor:<24} {detail}");
    }
    let _ = writeln!(text, "{count} events, none altered. Head: {} {}", head.0, head.1);
    Ok(text)
}

/// Events of a chain that was checked from its first on.
#[derive(Debug)]
pub struct Checked {
    /// The newest, oldest first.
    pub events: Vec<Event>,
    /// How many there are.
    pub count: i64,
    pub head: (i64, String),
}

/// Some events of a registry that is open, without reading the others.
pub async fn events_page_in(
    registry: &Registry,
    before: Option<i64>,
    limit: usize,
) -> Result<Checked, AdminError> {
    let page = registry.events_page(before, limit).await?;
    page.checked?;
    Ok(Checked { events: page.events, count: page.head.0, head: page.head })
}

/// In a registry that is open.
pub async fn events_in(registry: &Registry, limit: usize) -> Result<Checked, AdminError> {
    let (mut all, head) = registry.events().await?;
    let count = verify(&all, (head.0, &head.1))?;
    let events = all.split_off(all.len().saturating_sub(limit));
    Ok(Checked { events, count, head })
}

pub async fn list(config: &Config) -> Result<String, AdminError> {
    let registry = open(config).await?;
    let users = registry.users().await?;
    registry.close().await;
    let mut text = format!(
        "{:<20} {:<24} {:<8} {:<10} {:<9} {}\n",
        "USER", "COMPID", "STATE", "ROLE", "KEY IN", "NAME"
    );
    for u in &users {
        let _ = writeln!(
            text,
            "{:<20} {:<24} {:<8} {:<10} {:<9} {}",
            u.id,
            u.comp_id,
            u.state,
            u.role,
            u.protection,
            one_line(&u.name)
        );
    }
    Ok(text)
}

pub async fn show(config: &Config, id: &str) -> Result<String, AdminError> {
    let registry = open(config).await?;
    let UserDetails { user: u, devices, certificates, codes } = registry.user(id).await?;
    registry.close().await;
    let mut text = format!(
        "{}  {}\n  CompID {}, {}, {}, key in {}, since {}\n",
        u.id,
        one_line(&u.name),
        u.comp_id,
        u.state,
        u.role,
        u.protection,
        date(u.created)?
    );
    for (purpose, state, expires) in codes {
        let what = if purpose == CodePurpose::Key { "code for a security key" } else { "code" };
        let _ = writeln!(text, "  {what}: {state}, expires {}", date(expires)?);
    }
    for d in &devices {
        let _ = writeln!(
            text,
            "  device {}/{}: {}, key ordered in {}, since {}",
            d.user,
            d.id,
            d.state,
            d.protection,
            date(d.created)?
        );
        for c in certificates.iter().filter(|c| c.device == d.id) {
            let used = if c.first_used.0 == 0 {
                "not used yet".into()
            } else {
                format!("first used {}", date(c.first_used)?)
            };
            let why = if c.reason.is_empty() { String::new() } else { format!(" ({})", c.reason) };
            let _ = writeln!(
                text,
                "    certificate {}: {}{why}, until {}, {used}",
                c.serial,
                c.state,
                date(c.not_after)?
            );
        }
    }
    Ok(text)
}

/// As people and programs read it: RFC 3339, UTC.
pub(crate) fn date(at: UtcMillis) -> Result<String, AdminError> {
    let t = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000))
        .map_err(|_| AdminError::Time(at.0))?;
    t.format(&Rfc3339).map_err(|_| AdminError::Time(at.0))
}
