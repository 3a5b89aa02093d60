//! `[signals.transmit]`: which receivers of the firm are told what became of its people here.

use super::{Config, ConfigError, PeerTls, SignalsSection, https_target, value};
use serde::{Deserialize, Deserializer, de::Error as _};
use signet_identity::is_user_id;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// People of the table.
const TABLE_MAX: usize = 100_000;

/// `[signals]`: each direction by itself, or both.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// What is received; `None` when only `[signals.transmit]` is there.
    pub receive: Option<SignalsSection>,
    /// The receivers of signals: the entries of `[[signals.transmit]]`, or the one of
    /// `[signals.transmit]`, which has no name.
    pub transmit: Vec<TransmitSection>,
}

impl<'de> Deserialize<'de> for Signals {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut table = toml::Table::deserialize(d)?;
        let transmit = table.remove("transmit");
        let one =
            |t: toml::Value| t.try_into().map_err(|e| D::Error::custom(format!("transmit: {e}")));
        let transmit: Vec<TransmitSection> = match transmit {
            None => Vec::new(),
            Some(toml::Value::Array(all)) => all.into_iter().map(one).collect::<Result<_, _>>()?,
            Some(t) => vec![one(t)?],
        };
        if table.is_empty() && !transmit.is_empty() {
            return Ok(Self { receive: None, transmit });
        }
        let receive = SignalsSection::read(table).map_err(D::Error::custom)?;
        Ok(Self { receive: Some(receive), transmit })
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransmitSection {
    /// Tells it from the others; its queue is in a folder of this name.
    #[serde(default)]
    pub name: String,
    /// `https://HOST[:PORT]/PATH` where tokens are pushed to.
    pub url: String,
    /// `iss` of the tokens.
    pub issuer: String,
    /// `aud` of the tokens: the receiver, as it names itself.
    pub audience: String,
    /// CA certificates that the receiver's certificate must chain to.
    pub trust: PathBuf,
    #[serde(flatten)]
    pub tls: PeerTls,
    /// A file with a bearer token, read each time.
    pub token_file: Option<PathBuf>,
    /// Whether the gateway's certificate is shown. Left out: when there is no token.
    pub client_certificate: Option<bool>,
    /// Private key in PKCS#8, PEM: P-256 or Ed25519. Left out: one in the state directory, made at
    /// the first start.
    pub key: Option<PathBuf>,
    /// People are `user@domain`.
    pub email_domain: Option<String>,
    /// People are `iss_sub` with the user id as `sub`.
    #[serde(default)]
    pub subject_is_user_id: bool,
    /// What the receiver calls people: an address, or a `sub`.
    #[serde(default)]
    pub users: BTreeMap<String, String>,
    /// Most that waits on disk, MiB; the oldest goes when there is more.
    #[serde(default = "default_queue")]
    pub queue_mb: u32,
    /// How long a person must have been trusted more before that is told.
    #[serde(default = "default_settle")]
    pub settle_seconds: u32,
    /// With it every start sends a verification event, about this stream.
    pub verification_stream: Option<String>,
}

fn default_queue() -> u32 {
    16
}

fn default_settle() -> u32 {
    60
}

/// Its name in errors.
pub(crate) const TRANSMIT: &str = "signals.transmit";

/// Receivers of one gateway.
const RECEIVERS_MAX: usize = 8;
const NAME_LEN_MAX: usize = 32;

impl TransmitSection {
    /// Its section in errors.
    pub(crate) fn of(&self) -> String {
        match self.name.as_str() {
            "" => TRANSMIT.to_owned(),
            name => format!("{TRANSMIT} {name}"),
        }
    }

    /// Whether the gateway's certificate is shown: a receiver that knows another authority's only
    /// would refuse the connection.
    pub(crate) fn shows_certificate(&self) -> bool {
        self.client_certificate.unwrap_or(self.token_file.is_none())
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.trust].into_iter().chain(&mut self.token_file).chain(&mut self.key)
    }
}

impl Config {
    pub(crate) fn check_transmit(&self) -> Result<(), ConfigError> {
        let all = &self.signals.transmit;
        if !all.is_empty() && self.registry.is_none() {
            return Err(value(TRANSMIT, "needs [registry], which knows the people"));
        }
        if all.len() > RECEIVERS_MAX {
            return Err(value(TRANSMIT, format!("at most {RECEIVERS_MAX} receivers")));
        }
        let mut names = BTreeSet::new();
        for s in all {
            let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let (fits, plain) = (s.name.len() <= NAME_LEN_MAX, s.name.chars().all(known));
            if !fits || !plain || (s.name.is_empty() && all.len() > 1) {
                let why = format!("{:?}: 1 to {NAME_LEN_MAX} of a to z, 0 to 9 and -", s.name);
                return Err(value(format!("{TRANSMIT}: name"), why));
            }
            if !names.insert(&s.name) {
                let why = format!("{:?} is there twice", s.name);
                return Err(value(format!("{TRANSMIT}: name"), why));
            }
            self.check_receiver(s)?;
        }
        Ok(())
    }

    fn check_receiver(&self, s: &TransmitSection) -> Result<(), ConfigError> {
        let of = s.of();
        let key = |name: &str| format!("{of}: {name}");
        if https_target(&s.url).is_none() {
            return Err(value(key("url"), "must be https://HOST[:PORT]/PATH without a query"));
        }
        for (name, text) in [("issuer", &s.issuer), ("audience", &s.audience)] {
            if text.trim().is_empty() || text.len() > 256 {
                return Err(value(key(name), "1 to 256 characters"));
            }
        }
        s.tls.check(&self.tls, &of)?;
        if !s.shows_certificate() && s.token_file.is_none() {
            let why = "the receiver could not tell who sends; set token_file, or leave this out";
            return Err(value(key("client_certificate"), why));
        }
        if !(1..=1_024).contains(&s.queue_mb) {
            return Err(value(key("queue_mb"), "1 to 1024"));
        }
        if s.settle_seconds > 86_400 {
            return Err(value(key("settle_seconds"), "0 to 86400"));
        }
        if s.users.len() > TABLE_MAX {
            return Err(value(key("users"), format!("at most {TABLE_MAX}")));
        }
        if let Some(u) = s.users.keys().find(|u| !is_user_id(u)) {
            return Err(value(key("users"), format!("{u:?} is not a user id")));
        }
        let named = |n: &String| (1..=256).contains(&n.chars().count());
        if let Some(n) = s.users.values().chain(&s.verification_stream).find(|n| !named(n)) {
            return Err(value(key("users"), format!("{n:?}: 1 to 256 characters")));
        }
        if s.email_domain.is_none() && !s.subject_is_user_id && s.users.is_empty() {
            let why = "set it, or subject_is_user_id, or users: no token could name anybody";
            return Err(value(key("email_domain"), why));
        }
        Ok(())
    }

    /// The files that the section names.
    pub(crate) fn check_transmit_files(&self) -> Result<(), ConfigError> {
        let mut sections = self.signals.transmit.iter();
        sections.try_for_each(|s| s.tls.read(&s.trust, &s.of()).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVE: &str = "listen = '127.0.0.1:0'\nissuer = 'i'\naudience = 'a'\nkeys = 'k'\n";
    const TRANSMIT: &str =
        "[transmit]\nurl = 'https://h/p'\nissuer = 'i'\naudience = 'a'\ntrust = 't'\n";

    #[test]
    fn each_direction_may_be_there_alone_and_unknown_settings_are_refused() {
        for (text, receive, transmit) in [
            (RECEIVE.to_owned(), true, false),
            (TRANSMIT.to_owned(), false, true),
            (format!("{RECEIVE}{TRANSMIT}"), true, true),
            (format!("{TRANSMIT}server_name = 'n'\npins = []\n"), false, true),
        ] {
            let s: Signals = toml::from_str(&text).unwrap();
            assert_eq!((s.receive.is_some(), s.transmit.len() == 1), (receive, transmit), "{text}");
        }
        let list = TRANSMIT.replace("[transmit]\n", "[[transmit]]\nname = 'soc'\n");
        let two: Signals =
            toml::from_str(&format!("{list}{}", list.replace("soc", "idp"))).unwrap();
        let names: Vec<_> = two.transmit.iter().map(|t| t.of()).collect();
        assert_eq!(names, ["signals.transmit soc", "signals.transmit idp"]);
        for (text, why) in [
            (String::new(), "missing field `listen`"),
            ("listen = '127.0.0.1:0'\n".to_owned(), "missing field `issuer`"),
            (format!("{RECEIVE}colour = 1\n"), "unknown field `colour`"),
            (format!("{TRANSMIT}colour = 1\n"), "unknown field `colour`"),
            ("[transmit]\nissuer = 'i'\n".to_owned(), "transmit: missing field `url`"),
        ] {
            let e = toml::from_str::<Signals>(&text).unwrap_err().to_string();
            assert!(e.contains(why), "{text}: {e}");
        }
    }
}
