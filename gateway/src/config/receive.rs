//! The section `[checkpoint.receive]`: the gateway as second party of other gateways, which send it
//! their checkpoints.

use super::{ConfigError, GatewaySection, value};
use serde::Deserialize;
use signet_identity::{CompId, TrustRoots, is_trust_domain};
use signet_tlog::note::{NoteError, VerifierKey};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

/// Gateways whose checkpoints one gateway takes.
const PEERS_MAX: usize = 64;
/// Longer than gateways that have nothing new are silent: a quiet log is signed again every ten
/// minutes, and a publisher whose second party lost what it had waits ten more.
const SILENCE_MINUTES: RangeInclusive<u32> = 25..=10_080;
/// As of all CompIDs in the configuration.
const NAME_LEN_MAX: usize = 24;

/// The listener, and who may send to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiveSection {
    /// Where other gateways connect.
    pub listen: SocketAddr,
    /// CA certificates that their certificates must chain to.
    pub trust: PathBuf,
    /// Where their checkpoints are kept; `received` in the state directory when left out.
    pub folder: Option<PathBuf>,
    /// A gateway of which nothing was taken for so long is an event. Gateways send their newest
    /// checkpoint once more every ten minutes.
    #[serde(default = "default_silence")]
    pub max_silence_minutes: u32,
    /// At least one.
    pub peer: Vec<ReceivePeer>,
}

fn default_silence() -> u32 {
    60
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceivePeer {
    /// As its certificate states it. Its part of the address and the name of its folder.
    pub comp_id: CompId,
    /// What `signet-gateway journal key` prints there. Its name is the origin line of the log.
    pub key: String,
    /// As its certificate states it; that of this gateway when left out.
    pub trust_domain: Option<String>,
}

impl ReceiveSection {
    /// Relative paths are relative to the configuration file.
    pub(super) fn rebase(&mut self, base: &Path) {
        for path in [Some(&mut self.trust), self.folder.as_mut()].into_iter().flatten() {
            *path = base.join(&*path);
        }
    }

    /// Where checkpoints are kept.
    pub(crate) fn folder(&self, state_dir: &Path) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| state_dir.join("received"))
    }

    /// How long a gateway may be silent.
    pub(crate) fn max_silence(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.max_silence_minutes))
    }

    /// What `trust` holds.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificates.
    pub(crate) fn roots(&self) -> Result<TrustRoots, ConfigError> {
        let key = "checkpoint.receive.trust";
        TrustRoots::from_pem_file(&self.trust)
            .map_err(|e| ConfigError::Trust { key, why: e.to_string() })
    }

    pub(super) fn check(&self, own: &GatewaySection) -> Result<(), ConfigError> {
        if self.peer.is_empty() || self.peer.len() > PEERS_MAX {
            return Err(value("checkpoint.receive.peer", format!("1 to {PEERS_MAX} gateways")));
        }
        if !SILENCE_MINUTES.contains(&self.max_silence_minutes) {
            return Err(value("checkpoint.receive.max_silence_minutes", "25 to 10080"));
        }
        let (mut names, mut origins) = (BTreeSet::new(), BTreeSet::new());
        for p in &self.peer {
            p.check(own)?;
            // There are file systems on which capitals make no other name.
            if !names.insert(p.comp_id.as_str().to_ascii_lowercase()) {
                return Err(value(p.of("comp_id"), "is there twice, but for capitals"));
            }
            let key = p.verifier()?;
            if !origins.insert(key.name().to_owned()) {
                return Err(value(p.of("key"), format!("the log {} is there twice", key.name())));
            }
        }
        Ok(())
    }
}

impl ReceivePeer {
    /// The key, with the log's origin as its name.
    ///
    /// # Errors
    /// It is not the key of a signed note, or was copied wrongly.
    pub(crate) fn verifier(&self) -> Result<VerifierKey, ConfigError> {
        self.key.parse().map_err(|e: NoteError| value(self.of("key"), e))
    }

    /// One of its settings, for errors.
    fn of(&self, setting: &str) -> String {
        format!("checkpoint.receive.peer {}: {setting}", self.comp_id)
    }

    fn check(&self, own: &GatewaySection) -> Result<(), ConfigError> {
        let id = self.comp_id.as_str();
        // It names a folder.
        if id.parse::<CompId>().is_err() || id.len() > NAME_LEN_MAX || id.contains('.') {
            let why = format!("at most {NAME_LEN_MAX} of A to Z, a to z, 0 to 9, _ and -");
            return Err(value(self.of("comp_id"), why));
        }
        let domain = self.trust_domain.as_deref().unwrap_or(&own.trust_domain);
        if !is_trust_domain(domain) {
            return Err(value(self.of("trust_domain"), "is not a trust domain"));
        }
        if (id, domain) == (own.comp_id.as_str(), own.trust_domain.as_str()) {
            let why = "is this gateway, which cannot be its own second party";
            return Err(value(self.of("comp_id"), why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_tlog::note::SignerKey;
    use zeroize::Zeroizing;

    fn own() -> GatewaySection {
        GatewaySection {
            name: "Bank".into(),
            comp_id: "SIGNET".parse().unwrap(),
            state_dir: "/var/lib/signet".into(),
            instruments: "instruments.toml".into(),
            trust_domain: "bank.example".into(),
            signature_threads: 0,
            connection_threads: 0,
        }
    }

    fn key(origin: &str) -> String {
        SignerKey::new(origin, &Zeroizing::new([9; 32])).unwrap().verifier().to_string()
    }

    fn read(text: &str) -> Result<ReceiveSection, String> {
        let mut section: ReceiveSection =
            toml::from_str(text).map_err(|e: toml::de::Error| e.message().to_owned())?;
        section.check(&own()).map_err(|e| e.to_string())?;
        section.rebase(Path::new("/etc/signet"));
        Ok(section)
    }

    #[test]
    fn what_is_wrong_is_named() {
        let head = "listen = '127.0.0.1:0'\ntrust = 't'\n";
        let peer = |id: &str, origin: &str| {
            format!("[[peer]]\ncomp_id = '{id}'\nkey = '{}'\n", key(origin))
        };
        let (one, two) = (peer("GW1", "bank/GW1/evidence"), peer("GW2", "bank/GW2/evidence"));
        let both = format!("{head}{one}{two}");
        let section = read(&both).unwrap();
        assert_eq!(section.max_silence(), Duration::from_secs(3_600));
        let silent = |minutes: u32| format!("max_silence_minutes = {minutes}\n{both}");
        for (minutes, good) in [(0, false), (24, false), (25, true), (10_080, true)] {
            assert_eq!(read(&silent(minutes)).is_ok(), good, "{minutes}");
        }
        assert!(read(&silent(10_081)).unwrap_err().contains("25 to 10080"));
        assert_eq!(section.peer[1].verifier().unwrap().name(), "bank/GW2/evidence");
        assert_eq!(section.trust, Path::new("/etc/signet/t"));
        assert_eq!(section.folder(Path::new("/s")), Path::new("/s/received"));
        let elsewhere = read(&format!("folder = 'f'\n{both}")).unwrap();
        assert_eq!(elsewhere.folder(Path::new("/s")), Path::new("/etc/signet/f"));
        // The same name in another firm is another gateway.
        let other_firm = peer("SIGNET", "other/SIGNET/evidence");
        assert!(read(&format!("{head}{other_firm}trust_domain = 'other.example'\n")).is_ok());
        for (text, why) in [
            (head.to_owned(), "missing field `peer`"),
            (format!("{head}peer = []\n"), "1 to 64"),
            (format!("{both}colour = 1\n"), "unknown field `colour`"),
            (format!("colour = 1\n{both}"), "unknown field `colour`"),
            (both.replace("'GW2'", "'gw1'"), "there twice, but for capitals"),
            (format!("{head}{one}{}", peer("GW2", "bank/GW1/evidence")), "is there twice"),
            (both.replace("+", "-"), "not a key of a signed note"),
            (format!("{head}{}", peer("..", "bank/GW1/evidence")), "at most 24"),
            (format!("{head}{}", peer("GW/1", "bank/GW1/evidence")), "at most 24"),
            (format!("{head}{}", peer(&"G".repeat(25), "bank/GW1/evidence")), "at most 24"),
            (format!("{head}{}", peer("SIGNET", "bank/SIGNET/evidence")), "is this gateway"),
            (format!("{both}trust_domain = 'Bank'\n"), "is not a trust domain"),
        ] {
            let e = read(&text).err().unwrap_or_default();
            assert!(e.contains(why), "{text}: {e:?}");
        }
    }

    /// The section is a comment in the example, and a section all the same.
    #[test]
    fn the_example_has_a_section_that_is_one() {
        let example = include_str!("../../signet-gateway.example.toml");
        let lines = example.lines().skip_while(|l| !l.starts_with("#[checkpoint.receive]"));
        let section: String = lines
            .take_while(|l| l.starts_with('#'))
            .map(|l| format!("{}\n", l.strip_prefix('#').unwrap_or(l)))
            .collect();
        let table: toml::Table = section.parse().unwrap();
        let section = table["checkpoint"]["receive"].clone().try_into::<ReceiveSection>().unwrap();
        assert!(section.folder.is_some(), "every key is shown");
        assert!(section.peer.iter().any(|p| p.trust_domain.is_some()), "every key is shown");
        section.check(&own()).unwrap();
    }
}
