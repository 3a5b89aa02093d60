//! Administrators' security keys for the console.

use super::{AdminError, actor, date, open};
use crate::{clock::now, config::Config};
use signet_events::one_line;
use signet_identity::{CompId, is_user_id};
use signet_registry::{CodePurpose, ConsoleKey, KeyState};
use signet_rfq::UtcMillis;
use std::fmt::Write as _;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Hours that a code works.
const CODE_HOURS: u32 = 1;

/// A one-time code with which an administrator can register a key, and when it stops working.
///
/// # Errors
/// There is no console, the name cannot be an administrator's, or there are keys enough.
pub async fn console_invite(
    config: &Config,
    admin: &str,
) -> Result<(Zeroizing<String>, OffsetDateTime), AdminError> {
    checked(config, admin)?;
    // As certificates spell it: `Ada` and `ada` would be two administrators to the gateway: one
    // could approve what the other one prepared, and a lock of `ada` would not hold `Ada`.
    if !is_user_id(admin) {
        return Err(AdminError::NotAnAdministrator(admin.to_owned()));
    }
    let (at, terms) = (now(), super::users::CodeTerms { hours: CODE_HOURS, managed: false });
    let (code, new) = super::users::make_code(terms, at, CodePurpose::Console)?;
    let registry = open(config).await?;
    registry.invite_to_console(admin, &new.digest, new.expires, &actor(), at).await?;
    registry.close().await;
    let expires = OffsetDateTime::from_unix_timestamp(new.expires.0.div_euclid(1_000))
        .map_err(|_| AdminError::Time(new.expires.0))?;
    Ok((code.shown(), expires))
}

/// The keys of one administrator, or of all, removed ones too.
///
/// # Errors
/// There is no console, or the registry does not answer.
pub async fn console_keys(config: &Config, admin: Option<&str>) -> Result<String, AdminError> {
    config.console().ok_or(AdminError::NoSection("admin.console"))?;
    let registry = open(config).await?;
    let keys = registry.console_keys(admin).await?;
    registry.close().await;
    let mut text = String::new();
    for k in &keys {
        let reason = one_line(&k.reason);
        let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let used = match k.last_used {
            UtcMillis(0) => "not used yet".to_owned(),
            at => format!("last used {}", date(at)?),
        };
        let since = date(k.registered)?;
        let model = if k.model.is_empty() { "any model".into() } else { one_line(&k.model) };
        let _ = writeln!(
            text,
            "{:<20} {}  {:?} ({model}): {}{why}, since {since}, {used}",
            k.admin,
            k.id(),
            k.label,
            k.state
        );
    }
    let _ = writeln!(text, "{} keys", keys.len());
    Ok(text)
}

/// Locks, unlocks or removes one key of an administrator, or all; which ones. Open consoles notice
/// with their next request.
///
/// # Errors
/// There is no such key.
pub async fn console_state(
    config: &Config,
    (admin, key): (&str, Option<&str>),
    state: KeyState,
    why: &str,
) -> Result<Vec<ConsoleKey>, AdminError> {
    checked(config, admin)?;
    let registry = open(config).await?;
    let done = registry.set_console_keys(admin, key, state, why, (&actor(), now())).await?;
    registry.close().await;
    Ok(done)
}

fn checked(config: &Config, admin: &str) -> Result<(), AdminError> {
    config.console().ok_or(AdminError::NoSection("admin.console"))?;
    match CompId::new(admin) {
        Ok(_) => Ok(()),
        Err(_) => Err(AdminError::NotAnAdministrator(admin.to_owned())),
    }
}
