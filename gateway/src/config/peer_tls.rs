//! How a peer that the gateway dials must prove who it is: the same settings for dealers, receivers
//! of events and receivers of signals.

use super::{Config, ConfigError, TlsSection, value, versions};
use serde::Deserialize;
use signet_identity::{ClientProfile, ServerIdentity, SpkiPin, TlsVersions, TrustRoots};
use std::path::Path;

/// Part of the section of a peer; the authorities it must chain to stand beside it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PeerTls {
    /// The name the peer's certificate must carry; the host of its address if left out.
    pub server_name: Option<String>,
    /// `sha256/<base64 of SHA-256 of SPKI>`; any one of them must match, if there are any.
    #[serde(default)]
    pub pins: Vec<String>,
    /// Also TLS 1.2.
    #[serde(default)]
    pub allow_tls12: bool,
}

impl PeerTls {
    /// The name the certificate must carry.
    pub fn name_to_verify<'a>(&'a self, host: &'a str) -> &'a str {
        self.server_name.as_deref().unwrap_or(host)
    }

    pub fn versions(&self) -> TlsVersions {
        versions(self.allow_tls12)
    }

    /// What one can tell without files; `of` names the section for the error.
    pub(crate) fn check(&self, tls: &TlsSection, of: &str) -> Result<(), ConfigError> {
        if tls.hybrid_only && self.allow_tls12 {
            let why = "TLS 1.2 has no hybrid key exchange, which tls.hybrid_only asks for; choose";
            return Err(value(format!("{of}: allow_tls12"), why));
        }
        Ok(())
    }

    pub(crate) fn parsed_pins(&self, of: &str) -> Result<Vec<SpkiPin>, ConfigError> {
        let parsed =
            |p: &String| p.parse().map_err(|e| value(format!("{of}: pins"), format!("{p}: {e}")));
        self.pins.iter().map(parsed).collect()
    }

    /// What `trust` and the pins hold.
    pub(crate) fn read(
        &self,
        trust: &Path,
        of: &str,
    ) -> Result<(TrustRoots, Vec<SpkiPin>), ConfigError> {
        let roots = TrustRoots::from_pem_file(trust);
        let roots = roots.map_err(|e| value(format!("{of}: trust"), e))?;
        Ok((roots, self.parsed_pins(of)?))
    }
}

impl Config {
    /// How a receiver is dialled: with this certificate, the gateway's own, or without one.
    pub(crate) fn receiver_profile(
        &self,
        identity: Option<&ServerIdentity>,
        trust: &Path,
        tls: &PeerTls,
        of: &str,
    ) -> Result<ClientProfile, ConfigError> {
        let (roots, pins) = tls.read(trust, of)?;
        let policy = self.tls.policy(tls.versions());
        let profile = match identity {
            Some(identity) => ClientProfile::new(roots, identity),
            None => ClientProfile::without_certificate(roots),
        };
        Ok(profile.with_pins(pins).with_policy(policy))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DealerEntry, SiemSection, SinkSection};

    const SYSLOG: &str = "[[sink]]\nkind = 'syslog'\nname = 's'\naddress = 'a:1'\ntrust = 't'\n";
    const OTLP: &str = "[[sink]]\nkind = 'otlp'\nname = 's'\nurl = 'https://a/l'\ntrust = 't'\n";

    #[test]
    fn every_peer_has_the_same_settings_and_unknown_ones_are_refused() {
        let all = "server_name = 'n'\npins = ['p']\nallow_tls12 = true\n";
        for kind in [SYSLOG, OTLP] {
            let read = |more: &str| toml::from_str::<SiemSection>(&format!("{kind}{more}"));
            for (more, name, pins, tls12) in [("", "a", 0, false), (all, "n", 1, true)] {
                let tls = match read(more).unwrap().sink.remove(0) {
                    SinkSection::Syslog(s) => s.tls,
                    SinkSection::Otlp(s) => s.tls,
                    SinkSection::File(_) => unreachable!("not one of both"),
                };
                let found = (tls.name_to_verify("a"), tls.pins.len(), tls.allow_tls12);
                assert_eq!(found, (name, pins, tls12), "{kind}");
            }
            for wrong in ["servername = 'n'\n", "pins = 'p'\n", "allow_tls12 = 1\n"] {
                assert!(read(wrong).is_err(), "{kind}{wrong}");
            }
        }
        let dealer = |more: &str| {
            let text = format!("comp_id = 'N'\nname = 'N'\naddress = 'h:1'\n{more}");
            toml::from_str::<DealerEntry>(&text)
        };
        assert_eq!(dealer(all).unwrap().name_to_verify(), "n");
        assert_eq!(dealer("").unwrap().name_to_verify(), "h");
        assert!(dealer("trust = 't'\n").is_err());
    }
}
