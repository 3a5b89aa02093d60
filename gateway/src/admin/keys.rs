//! Security keys and evidence, for an administrator.

use super::{AdminError, actor, date, open, users::make_code};
use crate::config::Config;
use serde_json::json;
use signet_events::one_line;
use signet_registry::{CodePurpose, EvidenceRow, KeySelector, KeyState, Registry, RegistryError};
use signet_rfq::UtcMillis;
use signet_stepup::{Approval, evidence::Evidence};
use std::{fmt::Write as _, io::Write};
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub async fn key_list(config: &Config, user: &str) -> Result<String, AdminError> {
    let registry = open(config).await?;
    let (_, name, keys) = registry.key_holder(user).await?;
    registry.close().await;
    let mut text = format!("{user}  {}: {} keys\n", one_line(&name), keys.len());
    for k in &keys {
        let reason = one_line(&k.reason);
        let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let used = if k.last_used == UtcMillis(0) {
            "not used yet".into()
        } else {
            format!("last used {}", date(k.last_used)?)
        };
        let since = format!("since {} by {}", date(k.registered)?, k.registered_by);
        let _ = writeln!(
            text,
            "  {}  {}  {} ({}): {}{why}, {since}, {used}",
            k.id,
            // Its trader named it.
            one_line(&k.name),
            one_line(&k.model),
            k.aaguid,
            k.state
        );
    }
    Ok(text)
}

pub async fn key_state(
    config: &Config,
    user: &str,
    key: &str,
    state: KeyState,
    why: &str,
) -> Result<String, AdminError> {
    let registry = open(config).await?;
    let which = KeySelector { user: user.into(), key: key.into() };
    let k = registry.set_key_state(&which, state, why, &actor(), crate::clock::now()).await?;
    registry.close().await;
    let (name, model) = (one_line(&k.name), one_line(&k.model));
    Ok(format!("{} {name} ({model}): {}\n", k.id, k.state))
}

/// Removes every key of a user; how many.
pub async fn key_reset(config: &Config, user: &str, why: &str) -> Result<usize, AdminError> {
    let registry = open(config).await?;
    let count = registry.reset_keys(user, why, &actor(), crate::clock::now()).await?;
    registry.close().await;
    Ok(count)
}

/// A one-time code for a first key, and when it stops working.
pub async fn key_code(
    config: &Config,
    user: &str,
    hours: u32,
) -> Result<(Zeroizing<String>, OffsetDateTime), AdminError> {
    let now = crate::clock::now();
    let (code, new) =
        make_code(super::users::CodeTerms { hours, managed: false }, now, CodePurpose::Key)?;
    let registry = open(config).await?;
    registry.add_key_code(user, &new, &actor(), now).await?;
    registry.close().await;
    let expires = OffsetDateTime::from_unix_timestamp(new.expires.0.div_euclid(1_000))
        .map_err(|_| AdminError::Time(new.expires.0))?;
    Ok((code.shown(), expires))
}

/// What was approved, one line each, oldest first; of one user, or of all.
pub async fn evidence_list(
    config: &Config,
    user: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let registry = open(config).await?;
    each(&registry, user, |row| {
        let what = Evidence::from_json(&row.record).ok().and_then(|e| {
            let action = Approval::parse(&e.approval).map_or("unknown", |a| a.action.word());
            let (approver, key) = (one_line(&e.approver), one_line(&e.key_name));
            Some(format!("{action:<12} at {approver:<24} with {key}"))
                .filter(|_| e.user == row.user)
        });
        let what =
            what.unwrap_or_else(|| "cannot be read; run: signet-gateway evidence verify".into());
        writeln!(out, "{:>6}  {}  {:<20} {what}", row.seq, date(row.at)?, row.user).map_err(printed)
    })
    .await?;
    registry.close().await;
    Ok(())
}

/// Checks the chain and every record; how many, and the head to be kept somewhere else.
pub async fn evidence_verify(config: &Config) -> Result<String, AdminError> {
    let registry = open(config).await?;
    let (head, verified) = (registry.evidence_head().await?, registry.verify_evidence().await?);
    registry.close().await;
    let count = verified?;
    Ok(format!(
        "{count} records, each proves what it says, none altered. Head: {} {}\n",
        head.0, head.1
    ))
}

/// Writes records as JSON lines, as they are: `seq` alone, or all.
pub async fn evidence_export(
    config: &Config,
    seq: Option<i64>,
    out: &mut dyn Write,
) -> Result<u64, AdminError> {
    let registry = open(config).await?;
    let mut count = 0;
    let mut write = |row: &EvidenceRow| {
        count += 1;
        let line = json!({
            "seq": row.seq, "at_ms": row.at.0, "user": row.user, "approval": row.approval,
            "record": row.record, "prev": row.prev, "hash": row.hash,
        });
        writeln!(out, "{line}").map_err(printed)
    };
    match seq {
        Some(seq) => {
            let row = registry.evidence_by_seq(seq).await?;
            write(&row.ok_or(RegistryError::NoSuchEvidence(seq))?)?;
        }
        None => each(&registry, None, write).await?,
    }
    registry.close().await;
    Ok(count)
}

async fn each(
    registry: &Registry,
    user: Option<&str>,
    mut with: impl FnMut(&EvidenceRow) -> Result<(), AdminError>,
) -> Result<(), AdminError> {
    let mut after = 0;
    loop {
        let page = registry.evidence(user, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        page.iter().try_for_each(&mut with)?;
    }
}

fn printed(source: std::io::Error) -> AdminError {
    AdminError::File { path: "standard output".into(), source }
}
