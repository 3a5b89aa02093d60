//! Dealers' lines that the gateway cut.

use super::{AdminError, actor, open};
use crate::{clock::now, config::Config, cut_lines::CutLines};
use signet_events::one_line;
use signet_registry::NewEvent;
use signet_rfq::DealerId;
use std::fmt::Write as _;

/// Every dealer, and why its line is cut if it is, for a person.
pub fn dealers(config: &Config) -> String {
    let lines = CutLines::of(config);
    let mut text = format!("{:<24} LINE\n", "DEALER");
    for d in &config.dealer {
        let why = lines.why(&d.comp_id).map(|why| format!("cut: {}", one_line(&why)));
        let line = why.unwrap_or_else(|| "open".to_owned());
        let _ = writeln!(text, "{:<24} {line}", d.comp_id);
    }
    text
}

/// Resumes a line that was cut; a running gateway dials within a second.
pub async fn resume_dealer(config: &Config, dealer: &str) -> Result<(), AdminError> {
    let unknown = || AdminError::NoDealer(dealer.to_owned());
    let known = config.dealer.iter().find(|d| d.comp_id.as_str() == dealer).ok_or_else(unknown)?;
    // Before the change: one that is not written down does not happen.
    if config.registry.is_some() && CutLines::of(config).why(&known.comp_id).is_some() {
        let registry = open(config).await?;
        let event = NewEvent::new(now(), &actor(), "dealer.resumed", dealer, "");
        let noted = registry.note(event).await;
        registry.close().await;
        noted?;
    }
    resume_in(&CutLines::of(config), &known.comp_id)
}

/// Resumes a line; the caller has written down who does it.
pub(crate) fn resume_in(lines: &CutLines, dealer: &DealerId) -> Result<(), AdminError> {
    match lines.resume(dealer) {
        Ok(true) => Ok(()),
        Ok(false) => Err(AdminError::NotCut(dealer.to_string())),
        Err(source) => Err(AdminError::File { path: lines.file(dealer), source }),
    }
}
