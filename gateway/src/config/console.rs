//! The section `[admin.console]`: the administrators' web console.

use super::{Config, ConfigError, KeySource, read, value};
use serde::Deserialize;
use signet_identity::ServerIdentity;
use signet_stepup::rp::{AttestationList, RpSettings, WebParty};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a browser may take over a key.
const ANSWER_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleSection {
    pub listen: SocketAddr,
    /// As browsers write it: `https://console.bank.example` and perhaps a port. Keys are registered
    /// for its host.
    pub origin: String,
    #[serde(default)]
    pub client_certificate: ClientCertificate,
    /// Shown to browsers in place of the gateway's own.
    pub certificate: Option<PathBuf>,
    pub key: Option<KeySource>,
    /// The reviewed list of key models that may be registered; any model if left out.
    pub attestation: Option<PathBuf>,
    /// Whether a change of policy is prepared and approved with a security key only, which is done
    /// here and not at the administrators' interface.
    #[serde(default)]
    pub approve_by_key: bool,
}

/// Whether a browser shows a certificate besides the security key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    /// Of the same administrator, by an authority of `admin.trust`.
    #[default]
    Required,
    /// Browsers are not asked for one.
    None,
}

impl ConsoleSection {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.certificate.iter_mut().chain(&mut self.attestation)
    }

    /// Host and port, as browsers send them in `Host`.
    pub fn authority(&self) -> &str {
        self.origin.strip_prefix("https://").unwrap_or_default()
    }
}

/// What `[admin.console]` points to.
pub struct LoadedConsole {
    pub party: WebParty,
    /// The certificate for browsers; `None`: the gateway's own.
    pub identity: Option<ServerIdentity>,
}

impl Config {
    /// The section, where there is one.
    pub fn console(&self) -> Option<&ConsoleSection> {
        self.admin.as_ref().and_then(|a| a.console.as_ref())
    }

    pub(crate) fn check_console(&self) -> Result<(), ConfigError> {
        let Some(c) = self.console() else { return Ok(()) };
        if self.registry.is_none() {
            return Err(value("admin.console", "needs [registry]: keys are kept there"));
        }
        if c.certificate.is_some() != c.key.is_some() {
            let why = "certificate and key belong together: set both or neither";
            return Err(value("admin.console.certificate", why));
        }
        if c.approve_by_key && !self.two_people() {
            let why = "needs admin.policy_changes = \"two_people\"";
            return Err(value("admin.console.approve_by_key", why));
        }
        Ok(())
    }

    /// Reads what the section points to.
    pub(crate) fn load_console(&self) -> Result<Option<LoadedConsole>, ConfigError> {
        let Some(c) = self.console() else { return Ok(None) };
        let list = c.attestation.as_ref().map(|path| {
            let base = path.parent().unwrap_or(Path::new(""));
            AttestationList::from_toml(&read(path)?, base)
                .map_err(|e| value("admin.console.attestation", e))
        });
        let host = c.authority().split(':').next().unwrap_or_default();
        let settings = RpSettings {
            rp_id: host.to_owned(),
            origin: Some(c.origin.clone()),
            name: self.gateway.name.clone(),
            timeout: ANSWER_MAX,
        };
        let party = WebParty::new(&settings, list.transpose()?)
            .map_err(|e| value("admin.console.origin", e))?;
        let identity = match (&c.certificate, &c.key) {
            (Some(certificate), Some(key)) => {
                Some(self.server_identity("admin.console.key", certificate, key)?)
            }
            _ => None,
        };
        Ok(Some(LoadedConsole { party, identity }))
    }
}
