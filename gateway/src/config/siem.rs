//! The section `[siem]`: where events go, and what happens while nobody takes them.

use super::{Config, ConfigError, PeerTls, value};
use serde::Deserialize;
use signet_identity::{host_and_optional_port, host_and_port};
use std::{collections::BTreeSet, path::PathBuf};

/// Receivers that one gateway may have.
const SINKS_MAX: usize = 8;

/// The section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiemSection {
    /// What happens when the spool is full or cannot be written.
    #[serde(default)]
    pub when_full: WhenFull,
    /// Most that waits on disk, MiB.
    #[serde(default = "default_spool_mb")]
    pub spool_mb: u32,
    /// Who receives the events; each has a place of its own in the spool.
    #[serde(default)]
    pub sink: Vec<SinkSection>,
}

fn default_spool_mb() -> u32 {
    256
}

/// What happens when events cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// New business of desks is refused: nothing happens that nobody would hear of.
    #[default]
    Refuse,
    /// The oldest events are dropped, and counted.
    DropOldest,
}

/// One receiver.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SinkSection {
    /// Syslog (RFC 5424) over TLS (RFC 5425).
    Syslog(SyslogSection),
    /// OpenTelemetry logs over HTTPS (OTLP/HTTP, protobuf).
    Otlp(OtlpSection),
    /// JSON lines in a file.
    File(FileSection),
}

/// A syslog receiver.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSection {
    /// Names its cursor on disk.
    pub name: String,
    /// `host:port`.
    pub address: String,
    /// CA certificates that the receiver's certificate must chain to.
    pub trust: PathBuf,
    #[serde(flatten)]
    pub tls: PeerTls,
    /// What PRI says.
    #[serde(default)]
    pub facility: Facility,
}

/// Facility of syslog (RFC 5424, table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are those of syslog")]
pub enum Facility {
    #[default]
    Authpriv = 10,
    Local0 = 16,
    Local1 = 17,
    Local2 = 18,
    Local3 = 19,
    Local4 = 20,
    Local5 = 21,
    Local6 = 22,
    Local7 = 23,
}

/// An OpenTelemetry collector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpSection {
    /// Names its cursor on disk.
    pub name: String,
    /// `https://host[:port]/v1/logs`.
    pub url: String,
    /// CA certificates that the receiver's certificate must chain to.
    pub trust: PathBuf,
    #[serde(flatten)]
    pub tls: PeerTls,
    /// A file with a bearer token, readable by the gateway only.
    pub token_file: Option<PathBuf>,
}

/// A file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSection {
    /// Names its cursor on disk.
    pub name: String,
    /// The newest lines; older ones are in `PATH.1`, `PATH.2` and so on.
    pub path: PathBuf,
    /// The file is put aside at this size, MiB.
    #[serde(default = "default_rotate_mb")]
    pub rotate_mb: u32,
    /// How many older files are kept.
    #[serde(default = "default_keep")]
    pub keep: u32,
}

fn default_rotate_mb() -> u32 {
    64
}

fn default_keep() -> u32 {
    8
}

impl SiemSection {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.sink.iter_mut().flat_map(|s| match s {
            SinkSection::Syslog(s) => vec![&mut s.trust],
            SinkSection::Otlp(o) => {
                [Some(&mut o.trust), o.token_file.as_mut()].into_iter().flatten().collect()
            }
            SinkSection::File(f) => vec![&mut f.path],
        })
    }
}

impl SinkSection {
    /// The name of its cursor.
    pub fn name(&self) -> &str {
        match self {
            Self::Syslog(s) => &s.name,
            Self::Otlp(s) => &s.name,
            Self::File(s) => &s.name,
        }
    }

    /// Its name and the file of the authorities it must chain to, where it is dialled.
    pub(crate) fn authority(&self) -> Option<(&str, &std::path::Path)> {
        match self {
            Self::Syslog(s) => Some((&s.name, &s.trust)),
            Self::Otlp(s) => Some((&s.name, &s.trust)),
            Self::File(_) => None,
        }
    }

    /// Its section, for errors.
    fn of(&self) -> String {
        Self::section(self.name())
    }

    /// The same by its name.
    pub(crate) fn section(name: &str) -> String {
        format!("siem.sink {name}")
    }

    /// Everything about it that one can tell without the network.
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let key = |k: &str| format!("{}: {k}", self.of());
        match self {
            Self::Syslog(s) => {
                host_and_port(&s.address).map_err(|why| value(key("address"), why))?;
                s.tls.check(&config.tls, &self.of())
            }
            Self::Otlp(s) => {
                https_target(&s.url).ok_or_else(|| {
                    value(key("url"), "must be https://HOST[:PORT]/PATH without a query")
                })?;
                s.tls.check(&config.tls, &self.of())
            }
            Self::File(s) => {
                if !(1..=4_096).contains(&s.rotate_mb) {
                    return Err(value(key("rotate_mb"), "1 to 4096"));
                }
                if !(1..=1_000).contains(&s.keep) {
                    return Err(value(key("keep"), "1 to 1000"));
                }
                Ok(())
            }
        }
    }
}

impl SinkSection {
    /// The files and pins it names.
    fn check_files(&self) -> Result<(), ConfigError> {
        let (trust, tls) = match self {
            Self::Syslog(s) => (&s.trust, &s.tls),
            Self::Otlp(s) => (&s.trust, &s.tls),
            Self::File(_) => return Ok(()),
        };
        tls.read(trust, &self.of()).map(drop)
    }
}

/// Host, port and path of `https://HOST[:PORT]/PATH`.
pub(crate) fn https_target(url: &str) -> Option<(String, u16, String)> {
    let uri: hyper::Uri = url.parse().ok()?;
    // Not `Uri::port`, which takes a number that is too large for none.
    let (host, port) = host_and_optional_port(uri.authority()?.as_str()).ok()?;
    (uri.scheme_str() == Some("https") && uri.query().is_none())
        .then(|| (host.to_owned(), port.unwrap_or(443), uri.path().to_owned()))
}

impl Config {
    /// What the section says.
    pub(crate) fn check_siem(&self) -> Result<(), ConfigError> {
        let Some(siem) = &self.siem else { return Ok(()) };
        if !(1..=65_536).contains(&siem.spool_mb) {
            return Err(value("siem.spool_mb", "1 to 65536"));
        }
        if siem.sink.is_empty() || siem.sink.len() > SINKS_MAX {
            let why = format!("1 to {SINKS_MAX} receivers; without one leave out [siem]");
            return Err(value("siem.sink", why));
        }
        let (mut names, mut files) = (BTreeSet::new(), BTreeSet::new());
        for sink in &siem.sink {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
            let name = sink.name();
            if name.is_empty() || name.len() > 32 || !name.chars().all(plain) {
                return Err(value("siem.sink", format!("{name:?}: 1 to 32 of A-Z a-z 0-9 _ -")));
            }
            if !names.insert(name) {
                return Err(value("siem.sink", format!("{name} is used twice")));
            }
            if let SinkSection::File(f) = sink
                && !files.insert(&f.path)
            {
                // Each would write all events there, and put the other one's file aside.
                return Err(value(
                    format!("{}: path", sink.of()),
                    "another receiver has this file",
                ));
            }
            sink.check(self)?;
        }
        Ok(())
    }

    /// The files that the section names.
    pub(crate) fn check_siem_files(&self) -> Result<(), ConfigError> {
        self.siem.iter().flat_map(|s| &s.sink).try_for_each(SinkSection::check_files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_server_means_one_host_and_one_port() {
        let at = |host: &str, port| Some((host.to_owned(), port, "/v1/logs".to_owned()));
        for (authority, want) in [
            ("otlp.bank.example", at("otlp.bank.example", 443)),
            ("otlp.bank.example:4318", at("otlp.bank.example", 4318)),
            ("[2001:db8::1]", at("2001:db8::1", 443)),
            ("[2001:db8::1]:4318", at("2001:db8::1", 4318)),
            ("[[2001:db8::1]:4318", None),
            ("[2001:db8::1:4318", None),
            ("2001:db8::1", None),
            ("[otlp.bank.example]", None),
            ("otlp.bank.example:0", None),
            ("otlp.bank.example:65536", None),
            ("user:password@otlp.bank.example", None),
        ] {
            assert_eq!(https_target(&format!("https://{authority}/v1/logs")), want, "{authority}");
        }
        for other in ["http://otlp.bank.example/v1/logs", "https://otlp.bank.example/v1/logs?a=b"] {
            assert_eq!(https_target(other), None, "{other}");
        }
    }
}
