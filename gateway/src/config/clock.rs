//! The section `[clock]`.

use super::{Config, ConfigError, value};
use serde::Deserialize;

/// Servers asked at each look.
const SERVERS_MAX: usize = 8;

/// How the clock is watched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockSection {
    /// Time servers, `HOST` or `HOST:PORT`. Without one the system's word counts.
    pub servers: Vec<String>,
    /// Beyond this there is an alert. RTS 25, article 2, asks for one second.
    pub max_offset_ms: u32,
    /// How often it is looked at.
    pub every_seconds: u32,
}

impl Default for ClockSection {
    fn default() -> Self {
        Self { servers: Vec::new(), max_offset_ms: 1_000, every_seconds: 64 }
    }
}

impl Config {
    pub(super) fn check_clock(&self) -> Result<(), ConfigError> {
        let c = &self.clock;
        if c.servers.len() > SERVERS_MAX {
            return Err(value("clock.servers", format!("names more than {SERVERS_MAX}")));
        }
        if c.servers.iter().any(|s| s.is_empty() || s.len() > 255) {
            return Err(value("clock.servers", "names a server by nothing, or too long a name"));
        }
        if !(1..=1_000_000).contains(&c.max_offset_ms) {
            return Err(value("clock.max_offset_ms", "is not between 1 and 1000000"));
        }
        if !(16..=86_400).contains(&c.every_seconds) {
            return Err(value("clock.every_seconds", "is not between 16 and 86400"));
        }
        Ok(())
    }
}
