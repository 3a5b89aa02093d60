//! The section `[checkpoint]`: how often the evidence is sealed with a signature, and who is given
//! that.

use super::{Config, ConfigError, ReceiveSection, value};
use hyper::Uri;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use signet_identity::host_and_optional_port;
use signet_tlog::witness::CALL;
use std::path::{Path, PathBuf};

/// Second parties that one gateway may have.
const PUBLISH_MAX: usize = 16;
/// What addresses of a gateway that takes checkpoints begin with.
pub(crate) const RECEIVER_PATH: &str = "/checkpoints/";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointSection {
    /// A checkpoint after so many records,
    pub every_records: u64,
    /// or after so long when there is any new record.
    pub every_seconds: u32,
    /// Folders, which are best on another machine, and `https://` addresses.
    pub publish: Vec<String>,
    /// CA certificates of the servers at `https://` addresses.
    pub trust: Option<PathBuf>,
    /// Evidence that does not lead to the last checkpoint.
    pub on_rewritten: OnRewritten,
    /// Checkpoints of other gateways, for which this one is the second party.
    pub receive: Option<ReceiveSection>,
}

/// What a start does with evidence that does not lead to the last checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnRewritten {
    /// The gateway does not start, and says what differs.
    #[default]
    Stop,
    /// It is written down, and the gateway starts.
    Accept,
}

impl Default for CheckpointSection {
    fn default() -> Self {
        Self {
            every_records: 1_024,
            every_seconds: 60,
            publish: Vec::new(),
            trust: None,
            on_rewritten: OnRewritten::Stop,
            receive: None,
        }
    }
}

impl CheckpointSection {
    /// Relative folders are relative to the configuration file.
    pub(super) fn rebase(&mut self, base: &Path) {
        for p in self.publish.iter_mut().filter(|p| !is_url(p)) {
            *p = base.join(&*p).to_string_lossy().into_owned();
        }
        if let Some(t) = &mut self.trust {
            *t = base.join(&*t);
        }
        if let Some(r) = &mut self.receive {
            r.rebase(base);
        }
    }
}

/// Where an HTTPS server is: `https://HOST[:PORT]/PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Without a slash at its end.
    pub(crate) path: String,
}

impl Address {
    /// `None`: not such an address.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let plain = uri.scheme_str() == Some("https") && uri.query().is_none();
        let authority = uri.authority().filter(|_| plain)?;
        let (host, port) = host_and_optional_port(authority.as_str()).ok()?;
        ServerName::try_from(host).ok()?;
        let path = uri.path().trim_end_matches('/').into();
        Some(Self { host: host.into(), port: port.unwrap_or(443), path })
    }
}

/// Whether an entry of `publish` is an address; else it is a folder.
fn is_url(text: &str) -> bool {
    text.contains("://")
}

impl Config {
    pub(crate) fn check_checkpoint(&self) -> Result<(), ConfigError> {
        let c = &self.checkpoint;
        if !(1..=1_000_000).contains(&c.every_records) {
            return Err(value("checkpoint.every_records", "1 to 1000000"));
        }
        if !(1..=86_400).contains(&c.every_seconds) {
            return Err(value("checkpoint.every_seconds", "1 to 86400"));
        }
        if c.publish.len() > PUBLISH_MAX {
            return Err(value("checkpoint.publish", format!("at most {PUBLISH_MAX}")));
        }
        for p in c.publish.iter().filter(|p| is_url(p)) {
            check_address(p)?;
            if c.trust.is_none() {
                let why = "names no CA certificates for the https addresses in checkpoint.publish";
                return Err(value("checkpoint.trust", why));
            }
        }
        c.receive.as_ref().map_or(Ok(()), |r| r.check(&self.gateway))
    }

    /// The authorities of gateways whose checkpoints are taken.
    pub(crate) fn check_checkpoint_files(&self) -> Result<(), ConfigError> {
        self.checkpoint.receive.as_ref().map_or(Ok(()), |r| r.roots().map(drop))
    }
}

/// An address of `publish`. The one that a gateway had before it was a witness leads nowhere now.
fn check_address(p: &str) -> Result<(), ConfigError> {
    let address = Address::read(p)
        .ok_or_else(|| value("checkpoint.publish", format!("{p}: https://HOST[:PORT]/PATH")))?;
    if address.path.starts_with(RECEIVER_PATH) && !address.path.ends_with(CALL) {
        let cure = "a gateway takes them at https://HOST:PORT/checkpoints/COMPID/add-checkpoint";
        return Err(value("checkpoint.publish", format!("{p}: {cure}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_address_of_a_gateway_is_refused_with_the_present_one() {
        for (text, want) in [
            ("https://h/checkpoints/GW1/add-checkpoint", true),
            ("https://h/checkpoints/GW1/add-checkpoint/", true),
            ("https://h/checkpoints/GW1", false),
            ("https://h:9450/checkpoints/GW1/", false),
            ("https://h/checkpoints/bank.example/GW1/evidence", false),
            ("https://h/bucket/checkpoints/GW1", true),
            ("https://h/checkpoints", true),
            ("http://h/gw1", false),
        ] {
            let checked = check_address(text).map_err(|e| e.to_string());
            assert_eq!(checked.is_ok(), want, "{text}");
            if let Err(words) = checked {
                let old_form = text.starts_with("https:");
                assert_eq!(words.contains("COMPID/add-checkpoint"), old_form, "{words}");
            }
        }
    }

    #[test]
    fn table_of_addresses() {
        for (text, want) in [
            ("https://witness.example/gw1/", Some(("witness.example", 443, "/gw1"))),
            ("https://witness.example:8443", Some(("witness.example", 8443, ""))),
            ("https://[2001:db8::1]:8443/a/b", Some(("2001:db8::1", 8443, "/a/b"))),
            ("http://witness.example/", None),
            ("https://witness.example/?a=b", None),
            ("https:///gw1", None),
            ("https://witness.example:65536/", None),
            ("https://[witness.example]/", None),
            ("https://[[2001:db8::1]:8443/", None),
            ("/mnt/witness", None),
        ] {
            let read = Address::read(text);
            let read = read.as_ref().map(|a| (a.host.as_str(), a.port, a.path.as_str()));
            assert_eq!(read, want, "{text}");
        }
    }
}
