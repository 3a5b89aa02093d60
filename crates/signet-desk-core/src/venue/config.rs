//! `desk.toml`: which gateways this desk may connect to, and how. An administrator deploys it.

use super::{
    entry::{Venue, VenueEntry},
    error::DeskConfigError,
};
use crate::guard::TradingSettings;
use serde::Deserialize;
use signet_identity::TlsPolicy;
use signet_keystore::pkcs11::Pkcs11Settings;
use signet_managed::{Holder, Managed, venue_key};
use signet_net::{
    ProxyError, ProxySetting,
    watch::{BadPortalCheck, PortalCheck},
};
use signet_rfq::is_plain;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

const MAX_FILE_LEN: u64 = 1024 * 1024;

/// What a firm may require of every connection beyond the built-in TLS policy.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSwitches {
    /// Connect only with the post-quantum hybrid key exchange.
    #[serde(default)]
    pub hybrid_only: bool,
    /// Connect only with AWS-LC's FIPS module; a build without it then refuses to connect.
    #[serde(default)]
    pub fips: bool,
}

impl TlsSwitches {
    pub(crate) fn policy(self) -> TlsPolicy {
        TlsPolicy { hybrid_only: self.hybrid_only, fips: self.fips, ..TlsPolicy::default() }
    }
}

/// How the desk keeps its own history.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistorySettings {
    /// For how many days records are kept; 0 for ever.
    #[serde(default = "keep_days_default")]
    pub keep_days: u32,
    /// Without a history that can be written, the desk does not connect, and nothing that commits
    /// the trader leaves. Left out: the trader is warned.
    #[serde(default)]
    pub required: bool,
    /// A folder that somebody else keeps, best on another machine: every checkpoint goes there as
    /// well, into a folder with the desk's name.
    pub publish: Option<PathBuf>,
    /// GiB that all days together may take before quotes are left out; 0: no limit. Everything
    /// else is kept beyond it.
    #[serde(default = "room_gib_default")]
    pub room_gib: u32,
}

/// Two months of days that are full of quotes.
fn room_gib_default() -> u32 {
    64
}

/// Five years and two leap days: what MiFID II asks of firms for records of orders.
fn keep_days_default() -> u32 {
    1_827
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self {
            keep_days: keep_days_default(),
            required: false,
            publish: None,
            room_gib: room_gib_default(),
        }
    }
}

/// What a desk is started with.
#[derive(Debug, Clone)]
pub struct DeskConfig {
    /// The venues that an administrator deployed; the desk adds those of invitations.
    pub venues: Vec<Venue>,
    /// The folder of session stores and blotters, which has one folder per identity.
    pub data_dir: PathBuf,
    /// The PKCS#11 token that may hold keys, if there is one.
    pub token: Option<Pkcs11Settings>,
    /// What the firm requires of every connection.
    pub tls: TlsSwitches,
    /// Whether and through which proxy the desk connects.
    pub proxy: ProxySetting,
    /// The page that is asked for to find a captive portal, when the venue is not reached and the
    /// system tells of none; `None`: no page is.
    pub portal_check: Option<PortalCheck>,
    /// How the desk keeps its own history.
    pub history: HistorySettings,
    /// How the firm protects its traders from slips.
    pub trading: TradingSettings,
    /// The firm's policy that these settings are under, if this computer is managed.
    pub managed: Option<Arc<Managed>>,
    /// The desk's own version.
    pub version: String,
    /// True only in a build with the embedded practice venue.
    pub practice: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    venue: Vec<VenueEntry>,
    token: Option<TokenEntry>,
    #[serde(default)]
    tls: TlsSwitches,
    #[serde(default)]
    history: HistorySettings,
    #[serde(default)]
    trading: TradingSettings,
    /// `http://host:port`; `direct` for no proxy; left out, the environment's.
    proxy: Option<String>,
    /// `http://host/path`, which answers 204; `off`; left out, the page of the system's maker.
    portal_check: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    /// The PKCS#11 library that came with the token.
    module: PathBuf,
    /// Its label or serial number; left out, the only one inserted.
    token: Option<String>,
}

/// Reads `desk.toml`.
fn read(path: &Path) -> Result<File, DeskConfigError> {
    let fail = |source| DeskConfigError::Read { path: path.into(), source };
    if fs::metadata(path).map_err(fail)?.len() > MAX_FILE_LEN {
        return Err(fail(std::io::Error::other("the file is far too large")));
    }
    let text = fs::read_to_string(path).map_err(fail)?;
    toml::from_str(&text)
        .map_err(|e| DeskConfigError::Syntax { path: path.into(), message: e.to_string() })
}

pub(crate) fn proxy(text: Option<&str>) -> Result<ProxySetting, DeskConfigError> {
    match text {
        None => Ok(ProxySetting::FromEnvironment),
        Some("direct") => Ok(ProxySetting::Direct),
        Some(url) => url
            .parse()
            .map(ProxySetting::Url)
            .map_err(|e: ProxyError| DeskConfigError::Proxy(e.to_string())),
    }
}

pub(crate) fn portal_check(text: Option<&str>) -> Result<Option<PortalCheck>, DeskConfigError> {
    match text {
        None => Ok(PortalCheck::of_system()),
        Some("off") => Ok(None),
        Some(page) => page
            .parse()
            .map(Some)
            .map_err(|e: BadPortalCheck| DeskConfigError::PortalCheck(e.to_string())),
    }
}

/// A venue is found by its name, and people choose it by what they see of it.
fn check_names(venues: &[Venue]) -> Result<(), DeskConfigError> {
    let mut seen = BTreeSet::new();
    for Venue { name, .. } in venues {
        let wrong = |why: &str| DeskConfigError::Venue { venue: name.clone(), why: why.into() };
        if !is_plain(name) {
            return Err(wrong(
                "name: it begins or ends with a blank, is empty, or has a character that does not \
                    show",
            ));
        }
        if !seen.insert(venue_key(name)) {
            return Err(wrong("name: another venue has it too"));
        }
    }
    Ok(())
}

impl DeskConfig {
    /// The configuration of a laptop without a `desk.toml`, with what a file that is empty says.
    pub fn without_file(data_dir: PathBuf, version: &str) -> Self {
        Self { portal_check: PortalCheck::of_system(), ..Self::empty(data_dir, version) }
    }

    /// The configuration without a `desk.toml`: the desk knows only the venues of invitations, and
    /// asks for no page to find a portal.
    pub fn empty(data_dir: PathBuf, version: &str) -> Self {
        Self {
            venues: Vec::new(),
            data_dir,
            token: None,
            tls: TlsSwitches::default(),
            proxy: ProxySetting::FromEnvironment,
            portal_check: None,
            history: HistorySettings::default(),
            trading: TradingSettings::default(),
            managed: None,
            version: version.into(),
            practice: false,
        }
    }

    /// Where keys may be stored.
    pub(crate) fn holders(&self) -> Vec<Holder> {
        let firm = self.managed.as_ref().and_then(|m| m.policy.holders.clone());
        firm.unwrap_or_else(|| Holder::ALL.to_vec())
    }

    /// Reads the administrator's `desk.toml`.
    pub fn from_file(
        path: &Path,
        data_dir: PathBuf,
        version: &str,
    ) -> Result<Self, DeskConfigError> {
        let file = read(path)?;
        file.trading.check().map_err(DeskConfigError::Trading)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let venues: Vec<Venue> =
            file.venue.into_iter().map(|v| Venue::read(v, base)).collect::<Result<_, _>>()?;
        check_names(&venues)?;
        Ok(Self {
            venues,
            token: file.token.map(|t| Pkcs11Settings { module: t.module, token: t.token }),
            tls: file.tls,
            proxy: proxy(file.proxy.as_deref())?,
            portal_check: portal_check(file.portal_check.as_deref())?,
            history: file.history,
            trading: file.trading,
            ..Self::empty(data_dir, version)
        })
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
