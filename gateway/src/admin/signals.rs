//! What identity providers said of devices, and how an administrator takes it back for one that is
//! gone.

use super::{AdminError, actor, date, open};
use crate::{clock::now, config::Config};
use signet_rfq::UtcMillis;
use std::fmt::Write as _;

/// What holds, for a person.
pub async fn signals(config: &Config) -> Result<String, AdminError> {
    let registry = open(config).await?;
    let all = registry.signals().await?;
    registry.close().await;
    let mut text =
        format!("{:<20} {:<20} {:<14} {:<22} PROVIDER\n", "USER", "DEVICE", "WHAT", "SINCE");
    for (key, word) in &all {
        let since = date(UtcMillis(word.at_us.div_euclid(1_000)))?;
        let (user, device, what) = (&key.user, &key.device, key.fact.as_str());
        let _ = writeln!(text, "{user:<20} {device:<20} {what:<14} {since:<22} {}", key.provider);
    }
    let _ = writeln!(text, "{} words hold", all.len());
    Ok(text)
}

/// Takes back what a provider said; how many words that were.
pub async fn forget_signals(config: &Config, provider: &str) -> Result<u64, AdminError> {
    let registry = open(config).await?;
    let taken_back = registry.forget_signals(provider, &actor(), now()).await?;
    registry.close().await;
    Ok(taken_back)
}
