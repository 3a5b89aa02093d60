//! Signed messages that the gateway kept, for an administrator and an auditor.

use super::{AdminError, date};
use crate::{
    config::Config,
    signed::read::{GOOD, SignedLine, Totals, Verified, Wanted, each, verify_export},
    state_dir::{existing_store_key, signed_folder},
};
use signet_rfq::UtcMillis;
use std::{
    fs::File,
    io::{BufReader, Write},
    path::Path,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// `2026-11-21T08:00:00Z`, or a date, which begins at midnight UTC.
pub fn moment(text: &str) -> Result<UtcMillis, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let at = OffsetDateTime::parse(&whole, &Rfc3339)
        .map_err(|_| "neither YYYY-MM-DD nor an RFC 3339 time".to_owned())?;
    Ok(UtcMillis(at.unix_timestamp() * 1_000 + i64::from(at.millisecond())))
}

/// One line per message, oldest first, and what the whole log is worth.
pub fn signed_list(
    config: &Config,
    wanted: &Wanted,
    out: &mut dyn Write,
) -> Result<Totals, AdminError> {
    let key = existing_store_key(config).map_err(|e| AdminError::StoreKey(e.to_string()))?;
    let totals = each(&signed_folder(config), &key, wanted, |l| {
        let fields = ["35", "34", "131", "117", "11"]
            .iter()
            .filter_map(|t| field(&l.text, t))
            .collect::<Vec<_>>()
            .join(" ");
        let verdict =
            if l.verified == GOOD { String::new() } else { format!("  NOT GOOD: {}", l.verified) };
        let (at, party, id) = (time_of(l)?, &l.party, &l.id);
        writeln!(out, "{:>6}  {at:<27}  {party:<6} {id:<24} {fields}{verdict}", l.seq)
            .map_err(printed)
    })?;
    let head: String = totals.head.iter().map(|b| format!("{b:02x}")).collect();
    writeln!(
        out,
        "{} of {} messages, {} not good. Head: {} {head}",
        totals.shown, totals.records, totals.bad, totals.records
    )
    .map_err(printed)?;
    Ok(totals)
}

/// RFC 3339, to the microsecond where it is known and to the millisecond elsewhere.
fn time_of(l: &SignedLine) -> Result<String, AdminError> {
    let second = date(UtcMillis(l.at_ms))?;
    let (ms, us) = (l.at_ms.rem_euclid(1_000), l.us_in_ms.map(|us| us.to_string()));
    Ok(format!("{}.{ms:03}{}Z", second.trim_end_matches('Z'), us.unwrap_or_default()))
}

fn field(text: &str, tag: &str) -> Option<String> {
    text.split('\u{2401}')
        .find(|f| f.strip_prefix(tag).is_some_and(|rest| rest.starts_with('=')))
        .map(signet_events::one_line)
}

/// JSON lines, as [`crate::signed::read::SignedLine`].
pub fn signed_export(
    config: &Config,
    wanted: &Wanted,
    out: &mut dyn Write,
) -> Result<Totals, AdminError> {
    let key = existing_store_key(config).map_err(|e| AdminError::StoreKey(e.to_string()))?;
    each(&signed_folder(config), &key, wanted, |l| {
        let json = serde_json::to_string(l).map_err(|e| printed(e.into()))?;
        writeln!(out, "{json}").map_err(printed)
    })
}

/// Judges an export from nothing but what it holds.
pub fn signed_verify(file: &Path) -> Result<Verified, AdminError> {
    let opened =
        File::open(file).map_err(|source| AdminError::File { path: file.into(), source })?;
    Ok(verify_export(BufReader::new(opened))?)
}

fn printed(source: std::io::Error) -> AdminError {
    AdminError::File { path: "standard output".into(), source }
}
