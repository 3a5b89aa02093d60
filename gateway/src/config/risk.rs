//! The section `[risk]` and the settings file it names.

use super::{Config, ConfigError, read, value};
use ipnetwork::IpNetwork;
use serde::Deserialize;
use signet_policy::{
    place::{CorporateNetwork, Country, Hours, TravelLimits},
    posture::Fact,
    score::{Decision, ScoreTable},
    software::{SoftwarePolicy, SoftwareSettings},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The default risk table, for firms without one of their own.
pub const DEFAULT_TABLE: &str = include_str!("../../risk-score.toml");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskSection {
    /// Points and thresholds; left out: the default table.
    pub table: Option<PathBuf>,
    /// Networks, countries, devices. Read again when it changes.
    pub settings: PathBuf,
    /// What becomes of the open RFQs of a session that is cut off because its risk rose, or because
    /// its version of the desk may not be used. Those of whoever is locked, locked out or revoked
    /// are withdrawn either way.
    #[serde(default)]
    pub open_rfqs: OpenRfqs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenRfqs {
    /// Ended, and their dealers told; an accept in flight still ends by the dealer's word, and
    /// without a trade its RFQ ends by it.
    #[default]
    Withdraw,
    /// They run on until their time is over; the trader finds them at the next logon.
    Keep,
}

/// The settings file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskSettings {
    /// Where this firm's people are expected.
    pub countries: BTreeSet<Country>,
    /// Further countries for one person, by the registry's user id (the CompID without a registry).
    #[serde(default)]
    pub person: BTreeMap<String, PersonSettings>,
    #[serde(default)]
    pub network: Vec<NetworkSettings>,
    pub geo: Option<GeoSettings>,
    #[serde(default)]
    pub travel: TravelSettings,
    pub hours: Option<HoursSettings>,
    #[serde(default)]
    pub posture: PostureSettings,
    /// Which versions of the desk may log on.
    #[serde(default)]
    pub software: SoftwareSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonSettings {
    pub countries: BTreeSet<Country>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    pub range: IpNetwork,
    pub country: Option<Country>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeoSettings {
    /// A MaxMind DB file with countries.
    pub file: PathBuf,
    /// One with autonomous systems; it may be the same.
    pub asn_file: Option<PathBuf>,
    #[serde(default = "default_geo_age")]
    pub max_age_days: u32,
}

fn default_geo_age() -> u32 {
    45
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TravelSettings {
    pub speed_kmh: u32,
    pub distance_km: u32,
    pub decision: Decision,
}

impl Default for TravelSettings {
    fn default() -> Self {
        Self { speed_kmh: 900, distance_km: 500, decision: Decision::StepUp }
    }
}

impl TravelSettings {
    pub fn limits(&self) -> TravelLimits {
        TravelLimits { speed_kmh: self.speed_kmh, distance_km: self.distance_km }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoursSettings {
    /// `07:00`
    pub from: String,
    pub to: String,
    /// `mon` to `sun`.
    pub days: BTreeSet<Day>,
    #[serde(default)]
    pub utc_offset_minutes: i16,
    /// Outside of them at least this.
    pub decision: Decision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostureSettings {
    /// Certificate policies (OIDs) by which the desks' authority marks certificates of managed
    /// devices.
    pub managed_policies: Vec<String>,
    /// Reports signed by keys that cannot leave their hardware count.
    pub signed_reports: bool,
    /// What such a report must say yes to; whoever says no to one of them is not managed.
    pub require: BTreeSet<Fact>,
    /// Whether a managed laptop whose report cannot tell about one of them counts as unmanaged.
    pub require_known: bool,
    /// How long a report counts.
    pub report_minutes: u32,
}

impl Default for PostureSettings {
    fn default() -> Self {
        Self {
            managed_policies: Vec::new(),
            signed_reports: true,
            require: BTreeSet::from([Fact::DiskEncryption]),
            require_known: false,
            report_minutes: 30,
        }
    }
}

/// Both files, read and found good.
#[derive(Debug, Clone)]
pub struct RiskPolicy {
    pub table: ScoreTable,
    pub settings: RiskSettings,
    pub networks: Vec<CorporateNetwork>,
    pub hours: Option<(Hours, Decision)>,
    pub software: SoftwarePolicy,
    /// The texts: `settings`, and `table` unless it is the default one.
    pub documents: BTreeMap<String, String>,
}

impl RiskSection {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.table.iter_mut().chain([&mut self.settings])
    }

    /// Reads the files.
    pub fn read(&self) -> Result<RiskPolicy, ConfigError> {
        let mut documents = BTreeMap::from([("settings".to_owned(), read(&self.settings)?)]);
        if let Some(table) = &self.table {
            documents.insert("table".to_owned(), read(table)?);
        }
        self.build(&documents)
    }

    /// From texts by their names: `settings`, and `table` unless it is the default one.
    pub fn build(&self, documents: &BTreeMap<String, String>) -> Result<RiskPolicy, ConfigError> {
        let table = documents.get("table").map_or(DEFAULT_TABLE, String::as_str);
        let table = ScoreTable::parse(table).map_err(|e| value("risk.table", e))?;
        let text = documents.get("settings").map_or("", String::as_str);
        let mut settings: RiskSettings = toml::from_str(text).map_err(|e| ConfigError::Syntax {
            path: self.settings.clone(),
            message: e.to_string(),
        })?;
        if let Some(g) = &mut settings.geo {
            let folder = self.settings.parent().unwrap_or(Path::new(""));
            g.file = folder.join(&g.file);
            g.asn_file.iter_mut().for_each(|f| *f = folder.join(&*f));
        }
        settings.check()?;
        let networks = settings
            .network
            .iter()
            .map(|n| CorporateNetwork { range: n.range, country: n.country })
            .collect();
        let hours = settings.hours.as_ref().map(HoursSettings::hours).transpose()?;
        let software = SoftwarePolicy::new(&settings.software).map_err(|e| value("risk", e))?;
        let (table, documents) = (table.with_settings(text), documents.clone());
        Ok(RiskPolicy { table, settings, networks, hours, software, documents })
    }
}

impl RiskSettings {
    fn check(&self) -> Result<(), ConfigError> {
        if self.countries.is_empty() {
            return Err(value(
                "risk: countries",
                "at least one; nobody would be expected anywhere",
            ));
        }
        // A range that holds nearly everybody turns the network row off without saying so.
        if let Some(n) =
            self.network.iter().find(|n| n.range.prefix() < if n.range.is_ipv4() { 8 } else { 16 })
        {
            return Err(value(
                "risk: network",
                format!("{} is too wide to be a firm's network", n.range),
            ));
        }
        if self.travel.speed_kmh == 0 {
            return Err(value("risk: travel.speed_kmh", "at least 1"));
        }
        if self.geo.as_ref().is_some_and(|g| g.max_age_days == 0) {
            return Err(value("risk: geo.max_age_days", "at least 1"));
        }
        if self.posture.report_minutes == 0 {
            return Err(value("risk: posture.report_minutes", "at least 1"));
        }
        let is_oid = |s: &str| {
            s.split('.').count() >= 2
                && s.split('.').all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
        };
        match self.posture.managed_policies.iter().find(|p| !is_oid(p)) {
            Some(p) => Err(value(
                "risk: posture.managed_policies",
                format!("{p:?} is not an object identifier"),
            )),
            None => Ok(()),
        }
    }
}

impl HoursSettings {
    fn hours(&self) -> Result<(Hours, Decision), ConfigError> {
        let minute = |key: &str, text: &str| {
            let wrong = || {
                value(format!("risk: hours.{key}"), format!("{text:?} is not a time such as 07:30"))
            };
            let (h, m) = text.split_once(':').ok_or_else(wrong)?;
            let (h, m): (u16, u16) =
                (h.parse().map_err(|_| wrong())?, m.parse().map_err(|_| wrong())?);
            // 24:00 is the end of the day.
            if h * 60 + m <= 1_440 && h <= 24 && m < 60 { Ok(h * 60 + m) } else { Err(wrong()) }
        };
        let (from_minute, to_minute) = (minute("from", &self.from)?, minute("to", &self.to)?);
        if from_minute >= to_minute
            || self.days.is_empty()
            || self.utc_offset_minutes.unsigned_abs() > 14 * 60
        {
            return Err(value(
                "risk: hours",
                "`from` must be before `to`, on at least one day, at most 14 hours from UTC",
            ));
        }
        let all = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        let days = all.map(|d| self.days.contains(&d));
        Ok((
            Hours { from_minute, to_minute, days, utc_offset_minutes: self.utc_offset_minutes },
            self.decision,
        ))
    }
}

impl Config {
    pub(crate) fn load_risk(&self) -> Result<RiskPolicy, ConfigError> {
        let risk = self.risk.read()?;
        if let Some(n) =
            self.desks.proxy_from.iter().find(|n| n.prefix() < if n.is_ipv4() { 16 } else { 48 })
        {
            return Err(value(
                "desks.proxy_from",
                format!("{n} is too wide: whoever sits in it can claim any address"),
            ));
        }
        Ok(risk)
    }
}
