//! `[signals]`: where the firm's identity provider says what became of its people and devices.

use super::{Config, ConfigError, value};
use serde::Deserialize;
use signet_identity::{is_device_name, is_user_id};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// Entries of one table.
const TABLE_MAX: usize = 100_000;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalsSection {
    pub listen: SocketAddr,
    /// `iss` of the provider's tokens, exactly.
    pub issuer: String,
    /// This receiver's name in `aud`, exactly.
    pub audience: String,
    /// The provider's public keys, a JWK Set; read again when it changes.
    pub keys: PathBuf,
    /// What the provider sends as `Authorization: Bearer`, at least 32 characters.
    pub bearer_file: Option<PathBuf>,
    /// CA certificates that the provider's client certificate must chain to, and nobody else's.
    pub trust: Option<PathBuf>,
    /// A token that was issued longer ago is refused.
    #[serde(default = "default_age")]
    pub max_age_seconds: u32,
    /// How far the provider's clock may be ahead.
    #[serde(default = "default_skew")]
    pub max_skew_seconds: u32,
    /// Whether a revoked session also keeps the person out, until an administrator lifts it.
    #[serde(default)]
    pub hold_logons: bool,
    /// Addresses of this domain name users by what is before the @.
    pub email_domain: Option<String>,
    /// Whether `sub` and opaque ids are user ids.
    #[serde(default)]
    pub subject_is_user_id: bool,
    /// Users by what the provider calls them: an address, a `sub` or an opaque id.
    #[serde(default)]
    pub users: BTreeMap<String, String>,
    /// Devices, as the registry names them, by what the provider calls them.
    #[serde(default)]
    pub devices: BTreeMap<String, String>,
}

fn default_age() -> u32 {
    300
}

fn default_skew() -> u32 {
    30
}

impl SignalsSection {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.keys].into_iter().chain(&mut self.bearer_file).chain(&mut self.trust)
    }
}

impl Config {
    pub(crate) fn check_signals(&self) -> Result<(), ConfigError> {
        let Some(s) = &self.signals.receive else { return Ok(()) };
        let key = |name: &str| format!("signals.{name}");
        if self.registry.is_none() {
            return Err(value("signals", "needs [registry], which knows the people"));
        }
        if s.bearer_file.is_none() && s.trust.is_none() {
            let why = "set it, or trust, or both: anybody could send tokens otherwise";
            return Err(value(key("bearer_file"), why));
        }
        for (name, text) in [("issuer", &s.issuer), ("audience", &s.audience)] {
            if text.trim().is_empty() || text.len() > 256 {
                return Err(value(key(name), "1 to 256 characters"));
            }
        }
        if !(10..=86_400).contains(&s.max_age_seconds) {
            return Err(value(key("max_age_seconds"), "10 to 86400"));
        }
        if s.max_skew_seconds > 600 {
            return Err(value(key("max_skew_seconds"), "0 to 600"));
        }
        if s.users.len() > TABLE_MAX || s.devices.len() > TABLE_MAX {
            return Err(value(key("users"), format!("at most {TABLE_MAX} in each table")));
        }
        if let Some(u) = s.users.values().find(|u| !is_user_id(u)) {
            return Err(value(key("users"), format!("{u:?} is not a user id")));
        }
        if let Some(d) = s.devices.values().find(|d| !is_device_name(d)) {
            return Err(value(key("devices"), format!("{d:?} is not the name of a device")));
        }
        if s.email_domain.is_none() && !s.subject_is_user_id && s.users.is_empty() {
            let why = "set it, or subject_is_user_id, or users: no token would name anybody";
            return Err(value(key("email_domain"), why));
        }
        Ok(())
    }
}
