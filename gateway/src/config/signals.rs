//! `[signals]`: where the firm's identity providers say what became of its people and devices.

use super::{Config, ConfigError, PeerTls, https_target, value};
use serde::Deserialize;
use signet_identity::{is_device_name, is_user_id};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
};

/// Entries of one table.
const TABLE_MAX: usize = 100_000;
/// Identity providers of one gateway.
const PROVIDERS_MAX: usize = 16;
const NAME_LEN_MAX: usize = 32;

/// The listener, and who may push to it.
#[derive(Debug, Clone)]
pub struct SignalsSection {
    pub listen: SocketAddr,
    /// CA certificates that a provider's client certificate must chain to, and nobody else's.
    pub trust: Option<PathBuf>,
    /// At least one.
    pub providers: Vec<ProviderSection>,
}

/// One identity provider: an entry of `[[signals.provider]]`, or `[signals]` itself when there is
/// only one, which then has no name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSection {
    /// Its part of the address: it pushes to `/signals/NAME`, without a name to `/signals`.
    #[serde(default)]
    pub name: String,
    /// `iss` of the provider's tokens, exactly.
    pub issuer: String,
    /// This receiver's name in `aud`, exactly.
    pub audience: String,
    /// The provider's public keys, a JWK Set; read again when it changes.
    pub keys: Option<PathBuf>,
    /// Where the provider publishes them instead: `https://HOST[:PORT]/PATH`.
    pub jwks_url: Option<String>,
    /// CA certificates that the server of `jwks_url` must chain to.
    pub jwks_trust: Option<PathBuf>,
    /// How often they are fetched, seconds.
    #[serde(default = "default_jwks_refresh")]
    pub jwks_refresh_seconds: u32,
    /// Shortest time between two attempts, whatever key a token names, seconds.
    #[serde(default = "default_jwks_pause")]
    pub jwks_pause_seconds: u32,
    /// Keys that were fetched longer ago verify nothing, seconds.
    #[serde(default = "default_jwks_age")]
    pub jwks_max_age_seconds: u32,
    /// What the provider sends as `Authorization: Bearer`, at least 32 characters.
    pub bearer_file: Option<PathBuf>,
    /// A token that was issued longer ago is refused.
    #[serde(default = "default_age")]
    pub max_age_seconds: u32,
    /// How far the provider's clock may be ahead.
    #[serde(default = "default_skew")]
    pub max_skew_seconds: u32,
    /// Whether a revoked session also keeps the person out, until an administrator lifts it.
    #[serde(default)]
    pub hold_logons: bool,
    /// Addresses of this domain name users by what is before the @.
    pub email_domain: Option<String>,
    /// Whether `sub` and opaque ids are user ids.
    #[serde(default)]
    pub subject_is_user_id: bool,
    /// Users by what the provider calls them: an address, a `sub` or an opaque id.
    #[serde(default)]
    pub users: UserTable,
    /// Devices, as the registry names them, by what the provider calls them.
    #[serde(default)]
    pub devices: BTreeMap<String, String>,
}

/// Users by what a provider calls them. Addresses are the same in capitals; a `sub` and an opaque
/// id are not (RFC 9493).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct UserTable {
    exact: BTreeMap<String, String>,
    /// Those with an @, their ASCII letters in lower case.
    addresses: BTreeMap<String, String>,
}

impl TryFrom<BTreeMap<String, String>> for UserTable {
    type Error = String;

    fn try_from(exact: BTreeMap<String, String>) -> Result<Self, String> {
        let mut addresses = BTreeMap::new();
        for (name, user) in exact.iter().filter(|(name, _)| name.contains('@')) {
            if addresses.insert(name.to_ascii_lowercase(), user.clone()).is_some() {
                return Err(format!("users: {name:?} is there twice, but for capitals"));
            }
        }
        Ok(Self { exact, addresses })
    }
}

impl UserTable {
    /// Of an address whose ASCII letters are in lower case.
    pub fn of_address(&self, address: &str) -> Option<&String> {
        self.addresses.get(address)
    }

    /// Of a `sub` or an opaque id.
    pub fn of_id(&self, id: &str) -> Option<&String> {
        self.exact.get(id)
    }
}

fn default_age() -> u32 {
    300
}

fn default_skew() -> u32 {
    30
}

fn default_jwks_refresh() -> u32 {
    3_600
}

fn default_jwks_pause() -> u32 {
    60
}

fn default_jwks_age() -> u32 {
    86_400
}

/// The form with a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    listen: SocketAddr,
    trust: Option<PathBuf>,
    provider: Vec<ProviderSection>,
}

/// The form with one provider: what is not of the listener is the provider's.
#[derive(Deserialize)]
struct Listener {
    listen: SocketAddr,
    trust: Option<PathBuf>,
}

impl SignalsSection {
    /// Either form.
    pub(super) fn read(mut table: toml::Table) -> Result<Self, toml::de::Error> {
        if table.contains_key("provider") {
            let Listed { listen, trust, provider } = table.try_into()?;
            return Ok(Self { listen, trust, providers: provider });
        }
        let Listener { listen, trust } = table.clone().try_into()?;
        table.remove("listen");
        table.remove("trust");
        Ok(Self { listen, trust, providers: vec![table.try_into()?] })
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.trust.iter_mut().chain(self.providers.iter_mut().flat_map(ProviderSection::paths))
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.providers.is_empty() || self.providers.len() > PROVIDERS_MAX {
            return Err(value("signals.provider", format!("1 to {PROVIDERS_MAX} providers")));
        }
        let several = self.providers.len() > 1;
        let (mut names, mut issuers) = (BTreeSet::new(), BTreeSet::new());
        for p in &self.providers {
            let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if p.name.len() > NAME_LEN_MAX || !p.name.chars().all(known) {
                let why = format!("{:?}: at most {NAME_LEN_MAX} of a to z, 0 to 9 and -", p.name);
                return Err(value("signals.provider: name", why));
            }
            if several && p.name.is_empty() {
                return Err(value("signals.provider: name", "each of several needs one"));
            }
            if !names.insert(&p.name) {
                return Err(value(
                    "signals.provider: name",
                    format!("{:?} is there twice", p.name),
                ));
            }
            if !issuers.insert(&p.issuer) {
                let why = format!("{:?} is there twice", p.issuer);
                return Err(value("signals.provider: issuer", why));
            }
            // Certificates of one authority do not tell two providers apart.
            let anybody = p.bearer_file.is_none() && (self.trust.is_none() || several);
            if anybody {
                let why = match several {
                    true => "each of several providers needs one: it tells them apart",
                    false => "set it, or trust, or both: anybody could send tokens otherwise",
                };
                return Err(value(p.key("bearer_file"), why));
            }
            p.check()?;
        }
        Ok(())
    }
}

impl ProviderSection {
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.keys.iter_mut().chain(&mut self.jwks_trust).chain(&mut self.bearer_file)
    }

    /// One of its settings, for errors.
    pub(crate) fn key(&self, setting: &str) -> String {
        match self.name.as_str() {
            "" => format!("signals.{setting}"),
            name => format!("signals.provider {name}: {setting}"),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let key = |setting: &str| self.key(setting);
        for (setting, text) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if text.trim().is_empty() || text.len() > 256 {
                return Err(value(key(setting), "1 to 256 characters"));
            }
        }
        self.check_keys()?;
        if !(10..=86_400).contains(&self.max_age_seconds) {
            return Err(value(key("max_age_seconds"), "10 to 86400"));
        }
        if self.max_skew_seconds > 600 {
            return Err(value(key("max_skew_seconds"), "0 to 600"));
        }
        if self.users.exact.len() > TABLE_MAX || self.devices.len() > TABLE_MAX {
            return Err(value(key("users"), format!("at most {TABLE_MAX} in each table")));
        }
        if let Some(u) = self.users.exact.values().find(|u| !is_user_id(u)) {
            return Err(value(key("users"), format!("{u:?} is not a user id")));
        }
        if let Some(d) = self.devices.values().find(|d| !is_device_name(d)) {
            return Err(value(key("devices"), format!("{d:?} is not the name of a device")));
        }
        if self.email_domain.is_none() && !self.subject_is_user_id && self.users.exact.is_empty() {
            let why = "set it, or subject_is_user_id, or users: no token would name anybody";
            return Err(value(key("email_domain"), why));
        }
        Ok(())
    }

    fn check_keys(&self) -> Result<(), ConfigError> {
        let key = |setting: &str| self.key(setting);
        let Some(url) = &self.jwks_url else {
            return match (&self.keys, &self.jwks_trust) {
                (None, _) => Err(value(key("keys"), "set it, or jwks_url")),
                (_, Some(_)) => Err(value(key("jwks_trust"), "is for jwks_url, which is not set")),
                _ => Ok(()),
            };
        };
        if self.keys.is_some() {
            return Err(value(key("keys"), "set it, or jwks_url, and not both"));
        }
        if https_target(url).is_none() {
            return Err(value(key("jwks_url"), "must be https://HOST[:PORT]/PATH without a query"));
        }
        if self.jwks_trust.is_none() {
            let why = "the CA certificates that the server of jwks_url must chain to";
            return Err(value(key("jwks_trust"), why));
        }
        let (pause, refresh) = (self.jwks_pause_seconds, self.jwks_refresh_seconds);
        if !(5..=3_600).contains(&pause) {
            return Err(value(key("jwks_pause_seconds"), "5 to 3600"));
        }
        if !(pause..=86_400).contains(&refresh) {
            return Err(value(key("jwks_refresh_seconds"), "jwks_pause_seconds to 86400"));
        }
        if !(refresh..=30 * 86_400).contains(&self.jwks_max_age_seconds) {
            return Err(value(key("jwks_max_age_seconds"), "jwks_refresh_seconds to 2592000"));
        }
        Ok(())
    }
}

impl Config {
    pub(crate) fn check_signals(&self) -> Result<(), ConfigError> {
        let Some(s) = &self.signals.receive else { return Ok(()) };
        if self.registry.is_none() {
            return Err(value("signals", "needs [registry], which knows the people"));
        }
        s.check()
    }

    /// The files that say which servers of keys are believed.
    pub(crate) fn check_signals_files(&self) -> Result<(), ConfigError> {
        let providers = self.signals.receive.iter().flat_map(|s| &s.providers);
        for p in providers {
            if let Some(trust) = &p.jwks_trust {
                PeerTls::default().read(trust, &p.key("jwks_trust")).map(drop)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "listen = '127.0.0.1:0'\nissuer = 'i'\naudience = 'a'\nkeys = 'k'\n\
        bearer_file = 'b'\nsubject_is_user_id = true\n";

    fn entry(more: &str) -> String {
        format!("[[provider]]\naudience = 'a'\nsubject_is_user_id = true\n{more}")
    }

    fn read(text: &str) -> Result<SignalsSection, String> {
        let table = toml::from_str(text).unwrap();
        let section = SignalsSection::read(table).map_err(|e| e.message().to_owned())?;
        section.check().map_err(|e| e.to_string())?;
        Ok(section)
    }

    #[test]
    fn one_provider_is_written_as_before_and_several_as_a_list() {
        let one = read(ONE).unwrap();
        assert_eq!((one.providers.len(), one.providers[0].name.as_str()), (1, ""));
        let listen = "listen = '127.0.0.1:0'\n";
        let a = entry("name = 'okta'\nissuer = 'i1'\nkeys = 'k'\nbearer_file = 'b'\n");
        let b = entry(
            "name = 'entra'\nissuer = 'i2'\njwks_url = 'https://h/k'\njwks_trust = 't'\n\
                bearer_file = 'c'\n",
        );
        let two = read(&format!("{listen}{a}{b}")).unwrap();
        let names: Vec<_> = two.providers.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["okta", "entra"]);
        let without = |text: &str, part: &str| {
            assert!(text.contains(part), "{part}");
            text.replace(part, "")
        };
        let both = format!("{listen}{a}{b}");
        for (text, why) in [
            (without(ONE, "keys = 'k'\n"), "set it, or jwks_url"),
            (without(ONE, "bearer_file = 'b'\n"), "anybody could send tokens"),
            (format!("{ONE}colour = 1\n"), "unknown field `colour`"),
            (format!("{ONE}jwks_trust = 't'\n"), "jwks_url, which is not set"),
            (format!("{ONE}jwks_url = 'https://h/k'\n"), "and not both"),
            (format!("{ONE}users = {{ 'A@b' = 'al', 'a@B' = 'al' }}\n"), "there twice, but for"),
            (format!("{ONE}users = {{ 'A@b' = 'a b' }}\n"), "is not a user id"),
            (format!("{listen}provider = []\n"), "1 to 16"),
            (format!("{listen}issuer = 'i'\n{a}"), "unknown field `issuer`"),
            (without(&both, "name = 'okta'\n"), "each of several needs one"),
            (both.replace("'entra'", "'okta'"), "\"okta\" is there twice"),
            (both.replace("'i2'", "'i1'"), "\"i1\" is there twice"),
            (both.replace("'entra'", "'En/tra'"), "a to z"),
            (format!("trust = 't'\n{}", without(&both, "bearer_file = 'c'\n")), "tells them apart"),
            (both.replace("https://h/k", "http://h/k"), "must be https"),
            (without(&both, "jwks_trust = 't'\n"), "must chain to"),
            (format!("{both}jwks_pause_seconds = 4\n"), "5 to 3600"),
            (format!("{both}jwks_refresh_seconds = 59\n"), "jwks_pause_seconds to"),
            (format!("{both}jwks_max_age_seconds = 3599\n"), "jwks_refresh_seconds to"),
        ] {
            let e = read(&text).err().unwrap_or_default();
            assert!(e.contains(why), "{text}: {e:?}");
        }
        assert_eq!(read(&both).unwrap().providers.len(), 2);
    }
}
