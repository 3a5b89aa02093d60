//! The section `[admin]`: where administrators connect, and what keeps the listeners apart.

use super::{Config, ConfigError, ConsoleSection, certificates, value};
use serde::Deserialize;
use signet_identity::CertificateFacts;
use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSection {
    pub listen: SocketAddr,
    /// CA certificates that administrators' certificates must chain to, and nobody else's.
    pub trust: PathBuf,
    /// As for desks, for administrators' certificates.
    #[serde(default)]
    pub crl: Vec<PathBuf>,
    #[serde(default)]
    pub crl_required: Option<bool>,
    /// Certificate policies (OIDs) by which the administrators' authority marks keys that cannot
    /// leave their hardware.
    #[serde(default)]
    pub hardware_policies: Vec<String>,
    /// What a change of the risk policy or the entitlements takes.
    #[serde(default)]
    pub policy_changes: PolicyChange,
    /// The web console.
    pub console: Option<ConsoleSection>,
}

/// What a change of a policy takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyChange {
    /// Other files in their place.
    #[default]
    Files,
    /// An administrator who prepares it and another one who approves it; files change nothing.
    TwoPeople,
}

impl AdminSection {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let console = self.console.iter_mut().flat_map(ConsoleSection::paths);
        [&mut self.trust].into_iter().chain(&mut self.crl).chain(console)
    }
}

impl Config {
    /// Whether files alone change no policy.
    pub fn two_people(&self) -> bool {
        self.admin.as_ref().is_some_and(|a| a.policy_changes == PolicyChange::TwoPeople)
    }

    /// No two listeners share an address.
    pub(crate) fn check_listeners(&self) -> Result<(), ConfigError> {
        let enrolment = self.enrolment.as_ref().map(|e| ("enrolment.listen", e.listen));
        let admin = self.admin.as_ref().map(|a| ("admin.listen", a.listen));
        let console = self.console().map(|c| ("admin.console.listen", c.listen));
        let signals = self.signals.receive.as_ref().map(|s| ("signals.listen", s.listen));
        let received = self.checkpoint.receive.as_ref();
        let received = received.map(|r| ("checkpoint.receive.listen", r.listen));
        let all: Vec<_> = [("desks.listen", self.desks.listen)]
            .into_iter()
            .chain(enrolment)
            .chain(admin)
            .chain(console)
            .chain(self.metrics.as_ref().map(|m| ("metrics.listen", m.listen)))
            .chain(signals)
            .chain(received)
            .collect();
        for (i, (key, address)) in all.iter().enumerate() {
            if let Some((other, _)) = all.iter().take(i).find(|(_, o)| overlap(*o, *address)) {
                return Err(value(
                    *key,
                    format!("{address} is {other} too; each listener has an address of its own"),
                ));
            }
        }
        let is_oid = |p: &String| signet_identity::policy_extension(p).is_some();
        match self.admin.iter().flat_map(|a| &a.hardware_policies).find(|p| !is_oid(p)) {
            Some(p) => {
                Err(value("admin.hardware_policies", format!("{p:?} is not an object identifier")))
            }
            None => Ok(()),
        }
    }

    /// Every file of authorities that is trusted or issued with, by its setting.
    pub(crate) fn authorities(&self) -> Vec<(String, PathBuf)> {
        let mut all = vec![
            ("desks.trust".to_owned(), self.desks.trust.clone()),
            ("dealers.trust".to_owned(), self.dealers.trust.clone()),
        ];
        let sections = [
            ("admin.trust", self.admin.as_ref().map(|a| &a.trust)),
            ("metrics.trust", self.metrics.as_ref().and_then(|m| m.trust.as_ref())),
            ("signals.trust", self.signals.receive.as_ref().and_then(|s| s.trust.as_ref())),
            ("checkpoint.trust", self.checkpoint.trust.as_ref()),
            ("checkpoint.receive.trust", self.checkpoint.receive.as_ref().map(|r| &r.trust)),
        ];
        all.extend(sections.into_iter().filter_map(|(k, path)| Some((k.into(), path?.clone()))));
        let receivers = self.signals.transmit.iter();
        all.extend(receivers.map(|t| (format!("{}: trust", t.of()), t.trust.clone())));
        let providers = self.signals.receive.iter().flat_map(|s| &s.providers);
        let servers = providers.filter_map(|p| Some((p.key("jwks_trust"), p.jwks_trust.clone()?)));
        all.extend(servers);
        all.extend(self.siem.iter().flat_map(|s| &s.sink).filter_map(|s| {
            let (name, trust) = s.authority()?;
            Some((format!("siem.sink {name}: trust"), trust.to_owned()))
        }));
        all
    }

    /// Desks, dealers and administrators have authorities of their own: whoever can have a
    /// certificate of one kind issued could otherwise have one of another. The same key in another
    /// certificate is the same authority. Enrolment uses the desks' by design: a renewal is asked
    /// for with the certificate of a desk.
    pub(crate) fn check_authorities(&self) -> Result<(), ConfigError> {
        let trust = self.signals.receive.as_ref().and_then(|s| s.trust.as_ref());
        let signals = trust.map(|path| ("signals.trust", path));
        let received = self.checkpoint.receive.as_ref();
        let received = received.map(|r| ("checkpoint.receive.trust", &r.trust));
        let mut seen: Vec<(&str, CertificateFacts)> = Vec::new();
        let admin = self.admin.as_ref().map(|a| ("admin.trust", &a.trust));
        let metrics =
            self.metrics.as_ref().and_then(|m| Some(("metrics.trust", m.trust.as_ref()?)));
        for (key, path) in
            [("desks.trust", &self.desks.trust), ("dealers.trust", &self.dealers.trust)]
                .into_iter()
                .chain(admin)
                .chain(metrics)
                .chain(signals)
                .chain(received)
        {
            for c in certificates(path).map_err(|why| value(key, why))? {
                let facts = CertificateFacts::from_certificate(&c).map_err(|e| value(key, e))?;
                let other =
                    seen.iter().find(|(k, f)| *k != key && f.spki_sha256 == facts.spki_sha256);
                if let Some((other, _)) = other {
                    let why = format!(
                        "the authority {} is in {other} too; each role has authorities of its own",
                        facts.subject
                    );
                    return Err(value(key, why));
                }
                seen.push((key, facts));
            }
        }
        Ok(())
    }
}

/// Whether both cannot be listened on, or would be one. Port 0 is any that is free.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let same_ip = a.ip().to_canonical() == b.ip().to_canonical()
        || a.ip().is_unspecified()
        || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && same_ip
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn table_of_addresses() {
        for (a, b, want) in [
            ("127.0.0.1:9443", "127.0.0.1:9443", true),
            ("127.0.0.1:9443", "127.0.0.1:9444", false),
            ("127.0.0.1:9443", "127.0.0.2:9443", false),
            ("0.0.0.0:9443", "127.0.0.2:9443", true),
            ("127.0.0.1:9443", "[::]:9443", true),
            ("127.0.0.1:9443", "[::ffff:127.0.0.1]:9443", true),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            assert_eq!(overlap(a.parse().unwrap(), b.parse().unwrap()), want, "{a} {b}");
            assert_eq!(overlap(b.parse().unwrap(), a.parse().unwrap()), want, "{b} {a}");
        }
    }
}
