//! How each dealer behaves, read from a file. `dealers.toml` documents every key.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use rust_decimal::Decimal;
use serde::Deserialize;
use signet_identity::CompId;

/// The most dealers one process plays.
const DEALERS_MAX: usize = 64;
/// The longest of any time in the settings, in milliseconds: a day.
const TIME_MAX_MS: u64 = 24 * 60 * 60 * 1000;
/// The furthest a dealer may shift its mid, in ticks.
const SKEW_MAX_TICKS: i64 = 1000;

/// A range of milliseconds, both ends included.
pub type MillisRange = [u64; 2];

/// The settings of one process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// CompID of the one gateway the dealers accept.
    pub gateway: String,
    /// The dealers, one `[[dealer]]` table each.
    #[serde(rename = "dealer")]
    pub dealers: Vec<DealerSettings>,
}

/// The character of one dealer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DealerSettings {
    /// FIX CompID.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Where it accepts the gateway; port 0 for any.
    pub listen: SocketAddr,
    /// Seed of everything that it does at random.
    pub seed: u64,
    /// The asset classes that it quotes, as the file of instruments names them.
    pub covers: BTreeSet<String>,
    /// How long until its first quote.
    pub quote_delay_ms: MillisRange,
    /// How long until each later quote; `[0, 0]` for no later one.
    pub requote_every_ms: MillisRange,
    /// How long a quote can be taken.
    pub valid_ms: u64,
    /// Its half spread, as a multiple of the instrument's.
    #[serde(default = "one")]
    pub spread_factor: Decimal,
    /// How far it shifts its mid, in ticks; positive: it prefers to buy.
    #[serde(default)]
    pub skew_ticks: i64,
    /// How often it quotes half of what was asked.
    #[serde(default)]
    pub partial_size_probability: f64,
    /// How often it declines to quote (AG).
    #[serde(default)]
    pub pass_probability: f64,
    /// QuoteRequestRejectReason (658) to choose from.
    #[serde(default = "pass")]
    pub pass_reasons: Vec<u32>,
    /// How often it takes its quote back (Z) instead of replacing it, and quotes no more.
    #[serde(default)]
    pub withdraw_probability: f64,
    /// How often it never answers a request.
    #[serde(default)]
    pub silent_probability: f64,
    /// How often its delay is `slow_factor` times as long.
    #[serde(default)]
    pub slow_probability: f64,
    /// See `slow_probability`.
    #[serde(default = "slow_factor")]
    pub slow_factor: u64,
    /// How long it holds an accept before it decides; `[0, 0]` decides at once.
    pub last_look_ms: MillisRange,
    /// How often it declines an accept in its last look.
    #[serde(default)]
    pub reject_probability: f64,
    /// How often it fills half of an accept.
    #[serde(default)]
    pub partial_fill_probability: f64,
    /// It drops its connection after so many messages; 0 for never.
    #[serde(default)]
    pub die_after_messages: u64,
    /// How long it then stays away.
    #[serde(default = "dead_for_ms")]
    pub dead_for_ms: u64,
    /// Whether it signs its business messages.
    #[serde(default)]
    pub signs: Signs,
    /// What it does with a counter (AJ with 694=2).
    #[serde(default)]
    pub counters: Counters,
    /// How long until it answers one.
    #[serde(default)]
    pub counter_delay_ms: MillisRange,
    /// What it does with an accept of less than its quote is for.
    #[serde(default)]
    pub parts: Parts,
    /// Whether it takes requests and accepts only with the gateway's signature.
    #[serde(default)]
    pub wants_signed: bool,
}

/// What a dealer does with an accept of less than its quote is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parts {
    /// It refuses it.
    #[default]
    No,
    /// It fills what was accepted.
    Take,
    /// As many dealers do: it does not look at OrderQty (38), and fills its whole quote.
    Overfill,
}

/// What a dealer does with a counter (QuoteResponse with 694=2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counters {
    /// It takes none, and says so (j).
    #[default]
    No,
    /// It quotes again, in the middle between its quote and what was asked for.
    Meet,
    /// It quotes the same prices again.
    Hold,
    /// It refuses, and quotes again as it pleases.
    Refuse,
    /// It says nothing until the counter is over.
    Ignore,
    /// Against the rules: it reports a fill at the price that was asked for.
    Fill,
}

/// Whether a dealer signs its business messages (tags 93/89).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signs {
    /// It signs nothing.
    #[default]
    No,
    /// It signs each of them.
    Yes,
    /// It puts a signature of something else there.
    Badly,
}

const fn one() -> Decimal {
    Decimal::ONE
}

fn pass() -> Vec<u32> {
    vec![crate::wire::PASS]
}

const fn slow_factor() -> u64 {
    8
}

const fn dead_for_ms() -> u64 {
    5000
}

/// The settings cannot be used. At fault: whoever wrote them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is not TOML, or has other keys than these settings.
    #[error("not settings of dealers: {0}")]
    Syntax(#[from] toml::de::Error),
    /// `gateway` is not a CompID.
    #[error("gateway: not a CompID (1 to 64 characters of A-Z a-z 0-9 . _ -)")]
    BadGateway,
    /// None, or more than one process plays.
    #[error("{0} dealers; 1 to {DEALERS_MAX} are allowed")]
    BadCount(usize),
    /// A value of one dealer is out of its range.
    #[error("dealer {id}: {key} {why}")]
    Bad {
        /// Its CompID.
        id: String,
        /// The key in the file.
        key: &'static str,
        /// What the value must be.
        why: &'static str,
    },
}

impl Settings {
    /// Reads and checks a TOML file.
    pub fn from_file(path: &Path) -> Result<Self, SettingsError> {
        let path_name = || path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Unreadable { path: path_name(), source })?;
        Self::parse(&text)
    }

    /// Parses and checks the text of such a file.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text)?;
        settings.check()?;
        Ok(settings)
    }

    /// Checks settings built in code.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.gateway.parse::<CompId>().is_err() {
            return Err(SettingsError::BadGateway);
        }
        if self.dealers.is_empty() || self.dealers.len() > DEALERS_MAX {
            return Err(SettingsError::BadCount(self.dealers.len()));
        }
        let mut ids = BTreeSet::new();
        for dealer in &self.dealers {
            dealer.check()?;
            if !ids.insert(&dealer.id) {
                return Err(dealer.bad("id", "occurs twice"));
            }
        }
        Ok(())
    }
}

impl DealerSettings {
    fn bad(&self, key: &'static str, why: &'static str) -> SettingsError {
        SettingsError::Bad { id: self.id.clone(), key, why }
    }

    fn check(&self) -> Result<(), SettingsError> {
        // The id also names the dealer's files.
        if self.id.parse::<CompId>().is_err() || self.id.starts_with('.') {
            return Err(self.bad("id", "is not a CompID (1 to 64 of A-Z a-z 0-9 . _ -)"));
        }
        let ranges = [
            ("quote_delay_ms", self.quote_delay_ms),
            ("requote_every_ms", self.requote_every_ms),
            ("last_look_ms", self.last_look_ms),
            ("counter_delay_ms", self.counter_delay_ms),
        ];
        for (key, [from, to]) in ranges {
            if from > to || to > TIME_MAX_MS {
                return Err(self.bad(key, "is [from, to] in milliseconds, in order, below a day"));
            }
        }
        let probabilities = [
            ("partial_size_probability", self.partial_size_probability),
            ("pass_probability", self.pass_probability),
            ("withdraw_probability", self.withdraw_probability),
            ("silent_probability", self.silent_probability),
            ("slow_probability", self.slow_probability),
            ("reject_probability", self.reject_probability),
            ("partial_fill_probability", self.partial_fill_probability),
        ];
        for (key, probability) in probabilities {
            if !(0.0..=1.0).contains(&probability) {
                return Err(self.bad(key, "is between 0 and 1"));
            }
        }
        if self.covers.is_empty() {
            return Err(self.bad("covers", "names no asset class"));
        }
        if self.valid_ms == 0 || self.valid_ms > TIME_MAX_MS || self.dead_for_ms > TIME_MAX_MS {
            return Err(self.bad("valid_ms or dead_for_ms", "is above zero and below a day"));
        }
        if self.spread_factor <= Decimal::ZERO || self.spread_factor > Decimal::ONE_HUNDRED {
            return Err(self.bad("spread_factor", "is above 0 and at most 100"));
        }
        if self.skew_ticks.abs() > SKEW_MAX_TICKS {
            return Err(self.bad("skew_ticks", "is at most 1000 either way"));
        }
        if !(1..=1000).contains(&self.slow_factor) {
            return Err(self.bad("slow_factor", "is 1 to 1000"));
        }
        let known = |reason: &u32| matches!(reason, 1..=10 | 99);
        if self.pass_reasons.is_empty() || !self.pass_reasons.iter().all(known) {
            return Err(self.bad("pass_reasons", "is a list of FIX 4.4 tag 658 values (1-10, 99)"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const SHIPPED: &str = include_str!("../dealers.toml");

    #[test]
    fn the_shipped_file_has_four_characters() {
        let settings = Settings::parse(SHIPPED).unwrap();
        assert_eq!(settings.dealers.len(), 4);
        assert_eq!(settings.gateway, "SIGNET");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table = [
            ("seed = 1", "seed = \"x\"", "seed"),
            ("seed = 1", "seeed = 1", "seeed"),
            ("gateway = \"SIGNET\"", "gateway = \"SIG NET\"", "gateway"),
            ("id = \"HARBOUR\"", "id = \"NORTHBANK\"", "twice"),
            ("[200, 900]", "[900, 200]", "quote_delay_ms"),
            ("valid_ms = 15000", "valid_ms = 0", "valid_ms"),
            ("pass_probability = 0.25", "pass_probability = 1.5", "pass_probability"),
            ("[3, 9, 10]", "[11]", "pass_reasons"),
            ("spread_factor = \"2\"", "spread_factor = \"-2\"", "spread_factor"),
            ("id = \"HARBOUR\"", "id = \"../x\"", "CompID"),
        ];
        for (from, to, expected) in table {
            let changed = SHIPPED.replacen(from, to, 1);
            assert_ne!(changed, SHIPPED, "{from}");
            let error = Settings::parse(&changed).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    }
}
